"""Does sound obey what led it: renderings obey their own notes, and not those of other music."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cantilena.evaluate.sound.led import MEASURES, Listened, own_and_others
from cantilena.tokens.codes.symbols import ScoreSymbols, score_symbols
from heard_pieces import RATE, score_of, sound_of

PIECES = (score_of(120.0, bars=4), score_of(97.0, ("Dm", "A", "Em", "B"), bars=4, up=1))


@pytest.fixture(scope="module")
def symbols() -> list[ScoreSymbols]:
    return [score_symbols(score) for score in PIECES]


@pytest.fixture(scope="module")
def sounds() -> list[Listened]:
    return [Listened(sound_of(score), RATE) for score in PIECES]


def test_a_rendering_obeys_its_own_notes_and_no_others(sounds, symbols):
    figures = own_and_others(sounds, symbols)
    assert list(figures) == list(MEASURES)
    for name, least in {"pitch classes": 0.7, "chords": 0.6, "drums": 0.5, "beats": 0.8}.items():
        own, others, _, count = figures[name]
        assert count == 2 and own > least and own - others > 0.25, (name, figures[name])


def test_figures_say_nothing_where_there_is_nothing_to_obey(sounds, symbols):
    none = np.zeros(0)
    nothing = ScoreSymbols(none, none, none, none, none, none, none, none, none)
    assert all(np.isnan(measure(sounds[0], nothing)) for measure in MEASURES.values())
    without = symbols[0].instrument != 128
    names = ("onset", "duration", "pitch", "velocity", "instrument")
    tune = replace(symbols[0], **{name: getattr(symbols[0], name)[without] for name in names})
    assert np.isnan(MEASURES["drums"](sounds[0], tune))
    assert own_and_others(sounds, [tune, tune])["drums"][3] == 0


def test_silence_obeys_nothing(symbols):
    silence = Listened(np.zeros(4 * RATE, np.float32), RATE)
    assert [measure(silence, symbols[0]) for measure in MEASURES.values()] == [0, 0, 0, 0]
