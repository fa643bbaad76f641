"""Running an evaluation: compose each prompt, read the MIDI back, measure, write the tables.

Knows files and resuming; the figures come from ``control`` and ``statistics``. What is
measured is always the MIDI file as it is read back, so that any program's files are measured
alike: ``evaluate_folder`` does it for files that another program made from the same prompts.

A run's folder holds ``midi/<prompt>-<seed>.mid`` and, beside each, a ``.json`` that tells what
composed it; ``results.json`` and ``results.md`` hold the figures.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cantilena.errors import CantilenaError, CheckpointError, InputError
from cantilena.evaluate import control, statistics
from cantilena.evaluate.prompts import Prompt, shipped_prompts
from cantilena.evaluate.tables import control_table, statistics_table
from cantilena.files import write_bytes
from cantilena.score.midi import read_midi, write_midi
from cantilena.score.score import Score

GRID = 24
CHUNK = 16
"""Prompts given to a composer at a time: what an interruption can lose."""

Progress = Callable[[float], None] | None
"""Hears the share done, 0-1."""


class Composes(Protocol):
    """What can be evaluated: a ``systems.note.composer.Composer``, or what composes alike."""

    def compose(self, requests: Sequence[Any], progress: Progress = None) -> Sequence[Any]:
        """For each Request a Result with a ``score``."""
        ...


def evaluate_control(
    composer: Composes,
    prompts: Sequence[Prompt] | None = None,
    out: str | Path = "evaluation",
    n: int | None = None,
    seed: int = 0,
    progress: Progress = None,
    request: Callable[[Prompt, int], Any] | None = None,
) -> dict[str, Any]:
    """Composes the first ``n`` prompts, measures the files and writes the results to ``out``.

    ``prompts``: None takes those shipped. ``progress`` hears the share done, 0-1. ``request``:
    makes what the composer is given of a prompt and a seed; by default a
    ``systems.note.composer.Request`` with what is read out of the prompt's text. Pieces that
    ``out`` already holds of the same text, seed and checkpoint are taken as they are, so that an
    interrupted run goes on where it was. A prompt that the composer fails on (CantilenaError)
    counts as a piece without notes. Returns what ``results.json`` holds (see ``measure``); raises
    InputError.
    """
    chosen = _chosen(prompts, n)
    midi = _folder(Path(out) / "midi")
    name = _name(composer)
    made = _compose_all(composer, chosen, midi, seed, name, request or _request, progress)
    targets = {
        "reread_equal": _share([bool(m.get("reread_equal")) for m in made.values() if m]),
        "seconds_per_piece": _mean([m["seconds"] for m in made.values() if "seconds" in m]),
    }
    pieces = [(p, _read(midi / f"{p.id}-{seed}.mid")) for p in chosen]
    found: dict[str, Any] = measure(pieces, seed)
    found["targets"].update(targets)
    found["checkpoint"] = name
    return _written(found, Path(out))


def evaluate_folder(
    prompts: Sequence[Prompt] | None,
    midi_dir: str | Path,
    out: str | Path | None = None,
    n: int | None = None,
    seed: int = 0,
    name: str = "",
) -> dict[str, Any]:
    """Measures MIDI files that any program made of the prompts, as ``evaluate_control`` does.

    ``midi_dir`` holds ``<prompt id>.mid`` (or ``.midi``, or ``<prompt id>-<anything>.mid``, the
    first by name). A prompt without a file, or with one that cannot be read, counts as a piece
    without notes. Results are written to ``out`` where one is given. Raises InputError where the
    folder holds the answer to no prompt.
    """
    chosen = _chosen(prompts, n)
    folder = Path(midi_dir)
    if not folder.is_dir():
        raise InputError(f"there is no folder {str(folder)!r}; give the one with the MIDI files")
    paths = [_answer(folder, p.id) for p in chosen]
    if not any(paths):
        raise InputError(
            f"{str(folder)!r} holds no file named as a prompt is, such as {chosen[0].id}.mid"
        )
    pieces = [(p, _read(path) if path else None) for p, path in zip(chosen, paths, strict=True)]
    found = measure(pieces, seed) | {"checkpoint": name or folder.name}
    return _written(found, Path(out) if out else None)


def evaluate_statistics(
    midi_dir: str | Path,
    real: str | Path | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    name: str = "",
) -> dict[str, Any]:
    """Holds the statistics of a folder's MIDI files against those of real songs.

    ``real``: a file that ``statistics.write_values`` wrote, or a folder of MIDI files; None takes
    the songs shipped. Only files with at least 32 bars are taken, and of them the first 32,
    since many statistics depend on length. Returns name, n, seed, "distances" by statistic and
    "mean_ratio"; written as ``statistics.json`` and ``.md`` where ``out`` is given. Raises
    InputError.
    """
    scores, short = _long_enough(midi_dir)
    if real is None:
        truth = statistics.shipped()
    elif Path(real).is_dir():
        truth = statistics.values_of(_long_enough(real)[0])
    else:
        truth = statistics.read_values(real)
    distances = statistics.evaluate(statistics.values_of(scores), truth, seed)
    found: dict[str, Any] = {
        **{"checkpoint": name or Path(midi_dir).name, "n": len(scores), "left_out": short},
        **{"seed": seed, "bars": statistics.BARS},
        "mean_ratio": statistics.mean_ratio(distances),
        "distances": {k: d.to_dict() for k, d in distances.items()},
    }
    if out is not None:
        _save(_folder(Path(out)), "statistics", found, statistics_table(found))
    return found


def compose_for_statistics(
    composer: Composes,
    prompts: Sequence[Prompt] | None = None,
    out: str | Path = "evaluation",
    n: int | None = None,
    seed: int = 0,
    progress: Progress = None,
    bars: int = statistics.BARS,
) -> Path:
    """Composes pieces of ``bars`` bars for ``evaluate_statistics``, resuming as
    ``evaluate_control`` does; returns the folder of their MIDI files."""

    def request(prompt: Prompt, number: int) -> Any:
        from cantilena.systems.note.composer import Request
        from cantilena.text.brief import merge, parse_brief

        return Request(brief=merge(parse_brief(prompt.text), bars=bars), seed=number)

    midi = _folder(Path(out) / f"midi-{bars}-bars")
    _compose_all(composer, _chosen(prompts, n), midi, seed, _name(composer), request, progress)
    return midi


def measure(pieces: Iterable[tuple[Prompt, Score | None]], seed: int = 0) -> dict[str, Any]:
    """The figures of prompts and the pieces that answer them, None being a piece that is missing.

    Returns "n"; "failed" (pieces without notes); "seed"; "metrics" (``control.summary``);
    "targets": "on_grid", the share of notes of which onset and end lie on a grid of 24 to the
    quarter; and "pieces", each with id, text and its metrics (nan left out).
    """
    rows: list[dict[str, Any]] = []
    figures: list[dict[str, float]] = []
    grid: list[float] = []
    failed = 0
    for prompt, score in pieces:
        figures.append(control.evaluate(prompt.wishes, score))
        if score is None or not len(score):
            failed += 1
        else:
            grid.append(on_grid(score))
        told = {k: round(v, 4) for k, v in figures[-1].items() if not np.isnan(v)}
        rows.append({"id": prompt.id, "text": prompt.text, **told})
    return {
        **{"n": len(rows), "failed": failed, "seed": seed},
        "metrics": control.summary(figures, seed),
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


def same_music(one: Score, other: Score) -> bool:
    """Whether two Scores hold the same notes (time in quarters, instrument, pitch, velocity), the
    same tempos and the same metres."""

    def rows(s: Score) -> list[tuple]:
        unit = 1 / s.tpq
        notes = zip(
            *((s.onset * unit).round(6).tolist(), (s.duration * unit).round(6).tolist()),
            *(s.instrument.tolist(), s.pitch.tolist(), s.velocity.tolist()),
            strict=True,
        )
        tempos = zip((s.tempo_tick * unit).round(6).tolist(), s.tempo_us.tolist(), strict=True)
        metres = zip(
            *((s.metre_tick * unit).round(6).tolist(), s.metre_num.tolist()),
            s.metre_den.tolist(),
            strict=True,
        )
        return [*sorted(notes), *tempos, *metres]

    return rows(one) == rows(other)


# ---------------------------------------------------------------------------- files


def _compose_all(
    composer: Composes,
    prompts: Sequence[Prompt],
    midi: Path,
    seed: int,
    name: str,
    request: Callable[[Prompt, int], Any],
    progress: Progress,
) -> dict[str, dict[str, Any]]:
    """Composes what ``midi`` does not hold yet; what is known of each piece, by prompt id."""
    known = {p.id: _known(midi / f"{p.id}-{seed}", p, seed, name) for p in prompts}
    missing = [p for p in prompts if not known[p.id]]
    there = len(prompts) - len(missing)

    def hear(done: float, part: float = 0, of: int = 1) -> None:
        if progress:
            progress((there + done + part * of) / len(prompts))

    for i in range(0, len(missing), CHUNK):
        chunk = missing[i : i + CHUNK]
        requests = [request(p, seed) for p in chunk]
        start = time.perf_counter()
        scores = _composed(composer, requests, partial(hear, i, of=len(chunk)))
        each = (time.perf_counter() - start) / len(chunk)
        for prompt, score in zip(chunk, scores, strict=True):
            about = {"text": prompt.text, "seed": seed, "checkpoint": name}
            known[prompt.id] = _keep(midi / f"{prompt.id}-{seed}", score, about, each)
    hear(len(missing))
    return known


def _composed(composer: Composes, requests: Sequence[Any], progress: Progress) -> list[Score | str]:
    """The Scores, or in the place of one the error that the composer raised for it."""
    try:
        return [result.score for result in composer.compose(requests, progress)]
    except CheckpointError:
        raise
    except CantilenaError as error:
        if len(requests) == 1:
            return [str(error)]
        return [score for r in requests for score in _composed(composer, [r], None)]


def _keep(stem: Path, score: Score | str, about: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Writes a piece and what is known of it, the latter last, so that its presence tells that
    the piece is whole."""
    path = stem.with_name(f"{stem.name}.mid")
    if isinstance(score, str):
        about |= {"error": score}
        path.unlink(missing_ok=True)
    else:
        write_midi(score, path)
        about |= {"reread_equal": same_music(score, read_midi(path)), "seconds": seconds}
    data = json.dumps(about, ensure_ascii=False).encode()
    write_bytes(stem.with_name(f"{stem.name}.json"), data)
    return about


