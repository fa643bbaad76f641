"""Patterns: what stands in a piece, written out and not summed up.

Knows which short successions of notes, columns of drums, bars' rhythms and chords a piece holds,
counted on the same notes and roles as ``analysis.features``, and how alike two pieces are by them;
no mean, share, entropy or likeness of bars, which is all that the features are. Does not know what
is real or composed, and learns nothing (``evaluate.kernel`` does).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from cantilena.analysis.excerpt import first_bars
from cantilena.analysis.features import BARS
from cantilena.analysis.features.notes import SIXTEENTHS, UNITS, Notes, written
from cantilena.analysis.features.roles import Roles, roles
from cantilena.score.score import Score

LINE_NOTES = (2, 3, 4)
"""Notes of a pattern of a line."""
COLUMNS = (1, 2, 3)
"""Columns, half bars and onsets of all other patterns."""
WIDEST = 13
"""Semitones beyond an octave: wider intervals are one."""
LONGEST = 8 * UNITS
"""Units of time, two bars of 4/4: later onsets are as late."""
LEAST_PIECES = 2
"""Pieces that a pattern must stand in: in one alone it likens it to nothing."""

PATTERNS: dict[str, tuple[str, ...]] = {
    "lead": ("lead turns", "lead intervals", "lead gaps", "lead motifs", "lead bars"),
    "bass": ("bass turns", "bass intervals", "bass gaps", "bass motifs", "bass bars"),
    "harmony": ("harmony figures", "harmony voicings", "harmony bars"),
    "drums": ("drum columns", "drum bars"),
    "chords": ("chords", "bass moves"),
    "voices": ("lead over bass", "lead over bass, tones"),
}
"""The kinds of patterns of each group. Turns: place in the bar and interval; gaps: times from onset
to onset; motifs: interval and gap; bars: places with an onset, of one bar and of two in a row."""

Bag = dict[str, frozenset[Hashable]]
"""The different patterns of a piece, by kind."""


def patterns(score: Score, bars: int = BARS) -> Bag:
    """The patterns of the first ``bars`` bars of a Score, of every kind in ``PATTERNS``, with each
    onset on the nearest sixteenth: were there triplets to be nearest to, a hand that is a little
    late would often be on one, and played songs would be known by that. Raises InputError where
    there are no notes."""
    notes = written(first_bars(score, bars), SIXTEENTHS)
    # what is on no place is early for the bar behind the last
    notes = notes.select(np.isin(notes.place % UNITS, SIXTEENTHS))
    by_role = roles(notes)
    sets: dict[str, set[Hashable]] = {kind: set() for kinds in PATTERNS.values() for kind in kinds}
    for several in (
        _line("lead", by_role.lead),
        _line("bass", by_role.bass),
        _harmony(by_role.harmony),
        _drums(by_role.drums),
        _chords(notes, by_role.bass),
        _voices(by_role),
    ):
        for kind, pattern in several:
            sets[kind].add(pattern)
    return {kind: frozenset(members) for kind, members in sets.items()}


def likeness(bags: Sequence[Bag], kind: str) -> np.ndarray:
    """(N, N) how alike N pieces are by their patterns of a kind, 0-1: those that two share to the
    geometric mean of what either has, the cosine of their 0-1 vectors; 0 for a piece without any.
    Only patterns of ``LEAST_PIECES`` of these pieces count."""
    pieces = Counter(pattern for bag in bags for pattern in bag[kind])
    common = [pattern for pattern, n in pieces.items() if n >= LEAST_PIECES]
    column = {pattern: i for i, pattern in enumerate(common)}
    held = np.zeros((len(bags), len(common)), dtype=np.float32)
    for row, bag in zip(held, bags, strict=True):
        row[[column[pattern] for pattern in bag[kind] if pattern in column]] = 1
    shared = (held @ held.T).astype(np.float64)  # whole numbers: exact in any order
    size = np.sqrt(np.maximum(np.diag(shared), 1))
    return shared / np.outer(size, size)


# ---------------------------------------------------------------------------- each role's


def _line(role: str, notes: Notes) -> Iterator[tuple[str, Hashable]]:
    """Of a role with one note an onset."""
    place = notes.place.tolist()
    interval = [0, *np.clip(np.diff(notes.pitch), -WIDEST, WIDEST).tolist()]
    gap = [0, *np.minimum(np.diff(notes.time), LONGEST).tolist()]
    for n in LINE_NOTES:
        for first in range(len(place) - n + 1):
            # what leads to the first note is outside the pattern
            steps, gaps = interval[first + 1 : first + n], gap[first + 1 : first + n]
            yield f"{role} intervals", (*steps,)
            yield f"{role} gaps", (*gaps,)
            yield f"{role} motifs", (*steps, *gaps)
            yield f"{role} turns", (*steps, *place[first : first + n])
    yield from _bars(f"{role} bars", notes, notes.place.tolist())


def _harmony(harmony: Notes) -> Iterator[tuple[str, Hashable]]:
    """Of each part by itself: what begins together, as intervals above its lowest note, and how far
    its highest note moves."""
    for instrument in np.unique(harmony.part).tolist():
        part = harmony.select(harmony.part == instrument)
        columns = _columns(part)
        places = [place for place, _ in columns]
        shapes = [tuple(pitch - chord[0] for pitch in chord) for _, chord in columns]
        moves = [b[-1] - a[-1] for (_, a), (_, b) in pairwise(columns)]
        moves = np.clip([0, *moves], -WIDEST, WIDEST).tolist()
        for n in COLUMNS:
            for first in range(len(columns) - n + 1):
                voicing = (*shapes[first : first + n], *moves[first + 1 : first + n])
                yield "harmony voicings", voicing
                yield "harmony figures", (*voicing, *places[first : first + n])
        yield from _bars("harmony bars", part, part.place.tolist())


def _drums(drums: Notes) -> Iterator[tuple[str, Hashable]]:
    """Which drums are struck together at which place, and bars of them."""
    yield from (("drum columns", gram) for gram in _grams(_columns(drums)))
    strokes = zip(drums.place.tolist(), drums.pitch.tolist(), strict=True)
    yield from _bars("drum bars", drums, strokes)


def _chords(notes: Notes, bass: Notes) -> Iterator[tuple[str, Hashable]]:
    """Pitch classes that sound in a half bar, counted from the bass's, and the bass's moves."""
    pitched = notes.select(notes.pitched)
    lines = notes.bar_lines
    edges = np.sort(np.concatenate([lines, (lines[:-1] + lines[1:]) // 2])).tolist()
    low, chords = [], []
    for start, stop in pairwise(edges):
        tones = _sounding(pitched, start, stop)
        if tones:
            low.append((_sounding(bass, start, stop) or [min(tones)])[0] % 12)
            chords.append(tuple(sorted({(tone - low[-1]) % 12 for tone in tones})))
        else:  # the bass of a silence is that of what was before
            low.append(low[-1] if low else 0)
            chords.append(())
    moves = [0, *((b - a) % 12 for a, b in pairwise(low))]
    for n in COLUMNS:
        for first in range(len(chords) - n + 1):
            steps = (*moves[first + 1 : first + n],)
            yield "chords", (*chords[first : first + n], *steps)
            if steps:
                yield "bass moves", steps


def _voices(by_role: Roles) -> Iterator[tuple[str, Hashable]]:
    """The lead's pitch classes counted from the bass note that began last."""
    lead, bass = by_role.lead, by_role.bass
    under = np.searchsorted(bass.time, lead.time, side="right") - 1
    lead, under = lead.select(under >= 0), under[under >= 0]
    tones = ((lead.pitch - bass.pitch[under]) % 12).tolist()
    yield from (("lead over bass, tones", gram) for gram in _grams(tones))
    placed = list(zip(lead.place.tolist(), tones, strict=True))
    yield from (("lead over bass", gram) for gram in _grams(placed))


