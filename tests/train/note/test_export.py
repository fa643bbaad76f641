"""Export: 8-bit blocks, the card, and refusals. What comes out is held against the model in
``tests/decode/test_engine.py``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from safetensors.numpy import load_file  # noqa: E402

from cantilena.errors import CheckpointError  # noqa: E402
from cantilena.models.step_lm import StepConfig  # noqa: E402
from cantilena.models.step_onnx import BLOCK, quantised  # noqa: E402
from cantilena.tokens.note import NoteScheme  # noqa: E402
from cantilena.train.note.export import export  # noqa: E402


def test_eight_bits_are_within_half_a_step():
    weight = np.random.default_rng(0).normal(size=(7, 96)).astype(np.float32)
    weight[2, 32:64] = 0.0
    values, scale = quantised(weight)
    assert values.shape == (7, 96 // BLOCK, BLOCK) and values.dtype == np.uint8
    steps = scale.reshape(7, -1, 1)
    again = ((values.astype(np.float32) - 128) * steps).reshape(7, 96)
    error = np.abs(again - weight).reshape(7, -1, BLOCK)
    assert (error <= steps / 2 + 1e-6).all()
    assert not again[2, 32:64].any()
    assert (values.min(), values.max()) == (1, 255)


def test_a_width_that_blocks_do_not_fit_is_refused():
    with pytest.raises(CheckpointError):
        quantised(np.zeros((4, 40), dtype=np.float32))


def test_the_card_tells_the_vocabulary_the_model_and_the_training(tiny_checkpoint: Path):
    card = json.loads((tiny_checkpoint / "card.json").read_text())
    assert NoteScheme.from_dict(card["scheme"]) == NoteScheme()
    assert StepConfig.from_dict(card["model"]).width == 64
    assert card["training"]["recipe"]["settings"]["batch"] > 0 and card["format"] == 2
    assert set(card["files"]) == {"habits.json", "model.safetensors", "trunk.onnx"}
    weights = load_file(tiny_checkpoint / "model.safetensors")
    assert card["parameters"] == sum(w.size for w in weights.values())
    assert {str(w.dtype) for w in weights.values()} == {"float16"}


def test_exporting_twice_gives_the_same_bytes(
    tiny_run: Path, tiny_checkpoint: Path, tmp_path: Path
):
    again = export(tiny_run, tmp_path / "deep" / "again")
    for path in tiny_checkpoint.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()
    assert sorted(p.name for p in again.iterdir()) == sorted(
        p.name for p in tiny_checkpoint.iterdir()
    )


def test_a_folder_without_a_run_is_refused(tmp_path: Path):
    with pytest.raises(CheckpointError, match="no training run"):
        export(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
