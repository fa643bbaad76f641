"""Plans: what is said is never changed, the rest is decided the same by the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.errors import BriefError
from cantilena.score import DRUMS, gm
from cantilena.score.harmony import Key, parse_chord
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY, Plan
from cantilena.systems.note.planning import key_of_chords, make_plan
from cantilena.systems.note.sections import section_of_rounds
from cantilena.text.brief import parse_brief
from cantilena.text.labels import GENRES, MOODS
from cantilena.text.wishes import Brief, Instrument
from makers import HABITS

SYMBOLS = ("C", "Am7", "F#dim", "Bb/D", "G7", "Dm", "Ebmaj7", "Esus4", "Abm9")
programs = st.lists(st.integers(0, 128), min_size=1, max_size=3).map(tuple)
instruments = st.lists(
    st.builds(Instrument, st.text("abc", min_size=1), programs, st.integers(1, 4)), max_size=5
)
BRIEFS = st.builds(
    Brief,
    instruments=instruments.map(tuple),
    only=st.booleans(),
    excluded=st.lists(st.integers(0, 128), max_size=6).map(tuple),
    tempo=st.none() | st.floats(10, 400),
    tempo_range=st.none() | st.sampled_from([(60.0, 70.0), (140.0, 170.0)]),
    key=st.none() | st.builds(lambda t, m: Key(t, m).name, st.integers(0, 11), st.booleans()),
    metre=st.none() | st.sampled_from(["4/4", "3/4", "6/8", "7/8", "5/16", "2/1", "1/32", "32/32"]),
    chords=st.lists(st.sampled_from(SYMBOLS), max_size=6).map(tuple),
    chord_beats=st.sampled_from([None, None, 1.0, 2.0, 3.0, 8.0]),
    genres=st.lists(st.sampled_from(GENRES), max_size=2).map(tuple),
    moods=st.lists(st.sampled_from(MOODS), max_size=2).map(tuple),
    bars=st.none() | st.integers(1, 70),
    seconds=st.none() | st.floats(0.5, 200),
    swing=st.none() | st.booleans(),
    density=st.sampled_from([None, "sparse", "medium", "dense"]),
)


def plan_of(brief: Brief, seed: int = 0) -> Plan:
    return make_plan(brief, HABITS, np.random.default_rng(seed))


@settings(max_examples=70)
@given(BRIEFS, st.integers(0, 2**32))
def test_what_is_said_is_never_changed(brief: Brief, seed: int):
    plan = plan_of(brief, seed)
    if brief.tempo is not None:
        assert plan.bpm == brief.tempo
    elif brief.tempo_range is not None:
        assert brief.tempo_range[0] <= plan.bpm <= brief.tempo_range[1]
    if brief.metre is not None:
        assert plan.metre == brief.metre_parts
    if brief.key is not None:
        assert plan.key.name == brief.key
    if brief.bars is not None:
        assert plan.bars == brief.bars
    elif brief.seconds is not None and 1 < plan.bars < 1000:
        bar = 240 * plan.metre[0] / plan.metre[1] / plan.bpm
        assert abs(plan.bars * bar - brief.seconds) <= bar / 2 + 1e-6
    if brief.chords:
        beat = 24 * brief.chord_beats if brief.chord_beats else plan.bar_ticks
        assert plan.asked_chords
        as_asked = [parse_chord(brief.chords[k % len(brief.chords)]) for k in range(plan.end)]
        last = plan.end - plan.bar_ticks
        home = (
            brief.key and plan.chords[-1][0] == last and plan.chords[-1][1].root == plan.key.tonic
        )
        for k, (tick, chord) in enumerate(plan.chords):
            assert tick == round(k * beat) or (tick == last and home)
            assert chord == as_asked[k] or (tick == last and home and plan.bars >= 8)
        assert len(plan.chords) == -(-plan.end // round(beat)) or home


@settings(max_examples=70)
@given(BRIEFS, st.integers(0, 2**32))
def test_asked_instruments_play_and_excluded_ones_do_not(brief: Brief, seed: int):
    planned = [p.instrument for p in plan_of(brief, seed).parts]
    assert len(planned) == len(set(planned))
    assert not set(planned) & set(brief.excluded)
    can = [set(wish.programs) - set(brief.excluded) for wish in brief.instruments]
    assert all(programs & set(planned) for programs in can if programs)
    if brief.only and any(can):
        assert set(planned) <= set().union(*can)


@settings(max_examples=40)
@given(BRIEFS, st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_plan(brief: Brief, seed: int):
    assert plan_of(brief, seed) == plan_of(brief, seed)


@settings(max_examples=40)
@given(BRIEFS, st.integers(0, 2**32))
def test_a_plan_is_whole(brief: Brief, seed: int):
    plan = plan_of(brief, seed)
    assert len(plan.lines) == plan.bars + 1 and plan.lines[0] == 0
    assert plan.end == plan.bars * plan.bar_ticks
    assert 10 <= plan.bpm <= 400
    ticks = [t for t, _ in plan.chords]
    assert ticks == sorted(set(ticks)) and ticks[0] == 0 and ticks[-1] < plan.end
    assert [s.start for s in plan.sections[1:]] == [s.stop for s in plan.sections[:-1]]
    assert plan.sections[0].start == 0 and plan.sections[-1].stop == plan.bars
    frame = plan.frame
    assert len(frame.chord_starts) == len(frame.chords) and frame.last_bar == plan.bars - 1
    for part in plan.parts:
        low, high = gm.playable(part.instrument)
        assert low <= part.low < part.high <= high
        assert part.voices >= 1 and 0 < part.min_share < 1 and part.players >= 1
        assert (part.role == DRUM) == (part.instrument == DRUMS)
    assert sum(p.min_share for p in plan.parts) < 1


def test_there_is_always_someone_to_play():
    everything = tuple(range(129))
    for brief in (
        Brief(only=True),
        Brief(only=True, genres=("rock",)),
        Brief(excluded=tuple(i for i in everything if i != 73)),
        Brief(excluded=(0, 33, 128, 48, 30, 29, 34, 32, 65, 40, 41, 42, 71, 24, 73)),
        Brief(instruments=(Instrument("piano", (0,)),), excluded=(0,), only=True),
    ):
        plan = plan_of(brief)
        assert plan.parts, brief
        assert not {p.instrument for p in plan.parts} & set(brief.excluded)


def test_an_ensemble_without_anyone_is_refused():
    with pytest.raises(BriefError, match="excluded"):
        plan_of(Brief(excluded=tuple(range(129))))


def test_roles_of_a_band_and_of_one_alone():
    band = Brief(instruments=tuple(Instrument(str(i), (i,)) for i in (73, 0, 33, DRUMS)))
    roles = {p.instrument: p.role for p in plan_of(band).parts}
    assert roles == {73: MELODY, 0: HARMONY, 33: BASS, DRUMS: DRUM}
    alone = plan_of(Brief(instruments=(Instrument("piano", (0,)),), only=True))
    assert [p.role for p in alone.parts] == [HARMONY]
    flute = plan_of(Brief(instruments=(Instrument("flute", (73,)),), only=True))
    assert [(p.role, p.voices) for p in flute.parts] == [(MELODY, 1)]


def test_players_share_a_part():
    quartet = Brief(
        instruments=(
            Instrument("violin", (40,), 2),
            Instrument("viola", (41,)),
            Instrument("cello", (42,)),
        ),
        only=True,
    )
    parts = {p.instrument: p for p in plan_of(quartet).parts}
    assert (parts[40].players, parts[40].voices) == (2, 2)
    assert parts[42].role == BASS


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        ("C F G C", "C major"),
        ("Am F C G", "A minor"),
        ("Dm7 G7 Cmaj7", "C major"),
        ("Cmaj7", "C major"),
        ("Fmaj7 Gm7 C7 Fmaj7", "F major"),
        ("Cm Fm G7 Cm", "C minor"),
        ("Em C G D", "E minor"),
        ("Bbmaj7 Ebmaj7", "Bb major"),
        ("D A Bm G", "D major"),
    ],
)
def test_the_key_follows_from_the_chords(symbols: str, expected: str):
    assert key_of_chords([parse_chord(s) for s in symbols.split()]).name == expected


TWO_A_BAR = [[1, 64, 46, 46, 1, 1, 46, 64], 3]  # C G | F F | C C | F G


@pytest.mark.parametrize(
    ("metre", "places"), [("4/4", {0, 48}), ("6/8", {0, 36}), ("12/8", {0, 72}), ("3/4", {0})]
)
def test_chosen_chords_change_in_the_middle_of_bars_that_have_one(metre: str, places: set[int]):
    habits = {**HABITS, "progressions": {mode: [TWO_A_BAR] for mode in ("major", "minor")}}
    brief = Brief(metre=metre, key="C major", bars=16)
    plan = make_plan(brief, habits, np.random.default_rng(0))
    assert {t % plan.bar_ticks for t, _ in plan.chords} == places
    first = [c.root for t, c in plan.chords if t < plan.bar_ticks]
    assert first == ([0, 7] if len(places) == 2 else [0])
    again = [(t - 4 * plan.bar_ticks, c) for t, c in plan.chords if 4 <= t // plan.bar_ticks < 8]
    assert again == [(t, c) for t, c in plan.chords if t // plan.bar_ticks < 4]


@pytest.mark.parametrize(
    ("key", "symbols", "bars", "end"),
    [
        ("D minor", "Gm C", 16, ["Gm", "Dm"]),  # another key is heard on them
        ("E minor", "A6 E7 C#m7b5 B7 A7", 12, ["A6", "Em"]),
        ("A minor", "C G F", 8, ["C", "Am"]),
        ("C major", "Am F C G", 16, ["C", "G"]),  # the key is plain, and a loop may stay open
        ("D minor", "Gm C", 6, ["Gm", "C"]),  # too short to lose a chord
        ("E major", "B7 E B7 E7", 8, ["B7", "E7"]),  # a chord on the tonic
        (None, "Gm C", 16, ["Gm", "C"]),
    ],
)
def test_chords_that_contradict_the_asked_key_end_at_home(
    key: str | None, symbols: str, bars: int, end: list[str]
):
    brief = Brief(key=key, chords=tuple(symbols.split()), bars=bars)
    plan = make_plan(brief, HABITS, np.random.default_rng(0))
    names = [chord.name() for _, chord in plan.chords]
    assert len(names) == bars and names[-2:] == end


def test_the_last_bar_of_several_chords_has_one_at_home():
    brief = Brief(key="A minor", chords=("C", "G", "F"), chord_beats=2, bars=9)
    plan = make_plan(brief, HABITS, np.random.default_rng(0))
    assert plan.chords[-1][0] == 8 * 96 and plan.chords[-1][1].name() == "Am"


def test_chosen_chords_close_on_the_tonic():
    for seed in range(8):
        plan = plan_of(Brief(bars=16), seed)
        assert plan.chords[0][1].root == plan.key.tonic == plan.chords[-1][1].root
        assert (plan.chords[-2][1].root - plan.key.tonic) % 12 == 7
        assert not plan.asked_chords


@pytest.mark.parametrize(
    ("wishes", "bars"),
    [
        ({"bars": 10}, 10),
        ({"bars": 10, "bars_range": (9, 13)}, 12),
        ({"bars": 10, "bars_range": (9, 13), "chords": ("C", "F", "G")}, 9),
        ({"bars": 10, "bars_range": (8, 13), "chords": ("C", "F", "G")}, 9),
        ({"bars": 10, "bars_range": (9, 13), "chords": ("C", "F", "G"), "metre": "3/4"}, 9),
        ({"bars": 6, "bars_range": (5, 7)}, 6),
        ({"bars": 6, "bars_range": (5, 7), "chords": ("C",) * 12}, 6),
        ({"seconds": 38.0, "seconds_range": (31.0, 45.0)}, 20),  # of 2 seconds each
        ({"seconds": 27.3, "seconds_range": (0.5, 30.0)}, 12),
        ({"bars": 8, "bars_range": (8, 1000), "seconds": 38.0, "seconds_range": (31.0, 45.0)}, 16),
        ({"seconds": 7.0, "seconds_range": (6.5, 7.5)}, 4),  # no bar line inside
    ],
)
def test_of_a_range_of_lengths_one_that_divides_well_is_taken(wishes: dict, bars: int):
    assert plan_of(Brief(tempo=120, **wishes)).bars == bars


EMPTY = {
    "ensembles": [],
    "progressions": {"major": [], "minor": []},
    "textures": {},
    "registers": {},
    "tempos": {},
}


@pytest.mark.parametrize("wishes", [{}, {"genres": ("jazz",)}, {"key": "F# minor"}, {"bars": 12}])
def test_habits_of_too_few_songs_are_enough(wishes: dict):
    """A model may be trained on any data; what the songs do not tell is then as is usual."""
    for seed in range(5):
        plan = make_plan(Brief(**wishes), EMPTY, np.random.default_rng(seed))
        assert plan.parts and plan.chords and plan.bars >= 1
        tonic = plan.chords[0][1]
        assert tonic.root == plan.key.tonic


@pytest.mark.parametrize("loops", [[], [[[64] * 8, 3]]], ids=["no loop", "none on the tonic"])
def test_a_plan_where_training_songs_share_no_fitting_loop(loops: list):
    habits = {**HABITS, "progressions": dict.fromkeys(("major", "minor"), loops)}
    for seed in range(8):
        chords = make_plan(Brief(bars=16), habits, np.random.default_rng(seed)).chords
        assert {tick // 96 for tick, _ in chords} == set(range(16))


def test_a_mood_says_in_which_half_of_a_genres_tempos():
    tempos = {
        mood: [
            make_plan(Brief(genres=("rock",), moods=mood), HABITS, np.random.default_rng(k)).bpm
            for k in range(40)
        ]
        for mood in ((), ("calm",), ("energetic",), ("calm", "energetic"))
    }
    low, middle, high = HABITS["tempos"]["rock"]
    assert low <= min(tempos["calm",]) < max(tempos["calm",]) <= middle
    assert middle <= min(tempos["energetic",]) < max(tempos["energetic",]) <= high
    for both in ((), ("calm", "energetic")):
        assert min(tempos[both]) < middle < max(tempos[both])


def test_ragtimes_are_mostly_in_major_keys():
    keys = [
        make_plan(Brief(genres=("ragtime",)), HABITS, np.random.default_rng(k)).key
        for k in range(60)
    ]
    assert sum(key.minor for key in keys) <= 9


@pytest.mark.parametrize(
    ("cycle", "bars"), [(0, 8), (1, 8), (2, 8), (3, 9), (4, 8), (6, 6), (8, 8), (12, 12), (16, 16)]
)
def test_a_section_is_a_whole_number_of_rounds(cycle: int, bars: int):
    assert section_of_rounds(cycle) == bars


@pytest.mark.parametrize(("bars", "letters"), [(12, "A"), (24, "AB"), (36, "AAB"), (48, "AABA")])
def test_a_twelve_bar_blues_goes_by_twelves(bars: int, letters: str):
    brief = parse_brief(f"twelve-bar blues in E for guitar, piano, bass and drums, {bars} bars")
    for seed in range(4):
        plan = make_plan(brief, HABITS, np.random.default_rng(seed))
        assert [s.letter for s in plan.sections] == list(letters)
        assert all(s.bars == 12 and s.start % 12 == 0 for s in plan.sections)
        for part in plan.parts:
            for bar, here in enumerate(part.bars):
                start = bar // 12 * 12
                assert here.source < 0 or here.source >= start or (bar - here.source) % 12 == 0
        if letters == "AABA":
            rows = [part.bars for part in plan.parts if part.role != DRUM]
            again = [
                row[k].source == k - 36 for row in rows for k in range(36, 46) if row[k - 36].sounds
            ]
            assert again and np.mean(again) > 0.8
