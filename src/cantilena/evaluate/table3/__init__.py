"""The paper's table of results: systems against ground truth, by sound, by text and by control.

Knows which figures stand in which row and what a baseline is; the figures come from ``frechet``,
``mmd``, ``clap_score``, ``compression`` and ``control``, sound from ``audio_pieces``, and the
printed form from ``table3_text``. Does not compose: every system is a folder of MIDI files named
by the references' ids.

After LLM-based Finetuning for Text to Symbolic Music Generation (Wu, Lee, Dun), table 3, with its
three baselines: ground truth; ground truth held against another piece's text; and a model
without text. Distances pool all windows of all pieces (Frechet), or take each piece's mean vector
(KAD, whose estimate is unbiased for independent vectors).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.errors import InputError
from cantilena.evaluate import control, run
from cantilena.evaluate.compression import NOTES, compression_ratio
from cantilena.evaluate.distances import frechet, mmd
from cantilena.evaluate.distances.sem import mean_of
from cantilena.evaluate.sound.embedders import Embedder
from cantilena.evaluate.sound.pieces import Embedded, Renderer, embed_pieces
from cantilena.evaluate.table3.protocols import MIDI, PROTOCOLS, Protocol, Reference, floored_mean
from cantilena.evaluate.table3.text import table3_text
from cantilena.files import write_bytes
from cantilena.models.audio import clap as clap_score
from cantilena.models.audio.clap import Clap
from cantilena.score.score import Score

Progress = Callable[[float, str], None] | None
TRUTH, RANDOM_TEXT, UNCONDITIONAL = "ground truth", "ground truth, random text", "unconditional"
FEW_PIECES = 50
CLAP = "clap score"  # the name, among embedders, of the model whose space the score is taken in


@dataclass(frozen=True)
class Settings:
    """How a table is made. ``subsets`` of ``size`` pieces (FAD-sub); ``seed`` draws them and the
    exchanged texts; ``workers`` render; ``protocol`` chooses the columns that are printed (None:
    all); ``compression``: measure CR, which takes a second or two for a piece."""

    subsets: int = frechet.SUBSETS
    size: int = frechet.SUBSET_SIZE
    seed: int = 0
    workers: int = 1
    protocol: str = "paper"
    compression: bool = False
    notes: tuple[str, ...] = ()


@dataclass
class _Row:
    """A row while it is made: its pieces by number, in the references' order."""

    name: str
    kind: str
    paths: list[Path | None]
    sound: Embedded | None = None
    told: dict[str, Any] = field(default_factory=dict)


def evaluate_table3(
    references: Sequence[Reference],
    systems: Mapping[str, str | Path],
    embedders: Mapping[str, Embedder],
    made_by: Renderer,
    out: str | Path,
    clap: Clap | None = None,
    unconditional: str | Path | None = None,
    losses: Mapping[str, float] | None = None,
    settings: Settings | None = None,
    progress: Progress = None,
) -> dict[str, Any]:
    """Measures every system and baseline and writes ``table3.json`` and ``table3.md`` to ``out``.

    ``references``: the test pieces; those without a MIDI file cannot be ground truth but can be
    answered. ``systems``: folders of ``<id>.mid`` by name; a missing, unreadable or empty file
    counts as a failure, which control metrics hold against the system and distances leave out.
    ``unconditional``: a folder whose files, in the order of their names, stand for the references
    in their order. ``losses``: validation losses by system. ``clap`` None: no CLAP score.
    Embeddings are kept in ``out/cache``. Returns what the JSON file holds. Raises InputError.
    """
    settings = settings or Settings()
    losses = dict(losses or {})
    _check(references, systems, embedders, losses)
    frechet.draws(2, 2, False, settings.subsets, settings.size)  # refused now, not after an hour
    rows = _rows(references, systems, unconditional)
    # one model that serves as both is asked once
    heard_by = next((k for k, e in embedders.items() if e is clap), CLAP)
    everyone = dict(embedders) | ({heard_by: clap} if clap else {})
    folder = Path(out)
    for n, row in enumerate(rows):
        if row.kind == "random text":  # the same sound as the ground truth's
            row.sound = rows[0].sound
            continue
        hear = None
        if progress:
            hear = lambda done, n=n, row=row: progress((n + done) / len(rows), row.name)  # noqa: E731
        row.sound = embed_pieces(
            *(row.paths, everyone, folder / "cache", made_by, settings.workers, hear)
        )
    notes = list(settings.notes)
    for row in rows:
        _measure(row, rows[0], references, embedders, settings)
        if row.name in losses:
            row.told["loss"] = losses[row.name]
    _clap(rows, references, clap, heard_by, settings, notes)
    _cautions(rows, embedders, notes)
    found = _figures(rows, references, embedders, made_by, clap, settings, notes)
    data = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)
    write_bytes(folder / "table3.json", f"{data}\n".encode())
    write_bytes(folder / "table3.md", table3_text(found).encode())
    return found


