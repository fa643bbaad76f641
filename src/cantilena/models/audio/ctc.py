"""Connectionist temporal classification (Graves et al. 2006): labels in order, without their times.

Knows logits (B, T, C), class 0 being "none", and labels from 1 on; does not know what they are of.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def ctc(logits: Tensor, frames: Tensor, labels: Tensor, counts: Tensor) -> Tensor:
    """Mean nats that a label costs, a scalar: the mean over sequences of each one's own. ``frames``
    and ``counts`` (B,): how many of ``logits`` and of ``labels`` (B, L) there are. A sequence with
    too few frames for its labels costs nothing."""
    logs = logits.float().log_softmax(-1).transpose(0, 1)
    return F.ctc_loss(logs, labels, frames, counts, blank=0, zero_infinity=True)


def likeliest(logits: Tensor, frames: Tensor) -> list[list[int]]:
    """The labels of each sequence by its likeliest path: repeats are one, "none" is left out."""
    best, out = logits.argmax(-1), []
    for row, count in zip(best, frames.tolist(), strict=True):
        merged = torch.unique_consecutive(row[:count])
        out.append([label for label in merged.tolist() if label])
    return out


def edits(heard: Sequence[object], true: Sequence[object]) -> int:
    """The fewest labels to insert, leave out and replace that make one sequence the other."""
    return edits_of_beginnings(heard, true)[-1]


def edits_of_beginnings(heard: Sequence[object], true: Sequence[object]) -> list[int]:
    """``edits`` that make the whole of ``heard`` the first 0, 1, 2 ... labels of ``true``."""
    row = list(range(len(true) + 1))
    for i, one in enumerate(heard, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(true, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row


def label_errors(logits: Tensor, frames: Tensor, labels: Tensor, counts: Tensor) -> Tensor:
    """(2,) edits of all sequences' likeliest labels, and how many labels there are."""
    total = 0
    for heard, row, count in zip(
        likeliest(logits, frames), labels.tolist(), counts.tolist(), strict=True
    ):
        total += edits(heard, row[:count])
    return torch.tensor([float(total), float(counts.sum())], device=logits.device)
