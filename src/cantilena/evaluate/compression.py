"""Compression ratio (CR) of a piece: how much of it is said by patterns that come back.

Knows points in time and pitch; does not know bars, parts or velocities. The algorithm is COSIATEC
(Meredith, Lemstrom & Wiggins, 2003; Meredith, "COSIATEC and SIATECCompress: Pattern discovery by
geometric compression", MIREX 2013), which Text2midi (Bhandari et al., AAAI 2025) takes for its CR
through the program OMNISIA. The greedy choice is by ratio, then by points covered, then by the
larger pattern; OMNISIA breaks ties by compactness, so that single figures differ a little.
"""

from __future__ import annotations

import numpy as np

from cantilena.errors import InputError
from cantilena.score.score import Score

NOTES = 400
"""Notes from the beginning that are looked at: the work grows with their number cubed."""
_STRIDE = 256  # of one tick; pitches and their sums fit below, so that no two points meet


def validate(score: Score, notes: int) -> None:
    """Raises InputError where ``score`` is no Score or ``notes`` is below 1."""
    if not isinstance(score, Score):
        raise InputError(f"a Score is to be measured, not {type(score).__name__}")
    if notes < 1:
        raise InputError(f"a compression ratio needs at least 1 note, not {notes}")


def compression_ratio(score: Score, notes: int = NOTES) -> float:
    """Points over the numbers that say them: 1 for a piece without repetition, more for more.

    Points are the different (onset in ticks, pitch) of the first ``notes`` notes, drums included.
    A pattern of p points that comes at t places is said by p + t - 1 vectors. nan for a piece
    without notes. Raises InputError.
    """
    validate(score, notes)
    if not len(score):
        return float("nan")
    keys = np.unique(score.onset[:notes].astype(np.int64) * _STRIDE + score.pitch[:notes])
    return len(keys) / encoding_length(keys)


def encoding_length(keys: np.ndarray) -> int:
    """Vectors that COSIATEC needs for (n,) different, sorted points, each 256 * tick + pitch."""
    total = 0
    while len(keys):
        pattern, places = best_pattern(keys)
        if len(pattern) == 1:  # nothing comes back any more
            return total + len(keys)
        covered = np.unique(pattern[:, None] + places[None, :])
        total += len(pattern) + len(places) - 1
        keys = keys[~np.isin(keys, covered, assume_unique=True)]
    return total


def best_pattern(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of all maximal translatable patterns the one with the best ratio, as points (p,), and the
    vectors (t,) by which it can be moved, zero among them; one point alone where no pattern is
    said by fewer vectors than it has points."""
    n = len(keys)
    best = (1.0, 0, 0)
    pattern_and_places = keys[:1], np.zeros(1, dtype=np.int64)
    seen: set[bytes] = set()
    for pattern in _maximal(keys):
        p = len(pattern)
        if _bound(n, p) < best[0]:
            continue
        shape = (pattern - pattern[0]).tobytes()
        if shape in seen:
            continue
        seen.add(shape)
        places = _places(keys, pattern, best[0])
        if len(places) < 2:
            continue
        covered = len(np.unique(pattern[:, None] + places[None, :]))
        score = (covered / (p + len(places) - 1), covered, p)
        if score > best and score[0] > 1:
            best, pattern_and_places = score, (pattern, places)
    return pattern_and_places


def _maximal(keys: np.ndarray) -> list[np.ndarray]:
    """SIA: for every vector between two points, all points that it takes to another one; patterns
    of two points or more, those first that may do best."""
    first, second = np.triu_indices(len(keys), 1)
    vector = keys[second] - keys[first]
    order = np.argsort(vector, kind="stable")
    first, vector = first[order], vector[order]
    cuts = np.flatnonzero(np.diff(vector)) + 1
    starts, ends = np.append(0, cuts), np.append(cuts, len(vector))
    large = [(s, e) for s, e in zip(starts, ends, strict=True) if e - s > 1]
    large.sort(key=lambda span: -_bound(len(keys), int(span[1] - span[0])))
    return [keys[first[s:e]] for s, e in large]


def _bound(n: int, p: int) -> float:
    """The most that a pattern of p points can do among n: cover all without overlapping."""
    return n / (p + n / p - 1)


def _places(keys: np.ndarray, pattern: np.ndarray, least: float) -> np.ndarray:
    """The vectors that take a whole pattern to points that are there; () as soon as too few are
    left for a ratio of ``least``."""
    p = len(pattern)
    left = keys - pattern[0]
    # the last points first: they rule out most
    for point in pattern[:0:-1]:
        wanted = point + left
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        left = left[keys[at] == wanted]
        if p * len(left) < least * (p + len(left) - 1):
            return left[:0]
    return left
