"""A picture of sound: a spectrogram on the mel scale, as PNG.

Knows samples and drawing; does not know what made the sound. Background and frame are clear and
letters are grey, so that the picture can stand on a light and on a dark page. matplotlib is
imported when the first picture is drawn.
"""

from __future__ import annotations

import io

import numpy as np

from cantilena.audio.mel import frames, mel_bank
from cantilena.errors import InputError

BANDS = 96
FRAME, SHIFT = 0.064, 0.016
"""Seconds of a frame, and at least from one to the next."""
COLUMNS = 1200
"""Frames at most; of longer sound fewer are taken."""
RANGE = 80.0
"""dB from the darkest to the brightest; what is 80 dB below the loudest band is black."""
LOWEST, HIGHEST = 40.0, 11_025.0
"""Hz that are shown, as far as the rate has them."""
_TICKS = (100, 300, 1_000, 3_000, 10_000)
_INK = "#808080"  # contrast of 3.9 to white and 5.3 to black
_SIZE, _DPI = (6.4, 1.9), 100


def draw_spectrogram(samples: np.ndarray, rate: int) -> bytes:
    """A PNG of (n,) or (n, channels) samples at ``rate`` Hz, the channels' mean: 640 x 190 pixels,
    time to the right in seconds, Hz upwards on the mel scale, brighter the louder. The same samples
    make the same bytes. Raises InputError for another shape and for no samples."""
    samples = np.asarray(samples, dtype=np.float32)
    if samples.ndim not in (1, 2) or not samples.size:
        raise InputError(f"sound must have the shape (n,) or (n, channels), not {samples.shape}")
    mono = samples if samples.ndim == 1 else samples.mean(1)
    top = min(HIGHEST, rate / 2)
    decibels = _decibels(mono, rate, top)

    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor="none")
    axes = figure.add_axes((0.09, 0.24, 0.9, 0.72))
    height = [_mel(LOWEST), _mel(top)]
    axes.imshow(
        decibels.T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=-RANGE,
        vmax=0,
        extent=(0.0, len(mono) / rate, height[0], height[1]),
    )
    ticks = [hertz for hertz in _TICKS if LOWEST <= hertz <= top]
    axes.set_yticks([_mel(hertz) for hertz in ticks])
    axes.set_yticklabels([f"{h // 1000} kHz" if h >= 1000 else f"{h} Hz" for h in ticks])
    axes.set_xlabel("seconds", color=_INK, fontsize=8, labelpad=1)
    axes.tick_params(colors=_INK, labelsize=7)
    for side in axes.spines.values():
        side.set_color(_INK)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _mel(hertz: float) -> float:
    """HTK's mel scale, as ``mel_bank`` has it."""
    return float(1127.0 * np.log1p(hertz / 700.0))


def _decibels(mono: np.ndarray, rate: int, top: float) -> np.ndarray:
    """(T, BANDS) of mel bands, the loudest 0, none below ``-RANGE``; silence is ``-RANGE``."""
    length = max(2, round(FRAME * rate))
    hop = max(round(SHIFT * rate), -(-len(mono) // COLUMNS))
    window = np.hanning(length).astype(np.float32)
    power = np.abs(np.fft.rfft(frames(mono, length, hop) * window)) ** 2
    bands = power @ mel_bank(rate, length, BANDS, min(LOWEST, top / 2), top)
    loudest = bands.max()
    if not loudest > 0:
        return np.full(bands.shape, -RANGE)
    return 10 * np.log10(np.maximum(bands / loudest, 10 ** (-RANGE / 10)))
