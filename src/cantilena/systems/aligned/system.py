"""The system ``aligned``: a note model that reads another piece beside the one that it writes.

Knows how Requests become a reference and a target; adapters are in ``models.step_adapters``, and
planning, constraints and reports are the system ``note``'s. A Request with a Score gives a piece to
go with it, bar by bar; one that adds parts to a piece reads what is there as the reference; any
other is written as by the note model alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.decode.interfaces import Job
from cantilena.errors import CheckpointError, InputError
from cantilena.models.step_adapters import open_adapters
from cantilena.score import Score
from cantilena.systems.aligned.base import base_of, pair_hash, shipped_adapters
from cantilena.systems.aligned.beside import beside, check_reference
from cantilena.systems.aligned.engine import AlignedEngine, AlignedStepper
from cantilena.systems.aligned.examples import conditions_of, plain_frame
from cantilena.systems.note.composer import NoteSystem
from cantilena.systems.note.habits import read_habits
from cantilena.systems.note.rewriting import Gap, grid
from cantilena.systems.note.stepper import NoteStepper
from cantilena.systems.note.tracker import Tracker
from cantilena.systems.request import Request
from cantilena.text.wishes import Brief
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.note.conditions import Conditions
from cantilena.tokens.note.grammar import NoteGrammar
from cantilena.tokens.note.streams import Task

if TYPE_CHECKING:
    from cantilena.models.step_aligned import Reference
    from cantilena.systems.note.choosing import Listening


class AlignedSystem(NoteSystem):
    """The adapters of a checkpoint's folder on their note model. One of torch's ``threads`` is the
    quickest for single steps, and takes a tenth of two that share a busy machine."""

    system = "aligned"
    engine: Any

    def __init__(
        self,
        folder: str | Path,
        base: str | Path | None = None,
        threads: int = 1,
        device: str | None = None,
    ):
        adapters = open_adapters(folder)
        note = base_of(adapters, base)
        self.name, self.card = adapters.name, adapters.card
        self.hash = pair_hash(adapters, note)
        try:
            self.task = Task.of(str(adapters.model.get("task", "")))
        except InputError as error:
            raise CheckpointError(f"the card of {adapters.folder} is damaged: {error}") from error
        self.engine = AlignedEngine(adapters, note, threads, device)
        self.scheme = NoteScheme.from_dict(dict(note.card["scheme"]))
        self.grammar = NoteGrammar(self.scheme)
        self.habits = read_habits(note.folder)

    @classmethod
    def load(  # type: ignore[override]
        cls,
        checkpoint: str | Path | None = None,
        base: str | Path | None = None,
        device: str | None = None,
    ) -> AlignedSystem:
        """The adapters in a folder, by default the shipped ones, on the note model that they were
        trained on: the shipped one, or that in ``base``. Raises CheckpointError where it is
        another, and for a folder that cannot be used."""
        if checkpoint is None:
            checkpoint = shipped_adapters()
        return cls(checkpoint, base, device=device)

    @property
    def networks(self) -> Sequence[Any]:
        """As ``System.networks``."""
        return self.engine.network, self.engine.adapters

    def check(self, request: Request) -> None:
        """As ``System.check``. Raises InputError too for a reference without what the task reads,
        and for one beside an edit."""
        super().check(request)
        if request.score is not None:
            if request.edit is not None:
                raise InputError(
                    "a piece that is changed is its own reference; leave the score or the edit out"
                )
            check_reference(request.score, self.task)

    def alike(self, request: Request) -> Hashable:
        """As ``NoteSystem.alike``; and only pieces beside one reference are written together."""
        return super().alike(request), None if request.score is None else id(request.score)

    def apart(self, request: Request) -> bool:
        """New parts of a piece that stays are a stream of their own."""
        return bool(request.options.get("add"))

    def brief_of(self, request: Request) -> Brief:
        """The Brief, with what the reference says of length, tempo, metre, key and chords, and with
        the task's instruments, where it leaves that open."""
        if request.score is None:
            return request.brief
        return beside(request.brief, request.score, self.task, self.habits)

    def writing(self, jobs: Sequence[Job[Tracker, Conditions]], request: Request) -> NoteStepper:
        """As ``NoteSystem.writing``, beside the Request's reference."""
        reference = None if request.score is None else self._read(request.score)
        if reference is None:
            return super().writing(jobs, request)
        return AlignedStepper(self.engine, jobs, reference)

    def listening(
        self, jobs: Sequence[Job[Tracker, Conditions]], here: Gap, request: Request
    ) -> Listening:
        """As ``NoteSystem.listening``, beside what stays of the piece."""
        reference = self._kept(here) if self.apart(request) else None
        if reference is None:
            return super().listening(jobs, here, request)
        return AlignedStepper(self.engine, jobs, reference)

    def _read(self, score: Score) -> Reference | None:
        table, lines = self.scheme.table(score), grid(score.bar_starts, score.tpq)
        metre = (int(score.metre_num[0]), int(score.metre_den[0]))
        front = conditions_of(table, score.bpm, metre, score.n_bars)
        return self.engine.read(table, plain_frame(lines), front)

    def _kept(self, here: Gap) -> Reference | None:
        bars, plan = here.frame.bar_starts, here.plan
        front = conditions_of(here.table, plan.bpm, plan.metre, len(bars) - 1)
        return self.engine.read(here.table, plain_frame(bars), front)
