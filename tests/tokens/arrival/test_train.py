"""Training windows of the arrival scheme."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import arrival_plain as plain
from cantilena.errors import InputError
from cantilena.tokens.arrival import controls as ops
from cantilena.tokens.arrival import train
from cantilena.tokens.arrival.vocab import AMT


def piece(notes: int = 150, seed: int = 0, parts: tuple[int, ...] = (0, 33, 128)) -> list[int]:
    rng = np.random.default_rng(seed)
    time = np.cumsum(rng.integers(0, 40, notes))
    note = AMT.note + 128 * rng.choice(parts, notes) + rng.integers(30, 90, notes)
    return (
        np.stack([time, AMT.duration + rng.integers(1, 99, notes), note], axis=1).ravel().tolist()
    )


@given(plain.MANY, st.integers(0, 2**32))
@settings(max_examples=30)
def test_all_ten_variants_say_the_same_notes(events: list[int], seed: int):
    variants = list(train.variants(events, seed))
    assert [name for name, _ in variants] == list(train.VARIANTS) and len(variants) == 10
    assert np.array_equal(variants[0][1], ops.pad(events))
    for _, tokens in variants:
        assert np.array_equal(ops.revert(tokens), ops.in_order(events))


def test_variants_take_out_what_their_names_say():
    events = piece(2000)
    shares: list[float] = []
    for name, tokens in train.variants(events, 3):
        rest, controls = ops.split(tokens)
        own = set(ops.instruments(ops.unpad(rest)).tolist())
        taken = set(ops.instruments(controls).tolist())
        if name == "plain":
            assert not taken
        elif name == "instruments":
            assert own and taken and not own & taken
        elif name == "random":
            shares.append(len(controls) / len(events))
            assert own == taken == {0, 33, 128}
    assert all(abs(10 * s - round(10 * s)) < 0.4 for s in shares) and len(set(shares)) == 4


def test_one_instrument_stays_whole():
    for name, tokens in train.variants(piece(parts=(7,))):
        if name == "instruments":
            assert not len(ops.split(tokens)[1])


def test_variants_depend_on_seed_and_number_alone():
    a, b = piece(seed=1), piece(seed=2)
    alone = [t.tolist() for _, t in train.variants(b, 5, piece=1)]
    beside = [t.tolist() for _, t in train.sequences([a, b], 5)][10:]
    assert alone == beside
    assert alone != [t.tolist() for _, t in train.variants(b, 6, piece=1)]
    assert alone != [t.tolist() for _, t in train.variants(b, 5, piece=2)]


def by_hand(sequences: list[tuple[bool, np.ndarray]]) -> list[list[int]]:
    """Packed window by window, triple by triple."""
    rows: list[tuple[int, int, int]] = []
    owner: list[bool] = []
    for augmented, tokens in sequences:
        sequence = [(AMT.separator,) * 3, *plain.rows(tokens)]
        rows += sequence
        owner += [augmented] * len(sequence)
    out = []
    for i in range(0, len(rows) - 340, 341):
        window = plain.window(plain.flat(rows[i : i + 341]))
        if window is not None:
            out.append([AMT.anticipate if owner[i] else AMT.autoregress, *window])
    return out


@given(st.lists(plain.MANY, min_size=1, max_size=2), st.integers(0, 99))
@settings(max_examples=25)
def test_packing_equals_a_plain_loop(pieces: list[list[int]], seed: int):
    sequences = list(train.sequences(pieces, seed))
    counts: Counter[str] = Counter()
    windows = [w.tolist() for w in train.pack(iter(sequences), dropped=counts)]
    assert windows == by_hand(sequences)
    triples = sum(1 + len(t) // 3 for _, t in sequences)
    assert triples == 341 * (counts["windows"] + counts["span"]) + counts["end"]


def test_windows_have_a_flag_start_at_0_and_keep_to_the_vocabulary():
    flags: Counter[int] = Counter()
    pieces = [piece(400, seed) for seed in range(6)]
    for window in train.windows(pieces, 1):
        assert window.shape == (AMT.context,) and window.dtype == np.int64
        assert window.min() >= 0 and window.max() < AMT.size
        rows = ops.triples(window, flag=True)
        flags[int(window[0])] += 1
        parts = np.flatnonzero(rows[:, 2] == AMT.separator)
        head = rows[: parts[0]] if len(parts) else rows
        time = ops.real(head, AMT)[:, 0]
        assert len(head) == 0 or time.min() == 0
        assert (ops.real(rows, AMT)[rows[:, 2] != AMT.separator, 0] < AMT.times).all()
    assert set(flags) == {AMT.autoregress, AMT.anticipate}
    assert flags[AMT.anticipate] > 5 * flags[AMT.autoregress]


def test_windows_that_span_too_much_are_dropped_and_counted():
    slow = [t for i in range(500) for t in (2_000 * i, 10_005, 11_060)]
    counts: Counter[str] = Counter()
    assert list(train.pack([(False, np.array(slow))], dropped=counts)) == []
    assert counts == {"span": 1, "windows": 0, "end": 501 - 341}


def test_windows_stream():
    def endless() -> Iterator[list[int]]:
        seed = 0
        while True:
            yield piece(seed=seed)
            seed += 1

    first = [w.tolist() for w in islice(train.windows(endless(), 2), 8)]
    assert first == [w.tolist() for w in islice(train.windows(endless(), 2), 8)]
    assert first != [w.tolist() for w in islice(train.windows(endless(), 3), 8)]


def test_pieces_are_refused_for_what_they_are():
    fine = piece(150)
    assert train.refusal(fine) is None
    assert train.refusal(fine[: 3 * 99]) == "short"
    assert train.refusal([5, 10_000, 11_000] * 200) == "short"
    late = [*fine, 360_001, 10_000, 11_000]
    assert train.refusal(late) == "long"
    assert train.refusal([*fine, 360_000, 10_000, 11_000]) is None
    assert train.refusal(piece(400, parts=tuple(range(17)))) == "instruments"
    assert train.refusal(piece(400, parts=tuple(range(16)))) is None
    assert list(train.sequences([fine[:30], late])) == []


def test_an_unknown_variant_names_the_known_ones():
    with pytest.raises(InputError, match="spans"):
        train.controls_of([], "no such", np.random.default_rng(0))
