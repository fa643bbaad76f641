"""Damaged MIDI files, mended: what header, chunks and tracks must have been.

Knows which damage is met in the wild and what other readers make of it; does not know Scores. A
file that ``smf.parse`` reads never comes here.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from cantilena.errors import MidiError
from cantilena.score.midi import smf
from cantilena.score.midi.salvage import salvage

ASSUMED_TPQ = 480
"""Ticks per quarter where the header has none: what most sequencers write."""
_DEFAULT_TEMPO = 500_000  # microseconds a quarter
_SMPTE_RATES = {24: 24.0, 25: 25.0, 29: 30_000 / 1001, 30: 30.0}  # frames a second
_MOST_TRACKS = 0xFFFF
_SAID = 4  # mends that are said in full


class _Header(NamedTuple):
    """``frame_ticks``: ticks a second where time is counted in SMPTE frames, else 0; ``tracks``:
    how many the header announces, -1 where there is none; ``stop``: the byte behind it."""

    format: int
    tracks: int
    tpq: int
    frame_ticks: float
    stop: int


def repaired(data: bytes) -> tuple[bytes, list[str]]:
    """A sound file with what a damaged one holds, and what was mended. Raises MidiError where
    there is neither a header nor a track."""
    mends: list[str] = []
    header = _header(data, mends)
    tracks = _tracks(data, header, mends)
    if not tracks:
        raise MidiError("the file is cut short: it holds no track")
    if header.tracks not in (-1, len(tracks)):
        mends.append(announced(header.tracks, len(tracks)))
    tempo, tpq = b"", header.tpq
    if header.frame_ticks:
        initial_us = next((t for body in tracks for t in body.tempos if t), _DEFAULT_TEMPO)
        tpq = min(max(round(header.frame_ticks * initial_us / 1e6), 1), 0x7FFF)
        us = min(round(tpq / header.frame_ticks * 1e6), 0xFFFFFF)
        tempo = b"\0" + smf.meta(smf.TEMPO, us.to_bytes(3, "big"))
        bpm = round(60e6 / us)
        mends.append(f"time is counted in SMPTE frames, and read as quarter notes of {bpm} bpm")
    words = b"".join(w.to_bytes(2, "big") for w in (header.format, len(tracks), tpq))
    end = b"\0" + smf.meta(0x2F, b"")
    bodies = [(b"" if i else tempo) + track.body + end for i, track in enumerate(tracks)]
    return b"MThd\0\0\0\6" + words + b"".join(map(smf.chunk, bodies)), mends


def announced(stated: int, count: int) -> str:
    """Says that the header announces another number of tracks than there are."""
    return f"the header announces {stated} track{'s' * (stated != 1)}, but the file holds {count}"


def summary(mends: list[str]) -> str:
    """The mends in one line."""
    more = len(mends) - _SAID
    rest = [f"and {more} more mends"] if more > 0 else []
    return "; ".join([*mends[:_SAID], *rest])


# ------------------------------------------------------------------ header


def _header(data: bytes, mends: list[str]) -> _Header:
    start = _start(data)
    if start is None:
        first = data.find(b"MTrk")
        if first >= 14 and data[first - 10 : first - 6] == b"\0\0\0\6":
            mends.append("the header's first letters are damaged")
            start = first - 14
        elif first == 0:
            mends.append(f"the header is missing, {ASSUMED_TPQ} ticks a quarter are assumed")
            return _Header(1, -1, ASSUMED_TPQ, 0.0, 0)
        else:
            raise MidiError("this is not a MIDI file: it does not begin with a whole MThd header")
    elif start and data[:4] != b"RIFF":
        mends.append(f"{start} bytes before the header are passed over")
    size = int.from_bytes(data[start + 4 : start + 8], "big")
    stop = start + 8 + size
    if size < 6 or not (data[stop : stop + 4] == b"MTrk" or size == 6):
        first = data.find(b"MTrk", start + 8)
        if first < 0:
            raise MidiError(f"the header is damaged: it gives its own length as {size} bytes")
        if size < 6 or first != stop:
            mends.append(f"the header gives its own length as {size} bytes, not 6")
        stop = first
    words = [
        int.from_bytes(data[i : i + 2], "big") for i in range(start + 8, min(stop, len(data)), 2)
    ]
    if len(words) < 2:
        raise MidiError("the header is damaged: it states neither format nor tracks")
    form, tracks, division = (*words, 0)[:3]
    if form > 2:
        mends.append(f"MIDI format {form} is unknown, and read as format 1")
        form = 1
    tpq, frame_ticks = _division(division, mends)
    return _Header(form, tracks, tpq, frame_ticks, stop)


def _start(data: bytes) -> int | None:
    """The byte at which the header begins: of several that could, one that a track follows."""
    if (start := smf.riff_start(data)) is not None:
        return start
    start = first = data.find(b"MThd")
    while start >= 0:
        if data[start + 14 : start + 18] == b"MTrk":
            return start
        start = data.find(b"MThd", start + 4)
    return first if first == 0 else None


def _division(division: int, mends: list[str]) -> tuple[int, float]:
    """Ticks a quarter, and ticks a second where those are stated instead."""
    if 0 < division < 0x8000:
        return division, 0.0
    rate = _SMPTE_RATES.get(256 - (division >> 8))
    if rate and division & 0xFF:
        return ASSUMED_TPQ, rate * (division & 0xFF)
    what = "no frame rate that is known" if division else "0 ticks a quarter"
    mends.append(f"the header states {what}, {ASSUMED_TPQ} ticks a quarter are assumed")
    return ASSUMED_TPQ, 0.0


# ------------------------------------------------------------------ tracks


class _Track(NamedTuple):
    """A track's events without its end, and the tempos left out of them."""

    body: bytes
    tempos: list[int]


