"""The protocols of published text-to-music evaluations: which pieces, how many, which figures.

Knows lists of ids and what papers print; the figures themselves come from ``control``,
``compression``, ``distances`` and ``sound.clap_score``. References come as JSON lines: of ours
(id, text, midi, wishes) or of MidiCaps as published (location, caption, key, tempo,
time_signature, ...).

- ``paper``: LLM-based Finetuning for Text to Symbolic Music Generation (Wu, Lee, Dun), table 3.
- ``midi-llm``: MIDI-LLM (Wu, Kim & Huang, 2025): FAD and CLAP over 896 fixed Lakh ids, which its
  repository publishes (slSeanWU/MIDI-LLM, assets/evaluation_set_lakh_ids.txt).
- ``text2midi``: Text2midi (Bhandari et al., AAAI 2025): CR, CLAP, TB, TBT, CK, CKD over MidiCaps'
  test set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.errors import BriefError, InputError, UnknownNameError
from cantilena.evaluate.pieces import MIDI_SUFFIXES, midi_files
from cantilena.evaluate.prompts import Prompt
from cantilena.files import read_jsonl, read_text
from cantilena.text.wishes import Brief

TEXT2MIDI_FLOOR = 0.01
"""Text2midi's released script leaves out windows whose cosine is below this."""


@dataclass(frozen=True)
class PaperRow:
    """A row of a paper's table: the ``name`` of its model, the ``recipe`` of ``cantilena finetune``
    that trains it, and the sampling ``temperatures`` at which the paper prints it."""

    name: str
    recipe: str
    temperatures: tuple[float, ...] = (1.0,)


@dataclass(frozen=True)
class Protocol:
    """``source``: the paper; ``ids``: how many fixed pieces it has (None: those of the data set's
    test split); ``columns``: the figures that the paper prints, by their keys in a row
    of ``table3``'s JSON file, control metrics (``control.METRICS``) by their names; ``rows``: its
    systems, where we train them."""

    source: str
    ids: int | None
    columns: tuple[str, ...]
    rows: tuple[PaperRow, ...] = ()


PROTOCOLS: dict[str, Protocol] = {
    "paper": Protocol(
        "LLM-based Finetuning for Text to Symbolic Music Generation (Wu, Lee, Dun), table 3",
        None,
        (
            "temperature",
            "frechet",
            "frechet_subsets",
            "kad",
            "kad_subsets",
            "clap",
            "loss",
            "degenerate",
        ),
        (
            PaperRow("AMT, base", "amt-base"),
            PaperRow("AMT, enhanced", "amt-enhanced"),
            PaperRow("Llama 1B", "llama-1b", (1.0, 1.1)),
            PaperRow("Llama 3B", "llama-3b", (1.0, 1.1)),
            PaperRow("Llama 3B, AMT's embeddings", "llama-3b-amt", (1.0, 1.1)),
        ),
    ),
    "midi-llm": Protocol("MIDI-LLM (Wu, Kim & Huang, 2025)", 896, ("frechet", "clap")),
    "text2midi": Protocol(
        "Text2midi (Bhandari et al., AAAI 2025)",
        None,
        (
            "compression_ratio",
            "clap_floored",
            "tempo_bin",
            "tempo_bin_tolerance",
            "key",
            "key_or_relative",
        ),
    ),
}
"""Every protocol by name."""


