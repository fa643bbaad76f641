"""Form: which sections of a Score are the same music.

Knows likeness of whole sections of 4 or 8 bars; does not name verses or choruses and does not see
sections of other lengths.
"""

from __future__ import annotations

import numpy as np

from cantilena.analysis.grid import chroma, piano_roll
from cantilena.score.score import Score

SAME = 0.8
"""Least mean cosine likeness of the bars of two sections that are the same music."""
MAX_BARS = 1024
_LETTERS = "ABCDEFGHIJKL"


def form(score: Score) -> str:
    """One letter per section, equal letters for equal music, as "AABA"; "" when none is found.

    Sections last 8 bars when at least three fit, a third of them repeat an earlier one, and that
    explains most of what sections of 4 do; else 4, when a quarter of them repeat. They start
    where most of them repeat, so an introduction of up to a section may be left out; a last
    section counts from half its length on. Two sections are the same when the mean cosine
    likeness of their bars (chroma of each quarter of the bar, and onsets; after Foote's
    self-similarity, 1999) is at least ``SAME``, or half way from the piece's median likeness to
    1 where that is more; more than 12 different ones are no form. Only the first 1,024 bars
    from the first note on are looked at.
    """
    bars = _bar_features(score)
    alike = bars @ bars.T
    eights, again = _best_sections(alike, 8)
    fours, again_fours = _best_sections(alike, 4)
    long = len(eights) >= 3 and again >= max(8 * len(eights) / 3, 0.6 * again_fours)
    labels = eights if long else fours
    if not labels or max(labels) >= len(_LETTERS):
        return ""
    if len(labels) - len(set(labels)) < len(labels) / 4:
        return ""
    return "".join(_LETTERS[x] for x in labels)


def _bar_features(score: Score) -> np.ndarray:
    """(B, 65) unit rows from the first sounding bar to the last: chroma of each quarter of the
    bar (48), onsets of each sixteenth of it (16), and silence (1)."""
    if not len(score):
        return np.zeros((0, 65))
    edges = score.bar_starts
    bar = np.searchsorted(edges, score.onset, side="right") - 1
    edges = edges[bar.min() : min(bar.max() + 2, bar.min() + 1 + MAX_BARS)]
    n = len(edges) - 1
    bar = bar - bar.min()
    tones = chroma(piano_roll(score, edges, 16)._replace(cells=4)).reshape(n, 48)
    inside = bar < n
    bar, onset = bar[inside], score.onset[inside]
    place = (onset - edges[bar]) * 16 // (edges[bar + 1] - edges[bar])
    onsets = np.bincount(bar * 16 + place, minlength=n * 16).reshape(n, 16).astype(np.float64)
    rows = np.hstack([_unit(tones), _unit(onsets), np.zeros((n, 1))])
    rows[~rows.any(1), -1] = 1
    return _unit(rows)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def _best_sections(alike: np.ndarray, length: int) -> tuple[list[int], int]:
    """Labels of sections of ``length`` bars from the start that lets most bars repeat, given
    (B, B) likenesses of bars, and how many bars do; of equal starts the first."""
    best: tuple[list[int], int] = [], 0
    for first in range(min(length, len(alike))):
        labels = _labels(alike[first:, first:], length)
        old = [i for i, x in enumerate(labels) if x in labels[:i]]
        again = sum(min(length, len(alike) - first - i * length) for i in old)
        if again > best[1] or not best[0]:
            best = labels, again
    return best


def _labels(alike: np.ndarray, length: int) -> list[int]:
    """A number for each section: that of the likest earlier one that is the same, or a new one."""
    n = (len(alike) + length // 2) // length
    padded = np.zeros((n * length, n * length))
    size = min(len(alike), n * length)
    padded[:size, :size] = alike[:size, :size]
    like = np.einsum("ikjk->ij", padded.reshape(n, length, n, length))
    rows = np.minimum(length, len(alike) - length * np.arange(n))
    like = like / np.minimum(rows[:, None], rows[None])
    pairs = like[np.tri(n, k=-1, dtype=bool)]
    least = max(SAME, (1 + float(np.median(pairs))) / 2 - 1e-9) if n > 1 else SAME
    labels: list[int] = []
    for i in range(n):
        best = int(like[i, :i].argmax()) if i else -1
        same = i > 0 and like[i, best] >= min(least, 0.95)
        labels.append(labels[best] if same else max(labels, default=-1) + 1)
    return labels
