"""Loudness as asked: of the whole, of parts, and in the course of a piece."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.score import DRUMS
from cantilena.systems.note.dynamics import LEVELS, USUAL, plan_dynamics
from cantilena.systems.note.plan import Plan
from cantilena.systems.note.planning import make_plan
from cantilena.systems.note.spans import span_of
from cantilena.text.report.listening import LOUDNESS_EDGES
from cantilena.text.wishes import Brief, Change, Instrument, PartWish, Section
from makers import HABITS

BAND = tuple(
    Instrument(name, (program,))
    for name, program in (("flute", 73), ("piano", 0), ("bass", 33), ("drums", DRUMS))
)


def plan_of(**wishes) -> tuple[Brief, Plan]:
    brief = Brief(instruments=BAND, only=True, bars=16, metre="4/4", **wishes)
    return brief, make_plan(brief, HABITS, np.random.default_rng(0))


def velocity(brief: Brief, plan: Plan, bar: float, instrument: int = 73, chosen: int = USUAL):
    dynamics = plan_dynamics(brief, plan)
    return dynamics.velocity(int(bar * 96), instrument, chosen) if dynamics else chosen


def test_who_asks_for_no_loudness_gets_what_the_model_chose():
    assert plan_dynamics(*plan_of()) is None


@pytest.mark.parametrize("word", LEVELS)
def test_a_loudness_is_the_mean_and_leaves_differences(word: str):
    asked = plan_of(loudness=(PartWish("", word),))
    assert velocity(*asked, 3) == LEVELS[word]
    assert velocity(*asked, 3, chosen=70) < velocity(*asked, 3, chosen=110)


def test_a_part_outranks_the_whole():
    asked = plan_of(loudness=(PartWish("flute", "loud"), PartWish("", "very soft")))
    assert velocity(*asked, 3, 73) == LEVELS["loud"]
    assert velocity(*asked, 3, 0) == LEVELS["very soft"]


@pytest.mark.parametrize(
    ("change", "rises"),
    [
        (Change("crescendo"), True),
        (Change("build"), True),
        (Change("diminuendo"), False),
        (Change("crescendo", "end"), True),
        (Change("fade in"), True),
        (Change("fade out"), False),
        (Change("fade out", "start"), False),
    ],
)
def test_swells_and_fades_go_their_way_and_no_further(change: Change, rises: bool):
    brief, plan = plan_of(changes=(change,))
    first, behind = span_of(change, plan)
    loud = [velocity(brief, plan, bar + 0.5) for bar in range(first, behind)]
    assert sorted(loud, reverse=not rises) == loud and abs(loud[0] - loud[-1]) > 12
    outside = [velocity(brief, plan, bar + 0.5) for bar in range(16) if not first <= bar < behind]
    assert set(outside) <= {USUAL}


def test_a_change_of_one_part_leaves_the_others():
    asked = plan_of(changes=(Change("crescendo", part="flute"),))
    assert velocity(*asked, 15, 73) > USUAL == velocity(*asked, 15, 0)


def test_it_ends_as_softly_as_asked():
    asked = plan_of(changes=(Change("loudness", "end", to="soft"),))
    assert velocity(*asked, 15) == LEVELS["soft"] and velocity(*asked, 2) == USUAL


def test_the_chorus_of_an_asked_form_is_louder_than_its_intro():
    form = (Section("intro", 4), Section("chorus", 8), Section("outro", 4))
    asked = plan_of(form=form)
    assert velocity(*asked, 1) < USUAL < velocity(*asked, 6)


@pytest.mark.parametrize("word", LEVELS)
@pytest.mark.parametrize("chosen", [20, 118])
def test_a_part_that_is_played_softly_or_loudly_throughout_is_as_loud_as_asked(
    word: str, chosen: int
):
    level = velocity(*plan_of(loudness=(PartWish("", word),)), 3, chosen=chosen)
    words = list(LOUDNESS_EDGES)
    assert next(w for w in words if level < LOUDNESS_EDGES[w]) == word
