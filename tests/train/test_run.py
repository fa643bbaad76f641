"""A run's folder: states whole or not at all, found and checked; the log; settings."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from cantilena.errors import CheckpointError, InputError
from cantilena.systems.note.training import note_recipe
from cantilena.train.run import Run


def save(run: Run, step: int, keep: int = 2) -> None:
    with run.saving(step, keep) as stage:
        (stage / "a.bin").write_bytes(bytes([step]) * 100)
        (stage / "b.json").write_text(json.dumps({"step": step}))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path / "run")
    run.folder.mkdir()
    for step in (3, 20, 100):
        save(run, step)
    return run


def test_the_newest_by_number_is_found_and_old_ones_go(run: Run):
    assert run.steps() == [20, 100]
    assert run.newest() == (run.folder / "step-100", 100)
    (run.folder / "step-7x").mkdir()
    (run.folder / "step-").mkdir()
    assert run.steps() == [20, 100]
    assert Run(run.folder / "none").newest() is None


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_any_rename_leaves_whole_states(run: Run, monkeypatch, after: bool):
    rename, at, done = os.replace, 0, False
    while not done:
        at += 1
        folder = shutil.copytree(run.folder, run.folder.parent / f"{at}")
        renames = 0

        def dying(*args, at=at, **kwargs):
            nonlocal renames
            renames += 1
            if renames == at and not after:
                raise SystemExit("killed")
            rename(*args, **kwargs)
            if renames == at:
                raise SystemExit("killed")

        monkeypatch.setattr(os, "replace", dying)
        try:
            save(Run(folder), 200)
            done = True
        except SystemExit:
            pass
        monkeypatch.undo()
        newest = Run(folder).newest()
        assert newest and newest[1] in (100, 200) and (not done or newest[1] == 200)
        assert json.loads((newest[0] / "b.json").read_text())["step"] == newest[1]
        save(Run(folder), 201)
        assert Run(folder).steps()[-1] == 201 and not list(folder.glob(".*"))
    assert at > 2


def test_a_write_that_fails_leaves_the_states_before(run: Run):
    with pytest.raises(RuntimeError), run.saving(200, 2) as stage:
        (stage / "a.bin").write_bytes(b"half")
        raise RuntimeError("out of memory")
    with pytest.raises(InputError, match="cannot be saved"), run.saving(200, 2):
        raise OSError(28, "No space left on device")
    assert run.steps() == [20, 100] and not list(run.folder.glob(".*"))


@pytest.mark.parametrize("change", ["cut", "remove", "add", "list", "empty"])
def test_a_damaged_state_is_refused_and_the_way_on_is_named(run: Run, change: str):
    state = run.folder / "step-100"
    if change == "cut":
        (state / "a.bin").write_bytes(b"d")
    elif change == "remove":
        (state / "b.json").unlink()
    elif change == "add":
        (state / "c.bin").write_bytes(b"")
    elif change == "list":
        (state / "files.json").write_text("[]")
    else:
        shutil.rmtree(state)
        state.mkdir()
    with pytest.raises(CheckpointError, match=r"step-100 is damaged.*go on from step-20"):
        run.newest()


def test_the_log_loses_what_is_done_again(run: Run):
    for step in (1, 2, 3):
        run.log(step=step, text="a\u2028b")
    with (run.folder / "log.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')
    run.cut_log(2)
    rows = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().split("\n")[:-1]]
    assert [row["step"] for row in rows] == [1, 2] and rows[0]["text"] == "a\u2028b"
    run.cut_log(-1)
    assert (run.folder / "log.jsonl").read_bytes() == b""


def test_settings_go_round_and_those_of_others_are_refused(run: Run):
    assert run.recipe() is None
    run.write(note_recipe(), "data", {"precision": "float32"})
    assert run.recipe() == note_recipe()
    old = {"config": {"system": "amt-prefix"}, "data": "paper"}  # of finetune before format 2
    for data, message in ((old, "earlier version.*--from"), ({"format": 3}, "format 3")):
        (run.folder / "run.json").write_text(json.dumps(data))
        with pytest.raises(CheckpointError, match=message):
            run.recipe()


def test_a_precision_is_kept_for_each_device(run: Run):
    def write(device: str, precision: str) -> None:
        run.write(note_recipe(), "data", {"device": device, "precision": precision, "processes": 1})

    assert run.precision("cpu") is None
    write("cpu", "bfloat16")
    write("cuda", "float32")
    assert (run.precision("cpu"), run.precision("cuda")) == ("bfloat16", "float32")
    assert run.computes() == {"device": "cuda", "precision": "float32", "processes": 1}
    write("cpu", "float32")
    assert (run.precision("cpu"), run.precision("cuda")) == ("float32", "float32")
    data = json.loads((run.folder / "run.json").read_text())
    del data["precisions"]  # as runs were written before
    (run.folder / "run.json").write_text(json.dumps(data))
    assert (run.precision("cpu"), run.precision("cuda")) == ("float32", None)
    write("cuda", "bfloat16")
    assert (run.precision("cpu"), run.precision("cuda")) == ("float32", "bfloat16")


def test_a_second_process_is_kept_out(run: Run):
    with run.locked(), pytest.raises(InputError, match="another process"), Run(run.folder).locked():
        pass
    with run.locked():
        pass
