"""Training ``attributes``: options, recipes, the loss, and the checkpoint that comes of it.

Knows what such a model is trained by; does not know how windows are drawn (``examples``) or how a
run goes (``train.audio``). Light to import: torch comes when it trains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cantilena.errors import InputError
from cantilena.systems.trainable import Checked, Collate, Recipe, Settings, option

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cantilena.models.attribute_lm import AttributeLM

SYSTEM = "attributes"
CONTROLS = ("prefix", "embedding", "norm")
"""As ``models.attribute_lm`` has them, which needs torch."""


@dataclass(frozen=True)
class AttributeOptions(Checked):
    """Options of the training: the model's sizes, how it reads attributes (``control``), and the
    windows of music that it sees, of at most ``bars`` bars, ``longest`` words and ``parts``
    instruments."""

    width: int = option(192, "vectors", least=4)
    layers: int = option(4, "layers", least=1)
    heads: int = option(4, "of attention", least=1)
    inner: int = option(512, "within a layer", least=1)
    dropout: float = option(0.0, "share of values left out", least=0)
    control: str = option("prefix", "how attributes are read", choices=CONTROLS)
    longest: int = option(640, "words of a window", least=16)
    bars: int = option(16, "bars of a window", least=1)
    parts: int = option(0, "instruments of a window (0: any number)", least=0)


RECIPES: dict[str, dict[str, Any]] = {
    "attributes": {},
    "musecoco": {
        "width": 1024,
        "layers": 16,
        "heads": 12,
        "inner": 4096,
        "dropout": 0.1,
        "longest": 5120,
    },
    "musecoco-1billion": {
        "width": 2048,
        "layers": 24,
        "heads": 24,
        "inner": 8192,
        "dropout": 0.1,
        "longest": 5120,
    },
}
"""The options of each recipe: one for a CPU, and the two published sizes."""
_PUBLISHED = {"rate": 2e-4, "warmup": 16_000.0, "beta2": 0.98, "precision": "auto"}


def attribute_recipe(name: str) -> Recipe:
    """A recipe's settings; those of the published sizes are the paper's, but for a rate that falls
    along a cosine."""
    settings: dict[str, Any] = {
        "steps": 2_000,
        "batch": 8,
        "rate": 2e-3,
        "warmup": 60.0,
        "decay": 0.4,
        "weight_decay": 0.01,
        "beta2": 0.95,
        "valid_every": 500.0,
        "save_minutes": 2.0,
        "log_every": 20,
    }
    if name != "attributes":
        settings |= {**_PUBLISHED, "steps": 100_000, "decay": None}
    return Recipe(SYSTEM, Settings(**settings), AttributeOptions(**RECIPES[name]))


class AttributeTraining:
    """The ``Trainable`` of ``attributes``."""

    system: ClassVar[str] = SYSTEM
    driver: ClassVar[str] = "audio"
    Options: ClassVar[Any] = AttributeOptions
    drawn: ClassVar[tuple[str, ...]] = ("word", "music")

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """As ``Trainable.recipes``."""
        return {name: partial(attribute_recipe, name) for name in RECIPES}

    def check(self, recipe: Recipe) -> None:
        """Raises InputError for settings and options that do not go together."""
        options = recipe.options
        if recipe.settings.steps is None or recipe.settings.accumulate != 1:
            raise InputError("a run over attributes needs a number of steps; batches come whole")
        if options.width % 2 or options.width < options.heads:
            raise InputError(
                f"a width of {options.width} in {options.heads} heads cannot be: it is even, and "
                "each head has a number at least"
            )

    def check_models(self, recipe: Recipe) -> None:
        """Nothing is begun with."""

    def build(self, recipe: Recipe) -> tuple[AttributeLM, None]:
        """The model with random weights."""
        from cantilena.models.attribute_lm import AttributeConfig, AttributeLM
        from cantilena.tokens.remi import vocab

        options = recipe.options
        names = ("layers", "width", "heads", "inner", "dropout", "control")
        sizes = {name: getattr(options, name) for name in names}
        return AttributeLM(AttributeConfig(words=vocab.SIZE, **sizes)), None

    def collators(self, recipe: Recipe, model: Any, tokenizer: Any) -> tuple[Collate, Collate]:
        """Batches come whole from ``examples.Windows``."""
        raise NotImplementedError("windows are drawn, not collated")

    def loss(
        self, model: AttributeLM, batch: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean nats a word of music and the end."""
        nats, count = music_nats(model, batch["ids"])
        return nats / count, {"word": (nats / count).detach()}

    def held_out(self, model: AttributeLM, batch: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """(2,) nats of all words of music and their number ("music"), and the same behind the
        attributes of another window of the batch ("shuffled"): the difference is what attributes
        are worth."""
        import torch

        from cantilena.tokens.remi.vocab import PREFIX_WORDS

        ids, place = batch["ids"], 1 + PREFIX_WORDS  # of the separator
        others = torch.cat([ids[:, :1], ids[:, 1:place].roll(1, 0), ids[:, place:]], 1)
        return {
            "music": torch.stack(music_nats(model, ids)),
            "shuffled": torch.stack(music_nats(model, others)),
        }

    def optimisers(self, model: AttributeLM, recipe: Recipe) -> list[torch.optim.Optimizer]:
        """AdamW, with decay for matrices alone."""
        import torch

        settings = recipe.settings
        matrices = [p for p in model.trunk.parameters() if p.ndim == 2]
        others = [p for p in model.parameters() if all(p is not m for m in matrices)]
        groups = [
            {"params": matrices, "weight_decay": settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        return [torch.optim.AdamW(groups, lr=settings.rate, betas=(0.9, settings.beta2))]

    def sampler(self, model: Any, tokenizer: Any) -> None:
        """None: pieces are sampled from checkpoints."""

    def save(
        self,
        folder: Path,
        model: AttributeLM,
        state: Mapping[str, Any],
        companion: Any,
        card: Mapping[str, Any],
    ) -> Path:
        """Writes a checkpoint of the model's weights."""
        options = Recipe.from_dict(card["training"]).options
        window = {"longest": options.longest, "bars": options.bars, "parts": options.parts}
        return model.save(folder, {**card, "window": window})


def music_nats(model: AttributeLM, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Nats of all words behind the separator of whole sequences (B, T), and their number."""
    import torch.nn.functional as F

    from cantilena.models.attribute_lm import PAD

    read, condition = model.split(ids[:, :-1])
    place = model.separator_place(read)
    hidden, _ = model.hidden(read, condition=condition)
    logits = model.head(hidden[:, place:])
    targets = ids[:, -logits.shape[1] :]
    nats = F.cross_entropy(
        logits.flatten(0, 1).float(), targets.flatten(), ignore_index=PAD, reduction="sum"
    )
    return nats, (targets != PAD).sum().to(nats.dtype)
