"""``benchmarks/quantisation.py``: what it measures of Scores whose errors are known."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from cantilena.score.score import Score
from corpus_pieces import TRACKS, piece

PATH = Path(__file__).parents[2] / "benchmarks" / "quantisation.py"


def test_quantisation_loss_measures_what_was_moved():
    spec = importlib.util.spec_from_file_location("quantisation", PATH)
    assert spec and spec.loader
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    exact = piece(1)
    none = benchmark.quantisation_loss([exact])
    assert none["off_grid"] == none["onset_ms"] == none["merged"] == 0
    assert none["notes"] == len(exact) and none["velocity"] == 2  # 90 is written as 88
    late = Score.build(
        480, TRACKS, exact.onset + 5, exact.duration, exact.pitch, exact.velocity, exact.track
    )
    moved = benchmark.quantisation_loss([late])
    assert moved["off_grid"] == 1 and moved["onset_ticks"] == pytest.approx(0.25)
    assert moved["onset_ms"] == pytest.approx(5 / 960 * 1000) == moved["onset_ms_95"]
    assert set(benchmark.quantisation_loss([]).values()) == {0}
