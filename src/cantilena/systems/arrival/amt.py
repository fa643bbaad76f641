"""The system ``amt``: the Anticipatory Music Transformer, alone.

Knows how a published or local checkpoint composes, goes on, fills a gap and accompanies; the
network is in ``models.amt``, the loop in ``decode``. It reads no text: of a Brief it takes what can
be a constraint or a header (instruments, length, tempo), and its report says what came of the rest.

Thickstun et al., *Anticipatory Music Transformer*, TMLR 2024.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cantilena.decode.sampling import Sampling
from cantilena.errors import BriefError, InputError
from cantilena.result import Result
from cantilena.score import Score
from cantilena.systems.arrival.writing import (
    SAMPLING,
    TOKENS,
    Order,
    joined,
    new_score,
    stream,
    write,
)
from cantilena.systems.note.composer import Note
from cantilena.systems.note.composer import Request as NoteRequest
from cantilena.text.report import report, total
from cantilena.text.wishes import Brief
from cantilena.tokens.arrival import AMT, extract_instruments, score_events

if TYPE_CHECKING:
    from cantilena.decode.hf.engine import HFStepModel
    from cantilena.decode.hf.interfaces import PromptState

NAME = "amt"
SECONDS = 30.0
"""Length of a piece, where no length is asked for."""
BATCH = 8  # pieces written abreast
LONGEST_TOKENS = 30_000  # of one piece; 10,000 notes
_DENSITY = 60  # notes a second at which a piece would be stopped


@dataclass(frozen=True)
class Request(NoteRequest):
    """What goes into generation: the Brief, the seed, how to sample, and what there is already.

    ``continues``: a Score to go on from; with ``between`` (seconds) one to be filled in there, its
    notes in between left out; with ``keep`` (instruments) one whose other parts are written anew,
    from ``since`` seconds on, to fit those that are kept.
    """

    sampling: Sampling = field(default_factory=lambda: SAMPLING)
    between: tuple[float, float] | None = None
    keep: tuple[int, ...] | None = None
    since: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data; a continued Score is embedded as base64 MIDI."""
        found = super().to_dict()
        if self.between is not None:
            found["between"] = list(self.between)
        if self.keep is not None:
            found |= {"keep": list(self.keep), "since": self.since}
        return found

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Request:
        """The Request ``to_dict`` wrote. Raises BriefError where something is missing."""
        plain = NoteRequest.from_dict(data)
        try:
            between, keep = data.get("between"), data.get("keep")
            return cls(
                *(plain.brief, plain.seed, plain.sampling, plain.continues),
                between=None if between is None else (float(between[0]), float(between[1])),
                keep=None if keep is None else tuple(int(i) for i in keep),
                since=float(data.get("since", 0.0)),
            )
        except (TypeError, ValueError, IndexError) as e:
            raise BriefError(f"this is not a request that Cantilena wrote: {e}") from e


