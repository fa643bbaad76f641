"""Tunes that MusicLM follows: of Scores and recordings, as rows, and in what is composed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

import cantilena  # noqa: E402
from cantilena.audio.audio import Audio  # noqa: E402
from cantilena.audio.wav import write_wav  # noqa: E402
from cantilena.cli import main  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.score import Score, Track  # noqa: E402
from cantilena.score.midi import write_midi  # noqa: E402
from cantilena.systems.codes.tune import (  # noqa: E402
    WIDTH,
    Tune,
    share_heard,
    tune_of_score,
    tune_of_sound,
)
from cantilena.systems.musiclm.system import MusicLmSystem  # noqa: E402
from cantilena.systems.request import Request  # noqa: E402
from cantilena.text.wishes import Brief  # noqa: E402
from tiny_musiclm import write_musiclm  # noqa: E402

RATE = 16_000
PITCHES = (60, 64, 67, 72)
BEGINS = WIDTH - 1


def melody(pitches: Any = PITCHES, drums: bool = True) -> Score:
    """A note each half second, over a bass and drums in the other tracks; one bar of 4/4."""
    n = len(pitches)
    onset, pitch, track = [], [], []
    for i, value in enumerate(pitches):
        onset += [480 * i] * 3
        pitch += [value, 36, 38]
        track += [0, 1, 2]
    kept = [i for i in range(3 * n) if drums or track[i] != 2]
    tracks = [Track("Melody", 73), Track("Bass", 32), Track("Drums", 0, True)]
    rows = ([row[i] for i in kept] for row in (onset, pitch, track))
    onset, pitch, track = (np.array(row) for row in rows)
    return Score.build(480, tracks, onset, 0 * onset + 400, pitch, 0 * onset + 90, track)


def played(pitches: Any = PITCHES, rest: float = 0.0) -> np.ndarray:
    """(n,) samples: a tone of half a second for each pitch, with three partials."""
    parts = []
    for pitch in pitches:
        times = np.arange(RATE // 2) / RATE
        hertz = 440 * 2 ** ((pitch - 69) / 12)
        tone = sum(np.sin(2 * np.pi * hertz * k * times) / k for k in (1, 2, 3))
        parts += [0.2 * tone * np.minimum(1, (0.5 - times) * 50), np.zeros(round(rest * RATE))]
    return np.concatenate(parts).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("tune") / "led"
    return write_musiclm(place, melody="semantic,coarse")


@pytest.fixture(scope="module")
def system(folder: Path) -> MusicLmSystem:
    return MusicLmSystem.load(folder, "cpu")


def asked(seconds: float | None = None, seed: int = 1, **more: Any) -> Request:
    return Request(Brief(text="calm", seconds=seconds), seed, **more)


def samples(system: MusicLmSystem, request: Request) -> np.ndarray:
    audio = system.compose([request])[0].audio
    assert audio is not None
    return audio.samples


# ------------------------------------------------------------------ tunes and their rows


def test_rows_have_the_pitch_class_and_where_notes_begin_and_the_tune_begins_anew():
    tune = Tune(np.array([0.0, 0.5, 0.5]), np.array([0.5, 0.8, 1.0]), np.array([60, 74, 62]), 1.0)
    rows = tune.rows(10.0, 0, 12)
    assert rows.shape == (12, WIDTH) and (rows[:, 0] == 1).all()
    classes = np.where(rows[:, 1:BEGINS].any(1), rows[:, 1:BEGINS].argmax(1), -1)
    assert classes.tolist() == [0] * 5 + [2] * 5 + [0] * 2
    # the lower D goes on behind the higher, and is heard as another note
    assert np.flatnonzero(rows[:, BEGINS]).tolist() == [0, 5, 8, 10]
    assert np.array_equal(tune.rows(10.0, 3, 9), rows[3:9])
    assert np.array_equal(tune.rows(10.0, 5, 9), rows[5:9])
    rests = Tune(np.array([0.5]), np.array([0.6]), np.array([60]), 1.0).rows(10.0, 0, 5)
    assert (rests[:, 0] == 1).all() and not rests[:, 1:].any()


def test_the_tune_of_a_score_is_its_melody():
    tune = tune_of_score(melody())
    assert tune.pitch.tolist() == list(PITCHES) and tune.onset.tolist() == [0, 0.5, 1, 1.5]
    assert tune.seconds == pytest.approx(2.0)
    chords = Score.build(
        480, [Track("", 0)], [0, 0, 480], [480] * 3, [48, 64, 62], [90] * 3, [0] * 3
    )
    assert tune_of_score(chords).classes(np.array([0.1, 0.6])).tolist() == [4, 2]
    drums = Score.build(480, [Track("", 0, True)], [0], [480], [38], [90], [0])
    with pytest.raises(InputError, match="no tune in a piece without pitched notes"):
        tune_of_score(drums)


def test_a_played_tune_is_heard_and_so_are_its_rests():
    tune = tune_of_sound(played(rest=0.4), RATE)
    assert [int(p) for p in tune.pitch] == [p % 12 for p in PITCHES]
    assert tune.onset == pytest.approx([0, 0.9, 1.8, 2.7], abs=0.12)
    assert tune.stop == pytest.approx([0.5, 1.4, 2.3, 3.2], abs=0.12)
    assert tune.seconds == pytest.approx(3.6)
    assert share_heard(played(rest=0.4), RATE, tune) > 0.9
    assert share_heard(played([p + 1 for p in PITCHES], 0.4), RATE, tune) < 0.1
    octave = tune_of_sound(played([p + 12 for p in PITCHES]), RATE)
    assert octave.pitch.tolist() == [p % 12 for p in PITCHES]


@pytest.mark.parametrize(
    ("sound", "message"),
    [
        (np.zeros(RATE * 2, dtype=np.float32), "silence"),
        (played()[: RATE // 2], "a second at least"),
    ],
)
def test_where_no_tune_is_heard_is_said(sound: np.ndarray, message: str):
    with pytest.raises(InputError, match=message):
        tune_of_sound(sound, RATE)


# ------------------------------------------------------------------ in what is composed


def test_a_piece_follows_its_tune_and_lasts_as_long(system: MusicLmSystem):
    one = samples(system, asked(score=melody()))
    assert one.shape == (1, 2 * RATE)
    assert np.array_equal(one, samples(system, asked(score=melody())))
    assert not np.array_equal(one, samples(system, asked(score=melody([61, 61, 70, 70]))))
    assert not np.array_equal(one, samples(system, asked(2.0)))
    assert samples(system, asked(5.0, score=melody())).shape == (1, 5 * RATE)
    row = next(
        row for row in system.compose([asked(score=melody())])[0].rows if row.wish == "melody"
    )
    assert "the strongest for" in row.achieved and row.met is None


def test_beats_are_those_of_the_tune(system: MusicLmSystem):
    beats = system.wish(asked(4.0, score=melody())).sounding
    assert beats is not None and beats.beat.tolist() == pytest.approx(np.arange(8) / 2)
    assert beats.beat_in_bar.tolist() == [0, 1, 2, 3] * 2


def test_a_recording_leads_as_its_notes_do(system: MusicLmSystem):
    sound = Audio(played()[None], RATE)
    wishes = [system.wish(asked(audio=sound)), system.wish(asked(score=melody(drums=False)))]
    rows = [wish.tune.rows(20.0, 0, 40) for wish in wishes if wish.tune]
    same = (rows[0][:, 1:BEGINS] == rows[1][:, 1:BEGINS]).all(1)
    assert same.mean() > 0.7
    assert samples(system, asked(audio=sound)).shape == (1, 2 * RATE)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (asked(score=melody(), audio=Audio(played()[None], RATE)), "one of them"),
        (Request(Brief(tempo=90.0), score=melody()), "leave the tempo out"),
        (Request(Brief(bars=4), score=melody()), "leave the bars out"),
        (asked(audio=Audio(np.zeros((1, 2 * RATE), np.float32), RATE)), "silence"),
    ],
)
def test_what_goes_against_a_tune_is_refused(
    system: MusicLmSystem, request_: Request, message: str
):
    with pytest.raises(InputError, match=message):
        system.run([request_])


def test_a_model_that_reads_no_tune_says_so(tmp_path: Path):
    bare = MusicLmSystem.load(write_musiclm(tmp_path / "bare"), "cpu")
    for request in (asked(score=melody()), asked(audio=Audio(played()[None], RATE))):
        with pytest.raises(InputError, match="follows no tune"):
            bare.run([request])


def run(capsys: Any, *argv: str) -> tuple[int, str, str]:
    code = main(list(argv))
    return code, *capsys.readouterr()


@pytest.mark.parametrize("kind", ["mid", "wav"])
def test_the_command_line_python_and_replay_follow_the_same_tune(
    folder: Path, tmp_path: Path, monkeypatch: Any, capsys: Any, kind: str
):
    monkeypatch.chdir(tmp_path)
    write_midi(melody(), tmp_path / "song.mid")
    write_wav(played(), RATE, tmp_path / "song.wav")
    command = [
        "compose",
        "--system",
        "musiclm",
        "--checkpoint",
        str(folder),
        "--formats",
        "wav,json",
    ]
    argv = [*command, "--melody", f"song.{kind}", "--seed", "4", "-o"]
    code, out, err = run(capsys, *argv, "out")
    assert code == 0 and "the tune" in out, err
    file = tmp_path / "out" / "song-led.wav"
    by_hand = cantilena.compose(melody=f"song.{kind}", seed=4, system="musiclm", checkpoint=folder)
    assert by_hand.audio is not None and by_hand.audio.seconds == pytest.approx(2.0)
    replay = ["compose", "--checkpoint", str(folder), "--formats", "wav", "--quiet"]
    code, _, err = run(capsys, *replay, "--replay", "out/song-led.json", "-o", "again")
    assert code == 0, err
    assert (tmp_path / "again" / "song-led.wav").read_bytes() == file.read_bytes()
    by_hand.save("hand", ["wav"], "song-led")
    assert (tmp_path / "hand" / "song-led.wav").read_bytes() == file.read_bytes()


def test_a_melody_that_cannot_be_is_refused_in_a_line(
    folder: Path, tmp_path: Path, monkeypatch: Any, capsys: Any
):
    monkeypatch.chdir(tmp_path)
    write_midi(melody(), tmp_path / "song.mid")
    (tmp_path / "text.mid").write_text("no music")
    led = ["compose", "calm", "--system", "musiclm", "--checkpoint", str(folder), "-o", "x"]
    for argv, message in (
        ([*led, "--melody", "nowhere.mid"], "nowhere.mid"),
        ([*led, "--melody", "text.mid"], "text.mid"),
        ([*led, "--melody", "song.mid", "--tempo", "90"], "leave the tempo out"),
        ([*led, "--melody", "song.mid", "--from", "song.mid"], "stands alone"),
        (["compose", "calm", "--melody", "song.mid", "-o", "x"], "'note' follows no given tune"),
    ):
        code, _, err = run(capsys, *argv)
        assert code == 2 and message in err and err.count("\n") == 1, err
    assert not (tmp_path / "x").exists()
    with pytest.raises(InputError, match="follows no given tune"):
        cantilena.compose("calm", melody="song.mid")
