"""Lines of words to sing, made of small tables: our own, so that they may be used for anything.

Knows words; does not know voices or notes.
"""

from __future__ import annotations

import numpy as np


def _cut(at: str, text: str) -> list[str]:
    return text.split(at)


_ADJECTIVES = _cut(
    " ",
    "silver golden quiet lonely little gentle distant broken sleepy open empty early summer "
    "winter tender yellow narrow hidden",
)
_NOUNS = _cut(
    " ",
    "river moon garden water morning fire window island shadow meadow candle mountain season "
    "feather harbour village bird star road sea wind rain house light stone boat bell field",
)
_VERBS = _cut(
    " ",
    "wakes sleeps sings falls shines waits turns burns calls dreams moves glows sails stays runs "
    "breaks",
)
_PLACES = _cut(
    "|",
    "in the valley|by the ocean|over the hill|under the tree|far from the city|down by the sea|"
    "behind the door|after the rain|before the dawn|all through the night",
)
_PLEAS = _cut(
    "|", "stay with|wait for|sing to|walk with|dream of|come to|think of|look for|go with"
)
_PEOPLE = _cut("|", "me|you|my mother|my brother|my father|the children|your lover|the sailor")
_PATTERNS = (
    "the {a} {n} {v}",
    "a {n} {v} {p}",
    "{q} {w} {p}",
    "my {a} {n} and the {o}",
    "{q} {w} my {a} {n}",
    "oh the {n} and the {o} {p}",
    "no {n} {v} like the {o}",
    "where the {a} {n} {v} {q} {w}",
)


def own_lines(count: int, seed: int = 0) -> list[str]:
    """``count`` different lines."""
    rng = np.random.default_rng([seed, 17])
    tables = {"a": _ADJECTIVES, "n": _NOUNS, "o": _NOUNS, "v": _VERBS, "p": _PLACES}
    tables |= {"q": _PLEAS, "w": _PEOPLE}
    lines: dict[str, None] = {}
    while len(lines) < count:
        pattern = _PATTERNS[int(rng.integers(len(_PATTERNS)))]
        words = {key: table[int(rng.integers(len(table)))] for key, table in tables.items()}
        if words["n"] != words["o"]:
            lines[pattern.format(**words)] = None
    return list(lines)
