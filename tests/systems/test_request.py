"""Spans and Edits of any Score: times that agree, and data that goes to JSON and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.score import Score
from cantilena.score.midi import read_midi, write_midi
from cantilena.systems.request import MAX_SEED, Edit, Request, Span
from makers import briefs, scores


@st.composite
def spans(draw: st.DrawFn, score: Score, unit: str) -> tuple[Span, ...]:
    """Spans that follow one another, of which the last may be open."""
    number = st.integers(0, score.n_bars + 2)
    if unit == "seconds":
        length = float(score.seconds(score.end))
        number = st.floats(0, length + 2)
    ends = sorted(draw(st.lists(number, min_size=2, max_size=6, unique=True)))
    pairs: list[list] = [[a, b] for a, b in zip(ends[::2], ends[1::2], strict=False)]
    if draw(st.booleans()):
        pairs[-1][1] = None
    return tuple(Span(start, stop, unit) for start, stop in pairs)  # type: ignore[arg-type]


UNITS = st.sampled_from(["bars", "seconds"])


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    """Any Edit of any Score with notes, as it is read from its MIDI file."""
    base = read_midi(write_midi(draw(scores())))
    assume(len(base))
    tracks = None
    if draw(st.booleans()):
        tracks = draw(st.frozensets(st.integers(0, len(base.tracks) - 1)))
    try:
        return Edit(base, draw(spans(base, draw(UNITS))), tracks)
    except InputError as error:
        assert "ends at" in str(error)  # the spans may lie behind the end
        reject()


@given(scores(), UNITS, st.data())
def test_ticks_and_seconds_of_a_span_agree(score: Score, unit: str, data: st.DataObject):
    last = int(score.bar_starts[-1])
    for span in data.draw(spans(score, unit)):
        start, stop = span.ticks(score)
        at, until = span.seconds(score)
        assert (stop is None) == (until is None) == (span.stop is None)
        assert 0 <= start <= last
        assert stop is None or start <= stop
        if unit == "bars":
            assert start == score.bar_starts[min(int(span.start), score.n_bars)]
            assert at == pytest.approx(float(score.seconds(start)))
            assert stop is None or until == pytest.approx(float(score.seconds(stop)))
            continue
        assert (at, until) == (span.start, span.stop)
        # the first tick at that time or later: a note is inside by ticks where it is by seconds
        for tick, second in ((start, at), (stop, until)):
            if tick is None or second is None or tick == last:
                continue
            assert score.seconds(tick) >= second - 1e-6
            assert not tick or score.seconds(tick - 1) < second + 1e-6


@given(edits())
def test_an_edit_goes_to_json_and_back(edit: Edit):
    again = Edit.from_dict(json.loads(json.dumps(edit.to_dict())))
    assert again == edit
    assert again.kind == edit.kind
    assert again.to_dict() == edit.to_dict()


@given(briefs(), st.integers(0, MAX_SEED), st.none() | edits(), st.floats(0.1, 2))
def test_a_request_goes_to_json_and_back(brief, seed: int, edit: Edit | None, temperature: float):
    sampling = Sampling(temperature=temperature)
    request = Request(brief, seed, sampling, edit, "note", {"tokens": 30})
    data = json.loads(json.dumps(request.to_dict(), allow_nan=False))
    again = Request.from_dict(data)
    assert again == request and again.to_dict() == request.to_dict()


@pytest.mark.parametrize(
    ("start", "stop", "unit", "message"),
    [
        (2, 2, "bars", "nothing between"),
        (3, 1, "seconds", "nothing between"),
        (-1, 2, "bars", "0 bars or later"),
        (0.5, 2, "bars", "whole bars"),
        (float("nan"), 2, "seconds", "between numbers"),
        (0, float("inf"), "seconds", "between numbers"),
        (True, 2, "bars", "between numbers"),
        (0, 1, "beats", "bars or seconds"),
    ],
)
def test_spans_that_cannot_be(start, stop, unit, message: str):
    with pytest.raises(InputError, match=message):
        Span(start, stop, unit)


def test_edits_that_cannot_be():
    base = Score.build(24, [], [], [], [], [], [])
    with pytest.raises(InputError, match="no notes"):
        Edit(base, (Span(0, 1),))
