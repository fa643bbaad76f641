"""Words for "more than before" and "less than before"."""

from __future__ import annotations

import pytest

from cantilena.text.brief import parse_brief
from cantilena.text.brief.relative import relative_wishes, without_relative


@pytest.mark.parametrize(
    ("text", "wishes"),
    [
        ("more syncopated, higher", {"syncopation": 1, "register": 1}),
        ("less syncopated", {"syncopation": -1}),
        ("syncopated", {"syncopation": 1}),
        ("busier and louder", {"density": 1, "loudness": 1}),
        ("less busy", {"density": -1}),
        ("softer, simpler", {"loudness": -1, "density": -1, "syncopation": -1}),
        ("lower, staccato", {"register": -1, "note length": -1}),
        ("legato please", {"note length": 1}),
        ("höher und leiser", {"register": 1, "loudness": -1}),
        ("faster", {"tempo": 1}),
        ("in the style of Bach", {}),
        ("a flower for the lowest bidder", {}),
        ("", {}),
    ],
)
def test_relative_wishes_are_read(text: str, wishes: dict[str, int]):
    assert {w.kind: w.sign for w in relative_wishes(text)} == wishes


def test_far_is_heard():
    assert relative_wishes("much higher")[0].far and relative_wishes("a lot busier")[0].far
    assert not relative_wishes("higher")[0].far


def test_what_is_relative_is_no_wish_of_its_own():
    """ "less busy" is no dense music, and its words are not unplaced."""
    brief = without_relative(parse_brief("less busy, higher, faster, purple"))
    assert brief.density is None and brief.tempo is None and not brief.how
    assert brief.unplaced == ("purple",)
    assert without_relative(parse_brief("dense jazz")) == parse_brief("dense jazz")
