"""Tuning with the Trainer: whole runs of all systems, going on, two processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")
pytest.importorskip("pyarrow")

from transformers import DefaultFlowCallback, TrainerCallback  # noqa: E402

from cantilena.cli import main  # noqa: E402
from cantilena.data.paper import build_paper  # noqa: E402
from cantilena.data.paper.songs import Recipe  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.evaluate.table3.losses import read_losses  # noqa: E402
from cantilena.systems.trainable import names, recipe  # noqa: E402
from cantilena.train.tuned.trainer import finetune  # noqa: E402
from paper_pieces import paper_lakh  # noqa: E402

FEW = {
    "steps": 6,
    "batch": 4,
    "accumulate": 2,
    "warmup": 2,
    "context": 31,
    "text_tokens": 96,
    "valid_every": 6,
    "valid_songs": 2,
    "save_every": 2,
    "log_every": 1,
    "chunks": "turn",
    "precision": "float32",
}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with ``data`` and random ``music`` and ``text`` models."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("tune")
    paper_lakh(root)
    build_paper(root / "lakh", root / "data", recipe=Recipe(31, captions="crop"))
    assert main(["init", "music", "-o", str(root / "music"), "--size", "nano"]) == 0
    text = ["init", "text", "-o", str(root / "text"), "--size", "nano", "--words", "320"]
    assert main([*text, "--data", str(root / "data")]) == 0
    return root


def config(here: Path, system: str, **changes):
    models = {"text_model": str(here / "text"), "music_model": str(here / "music")}
    base = recipe(f"small-{system}")
    known = names(base.settings) | names(base.options)
    shared = {**FEW, **models, "augment": False}
    return base.changed(**{**{k: v for k, v in shared.items() if k in known}, **changes})


def log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def losses(folder: Path) -> list[tuple[int, float]]:
    return [(r["step"], r["loss"]) for r in log(folder) if "loss" in r]


def read_loss(folder: Path) -> float | None:
    return read_losses(folder)["music"]


def silent(_: str) -> None:
    return None


class Kill(TrainerCallback):
    def __init__(self, step: int):
        self.step = step

    def on_step_end(self, args, state, control, **_):
        if state.global_step == self.step:
            raise RuntimeError("killed")


class Terminate(TrainerCallback):
    def on_step_begin(self, args, state, control, **_):
        if state.global_step == 2:
            os.kill(os.getpid(), 15)


@pytest.fixture(scope="module")
def whole(here):
    """An amt-prefix run that nothing stopped."""
    card = finetune(config(here, "amt-prefix", layers="all"), here / "data", here / "whole", silent)
    return here / "whole", card


def test_a_run_leaves_a_model_and_its_card(here, whole):
    from cantilena.systems.arrival.amt_prefix import AmtPrefixSystem

    load = AmtPrefixSystem.load

    folder, card = whole
    assert card["figures"]["held_out"]["loss"] == pytest.approx(read_loss(folder), rel=1e-6)
    assert card["training"]["parameters"]["bridge"]["trainable"] > 0 and card["seed"] == 0
    assert "lakh" in json.dumps(card["sources"]) and card["sources"]["music"]["licence"]
    assert len(losses(folder)) == 6
    assert not [p for p in folder.rglob("*") if p.suffix in (".pt", ".pth", ".bin", ".pkl")]
    assert load(folder).prompt("a waltz").embeds is not None


def test_a_run_may_do_without_checkpoints(here, whole, tmp_path):
    settings = config(here, "amt-prefix", layers="all", save_every=0)
    card = finetune(settings, here / "data", tmp_path, silent)
    assert card is not None and card["figures"] == whole[1]["figures"]
    assert not list(tmp_path.glob("step-*"))


def test_a_run_with_samples_has_the_losses_of_one_without(here, tmp_path):
    """Random numbers, kernels and the weights that ask for gradients are the same."""
    for name, every in (("without", 0), ("with", 1)):
        settings = config(here, "amt-prefix", steps=3, save_every=0, samples=1, sample_every=every)
        finetune(settings, here / "data", tmp_path / name, silent)
    assert len(list((tmp_path / "with" / "samples").glob("step-*/0.mid"))) == 3
    assert losses(tmp_path / "with") == losses(tmp_path / "without")
    assert read_loss(tmp_path / "with") == read_loss(tmp_path / "without")


def test_a_process_takes_one_gpu_and_says_so(here, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    lines: list[str] = []
    finetune(config(here, "amt", steps=1, save_every=0), here / "data", tmp_path, lines.append)
    assert any("one of 4 GPUs" in line and "torchrun" in line for line in lines)
    assert any(line == "1 process on cpu, in float32" for line in lines)


@pytest.mark.parametrize("how", ["kill", "signal"])
def test_a_stopped_run_goes_on_to_the_same_losses(here, whole, tmp_path, how):
    settings = config(here, "amt-prefix", layers="all")
    if how == "kill":
        with pytest.raises(RuntimeError, match="killed"):
            finetune(settings, here / "data", tmp_path, silent, callbacks=[Kill(5)])
        half = tmp_path / ".step-6.part"  # one that was being written
        half.mkdir()
        (half / "trainer_state.json").write_text('{"global')
    else:
        card = finetune(settings, here / "data", tmp_path, silent, callbacks=[Terminate()])
        assert card is None and losses(tmp_path)[-1][0] == 3
    card = finetune(settings, here / "data", tmp_path, silent)
    assert losses(tmp_path) == losses(whole[0])
    assert {**card, "name": "", "files": {}} == {**whole[1], "name": "", "files": {}}
    assert card["files"]["model.safetensors"] == whole[1]["files"]["model.safetensors"]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_runs_text_states_are_kept_where_it_says(here, whole, tmp_path, goes_on):
    """Also those of a run that goes on from a model, whose bridge says which layers are read."""
    states = tmp_path / "states"
    settings = config(here, "amt-prefix", steps=2, save_every=0, states=str(states))
    if goes_on:
        settings = settings.changed(start=str(whole[0]))
    finetune(settings, here / "data", tmp_path / "first", silent)
    written = {path.name: path.stat().st_mtime_ns for path in states.iterdir()}
    assert written and all(name.endswith("-last.safetensors") != goes_on for name in written)
    finetune(settings, here / "data", tmp_path / "second", silent)
    assert {path.name: path.stat().st_mtime_ns for path in states.iterdir()} == written
    assert losses(tmp_path / "first") == losses(tmp_path / "second")


def test_a_run_cannot_become_another(here, whole):
    with pytest.raises(InputError, match="has layers 'all', not 'last'"):
        finetune(config(here, "amt-prefix"), here / "data", whole[0], silent)


@pytest.mark.parametrize("init", ["gaussian", "amt"])
def test_llama_music_is_tuned_packed_and_with_lora(here, tmp_path, init):
    from cantilena.systems.arrival.llama_music import LlamaMusicSystem

    load = LlamaMusicSystem.load

    changes = {"init": init, "pack": init == "amt", "lora": 2 if init == "amt" else 0}
    settings = config(here, "llama-music", steps=2, checkpointing=init == "amt", **changes)
    card = finetune(settings, here / "data", tmp_path, silent)
    part = card["training"]["parameters"]["text"]
    assert (part["trainable"] == 0) == (init == "amt")
    assert card["training"]["parameters"]["music_embedding"]["trainable"] == 55_028 * 64
    assert load(tmp_path).prompt("a waltz").ids
    more = config(here, "llama-music", steps=1, start=str(tmp_path))
    assert (
        finetune(more, here / "data", tmp_path / "more", silent)["figures"]["held_out"]["loss"] > 0
    )


@pytest.mark.parametrize("system", ["amt", "text"])
def test_models_are_pretrained_alone_in_the_published_layout(here, tmp_path, system):
    from transformers import AutoModelForCausalLM

    changes = {"augment": True, "chunks": "all"} if system == "amt" else {"pack": True}
    settings = config(here, system, steps=4, rate=5e-3, captions=system == "text", **changes)
    finetune(settings, here / "data", tmp_path, silent)
    first, *_, last = losses(tmp_path)
    assert last[1] < first[1]
    which = "music" if system == "amt" else "text"
    before = AutoModelForCausalLM.from_pretrained(here / which).state_dict()
    after = AutoModelForCausalLM.from_pretrained(tmp_path / "model").state_dict()
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[k], after[k]) for k in before)


def test_llama_music_reports_its_loss_with_the_text_and_without(here, tmp_path):
    """The first is the music's, of the same tokens as amt-prefix's; the paper's is of both, and is
    what the model's own mean loss over all labels is."""
    from cantilena.data.paper.reader import PaperData
    from cantilena.models.llama_music import LlamaMusic
    from cantilena.systems.arrival.training.collate import JointCollator
    from cantilena.systems.arrival.training.common import tokenizer_of
    from cantilena.train.tuned.examples import PaperExamples, valid_batches

    card = finetune(config(here, "llama-music", steps=1), here / "data", tmp_path, silent)
    held = card["figures"]["held_out"]
    row = [r for r in log(tmp_path) if "eval_loss" in r][-1]
    for name in ("music", "text and music"):
        key = f"eval_{name.replace(' ', '_')}"
        assert held[name] == {"loss": row[f"{key}_loss"], "tokens": row[f"{key}_tokens"]}
    assert (held["loss"], held["tokens"]) == (held["music"]["loss"], held["music"]["tokens"])
    assert read_losses(tmp_path) == {
        name: held[name]["loss"] for name in ("music", "text and music")
    }
    songs = PaperExamples(PaperData(here / "data", "valid", first=2).load())
    model = LlamaMusic.load(tmp_path)
    for name, text_loss in (("music", False), ("text and music", True)):
        joint = JointCollator(
            tokenizer_of(str(here / "text")), model.offset, 127, text_loss=text_loss, longest=96,
            music=31,
        )  # fmt: skip
        (batch,) = (joint(examples) for examples in valid_batches(songs, 4))
        tokens = int((batch["labels"] != -100).sum())
        with torch.no_grad():
            assert held[name]["loss"] == pytest.approx(float(model(**batch).loss), rel=1e-5)
        assert held[name]["tokens"] == tokens
    assert held["text and music"]["tokens"] > held["music"]["tokens"]


