"""Choosing among thousands of values sorts few of them, and chooses as if it had sorted all."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.decode import sampling
from cantilena.decode.sampling import Sampling, choose


@pytest.mark.parametrize("top_p", [0.3, 0.98, 1.0])
@pytest.mark.parametrize("top_k", [0, 7, 20_000])
def test_many_values_are_chosen_among_as_few_are(monkeypatch, top_p: float, top_k: int):
    rng = np.random.default_rng(0)
    for _ in range(25):
        logits = rng.normal(size=9_000) * rng.choice([0.1, 2.0, 6.0])
        logits[rng.random(9_000) < rng.choice([0.1, 0.9])] = -np.inf
        logits[:50] = np.round(logits[:50])  # some are equal
        how, u = Sampling(float(rng.choice([0.4, 1.0, 1.5])), top_p, top_k), rng.random()
        assert len(logits) > sampling.MANY
        few = choose(logits, how, u)
        with monkeypatch.context() as patch:
            patch.setattr(sampling, "MANY", 10**9)
            patch.setattr(sampling, "FEW", 10**9)
            assert choose(logits, how, u) == few
        assert np.isfinite(logits[few])


@pytest.mark.parametrize("top_p", [0.3, 1.0])
@pytest.mark.parametrize("top_k", [1, 250, 2_048])
def test_where_top_k_says_how_many_only_these_are_sorted(monkeypatch, top_p: float, top_k: int):
    rng = np.random.default_rng(1)
    for _ in range(25):
        logits = rng.normal(size=2_049).astype(np.float32) * rng.choice([0.1, 2.0, 60.0])
        logits[rng.random(2_049) < rng.choice([0.0, 0.95])] = -np.inf
        logits[:300] = np.round(logits[:300])  # some are equal
        how, u = Sampling(1.0, top_p, top_k), rng.random()
        assert sampling.FEW < len(logits) <= sampling.MANY
        few = choose(logits, how, u)
        with monkeypatch.context() as patch:
            patch.setattr(sampling, "FEW", 10**9)
            assert choose(logits, how, u) == few
