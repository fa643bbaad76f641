"""Pieces of sound that a kill ended go on at their window; those of ``latent`` have tests of their
own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

from cantilena.decode.sampling import Sampling
from cantilena.systems.codes.system import MusicgenSystem
from cantilena.systems.request import Request
from cantilena.systems.uniaudio.system import UniAudioSystem
from cantilena.text.wishes import Brief
from tiny_pairs import write_pair
from tiny_uniaudio import write_uniaudio

REQUEST = Request(
    Brief(seconds=5.0, text="calm harp"), 3, Sampling(guidance=2.0), options={"condition": "text"}
)


def musicgen(folder: Path) -> Any:
    """One that writes 2 s at a time."""
    system: Any = MusicgenSystem.load(write_pair(folder, "text,roll"), "cpu")
    system.writer = replace(system.writer, seconds=2.0, stride=1.0)
    return system


def uniaudio(folder: Path) -> Any:
    """One whose sequences last 2 s."""
    return UniAudioSystem.load(write_uniaudio(folder), "cpu")


def bytes_of(system: Any) -> bytes:
    return system.compose([REQUEST])[0].audio.samples.tobytes()


@pytest.mark.parametrize("make", [musicgen, uniaudio])
def test_a_killed_piece_goes_on_at_its_window(make: Callable[[Path], Any], tmp_path: Path):
    system, kept = make(tmp_path / "model"), tmp_path / "out"
    keeping, whole = system.keeping(kept), bytes_of(system)
    shares = [event.share for _, event in system.run([REQUEST]) if hasattr(event, "share")]
    assert bytes_of(keeping) == whole and not list(kept.iterdir())
    run = keeping.run([REQUEST])
    while not list(kept.iterdir()):
        next(run)
    next(run)
    run.close()  # as a kill does, it leaves the progress behind
    (file,) = kept.iterdir()
    again = [event.share for _, event in keeping.run([REQUEST]) if hasattr(event, "share")]
    assert shares[0] < again[0] < 1 and len(again) < len(shares)
    assert not file.exists()
    run = keeping.run([REQUEST])
    while not file.exists():
        next(run)
    run.close()
    assert bytes_of(keeping) == whole and not file.exists()
    file.write_bytes(b"damaged")
    assert bytes_of(keeping) == whole


@pytest.mark.parametrize("make", [musicgen, uniaudio])
def test_what_does_not_fit_is_not_taken_up(make: Callable[[Path], Any], tmp_path: Path):
    system = make(tmp_path / "model")

    def begun() -> Any:
        return system._writing(system._piece(system.completed(REQUEST)))

    writing = begun()
    steps = writing.steps()
    while not writing.written:
        next(steps)
    kept = {name: np.array(value) for name, value in writing.kept.items()}
    codes = "codes" if "codes" in kept else "rows"
    assert begun().restore(kept)
    spoilt = [
        {**kept, codes: kept[codes][:, 1:]},
        {**kept, codes: kept[codes] + 10_000},
        {**kept, "written": np.array(99)},
        {name: value for name, value in kept.items() if name != "written"},
    ]
    for state in spoilt:
        fresh = begun()
        assert not fresh.restore(state) and fresh.written == 0