def test_where_there_are_no_texts_one_loss_is_reported(here, tmp_path):
    settings = config(here, "llama-music", steps=1, captions=False)
    card = finetune(settings, here / "data", tmp_path, silent)
    assert set(card["figures"]["held_out"]) == {"loss", "tokens", "music"}


# ------------------------------------------------------------------ precision


def instructions(monkeypatch, there: bool) -> None:
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: there)


def test_a_run_keeps_the_precision_that_it_began_with(here, tmp_path, monkeypatch):
    """Also where the machine that goes on with it would choose another."""
    settings = config(here, "amt", steps=4, precision="auto")
    for there, which in ((True, "bfloat16"), (False, "float32")):
        folder = tmp_path / which
        instructions(monkeypatch, there)
        with pytest.raises(RuntimeError, match="killed"):
            finetune(settings, here / "data", folder, silent, callbacks=[Kill(3)])
        instructions(monkeypatch, not there)
        card = finetune(settings, here / "data", folder, silent)
        assert card["training"]["recipe"]["settings"]["precision"] == which
        computes = {"device": "cpu", "precision": which, "processes": 1}
        saved = json.loads((folder / "run.json").read_text())
        assert saved["computes"] == card["training"]["computes"] == computes
        starts = [row for row in log(folder) if "processes" in row]
        assert starts == [{"step": 0, **computes}, {"step": 2, **computes}]
    assert losses(tmp_path / "bfloat16") != losses(tmp_path / "float32")


