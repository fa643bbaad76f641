"""What the systems over AMT's vocabulary share: a Request becomes an Order, events a Result.

Knows Briefs, Edits and Orders; does not know networks, or how a text becomes a prompt: a system
says that by ``prompt``, and gives the ``step_model`` that reads music.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cantilena.decode.interfaces import Job
from cantilena.decode.loop import Loop
from cantilena.errors import InputError
from cantilena.result import Result
from cantilena.score import Score
from cantilena.score.splice import chased, released, without
from cantilena.systems import no_checkpoint, spec
from cantilena.systems.arrival.grammar import ArrivalGrammar
from cantilena.systems.arrival.writing import (
    SAMPLING,
    TOKENS,
    VELOCITY,
    Order,
    joined,
    loop_of,
    loudness,
    new_score,
    piece_of,
    sounding,
    written,
)
from cantilena.systems.base import (
    Attempt,
    Event,
    Finished,
    Note,
    NoteMade,
    Progress,
    Request,
    System,
)
from cantilena.systems.request import Edit, Span
from cantilena.text.report import report
from cantilena.text.wishes import Brief
from cantilena.tokens.arrival import (
    AMT,
    ArrivalHeader,
    ArrivalVocabulary,
    header_of,
    nearest_ticks,
    reference_midi,
    score_events,
    to_score,
)

if TYPE_CHECKING:
    from cantilena.decode.hf.interfaces import PromptState, StepModel
    from cantilena.models.checkpoint import Checkpoint
    from cantilena.systems.arrival.piece import ArrivalPiece

    ArrivalJob = Job[ArrivalPiece, PromptState]

MAX_TOKENS = 30_000
"""Tokens of a piece at most; 10,000 notes."""
NOTES_A_SECOND = 60
"""Density at which a piece of a given length is stopped: far more than music needs."""


class ArrivalSystem(System):
    """A loaded model over AMT's vocabulary.

    ``step_model`` reads music and says what may follow; ``vocabulary``: what its tokens mean;
    ``rests``: whether it was trained on sequences with RESTs; ``seconds``: the length of a piece
    where none is asked for, None for as many as ``tokens`` give.

    Options of a request: ``tokens`` of a piece at most, ``most`` instruments in it (16; drums and
    those of a piece that is edited count), and ``compatible``, to sample and write files as the
    published implementation does: then without tempo or metre, and notes may outlast the length.
    """

    sampling = SAMPLING
    options: ClassVar[Mapping[str, type]] = {"tokens": int, "most": int, "compatible": bool}
    step_model: StepModel
    vocabulary: ArrivalVocabulary = AMT
    rests: bool = True
    seconds: float | None = None

    @classmethod
    def need(cls, checkpoint: str | Path | None) -> str | Path:
        """The checkpoint that is named. Raises InputError where none is and none is the default."""
        named = checkpoint or spec(cls.system).default
        if not named:
            raise no_checkpoint(cls.system)
        return named

    def identify(self, checkpoint: Checkpoint | None) -> None:
        """Takes up a checkpoint's name, hash and card; a model in memory has the system's name."""
        self.name = self.system if checkpoint is None else checkpoint.name
        self.hash = "" if checkpoint is None else checkpoint.hash
        own = {"name": self.name, "system": self.system}
        self.card = own if checkpoint is None else checkpoint.card

    @abstractmethod
    def prompt(self, text: str | None) -> PromptState:
        """What is read before the music for a text, or without one."""

    @property
    def networks(self) -> Sequence[Any]:
        """As ``System.networks``."""
        model = getattr(self.step_model, "model", None)  # a table has none
        return () if model is None else (model,)

    def steps(self, loop: Loop) -> Iterator[int]:
        """The steps of a loop, those of a small model in one thread."""
        if not self.networks:  # then torch is not needed either
            return loop.steps()
        from cantilena.models.threads import stepwise

        return stepwise(loop.steps(), *self.networks)

    def check(self, request: Request) -> None:
        """As ``System.check``; and whether the model can be asked for it."""
        super().check(request)
        if request.sampling is not None and request.sampling.guidance != 1.0:
            raise InputError("guidance is not possible with AMT's tokens; leave it at 1")
        if request.sampling is not None and request.sampling.repetition != 1.0:
            raise InputError("repetition is not controlled with AMT's tokens; leave it at 1")
        grammar = ArrivalGrammar(request.options.get("most"), self.vocabulary)
        compatible = bool(request.options.get("compatible"))
        piece_of(self, self.order(Attempt(request)), grammar, compatible)

    def alike(self, request: Request) -> Any:
        """Compatible pieces have slots of other sizes; the rest may be made side by side."""
        return (bool(request.options.get("compatible")), request.options.get("most"))

    def attempt(self, attempts: Sequence[Attempt]) -> Iterator[tuple[int, Event]]:
        """As ``System.attempt``."""
        options = attempts[0].request.options
        orders = [self.order(attempt) for attempt in attempts]
        loop = loop_of(self, orders, bool(options.get("compatible")), options.get("most"))
        lives = [_LiveNotes(self, a.request, j) for a, j in zip(attempts, loop.jobs, strict=True)]
        open_ = set(range(len(attempts)))
        for _ in self.steps(loop):
            for k in sorted(open_):
                job = loop.jobs[k]
                for note in lives[k].take():
                    yield k, NoteMade(note)
                if job.done:
                    open_.discard(k)
                    yield k, Finished(self._result(attempts[k].request, orders[k], job))
                else:
                    yield k, Progress(_share(job, orders[k], self.vocabulary))

    # ------------------------------------------------------------------ orders

    def order(self, attempt: Attempt) -> Order:
        """What an attempt at a Request asks of the model. Raises InputError for one that cannot be
        met."""
        request = attempt.request
        brief = request.brief
        allowed = tuple(dict.fromkeys(i.programs[0] for i in brief.instruments)) or None
        text = brief.text if "text" in spec(self.system).reads else ""
        shared: dict[str, Any] = {
            "text": text.strip() or None,
            "seed": _seed(request.seed, attempt.number),
            "sampling": request.sampling or self.sampling,
            "allowed": allowed,
            "excluded": brief.excluded,
        }
        if request.edit is not None:
            order = self._edited(request.edit, brief, shared)
        else:
            length = _length(brief, self.seconds, _bar(brief))
            tokens = TOKENS if length is None else _tokens(length)
            order = Order(end=length, tokens=tokens, **shared)
        if "tokens" in request.options:
            order = order.with_tokens(request.options["tokens"])
        order.check()
        return order

    def _edited(self, edit: Edit, brief: Brief, shared: dict[str, Any]) -> Order:
        """What an Edit asks of the model: what is before its span is gone on from, what is after
        it and the tracks that are kept are controls, known in advance."""
        start, stop = _span(edit)
        last = float(edit.base.seconds(edit.base.end))
        if edit.kind == "go on":
            length = _length(brief, self.seconds, _last_bar(edit.base))
            if stop is None and length is None:
                raise InputError("say how long the new music is to be: seconds or bars")
            stop = start + (length or 0) if stop is None else stop
        else:
            stop = last if stop is None else min(stop, last)
            if start >= last:
                raise InputError(f"the piece ends at {last:g} s; it has nothing at {start:g} s")
        tokens = _tokens(stop - start)
        if edit.tracks is None:
            events = score_events(edit.base)
            return Order(start=start, end=stop, past=events, tokens=tokens, **shared)
        anew = np.isin(edit.base.track, list(edit.tracks))
        if anew.all():
            raise InputError("no track is kept that the others could be written to; name fewer")
        controls = score_events(edit.base.select(~anew)) + self.vocabulary.control
        rest = kept(edit)
        outside = score_events(rest.select(np.isin(rest.track, list(edit.tracks))))
        return Order(
            start=start, end=stop, past=outside, controls=controls, tokens=tokens, **shared
        )

    def _result(self, request: Request, order: Order, job: ArrivalJob) -> Result:
        brief, edit, piece, v = request.brief, request.edit, written(job), self.vocabulary
        end = order.end if piece.ended and order.end is not None else 0.0
        files = {}
        if edit is None:
            compatible = bool(request.options.get("compatible"))
            score = new = new_score(
                piece.events,
                None if compatible else header_for(brief).lasting(end),
                v,
                reference=compatible,
            )
            if compatible and len(piece.events):
                files["mid"] = reference_midi(sounding(piece.events, v), v)
        else:
            score = joined(kept(edit), piece.events, v, edit.tracks, end)
            new = _added(edit, order.start, end, piece.events, v)
        return Result(
            artefact=score,
            brief=brief,
            request=request.to_dict(),
            rows=report(brief, new),  # of a piece that is edited, what was added
            system=self.system,
            checkpoint=self.name,
            checkpoint_hash=self.hash,
            dropped=dict(job.dropped),
            facts={"tokens": piece.sampled, "ended": piece.ended},
            files=files,
        )


class _LiveNotes:
    """The notes of a piece under way, each once, timed as they will be in its Score."""

    def __init__(self, system: ArrivalSystem, request: Request, job: ArrivalJob):
        self.vocabulary, self.piece, self.row = system.vocabulary, job.piece, 0
        edit = request.edit
        if edit is None:
            reference = bool(request.options.get("compatible"))
            header = None if reference else header_for(request.brief)
            self.clock = to_score([], header=header, reference=reference)
            self.velocity = VELOCITY
            bar = _bar(request.brief)
            end = 3600.0 + bar
            self.bars = np.arange(0, end, bar)
        else:
            self.clock = to_score([], header=header_of(edit.base))
            self.velocity = loudness(kept(edit))
            self.bars = edit.base.seconds(edit.base.bar_starts)

    def take(self) -> Iterator[Note]:
        """The notes that were made since the last call."""
        v = self.vocabulary
        rows, self.row = self.piece.rows[self.row :], len(self.piece.rows)
        for time, duration, note in rows:
            if note == v.rest:
                continue
            instrument, pitch = divmod(note - v.note, v.pitches)
            length = min(duration - v.duration, v.durations - 1)
            ends = np.array([time, time + length]) / v.resolution
            ticks = nearest_ticks(self.clock, ends)
            ticks[1] = max(ticks[1], ticks[0] + 1)
            start, stop = self.clock.seconds(ticks).tolist()
            bar = int(np.searchsorted(self.bars, start + 1e-6, side="right"))
            yield Note(start, stop - start, pitch, self.velocity, instrument, bar)


def kept(edit: Edit) -> Score:
    """What stays of the piece that is edited; and, since these systems write no controls, what lets
    go of pedals and bends for the new music and sets them again behind it."""
    base, spans = edit.base, [_only(edit).ticks(edit.base)]
    if edit.kind == "go on":
        controls = released(base, max(base.end, spans[0][0]))
        return replace(base, controls=base.controls.joined(controls))
    rest, controls = without(base, spans, edit.tracks), chased(base, spans, edit.tracks)
    return replace(rest, controls=rest.controls.joined(controls))


def _span(edit: Edit) -> tuple[float, float | None]:
    return _only(edit).seconds(edit.base)


def _only(edit: Edit) -> Span:
    first, *more = edit.spans
    if more:
        raise InputError("this system changes one span at a time; give one")
    return first


def _seed(seed: int, attempt: int) -> int:
    """The seed of an attempt: that of the request at first."""
    if not attempt:
        return seed
    return int(np.random.SeedSequence([seed, attempt]).generate_state(1, np.uint64)[0] >> 1)


def _share(job: ArrivalJob, order: Order, vocabulary: ArrivalVocabulary) -> float:
    """The share of a piece that is written, by tokens or by time, whichever is further."""
    piece = job.piece
    share = len(piece.rows) / max(job.limit, 1)
    if order.end is not None:
        seconds = piece.now / vocabulary.resolution - order.start
        share = max(share, seconds / (order.end - order.start))
    return min(share, 1.0)


def _bar(brief: Brief) -> float:
    """Seconds of a bar of the Brief's metre and tempo (4/4 at 120 where it says none)."""
    num, den = brief.metre_parts or (4, 4)
    return 4 * num / den * round(60e6 / (brief.tempo or 120.0)) * 1e-6  # as a file has it


