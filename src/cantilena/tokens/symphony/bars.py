"""A piece as bars of 32nds: what SymphonyNet's rows say, before they are words.

Knows parts and Scores; does not know words. ``read_bars`` keeps the published rules of reading,
those for training files among them; ``bars_of`` reads what is to be continued or learnt here, which
may have one part alone and must not lose any.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import lcm

from cantilena.errors import InputError
from cantilena.score import DRUMS
from cantilena.tokens.parts import Parts, need_notes
from cantilena.tokens.symphony.vocab import GRID, MAX_BAR, TRACKS

SPARSE, LOST = 50, 5
"""In training files parts with fewer notes than the first are merged, with no more than the second
lost where there is nothing to merge them into."""
MAX_BARS = 100_000


@dataclass(frozen=True, order=True)
class Note:
    """A note in its bar: onset in 32nds, track, instrument (128 drums), pitch, length in 32nds."""

    onset: int
    track: int
    instrument: int
    pitch: int
    length: int


@dataclass(frozen=True)
class Bar:
    """``length`` in 32nds, and its notes in order, each once. ``tick``: where it begins in the
    piece that it was read from."""

    length: int
    notes: tuple[Note, ...]
    tick: Fraction = field(default=Fraction(0), compare=False)


@dataclass
class _Voice:
    """A part while parts are merged: its instrument and notes (start, end, pitch) in ticks."""

    instrument: int
    notes: list[tuple[int, int, int]]
    name: str = ""


def bars_of(parts: Parts) -> tuple[tuple[Bar, ...], tuple[str, ...]]:
    """The bars of a piece from its first to its last onset, and the names of its tracks. Notes of
    one track, onset and pitch are one, the longest. Raises InputError for a piece without notes or
    with more than 40 parts, all drums being one, or a bar longer than 100 32nds."""
    need_notes(parts)
    voices = _voices(parts)
    if len(voices) > TRACKS:
        raise InputError(f"the piece has {len(voices)} parts; a symphony has {TRACKS} at most")
    metres = parts.metres or ((0, 4, 4),)
    bars = _bars(voices, _whole(parts.tpq, metres), parts.tpq, metres)
    bars = tuple(replace(bar, notes=_longest(bar.notes)) for bar in bars)
    # Tracks are ordered by the notes that are left, so that what is decoded is read alike.
    counts = Counter(note.track for bar in bars for note in bar.notes)
    order = sorted(counts, key=lambda t: (voices[t].instrument != DRUMS, -counts[t], t))
    number = {track: i for i, track in enumerate(order)}
    renumbered = (
        replace(bar, notes=tuple(sorted(replace(n, track=number[n.track]) for n in bar.notes)))
        for bar in bars
    )
    return tuple(renumbered), tuple(voices[track].name for track in order)


def _longest(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    kept = {(n.track, n.onset, n.pitch): n for n in sorted(notes, key=lambda n: n.length)}
    return tuple(kept.values())


def read_bars(parts: Parts, training: bool = False) -> tuple[Bar, ...]:
    """The bars of a file as the published code reads it, where it reads it: a prompt, or a file for
    training, whose sparse parts are merged. Raises InputError for a file without notes or without a
    time signature before them, with a single part that is not drums, or with a bar that is no
    whole number of ticks or longer than 100 32nds."""
    need_notes(parts)
    voices = _voices(parts)
    if training:
        voices = _merged(voices)
    if not voices:
        raise InputError("the piece has no part of more than five notes")
    voices = _ordered(voices)
    if len(voices) == 1 and voices[0].instrument != DRUMS:
        raise InputError("the piece has a single part; SymphonyNet reads two or more, or drums")
    if not parts.metres:
        raise InputError("the file has no time signature; SymphonyNet needs one")
    first = min(note[0] for voice in voices for note in voice.notes)
    if parts.metres[0][0] > max(first, 0):
        raise InputError("the first time signature stands behind the first note")
    if any(4 * num * parts.tpq % den for _, num, den in parts.metres):
        raise InputError("a bar of the file is no whole number of ticks")
    return _bars(_limited(voices), 1, parts.tpq, parts.metres)


def _voices(parts: Parts) -> list[_Voice]:
    """Parts in order, all drums as one behind them."""
    drums: list[tuple[int, int, int]] = []
    names: list[str] = []
    voices: list[_Voice] = []
    for part in parts.parts:
        notes = [(s, e, p) for s, e, p in part.notes[:, :3].tolist() if e > s]
        if part.is_drum:
            drums += notes
            names.append(part.name)
        elif notes:
            voices.append(_Voice(part.program, notes, part.name))
    if drums:
        voices.append(_Voice(DRUMS, sorted(drums, key=lambda note: note[0]), names[0]))
    return voices


def _merged(voices: list[_Voice]) -> list[_Voice]:
    """Sparse parts poured into the first full one of their instrument."""
    kept = [voice for voice in voices if len(voice.notes) >= SPARSE]
    full: dict[int, _Voice] = {}
    for voice in kept:
        full.setdefault(voice.instrument, voice)
    for voice in voices:
        if len(voice.notes) >= SPARSE:
            continue
        if voice.instrument in full:
            home = full[voice.instrument]
            home.notes = home.notes + voice.notes
        elif len(voice.notes) > LOST:
            kept.append(voice)
    return kept


def _ordered(voices: list[_Voice]) -> list[_Voice]:
    """Drums first, then by the number of notes, most first."""
    return sorted(voices, key=lambda voice: (voice.instrument != DRUMS, -len(voice.notes)))


def _limited(voices: list[_Voice]) -> list[_Voice]:
    """At most 40 parts: the others are poured into the smallest of their instrument, or lost."""
    kept = voices[:TRACKS]
    for voice in voices[TRACKS:]:
        kept.sort(key=lambda other: len(other.notes))
        home = next((other for other in kept if other.instrument == voice.instrument), None)
        if home is not None:
            home.notes = home.notes + voice.notes
    return kept


def _whole(tpq: int, metres: tuple[tuple[int, int, int], ...]) -> int:
    """By what ticks are multiplied so that every bar is a whole number of them."""
    return lcm(*(Fraction(4 * num * tpq, den).denominator for _, num, den in metres))


def _bars(
    voices: list[_Voice], scale: int, tpq: int, metres: tuple[tuple[int, int, int], ...]
) -> tuple[Bar, ...]:
    """The bars from the first to the last onset, ticks multiplied by ``scale``."""
    tpq *= scale
    notes = _short_notes(voices, scale, 4 * tpq)
    lines = _lines([(tick * scale, n, d) for tick, n, d in metres], tpq, notes[0][0], notes[-1][0])
    first = bisect_right(lines, notes[0][0]) - 1
    if first < 0:
        raise InputError("the first time signature stands behind the first note")
    bars: list[Bar] = []
    at = 0
    for start, stop in zip(lines[first:], lines[first + 1 :], strict=False):
        if at == len(notes):
            break
        length = _bar_length(stop - start, tpq)
        own: set[Note] = set()
        while at < len(notes) and notes[at][0] < stop:
            onset, track, pitch, duration = notes[at]
            place = min(_down(onset - start, tpq), length - 1)
            sounding = max(1, _down(duration, tpq))
            own.add(Note(place, track, voices[track].instrument, pitch, sounding))
            at += 1
        bars.append(Bar(length, tuple(sorted(own)), Fraction(start, scale)))
    return tuple(bars)


def _short_notes(voices: list[_Voice], scale: int, longest: int) -> list[tuple[int, int, int, int]]:
    """(onset, track, pitch, length) in order, long notes cut into pieces of ``longest`` ticks."""
    notes: list[tuple[int, int, int, int]] = []
    for track, voice in enumerate(voices):
        for start, end, pitch in voice.notes:
            for at in range(start * scale, end * scale, longest):
                notes.append((at, track, pitch, min(longest, end * scale - at)))
    return sorted(notes)


def _lines(metres: list[tuple[int, int, int]], tpq: int, first: int, last: int) -> list[int]:
    """Ticks of bar lines from each time signature to the next, from the first to behind ``last``,
    those before a gap cut short. Bars long before ``first`` are counted too."""
    changes = [row for i, row in enumerate(metres) if not i or row[1:] != metres[i - 1][1:]]
    lines: list[int] = []
    for i, (tick, num, den) in enumerate(changes):
        length = 4 * tpq * num // den
        if (max(last, first) - tick) // length > MAX_BARS:
            raise InputError(f"the piece has more than {MAX_BARS:,} bars")
        stop = changes[i + 1][0] if i + 1 < len(changes) else max(last, tick) + length + 1
        lines += range(tick, stop, length)
    return lines


def _bar_length(ticks: int, tpq: int) -> int:
    """A bar's length in 32nds, halves up. Raises InputError for more than 100."""
    whole, rest = divmod(ticks * GRID, tpq)
    length = whole + (2 * rest >= tpq) if whole else 1
    if length > MAX_BAR:
        raise InputError(f"a bar lasts {length} 32nds; the symphony scheme holds {MAX_BAR}")
    return length


def _down(ticks: int, tpq: int) -> int:
    """Ticks in 32nds, halves down."""
    whole, rest = divmod(ticks * GRID, tpq)
    return whole + (2 * rest > tpq)
