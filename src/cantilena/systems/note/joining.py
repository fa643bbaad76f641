"""New notes put into their span of a Score: in whose tracks, how long, how loud; the rest stays.

Knows rows of the scheme, Gaps and Scores; does not know the model, or how rows were chosen.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cantilena.score import DRUMS, Score, Track, gm
from cantilena.score.controls import CONTROL_CHANGE, Controls
from cantilena.score.splice import chased, inside, without
from cantilena.systems.note.casting import BOWED
from cantilena.systems.note.changes import Changes
from cantilena.systems.note.finishing import PartNotes
from cantilena.systems.note.rewriting import Gap, grid
from cantilena.text.brief.relative import LENGTH, LOUDNESS, RelativeWish
from cantilena.tokens.note import GRID, NoteScheme

PLAYED_CONTROLS = (1, 2, 11, *range(64, 70))
"""Control changes that belong to notes and go with them: modulation, breath, expression, pedals.
Others (volume, pan, banks, effects) set a track up and stay."""
LOUDNESS_FACTOR = {1: 1.25, -1: 0.75}
"""Mean velocity of a part that is to be louder or softer, to that of what stands there; the square
of it where it is to be much so."""
LENGTH_FACTOR = {1: 1.5, -1: 0.6}
"""The same for the mean length of notes that are to be longer or shorter."""

Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Onset, duration, pitch, velocity and track of notes, in ticks of their Score."""


@dataclass(frozen=True)
class Joined:
    """A Score with its span filled; ``new``: the notes that were put in, alone."""

    score: Score
    new: Score


def joined(
    gap: Gap,
    change: Changes,
    rows: Sequence[Sequence[int]],
    scheme: NoteScheme,
    added: dict[int, int],
) -> Joined:
    """The Gap's Score with the new notes of ``rows`` in place of those that are written anew. All
    else is kept, event by event; within the span pedals, bends and expression of these tracks go.
    New notes end with the span, and none begins while a kept one of its pitch sounds in its track.
    ``added``: the tracks that parts got that are added, by instrument; it is filled up."""
    score = gap.score
    tracks = list(score.tracks)
    rest = without(score, [(gap.start, gap.stop)], change.tracks)
    columns = [np.array([], dtype=np.int64)] * 5
    places = _places(gap, change, tracks, added)
    for part in gap.plan.parts:
        onset, length, pitch, velocity = _cut(gap, part.instrument, rows, scheme)
        track = _tracks_of(score, part.instrument, places[part.instrument], onset, pitch)
        own = (onset, length, pitch, velocity, track)
        columns = [np.concatenate(pair) for pair in zip(columns, own, strict=True)]
    notes = _wished(gap, change, tracks, _free(rest, _in_ticks(gap, columns)))
    return Joined(
        _built(score, rest, tracks, notes, _controls(score, gap, change.tracks)),
        _built(score, rest.select(np.zeros(len(rest), dtype=bool)), tracks, notes, None),
    )


def _built(
    score: Score, rest: Score, tracks: list[Track], notes: Columns, controls: Controls | None
) -> Score:
    """A Score of kept and new notes with the maps and texts of the piece; without ``controls`` the
    notes alone."""
    kept = (rest.onset, rest.duration, rest.pitch, rest.velocity, rest.track)
    both = [np.concatenate(pair) for pair in zip(kept, notes, strict=True)]
    more = {}
    if controls is not None:
        more = {
            "controls": controls,
            "texts": rest.texts,
            "opaque": score.opaque,
            "warnings": score.warnings,
        }
    return Score.build(
        score.tpq,
        tracks,
        *both,
        tempos=zip(score.tempo_tick, score.tempo_us, strict=True),
        metres=zip(score.metre_tick, score.metre_num, score.metre_den, strict=True),
        keys=zip(score.key_tick, score.key_fifths, score.key_minor, strict=True),
        end=score.end,
        title=score.title,
        **more,
    )


def _controls(score: Score, gap: Gap, tracks: Collection[int] | None) -> Controls:
    """All controls but those that belonged to the notes that are gone, and what sets these back."""
    spans, controls = [(gap.start, gap.stop)], score.controls
    played = (controls.kind != CONTROL_CHANGE) | np.isin(controls.number, PLAYED_CONTROLS)
    gone = played & inside(controls.tick, controls.track, spans, tracks)
    back = chased(replace(score, controls=controls.select(played)), spans, tracks)
    return controls.select(~gone).joined(back)


# ---------------------------------------------------------------------------- notes


