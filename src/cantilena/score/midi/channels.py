"""What a MIDI file keeps by channel: programs and controls, read for parts and written for them.

Knows that a channel's program and controls are state of the whole file, not of a track; does not
know how notes pair, nor a file's bytes.
"""

from __future__ import annotations

import numpy as np

from cantilena.errors import MidiError
from cantilena.score.controls import (
    BANK_COARSE,
    BANK_FINE,
    CHANNEL_PRESSURE,
    CONTROL_CHANGE,
    KINDS,
    NO_CONTROLS,
    PITCH_BEND,
    Controls,
)
from cantilena.score.midi import smf
from cantilena.score.midi.voices import DRUM_CHANNEL, Voices
from cantilena.score.score import Score

_MELODIC = tuple(c for c in range(16) if c != DRUM_CHANNEL)

MAX_CONTROLS = 8_000_000
"""Controls of all parts together: what a file of the largest size that is read can hold at two
bytes each, so that only parts that share a channel by the hundred go beyond."""

_IS_CONTROL = np.isin(np.arange(256) & 0xF0, KINDS)  # by status

# ------------------------------------------------------------------ reading


def is_control(status: np.ndarray) -> np.ndarray:
    """(E,) bool: what has this status is a control."""
    return _IS_CONTROL.take(status)


def note_programs(
    tick: np.ndarray, channel: np.ndarray, on: np.ndarray, change: np.ndarray, value: np.ndarray
) -> np.ndarray:
    """(E,) the program of each note-on: its channel's last change before it, in any track, those
    of one tick in the order of their tracks. Notes before a channel's first change have that of
    the same tick, else program 0."""
    program = np.zeros(len(tick), dtype=np.int64)
    at = np.flatnonzero(on | change)
    if not len(at):
        return program
    at = at[np.lexsort((tick[at], channel[at]))]
    channels, when, changes = channel[at], tick[at], change[at]
    index = np.arange(len(at))
    first = np.maximum.accumulate(np.where(np.diff(channels, prepend=-1) != 0, index, 0))
    last = np.maximum.accumulate(np.where(changes, index, -1))
    following = np.minimum.accumulate(np.where(changes, index, len(at))[::-1])[::-1]
    ahead = np.minimum(following, len(at) - 1)
    soon = (following < len(at)) & (channels[ahead] == channels) & (when[ahead] == when)
    values = value[at].astype(np.int64)
    program[at] = np.where(last >= first, values[last], np.where(soon, values[ahead], 0))
    return program


def _next_programs(
    tick: np.ndarray, channel: np.ndarray, bank: np.ndarray, change: np.ndarray, value: np.ndarray
) -> np.ndarray:
    """(E,) the program that each bank select is for: that of its channel's next change, or, where
    none follows, the one that holds."""
    now = note_programs(tick, channel, bank, change, value)
    # Backwards in time the last change is the next; 1 is added so that 0 says that there is none.
    mirrored = (-tick, channel, bank, change, value.astype(np.int64) + 1)
    coming = note_programs(*(column[::-1] for column in mirrored))[::-1] - 1
    return np.where(coming < 0, now, coming)


def read_controls(
    events: smf.Events,
    tick: np.ndarray,
    voices: Voices,
    homes: np.ndarray,
    own: np.ndarray,
    end: int,
) -> Controls:
    """The controls of the parts, which have ``homes`` (P, 3): track chunk, voice and program.

    ``tick`` (E,): that of each event; ``own`` (n_tracks,): the track chunk whose part each chunk of
    our own writing belongs to, else -1. A control stands in all parts of its channel, since it
    changes them all, but a bank select only in those of the program behind it, and what is in our
    own chunks only in their part. Controls after ``end``, when all is silent, and those of channels
    without notes are left out. Raises MidiError beyond ``MAX_CONTROLS``.
    """
    at = np.flatnonzero(is_control(events.status) & (tick <= end))
    if not len(at) or not len(homes):
        return NO_CONTROLS
    kind, voice, count = events.status & 0xF0, voices.number, voices.count
    source, of_voice, program = homes.T
    key = np.concatenate([of_voice, count * (source + 1) + of_voice])
    order = np.argsort(key, kind="stable")
    wanted = count * (own[events.track[at]] + 1) + voice[at]
    first, last = (np.searchsorted(key[order], wanted, side) for side in ("left", "right"))
    times = last - first
    total = int(times.sum())
    if total > MAX_CONTROLS:
        raise MidiError(f"the parts have {total:,} controls, more than {MAX_CONTROLS:,}")
    place = np.arange(total) - np.repeat(np.cumsum(times) - times - first, times)
    part, at = order[place] % len(homes), np.repeat(at, times)
    bank = (kind == CONTROL_CHANGE) & np.isin(events.a, (BANK_COARSE, BANK_FINE))
    if bank.any():
        coming = _next_programs(tick, voice, bank, kind == 0xC0, events.a)
        keep = ~bank[at] | (own[events.track[at]] >= 0) | (program[part] == coming[at])
        part, at = part[keep], at[keep]
    kind, a, b = (column[at].astype(np.int64) for column in (kind, events.a, events.b))
    alone = (kind == PITCH_BEND) | (kind == CHANNEL_PRESSURE)
    value = np.where(kind == CHANNEL_PRESSURE, a, b)
    value = np.where(kind == PITCH_BEND, (b << 7 | a) - 8192, value)
    return Controls.build(tick[at], part, kind, np.where(alone, 0, a), value)


