"""Codebook patterns: which frame of which book stands at which step of a sequence.

Knows codes (B, K, T), whichever of numpy and torch holds them, and never imports torch of its own
accord. Does not know what codes mean, nor how they are predicted or sampled.

The patterns are those of Copet et al., *Simple and Controllable Music Generation* (2023), with the
steps that audiocraft gives them; "multi-rate" is the order T M M B B B B of Liao et al.,
*KaraSinger* (2022), for books of unequal frame rate.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cantilena.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    import torch

Array = TypeVar("Array", np.ndarray, "torch.Tensor")

ABSENT = -1
"""The frame that a layout has where a book stands idle."""


@dataclass(frozen=True, eq=False)
class Pattern:
    """The layout of K books over S steps.

    ``times`` (K, S) int64: the frame that book k has at step s, ``ABSENT`` for none; step 0 is
    empty, the start. Frames of ``frames`` and beyond may stand there, as in a delay's last steps:
    they are no part of a sequence. ``special``: the token of every place without a code, which is
    the number of codes of a book, so that it needs an embedding and can never be sampled.

    Raises InputError where a book's frames do not go forward, or step 0 is not empty.
    """

    times: np.ndarray
    frames: int
    special: int

    def __post_init__(self) -> None:
        if (self.times[:, :1] != ABSENT).any():
            raise InputError("step 0 of a pattern has to be empty: it is the start token's")
        for book, row in enumerate(self.times):
            if (np.diff(row[row != ABSENT]) <= 0).any():
                raise InputError(f"the frames of book {book} do not go forward in this pattern")
        self.times.setflags(write=False)

    @property
    def books(self) -> int:
        """K, the number of books."""
        return self.times.shape[0]

    @property
    def steps(self) -> int:
        """S, the number of steps, the start included."""
        return self.times.shape[1]

    @cached_property
    def mask(self) -> np.ndarray:
        """(K, S) bool: where a step has a code; the special token stands elsewhere."""
        return (self.times != ABSENT) & (self.times < self.frames)

    @cached_property
    def valid(self) -> Pattern:
        """The pattern up to its last step that no book has run out of: what training reads.

        A delay's steps behind the last frame of book 0 are cut, so that book k loses its last k
        frames. Patterns without such a tail are whole.
        """
        tail = max(int(self.times.max()) + 1 - self.frames, 0)
        return Pattern(self.times[:, : self.steps - tail], self.frames, self.special)

    def first_step(self, frame: int) -> int:
        """The first step that has a code of ``frame``: where generation goes on behind a prompt
        of that many frames. Raises InputError for a frame that no step has."""
        steps = np.flatnonzero((self.mask & (self.times == frame)).any(axis=0))
        if not len(steps):
            raise InputError(f"frame {frame} is not in this pattern of {self.frames} frames")
        return int(steps[0])

    def build(self, codes: Array) -> tuple[Array, Array]:
        """(B, K, T) codes as (B, K, S) a sequence, and (K, S) bool: where it has codes.

        Raises InputError for other numbers of books or frames than the pattern's.
        """
        self._check(codes, (self.books, self.frames), "codes (B, K, T)")
        table = np.arange(self.books)[:, None] * self.frames + np.where(self.mask, self.times, 0)
        return _gather(codes, table, self.mask, self.special)

    def revert(self, sequence: Array) -> tuple[Array, Array]:
        """(B, K, S) a sequence as (B, K, T) codes, and (K, T) bool: where it has them.

        Codes that no step has are ``special``. A sequence may end early, with fewer than S steps.
        """
        steps = min(sequence.shape[-1], self.steps)
        self._check(sequence, (self.books, steps), "a sequence (B, K, S)")
        table, mask = self._steps_of(steps, shift=0)
        return _gather(sequence, table, mask, self.special)

    def revert_logits(self, logits: Array) -> tuple[Array, Array]:
        """(B, K, S, V) logits as (B, K, T, V), each beside the code that it predicts, and (K, T)
        bool: where there are any, NaN elsewhere.

        Logits at step s predict step s + 1; the last step's predict nothing and are dropped.
        """
        steps = min(logits.shape[2], self.steps)
        self._check(logits, (self.books, steps), "logits (B, K, S, V)")
        table, mask = self._steps_of(steps, shift=1)
        return _gather(logits, table, mask, float("nan"))

    def _check(self, array: Any, shape: tuple[int, int], meaning: str) -> None:
        if tuple(array.shape[1:3]) != shape:
            raise InputError(
                f"{meaning} of shape {tuple(array.shape)} do not fit a pattern of {self.books} "
                f"books, {self.frames} frames and {self.steps} steps"
            )

    def _steps_of(self, steps: int, shift: int) -> tuple[np.ndarray, np.ndarray]:
        """(K, T) places in flattened (K, steps) of each code's step less ``shift``, and (K, T)
        bool: which of them are there."""
        table = np.zeros((self.books, self.frames), dtype=np.int64)
        mask = np.zeros((self.books, self.frames), dtype=bool)
        book, step = np.nonzero(self.mask)
        inside = step - shift < steps
        book, step = book[inside], step[inside]
        frame = self.times[book, step]
        table[book, frame] = book * steps + step - shift
        mask[book, frame] = True
        return table, mask


def _gather(
    array: Array, table: np.ndarray, mask: np.ndarray, filler: float
) -> tuple[Array, Array]:
    """array (B, K, N, ...) at ``table`` (K, M) of places in flattened (K, N): (B, K, M, ...), with
    ``filler`` where ``mask`` is false; and the mask, of the array's kind."""
    batch, books, length = array.shape[:3]
    place, keep = _like(table, array), _like(mask, array)
    values = array.reshape((batch, books * length, *array.shape[3:]))[:, place]
    values[:, ~keep] = filler
    return values, keep


