"""The public face: its names, and how little importing it loads."""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

import cantilena

NAMES = [
    "Brief",
    "CantilenaError",
    "Edit",
    "Request",
    "Result",
    "Score",
    "Span",
    "accompany",
    "chords",
    "compose",
    "compose_many",
    "harmonise",
    "load",
    "melody",
    "rewrite",
]
HEAVY = ("numpy", "PIL", "onnxruntime", "torch", "argparse")


def test_exported_names_are_pinned():
    assert sorted(cantilena.__all__) == NAMES
    assert set(NAMES) <= set(dir(cantilena))
    for name in NAMES:
        assert getattr(cantilena, name).__name__ == name


def test_the_names_are_those_of_their_homes():
    from cantilena.result import Result
    from cantilena.score import Score
    from cantilena.systems.request import Request
    from cantilena.text.wishes import Brief

    assert (cantilena.Brief, cantilena.Request) == (Brief, Request)
    assert (cantilena.Result, cantilena.Score) == (Result, Score)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        cantilena.nothing  # noqa: B018


def test_the_version_stands_in_one_place():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    assert "version" not in project["project"] and project["project"]["dynamic"] == ["version"]
    module, _, name = project["tool"]["setuptools"]["dynamic"]["version"]["attr"].rpartition(".")
    assert cantilena.__version__ is getattr(importlib.import_module(module), name)


def loaded(code: str) -> set[str]:
    out = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(out.stdout.split())


def test_importing_loads_nothing_heavy():
    assert loaded("import cantilena").isdisjoint(HEAVY)


def test_the_command_line_loads_nothing_heavy_before_a_command():
    heavy = set(HEAVY) - {"argparse"}
    assert loaded("from cantilena.cli import parser; parser()").isdisjoint(heavy)


def test_reading_a_brief_loads_no_engine_and_no_pictures():
    found = loaded("from cantilena.cli import main; main(['brief', 'a waltz'])")
    assert found.isdisjoint({"PIL", "onnxruntime", "torch"})


@pytest.mark.parametrize(
    ("command", "limit"),
    [(["-c", "import cantilena"], 0.2), (["-m", "cantilena", "--help"], 0.5)],
)
def test_it_starts_at_once(command, limit):
    def run(what: list[str]) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, *what], capture_output=True, check=True)
        return time.perf_counter() - start

    bare = min(run(["-c", "pass"]) for _ in range(3))
    assert min(run(command) for _ in range(5)) - bare < limit
