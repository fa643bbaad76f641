"""Degrees of a key as chords: roman numerals, and progressions that have a name.

Knows what "ii", "bVII" and "V/vi" stand for and the famous progressions; does not know how they
stand in a text (``chords``).
"""

from __future__ import annotations

import re

from cantilena.errors import BriefError
from cantilena.score.harmony import Key, note_name, parse_chord

NUMERAL = r"(?:VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)"
ROMAN = re.compile(
    rf"(?<![\w#'/])(?P<acc>[#b]?)(?P<num>{NUMERAL})"
    r"(?P<suffix>(?:maj|M|min|m|dim|aug|°|o|ø|Δ|\+)?(?:13|11|9|7|6)?(?:sus[24]?|b5|add9)?)"
    rf"(?:/(?P<of>[#b]?{NUMERAL}))?(?![\w#'])"
)
_MAJOR_SCALE = (0, 2, 4, -1, 1, 3, 5)
_MINOR_SCALE = (0, 2, -3, -1, 1, -4, -2)
"""The degrees, in fifths above the tonic: they say how a note is spelled as well."""
_LEADING_NOTE = 5
_ACCIDENTALS = {"b": -7, "#": 7}  # fifths
_VALUE = {"i": 0, "ii": 1, "iii": 2, "iv": 3, "v": 4, "vi": 5, "vii": 6}
NAMED: tuple[tuple[str, str, str, int | None], ...] = (
    # pattern | numerals, two to a bar after "2:" | genre | bars
    (
        r"(?:twelve|12)[\s-]*bar\s+minor\s+blues|minor\s+(?:twelve|12)[\s-]*bar\s+blues",
        "i7 i7 i7 i7 iv7 iv7 i7 i7 bVI7 V7 i7 V7",
        "blues",
        12,
    ),
    (
        r"(?:twelve|12|zwolf)[\s-]*bars?\s+(?:jazz\s+|shuffle\s+)?(?:blues|progression|form)"
        r"|12\s*-?\s*taktige[rns]?\s+blues|blues\s+(?:progression|changes|form|scheme)",
        "I7 I7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7",
        "blues",
        12,
    ),
    (r"(?:eight|8)[\s-]*bar\s+blues", "I7 V7 IV7 IV7 I7 V7 I7 V7", "blues", 8),
    (r"rhythm\s+changes", "2: I6 VI7 ii7 V7 I6 VI7 ii7 V7 I7 I7 IV IVm I6 V7 I6 I6", "jazz", None),
    (
        r"pachelbel(?:'s)?\s+(?:canon\s+)?(?:chords|progression|changes)|canon\s+(?:progression|chords)",
        "I V vi iii IV I IV V",
        "",
        None,
    ),
    (r"andalusian\s+(?:cadence|progression)", "i bVII bVI V", "", None),
    (r"(?:doo[\s-]*wop|50s|fifties|'50s)\s+(?:progression|chords|changes)", "I vi IV V", "", None),
    (
        r"(?:axis|four[\s-]chord|4[\s-]chord|pop[\s-]punk)\s+(?:progression|song|chords|pop)"
        r"|axis\s+of\s+awesome",
        "I V vi IV",
        "",
        None,
    ),
    (r"royal\s+road(?:\s+progression)?", "IVmaj7 V7 iii7 vi", "", None),
    (
        r"(?:circle|cycle)\s+of\s+(?:fifths|fourths)(?:\s+progression)?",
        "vi ii V I IV viio iii vi",
        "",
        None,
    ),
    (
        r"(?:la\s+)?folia\s+(?:progression|chords|bass)",
        "i V i bVII bIII bVII i V i V i bVII bIII bVII i V",
        "",
        None,
    ),
)


NAMED_PATTERNS = tuple(
    (re.compile(rf"\b(?:{pattern})\b"), numerals, genre, bars)
    for pattern, numerals, genre, bars in NAMED
)


def is_minor(key: Key | None, numerals: list[str]) -> bool:
    """Whether numerals are those of a minor key: the key's own word, else a small "i"."""
    if key is not None:
        return key.minor
    return any(re.fullmatch(r"i(?![iv]).*", n) for n in numerals)


def realise(tokens: list[re.Match[str]], key: Key, jazzy: bool) -> list[str]:
    """Chord symbols of numerals in a key; ``jazzy`` gives plain triads their sevenths."""
    out: list[str] = []
    for t in tokens:
        numeral, suffix, of = t.group("num"), t.group("suffix") or "", t.group("of")
        small = numeral.islower()
        degree = _VALUE[numeral.lower()]
        scale = _MINOR_SCALE if key.minor and not t.group("acc") and not of else _MAJOR_SCALE
        fifths = scale[degree] + _ACCIDENTALS.get(t.group("acc"), 0)
        if key.minor and degree == 6 and small and suffix[:1] in ("o", "°", "d") and not of:
            fifths = _LEADING_NOTE
        if of:
            target = of.lstrip("#b").lower()
            home = _MINOR_SCALE if key.minor and of[0] not in "#b" else _MAJOR_SCALE
            fifths += home[_VALUE[target]] + _ACCIDENTALS.get(of[0], 0)
        if small and suffix.startswith(("maj", "M", "Δ")):
            suffix = "mMaj" + re.sub(r"^(?:maj|M|Δ)", "", suffix or "7")
        elif small and not suffix.startswith(("m", "o", "°", "ø", "dim", "aug", "+")):
            suffix = "m" + suffix
        if jazzy and suffix in ("", "m", "o", "dim", "°"):
            suffix = _sevenths(degree, suffix, small, key.minor)
        suffix = suffix.replace("min", "m").replace("mb5", "m7b5")
        suffix = {"o": "dim", "°": "dim", "o7": "dim7", "°7": "dim7"}.get(suffix, suffix)
        try:
            chord = parse_chord(f"C{suffix}")
        except BriefError:  # no such chord: "iiaug13sus2"
            chord = parse_chord("Cm" if small else "C")
        out.append(note_name(key.tonic_fifths + fifths) + chord.symbol)
    return out


def _sevenths(degree: int, suffix: str, small: bool, minor: bool) -> str:
    if suffix in ("o", "dim", "°"):
        return "m7b5"
    if small:
        return "m7b5" if minor and degree == 1 else "m7"
    return "7" if degree == 4 or (minor and degree == 6) else "maj7"
