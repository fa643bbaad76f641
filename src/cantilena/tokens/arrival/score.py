"""Arrival tokens to Scores, and to the very MIDI file that the published implementation writes.

Knows triples, Scores and the time of both; does not know how a piece became tokens nor models.
Tokens say real time alone. Where the tempo map of the piece is known (an ``ArrivalHeader``, or
a tempo) notes are put at the ticks where they sound; without one a beat is half a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

import numpy as np

from cantilena.errors import InputError
from cantilena.score import Score, Track, gm
from cantilena.score.midi import smf
from cantilena.tokens.arrival.controls import real, triples
from cantilena.tokens.arrival.vocab import AMT, ArrivalVocabulary

TPQ = 480
_VELOCITY = 72  # of every note, as the published implementation writes
_RELEASE = 64  # the velocity of note-offs, likewise
_FINEST = 32_767  # ticks per quarter that a MIDI file can hold
_TICK = 4_000  # microseconds that a tick may last, so that rounding to ticks keeps a 10 ms step
_DRUM_CHANNEL = 9


@dataclass(frozen=True)
class ArrivalHeader:
    """What stands beside the tokens: ticks per quarter and, in ticks, the maps of tempo, metre
    and key and the end; part names by instrument."""

    tpq: int = TPQ
    tempos: tuple[tuple[int, int], ...] = ()
    metres: tuple[tuple[int, int, int], ...] = ()
    keys: tuple[tuple[int, int, int], ...] = ()
    names: dict[int, str] = field(default_factory=dict)
    end: int = 0

    def finer(self, times: int) -> ArrivalHeader:
        """The same with ``times`` as many ticks."""
        return ArrivalHeader(
            self.tpq * times,
            tuple((t * times, us) for t, us in self.tempos),
            tuple((t * times, num, den) for t, num, den in self.metres),
            tuple((t * times, fifths, minor) for t, fifths, minor in self.keys),
            self.names,
            self.end * times,
        )

    def lasting(self, seconds: float) -> ArrivalHeader:
        """The same with its end at so many seconds, or where it was if that is later."""
        clock = Score.build(self.tpq, (), [], [], [], [], [], self.tempos)
        end = int(nearest_ticks(clock, np.array([seconds]))[0])
        return replace(self, end=max(self.end, end))

    def since(self, tick: int) -> ArrivalHeader:
        """What holds from a tick on, ticks counted from there; it ends nowhere."""
        tempos, metres = _since(self.tempos, tick), _since(self.metres, tick)
        keys = _since(self.keys, tick)
        return ArrivalHeader(self.tpq, tempos, metres, keys, self.names)


_Row = TypeVar("_Row", bound=tuple[int, ...])


def _since(rows: tuple[_Row, ...], tick: int) -> tuple[_Row, ...]:
    """A map from a tick on: what holds there, and what comes later."""
    first = max((i for i, row in enumerate(rows) if row[0] <= tick), default=0)
    return tuple(cast(_Row, (max(row[0] - tick, 0), *row[1:])) for row in rows[first:])


def header_of(score: Score) -> ArrivalHeader:
    """The header of a Score."""
    names: dict[int, str] = {}
    for track in score.tracks:
        names.setdefault(track.instrument, track.name)

    def rows(*columns: np.ndarray) -> tuple[tuple[int, ...], ...]:
        return tuple(zip(*(c.tolist() for c in columns), strict=True))

    return ArrivalHeader(
        score.tpq,
        rows(score.tempo_tick, score.tempo_us),  # type: ignore[arg-type]
        rows(score.metre_tick, score.metre_num, score.metre_den),  # type: ignore[arg-type]
        rows(score.key_tick, score.key_fifths, score.key_minor),  # type: ignore[arg-type]
        names,
        score.end,
    )


def to_score(
    tokens: object,
    tempo_bpm: float | None = None,
    *,
    header: ArrivalHeader | None = None,
    reference: bool = False,
    velocity: int = _VELOCITY,
    vocabulary: ArrivalVocabulary = AMT,
) -> Score:
    """The Score of tokens (3N,), a part for each instrument.

    A leading flag and RESTs are passed over, controls sound at their own time, a piece behind a
    SEPARATOR follows when the one before it has ended. Ticks are those of ``header``'s maps (made
    finer where a tick would be longer than 4 ms, so that no step is lost), of ``tempo_bpm``
    (quarters a minute), else of 120 bpm; parts stand by instrument number. With ``reference`` it
    is what the published implementation writes: 50 ticks a beat, 120 bpm, velocity 72, parts in
    order of appearance. A note of no length gets one tick. Raises InputError for tokens that are
    not whole triples (``repair`` keeps those that are) and for tempos out of reason.
    """
    v = vocabulary
    onset, length, instrument, pitch = _notes(tokens, v)
    if reference:
        if header or tempo_bpm is not None or velocity != _VELOCITY:
            raise InputError("the reference's file has a tempo and a velocity of its own")
        header, parts = ArrivalHeader(v.resolution // 2), _appearing(onset, instrument)
    else:
        header = _fine(_header(header, tempo_bpm))
        parts = np.unique(instrument)
    names = {} if reference else header.names
    tracks = [
        Track(
            names.get(i, "" if reference else gm.name(i)),
            0 if i == v.drums else i,
            i == v.drums,
        )
        for i in parts.tolist()
    ]
    blank = Score.build(header.tpq, (), [], [], [], [], [], header.tempos)
    begin, stop = (nearest_ticks(blank, t / v.resolution) for t in (onset, onset + length))
    place = np.zeros(v.instruments, dtype=np.int64)
    place[parts] = np.arange(len(parts))
    return Score.build(
        header.tpq,
        tracks,
        begin,
        np.maximum(stop - begin, 1),
        pitch,
        np.full(len(onset), velocity),
        place[instrument],
        header.tempos,
        header.metres,
        header.keys,
        header.end,
    )


def _header(header: ArrivalHeader | None, tempo_bpm: float | None) -> ArrivalHeader:
    if tempo_bpm is None:
        return header or ArrivalHeader()
    if header is not None:
        raise InputError("give a tempo or a header with its tempo map, not both")
    if not 1 <= tempo_bpm <= 10_000:
        raise InputError(f"a tempo of {tempo_bpm:g} bpm is out of reason; 1 to 10,000 will do")
    return ArrivalHeader(tempos=((0, round(60e6 / tempo_bpm)),))


def _fine(header: ArrivalHeader) -> ArrivalHeader:
    """The header with ticks so fine that the nearest tick to a step tells the step."""
    slowest = max((us for _, us in header.tempos), default=500_000)
    times = slowest // (_TICK * header.tpq) + 1
    return header.finer(max(1, min(times, _FINEST // header.tpq)))


def nearest_ticks(score: Score, seconds: np.ndarray) -> np.ndarray:
    """The ticks nearest to times in seconds, through the tempo map of ``score``."""
    starts = score.seconds(score.tempo_tick)
    i = np.clip(np.searchsorted(starts, seconds, side="right") - 1, 0, None)
    span = (seconds - starts[i]) * (1e6 * score.tpq) / score.tempo_us[i]
    return score.tempo_tick[i] + np.rint(span).astype(np.int64)


def _notes(
    tokens: object, v: ArrivalVocabulary
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Onset and duration in steps, instrument and pitch of each note, (N,), as they are written;
    pieces behind a SEPARATOR moved behind the one before."""
    rows = real(triples(tokens, v, flag=True), v)
    split = rows[:, 2] == v.separator
    piece = np.cumsum(split)
    sounds = ~split & (rows[:, 2] != v.rest)
    rows, piece = rows[sounds], piece[sounds]
    onset, length, note = rows[:, 0], rows[:, 1] - v.duration, rows[:, 2] - v.note
    if len(piece) and piece[-1]:
        ends = np.zeros(int(piece[-1]) + 1, dtype=np.int64)
        np.maximum.at(ends, piece, onset + length)
        onset = onset + (np.cumsum(ends) - ends)[piece]
    return onset, length, note // v.pitches, note % v.pitches


