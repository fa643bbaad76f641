"""Realism of composers that repeat as the songs do, or repeat nothing."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from cantilena.analysis.features import GROUPS, NAMES
from cantilena.cli import main
from cantilena.errors import InputError, MissingExtraError, UnknownNameError
from cantilena.evaluate.forest import MIN_PAIRS
from cantilena.evaluate.patterns import PATTERNS
from cantilena.evaluate.prompts import Prompt
from cantilena.evaluate.realism import evaluate_folders, evaluate_realism, giveaways, measure
from cantilena.score.midi import write_midi
from cantilena.score.score import Score
from grooves import band
from pieces import EMPTY
from song_split import data_set, split_of

pytest.importorskip("sklearn")


@pytest.fixture(autouse=True)
def small_forests(monkeypatch):
    for name, value in (("TREES", 15), ("FOLDS", 4), ("REPEATS", 1)):
        monkeypatch.setattr(f"cantilena.evaluate.forest.{name}", value)


@dataclass
class Asked:
    prompt: Prompt
    seed: int

    def to_dict(self) -> dict[str, Any]:
        return {"prompt": self.prompt.to_dict(), "seed": self.seed}


@dataclass
class Piece:
    score: Score


@dataclass
class Composer:
    """Composes other band pieces of 36 bars, which come back after ``loop`` bars."""

    loop: int
    name: str = "composer"
    hash: str = "0123"
    asked: list[Prompt] = field(default_factory=list)

    def compose(self, requests, progress=None):
        first = len(self.asked)
        self.asked += [request.prompt for request in requests]
        return [Piece(band(1000 + first + i, 36, self.loop)) for i in range(len(requests))]


def pairs(n: int, loop: int) -> list[tuple[str, Score | None, Score | None]]:
    return [(f"{i}", band(i), band(500 + i, 32, loop)) for i in range(n)]


def test_pieces_in_which_nothing_comes_back_are_told_apart_by_just_that():
    figures = measure(pairs(20, loop=0))
    assert figures["auc"]["auc"] > 0.95 and figures["auc"]["right"] > 0.9
    assert figures["floor"]["n"] == 10 and figures["floor"]["high"] < 0.97
    first = [row["name"] for row in figures["features"][:8]]
    assert any("_again_" in name or "_new" in name for name in first)
    by_name = {row["name"]: row for row in figures["features"]}
    row = by_name["all_again_4"]
    assert row["real"] == 1 and row["composed"] < 0.9 and row["auc"] == 0
    assert set(figures["groups"]) == set(GROUPS)
    assert figures["groups"]["lead"]["auc"] > 0.9 and figures["groups"]["whole"]["auc"] > 0.9
    # as low a tune as before, and as many notes: what is alike gives nothing away
    assert 0.2 < by_name["lead_range"]["auc"] < 0.8


def test_pieces_of_the_same_making_are_not_told_apart():
    results = [
        measure([(f"{i}", band(40 * k + i), band(500 + 40 * k + i)) for i in range(16)])["auc"]
        for k in range(4)
    ]
    assert 0.3 < np.mean([r["auc"] for r in results]) < 0.68


def test_shuffled_labels_tell_nothing():
    """Which of a pair is called real is drawn: what differs is then of no side."""
    values = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        rows = [
            (name, a, b) if rng.random() < 0.5 else (name, b, a) for name, a, b in pairs(16, loop=0)
        ]
        values.append(measure(rows, seed)["auc"]["auc"])
    assert 0.25 < np.mean(values) < 0.68


def test_the_figures_are_whole_and_fit_for_json():
    figures = measure([*pairs(6, loop=4), ("x", band(7), None), ("y", EMPTY, band(8))], seed=3)
    assert figures["n"] == 6 and figures["left_out"] == 2 and figures["seed"] == 3
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert set(figures) == {
        *("n", "left_out", "seed", "bars", "auc", "floor", "groups", "patterns", "features"),
        "pieces",
    }
    assert set(figures["auc"]) == {"auc", "low", "high", "right", "n"}
    assert figures["floor"] is None  # three pairs are too few
    patterns = figures["patterns"]
    assert set(patterns) == {"auc", "floor", "groups", "kinds"} and patterns["floor"] is None
    assert set(patterns["auc"]) == set(figures["auc"]) and patterns["auc"]["n"] == 6
    assert set(patterns["groups"]) == set(PATTERNS)
    areas = [result["auc"] for result in patterns["groups"].values()]
    assert areas == sorted(areas, reverse=True)
    kinds = {(row["group"], row["name"]) for row in patterns["kinds"]}
    assert kinds == {(group, name) for group, names in PATTERNS.items() for name in names}
    by_name = {row["name"]: row for row in patterns["kinds"]}
    # four bars that come back, each alone and with the next; two of them may be alike
    bars = by_name["drum bars"]
    assert 6 < bars["real"] <= 8 and 6 < bars["composed"] <= 8
    keys = {"name", "group", "unit", "what", "real", "composed", "auc", "floor", "n"}
    assert all(set(row) == keys for row in figures["features"])
    away = [abs(row["auc"] - 0.5) for row in figures["features"]]
    assert away == sorted(away, reverse=True)
    assert {row["name"] for row in figures["features"]} <= set(NAMES)
    assert [piece["id"] for piece in figures["pieces"]] == [str(i) for i in range(6)]
    again = measure(pairs(6, loop=4), seed=3)
    assert again["auc"] == figures["auc"] and again["patterns"] == patterns


def test_a_feature_that_one_side_lacks_is_left_out():
    a = np.full((5, len(NAMES)), np.nan)
    b = a.copy()
    a[:, :2], b[:, 0] = 1, 2
    rows = giveaways(a, b, a[:0], a[:0])
    assert [(row["name"], row["auc"], row["floor"]) for row in rows] == [(NAMES[0], 1, None)]


def test_too_few_pairs_are_refused():
    with pytest.raises(InputError, match="3 whole pairs"):
        measure(pairs(3, loop=0))


# ------------------------------------------------------- a run


def test_a_run_composes_for_the_songs_of_the_kind_and_goes_on_where_it_stopped(tmp_path):
    songs = split_of(tmp_path, [band(seed, 40) for seed in range(14)])
    composer = Composer(loop=0)
    out = tmp_path / "out"
    figures = evaluate_realism(composer, Asked, [songs], out, "band", 6)
    assert figures["n"] == 6 == len(composer.asked) and figures["kind"] == "band"
    assert figures["checkpoint"] == "composer 0123"
    assert figures["floor"]["n"] == 6  # of the eight songs that are left
    for prompt in composer.asked:
        assert prompt.wishes.bars == 36 and len(prompt.wishes.instruments) == 4
    assert len(list((out / "real-band").glob("*.mid"))) == 6
    assert json.loads((out / "realism-band.json").read_text()) == figures
    table = (out / "realism-band.md").read_text()
    assert "| real and other real (floor) |" in table and "| all_again_4 | share |" in table
    by_patterns = figures["patterns"]["auc"]
    assert f"| by patterns, real and composed | {by_patterns['auc']:.2f} |" in table
    assert figures["patterns"]["floor"]["n"] == 6
    assert "| by patterns, real and other real (floor) |" in table
    assert "\n| harmony voicings | " in table
    assert evaluate_realism(composer, Asked, [songs], out, "band", 6) == figures
    assert len(composer.asked) == 6
    evaluate_realism(composer, Asked, [songs], out, "band", 7)
    assert len(composer.asked) == 7
    more = evaluate_realism(composer, Asked, [songs], out, "band", 6, chords=True)
    assert len(composer.asked) == 13 and composer.asked[-1].wishes.chords and more["chords"]


def test_nothing_is_composed_where_no_forest_can_be_grown(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    composer = Composer(loop=0)
    with pytest.raises(MissingExtraError, match=r"cantilena\[evaluate\]"):
        evaluate_realism(composer, Asked, [], tmp_path / "out")
    assert composer.asked == []


def test_the_floor_is_of_halves_where_few_songs_are_left(tmp_path):
    songs = split_of(tmp_path, [band(seed, 40) for seed in range(9)])
    figures = evaluate_realism(Composer(loop=4), Asked, [songs], tmp_path / "out", "band", 8)
    assert figures["n"] == 8 and figures["floor"]["n"] == 4


def test_what_cannot_be_measured_is_refused(tmp_path):
    songs = split_of(tmp_path, [band(seed, 40) for seed in range(5)])
    with pytest.raises(InputError, match=r"0 held-out songs of the kind 'piano'"):
        evaluate_realism(Composer(0), Asked, [songs], tmp_path / "out", "piano", 8)
    with pytest.raises(UnknownNameError, match="kind of ensemble 'choir'"):
        evaluate_realism(Composer(0), Asked, [songs], tmp_path / "out", "choir", 8)
    with pytest.raises(InputError, match=f"{MIN_PAIRS} or more"):
        evaluate_realism(Composer(0), Asked, [songs], tmp_path / "out", "band", 2)
    assert not (tmp_path / "out").exists()


# ------------------------------------------------------- folders and the command line


def folders(root, n: int = 8, loop: int = 0):
    for i in range(n):
        write_midi(band(i), root / "real" / f"s{i}.mid")
        write_midi(band(500 + i, 32, loop), root / "made" / f"s{i}-3.mid")
    return root / "made", root / "real"


@pytest.fixture
def two_folders(tmp_path):
    for name in ("real", "made"):
        (tmp_path / name).mkdir()
    return folders(tmp_path)


def test_folders_are_paired_by_name(two_folders, tmp_path):
    made, real = two_folders
    write_midi(band(99), real / "alone.mid")
    (made / "s0-3.mid").write_bytes(b"damaged")
    figures = evaluate_folders(made, real, tmp_path / "out")
    assert figures["n"] == 7 and figures["left_out"] == 2 and figures["checkpoint"] == "made"
    assert figures["auc"]["auc"] > 0.9
    assert (tmp_path / "out" / "realism.json").exists()


def test_the_command_measures_folders(two_folders, tmp_path, capsys):
    made, real = map(str, two_folders)
    out = str(tmp_path / "out")
    command = ["evaluate", "realism", "--pieces", made, "--references", real, "-o", out]
    assert main(command) == 0
    assert "| real and composed |" in capsys.readouterr().out
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--data"),
        (["--pieces", "a"], "--references"),
        (["--references", "a"], "--pieces"),
        (["--pieces", "a", "--references", "b", "--data", "c"], "--data"),
        (["--pieces", "no-such-place", "--references", "."], "holds no MIDI files"),
        (["--data", "no-such-place"], "no-such-place"),
        (["--data", "x", "--split", "train"], "held-out split 'train'"),
    ],
)
def test_options_that_do_not_fit_are_said(options, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "realism", *options]) == 2
    assert message in capsys.readouterr().err


def test_the_command_composes_for_songs_of_a_data_set(tmp_path, monkeypatch, capsys):
    data = data_set(tmp_path, [band(seed, 40) for seed in range(8)])
    composer = Composer(loop=0)
    monkeypatch.setattr(
        "cantilena.cli.realism._request", lambda system, prompt, seed: Asked(prompt, seed)
    )
    monkeypatch.setattr("cantilena.api.load", lambda *_args, **_options: composer)
    command = ["evaluate", "realism", "--data", str(data), "--n", "4", "--json", "--quiet"]
    assert main([*command, "-o", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 4 == len(composer.asked)
    assert main([*command, "--corpora", "pop909", "-o", str(tmp_path / "out")]) == 2
    assert "no songs of pop909 in test" in capsys.readouterr().err
