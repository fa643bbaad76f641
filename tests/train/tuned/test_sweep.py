"""A search over settings: what is run, going on after a stop, what is written, what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")
pytest.importorskip("pyarrow")

from cantilena.cli import main  # noqa: E402
from cantilena.data.paper import build_paper  # noqa: E402
from cantilena.data.paper.songs import Recipe as DataRecipe  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.systems.trainable import Recipe, recipe  # noqa: E402
from cantilena.train.tuned import trainer  # noqa: E402
from cantilena.train.tuned.sweep import plan, read_sweep, sweep, sweep_table  # noqa: E402
from paper_pieces import paper_lakh  # noqa: E402

TEXT = "batch=2,4 rate=1e-4,3e-3"
RUNS = ["batch-2-rate-0.0001", "batch-2-rate-0.003", "batch-4-rate-0.0001", "batch-4-rate-0.003"]


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Path:
    """A folder with ``data`` and a random ``music`` model."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("sweep")
    paper_lakh(root)
    build_paper(root / "lakh", root / "data", recipe=DataRecipe(31, captions="crop"))
    assert main(["init", "music", "-o", str(root / "music"), "--size", "nano"]) == 0
    return root


def base(here: Path) -> Recipe:
    return recipe("small-amt").changed(
        music_model=str(here / "music"),
        steps=2,
        batch=4,
        accumulate=2,
        warmup=2,
        context=31,
        valid_every=1,
        valid_songs=2,
        save_every=1,
        log_every=1,
        precision="float32",
        augment=False,
    )


def silent(_: str) -> None:
    return None


@pytest.fixture(scope="module")
def searched(here: Path) -> tuple[Path, dict]:
    figures = sweep(base(here), TEXT, here / "data", here / "searched", silent)
    assert figures is not None
    return here / "searched", figures


def losses(folder: Path) -> list:
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [(r["step"], r["loss"]) for r in rows if "loss" in r]


def test_every_combination_is_run_and_the_lowest_loss_stands_first(here, searched):
    folder, figures = searched
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == RUNS
    assert {row["run"] for row in figures["runs"]} == set(RUNS)
    first = [row["held_out"]["music"]["loss"] for row in figures["runs"]]
    assert first == sorted(first) and first[0] < first[-1]
    assert figures["best"] == figures["runs"][0]["run"] and figures["by"] == "held out, music"
    assert figures["best"].endswith("rate-0.003")
    assert {row["examples"] for row in figures["runs"]} == {8}
    assert {row["values"]["batch"]: row["steps"] for row in figures["runs"]} == {2: 4, 4: 2}
    assert json.loads((folder / "sweep.json").read_text()) == figures
    table = (folder / "sweep.md").read_text()
    assert table == sweep_table(figures) and "equal budgets: about 8 examples a run" in table
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    assert rows[0] == "| batch | rate | steps | examples | held out, music |"
    assert len(rows) == 5 and f"Best by held out, music: {figures['best']}." in table


def test_a_run_of_a_search_is_the_run_that_it_is_alone(here, searched, tmp_path):
    alone = base(here).changed(rate=3e-3)
    trainer.finetune(alone, here / "data", tmp_path, silent)
    assert losses(tmp_path) == losses(searched[0] / RUNS[3])


