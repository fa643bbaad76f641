"""``cantilena rewrite``, and the same from Python and from the JSON beside the piece."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

import cantilena
from cantilena.cli import main
from cantilena.score import Score, Track
from cantilena.score.midi import read_midi, write_midi


@pytest.fixture(scope="module")
def song(tmp_path_factory) -> Path:
    """Eight bars of flute, bass and drums."""
    tracks = [Track("Flute", 73), Track("Low", 33), Track("Kit", 0, True)]
    rows = []
    for beat in range(32):
        rows += [(beat * 480, 240, 72 + beat % 5, 80, 0), (beat * 480, 400, 36, 80, 1)]
        rows += [(beat * 480, 100, 38, 80, 2)]
    path = tmp_path_factory.mktemp("song") / "song.mid"
    write_midi(Score.build(480, tracks, *zip(*rows, strict=True)), path)
    return path


def notes(score: Score, start: int, stop: int, track: int | None = None) -> list[tuple[int, ...]]:
    """Notes outside of some ticks of a track."""
    keep = (score.onset < start) | (score.onset >= stop)
    if track is not None:
        keep |= score.track != track
    columns = (score.onset, score.duration, score.pitch, score.velocity, score.track)
    return sorted(zip(*(c[keep].tolist() for c in columns), strict=True))


def test_bars_of_a_track_are_written_anew_alike_everywhere(
    song: Path, tiny_checkpoint, tmp_path: Path, capsys
):
    where = ["--checkpoint", str(tiny_checkpoint)]
    out = tmp_path / "one"
    command = ["rewrite", str(song), "--bars", "3-4", "--tracks", "lead", "higher", *where]
    command += ["-o", str(out), "--seed", "2", "--candidates", "2", "--quiet"]
    assert main([*command, "--formats", "mid"]) == 0
    assert [path.name for path in out.iterdir()] == ["song-rewritten.mid"]
    assert not capsys.readouterr().out
    before, after = read_midi(song), read_midi(out / "song-rewritten.mid")
    span = (2 * 1920, 4 * 1920)
    assert notes(after, *span, 0) == notes(before, *span, 0)
    assert notes(after, 0, 0) != notes(before, 0, 0)
    result = cantilena.rewrite(
        song, "higher", bars="3-4", tracks="lead", seed=2, candidates=2, checkpoint=tiny_checkpoint
    )
    assert write_midi(result.score) == (out / "song-rewritten.mid").read_bytes()
    assert main([*command, "--formats", "mid,json"]) == 0
    replay = ["compose", "--replay", str(out / "song-rewritten.json"), *where, "--quiet"]
    assert main([*replay, "-o", str(tmp_path / "two"), "--formats", "mid"]) == 0
    again = tmp_path / "two" / "song-rewritten.mid"
    assert again.read_bytes() == (out / "song-rewritten.mid").read_bytes()


def test_the_report_says_what_was_before_and_what_is(song: Path, tiny_checkpoint, tmp_path, capsys):
    command = ["rewrite", str(song), "louder, faster", "--tracks", "1", "--bars", "2"]
    command += ["--checkpoint", str(tiny_checkpoint), "-o", str(tmp_path), "--formats", "mid"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "louder than before" in out and "mean velocity 80 -> " in out
    assert "not yet obeyed" in out and "not understood" not in out
    assert main([*command, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert {row["wish"] for row in data["report"]} == {"loudness", "tempo"}


def test_more_syncopated_is_told_once(song: Path, tiny_checkpoint, tmp_path, capsys):
    command = ["rewrite", str(song), "more syncopated", "--tracks", "1", "--bars", "2"]
    command += ["--checkpoint", str(tiny_checkpoint), "-o", str(tmp_path), "--formats", "mid"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "more syncopated than before" in out and "not yet obeyed" not in out


def test_parts_are_added_and_replaced(song: Path, tiny_checkpoint, tmp_path: Path):
    where = ["--checkpoint", str(tiny_checkpoint), "-o", str(tmp_path), "--formats", "mid"]
    where += ["--quiet", "--candidates", "1"]
    assert main(["rewrite", str(song), "--add", "cello", "--name", "a", *where]) == 0
    assert [t.program for t in read_midi(tmp_path / "a.mid").tracks] == [73, 33, 0, 42]
    assert main(["rewrite", str(song), "--replace", "flute=oboe", "--name", "r", *where]) == 0
    assert [t.program for t in read_midi(tmp_path / "r.mid").tracks] == [68, 33, 0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--bars", "7-12"], "the piece has 8 bars; there is no bar 12"),
        (["--bars", "x"], "'x' names no bars"),
        (["--tracks", "oboe"], "the piece has 1 Flute, 2 Low (fingered electric bass), 3 Kit"),
        (["--candidates", "0"], "the number of candidates is 1 to 16, not 0"),
        (["--add", "x"], "'x' names no instrument"),
        (["--chords", "Qm"], "chord"),
        (["--formats", "mp7"], "mp7"),
        (["--nothing"], "--nothing"),
    ],
)
def test_wrong_input_gets_one_sentence_and_nothing_is_written(
    options, said, song: Path, tiny_checkpoint, tmp_path: Path, capsys
):
    out = tmp_path / "out"
    command = ["rewrite", str(song), *options, "--checkpoint", str(tiny_checkpoint)]
    assert main([*command, "-o", str(out)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not out.exists() or not list(out.iterdir())
