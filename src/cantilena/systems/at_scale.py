"""Many pieces from one system into a folder: in batches, in any number of sittings.

Knows files, batches and the manifest; does not know how a piece is written
(``systems.arrival.writing``) or the command line. What stands in the manifest is done: each batch's
files are written before its lines, so a run that is killed loses one batch at most, and the same
call goes on where it stopped.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.decode.hf.engine import ArrivalSystem
from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.files import (
    decode,
    jsonl,
    lock,
    make_folder,
    parse_jsonl,
    read_bytes,
    read_json,
    write_bytes,
    write_json,
)
from cantilena.score.midi import write_midi
from cantilena.systems.arrival.writing import (
    SAMPLING,
    TOKENS,
    Order,
    new_score,
    sounding,
    vocabulary_of,
    write,
)
from cantilena.tokens.arrival import reference_midi

MANIFEST = "manifest.jsonl"
SETTINGS = "generate.json"


@dataclass(frozen=True)
class Item:
    """One piece: the ``id`` that names its file, the ``text`` it is described by (None for
    nothing) and its seed."""

    id: str
    text: str | None
    seed: int


@dataclass(frozen=True)
class Settings:
    """What all pieces of a folder share. ``tokens`` of a piece at most; ``seconds`` of a piece,
    None for as many as the tokens give; ``allowed`` and ``excluded`` instruments; ``most``
    instruments of a piece; ``compatible``: the published implementation's sampling and files."""

    sampling: Sampling = field(default_factory=lambda: SAMPLING)
    tokens: int = TOKENS
    seconds: float | None = None
    allowed: tuple[int, ...] | None = None
    excluded: tuple[int, ...] = ()
    most: int | None = None
    compatible: bool = False


