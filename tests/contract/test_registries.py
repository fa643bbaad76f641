"""What every entry of a registry has to hold."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import cantilena
from cantilena.analysis.key import KEY_PROFILES, key_scores
from cantilena.analysis.statistics import STATISTICS
from cantilena.cli.training import TRAINERS
from cantilena.data.corpora import CORPORA, DEFAULT_MIX, corpus, list_corpora
from cantilena.data.corpora.corpus import SPLITS, Corpus
from cantilena.errors import InputError, UnknownNameError
from cantilena.evaluate import chords, control
from cantilena.evaluate import statistics as distances
from cantilena.score import Score, Track
from cantilena.text.wishes import Brief, Instrument


def small_score(seed: int = 0) -> Score:
    rng = np.random.default_rng(seed)
    n = 64
    tracks = [Track("a", 0), Track("b", 33), Track("c", 0, True)]
    onset = np.arange(n) * 240
    return Score.build(
        480,
        tracks,
        onset,
        rng.integers(60, 500, n),
        rng.integers(40, 80, n),
        rng.integers(1, 128, n),
        rng.integers(0, 3, n),
    )


SCORES = {
    "some music": small_score(),
    "one note": Score.build(24, [Track("a", 0)], [0], [24], [60], [64], [0]),
    "no notes": Score.build(24, [Track("a", 0)], [], [], [], [], [], end=960),
    "no tracks": Score.build(480, [], [], [], [], [], []),
    "drums alone": Score.build(
        24, [Track("d", 0, True)], [0, 24], [3, 3], [36, 38], [9, 9], [0, 0]
    ),
    "one chord": Score.build(
        96, [Track("a", 5)], [0] * 3, [999] * 3, [60, 64, 67], [64] * 3, [0] * 3
    ),
}

EVERYTHING = Brief(
    instruments=(Instrument("piano", (0,)), Instrument("bass", (33, 32))),
    excluded=(40,),
    tempo=120.0,
    key="C major",
    metre="4/4",
    chords=("C", "G7"),
    bars=8,
    seconds=16.0,
    swing=False,
    density="medium",
    timing="quantized",
)


# ---------------------------------------------------------------------------- statistics


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("score", SCORES)
def test_a_statistic_is_one_number_of_a_score_and_leaves_it_alone(name: str, score: str):
    before = SCORES[score].select(slice(None))
    value = STATISTICS[name](SCORES[score])
    assert isinstance(value, float) and not np.isinf(value)
    assert SCORES[score] == before
    assert value == STATISTICS[name](before) or np.isnan(value)


@pytest.mark.parametrize("name", STATISTICS)
def test_a_statistic_of_real_music_is_defined_and_does_not_depend_on_resolution(name: str):
    score = small_score()
    fine = Score.build(
        960,
        score.tracks,
        score.onset * 2,
        score.duration * 2,
        score.pitch,
        score.velocity,
        score.track,
    )
    assert np.isfinite(STATISTICS[name](score))
    assert STATISTICS[name](fine) == pytest.approx(STATISTICS[name](score), abs=0.02)


# ---------------------------------------------------------------------------- keys


@pytest.mark.parametrize("profile", KEY_PROFILES)
def test_a_key_profile_hears_itself_in_every_key(profile: str):
    major, minor = KEY_PROFILES[profile]
    assert len(major) == len(minor) == 12 and min(*major, *minor) >= 0
    for mode, weights in enumerate((major, minor)):
        for tonic in range(12):
            scores = key_scores(np.roll(weights, tonic), profile)
            assert scores.shape == (24,) and np.abs(scores).max() <= 1 + 1e-9
            assert scores.argmax() == 12 * mode + tonic
    assert not key_scores(np.zeros(12), profile).any()


def test_an_unknown_profile_names_the_known_ones():
    with pytest.raises(UnknownNameError, match="krumhansl"):
        key_scores(np.ones(12), "no such")


# ---------------------------------------------------------------------------- metrics of control


@pytest.mark.parametrize("registry", [control.METRICS, chords.METRICS], ids=["control", "chords"])
@pytest.mark.parametrize("score", [*SCORES, None])
def test_a_metric_of_control_is_a_share_or_nan(registry: dict, score: str | None):
    for name, metric in registry.items():
        for brief in (EVERYTHING, Brief(), Brief(bars=8), Brief(chords=("Am", "F"))):
            value = metric(brief, SCORES[score] if score else None)
            assert isinstance(value, float), name
            assert np.isnan(value) or 0 <= value <= 1, name


@pytest.mark.parametrize("registry", [control.METRICS, chords.METRICS], ids=["control", "chords"])
def test_a_metric_applies_only_where_it_was_asked_and_a_missing_piece_fails(registry: dict):
    for name, metric in registry.items():
        assert np.isnan(metric(Brief(), SCORES["some music"])), name
        assert metric(EVERYTHING, None) == 0, name
        assert metric.__doc__, name


# ---------------------------------------------------------------------------- distances


@pytest.mark.parametrize("name", distances.METRICS)
def test_a_distance_of_a_sample_to_itself_is_nothing(name: str):
    sample = np.random.default_rng(0).normal(size=30)
    distance = distances.METRICS[name]
    assert distance(sample, sample) == pytest.approx(0)
    assert abs(distance(sample, sample + 3)) == pytest.approx(3)
    assert abs(distance(sample, sample + 9)) > abs(distance(sample, sample + 3))


# ---------------------------------------------------------------------------- corpora


@pytest.mark.parametrize("name", CORPORA)
def test_a_corpus_says_what_it_is_and_refuses_a_folder_that_is_not_it(name: str, tmp_path: Path):
    found = corpus(name)
    assert isinstance(found, Corpus) and found.name == name
    for text in (found.what, found.origin, found.licence, found.split_rule, found.labels):
        assert len(text) > 5
    assert found.version >= 1 and found.rules.min_notes > 0
    for source in found.sources:
        assert source.url.startswith(("https://", "http://"))
    with pytest.raises(InputError):
        list(found.songs(tmp_path))


@pytest.mark.parametrize("name", CORPORA)
def test_a_corpus_maps_drums_to_drums(name: str):
    for old, new in corpus(name).drum_map.items():
        assert 0 <= old <= 127 and 27 <= new <= 87


def test_the_list_of_corpora_is_plain_data():
    rows = json.loads(json.dumps(list_corpora()))
    assert [row["name"] for row in rows] == list(CORPORA)
    assert set(DEFAULT_MIX) <= set(CORPORA) and DEFAULT_MIX
    assert all(corpus(name).readable for name in DEFAULT_MIX)
    assert len(SPLITS) == 3


def test_an_unknown_corpus_names_the_known_ones():
    with pytest.raises(UnknownNameError, match="lakh"):
        corpus("no such")


# ---------------------------------------------------------------------------- trainers


@pytest.mark.parametrize("name", TRAINERS)
def test_a_trainer_says_what_data_it_trains_on(name: str):
    """The loop refuses data without licences (``check_origin``), but takes none at all."""
    home, _, function = TRAINERS[name].partition(":")
    source = inspect.getsource(getattr(importlib.import_module(f"cantilena.{home}"), function))
    call = source[source.index("training.train(") :]
    assert re.search(r"\babout(_\w+)?\b", call), "pass what cli.training's about functions say"


# ---------------------------------------------------------------------------- schemes, systems


def registry(module: str, name: str) -> dict:
    return getattr(importlib.import_module(module), name, {})


NEED_NOTES = {"frames", "remi", "symphony"}
"""Published schemes, which have no word for a piece without notes."""


def schemes() -> dict:
    return registry("cantilena.tokens", "SCHEMES")


@pytest.mark.parametrize("name", schemes())
@pytest.mark.parametrize("score", SCORES)
def test_a_scheme_goes_round_and_keeps_its_vocabulary_as_data(name: str, score: str):
    kind = schemes()[name]
    scheme = kind() if inspect.isclass(kind) else kind
    if name in NEED_NOTES and not len(SCORES[score]):
        with pytest.raises(InputError, match="no notes"):
            scheme.encode(SCORES[score])
        return
    steps, header = scheme.encode(SCORES[score])
    assert steps.ndim == 2 and steps.shape[1] == len(scheme.sizes)
    assert scheme.decode(steps, header) == scheme.quantise(SCORES[score])
    data = json.loads(json.dumps(scheme.to_dict()))
    assert type(scheme).from_dict(data) == scheme
    assert data["scheme"] == name


def test_an_unknown_scheme_names_the_known_ones():
    from cantilena.tokens import scheme_of

    with pytest.raises(UnknownNameError, match="note"):
        scheme_of({"scheme": "no such"})


# ---------------------------------------------------------------------------- modules


def modules() -> list[str]:
    return [m.name for m in pkgutil.walk_packages(cantilena.__path__, "cantilena.")]


def test_every_module_says_what_it_knows():
    for name in modules():
        if name.endswith("__main__"):
            continue
        spec = importlib.util.find_spec(name)
        assert spec and spec.origin
        source = Path(spec.origin).read_text(encoding="utf-8")
        assert not source.strip() or source.lstrip().startswith('"""'), name
