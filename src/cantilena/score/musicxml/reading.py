"""How a staff is read along the way: changes of clef, and lines that say "an octave higher".

Knows ledger lines and what they cost a reader; does not know instruments or XML. The cheapest way
through the piece is chosen: many ledger lines cost much, and so does every change.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from cantilena.score.musicxml.metre import Bars
from cantilena.score.musicxml.voices import Event


class Clef(NamedTuple):
    """``sign`` G, F, C or percussion on staff ``line`` from below, ``octave`` (-1, 0, 1) higher."""

    sign: str
    line: int
    octave: int = 0


class Way(NamedTuple):
    """One way to read: a clef, written ``octaves`` (-2..2) below what sounds, and what each note
    costs beside its ledger lines where this is not the usual way."""

    clef: Clef
    octaves: int = 0
    price: float = 0.0


class OctaveLine(NamedTuple):
    """A line over the notes from ``start`` to ``end`` ticks, which sound ``octaves`` higher."""

    start: int
    end: int
    octaves: int


class Reading(NamedTuple):
    """``clefs``: (bar, Clef) wherever another one holds, bar 0 included; ``lines``: in time."""

    clefs: list[tuple[int, Clef]]
    lines: list[OctaveLine]


CHANGE_CLEF, CHANGE_OCTAVE = 24.0, 10.0
"""Price of a change, in ledger lines squared of one note."""

_MIDDLE_LINE = {"G": 34, "C": 28, "F": 22}
"""Steps of the staff's middle line above C0, if the clef stood on it as usual: B4, C4 and D3."""
_USUAL_LINE = {"G": 2, "C": 3, "F": 4}


class _Stretch(NamedTuple):
    """What is read in one go: onsets from ``start`` to before the next stretch. ``bar``: the bar
    that begins with it, or -1; ``held``: whether a note sounds over its start."""

    start: int
    bar: int
    held: bool
    pitches: list[int]
    last_end: int


def read_staff(
    voices: Sequence[Sequence[Event]],
    bars: Bars,
    beats: Sequence[int],
    ways: Sequence[Way],
    octaves: int = 0,
) -> Reading:
    """The cheapest reading of one staff's voices, which sound ``octaves`` above what is written.
    ``beats``: sorted ticks of all beats; ``ways``: those allowed, the first being that of an empty
    staff."""
    stretches = _stretches(voices, bars, beats, octaves)
    path = _path(stretches, ways)
    clefs: list[tuple[int, Clef]] = []
    lines: list[OctaveLine] = []
    open_line: OctaveLine | None = None
    for stretch, choice in zip(stretches, path, strict=True):
        way = ways[choice]
        if stretch.bar >= 0 and (not clefs or clefs[-1][1] != way.clef):
            clefs.append((stretch.bar, way.clef))
        if open_line is not None and way.octaves != open_line.octaves:
            lines.append(open_line)
            open_line = None
        if way.octaves and stretch.pitches:
            start = stretch.start if open_line is None else open_line.start
            open_line = OctaveLine(start, stretch.last_end, way.octaves)
    return Reading(clefs, [*lines, *([open_line] if open_line else [])])


def _stretches(
    voices: Sequence[Sequence[Event]], bars: Bars, beats: Sequence[int], octaves: int
) -> list[_Stretch]:
    """From each beat, or first onset after it, that no note sounds over, and from each bar line. A
    bar of several voices is one: octave lines end where all of them do."""
    several = _several(voices, bars)
    events = sorted((e for voice in voices for e in voice), key=lambda e: e.start)
    bar_at = {tick: bar for bar, tick in enumerate(bars.start[:-1].tolist())}
    out: list[_Stretch] = []
    reach, i, one = 0, 0, True
    for beat, after in pairwise(beats):
        begin = i
        while i < len(events) and events[i].start < after:
            i += 1
        inside = events[begin:i]
        pitches = [p - 12 * octaves for e in inside for p in e.pitches]
        bar = bar_at.get(beat, -1)
        one = one if bar < 0 else bar not in several
        held = reach > beat or (bar < 0 and not one)
        reach = max([reach, *(e.end for e in inside)])
        if out and bar < 0 and (held or not inside):
            before = out[-1]
            end = reach if inside else before.last_end
            out[-1] = before._replace(pitches=before.pitches + pitches, last_end=end)
        else:
            start = inside[0].start if inside else beat
            out.append(_Stretch(start, bar, held, pitches, reach))
    return out


def _several(voices: Sequence[Sequence[Event]], bars: Bars) -> set[int]:
    """The bars in which more than the first voice sounds."""
    several: set[int] = set()
    for voice in voices[1:]:
        for event in voice:
            first = int(np.searchsorted(bars.start, event.start, side="right")) - 1
            last = int(np.searchsorted(bars.start, event.end)) - 1
            several.update(range(first, last + 1))
    return several


def _path(stretches: Sequence[_Stretch], ways: Sequence[Way]) -> list[int]:
    """The way taken through each stretch."""
    costs = [0.0] * len(ways)
    choices: list[list[int]] = []
    for n, stretch in enumerate(stretches):
        best = [
            min(
                range(len(ways)),
                key=lambda a, b=b: costs[a] + (_change(ways[a], ways[b], stretch) if n else 0.0),
            )
            for b in range(len(ways))
        ]
        costs = [
            costs[best[b]]
            + (_change(ways[best[b]], way, stretch) if n else 0.0)
            + sum(ledger_lines(p - 12 * way.octaves, way.clef) ** 2 for p in stretch.pitches)
            + way.price * len(stretch.pitches)
            for b, way in enumerate(ways)
        ]
        choices.append(best)
    if not stretches:
        return []
    path = [min(range(len(ways)), key=costs.__getitem__)]
    for best in reversed(choices[1:]):
        path.append(best[path[-1]])
    return path[::-1]


def _change(before: Way, after: Way, at: _Stretch) -> float:
    price = 0.0
    if before.clef != after.clef:
        price += CHANGE_CLEF if at.bar >= 0 else float("inf")
    if before.octaves != after.octaves:
        price += CHANGE_OCTAVE if not at.held else float("inf")
    return price


def ledger_lines(pitch: int, clef: Clef) -> float:
    """How many ledger lines, with fractions, a pitch as written takes in a clef."""
    middle = _MIDDLE_LINE[clef.sign] + 7 * clef.octave - 2 * (clef.line - _USUAL_LINE[clef.sign])
    steps = (pitch - 12) * 7 / 12
    return max(0.0, (abs(steps - middle) - 4.5) / 2)
