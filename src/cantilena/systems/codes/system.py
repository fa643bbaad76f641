"""The system ``musicgen``: a Brief becomes a Score, the Score leads a model of codes, a codec makes
sound of the codes.

Knows how these are wired, lengths and loudness; each part is elsewhere. The Score is the one that
the system ``note`` composes for the same words and seed, or a reference Score; with the condition
"text", MusicGen's own, there is none. Needs torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from cantilena.audio.audio import Audio
from cantilena.errors import InputError, UnknownNameError
from cantilena.models.audio.codec.stream import decode_blocks
from cantilena.models.audio.musicgen import MELODY, TEXT
from cantilena.render.synth import room
from cantilena.result import Result
from cantilena.score import Score
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
from cantilena.systems.codes.conditions import Wish, read_controls
from cantilena.systems.codes.judging import OPTION, judge, judged_facts, seed_of, sound_row
from cantilena.systems.codes.pair import Pair, load_pair
from cantilena.systems.codes.streaming import sound_blocks
from cantilena.systems.codes.tune import Tune, check_no_bars, melody_rows, tune_of, tune_row
from cantilena.systems.codes.writing import SAMPLING, CodeOrder, CodeWriting
from cantilena.systems.note.composer import NoteSystem
from cantilena.text.prompt import prompt_of
from cantilena.text.report import report, seconds_row
from cantilena.text.report.rows import Row
from cantilena.text.report.sound import sound_report
from cantilena.text.wishes import Brief
from cantilena.tokens.codes.symbols import SYMBOLS, score_symbols

SCORE = "score"
CONDITIONS = (SCORE, TEXT, MELODY)
"""What can lead the model of codes; beside a melody a text is read as well."""
CONTROLS = "controls"
MUSICGEN = "musicgen"
SECONDS = 10.0
"""Of a piece by text alone, where no length is asked for: a third of MusicGen's window."""
METRE = "4/4"
NOTES_SHARE = 0.2
"""Of a piece's progress, how much composing the Score counts as: a minute of music takes note
some three seconds, and a small model of codes four times that."""


class Writing(Protocol):
    """What writes a piece's codes step by step."""

    @property
    def codes(self) -> list[np.ndarray]: ...

    def steps(self) -> Iterator[tuple[int, int]]:
        """As ``CodeWriting.steps``."""
        ...


@dataclass
class Piece:
    """A Request on its way: the Score that leads it, with what is known of that one, the writing of
    its codes, and their seed; or the tune that it follows."""

    request: Request
    condition: str
    tune: Tune | None = None
    guide: Result | None = None
    score: Score | None = None
    writing: Writing | None = None
    seed: int = 0


