"""Tunes come in early and rest no longer than those of real songs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.score import DRUMS
from cantilena.systems.note.plan import MELODY, Plan
from cantilena.systems.note.planning import make_plan
from cantilena.systems.note.recurrence import HELD, NEW, REST, RHYTHM, BarPlan
from cantilena.systems.note.rests import IN_BY, longest_rest, sung
from cantilena.text.wishes import Brief, Instrument, Section
from makers import HABITS

FLUTE, OBOE, PIANO, GUITAR, BASS, KIT = (
    Instrument(name, (program,))
    for name, program in (
        ("flute", 73),
        ("oboe", 68),
        ("piano", 0),
        ("guitar", 25),
        ("bass", 33),
        ("drums", DRUMS),
    )
)
TRIO = (FLUTE, PIANO, BASS)


def plan_of(tune: str, instruments: tuple[Instrument, ...], seed: int = 0, **wishes) -> Plan:
    """A Plan by an arrangement whose tune is ``tune`` and whose other parts play all along."""
    others = [["harmony", 0, "." * 64], ["bass", 33, "." * 64], ["drums", 128, "." * 64]]
    song = {"genres": [], "metre": [4, 4], "parts": [["melody", 73, tune], *others]}
    brief = Brief(instruments=instruments, only=True, **wishes)
    return make_plan(brief, {**HABITS, "arrangements": [song]}, np.random.default_rng(seed))


def sings(plan: Plan) -> list[bool]:
    """Whether anybody with a tune begins notes in a bar."""
    tunes = [part for part in plan.parts if part.role == MELODY]
    return [any(p.bars[k].kind not in (REST, HELD) for p in tunes) for k in range(plan.bars)]


def rests(bars: list[bool]) -> list[int]:
    """The lengths of the rests between bars with the tune."""
    places = [k for k, one in enumerate(bars) if one]
    return [b - a - 1 for a, b in pairwise(places)]


ROWS = st.lists(st.sampled_from("..-_"), min_size=32, max_size=32).map("".join)


@settings(max_examples=60)
@given(ROWS, st.integers(8, 23), st.booleans(), st.integers(0, 2**32))
def test_short_pieces_have_their_tune_by_bar_three(tune: str, bars: int, two: bool, seed: int):
    instruments = (*TRIO, OBOE, KIT) if two else TRIO
    plan = plan_of(tune, instruments, seed, bars=bars)
    by_bar = sings(plan)
    assert any(by_bar[: IN_BY + 1]) and by_bar[IN_BY - 1 : IN_BY + 1] != [False, False]
    assert max(rests(by_bar), default=0) <= longest_rest(len(instruments), bars)


@pytest.mark.parametrize("instruments", [TRIO, (*TRIO, KIT), (*TRIO, GUITAR, KIT)])
def test_longer_pieces_wait_for_no_more_than_their_intro(instruments: tuple[Instrument, ...]):
    tune = "." + "-" * 12 + "...." + "-" * 10 + "....."
    for seed in range(10):
        bars = sings(plan_of(tune, instruments, seed, bars=32))
        first = bars.index(True)
        assert first <= 8 + IN_BY if len(instruments) > 3 else first <= IN_BY
        assert max(rests(bars)) <= longest_rest(len(instruments), 32)


def test_a_single_note_in_the_first_bar_is_no_entry():
    bars = sings(plan_of("." + "-" * 4 + "." * 11, TRIO, bars=16))
    assert bars[:4] == [True, False, True, True]


def test_a_tune_that_rests_by_its_form_does_so():
    form = (Section("intro", 8), Section("verse", 16), Section("interlude", 8))
    plan = plan_of("-" * 20 + "." * 20, (*TRIO, KIT), form=form)
    bars = sings(plan)
    assert not any(bars[:8]) and any(bars[8 : 8 + IN_BY + 1]) and not any(bars[24:31])
    assert max(rests(bars[:24])) <= longest_rest(4, plan.bars)


def test_what_is_put_in_for_a_rest_comes_back_after_a_phrase():
    plan = plan_of("." * 32, TRIO, bars=32)
    rows = {part.instrument: [BarPlan(NEW, notes=5)] * 32 for part in plan.parts}
    rows[73][4:28] = [BarPlan(REST)] * 24
    tune = sung(rows, plan)[73]
    assert [bar.kind for bar in tune[4:11]] == [REST] * 3 + [NEW] * 4
    assert {bar.notes for bar in tune[7:11]} == {5}
    assert tune[11:28] == [BarPlan(RHYTHM, k - 4) for k in range(11, 28)]


def test_rests_are_shorter_in_small_ensembles_and_short_pieces():
    assert [longest_rest(n, 32) for n in (2, 4, 5, 12)] == [3, 3, 4, 4]
    assert [longest_rest(n, 96) for n in (2, 4, 5, 12)] == [3, 3, 7, 8]
    assert [longest_rest(3, bars) for bars in (8, 16)] == [1, 2]
