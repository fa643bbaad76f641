"""Writing codes: orders to codes, window by window, in the project's one loop.

Knows the code model, patterns, windows and wishes; does not know codecs or files. Orders that have
a window of the same number are written abreast; each has its own random stream, so that its codes
do not depend on what is written beside it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cantilena.decode.interfaces import Job
from cantilena.decode.loop import Loop
from cantilena.decode.sampling import MOST_GUIDANCE, Sampling
from cantilena.decode.windows import Window, in_force, windows
from cantilena.errors import InputError
from cantilena.models.audio.code_lm import CodeConfig, CodeLM
from cantilena.models.audio.code_step import Packed
from cantilena.models.audio.musicgen import TEXT
from cantilena.models.threads import stepwise
from cantilena.systems.codes.conditions import NOTHING, Conditioner, Wish, lengths
from cantilena.systems.codes.piece import OPEN, CodeGrammar, CodePiece
from cantilena.systems.codes.stepper import CodeStepper, Conditions
from cantilena.tokens.codes.patterns import Pattern, pattern

SAMPLING = Sampling(temperature=1.0, top_p=1.0, top_k=250, guidance=3.0, best_of=1, repetition=0.0)
"""MusicGen's."""
SECONDS, STRIDE = 30.0, 18.0
"""Of a window, and from one to the next: MusicGen's."""


@dataclass(frozen=True)
class CodeWriter:
    """A code model ready to write: which ``pattern`` its columns have (and that pattern's
    ``options``), how many frames a second, and what reads its conditions. ``packed``: the model's
    weights in 8 bits, where it is to write by these."""

    model: CodeLM
    rate: float
    conditioner: Conditioner
    pattern: str = "delay"
    options: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = SECONDS
    stride: float = STRIDE
    packed: Packed | None = None

    def layout(self, frames: int) -> Pattern:
        """The pattern over so many frames."""
        config = self.model.config
        return pattern(self.pattern, config.books, frames, config.card, **self.options)


@dataclass(frozen=True)
class CodeOrder:
    """One piece to write: its length in ``frames``, the ``wish`` and a ``story``, (frame, text) in
    rising order, of texts that hold from a frame on in place of the wish's; ``known`` (K, T) codes
    that stay, ``OPEN`` (-1) where codes are to be written, and behind its end: a prompt to go on
    from, or what surrounds a gap. ``text_guidance``, 0-10: MusicGen's double guidance, for models
    that read a text beside a melody or a score (``systems.codes.stepper``); 1 for none."""

    frames: int
    wish: Wish = NOTHING
    seed: int = 0
    story: tuple[tuple[int, str], ...] = ()
    known: np.ndarray | None = None
    sampling: Sampling = SAMPLING
    text_guidance: float = 1.0


