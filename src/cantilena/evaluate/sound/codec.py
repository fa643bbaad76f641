"""How well a codec does with a recording: what its round trip loses, and what it costs.

Knows a codec's face, blocks of sound and figures; does not know files or what is printed. Memory is
for a window alone: waves are compared by sums over the whole, spectra by means over windows.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from cantilena.errors import InputError
from cantilena.models.audio.codec.base import Codec
from cantilena.models.audio.codec.losses import MELS, MultiScaleMel, MultiScaleStft
from cantilena.models.audio.codec.stream import decode_windows, encode_blocks

VISQOL_SECONDS = 30
"""ViSQOL hears so much of the beginning, as it takes about as long as the sound."""
VISQOL_RATE = 48_000
SILENT = 1e-4
"""Peak (-80 dB) below which a recording is silent."""


@dataclass
class WaveSums:
    """Sums over two waves, of which the SI-SDR of the whole is computed. Channels are taken as one
    wave after another."""

    count: int = 0
    sums: np.ndarray = field(default_factory=lambda: np.zeros(5))

    def add(self, output: np.ndarray, target: np.ndarray) -> None:
        """Adds a stretch (n, channels) of both."""
        x, y = (a.astype(np.float64).ravel() for a in (output, target))
        self.count += len(x)
        self.sums += (x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum())

    def si_sdr(self) -> float | None:
        """In dB; None where either wave is constant, and at most 150: beyond stands rounding."""
        n = max(self.count, 1)
        x, y, xx, yy, xy = self.sums
        xx, yy, xy = xx - x * x / n, yy - y * y / n, xy - x * y / n
        if xx <= 1e-12 * n or yy <= 1e-12 * n:
            return None
        part = xy * xy / yy
        rest = max(xx - part, part * 1e-15)
        return 10 * math.log10(max(part, 1e-15 * xx) / rest)


@dataclass
class BookCounts:
    """How often each value of each book was used."""

    counts: list[np.ndarray]

    @classmethod
    def of(cls, sizes: Iterable[int]) -> BookCounts:
        """None yet."""
        return cls([np.zeros(size, np.int64) for size in sizes])

    def add(self, codes: np.ndarray) -> None:
        """Counts (k, T) codes."""
        for counts, row in zip(self.counts, codes, strict=False):
            counts += np.bincount(row, minlength=len(counts))

    def rows(self) -> list[dict[str, Any]]:
        """For each book its ``size``, how many values were ``used``, their ``perplexity`` (the
        number of values that would give the same entropy if all were alike frequent) and that in
        ``bits``."""
        rows = []
        for counts in self.counts:
            shares = counts[counts > 0] / max(counts.sum(), 1)
            bits = float(-(shares * np.log2(shares)).sum())
            rows.append(
                {
                    "size": len(counts),
                    "used": int((counts > 0).sum()),
                    "perplexity": round(2**bits, 2),
                    "bits": round(bits, 3),
                }
            )
        return rows


def round_trip(
    codec: Codec,
    blocks: Iterable[np.ndarray],
    books: int | None = None,
    keep: Callable[[np.ndarray], None] | None = None,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """The figures of blocks (n, channels) at the codec's rate, through the codec and back.

    ``si_sdr`` in dB (None where it is not defined), ``mel`` and ``stft`` distance (see
    ``models.audio.codec.losses``), ``visqol`` (None where it is not installed), ``books`` as
    ``BookCounts.rows``, ``bits_per_second`` as sent, ``entropy_bits_per_second`` as the values were
    used, ``encode_factor`` and ``decode_factor``: seconds of sound in a second of computing,
    ``seconds`` of sound. ``keep`` hears the sound that came out, ``progress`` the seconds done.
    Raises InputError for sound that is silent."""
    trip = _Trip(codec, books)
    for sound, decoded in trip.windows(blocks):
        trip.measure(sound, decoded)
        if keep is not None:
            keep(decoded)
        if progress is not None:
            progress(trip.seconds)
    if trip.peak < SILENT:
        raise InputError("the recording is silent: there is nothing to measure")
    return trip.figures()


class _Clock:
    """Seconds that were waited for what comes out of iterators."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, values: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The values as they are."""
        iterator = iter(values)
        while True:
            start = time.perf_counter()
            value = next(iterator, None)
            self.seconds += time.perf_counter() - start
            if value is None:
                return
            yield value


