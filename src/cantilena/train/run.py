"""A training run on disk: one folder format for everything that is trained.

Knows files and steps; does not know models, tensors or data sets, and needs no torch.

    run.json      settings and options (``systems.trainable.Recipe``), the data, how it computes,
                  and the precision that it has had on each kind of device
    log.jsonl     a line for each look at the loss
    step-N/       the state after N steps, and files.json with the sha256 of its files
    model/        the finished model, a checkpoint

A state appears by one rename, so that a kill at any moment leaves whole states alone; the newest
by name is the one from which a run goes on, after its hashes have been checked.
"""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cantilena.errors import CheckpointError, InputError
from cantilena.files import read_json, replace_folder, write_bytes, write_json
from cantilena.locks import lock
from cantilena.models.checkpoint import RUN_MODEL, hashes
from cantilena.systems.trainable import PRECISIONS, Recipe

FORMAT = 2
LOG = "log.jsonl"
_RUN, _FILES = "run.json", "files.json"
_STEP = re.compile(r"step-(\d{1,12})")
_STAGE = re.compile(r"\.step-\d+\.part")
_HELD_OUT = re.compile(r"eval_(\w+)_loss")


def held_out_key(name: str, kind: str, prefix: str = "eval") -> str:
    """What the log of a tuned run calls the held-out "loss" or "tokens" (``kind``) of what is
    called ``name``, as "text and music"."""
    return f"{prefix}_{name.replace(' ', '_')}_{kind}"


def held_out_name(key: str) -> str:
    """The name of what an entry of such a log is the held-out loss of; empty for others."""
    match = _HELD_OUT.fullmatch(key)
    return match[1].replace("_", " ") if match else ""