@dataclass(frozen=True)
class Summary:
    """What a call did: ``pieces`` written now and ``before`` found done; ``tokens`` sampled in
    ``seconds``; ``rates``, tokens/s of each batch."""

    pieces: int
    before: int
    tokens: int
    seconds: float
    rates: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Tokens a second over all."""
        return self.tokens / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        middle = float(np.median(self.rates)) if self.rates else 0.0
        return {
            "pieces": self.pieces,
            "before": self.before,
            "tokens": self.tokens,
            "seconds": round(self.seconds, 3),
            "tokens_per_second": round(self.rate, 1),
            "median_of_batches": round(middle, 1),
        }


Progress = Callable[[int, int], None]


def generate_all(
    system: ArrivalSystem,
    items: Sequence[Item],
    folder: str | Path,
    settings: Settings | None = None,
    batch: int = 8,
    progress: Progress | None = None,
) -> Summary:
    """Writes ``<id>.mid`` of every Item into ``folder`` and a line on it into ``manifest.jsonl``;
    items that are there already are passed over. Texts of similar length go into a batch, so that
    little is padded; a piece does not depend on its batch. ``progress`` hears (tokens, of how many)
    of those still to be written.

    Raises InputError where the folder holds pieces of another system, checkpoint or settings,
    where its manifest is damaged, and while another process writes to it.
    """
    folder = make_folder(folder)
    with lock(folder):
        return _generate(system, items, folder, settings or Settings(), batch, progress)


def _generate(
    system: ArrivalSystem,
    items: Sequence[Item],
    folder: Path,
    settings: Settings,
    batch: int,
    progress: Progress | None,
) -> Summary:
    """``generate_all`` in a folder that is ours."""
    _check_settings(folder, system, settings)
    _cut_torn_line(folder)
    done = read_manifest(folder)
    left = [item for item in items if not _there(item, done, folder)]
    groups = buckets(left, batch)
    start, sampled, rates = time.monotonic(), 0, []
    for i, group in enumerate(groups):
        before = sum(map(len, groups[:i])) * settings.tokens

        def steps(n: int, before: int = before, size: int = len(group)) -> None:
            if progress:
                progress(before + n * size, len(left) * settings.tokens)

        tokens, seconds = _batch(system, group, folder, settings, steps)
        sampled += tokens
        rates.append(tokens / max(seconds, 1e-9))
    spent = time.monotonic() - start
    return Summary(len(left), len(items) - len(left), sampled, spent, tuple(rates))


def buckets(items: Sequence[Item], batch: int) -> list[list[Item]]:
    """Batches of items by length of text, those of one length in their order."""
    ordered = sorted(items, key=lambda item: len(item.text or ""))
    return [ordered[i : i + batch] for i in range(0, len(ordered), batch)]


def _batch(
    system: ArrivalSystem,
    group: Sequence[Item],
    folder: Path,
    settings: Settings,
    progress: Callable[[int], None],
) -> tuple[int, float]:
    """Writes one batch; tokens sampled, and in how many seconds."""
    orders = [
        Order(
            text=item.text,
            seed=item.seed,
            sampling=settings.sampling,
            end=settings.seconds,
            tokens=settings.tokens,
            allowed=settings.allowed,
            excluded=settings.excluded,
        )
        for item in group
    ]
    start = time.monotonic()
    pieces = write(system, orders, settings.compatible, settings.most, progress)
    seconds = time.monotonic() - start
    vocabulary = vocabulary_of(system)
    lines: list[dict[str, Any]] = []
    for item, piece in zip(group, pieces, strict=True):
        if settings.compatible and len(piece.events):
            data = reference_midi(sounding(piece.events, vocabulary), vocabulary)
        else:
            data = write_midi(new_score(piece.events, None, vocabulary))
        write_bytes(folder / f"{item.id}.mid", data)
        lines.append(
            {
                "id": item.id,
                "file": f"{item.id}.mid",
                "text": item.text,
                "seed": item.seed,
                "notes": len(piece.events) // 3,
                "tokens": piece.made,
                "ended": piece.ended,
                "system": system.name,
                "checkpoint": system.hash,
            }
        )
    with (folder / MANIFEST).open("ab") as file:
        file.write(jsonl(lines))
        file.flush()
        os.fsync(file.fileno())
    return sum(piece.made for piece in pieces), seconds


def read_manifest(folder: str | Path) -> dict[str, dict[str, Any]]:
    """The lines of a folder's manifest, by id, {} where there is none; a last line that a kill cut
    short, which ends in no newline, is left out. Raises InputError for a line that is damaged
    otherwise."""
    path = Path(folder) / MANIFEST
    if not path.exists():
        return {}
    data = read_bytes(path, None, "a manifest")
    entries: dict[str, dict[str, Any]] = {}
    text = decode(data[: data.rfind(b"\n") + 1], str(path))
    for number, entry in parse_jsonl(text, str(path)):
        if not isinstance(entry, dict) or "id" not in entry:
            raise InputError(f"{path}, line {number}: not a JSON object with an 'id'")
        entries[str(entry["id"])] = entry
    return entries


def _cut_torn_line(folder: Path) -> None:
    """Takes a last line that a kill cut short out of the manifest, so that the next begins on its
    own; no other line is ever taken out."""
    path = folder / MANIFEST
    if path.exists():
        data = read_bytes(path, None, "a manifest")
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(path, whole)


def _there(item: Item, done: dict[str, dict[str, Any]], folder: Path) -> bool:
    """Whether an item's piece is written: its file, and a line that says the same of it."""
    entry = done.get(item.id)
    same = entry is not None and (entry.get("text"), entry.get("seed")) == (item.text, item.seed)
    return same and (folder / f"{item.id}.mid").is_file()


def _check_settings(folder: Path, system: ArrivalSystem, settings: Settings) -> None:
    """Notes what the folder's pieces are made with, or sees that it is the same."""
    path = folder / SETTINGS
    now = {"system": system.name, "checkpoint": system.hash, **asdict(settings)}
    now = json.loads(json.dumps(now))
    if path.exists():
        try:
            before = read_json(path)
        except InputError as error:
            raise InputError(f"{error}: it is damaged; use another folder") from error
        for name, value in now.items():
            old = before.get(name) if isinstance(before, dict) else None
            if old != value:
                raise InputError(
                    f"{folder} holds pieces made with {name} {json.dumps(old)}, not "
                    f"{json.dumps(value)}; use another folder"
                )
        return
    if (folder / MANIFEST).exists():
        raise InputError(f"{folder} has a manifest but no {SETTINGS}; use another folder")
    write_json(path, now, indent=2)
