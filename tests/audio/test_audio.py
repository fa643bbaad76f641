"""Audio as a value, and as a condition and a Result."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.audio.audio import Audio
from cantilena.audio.wav import read_wav
from cantilena.errors import InputError
from cantilena.result import Result
from cantilena.score import Score, Track
from cantilena.systems.request import Request
from cantilena.text.wishes import Brief

TONE = Audio(0.5 * np.sin(np.arange(8000) / 20)[None].repeat(2, axis=0), 8000)


@given(st.integers(1, 3), st.integers(0, 50), st.integers(1, 96_000), st.integers(0, 99))
def test_it_is_plain_data(channels: int, length: int, rate: int, seed: int):
    audio = Audio(np.random.default_rng(seed).normal(size=(channels, length)), rate)
    assert Audio.from_dict(json.loads(json.dumps(audio.to_dict()))) == audio
    assert audio.seconds == length / rate
    request = Request(Brief(), 1, audio=audio)
    assert Request.from_dict(json.loads(json.dumps(request.to_dict()))) == request


@pytest.mark.parametrize(
    "samples", [np.zeros((2, 3, 4)), np.zeros((0, 4)), np.array([np.nan]), np.array([np.inf])]
)
def test_what_is_no_sound_is_refused(samples: np.ndarray):
    with pytest.raises(InputError):
        Audio(samples, 8000)
    with pytest.raises(InputError):
        Audio(np.zeros(3), 0)


@pytest.mark.parametrize("change", [{"rate": 1.5}, {"channels": 3}, {"float32": "!"}, {"rate": 0}])
def test_damaged_data_is_refused(change: dict):
    with pytest.raises(InputError):
        Audio.from_dict({**Audio(np.zeros((2, 4)), 8).to_dict(), **change})


def test_it_cannot_be_changed():
    with pytest.raises(ValueError):
        TONE.samples[0, 0] = 1


def test_a_result_of_audio_alone_is_saved_and_shown(tmp_path):
    result = Result(TONE, Brief(text="a tone"))
    files = result.save(tmp_path)
    assert sorted(files) == ["json", "wav"]
    samples, rate = read_wav(files["wav"])
    assert rate == 8000 and np.allclose(samples.T, TONE.samples, atol=1e-4)
    data = json.loads(files["json"].read_text())
    assert data["seconds"] == 1.0 and "notes" not in data
    with pytest.raises(InputError, match="no mid"):
        result.save(tmp_path, "mid,wav", "other")
    assert not (tmp_path / "other.wav").exists()
    with pytest.raises(InputError, match="no notes"):
        _ = result.score
    assert "audio/wav" in result._repr_html_() and "image/png" not in result._repr_html_()


def test_audio_led_by_a_score_has_the_files_of_both(tmp_path):
    score = Score.build(24, [Track("a", 0)], [0], [24], [60], [80], [0])
    result = Result(TONE, Brief(text="a tone"), guide=score)
    files = result.save(tmp_path, "mid,wav,json")
    assert read_wav(files["wav"])[1] == 8000 and files["mid"].read_bytes()[:4] == b"MThd"
    data = json.loads(files["json"].read_text())
    assert (data["notes"], data["seconds"], data["rate"]) == (1, 1.0, 8000)
    assert "image/png" in result._repr_html_()
