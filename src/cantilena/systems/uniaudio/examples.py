"""Examples of UniAudio's tasks, and the batches of a run's steps.

Knows clips as codes with what is known of them, crops and sequences; does not know where clips come
from, nor the model. A batch depends on the seed and the step alone, and mixes tasks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cantilena.errors import InputError
from cantilena.systems.uniaudio.options import UniOptions
from cantilena.tokens.codes.patches import (
    ACCOMPANY,
    CONTINUE,
    EDIT,
    NOTE,
    NOWHERE,
    SOUND,
    TASKS,
    TEXT,
    TRANSCRIBE,
    Patches,
    Segment,
    Vocabulary,
)
from cantilena.tokens.codes.symbols import Sounding

PATCHES, WHEN, TARGET, TASK = "patches", "when", "target", "task"
"""Entries of a batch: (B, S, K) and (B, S) int64, (B, S) bool, and (B,), places in
``TASKS``."""
OTHER, NOTHING = "other.", "nothing."
"""Before the first three, in batches for validation: the same with the next example's sources, and
with sources that are not known."""
LEAST = 4
"""Frames of a crop at least."""
CUT = (0.25, 0.75)
"""Between which shares of a crop a recording ends that is gone on with."""
GAP = (0.1, 0.5)
"""Shares of a crop that a gap takes up."""


@dataclass(frozen=True)
class UniClip:
    """``codes`` (K, T) of a clip, its ``texts``, what sounds (``symbols``), the codes of the
    ``rest`` without a ``part`` and of that part, where it has stems; ``single``: a note alone."""

    codes: np.ndarray
    texts: tuple[str, ...] = ()
    symbols: Sounding | None = None
    rest: np.ndarray | None = None
    part: np.ndarray | None = None
    single: bool = False

    def can(self, task: str) -> bool:
        """Whether it is an example of a task."""
        if self.codes.shape[1] < LEAST:
            return False
        if task == NOTE:
            return self.single and self.symbols is not None
        if task == TRANSCRIBE:
            return self.symbols is not None
        if self.single:
            return False
        return {
            SOUND: self.symbols is not None,
            ACCOMPANY: self.rest is not None and self.part is not None,
            TEXT: bool(self.texts),
        }.get(task, True)


SHARE_ALONE = 0.5
"""Of a task's examples that are notes alone, where there are others too."""

Cut = tuple[list[Segment], Segment]
"""The sources of a sequence, and its target."""


