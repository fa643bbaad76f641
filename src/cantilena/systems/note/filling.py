"""Spans of a piece written anew: candidates side by side, the best of them put into the piece.

Knows how a Gap becomes jobs for the loop and which candidate is taken; does not know how a Gap is
planned (``rewriting``) or its notes are put into the Score (``joining``).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from cantilena.analysis import off_grid, spell_chord, swings
from cantilena.decode.interfaces import Constraint, Job
from cantilena.decode.loop import Loop
from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.result import Result
from cantilena.score import DRUMS, Score
from cantilena.systems.base import Attempt, Event, Finished, Progress, Request
from cantilena.systems.note.boldness import Boldness
from cantilena.systems.note.casting import PERCUSSION
from cantilena.systems.note.changes import Changes, changes
from cantilena.systems.note.choosing import Fill, Listening, cost, fit
from cantilena.systems.note.constraints import (
    Changes as ChordChanges,
)
from cantilena.systems.note.constraints import (
    Close,
    Countdown,
    Ensemble,
    Figures,
    Harmony,
    Kit,
    Length,
    Lines,
    Recurrence,
    Repetition,
    Subdivision,
)
from cantilena.systems.note.constraints.filling import (
    Amount,
    Around,
    Filled,
    Near,
    NoteLengths,
    OffBeat,
    Together,
)
from cantilena.systems.note.gaps import GapPlan, plan_gap
from cantilena.systems.note.joining import Joined, joined
from cantilena.systems.note.manner import figures_of
from cantilena.systems.note.plan import DRUM, MELODY, PartPlan, Plan
from cantilena.systems.note.planning import LOOPING
from cantilena.systems.note.prefix import prefix
from cantilena.systems.note.rewriting import Gap, gap, grid, spans_of
from cantilena.systems.note.rewritten import notes_of, rewrite_rows, settled
from cantilena.systems.note.tracker import Tracker
from cantilena.systems.tracks import LEAD, track_roles
from cantilena.text.brief.relative import LENGTH, SYNCOPATION
from cantilena.text.report import PLAYED, total
from cantilena.text.wishes import Brief
from cantilena.tokens.note import GRID, NoteScheme
from cantilena.tokens.note.conditions import Conditions
from cantilena.tokens.note.grammar import DURATION, INSTRUMENT, ONSET, PITCH, VELOCITY
from cantilena.tokens.note.locks import Locks
from cantilena.tokens.note.outline import Outline

CANDIDATES = 4
"""Candidates of a span where nobody says how many (``benchmarks/rewriting.py``)."""
MOST_CANDIDATES = 16
MOST_ABREAST = 16
"""Candidates, of one rewrite or of several, that are written at once: each keeps some 16 MB of the
model's past."""
MOST_NOTES_A_BAR = 120  # steps of a bar at most, so that a span that is not left is cut off
LENGTH_BIAS = 2.0
"""What a note's length gains that stood in the bar whose rhythm comes back: held notes stay held
(by looking at rewrites of songs: a bass under held chords came back in halves)."""
OPTIONS: dict[str, type] = {
    "candidates": int,
    "lean": float,
    "add": str,
    "replace": str,
    "roles": str,
    "harmony": str,
}
"""What a Request may say of a rewrite: how many candidates; how much each note leans towards what
stood there (0: not at all); instruments (0-128, "42,71") that are added as parts of their own; and
those that are replaced ("0=24"); the roles of added ones ("33=bass"); and whether new parts are
held to the chords that are "heard" in what stays, or "chosen" for it."""


class Home(Protocol):
    """What of the system is used."""

    engine: Any
    scheme: NoteScheme
    habits: dict[str, Any]
    system: str
    name: str
    hash: str

    def apart(self, request: Request) -> bool:
        """Whether added parts are a stream of their own."""
        ...

    def listening(
        self, jobs: Sequence[Job[Tracker, Conditions]], here: Gap, request: Request
    ) -> Listening:
        """What leads the model through a Gap's candidates."""
        ...


@dataclass
class _Filled:
    """What has become of a Request's spans so far: the Score, the new notes by span, the tracks of
    added parts, and what is to be said of the making."""

    score: Score
    added: dict[int, int] = field(default_factory=dict)
    new: list[Score] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    fits: list[dict[str, Any]] = field(default_factory=list)
    chords: tuple[tuple[int, str], ...] = ()


