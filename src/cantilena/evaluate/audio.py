"""Sound against real music: distances over embedders, tags, texts, melodies and what is heard.

Knows which figures there are of a set of pieces and which files belong together by their names;
the figures come from ``distances`` and ``sound``, vectors from ``sound.pieces``, which keeps them,
so that a run that was stopped goes on where it was. Does not compose (``composing`` does).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.analysis.audio import Heard, listen
from cantilena.analysis.audio.model import shipped
from cantilena.audio.recording import SUFFIXES, open_recording
from cantilena.audio.sources import is_source
from cantilena.errors import CantilenaError, InputError
from cantilena.evaluate import control as score_control
from cantilena.evaluate.distances import frechet
from cantilena.evaluate.distances.floor import real_floor
from cantilena.evaluate.distances.sem import mean_of
from cantilena.evaluate.distances.sets import distances
from cantilena.evaluate.pieces import MIDI_SUFFIXES
from cantilena.evaluate.prompts import Prompt
from cantilena.evaluate.sound import clap_score, control, tags
from cantilena.evaluate.sound.embedders import EMBEDDERS, Embedder, Musicnn, frechet_name
from cantilena.evaluate.sound.melody import Melody, melody_cosine
from cantilena.evaluate.sound.pieces import Embedded, Renderer, embed_pieces, sound
from cantilena.evaluate.tables import audio_table, write_figures
from cantilena.files import make_folder
from cantilena.locks import lock
from cantilena.models.audio.clap import Clap
from cantilena.text.wishes import Brief

MEASURABLE = (*SUFFIXES, *MIDI_SUFFIXES)
"""Files that have sound: sound files, and MIDI files, which are rendered."""
TAGS, MELODY, CLAP = "tags", "melody chroma", "clap score"
"""Names, among embedders, of what gives the figures of tags, melody and texts."""

Progress = Callable[[float, str], None] | None
"""Hears the share done, 0-1, and of what."""


@dataclass
class _Set:
    """Pieces, some of which may be missing, with their vectors when they are known."""

    paths: Sequence[Path]
    sound: Embedded = field(default_factory=lambda: Embedded({}, {}))

    def vectors(self, name: str) -> list[np.ndarray | None]:
        """By one embedder, in the order of ``paths``."""
        return self.sound.vectors[name]

    @property
    def measured(self) -> int:
        """How many have sound."""
        return len(self.paths) - len(self.sound.failed)

    @property
    def left_out(self) -> dict[str, str]:
        """Why, by file name, those without have none."""
        return {self.paths[i].name: why for i, why in self.sound.failed.items()}


def sound_files(place: str | Path) -> list[Path]:
    """A file, or all sound and MIDI files in a folder and those in it, by name; of a piece that is
    there as both the sound alone, and no recording that pieces were made from. Raises InputError
    where there is none."""
    path = Path(place)
    if path.is_file():
        if path.suffix.lower() not in MEASURABLE:
            raise InputError(f"{str(place)!r} is neither a sound file nor a MIDI file")
        return [path]
    if not path.is_dir():
        raise InputError(f"there is no file or folder {str(place)!r}")
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in MEASURABLE and p.is_file())
    files = [p for p in files if not is_source(p)]
    heard = {p.with_suffix("") for p in files if p.suffix.lower() in SUFFIXES}
    kept = [p for p in files if p.suffix.lower() in SUFFIXES or p.with_suffix("") not in heard]
    if not kept:
        raise InputError(f"{str(place)!r} holds no sound files (nor MIDI files) to measure")
    return kept


def prompt_of(path: Path, prompts: Mapping[str, Prompt]) -> Prompt | None:
    """What a piece was asked: the prompt of its name (``base_name``), else text and Brief of the
    JSON file that ``compose`` writes beside it; None where neither is there."""
    name = base_name(path.stem, prompts)
    if name is not None:
        return prompts[name]
    try:
        data = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        return Prompt(path.stem, str(data["text"]), Brief.from_dict(dict(data["brief"])))
    except (OSError, ValueError, KeyError, TypeError, CantilenaError):
        return None


def base_name(stem: str, names: Mapping[str, Any]) -> str | None:
    """Which of some names a file answers: its own, or without the "-N" of a program that makes
    several pieces of each; None where none."""
    if stem in names:
        return stem
    match = re.fullmatch(r"(.+)-\d+", stem)
    return match[1] if match and match[1] in names else None


def evaluate_audio(
    sets: Mapping[str, Sequence[Path]],
    real: Sequence[Path],
    embedders: Mapping[str, Embedder],
    renderer: Renderer,
    out: str | Path,
    references: Sequence[Path] | None = None,
    prompts: Sequence[Prompt] = (),
    clap: Clap | None = None,
    seed: int = 0,
    workers: int = 1,
    progress: Progress = None,
) -> tuple[dict[str, Any], str]:
    """Measures sets of pieces and writes ``audio.json`` and ``audio.md`` to ``out``; returns what
    the two hold.

    ``sets``: files by the sets' names, one that is not there being a piece that failed; ``real``:
    what distances and tags are taken from; ``references``: files of the same names as pieces, whose
    melodies and tags those should have (None: the real ones); ``prompts``: what pieces of these
    names were asked. MIDI files are rendered by ``renderer``, of sound files its ``seconds`` are
    read, several channels are mixed to one. What cannot be measured is left out and named. Vectors
    are kept in ``out/cache``. Raises InputError, also where fewer than 2 real pieces, or none of a
    set, have sound, and while another process writes to ``out``.
    """
    if not sets:
        raise InputError("there is nothing to measure: give files, or prompts and a system")
    models: dict[str, Embedder] = {**embedders, MELODY: Melody()}
    musicnn = next((e for e in embedders.values() if isinstance(e, Musicnn)), None)
    if musicnn is not None:
        models[TAGS] = tags.Tagger(musicnn)
    if clap is not None:
        models[CLAP] = clap
    asked = {prompt.id: prompt for prompt in prompts}
    folder = make_folder(out)
    with lock(folder):
        all_sets = {"real": _Set(real), **{name: _Set(paths) for name, paths in sets.items()}}
        other = _Set(references) if references is not None else all_sets["real"]
        listed = {**all_sets, "references": other}
        for n, (name, pieces) in enumerate(listed.items()):
            if pieces.sound.vectors:
                continue

            def share(done: float, n: int = n, name: str = name) -> None:
                if progress:
                    progress((n + done) / len(listed), name)

            pieces.sound = embed_pieces(
                pieces.paths, models, folder / "cache", renderer, workers, share
            )
            _need(name, pieces, 2 if name == "real" else 1)
        rows = [
            {
                "name": name,
                "n": pieces.measured,
                "failed": len(pieces.sound.failed),
                "left_out": pieces.left_out,
                **_measure(pieces, all_sets["real"], other, embedders, models, asked, clap, seed),
                "control": _control(pieces, asked, renderer, seed),
            }
            for name, pieces in all_sets.items()
            if name != "real"
        ]
        figures = _figures(rows, all_sets, embedders, models, renderer, seed)
        text = audio_table(figures)
        write_figures(folder, "audio", figures, text)
    return figures, text


def _need(name: str, pieces: _Set, least: int) -> None:
    if pieces.measured >= least:
        return
    reasons = list(pieces.left_out.items())
    why = f": {reasons[0][0]}: {reasons[0][1]}" if reasons else ""
    raise InputError(
        f"of the set {name!r} {pieces.measured} of {len(pieces.paths)} pieces can be measured, "
        f"{least} or more are needed{why}"
    )


# ---------------------------------------------------------------------------- figures


def _measure(
    pieces: _Set,
    real: _Set,
    references: _Set,
    embedders: Mapping[str, Embedder],
    models: Mapping[str, Embedder],
    prompts: Mapping[str, Prompt],
    clap: Clap | None,
    seed: int,
) -> dict[str, Any]:
    """The figures of a set beside its control."""
    figures: dict[str, Any] = {
        "distances": {
            name: distances(pieces.vectors(name), real.vectors(name), seed=seed)
            for name in embedders
        }
    }
    pairs = _pairs(pieces, references)
    if TAGS in models:
        figures["tags"] = _tags(pieces, real, references, pairs)
    figures["melody"] = _melody(pieces, references, pairs)
    figures["clap"] = None if clap is None else _texts(pieces, prompts, clap, seed)
    return figures


def _pairs(pieces: _Set, references: _Set) -> list[tuple[int, int]]:
    """Numbers of pieces and of the references of the same names, both of which have sound."""
    if pieces is references:
        return []
    places = {path.stem: i for i, path in enumerate(references.paths)}
    pairs = []
    for i, path in enumerate(pieces.paths):
        name = base_name(path.stem, places)
        if name is not None and i not in pieces.sound.failed:
            pairs.append((i, places[name]))
    return [(i, j) for i, j in pairs if j not in references.sound.failed]


def _sides(
    name: str, pieces: _Set, references: _Set, pairs: Sequence[tuple[int, int]]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The vectors of pairs."""
    ours, theirs = pieces.vectors(name), references.vectors(name)
    rows = [(ours[i], theirs[j]) for i, j in pairs]
    both = [(a, b) for a, b in rows if a is not None and b is not None]
    return [a for a, _ in both], [b for _, b in both]


