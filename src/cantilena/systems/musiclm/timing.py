"""Where in a song a piece lies, as Jukebox's models are told, and as rows of a stage's condition.

Knows seconds; does not know clips, stages or Requests. Jukebox (Dhariwal et al. 2020, section 4.1)
embeds how long the song is, the second that sounds and the share of the song that is over, each in
equal bins. Here a number stands between the two bins that are nearest to it, seconds are in bins
of equal ratio, and how many are left is told as well, as endings are near to one another by these
alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TIMING = "timing"
"""Its name among the conditions of a stage, and in checkpoints."""
BINS = 16
"""Of each number, our choice; Jukebox has 128."""
LONGEST = 600.0
"""Seconds of a song, as in Jukebox's; longer ones count as so long."""
WIDTH = 1 + 4 * BINS
"""Numbers of a frame: 1 where anything is told, and the bins of the four numbers."""


@dataclass(frozen=True)
class Timing:
    """A piece that begins at the second ``offset`` of a song of ``total`` seconds."""

    offset: float
    total: float

    def rows(self, rate: float, start: int, stop: int) -> np.ndarray:
        """(stop - start, WIDTH) float32 for frames ``start`` to ``stop`` of ``rate`` a second."""
        now = self.offset + (np.arange(start, stop) + 0.5) / rate
        whole = np.full(len(now), self.total)
        share = now / max(self.total, 1e-9)
        numbers = (_of_seconds(whole), _of_seconds(now), share, _of_seconds(self.total - now))
        out = np.ones((len(now), WIDTH), dtype=np.float32)
        out[:, 1:] = np.concatenate([_bins(number) for number in numbers], axis=1)
        return out


def _of_seconds(seconds: np.ndarray) -> np.ndarray:
    """0-1, by equal ratios: a second is far more at the edges of a song than in its middle."""
    return np.log1p(np.clip(seconds, 0, LONGEST)) / np.log1p(LONGEST)


def _bins(share: np.ndarray) -> np.ndarray:
    """(N, BINS) of numbers (N,) of 0-1: how near each is to each bin's middle, 1 on it and 0 from
    the next one on."""
    at = np.clip(share, 0, 1) * (BINS - 1)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(BINS)))
