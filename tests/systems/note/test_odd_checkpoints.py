"""Checkpoints that are damaged or odd in any one place: a CheckpointError that names what is wrong,
and nothing allocated by what a card claims."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from safetensors.numpy import load_file, save_file  # noqa: E402

from cantilena.errors import CheckpointError  # noqa: E402
from cantilena.systems.note.checkpoint import open_note  # noqa: E402
from cantilena.systems.note.engine import Engine  # noqa: E402
from cantilena.systems.note.habits import check_habits, read_habits  # noqa: E402
from cantilena.systems.note.load import WINDOW, OtherLoad  # noqa: E402
from cantilena.systems.note.torch_engine import TorchEngine  # noqa: E402

ODD: list[Any] = [None, True, "x", [], {}, [None], -1, 0, 1.5, 10**9, float("inf"), float("nan")]
MISSING = object()
ANY_ABOVE_0 = {"rope_base": (1.5, 10**9)}
"""Values that are as good as any: the graph has its own tables."""

ENGINES = {"onnx": Engine, "torch": lambda folder: TorchEngine(folder, 1, "cpu")}


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint without hashes of its files, as earlier versions wrote them and the shipped one
    is: what is wrong has to be seen by itself."""
    copy_ = shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
    card = json.loads((copy_ / "card.json").read_text())
    (copy_ / "card.json").write_text(json.dumps({**card, "files": {}}))
    return copy_


def places(data: Any, path: tuple = ()) -> list[tuple]:
    """Every key in nested objects."""
    if not isinstance(data, dict):
        return []
    return [p for key, value in data.items() for p in ((*path, key), *places(value, (*path, key)))]


def changed(data: dict, path: tuple, value: Any) -> dict:
    """A copy with another value at a place, or none."""
    out = copy.deepcopy(data)
    inner = out
    for key in path[:-1]:
        inner = inner[key]
    if value is MISSING:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return out


@pytest.mark.parametrize("name", ["onnx", "torch"])
@pytest.mark.parametrize("part", ["model", "scheme"])
def test_every_key_of_the_card_missing_or_of_another_kind(folder: Path, name: str, part: str):
    whole = json.loads((folder / "card.json").read_text())
    tried = 0
    paths = [(part,), *((part, *path) for path in places(whole[part]))]
    for path in paths:
        # a feature's size is like another's: one of each table will do
        if len(path) == 3 and path[2] != next(iter(whole[part][path[1]])):
            continue
        for value in [MISSING, *ODD]:
            if value in ANY_ABOVE_0.get(path[-1], ()):
                continue
            (folder / "card.json").write_text(json.dumps(changed(whole, path, value)))
            with pytest.raises(CheckpointError) as raised:
                ENGINES[name](folder)
            assert len(str(raised.value)) < 600 and str(folder) in str(raised.value)
            tried += 1
    assert tried > 13 * (15 if part == "model" else 4)
    (folder / "card.json").write_text(json.dumps(whole))
    ENGINES[name](folder)


