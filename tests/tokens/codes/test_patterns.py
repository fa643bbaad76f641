"""Patterns against the matrices that audiocraft prints, and what holds for all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.errors import InputError, UnknownNameError
from cantilena.tokens.codes import PATTERNS, Pattern, pattern

CARD = 99
S = CARD


def numbered(books: int = 4, frames: int = 5) -> np.ndarray:
    """(1, K, T) codes: the entry "kt" is book k, from 1, and frame t."""
    return (np.arange(1, books + 1)[:, None] * 10 + np.arange(frames))[None]


def rows(text: str) -> list[list[int]]:
    """A printed matrix; "S" is the special token."""
    return [[S if c == "S" else int(c) for c in line.split()] for line in text.split("\n") if line]


MATRICES = {
    ("parallel", ()): """
S 10 11 12 13 14
S 20 21 22 23 24
S 30 31 32 33 34
S 40 41 42 43 44
""",
    ("delay", ()): """
S 10 11 12 13 14 S  S  S
S S  20 21 22 23 24 S  S
S S  S  30 31 32 33 34 S
S S  S  S  40 41 42 43 44
""",
    ("partial-delay", ()): """
S 10 11 12 13 14 S
S S  20 21 22 23 24
S S  30 31 32 33 34
S S  40 41 42 43 44
""",
    ("partial-flatten", ()): """
S 10 S  11 S  12 S  13 S  14 S
S S  20 S  21 S  22 S  23 S  24
S S  30 S  31 S  32 S  33 S  34
S S  40 S  41 S  42 S  43 S  44
""",
    ("flatten", ()): """
S 10 S S S 11 S S S 12 S S S 13 S S S 14 S S S
S S 20 S S S 21 S S S 22 S S S 23 S S S 24 S S
S S S 30 S S S 31 S S S 32 S S S 33 S S S 34 S
S S S S 40 S S S 41 S S S 42 S S S 43 S S S 44
""",
    ("valle", ()): """
S 10 11 12 13 14 S  S  S  S  S
S S  S  S  S  S  20 21 22 23 24
S S  S  S  S  S  30 31 32 33 34
S S  S  S  S  S  40 41 42 43 44
""",
    ("musiclm", (("group", 2),)): """
S 10 S 11 S 12 S 13 S 14 S S S S S S S S S S S
S S 20 S 21 S 22 S 23 S 24 S S S S S S S S S S
S S S S S S S S S S S 30 S 31 S 32 S 33 S 34 S
S S S S S S S S S S S S 40 S 41 S 42 S 43 S 44
""",
    ("delay", (("delays", (0, 0, 2, 3)),)): """
S 10 11 12 13 14 S  S  S
S 20 21 22 23 24 S  S  S
S S  S  30 31 32 33 34 S
S S  S  S  40 41 42 43 44
""",
    ("valle", (("delays", (0, 1, 2)),)): """
S 10 11 12 13 14 S  S  S  S  S  S  S
S S  S  S  S  S  20 21 22 23 24 S  S
S S  S  S  S  S  S  30 31 32 33 34 S
S S  S  S  S  S  S  S  40 41 42 43 44
""",
}


@pytest.mark.parametrize(("name", "options"), MATRICES)
def test_a_pattern_is_the_printed_matrix(name: str, options: tuple):
    expected = rows(MATRICES[name, options])
    sequence, mask = pattern(name, 4, 5, CARD, **dict(options)).build(numbered())
    assert sequence[0].tolist() == expected
    assert mask.tolist() == [[value != S for value in row] for row in expected]


def test_every_pattern_but_multi_rate_is_printed():
    assert {name for name, _ in MATRICES} == set(PATTERNS) - {"multi-rate"}


def test_multi_rate_is_top_middle_and_bottom_in_turns():
    codes = numbered(3, 8)
    sequence, _ = pattern("multi-rate", 3, 8, CARD).build(codes)
    assert sequence[0].tolist() == rows("""
S 10 S  S  S  S  S  S  11 S  S  S  S  S  S
S S  20 21 S  S  S  S  S  22 23 S  S  S  S
S S  S  S  30 31 32 33 S  S  S  34 35 36 37
""")


def test_multi_rate_has_no_codes_behind_the_end_of_a_slow_book():
    layout = pattern("multi-rate", 3, 8, CARD)
    back, mask = layout.revert(layout.build(numbered(3, 8))[0])
    assert mask.sum(axis=1).tolist() == [2, 4, 8]
    assert back[0, 0].tolist() == [10, 11, S, S, S, S, S, S]
    assert back[0, 1].tolist() == [20, 21, 22, 23, S, S, S, S]


def test_multi_rate_takes_other_rates():
    layout = pattern("multi-rate", 2, 6, CARD, rates=[1, 3])
    assert layout.build(numbered(2, 6))[0][0].tolist() == rows("""
