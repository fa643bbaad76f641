"""Changes of tempo and key: where they are and what they change to."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.score.harmony import Key
from cantilena.systems.note.plan import Plan
from cantilena.systems.note.planning import make_plan
from cantilena.text.wishes import Brief, Change, Section
from makers import HABITS


def plan_of(*changes: Change, **wishes) -> Plan:
    brief = Brief(bars=16, tempo=100, metre="4/4", changes=changes, **{"key": "C major"} | wishes)
    return make_plan(brief, HABITS, np.random.default_rng(0))


def test_a_ritardando_slows_the_last_bars_down():
    plan = plan_of(Change("ritardando", "end"))
    ticks, tempos = zip(*plan.tempos, strict=True)
    assert ticks[0] == 14 * 96 and all(np.diff(ticks) > 0)
    assert all(np.diff(tempos) < 0) and tempos[-1] == 65


def test_behind_an_accelerando_in_the_middle_the_tempo_is_as_before():
    plan = plan_of(Change("accelerando", "middle"))
    assert plan.tempos[-1][1] == 100 and max(bpm for _, bpm in plan.tempos) == 130


@pytest.mark.parametrize(("to", "bpm"), [("140", 140), ("slow", 75), ("fast", 133)])
def test_a_tempo_changes_to_what_is_asked(to: str, bpm: float):
    assert plan_of(Change("tempo", "end", to=to)).tempos == ((12 * 96, bpm),)


def test_a_section_of_its_own_tempo_and_key():
    form = (Section("verse", 8), Section("chorus", 8))
    changes = Change("tempo", "chorus", to="120"), Change("key", "last chorus", to="D major")
    plan = plan_of(*changes, form=form)
    assert plan.tempos == ((8 * 96, 120.0),)
    assert plan.key_at(8 * 96 - 1) == Key.from_name("C major")
    assert plan.key_at(8 * 96) == plan.key_at(15 * 96) == Key.from_name("D major")


@pytest.mark.parametrize(
    ("to", "key"), [("", "D major"), ("Eb major", "Eb major"), ("C minor", "C minor")]
)
def test_chords_go_along_into_another_key(to: str, key: str):
    plain, plan = plan_of(), plan_of(Change("key", "end", to=to))
    assert plan.key_at(plan.end - 1).name == key
    assert [c for t, c in plan.chords if t < 12 * 96] == [c for t, c in plain.chords if t < 12 * 96]
    last = plan.chords[-1][1]
    assert last.root == Key.from_name(key).tonic
    assert (last.intervals[1] == 3) == Key.from_name(key).minor


def test_a_key_change_to_the_same_key_is_none():
    assert not plan_of(Change("key", "end", to="C major")).keys