def _check(
    references: Sequence[Reference],
    systems: Mapping[str, str | Path],
    embedders: Mapping[str, Embedder],
    losses: Mapping[str, float],
) -> None:
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
            raise InputError(f"a loss is given of {name!r}, which is none of: {', '.join(systems)}")


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
        found = sorted(p for p in _folder(unconditional).rglob("*") if p.suffix.lower() in MIDI)
        if len(found) < 2:
            raise InputError(f"{str(unconditional)!r} holds fewer than 2 MIDI files to measure")
        padded: list[Path | None] = [*found, *[None] * len(references)]
        rows.append(_Row(UNCONDITIONAL, "unconditional", padded[: len(references)]))
        rows[-1].told["asked"] = min(len(found), len(references))
    for name, place in systems.items():
        paths = [run._answer(_folder(place), r.id) for r in references]
        if not any(paths):
            raise InputError(
                f"{str(place)!r} holds no file named as a reference is, such as "
                f"{references[0].id}.mid"
            )
        rows.append(_Row(name, "system", paths))
    return rows


def _folder(place: str | Path) -> Path:
    if not Path(place).is_dir():
        raise InputError(f"there is no folder {str(place)!r}; give the one with the MIDI files")
    return Path(place)


# ---------------------------------------------------------------------------- figures


def _measure(
    row: _Row,
    truth: _Row,
    references: Sequence[Reference],
    embedders: Mapping[str, Embedder],
    settings: Settings,
) -> None:
    """Counts, distances, control and compression of a row, into ``told``."""
    assert row.sound and truth.sound
    asked = row.told.pop("asked", len(row.paths))
    heard = len(row.paths) - len(row.sound.failed)
    row.told |= {"n": heard, "failed": asked - heard}
    if row.kind == "random text":
        return
    same = row.kind == "ground truth"
    row.told["distances"] = {
        name: _distances(row.sound.vectors[name], truth.sound.vectors[name], same, settings)
        for name in embedders
    }
    if row.kind == "unconditional":  # its pieces answer no text
        scores = [run._read(p) if p else None for p in row.paths[:asked]]
    else:
        scores = [run._read(p) if p else None for p in row.paths]
        pairs = [(r.prompt, s) for r, s in zip(references, scores, strict=True)]
        if same:  # a reference that has no file has not failed its text
            pairs = [(p, s) for p, s in pairs if s is not None]
        row.told["control"] = _control(pairs, settings.seed)
    if settings.compression:
        ratios = [compression_ratio(s) for s in scores if s is not None and len(s)]
        row.told["compression_ratio"] = mean_of(ratios).to_dict() if ratios else None


def _control(pairs: Sequence[tuple[Any, Score | None]], seed: int) -> dict[str, Any]:
    """``control.summary`` of the pieces whose prompts have wishes, with the SEM of each."""
    asked = [(p, s) for p, s in pairs if p is not None]
    if not asked:
        return {}
    figures = [control.evaluate(p.wishes, s) for p, s in asked]
    found: dict[str, Any] = control.summary(figures, seed)
    for name, told in found.items():
        told["sem"] = mean_of(f[name] for f in figures if not np.isnan(f[name])).to_dict()["sem"]
    return found


