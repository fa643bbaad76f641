"""Counting models of the note scheme's fields: what a trained model has to beat.

Knows note tables and counts; does not know networks. The unigram knows each field's frequencies.
The bigram predicts each field from the fields before it in the step and the instrument's last note
(onset from the onset before; instrument from onset and the instrument before; pitch, duration and
velocity from instrument and that instrument's last), backing off to the unigram.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cantilena.tokens.note import FIELDS, NoteScheme

BACKOFF = 8.0  # weight of the shorter context, in counts


@dataclass(frozen=True)
class _Counts:
    """Sorted context-and-value keys with counts, and context totals."""

    keys: np.ndarray
    counts: np.ndarray
    contexts: np.ndarray
    totals: np.ndarray

    @classmethod
    def of(cls, context: np.ndarray, value: np.ndarray) -> _Counts:
        keys, counts = np.unique(context * 512 + value, return_counts=True)
        contexts, totals = np.unique(context, return_counts=True)
        return cls(keys, counts, contexts, totals)

    def look_up(self, context: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Counts of (context, value) and of context."""

        def counts_of(keys: np.ndarray, counts: np.ndarray, wanted: np.ndarray) -> np.ndarray:
            at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            return np.where(keys[at] == wanted, counts[at], 0)

        both = counts_of(self.keys, self.counts, context * 512 + value)
        return both, counts_of(self.contexts, self.totals, context)


def _contexts(table: np.ndarray, scheme: NoteScheme) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """For each field its values and its bigram contexts, (N,) each, of one song's notes."""
    onset = np.minimum(np.diff(table[:, 0], prepend=0), scheme.max_delta)
    values = [onset, table[:, 1], table[:, 2], table[:, 3], table[:, 4]]
    order = np.argsort(table[:, 1], kind="stable")
    same = table[order[1:], 1] == table[order[:-1], 1]
    before = np.full(len(table), -1)
    before[order[1:][same]] = order[:-1][same]

    def last(column: int) -> np.ndarray:
        return np.where(before < 0, 255, table[np.maximum(before, 0), column])

    def shifted(x: np.ndarray) -> np.ndarray:
        return np.concatenate([[255], x[:-1]])

    instrument = table[:, 1] * 256
    contexts = [shifted(onset), onset * 256 + shifted(table[:, 1])]
    contexts += [instrument + last(column) for column in (2, 3, 4)]
    return values, contexts


def count_bits(train, held_out, scheme: NoteScheme, most: int = 6_000_000, seed: int = 3) -> dict:
    """Bits per note of unigram and bigram, by field and in all, on the songs ``held_out``, counted
    on songs of ``train`` up to ``most`` notes."""
    rng = np.random.default_rng(seed)
    taken, total = [], 0
    for i in rng.permutation(len(train)).tolist():
        taken.append(_contexts(train.table(i), scheme))
        total += train.length(i)
        if total > most:
            break
    tested = [_contexts(held_out.table(i), scheme) for i in range(len(held_out))]
    out: dict = {"unigram": {}, "bigram": {}}
    for k, name in enumerate(FIELDS):
        value = np.concatenate([v[k] for v, _ in taken])
        context = np.concatenate([c[k] for _, c in taken])
        uni = np.bincount(value, minlength=scheme.sizes[k]) + 0.5
        uni = uni / uni.sum()
        pairs = _Counts.of(context, value)
        seen = np.concatenate([v[k] for v, _ in tested])
        both, alone = pairs.look_up(np.concatenate([c[k] for _, c in tested]), seen)
        out["unigram"][name] = float(-np.log2(uni[seen]).mean())
        p = (both + BACKOFF * uni[seen]) / (alone + BACKOFF)
        out["bigram"][name] = float(-np.log2(p).mean())
    for rows in out.values():
        rows["all"] = sum(rows[name] for name in FIELDS)
    return out
