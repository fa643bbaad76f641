"""Realism: can composed music be told from real music of the same kind.

Knows pairs of a held-out song and a piece composed for its wishes, the classifier two-sample test
over ``features`` and that over ``patterns``, which share notes and roles alone, and the floor: real
songs against other real songs. Does not know how a system composes. What is measured is always a
MIDI file as it is read back. ``docs/realism.md`` says what the figures mean.

A run's folder holds ``real-KIND/SONG.mid``, ``composed-KIND/SONG-SEED.mid`` with their records, and
``realism-KIND.json`` and ``.md`` with the figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.analysis.features import BARS, FEATURES, GROUPS, features
from cantilena.data.dataset import Songs
from cantilena.errors import InputError, UnknownNameError
from cantilena.evaluate import kernel
from cantilena.evaluate.composing import MakeRequest, Progress, System, compose_prompts, label
from cantilena.evaluate.ensembles import KINDS
from cantilena.evaluate.forest import MIN_PAIRS, auc, need_forests, two_sample
from cantilena.evaluate.matched import Window, other_songs, prompt_of, windows
from cantilena.evaluate.patterns import PATTERNS, Bag, likeness, patterns
from cantilena.evaluate.pieces import MIDI_SUFFIXES, existing_folder, find_answers, read_piece
from cantilena.evaluate.tables import realism_table, write_figures
from cantilena.files import make_folder
from cantilena.locks import lock
from cantilena.score.midi import write_midi
from cantilena.score.score import Score

LEAST_BARS = 8
"""Bars below which a pair of files is not compared."""


def evaluate_realism(
    system: System,
    make_request: MakeRequest,
    songs: Sequence[Songs],
    out: str | Path,
    kind: str = "band",
    n: int = 32,
    chords: bool = False,
    seed: int = 0,
    progress: Progress = None,
    fresh: bool = False,
) -> dict[str, Any]:
    """Composes a piece for each of ``n`` held-out songs of a kind of ensemble and tells the two
    sets apart; the figures as ``measure`` has them, written to ``out``.

    ``songs``: held-out splits of a data set, those of the first taken first. The floor's other
    songs are those of the kind that are left, at most ``n``. Pieces of an earlier run are used
    again as by ``run.evaluate_control``. Raises InputError where there are fewer than
    ``MIN_PAIRS`` songs of the kind, UnknownNameError, CheckpointError, MissingExtraError.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of ensemble", kind, KINDS)
    if n < MIN_PAIRS:
        raise InputError(f"{n} pairs are too few to be told apart; ask for {MIN_PAIRS} or more")
    need_forests()
    all_windows = [w for split in songs for w in windows(split, seed, kind)]
    if len(all_windows) < MIN_PAIRS:
        raise InputError(
            f"the data set holds {len(all_windows)} held-out songs of the kind {kind!r} with "
            f"{BARS} bars in one metre; {MIN_PAIRS} are the least"
        )
    chosen, others = all_windows[:n], all_windows[n:]
    prompts = [prompt_of(window, chords) for window in chosen]
    out = make_folder(out)
    with lock(out):
        composed = out / f"composed-{kind}{'-chords' if chords else ''}"
        pieces = compose_prompts(system, make_request, prompts, composed, seed, progress, fresh)
        real = _write_real(chosen, out / f"real-{kind}")
        pairs = [
            (window.id, read_piece(path), read_piece(piece.path))
            for window, path, piece in zip(chosen, real, pieces, strict=True)
        ]
        figures = measure(pairs, seed, _floor_pairs(chosen, others))
        figures = {"checkpoint": label(system), "kind": kind, "chords": chords, **figures}
        stem = f"realism-{kind}{'-chords' if chords else ''}"
        write_figures(out, stem, figures, realism_table(figures))
    return figures


