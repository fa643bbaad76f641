"""The training loop: it learns, it resumes, and it measures what it says."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.locks import lock  # noqa: E402
from cantilena.systems.note.training import CropConfig, note_recipe  # noqa: E402
from cantilena.systems.trainable import Recipe, Settings  # noqa: E402
from cantilena.tokens.note import FIELDS, NoteScheme  # noqa: E402
from cantilena.train.note.crops import FULL  # noqa: E402
from cantilena.train.note.held import CHANGES, bits, fixed_batches  # noqa: E402
from cantilena.train.note.loop import Training, rate_at, run_recipe  # noqa: E402
from songs import random_songs, scale_song  # noqa: E402
from tiny import tiny_config  # noqa: E402

SMALL = {"layers": 1, "width": 32, "heads": 1, "hidden": 64, "head_hidden": 32, "context": 80}
RECIPE = note_recipe().changed(
    notes=64 * 6,
    batch=2,
    warmup=64,
    rate=3e-3,
    decay=0.5,
    compile=False,
    crop=CropConfig(length=32),
    valid_windows=2,
    valid_every=1e9,
    save_minutes=0.0,
)
SONGS = random_songs(2, 60)


class Watched(Training):
    """A run that remembers its losses and can be killed before its n-th step."""

    def __init__(self, folder: Path, recipe: Recipe = RECIPE, dies: int | None = None):
        super().__init__(folder, tiny_config(**SMALL), recipe)
        self.losses: list[list[float]] = []
        self.dies = dies

    def _step(self, model, batch):
        if self.step == self.dies:
            raise SystemExit("killed")
        figures = super()._step(model, batch)
        self.losses.append(figures.tolist())
        return figures


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> Watched:
    run = Watched(tmp_path_factory.mktemp("unbroken"))
    run.train(SONGS, SONGS, quiet)
    return run


@pytest.fixture(scope="module")
def old_run(tmp_path_factory) -> Path:
    """A run's folder of three steps as versions before the run format left it."""
    folder = tmp_path_factory.mktemp("old")
    run = Watched(folder, dies=3)
    with pytest.raises(SystemExit):
        run.train(SONGS, SONGS, quiet)
    tensors = {}
    for k, optimiser in enumerate(run.optimisers):
        params = [p for group in optimiser.param_groups for p in group["params"]]
        for i, p in enumerate(params):
            for name, value in optimiser.state[p].items():
                tensors[f"{k}.{i}.{name}"] = value.detach().contiguous()
    state = json.loads((folder / "step-3" / "state.json").read_text())
    settings = run.recipe.to_dict()
    train = {name: settings["settings"][name] for name in OLD_SETTINGS} | settings["options"]
    train["valid_notes"] = settings["settings"]["valid_every"]
    (folder / "state.json").write_text(json.dumps({**state, "train": train}))
    shutil.move(folder / "step-3" / "model.safetensors", folder)
    save_file(tensors, folder / "optimiser.safetensors")
    for name in ("step-2", "step-3"):
        shutil.rmtree(folder / name)
    (folder / "run.json").unlink()
    return folder


OLD_SETTINGS = (
    *("notes", "minutes", "batch", "rate", "warmup", "decay", "weight_decay", "clip", "seed"),
    *("workers", "save_minutes"),
)


