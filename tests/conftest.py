"""Fixtures that tests of several folders share."""

from __future__ import annotations

import json
import os
import signal

# two processes of tests share two cores; before torch and numpy are imported
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

# a busy machine is no reason to fail; CI draws the same examples at every run
settings.register_profile("cantilena", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("cantilena")

# under nohup hangups are ignored, and so they would be by the commands that tests start
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory):
    """A training run's folder with an untrained tiny model; needs torch."""
    pytest.importorskip("torch")
    from tiny import write_run

    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def tiny_checkpoint(tiny_run, tmp_path_factory):
    """The exported checkpoint of ``tiny_run``; needs torch and onnx."""
    pytest.importorskip("onnx")
    from cantilena.train.note.export import export

    return export(tiny_run, tmp_path_factory.mktemp("exported") / "checkpoint")


@pytest.fixture(scope="session")
def exact_checkpoint(tiny_checkpoint, tmp_path_factory):
    """``tiny_checkpoint`` with a trunk that is not rounded to 8 bits."""
    import shutil

    from safetensors.numpy import load_file

    from cantilena.models.checkpoint import sha256_of
    from cantilena.models.step_lm import StepConfig
    from cantilena.models.step_onnx import trunk_graph

    folder = tmp_path_factory.mktemp("exact") / "checkpoint"
    shutil.copytree(tiny_checkpoint, folder)
    weights = {k: v.astype("float32") for k, v in load_file(folder / "model.safetensors").items()}
    card = json.loads((folder / "card.json").read_text())
    config = StepConfig.from_dict(card["model"])
    graph = trunk_graph(weights, config, config.prefix + config.context, eight_bit=False)
    (folder / "trunk.onnx").write_bytes(graph)
    card["files"]["trunk.onnx"] = sha256_of(folder / "trunk.onnx")
    (folder / "card.json").write_text(json.dumps(card))
    return folder


@pytest.fixture(scope="session")
def planning_composer(tmp_path_factory):
    """A Composer of a tiny model that reads a plan; needs torch and onnx."""
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from cantilena.systems.note.composer import NoteSystem
    from cantilena.train.note.export import export
    from tiny import write_run

    run = write_run(tmp_path_factory.mktemp("run"), planned=True)
    return NoteSystem(export(run, tmp_path_factory.mktemp("exported") / "checkpoint"), threads=1)


@pytest.fixture(scope="session")
def tiny_composer(tiny_checkpoint):
    """A Composer of ``tiny_checkpoint``."""
    from cantilena.systems.note.composer import NoteSystem

    return NoteSystem(tiny_checkpoint, threads=1)