class Composer:
    """A loaded checkpoint that composes. ``name`` and ``hash`` tell which; ``step_model`` and
    ``prompt`` are what ``cantilena generate`` works with. ``compatible``: sample as the published
    implementation does, quirks included."""

    def __init__(self, model: Any, name: str = NAME, hash: str = "", compatible: bool = False):
        from cantilena.decode.hf.engine import HFStepModel

        self.name, self.hash, self.compatible = name, hash, compatible
        self.step_model: HFStepModel = HFStepModel(model, context=AMT.context)
        self.card: dict[str, Any] = {"name": name, "system": NAME}

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
        compatible: bool = False,
    ) -> Composer:
        """The checkpoint in a folder, of a hub name or of a short name ("music-small"); the small
        published one by default. Raises CheckpointError where it cannot be had."""
        from cantilena.models.amt import hub_folder, load_amt

        source = "music-small" if path is None else path
        model = load_amt(source, dtype, device)
        from cantilena.models.checkpoint import digest

        folder, name = Path(source), str(source)
        if folder.is_dir():
            name = folder.name
        else:
            folder = hub_folder(source)
        return cls(model, name, digest(folder, "config.json"), compatible)

    def prompt(self, text: str | None) -> PromptState:
        """An empty prompt: the piece's flag is all that stands before the music. Raises
        InputError for a text, which this system cannot read."""
        from cantilena.decode.hf.interfaces import PromptState

        if text is not None and text.strip():
            raise InputError("the system 'amt' reads no text; 'amt-prefix' and 'llama-music' do")
        return PromptState()

    def compose(
        self, requests: Sequence[Request], progress: Callable[[float], None] | None = None
    ) -> list[Result]:
        """A Result for each Request, in order: of up to ``sampling.best_of`` pieces the one that
        meets its Brief best. ``progress`` hears the share done of a round of attempts, 0-1."""
        for request in requests:
            self.order(request)  # whatever cannot be written is told before anything is
        found: dict[int, tuple[float, Result]] = {}
        waiting, attempt = list(range(len(requests))), 0
        while waiting:
            for at in range(0, len(waiting), BATCH):
                group = waiting[at : at + BATCH]
                orders = [self.order(requests[i], attempt) for i in group]
                heard = _share(progress, at, len(orders), len(waiting), orders)
                made = write(self, orders, self.compatible, progress=heard)
                for i, written in zip(group, made, strict=True):
                    result = self._result(requests[i], written.events)
                    worth = total(result.rows)
                    if i not in found or worth > found[i][0] + 1e-9:
                        found[i] = (worth, result)
                if progress:
                    progress((at + len(group)) / len(waiting))
            attempt += 1
            waiting = [
                i
                for i in waiting
                if attempt < requests[i].sampling.best_of and found[i][0] < 1 - 1e-9
            ]
        return [found[i][1] for i in range(len(requests))]

    def stream(self, request: Request) -> Iterator[Note]:
        """The new notes of one piece in the order in which they are made; ``bar`` counts those of
        the Brief's metre and tempo, or of the Score that goes on."""
        grid = self._frame(request)
        for time, duration, note in stream(self, self.order(request), self.compatible):
            instrument, pitch = divmod(note - AMT.note, AMT.pitches)
            onset = time / AMT.resolution
            length = min(duration - AMT.duration, AMT.durations - 1) / AMT.resolution
            bar = int(np.searchsorted(grid, onset + 1e-6, side="right"))
            yield Note(onset, length, pitch, 72, instrument, bar)

    # ------------------------------------------------------------------ plain calls

    def continuation(self, score: Score, seconds: float = SECONDS, seed: int = 0) -> Score:
        """``score`` with ``seconds`` more behind its end."""
        return self._one(Request(Brief(seconds=seconds), seed, continues=score))

    def infill(self, score: Score, start: float, end: float, seed: int = 0) -> Score:
        """``score`` with new notes between two times (seconds) in place of those there."""
        return self._one(Request(Brief(), seed, continues=score, between=(start, end)))

    def accompany(
        self, score: Score, keep: Sequence[int], since: float = 0.0, seed: int = 0
    ) -> Score:
        """The parts of ``score`` by the instruments ``keep`` (0-127, 128 drums), with others
        written to them; those of the Score before ``since`` seconds stay and are gone on from."""
        return self._one(Request(Brief(), seed, continues=score, keep=tuple(keep), since=since))

    def _one(self, request: Request) -> Score:
        return self.compose([request])[0].score

    # ------------------------------------------------------------------ orders

    def order(self, request: Request, attempt: int = 0) -> Order:
        """What a Request asks of the model, at its ``attempt``-th trial. Raises InputError for one
        that cannot be met."""
        brief, score = request.brief, request.continues
        allowed = None
        if brief.instruments and request.keep is None:
            allowed = tuple(dict.fromkeys(i.programs[0] for i in brief.instruments))
        plain = {
            **{"seed": _seed(request.seed, attempt), "sampling": request.sampling},
            **{"allowed": allowed, "excluded": brief.excluded},
        }
        if score is None:
            if request.between is not None or request.keep is not None:
                raise InputError("there is no Score to fill in or to accompany")
            return Order(end=_length(brief), tokens=_tokens(_length(brief)), **plain)
        if not len(score):
            raise InputError("there is nothing to go on from: the Score holds no notes")
        events = score_events(score)
        last = float(score.seconds(score.end))
        if request.between is not None:
            start, end = request.between
            if not 0 <= start < end:
                raise InputError(f"a gap cannot go from {start:g} to {end:g} seconds")
            return Order(start=start, end=end, given=events, tokens=_tokens(end - start), **plain)
        if request.keep is not None:
            rest, controls = extract_instruments(events, request.keep)
            if not len(controls):
                raise InputError("the Score has none of the instruments that are to be kept")
            since = request.since
            if not 0 <= since < last:
                raise InputError(f"the Score ends at {last:g} s; it has nothing at {since:g} s")
            before = rest.reshape(-1, 3)
            before = before[before[:, 0] < int(AMT.resolution * since)].reshape(-1)
            given = {"given": before, "controls": controls, "start": since, "end": last}
            return Order(tokens=_tokens(last - since), **given, **plain)
        length = _length(brief)
        given = {"given": events, "start": last, "end": last + length}
        return Order(tokens=_tokens(length), **given, **plain)

    def _result(self, request: Request, events: np.ndarray) -> Result:
        brief, old = request.brief, request.continues
        if old is None:
            score = new_score(events, brief.tempo)
        else:
            score = joined(_kept(old, request), events)
        return Result(
            *(score, brief, request.to_dict(), report(brief, score)),
            checkpoint=self.name,
            checkpoint_hash=self.hash,
        )

    def _frame(self, request: Request) -> np.ndarray:
        """Seconds at which bars begin."""
        score = request.continues
        if score is not None:
            return score.seconds(score.bar_starts)
        bar = _bar(request.brief)
        return np.arange(0, _length(request.brief) + bar, bar)


