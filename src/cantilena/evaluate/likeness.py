"""Learning likeness: the model that says how like real songs of a genre a piece is, and how often
it is right.

Knows labelled songs, the regression and when a genre can be judged; does not know composed pieces.
Needs scikit-learn (the extra ``evaluate``), which is imported when a model is fitted; the fitted
one (``analysis.likeness``) needs numpy alone. ``docs/realism.md`` says what the figures mean.

A run's folder holds ``likeness.json`` and ``.md``, the figures, and ``model.json``, which is what
the package ships as ``analysis/likeness.json``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.analysis.likeness import Likeness, Scaling
from cantilena.data.dataset import Songs
from cantilena.errors import InputError, MissingExtraError
from cantilena.evaluate.forest import FOLDS, auc
from cantilena.evaluate.genre import feature_rows, labelled_songs
from cantilena.evaluate.tables import likeness_table
from cantilena.files import make_folder, staged_files, write_json
from cantilena.locks import lock

STRENGTH = 0.005
"""Inverse strength (scikit-learn's C) of the penalty on the weights: of .003 to .1 the one with the
highest accuracy in cross-validation."""
OPTIONAL = 0.02
"""Share of the songs in which a feature is undefined, above which that counts as a feature."""
SURE = 0.9
"""Share of the verdicts that are right, by which the bounds are set: more than ``RIGHT``, since
bounds fit the songs by which they are set better than others."""
RIGHT = 0.8
"""Share of the verdicts on songs that set no bound that must be right for a genre to be judged."""
DECIDED = 0.5
"""Share of a genre's own songs on which there must be a verdict for it to be judged."""
MIN_VERDICTS = 10
"""Songs beyond a bound at least."""
DIVISIONS = 40
"""Divisions of the groups into halves, one of which sets bounds that the other tries."""


def scaling(rows: np.ndarray) -> Scaling:
    """The Scaling of (N, F) features."""
    undefined = np.isnan(rows)
    there = np.where(undefined.all(0), 0.0, rows)
    median = np.nanmedian(there, axis=0)
    filled = np.where(np.isnan(there), median, there)
    spread = filled.std(0)
    optional = np.flatnonzero(undefined.mean(0) > OPTIONAL)
    return Scaling(median, filled.mean(0), np.where(spread > 0, spread, 1.0), optional)


def fit(
    rows: np.ndarray,
    label: np.ndarray,
    genres: Sequence[str],
    bounds: dict[str, tuple[float, float]] | None = None,
) -> Likeness:
    """The model of (N, F) features and (N,) labels 0 to G - 1, G of two or more, all of which are
    there and weigh the same. Raises MissingExtraError."""
    try:
        from sklearn.linear_model import LogisticRegression  # type: ignore[import-not-found]
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "evaluate", "learning genres") from error
    scales = scaling(rows)
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=1000)
    model.fit(scales.inputs(rows), label)
    weights, bias = np.asarray(model.coef_), np.asarray(model.intercept_)
    if len(genres) == 2:  # of two classes scikit-learn has the odds of the second alone
        weights, bias = np.vstack([-weights, weights]) / 2, np.append(-bias, bias) / 2
    return Likeness(tuple(genres), scales, weights, bias, bounds or {})


def held_out(
    rows: np.ndarray, label: np.ndarray, group: np.ndarray, genres: Sequence[str], seed: int
) -> np.ndarray:
    """(N, G) probabilities of each row by models that have not seen its ``group``."""
    fold = (np.random.default_rng(seed).permutation(np.arange(group.max() + 1)) % FOLDS)[group]
    out = np.zeros((len(rows), len(genres)))
    for k in np.unique(fold):
        learn = fold != k
        there = np.unique(label[learn])
        names = [name for i, name in enumerate(genres) if i in there]
        model = fit(rows[learn], np.searchsorted(there, label[learn]), names)
        out[np.ix_(~learn, there)] = model.probabilities(rows[~learn])
    return out


