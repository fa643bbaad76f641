"""Features: whole tables at once against note by note, and never a look ahead."""

from __future__ import annotations

import json
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import NoteScheme, context
from cantilena.tokens.note.conditions import SCALARS
from cantilena.tokens.note.context import AT_INSTRUMENT, AT_ONSET, STATE, Frame, extend, features
from makers import random_frame, random_table

SCHEME = NoteScheme()
SEEDS = st.integers(0, 2**32)
CARD = resources.files("cantilena") / "checkpoints" / "note" / "card.json"


def tracked(rows: np.ndarray, frame: Frame, max_delta: int) -> tuple[list, list, list]:
    """The features of every step, END's state included, as the tracker gives them."""
    tracker = Tracker(frame, max_delta)
    state, onset, instrument = [], [], []
    for row in rows.tolist():
        state.append(tracker.state())
        onset.append(tracker.at_onset(row[5]))
        instrument.append(tracker.at_instrument(row[5], row[1]))
        tracker.push(row[5], *row[1:5])
    return [*state, tracker.state()], onset, instrument


def test_the_features_are_those_that_the_shipped_model_was_trained_on():
    """A class more or less would shift every feature behind it in the model's tables."""
    sizes = json.loads(CARD.read_text())["model"]
    assert list(sizes["state"].items()) == list(STATE.items())
    assert list(sizes["at_onset"].items()) == list(AT_ONSET.items())
    assert list(sizes["at_instrument"].items()) == list(AT_INSTRUMENT.items())
    assert list(sizes["scalars"].items()) == list(SCALARS.items())


def case(seed: int, longest: int = 300) -> tuple[np.random.Generator, np.ndarray, Frame]:
    rng = np.random.default_rng(seed)
    table = random_table(rng, int(rng.integers(1, 70)), longest)
    return rng, extend(table, SCHEME.max_delta), random_frame(rng, int(table[-1, 0]) + 1)


@settings(max_examples=80)
@given(SEEDS, st.sampled_from([193, 300, 1000]))
def test_the_tracker_gives_the_same_features_number_for_number(seed: int, longest: int):
    _, rows, frame = case(seed, longest)
    state, onset, instrument = features(rows, frame, 0, len(rows) + 1)
    by_note = tracked(rows, frame, SCHEME.max_delta)
    for columns, names, expected, n in (
        (state, STATE, by_note[0], len(rows) + 1),
        (onset, AT_ONSET, by_note[1], len(rows)),
        (instrument, AT_INSTRUMENT, by_note[2], len(rows)),
    ):
        assert list(columns) == list(names)
        notes = rows[:n, 1] >= 0 if names is AT_INSTRUMENT else np.ones(n, dtype=bool)
        table = np.stack(list(columns.values()), -1)[:n]
        # of a REST no instrument is predicted: what its memory says does not count
        assert table[notes].tolist() == np.array(expected)[notes].tolist()


@given(SEEDS)
def test_features_lie_in_their_classes(seed: int):
    _, rows, frame = case(seed)
    for columns, sizes in zip(
        features(rows, frame, 0, len(rows) + 1), (STATE, AT_ONSET, AT_INSTRUMENT), strict=True
    ):
        for name, size in sizes.items():
            assert columns[name].shape == (len(rows) + 1,)
            assert columns[name].min() >= 0 and columns[name].max() < size, name


@settings(max_examples=80)
@given(SEEDS)
def test_features_never_look_ahead(seed: int):
    """Steps from ``cut`` on are replaced by others: no feature read before they are chosen moves,
    and of step ``cut`` itself only what is chosen before a head reads it counts."""
    rng, rows, frame = case(seed)
    cut = int(rng.integers(0, len(rows)))
    base = rows[cut - 1, 0] if cut else 0
    other = extend(random_table(rng, 40), SCHEME.max_delta)
    other[:, 0] += base
    other[0, 5] = other[0, 0] - base
    if cut and (other[0, 0], other[0, 1], other[0, 2]) <= tuple(rows[cut - 1, :3]):
        other[:, 0] += 1
        other[0, 5] += 1
    changed = np.concatenate([rows[:cut], other])
    before = features(rows, frame, 0, cut + 1)
    after = features(changed, frame, 0, cut + 1)
    for name in STATE:
        assert (before[0][name] == after[0][name]).all(), name
    for part in (1, 2):
        for name in before[part]:
            assert (before[part][name][:cut] == after[part][name][:cut]).all(), name


