"""Figures of a codec's round trip: against closed forms, and the same in blocks as whole."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from cantilena.errors import InputError
from cantilena.evaluate.sound.codec import BookCounts, WaveSums, round_trip
from cantilena.models.audio.codec import stream
from cantilena.models.audio.codec.base import codec
from tiny_codecs import tiny, tones


@pytest.mark.parametrize("ratio", [-5.0, 12.0, 60.0])
def test_si_sdr_is_the_ratio_of_sound_to_noise_in_blocks_too(ratio: float):
    rng = np.random.default_rng(0)
    sound, noise = rng.normal(size=(2, 40_000))
    sound -= sound.mean()
    noise -= noise.mean()
    noise -= noise @ sound / (sound @ sound) * sound  # nothing of the sound is in it
    noise *= np.linalg.norm(sound) / np.linalg.norm(noise)
    mixed = 0.3 * (sound + 10 ** (-ratio / 20) * noise) + 0.7
    sums = WaveSums()
    for i in range(0, 40_000, 7_000):
        sums.add(mixed[i : i + 7_000], sound[i : i + 7_000])
    assert sums.si_sdr() == pytest.approx(ratio, abs=1e-4)


def test_si_sdr_of_constants_is_none_and_of_the_same_sound_high():
    sums = WaveSums()
    sums.add(np.ones(10), np.arange(10.0))
    assert sums.si_sdr() is None
    sums = WaveSums()
    sums.add(np.arange(100.0), np.arange(100.0))
    assert (sums.si_sdr() or 0) > 100


def test_perplexity_of_uniform_use_is_the_books_size():
    counts = BookCounts.of([8, 4])
    counts.add(np.array([[0, 1, 2, 3, 4, 5, 6, 7], [2] * 8]))
    uniform, one = counts.rows()
    assert (uniform["used"], uniform["perplexity"], uniform["bits"]) == (8, 8.0, 3.0)
    assert (one["used"], one["perplexity"], one["bits"]) == (1, 1.0, 0.0)


def test_bits_a_second_of_a_published_setting():
    """EnCodec at 24 kHz: 75 frames a second, books of 1,024; two of them are 1.5 kbps."""
    model = codec("seanet", sample_rate=24_000, filters=2, lstm=0, latent=4)
    assert model.bits(2) == 1_500 and model.bits() == 8 * 750


def test_a_round_trip_hands_on_its_sound_and_its_figures():
    model, sound = tiny("frame"), tones(0.7)[:, None]
    parts: list[np.ndarray] = []
    row = round_trip(model, [sound[:5_000], sound[5_000:]], keep=parts.append)
    made = np.concatenate(parts)
    assert made.shape == sound.shape and row["seconds"] == 0.7
    sums = WaveSums()
    sums.add(made, sound)
    assert row["si_sdr"] == pytest.approx(sums.si_sdr(), abs=0.01)
    assert row["encode_factor"] > 0 and row["decode_factor"] > 0
    assert round_trip(model, [sound], books=1)["bits_per_second"] == 4_000


@pytest.mark.parametrize("kind", ["frame", "mel"])
def test_sound_longer_than_a_window_comes_back_as_it_is_decoded(kind: str, monkeypatch):
    model, sound = tiny(kind), tones(0.7)[:, None]
    monkeypatch.setattr(stream, "WINDOW", 100 / model.frame_rate)
    parts: list[np.ndarray] = []
    round_trip(model, [sound[:5_000], sound[5_000:]], keep=parts.append)
    codes = np.concatenate(list(stream.encode_blocks(model, [sound])), 1)
    whole = np.concatenate(list(stream.decode_blocks(model, codes, len(sound))))
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_silence_is_refused():
    with pytest.raises(InputError, match="silent"):
        round_trip(tiny("frame"), [np.zeros((2_000, 1), np.float32)])
