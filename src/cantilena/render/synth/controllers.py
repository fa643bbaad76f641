"""What controllers do to the notes of a track: how long they sound, how they are bent, how loud
they are and where they stand.

Knows what controllers mean (MIDI 1.0, General MIDI Level 2, RP-015); does not know tones, nor the
mixing desk. Obeyed are pitch bend with its range and tuning (registered parameters 0 to 2), volume,
pan and expression, sustain and sostenuto pedals, all notes off, all sound off and the reset of
controllers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cantilena.score.controls import CONTROL_CHANGE, PITCH_BEND
from cantilena.score.score import Score

_DATA, _VOLUME, _PAN, _EXPRESSION, _DATA_FINE = 6, 7, 10, 11, 38
_SUSTAIN, _SOSTENUTO = 64, 66
_OTHER_PARAMETERS, _PARAMETER_FINE, _PARAMETER = (98, 99), 100, 101
_SOUND_OFF, _RESET = 120, 121
_NOTES_OFF = (123, 124, 125, 126, 127)  # the modes of the last four let go of all notes too

_BEND_RANGE, _FINE_TUNING, _COARSE_TUNING = (0, 0), (0, 1), (0, 2)
_NORMAL_VOLUME = 100  # before a file says otherwise, by General MIDI
_SMOOTHING = 0.005  # seconds in which a new level is reached, too short to hear and without a click


class Curve(NamedTuple):
    """What holds from each of some points in time on: ``at`` (K,), rising from 0; ``value``."""

    at: np.ndarray
    value: np.ndarray

    def changes(self, start: int, stop: int) -> bool:
        """Whether another value comes after ``start`` and before ``stop``."""
        return bool(self.at.searchsorted(stop) > self.at.searchsorted(start, "right"))

    def values(self, at: np.ndarray | int) -> np.ndarray:
        """The value at each point in time, in the shape of ``at``."""
        return self.value[self.at.searchsorted(at, "right") - 1]


class Shape(NamedTuple):
    """The controllers of a track, in samples: ``bend`` in semitones, ``level`` as a gain, 1 at the
    usual volume, ``place`` -1 left to 1 right, NaN where the track has not said one."""

    bend: Curve
    level: Curve
    place: Curve


def shapes(score: Score, rate: int) -> dict[int, Shape]:
    """The Shape of each track that has controllers."""
    controls, result = score.controls, {}
    for track in np.unique(controls.track).tolist():
        own = controls.select(controls.track == track)
        at = np.rint(score.seconds(own.tick) * rate).astype(np.int64)
        rows = _rows(own.kind.tolist(), own.number.tolist(), own.value.tolist())
        result[track] = Shape(*(_curve(at, np.array(column)) for column in rows))
    return result


def _rows(kinds: list[int], numbers: list[int], values: list[int]) -> tuple[list[float], ...]:
    """Bend, level and place at the start and after each event, (E + 1,) each."""
    bend, span, coarse, fine = 0, [2, 0], 0, [64, 0]  # semitones and cents; 64: in tune
    volume, expression, place = _NORMAL_VOLUME, 127, float("nan")
    parameter: tuple[int, int] | None = None
    rows = [(0.0, 1.0, place)]
    for kind, number, value in zip(kinds, numbers, values, strict=True):
        if kind == PITCH_BEND:
            bend = value
        elif kind == CONTROL_CHANGE:
            if number == _VOLUME:
                volume = value
            elif number == _EXPRESSION:
                expression = value
            elif number == _PAN:
                place = max(-1.0, (value - 64) / 63)
            elif number == _PARAMETER:
                parameter = (value, parameter[1] if parameter else 127)
            elif number == _PARAMETER_FINE:
                parameter = (parameter[0] if parameter else 127, value)
            elif number in _OTHER_PARAMETERS:
                parameter = None
            elif number in (_DATA, _DATA_FINE):
                part = int(number == _DATA_FINE)
                if parameter == _BEND_RANGE:
                    span[part] = value
                elif parameter == _FINE_TUNING:
                    fine[part] = value
                elif parameter == _COARSE_TUNING and not part:
                    coarse = value - 64
            elif number == _RESET:
                bend, expression, parameter = 0, 127, None
        tuning = coarse + (fine[0] * 128 + fine[1] - 8192) / 8192
        level = (volume / _NORMAL_VOLUME * expression / 127) ** 2  # as General MIDI Level 2 has it
        rows.append((bend / 8192 * (span[0] + span[1] / 100) + tuning, level, place))
    return tuple(list(column) for column in zip(*rows, strict=True))


def _curve(at: np.ndarray, value: np.ndarray) -> Curve:
    """The Curve of a first value and one from each of ``at`` (E,) on; repeats are left out."""
    at = np.concatenate([[0], at])
    last = np.append(at[1:] != at[:-1], True)  # of one point in time the last holds
    at, value = at[last], value[last]
    new = np.ones(len(at), dtype=bool)
    new[1:] = (value[1:] != value[:-1]) & ~(np.isnan(value[1:]) & np.isnan(value[:-1]))
    return Curve(at[new], value[new])


def sounding_ends(score: Score) -> tuple[np.ndarray, np.ndarray]:
    """(N,) the tick at which each note ends that its key, the pedals or all notes off end; and the
    one at which all sound off silences its track, or 2^62 where none does.

    What stands at one tick has the order of our MIDI files: note-offs, controllers, note-ons.
    """
    ends = score.onset + score.duration
    silence = np.full(len(score), 1 << 62)
    controls = score.controls
    numbers = (_SUSTAIN, _SOSTENUTO, _SOUND_OFF, _RESET, *_NOTES_OFF)
    telling = controls.select((controls.kind == CONTROL_CHANGE) & np.isin(controls.number, numbers))
    for track in np.unique(telling.track).tolist():
        own = telling.select(telling.track == track)
        notes = np.flatnonzero(score.track == track)
        onset, end = score.onset[notes], ends[notes]
        off = _next(own.tick[own.number == _SOUND_OFF], onset)
        end = np.minimum(end, _next(own.tick[np.isin(own.number, _NOTES_OFF)], onset))
        held = end.copy()
        for down, up in _presses(own.tick, own.number, own.value, _SOSTENUTO, score.end):
            held[(onset < down) & (held > down) & (held < up)] = up
        for down, up in _presses(own.tick, own.number, own.value, _SUSTAIN, score.end):
            held[(held > down) & (held < up)] = up
        held = _until_struck_again(onset, score.pitch[notes], end, held)
        ends[notes], silence[notes] = np.minimum(held, off), off
    return ends, silence


def _next(ticks: np.ndarray, onset: np.ndarray) -> np.ndarray:
    """(M,) the first of rising ``ticks`` behind each onset, or 2^62."""
    return np.append(ticks, 1 << 62)[ticks.searchsorted(onset, "right")]


def _presses(
    tick: np.ndarray, number: np.ndarray, value: np.ndarray, pedal: int, end: int
) -> list[tuple[int, int]]:
    """(down, up) of each time that a pedal is pressed; one that stays down is up at ``end``."""
    presses: list[tuple[int, int]] = []
    down = None
    for when, what, how in zip(tick.tolist(), number.tolist(), value.tolist(), strict=True):
        if what not in (pedal, _RESET):
            continue
        pressed = what == pedal and how >= 64
        if pressed and down is None:
            down = when
        elif not pressed and down is not None:
            presses.append((down, when))
            down = None
    return presses if down is None else [*presses, (down, end)]


def _until_struck_again(
    onset: np.ndarray, pitch: np.ndarray, end: np.ndarray, held: np.ndarray
) -> np.ndarray:
    """(M,) ends of notes, of which a pedal holds none longer than its key is let rest."""
    order = np.lexsort((onset, pitch))
    again = np.full(len(order), 1 << 62)
    same = pitch[order][1:] == pitch[order][:-1]
    again[order[:-1][same]] = onset[order][1:][same]
    return np.maximum(end, np.minimum(held, again))


def positions(bend: Curve, first: int, n: int) -> np.ndarray:
    """(n,) where in its tone, in samples, a note that starts at the sample ``first`` is."""
    inside = (bend.at > first) & (bend.at < first + n)
    edges = np.concatenate([[0], bend.at[inside] - first, [n]])
    speed = 2.0 ** (bend.values(edges[:-1] + first) / 12)
    return np.interp(np.arange(n), edges, np.append(0, np.cumsum(speed * np.diff(edges))))


def bent(sound: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(n,) float32: a tone read at other places than its samples', silent behind its end."""
    whole = at.astype(np.int64)
    part = (at - whole).astype(np.float32)
    padded = np.append(sound, np.zeros(2, dtype=np.float32))
    whole = np.minimum(whole, len(sound))
    return padded[whole] * (1 - part) + padded[whole + 1] * part


def course(curve: Curve, first: int, n: int, rate: int) -> np.ndarray:
    """(n,) the values of a Curve from the sample ``first`` on, each reached within 5 ms."""
    inside = (curve.at > first) & (curve.at < first + n)
    at = curve.at[inside] - first
    value = np.append(curve.values(first), curve.value[inside])
    smooth = np.minimum(at + max(1, int(_SMOOTHING * rate)), np.append(at[1:], n))
    points = np.stack([at, smooth], axis=1).reshape(-1)
    return np.interp(np.arange(n), np.append(0, points), np.repeat(value, 2)[:-1])
