"""The note model in the loop: five fields a step, a prefix of conditions, a window read again.

Knows the note engines' vectors and the features that trackers give; does not know the Grammar,
wishes or how a value is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from cantilena.decode.interfaces import Bias, Engine, Job
from cantilena.decode.sampling import Sampling
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note.conditions import NOTHING, Conditions
from cantilena.tokens.note.grammar import INSTRUMENT, ONSET

KEEP = 0.6  # share of the window kept when it is full and has to be read again


class NoteSession(Protocol):
    """What changes while a note engine reads pieces: a cache."""

    @property
    def used(self) -> int:
        """Positions read so far."""
        ...

    def run(self, x: np.ndarray) -> np.ndarray:
        """(B, D) last hidden states after reading (B, S, D) further positions."""
        ...

    def rewind(self) -> None:
        """Forgets what was read."""
        ...

    def narrow(self, rows: Sequence[int]) -> bool:
        """Goes on with some of its rows alone, in this order, where that changes nothing in them;
        says whether it does."""
        ...


class NoteEngine(Engine[int, NoteSession], Protocol):
    """A note model: ``systems.note.engine.Engine``, or the same through torch."""

    @property
    def model(self) -> Mapping[str, Any]:
        """Sizes, as the checkpoint's card has them."""
        ...

    @property
    def fields(self) -> Sequence[int]:
        """Number of values of each field."""
        ...

    @property
    def length(self) -> int:
        """Positions of a session, the prefix among them."""
        ...

    @property
    def heads(self) -> Sequence[Callable[[np.ndarray], np.ndarray]]:
        """For each field, (B, D) to (B, size)."""
        ...

    @property
    def chosen(self) -> Sequence[np.ndarray]:
        """For each field but the last, (size, D): what a value chosen adds."""
        ...

    def embed(self, part: str, index: np.ndarray) -> np.ndarray:
        """(..., D) the sum of a part's features, (..., their number) class numbers."""
        ...

    def standing(self, x: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """(B, size) what the logits of an instrument gain by how it stands, (B, size) classes; of
        models that read a plan."""
        ...

    def prefix(
        self, scalars: np.ndarray, slots: np.ndarray, words: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(B, P, D) the prefix of conditions, and (B, D) what every position gets of them."""
        ...


class NoteStepper:
    """Leads a note engine (as ``systems.note.engine.Engine``) through the jobs' pieces. Jobs carry
    ``Conditions`` and a ``Tracker``. A guided job has a second row, without conditions, beside its
    own. Pieces that are done are read no further."""

    draws = False

    def __init__(self, engine: NoteEngine, jobs: Sequence[Job[Tracker, Conditions]]):
        self.engine, self.jobs = engine, list(jobs)
        self.places = np.arange(len(self.jobs))  # of these jobs among all that there were
        self.all = len(self.jobs)
        self.fields = len(engine.fields)
        self.guided = any(job.sampling.guidance != 1.0 for job in self.jobs)
        prefixes = [job.conditions for job in self.jobs]
        if self.guided:
            prefixes += [NOTHING] * len(self.jobs)
        self.prefix, self.everywhere = engine.prefix(
            np.stack([c.scalars for c in prefixes]),
            np.stack([c.slots for c in prefixes]),
            np.stack([c.words for c in prefixes]),
        )
        self.session = engine.session(len(prefixes))
        self.scale = np.array([[job.sampling.guidance] for job in self.jobs], dtype=np.float32)
        self.inputs: list[np.ndarray] = []  # (B, D) of every step so far
        self.chain = np.empty(0)  # (B, D) hidden states, with what the fields chosen add
        self.standings = np.empty(0)  # (B, size) how instruments stand on the onset chosen
        planned = np.array([[job.piece.agenda is not None] for job in self.jobs])
        self.planned = self._both(planned)  # (B, 1) whose heads read a plan
        self.plans = bool(engine.model.get("plan")) and bool(planned.any())
        self.stands = self.plans and bool(engine.model.get("standings"))

    def begin(self) -> None:
        """Reads the prefix and, where pieces are continued, the notes there are."""
        self._begin()
        self._look_ahead()

    def _begin(self) -> None:
        steps = min(len(job.piece.rows) for job in self.jobs)
        if steps:
            self.chain = np.asarray(self._replay(steps))
            return
        x = self._state([job.piece for job in self.jobs])
        self.inputs.append(x)
        self.chain = np.asarray(self.session.run(np.concatenate([self.prefix, x[:, None]], axis=1)))

    def advance(self) -> None:
        """Reads the step that every piece has just made."""
        self._narrow()
        self._advance()
        self._look_ahead()

    def _advance(self) -> None:
        x = self._state([job.piece for job in self.jobs])
        self.inputs.append(x)
        if self.session.used < self.engine.length:
            self.chain = np.asarray(self.session.run(x[:, None]))
            return
        # the window is full: read the prefix and the latest steps afresh
        self.session.rewind()
        self.inputs = self.inputs[-int(KEEP * self.engine.model["context"]) :]
        latest = np.stack(self.inputs, axis=1)
        self.chain = np.asarray(self.session.run(np.concatenate([self.prefix, latest], axis=1)))

    def logits(self, k: int) -> np.ndarray:
        """(B, size) of field ``k``, given those that ``chose`` has taken up."""
        logits = self.engine.heads[k](self.chain)
        if k == INSTRUMENT and self.stands:
            gain = self.engine.standing(self.chain, self.standings)
            logits = logits + np.where(self.planned, gain, 0.0)
        if self.guided:
            n = len(self.jobs)
            logits = logits[n:] + self.scale * (logits[:n] - logits[n:])
        if len(self.jobs) == self.all:
            return logits
        rows = np.zeros((self.all, logits.shape[1]), dtype=logits.dtype)
        rows[self.places] = logits
        return rows

    def draw(
        self, k: int, bias: Bias, samplings: Sequence[Sampling], numbers: Sequence[float]
    ) -> Sequence[int]:
        """Never asked for, as ``draws`` says: values are chosen from ``logits``."""
        raise AssertionError("a note stepper gives logits")

    def chose(self, k: int, chosen: Sequence[Sequence[int]]) -> None:
        """Takes up field ``k`` of every piece's step (``chosen``, fields so far)."""
        chosen = [chosen[place] for place in self.places.tolist()]
        self.chain = self.chain + self._added(k, chosen)
        steps = list(zip(self.jobs, chosen, strict=True))
        if self.plans and k == ONSET:
            self._add_plan("at_onset", [job.piece.plan_at_onset(*step) for job, step in steps])
        if self.plans and k == INSTRUMENT:
            rows = [job.piece.plan_at_instrument(*step) for job, step in steps]
            self._add_plan("at_instrument", rows)
        if self.stands and k == ONSET:
            classes = np.stack([job.piece.standing(step[ONSET]) for job, step in steps])
            self.standings = self._both(classes)

    def _narrow(self) -> None:
        """Goes on with the jobs that are not done, where some are and the session can."""
        going = [i for i, job in enumerate(self.jobs) if not job.done]
        if not going or len(going) == len(self.jobs):
            return
        rows = going + [len(self.jobs) + i for i in going] if self.guided else going
        if not self.session.narrow(rows):
            return
        self.jobs = [self.jobs[i] for i in going]
        self.places, self.scale = self.places[going], self.scale[going]
        self.prefix, self.everywhere = self.prefix[rows], self.everywhere[rows]
        self.planned = self.planned[rows]
        self.inputs = [x[rows] for x in self.inputs]

    def _look_ahead(self) -> None:
        """Adds what is known of the plan before the step."""
        if self.plans:
            self._add_plan("at_step", [job.piece.plan_at_step() for job in self.jobs])

    def _add_plan(self, part: str, rows: Sequence[Sequence[int]]) -> None:
        added = self._both(self.engine.embed(f"plan.{part}", np.array(rows)))
        self.chain = self.chain + np.where(self.planned, added, 0.0)

    def _both(self, rows: np.ndarray) -> np.ndarray:
        """Rows for the guided copies as well: what is planned they know, too."""
        return np.concatenate([rows, rows]) if self.guided else rows

    def _state(self, trackers: Sequence[Tracker]) -> np.ndarray:
        """(B, D) input of the next position of the pieces that these trackers follow."""
        index = np.array([tracker.state() for tracker in trackers])
        x = self.engine.embed("state", self._twice(index))
        return x + self.everywhere

    def _twice(self, index: np.ndarray) -> np.ndarray:
        """Rows for the guided copies: the same steps, without chords (as in training)."""
        if not self.guided:
            return index
        plain = index.copy()
        names = list(self.engine.model["state"])
        for name in ("chord", "next_chord"):
            plain[:, names.index(name)] = self.engine.model["state"][name] - 1
        plain[:, names.index("left")] = self.engine.model["state"]["left"] - 1
        return np.concatenate([index, plain])

    def _replay(self, n: int) -> np.ndarray:
        """Reads steps written before the loop began, the latest that the window keeps; all pieces
        must have as many (n)."""
        if any(len(job.piece.rows) != n for job in self.jobs):
            raise ValueError("pieces continued together must have equally many steps")
        pasts = [Tracker(job.piece.frame, job.piece.max_delta) for job in self.jobs]
        first = n - int(KEEP * self.engine.model["context"])
        for i in range(n + 1):
            if i > first:
                self.inputs.append(self._state(pasts))
            if i < n:
                for job, past in zip(self.jobs, pasts, strict=True):
                    row = job.piece.rows[i]
                    past.push(row[5], *row[1:5])
        x = np.stack(self.inputs, axis=1)
        return self.session.run(np.concatenate([self.prefix, x], axis=1))

    def _added(self, k: int, chosen: Sequence[Sequence[int]]) -> np.ndarray:
        """(B, D) what choosing field ``k`` adds to the chain."""
        engine = self.engine
        x = engine.chosen[k][np.array([step[k] for step in chosen])]
        if k < 2:
            part = ("at_onset", "at_instrument")[k]
            index = np.array(
                [
                    getattr(job.piece, part)(*step)
                    for job, step in zip(self.jobs, chosen, strict=True)
                ]
            )
            if k == 0 and self.guided:
                names = list(engine.model["at_onset"])
                plain = index.copy()
                for name in ("chord", "left"):
                    plain[:, names.index(name)] = engine.model["at_onset"][name] - 1
                y = engine.embed(part, np.concatenate([index, plain]))
                return np.concatenate([x, x]) + y
            x = x + engine.embed(part, index)
        return np.concatenate([x, x]) if self.guided else x
