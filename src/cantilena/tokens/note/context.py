"""What a step can know besides the steps before it: its place in the bar, in the piece and in the
harmony, the last notes of the chosen instrument, and what sounded one and four bars ago.

Knows note tables and the Frame; does not know models. Every feature is a small integer made of the
past and of the Frame alone, computed here for whole tables at once (training) and by
``systems.note.tracker`` note by note (generation); a test holds the two against each other.

State features are read when step t's onset is predicted; head features when its later fields are:
position, bars left and chord of the onset just chosen, then the memory of the instrument just
chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cantilena.score.harmony import N_CHORDS

POSITIONS = 193  # ticks in the bar, clipped; 192: before the first step
BARS_LEFT = 42  # 0-32 exactly, then by eights to 96, then "more"; last: unknown
UNKNOWN_LEFT = BARS_LEFT - 1
PHRASE = 9  # bar number modulo 8; 8: before the first step
CHORDS = N_CHORDS + 1
UNKNOWN_CHORD = N_CHORDS
ECHO_BARS = (1, 4)
NONE_DELTA = 192
SINCE = 99  # ticks since the instrument's last onset, clipped at 97; 98: it has not played

STATE = {
    **{"onset": 195, "instrument": 130, "pitch": 257, "duration": 33, "velocity": 9},
    **{"position": POSITIONS, "left": BARS_LEFT, "phrase": PHRASE},
    **{"chord": CHORDS, "next_chord": CHORDS},
    **{
        f"echo{k}_{name}": size
        for k in range(len(ECHO_BARS))
        for name, size in {
            **{"delta": 193, "instrument": 130, "pitch": 257, "duration": 33, "velocity": 9}
        }.items()
    },
}
"""State features and their numbers of classes; the last class of each means "none"."""

AT_ONSET = {"position": POSITIONS, "left": BARS_LEFT, "chord": CHORDS}
"""Head features of the chosen onset."""

AT_INSTRUMENT = {
    **{"pitch1": 129, "pitch2": 129, "pitch3": 129, "since": SINCE},
    **{"duration1": 33, "velocity1": 9},
    **{"echo0_pitch": 129, "echo0_duration": 33, "echo1_pitch": 129, "echo1_duration": 33},
}
"""Head features of the chosen instrument: its last three notes (latest first), and the lowest note
it played one and four bars before this onset above the pitch it has already reached on it."""


@dataclass(frozen=True)
class Frame:
    """Time known in advance. ``bar_starts`` (B + 1,) grid ticks; ``chord_starts`` (S,) ticks and
    ``chords`` (S,) reduced chord numbers (or ``UNKNOWN_CHORD``); ``last_bar``: index of the bar
    the piece ends after, counted from ``bar_starts[0]``; ``first_bar``: number of that first bar
    in the whole piece."""

    bar_starts: np.ndarray
    chord_starts: np.ndarray
    chords: np.ndarray
    last_bar: int

    def bar_of(self, ticks: np.ndarray) -> np.ndarray:
        """Index of the bar each tick lies in, clipped to the bars there are."""
        found = np.searchsorted(self.bar_starts, ticks, side="right") - 1
        return np.clip(found, 0, len(self.bar_starts) - 2)

    def place(self, ticks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(position, bars-left class, bar index) of ticks."""
        bar = self.bar_of(ticks)
        position = np.clip(ticks - self.bar_starts[bar], 0, POSITIONS - 2)
        return position, left_class(self.last_bar - bar), bar

    def chord_at(self, ticks: np.ndarray, ahead: int = 0) -> np.ndarray:
        """Chord number at ticks, or of the slot ``ahead`` slots later."""
        if not len(self.chords):
            return np.full(np.shape(ticks), UNKNOWN_CHORD)
        slot = np.searchsorted(self.chord_starts, ticks, side="right") - 1 + ahead
        return self.chords[np.clip(slot, 0, len(self.chords) - 1)]


