"""A composer without a model: quick, and as predictable as a real one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from cantilena.result import Result
from cantilena.score.harmony import Key
from cantilena.score.score import Score, Track
from cantilena.systems.note.composer import Request
from cantilena.text.report import report


@dataclass
class FakeComposer:
    """Random notes on a grid, of the request's seed. ``error`` is raised instead of composing the
    ``fails``-th request; ``heard`` keeps all requests."""

    name: str = "fake"
    hash: str = "0123456789abcdef"
    card: dict = field(
        default_factory=lambda: {
            "licence": "Apache-2.0",
            "training": {"notes_seen": 2_000_000},
            "bits_per_note": 7.5,
        }
    )
    heard: list[Request] = field(default_factory=list)
    error: BaseException | None = None
    fails: int = 0

    def compose(
        self, requests: Sequence[Request], progress: Callable[[float], None] | None = None
    ) -> list[Result]:
        out: list[Result] = []
        for i, request in enumerate(requests):
            if self.error and len(self.heard) == self.fails:
                raise self.error
            self.heard.append(request)
            out.append(self._result(request))
            if progress:
                progress((i + 1) / len(requests))
        return out

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
        return Result(score, brief, request.to_dict(), rows, self.name, self.hash, chords)
