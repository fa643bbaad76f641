"""How well a measured file agrees with a text: one likeness a wish, 0-1, and their weighted mean.

Knows Briefs and measures; does not know files. What is exact in MIDI is estimated in sound, so that
a likeness by ear is drawn towards that of a file of which nothing is known, by how often the
estimator is right (``analysis.audio.accuracy``).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cantilena.score import gm
from cantilena.score.harmony import Chord, Key, parse_chord
from cantilena.score.score import DRUMS
from cantilena.search.kinds import bounded, genre, mood
from cantilena.search.measuring import Measured
from cantilena.search.tables import UNKNOWN
from cantilena.text.lexicon import split
from cantilena.text.lexicon.stopwords import STOP
from cantilena.text.wishes import LOUDNESS, REGISTERS, Brief, Instrument

SURE = 0.9
"""How sure it is that a family that is heard plays."""
OCTAVES = 0.25
"""Octaves of tempo by which a likeness falls to 1/e."""
WEIGHTS = {
    "instruments": 3.0,
    "only": 1.0,
    "excluded": 2.0,
    "tempo": 1.5,
    "metre": 1.5,
    "key": 2.0,
    "chords": 2.0,
    "length": 1.0,
    "swing": 1.0,
    "timing": 0.5,
    "density": 1.0,
    "genre": 2.0,
    "mood": 1.5,
    "loudness": 1.0,
    "register": 0.7,
    "articulation": 0.7,
    "words": 1.0,
    "sound": 1.0,
}
"""What each wish counts, our own estimate; one that is implied by another word counts half."""
NAME_BONUS = 0.1
"""Share of what a likeness lacks to 1 that a file gains whose names hold all words of the text."""
STRONG_WORDS = 3.0
"""What words count that are no wish, as of a title."""


@dataclass(frozen=True)
class Query:
    """A text that is looked for: its ``brief``, the ``words`` of it that say something, and those
    that no wish took up, ``names``."""

    brief: Brief
    words: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Query:
        """Of a text. Raises BriefError where its wishes cannot be."""
        from cantilena.text.brief import parse_brief

        brief = parse_brief(text)
        names = [w for phrase in brief.unplaced for w in split(phrase)]
        return cls(brief, _content(split(text)), _content(names))


def _content(words: Sequence[str]) -> tuple[str, ...]:
    """The words that say something, each once."""
    return tuple(dict.fromkeys(w for w in words if w not in STOP and len(w) > 1))


def match(
    query: Query, measured: Measured, name: str = "", sound: float | None = None
) -> tuple[float, dict[str, float]]:
    """The likeness of a file to a text, 0-1, and that of each wish by its name. ``name``: the
    file's path, whose words count as those of its title; ``sound``: likeness, 0-1, by a joint
    embedding. 0 where nothing of the text can be compared."""
    brief = query.brief
    likeness: dict[str, float] = {}
    total = weight = 0.0
    for wish, (field, compare) in COMPARISONS.items():
        value = compare(brief, measured)
        if value is None:
            continue
        share = WEIGHTS[wish] * (0.5 if brief.how.get(field) == "implied" else 1.0)
        likeness[wish] = round(value, 4)
        total, weight = total + share * value, weight + share
    if sound is not None:
        likeness["sound"] = round(sound, 4)
        total, weight = total + WEIGHTS["sound"] * sound, weight + WEIGHTS["sound"]
    here = frozenset(split(f"{measured.words} {re.sub(r'[-_/.]', ' ', name)} {_apart(name)}"))
    if query.names:
        value = _share(query.names, here)
        likeness["words"] = round(value, 4)
        strength = WEIGHTS["words"] if likeness.keys() - {"words"} and not value else STRONG_WORDS
        total, weight = total + strength * value, weight + strength
    value = total / weight if weight else 0.0
    if query.words:
        value += NAME_BONUS * _share(query.words, here) * (1 - value)
    return value, likeness


_SEAM = re.compile(
    r"[-_/.]|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])|(?<=[a-zß-ÿ])(?=[A-ZÀ-Þ])"
    r"|(?<=[A-ZÀ-Þ])(?=[A-ZÀ-Þ][a-zß-ÿ])"
)
"""Where a word of a file's name ends without a space, as in "MoonlightSonata2"."""


def _apart(name: str) -> str:
    return _SEAM.sub(" ", unicodedata.normalize("NFC", name))


def _share(words: Sequence[str], here: frozenset[str]) -> float:
    return sum(w in here for w in words) / len(words)


