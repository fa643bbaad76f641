"""Teaching a trained model to read a plan: what is trained, what stays, and that it is of use."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.step_lm import PLAN_WEIGHTS, StepConfig  # noqa: E402
from cantilena.systems.note.checkpoint import open_note  # noqa: E402
from cantilena.systems.note.engine import Engine  # noqa: E402
from cantilena.systems.note.torch_engine import TorchEngine  # noqa: E402
from cantilena.systems.note.training import (  # noqa: E402
    CropConfig,
    note_recipe,
    plan_recipe,
    with_plan,
)
from cantilena.systems.trainable import Recipe  # noqa: E402
from cantilena.tokens.note import NoteScheme  # noqa: E402
from cantilena.train.note.crops import FULL  # noqa: E402
from cantilena.train.note.export import export  # noqa: E402
from cantilena.train.note.held import bits, engine_bits, fixed_batches  # noqa: E402
from cantilena.train.note.loop import Training, first_config  # noqa: E402
from makers import repetitive_table  # noqa: E402
from songs import FakeSongs  # noqa: E402
from tiny import tiny_config  # noqa: E402

RECIPE = plan_recipe().changed(
    notes=40 * 2 * 32,
    batch=2,
    warmup=64,
    rate=2e-2,
    compile=False,
    crop=CropConfig(length=32, plan=True),
    valid_windows=2,
    valid_every=1e9,
    save_minutes=0.0,
)
TABLES = [repetitive_table(np.random.default_rng(seed))[0] for seed in range(3)]
SONGS = FakeSongs(TABLES)
PLANNED = replace(FULL, length=32, plan=True)


def quiet(_: str) -> None:
    pass


def begun(folder: Path, checkpoint: Path, recipe: Recipe = RECIPE) -> Training:
    training = Training(folder, first_config(recipe, checkpoint, {}), recipe)
    training.start_from(checkpoint)
    return training


@pytest.fixture(scope="module")
def run(tiny_checkpoint: Path, tmp_path_factory) -> Training:
    training = begun(tmp_path_factory.mktemp("plan"), tiny_checkpoint)
    training.train(SONGS, SONGS, quiet)
    return training


@pytest.fixture(scope="module")
def planned_checkpoint(run: Training, tmp_path_factory) -> Path:
    return export(run.run.folder, tmp_path_factory.mktemp("exported") / "planned")


def batches(crop: CropConfig = PLANNED) -> list:
    return fixed_batches(SONGS, NoteScheme(), crop, 4, 2)


def test_before_it_is_trained_the_model_is_the_one_it_was(tiny_checkpoint: Path, tmp_path: Path):
    training = begun(tmp_path, tiny_checkpoint)
    before = bits(TorchEngine(tiny_checkpoint, 1, "cpu").network, batches(), precision="float32")
    assert bits(training.model, batches(), precision="float32") == pytest.approx(before)


def test_only_what_reads_the_plan_is_trained(run: Training, tiny_checkpoint: Path):
    before = TorchEngine(tiny_checkpoint, 1, "cpu").network.state_dict()
    for name, values in run.model.state_dict().items():
        if name.startswith(PLAN_WEIGHTS):
            assert values.abs().max() > 0, name
        else:
            assert torch.equal(values, before[name]), name


def test_a_plan_helps(run: Training):
    model = run.model.eval()
    planned, unknown = (bits(model, batches(c)) for c in (PLANNED, replace(PLANNED, plan=False)))
    for name in ("onset", "instrument", "pitch"):
        assert planned[name] < unknown[name] - 0.05, name


def test_a_run_goes_on_where_it_was_stopped(run: Training, tiny_checkpoint, tmp_path: Path):
    begun(tmp_path, tiny_checkpoint, RECIPE.changed(notes=20 * 2 * 32.0)).train(SONGS, SONGS, quiet)
    again = Training(tmp_path, None, RECIPE)
    assert 0 < again.notes < run.notes
    again.train(SONGS, SONGS, quiet)
    assert again.step == run.step
    rates_differ = again.model.state_dict()["plan.at_step.table.weight"]
    assert rates_differ.shape == run.model.state_dict()["plan.at_step.table.weight"].shape


def test_the_trunk_is_exported_byte_for_byte(planned_checkpoint: Path, tiny_checkpoint: Path):
    old, new = (p / "trunk.onnx" for p in (tiny_checkpoint, planned_checkpoint))
    assert new.read_bytes() == old.read_bytes()
    card = json.loads((planned_checkpoint / "card.json").read_text())
    assert StepConfig.from_dict(card["model"]) == with_plan(
        StepConfig.from_dict(json.loads((tiny_checkpoint / "card.json").read_text())["model"])
    )
    assert card["training"]["recipe"]["options"]["tune"] == "plan"
    assert "recipe" in card["training"]["before"]


@pytest.mark.parametrize("crop", [PLANNED, replace(PLANNED, plan=False)])
def test_the_engine_reads_the_plan_as_the_model_does(
    run: Training, planned_checkpoint: Path, crop: CropConfig
):
    model = TorchEngine(planned_checkpoint, 1, "cpu").network
    wanted = bits(model, batches(crop), precision="float32")
    found = engine_bits(Engine(planned_checkpoint), batches(crop))
    for name, value in wanted.items():  # the trunk is rounded to 8 bits
        assert found[name] == pytest.approx(value, rel=0.02, abs=0.02), name


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"plan": {"at_step": {"due": 3}}}, "plan must have the parts"),
        ({"plan": 3}, "plan must have the parts"),
        ({"standings": -1}, "standings must be"),
        ({"plan": {}}, "standings must be"),
        ({"standings": 3}, "weight standing.gain.weight should be"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(
    planned_checkpoint: Path, tmp_path: Path, change: dict, reason: str
):
    for path in planned_checkpoint.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    card = json.loads((tmp_path / "card.json").read_text())
    card["model"] |= change
    (tmp_path / "card.json").write_text(json.dumps({**card, "files": {}}))
    with pytest.raises(CheckpointError, match=reason):
        Engine(open_note(tmp_path))


def test_the_whole_model_goes_on_from_it_without_a_plan(planned_checkpoint: Path, tmp_path: Path):
    recipe = note_recipe().changed(notes=64.0, compile=False)
    training = Training(tmp_path, tiny_config(), recipe)
    training.start_from(planned_checkpoint)
    plain = bits(TorchEngine(planned_checkpoint, 1, "cpu").network, batches(), precision="float32")
    without = [{k: v for k, v in b.items() if not k.startswith("plan_")} for b in batches()]
    assert bits(training.model, without, precision="float32")["all"] != pytest.approx(plain["all"])
    network = TorchEngine(planned_checkpoint, 1, "cpu").network
    wanted = bits(network, without, precision="float32")
    assert bits(training.model, without, precision="float32") == pytest.approx(wanted)


def test_what_reads_a_plan_is_trained_on(planned_checkpoint: Path, tmp_path: Path):
    training = begun(tmp_path, planned_checkpoint)
    for name, values in TorchEngine(planned_checkpoint, 1, "cpu").network.state_dict().items():
        assert torch.equal(training.model.state_dict()[name], values), name


def test_other_sizes_than_the_checkpoints_are_refused(tiny_checkpoint: Path):
    with pytest.raises(InputError, match="has a head hidden of 64"):
        first_config(RECIPE, tiny_checkpoint, {"head_hidden": 128})