def _tracks(data: bytes, header: _Header, mends: list[str]) -> list[_Track]:
    tracks: list[_Track] = []
    at, passed = header.stop, 0
    while at + 8 <= len(data) and len(tracks) < _MOST_TRACKS:
        if data[at : at + 4].upper() != b"MTRK":
            skipped = _alien(data, at)
            if not skipped and 0 < header.tracks <= len(tracks):
                break  # what is left of a longer file that was written over
            if not skipped:
                following = data.find(b"MTrk", at)
                if following < 0:
                    break
                passed += following - at
                skipped = following
            at = skipped
            continue
        if data[at : at + 4] != b"MTrk":
            mends.append(f"track {len(tracks) + 1} does not begin with the letters MTrk")
        track, at = _track(data, at + 8, header, len(tracks) + 1, mends)
        tracks.append(track)
    if passed:
        mends.append(f"{passed} bytes between the tracks are passed over")
    return tracks


def _alien(data: bytes, at: int) -> int:
    """The byte behind a chunk of another kind that begins at ``at``; 0 where none does."""
    kind, stop = data[at : at + 4], at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")
    if len(kind) < 4 or not all(0x20 <= c < 0x7F for c in kind):
        return 0
    return stop if stop == len(data) or _begins_chunk(data, stop) else 0


def _begins_chunk(data: bytes, at: int) -> bool:
    """Whether a chunk can begin at ``at``."""
    kind, stop = data[at : at + 4], at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")
    if kind == b"MTrk":
        return True
    return len(kind) == 4 and all(0x20 <= c < 0x7F for c in kind) and stop <= len(data)


def _track(
    data: bytes, start: int, header: _Header, number: int, mends: list[str]
) -> tuple[_Track, int]:
    """The track whose events begin at ``start``, and the byte behind its chunk."""
    stop = start + int.from_bytes(data[start - 4 : start], "big")
    sound = stop == len(data) or (stop < len(data) and _begins_chunk(data, stop))
    sound = sound and data.find(smf.END_OF_TRACK_CHUNK, start, stop) < 0
    following = data.find(b"MTrk", start)
    limit = stop if sound else (following if following >= 0 else len(data))
    tempo = not header.frame_ticks
    if sound and tempo and (body := _sound_body(data, start, stop)) is not None:
        return _Track(body, []), stop
    result = salvage(data, start, limit, header.tpq, tempo)
    if result.stop != stop and not sound:
        length = f"{result.stop - start:,} bytes, not {stop - start:,}"
        mends.append(f"track {number} has {length}")
    counts = Counter(result.mends)
    mends += [f"track {number}: {what}" for what in counts if counts[what]]
    return _Track(bytes(result.body), result.tempos), limit if sound else result.stop


def _sound_body(data: bytes, start: int, stop: int) -> bytes | None:
    """The events of a track without its end where they are sound, else None."""
    body = data[start:stop]
    if not body.endswith(b"\xff\x2f\0"):
        return None
    try:
        smf.parse(smf.header(ASSUMED_TPQ, 1) + smf.chunk(body))
    except MidiError:
        return None
    return body
