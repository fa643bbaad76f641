"""What search hears in recordings: by the shipped network, in sound of our own synthesizer."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from cantilena.audio.wav import write_wav
from cantilena.models.audio.joint_input import STATISTICS, statistics
from cantilena.render.audio import unmastered
from cantilena.score import Score, Track
from cantilena.search import Cache, search
from cantilena.search.hearing import FILE, OUTPUTS, Ear, shipped

RATE = 16_000


def sound(program, notes, drums=False, step=240):
    """(n,) samples of eight seconds of an instrument at 120 bpm."""
    onset = np.arange(0, 480 * 16, step)
    pitch = np.array([notes[i % len(notes)] for i in range(len(onset))])
    rows = [(onset, pitch, 0)]
    tracks = [Track("", program)]
    if drums:
        beat = np.arange(0, 480 * 16, 240)
        rows.append((beat, np.array([(36, 42, 38, 42)[i % 4] for i in range(len(beat))]), 1))
        tracks.append(Track("", 0, True))
    columns = [np.concatenate([row[k] for row in rows]) for k in (0, 1)]
    track = np.concatenate([np.full(len(row[0]), row[2]) for row in rows])
    score = Score.build(
        480,
        tracks,
        columns[0],
        np.full(len(track), step),
        columns[1],
        np.full(len(track), 90),
        track,
    )
    mono = unmastered(score, RATE).mean(0)[: 8 * RATE]
    return (mono / max(np.abs(mono).max(), 1e-6) * 0.5).astype(np.float32)


MIDDLE = (60, 64, 67, 72)
SOUNDS = {
    "harp": lambda: sound(46, MIDDLE),
    "organ": lambda: sound(19, (60, 62, 64, 65), step=480),
    "metal": lambda: sound(30, (40, 40, 43, 45), drums=True, step=120),
    "flute": lambda: sound(73, (72, 74, 76, 79), step=480),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("recordings")
    for i, name in enumerate(sorted(SOUNDS)):
        write_wav(SOUNDS[name]()[:, None], RATE, place / f"{i}.wav")
    return place


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("harp", "harp"),
        ("church organ", "organ"),
        ("distorted guitar and drums", "metal"),
        ("a slow flute", "flute"),
    ],
)
def test_the_right_recording_comes_first(folder, tmp_path_factory, text, name):
    cache = Cache(folder=tmp_path_factory.getbasetemp() / "heard")
    hits = search(text, folder, cache=cache)
    assert hits[0].file.endswith(f"{sorted(SOUNDS).index(name)}.wav")


def test_what_is_heard_has_its_place_and_range():
    ear = shipped()
    heard = ear.hear(SOUNDS["flute"](), RATE)
    assert heard.instruments.shape == (129,)
    assert 0 <= heard.instruments.min() <= heard.instruments.max() <= 1
    assert sum(heard.genres.values()) == pytest.approx(1, abs=1e-3)
    assert 40 < heard.height < 100 and 0 <= heard.power <= 1
    busy = ear.hear(SOUNDS["metal"](), RATE)
    assert busy.rate > heard.rate and busy.power > heard.power
    assert ear.hear(SOUNDS["flute"]()[:200], RATE).rate > 0


def test_features_do_not_hang_on_length_and_outputs_are_as_many():
    rows = np.random.default_rng(0).normal(size=(40, 64))
    assert statistics(rows).shape == statistics(rows[:1]).shape == (STATISTICS,)
    weights = {
        "mean": np.zeros(STATISTICS),
        "scale": np.ones(STATISTICS),
        "one": np.zeros((STATISTICS, 3)),
        "one_bias": np.zeros(3),
        "two": np.zeros((3, OUTPUTS)),
        "two_bias": np.zeros(OUTPUTS),
        "prior": np.full(129, 0.25),
    }
    heard = Ear(weights).hear(SOUNDS["flute"](), RATE)
    np.testing.assert_allclose(heard.instruments, 0.5)  # half way from 1/4 to certainty
    assert set(heard.genres.values()) == {0.1}


def test_the_card_is_of_the_shipped_network():
    card = json.loads(FILE.with_suffix(".json").read_text(encoding="utf-8"))
    assert card["files"] == {FILE.name: hashlib.sha256(FILE.read_bytes()).hexdigest()}
    assert card["sources"].keys() == {"lakh", "mutopia", "game", "pop909"}
    assert {"licence", "seed", "training", "figures", "limits"} <= card.keys()
