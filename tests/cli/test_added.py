"""``cantilena chords``, ``harmonise``, ``accompany`` and ``melody``, and the same from Python."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import cantilena
from cantilena.audio.wav import write_wav
from cantilena.cli import main
from cantilena.score import Score, Track
from cantilena.score.midi import read_midi, write_midi

TPQ = 480
LOOP = ((48, 60, 64, 67), (45, 57, 60, 64), (41, 57, 60, 65), (43, 55, 59, 62))
LABELS = ["C:maj", "A:min", "F:maj", "G:maj"]


def bars_of(chords: bool) -> Score:
    """Eight bars of a tune, with or without block chords."""
    tracks = [Track("Flute", 73), *([Track("Piano", 0)] if chords else [])]
    rows = []
    for bar in range(8):
        chord = LOOP[bar % 4]
        rows += [
            (TPQ * (4 * bar + k), TPQ, 12 + pitch, 80, 0)
            for k, pitch in enumerate((chord[1], chord[2], chord[3], chord[2]))
        ]
        rows += [(TPQ * 4 * bar, 4 * TPQ, pitch, 70, 1) for pitch in chord if chords]
    return Score.build(TPQ, tracks, *zip(*rows, strict=True))


@pytest.fixture(scope="module")
def tune(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("tune") / "tune.mid"
    write_midi(bars_of(chords=False), path)
    return path


@pytest.fixture(scope="module")
def song(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("song") / "song.mid"
    write_midi(bars_of(chords=True), path)
    return path


def notes(score: Score, tracks: int) -> list[tuple[int, ...]]:
    """The notes of the first tracks."""
    keep = score.track < tracks
    columns = (score.onset, score.duration, score.pitch, score.velocity, score.track)
    return sorted(zip(*(c[keep].tolist() for c in columns), strict=True))


def test_chords_are_printed_as_json_and_as_a_table(song: Path, capsys):
    assert main(["chords", str(song), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [label for _, _, label in rows] == LABELS * 2
    assert rows[0][0] == 0 and rows[-1][1] == pytest.approx(16.0)
    assert all(a[1] == b[0] for a, b in pairwise(rows))
    assert rows == [list(row) for row in cantilena.chords(song)]
    assert main(["chords", str(song)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9 and lines[2].split() == ["0:02.00", "0:04.00", "A:min"]


@pytest.mark.parametrize(
    ("command", "more", "programs", "suffix"),
    [
        ("harmonise", [], [73, 0, 32], "-harmonised"),
        ("accompany", ["--with", "bass,drums"], [73, 32, 128], "-accompanied"),
        ("melody", ["--instruments", "oboe"], [73, 68], "-melody"),
    ],
)
def test_parts_are_added_and_all_else_is_kept(
    command, more, programs, suffix, tune: Path, tiny_checkpoint, tmp_path: Path, capsys
):
    line = [command, str(tune), *more, "--checkpoint", str(tiny_checkpoint), "--seed", "3"]
    line += ["--candidates", "1", "--formats", "mid,json"]
    for folder in ("one", "two"):
        assert main([*line, "-o", str(tmp_path / folder), "--quiet"]) == 0
    assert not capsys.readouterr().out
    first, second = (tmp_path / folder / f"tune{suffix}.mid" for folder in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()
    before, after = read_midi(tune), read_midi(first)
    assert [track.instrument for track in after.tracks] == programs
    assert notes(after, 1) == notes(before, 1) and len(after) > len(before)
    assert set(after.track.tolist()) == set(range(len(programs)))
    new = after.track > 0
    pitched = [k for k, track in enumerate(after.tracks) if k and not track.is_drum]
    assert all(0 in after.onset[after.track == k] for k in pitched), "they begin together"
    last = 7 * 4 * TPQ
    assert after.onset[new].max() < last + 2 * TPQ, "the last chord is not struck again"
    replay = ["compose", "--replay", str(first.with_suffix(".json")), "--formats", "mid", "--quiet"]
    again = tmp_path / "again"
    assert main([*replay, "--checkpoint", str(tiny_checkpoint), "-o", str(again)]) == 0
    assert (again / first.name).read_bytes() == first.read_bytes()


def test_the_report_is_that_of_compose(tune: Path, tiny_checkpoint, tmp_path: Path, capsys):
    line = ["harmonise", str(tune), "in D minor", "--checkpoint", str(tiny_checkpoint), "--json"]
    assert main([*line, "-o", str(tmp_path), "--formats", "mid", "--candidates", "1"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["name"] == "tune-harmonised" and data["seed"] == 0
    assert [row["wish"] for row in data["report"]] == ["key"]


def test_the_report_tells_that_a_piece_keeps_its_length(
    tune: Path, tiny_checkpoint, tmp_path: Path, capsys
):
    line = ["accompany", str(tune), "16 bars, 30 seconds", "--with", "bass", "--json"]
    line += ["--checkpoint", str(tiny_checkpoint), "-o", str(tmp_path), "--formats", "mid"]
    assert main(line) == 0
    rows = {row["wish"]: row for row in json.loads(capsys.readouterr().out)["report"]}
    assert (rows["bars"]["asked"], rows["bars"]["achieved"]) == ("16 bars", "8 bars")
    assert rows["bars"]["met"] is False and rows["seconds"]["met"] is False


@pytest.mark.parametrize(
    "line",
    [["harmonise"], ["accompany", "--with", "bass"], ["melody"], ["rewrite", "--bars", "3-4"]],
)
def test_a_name_that_is_taken_gets_advice_that_the_command_can_follow(
    line: list[str], tune: Path, tiny_checkpoint, tmp_path: Path, capsys
):
    argv = [line[0], str(tune), *line[1:], "--checkpoint", str(tiny_checkpoint)]
    argv += ["-o", str(tmp_path), "--formats", "mid", "--name", "mine"]
    assert main([*argv, "--seed", "1"]) == main([*argv, "--seed", "2"]) == 0
    advice = capsys.readouterr().err
    assert "named 'mine-2'" in advice and "--name" in advice and "--replace" not in advice
    assert main([*argv, "--seed", "2", "--name", "other"]) == 0
    assert (tmp_path / "other.mid").is_file()


def test_instruments_for_the_new_parts_say_nothing_of_the_given_ones(
    tune: Path, tiny_checkpoint, tmp_path: Path, capsys
):
    line = ["harmonise", str(tune), "for organ", "--checkpoint", str(tiny_checkpoint), "--json"]
    assert main([*line, "-o", str(tmp_path), "--formats", "mid", "--candidates", "1"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["report"]
    assert row["wish"] == "instruments" and row["met"] == 1.0


def test_python_and_the_command_line_agree(song: Path, tiny_checkpoint, tmp_path: Path):
    result = cantilena.accompany(song, parts="bass", candidates=1, checkpoint=tiny_checkpoint)
    line = ["accompany", str(song), "--with", "bass", "--candidates", "1", "--quiet"]
    line += ["--checkpoint", str(tiny_checkpoint), "-o", str(tmp_path), "--formats", "mid"]
    assert main(line) == 0
    assert (tmp_path / "song-accompanied.mid").read_bytes() == write_midi(result.score)
    bass = result.score.select(result.score.track == 2)
    strong = bass.onset % (4 * TPQ) == 0
    roots = {
        LOOP[int(t) // (4 * TPQ) % 4][0] % 12 == p % 12
        for t, p in zip(bass.onset[strong], bass.pitch[strong], strict=True)
    }
    assert roots == {True}


def test_chords_are_heard_in_sound(tmp_path: Path, capsys):
    rate, seconds = 22_050, 2.0
    at = np.arange(int(rate * seconds)) / rate
    sound = []
    for chord in (LOOP[0], LOOP[1]):
        tones = [np.sin(2 * np.pi * 440 * 2 ** ((p - 69) / 12) * at) for p in chord]
        sound.append(sum(tones) * 0.1 * np.exp(-at))
    write_wav(np.concatenate(sound), rate, tmp_path / "two.wav")
    assert main(["chords", str(tmp_path / "two.wav"), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0][0] == 0 and rows[-1][1] == pytest.approx(2 * seconds)
    assert all(a[1] == b[0] and a[2] != b[2] for a, b in pairwise(rows))
    told = {at: next(r[2] for r in rows if r[0] <= at < r[1]) for at in (1.0, 3.2)}
    assert list(told.values()) == ["C:maj", "A:min"]
    assert main(["chords", str(tmp_path / "two.wav"), "--audio"]) == 0
    assert "right for 80 % of the time" in capsys.readouterr().out


def test_silence_has_no_chords(tmp_path: Path):
    write_wav(np.zeros(44_100), 22_050, tmp_path / "still.wav")
    assert cantilena.chords(tmp_path / "still.wav", audio=True) == [(0.0, 2.0, "N")]


@pytest.mark.parametrize(
    ("name", "said"),
    [("short.wav", "too short"), ("gone.wav", "gone.wav"), ("tune.mid", "tune.mid")],
)
def test_what_is_no_sound_gets_one_sentence(name: str, said: str, tmp_path: Path, tune, capsys):
    write_wav(np.zeros(2_000), 22_050, tmp_path / "short.wav")
    place = tune if name == "tune.mid" else tmp_path / name
    assert main(["chords", str(place), "--audio"]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


@pytest.mark.parametrize("command", ["chords", "harmonise", "accompany", "melody"])
def test_wrong_input_gets_one_sentence_and_nothing_is_written(
    command, tmp_path: Path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    kit, blocks = Track("Kit", 0, True), Track("Blocks", 115)
    notes = ([0, TPQ], [60, 60], [36, 38], [80, 80])
    write_midi(Score.build(TPQ, [kit], *notes, [0, 0]), tmp_path / "kit.mid")
    write_midi(Score.build(TPQ, [kit, blocks], *notes, [0, 1]), tmp_path / "blocks.mid")
    write_midi(Score.build(TPQ, [], [], [], [], [], []), tmp_path / "empty.mid")
    (tmp_path / "text.mid").write_text("no MIDI")
    three = Score.build(TPQ, [Track("", 0)], [0, 9, 99], [9] * 3, [60] * 3, [80] * 3, [0] * 3)
    write_midi(three, tmp_path / "short.mid")
    before = sorted(tmp_path.iterdir())
    short = () if command == "chords" else (("short.mid", "too short"),)
    for name, said in (
        *short,
        ("kit.mid", "only drums, so"),
        ("blocks.mid", "only drums and woodblock, so"),
        ("empty.mid", "no notes"),
        ("text.mid", "text.mid"),
        ("gone.mid", "gone.mid"),
    ):
        assert main([command, name]) == 2
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["accompany", "--with", "kazoopa"], "'kazoopa' names no instrument"),
        (["melody", "for drums"], "drums play no melody"),
        (["harmonise", "--formats", "mp7"], "mp7"),
        (["harmonise", "--key", "Q minor"], "is not a key"),
        (["accompany", "--candidates", "0"], "the number of candidates is 1 to 16, not 0"),
        (["melody", "--soundfont", "gone.sf2"], "'gone.sf2' is not a soundfont"),
    ],
)
def test_wrong_wishes_get_one_sentence(line, said, tune: Path, tmp_path: Path, capsys):
    out = tmp_path / "out"
    assert main([line[0], str(tune), *line[1:], "-o", str(out)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not out.exists() or not list(out.iterdir())


def any_score(rng: np.random.Generator) -> Score:
    """Whatever a file may hold: some 20 pitched parts, one of them twice, notes off the grid and
    over one another, odd metres and resolutions, no metre, changes of tempo, a pickup, drums."""
    tpq = int(rng.choice([24, 96, 120, 480, 1023]))
    many = rng.random() < 0.3
    programs = rng.integers(0, 112, 20 if many else int(rng.integers(1, 4))).tolist()
    tracks = [Track(f"part {k}", p) for k, p in enumerate([*programs, programs[0]])]
    tracks += [Track("Kit", 0, True)] if rng.random() < 0.5 else []
    n = int(rng.integers(8, 40)) + 2 * len(tracks)
    onset = rng.integers(0, 9 * tpq, n) + int(rng.integers(0, 3)) * tpq
    length = rng.integers(1, 3 * tpq, n)
    track = np.concatenate([np.arange(len(tracks)), rng.integers(0, len(tracks), n - len(tracks))])
    rows = {}
    pitch, velocity = rng.integers(24, 96, n), rng.integers(1, 128, n)
    for row in zip(onset, length, pitch, velocity, track, strict=True):
        rows.setdefault((row[0], row[2], row[4]), row)  # a file cannot strike a key twice at once
    last: dict[tuple[int, int], int] = {}
    plain = []
    for start, duration, key, loud, part in sorted(rows.values()):
        if last.get((key, part), 0) <= start:  # nor hold it twice
            plain.append((start, duration, key, loud, part))
            last[key, part] = start + duration
    metres = [[], [(0, 7, 8)], [(0, 3, 4), (3 * tpq, 4, 4)]][int(rng.integers(0, 3))]
    tempos = [(0, 500_000), (2 * tpq, 400_000)]
    return Score.build(tpq, tracks, *zip(*plain, strict=True), tempos=tempos, metres=metres)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_given_is_kept(seed: int, tiny_checkpoint, tmp_path: Path):
    rng = np.random.default_rng(seed)
    write_midi(any_score(rng), tmp_path / "any.mid")
    command = ["harmonise", "accompany", "melody"][seed % 3]
    line = [command, str(tmp_path / "any.mid"), "--checkpoint", str(tiny_checkpoint), "--quiet"]
    line += ["--with", "celesta"] if command == "accompany" else []
    assert main([*line, "--formats", "mid", "-o", str(tmp_path), "--name", "new"]) == 0
    before, after = read_midi(tmp_path / "any.mid"), read_midi(tmp_path / "new.mid")
    assert after.tpq == before.tpq and after.tracks[: len(before.tracks)] == before.tracks
    assert notes(after, len(before.tracks)) == notes(before, len(before.tracks))
    assert len(after) > len(before)
    for name in ("tempo_tick", "tempo_us", "metre_tick", "metre_num", "metre_den"):
        assert np.array_equal(getattr(after, name), getattr(before, name))
