"""Each embedder on sounds whose answers are known, against independent front ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.audio import mel
from cantilena.errors import CheckpointError, InputError, UnknownNameError
from cantilena.evaluate.sound import embedders as e
from cantilena.evaluate.sound import logmel
from tiny_audio import cnn14_weights, tone, vggish_weights, write_encodec

# ---------------------------------------------------------------------------- log-mel


def test_the_bank_is_that_of_transformers():
    """An independent maker of the same triangles (htk scale, straight in mel)."""
    mel_filter_bank = pytest.importorskip("transformers.audio_utils").mel_filter_bank
    for rate, fft, bands, low, high in ((16_000, 512, 64, 125, 7500), (16_000, 512, 32, 50, 7600)):
        known = mel_filter_bank(
            fft // 2 + 1, bands, low, high, rate,
            norm=None, mel_scale="htk", triangularize_in_mel_space=True,
        )  # fmt: skip
        np.testing.assert_allclose(mel.mel_bank(rate, fft, bands, low, high), known, atol=1e-9)


def test_a_tone_is_where_it_sounds():
    centre = 1000.0
    bands = mel.log_mel(tone(centre, 3, mel.RATE))
    bank = mel.mel_bank(mel.RATE, mel.FFT, mel.BANDS, mel.LOWEST, mel.HIGHEST)
    at = bank[round(centre / mel.RATE * mel.FFT)].argmax()
    assert (bands.argmax(1) == at).all()


def test_silence_a_steady_tone_and_a_beaten_one():
    silent = logmel.embed(np.zeros(5 * mel.RATE, np.float32))
    np.testing.assert_allclose(silent[:, :32], -6)
    assert silent.shape == (3, 96) and not silent[:, 32:].any()
    steady = tone(440, 5, mel.RATE)
    beaten = steady * (np.arange(len(steady)) // 4000 % 2)
    loudest = logmel.embed(steady)[0, :32].argmax()
    for field in (1, 2):  # deviation, change
        column = 32 * field + loudest
        assert logmel.embed(beaten)[0, column] > 10 * logmel.embed(steady)[0, column]


@settings(max_examples=15)
@given(st.floats(0.001, 6), st.integers(0, 99))
def test_any_length_gives_the_same_finite_vectors_each_time(seconds: float, seed: int):
    sound = tone(300, max(seconds, 1 / 16_000), mel.RATE, seed)
    found = logmel.embed(sound)
    assert found.dtype == np.float32 and found.shape[1] == logmel.DIMENSIONS
    assert len(found) == max(1, int(len(mel.log_mel(sound)) / 100 - 1)) and len(found) >= 1
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, logmel.embed(sound.copy()))


GOLDEN = {0: -5.54501, 5: -4.14852, 7: -2.54077, 37: 1.14578, 70: 0.105, 95: 0.01049}


def test_golden_numbers():
    """Sines without noise, rising by an octave: printed by this module when it was written, to be
    seen if it changes. Numbers that were kept would else be mixed with others."""
    n = np.arange(2 * mel.RATE)
    sound = 0.3 * np.sin(2 * np.pi * np.where(n < mel.RATE, 330, 660) * n / mel.RATE)
    found = logmel.embed(sound.astype(np.float32))
    assert found.shape == (1, 96)
    assert {i: float(found[0, i]) for i in GOLDEN} == pytest.approx(GOLDEN, abs=1e-4)


@pytest.mark.parametrize("bad", [np.zeros((2, 2)), np.zeros(0), np.array([0.0, np.nan])])
def test_what_is_no_sound_is_refused(bad: np.ndarray):
    with pytest.raises(InputError):
        logmel.embed(bad)


# ---------------------------------------------------------------------------- networks


@pytest.fixture
def vggish(tmp_path):
    torch = pytest.importorskip("torch")
    path = tmp_path / "vggish.pth"
    torch.save(vggish_weights(), path)
    return e.load_embedder("vggish", str(path))


def test_vggish_reads_patches_as_published(vggish):
    """Front end against transformers' spectrogram; network against plain calls, layer by layer."""
    from torch.nn import functional as F

    audio = pytest.importorskip("transformers.audio_utils")
    sound = tone(500, 2.2, 16_000)
    bank = audio.mel_filter_bank(
        257, 64, 125, 7500, 16_000, norm=None, mel_scale="htk", triangularize_in_mel_space=True
    )
    known = audio.spectrogram(
        sound.astype(float), audio.window_function(400, "hann"), 400, 160, 512,
        power=1.0, center=False, mel_filters=bank, mel_floor=0.0,
    )  # fmt: skip
    patches = vggish.model.patches(sound)
    assert patches.shape == (2, 1, 96, 64)
    np.testing.assert_allclose(
        patches.numpy().reshape(-1, 64), np.log(known.T[:192] + 0.01), atol=1e-4
    )
    w, x = vggish_weights(), patches
    for i, pool in ((0, True), (3, True), (6, False), (8, True), (11, False), (13, True)):
        x = F.relu(F.conv2d(x, w[f"features.{i}.weight"], w[f"features.{i}.bias"], padding=1))
        x = F.max_pool2d(x, 2) if pool else x
    x = x.transpose(1, 3).transpose(1, 2).flatten(1)
    for i in (0, 2, 4):
        x = F.linear(x, w[f"embeddings.{i}.weight"], w[f"embeddings.{i}.bias"])
        x = F.relu(x) if i < 4 else x
    np.testing.assert_allclose(vggish.embed(sound), x.numpy(), atol=1e-5)
    assert vggish.embed(sound[:50]).shape == (1, 6)


