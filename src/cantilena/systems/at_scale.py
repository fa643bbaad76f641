"""Many pieces from one system into a folder, in any number of sittings.

Knows files and the manifest; does not know how a piece is made or the command line. What stands in
the manifest is done: a piece's files are written before its line, so a run that is killed loses the
pieces under way, and the same call goes on where it stopped. Systems that keep the progress of
their pieces (``System.keeping``) keep it in the folder, and lose what they did since then alone.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError, Notice
from cantilena.files import (
    decode,
    jsonl,
    make_folder,
    parse_jsonl,
    read_bytes,
    read_json,
    write_json,
)
from cantilena.fingerprint import code_fingerprint
from cantilena.locks import lock
from cantilena.render.formats import check_notes
from cantilena.result import Result
from cantilena.systems import spec
from cantilena.systems.base import Finished, Progress, Request, System
from cantilena.text.wishes import Brief

MANIFEST = "manifest.jsonl"
SETTINGS = "generate.json"


@dataclass(frozen=True)
class Item:
    """One piece: the ``id`` that names its files, the ``text`` it is described by (None for
    nothing), its seed, and ``options``: wishes of its own, as ``text.brief.merge`` takes them,
    above its text and below those of ``Settings``."""

    id: str
    text: str | None
    seed: int
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """What all pieces of a folder share: ``wishes`` that hold for each, ``sampling`` (None: the
    system's own), the system's ``options``, ``formats`` of the files. ``obey``: wishes are read out
    of the texts too and held to; systems that read no text always do so."""

    wishes: Brief = field(default_factory=Brief)
    sampling: Sampling | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    formats: tuple[str, ...] = ("mid",)
    obey: bool = False

    def request(self, system: System, item: Item) -> Request:
        """The Request for an item. Raises InputError, naming the item."""
        from cantilena.text.brief import merge, parse_brief

        read = item.text and (self.obey or "text" not in spec(system.system).reads)
        try:
            brief = parse_brief(item.text) if read and item.text else Brief(text=item.text or "")
            if read or item.options:
                brief = _merged(merge(brief, **item.options), self.wishes)
            else:
                brief = replace(self.wishes, text=brief.text)
            request = Request(brief, item.seed, self.sampling, None, system.system, self.options)
            request = system.completed(request)
            system.check(request)
        except InputError as error:
            raise InputError(f"piece {item.id!r}: {error}") from None
        return request

    def to_dict(self, system: System) -> dict[str, Any]:
        """Plain data that tells whether pieces of a folder are of one kind."""
        sampling = self.sampling or system.sampling
        return {
            "system": system.system,
            "checkpoint": system.hash,
            "code": code_fingerprint(),
            "wishes": _stated(self.wishes),
            "sampling": sampling.to_dict(),
            "options": dict(self.options),
            "formats": list(self.formats),
            "obey": self.obey,
        }


def _merged(brief: Brief, wishes: Brief) -> Brief:
    """The Brief of a text with the wishes that hold for every piece above it."""
    from cantilena.text.brief import merge

    names = ("genres", "moods", "key", "metre", "tempo", "instruments", "chords")
    names = (*names, "bars", "seconds", "timing", "form")
    stated: dict[str, Any] = {name: getattr(wishes, name) or None for name in names}
    return merge(brief, **stated, exclude=wishes.excluded or None)


def _stated(wishes: Brief) -> dict[str, Any]:
    """The wishes that a Brief states, as plain data."""
    nothing = Brief().to_dict()
    stated = {k: v for k, v in wishes.to_dict().items() if v != nothing[k] and k != "text"}
    return json.loads(json.dumps(stated))


@dataclass(frozen=True)
class Summary:
    """What a call did: ``pieces`` written now, ``before`` that were done already; of those written
    now the ``notes``, the ``tokens`` that were sampled (0 for a system that has none), and how many
    seconds of ``sound`` (0 where pieces are notes), in ``seconds``. By the wish's name, again of
    those written now: ``unmet``, pieces whose report says that they do not meet it, and
    ``dropped``, how often it had to give way while notes were chosen."""

    pieces: int
    before: int
    notes: int
    tokens: int
    seconds: float
    unmet: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    sound: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        spent = max(self.seconds, 1e-9)
        return {
            "pieces": self.pieces,
            "before": self.before,
            "notes": self.notes,
            "tokens": self.tokens,
            "seconds": round(self.seconds, 3),
            "sound_seconds": round(self.sound, 3),
            "notes_per_second": round(self.notes / spent, 1),
            "tokens_per_second": round(self.tokens / spent, 1),
            "unmet": dict(self.unmet),
            "dropped": dict(self.dropped),
        }


class Tally:
    """Counts what the lines of new pieces say."""

    def __init__(self) -> None:
        self.pieces = self.notes = self.tokens = 0
        self.sound = 0.0
        self.unmet: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.start = time.monotonic()

    def take(self, line: Mapping[str, Any]) -> None:
        """Adds a piece's line."""
        self.pieces += 1
        self.notes += line["notes"]
        self.tokens += line.get("tokens", 0)
        self.sound += line.get("sound_seconds", 0.0)
        self.unmet.update(line["unmet"])
        self.dropped.update(line["dropped"])

    def summary(self, before: int) -> Summary:
        """All of it, with the number of pieces that were there ``before``."""
        spent = time.monotonic() - self.start
        counts = (self.pieces, before, self.notes, self.tokens)
        return Summary(*counts, spent, dict(self.unmet), dict(self.dropped), self.sound)


Share = Callable[[float], None]


def generate_all(
    system: System,
    items: Sequence[Item],
    folder: str | Path,
    settings: Settings | None = None,
    progress: Share | None = None,
) -> Summary:
    """Writes ``<id>.<format>`` of every Item into ``folder`` and a line on it into
    ``manifest.jsonl``; items that are there already are passed over. Texts of similar length are
    made abreast, so that little is padded; a piece does not depend on those beside it. ``progress``
    receives the share done of those still to be written.

    Raises InputError where the folder holds pieces of another system, checkpoint or settings, or
    files of these names that are not of this run, where its manifest is damaged, where a piece
    cannot be made, and while another process writes to it.
    """
    folder = make_folder(folder)
    with lock(folder):
        return _generate(system, items, folder, settings or Settings(), progress)


def _generate(
    system: System,
    items: Sequence[Item],
    folder: Path,
    settings: Settings,
    progress: Share | None,
) -> Summary:
    """``generate_all`` in a folder that is locked."""
    check_files(items, folder, settings.formats)
    check_settings(folder, settings.to_dict(system))
    cut_torn_line(folder)
    left = missing(items, folder, settings.formats)
    requests = [settings.request(system, item) for item in left]
    for form in settings.formats:  # all are written, or no piece is
        check_notes([form], all(map(system.has_notes, requests)))
    tally = Tally()
    shares = [0.0] * len(left)
    for i, event in system.keeping(folder).run(requests):
        if isinstance(event, Progress):
            shares[i] = event.share
        elif isinstance(event, Finished):
            shares[i] = 1.0
            line = write_piece(folder, left[i], event.result, settings.formats)
            append(folder, line)
            tally.take(line)
        if progress:
            progress(sum(shares) / len(shares))
    return tally.summary(len(items) - len(left))


def missing(items: Sequence[Item], folder: Path, formats: Sequence[str]) -> list[Item]:
    """The items that a folder does not hold yet, by length of text."""
    done = read_manifest(folder)
    left = [item for item in items if not _there(item, done, folder, formats)]
    return sorted(left, key=lambda item: len(item.text or ""))


def write_piece(folder: Path, item: Item, result: Result, formats: Sequence[str]) -> dict[str, Any]:
    """Writes a piece's files; its line for the manifest."""
    return manifest_line(item, result, result.save(folder, formats, item.id))


def manifest_line(item: Item, result: Result, files: Mapping[str, Path]) -> dict[str, Any]:
    """What a manifest says of a piece whose ``files`` are written."""
    return {
        "id": item.id,
        "file": next(iter(files.values())).name,
        "text": item.text,
        "seed": item.seed,
        **({"options": dict(item.options)} if item.options else {}),
        "notes": len(result.score) if result.audio is None or result.guide else 0,
        **({} if result.audio is None else {"sound_seconds": round(result.audio.seconds, 3)}),
        **result.facts,
        "sections": [section.to_dict() for section in result.sections],
        "unmet": [row.wish for row in result.rows if row.met is False],
        "dropped": dict(result.dropped),
        "system": result.system,
        "checkpoint": result.checkpoint_hash,
    }


def append(folder: Path, line: Mapping[str, Any]) -> None:
    """Adds a line to a folder's manifest, on the disk when this returns."""
    with (folder / MANIFEST).open("ab") as file:
        file.write(jsonl([line]))
        file.flush()
        os.fsync(file.fileno())


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


def cut_torn_line(folder: Path) -> None:
    """Takes a last line that a kill cut short out of the manifest, so that the next begins on its
    own; no other line is ever taken out."""
    path = folder / MANIFEST
    if path.exists():
        data = read_bytes(path, None, "a manifest")
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(path, whole)


def _there(
    item: Item, done: Mapping[str, dict[str, Any]], folder: Path, formats: Sequence[str]
) -> bool:
    """Whether an item's piece is written: its files, and a line that says the same of it."""
    entry = done.get(item.id)
    asked = (item.text, item.seed, dict(item.options))
    same = entry is not None and asked == (
        entry.get("text"),
        entry.get("seed"),
        entry.get("options", {}),
    )
    return same and all((folder / f"{item.id}.{form}").is_file() for form in formats)


def check_files(items: Sequence[Item], folder: Path, formats: Sequence[str]) -> None:
    """Raises InputError where files stand at the items' names that the manifest does not know: what
    another program wrote is not replaced. One piece, whose line a kill may have kept from being
    written, is made again where pieces of the folder are under way, and a Notice says so."""
    done = read_manifest(folder)
    names = {i.id: [f"{i.id}.{form}" for form in formats] for i in items if i.id not in done}
    there = {i: [n for n in row if os.path.lexists(folder / n)] for i, row in names.items()}
    unknown = [row[0] for row in there.values() if row]
    if len(unknown) > 1 or (unknown and not (folder / SETTINGS).exists()):
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise InputError(
            f"{str(folder / unknown[0])!r}{more} is there already and not of this run; use another "
            "folder, or move it away"
        )
    if unknown:
        text = f"{str(folder / unknown[0])!r} has no line in {MANIFEST} and is made again"
        warnings.warn(Notice(text), stacklevel=2)


def check_settings(folder: Path, now: Mapping[str, Any]) -> None:
    """Notes what the folder's pieces are made with, or raises InputError where it is not that. The
    settings of a run that failed before a piece was done count for nothing."""
    path = folder / SETTINGS
    if not (folder / MANIFEST).exists():
        write_json(path, now, indent=2)
        return
    if not path.exists():
        raise InputError(f"{folder} has a manifest but no {SETTINGS}; use another folder")
    try:
        before = read_json(path)
    except InputError as error:
        raise InputError(f"{error}: it is damaged; use another folder") from error
    for name, value in json.loads(json.dumps(now)).items():
        old = before.get(name) if isinstance(before, dict) else None
        if old != value:
            raise InputError(
                f"{folder} holds pieces made with {name} {json.dumps(old)}, not "
                f"{json.dumps(value)}; use another folder"
            )