def _tags(
    pieces: _Set, real: _Set, references: _Set, pairs: Sequence[tuple[int, int]]
) -> dict[str, Any]:
    own, other = tags.pair_divergences(*_sides(TAGS, pieces, references, pairs))
    return {
        "sets": tags.set_divergence(pieces.vectors(TAGS), real.vectors(TAGS)),
        "pairs": mean_of(own).to_dict() if len(own) else None,
        "chance": mean_of(other).to_dict() if len(other) else None,
    }


def _melody(
    pieces: _Set, references: _Set, pairs: Sequence[tuple[int, int]]
) -> dict[str, Any] | None:
    ours, theirs = _sides(MELODY, pieces, references, pairs)
    if not ours:
        return None
    own = [melody_cosine(a, b) for a, b in zip(ours, theirs, strict=True)]
    figures: dict[str, Any] = {"pairs": mean_of(own).to_dict(), "chance": None}
    if len(ours) > 1:
        others = clap_score.other_texts(len(ours))
        chance = [melody_cosine(a, theirs[i]) for a, i in zip(ours, others, strict=True)]
        figures["chance"] = mean_of(chance).to_dict()
    return figures


def _texts(
    pieces: _Set, prompts: Mapping[str, Prompt], clap: Clap, seed: int
) -> dict[str, Any] | None:
    """The CLAP score of pieces whose texts are known, and that of other pieces' texts."""
    sounds, texts = [], []
    for path, vectors in zip(pieces.paths, pieces.vectors(CLAP), strict=True):
        prompt = prompt_of(path, prompts)
        if vectors is not None and prompt is not None and prompt.text:
            sounds.append(vectors)
            texts.append(prompt.text)
    if not texts:
        return None
    of_texts = clap.embed_texts(texts)

    def score(rows: np.ndarray) -> dict[str, Any]:
        scores = clap_score.window_scores(sounds, rows)
        return mean_of(float(s.mean()) for s in scores).to_dict()

    other = len(texts) > 1
    chance = score(of_texts[clap_score.other_texts(len(texts), seed)]) if other else None
    return {"pairs": score(of_texts), "chance": chance}


