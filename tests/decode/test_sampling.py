"""Choosing a value: the distribution, its limits, and extremes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.decode.sampling import Sampling, choose
from cantilena.errors import InputError
from cantilena.score import DRUMS
from cantilena.systems.note.boldness import Boldness
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY
from cantilena.tokens.note.grammar import INSTRUMENT, ONSET, PITCH

PLAIN = Sampling(temperature=1.0, top_p=1.0)


def softmax(x: np.ndarray) -> np.ndarray:
    p = np.exp(x - x.max())
    return p / p.sum()


def drawn(logits: np.ndarray, sampling: Sampling, n: int = 4000) -> np.ndarray:
    rng = np.random.default_rng(5)
    found = [choose(logits, sampling, u) for u in rng.random(n)]
    return np.bincount(found, minlength=len(logits))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_softmax(temperature: float):
    logits = np.random.default_rng(0).normal(0, 1.5, 12).astype(np.float32)
    expected = softmax(logits.astype(float) / temperature) * 4000
    counts = drawn(logits, Sampling(temperature=temperature, top_p=1.0))
    rare = expected < 5
    observed = np.append(counts[~rare], counts[rare].sum())
    wanted = np.append(expected[~rare], max(expected[rare].sum(), 1e-9))
    # the 99.9 % point of chi-square with 12 degrees of freedom is 32.9; with fewer it is lower
    assert ((observed - wanted) ** 2 / np.maximum(wanted, 1)).sum() < 32.9


@given(st.integers(0, 2**32), st.floats(0, 1, exclude_max=True))
def test_forbidden_values_are_never_chosen(seed: int, u: float):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 20, 30)
    logits[rng.random(30) < 0.7] = -np.inf
    logits[int(rng.integers(30))] = 0.0
    for sampling in (PLAIN, Sampling(temperature=0), Sampling(temperature=1e-300), Sampling()):
        assert np.isfinite(logits[choose(logits, sampling, u)])


@given(st.integers(0, 2**32), st.integers(1, 8))
def test_top_k_takes_only_the_k_likeliest(seed: int, k: int):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=20)
    likeliest = set(np.argsort(-logits)[:k].tolist())
    sampling = Sampling(temperature=1.0, top_p=1.0, top_k=k)
    found = {choose(logits, sampling, u) for u in np.linspace(0, 0.9999, 60)}
    assert found <= likeliest
    assert k > 1 or len(found) == 1


@given(st.integers(0, 2**32), st.floats(0.05, 1.0))
def test_the_nucleus_is_the_smallest_set_of_that_mass(seed: int, top_p: float):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, 20)
    p = softmax(logits)
    order = np.argsort(-p)
    mass = np.cumsum(p[order])
    nucleus = set(order[: int(np.searchsorted(mass, top_p - 1e-9)) + 1].tolist())
    wider = set(order[: int(np.searchsorted(mass, min(top_p + 1e-9, mass[-1]))) + 1].tolist())
    found = {
        choose(logits, Sampling(temperature=1.0, top_p=top_p), u)
        for u in np.linspace(0, 1 - 1e-9, 400)
    }
    assert found <= wider
    assert {i for i in nucleus if p[i] > 0.005} <= found


@pytest.mark.parametrize("temperature", [0.0, 1e-300, 1e-30, 1e-6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_without_warmth_the_likeliest_is_taken(temperature: float, dtype: type):
    logits = np.array([-np.inf, 70.0, 90.0, 89.0, -40.0], dtype=dtype)
    for u in (0.0, 0.5, 0.999999):
        assert choose(logits, Sampling(temperature=temperature), u) == 2


def test_the_same_number_gives_the_same_value_and_all_values_are_reached():
    logits = np.log(np.array([0.1, 0.2, 0.3, 0.4]))
    found = [choose(logits, PLAIN, u) for u in np.linspace(0, 0.9999, 1000)]
    assert np.bincount(found).tolist() == pytest.approx([100, 200, 300, 400], abs=2)
    assert choose(logits, PLAIN, 0.3) == choose(logits.copy(), PLAIN, 0.3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -0.1},
        {"temperature": 6},
        {"temperature": float("nan")},
        {"top_p": 0},
        {"top_p": 1.2},
        {"top_k": -1},
        {"guidance": 11},
        {"guidance": -1},
        {"best_of": 0},
        {"best_of": 65},
        {"repetition": -1},
        {"repetition": 11},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict):
    with pytest.raises(InputError):
        Sampling(**wrong)


def test_settings_are_plain_data():
    sampling = Sampling(0.8, 0.9, 12, 2.0, 3, 0.5)
    assert Sampling(**sampling.to_dict()) == sampling


def test_tunes_and_drums_are_less_bold_than_the_rest_and_loops_than_all():
    base = Sampling(temperature=1.2, top_p=0.9, top_k=7)
    roles = {73: MELODY, 33: BASS, 0: HARMONY, DRUMS: DRUM}
    song, loop = Boldness(base, roles), Boldness(base, roles, loops=True)
    planned = Boldness(base, roles, planned=True)
    for field, chosen in ((ONSET, ()), (PITCH, (0, 33)), (PITCH, (0, 73))):
        assert planned(field, chosen).temperature <= song(field, chosen).temperature
    assert planned(PITCH, (0, DRUMS)).temperature == base.temperature  # else bars are all alike
    flute, bass, piano, kit = (0, 73), (0, 33), (0, 0), (0, DRUMS)
    assert song(INSTRUMENT, (0,)) == song(ONSET, ())
    heat = [song(PITCH, chosen).temperature for chosen in (kit, flute, bass, piano)]
    assert heat == sorted(heat) and heat[0] < base.temperature < heat[-1]
    assert song(PITCH, flute).top_p < song(PITCH, bass).top_p == base.top_p
    for field, chosen in ((ONSET, ()), (PITCH, flute), (PITCH, kit)):
        assert loop(field, chosen).temperature < song(field, chosen).temperature
        assert loop(field, chosen).top_p == song(field, chosen).top_p
        assert loop(field, chosen).top_k == 7
    # what is asked to be the likeliest stays it, and the hottest is no hotter than may be asked
    assert Boldness(Sampling(temperature=0.0), roles, loops=True)(PITCH, kit).temperature == 0
    assert Boldness(Sampling(temperature=5.0), roles)(PITCH, piano).temperature == 5.0