def test_a_killed_run_goes_on_as_if_nothing_had_been(unbroken: Watched, tmp_path: Path):
    killed = Watched(tmp_path, dies=3)
    with pytest.raises(SystemExit):
        killed.train(SONGS, SONGS, quiet)
    resumed = Watched(tmp_path)
    assert resumed.step == 3  # every step was saved: save_minutes is 0
    resumed.train(SONGS, SONGS, quiet)
    assert resumed.step == unbroken.step and resumed.notes == unbroken.notes
    assert killed.losses + resumed.losses == unbroken.losses
    for one, two in zip(unbroken.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(one, two)
    assert len(resumed.run.steps()) == RECIPE.settings.keep


def killed(run: Watched) -> None:
    with pytest.raises(SystemExit):
        run.train(SONGS, SONGS, quiet)


def test_a_kill_at_any_rename_leaves_a_state_that_goes_on(
    unbroken: Watched, tmp_path: Path, monkeypatch
):
    """Every rename of a run that goes on for one step in turn, before and after it happens."""
    rename = os.replace
    two = tmp_path / "two"
    killed(Watched(two, dies=2))
    at, last = 1, False
    while not last:
        for after in (False, True):
            folder = shutil.copytree(two, tmp_path / f"{at}-{after}")
            renames = 0

            def dying(*args, after=after, at=at, **kwargs):
                nonlocal renames
                renames += 1
                if renames == at and not after:
                    raise SystemExit("killed")
                rename(*args, **kwargs)
                if renames == at:
                    raise SystemExit("killed")

            run = Watched(folder, dies=3)
            monkeypatch.setattr(os, "replace", dying)
            killed(run)
            monkeypatch.undo()
            last = renames < at
            again = Watched(folder)
            start = again.step
            assert start in (2, 3) and (not last or start == 3)
            again.dies = start + 1
            killed(again)
            assert again.losses == unbroken.losses[start : start + 1]
            assert not list(folder.glob(".*"))
        at += 1
    assert at > 6  # run.json, habits and data aside, the files of a state and the state itself


def test_a_state_of_an_earlier_version_goes_on(unbroken: Watched, old_run: Path, tmp_path: Path):
    folder = shutil.copytree(old_run, tmp_path / "run")
    recipe = run_recipe(folder)
    assert recipe == RECIPE
    run = Watched(folder, recipe)
    assert run.step == 3
    run.train(SONGS, SONGS, quiet)
    assert run.losses == unbroken.losses[3:]
    (folder / "state.json").write_text("{}")
    assert Watched(folder).step == unbroken.step  # the new states stand above
    shutil.rmtree(folder / f"step-{unbroken.step}")
    for step in run.run.steps():
        shutil.rmtree(folder / f"step-{step}")
    with pytest.raises(CheckpointError, match="cannot be read"):
        Watched(folder)


# ---------------------------------------------------------------------------- stopping


class Signalled(Watched):
    """A run that hears a signal within its third step."""

    number = signal.SIGTERM

    def _step(self, model, batch):
        if self.step == 2:
            os.kill(os.getpid(), self.number)
        return super()._step(model, batch)


ENDING = [signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] if os.name == "posix" else [])]


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_ends_a_run_between_steps(unbroken: Watched, tmp_path: Path, number):
    handlers = [signal.getsignal(n) for n in ENDING]
    run = Signalled(tmp_path, RECIPE.changed(save_minutes=60.0))
    run.number = number
    lines: list[str] = []
    run.train(SONGS, SONGS, lines.append)
    assert any("stopped" in line for line in lines) and not run.done
    assert run.run.steps() == [3]  # the step under way was done, whole
    assert [signal.getsignal(n) for n in ENDING] == handlers
    again = Watched(tmp_path)
    again.train(SONGS, SONGS, quiet)
    assert run.losses + again.losses == unbroken.losses


def test_a_second_signal_ends_a_run_at_once_without_saving(tmp_path: Path):
    class Twice(Signalled):
        def _step(self, model, batch):
            if self.step == 2:
                os.kill(os.getpid(), signal.SIGINT)
            return super()._step(model, batch)

    run = Twice(tmp_path, RECIPE.changed(save_minutes=60.0))
    with pytest.raises(KeyboardInterrupt):
        run.train(SONGS, SONGS, quiet)
    assert run.run.steps() == []


@pytest.mark.skipif(os.name != "posix", reason="SIGHUP is POSIX's")
def test_several_hangups_are_one_and_under_nohup_none(tmp_path: Path):
    """A terminal that closes may send several; the run is saved all the same."""

    class Hung(Signalled):
        def _step(self, model, batch):
            if self.step == 2:
                for _ in range(2):
                    os.kill(os.getpid(), signal.SIGHUP)
            return super(Signalled, self)._step(model, batch)

    run = Hung(tmp_path / "one", RECIPE.changed(save_minutes=60.0))
    run.train(SONGS, SONGS, quiet)
    assert run.run.steps() == [3] and not run.done
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        run = Hung(tmp_path / "two", RECIPE.changed(save_minutes=60.0))
        run.train(SONGS, SONGS, quiet)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert run.done


def test_a_run_off_the_main_thread_leaves_signals_alone(unbroken: Watched, tmp_path: Path):
    run = Watched(tmp_path)
    thread = threading.Thread(target=run.train, args=(SONGS, SONGS, quiet))
    thread.start()
    thread.join()
    assert run.losses == unbroken.losses


_SCRIPT = """
import sys
from pathlib import Path
import torch
torch.set_num_threads({threads})  # sums round by how many share them
sys.path[:0] = [{support!r}, {here!r}]
from test_training import RECIPE, SONGS, Watched
import time
class Slow(Watched):
    def _step(self, model, batch):
        time.sleep(0.1)
        print("step", self.step, flush=True)
        return super()._step(model, batch)
run = Slow(Path({folder!r}), RECIPE.changed(save_minutes=60.0, precision={precision!r}))
run.train(SONGS, SONGS, lambda line: None)
sys.exit(0 if run.done else 130)
"""


def test_sigterm_to_a_process_saves_and_ends_it(unbroken: Watched, tmp_path: Path):
    here = Path(__file__).parent
    names = {"support": str(here.parents[1] / "support"), "here": str(here)}
    # what a timing found in this process, and how many threads share a sum, decide the last bits
    precision = json.loads((unbroken.run.folder / "run.json").read_text())["computes"]["precision"]
    threads = torch.get_num_threads()
    script = _SCRIPT.format(**names, folder=str(tmp_path), threads=threads, precision=precision)
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        while "step 1" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        assert process.wait(60) == 130
    finally:
        process.kill()
    run = Watched(tmp_path)
    start = run.step
    assert 2 <= start < unbroken.step
    run.train(SONGS, SONGS, quiet)
    assert run.losses == unbroken.losses[start:]