@dataclass(eq=False)
class _Work:
    """An attempt under way: its spans, what has become of them, and of the one that is being
    written the Gap, its candidates and the bars before it."""

    attempt: Attempt
    change: Changes
    spans: Sequence[tuple[int, int]]
    state: _Filled
    here: Gap = field(init=False)
    jobs: list[Job[Tracker, Conditions]] = field(init=False)
    plans: list[GapPlan | None] = field(init=False)
    chord_bars: int = 0

    @classmethod
    def of(cls, home: Home, attempt: Attempt) -> _Work:
        """One of which nothing is written yet."""
        request = attempt.request
        assert request.edit is not None
        change = changes(request.edit, request.brief, dict(request.options))
        return cls(attempt, change, spans_of(request.edit), _Filled(request.edit.base))

    def begin(self, home: Home, n: int) -> None:
        """Goes on to the ``n``-th span."""
        brief, score = self.attempt.request.brief, self.state.score
        self.here = here = gap(
            score, self.spans[n], self.change, brief, home.scheme, home.habits, self.chord_bars
        )
        lines = here.plan.lines
        self.chord_bars += int(((lines >= here.plan.origin) & (lines < here.plan.end)).sum())
        self.jobs, self.plans = _jobs(home, here, self.change, self.attempt, n)


def check_fill(request: Request, scheme: NoteScheme, habits: dict[str, Any]) -> None:
    """Raises InputError for a Request whose Edit has nothing to be written or nobody to write it
    for, or whose options are out of range."""
    assert request.edit is not None
    candidates = request.options.get("candidates", CANDIDATES)
    if not 1 <= candidates <= MOST_CANDIDATES:
        raise InputError(f"the number of candidates is 1 to {MOST_CANDIDATES}, not {candidates}")
    if not 0 <= request.options.get("lean", 0.0) <= 20:
        raise InputError(f"a lean is 0 to 20, not {request.options['lean']:g}")
    try:
        change = changes(request.edit, request.brief, dict(request.options))
    except ValueError as error:
        raise InputError(f"instruments are numbers 0-128 in the options: {error}") from None
    numbers = [*change.added, *(i for pair in change.replaced for i in pair)]
    if not all(0 <= i <= DRUMS for i in numbers):
        raise InputError(f"instruments are numbers 0-128 in the options, not {numbers}")
    for span in spans_of(request.edit):
        gap(request.edit.base, span, change, request.brief, scheme, habits)


def fill(home: Home, attempts: Sequence[Attempt]) -> Iterator[tuple[int, Event]]:
    """(index in ``attempts``, Event) of attempts at Requests with an Edit within a piece: of each
    its spans one after the other, each with those before it filled. Spans that stand behind equally
    many steps are written abreast. Notes come when all candidates are there."""
    works = [_Work.of(home, attempt) for attempt in attempts]
    for n in range(max(len(work.spans) for work in works)):
        for group in _abreast(home, [work for work in works if n < len(work.spans)], n):
            jobs = [job for work in group for job in work.jobs]
            stepper = home.listening(jobs, group[0].here, group[0].attempt.request)
            for _ in Loop(stepper, Fill(home.scheme), jobs).steps():
                for work in group:
                    share = min(_share(work.here, job) for job in work.jobs)
                    yield works.index(work), Progress((n + share) / len(work.spans))
            first = 0
            for work in group:
                stop = first + len(work.jobs)
                _take(home, work, stepper.bits[first:stop], stepper.first)
                first = stop
    for k, work in enumerate(works):
        state = work.state
        score, new = settled(state.score, state.new, work.change, state.added)
        yield from ((k, note) for note in notes_of(score, new))
        result = _result(home, work.attempt.request, work.change, state, score, new)
        yield k, Finished(result)


def _abreast(home: Home, works: Sequence[_Work], n: int) -> Iterator[list[_Work]]:
    """Those whose ``n``-th spans are written together, with the candidates that these have."""
    groups: dict[tuple[int, int], list[list[_Work]]] = {}
    for k, work in enumerate(works):
        work.begin(home, n)
        apart = k if home.apart(work.attempt.request) else -1  # each beside a stream of its own
        alike = groups.setdefault((len(work.jobs[0].piece.rows), apart), [[]])
        if sum(len(one.jobs) for one in alike[-1]) + len(work.jobs) > MOST_ABREAST:
            alike.append([])
        alike[-1].append(work)
    yield from (group for alike in groups.values() for group in alike if group)


def _share(here: Gap, job: Job[Tracker, Conditions]) -> float:
    start, stop = here.span
    done = (job.piece.tick - start) / max(stop - start, 1)
    return 1.0 if job.done else min(max(done, 0.0), 1.0)


# ---------------------------------------------------------------------------- candidates