class UniBatches:
    """Batches of the tasks that the options name and the clips can be examples of. Raises
    InputError for a task of which there is no example."""

    def __init__(
        self, clips: Sequence[UniClip], vocabulary: Vocabulary, options: UniOptions, seed: int = 0
    ):
        self.clips, self.vocabulary, self.options, self.seed = clips, vocabulary, options, seed
        self.tasks = tuple(dict.fromkeys(options.names))
        self.able = {
            task: [i for i, clip in enumerate(clips) if clip.can(task)] for task in self.tasks
        }
        for task, numbers in self.able.items():
            if not numbers:
                raise InputError(
                    f"no clip is an example of the task {task!r}; leave it out of --option tasks="
                    f"{options.tasks}, or name data by --option also=DIR: 'data notes' makes "
                    "single notes, 'data audio --stems' the parts of pieces"
                )

    def draw(self, step: int, size: int) -> dict[str, Tensor]:
        """The batch of a step."""
        rng = np.random.default_rng([self.seed, step])
        names = self.options.names
        rows, tasks = [], []
        for _ in range(size):
            task = names[int(rng.integers(len(names)))]
            clip = self._pick(task, rng)
            sources, target = self.cut(clip, task, rng)
            nothing = rng.random() < self.options.drop
            rows.append(self.vocabulary.sequence(task, sources, target, nothing))
            tasks.append(TASKS.index(task))
        return {**stacked(rows), TASK: torch.tensor(tasks)}

    def _pick(self, task: str, rng: np.random.Generator) -> UniClip:
        """A clip that is an example of a task; of music and of notes alone equally often."""
        numbers = self.able[task]
        alone = [i for i in numbers if self.clips[i].single]
        if alone and len(alone) < len(numbers):
            wants = rng.random() < SHARE_ALONE
            numbers = [i for i in numbers if self.clips[i].single == wants]
        return self.clips[numbers[int(rng.integers(len(numbers)))]]

    def fixed(self, size: int, limit: int = 32) -> list[dict[str, Tensor]]:
        """Batches for validation, each of one task: crops of up to ``limit`` clips, spread over all
        that can be its examples (of music alone, where there is some), with their own sources, with
        the next one's and with none."""
        batches = []
        for task in self.tasks:
            numbers = self.able[task]
            numbers = [i for i in numbers if not self.clips[i].single] or numbers
            count = min(limit, len(numbers))
            spread = np.linspace(0, len(numbers) - 1, count).astype(int).tolist()
            cuts = [self.cut(self.clips[numbers[i]], task) for i in spread]
            for start in range(0, count, size):
                stop = min(count, start + size)
                batches.append(self._compared(task, cuts, range(start, stop)))
        return batches

    def _compared(self, task: str, cuts: Sequence[Cut], which: Sequence[int]) -> dict[str, Tensor]:
        batch: dict[str, Tensor] = {TASK: torch.full((len(which),), TASKS.index(task))}
        for prefix in ("", OTHER, NOTHING):
            rows = []
            for i in which:
                sources = cuts[(i + (prefix == OTHER)) % len(cuts)][0]
                nothing = prefix == NOTHING
                rows.append(self.vocabulary.sequence(task, sources, cuts[i][1], nothing))
            batch |= {prefix + name: value for name, value in stacked(rows).items()}
        return batch

    # ------------------------------------------------------------------ crops

    def cut(self, clip: UniClip, task: str, rng: np.random.Generator | None = None) -> Cut:
        """Sources and target of a clip that can be an example of the task; without an ``rng`` of
        its beginning."""
        frames = self.options.frames
        if task in (TEXT, CONTINUE, EDIT):
            start, length = self._crop(clip.codes.shape[1], frames, rng)
            codes = clip.codes[:, start : start + length]
            if task == TEXT:
                return [self._words(clip, rng)], self.vocabulary.audio(codes)
            return self._of_sound(clip, task, codes, rng)
        frames = max(LEAST, frames // 2)
        if task == NOTE:
            frames = min(2 * frames, clip.codes.shape[1])
        whole = clip.codes if clip.part is None else clip.part
        length = min(clip.codes.shape[1], whole.shape[1])
        start, length = self._crop(length, frames, None if task == NOTE else rng)
        span = slice(start, start + length)
        if task == ACCOMPANY:
            assert clip.rest is not None and clip.part is not None
            heard = self.vocabulary.audio(clip.rest[:, span])
            return [heard], self.vocabulary.audio(clip.part[:, span])
        assert clip.symbols is not None
        rate = self.options.frame_rate
        notes = self.vocabulary.notes(clip.symbols, rate, start, start + length)
        sound = self.vocabulary.audio(clip.codes[:, span])
        return ([sound], notes) if task == TRANSCRIBE else ([notes], sound)

    def _crop(self, there: int, frames: int, rng: np.random.Generator | None) -> tuple[int, int]:
        """From which frame on, and how many."""
        length = min(there, frames)
        start = 0 if rng is None else int(rng.integers(there - length + 1))
        return start, length

    def _words(self, clip: UniClip, rng: np.random.Generator | None, share: float = 0.0) -> Segment:
        """One of a clip's texts, or with the chance ``share`` none."""
        number = 0 if rng is None else int(rng.integers(max(1, len(clip.texts))))
        without = rng is not None and rng.random() < share
        return self.vocabulary.words("" if without or not clip.texts else clip.texts[number])

    def _of_sound(
        self, clip: UniClip, task: str, codes: np.ndarray, rng: np.random.Generator | None
    ) -> Cut:
        """What follows a beginning, or fills a gap."""
        words = self._words(clip, rng, self.options.wordless)
        length = codes.shape[1]
        if task == CONTINUE:
            at = length // 2 if rng is None else int(rng.uniform(*CUT) * length)
            at = max(1, min(at, length - 1))
            audio = self.vocabulary.audio
            return [words, audio(codes[:, :at])], audio(codes[:, at:], at)
        share = sum(GAP) / 2 if rng is None else float(rng.uniform(*GAP))
        gap = max(1, int(share * length))
        first = (length - gap) // 2 if rng is None else int(rng.integers(length - gap + 1))
        around = self.vocabulary.around(codes[:, :first], codes[:, first + gap :], gap)
        return [words, around], self.vocabulary.audio(codes[:, first : first + gap], first)


def stacked(rows: Sequence[Patches]) -> dict[str, Tensor]:
    """Sequences as one batch, the shorter ones filled up to the right."""
    length = max(len(row.patches) for row in rows)
    books = rows[0].patches.shape[1]
    patches = np.zeros((len(rows), length, books), dtype=np.int64)
    when = np.full((len(rows), length), NOWHERE, dtype=np.int64)
    target = np.zeros((len(rows), length), dtype=bool)
    for i, row in enumerate(rows):
        patches[i, : len(row.patches)] = row.patches
        when[i, : len(row.when)] = row.when
        target[i, row.target : len(row.patches)] = True
    named = {PATCHES: patches, WHEN: when, TARGET: target}
    return {name: torch.from_numpy(value) for name, value in named.items()}


def prefixed(batch: Mapping[str, Any], prefix: str) -> tuple[Tensor, Tensor, Tensor] | None:
    """Patches, times and targets of a batch under a prefix; None where it has none."""
    if prefix + PATCHES not in batch:
        return None
    return batch[prefix + PATCHES], batch[prefix + WHEN], batch[prefix + TARGET]
