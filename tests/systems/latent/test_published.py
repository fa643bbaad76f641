"""Published pipelines behind the system latent, each of small random parts in diffusers' layout."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

import cantilena
import tiny_pipelines
from cantilena.audio.audio import Audio
from cantilena.audio.wav import read_wav
from cantilena.cli import main
from cantilena.decode.sampling import Sampling
from cantilena.errors import CheckpointError, InputError
from cantilena.systems.base import Progress
from cantilena.systems.latent.published import PublishedLatent
from cantilena.systems.request import Request
from cantilena.text.wishes import Brief

MAKERS = {
    "stable_audio": tiny_pipelines.stable_audio,
    "audioldm2": tiny_pipelines.audioldm2,
    "audioldm2 as published": lambda folder: tiny_pipelines.audioldm2(folder, "GPT2Model"),
    "musicldm": tiny_pipelines.musicldm,
}


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> dict[str, Path]:
    return {name: make(tmp_path_factory.mktemp("pipe")) for name, make in MAKERS.items()}


def request(text: str = "calm harp", seed: int = 1, guidance: float = 3.0, **fields) -> Request:
    fields = {"options": {"steps": 3}, **fields}
    sampling = Sampling(best_of=1, guidance=guidance)
    return Request(Brief(text=text, seconds=0.5), seed, sampling, **fields)


@pytest.mark.parametrize("name", MAKERS)
def test_a_pipeline_makes_sound_of_a_text_step_by_step(name, places):
    system = cantilena.load(places[name], "latent", device="cpu")
    assert isinstance(system, PublishedLatent) and len(system.hash) == 16
    first = system.compose([request()])[0]
    assert first.audio.seconds == pytest.approx(0.5, abs=2e-3)
    assert first.audio.rate == (800 if name == "stable_audio" else 16_000)
    assert np.abs(first.audio.samples).max() > 0.01
    assert len(first.audio.samples) == (2 if name == "stable_audio" else 1)
    assert np.abs(first.audio.samples[0] - first.audio.samples[-1]).any() == (
        name == "stable_audio"
    )
    assert first.facts["function_evaluations"] == 6
    again = system.compose([request()])[0]
    assert np.array_equal(first.audio.samples, again.audio.samples)
    for other in (request("wild drums"), request(seed=2), request(guidance=1.0)):
        assert not np.array_equal(system.compose([other])[0].audio.samples, first.audio.samples)
    shares = [e.share for _, e in system.run([request()]) if isinstance(e, Progress)]
    assert len(shares) == 3 and shares == sorted(shares)


def test_closing_ends_the_work_and_its_thread(places):
    system = cantilena.load(places["musicldm"], "latent", device="cpu")
    calls = []
    forward = system.pipeline.unet.forward
    system.pipeline.unet.forward = lambda *a, **k: (calls.append(1), forward(*a, **k))[1]
    try:
        before = threading.active_count()
        run = system.run([request(options={"steps": 50})])
        next(run)
        run.close()
        assert len(calls) == 1 and threading.active_count() == before
    finally:
        system.pipeline.unet.forward = forward


def test_a_fault_in_a_pipeline_is_raised_where_it_is_waited_for(places):
    system = cantilena.load(places["stable_audio"], "latent", device="cpu")
    decode = system.pipeline.vae.decode
    system.pipeline.vae.decode = lambda *a, **k: 1 / 0
    try:
        with pytest.raises(ZeroDivisionError):
            system.compose([request()])
    finally:
        system.pipeline.vae.decode = decode


def test_the_schedule_is_stable_audios_own(places):
    system = cantilena.load(places["stable_audio"], "latent", device="cpu")
    scheduler = system.pipeline.scheduler
    scheduler.set_timesteps(5)
    sigmas = scheduler.sigmas.numpy()
    np.testing.assert_allclose(sigmas[:-1], 500 * (0.3 / 500) ** (np.arange(5) / 4), rtol=1e-4)
    times = np.arctan(sigmas[:-1]) * 2 / np.pi
    np.testing.assert_allclose(scheduler.timesteps.numpy(), times, rtol=1e-4)


def test_what_it_cannot_do_is_refused(places):
    system = cantilena.load(places["stable_audio"], "latent", device="cpu")
    audio = Audio(np.zeros((1, 800), np.float32), 800)
    wrong = [
        (request(audio=audio, options={}), "changes no recordings"),
        (request(options={"sampler": "dpm"}), "sampler"),
        (request(options={"steps": 0}), "0 steps"),
        (request(options={"condition": "score"}), "cannot be led by score"),
        (Request(Brief(text="x", seconds=99.0), 1, Sampling(best_of=1)), "at most 2 s"),
    ]
    for one, message in wrong:
        with pytest.raises(InputError, match=message):
            system.run([one])


def test_by_the_command_line(places, tmp_path, capsys):
    command = ["compose", "--system", "latent", "--checkpoint", str(places["musicldm"])]
    command += ["calm harp", "--seconds", "0.5", "--option", "steps=2", "-o", str(tmp_path)]
    assert main([*command, "--formats", "wav,json", "--quiet"]) == 0
    samples, rate = read_wav(tmp_path / "calm-harp.wav")
    assert rate == 16_000 and len(samples) == 8_000
    piece = json.loads((tmp_path / "calm-harp.json").read_text())
    assert piece["system"] == "latent"


def test_other_and_damaged_folders_are_refused(places, tmp_path):
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    with pytest.raises(CheckpointError, match="known: StableAudioPipeline"):
        PublishedLatent.load(tmp_path, "cpu")
    (tmp_path / "model_index.json").write_text('{"_class_name": "MusicLDMPipeline"}')
    with pytest.raises(CheckpointError):
        PublishedLatent.load(tmp_path, "cpu")
