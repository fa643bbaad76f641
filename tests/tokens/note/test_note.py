"""The note scheme: Scores to steps and back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.errors import InputError
from cantilena.score import DRUMS, Score, Track
from cantilena.tokens.note import GRID, Header, NoteScheme, context
from makers import random_table, scores

SCHEME = NoteScheme()
SCHEMES = st.sampled_from(
    [SCHEME, NoteScheme(max_delta=24), NoteScheme(96, (1, 3, 12, 48), (40, 80, 120))]
)


@given(scores(), SCHEMES)
def test_decoding_what_was_encoded_gives_the_quantised_score(score: Score, scheme: NoteScheme):
    steps, header = scheme.encode(score)
    assert scheme.decode(steps, header) == scheme.quantise(score)


@given(scores(), SCHEMES)
def test_quantising_twice_changes_nothing(score: Score, scheme: NoteScheme):
    once = scheme.quantise(score)
    assert scheme.quantise(once) == once


@given(scores(), SCHEMES)
def test_quantised_notes_are_near_the_true_ones(score: Score, scheme: NoteScheme):
    table = scheme.table(score)
    true = {
        (int(o), int(i), int(p))
        for o, i, p in zip(
            np.floor(score.onset * GRID / score.tpq + 0.5),
            score.instrument,
            score.pitch,
            strict=True,
        )
    }
    assert {tuple(row) for row in table[:, :3].tolist()} == true
    order = [tuple(row) for row in table[:, :3].tolist()]
    assert order == sorted(set(order))


@given(scores(), SCHEMES)
def test_steps_keep_to_the_vocabulary_and_end_once(score: Score, scheme: NoteScheme):
    steps, _ = scheme.encode(score)
    assert steps.shape[1] == 5
    assert (steps >= 0).all() and (steps < scheme.sizes).all()
    assert (steps[:, 0] == scheme.end).tolist() == [False] * (len(steps) - 1) + [True]
    assert (steps[steps[:, 0] >= scheme.rest, 1:] == 0).all()


@given(scores(), SCHEMES)
def test_steps_and_extended_rows_tell_the_same(score: Score, scheme: NoteScheme):
    table = scheme.table(score)
    rows, steps = context.extend(table, scheme.max_delta), scheme.steps(table, end=False)
    assert (rows[:, 5] == steps[:, 0]).all()
    notes = rows[:, 1] >= 0
    assert (notes == (steps[:, 0] != scheme.rest)).all()
    assert (rows[notes, :5] == table).all()
    assert (rows[:, 0] == np.cumsum(steps[:, 0])).all()


@given(st.integers(0, 5000), SCHEMES)
def test_a_long_silence_becomes_rests(silence: int, scheme: NoteScheme):
    table = np.array([[0, 0, 60, 1, 1], [silence + 1, 0, 60, 1, 1]])
    steps = scheme.steps(table)
    rests, left = divmod(silence + 1, scheme.max_delta)
    assert steps[:, 0].tolist() == [0] + [scheme.rest] * rests + [left, scheme.end]
    assert (scheme.untable(steps) == table).all()


def test_the_empty_score():
    empty = Score.build(480, [Track("none", 3)], [], [], [], [], [], [(0, 400_000)], end=960)
    steps, header = SCHEME.encode(empty)
    assert steps.tolist() == [[SCHEME.end, 0, 0, 0, 0]]
    again = SCHEME.decode(steps, header)
    assert len(again) == 0 and again.end == 2 * GRID and again.tempo_us.tolist() == [400_000]


def test_the_header_keeps_time_keys_and_the_first_name_of_an_instrument():
    tracks = [Track("Geige", 40), Track("second", 40), Track("kit", 7, True)]
    score = Score.build(
        480,
        tracks,
        [0, 480, 960],
        [240] * 3,
        [60, 62, 38],
        [90] * 3,
        [0, 1, 2],
        tempos=[(0, 500_000), (960, 400_000)],
        metres=[(0, 3, 4), (1440, 6, 8)],
        keys=[(0, -2, 1)],
        end=5000,
    )
    quantised = SCHEME.quantise(score)
    assert [(t.name, t.instrument) for t in quantised.tracks] == [("Geige", 40), ("kit", DRUMS)]
    assert quantised.tempo_tick.tolist() == [0, 48] and quantised.tempo_us.tolist() == [
        500_000,
        400_000,
    ]
    assert quantised.metre_tick.tolist() == [0, 72] and quantised.key_fifths.tolist() == [-2]
    assert quantised.end == 250


def test_notes_equal_in_onset_instrument_and_pitch_become_the_longest_and_loudest():
    tracks = [Track("a", 0), Track("b", 0)]
    score = Score.build(24, tracks, [0, 0], [24, 6], [60, 60], [30, 110], [0, 1])
    quantised = SCHEME.quantise(score)
    assert (quantised.duration.tolist(), len(quantised), quantised.velocity[0] > 90) == (
        [24],
        1,
        True,
    )


@given(st.integers(1, 2000), st.integers(1, 127))
def test_classes_are_the_nearest(ticks: int, velocity: int):
    durations, velocities = np.array(SCHEME.durations), np.array(SCHEME.velocities)
    ratio = np.abs(np.log(durations / ticks))
    nearest = int(SCHEME.duration_class(np.array([ticks]))[0])
    assert ratio[nearest] == pytest.approx(ratio.min(), abs=1e-9)
    gap = np.abs(velocities - velocity)
    assert gap[int(SCHEME.velocity_class(np.array([velocity]))[0])] == gap.min()


GOOD = [[0, 0, 60, 4, 4], [0, 0, 64, 4, 4], [0, 40, 55, 4, 4], [12, 0, 60, 4, 4]]


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        (0, 0, -1),
        (0, 0, 194),
        (1, 1, 129),
        (1, 2, 128),
        (1, 3, 32),
        (1, 4, 8),
        (2, 4, -3),
        (1, 2, 60),
        (1, 2, 59),
        (2, 1, 0),  # pitch, then instrument, that does not rise
    ],
)
def test_bad_steps_are_refused(row: int, column: int, value: int):
    steps = np.array(GOOD)
    SCHEME.untable(steps)
    steps[row, column] = value
    with pytest.raises(InputError):
        SCHEME.untable(steps)


def test_steps_of_another_shape_are_refused():
    with pytest.raises(InputError):
        SCHEME.untable(np.zeros((3, 4), dtype=int))


def test_steps_after_the_end_are_not_read():
    steps = np.array([*GOOD, [SCHEME.end, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    assert len(SCHEME.untable(steps)) == len(GOOD)


def test_a_rest_alone_is_silence():
    assert len(SCHEME.decode(np.array([[SCHEME.rest, 0, 0, 0, 0]]), Header())) == 0


@given(SCHEMES)
def test_the_vocabulary_is_saved_as_plain_data(scheme: NoteScheme):
    data = json.loads(json.dumps(scheme.to_dict()))
    assert NoteScheme.from_dict(data) == scheme


@pytest.mark.parametrize("wrong", [{"scheme": "amt"}, {"grid": 12}, {"scheme": None}])
def test_another_vocabulary_is_refused(wrong: dict):
    with pytest.raises(InputError):
        NoteScheme.from_dict({**SCHEME.to_dict(), **wrong})
    with pytest.raises(InputError):
        NoteScheme.from_dict({})


def test_a_vocabulary_with_parts_missing_is_refused():
    data = SCHEME.to_dict()
    del data["durations"]
    with pytest.raises(InputError):
        NoteScheme.from_dict(data)


@given(st.integers(0, 2**32), SCHEMES)
def test_random_tables_go_round(seed: int, scheme: NoteScheme):
    table = random_table(np.random.default_rng(seed), 60, scheme=scheme)
    assert (scheme.untable(scheme.steps(table)) == table).all()
