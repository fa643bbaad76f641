"""Stages in a row: which fit, windows and words of a long story, the order of writing, going on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from cantilena.decode.cascade import OPEN, Begun, Cascade, Tokens, TokensByName, Writing
from cantilena.decode.interfaces import Job
from cantilena.decode.sampling import Sampling
from cantilena.decode.windows import Window, Windows, in_force
from cantilena.errors import InputError

SLOW, FAST = Tokens(2.0, (5,), "a"), Tokens(4.0, (7,), "b")


class Row:
    """A piece of one book: a window's tokens, of which the first are there."""

    def __init__(self, known: np.ndarray):
        self.known = known[0].tolist()
        self.rows: list[int] = [token for token in self.known if token != OPEN]

    def push(self, *fields: int) -> None:
        self.rows.append(fields[0])

    def codes(self) -> np.ndarray:
        return np.array([self.rows])


class Free:
    """All may come, until the window is full."""

    def bias(self, field: int, piece: Row, chosen: Any) -> None:
        return None

    def forced(self, piece: Row) -> list[int] | None:
        return [0] if self.ends(piece, ()) else None

    def ends(self, piece: Row, chosen: Any) -> bool:
        return len(piece.rows) >= len(piece.known)


@dataclass
class Even:
    """Every value alike."""

    size: int
    jobs: list[Job[Any, Any]]
    fields: int = 1
    draws: bool = False

    def begin(self) -> None: ...

    def advance(self) -> None: ...

    def logits(self, k: int) -> np.ndarray:
        return np.zeros((len(self.jobs), self.size), dtype=np.float32)

    def draw(self, *_: Any) -> list[int]:
        raise AssertionError

    def chose(self, k: int, chosen: Any) -> None: ...


@dataclass
class Toy:
    """A stage that draws at random, and notes what it read, when."""

    name: str
    writes: Tokens
    windows: Windows
    reads: Mapping[str, Tokens] = field(default_factory=dict)
    reach: float = 0.0
    seen: list[tuple[Window, dict[str, list[int]]]] = field(default_factory=list)

    def begin(
        self, wish: Any, window: Window, tokens: TokensByName, rng: np.random.Generator
    ) -> Begun | None:
        self.seen.append((window, {name: tokens[name][0].tolist() for name in self.reads}))
        known = tokens[self.name][:, window.start : window.stop]
        job = Job(Row(known), None, (), Sampling(top_p=1.0), rng)
        return Begun(Even(self.writes.sizes[0], [job]), Free(), job)


def two(reach: float = 0.0) -> tuple[Toy, Toy]:
    above = Toy("above", SLOW, Windows(4.0, 2.0))
    return above, Toy("below", FAST, Windows(2.0, 1.0), {"above": SLOW}, reach)


# ------------------------------------------------------------------ what fits


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (Tokens(2.0, (5, 5), "a"), r"reads from 'above' books of \[5, 5\] values, not of \[5\]"),
        (Tokens(3.0, (5,), "a"), "3 frames a second, not 2"),
        (Tokens(2.0, (5,), "codec-of-another"), "tokens of codec-of-another, not of a"),
    ],
)
def test_stages_that_do_not_fit_are_refused_by_name(tokens: Tokens, message: str):
    above, below = two()
    below.reads = {"above": tokens}
    with pytest.raises(InputError, match=message) as error:
        Cascade([above, below])
    assert "'below'" in str(error.value) and not above.seen


def test_a_stage_reads_what_stands_before_it():
    above, below = two()
    with pytest.raises(InputError, match="'below' reads 'above', which no earlier stage writes"):
        Cascade([below, above])
    with pytest.raises(InputError, match="two stages of a cascade are called 'above'"):
        Cascade([above, above])
    with pytest.raises(InputError, match="needs a stage"):
        Cascade([])
    Cascade([below], {"above": SLOW})


def test_inputs_are_as_long_as_the_piece_and_within_their_books():
    cascade = Cascade([two()[1]], {"above": SLOW})
    for rows in (None, np.zeros((1, 5), int), np.zeros((2, 6), int), np.full((1, 6), 5)):
        with pytest.raises(InputError, match="'above'"):
            Writing(cascade, None, 3.0, inputs={} if rows is None else {"above": rows})
    tokens = Writing(cascade, None, 3.0, inputs={"above": np.arange(8)[None] % 5}).run()
    assert tokens["above"].tolist() == [[0, 1, 2, 3, 4, 0]] and tokens["below"].shape == (1, 12)


