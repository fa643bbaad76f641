"""The splice: music put into a Score in place of some of its own, the rest of which stays as it is.

Knows Scores, spans of ticks and tracks; does not know who wrote the music, or what was asked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from cantilena.errors import InputError
from cantilena.score.controls import (
    BANK_COARSE,
    BANK_FINE,
    CONTROL_CHANGE,
    NO_CONTROLS,
    Controls,
)
from cantilena.score.score import Score, Track
from cantilena.score.texts import finer_opaque, finer_texts, outside

Spans = Sequence[tuple[int, int | None]]
"""Half-open stretches of ticks (start, stop); ``stop`` None: no end."""

_PEDALS = range(64, 70)  # sustain, portamento, sostenuto, soft, legato, hold
_LOUDNESS = (7, 11)  # volume and expression
_IN_SEQUENCE = (BANK_COARSE, BANK_FINE, 6, 38, *range(96, 102), *range(120, 128))


def splice(base: Score, added: Score, spans: Spans, tracks: Collection[int] | None = None) -> Score:
    """``base`` with the music of ``added`` in place of its own within ``spans`` on ``tracks``.

    ``spans`` are in ticks of ``base``; ``tracks`` are numbers of ``base.tracks``, None for all. The
    notes that begin there and the controls and texts that stand there are replaced by those of
    ``added`` within ``spans``, which go to the tracks that ``merged`` says. All else of ``base`` is
    kept: notes, controls, texts, opaque events, tempo, metre, keys, title and tracks. It ends as
    before, or later where the new music does: with its last note or control, or, where a span has
    no end, with ``added``.

    ``added`` counts ticks on the same time line; it has as many a quarter as ``base``, or a
    multiple, which the result then has. Raises InputError where it does not, or where a span or a
    track cannot be.
    """
    rest, times, controls = without(base, spans, tracks), _times(base, added), added.controls
    finer = [(start * times, None if stop is None else stop * times) for start, stop in spans]
    music = replace(
        added.select(inside(added.onset, added.track, finer)),
        controls=controls.select(inside(controls.tick, controls.track, finer)),
        texts=tuple(text for text in added.texts if text not in outside([text], finer, None)),
    )
    open_ended = any(stop is None for _, stop in spans)
    end = added.end if open_ended else 0
    return _joined(rest, music, *_places(base, music, tracks), end)


def without(base: Score, spans: Spans, tracks: Collection[int] | None = None) -> Score:
    """What stays of a Score when the notes that begin within ``spans`` on ``tracks`` (None: all)
    are taken out, and the controls and texts that stand there; texts of the piece stay. Raises
    InputError as ``splice``."""
    for start, stop in spans:
        if start < 0 or (stop is not None and stop < start):
            raise InputError(f"a span goes from tick 0 or later to a later one, not {start}-{stop}")
    _check_tracks(base, tracks)
    controls = base.controls
    return replace(
        base.select(~inside(base.onset, base.track, spans, tracks)),
        controls=controls.select(~inside(controls.tick, controls.track, spans, tracks)),
        texts=outside(base.texts, spans, tracks),
    )


def released(base: Score, tick: int) -> Controls:
    """What has to be put at ``tick``, where music goes on behind all that is there, so that it is
    heard as it is written: pedals, bends and pressure are let go of, and a volume or expression
    that ends lower than it stood for most of the time, as after a fade, is set back."""
    controls = base.controls
    key = (controls.track * 256 + controls.kind) * 128 + controls.number
    order = np.argsort(key, kind="stable")
    rows: list[tuple[int, ...]] = []
    for what in np.unique(key).tolist():
        changes = order[slice(*np.searchsorted(key[order], (what, what + 1)))]
        kind, number = what // 128 % 256, what % 128
        values = controls.value[changes]
        now = rest = int(values[-1])
        if kind != CONTROL_CHANGE or number in _PEDALS:
            rest = 0
        elif number in _LOUDNESS:
            lasting = np.diff(controls.tick[changes], append=tick)
            rest = max(now, int(np.bincount(values, weights=lasting).argmax()))
        if rest != now:
            rows.append((tick, what // (128 * 256), kind, number, rest))
    return Controls.build(*zip(*rows, strict=True)) if rows else NO_CONTROLS


def chased(base: Score, spans: Spans, tracks: Collection[int] | None = None) -> Controls:
    """What has to be put where ``without`` took controls out, unless the new music has its own: so
    that nothing hangs in it, and what is behind it sounds as before.

    Of each controller that changed within a span: pedals, bends and pressure are let go of where it
    starts, and the value that it had at the end is set on the span's last tick. Of controllers that
    mean something only in sequence (banks, parameter numbers and their data, modes) nothing is.
    """
    controls = base.controls
    key = (controls.track * 256 + controls.kind) * 128 + controls.number
    order = np.argsort(key, kind="stable")
    key, tick, value = key[order], controls.tick[order], controls.value[order]
    in_sequence = (controls.kind == CONTROL_CHANGE) & np.isin(controls.number, _IN_SEQUENCE)
    rows: list[tuple[int, ...]] = []
    for start, stop in spans:
        gone = inside(tick, controls.track[order], [(start, stop)], tracks) & ~in_sequence[order]
        for own in np.unique(key[gone]).tolist():
            first, last = np.searchsorted(key, (own, own + 1)).tolist()
            times = tick[first:last]
            before = first + int(np.searchsorted(times, start))
            after = last if stop is None else first + int(np.searchsorted(times, stop))
            kind, number = own // 128 % 256, own % 128
            held = kind != CONTROL_CHANGE or number in _PEDALS
            now = int(value[before - 1]) if before > first else (0 if held else None)
            what = (own // (128 * 256), kind, number)
            if held and now:
                rows.append((start, *what, now := 0))
            if stop is not None and value[after - 1] != now:
                rows.append((stop - 1, *what, int(value[after - 1])))
    return Controls.build(*zip(*rows, strict=True)) if rows else NO_CONTROLS


def merged(base: Score, added: Score, tracks: Collection[int] | None = None) -> Score:
    """``base`` with the notes, controls and texts of all tracks of ``added`` besides its own; its
    tempo, metre, keys, title, other texts and opaque events stay. It ends with the later of the
    two.

    Music goes to the track of its instrument, among ``tracks`` (numbers of ``base.tracks``; None
    for all): where there are several, to one of its name, and of these to the one with most notes.
    Tracks of other instruments are appended. Ticks are as in ``splice``. Raises InputError where
    they are not, or a track is not there.
    """
    _check_tracks(base, tracks)
    return _joined(base, added, *_places(base, added, tracks), added.end)


def inside(
    tick: np.ndarray, track: np.ndarray, spans: Spans, tracks: Collection[int] | None = None
) -> np.ndarray:
    """(N,) bool: which ticks are within ``spans``, on ``tracks`` (None: any)."""
    within = np.zeros(len(tick), dtype=bool)
    for start, stop in spans:
        within |= (tick >= start) & (True if stop is None else tick < stop)
    return within if tracks is None else within & np.isin(track, list(tracks))


def _check_tracks(base: Score, tracks: Collection[int] | None) -> None:
    for track in tracks or ():
        if not 0 <= track < len(base.tracks):
            raise InputError(f"there is no track {track}: the piece has {len(base.tracks)}, from 0")


def _times(base: Score, added: Score) -> int:
    """How many ticks of ``added`` are one of ``base``."""
    times, rest = divmod(added.tpq, base.tpq)
    if rest:
        raise InputError(
            f"the new music has {added.tpq} ticks a quarter; it needs a multiple of {base.tpq}"
        )
    return times


def _places(
    base: Score, added: Score, tracks: Collection[int] | None
) -> tuple[list[Track], np.ndarray]:
    """The tracks of both, and the number among them of each track of ``added``; those of other
    instruments that have neither notes, controls nor texts are left out."""
    every = list(base.tracks)
    free = range(len(every)) if tracks is None else sorted(tracks)
    notes = np.bincount(base.track, minlength=len(every))
    used = {*added.track.tolist(), *added.controls.track.tolist(), *(t.track for t in added.texts)}
    place = np.zeros(len(added.tracks), dtype=np.int64)
    for number, track in enumerate(added.tracks):
        same = [i for i in free if every[i].instrument == track.instrument]
        if same:
            place[number] = max(same, key=lambda i: (every[i].name == track.name, notes[i], -i))
        elif number in used:
            place[number] = len(every)
            every.append(track)
    return every, place


def _joined(base: Score, added: Score, tracks: list[Track], place: np.ndarray, end: int) -> Score:
    """Both Scores' notes, controls and texts in ``tracks``, those of ``added`` at their
    ``place``."""
    times = _times(base, added)
    notes = (
        np.concatenate(pair)
        for pair in (
            (base.onset * times, added.onset),
            (base.duration * times, added.duration),
            (base.pitch, added.pitch),
            (base.velocity, added.velocity),
            (base.track, place[added.track]),
        )
    )
    controls = replace(added.controls, track=place[added.controls.track])
    words = [replace(t, track=int(place[t.track])) for t in added.texts if t.track is not None]
    return Score.build(
        added.tpq,
        tracks,
        *notes,
        tempos=zip(base.tempo_tick * times, base.tempo_us, strict=True),
        metres=zip(base.metre_tick * times, base.metre_num, base.metre_den, strict=True),
        keys=zip(base.key_tick * times, base.key_fifths, base.key_minor, strict=True),
        end=max(base.end * times, end),
        title=base.title,
        controls=base.controls.finer(times).joined(controls),
        texts=(*finer_texts(base.texts, times), *words),
        opaque=finer_opaque(base.opaque, times),
        warnings=base.warnings,
    )
