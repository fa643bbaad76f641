"""The system that docs/adding-a-system.md adds is one file and one line, and all works for it."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import cantilena
import page_system
from cantilena import systems
from cantilena.cli import main
from cantilena.errors import CheckpointError, InputError
from cantilena.score.midi import read_midi, write_midi
from cantilena.systems.spec import Spec

pytestmark = pytest.mark.skipif(
    not page_system.PAGE.exists(), reason="the docs are not beside the tests"
)
ROOT = page_system.PAGE.parent.parent
MOST_LINES = 65
"""Lines of code in the example, without blank lines, comments, docstrings and imports."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch) -> Iterator[Path]:
    """A folder with the song that the page speaks of, and the system in the registry."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(systems, "__path__", list(systems.__path__))
    for name, line in page_system.line().items():
        monkeypatch.setitem(systems.SYSTEMS, name, line)
    (tmp_path / "src").mkdir()
    page_system.install(tmp_path / "src")
    song = cantilena.compose("piano in C major, 8 bars, 120 bpm", best_of=1, seed=3).score
    write_midi(song, tmp_path / "song.mid")
    yield tmp_path
    sys.modules.pop(f"cantilena.systems.{page_system.NAME}", None)
    if hasattr(systems, page_system.NAME):
        delattr(systems, page_system.NAME)


@pytest.fixture
def table(here: Path) -> Path:
    """The checkpoint, made as the page makes it."""
    exec(compile(page_system.blocks("python")[2], "learn", "exec"), {})
    return here / "table"


def test_the_example_is_short():
    source = page_system.source()
    skipped: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        docs = (ast.Module, ast.ClassDef, ast.FunctionDef)
        if isinstance(node, docs) and ast.get_docstring(node):
            node = node.body[0]
        elif not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        skipped.update(range(node.lineno, (node.end_lineno or 0) + 1))
    lines = enumerate(source.splitlines(), 1)
    code = [n for n, text in lines if text.strip() and text.strip()[0] != "#" and n not in skipped]
    assert 40 < len(code) <= MOST_LINES


@pytest.mark.parametrize("check", [["check"], ["format", "--check"]])
def test_the_file_passes_the_linter_and_the_formatter(check: list[str]):
    name = f"src/cantilena/systems/{page_system.NAME}.py"
    ruff = [sys.executable, "-m", "ruff", *check, "--stdin-filename", name, "-"]
    done = subprocess.run(
        ruff, cwd=ROOT, input=page_system.source(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_explains_every_field_of_a_line():
    text = page_system.PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == [f.name for f in fields(Spec)]


@pytest.mark.parametrize("command", ["compose --help", "generate --help", "doctor"])
def test_the_command_line_knows_it(here: Path, command: str, capsys):
    try:
        main(command.split())
    except SystemExit as end:
        assert not end.code
    out = " ".join(capsys.readouterr().out.split())
    assert page_system.line()[page_system.NAME].help in out


def test_the_commands_of_the_page_run(table: Path, capsys):
    """Compose, replay, going on, generate, evaluate."""
    (block,) = page_system.blocks("sh")
    commands = [shlex.split(text)[1:] for text in block.splitlines()]
    assert [words[0] for words in commands] == [*["compose"] * 3, "generate", "evaluate"]
    for words in commands:
        assert main(words) == 0, capsys.readouterr().err
    assert "attributes met" in capsys.readouterr().out
    one, again = (sorted(Path(folder).glob("violin*")) for folder in ("out", "again"))
    assert [path.suffix for path in one] == [".json", ".mid", ".musicxml", ".png", ".wav"]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in again]
    assert {t.program for t in read_midi(one[1]).tracks} == {40, 42}
    assert len(list(Path("many").glob("*.mid"))) == 3
    (longer,) = Path("out").glob("song*.mid")
    assert len(read_midi(longer)) > len(read_midi("song.mid"))


def test_a_stream_is_the_piece(table: Path, capsys):
    exec(compile(page_system.blocks("python")[3], "stream", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    piece = cantilena.compose("cello", checkpoint=table, seed=3)
    score = piece.score
    onsets = score.seconds(score.onset).tolist()
    rows = sorted((float(time), int(pitch)) for time, pitch in map(str.split, lines))
    assert len(rows) > 10
    assert np.allclose(rows, sorted(zip(onsets, score.pitch.tolist(), strict=True)), atol=1e-6)
    assert piece.system == page_system.NAME and piece.report


def test_a_table_that_is_damaged_is_refused(table: Path):
    for path in (table / "card.json", table / "followers.npy"):
        data = path.read_bytes()
        for odd in (b"", data[:-9], bytes([data[0] ^ 1]) + data[1:]):
            path.write_bytes(odd)
            with pytest.raises(CheckpointError, match="table"):
                cantilena.load(table, page_system.NAME)
        path.write_bytes(data)
        assert cantilena.load(table, page_system.NAME).hash


def test_a_piece_without_notes_is_refused(here: Path):
    from cantilena.systems.bigram import learn  # type: ignore[import-not-found]

    with pytest.raises(InputError, match="no notes"):
        learn(cantilena.Score.build(480, (), [], [], [], [], []), here / "table")
    assert not (here / "table").exists()


def test_the_contract_tests_hold_for_it(tmp_path: Path):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    paths = [str(ROOT / "tests" / "support"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        page_system.FOLDER: str(tmp_path),
    }
    words = ["-p", "page_system", "-p", "no:cacheprovider", "-rs", "-k", page_system.NAME]
    command = [sys.executable, "-m", "pytest", "tests/contract/test_systems.py", *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    match = re.search(r"(\d+) passed", done.stdout)
    assert match and int(match[1]) >= 15 and "skipped" not in done.stdout
