"""Recordings beside pieces: exact, shared by their content, and refused where they are others."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cantilena.audio.audio import Audio
from cantilena.audio.sources import is_reference, is_source, read_source, reference, source_file
from cantilena.errors import InputError

SHAPE = st.tuples(st.integers(1, 3), st.integers(0, 40))
FLOATS = arrays.arrays(
    np.float32, SHAPE, elements=st.floats(-2, 2, width=32) | st.sampled_from([0.0, -0.0, 1.0])
)
STEPS = arrays.arrays(np.int16, SHAPE).map(lambda steps: steps / np.float32(32_768))


def kept(folder: Path, audio: Audio) -> dict:
    """What stands for a recording, whose file is written."""
    name, data = source_file(audio)
    (folder / name).write_bytes(data)
    return reference(audio, name, data)


@given(FLOATS | STEPS, st.integers(1, 200_000))
def test_a_recording_comes_back_bit_by_bit(tmp_path_factory, samples: np.ndarray, rate: int):
    folder = tmp_path_factory.mktemp("kept")
    again = read_source(kept(folder, Audio(samples, rate)), folder)
    assert again.rate == rate and again.samples.tobytes() == samples.tobytes()


@given(STEPS.filter(np.size))
def test_sixteen_bits_take_two_bytes_a_sample(samples: np.ndarray):
    _, data = source_file(Audio(samples, 8_000))
    assert len(data) == 44 + 2 * samples.size


def test_another_reader_reads_floats_alike():
    soundfile = pytest.importorskip("soundfile")
    samples = np.array([[0.1, -1.5, 0.25], [1e-9, 0.0, -0.0]], dtype=np.float32)
    _, data = source_file(Audio(samples, 44_100))
    read, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    assert rate == 44_100 and read.T.tobytes() == samples.tobytes()


def test_its_name_is_its_content():
    one, other = (Audio(np.full((1, 8), value), 8_000) for value in (0.5, 0.25))
    assert source_file(one)[0] == source_file(one)[0] != source_file(other)[0]
    assert is_source(f"out/{source_file(one)[0]}") and not is_source("out/recording-of-me.wav")


def test_a_reference_says_what_it_is(tmp_path: Path):
    data = kept(tmp_path, Audio(np.zeros((2, 4_000)), 8_000))
    (file,) = tmp_path.iterdir()
    assert data == {
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "rate": 8_000,
        "channels": 2,
        "seconds": 0.5,
    }
    assert is_reference(data) and not is_reference(Audio(np.zeros(8), 8_000).to_dict())


def test_another_file_or_none_is_named(tmp_path: Path):
    data = kept(tmp_path, Audio(np.zeros((1, 8)), 8_000))
    (file,) = tmp_path.iterdir()
    with pytest.raises(InputError, match=r"no file .*the recording that the piece was made from"):
        read_source(data, tmp_path / "elsewhere")
    file.write_bytes(file.read_bytes()[:-1] + b"\1")
    with pytest.raises(InputError, match=r"is not the recording .*sha256 is \w{12}, not \w{12}"):
        read_source(data, tmp_path)


@pytest.mark.parametrize("change", [{"file": "../song.wav"}, {"file": 3}, {"sha256": None}])
def test_a_reference_stays_in_its_folder(tmp_path: Path, change: dict):
    data = kept(tmp_path, Audio(np.zeros((1, 8)), 8_000))
    with pytest.raises(InputError, match="named by a file beside its JSON"):
        read_source({**data, **change}, tmp_path)