def _like(table: np.ndarray, array: Any) -> Any:
    """The table as an array of the other's kind, on its device."""
    if isinstance(array, np.ndarray):
        return table
    import torch

    return torch.tensor(table, device=array.device)


def _delayed(books: int, frames: int, delays: Sequence[int]) -> np.ndarray:
    """(K, S) times of books that begin ``delays`` steps late, without the start."""
    if len(delays) != books or min(delays) < 0 or list(delays) != sorted(delays):
        raise InputError(
            f"{books} books need {books} delays of 0 and more that do not fall, not {list(delays)}"
        )
    times = np.arange(frames + max(delays))[None, :] - np.asarray(delays)[:, None]
    return np.where(times < 0, ABSENT, times)


def parallel(books: int, frames: int) -> np.ndarray:
    """All books of a frame in one step."""
    return _delayed(books, frames, [0] * books)


def delay(books: int, frames: int, delays: Sequence[int] | None = None) -> np.ndarray:
    """Book k is k steps late, or ``delays[k]``."""
    return _delayed(books, frames, range(books) if delays is None else delays)


def partial_delay(books: int, frames: int) -> np.ndarray:
    """All books but the first are one step late."""
    return _delayed(books, frames, [0] + [1] * (books - 1))


def _unrolled(books: int, frames: int, inner: Sequence[int]) -> np.ndarray:
    """(K, S) times where each frame has its steps 0 to ``max(inner)``, and book k step
    ``inner[k]`` of them."""
    if len(inner) != books or sorted(set(inner)) != list(range(max(inner) + 1)):
        raise InputError(
            f"{books} books need {books} inner steps that leave none out, not {list(inner)}"
        )
    times = np.full((books, frames, max(inner) + 1), ABSENT)
    times[np.arange(books), :, list(inner)] = np.arange(frames)
    return times.reshape(books, -1)


def flatten(books: int, frames: int) -> np.ndarray:
    """One code a step: frame by frame, book by book."""
    return _unrolled(books, frames, range(books))


