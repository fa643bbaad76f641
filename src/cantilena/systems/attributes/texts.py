"""Texts with the attributes that they say, to learn reading from: patterns put together, and
captions.

Knows attributes, patterns and facts; does not know models or tokens. A pattern says one attribute,
a text up to nine of them as sentences or between commas, and a quarter of the texts are captions
(``text.caption``) of random facts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cantilena.score import DRUMS
from cantilena.score.harmony import Key
from cantilena.systems.attributes import phrases
from cantilena.systems.attributes.wishes import (
    DENSITIES,
    GENRE_OF,
    GENRES,
    PROGRAMS,
    genre_classes,
    mood_classes,
    tempo_of,
)
from cantilena.text.caption import INSTRUMENT_WORDS, write_caption
from cantilena.text.facts import Facts
from cantilena.text.labels import GENRE_WORDS, MOODS
from cantilena.text.wordlists import split_names
from cantilena.tokens.remi.attributes import CLASS_OF, INSTRUMENTS, METRES, NO, YES
from cantilena.tokens.remi.vocab import ATTRIBUTE_CLASSES

KEYS = tuple(key for key, _ in ATTRIBUTE_CLASSES if key not in ("I4", "C1", "ST1"))
"""The 60 attributes that are read out of a text, in the published order."""
VALUES = tuple(count for key, count in ATTRIBUTE_CLASSES if key in KEYS)
"""How many classes each has; the last says that the text does not say it."""
SINGLE = ("R1", "R3", "S2s1", "B1s1", "TS1s1", "K1", "T1s1", "P4", "EM1", "TM1")
_WORDS = {
    "R1": "dance",
    "R3": "density",
    "S2s1": "composer",
    "B1s1": "bars",
    "TS1s1": "metre",
    "K1": "key",
    "T1s1": "tempo",
    "P4": "octaves",
    "EM1": "mood",
    "TM1": "seconds",
}
NAMES = tuple(
    {"I1s2": INSTRUMENTS, "S4": GENRES}[kind][int(number)] if number else _WORDS[kind]
    for kind, _, number in (key.partition("_") for key in KEYS)
)
"""What each of ``KEYS`` is called in English."""
CAPTIONS = 0.25
"""Share of the texts to learn from that are captions of random facts."""
MOST = 7
"""Patterns of a text beside those of instruments."""
TONICS = split_names("C, C#, Db, D, Eb, E, F, F#, Gb, G, Ab, A, Bb, B")

Text = tuple[str, dict[str, int]]


def text_of(rng: np.random.Generator, patterns: phrases.Patterns = phrases.TRAINED) -> Text:
    """A random text and the classes that it says, by attribute; captions are among the texts of
    ``TRAINED`` alone."""
    if patterns is phrases.TRAINED and rng.random() < CAPTIONS:
        return _caption(rng)
    parts: list[str] = []
    classes: dict[str, int] = {}
    if rng.random() < 0.6:
        _add_instruments(parts, classes, rng, patterns)
    if rng.random() < 0.4:
        _add_genre(parts, classes, rng, patterns)
    singles = rng.permutation(SINGLE)[: int(rng.integers(0 if parts else 1, MOST + 1))]
    for key in singles.tolist():
        parts.append(_single(key, classes, rng, patterns))
    return _joined(parts, rng), classes


def targets(classes: Mapping[str, int]) -> np.ndarray:
    """(60,) int64, the classes of all attributes (``KEYS``), each that a text does not say as its
    last."""
    rows = [classes.get(key, count - 1) for key, count in zip(KEYS, VALUES, strict=True)]
    return np.array(rows, dtype=np.int64)


def _pick(options: Sequence[Any], rng: np.random.Generator) -> Any:
    return options[int(rng.integers(len(options)))]


def _joined(parts: list[str], rng: np.random.Generator) -> str:
    """Patterns as one text: sentences as they are, the others with commas or as sentences."""
    shuffled = [parts[i] for i in rng.permutation(len(parts))]
    opening = _pick(phrases.OPENINGS, rng)
    clauses = [part for part in shuffled if not part.endswith(".")]
    sentences = [part for part in shuffled if part.endswith(".")]
    head = ", ".join([*([opening] if opening else []), *clauses])
    stop = "." if sentences else _pick(("", "."), rng)
    whole = " ".join([*([head + stop] if head else []), *sentences])
    whole = whole[:1].upper() + whole[1:] if rng.random() < 0.5 else whole
    return (whole + _pick(phrases.CLOSINGS, rng)).strip()


def _add_instruments(
    parts: list[str], classes: dict[str, int], rng: np.random.Generator, patterns: phrases.Patterns
) -> None:
    """One to five instruments that play, in four of five such texts, and at times one or two that
    do not."""
    kinds = rng.permutation(len(INSTRUMENTS)).tolist()
    # the first five kinds may play, so that those from the seventh on are others
    playing, silent = kinds[: int(rng.integers(1, 6))], kinds[6 : 6 + int(rng.integers(0, 3))]
    if rng.random() < 0.2:
        playing = []
    for group, name, value in ((playing, "with", YES), (silent, "without", NO)):
        words = [_instrument_word(kind, rng) for kind in group]
        classes.update({f"I1s2_{kind}": value for kind in group})
        if words:
            listed = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
            parts.append(_pick(patterns[name], rng).format(listed))


def _instrument_word(kind: int, rng: np.random.Generator) -> str:
    if rng.random() < 0.3 and INSTRUMENTS[kind] not in ("sound-effect", "ethnic"):
        return INSTRUMENTS[kind]
    program = PROGRAMS[kind][0] if rng.random() < 0.4 else _pick(PROGRAMS[kind], rng)
    return _pick(INSTRUMENT_WORDS[program], rng)


def _add_genre(
    parts: list[str], classes: dict[str, int], rng: np.random.Generator, patterns: phrases.Patterns
) -> None:
    value = NO if rng.random() < 0.15 else YES
    if rng.random() < 0.2:
        kind = _pick(tuple(phrases.GENRE_WORDS), rng)
        word = _pick(phrases.GENRE_WORDS[kind], rng)
    else:
        label = _pick(tuple(GENRE_OF), rng)
        kind, word = GENRE_OF[label], label
        if rng.random() < 0.3:
            word = _pick(GENRE_WORDS[label], rng)
    classes[f"S4_{kind}"] = value
    parts.append(_pick(patterns[f"S4_{value}"], rng).format(word))


def _single(
    key: str, classes: dict[str, int], rng: np.random.Generator, patterns: phrases.Patterns
) -> str:
    """A pattern of one attribute, whose class it notes in ``classes``."""
    count = dict(ATTRIBUTE_CLASSES)[key] - 1
    value = classes[key] = int(rng.integers(count))
    if key in ("R1", "R3"):
        return _pick(patterns[f"{key}_{value}"], rng)
    if key == "T1s1" and rng.random() < 0.5:
        low, high = ((40, 77), (77, 120), (120, 221))[value]  # bpm of each class of T1s1
        return _pick(patterns["T1s1_number"], rng).format(int(rng.integers(low, high)))
    name = "T1s1_word" if key == "T1s1" else key
    return _pick(patterns[name], rng).format(_slot(key, value, rng))


def _slot(key: str, value: int, rng: np.random.Generator) -> str:
    """Words for a class."""
    if key == "S2s1":
        return phrases.ARTISTS[value]
    if key == "B1s1":
        low = 4 * value + 1
        if rng.random() < 0.25:
            return f"{low} to {low + 3}"
        return str(int(rng.integers(low, low + 4)))
    if key == "TS1s1":
        return _pick(phrases.METRE_WORDS[value], rng)
    if key == "K1":
        mode = ("major", "minor")[value]
        return f"{_pick(TONICS, rng)} {mode}" if rng.random() < 0.7 else f"a {mode} key"
    if key == "T1s1":
        return _pick(phrases.TEMPOS[value], rng)
    if key == "P4":
        return phrases.NUMBERS[value] if value < 10 and rng.random() < 0.5 else str(value)
    if key == "EM1":
        return _pick(phrases.MOODS[value], rng)
    # from and up to which seconds each class of TM1 is
    seconds = int(rng.integers((5, 16, 31, 46, 61)[value], (16, 31, 46, 61, 241)[value]))
    if seconds >= 60 and rng.random() < 0.5:
        return f"{seconds // 60}:{seconds % 60:02d} minutes"
    return f"{seconds} {_pick(('seconds', 's', 'sec'), rng)}"


# ------------------------------------------------------------------ captions


def _caption(rng: np.random.Generator) -> Text:
    """A caption of random facts, all of which it says."""
    programs = rng.permutation(DRUMS + 1)[: int(rng.integers(1, 5))].tolist()
    if rng.random() < 0.4:
        programs.append(DRUMS)
    instruments = tuple(dict.fromkeys(programs))
    key = Key(int(rng.integers(12)), bool(rng.integers(2))) if rng.random() < 0.7 else None
    metre = _pick(METRES[:5] if rng.random() < 0.5 else METRES[:1], rng)
    genres = (_pick(tuple(GENRE_OF), rng),) if rng.random() < 0.5 else ()
    moods = (_pick(MOODS, rng),) if rng.random() < 0.5 else ()
    density = _pick((None, None, "sparse", "dense"), rng)
    bars = int(rng.integers(1, 17)) if rng.random() < 0.5 else None
    bpm = float(rng.integers(45, 200))
    facts = Facts(key, metre, bpm, instruments, (), bars, None, density, None, genres, moods)
    text = write_caption(facts, rng)
    classes = {f"I1s2_{CLASS_OF[i]}": YES for i in instruments}
    if DRUMS not in instruments and any(w in text for w in ("no drums", "without drums")):
        classes[f"I1s2_{CLASS_OF[DRUMS]}"] = NO
    if key is not None:
        classes["K1"] = int(key.minor)
    classes |= {"TS1s1": METRES.index(metre), "T1s1": tempo_of(bpm)}
    classes |= {**genre_classes(genres), **mood_classes(moods)}
    if density is not None:
        classes["R3"] = DENSITIES.index(density)
    if bars is not None:
        classes["B1s1"] = (bars - 1) // 4
    return text, classes
