"""Going on from a Score: its steps as the past, a Plan for the bars to come, and the joining.

Knows Scores and Plans; does not know the model. The music of the file is never changed: new
notes stand after its last bar line, and so does another tempo.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cantilena.analysis import chord_slots, find_key
from cantilena.errors import BriefError, InputError
from cantilena.score import DRUMS, Score, Track, gm
from cantilena.score.harmony import Chord
from cantilena.score.splice import released
from cantilena.score.texts import Text
from cantilena.systems.note.arranging import arrange, arrange_form
from cantilena.systems.note.casting import asked_programs, asked_roles, plan_parts
from cantilena.systems.note.plan import PartPlan, Plan
from cantilena.systems.note.planning import make_plan
from cantilena.systems.note.recurrence import bars_of
from cantilena.systems.note.suiting import notes_per_bar
from cantilena.text.wishes import Brief, Instrument
from cantilena.tokens.note import GRID, NoteScheme
from cantilena.tokens.note.outline import likeness

MOST_PARTS = 12  # of the file that go on, the ones with most notes first
MOST_DESKS = 8  # tracks of one instrument that go on
NEW_BARS = 16  # where no length is asked for
TEMPO_RATIO = 1.25  # "faster" is a quarter faster, "slower" as much slower
SAME_TEMPO = 0.5  # quarters per minute: a tempo nearer than this to the file's is the file's
_SLOWER = re.compile(r"\b(slower|langsamer|ruhiger|plus lent\w*|più lent\w*|más lent\w*)\b", re.I)
_FASTER = re.compile(
    r"\b(faster|quicker|schneller|plus (vite|rapide)|più veloce|más rápid\w*)\b", re.I
)


@dataclass(frozen=True)
class Continued:
    """The past of a continued piece: the file's Score, its steps, and the grid tick at which new
    music starts (the Score's last bar line)."""

    score: Score
    steps: tuple[tuple[int, int, int, int, int], ...]
    origin: int

    def joined(self, plan: Plan, tracks: Sequence[Track], columns: Sequence[np.ndarray]) -> Score:
        """The file's Score with the new notes (onset, duration, pitch, velocity, track; grid ticks)
        behind it, in its own ticks; parts go on in tracks of their instrument, those of several
        players in as many as there are, the highest first. Controls, texts and opaque events stay;
        pedals and bends are let go of where the new music starts."""
        old = self.score
        all_tracks = list(old.tracks)
        desks = _desks(old)
        place, latest = [], {}
        for track in tracks:
            free = desks.get(track.instrument, [])
            if free:
                latest[track.instrument] = free.pop(0)
            elif track.instrument not in latest:
                latest[track.instrument] = len(all_tracks)
                all_tracks.append(track)
            place.append(latest[track.instrument])

        onset, duration, pitch, velocity, number = columns
        start = self.moved(onset)
        length = np.maximum(1, self.moved(onset + duration) - start)
        notes = (start, length, pitch, velocity, np.array(place, dtype=np.int64)[number])
        past = (old.onset, old.duration, old.pitch, old.velocity, old.track)
        both = [np.concatenate(pair) for pair in zip(past, notes, strict=True)]
        return Score.build(
            old.tpq,
            all_tracks,
            *both,
            tempos=self._tempos(plan),
            metres=zip(old.metre_tick, old.metre_num, old.metre_den, strict=True),
            keys=zip(old.key_tick, old.key_fifths, old.key_minor, strict=True),
            end=int(self.moved(np.array(plan.end))),
            title=old.title,
            controls=old.controls.joined(released(old, int(old.bar_starts[-1]))),
            texts=(*old.texts, *self._markers(plan)),
            opaque=old.opaque,
            warnings=old.warnings,
        )

    def _markers(self, plan: Plan) -> list[Text]:
        """The names of the new music's sections, in the given Score's ticks."""
        ticks = self.moved(np.array([plan.origin + text.tick for text in plan.markers], dtype=int))
        return [
            replace(text, tick=tick)
            for text, tick in zip(plan.markers, ticks.tolist(), strict=True)
        ]

    def moved(self, ticks: np.ndarray) -> np.ndarray:
        """Grid ticks of the new music in the given Score's own, counted from its last bar line."""
        line, tpq = int(self.score.bar_starts[-1]), self.score.tpq
        return line + ((ticks - self.origin) * (2 * tpq) + GRID) // (2 * GRID)

    def clock(self, plan: Plan) -> Score:
        """A Score without notes that has the joined one's ticks and tempos."""
        empty: list[int] = []
        return Score.build(
            self.score.tpq, (), empty, empty, empty, empty, empty, tempos=self._tempos(plan)
        )

    def _tempos(self, plan: Plan) -> list[tuple[int, int]]:
        """The given Score's tempos; the Plan's from the last bar line on, where it differs."""
        old, line = self.score, int(self.score.bar_starts[-1])
        tempos = list(zip(old.tempo_tick.tolist(), old.tempo_us.tolist(), strict=True))
        if plan.bpm != 60e6 / tempos[-1][1]:
            tempos = [(t, us) for t, us in tempos if t < line or t == 0]
            tempos.append((line, round(60e6 / plan.bpm)))
        return tempos


def continued(
    brief: Brief,
    score: Score,
    scheme: NoteScheme,
    habits: dict[str, Any],
    rng: np.random.Generator,
) -> tuple[Plan, Continued]:
    """The Plan of the bars to come and the past. The metre goes on as it ends; tempo and key too,
    unless the Brief names others, and the instruments, to which those of the Brief are added, or
    which they replace where it says that there are no others. Raises InputError for a Score
    without notes, or a Brief that asks for another metre. A whole form is that of the new bars."""
    if not len(score):
        raise InputError("there is nothing to continue: the file holds no notes")
    metre = (int(score.metre_num[-1]), int(score.metre_den[-1]))
    if brief.metre_parts not in (None, metre) and brief.how.get("metre") == "said":
        raise InputError(
            f"the file ends in {metre[0]}/{metre[1]}; it cannot be continued in {brief.metre}"
        )
    bpm = _tempo(brief, _tempo_at_end(score))
    quantised = scheme.quantise(score)
    table = scheme.table(score)
    key, _ = find_key(quantised)
    if brief.key is None and key is not None and not brief.chords:
        brief = replace(brief, key=key.name)
    bars = brief.bars or (None if brief.seconds or brief.form_whole else NEW_BARS)
    try:
        brief = replace(brief, tempo=bpm, metre=f"{metre[0]}/{metre[1]}", bars=bars)
    except BriefError as error:
        raise InputError(f"the file's end cannot be continued: {error}") from None
    plan = make_plan(brief, habits, rng)
    if not (brief.only and brief.instruments):
        plan = replace(plan, parts=_parts(brief, score, table, habits) or plan.parts)
    plan = replace(plan, parts=tuple(replace(part, bars=()) for part in plan.parts))
    lines = quantised.bar_starts
    origin = int(lines[-1])
    new_chords = tuple((origin + t, c) for t, c in plan.chords)
    sections = plan.sections if brief.form_whole else ()
    plan = replace(
        plan,
        origin=origin,
        sections=tuple(replace(s, start=len(lines) - 1 + s.start) for s in sections),
        bars=len(lines) - 1 + plan.bars,
        bar_starts=(*lines.tolist(), *(int(origin + t) for t in plan.lines[1:])),
        chords=(*_past_chords(quantised), *new_chords),
    )
    plan = _arranged(plan, brief, table, lines, habits, rng)
    steps = tuple(tuple(row) for row in scheme.steps(table, end=False).tolist())
    return plan, Continued(score, steps, origin)


def _arranged(
    plan: Plan,
    brief: Brief,
    table: np.ndarray,
    lines: np.ndarray,
    habits: dict[str, Any],
    rng: np.random.Generator,
) -> Plan:
    """The Plan with what its parts do in every bar: up to the last of ``lines`` what the notes of
    ``table`` are, then an arrangement of a training song; without any what the form asks for."""
    songs = habits.get("arrangements", ())
    if not songs:
        return replace(plan, parts=arrange_form(plan, brief, rng))
    outline = likeness(table, lines).outline()
    past = {part.instrument: bars_of(outline, part.instrument) for part in plan.parts}
    plan = arrange(plan, brief, songs, rng, past)
    arranged = notes_per_bar({p.instrument: p.bars[len(lines) - 1 :] for p in plan.parts})
    return replace(plan, density=arranged or plan.density)


def _tempo_at_end(score: Score) -> float:
    """The tempo of a Score's end, in quarters per minute: its last where it holds for a bar, else
    (it ends in a ritardando) the one that holds longest."""
    bars = score.bar_starts
    ticks_at_last = int(bars[-1]) - int(score.tempo_tick[-1])
    return 60e6 / int(score.tempo_us[-1]) if ticks_at_last >= bars[-1] - bars[-2] else score.bpm


def _tempo(brief: Brief, bpm: float) -> float:
    """The tempo to go on in, in quarters per minute: as said; slower or faster than ``bpm``, at
    which the file ends; as a tempo word has it; else ``bpm``. A tempo that only follows from a
    genre does not change it."""
    if brief.tempo is not None and brief.how.get("tempo") == "said":
        return float(brief.tempo) if abs(brief.tempo - bpm) > SAME_TEMPO else bpm
    slower, faster = _SLOWER.search(brief.text), _FASTER.search(brief.text)
    low, high = brief.tempo_range or (bpm, bpm)
    if slower or faster:
        wanted = bpm / TEMPO_RATIO if slower else bpm * TEMPO_RATIO
        if low < bpm if slower else high > bpm:
            wanted = min(max(wanted, low), high)
        return float(np.clip(round(wanted), 10, 400))
    if brief.tempo is None or low <= bpm <= high:
        return bpm
    return float(brief.tempo) if brief.tempo_range else bpm


def _parts(
    brief: Brief, score: Score, table: np.ndarray, habits: dict[str, Any]
) -> tuple[PartPlan, ...]:
    """The parts that are there, most notes first, and those the Brief asks for besides."""
    counts = np.bincount(table[:, 1], minlength=DRUMS + 1)
    order = [int(i) for i in np.argsort(-counts, kind="stable") if counts[i]]
    present = [i for i in order if i not in brief.excluded]
    named = dict(asked_programs(brief))
    for instrument, tracks in _desks(score).items():
        if instrument not in named and instrument != DRUMS:
            count = min(len(tracks), MOST_DESKS)
            named[instrument] = Instrument(gm.name(instrument), (instrument,), count)
    asked = [i for i, _ in asked_programs(brief)]
    instruments = list(dict.fromkeys([*asked, *present]))[: max(MOST_PARTS, len(asked))]
    return plan_parts(instruments, named, habits["registers"], asked_roles(brief))


def _desks(score: Score) -> dict[int, list[int]]:
    """The tracks of each instrument, those with notes first and of these the highest."""
    n = len(score.tracks)
    counts = np.bincount(score.track, minlength=n)
    height = np.bincount(score.track, weights=score.pitch, minlength=n) / np.maximum(counts, 1)
    desks: dict[int, list[int]] = {}
    for i in np.argsort(-height, kind="stable").tolist():
        if counts[i]:
            desks.setdefault(score.tracks[i].instrument, []).append(i)
    for i, track in enumerate(score.tracks):
        desks.setdefault(track.instrument, [i])
    return desks


def _past_chords(score: Score) -> list[tuple[int, Chord]]:
    """The chords heard in a Score, one a half bar, where any is."""
    numbers, starts = chord_slots(score, per="half")
    return [(int(t), Chord.from_number(int(n))) for n, t in zip(numbers, starts, strict=True) if n]
