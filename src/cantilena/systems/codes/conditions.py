"""What a piece of codes is asked to be, as rows of states for the code model.

Knows texts, melodies and symbols, and which names a model's config has for them; does not know
steps, sampling or windows beyond the frames that it is asked for. What is not asked for, or not
known, stands as the row that training put there when it left a condition out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from cantilena.audio.chroma import MELODY_HOP, MELODY_RATE
from cantilena.errors import InputError
from cantilena.models.audio.code_lm import CodeConfig
from cantilena.models.audio.musicgen import CHROMA, MELODY, TEXT
from cantilena.systems.codes.stepper import Conditions, Row
from cantilena.tokens.codes.patterns import Pattern
from cantilena.tokens.codes.symbols import SYMBOLS, Sounding, symbol_frames

TUNE_RATE = MELODY_RATE / MELODY_HOP
"""Frames of a melody a second."""
NO_TUNE = 0
"""The pitch class that stands for no melody: that of silence."""


@dataclass(frozen=True)
class Wish:
    """What is asked for: a ``text``, "" for none; a ``melody`` (n, 12), one-hot, as
    ``audio.chroma.melody_chroma`` gives it, which is repeated where it is too short; what is to
    sound by a ``score`` (``tokens.codes.symbols.score_symbols``), whose seconds are the piece's.
    All may be left out. ``controls``: of ``SYMBOLS``, those that are told of the score; None for
    all that the model reads."""

    text: str = ""
    melody: np.ndarray | None = None
    score: Sounding | None = None
    controls: tuple[str, ...] | None = None


NOTHING = Wish()


def read_controls(text: str, reads: Iterable[str]) -> tuple[str, ...] | None:
    """The names of controls with commas between them, None for none; ``reads``: those that a model
    knows. Raises InputError for others."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    able = [name for name in SYMBOLS if name in set(reads)]
    for name in names:
        if name not in able:
            names = ", ".join(able) or "nothing of a Score"
            raise InputError(f"the model is not told of {name!r}; it is told of {names}")
    return names or None


def frames_of_steps(pattern: Pattern) -> np.ndarray:
    """(S,) for each step of a pattern the frame (of its fastest book) that the column behind it
    writes: what is added to a step is about what it is to predict."""
    counts = pattern.mask.sum(1, keepdims=True)
    times = np.where(pattern.mask, pattern.times * pattern.frames // np.maximum(counts, 1), -1)
    newest = np.append(times.max(0)[1:], pattern.frames - 1)
    last = np.maximum.accumulate(np.where(newest >= 0, np.arange(len(newest)), 0))
    return np.maximum(newest[last], 0)


class Conditioner:
    """Makes the rows of a model of ``config`` for windows of ``rate`` frames a second. ``encoder``
    (``models.encoders.TextEncoder``) reads texts; without one a model hears of none.

    Raises InputError where the config names conditions that are none of these, or the encoder's
    width is not the model's."""

    def __init__(self, config: CodeConfig, rate: float, encoder: Any = None):
        self.config, self.rate, self.encoder = config, rate, encoder
        odd = sorted(set(config.conditions) - {TEXT, MELODY, *SYMBOLS})
        if odd:
            raise InputError(f"there is no condition {odd[0]!r} for models of codes")
        width = config.conditions[TEXT].width if TEXT in config.conditions else None
        if encoder is not None and width not in (None, encoder.width):
            raise InputError(
                f"the text encoder gives states of width {encoder.width}, the model reads {width}"
            )

    def conditions(self, wish: Wish, pattern: Pattern, start: int = 0) -> Conditions:
        """The rows for the window of ``pattern.frames`` frames that begins at frame ``start``.
        Raises InputError for a wish that the model cannot read."""
        self._check(wish)
        rows: dict[str, Row] = {}
        null: dict[str, Row] = {}
        for name in self.config.conditions:
            if name == TEXT:
                rows[name], null[name] = self._text(wish.text)
            elif name == MELODY:
                rows[name], null[name] = self._melody(wish.melody, start)
            else:
                is_told = wish.controls is None or name in wish.controls
                score = wish.score if is_told else None
                rows[name], null[name] = self._symbols(name, score, pattern, start)
        return Conditions(rows, null)

    def _check(self, wish: Wish) -> None:
        reads = set(self.config.conditions)
        asked = {"text": wish.text, "melody": wish.melody is not None, "score": wish.score}
        can = {
            "text": TEXT in reads and self.encoder is not None,
            "melody": MELODY in reads,
            "score": bool(reads & set(SYMBOLS)),
        }
        for kind, value in asked.items():
            if not can[kind] and (value is not None and value is not False and value != ""):
                known = ", ".join(k for k in can if can[k]) or "nothing"
                raise InputError(f"this model of codes reads no {kind}; it reads {known}")

    def _text(self, text: str) -> tuple[Row, Row]:
        """The last states of a text; for "" and for none, nothing that could be looked at."""
        width = self.config.conditions[TEXT].width
        if not text.strip() or self.encoder is None:
            nothing = Row(torch.zeros(1, width), torch.zeros(1, dtype=torch.bool))
            return nothing, nothing
        read = self.encoder.encode([text])
        row = Row(read.states[-1, 0].float().cpu(), read.mask[0].cpu())
        return row, Row(torch.zeros_like(row.states), torch.zeros_like(row.mask))

    def _melody(self, melody: np.ndarray | None, start: int) -> tuple[Row, Row]:
        """The melody from the window's beginning on, over and over; without one that of silence."""
        length = self.config.conditions[MELODY].length or 1
        silence = np.zeros((length, CHROMA), dtype=np.float32)
        silence[:, NO_TUNE] = 1.0
        null = _whole(silence)
        if melody is None or not len(melody):
            return null, null
        first = round(start / self.rate * TUNE_RATE)
        return _whole(melody[(first + np.arange(length)) % len(melody)]), null

    def _symbols(
        self, name: str, score: Sounding | None, pattern: Pattern, start: int
    ) -> tuple[Row, Row]:
        """What the Score says of the frame that each step predicts."""
        null = _whole(np.zeros((pattern.steps, SYMBOLS[name].width), dtype=np.float32))
        if score is None:
            return null, null
        frames = symbol_frames(name, score, self.rate, start, start + pattern.frames)
        return _whole(frames[frames_of_steps(pattern)]), null


def _whole(states: np.ndarray) -> Row:
    return Row(torch.from_numpy(states), torch.ones(len(states), dtype=torch.bool))


def lengths(conditions: Conditions, config: CodeConfig) -> tuple[int, ...]:
    """How many states stand before the columns, by condition: only pieces that have as many can be
    written together, as filling states would be looked at."""
    before: Sequence[str] = [n for n, c in config.conditions.items() if c.fuse == "prepend"]
    return tuple(len(conditions.rows[name].mask) for name in before)
