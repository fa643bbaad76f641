"""``benchmarks/bass_heard.py``: what it hears of basses whose notes are known."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cantilena.score.harmony import parse_chord
from cantilena.score.score import DRUMS

PATH = Path(__file__).parents[3] / "benchmarks" / "bass_heard.py"
RATE = 16_000
PITCHES = (40, 45, 35, 43)  # E2 A2 B1 G2, two seconds each

pytestmark = pytest.mark.skipif(not PATH.exists(), reason="the benchmarks are not beside the tests")


@pytest.fixture(scope="module")
def bass() -> Any:
    spec = importlib.util.spec_from_file_location("bass_heard", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def symbols(*chords: str) -> Any:
    """Basses of ``PITCHES``, a rest of C and a drum throughout, a chord every two seconds."""
    count = len(PITCHES)
    return SimpleNamespace(
        onset=np.array([*range(0, 2 * count, 2), 0, 0], dtype=np.float32),
        duration=np.array([2] * count + [8, 8], dtype=np.float32),
        pitch=np.array([*PITCHES, 60, 40], dtype=np.uint8),
        instrument=np.array([33] * count + [0, DRUMS]),
        role=np.array([1] * count + [3, 0]),
        chord_start=np.arange(0, 2 * len(chords), 2, dtype=np.float32),
        chord=np.array([parse_chord(name).number for name in chords]),
    )


def played(pitches: tuple[int, ...], level: float = 0.2) -> np.ndarray:
    """Notes of eight partials, the first of them weak as through small loudspeakers."""
    time = np.arange(2 * RATE) / RATE
    hertz = [440 * 2 ** ((pitch - 69) / 12) for pitch in pitches]
    rows = [
        sum((0.5 if k == 1 else 1 / k) * np.sin(2 * np.pi * k * f * time) for k in range(1, 9))
        for f in hertz
    ]
    return (level * np.concatenate(rows)).astype(np.float32)


def test_a_bass_that_plays_the_notes_is_told_from_one_that_does_not(bass: Any):
    own = symbols("Em", "Dm", "G", "C")  # E root; A of Dm; B of G; G of C
    heard = bass.bass_figures(played(PITCHES), RATE, own)
    assert heard["sounds"] == pytest.approx(1, abs=0.02) and heard["note"] > 0.9
    assert heard["root"] == pytest.approx(0.25, abs=0.05) and heard["chord"] > 0.9
    assert heard["rest"] < 0.05  # neither its own notes nor the drum's count
    wrong = bass.bass_figures(played(tuple(p + 1 for p in PITCHES)), RATE, own)
    assert wrong["note"] < 0.1 and wrong["chord"] < 0.6
    assert bass.bass_figures(played((48,) * 4), RATE, own)["rest"] > 0.95


def test_silence_loudness_and_register(bass: Any):
    own = symbols("E", "A", "B", "G")
    silent = bass.bass_figures(np.zeros(8 * RATE, np.float32), RATE, own)
    assert silent["sounds"] == 0 and silent["peak"] == 0 and np.isnan(silent["note"])
    half = played(PITCHES)
    half[4 * RATE :] = 0
    assert bass.bass_figures(half, RATE, own)["sounds"] == pytest.approx(0.5, abs=0.02)
    deep, high = (
        bass.bass_figures(played(tuple(p + up for p in PITCHES)), RATE, own)["low"]
        for up in (0, 36)
    )
    assert deep > 0.5 > 0.05 > high
    loud, soft = (bass.bass_figures(played(PITCHES, a), RATE, own)["dB"] for a in (0.2, 0.02))
    assert loud - soft == pytest.approx(20, abs=0.1)
    other_rate = bass.bass_figures(np.repeat(played(PITCHES), 2), 2 * RATE, own)
    assert other_rate["note"] > 0.9
