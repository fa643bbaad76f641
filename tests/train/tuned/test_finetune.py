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

from transformers import TrainerCallback  # noqa: E402

from cantilena.cli import main  # noqa: E402
from cantilena.data.paper import build_paper  # noqa: E402
from cantilena.data.paper.songs import Recipe  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.evaluate.table3.losses import read_loss  # noqa: E402
from cantilena.systems.trainable import names, recipe  # noqa: E402
from cantilena.train.run import Run  # noqa: E402
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
    said: list[str] = []
    finetune(config(here, "amt", steps=1, save_every=0), here / "data", tmp_path, said.append)
    assert any("one of 4 GPUs" in line and "accelerate launch" in line for line in said)


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
        found = finetune(settings, here / "data", tmp_path, silent, callbacks=[Terminate()])
        assert found is None and losses(tmp_path)[-1][0] == 3
    card = finetune(settings, here / "data", tmp_path, silent)
    assert losses(tmp_path) == losses(whole[0])
    assert {**card, "name": "", "files": {}} == {**whole[1], "name": "", "files": {}}
    assert card["files"]["model.safetensors"] == whole[1]["files"]["model.safetensors"]
    assert not list(tmp_path.glob(".*"))


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


def test_two_processes_give_the_loss_of_one(here, whole, tmp_path):
    """DDP over gloo: the same global batches, so the same losses."""
    run = tmp_path / "two"
    run.mkdir()
    settings = config(here, "amt-prefix", layers="all", accumulate=1, steps=6)
    Run(run).write(settings, "", {})
    command = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    command += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    command += ["--main_process_port", "0", "-m", "cantilena", "finetune"]
    command += ["--data", str(here / "data"), "--out", str(run), "--quiet"]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "CANTILENA_DEBUG": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    for (step, one), (other, two) in zip(losses(whole[0]), losses(run), strict=True):
        assert step == other and two == pytest.approx(one, rel=1e-4)
    assert read_loss(run) == pytest.approx(read_loss(whole[0]), rel=1e-4)
