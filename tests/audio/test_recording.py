"""Parts of sound files: against the reader of whole files; damaged, huge and other files."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from cantilena.audio import recording
from cantilena.audio.recording import is_recording, open_recording, sound_format
from cantilena.audio.wav import read_wav, write_wav
from cantilena.errors import InputError, MissingExtraError


@pytest.fixture
def sound() -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.9, 0.9, (5000, 2)).astype(np.float32)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="of Linux")
def test_an_open_wav_is_not_mapped_into_memory(tmp_path: Path):
    """What is read through a map counts as memory until it is closed, an hour as a whole."""
    write_wav(np.zeros(50_000), 8000, tmp_path / "long.wav")
    with open_recording(tmp_path / "long.wav") as recording:
        assert recording.read(49_000, 60_000).shape == (1000, 1)
        assert recording.read(60_000, 70_000).shape == (0, 1)
        assert "long.wav" not in Path("/proc/self/maps").read_text()


def float_wav(samples: np.ndarray, rate: int = 8000) -> bytes:
    body = samples.astype("<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, 1, rate, 4 * rate, 4, 32)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form
    chunks += b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def test_parts_of_a_wav_file_are_those_of_the_whole(sound, tmp_path):
    path = tmp_path / "a.WAV"
    write_wav(sound, 22_050, path)
    whole, rate = read_wav(path)
    with open_recording(path) as file:
        assert (file.rate, file.channels, file.length) == (rate, 2, 5000) and file.tags == {}
        assert np.array_equal(file.read(0, 5000), whole)
        assert np.array_equal(file.read(1234, 2345), whole[1234:2345])
        assert np.array_equal(file.read(4990, 9999), whole[4990:])
        assert file.read(6000, 7000).shape == (0, 2)


@pytest.mark.parametrize("kind", ["flac", "ogg", "mp3"])
def test_other_kinds_are_read_by_soundfile(sound, tmp_path, kind):
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / f"a.{kind}"
    smooth = 0.5 * np.sin(np.arange(16_000)[:, None] * np.array([[0.05, 0.08]]))
    with soundfile.SoundFile(path, "w", 16_000, 2, format=kind.upper()) as file:
        file.title, file.genre = "A Tune", "Ambient"
        file.write(smooth)
    with open_recording(path) as file:
        assert (file.rate, file.channels) == (16_000, 2)
        assert file.tags == {"title": "A Tune", "genre": "Ambient"}
        assert abs(file.length - 16_000) < 2400  # a compressed file may be padded
        part, whole = file.read(4000, 8000), file.read(0, 16_000)
    assert np.abs(part - whole[4000:8000]).max() < 1e-6  # behind a jump as in a row
    error = np.abs(part - smooth[4000:8000]).max()
    assert part.dtype == np.float32 and error < (1e-4 if kind == "flac" else 0.1)


def test_a_long_file_is_not_read_whole(tmp_path):
    path = tmp_path / "long.wav"
    size, rate = 1 << 30, 48_000
    form = struct.pack("<HHIIHH", 1, 2, rate, 4 * rate, 4, 16)
    head = b"RIFF" + struct.pack("<I", size + 36) + b"WAVEfmt " + struct.pack("<I", 16) + form
    with path.open("wb") as file:
        file.write(head + b"data" + struct.pack("<I", size))
        file.truncate(44 + size)  # a hole: it takes no room on the disk
        file.seek(44 + size - 4)
        file.write(struct.pack("<hh", 16_384, -16_384))
    tracemalloc.start()
    try:
        with open_recording(path) as file:
            assert file.length == size // 4
            assert file.read(file.length - 1, file.length).tolist() == [[0.5, -0.5]]
            assert not file.read(rate, 2 * rate).any()
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.wav", b"", "empty"),
        ("a.wav", b"RIFF\0\0\0\0WAVE", "no sound"),
        ("a.wav", float_wav(np.zeros(9))[:-4], "ends after 32 of 36"),
        ("a.wav", b"a text", "does not begin"),
    ],
)
def test_what_is_no_wav_file_is_refused_with_its_name(tmp_path: Path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=rf"a\.wav.*{message}"), open_recording(tmp_path / name):
        pass


def test_values_that_are_not_finite_are_refused_where_they_stand(tmp_path):
    samples = np.zeros(100)
    samples[70] = np.nan
    (tmp_path / "a.wav").write_bytes(float_wav(samples))
    with open_recording(tmp_path / "a.wav") as file:
        assert not file.read(0, 70).any()
        with pytest.raises(InputError, match=r"a\.wav.*not finite"):
            file.read(60, 80)


def test_damage_of_other_kinds_and_what_is_not_there(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="there is no file"), open_recording(tmp_path / "b.flac"):
        pass
    (tmp_path / "a.flac").write_bytes(b"fLaC, but no more")
    if recording.find_spec("soundfile"):
        with pytest.raises(InputError, match=r"a\.flac"), open_recording(tmp_path / "a.flac"):
            pass
    monkeypatch.setattr(recording, "find_spec", lambda name: None)
    needs = pytest.raises(MissingExtraError, match=r"\.flac files needs soundfile.*\[audio\]")
    with needs, open_recording(tmp_path / "a.flac"):
        pass


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"RIFF\0\0\0\0WAVEfmt ", "WAV"),
        (b"RF64\0\0\0\0WAVEds64", "WAV"),
        (b"fLaC\0\0\0\x22", "FLAC"),
        (b"OggS\0\2", "Ogg"),
        (b"ID3\4\0\0", "MP3"),
        (b"\xff\xfb\x90\x64\0\0", "MP3"),
        (b"FORM\0\0\0\0AIFFCOMM", "AIFF"),
        (b"\0\0\0\x20ftypM4A ", "MP4"),
        (b"MThd\0\0\0\6\0\1", None),
        (b"RIFF\0\0\0\0RMIDdata", None),
        (b"\xff\xff\xff\xff\xff\xff", None),
        (b"\xff\xfe", None),
        (b"", None),
    ],
)
def test_sound_is_recognised_by_its_header(head, kind):
    assert sound_format(head) == kind


def test_the_header_says_more_than_the_name(sound, tmp_path):
    write_wav(sound, 8000, tmp_path / "a.wav")
    (tmp_path / "a.wav").rename(tmp_path / "sound.mid")
    assert is_recording(tmp_path / "sound.mid")
    with open_recording(tmp_path / "sound.mid") as opened:
        assert opened.length == 5000
    (tmp_path / "notes.wav").write_bytes(b"MThd\0\0\0\6\0\1\0\1\1\xe0")
    assert not is_recording(tmp_path / "notes.wav")
    refused = pytest.raises(InputError, match=r"notes\.wav' is a MIDI file, not sound")
    with refused, open_recording(tmp_path / "notes.wav"):
        pass
    assert is_recording(tmp_path / "gone.flac") and not is_recording(tmp_path / "gone.mid")
