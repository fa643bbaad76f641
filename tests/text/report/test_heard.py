"""What is heard in a piece that is sound, beside its report."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cantilena.analysis.audio import Heard, accuracy
from cantilena.audio.audio import Audio
from cantilena.cli.report import heard_lines, outcome
from cantilena.result import Result
from cantilena.score import Score
from cantilena.score.harmony import Key
from cantilena.text.report import report
from cantilena.text.report.heard import heard_rows
from cantilena.text.wishes import Brief
from heard_pieces import RATE, score_of, sound_of

BRIEF = Brief(text="C major, 120 bpm", tempo=120.0, key="C major")
CADENCE = ("C", "F", "G", "C")


def piece(score: Score, sound: Score, brief: Brief = BRIEF) -> Result:
    audio = Audio(sound_of(sound), RATE)
    return Result(audio, brief, rows=report(brief, score), guide=score)


def test_sound_of_its_score_agrees_with_it():
    result = piece(score_of(120, CADENCE), score_of(120, CADENCE))
    rows = {row.what: row for row in result.heard}
    assert list(rows) == ["tempo", "key", "chords"]
    assert rows["tempo"].expected == "120 bpm" and "bpm" in rows["tempo"].heard
    assert rows["key"].agrees and rows["key"].heard == rows["key"].expected == "C major"
    assert rows["chords"].agrees and rows["chords"].heard.startswith("C F G C")
    right = f"{100 * accuracy()['key']:.0f} %"
    assert rows["key"].right.startswith(right)


def test_sound_of_another_score_does_not_and_the_report_stays_as_it_is():
    score = score_of(120, CADENCE)
    result = piece(score, score_of(97, CADENCE, up=6))
    rows = {row.what: row for row in result.heard}
    assert not rows["tempo"].agrees and not rows["key"].agrees and not rows["chords"].agrees
    assert result.rows == report(BRIEF, score) and all(row.met for row in result.rows)


def test_without_a_score_what_was_asked_is_expected():
    heard = Heard(4.0, 60.2, Key(9, True), np.array([0.0, 4.0]), np.array([1]))
    rows = {row.what: row for row in heard_rows(heard, BRIEF, None)}
    assert rows["tempo"].agrees is False and "octave" in rows["tempo"].heard
    assert rows["key"].heard == "A minor (relative)" and rows["key"].agrees is False
    assert rows["chords"].heard == "C" and rows["chords"].agrees is None
    free = {row.what: row for row in heard_rows(heard, Brief(), None)}
    assert {row.agrees for row in free.values()} == {None}


def test_in_silence_nothing_is_heard():
    rows = heard_rows(Heard(4.0), BRIEF, score_of(120))
    assert [row.heard for row in rows][:2] == ["none", "none"]
    assert not any(row.agrees for row in rows)


def test_it_stands_in_the_json_and_on_the_terminal():
    result = piece(score_of(120, CADENCE), score_of(120, CADENCE))
    data = json.loads(json.dumps(result.to_dict()))
    assert [row["what"] for row in data["heard"]] == ["tempo", "key", "chords"]
    assert outcome("x", result, {})["heard"] == data["heard"]
    lines = "\n".join(heard_lines(result.heard))
    assert "in the sound" in lines and "the estimators are right, on" in lines
    assert all(len(line) <= 60 for line in heard_lines(result.heard, 60))


def test_notes_have_nothing_that_is_heard():
    result = Result(score_of(120), BRIEF)
    assert result.heard == () and "heard" not in result.to_dict()
    assert heard_lines(()) == []


@pytest.mark.parametrize("columns", [40, 100])
def test_an_empty_score_expects_nothing(columns: int):
    empty = Score.build(24, (), (), (), (), (), ())
    rows = heard_rows(Heard(1.0, 100.0), Brief(), empty)
    assert rows[0].expected == "" and heard_lines(rows, columns)
