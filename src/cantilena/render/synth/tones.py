"""Tones: one note of a ``Voice``, made of damped partials and noise.

Knows how a Voice sounds at a pitch and a loudness; does not know which voices there are
(``voices``), nor notes in time (``render.synth``).

A damped partial is a power series z^t of one complex number. Over a block of B samples
z^(B i + j) = z^(B i) z^j, so the sum of K partials over a whole tone is one matrix product of
(blocks, K) by (K, B): the cost of a tone is that of a small BLAS call, not of K sines a sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

_BLOCK = 256
_QUIET = 10**-2.6  # partials 52 dB below the strongest are left out
_MOST = 48  # partials before unison and tails
_NOISE_SIZE = 1 << 15
_LN1000 = float(np.log(1000.0))  # 60 dB


@dataclass(frozen=True)
class Voice:
    """What an instrument sounds like. Times in seconds, frequencies in Hz, levels linear.

    The spectrum: harmonics k of amplitude k^-``slope``, even ones times ``even``, struck or plucked
    at ``strike`` (a fraction of the string; 0: nowhere), sharpened by ``inharm``, or else listed in
    ``ratios`` as (frequency ratio, amplitude, decay factor); then a low-pass at ``cutoff`` and
    ``formants`` of (centre, half width, gain).
    """

    slope: float = 1.0
    even: float = 1.0
    strike: float = 0.0
    inharm: float = 0.0
    ratios: tuple[tuple[float, float, float], ...] = ()
    cutoff: float = 3000.0
    formants: tuple[tuple[float, float, float], ...] = ()
    decay: float = 0.0  # time to -60 dB at A3; 0: sustained
    damp: float = 0.0  # how much faster each higher harmonic decays
    tail: float = 0.0  # the share of the amplitude that decays in ``tail_decay`` instead
    tail_decay: float = 0.0  # 0: sustained
    attack: float = 0.003
    release: float = 0.08
    bloom: float = 0.0  # how much later higher harmonics rise, as in brass
    vibrato: float = 0.0  # cents
    unison: int = 1
    spread: float = 0.0  # cents between the outer voices of a unison
    tremolo: tuple[float, float] = (0.0, 0.0)  # Hz, depth 0-1
    breath: float = 0.0  # steady noise round the pitch
    knock: float = 0.0  # a short noise at the start
    noise: tuple[float, float] | None = None  # nothing but noise: centre, width in octaves
    chorus: str = ""  # a chorus of the mixing desk, see ``room.chorus``
    send: float = 1.0  # share that goes to the reverb
    width: float = 0.0  # how far low notes go left and high ones right, 0-1
    gain: float = 1.0


def frequency(pitch: float) -> float:
    """Hz of a MIDI pitch, A4 = 440."""
    return 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)


def tone(voice: Voice, pitch: int, force: float, n: int, rate: int, seed: int) -> np.ndarray:
    """(n,) float32: the voice at a MIDI pitch, held for all of ``n`` samples.

    ``force`` (0-1) is how hard it is played: it changes the colour, not the level. Tones of
    different voices and pitches are about equally loud. The same arguments give the same samples.
    """
    rng = np.random.default_rng((seed, pitch))
    if voice.noise is not None:
        out = _only_noise(voice, pitch, n, rate, rng)
    else:
        freq, amp, rate_down, rise = _partials(voice, pitch, force, rate, rng)
        phase = rng.uniform(-np.pi, np.pi, len(freq)) if voice.unison > 1 else -np.pi / 2
        out = _damped(freq, amp * np.exp(1j * phase), rate_down, rise, n, rate)
        out = _vibrate(out, voice.vibrato, rate, rng)
        if voice.breath:
            hz = frequency(pitch)
            hiss = colour_noise(1.5 * hz + 400.0, 1.2, rate, rng)
            out += 0.12 * voice.breath * np.resize(hiss, n)
        if voice.knock:
            m = min(n, int(0.06 * rate))
            burst = colour_noise(250.0 + 2.0 * frequency(pitch), 2.0, rate, rng)[:m]
            fall = np.exp(-np.arange(m, dtype=np.float32) / (0.011 * rate))
            out[:m] += (0.5 * force * voice.knock) * burst * fall
    return _shaped(out, voice, rate, rng)


def _partials(
    voice: Voice, pitch: int, force: float, rate: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(K,) frequency in Hz, amplitude, decay per second and rise time of each partial."""
    hz = frequency(pitch)
    if voice.ratios:
        ratio, amp, faster = np.array(voice.ratios).T
        amp = amp * np.where(ratio > 1.01, 0.35 + force, 1.0)
    else:
        k = np.arange(1.0, _MOST + 1)
        stiff = voice.inharm * 2.0 ** ((pitch - 57) / 9.0)
        ratio = k * np.sqrt((1 + stiff * k**2) / (1 + stiff))
        amp = k**-voice.slope * np.where(k % 2 == 0, voice.even, 1.0)
        if voice.strike:
            amp = amp * np.abs(np.sin(np.pi * k * voice.strike))
        faster = 1.0 / (1.0 + voice.damp * (k - 1))
    freq = hz * ratio
    cutoff = voice.cutoff * 2.0 ** (2.4 * (force - 0.7)) * (hz / 262.0) ** 0.35
    amp = amp / (1.0 + (freq / cutoff) ** 2)
    if voice.formants:
        amp = amp * (0.06 + sum(g / (1 + ((freq - f) / w) ** 2) for f, w, g in voice.formants))
    keep = (freq < 0.45 * rate) & (amp > _QUIET * amp.max(initial=0.0))
    freq, amp, faster, order = freq[keep], amp[keep], faster[keep], ratio[keep]
    power = float((amp**2 * _hearing(freq)).sum())
    amp = amp * (0.1 / np.sqrt(power) if power > 0 else 0.0)
    rise = voice.bloom * np.sqrt(np.maximum(order - 1, 0.0))
    key = 2.0 ** ((57 - pitch) / 20.0)  # short strings and small bars decay sooner
    down = _LN1000 / (voice.decay * key * faster) if voice.decay else np.zeros_like(freq)
    if voice.tail:
        slow = voice.tail_decay * key * np.sqrt(faster)
        after = _LN1000 / slow if voice.tail_decay else np.zeros_like(freq)
        freq, rise, down = np.tile(freq, 2), np.tile(rise, 2), np.concatenate([down, after])
        amp = np.concatenate([amp * (1 - voice.tail), amp * voice.tail])
    if voice.unison > 1:
        cents = np.linspace(-0.5, 0.5, voice.unison) * voice.spread
        cents = (cents + rng.uniform(-0.08, 0.08, voice.unison) * voice.spread)[:, None]
        freq = (freq * 2.0 ** (cents / 1200.0)).ravel()
        amp = np.tile(amp, voice.unison) / np.sqrt(voice.unison)
        rise, down = np.tile(rise, voice.unison), np.tile(down, voice.unison)
    return freq, amp, down, rise


