"""What is heard of chords, as labels in Harte's notation with their times.

Knows what ``listen`` hears; does not know sound or files. Root and third alone are heard: major,
minor and diminished.
"""

from __future__ import annotations

import numpy as np

from cantilena.analysis.audio.heard import Heard
from cantilena.analysis.recognition import ROOTS
from cantilena.score.harmony import NO_CHORD, Chord

_HARTE = {"": "maj", "m": "min", "dim": "dim"}


def chord_labels(heard: Heard) -> list[tuple[float, float, str]]:
    """(start, end, label) in seconds, in order and without gaps from 0 to the end; neighbours
    differ; "N" where no chord is heard."""
    if not len(heard.chords):
        return [(0.0, round(heard.seconds, 6), "N")]
    changes = np.flatnonzero(np.diff(heard.chords, prepend=-1))
    starts = heard.edges[changes]
    stops = np.append(starts[1:], heard.edges[-1])
    return [
        (round(float(start), 6), round(float(stop), 6), _label(int(heard.chords[k])))
        for start, stop, k in zip(starts, stops, changes, strict=True)
    ]


def _label(number: int) -> str:
    if number == NO_CHORD:
        return "N"
    chord = Chord.from_number(number)
    return f"{ROOTS[chord.root]}:{_HARTE[chord.quality]}"
