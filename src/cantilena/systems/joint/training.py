"""Training joint embeddings: options, recipes, the loss, and the checkpoint that comes of it.

Knows what such a model is trained by; does not know how batches are drawn (``examples``) or how a
run goes (``train.audio``). Light to import: torch comes when it trains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cantilena.errors import InputError
from cantilena.systems.sound import SETTINGS, SoundTraining, adamw
from cantilena.systems.trainable import JOINT, Checked, Recipe, option

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cantilena.models.audio.joint import Joint, JointConfig


TOWERS = ("convolutions", "statistics")
LOSSES = ("clap", "mulan")
"""Those of ``models.audio.joint``, which is not light to import."""


@dataclass(frozen=True)
class JointOptions(Checked):
    """Options of a joint embedding's training.

    ``loss``: CLAP's or MuLan's; ``tower``: convolutions over crops, or statistics of whole clips;
    ``text_encoder``: "hashed", words whose table is learned, or a frozen text model as
    ``models.encoders`` names it; ``seconds`` of a crop; ``dim`` and the others: sizes as
    ``JointConfig`` has them; ``word_dropout``, ``speed`` and ``keys``: how pairs vary, as
    ``examples.Variety`` has it; ``books`` and ``card``: tokens of a vector and values of a
    token."""

    loss: str = option("clap", "what is minimised", choices=LOSSES)
    text_encoder: str = option("hashed", "what reads texts")
    seconds: float = option(8.0, "length of a crop", least=0.5)
    dim: int = option(128, "of the common space", least=2)
    width: int = option(128, "vectors of the tower of sound", least=2)
    layers: int = option(4, "blocks of it", least=1)
    buckets: int = option(4096, "hashed words", least=2)
    word_width: int = option(64, "of a hashed word's vector", least=2)
    hidden: int = option(256, "of the tower of texts", least=2)
    dropout: float = option(0.1, "share of values left out", least=0)
    tower: str = option("convolutions", "what reads sound", choices=TOWERS)
    profile: int = option(0, "values that pulse and harmony are read by; 0: not read", least=0)
    speed: float = option(0.0, "share by which tempi vary", least=0, most=1, free=True)
    keys: bool = option(False, "whether keys vary", free=True)
    word_dropout: float = option(0.1, "share of words left out", least=0, free=True)
    books: int = option(12, "tokens of a vector", least=1, free=True)
    card: int = option(256, "values of a token", least=2, free=True)
    bits: int = option(16, "of a weight of the checkpoint: 8, 16 or 32", free=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("dropout", "word_dropout"):
            if getattr(self, name) >= 1:
                raise InputError(f"{name} is a share below 1, not {getattr(self, name):g}")
        if self.bits not in (8, 16, 32):
            raise InputError(f"weights have 8, 16 or 32 bits, not {self.bits}")


_VARIED: dict[str, Any] = {"profile": 192, "speed": 0.25, "keys": True}
RECIPES: dict[str, dict[str, Any]] = {
    "joint-clap": _VARIED,
    "joint-mulan": {**_VARIED, "loss": "mulan"},
    "joint-statistics": {
        **_VARIED,
        "tower": "statistics",
        "profile": 0,
        "seconds": 10.0,
        "width": 512,
        "dropout": 0.3,
    },
}
"""The options of each recipe."""
BATCHES = {"joint-statistics": 256}
"""Pairs of a step, where a recipe has others than 64."""


def joint_recipe(name: str) -> Recipe:
    """A recipe for a CPU."""
    settings = replace(
        SETTINGS,
        steps=2_000,
        batch=BATCHES.get(name, 64),
        rate=2e-3,
        warmup=50,
        decay=0.6,
        weight_decay=0.02,
        beta2=0.98,
        valid_every=100,
        save_minutes=3.0,
        log_every=20,
    )
    return Recipe(JOINT, settings, JointOptions(**RECIPES[name]))


class JointTraining(SoundTraining):
    """The ``Trainable`` of joint embeddings."""

    system: ClassVar[str] = JOINT
    Options: ClassVar[Any] = JointOptions
    drawn: ClassVar[tuple[str, ...]] = ("nats",)
    """What ``cantilena plot`` draws."""

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """As ``Trainable.recipes``."""
        return {name: partial(joint_recipe, name) for name in RECIPES}

    def check(self, recipe: Recipe) -> None:
        """Raises InputError for settings and options that do not go together."""
        super().check(recipe)
        if recipe.settings.batch < 2:
            raise InputError("a joint embedding learns from pairs beside others: batches of 2 on")

    def encoder(self, recipe: Recipe) -> Any:
        """The frozen text encoder; None where words are hashed. Raises CheckpointError, InputError,
        MissingExtraError."""
        from cantilena.models.encoders import text_encoder

        name = recipe.options.text_encoder
        return None if name == "hashed" else text_encoder(name)

    def config(self, recipe: Recipe, encoder: Any) -> JointConfig:
        """The model's sizes."""
        from cantilena.models.audio.joint import JointConfig

        o, text_width = recipe.options, 0 if encoder is None else encoder.width
        sizes = (o.dim, o.width, o.layers, o.buckets, o.word_width, text_width, o.hidden)
        return JointConfig(*sizes, o.dropout, o.profile, o.tower)

    def build(self, recipe: Recipe) -> tuple[Joint, None]:
        """The model with random weights. Raises as ``encoder``."""
        from cantilena.models.audio.joint import Joint

        return Joint(self.config(recipe, self.encoder(recipe)), recipe.options.loss), None

    def loss(self, model: Joint, batch: Mapping[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch of pairs, and how many of them are nearest to each other."""
        audio = model.of_audio(batch["bands"], batch["profile"])
        text = model.of_text(batch["text"])
        loss = model.loss(audio, text, batch["same"])
        return loss, {"nats": loss.detach(), "first": _first(audio, text, batch["same"])}

    def held_out(self, model: Joint, batch: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """(2,) the loss and the pairs that are nearest to each other, times pairs, and
        their number."""
        import torch

        audio = model.of_audio(batch["bands"], batch["profile"])
        text = model.of_text(batch["text"])
        loss = model.loss(audio, text, batch["same"])
        count = audio.new_tensor(float(len(audio)))
        first = _first(audio, text, batch["same"])
        return {
            "nats": torch.stack([loss * count, count]),
            "first": torch.stack([first * count, count]),
        }

    def optimisers(self, model: Joint, recipe: Recipe) -> list[torch.optim.Optimizer]:
        """AdamW, with decay for matrices alone."""
        matrices = [p for p in model.parameters() if p.ndim >= 2]
        others = [p for p in model.parameters() if p.ndim < 2]
        return [adamw(recipe.settings, matrices, others)]

    def save(
        self,
        folder: Path,
        model: Joint,
        state: Mapping[str, Any],
        companion: Any,
        card: Mapping[str, Any],
    ) -> Path:
        """Writes a checkpoint of the model's weights, without books, which need clips."""
        from cantilena.systems.joint.checkpoint import save_joint

        options = Recipe.from_dict(card["training"]).options
        about = {"seconds": options.seconds, "text_encoder": options.text_encoder}
        return save_joint(folder, model.state_dict(), model.config, about, card, options.bits)


def _first(audio: Tensor, text: Tensor, same: Tensor) -> Tensor:
    """The share of sounds whose nearest text is their own or as good."""
    nearest = (audio @ text.T).argmax(1)
    return same.gather(1, nearest[:, None]).float().mean().detach()
