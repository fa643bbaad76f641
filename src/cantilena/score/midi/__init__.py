"""MIDI files to Scores and back.

Knows how events become notes: pairing, parts, names. Does not know the bytes' syntax (``smf``),
what a channel keeps (``channels``), which words belong where (``words``), nor sound.

What is read as in the file: every note of every channel; notes without an end, and overlapping
notes of one pitch, by the rules of ``_pair``; control changes, bends and pressure as the Score's
controls; lyrics, markers and other texts; system exclusive messages and other programs' own events
as opaque bytes. Notes last as long as their keys are down: the sustain pedal does not lengthen
them. A channel's program and controls are state of the whole file, not of a track. What cannot be
kept stands in the Score's ``warnings``. What is written reads back as an equal Score (``==``):
nested notes of one pitch, parts without notes and groups of texts are marked by sequencer-specific
meta events, which other programs ignore.
"""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cantilena.errors import InputError, MidiError
from cantilena.files import read_bytes, write_bytes
from cantilena.score import gm
from cantilena.score.controls import Controls
from cantilena.score.midi import smf, words
from cantilena.score.midi.channels import (
    DRUM_CHANNEL,
    control_messages,
    lost_controls,
    note_programs,
    part_channels,
    program_changes,
    read_controls,
)
from cantilena.score.score import Score, Track
from cantilena.score.texts import OF_THE_PIECE, TEXT_KINDS

MAX_BYTES = 16_000_000
MAX_TICK = 2**31 - 1
MAX_SECONDS = 24 * 3600
MAX_BARS = 100_000
MAX_PARTS = 1000

# Sequencer-specific metas: 0x7D is the manufacturer number for non-commercial use. "title" marks
# the first track, "part" a part, "more" further notes of the part before, "texts" a group of texts.
_MARK = b"\x7dcantilena:"

# What besides names makes a track chunk one of words.
_SPOKEN = tuple(
    number for kind, number in TEXT_KINDS.items() if kind not in {"name", *OF_THE_PIECE}
)

_Numbers = np.ndarray | int  # one for each event, or one for all


def read_midi(source: str | Path | bytes) -> Score:
    """The Score in a MIDI file (format 0, 1 or 2; bytes are the file's content).

    One Track per (track, channel, program) that has notes, in file order; the drum channel (10)
    makes drums; the tracks of a format 2 file follow one another. ``end`` is the last tick of the
    tracks with notes. Controls stand in every part of their channel, those after ``end`` in none.
    Tempos of 0 and metres or keys that cannot be are left out. A path that is not there raises
    InputError; a file that is damaged, over 16 MB, longer than 24 hours, 2^31 ticks or 100,000
    bars, or with more than 8 million controls in its parts, raises MidiError.
    """
    if isinstance(source, bytes):
        name, data = "the MIDI data", source
    else:
        name, data = str(source), read_bytes(source, MAX_BYTES, "a MIDI file")
    try:
        if len(data) > MAX_BYTES:
            raise MidiError(f"the file is larger than {MAX_BYTES // 10**6} MB")
        return _score(smf.parse(data))
    except InputError as error:
        raise MidiError(f"{name}: {error}") from error


def _score(events: smf.Events) -> Score:
    tick, ends = events.tick, events.end
    starts = np.zeros(len(ends), dtype=np.int64)
    if events.format == 2:  # one sequence after another
        starts[1:] = np.cumsum(ends)[:-1]
        tick, ends = tick + starts[events.track], ends + starts
    if ends.max() > MAX_TICK:
        raise MidiError("the piece is longer than 2^31 ticks")
    kind, channel = events.status & 0xF0, (events.status & 0x0F).astype(np.int64)
    on = (kind == 0x90) & (events.b > 0)
    off = (kind == 0x80) | ((kind == 0x90) & (events.b == 0))
    program = note_programs(tick, channel, on, kind == 0xC0, events.a)
    note = np.flatnonzero(on | off)
    group = (events.track[note] * 16 + channel[note]) * 128 + events.a[note]
    duration = np.zeros(len(tick), dtype=np.int64)
    duration[note] = _pair(group, tick[note], on[note], ends[events.track[note]])
    at = np.flatnonzero(on)
    parts = _parts(events, at, channel[at], program[at])
    end = int((ends[parts.chunks] if parts.chunks.any() else ends).max())
    *maps, impossible = _maps(events, starts)
    starting, own = starts.tolist(), _MARK
    texts, opaque, lost = words.read_words(events, starting, parts.words, end, own)
    score = Score.build(
        events.tpq,
        parts.tracks,
        tick[at],
        np.maximum(duration[at], 1),
        events.a[at],
        events.b[at],
        parts.part,
        *maps,
        end=end,
        title=parts.title,
        controls=read_controls(events, tick, parts.homes, parts.own, end),
        texts=texts,
        opaque=opaque,
        warnings=[
            f"not kept: {what}"
            for what in (*impossible, *lost_controls(events, tick, parts.homes, end), *lost)
        ],
    )
    _check_length(score)
    return score