def _last_bar(base: Score) -> float:
    """Seconds of a bar as a piece's last."""
    quarters = 4 * int(base.metre_num[-1]) / int(base.metre_den[-1])
    return quarters * int(base.tempo_us[-1]) * 1e-6


def _length(brief: Brief, default: float | None, bar: float) -> float | None:
    """Seconds of new music that a Brief asks for, where a bar has ``bar``."""
    if brief.seconds is not None:
        return float(brief.seconds)
    return default if brief.bars is None else brief.bars * bar


def header_for(brief: Brief) -> ArrivalHeader:
    """What of a Brief stands beside the tokens, whatever they are: tempo and metre."""
    tempos = () if brief.tempo is None else ((0, round(60e6 / brief.tempo)),)
    metres = () if brief.metre_parts is None else ((0, *brief.metre_parts),)
    return ArrivalHeader(tempos=tempos, metres=metres)


def _added(edit: Edit, start: float, end: float, events: np.ndarray, v: ArrivalVocabulary) -> Score:
    """What an Edit adds, alone: from ``start`` to ``end`` (seconds), with the maps of its piece."""
    header = header_of(edit.base).since(_only(edit).ticks(edit.base)[0])
    rows = np.array(events).reshape(-1, 3)
    rows[:, 0] -= int(v.resolution * start)
    return new_score(rows.reshape(-1), header.lasting(end - start), v)


def _tokens(seconds: float) -> int:
    """Tokens at which a piece of that length is stopped."""
    return min(max(TOKENS, int(3 * NOTES_A_SECOND * seconds)), MAX_TOKENS)