class _Trip:
    """A round trip under way."""

    def __init__(self, codec: Codec, books: int | None):
        self.codec, self.books = codec, books or codec.books
        self.waves, self.counts = WaveSums(), BookCounts.of(codec.sizes[: self.books])
        self.mel = MultiScaleMel(codec.sample_rate, MELS["short"])
        self.stft = MultiScaleStft()
        self.distances = np.zeros(2)
        self.samples, self.peak = 0, 0.0
        self.encoding = self.decoding = 0.0
        self.beginning: list[tuple[np.ndarray, np.ndarray]] = []

    @property
    def seconds(self) -> float:
        return self.samples / self.codec.sample_rate

    def windows(self, blocks: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Sound and what became of it, (n, channels) each, stretch by stretch."""
        heard: list[np.ndarray] = []
        reading = _Clock()

        def listening() -> Iterator[np.ndarray]:
            for block in reading.timed(blocks):
                heard.append(block)
                yield block

        encoding, decoding = _Clock(), _Clock()
        coded = encoding.timed(encode_blocks(self.codec, listening(), self.books))
        for decoded in decoding.timed(decode_windows(self.codec, self._counted(coded))):
            # each waits for the one before: reading is no coding, and coding no decoding
            self.encoding = encoding.seconds - reading.seconds
            self.decoding = decoding.seconds - encoding.seconds
            sound = np.concatenate(heard)
            count = min(len(decoded), len(sound))  # the last frame is filled with silence
            heard[:] = [sound[count:]]
            yield sound[:count], decoded[:count]

    def _counted(self, coded: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for codes in coded:
            self.counts.add(codes)
            yield codes

    @torch.inference_mode()
    def measure(self, sound: np.ndarray, decoded: np.ndarray) -> None:
        self.samples += len(sound)
        self.peak = max(self.peak, float(np.abs(sound).max(initial=0.0)))
        self.waves.add(decoded, sound)
        a, b = (torch.from_numpy(np.ascontiguousarray(x.T))[None] for x in (decoded, sound))
        self.distances += len(sound) * np.array([float(self.mel(a, b)), float(self.stft(a, b))])
        if self.seconds <= VISQOL_SECONDS or not self.beginning:
            self.beginning.append((sound, decoded))

    def figures(self) -> dict[str, Any]:
        mel, stft = self.distances / max(self.samples, 1)
        rows, rate = self.counts.rows(), self.codec.frame_rate
        ratio = self.waves.si_sdr()
        return {
            "seconds": round(self.seconds, 3),
            "si_sdr": None if ratio is None else round(ratio, 2),
            "mel": round(float(mel), 4),
            "stft": round(float(stft), 4),
            "visqol": visqol(self.beginning, self.codec.sample_rate),
            "books": rows,
            "bits_per_second": round(self.codec.bits(self.books), 1),
            "entropy_bits_per_second": round(rate * sum(row["bits"] for row in rows), 1),
            "encode_factor": round(self.seconds / max(self.encoding, 1e-9), 1),
            "decode_factor": round(self.seconds / max(self.decoding, 1e-9), 1),
        }


def visqol(pairs: list[tuple[np.ndarray, np.ndarray]], rate: int) -> float | None:
    """ViSQOL's mean opinion score (1-5, audio mode) of what became of sound, by the package
    visqol-python; None where it is not installed or cannot hear it."""
    if find_spec("visqol") is None or not pairs:
        return None
    from cantilena.audio.wav import resample

    module = import_module("visqol")
    sound, decoded = (
        resample(np.concatenate([pair[i] for pair in pairs]).mean(1), rate, VISQOL_RATE)
        for i in (0, 1)
    )
    try:
        api = module.VisqolApi()
        api.create(mode="audio")
        heard = (sound.astype(np.float64), decoded.astype(np.float64), VISQOL_RATE)
        score = float(api.measure_from_arrays(*heard).moslqo)
    except Exception:  # a measure that fails takes no other with it
        return None
    return round(score, 3) if math.isfinite(score) else None
