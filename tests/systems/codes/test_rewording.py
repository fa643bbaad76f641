"""Texts as training varies them: shares, order, and what of them is left."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from cantilena.systems.codes.rewording import Rewording, merged

TEXT = "A calm waltz for piano."
FACTS = {"key": "C major", "bpm": "110", "genre": "classical"}
TRIALS = 4_000


def texts(rewording: Rewording, text: str = TEXT) -> list[str]:
    rng = np.random.default_rng(0)
    return [rewording.of(text, FACTS, rng) for _ in range(TRIALS)]


def test_by_default_nothing_changes_and_nothing_is_drawn():
    rng = np.random.default_rng(0)
    assert Rewording().of(TEXT, FACTS, rng) == TEXT
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_facts_stand_behind_a_text_or_in_its_place(share: float):
    results = texts(Rewording(merge=share))
    fact, kept = "key: C major", TEXT.rstrip(".")
    assert np.mean([fact in text for text in results]) == pytest.approx(share / 2, abs=0.03)
    assert np.mean([kept in text for text in results]) == pytest.approx(1 - share / 2, abs=0.03)
    for text in results:
        parts = text.split(". ") if text not in (TEXT, "") else []
        pairs = [part for part in parts if part != kept]
        assert set(pairs) <= {f"{name}: {value}" for name, value in FACTS.items()}
        assert len(set(pairs)) == len(pairs) and kept not in parts[1:]


def test_facts_stand_in_any_order():
    orders = Counter(
        tuple(pair.split(":")[0] for pair in text.split(". "))
        for text in texts(Rewording(merge=1.0), "")
        if text.count(":") == 3
    )
    assert len(orders) == 6
    assert max(orders.values()) < 1.5 * min(orders.values())


def test_nothing_may_be_left():
    rng = np.random.default_rng(0)
    results = Counter(merged(TEXT, {}, rng) for _ in range(TRIALS))
    assert set(results) == {"", TEXT.rstrip(".")}
    assert results[""] / TRIALS == pytest.approx(0.5, abs=0.03)


def test_words_are_left_out_as_often_as_asked():
    words = TEXT.split()
    results = [text.split() for text in texts(Rewording(word_dropout=0.3))]
    for word in words:
        assert np.mean([word in left for left in results]) == pytest.approx(0.7, abs=0.03)
    for left in results:
        assert left == [word for word in words if word in left]  # in their order
    assert set(texts(Rewording(word_dropout=1.0))) == {""}
