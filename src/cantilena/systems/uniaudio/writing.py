"""Writing with UniAudio: an order to codes, turn by turn, and codes to notes, in the one loop.

Knows the model, tasks, windows and sequences; does not know codecs, Requests or sound. A turn is
one sequence with a random stream of its own. A piece that is longer than what was learned at a time
is written in several, each of which knows the end of what is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from cantilena.decode.interfaces import Bias, Job
from cantilena.decode.loop import Loop
from cantilena.decode.sampling import Sampling
from cantilena.decode.windows import Window, windows
from cantilena.errors import InputError
from cantilena.models.audio.uniaudio import POSITIONS, UniAudio, UniSession
from cantilena.models.threads import stepwise
from cantilena.systems.uniaudio.piece import UniGrammar, UniPiece
from cantilena.tokens.codes.patches import (
    ACCOMPANY,
    AUDIO,
    CONTINUE,
    EDIT,
    NOTE,
    NOTES,
    SOUND,
    TEXT,
    TRANSCRIBE,
    NoteRow,
    Patches,
    Segment,
    Vocabulary,
)
from cantilena.tokens.codes.symbols import Sounding

SAMPLING = Sampling(temperature=1.0, top_p=0.95, guidance=2.0, best_of=1, repetition=0.0)
LIKELIEST = Sampling(temperature=0.0, guidance=1.0, best_of=1, repetition=0.0)
"""How notes are written."""
AGAIN = 4
"""Of a window of sound beside notes or another sound, one part in so many is there already."""
MOST_NOTES = 200
"""Of a window: half as many again as in the densest two seconds of rendered music here."""


@dataclass(frozen=True)
class UniOrder:
    """One piece to write: the ``task``, its length in ``frames``; by task its ``text``, its
    ``notes``, whose seconds are the piece's, or the codes ``heard`` (K, T) of a recording, of
    which ``gap`` are the frames that are new."""

    task: str
    frames: int
    text: str = ""
    notes: Sounding | None = None
    heard: np.ndarray | None = None
    gap: tuple[int, int] = (0, 0)
    seed: int = 0
    sampling: Sampling = SAMPLING


@dataclass(frozen=True)
class Turn:
    """A sequence to write: its task, frames ``begin`` to ``stop`` of the piece that are new, and
    ``start``: the frame that is the first of its window."""

    task: str
    start: int
    begin: int
    stop: int

    @classmethod
    def of(cls, task: str, window: Window) -> Turn:
        """The turn of a window."""
        return cls(task, window.start, window.begin, window.stop)


def turns(order: UniOrder, frames: int) -> list[Turn]:
    """The turns of an order, of sequences of so many frames of sound. Raises InputError for a
    length or a gap that cannot be."""
    if order.frames < 1:
        raise InputError(f"a piece must have at least one frame, not {order.frames}")
    half = max(1, frames // 2)
    if order.task in (TEXT, CONTINUE):
        there = 0 if order.heard is None else order.heard.shape[1]
        name = CONTINUE if there else TEXT
        every = windows(order.frames, frames, half, begin=there)
        return [Turn.of(name, window) for window in every]
    if order.task == EDIT:
        return _filling(order, half)
    length = frames if order.task == NOTE else half
    stride = max(1, length - length // AGAIN)
    return [Turn.of(order.task, w) for w in windows(order.frames, length, stride)]


def _filling(order: UniOrder, half: int) -> list[Turn]:
    """The turns of a gap: what is longer than half of a sequence is gone on with first."""
    (at, stop), out = order.gap, []
    if not 0 <= at < stop <= order.frames:
        raise InputError(f"there is no gap from frame {at} to {stop} in {order.frames}")
    while stop - at > half:
        out.append(Turn(CONTINUE if at else TEXT, max(0, at - half), at, at + half))
        at += half
    return [*out, Turn(EDIT, max(0, at - (half * 2 - (stop - at)) // 2), at, stop)]


class UniStepper:
    """Leads the model through one sequence; under guidance with a second beside it whose sources
    are not known: logits are ``without + guidance * (with - without)``."""

    draws = False

    def __init__(self, model: UniAudio, job: Job[UniPiece, Patches], length: int):
        self.model, self.job = model, job
        self.fields = model.config.books
        self.prompts = [job.piece.prompt]
        if job.sampling.guidance != 1.0:
            self.prompts.append(job.conditions)
        self.session = UniSession(model, len(self.prompts), length)
        self.device = model.join.weight.device
        self.hidden: torch.Tensor | None = None
        self.tokens = torch.zeros(len(self.prompts), 0, dtype=torch.long, device=self.device)

    def begin(self) -> None:
        """Reads the prompt and what is there of the target."""
        rows = [(prompt.patches, prompt.when) for prompt in self.prompts]
        piece = self.job.piece
        patches = [np.concatenate([one, piece.patches()]) for one, _ in rows]
        when = [np.concatenate([one, np.array(piece.when, dtype=np.int64)]) for _, one in rows]
        self._read(np.stack(patches), np.stack(when))

    def advance(self) -> None:
        """Reads the newest patch, unless none follows."""
        piece = self.job.piece
        if not piece.complete:
            patches = np.array(piece.rows[-1])[None, None]
            self._read(patches, np.array([[piece.when[-1]]]))

    def _read(self, patches: np.ndarray, when: np.ndarray) -> None:
        rows = torch.from_numpy(patches).to(self.device).expand(len(self.prompts), -1, -1)
        times = torch.from_numpy(when).to(self.device).expand(len(self.prompts), -1)
        self.hidden = self.session.read(rows, times)
        self.tokens = self.tokens[:, :0]

    def logits(self, k: int) -> np.ndarray:
        """(1, written) of field ``k``; behind a sound that is complete anything."""
        if self.job.piece.complete or self.hidden is None:
            return np.zeros((1, self.model.config.written), dtype=np.float32)
        values = self.session.logits(self.hidden, self.tokens)
        if len(values) > 1:
            values = values[1:] + self.job.sampling.guidance * (values[:1] - values[1:])
        return values.cpu().numpy()

    def draw(
        self, k: int, bias: Bias, samplings: Sequence[Sampling], numbers: Sequence[float]
    ) -> Sequence[int]:
        """Never asked for, as ``draws`` says: values are chosen from ``logits``."""
        raise AssertionError("a stepper of uniaudio gives logits")

    def chose(self, k: int, chosen: Sequence[Sequence[int]]) -> None:
        """Takes up field ``k``, unless nothing follows."""
        if self.job.piece.complete:
            return
        value = self.tokens.new_full((len(self.tokens), 1), chosen[0][k])
        self.tokens = torch.cat([self.tokens, value], dim=1)


class UniWriting:
    """The writing of an order; ``codes``: its own (K, T), 0 where nothing is written yet. Raises
    InputError for a task that writes no sound, and what ``turns`` refuses."""

    def __init__(self, model: UniAudio, vocabulary: Vocabulary, order: UniOrder, rate: float):
        self.model, self.vocabulary, self.order, self.rate = model, vocabulary, order, rate
        self.turns = turns(order, vocabulary.frames)
        self.rows = np.zeros((vocabulary.books, order.frames), dtype=np.int64)
        if order.heard is not None and order.task in (CONTINUE, EDIT):
            there = order.heard[:, : order.frames]
            self.rows[:, : there.shape[1]] = there
        self.total = max(1, sum(turn.stop - turn.begin for turn in self.turns))
        self.done = self.written = 0

    @property
    def kept(self) -> dict[str, np.ndarray]:
        """As ``ByWindows.kept``: a turn is a window."""
        return {"rows": self.rows, "written": np.array(self.written)}

    def restore(self, tokens: Mapping[str, np.ndarray]) -> bool:
        """As ``ByWindows.restore``: nothing of another shape or out of range."""
        try:
            rows, written = tokens["rows"], int(tokens["written"])
        except (KeyError, TypeError, ValueError):
            return False
        fits = rows.shape == self.rows.shape and rows.dtype.kind == "i"
        if not fits or not 0 <= written <= len(self.turns):
            return False
        if (rows < 0).any() or (rows >= self.vocabulary.card).any():
            return False
        for turn in self.turns[:written]:
            self.rows[:, turn.begin : turn.stop] = rows[:, turn.begin : turn.stop]
            self.done += turn.stop - turn.begin
        self.written = written
        return True

    @property
    def ready(self) -> np.ndarray:
        """(K, T) codes of the frames from the first on that are written, or there of a
        recording."""
        first = self.turns[0].begin if self.turns else self.order.frames
        all_of = self.done >= self.total or not self.turns
        return self.rows if all_of else self.rows[:, : first + self.done]

    @property
    def codes(self) -> list[np.ndarray]:
        """The codes so far, as those of one piece."""
        return [self.rows]

    def steps(self) -> Iterator[tuple[int, int]]:
        """Writes frame by frame; yields how many are done, and how many there are."""
        yield from stepwise(self._steps(), self.model)

    def _steps(self) -> Iterator[tuple[int, int]]:
        for number, turn in list(enumerate(self.turns))[self.written :]:
            job = self._job(number, turn)
            piece = job.piece
            length = len(piece.prompt.patches) + piece.frames
            there = len(piece.rows)
            for _ in Loop(UniStepper(self.model, job, length), UniGrammar(), [job]).steps():
                row = self.vocabulary.codes_of(piece.patches()[-1:])
                if len(piece.rows) > there:
                    at = turn.stop - piece.frames + len(piece.rows) - 1
                    self.rows[:, at : at + 1], there = row, len(piece.rows)
                    self.done += 1
                yield self.done, self.total
            self.written = number + 1
        if not self.turns:
            yield 1, 1

    def run(self) -> np.ndarray:
        """Writes everything; gives the codes (K, T)."""
        for _ in self.steps():
            pass
        return self.rows

    def _job(self, number: int, turn: Turn) -> Job[UniPiece, Patches]:
        vocabulary, order = self.vocabulary, self.order
        again = turn.task not in (CONTINUE, EDIT)  # what is there begins the target
        first = turn.start if again else turn.begin
        beginning = vocabulary.audio(self.rows[:, first : turn.begin]).patches
        sources = self._sources(turn)
        target = Segment(AUDIO, beginning[:0], np.zeros(0, dtype=np.int64))
        prompt, without = (
            vocabulary.sequence(turn.task, sources, target, nothing) for nothing in (False, True)
        )
        begin = first - turn.start
        for one in (prompt, without):
            one.when[-1] = begin - 1
        piece = UniPiece(vocabulary, prompt, AUDIO, turn.stop - first, begin, beginning)
        rng = np.random.default_rng([order.seed, number])
        return Job(piece, without, (), order.sampling, rng)

    def _sources(self, turn: Turn) -> list[Segment]:
        """What a turn reads."""
        vocabulary, order = self.vocabulary, self.order
        if turn.task in (SOUND, NOTE):
            if order.notes is None:
                raise InputError(f"the task {turn.task!r} needs notes")
            return [vocabulary.notes(order.notes, self.rate, turn.start, turn.stop)]
        if turn.task == ACCOMPANY:
            if order.heard is None or order.heard.shape[1] < turn.stop:
                raise InputError(f"the task {turn.task!r} needs a recording as long as the part")
            return [vocabulary.audio(order.heard[:, turn.start : turn.stop])]
        words = vocabulary.words(order.text)
        if turn.task == TEXT:
            return [words]
        before = self.rows[:, turn.start : turn.begin]
        if turn.task == CONTINUE:
            return [words, vocabulary.audio(before)]
        gap = turn.stop - turn.begin
        room = vocabulary.frames - gap - before.shape[1]
        after = self.rows[:, turn.stop : turn.stop + max(0, room)]
        return [words, vocabulary.around(before, after, gap)]


def write_notes(
    model: UniAudio,
    vocabulary: Vocabulary,
    codes: np.ndarray,
    sampling: Sampling = LIKELIEST,
    seed: int = 0,
) -> Iterator[tuple[list[NoteRow], int]]:
    """The notes of codes (K, T), window by window: those that begin in what is new of each, their
    frames counted from the beginning, and the frame up to which they reach."""
    length = max(1, vocabulary.frames // 2)
    stride = max(1, length - length // AGAIN)
    for number, window in enumerate(windows(codes.shape[1], length, stride)):
        heard = vocabulary.audio(codes[:, window.start : window.stop])
        nothing: Any = np.zeros(0, dtype=np.int64)
        target = Segment(NOTES, heard.patches[:0], nothing)
        whole = vocabulary.sequence(TRANSCRIBE, [heard], target)
        prompt = Patches(whole.patches[:-1], whole.when[:-1], whole.target)
        piece = UniPiece(vocabulary, prompt, NOTES)
        room = POSITIONS - len(prompt.patches) - 1
        limit = min(MOST_NOTES * vocabulary.note_patches, room)
        rng = np.random.default_rng([seed, number])
        one = replace(sampling, guidance=1.0)
        job = Job(piece, prompt, (), one, rng, limit=limit)
        stepper = UniStepper(model, job, len(prompt.patches) + limit + 1)
        Loop(stepper, UniGrammar(), [job]).run()
        notes = dict.fromkeys(
            note._replace(frame=note.frame + window.start)
            for note in vocabulary.notes_of(piece.patches())
            if window.begin <= note.frame + window.start < window.stop and note.frame >= 0
        )
        yield list(notes), window.stop
