"""Learning the estimators of ``analysis.audio``, and measuring them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cantilena.analysis.audio import Heard, listen
from cantilena.errors import InputError
from cantilena.evaluate.sound import estimators as e
from cantilena.score.harmony import Key
from heard_pieces import RATE, score_of, sound_of


def facts(score) -> e.Facts:
    return e.facts_of_score(score, 0.0, float(score.seconds(score.end)), "made")


def test_facts_of_a_score_are_those_of_the_stretch():
    score = score_of(120, bars=8)
    about = e.facts_of_score(score, 4.0, 8.0)
    assert about.bpm == pytest.approx(120) and len(about.start) == 4  # two bars, by halves
    assert about.start.tolist() == pytest.approx([0, 1, 2, 3])
    assert [e.KIND_OF[c] for c in about.chord] == [9 + 12, 9 + 12, 5, 5]  # A minor, F
    assert {name for name, there in zip(e.instruments.NAMES, about.families, strict=True) if there}
    with pytest.raises(InputError):
        e.facts_of_score(score, 100.0, 120.0)


def test_what_is_learnt_hears_what_it_learnt_from(monkeypatch):
    monkeypatch.setattr(e, "STEPS", 150)
    scores = [
        score_of(bpm, ("C", "Am") if up % 2 else ("Am", "Dm"), 6, up=up, drums=bool(up % 3))
        for up, bpm in enumerate((80, 95, 110, 125, 140, 90, 100, 120))
    ]
    pairs = [(sound_of(score), facts(score)) for score in scores]
    examples = [x for sound, about in pairs if (x := e.example_of(sound, RATE, about))]
    assert len(examples) == len(scores)
    model = replace(e.learn(examples), told=e.instruments.NAMES)
    measured = e.measure([(listen(sound, RATE, model), about) for sound, about in pairs])
    assert measured["pieces"] == 8 and measured["chords"] > 0.8
    assert measured["tempo"] >= 0.7 and measured["key"] >= 0.7
    drums = measured["families"]["drums"]
    assert drums["precision"] == drums["recall"] == 1.0 and drums["pieces"] == 5
    again = e.learn(examples)
    assert np.array_equal(again.keys, model.keys) and np.array_equal(again.tempo, model.tempo)


def test_measuring_by_hand():
    none = np.zeros(len(e.instruments.NAMES), dtype=bool)
    about = e.Facts("x", 120.0, Key(0), np.array([0.0]), np.array([1]), none)
    chords = {"edges": np.array([0.0, 2.0]), "chords": np.array([1])}
    right = Heard(2.0, 121.0, Key(0), families=(), **chords)
    wrong = Heard(2.0, 60.0, Key(9, True), families=("drums",), **chords)
    row = e.measure([(right, about), (wrong, about)])
    assert (row["tempo"], row["tempo_octave"]) == (0.5, 1.0)
    assert (row["key"], row["key_mirex"], row["chords"]) == (0.5, 0.65, 1.0)
    assert row["families"]["drums"] == {"precision": 0.0, "recall": None, "pieces": 0}
    assert e.reliable_families(row) == ()
    with pytest.raises(InputError):
        e.measure([])
    with pytest.raises(InputError):
        e.learn([])
