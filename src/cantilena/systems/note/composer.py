"""The system ``note``: Brief to Plan, the note model under constraints, a Score and its report.

Knows how the parts are wired; each part is elsewhere. Needs no torch.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cantilena.analysis import spell_chord
from cantilena.analysis.songlikeness import songlikeness
from cantilena.decode.interfaces import Job
from cantilena.decode.loop import Loop
from cantilena.errors import CheckpointError, InputError, UnknownNameError
from cantilena.models.checkpoint import Checkpoint
from cantilena.result import Result
from cantilena.score import Score
from cantilena.systems.base import Attempt, Event, Finished, NoteMade, Progress, Request, System
from cantilena.systems.note.boldness import Boldness
from cantilena.systems.note.casting import PERCUSSION
from cantilena.systems.note.checkpoint import open_note
from cantilena.systems.note.choosing import Listening
from cantilena.systems.note.constraints import constraints
from cantilena.systems.note.continuing import Continued, continued
from cantilena.systems.note.dynamics import Dynamics, plan_dynamics
from cantilena.systems.note.engine import Engine
from cantilena.systems.note.filling import OPTIONS, check_fill, fill
from cantilena.systems.note.finishing import LiveNotes, finished
from cantilena.systems.note.habits import read_habits
from cantilena.systems.note.manner import figures_of
from cantilena.systems.note.plan import Plan
from cantilena.systems.note.planning import LOOPING, make_plan
from cantilena.systems.note.prefix import prefix
from cantilena.systems.note.rewriting import Gap
from cantilena.systems.note.stepper import NoteStepper
from cantilena.systems.note.tracker import Tracker
from cantilena.text.report import report
from cantilena.text.wishes import Brief
from cantilena.tokens.note import GRID, NoteScheme
from cantilena.tokens.note.conditions import Conditions
from cantilena.tokens.note.grammar import NoteGrammar

if TYPE_CHECKING:
    from cantilena.systems.note.torch_engine import TorchEngine

MAX_STEPS_PER_BAR = 90
"""Steps of a bar at most, so that a piece that does not end is cut off; songs have 41 a bar."""
STEPS_OVER_DENSITY = 2.5  # the same, as a multiple of the density that is asked for


@dataclass
class _Piece:
    """An attempt on its way: its Plan, its job and its notes."""

    request: Request
    plan: Plan
    job: Job[Tracker, Conditions]
    notes: LiveNotes
    before: Continued | None = None
    dynamics: Dynamics | None = None
    figured: frozenset[int] = frozenset()
    finished: bool = False

    @property
    def share(self) -> float:
        """Of the new music, how much is written, 0-1."""
        start, end = self.plan.origin, self.plan.end
        return min(max((self.job.piece.tick - start) / max(end - start, 1), 0.0), 1.0)


class NoteSystem(System):
    """The note model of a checkpoint's folder."""

    system = "note"
    options = OPTIONS

    def __init__(self, folder: str | Path, threads: int | None = None, engine: str = "onnx"):
        """``engine``: "onnx", the default install's, or "torch", in full precision. ``threads``: by
        default two where there are two cores; their number changes nothing but the speed."""
        checkpoint = open_note(folder)
        self.name, self.hash, self.card = checkpoint.name, checkpoint.hash, checkpoint.card
        threads = min(2, os.cpu_count() or 1) if threads is None else threads
        self.engine = _engine(checkpoint, threads, engine)
        self.scheme = NoteScheme.from_dict(dict(self.card["scheme"]))
        self.grammar = NoteGrammar(self.scheme)
        self.habits = read_habits(checkpoint.folder)

    @classmethod
    def load(
        cls, checkpoint: str | Path | None = None, threads: int | None = None, engine: str = "onnx"
    ) -> NoteSystem:
        """The checkpoint in a folder; the shipped one by default, loaded once a process."""
        if checkpoint is None and threads is None and engine == "onnx":
            return _shipped()
        return cls(shipped_folder() if checkpoint is None else checkpoint, threads, engine)

    def check(self, request: Request) -> None:
        """As ``System.check``; and whether the piece that goes on can be gone on from."""
        super().check(request)
        if _fills(request):
            check_fill(request, self.scheme, self.habits)
            return
        for name in request.options:
            raise InputError(f"the option {name} is of rewriting; give an edit within a piece")
        if request.edit is not None:
            if request.edit.spans[0].stop is not None:
                raise InputError(
                    "the system 'note' goes on for as many bars or seconds as the brief asks; "
                    "leave the end of the span open"
                )
            rng = np.random.default_rng(request.seed)
            continued(request.brief, request.edit.base, self.scheme, self.habits, rng)

    def alike(self, request: Request) -> Hashable:
        """Pieces are made abreast when as many steps stand before them and all or none are guided:
        then none changes what another computes."""
        base = None if request.edit is None else id(request.edit.base)
        return (
            _fills(request),
            base,
            request.sampling is not None and request.sampling.guidance != 1.0,
        )

    def side_by_side(self, request: Request) -> bool:
        """As ``System.side_by_side``: new pieces, and what a piece goes on with, by how like songs
        they are. Spans within a piece have candidates of their own."""
        return not _fills(request)

    def attempt(self, attempts: Sequence[Attempt]) -> Iterator[tuple[int, Event]]:
        """As ``System.attempt``. Of pieces that are filled the candidates are made abreast, and
        those of several whose spans stand behind equally many steps."""
        if _fills(attempts[0].request):
            yield from fill(self, attempts)
            return
        pieces = [self._piece(attempt) for attempt in attempts]
        jobs = [piece.job for piece in pieces]
        stepper = self.writing(jobs, attempts[0].request)
        for _ in Loop(stepper, self.grammar, jobs).steps():
            for k, piece in enumerate(pieces):
                if piece.finished:
                    continue
                piece.finished = piece.job.done
                for note in piece.notes.take(piece.finished):
                    yield k, NoteMade(note)
                if piece.finished:
                    yield k, self._end(piece)
                else:
                    yield k, Progress(piece.share)

    def apart(self, request: Request) -> bool:
        """Whether the parts that are added to a piece are written as a stream of their own, in
        which the model does not read what is kept."""
        return False

    def brief_of(self, request: Request) -> Brief:
        """What a new piece is planned by: the Request's Brief, or more."""
        return request.brief

    def writing(self, jobs: Sequence[Job[Tracker, Conditions]], request: Request) -> NoteStepper:
        """What leads the model through new pieces, all ``alike``, of which ``request`` is one."""
        return NoteStepper(self.engine, jobs)

    def listening(
        self, jobs: Sequence[Job[Tracker, Conditions]], here: Gap, request: Request
    ) -> Listening:
        """What leads it through the candidates of a Gap."""
        return Listening(self.engine, jobs)

    def _piece(self, attempt: Attempt) -> _Piece:
        request = attempt.request
        brief, sampling = self.brief_of(request), request.sampling or self.sampling
        # the text is part of the seed: what two texts leave open is not the same in both
        words = zlib.crc32(brief.text.encode("utf-8", "replace"))
        rng = np.random.default_rng([request.seed, attempt.number, words])
        before = None
        if request.edit is not None:
            plan, before = continued(brief, request.edit.base, self.scheme, self.habits, rng)
        else:
            plan = make_plan(brief, self.habits, rng)
        tracker = Tracker(plan.frame, self.scheme.max_delta, plan.outline)
        planned = tracker.agenda is not None and bool(self.engine.model.get("plan"))
        if before is not None:
            for step in before.steps:
                tracker.push(*step)
        named = any(i.name == "percussion" for i in brief.instruments)
        figures = figures_of(brief, plan)
        wishes = constraints(
            plan,
            self.scheme,
            sampling.repetition,
            swing=brief.swing,
            played=brief.timing == "played",
            hand_percussion=named or bool(PERCUSSION & set(brief.genres)),
            figures=figures,
            informed=planned,
        )
        roles = {part.instrument: part.role for part in plan.parts}
        steps_per_bar = max(MAX_STEPS_PER_BAR, STEPS_OVER_DENSITY * (plan.density or 0.0))
        job = Job(
            tracker,
            prefix(
                brief,
                plan,
                instruments=[part.instrument for part in plan.parts],
                bars=plan.bars,
                swing=brief.swing,
                text=brief.text,
            ),
            wishes,
            sampling,
            rng,
            limit=len(tracker.rows) + 64 + int(steps_per_bar * plan.bars),
            sampling_by_field=Boldness(sampling, roles, bool(LOOPING & set(brief.genres)), planned),
        )
        dynamics = plan_dynamics(brief, plan)
        notes = LiveNotes(plan, self.scheme, tracker, before, dynamics, figures)
        return _Piece(request, plan, job, notes, before, dynamics, frozenset(figures))

    def _end(self, piece: _Piece) -> Finished:
        rows, plan = piece.job.piece.rows, piece.plan
        score = new = finished(rows, plan, self.scheme, None, piece.dynamics, piece.figured)
        if piece.before is not None:
            score = finished(rows, plan, self.scheme, piece.before, piece.dynamics, piece.figured)
        brief = piece.request.brief
        chords = tuple(
            (_on(score, t, piece.before), spell_chord(c, plan.key_at(t))) for t, c in plan.chords
        )
        result = Result(
            artefact=score,
            brief=brief,
            request=piece.request.to_dict(),
            rows=report(brief, new),  # of a continued piece, what was added
            system=self.system,
            checkpoint=self.name,
            checkpoint_hash=self.hash,
            chords=chords,
            dropped=dict(piece.job.dropped),
        )
        chosen = self.side_by_side(piece.request) and self.attempts(piece.request) > 1
        return Finished(result, songlikeness(new) if chosen else 0.0)


