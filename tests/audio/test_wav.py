"""WAV files against independent writers and readers, and the change of rate."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cantilena.audio import wav
from cantilena.errors import InputError

SOUND = arrays.arrays(
    np.float32,
    st.tuples(st.integers(0, 50), st.integers(1, 4)),
    elements=st.floats(-1, 1, width=32),
)


def pcm_file(values: np.ndarray, width: int, rate: int = 44_100) -> bytes:
    """A file by Python's own module: (n, channels) whole numbers of ``width`` bytes."""
    raw = values.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :width].tobytes()
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(values.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(raw)
    return buffer.getvalue()


def file_of(
    body: bytes,
    tag: int = 3,
    channels: int = 1,
    rate: int = 8000,
    bits: int = 32,
    more: bytes = b"",
    before: bytes = b"",
) -> bytes:
    """A file byte by byte; ``more`` ends its format, ``before`` stands before its sound."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits) + more
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + before
    chunks += b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


# ---------------------------------------------------------------------------- round trips


@settings(max_examples=50)
@given(SOUND, st.sampled_from([8000, 44_100, 192_000]))
def test_what_is_written_reads_back(tmp_path_factory, sound: np.ndarray, rate: int):
    path = tmp_path_factory.mktemp("wav") / "a.wav"
    wav.write_wav(sound, rate, path)
    samples, read_rate = wav.read_wav(path)
    assert read_rate == rate and samples.dtype == np.float32 and samples.shape == sound.shape
    # full scale is 32767 on writing and 32768 on reading, and half a step is lost in rounding
    np.testing.assert_allclose(samples, sound, rtol=0, atol=1.5 / 32768 + 1e-7)


@settings(max_examples=50)
@given(st.sampled_from([2, 3, 4]), st.integers(1, 3), st.integers(0, 20), st.integers(0, 99))
def test_whole_numbers_of_every_width_are_read(width: int, channels: int, n: int, seed: int):
    full = 2 ** (8 * width - 1)
    values = np.random.default_rng(seed).integers(-full, full, (n, channels))
    values[:1] = -full
    samples, rate = wav.parse_wav(pcm_file(values, width, 22_050))
    assert rate == 22_050 and samples.shape == (n, channels)
    np.testing.assert_array_equal(samples, (values / full).astype(np.float32))


@given(st.binary(max_size=20))
def test_eight_bits_are_read_from_their_middle(values: bytes):
    samples, _ = wav.parse_wav(file_of(values, tag=1, bits=8))
    assert samples[:, 0].tolist() == [(value - 128) / 128 for value in values]


@settings(max_examples=50)
@given(SOUND, st.sampled_from(["<f4", "<f8"]), st.booleans())
def test_floats_are_read_as_they_are(sound: np.ndarray, kind: str, extensible: bool):
    body = (3 * sound).astype(kind)
    bits, channels = 8 * body.itemsize, sound.shape[1]
    tag, more = 3, b""
    if extensible:
        guid = struct.pack("<H", 3) + bytes.fromhex("000000001000800000aa00389b71")
        tag, more = 0xFFFE, struct.pack("<HHI", 22, bits, 0) + guid
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    data = file_of(body.tobytes(), tag, channels, bits=bits, more=more, before=odd)
    samples, rate = wav.parse_wav(data)
    assert rate == 8000
    np.testing.assert_array_equal(samples, 3 * sound)


# ---------------------------------------------------------------------------- bad input


ONE = struct.pack("<f", 0.5)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "RIFF"),
        (b"ID3 no such thing", "RIFF"),
        (file_of(ONE)[:-2], "ends after 2 of 4 bytes"),
        (file_of(ONE)[:30], "ends after 10 of 16 bytes"),
        (file_of(ONE)[:36], "no sound"),
        (file_of(ONE + b"x"), "within a sample"),
        (file_of(ONE, tag=7, bits=8), "8 bits in format 7"),
        (file_of(ONE, tag=1, bits=12), "12 bits in format 1"),
        (file_of(ONE, channels=0), "0 channels"),
        (file_of(ONE, rate=0), "0 Hz"),
        (file_of(struct.pack("<f", float("nan"))), "not finite"),
        (file_of(struct.pack("<d", 1e300), bits=64), "not finite"),
        (b"RIFF\0\0\0\0WAVEdata\4\0\0\0" + ONE, "before its format"),
        (b"RIFF\0\0\0\0WAVEfmt \4\0\0\0" + ONE, "4 bytes, not 16"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, data: bytes, message: str):
    (tmp_path / "x.wav").write_bytes(data)
    with pytest.raises(InputError, match=message) as error:
        wav.read_wav(tmp_path / "x.wav")
    assert "x.wav" in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InputError, match="there is no file"):
        wav.read_wav(tmp_path / "none.wav")


@settings(max_examples=100)
@given(st.integers(0, 60), st.integers(0, 255), st.integers(0, 60))
def test_no_damage_does_worse_than_an_error(at: int, value: int, length: int):
    data = bytearray(file_of(4 * ONE, channels=2))
    data[at % len(data)] = value
    try:
        samples, rate = wav.parse_wav(bytes(data[: len(data) - length % 8]))
    except InputError:
        return
    assert samples.ndim == 2 and rate > 0 and np.isfinite(samples).all()


def test_write_wav_clips_and_refuses(tmp_path: Path):
    wav.write_wav(np.array([0.0, 2.0, -2.0]), 8000, tmp_path / "m.wav")
    with wave.open(io.BytesIO((tmp_path / "m.wav").read_bytes())) as file:  # type: ignore[arg-type]
        assert np.frombuffer(file.readframes(3), "<i2").tolist() == [0, 32767, -32767]
    with pytest.raises(InputError, match="shape"):
        wav.write_wav(np.zeros((2, 2, 2)), 8000, tmp_path / "x.wav")
    with pytest.raises(InputError, match="finite"):
        wav.write_wav(np.array([np.nan]), 8000, tmp_path / "x.wav")
    with pytest.raises(InputError, match="no folder"):
        wav.write_wav(np.zeros(3), 8000, tmp_path / "not" / "x.wav")


# ---------------------------------------------------------------------------- rates


@settings(max_examples=20)
@given(
    st.sampled_from([8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]),
    st.sampled_from([16_000, 24_000, 32_000, 44_100, 48_000]),
    st.floats(0.05, 0.7),
)
def test_a_tone_keeps_its_pitch_and_size_at_another_rate(rate: int, wanted: int, seconds: float):
    n = round(rate * seconds)
    out = wav.resample(np.sin(2 * np.pi * 1000 * np.arange(n) / rate), rate, wanted)
    assert len(out) == -(-n * wanted // rate)
    expected = np.sin(2 * np.pi * 1000 * np.arange(len(out)) / wanted)
    inner = slice(len(out) // 3, -len(out) // 3)
    np.testing.assert_allclose(out[inner], expected[inner], atol=0.02)


def test_what_the_new_rate_cannot_hold_is_gone():
    high = np.sin(2 * np.pi * 15_000 * np.arange(48_000) / 48_000)
    assert np.abs(wav.resample(high, 48_000, 16_000)[500:-500]).max() < 0.01
    with pytest.raises(InputError):
        wav.resample(high, 0, 16_000)
