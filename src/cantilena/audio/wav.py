"""Sound as numbers: WAV files read and written, and the change of sample rate.

Knows samples and the WAV format; does not know what sounds or why.
"""

from __future__ import annotations

import io
import math
import mmap
import struct
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cantilena.errors import InputError
from cantilena.files import read_bytes, write_bytes

MAX_BYTES = 0xFFFFFFFF + 8
"""What a RIFF file can hold: its size is a number of 32 bits, less the first 8 bytes."""
MAX_CHANNELS = 16
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
"""Format tags of the WAV format; the extensible one has the tag of its samples further on."""
_KINDS = {
    (PCM, 8): "u1",  # which alone are above 0 all, silence being 128
    (PCM, 16): "<i2",
    (PCM, 24): "<i4",  # with a byte of zeros below
    (PCM, 32): "<i4",
    (FLOAT, 32): "<f4",
    (FLOAT, 64): "<f8",
}
"""numpy's type of the samples that can be read, by format tag and bits."""


def write_wav(samples: np.ndarray, rate: int, path: str | Path) -> None:
    """Writes ``wav_bytes`` of samples, whole or not at all. Raises InputError, also for a path that
    cannot be written."""
    write_bytes(path, wav_bytes(samples, rate))


def wav_bytes(samples: np.ndarray, rate: int) -> bytes:
    """A 16-bit PCM WAV file of (n,) or (n, channels) samples in -1..1.

    What lies outside -1..1 is clipped. Raises InputError for other shapes, and for samples that
    are not finite.
    """
    samples = np.asarray(samples)
    if samples.ndim == 1:
        samples = samples[:, None]
    if samples.ndim != 2 or not 1 <= samples.shape[1] <= MAX_CHANNELS:
        raise InputError(f"samples must have the shape (n, channels), not {samples.shape}")
    if not np.isfinite(samples).all():
        raise InputError("the samples hold values that are not finite")
    return pcm_bytes(np.rint(np.clip(samples, -1.0, 1.0) * 32767.0).astype(np.int16), rate)


def pcm_bytes(samples: np.ndarray, rate: int) -> bytes:
    """A 16-bit PCM WAV file of (n, channels) int16 samples, as they are. Raises InputError."""
    pcm = samples.astype("<i2")
    _check_size(pcm)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(pcm.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.tobytes())
    return buffer.getvalue()


def float_bytes(samples: np.ndarray, rate: int) -> bytes:
    """A WAV file of (n, channels) samples as floats of 32 bits, as they are. Raises InputError."""
    body = samples.astype("<f4")
    _check_size(body)
    n, channels = body.shape
    step = body.itemsize * channels
    form = struct.pack("<HHIIHHH", FLOAT, channels, rate, rate * step, step, 32, 0)
    chunks = (b"fmt ", form), (b"fact", struct.pack("<I", n)), (b"data", body.tobytes())
    parts = [part for name, data in chunks for part in (name, struct.pack("<I", len(data)), data)]
    return b"".join((b"RIFF", struct.pack("<I", 4 + sum(map(len, parts))), b"WAVE", *parts))


def _check_size(samples: np.ndarray) -> None:
    """Raises InputError for more than a WAV file can hold."""
    if samples.nbytes > 0xFFFFFF00:  # 256 bytes are room for the header
        raise InputError("a WAV file can hold at most 4 GB; take a part of the sound")


def read_wav(path: str | Path) -> tuple[np.ndarray, int]:
    """(n, channels) float32 samples of a WAV file, and its rate in Hz.

    PCM of 8, 16, 24 or 32 bits is scaled to -1..1 (full scale is half of its values; 32 bits are
    rounded to float32's 24); floats of 32 or 64 bits are taken as they are, beyond -1..1 too.
    Raises InputError that names the file for any other kind of file and for a damaged one.
    """
    try:
        return parse_wav(read_bytes(path, MAX_BYTES, "a WAV file"))
    except InputError as error:
        if str(path) in str(error):
            raise
        raise InputError(f"{str(path)!r} cannot be read as a WAV file: {error}") from error


def parse_wav(data: bytes) -> tuple[np.ndarray, int]:
    """What ``read_wav`` gives, of a file's bytes. Raises InputError."""
    layout = find_layout(data)
    body = memoryview(data)[layout.start : layout.start + layout.size]
    return layout.samples(body), layout.rate


