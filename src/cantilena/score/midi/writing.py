"""Scores to MIDI files.

Knows which track chunks and channels parts go to and in which order events stand, and the marks by
which our own files are read back exactly; does not know how files are read (``score.midi``), how
channels are shared (``channels``) or which words go where (``words``).
"""

from __future__ import annotations

import warnings
from bisect import bisect_left
from pathlib import Path

import numpy as np

from cantilena.errors import InputError, Notice
from cantilena.files import write_bytes
from cantilena.score.controls import Controls
from cantilena.score.midi import smf, words
from cantilena.score.midi.channels import (
    control_messages,
    disputed_channels,
    part_channels,
    program_changes,
)
from cantilena.score.midi.voices import DRUM_CHANNEL
from cantilena.score.score import Score

MAX_TICK = 2**31 - 1
MAX_PARTS = 1000
RELEASE = 64  # how fast keys are let go of: the standard's value where nobody measures it

# Sequencer-specific metas: 0x7D is the manufacturer number for non-commercial use. "title" marks
# the first track, "part" a part, "more" further notes of the part before, "texts" a group of texts.
MARK = b"\x7dcantilena:"

_Numbers = np.ndarray | int  # one for each event, or one for all


def write_midi(score: Score, path: str | Path | None = None) -> bytes:
    """The Score as a format 1 MIDI file, and written to ``path`` where one is given.

    The first track holds title, tempos, metres, keys, opaque events and the piece's texts, groups
    of which have tracks of their own behind it; each part has a track of its own. Drums are on
    channel 10. Up to 15 other parts have a channel each; beyond that parts of one program
    share one; beyond 15 programs those with the fewest notes share channels and change the program
    note by note, and what controls do to one of them they do to the others, as with drums of
    several kits; a Notice says so where their controls differ. A program is set again behind bank
    selects, which take effect with it. Tempos above 16.8 s a quarter are cut to that.
    The same Score makes the same bytes. Raises InputError for what cannot be written: a denominator
    that is no power of two up to 64, a numerator above 255, more than 32,767 ticks a quarter, 2^31
    ticks or 1000 parts, an opaque event that looks like a mark of this module.
    """
    lane, part = _lanes(score)
    groups, texts = words.grouped(score), words.part_texts(score)
    beside = [event.tick for event in (*score.texts, *score.opaque)]
    for what, value, most in (
        ("ticks per quarter", score.tpq, 0x7FFF),
        ("ticks", max(score.end, int(score.tempo_tick[-1]), *beside), MAX_TICK),
        ("parts", len(score.tracks), MAX_PARTS),
        ("tracks", len(part) + len(groups), 0xFFFE),
    ):
        if value > most:
            raise InputError(f"a MIDI file can have at most {most} {what} here, not {value}")
    if any(event.kind == smf.OWN and event.data.startswith(MARK) for event in score.opaque):
        raise InputError("an opaque event of the Score looks like a mark of this program's own")
    channel = part_channels(score)
    for number in disputed_channels(score, channel) if len(score.controls) else ():
        what = f"several {'kits' if number == DRUM_CHANNEL else 'parts'} share channel {number + 1}"
        text = f"{what} of the MIDI file: other programs give the controls of one to all of them"
        warnings.warn(Notice(text), stacklevel=1)  # one place, so that it is said once
    channel = channel[part]
    change = program_changes(score, lane, part, channel)
    chunks = [smf.header(score.tpq, len(part) + len(groups) + 1), smf.chunk(_conductor(score))]
    chunks += [smf.chunk(_group(name, rows)) for name, rows in groups.items()]
    order = np.argsort(lane, kind="stable")
    bounds = np.searchsorted(lane[order], np.arange(len(part) + 1))
    by_part = score.controls.select(np.argsort(score.controls.track, kind="stable"))
    for i, p in enumerate(part.tolist()):
        notes = order[bounds[i] : bounds[i + 1]]
        further = i > 0 and part[i - 1] == p
        own = np.arange(*np.searchsorted(by_part.track, [p, p + (not further)]))
        spoken = [] if further else texts.get(p, [])
        controls = by_part.select(own)
        body = _lane(score, notes, p, int(channel[i]), change[notes], controls, spoken)
        head = _head(score.tracks[p].name, b"more" if further else b"part")
        chunks.append(smf.chunk(head + body))
    data = b"".join(chunks)
    if path is not None:
        write_bytes(path, data)
    return data


def _lanes(score: Score) -> tuple[np.ndarray, np.ndarray]:
    """(N,) the track chunk of each note, and (L,) each chunk's part.

    A part is one lane, unless a note contains a later one of its pitch: the first to begin would
    not be the first to end, so the inner one moves to a further lane.
    """
    order = np.lexsort((score.duration, score.onset, score.pitch, score.track))
    key = (score.track * 128 + score.pitch)[order]
    end = (score.onset + score.duration)[order]
    layer = np.zeros(len(score), dtype=np.int64)
    nested = (key[1:] == key[:-1]) & (end[1:] < end[:-1])
    for group in np.unique(key[1:][nested]).tolist():
        tops: list[int] = []  # the last end in each layer, negative: it rises with the layers
        for i in range(*np.searchsorted(key, [group, group + 1]).tolist()):
            level = bisect_left(tops, -int(end[i]))
            tops[level : level + 1] = [-int(end[i])]
            layer[order[i]] = level
    depth = np.ones(len(score.tracks), dtype=np.int64)
    np.maximum.at(depth, score.track, layer + 1)
    base = np.cumsum(depth) - depth
    return base[score.track] + layer, np.repeat(np.arange(len(depth)), depth)


