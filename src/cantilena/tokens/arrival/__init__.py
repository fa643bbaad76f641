"""The arrival scheme: the Anticipatory Music Transformer's encoding of MIDI files and Scores.

Knows MIDI events, Scores and the vocabulary; does not know models or training. A piece is a flat
sequence of triples (arrival time, duration, note) in 10 ms steps of real time; velocity, bars and
tempo are not said. ``events_of`` reads a file token for token as the published implementation does,
so that its checkpoints see what they were trained on: real seconds added up message by message in
float64, programs as they stand in the merged tracks, the first note to begin the first to end.

Thickstun et al., *Anticipatory Music Transformer*, 2024, section 3 and appendix A. Operations on
the sequences (rests, controls, windows) are in ``controls.py`` and offered here as well.

Reading works on whole arrays, since a corpus has a hundred thousand files: 70 times as fast as a
reader that goes from message to message (``benchmarks/arrival_speed.py``). What is sorted are
integers that hold the sort key in their upper bits and all that is needed of an event in their
lower ones; sorting places by key instead would take several times as long.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cantilena.errors import InputError, MidiError
from cantilena.files import read_bytes
from cantilena.score import Score
from cantilena.score.midi import MAX_BYTES, MAX_SECONDS, smf
from cantilena.tokens.arrival.controls import (
    anticipate,
    extract_instruments,
    in_order,
    instruments,
    pad,
    relativise,
    repair,
    revert,
    split,
    triples,
    unpad,
)
from cantilena.tokens.arrival.score import (
    ArrivalHeader,
    header_of,
    nearest_ticks,
    reference_midi,
    to_score,
)
from cantilena.tokens.arrival.vocab import AMT, ArrivalVocabulary

__all__ = [
    "AMT",
    "ArrivalHeader",
    "ArrivalScheme",
    "ArrivalVocabulary",
    "anticipate",
    "events_of",
    "extract_instruments",
    "header_of",
    "in_order",
    "instruments",
    "nearest_ticks",
    "pad",
    "reference_midi",
    "relativise",
    "repair",
    "revert",
    "score_events",
    "split",
    "to_score",
    "triples",
    "unpad",
]

_DRUM_CHANNEL = 9
_DEFAULT_TEMPO = 500_000
_CHANGES = 4_096  # program changes that are worked on at once

# An event as 16 bits, its code:
#   0-6   the first data byte: pitch of a note, number of a program
#   7-10  the channel
#   12    set for note-ons and note-offs
#   13    set for program changes
#   14    scratch, see ``_codes``
#   15    set for notes that begin: note-ons with a velocity
_CODE_BITS = 16
_DATA = 0x7F
_CHANNEL_SHIFT = 7
_CHANNEL_AND_DATA = 0x7FF
_NOTE, _CHANGE, _CARRY, _ON = 1 << 12, 1 << 13, 1 << 14, 1 << 15
_STATUS_CODES = (np.arange(256) & 0x0F) << _CHANNEL_SHIFT
_STATUS_CODES[0x80:0xA0] |= _NOTE
_STATUS_CODES[0x90:0xA0] |= _CARRY
_STATUS_CODES[0xC0:0xD0] |= _CHANGE
_STATUS_CODES = _STATUS_CODES.astype(np.uint16)
"""The code of each status byte, its data byte still 0."""


def events_of(source: bytes | str | Path, vocabulary: ArrivalVocabulary = AMT) -> np.ndarray:
    """The events (3N,) int64 of a MIDI file's bytes, or of the file at a path: for each note, in
    the order of the merged tracks, its onset (steps from the piece's start, without a limit of
    100 s), 10,000 + duration and 11,000 + 128 x instrument + pitch.

    Files that break the format are read as the published implementation reads them, by mido
    (``smf.parse``), unless that refuses them. A note that is never closed gets 0.25 s; durations
    are cut at 9.99 s. A path that is not there raises InputError; a damaged file, one over 16 MB or
    longer than 24 hours MidiError.
    """
    if isinstance(source, bytes):
        name, data = "the MIDI data", source
    else:
        name, data = str(source), read_bytes(source, MAX_BYTES, "a MIDI file")
    try:
        if len(data) > MAX_BYTES:
            raise MidiError(f"the file is larger than {MAX_BYTES // 10**6} MB")
        return _events(smf.parse(data, reference=True), vocabulary)
    except InputError as error:
        raise MidiError(f"{name}: {error}") from error


def _events(events: smf.Events, v: ArrivalVocabulary) -> np.ndarray:
    tick, other = events.tick, events.other_tick
    start = np.zeros(len(events.end), dtype=np.int64)
    if events.format == 2:  # one sequence after another, as read_midi has them
        start[1:] = np.cumsum(events.end)[:-1]
        tick, other = tick + start[events.track], other + start[events.other_track]
    tick, code = _merged(np.concatenate([tick, other]), _codes(events))
    note = ((code & _NOTE) != 0).nonzero()[0]
    change = ((code & _CHANGE) != 0).nonzero()[0]
    time = _seconds(events, tick, start).take(note)
    del tick  # its memory is used again: asking the system for more is slow
    changes, code = code.take(change), code.take(note)
    on, voice = code >= _ON, code & _CHANNEL_AND_DATA
    channel = voice >> _CHANNEL_SHIFT
    next_note = note.searchsorted(change)
    change_channel = changes >> _CHANNEL_SHIFT & 0x0F
    instrument = _programs(channel, next_note, change_channel, changes & _DATA, v.drums)
    if next_note.any():  # else each channel has one instrument, and its number tells it
        voice = instrument << _CHANNEL_AND_DATA.bit_length() | voice
    begin, stop = _matches(voice, on)
    span = time.take(stop)
    span -= time.take(begin)
    span *= v.resolution
    length = np.full(len(note), v.resolution // 4, dtype=np.float64)
    length[begin] = np.minimum(np.rint(span, out=span), v.durations - 1, out=span)
    begins = on.nonzero()[0]
    out = np.empty((len(begins), 3), dtype=np.int64)
    time = time.take(begins)
    time *= v.resolution
    np.rint(time, out=out[:, 0], casting="unsafe")
    np.add(length.take(begins), v.duration, out=out[:, 1], casting="unsafe")
    token = instrument.take(begins)
    token *= v.pitches
    token += code.take(begins) & _DATA
    np.add(token, v.note, out=out[:, 2])
    return out.reshape(-1)


def _codes(events: smf.Events) -> np.ndarray:
    """(E + M,) uint16: the codes of channel events, then 0 for all others."""
    code = np.zeros(len(events.status) + len(events.other_tick), dtype=np.uint16)
    channel_events = _STATUS_CODES.take(events.status)
    channel_events |= events.a
    # A note begins where the status is a note-on (its _CARRY is set) and the velocity is not 0:
    # adding _CARRY for the velocity then carries into the next bit, _ON, which saves a comparison.
    channel_events += (events.b > 0) * np.uint16(_CARRY)
    code[: len(channel_events)] = channel_events
    return code


def _merged(tick: np.ndarray, code: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both sorted by tick, the first in place; ties stay in the order of tracks. The keys that are
    sorted are, from the upper bits down, tick, place and code."""
    n = len(tick)
    if not n or int(tick.max()).bit_length() + n.bit_length() + _CODE_BITS > 63:
        order = np.argsort(tick, kind="stable")
        return tick.take(order), code.take(order)
    tick_shift = n.bit_length() + _CODE_BITS
    key = tick
    key <<= tick_shift
    key += np.arange(0, n << _CODE_BITS, 1 << _CODE_BITS)
    key += code
    key.sort(kind="stable")  # a merge sort of runs: each track rises already
    code = key.astype(np.uint16)
    key >>= tick_shift
    return key, code


