"""What the README shows is what happens: its commands and its Python run."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from cantilena.cli import main, parser
from cantilena.score.midi import read_midi

README = Path(__file__).parent.parent / "README.md"
pytestmark = pytest.mark.skipif(not README.exists(), reason="the README is not beside the tests")


def blocks(language: str = "") -> list[str]:
    """The code blocks of the README in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """The README's commands that need no corpora, one string each."""
    found = []
    for line in "\n".join(blocks()).splitlines():
        for part in line.split("&&"):
            part = part.split("  #")[0].strip()
            wanted = ("compose", "brief", "describe", "render", "doctor")
            if part.startswith(tuple(f"cantilena {w}" for w in wanted)) and '"..."' not in part:
                found.append(part)
    return found


def all_commands() -> list[str]:
    """Every ``cantilena`` command of the README's blocks."""
    lines = [line for block in blocks() for line in block.splitlines()]
    parts = [part.split("  #")[0].strip() for line in lines for part in line.split("&&")]
    return [part for part in parts if part.startswith("cantilena ")]


@pytest.mark.parametrize("command", all_commands())
def test_every_command_is_one_that_there_is(command):
    """Those that need a corpus are not run, but their options are the program's."""
    assert parser().parse_args(shlex.split(command)[1:])


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with the files that the commands speak of."""
    monkeypatch.chdir(tmp_path)
    text = "solo flute in G major, 4 bars"
    assert main(["compose", text, "--formats", "mid,json", "--quiet"]) == 0
    (made,) = (tmp_path / "out").glob("*.mid")
    (tmp_path / "song.mid").write_bytes(made.read_bytes())
    (tmp_path / "out" / "x.json").write_text(made.with_suffix(".json").read_text())
    (tmp_path / "prompts.jsonl").write_text(json.dumps({"id": "a", "text": text}) + "\n")
    return tmp_path


def test_there_are_commands():
    assert len(commands()) >= 8


@pytest.mark.parametrize("command", commands())
def test_command(command, here, capsys):
    argv = shlex.split(command)[1:]
    if argv[0] == "compose" and "--replay" not in argv and "a slow sad waltz" not in command:
        argv += ["--formats", "mid,json"]  # the other formats are seen in the first command
    assert main(argv) == 0, capsys.readouterr().err
    assert capsys.readouterr().out


def test_first_command_writes_what_the_readme_says(here, capsys):
    first = next(c for c in commands() if "waltz" in c)
    assert main(shlex.split(first)[1:]) == 0
    stem = "a-slow-sad-waltz-for-string-quartet-in-d-minor"
    assert {p.suffix for p in (here / "out").glob(stem + ".*")} == {
        *(".mid", ".wav", ".musicxml", ".png", ".json")
    }
    score = read_midi(here / "out" / f"{stem}.mid")
    assert [t.program for t in score.tracks] == [40, 40, 41, 42]
    assert (score.metre_num[0], score.metre_den[0]) == (3, 4)
    assert (score.key_fifths[0], score.key_minor[0]) == (-1, 1)
    said = README.read_text()
    shown = [re.split(r"  +", line.strip()) for line in capsys.readouterr().out.splitlines()]
    wishes = [row for row in shown if row[-1] == "yes"]
    assert len(wishes) >= 5
    for wish, asked, *_ in wishes:
        assert re.search(rf"^ *{wish}  +{re.escape(asked)}  ", said, re.MULTILINE), (wish, asked)


def test_python(here):
    (code,) = blocks("python")
    exec(compile(code, "README.md", "exec"), {})
    assert list((here / "out").glob("*.wav"))


def test_the_test_command_is_what_ci_runs():
    ci = README.parent / ".ci" / "run"
    line = "pip install '.[test]' && pytest"
    assert line in README.read_text()
    if ci.exists():
        assert line.replace("pip install", "pip install --quiet") in ci.read_text()
