"""The built-in synthesizer's tones as samples of a kit.

Knows Voices in a Shape; does not know keys, layers or files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cantilena.render.kit.making import Note, Sound, looped
from cantilena.render.kit.shape import Shape
from cantilena.render.synth.tones import Voice, tone
from cantilena.render.synth.voices import VOICES

RATE = 44_100
SUSTAINED, LONGEST = 2.6, 6.0
"""Seconds of a tone that is looped, and of one that dies away at most."""
LOOP = 1.0
"""Seconds after which a loop begins at the earliest, past the attack."""
HALVED = 20.0
"""Semitones over which decays halve, as in the tones themselves."""


def shaped_voice(program: int, shape: Shape) -> Voice:
    """The Voice of a General MIDI program in a shape."""
    return shape.applied(VOICES[program])


def sustains(voice: Voice) -> bool:
    """Whether a tone goes on as long as its key is down."""
    return not voice.decay or (bool(voice.tail) and not voice.tail_decay)


def harmonic(voice: Voice) -> bool:
    """Whether partials are whole multiples of the pitch, so that all of them tell it."""
    return not voice.ratios or all(float(ratio).is_integer() for ratio, _, _ in voice.ratios)


def tone_maker(voice: Voice, seed: int) -> Callable[[Sequence[Note], int], list[Sound]]:
    """What makes a kit's notes of a Voice; all of them by one ``seed``."""

    def one(note: Note) -> Sound:
        force = note.velocity / 127
        if sustains(voice):
            n = round((SUSTAINED + voice.attack) * RATE)
            samples = tone(voice, note.key, force, n, RATE, seed)
            return looped(samples, note.key, RATE, max(LOOP, voice.attack + 0.4))
        key = 2.0 ** ((57 - note.key) / HALVED)
        seconds = min(LONGEST, 0.2 + 1.1 * key * max(voice.decay, voice.tail_decay))
        return Sound(tone(voice, note.key, force, round(seconds * RATE), RATE, seed))

    def make(notes: Sequence[Note], attempt: int) -> list[Sound]:
        return [Sound(np.asarray(s.samples, np.float32), s.loop) for s in map(one, notes)]

    return make
