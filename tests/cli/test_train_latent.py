"""``train --system latent``: from clips to a model that composes sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # two of a busy machine wait for one another

from cantilena.audio.wav import read_wav, write_wav  # noqa: E402
from cantilena.cli import main  # noqa: E402
from cantilena.data.corpora.corpus import hashed_split  # noqa: E402
from cantilena.models.audio.codec.files import save_codec  # noqa: E402
from cantilena.systems.latent.examples import kept_frames  # noqa: E402
from tiny_codecs import tiny, tones  # noqa: E402

TRAIN = ["train", "--system", "latent", "--data", "clips", "--out", "run"]
SIZES = ["width=8", "layers=1", "heads=2", "hidden=8", "seconds=0.2", "conditions=text"]
SMALL = [part for option in SIZES for part in ("--option", option)]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: Any) -> Path:
    """A folder with clips of recordings and an autoencoder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sounds").mkdir()
    for split in ("train", "valid"):  # by the hash of their names
        names = [f"{i}.wav" for i in range(99) if hashed_split(f"sounds/{i}.wav") == split]
        for i, name in enumerate(names[:3]):
            write_wav(tones(1.0, seed=i), 16_000, tmp_path / "sounds" / name)
    assert main(["data", "audio", "sounds", "-o", "clips", "--seconds", "1", "--quiet"]) == 0
    save_codec("vae", tiny("mel-vae", hop=160, fft=640), {})
    return tmp_path


def run(capsys: Any, *argv: str) -> tuple[int, str, str]:
    code = main(list(argv))
    return code, *capsys.readouterr()


def test_clips_become_a_model_that_makes_sound(here: Path, capsys: Any):
    argv = [*TRAIN, "--codec", "vae", "--steps", "2", "--batch", "2", *SMALL]
    code, out, err = run(capsys, *argv)
    assert code == 0, err
    assert "clips encoded" in out and "held out" in out and "deviation" in out
    card = json.loads((here / "run" / "model" / "card.json").read_text())
    assert card["system"] == "latent" and card["model"]["options"]["vae"] == ""
    assert {"latents", "nothing", "another's text", "latent_deviation"} <= set(card["figures"])
    (here / "vae").rename(here / "elsewhere")  # the checkpoint needs it no more
    compose = ["compose", "--checkpoint", "run", "calm harp", "--seconds", "0.5", "--option"]
    code, _, err = run(capsys, *compose, "steps=2", "--formats", "wav,json", "--quiet")
    assert code == 0, err
    samples, _ = read_wav("out/calm-harp.wav")
    assert len(samples) == 8_000 and np.isfinite(samples).all()
    (here / "elsewhere").rename(here / "vae")
    code, out, err = run(capsys, *TRAIN, "--codec", "vae", "--steps", "3")
    assert code == 0 and "clips encoded" not in out and "going on" in out, err


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ([], "say by --codec"),
        (["--codec", "vae", "--notes", "5"], "--notes is not an option of"),
        (["--codec", "vae", "--recipe", "opera"], "opera"),
        (["--codec", "vae", "--option", "breadth=3"], "no option 'breadth'"),
        (["--codec", "vae", "--option", "conditions=smell"], "reads no 'smell'"),
        (["--codec", "vae", "--option", "seconds=60"], "no example is as long as a crop"),
        (["--codec", "vae", "--option", "gaps=0.9"], "1 together"),
        (["--codec", "vae", "--option", "width=9"], "does not divide"),
        (["--codec", "codec"], "no latents to learn"),
    ],
)
def test_what_cannot_be_trained(here: Path, capsys: Any, more: list[str], problem: str):
    save_codec("codec", tiny("mel"), {})
    code, _, err = run(capsys, *TRAIN, *more)
    assert code == 2
    assert problem in err and "Traceback" not in err


def test_kept_frames_are_beginnings_and_surroundings_of_gaps():
    rng = np.random.default_rng(0)
    prefixes = [kept_frames(rng, 40, 1.0, 0.0) for _ in range(50)]
    for kept in prefixes:
        length = int(kept.sum())
        assert 1 <= length <= 30 and kept[:length].all()
    gaps = [kept_frames(rng, 40, 0.0, 1.0) for _ in range(50)]
    assert all(0 < kept.sum() < 40 for kept in gaps)
    assert any(kept[0] and kept[-1] for kept in gaps)
    assert not any(kept_frames(rng, 40, 0.0, 0.0).any() for _ in range(9))
