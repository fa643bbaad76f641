"""What became of a rewrite: its Score, its new notes as Events, and its report.

Knows Scores, Changes and rows; does not know the model, or how notes were chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from cantilena.score import Score, Track
from cantilena.score.splice import inside
from cantilena.systems.base import Note, NoteMade
from cantilena.systems.note.changes import Changes
from cantilena.text.brief.relative import SYNCOPATION
from cantilena.text.report import report
from cantilena.text.report.rewriting import relative_rows
from cantilena.text.report.rows import Row
from cantilena.text.wishes import Brief


def settled(
    score: Score, new: Sequence[Score], change: Changes, added: Mapping[int, int]
) -> tuple[Score, list[Score]]:
    """The Score and the new notes; an instrument that replaces another everywhere takes its track
    over, where one of its own was made for it."""
    new = list(new)
    for old, instrument in change.replaced:
        own = added.get(instrument)
        tracks = [t for t in sorted(change.tracks or ()) if score.tracks[t].instrument == old]
        if own is None or own != len(score.tracks) - 1 or len(tracks) != 1:
            continue
        there = tracks[0]
        if not (score.track == there).any():
            score = _moved(score, own, there)
            new = [_moved(one, own, there) for one in new]
    return score, new


def _moved(score: Score, track: int, to: int) -> Score:
    """The last track's notes in another track, which takes its instrument and name over."""
    tracks = list(score.tracks)
    last: Track = tracks.pop(track)
    tracks[to] = last
    number = np.where(score.track == track, to, score.track)
    return Score.build(
        score.tpq,
        tracks,
        score.onset,
        score.duration,
        score.pitch,
        score.velocity,
        number,
        tempos=zip(score.tempo_tick, score.tempo_us, strict=True),
        metres=zip(score.metre_tick, score.metre_num, score.metre_den, strict=True),
        keys=zip(score.key_tick, score.key_fifths, score.key_minor, strict=True),
        end=score.end,
        title=score.title,
        controls=score.controls,
        texts=score.texts,
        opaque=score.opaque,
        warnings=score.warnings,
    )


def notes_of(score: Score, new: Sequence[Score]) -> Iterator[NoteMade]:
    """The new notes, as they are in the Score."""
    lines = score.bar_starts
    for one in new:
        ends = score.seconds(np.stack([one.onset, one.onset + one.duration]))
        bars = np.searchsorted(lines, one.onset, side="right")
        for i in range(len(one)):
            start, stop = float(ends[0, i]), float(ends[1, i])
            yield NoteMade(
                Note(
                    start,
                    stop - start,
                    int(one.pitch[i]),
                    int(one.velocity[i]),
                    int(one.instrument[i]),
                    int(bars[i]),
                )
            )


def rewrite_rows(
    brief: Brief,
    change: Changes,
    base: Score,
    score: Score,
    new: Sequence[Score],
    spans: Sequence[tuple[int, int]],
) -> tuple[Row, ...]:
    """The report: what the Brief asks, measured on all that sounds in the spans; what must not
    sound, what is relative, and who plays of those that join, on the new notes. Lengths are the
    file's own: they are told where parts were added to a whole piece, and otherwise no affair of a
    span's."""
    music = _excerpt(score, spans)
    added = _merged(new)
    plain = replace(brief, bars=None, bars_range=None, seconds=None, seconds_range=None)
    if change.wish(SYNCOPATION):  # its row says it against what stood there
        figures = tuple(w for w in brief.figures if w.part or w.value != SYNCOPATION)
        plain = replace(plain, figures=figures)
    rows = list(
        report(replace(plain, excluded=(), only=brief.only and change.tracks is None), music)
    )
    if change.roles and brief.instruments:
        (who,) = report(Brief(instruments=brief.instruments), added)
        rows = [who if row.wish == who.wish else row for row in rows]
    if brief.excluded:
        rows += report(Brief(excluded=brief.excluded), added)
    if change.roles:
        lengths = Brief(
            bars=brief.bars,
            bars_range=brief.bars_range,
            seconds=brief.seconds,
            seconds_range=brief.seconds_range,
        )
        rows += report(lengths, score)
    if not change.relative:
        return tuple(rows)
    tracks = change.tracks
    before = base.select(inside(base.onset, base.track, spans, tracks))
    kept = {t for t in set(added.track.tolist()) if t < len(base.tracks)}
    after = added.select(np.isin(added.track, sorted(kept))) if len(before) else added
    bars = sum(_bars(base, span) for span in spans)
    return (*rows, *relative_rows(change.relative, before, after, max(bars, 1e-6)))


def _bars(score: Score, span: tuple[int, int]) -> float:
    """How many bars a span has."""
    lines = score.bar_starts.astype(float)
    first, last = np.interp(np.array(span, dtype=float), lines, np.arange(len(lines)))
    return float(last - first)


def _merged(scores: Sequence[Score]) -> Score:
    """The notes of Scores of one time line, whose last one has all tracks."""
    last = scores[-1]
    columns = [
        np.concatenate([getattr(one, name) for one in scores])
        for name in ("onset", "duration", "pitch", "velocity", "track")
    ]
    return Score.build(
        last.tpq,
        last.tracks,
        *columns,
        metres=zip(last.metre_tick, last.metre_num, last.metre_den, strict=True),
        end=last.end,
    )


def _excerpt(score: Score, spans: Sequence[tuple[int, int]]) -> Score:
    """What sounds in some spans, one behind the other, from tick 0, in the tempo and metre in which
    the first begins."""
    columns: list[list[np.ndarray]] = [[], [], [], [], []]
    at = 0
    for start, stop in spans:
        one = score.select(inside(score.onset, score.track, [(start, stop)]))
        columns[0].append(one.onset - start + at)
        columns[1].append(np.minimum(one.duration, stop - one.onset))
        for column, values in zip(columns[2:], (one.pitch, one.velocity, one.track), strict=True):
            column.append(values)
        at += stop - start
    first = spans[0][0] if spans else 0
    tempo = int(np.searchsorted(score.tempo_tick, first, side="right")) - 1
    metre = int(np.searchsorted(score.metre_tick, first, side="right")) - 1
    return Score.build(
        score.tpq,
        score.tracks,
        *(np.concatenate(column) if column else [] for column in columns),
        tempos=[(0, int(score.tempo_us[tempo]))],
        metres=[(0, int(score.metre_num[metre]), int(score.metre_den[metre]))],
        end=at,
    )
