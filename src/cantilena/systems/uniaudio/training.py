"""Training UniAudio: recipes, the loss over all tasks, and the checkpoint that comes of it.

Knows what such a model is trained by; does not know how codes are made of sound, how batches are
drawn (``systems.uniaudio.examples``) or how a run goes (``train.audio``). Light to import: torch
comes when it trains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cantilena.errors import InputError
from cantilena.systems.sound import SETTINGS, SoundTraining, blocks_decay, trained_on
from cantilena.systems.trainable import Recipe
from cantilena.systems.uniaudio.options import SYSTEM, TASKS, UniOptions
from cantilena.systems.uniaudio.sizes import LOCAL_HEADS, config_of

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cantilena.models.audio.uniaudio import UniAudio

RECIPES: dict[str, dict[str, Any]] = {
    "uniaudio": {},
    "uniaudio-clips": {"tasks": "text,continue,edit,sound,transcribe"},
}
"""The options of each recipe: all tasks; those that need neither stems nor single notes."""


def uni_recipe(name: str) -> Recipe:
    """A recipe for a CPU."""
    settings = replace(SETTINGS, decay=0.4, weight_decay=0.05, beta2=0.98, valid_every=500)
    return Recipe(SYSTEM, settings, UniOptions(**RECIPES[name]))


class UniTraining(SoundTraining):
    """The ``Trainable`` of UniAudio."""

    system: ClassVar[str] = SYSTEM
    Options: ClassVar[Any] = UniOptions

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """As ``Trainable.recipes``."""
        return {name: partial(uni_recipe, name) for name in RECIPES}

    def check(self, recipe: Recipe) -> None:
        """Raises InputError for settings and options that do not go together."""
        super().check(recipe)
        options = recipe.options
        for width, heads in ((options.width, options.heads), (options.local_width, LOCAL_HEADS)):
            if width % heads or width % 2:
                raise InputError(f"a width of {width} does not divide into {heads} heads")

    def build(self, recipe: Recipe) -> tuple[UniAudio, None]:
        """The model with random weights."""
        from cantilena.models.audio.uniaudio import UniAudio

        return UniAudio(config_of(recipe.options)), None

    def loss(self, model: UniAudio, batch: Mapping[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean nats of a token of the targets, and the same by task."""
        from cantilena.systems.uniaudio.examples import TASK, prefixed

        parts = prefixed(batch, "")
        assert parts is not None
        sums, counts = _sums(model, *parts)
        logged = {"tokens": (sums.sum() / counts.sum()).detach()}
        return sums.sum() / counts.sum(), logged | _by_task(sums, counts, batch[TASK])

    def held_out(self, model: UniAudio, batch: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """(2,) nats of all tokens of a task's targets, and their number: with their own sources
        ("text"), with another example's ("text, another's"), with none."""
        from cantilena.systems.uniaudio.examples import NOTHING, OTHER, TASK, prefixed

        name, out = TASKS[int(batch[TASK][0])], {}
        for prefix, what in (("", ""), (OTHER, ", another's"), (NOTHING, ", none")):
            parts = prefixed(batch, prefix)
            if parts is not None:
                sums, counts = _sums(model, *parts)
                pair = sums.new_tensor([float(sums.sum()), float(counts.sum())])
                out[name + what] = pair
        return out

    def optimisers(self, model: UniAudio, recipe: Recipe) -> list[torch.optim.Optimizer]:
        """AdamW, with decay for matrices of the blocks alone."""
        return [blocks_decay(recipe.settings, model.named_parameters())]

    def save(
        self,
        folder: Path,
        model: UniAudio,
        state: Mapping[str, Any],
        companion: Any,
        card: Mapping[str, Any],
    ) -> Path:
        """Writes a checkpoint of the model's weights with its codec."""
        from cantilena.systems.uniaudio.checkpoint import save_uniaudio

        options, codec = trained_on(card)
        return save_uniaudio(folder, model, codec, options, card).folder


def _sums(model: UniAudio, patches: Tensor, when: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """(B,) nats of all tokens of each example's target, and (B,) how many there are: those that
    fill up a patch do not count."""
    nats = model.nats(patches, when, target)
    real = patches[:, 1:][target[:, 1:]] != 0
    row = target[:, 1:].nonzero()[:, 0]
    sums = nats.new_zeros(len(patches)).index_add(0, row, (nats * real).sum(1))
    counts = nats.new_zeros(len(patches)).index_add(0, row, real.sum(1).to(nats))
    return sums, counts


def _by_task(sums: Tensor, counts: Tensor, task: Tensor) -> dict[str, Tensor]:
    """The mean nats of a token by task."""
    return {
        TASKS[number]: (sums[task == number].sum() / counts[task == number].sum()).detach()
        for number in sorted(set(task.tolist()))
    }