@dataclass(frozen=True)
class Layout:
    """Where the sound of a WAV file stands and how: the format ``tag``, ``bits`` of a sample,
    ``rate`` in Hz, and the byte at which it starts with its ``size`` in bytes."""

    tag: int
    channels: int
    rate: int
    bits: int
    start: int
    size: int

    @property
    def step(self) -> int:
        """Bytes of one sample in all channels."""
        return self.channels * self.bits // 8

    def samples(self, body: bytes | memoryview) -> np.ndarray:
        """(n, channels) float32 of a part of the sound. Raises InputError."""
        return _samples(memoryview(body), self.tag, self.channels, self.bits)


def find_layout(data: bytes | mmap.mmap) -> Layout:
    """The Layout of a file's bytes, of which only the heads of chunks are read. Raises
    InputError."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise InputError("it does not begin as one (RIFF, WAVE)")
    form: tuple[int, int, int, int] | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        there = min(size, len(data) - at - 8)
        if name in (b"fmt ", b"data") and there < size:
            raise InputError(f"it ends after {there:,} of {size:,} bytes of {name.decode()!r}")
        if name == b"fmt ":
            form = _format(memoryview(data[at + 8 : at + 8 + size]))
        elif name == b"data":
            if form is None:
                raise InputError("its sound comes before its format")
            return Layout(*form, at + 8, size)
        at += 8 + size + size % 2  # chunks begin at even places
    raise InputError("it holds no sound")


def _format(body: memoryview) -> tuple[int, int, int, int]:
    """Tag, channels, rate and bits of a sample. Raises InputError for what cannot be read."""
    if len(body) < 16:
        raise InputError(f"its format has {len(body)} bytes, not 16 or more")
    tag, channels, rate, _, block, bits = struct.unpack("<HHIIHH", body[:16])
    if tag == EXTENSIBLE and len(body) >= 26:
        tag = int.from_bytes(body[24:26], "little")
    if (tag, bits) not in _KINDS:
        raise InputError(
            f"its samples have {bits} bits in format {tag}; PCM (format 1) of 8, 16, 24 or 32 "
            "bits and floats (format 3) of 32 or 64 can be read"
        )
    if not channels or not rate or block != channels * bits // 8:
        raise InputError(
            f"its format contradicts itself: {channels} channels, {rate} Hz, {block} bytes for a "
            f"sample of {bits} bits in each channel"
        )
    return tag, channels, rate, bits


def _samples(body: memoryview, tag: int, channels: int, bits: int) -> np.ndarray:
    if len(body) % (channels * bits // 8):
        raise InputError("its sound ends within a sample")
    if bits == 24:
        padded = np.zeros((len(body) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(body, np.uint8).reshape(-1, 3)
        body = memoryview(padded.tobytes())
    values = np.frombuffer(body, _KINDS[tag, bits])
    if tag == PCM:
        full_scale = 2.0 ** (8 * values.itemsize - 1)
        silence = full_scale if bits == 8 else 0.0
        samples = ((values - silence) / full_scale).astype(np.float32)
    else:
        with np.errstate(over="ignore"):  # what is too large for float32 is refused below
            samples = values.astype(np.float32)
        if not np.isfinite(samples).all():
            raise InputError("it holds values that are not finite")
    return samples.reshape(-1, channels)


def resample(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """(m,) float32 of (n,) samples at ``rate`` Hz, band-limited, at ``wanted`` Hz; m is n times
    ``wanted`` / ``rate``, rounded up. By the Fourier transform of the whole, so that nothing
    aliases. Raises InputError for rates below 1."""
    if rate < 1 or wanted < 1:
        raise InputError(f"sound cannot be taken from {rate} to {wanted} Hz")
    if rate == wanted or not len(samples):
        return np.asarray(samples, dtype=np.float32)
    n, unit = len(samples), rate // math.gcd(rate, wanted)
    blocks = -(-n // unit) + 1  # at least one block of silence, as the transform goes round
    # a number of blocks with small factors, which the transform is quick for
    blocks = 1 << (blocks - 1).bit_length() if blocks < 64 else -(-blocks // 64) * 64
    padded = np.zeros(blocks * unit)
    padded[:n] = samples
    size = len(padded) * wanted // rate
    spectrum = np.fft.rfft(padded)
    shared = np.zeros(size // 2 + 1, dtype=complex)  # the frequencies that both rates can hold
    bins = min(len(shared), len(spectrum))
    shared[:bins] = spectrum[:bins]
    out = np.fft.irfft(shared, size) * (size / len(padded))
    return out[: -(-n * wanted // rate)].astype(np.float32)
