"""The report of sound that no Score led: lengths, and why nothing else is measured."""

from __future__ import annotations

import pytest

from cantilena.text.brief import parse_brief
from cantilena.text.report.sound import BY_EAR, NO_BAR, NO_NOTES, sound_report
from cantilena.text.wishes import Brief


def rows_of(brief: Brief, seconds: float, bar: float | None = None) -> dict[str, tuple]:
    return {row.wish: (row.achieved, row.met) for row in sound_report(brief, seconds, bar)}


@pytest.mark.parametrize(("seconds", "met"), [(10.0, True), (9.5, True), (7.0, False)])
def test_an_asked_length_is_measured(seconds: float, met: bool):
    assert rows_of(Brief(seconds=10.0), seconds) == {"seconds": (f"{seconds:.1f} s", met)}
    span = Brief(seconds=10.0, seconds_range=(9.8, 12.0))
    assert rows_of(span, 7.0)["seconds"][1] is False and rows_of(span, 11.9)["seconds"][1] is True


def test_bars_are_those_of_the_tempo():
    brief = Brief(bars=8)
    assert rows_of(brief, 16.0, 2.0) == {"bars": ("16.0 s, as long as 8 bars", True)}
    assert rows_of(brief, 15.0, 2.0) == {"bars": ("15.0 s, as long as 7.5 bars", False)}
    assert rows_of(brief, 16.0) == {"bars": (NO_BAR, None)}
    some = Brief(bars=8, bars_range=(6, 10))
    assert rows_of(some, 13.0, 2.0)["bars"] == ("13.0 s, as long as 6.5 bars", True)


def test_every_other_wish_says_why_it_is_not_measured():
    brief = parse_brief("a sad jazz waltz for flute without drums in D minor at 90 bpm, C G Am F")
    rows = rows_of(brief, 10.0, 2.0)
    by_ear = {name for name, row in rows.items() if row == (BY_EAR, None)}
    assert by_ear == {"tempo", "key", "chords"}
    others = {name for name, row in rows.items() if row == (NO_NOTES, None)}
    wishes = {"instruments", "only", "excluded", "metre", "chord order", "genre", "mood"}
    assert others == wishes
    assert set(rows) == by_ear | others


def test_a_story_has_a_row_for_each_part():
    rows = sound_report(Brief(), 10.0, None, [(0.0, "calm"), (5.5, "fast drums")])
    assert [row.asked for row in rows] == ["from 0 s: calm", "from 5.5 s: fast drums"]
    assert {(row.wish, row.achieved, row.met) for row in rows} == {("story", NO_NOTES, None)}