def lost_controls(
    events: smf.Events, tick: np.ndarray, voices: Voices, homes: np.ndarray, end: int
) -> list[str]:
    """What ``read_controls`` leaves out, and programs of no part, in words."""
    control, late = is_control(events.status), tick > end
    silent = ~np.isin(voices.number, homes[:, 1])
    played = np.isin(voices.number * 128 + events.a, homes[:, 1] * 128 + homes[:, 2])
    counts = (
        (control & silent, "controller event(s) on channels without notes"),
        (control & late & ~silent, "controller event(s) behind the end of the music"),
        ((events.status & 0xF0 == 0xC0) & ~played, "program change(s) that no note follows"),
    )
    return [f"{np.count_nonzero(which)} {what}" for which, what in counts if which.any()]


# ------------------------------------------------------------------ writing


def control_messages(controls: Controls, channel: int) -> np.ndarray:
    """(C, 3) bytes of each control on a channel; a channel pressure has two, and a 0."""
    kind, value = controls.kind, controls.value
    bend, pressure = kind == PITCH_BEND, kind == CHANNEL_PRESSURE
    a = np.where(bend, value + 8192 & 0x7F, np.where(pressure, value, controls.number))
    b = np.where(bend, value + 8192 >> 7, np.where(pressure, 0, value))
    return np.stack([kind | channel, a, b], axis=1).astype(np.uint8)


def part_channels(score: Score) -> np.ndarray:
    """(T,) the channel of each part."""
    drums = np.array([t.is_drum for t in score.tracks], dtype=bool)
    channel = np.full(len(drums), DRUM_CHANNEL)
    melodic = np.flatnonzero(~drums)
    slot = np.arange(len(melodic))
    if len(melodic) > 15:
        program = np.array([score.tracks[i].program for i in melodic])
        weight = np.bincount(score.program[~score.is_drum], minlength=128)
        ranked = sorted(set(program.tolist()), key=lambda p: (-weight[p], p))
        # Back and forth over the channels: the rarest programs share with the least busy.
        turn = [*range(15), *range(14, -1, -1)]
        slots = {p: turn[i % 30] for i, p in enumerate(ranked)}
        slot = np.array([slots[p] for p in program.tolist()])
    channel[melodic] = np.array(_MELODIC)[slot]
    return channel


def disputed_channels(score: Score, channel: np.ndarray) -> list[int]:
    """The channels on which parts with different controls stand together, by the ``channel`` (T,)
    of each part: another program takes what is done to one of them for all."""
    controls = score.controls.select(~score.controls.is_bank_select)
    disputed: list[int] = []
    for number in np.flatnonzero(np.bincount(channel) > 1).tolist():
        rows = [controls.select(controls.track == p) for p in np.flatnonzero(channel == number)]
        ours = [np.stack([c.tick, c.kind, c.number, c.value]) for c in rows]
        if not all(np.array_equal(ours[0], other) for other in ours[1:]):
            disputed.append(number)
    return disputed


def program_changes(
    score: Score, lane: np.ndarray, part: np.ndarray, channel: np.ndarray
) -> np.ndarray:
    """(N,) bool: the note needs a program change before it, since another part has set its channel
    to another program. A part's first lane sets its program behind bank selects, every lane at
    tick 0."""
    program = np.array([t.program for t in score.tracks], dtype=np.int64)[part]
    banks = score.controls.select(score.controls.is_bank_select)
    lanes = np.concatenate([np.arange(len(part)), np.searchsorted(part, banks.track), lane])
    tick = np.concatenate([np.zeros(len(part), dtype=np.int64), banks.tick, score.onset])
    order = np.lexsort((lanes, tick, channel[lanes]))  # stable: the change at 0 stands first
    value, where = program[lanes[order]], channel[lanes[order]]
    needed = np.zeros(len(order), dtype=bool)
    needed[order[1:]] = (value[1:] != value[:-1]) & (where[1:] == where[:-1])
    return needed[len(part) + len(banks) :]
