"""Briefs as data: whatever one may hold goes to JSON and back."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from cantilena.text.wishes import Brief
from makers import briefs


@given(briefs())
def test_a_brief_goes_to_json_and_back(brief: Brief):
    data = brief.to_dict()
    again = Brief.from_dict(json.loads(json.dumps(data)))
    assert again == brief
    assert again.to_dict() == data


@given(briefs(), st.integers(1, 99), st.sampled_from(["3/4", "6/8"]))
def test_wishes_that_are_set_count_as_said_and_leave_the_others(brief: Brief, bars: int, metre):
    once = brief.with_wishes(bars=bars, metre=metre)
    assert (once.bars, once.metre) == (bars, metre)
    assert once.how == {**brief.how, "bars": "said", "metre": "said"}
    assert once.with_wishes(bars=bars, metre=metre) == once
    same = {**once.to_dict(), **{name: brief.to_dict()[name] for name in ("bars", "metre", "how")}}
    assert same == brief.to_dict()
