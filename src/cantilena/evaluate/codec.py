"""A codec over a folder of recordings: the figures of each file's round trip, mean and spread.

Knows files, resuming and figures; the round trip itself is ``sound.codec``'s and is handed in. The
figures of a file are kept by its bytes, the codec, its books and the code, so that a run that was
stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cantilena.audio.recording import SUFFIXES
from cantilena.data.download import file_sha256
from cantilena.errors import InputError, Notice
from cantilena.evaluate.distances.sem import mean_of
from cantilena.evaluate.tables import CODEC_FIGURES, codec_table, write_figures
from cantilena.files import make_folder, write_json
from cantilena.fingerprint import code_fingerprint
from cantilena.locks import lock

RoundTrip = Callable[[Path], dict[str, Any]]
"""The figures of a file as ``sound.codec.round_trip`` gives them; raises InputError for one that
cannot be coded, and says by Notice what was done to it."""


def recordings_in(place: str | Path) -> list[Path]:
    """All sound files in a folder and those in it, by name. Raises InputError where there are
    none."""
    folder = Path(place)
    if not folder.is_dir():
        raise InputError(f"there is no folder {str(place)!r}; give the one with the recordings")
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not files:
        raise InputError(f"{str(place)!r} holds no sound files ({', '.join(SUFFIXES)})")
    return files


def evaluate_codec(
    codec: dict[str, Any],
    paths: Sequence[Path],
    round_trip: RoundTrip,
    out: str | Path,
    progress: Callable[[float], None] | None = None,
) -> tuple[dict[str, Any], str]:
    """The figures of a codec, whose facts with ``fingerprint`` and ``books`` are ``codec``, over
    some files, written as ``codec.json`` and ``codec.md`` to ``out``; returns what the two hold. A
    file that cannot be coded is left out and named. ``progress`` hears the share done. Raises
    InputError where none can be coded, and while another process writes to ``out``."""
    folder = make_folder(out)
    rows, left_out = [], {}
    with lock(folder):
        kept = make_folder(folder / "round-trips")
        for i, path in enumerate(paths):
            try:
                rows.append({"file": path.name, **_row(path, codec, round_trip, kept)})
            except InputError as error:
                left_out[path.name] = str(error)
            if progress:
                progress((i + 1) / len(paths))
        if not rows:
            raise InputError(
                f"none of {len(paths)} files can be coded: {next(iter(left_out.values()))}"
            )
        figures = _figures(codec, rows, left_out)
        text = codec_table(figures)
        write_figures(folder, "codec", figures, text)
    return figures, text


def _row(path: Path, codec: dict[str, Any], round_trip: RoundTrip, kept: Path) -> dict[str, Any]:
    """The figures of a file, and under "notes" what was done to it."""
    parts = [file_sha256(path), codec["fingerprint"], str(codec["books"]), code_fingerprint()]
    record = kept / f"{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:32]}.json"
    try:
        row = json.loads(record.read_text(encoding="utf-8"))
        if CODEC_FIGURES.keys() | {"books", "seconds", "notes"} <= row.keys():
            return row
    except (OSError, ValueError, AttributeError):
        pass
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        row = round_trip(path)
    notes = [str(w.message) for w in caught if issubclass(w.category, Notice)]
    row["notes"] = [note.removeprefix(f"{path}: ") for note in notes]
    write_json(record, row, indent=None)
    return row


def _figures(
    codec: dict[str, Any], rows: Sequence[dict[str, Any]], left_out: dict[str, str]
) -> dict[str, Any]:
    """What the JSON file holds."""
    books = [
        {
            "size": book["size"],
            "used": _spread([row["books"][i]["used"] for row in rows]),
            "perplexity": _spread([row["books"][i]["perplexity"] for row in rows]),
        }
        for i, book in enumerate(rows[0]["books"])
    ]
    done = Counter(note for row in rows for note in row["notes"])
    notes = [f"{n} of {len(rows)} files: {note}" for note, n in done.items()]
    notes += [f"left out {name}: {why}" for name, why in left_out.items()]
    return {
        "table": "codec",
        "codec": codec,
        "n": len(rows),
        "seconds": round(sum(row["seconds"] for row in rows), 3),
        "figures": {name: _spread([row[name] for row in rows]) for name in CODEC_FIGURES},
        "books": books,
        "left_out": left_out,
        "files": list(rows),
        "notes": notes,
    }


def _spread(values: Sequence[float | None]) -> dict[str, float | None] | None:
    """Mean, spread, SEM and n with ``least`` and ``most``, over the files that have the figure;
    None where none has."""
    numbers = [value for value in values if value is not None]
    if not numbers:
        return None
    return {**mean_of(numbers).to_dict(), "least": min(numbers), "most": max(numbers)}
