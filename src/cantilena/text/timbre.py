"""Words for the sound of an instrument: which General MIDI program they name, and how its tone is
to be shaped (``render.kit.shape``).

Knows words; does not know how tones are made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cantilena.errors import InputError
from cantilena.render.kit.shape import Shape
from cantilena.text.brief import parse_brief
from cantilena.text.lexicon import fold

LAST, PIANO = 127, 0
"""The last General MIDI program, and the one for words that say how something sounds but not what
it is."""
UNPITCHED = (115, 116, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127)
"""Programs without a keyboard of pitches: blocks, drums, effects."""


SHAPES: dict[str, Shape] = {
    "soft, softly, mellow, gentle, tender, warm, round, smooth": Shape(cutoff=0.6, knock=-0.1),
    "dark, dull, muffled, muted, damped, felt, deep": Shape(cutoff=0.4),
    "bright, brilliant, clear, crisp, shiny, sparkling, open": Shape(cutoff=1.8),
    "harsh, sharp, piercing, aggressive, edgy, biting": Shape(cutoff=2.6, knock=0.1),
    "metal, metallic, steel, brass, brassy": Shape(cutoff=1.6, decay=1.3),
    "glass, glassy, crystal, crystalline, icy": Shape(cutoff=1.8, decay=1.2, knock=-0.1),
    "wood, wooden, woody": Shape(cutoff=0.9, decay=0.7, knock=0.2),
    "short, dry, staccato, tight, plucky": Shape(decay=0.4, release=0.5),
    "long, ringing, resonant, sustained, sustaining, lasting": Shape(decay=2.0, release=2.0),
    "slow, swelling, swell, bowed, fading": Shape(attack_least=0.4, release=1.5),
    "hard, percussive, punchy, snappy, struck": Shape(attack=0.5, knock=0.3, cutoff=1.3),
    "breathy, airy, windy, blown, whispering": Shape(breath=0.2),
    "hollow, nasal, clarinet like": Shape(even=0.2),
    "fat, wide, lush, thick, detuned, chorused, rich": Shape(spread=14.0),
    "shaking, vibrato, singing": Shape(vibrato=12.0),
    "trembling, tremolo, pulsing, wobbling": Shape(tremolo=0.5),
    "lofi, lo-fi, old, vintage, dusty, worn": Shape(cutoff=0.5, spread=4.0, vibrato=4.0),
}
"""What words do to a tone, our own estimate."""

_MATERIALS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("wood, wooden, woody", (12, 13, 108, 24, 32, 71)),
    ("metal, metallic, steel", (11, 14, 9, 114, 25)),
    ("glass, glassy, crystal, crystalline, icy", (98, 92, 9, 8)),
    ("bowed", (40, 92, 42)),
    ("plucked, plucky", (24, 45, 46, 104)),
    ("blown, breathy, airy, windy", (75, 77, 73)),
    ("brassy, brass", (61, 60)),
    ("lush, warm, swelling, slow", (89, 48, 95)),
    ("percussive, hard, punchy", (12, 13, 36)),
)
"""Programs that words lean to: among those that an instrument's name allows, or, where none is
named, the first."""
_KINDS = (
    ("mallet, mallets, bar, bars", (12, 11, 13, 9)),
    ("pad, pads, atmosphere", (89, 88, 95, 91)),
    ("keys, key, hammer, hammered", (0, 4, 15)),
    ("pluck, plucks", (24, 46, 45)),
    ("lead, synth", (80, 81)),
    ("bell, chime, gong", (14, 9, 112)),
    ("voice, vocal, humming", (52, 53, 54)),
    ("string", (48, 40)),
    ("pipe, whistle", (75, 78, 79)),
)
"""Programs of kinds of instruments, beside the names that the lexicon knows."""


@dataclass(frozen=True)
class Timbre:
    """``program`` 0-127 and its ``shape``; ``named``: whether the words name an instrument; the
    words that nothing was made of are ``unused``."""

    program: int
    shape: Shape
    named: bool
    unused: tuple[str, ...] = ()


def read_timbre(text: str) -> Timbre:
    """What sound words ask for. Raises InputError for an instrument without a keyboard of pitches,
    and for a text that says nothing of a sound."""
    words = _words(text)
    shape, used = Shape(), set[str]()
    for entry, change in SHAPES.items():
        met = _met(entry, words)
        if met:
            shape, used = shape.joined(change), used | met
    instruments = parse_brief(text).instruments
    programs = [p for one in instruments for p in one.programs]
    candidates = [p for p in programs if p <= LAST and p not in UNPITCHED]
    if programs and (programs[0] > LAST or programs[0] in UNPITCHED):
        candidates = []
    for entry, kin in _KINDS:
        met = _met(entry, words)
        used |= met
        candidates += kin if met else ()
    leaning: list[int] = []
    for entry, kin in _MATERIALS:
        met = _met(entry, words)
        used |= met
        leaning += kin if met else ()
    if programs and not candidates:
        raise InputError(
            f"{instruments[0].name} has no keyboard of pitches to sample; name an instrument that "
            "plays notes"
        )
    if not (candidates or leaning or shape != Shape()):
        raise InputError(
            f"{text!r} says nothing of a sound that is known here; name an instrument or say what "
            "it is like, as 'soft mallet, wooden' or 'bright plucked strings'"
        )
    program = [*(p for p in leaning if p in candidates), *candidates, *leaning, PIANO][0]
    names = {word for one in instruments for word in _words(one.name)}
    unused = [w for w in dict.fromkeys(words) if w not in used | names | _EMPTY]
    unused = [w for w in unused if not parse_brief(w).instruments]
    return Timbre(program, shape, bool(candidates), tuple(unused))


_EMPTY = frozenset(
    {"a", "an", "the", "with", "and", "or", "of", "in", "on", "for", "to", "like", "very", "quite"}
    | {"some", "sound", "sounds", "tone", "timbre", "instrument", "sampled", "samples", "kit"}
)
"""Words that say nothing of a sound."""


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+(?:-[a-z]+)*", fold(text).lower())


def _met(entry: str, words: list[str]) -> set[str]:
    """Which of the words stand in an entry's list."""
    listed = {word.strip() for word in entry.split(",")}
    return {word for word in words if word in listed}