def test_the_launchers_precision_is_not_the_runs(here, tmp_path, monkeypatch):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    finetune(config(here, "amt", steps=2, save_every=0), here / "data", tmp_path / "a", silent)
    monkeypatch.delenv("ACCELERATE_MIXED_PRECISION")
    finetune(config(here, "amt", steps=2, save_every=0), here / "data", tmp_path / "b", silent)
    assert losses(tmp_path / "a") == losses(tmp_path / "b")


# ------------------------------------------------------------------ divergence, ends


def test_a_training_that_diverges_ends_with_no_loss(here, tmp_path):
    settings = config(here, "amt", steps=6, rate=0.99, warmup=0, save_every=0)
    card = finetune(settings, here / "data", tmp_path, silent, callbacks=[Explode()])
    assert card["figures"]["held_out"]["loss"] is None
    assert losses(tmp_path)[-1][1] is None


class Explode(TrainerCallback):
    """Weights that are no numbers, as a rate much too high leaves them."""

    def on_step_begin(self, args, state, control, model=None, **_):
        if state.global_step == 3:
            with torch.no_grad():
                next(model.parameters()).fill_(float("nan"))


def test_a_finished_run_without_checkpoints_is_not_trained_again(here, tmp_path):
    settings = config(here, "amt", steps=2, save_every=0)
    card = finetune(settings, here / "data", tmp_path, silent)
    lines: list[str] = []
    assert finetune(settings, here / "data", tmp_path, lines.append) == card
    assert lines == [f"{tmp_path} is done: 2 steps"]


