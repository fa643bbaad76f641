"""What a Brief may change where a Score is continued: tempo and instruments."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cantilena.analysis import sections
from cantilena.score import Score, Track
from cantilena.systems.note.continuing import continued
from cantilena.text.brief import merge, parse_brief
from cantilena.text.wishes import Brief, Instrument
from cantilena.tokens.note import NoteScheme
from makers import HABITS

SCHEME = NoteScheme()
OBOE = Instrument("oboe", (68,))


def duet(bpm: float = 150, programs: tuple[int, int] = (33, 73)) -> Score:
    """Two bars of a low and a high part in quarters."""
    onset = np.repeat(np.arange(8) * 480, 2)
    ones = np.ones(len(onset), dtype=int)
    return Score.build(
        480,
        [Track("Low", programs[0]), Track("High", programs[1])],
        onset,
        480 * ones,
        np.tile([40, 72], 8),
        80 * ones,
        np.tile([0, 1], 8),
        tempos=[(0, round(60e6 / bpm))],
    )


def plan_of(score: Score, brief: Brief):
    return continued(brief, score, SCHEME, HABITS, np.random.default_rng(0))[0]


@pytest.mark.parametrize(
    ("text", "bpm"),
    [
        ("the same, but slower", 82),
        ("the same, but faster", 170),
        ("at 90 bpm", 90),
        ("in reggae style", 150),
        ("", 150),
        ("with an oboe", 150),
    ],
)
def test_the_tempo_goes_on_unless_another_is_asked_for(text: str, bpm: float):
    assert plan_of(duet(), replace(parse_brief(text), bars=2)).bpm == bpm


@pytest.mark.parametrize("bpm", [40, 60, 75, 120, 150, 220])
def test_slower_is_slower_and_faster_is_faster(bpm: int):
    slower, faster = (
        plan_of(duet(bpm), replace(parse_brief(f"{how}, please"), bars=2)).bpm
        for how in ("slower", "faster")
    )
    assert slower < 0.95 * bpm and faster > 1.05 * bpm


def test_instruments_are_added_unless_there_are_to_be_no_others():
    plan = plan_of(duet(), Brief(bars=2, instruments=(OBOE,)))
    assert {p.instrument for p in plan.parts} == {68, 73, 33}
    plan = plan_of(duet(), Brief(bars=2, instruments=(OBOE,), only=True))
    assert {p.instrument for p in plan.parts} == {68}
    plan = plan_of(duet(), Brief(bars=2, excluded=(33, 73)))
    assert plan.parts and not {p.instrument for p in plan.parts} & {33, 73}


def gone_on(composer, score: Score, brief: Brief) -> Score:
    from cantilena.decode.sampling import Sampling
    from cantilena.systems.request import Edit, Request

    request = Request(brief, 1, Sampling(best_of=1), Edit.going_on(score))
    return composer.compose([request])[0].score


def test_another_tempo_begins_at_the_bar_line(tiny_composer):
    longer = gone_on(tiny_composer, duet(), Brief(bars=2).with_wishes(tempo=90.0))
    assert longer.tempo_tick.tolist() == [0, 8 * 480]
    assert longer.tempo_us.tolist() == [400_000, 666_667]


def test_behind_a_ritardando_the_music_goes_on_in_tempo(tiny_composer):
    score = duet(120)
    slow = [(0, 500_000), (6 * 480, 750_000), (7 * 480, 1_500_000)]
    score = replace(
        score, tempo_tick=np.array([t for t, _ in slow]), tempo_us=np.array([u for _, u in slow])
    )
    assert plan_of(score, Brief(bars=2)).bpm == 120
    longer = gone_on(tiny_composer, score, Brief(bars=2))
    assert longer.tempo_tick.tolist() == [0, 6 * 480, 7 * 480, 8 * 480]
    assert longer.tempo_us[-1] == 500_000


def test_players_of_one_instrument_go_on_in_their_own_tracks(tiny_composer):
    score = duet(programs=(40, 40))
    assert [(p.instrument, p.players) for p in plan_of(score, Brief(bars=2)).parts] == [(40, 2)]
    longer = gone_on(tiny_composer, score, Brief(bars=4))
    assert [t.name for t in longer.tracks] == ["Low", "High"]
    assert (longer.track[longer.onset >= score.bar_starts[-1]] == 1).any()


def test_a_whole_form_is_that_of_the_new_bars(tiny_composer):
    brief = merge(Brief(), form="chorus 3, bridge 2 (oboe), chorus 3, outro 2 (oboe)")
    plan = plan_of(duet(), brief)
    assert [(s.name, s.start, s.bars) for s in plan.sections] == [
        ("chorus", 2, 3),
        ("bridge", 5, 2),
        ("chorus", 7, 3),
        ("outro", 10, 2),
    ]
    assert plan.bars == 12
    for part in plan.parts:
        plays = {bar: part.plays(bar) for bar in (5, 6, 10, 11)}
        assert set(plays.values()) == {part.instrument == 68}
        assert all(part.plays(bar) for bar in (2, 3, 4, 7, 8, 9))
    longer = gone_on(tiny_composer, duet(), brief)
    starts = [(section.name, section.bar) for section in sections(longer)]
    assert starts == [("chorus", 3), ("bridge", 6), ("chorus", 8), ("outro", 11)]
    assert longer.n_bars == 12


def test_a_length_stands_above_the_forms_where_music_goes_on():
    plan = plan_of(duet(), merge(Brief(), form="AB", bars=6))
    assert [(s.name, s.start, s.bars) for s in plan.sections] == [("A", 2, 3), ("B", 5, 3)]