def test_a_search_that_is_stopped_goes_on_where_it_was(here, searched, tmp_path, monkeypatch):
    """Stopped in its second run, whose state is saved; what is finished is left alone."""
    steps: list[str] = []
    log = trainer.Manners.on_log

    def stopping(self, args, state, control, logs=None, **more):
        log(self, args, state, control, logs, **more)
        steps.append(self.run.folder.name)
        if steps.count(RUNS[1]) == 2:
            os.kill(os.getpid(), 15)

    monkeypatch.setattr(trainer.Manners, "on_log", stopping)
    assert sweep(base(here), TEXT, here / "data", tmp_path, silent) is None
    assert set(steps) == set(RUNS[:2]) and not (tmp_path / "sweep.json").exists()
    before = (tmp_path / RUNS[0] / "log.jsonl").read_bytes()
    monkeypatch.setattr(trainer.Manners, "on_log", log)
    lines: list[str] = []
    figures = sweep(base(here), TEXT, here / "data", tmp_path, lines.append)
    assert f"{tmp_path / RUNS[0]} is done: 4 steps" in lines
    assert any("going on with" in line and RUNS[1] in line for line in lines)
    assert (tmp_path / RUNS[0] / "log.jsonl").read_bytes() == before
    assert [losses(tmp_path / n) for n in RUNS] == [losses(searched[0] / n) for n in RUNS]
    assert figures == searched[1]


@pytest.mark.parametrize("when", ["evaluation", "finish"])
def test_a_signal_too_late_for_a_run_stops_the_search_before_the_next(
    here, tmp_path, monkeypatch, when
):
    """In a run's last validation, or while its model is written."""
    steps, evaluate, finish = 2, trainer.Tuner.evaluate, trainer.finish

    def evaluating(self, *arguments, **more):
        if when == "evaluation" and self.state.global_step == steps:
            os.kill(os.getpid(), 15)
        return evaluate(self, *arguments, **more)

    def finishing(*arguments):
        if when == "finish":
            os.kill(os.getpid(), 15)
        return finish(*arguments)

    monkeypatch.setattr(trainer.Tuner, "evaluate", evaluating)
    monkeypatch.setattr(trainer, "finish", finishing)
    lines: list[str] = []
    figures = sweep(base(here), "rate=1e-4,3e-3", here / "data", tmp_path, lines.append)
    assert figures is None and lines[-1].startswith("stopped before run 2")
    assert [path.name for path in tmp_path.iterdir()] == ["rate-0.0001"]
    assert (tmp_path / "rate-0.0001" / "model" / "card.json").is_file()
    monkeypatch.undo()
    assert sweep(base(here), "rate=1e-4,3e-3", here / "data", tmp_path, silent) is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 1}, "has steps 2, the sweep's plan 1"),
        ({"steps": 4}, "has steps 2, the sweep's plan 4"),
        ({"valid_songs": 1}, "has valid_songs 2, the sweep's plan 1"),
        ({"context": 28}, "has context 31, the sweep's plan 28"),
    ],
)
def test_runs_of_another_plan_are_refused_before_anything_is_trained(
    here, searched, changes, message
):
    """The first run is new, the second was finished under another plan."""
    other = base(here).changed(**changes)
    with pytest.raises(InputError, match=message):
        sweep(other, "batch=4 rate=5e-4,3e-3", here / "data", searched[0], silent)
    assert not (searched[0] / "batch-4-rate-0.0005").exists()


def test_runs_whose_held_out_tokens_differ_are_not_compared(here, tmp_path, monkeypatch):
    def trained(one, data, folder, *_, **__):
        tokens = 9 if one.settings.rate > 1e-3 else 8
        return {
            "figures": {"held_out": {"music": {"loss": 5.0, "tokens": tokens}}},
            "training": {"recipe": one.to_dict(), "computes": {"precision": "float32"}},
        }

    monkeypatch.setattr(trainer, "finetune", trained)
    with pytest.raises(InputError, match=r"'rate-0\.003' holds out 9 tokens of music, .* 8"):
        sweep(base(here), "rate=3e-3,1e-4", "", tmp_path, silent)
    assert not (tmp_path / "sweep.json").exists()


