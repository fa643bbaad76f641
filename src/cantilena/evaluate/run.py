"""Running an evaluation: compose each prompt, read the MIDI back, measure, write the tables.

Knows the order of work; pieces come from ``composing``, the figures from ``control`` and
``statistics``. What is measured is always the MIDI file as it is read back, so that any program's
files are measured alike: ``evaluate_folder`` does it for files that another program made from the
same prompts.

A run's folder holds ``midi/<prompt>-<seed>.mid`` and, beside each, its record
(``composing``); ``results.json`` and ``results.md`` hold the figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.errors import InputError
from cantilena.evaluate import control, statistics
from cantilena.evaluate.composing import MakeRequest, Progress, System, compose_prompts, label
from cantilena.evaluate.pieces import find_answers, midi_files, read_piece
from cantilena.evaluate.prompts import Prompt, shipped_prompts
from cantilena.evaluate.tables import control_table, statistics_table, write_figures
from cantilena.files import make_folder
from cantilena.locks import lock
from cantilena.score.score import Score

GRID = 24
"""Positions in a quarter that notation programs read as notes: 32nds, and triplets of 16ths."""


def evaluate_control(
    system: System,
    make_request: MakeRequest,
    prompts: Sequence[Prompt] | None = None,
    out: str | Path = "evaluation",
    n: int | None = None,
    seed: int = 0,
    progress: Progress = None,
    fresh: bool = False,
) -> dict[str, Any]:
    """Composes the first ``n`` prompts, measures the files and writes the results to ``out``.

    ``make_request`` gives what ``system`` composes of a prompt and a seed. ``prompts``: None takes
    those shipped. ``progress`` is called with the share done, 0-1. Pieces that ``out`` already
    holds of the same request, system, checkpoint and code are used again, so that an interrupted
    run continues; ``fresh`` composes all anew. A prompt that the system fails on (CantilenaError)
    counts as a piece without notes. Returns what ``results.json`` holds (see ``measure``); raises
    InputError, also while another process writes to ``out``, CheckpointError, MissingExtraError.
    """
    chosen = _first(prompts, n)
    out = make_folder(out)
    with lock(out):
        pieces = compose_prompts(system, make_request, chosen, out / "midi", seed, progress, fresh)
        scores = [(p, read_piece(piece.path)) for p, piece in zip(chosen, pieces, strict=True)]
        figures = measure(scores, seed)
        figures["targets"] |= {
            "reread_equal": _mean([float(piece.reread_equal) for piece in pieces]),
            "seconds_per_piece": _mean([p.seconds for p in pieces if p.seconds is not None]),
        }
        figures["checkpoint"] = label(system)
        write_figures(out, "results", figures, control_table(figures))
    return figures


def evaluate_folder(
    prompts: Sequence[Prompt] | None,
    midi_dir: str | Path,
    out: str | Path | None = None,
    n: int | None = None,
    seed: int = 0,
    name: str = "",
) -> dict[str, Any]:
    """Measures MIDI files that any program made of the prompts, as ``evaluate_control`` does.

    ``midi_dir`` holds files named by the prompts' ids (``pieces.find_answers``). A prompt without
    a file, or with one that cannot be read, counts as a piece without notes. Results are written
    to ``out`` where one is given. Raises InputError where the folder holds the answer to no
    prompt.
    """
    chosen = _first(prompts, n)
    paths = find_answers(midi_dir, [p.id for p in chosen], "prompt")
    pieces = [(p, read_piece(path)) for p, path in zip(chosen, paths, strict=True)]
    figures = measure(pieces, seed) | {"checkpoint": name or Path(midi_dir).name}
    if out is not None:
        with lock(make_folder(out)):
            write_figures(Path(out), "results", figures, control_table(figures))
    return figures


def evaluate_statistics(
    midi: str | Path | Sequence[Path],
    real: str | Path | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    name: str = "",
) -> dict[str, Any]:
    """Compares the statistics of MIDI files with those of real songs.

    ``midi``: a folder, or the files. ``real``: a file that ``statistics.write_values`` wrote, or a
    folder of MIDI files; None takes the songs shipped. Only files with at least 32 bars are taken,
    and of them the first 32, since many statistics depend on length. Returns checkpoint, n,
    left_out, seed, bars, "mean_ratio" and "distances" by statistic (``Distance.to_dict``); written
    as ``statistics.json`` and ``.md`` where ``out`` is given. Raises InputError.
    """
    if isinstance(midi, (str, Path)):
        name, place, paths = name or Path(midi).name, repr(str(midi)), midi_files(midi)
    else:
        place, paths = "the list of files", list(midi)
    scores = _long_enough(paths, place)
    if real is None:
        reference = statistics.shipped()
    elif Path(real).is_dir():
        reference = statistics.values_of(_long_enough(midi_files(real), repr(str(real))))
    else:
        reference = statistics.read_values(real)
    distances = statistics.evaluate(statistics.values_of(scores), reference, seed)
    figures: dict[str, Any] = {
        "checkpoint": name,
        "n": len(scores),
        "left_out": len(paths) - len(scores),
        "seed": seed,
        "bars": statistics.BARS,
        "mean_ratio": statistics.mean_ratio(distances),
        "distances": {k: d.to_dict() for k, d in distances.items()},
    }
    if out is not None:
        with lock(make_folder(out)):
            write_figures(Path(out), "statistics", figures, statistics_table(figures))
    return figures


def compose_for_statistics(
    system: System,
    make_request: MakeRequest,
    prompts: Sequence[Prompt] | None = None,
    out: str | Path = "evaluation",
    n: int | None = None,
    seed: int = 0,
    progress: Progress = None,
    fresh: bool = False,
) -> list[Path]:
    """Composes pieces for ``evaluate_statistics``, used again as by ``evaluate_control``; returns
    their MIDI files, without those that the system failed on. ``make_request`` has to ask for
    ``statistics.BARS`` bars."""
    chosen = _first(prompts, n)
    out = make_folder(out)
    with lock(out):
        folder = out / f"midi-{statistics.BARS}-bars"
        pieces = compose_prompts(system, make_request, chosen, folder, seed, progress, fresh)
    return [piece.path for piece in pieces if piece.path is not None]


def measure(pieces: Iterable[tuple[Prompt, Score | None]], seed: int = 0) -> dict[str, Any]:
    """The figures of prompts and the pieces that answer them, None being a piece that is missing.

    Returns "n"; "failed" (pieces without notes); "seed"; "metrics" (``control.summary``);
    "targets": "on_grid", the share of notes of which onset and end lie on a grid of 24 to the
    quarter; and "pieces", each with id, text and its metrics (nan left out).
    """
    rows: list[dict[str, Any]] = []
    metrics: list[dict[str, float]] = []
    grid: list[float] = []
    failed = 0
    for prompt, score in pieces:
        metrics.append(control.evaluate(prompt.wishes, score))
        if score is None or not len(score):
            failed += 1
        else:
            grid.append(on_grid(score))
        applicable = {k: round(v, 4) for k, v in metrics[-1].items() if not np.isnan(v)}
        rows.append({"id": prompt.id, "text": prompt.text, **applicable})
    return {
        "n": len(rows),
        "failed": failed,
        "seed": seed,
        "metrics": control.summary(metrics, seed),
        "targets": {"on_grid": _mean(grid)},
        "pieces": rows,
    }


def on_grid(score: Score, grid: int = GRID) -> float:
    """Share (0-1) of notes of which onset and end lie on a grid of ``grid`` to the quarter; 1.0
    for no notes. What lies there is read as notes and bars by a notation program."""
    if not len(score):
        return 1.0
    edges = np.stack([score.onset, score.onset + score.duration])
    return float((edges * grid % score.tpq == 0).all(0).mean())


# ---------------------------------------------------------------------------- parts of a run


def _first(prompts: Sequence[Prompt] | None, n: int | None) -> list[Prompt]:
    if n is not None and n < 1:
        raise InputError(f"{n} prompts cannot be evaluated; ask for 1 or more")
    chosen = list(shipped_prompts() if prompts is None else prompts)[:n]
    if not chosen:
        raise InputError("there are no prompts to evaluate")
    return chosen


def _long_enough(paths: Sequence[Path], place: str) -> list[Score]:
    """The Scores of MIDI files that can be read and have ``statistics.BARS`` bars."""
    scores = [s for s in map(read_piece, paths) if s is not None and s.n_bars >= statistics.BARS]
    if not scores:
        raise InputError(f"{place} holds no MIDI file of {statistics.BARS} bars or more to compare")
    return scores


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None
