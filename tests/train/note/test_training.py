"""The training loop: it learns, it resumes, and it measures what it says."""

from __future__ import annotations

import json
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cantilena.errors import CheckpointError  # noqa: E402
from cantilena.tokens.note import FIELDS, NoteScheme  # noqa: E402
from cantilena.train.note.crops import FULL, CropConfig  # noqa: E402
from cantilena.train.note.loop import (  # noqa: E402
    Run,
    TrainConfig,
    bits,
    fixed_batches,
    rate_at,
)
from cantilena.train.note.measure import CHANGES  # noqa: E402
from songs import random_songs, scale_song  # noqa: E402
from tiny import tiny_config  # noqa: E402

SMALL = {"layers": 1, "width": 32, "heads": 1, "hidden": 64, "head_hidden": 32, "context": 80}
CONFIG = TrainConfig(
    **{"notes": 64 * 6, "batch": 2, "warmup": 64, "rate": 3e-3, "decay": 0.5, "compile": False},
    **{"crop": CropConfig(length=32), "valid_windows": 2, "valid_notes": 1e9, "save_minutes": 0.0},
)
SONGS = random_songs(2, 60)


class Watched(Run):
    """A run that remembers its losses and can be killed before its n-th step."""

    def __init__(self, folder: Path, config: TrainConfig = CONFIG, dies: int | None = None):
        super().__init__(folder, tiny_config(**SMALL), config)
        self.losses: list[list[float]] = []
        self.dies = dies

    def _step(self, model, crops):
        if self.step == self.dies:
            raise SystemExit("killed")
        found = super()._step(model, crops)
        self.losses.append(found.tolist())
        return found


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> Watched:
    run = Watched(tmp_path_factory.mktemp("unbroken"))
    run.train(SONGS, SONGS, quiet)
    return run


def test_a_killed_run_goes_on_as_if_nothing_had_been(unbroken: Watched, tmp_path: Path):
    killed = Watched(tmp_path, dies=3)
    with pytest.raises(SystemExit):
        killed.train(SONGS, SONGS, quiet)
    resumed = Watched(tmp_path)
    assert resumed.step == 3  # every step was saved: save_minutes is 0
    resumed.train(SONGS, SONGS, quiet)
    assert resumed.step == unbroken.step and resumed.notes == unbroken.notes
    both = np.array(killed.losses + resumed.losses)
    assert both == pytest.approx(np.array(unbroken.losses), abs=1e-6)
    for one, two in zip(unbroken.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.allclose(one, two, atol=1e-6)


def test_a_run_killed_while_it_saves_has_the_state_before(tmp_path: Path, monkeypatch):
    run = Watched(tmp_path, dies=2)
    with pytest.raises(SystemExit):
        run.train(SONGS, SONGS, quiet)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.suffix != ".jsonl"}
    monkeypatch.setattr(Path, "write_text", lambda *_: (_ for _ in ()).throw(SystemExit()))
    run.step = 99
    with pytest.raises(SystemExit):
        run.save()
    monkeypatch.undo()
    assert all((tmp_path / name).read_bytes() == data for name, data in before.items())
    assert Watched(tmp_path).step == 2


def test_interrupting_saves(tmp_path: Path):
    class Interrupted(Watched):
        def _step(self, model, crops):
            if self.step == 2:
                raise KeyboardInterrupt
            return super()._step(model, crops)

    handler = signal.getsignal(signal.SIGTERM)
    run = Interrupted(tmp_path, replace(CONFIG, save_minutes=60.0))
    said: list[str] = []
    run.train(SONGS, SONGS, said.append)
    assert any("interrupted" in line for line in said)
    assert json.loads((tmp_path / "state.json").read_text())["step"] == 2
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_damaged_run_is_refused(unbroken: Watched, tmp_path: Path):
    folder = shutil.copytree(unbroken.folder, tmp_path / "run")
    for name in ("optimiser.safetensors", "model.safetensors"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[:100])
        with pytest.raises(CheckpointError, match="cannot be resumed"):
            Watched(folder)
        (folder / name).unlink()
        with pytest.raises(CheckpointError):
            Watched(folder)
        (folder / name).write_bytes(whole)


def test_a_song_is_learnt_by_heart(tmp_path: Path):
    crop = replace(FULL, length=72, start=1.0)
    config = replace(CONFIG, notes=1e9, crop=crop, batch=1, rate=1e-2, warmup=100, decay=0.01)
    run = Watched(tmp_path, replace(config, save_minutes=60.0), dies=36)
    with pytest.raises(SystemExit):
        run.train(scale_song(), scale_song(), quiet)
    losses = np.array(run.losses).sum(1)
    assert losses[0] > 25 and losses[-1] < 0.4 * losses[0]
    assert (np.array(run.losses)[-1] < np.array(run.losses)[0]).all()


def test_the_rate_is_warmed_up_held_and_brought_to_nothing():
    config = TrainConfig(notes=1000, warmup=100, decay=0.5)
    assert [rate_at(n, config) for n in (0, 50, 100, 500, 750, 1000, 1200)] == pytest.approx(
        [0, 0.5, 1, 1, 0.5, 0, 0]
    )
    held = replace(config, decay=0.0)
    assert [rate_at(n, held) for n in (50, 500, 999, 1000)] == pytest.approx([0.5, 1, 1, 0])


def test_a_run_may_be_given_minutes(tmp_path: Path):
    config = TrainConfig(notes=1000, warmup=100, decay=0.5, minutes=2.0)
    assert rate_at(500, config, 60.0) == 1 and rate_at(500, config, 90.0) == pytest.approx(0.5)
    assert rate_at(750, config, 30.0) == pytest.approx(0.5) and not rate_at(100, config, 120.0)
    run = Watched(tmp_path, replace(CONFIG, notes=1e9, minutes=1e-9))
    assert not run.done  # no time is spent yet
    run.train(SONGS, SONGS, quiet)
    assert run.done and run.step == 1


def test_bits_are_those_of_the_masked_fields(unbroken: Watched):
    batches = fixed_batches(SONGS, NoteScheme(), replace(FULL, length=32), 4, 2)
    found = bits(unbroken.model, batches)
    notes = sum(float(b["mask"][..., 1].sum()) for b in batches)
    assert found["notes"] == notes
    assert found["all"] == pytest.approx(sum(found[name] for name in FIELDS))
    changed = [
        {**b, "mask": np.concatenate([b["mask"][:, :8], 0 * b["mask"][:, 8:]], 1)} for b in batches
    ]
    assert bits(unbroken.model, changed)["notes"] < notes


def test_fixed_windows_are_the_same_whatever_is_left_out():
    one, two = (
        fixed_batches(SONGS, NoteScheme(), replace(FULL, length=32, nothing=nothing), 4, 2)
        for nothing in (0.0, 1.0)
    )
    for a, b in zip(one, two, strict=True):
        assert (a["fields"] == b["fields"]).all() and (a["mask"] == b["mask"]).all()
        assert not b["scalars"].any()
    rolled = CHANGES["shuffled"](one)
    assert (rolled[0]["scalars"][0] == one[0]["scalars"][1]).all()
    assert (rolled[0]["fields"] == one[0]["fields"]).all()


def test_the_log_is_lines_of_json(unbroken: Watched):
    lines = [json.loads(x) for x in (unbroken.folder / "log.jsonl").read_text().splitlines()]
    assert lines and lines[-1]["step"] == unbroken.step
    assert set(lines[-1]["valid"]) >= {"full", "none", "shuffled", "text_only", "other_text"}
