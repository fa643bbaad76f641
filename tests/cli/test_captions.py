"""``caption`` and ``evaluate captions`` as they are called."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cantilena.cli import main
from cantilena.data.corpora.corpus import hashed_split
from cantilena.score import Score, Track
from cantilena.score.midi import write_midi
from cantilena.text.caption.pseudo import TASKS


def piece(seed: int = 0) -> Score:
    onset = np.arange(64) * 240
    pitch = np.random.default_rng(seed).integers(55, 80, 64)
    rest = [np.full(64, value) for value in (200, 80, 0)]
    return Score.build(480, [Track("", 46)], onset, rest[0], pitch, rest[1], rest[2])


def test_captions_of_files(tmp_path, capsys):
    write_midi(piece(), tmp_path / "harp.mid")
    (tmp_path / "bad.mid").write_bytes(b"no music")
    assert main(["caption", str(tmp_path / "harp.mid"), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["task"] for row in rows] == list(TASKS)
    assert all("harp" in row["text"].lower() and not row["invented"] for row in rows)
    argv = ["caption", str(tmp_path / "harp.mid"), str(tmp_path / "bad.mid"), "--task", "summary"]
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out.startswith(f"{tmp_path / 'harp.mid'}  summary: ") and "bad.mid" in err
    assert main([*argv[:2], "--task", "opera"]) == 2
    assert "opera" in capsys.readouterr().err


def test_the_share_of_captions_that_claim_what_is_no_fact(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "songs").mkdir()
    names = [f"{i}.mid" for i in range(99) if hashed_split(f"songs/{i}.mid") == "train"][:2]
    for name in names:
        write_midi(piece(int(name[:-4])), tmp_path / "songs" / name)
    argv = ["data", "audio", "songs", "-o", "clips", "--seconds", "2", "--per-file", "1", "--quiet"]
    assert main([*argv, "--engine", "synth"]) == 0
    capsys.readouterr()
    argv = ["evaluate", "captions", "--data", "clips", "--split", "train", "-o", "out"]
    assert main(argv) == 0
    assert "| captioner | writing | 0.00 | 0.00 | 0.00 | - |" in capsys.readouterr().out
    figures = json.loads((tmp_path / "out" / "captions.json").read_text())
    assert [row["task"] for row in figures["rows"]] == list(TASKS)
    assert main([*argv, "--n", "0"]) == 2
    capsys.readouterr()
    assert main([*argv, "--heard", "--n", "2"]) == 0
    table = capsys.readouterr().out
    assert "| fact | stated | right |" in table and "| tempo or its octave |" in table
    figures = json.loads((tmp_path / "out" / "heard.json").read_text())
    assert figures["clips"] == 2
    assert figures["rows"]["commonest"]["instruments"]["right"] == 1  # both are of the harp
    for wrong in (["--checkpoint", "x"], ["--heard", "--task", "summary"]):
        assert main([*argv, *wrong]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_an_unknown_model_is_one_line(tmp_path, capsys):
    pytest.importorskip("transformers")
    write_midi(piece(), tmp_path / "harp.mid")
    assert main(["caption", str(tmp_path / "harp.mid"), "--model", "nobody"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
