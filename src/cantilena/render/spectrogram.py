"""A picture of sound: a spectrogram on the mel scale, as PNG.

Knows samples and drawing; does not know what made the sound. Background and frame are clear and
letters are grey, so that the picture can stand on a light and on a dark page.
"""

from __future__ import annotations

import numpy as np

from cantilena.audio.mel import frames, mel_bank
from cantilena.errors import InputError
from cantilena.render.drawing import Canvas, resized, round_ticks

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
_SIZE, _PANEL = (640, 190), (58, 45, 632, 182)
"""Pixels: of the picture, and of the left, lower, right and upper side of what is sound in it."""
_LABELS, _TITLE = 7.0, 8.0  # points
_MOST_SECONDS = 9
"""Labels of the time at most."""
_MAGMA = (
    "000004 090720 1a1042 311165 4a1079 621980 792282 912b81 aa337d "
    "c23b75 d9466b ec5860 f7725c fc8e64 feaa74 fec68a fde2a3 fcfdbf"
)
"""Every 15th of the 256 colours of the map magma (Nathaniel Smith and Stefan van der Walt, CC0),
from the darkest; what lies between them is within 3 of 255 of the map's own."""


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

    left, bottom, right, upper = _PANEL
    canvas = Canvas(*_SIZE, ground=f"{_INK}00")
    shown = resized(decibels.T[::-1], right - left, upper - bottom)
    canvas.panel(_PANEL, _magma(1 + shown / RANGE), _INK)
    seconds = len(mono) / rate
    times = [(t / seconds, f"{t:g}") for t in round_ticks(0.0, seconds, _MOST_SECONDS)]
    canvas.axis_below(_PANEL, times, _INK, _LABELS)
    canvas.text((left + right) / 2, 14, "seconds", _TITLE, _INK, across="middle")
    low, high = _mel(LOWEST), _mel(top)
    heights = [
        ((_mel(h) - low) / (high - low), f"{h // 1000} kHz" if h >= 1000 else f"{h} Hz")
        for h in _TICKS
        if LOWEST <= h <= top
    ]
    canvas.axis_left(_PANEL, heights, _INK, _LABELS)
    return canvas.png()


def _magma(values: np.ndarray) -> np.ndarray:
    """(..., 3) bytes of the colours of values, 0 the darkest and 1 the brightest."""
    stops = np.array([list(bytes.fromhex(colour)) for colour in _MAGMA.split()], dtype=float)
    at = np.clip(values, 0.0, 1.0) * (len(stops) - 1)
    channels = [np.interp(at, np.arange(len(stops)), stops[:, c]) for c in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


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
