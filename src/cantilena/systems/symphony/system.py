"""The system ``symphony``: SymphonyNet writes rows under its grammar; rows become a Score.

Knows Briefs, Edits and Orders; does not know networks. Of a Brief it takes up what rows can say:
bars, their length, the chord with which a bar begins, who plays; tempo stands beside them. All else
is not looked at, and the report says what came of it. The network is in ``models.symphony``.

Liu et al., *Symphony Generation with Permutation Invariant Language Model*, ISMIR 2022.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cantilena.decode.interfaces import Job
from cantilena.decode.loop import Loop
from cantilena.decode.sampling import Sampling
from cantilena.errors import CheckpointError, InputError
from cantilena.result import Result
from cantilena.score.splice import merged
from cantilena.systems import no_checkpoint, spec
from cantilena.systems.base import Attempt, Event, Finished, NoteMade, Progress, System
from cantilena.systems.request import Request
from cantilena.systems.symphony.music import Music, NewNotes, added_score, kept, new_score
from cantilena.systems.symphony.order import (
    MOST_ROWS,
    Order,
    OrderGrammar,
    OrderPiece,
    bar_chords,
)
from cantilena.text.report import report
from cantilena.text.wishes import Brief
from cantilena.tokens.symphony import SymphonyScheme
from cantilena.tokens.symphony import vocab as v
from cantilena.tokens.symphony.grammar import TRACK

if TYPE_CHECKING:
    from cantilena.models.checkpoint import Checkpoint
    from cantilena.systems.symphony.engine import RowEngine

BARS = 16
"""Of a piece where no length is asked for."""
BPM = 120.0
LEAST_ROWS = 5
"""Up to the first note: a bar, its chord, a track, a position, the note."""
_STREAM = 0x5E7  # tells the random stream of a piece's rows from others of the same seed

NOT_TAKEN_UP = (
    "key",
    "swing",
    "timing",
    "density",
    "genres",
    "moods",
    "roles",
    "figures",
    "articulations",
    "registers",
    "loudness",
    "form",
    "changes",
    "repetition",
)
"""Wishes that rows cannot say, by their names in a Brief."""


class SymphonySystem(System):
    """A loaded SymphonyNet with its vocabulary.

    Options of a request: ``tokens``, rows of new music at most, at which it is cut off behind its
    last note; by default it ends with its bars."""

    system = "symphony"
    sampling = Sampling(temperature=1.0, top_p=0.95, best_of=1)
    options: ClassVar[Mapping[str, type]] = {"tokens": int}
    engine: RowEngine
    scheme: SymphonyScheme

    @classmethod
    def load(
        cls,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
    ) -> SymphonySystem:
        """The system of a checkpoint's folder. ``device``: the GPU where there is one by default;
        ``dtype``: float32 by default. Raises CheckpointError where it is none of this system, or
        has no vocabulary."""
        from cantilena.models.hub import chosen_device
        from cantilena.models.symphony import SymphonyLM
        from cantilena.systems.symphony.engine import RowEngine

        opened = open_with_vocabulary(cls, checkpoint)
        model = SymphonyLM.load(opened, chosen_device(device), dtype).requires_grad_(False)
        return cls(RowEngine(model, context=context_of(opened)), opened)

    def __init__(self, engine: RowEngine, checkpoint: Checkpoint):
        self.engine = engine
        self.name, self.hash, self.card = checkpoint.name, checkpoint.hash, checkpoint.card
        self.scheme = SymphonyScheme.from_dict(dict(checkpoint.card["scheme"]))
        config = engine.model.config
        sizes = (config.event, config.duration, config.track, config.instrument)
        if sizes != self.scheme.sizes:
            raise CheckpointError(
                f"the checkpoint in {checkpoint.folder} has {sizes} values of each field, its "
                f"vocabulary {self.scheme.sizes}"
            )
        self.grammar = OrderGrammar(self.scheme.vocabulary)

    # ------------------------------------------------------------------ requests

    @property
    def networks(self) -> Sequence[Any]:
        """As ``System.networks``."""
        bridged = self.engine.bridged
        return (self.engine.model, *(() if bridged is None else (bridged.bridge,)))

    def check(self, request: Request) -> None:
        """As ``System.check``; raises InputError too for what cannot be asked of rows."""
        super().check(request)
        if request.sampling is not None and request.sampling.guidance != 1.0:
            raise InputError("guidance is not possible with SymphonyNet's rows; leave it at 1")
        if request.sampling is not None and request.sampling.repetition != 1.0:
            raise InputError("repetition is not controlled with SymphonyNet's rows; leave it at 1")
        if request.options.get("tokens", LEAST_ROWS) < LEAST_ROWS:
            raise InputError(f"a first note takes {LEAST_ROWS} rows; fewer tokens are too few")
        self.piece(request)

    def piece(self, request: Request) -> OrderPiece:
        """The piece of a Request before anything is written. Raises InputError for one that cannot
        be."""
        order, vocabulary = self.order(request), self.scheme.vocabulary
        order.check(vocabulary)
        piece = OrderPiece(vocabulary, order)
        if not piece.playable():
            raise InputError(f"no further track may begin: the piece has {v.TRACKS}")
        return piece

    def order(self, request: Request) -> Order:
        """What a Request asks of rows. Raises InputError as ``Music.after``."""
        brief, music = request.brief, self.music(request)
        past = music.past
        playing = Counter((past[past[:, 1] != v.PAD][:, 3] - v.FIRST).tolist())
        players, due = _players(brief, set(playing), request.edit is not None)
        bars = _bars(brief, music)
        return Order(
            bars,
            music.length,
            bar_chords(brief.chords, brief.chord_beats, bars, music.length),
            players,
            due,
            frozenset(brief.excluded),
            past,
        )

    def music(self, request: Request) -> Music:
        """The time of a Request's new music, and the rows that it goes on from. Raises InputError
        as ``Music.after``."""
        brief = request.brief
        if request.edit is not None:
            return Music.after(self.scheme, request.edit)
        tempo = brief.tempo or (sum(brief.tempo_range) / 2 if brief.tempo_range else BPM)
        num, den = brief.metre_parts or (4, 4)
        return Music(32 * num // den, (num, den), round(60e6 / tempo))

    def text(self, request: Request) -> str | None:
        """What is read before the music: nothing."""
        return None

    # ------------------------------------------------------------------ writing

    def attempt(self, attempts: Sequence[Attempt]) -> Iterator[tuple[int, Event]]:
        """As ``System.attempt``."""
        from cantilena.models.threads import stepwise
        from cantilena.systems.symphony.engine import RowStepper

        jobs = [self._job(attempt) for attempt in attempts]
        music = [self.music(attempt.request) for attempt in attempts]
        notes, open_ = [NewNotes(job.piece) for job in jobs], set(range(len(jobs)))
        loop = Loop(RowStepper(self.engine, jobs), self.grammar, jobs)
        for _ in stepwise(loop.steps(), *self.networks):
            for k in sorted(open_):
                piece = jobs[k].piece
                for note in notes[k].live(music[k]):
                    yield k, NoteMade(note)
                if jobs[k].done:
                    open_.discard(k)
                    yield k, Finished(self._result(attempts[k].request, music[k], jobs[k]))
                else:
                    yield k, Progress(max(piece.new_bars - 1, 0) / piece.order.bars)

    def _job(self, attempt: Attempt) -> Job[OrderPiece, str | None]:
        request = attempt.request
        piece = self.piece(request)
        sampling = request.sampling or self.sampling
        likeliest = replace(sampling, temperature=0.0)  # of tracks, as published
        return Job(
            piece,
            self.text(request),
            (),
            sampling,
            np.random.default_rng([request.seed, attempt.number, _STREAM]),
            piece.first + request.options.get("tokens", 2 * MOST_ROWS * piece.order.bars),
            lambda k, _: likeliest if k == TRACK else sampling,
        )

    def _result(self, request: Request, music: Music, job: Job[OrderPiece, str | None]) -> Result:
        brief, piece = request.brief, job.piece
        rows = piece.new_rows()
        score = new = new_score(self.scheme, rows, music, piece.new_bars)
        if request.edit is not None:
            score = merged(kept(request.edit), added_score(piece, music))
        unheeded = [name for name in NOT_TAKEN_UP if getattr(brief, name) not in (None, ())]
        return Result(
            artefact=score,
            brief=brief,
            request=request.to_dict(),
            rows=report(brief, new),  # of a piece that is gone on from, what was added
            system=self.system,
            checkpoint=self.name,
            checkpoint_hash=self.hash,
            dropped=dict(job.dropped),
            facts={
                "rows": len(rows),
                "ended": len(piece.rows) < job.limit,
                "not taken up": unheeded,
            },
        )


def open_with_vocabulary(cls: type[System], checkpoint: str | Path | None) -> Checkpoint:
    """The checkpoint of a system of rows. Raises InputError where none is named, CheckpointError
    where it has no vocabulary."""
    from cantilena.models.checkpoint import open_checkpoint

    named = checkpoint or spec(cls.system).default
    if not named:
        raise no_checkpoint(cls.system)
    opened = open_checkpoint(named, cls.system)
    if not opened.card["scheme"]:
        raise CheckpointError(
            f"the checkpoint in {opened.folder} has no vocabulary; import the published file again "
            "with vocab_0.json to vocab_3.json and codes.txt in its folder"
        )
    return opened


def context_of(checkpoint: Checkpoint) -> int:
    """Rows that a model was trained on at a time: as its card says, or as the published one. Raises
    CheckpointError for a card with fewer than an example has."""
    from cantilena.systems.symphony.engine import CONTEXT
    from cantilena.systems.symphony.training import LEAST_CONTEXT

    options = checkpoint.card["training"].get("options", {})
    context = options.get("context", CONTEXT) if isinstance(options, dict) else CONTEXT
    if type(context) is not int or context < LEAST_CONTEXT:
        raise CheckpointError(f"the card of {checkpoint.folder} is damaged: context {context!r}")
    return context


def _players(
    brief: Brief, playing: set[int], goes_on: bool
) -> tuple[dict[int, int] | None, frozenset[int]]:
    """How many tracks of each instrument may play, and which have to begin. Those who play in a
    piece that is gone on from answer what is asked for, and stay where nobody is named."""
    if not brief.instruments:
        return (dict.fromkeys(playing, v.TRACKS) if goes_on else None), frozenset()
    players: Counter[int] = Counter()
    for asked in brief.instruments:
        best = next((p for p in asked.programs if p in playing), asked.programs[0])
        players[best] += asked.count
    return dict(players), frozenset(players) - frozenset(brief.excluded)


def _bars(brief: Brief, music: Music) -> int:
    """Bars of new music."""
    if music.bars is not None:
        return music.bars
    if brief.bars is not None:
        return brief.bars
    if brief.seconds is not None:
        return max(1, round(brief.seconds / music.bar_seconds))
    return BARS