class MusicgenSystem(System):
    """A model of codes, its codec, and the note system's shipped model where a Score leads."""

    system = MUSICGEN
    sampling = replace(SAMPLING, best_of=NoteSystem.sampling.best_of)
    """``best_of`` is of Scores, and a piece's sound is written once; with the option ``joint``, the
    folder of a joint embedding, so many sounds are written and the one most like the text is kept.
    All else is of the codes; Scores are composed as ``note`` does by default."""
    options: ClassVar[Mapping[str, type]] = {"condition": str, OPTION: str, CONTROLS: str}
    """``controls``: of "roll", "drums", "chords" and "beat", what the model is told of the Score,
    with commas; all by default. The rest is then its own."""
    piece: ClassVar[type[Piece]] = Piece
    """What is known of a Request on its way."""

    def __init__(self, pair: Pair):
        self.writer, self.codec = pair.writer, pair.codec
        self.name, self.hash, self.card = pair.name, pair.hash, pair.card
        self.notes = NoteSystem.load()

    @classmethod
    def load(
        cls,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
        codec: str | None = None,
    ) -> MusicgenSystem:
        """The system of a checkpoint as ``systems.codes.pair.load_pair`` takes it, which see."""
        return cls(load_pair(checkpoint, codec, device, dtype, cls.system))

    @property
    def networks(self) -> Sequence[Any]:
        """As ``System.networks``."""
        return (self.writer.model,)

    # ------------------------------------------------------------------ what is asked

    @property
    def conditions(self) -> tuple[str, ...]:
        """Those of ``CONDITIONS`` that the model reads, the first being the one by default."""
        conditioner = self.writer.conditioner
        reads = set(self.writer.model.config.conditions)
        able = {SCORE: bool(self.symbols), TEXT: TEXT in reads, MELODY: MELODY in reads}
        able[TEXT] &= conditioner.encoder is not None
        return tuple(name for name in CONDITIONS if able[name])

    def condition(self, request: Request) -> str:
        """What leads a Request's codes. Raises UnknownNameError, and InputError for a condition
        that the model does not read."""
        asked = request.options.get("condition", "")
        if asked and asked not in CONDITIONS:
            raise UnknownNameError("condition", asked, CONDITIONS)
        if asked and asked not in self.conditions:
            raise InputError(
                f"the model {self.name!r} cannot be led by {asked}; it reads "
                f"{' and '.join(self.conditions) or 'nothing'}"
            )
        if not self.conditions:
            raise InputError(f"the model {self.name!r} reads neither a Score nor a text")
        return asked or self.conditions[0]

    def without_effect(self, request: Request) -> Sequence[str]:
        """As ``System.without_effect``: bars that come back are no matter of codes, and there is a
        best only of Scores that are composed, and of sounds that are judged."""
        composed = self.condition(request) == SCORE and request.score is None
        chosen = composed or bool(request.options.get(OPTION))
        return ("repetition",) if chosen else ("repetition", "best_of")

    def _check_tune(self, request: Request) -> None:
        """Raises InputError where there is no tune to follow, or none in what is given."""
        if (request.score is None) == (request.audio is None):
            raise InputError("a melody leads; give one, a Score or a recording")
        check_no_bars(request.brief)
        tune_of(request)

    def check(self, request: Request) -> None:
        """As ``System.check``; and whether the model can be led so, and the Score composed."""
        super().check(request)
        if place := request.options.get(OPTION):
            judge(place)
        condition = self.condition(request)
        if self.controls(request) and condition != SCORE:
            raise InputError("controls are of a Score; leave the condition out, or name score")
        if condition == MELODY:
            self._check_tune(request)
        elif self.system == MUSICGEN and request.audio is not None:
            raise InputError(f"a recording is followed with the condition melody, not {condition}")
        elif condition == TEXT:
            if request.score is not None:
                raise InputError("a Score cannot sound where the text alone leads; leave one out")
            text_seconds(request.brief)
        elif request.score is None:
            self.notes.check(self._of_notes(request))
        elif not len(request.score):
            raise InputError("the piece that is to sound has no notes")

    @property
    def symbols(self) -> Sequence[str]:
        """What the model reads of a Score."""
        return [name for name in self.writer.model.config.conditions if name in SYMBOLS]

    def controls(self, request: Request) -> tuple[str, ...] | None:
        """What the model is told of a Request's Score; None for all. Raises InputError."""
        text = request.options.get(CONTROLS, "")
        return read_controls(text, self.symbols) if text else None

    def attempts(self, request: Request) -> int:
        """1, as the best Score is chosen before there is sound, but where sounds are judged."""
        return super().attempts(request) if request.options.get(OPTION) else 1

    def side_by_side(self, request: Request) -> bool:
        """All attempts at a Request that is judged and led by a Score, so that this is composed
        once for them."""
        judged = bool(request.options.get(OPTION))
        return judged and request.score is None and self.condition(request) == SCORE

    def _of_notes(self, request: Request) -> Request:
        """The Request for the Score."""
        best_of = (request.sampling or self.sampling).best_of
        sampling = replace(self.notes.sampling, best_of=best_of)
        return Request(request.brief, request.seed, sampling, system=self.notes.system)

    # ------------------------------------------------------------------ how it is made

    def attempt(self, attempts: Sequence[Attempt]) -> Iterator[tuple[int, Event]]:
        """As ``System.attempt``. Scores are composed abreast; codes are written piece by piece in
        turns of equal work, so that no rounding of a batch lets one piece hang on another."""
        pieces = [self._piece(attempt.request, attempt.number) for attempt in attempts]
        yield from self._compose(pieces)
        going = {}
        for k, piece in enumerate(pieces):
            piece.writing = self._writing(piece)
            going[k] = piece.writing.steps()
        done = dict.fromkeys(going, 0)
        while going:
            k = min(going, key=lambda k: (done[k], k))  # so that short pieces do not wait
            step = next(going[k], None)
            if step is None:
                del going[k]
                yield k, Finished(self._result(pieces[k]))
                self._written(pieces[k])
            else:
                done[k] = step[0]
                yield k, Progress(NOTES_SHARE + (1 - NOTES_SHARE) * step[0] / step[1])

    def _written(self, piece: Any) -> None:
        """What is done once whoever takes a piece has it."""

    def _piece(self, request: Request, number: int = 0) -> Piece:
        """What is known of an attempt's piece before anything is made."""
        piece = self.piece(request, self.condition(request))
        piece.tune = tune_of(request) if piece.condition == MELODY else None
        piece.seed = seed_of(request.seed, number)
        return piece

    def blocks(self, request: Request) -> Iterator[np.ndarray]:
        """The sound of a piece in blocks (n, channels) as soon as they cannot change any more, as
        the codec gives them: neither brought to a loudness nor faded, as both need the whole. Of a
        Score that is composed none comes before it is. Raises InputError."""
        request = self.completed(request)
        self.check(request)
        piece = self._piece(request)
        for _ in self._compose([piece]):
            pass
        piece.writing = self._writing(piece)
        yield from self._blocks(piece)
        self._written(piece)

    def _blocks(self, piece: Any) -> Iterator[np.ndarray]:
        """The blocks of a piece that is to be written."""
        length = round(self._seconds(piece) * self.codec.sample_rate)
        return sound_blocks(self.codec, piece.writing, length)

    def _compose(self, pieces: Sequence[Piece]) -> Iterator[tuple[int, Event]]:
        """Gives the pieces their Scores; those that ask for the same get one."""
        orders: list[Request] = []
        composed: list[list[int]] = []  # the pieces of each order
        for k, piece in enumerate(pieces):
            if piece.tune is not None:
                continue
            if piece.request.score is not None:
                piece.score = piece.request.score
                yield from ((k, NoteMade(note)) for note in notes_of(piece.score))
            elif piece.condition == SCORE:
                order = self._of_notes(piece.request)
                if order in orders:
                    composed[orders.index(order)].append(k)
                else:
                    orders.append(order)
                    composed.append([k])
        for i, event in self.notes.run(orders):
            for k in composed[i]:
                if isinstance(event, Finished):
                    pieces[k].guide, pieces[k].score = event.result, event.result.score
                elif isinstance(event, Progress):
                    yield k, Progress(NOTES_SHARE * event.share)
                else:
                    yield k, event

    def _seconds(self, piece: Piece) -> float:
        """How long a piece is to sound: as asked in seconds, else as long as its Score."""
        brief = piece.request.brief
        if piece.tune is not None and brief.seconds is None:
            return piece.tune.seconds
        if piece.score is None:
            return text_seconds(brief)
        end = float(piece.score.seconds(piece.score.end))
        exact = brief.seconds is not None and brief.seconds_range is None
        return brief.seconds if exact and brief.seconds is not None else end

    def _writing(self, piece: Piece) -> Writing:
        """What will write a piece's codes."""
        return CodeWriting(self.writer, [self._order(piece)])

    def _order(self, piece: Piece) -> CodeOrder:
        reads_text = TEXT in self.conditions
        wish = Wish(
            prompt_of(piece.request.brief) if reads_text else "",
            melody=None if piece.tune is None else melody_rows(piece.request, piece.tune),
            score=None if piece.score is None else score_symbols(piece.score),
            controls=self.controls(piece.request),
        )
        frames = max(1, int(np.ceil(self._seconds(piece) * self.writer.rate - 1e-6)))
        sampling = piece.request.sampling or self.sampling
        return CodeOrder(frames, wish, piece.seed, sampling=sampling)

    def _result(self, piece: Piece) -> Result:
        brief, guide = piece.request.brief, piece.guide
        sound = self._sound(piece)
        return Result(
            artefact=sound,
            brief=brief,
            request=piece.request.to_dict(),
            rows=self._rows(piece, sound),
            checkpoint=self.name,
            checkpoint_hash=self.hash,
            chords=() if guide is None else guide.chords,
            system=self.system,
            dropped={} if guide is None else guide.dropped,
            facts=self._facts(piece),
            guide=piece.score,
        )

    def _rows(self, piece: Piece, sound: Audio) -> tuple[Row, ...]:
        """The report: of the Score, where there is one, but for the length, which is the sound's;
        with a joint embedding its likeness too."""
        brief, guide = piece.request.brief, piece.guide
        if piece.score is None:
            rows = text_rows(brief, sound.seconds)
            rows = rows if piece.tune is None else (*rows, tune_row(piece.tune, sound))
        else:
            rows = report(brief, piece.score) if guide is None else guide.rows
            long = {"seconds": seconds_row(brief, sound.seconds)}
            rows = tuple(long.get(row.wish, row) for row in rows)
        place = piece.request.options.get(OPTION)
        return (*rows, sound_row(place, prompt_of(brief), sound)) if place else tuple(rows)

    def _facts(self, piece: Piece) -> dict[str, Any]:
        """What the JSON file says of how a piece was sounded."""
        facts: dict[str, Any] = {
            "condition": piece.condition,
            "codec": self.codec.fingerprint()[:16],
            "bits_per_second": round(self.codec.bits(self.writer.model.config.books), 1),
        }
        facts |= judged_facts(piece.request.options.get(OPTION))
        if piece.guide is not None:
            facts["score_by"] = {
                "name": piece.guide.checkpoint,
                "sha256": piece.guide.checkpoint_hash,
            }
        return facts

    def _sound(self, piece: Piece) -> Audio:
        """The sound of a piece's codes, as loud as a rendered Score is, its end faded."""
        assert piece.writing is not None
        rate = self.codec.sample_rate
        length = round(self._seconds(piece) * rate)
        blocks = list(decode_blocks(self.codec, piece.writing.codes[0], length))
        sound = np.concatenate(blocks).T[:2]
        pair = np.broadcast_to(sound, (2, sound.shape[1])).copy()
        fade(pair, rate)
        return Audio(room.master(pair, rate)[: len(sound)], rate)


