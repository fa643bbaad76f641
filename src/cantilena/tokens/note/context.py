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
from typing import Any

import numpy as np

from cantilena.score import DRUMS
from cantilena.score.harmony import N_CHORDS
from cantilena.tokens.note import PITCHES, NoteScheme

_SCHEME = NoteScheme()

# The classes of the features that mean "none": each is one more than the field's last class.
NO_ONSET, NO_INSTRUMENT, NO_PITCH, NO_DURATION, NO_VELOCITY = _SCHEME.sizes
NO_PITCH_OR_DRUM = 2 * PITCHES  # where drums have classes of their own, behind the pitches
NO_DELTA = _SCHEME.max_delta  # an echo lies less than the longest step of time ahead

POSITIONS = 193  # ticks from the bar line, 0-191, the last for all beyond; then NO_POSITION
NO_POSITION = POSITIONS - 1  # before the first step
LAST_POSITION = POSITIONS - 2
EXACT_BARS_LEFT = 32  # up to here every number of bars left is a class; beyond, eight share one
BARS_LEFT_STEP = 8
BARS_LEFT = 42  # 0-32; 33-96 by eights; more than 96; UNKNOWN_LEFT
UNKNOWN_LEFT = BARS_LEFT - 1
PHRASE_BARS = 8
PHRASE = PHRASE_BARS + 1  # bar number modulo PHRASE_BARS; then NO_PHRASE
NO_PHRASE = PHRASE_BARS  # before the first step
CHORDS = N_CHORDS + 1
UNKNOWN_CHORD = N_CHORDS
ECHO_BARS = (1, 4)  # how many bars back the echoes look
SINCE = 99  # ticks since the instrument's last onset, 0-97, the last for all beyond; NEVER_PLAYED
NEVER_PLAYED = SINCE - 1
LONGEST_SINCE = SINCE - 2

_NOTE = {
    "instrument": NO_INSTRUMENT + 1,
    "pitch": NO_PITCH_OR_DRUM + 1,
    "duration": NO_DURATION + 1,
    "velocity": NO_VELOCITY + 1,
}


def _echo(k: int) -> dict[str, int]:
    sizes = {"delta": NO_DELTA + 1, **_NOTE}
    return {f"echo{k}_{name}": size for name, size in sizes.items()}


STATE = {
    "onset": NO_ONSET + 1,
    **_NOTE,
    "position": POSITIONS,
    "left": BARS_LEFT,
    "phrase": PHRASE,
    "chord": CHORDS,
    "next_chord": CHORDS,
    **_echo(0),
    **_echo(1),
}
"""State features and their numbers of classes; the last class of each means "none"."""

AT_ONSET = {"position": POSITIONS, "left": BARS_LEFT, "chord": CHORDS}
"""Head features of the chosen onset."""

AT_INSTRUMENT = {
    "pitch1": NO_PITCH + 1,
    "pitch2": NO_PITCH + 1,
    "pitch3": NO_PITCH + 1,
    "since": SINCE,
    "duration1": NO_DURATION + 1,
    "velocity1": NO_VELOCITY + 1,
    "echo0_pitch": NO_PITCH + 1,
    "echo0_duration": NO_DURATION + 1,
    "echo1_pitch": NO_PITCH + 1,
    "echo1_duration": NO_DURATION + 1,
}
"""Head features of the chosen instrument: its last three notes (latest first), and the lowest note
it played one and four bars before this onset above the pitch it has already reached on it."""

KEYS_PER_TICK = (DRUMS + 2) * PITCHES  # instruments 0-128 and, before them, REST as -1
"""How far apart the ``row_key`` of the same note one tick later is."""


