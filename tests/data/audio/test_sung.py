"""Sung lines as a data set: lines and splits, melodies, and what ``cantilena data sung`` makes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cantilena import cli
from cantilena.data.audio import AudioData
from cantilena.data.audio.sung import made_melody, melody_notes, split_of_lines
from cantilena.data.audio.sung_lines import own_lines
from cantilena.errors import InputError
from cantilena.score import Score
from cantilena.score.midi import write_midi
from cantilena.score.score import Track

LINES = ["moon", "oh my moon", "the river", "little star", "my moon sleeps"]


class Range:
    name, range = "any", (104.0, 298.0)


def test_lines_are_different_and_the_same_for_a_seed():
    lines = own_lines(200, 3)
    assert len(set(lines)) == 200 and lines == own_lines(200, 3) != own_lines(200, 4)


def test_a_line_is_in_one_split_whatever_stands_beside_it():
    splits = split_of_lines([*LINES, *LINES])
    assert sorted(splits.values()) == ["test", "train", "train", "train", "valid"]
    assert split_of_lines(LINES[::-1]) == splits
    with pytest.raises(InputError, match="3 different lines"):
        split_of_lines(["moon", "moon", "sun"])


def test_a_made_melody_is_one_voice_of_so_many_notes():
    score = made_melody(9, Range(), np.random.default_rng(1))  # type: ignore[arg-type]
    notes = melody_notes(score)
    assert len(notes) == len(score) == 9
    assert all(45 <= note.pitch <= 62 and 0.15 < note.seconds < 1.1 for note in notes)


def test_of_a_chord_the_highest_note_is_sung():
    score = Score.build(
        480, [Track("melody", 0, False)], [0, 0, 480], [480] * 3, [60, 64, 62], [90] * 3, [0] * 3
    )
    assert [note.pitch for note in melody_notes(score)] == [64, 62]


def test_clips_say_their_lines_phonemes_and_notes(tmp_path: Path, capsys):
    pytest.importorskip("espeakng_loader")
    (tmp_path / "lines.txt").write_text("\n".join(LINES), encoding="utf-8")
    score = Score.build(
        480,
        [Track("melody", 0, False)],
        list(range(0, 2400, 240)),
        [240] * 10,
        [72 + i for i in range(10)],
        [90] * 10,
        [0] * 10,
    )
    write_midi(score, tmp_path / "tune.mid")
    lines, tune = str(tmp_path / "lines.txt"), str(tmp_path / "tune.mid")
    words = ["data", "sung", "-o", str(tmp_path / "out"), "--lines", lines, "--rate", "8000"]
    assert cli.main([*words, "--clips", "10", "--melodies", tune, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["counts"]["sung"]["train"]["clips"] == 6
    assert "GPL" in told["licences"]["sung"]
    data = AudioData(tmp_path / "out", "train")
    before = [data.clip(i) for i in range(len(data))]
    for clip in before:
        assert clip.captions[0] in LINES
        phonemes, starts = clip.meta["phonemes"], clip.meta["starts"]
        assert len(phonemes) == len(starts) and starts == sorted(starts)
        assert (
            starts[-1]
            < len(clip.samples) / clip.rate
            == pytest.approx(clip.meta["seconds"], abs=0.01)
        )
        assert clip.symbols is not None
        assert (np.diff(clip.symbols.pitch.astype(int)) % 12 == 1).all()  # the tune's, by octaves
        assert np.abs(clip.samples).max() > 0.5
    assert cli.main([*words, "--clips", "10", "--melodies", tune, "--quiet"]) == 0
    again = AudioData(tmp_path / "out", "train")
    assert all(np.array_equal(again.clip(i).mix, clip.mix) for i, clip in enumerate(before))


@pytest.mark.parametrize(
    ("text", "says"), [("", "no line"), ("moon\nmoon\nsun", "3 different lines"), (None, "read")]
)
def test_lines_that_will_not_do_are_refused_in_one_line(text, says, tmp_path: Path, capsys):
    pytest.importorskip("espeakng_loader")
    path = tmp_path / "lines.txt"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    out = tmp_path / "out"
    assert cli.main(["data", "sung", "--lines", str(path), "-o", str(out), "--clips", "4"]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1 and not out.exists()