# ---------------------------------------------------------------------------- who plays


def _instruments(brief: Brief, measured: Measured) -> float | None:
    if not brief.instruments:
        return None
    values = [_player(i, len(brief.instruments), measured) for i in brief.instruments]
    return sum(values) / len(values)


def _player(asked: Instrument, count: int, measured: Measured) -> float:
    """Whether one of ``count`` asked instruments plays, and how much: the first of its programs
    counts whole, others nearly so, another one of the family a little."""
    if measured.kind == "audio":
        return _player_by_ear(asked, measured)
    shares = measured.instruments
    expected = 0.5 / count
    best = 0.0
    families = {p // 8 for p in asked.programs if p != DRUMS}
    for program, share in shares.items():
        if program in asked.programs:
            rank = asked.programs.index(program)
            kind = 1.0 if not rank else max(0.7, 0.95 - 0.03 * rank)
        elif program != DRUMS and program // 8 in families:
            kind = 0.3
        else:
            continue
        best = max(best, kind * (0.5 + 0.5 * min(1.0, share / expected)))
    return best


def _player_by_ear(asked: Instrument, measured: Measured) -> float:
    """The likelihood of the likeliest of the asked programs, the first counting whole, others
    nearly so; piano, bass and drums by the estimators that recognise them reliably too."""
    from cantilena.analysis.audio import accuracy

    values = [
        measured.instruments.get(program, UNKNOWN) * max(0.5, 1 - 0.12 * rank)
        for rank, program in enumerate(asked.programs)
    ]
    heard = max(values, default=UNKNOWN)
    rates = accuracy()["families"]
    family = "drums" if DRUMS in asked.programs else gm.family(asked.programs[0])
    if family not in rates:
        return heard
    sure = (
        rates[family]["precision"] if family in measured.families else 1 - rates[family]["recall"]
    )
    return (heard + sure) / 2


def _only(brief: Brief, measured: Measured) -> float | None:
    if not (brief.only and brief.instruments):
        return None
    if measured.kind == "audio":
        return UNKNOWN
    programs = {p for i in brief.instruments for p in i.programs}
    return sum(share for p, share in measured.instruments.items() if p in programs)


def _excluded(brief: Brief, measured: Measured) -> float | None:
    if not brief.excluded:
        return None
    if measured.kind == "audio":
        families = {"drums" if p == DRUMS else gm.family(p) for p in brief.excluded}
        if families & set(measured.families):
            return 1 - SURE
        return 1 - max(measured.instruments.get(p, UNKNOWN) for p in brief.excluded)
    intruders = sum(measured.instruments.get(p, 0.0) for p in brief.excluded)
    return max(0.0, 1 - 4 * intruders)


# ---------------------------------------------------------------------------- time


def _near_tempo(bpm: float, brief: Brief) -> float:
    low, high = brief.tempo_range or (brief.tempo or 0.0, brief.tempo or 0.0)
    off = max(0.0, math.log2(low / bpm), math.log2(bpm / high))
    return math.exp(-((off / OCTAVES) ** 2))


def _tempo(brief: Brief, measured: Measured) -> float | None:
    if brief.tempo is None and brief.tempo_range is None:
        return None
    if not measured.bpm:
        return UNKNOWN
    exact = _near_tempo(measured.bpm, brief)
    if measured.kind == "midi":
        return exact
    right, octave = _right("tempo"), _right("tempo_octave")
    other = max(_near_tempo(measured.bpm * k, brief) for k in (0.5, 2.0))
    return right * exact + (octave - right) * other + (1 - octave) * UNKNOWN


def _right(name: str) -> float:
    from cantilena.analysis.audio import accuracy

    return float(accuracy()[name])


def _metre(brief: Brief, measured: Measured) -> float | None:
    if brief.metre is None:
        return None
    if measured.metre is None:
        return UNKNOWN
    if measured.metre == brief.metre:
        return 1.0
    asked, actual = brief.metre.split("/"), measured.metre.split("/")
    if asked[0] == actual[0]:
        return 0.8
    three = [int(n) % 3 == 0 for n in (asked[0], actual[0])]
    return 0.4 if three[0] == three[1] else 0.0


def _length(brief: Brief, measured: Measured) -> float | None:
    pairs = [(brief.bars, measured.bars), (brief.seconds, measured.seconds)]
    asked = [(a, b) for a, b in pairs if a]
    if not asked:
        return None
    values = [UNKNOWN if not b else (min(a, b) / max(a, b)) ** 2 for a, b in asked]
    return sum(values) / len(values)


def _swing(brief: Brief, measured: Measured) -> float | None:
    return _same(brief.swing, measured.swing)


def _timing(brief: Brief, measured: Measured) -> float | None:
    return _same(None if brief.timing is None else brief.timing == "played", measured.played)


def _same(asked: bool | None, actual: bool | None) -> float | None:
    if asked is None:
        return None
    return UNKNOWN if actual is None else float(asked == actual)


def _density(brief: Brief, measured: Measured) -> float | None:
    if brief.density is None:
        return None
    if measured.density is None:
        return UNKNOWN
    place = min(1.0, max(-1.0, math.log2(max(measured.density, 0.5) / 16) / 1.5))
    return 1 - abs(place - {"sparse": -1.0, "medium": 0.0, "dense": 1.0}[brief.density]) / 2


# ---------------------------------------------------------------------------- harmony


def _key(brief: Brief, measured: Measured) -> float | None:
    from cantilena.text.report import key_relation

    if brief.key is None:
        return None
    if measured.key is None:
        return UNKNOWN
    _, worth = key_relation(Key.from_name(brief.key), Key.from_name(measured.key))
    if measured.kind == "midi":
        return worth
    return _right("key") * worth + (1 - _right("key")) * UNKNOWN


def _chords(brief: Brief, measured: Measured) -> float | None:
    """Half for the chords that are there, half for the changes that follow one another as asked."""
    if not brief.chords:
        return None
    if not measured.chords:
        return UNKNOWN
    coarse = measured.kind == "audio"  # there the root and the third alone are heard
    asked = [_reduced(parse_chord(c).number, coarse) for c in brief.chords]
    actual = [_reduced(n, coarse) for n in measured.chords]
    present = sum(n in actual for n in set(asked)) / len(set(asked))
    changes = {(a, b) for a, b in pairwise(asked) if a != b}
    turns = set(pairwise(actual))
    value = present if not changes else (present + len(changes & turns) / len(changes)) / 2
    return _right("chords") * value + (1 - _right("chords")) * UNKNOWN if coarse else value


def _reduced(number: int, coarse: bool) -> int:
    if not coarse:
        return number
    chord = Chord.from_number(number)
    return 2 * chord.root + (3 in chord.intervals and 4 not in chord.intervals)


# ---------------------------------------------------------------------------- how it is played


def _loudness(brief: Brief, measured: Measured) -> float | None:
    from cantilena.text.report.listening import LOUDNESS_EDGES

    asked = [wish.value for wish in brief.loudness if not wish.part]
    if not asked:
        return None
    if measured.loudness is None:
        return UNKNOWN
    actual = next(word for word, edge in LOUDNESS_EDGES.items() if measured.loudness < edge)
    return 1 - abs(LOUDNESS.index(asked[0]) - LOUDNESS.index(actual)) / (len(LOUDNESS) - 1)


def _register(brief: Brief, measured: Measured) -> float | None:
    asked = [wish.value for wish in brief.registers]
    if not asked:
        return None
    if measured.height is None:
        return UNKNOWN
    place = bounded((measured.height - 62) / 14) + 1
    return 1 - abs(place - REGISTERS.index(asked[0])) / 2


def _articulation(brief: Brief, measured: Measured) -> float | None:
    short, long = {"staccato", "pizzicato", "muted", "plucked"}, {"legato", "sustained", "bowed"}
    asked = [wish.value for wish in brief.articulations if wish.value in short | long]
    if not asked:
        return None
    if measured.sounding is None:
        return UNKNOWN
    place = bounded(2.5 * measured.sounding - 1.25)
    return 0.5 + (place if asked[0] in long else -place) / 2


Comparison = Callable[[Brief, Measured], float | None]
COMPARISONS: dict[str, tuple[str, Comparison]] = {
    "instruments": ("instruments", _instruments),
    "only": ("only", _only),
    "excluded": ("excluded", _excluded),
    "tempo": ("tempo", _tempo),
    "metre": ("metre", _metre),
    "key": ("key", _key),
    "chords": ("chords", _chords),
    "length": ("bars", _length),
    "swing": ("swing", _swing),
    "timing": ("timing", _timing),
    "density": ("density", _density),
    "genre": ("genres", genre),
    "mood": ("moods", mood),
    "loudness": ("loudness", _loudness),
    "register": ("registers", _register),
    "articulation": ("articulations", _articulation),
}
"""By wish, the field of the Brief whose ``how`` it follows, and the function that gives its
likeness (0-1), or None where it is not asked for."""
