"""The chroma of MusicGen's melody condition against transformers' own."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.audio.chroma import (
    MELODY_FFT,
    MELODY_HOP,
    MELODY_RATE,
    gaussian_bank,
    melody_chroma,
)


@pytest.mark.parametrize(("rate", "fft"), [(MELODY_RATE, MELODY_FFT), (16_000, 2_048)])
def test_the_bank_is_librosas_as_transformers_has_it(rate: int, fft: int):
    utils = pytest.importorskip("transformers.audio_utils")
    expected = utils.chroma_filter_bank(fft, 12, rate, tuning=0.0)
    assert np.abs(gaussian_bank(rate, fft) - expected[:, : fft // 2 + 1].T).max() < 1e-12


def test_notes_are_told_by_their_pitch_class():
    notes = [60, 62, 64, 65, 67, 69, 71, 49]
    t = np.arange(MELODY_HOP * 12) / MELODY_RATE
    tones = [0.2 * np.sin(2 * np.pi * 440 * 2 ** ((n - 69) / 12) * t) for n in notes]
    rows = melody_chroma(np.concatenate(tones))
    assert rows.shape == (12 * len(notes) + 1, 12) and (rows.sum(1) == 1).all()
    assert rows[6::12].argmax(1).tolist() == [n % 12 for n in notes]


def test_short_sound_and_silence():
    assert melody_chroma(np.zeros(10)).argmax(1).tolist() == [0] * 5
    assert len(melody_chroma(np.zeros(30 * MELODY_RATE))) == 235
