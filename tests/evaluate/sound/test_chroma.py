"""What the chroma embedder says of harmony and rhythm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.audio import chroma as front
from cantilena.audio import mel
from cantilena.errors import InputError
from cantilena.evaluate.sound import chroma
from tiny_audio import tone

HARMONY, RHYTHM = slice(0, 9), slice(9, 9 + len(chroma.LAGS))
ENTROPY, CHANGE = 6, 8


def chord(*pitches: float, seconds: float = 5.0) -> np.ndarray:
    n = np.arange(round(seconds * mel.RATE)) / mel.RATE
    waves = [np.sin(2 * np.pi * 440 * 2 ** ((p - 69) / 12) * n) for p in pitches]
    return (0.2 * np.sum(waves, 0)).astype(np.float32)


def clicks(seconds: float, every: float) -> np.ndarray:
    """Bursts of noise at equal distances."""
    sound = np.zeros(round(seconds * mel.RATE), np.float32)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 800).astype(np.float32)
    for at in np.arange(0.05, seconds - 0.1, every):
        sound[round(at * mel.RATE) :][:800] += noise
    return sound


@pytest.mark.parametrize("pitch", [45, 57, 60, 71, 88])
def test_a_pitch_is_in_its_class(pitch: int):
    assert (front.chroma(chord(pitch)).argmax(1) == pitch % 12).all()


def test_a_chord_is_the_same_in_every_key_and_not_another_chord():
    major, moved, other = (
        chroma.embed(chord(*p))[0, HARMONY]
        for p in ((60, 64, 67), (65, 69, 72), (60, 61, 62, 66, 68))
    )
    np.testing.assert_allclose(major, moved, atol=0.12)
    assert np.abs(major - other).max() > 0.3
    # thirds and a fifth; no semitone
    assert min(major[2], major[3], major[4]) > 0.2 > major[0]


def test_more_pitches_have_more_entropy_and_a_change_of_chord_is_heard():
    one, three = chroma.embed(chord(60))[0], chroma.embed(chord(60, 64, 67))[0]
    assert one[ENTROPY] < three[ENTROPY]
    turn = np.concatenate([chord(60, 64, 67, seconds=1), chord(62, 65, 69, seconds=1)] * 3)
    assert chroma.embed(turn)[0, CHANGE] > 5 * three[CHANGE]


@pytest.mark.parametrize("every", [0.25, 0.5, 0.7])
def test_onsets_come_back_after_their_distance(every: float):
    found = chroma.embed(clicks(6, every))[:, RHYTHM].mean(0)
    assert found.argmax() == np.abs(chroma.LAGS - 100 * every).argmin() and found.max() > 0.5
    irregular = np.cumsum(np.random.default_rng(1).uniform(0.2, 0.9, 9))
    sound = np.zeros(6 * mel.RATE, np.float32)
    for at in irregular:
        sound[round(at * mel.RATE) :][:800] += clicks(1, 2.0)[800:1600]
    assert chroma.embed(sound)[:, RHYTHM].max() < found.max()


@settings(max_examples=15)
@given(st.floats(0.001, 7), st.integers(0, 99))
def test_any_length_gives_the_same_finite_vectors_again(seconds: float, seed: int):
    sound = tone(300, max(seconds, 1 / 16_000), mel.RATE, seed)
    found = chroma.embed(sound)
    assert found.dtype == np.float32 and found.shape[1] == chroma.DIMENSIONS
    assert len(found) == max(1, int(seconds - 3)) or abs(seconds - round(seconds)) < 0.03
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, chroma.embed(sound.copy()))


def test_silence_is_finite_and_what_is_no_sound_refused():
    assert np.isfinite(chroma.embed(np.zeros(5 * mel.RATE, np.float32))).all()
    for bad in (np.zeros((2, 2)), np.zeros(0), np.array([0.0, np.nan])):
        with pytest.raises(InputError):
            chroma.embed(bad)
