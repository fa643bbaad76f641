"""A synthesizer that needs only numpy: a Score to stereo sound.

Knows notes in time: how long each sounds, how loud, on which bus. Does not know how tones are made
(``tones``, ``drums``), what controllers mean (``controllers``) nor files (``render.audio``). Every
random generator has a fixed seed: the same Score gives the same samples.
"""

from __future__ import annotations

import numpy as np

from cantilena.render.synth import room
from cantilena.render.synth.controllers import (
    Shape,
    bent,
    course,
    positions,
    shapes,
    sounding_ends,
)
from cantilena.render.synth.drums import drum, stroke
from cantilena.render.synth.tones import Voice, frequency, tone
from cantilena.render.synth.voices import VOICES
from cantilena.score.score import Score

TAIL = 2.0
"""Seconds after the end of the score in which releases and the room fade out."""
_LONGEST = 6.0  # seconds of a tone that are computed; longer ones are looped
_HELD = 30.0  # seconds that a pedal holds a note, beyond which nothing would be heard of most
_LAYERS = 4  # colours between soft and hard
_LEVEL = 0.3
_WET = 0.18
_SHARES = (0.2, 0.6, 1.0, 1.6)  # of the reverb; few, since each is a bus

_Bus = dict[tuple[str, float], np.ndarray]


def synthesize(score: Score, rate: int = 44100) -> np.ndarray:
    """(2, n) float32 sound of a Score, n = (seconds + ``TAIL``) * rate, not yet mastered.

    One pass over tones, not notes: all notes of one voice, pitch and layer of loudness are cut
    from one tone and added to the bus of their chorus and reverb share.
    """
    n = round((float(score.seconds(score.end)) + TAIL) * rate)
    buses: _Bus = {}
    if len(score):
        start = np.rint(score.seconds(score.onset) * rate).astype(np.int64)
        keys_up = np.rint(score.seconds(score.onset + score.duration) * rate).astype(np.int64)
        ends, silence = sounding_ends(score)
        stop = np.rint(score.seconds(ends) * rate).astype(np.int64)
        stop = np.minimum(stop, np.maximum(keys_up, start + int(_HELD * rate)))
        length = np.maximum(stop - start, int(0.03 * rate))
        drums, shape = score.is_drum, shapes(score, rate)
        silent = np.rint(score.seconds(np.minimum(silence, score.end)) * rate).astype(np.int64)
        silent[silence > score.end] = n
        _play_drums(score, np.flatnonzero(drums), start, silent - start, shape, buses, n, rate)
        _play_tones(score, np.flatnonzero(~drums), start, length, shape, buses, n, rate)
    return _mix(buses, n, rate)


def _mix(buses: _Bus, n: int, rate: int) -> np.ndarray:
    """The buses with their choruses, and the reverb of their shares."""
    mix, send = np.empty((2, n), dtype=np.float32), np.empty(n, dtype=np.float32)
    for (kind, _), bus in buses.items():
        if kind:
            room.chorus(bus, kind, rate)
    for start in range(0, n, room.CHUNK):  # in pieces that stay in the processor's cache
        span = slice(start, start + room.CHUNK)
        total, sent = mix[:, span], send[span]
        total[:], sent[:] = 0.0, 0.0
        for (_, share), bus in sorted(buses.items()):
            total += bus[:, span]
            sent += np.float32(0.5 * share) * (bus[0, span] + bus[1, span])
    room.reverb(send, rate, mix, _WET)
    room.fade_out(mix, rate)
    return mix


def _bus(buses: _Bus, kind: str, share: float, n: int) -> np.ndarray:
    key = (kind, min(_SHARES, key=lambda step: abs(step - share)))
    if key not in buses:
        buses[key] = np.zeros((2, n), dtype=np.float32)
    return buses[key]


def _groups(keys: np.ndarray) -> list[np.ndarray]:
    """Indices of equal rows of ``keys`` (M, C), one array for each distinct row."""
    if not len(keys):
        return []
    order = np.lexsort(keys.T[::-1])
    same = (np.diff(keys[order], axis=0) != 0).any(1)
    return np.split(order, np.flatnonzero(same) + 1)


def _layers(velocity: np.ndarray) -> np.ndarray:
    return (velocity - 1) * _LAYERS // 127


def _force(layer: int) -> float:
    return (layer + 0.5) / _LAYERS