def bounds_of(share: np.ndarray, own: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """The bounds (unlike, like) of a genre's probabilities ``share``, (N,): from the one on, and up
    to the other, ``SURE`` of the songs are rightly judged where ``own`` songs, (N,) bool, and all
    others weigh the same; ``weight``: (N,) of the songs among these. -1 and 2: there is none."""
    even = np.where(own, weight / weight[own].sum(), weight / weight[~own].sum())
    like = _bound(-share, even * own, even * ~own)
    unlike = _bound(share, even * ~own, even * own)
    low, high = (-1.0 if unlike is None else unlike), (2.0 if like is None else -like)
    return min(low, np.nextafter(high, -1.0)), high


def _bound(key: np.ndarray, right: np.ndarray, wrong: np.ndarray) -> float | None:
    """The last value of ``key`` up to which ``SURE`` of the weight is ``right``."""
    order = np.argsort(key, kind="stable")
    so_far = np.cumsum(right[order])
    share = so_far / np.maximum(so_far + np.cumsum(wrong[order]), 1e-12)
    last_of_equals = np.append(np.diff(key[order]) > 0, True)  # a bound takes in all or none
    enough = np.arange(len(key)) >= MIN_VERDICTS - 1
    sure = np.flatnonzero((share >= SURE) & enough & last_of_equals)
    return float(key[order[sure[-1]]]) if len(sure) else None


def verdicts(
    share: np.ndarray, own: np.ndarray, weight: np.ndarray, bounds: tuple[float, float]
) -> np.ndarray:
    """(2, 2) shares of a genre's own songs, and of the others, that are like it and unlike it."""
    marks = [share >= bounds[1], share <= bounds[0]]
    sides = (own, ~own)
    return np.array([[np.average(m[w], weights=weight[w]) for m in marks] for w in sides])


def tried(
    share: np.ndarray, label: np.ndarray, own: int, group: np.ndarray, seed: int
) -> np.ndarray:
    """``verdicts`` on songs of groups by which the bounds were not set, the mean over
    ``DIVISIONS``."""
    tables = []
    for division in range(DIVISIONS):
        rng = np.random.default_rng([seed, division])
        half = (rng.permutation(np.arange(group.max() + 1)) % 2)[group] == 0
        sets, tries = ((share[h], label[h] == own, balanced(label[h])) for h in (half, ~half))
        if all(is_own.any() and not is_own.all() for _, is_own, _ in (sets, tries)):
            tables.append(verdicts(*tries, bounds_of(*sets)))
    return np.mean(tables, axis=0) if tables else np.zeros((2, 2))


def balanced(label: np.ndarray) -> np.ndarray:
    """(N,) weights by which each label weighs the same."""
    return 1 / np.bincount(label)[label]


def rightness(table: np.ndarray) -> dict[str, float]:
    """Of ``verdicts``: "own" and "others", the shares of the verdicts on them that are right, and
    "like" and "unlike", the shares of these verdicts that are right where own and other songs are
    as many; 0 where there are none."""
    (own_like, own_unlike), (other_like, other_unlike) = table.tolist()
    pairs = {"own": (own_like, own_unlike), "others": (other_unlike, other_like)}
    pairs |= {"like": (own_like, other_like), "unlike": (other_unlike, own_unlike)}
    return {name: a / (a + b) if a + b > 0 else 0.0 for name, (a, b) in pairs.items()}


def learn(
    rows: np.ndarray, label: np.ndarray, group: np.ndarray, genres: Sequence[str], seed: int = 0
) -> tuple[Likeness, dict[str, Any]]:
    """The model of all songs, and the figures: "accuracy" (mean over genres of the share of songs
    whose likeliest genre is theirs), "among_two" (or one of the two likeliest), and "genres", for
    each of which "songs", "auc" (of one of its songs against one of another genre), "own" and
    "others" (the shares of them that are "like" and "unlike", ``tried``), "right"
    (``rightness``) and "judged", whether it can be judged; only then it has bounds.
    """
    shares = held_out(rows, label, group, genres, seed)
    rank = (shares > shares[np.arange(len(label)), label][:, None]).sum(1)
    weight = balanced(label)
    figures: dict[str, Any] = {
        "seed": seed,
        "accuracy": float(np.average(rank == 0, weights=weight)),
        "among_two": float(np.average(rank <= 1, weights=weight)),
        "genres": {},
    }
    bounds: dict[str, tuple[float, float]] = {}
    for i, name in enumerate(genres):
        share, own = shares[:, i], label == i
        table = tried(share, label, i, group, seed)
        right = rightness(table)
        judged = min(right.values()) >= RIGHT and bool(table[0].sum() >= DECIDED)
        if judged:
            bounds[name] = bounds_of(share, own, weight)
        areas = [auc(share[label == j], share[own]) for j in range(len(genres)) if j != i]
        (own_like, own_unlike), (other_like, other_unlike) = table.tolist()
        figures["genres"][name] = {
            "songs": int(own.sum()),
            "auc": float(np.mean(areas)),
            "own": {"like": own_like, "unlike": own_unlike},
            "others": {"like": other_like, "unlike": other_unlike},
            "right": right,
            "judged": judged,
        }
    return fit(rows, label, genres, bounds), figures


def learn_likeness(
    splits: Sequence[Songs], out: str | Path, seed: int = 0, workers: int = 1
) -> dict[str, Any]:
    """Learns likeness from the labelled songs of a data set's splits, as ``evaluate.genre`` does,
    and writes the model and the figures (of ``learn``) to ``out``; returns the figures. Raises
    InputError, MissingExtraError."""
    songs = labelled_songs(splits, seed)
    genres = sorted({song.genre for song in songs})
    for name in genres:
        if len({song.group for song in songs if song.genre == name}) < FOLDS:
            raise InputError(f"the songs of {name!r} are of fewer than {FOLDS} artists; add songs")
    label = np.array([genres.index(song.genre) for song in songs])
    group = np.unique([song.group for song in songs], return_inverse=True)[1]
    rows = feature_rows([song.score for song in songs], workers)
    model, figures = learn(rows, label, group, genres, seed)
    out = make_folder(out)
    names = ("likeness.json", "likeness.md", "model.json")
    with lock(out), staged_files(out, names) as stage:
        write_json(stage / names[0], figures)
        (stage / names[1]).write_bytes(likeness_table(figures).encode())
        write_json(stage / names[2], model.to_dict(), indent=None)
    return figures
