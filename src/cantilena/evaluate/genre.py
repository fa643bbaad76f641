"""Genre: is a piece heard as the genre that was asked for.

Knows songs with labels, a random forest that learns genres from the features of ``features`` and a
few global ones, and what it takes composed pieces for; does not know how a system composes.
Instruments may give a genre away that was cast by its name, so all is counted twice: with what is
known of the instruments and without. ``docs/realism.md`` says what the figures mean.

A run's folder holds ``genre/GENRE-SEED.mid`` with their records, and ``genre.json`` and ``.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.analysis.likeness import GENRE_NAMES, INSTRUMENTS, genre_features
from cantilena.data.dataset import Songs
from cantilena.data.workers import spread
from cantilena.errors import InputError
from cantilena.evaluate.composing import MakeRequest, Progress, System, compose_prompts, label
from cantilena.evaluate.forest import cross_validated, forest, need_forests, probabilities
from cantilena.evaluate.matched import windows
from cantilena.evaluate.pieces import read_piece
from cantilena.evaluate.prompts import Prompt
from cantilena.evaluate.tables import genre_table, write_figures
from cantilena.files import make_folder
from cantilena.locks import lock
from cantilena.score.score import Score
from cantilena.text.wishes import Brief

GENRES: dict[str, tuple[str, ...]] = {
    "classical": ("classical", "baroque", "romantic"),
    "country": ("country",),
    "electronic": ("electronic", "house", "techno", "trance", "dance"),
    "folk": ("folk", "celtic"),
    "jazz": ("jazz",),
    "latin": ("latin", "bossa nova", "samba", "tango"),
    "new age": ("new age", "ambient"),
    "pop": ("pop", "ballad"),
    "rnb": ("rnb", "soul", "funk"),
    "rock": ("rock", "metal", "punk"),
}
"""Genres that are told apart, and the labels of ``text.labels`` that are of each: the ten with the
most songs in the corpora."""
UNDECIDED = ("pop", "rock")
"""First labels of a song of which nobody says which of the two it is; it teaches neither."""
MAX_SONGS = 150
"""Songs of a genre that are learnt from at most, so that none outvotes the others."""
MIN_SONGS = 10
"""Songs below which a genre is left out."""
WITHOUT = len(GENRE_NAMES) - len(INSTRUMENTS)
"""Columns of ``genre_features`` that say nothing of instruments: the first ones."""


@dataclass(frozen=True)
class LabelledSong:
    """A real song's window: its genre, its ``group`` (the artist, or itself), and its notes."""

    genre: str
    group: str
    score: Score


def genre_of(labels: Sequence[str]) -> str | None:
    """The genre (of ``GENRES``) of a song's labels, the surest first; None where they decide
    nothing."""
    if tuple(labels[:2]) == UNDECIDED or not labels:
        return None
    return next((name for name, of in GENRES.items() if labels[0] in of), None)


def _row(item: tuple[int, Score]) -> np.ndarray:
    return genre_features(item[1])


def feature_rows(scores: Sequence[Score], workers: int = 1) -> np.ndarray:
    """(N, F) ``genre_features`` of each Score, counted by so many processes."""
    rows = np.zeros((len(scores), len(GENRE_NAMES)))
    for (i, _), row in spread(_row, list(enumerate(scores)), workers):
        rows[i] = row
    return rows


def labelled_songs(splits: Sequence[Songs], seed: int = 0) -> list[LabelledSong]:
    """Windows of at most ``MAX_SONGS`` songs of each genre, in random order within a split; genres
    of fewer than ``MIN_SONGS`` are left out. Raises InputError where fewer than two are left."""
    by_genre: dict[str, list[LabelledSong]] = {name: [] for name in GENRES}
    for songs in splits:
        artists = {songs.meta(i)["id"]: songs.meta(i)["artist"] for i in range(len(songs))}
        for window in windows(songs, seed, wanted=lambda meta: genre_of(meta["genres"])):
            genre = genre_of(window.genres)
            if genre is not None and len(by_genre[genre]) < MAX_SONGS:
                group = artists.get(window.song) or window.song
                by_genre[genre].append(LabelledSong(genre, group, window.score))
    kept = [songs for songs in by_genre.values() if len(songs) >= MIN_SONGS]
    if len(kept) < 2:
        raise InputError(
            f"the data set has {MIN_SONGS} songs with a label or more of {len(kept)} genres; two "
            "are the least"
        )
    return [song for songs in kept for song in songs]


