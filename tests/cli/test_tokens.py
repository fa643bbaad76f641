"""``cantilena tokens``: what it prints and writes, and its messages."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from assets import ASSETS
from cantilena.cli import main
from cantilena.score.midi import read_midi
from cantilena.tokens import SCHEMES, arrival
from cantilena.tokens.note import NoteScheme

SONG = str(ASSETS / "arrival" / "820.mid")


def printed(capsys, *argv: str) -> list:
    assert main(["tokens", *argv]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    return json.loads(out)


def test_events_are_printed_as_one_list_of_numbers(capsys):
    assert printed(capsys, SONG) == arrival.events_of(SONG).tolist()
    assert printed(capsys, SONG, "--scheme", "arrival", "--padded") == (
        arrival.pad(arrival.events_of(SONG)).tolist()
    )


def test_instruments_become_controls(capsys):
    found = printed(capsys, SONG, "--controls", "0")
    assert min(arrival.split(found)[1]) >= arrival.AMT.control
    assert np.array_equal(arrival.revert(found)[::3], np.sort(arrival.events_of(SONG)[::3]))


def test_the_note_scheme_is_printed_step_by_step(capsys, tmp_path):
    found = printed(capsys, SONG, "--scheme", "note")
    assert found == NoteScheme().encode(read_midi(SONG))[0].tolist()
    (tmp_path / "n.json").write_text(json.dumps(found))
    out = str(tmp_path / "n.mid")
    argv = ["tokens", "--decode", str(tmp_path / "n.json"), "--scheme", "note", "-o", out]
    assert main([*argv, "--tempo", "80"]) == 0
    assert len(read_midi(out)) == len(NoteScheme().table(read_midi(SONG)))
    assert round(read_midi(out).bpm) == 80


def test_tokens_become_a_file_again(capsys, tmp_path):
    tokens, out = str(tmp_path / "t.json"), str(tmp_path / "t.mid")
    assert main(["tokens", SONG, "-o", tokens]) == 0
    assert main(["tokens", "--decode", tokens, "-o", out, "--tempo", "71"]) == 0
    capsys.readouterr()
    assert np.array_equal(arrival.in_order(printed(capsys, out))[::3], arrival.events_of(SONG)[::3])
    assert round(read_midi(out).bpm) == 71
    assert main(["tokens", "--decode", tokens, "-o", out, "--reference"]) == 0
    assert Path(out).read_bytes() == arrival.reference_midi(arrival.events_of(SONG))


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        ([], "give a MIDI file"),
        ([SONG, "--decode", "x.json"], "give a MIDI file"),
        (["none.mid"], "there is no file 'none.mid'"),
        ([SONG, "--controls", "piano"], "instrument numbers"),
        ([SONG, "--controls", "200"], "no instrument 200"),
        ([SONG, "--scheme", "note", "--padded"], "arrival scheme alone"),
        ([SONG, "--scheme", "no such"], "invalid choice"),
        ([SONG, "--tempo", "90"], "--decode alone"),
        (["--decode", SONG], "-o song.mid"),
        (["--decode", SONG, "-o", "x.mid"], "is not JSON"),
        (["--decode", SONG, "-o", "x.mid", "--padded"], "encoding alone"),
        (["--decode", SONG, "-o", "x.mid", "--tempo", "0"], "out of reason"),
        (["--decode", SONG, "-o", "x.mid", "--tempo", "nan"], "out of reason"),
        (["--decode", SONG, "-o", "x.mid", "--tempo", "60", "--reference"], "no tempo"),
        ([SONG, "-o", "no/such/folder.json"], "there is no folder"),
    ],
)
def test_wrong_input_is_one_line(argv: list[str], part: str, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["tokens", *argv]) == 2
    got = capsys.readouterr()
    assert got.out == "" and got.err.count("\n") == 1 and part in got.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text", ["{}", "3", "[1, 2]", "[[1, 2], 3]", '["a"]', "[1e400]", "[" * 100_000, "[1, 1, 1]"]
)
@pytest.mark.parametrize("scheme", ["arrival", "note", "frames", "remi", "symphony"])
def test_wrong_tokens_are_one_line(text: str, scheme: str, capsys, tmp_path):
    path = tmp_path / "t.json"
    path.write_text(text)
    out = str(tmp_path / "o.mid")
    assert main(["tokens", "--decode", str(path), "-o", out, "--scheme", scheme]) == 2
    got = capsys.readouterr()
    assert got.out == "" and got.err.count("\n") == 1
    assert not Path(out).exists()


@pytest.mark.parametrize("scheme", ["frames", "remi", "symphony"])
def test_a_file_is_printed_as_a_published_scheme_says_it_and_becomes_one_again(
    scheme: str, capsys, tmp_path
):
    song = str(ASSETS / "bridges" / "come-again.mid")
    kind = SCHEMES[scheme]()
    steps, header = kind.encode(read_midi(song))
    tokens = printed(capsys, song, "--scheme", scheme)
    assert np.array_equal(np.reshape(tokens, (len(steps), -1)), steps)
    (tmp_path / "t.json").write_text(json.dumps(tokens))
    out = str(tmp_path / "t.mid")
    argv = ["tokens", "--decode", str(tmp_path / "t.json"), "--scheme", scheme, "-o", out]
    assert main(argv) == 0
    again, score = read_midi(out), kind.decode(steps, header)
    assert np.array_equal(again.pitch, score.pitch)
    assert np.array_equal(again.onset * score.tpq, score.onset * again.tpq)
    capsys.readouterr()
    assert main([*argv, "--tempo", "90"]) == (0 if scheme == "symphony" else 2)
    if scheme == "symphony":
        assert round(read_midi(out).bpm) == 90
    else:
        assert "--tempo is not for the scheme" in capsys.readouterr().err
