"""What is decided where a Brief is silent is what a musician would expect."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.score import DRUMS
from cantilena.systems.note.casting import BASS_RANGE, plan_parts
from cantilena.systems.note.constraints.figures import FIGURES, Figure
from cantilena.systems.note.manner import figures_of
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY, Plan
from cantilena.systems.note.planning import make_plan
from cantilena.text.brief import parse_brief
from cantilena.text.wishes import Brief, Instrument
from makers import HABITS


def plan_of(seed: int = 0, **wishes) -> Plan:
    return make_plan(Brief(**wishes), HABITS, np.random.default_rng(seed))


@pytest.mark.parametrize(("mood", "minor"), [("sad", True), ("happy", False)])
def test_moods_have_their_mode(mood: str, minor: bool):
    modes = [plan_of(seed, moods=(mood,)).key.minor for seed in range(60)]
    assert (modes.count(minor) / len(modes)) > 0.7


def test_pieces_of_one_brief_differ_by_their_seeds():
    plans = [plan_of(seed, genres=("pop",)) for seed in range(6)]
    assert len({(p.key.index, p.bpm, tuple(c.name() for _, c in p.chords)) for p in plans}) > 3


def test_a_bass_stays_low_and_carries_the_harmony():
    for bass in (32, 33, 38, 43):
        parts = {p.instrument: p for p in plan_parts([73, 0, bass], {}, HABITS["registers"])}
        assert parts[bass].role == BASS and parts[73].role == MELODY and parts[0].role == HARMONY
        assert parts[bass].high - parts[bass].low <= BASS_RANGE
        assert parts[bass].low < min(parts[73].low, 60)


@pytest.mark.parametrize("chordal", [0, 4, 24, 19])
def test_a_chordal_instrument_over_a_bass_plays_the_chords(chordal: int):
    """Nobody else would: a melody over a bass alone does not tell a chord."""
    parts = {p.instrument: p for p in plan_parts([chordal, 32, 128], {}, HABITS["registers"])}
    assert parts[chordal].role == HARMONY
    with_lead = {p.instrument: p for p in plan_parts([chordal, 32, 66], {}, HABITS["registers"])}
    assert (with_lead[chordal].role, with_lead[66].role) == (HARMONY, MELODY)


def test_a_single_line_over_a_bass_is_the_melody():
    parts = {p.instrument: p for p in plan_parts([66, 32], {}, HABITS["registers"])}
    assert parts[66].role == MELODY


def test_players_of_one_instrument_are_counted():
    violin = Instrument("violin", (40,), 2)
    parts = plan_parts([40, 41, 42], {40: violin}, HABITS["registers"])
    assert [p.players for p in parts] == [2, 1, 1]
    assert parts[2].role == BASS  # the lowest of three strings


def test_a_tune_over_a_bass_stays_above_it():
    habits = {**HABITS, "registers": {"81": [24, 90], "38": [24, 50]}}
    lead, bass = Instrument("synth lead", (81,)), Instrument("synth bass", (38,))
    plan = make_plan(Brief(instruments=(lead, bass), only=True), habits, np.random.default_rng(0))
    low = {p.instrument: p.low for p in plan.parts}
    assert low[81] >= 50 > low[38]
    alone = make_plan(Brief(instruments=(lead,), only=True), habits, np.random.default_rng(0))
    assert alone.parts[0].low < 50


def roles_of(text: str) -> dict[int, str]:
    plan = make_plan(parse_brief(text), HABITS, np.random.default_rng(0))
    return {p.instrument: p.role for p in plan.parts}


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("violin and piano. The piano has the melody.", {0: MELODY, 40: HARMONY}),
        ("The cello has the tune, violin, viola and double bass", {42: MELODY, 43: BASS}),
        ("cello melody with a violin and a viola", {42: MELODY, 41: BASS}),
        ("flute and violin, solo for the violin", {40: MELODY}),
        ("violin, flute and trumpet over strings, a flute solo", {73: MELODY}),
        ("the tuba plays the bass, clarinet and accordion", {58: BASS}),
        ("the bassoon leads, oboe and double bass", {70: MELODY, 43: BASS}),
        ("cello plays the bass, flute and oboe", {42: BASS}),
        ("oboe and flute. Percussion keeps the beat.", {DRUMS: DRUM}),
        ("harp and flute share the tune over strings", {46: MELODY, 73: MELODY}),
        ("violin and flute share the tune", {40: MELODY, 73: HARMONY}),
        ("violin in the background, flute, harp", {73: MELODY}),
        ("violin accompanied by a flute", {40: MELODY}),
        ("oboe accompanied by a flute, jazz", {68: MELODY}),
        ("The guitar leads, bass, drums, rock", {29: MELODY}),
        ("dark synth duet, pad and lead", {81: MELODY, 89: HARMONY}),
        ("techno, bass and lead", {81: MELODY, 38: BASS, DRUMS: DRUM}),
    ],
)
def test_who_is_asked_to_play_a_role_plays_it(text: str, roles: dict[int, str]):
    actual = roles_of(text)
    assert {i: actual[i] for i in roles} == roles


def test_a_synthesizer_that_plays_the_bass_is_a_synth_bass():
    assert roles_of("flute, bassline on synth, harp")[38] == BASS


def test_chords_do_not_go_far_above_a_tune():
    brief = parse_brief("flute, piano, bass, drums")
    for seed in range(6):
        plan = make_plan(brief, HABITS, np.random.default_rng(seed))
        low, high = next((p.low, p.high) for p in plan.parts if p.role == MELODY)
        assert next(p.high for p in plan.parts if p.role == HARMONY) <= (low + high) // 2 + 4


def test_ranges_follow_roles():
    plan = make_plan(
        parse_brief("cello plays the bass, flute, oboe"), HABITS, np.random.default_rng(0)
    )
    cello = next(p for p in plan.parts if p.instrument == 42)
    assert cello.high - cello.low <= BASS_RANGE


LED = [
    ("house for synth lead, synth pad, synth bass and drums, led by the synth pad", 89),
    ("violin, clarinet, piano and cello, led by the piano, violin in the high register", 0),
    ("fiddle, acoustic guitar, accordion and double bass, led by the acoustic guitar", 25),
    ("pop for flute, piano, strings, electric bass and drums, led by the strings", 48),
    ("jazz for tenor saxophone, organ, acoustic bass and drums, led by the organ", 16),
]


@pytest.mark.parametrize(("text", "lead"), LED)
def test_who_is_asked_to_lead_has_a_line_on_top_and_is_heard(text: str, lead: int):
    for seed in range(4):
        plan = make_plan(parse_brief(f"{text}, 32 bars"), HABITS, np.random.default_rng(seed))
        part = next(p for p in plan.parts if p.instrument == lead)
        others = [p for p in plan.parts if p.role == HARMONY]
        assert part.role == MELODY and others
        assert part.voices == 1 or (lead == 0 and part.voices == 2)
        assert part.low >= max((p.low + p.high) // 2 for p in others)
        assert sum(bar.sounds for bar in part.bars) >= 0.65 * len(part.bars)
        notes = np.mean([bar.notes for bar in part.bars if bar.notes > 0])
        lines = [p for p in others if p.voices == 1]
        assert all(bar.notes <= max(4, notes + 0.5) for p in lines for bar in p.bars)
        assert lead not in figures_of(parse_brief(text), plan)


def test_nobody_goes_below_who_is_asked_to_play_the_bass():
    brief = parse_brief("cello plays the bass, harp, piano and flute")
    plan = make_plan(brief, HABITS, np.random.default_rng(0))
    low = {p.instrument: p.low for p in plan.parts}
    assert all(low[i] >= low[42] + 10 for i in (46, 0, 73))


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        ("flute over strings, cello", Figure(chord=(2, 9), shortest=1.0)),
        ("flute, cello, strings in the background", Figure(chord=(2, 9), shortest=2.0)),
        ("flute over arpeggiated strings, cello", FIGURES["arpeggio"]),
        ("flute over staccato strings, cello", FIGURES["staccato"]),
        ("flute, strings, cello", None),
    ],
)
def test_who_is_asked_to_accompany_holds_chords_or_does_what_is_said(
    text: str, figure: Figure | None
):
    brief = parse_brief(text)
    plan = make_plan(brief, HABITS, np.random.default_rng(0))
    strings = next(p for p in plan.parts if p.name == "Strings")
    assert strings.voices > 1
    assert figures_of(brief, plan).get(strings.instrument) == ((figure,) if figure else None)