def _seconds(events: smf.Events, tick: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The seconds (E,) of all events of a file at their ``tick`` (E,), rising. They are summed from
    one event to the next, each step at the tempo then in force: another order of the same sums
    would differ in the last bit, and now and then round to another step."""
    if not len(tick):
        return np.zeros(0)
    when = events.tempo_tick + start[events.tempo_track]
    order = np.argsort(when, kind="stable")  # as the events: the last of one tick holds
    scale = np.append(_DEFAULT_TEMPO, events.tempo_us[order]) * 1e-6 / events.tpq
    bounds = np.zeros(len(scale) + 1, dtype=np.int64)
    bounds[1:-1], bounds[-1] = np.searchsorted(tick, when[order], side="right"), len(tick)
    steps = np.repeat(scale, bounds[1:] - bounds[:-1])
    steps[0] *= tick[0]
    steps[1:] *= tick[1:] - tick[:-1]
    seconds = np.add.accumulate(steps, out=steps)
    if not seconds[-1] <= MAX_SECONDS:
        raise MidiError("the piece is longer than 24 hours")
    return seconds


def _programs(
    channel: np.ndarray,
    next_note: np.ndarray,
    change_channel: np.ndarray,
    program: np.ndarray,
    drums: int,
) -> np.ndarray:
    """(N,) the instrument of each note event by its ``channel``: the program that its channel had
    last, 0 before the first, ``drums`` on channel 10. Change k of M sets ``change_channel[k]`` to
    ``program[k]`` before the note event ``next_note[k]``; all in merged order."""
    state = np.zeros(16, dtype=np.int64)  # the program of each channel
    if not next_note.any():  # as mostly: all changes before the first note
        state[change_channel] = program  # the last of a channel stays
        state[_DRUM_CHANNEL] = drums
        return state.take(channel)
    out = np.empty(len(channel), dtype=np.int64)
    done = 0  # note events
    for lo in range(0, len(next_note) + 1, _CHANGES):  # in blocks, so that memory stays small
        block = slice(lo, lo + _CHANGES)
        count = len(next_note[block])
        row = np.arange(1, count + 1)
        last = np.zeros((count + 1, 16), dtype=np.int64)  # row of each channel's last change
        last[row, change_channel[block]] = row
        last = np.maximum.accumulate(last)
        table = np.where(last > 0, np.append(0, program[block])[last], state)
        state = table[-1].copy()
        table[:, _DRUM_CHANNEL] = drums
        stop = int(next_note[lo + count]) if lo + count < len(next_note) else len(channel)
        bounds = np.concatenate([[done], next_note[block], [stop]])
        rows = np.repeat(np.arange(0, table.size, 16), bounds[1:] - bounds[:-1])
        rows += channel[done:stop]
        out[done:stop] = table.reshape(-1).take(rows)
        done = stop
    return out


def _matches(voice: np.ndarray, on: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which note events end which: (begin, stop), indices of note-ons that are closed and of the
    note-offs that close them. Within one ``voice`` (channel, instrument and pitch) the first to
    begin is the first to end; a note-off while nothing sounds is passed over."""
    n = len(on)
    if not n:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    # The keys that are sorted are, from the upper bits down, voice, place and whether it begins.
    voice_shift = n.bit_length() + 1
    small = int(voice.max()).bit_length() + voice_shift <= 32
    key = voice.astype(np.uint32 if small else np.uint64)
    key <<= voice_shift
    key += np.arange(0, 2 * n, 2, dtype=key.dtype)
    key += on
    key.sort()
    on = (key & 1) != 0
    same_voice = (key[1:] ^ key[:-1]) < (1 << voice_shift)  # as the event after it
    key >>= 1
    key &= (1 << n.bit_length()) - 1
    order = key.astype(np.int64)
    # Most voices go on, off, on, off: there each note-on goes with the event after it.
    closed = same_voice & on[:-1]
    odd = ~on
    odd[1:] ^= closed  # off where a note should begin, on where one should end
    any_odd = odd.any()
    if any_odd:  # voices with such an event are matched by counting instead
        starts = np.append(0, (~same_voice).nonzero()[0] + 1)
        tangled = np.logical_or.reduceat(odd, starts)
        sizes = np.append(starts[1:], n) - starts
        part = (np.repeat(tangled, sizes)).nonzero()[0]
        closed[part[part < len(closed)]] = False
        begin, stop = _untangled(on.take(part), sizes[tangled])
    i = closed.nonzero()[0]
    pairs = order.take(i), order.take(i + 1)
    if not any_odd:
        return pairs
    part = order.take(part)
    return np.append(pairs[0], part.take(begin)), np.append(pairs[1], part.take(stop))


def _untangled(on: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same for note events ``on`` (bool) that stand voice by voice, of ``sizes``."""
    starts = np.cumsum(sizes) - sizes
    depth = np.cumsum(np.where(on, 1, -1))
    base = np.append(0, depth)[starts]  # what each voice starts from
    # An off that reaches a new low closes nothing. Each voice is set below the one before it, so
    # that one running minimum serves them all.
    shift = base + np.arange(len(sizes)) * (2 * len(on) + 2)
    level = depth - np.repeat(shift, sizes)
    floor = np.append(0, level[:-1])
    floor[starts] = base - shift
    off = ~on & (level >= np.minimum.accumulate(floor))
    ons, offs = on.nonzero()[0], off.nonzero()[0]
    n_on = np.add.reduceat(on, starts, dtype=np.int64)
    n_off = np.add.reduceat(off, starts, dtype=np.int64)
    # the k-th note-on of a voice goes with the k-th note-off, where there is one
    k = np.arange(len(ons)) - np.repeat(np.cumsum(n_on) - n_on, n_on)
    closed = (k < np.repeat(n_off, n_on)).nonzero()[0]
    match = k + np.repeat(np.cumsum(n_off) - n_off, n_on)
    return ons.take(closed), offs.take(match.take(closed))


def score_events(score: Score, vocabulary: ArrivalVocabulary = AMT) -> np.ndarray:
    """The events (3N,) int64 of a Score: onsets in steps from its start, through its tempo map,
    by onset and then in the order of its parts. Durations are cut at 9.99 s; velocity and all that
    stands beside the notes is left out (``header_of`` keeps it). Raises InputError for a Score
    longer than 24 hours."""
    v = vocabulary
    begin, stop = score.seconds(score.onset), score.seconds(score.onset + score.duration)
    if len(begin) and not begin[-1] <= MAX_SECONDS:
        raise InputError("the piece is longer than 24 hours")
    length = np.minimum(np.rint(v.resolution * (stop - begin)), v.durations - 1)
    rows = (
        np.rint(v.resolution * begin),
        v.duration + length,
        v.note + score.instrument * v.pitches + score.pitch,
    )
    return np.stack(rows, axis=1).astype(np.int64).reshape(-1)


class ArrivalScheme:
    """The arrival scheme as the others are offered: a step is one token, three to a note.

    ``sizes`` is (vocabulary,). Steps of a whole piece count time from its start; windows for a
    model are cut and shifted by ``relativise``.
    """

    def __init__(self, vocabulary: ArrivalVocabulary = AMT):
        self.vocabulary = vocabulary

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArrivalScheme) and other.vocabulary == self.vocabulary

    def __hash__(self) -> int:
        return hash(self.vocabulary)

    def __repr__(self) -> str:
        return f"ArrivalScheme({self.vocabulary})"

    @property
    def sizes(self) -> tuple[int]:
        """Number of classes of the one field."""
        return (self.vocabulary.size,)

    def to_dict(self) -> dict[str, object]:
        """The vocabulary as plain data, to be saved with a checkpoint."""
        return self.vocabulary.to_dict()

    @classmethod
    def from_dict(cls, data: dict[str, object]) -> ArrivalScheme:
        """The scheme a checkpoint was saved with. Raises InputError if it is another scheme."""
        return cls(ArrivalVocabulary.from_dict(data))

    def encode(self, score: Score) -> tuple[np.ndarray, ArrivalHeader]:
        """(3N, 1) steps and what stands beside them: resolution, tempos, metres, keys, names."""
        return score_events(score, self.vocabulary)[:, None], header_of(score)

    def decode(self, steps: np.ndarray, header: ArrivalHeader) -> Score:
        """The Score of (3N, 1) steps. Raises InputError on steps that break the scheme."""
        return to_score(steps, header=header, vocabulary=self.vocabulary)

    def quantise(self, score: Score) -> Score:
        """The Score this scheme can say, a part for each instrument; quantising twice changes
        nothing."""
        return self.decode(*self.encode(score))