def _conductor(score: Score) -> bytes:
    rows: list[tuple[int, int, bytes]] = []
    for tick, tempo in zip(score.tempo_tick.tolist(), score.tempo_us.tolist(), strict=True):
        rows.append((tick, 0, smf.meta(smf.TEMPO, min(tempo, 0xFFFFFF).to_bytes(3, "big"))))
    metres = (score.metre_tick.tolist(), score.metre_num.tolist(), score.metre_den.tolist())
    for tick, num, den in zip(*metres, strict=True):
        if den not in (1, 2, 4, 8, 16, 32, 64) or num > 255:
            raise InputError(
                f"a MIDI file cannot hold the metre {num}/{den}: the denominator must be a power "
                "of two up to 64, the numerator at most 255"
            )
        beat = 3 if den >= 8 and num > 3 and num % 3 == 0 else 1
        clicks = max(1, 96 * beat // den)
        body = bytes((num, den.bit_length() - 1, clicks, 8))
        rows.append((tick, 1, smf.meta(smf.METRE, body)))
    keys = (score.key_tick.tolist(), score.key_fifths.tolist(), score.key_minor.tolist())
    for tick, fifths, minor in zip(*keys, strict=True):
        rows.append((tick, 2, smf.meta(smf.KEY, bytes((fifths & 0xFF, minor)))))
    rows += words.piece_rows(score)
    out = [b"\0", smf.meta(smf.TRACK_NAME, _text(score.title))]
    out += [b"\0", smf.meta(smf.OWN, MARK + b"title")]
    rows.sort(key=lambda row: row[:2])
    out.append(_timed([(tick, event) for tick, _, event in rows], score.end))
    return b"".join(out)


def _group(name: str, rows: list[tuple[int, bytes]]) -> bytes:
    """A track chunk with a group of texts."""
    return _head(name, b"texts") + _timed(rows, 0)


def _timed(rows: list[tuple[int, bytes]], end: int) -> bytes:
    """(tick, event) with delta times, and the end of the track at ``end``, or later where they
    end later."""
    out: list[bytes] = []
    now = 0
    for tick, event in [*rows, (max(end, rows[-1][0]), smf.meta(smf.END_OF_TRACK, b""))]:
        out.append(smf.delta(tick - now) + event)
        now = tick
    return b"".join(out)


def _lane(
    score: Score,
    notes: np.ndarray,
    part: int,
    channel: int,
    change: np.ndarray,
    controls: Controls,
    texts: list[tuple[int, bytes]],
) -> bytes:
    """The channel events of one track chunk. Of one tick the note-offs come first, then bank
    selects and the program behind them, other controls, ``texts`` (tick, event), and each note-on
    behind the program change that it needs."""
    start, stop = score.onset[notes], (score.onset + score.duration)[notes]
    last = max(score.end, int(stop.max(initial=0)))
    index, pitch = np.arange(len(notes)), score.pitch[notes]
    bank, controlling = controls.is_bank_select, control_messages(controls, channel)
    sets = np.unique(np.append(controls.tick[bank], 0))
    program = (0xC0 | channel, score.tracks[part].program, 0)
    rows = [
        _rows(stop, 0, index, 0x80 | channel, pitch, RELEASE),
        _rows(controls.tick, np.where(bank, 1, 3), np.arange(len(bank)), *controlling.T),
        _rows(sets, 2, 0, *program),
        _rows(start[change], 4, index[change] - 0.5, *program),
        _rows(start, 4, index, 0x90 | channel, pitch, score.velocity[notes]),
        _rows(np.array([last]), 5, 0, 0xFF, smf.END_OF_TRACK, 0),
    ]
    tick, place, rank, message = (np.concatenate(column) for column in zip(*rows, strict=True))
    order = np.lexsort((rank, place, tick))
    before = (tick * 8 + place)[order].searchsorted([8 * at + 3 for at, _ in texts], "right")
    metas = [(row, *text) for row, text in zip(before.tolist(), texts, strict=True)]
    return smf.with_metas(tick[order], message[order], metas)


def _rows(
    tick: np.ndarray, place: _Numbers, rank: _Numbers, *message: _Numbers
) -> tuple[np.ndarray, ...]:
    """Events: ticks, the ``place`` of each among those of one tick and its ``rank`` among those of
    one place, and the three bytes (E, 3)."""
    table = np.empty((len(tick), 3), dtype=np.uint8)
    for i, byte in enumerate(message):
        table[:, i] = byte
    return tick, np.full(len(tick), place), np.full(len(tick), rank), table


def _head(name: str, mark: bytes) -> bytes:
    """The name and mark with which a part's track chunk begins."""
    title = b"\0" + smf.meta(smf.TRACK_NAME, _text(name))
    return title + b"\0" + smf.meta(smf.OWN, MARK + mark)


def _text(text: str) -> bytes:
    return text.encode("utf-8", "replace")
