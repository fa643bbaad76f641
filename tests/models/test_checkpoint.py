"""Checkpoints: one card, everything checked when it is opened, saved whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import cantilena
from cantilena.errors import CheckpointError, InputError
from cantilena.models.checkpoint import (
    CARD,
    is_checkpoint,
    located,
    open_checkpoint,
    save_checkpoint,
)
from cantilena.tokens.arrival.vocab import AMT

SHIPPED = Path(cantilena.__file__).parent / "checkpoints" / "note"
OWN = {"system": "toy", "name": "a toy", "scheme": AMT.to_dict(), "model": {"width": 3}, "seed": 7}


def fill(stage: Path) -> None:
    save_file({"a": np.arange(3, dtype=np.float32)}, stage / "model.safetensors")
    (stage / "words").mkdir()
    (stage / "words" / "list.txt").write_text("one\ntwo\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_checkpoint(tmp_path / "toy", OWN, fill).folder


def rewrite(folder: Path, **changes) -> Path:
    card = json.loads((folder / CARD).read_text())
    gone = [key for key, value in changes.items() if value is ...]
    card |= {key: value for key, value in changes.items() if value is not ...}
    for key in gone:
        del card[key]
    (folder / CARD).write_text(json.dumps(card))
    return folder


def test_what_was_saved_is_opened(folder: Path):
    checkpoint = open_checkpoint(folder, "toy")
    assert (checkpoint.system, checkpoint.name, checkpoint.model) == ("toy", "a toy", {"width": 3})
    assert set(checkpoint.card["files"]) == {"model.safetensors", "words/list.txt"}
    assert checkpoint.card["seed"] == 7 and checkpoint.card["figures"] == {}
    assert checkpoint.hash == open_checkpoint(folder).hash and len(checkpoint.hash) == 16
    with pytest.raises(CheckpointError, match="'toy', not 'note'"):
        open_checkpoint(folder, "note")


def test_another_file_or_card_is_another_hash(folder: Path, tmp_path: Path):
    def other(stage: Path) -> None:
        fill(stage)
        (stage / "words" / "list.txt").write_text("one\nthree\n")

    hashes = {
        open_checkpoint(folder).hash,
        save_checkpoint(tmp_path / "b", OWN, other).hash,
        save_checkpoint(tmp_path / "c", {**OWN, "seed": 8}, fill).hash,
    }
    assert len(hashes) == 3


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("model.safetensors", "cut", "damaged"),
        ("model.safetensors", "flip", "damaged"),
        ("model.safetensors", "remove", "model.safetensors is missing"),
        ("words/list.txt", "flip", "list.txt is damaged"),
        ("words/list.txt", "remove", "list.txt is missing"),
        (CARD, "remove", "card.json is missing"),
        (CARD, "cut", "not JSON"),
    ],
)
def test_a_file_that_is_not_what_it_was(folder: Path, name: str, change: str, message: str):
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data[: len(data) // 2] if change == "cut" else data)
    if change == "remove":
        (folder / name).unlink()
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 3},
        {"format": 0},
        {"format": "2"},
        {"format": True},
        {"format": ...},
        {"system": ...},
        {"system": ""},
        {"system": 1},
        {"name": "x" * 1000},
        {"scheme": ...},
        {"scheme": {"scheme": "none such"}},
        {"scheme": {"scheme": "arrival", "times": "many"}},
        {"scheme": [1]},
        {"model": []},
        {"files": {"../secret": "0" * 64}},
        {"files": {"/etc/passwd": "0" * 64}},
        {"files": {"model.safetensors": "abc"}},
        {"files": {"model.safetensors": None}},
        {"files": []},
        {"seed": -1},
        {"seed": 1.5},
        {"seed": True},
        {"licence": None},
        {"figures": "none"},
        {"training": 3},
        {"sources": ["lakh"]},
    ],
)
def test_a_card_that_cannot_be(folder: Path, changes: dict):
    with pytest.raises(CheckpointError):
        open_checkpoint(rewrite(folder, **changes))


@pytest.mark.parametrize("text", ["", "[]", "null", '{"format": NaN}', "[" * 5000, "\ud800"])
def test_a_card_that_is_none(folder: Path, text: str):
    (folder / CARD).write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(CheckpointError):
        open_checkpoint(folder)


def test_a_folder_that_is_none(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    for place in (tmp_path, tmp_path / "none", tmp_path / "file"):
        assert not is_checkpoint(place)
        with pytest.raises(CheckpointError):
            open_checkpoint(place)


# ---------------------------------------------------------------------------- saving


@pytest.mark.parametrize("there", [False, True])
def test_a_kill_at_any_rename_leaves_the_old_folder_or_the_new(
    tmp_path: Path, monkeypatch, there: bool
):
    """``os.replace`` and the swap of folders are all that puts anything in place."""
    from cantilena import files

    target = tmp_path / "toy"
    renames = 0

    def dying(call, at):
        def renamed(*args, **kwargs):
            nonlocal renames
            renames += 1
            if renames == at:
                raise SystemExit("killed")
            return call(*args, **kwargs)

        return renamed

    replace, swapped = os.replace, files._swapped
    at, done = 0, False
    while not done:
        at, renames = at + 1, 0
        shutil.rmtree(target, ignore_errors=True)
        if there:
            save_checkpoint(target, {**OWN, "seed": 1}, fill)
        renames = 0
        monkeypatch.setattr(os, "replace", dying(replace, at))
        monkeypatch.setattr(files, "_swapped", dying(swapped, at))
        try:
            save_checkpoint(target, {**OWN, "seed": 2}, fill)
            done = True
        except SystemExit:
            pass
        monkeypatch.undo()
        if done:
            assert open_checkpoint(target).card["seed"] == 2
        elif there:
            assert open_checkpoint(target).card["seed"] == 1
        else:
            assert not target.exists()
    assert at > 2


def test_a_checkpoint_is_replaced_and_other_files_are_not(folder: Path):
    save_checkpoint(folder, {**OWN, "seed": 8}, fill)
    assert open_checkpoint(folder).card["seed"] == 8
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match=r"thesis\.tex"):
        save_checkpoint(folder, OWN, fill)
    assert (folder / "thesis.tex").read_text() == "years of work"
    assert open_checkpoint(folder).card["seed"] == 8


def test_the_folder_one_is_in_is_not_replaced(folder: Path, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match="runs in"):
        save_checkpoint(".", OWN, fill)


def test_a_card_that_cannot_be_is_not_saved(tmp_path: Path):
    with pytest.raises(InputError, match="'seed'"):
        save_checkpoint(tmp_path / "toy", {**OWN, "seed": -1}, fill)
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------------------- earlier versions


def test_the_shipped_checkpoint_has_the_hash_it_had():
    from cantilena.systems.note.checkpoint import open_note

    checkpoint = open_note(SHIPPED)
    assert checkpoint.hash == "e3fe489417ea8b9b"
    assert checkpoint.card["sources"]["lakh"]["licence"] and checkpoint.card["figures"]["test"]


def test_a_finished_run_stands_for_its_model(folder: Path, tmp_path: Path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "log.jsonl").write_text("")
    assert not is_checkpoint(run)
    shutil.copytree(folder, run / "model")
    assert is_checkpoint(run) and located(run) == run / "model"
    assert open_checkpoint(run).system == "toy"


def test_cards_named_cantilena_json(tmp_path: Path):
    old = {"system": "llama-music", "text": {"config": {}}, "music": 5, "instruction": "say:"}
    (tmp_path / "cantilena.json").write_text(json.dumps({**old, "vocabulary": AMT.to_dict()}))
    save_file({"a": np.zeros(2, np.float32)}, tmp_path / "model.safetensors")
    checkpoint = open_checkpoint(tmp_path, "llama-music")
    assert checkpoint.model == {k: v for k, v in old.items() if k != "system"}
    assert checkpoint.card["scheme"] == AMT.to_dict()
    before = checkpoint.hash
    save_file({"a": np.ones(2, np.float32)}, tmp_path / "model.safetensors")
    assert open_checkpoint(tmp_path).hash != before
    (tmp_path / "cantilena.json").write_text(json.dumps({"system": ["x"]}))
    with pytest.raises(CheckpointError, match="'system'"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize(("kind", "system"), [("gpt2", "amt"), ("llama", "llama-music")])
def test_published_layouts(tmp_path: Path, kind: str, system: str):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    assert open_checkpoint(tmp_path).system == system and not is_checkpoint(tmp_path)


# ---------------------------------------------------------------------------- the note model's part


def note(tmp_path: Path, **changes) -> Path:
    folder = tmp_path / "note"
    folder.mkdir()
    card = json.loads((SHIPPED / CARD).read_text())
    card["model"] |= changes
    (folder / CARD).write_text(json.dumps(card))
    return folder


@pytest.mark.parametrize(
    "changes",
    [
        {"context": 10**9},
        {"context": 0},
        {"width": "320"},
        {"width": 321},
        {"heads": 7},
        {"layers": True},
        {"fields": [5, 5]},
        {"fields": 5},
        {"state": {"onset": -1}},
        {"scalars": []},
        {"rope_base": "x"},
    ],
)
def test_sizes_that_a_note_model_cannot_have(tmp_path: Path, changes: dict):
    from cantilena.systems.note.checkpoint import open_note

    with pytest.raises(CheckpointError):
        open_note(note(tmp_path, **changes))


@pytest.mark.parametrize(
    "changes",
    [{"max_delta": 1e3}, {"durations": [1, "2"]}, {"durations": []}, {"velocities": [300, 2]}],
)
def test_a_vocabulary_that_a_note_model_cannot_have(tmp_path: Path, changes: dict):
    from cantilena.systems.note.checkpoint import open_note

    folder = note(tmp_path)
    scheme = json.loads((folder / CARD).read_text())["scheme"] | changes
    with pytest.raises(CheckpointError, match="the scheme's"):
        open_note(rewrite(folder, scheme=scheme))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"words": 41}, "text.place"),
        ({"head_hidden": 64}, "heads.0.up.weight"),
        ({"layers": 5}, "another model's"),
        ({"heads": 10}, "another model's"),
    ],
)
def test_weights_of_other_sizes_than_the_cards(tmp_path: Path, changes: dict, message: str):
    from cantilena.systems.note.engine import Engine

    folder = note(tmp_path, **changes)
    for name in ("model.safetensors", "trunk.onnx"):
        (folder / name).symlink_to(SHIPPED / name)
    with pytest.raises(CheckpointError, match=message):
        Engine(folder)
