"""Sound to notes: a recording becomes a Score, track by instrument.

Knows a loaded UniAudio, samples and Scores; does not know how notes are written (``writing``). No
beat is heard: the Score stands at 120 quarters a minute, by which its times are those of the sound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cantilena.audio.audio import Audio
from cantilena.audio.wav import resample
from cantilena.errors import InputError
from cantilena.models.audio.codec.stream import encode_blocks
from cantilena.score import gm
from cantilena.score.score import DRUMS, Score, Track
from cantilena.systems.uniaudio.checkpoint import Loaded
from cantilena.systems.uniaudio.writing import write_notes
from cantilena.tokens.codes.patches import TRANSCRIBE, NoteRow

TPQ, TICKS = 480, 960
"""Ticks of a quarter, and of a second at 120 quarters a minute."""
LONGEST = 600.0
"""Seconds of a recording at most, as all of it is held in memory."""


def transcribe(
    loaded: Loaded, audio: Audio, progress: Callable[[float], None] | None = None
) -> Score:
    """The notes that are heard in a recording, as a Score; without notes where none are.
    ``progress`` receives the share done, 0-1. Raises InputError for a recording that is empty or
    longer than ``LONGEST``, and for a model that has not learned it."""
    if TRANSCRIBE not in loaded.options.names:
        raise InputError(
            f"the model {loaded.checkpoint.name!r} has not learned the task {TRANSCRIBE!r}; train "
            "one with it among --option tasks="
        )
    if not 0 < audio.seconds <= LONGEST:
        raise InputError(f"a recording of {audio.seconds:.2f} s is outside 0-{LONGEST:g} s")
    codec = loaded.codec
    sound = np.stack([resample(row, audio.rate, codec.sample_rate) for row in audio.samples])
    mono = np.repeat(sound.mean(0)[:, None], codec.channels, 1)
    codes = np.concatenate(list(encode_blocks(codec, [mono])), axis=1)
    notes: list[NoteRow] = []
    length = codes.shape[1]
    for window, end in write_notes(loaded.model, loaded.vocabulary, codes):
        notes += window
        if progress:
            progress(end / length)
    return score_of(notes, loaded.options.frame_rate)


def score_of(notes: Sequence[NoteRow], rate: float) -> Score:
    """A Score of notes, whose frames are ``rate`` a second: a track for each instrument, the
    drums' last."""
    instruments = sorted({note.instrument for note in notes})
    tracks = [
        Track("Drums", 0, True) if number == DRUMS else Track(gm.name(number), number)
        for number in instruments
    ]
    tick = TICKS / rate
    return Score.build(
        TPQ,
        tracks,
        [round(note.frame * tick) for note in notes],
        [max(1, round(note.frames * tick)) for note in notes],
        [note.pitch for note in notes],
        [note.velocity for note in notes],
        [instruments.index(note.instrument) for note in notes],
    )