def evaluate_folders(
    pieces: str | Path, references: str | Path, out: str | Path | None = None, seed: int = 0
) -> dict[str, Any]:
    """As ``evaluate_realism``, of MIDI files of any program: the piece for ``references/NAME.mid``
    is ``pieces/NAME.mid``, or ``NAME-N.mid`` (``pieces.find_answers``).

    Of each pair as many first bars are compared as both have, at most ``BARS``. The floor is made
    of the references alone, half of them against the other half. Raises InputError.
    """
    folder = existing_folder(references)
    paths = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in MIDI_SUFFIXES]
    if not paths:
        raise InputError(f"{str(references)!r} holds no MIDI files to compare with")
    answers = find_answers(pieces, [p.stem for p in paths], "reference")
    pairs = [
        (path.stem, read_piece(path), read_piece(answer))
        for path, answer in zip(paths, answers, strict=True)
        if answer is not None
    ]
    figures = measure(pairs, seed) | {"left_out": len(paths) - len(_whole(pairs))}
    figures = {"checkpoint": Path(pieces).name, "kind": "", "chords": False, **figures}
    if out is not None:
        with lock(make_folder(out)):
            write_figures(Path(out), "realism", figures, realism_table(figures))
    return figures


def measure(
    pairs: Iterable[tuple[str, Score | None, Score | None]],
    seed: int = 0,
    floor_pairs: Sequence[tuple[Score, Score]] | None = None,
) -> dict[str, Any]:
    """The figures of pairs (name, real, composed); those of which either is missing or empty are
    left out.

    Returns "n"; "left_out"; "seed"; "bars"; "auc" and "floor" (``TwoSample.to_dict``; "floor" is
    None where there are too few songs), "floor" being of ``floor_pairs``, or else of one half of
    the real pieces against the other; "groups", for each group of features its ``TwoSample`` by
    these alone, the surest first; "patterns", what ``by_patterns`` says; "features", the surest
    giveaway first, each with name, group, unit, what, "real" and "composed" (means), "auc" (of the
    feature alone, 0.5 where it tells nothing), "n" (of the fewer defined) and "floor" (its AUC on
    the floor); and "pieces", each with its id and the forest's scores of the real and the composed
    one. Raises InputError.
    """
    every = list(pairs)
    whole = _whole(every)
    if len(whole) < MIN_PAIRS:
        raise InputError(f"{len(whole)} whole pairs are too few; {MIN_PAIRS} are the least")
    sides = [(a, b) for _, a, b in whole]
    real, composed = _features(sides)
    if floor_pairs is None:
        half = len(real) // 2
        one, other = real[:half], real[half : 2 * half]
    else:
        one, other = _features(floor_pairs) if floor_pairs else (real[:0], real[:0])
    result, scores = two_sample(real, composed, seed)
    floor = two_sample(one, other, seed)[0].to_dict() if len(one) >= MIN_PAIRS else None
    return {
        "n": len(whole),
        "left_out": len(every) - len(whole),
        "seed": seed,
        "bars": BARS,
        "auc": result.to_dict(),
        "floor": floor,
        "groups": _by_group(real, composed, seed),
        "patterns": by_patterns(sides, seed, floor_pairs),
        "features": giveaways(real, composed, one, other),
        "pieces": [
            {"id": name, "real": round(float(a), 4), "composed": round(float(b), 4)}
            for (name, *_), a, b in zip(whole, *scores, strict=True)
        ],
    }


def _by_group(real: np.ndarray, composed: np.ndarray, seed: int) -> dict[str, dict[str, float]]:
    results: dict[str, dict[str, float]] = {}
    for group in GROUPS:
        of = [i for i, feature in enumerate(FEATURES) if feature.group == group]
        if not np.isnan([real[:, of], composed[:, of]]).all():
            results[group] = two_sample(real[:, of], composed[:, of], seed, 1)[0].to_dict()
    return dict(sorted(results.items(), key=lambda item: -item[1]["auc"]))