def partial_flatten(books: int, frames: int, inner: Sequence[int] | None = None) -> np.ndarray:
    """Two steps a frame: the first book, then all others; or book k at step ``inner[k]``."""
    return _unrolled(books, frames, [0] + [1] * (books - 1) if inner is None else inner)


def valle(books: int, frames: int, delays: Sequence[int] | None = None) -> np.ndarray:
    """VALL-E's: the whole first book, then the others in parallel, or late by ``delays``
    (books - 1). The place of the others depends on the number of frames, so that generation needs
    the length that was trained."""
    if books < 2:
        raise InputError("the pattern valle needs 2 books or more")
    others = _delayed(books - 1, frames, [0] * (books - 1) if delays is None else delays)
    times = np.full((books, frames + others.shape[1]), ABSENT)
    times[0, :frames] = np.arange(frames)
    times[1:, frames:] = others
    return times


def musiclm(books: int, frames: int, group: int = 2) -> np.ndarray:
    """MusicLM's coarse and fine: one code a step, all frames of the first ``group`` books, then
    of the next. Generation needs the length that was trained."""
    if group < 1 or books % group:
        raise InputError(f"{books} books cannot be parted into groups of {group}")
    groups = books // group
    times = np.full((groups, group, groups, frames, group), ABSENT)
    for coarse in range(groups):
        for fine in range(group):
            times[coarse, fine, coarse, :, fine] = np.arange(frames)
    return times.reshape(books, -1)


def multi_rate(books: int, frames: int, rates: Sequence[int] | None = None) -> np.ndarray:
    """Books of unequal rate, one code a step: to each frame of the slowest all codes of its time,
    book by book, as T M M B B B B.

    ``rates``: frames that each book has to one of the slowest, by default 1, 2, 4 and so on. T is
    the fastest book's number of frames; a book of another rate has its codes in its first
    T * rate / max(rates) frames, and none behind.
    """
    rates = [2**k for k in range(books)] if rates is None else list(rates)
    if len(rates) != books or min(rates) < 1:
        raise InputError(f"{books} books need {books} rates of 1 and more, not {rates}")
    if frames % max(rates):
        raise InputError(
            f"{frames} frames of the fastest book are not a multiple of its rate, {max(rates)}"
        )
    count = frames // max(rates)
    times = np.full((books, count, sum(rates)), ABSENT)
    at = 0
    for book, rate in enumerate(rates):
        times[book, :, at : at + rate] = np.arange(count * rate).reshape(count, rate)
        at += rate
    return times.reshape(books, -1)


PATTERNS: dict[str, Callable[..., np.ndarray]] = {
    "parallel": parallel,
    "delay": delay,
    "partial-delay": partial_delay,
    "flatten": flatten,
    "partial-flatten": partial_flatten,
    "valle": valle,
    "musiclm": musiclm,
    "multi-rate": multi_rate,
}
"""Every pattern by name: (books, frames, options) to its times (K, S), without the start."""


def pattern(name: str, books: int, frames: int, card: int, **options: Any) -> Pattern:
    """The pattern of a name for K books of ``card`` codes over T frames.

    Raises UnknownNameError, or InputError for numbers or options that it cannot have.
    """
    if name not in PATTERNS:
        raise UnknownNameError("pattern", name, PATTERNS)
    if min(books, frames, card) < 1:
        raise InputError(
            f"a pattern needs books, frames and codes, not {books}, {frames} and {card}"
        )
    parameters = list(inspect.signature(PATTERNS[name]).parameters)[2:]
    for option in options:
        if option not in parameters:
            names = ", ".join(parameters) or "no options"
            raise InputError(f"the pattern {name} has {names}, not {option!r}")
    frozen = {key: _hashable(value) for key, value in options.items()}
    return _pattern(name, books, frames, card, **frozen)


@lru_cache(maxsize=64)
def _pattern(name: str, books: int, frames: int, card: int, **options: Any) -> Pattern:
    times = PATTERNS[name](books, frames, **options)
    return Pattern(np.pad(times, ((0, 0), (1, 0)), constant_values=ABSENT), frames, card)


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, (list, range)) else value