def test_cnn14_is_as_published(tmp_path):
    torch = pytest.importorskip("torch")
    from torch.nn import functional as F

    w = cnn14_weights()
    torch.save({"iteration": 1, "model": w}, tmp_path / "cnn14.pth")
    pann = e.load_embedder("pann", str(tmp_path / "cnn14.pth"))
    sound = tone(500, 2, 32_000)
    window = torch.from_numpy(mel.hann(1024))
    padded = np.pad(sound.astype(float), 512, mode="reflect")
    blocks = torch.from_numpy(mel.frames(padded, 1024, 320).copy()) * window
    power = torch.fft.rfft(blocks).abs().square().float()
    x = 10 * torch.log10((power @ w["logmel_extractor.melW"]).clamp(min=1e-10))
    x = (x / (1 + 1e-5) ** 0.5)[None, None]  # batch norms of mean 0 and variance 1
    for i in range(1, 7):
        for k in (1, 2):
            x = F.conv2d(x, w[f"conv_block{i}.conv{k}.weight"], padding=1)
            x = F.relu(x / (1 + 1e-5) ** 0.5)
        x = F.avg_pool2d(x, 2) if i < 6 else x
    x = x.mean(3)
    known = F.relu(F.linear(x.max(2)[0] + x.mean(2), w["fc1.weight"], w["fc1.bias"]))
    found = pann.embed(sound)
    assert found.shape == (1, 4) and found.any()
    np.testing.assert_allclose(found, known.numpy(), rtol=1e-3, atol=1e-3)
    assert pann.embed(tone(500, 25, 32_000)).shape == (3, 4)


def test_encodec_averages_its_encoder_over_seconds(tmp_path):
    pytest.importorskip("transformers")
    import torch

    encodec = e.load_embedder("encodec", str(write_encodec(tmp_path)))
    assert encodec.rate == 24_000
    sound = tone(700, 3.7, 24_000)
    found = encodec.embed(sound)
    assert found.shape == (4, 8)
    with torch.inference_mode():
        second = encodec.model.encoder(torch.from_numpy(sound[24_000:48_000])[None, None])
    assert second.shape == (1, 8, 75)
    np.testing.assert_allclose(found[1], second[0].mean(1).numpy(), rtol=1e-3, atol=1e-4)


# ---------------------------------------------------------------------------- bad input


def test_names_weights_and_files_that_are_not_there_are_named(tmp_path):
    torch = pytest.importorskip("torch")
    with pytest.raises(UnknownNameError, match="logmel"):
        e.load_embedder("no such")
    with pytest.raises(InputError, match="no weights"):
        e.load_embedder("logmel", "some.pth")
    (tmp_path / "text.pth").write_text("not weights")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"features.0.weight": torch.zeros(4, 1, 3, 3)}, tmp_path / "part.pth")
    for name in ("absent.pth", "text.pth", "list.pth", "part.pth"):
        for kind in ("vggish", "pann"):
            with pytest.raises(CheckpointError, match=name.removesuffix(".pth")):
                e.load_embedder(kind, str(tmp_path / name))


def test_weights_are_a_file_or_the_folder_that_holds_it(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(vggish_weights(), tmp_path / "vggish-10086976.pth")
    (tmp_path / "README.md").write_text("where it is from")
    sound = tone(500, 2.2, 16_000)
    one, other = (
        e.load_embedder("vggish", str(p)) for p in (tmp_path, tmp_path / "vggish-10086976.pth")
    )
    np.testing.assert_array_equal(one.embed(sound), other.embed(sound))
    torch.save(vggish_weights(), tmp_path / "more.pth")
    with pytest.raises(CheckpointError, match="2 files of weights"):
        e.load_embedder("vggish", str(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="no files of weights"):
        e.load_embedder("vggish", str(tmp_path / "empty"))


def test_weights_of_the_wrong_shape_are_named(tmp_path):
    torch = pytest.importorskip("torch")
    weights = vggish_weights()
    weights["embeddings.2.bias"] = torch.zeros(3)
    torch.save(weights, tmp_path / "bad.pth")
    with pytest.raises(CheckpointError, match=r"embeddings\.2\.bias"):
        e.load_embedder("vggish", str(tmp_path / "bad.pth"))
