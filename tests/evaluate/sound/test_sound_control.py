"""Control from sound, metric by metric."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.analysis.audio import Heard
from cantilena.evaluate.sound import control
from cantilena.score.harmony import Key, parse_chord
from cantilena.text.wishes import Brief, Instrument


def heard(**changed) -> Heard:
    numbers = [parse_chord(symbol).number for symbol in ("C", "G", "Am", "F")]
    facts = {
        "seconds": 4.0,
        "bpm": 121.0,
        "key": Key(0),
        "edges": np.arange(5.0),
        "chords": np.array(numbers),
        "families": ("piano", "drums"),
    }
    return Heard(**{**facts, **changed})


def test_what_is_not_asked_is_not_measured():
    assert all(np.isnan(value) for value in control.evaluate(Brief(), heard()).values())


@pytest.mark.parametrize(
    ("brief", "name", "value"),
    [
        (Brief(tempo=120), "tempo", 1),
        (Brief(tempo=60), "tempo", 0),
        (Brief(tempo=60), "tempo_octave", 1),
        (Brief(tempo=90), "tempo_octave", 0),
        (Brief(tempo=140, tempo_range=(125, 170)), "tempo", 1),  # within 4 % of the range
        (Brief(tempo=140, tempo_range=(130, 170)), "tempo", 0),
        (Brief(key="C major"), "key", 1),
        (Brief(key="A minor"), "key", 0),
        (Brief(key="A minor"), "key_mirex", 0.3),
        (Brief(chords=("C", "Am", "F")), "chords", 1),
        (Brief(chords=("C7", "Am7")), "chords", 1),  # roots and thirds are
        (Brief(chords=("C", "F", "G")), "chords", 2 / 3),
        (Brief(instruments=(Instrument("drums", (128,)),)), "instruments", 1),
        (
            Brief(instruments=(Instrument("piano", (0,)), Instrument("bass", (33,)))),
            "instruments",
            0.5,
        ),
    ],
)
def test_a_metric(brief: Brief, name: str, value: float):
    assert control.evaluate(brief, heard())[name] == pytest.approx(value)
    assert control.evaluate(brief, None)[name] == 0.0


def test_families_that_cannot_be_told_are_not_asked_after():
    brief = Brief(instruments=(Instrument("kalimba", (108,)),))
    assert np.isnan(control.instruments(brief, heard()))
