"""What holds for every scheme and any Score."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import assume, given, settings

from cantilena.score import Score
from cantilena.tokens import SCHEMES, scheme_of
from makers import scores

NEED_NOTES = {"frames", "remi", "symphony"}
"""Published schemes, which have no word for a piece without notes."""


@pytest.mark.parametrize("name", SCHEMES)
@settings(max_examples=40)  # of each scheme: random Scores are dear to draw
@given(score=scores())
def test_decoding_what_was_encoded_gives_the_quantised_score(name: str, score: Score):
    assume(name not in NEED_NOTES or len(score))
    scheme = SCHEMES[name]()
    steps, header = scheme.encode(score)
    assert steps.shape[1:] == (len(scheme.sizes),)
    bounded = steps
    if name == "arrival":  # onsets count from the piece's start until windows are cut
        bounded = np.delete(steps, np.s_[::3], axis=0)
    assert (steps >= 0).all() and (bounded < scheme.sizes).all()
    assert scheme.decode(steps, header) == scheme.quantise(score)


@pytest.mark.parametrize("name", SCHEMES)
@settings(max_examples=40)  # of each scheme: random Scores are dear to draw
@given(score=scores())
def test_quantising_twice_changes_nothing(name: str, score: Score):
    assume(name not in NEED_NOTES or len(score))
    scheme = SCHEMES[name]()
    once = scheme.quantise(score)
    assert scheme.quantise(once) == once


@pytest.mark.parametrize("name", SCHEMES)
def test_a_vocabulary_is_data(name: str):
    scheme = SCHEMES[name]()
    assert scheme_of(json.loads(json.dumps(scheme.to_dict()))) == scheme
