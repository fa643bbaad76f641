"""How the pieces of a folder were made and how many of them are degenerate.

Knows what ``cantilena generate`` writes beside its pieces; a folder of another program's files has
no settings, and only what their notes show is measured. Composes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cantilena.analysis.degenerate import one_onset, stands_still
from cantilena.errors import InputError
from cantilena.evaluate.distances.sem import mean_of
from cantilena.files import read_json
from cantilena.score.score import Score
from cantilena.systems.at_scale import SETTINGS, read_manifest


@dataclass(frozen=True)
class Generation:
    """``settings``: of all pieces ("temperature", "top_p", "top_k", "unmasked", "system",
    "checkpoint"); ``lines``: what the manifest says of each, by its id."""

    settings: Mapping[str, Any]
    lines: Mapping[str, Mapping[str, Any]]


def read_generation(folder: str | Path | None) -> Generation | None:
    """The Generation of a folder that ``cantilena generate`` wrote, None for another. Raises
    InputError where its settings or its manifest are damaged."""
    path = None if folder is None else Path(folder) / SETTINGS
    if path is None or not path.is_file():
        return None
    data = read_json(path)
    try:
        sampling, options = data["sampling"], data["options"]
        settings = {name: sampling[name] for name in ("temperature", "top_p", "top_k")}
        settings |= {"unmasked": bool(options.get("unmasked"))}
        settings |= {name: data[name] for name in ("system", "checkpoint")}
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} holds no settings of 'cantilena generate': {error!r}") from error
    return Generation(settings, read_manifest(path.parent))


def degenerate(
    scores: Iterable[Score | None], paths: Sequence[Path | None], generation: Generation | None
) -> dict[str, Any]:
    """Means over pieces, as ``Mean.to_dict``, of shares 0-1.

    ``one_onset``: of a piece's notes, those at its fullest onset; ``still``: whether time stands
    still (``analysis.degenerate``). Of what is sampled without our grammar also ``invalid``: of a
    piece's tokens, those in no valid triple; ``early``: whether it ended before the tokens that
    were asked for. What no piece says is left out.
    """
    music = [s for s in scores if s is not None and len(s)]
    lines = generation.lines if generation else {}
    facts = [lines[p.stem] for p in paths if p is not None and p.stem in lines]
    values: dict[str, list[float]] = {
        "one_onset": [one_onset(s) for s in music],
        "still": [float(stands_still(s)) for s in music],
        "invalid": [
            f["invalid_tokens"] / max(f["tokens"], 1) for f in facts if "invalid_tokens" in f
        ],
        "early": [float(f["early"]) for f in facts if "early" in f],
    }
    return {name: mean_of(v).to_dict() for name, v in values.items() if v}
