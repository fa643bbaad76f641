"""What sounds in each frame of a codec, of notes, beats and chords: conditions for models of codes.

Knows notes, beats and chords in seconds, and Scores, whose these are; does not know codecs,
patterns or models. MusicGen has none of this: it hears of keys, chords and tempi through its text
alone. Each kind of features is an array (T, width) of numbers from -1 to 1, whose first column is 1
wherever the symbols are known, so that silence can be told from "not given", which is 0 throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cantilena.analysis.chords import chord_slots
from cantilena.analysis.grid import slot_edges
from cantilena.errors import InputError, UnknownNameError
from cantilena.score.gm import FAMILIES
from cantilena.score.harmony import NO_CHORD, QUALITIES
from cantilena.score.score import DRUMS, Score

PITCHES, PROGRAMS, LOUDEST = 128, 128, 127
PROGRAMS_A_FAMILY = PROGRAMS // len(FAMILIES)
_ROLL, _ONSETS = 1, 1 + len(FAMILIES) * PITCHES
_PROGRAMS = _ONSETS + PITCHES
_LAYERS = 8
_INSTRUMENTS = 1 + PITCHES
_LOUDNESS = _INSTRUMENTS + DRUMS + 1
_TIMES = _LOUDNESS + 1 + _LAYERS
_LONE_BEAT = 0.5
"""Seconds that a beat lasts where there is no other to tell."""


class Sounding(Protocol):
    """What sounds, times in seconds. Notes (M,): ``onset``, ``duration``, ``pitch``, ``velocity``,
    ``instrument`` (0-127, 128 drums); beats (B,), rising: ``beat``, and ``beat_in_bar`` from 0;
    chords (C,), rising: ``chord_start``, and ``chord``, a reduced number of ``score.harmony``."""

    @property
    def onset(self) -> np.ndarray: ...
    @property
    def duration(self) -> np.ndarray: ...
    @property
    def pitch(self) -> np.ndarray: ...
    @property
    def velocity(self) -> np.ndarray: ...
    @property
    def instrument(self) -> np.ndarray: ...
    @property
    def beat(self) -> np.ndarray: ...
    @property
    def beat_in_bar(self) -> np.ndarray: ...
    @property
    def chord_start(self) -> np.ndarray: ...
    @property
    def chord(self) -> np.ndarray: ...


@dataclass(frozen=True)
class ScoreSymbols:
    """``Sounding`` of a Score; chords by half bars, none behind the last bar line."""

    onset: np.ndarray
    duration: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    instrument: np.ndarray
    beat: np.ndarray
    beat_in_bar: np.ndarray
    chord_start: np.ndarray
    chord: np.ndarray


def score_symbols(score: Score) -> ScoreSymbols:
    """What sounds in a Score, and when."""
    onset = score.seconds(score.onset)
    beats, bars = slot_edges(score, "beat")[:-1], score.bar_starts
    first = np.searchsorted(beats, bars[:-1])  # the first beat of each bar
    bar = np.searchsorted(bars, beats, side="right") - 1
    chords, slots = chord_slots(score)
    return ScoreSymbols(
        onset,
        score.seconds(score.onset + score.duration) - onset,
        score.pitch,
        score.velocity,
        score.instrument,
        score.seconds(beats),
        np.arange(len(beats)) - first[bar],
        score.seconds(np.append(slots, bars[-1])),
        np.append(chords, NO_CHORD),
    )


# ------------------------------------------------------------------ features


@dataclass(frozen=True)
class Symbol:
    """A kind of features: their ``width``, and what makes them of what sounds and the frames'
    bounds (T + 1,) in seconds."""

    width: int
    features: Callable[[Sounding, np.ndarray], np.ndarray]


def symbol_frames(name: str, heard: Sounding, rate: float, start: int, stop: int) -> np.ndarray:
    """(stop - start, width) float32 of a kind (of ``SYMBOLS``) for frames ``start`` to ``stop`` of
    ``rate`` a second. Raises UnknownNameError, InputError for frames or a rate that cannot be."""
    if name not in SYMBOLS:
        raise UnknownNameError("condition of a score", name, SYMBOLS)
    if not (rate > 0 and 0 <= start < stop):
        raise InputError(f"there are no frames {start} to {stop} at {rate:g} a second")
    bounds = np.arange(start, stop + 1) / rate
    features = SYMBOLS[name].features(heard, bounds)
    features[:, 0] = 1.0
    return features


def _frames_of(seconds: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """The frame in which each time lies; -1 before the first, T behind the last. A time less than
    a microsecond before a frame is in it: sums of tempi round."""
    return np.searchsorted(bounds, np.asarray(seconds, dtype=np.float64) + 1e-6, "right") - 1


def _empty(name: str, bounds: np.ndarray) -> np.ndarray:
    return np.zeros((len(bounds) - 1, SYMBOLS[name].width), dtype=np.float32)


def _roll(heard: Sounding, bounds: np.ndarray) -> np.ndarray:
    """How loud each pitch of each family of instruments sounds, 0-1; where pitches begin; how loud
    each program sounds. Drums are left out."""
    out = _empty("roll", bounds)
    begin = _frames_of(heard.onset, bounds)
    last = np.maximum(_frames_of(heard.onset + heard.duration, bounds), begin + 1)
    loudness = heard.velocity / LOUDEST
    program, pitch = heard.instrument.astype(np.int64), heard.pitch.astype(np.int64)
    column = _ROLL + program // PROGRAMS_A_FAMILY * PITCHES + pitch
    for i in np.flatnonzero((program != DRUMS) & (last > 0) & (begin < len(out))):
        span = slice(max(0, begin[i]), last[i])  # a frame at least
        for place in (column[i], _PROGRAMS + program[i]):
            out[span, place] = np.maximum(out[span, place], loudness[i])
        if begin[i] >= 0:
            out[begin[i], _ONSETS + pitch[i]] = 1.0
    return out


def _drums(heard: Sounding, bounds: np.ndarray) -> np.ndarray:
    """How loud each drum is struck in the frame in which it is, 0-1."""
    out = _empty("drums", bounds)
    begin = _frames_of(heard.onset, bounds)
    struck = (heard.instrument == DRUMS) & (begin >= 0) & (begin < len(out))
    place = begin[struck], 1 + heard.pitch[struck].astype(np.int64)
    np.maximum.at(out, place, (heard.velocity[struck] / LOUDEST).astype(np.float32))
    return out


def _note(heard: Sounding, bounds: np.ndarray) -> np.ndarray:
    """The note that began last, until another does: pitch, instrument, velocity from 0 to 1 and in
    eight layers; whether it begins in the frame, is held in it, and how fresh it is: 1 / (1 + its
    age in seconds). For sound in which one note sounds at a time: ``roll`` has a number for each
    pitch of each family, so that what is learnt of one says nothing of another."""
    out = _empty("note", bounds)
    if not len(heard.onset):
        return out
    order = np.argsort(heard.onset, kind="stable")
    begin = _frames_of(heard.onset[order], bounds)
    latest = np.searchsorted(begin, np.arange(len(out)), side="right") - 1
    frame = np.flatnonzero(latest >= 0)
    note = order[latest[frame]]
    velocity = heard.velocity[note].astype(np.int64)
    out[frame, 1 + heard.pitch[note].astype(np.int64)] = 1.0
    out[frame, _INSTRUMENTS + heard.instrument[note].astype(np.int64)] = 1.0
    out[frame, _LOUDNESS] = velocity / LOUDEST
    out[frame, _LOUDNESS + 1 + velocity * _LAYERS // PITCHES] = 1.0
    out[frame, _TIMES] = begin[latest[frame]] == frame
    ends = _frames_of(heard.onset[note] + heard.duration[note], bounds)
    out[frame, _TIMES + 1] = frame < np.maximum(ends, begin[latest[frame]] + 1)
    age = np.maximum(0.0, bounds[frame] - heard.onset[note])
    out[frame, _TIMES + 2] = 1 / (1 + age)
    return out


def _chords(heard: Sounding, bounds: np.ndarray) -> np.ndarray:
    """Root and quality of the chord in the middle of each frame; zeros where none sounds."""
    out = _empty("chords", bounds)
    slot = np.searchsorted(heard.chord_start, _middles(bounds), side="right")
    number = np.append(NO_CHORD, heard.chord.astype(np.int64))[slot]
    frame = np.flatnonzero(number != NO_CHORD)
    root, quality = np.divmod(number[frame] - 1, len(QUALITIES))
    out[frame, 1 + root] = 1.0
    out[frame, 1 + 12 + quality] = 1.0
    return out


def _beat(heard: Sounding, bounds: np.ndarray) -> np.ndarray:
    """Sine and cosine of the place in the beat and of that in the bar, and whether one begins in
    the frame; zeros before the first beat and behind the last."""
    out = _empty("beat", bounds)
    if not len(heard.beat):
        return out
    beats = np.asarray(heard.beat, dtype=np.float64)
    number = heard.beat_in_bar.astype(np.int64)
    length = np.diff(beats, append=beats[-1] + (beats[-1] - beats[-2:-1]).sum())
    length[length <= 0] = _LONE_BEAT
    middle = _middles(bounds)
    at = np.searchsorted(beats, middle, side="right") - 1
    in_beat = (middle - beats[np.maximum(at, 0)]) / length[np.maximum(at, 0)]
    inside = (at >= 0) & (in_beat < 1)
    in_bar = (number + 0.0)[np.maximum(at, 0)] + in_beat
    phases = in_beat, in_bar / _beats_of_bars(number)[np.maximum(at, 0)]
    begins = beats, beats[number == 0]
    for first, phase, times in zip((1, 4), phases, begins, strict=True):
        out[:, first] = np.sin(2 * np.pi * phase) * inside
        out[:, first + 1] = np.cos(2 * np.pi * phase) * inside
        frame = _frames_of(times, bounds)
        out[frame[(frame >= 0) & (frame < len(out))], first + 2] = 1.0
    return out


def _beats_of_bars(number: np.ndarray) -> np.ndarray:
    """(B,) how many beats the bar of each beat has; of the last bar as many as any has."""
    firsts = np.flatnonzero(number == 0)
    following = np.searchsorted(firsts, np.arange(len(number)), side="right")
    ends = np.append(number[firsts - 1], number.max())
    return np.append(ends, ends[-1])[following] + 1


def _middles(bounds: np.ndarray) -> np.ndarray:
    return (bounds[:-1] + bounds[1:]) / 2


SYMBOLS: dict[str, Symbol] = {
    "roll": Symbol(_PROGRAMS + PROGRAMS, _roll),
    "drums": Symbol(1 + PITCHES, _drums),
    "note": Symbol(_TIMES + 3, _note),
    "chords": Symbol(1 + 12 + len(QUALITIES), _chords),
    "beat": Symbol(1 + 2 * 3, _beat),
}
"""What of a Score can be a condition, by name."""