def evaluate_genre(
    system: System,
    make_request: MakeRequest,
    splits: Sequence[Songs],
    out: str | Path,
    n: int = 8,
    seed: int = 0,
    workers: int = 1,
    progress: Progress = None,
    fresh: bool = False,
) -> dict[str, Any]:
    """Composes ``n`` pieces for each genre and asks a forest what it hears; the figures as
    ``measure`` has them, written to ``out``.

    ``splits``: of a data set, all from which songs are learnt. ``make_request`` gives what
    ``system`` composes of a Prompt, whose text is the genre's name, and a seed; the n pieces of a
    genre have the seeds ``seed``, ``seed`` + 1 and so on. Pieces of an earlier run are used again
    as by ``run.evaluate_control``. Raises InputError, CheckpointError, MissingExtraError.
    """
    if n < 1:
        raise InputError(f"{n} pieces of a genre cannot be evaluated; ask for 1 or more")
    need_forests()
    songs = labelled_songs(splits, seed)
    names = sorted({song.genre for song in songs})
    prompts = [Prompt(g.replace(" ", "-"), g, Brief(genres=(g,))) for g in names]
    out = make_folder(out)
    with lock(out):
        composed: list[tuple[str, Score | None]] = []
        for k in range(n):

            def part(share: float, k: int = k) -> None:
                if progress:
                    progress((k + share) / n)

            pieces = compose_prompts(
                system, make_request, prompts, out / "genre", seed + k, part, fresh
            )
            composed += [(g, read_piece(p.path)) for g, p in zip(names, pieces, strict=True)]
        figures = {"checkpoint": label(system), **measure(songs, composed, seed, workers)}
        write_figures(out, "genre", figures, genre_table(figures))
    return figures


def measure(
    songs: Sequence[LabelledSong],
    composed: Sequence[tuple[str, Score | None]],
    seed: int = 0,
    workers: int = 1,
) -> dict[str, Any]:
    """What a forest that learns from ``songs`` makes of them and of ``composed`` pieces, each with
    the genre that was asked for; one that is missing or empty is heard as none.

    Returns "n" (pieces), "failed", "seed", "songs" and "pieces" by genre, and for "with" and for
    "without" what is known of the instruments: "real" and "composed" (None without pieces), each
    with "accuracy" (mean over genres of the share that is heard as its own; real songs by forests
    that have heard none of the same artist), "low" and "high" (95 % by resampling), and "heard",
    for each genre the shares in which it is heard as each. Raises InputError, MissingExtraError.
    """
    names = sorted({song.genre for song in songs})
    number = {name: i for i, name in enumerate(names)}
    truth = np.array([number[song.genre] for song in songs])
    groups = np.unique([song.group for song in songs], return_inverse=True)[1]
    asked = np.array([number[genre] for genre, _ in composed], dtype=np.int64)
    whole = [i for i, (_, score) in enumerate(composed) if score is not None and len(score)]
    real = feature_rows([song.score for song in songs], workers)
    pieces = feature_rows(
        [score for _, score in composed if score is not None and len(score)], workers
    )
    figures: dict[str, Any] = {
        "n": len(composed),
        "failed": len(composed) - len(whole),
        "seed": seed,
        "songs": {name: int((truth == number[name]).sum()) for name in names},
        "pieces": {name: int((asked == number[name]).sum()) for name in names},
    }
    for key, columns in (("with", real.shape[1]), ("without", WITHOUT)):
        rows = real[:, :columns]
        of_songs = cross_validated(rows, truth, groups, seed).argmax(1)
        heard = np.full(len(composed), -1)
        if whole:
            model = forest(rows, truth, seed)
            best = probabilities(model, pieces[:, :columns]).argmax(1)
            heard[whole] = model.classes_[best]
        figures[key] = {
            "real": _accuracy(truth, of_songs, names, seed),
            "composed": _accuracy(asked, heard, names, seed) if len(composed) else None,
        }
    return figures


def _accuracy(truth: np.ndarray, heard: np.ndarray, names: Sequence[str], seed: int) -> dict:
    """ "accuracy", "low", "high" and "heard" as ``measure`` has them."""
    right = [(heard[truth == i] == i).astype(float) for i in range(len(names))]
    right = [r for r in right if len(r)]
    rng = np.random.default_rng(seed)
    draws = [r[rng.integers(len(r), size=(1000, len(r)))].mean(1) for r in right]
    low, high = np.percentile(np.mean(draws, axis=0), [2.5, 97.5]).tolist()
    shares = {
        name: {other: float((heard[truth == i] == j).mean()) for j, other in enumerate(names)}
        for i, name in enumerate(names)
        if (truth == i).any()
    }
    accuracy = float(np.mean([r.mean() for r in right]))
    return {"accuracy": accuracy, "low": low, "high": high, "heard": shares}
