"""The mixing desk: places of the parts, chorus, reverb, loudness and limiter.

Knows stereo signals of shape (2, n), float32, -1..1; does not know notes or voices' sounds.
Everything here is the same for every engine, so that both get the same mix.
"""

from __future__ import annotations

import numpy as np

from cantilena.score import gm
from cantilena.score.score import Score

CEILING = 10 ** (-1.0 / 20)
"""The highest sample value that leaves the desk: -1 dBFS."""
LOUDNESS = 10 ** (-17.0 / 20)
"""The RMS that loud passages are brought to: -17 dBFS."""
_MOST_LIMITING = 2.0  # the limiter takes away at most 6 dB; beyond that the piece stays softer
CHUNK = 1 << 15
"""Samples that are worked on at a time, few enough for a processor's cache."""
_SEATS = {40: -0.45, 41: 0.2, 42: 0.35, 43: 0.45, 73: -0.15, 68: 0.12, 71: -0.2, 70: 0.25}
_SEATS |= {56: 0.3, 57: 0.4, 58: 0.45, 60: -0.4, 46: -0.5, 47: 0.1, 72: -0.25}


def pans(score: Score) -> np.ndarray:
    """(T,) where each part stands, -1 left to 1 right.

    A single part, drums and basses stand in the middle; instruments of the orchestra have their
    seats there; the others alternate left and right, the further out the later they come.
    """
    n = len(score.tracks)
    sounding = np.bincount(score.track, minlength=n) > 0 if len(score) else np.zeros(n, dtype=bool)
    place = np.zeros(n)
    if sounding.sum() < 2:
        return place
    players: dict[float, int] = {}
    others = 0
    for i, part in enumerate(score.tracks):
        if not sounding[i] or part.is_drum or gm.family(part.program) == "bass":
            continue
        if part.program in _SEATS:
            seat = _SEATS[part.program]
            again = players.get(seat, 0)  # second violins sit beside the first
            players[seat] = again + 1
            place[i] = np.clip(seat - np.sign(seat) * 0.22 * again, -0.6, 0.6)
        else:
            side = -1 if others % 2 == 0 else 1
            place[i] = side * min(0.18 + 0.12 * (others // 2), 0.6)
            others += 1
    return place


def gains(pan: float | np.ndarray) -> np.ndarray:
    """(2, ...) left and right gains of a place -1..1, of constant power, 1 in the middle."""
    angle = (np.asarray(pan, dtype=np.float64) + 1.0) * (np.pi / 4)
    return (np.sqrt(2.0) * np.stack([np.cos(angle), np.sin(angle)])).astype(np.float32)


_CHORUS = {  # Hz, depth and delay in seconds, share of the delayed voice
    "ensemble": (0.45, 0.0028, 0.014, 0.55),
    "slow": (0.7, 0.0016, 0.009, 0.4),
    "rotary": (5.6, 0.00035, 0.003, 0.5),
}


def chorus(mix: np.ndarray, kind: str, rate: int) -> None:
    """Adds, in place, to (2, n) a second voice a moving delay behind, opposite on the two sides."""
    speed, depth, delay, share = _CHORUS[kind]
    n = mix.shape[1]
    # from the end to the start: what a chunk reads of the past is not yet written over
    for start in reversed(range(0, n, CHUNK)):
        i = np.arange(start, min(n, start + CHUNK))
        # float64 before the sine: in an hour a float32 phase would have lost its fine steps
        turn = np.sin((2 * np.pi * speed / rate) * i)
        for side in (0, 1):
            behind = rate * (delay + depth * (turn if side else -turn))
            whole = behind.astype(np.int64)
            part = (behind - whole).astype(np.float32)
            at = i - whole
            near, far = np.maximum(at, 0), np.maximum(at - 1, 0)
            voice = mix[side, near] * (1 - part) + mix[side, far] * part
            chunk = mix[side, start : start + len(i)]
            chunk *= np.float32(1.0 - 0.4 * share)
            chunk += np.float32(share) * voice


def impulse(rate: int, seconds: float = 1.5) -> np.ndarray:
    """(2, m) float32 impulse response of a small hall: a few early echoes, then noise that decays
    sooner the higher it is; -60 dB after ``seconds`` in the middle range; different left and
    right; without the lowest octaves, which would only blur."""
    rng = np.random.default_rng(20)
    m = int(rate * (seconds + 0.02))
    t = np.arange(m) / rate
    freq = np.fft.rfftfreq(m, 1.0 / rate)
    out = np.zeros((2, m))
    lead = int(0.018 * rate)
    bands = ((200.0, 700.0, 1.1), (700.0, 2500.0, 1.0), (2500.0, 5500.0, 0.62), (5500, 9e3, 0.35))
    for side in (0, 1):
        for low, high, length in bands:
            spectrum = np.fft.rfft(rng.standard_normal(m))
            spectrum[(freq < low) | (freq >= high)] = 0
            fall = np.exp(-6.9078 / (seconds * length) * t)
            out[side, lead:] += (np.fft.irfft(spectrum, m) * fall)[: m - lead]
        rise = np.minimum(1.0, np.arange(m - lead) / (0.03 * rate))
        out[side, lead:] *= rise
        for echo in range(6):
            at = int(rate * (0.011 + 0.0113 * echo + 0.006 * rng.random()))
            out[side, at] += (0.8**echo) * 12.0 * np.std(out[side, lead : lead + rate // 10])
    out *= np.minimum(1.0, (m - np.arange(m)) / (0.1 * rate))  # ends in silence
    return (out / np.sqrt((out**2).sum(1, keepdims=True))).astype(np.float32)


def reverb(send: np.ndarray, rate: int, mix: np.ndarray, level: float) -> None:
    """Adds to ``mix`` (2, n), in place, the reverb of a mono signal (n,) at ``level``; FFT
    convolution, overlap-add."""
    n = len(send)
    response = impulse(rate)
    m = response.shape[1]
    size = 1 << int(np.ceil(np.log2(2 * m)))
    step = size - m + 1
    spectrum = np.fft.rfft(response * np.float32(level), size)
    for start in range(0, n, step):
        piece = send[start : start + step]
        if not piece.any():
            continue
        answer = np.fft.irfft(np.fft.rfft(piece, size) * spectrum, size)
        stop = min(n, start + len(piece) + m - 1)
        mix[:, start:stop] += answer[:, : stop - start]


def fade_out(mix: np.ndarray, rate: int) -> None:
    """Lets the last 0.4 s of (2, n) fade to silence, in place."""
    n = min(mix.shape[1], int(0.4 * rate))
    if n:
        mix[:, -n:] *= np.cos(np.linspace(0, np.pi / 2, n, dtype=np.float32)) ** 2


def master(mix: np.ndarray, rate: int) -> np.ndarray:
    """(2, n) brought to a sensible loudness, in place where it can be: loud passages at -17 dBFS
    RMS, no sample above -1 dBFS, by a limiter that turns down smoothly (no distortion). Silence
    stays silence."""
    gain = level(mix, rate, _MOST_LIMITING)
    if not gain:
        return np.zeros_like(mix)
    peak = float(max(mix.max(), -mix.min()))
    mix *= np.float32(gain)
    return _limit(mix, rate) if gain * peak > CEILING else mix


def level(mix: np.ndarray, rate: int, limiting: float = 1.0) -> float:
    """The gain that brings the loud passages of (channels, n) to -17 dBFS RMS and lets no sample
    exceed -1 dBFS by more than the factor ``limiting``; 0 for silence and for what is not
    finite."""
    n = mix.shape[1]
    peak = float(max(mix.max(initial=0.0), -mix.min(initial=0.0)))
    if peak < 1e-7 or not np.isfinite(peak):
        return 0.0
    frame = max(1, int(0.4 * rate))
    power = np.array(
        [np.mean(np.square(mix[:, i : i + frame])) for i in range(0, n, frame)], dtype=np.float64
    )
    audible = power[power > power.max() * 1e-3]  # rests do not count
    loud = float(np.sqrt(np.quantile(audible, 0.75)))
    return min(LOUDNESS / loud, limiting * CEILING / peak)


def _limit(mix: np.ndarray, rate: int) -> np.ndarray:
    """Turns down where a sample would exceed the ceiling, over 30 ms before and after."""
    n, block = mix.shape[1], 64
    blocks = -(-n // block)
    top = np.zeros(blocks * block, dtype=np.float32)
    top[:n] = np.maximum(np.abs(mix[0]), np.abs(mix[1]))
    need = np.minimum(1.0, CEILING / np.maximum(top.reshape(-1, block).max(1), 1e-9))
    reach = max(1, int(0.03 * rate / block))
    # The mean of window minima never exceeds the value needed anywhere in the window; one more
    # block on each side pays for the straight lines between blocks.
    padded = np.pad(need, 2 * reach + 1, constant_values=1.0)
    low = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 3).min(1)
    window = np.hanning(2 * reach + 1)
    smooth = np.convolve(low, window / window.sum(), mode="valid")
    middle = np.arange(blocks) * block + block / 2
    for start in range(0, n, CHUNK):
        stop = min(n, start + CHUNK)
        mix[:, start:stop] *= np.interp(np.arange(start, stop), middle, smooth).astype(np.float32)
    np.clip(mix, -CEILING, CEILING, out=mix)  # rounding only
    return mix
