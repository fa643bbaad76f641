"""A system without a model: quick, and as predictable as a real one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from cantilena.result import Result
from cantilena.score.harmony import Key
from cantilena.score.score import Score, Track
from cantilena.systems.base import Attempt, Event, Finished, NoteMade, Progress, System
from cantilena.systems.base import Note as LiveNote
from cantilena.systems.request import Request
from cantilena.text.report import report


class FakeSystem(System):
    """Random notes on a grid, of the request's seed. ``error`` is raised instead of composing the
    ``fails``-th request; ``requests`` keeps all of them."""

    system = "note"
    batch = 1

    def __init__(self, error: BaseException | None = None, fails: int = 0):
        self.name, self.hash = "fake", "0123456789abcdef"
        self.card = {
            "licence": "Apache-2.0",
            "training": {"notes_seen": 2_000_000},
            "bits_per_note": 7.5,
        }
        self.requests: list[Request] = []
        self.error, self.fails = error, fails

    @classmethod
    def load(cls, checkpoint: str | Path | None = None) -> FakeSystem:
        return cls()

    def check(self, request: Request) -> None:
        pass

    def has_notes(self, request: Request) -> bool:
        return True

    def attempt(self, attempts: Sequence[Attempt]) -> Iterator[tuple[int, Event]]:
        for i, attempt in enumerate(attempts):
            if self.error and len(self.requests) == self.fails:
                raise self.error
            if not attempt.number:
                self.requests.append(attempt.request)
            result = self._result(attempt.request)
            for onset, pitch in zip(result.score.onset, result.score.pitch, strict=True):
                start = float(result.score.seconds(onset))
                yield i, NoteMade(LiveNote(start, 0.5, int(pitch), 80, 0, 1))
                yield i, Progress(start / float(result.score.seconds(result.score.end)))
            yield i, Finished(result)

    def _result(self, request: Request) -> Result:
        brief = request.brief
        n = 4 * (brief.bars or 2)
        rng = np.random.default_rng(request.seed)
        program = brief.instruments[0].programs[0] if brief.instruments else 0
        key = Key.from_name(brief.key or "C major")
        score = Score.build(
            24,
            [Track("part", program % 128, program == 128)],
            24 * np.arange(n),
            np.full(n, 24),
            60 + rng.choice(key.scale, n),
            np.full(n, 80),
            np.zeros(n, dtype=int),
            tempos=[(0, round(60e6 / (brief.tempo or 120)))],
        )
        rows = report(brief, score)
        chords = ((0, "C"),)
        request_data = request.to_dict()
        return Result(score, brief, request_data, rows, self.name, self.hash, chords, self.system)
