"""Arrangements of songs: who plays in a bar, what it takes up, and how many notes a new one has."""

from __future__ import annotations

import numpy as np

from cantilena.score import DRUMS
from cantilena.systems.note.recurrence import EXACT, HELD, NEW, REST, RHYTHM, letter, read_counts
from cantilena.tokens.note import NoteScheme
from cantilena.train.note.arrangements import SHORTEST, arrangement

SCHEME = NoteScheme()
BARS = 20


def song(bars: int = BARS) -> tuple[np.ndarray, np.ndarray]:
    """A tune of two bars and their answer in the same rhythm, over drums that are the same all
    along, a bass that rests every other bar and a chord that is held for two."""
    notes: list[tuple[int, int, int, int, int]] = []
    quarter, long = SCHEME.durations.index(24), SCHEME.durations.index(192)
    for bar in range(bars):
        tick, up = 96 * bar, 7 if bar % 4 >= 2 else 0
        places = (0, 24, 72) if bar % 2 else (0, 48)
        notes += [(tick + p, 73, 70 + up + 2 * (p > 0), quarter, 4) for p in places]
        notes += [(tick + p, DRUMS, 36 + 2 * (p > 0), quarter, 4) for p in (0, 24, 48, 72)]
        if bar % 2:
            notes += [(tick + p, 33, 40, quarter, 4) for p in (0, 24, 48, 72)]
        else:
            notes += [(tick, 48, pitch, long, 4) for pitch in (60, 64, 67, 72)]
    return np.array(sorted(notes)), np.arange(bars + 1) * 96


def test_letters_and_counts_say_what_the_song_does():
    parts = arrangement(*song())
    assert parts is not None
    rows = {i: (role, letters, counts) for role, i, letters, counts in parts}
    assert {i: role for i, (role, *_) in rows.items()} == {
        73: "melody",
        DRUMS: "drums",
        33: "bass",
        48: "harmony",
    }
    again = letter(EXACT, 1)
    assert rows[DRUMS][1:] == (letter(NEW) + again * (BARS - 1), "4")
    tune = letter(NEW) * 2 + letter(RHYTHM, 2) * 2 + letter(EXACT, 4) * (BARS - 4)
    assert rows[73][1:] == (tune, "23")
    assert read_counts(*rows[73][1:])[:6] == (2, 3, 2, 3, 2, 3)
    assert rows[33][1][:4] == letter(REST) + letter(NEW) + letter(REST) + letter(EXACT, 2)
    assert rows[48][1][:4] == letter(NEW) + letter(HELD) + letter(EXACT, 2) + letter(HELD)
    assert read_counts(*rows[48][1:])[:4] == (4, 0, 4, 0)


def test_a_performance_has_the_letters_of_what_it_performs():
    table, bars = song()
    rng = np.random.default_rng(0)
    played = table.copy()
    played[:, 0] = np.maximum(played[:, 0] + rng.integers(-2, 3, len(played)), 0)
    played = played[np.lexsort(played.T[[2, 1, 0]])]
    assert arrangement(played, bars) == arrangement(table, bars)


def test_a_short_song_has_none():
    assert arrangement(*song(SHORTEST - 1)) is None
