"""The splice: what is outside stays exactly, what is inside is exactly what was put in."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.errors import InputError
from cantilena.score import Controls, Score, Track
from cantilena.score.controls import CHANNEL_PRESSURE, CONTROL_CHANGE, PITCH_BEND
from cantilena.score.splice import chased, inside, merged, released, splice, without
from cantilena.score.texts import MARKER, SYSEX, OpaqueEvent, Text

TPQ = 24
NOTES = ("onset", "duration", "pitch", "velocity", "track")
MAPS = ("tempo_us", "metre_num", "metre_den", "key_fifths", "key_minor")
TICKS = st.integers(0, 120)
KINDS = st.one_of(
    st.tuples(st.just(CONTROL_CHANGE), st.sampled_from((0, 7, 64)), st.integers(0, 127)),
    st.tuples(st.just(PITCH_BEND), st.just(0), st.integers(-8192, 8191)),
    st.tuples(st.just(CHANNEL_PRESSURE), st.just(0), st.integers(0, 127)),
)


@st.composite
def scores(draw: st.DrawFn, tpq: int = TPQ) -> Score:
    programs = draw(st.lists(st.integers(0, 3), min_size=1, max_size=5))
    tracks = [Track(f"part {i}", p, p == 3) for i, p in enumerate(programs)]
    place, owner = st.integers(0, 120 * tpq // TPQ), st.integers(0, len(tracks) - 1)
    notes = st.tuples(place, st.integers(1, 40), st.integers(60, 62), st.integers(1, 127), owner)
    rows = np.array(draw(st.lists(notes, max_size=30)), dtype=np.int64).reshape(-1, 5)
    moves = draw(st.lists(st.tuples(place, owner, KINDS), max_size=20))
    controls = [(tick, track, *what) for tick, track, what in moves]
    return Score.build(
        tpq,
        tracks,
        *rows.T,
        tempos=draw(st.lists(st.tuples(TICKS, st.integers(1, 10**6)), max_size=3)),
        metres=draw(st.lists(st.tuples(TICKS, st.integers(1, 7), st.just(4)), max_size=3)),
        keys=draw(st.lists(st.tuples(TICKS, st.integers(-7, 7), st.just(0)), max_size=3)),
        end=draw(TICKS),
        title=draw(st.text(max_size=3)),
        controls=Controls.build(*zip(*controls, strict=True)) if controls else Controls.build(),
    )


@st.composite
def spans(draw: st.DrawFn) -> list[tuple[int, int | None]]:
    ends = sorted(draw(st.lists(TICKS, min_size=1, max_size=6, unique=True)))
    pairs = list(zip(ends[::2], [*ends[1::2], None], strict=False))
    return [(start, stop) for start, stop in pairs]


def note_rows(score: Score, keep: np.ndarray, times: int = 1) -> list[tuple[int, ...]]:
    scale = np.array([times, times, 1, 1, 1])
    table = np.stack([getattr(score, name) for name in NOTES], axis=1) * scale
    return list(map(tuple, table[keep].tolist()))


def control_rows(score: Score, keep: np.ndarray, times: int = 1) -> list[tuple[int, ...]]:
    return list(zip(*(c[keep].tolist() for c in score.controls.finer(times).columns), strict=True))


def by_instrument(score: Score, rows: list[tuple[int, ...]], column: int) -> Counter:
    """The rows with the instrument in place of the track."""
    played = [score.tracks[row[column]].instrument for row in rows]
    return Counter(
        (*row[:column], i, *row[column + 1 :]) for row, i in zip(rows, played, strict=True)
    )


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from((1, 2, 5)))
def test_outside_is_the_base_and_inside_is_what_was_added(data: st.DataObject, times: int):
    base, added = data.draw(scores()), data.draw(scores(TPQ * times))
    where = data.draw(spans())
    numbers = st.sets(st.integers(0, len(base.tracks) - 1))
    tracks = data.draw(st.one_of(st.none(), numbers))
    result = splice(base, added, where, tracks)

    finer = [(a * times, None if b is None else b * times) for a, b in where]
    new = range(len(base.tracks), len(result.tracks))
    region = None if tracks is None else {*tracks, *new}
    for rows, tick, track in (
        (note_rows, lambda s: s.onset, lambda s: s.track),
        (control_rows, lambda s: s.controls.tick, lambda s: s.controls.track),
    ):
        out = ~inside(tick(base), track(base), where, tracks)
        within = inside(tick(result), track(result), finer, region)
        assert rows(result, ~within) == rows(base, out, times)
        column = 4 if rows is note_rows else 1
        music = rows(added, inside(tick(added), track(added), finer))
        assert by_instrument(result, rows(result, within), column) == by_instrument(
            added, music, column
        )

    assert result.tracks[: len(base.tracks)] == base.tracks
    assert {t.instrument for t in result.tracks[len(base.tracks) :]}.isdisjoint(
        base.tracks[i].instrument for i in (range(len(base.tracks)) if tracks is None else tracks)
    )
    assert (result.tpq, result.title) == (base.tpq * times, base.title)
    for name in ("tempo_tick", "metre_tick", "key_tick"):
        assert getattr(result, name).tolist() == (getattr(base, name) * times).tolist()
    for name in MAPS:
        assert getattr(result, name).tolist() == getattr(base, name).tolist()
    last = max((result.onset + result.duration).max(initial=0), base.end * times)
    last = max(last, result.controls.tick.max(initial=0))
    if where[-1][1] is None:
        last = max(last, added.end)
    assert result.end == last


@given(scores(), spans())
def test_a_score_into_itself_is_itself(score: Score, where):
    assert splice(score, score, where) == score
    assert splice(score, score, where, range(len(score.tracks))) == score


@given(scores(), spans())
def test_what_is_taken_out_can_be_put_back(score: Score, where):
    rest = without(score, where)
    assert splice(rest, score, where) == score
    assert not inside(rest.onset, rest.track, where).any()


def state(controls: Controls, tick: int) -> dict[tuple[int, ...], int]:
    """The value of every controller just before a tick; 0 is as good as none for what is held."""
    rows = zip(*(c.tolist() for c in controls.columns), strict=True)
    held = {(t, kind, number): value for at, t, kind, number, value in rows if at < tick}
    neutral = {what for what in held if what[1] != CONTROL_CHANGE or what[2] == 64}
    return {what: value for what, value in held.items() if value or what not in neutral}


@settings(max_examples=200, deadline=None)
@given(scores(), spans(), st.booleans())
def test_what_is_behind_a_region_sounds_as_before(score: Score, where, every: bool):
    banks = score.controls.is_bank_select
    score = replace(score, controls=score.controls.select(~banks))
    tracks = None if every else {0}
    chase = chased(score, where, tracks)
    assert inside(chase.tick, chase.track, where, tracks).all()
    after = without(score, where, tracks).controls.joined(chase)
    for _, stop in where:
        if stop is not None:
            assert state(after, stop) == state(score.controls, stop)


def test_pedals_and_bends_are_let_go_of_for_the_new_music():
    rows = [
        (0, 0, CONTROL_CHANGE, 64, 127),
        (0, 0, CONTROL_CHANGE, 66, 127),
        (0, 0, PITCH_BEND, 0, 50),
        (0, 0, CONTROL_CHANGE, 7, 90),
        (30, 0, CONTROL_CHANGE, 64, 0),
        (30, 0, CONTROL_CHANGE, 0, 3),
        (30, 0, CONTROL_CHANGE, 6, 3),
        (30, 0, PITCH_BEND, 0, 60),
        (40, 0, CONTROL_CHANGE, 7, 80),
    ]
    controls = Controls.build(*zip(*rows, strict=True))
    score = Score.build(24, [Track("", 0)], [0], [1], [60], [64], [0], controls=controls)
    chase = chased(score, [(24, 48)])
    assert list(zip(*(c.tolist() for c in chase.columns), strict=True)) == [
        (24, 0, CONTROL_CHANGE, 64, 0),  # 66 is down all the time: it is left so
        (24, 0, PITCH_BEND, 0, 0),
        (47, 0, CONTROL_CHANGE, 7, 80),
        (47, 0, PITCH_BEND, 0, 60),
    ]
    assert chased(score, [(24, None)]).tick.tolist() == [24, 24]
    assert not len(chased(score, [(41, 60)]))


def test_music_goes_to_the_track_of_its_name_or_with_most_notes():
    desks = [Track("Violin I", 40), Track("Violin II", 40), Track("Viola", 41)]
    base = Score.build(24, desks, [0, 0, 1, 0], [1] * 4, [60] * 4, [64] * 4, [0, 1, 1, 2])

    def place(track: Track, tracks: set[int] | None = None) -> tuple[int, int]:
        added = Score.build(24, [Track("idle", 7), track], [99], [1], [60], [64], [1])
        both = merged(base, added, tracks)
        return int(both.track[both.onset == 99][0]), len(both.tracks)

    assert place(Track("Violin I", 40)) == (0, 3)
    assert place(Track("Fiddle", 40)) == (1, 3)
    assert place(Track("Violin II", 40), {0, 2}) == (0, 3)
    assert place(Track("Violin II", 40), {2}) == (3, 4)
    assert place(Track("Flute", 73)) == (3, 4)


def test_what_cannot_be_spliced_is_refused():
    base = Score.build(24, [Track("", 0)], [0], [1], [60], [64], [0])
    other = Score.build(36, [Track("", 0)], [0], [1], [60], [64], [0])
    with pytest.raises(InputError, match="multiple of 24"):
        splice(base, other, [(0, None)])
    for wrong in ([(-1, 3)], [(5, 4)]):
        with pytest.raises(InputError, match="a span"):
            splice(base, base, wrong)
    for call in (lambda: splice(base, base, [(0, 1)], {1}), lambda: merged(base, base, {-1})):
        with pytest.raises(InputError, match="no track"):
            call()


def worded(*texts: Text, opaque: tuple[OpaqueEvent, ...] = ()) -> Score:
    """A note on each of two tracks, and texts."""
    tracks = [Track("voice", 52), Track("bass", 33)]
    notes = ([0, 0], [96, 96], [60, 40], [80, 80], [0, 1])
    return Score.build(TPQ, tracks, *notes, texts=texts, opaque=opaque)


def test_texts_outside_stay_and_those_inside_go_with_their_notes():
    mark, lost = Text(30, MARKER, "B"), Text(30, "lyric", "la", 0)
    sung, bass = Text(60, "lyric", "lo", 0), Text(30, "text", "pizz.", 1)
    message = OpaqueEvent(30, SYSEX, b"\x7e\x7f\x09\x01\xf7")
    base = worded(mark, lost, sung, bass, opaque=(message,))
    assert without(base, [(24, 48)], [0]).texts == (mark, bass, sung)
    new = Text(80, "lyric", "new", 0)
    added = Score.build(2 * TPQ, base.tracks[:1], [60], [9], [61], [70], [0], texts=[new])
    result = splice(base, added, [(24, 48)], [0])
    assert result.texts == (
        Text(60, MARKER, "B"),
        Text(60, "text", "pizz.", 1),
        Text(80, "lyric", "new", 0),
        Text(120, "lyric", "lo", 0),
    )
    assert result.opaque == (OpaqueEvent(60, SYSEX, message.data),)
    assert merged(base, worded(new)).texts == tuple(
        sorted([*base.texts, new], key=lambda t: t.tick)
    )


def test_music_that_goes_on_is_let_go_of():
    rows = [
        (0, 0, CONTROL_CHANGE, 64, 127),  # a pedal that stays down
        (0, 1, CONTROL_CHANGE, 64, 127),
        (9, 1, CONTROL_CHANGE, 64, 0),
        (0, 0, PITCH_BEND, 0, 8191),
        (0, 0, CONTROL_CHANGE, 7, 90),  # a volume that fades away, and a pan that stays
        (90, 0, CONTROL_CHANGE, 7, 0),
        (0, 0, CONTROL_CHANGE, 10, 20),
        (0, 1, CONTROL_CHANGE, 11, 30),  # an expression that rises
        (50, 1, CONTROL_CHANGE, 11, 100),
    ]
    base = replace(worded(), controls=Controls.build(*zip(*rows, strict=True)))
    loose = released(base, 96)
    assert sorted(zip(*(c.tolist() for c in loose.columns), strict=True)) == [
        (96, 0, CONTROL_CHANGE, 7, 90),
        (96, 0, CONTROL_CHANGE, 64, 0),
        (96, 0, PITCH_BEND, 0, 0),
    ]
    assert not len(released(worded(), 96))