def left_class(bars: np.ndarray) -> np.ndarray:
    """Class of a number of bars still to come after the current one."""
    bars = np.maximum(bars, 0)
    return np.where(bars <= 32, bars, np.minimum(33 + (bars - 33) // 8, BARS_LEFT - 2))


def pitch_class_256(instrument: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Pitch with drums apart: 0-127 pitched, 128-255 drums; 256 none (instrument < 0)."""
    return np.where(instrument < 0, 256, pitch + 128 * (instrument == 128))


def extend(table: np.ndarray, max_delta: int, origin: int = 0) -> np.ndarray:
    """(T, 6) rows of a note table with REST rows put in: onset tick, instrument (-1: REST), pitch,
    duration class, velocity class, onset class."""
    delta = np.diff(table[:, 0], prepend=origin)
    rests = delta // max_delta
    repeat = np.repeat(np.arange(len(table)), rests + 1)
    last = np.cumsum(rests + 1) - 1
    out = np.zeros((len(repeat), 6), dtype=np.int64)
    out[:, 1] = -1
    out[:, 5] = max_delta
    countdown = last[repeat] - np.arange(len(repeat))  # REST rows left before the note
    base = table[repeat, 0] - (delta % max_delta)[repeat]
    out[:, 0] = base - (countdown - 1) * max_delta
    out[last, :5] = table
    out[last, 5] = delta % max_delta
    return out


def keys_of(rows: np.ndarray) -> np.ndarray:
    """(T,) rising int64 of rows (onset, instrument, pitch, ...)."""
    return (rows[:, 0] * 130 + rows[:, 1] + 1) * 128 + rows[:, 2]


def features(
    rows: np.ndarray, frame: Frame, start: int, stop: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """State, onset and instrument features of steps ``start``..``stop`` (exclusive; ``stop`` may be
    len(rows) + 1 for END) of rows as ``extend`` gives them. Each array is (stop - start,) int64."""
    keys = keys_of(rows)
    before = np.arange(start - 1, stop - 1)
    at = np.arange(start, min(stop, len(rows)))
    state = _state(rows, keys, frame, before)
    pad = stop - start - len(at)
    place = frame.place(rows[at, 0])
    onset = {"position": place[0], "left": place[1], "chord": frame.chord_at(rows[at, 0])}
    instrument = _memory(rows, keys, frame, at, place[2])
    return (
        state,
        {k: np.pad(v, (0, pad)) for k, v in onset.items()},
        {k: np.pad(v, (0, pad)) for k, v in instrument.items()},
    )


def _state(
    rows: np.ndarray, keys: np.ndarray, frame: Frame, index: np.ndarray
) -> dict[str, np.ndarray]:
    """State after rows ``index``; -1 means before the first step."""
    none = index < 0
    row = rows[np.maximum(index, 0)]
    rest = (row[:, 1] < 0) | none
    tick = np.where(none, frame.bar_starts[0], row[:, 0])
    position, left, bar = frame.place(tick)
    out = {
        "onset": np.where(none, 194, row[:, 5]),
        "instrument": np.where(rest, 129, row[:, 1]),
        "pitch": np.where(rest, 256, pitch_class_256(row[:, 1], row[:, 2])),
        "duration": np.where(rest, 32, row[:, 3]),
        "velocity": np.where(rest, 8, row[:, 4]),
        "position": np.where(none, POSITIONS - 1, position),
        "left": left,
        "phrase": np.where(none, PHRASE - 1, bar % 8),
        "chord": frame.chord_at(tick),
        "next_chord": frame.chord_at(tick, 1),
    }
    for k, bars in enumerate(ECHO_BARS):
        lag = frame.bar_starts[bar] - frame.bar_starts[np.maximum(bar - bars, 0)]
        wanted = (tick - lag) * 130 * 128 + ((row[:, 1] + 1) * 128 + row[:, 2])
        found = np.searchsorted(keys, wanted, side="right")
        found = np.minimum(found, len(rows) - 1)
        echo = rows[found]
        delta = echo[:, 0] + lag - tick
        lost = none | (bar < bars) | (echo[:, 1] < 0) | (delta < 0) | (delta >= NONE_DELTA)
        lost |= found > index
        out[f"echo{k}_delta"] = np.where(lost, NONE_DELTA, delta)
        out[f"echo{k}_instrument"] = np.where(lost, 129, echo[:, 1])
        out[f"echo{k}_pitch"] = np.where(lost, 256, pitch_class_256(echo[:, 1], echo[:, 2]))
        out[f"echo{k}_duration"] = np.where(lost, 32, echo[:, 3])
        out[f"echo{k}_velocity"] = np.where(lost, 8, echo[:, 4])
    return out


def _memory(
    rows: np.ndarray, keys: np.ndarray, frame: Frame, at: np.ndarray, bar: np.ndarray
) -> dict[str, np.ndarray]:
    """Memory of the instrument of rows ``at`` as it was before each."""
    order = np.argsort(rows[:, 1], kind="stable")
    before = np.full(len(rows) + 1, -1)
    same = rows[order[1:], 1] == rows[order[:-1], 1]
    before[order[1:][same]] = order[:-1][same]
    first = before[at]
    second = np.where(first < 0, -1, before[first])
    third = np.where(second < 0, -1, before[second])

    def of(index: np.ndarray, column: int, none: int) -> np.ndarray:
        return np.where(index < 0, none, rows[np.maximum(index, 0), column])

    row = rows[at]
    since = np.minimum(row[:, 0] - of(first, 0, 0), SINCE - 2)
    out = {
        "pitch1": of(first, 2, 128),
        "pitch2": of(second, 2, 128),
        "pitch3": of(third, 2, 128),
        "since": np.where(first < 0, SINCE - 1, since),
        "duration1": of(first, 3, 32),
        "velocity1": of(first, 4, 8),
    }
    reached = np.where((first >= 0) & (of(first, 0, -1) == row[:, 0]), out["pitch1"], -1)
    for k, bars in enumerate(ECHO_BARS):
        lag = frame.bar_starts[bar] - frame.bar_starts[np.maximum(bar - bars, 0)]
        group = (row[:, 0] - lag) * 130 + row[:, 1] + 1
        found = np.searchsorted(keys, group * 128 + reached + 1)
        found = np.minimum(found, len(rows) - 1)
        hit = (keys[found] // 128 == group) & (bar >= bars) & (row[:, 1] >= 0)
        out[f"echo{k}_pitch"] = np.where(hit, rows[found, 2], 128)
        out[f"echo{k}_duration"] = np.where(hit, rows[found, 3], 32)
    return out
