"""Progressions of the training songs: phrases of eight bars, and how often chords change.

Knows the chords of songs by half bar and their keys; does not know notes, models or how a
progression is used (``systems.note.progressions``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from cantilena.score.harmony import NO_CHORD, QUALITIES, Chord, Key
from cantilena.systems.note.progressions import PHRASE, key_lead

PHRASES_OF_A_SONG = 4
"""The phrases of a song that are counted, those that come back most often first."""
LEAST_LEAD = 0.0
"""A phrase counts only if no other key than its song's fits its chords better: the key, or the
chords, may be misheard."""
LEAST_COMMON = 0.01
"""Share of a mode's phrases in which a step from chord to chord is found, or it is taken for
misheard."""
RHYTHM_QUANTILES = (0.15, 0.5, 0.85)
LEAST_SONGS = 8  # of a genre, to say how often its chords change
MINOR = ("m", "m7")
SUBDOMINANT = 5  # semitones above the tonic
TRIPLE = ((3, 4), (3, 8))


def relative_chords(
    bars: np.ndarray, starts: np.ndarray, numbers: np.ndarray, tonic: int
) -> np.ndarray:
    """(B, 2) reduced chord numbers of the beginning and the middle of each bar, as if the tonic
    were C, ``NO_CHORD`` where there is none. ``bars``: (B + 1,) bar lines; ``starts`` and
    ``numbers``: (C,) ticks and chords; all ticks rise."""
    if not len(numbers):
        return np.full((len(bars) - 1, 2), NO_CHORD, dtype=np.int64)
    middle = (bars[:-1] + bars[1:]) // 2
    at = [np.searchsorted(starts, ticks, side="right") - 1 for ticks in (bars[:-1], middle)]
    chords = numbers[np.clip(np.stack(at, -1), 0, len(numbers) - 1)]
    root, quality = np.divmod(chords - 1, len(QUALITIES))
    moved = 1 + (root - tonic) % 12 * len(QUALITIES) + quality
    return np.where(chords == NO_CHORD, NO_CHORD, moved)


def phrases(chords: np.ndarray, minor: bool) -> list[tuple[int, ...]]:
    """The phrases of a song: groups of ``PHRASE`` bars that come at least twice, as chord numbers,
    two a bar, the commonest first and ``PHRASES_OF_A_SONG`` at most. ``chords``: (B, 2), as
    ``relative_chords`` gives them. Phrases are taken to begin every eight bars, from whichever of
    the first eight makes most of them come back."""
    songs = []
    for first in range(PHRASE):
        groups = (
            tuple(chords[bar : bar + PHRASE].ravel().tolist())
            for bar in range(first, len(chords) - PHRASE + 1, PHRASE)
        )
        counts = Counter(group for group in groups if NO_CHORD not in group)
        songs.append((counts.total() - len(counts), counts))
    again, counts = max(songs, key=lambda row: row[0])
    if not again:
        return []
    often = [group for group, n in counts.most_common() if n > 1]
    return [group for group in often if _is_plain(group, minor)][:PHRASES_OF_A_SONG]


def _is_plain(phrase: tuple[int, ...], minor: bool) -> bool:
    """Whether a phrase changes its chord, and as often on bar lines as within bars, or these may be
    misheard; is in its key; and has no tonic chord of the other mode but as the dominant of what
    follows."""
    within = sum(a != b for a, b in zip(phrase[::2], phrase[1::2], strict=True))
    on_lines = sum(a != b for a, b in zip(phrase[1::2], (*phrase[2::2], phrase[0]), strict=True))
    if len(set(phrase)) < 2 or within > on_lines:
        return False
    chords = [Chord.from_number(number) for number in phrase]
    for chord, coming in zip(chords, [*chords[1:], chords[0]], strict=True):
        other_mode = chord.root == 0 and chord.quality in (("", "7", "maj7") if minor else MINOR)
        if other_mode and not (minor and (coming == chord or coming.root == SUBDOMINANT)):
            return False
    return key_lead(chords, Key(0, minor)) >= LEAST_LEAD


def count_progressions(songs: Any) -> dict[str, list]:
    """The phrases of a split's songs by mode, the commonest first: [chord numbers, how many songs
    have it, their genres, whether most of these have three beats]."""
    counts: dict[str, Counter] = {"major": Counter(), "minor": Counter()}
    genres: dict[tuple[str, tuple[int, ...]], Counter] = {}
    triple: Counter[tuple[str, tuple[int, ...]]] = Counter()
    for i in range(len(songs)):
        meta, key = songs.meta(i), int(songs.meta(i)["key"])
        if songs.corpus(i) == "groove" or key < 0:
            continue
        starts, numbers = songs.chords(i)
        chords = relative_chords(songs.bars(i), starts, numbers, key % 12)
        for phrase in phrases(chords, key >= 12):
            row = ("minor" if key >= 12 else "major", phrase)
            counts[row[0]][phrase] += 1
            genres.setdefault(row, Counter()).update(meta["genres"])
            triple[row] += tuple(meta["metre"]) in TRIPLE
    common = {mode: _common(list(counter)) for mode, counter in counts.items()}
    return {
        mode: [
            [list(phrase), n, sorted(genres[mode, phrase]), 2 * triple[mode, phrase] > n]
            for phrase, n in counter.most_common()
            if phrase in common[mode]
        ]
        for mode, counter in counts.items()
    }


def _common(rows: Sequence[tuple[int, ...]]) -> set[tuple[int, ...]]:
    """The phrases that only have steps from chord to chord which ``LEAST_COMMON`` of all have."""
    steps = {phrase: _steps(phrase) for phrase in rows}
    counts = Counter(step for own in steps.values() for step in own)
    least = LEAST_COMMON * len(rows)
    return {phrase for phrase, own in steps.items() if all(counts[s] >= least for s in own)}


def _steps(phrase: tuple[int, ...]) -> set[tuple[int, int]]:
    """The changes of chord of a phrase, chords told apart by root and third."""
    chords = [Chord.from_number(number) for number in phrase]
    kinds = [2 * chord.root + ({3, 4} & set(chord.intervals) == {3}) for chord in chords]
    return {(a, b) for a, b in pairwise(kinds) if a != b}


def count_rhythms(songs: Any) -> dict[str, list[float]]:
    """Changes of chord a bar by genre: the quantiles ``RHYTHM_QUANTILES`` over its songs, for
    genres with at least ``LEAST_SONGS``."""
    rates: dict[str, list[float]] = {}
    for i in range(len(songs)):
        starts, numbers = songs.chords(i)
        chords = relative_chords(songs.bars(i), starts, numbers, 0).ravel()
        if songs.corpus(i) == "groove" or len(chords) < 2 * PHRASE:
            continue
        for genre in songs.meta(i)["genres"]:
            rates.setdefault(genre, []).append(2 * float((np.diff(chords) != 0).mean()))
    return {
        genre: [round(float(x), 2) for x in np.quantile(values, RHYTHM_QUANTILES)]
        for genre, values in sorted(rates.items())
        if len(values) >= LEAST_SONGS
    }
