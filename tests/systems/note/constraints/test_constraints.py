"""Constraints: what they make of noise. Random logits stand for the model, so that nothing but the
Grammar and the wishes gives the piece its shape."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.analysis import off_grid
from cantilena.decode.loop import Job, Loop
from cantilena.decode.sampling import Sampling
from cantilena.score import DRUMS
from cantilena.systems.note.constraints import (
    Changes,
    Close,
    Countdown,
    Density,
    Ensemble,
    Harmony,
    Kit,
    Length,
    Lines,
    Motifs,
    Recurrence,
    Repetition,
    Steadiness,
    Subdivision,
    Tonality,
    Voicings,
    constraints,
)
from cantilena.systems.note.finishing import finished
from cantilena.systems.note.plan import Plan
from cantilena.systems.note.planning import make_plan
from cantilena.systems.note.stepper import NoteStepper
from cantilena.systems.note.tracker import Tracker
from cantilena.text.report import PLAYED
from cantilena.text.wishes import Brief, Instrument
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.note.conditions import NOTHING
from cantilena.tokens.note.grammar import DURATION, NoteGrammar
from makers import HABITS, NoiseEngine

SCHEME = NoteScheme()


def part(*programs: int, count: int = 1) -> Instrument:
    return Instrument(f"number {programs[0]}", programs, count)


TRIO = (part(40), part(0), part(33))
BRIEFS = {
    "nothing said": Brief(bars=8),
    "quartet": Brief(instruments=(part(40, count=2), part(41), part(42)), only=True, bars=8),
    "solo piano": Brief(instruments=(part(0),), only=True, bars=6, key="D minor"),
    "solo flute": Brief(instruments=(part(73),), only=True, bars=6, metre="3/4"),
    "drums alone": Brief(instruments=(part(DRUMS),), only=True, bars=4),
    "rock band": Brief(genres=("rock",), bars=9),
    "many": Brief(
        instruments=tuple(part(i) for i in (0, 24, 33, 40, 48, 56, 65, 73, DRUMS)), bars=9
    ),
    "chords": Brief(instruments=TRIO, chords=("Am", "F", "C", "G7"), bars=8),
    "two chords a bar": Brief(
        instruments=TRIO, chords=("Am", "F", "C", "G"), chord_beats=2, bars=5
    ),
    "a chord a beat": Brief(instruments=TRIO, chords=("Am", "F"), chord_beats=1, bars=4),
    "long chords": Brief(instruments=TRIO, chords=("Am", "F"), chord_beats=8, bars=4),
    "chords on a flute": Brief(instruments=(part(73),), only=True, chords=("C/E", "G7"), bars=4),
    "chords on drums": Brief(instruments=(part(DRUMS),), only=True, chords=("C", "G7"), bars=4),
    "one bar": Brief(instruments=TRIO, bars=1),
    "seven eight": Brief(instruments=TRIO, metre="7/8", bars=6),
    "six eight": Brief(instruments=TRIO, metre="6/8", bars=6, chords=("C", "F")),
    "long bars": Brief(instruments=TRIO, metre="3/1", bars=4),
    "short bars": Brief(instruments=TRIO, metre="1/32", bars=20),
    "one beat": Brief(instruments=TRIO, metre="1/4", bars=8),
    "five sixteen": Brief(instruments=TRIO, metre="5/16", bars=9),
    "swing": Brief(instruments=TRIO, swing=True, bars=6),
    "straight": Brief(instruments=TRIO, swing=False, bars=6),
    "played": Brief(instruments=TRIO, timing="played", bars=6),
    "played swing": Brief(instruments=TRIO, swing=True, timing="played", bars=6),
    "played straight": Brief(instruments=TRIO, swing=False, timing="played", bars=6),
}


def written(
    name: str, seed: int = 0, scale: float = 2.0, sampling: Sampling | None = None
) -> tuple[Plan, Job]:
    brief = BRIEFS[name]
    plan = make_plan(brief, HABITS, np.random.default_rng(seed))
    job = Job(
        Tracker(plan.frame, SCHEME.max_delta),
        NOTHING,
        constraints(plan, SCHEME, swing=brief.swing, played=brief.timing == "played"),
        sampling or Sampling(temperature=1.0, top_p=1.0),
        np.random.default_rng(seed + 1),
        limit=64 + 90 * plan.bars,
    )
    # noise has no sense of an ending, nor of time: it is given a little of both
    engine = NoiseEngine(seed, scale, end=2.0)
    plain = engine.heads[0]
    lean = np.zeros(SCHEME.sizes[0], dtype=np.float32)
    lean[[0, 6, 12, 24]] = 4.0
    engine.heads[0] = lambda x: plain(x) + lean
    Loop(NoteStepper(engine, [job]), NoteGrammar(SCHEME), [job]).run()
    return plan, job


@pytest.fixture(scope="module")
def pieces() -> dict[str, tuple[Plan, Job]]:
    return {name: written(name) for name in BRIEFS}


@pytest.mark.parametrize("name", BRIEFS)
def test_the_piece_ends_by_itself_and_no_wish_had_to_be_dropped(pieces, name: str):
    _, job = pieces[name]
    assert job.done and len(job.piece.rows) < job.limit
    assert not job.dropped


@pytest.mark.parametrize("name", BRIEFS)
def test_only_the_planned_instruments_play_within_their_ranges(pieces, name: str):
    plan, job = pieces[name]
    parts = {p.instrument: p for p in plan.parts}
    for _, instrument, pitch, *_ in (r for r in job.piece.rows if r[1] >= 0):
        assert instrument in parts
        assert parts[instrument].low <= pitch <= parts[instrument].high


@pytest.mark.parametrize("name", BRIEFS)
def test_each_planned_instrument_is_heard(pieces, name: str):
    plan, job = pieces[name]
    heard = {r[1] for r in job.piece.rows}
    long_enough = plan.end >= 4 * 96  # in a few beats there may be no place for all
    assert {p.instrument for p in plan.parts} <= heard or not long_enough


@pytest.mark.parametrize("name", BRIEFS)
def test_the_bars_are_filled_and_nothing_stands_past_the_end(pieces, name: str):
    plan, job = pieces[name]
    onsets = np.array([r[0] for r in job.piece.rows if r[1] >= 0])
    assert onsets.min() == 0 and onsets.max() < plan.end
    bars = np.searchsorted(plan.lines, onsets, side="right") - 1
    assert set(bars.tolist()) == set(range(plan.bars))
    score = finished(job.piece.rows, plan, SCHEME, None)
    assert score.end == plan.end and score.n_bars == plan.bars
    assert (score.onset + score.duration).max() <= plan.end


@pytest.mark.parametrize("name", BRIEFS)
def test_parts_keep_to_their_voices(pieces, name: str):
    plan, job = pieces[name]
    voices = {p.instrument: p.voices for p in plan.parts}
    seen: dict[tuple[int, int], int] = {}
    for row in job.piece.rows:
        seen[row[0], row[1]] = seen.get((row[0], row[1]), 0) + 1
    assert all(n <= voices[i] for (_, i), n in seen.items() if i >= 0)
    score = finished(job.piece.rows, plan, SCHEME, None)
    for instrument in set(score.instrument.tolist()) - {DRUMS}:
        own = score.select(score.instrument == instrument)
        for tick in own.onset.tolist():
            sounding = (own.onset <= tick) & (own.onset + own.duration > tick)
            assert sounding.sum() <= voices[instrument]


@pytest.mark.parametrize("name", [n for n in BRIEFS if BRIEFS[n].chords and n != "chords on drums"])
def test_asked_chords_are_struck_when_they_are_due(pieces, name: str):
    plan, job = pieces[name]
    onsets = {r[0] for r in job.piece.rows if r[1] >= 0}
    assert {t for t, _ in plan.chords} <= onsets


@pytest.mark.parametrize("name", ["chords", "two chords a bar", "six eight", "chords on a flute"])
def test_bass_notes_are_the_chords_basses_where_these_are_asked_for(pieces, name: str):
    plan, job = pieces[name]
    due = dict(plan.chords)
    roles = {p.instrument: p.role for p in plan.parts}
    for tick, instrument, pitch, *_ in job.piece.rows:
        if tick in due and roles.get(instrument) == "bass":
            chord = due[tick]
            assert pitch % 12 == (chord.root if chord.bass is None else chord.bass)
        elif tick in due and roles.get(instrument) == "harmony":
            assert pitch % 12 in due[tick].pitch_classes


@pytest.mark.parametrize(
    ("name", "barred"),
    [
        ("swing", (6, 12, 18)),
        ("straight", (8, 16)),
        ("played swing", (5, 11, 12, 13, 19)),
        ("played straight", (8, 10, 14, 16)),
    ],
)
def test_swing_decides_where_offbeats_stand(pieces, name: str, barred: tuple[int, ...]):
    _, job = pieces[name]
    assert not {r[0] % 24 for r in job.piece.rows} & set(barred)


def test_onsets_stand_on_divisions_of_the_beat(pieces):
    for name, (plan, job) in pieces.items():
        if (
            BRIEFS[name].timing or plan.bar_ticks % 12
        ):  # the grid does not start anew at each of such bars
            continue
        start = np.searchsorted(plan.lines, [r[0] for r in job.piece.rows], side="right") - 1
        place = np.array([r[0] for r in job.piece.rows]) - plan.lines[start]
        assert set((place % 24).tolist()) <= {0, 3, 4, 6, 8, 9, 12, 15, 16, 18, 20, 21}


@pytest.mark.parametrize("name", ["played", "played swing", "played straight"])
def test_what_is_played_stands_off_the_divisions_in_part(pieces, name: str):
    plan, job = pieces[name]
    assert off_grid(finished(job.piece.rows, plan, SCHEME, None)) >= PLAYED


@pytest.mark.parametrize("name", ["solo flute", "one beat", "played", "played swing"])
def test_no_note_is_cut_to_a_click(pieces, name: str):
    """A part's one voice, or a pitch, struck again within a thirty-second cuts what sounded."""
    plan, job = pieces[name]
    single = {p.instrument for p in plan.parts if p.voices == 1}
    assert single
    onsets: dict[tuple[int, int], list[int]] = {}
    for tick, instrument, pitch, *_ in job.piece.rows:
        if instrument >= 0:
            voice = (instrument, -1 if instrument in single else pitch)
            onsets.setdefault(voice, []).append(tick)
    for ticks in onsets.values():
        assert not {1, 2} & set(np.diff(ticks).tolist())