def test_a_finished_run_without_checkpoints_is_not_lengthened(here, tmp_path):
    """It would begin again, and replace its log and its model."""
    finetune(config(here, "amt", steps=2, save_every=0), here / "data", tmp_path, silent)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(InputError, match=r"after 2 steps and kept no checkpoint.*--from"):
        finetune(config(here, "amt", steps=4), here / "data", tmp_path, silent)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    more = config(here, "amt", steps=1, start=str(tmp_path))
    assert finetune(more, here / "data", tmp_path / "more", silent) is not None


def test_a_run_killed_before_a_checkpoint_begins_again_with_an_empty_log(here, tmp_path):
    settings = config(here, "amt", steps=3, save_every=0)
    with pytest.raises(RuntimeError, match="killed"):
        finetune(settings, here / "data", tmp_path / "run", silent, callbacks=[Kill(2)])
    lines: list[str] = []
    finetune(settings, here / "data", tmp_path / "run", lines.append)
    assert f"{tmp_path / 'run'} has no checkpoint: it begins again" in lines
    assert [r["step"] for r in log(tmp_path / "run") if "processes" in r] == [0]
    assert [step for step, _ in losses(tmp_path / "run")] == [1, 2, 3]


@pytest.mark.parametrize("every", [2, 3, 9])
def test_the_last_step_is_validated_once_by_any_trainer(here, tmp_path, monkeypatch, every):
    """Earlier versions of the Trainer validate at whole multiples alone."""
    flow = DefaultFlowCallback.on_step_end

    def earlier(self, args, state, control, **more):
        flow(self, args, state, control, **more)
        control.should_evaluate = state.global_step % state.eval_steps == 0
        return control

    settings = config(here, "amt", steps=3, valid_every=every, save_every=0)
    for name, kind in (("new", flow), ("old", earlier)):
        monkeypatch.setattr(DefaultFlowCallback, "on_step_end", kind)
        card = finetune(settings, here / "data", tmp_path / name, silent)
        steps = [r["step"] for r in log(tmp_path / name) if "eval_loss" in r]
        assert steps == sorted({*range(every, 3, every), 3})
        assert card and card["figures"]["held_out"]["music"]["tokens"] > 0


