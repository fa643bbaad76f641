"""Many pieces from one system into a folder, made by workers on one machine or several.

Knows Ray Data, and which files and lines come back; does not know how a piece is made, how a
cluster is reached (``cantilena.cluster``) or the command line. Workers load the system once each
and send back the bytes of files; only this process writes, so that no disk need be shared. What is
written, and how a killed run goes on, is as in ``systems.at_scale``; but the progress of a piece
under way is kept by its worker, so that it is found again where workers share a disk or a machine.
"""

from __future__ import annotations

import contextlib
import json
import math
import pickle
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cantilena.cluster import connected, need_ray
from cantilena.errors import CantilenaError, Notice
from cantilena.files import make_folder, staged_files
from cantilena.locks import lock
from cantilena.systems.at_scale import (
    Item,
    Settings,
    Share,
    Summary,
    Tally,
    append,
    check_files,
    check_settings,
    cut_torn_line,
    missing,
    write_piece,
)
from cantilena.systems.base import Finished, Request, System

Load = Callable[[], System]
"""Loads the system. Called once in each worker, so that it must be picklable."""


def generate_all_on_ray(
    load: Load,
    items: Sequence[Item],
    folder: str | Path,
    settings: Settings | None = None,
    progress: Share | None = None,
    *,
    workers: int | None = None,
    address: str | None = None,
    on_gpu: bool = False,
) -> Summary:
    """What ``at_scale.generate_all`` does with ``load()``, with the same bytes, by ``workers`` that
    each load the system (None: one for each GPU or, without, each processor of the cluster).

    ``address``: as in ``cluster.connected``; ``on_gpu``: whether the system takes a GPU where there
    is one: workers then share the cluster's GPUs. A checkpoint's folder has to stand under the same
    path on every machine. Pieces are written as they come, so that a kill loses those under way,
    or, where workers see ``folder``, what ``System.keeping`` had not kept of them. A worker that
    dies is started again by Ray, and its pieces are made again.

    Raises as ``generate_all``, and MissingExtraError where ray is not installed.
    """
    need_ray("generating with several workers")
    folder = make_folder(folder)
    settings = settings or Settings()
    with lock(folder), connected(workers, address) as ray:
        try:
            return _generate(ray, load, items, folder, settings, progress, workers, on_gpu)
        except ray.exceptions.RayTaskError:  # a fault in what ran, with where it was
            raise
        except ray.exceptions.RayError as error:
            raise CantilenaError(f"Ray failed: {error}; calling again goes on") from error


@dataclass(frozen=True)
class _Plan:
    """What the system says before any piece is made: the ``settings`` of the folder, how many
    pieces it makes abreast (``batch``), and the ``requests`` as JSON, one for each item."""

    settings: dict[str, Any]
    batch: int
    requests: list[str]


@dataclass(frozen=True)
class _Piece:
    """A piece that a worker made: its line of the manifest, its files' bytes by name, and the
    texts of Notices since the piece before."""

    line: dict[str, Any]
    files: dict[str, bytes]
    notices: list[str]


def _generate(
    ray: Any,
    load: Load,
    items: Sequence[Item],
    folder: Path,
    settings: Settings,
    progress: Share | None,
    workers: int | None,
    on_gpu: bool,
) -> Summary:
    """``generate_all_on_ray`` in a folder that is locked, on a cluster that answers."""
    check_files(items, folder, settings.formats)
    left = missing(items, folder, settings.formats)
    everything = ray.cluster_resources()
    gpus = int(everything.get("GPU", 0)) if on_gpu else 0
    workers = workers or gpus or int(everything.get("CPU", 1))
    per_worker = {"num_gpus": 1 / math.ceil(workers / gpus)} if gpus else {}
    plan = _plan(ray, load, settings, left, per_worker)
    check_settings(folder, plan.settings)
    cut_torn_line(folder)
    tally = Tally()
    rows = _chunks(left, plan, workers)
    worker = (load, settings.formats, folder.absolute())
    for done, piece in enumerate(_pieces(ray, worker, rows, workers, per_worker), 1):
        for text in piece.notices:
            warnings.warn(text, Notice, stacklevel=2)
        with staged_files(folder, piece.files) as stage:
            for name, data in piece.files.items():
                (stage / name).write_bytes(data)
        append(folder, piece.line)
        tally.take(piece.line)
        if progress:
            progress(done / len(left))
    return tally.summary(len(items) - len(left))