def _hearing(freq: np.ndarray) -> np.ndarray:
    """Weight of a frequency's power in loudness: half of A-weighting's decibels, so that low
    notes are raised, not to the point where they fill the mix."""
    f2 = freq**2
    a = 1.2589 * 12194.0**2 * f2**2
    a /= (f2 + 20.6**2) * np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2)) * (f2 + 12194.0**2)
    return np.maximum(a, 0.03)


def _damped(
    freq: np.ndarray,
    amp: np.ndarray,
    down: np.ndarray,
    rise: np.ndarray,
    n: int,
    rate: int,
) -> np.ndarray:
    """(n,) float32: the sum of partials amp e^((2 pi i freq - down) t) (1 - e^(-t / rise))."""
    late = rise > 1e-4
    power = np.concatenate([2j * np.pi * freq - down, (2j * np.pi * freq - down)[late]])
    power[len(freq) :] -= 1.0 / rise[late]
    amp = np.concatenate([amp, -amp[late]])
    blocks = -(-n // _BLOCK)
    outer = amp * np.exp(np.outer(np.arange(blocks) * (_BLOCK / rate), power))  # (blocks, K)
    inner = np.exp(np.outer(power, np.arange(_BLOCK) / rate))  # (K, B)
    left = np.concatenate([np.real(outer), -np.imag(outer)], axis=1).astype(np.float32)
    right = np.concatenate([np.real(inner), np.imag(inner)]).astype(np.float32)
    return (left @ right).reshape(-1)[:n]


def _vibrate(x: np.ndarray, cents: float, rate: int, rng: np.random.Generator) -> np.ndarray:
    """The tone with a vibrato that sets in after a quarter of a second: a delay that swings."""
    if not cents or not len(x):
        return x
    speed, start = rng.uniform(5.0, 5.8), rng.uniform(0, 2 * np.pi)
    depth = (2.0 ** (cents / 1200.0) - 1.0) / (2 * np.pi * speed) * rate
    t = np.arange(len(x), dtype=np.float32)
    swing = np.sin(t * np.float32(2 * np.pi * speed / rate) + np.float32(start))
    onset = np.clip((t / rate - 0.18) / 0.35, 0.0, 1.0)
    delay = np.float32(depth) * onset * (1.0 + swing)
    # the delay is kept apart from the sample's number, whose float32 would be too coarse
    whole = np.floor(delay)
    part = delay - whole
    i = np.arange(len(x)) - whole.astype(np.int64)
    return x[np.maximum(i, 0)] * (1 - part) + x[np.maximum(i - 1, 0)] * part


def colour_noise(centre: float, octaves: float, rate: int, rng: np.random.Generator) -> np.ndarray:
    """(32768,) float32 noise of RMS 1 round ``centre`` Hz, ``octaves`` wide at half power, that
    repeats without a seam."""
    octave, white = _white(rate)
    away = (octave - np.float32(np.log2(min(centre, 0.4 * rate)))) * np.float32(2.0 / octaves)
    shape = np.exp2(-0.5 * away**2)
    shape /= np.sqrt(2.0 * np.sum(shape**2)) / _NOISE_SIZE
    noise = np.fft.irfft(shape * white, _NOISE_SIZE)
    return np.roll(noise, int(rng.integers(_NOISE_SIZE)))


@lru_cache(maxsize=4)
def _white(rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Of white noise: log2 of each bin's frequency, and its spectrum, of amplitude 1."""
    freq = np.fft.rfftfreq(_NOISE_SIZE, 1.0 / rate)
    phase = np.random.default_rng(11).random(len(freq))
    spectrum = np.exp(2j * np.pi * phase).astype(np.complex64)
    spectrum[0] = 0.0
    return np.log2(np.maximum(freq, 1.0)).astype(np.float32), spectrum


def _only_noise(
    voice: Voice, pitch: int, n: int, rate: int, rng: np.random.Generator
) -> np.ndarray:
    """A sound effect: noise whose colour follows the key, with the voice's decay."""
    centre, octaves = voice.noise or (1000.0, 2.0)
    key = 2.0 ** ((pitch - 60) / 24.0)
    out = 0.1 * np.resize(colour_noise(centre * key, octaves, rate, rng), n)
    if voice.decay:
        out *= np.exp(np.arange(n, dtype=np.float32) * np.float32(-_LN1000 / voice.decay / rate))
    return out


def _shaped(out: np.ndarray, voice: Voice, rate: int, rng: np.random.Generator) -> np.ndarray:
    """The tone with its attack (from zero, so without a click) and its tremolo."""
    m = min(len(out), max(8, int(voice.attack * rate)))
    ramp = np.sin(np.linspace(0.0, np.pi / 2, m, endpoint=False, dtype=np.float32))
    out[:m] *= ramp**2 if voice.attack > 0.02 else ramp
    speed, depth = voice.tremolo
    if depth:
        t = np.arange(len(out), dtype=np.float32) * np.float32(2 * np.pi * speed / rate)
        start = np.float32(rng.uniform(0, 2 * np.pi))
        out *= 1.0 - np.float32(depth) * (0.5 + 0.5 * np.sin(t + start))
    return out