class CodeWriting:
    """The writing of some orders. ``codes`` are theirs, (K, T) each, ``OPEN`` where nothing is
    written yet. Raises InputError for orders that the model cannot take."""

    def __init__(self, writer: CodeWriter, orders: Sequence[CodeOrder]):
        self.writer, self.orders = writer, list(orders)
        for order in orders:
            _check_guidance(order, writer.model.config)
        self.codes = [_begun(order, writer.model.config.books) for order in orders]
        self.plans = [self._plan(i) for i in range(len(orders))]
        self.under_way: dict[int, tuple[Window, CodePiece]] = {}
        self.rngs = [np.random.default_rng([0, order.seed]) for order in orders]
        self.written, self.numbers = 0, self._numbers()
        self.total = sum(
            writer.layout(w.stop - w.start).steps - 1 for plan in self.plans for w in plan
        )

    def _plan(self, i: int) -> list[Window]:
        """The windows of an order in which anything is open."""
        writer, order, codes = self.writer, self.orders[i], self.codes[i]
        length, stride = (round(s * writer.rate) for s in (writer.seconds, writer.stride))
        is_open = (codes == OPEN).any(0)
        begin = int(is_open.argmax()) if is_open.any() else order.frames
        changes = [frame for frame, _ in order.story]
        plan = windows(order.frames, length, stride, changes, begin)
        if len(plan) > 1:
            self._check_windows(plan[0])
        return [w for w in plan if is_open[w.begin : w.stop].any()]

    def _numbers(self) -> str:
        """Where the first order's random numbers stand."""
        return json.dumps(self.rngs[0].bit_generator.state) if self.rngs else ""

    @property
    def kept(self) -> dict[str, np.ndarray]:
        """As ``ByWindows.kept``, of a single order."""
        numbers = np.array(self.numbers)
        return {"codes": self.codes[0], "written": np.array(self.written), "numbers": numbers}

    def restore(self, tokens: Mapping[str, np.ndarray]) -> bool:
        """As ``ByWindows.restore``; several orders take nothing up, nor does one what is of another
        shape or out of range."""
        try:
            codes, written = tokens["codes"], int(tokens["written"])
            state = json.loads(str(tokens["numbers"]))
        except (KeyError, TypeError, ValueError):
            return False
        own, card = self.codes, self.writer.model.config.card
        fits = len(own) == 1 and codes.shape == own[0].shape and codes.dtype.kind == "i"
        if not fits or not 0 <= written <= len(self.plans[0]):
            return False
        stop = self.plans[0][written - 1].stop if written else 0
        if (codes[:, :stop] < 0).any() or (codes >= card).any():
            return False
        try:
            self.rngs[0].bit_generator.state = state
        except (KeyError, TypeError, ValueError):
            return False
        self.codes[0][:, :stop] = codes[:, :stop]
        self.written, self.numbers = written, self._numbers()
        return True

    def _check_windows(self, window: Window) -> None:
        """Raises InputError where what is written in one window cannot be read in the next."""
        layout = self.writer.layout(window.stop - window.start)
        if (layout.mask.sum(1) != layout.frames).any():
            raise InputError(
                f"the pattern {self.writer.pattern!r} is for pieces of at most "
                f"{self.writer.seconds:g} s: its books differ in rate"
            )

    @property
    def ready(self) -> np.ndarray:
        """(K, T) codes of the first order, of the frames from the first on of which none is
        open."""
        codes = self.codes[0]
        if 0 in self.under_way:
            window, piece = self.under_way[0]
            codes = codes.copy()
            codes[:, window.start : window.stop] = piece.codes()
        is_open = (codes == OPEN).any(0)
        return codes[:, : int(is_open.argmax())] if is_open.any() else codes

    def run(self) -> list[np.ndarray]:
        """Writes everything; gives the codes (K, T) of each order."""
        for _ in self.steps():
            pass
        return self.codes

    def steps(self) -> Iterator[tuple[int, int]]:
        """Writes step by step; yields how many steps of all are done, and their number. What is not
        asked for is not made."""
        yield from stepwise(self._steps(), self.writer.model)

    def _steps(self) -> Iterator[tuple[int, int]]:
        layouts = (w.stop - w.start for plan in self.plans for w in plan[: self.written])
        done = sum(self.writer.layout(frames).steps - 1 for frames in layouts)
        for number in range(self.written, max((len(plan) for plan in self.plans), default=0)):
            for group in self._groups(number):
                for job in self._write(group):
                    done += job
                    yield done, self.total
            self.written, self.numbers = number + 1, self._numbers()

    def _groups(self, number: int) -> list[list[tuple[int, Window, Conditions]]]:
        """The orders that have a window of a number, those together that can be written so."""
        groups: dict[Any, list[tuple[int, Window, Conditions]]] = defaultdict(list)
        writer = self.writer
        for i, plan in enumerate(self.plans):
            if number < len(plan):
                window, order = plan[number], self.orders[i]
                layout = writer.layout(window.stop - window.start)
                text = in_force(order.story, window.begin) if order.story else order.wish.text
                wish = replace(order.wish, text=text)
                conditions = writer.conditioner.conditions(wish, layout, window.start)
                conditions = replace(conditions, text_guidance=order.text_guidance)
                # a third row would round the others' logits otherwise
                is_text_guided = order.text_guidance != 1.0
                key = lengths(conditions, writer.model.config), is_text_guided
                groups[key].append((i, window, conditions))
        return list(groups.values())

    def _write(self, group: list[tuple[int, Window, Conditions]]) -> Iterator[int]:
        """Writes windows abreast; yields how many steps each of the loop's steps was."""
        jobs = []
        for i, window, conditions in group:
            layout = self.writer.layout(window.stop - window.start)
            piece = CodePiece(layout, self.codes[i][:, window.start : window.stop])
            order = self.orders[i]
            job = Job(piece, conditions, (), order.sampling, self.rngs[i], limit=layout.steps)
            jobs.append(job)
            self.under_way[i] = window, piece
        ready = min(job.piece.settled for job in jobs)
        for job in jobs:
            job.piece.take(ready)
        yield ready * len(jobs)
        loop = Loop(CodeStepper(self.writer.model, jobs, self.writer.packed), CodeGrammar(), jobs)
        for _ in loop.steps():
            yield sum(not job.done for job in jobs)
        for (i, window, _), job in zip(group, jobs, strict=True):
            self.codes[i][:, window.start : window.stop] = job.piece.codes()
            del self.under_way[i]


def _check_guidance(order: CodeOrder, config: CodeConfig) -> None:
    """Raises InputError for a guidance by text that cannot be."""
    if not 0 <= order.text_guidance <= MOST_GUIDANCE:
        raise InputError(
            f"a text guidance of {order.text_guidance:g} is outside 0-{MOST_GUIDANCE:g}"
        )
    if order.text_guidance != 1.0 and TEXT not in config.conditions:
        raise InputError("this model of codes reads no text that could guide it")


def _begun(order: CodeOrder, books: int) -> np.ndarray:
    """(K, T) the order's known codes, ``OPEN`` behind their end. Raises InputError."""
    if order.frames < 1:
        raise InputError(f"a piece must have at least one frame, not {order.frames}")
    codes = np.full((books, order.frames), OPEN, dtype=np.int64)
    if order.known is not None:
        if order.known.ndim != 2 or len(order.known) != books:
            raise InputError(
                f"the codes to go on from must have {books} books, not the shape "
                f"{order.known.shape}"
            )
        if order.known.shape[1] > order.frames:
            raise InputError(
                f"{order.known.shape[1]} frames to go on from do not fit a piece of {order.frames}"
            )
        codes[:, : order.known.shape[1]] = order.known
    return codes


def write_codes(writer: CodeWriter, orders: Sequence[CodeOrder]) -> list[np.ndarray]:
    """Codes (K, T) of orders. Raises InputError."""
    return CodeWriting(writer, orders).run()
