"""Bits per note of runs and of checkpoints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.systems.note.engine import Engine  # noqa: E402
from cantilena.tokens.note import FIELDS, NoteScheme  # noqa: E402
from cantilena.train.note import measure as m  # noqa: E402
from cantilena.train.note.crops import FULL, CropConfig  # noqa: E402
from cantilena.train.note.held import bits, engine_bits, fixed_batches  # noqa: E402
from songs import random_songs  # noqa: E402
from tiny import tiny_model  # noqa: E402

SONGS = random_songs(2, 60)


@pytest.fixture
def data(monkeypatch) -> str:
    monkeypatch.setattr(m, "load_split", lambda *_, **__: SONGS)
    return "data"


def batches() -> list[dict[str, np.ndarray]]:
    crop = CropConfig(**{**FULL.__dict__, "length": 24})
    return fixed_batches(SONGS, NoteScheme(), crop, 4, 3)


def test_a_checkpoint_costs_what_its_model_does(exact_checkpoint: Path, tiny_checkpoint: Path):
    """Its weights have 16 bits, and the trunk of ``tiny_checkpoint`` 8."""
    model = bits(tiny_model(), batches(), precision="float32")
    for folder, tolerance in ((exact_checkpoint, 2e-3), (tiny_checkpoint, 0.05)):
        engine = engine_bits(Engine(folder), batches())
        assert set(engine) == set(model) and engine["notes"] == model["notes"]
        for name in (*FIELDS, "all"):
            assert engine[name] == pytest.approx(model[name], abs=tolerance), name


def test_positions_read_at_once_are_those_read_one_by_one(tiny_checkpoint: Path):
    engine = Engine(tiny_checkpoint)
    x = np.random.default_rng(0).normal(size=(2, 9, engine.width)).astype(np.float32)
    at_once = engine.session(2).hidden(x)
    session = engine.session(2)
    one_by_one = np.stack([session.run(x[:, t : t + 1]) for t in range(9)], axis=1)
    np.testing.assert_allclose(at_once, one_by_one, atol=1e-4)


def test_a_run_and_its_checkpoint_have_the_same_table(
    tiny_run: Path, tiny_checkpoint: Path, data: str
):
    run, _ = m.measure(tiny_run, data, "test", 2, 24)
    checkpoint, table = m.measure(tiny_checkpoint, data, "test", 2, 24)
    assert json.loads((tiny_run / "figures.json").read_text())["test"] == run
    (tiny_run / "figures.json").unlink()
    assert set(run) == set(checkpoint) and checkpoint["bigram"] == run["bigram"]
    for name in ("full", "none", "other_text"):
        assert checkpoint[name]["all"] == pytest.approx(run[name]["all"], abs=0.05)
    assert len(table.splitlines()) == 2 + len(m.NAMES)


def test_the_shipped_checkpoint_is_measured_by_default(data: str, monkeypatch):
    places = []

    def checkpoint(folder: Path):
        places.append(folder)
        return lambda batches: {**dict.fromkeys((*FIELDS, "all"), 1.0), "notes": 3}, *rest

    rest = (NoteScheme(), 1024, 5)
    monkeypatch.setattr(m, "_checkpoint", checkpoint)
    rows, _ = m.measure(None, data, "test", 2, 24)
    assert places[0].name == "note" and rows["notes_seen"] == 5


def test_what_cannot_be_measured_is_refused(tiny_checkpoint: Path, tmp_path: Path, data: str):
    with pytest.raises(InputError, match="context of 160"):
        m.measure(tiny_checkpoint, data, "test", 2, 161)
    with pytest.raises(CheckpointError, match="no training run"):
        m.measure(tmp_path, data)