def _jobs(
    home: Home, here: Gap, change: Changes, attempt: Attempt, n: int
) -> tuple[list[Job[Tracker, Conditions]], list[GapPlan | None]]:
    """The candidates of a Gap, each with a random stream of its own, and the plan of each."""
    request = attempt.request
    sampling = request.sampling or Sampling()
    words = zlib.crc32(request.brief.text.encode("utf-8", "replace"))
    plan, scheme = here.plan, home.scheme
    read = _apart(here) if home.apart(request) else here
    before = prefix_of(read, request.brief)
    planned = bool(home.engine.model.get("plan"))
    bars = (plan.end - plan.origin) / plan.bar_ticks
    roles = {part.instrument: part.role for part in plan.parts}
    loops = bool(LOOPING & set(request.brief.genres))
    jobs, plans = [], []
    for number in range(int(request.options.get("candidates", CANDIDATES))):
        rng = np.random.default_rng([request.seed, attempt.number, words, n, number])
        own = None
        if planned:
            apart = read is not here
            own = plan_gap(here, change, request.brief, home.habits, rng, apart)
        outline = own.outline if own else None
        if outline is not None and read is not here:
            outline = _of_parts(outline, here.instruments)
        plans.append(own)
        tracker = Tracker(here.frame, scheme.max_delta, outline)
        for step in read.past:
            tracker.push(*step)
        tracker.locks = Locks(scheme, read.kept, [here.span], here.instruments)
        jobs.append(
            Job(
                tracker,
                before,
                _constraints(here, own, change, request.brief, sampling, scheme),
                sampling,
                rng,
                limit=len(tracker.rows)
                + 64
                + 2 * len(here.kept)
                + int(MOST_NOTES_A_BAR * (bars + 1)),
                sampling_by_field=Boldness(sampling, roles, loops, planned),
            )
        )
    return jobs, plans


def _apart(here: Gap) -> Gap:
    """A Gap as the model reads it whose new parts are a stream of their own."""
    return replace(here, past=(), kept=here.kept[:0], everyone=here.instruments)


def _of_parts(outline: Outline, instruments: Sequence[int]) -> Outline:
    """The rows of some instruments."""
    keep = np.isin(outline.instruments, instruments)
    rows = (outline.instruments, outline.letters, outline.sources, outline.counts)
    return Outline(*(row[keep] for row in rows))


def _constraints(
    here: Gap,
    planned: GapPlan | None,
    change: Changes,
    brief: Brief,
    sampling: Sampling,
    scheme: NoteScheme,
) -> list[Constraint[Tracker]]:
    """The wishes on the new notes; the first weigh most. ``planned``: what the model reads."""
    plan, span, playing = here.plan, here.span, here.instruments
    lines, due = np.array(span), np.array([here.notes * (span[1] - span[0]) / plan.bar_ticks])
    if planned is not None:
        plan, lines, due = replace(plan, parts=planned.parts), planned.lines, planned.due
    score = here.score
    alone = not len(here.kept) or int(here.kept[0, 0]) >= plan.end
    swing = brief.swing if brief.swing is not None else (swings(score) or None)
    played = brief.timing == "played" or (brief.timing is None and off_grid(score) >= PLAYED)
    bar, beat = plan.bar_ticks, plan.beat_ticks
    own: list[Constraint[Tracker]] = []
    if here.ends and alone and plan.end - plan.origin >= 2 * bar:
        own += [Length(plan, scheme), Close(plan, scheme)]
    own.append(Ensemble(plan, scheme, informed=planned is not None))
    own.append(Subdivision(plan, scheme, swing, played))
    own.append(Amount(scheme, lines, due, bar, playing, here.slack))
    wish = change.wish(SYNCOPATION)
    if wish is not None:
        own.append(OffBeat(scheme, span, beat, playing, wish.sign))
    wish = change.wish(LENGTH)
    if wish is not None and len(here.old):
        usual = float(np.array(scheme.durations)[here.old[:, 3]].mean())
        own.append(NoteLengths(scheme, playing, usual, wish.sign))
    if any(part.role == DRUM for part in plan.parts):
        # what the piece's drummer has he may use; one that joins has what the genre has
        joins = dict(change.roles).get(DRUMS) is not None
        own.append(Kit(not joins or bool(PERCUSSION & set(brief.genres)), plan if joins else None))
    if any(part.role != DRUM for part in plan.parts):
        own.append(Harmony(plan, scheme))
        if plan.asked_chords:
            own.append(ChordChanges(plan, scheme))
    if change.harmony:
        own += [Together(plan, scheme, playing), Lines(_with_lead(here), scheme)]
    figures = figures_of(brief, plan)
    if figures:
        own.append(Figures(plan, scheme, figures))
    if planned is not None:
        lengths = 0.0 if change.wish(LENGTH) else LENGTH_BIAS
        own += [Recurrence(plan, scheme, True, lengths), Countdown(plan, scheme, figures)]
    if change.lean:
        fields = (ONSET, INSTRUMENT, PITCH, DURATION, VELOCITY)
        own.append(Near(scheme, here.old, dict.fromkeys(fields, change.lean)))
    elif sampling.repetition:
        own.append(Repetition(plan, sampling.repetition))
    filled: list[Constraint[Tracker]] = [Filled(scheme, span, bar, alone)]
    return filled + [Around(wish, scheme, span[1]) for wish in own]


