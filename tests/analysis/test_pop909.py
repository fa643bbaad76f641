"""Agreement with annotations of three songs that the analysis was not set by."""

import numpy as np
import pytest

from assets import ASSETS
from cantilena.analysis import chord_slots, find_key
from cantilena.score.harmony import Key, parse_chord
from cantilena.score.midi import read_midi

DATA = ASSETS / "pop909"
QUALITY = {"maj": "", "min": "m", "min7": "m7", "sus4(b7)": "sus4", "maj6": "6", "hdim7": "m7b5"}


@pytest.mark.parametrize(
    ("song", "key", "least"),
    [("294", "Eb major", 0.8), ("755", "F# minor", 0.85), ("806", "Bb minor", 0.75)],
)
def test_key_and_chord_roots(song, key, least):
    score = read_midi(DATA / song / f"{song}.mid")
    assert find_key(score)[0] == Key.from_name(key)
    rows = [r.split() for r in (DATA / song / "chord_midi.txt").read_text().splitlines()]
    times = np.array([float(r[0]) for r in rows])
    roots = []
    for label in (r[2] for r in rows):
        root, _, kind = label.partition(":")
        kind = kind.split("/")[0]
        roots.append(parse_chord(root + QUALITY.get(kind, kind)).root if kind else -1)
    numbers, starts = chord_slots(score)
    moments = np.arange(times[0] + 0.05, float(rows[-1][1]), 0.1)
    truth = np.array(roots)[np.searchsorted(times, moments, side="right") - 1]
    slot = np.searchsorted(score.seconds(starts), moments, side="right") - 1
    heard_roots = np.where(numbers > 0, (numbers - 1) // 9, -1)[slot]
    assert (truth == heard_roots).mean() > least
