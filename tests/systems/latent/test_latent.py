"""The system latent: what leads it, gaps and what comes next, windows, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

import cantilena
from cantilena.audio.audio import Audio
from cantilena.audio.wav import read_wav, write_wav
from cantilena.cli import main
from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError, UnknownNameError
from cantilena.systems.latent.conditions import LatentWish
from cantilena.systems.latent.system import LatentSystem
from cantilena.systems.latent.writing import LatentOrder, LatentWriting
from cantilena.systems.request import Request
from cantilena.text.wishes import Brief
from tiny_codecs import tones
from tiny_latent import HOP, latent_model, write_latent

SAMPLING = Sampling(best_of=1, guidance=2.0)
STEPS = {"steps": 3}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return write_latent(tmp_path_factory.mktemp("latent"))


@pytest.fixture(scope="module")
def system(place) -> LatentSystem:
    return LatentSystem.load(place, "cpu")


def by_text(text: str = "calm harp", seconds: float = 1.0, seed: int = 1, **options) -> Request:
    options = {**STEPS, "condition": "text", **options}
    return Request(Brief(text=text, seconds=seconds), seed, SAMPLING, options=options)


def sound_of(system: LatentSystem, request: Request) -> np.ndarray:
    return system.compose([request])[0].audio.samples


def recording(seconds: float = 1.5, rate: int = 16_000, channels: int = 2) -> Audio:
    rows = [0.3 * tones(seconds, rate, seed) for seed in range(channels)]
    return Audio(np.stack(rows), rate)


def test_text_seed_steps_and_guidance_each_change_the_sound(system):
    first = sound_of(system, by_text())
    assert first.shape == (1, 16_000) and np.abs(first).max() > 0.01
    assert np.array_equal(first, sound_of(system, by_text()))
    others = [
        by_text("wild drums"),
        by_text(seed=2),
        by_text(steps=4),
        replace(by_text(), sampling=replace(SAMPLING, guidance=1.0)),
        replace(by_text(), sampling=replace(SAMPLING, temperature=0.5)),
    ]
    for other in others:
        assert not np.array_equal(first, sound_of(system, other))


def test_a_score_leads_where_nothing_else_is_asked(system):
    request = Request(Brief(text="piano", bars=1), 1, SAMPLING, options=STEPS)
    result = system.compose([request])[0]
    assert result.score is not None and len(result.score)
    assert result.facts["condition"] == "score"
    plain = replace(request, sampling=replace(SAMPLING, guidance=1.0))
    windows = math.ceil(result.audio.seconds / 1.5)
    assert system.compose([plain])[0].facts["function_evaluations"] == windows * STEPS["steps"]
    assert result.facts["function_evaluations"] == 2 * windows * STEPS["steps"]


def test_controls_that_are_not_asked_are_left_out(system):
    request = Request(Brief(text="piano", bars=1), 1, SAMPLING, options=STEPS)
    asked = ("", "beat", "roll", "roll,beat")
    sounds = [sound_of(system, replace(request, options=STEPS | {"controls": c})) for c in asked]
    assert np.array_equal(sounds[0], sounds[3])
    assert not any(np.array_equal(sounds[0], sound) for sound in sounds[1:3])
    assert not np.array_equal(sounds[1], sounds[2])
    with pytest.raises(InputError, match="not told of 'drums'; it is told of roll, beat"):
        system.run([replace(request, options=STEPS | {"controls": "drums"})])


def test_dpm_solver_writes_too(system):
    pytest.importorskip("diffusers")
    first = sound_of(system, by_text(sampler="dpm"))
    assert np.isfinite(first).all() and not np.array_equal(first, sound_of(system, by_text()))


def test_a_long_piece_is_written_in_windows_that_read_again(place):
    system = LatentSystem.load(place, "cpu")
    order = LatentOrder(100, LatentWish("harp"), steps=2)  # 5 s in windows of 2 s: 40 frames
    writing = LatentWriting(system.model, order)
    assert [(w.start, w.begin, w.stop) for w in writing.windows] == [
        (0, 0, 40),
        (30, 40, 70),
        (60, 70, 100),
    ]
    steps = list(writing.steps())
    assert steps == [(i + 1, 6) for i in range(6)] and writing.evaluations == 6
    first = LatentWriting(system.model, replace(order, frames=40))
    list(first.steps())
    far = LatentWriting(system.model, replace(order, context=writing.latents, kept=first_40(100)))
    list(far.steps())
    assert torch.equal(far.latents[:, :40], writing.latents[:, :40])
    assert far.windows[0].begin == 40


def first_40(frames: int) -> np.ndarray:
    return np.arange(frames) < 40


def test_a_gap_is_filled_and_all_else_stays_to_the_bit(system):
    audio = recording()
    request = replace(by_text(), audio=audio, options={**STEPS, "start": 0.5, "stop": 0.9})
    result = system.compose([request])[0]
    out, kept = result.audio.samples, np.ones(24_000, dtype=bool)
    kept[8_000:14_400] = False
    assert out.shape == (2, 24_000)
    assert np.array_equal(out[:, kept], audio.samples[:, kept])
    assert not np.array_equal(out[:, ~kept], audio.samples[:, ~kept])
    assert result.facts["new_between"] == [0.5, 0.9]
    other = replace(request, brief=Brief(text="wild drums", seconds=1.0))
    assert not np.array_equal(out, system.compose([other])[0].audio.samples)


def test_the_latents_around_a_gap_are_kept_to_the_bit(tmp_path):
    model = latent_model(tmp_path)
    known = torch.randn(4, 60)
    kept = np.ones(60, dtype=bool)
    kept[20:35] = False
    writing = LatentWriting(
        model, LatentOrder(60, LatentWish("x"), steps=3, context=known, kept=kept)
    )
    list(writing.steps())
    assert torch.equal(writing.latents[:, kept], known[:, kept])
    assert writing.latents[:, ~kept].any()


def test_a_recording_goes_on(system):
    audio = recording(0.75)
    result = system.compose([replace(by_text(seconds=0.5), audio=audio, options=STEPS)])[0]
    out = result.audio.samples
    assert out.shape == (2, 20_000) and np.array_equal(out[:, :12_000], audio.samples)
    assert np.abs(out[:, 12_000:]).max() > 1e-3
    assert result.rows[0].met


def test_a_recording_of_another_rate_and_one_channel_goes_on(system):
    audio = recording(0.75, 44_100, 1)
    request = replace(by_text(seconds=0.5), audio=audio, options=STEPS)
    out = system.compose([request])[0].audio
    assert out.rate == 16_000 and out.samples.shape == (1, 20_000)


@pytest.fixture(scope="module", params=["vae", "mel-vae"])
def stereo(request, tmp_path_factory) -> Path:
    return write_latent(tmp_path_factory.mktemp("stereo"), channels=2, vae=request.param)


def test_a_stereo_autoencoder_writes_two_channels_that_differ(stereo, tmp_path):
    out, name = tmp_path / "out", "song"
    command = ["compose", "--system", "latent", "--checkpoint", str(stereo), "calm harp"]
    command += ["--condition", "text", "--option", "steps=2", "--seconds", "0.5", "--name", name]
    assert main([*command, "-o", str(out), "--formats", "wav", "--quiet"]) == 0
    samples, rate = read_wav(out / f"{name}.wav")
    assert samples.shape == (8_000, 2) and rate == 16_000
    assert np.abs(samples[:, 0] - samples[:, 1]).max() > 0.01


def test_what_is_new_in_a_stereo_recording_is_stereo_and_hears_both_channels(stereo):
    system, audio = LatentSystem.load(stereo, "cpu"), recording()
    request = replace(by_text(), audio=audio, options={**STEPS, "start": 0.5, "stop": 0.9})
    out = sound_of(system, request)
    assert np.array_equal(out[:, :8_000], audio.samples[:, :8_000])
    assert np.abs(out[0, 8_400:14_000] - out[1, 8_400:14_000]).max() > 1e-3
    swapped = sound_of(system, replace(request, audio=Audio(audio.samples[::-1], audio.rate)))
    assert not np.allclose(swapped[::-1, 8_400:14_000], out[:, 8_400:14_000], atol=1e-3)
    mono = Audio(audio.samples[:1], audio.rate)
    assert sound_of(system, replace(request, audio=mono)).shape == (1, 24_000)


def test_what_cannot_be_is_refused(system):
    audio = recording()
    wrong = [
        (by_text(sampler="euler"), "sampler"),
        (by_text(steps=0), "0 steps"),
        (replace(by_text(), sampling=replace(SAMPLING, top_k=5)), "top-k changes nothing"),
        (replace(by_text(), sampling=replace(SAMPLING, top_p=0.5)), "top-p changes nothing"),
        (by_text(start=1.0), "--continue"),
        (replace(by_text(), audio=audio, options={"start": 9.0}), "nothing begins at 9 s"),
        (replace(by_text(), audio=audio, options={"start": 1.0, "stop": 0.5}), "nothing between"),
        (replace(by_text(), audio=audio, options={"start": 1.0, "stop": 40.0}), "not end at 40 s"),
        (replace(by_text(), audio=audio, options={"condition": "score"}), "--condition"),
    ]
    for request, message in wrong:
        with pytest.raises((InputError, UnknownNameError), match=message):
            system.run([request])


def test_a_gap_by_the_command_line_and_again_by_its_json(place, tmp_path, capsys):
    write_wav(recording().samples.T, 16_000, tmp_path / "song.wav")
    where = ["--checkpoint", str(place), "--option", "steps=2"]
    song = ["--continue", str(tmp_path / "song.wav")]
    out = tmp_path / "out"
    command = ["compose", "--system", "latent", *where, *song, "calm harp", "-o", str(out)]
    assert main([*command, "--between", "0.5", "0.9", "--formats", "wav,json", "--quiet"]) == 0
    piece = out / "calm-harp.json"
    assert piece.stat().st_size < 10_000
    again = ["compose", "--replay", str(piece), *where[:2], "-o", str(tmp_path / "again")]
    assert main([*again, "--formats", "wav", "--quiet"]) == 0
    first = (out / "calm-harp.wav").read_bytes()
    before = np.frombuffer((tmp_path / "song.wav").read_bytes()[44:], "<i2").reshape(-1, 2)
    after = np.frombuffer(first[44:], "<i2").reshape(-1, 2)
    changed = np.flatnonzero((before != after).any(1))
    assert 8_000 <= changed.min() < changed.max() < 14_400
    assert (tmp_path / "again" / "calm-harp.wav").read_bytes() == first
    on = ["--seconds", "0.5", "--name", "on", "--formats", "wav,json", "--quiet"]
    assert main([*command, *on]) == 0
    assert len(list(out.glob("recording-*.wav"))) == 1  # both pieces are made from it
    assert len((out / "on.wav").read_bytes()) == 44 + 2 * 2 * 32_000
    capsys.readouterr()
    for other in ("note", "musicgen", "musiclm", "karasinger"):
        assert main(["compose", "--system", other, *song, "-o", str(out)]) == 2
        told = f"'{other}' does not go on from a recording; latent and uniaudio can"
        assert told in capsys.readouterr().err


def test_half_the_weights_are_read_again(tmp_path):
    model = latent_model(tmp_path)
    from cantilena.systems.latent.model import load_latent, save_latent

    save_latent(tmp_path / "half", model, {"seed": 0}, half=True)
    again, _ = load_latent(tmp_path / "half", "cpu")
    for name, value in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, atol=2e-3, rtol=2e-3)


def test_in_training_the_autoencoder_stays(tmp_path):
    model = latent_model(tmp_path).train()
    assert not model.vae.training and model.dit.training
    assert not any(p.requires_grad for p in model.vae.parameters())
    assert model.window == round(2.0 * 16_000 / HOP)


def test_load_by_the_public_face_names_what_is_missing(tmp_path):
    with pytest.raises(InputError, match="checkpoint"):
        cantilena.load(system="latent")


def test_codes_are_written_first_and_lead_the_diffusion(tmp_path):
    from cantilena.systems.latent.model import save_latent
    from tiny_pairs import write_pair

    pair = write_pair(tmp_path / "codes")
    model = latent_model(tmp_path, "text,codes", card=16)
    save_latent(tmp_path / "melody", model, {"seed": 0})
    system = LatentSystem.load(tmp_path / "melody", "cpu", codec=str(pair))
    request = Request(Brief(text="piano", bars=1), 1, SAMPLING, options=STEPS)
    result = system.compose([request])[0]
    assert result.facts["condition"] == "score" and result.facts["codes_by"]["name"] == "tiny"
    assert np.array_equal(sound_of(system, request), result.audio.samples)
    frames = model.dit.frames["codes"].weight
    with torch.no_grad():
        system.model.dit.frames["codes"].weight.zero_()
    assert frames.any() and not np.array_equal(sound_of(system, request), result.audio.samples)
    model.about["codec"] = "0" * 64
    save_latent(tmp_path / "other", model, {"seed": 0})
    with pytest.raises(InputError, match="reads codes of the codec 0000"):
        LatentSystem.load(tmp_path / "other", "cpu", codec=str(pair))
    plain = write_latent(tmp_path / "plain")
    with pytest.raises(InputError, match="leave --codec out"):
        LatentSystem.load(plain, "cpu", codec=str(pair))
