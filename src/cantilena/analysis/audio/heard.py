"""What is heard in sound, as a value. Knows tempi, keys and chords; does not know sound."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cantilena.score.harmony import NO_CHORD, Chord, Key


@dataclass(frozen=True)
class Heard:
    """What is heard: ``bpm`` and ``key``, None where none is; chords by the beat: ``chords`` (S,),
    reduced numbers (``score.harmony``; 0: none) of which root and third alone are heard, in the
    slots between ``edges`` (S + 1,), in seconds; ``families`` of instruments, and drums, as far as
    they can be told (``Model.told``)."""

    seconds: float
    bpm: float | None = None
    key: Key | None = None
    edges: np.ndarray = field(default_factory=lambda: np.zeros(1))
    chords: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    families: tuple[str, ...] = ()

    def progression(self) -> tuple[str, ...]:
        """The symbols of the chords in turn, each change once."""
        sounding = self.chords[self.chords != NO_CHORD]
        new = np.append(True, np.diff(sounding) != 0)[: len(sounding)]
        flats = self.key is not None and self.key.flats
        return tuple(Chord.from_number(int(n)).name(flats=flats) for n in sounding[new])