def test_a_run_without_a_loss_stands_last_and_is_not_the_best(here, tmp_path, monkeypatch):
    def trained(one, data, folder, *_, **__):
        loss = None if one.settings.rate > 1e-3 else 5.0
        return {
            "figures": {"held_out": {"loss": loss, "music": {"loss": loss, "tokens": 9}}},
            "training": {"recipe": one.to_dict(), "computes": {"precision": "float32"}},
        }

    monkeypatch.setattr(trainer, "finetune", trained)
    figures = sweep(base(here), "rate=3e-3,1e-4", "", tmp_path / "a", silent)
    assert figures and [r["values"]["rate"] for r in figures["runs"]] == [1e-4, 3e-3]
    assert "equal steps: 2 of 4 examples" in figures["budget"] and "| - |" in sweep_table(figures)
    none = sweep(base(here), "rate=3e-3,2e-3", "", tmp_path / "b", silent)
    assert none and none["best"] is None and "No run has a held-out loss." in sweep_table(none)


def test_budgets():
    """With another batch the steps change, and with them what is counted in steps."""
    runs = plan(recipe("small-amt"), "batch=8,16,64").runs
    numbers = {
        name: (s.steps, s.warmup, s.valid_every, s.save_every)
        for name, (_, one) in runs.items()
        for s in [one.settings]
    }
    assert numbers == {
        "batch-8": (4000, 200, 500, 500),
        "batch-16": (2000, 100, 250, 250),
        "batch-64": (500, 25, 62, 62),
    }
    own = plan(recipe("small-amt"), "batch=8,16 steps=10,20 warmup=5")
    assert [one.settings.steps for _, one in own.runs.values()] == [10, 20, 10, 20]
    assert own.budget == "budgets as the steps say"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no setting"),
        ("batch", "'batch' is not of the form"),
        ("batch=", "not of the form"),
        ("batch=8,", "batch of '' is no number"),
        ("batch=8, 16", "batch of '' is no number"),
        ("batch=8.5", "no whole number"),
        ("batch=x", "no number"),
        ("rate=nan", "no number"),
        ("rate=inf", "no number"),
        ("batch=8,8.0", "twice"),
        ("batch=8 batch=16", "names 'batch' twice"),
        ("speed=1", "'speed' is no number to sweep over; known: .*batch"),
        ("precision=float32", "'precision' is no number"),
        ("augment=1", "'augment' is no number"),
        ("context=64", "losses of other tokens"),
        ("workers=0,2", "'workers' does not change what a run learns; known: .*batch"),
        ("decay=0.1,0.2", "'decay' does not change"),
        ("samples=1,2", "'samples' does not change"),
        ("valid_every=1,2", "'valid_every' does not change"),
    ],
)
def test_bad_texts_are_refused(text: str, message: str):
    with pytest.raises(InputError, match=message):
        read_sweep(text, recipe("small-amt"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batch=0", "batch of 0 is less than 1"),
        ("batch=16,6", "does not divide into 4 parts"),
        ("rate=1e-4,2", "outside 0-1"),
        ("rate=1e-4,1e-3", "needs --music-model"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is(tmp_path, capsys, text, message):
    command = ["finetune", "--recipe", "small-amt", "--data", "none", "--out", str(tmp_path / "s")]
    assert main([*command, "--sweep", text]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and not (tmp_path / "s").exists()


def test_a_run_is_no_place_for_a_search(here, searched):
    with pytest.raises(InputError, match="folder of its own"):
        sweep(base(here), "rate=1e-4", here / "data", searched[0] / RUNS[0], silent)


def test_the_command_prints_the_table(here, searched, capsys):
    """Over what is finished: nothing is trained."""
    command = ["finetune", "--recipe", "small-amt", "--music-model", str(here / "music")]
    command += ["--data", str(here / "data"), "--out", str(searched[0]), "--sweep", TEXT]
    for name, value in base(here).settings.to_dict().items():
        if name in ("steps", "batch", "accumulate", "warmup", "valid_every", "save_every"):
            command += [f"--{name.replace('_', '-')}", str(int(value))]
    command += ["--context", "31", "--valid-songs", "2", "--no-augment", "--log-every", "1"]
    assert main(command) == 0
    assert sweep_table(searched[1]) in capsys.readouterr().out
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == searched[1]
