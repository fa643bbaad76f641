"""Notation's facts of instruments: clefs, grand staves, names, playback sounds, the drum staff.

Knows instruments; does not know Scores, XML or time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cantilena.score import gm
from cantilena.score.musicxml.reading import Clef, Way

TREBLE, BASS, ALTO, TENOR = Clef("G", 2), Clef("F", 4), Clef("C", 3), Clef("C", 4)
TREBLE_LOW = Clef("G", 2, -1)
PERCUSSION = Clef("percussion", 2)

_GUITARS = frozenset({*range(24, 32), 105})
_BASSES = frozenset({*range(32, 40), 43})
_KEYBOARDS = frozenset({*range(0, 9), *range(11, 13), 15, *range(16, 22), 23, 46})
_SECTIONS = frozenset({*range(48, 53), 54, *range(61, 64), *range(88, 104)})
_ALWAYS_TREBLE = frozenset({40, 56, 59, *range(64, 67), 68, 69, *range(71, 80), 110})
_ALWAYS_BASS = frozenset({47, 58})
_VIOLA, _CELLO, _TROMBONE, _HORN, _BASSOON = 41, 42, 57, 60, 70

# What a note costs beside its ledger lines, in ledger lines squared: in a clef that players know
# but meet less often, and under an octave line, which keyboard players are used to.
_SECOND_CLEF = 0.5
_OCTAVE_LINE = {True: 5.0, False: 14.0}
_TWO_OCTAVES = 6.0  # and more for a line of two octaves


def ways(program: int, name: str, pitches: Sequence[int]) -> list[Way]:
    """How players of an instrument read a single staff with ``pitches``, as written (any order,
    may be empty), the usual way first."""
    ordered = sorted(pitches) or [67]
    middle = ordered[len(ordered) // 2]
    words = name.lower()
    if program in _GUITARS:
        clefs = [TREBLE_LOW if middle < 76 else TREBLE]
    elif program in _BASSES:
        clefs = [BASS, TREBLE] if ordered[-1] >= 67 else [BASS]
    elif program == _VIOLA:
        clefs = [ALTO, TREBLE]
    elif program == _CELLO:
        clefs = [BASS, TENOR, TREBLE]
    elif program in (_TROMBONE, _BASSOON) and "euphonium" not in words:
        clefs = [BASS, TENOR]
    elif ("tenor" in words or "tenore" in words) and program in range(52, 55):
        clefs = [TREBLE_LOW]
    elif program in _ALWAYS_TREBLE and middle >= 52:
        clefs = [TREBLE]
    elif program == _HORN:
        clefs = [TREBLE, BASS]
    elif program in _ALWAYS_BASS and middle <= 64:
        clefs = [BASS]
    else:
        usual = TREBLE if middle >= 60 or (middle >= 57 and ordered[0] >= 53) else BASS
        clefs = [usual, BASS if usual is TREBLE else TREBLE]
    return _ways(clefs, program in _KEYBOARDS)


def hand_ways(pitches: Sequence[int], upper: bool) -> list[Way]:
    """How a keyboard player reads one of two staves with ``pitches``."""
    ordered = sorted(pitches)
    middle = ordered[len(ordered) // 2] if ordered else 60
    usual, other = (TREBLE, BASS) if upper else (BASS, TREBLE)
    crossed = middle < 55 if upper else middle > 65
    return _ways([other, usual] if crossed else [usual, other], True)


def _ways(clefs: Sequence[Clef], keyboard: bool) -> list[Way]:
    price = _OCTAVE_LINE[keyboard]
    out = [Way(clef, 0, _SECOND_CLEF * i) for i, clef in enumerate(clefs)]
    if TREBLE in clefs:
        out += [Way(TREBLE, 1, price), Way(TREBLE, 2, price + _TWO_OCTAVES)]
    if BASS in clefs and keyboard:
        out.append(Way(BASS, -1, price + 2))
    return out


_LITTLE_BELLS = frozenset({8, 10, 13})
_PICCOLO, _GLOCKENSPIEL = 72, 9


def octaves_above_written(program: int, pitches: Sequence[int]) -> int:
    """How many octaves higher than it is written an instrument sounds: -1 for basses, 1 for the
    piccolo and 2 for the glockenspiel, where their notes are as high as theirs are."""
    ordered = sorted(pitches) or [60]
    middle = ordered[len(ordered) // 2]
    if program in _BASSES:
        return -1 if middle < 67 else 0
    if program == _PICCOLO:
        return 1 if ordered[0] >= 70 else 0
    if program == _GLOCKENSPIEL:
        return 2 if ordered[0] >= 76 else 1 if ordered[0] >= 69 else 0
    return 1 if program in _LITTLE_BELLS and ordered[0] >= 67 and middle >= 76 else 0


class Transposition(NamedTuple):
    """From a part as its player reads it to what sounds: steps, semitones, octaves beside them."""

    diatonic: int
    chromatic: int
    octaves: int = 0


_IN_B_FLAT, _IN_E_FLAT, _IN_F = (-1, -2), (-5, -9), (-4, -7)
_TRANSPOSED = {p: Transposition(*_IN_B_FLAT) for p in (56, 59, 64, 71)}
_TRANSPOSED |= {60: Transposition(*_IN_F), 69: Transposition(*_IN_F)}
_TRANSPOSED |= {65: Transposition(*_IN_E_FLAT), 66: Transposition(*_IN_B_FLAT, -1)}
_TRANSPOSED |= {67: Transposition(*_IN_E_FLAT, -1)}


def transposition(program: int) -> Transposition | None:
    """How the player's own part of a transposing instrument differs from the concert score: of
    trumpets, clarinets and saxophones in B flat, saxophones in E flat, horns in F; else None."""
    return _TRANSPOSED.get(program)


def is_grand(program: int, pitches: Sequence[int], paired: bool = False) -> bool:
    """Whether the part needs the two staves of a piano: a keyboard instrument or a harp with
    notes well on either side of middle C, or a section or pad spread very wide. ``paired`` parts,
    one for each hand, need them only when each is as wide as a section."""
    ordered = sorted(pitches)
    n = len(ordered)
    if n < 2:
        return False
    low, high = ordered[n // 20], ordered[-1 - n // 20]
    below = sum(p < 60 for p in ordered)
    if program in _KEYBOARDS and not paired:
        return low < 53 and high > 64 and min(below, n - below) >= 0.1 * n
    wide = low < 46 and high > 74 and min(below, n - below) >= 0.2 * n
    return wide and (program in _SECTIONS or program in _KEYBOARDS)


def label(program: int, drums: bool) -> str:
    """The name of a part that has none: "Acoustic Grand Piano", "Drums"."""
    return "Drums" if drums else gm.name(program).title().replace("-S", "-s")


_SHORT = {"acoustic": "Ac", "electric": "El", "grand": "Gr", "piano": "Pno", "guitar": "Gtr"}
_SHORT |= {"violin": "Vln", "viola": "Vla", "cello": "Vc", "violoncello": "Vc", "bass": "B"}
_SHORT |= {"double": "D", "contrabass": "Cb", "drums": "Dr", "percussion": "Perc"}
_SHORT |= {"trumpet": "Tpt", "trombone": "Tbn", "french": "Fr", "horn": "Hn", "tuba": "Tba"}
_SHORT |= {"flute": "Fl", "piccolo": "Picc", "oboe": "Ob", "clarinet": "Cl", "bassoon": "Bsn"}
_SHORT |= {"saxophone": "Sax", "strings": "Str", "string": "Str", "ensemble": "Ens", "harp": "Hp"}
_SHORT |= {"organ": "Org", "synth": "Syn", "voice": "V", "choir": "Ch", "soprano": "S"}
_SHORT |= {"alto": "A", "tenor": "T", "baritone": "Bar", "section": "Sec", "english": "E"}


def abbreviation(name: str) -> str:
    """A short form for the systems after the first: "Vln. 2" of "Violin 2"."""
    words = name.split()
    words = words[:3] + [w for w in words[3:][-1:] if w.isdigit()]
    parts = [_SHORT.get(w.lower(), w[:4] if len(w) > 5 else w) for w in words]
    ends = [p if p.isdigit() or p == w else p + "." for p, w in zip(parts, words, strict=True)]
    return " ".join(ends)


SOUNDS: tuple[str, ...] = (
    "keyboard.piano.grand",
    "keyboard.piano",
    "keyboard.piano.grand",
    "keyboard.piano.honky-tonk",
    "keyboard.piano.electric",
    "keyboard.piano.electric",
    "keyboard.harpsichord",
    "keyboard.clavichord",
    "keyboard.celesta",
    *("pitched-percussion." + s for s in ("glockenspiel", "music-box", "vibraphone", "marimba")),
    *("pitched-percussion." + s for s in ("xylophone", "tubular-bells", "hammer-dulcimer")),
    "keyboard.organ.drawbar",
    "keyboard.organ.percussive",
    "keyboard.organ.rotary",
    "keyboard.organ.pipe",
    "keyboard.organ.reed",
    "keyboard.accordion",
    "wind.reed.harmonica",
    "keyboard.bandoneon",
    "pluck.guitar.nylon-string",
    "pluck.guitar.steel-string",
    *("pluck.guitar.electric",) * 6,
    "pluck.bass.acoustic",
    "pluck.bass.electric",
    "pluck.bass.electric",
    "pluck.bass.fretless",
    "pluck.bass.electric",
    "pluck.bass.electric",
    "pluck.bass.synth",
    "pluck.bass.synth",
    "strings.violin",
    "strings.viola",
    "strings.cello",
    "strings.contrabass",
    "strings.group",
    "strings.group",
    "pluck.harp",
    "drum.timpani",
    "strings.group",
    "strings.group",
    "strings.group.synth",
    "strings.group.synth",
    "voice.vocals",
    "voice.oo",
    "voice.synth",
    "synth.group.orchestra",
    "brass.trumpet",
    "brass.trombone",
    "brass.tuba",
    "brass.trumpet",
    "brass.french-horn",
    "brass.group",
    "brass.group.synth",
    "brass.group.synth",
    *("wind.reed.saxophone." + s for s in ("soprano", "alto", "tenor", "baritone")),
    *("wind.reed." + s for s in ("oboe", "english-horn", "bassoon", "clarinet")),
    "wind.flutes.flute.piccolo",
    "wind.flutes.flute",
    "wind.flutes.recorder",
    *("wind.flutes." + s for s in ("panpipes", "blown-bottle", "shakuhachi", "whistle")),
    "wind.flutes.ocarina",
    "synth.tone.square",
    "synth.tone.sawtooth",
    "wind.flutes.calliope",
    "pluck.synth.chiff",
    "pluck.synth.charang",
    "voice.synth",
    "synth.group.fifths",
    "pluck.bass.synth.lead",
    "synth.pad",
    "synth.pad.warm",
    "synth.pad.polysynth",
    "synth.pad.choir",
    "synth.pad.bowed",
    "synth.pad.metallic",
    "synth.pad.halo",
    "synth.pad.sweep",
    *("synth.effects." + s for s in ("rain", "soundtrack", "crystal", "atmosphere")),
    *("synth.effects." + s for s in ("brightness", "goblins", "echoes", "sci-fi")),
    "pluck.sitar",
    "pluck.banjo",
    "pluck.shamisen",
    "pluck.koto",
    "pitched-percussion.kalimba",
    "wind.pipes.bagpipes",
    "strings.fiddle",
    "wind.reed.shenai",
    "metal.bells.tinklebell",
    "metal.bells.agogo",
    "metal.steel-drums",
    "wood.wood-block",
    "drum.taiko",
    "drum.tom-tom",
    "drum.tom-tom.synth",
    "metal.cymbal.reverse",
    "effect.guitar-fret",
    "effect.breath",
    "effect.seashore",
    "effect.bird.tweet",
    "effect.telephone-ring",
    "effect.helicopter",
    "effect.applause",
    "effect.gunshot",
)
"""MusicXML's standard sound of each of the 128 programs."""


