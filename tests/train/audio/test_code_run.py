"""A run over codes in the loop of models of sound: it stops, goes on, and ends in a checkpoint."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # two of a busy machine wait for one another

from cantilena.systems.codes.checkpoint import load_writer  # noqa: E402
from cantilena.systems.codes.conditions import Conditioner  # noqa: E402
from cantilena.systems.codes.examples import CodeBatches, CodeExample, ExampleList  # noqa: E402
from cantilena.systems.codes.training import CodeTraining, code_recipe  # noqa: E402
from cantilena.systems.codes.writing import CodeOrder, write_codes  # noqa: E402
from cantilena.train.audio.loop import Training  # noqa: E402

RECIPE = code_recipe("codes-text").changed(
    books=2,
    card=8,
    frame_rate=8.0,
    seconds=1.0,
    width=16,
    layers=1,
    heads=2,
    hidden=16,
    batch=2,
    warmup=2,
    valid_every=4,
    precision="float32",
)


def run(folder: Any, steps: int) -> Training:
    recipe = RECIPE.changed(steps=steps, decay=0.0)
    encoder = CodeTraining().encoder(recipe)
    conditioner = Conditioner(CodeTraining().config(recipe, encoder), 8.0, encoder)
    rng = np.random.default_rng(0)
    examples = [CodeExample(rng.integers(0, 8, (2, 12)), (f"song {i}",)) for i in range(4)]
    batches = CodeBatches(ExampleList(examples), conditioner, recipe.options.layout)
    training = Training(folder, recipe)
    valid = batches.fixed(2)
    assert training.train(lambda step: batches.draw(step, 2), valid, say=lambda line: None)
    return training


def test_a_run_that_goes_on_ends_as_one_that_was_not_stopped(tmp_path: Any):
    whole = run(tmp_path / "whole", 6)
    run(tmp_path / "parts", 3)
    parts = run(tmp_path / "parts", 6)
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(parts.model.state_dict()[name], value, rtol=1e-6, atol=1e-7)
    assert {"codes", "shuffled", "book 1", "book 2"} <= set(whole.figures)
    writer = load_writer(whole.run.model)
    (codes,) = write_codes(writer, [CodeOrder(20)])
    assert codes.shape == (2, 20) and codes.max() < 8
