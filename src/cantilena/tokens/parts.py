"""Notes part by part, in the order and by the rules of the readers that published encodings use.

Knows MIDI events and Scores; does not know any scheme. A published encoding depends on which
note-off ends which note and on the order of parts and notes, so it is compared, and its models are
fed, by ``read_parts``; ``parts_of`` gives the same of a Score, whose notes were paired by
``score.midi``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cantilena.errors import InputError, MidiError
from cantilena.files import read_bytes
from cantilena.score import Score
from cantilena.score.midi import MAX_BYTES, smf

START, END, PITCH, VELOCITY = range(4)
"""Columns of a Part's notes."""

_DRUM_CHANNEL = 9
_LYRIC, _TEXT = 0x05, 0x01


@dataclass(frozen=True, eq=False)
class Part:
    """Notes (N, 4) int64 (start tick, end tick, pitch, velocity), in the order of their ends as a
    file has them, or in a Score's; N is at least 1. ``program`` is 0-127."""

    program: int
    is_drum: bool
    notes: np.ndarray
    name: str = ""


@dataclass(frozen=True, eq=False)
class Parts:
    """A file's parts and maps. ``tempos`` are (tick, microseconds per quarter), ``metres`` (tick,
    numerator, denominator), by tick; ``metres`` is empty where a file has none. ``end``: the last
    tick at which a note ends, or a control, metre, key, lyric or text stands."""

    tpq: int
    parts: tuple[Part, ...]
    tempos: tuple[tuple[int, int], ...]
    metres: tuple[tuple[int, int, int], ...]
    end: int

    def __len__(self) -> int:
        return sum(len(part.notes) for part in self.parts)


def parts_of(score: Score) -> Parts:
    """The parts of a Score that have notes."""
    notes = np.stack(
        [score.onset, score.onset + score.duration, score.pitch, score.velocity], axis=1
    )
    parts = [
        Part(track.program, track.is_drum, notes[score.track == i], track.name)
        for i, track in enumerate(score.tracks)
        if (score.track == i).any()
    ]
    tempos = zip(score.tempo_tick.tolist(), score.tempo_us.tolist(), strict=True)
    metres = zip(*(a.tolist() for a in _metre(score)), strict=True)
    return Parts(score.tpq, tuple(parts), tuple(tempos), tuple(metres), score.end)


def _metre(score: Score) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return score.metre_tick, score.metre_num, score.metre_den


def read_parts(source: bytes | str | Path) -> Parts:
    """The parts of a MIDI file's bytes, or of the file at a path, as miditoolkit 0.1.16 reads them.

    A part is one (track, channel, program), the program being that in force where a note ends. A
    note-off ends every open note of its pitch, channel and track but those that begin at the same
    tick, and takes these away where there is no other. What is never ended is no note. Raises
    InputError for a path that is not there and MidiError for a damaged file.
    """
    if isinstance(source, bytes):
        name, data = "the MIDI data", source
    else:
        name, data = str(source), read_bytes(source, MAX_BYTES, "a MIDI file")
    try:
        if len(data) > MAX_BYTES:
            raise MidiError(f"the file is larger than {MAX_BYTES // 10**6} MB")
        events = smf.parse(data, reference=True)
        return _parts(events)
    except InputError as error:
        raise MidiError(f"{name}: {error}") from error


def _parts(events: smf.Events) -> Parts:
    notes, ends = _notes(events)
    parts = [
        Part(program, channel == _DRUM_CHANNEL, np.array(rows, dtype=np.int64))
        for (_, channel, program), rows in notes.items()
    ]
    metres: list[tuple[int, int, int]] = []
    for meta in events.metas:
        if meta.type == smf.METRE and len(meta.data) >= 2:
            metres.append((meta.tick, meta.data[0], 2 ** meta.data[1]))
        if meta.type in (smf.METRE, smf.KEY, _LYRIC, _TEXT):
            ends.append(meta.tick)
    metres.sort(key=lambda row: row[0])
    return Parts(events.tpq, tuple(parts), _tempos(events), tuple(metres), max(ends, default=0))


def _tempos(events: smf.Events) -> tuple[tuple[int, int], ...]:
    """Tempos in the order of the tracks; one at tick 0 forgets those before it."""
    tempos = [(0, 500_000)]
    for tick, us in zip(events.tempo_tick.tolist(), events.tempo_us.tolist(), strict=True):
        if tick == 0:
            tempos = [(0, us)]
        elif us != tempos[-1][1]:
            tempos.append((tick, us))
    return tuple(sorted(tempos, key=lambda row: row[0]))


def _notes(
    events: smf.Events,
) -> tuple[dict[tuple[int, int, int], list[tuple[int, int, int, int]]], list[int]]:
    """Notes by (track, channel, program), in order of their ends; and the ticks at which notes end
    or controls stand in a part that has notes by then or later."""
    parts: dict[tuple[int, int, int], list[tuple[int, int, int, int]]] = {}
    program: dict[tuple[int, int], int] = defaultdict(int)
    open_notes: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
    controls: dict[tuple[int, int], int] = {}
    ends: list[int] = []
    columns = (events.track, events.tick, events.status, events.a, events.b)
    for track, tick, status, a, b in zip(*(c.tolist() for c in columns), strict=True):
        kind, channel = status & 0xF0, status & 0x0F
        if kind == 0xC0:
            program[track, channel] = a
        elif kind in (0xB0, 0xE0):
            controls[track, channel] = tick
        elif kind == 0x90 and b > 0:
            open_notes.setdefault((track, channel, a), []).append((tick, b))
        elif kind in (0x80, 0x90):
            still = open_notes.pop((track, channel, a), None)
            if still is None:
                continue
            closed = [note for note in still if note[0] != tick]
            for start, velocity in closed:
                key = (track, channel, program[track, channel])
                parts.setdefault(key, []).append((start, tick, a, velocity))
                ends.append(tick)
            if closed and len(closed) < len(still):
                open_notes[track, channel, a] = [note for note in still if note[0] == tick]
    playing = {(track, channel) for track, channel, _ in parts}
    ends += [tick for home, tick in controls.items() if home in playing]
    return parts, ends


def need_notes(parts: Parts, what: str = "") -> None:
    """Raises InputError where there are no notes."""
    if not len(parts):
        raise InputError(f"the piece has no {what}notes; give one that has some")


def selected(parts: Parts, drums: bool) -> Parts:
    """Only the drums, or only what has pitches. Raises InputError where there is nothing."""
    kept = tuple(part for part in parts.parts if part.is_drum == drums)
    result = Parts(parts.tpq, kept, parts.tempos, parts.metres, parts.end)
    need_notes(result, "drum " if drums else "pitched ")
    return result


def on_grid(ticks: Iterable[int], tpq: int, grid: int) -> list[int]:
    """Ticks on a grid of ``grid`` to the quarter, halves to even, as Python rounds."""
    return [round(tick * grid / tpq) for tick in ticks]
