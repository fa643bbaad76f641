"""Going on from a Score: the given music stays, what is new stands behind its last bar line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cantilena.errors import InputError
from cantilena.score import Score, Track
from cantilena.systems.note.continuing import continued
from cantilena.systems.note.plan import Plan
from cantilena.systems.note.recurrence import NEW, BarPlan
from cantilena.text.wishes import Brief, Instrument
from cantilena.tokens.note import GRID, NoteScheme
from cantilena.tokens.note.outline import likeness
from makers import HABITS

SCHEME = NoteScheme()


def given_music(tpq: int = 480, bars: int = 2, last: float = 1.0, **kwargs) -> Score:
    """A melody of quarters over a bass; the last note ``last`` quarters long."""
    metres = kwargs.pop("metres", [(0, 4, 4)])
    onset, pitch, track, duration = [], [], [], []
    for k in range(4 * bars):
        onset.append(k * tpq)
        pitch.append(60 + (0, 4, 7, 12)[k % 4])
        track.append(0)
        duration.append(tpq)
        if k % 4 == 0:
            onset.append(k * tpq)
            pitch.append(36)
            track.append(1)
            duration.append(2 * tpq)
    duration[-1] = round(last * tpq)
    tracks = (Track("Lead", 73), Track("Low", 33))
    tempos = [(0, 500_000), (2 * tpq, 400_000)]
    velocity = [91] * len(onset)
    return Score.build(
        tpq, tracks, onset, duration, pitch, velocity, track, tempos, metres, **kwargs
    )


def plan_of(score: Score, brief: Brief | None = None, seed: int = 0):
    brief = brief or Brief(bars=2)
    return continued(brief, score, SCHEME, HABITS, np.random.default_rng(seed))


@pytest.mark.parametrize("tpq", [24, 96, 480, 100])
def test_the_plan_goes_on_behind_the_last_bar_line(tpq: int):
    plan, before = plan_of(given_music(tpq))
    assert plan.origin == before.origin == 2 * 96
    assert plan.lines.tolist() == [0, 96, 192, 288, 384] and plan.bars == 4
    assert [t for t, _ in plan.chords if t >= plan.origin] == [192, 288]
    assert plan.bpm == 150 and plan.metre == (4, 4)
    assert [p.instrument for p in plan.parts] == [73, 33]
    assert SCHEME.untable(np.array(before.steps)).shape == (10, 5)


def test_metre_and_bar_lines_of_the_given_music_are_kept():
    score = given_music(480, 3, metres=[(0, 2, 4), (960, 3, 4)])
    plan, _ = plan_of(score)
    lines = SCHEME.quantise(score).bar_starts.tolist()
    assert plan.metre == (3, 4) and plan.lines[: len(lines)].tolist() == lines
    assert np.diff(plan.lines[len(lines) - 1 :]).tolist() == [72, 72]


def test_what_is_asked_for_stands_above_what_is_there():
    plan, _ = plan_of(
        given_music(), Brief(bars=3, key="F# minor", instruments=(Instrument("oboe", (68,)),))
    )
    assert plan.key.name == "F# minor" and 68 in {p.instrument for p in plan.parts}
    plan, _ = plan_of(given_music(), Brief(bars=2, excluded=(33,)))
    assert [p.instrument for p in plan.parts] == [73]


def test_another_metre_is_refused_where_it_was_said():
    with pytest.raises(InputError, match="cannot be continued"):
        plan_of(given_music(), Brief().with_wishes(metre="3/4"))
    plan, _ = plan_of(given_music(), Brief(metre="3/4", bars=2))  # implied: the file stands above
    assert plan.metre == (4, 4)


def test_another_tempo_is_taken_up_where_it_was_said():
    assert plan_of(given_music(), Brief(bars=2).with_wishes(tempo=90.0))[0].bpm == 90
    assert plan_of(given_music(), Brief(tempo=90.0, bars=2))[0].bpm == 150


def test_a_file_without_notes_is_refused():
    with pytest.raises(InputError, match="no notes"):
        plan_of(Score.build(480, [Track("a", 0)], [], [], [], [], []))


def same_notes(one: Score, other: Score) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)[: len(one)])
        for name in ("onset", "duration", "pitch", "velocity", "track")
    )


@pytest.fixture(scope="module")
def composer(tiny_composer):
    return tiny_composer


def gone_on(composer, score: Score, brief: Brief, seed: int = 1) -> Score:
    from cantilena.decode.sampling import Sampling
    from cantilena.systems.request import Edit, Request

    request = Request(brief, seed, Sampling(best_of=1), Edit.going_on(score))
    return composer.compose([request])[0].score


@pytest.mark.parametrize(
    ("tpq", "last", "chords"),
    [
        (480, 1.0, ()),
        (480, 0.9, ()),
        (24, 1.0, ("Am", "F")),
        (100, 1.0, ()),
        (960, 1.005, ()),
        (480, 0.97, ("C", "G7")),
        (480, 1.2, ()),
    ],
)
def test_the_given_notes_stay_and_new_ones_follow(composer, tpq: int, last: float, chords: tuple):
    score = given_music(tpq, last=last)
    brief = Brief(bars=2, chords=chords)
    longer = gone_on(composer, score, brief)
    assert longer.tpq == tpq and len(longer) > len(score)
    assert same_notes(score, longer)
    new = longer.onset[len(score) :]
    assert (new >= score.bar_starts[-1]).all()
    assert longer.n_bars == score.n_bars + 2
    assert np.array_equal(longer.tempo_us, score.tempo_us)
    assert {t.instrument for t in longer.tracks} == {73, 33}
    assert new.min() <= score.bar_starts[-1] + 4 * tpq  # no silence longer than a bar


@pytest.mark.parametrize("last", [0.3, 0.9, 1.0, 1.2])
@pytest.mark.parametrize("chords", [(), ("Am", "F"), ("C/E", "G7", "C")])
def test_no_wish_has_to_be_dropped_where_the_music_goes_on(composer, last: float, chords: tuple):
    from cantilena.decode.loop import Loop
    from cantilena.systems.base import Attempt
    from cantilena.systems.note.stepper import NoteStepper
    from cantilena.systems.request import Edit, Request

    score = given_music(480, last=last)
    for beats in (None, 2.0):
        brief = Brief(bars=2, chords=chords, chord_beats=beats)
        piece = composer._piece(Attempt(Request(brief, 3, edit=Edit.going_on(score))))
        past = list(piece.job.piece.rows)
        stepper = NoteStepper(composer.engine, [piece.job])
        Loop(stepper, composer.grammar, [piece.job]).run()
        assert piece.job.piece.rows[: len(past)] == past
        new = piece.job.piece.rows[len(past) :]
        assert all(row[0] >= piece.plan.origin for row in new if row[1] >= 0)
        assert not piece.job.dropped


def test_a_long_past_is_read_in_part(composer):
    """More steps than the model's window holds."""
    score = given_music(480, bars=60)
    assert len(score) > composer.engine.model["context"]
    longer = gone_on(composer, score, Brief(bars=1))
    assert same_notes(score, longer) and len(longer) > len(score)


