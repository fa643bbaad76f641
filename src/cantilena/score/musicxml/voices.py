"""Staves and voices: which notes share a stem, and where each note ends on paper.

Knows chords, hands and voices; does not know bars, note values or spelling. Notation shows the
rhythm rather than the exact performance: a note that overlaps the next a little is shortened, a
small gap before the next note is filled, and short notes on the beat become staccato eighths.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cantilena.score.musicxml.metre import EIGHTH, QUARTER, SHORTEST, SIXTEENTH

MAX_VOICES = 2
"""Voices of one staff; more are shortened into these."""

Note = tuple[int, int, int]  # onset, end, pitch

# Lengths of drum notes that need no tie: parts of a beat, plain and in tuplets, and dotted values.
_HITS = frozenset(n * QUARTER // d for d in (1, 2, 3, 4, 5, 6, 7, 8) for n in range(1, d + 1))
_HITS |= {3 * EIGHTH}
_HITS -= {n * QUARTER // d for n, d in ((5, 8), (7, 8), (5, 6))}
_LITTLE = QUARTER // 6
"""The longest overlap or gap that is but a way of playing."""


@dataclass
class Event:
    """A note or chord of one voice, from ``start`` to ``end`` ticks: ``pitches`` rise;
    ``graces`` are pitches of ornaments before it; ``staccato`` that it sounds half as long."""

    start: int
    end: int
    pitches: list[int]
    graces: list[int] = field(default_factory=list)
    staccato: bool = False


def hands(notes: Sequence[Note]) -> tuple[list[Note], list[Note]]:
    """Notes (sorted by onset) for the upper and the lower staff of a keyboard instrument.

    Each hand keeps near where it was, spans a tenth at most if it can, and rarely crosses
    middle C by much.
    """
    upper: list[Note] = []
    lower: list[Note] = []
    right, left, last = 70.0, 50.0, 0
    i = 0
    while i < len(notes):
        j = i
        while j < len(notes) and notes[j][0] == notes[i][0]:
            j += 1
        chord = sorted(notes[i:j], key=lambda n: n[2])
        rest = min(1.0, (chord[0][0] - last) / (4 * QUARTER))
        right, left, last = right + rest * (70 - right), left + rest * (50 - left), chord[0][0]
        pitches = [n[2] for n in chord]
        k = min(range(len(chord) + 1), key=lambda k: _reach(pitches[:k], pitches[k:], left, right))
        lower += chord[:k]
        upper += chord[k:]
        if k:
            left += 0.4 * (sum(pitches[:k]) / k - left)
        if k < len(chord):
            right += 0.4 * (sum(pitches[k:]) / (len(chord) - k) - right)
        i = j
    return upper, lower


def _reach(low: list[int], high: list[int], left: float, right: float) -> float:
    """How awkward it is to play ``low`` and ``high`` with hands that were at ``left, right``."""
    cost = sum(0.6 * max(0, 57 - p) for p in high) + sum(0.6 * max(0, p - 63) for p in low)
    for hand, where in ((low, left), (high, right)):
        if hand:
            cost += 2 * max(0, hand[-1] - hand[0] - 14)
            cost += 0.15 * abs(sum(hand) / len(hand) - where)
    return cost


def drum_voices(
    notes: Iterable[tuple[int, int]], feet: frozenset[int], beats: Sequence[int]
) -> list[list[Event]]:
    """Hands and feet of a drummer. ``notes`` are (onset, pitch), ``feet`` the pitches played by
    foot, ``beats`` sorted ticks at which each sound ends at the latest; a hit lasts to the next
    of its voice or to the end of its beat. The list has one voice where all is hands or all
    feet."""
    voices: list[dict[int, list[int]]] = [{}, {}]
    for onset, pitch in notes:
        voices[pitch in feet].setdefault(onset, []).append(pitch)
    out = []
    for voice in filter(None, voices):
        starts = sorted(voice)
        events = []
        for start, after in zip(starts, [*starts[1:], beats[-1]], strict=True):
            end = min(after, beats[bisect_right(beats, start)])
            if end - start not in _HITS:  # a rest is clearer than a tie
                end = min(end, start + EIGHTH - start % EIGHTH)
            events.append(Event(start, end, sorted(set(voice[start]))))
        out.append(events)
    return out or [[]]


def voices(
    notes: Sequence[Note], graces: Sequence[tuple[int, int]], stop: int
) -> list[list[Event]]:
    """The voices of one staff, each a list of Events that do not overlap, the upper voice first.

    ``notes`` are sorted by onset; ``graces`` are (onset of the note they lead to, pitch);
    ``stop`` is the tick of the last bar line.
    """
    if not notes:
        return [[]]
    starts = sorted({n[0] for n in notes})
    trimmed, crossing = _trim(notes, starts)
    limit = MAX_VOICES if crossing > 0.15 * len(starts) or _is_chordal(notes, starts) else 1
    slices: dict[int, dict[int, list[int]]] = {}
    for onset, end, pitch in trimmed:
        slices.setdefault(onset, {}).setdefault(end, []).append(pitch)
    lines: list[list[Event]] = [[] for _ in range(limit)]
    for start in starts:
        _place(_chords(start, slices[start], set(starts), limit), lines)
    lines = _untangle(lines)
    for voice in lines:
        _round_off(voice, stop)
    for onset, pitch in graces:
        for voice in lines:
            event = next((e for e in voice if e.start == onset), None)
            if event is not None:
                event.graces.append(pitch)
                break
    return lines


def _trim(notes: Sequence[Note], starts: list[int]) -> tuple[list[Note], int]:
    """Shortens notes that overlap the next onset by accident; counts those that do so on
    purpose: by at least half their length, or up to where another note starts."""
    places, trimmed, crossing = set(starts), [], 0
    for onset, end, pitch in notes:
        i = bisect_right(starts, onset)
        after = starts[i] if i < len(starts) else end
        over = end - after
        if over > 0:
            if over <= _LITTLE or (2 * over < end - onset and end not in places):
                end = after
            else:
                crossing += 1
        trimmed.append((onset, end, pitch))
    return trimmed, crossing


def _is_chordal(notes: Sequence[Note], starts: list[int]) -> bool:
    """Whether at least a tenth of the onsets have several notes: no single line."""
    return len(notes) - len(starts) > 0.1 * len(starts)


def _chords(start: int, ends: dict[int, list[int]], starts: set[int], limit: int) -> list[Event]:
    """The notes of one onset as at most ``limit`` chords, the highest first. Lengths that differ
    for no audible reason (the shorter ends where nothing starts) are made one."""
    groups = [Event(start, end, sorted(ends[end])) for end in sorted(ends)]
    i = 0
    while i + 1 < len(groups):
        short, long = groups[i], groups[i + 1]
        alike = short.end not in starts and 2 * (short.end - start) >= long.end - start
        if alike:
            groups[i : i + 2] = [Event(start, long.end, sorted(short.pitches + long.pitches))]
        else:
            i += 1
    while len(groups) > limit:
        i = min(range(len(groups) - 1), key=lambda i: groups[i + 1].end - groups[i].end)
        a, b = groups[i], groups[i + 1]
        groups[i : i + 2] = [Event(start, b.end, sorted(a.pitches + b.pitches))]
    return sorted(groups, key=lambda e: -sum(e.pitches) / len(e.pitches))


def _place(chords: list[Event], lines: list[list[Event]]) -> None:
    """Gives the chords of one onset to voices, cutting short what sounds there if none is free:
    the latest started first."""
    start = chords[0].start
    busy = [i for i, v in enumerate(lines) if v and v[-1].end > start]
    busy.sort(key=lambda i: lines[i][-1].start)
    while len(lines) - len(busy) < len(chords):
        lines[busy.pop()][-1].end = start
    free = [i for i in range(len(lines)) if i not in busy]
    for i, chord in zip(free, chords, strict=False):
        lines[i].append(chord)


def _untangle(lines: list[list[Event]]) -> list[list[Event]]:
    """Swaps two voices between moments when both are silent, so that the first is the higher."""
    if len(lines) < 2 or not lines[1]:
        return lines[:1]
    tagged = sorted(((e, v) for v, voice in enumerate(lines) for e in voice), key=_by_start)
    out: list[list[Event]] = [[], []]
    region: list[tuple[Event, int]] = []
    reach = 0
    for event, voice in [*tagged, (Event(10**12, 10**12, []), 0)]:
        if region and event.start >= reach:
            _settle(region, out)
            region = []
        region.append((event, voice))
        reach = max(reach, event.end)
    return [v for v in out if v]


def _by_start(tagged: tuple[Event, int]) -> tuple[int, int]:
    return tagged[0].start, tagged[1]


def _settle(region: list[tuple[Event, int]], out: list[list[Event]]) -> None:
    pitches: list[list[int]] = [[], []]
    for event, voice in region:
        pitches[voice] += event.pitches
    first, second = ((sum(p) / len(p) if p else None) for p in pitches)
    swap = first is None or (second is not None and first < second)
    for event, voice in region:
        out[voice ^ swap].append(event)


def _round_off(voice: list[Event], stop: int) -> None:
    """Fills small gaps, turns short notes on the eighth into staccato eighths, and lets long ones
    end on an eighth."""
    for event, after in zip(voice, [*voice[1:], None], strict=True):
        length = event.end - event.start
        room = (after.start if after else stop) - event.start
        gap = room - length
        if gap > 0 and (gap <= _LITTLE or (gap <= SIXTEENTH and 2 * gap <= length)):
            event.end += gap
        elif length <= SIXTEENTH and _is_plain(event.start, room) and room >= EIGHTH:
            event.end = event.start + EIGHTH
            event.staccato = True
        elif gap > 0 and length > EIGHTH:
            event.end = max(_without_tail(event.end, event.start + room), event.start + EIGHTH)


def _is_plain(start: int, room: int) -> bool:
    """Whether a note is on an eighth and the next one is not within a tuplet of 5 or 7."""
    return start % EIGHTH == 0 and (room >= QUARTER or room % (SHORTEST // 3) == 0)


def _without_tail(end: int, room: int) -> int:
    """The end of a long note before a rest: a sixteenth or less after a beat it ends on the beat,
    a sixteenth before the next one, or before ``room`` ends, there."""
    past = end % QUARTER
    if past % EIGHTH == 0:
        return end
    if past <= QUARTER // 3:
        return end - past
    after = end + QUARTER - past
    return after if past >= 3 * SIXTEENTH and after <= room else end
