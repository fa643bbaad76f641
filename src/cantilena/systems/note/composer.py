"""The system ``note``: Brief to Plan, the note model under constraints, a Score and its report.

Knows how the parts are wired; each part is elsewhere. Needs no torch.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.decode.loop import Job, Loop
from cantilena.decode.sampling import Boldness, Sampling
from cantilena.errors import BriefError, CheckpointError, UnknownNameError
from cantilena.result import Result
from cantilena.score import DRUMS, Score, Track
from cantilena.systems.note.checks import check_brief
from cantilena.systems.note.constraints import constraints
from cantilena.systems.note.continuing import Continued, continued
from cantilena.systems.note.engine import Engine
from cantilena.systems.note.plan import DRUM, Plan
from cantilena.systems.note.planning import LOOPING, make_plan
from cantilena.systems.note.tracker import Tracker
from cantilena.text.report import report, total
from cantilena.text.wishes import Brief
from cantilena.tokens import scheme_of
from cantilena.tokens.note import GRID, NoteScheme
from cantilena.tokens.note.conditions import Conditions, Wished, conditions
from cantilena.tokens.note.grammar import NoteGrammar

MAX_SEED = 2**63 - 1
BATCH = 8  # pieces generated abreast
MOST_STEPS = 90  # of a bar
PERCUSSION = frozenset({"latin", "bossa nova", "samba", "tango", "reggae", "disco"})
"""Genres in which hand percussion is at home, where nobody names it."""


@dataclass(frozen=True)
class Request:
    """What goes into generation: the Brief, the seed, how boldly to sample, and optionally a
    Score to go on from."""

    brief: Brief
    seed: int = 0
    sampling: Sampling = field(default_factory=Sampling)
    continues: Score | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data; a continued Score is embedded as base64 MIDI."""
        import base64

        from cantilena.score.midi import write_midi

        found: dict[str, Any] = {
            **{"brief": self.brief.to_dict(), "seed": self.seed},
            "sampling": self.sampling.to_dict(),
        }
        if self.continues is not None:
            found["continues"] = base64.b64encode(write_midi(self.continues)).decode()
        return found

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Request:
        """The Request ``to_dict`` wrote. Raises BriefError where something is missing."""
        import base64

        from cantilena.score.midi import read_midi

        try:
            brief, seed = check_brief(Brief.from_dict(data["brief"])), int(data["seed"])
            sampling = Sampling(**data["sampling"])
            raw = data.get("continues")
            if not 0 <= seed <= MAX_SEED or sampling.top_k != int(sampling.top_k):
                raise ValueError("its seed or top-k is no such number")
        except KeyError as e:
            raise BriefError(f"this is not a request that Cantilena wrote: no {e}") from e
        except (TypeError, ValueError, AttributeError) as e:
            raise BriefError(f"this is not a request that Cantilena wrote: {e}") from e
        score = read_midi(base64.b64decode(raw)) if raw else None
        return cls(brief, seed, sampling, score)


@dataclass(frozen=True)
class Note:
    """A note as it is made: ``onset`` and ``duration`` in seconds, MIDI pitch and velocity,
    ``instrument`` 0-127 or 128 for drums, ``bar`` counted from 1."""

    onset: float
    duration: float
    pitch: int
    velocity: int
    instrument: int
    bar: int


@dataclass
class _Piece:
    """A request on its way: which, its plan and its job."""

    index: int
    request: Request
    plan: Plan
    job: Job
    before: Continued | None = field(default=None)


