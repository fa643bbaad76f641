"""A Score laid out as notation: parts, staves, voices, spelling; everything but the XML.

Knows which steps follow which; the steps themselves are in the other modules of ``score.musicxml``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cantilena.score.harmony import Key
from cantilena.score.musicxml.grid import GridNotes, quantise
from cantilena.score.musicxml.lyrics import Syllable, lyrics_of_parts
from cantilena.score.musicxml.marks import (
    Mark,
    chord_marks,
    concert_mark,
    dynamic_marks,
    pedal_marks,
    rehearsal_marks,
    tempo_marks,
)
from cantilena.score.musicxml.metre import DIVISIONS, Bars, lay_bars
from cantilena.score.musicxml.parts import (
    FEET,
    PERCUSSION,
    group,
    hand_ways,
    is_grand,
    label,
    octaves_above_written,
    transposition,
    ways,
)
from cantilena.score.musicxml.reading import Reading, Way, read_staff
from cantilena.score.musicxml.spell import Speller, key_of_bars
from cantilena.score.musicxml.voices import Event, Note, drum_voices, hands, voices
from cantilena.score.score import Score, Track
from cantilena.score.swing import find_swing


@dataclass(frozen=True)
class Staff:
    """One staff: its voices, upper first, each a list of Events in time, and its clefs and octave
    lines."""

    voices: list[list[Event]]
    reading: Reading


@dataclass(frozen=True)
class Part:
    """One part on paper. ``marks``: what stands at its first staff, ``below`` at its last;
    ``drums``: its sounds, sorted, when it is percussion; ``octaves``: how many it sounds above what
    is written; ``lyrics``: by the onset they are sung on."""

    track: Track
    name: str
    staves: list[Staff]
    marks: list[Mark]
    drums: tuple[int, ...] = ()
    octaves: int = 0
    below: list[Mark] = field(default_factory=list)
    lyrics: dict[int, Syllable] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """A score on paper, in ``DIVISIONS`` a quarter. ``keys``: (fifths, minor) per bar;
    ``groups``: (first part, last part, "bracket" or "brace") of parts that belong together;
    ``concert``: whether transposing instruments are among them, which stand as they sound;
    ``unit``: ticks that all durations are multiples of."""

    bars: Bars
    keys: tuple[tuple[int, int], ...]
    parts: list[Part]
    groups: list[tuple[int, int, str]]
    concert: bool
    speller: Speller
    unit: int


def lay_out(score: Score, chords: Sequence[tuple[int, str]] = (), key: Key | None = None) -> Layout:
    """Everything that is written for ``score``. Tracks without notes are left out, unless none
    has any. ``chords`` are (tick, symbol); ``key`` is used where the Score names no key. Raises
    BriefError for what is no chord symbol, InputError for a score of far too many bars."""
    bars = lay_bars(score)
    swing = find_swing(score)
    notes = quantise(score, bars, swing)
    keys = _key_of_bars(score, bars, key)
    tracks = score.tracks or (Track("", 0),)
    drums = np.array([t.is_drum for t in tracks])
    speller = Speller(notes, ~drums[notes.track], bars, keys)
    sounding = np.unique(notes.track).tolist() or [0]
    names = _names([tracks[t] for t in sounding])
    beats = _beats(bars)
    of = [np.flatnonzero(notes.track == t) for t in sounding]
    groups = _groups([tracks[t] for t in sounding], [notes.pitch[i] for i in of])
    paired = {i for first, last, symbol in groups if symbol == "brace" for i in (first, last)}
    parts = [
        _part(tracks[t], name, notes, of[i], bars, beats, i in paired)
        for i, (t, name) in enumerate(zip(sounding, names, strict=True))
    ]
    concert = any(not tracks[t].is_drum and transposition(tracks[t].program) for t in sounding)
    parts[0].marks.extend(
        [
            *([concert_mark()] if concert else []),
            *rehearsal_marks(score, bars),
            *tempo_marks(score, bars, swing),
            *chord_marks(chords, score, bars),
        ]
    )
    lyrics = lyrics_of_parts(score, notes)
    for t, part in zip(sounding, parts, strict=True):
        part.lyrics.update(lyrics.get(t, {}))
        part.below.extend(pedal_marks(score, t, bars, len(part.staves)))
    return Layout(bars, keys, parts, groups, concert, speller, _unit(notes))


def _key_of_bars(score: Score, bars: Bars, key: Key | None) -> tuple[tuple[int, int], ...]:
    """(fifths, minor) of each bar; ``key`` is that of the bars before the Score names one."""
    ticks = (score.key_tick * (DIVISIONS / score.tpq)).tolist()
    names = score.key_fifths.tolist(), score.key_minor.tolist()
    start = [] if key is None else [(0.0, key.fifths, int(key.minor))]
    return key_of_bars(bars, [*start, *zip(ticks, *names, strict=True)])


def _unit(notes: GridNotes) -> int:
    """The most ticks that all lengths are multiples of."""
    ticks = np.concatenate([notes.onset, notes.end])
    return 1 if (ticks % COMMON_UNIT).any() else COMMON_UNIT


COMMON_UNIT = DIVISIONS // 24
"""Ticks that the lengths are multiples of where there are no tuplets of 5 or 7."""


def _names(tracks: Sequence[Track]) -> list[str]:
    """Names of the parts: plain General MIDI ones get capitals, equal ones a number."""
    plain = []
    for track in tracks:
        name = " ".join(track.name.split()).rstrip(":")
        usual = label(track.program, track.is_drum)
        plain.append(usual if name.lower() in ("", usual.lower()) else name)
    count: dict[str, int] = {}
    out = []
    for name in plain:
        count[name] = count.get(name, 0) + 1
        out.append(f"{name} {count[name]}" if plain.count(name) > 1 else name)
    return out


def _groups(tracks: Sequence[Track], pitches: Sequence[np.ndarray]) -> list[tuple[int, int, str]]:
    """Neighbours of one section of the orchestra, and the two hands of a keyboard player in
    tracks of their own: the right hand's first, a fifth higher or more."""
    sections = [group(t.program, t.is_drum) for t in tracks]
    groups: list[tuple[int, int, str]] = []
    first = 0
    while first < len(tracks):
        last = first
        while last + 1 < len(tracks) and sections[last + 1] == sections[first]:
            last += 1
        size = last - first + 1
        if sections[first].startswith("keyboard"):
            if size == 2 and np.median(pitches[first]) - np.median(pitches[last]) >= 7:
                groups.append((first, last, "brace"))
        elif sections[first] and size > 1:
            groups.append((first, last, "bracket"))
        first = last + 1
    return groups


