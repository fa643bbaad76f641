"""The pitch of a single note, measured: by the strongest sum of harmonics near the one asked for.

Knows samples; does not know what made them.
"""

from __future__ import annotations

import numpy as np

HARMONICS, FADING = 8, 0.8
"""Of the sum that tells a pitch, and what each counts beside the one below it."""
TRITONE, STEP = 600, 5
"""Cents to either side that are looked at, and from one to the next."""
QUIET = 0.05
"""Of a note's highest level: below it the note is over."""
_SIZE = 1 << 17


def cents_off(sound: np.ndarray, hertz: float, rate: int, harmonics: int = HARMONICS) -> int:
    """How many cents, within a tritone, the strongest harmonic sum of (n,) samples is off a
    frequency. Of sounds whose partials are no harmonics (bells, bars) the first ``harmonics`` 1
    tells."""
    loud = np.flatnonzero(np.abs(sound) > QUIET * np.abs(sound).max(initial=1e-9))
    part = sound[loud[0] : loud[-1] + 1] if len(loud) else sound
    part = part[:_SIZE]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), _SIZE))
    cents = np.arange(-TRITONE, TRITONE + 1, STEP)
    base = hertz * 2.0 ** (cents / 1200)
    total = np.zeros(len(cents))
    for k in range(1, harmonics + 1):
        at = base * k * _SIZE / rate
        inside = at < len(spectrum) - 1
        total[inside] += FADING ** (k - 1) * spectrum[np.rint(at[inside]).astype(np.int64)]
    return int(cents[int(total.argmax())])
