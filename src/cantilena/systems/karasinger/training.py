"""Training KaraSinger's language model: the recipe, its loss, and the checkpoint that comes of it.

Knows what such a model is trained by; does not know how codes are made of sound or how a run goes
(``train.audio``). Light to import: torch comes when it trains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cantilena.systems.karasinger.options import SYSTEM, KaraOptions
from cantilena.systems.karasinger.sizes import config_of
from cantilena.systems.sound import SETTINGS, SoundTraining, adamw, trained_on
from cantilena.systems.trainable import Recipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cantilena.models.audio.karasinger import KaraLM

STOP = 0.1
"""What the loss of where a clip ends counts beside the codes'."""
LEVELS = ("top", "middle", "bottom", "fourth", "fifth", "sixth")
"""Names of the codec's levels."""


def kara_recipe() -> Recipe:
    """The recipe for a CPU."""
    settings = replace(
        SETTINGS, batch=16, rate=2e-3, decay=0.4, weight_decay=0.01, beta2=0.98, valid_every=200
    )
    return Recipe(SYSTEM, settings, KaraOptions())


class KaraTraining(SoundTraining):
    """The ``Trainable`` of KaraSinger."""

    system: ClassVar[str] = SYSTEM
    Options: ClassVar[Any] = KaraOptions

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """As ``Trainable.recipes``."""
        return {SYSTEM: kara_recipe}

    def build(self, recipe: Recipe) -> tuple[KaraLM, None]:
        """The model with random weights."""
        from cantilena.models.audio.karasinger import KaraLM

        model: Any = KaraLM(config_of(recipe.options))
        model.rates = recipe.options.rates
        return model, None

    def loss(self, model: KaraLM, batch: Mapping[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean nats of a code, and a share of the nats of where clips end."""
        from torch.nn import functional as F

        from cantilena.models.audio.karasinger import nats

        there, last = _there(batch)
        logits, stop, _ = model(batch["columns"], batch["phonemes"])
        by_code = nats(logits, batch["columns"], there)
        ends = F.binary_cross_entropy_with_logits(stop[there], last[there])
        logged = {"codes": by_code.mean(), "stop": ends, **_by_level(by_code, model)}
        return by_code.mean() + STOP * ends, {k: v.detach() for k, v in logged.items()}

    def held_out(self, model: KaraLM, batch: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """(2,) nats of codes and their number: by level and of all under a clip's own lyrics, under
        those of the batch's next example ("another's"), and under none ("nothing")."""
        from cantilena.models.audio.karasinger import nats

        there, _ = _there(batch)
        columns, own = batch["columns"], batch["phonemes"]
        nothing = own.new_full((len(own), 1), model.config.nothing)
        kinds = {"": own, ", another's": own.roll(1, 0), ", nothing": nothing}
        if len(own) < 2:
            del kinds[", another's"]
        out = {}
        for name, phonemes in kinds.items():
            by_code = nats(model(columns, phonemes)[0], columns, there)
            for level, value in {"codes": by_code.mean(), **_by_level(by_code, model)}.items():
                count = there.sum() * (len(by_code) if level == "codes" else 1)
                out[level + name] = value.new_tensor([float(value * count), float(count)])
        return out

    def optimisers(self, model: KaraLM, recipe: Recipe) -> list[torch.optim.Optimizer]:
        """AdamW, with decay for matrices that are no embeddings."""
        named = list(model.named_parameters())
        decayed = {n for n, p in named if p.ndim == 2 and "codes" not in n and "phonemes" not in n}
        matrices = [p for n, p in named if n in decayed]
        return [adamw(recipe.settings, matrices, [p for n, p in named if n not in decayed])]

    def save(
        self,
        folder: Path,
        model: KaraLM,
        state: Mapping[str, Any],
        companion: Any,
        card: Mapping[str, Any],
    ) -> Path:
        """Writes a checkpoint of the model's weights with its codec."""
        from cantilena.systems.karasinger.checkpoint import save_karasinger

        options, codec = trained_on(card)
        return save_karasinger(folder, model, codec, options, card).folder


def _there(batch: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """(B, S) bool: which columns are clips'; and float: 1 at the last of each."""
    import torch

    places = torch.arange(batch["columns"].shape[2], device=batch["columns"].device)
    frames = batch["frames"][:, None]
    return places < frames, (places == frames - 1).float()


def _by_level(by_code: Tensor, model: Any) -> dict[str, Tensor]:
    """The mean over each level's codes."""
    parts = by_code.split(list(model.rates))
    return {name: part.mean() for name, part in zip(LEVELS, parts, strict=False)}
