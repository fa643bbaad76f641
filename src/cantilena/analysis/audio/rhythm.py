"""Tempo and beats by ear, from how regularly things begin.

Knows spectra and what was learnt over them (``model``); does not know bars or metres. A tempo is
that of the quarters as they would be written: sound alone says less of its octave (60 or 120) than
of all else.
"""

from __future__ import annotations

import numpy as np

from cantilena.analysis.audio.model import Model
from cantilena.analysis.audio.spectra import BANDS, FRAMES, Spectra

STEP = 1 / 36
"""Octaves from one tempo that is weighed to the next."""
LOWEST, HIGHEST = 36.0, 280.0
"""Quarters a minute."""
GRID = 2 ** np.arange(np.log2(LOWEST), np.log2(HIGHEST), STEP)
"""The tempi that are weighed."""
MULTIPLES = np.array([1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 3 / 2, 2, 3, 4, 6, 8])
"""Of a beat: after how long things may come back."""
MIDDLE = 110.0
"""Quarters a minute from which a tempo's distance in octaves is counted."""
FEATURES = 5 * len(MULTIPLES) + 3
"""Numbers of each tempo: what comes back in each of ``curves``, and how fast it is."""
_LOW, _HIGH = 6, 20  # bands below 300 Hz and above 3 kHz, about: drums and bass
_HARMONY = 6  # frames (0.3 s) over which a change of harmony is measured
_SMOOTH = np.hanning(9)[1:-1] / np.hanning(9).sum()  # 70 ms
_LOCAL = 100  # bands (a second) by whose mean a curve is judged
_LONGEST = 0.8  # share of the sound beyond which too little is left to compare
_TIGHT = 100.0  # how dearly a beat pays for being early or late, as in Ellis (2007)
TINY = 1e-9


def curves(heard: Spectra) -> np.ndarray:
    """(5, U) how much begins at each moment, ``BANDS`` a second: in all bands, the low ones, the
    high ones and the semitones, and how much the harmony changes."""
    rise = np.maximum(0.0, np.diff(heard.bands, axis=0, prepend=heard.bands[:1]))
    levels = heard.semitones
    moments = np.arange(len(rise)) * (FRAMES / BANDS)

    def stretched(curve: np.ndarray) -> np.ndarray:
        return np.interp(moments, np.arange(len(curve)), curve)

    struck = np.maximum(0.0, np.diff(levels, axis=0, prepend=levels[:1])).mean(1)
    classes = levels.reshape(len(levels), -1, 12).sum(1)
    classes = classes / (np.linalg.norm(classes, axis=1, keepdims=True) + 1e-6)
    change = np.zeros(len(classes))
    change[_HARMONY:] = np.linalg.norm(classes[_HARMONY:] - classes[:-_HARMONY], axis=1)
    rows = [_above(rise.mean(1)), _above(rise[:, :_LOW].mean(1)), _above(rise[:, _HIGH:].mean(1))]
    rows += [stretched(struck), stretched(change)]
    return np.stack([_smoothed(row, _SMOOTH) for row in rows])


def _smoothed(curve: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """(U,) the curve under a kernel, as long as it was."""
    return np.convolve(curve, kernel, "full")[len(kernel) // 2 :][: len(curve)]


def _above(curve: np.ndarray) -> np.ndarray:
    return np.maximum(0.0, curve - _smoothed(curve, np.full(_LOCAL, 1 / _LOCAL)))


def autocorrelation(curve: np.ndarray) -> np.ndarray:
    """(U,) how like itself a curve is after so many moments, 1 at none; 0 where it is constant."""
    level = curve - curve.mean()
    n = len(level)
    power = np.fft.irfft(np.abs(np.fft.rfft(level, 2 * n)) ** 2, 2 * n)[:n]
    power /= np.maximum(n - np.arange(n), n * (1 - _LONGEST))  # by how many are compared
    return power / power[0] if power[0] > TINY else np.zeros(n)


def returns(correlation: np.ndarray, tempi: np.ndarray, multiples: np.ndarray) -> np.ndarray:
    """(tempi, multiples) an autocorrelation after so many beats of each tempo; 0 beyond what can
    be compared."""
    lags = 60 * BANDS / tempi[:, None] * multiples
    values = np.interp(lags, np.arange(len(correlation)), correlation)
    return np.where(lags > _LONGEST * len(correlation), 0.0, values)


def tempo_features(heard: np.ndarray) -> np.ndarray:
    """(len(GRID), FEATURES) of ``curves``."""
    octaves = np.log2(GRID / MIDDLE)
    back = [returns(autocorrelation(curve), GRID, MULTIPLES) for curve in heard]
    return np.concatenate([*back, np.stack([octaves, octaves**2, octaves**3], 1)], axis=1)


def find_tempo(heard: np.ndarray, model: Model) -> float | None:
    """Quarters a minute by ``curves``; None where nothing begins."""
    correlation = autocorrelation(heard[0])
    if not correlation.any():
        return None
    coarse = GRID[int((tempo_features(heard) @ model.tempo).argmax())]
    # what comes back after eight beats says to a tenth of a per cent how long one is
    near = coarse * 2 ** np.linspace(-STEP, STEP, 81)
    whole = np.array([1.0, 2, 3, 4, 6, 8])
    return float(near[int(returns(correlation, near, whole).sum(1).argmax())])


def find_beats(heard: np.ndarray, bpm: float) -> np.ndarray:
    """(B,) seconds of the beats at about a tempo: those that most begins at and that follow each
    other most evenly, by Ellis, "Beat tracking by dynamic programming" (2007)."""
    strength = heard[0] / (heard[0].std() + TINY)
    period = 60 * BANDS / bpm
    steps = np.arange(round(period / 2), round(2 * period) + 1)
    price = -_TIGHT * np.log(steps / period) ** 2
    total, before = strength.copy(), np.full(len(strength), -1)
    for i in range(int(steps[0]), len(strength)):
        reach = i - steps[: np.searchsorted(steps, i, side="right")]
        paths = total[reach] + price[: len(reach)]
        best = int(paths.argmax())
        if paths[best] > 0:
            total[i], before[i] = strength[i] + paths[best], reach[best]
    last = max(0, len(total) - int(steps[-1]))
    place = last + int(total[last:].argmax())
    beats = [place]
    while before[place] >= 0:
        place = int(before[place])
        beats.append(place)
    return np.array(beats[::-1]) / BANDS
