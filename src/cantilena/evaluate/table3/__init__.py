"""The paper's table of results: systems against ground truth, by sound, by text and by control.

Knows which figures stand in which row and what a baseline is; the figures come from
``distances``, ``sound.clap_score``, ``compression`` and ``control``, vectors from
``sound.pieces``, and the printed form from ``table3.text``. Does not compose: every system is a
folder of MIDI files named by the references' ids.

After LLM-based Finetuning for Text to Symbolic Music Generation (Wu, Lee, Dun), table 3, with its
three baselines: ground truth; ground truth held against another piece's text; and a model
without text. Distances pool all windows of all pieces (Frechet), or take each piece's mean vector
(KAD, whose estimate is unbiased for independent vectors).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.errors import InputError
from cantilena.evaluate import control
from cantilena.evaluate.compression import NOTES, compression_ratio
from cantilena.evaluate.distances import frechet
from cantilena.evaluate.distances.floor import real_floor
from cantilena.evaluate.distances.sem import mean_of
from cantilena.evaluate.distances.sets import distances
from cantilena.evaluate.pieces import find_answers, midi_files, read_piece
from cantilena.evaluate.prompts import Prompt
from cantilena.evaluate.sound import clap_score
from cantilena.evaluate.sound.embedders import EMBEDDERS, Embedder, frechet_name
from cantilena.evaluate.sound.pieces import Embedded, Renderer, embed_pieces
from cantilena.evaluate.table3.generation import Generation, degenerate, read_generation
from cantilena.evaluate.table3.protocols import Reference, floored_mean, protocol
from cantilena.evaluate.table3.text import table3_text
from cantilena.evaluate.tables import write_figures
from cantilena.files import make_folder
from cantilena.locks import lock
from cantilena.models.audio.clap import HUB, PAPER, TEXT_TOKENS, Clap
from cantilena.score.score import Score

Progress = Callable[[float, str], None] | None
TRUTH, RANDOM_TEXT, UNCONDITIONAL = "ground truth", "ground truth, random text", "unconditional"
FEW_PIECES = 50
"""Pieces in the smallest row below which a caution is printed: a rule of thumb."""
_GENERATED = ("unconditional", "system")
"""Kinds of rows whose pieces a system made."""
CLAP = "clap score"
"""The name, among embedders, of the model whose space the CLAP score is taken in."""


@dataclass(frozen=True)
class Settings:
    """What decides a table beside its pieces.

    ``subsets`` of ``size`` generated pieces, each held against the whole reference (FAD-sub of the
    paper); ``seed`` draws them and the exchanged texts;
    ``workers`` processes render; ``protocol``, a name in ``protocols.PROTOCOLS``, chooses which
    distances, scores and losses are printed, beside the metrics of control, which are printed
    whatever it is; ``compression``: measure CR, which takes a second or
    two for a piece; ``notes`` are printed under the table.
    """

    subsets: int = frechet.SUBSETS
    size: int = frechet.SUBSET_SIZE
    seed: int = 0
    workers: int = 1
    protocol: str = "paper"
    compression: bool = False
    notes: tuple[str, ...] = ()


@dataclass
class _Row:
    """A row that is being measured: its pieces' paths, in the references' order."""

    name: str
    kind: str
    paths: list[Path | None]
    generation: Generation | None = None
    sound: Embedded | None = None
    figures: dict[str, Any] = field(default_factory=dict)


def evaluate_table3(
    references: Sequence[Reference],
    systems: Mapping[str, str | Path],
    embedders: Mapping[str, Embedder],
    renderer: Renderer,
    out: str | Path,
    clap: Clap | None = None,
    unconditional: str | Path | None = None,
    losses: Mapping[str, Mapping[str, float | None]] | None = None,
    settings: Settings | None = None,
    progress: Progress = None,
) -> tuple[dict[str, Any], str]:
    """Measures every system and baseline and writes ``table3.json`` and ``table3.md`` to ``out``;
    returns what the two files hold.

    ``references``: the test pieces; those without a MIDI file cannot be ground truth but can be
    answered. ``systems``: folders of ``<id>.mid`` by name; a missing, unreadable or empty file
    counts as a failure, which control metrics hold against the system and distances leave out.
    ``unconditional``: a folder whose files, in the order of their names, stand for the references
    in their order. ``losses``: validation losses by system, and by what they are of, as
    ``read_losses`` gives them. ``clap`` None: no CLAP score.
    Embeddings are kept in ``out/cache``. Raises InputError, also while another process writes to
    ``out``.
    """
    settings = settings or Settings()
    losses = dict(losses or {})
    _check(references, systems, embedders, losses, settings)
    rows = _rows(references, systems, unconditional)
    # one model that serves as both is asked once
    clap_name = next((k for k, e in embedders.items() if e is clap), CLAP)
    models = dict(embedders) | ({clap_name: clap} if clap else {})
    folder = make_folder(out)
    with lock(folder):
        for n, row in enumerate(rows):
            if row.kind == "random text":  # the same sound as the ground truth's
                row.sound = rows[0].sound
                continue
            row_progress = _row_progress(progress, row.name, n, len(rows))
            row.sound = embed_pieces(
                row.paths, models, folder / "cache", renderer, settings.workers, row_progress
            )
        notes = list(settings.notes)
        for row in rows:
            _measure(row, rows[0], references, embedders, settings)
            if row.name in losses:
                row.figures["losses"] = dict(losses[row.name])
                if None in losses[row.name].values():
                    notes.append(f"The last validation loss of {row.name} is no finite number")
        _clap(rows, references, clap, clap_name, settings, notes)
        _cautions(rows, embedders, notes)
        figures = _figures(rows, references, embedders, renderer, clap, settings, notes)
        for name, embedder in figures["embedders"].items():
            vectors = {r.name: r.sound.vectors[name] for r in rows if r.sound}
            generated = {r.name: vectors[r.name] for r in rows if r.kind in _GENERATED}
            embedder["floor"] = real_floor(vectors[TRUTH], generated, seed=settings.seed)
        text = table3_text(figures)
        write_figures(folder, "table3", figures, text)
    return figures, text


def _row_progress(
    progress: Progress, name: str, n: int, rows: int
) -> Callable[[float], None] | None:
    """What reports the share done of the ``n``-th of so many rows as a share of the table."""
    return (lambda done: progress((n + done) / rows, name)) if progress else None


def _check(
    references: Sequence[Reference],
    systems: Mapping[str, str | Path],
    embedders: Mapping[str, Embedder],
    losses: Mapping[str, Mapping[str, float | None]],
    settings: Settings,
) -> None:
    """Refuses what cannot be measured now, not after an hour. Raises InputError."""
    protocol(settings.protocol)
    frechet.draws(2, 2, False, settings.subsets, settings.size)
    if not embedders:
        raise InputError("a table needs an embedder; '--embedder logmel' works without weights")
    if sum(r.midi is not None for r in references) < 2:
        raise InputError(
            "fewer than 2 of the references have a MIDI file: name them in 'midi', or give the "
            "folder that holds <id>.mid"
        )
    for name in (TRUTH, RANDOM_TEXT, UNCONDITIONAL):
        if name in systems:
            raise InputError(f"a system cannot be named {name!r}, as a baseline is")
    for name in losses:
        if name not in systems and name != UNCONDITIONAL:
            raise InputError(f"there is a loss of {name!r}, which is none of: {', '.join(systems)}")


def _rows(
    references: Sequence[Reference],
    systems: Mapping[str, str | Path],
    unconditional: str | Path | None,
) -> list[_Row]:
    """The baselines, then the systems; the ground truth first."""
    rows = [_Row(TRUTH, "ground truth", [r.midi for r in references])]
    if any(r.text for r in references):
        rows.append(_Row(RANDOM_TEXT, "random text", rows[0].paths))
    if unconditional is not None:
        paths = midi_files(unconditional)
        if len(paths) < 2:
            raise InputError(f"{str(unconditional)!r} holds fewer than 2 MIDI files to measure")
        padded: list[Path | None] = [*paths, *[None] * len(references)]
        padded = padded[: len(references)]
        generation = read_generation(unconditional)
        rows.append(_Row(UNCONDITIONAL, "unconditional", padded, generation))
        rows[-1].figures["asked"] = min(len(paths), len(references))
    ids = [r.id for r in references]
    for name, place in systems.items():
        paths = find_answers(place, ids, "reference")
        rows.append(_Row(name, "system", paths, read_generation(place)))
    return rows


# ---------------------------------------------------------------------------- figures


def _measure(
    row: _Row,
    truth: _Row,
    references: Sequence[Reference],
    embedders: Mapping[str, Embedder],
    settings: Settings,
) -> None:
    """Counts, distances, control and compression of a row, into its ``figures``."""
    assert row.sound and truth.sound
    asked = row.figures.pop("asked", len(row.paths))
    n = len(row.paths) - len(row.sound.failed)
    row.figures |= {"n": n, "failed": asked - n}
    if row.kind == "random text":
        return
    same = row.kind == "ground truth"
    row.figures["distances"] = {
        name: distances(
            row.sound.vectors[name],
            truth.sound.vectors[name],
            same,
            settings.subsets,
            settings.size,
            settings.seed,
        )
        for name in embedders
    }
    if row.kind == "unconditional":  # its pieces answer no text
        scores = [read_piece(p) for p in row.paths[:asked]]
    else:
        scores = [read_piece(p) for p in row.paths]
        pairs = [(r.prompt, s) for r, s in zip(references, scores, strict=True)]
        if same:  # a reference that has no file has not failed its text
            pairs = [(p, s) for p, s in pairs if s is not None]
        row.figures["control"] = _control(pairs, settings.seed)
    row.figures["degenerate"] = degenerate(scores, row.paths, row.generation)
    if row.generation:
        row.figures["generation"] = dict(row.generation.settings)
    if settings.compression:
        ratios = [compression_ratio(s) for s in scores if s is not None and len(s)]
        row.figures["compression_ratio"] = mean_of(ratios).to_dict() if ratios else None


def _control(pairs: Sequence[tuple[Prompt | None, Score | None]], seed: int) -> dict[str, Any]:
    """``control.summary`` of the pieces whose prompts have wishes, with the SEM of each."""
    asked = [(p, s) for p, s in pairs if p is not None]
    if not asked:
        return {}
    metrics = [control.evaluate(p.wishes, s) for p, s in asked]
    summary: dict[str, Any] = control.summary(metrics, seed)
    for name, metric in summary.items():
        metric["sem"] = mean_of(m[name] for m in metrics if not np.isnan(m[name])).to_dict()["sem"]
    return summary


def _clap(
    rows: Sequence[_Row],
    references: Sequence[Reference],
    clap: Clap | None,
    clap_name: str,
    settings: Settings,
    notes: list[str],
) -> None:
    """The CLAP score of every row, over the pieces that have sound and a text."""
    texts = [r.text for r in references]
    if clap is None or not any(texts):
        notes.append("No CLAP score: " + ("the references have no texts" if clap else _no_clap()))
        return
    vectors = clap.embed_texts([t or "-" for t in texts])
    if clap.texts_cut:
        notes.append(
            f"{clap.texts_cut} of {len(texts)} texts are longer than CLAP's "
            f"{TEXT_TOKENS} tokens and were cut there"
        )
    for row in rows:
        assert row.sound
        sound = row.sound.vectors[clap_name]
        use = [i for i, v in enumerate(sound) if v is not None and texts[i]]
        if not use or (row.kind == "random text" and len(use) < 2):
            continue
        text_vectors = vectors[use]
        if row.kind == "random text":
            text_vectors = text_vectors[clap_score.other_texts(len(use), settings.seed)]
        scores = clap_score.window_scores([sound[i] for i in use], text_vectors)  # type: ignore[misc]
        row.figures["clap"] = mean_of(float(s.mean()) for s in scores).to_dict()
        row.figures["clap_floored"] = floored_mean(scores)


def _no_clap() -> str:
    return (
        f"give --clap with LAION's file (the paper used {PAPER}.pt, HTSAT-base), or a "
        f"ClapModel's folder or hub name, as '{HUB}', a music CLAP in that layout"
    )


def _cautions(rows: Sequence[_Row], embedders: Mapping[str, Embedder], notes: list[str]) -> None:
    least = min(row.figures["n"] for row in rows)
    if least < FEW_PIECES:
        notes.append(f"Only {least} pieces in the smallest row: differences may be chance")
    for name, embedder in embedders.items():
        rows_of = [row.figures["distances"][name] for row in rows if "distances" in row.figures]
        measured = [d for d in rows_of if "dimensions" in d]
        if measured:
            windows = min(d["windows"] for d in measured)
            enough = EMBEDDERS[name].enough if name in EMBEDDERS else 0
            caution = frechet.caution(windows, measured[0]["dimensions"], enough)
            notes.extend([f"{frechet_name(embedder)}: {caution}"] if caution else [])


def _figures(
    rows: Sequence[_Row],
    references: Sequence[Reference],
    embedders: Mapping[str, Embedder],
    renderer: Renderer,
    clap: Clap | None,
    settings: Settings,
    notes: Sequence[str],
) -> dict[str, Any]:
    """What the JSON file holds: plain data."""
    published = protocol(settings.protocol)
    return {
        "table": "table3",
        "protocol": settings.protocol,
        "source": published.source,
        "published_rows": [
            {**asdict(r), "temperatures": list(r.temperatures)} for r in published.rows
        ],
        "n": len(references),
        "seed": settings.seed,
        "renderer": renderer.name,
        "subsets": {
            "count": settings.subsets,
            "size": settings.size,
            "of": "generated pieces",
            "against": "the whole reference",
        },
        "embedders": {
            k: {"label": e.label, "name": frechet_name(e), "weights": e.weights}
            for k, e in embedders.items()
        },
        "clap": clap.weights if clap else None,
        "compression_notes": NOTES if settings.compression else None,
        "columns": list(published.columns),
        "rows": [
            {
                "system": row.name,
                "kind": row.kind,
                **row.figures,
                "failures": _failures(row, references),
            }
            for row in rows
        ],
        "notes": list(notes),
    }


def _failures(row: _Row, references: Sequence[Reference]) -> dict[str, str]:
    """Why pieces have no sound, by the reference's id or, without a text, the file's name."""
    if row.sound is None or row.kind == "random text":
        return {}
    asked = row.figures["n"] + row.figures["failed"]
    reasons: dict[str, str] = {}
    for i, reason in row.sound.failed.items():
        path = row.paths[i]
        if i < asked:
            named = path.name if path and row.kind == "unconditional" else references[i].id
            reasons[named] = reason
    return reasons