def _control(
    pieces: _Set, prompts: Mapping[str, Prompt], renderer: Renderer, seed: int
) -> dict[str, Any]:
    """What is heard of what was asked, over the pieces of which that is known; a piece that has no
    sound has met none of it."""
    rows = []
    for i, path in enumerate(pieces.paths):
        prompt = prompt_of(path, prompts)
        if prompt is not None:
            missing = i in pieces.sound.failed
            rows.append(control.evaluate(prompt.wishes, None if missing else heard(path, renderer)))
    return score_control.summary(rows, seed, names=control.METRICS)


def heard(path: Path, renderer: Renderer) -> Heard | None:
    """What is heard in a file; None where it has no sound."""
    samples = sound(path, renderer)
    return None if isinstance(samples, str) else listen(*samples)


def _figures(
    rows: Sequence[dict[str, Any]],
    sets: Mapping[str, _Set],
    embedders: Mapping[str, Embedder],
    models: Mapping[str, Embedder],
    renderer: Renderer,
    seed: int,
) -> dict[str, Any]:
    """What the JSON file holds: plain data."""
    real = sets["real"]
    generated = {name: pieces for name, pieces in sets.items() if name != "real"}
    about = {}
    for name, embedder in embedders.items():
        # a set may be smaller than the real one, in whose order floors are drawn
        padded = {
            key: [*pieces.vectors(name), *[None] * (len(real.paths) - len(pieces.paths))]
            for key, pieces in generated.items()
        }
        floor = real_floor(real.vectors(name), padded, seed=seed)
        about[name] = {
            "label": embedder.label,
            "name": frechet_name(embedder),
            "weights": embedder.weights,
            "floor": floor,
        }
    return {
        "table": "audio",
        "seed": seed,
        "sound": renderer.name,
        "real": {"n": real.measured, "failed": len(real.sound.failed), "left_out": real.left_out},
        "embedders": about,
        "tagger": {
            "weights": models[TAGS].weights,
            "floor": tags.set_floor(real.vectors(TAGS), seed),
        }
        if TAGS in models
        else None,
        "clap": models[CLAP].weights if CLAP in models else None,
        "estimators": shipped().accuracy,
        "rows": list(rows),
        "notes": _notes(rows, sets, embedders),
    }


def _notes(
    rows: Sequence[dict[str, Any]], sets: Mapping[str, _Set], embedders: Mapping[str, Embedder]
) -> list[str]:
    notes = []
    for name, embedder in embedders.items():
        measured = [
            row["distances"][name] for row in rows if "dimensions" in row["distances"][name]
        ]
        if measured:
            windows = min(d["windows"] for d in measured)
            enough = EMBEDDERS[name].enough if name in EMBEDDERS else 0
            caution = frechet.caution(windows, measured[0]["dimensions"], enough)
            notes.extend([f"{frechet_name(embedder)}: {caution}"] if caution else [])
    for name, pieces in sets.items():
        mixed = sum(map(_several_channels, pieces.paths))
        if mixed:
            notes.append(f"{name}: {mixed} of {len(pieces.paths)} files were mixed to one channel")
        for file, why in list(pieces.left_out.items())[:3]:
            notes.append(f"{name}: left out {file}: {why}")
    return notes


def _several_channels(path: Path) -> bool:
    if path.suffix.lower() not in SUFFIXES:
        return False
    try:
        with open_recording(path) as recording:
            return recording.channels > 1
    except CantilenaError:
        return False
