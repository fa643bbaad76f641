"""Another sample rate for sound that comes in blocks: band-limited, the same whatever the blocks.

Knows samples; does not know files. ``audio.wav.resample`` takes the whole of a sound at once; this
one needs memory for a block alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from cantilena.errors import InputError

CROSSINGS = 32
"""Zero crossings of the sinc on either side: with ``BETA`` nothing but 3 % of the band at its edge
is lost or folded back by more than -90 dB."""
BETA = 10.0
"""Of the Kaiser window."""
EDGE = 0.97
"""Share of the lower rate's band that is kept."""
_CHUNK = 4096
"""Samples that are made at a time, as each is a product of some hundred others."""
LOWEST, HIGHEST = 1_000, 768_000
"""Rates in Hz that sound is recorded at, generously."""


def _phases(up: int, down: int) -> np.ndarray:
    """(up, taps) float64: the filter for each place that a sample can have between two others."""
    cutoff = EDGE * min(1.0, up / down)  # share of the band of the rate that is read
    half = math.ceil(CROSSINGS / cutoff)
    offsets = np.arange(-half + 1, half + 1)[None] - np.arange(up)[:, None] / up
    window = np.i0(BETA * np.sqrt(np.maximum(0.0, 1 - (offsets / half) ** 2))) / np.i0(BETA)
    table = cutoff * np.sinc(cutoff * offsets) * window
    return table / table.sum(1, keepdims=True)  # a constant stays what it is


class Resampler:
    """Takes blocks (n, channels) of sound at ``rate`` Hz and gives blocks at ``wanted`` Hz. Raises
    InputError for rates that no sound has."""

    def __init__(self, rate: int, wanted: int):
        for value in (rate, wanted):
            if not LOWEST <= value <= HIGHEST:
                raise InputError(f"a rate of {value} Hz is outside {LOWEST}-{HIGHEST}")
        common = math.gcd(rate, wanted)
        self.up, self.down = wanted // common, rate // common
        self.table = _phases(self.up, self.down)
        self.half = self.table.shape[1] // 2
        self.read = self.made = 0
        self.first = -self.half + 1  # number of the sample that ``rest`` begins with
        self.rest: np.ndarray | None = None

    def push(self, block: np.ndarray) -> np.ndarray:
        """(m, channels) float32 of those samples that are now settled."""
        if self.rest is None:
            self.rest = np.zeros((self.half - 1, block.shape[1]))
        self.rest = np.concatenate([self.rest, block.astype(np.float64)])
        self.read += len(block)
        settled = (self.read - self.half) * self.up // self.down  # its filter ends within
        return self._made(max(self.made, settled))

    def finish(self) -> np.ndarray:
        """(m, channels) float32: what is left, so that all together are as long as the sound."""
        if self.rest is None:
            return np.zeros((0, 1), np.float32)
        self.rest = np.concatenate([self.rest, np.zeros((self.half + 1, self.rest.shape[1]))])
        return self._made(-(-self.read * self.up // self.down))

    def _made(self, stop: int) -> np.ndarray:
        assert self.rest is not None
        parts = [np.zeros((0, self.rest.shape[1]), np.float32)]
        while self.made < stop:
            numbers = np.arange(self.made, min(stop, self.made + _CHUNK))
            places, phases = np.divmod(numbers * self.down, self.up)
            starts = places - self.half + 1 - self.first
            windows = np.lib.stride_tricks.sliding_window_view(self.rest, 2 * self.half, axis=0)
            taken = windows[starts]  # (m, channels, taps)
            parts.append(np.einsum("mct,mt->mc", taken, self.table[phases]).astype(np.float32))
            self.made = int(numbers[-1]) + 1
        needed = self.made * self.down // self.up - self.half + 1
        drop = max(0, min(needed - self.first, len(self.rest)))
        self.rest, self.first = self.rest[drop:], self.first + drop
        return np.concatenate(parts)


def resampled(blocks: Iterable[np.ndarray], rate: int, wanted: int) -> Iterator[np.ndarray]:
    """Blocks (n, channels) at ``rate`` Hz as blocks at ``wanted`` Hz; as they are where the rates
    are one."""
    if rate == wanted:
        yield from blocks
        return
    resampler = Resampler(rate, wanted)
    for block in blocks:
        if len(part := resampler.push(block)):
            yield part
    if len(part := resampler.finish()):
        yield part
