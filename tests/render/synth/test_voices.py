"""What the synthesizer's voices and drums measure: families apart, no aliasing, chokes."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.render import synth
from cantilena.render.synth.drums import DRUMS, stroke
from cantilena.render.synth.tones import frequency, tone
from cantilena.render.synth.voices import VOICES
from cantilena.score import gm
from cantilena.score.score import Score, Track

RATE = 22050


def rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


def spectrum(x: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    size = 1 << 17
    return np.fft.rfftfreq(size, 1 / rate), np.abs(np.fft.rfft(x * np.hanning(len(x)), size))


def _profile(program: int) -> np.ndarray:
    """Level (dB) of twelve partials early and late, and the time course: what an ear tells by."""
    x = tone(VOICES[program], 60, 0.6, int(1.2 * 44100), 44100, 7)
    parts = []
    for piece_ in (x[2000:12000], x[30000:50000]):
        freq, power = spectrum(piece_, 44100)
        peaks = [np.interp(frequency(60) * k, freq, power) for k in range(1, 13)]
        parts.append(20 * np.log10(np.array(peaks) / max(peaks) + 1e-3))
    envelope = [rms(x[i : i + 2000]) for i in range(0, 50000, 10000)]
    parts.append(20 * np.log10(np.array(envelope) / max(envelope) + 1e-3))
    return np.concatenate(parts)


def test_families_sound_different():
    programs = [0, 6, 11, 19, 24, 33, 40, 48, 52, 56, 66, 71, 73, 80, 89, 105]
    profiles = {p: _profile(p) for p in programs}
    for i, a in enumerate(programs):
        for b in programs[i + 1 :]:
            apart = np.sqrt(np.mean((profiles[a] - profiles[b]) ** 2))
            assert apart > 3.0, f"{gm.name(a)} and {gm.name(b)} differ by {apart:.1f} dB only"


def test_clarinet_has_odd_harmonics_and_flute_is_nearly_pure():
    def harmonics(program: int) -> np.ndarray:
        freq, power = spectrum(tone(VOICES[program], 60, 0.6, 44100, 44100, 7)[8000:], 44100)
        near = [np.abs(freq - k * frequency(60)) < 12 for k in range(1, 6)]
        return np.array([np.sqrt((power[m] ** 2).sum()) for m in near])

    clarinet, flute, trumpet = harmonics(71), harmonics(73), harmonics(56)
    assert clarinet[2] > 2 * clarinet[1] and clarinet[2] > 2 * clarinet[3]
    assert flute[0] ** 2 > 0.8 * (flute**2).sum()
    assert trumpet[1:].max() > trumpet[0]


def test_brass_brightens_in_its_attack():
    x = tone(VOICES[56], 60, 0.8, 44100, 44100, 7)

    def centre(y: np.ndarray) -> float:
        freq, power = spectrum(y, 44100)
        return float((freq * power).sum() / power.sum())

    assert centre(x[6000:9000]) > 1.1 * centre(x[400:1600])


@pytest.mark.parametrize("rate", [8000, 44100])
def test_every_voice_and_every_drum_sounds_and_none_aliases(rate: int):
    assert len(VOICES) == 128
    for program, voice in enumerate(VOICES):
        for pitch in (21 + program % 12, 96 + program % 12):
            x = tone(voice, pitch, 0.7, rate // 5, rate, 7)
            assert x.dtype == np.float32 and len(x) == rate // 5 and np.isfinite(x).all()
            lowest = frequency(pitch) * min((r for r, _, _ in voice.ratios), default=1.0)
            assert lowest > 0.4 * rate or 1e-3 < rms(x) < 0.5, gm.name(program)
    for pitch in DRUMS:
        hit = stroke(pitch, 0.7, rate)
        assert np.isfinite(hit).all(), pitch
        assert rate < 44100 or np.abs(hit).max() > 0.01, pitch


def test_partials_above_half_the_rate_are_left_out():
    x = tone(VOICES[81], 105, 0.9, 44100, 44100, 7)  # saw at 3520 Hz: six partials fit
    freq, power = spectrum(x, 44100)
    low = power[(freq > 200) & (freq < 3200)]
    assert low.max() < 1e-3 * power.max()


def test_closed_hat_chokes_the_open_one():
    def score(pitches: list[int]) -> Score:
        return Score.build(
            480, [Track("", 0, True)], [0, 120], [60] * 2, pitches, [100] * 2, [0] * 2
        )

    after = slice(int(0.3 * RATE), int(0.5 * RATE))
    ringing = rms(synth.synthesize(score([46, 36]), RATE)[:, after])
    choked = rms(synth.synthesize(score([46, 42]), RATE)[:, after])
    assert choked < 0.5 * ringing