class Composer:
    """A loaded checkpoint that composes. ``name`` and ``card`` tell which."""

    def __init__(self, folder: str | Path, threads: int | None = None, engine: str = "onnx"):
        """``engine``: "onnx", the default install's, or "torch", in full precision. ``threads``: by
        default two where there are two cores; their number changes nothing but the speed."""
        folder = Path(folder)
        self.hash = _digest(folder)
        threads = min(2, os.cpu_count() or 1) if threads is None else threads
        self.engine: Any = _engine(folder, threads, engine)
        self.card = self.engine.card
        scheme = scheme_of(self.card["scheme"])
        if not isinstance(scheme, NoteScheme):
            raise CheckpointError(f"the checkpoint in {folder} does not write note by note")
        self.scheme = scheme
        self.grammar = NoteGrammar(self.scheme)
        try:
            self.habits = json.loads((folder / "habits.json").read_text())
        except ValueError as e:
            raise CheckpointError(f"habits.json of {folder} is damaged: {e}") from e
        self.name = str(self.card.get("name", folder.name))

    @classmethod
    def load(cls, path: str | Path | None = None) -> Composer:
        """The checkpoint in a folder; the shipped one by default, loaded once a process."""
        return _shipped() if path is None else cls(path)

    def compose(
        self, requests: Sequence[Request], progress: Callable[[float], None] | None = None
    ) -> list[Result]:
        """A Result for each Request, in order. ``progress`` hears the share done, 0-1. What a
        Request gives does not depend on those beside it."""
        best: dict[int, tuple[float, Result]] = {}
        waiting = list(enumerate(requests))
        attempt = 0
        while waiting:
            pieces = [self._piece(i, request, attempt) for i, request in waiting]
            for k, group in enumerate(groups := _groups(pieces)):
                self._generate(group, k / len(groups), 1 / len(groups), progress)
                for piece in group:
                    result = self._result(piece)
                    worth = total(result.rows)
                    if piece.index not in best or worth > best[piece.index][0] + 1e-9:
                        best[piece.index] = (worth, result)
            attempt += 1
            waiting = [
                (i, request)
                for i, request in waiting
                if attempt < request.sampling.best_of and best[i][0] < 1 - 1e-9
            ]
        return [best[i][1] for i in range(len(requests))]

    def stream(self, request: Request) -> Iterator[Note]:
        """The notes of one piece in the order in which they are made."""
        piece = self._piece(0, request, 0)
        seconds = 60 / (piece.plan.bpm * GRID)
        origin = piece.plan.origin
        for _ in Loop(self.engine, self.grammar, [piece.job]).steps():
            made, tracker = piece.job.fresh, piece.job.tracker
            if piece.job.done or made[0] >= self.scheme.rest:
                continue
            yield Note(
                (tracker.tick - origin) * seconds,
                self.scheme.durations[made[3]] * seconds,
                made[2],
                self.scheme.velocities[made[4]],
                made[1],
                tracker.bar_of(tracker.tick) + 1,
            )

    def _piece(self, index: int, request: Request, attempt: int) -> _Piece:
        # the text is part of the seed: what two texts leave open is not the same in both
        words = zlib.crc32(request.brief.text.encode("utf-8", "replace"))
        rng = np.random.default_rng([request.seed, attempt, words])
        before = None
        if request.continues is not None:
            given = (request.brief, request.continues, self.scheme, self.habits)
            plan, before = continued(*given, rng)
        else:
            plan = make_plan(request.brief, self.habits, rng)
        tracker = Tracker(plan.frame, self.scheme.max_delta)
        if before is not None:
            for step in before.steps:
                tracker.push(*step)
        named = any(i.name == "percussion" for i in request.brief.instruments)
        wishes = constraints(
            plan,
            self.scheme,
            request.sampling.repetition,
            swing=request.brief.swing,
            played=request.brief.timing == "played",
            hand_percussion=named or bool(PERCUSSION & set(request.brief.genres)),
        )
        # steps at which a piece that will not end is cut off: well over what any needs
        most = max(MOST_STEPS, 2.5 * (plan.density or 0.0))
        limit = len(tracker.rows) + 64 + int(most * plan.bars)
        job = Job(
            *(tracker, self.conditions(request.brief, plan), wishes, request.sampling, rng, limit),
            boldness=Boldness(request.sampling, bool(LOOPING & set(request.brief.genres))),
        )
        return _Piece(index, request, plan, job, before)

    def conditions(self, brief: Brief, plan: Plan) -> Conditions:
        """The model's prefix for a Brief and its Plan."""
        instruments = [p.instrument for p in plan.parts]
        return conditions(
            Wished(
                genres=brief.genres,
                moods=brief.moods,
                key=plan.key,
                bpm=plan.bpm,
                metre=plan.metre,
                density=plan.density,
                polyphony=plan.polyphony,
                swing=brief.swing,
                bars=plan.bars,
                drums=DRUMS in instruments,
                instruments=instruments,
                complete=True,
                text=brief.text,
            )
        )

    def _generate(
        self,
        group: list[_Piece],
        done: float,
        share: float,
        progress: Callable[[float], None] | None,
    ) -> None:
        loop = Loop(self.engine, self.grammar, [piece.job for piece in group])

        def heard(_: int) -> None:
            if progress:
                parts = [1.0 if p.job.done else _share(p.job.tracker.tick, p.plan) for p in group]
                progress(done + share * min(parts))

        loop.run(heard)

    def _result(self, piece: _Piece) -> Result:
        rows, plan = piece.job.tracker.rows, piece.plan
        score = new = finished(rows, plan, self.scheme, None)
        if piece.before is not None:
            score = finished(rows, plan, self.scheme, piece.before)
        brief = piece.request.brief
        flats = plan.key.flats
        chords = tuple((_on(score, t, piece.before), c.name(flats)) for t, c in plan.chords)
        return Result(
            score=score,
            brief=brief,
            request=piece.request.to_dict(),
            rows=report(brief, new),  # of a continued piece, what was added
            checkpoint=self.name,
            checkpoint_hash=self.hash,
            chords=chords,
        )


def _on(score: Score, tick: int, before: Continued | None) -> int:
    """A grid tick in a Score's own ticks; new music counts from the given Score's last bar line."""
    if before is None or tick < before.origin:
        return tick * score.tpq // GRID
    return int(before.score.bar_starts[-1]) + (tick - before.origin) * score.tpq // GRID


def _share(tick: int, plan: Plan) -> float:
    return (tick - plan.origin) / max(plan.end - plan.origin, 1)