S 10 S  S  S  11 S  S  S
S S  20 21 22 S  23 24 25
""")


# ---------------------------------------------------------------------------- there and back


@st.composite
def patterns(draw: st.DrawFn) -> Pattern:
    name = draw(st.sampled_from(sorted(PATTERNS)))
    books = draw(st.integers(2 if name == "valle" else 1, 6))
    frames = draw(st.integers(1, 12))
    options: dict[str, Any] = {}
    if name == "delay":
        options["delays"] = draw(st.lists(st.integers(0, 5), min_size=books, max_size=books))
        options["delays"].sort()
    if name == "musiclm":
        options["group"] = draw(st.sampled_from([n for n in range(1, books + 1) if books % n == 0]))
    if name == "multi-rate":
        frames *= 2 ** (books - 1)
    return pattern(name, books, frames, CARD, **options)


@given(patterns(), st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_what_was_built_reverts_to_itself(layout: Pattern, seed: int):
    codes = np.random.default_rng(seed).integers(0, CARD, (2, layout.books, layout.frames))
    sequence, mask = layout.build(codes)
    assert sequence.shape == (2, layout.books, layout.steps) and mask.shape == sequence.shape[1:]
    assert ((sequence == S) == ~mask).all() and not mask[:, 0].any()
    back, there = layout.revert(sequence)
    assert (back[:, there] == codes[:, there]).all() and (back[:, ~there] == S).all()
    assert there.sum(axis=1).tolist() == mask.sum(axis=1).tolist()


@given(patterns())
@settings(max_examples=100, deadline=None)
def test_each_code_stands_once(layout: Pattern):
    book, step = np.nonzero(layout.mask)
    codes = list(zip(book, layout.times[book, step], strict=True))
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("name", sorted(set(PATTERNS) - {"multi-rate"}))
@pytest.mark.parametrize(("books", "frames"), [(2, 1), (4, 5), (6, 3)])
def test_no_code_is_left_out_where_the_books_have_one_rate(name: str, books: int, frames: int):
    assert pattern(name, books, frames, CARD).mask.sum() == books * frames


@given(patterns())
@settings(max_examples=100, deadline=None)
def test_logits_stand_beside_the_code_that_they_predict(layout: Pattern):
    """Logits that say where they come from, (book, step), are those of the step before."""
    steps = np.arange(layout.steps)
    logits = np.zeros((1, layout.books, layout.steps, 2))
    logits[0, :, :, 0] = np.arange(layout.books)[:, None]
    logits[0, :, :, 1] = steps
    values, mask = layout.revert_logits(logits)
    assert np.isnan(values[:, ~mask]).all()
    for k, t in zip(*np.nonzero(mask), strict=True):
        book, step = values[0, k, t]
        assert book == k and layout.times[k, int(step) + 1] == t


def test_the_logits_of_a_delay_are_read_one_step_later_a_book():
    layout = pattern("delay", 4, 5, CARD)
    steps = np.broadcast_to(np.arange(9.0), (1, 4, 9))[..., None]
    values, mask = layout.revert_logits(steps)
    assert mask.all()
    assert values[0, :, :, 0].tolist() == [
        [0, 1, 2, 3, 4],
        [1, 2, 3, 4, 5],
        [2, 3, 4, 5, 6],
        [3, 4, 5, 6, 7],
    ]


# ---------------------------------------------------------------------------- training


def test_valid_steps_of_a_delay_cost_book_k_its_last_k_frames():
    layout = pattern("delay", 4, 5, CARD).valid
    assert layout.steps == 6
    sequence, _ = layout.build(numbered())
    assert sequence[0].tolist() == rows("""
