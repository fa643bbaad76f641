"""Guidance: what the model says of the conditions, and how far it is taken."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.decode.interfaces import Job
from cantilena.decode.sampling import Sampling
from cantilena.score.harmony import Key
from cantilena.systems.note.stepper import NoteStepper
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note.conditions import Conditions, Wished, conditions
from makers import NoiseEngine, NoiseSession, random_frame


class TellingSession(NoiseSession):
    """The last position's vector stands for its hidden state."""

    def run(self, x: np.ndarray) -> np.ndarray:
        super().run(x)
        return x[:, -1]


class TellingEngine(NoiseEngine):
    """Logits that follow from the conditions and the features of the state: a plain weighing of
    them, a weight for each value of each field."""

    def __init__(self):
        super().__init__()
        rng = np.random.default_rng(3)
        weights = [rng.standard_normal((2, n)).astype(np.float32) for n in self.fields]
        self.heads = [lambda x, w=w: x @ w for w in weights]
        self.chosen = [np.zeros((n, 2), dtype=np.float32) for n in self.fields[:-1]]
        self.states: list[np.ndarray] = []

    def embed(self, part: str, index: np.ndarray) -> np.ndarray:
        """The mean class number of the features, in the second column."""
        if part == "state":
            self.states.append(index)
        mean = index.mean(-1, keepdims=True).astype(np.float32) / 100
        return np.concatenate([np.zeros_like(mean), mean], axis=-1)

    def prefix(self, scalars: np.ndarray, slots: np.ndarray, words: np.ndarray):
        """The sum of the conditions' classes, in the first column of what every step gets."""
        total = np.array([[s.sum() + t.sum()] for s, t in zip(scalars, slots, strict=True)])
        everywhere = np.concatenate([total, np.zeros_like(total)], axis=1).astype(np.float32)
        return np.zeros((len(scalars), 2, 2), dtype=np.float32), everywhere / 10

    def session(self, rows: int) -> TellingSession:
        return TellingSession(self.length)


def job(seed: int, wished: Conditions, guidance: float) -> Job[Tracker, Conditions]:
    frame = random_frame(np.random.default_rng(seed), 400)
    sampling = Sampling(guidance=guidance)
    return Job(Tracker(frame, 48), wished, (), sampling, np.random.default_rng(seed), limit=50)


def logits(engine: TellingEngine, *jobs: Job[Tracker, Conditions]) -> list[np.ndarray]:
    """(B, size) of every field, for the second step."""
    stepper = NoteStepper(engine, jobs)
    step = [24, 0, 60, 5, 5]
    stepper.begin()
    for one in jobs:
        one.piece.push(*step)
    stepper.advance()
    out = []
    for k in range(5):
        out.append(stepper.logits(k))
        if k < 4:
            stepper.chose(k, [step[: k + 1] for _ in jobs])
    return out


def test_guidance_goes_from_the_model_without_conditions_towards_that_with_them():
    """n + s (c - n): c with the conditions, n without them and without the chords and the end."""
    engine = TellingEngine()
    wished = conditions(Wished(genres=("rock",), key=Key(2, False), bpm=120.0, instruments=(0, 33)))
    unguided = logits(engine, job(1, wished, 1.0))
    none = logits(engine, job(1, wished, 0.0))  # n itself
    assert any(np.abs(c - n).max() > 0.1 for c, n in zip(unguided, none, strict=True))
    for scale in (0.5, 1.5, 2.5):
        # beside one that is not guided, which must stay as it is alone
        both = logits(engine, job(1, wished, scale), job(1, wished, 1.0))
        for mixed, c, n in zip(both, unguided, none, strict=True):
            assert mixed[0] == pytest.approx((n + scale * (c - n))[0], abs=1e-4)
            assert mixed[1] == pytest.approx(c[0], abs=1e-4)


def test_without_conditions_means_no_conditions_no_chords_and_no_end():
    engine = TellingEngine()
    wished = conditions(Wished(genres=("rock",), bpm=120.0))
    n = logits(engine, job(1, wished, 0.0))
    other = logits(engine, job(1, conditions(Wished(moods=("sad",), bars=4)), 0.0))
    assert all(np.array_equal(a, b) for a, b in zip(n, other, strict=True))
    names, sizes = list(engine.model["state"]), engine.model["state"]
    for states in engine.states:
        with_them, without = states
        for name in ("chord", "next_chord", "left"):
            assert without[names.index(name)] == sizes[name] - 1
        differs = [name for i, name in enumerate(names) if with_them[i] != without[i]]
        assert set(differs) <= {"chord", "next_chord", "left"}