def _play_tones(
    score: Score,
    notes: np.ndarray,
    start: np.ndarray,
    length: np.ndarray,
    shape: dict[int, Shape],
    buses: _Bus,
    n: int,
    rate: int,
) -> None:
    expression = _Expression(score, start, shape, rate)
    # the square of velocity, as General MIDI Level 2 recommends
    loud = _LEVEL * (score.velocity / 100.0) ** 2
    layer = _layers(score.velocity)
    program = score.program
    keys = np.stack([program[notes], score.pitch[notes], layer[notes]], axis=1)
    for group in _groups(keys):
        mine = notes[group]
        voice = VOICES[int(program[mine[0]])]
        pitch = int(score.pitch[mine[0]])
        release = int(voice.release * rate)
        force = _force(int(layer[mine[0]]))
        most = expression.reach(mine, length[mine] + release)
        sound = tone(voice, pitch, force, min(most, _size(voice, pitch, rate)), rate, 7)
        if not _fades(voice):
            sound = _looped(sound, most, pitch, rate)
        elif len(sound) < most:  # fades where the tone's computed length ends
            end = min(len(sound), rate // 10)
            sound[-end:] *= np.linspace(1.0, 0.0, end, dtype=np.float32)
        fade = np.cos(np.linspace(0, np.pi / 2, release, dtype=np.float32)) ** 2
        side = voice.width * (pitch - 60) / 48.0
        bus = _bus(buses, voice.chorus, voice.send, n)
        pan = room.gains(np.clip(expression.place[mine] + side, -0.9, 0.9))  # (2, notes)
        pan *= voice.gain * loud[mine] * expression.level[mine]
        spans = zip(mine.tolist(), start[mine].tolist(), length[mine].tolist(), pan.T, strict=True)
        for note, first, duration, gain in spans:
            played = sound
            if note in expression.moving:
                gain = expression.gain(
                    note, duration + release, side, 0.9, float(voice.gain * loud[note])
                )
            if note in expression.bent:
                at = positions(shape[int(score.track[note])].bend, first, duration + release)
                played = bent(sound, at)
            _add(bus, played, first, duration, fade, gain)


class _Expression:
    """What controllers do to notes. ``level``, ``place`` (N,): gain, and -1 left to 1 right, at
    each note's start; ``moving``: the notes during which these change; ``bent``: those whose pitch
    is not their key's throughout."""

    def __init__(self, score: Score, start: np.ndarray, shape: dict[int, Shape], rate: int):
        self.track, self.start, self.shape, self.rate = score.track, start, shape, rate
        self.desk = room.pans(score)
        self.place = self.desk[score.track]
        self.level = np.ones(len(score))
        self.moving: set[int] = set()
        self.bent: set[int] = set()
        for track, (_, level, place) in shape.items():
            notes = np.flatnonzero(score.track == track)
            pan = place.values(start[notes])
            self.level[notes] = level.values(start[notes])
            self.place[notes] = np.where(np.isnan(pan), self.desk[track], pan)

    def reach(self, notes: np.ndarray, length: np.ndarray) -> int:
        """How many samples of their tone some notes take that sound for ``length``; takes up which
        of them are bent and which are moving."""
        if not self.shape:
            return int(length.max())
        reach = length.copy()
        for i, (note, n) in enumerate(zip(notes.tolist(), length.tolist(), strict=True)):
            shape, first = self.shape.get(int(self.track[note])), int(self.start[note])
            if shape is None:
                continue
            if shape.level.changes(first, first + n) or shape.place.changes(first, first + n):
                self.moving.add(note)
            if shape.bend.values(first) or shape.bend.changes(first, first + n):
                self.bent.add(note)
                reach[i] = int(positions(shape.bend, first, n)[-1]) + 2
        return int(reach.max())

    def gain(self, note: int, n: int, side: float, widest: float, loud: float) -> np.ndarray:
        """(2, n) float32 left and right gains over a note, which stands ``side`` beside its track's
        place."""
        track, first = int(self.track[note]), int(self.start[note])
        place = self.shape[track].place
        place = place._replace(value=np.where(np.isnan(place.value), self.desk[track], place.value))
        level = course(self.shape[track].level, first, n, self.rate)
        where = np.clip(course(place, first, n, self.rate) + side, -widest, widest)
        return room.gains(where) * (loud * level).astype(np.float32)


def _fades(voice: Voice) -> bool:
    """Whether the voice dies away by itself, so that its tone has an end."""
    return bool(voice.decay) and not (voice.tail and not voice.tail_decay)


def _size(voice: Voice, pitch: int, rate: int) -> int:
    """Samples of a tone that are computed at most."""
    if not _fades(voice):
        return int(_LONGEST * rate)
    key = 2.0 ** ((57 - pitch) / 20.0)
    return int(min(30.0, 0.1 + 1.1 * key * max(voice.decay, voice.tail_decay)) * rate)


def _looped(sound: np.ndarray, n: int, pitch: int, rate: int) -> np.ndarray:
    """The tone sustained for ``n`` samples: its later part looped, cross-faded over half a second;
    the loop is a whole number of periods long, so that the fundamental stays in phase."""
    have = len(sound)
    if n <= have:
        return sound
    period = rate / frequency(pitch)
    cross = int(0.5 * rate)
    hop = round((have - cross - rate) // period * period)
    up = np.sin(np.linspace(0, np.pi / 2, cross, dtype=np.float32)) ** 2
    turns = -(-(n - have) // hop)
    out = np.zeros(have + turns * hop, dtype=np.float32)
    out[:have] = sound
    again = sound[have - cross - hop :].copy()
    again[:cross] *= up
    for i in range(turns):
        at = have - cross + i * hop
        out[at : at + cross] *= up[::-1]
        out[at : at + len(again)] += again
    return out[:n]


def _add(
    bus: np.ndarray,
    sound: np.ndarray,
    first: int,
    duration: int,
    fade: np.ndarray,
    gain: np.ndarray,
) -> None:
    """Adds a note to a bus: the tone for ``duration`` samples from ``first``, then faded out.
    ``gain`` (2,), or (2, samples) where it changes."""
    n = bus.shape[1]
    stop = min(duration, len(sound), n - first)
    if stop <= 0:
        return
    body = sound[:stop]
    left, right = _part(gain, 0, stop)
    bus[0, first : first + stop] += left * body
    bus[1, first : first + stop] += right * body
    rest = sound[duration : duration + len(fade)][: max(0, n - first - duration)]
    if len(rest):
        rest = rest * fade[: len(rest)]
        at = first + duration
        left, right = _part(gain, duration, len(rest))
        bus[0, at : at + len(rest)] += left * rest
        bus[1, at : at + len(rest)] += right * rest


def _part(gain: np.ndarray, start: int, n: int) -> list[float] | np.ndarray:
    """The left and right gain of ``n`` samples of a note from ``start`` on: two numbers where it
    does not change."""
    return gain.tolist() if gain.ndim == 1 else gain[:, start : start + n]


def _play_drums(
    score: Score,
    notes: np.ndarray,
    start: np.ndarray,
    most: np.ndarray,
    shape: dict[int, Shape],
    buses: _Bus,
    n: int,
    rate: int,
) -> None:
    """Strokes ring to their end whatever the notes' durations, unless their group chokes them, or
    for ``most`` samples."""
    if not len(notes):
        return
    choke = np.array([drum(p).choke for p in range(128)])[score.pitch]
    ring = np.full(len(score), n, dtype=np.int64)
    for group in set(choke[notes].tolist()) - {0}:
        mine = notes[choke[notes] == group]
        times = start[mine]
        following = np.searchsorted(times, times, side="right")
        ring[mine] = np.append(times, 2 * n)[following] - times
    ring = np.minimum(ring, most)
    expression = _Expression(score, start, shape, rate)
    fade = np.linspace(1.0, 0.0, int(0.012 * rate), dtype=np.float32)
    layer = _layers(score.velocity)
    keys = np.stack([score.pitch[notes], layer[notes]], axis=1)
    for group in _groups(keys):
        mine = notes[group]
        pitch = int(score.pitch[mine[0]])
        kind = drum(pitch)
        sound = stroke(pitch, _force(int(layer[mine[0]])), rate)
        bus = _bus(buses, "", kind.send, n)
        loud = 0.5 * _LEVEL * kind.gain * (score.velocity / 100.0) ** 1.8
        place = np.clip(kind.pan + expression.place[mine], -1.0, 1.0)
        gain = room.gains(place) * (loud[mine] * expression.level[mine])
        lasting = np.minimum(ring[mine], len(sound))
        expression.reach(mine, lasting + len(fade))
        spans = zip(mine.tolist(), start[mine].tolist(), ring[mine].tolist(), gain.T, strict=True)
        for note, first, duration, both in spans:
            if note in expression.moving:
                size = min(duration, len(sound)) + len(fade)
                both = expression.gain(note, size, kind.pan, 1.0, float(loud[note]))
            _add(bus, sound, first, duration, fade, both)