def by_patterns(
    pairs: Sequence[tuple[Score, Score]],
    seed: int = 0,
    floor_pairs: Sequence[tuple[Score, Score]] | None = None,
) -> dict[str, Any]:
    """How well the real and the composed piece of each pair are told apart by their ``patterns``:
    "auc", "floor" and "groups", as ``measure`` has them by features; and "kinds", the surest first,
    each with its name, its group, how many different patterns of the kind a piece holds, "real" and
    "composed" (means), and "auc" by these alone. All kinds weigh the same."""
    bags = _bags(pairs)
    if floor_pairs is None:
        half = len(pairs) // 2
        floor_bags = bags[:half] + bags[half : 2 * half]
    else:
        floor_bags = _bags(floor_pairs)
    groups, kinds = {}, []
    by_kind = _likenesses(bags)
    for group, names in PATTERNS.items():
        here = [name for name in names if name in by_kind]
        if here:
            like = np.mean([by_kind[name] for name in here], axis=0)
            groups[group] = kernel.two_sample(like, seed)[0].to_dict()
        for name in here:
            sizes = np.array([len(bag[name]) for bag in bags]).reshape(2, -1).mean(1)
            row = {"name": name, "group": group}
            row |= {"real": float(sizes[0]), "composed": float(sizes[1])}
            kinds.append(row | {"auc": kernel.two_sample(by_kind[name], seed)[0].auc})
    floor = None
    if len(floor_bags) >= 2 * MIN_PAIRS:
        every = list(_likenesses(floor_bags).values())
        floor = kernel.two_sample(np.mean(every, axis=0), seed)[0].to_dict()
    return {
        "auc": kernel.two_sample(np.mean(list(by_kind.values()), axis=0), seed)[0].to_dict(),
        "floor": floor,
        "groups": dict(sorted(groups.items(), key=lambda item: -item[1]["auc"])),
        "kinds": sorted(kinds, key=lambda row: -row["auc"]),
    }


def giveaways(
    real: np.ndarray, composed: np.ndarray, one: np.ndarray, other: np.ndarray
) -> list[dict[str, Any]]:
    """A row for each feature that both sets have, as ``measure`` tells. ``real``, ``composed``:
    (N, F); ``one``, ``other``: (M, F) of the floor."""
    rows: list[dict[str, Any]] = []
    for i, feature in enumerate(FEATURES):
        a, b, c, d = (x[~np.isnan(x[:, i]), i] for x in (real, composed, one, other))
        if len(a) and len(b):
            floor = auc(c, d)
            row = {"real": float(a.mean()), "composed": float(b.mean()), "auc": auc(a, b)}
            row |= {"floor": None if np.isnan(floor) else floor, "n": min(len(a), len(b))}
            rows.append({**feature._asdict(), **row})
    return sorted(rows, key=lambda row: -abs(row["auc"] - 0.5))


# ---------------------------------------------------------------------------- parts of a run


def _write_real(chosen: Sequence[Window], folder: Path) -> list[Path]:
    make_folder(folder)
    paths = [folder / f"{window.id}.mid" for window in chosen]
    for window, path in zip(chosen, paths, strict=True):
        write_midi(window.score, path)
    return paths


def _floor_pairs(chosen: Sequence[Window], others: Sequence[Window]) -> list[tuple[Score, Score]]:
    """Real songs and others: the chosen ones against those that were not, or, where these are too
    few, one half of all against the other."""
    if len(others) < len(chosen):
        together = [*chosen, *others]
        half = len(together) // 2
        chosen, others = together[:half], together[half:]
    return [(chosen[i].score, others[j].score) for i, j in other_songs(chosen, others)]


def _whole(
    pairs: Sequence[tuple[str, Score | None, Score | None]],
) -> list[tuple[str, Score, Score]]:
    return [
        (name, a, b)
        for name, a, b in pairs
        if a is not None and b is not None and len(a) and len(b)
        if min(a.n_bars, b.n_bars) >= LEAST_BARS
    ]


def _features(pairs: Sequence[tuple[Score, Score]]) -> tuple[np.ndarray, np.ndarray]:
    """(N, F) features of the first and the second of each pair, over as many bars as both have."""
    rows = [[features(score, _bars(a, b)) for score in (a, b)] for a, b in pairs]
    table = np.array(rows)
    return table[:, 0], table[:, 1]


def _bags(pairs: Sequence[tuple[Score, Score]]) -> list[Bag]:
    """The patterns of the first of each pair, then of the second, over as many bars as both
    have."""
    rows = [[patterns(score, _bars(a, b)) for score in (a, b)] for a, b in pairs]
    return [row[side] for side in (0, 1) for row in rows]


def _likenesses(bags: Sequence[Bag]) -> dict[str, np.ndarray]:
    """How alike the pieces are by each kind of pattern that any of them has."""
    kinds = [kind for names in PATTERNS.values() for kind in names]
    return {kind: likeness(bags, kind) for kind in kinds if any(bag[kind] for bag in bags)}


def _bars(one: Score, other: Score) -> int:
    return min(BARS, one.n_bars, other.n_bars)