class Run:
    """The folder of a run, which may not be there yet."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    @property
    def model(self) -> Path:
        """Where the finished model stands."""
        return self.folder / RUN_MODEL

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Makes the folder and locks it for the block. Raises InputError where another process
        trains in it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{str(self.folder)!r} cannot be made: {error.strerror}"
            raise InputError(message) from error
        with lock(self.folder):
            yield

    # ------------------------------------------------------------------ settings

    def recipe(self) -> Recipe | None:
        """The settings of the run, None where there is none. Raises CheckpointError where they are
        damaged or of an earlier version."""
        path = self.folder / _RUN
        if not path.is_file():
            return None
        try:
            data = read_json(path)
            if not isinstance(data, dict):
                raise InputError("run.json is not an object")
            if data.get("format") == FORMAT:
                return Recipe.from_dict(data)
        except InputError as error:
            raise CheckpointError(f"the run in {self.folder} cannot be read: {error}") from error
        if "config" in data and "format" not in data:
            raise CheckpointError(
                f"the run in {self.folder} is of an earlier version and cannot go on; its weights "
                "can be the start of a new run in another folder (--from)"
            )
        raise CheckpointError(
            f"the run in {self.folder} is of format {data.get('format')!r}, not {FORMAT}"
        )

    def computes(self) -> dict[str, Any]:
        """The device, precision and processes of the run's latest start; empty where there is no
        run, or a damaged one (which ``recipe`` refuses)."""
        return self._entry("computes")

    def precision(self, device: str) -> str | None:
        """The precision in which the run computed last on a device of this kind, whatever others
        it has been on since; None where it has not been on one."""
        precision = self._precisions().get(device)
        return precision if precision in PRECISIONS[1:] else None

    def write(self, recipe: Recipe, data: str, computes: Mapping[str, Any]) -> None:
        """Writes ``run.json``. ``computes``: the device, the precision and the processes that the
        run really has, whatever the settings leave open."""
        precisions = self._precisions() | _by_device(computes)
        whole = {
            "format": FORMAT,
            **recipe.to_dict(),
            "data": data,
            "computes": dict(computes),
            "precisions": precisions,
        }
        write_json(self.folder / _RUN, whole)

    def _precisions(self) -> dict[str, Any]:
        """The run's precision by device; runs written before there was such an entry have that of
        their latest start alone."""
        return _by_device(self.computes()) | self._entry("precisions")

    def _entry(self, name: str) -> dict[str, Any]:
        """An object in ``run.json``; empty where there is none."""
        path = self.folder / _RUN
        try:
            entry = read_json(path)[name] if path.is_file() else {}
        except (InputError, KeyError, TypeError):
            return {}
        return dict(entry) if isinstance(entry, dict) else {}

    # ------------------------------------------------------------------ states

    def steps(self) -> list[int]:
        """The steps whose states stand in the folder, in order."""
        if not self.folder.is_dir():
            return []
        matches = (_STEP.fullmatch(path.name) for path in self.folder.iterdir())
        return sorted(int(match[1]) for match in matches if match)

    def newest(self) -> tuple[Path, int] | None:
        """The newest state, whose files are what was written, and its step; None where there is
        none. Raises CheckpointError where it is damaged."""
        steps = self.steps()
        if not steps:
            return None
        folder = self.folder / f"step-{steps[-1]}"
        try:
            listed = read_json(folder / _FILES)
            there = {k: v for k, v in hashes(folder).items() if k != _FILES}
            if there != listed:
                odd = sorted(k for k in {*there, *listed} if there.get(k) != listed.get(k))
                raise InputError(f"{odd[0]} is missing or is not what was written")
        except (InputError, OSError, AttributeError, TypeError) as error:
            way = f"; remove it to go on from step-{steps[-2]}" if len(steps) > 1 else ""
            raise CheckpointError(
                f"the run in {self.folder} cannot go on: {folder.name} is damaged: {error}{way}"
            ) from error
        return folder, steps[-1]

    def stage(self, step: int) -> Path:
        """The folder in which all processes put their files of a state."""
        return self.folder / f".step-{step}.part"

    def begin(self, step: int) -> Path:
        """Makes the ``stage``, empty; what killed runs left of theirs is removed."""
        for path in self.folder.iterdir():
            if _STAGE.fullmatch(path.name):
                shutil.rmtree(path, ignore_errors=True)
        stage = self.stage(step)
        stage.mkdir()
        return stage

    def finish(self, step: int, keep: int) -> None:
        """Makes the ``stage`` the state of a step by one rename, then removes all but the newest
        ``keep`` states."""
        stage = self.stage(step)
        write_json(stage / _FILES, hashes(stage))
        replace_folder(self.folder / f"step-{step}", stage)
        for old in self.steps()[:-keep]:
            shutil.rmtree(self.folder / f"step-{old}", ignore_errors=True)

    @contextmanager
    def saving(self, step: int, keep: int) -> Iterator[Path]:
        """The ``stage`` of a step, for one process; it becomes the state when the block ends and is
        removed when it raises. Raises InputError where the disk refuses."""
        try:
            stage = self.begin(step)
            yield stage
            self.finish(step, keep)
        except OSError as error:
            message = f"the state of {str(self.folder)!r} cannot be saved: {error.strerror}"
            raise InputError(message) from error
        finally:
            shutil.rmtree(self.stage(step), ignore_errors=True)

    # ------------------------------------------------------------------ log

    def log(self, **row: Any) -> None:
        """Appends one line to the log. Numbers that are not finite, as losses are where a training
        diverges, become null."""
        with (self.folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(_finite(row), allow_nan=False) + "\n")

    def cut_log(self, step: int) -> None:
        """Takes out of the log what a killed run did after ``step``, from which it goes on: it is
        done again. -1 takes out everything, the start's own line included."""
        path = self.folder / LOG
        if not path.is_file():
            return
        kept = []
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line + "\n")
            except (ValueError, KeyError, TypeError):  # cut by the kill
                continue
        write_bytes(path, "".join(kept).encode())


def _by_device(computes: Mapping[str, Any]) -> dict[str, Any]:
    """The precision of ``computes`` by its device; empty where it names none."""
    return {computes["device"]: computes.get("precision")} if "device" in computes else {}


def _finite(value: Any) -> Any:
    """Plain data with None for numbers that are not finite, which JSON has not."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    return [_finite(entry) for entry in value] if isinstance(value, list) else value
