"""Which Plans are preferred: what is counted on them, and that the order is the worth's."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.score.harmony import Key, parse_chord
from cantilena.systems.note.plan import BASS, DRUM, MELODY, PartPlan, Plan
from cantilena.systems.note.preferring import (
    NAMES,
    PlanWorth,
    plan_features,
    preferred,
    shipped,
)
from cantilena.systems.note.recurrence import EXACT, HELD, REST, BarPlan


def part(instrument: int, role: str, bars: list[BarPlan]) -> PartPlan:
    return PartPlan(instrument, role, 40, 80, 1, 0.0, "", bars=tuple(bars))


def plan(chords: str = "C G7 Am F", tune: list[BarPlan] | None = None) -> Plan:
    """Eight bars: a tune that comes back after four, a bass that rests for two."""
    new, again = BarPlan(notes=4), [BarPlan(EXACT, k - 4, 4) for k in range(4, 8)]
    symbols = [parse_chord(name) for name in chords.split()]
    names = [*symbols, *symbols][:8]
    bare = Plan((), 120.0, (4, 4), Key(0), 8, ())
    length = bare.bar_ticks
    return Plan(
        (
            part(73, MELODY, tune or [new] * 4 + again),
            part(33, BASS, [BarPlan(REST, notes=0)] * 2 + [BarPlan(notes=2)] * 6),
        ),
        *(120.0, (4, 4), Key(0), 8),
        tuple((k * length, chord) for k, chord in enumerate(names)),
        density=6.0,
        polyphony=2.0,
    )


def test_what_is_counted():
    counted = dict(zip(NAMES, plan_features(plan()).tolist(), strict=True))
    assert counted["chord changes"] == pytest.approx(7 / 8)
    assert counted["chord entropy"] == pytest.approx(2.0)
    assert counted["chord sevenths"] == pytest.approx(1 / 4)
    assert counted["chord again 4"] == 1.0 and counted["chord again 2"] == 0.0
    assert np.isnan(counted["chord again 8"])
    assert counted["melody exact"] == counted["melody new"] == counted["melody lag 4"] == 0.5
    assert counted["bass new"] == 1.0 and counted["bass notes"] == 2.0
    assert np.isnan(counted["harmony new"]) and np.isnan(counted[f"{DRUM} notes"])
    assert counted["density"] == 6.0


def test_who_is_silent_does_not_count():
    held = [BarPlan(notes=4), BarPlan(HELD, notes=0)] * 4
    rests = [BarPlan(notes=4), BarPlan(REST, notes=0)] * 4
    plays = [BarPlan(notes=4)] * 8
    rows = [plan_features(plan(tune=tune)) for tune in (held, rests, plays)]
    np.testing.assert_array_equal(rows[0], rows[1])
    np.testing.assert_array_equal(rows[0], rows[2])


def test_the_one_of_most_worth_comes_first_and_equals_keep_their_order():
    plans = [plan("C Am"), plan("C G Am F"), plan("C Am"), plan("C C C C")]
    worth = shipped()(np.array([plan_features(one) for one in plans]))
    assert preferred(plans) == [plans[i] for i in np.argsort(-worth, kind="stable")]
    assert preferred(plans[:1]) == plans[:1]
    assert worth[0] == worth[2] and len(set(worth.tolist())) == 3


def test_weights_come_back_from_plain_data_and_other_features_are_refused():
    data = shipped().to_dict()
    again = PlanWorth.from_dict(data)
    row = plan_features(plan())[None]
    assert again(row) == pytest.approx(shipped()(row))
    with pytest.raises(ValueError, match="learn them again"):
        PlanWorth.from_dict(data | {"features": ["tempo"]})
