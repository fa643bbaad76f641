"""The system ``attributes``: MuseCoco's second stage, from classes of attributes to music.

Knows Requests, the words before the music, and how words become a Score and notes on their way; the
network is in ``models.attribute_lm``, the loop in ``decode``.

Lu et al., *MuseCoco: Generating Symbolic Music from Text*, 2023.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cantilena.decode.interfaces import Job
from cantilena.decode.loop import Loop
from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.result import Result
from cantilena.score import DRUMS, Score
from cantilena.score.harmony import Key
from cantilena.systems import no_checkpoint
from cantilena.systems.attributes.constraints import constraints_of
from cantilena.systems.attributes.live import LiveNotes
from cantilena.systems.attributes.wishes import classes_of
from cantilena.systems.base import (
    Attempt,
    Event,
    Finished,
    NoteMade,
    Progress,
    Request,
    System,
)
from cantilena.text.report import report
from cantilena.text.wishes import Brief
from cantilena.tokens.remi import RemiScheme, read_words
from cantilena.tokens.remi import vocab as v
from cantilena.tokens.remi.attributes import prefix
from cantilena.tokens.remi.grammar import RemiGrammar, RemiPiece

if TYPE_CHECKING:
    from cantilena.models.attribute_lm import AttributeLM
    from cantilena.systems.attributes.stepper import AttributeJob

WORDS = 2_560
"""Words of a piece at most, as the published sampling has it."""
LEAST_WORDS = 16
"""Words within which a bar with a note is sure to fit."""
_STREAM = 0xA77  # tells the random stream of a piece's words from others of the same seed


class AttributesSystem(System):
    """A model of music behind 63 words of attributes.

    A Brief becomes classes (``wishes.classes_of``), above which stand a Request's ``attributes``,
    by the names of ``ATTRIBUTE_CLASSES``. Length, metre, tempo and instruments of the Brief are
    held by constraints as well, and its tonic by moving the music, which is written in C major or
    A minor; what ``attributes`` alone say is left to the model.

    Options of a request: ``tokens``, words of a piece at most (2,560); ``steady``, whether later
    bars keep the first one's metre and tempo (true): small models forget them, and songs of a data
    set have one tempo."""

    system = "attributes"
    sampling = Sampling(temperature=1.0, top_p=1.0, top_k=15, best_of=1)
    options: ClassVar[Mapping[str, type]] = {"tokens": int, "steady": bool}

    def __init__(self, model: AttributeLM, name: str, hash: str, card: Mapping[str, Any]):
        self.model, self.name, self.hash, self.card = model, name, hash, card

    @classmethod
    def load(
        cls,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
    ) -> AttributesSystem:
        """The checkpoint in a folder, or a file in the published layout. Raises CheckpointError,
        and InputError where none is named or its vocabulary is another."""
        from cantilena.models.attribute_lm import AttributeLM
        from cantilena.models.checkpoint import open_checkpoint, sha256_of
        from cantilena.models.hub import chosen_device

        if checkpoint is None:
            raise no_checkpoint(cls.system)
        place = Path(checkpoint)
        if place.is_file():
            model = AttributeLM.load(place, chosen_device(device), dtype)
            name, hash = place.name, sha256_of(place)[:16]
            card: Mapping[str, Any] = {"name": name, "system": cls.system}
        else:
            opened = open_checkpoint(place, cls.system)
            model = AttributeLM.load(opened, chosen_device(device), dtype)
            name, hash, card = opened.name, opened.hash, opened.card
        if model.config.words != v.SIZE:
            raise InputError(
                f"the model in {place} has {model.config.words:,} words; MuseCoco has {v.SIZE:,}"
            )
        return cls(model, name, hash, card)

    @property
    def networks(self) -> Sequence[Any]:
        """As ``System.networks``."""
        return (self.model,)

    def check(self, request: Request) -> None:
        """As ``System.check``; and whether the model can be asked for it."""
        super().check(request)
        sampling = request.sampling
        if sampling is not None and sampling.guidance != 1.0:
            raise InputError("guidance is not possible with attributes; leave it at 1")
        if sampling is not None and sampling.repetition != 1.0:
            raise InputError("repetition is not controlled with attributes; leave it at 1")
        if request.options.get("tokens", LEAST_WORDS) < LEAST_WORDS:
            raise InputError(f"a bar with a note takes up to {LEAST_WORDS} tokens; allow as many")
        self.classes(request)
        constraints_of(request.brief)

    def classes(self, request: Request) -> dict[str, int]:
        """The classes that a Request asks for. Raises InputError where one of its attributes cannot
        be."""
        for name, value in request.attributes.items():
            if isinstance(value, bool) or not isinstance(value, int):
                raise InputError(f"attributes have whole numbers, and {name} has {value!r}")
        classes = {**classes_of(request.brief), **request.attributes}
        prefix(classes)
        return classes

    def attempt(self, attempts: Sequence[Attempt]) -> Iterator[tuple[int, Event]]:
        """As ``System.attempt``."""
        from cantilena.models.threads import stepwise
        from cantilena.systems.attributes.stepper import AttributeStepper

        jobs = [self._job(attempt) for attempt in attempts]
        loop = Loop(AttributeStepper(self.model, jobs), RemiGrammar(), jobs)
        briefs = [attempt.request.brief for attempt in attempts]
        lives = [_live(job.piece, b) for job, b in zip(jobs, briefs, strict=True)]
        open_ = set(range(len(jobs)))
        for _ in stepwise(loop.steps(), self.model):
            for k in sorted(open_):
                job = jobs[k]
                for note in lives[k].take(job.done):
                    yield k, NoteMade(note)
                if job.done:
                    open_.discard(k)
                    yield k, Finished(self._result(attempts[k].request, job))
                else:
                    yield k, Progress(_share(job, briefs[k]))

    def _job(self, attempt: Attempt) -> AttributeJob:
        request = attempt.request
        end = [v.END_OF_PIECE]
        words = np.concatenate([end, prefix(self.classes(request)), [v.SEPARATOR]])
        return Job(
            RemiPiece(),
            words.astype(np.int64),
            constraints_of(request.brief, request.options.get("steady", True)),
            request.sampling or self.sampling,
            np.random.default_rng([request.seed, attempt.number, _STREAM]),
            request.options.get("tokens", WORDS),
        )

    def _result(self, request: Request, job: AttributeJob) -> Result:
        brief = request.brief
        score = score_of(job.piece.whole(), brief)
        return Result(
            artefact=score,
            brief=brief,
            request=request.to_dict(),
            rows=report(brief, score),
            system=self.system,
            checkpoint=self.name,
            checkpoint_hash=self.hash,
            dropped=dict(job.dropped),
            facts={
                "attributes": self.classes(request),
                "tokens": len(job.piece.rows),
                "ended": len(job.piece.rows) < job.limit,
            },
        )


def semitones(brief: Brief) -> int:
    """Semitones (-6 to 5) by which music in C major or A minor is moved into a Brief's key; 0 for a
    Brief without one."""
    if brief.key is None:
        return 0
    key = Key.from_name(brief.key)
    return (key.tonic - (9 if key.minor else 0) + 6) % 12 - 6


def score_of(words: np.ndarray, brief: Brief) -> Score:
    """The Score of (T, 1) words, in the Brief's key and, where words came as near as they can, at
    its tempo exactly. Where a length is asked for, no note rings on behind the last bar line."""
    score, shift = RemiScheme().decode(words), semitones(brief)
    drums = np.array([track.instrument == DRUMS for track in score.tracks])[score.track]
    pitch = np.where(drums, score.pitch, shifted_pitch(score.pitch, shift))
    tempos = [exact_tempo(us, brief) for us in score.tempo_us.tolist()]
    duration = score.duration
    if asks_length(brief):
        duration = np.minimum(duration, reading_end(words) - score.onset)
    metres = zip(*(x.tolist() for x in _metres(score)), strict=True)
    key = None if brief.key is None else Key.from_name(brief.key)
    return Score.build(
        score.tpq,
        score.tracks,
        score.onset,
        duration,
        pitch,
        score.velocity,
        score.track,
        zip(score.tempo_tick.tolist(), tempos, strict=True),
        metres,
        () if key is None else [(0, key.fifths, int(key.minor))],
    )


def _metres(score: Score) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return score.metre_tick, score.metre_num, score.metre_den


def asks_length(brief: Brief) -> bool:
    """Whether a Brief asks for bars or seconds."""
    return brief.bars is not None or brief.seconds is not None


def reading_end(words: np.ndarray) -> int:
    """The position of the last bar line of (T, 1) words."""
    return read_words(words[:, 0]).bar_ends[-1]


def _live(piece: RemiPiece, brief: Brief) -> LiveNotes:
    shift = semitones(brief)
    return LiveNotes(
        piece,
        lambda pitch: int(shifted_pitch(np.array(pitch), shift)),
        lambda us: exact_tempo(us, brief),
        asks_length(brief),
    )


def shifted_pitch(pitch: np.ndarray, shift: int) -> np.ndarray:
    """Pitches (N,) moved by ``shift`` semitones, by an octave less where they would leave 0-127."""
    there = pitch + shift
    return there + 12 * (there < 0) - 12 * (there > 127)


def exact_tempo(us: int, brief: Brief) -> int:
    """Microseconds per quarter of a tempo word's, or of the Brief's tempo where that word is the
    nearest to it."""
    if brief.tempo is None:
        return us
    asked = round(60e6 / brief.tempo)
    return asked if v.tempo_class(us) == v.tempo_class(asked) else us


def _share(job: AttributeJob, brief: Brief) -> float:
    """The share of a piece that is written, by words or by bars, whichever is further."""
    share = len(job.piece.rows) / job.limit
    if brief.bars is not None and brief.seconds is None:
        share = max(share, job.piece.bars / brief.bars)
    return min(share, 1.0)