@given(SEEDS)
def test_head_features_do_not_know_the_fields_they_predict(seed: int):
    """Pitch, duration and velocity of a step change none of the features its heads read; its
    instrument changes none that the instrument's head reads."""
    rng, rows, frame = case(seed)
    t = int(rng.integers(0, len(rows)))
    if rows[t, 1] < 0:
        return
    changed = rows.copy()
    low = rows[t - 1, 2] + 1 if t and (rows[t - 1, :2] == rows[t, :2]).all() else 0
    high = rows[t + 1, 2] if t + 1 < len(rows) and (rows[t + 1, :2] == rows[t, :2]).all() else 128
    changed[t, 2] = rng.integers(low, high)
    changed[t, 3:5] = rng.integers(0, 32), rng.integers(0, 8)
    one, two = (features(r, frame, t, t + 1) for r in (rows, changed))
    for part in range(3):
        for name in one[part]:
            assert one[part][name] == two[part][name], name
    assert set(AT_ONSET) == {"position", "left", "chord"}


@given(SEEDS)
def test_a_part_of_the_steps_has_the_features_of_the_whole(seed: int):
    rng, rows, frame = case(seed)
    start, stop = sorted(rng.integers(0, len(rows) + 1, 2).tolist())
    whole = features(rows, frame, 0, len(rows) + 1)
    part = features(rows, frame, start, stop + 1)
    real = min(stop + 1, len(rows)) - start  # head features of END are padding
    for k in range(3):
        n = stop + 1 - start if k == 0 else real
        for name in whole[k]:
            assert (whole[k][name][start : start + n] == part[k][name][:n]).all()


def test_echoes_are_what_followed_a_bar_ago():
    table = np.array([[0, 0, 60, 3, 2], [24, 0, 62, 4, 3], [96, 0, 60, 3, 2], [120, 0, 67, 9, 5]])
    frame = Frame(np.array([0, 96, 192]), np.zeros(0, int), np.zeros(0, int), 1)
    rows = extend(table, SCHEME.max_delta)
    state, _, memory = features(rows, frame, 0, 5)
    assert state["echo0_delta"].tolist() == [192, 192, 192, 24, 72]
    assert state["echo0_pitch"][3:].tolist() == [62, 60]
    assert state["echo0_duration"][3:].tolist() == [4, 3]
    assert memory["echo0_pitch"][:4].tolist() == [128, 128, 60, 62]
    assert memory["pitch1"][:4].tolist() == [128, 60, 62, 60]
    assert memory["since"][:4].tolist() == [98, 24, 72, 24]
    assert state["chord"].tolist() == [context.UNKNOWN_CHORD] * 5


@pytest.mark.parametrize(
    ("bars", "expected"), [(-3, 0), (0, 0), (32, 32), (33, 33), (41, 34), (96, 40), (900, 40)]
)
def test_classes_of_bars_left(bars: int, expected: int):
    assert context.left_class(np.array(bars)) == expected
    assert expected < context.UNKNOWN_LEFT


def test_rests_stand_before_the_note_and_end_where_it_needs_less_than_one():
    rows = extend(np.array([[500, 5, 60, 1, 1]]), 192)
    assert rows[:, 0].tolist() == [192, 384, 500]
    assert rows[:, 1].tolist() == [-1, -1, 5]
    assert rows[:, 5].tolist() == [192, 192, 116]
