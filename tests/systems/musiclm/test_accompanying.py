"""Recordings that are accompanied: what is read of them, the mix, and what stages are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

from cantilena.audio.audio import Audio  # noqa: E402
from cantilena.audio.wav import parse_wav  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.systems.musiclm import accompanying  # noqa: E402
from cantilena.systems.musiclm.model import MusicConfig  # noqa: E402
from cantilena.systems.musiclm.system import MusicLmSystem  # noqa: E402
from cantilena.systems.request import Request  # noqa: E402
from cantilena.text.wishes import Brief  # noqa: E402
from tiny_codecs import tones  # noqa: E402
from tiny_musiclm import tiny_codec, tiny_music, write_musiclm  # noqa: E402

RATE = 16_000
FULL = accompanying.FULL
DRUMMER = {"stages": "coarse,fine", "stem": "drums"}


def recording(share: float = 0.3, seconds: float = 1.0, rate: int = RATE) -> Audio:
    """Of two channels, on the steps of 16 bits."""
    count = round(seconds * rate)
    left, right = (tones(1.0 + count / RATE, seed=i)[:count] for i in (0, 1))
    return Audio(np.rint(share * np.stack([left, right]) * FULL) / FULL, rate)


def test_the_model_hears_one_channel_at_its_rate_as_loud_as_clips_are():
    quiet, loud = (
        accompanying.as_heard(recording(share, rate=44_100), RATE) for share in (0.2, 0.5)
    )
    assert quiet.shape == loud.shape and abs(len(loud) - RATE) <= 1
    # 16 bits hold a quiet sound less exactly
    assert np.abs(quiet - loud).max() < 1e-3 < np.abs(loud).max()
    hiss = Audio(np.resize([0.0, 1 / FULL], (1, RATE)), RATE)
    assert accompanying.gain_of(hiss) == accompanying.MOST_GAIN
    silence = Audio(np.zeros((1, RATE)), RATE)
    assert accompanying.gain_of(silence) == 1.0 and not accompanying.as_heard(silence, RATE).any()


def test_a_part_is_as_loud_beside_the_recording_as_it_was_written():
    part = tones(1.0, seed=2) * np.float32(0.1)
    levels = [
        np.abs(accompanying.mixed(part, RATE, recording(share), 1.0).part).max()
        for share in (0.2, 0.4)
    ]
    assert levels[1] == pytest.approx(2 * levels[0], rel=0.01)


@pytest.mark.parametrize("rate", [RATE, 22_050, 8_000])
def test_of_the_mix_less_the_part_stays_the_recording(rate: int):
    heard = recording(rate=rate)
    mix = accompanying.mixed(tones(1.0, seed=2), RATE, heard, 1.0)
    source = np.rint(heard.samples.T * FULL).astype(int)
    assert mix.rate == rate and mix.both.dtype == np.int16
    assert np.array_equal(mix.both.astype(int) - mix.part, source)
    assert mix.part.any() and np.array_equal(mix.part[:, 0], mix.part[:, 1])


def test_what_has_no_room_is_cut_off_from_the_part_alone():
    samples = np.zeros((2, RATE), dtype=np.float32)
    samples[0, ::2], samples[1, ::3] = 1.0, -1.0
    heard = Audio(samples * (FULL - 1) / FULL, RATE)
    mix = accompanying.mixed(np.full(RATE, 0.8, np.float32), RATE, heard, 1.0)
    source = np.rint(heard.samples.T * FULL).astype(int)
    assert np.array_equal(mix.both.astype(int) - mix.part, source)
    assert (mix.part[::2, 0] == 0).all() and (mix.part[1::2, 0] > 0).all()
    files = mix.files(False, "drums")
    assert list(files) == ["wav", "drums.wav"] and list(mix.files(True, "drums")) == ["wav"]
    both, rate = parse_wav(files["wav"])
    assert rate == RATE and np.array_equal(np.rint(both * FULL).astype(int), mix.both)


def test_a_part_is_made_quieter_before_it_is_cut():
    part = np.zeros(RATE, dtype=np.float32)
    part[100] = 1.5
    heard = Audio(np.full((1, RATE), 0.1), RATE)
    gain = accompanying.gain_of(heard)
    mix = accompanying.mixed(part * np.float32(gain), RATE, heard, 1.0)
    assert mix.both[100] == FULL - 1 and mix.both.max() == FULL - 1
    assert mix.part[100] == pytest.approx(0.9 * FULL, abs=2)


def test_codes_are_of_the_recording_under_the_noise_of_the_training():
    codec, heard = tiny_codec(), tones(2.0)
    plain, one, two = (accompanying.codes(codec, heard, noise) for noise in (0.0, 0.3, 0.3))
    assert np.array_equal(one, two) and not np.array_equal(one, plain)
    assert np.array_equal(plain, codec.encode(torch.from_numpy(heard)[None, None])[0].numpy())


def test_noise_is_of_models_that_read_a_recording(tmp_path: Path):
    codec = tiny_codec()
    drummer = tiny_music(codec, noise=0.2, **DRUMMER).config
    assert drummer.noise == 0.2 and tiny_music(codec, noise=0.2).config.noise == 0.0
    assert MusicConfig.from_dict(drummer.to_dict()) == drummer
    request = Request(Brief(), 1, audio=recording(seconds=1.0))
    tokens = []
    for noise in (0.0, 0.5):
        folder = write_musiclm(tmp_path / f"{noise}", noise=noise, **DRUMMER)
        system = MusicLmSystem.load(folder, "cpu")
        tokens.append(system._piece(system.completed(request)).writing.tokens["given"])
    assert not np.array_equal(*tokens)


def test_a_drummer_without_beats_is_told_none(tmp_path: Path, monkeypatch):
    with_beat, without = (tiny_music(tiny_codec(), beat=beat, **DRUMMER) for beat in (True, False))
    for music, names in ((with_beat, {"text", "beat", "given"}), (without, {"text", "given"})):
        assert set(music.models["coarse"].config.conditions) == names
    assert not without.config.beat and MusicConfig.from_dict(without.config.to_dict()).beat is False
    old = {k: v for k, v in with_beat.config.to_dict().items() if k not in ("beat", "noise")}
    assert MusicConfig.from_dict(old).beat  # checkpoints of before
    system = MusicLmSystem.load(write_musiclm(tmp_path / "x", beat=False, **DRUMMER), "cpu")
    monkeypatch.setattr(system, "_words", lambda request, parts: ["drums"])  # else "60 bpm"
    sounds = [
        system.compose([Request(Brief(tempo=tempo), 1, audio=recording())])[0].audio
        for tempo in (60.0, 180.0)
    ]
    assert sounds[0] == sounds[1]


@pytest.mark.parametrize(
    ("shape", "rate", "message"),
    [
        ((1, 100), RATE, "outside 1-600 s"),
        ((17, 2 * RATE), RATE, "17 channels"),
        ((1, 2_000), 500, "a rate of 500 Hz"),
    ],
)
def test_what_cannot_be_accompanied_is_refused(shape: tuple[int, int], rate: int, message: str):
    with pytest.raises(InputError, match=message):
        accompanying.check(Audio(np.zeros(shape), rate))