S 10 11 12 13 14
S S  20 21 22 23
S S  S  30 31 32
S S  S  S  40 41
""")
    values, mask = layout.revert_logits(np.zeros((1, 4, 6, 3)))
    assert mask.sum(axis=1).tolist() == [5, 4, 3, 2]
    assert np.isnan(values[0, ~mask]).all() and not np.isnan(values[0, mask]).any()


@pytest.mark.parametrize("name", ["parallel", "flatten", "partial-flatten", "valle", "musiclm"])
def test_patterns_without_a_tail_are_valid_as_a_whole(name: str):
    layout = pattern(name, 4, 5, CARD)
    assert layout.valid.steps == layout.steps


def loss_of_the_counting_model(
    layout: Pattern, codes: np.ndarray, order: list[int], late: int = 0
) -> float:
    """Mean over books of the cross-entropy, frame 0 left out, of a model that is sure that each
    code is the one it reads at this step, plus 1; ``order``: whose logits each book is given,
    ``late``: by how many steps."""
    torch = pytest.importorskip("torch")
    sequence, _ = layout.build(torch.from_numpy(codes))
    logits = torch.nn.functional.one_hot((sequence + 1) % CARD, CARD).float() * 100
    predicted, mask = layout.revert_logits(logits[:, order].roll(late, dims=2))
    assert not torch.isnan(predicted[:, mask]).any()
    losses = []
    for k in range(layout.books):
        frames = torch.nonzero(mask[k])[:, 0]
        frames = frames[frames > 0]
        target = torch.from_numpy(codes)[:, k, frames]
        losses.append(torch.nn.functional.cross_entropy(predicted[:, k, frames].mT, target))
    return float(torch.stack(losses).mean())


@pytest.mark.parametrize("name", ["parallel", "delay", "partial-delay"])
@pytest.mark.parametrize("valid", [False, True])
def test_a_model_that_reads_the_step_before_is_right_only_with_this_shift(name: str, valid: bool):
    layout = pattern(name, 3, 7, CARD)
    layout = layout.valid if valid else layout
    codes = (np.arange(7)[None, None, :] + 10 * np.arange(3)[None, :, None]).astype(np.int64)
    assert loss_of_the_counting_model(layout, codes, [0, 1, 2]) < 1e-6
    assert loss_of_the_counting_model(layout, codes, [1, 2, 0]) > 50
    assert loss_of_the_counting_model(layout, codes, [0, 1, 2], late=1) > 50


# ---------------------------------------------------------------------------- kinds, ends, refusals


@pytest.mark.parametrize("name", PATTERNS)
def test_torch_and_numpy_give_the_same(name: str):
    torch = pytest.importorskip("torch")
    layout = pattern(name, 4, 16, CARD)
    codes = np.random.default_rng(0).integers(0, CARD, (2, 4, 16))
    ours, mask = layout.build(codes)
    theirs, their_mask = layout.build(torch.from_numpy(codes))
    assert isinstance(theirs, torch.Tensor) and their_mask.dtype == torch.bool
    assert theirs.dtype == torch.int64
    assert (theirs.numpy() == ours).all() and (their_mask.numpy() == mask).all()
    back, _ = layout.revert(theirs)
    assert (back.numpy() == layout.revert(ours)[0]).all()


def test_logits_keep_their_gradient():
    torch = pytest.importorskip("torch")
    layout = pattern("delay", 2, 3, CARD).valid
    logits = torch.zeros(1, 2, 4, 5, requires_grad=True)
    values, mask = layout.revert_logits(logits)
    values[:, mask].sum().backward()
    assert logits.grad is not None
    assert logits.grad[0, :, :, 0].tolist() == [[1, 1, 1, 0], [0, 1, 1, 0]]


def test_a_sequence_that_ends_early_gives_the_codes_that_it_has():
    layout = pattern("delay", 4, 5, CARD)
    back, mask = layout.revert(layout.build(numbered())[0][:, :, :6])
    assert mask.sum(axis=1).tolist() == [5, 4, 3, 2]
    assert back[0].tolist() == rows("""
10 11 12 13 14
20 21 22 23 S
30 31 32 S  S
40 41 S  S  S
""")


def test_the_first_step_of_a_frame():
    assert [pattern("delay", 4, 5, CARD).first_step(t) for t in range(5)] == [1, 2, 3, 4, 5]
    assert [pattern("flatten", 4, 5, CARD).first_step(t) for t in range(3)] == [1, 5, 9]
    with pytest.raises(InputError, match="frame 5"):
        pattern("delay", 4, 5, CARD).first_step(5)


def test_a_pattern_is_made_once():
    assert pattern("delay", 4, 5, CARD) is pattern("delay", 4, 5, CARD)
    listed = pattern("delay", 2, 5, CARD, delays=[0, 2])
    assert listed is pattern("delay", 2, 5, CARD, delays=(0, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pattern("no such", 4, 5, 9), "partial-flatten"),
        (lambda: pattern("delay", 0, 5, 9), "books, frames and codes"),
        (lambda: pattern("delay", 4, 5, 9, delays=[0, 1]), "4 delays"),
        (lambda: pattern("delay", 2, 5, 9, delays=[1, 0]), "do not fall"),
        (lambda: pattern("delay", 2, 5, 9, group=2), "has delays, not 'group'"),
        (lambda: pattern("flatten", 2, 5, 9, group=2), "has no options"),
        (lambda: pattern("partial-flatten", 3, 5, 9, inner=[0, 2, 2]), "leave none out"),
        (lambda: pattern("valle", 1, 5, 9), "2 books"),
        (lambda: pattern("musiclm", 3, 5, 9), "groups of 2"),
        (lambda: pattern("multi-rate", 3, 5, 9), "multiple"),
        (lambda: pattern("multi-rate", 3, 5, 9, rates=[1, 2]), "3 rates"),
        (lambda: pattern("delay", 4, 5, 9).build(numbered(3, 5)), "4 books, 5 frames"),
        (lambda: pattern("delay", 4, 5, 9).build(numbered(4, 6)), "4 books, 5 frames"),
        (lambda: pattern("delay", 4, 5, 9).revert(numbered(4, 10)), "9 steps"),
        (lambda: Pattern(np.array([[0, 1]]), 2, 9), "step 0"),
        (lambda: Pattern(np.array([[-1, 1, 0]]), 2, 9), "go forward"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, message: str):
    with pytest.raises(InputError, match=message):
        call()


def test_an_unknown_name_is_its_own_error():
    with pytest.raises(UnknownNameError):
        pattern("no such", 4, 5, 9)
