"""What people say of a rewrite becomes a Request."""

from __future__ import annotations

import json

import pytest

from cantilena.errors import InputError
from cantilena.score import Score, Track
from cantilena.systems.request import Request, Span
from cantilena.systems.rewrites import REPLACEMENT, VARIATION, rewrite_request
from cantilena.text.brief import parse_brief
from cantilena.text.wishes import Brief


def band() -> Score:
    """Eight bars; the flute rests from the fifth on."""
    tracks = [Track("Keys", 0), Track("Flute", 73), Track("Low", 33), Track("Kit", 0, True)]
    rows = []
    for bar in range(8):
        rows += [(bar * 96, 96, pitch, 80, 0) for pitch in (60, 64, 67)]
        rows += [(bar * 96, 96, 36, 80, 2), (bar * 96, 12, 38, 80, 3)]
        rows += [(bar * 96, 96, 79, 80, 1)] if bar < 4 else []
    return Score.build(24, tracks, *zip(*rows, strict=True))


def request_of(text: str = "", **options) -> Request:
    return rewrite_request(band(), parse_brief(text), **options)


def edit_of(**options) -> tuple:
    edit = request_of(options.pop("text", ""), **options).edit
    assert edit is not None
    return edit.spans, edit.tracks


def test_bars_and_tracks():
    assert edit_of() == ((Span(0, 8),), None)
    assert edit_of(bars="3-4", tracks="lead") == ((Span(2, 4),), {1})
    assert edit_of(bars="1,4-5", tracks=[3, "drums"]) == ((Span(0, 1), Span(3, 5)), {2, 3})


def test_new_chords_are_for_pitched_tracks_unless_drums_are_named():
    assert edit_of(text="new chords Am F C G")[1] == {0, 1, 2}
    assert edit_of(text="Am F C G, with drums")[1] == {0, 1, 2, 3}
    assert edit_of(text="Am F C G", tracks="keys")[1] == {0}


def test_a_part_is_added_beside_all_that_is_there():
    request = request_of(add="cello countermelody", bars="1-2")
    assert request.edit is not None and request.edit.tracks == frozenset()
    assert request.options == {"add": "42"} and request.text == "cello countermelody"
    assert [i.name for i in request.brief.instruments] == ["cello"] and not request.brief.only


def test_an_instrument_is_replaced():
    request = request_of(replace="piano=nylon guitar")
    assert request.edit is not None and request.edit.tracks == {0}
    assert request.options == {"replace": "0=24", "lean": REPLACEMENT}


def test_a_variation_leans_on_what_stands_there():
    assert request_of(variation=True).options == {"lean": VARIATION}


def test_relative_words_are_not_unplaced_and_imply_nothing():
    brief = request_of("less busy, faster", tracks="lead").brief
    assert not brief.unplaced and brief.density is None and brief.tempo is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bars": "9"}, "has 8 bars; there is no bar 9"),
        ({"tracks": "oboe"}, "no track 'oboe'; the piece has 1 Keys"),
        ({"bars": "5-6", "tracks": "flute"}, "bars 5-6 of these tracks hold no notes"),
        ({"add": "something nice"}, "names no instrument"),
        ({"add": "flute", "tracks": "lead"}, "rewritten too"),
        ({"replace": "piano"}, "write it as in"),
        ({"replace": "oboe=guitar"}, "no track 'oboe'"),
        ({"replace": "piano=piano"}, "plays there already"),
        ({"replace": "drums=guitar"}, "do not play each other's parts"),
        ({"replace": "piano=guitar and flute"}, "by one other"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(options, said):
    with pytest.raises(InputError, match=said):
        request_of(**options)


def test_a_request_is_plain_data():
    request = request_of("higher", bars="1-2", tracks="lead", candidates=2, seed=5)
    assert Request.from_dict(json.loads(json.dumps(request.to_dict()))) == request
    assert Brief.from_dict(request.to_dict()["brief"]).text == "higher"
