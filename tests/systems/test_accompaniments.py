"""What people ask to be added to a piece becomes a Request."""

from __future__ import annotations

import pytest

from cantilena.errors import InputError
from cantilena.score import Score, Track
from cantilena.systems.accompaniments import accompany_request, harmonise_request, melody_request
from cantilena.systems.request import Request, Span
from cantilena.text.brief import parse_brief
from pieces import TPQ, accompaniment, drums, line


def tune(bars: int = 8, rest: int = 0) -> Score:
    """A tune of quarters on the flute, after some bars of rest."""
    pitches = [72, 74, 76, 77, 79, 77, 76, 74] * bars
    rows = [
        (TPQ * (4 * rest + k), TPQ, pitch, 80, 0) for k, pitch in enumerate(pitches[: 4 * bars])
    ]
    return Score.build(TPQ, [Track("Flute", 73)], *zip(*rows, strict=True))


def options(request: Request) -> dict:
    return dict(request.options)


def roles(request: Request) -> dict[int, str]:
    pairs = [pair.split("=") for pair in request.options["roles"].split(",")]
    return {int(program): role for program, role in pairs}


def test_a_melody_gets_chords_and_a_bass_that_are_chosen_for_it():
    request = harmonise_request(tune(), parse_brief(""), seed=5)
    assert roles(request) == {0: "harmony", 32: "bass"}
    assert request.options["add"] == "0,32" and request.options["harmony"] == "chosen"
    assert request.edit is not None and request.edit.tracks == frozenset() and request.seed == 5


def test_who_is_named_plays_and_who_is_excluded_does_not():
    assert roles(harmonise_request(tune(), parse_brief("organ"))) == {16: "harmony", 32: "bass"}
    assert roles(harmonise_request(tune(), parse_brief("for organ"))) == {16: "harmony"}
    named = roles(harmonise_request(tune(), parse_brief("nylon guitar and bass, no piano")))
    assert named[24] == "harmony" and sorted(named.values()) == ["bass", "harmony"]
    assert list(roles(harmonise_request(tune(), parse_brief("solo harp only")))) == [46]


def test_a_genre_casts_its_own_and_implies_no_tempo():
    request = harmonise_request(tune(), parse_brief("bossa nova"))
    assert roles(request) == {24: "harmony", 32: "bass"}
    assert request.brief.tempo_range is None and request.brief.tempo is None
    said = harmonise_request(tune(), parse_brief("bossa nova, 90 bpm"))
    assert said.brief.tempo == 90


def test_relative_words_are_left_to_the_report():
    brief = harmonise_request(tune(), parse_brief("busier, faster")).brief
    assert brief.text and not brief.unplaced and brief.density is None and brief.tempo is None


def test_new_parts_play_from_the_first_bar_with_notes_to_the_last():
    edit = harmonise_request(tune(4, rest=2), parse_brief("")).edit
    assert edit is not None and edit.spans == (Span(2, 6),)
    rows = [(TPQ * k, TPQ, 60 + k, 80, 0) for k in range(3, 12)]
    upbeat = Score.build(TPQ, [Track("Flute", 73)], *zip(*rows, strict=True))
    edit = harmonise_request(upbeat, parse_brief("")).edit
    assert edit is not None and edit.spans == (Span(1, 3),)


def test_chords_that_are_asked_for_are_neither_heard_nor_chosen():
    assert "harmony" not in options(harmonise_request(tune(), parse_brief("Am F C G")))


def test_parts_go_with_the_chords_that_are_there():
    song = accompaniment(("C", "Am", "F", "G") * 2)
    request = accompany_request(song, parse_brief(""), parts="bass,drums")
    assert roles(request) == {32: "bass", 128: "drums"} and request.options["harmony"] == "heard"
    rock = accompany_request(song, parse_brief("rock"), parts="bass, drums")
    assert roles(rock) == {34: "bass", 128: "drums"}


def test_parts_stand_above_what_the_text_excludes():
    request = accompany_request(tune(), parse_brief("no drums, no bass"), parts="drums")
    assert roles(request) == {128: "drums"}
    assert 128 not in request.brief.excluded and 32 in request.brief.excluded


def test_without_parts_what_the_piece_lacks_is_added():
    song = accompaniment(("C", "Am", "F", "G") * 2)
    assert set(roles(accompany_request(song, parse_brief(""))).values()) == {"drums"}
    everything = accompany_request(tune(), parse_brief(""))
    assert set(roles(everything).values()) == {"harmony", "bass", "drums"}


def test_a_melody_is_for_somebody_who_does_not_play_yet():
    song = accompaniment(("C", "Am", "F", "G") * 2)
    assert roles(melody_request(song, parse_brief(""))) == {40: "melody"}  # the flute plays
    assert roles(melody_request(line([60, 62, 64, 65]), parse_brief(""))) == {73: "melody"}
    assert roles(melody_request(song, parse_brief("for oboe"))) == {68: "melody"}


@pytest.mark.parametrize("request_of", [harmonise_request, accompany_request, melody_request])
def test_pieces_that_cannot_be_added_to(request_of):
    empty = Score.build(TPQ, [], [], [], [], [], [])
    for score, said in (
        (empty, "has no notes"),
        (drums(), "has only drums"),
        (line([60, 62]), "too short .* 2 pitched notes, and needs 4"),
    ):
        with pytest.raises(InputError, match=said):
            request_of(score, parse_brief(""))


def test_instruments_that_cannot_be():
    with pytest.raises(InputError, match="'kazoopa' names no instrument"):
        accompany_request(tune(), parse_brief(""), parts="bass, kazoopa")
    with pytest.raises(InputError, match="drums play no melody"):
        melody_request(tune(), parse_brief("drums"))
