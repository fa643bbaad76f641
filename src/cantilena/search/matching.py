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
from cantilena.search.measuring import Measured, pace
from cantilena.search.tables import GROUPS, MOODS, OWN_GROUP
from cantilena.text.lexicon import split
from cantilena.text.lexicon.stopwords import STOP
from cantilena.text.wishes import LOUDNESS, REGISTERS, Brief, Instrument

UNKNOWN = 0.35
"""Likeness of a wish that a file was not measured for: less than half, so that a file that is known
to obey comes first, and more than of one that is known not to."""
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
    "sound": 6.0,
}
"""What each wish counts; one that is implied by another word counts half."""
NAME_BONUS = 0.1
"""Share of what is missing that a file gains whose names hold all words of the text."""
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
        return cls(brief, _telling(split(text)), _telling(names))


def _telling(words: Sequence[str]) -> tuple[str, ...]:
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
    shares = measured.instruments
    if shares is None:
        return _player_by_ear(asked, measured)
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
    from cantilena.analysis.audio import accuracy

    told = accuracy()["families"]
    family = "drums" if DRUMS in asked.programs else gm.family(asked.programs[0])
    if family not in told:
        return UNKNOWN
    sure = told[family]["precision"] if family in measured.families else 1 - told[family]["recall"]
    return 0.8 * sure  # the family is heard, not the instrument


def _only(brief: Brief, measured: Measured) -> float | None:
    if not (brief.only and brief.instruments):
        return None
    if measured.instruments is None:
        return UNKNOWN
    programs = {p for i in brief.instruments for p in i.programs}
    return sum(share for p, share in measured.instruments.items() if p in programs)


def _excluded(brief: Brief, measured: Measured) -> float | None:
    if not brief.excluded:
        return None
    if measured.instruments is None:
        families = {"drums" if p == DRUMS else gm.family(p) for p in brief.excluded}
        return 0.2 if families & set(measured.families) else 0.7
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
    said = [(a, b) for a, b in pairs if a]
    if not said:
        return None
    values = [UNKNOWN if not b else (min(a, b) / max(a, b)) ** 2 for a, b in said]
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
    there = sum(n in actual for n in set(asked)) / len(set(asked))
    changes = {(a, b) for a, b in pairwise(asked) if a != b}
    turns = set(pairwise(actual))
    value = there if not changes else (there + len(changes & turns) / len(changes)) / 2
    return _right("chords") * value + (1 - _right("chords")) * UNKNOWN if coarse else value


def _reduced(number: int, coarse: bool) -> int:
    if not coarse:
        return number
    chord = Chord.from_number(number)
    return 2 * chord.root + (3 in chord.intervals and 4 not in chord.intervals)


# ---------------------------------------------------------------------------- kind and feeling


def _genre(brief: Brief, measured: Measured) -> float | None:
    if not brief.genres:
        return None
    values = [_one_genre(genre, measured) for genre in brief.genres]
    return sum(values) / len(values)


def _one_genre(genre: str, measured: Measured) -> float:
    """By what the music is like, and by who plays it and in which metre where the genre lives on
    that."""
    from cantilena.systems.note.planning import GENRE_METRE

    shares = measured.instruments
    if shares is None or measured.genres is None:
        return UNKNOWN
    p = measured.genres.get(GROUPS[genre], 0.0)
    values = [(p / (p + 0.1), 1.0 if genre in OWN_GROUP else 0.5)]
    values.append((_lineup(genre, shares), 1.5))
    metre = GENRE_METRE.get(genre)
    if metre is not None and measured.metre is not None:
        top = int(measured.metre.split("/")[0])
        values.append((float(top % 3 == 0) if metre[0] % 3 == 0 else float(top % 2 == 0), 1.5))
    return sum(v * w for v, w in values) / sum(w for _, w in values)


def _lineup(genre: str, shares: dict[int, float]) -> float:
    """How near who plays is to the nearest line-up of a genre: the mean of the share of the
    line-up that plays and the share of the sounding time that is its own."""
    from cantilena.systems.note.lineups import LINEUPS

    best = 0.0
    for line in LINEUPS.get(genre, ()):
        there = sum(_plays(i, shares) for i in line) / len(line)
        own = sum(share * max(_kin(p, i) for i in line) for p, share in shares.items())
        best = max(best, (there + own) / 2)
    return best


def _plays(instrument: int, shares: dict[int, float]) -> float:
    return max((_kin(p, instrument) for p in shares), default=0.0)


def _kin(one: int, other: int) -> float:
    """1 for the same instrument, half for one of its family."""
    if one == other:
        return 1.0
    return 0.5 if DRUMS not in (one, other) and one // 8 == other // 8 else 0.0


def _mood(brief: Brief, measured: Measured) -> float | None:
    if not brief.moods:
        return None
    values = [_one_mood(MOODS[mood], measured) for mood in brief.moods]
    return sum(values) / len(values)


def _one_mood(weights: Sequence[float], measured: Measured) -> float:
    """Half, and more the more axes point the way that the mood does."""
    key = Key.from_name(measured.key) if measured.key else None
    known: list[tuple[float, float]] = []
    for weight, value in zip(
        weights,
        (
            None if key is None else (-1.0 if key.minor else 1.0),
            pace(measured),
            _power(measured),
            None if measured.height is None else _bounded((measured.height - 62) / 14),
        ),
        strict=True,
    ):
        if value is not None and weight:
            known.append((weight, value))
    whole = sum(abs(w) for w in weights)
    agreed = sum(w * v for w, v in known) / whole
    value = 0.5 + agreed / 2
    return value if measured.kind == "midi" else (value + UNKNOWN) / 2


def _power(measured: Measured) -> float | None:
    """How powerful music is, -1 to 1, by loudness and by who plays."""
    if measured.power is None or measured.loudness is None:
        return 0.5 if "drums" in measured.families else -0.5
    players = 2.5 * measured.power - 1 if measured.power else -1.0
    return _bounded((_bounded((measured.loudness - 78) / 25) + _bounded(players)) / 2)


def _bounded(value: float) -> float:
    return min(1.0, max(-1.0, value))


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
    place = _bounded((measured.height - 62) / 14) + 1
    return 1 - abs(place - REGISTERS.index(asked[0])) / 2


def _articulation(brief: Brief, measured: Measured) -> float | None:
    short, long = {"staccato", "pizzicato", "muted", "plucked"}, {"legato", "sustained", "bowed"}
    asked = [wish.value for wish in brief.articulations if wish.value in short | long]
    if not asked:
        return None
    if measured.sounding is None:
        return UNKNOWN
    place = _bounded(2.5 * measured.sounding - 1.25)
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
    "genre": ("genres", _genre),
    "mood": ("moods", _mood),
    "loudness": ("loudness", _loudness),
    "register": ("registers", _register),
    "articulation": ("articulations", _articulation),
}
"""By wish, the field of the Brief whose ``how`` it follows, and the function; None: not asked."""
