"""What trainings of models of sound have in common: settings, and what their ``Trainable`` needs.

Knows how ``train.audio`` runs; does not know codecs or models of codes. Light to import.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cantilena.errors import InputError
from cantilena.systems.trainable import Collate, Recipe, Settings

if TYPE_CHECKING:
    import torch

    from cantilena.models.audio.codec.base import Codec

SETTINGS = Settings(
    steps=5_000,
    batch=8,
    rate=1e-3,
    warmup=100,
    decay=0.3,
    clip=1.0,
    valid_every=250,
    save_minutes=5.0,
    log_every=50,
)
"""Of a run on a CPU; recipes set steps and what suits their optimiser."""


class SoundTraining:
    """Base of the ``Trainable`` of models of sound, whose batches are drawn for a step."""

    system: ClassVar[str]
    driver: ClassVar[str] = "audio"

    def check(self, recipe: Recipe) -> None:
        """Raises InputError for settings that ``train.audio`` has no use for."""
        settings = recipe.settings
        if settings.steps is None or settings.notes is not None:
            raise InputError(f"a run of {self.system!r} ends after steps or minutes, not notes")
        for name, usual in (("accumulate", 1), ("workers", 0)):
            if getattr(settings, name) != usual:
                raise InputError(
                    f"a run of {self.system!r} takes batches whole, in one process: {name} must be "
                    f"{usual}"
                )
        if not settings.clip:
            raise InputError("a clip of 0 takes all of the gradients; 1 is usual")

    def check_models(self, recipe: Recipe) -> None:
        """Nothing trained before is begun with."""

    def collators(self, recipe: Recipe, model: Any, tokenizer: Any) -> tuple[Collate, Collate]:
        """There are none. Raises NotImplementedError."""
        raise NotImplementedError("batches of sound are drawn whole, not collated")

    def sampler(self, model: Any, tokenizer: Any) -> None:
        """None: what is trained composes nothing by itself."""


def adamw(
    settings: Settings, matrices: Sequence[torch.nn.Parameter], others: Sequence[torch.nn.Parameter]
) -> torch.optim.AdamW:
    """AdamW at the rate, decay and beta2 of the settings, which lets ``matrices`` alone decay."""
    import torch

    groups = [
        {"params": list(matrices), "weight_decay": settings.weight_decay},
        {"params": list(others), "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.rate, betas=(0.9, settings.beta2))


def blocks_decay(
    settings: Settings, named: Iterable[tuple[str, torch.nn.Parameter]]
) -> torch.optim.AdamW:
    """``adamw`` of named weights, of which matrices in blocks alone decay: in modules whose names
    end with "blocks"."""
    matrices, others = [], []
    for name, weight in named:
        inside = any(part.endswith("blocks") for part in name.split("."))
        (matrices if inside and weight.ndim == 2 else others).append(weight)
    return adamw(settings, matrices, others)


def trained_on(card: Mapping[str, Any]) -> tuple[Any, Codec]:
    """The options of the run that a checkpoint's ``card`` describes, and the codec in their
    ``codec_folder``. Raises as ``load_codec``."""
    from cantilena.models.audio.codec.files import load_codec

    options = Recipe.from_dict(card["training"]).options
    return options, load_codec(options.codec_folder, "cpu")