def _distances(
    generated: Sequence[np.ndarray | None],
    reference: Sequence[np.ndarray | None],
    same: bool,
    settings: Settings,
) -> dict[str, Any]:
    """The distances of one embedder. ``same``: real music against itself, of which only disjoint
    subsets mean anything; the distance of the whole from itself is 0."""
    own = [v for v in generated if v is not None]
    real = [v for v in reference if v is not None]
    if len(own) < 2 or len(real) < 2:
        return {"pieces": len(own), "windows": sum(map(len, own)), "size": 0}
    means, real_means = (np.stack([v.mean(0) for v in x]).astype(float) for x in (own, real))
    pooled, real_pooled = np.concatenate(own), np.concatenate(real)
    bandwidth = mmd.median_bandwidth(real_means)
    drawn = frechet.draws(len(own), len(real), same, settings.subsets, settings.size, settings.seed)
    found: dict[str, Any] = {
        **{"pieces": len(own), "windows": len(pooled), "dimensions": pooled.shape[1]},
        "frechet": 0.0 if same else frechet.frechet_distance(pooled, real_pooled),
        "kad": None if same else mmd.kad(means, real_means, bandwidth),
        **{"size": len(drawn[0].generated) if drawn else 0, "subsets": len(drawn)},
    }
    if drawn:
        found["frechet_subsets"] = frechet.frechet_subsets(own, real, drawn).to_dict()
        found["kad_subsets"] = mmd.kad_subsets(means, real_means, drawn, bandwidth).to_dict()
    return found


def _clap(
    rows: Sequence[_Row],
    references: Sequence[Reference],
    clap: Clap | None,
    heard_by: str,
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
            f"{clap_score.TEXT_TOKENS} tokens and were cut there"
        )
    for row in rows:
        assert row.sound
        sound = row.sound.vectors[heard_by]
        use = [i for i, v in enumerate(sound) if v is not None and texts[i]]
        if not use or (row.kind == "random text" and len(use) < 2):
            continue
        own = vectors[use]
        if row.kind == "random text":
            own = own[clap_score.other_texts(len(use), settings.seed)]
        scores = clap_score.window_scores([sound[i] for i in use], own)  # type: ignore[misc]
        row.told["clap"] = mean_of(float(s.mean()) for s in scores).to_dict()
        row.told["clap_floored"] = floored_mean(scores)


def _no_clap() -> str:
    return (
        f"give --clap with a ClapModel's folder or hub name (the paper used laion's "
        f"{clap_score.PAPER}, HTSAT-base; '{clap_score.HUB}' is a music CLAP in this layout)"
    )


def _cautions(rows: Sequence[_Row], embedders: Mapping[str, Embedder], notes: list[str]) -> None:
    least = min(row.told["n"] for row in rows)
    if least < FEW_PIECES:
        notes.append(f"Only {least} pieces in the smallest row: differences may be chance")
    for name, embedder in embedders.items():
        told = [row.told["distances"][name] for row in rows if "distances" in row.told]
        known = [t for t in told if "dimensions" in t]
        if known:
            few = min(t["windows"] for t in known)
            said = frechet.caution(few, known[0]["dimensions"])
            notes.extend([f"{embedder.label} FAD: {said}"] if said else [])


def _figures(
    rows: Sequence[_Row],
    references: Sequence[Reference],
    embedders: Mapping[str, Embedder],
    made_by: Renderer,
    clap: Clap | None,
    settings: Settings,
    notes: Sequence[str],
) -> dict[str, Any]:
    """What the JSON file holds: plain data."""
    of: Protocol = PROTOCOLS[settings.protocol]
    return {
        **{"table": "table3", "protocol": settings.protocol, "source": of.source},
        **{"n": len(references), "seed": settings.seed, "renderer": made_by.name},
        "subsets": {"count": settings.subsets, "size": settings.size},
        "embedders": {
            k: {"label": e.label, "name": f"{e.label} FAD", "weights": e.weights}
            for k, e in embedders.items()
        },
        "clap": clap.weights if clap else None,
        "compression_notes": NOTES if settings.compression else None,
        "columns": list(of.columns),
        "rows": [
            {
                **{"system": row.name, "kind": row.kind, **row.told},
                "failures": {
                    _id(row, references, i): why
                    for i, why in (row.sound.failed if row.sound else {}).items()
                    if row.kind != "random text" and i < row.told["n"] + row.told["failed"]
                },
            }
            for row in rows
        ],
        "notes": list(notes),
    }


def _id(row: _Row, references: Sequence[Reference], i: int) -> str:
    path = row.paths[i]
    return path.name if path and row.kind == "unconditional" else references[i].id