def protocol(name: str) -> Protocol:
    """The Protocol of a name. Raises UnknownNameError."""
    if name not in PROTOCOLS:
        raise UnknownNameError("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]


def floored_mean(scores: Sequence[np.ndarray], floor: float = TEXT2MIDI_FLOOR) -> float:
    """Text2midi's CLAP figure: the mean over all windows of all pieces, of (T,) cosines each, that
    reach ``floor``; 0 where none does. It flatters: windows that miss their text do not count."""
    kept = np.concatenate([np.zeros(0), *(s[s >= floor] for s in scores)])
    return float(kept.mean()) if len(kept) else 0.0


# ---------------------------------------------------------------------------- references


@dataclass(frozen=True)
class Reference:
    """A test piece: ``id`` (files of systems are named by it), ``text`` ("" for none), ``midi``
    (None: there is no file of it), ``wishes`` known to be asked in its text (None: not known)."""

    id: str
    text: str
    midi: Path | None
    wishes: Brief | None

    @property
    def prompt(self) -> Prompt | None:
        """As ``evaluate control`` reads it; None where no wishes are known."""
        return None if self.wishes is None else Prompt(self.id, self.text, self.wishes)


def read_references(place: str | Path, root: str | Path | None = None) -> tuple[Reference, ...]:
    """The references of a folder of MIDI files (id: the file's name; no texts), or of JSON lines.

    Lines of ours hold ``id``, ``text`` and where known ``midi`` and ``wishes``; MidiCaps' hold
    ``location`` and ``caption``, the id being the location's file name, and "key", "tempo" and
    "time_signature" as wishes. Paths are taken from ``root``, then from the file's folder; where
    neither has the file, ``<id>.mid`` is looked for in ``root``. Raises InputError that names the
    line.
    """
    place = Path(place)
    if place.is_dir():
        paths = midi_files(place)
        if not paths:
            raise InputError(f"the folder {str(place)!r} holds no MIDI files to compare with")
        return _unique(((p.stem, Reference(p.stem, "", p, None)) for p in paths), place)
    lines = read_jsonl(place, "a file of references, or of a folder of MIDI files")
    base = Path(root) if root is not None else place.parent
    references = ((f"line {i}", _reference(data, i, place, base, root)) for i, data in lines)
    return _unique(references, place)


def _unique(references: Iterable[tuple[str, Reference]], place: Path) -> tuple[Reference, ...]:
    """References, each with its place in the file. Raises InputError for none, and an id twice."""
    by_id: dict[str, Reference] = {}
    for where, reference in references:
        if reference.id in by_id:
            raise InputError(f"{where} of {str(place)!r}: the id {reference.id!r} stands twice")
        by_id[reference.id] = reference
    if not by_id:
        raise InputError(f"{str(place)!r} holds no references")
    return tuple(by_id.values())


def _reference(data: Any, number: int, place: Path, base: Path, root: Any) -> Reference:
    where = f"line {number} of {str(place)!r}"
    if not isinstance(data, dict):
        raise InputError(f"{where} is not a JSON object with 'id' and 'text'")
    location = data.get("midi") or data.get("location")
    name = data.get("id") or (Path(str(location)).stem if location else None)
    text = data.get("text", data.get("caption"))
    if not name or not isinstance(text, str):
        raise InputError(f"{where} has no 'id' and 'text' (or 'location' and 'caption')")
    if not re.fullmatch(r"[\w.-]{1,100}", str(name)) or str(name).startswith("."):
        raise InputError(f"{where}: the id {name!r} is not fit to name a file")
    try:
        wishes = Brief.from_dict(dict(data["wishes"])) if data.get("wishes") else _midicaps(data)
    except (BriefError, TypeError, ValueError, KeyError) as error:
        raise InputError(f"{where}: the wishes cannot be read: {error}") from error
    # ``data paper`` names files from the references' own folder, whatever the root of others is
    paths = [base / str(location), place.parent / str(location)] if location else []
    if root is not None:
        paths += [Path(root) / f"{name}{ending}" for ending in MIDI_SUFFIXES]
    midi = next((p for p in paths if p.is_file()), None)
    return Reference(str(name), text, midi, wishes)


def _midicaps(data: dict[str, Any]) -> Brief | None:
    """The wishes that MidiCaps' fields beside the caption amount to; a value that cannot be read
    is left out."""
    fields = {"tempo": "tempo", "key": "key", "time_signature": "metre"}
    wishes = Brief()
    for theirs, ours in fields.items():
        value = data.get(theirs)
        if value:
            try:
                value = float(value) if ours == "tempo" else str(value)
                wishes = Brief(**{**_set(wishes), ours: value})
            except (BriefError, InputError, TypeError, ValueError):
                continue
    return wishes if _set(wishes) else None


def _set(wishes: Brief) -> dict[str, Any]:
    return {k: v for k in ("tempo", "key", "metre") if (v := getattr(wishes, k)) is not None}


# ---------------------------------------------------------------------------- ids


def read_ids(path: str | Path) -> tuple[str, ...]:
    """The ids of a file, one a line; a path or an ending ".mid" is taken off, empty lines and
    lines that start with # are passed over. Raises InputError for none, and for one twice."""
    lines = (line.strip() for line in read_text(path, "a list of ids").split("\n"))
    ids = [re.sub(r"\.midi?$", "", t.rsplit("/")[-1]) for t in lines if t and t[0] != "#"]
    if not ids:
        raise InputError(f"{str(path)!r} holds no ids; write one a line")
    if len(set(ids)) < len(ids):
        twice = next(i for n, i in enumerate(ids) if i in ids[:n])
        raise InputError(f"{str(path)!r} holds the id {twice!r} twice")
    return tuple(ids)


def choose(
    references: Sequence[Reference], ids: Sequence[str] | None, published: Protocol
) -> tuple[tuple[Reference, ...], tuple[str, ...]]:
    """The references of ``ids`` (None: all), in that order, and notes for the table where they are
    not the ids that the protocol fixes or have no reference. Raises InputError where no id has
    one."""
    notes: list[str] = []
    if published.ids is not None and ids is None:
        notes.append(f"{published.source} has {published.ids} fixed ids: give them with --ids")
    if ids is None:
        return tuple(references), tuple(notes)
    by_id = {r.id: r for r in references}
    chosen = tuple(by_id[i] for i in ids if i in by_id)
    if not chosen:
        raise InputError(f"none of the {len(ids)} ids is among the {len(references)} references")
    if published.ids is not None and len(ids) != published.ids:
        notes.append(f"{published.source} has {published.ids} fixed ids; the list holds {len(ids)}")
    if len(chosen) < len(ids):
        notes.append(f"{len(ids) - len(chosen)} of the {len(ids)} ids are not among the references")
    return chosen, tuple(notes)