# ---------------------------------------------------------------------------- what they share


def _grams(items: Sequence[Any]) -> Iterator[tuple]:
    """All runs of as many items as ``COLUMNS`` says."""
    for n in COLUMNS:
        yield from zip(*(items[i:] for i in range(n)), strict=False)


def _columns(notes: Notes) -> list[tuple[int, tuple[int, ...]]]:
    """(place, pitches from low to high) of each onset."""
    at: dict[int, tuple[int, set[int]]] = {}
    rows = zip(notes.time.tolist(), notes.place.tolist(), notes.pitch.tolist(), strict=True)
    for time, place, pitch in rows:
        at.setdefault(time, (place, set()))[1].add(pitch)
    return [(place, tuple(sorted(pitches))) for place, pitches in at.values()]


def _bars(kind: str, notes: Notes, members: Iterable[Hashable]) -> Iterator[tuple[str, Hashable]]:
    """What stands in each bar, and in each two in a row; ``members``: one of each note."""
    if not len(notes):
        return
    sets: list[set[Any]] = [set() for _ in range(notes.bars)]
    for bar, member in zip(notes.bar.tolist(), members, strict=True):
        sets[bar].add(member)
    rows = [tuple(sorted(row)) for row in sets]
    yield from ((kind, (row,)) for row in rows)
    yield from ((kind, two) for two in pairwise(rows))


def _sounding(notes: Notes, start: int, stop: int) -> list[int]:
    """Pitches that sound between two times, in order of their onsets."""
    on = (notes.time < stop) & (notes.time + notes.length > start)
    return notes.pitch[on].tolist()