def _groups(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    """Pieces that run abreast, at most ``BATCH`` in a group."""
    groups: list[list[_Piece]] = []
    for piece in sorted(pieces, key=_alike):
        fits = groups and len(groups[-1]) < BATCH and _alike(groups[-1][0]) == _alike(piece)
        groups[-1].append(piece) if fits else groups.append([piece])
    return groups


def _alike(piece: _Piece) -> tuple:
    """Pieces may run abreast when they have equally many steps behind them and all or none are
    guided: then none changes what another computes."""
    return (len(piece.job.tracker.rows), piece.job.sampling.guidance != 1.0)


def finished(
    rows: Sequence[tuple[int, ...]], plan: Plan, scheme: NoteScheme, before: Continued | None
) -> Score:
    """The Score of generated rows: a track for each player, in the Plan's order of parts. Without
    ``before`` a continued piece gives its new music alone, from tick 0."""
    new = [r[:5] for r in rows if r[1] >= 0 and r[0] >= plan.origin]
    table = np.array(new, dtype=np.int64).reshape(-1, 5)
    durations = np.array(scheme.durations)
    tracks: list[Track] = []
    columns: list[list[np.ndarray]] = []
    for part in plan.parts:
        own = table[table[:, 1] == part.instrument]
        onset, pitch = own[:, 0], own[:, 2]
        length = _trimmed(onset, pitch, durations[own[:, 3]], part.voices, part.role == DRUM)
        velocity = np.array(scheme.velocities)[own[:, 4]]
        desk = _desks(onset, part.players)
        for player in range(part.players):
            mine = desk == player
            if not mine.any() and player:
                continue
            label = part.name if part.players == 1 else f"{part.name} {_ROMAN[player]}"
            is_drum = part.instrument == DRUMS
            tracks.append(Track(label, 0 if is_drum else part.instrument, is_drum))
            number = np.full(int(mine.sum()), len(tracks) - 1)
            columns.append([onset[mine], length[mine], pitch[mine], velocity[mine], number])
    merged = [np.concatenate(c) for c in zip(*columns, strict=True)]
    if before is not None:
        return before.joined(plan, tracks, merged)
    merged[0] = merged[0] - plan.origin
    return Score.build(
        GRID,
        tracks,
        *merged,
        tempos=[(0, round(60e6 / plan.bpm))],
        metres=[(0, *plan.metre)],
        keys=[(0, plan.key.fifths, int(plan.key.minor))],
        end=plan.end - plan.origin,
    )


_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", *map(str, range(9, 33)))


def _desks(onset: np.ndarray, players: int) -> np.ndarray:
    """Which player takes each note of a part (rows by onset, then pitch): on an onset with several
    notes the highest goes to the first; single notes go to the first."""
    desk = np.zeros(len(onset), dtype=np.int64)
    if players == 1 or not len(onset):
        return desk
    _, start, count = np.unique(onset, return_index=True, return_counts=True)
    for s, n in zip(start.tolist(), count.tolist(), strict=True):
        desk[s : s + n] = np.minimum(np.arange(n)[::-1], players - 1)
    return desk


def _trimmed(
    onset: np.ndarray, pitch: np.ndarray, length: np.ndarray, voices: int, drum: bool
) -> np.ndarray:
    """Lengths with no note over a later one of its pitch, nor more notes at once than voices."""
    length = length.copy()
    if drum:
        return np.minimum(length, GRID)  # a hit has no length of its own
    sounding: list[int] = []
    for i, tick in enumerate(onset.tolist()):
        sounding = [j for j in sounding if onset[j] + length[j] > tick]
        for j in sounding:
            if pitch[j] == pitch[i] and onset[j] < tick:
                length[j] = tick - onset[j]
        sounding = [j for j in sounding if onset[j] + length[j] > tick]
        while len(sounding) >= voices and onset[sounding[0]] < tick:
            j = sounding.pop(0)
            length[j] = tick - onset[j]
        sounding.append(i)
    return np.maximum(length, 1)


FILES = ("card.json", "habits.json", "model.safetensors", "trunk.onnx")
"""What a checkpoint's folder holds."""


def _digest(folder: Path) -> str:
    found = hashlib.sha256()
    for name in FILES:
        try:
            found.update((folder / name).read_bytes())
        except OSError as e:
            raise CheckpointError(f"{folder} is no checkpoint: {name} cannot be read") from e
    return found.hexdigest()[:16]


def _engine(folder: Path, threads: int, name: str) -> Any:
    if name == "onnx":
        return Engine(folder, threads)
    if name != "torch":
        raise UnknownNameError("engine", name, ("onnx", "torch"))
    from cantilena.systems.note.torch_engine import TorchEngine

    return TorchEngine(folder, threads)


@lru_cache(maxsize=1)
def _shipped() -> Composer:
    folder = Path(str(resources.files("cantilena") / "checkpoints" / "note"))
    if not (folder / "card.json").exists():
        raise CheckpointError("the shipped checkpoint is missing: reinstall cantilena")
    return Composer(folder)
