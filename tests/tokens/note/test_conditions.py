"""Conditions: classes in range, "not given" always 0, words hashed the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.score.harmony import Key
from cantilena.text.labels import GENRES, MOODS
from cantilena.tokens.note.conditions import (
    BUCKETS,
    METRES,
    NO_INSTRUMENT,
    NOTHING,
    SCALARS,
    SLOTS,
    WORDS,
    Wished,
    conditions,
    hash_words,
    pieces,
    tempo_class,
)

NAMES = list(SCALARS)
WISHES = st.builds(
    Wished,
    genres=st.lists(st.sampled_from((*GENRES, "unheard of")), max_size=4),
    moods=st.lists(st.sampled_from((*MOODS, "unheard of")), max_size=4),
    key=st.none() | st.builds(Key, st.integers(0, 11), st.booleans()),
    bpm=st.none() | st.floats(0, 2000),
    metre=st.none() | st.sampled_from(METRES) | st.tuples(st.integers(1, 32), st.just(16)),
    density=st.none() | st.floats(0, 1000),
    polyphony=st.none() | st.floats(0, 60),
    swing=st.none() | st.booleans(),
    bars=st.none() | st.integers(1, 1000),
    drums=st.none() | st.booleans(),
    instruments=st.lists(st.integers(0, 128), max_size=20, unique=True),
    complete=st.booleans(),
    loudness=st.none() | st.floats(0, 7),
    text=st.text(max_size=60),
)


def scalar(name: str, **wishes: object) -> int:
    return int(conditions(Wished(**wishes)).scalars[NAMES.index(name)])  # type: ignore[arg-type]


@given(WISHES)
def test_every_wish_has_classes_in_range(wished: Wished):
    prefix = conditions(wished)
    assert prefix.scalars.shape == (len(SCALARS),) and prefix.scalars.dtype == np.int64
    assert (prefix.scalars >= 0).all() and (prefix.scalars < list(SCALARS.values())).all()
    assert prefix.slots.shape == (SLOTS,) and prefix.words.shape == (WORDS,)
    assert ((prefix.slots >= 0) & (prefix.slots <= NO_INSTRUMENT)).all()
    assert ((prefix.words >= 0) & (prefix.words < BUCKETS)).all()


@given(WISHES)
def test_what_is_not_given_is_zero_and_the_rest_is_not(wished: Wished):
    classes = dict(zip(NAMES, conditions(wished).scalars.tolist(), strict=True))
    for name, value in (
        ("key", wished.key),
        ("tempo", wished.bpm),
        ("metre", wished.metre),
        ("density", wished.density),
        ("polyphony", wished.polyphony),
        ("swing", wished.swing),
        ("length", wished.bars),
        ("drums", wished.drums),
        ("loudness", wished.loudness),
    ):
        assert (classes[name] == 0) == (value is None), name
    assert (classes["listing"] == 0) == (not wished.instruments)


def test_nothing_is_nothing():
    assert not NOTHING.scalars.any() and not NOTHING.words.any()
    assert (NOTHING.slots == NO_INSTRUMENT).all()


def test_instruments_keep_their_order_and_a_cut_list_is_not_complete():
    prefix = conditions(Wished(instruments=[40, 128, 0], complete=True))
    assert prefix.slots[:4].tolist() == [40, 128, 0, NO_INSTRUMENT]
    assert scalar("listing", instruments=[40], complete=True) == 2
    assert scalar("listing", instruments=[40], complete=False) == 1
    assert scalar("listing", instruments=list(range(20)), complete=True) == 1


def test_two_labels_at_most_are_told_and_unknown_ones_are_passed_over():
    given_ = ["no such", GENRES[3], GENRES[0], GENRES[5]]
    assert (scalar("genre1", genres=given_), scalar("genre2", genres=given_)) == (4, 1)


@given(st.floats(1, 2000), st.floats(1, 2000))
def test_tempo_classes_rise(a: float, b: float):
    low, high = sorted((a, b))
    assert 1 <= tempo_class(low) <= tempo_class(high) <= 24


@pytest.mark.parametrize(("bpm", "expected"), [(0, 1), (30, 1), (300, 24), (900, 24), (95, 13)])
def test_tempo_classes_are_logarithmic(bpm: float, expected: int):
    assert tempo_class(bpm) == expected


def test_known_and_other_metres():
    assert scalar("metre", metre=(4, 4)) == 1
    assert scalar("metre", metre=METRES[-1]) == len(METRES)
    assert scalar("metre", metre=(11, 8)) == len(METRES) + 1


def test_words_are_hashed_the_same_on_every_machine():
    hashes = hash_words("A slow, sad WALTZ in 3/4 for B♭ clarinet")
    assert list(pieces("A slow, sad WALTZ in 3/4")) == ["slow", "sad", "waltz", "3/4"]
    assert hashes[:4].tolist() == [GOLDEN[w] for w in ("slow", "sad", "waltz", "3/4")]
    assert hashes[4] > 0 and not hashes[6:].any()


GOLDEN = {"slow": 650, "sad": 3675, "waltz": 3625, "3/4": 2867}


@given(st.text(max_size=200))
def test_any_text_can_be_hashed_and_case_does_not_matter(text: str):
    hashes = hash_words(text)
    assert (hashes[: int((hashes > 0).sum())] > 0).all()
    plain = text.encode("ascii", "ignore").decode()
    assert (hash_words(plain.lower()) == hash_words(plain.upper())).all()


def test_a_long_text_is_cut():
    assert (hash_words(" ".join(f"word{i}" for i in range(100))) > 0).all()
