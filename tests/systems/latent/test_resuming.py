"""Pieces of ``latent`` that a kill ended go on at their stage and window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

from cantilena.decode.sampling import Sampling
from cantilena.models.audio.dit import Dit
from cantilena.score import Score, Track
from cantilena.systems.codes.writing import CodeWriting
from cantilena.systems.latent.model import save_latent
from cantilena.systems.latent.system import LatentSystem
from cantilena.systems.request import Request
from cantilena.text.wishes import Brief
from tiny_latent import latent_model, write_latent
from tiny_pairs import write_pair

SAMPLING = Sampling(best_of=1, guidance=2.0)
STEPS = {"steps": 3}


def by_text(folder: Path) -> tuple[LatentSystem, Request]:
    """A piece of several windows, by its text."""
    brief = Brief(seconds=5.0, text="calm harp")
    options = {**STEPS, "condition": "text"}
    system: Any = LatentSystem.load(write_latent(folder), "cpu")
    return system, Request(brief, 1, SAMPLING, options=options)


def by_codes(folder: Path) -> tuple[LatentSystem, Request]:
    """One of several windows behind codes, under a Score."""
    pair = write_pair(folder / "codes")
    save_latent(folder / "melody", latent_model(folder, "text,codes", card=16), {"seed": 0})
    system: Any = LatentSystem.load(folder / "melody", "cpu", codec=str(pair))
    score = Score.build(480, [Track("", 0)], [0, 4320], [480, 480], [60, 64], [80, 80], [0, 0])
    brief = Brief(seconds=5.0, text="piano")
    return system, Request(brief, 1, SAMPLING, options=STEPS, score=score)


def samples(system: LatentSystem, request: Request) -> np.ndarray:
    audio = system.compose([request])[0].audio
    assert audio is not None
    return audio.samples


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often the diffusion's network was asked, and codes were written."""
    count = {"network": 0, "codes": 0}

    def counted(kind: type, name: str, what: str) -> None:
        real = getattr(kind, name)

        def call(self: Any, *args: Any) -> Any:
            count[what] += 1
            return real(self, *args)

        monkeypatch.setattr(kind, name, call)

    counted(Dit, "forward", "network")
    counted(CodeWriting, "steps", "codes")
    return count


def taken(work: dict[str, int]) -> dict[str, int]:
    now = dict(work)
    work.update(dict.fromkeys(work, 0))
    return now


@pytest.mark.parametrize("make", [by_text, by_codes])
def test_a_killed_piece_goes_on_at_its_window(make: Any, tmp_path: Path, work: dict[str, int]):
    system, request = make(tmp_path / "model")
    kept = tmp_path / "out"
    keeping = system.keeping(kept)
    whole = samples(system, request)
    all_of = taken(work)
    assert samples(keeping, request).tobytes() == whole.tobytes() and not list(kept.iterdir())
    taken(work)
    run = keeping.run([request])
    while work["network"] <= all_of["network"] - 2:  # the last window is under way
        next(run)
    run.close()  # as a kill does, it leaves the progress behind
    (file,) = kept.iterdir()
    taken(work)
    assert samples(keeping, request).tobytes() == whole.tobytes() and not file.exists()
    rest = taken(work)
    assert rest["network"] == STEPS["steps"] and rest["codes"] == 0
    file.write_bytes(b"damaged")
    assert samples(keeping, request).tobytes() == whole.tobytes()
    assert taken(work) == all_of


def test_a_piece_that_was_killed_behind_its_codes_does_not_write_them_again(
    tmp_path: Path, work: dict[str, int]
):
    system, request = by_codes(tmp_path / "model")
    keeping = system.keeping(tmp_path / "out")
    whole = samples(system, request)
    taken(work)
    run = keeping.run([request])
    while not work["network"]:
        next(run)
    run.close()
    taken(work)
    assert samples(keeping, request).tobytes() == whole.tobytes()
    assert not taken(work)["codes"]
