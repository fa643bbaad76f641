"""How long notes last, and where the music of a file ends.

Knows how ends of notes belong to their beginnings, and that a file may go on long after its music;
does not know parts nor a file's bytes.
"""

from __future__ import annotations

import numpy as np

from cantilena.score.midi import smf
from cantilena.score.midi.channels import is_control

REST_BARS = 4
"""Bars without a note that may close a piece; what goes on for longer after them is no music, but
an end-of-track or a tempo that a sequencer left far behind."""


def note_lengths(group: np.ndarray, tick: np.ndarray, on: np.ndarray) -> np.ndarray:
    """(E,) durations of the note-ons among note events (at note-offs: no meaning); -1 of those that
    last as long as their track.

    ``group`` tells which events belong together (track, voice and pitch). In a group the first note
    to begin is the first to end; a note-off while nothing sounds is ignored. Where notes of a group
    never end, that rule would shift every end by one, so there each note ends with the next event
    of its group, the last with its track.
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
        loose = ons[~whole]
        duration[loose] = np.where(same, t[ahead] - t, -1)[loose]
    result = np.empty(n, dtype=np.int64)
    result[order] = duration
    return result


def music_ends(events: smf.Events, on: np.ndarray, duration: np.ndarray) -> tuple[np.ndarray, int]:
    """(n_tracks,) the tick up to which each track belongs to the music, and how many bars without
    any were left out behind it.

    That is the track's end, unless its sequence (all tracks; in a format 2 file each) goes on for
    more than ``REST_BARS`` bars behind the bar in which its last note ends or, soon after it, its
    last control stands. Then it is the end of that bar, or that of the tracks with notes where only
    others go on for so long. ``on`` (E,) and ``duration`` (E,) are those of
    the events, the ``duration`` -1 where a note is never closed.
    """
    n = len(events.end)
    sequence = np.arange(n) if events.format == 2 else np.zeros(n, dtype=np.int64)
    n_sequences = n if events.format == 2 else 1
    at = np.flatnonzero(on)
    last = np.zeros(n_sequences, dtype=np.int64)
    stops = events.tick[at] + np.maximum(duration[at], 1)
    np.maximum.at(last, sequence[events.track[at]], stops)
    end = np.zeros(n_sequences, dtype=np.int64)
    np.maximum.at(end, sequence, events.end)
    metres = _metres(events, sequence)
    bars = [_bar(metres.get(i, []), events.tpq, t) for i, t in enumerate(last.tolist())]
    line, bar = np.array(bars, dtype=np.int64).reshape(-1, 2).T
    late = end > line + REST_BARS * bar
    if not late.any():
        return events.end, 0
    control = np.flatnonzero(is_control(events.status))
    where = sequence[events.track[control]]
    soon = events.tick[control] <= (line + REST_BARS * bar)[where]
    np.maximum.at(last, where[soon], events.tick[control[soon]])
    for i in late.nonzero()[0].tolist():
        line[i], bar[i] = _bar(metres.get(i, []), events.tpq, int(last[i]))
    with_notes = np.bincount(events.track[at], minlength=n) > 0
    close = np.zeros(n_sequences, dtype=np.int64)
    np.maximum.at(close, sequence[with_notes], events.end[with_notes])
    music = np.where((close > line + REST_BARS * bar) | (close < last), line, close)
    limit = np.where(late, np.minimum(music, end), end)
    ends = np.minimum(events.end, limit[sequence])
    return ends, int(((end - limit) // bar).max())


def _metres(events: smf.Events, sequence: np.ndarray) -> dict[int, list[tuple[int, int, int]]]:
    """Ticks, numerators and denominators of each sequence's metres, by tick."""
    metres: dict[int, list[tuple[int, int, int]]] = {}
    for m in events.metas:
        if (metre := read_metre(m)) is not None:
            metres.setdefault(int(sequence[m.track]), []).append((m.tick, *metre))
    return {i: sorted(rows, key=lambda row: row[0]) for i, rows in metres.items()}


def read_metre(m: smf.Meta) -> tuple[int, int] | None:
    """The metre that a meta event states, None where it states none that can be."""
    if m.type != smf.METRE or len(m.data) < 2 or not m.data[0] or m.data[1] > 6:
        return None
    return m.data[0], 1 << m.data[1]


def _bar(metres: list[tuple[int, int, int]], tpq: int, tick: int) -> tuple[int, int]:
    """The first bar line at or after a tick, and the ticks of a bar there."""
    start, num, den = 0, 4, 4
    following: int | None = None
    for when, *metre in metres:
        if when >= tick:
            following = when
            break
        start, (num, den) = when, metre
    bar = max(1, round(4 * tpq * num / den))
    line = start + -(-(tick - start) // bar) * bar
    return (line if following is None else min(line, following)), bar
