"""What counting alone says of codes: the nats that unigrams and bigrams leave.

Knows whole numbers; does not know where codes come from. Pairs are counted as they occur: of card x
card there may be 2048 x 2048 for each book, most of which never do.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

SMOOTHING = 1.0
"""Added to each count, shared out by the code's own frequency in bigrams."""
MERGED = 1 << 20
"""Pairs that are kept in a row before they are counted: 8 MB."""


class PairCounts:
    """How often one code follows another, of one book of ``card`` codes."""

    def __init__(self, card: int):
        self.card = card
        self.singles = np.zeros(card)
        self.firsts = np.zeros(card)
        self._pairs, self._counts = np.zeros(0, np.int64), np.zeros(0)
        self._rows: list[np.ndarray] = []
        self._waiting = 0

    def add(self, row: np.ndarray) -> None:
        """Counts the codes (T,) int64 of a piece."""
        self.singles += np.bincount(row, minlength=self.card)
        self.firsts += np.bincount(row[:-1], minlength=self.card)
        self._rows.append(row[:-1] * self.card + row[1:])
        self._waiting += max(0, len(row) - 1)
        if self._waiting >= MERGED:
            self._merge()

    def _merge(self) -> None:
        """Counts what waits."""
        pairs, counts = np.unique(np.concatenate(self._rows), return_counts=True)
        both = np.concatenate([self._pairs, pairs])
        self._pairs, where = np.unique(both, return_inverse=True)
        self._counts = np.bincount(where, np.concatenate([self._counts, counts]))
        self._rows, self._waiting = [], 0

    def of(self, before: np.ndarray, code: np.ndarray) -> np.ndarray:
        """(n,) how often each ``code`` (n,) came behind ``before`` (n,)."""
        if self._rows:
            self._merge()
        if not len(self._pairs):
            return np.zeros(len(code))
        pair = before * self.card + code
        place = np.minimum(np.searchsorted(self._pairs, pair), len(self._pairs) - 1)
        return np.where(self._pairs[place] == pair, self._counts[place], 0.0)


def ngram_nats(
    train: Iterable[np.ndarray], valid: Iterable[np.ndarray], card: int
) -> dict[str, list[float]]:
    """Mean nats of a code of held-out ``valid`` (K, T), by book, where only counts over ``train``,
    (K, T) each, are known: "unigram", and "bigram" of the same book's code before it. Most of what
    a model is better by than the first is that codes are held; what it is better by than the second
    is its own. Both are of all codes but a piece's first."""
    books: list[PairCounts] = []
    for codes in train:
        books += [PairCounts(card) for _ in range(len(books), len(codes))]
        for counts, row in zip(books, codes.astype(np.int64), strict=True):
            counts.add(row)
    held = [codes.astype(np.int64) for codes in valid]
    out: dict[str, list[float]] = {"unigram": [], "bigram": []}
    for k, counts in enumerate(books):
        before = np.concatenate([codes[k, :-1] for codes in held])
        code = np.concatenate([codes[k, 1:] for codes in held])
        singles = counts.singles + SMOOTHING
        share = singles / singles.sum()
        pairs = counts.of(before, code) + SMOOTHING * share[code]
        out["unigram"].append(float(-np.log(share[code]).mean()))
        out["bigram"].append(float(-np.log(pairs / (counts.firsts[before] + SMOOTHING)).mean()))
    return out