# ---------------------------------------------------------------------------- refusals


def test_two_processes_cannot_train_in_one_folder(tmp_path: Path):
    run = Watched(tmp_path)
    with lock(tmp_path), pytest.raises(InputError, match="another process"):
        run.train(SONGS, SONGS, quiet)
    assert not run.losses


def test_a_run_that_went_on_meanwhile_is_refused(tmp_path: Path):
    late = Watched(tmp_path)
    Watched(tmp_path).train(SONGS, SONGS, quiet)
    with pytest.raises(InputError, match="begin again"):
        late.train(SONGS, SONGS, quiet)


def test_a_damaged_run_is_refused(unbroken: Watched, tmp_path: Path):
    folder = shutil.copytree(unbroken.run.folder, tmp_path / "run")
    newest = folder / f"step-{unbroken.step}"
    for path in sorted(newest.iterdir()):
        whole = path.read_bytes()
        for damage in (whole[: len(whole) // 2], whole[:-1] + bytes([whole[-1] ^ 1]), b"", None):
            path.unlink()
            if damage is not None:
                path.write_bytes(damage)
            with pytest.raises(CheckpointError, match=rf"damaged.*step-{unbroken.step - 1}"):
                Watched(folder)
            path.write_bytes(whole)
    shutil.rmtree(newest)
    assert Watched(folder).step == unbroken.step - 1


@pytest.mark.parametrize(
    "changes",
    [{"format": 3}, {"system": "other"}, {"settings": {"notes": "x"}}, {"options": []}, {"x": ...}],
)
def test_odd_settings_are_refused(unbroken: Watched, tmp_path: Path, changes: dict):
    data = json.loads((unbroken.run.folder / "run.json").read_text())
    text = "[]" if "x" in changes else json.dumps({**data, **changes})
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(CheckpointError):
        run_recipe(tmp_path)


def test_the_run_says_what_it_computes_in(unbroken: Watched):
    data = json.loads((unbroken.run.folder / "run.json").read_text())
    assert data["computes"]["precision"] in ("float32", "bfloat16")
    assert Recipe.from_dict(data) == RECIPE == run_recipe(unbroken.run.folder)


@pytest.mark.parametrize("there", [False, True])
def test_a_run_keeps_the_precision_it_began_with(
    unbroken: Watched, tmp_path: Path, monkeypatch, there: bool
):
    """Whatever instructions the machine has that goes on with it or measures it."""
    folder = shutil.copytree(unbroken.run.folder, tmp_path / "run")
    data = json.loads((folder / "run.json").read_text())
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: there)
    for precision in ("float32", "bfloat16"):
        data["computes"] = {"device": unbroken.device, "precision": precision}
        data["precisions"] = {unbroken.device: precision}
        (folder / "run.json").write_text(json.dumps(data))
        run = Watched(folder)
        assert run.settings.precision == precision
        assert run.optimisers[0].dtype == getattr(torch, precision)
    assert Recipe.from_dict(data).settings.precision == "auto"


# ---------------------------------------------------------------------------- learning


def test_a_song_is_learnt_by_heart(tmp_path: Path):
    crop = replace(FULL, length=72, start=1.0)
    sizes = {"notes": 1e9, "batch": 1, "rate": 1e-2, "warmup": 100, "decay": 0.01}
    run = Watched(tmp_path, RECIPE.changed(**sizes, crop=crop, save_minutes=60.0), dies=36)
    with pytest.raises(SystemExit):
        run.train(scale_song(), scale_song(), quiet)
    losses = np.array(run.losses).sum(1)
    assert losses[0] > 25 and losses[-1] < 0.4 * losses[0]
    assert (np.array(run.losses)[-1] < np.array(run.losses)[0]).all()


def test_the_rate_is_warmed_up_held_and_brought_to_nothing():
    config = Settings(notes=1000, warmup=100, decay=0.5)
    assert [rate_at(n, config) for n in (0, 50, 100, 500, 750, 1000, 1200)] == pytest.approx(
        [0, 0.5, 1, 1, 0.5, 0, 0]
    )
    held = replace(config, decay=0.0)
    assert [rate_at(n, held) for n in (50, 500, 999, 1000)] == pytest.approx([0.5, 1, 1, 0])


def test_a_run_may_be_given_minutes(tmp_path: Path):
    config = Settings(notes=1000, warmup=100, decay=0.5, minutes=2.0)
    assert rate_at(500, config, 60.0) == 1 and rate_at(500, config, 90.0) == pytest.approx(0.5)
    assert rate_at(750, config, 30.0) == pytest.approx(0.5) and not rate_at(100, config, 120.0)
    run = Watched(tmp_path, RECIPE.changed(notes=1e9, minutes=1e-9))
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
    lines = [json.loads(x) for x in (unbroken.run.folder / "log.jsonl").read_text().splitlines()]
    assert lines and lines[-1]["step"] == unbroken.step
    assert set(lines[-1]["valid"]) >= {"full", "none", "shuffled", "text_only", "other_text"}
