"""Music put into a span: whatever the file and the span, nothing outside of it changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.score import DRUMS, Score, Track
from cantilena.score.midi import read_midi, write_midi
from cantilena.score.splice import inside
from cantilena.systems.request import Edit, Request, Span
from cantilena.text.brief import parse_brief
from cantilena.text.wishes import Brief
from full_file import full_file
from makers import scores

ONE = Sampling(best_of=1)
TEXTS = (
    "",
    "higher, more syncopated",
    "busier, louder",
    "sparser, staccato, lower",
    "legato, Am F C G",
    "with a cello",
)


@pytest.fixture(scope="module")
def composer(tiny_composer):
    return tiny_composer


def rows(score: Score, keep: np.ndarray, tpq: int = 1) -> list[tuple[int, ...]]:
    """(onset, duration, pitch, velocity, track) of some notes, in order."""
    columns = (score.onset, score.duration, score.pitch, score.velocity, score.track)
    return sorted(zip(*(column[keep].tolist() for column in columns), strict=True))


def assert_outside_kept(edit: Edit, score: Score) -> None:
    """All events of the base outside of the Edit are in the Score, and no others are."""
    base, spans = edit.base, [span.ticks(edit.base) for span in edit.spans]
    assert score.tpq == base.tpq and score.tracks[: len(base.tracks)] == base.tracks
    for name in ("tempo_tick", "tempo_us", "metre_tick", "metre_num", "key_tick", "key_fifths"):
        assert np.array_equal(getattr(base, name), getattr(score, name))
    tracks = None if edit.tracks is None else set(edit.tracks)
    gone = inside(base.onset, base.track, spans, tracks)
    added = {*range(len(base.tracks), len(score.tracks))}
    new = inside(score.onset, score.track, spans, None if tracks is None else tracks | added)
    assert rows(score, ~new) == rows(base, ~gone)
    starts = score.onset[new] + score.duration[new]
    stops = [score.bar_starts[-1] if stop is None else stop for _, stop in spans]
    assert (starts <= max(stops)).all()
    outside = [
        s.controls.select(~inside(s.controls.tick, s.controls.track, spans, tracks))
        for s in (base, score)
    ]
    assert outside[0] == outside[1]
    assert [t for t in score.texts if t.track is None] == [t for t in base.texts if t.track is None]
    assert score.opaque == base.opaque and score.title == base.title


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(scores(), st.data())
def test_nothing_outside_changes(composer, base: Score, data):
    assume(len(base) and base.n_bars < 4000)
    start = data.draw(st.integers(0, base.n_bars - 1))
    stop = data.draw(st.integers(start + 1, min(start + 3, base.n_bars)))
    numbers = st.frozensets(st.integers(0, len(base.tracks) - 1))
    tracks = data.draw(st.none() | numbers)
    brief = parse_brief(data.draw(st.sampled_from(TEXTS)))
    options = data.draw(st.sampled_from([{}, {"lean": 2.5}, {"add": "42"}]))
    options = {"candidates": data.draw(st.integers(1, 2)), **options}
    edit = Edit(base, (Span(start, stop),), tracks)
    request = Request(brief, data.draw(st.integers(0, 9)), ONE, edit, options=options)
    try:
        composer.check(composer.completed(request))
    except InputError as error:
        assert "nobody" in str(error)  # noqa: PT017
        return
    assert_outside_kept(edit, composer.compose([request])[0].score)