def _appearing(onset: np.ndarray, instrument: np.ndarray) -> np.ndarray:
    """(K,) the instruments in the order in which they are first heard."""
    order = np.argsort(onset, kind="stable")
    numbers, first = np.unique(instrument[order], return_index=True)
    return numbers[np.argsort(first)]


def reference_midi(tokens: object, vocabulary: ArrivalVocabulary = AMT) -> bytes:
    """The MIDI file, byte for byte, that the published implementation writes of tokens (3N,):
    format 1, 50 ticks a beat, no tempo, each instrument a track and a channel in order of
    appearance, velocity 72. Raises InputError for tokens without notes or with more instruments
    than there are channels."""
    v = vocabulary
    onset, length, instrument, pitch = _notes(tokens, v)
    if not len(onset):
        raise InputError("there are no notes to write")
    parts = _appearing(onset, instrument)
    tick = np.concatenate([onset, onset + length])
    off = np.repeat([False, True], len(onset))
    order = np.lexsort((off, tick))  # stable: of one tick note-ons first, each as they are written
    which, tick, off, key = (np.tile(instrument, 2), tick, off, np.tile(pitch, 2))
    which, tick, off, key = (a[order] for a in (which, tick, off, key))
    chunks = [smf.header(v.resolution // 2, len(parts))]
    for i, part in enumerate(parts.tolist()):
        drums = part == v.drums
        channel = _DRUM_CHANNEL if drums else i + (i >= _DRUM_CHANNEL)
        if channel > 15:
            raise InputError(f"there are {len(parts)} instruments, more than a file has channels")
        of_part = which == part
        message = np.zeros((int(of_part.sum()) + 2, 3), dtype=np.uint8)
        message[0] = (0xC0 | channel, 0 if drums else part, 0)
        message[1:-1, 0] = np.where(off[of_part], 0x80, 0x90) | channel
        message[1:-1, 1] = key[of_part]
        message[1:-1, 2] = np.where(off[of_part], _RELEASE, _VELOCITY)
        message[-1] = (0xFF, smf.END_OF_TRACK, 0)
        when = np.concatenate([[0], tick[of_part], tick[of_part][-1:]])
        chunks.append(smf.chunk(smf.events(when, message, running=True)))
    return b"".join(chunks)
