"""The Result and its files."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cantilena.errors import InputError
from cantilena.render.audio import ENGINES
from cantilena.render.formats import FORMATS
from cantilena.result import Result
from cantilena.score.midi import read_midi, write_midi
from cantilena.score.score import Score, Track
from cantilena.score.texts import MARKER, Text
from cantilena.text.brief import parse_brief
from cantilena.text.report import report


def piece(bars: int = 2) -> Score:
    """Quarter notes up the scale of C, on a piano."""
    n = 4 * bars
    pitch = [60 + (0, 2, 4, 5, 7, 9, 11)[i % 7] for i in range(n)]
    onset = [24 * i for i in range(n)]
    return Score.build(24, [Track("piano", 0)], onset, [24] * n, pitch, [80] * n, [0] * n)


@pytest.fixture
def result() -> Result:
    brief, score = parse_brief("A tune for piano in C major"), piece()
    request = {"brief": brief.to_dict(), "seed": 5, "sampling": {"temperature": 1.0}}
    chords = ((0, "C"), (96, "G7"))
    return Result(score, brief, request, report(brief, score), "note", "abc", chords)


def test_save_writes_every_format_and_nothing_else(result, tmp_path):
    made = result.save(tmp_path / "new" / "out", (*FORMATS, "svg"), engine="synth")
    assert set(made) == {*FORMATS, "svg"}
    names = sorted(p.name for p in (tmp_path / "new" / "out").iterdir())
    assert names == sorted(f"a-tune-for-piano-in-c-major.{f}" for f in made)
    assert made["wav"].read_bytes()[:4] == b"RIFF"
    assert made["png"].read_bytes()[:4] == b"\x89PNG"
    assert b"score-partwise" in made["musicxml"].read_bytes()
    assert made["mid"].read_bytes() == write_midi(result.score)
    assert read_midi(made["mid"]).n_bars == 2


def test_json_holds_all_to_make_it_again_and_no_date(result, tmp_path):
    first = result.save(tmp_path, "json", "a")["json"].read_bytes()
    assert first == result.save(tmp_path, "json", "b")["json"].read_bytes()
    told = json.loads(first)
    assert told["request"] == result.request
    assert told["checkpoint"] == {"name": "note", "sha256": "abc"}
    assert told["chords"] == [[0, "C"], [96, "G7"]]
    assert told["brief"]["key"] == "C major"
    assert {"wish", "asked", "achieved", "met", "score"} == set(told["report"][0])
    assert told["caption"] == result.caption
    assert "piano" in result.caption


def test_report_and_seed(result):
    assert result.report is result.rows
    assert result.seed == 5


def test_a_failure_leaves_what_was_there(result, tmp_path, monkeypatch):
    result.save(tmp_path, "mid,json", "x")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def fail(*_, **__):
        raise RuntimeError("no picture")

    monkeypatch.setattr("cantilena.render.roll.draw_roll", fail)
    other = replace(result, artefact=piece(4))
    with pytest.raises(RuntimeError):
        other.save(tmp_path, "mid,json,png", "x")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_saving_again_replaces(result, tmp_path):
    result.save(tmp_path, "mid", "x")
    replace(result, artefact=piece(4)).save(tmp_path, "mid", "x")
    assert read_midi(tmp_path / "x.mid").n_bars == 4
    assert len(list(tmp_path.iterdir())) == 1


def test_a_notebook_shows_roll_player_and_report(result):
    page = replace(result, brief=replace(result.brief, text="<b> & co"))._repr_html_()
    assert "data:image/png;base64," in page
    assert "data:audio/wav;base64," in page
    assert "<td>C major</td>" in page
    assert "<b> & co" not in page


def test_a_notebook_gets_no_player_of_a_very_long_piece(result):
    assert "audio/wav" not in replace(result, artefact=piece(200))._repr_html_()


def test_a_folder_in_the_place_of_a_file(result, tmp_path):
    (tmp_path / "x.mid").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        result.save(tmp_path, "mid", "x")
    assert [p.name for p in tmp_path.iterdir()] == ["x.mid"]


def test_the_command_line_names_the_engines_there_are():
    from cantilena.cli import parser

    for engine in ENGINES:
        assert parser().parse_args(["compose", "x", "--engine", engine]).engine == engine


def test_json_lists_the_sections_of_a_piece(result):
    assert result.to_dict()["sections"] == []
    texts = (Text(0, MARKER, "A"), Text(96, MARKER, "B"))
    score = replace(result.score, texts=texts)
    rows = replace(result, artefact=score).to_dict()["sections"]
    assert rows[1] == {"name": "B", "bar": 2, "bars": 1, "start": 2.0, "parts": ["piano"]}
