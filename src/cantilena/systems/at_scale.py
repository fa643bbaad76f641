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

from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.score.midi import write_midi
from cantilena.systems.arrival.writing import (
    SAMPLING,
    TOKENS,
    ArrivalSystem,
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
            **{"pieces": self.pieces, "before": self.before, "tokens": self.tokens},
            **{"seconds": round(self.seconds, 3), "tokens_per_second": round(self.rate, 1)},
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

    Raises InputError where the folder holds pieces of another system, checkpoint or settings.
    """
    settings = settings or Settings()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _check_settings(folder, system, settings)
    done = read_manifest(folder)
    left = [item for item in items if not _there(item, done, folder)]
    groups = buckets(left, batch)
    start, sampled, rates = time.monotonic(), 0, []
    for i, group in enumerate(groups):
        before = sum(map(len, groups[:i])) * settings.tokens

        def heard(n: int, before: int = before, size: int = len(group)) -> None:
            if progress:
                progress(before + n * size, len(left) * settings.tokens)

        made, seconds = _batch(system, group, folder, settings, heard)
        sampled += made
        rates.append(made / max(seconds, 1e-9))
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
    heard: Callable[[int], None],
) -> tuple[int, float]:
    """Writes one batch; tokens sampled, and in how many seconds."""
    shared = {
        **{"sampling": settings.sampling, "end": settings.seconds, "tokens": settings.tokens},
        **{"allowed": settings.allowed, "excluded": settings.excluded},
    }
    orders = [Order(text=item.text, seed=item.seed, **shared) for item in group]
    start = time.monotonic()
    found = write(system, orders, settings.compatible, settings.most, heard)
    seconds = time.monotonic() - start
    vocabulary = vocabulary_of(system)
    lines = []
    for item, written in zip(group, found, strict=True):
        if settings.compatible and len(written.events):
            data = reference_midi(sounding(written.events, vocabulary), vocabulary)
        else:
            data = write_midi(new_score(written.events, None, vocabulary))
        _write(folder / f"{item.id}.mid", data)
        line = {"id": item.id, "file": f"{item.id}.mid", "text": item.text, "seed": item.seed}
        line |= {"notes": len(written.events) // 3, "tokens": written.made}
        line |= {"ended": written.ended, "system": system.name, "checkpoint": system.hash}
        lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    with (folder / MANIFEST).open("a", encoding="utf-8") as file:
        file.write("".join(lines))
        file.flush()
        os.fsync(file.fileno())
    return sum(written.made for written in found), seconds


def read_manifest(folder: str | Path) -> dict[str, dict[str, Any]]:
    """The lines of a folder's manifest, by id; a line that a kill cut short is taken away, from
    the file too, so that the next begins on its own."""
    path = Path(folder) / MANIFEST
    if not path.exists():
        return {}
    found: dict[str, dict[str, Any]] = {}
    kept: list[str] = []
    text = path.read_text(encoding="utf-8", errors="replace")
    for line in text.splitlines(keepends=True):
        try:
            entry = json.loads(line)
            found[str(entry["id"])] = entry
        except (ValueError, KeyError, TypeError):
            continue
        kept.append(line if line.endswith("\n") else line + "\n")
    whole = "".join(kept)
    if whole != text:
        _write(path, whole.encode())
    return found


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
            before = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{path} is damaged: {error}; use another folder") from error
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
    _write(path, (json.dumps(now, indent=2) + "\n").encode())


def _write(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    os.replace(part, path)
