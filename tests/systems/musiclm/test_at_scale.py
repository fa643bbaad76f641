"""Many pieces of musiclm: killed in the middle of a stage they go on there, in this process and in
a worker of Ray's."""

from __future__ import annotations

import json
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

import cantilena
from cantilena.cli import main
from cantilena.errors import CantilenaError
from cantilena.files import jsonl
from cantilena.options import make_brief
from cantilena.systems.at_scale import Item, Settings, generate_all, read_manifest
from cantilena.systems.at_scale_ray import _Worker
from cantilena.systems.codes.progress import ENDING
from cantilena.systems.musiclm.system import MusicLmSystem
from tiny_musiclm import write_musiclm

ITEMS = [Item(f"piece {i}", text, 3 + i) for i, text in enumerate(("calm", "fast drums"))]
SHORT = Settings(make_brief("", True, seconds=3), formats=("wav", "json"))
STAGES = ("semantic", "coarse", "fine")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return write_musiclm(tmp_path_factory.mktemp("musiclm") / "music")


@pytest.fixture(scope="module")
def load(place: Path) -> partial:
    return partial(cantilena.load, str(place), "musiclm", device="cpu")


@pytest.fixture(scope="module")
def plain(load: partial, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    generate_all(load(), ITEMS, folder, SHORT)
    return folder


def sounds(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.wav")}


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob(f".*{ENDING}"))


def tokens_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return {name: file[f"/{name}"] for name in STAGES}


def is_within_a_stage(path: Path) -> bool:
    """Whether some of a piece's coarse codes are written, and not all."""
    is_open = np.asarray((tokens_of(path)["coarse"] < 0).any(0))
    return 0 < is_open.sum() < len(is_open)


def interrupted(load: partial, folder: Path, items: list[Item] = ITEMS) -> list[Path]:
    """The progress of pieces that are all in the middle of a stage, after a kill."""

    def stop(share: float) -> None:
        if len(kept(folder)) == len(items) and all(map(is_within_a_stage, kept(folder))):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_all(load(), items, folder, SHORT, stop)
    assert read_manifest(folder) == {}
    return kept(folder)


def test_killed_pieces_go_on_at_their_stage_and_window(load, plain, place, tmp_path, capsys):
    """Begun from Python, gone on with by the command line; nothing that was written is made
    again: what the progress says is in the sound."""
    assert len(interrupted(load, tmp_path / "out")) == 2
    out = str(tmp_path / "out")
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_bytes(jsonl({"id": item.id, "text": item.text} for item in ITEMS))
    command = ["generate", "--system", "musiclm", "--checkpoint", str(place), "--seed", "3"]
    command += ["--prompts", str(prompts), "--seconds", "3", "--formats", "wav,json", "-o", out]
    assert main([*command, "--device", "cpu", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["pieces"], summary["sound_seconds"]) == (2, 6.0)
    assert sounds(tmp_path / "out") == sounds(plain) and not kept(tmp_path / "out")

    (path,) = interrupted(load, tmp_path / "changed", ITEMS[:1])
    tokens = tokens_of(path)
    with np.load(path) as file:
        key = file["key"]
    tokens["semantic"] = np.where(tokens["semantic"] < 0, -1, (tokens["semantic"] + 1) % 8)
    named: dict[str, Any] = {f"/{name}": rows for name, rows in tokens.items()}
    with path.open("wb") as file:
        np.savez(file, key=key, **named)
    generate_all(load(), ITEMS[:1], tmp_path / "changed", SHORT)
    assert sounds(tmp_path / "changed")["piece 0.wav"] != sounds(plain)["piece 0.wav"]


def test_a_system_of_sound_writes_sound_by_default(place, tmp_path, capsys):
    command = ["generate", "--system", "musiclm", "--checkpoint", str(place), "--seconds", "1"]
    assert main([*command, "--device", "cpu", "-o", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.glob("piece*")] == ["piece-000001.wav"]
    assert "1 piece, 1 s of sound in" in capsys.readouterr().out


class Dying(MusicLmSystem):
    """Ends in the middle of a stage, as far into it as any kill."""

    def attempt(self, attempts):
        for k, event in super().attempt(attempts):
            if getattr(event, "share", 0) > 0.5:
                raise CantilenaError("the worker was killed")
            yield k, event


def test_a_worker_goes_on_where_another_was_killed(load, place, plain, tmp_path):
    system = load()
    rows = [
        {"item": item.__dict__, "request": SHORT.request(system, item).to_dict()} for item in ITEMS
    ]
    batch = {"pieces": [json.dumps(rows)]}
    dying = _Worker(partial(Dying.load, place, "cpu"), SHORT.formats, tmp_path)
    (outcome,) = [pickle.loads(out["outcome"][0]) for out in dying(batch)]
    assert "the worker was killed" in str(outcome)
    assert [is_within_a_stage(path) for path in kept(tmp_path)] == [True, True]
    begun: list[int] = []

    class Watched(MusicLmSystem):
        def _piece(self, request, number=0):
            piece = super()._piece(request, number)
            begun.append(piece.writing.done)
            return piece

    worker = _Worker(partial(Watched.load, place, "cpu"), SHORT.formats, tmp_path)
    pieces = [pickle.loads(out["outcome"][0]) for out in worker(batch)]
    assert len(begun) == 2 and min(begun) > 0
    assert {k: v for p in pieces for k, v in p.files.items() if k.endswith("wav")} == sounds(plain)
    assert not list(tmp_path.iterdir())