FADE = 0.03
"""Seconds over which the end of a sound fades, so that it does not click."""


def fade(sound: np.ndarray, rate: int) -> None:
    """Lets the end of (channels, n) fade, in place."""
    n = min(sound.shape[1], round(FADE * rate))
    if n:
        sound[:, -n:] *= np.linspace(1, 0, n, dtype=np.float32)


def text_seconds(brief: Brief) -> float:
    """How long a piece without a Score is to be: as asked in seconds, or in bars at the tempo that
    is asked for; ``SECONDS`` where no length is. Raises InputError for bars without a tempo."""
    if brief.seconds is not None:
        return brief.seconds
    if brief.bars is None:
        return SECONDS
    bar = bar_seconds(brief)
    if bar is None:
        raise InputError(
            "led by the text alone bars have no length of their own: give --seconds, or a tempo"
        )
    return brief.bars * bar


def bar_seconds(brief: Brief) -> float | None:
    """How long a bar of the asked tempo and metre (else ``METRE``) lasts; None without a tempo."""
    if brief.tempo is None:
        return None
    number, unit = map(int, (brief.metre or METRE).split("/"))
    return number * 4 / unit * 60 / brief.tempo


def text_rows(brief: Brief, seconds: float) -> tuple[Row, ...]:
    """The report of a piece without a Score: its length, and why nothing else is measured."""
    return sound_report(brief, seconds, bar_seconds(brief))


def notes_of(score: Score) -> Iterator[Note]:
    """The notes of a Score as they are told of while one is composed."""
    starts, lines = score.seconds(score.onset), score.bar_starts
    lengths = score.seconds(score.onset + score.duration) - starts
    bars = np.searchsorted(lines, score.onset, side="right")
    rows = zip(starts, lengths, score.pitch, score.velocity, score.instrument, bars, strict=True)
    for start, length, pitch, velocity, instrument, bar in rows:
        yield Note(
            float(start), float(length), int(pitch), int(velocity), int(instrument), int(bar)
        )