def _beats(bars: Bars) -> list[int]:
    """Ticks of all beats, the last bar line included."""
    ticks = []
    for bar, start in enumerate(bars.start[:-1].tolist()):
        ticks += [start + a for a, _ in bars.plan(bar).beams]
    return [*ticks, int(bars.start[-1])]


def _part(
    track: Track,
    name: str,
    notes: GridNotes,
    of: np.ndarray,
    bars: Bars,
    beats: list[int],
    paired: bool,
) -> Part:
    marks = dynamic_marks(notes, of, bars)
    onset, end, pitch = (a[of].tolist() for a in (notes.onset, notes.end, notes.pitch))
    if track.is_drum:
        staff = Staff(
            drum_voices(zip(onset, pitch, strict=True), FEET, beats),
            Reading([(0, PERCUSSION)], []),
        )
        return Part(track, name, [staff], marks, tuple(sorted(set(pitch))))
    grace = notes.grace[of].tolist()
    whole = [n for n, g in zip(zip(onset, end, pitch, strict=True), grace, strict=True) if not g]
    small = [(o, p) for o, p, g in zip(onset, pitch, grace, strict=True) if g]

    def staff_of(hand: list[Note], ornaments: list[tuple[int, int]], how: list[Way]) -> Staff:
        lines = voices(hand, ornaments, int(bars.start[-1]))
        return Staff(lines, read_staff(lines, bars, beats, how, octaves))

    if not is_grand(track.program, pitch, paired):
        octaves = octaves_above_written(track.program, pitch)
        how = ways(track.program, name, [p - 12 * octaves for p in pitch])
        return Part(track, name, [staff_of(whole, small, how)], marks, octaves=octaves)
    octaves = 0
    staves = []
    split = hands(whole)
    for hand in split:
        ornaments = [g for g in small if _nearest_hand(g, split) is hand]
        how = hand_ways([n[2] for n in hand], hand is split[0])
        staves.append(staff_of(hand, ornaments, how))
    return Part(track, name, staves, marks)


def _nearest_hand(grace: tuple[int, int], split: tuple[list[Note], list[Note]]) -> list[Note]:
    """The hand that plays the note nearest to an ornament, of those it leads to."""
    onset, pitch = grace
    away = [min((abs(n[2] - pitch) for n in hand if n[0] == onset), default=999) for hand in split]
    return split[away[1] < away[0]]
