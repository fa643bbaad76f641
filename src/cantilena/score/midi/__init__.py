"""MIDI files to Scores and back.

Knows how events become parts, names and maps. Does not know how Scores are written (``writing``,
whose ``write_midi`` stands here too), the bytes' syntax (``smf``), what damage does to them
(``repair``), what a channel keeps (``channels``) or plays (``voices``), how text is encoded
(``text``), which words belong where (``words``), nor sound.

What is read as in the file: every note of every channel of every port; notes without an end, and
overlapping notes of one pitch, by the rules of ``lengths.note_lengths``; control changes, bends and
pressure as the Score's controls; lyrics, markers and other texts; system exclusive messages and
other programs' own events as opaque bytes. Notes last as long as their keys are down: the sustain
pedal does not lengthen them. A channel's program and controls are state of the whole file, not of a
track. What cannot be kept stands in the Score's ``warnings``. What is written reads back as an
equal Score (``==``): nested notes of one pitch, parts without notes and groups of texts are marked
by sequencer-specific meta events, which other programs ignore.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cantilena.audio.recording import sound_format
from cantilena.errors import InputError, MidiError, Notice
from cantilena.files import read_bytes
from cantilena.score import gm
from cantilena.score.midi import smf, words
from cantilena.score.midi.channels import (
    lost_controls,
    note_programs,
    read_controls,
)
from cantilena.score.midi.lengths import music_ends, note_lengths, read_metre
from cantilena.score.midi.repair import announced, repaired, summary
from cantilena.score.midi.text import decode_text, encoding_of
from cantilena.score.midi.voices import CHANNELS, DRUM_CHANNEL, Voices, drum_events, read_voices
from cantilena.score.midi.writing import MARK, MAX_PARTS, MAX_TICK, RELEASE, write_midi
from cantilena.score.score import Score, Track
from cantilena.score.texts import OF_THE_PIECE, TEXT_KINDS

__all__ = ["read_midi", "write_midi"]

MAX_BYTES = 16_000_000
MAX_SECONDS = 24 * 3600
MAX_BARS = 100_000

# What besides names makes a track chunk one of words.
_SPOKEN = tuple(
    number for kind, number in TEXT_KINDS.items() if kind not in {"name", *OF_THE_PIECE}
)


def read_midi(source: str | Path | bytes, mend: bool = True) -> Score:
    """The Score in a MIDI file (format 0, 1 or 2; bytes are the file's content).

    One Track per (track, port, channel, program) that has notes, in file order; channel 10 makes
    drums, and others that the file sets to (``voices``); the tracks of a format 2 file follow one
    another. ``end`` is the last tick of the tracks with notes, or the end of the last bar of music
    where they go on long after it (``lengths``). Controls stand in every part of their channel,
    those after ``end`` in none. Tempos of 0 and metres or keys that cannot be are left out.

    A damaged file is read as far as it can be, and a Notice says what was mended; without ``mend``
    it raises MidiError, and nothing is said. A path that is not there raises InputError; a file
    that is no MIDI file or damaged beyond reading, over 16 MB, longer than 24 hours, 2^31 ticks or
    100,000 bars, or with more than 8 million controls in its parts, raises MidiError.
    """
    if isinstance(source, bytes):
        name, data = "the MIDI data", source
    else:
        name, data = str(source), read_bytes(source, MAX_BYTES, "a MIDI file")
    try:
        if len(data) > MAX_BYTES:
            raise MidiError(f"the file is larger than {MAX_BYTES // 10**6} MB")
        events, mends = _parsed(data) if mend else (smf.parse(data), [])
        score, rest = _score(events)
    except InputError as error:
        kind = sound_format(data)
        sound = f"this is sound ({kind}), not MIDI; 'cantilena caption' and 'chords' hear sound"
        raise MidiError(f"{name}: {sound if kind else error}") from error
    if mend and mends:
        warnings.warn(Notice(f"{name} had to be mended: {summary(mends)}"), stacklevel=2)
    if mend and rest:
        silence = f"{rest:,} bars without a note at the end are left out"
        warnings.warn(Notice(f"{name}: {silence}"), stacklevel=2)
    return score


def _parsed(data: bytes) -> tuple[smf.Events, list[str]]:
    """The events of a file, and what had to be mended."""
    try:
        events = smf.parse(data)
    except MidiError as error:
        try:
            mended, mends = repaired(data)
            events = smf.parse(mended)
        except MidiError:
            raise error from None
        if not ((events.status & 0xF0 == 0x90) & (events.b > 0)).any():
            raise
        return events, mends
    if events.announced != len(events.end):
        return events, [announced(events.announced, len(events.end))]
    return events, []


def _score(events: smf.Events) -> tuple[Score, int]:
    """The Score of a file's events, and how many bars without music were left out behind it."""
    marks = _marks(events)
    ours = any(marks)
    kind = events.status & 0xF0
    on = (kind == 0x90) & (events.b > 0)
    note = np.flatnonzero(on | (kind == 0x80) | (kind == 0x90))
    voices = read_voices(events, ours)
    group = (events.track[note] * voices.count + voices.number[note]) * 128 + events.a[note]
    duration = np.zeros(len(on), dtype=np.int64)
    duration[note] = note_lengths(group, events.tick[note], on[note])
    ends, rest = (events.end, 0) if ours else music_ends(events, on, duration)
    open_notes = np.flatnonzero(duration < 0)
    duration[open_notes] = (ends[events.track] - events.tick)[open_notes]
    tick, starts = events.tick, np.zeros(len(ends), dtype=np.int64)
    if events.format == 2:  # one sequence after another
        starts[1:] = np.cumsum(ends)[:-1]
        tick = tick + starts[events.track]
    if (ends + starts).max() > MAX_TICK:
        raise MidiError("the piece is longer than 2^31 ticks")
    at = np.flatnonzero(on)
    program = note_programs(tick, voices.number, on, kind == 0xC0, events.a)
    drums = drum_events(events, tick, starts, voices, ours)
    parts = _parts(events, marks, at, voices, program[at], drums[at])
    length = int((ends + starts)[parts.chunks if parts.chunks.any() else slice(None)].max())
    *maps, impossible = _maps(events, starts, ends if rest else None)
    encoding = "" if ours else encoding_of(events.texts)
    texts, opaque, lost = words.read_words(
        events, starts.tolist(), parts.words, length, encoding, MARK
    )
    silent = lost_controls(events, tick, voices, parts.homes, length)
    released = (kind == 0x80) & (events.b != RELEASE) & (events.b != 0)  # 0: nobody measured it
    unkept = [f"release velocities of {released.sum()} note(s)"] if released.any() else []
    score = Score.build(
        events.tpq,
        parts.tracks,
        tick[at],
        np.maximum(duration[at], 1),
        events.a[at],
        events.b[at],
        parts.part,
        *maps,
        end=length,
        title=parts.title,
        controls=read_controls(events, tick, voices, parts.homes, parts.own, length),
        texts=texts,
        opaque=opaque,
        warnings=[f"not kept: {what}" for what in (*impossible, *silent, *lost, *unkept)],
    )
    _check_length(score)
    return score, rest


def _marks(events: smf.Events) -> list[str]:
    """The text of this module's meta event in each track chunk, or ''."""
    marks = [""] * len(events.end)
    for m in events.metas:
        if m.type == smf.OWN and m.data.startswith(MARK):
            marks[m.track] = m.data[len(MARK) :].decode("latin-1")
    return marks


def _names(events: smf.Events, marks: list[str]) -> tuple[list[str], dict[tuple[int, int], str]]:
    """The first name of each track chunk, or '', and those that a channel prefix gives to a channel
    of a chunk; cleaned where another program wrote them."""
    encoding = ""
    names: dict[int, str] = {}
    of_channels: dict[tuple[int, int], str] = {}
    prefix = smf.Meta(-1, 0, 0, b"")
    for m in events.metas:
        if m.type == smf.CHANNEL_PREFIX and m.data:
            prefix = m
        elif m.type == smf.TRACK_NAME:
            if not (encoding or m.data.isascii()):
                encoding = encoding_of(events.texts)
            text = _name(m.data, encoding, bool(marks[m.track]))
            prefixed = (prefix.track, prefix.before) == (m.track, m.before)
            if prefixed:
                of_channels.setdefault((m.track, prefix.data[0]), text)
            if not (prefixed and events.format == 0):
                names.setdefault(m.track, text)
    return [names.get(i, "") for i in range(len(events.end))], of_channels


def _name(data: bytes, encoding: str, ours: bool) -> str:
    """A name of our own writing as it is, one of another program's without what is no text."""
    if ours:
        return data.decode("utf-8", "replace")
    text = decode_text(data, encoding)
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


class _Parts(NamedTuple):
    """What a file's track chunks become: the ``part`` of each note, ``tracks`` and ``title``; of
    each part the chunk, voice and program, ``homes`` (P, 3); of each chunk whether it has gone
    into parts, ``chunks``, which one's part it belongs to by its mark, else -1, ``own``, and
    where its texts go, ``words``."""

    part: np.ndarray
    tracks: list[Track]
    title: str
    homes: np.ndarray
    chunks: np.ndarray
    own: np.ndarray
    words: list[words.Home]


def _parts(
    events: smf.Events,
    marks: list[str],
    at: np.ndarray,
    voices: Voices,
    program: np.ndarray,
    drums: np.ndarray,
) -> _Parts:
    """The parts that the note-ons ``at`` make; ``program`` and ``drums`` are those of the notes."""
    names, of_channels = _names(events, marks)
    owner = np.arange(len(marks))
    for i in range(1, len(marks)):
        if marks[i] == "more" and marks[i - 1] in ("part", "more") and names[i] == names[i - 1]:
            owner[i] = owner[i - 1]
    source = owner[events.track[at]]
    number = (source * voices.count + voices.number[at]) * 2 + drums
    keys, first, which = np.unique(number * 128 + program, return_index=True, return_inverse=True)
    of_part = zip(*(c[first].tolist() for c in (source, voices.number[at], program)), strict=True)
    parts = [
        (chunk, begin, voice, prog, bool(drums[begin]), i)
        for i, ((chunk, voice, prog), begin) in enumerate(zip(of_part, first.tolist(), strict=True))
    ]
    in_parts = np.bincount(events.track[at], minlength=len(marks)) > 0
    with_notes = np.bincount(source, minlength=len(marks)) > 0
    changes = np.flatnonzero(events.status & 0xF0 == 0xC0)
    silent, where = np.unique(events.track[changes], return_index=True)
    for i, j in zip(silent.tolist(), changes[where].tolist(), strict=True):
        if marks[i] == "part" and not with_notes[i]:
            in_parts[i] = True
            channel = int(events.status[j]) & 15
            parts.append((i, 0, channel, int(events.a[j]), channel == DRUM_CHANNEL, -1))
    if len(parts) > MAX_PARTS:
        raise MidiError(f"the piece has {len(parts)} parts, more than {MAX_PARTS}")
    place = np.zeros(len(keys), dtype=np.int64)
    several = np.bincount([f[0] for f in parts], minlength=len(marks)) > 1
    headed = len(marks) == 1 or events.format == 0
    tracks: list[Track] = []
    homes: list[tuple[int, int, int]] = []
    for i, _, voice, prog, is_drum, key in sorted(parts):
        name = "" if headed and several[i] else names[i]
        name = of_channels.get((i, voice % CHANNELS), name)
        fallback = "" if marks[i] == "part" else gm.name(128 if is_drum else prog)
        if key >= 0:
            place[key] = len(tracks)
        tracks.append(Track(name or fallback, prog, is_drum))
        homes.append((i, voice, prog))
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


def _maps(
    events: smf.Events, starts: np.ndarray, ends: np.ndarray | None
) -> tuple[list, list, list, list[str]]:
    """Tempos, metres and keys as ``Score.build`` takes them, of one tick the last track's wins; and
    a sentence where there are some that cannot be. Those behind their sequence's end by ``ends``
    (n_tracks,) are left out."""
    if ends is not None and events.format != 2:
        ends = np.full(len(ends), ends.max())
    tempos: list[tuple[int, int]] = []
    metres: list[tuple[int, int, int]] = []
    keys: list[tuple[int, int, int]] = []
    there = 0
    for m in events.metas:  # in the order of tracks
        if ends is not None and m.tick > ends[m.track]:
            continue
        there += m.type in (smf.TEMPO, smf.METRE, smf.KEY)
        tick, data = m.tick + int(starts[m.track]), m.data
        if m.type == smf.TEMPO and len(data) >= 3:
            if value := int.from_bytes(data[:3], "big"):
                tempos.append((tick, value))
        elif (metre := read_metre(m)) is not None:
            metres.append((tick, *metre))
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