@pytest.mark.parametrize("name", ["onnx", "torch"])
def test_every_file_cut_off_or_of_other_bytes(folder: Path, name: str):
    files = ["card.json", "model.safetensors", *(["trunk.onnx"] if name == "onnx" else [])]
    for file in files:
        whole = (folder / file).read_bytes()
        least = len(whole.rstrip()) - 1  # without a newline at its end a card is whole
        cuts = [whole[:n] for n in (0, 1, 9, len(whole) // 3, len(whole) // 2, least)]
        for data in [*cuts, b"\0" * 200, b"\xff" * 200, b"[" * 100_000, b"[]", b"1", b"null"]:
            (folder / file).write_bytes(data)
            with pytest.raises(CheckpointError):
                ENGINES[name](folder)
        (folder / file).unlink()
        with pytest.raises(CheckpointError, match=r"missing|cannot be loaded"):
            ENGINES[name](folder)
        (folder / file).write_bytes(whole)
    ENGINES[name](folder)


@pytest.mark.parametrize("name", ["onnx", "torch"])
def test_every_weight_missing_or_of_another_shape(folder: Path, name: str):
    whole = load_file(folder / "model.safetensors")
    for key, weight in whole.items():
        if key.startswith(("blocks.", "norm.")) and name == "onnx":
            continue  # those are in the graph
        others = {k: v for k, v in whole.items() if k != key}
        for odd in (None, weight[:-1].copy(), weight[None].copy()):
            save_file(others if odd is None else others | {key: odd}, folder / "model.safetensors")
            with pytest.raises(CheckpointError, match=key.rsplit(".", 1)[0]):
                ENGINES[name](folder)


def test_a_graph_of_another_model_is_refused(folder: Path):
    whole = json.loads((folder / "card.json").read_text())
    for key, value in (("heads", 4), ("layers", 1), ("layers", 3), ("context", 4_000)):
        (folder / "card.json").write_text(json.dumps(changed(whole, ("model", key), value)))
        with pytest.raises(CheckpointError, match=r"trunk\.onnx"):
            Engine(folder)


def test_a_huge_context_is_refused_before_anything_is_allocated(folder: Path):
    whole = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(changed(whole, ("model", "context"), 10**9)))
    tracemalloc.start()
    for make in ENGINES.values():
        with pytest.raises(CheckpointError, match="context must be 1 to 16,384"):
            make(folder)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


def test_a_card_whose_fields_are_not_its_schemes_is_refused(folder: Path):
    whole = json.loads((folder / "card.json").read_text())
    fields = whole["model"]["fields"]
    (folder / "card.json").write_text(
        json.dumps(changed(whole, ("model", "fields"), [*fields[:-1], fields[-1] + 1]))
    )
    with pytest.raises(CheckpointError, match="scheme"):
        open_note(folder)


def test_habits_with_any_part_missing_or_of_another_kind(folder: Path):
    whole = read_habits(folder)
    for path in places(whole):
        if len(path) > 1 and path[-1] not in ("major", "minor"):
            path = (path[0], next(iter(whole[path[0]])))
        values = ODD if len(path) > 1 or path[0] == "ensembles" else ODD[:4]
        for value in [v for v in values if v not in ([], {})]:
            with pytest.raises(CheckpointError, match=path[0]):
                check_habits(folder, changed(whole, path, value))
        if len(path) == 1 and path[0] != "arrangements":  # those of before have none
            with pytest.raises(CheckpointError, match=path[0]):
                check_habits(folder, changed(whole, path, MISSING))
    for odd in ("[]", "1", "", "{", "{}"):
        (folder / "habits.json").write_text(odd)
        with pytest.raises(CheckpointError, match=r"habits\.json"):
            read_habits(folder)


@pytest.mark.parametrize(
    "loop",
    [
        [[1] * 8, 10**400],
        [[1] * 8, 0],
        [[1] * 8, -1],
        [[], 1],
        [[1] * 3, 1],
        [[1] * 7 + [109], 1],
        [[1] * 7 + [0], 1],
        [[1] * 16, 1],
        [[1] * 8, 1, ["pop"], False],
        [[1] * 16, 1, "pop", False],
        [[1] * 16, 1, ["pop"], 3],
    ],
    ids=[
        "huge",
        "never",
        "negative",
        "empty",
        "three chords",
        "no such chord",
        "no chord",
        "eight bars without genres",
        "four bars with genres",
        "genres as text",
        "three beats as a number",
    ],
)
def test_a_loop_that_no_song_can_have_is_refused(folder: Path, loop: list):
    habits = read_habits(folder)
    odd = {**habits, "progressions": {**habits["progressions"], "minor": [loop]}}
    with pytest.raises(CheckpointError, match="progressions"):
        check_habits(folder, odd)


def test_a_rate_of_changes_that_is_no_range_is_refused(folder: Path):
    habits = read_habits(folder)
    for rate in (1.0, [1.0, 2.0], ["a", "b", "c"]):
        with pytest.raises(CheckpointError, match="rhythms"):
            check_habits(folder, {**habits, "rhythms": {"pop": rate}})


def test_any_number_of_threads_gives_the_same_bytes(tiny_checkpoint: Path):
    states: list[list[bytes]] = []
    for threads in (1, 2, 3):
        engine = Engine(tiny_checkpoint, threads)
        session = engine.session(3)
        rng = np.random.default_rng(0)
        x = rng.standard_normal((3, 60, engine.width)).astype(np.float32)
        read = [session.run(x[:, :40]).tobytes()]
        read += [session.run(x[:, k : k + 1]).tobytes() for k in range(40, 60)]
        states.append(read)
    assert states[0] == states[1] == states[2]


def test_one_thread_goes_on_where_others_need_the_cores(tiny_checkpoint: Path, monkeypatch):
    """Two that spin keep a busy process beside them from running, which
    ``benchmarks/compose_speed.py --beside-load`` measures. What is computed is the same."""
    engine = Engine(tiny_checkpoint, 2)
    monkeypatch.setattr("cantilena.systems.note.engine.os.cpu_count", lambda: 2)
    x = np.random.default_rng(0).standard_normal((1, 30, engine.width)).astype(np.float32)
    states = []
    for busy in ([0.0] * 30, [1.0] * 30, [float(k % 3 == 0) for k in range(30)]):
        session, read = engine.session(1), []
        for k, cores in enumerate(busy):
            monkeypatch.setattr(session.load, "update", lambda cores=cores: cores)
            read.append(session.run(x[:, k : k + 1]).tobytes())
        states.append(read)
        assert (session.single is not None) == any(busy)
    assert states[0] == states[1] == states[2]
    for trunk, threads in ((engine.trunk, 2), (engine.single_trunk(), 1)):
        assert trunk.get_session_options().intra_op_num_threads == threads
    assert engine.single_trunk() is engine.single_trunk()


def test_the_load_of_other_processes_is_seen():
    load = OtherLoad()
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(WINDOW + 0.3)
        assert load.update() > 0.3 or not Path("/proc/stat").exists()
        assert load.update() == load.cores  # not measured anew within a window
    finally:
        process.kill()