@pytest.mark.parametrize("system", ["amt", "amt-prefix", "llama-music", "text"])
def test_a_model_that_is_not_named_is_noticed_before_the_folder_is_made(here, tmp_path, system):
    settings = config(here, system, music_model="") if system != "text" else config(here, system)
    if system in ("llama-music", "text"):
        settings = settings.changed(text_model="")
    with pytest.raises(InputError, match=r"--(music|text)-model"):
        finetune(settings, here / "data", tmp_path / "run", silent)
    assert not (tmp_path / "run").exists()


# ------------------------------------------------------------------ several processes


TWO_MACHINES = """
import os, sys, torch

there = os.environ["RANK"] == "1"  # only the second process has instructions for bfloat16
torch.cpu._is_amx_tile_supported = torch.cpu._is_avx512_bf16_supported = lambda: there
from cantilena.cli import main
from cantilena.train.tuned.tuner import Tuner

train = Tuner.train

def training(self, **more):
    print(f"rank {self.args.process_index}, bfloat16: {self.args.bf16}", flush=True)
    return train(self, **more)

Tuner.train = training
sys.exit(main(sys.argv[1:]))
"""


def torchrun(tmp_path: Path, *arguments: str) -> list[str]:
    """What two processes print that each have another machine's instructions."""
    (tmp_path / "script.py").write_text(TWO_MACHINES)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc_per_node", "2", str(tmp_path / "script.py"), "finetune", *arguments]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "CANTILENA_DEBUG": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def flags(settings) -> list[str]:
    """The options of a command that has these settings."""
    values = {**settings.settings.to_dict(), **settings.options.to_dict()}
    return [
        f"--{name.replace('_', '-')}={value:g}"
        if isinstance(value, (int, float))
        else f"--{name.replace('_', '-')}={value}"
        for name, value in values.items()
        if name in (*FEW, "layers", "text_model", "music_model")
    ]


def test_two_processes_give_the_loss_of_one(here, whole, tmp_path):
    """DDP over gloo: the same global batches, so the same losses. The first process alone decides
    the precision, prints and writes."""
    run = tmp_path / "two"
    settings = config(here, "amt-prefix", layers="all", accumulate=1, precision="auto")
    command = ["--recipe", "small-amt-prefix", "--data", str(here / "data"), "--out", str(run)]
    lines = torchrun(tmp_path, *command, "--no-augment", *flags(settings))
    for (step, one), (other, two) in zip(losses(whole[0]), losses(run), strict=True):
        assert step == other and two == pytest.approx(one, rel=1e-4)
    assert read_loss(run) == pytest.approx(read_loss(whole[0]), rel=1e-4)
    assert {f"rank {k}, bfloat16: False" for k in range(2)} <= set(lines)
    assert "2 processes on cpu, in float32" in lines and lines.count(str(run)) == 1
    assert len([line for line in lines if line.startswith("held out, music:")]) == 1
    assert json.loads((run / "run.json").read_text())["computes"]["processes"] == 2
    assert [row["processes"] for row in log(run) if "processes" in row] == [2]
    card = json.loads((run / "model" / "card.json").read_text())
    assert card["training"]["computes"]["processes"] == 2


def test_two_processes_search_together(here, tmp_path):
    """The first alone prints and writes, and each run has both."""
    search = tmp_path / "search"
    settings = config(here, "amt", steps=2, accumulate=1)
    command = ["--recipe", "small-amt", "--data", str(here / "data"), "--out", str(search)]
    command += ["--no-augment", "--sweep", "rate=1e-4,1e-3", *flags(settings)]
    lines = torchrun(tmp_path, *command)
    figures = json.loads((search / "sweep.json").read_text())
    assert len([line for line in lines if line.startswith("Best by held out, music")]) == 1
    for row in figures["runs"]:
        card = json.loads((search / row["run"] / "model" / "card.json").read_text())
        assert card["training"]["computes"]["processes"] == 2
        assert row["held_out"]["music"]["loss"] == card["figures"]["held_out"]["loss"]