def test_a_note_before_the_beat_is_of_the_chord_that_the_beat_brings():
    """Hands that are early by a tick or two: else their note would have to end with the chord."""
    plan = make_plan(BRIEFS["chords"], HABITS, np.random.default_rng(0))
    tick, chord = plan.chords[1]
    piece = Tracker(plan.frame, SCHEME.max_delta)
    piece.push(0, 33, plan.chords[0][1].root + 36, 1, 4)
    pitch = 36 + chord.root
    for early, free in ((1, True), (2, True), (6, False)):
        step = tick - early - piece.tick
        bias = Harmony(plan, SCHEME).bias(DURATION, piece, (step, 33, pitch))
        quarter = 0.0 if bias is None else bias[SCHEME.durations.index(24)]
        assert (quarter > -np.inf) == free


@pytest.mark.parametrize("seed", range(6))
def test_wild_noise_is_held_all_the_same(seed: int):
    """Logits so large that the model's will would drown any soft wish."""
    name = ("quartet", "rock band", "chords", "two chords a bar", "many", "six eight")[seed]
    plan, job = written(name, seed, scale=25.0)
    assert job.done and not job.dropped
    rows = [r for r in job.piece.rows if r[1] >= 0]
    assert {r[1] for r in rows} <= {p.instrument for p in plan.parts}
    assert max(r[0] for r in rows) < plan.end