class Drum(NamedTuple):
    """How a sound of the drum kit is written: ``line`` as in "C5", where a treble clef would have
    that note; ``head`` a MusicXML notehead, "" for the usual one."""

    name: str
    line: str
    head: str = ""


FEET = frozenset({35, 36, 44})
"""Sounds played by foot: bass drums and the hi-hat's pedal."""

_DRUMS: dict[int, Drum] = {
    35: Drum("Acoustic Bass Drum", "F4"),
    36: Drum("Bass Drum", "F4"),
    37: Drum("Side Stick", "C5", "x"),
    38: Drum("Snare Drum", "C5"),
    39: Drum("Hand Clap", "B4", "x"),
    40: Drum("Electric Snare", "C5"),
    41: Drum("Low Floor Tom", "G4"),
    43: Drum("High Floor Tom", "A4"),
    45: Drum("Low Tom", "B4"),
    47: Drum("Low-Mid Tom", "D5"),
    48: Drum("Hi-Mid Tom", "E5"),
    50: Drum("High Tom", "F5"),
    42: Drum("Closed Hi-Hat", "G5", "x"),
    44: Drum("Pedal Hi-Hat", "D4", "x"),
    46: Drum("Open Hi-Hat", "G5", "circle-x"),
    49: Drum("Crash Cymbal 1", "A5", "x"),
    57: Drum("Crash Cymbal 2", "B5", "x"),
    55: Drum("Splash Cymbal", "B5", "x"),
    52: Drum("Chinese Cymbal", "C6", "x"),
    51: Drum("Ride Cymbal 1", "F5", "x"),
    59: Drum("Ride Cymbal 2", "F5", "x"),
    53: Drum("Ride Bell", "F5", "diamond"),
    54: Drum("Tambourine", "E5", "triangle"),
    56: Drum("Cowbell", "E5", "triangle"),
    58: Drum("Vibraslap", "D5", "x"),
    60: Drum("High Bongo", "E5", "slash"),
    61: Drum("Low Bongo", "D5", "slash"),
    62: Drum("Mute High Conga", "D5", "x"),
    63: Drum("Open High Conga", "D5", "slash"),
    64: Drum("Low Conga", "B4", "slash"),
    65: Drum("High Timbale", "E5"),
    66: Drum("Low Timbale", "D5"),
    67: Drum("High Agogo", "G5", "triangle"),
    68: Drum("Low Agogo", "F5", "triangle"),
    69: Drum("Cabasa", "A4", "x"),
    70: Drum("Maracas", "A4", "x"),
    71: Drum("Short Whistle", "B5", "diamond"),
    72: Drum("Long Whistle", "B5", "diamond"),
    73: Drum("Short Guiro", "G4", "x"),
    74: Drum("Long Guiro", "G4", "x"),
    75: Drum("Claves", "A4", "diamond"),
    76: Drum("High Wood Block", "E5", "diamond"),
    77: Drum("Low Wood Block", "D5", "diamond"),
    78: Drum("Mute Cuica", "B4", "x"),
    79: Drum("Open Cuica", "B4", "circle-x"),
    80: Drum("Mute Triangle", "A5", "triangle"),
    81: Drum("Open Triangle", "A5", "diamond"),
    82: Drum("Shaker", "A4", "x"),
    83: Drum("Jingle Bell", "A5", "x"),
    84: Drum("Bell Tree", "A5", "diamond"),
    85: Drum("Castanets", "B4", "diamond"),
    86: Drum("Mute Surdo", "F4", "x"),
    87: Drum("Open Surdo", "F4", "circle-x"),
    31: Drum("Sticks", "C5", "x"),
}


def drum(pitch: int) -> Drum:
    """How a drum of the General MIDI kit is written; others take the middle line."""
    return _DRUMS.get(pitch) or Drum(f"Percussion {pitch}", "B4", "x")


def group(program: int, drums: bool) -> str:
    """The section whose neighbouring parts are joined, or "": a section of the orchestra, or the
    hands of one keyboard player, as in "keyboard 0"."""
    if drums:
        return ""
    if program in range(0, 9):
        return f"keyboard {program}"
    if program in (*range(40, 46), *range(48, 52)):
        return "strings"
    if program in range(52, 55):
        return "voices"
    return "brass" if program in range(56, 64) else "winds" if program in range(64, 80) else ""
