"""What the note model is validated on: the same windows at every call, and what they cost.

Knows windows, the conditions that are left out or exchanged in them, and the loss; does not know
runs or where songs come from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cantilena.systems.note.engine import Engine
from cantilena.systems.note.training import (
    ARRAYS,
    PLANNED,
    CropConfig,
    on_device,
    plan_of,
    stack,
)
from cantilena.tokens.note import FIELDS, NoteScheme
from cantilena.tokens.note.conditions import NOTHING
from cantilena.train.note.crops import FULL, Crops

if TYPE_CHECKING:
    from torch import nn

Batch = dict[str, np.ndarray]

UNCONDITIONED = replace(FULL, nothing=1.0)
VALID_CROPS = {"full": FULL, "none": UNCONDITIONED, "fresh": replace(FULL, fresh=1.0)}
"""What is validated: windows with all conditions, with none, and with all but nothing before them
(these again with another window's prefix, and with their own and another's text alone)."""


PLANNED_CROPS = {
    **VALID_CROPS,
    "planned": replace(FULL, plan=True),
    "fresh, planned": replace(FULL, plan=True, fresh=1.0),
}
"""The same for a model that reads a plan, and with all conditions and the plan."""


def fixed_batches(
    songs: Any, scheme: NoteScheme, crop: CropConfig, windows: int, batch: int, seed: int = 7
) -> list[Batch]:
    """The same windows at every call, whatever ``crop`` drops: drawn by ``seed`` from the songs."""
    crops = Crops(songs, scheme, crop)
    # a stream for each window: its song and start are drawn before anything that depends on drops
    examples = [crops.draw(np.random.default_rng([seed, i])) for i in range(windows)]
    return [stack(examples[i : i + batch]) for i in range(0, windows, batch)]


def bits(
    model: nn.Module, batches: Sequence[Batch], device: str = "cpu", precision: str = "auto"
) -> dict[str, Any]:
    """Bits per note of each field and in all, over batches; a REST's or END's bits count as onset
    bits of the notes there are."""
    import torch

    from cantilena.models.precision import mixed

    total, notes = torch.zeros(len(FIELDS), dtype=torch.float64), 0.0
    for batch in batches:
        names = [name for name in (*ARRAYS, *PLANNED) if name in batch]
        moved = on_device({name: batch[name] for name in names}, device)
        *inputs, mask = (moved[name] for name in ARRAYS)
        with torch.no_grad(), mixed(device, precision):
            nll = model(*inputs, plan_of(moved))
        total += (nll.float() * mask).sum((0, 1)).double().cpu()
        notes += float(mask[..., 1].sum())
    return figures((total / notes / np.log(2)).tolist(), notes)


def engine_bits(engine: Engine, batches: Sequence[Batch]) -> dict[str, Any]:
    """What ``bits`` gives, of a checkpoint as it composes: its trunk in 8 bits, without torch."""
    total, notes = np.zeros(len(FIELDS)), 0.0
    for batch in batches:
        mask = batch["mask"].reshape(-1, len(FIELDS))
        total += (step_nats(engine, batch) * mask).sum(0)
        notes += float(mask[:, 1].sum())
    return figures((total / notes / np.log(2)).tolist(), notes)


def step_nats(engine: Engine, batch: Batch) -> np.ndarray:
    """(B * T, K) negative log-likelihood in nats of every field of a batch's steps."""
    prefix, everywhere = engine.prefix(batch["scalars"], batch["slots"], batch["words"])
    x = engine.embed("state", batch["state"]) + everywhere[:, None]
    hidden = engine.session(len(x)).hidden(np.concatenate([prefix, x], axis=1))
    c = hidden[:, engine.n_prefix :].reshape(-1, hidden.shape[-1])
    fields = batch["fields"].reshape(len(c), -1)
    out = np.zeros(fields.shape)
    plan = _plan_of(engine, batch, len(c))
    if plan:
        c = c + engine.embed("plan.at_step", plan["at_step"])
    for k, head in enumerate(engine.heads):
        logits = head(c)
        if plan and k == 1 and engine.model.get("standings"):
            logits = logits + engine.standing(c, plan["standing"])
        top = logits.max(-1, keepdims=True)
        log_sum = np.log(np.exp(logits - top).sum(-1)) + top[:, 0]
        out[:, k] = log_sum - logits[np.arange(len(c)), fields[:, k]]
        if k < len(engine.chosen):
            c = c + engine.chosen[k][fields[:, k]]
        if k < 2:
            part = ("at_onset", "at_instrument")[k]
            c = c + engine.embed(part, batch[part]).reshape(c.shape)
            if plan:
                c = c + engine.embed(f"plan.{part}", plan[part])
    return out


def _plan_of(engine: Engine, batch: Batch, steps: int) -> dict[str, np.ndarray]:
    """The features of a plan that an engine reads of a batch, (steps, F) each; {} where it reads
    none, or the batch has none."""
    plan = plan_of(batch)
    if plan is None or not engine.model.get("plan"):
        return {}
    return {part: values.reshape(steps, -1) for part, values in plan.items()}


def figures(each: Sequence[float], notes: float) -> dict[str, Any]:
    """Bits per note of each field (5,) by name, their sum and the number of notes."""
    return {**dict(zip(FIELDS, each, strict=True)), "all": sum(each), "notes": int(notes)}


# ------------------------------------------------------------------ changed conditions


def _without(names: tuple[str, ...]) -> Callable[[list[Batch]], list[Batch]]:
    """Leaves out parts of the prefix: every value becomes the one for "not given"."""
    nothing = {"scalars": NOTHING.scalars, "slots": NOTHING.slots, "words": NOTHING.words}

    def change(batches: list[Batch]) -> list[Batch]:
        gone = [{n: np.broadcast_to(nothing[n], b[n].shape).copy() for n in names} for b in batches]
        return [{**b, **g} for b, g in zip(batches, gone, strict=True)]

    return change


def _rolled(batches: list[Batch]) -> list[Batch]:
    """Each window with the prefix of another of its batch."""
    prefix = ("scalars", "slots", "words")
    return [{k: np.roll(v, 1, 0) if k in prefix else v for k, v in b.items()} for b in batches]


_text_alone = _without(("scalars", "slots"))
CHANGES: dict[str, Callable[[list[Batch]], list[Batch]]] = {
    "shuffled": _rolled,
    "textless": _without(("words",)),
    "text_only": _text_alone,
    "other_text": lambda batches: _rolled(_text_alone(batches)),
}
"""What is done to the prefix of windows that have nothing before them."""
