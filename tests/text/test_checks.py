"""Briefs from files that were changed by hand."""

from __future__ import annotations

from typing import Any

import pytest

from cantilena.errors import BriefError
from cantilena.systems.note.composer import Request
from cantilena.text.brief import parse_brief
from cantilena.text.checks import check_brief
from cantilena.text.wishes import Brief

TEXTS = (
    "a slow sad waltz for string quartet in D minor, 16 bars",
    "lofi beat, 82 bpm, rhodes and upright bass, Dm9 G13 Cmaj7, swing, no drums, sparse",
    "30 seconds of nonsense words, two chords per bar Am F C G",
    "",
)


@pytest.mark.parametrize("text", TEXTS)
def test_what_was_written_is_read_again(text: str):
    brief = parse_brief(text)
    assert check_brief(brief) is brief
    request = Request(brief, 5)
    assert Request.from_dict(request.to_dict()) == request
    assert check_brief(Brief.from_dict(brief.to_dict())) == brief


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", 5),
        ("text", None),
        ("instruments", [1, 2]),
        ("excluded", [129]),
        ("instruments", [{"name": "x", "programs": [999]}]),
        ("tempo", "fast"),
        ("instruments", [{"name": "x", "programs": []}]),
        ("tempo_range", [1]),
        ("instruments", [{"name": "x", "programs": [0], "count": 0}]),
        ("bars", 2.5),
        ("tempo_range", [90, 80]),
        ("chords", ["C", 5]),
        ("chord_beats", "x"),
        ("chord_beats", 0),
        ("genres", ["zzz"]),
        ("moods", [["sad"]]),
        ("moods", "sad"),
        ("swing", "yes"),
        ("only", 1),
        ("unplaced", 7),
        ("how", 5),
        ("seconds", True),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused(name: str, value: Any):
    data = Request(parse_brief("a waltz for piano"), 5).to_dict()
    data["brief"][name] = value
    with pytest.raises(BriefError):
        Request.from_dict(data)


@pytest.mark.parametrize("seed", [-1, 2**63, "x", None, [1]])
def test_a_seed_out_of_range_is_refused(seed: Any):
    with pytest.raises(BriefError):
        Request.from_dict({**Request(Brief(), 5).to_dict(), "seed": seed})