def _pair(group: np.ndarray, tick: np.ndarray, on: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """(E,) durations of the note-ons among note events (at note-offs: no meaning).

    ``group`` tells which events belong together (track, channel and pitch), ``stop`` is the end of
    each event's track. In a group the first note to begin is the first to end; a note-off while
    nothing sounds is ignored. Where notes of a group never end, that rule would shift every end
    by one, so there each note ends with the next event of its group, the last with its track.
    """
    order = np.argsort(group, kind="stable")
    g, t, o = group[order], tick[order], on[order]
    n = len(g)
    duration = np.zeros(n, dtype=np.int64)
    if not n:
        return duration
    new = np.diff(g, prepend=-1) != 0
    run = np.cumsum(new) - 1  # (E,) number of the group
    starts = np.flatnonzero(new)
    depth = np.cumsum(np.where(o, 1, -1))
    depth -= np.where(starts > 0, depth[starts - 1], 0)[run]
    # Each group is shifted below the one before it, so that one running minimum serves them all.
    shift = run * (2 * n + 2)
    low = np.minimum.accumulate(np.minimum(depth, 0) - shift)
    before = np.where(new, -shift, np.roll(low, 1))
    good = ~o & (depth - shift >= before)  # ends of a note that sounds
    ons, offs = np.flatnonzero(o), np.flatnonzero(good)
    n_on, n_off = (np.bincount(run[i], minlength=len(starts)) for i in (ons, offs))
    rank = np.arange(len(ons)) - (np.cumsum(n_on) - n_on)[run[ons]]
    whole = (n_on == n_off)[run[ons]]
    match = ((np.cumsum(n_off) - n_off)[run[ons]] + rank)[whole]
    duration[ons[whole]] = t[offs[match]] - t[ons[whole]]
    if not whole.all():
        # Note-ons of one tick end together: look behind the last of them.
        chained = o[:-1] & o[1:] & ~new[1:] & (t[:-1] == t[1:])
        link = np.where(np.append(chained, False), n, np.arange(n))
        after = np.minimum.accumulate(link[::-1])[::-1] + 1
        ahead = np.minimum(after, n - 1)
        same = (after < n) & (g[ahead] == g)
        until = np.where(same, t[ahead], np.maximum(stop[order], t))
        loose = ons[~whole]
        duration[loose] = until[loose] - t[loose]
    result = np.empty(n, dtype=np.int64)
    result[order] = duration
    return result


def _marks(events: smf.Events) -> list[str]:
    """The text of this module's meta event in each track chunk, or ''."""
    marks = [""] * len(events.end)
    for m in events.metas:
        if m.type == smf.OWN and m.data.startswith(_MARK):
            marks[m.track] = m.data[len(_MARK) :].decode("latin-1")
    return marks


def _names(events: smf.Events, marks: list[str]) -> list[str]:
    """The first name of each track chunk, or ''; cleaned where another program wrote it."""
    names: dict[int, str] = {}
    for m in events.metas:
        if m.type == smf.TRACK_NAME and m.track not in names:
            text = words.decode_text(m.data)
            if not marks[m.track]:
                text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
            names[m.track] = text
    return [names.get(i, "") for i in range(len(events.end))]


class _Parts(NamedTuple):
    """What a file's track chunks become: the ``part`` of each note, ``tracks`` and ``title``; of
    each part the chunk, channel and program, ``homes`` (P, 3); of each chunk whether it has gone
    into parts, ``chunks``, which one's part it belongs to by its mark, else -1, ``own``, and
    where its texts go, ``words``."""

    part: np.ndarray
    tracks: list[Track]
    title: str
    homes: np.ndarray
    chunks: np.ndarray
    own: np.ndarray
    words: list[words.Home]


def _parts(events: smf.Events, at: np.ndarray, channel: np.ndarray, program: np.ndarray) -> _Parts:
    """The parts that the note-ons ``at`` make."""
    marks = _marks(events)
    names = _names(events, marks)
    owner = np.arange(len(marks))
    for i in range(1, len(marks)):
        if marks[i] == "more" and marks[i - 1] in ("part", "more") and names[i] == names[i - 1]:
            owner[i] = owner[i - 1]
    source = owner[events.track[at]]
    keys, first, which = np.unique(
        (source * 16 + channel) * 128 + program, return_index=True, return_inverse=True
    )
    parts = [
        (k // 2048, f, k // 128 % 16, k % 128, i)
        for i, (k, f) in enumerate(zip(keys.tolist(), first.tolist(), strict=True))
    ]
    in_parts = np.bincount(events.track[at], minlength=len(marks)) > 0
    with_notes = np.bincount(source, minlength=len(marks)) > 0
    changes = np.flatnonzero(events.status & 0xF0 == 0xC0)
    silent, where = np.unique(events.track[changes], return_index=True)
    for i, j in zip(silent.tolist(), changes[where].tolist(), strict=True):
        if marks[i] == "part" and not with_notes[i]:
            in_parts[i] = True
            parts.append((i, 0, int(events.status[j]) & 15, int(events.a[j]), -1))
    if len(parts) > MAX_PARTS:
        raise MidiError(f"the piece has {len(parts)} parts, more than {MAX_PARTS}")
    place = np.zeros(len(keys), dtype=np.int64)
    several = np.bincount([f[0] for f in parts], minlength=len(marks)) > 1
    headed = len(marks) == 1 or events.format == 0
    tracks: list[Track] = []
    homes: list[tuple[int, int, int]] = []
    for i, _, chan, prog, key in sorted(parts):
        drums = chan == DRUM_CHANNEL
        name = "" if headed and several[i] else names[i]
        fallback = "" if marks[i] == "part" else gm.name(128 if drums else prog)
        if key >= 0:
            place[key] = len(tracks)
        tracks.append(Track(name or fallback, prog, drums))
        homes.append((i, chan, prog))
    titled = headed or marks[0] == "title" or not (in_parts[0] or marks[0])
    own = np.where([mark in ("part", "more") for mark in marks], owner, -1)
    table = np.array(homes, dtype=np.int64).reshape(-1, 3)
    speaking = {m.track for m in events.metas if m.type in _SPOKEN and m.data}
    first_part = {chunk: i for i, (chunk, _, _) in reversed(list(enumerate(homes)))}
    texts: list[words.Home] = []
    for i, name in enumerate(names):
        part = None if headed and several[i] else first_part.get(int(owner[i]))
        alone = part is None and not (i == 0 and titled)
        group = name if alone and (i in speaking or marks[i] == "texts") else ""
        texts.append(words.Home(part, group, bool(group) or not alone))
    return _Parts(place[which], tracks, names[0] if titled else "", table, in_parts, own, texts)


def _maps(events: smf.Events, starts: np.ndarray) -> tuple[list, list, list, list[str]]:
    """Tempos, metres and keys as ``Score.build`` takes them, of one tick the last track's wins; and
    a sentence where there are some that cannot be."""
    tempos: list[tuple[int, int]] = []
    metres: list[tuple[int, int, int]] = []
    keys: list[tuple[int, int, int]] = []
    there = 0
    for m in events.metas:  # in the order of tracks
        there += m.type in (smf.TEMPO, smf.METRE, smf.KEY)
        tick, data = m.tick + int(starts[m.track]), m.data
        if m.type == smf.TEMPO and len(data) >= 3:
            if value := int.from_bytes(data[:3], "big"):
                tempos.append((tick, value))
        elif m.type == smf.METRE and len(data) >= 2:
            if data[0] and data[1] <= 6:
                metres.append((tick, data[0], 1 << data[1]))
        elif m.type == smf.KEY and len(data) >= 2:
            fifths = int.from_bytes(data[:1], "big", signed=True)
            if -7 <= fifths <= 7 and data[1] <= 1:
                keys.append((tick, fifths, data[1]))
    wrong = there - len(tempos) - len(metres) - len(keys)
    lost = f"{wrong} tempo(s), metre(s) or key(s) that cannot be"
    return tempos, metres, keys, [lost] if wrong else []


def _check_length(score: Score) -> None:
    """Refuses lengths that would make ``bar_starts`` or a render take too long."""
    last = max(score.end, int(score.tempo_tick[-1]), int(score.metre_tick[-1]))
    if not score.seconds(last) <= MAX_SECONDS:
        raise MidiError("the piece is longer than 24 hours")
    bar = np.maximum(np.round(4 * score.tpq * score.metre_num / score.metre_den), 1)
    stops = np.append(score.metre_tick[1:], max(score.end, int(score.metre_tick[-1]) + 1))
    if np.ceil((stops - score.metre_tick) / bar).sum() > MAX_BARS:
        raise MidiError(f"the piece has more than {MAX_BARS:,} bars")


def write_midi(score: Score, path: str | Path | None = None) -> bytes:
    """The Score as a format 1 MIDI file, and written to ``path`` where one is given.

    The first track holds title, tempos, metres, keys, opaque events and the piece's texts, groups
    of which have tracks of their own behind it; each part has a track of its own. Drums are on
    channel 10. Up to 15 other parts have a channel each; beyond that parts of one program
    share one; beyond 15 programs those with the fewest notes share channels and change the program
    note by note, and what controls do to one of them they do to the others. A program is set again
    behind bank selects, which take effect with it. Tempos above 16.8 s a quarter are cut to that.
    The same Score makes the same bytes. Raises InputError for what cannot be written: a denominator
    that is no power of two up to 64, a numerator above 255, more than 32,767 ticks a quarter, 2^31
    ticks or 1000 parts.
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
    channel = part_channels(score)[part]
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
    out += [b"\0", smf.meta(smf.OWN, _MARK + b"title")]
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
        _rows(stop, 0, index, 0x80 | channel, pitch, 64),
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
    return title + b"\0" + smf.meta(smf.OWN, _MARK + mark)


def _text(text: str) -> bytes:
    return text.encode("utf-8", "replace")
