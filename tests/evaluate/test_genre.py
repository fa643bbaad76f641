"""Genres of songs that differ by what they repeat and how fast they are."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from cantilena.cli import main
from cantilena.cli.realism import _asked
from cantilena.data.dataset import load_split
from cantilena.errors import InputError
from cantilena.evaluate.genre import (
    GENRES,
    INSTRUMENTS,
    MAX_SONGS,
    WITHOUT,
    LabelledSong,
    genre_features,
    genre_of,
    labelled_songs,
    measure,
)
from cantilena.evaluate.prompts import Prompt
from cantilena.score.score import Score
from cantilena.text.labels import GENRES as LABELS
from cantilena.text.wishes import Brief
from grooves import band, rebuilt
from song_split import data_set, split_of

LOOPS = {"country": 0, "jazz": 1, "pop": 4}


def song(genre: str, seed: int, bars: int = 32) -> Score:
    return band(seed, bars, LOOPS[genre])


@dataclass
class Asked:
    prompt: Prompt
    seed: int

    def to_dict(self) -> dict[str, Any]:
        return {"prompt": self.prompt.to_dict(), "seed": self.seed}


@dataclass
class Piece:
    score: Score


@dataclass
class Composer:
    """Composes what is asked, but pop for jazz."""

    name: str = "composer"
    hash: str = "0123"
    asked: list[tuple[str, int]] = field(default_factory=list)

    def compose(self, requests, progress=None):
        self.asked += [(request.prompt.text, request.seed) for request in requests]
        genres = [r.prompt.text.replace("jazz", "pop") for r in requests]
        return [Piece(song(genre, 900 + len(self.asked) + i, 36)) for i, genre in enumerate(genres)]


@pytest.fixture
def small_forests(monkeypatch):
    pytest.importorskip("sklearn")
    for name, value in (("TREES", 30), ("FOLDS", 4)):
        monkeypatch.setattr(f"cantilena.evaluate.forest.{name}", value)


def test_the_ten_genres_are_of_known_labels_and_each_is_its_own():
    labels = [label for of in GENRES.values() for label in of]
    assert len(GENRES) == 10 and len(labels) == len(set(labels)) and set(labels) <= set(LABELS)
    assert all(name in of for name, of in GENRES.items())


def test_the_first_label_says_the_genre_unless_it_is_pop_or_rock():
    assert genre_of(("baroque", "classical")) == "classical"
    assert genre_of(("soul", "pop")) == "rnb"
    assert genre_of(("rock", "pop")) == "rock"
    assert genre_of(("pop", "rock")) is None and genre_of(("pop", "rock", "jazz")) is None
    assert genre_of(("game",)) is None and genre_of(()) is None


def test_what_is_known_of_instruments_stands_behind_the_rest():
    score = band()
    flute = [replace(score.tracks[0], program=56), *score.tracks[1:]]
    a, b = genre_features(score), genre_features(rebuilt(score, tracks=flute))
    assert len(a) == WITHOUT + len(INSTRUMENTS)
    np.testing.assert_allclose(a[:WITHOUT], b[:WITHOUT])
    assert not np.allclose(a[WITHOUT:], b[WITHOUT:])
    shares = a[WITHOUT:-1]
    assert shares.sum() == pytest.approx(1) and a[-1] == 4
    assert a[WITHOUT - 3] == 120 and tuple(a[WITHOUT - 2 : WITHOUT]) == (4, 4)


def test_songs_are_heard_as_what_they_are_and_pieces_as_what_they_became(small_forests):
    songs = [
        LabelledSong(genre, f"{genre} {i // 2}", song(genre, 40 * k + i))
        for k, genre in enumerate(LOOPS)
        for i in range(16)
    ]
    composed: list[tuple[str, Score | None]] = [("jazz", song("pop", 800 + i)) for i in range(4)]
    composed += [("pop", song("pop", 700 + i)) for i in range(3)] + [("pop", None)]
    figures = measure(songs, composed)
    assert figures["songs"] == dict.fromkeys(LOOPS, 16)
    assert figures["pieces"] == {"country": 0, "jazz": 4, "pop": 4}
    assert figures["n"] == 8 and figures["failed"] == 1
    for key in ("with", "without"):
        real, pieces = figures[key]["real"], figures[key]["composed"]
        assert real["accuracy"] > 0.9 and real["low"] <= real["accuracy"] <= real["high"]
        assert pieces["heard"]["jazz"] == {"country": 0, "jazz": 0, "pop": 1}
        assert pieces["heard"]["pop"]["pop"] == 0.75  # the missing one is heard as none
        assert pieces["accuracy"] == pytest.approx(0.375) and "country" not in pieces["heard"]
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_labels_by_chance_are_heard_by_chance(small_forests):
    rng = np.random.default_rng(0)
    names = rng.permutation(["jazz", "pop", "country"] * 12).tolist()
    songs = [LabelledSong(name, str(i), song("pop", i)) for i, name in enumerate(names)]
    assert measure(songs, [])["with"]["real"]["accuracy"] < 0.6


def test_songs_with_a_label_are_taken_from_all_splits(tmp_path, monkeypatch):
    monkeypatch.setattr("cantilena.evaluate.genre.MIN_SONGS", 2)
    labels = ["Jazz", "Jazz", "Country", "", "Pop_Rock", "Jazz"]
    folder = data_set(tmp_path, [song("pop", i, 40) for i in range(6)], "train", labels)
    songs = load_split(folder, "train")
    with pytest.raises(InputError, match="of 1 genres; two"):
        labelled_songs([songs])
    again = labelled_songs([songs, songs])
    assert [s.genre for s in again] == ["country"] * 2 + ["jazz"] * 6
    assert all(s.group.startswith("artist ") for s in again)
    monkeypatch.setattr("cantilena.evaluate.genre.MAX_SONGS", 3)
    assert [s.genre for s in labelled_songs([songs, songs])] == ["country"] * 2 + ["jazz"] * 3
    assert MAX_SONGS > 3
    unlabelled = split_of(tmp_path / "other", [band(9, 40)])
    with pytest.raises(InputError, match="of 0 genres"):
        labelled_songs([unlabelled])


def test_the_command_composes_each_genre_with_seeds_of_its_own(
    tmp_path, monkeypatch, capsys, small_forests
):
    monkeypatch.setattr("cantilena.evaluate.genre.MIN_SONGS", 4)
    scores = [song(genre, 20 * k + i, 40) for k, genre in enumerate(LOOPS) for i in range(5)]
    labels = [genre.title() for genre in LOOPS for _ in range(5)]
    data = data_set(tmp_path, scores, "train", labels)
    composer = Composer()
    monkeypatch.setattr("cantilena.cli.realism._asked", lambda _, prompt, seed: Asked(prompt, seed))
    monkeypatch.setattr("cantilena.api.load", lambda *_args, **_options: composer)
    out = tmp_path / "out"
    command = ["evaluate", "genre", "--data", str(data), "--n", "2", "--seed", "5", "-o", str(out)]
    assert main([*command, "--json", "--quiet"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert [genre for genre, _ in composer.asked] == sorted(LOOPS) * 2
    assert len({seed for _, seed in composer.asked}) == 2 * len(LOOPS)
    assert figures["pieces"] == dict.fromkeys(LOOPS, 2) and figures["checkpoint"] == "composer 0123"
    assert json.loads((out / "genre.json").read_text()) == figures
    assert main([*command, "--quiet", "--json"]) == 0
    assert len(composer.asked) == 6 and json.loads(capsys.readouterr().out) == figures
    assert "| mean (95 %) | 15 |" in (out / "genre.md").read_text()
    assert main([*command, "--workers", "0"]) == 2
    assert "--workers must be 1 or more" in capsys.readouterr().err


def test_the_music_is_as_long_as_a_window_and_its_ending():
    class Named:
        def completed(self, request):
            return request

    request = _asked(Named(), Prompt("jazz", "jazz", Brief(genres=("jazz",))), 3)  # type: ignore[arg-type]
    assert request.brief.bars == 36 and request.brief.genres == ("jazz",) and request.seed == 3
