"""Sections of an asked form: choruses are the fullest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.systems.note.recurrence import NEW, REST, BarPlan
from cantilena.systems.note.sections import SectionPlan
from cantilena.systems.note.shaping import FULLER, MOST_FULLER, fuller
from cantilena.tokens.note.outline import UNKNOWN_COUNT


def sections(*names: str) -> list[SectionPlan]:
    """Sections of two bars."""
    return [SectionPlan(name, 2 * k, 2, name, asked=True) for k, name in enumerate(names)]


def row(*notes: int) -> list[BarPlan]:
    return [BarPlan(NEW if n else REST, notes=n) for n in notes]


def counts(rows: dict[int, list[BarPlan]]) -> dict[int, list[int]]:
    return {i: [bar.notes for bar in row] for i, row in rows.items()}


def test_a_chorus_thinner_than_its_verse_gets_more_notes():
    form = sections("intro", "verse", "chorus")
    rows = {0: row(1, 1, 20, 20, 12, 10), 33: row(0, 0, 4, 4, 4, 6)}
    after = counts(fuller(rows, form))
    assert [r[:4] for r in after.values()] == [[1, 1, 20, 20], [0, 0, 4, 4]]
    verse, chorus = 24, sum(sum(r[4:]) for r in after.values()) / 2
    assert chorus == pytest.approx(FULLER * verse, abs=1)
    assert after[0][4] > after[0][5] and after[33][4] < after[33][5]  # each in its proportion


@pytest.mark.parametrize(
    ("names", "notes"),
    [
        (("verse", "chorus"), (8, 8, 12, 12)),  # fuller already
        (("A", "B"), (8, 8, 2, 2)),
        (("intro", "chorus"), (8, 8, 2, 2)),  # nothing that it could be held against
        (("verse", "chorus"), (UNKNOWN_COUNT,) * 4),
    ],
)
def test_others_stay_as_they_are(names, notes):
    rows = {0: [BarPlan(notes=n) for n in notes]}
    assert counts(fuller(rows, sections(*names))) == counts(rows)


@given(st.lists(st.integers(0, 40), min_size=8, max_size=8))
def test_silent_bars_stay_silent_and_nothing_is_more_than_doubled(notes):
    rows = {0: row(*notes)}
    after = counts(fuller(rows, sections("verse", "chorus", "verse", "chorus")))[0]
    for before, now in zip(notes, after, strict=True):
        assert before <= now <= max(MOST_FULLER * before, 0)
