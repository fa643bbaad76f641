"""Rests, controls, anticipation and windows of arrival sequences."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import arrival_plain as plain
from cantilena.errors import InputError
from cantilena.tokens.arrival import controls as ops
from cantilena.tokens.arrival.vocab import AMT

CHOICE = st.integers(0, 2**32)


def chosen(tokens: list[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Some of the events as controls."""
    rng = np.random.default_rng(seed)
    return ops.extract_random(tokens, rng, rng.random())


@given(plain.EVENTS, st.sampled_from([None, 0, 90, 101, 5_000, 100_000]))
def test_padding_equals_a_plain_loop(tokens: list[int], end: int | None):
    padded = ops.pad(tokens, end)
    assert padded.tolist() == plain.pad(tokens, end or 0)
    assert ops.unpad(padded).tolist() == tokens
    assert (np.diff(padded[::3], prepend=0) <= AMT.resolution).all()


@given(plain.EVENTS, CHOICE, st.booleans())
def test_anticipation_equals_a_plain_loop(tokens: list[int], seed: int, padded: bool):
    events, controls = chosen(tokens, seed)
    events = ops.pad(events, int(max(tokens[::3], default=0))) if padded else events
    mixed, left = ops.anticipate(events, controls)
    assert (mixed.tolist(), left.tolist()) == plain.anticipate(events, controls)


@given(plain.EVENTS, CHOICE)
def test_what_was_interleaved_comes_apart_again(tokens: list[int], seed: int):
    events, controls = chosen(tokens, seed)
    padded = ops.pad(events, int(max(tokens[::3], default=0)))
    mixed, left = ops.anticipate(padded, controls)
    back, used = ops.split(mixed)
    assert np.array_equal(back, padded)
    assert np.array_equal(np.concatenate([used, left]), controls)
    whole = ops.revert(np.concatenate([mixed, left]))
    assert np.array_equal(whole, ops.in_order(tokens))


@given(plain.EVENTS, CHOICE)
def test_a_control_comes_5_seconds_early_and_no_sooner(tokens: list[int], seed: int):
    events, controls = chosen(tokens, seed)
    mixed, _ = ops.anticipate(ops.pad(events, int(max(tokens[::3], default=0))), controls)
    before = 0
    for time, _, note in plain.rows(mixed):
        if note >= AMT.control:
            assert before >= time - AMT.control - AMT.anticipation
        else:
            before = time


@given(plain.EVENTS, st.lists(plain.INSTRUMENT))
def test_instruments_are_taken_out_whole(tokens: list[int], wanted: list[int]):
    events, controls = ops.extract_instruments(tokens, wanted)
    assert set(ops.instruments(events).tolist()).isdisjoint(wanted)
    assert set(ops.instruments(controls).tolist()) <= set(wanted)
    both = Counter(plain.rows(events)) + Counter(plain.rows(controls - AMT.control))
    assert both == Counter(plain.rows(tokens))


def test_random_spans_last_5_seconds_and_leave_gaps_between():
    tokens = [t for i in range(40_000) for t in (10 * i, 10_005, 11_060)]
    events, controls = ops.extract_spans(tokens, np.random.default_rng(0))
    time = controls[::3] - AMT.control
    begins = time[np.diff(time, prepend=-1000) > 10]
    ends = time[np.diff(time, append=10**7) > 10]
    assert (ends - begins == 490).all()  # notes from its begin until 5 s later
    gaps = begins[1:] - ends[:-1]
    assert len(begins) > 100 and 1_500 < gaps.mean() < 2_500
    assert len(events) + len(controls) == len(tokens)


def test_spans_open_at_once_where_the_gap_is_nothing():
    class Eager:
        def exponential(self, mean: float) -> float:
            return 0.0

    tokens = [t for i in range(300) for t in (10 * i, 10_005, 11_060)]
    events, controls = ops.extract_spans(tokens, Eager())  # type: ignore[arg-type]
    assert not len(events) and len(controls) == len(tokens)


@given(plain.EVENTS, CHOICE, st.sampled_from(["", "flag", "separator", "both"]))
def test_relativising_equals_a_plain_loop(tokens: list[int], seed: int, with_: str):
    rng = np.random.default_rng(seed)
    events, controls = chosen(tokens, seed)
    mixed, left = ops.anticipate(ops.pad(events, max(tokens[::3], default=0)), controls)
    rows = np.concatenate([mixed, left]).reshape(-1, 3)
    rows = rows[rng.integers(0, len(rows) + 1) :]
    if with_ in ("separator", "both"):
        stop = [[AMT.separator] * 3]
        rows = np.concatenate([rows, stop, ops.triples(tokens[:9])])
    flag = [AMT.anticipate] if with_ in ("flag", "both") else []
    flat = np.concatenate([np.array(flag, dtype=np.int64), rows.reshape(-1)])
    expected = plain.window(rows.reshape(-1))
    if expected is None:
        with pytest.raises(InputError, match="100 s"):
            ops.relativise(flat)
    else:
        assert ops.relativise(flat).tolist() == flag + expected


def test_wrong_kinds_of_sequence_are_named():
    event, control = (
        [5, 10_000, 11_000],
        [AMT.control + 5, AMT.control + 10_000, AMT.control + 11_000],
    )
    rest = [100, 10_000, AMT.rest]
    for call, word in (
        (lambda: ops.pad(control), "not controls"),
        (lambda: ops.pad([*rest, *event]), "time order"),
        (lambda: ops.pad(event, 10**12), "24 hours"),
        (lambda: ops.pad([10**12, 10_000, 11_000]), "triple 0"),
        (lambda: ops.anticipate(event, event), "controls alone"),
        (lambda: ops.anticipate(control, control), "not controls"),
        (lambda: ops.anticipate(event, [AMT.control + 9, *control[1:], *control]), "time order"),
        (lambda: ops.extract_instruments(rest, [0]), "before rests"),
        (lambda: ops.extract_instruments(event, [129]), "no instrument 129"),
        (lambda: ops.revert([*event, *[AMT.separator] * 3]), "several pieces"),
        (lambda: ops.triples([AMT.control + 5, 10_000, AMT.control + 11_000]), "triple 0"),
        (lambda: ops.triples([5, 11_000, 11_000]), "triple 0"),
        (lambda: ops.triples([AMT.autoregress, *event]), "threes"),
    ):
        with pytest.raises(InputError, match=word):
            call()


def test_nothing_is_a_sequence_too():
    empty: list[int] = []
    assert ops.pad(empty).tolist() == ops.unpad(empty).tolist() == empty
    assert [a.tolist() for a in ops.anticipate(empty, empty)] == [[], []]
    assert ops.pad(empty, 250)[::3].tolist() == [100, 200]
    assert ops.relativise(empty).tolist() == ops.revert(empty).tolist() == empty
    assert ops.instruments(empty).tolist() == empty