def _with_lead(here: Gap) -> Plan:
    """The Plan with who has the tune that stays, where nobody that is added plays it: chords keep
    below it."""
    score, plan = here.score, here.plan
    lead = next((t for t, role in track_roles(score).items() if role == LEAD), None)
    if lead is None or any(part.role == MELODY for part in plan.parts):
        return plan
    instrument = score.tracks[lead].instrument
    if instrument in here.instruments:
        return plan
    part = PartPlan(instrument, MELODY, 0, 127, 1, 0.0, score.tracks[lead].name)
    return replace(plan, parts=(*plan.parts, part))


def prefix_of(here: Gap, brief: Brief) -> Conditions:
    """The model's prefix: what the piece is, with the text where it names a style."""
    return prefix(
        brief,
        here.plan,
        instruments=here.everyone,
        bars=len(here.frame.bar_starts) - 1,
        swing=swings(here.score),
        text=brief.text if brief.genres or brief.moods else "",
    )


def _take(home: Home, work: _Work, bits: Sequence[Sequence[float]], first: int) -> None:
    """Puts the best candidate into the piece: the one that obeys most, of these the one whose added
    parts are silent in the fewest bars in which they are to play, and then the one whose span and
    whose following notes the model finds likeliest. ``bits``: of each candidate's rows from number
    ``first`` on."""
    state, here, change, jobs = work.state, work.here, work.change, work.jobs
    brief = work.attempt.request.brief
    ranks, fits, span = [], [], (here.start, here.stop)
    for j, job in enumerate(jobs):
        own, following = fit(job.piece.rows, bits[j], here.plan.end, first)
        fits.append((own, following))
        obeyed = 1.0
        if len(jobs) > 1:
            one = joined(here, change, job.piece.rows, home.scheme, dict(state.added))
            obeyed = total(rewrite_rows(brief, change, here.score, one.score, [one.new], [span]))
        plan = work.plans[j]
        silent = 0 if plan is None else plan.silent(job.piece.rows, change.added)
        ranks.append((-round(obeyed, 6), silent, cost(own, following), j))
    best = min(ranks)[-1]
    taken: Joined = joined(here, change, jobs[best].piece.rows, home.scheme, state.added)
    state.score = taken.score
    state.new.append(taken.new)
    for name, count in jobs[best].dropped.items():
        state.dropped[name] = state.dropped.get(name, 0) + count
    state.fits.append(
        {
            "taken": best,
            "bits per note": [round(own, 3) for own, _ in fits],
            "following": [None if np.isnan(f) else round(f, 3) for _, f in fits],
        }
    )
    ticks = _ticks_of(here)
    state.chords = tuple((ticks(t), spell_chord(c, here.plan.key)) for t, c in here.plan.chords)


def _ticks_of(here: Gap) -> Callable[[int], int]:
    """A function from grid ticks to those of the Score."""
    lines, tpq = here.score.bar_starts, here.score.tpq
    on_grid = grid(lines, tpq)

    def tick(at: int) -> int:
        bar = max(int(np.searchsorted(on_grid, at, side="right")) - 1, 0)
        return int(lines[bar]) + (at - int(on_grid[bar])) * tpq // GRID

    return tick


def _result(
    home: Home,
    request: Request,
    change: Changes,
    state: _Filled,
    score: Score,
    new: Sequence[Score],
) -> Result:
    edit = request.edit
    assert edit is not None
    return Result(
        artefact=score,
        brief=request.brief,
        request=request.to_dict(),
        rows=rewrite_rows(request.brief, change, edit.base, score, new, spans_of(edit)),
        system=home.system,
        checkpoint=home.name,
        checkpoint_hash=home.hash,
        chords=state.chords,
        dropped=state.dropped,
        facts={"spans": state.fits},
    )
