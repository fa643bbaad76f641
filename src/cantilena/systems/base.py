"""What a system is: Requests in, Events out, one piece after another or several abreast.

Knows Requests, Events, best-of and batches; does not know models, tokens or how a piece is made.
Everything the product does with a system (compose, stream, report, replay, evaluate) goes through
``System.run``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError, UnknownNameError
from cantilena.result import Result
from cantilena.systems import SYSTEMS, spec
from cantilena.systems.request import Edit, Request, Span
from cantilena.text.report import total

__all__ = [
    "Edit",
    "Event",
    "Finished",
    "Note",
    "NoteMade",
    "Progress",
    "Request",
    "Span",
    "System",
]


@dataclass(frozen=True)
class Note:
    """A note of a piece under way: ``onset`` and ``duration`` in seconds of the finished piece,
    MIDI ``pitch`` and ``velocity``, ``instrument`` 0-127 or 128 for drums, ``bar`` from 1."""

    onset: float
    duration: float
    pitch: int
    velocity: int
    instrument: int
    bar: int


@dataclass(frozen=True)
class NoteMade:
    """A note that will not change any more and is in the Result."""

    note: Note


@dataclass(frozen=True)
class Progress:
    """The ``share`` of a piece that is done, 0-1; it never falls."""

    share: float


@dataclass(frozen=True)
class Finished:
    """A piece is done; nothing follows on it. ``merit`` decides between attempts that obey a Brief
    alike: the higher, the better; only those at one Request are compared."""

    result: Result
    merit: float = 0.0


Event = NoteMade | Progress | Finished


JUDGE = "joint"
"""The option by which systems of sound keep of several sounds the one most like the text."""

DIGITS = 9
"""Of a score (0-1) that count: what differs beyond is rounding."""


@dataclass(frozen=True)
class Attempt:
    """One trial at a Request: the ``number``-th from 0, of up to ``sampling.best_of``."""

    request: Request
    number: int = 0


@dataclass
class _Candidate:
    """The best attempt at a request so far (how well it obeys, then its merit, then the first), and
    of each attempt under way the notes and the share done."""

    worth: tuple[float, float, int] = (-1.0, 0.0, 0)
    result: Result | None = None
    notes: list[NoteMade] = field(default_factory=list)
    held: dict[int, list[NoteMade]] = field(default_factory=dict)
    shares: dict[int, float] = field(default_factory=dict)
    left: int = 0


class System(ABC):
    """A loaded checkpoint that composes. ``name`` and ``hash`` tell which, ``card`` what it is.

    A subclass sets ``system`` (its name in ``SYSTEMS``), ``sampling`` (how it samples by default)
    and ``options`` (name -> type of what ``Request.options`` may hold), and gives ``load`` and
    ``attempt``. It may be used from several threads at once and for several pieces at once: what
    changes while a piece is made belongs to ``attempt``.
    """

    system: ClassVar[str]
    sampling: ClassVar[Sampling] = Sampling()
    options: ClassVar[Mapping[str, type]] = {}
    batch: int = 8
    """Pieces that are made abreast."""

    name: str
    hash: str
    card: Mapping[str, Any]

    @classmethod
    @abstractmethod
    def load(cls, checkpoint: str | Path | None = None) -> System:
        """The system of a checkpoint; of its default one where none is named. Raises
        CheckpointError for one that cannot be used. Subclasses may take further keywords."""

    @abstractmethod
    def attempt(self, attempts: Sequence[Attempt]) -> Iterator[tuple[int, Event]]:
        """Makes the pieces of some attempts, at most ``batch`` of them and all ``alike``.

        Yields (index in ``attempts``, Event): notes as they become final, the share of the attempt
        that is done at least once a step of the model, and each piece's end. What one gives does
        not depend on those beside it."""

    def alike(self, request: Request) -> Hashable:
        """Requests are made abreast where this is equal."""
        return None

    @property
    def networks(self) -> Sequence[Any]:
        """The torch modules that write music, text models and codecs apart; none where the card
        has how many ``parameters`` there are."""
        return ()

    @property
    def parameters(self) -> int | None:
        """Weights of what writes music; None where nobody counted them."""
        counted = self.card.get("parameters")
        if isinstance(counted, int):
            return counted
        weights = {id(w): w.numel() for network in self.networks for w in network.parameters()}
        return sum(weights.values()) or None

    def attempts(self, request: Request) -> int:
        """How many attempts may be made at a Request: its ``best_of``."""
        return request.sampling.best_of if request.sampling is not None else 1

    def side_by_side(self, request: Request) -> bool:
        """Whether all attempts at a Request are made, abreast, since ``Finished.merit`` tells those
        apart that obey alike; else one after another, until one obeys wholly."""
        return False

    def has_notes(self, request: Request) -> bool:
        """Whether what is made of a Request that was checked has a Score, be it one that led."""
        return spec(self.system).gives == "score"

    def without_effect(self, request: Request) -> Sequence[str]:
        """Of a Sampling, by name, what changes nothing in the pieces of a Request; to ask for it is
        refused."""
        return ()

    def check(self, request: Request) -> None:
        """Raises InputError for a Request that this system cannot take; nothing is made before.
        Subclasses that know more ask ``super().check`` first."""
        line = spec(self.system)
        if request.system not in ("", self.system):
            raise InputError(
                f"the request is for the system {request.system!r}, not {self.system!r}; "
                "load that one"
            )
        if request.edit is not None and request.edit.kind not in line.edits:
            able = [name for name, s in SYSTEMS.items() if request.edit.kind in s.edits]
            raise InputError(
                f"the system {self.system!r} cannot change a piece in this way "
                f"({request.edit.kind}); {' and '.join(able)} can"
            )
        conditions = {
            "score": request.score is not None,
            "audio": request.audio is not None,
            "attributes": bool(request.attributes),
        }
        for what, is_there in conditions.items():
            if is_there and what not in line.reads:
                able = [name for name, s in SYSTEMS.items() if what in s.reads]
                others = f"; {' and '.join(able)} can" if able else ""
                raise InputError(f"the system {self.system!r} reads no {what}{others}")
        for name, value in request.options.items():
            if name not in self.options:
                raise UnknownNameError(f"option of {self.system!r}", name, self.options)
            kind = self.options[name]
            if type(value) is not kind and not (kind is float and type(value) is int):
                raise InputError(f"the option {name} is of type {kind.__name__}, not {value!r}")
        if request.sampling is not None:
            self._check_effects(request, request.sampling)

    def _check_effects(self, request: Request, sampling: Sampling) -> None:
        """Raises InputError where something else than what is usual is asked for of what has no
        effect."""
        plain = Sampling()  # whose other values nobody asked for
        for name in self.without_effect(request):
            value, usual = getattr(sampling, name), getattr(self.sampling, name)
            if value not in (usual, getattr(plain, name)) and (name, value) != ("best_of", 1):
                judged = name == "best_of" and JUDGE in self.options
                more = f", or name a joint embedding with --option {JUDGE}=DIR" if judged else ""
                raise InputError(
                    f"{name.replace('_', '-')} changes nothing in what {self.system!r} makes of "
                    f"this; leave it out{more}"
                )

    # ------------------------------------------------------------------ what is done with it

    def run(self, requests: Sequence[Request]) -> Generator[tuple[int, Event], None, None]:
        """The Events of all requests, each with the index of its request.

        Of each piece up to ``best_of`` attempts are made, until one meets its Brief wholly, or all
        of them where a system tells more than that (``side_by_side``); the best is kept. Notes of
        an attempt that may yet be thrown away are held back until it is known, so with ``best_of``
        1 notes come as they are made and else when the piece is. Closing the
        iterator ends the work within one step of the model. Raises InputError at once, before
        anything is made, for a request that cannot be taken.
        """
        whole = [self.completed(request) for request in requests]
        for request in whole:
            self.check(request)
        return self._run(whole)

    def compose(
        self, requests: Sequence[Request], progress: Callable[[float], None] | None = None
    ) -> list[Result]:
        """A Result for each Request, in order: the ends of ``run``. ``progress`` receives the share
        done of all, 0-1. What a Request gives does not depend on those beside it."""
        results: dict[int, Result] = {}
        shares, done = [0.0] * len(requests), 0.0
        for i, event in self.run(requests):
            share = shares[i]
            if isinstance(event, Finished):
                results[i], share = event.result, 1.0
            elif isinstance(event, Progress):
                share = event.share
            if share != shares[i]:
                done += share - shares[i]
                shares[i] = share
                if progress:
                    progress(min(done / len(requests), 1.0))
        return [results[i] for i in range(len(requests))]

    def stream(self, request: Request) -> Iterator[Note]:
        """The notes of one piece in the order in which they are made, exactly those of its Result.
        With ``best_of`` 1 each comes as soon as it cannot change any more."""
        for _, event in self.run([request]):
            if isinstance(event, NoteMade):
                yield event.note

    def keeping(self, folder: str | Path) -> System:
        """The same system, which keeps the progress of its pieces in a folder so that one that was
        interrupted goes on, where it can; this one keeps none."""
        return self

    def completed(self, request: Request) -> Request:
        """A Request with this system's name and default sampling where it has none, so that its
        JSON makes the same piece wherever it is read."""
        return replace(
            request,
            system=request.system or self.system,
            sampling=self.sampling if request.sampling is None else request.sampling,
        )

    def _run(self, requests: Sequence[Request]) -> Generator[tuple[int, Event], None, None]:
        many = [self.attempts(request) for request in requests]
        abreast = [self.side_by_side(request) for request in requests]
        first = [range(n if all_ else 1) for n, all_ in zip(many, abreast, strict=True)]
        fresh = deque((i, number) for i, numbers in enumerate(first) for number in numbers)
        again: deque[tuple[int, int]] = deque()
        candidates = [_Candidate(left=len(numbers)) for numbers in first]
        while fresh or again:
            group = self._group(requests, again, fresh)
            attempts = [Attempt(requests[i], number) for i, number in group]
            for k, event in self.attempt(attempts):
                i, number = group[k]
                of, candidate = many[i], candidates[i]
                if isinstance(event, Progress):
                    if abreast[i]:
                        candidate.shares[number] = event.share
                        yield i, Progress(sum(candidate.shares.values()) / of)
                    else:
                        yield i, Progress(_overall(event.share, number, of))
                elif isinstance(event, Finished):
                    _take(candidate, number, event)
                    obeys = candidate.worth[0] >= 1
                    if not abreast[i] and not obeys and number + 1 < of:
                        again.append((i, number + 1))
                    elif candidate.left == 0:
                        for note in candidate.notes:
                            yield i, note
                        assert candidate.result is not None
                        yield i, Finished(candidate.result)
                        candidates[i] = _Candidate()  # a thousand pieces need not stay in memory
                elif of == 1:
                    yield i, event
                else:
                    candidate.held.setdefault(number, []).append(event)

    def _group(
        self,
        requests: Sequence[Request],
        again: deque[tuple[int, int]],
        fresh: deque[tuple[int, int]],
    ) -> list[tuple[int, int]]:
        """Takes the next (request, attempt) pairs that are made abreast: further attempts first, so
        that pieces are done one after another and not all at the end."""
        first = (again or fresh)[0]
        kind = self.alike(requests[first[0]])
        group: list[tuple[int, int]] = []
        for queue in (again, fresh):
            rest = []
            while queue and len(group) < self.batch:
                pair = queue.popleft()
                alike = self.alike(requests[pair[0]]) == kind
                (group if alike else rest).append(pair)
            queue.extendleft(reversed(rest))
        return group


def _take(candidate: _Candidate, number: int, event: Finished) -> None:
    """Keeps the better of two attempts, in whichever order they end."""
    candidate.left = max(0, candidate.left - 1)
    candidate.shares[number] = 1.0
    notes = candidate.held.pop(number, [])
    worth = (round(total(event.result.rows), DIGITS), event.merit, -number)
    if candidate.result is None or worth > candidate.worth:
        candidate.worth, candidate.result, candidate.notes = worth, event.result, notes


def _overall(share: float, attempt: int, of: int) -> float:
    """The share of a piece that is done when its ``attempt``-th is at ``share``: each attempt is
    given half of what is left, since it may be the last, and the last one all."""
    left = 0.5**attempt
    return 1 - left + share * (left if attempt + 1 == of else left / 2)
