import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cantilena.analysis as analysis
from cantilena.analysis import describe
from cantilena.score.harmony import Key, parse_chord
from cantilena.score.score import Score, Track
from pieces import EMPTY, accompaniment, drums


def test_a_waltz():
    attributes = describe(accompaniment(["Dm", "Gm", "A7", "Dm"] * 4, (3, 4), bpm=72))
    assert attributes.key == Key(2, True)
    assert attributes.metre == (3, 4)
    assert attributes.bpm == pytest.approx(72, abs=0.01)
    assert attributes.tempo_class == "slow"
    assert attributes.progression[:3] == ("Dm", "Gm", "A7")
    assert len(attributes.chords) == attributes.bars == 16
    assert attributes.seconds == pytest.approx(16 * 3 * 60 / 72, abs=0.01)
    assert [p.instrument for p in attributes.parts] == [0, 33, 73]
    assert not attributes.drums and not attributes.swing
    assert attributes.form == "AAAA"
    assert attributes.density == 8.25


def test_drums_only():
    attributes = describe(drums(2 / 3))
    assert (attributes.key, attributes.key_strength, attributes.progression) == (None, 0.0, ())
    assert attributes.drums and attributes.swing
    assert not any(attributes.chords)
    assert attributes.polyphony == 0


def test_empty():
    attributes = describe(EMPTY)
    assert (attributes.key, attributes.parts, attributes.form, attributes.density) == (
        None,
        (),
        "",
        0,
    )
    assert (attributes.metre, attributes.bars, attributes.chords) == ((4, 4), 1, (0, 0))


def test_public_names_are_pinned():
    assert all(hasattr(analysis, name) for name in analysis.__all__)
    assert {"describe", "find_key", "chord_slots", "progression"} <= set(analysis.__all__)


def random_score(n: int, bars: int, seed: int = 0) -> Score:
    rng = np.random.default_rng(seed)
    tracks = [Track("", int(p)) for p in (0, 24, 33, 48, 73, 116)] + [Track("", 0, True)]
    onset = rng.integers(0, bars * 1920, n)
    return Score.build(
        480,
        tracks,
        onset,
        rng.integers(1, 2000, n),
        rng.integers(0, 128, n),
        rng.integers(1, 128, n),
        rng.integers(0, len(tracks), n),
        end=bars * 1920,
    )


def test_speed():
    score = random_score(4400, 100)
    describe(score)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        describe(score)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.1  # about 0.01 s on a quiet machine


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 300), st.integers(1, 40), st.integers(0, 10**6))
def test_any_score_is_described(n, bars, seed):
    score = random_score(n, bars, seed)
    attributes = describe(score)
    assert len(attributes.chords) == 2 * score.n_bars
    assert (attributes.key is None) == (attributes.key_strength == 0)
    assert sum(p.share for p in attributes.parts) == pytest.approx(1 if n else 0)
    assert all(parse_chord(s).number for s in attributes.progression)
    assert all(p.low <= p.middle <= p.high for p in attributes.parts)
