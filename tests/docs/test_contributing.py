"""What CONTRIBUTING tells people to write and to run is right: code, paths, commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cantilena.cli import parser
from cantilena.data.corpora.corpus import SPLITS
from cantilena.errors import InputError
from cantilena.score import Score, Track
from cantilena.text.labels import GENRES
from cantilena.text.wishes import Brief

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "CONTRIBUTING.md"
EMPTY = Score.build(24, (), (), (), (), (), ())

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the page is not beside the tests")


def blocks(language: str) -> list[str]:
    """The page's code blocks in a language ("": commands)."""
    pattern = r"^```(\w*)\n(.*?)^```$"
    found = re.findall(pattern, PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


def example(name: str) -> Any:
    """The object of that name which a Python block of the page defines."""
    (code,) = (b for b in blocks("python") if re.search(rf"^(def )?{name}\b", b, re.MULTILINE))
    namespace: dict[str, Any] = {}
    exec(compile(code, PAGE.name, "exec"), namespace)
    return namespace[name]


def melody(shift: int) -> Score:
    """Eight quarters, the odd ones moved by ``shift`` of 480 ticks."""
    onset = np.arange(8) * 480 + shift * (np.arange(8) % 2)
    return Score.build(480, [Track("a", 0)], onset, [200] * 8, [60] * 8, [64] * 8, [0] * 8)


def test_the_statistic():
    offbeat_rate = example("offbeat_rate")
    assert np.isnan(offbeat_rate(EMPTY))
    assert [offbeat_rate(melody(shift)) for shift in (0, 240)] == [0, 0.5]


def test_the_metric_of_control():
    timing = example("timing")
    assert np.isnan(timing(Brief(), melody(0)))
    for asked, shift, met in (("quantized", 0, 1), ("quantized", 37, 0), ("played", 37, 1)):
        wishes = Brief(timing=asked)
        assert timing(wishes, melody(shift)) == met
        assert timing(wishes, None) == timing(wishes, EMPTY) == 0


def test_the_corpus(tmp_path):
    corpus = example("CORPUS")
    with pytest.raises(InputError, match="does not hold the corpus 'hymns'"):
        list(corpus.songs(tmp_path))
    (tmp_path / "archive" / "hymns").mkdir(parents=True)
    for name in "ba":
        (tmp_path / "archive" / "hymns" / f"{name}.mid").touch()
    songs = list(corpus.songs(tmp_path))
    assert [song.id for song in songs] == ["hymns-a", "hymns-b"]
    for song in songs:
        assert song.corpus == corpus.name and song.split in SPLITS
        assert set(song.genres) <= set(GENRES)


def test_paths_are_there():
    text = PAGE.read_text(encoding="utf-8")
    paths = re.findall(r"(?<![\w/])(?:src|tests|benchmarks|docs)/[\w./-]*\w", text)
    paths += re.findall(r"\]\((?!https?:)(.*?)\)", text)
    assert len(paths) > 15
    for path in paths:
        assert (ROOT / path).exists(), path


def test_every_command_is_one_that_there_is():
    lines = [line for block in blocks("") for line in block.splitlines()]
    commands = [line for line in lines if line.startswith("cantilena ")]
    commands += re.findall(r"`(cantilena [a-z].*?)`", PAGE.read_text(encoding="utf-8"))
    assert len(commands) >= 5
    for command in commands:
        words = shlex.split(command)[1:]
        assert parser().parse_args(words), command
