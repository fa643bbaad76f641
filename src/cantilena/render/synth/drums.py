"""Drums: one stroke on each instrument of the General MIDI percussion map.

Knows what each drum note sounds like; does not know rhythm or loudness in a piece.
A stroke is up to three things: partials that decay, a sine whose pitch falls, coloured noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cantilena.render.synth.tones import colour_noise

_LN1000 = float(np.log(1000.0))


@dataclass(frozen=True)
class Drum:
    """A percussion instrument.

    ``tones``: (Hz, amplitude, seconds to -60 dB); ``fall``: (first Hz, last Hz, seconds of the
    fall, amplitude, seconds to -60 dB); ``noise``: (centre Hz, octaves, amplitude, seconds to
    -60 dB, seconds of attack); ``strokes``: times of further strokes of a clap, roll or guiro.
    """

    tones: tuple[tuple[float, float, float], ...] = ()
    fall: tuple[float, float, float, float, float] | None = None
    noise: tuple[tuple[float, float, float, float, float], ...] = ()
    strokes: tuple[float, ...] = (0.0,)
    pan: float = 0.0
    send: float = 0.5
    gain: float = 1.0
    choke: int = 0  # instruments of one group cut each other off


def _kick(low: float, click: float) -> Drum:
    return Drum(
        fall=(low * 3.4, low, 0.035, 1.0, 0.42),
        noise=((3000.0, 2.5, click, 0.025, 0.0), (400.0, 1.5, 0.15, 0.05, 0.0)),
        send=0.15,
        gain=1.5,
    )


def _snare(hz: float, bright: float, length: float, level: float) -> Drum:
    return Drum(
        tones=((hz, 0.6, 0.18), (hz * 1.78, 0.3, 0.12)),
        noise=((bright, 2.8, 0.34 * level, length, 0.0), (900.0, 2.0, 0.12, 0.12, 0.0)),
        gain=1.1,
        send=0.7,
    )


def _tom(hz: float, pan: float) -> Drum:
    return Drum(
        tones=((hz * 1.6, 0.2, 0.25), (hz * 2.2, 0.1, 0.18)),
        fall=(hz * 1.7, hz, 0.06, 0.9, 0.75),
        noise=((1600.0, 2.5, 0.12, 0.05, 0.0),),
        pan=pan,
        gain=0.65,
    )


_METAL = (2.0, 3.0, 4.16, 5.43, 6.79, 8.21)


def _hat(length: float, level: float = 1.0) -> Drum:
    tones = tuple((1040.0 * r, 0.05, length * 0.8) for r in _METAL)
    noise = ((9500.0, 1.1, 0.34, length, 0.0), (6000.0, 1.4, 0.1, length * 0.6, 0.0))
    return Drum(tones, None, noise, pan=0.25, gain=0.95 * level, choke=1, send=0.25)


def _cymbal(length: float, centre: float, pan: float, ping: float = 0.0) -> Drum:
    tones = tuple(
        (310.0 * r * centre / 6000.0, 0.03 + 0.05 * ping / i, length * (1.3 - 0.12 * i))
        for i, r in enumerate((1.0, 1.48, 2.27, 3.11, 4.05, 5.9, 7.7, 9.3), start=1)
    )
    wash = 0.3 * (1 - 0.65 * ping)
    noise = ((centre, 2.4, wash, length, 0.004), (centre * 1.5, 1.2, 0.15, length * 0.4, 0.0))
    return Drum(tones, None, noise, pan=pan, gain=0.75, send=0.6)


def _skin(hz: float, length: float, pan: float, slap: float = 0.15, fall: float = 1.25) -> Drum:
    return Drum(
        tones=((hz * 1.55, 0.25, length * 0.5), (hz * 2.3, 0.12, length * 0.3)),
        fall=(hz * fall, hz, 0.02, 0.8, length),
        noise=((2400.0, 2.5, slap, 0.03, 0.0),),
        pan=pan,
        gain=0.9,
    )


def _wood(hz: float, length: float, pan: float, gain: float = 0.8) -> Drum:
    tones = ((hz, 0.8, length), (hz * 2.45, 0.25, length * 0.6), (hz * 4.1, 0.1, length * 0.4))
    return Drum(tones, None, ((hz * 2, 2.0, 0.1, 0.015, 0.0),), pan=pan, gain=gain)


def _shake(centre: float, length: float, pan: float, attack: float = 0.012) -> Drum:
    return Drum(noise=((centre, 1.2, 0.4, length, attack),), pan=pan, gain=1.1)


def _bells(hz: float, length: float, pan: float, gain: float, choke: int = 0) -> Drum:
    ratios = ((1.0, 0.6), (1.51, 0.5), (2.76, 0.3), (4.1, 0.2), (5.4, 0.15))
    tones = tuple((hz * r, a, length / r**0.5) for r, a in ratios)
    return Drum(tones, pan=pan, gain=gain, choke=choke)


def _scrape(length: float, n: int, choke: int) -> Drum:
    strokes = tuple(length * i / n for i in range(n))
    return Drum(noise=((3500.0, 1.8, 0.3, 0.03, 0.0),), strokes=strokes, pan=-0.3, choke=choke)


DRUMS: dict[int, Drum] = {
    27: Drum(fall=(2400.0, 500.0, 0.05, 0.6, 0.25), gain=0.7),
    28: Drum(noise=((2200.0, 2.0, 0.5, 0.1, 0.0),), gain=0.8),
    29: _scrape(0.12, 6, 0),
    30: _scrape(0.1, 4, 0),
    31: _wood(1800.0, 0.06, 0.0),
    32: _wood(2600.0, 0.03, 0.0, 0.5),
    33: _wood(1500.0, 0.05, 0.0),
    34: _bells(2200.0, 0.5, 0.0, 0.5),
    35: _kick(46.0, 0.12),
    36: _kick(54.0, 0.22),
    37: _wood(1700.0, 0.07, -0.1, 1.0),
    38: _snare(185.0, 4200.0, 0.24, 1.0),
    39: Drum(noise=((1500.0, 1.8, 0.5, 0.14, 0.0),), strokes=(0.0, 0.011, 0.023), gain=0.9),
    40: _snare(220.0, 5200.0, 0.2, 1.1),
    41: _tom(72.0, 0.4),
    42: _hat(0.09),
    43: _tom(88.0, 0.3),
    44: _hat(0.07, 0.7),
    45: _tom(108.0, 0.15),
    46: _hat(0.65),
    47: _tom(132.0, 0.0),
    48: _tom(158.0, -0.15),
    49: _cymbal(2.6, 6000.0, -0.35),
    50: _tom(190.0, -0.3),
    51: _cymbal(1.8, 7000.0, 0.4, ping=0.9),
    52: _cymbal(1.9, 4300.0, 0.35),
    53: _bells(1450.0, 1.3, 0.4, 0.22),
    54: Drum(
        tones=((6800.0, 0.08, 0.2), (8300.0, 0.08, 0.16)),
        noise=((8000.0, 1.0, 0.35, 0.18, 0.003),),
        strokes=(0.0, 0.03),
        pan=-0.25,
        gain=0.9,
    ),
    55: _cymbal(0.9, 7500.0, -0.2),
    56: _bells(560.0, 0.32, 0.15, 0.4),
    57: _cymbal(2.3, 5300.0, 0.3),
    58: Drum(noise=((2600.0, 1.0, 0.45, 0.7, 0.0),), strokes=(0, 0.03, 0.06, 0.09), gain=0.6),
    59: _cymbal(1.6, 6200.0, -0.4, ping=0.8),
    60: _skin(400.0, 0.16, -0.3),
    61: _skin(300.0, 0.2, -0.3),
    62: _skin(330.0, 0.07, 0.25, 0.4),
    63: _skin(320.0, 0.28, 0.25),
    64: _skin(215.0, 0.34, 0.25),
    65: _skin(420.0, 0.3, -0.2, 0.35, 1.05),
    66: _skin(290.0, 0.36, -0.2, 0.35, 1.05),
    67: _bells(1150.0, 0.28, 0.35, 0.35),
    68: _bells(860.0, 0.3, 0.35, 0.35),
    69: _shake(6500.0, 0.09, -0.3),
    70: _shake(7800.0, 0.06, 0.3, 0.006),
    71: Drum(tones=((2350.0, 0.6, 0.25), (2480.0, 0.4, 0.25)), pan=0.2, gain=0.45, choke=2),
    72: Drum(tones=((2100.0, 0.6, 0.9), (2230.0, 0.4, 0.9)), pan=0.2, gain=0.45, choke=2),
    73: _scrape(0.07, 5, 3),
    74: _scrape(0.26, 14, 3),
    75: _wood(2500.0, 0.09, 0.2, 0.7),
    76: _wood(1150.0, 0.1, 0.3),
    77: _wood(820.0, 0.12, 0.3),
    78: Drum(fall=(420.0, 700.0, 0.06, 0.6, 0.18), pan=-0.2, gain=1.2, choke=4),
    79: Drum(fall=(620.0, 330.0, 0.12, 0.6, 0.32), pan=-0.2, gain=1.1, choke=4),
    80: _bells(4300.0, 0.12, 0.35, 0.3, choke=5),
    81: _bells(4300.0, 1.8, 0.35, 0.25, choke=5),
    82: _shake(6000.0, 0.1, 0.3),
    83: Drum(
        tones=((4700.0, 0.1, 0.5), (5600.0, 0.1, 0.5), (6900.0, 0.08, 0.4)),
        noise=((7500.0, 1.0, 0.25, 0.35, 0.01),),
        strokes=(0.0, 0.06, 0.12),
        gain=0.5,
    ),
    84: _bells(3200.0, 2.2, 0.3, 0.25),
    85: _wood(1500.0, 0.06, -0.2),
    86: _skin(120.0, 0.22, 0.1, 0.25),
    87: _skin(95.0, 0.6, 0.1, 0.2),
}
"""The Drum of each note of the General MIDI percussion map (and its GS neighbours)."""


def drum(pitch: int) -> Drum:
    """The Drum of a MIDI pitch; outside the map the nearest one in it."""
    return DRUMS[min(max(pitch, min(DRUMS)), max(DRUMS))]


def stroke(pitch: int, force: float, rate: int) -> np.ndarray:
    """(n,) float32: one stroke, until it is over. ``force`` (0-1) brightens the noise."""
    kind = drum(pitch)
    rng = np.random.default_rng((777, pitch))
    ends = [t[2] for t in kind.tones] + [x[3] for x in kind.noise]
    ends += [kind.fall[4]] if kind.fall else []
    n = int((max(ends) + 0.02) * rate)
    t = np.arange(n, dtype=np.float64) / rate
    out = np.zeros(n)
    for hz, level, length in kind.tones:
        if hz < 0.45 * rate:
            out += level * np.exp(-_LN1000 / length * t) * np.sin(2 * np.pi * hz * t)
    if kind.fall:
        first, last, tau, level, length = kind.fall
        phase = last * t + (first - last) * tau * (1 - np.exp(-t / tau))
        out += level * np.exp(-_LN1000 / length * t) * np.sin(2 * np.pi * phase)
    for centre, octaves, level, length, attack in kind.noise:
        hiss = np.resize(colour_noise(centre * (0.85 + 0.2 * force), octaves, rate, rng), n)
        rise = np.minimum(1.0, t / attack) if attack else 1.0
        out += (0.5 + 0.6 * force) * level * hiss * rise * np.exp(-_LN1000 / length * t)
    m = min(n, max(2, int(0.0006 * rate)))
    out[:m] *= np.linspace(0.0, 1.0, m)
    out[n - int(0.015 * rate) :] *= np.linspace(1.0, 0.0, int(0.015 * rate))
    return _repeated(out, kind.strokes, rate).astype(np.float32)


def _repeated(out: np.ndarray, strokes: tuple[float, ...], rate: int) -> np.ndarray:
    if len(strokes) == 1:
        return out
    total = np.zeros(len(out) + int(strokes[-1] * rate) + 1)
    for i, at in enumerate(strokes):
        start = int(at * rate)
        total[start : start + len(out)] += out * (0.6 + 0.4 * (i == len(strokes) - 1))
    return total
