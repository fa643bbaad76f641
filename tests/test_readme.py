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
PAGES = [README, *sorted((README.parent / "docs").rglob("*.md"))]
pytestmark = pytest.mark.skipif(not README.exists(), reason="the README is not beside the tests")


RUN = ("compose", "brief", "describe", "render", "search", "caption", "instrument", "doctor")
"""Commands that need no corpora."""


def blocks(language: str = "", page: Path = README) -> list[str]:
    """The code blocks of a page in a language."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


def commands() -> list[str]:
    """The README's commands that need no corpora, one string each."""
    found = []
    for line in "\n".join(blocks()).splitlines():
        for part in line.split("&&"):
            part = part.split("  #")[0].strip()
            if part.startswith(tuple(f"cantilena {w}" for w in RUN)) and '"..."' not in part:
                found.append(part)
    return found


def all_commands(*pages: Path) -> list[str]:
    """Every ``cantilena`` command of the pages' blocks, those that torchrun starts too."""
    whole = [block.replace("\\\n", " ") for page in pages for block in blocks("", page)]
    lines = [line for block in whole for line in block.splitlines()]
    parts = [part.split("  #")[0].strip() for line in lines for part in line.split("&&")]
    parts = [re.sub(r"^torchrun .*?-m (?=cantilena )", "", part) for part in parts]
    return [part for part in parts if part.startswith("cantilena ")]


@pytest.mark.parametrize("command", all_commands(*PAGES))
def test_every_command_is_one_that_there_is(command):
    """Those that need a corpus are not run, but their options are the program's."""
    assert parser().parse_args(shlex.split(command)[1:])


def test_the_commands_on_published_layouts_run(tmp_path, monkeypatch, capsys):
    """From corpus to table on small random models, as shown; with fewer songs and tokens."""
    for name in ("torch", "transformers", "accelerate", "pyarrow"):
        pytest.importorskip(name)
    from paper_pieces import paper_lakh

    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpora").mkdir()
    paper_lakh(tmp_path / "corpora")
    (block,) = (b for b in blocks() if "cantilena init music" in b)
    shown = [c for c in all_commands(README) if c in block]
    assert len(shown) == 7
    for command in shown:
        argv = shlex.split(command)[1:]
        if argv[0] == "init" and argv[1] == "text":
            argv += ["--words", "320"]
        if argv[0] == "finetune":
            argv += ["--steps", "2", "--warmup", "1", "--context", "31"]
        if argv[0] == "generate":
            argv += ["--tokens", "24"]
        assert main(argv) == 0, (command, capsys.readouterr().err)
    assert "small" in (tmp_path / "evaluation" / "table3.md").read_text()
    assert (tmp_path / "plain-llama" / "config.json").exists()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with the files that the commands speak of."""
    monkeypatch.chdir(tmp_path)
    text = "solo flute in G major, 4 bars"
    assert main(["compose", text, "--formats", "mid,json", "--quiet"]) == 0
    (made,) = (tmp_path / "out").glob("*.mid")
    (tmp_path / "song.mid").write_bytes(made.read_bytes())
    (tmp_path / "songs").mkdir()
    (tmp_path / "songs" / "song.mid").write_bytes(made.read_bytes())
    (tmp_path / "out" / "x.json").write_text(made.with_suffix(".json").read_text())
    (tmp_path / "prompts.jsonl").write_text(json.dumps({"id": "a", "text": text}) + "\n")
    return tmp_path


def test_every_command_that_needs_no_corpus_is_shown():
    assert {command.split()[1] for command in commands()} == set(RUN)


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
        ".mid",
        ".wav",
        ".musicxml",
        ".png",
        ".json",
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