# ------------------------------------------------------------------ windows


def test_the_windows_of_65_seconds():
    windows = Windows(30.0, 15.0)
    assert windows.prompt == 15.0
    assert windows.over(65.0, 1.0) == [
        Window(0, 0, 30),
        Window(15, 30, 45),
        Window(30, 45, 60),
        Window(45, 60, 65),
    ]
    assert [(w.start, w.stop) for w in Windows(10.0, 5.0).over(22.0, 1.0)] == [
        (0, 10), (5, 15), (10, 20), (15, 22),
    ]  # fmt: skip
    assert [(w.start, w.stop) for w in Windows(3.0, 1.5).over(6.0, 2.0)] == [
        (0, 6), (3, 9), (6, 12),
    ]  # fmt: skip


def test_a_story_of_65_seconds_has_exactly_these_windows_and_words():
    story = [(0, "meditate"), (15, "wake up"), (30, "run")]
    plan = Windows(30.0, 15.0).over(65.0, 1.0, [15.0, 30.0])
    assert [(w.start, w.begin, w.stop, in_force(story, w.begin)) for w in plan] == [
        (0, 0, 15, "meditate"),
        (0, 15, 30, "wake up"),
        (15, 30, 45, "run"),
        (30, 45, 60, "run"),
        (45, 60, 65, "run"),
    ]


def test_windows_that_cannot_be_are_refused():
    for length, stride in ((3.0, 0.0), (3.0, 4.0)):
        with pytest.raises(InputError, match="stride"):
            Windows(length, stride)


# ------------------------------------------------------------------ writing


def test_every_token_is_written_and_read_before_it_is_needed():
    above, below = two(reach=0.5)
    tokens = Writing(Cascade([above, below]), None, 7.3, seed=1, changes=[3.0]).run()
    assert tokens["above"].shape == (1, 15) and tokens["below"].shape == (1, 30)
    assert all((rows != OPEN).all() for rows in tokens.values())
    for window, read in below.seen:
        need = min(15, int(np.ceil((window.stop / 4 + 0.5) * 2)))
        assert OPEN not in read["above"][:need]
    assert any(OPEN in read["above"] for _, read in below.seen)  # the finest stage does not wait


def test_the_same_seed_writes_the_same_and_another_does_not():
    runs = [Writing(Cascade(two()), None, 6.0, seed=seed).run() for seed in (1, 1, 2)]
    assert all(np.array_equal(runs[0][name], runs[1][name]) for name in runs[0])
    assert all(not np.array_equal(runs[0][name], runs[2][name]) for name in runs[0])


def test_a_piece_goes_on_at_its_stage_and_window_wherever_it_was_killed():
    whole = Writing(Cascade(two()), None, 7.0, seed=3).run()
    for killed in range(1, 9):
        kept: list[TokensByName] = []

        def keep(tokens: TokensByName, kept: list[TokensByName] = kept) -> None:
            kept.append({name: rows.copy() for name, rows in tokens.items()})

        first = Writing(Cascade(two()), None, 7.0, seed=3)
        for _ in first.steps(keep):
            if len(kept) == killed:
                break
        above, below = two()
        again = Writing(Cascade([above, below]), None, 7.0, seed=3)
        assert again.restore(kept[-1]) and again.done == first.done
        assert {name: rows.tolist() for name, rows in again.run().items()} == {
            name: rows.tolist() for name, rows in whole.items()
        }
        begun = [window for toy in (above, below) for window, _ in toy.seen]
        assert len(begun) == sum(map(len, again.plans)) - killed


@pytest.mark.parametrize("rows", [np.zeros((1, 3), int), np.full((1, 12), 9), np.zeros((1, 12))])
def test_progress_of_another_piece_is_left_alone(rows: np.ndarray):
    writing = Writing(Cascade(two()), None, 6.0)
    assert not writing.restore({"above": rows, "below": np.full((1, 24), OPEN)})
    assert not writing.restore({"above": np.zeros((1, 12), int)})
    assert writing.done == 0


def test_steps_tell_how_far_it_is_and_never_go_back():
    writing = Writing(Cascade(two()), None, 5.0)
    steps = list(writing.steps())
    done = [step for step, _ in steps]
    assert done == sorted(done) and steps[-1] == (writing.total, writing.total) == (30, 30)
    assert writing.written("below").shape == (1, 20)