def _known(stem: Path, prompt: Prompt, seed: int, name: str) -> dict[str, Any]:
    """What was written of a piece, {} where there is none or it is of another text or maker."""
    try:
        about = json.loads(stem.with_name(f"{stem.name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    same = {"text": prompt.text, "seed": seed, "checkpoint": name}
    if not isinstance(about, dict) or any(about.get(k) != v for k, v in same.items()):
        return {}
    whole = "error" in about or stem.with_name(f"{stem.name}.mid").exists()
    return about if whole else {}


def _request(prompt: Prompt, seed: int) -> Any:
    from cantilena.systems.note.composer import Request
    from cantilena.text.brief import parse_brief

    return Request(brief=parse_brief(prompt.text), seed=seed)


def _name(composer: Any) -> str:
    name, digest = getattr(composer, "name", ""), getattr(composer, "hash", "")
    return f"{name or type(composer).__name__}{f' {digest}' if digest else ''}"


def _chosen(prompts: Sequence[Prompt] | None, n: int | None) -> list[Prompt]:
    chosen = list(shipped_prompts() if prompts is None else prompts)
    if n is not None and n < 1:
        raise InputError(f"{n} prompts cannot be evaluated; ask for 1 or more")
    chosen = chosen[:n]
    if not chosen:
        raise InputError("there are no prompts to evaluate")
    return chosen


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {str(path)!r} cannot be made: {error.strerror}") from error
    return path


def _answer(folder: Path, name: str) -> Path | None:
    for ending in (".mid", ".midi"):
        if (folder / f"{name}{ending}").is_file():
            return folder / f"{name}{ending}"
    return next(iter(sorted(folder.glob(f"{name}-*.mid"))), None)


def _read(path: Path) -> Score | None:
    try:
        return read_midi(path)
    except InputError:
        return None


def _long_enough(folder: str | Path) -> tuple[list[Score], int]:
    """The Scores of a folder's MIDI files that have ``statistics.BARS`` bars, and how many of
    the files have not or cannot be read."""
    paths = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in (".mid", ".midi"))
    found = [s for s in map(_read, paths) if s is not None and s.n_bars >= statistics.BARS]
    if not found:
        raise InputError(
            f"{str(folder)!r} holds no MIDI file of {statistics.BARS} bars or more to compare"
        )
    return found, len(paths) - len(found)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _share(values: Sequence[bool]) -> float | None:
    return _mean([float(v) for v in values])


def _written(found: dict[str, Any], out: Path | None) -> dict[str, Any]:
    if out is not None:
        _save(_folder(out), "results", found, control_table(found))
    return found


def _save(folder: Path, stem: str, found: dict[str, Any], text: str) -> None:
    data = json.dumps(found, indent=1, ensure_ascii=False)
    write_bytes(folder / f"{stem}.json", f"{data}\n".encode())
    write_bytes(folder / f"{stem}.md", text.encode())