@dataclass(frozen=True)
class Frame:
    """Time known in advance. ``bar_starts`` (B + 1,) grid ticks; ``chord_starts`` (S,) ticks and
    ``chords`` (S,) reduced chord numbers (or ``UNKNOWN_CHORD``); ``last_bar``: index of the bar
    the piece ends after, counted from ``bar_starts[0]``."""

    bar_starts: np.ndarray
    chord_starts: np.ndarray
    chords: np.ndarray
    last_bar: int

    def bar_of(self, ticks: np.ndarray) -> np.ndarray:
        """Index of the bar each tick lies in, clipped to the bars there are."""
        bar = np.searchsorted(self.bar_starts, ticks, side="right") - 1
        return np.clip(bar, 0, len(self.bar_starts) - 2)

    def place(self, ticks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(position, bars-left class, bar index) of ticks."""
        bar = self.bar_of(ticks)
        position = np.clip(ticks - self.bar_starts[bar], 0, LAST_POSITION)
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
    more = EXACT_BARS_LEFT + 1
    grouped = np.minimum(more + (bars - more) // BARS_LEFT_STEP, UNKNOWN_LEFT - 1)
    return np.where(bars < more, bars, grouped)


def pitch_or_drum(instrument: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Pitch with drums apart: 0-127 pitched, 128-255 drums; ``NO_PITCH_OR_DRUM`` where the row is
    a REST (instrument < 0)."""
    return np.where(instrument < 0, NO_PITCH_OR_DRUM, pitch + PITCHES * (instrument == DRUMS))


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


def row_key(tick: Any, instrument: Any, pitch: Any) -> Any:
    """An integer (or an int64 array of them) by which rows (onset tick, instrument or -1 for REST,
    pitch) are in order. ``pitch`` may be -1: a key below all of that tick and instrument."""
    return tick * KEYS_PER_TICK + (instrument + 1) * PITCHES + pitch


def features(
    rows: np.ndarray, frame: Frame, start: int, stop: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """State, onset and instrument features of steps ``start``..``stop`` (exclusive; ``stop`` may be
    len(rows) + 1 for END) of rows as ``extend`` gives them. Each array is (stop - start,) int64."""
    keys = row_key(rows[:, 0], rows[:, 1], rows[:, 2])
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
        "onset": np.where(none, NO_ONSET, row[:, 5]),
        "instrument": np.where(rest, NO_INSTRUMENT, row[:, 1]),
        "pitch": np.where(rest, NO_PITCH_OR_DRUM, pitch_or_drum(row[:, 1], row[:, 2])),
        "duration": np.where(rest, NO_DURATION, row[:, 3]),
        "velocity": np.where(rest, NO_VELOCITY, row[:, 4]),
        "position": np.where(none, NO_POSITION, position),
        "left": left,
        "phrase": np.where(none, NO_PHRASE, bar % PHRASE_BARS),
        "chord": frame.chord_at(tick),
        "next_chord": frame.chord_at(tick, 1),
    }
    for k, bars in enumerate(ECHO_BARS):
        lag = frame.bar_starts[bar] - frame.bar_starts[np.maximum(bar - bars, 0)]
        moment = row_key(tick - lag, row[:, 1], row[:, 2])
        after = np.searchsorted(keys, moment, side="right")
        after = np.minimum(after, len(rows) - 1)
        echo = rows[after]
        delta = echo[:, 0] + lag - tick
        lost = none | (bar < bars) | (echo[:, 1] < 0) | (delta < 0) | (delta >= NO_DELTA)
        lost |= after > index
        pitch = pitch_or_drum(echo[:, 1], echo[:, 2])
        out[f"echo{k}_delta"] = np.where(lost, NO_DELTA, delta)
        out[f"echo{k}_instrument"] = np.where(lost, NO_INSTRUMENT, echo[:, 1])
        out[f"echo{k}_pitch"] = np.where(lost, NO_PITCH_OR_DRUM, pitch)
        out[f"echo{k}_duration"] = np.where(lost, NO_DURATION, echo[:, 3])
        out[f"echo{k}_velocity"] = np.where(lost, NO_VELOCITY, echo[:, 4])
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
    since = np.minimum(row[:, 0] - of(first, 0, 0), LONGEST_SINCE)
    out = {
        "pitch1": of(first, 2, NO_PITCH),
        "pitch2": of(second, 2, NO_PITCH),
        "pitch3": of(third, 2, NO_PITCH),
        "since": np.where(first < 0, NEVER_PLAYED, since),
        "duration1": of(first, 3, NO_DURATION),
        "velocity1": of(first, 4, NO_VELOCITY),
    }
    reached = np.where((first >= 0) & (of(first, 0, -1) == row[:, 0]), out["pitch1"], -1)
    for k, bars in enumerate(ECHO_BARS):
        lag = frame.bar_starts[bar] - frame.bar_starts[np.maximum(bar - bars, 0)]
        tick = row[:, 0] - lag
        after = np.searchsorted(keys, row_key(tick, row[:, 1], reached), side="right")
        echo = rows[np.minimum(after, len(rows) - 1)]
        hit = (echo[:, 0] == tick) & (echo[:, 1] == row[:, 1]) & (bar >= bars) & (row[:, 1] >= 0)
        out[f"echo{k}_pitch"] = np.where(hit, echo[:, 2], NO_PITCH)
        out[f"echo{k}_duration"] = np.where(hit, echo[:, 3], NO_DURATION)
    return out
