"""``train --system uniaudio``: from clips of MIDI with stems to a model of several tasks, and its
use by ``transcribe`` and ``accompany``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")
torch.set_num_threads(1)  # two of a busy machine wait for one another

from cantilena.audio.wav import read_wav, write_wav  # noqa: E402
from cantilena.cli import main  # noqa: E402
from cantilena.data.corpora.corpus import hashed_split  # noqa: E402
from cantilena.models.audio.codec.files import save_codec  # noqa: E402
from cantilena.score import Score, Track  # noqa: E402
from cantilena.score.midi import read_midi, write_midi  # noqa: E402
from tiny_codecs import tiny, tones  # noqa: E402
from tiny_uniaudio import HOP, SIZES, write_uniaudio  # noqa: E402

TASKS = "text,continue,edit,accompany,sound,transcribe"
TRAIN = ["train", "--system", "uniaudio", "--data", "clips", "--out", "run", "--codec", "codec"]
SMALL = [p for k, v in SIZES.items() for p in ("--option", f"{k}={v}")]


def song(number: int) -> bytes:
    """Four seconds of a piano and a drum, in eighths."""
    onset = [240 * i for i in range(16)]
    tracks = [Track("Piano", 0), Track("Drums", 0, True)]
    pitch = [60 + (3 + number) * i % 12 for i in range(16)] + [36] * 16
    track = [0] * 16 + [1] * 16
    score = Score.build(480, tracks, onset * 2, [200] * 32, pitch, [90] * 32, track, end=3840)
    return write_midi(score)


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Path:
    """A folder with clips of MIDI with stems, and a codec."""
    folder = tmp_path_factory.mktemp("here")
    (folder / "songs").mkdir()
    for split in ("train", "valid"):  # by the hash of their names
        names = [f"{i}.mid" for i in range(99) if hashed_split(f"songs/{i}.mid") == split]
        for i, name in enumerate(names[:2]):
            (folder / "songs" / name).write_bytes(song(i))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        argv = ["data", "audio", "songs", "-o", "clips", "--seconds", "2", "--stems"]
        assert main([*argv, "--engine", "synth", "--wordings", "1", "--quiet"]) == 0
        save_codec("codec", tiny("frame", hop=HOP), {})
    return folder


def run(capsys: Any, *argv: str) -> tuple[int, str, str]:
    code = main(list(argv))
    return code, *capsys.readouterr()


def test_clips_become_a_model_of_several_tasks(here: Path, capsys: Any, monkeypatch: Any):
    monkeypatch.chdir(here)
    options = ["--option", f"tasks={TASKS}", "--option", "seconds=1", *SMALL]
    code, out, err = run(capsys, *TRAIN, "--steps", "2", "--batch", "2", *options)
    assert code == 0, err
    assert "clips encoded" in out and "accompany: 4 clips, 4 held out" in out
    card = json.loads((here / "run" / "model" / "card.json").read_text())
    figures = card["figures"]
    for task in TASKS.split(","):
        assert {task, f"{task}, another's", f"{task}, none"} <= set(figures)
    assert card["model"]["options"]["codec_folder"] == ""
    (here / "codec").rename(here / "elsewhere")  # the checkpoint needs it no more
    code, _, err = run(
        capsys,
        *("compose", "--checkpoint", "run", "calm harp", "--seconds", "0.5", "--condition"),
        *("text", "--formats", "wav,json", "--quiet"),
    )
    assert code == 0, err
    samples, _ = read_wav("out/calm-harp.wav")
    assert len(samples) == 8_000 and np.isfinite(samples).all()
    (here / "elsewhere").rename(here / "codec")
    code, out, err = run(capsys, *TRAIN, "--steps", "3")
    assert code == 0 and "clips encoded" not in out and "going on" in out, err


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--notes", "5"], "--notes is not an option of"),
        (["--recipe", "opera"], "opera"),
        (["--option", "breadth=3"], "no option 'breadth'"),
        (["--option", "tasks=dance"], "no task 'dance'"),
        (["--option", "books=9"], "books is 3 by the codec"),
        (["--option", "also=clips"], "named twice"),
        (["--option", "tasks=note"], "no clip is an example of the task 'note'"),
    ],
)
def test_what_cannot_be_trained(
    here: Path, capsys: Any, monkeypatch: Any, more: list[str], problem: str
):
    monkeypatch.chdir(here)
    argv = [*TRAIN[:5], "--out", "other", *TRAIN[7:], "--steps", "1", *SMALL]
    code, _, err = run(capsys, *argv, *more)
    assert code == 2 and problem in err, err


def test_a_recording_becomes_notes_and_gets_drums(tmp_path: Path, capsys: Any, monkeypatch: Any):
    monkeypatch.chdir(tmp_path)
    write_uniaudio(tmp_path)
    write_wav(tones(1.5, seed=1), 16_000, tmp_path / "song.wav")
    code, out, err = run(capsys, "transcribe", "song.wav", "--checkpoint", "uniaudio", "--json")
    assert code == 0, err
    data = json.loads(out)
    score = read_midi("song-notes.mid")
    assert data["notes"] == len(score) == sum(data["parts"].values())
    assert data["file"] == "song-notes.mid" and data["seconds"] == 1.5
    argv = ["transcribe", "song.wav", "--checkpoint", "uniaudio"]
    Path("song-notes.mid").write_bytes(b"somebody's own")
    code, _, err = run(capsys, *argv)
    assert code == 2 and "is there already" in err
    assert Path("song-notes.mid").read_bytes() == b"somebody's own"
    code, _, err = run(capsys, *argv, "--replace")
    assert code == 0 and len(read_midi("song-notes.mid")) == len(score), err
    code, _, err = run(capsys, "transcribe", "song.wav")
    assert code == 2 and "--checkpoint" in err
    argv = ["transcribe", "song.wav", "--checkpoint", "uniaudio", "-o", "song.txt"]
    code, _, err = run(capsys, *argv)
    assert code == 2 and "MIDI file" in err
    argv = ["accompany", "song.wav", "--with", "drums", "--checkpoint", "uniaudio", "-o", "out"]
    code, _, err = run(capsys, *argv, "--formats", "wav,json", "--quiet")
    assert code == 0, err
    samples, _ = read_wav("out/song-accompanied.wav")
    assert len(samples) == 24_000
    code, _, err = run(capsys, *argv[:2], "--with", "bass", *argv[4:])
    assert code == 2 and "writes drums" in err
