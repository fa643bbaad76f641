"""Which file answers which prompt."""

from __future__ import annotations

from pathlib import Path

import pytest

from cantilena.errors import InputError
from cantilena.evaluate.pieces import find_answers, midi_files, read_piece, same_music
from cantilena.score.midi import read_midi, write_midi
from cantilena.score.score import Score, Track


def music(program: int = 0, tempo: float = 90.0, metre: int = 4) -> Score:
    return Score.build(
        24,
        [Track("", program)],
        [0, 24],
        [24, 24],
        [60, 62],
        [80, 80],
        [0, 0],
        tempos=[(0, round(60e6 / tempo))],
        metres=[(0, metre, 4)],
    )


def names(folder: Path, files: str, ids: str) -> list[str | None]:
    for name in files.split():
        (folder / name).touch()
    return [path.name if path else None for path in find_answers(folder, ids.split(), "prompt")]


def test_a_file_of_another_reference_is_no_answer(tmp_path):
    assert names(tmp_path, "a-2.mid", "a a-2") == [None, "a-2.mid"]


def test_one_of_several_takes_is_the_answer(tmp_path):
    assert names(tmp_path, "a-10.mid a-2.mid b.midi b-1.mid c.mid", "a b c d") == [
        "a-2.mid",
        "b.midi",
        "c.mid",
        None,
    ]


@pytest.mark.parametrize("name", ["a-2-1.mid", "a-take.mid", "a2.mid", "ab.mid", "a-1.txt"])
def test_names_that_only_begin_alike_are_no_answers(tmp_path, name: str):
    assert names(tmp_path, f"{name} z.mid", "a z") == [None, "z.mid"]


def test_a_take_of_a_reference_with_a_number(tmp_path):
    assert names(tmp_path, "a-2-1.mid", "a a-2") == [None, "a-2-1.mid"]


def test_mid_comes_before_midi(tmp_path):
    assert names(tmp_path, "a.midi a.mid b.MID", "a b") == ["a.mid", "b.MID"]


def test_folders_without_answers_are_named(tmp_path):
    (tmp_path / "a.mid").mkdir()
    with pytest.raises(InputError, match=r"no file named as a prompt is, such as a\.mid"):
        find_answers(tmp_path, ["a", "b"], "prompt")
    for search in (lambda: find_answers(tmp_path / "x", ["a"], "prompt"), lambda: midi_files("x")):
        with pytest.raises(InputError, match="there is no folder"):
            search()


def test_what_cannot_be_read_is_no_piece(tmp_path):
    write_midi(music(), tmp_path / "a.mid")
    (tmp_path / "b.mid").write_bytes(b"noise")
    score = read_piece(tmp_path / "a.mid")
    assert score is not None and same_music(score, music())
    assert read_piece(tmp_path / "b.mid") is read_piece(tmp_path / "c.mid") is None
    assert read_piece(None) is None


def test_sameness():
    score = music()
    assert same_music(score, read_midi(write_midi(score)))
    for other in (score.transposed(1), music(tempo=91), music(metre=3), music(program=1)):
        assert not same_music(score, other)