def _cut(
    gap: Gap, instrument: int, rows: Sequence[Sequence[int]], scheme: NoteScheme
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Onset, length (grid ticks), pitch and velocity of a part's new notes, cut by its voices."""
    part = next(part for part in gap.plan.parts if part.instrument == instrument)
    kept = {tuple(row[:3]) for row in gap.kept.tolist()}
    start, stop = gap.span
    new = [
        row
        for row in rows
        if row[1] == instrument and start <= row[0] < stop and tuple(row[:3]) not in kept
    ]
    line = PartNotes(part)
    for row in new:
        line.push(row[0], row[2], scheme.durations[row[3]])
    velocity = [scheme.velocities[row[4]] for row in new]
    onset, length, pitch, loud = (
        np.array(column, dtype=np.int64)
        for column in (line.onset, line.length, line.pitch, velocity)
    )
    return onset, length, pitch, loud


def _places(
    gap: Gap, change: Changes, tracks: list[Track], added: dict[int, int]
) -> dict[int, list[int]]:
    """The tracks that each part's notes go to, the highest first; ``tracks`` receives new ones."""
    places: dict[int, list[int]] = {}
    new = {*change.added, *(new for _, new in change.replaced)}
    for part in gap.plan.parts:
        own = [t for t in sorted(gap.anew) if gap.score.tracks[t].instrument == part.instrument]
        if own and part.instrument not in change.added:
            places[part.instrument] = sorted(own, key=lambda t: -_height(gap.score, t))
            continue
        if part.instrument not in added:
            added[part.instrument] = len(tracks)
            drums = part.instrument == DRUMS
            name = part.name if part.instrument in new else gm.name(part.instrument).capitalize()
            tracks.append(Track(name, 0 if drums else part.instrument, drums))
        places[part.instrument] = [added[part.instrument]]
    return places


def _height(score: Score, track: int) -> float:
    own = score.pitch[score.track == track]
    return float(own.mean()) if len(own) else 0.0


def _tracks_of(
    score: Score, instrument: int, tracks: list[int], onset: np.ndarray, pitch: np.ndarray
) -> np.ndarray:
    """The track of each note (by onset, then pitch). Players of one voice divide each onset from
    the top; other tracks take the notes that are nearest to their own height."""
    place = np.full(len(onset), tracks[0], dtype=np.int64)
    if len(tracks) == 1 or not len(onset):
        return place
    if instrument in gm.MONOPHONIC or instrument in BOWED:
        _, first, count = np.unique(onset, return_index=True, return_counts=True)
        order = np.array(tracks)
        for at, n in zip(first.tolist(), count.tolist(), strict=True):
            place[at : at + n] = order[np.minimum(np.arange(n)[::-1], len(tracks) - 1)]
        return place
    heights = np.array([_height(score, track) for track in tracks])
    return np.array(tracks)[np.abs(pitch[:, None] - heights).argmin(1)]


def _in_ticks(gap: Gap, columns: Sequence[np.ndarray]) -> Columns:
    """The notes in the Score's ticks, counted from their bar lines, so that bars stay bars."""
    onset, length, pitch, velocity, track = columns
    lines, tpq = gap.score.bar_starts, gap.score.tpq
    on_grid = grid(lines, tpq)

    def moved(ticks: np.ndarray) -> np.ndarray:
        bar = np.clip(np.searchsorted(on_grid, ticks, side="right") - 1, 0, None)
        return lines[bar] + ((ticks - on_grid[bar]) * (2 * tpq) + GRID) // (2 * GRID)

    start = np.clip(moved(onset), gap.start, gap.stop - 1)
    stop = np.minimum(np.maximum(moved(onset + length), start + 1), gap.stop)
    return start, stop - start, pitch, velocity, track


def _free(rest: Score, notes: Columns) -> Columns:
    """The notes without those that a kept note of their pitch and track still sounds at, and
    without doubles: where the Score's ticks are coarse two may fall on one."""
    onset, _, pitch, _, track = notes
    keep = np.ones(len(onset), dtype=bool)
    seen: set[tuple[int, int, int]] = set()
    end = rest.onset + rest.duration
    for i, place in enumerate(zip(onset.tolist(), pitch.tolist(), track.tolist(), strict=True)):
        same = (rest.track == place[2]) & (rest.pitch == place[1])
        sounds = same & (rest.onset <= place[0]) & (end > place[0])
        keep[i] = place not in seen and not sounds.any()
        seen.add(place)
    onset, length, pitch, velocity, track = (column[keep] for column in notes)
    return onset, length, pitch, velocity, track


# ---------------------------------------------------------------------------- relative wishes


def _wished(gap: Gap, change: Changes, tracks: Sequence[Track], notes: Columns) -> Columns:
    """The notes louder or softer, longer or shorter, as they are asked for."""
    onset, length, pitch, velocity, track = notes
    old = gap.score.select(
        inside(gap.score.onset, gap.score.track, [(gap.start, gap.stop)], gap.anew)
    )
    old = old if len(old) else gap.score
    wish = change.wish(LOUDNESS)
    if wish is not None and len(velocity):
        due = float(old.velocity.mean()) * _factor(wish, LOUDNESS_FACTOR)
        velocity = np.clip(np.rint(velocity * (due / velocity.mean())), 1, 127).astype(np.int64)
    wish = change.wish(LENGTH)
    if wish is not None and len(length):
        due = float(old.duration.mean()) * _factor(wish, LENGTH_FACTOR)
        drums = np.array([t.is_drum for t in tracks])[track]
        length = np.where(drums, length, _lengths(gap, notes, due, wish.sign))
    return onset, length, pitch, velocity, track


def _factor(wish: RelativeWish, factors: dict[int, float]) -> float:
    return factors[wish.sign] ** (2 if wish.far else 1)


def _lengths(gap: Gap, notes: Columns, due: float, sign: int) -> np.ndarray:
    """Lengths no longer than ``due``; or, where they are to be longer, up to the next onset of the
    track, as far as they need it."""
    onset, length, _, _, track = notes
    if sign < 0:
        return np.minimum(length, max(1, round(due)))
    out = length.copy()
    for own in np.unique(track).tolist():
        where = np.flatnonzero(track == own)
        starts = np.unique(onset[where])
        after = np.searchsorted(starts, onset[where], side="right")
        following = np.append(starts, gap.stop)[after]
        room = following - onset[where]
        out[where] = np.maximum(length[where], np.minimum(room, max(1, round(2 * due))))
    return out