def _plan(
    ray: Any, load: Load, settings: Settings, left: Sequence[Item], resources: dict[str, Any]
) -> _Plan:
    """The plan, made by a worker: this machine may be without the GPU or the memory that the
    system needs."""

    def make() -> _Plan | CantilenaError:
        try:
            system = load()
            requests = [settings.request(system, item).to_dict() for item in left]
        except CantilenaError as error:  # as a value: Ray puts its traceback into what is raised
            return error
        return _Plan(settings.to_dict(system), system.batch, [json.dumps(r) for r in requests])

    plan = ray.get(ray.remote(make).options(num_cpus=1, **resources).remote())
    if isinstance(plan, CantilenaError):
        raise plan
    return plan


def _chunks(left: Sequence[Item], plan: _Plan, workers: int) -> list[dict[str, str]]:
    """What workers get at a time, as JSON: pieces that are made abreast, so few of them that all
    workers have some."""
    size = max(1, min(plan.batch, math.ceil(len(left) / workers)))
    pieces = [
        {"item": asdict(item), "request": json.loads(request)}
        for item, request in zip(left, plan.requests, strict=True)
    ]
    return [{"pieces": json.dumps(pieces[i : i + size])} for i in range(0, len(pieces), size)]


def _pieces(
    ray: Any,
    worker: tuple[Load, Sequence[str], Path],
    rows: Sequence[dict[str, str]],
    workers: int,
    resources: dict[str, Any],
) -> Iterator[_Piece]:
    """The pieces of all rows as they are done; ``worker``: the arguments of a ``_Worker``. Raises
    the first error of a piece."""
    if not rows:
        return
    pieces = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        _Worker,
        fn_constructor_args=worker,
        batch_size=None,  # a block, which is a row
        concurrency=min(workers, len(rows)),
        **resources,
    )
    # nothing fetched ahead: a piece would wait until the next is there
    batches = iter(pieces.iter_batches(batch_size=None, prefetch_batches=0))
    with contextlib.closing(batches):
        for batch in batches:
            for pickled in batch["outcome"]:
                outcome = pickle.loads(pickled)
                if isinstance(outcome, CantilenaError):
                    raise outcome
                yield outcome


class _Worker:
    """A worker's system. Called with rows of ``_chunks``; yields a pickled _Piece of each piece,
    or the CantilenaError that ended the work. ``folder``: where the progress of pieces is kept, if
    there is such a folder on this machine."""

    def __init__(self, load: Load, formats: Sequence[str], folder: Path | None = None):
        self.load, self.formats, self.folder = load, formats, folder
        self.system: System | None = None

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, list[bytes]]]:
        for row in batch["pieces"]:
            for outcome in self._outcomes(json.loads(row)):
                yield {"outcome": [pickle.dumps(outcome)]}

    def _outcomes(self, pieces: Sequence[dict[str, Any]]) -> Iterator[_Piece | CantilenaError]:
        try:  # here and not in __init__, of which Ray would hand on an error in its own words
            self.system = self.system or self._loaded()
        except CantilenaError as error:
            yield error
            return
        items = [Item(**piece["item"]) for piece in pieces]
        left = {item.id for item in items}
        try:
            requests = [Request.from_dict(piece["request"]) for piece in pieces]
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", Notice)
                for i, event in self.system.run(requests):
                    if isinstance(event, Finished):
                        line, files = self._files(items[i], event.result)
                        notices = [str(w.message) for w in caught if issubclass(w.category, Notice)]
                        caught.clear()
                        left.discard(items[i].id)
                        yield _Piece(line, files, notices)
        except CantilenaError as error:
            yield _named(error, [item.id for item in items if item.id in left])

    def _loaded(self) -> System:
        system = self.load()
        keeps = self.folder is not None and self.folder.is_dir()
        return system.keeping(self.folder) if keeps and self.folder else system

    def _files(self, item: Item, result: Any) -> tuple[dict[str, Any], dict[str, bytes]]:
        """A piece's line and its files, as ``write_piece`` writes them into a folder."""
        with tempfile.TemporaryDirectory() as folder:
            line = write_piece(Path(folder), item, result, self.formats)
            return line, {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def _named(error: CantilenaError, ids: Sequence[str]) -> CantilenaError:
    """The error with the pieces that it kept from being made."""
    names = ", ".join(map(repr, ids[:3])) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")
    error.args = (f"piece{'s' if len(ids) > 1 else ''} {names}: {error}",)
    return error
