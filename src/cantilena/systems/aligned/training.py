"""Training adapters of function alignment on a note model: options, recipe, loss, checkpoint.

Knows what the adapters are trained by; does not know how windows are cut (``examples``) or how a
run goes (``train.audio.loop``, which takes them as it takes models of sound). Light to import:
torch comes when it trains.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cantilena.errors import InputError
from cantilena.systems.trainable import Checked, Collate, Recipe, Settings, option

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cantilena.models.step_aligned import AlignedSteps

ALIGNED = "aligned"
CROSS, SELF = "cross", "self"
"""The published kinds of adapter: FA_cross and FA_self."""
QUICK_RATE = 20.0
"""Learning rate of the logarithms of the heads' widths, and of FA_self's gates, in multiples of the
others'."""


@dataclass(frozen=True)
class AlignedOptions(Checked):
    """``task``: which stream is written beside which; ``adapter``: how the reference is read;
    ``base``: a folder of the note system, "" for the shipped one; sizes of the adapters, ``rank``
    of "self", the other three of "cross"; ``length`` and ``reference_length`` of a window in
    steps, and its ``bars``; ``chords``: share of the windows whose target is told its chords;
    ``valid_windows`` of the validation."""

    task: str = option("all-to-drums", "which stream is written beside which")
    adapter: str = option(CROSS, "how the reference is read", choices=(CROSS, SELF))
    base: str = option("", "the note model that is frozen")
    rank: int = option(64, "of the updates of queries and values", least=1)
    skip: int = option(2, "every how many layers the reference is read", least=1)
    inner: int = option(256, "width of the adapters' attention", least=2)
    heads: int = option(8, "of the adapters' attention", least=1)
    length: int = option(192, "steps of a target", least=8)
    reference_length: int = option(320, "steps of a reference", least=8)
    bars: int = option(16, "bars of a window", least=1)
    chords: float = option(0.0, "share of the windows that are told chords", least=0, most=1)
    valid_windows: int = option(48, "windows of the validation", least=1, free=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.inner % (2 * self.heads):
            raise InputError(f"an inner width of {self.inner} does not divide into {self.heads}")


def aligned_recipe() -> Recipe:
    """A recipe for a CPU: some ten minutes of a core."""
    settings = Settings(
        steps=500,
        batch=4,
        rate=1e-3,
        warmup=20,
        decay=0.5,
        weight_decay=0.01,
        beta2=0.98,
        clip=1.0,
        seed=1,
        valid_every=250,
        save_minutes=5.0,
        log_every=25,
    )
    return Recipe(ALIGNED, settings, AlignedOptions())


class AlignedTraining:
    """The ``Trainable`` of the system ``aligned``."""

    system: ClassVar[str] = ALIGNED
    driver: ClassVar[str] = "audio"
    Options: ClassVar[Any] = AlignedOptions
    drawn = ("bits", "true")

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """As ``Trainable.recipes``."""
        return {ALIGNED: aligned_recipe}

    def check(self, recipe: Recipe) -> None:
        """Raises InputError for a budget that is not of steps, accumulated batches, and a batch of
        one window."""
        if recipe.settings.steps is None or recipe.settings.accumulate != 1:
            raise InputError("a run of adapters needs a number of steps, and takes batches whole")
        if recipe.settings.batch < 2:
            raise InputError("a batch has 2 windows or more, which lend one another references")

    def check_models(self, recipe: Recipe) -> None:
        """The base is opened when the model is built."""

    def build(self, recipe: Recipe) -> tuple[AlignedSteps, None]:
        """The base with fresh adapters, which change nothing yet. Raises CheckpointError."""
        from cantilena.models.step_aligned import CrossConfig, CrossSteps
        from cantilena.models.step_self import SelfConfig, SelfSteps
        from cantilena.systems.aligned.base import open_base
        from cantilena.systems.note.torch_engine import load_network

        options = recipe.options
        network = load_network(open_base(options.base or None))
        if options.adapter == SELF:
            return SelfSteps(network, SelfConfig(options.rank)), None
        return CrossSteps(network, CrossConfig(options.skip, options.inner, options.heads)), None

    def collators(self, recipe: Recipe, model: Any, tokenizer: Any) -> tuple[Collate, Collate]:
        """Batches come as arrays from ``examples``."""
        raise NotImplementedError("windows come as batches")

    def loss(
        self, model: AlignedSteps, batch: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Nats per note of the targets beside their references; and "bits", the same in bits."""
        from cantilena.systems.aligned.examples import sides_of

        reference, target = sides_of(dict(batch))
        total, notes = nats(model, target, model.read(_long(reference)))
        return total / notes, {"bits": (total / notes / math.log(2)).detach()}

    def held_out(self, model: AlignedSteps, batch: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """(2,) bits and number of notes beside the "true" reference, "another's" of the batch, and
        "none"."""
        import torch

        from cantilena.systems.aligned.examples import rolled, sides_of

        reference, target = sides_of(dict(batch))
        reference = _long(reference)
        out = {}
        for name, read in (
            ("true", model.read(reference)),
            ("another's", model.read(rolled(reference))),
            ("none", None),
        ):
            total, notes = nats(model, target, read)
            out[name] = torch.stack([total / math.log(2), notes])
        return out

    def optimisers(self, model: AlignedSteps, recipe: Recipe) -> list[torch.optim.Optimizer]:
        """AdamW; widths and gates are learned ``QUICK_RATE`` times as fast and do not decay."""
        import torch

        settings = recipe.settings
        names = dict(model.named_parameters())
        rest = [p for n, p in names.items() if not n.endswith(model.quick)]
        quick = [p for n, p in names.items() if n.endswith(model.quick)]
        groups = [
            {"params": rest, "share": 1.0, "weight_decay": settings.weight_decay},
            {"params": quick, "share": QUICK_RATE, "weight_decay": 0.0},
        ]
        return [torch.optim.AdamW(groups, lr=settings.rate, betas=(0.9, settings.beta2))]

    def sampler(self, model: Any, tokenizer: Any) -> None:
        """None: pieces are composed with the checkpoint."""

    def save(
        self,
        folder: Path,
        model: AlignedSteps,
        state: Mapping[str, Any],
        companion: Any,
        card: Mapping[str, Any],
    ) -> Path:
        """Writes the adapters' checkpoint, which names its base by hash."""
        from cantilena.systems.aligned.base import base_entry, open_base

        options = card["training"]["options"]
        base = open_base(options["base"] or None)
        more = {**card, "model": {"task": options["task"]}, "scheme": dict(base.card["scheme"])}
        return model.save(folder, base_entry(base), more).folder


def nats(
    model: AlignedSteps, target: Mapping[str, Tensor], reference: Any
) -> tuple[Tensor, Tensor]:
    """The nats of all fields of a batch of targets, and its number of notes; a REST is no note, and
    its onset counts among the nats of the note behind it."""
    target = _long(target)
    mask = target["mask"]
    loss = (model(target, reference).float() * mask).sum()
    return loss, mask[..., 1].sum()


def _long(side: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors of a side, small whole numbers as int64, which tables are indexed by."""
    return {
        k: v if v.is_floating_point() or v.dtype.is_signed is False else v.long()
        for k, v in side.items()
        if hasattr(v, "is_floating_point")
    }
