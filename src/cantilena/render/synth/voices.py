"""The voices of the 128 General MIDI programs, as data.

Knows what each instrument is made of; does not know the basic voices (``basics``) nor how
a Voice is turned into samples (``tones``). Modal ratios of bars, bells and drums after
Fletcher and Rossing, *The Physics of Musical Instruments*.
"""

from __future__ import annotations

from dataclasses import replace

from cantilena.render.synth.basics import (
    BAR,
    BASS,
    BELL,
    BRASS,
    CHOIR,
    EFFECT,
    ENSEMBLE,
    FLUTE,
    GUITAR,
    OBOE,
    OOH,
    ORGAN,
    PAD,
    PIANO,
    PLUCK,
    REED_ORGAN,
    SAW,
    SAX,
    SKIN,
    SQUARE,
    VIOLIN,
)
from cantilena.render.synth.tones import Voice


def _bar(
    decay: float, *ratios: tuple[float, float, float], **fields: float | tuple[float, float]
) -> Voice:
    return replace(BAR, decay=decay, ratios=((1.0, 1.0, 1.0), *ratios), **fields)


_KEYS = (
    PIANO,
    replace(PIANO, cutoff=2600.0, slope=0.8),
    replace(PIANO, cutoff=2200.0, inharm=1e-4, decay=5.0, chorus="slow"),
    replace(PIANO, unison=3, spread=16.0, cutoff=2300.0, decay=5.0),
    Voice(
        ratios=((1, 1, 1), (2, 0.18, 0.5), (3, 0.05, 0.4), (6.27, 0.1, 0.12), (17.5, 0.03, 0.05)),
        cutoff=4000.0,
        decay=6.0,
        chorus="slow",
        release=0.12,
        knock=0.06,
        width=0.2,
        gain=1.4,
    ),
    Voice(  # two operators: a carrier with few sidebands, a short tine at fourteen times
        ratios=((1, 1, 1), (2, 0.3, 0.6), (3, 0.14, 0.4), (13, 0.06, 0.1), (14, 0.14, 0.12)),
        cutoff=7000.0,
        decay=7.0,
        chorus="slow",
        release=0.12,
        width=0.2,
        gain=1.4,
    ),
    Voice(
        slope=0.35,
        strike=0.12,
        cutoff=5000.0,
        decay=3.2,
        damp=0.12,
        knock=0.3,
        unison=2,
        spread=1.5,
        release=0.08,
        width=0.3,
        gain=1.3,
    ),
    Voice(
        slope=0.4,
        strike=0.3,
        cutoff=4000.0,
        decay=1.8,
        damp=0.2,
        knock=0.25,
        release=0.03,
        gain=1.3,
    ),
)
_MALLETS = (
    _bar(2.2, (2.0, 0.1, 0.6), (4.0, 0.2, 0.3), (6.3, 0.05, 0.15)),
    _bar(3.0, (2.76, 0.7, 0.5), (5.4, 0.35, 0.25), (8.93, 0.08, 0.1)),
    _bar(2.4, (2.0, 0.08, 0.6), (3.0, 0.12, 0.4), (5.8, 0.1, 0.15)),
    _bar(6.0, (4.0, 0.2, 0.3), (10.0, 0.06, 0.08), tremolo=(5.4, 0.35)),
    _bar(1.0, (3.93, 0.25, 0.2), (9.2, 0.08, 0.08), knock=0.2),
    _bar(0.6, (3.0, 0.35, 0.5), (6.1, 0.18, 0.25), (9.5, 0.08, 0.15), knock=0.3),
    _bar(
        5.0,
        (0.5, 0.2, 1.2),
        (1.5, 0.6, 0.7),
        (2.0, 0.9, 0.8),
        (2.66, 0.5, 0.6),
        (3.4, 0.5, 0.4),
        send=1.5,
    ),
    replace(PLUCK, unison=3, spread=5.0, decay=3.0, width=0.3, release=0.5),
)
_ORGANS = (
    ORGAN,
    replace(ORGAN, ratios=((0.5, 0.5, 1), (1, 1, 1), (2, 0.5, 1)), knock=0.25),
    replace(ORGAN, ratios=(*ORGAN.ratios, (5, 0.3, 1), (6, 0.35, 1), (8, 0.4, 1)), spread=3.0),
    Voice(
        ratios=((0.5, 0.4, 1), (1, 1, 1), (2, 0.8, 1), (3, 0.35, 1), (4, 0.5, 1), (8, 0.25, 1)),
        cutoff=5000.0,
        attack=0.06,
        release=0.25,
        breath=0.03,
        unison=2,
        spread=3.0,
        send=2.0,
        gain=0.9,
    ),
    REED_ORGAN,
    replace(REED_ORGAN, spread=11.0, cutoff=3200.0),
    replace(REED_ORGAN, unison=1, vibrato=9.0, breath=0.05, cutoff=3000.0),
    replace(REED_ORGAN, spread=2.0, cutoff=3000.0, slope=0.65),
)
_GUITARS = (
    GUITAR,
    replace(GUITAR, cutoff=2900.0, strike=0.15, slope=0.85, decay=4.0),
    replace(GUITAR, cutoff=1700.0, strike=0.18, decay=4.5, knock=0.08),
    replace(GUITAR, cutoff=3800.0, strike=0.14, slope=0.8, decay=5.0, knock=0.08, chorus="slow"),
    replace(GUITAR, cutoff=1300.0, decay=0.45, tail=0.0, knock=0.35, release=0.04),
    Voice(
        slope=0.55,
        strike=0.17,
        cutoff=3000.0,
        decay=2.0,
        tail=0.75,
        tail_decay=30.0,
        knock=0.1,
        release=0.07,
        gain=0.9,
    ),
    Voice(
        slope=0.35,
        cutoff=3200.0,
        decay=1.0,
        tail=0.85,
        tail_decay=40.0,
        unison=2,
        spread=4.0,
        breath=0.05,
        knock=0.1,
        release=0.07,
        gain=0.85,
    ),
    _bar(3.0, (2.0, 0.9, 0.9), (3.0, 0.4, 0.6), (4.0, 0.2, 0.5), width=0.0, release=0.3),
)
_BASSES = (
    replace(BASS, cutoff=700.0, decay=2.2, tail_decay=4.0, knock=0.2),
    BASS,
    replace(BASS, cutoff=1500.0, strike=0.13, knock=0.2),
    replace(BASS, cutoff=800.0, decay=6.0, vibrato=8.0, attack=0.02, knock=0.02),
    replace(BASS, cutoff=2800.0, strike=0.1, slope=0.9, decay=2.5, knock=0.5),
    replace(BASS, cutoff=3400.0, strike=0.08, slope=0.9, decay=2.0, knock=0.6),
    Voice(slope=1.0, cutoff=800.0, decay=2.0, tail=0.4, damp=0.5, release=0.05, send=0.3, gain=1.2),
    Voice(
        slope=1.0, even=0.15, cutoff=600.0, decay=3.0, tail=0.5, release=0.05, send=0.3, gain=1.2
    ),
)
_STRINGS = (
    VIOLIN,
    replace(VIOLIN, cutoff=4200.0, formants=((350, 200, 0.8), (800, 400, 0.7), (2000, 900, 0.5))),
    replace(
        VIOLIN,
        cutoff=3800.0,
        vibrato=13.0,
        formants=((260, 160, 0.8), (650, 350, 0.8), (1500, 700, 0.5)),
    ),
    replace(VIOLIN, cutoff=1900.0, vibrato=7.0, formants=((130, 100, 0.8), (400, 250, 0.8))),
    replace(ENSEMBLE, attack=0.05, tremolo=(11.0, 0.6)),
    replace(GUITAR, cutoff=1300.0, decay=0.7, tail=0.0, knock=0.15, release=0.25, send=1.2),
    replace(GUITAR, cutoff=1200.0, strike=0.35, decay=4.0, release=0.9, width=0.35, send=1.3),
    Voice(
        ratios=((1, 1, 1), (1.5, 0.55, 0.8), (1.98, 0.4, 0.6), (2.44, 0.25, 0.5), (2.9, 0.12, 0.3)),
        cutoff=1200.0,
        decay=1.5,
        knock=0.3,
        release=0.6,
        send=1.4,
        gain=1.2,
    ),
)
_ENSEMBLES = (
    ENSEMBLE,
    replace(ENSEMBLE, attack=0.22, cutoff=2900.0, release=0.4),
    replace(ENSEMBLE, vibrato=0.0, cutoff=2800.0, spread=26.0, breath=0.0),
    replace(ENSEMBLE, vibrato=0.0, cutoff=1700.0, attack=0.2, breath=0.0),
    CHOIR,
    replace(CHOIR, formants=OOH, attack=0.09),
    replace(CHOIR, formants=OOH, cutoff=2500.0, vibrato=8.0),
    Voice(
        ratios=((0.5, 0.7, 1), (1, 1, 1), (2, 0.9, 0.9), (3, 0.6, 0.8), (4, 0.6, 0.7), (5, 0.4, 1)),
        unison=5,
        spread=30.0,
        cutoff=1800.0,
        decay=1.0,
        knock=0.6,
        release=0.25,
        send=1.5,
        gain=1.5,
    ),
)
_BRASSES = (
    BRASS,
    replace(BRASS, cutoff=2300.0, attack=0.05, bloom=0.04, formants=((700, 500, 1.0),), gain=1.4),
    replace(BRASS, cutoff=700.0, attack=0.05, bloom=0.03, vibrato=0.0, formants=((300, 300, 1.0),)),
    replace(
        BRASS, slope=0.4, cutoff=3000.0, bloom=0.015, formants=((1700, 500, 1), (3200, 700, 1))
    ),
    replace(BRASS, cutoff=1400.0, attack=0.06, bloom=0.05, formants=((450, 330, 1.0),), send=1.5),
    replace(BRASS, unison=4, spread=12.0, attack=0.03, cutoff=3200.0, chorus="ensemble"),
    replace(SAW, unison=4, spread=14.0, bloom=0.03, cutoff=2600.0, attack=0.02, chorus="ensemble"),
    replace(SAW, unison=4, spread=18.0, bloom=0.05, cutoff=1600.0, attack=0.05, chorus="ensemble"),
)
_REEDS = (
    replace(SAX, cutoff=4000.0, formants=((1000, 450, 1.0), (2000, 600, 0.6))),
    replace(SAX, cutoff=3600.0, formants=((800, 400, 1.0), (1700, 500, 0.6))),
    SAX,
    replace(SAX, cutoff=2800.0, formants=((480, 300, 1.0), (1200, 500, 0.7))),
    OBOE,
    replace(OBOE, cutoff=2200.0, formants=((800, 300, 1.0), (1900, 500, 0.4))),
    replace(
        OBOE, cutoff=2000.0, slope=0.65, vibrato=4.0, formants=((460, 220, 1.0), (1200, 400, 0.3))
    ),
    replace(OBOE, slope=0.6, even=0.15, cutoff=4200.0, vibrato=2.0, formants=(), breath=0.015),
)
_PIPES = (
    replace(FLUTE, ratios=((1, 1, 1), (2, 0.12, 1), (3, 0.04, 1)), breath=0.06),
    FLUTE,
    replace(FLUTE, ratios=((1, 1, 1), (2, 0.06, 1), (3, 0.15, 1)), vibrato=3.0, breath=0.06),
    replace(FLUTE, ratios=((1, 1, 1), (3, 0.12, 1)), breath=0.3, knock=0.3, vibrato=4.0),
    replace(FLUTE, ratios=((1, 1, 1), (2, 0.03, 1)), breath=0.35, vibrato=0.0, attack=0.06),
    replace(FLUTE, ratios=((1, 1, 1), (2, 0.4, 1), (3, 0.15, 1)), breath=0.25, vibrato=22.0),
    replace(FLUTE, ratios=((1, 1, 1), (2, 0.01, 1)), breath=0.03, vibrato=14.0),
    replace(FLUTE, ratios=((1, 1, 1), (2, 0.04, 1), (3, 0.03, 1)), breath=0.04, vibrato=5.0),
)
_LEADS = (
    SQUARE,
    SAW,
    replace(FLUTE, breath=0.12, ratios=((1, 1, 1), (2, 0.35, 1), (3, 0.15, 1)), vibrato=8.0),
    replace(FLUTE, knock=0.8, ratios=((1, 1, 1), (2, 0.3, 1), (4, 0.1, 1)), vibrato=6.0),
    replace(SAW, slope=0.6, cutoff=3200.0, unison=3, spread=10.0, tail=0.8, decay=0.6),
    replace(CHOIR, unison=2, attack=0.05, chorus="slow", spread=8.0, vibrato=10.0),
    replace(SAW, ratios=tuple((r * k, 1 / k, 1.0) for k in range(1, 13) for r in (1, 1.5))),
    replace(SAW, ratios=tuple((r * k, 1 / k, 1.0) for k in range(1, 13) for r in (0.5, 1.0))),
)
_PADS = (
    replace(
        PAD, ratios=((1, 1, 1), (2, 0.5, 1), (3, 0.2, 1), (5, 0.12, 1), (8, 0.08, 1)), cutoff=4e3
    ),
    replace(PAD, cutoff=900.0),
    replace(PAD, cutoff=2600.0, attack=0.05, release=0.4),
    replace(CHOIR, attack=0.3, release=0.7, send=1.8),
    replace(PAD, ratios=((1, 1, 1), (2.76, 0.25, 1), (5.4, 0.12, 1)), breath=0.08, cutoff=3000.0),
    replace(PAD, ratios=BELL, spread=14.0, cutoff=3500.0, attack=0.2),
    replace(PAD, formants=OOH, breath=0.06, slope=0.8, cutoff=2500.0),
    replace(PAD, bloom=0.5, cutoff=2600.0, slope=0.8),
)
_EFFECTS = (
    replace(PAD, ratios=BELL, attack=0.02, decay=3.0, cutoff=4000.0),
    replace(PAD, ratios=((1, 1, 1), (1.5, 0.5, 1), (2, 0.4, 1), (3, 0.2, 1)), attack=0.5),
    replace(PAD, ratios=BELL, attack=0.003, decay=4.0, cutoff=6000.0, chorus="slow"),
    replace(
        PLUCK, unison=4, spread=14.0, cutoff=2400.0, tail=0.5, tail_decay=9.0, chorus="ensemble"
    ),
    replace(PAD, cutoff=4500.0, slope=0.7, attack=0.03, release=0.5),
    replace(PAD, cutoff=1200.0, vibrato=30.0, tremolo=(3.0, 0.5), even=0.3),
    replace(PAD, cutoff=2200.0, attack=0.02, tremolo=(4.0, 0.6), tail=0.5, decay=2.0),
    replace(PAD, ratios=((1, 1, 1), (1.41, 0.5, 1), (2.23, 0.4, 1), (3.7, 0.2, 1)), vibrato=40.0),
)
_ETHNIC = (
    replace(PLUCK, slope=0.35, strike=0.07, cutoff=3600.0, decay=4.0, damp=0.1, bloom=0.02),
    replace(PLUCK, cutoff=3800.0, decay=1.1, tail=0.15, tail_decay=2.5, knock=0.4),
    replace(PLUCK, cutoff=2800.0, decay=1.0, tail=0.1, tail_decay=2.0, knock=0.6),
    replace(PLUCK, cutoff=3000.0, decay=2.6, strike=0.06, release=0.4),
    _bar(1.5, (2.8, 0.08, 0.3), (5.4, 0.15, 0.15), knock=0.3),
    replace(OBOE, slope=0.35, unison=2, spread=4.0, vibrato=0.0, attack=0.02),
    replace(VIOLIN, attack=0.04, cutoff=4500.0, vibrato=10.0),
    replace(OBOE, slope=0.45, cutoff=4200.0, vibrato=20.0),
)
_PERCUSSIVE = (
    _bar(2.0, (2.32, 0.6, 0.7), (4.25, 0.4, 0.4), (6.63, 0.3, 0.25)),
    _bar(0.7, (1.46, 0.7, 0.9), (2.6, 0.4, 0.6), (4.1, 0.3, 0.4), knock=0.2),
    _bar(2.2, (2.0, 0.6, 0.7), (3.0, 0.35, 0.5), (4.02, 0.15, 0.35), unison=2, spread=6.0),
    _bar(0.18, (2.4, 0.4, 0.6), (4.6, 0.25, 0.4), knock=0.5, release=0.1),
    _bar(1.6, *SKIN[1:], cutoff=700.0, knock=0.3, width=0.0, gain=1.0),
    _bar(1.0, *SKIN[1:], cutoff=1500.0, knock=0.3, width=0.0, gain=1.1),
    _bar(0.9, (2.0, 0.2, 0.4), cutoff=2500.0, knock=0.4, width=0.0, gain=1.8),
    replace(EFFECT, noise=(5500.0, 2.5), attack=1.2, release=0.08, decay=0.0),
)
_SOUNDS = (
    replace(EFFECT, noise=(2500.0, 1.5), decay=0.25, gain=1.2),
    replace(EFFECT, noise=(1500.0, 3.0), decay=0.8, attack=0.05, gain=0.9),
    replace(EFFECT, noise=(700.0, 3.5), attack=0.7, release=1.2, tremolo=(0.25, 0.8)),
    replace(FLUTE, ratios=((4, 1, 1), (8, 0.1, 1)), vibrato=90.0, tremolo=(9.0, 0.95), breath=0),
    replace(SQUARE, ratios=((4, 1, 1), (5.04, 1, 1), (12, 0.2, 1)), tremolo=(22.0, 0.95), gain=0.7),
    replace(EFFECT, noise=(220.0, 3.0), tremolo=(12.0, 0.9), attack=0.3),
    replace(EFFECT, noise=(1800.0, 2.5), tremolo=(7.0, 0.3), attack=0.4, release=0.8),
    replace(EFFECT, noise=(350.0, 3.5), decay=1.2, attack=0.003, release=0.8, gain=1.5),
)


VOICES: tuple[Voice, ...] = (
    *_KEYS,
    *_MALLETS,
    *_ORGANS,
    *_GUITARS,
    *_BASSES,
    *_STRINGS,
    *_ENSEMBLES,
    *_BRASSES,
    *_REEDS,
    *_PIPES,
    *_LEADS,
    *_PADS,
    *_EFFECTS,
    *_ETHNIC,
    *_PERCUSSIVE,
    *_SOUNDS,
)
"""A Voice for each General MIDI program, 0-127."""
