"""Formats, and files that are written together."""

from __future__ import annotations

import os
import re
import xml.dom.minidom
from pathlib import Path

import pytest

from cantilena.errors import CantilenaError, InputError, UnknownNameError
from cantilena.render.formats import checked_formats, write_files
from cantilena.score.score import Score, Track
from pieces import accompaniment, line


def piece(bars: int = 2) -> Score:
    """Quarter notes up the scale of C, on a piano."""
    n = 4 * bars
    pitch = [60 + (0, 2, 4, 5, 7, 9, 11)[i % 7] for i in range(n)]
    onset = [24 * i for i in range(n)]
    return Score.build(24, [Track("piano", 0)], onset, [24] * n, pitch, [80] * n, [0] * n)


def test_formats():
    assert checked_formats("mid, .PNG,midi,mid") == ("mid", "png")
    assert checked_formats(["json"]) == ("json",)
    with pytest.raises(UnknownNameError, match="unknown format 'mp3'; known: "):
        checked_formats("mid,mp3")
    with pytest.raises(InputError, match="no format"):
        checked_formats(" , ")


def test_many_pages_become_one_svg(tmp_path):
    made = write_files(piece(200), tmp_path, "long", ("svg",))
    page = xml.dom.minidom.parse(str(made["svg"])).documentElement
    placed = [n for n in page.childNodes if n.nodeName == "svg"]
    assert len(placed) > 1
    assert [float(n.getAttribute("y")) for n in placed][:2] == [0.0, 2970.0]


def test_a_folder_in_the_way_of_a_later_format_leaves_the_first_alone(tmp_path: Path):
    write_files(piece(), tmp_path, "a", ("mid",))
    before = (tmp_path / "a.mid").read_bytes()
    (tmp_path / "a.musicxml").mkdir()
    with pytest.raises(InputError, match=r"a\.musicxml' is a folder"):
        write_files(piece(4), tmp_path, "a", ("mid", "musicxml"))
    assert (tmp_path / "a.mid").read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == {"a.mid", "a.musicxml"}


@pytest.mark.parametrize("at", [0, 1])
def test_a_file_that_cannot_be_put_in_place_takes_the_others_back(tmp_path, monkeypatch, at):
    write_files(piece(), tmp_path, "a", ("mid", "musicxml"))
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    rename = os.replace
    last = ("a.mid", "a.musicxml")[at]

    def replace(source, target):
        if Path(target) == tmp_path / last and Path(source).parent.parent == tmp_path:
            raise OSError(13, "Permission denied")
        rename(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(InputError, match="Permission denied"):
        write_files(piece(4), tmp_path, "a", ("mid", "musicxml"))
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_score_without_a_key_is_written_in_the_one_that_is_heard(tmp_path):
    score = accompaniment(["Eb", "Ab", "Bb7", "Eb"] * 4)
    assert not len(score.key_tick)
    path = write_files(score, tmp_path, "a", ("musicxml",))["musicxml"]
    assert set(re.findall("<fifths>(.*?)</fifths>", path.read_text())) == {"-3"}
    chromatic = line([60 + i % 12 for i in range(48)], 12)
    path = write_files(chromatic, tmp_path, "b", ("musicxml",))["musicxml"]
    assert set(re.findall("<fifths>(.*?)</fifths>", path.read_text())) == {"0"}
    few = accompaniment(["Eb"])
    assert len(few) < 32
    path = write_files(few, tmp_path, "c", ("musicxml",))["musicxml"]
    assert set(re.findall("<fifths>(.*?)</fifths>", path.read_text())) == {"0"}


def test_of_a_piece_without_notes_what_can_be_written_is(tmp_path: Path):
    failures: dict[str, CantilenaError] = {}
    more = {"wav": b"sound", "json": b"{}"}
    formats = ("mid", "wav", "png")
    paths = write_files(None, tmp_path, "a", formats, more=more, failures=failures)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
    assert list(paths) == ["wav"]
    assert {form: str(error) for form, error in failures.items()} == {
        form: f"this piece is audio alone: it has no {form}; give wav,json"
        for form in ("mid", "png")
    }
    with pytest.raises(InputError, match="audio alone"):
        write_files(None, tmp_path, "b", ("mid", "png"), more=more, failures=failures)
    with pytest.raises(InputError, match="audio alone"):
        write_files(None, tmp_path, "b", formats, more=more)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
