"""Losses of runs as a picture: what is read out of logs, what is drawn, what is refused."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest

from cantilena.cli import main
from cantilena.errors import InputError
from cantilena.train.plot import plot_runs, read_curves

JOINT = {"eval_loss": 4.0, "eval_music_loss": 4.0, "eval_text_and_music_loss": 4.5}
ROWS = [
    {"step": 0, "device": "cpu", "precision": "float32", "processes": 2},
    {"step": 10, "loss": 9.0, "learning_rate": 1e-3},
    {"step": 10, "eval_loss": 8.0, "eval_tokens": 7},
    {"step": 20, "loss": None},
    {"step": 20, "eval_loss": 7.0, "eval_tokens": 7},
]
NOTES = [
    {"step": 5, "notes": 2_000_000, "train": [1.0, 2.0], "bits": 9.5},
    {"step": 9, "notes": 4_000_000, "valid": {"full": {"all": 5.5}, "none": {"all": 6.5}}},
]


def run(folder: Path, rows: list, tail: str = "") -> Path:
    folder.mkdir(parents=True)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "log.jsonl").write_text(lines + tail)
    return folder


def test_losses_are_read_with_what_they_are_of(tmp_path):
    curves = read_curves(run(tmp_path / "a", ROWS, tail='{"step": 30, "lo'))
    assert (curves.name, curves.x, curves.unit) == ("a", "steps", "nats a token")
    assert curves.training[0] == (10, 9) and math.isnan(curves.training[1][1])
    assert curves.held_out == {"": [(10, 8), (20, 7)]}
    joint = read_curves(run(tmp_path / "b", [{"step": 3, **JOINT}]))
    assert joint.held_out == {"music": [(3, 4.0)], "text and music": [(3, 4.5)]}
    notes = read_curves(run(tmp_path / "c", NOTES))
    assert (notes.x, notes.unit) == ("million notes", "bits a note")
    assert notes.training == [(2, 9.5)] and notes.held_out == {"": [(4, 5.5)]}


def svg(folders: list[Path], path: Path) -> str:
    """The picture's text, whose letters matplotlib draws as paths after a comment with the text."""
    return plot_runs(folders, path).read_text()


def test_a_picture_names_every_line_of_every_run(tmp_path, capsys):
    one = run(tmp_path / "base", ROWS)
    two = run(tmp_path / "_$llama$", [{"step": 5, "loss": 6.0}, {"step": 20, **JOINT}])
    picture = svg([one, two], tmp_path / "sub" / "losses.svg")
    for label in ("base: held out", "./_$llama$: held out, text and music", "training"):
        assert f"<!-- {label} -->" in picture
    assert picture.count("<!-- training -->") == 1
    assert svg([one, two], tmp_path / "again.svg") == picture
    assert main(["plot", str(one), str(two), "-o", str(tmp_path / "a.PNG")]) == 0
    assert capsys.readouterr().out.strip().endswith("a.PNG")
    assert (tmp_path / "a.PNG").read_bytes().startswith(b"\x89PNG")


def test_runs_of_one_name_are_told_apart_and_notes_are_drawn(tmp_path):
    same = [run(tmp_path / x / "run", NOTES) for x in "ab"]
    picture = svg(same, tmp_path / "losses.svg")
    assert all(f"<!-- {folder}: held out -->" in picture for folder in same)
    assert "<!-- million notes -->" in picture and "<!-- loss, bits a note -->" in picture


def test_steps_have_all_their_digits(tmp_path):
    rows = [{"step": step, "loss": 3.0} for step in (0, 4_000_000)]
    picture = svg([run(tmp_path / "long", rows)], tmp_path / "losses.svg")
    assert "<!-- 1,000,000 -->" in picture and "e+06" not in picture


def test_twenty_runs_have_a_legend_beside_them(tmp_path):
    many = [run(tmp_path / f"run-{k}", ROWS) for k in range(20)]
    picture = svg(many, tmp_path / "losses.svg")
    assert picture.count(": held out -->") == 20


@pytest.mark.parametrize(
    ("rows", "tail", "name", "message"),
    [
        (None, "", "a.png", "holds no run's log"),
        ([], "", "a.png", "no losses yet"),
        (ROWS[:1], "", "a.png", "no losses yet"),
        ([], '{"step": 1, "loss"', "a.png", "no losses yet"),
        (ROWS, "", "a.pdf", "end its name in .png or .svg"),
        (ROWS, "", "png", "end its name in .png or .svg"),
        (ROWS, '{"step": 1, "lo\n', "a.png", "line 6: not JSON"),
        (ROWS, "[1]\n", "a.svg", "line 6: not a line of a run's log"),
        (ROWS, '{"loss": 1}\n', "a.svg", "line 6: not a line of a run's log"),
        (ROWS, '{"step": 1, "loss": "x"}\n', "a.svg", "line 6: not a line of a run's log"),
        (ROWS, '{"step": 1, "valid": {}, "notes": 1}\n', "a.svg", "line 6: not a line"),
        (ROWS, '{"step": 1, "loss": NaN}\n', "a.svg", "line 6: not JSON"),
    ],
)
def test_bad_input_is_one_line_and_no_picture(tmp_path, capsys, rows, tail, name, message):
    folder = tmp_path / "run"
    if rows is not None:
        run(folder, rows, tail)
    assert main(["plot", str(folder), "-o", str(tmp_path / name)]) == 2
    shown = capsys.readouterr()
    assert message in shown.err and shown.err.count("\n") == 1 and not shown.out
    assert not (tmp_path / name).exists()


def test_without_matplotlib_it_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    folder = run(tmp_path / "run", ROWS)
    assert main(["plot", str(folder), "-o", str(tmp_path / "a" / "losses.png")]) == 1
    assert "pip install 'cantilena[train]'" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_bits_and_nats_are_not_put_on_one_axis(tmp_path):
    folders = [run(tmp_path / "a", ROWS), run(tmp_path / "b", NOTES)]
    with pytest.raises(InputError, match=r"bits a note and .* in nats a token: draw them apart"):
        plot_runs(folders, tmp_path / "a.png")
