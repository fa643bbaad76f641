"""Building clips: equal bytes, resuming, damage, what is counted, copies, Ray, the command; reading
them as a stream."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from cantilena import cli
from cantilena.audio.wav import write_wav
from cantilena.data.audio import AudioData, Recipe, build_audio, read_audio_manifest
from cantilena.data.audio import build as building
from cantilena.data.audio import reader as reading
from cantilena.errors import CantilenaError, InputError, UnknownNameError
from cantilena.score.midi import write_midi
from corpus_pieces import add_lakh, piece, small_lakh

SMALL = Recipe(rate=8000, seconds=8, per_file=1)


def digests(folder: Path) -> dict[str, str]:
    return {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.iterdir()
        if p.name != ".lock"
    }


def noise(seconds: float, seed: int, rate: int = 8000) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, round(seconds * rate))


def add_recordings(folder: Path) -> None:
    """Four that are fit, one of them stereo and one of another rate; two that are not."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(2):
        write_wav(noise(3, i), 8000, folder / f"{i}.wav")
    write_wav(noise(3, 2).reshape(-1, 2), 8000, folder / "stereo.wav")
    write_wav(noise(3, 3, 16_000), 16_000, folder / "fast.wav")
    write_wav(np.zeros(8000 * 3), 8000, folder / "silence.wav")
    (folder / "broken.wav").write_bytes(b"RIFF")
    (folder / "notes.pdf").write_bytes(b"not music")


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder with recordings and two MIDI files."""
    folder = tmp_path / "mine"
    add_recordings(folder / "takes")
    for seed in range(2):
        (folder / f"{seed}.mid").write_bytes(write_midi(piece(seed, bars=6)))
    return folder


def build(place: Path, out: Path, recipe: Recipe = SMALL, **options):
    return build_audio([place], out, recipe, engine="synth", **options)


def test_a_folder_end_to_end_the_same_with_any_number_of_workers(mixed, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "CLIPS_PER_SHARD", 2)
    heard: list[tuple] = []
    built = build(mixed, tmp_path / "one", progress=lambda *a: heard.append(a))
    build(mixed, tmp_path / "two", workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert built == read_audio_manifest(tmp_path / "one")
    total = [sum(c[n] for c in built["counts"]["mine"].values()) for n in ("files", "clips")]
    assert total == [6, 6] and heard[-1][:2] == (8, 8)
    assert built["refused"] == {
        "mine": {"silent": ["mine/takes/silence.wav"], "unreadable": ["mine/takes/broken.wav"]}
    }
    assert built["changed"] == {
        "mine": {"mixed": ["mine/takes/stereo.wav"], "resampled": ["mine/takes/fast.wav"]}
    }
    assert set(built["refused"]["mine"]) <= set(built["reasons"])
    hashes = digests(tmp_path / "one")
    assert all(hashes[row["file"]] == row["sha256"] for row in built["shards"])


def test_a_corpus_is_read_as_for_the_notes_and_copies_are_left_out(tmp_path):
    root = tmp_path / "corpora"
    small_lakh(root)
    add_lakh(root, "1", piece(30, shift=2))  # the test song, in another key
    built = build_audio(["lakh"], tmp_path / "out", SMALL, corpora=root, engine="synth")
    counts = built["counts"]["lakh"]
    assert [counts[s]["files"] for s in ("train", "valid", "test")] == [7, 2, 1]
    assert [len(rows) for rows in built["copies"].values()] == [1]
    assert built["licences"]["lakh"]
    train = AudioData(tmp_path / "out", "train")
    assert len(train) == 6 and len(AudioData(tmp_path / "out", "test")) == 1
    repeated = next(iter(built["copies"].values()))[0]["file"]
    assert repeated not in {clip.meta["file"] for clip in train.stream()}
    limited = build_audio(["lakh"], tmp_path / "few", SMALL, corpora=root, engine="synth", limit=2)
    assert [c["files"] for c in limited["counts"]["lakh"].values()] == [2, 2, 1]


def test_a_stopped_build_goes_on_and_damage_is_made_good(mixed, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "CLIPS_PER_SHARD", 1)
    build(mixed, tmp_path / "whole")
    out = tmp_path / "out"

    def stop(done: int, *_: object) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(mixed, out, progress=stop)
    assert not (out / "manifest.json").exists() and list(out.glob("*.npz"))
    assert not list(out.glob(".*.part"))
    made = []
    real = building.build_shard
    monkeypatch.setattr(
        building, "build_shard", lambda u, *a: (made.append(u.file), real(u, *a))[1]
    )
    build(mixed, out)
    shards = len(list(out.glob("*.npz")))
    assert digests(out) == digests(tmp_path / "whole") and 0 < len(made) < shards
    made.clear()
    build(mixed, out)
    assert made == []
    damaged = sorted(out.glob("*.npz"))[0]
    damaged.write_bytes(damaged.read_bytes()[:-9])
    build(mixed, out)
    assert made == [damaged.name] and digests(out) == digests(tmp_path / "whole")
    made.clear()
    write_wav(noise(3, 9), 8000, mixed / "takes" / "0.wav")
    (mixed / "takes" / "1.txt").write_text("a caption")
    build(mixed, out)
    assert len(made) == 2
    build(mixed, out, Recipe(rate=8000, seconds=2, per_file=1))
    assert len(made) == 2 + shards


def test_ray_on_two_workers_makes_the_same(mixed, tmp_path):
    pytest.importorskip("ray")
    build(mixed, tmp_path / "here")
    build(mixed, tmp_path / "ray", workers=2, ray=True)
    assert digests(tmp_path / "here") == digests(tmp_path / "ray")


def test_one_strange_file_ends_nothing(mixed, tmp_path, monkeypatch):
    real = building.recording_clips

    def fails(take, recipe):
        if take.id.endswith("0.wav"):
            raise ValueError("a fault")
        return real(take, recipe)

    monkeypatch.setattr(building, "recording_clips", fails)
    built = build(mixed, tmp_path / "out")
    failed = built["refused"]["mine"]["failed"]
    assert failed == ["mine/takes/0.wav: ValueError: a fault"]


# ---------------------------------------------------------------------------- reading


@pytest.fixture
def data(tmp_path: Path, monkeypatch) -> Path:
    """24 clips in 6 shards, of two seconds each."""
    monkeypatch.setattr(building, "CLIPS_PER_SHARD", 4)
    monkeypatch.setattr(building, "SPLITS", ("train",))
    folder = tmp_path / "long"
    folder.mkdir()
    for i in range(3):
        write_wav(noise(16, i), 8000, folder / f"{i}.wav")
    monkeypatch.setattr("cantilena.data.audio.sources.hashed_split", lambda own: "train")
    build(folder, tmp_path / "data", Recipe(rate=8000, seconds=2))
    return tmp_path / "data"


def test_clips_come_as_they_were_made(data):
    reader = AudioData(data)
    assert (len(reader), reader.rate, reader.recipe.seconds) == (24, 8000, 2)
    ids = [f"long/{i}.wav#{k}" for i in range(3) for k in range(8)]
    clips = list(reader.stream(seed=None))
    assert [c.id for c in clips] == ids
    assert np.array_equal(np.concatenate([c.mix for c in clips[:8]]), to_16(noise(16, 0)))
    assert reader.clip(9).id == "long/1.wav#1"
    with pytest.raises(IndexError):
        reader.clip(24)


def to_16(samples: np.ndarray) -> np.ndarray:
    return np.rint(samples * 32_767).astype(np.int16)


def test_an_epoch_is_an_order_of_its_own_in_parts(data, monkeypatch):
    monkeypatch.setattr(reading, "BLOCK", 2)
    reader = AudioData(data)
    first = [c.id for c in reader.stream(0, seed=5)]
    assert sorted(first) == sorted(c.id for c in reader.stream(seed=None))
    assert first == [c.id for c in AudioData(data).stream(0, seed=5)]
    assert first != [c.id for c in reader.stream(1, seed=5)]
    # two shards at a time
    assert len(set(reader.places[reader.order(0, 5)][:8, 0].tolist())) == 2
    parts = [[c.id for c in reader.stream(0, 5, part, 3)] for part in range(3)]
    assert [parts[i % 3][i // 3] for i in range(24)] == first
    assert [c.id for c in reader.stream(0, 5, 1, 3, start=4)] == parts[1][4:]
    assert len(reader._open) <= 2
    reader.close()
    assert reader.clip(0).id == "long/0.wav#0"


def test_damaged_and_missing_shards_are_passed_over_and_named(data):
    files = sorted(data.glob("*.npz"))
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-1])
    warnings: list[str] = []
    reader = AudioData(data, warn=warnings.append)
    assert len(reader) == 16 and reader.damaged == (files[0].name, files[1].name)
    assert "is missing" in warnings[0] and "is damaged" in warnings[1]
    reader = AudioData(data, verify=False, warn=warnings.append)
    files[2].write_bytes(b"not a shard")
    assert len(list(reader.stream())) == 12
    assert set(reader.damaged) == {f.name for f in files[:3]}


def test_what_is_not_there_cannot_be_read(data, tmp_path):
    with pytest.raises(InputError, match="data audio"):
        AudioData(tmp_path)
    with pytest.raises(UnknownNameError, match="train"):
        AudioData(data, "dev")
    with pytest.raises(UnknownNameError, match="long"):
        AudioData(data, sources=["lakh"])
    with pytest.raises(InputError, match="no clips of 'test'"):
        AudioData(data, "test")


# ---------------------------------------------------------------------------- the command


def test_the_command_says_what_was_made_and_what_not(mixed, tmp_path, capsys):
    base = ["data", "audio", str(mixed), "-o", str(tmp_path / "out"), "--engine", "synth"]
    base += ["--rate", "8000", "--seconds", "8", "--per-file", "1", "--quiet"]
    assert cli.main(base[:-1]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split() == ["source", "split", "files", "clips", "hours"]
    assert "mine: refused, it is silent: mine/takes/silence.wav" in out
    assert "mine: refused, the file is damaged" in out
    assert "mine: mixed to one channel: mine/takes/stereo.wav" in out
    assert "mine: brought to 8,000 Hz: mine/takes/fast.wav" in out
    assert out.splitlines()[-1] == str(tmp_path / "out")
    assert cli.main(base) == 0 and capsys.readouterr().out == ""
    assert cli.main([*base, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["recipe"]["rate"] == 8000 and printed["refused"]["mine"]["silent"]
    assert cli.main(["data", "audio", str(mixed), "-o", str(tmp_path / "x"), "--spread"]) == 2
    assert "say how many: --per-file" in capsys.readouterr().err
    assert cli.main([*base, "--spread", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recipe"]["spread"] is True


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("silence.wav", "no clip could be made: silence/silence.wav: it is silent"),
        ("broken.wav", "no clip could be made: broken/broken.wav: the file is damaged"),
        ("none.wav", "there is no file or folder"),
        ("notes.pdf", "holds no music"),
        ("nothing", "unknown corpus 'nothing'; known:"),
    ],
)
def test_a_place_without_a_clip_ends_with_2_and_a_line(
    tmp_path, monkeypatch, capsys, place, message
):
    add_recordings(tmp_path)
    monkeypatch.chdir(tmp_path)
    where = f"./{place}" if "." in place else place
    assert cli.main(["data", "audio", where, "-o", "out", "--engine", "synth"]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_an_engine_that_is_not_there(mixed, tmp_path, monkeypatch):
    def missing() -> str:
        raise CantilenaError("the program fluidsynth is not installed")

    monkeypatch.setattr(building, "find_fluidsynth", missing)
    with pytest.raises(CantilenaError, match="fluidsynth is not installed"):
        build_audio([mixed], tmp_path / "out", SMALL, engine="fluidsynth")
    assert building.with_engine(SMALL, "auto", None) == SMALL
    (tmp_path / "f.sf2").write_bytes(b"font")
    monkeypatch.setattr(building, "find_fluidsynth", lambda: "fluidsynth")
    recipe = building.with_engine(SMALL, "auto", tmp_path / "f.sf2")
    assert recipe.engine == "fluidsynth" and recipe.to_dict()["soundfont"] == "f.sf2"
    assert recipe.soundfont_sha256 == hashlib.sha256(b"font").hexdigest()
    with pytest.raises(InputError, match="two sources are called 'mine'"):
        build_audio([mixed, mixed / ".." / "mine"], tmp_path / "out", SMALL, engine="synth")
