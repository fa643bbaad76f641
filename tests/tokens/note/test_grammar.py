"""The Grammar: whatever is sampled under it decodes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import Header, NoteScheme
from cantilena.tokens.note.context import Frame
from cantilena.tokens.note.grammar import NoteGrammar

SCHEME = NoteScheme()
GRAMMAR = NoteGrammar(SCHEME)
FRAME = Frame(np.arange(0, 9700, 96), np.zeros(0, int), np.zeros(0, int), 99)


def wander(rng: np.random.Generator, crowded: bool, most: int = 40) -> np.ndarray:
    """Steps drawn evenly from what the Grammar allows; ``crowded`` keeps to few onsets and to
    the edges of instruments and pitches, where masks may leave nothing."""
    tracker = Tracker(FRAME, SCHEME.max_delta)
    steps = []
    while len(steps) < most:
        made: list[int] = []
        for k, size in enumerate(SCHEME.sizes):
            mask = GRAMMAR.bias(k, tracker, made)
            allowed = np.arange(size) if mask is None else np.flatnonzero(np.isfinite(mask))
            assert len(allowed), f"nothing is left for field {k}"
            if crowded:
                likely = {0: (0, 0, 0, 7, SCHEME.rest), 1: (126, 127, 128), 2: (0, 125, 126, 127)}
                wanted = [v for v in likely.get(k, ()) if v in allowed]
                made.append(int(rng.choice(wanted or allowed)))
            else:
                made.append(int(rng.choice(allowed)))
            if k == 0 and made[0] == SCHEME.end:
                return np.array([*steps, [SCHEME.end, 0, 0, 0, 0]])
        rest = made[0] == SCHEME.rest
        steps.append([made[0], 0, 0, 0, 0] if rest else made)
        tracker.push(*made)
    return np.array([*steps, [SCHEME.end, 0, 0, 0, 0]])


@given(st.integers(0, 2**32), st.booleans())
def test_all_that_the_grammar_allows_decodes(seed: int, crowded: bool):
    steps = wander(np.random.default_rng(seed), crowded)
    table = SCHEME.untable(steps)
    SCHEME.decode(steps, Header())
    order = [tuple(row) for row in table[:, :3].tolist()]
    assert order == sorted(set(order))


@given(st.integers(0, 2**32))
def test_the_grammar_forbids_only_what_the_scheme_forbids(seed: int):
    """Every note after the one before, in the scheme's order, is allowed."""
    rng = np.random.default_rng(seed)
    tracker = Tracker(FRAME, SCHEME.max_delta)
    tracker.push(3, int(rng.integers(129)), int(rng.integers(128)), 4, 4)
    last = tracker.rows[-1]
    for instrument, pitch in rng.integers(0, [129, 128], (30, 2)).tolist():
        made = [0, instrument, pitch]
        allowed = all(
            (mask := GRAMMAR.bias(k, tracker, made[:k])) is None or np.isfinite(mask[made[k]])
            for k in range(3)
        )
        assert allowed == ((instrument, pitch) > last[1:3])


def test_a_piece_holds_at_least_one_step():
    mask = GRAMMAR.bias(0, Tracker(FRAME, SCHEME.max_delta), [])
    assert mask is not None
    assert np.flatnonzero(~np.isfinite(mask)).tolist() == [SCHEME.end]


@pytest.mark.parametrize(("instrument", "pitch"), [(128, 127), (127, 127), (128, 126)])
def test_the_last_values_of_an_onset_leave_a_way_on(instrument: int, pitch: int):
    tracker = Tracker(FRAME, SCHEME.max_delta)
    tracker.push(0, instrument, pitch, 0, 0)
    onset = GRAMMAR.bias(0, tracker, [])
    stands_still = onset is None or np.isfinite(onset[0])
    mask = GRAMMAR.bias(1, tracker, [0])
    assert mask is not None
    assert stands_still == np.isfinite(mask).any()


def test_after_a_rest_everything_is_open():
    tracker = Tracker(FRAME, SCHEME.max_delta)
    tracker.push(0, 128, 127, 0, 0)
    tracker.push(SCHEME.rest, 0, 0, 0, 0)
    assert GRAMMAR.bias(0, tracker, []) is None
    assert GRAMMAR.bias(1, tracker, [0]) is None
    assert GRAMMAR.bias(2, tracker, [0, 0]) is None