def load(
    path: str | Path | None = None,
    device: str | None = None,
    dtype: str | None = None,
    compatible: bool = False,
) -> Composer:
    """``Composer.load``."""
    return Composer.load(path, device, dtype, compatible)


def _seed(seed: int, attempt: int) -> int:
    """The seed of an attempt: the given one at first."""
    if not attempt:
        return seed
    return int(np.random.SeedSequence([seed, attempt]).generate_state(1, np.uint64)[0] >> 1)


def _share(
    progress: Callable[[float], None] | None, at: int, size: int, of: int, orders: Sequence[Order]
) -> Callable[[int], None] | None:
    """What turns the tokens that each piece of a group has into the share of a round."""
    if progress is None:
        return None
    most = max(order.tokens for order in orders)
    return lambda n: progress((at + size * min(n / most, 1.0)) / of)


def _kept(score: Score, request: Request) -> Score:
    """What stays of a given Score."""
    at = score.seconds(score.onset)
    if request.between is not None:
        start, end = request.between
        return score.select((at < start) | (at >= end))
    if request.keep is not None:
        own = np.isin(score.instrument, request.keep)
        return score.select(own | (at < request.since))
    return score


def _bar(brief: Brief) -> float:
    """Seconds of a bar of the Brief's metre and tempo (4/4 at 120 where it says none)."""
    num, den = brief.metre_parts or (4, 4)
    return 4 * num / den * 60 / (brief.tempo or 120.0)


def _length(brief: Brief) -> float:
    """Seconds of new music that a Brief asks for."""
    if brief.seconds is not None:
        return float(brief.seconds)
    return SECONDS if brief.bars is None else brief.bars * _bar(brief)


def _tokens(seconds: float) -> int:
    """Tokens at which a piece of that length is stopped: far more than music needs."""
    return min(max(TOKENS, int(3 * _DENSITY * seconds)), LONGEST_TOKENS)
