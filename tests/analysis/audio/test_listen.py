"""Tempo, key, chords and instruments by ear (``analysis.audio``), of pieces that are known."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.analysis.audio import Heard, accuracy, harmony, listen, rhythm
from cantilena.analysis.audio.agreement import OCTAVES, chord_share, tempo_right
from cantilena.analysis.audio.instruments import NAMES
from cantilena.analysis.audio.model import Model, shipped
from cantilena.analysis.audio.spectra import LOWEST, RATE, spectra
from cantilena.audio.wav import resample
from cantilena.errors import InputError
from cantilena.score.harmony import Key, parse_chord
from heard_pieces import score_of, sound_of


@pytest.mark.parametrize("bpm", [84.0, 100.0, 126.0, 150.0])
def test_the_tempo_of_a_beat_is_heard_and_to_a_per_cent(bpm: float):
    heard = listen(sound_of(score_of(bpm)), RATE)
    assert heard.bpm is not None
    near = min((heard.bpm / k for k in OCTAVES), key=lambda tempo: abs(tempo / bpm - 1))
    assert near == pytest.approx(bpm, rel=0.01)


@pytest.mark.parametrize("up", range(0, 12, 5))
def test_key_and_chords_move_with_the_music(up: int):
    score = score_of(110, ("C", "F", "G", "C"), up=up)
    heard = listen(sound_of(score), RATE)
    assert heard.key == Key(up)
    chords = [parse_chord(symbol) for symbol in ("C", "F", "G", "C")]
    numbers = np.array([1 + 9 * ((c.root + up) % 12) for c in chords * 2])
    starts = np.arange(8) * 4 * 60 / 110
    assert chord_share(heard, starts, numbers) > 0.85
    assert chord_share(heard, starts, 1 + (numbers + 17) % 108) < 0.1


def test_a_minor_key_is_no_major_one():
    heard = listen(sound_of(score_of(100, ("Am", "Dm", "E", "Am"))), RATE)
    assert heard.key == Key(9, True)


def test_drums_are_heard_where_there_are_drums():
    with_drums, without = (
        listen(sound_of(score_of(drums=drums)), RATE).families for drums in (True, False)
    )
    assert "drums" in with_drums and "drums" not in without
    assert "piano" in without


def test_rate_channels_and_loudness_change_little():
    sound = sound_of(score_of(126))
    first = listen(sound, RATE)
    for samples, rate in (
        (np.stack([sound, sound], 1), RATE),
        (0.05 * sound, RATE),
        (resample(sound, RATE, 44_100), 44_100),
    ):
        heard = listen(samples, rate)
        assert heard.bpm == pytest.approx(first.bpm, rel=0.005) and heard.key == first.key
        assert heard.progression() == first.progression()


@pytest.mark.parametrize(
    ("samples", "rate"),
    [(np.zeros(32_000), 16_000), (np.ones(1), 16_000), (np.full(16, 0.5), 44_100)],
)
def test_in_silence_and_in_next_to_nothing_nothing_is_heard(samples: np.ndarray, rate: int):
    heard = listen(samples, rate)
    assert (heard.bpm, heard.key, heard.families, heard.progression()) == (None, None, (), ())
    assert heard.seconds == len(samples) / rate


def test_a_tone_that_stands_still_has_no_beat_that_fails():
    sound = np.sin(2 * np.pi * 440 * np.arange(5 * RATE) / RATE).astype(np.float32)
    heard = listen(sound, RATE)
    assert len(heard.chords) == len(heard.edges) - 1 and heard.edges[-1] == 5.0


@pytest.mark.parametrize(
    "samples", [np.zeros((0,)), np.zeros((2, 2, 2)), np.array([0.0, np.nan] * 16_000)]
)
def test_what_is_no_sound_is_refused_in_a_line(samples: np.ndarray):
    with pytest.raises(InputError) as error:
        listen(samples, RATE)
    assert "\n" not in str(error.value)


def test_semitones_are_where_the_pitch_is():
    for pitch in (45, 60, 81):
        hertz = 440 * 2 ** ((pitch - 69) / 12)
        heard = spectra(np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE))
        assert heard is not None and int(heard.semitones.mean(0).argmax()) == pitch - LOWEST


def test_aligned_levels_move_with_the_tonic():
    levels = np.arange(84.0)[None]
    moved = harmony.aligned(levels)
    assert moved.shape == (1, 12, harmony.WIDTH)
    for tonic in range(12):
        # a place is so many semitones above the lowest tonic, from -11 on
        assert moved[0, tonic, 11 + 24] == 24 + tonic


def test_beats_stand_on_the_strokes():
    strokes = np.zeros((5, 1000))
    strokes[:, 25::50] = 1.0  # 120 a minute, from a quarter of a second on
    beats = rhythm.find_beats(strokes, 120.0)
    inner = beats[(beats > 1) & (beats < 9)]
    np.testing.assert_allclose((inner - 0.25) % 0.5, 0.0, atol=1e-9)
    assert len(inner) == 16


def test_tempo_right_knows_four_per_cent_and_octaves():
    assert tempo_right(124.7, 120) and not tempo_right(125.0, 120) and not tempo_right(None, 120)
    assert tempo_right(60.5, 120, OCTAVES) and not tempo_right(90, 120, OCTAVES)


def test_chord_share_by_hand():
    heard = Heard(4.0, edges=np.array([0.0, 2.0, 4.0]), chords=np.array([1, 2]))  # C, then Cm
    assert chord_share(heard, np.array([0.0, 3.0]), np.array([3, 2])) == pytest.approx(0.75)  # C7
    assert chord_share(heard, np.array([0.0]), np.array([2])) == pytest.approx(0.5)
    assert np.isnan(chord_share(heard, np.array([0.0]), np.array([0])))


def test_the_model_says_how_often_it_is_right():
    model = shipped()
    rate = accuracy()
    assert rate["pieces"] > 100 and 0.5 < rate["tempo"] <= rate["tempo_octave"] <= 1
    assert 0.5 < rate["key"] <= rate["key_mirex"] <= 1 and 0.5 < rate["chords"] <= 1
    assert set(rate["families"]) == set(model.told) <= set(NAMES) and "drums" in model.told
    again = Model.from_dict(model.to_dict())
    assert all(
        np.array_equal(getattr(again, k), getattr(model, k)) for k in ("keys", "silence_bias")
    )
