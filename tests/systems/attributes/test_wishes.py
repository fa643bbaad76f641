"""Briefs as classes of attributes, and back."""

from __future__ import annotations

import pytest

from cantilena.systems.attributes.wishes import (
    GENRE_OF,
    GENRES,
    MOOD_OF,
    PROGRAMS,
    brief_of,
    classes_of,
)
from cantilena.text.brief import parse_brief
from cantilena.text.checks import check_brief
from cantilena.text.labels import GENRES as LABELS
from cantilena.text.labels import MOODS
from cantilena.tokens.remi.attributes import CLASS_OF, INSTRUMENTS


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("fast piece in 3/4", {"T1s1": 2, "TS1s1": 2}),
        ("8 bars at 76 bpm", {"B1s1": 1, "T1s1": 0}),
        ("20 bars", {}),
        ("in F minor, 7/8", {"K1": 1, "TS1s1": 6}),
        ("sad jazz, 40 seconds", {"S4_10": 0, "EM1": 2, "TM1": 2}),
        ("violin, no drums", {"I1s2_6": 0, "I1s2_27": 1}),
        ("sparse", {"R3": 0}),
    ],
)
def test_a_text_asks_for_classes(text: str, classes: dict):
    there = classes_of(parse_brief(text))
    assert {k: there[k] for k in classes} == classes
    if not classes:
        assert not there


def test_a_whole_list_refuses_all_others():
    there = classes_of(parse_brief("solo piano"))
    assert there["I1s2_0"] == 0 and all(there[f"I1s2_{k}"] == 1 for k in range(1, 28))


@pytest.mark.parametrize(
    "classes",
    [
        *({"T1s1": k, "R3": k, "K1": k % 2} for k in range(3)),
        *({"B1s1": k, "TS1s1": k, "EM1": k} for k in range(4)),
        *({"TM1": k, "TS1s1": 5} for k in range(5)),
        *({f"S4_{k}": 0} for k in sorted(set(GENRE_OF.values()))),
        *({f"I1s2_{k}": 0, f"I1s2_{(k + 1) % 28}": 1} for k in range(28)),
        {f"I1s2_{k}": int(k > 2) for k in range(28)},
    ],
)
def test_classes_of_the_brief_of_classes_are_the_same(classes: dict):
    brief = check_brief(brief_of(classes, "x"))
    assert classes_of(brief) == classes


def test_tables_name_what_there_is():
    assert set(GENRE_OF) <= set(LABELS) and set(GENRE_OF.values()) < set(range(len(GENRES)))
    assert set(MOOD_OF) <= set(MOODS) and set(MOOD_OF.values()) == set(range(4))
    assert sum(map(len, PROGRAMS)) == len(CLASS_OF) and len(PROGRAMS) == len(INSTRUMENTS)
    assert PROGRAMS[27][0] == 128 and PROGRAMS[10][0] == 48 and PROGRAMS[0][0] == 0
