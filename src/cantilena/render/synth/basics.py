"""Basic voices, of which the 128 General MIDI programs are made (``voices``).

Knows what kinds of instruments sound like; does not know programs, nor how a Voice is turned into
samples (``tones``). Vowel formants after Peterson and Barney (1952).
"""

from __future__ import annotations

from dataclasses import replace

from cantilena.render.synth.tones import Voice

PIANO = Voice(
    slope=0.9,
    strike=0.125,
    inharm=3e-4,
    cutoff=1700.0,
    decay=7.0,
    damp=0.3,
    tail=0.3,
    tail_decay=18.0,
    unison=2,
    spread=1.2,
    knock=0.12,
    release=0.14,
    width=0.35,
    gain=1.5,
)
GUITAR = Voice(
    slope=1.0,
    strike=0.21,
    inharm=5e-5,
    cutoff=1500.0,
    decay=3.0,
    damp=0.3,
    tail=0.3,
    tail_decay=6.0,
    knock=0.15,
    release=0.1,
    gain=1.5,
)
BASS = Voice(
    slope=1.0,
    strike=0.21,
    inharm=3e-5,
    cutoff=1200.0,
    decay=4.5,
    damp=0.35,
    tail=0.4,
    tail_decay=9.0,
    knock=0.1,
    release=0.06,
    send=0.3,
    gain=1.45,
)
BAR = Voice(decay=2.0, knock=0.1, release=0.6, width=0.3, cutoff=9000.0, gain=1.3)
ORGAN = Voice(
    cutoff=6000.0,
    attack=0.006,
    release=0.05,
    chorus="rotary",
    gain=0.9,
    knock=0.05,
    ratios=((0.5, 0.5, 1), (1, 1, 1), (1.5, 0.4, 1), (2, 0.7, 1), (3, 0.35, 1), (4, 0.3, 1)),
)
REED_ORGAN = Voice(
    slope=0.7,
    cutoff=3800.0,
    attack=0.04,
    release=0.08,
    unison=2,
    spread=5.0,
    breath=0.02,
    formants=((800.0, 500.0, 0.6), (2200.0, 900.0, 0.4)),
    gain=0.9,
)
BODY = ((480.0, 220.0, 0.8), (1050.0, 500.0, 0.6), (2700.0, 1100.0, 0.6))
VIOLIN = Voice(
    slope=0.8,
    cutoff=5200.0,
    attack=0.07,
    release=0.14,
    bloom=0.012,
    vibrato=16.0,
    breath=0.015,
    tail=0.8,
    decay=0.8,
    formants=BODY,
    gain=1.0,
)
ENSEMBLE = Voice(
    slope=0.95,
    cutoff=3600.0,
    attack=0.13,
    release=0.3,
    unison=5,
    spread=20.0,
    vibrato=7.0,
    breath=0.01,
    chorus="ensemble",
    send=1.2,
    gain=1.0,
)
AAH = ((700.0, 130.0, 1.0), (1150.0, 160.0, 0.6), (2700.0, 300.0, 0.25), (3500.0, 400.0, 0.12))
OOH = ((350.0, 110.0, 1.0), (760.0, 140.0, 0.35), (2500.0, 300.0, 0.06))
CHOIR = Voice(
    slope=0.9,
    cutoff=3500.0,
    formants=AAH,
    unison=4,
    spread=22.0,
    vibrato=14.0,
    attack=0.12,
    release=0.25,
    breath=0.03,
    chorus="ensemble",
    send=1.4,
    gain=1.0,
)
BRASS = Voice(
    slope=0.5,
    cutoff=3000.0,
    attack=0.035,
    release=0.08,
    bloom=0.035,
    tail=0.75,
    decay=0.5,
    vibrato=4.0,
    formants=((1200.0, 700.0, 1.0),),
    gain=1.1,
)
SAX = Voice(
    slope=0.6,
    even=0.8,
    cutoff=3300.0,
    attack=0.03,
    release=0.07,
    bloom=0.012,
    vibrato=10.0,
    breath=0.03,
    formants=((650.0, 350.0, 1.0), (1500.0, 500.0, 0.6)),
    gain=1.0,
)
OBOE = Voice(
    slope=0.55,
    cutoff=3400.0,
    attack=0.035,
    release=0.07,
    bloom=0.01,
    vibrato=9.0,
    formants=((1150.0, 350.0, 1.0), (2900.0, 700.0, 0.5)),
    breath=0.01,
    gain=0.9,
)
FLUTE = Voice(
    ratios=((1, 1, 1), (2, 0.35, 1), (3, 0.16, 1), (4, 0.05, 1), (5, 0.02, 1)),
    cutoff=6000.0,
    attack=0.05,
    release=0.09,
    vibrato=12.0,
    breath=0.09,
    knock=0.05,
    tremolo=(5.2, 0.12),
    gain=1.0,
)
SAW = Voice(slope=1.0, cutoff=4500.0, attack=0.008, release=0.08, unison=2, spread=6.0, gain=0.85)
SQUARE = replace(SAW, even=0.0, unison=1)
PAD = Voice(
    slope=1.0,
    cutoff=1500.0,
    attack=0.3,
    release=0.7,
    unison=5,
    spread=22.0,
    chorus="ensemble",
    send=1.6,
    gain=0.9,
)
PLUCK = replace(GUITAR, strike=0.1, slope=0.7, cutoff=3200.0, decay=2.2, tail_decay=4.0)
BELL = ((1, 1, 1), (2.0, 0.5, 0.8), (3.01, 0.3, 0.5), (4.17, 0.25, 0.35), (5.43, 0.15, 0.25))
SKIN = ((1, 1, 1), (1.59, 0.5, 0.6), (2.14, 0.35, 0.45), (2.65, 0.2, 0.3), (2.92, 0.15, 0.25))
EFFECT = Voice(noise=(1000.0, 2.0), attack=0.02, release=0.3, gain=0.5)