def test_each_constraint_has_a_name_of_its_own_under_which_it_is_reported():
    asked, chosen = (
        constraints(
            make_plan(Brief(genres=("rock",), chords=c, bars=40), HABITS, np.random.default_rng(0)),
            SCHEME,
            informed=True,
        )
        for c in (("C", "G"), ())
    )
    common = {
        Close,
        Countdown,
        Density,
        Ensemble,
        Harmony,
        Kit,
        Length,
        Lines,
        Motifs,
        Recurrence,
        Repetition,
        Subdivision,
    }
    # chords that are asked for are told by their tones, which those struck before may lack
    assert {type(wish) for wish in asked} == common | {Changes, Tonality}
    assert {type(wish) for wish in chosen} == common | {Voicings, Steadiness}
    for wishes in (asked, chosen):
        names = [wish.name for wish in wishes]
        assert len(set(names)) == len(names)
        assert all(name.replace(" ", "").isalpha() for name in names)


def test_who_plays_alone_is_no_accompaniment():
    brief = Brief(instruments=(part(0),), only=True, bars=16)
    alone = constraints(make_plan(brief, HABITS, np.random.default_rng(0)), SCHEME, informed=True)
    assert not {Voicings, Steadiness} & {type(wish) for wish in alone}


def test_wishes_that_leave_nothing_are_dropped_but_never_the_grammar():
    class Impossible:
        name = "the impossible"

        def bias(self, field, piece, chosen):
            return np.full(SCHEME.sizes[field], -np.inf)

    plan = make_plan(Brief(bars=2), HABITS, np.random.default_rng(0))
    job = Job(
        Tracker(plan.frame, SCHEME.max_delta),
        NOTHING,
        [Impossible()],
        Sampling(),
        np.random.default_rng(0),
        40,
    )
    stepper = NoteStepper(NoiseEngine(end=-50.0), [job])
    Loop(stepper, NoteGrammar(SCHEME), [job]).run()
    assert job.dropped["the impossible"] > 0
    steps = [[r[5], max(r[1], 0), *r[2:5]] for r in job.piece.rows]
    SCHEME.untable(np.array(steps))