def _fills(request: Request) -> bool:
    """Whether a Request asks for music within a piece, and not behind it."""
    return request.edit is not None and request.edit.kind != "go on"


def _on(score: Score, tick: int, before: Continued | None) -> int:
    """A grid tick in a Score's own ticks; new music counts from the given Score's last bar line."""
    if before is None or tick < before.origin:
        return tick * score.tpq // GRID
    return int(before.score.bar_starts[-1]) + (tick - before.origin) * score.tpq // GRID


def _engine(checkpoint: Checkpoint, threads: int, name: str) -> Engine | TorchEngine:
    if name == "onnx":
        return Engine(checkpoint, threads)
    if name != "torch":
        raise UnknownNameError("engine", name, ("onnx", "torch"))
    from cantilena.systems.note.torch_engine import TorchEngine

    return TorchEngine(checkpoint, threads)


def shipped_folder() -> Path:
    """The folder of the shipped checkpoint. Raises CheckpointError where it is missing."""
    folder = Path(str(resources.files("cantilena") / "checkpoints" / "note"))
    if not (folder / "card.json").exists():
        raise CheckpointError("the shipped checkpoint is missing: reinstall cantilena")
    return folder


@lru_cache(maxsize=1)
def _shipped() -> NoteSystem:
    return NoteSystem(shipped_folder())