def test_pieces_that_go_on_can_be_composed_beside_others(composer):
    from cantilena.decode.sampling import Sampling
    from cantilena.systems.request import Edit, Request

    edits = [Edit.going_on(given_music(bars=bars)) if bars else None for bars in (2, 0, 1, 2)]
    requests = [
        Request(Brief(bars=1), seed, Sampling(best_of=1), edit) for seed, edit in enumerate(edits)
    ]
    together = composer.compose(requests)
    for request, result in zip(requests, together, strict=True):
        assert composer.compose([request])[0].score == result.score


def test_chords_of_the_result_lie_on_the_score(composer):
    from cantilena.decode.sampling import Sampling
    from cantilena.systems.request import Edit, Request

    score = given_music(480)
    request = Request(
        Brief(bars=2, chords=("Am", "F")), 1, Sampling(best_of=1), Edit.going_on(score)
    )
    result = composer.compose([request])[0]
    line = int(score.bar_starts[-1])
    new = [(t, c) for t, c in result.chords if t >= line]
    assert new == [(line, "Am"), (line + 4 * 480, "F")]
    assert GRID == 24


def test_all_events_of_the_file_stay_and_hanging_ones_are_let_go_of(composer):
    """Event by event as mido sees them; the pedal and bend that hang stop at the bar line."""
    from cantilena.score.controls import CONTROL_CHANGE, PITCH_BEND, Controls
    from cantilena.score.midi import read_midi, write_midi
    from full_file import END, full_file, seen

    base = read_midi(full_file())
    hanging = Controls.build([END - 9], [1], [CONTROL_CHANGE], [64], [127])
    base = replace(base, controls=base.controls.joined(hanging))
    written = write_midi(gone_on(composer, base, Brief(bars=2)))
    before = seen(write_midi(base), lambda tick: tick < END)
    after = seen(written, lambda tick: tick < END)
    assert {name: after[name] for name in before} == before
    new = read_midi(written).controls
    at_line = new.select(new.tick == END)
    rows = list(
        zip(at_line.track.tolist(), at_line.kind.tolist(), at_line.number.tolist(), strict=True)
    )
    assert (1, CONTROL_CHANGE, 64) in rows and (0, PITCH_BEND, 0) in rows
    assert not at_line.value.any()


def bars_of(plan: Plan, instrument: int) -> tuple[BarPlan, ...]:
    return next(part.bars for part in plan.parts if part.instrument == instrument)


def test_the_past_is_planned_as_it_is_and_the_new_bars_as_a_song():
    """The bass plays one bar again and again, the tune too, but for its first."""
    score = given_music(bars=6)
    for seed in range(5):
        plan, _ = plan_of(score, Brief(bars=16), seed)
        outline = plan.outline
        assert outline is not None and outline.letters.shape == (2, 22)
        whole = likeness(SCHEME.table(score), SCHEME.quantise(score).bar_starts).outline()
        for mine, its in ((outline.letters, whole.letters), (outline.counts, whole.counts)):
            assert np.array_equal(mine[:, :6], its)
        for instrument in (33, 73):
            row = bars_of(plan, instrument)
            assert all(-1 <= bar.source < k for k, bar in enumerate(row))
            assert all(row[bar.source].sounds for bar in row if bar.source >= 0)
            new = [bar.notes for bar in row[6:] if bar.notes > 0]
            assert abs(np.mean(new) - (4 if instrument == 73 else 1)) < 1.5
        assert plan.outline is not None and row[-1].kind == NEW


def test_new_bars_take_up_those_that_are_there():
    again = "." + "a" * 7 + "c" * 24
    song = {"genres": [], "metre": [4, 4], "parts": [["melody", 73, again], ["bass", 33, again]]}
    habits = {**HABITS, "arrangements": [song]}
    score, rng = given_music(bars=6), np.random.default_rng(0)
    plan, _ = continued(Brief(bars=8), score, SCHEME, habits, rng)
    assert [bar.source for bar in bars_of(plan, 73)[6:10]] == [2, 3, 4, 5]


def test_without_arrangements_nothing_is_planned():
    habits = {**HABITS, "arrangements": []}
    rng = np.random.default_rng(0)
    plan, _ = continued(Brief(bars=4), given_music(), SCHEME, habits, rng)
    assert plan.outline is None
