"""Arrangements of a piece: everybody's bars, whatever songs they come from, and asked forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.score import DRUMS
from cantilena.score.harmony import parse_chord
from cantilena.systems.note.arranging import LATEST_ENTRY, arrange
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY, PartPlan, Plan
from cantilena.systems.note.planning import make_plan
from cantilena.systems.note.recurrence import (
    EXACT,
    FILL,
    HELD,
    NEW,
    REST,
    RHYTHM,
    VARIED,
    BarPlan,
    bar_plan,
    letter,
    read_counts,
    write_counts,
)
from cantilena.systems.note.sections import completed, plan_sections
from cantilena.systems.note.shaping import shaped
from cantilena.text.wishes import Brief, Instrument, Section
from cantilena.tokens.note.outline import UNKNOWN_COUNT
from makers import HABITS

BAND = tuple(
    Instrument(name, (program,))
    for name, program in (("flute", 73), ("piano", 0), ("bass", 33), ("drums", DRUMS))
)


def plan_of(seed: int = 0, **wishes) -> Plan:
    brief = Brief(instruments=BAND, only=True, genres=("rock",), **wishes)
    return make_plan(brief, HABITS, np.random.default_rng(seed))


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(8, 90), st.sampled_from(["4/4", "3/4", "6/8"]))
def test_somebody_plays_in_every_bar_and_all_in_the_last(seed: int, bars: int, metre: str):
    plan = plan_of(seed, bars=bars, metre=metre)
    for part in plan.parts:
        assert len(part.bars) == bars and part.bars[-1] == BarPlan()
        for bar, one in enumerate(part.bars):
            assert -1 <= one.source < bar
            assert one.source < 0 or part.bars[one.source].kind not in (REST, HELD)
    for bar in range(bars):
        assert any(part.bars[bar].kind not in (REST, HELD) for part in plan.parts)


def test_of_some_progressions_the_one_is_taken_on_which_bars_can_come_back():
    plan = plan_of(bars=16, chords=("C", "Am", "F", "G"))
    wandering = tuple((96 * bar, parse_chord("CDEFGA"[bar % 5])) for bar in range(16))
    row = letter(NEW) * 4 + letter(EXACT, 4) * 12
    songs = [song(("melody", 73, row), ("harmony", 0, row), ("bass", 33, row), ("drums", 128, row))]
    for progressions in ((wandering, plan.chords), (plan.chords, wandering)):
        rng = np.random.default_rng(0)
        one = arrange(plan, Brief(), songs, rng, progressions=progressions)
        assert one.chords == plan.chords
        assert all(part.bars[14].kind == EXACT for part in one.parts)


def test_on_other_chords_a_bar_comes_back_in_its_rhythm_alone():
    plan = plan_of(bars=32, chords=("C", "F", "G"))
    sources = {
        one.kind: (bar, one.source)
        for part in plan.parts
        if part.instrument != DRUMS
        for bar, one in enumerate(part.bars)
        if one.source >= 0 and (bar - one.source) % 3
    }
    assert sources and set(sources) == {RHYTHM}


def test_what_comes_back_takes_up_a_bar_of_its_own_chords():
    row = "." + letter(RHYTHM, 1) * 15
    plan = arranged([song(TUNE, WHOLE[0], ("bass", 33, row), WHOLE[2])], 0, chords=tuple("CFGA"))
    bass = next(part for part in plan.parts if part.role == BASS)
    assert [bar.kind for bar in bass.bars[:4]] == [NEW, RHYTHM, RHYTHM, RHYTHM]
    assert [(bar.kind, k - bar.source) for k, bar in enumerate(bass.bars[4:15], 4)] == [
        (EXACT, 4)
    ] * 11


def test_another_rhythm_is_not_taken_up_for_its_chords():
    row = "...." + letter(RHYTHM, 1) * 4 + "." * 8
    plan = arranged([song(TUNE, WHOLE[0], ("bass", 33, row), WHOLE[2])], 0, chords=tuple("CFGA"))
    bass = next(part for part in plan.parts if part.role == BASS)
    assert [bar.kind for bar in bass.bars[4:8]] == [RHYTHM, RHYTHM, RHYTHM, EXACT]
    assert bass.bars[7].source == 3  # whose rhythm bars 4 to 7 have


@pytest.mark.parametrize("bars", [16, 24, 48])
def test_nobody_enters_late(bars: int):
    late = [(role, i, "-" * (bars - 4) + "....") for role, i, _ in (TUNE, *WHOLE)]
    habits = {**HABITS, "arrangements": [song(*late)]}
    for seed in range(10):
        brief = Brief(instruments=BAND, only=True, bars=bars)
        plan = make_plan(brief, habits, np.random.default_rng(seed))
        for part in plan.parts:
            assert part.plays(min(LATEST_ENTRY, bars // 3))


def test_a_crash_behind_a_fill_does_not_come_back_with_its_bar():
    row = ("drums", 128, "........." + letter(EXACT, 1) * 7)
    for seed in range(10):
        plan = arranged([song(TUNE, *WHOLE[:2], row)], seed)
        drums = next(part for part in plan.parts if part.role == DRUM)
        assert [bar.kind for bar in drums.bars[9:11]] == [VARIED, EXACT]


def test_further_chords_join_when_the_music_comes_round_again():
    guitar = Instrument("guitar", (25,))
    brief = Brief(instruments=(*BAND, guitar), only=True, bars=32)
    habits = {**HABITS, "arrangements": [song(TUNE, WHOLE[0], *WHOLE)]}
    entries = set()
    for seed in range(30):
        plan = make_plan(brief, habits, np.random.default_rng(seed))
        chords = [part for part in plan.parts if part.role == HARMONY]
        starts = [next(k for k in range(32) if part.plays(k)) for part in chords]
        assert len(starts) == 2 and min(starts) == 0
        entries.add(max(starts))
    assert {0, 8, 16} <= entries <= {0, 4, 8, 16}


@pytest.mark.parametrize("seed", range(4))
def test_chords_that_are_asked_for_are_played_in_every_bar(seed: int):
    plan = plan_of(seed, bars=32, chords=("C", "F", "G"))
    carriers = [part for part in plan.parts if part.role == HARMONY]
    for bar in range(plan.bars):
        assert any(part.bars[bar].kind not in (REST, HELD) for part in carriers)


def test_a_short_piece_and_habits_without_arrangements_have_none():
    assert not plan_of(bars=4).parts[0].bars
    habits = {**HABITS, "arrangements": []}
    plan = make_plan(Brief(instruments=BAND, bars=16), habits, np.random.default_rng(0))
    assert not plan.parts[0].bars


def test_letters_say_what_bars_are():
    for kind, lag in ((EXACT, 1), (RHYTHM, 16), (REST, 0), (HELD, 0)):
        assert bar_plan(letter(kind, lag), 20) == BarPlan(kind, 20 - lag if lag else -1)
    assert bar_plan(letter(EXACT, 4), 3) == BarPlan()


def song(*rows: tuple[str, int, str]) -> dict:
    return {"genres": [], "metre": [4, 4], "parts": [list(row) for row in rows]}


def arranged(songs: list[dict], seed: int, **wishes) -> Plan:
    brief = Brief(instruments=BAND, only=True, bars=16, **wishes)
    habits = {**HABITS, "arrangements": songs}
    return make_plan(brief, habits, np.random.default_rng(seed))


NEWS, RESTS, AGAIN = "." * 16, "-" * 15 + ".", ".aaaaaaaaaaaaaa."
WHOLE = [("harmony", 0, AGAIN), ("bass", 33, AGAIN), ("drums", 128, AGAIN)]


TUNE = ("melody", 73, "..aa..aa..aa..aa")
BETTER = song(TUNE, *WHOLE)


@pytest.mark.parametrize(
    ("worse", "role", "least"),
    [
        (song(TUNE, *WHOLE[:2], ("drums", 128, RESTS)), DRUM, 14),  # drums that rest to the end
        (song(("harmony", 0, RESTS)), BASS, 14),  # everybody in one part's bars
        (song(TUNE, ("harmony", 0, RESTS), *WHOLE[1:]), HARMONY, 14),
        (song(("melody", 73, RESTS), *WHOLE), MELODY, 14),
    ],
)
def test_a_song_in_which_parts_are_hardly_heard_is_seldom_taken(worse: dict, role: str, least: int):
    long = 0
    for seed in range(20):
        plan = arranged([worse, BETTER], seed)
        bars = next(part.bars for part in plan.parts if part.role == role)
        long += sum(bar.sounds for bar in bars) >= least
    assert long >= 15


@pytest.mark.parametrize("dull", [NEWS, "." + "k" * 15])
def test_songs_of_which_nothing_comes_back_or_all_in_one_rhythm_are_seldom_taken(dull: str):
    worse = song(*[(role, i, dull) for role, i in ((MELODY, 73), (HARMONY, 0), (BASS, 33))])
    taken = 0
    for seed in range(20):
        plan = arranged([worse, BETTER], seed)
        tune = next(part.bars for part in plan.parts if part.role == MELODY)
        taken += sum(bar.source == k - 1 for k, bar in enumerate(tune) if k) in range(5, 10)
    assert taken >= 15


def test_sections_end_with_fills_of_drums_that_play():
    fills = 0
    for seed in range(30):
        plan = arranged([song(("melody", 73, NEWS), *WHOLE)], seed)
        drums = next(part for part in plan.parts if part.role == DRUM)
        assert [k for k, bar in enumerate(drums.bars) if bar.kind == FILL] in ([], [7])
        fills += drums.bars[7].kind == FILL
        others = [part for part in plan.parts if part.role != DRUM]
        assert all(bar.kind != FILL for part in others for bar in part.bars)
    assert 12 <= fills <= 28
    early = ("drums", 128, "...." + RESTS[4:])
    rests = arranged([song(("melody", 73, NEWS), *WHOLE[:2], early)], 0)
    assert all(bar.kind != FILL for part in rests.parts for bar in part.bars)


@pytest.mark.parametrize("form", [(), (Section("verse", 8), Section("chorus"), Section("verse"))])
def test_every_bar_has_a_number_of_notes(form: tuple[Section, ...]):
    plan = plan_of(bars=None if form else 24, form=form)
    for part in plan.parts:
        for bar in part.bars:
            assert (bar.notes == 0) == (bar.kind in (REST, HELD))
            assert bar.source < 0 or bar.notes == part.bars[bar.source].notes
    total = sum(bar.notes for part in plan.parts for bar in part.bars)
    assert plan.density == pytest.approx(total / plan.bars)
    outline = plan.outline
    assert outline is not None and (outline.counts >= 0).all()
    assert outline.instruments.tolist() == sorted(p.instrument for p in plan.parts)


def test_numbers_of_notes_come_to_the_density_that_is_asked_for():
    for density in ("sparse", "dense"):
        brief = Brief(instruments=BAND, only=True, bars=32, density=density)
        none = {**HABITS, "arrangements": []}
        asked, planned = (
            make_plan(brief, habits, np.random.default_rng(3)).density for habits in (none, HABITS)
        )
        assert asked and planned == pytest.approx(asked, rel=0.2)


def test_without_numbers_in_the_habits_there_are_none():
    songs = [
        {**song, "parts": [row[:3] for row in song["parts"]]} for song in HABITS["arrangements"]
    ]
    brief = Brief(instruments=BAND, bars=16)
    plan = make_plan(brief, {**HABITS, "arrangements": songs}, np.random.default_rng(0))
    assert {bar.notes for part in plan.parts for bar in part.bars} == {UNKNOWN_COUNT}


def test_numbers_of_notes_are_read_as_they_are_written():
    letters = ".-" + letter(EXACT, 2) + "._" + letter(RHYTHM, 1)
    assert read_counts(letters, write_counts([7, 80])) == (7, 0, 7, 61, 0, 0)


FORM = (
    Section("intro", 4),
    Section("verse", 8),
    Section("chorus"),
    Section("break"),
    Section("chorus"),
    Section("outro", 4, ("piano",)),
)


def first_of(bars: tuple[BarPlan, ...], bar: int) -> int:
    """The bar whose music or rhythm comes back in a bar in the end."""
    return bar if bars[bar].source < 0 else first_of(bars, bars[bar].source)


@pytest.mark.parametrize("seed", range(5))
def test_an_asked_form_is_the_form(seed: int):
    plan = plan_of(seed, form=FORM)
    names = [(s.name, s.start, s.bars) for s in plan.sections]
    assert names == [
        ("intro", 0, 4),
        ("verse", 4, 8),
        ("chorus", 12, 8),
        ("break", 20, 4),
        ("chorus", 24, 8),
        ("outro", 32, 4),
    ]
    assert plan.bars == 36
    by_role = {part.role: part for part in plan.parts}
    assert not any(by_role[MELODY].plays(bar) for bar in range(4))
    assert not any(by_role[DRUM].plays(bar) for bar in range(20, 24))
    assert all(by_role[role].plays(bar) for role in (MELODY, BASS) for bar in range(12, 20))
    for part in plan.parts:
        if part.name != "Piano":
            assert not any(part.plays(bar) for bar in range(32, 35))
        assert all(
            part.bars[24 + k].sounds
            and first_of(part.bars, 24 + k) in (first_of(part.bars, 12 + k), 24 + k)
            for k in range(7)
        )
    chords = [[c.name() for t, c in plan.chords if 0 <= t - 96 * s < 8 * 96] for s in (12, 24)]
    assert chords[0] == chords[1]


@given(
    st.lists(
        st.builds(
            Section,
            st.sampled_from(["intro", "verse", "chorus", "A", "B"]),
            st.one_of(st.none(), st.integers(1, 12)),
        ),
        max_size=7,
    ),
    st.integers(1, 80),
)
def test_sections_make_up_the_piece(form: list[Section], bars: int):
    sections = plan_sections(form, bars)
    assert sum(s.bars for s in sections) == bars and all(s.bars > 0 for s in sections)
    whole = completed(form, bars)
    if whole and len(whole) <= bars:
        assert [s.name for s in sections] == [s.name for s in whole]


@pytest.mark.parametrize(
    ("form", "bars", "whole"),
    [
        ("intro outro", 40, "intro verse chorus verse chorus outro"),
        ("intro bridge outro", 32, "intro verse chorus bridge outro"),
        ("intro", 12, "intro verse"),
        ("verse chorus", 32, "verse chorus verse chorus"),
        ("verse chorus", 16, "verse chorus"),
        ("verse chorus bridge chorus", 40, "verse chorus bridge chorus"),
        ("A A B A", 32, "A A B A"),
        ("", 32, ""),
    ],
)
def test_a_form_that_only_frames_a_piece_is_made_whole(form: str, bars: int, whole: str):
    sections = completed([Section(name) for name in form.split()], bars)
    assert [s.name for s in sections] == whole.split()


def test_a_whole_form_is_not_completed_and_sets_the_length():
    form = (Section("intro"), Section("solo", 12), Section("outro"))
    plan = plan_of(form=form, form_whole=True)
    assert [(s.name, s.bars) for s in plan.sections] == [("intro", 4), ("solo", 12), ("outro", 4)]
    stretched = plan_of(form=form, form_whole=True, bars=28)
    assert [(s.name, s.bars) for s in stretched.sections] == [
        ("intro", 8),
        ("solo", 12),
        ("outro", 8),
    ]


@pytest.mark.parametrize("form", [[Section("intro"), Section("outro")], [Section("intro", 40)]])
def test_what_only_frames_a_piece_does_not_set_its_length(form: list[Section]):
    plan = plan_of(form=tuple(form))
    bars = {s.name: s.bars for s in plan.sections}
    assert bars["intro"] == (form[0].bars or 4) and bars["verse"] >= 8
    assert plan.bars == sum(bars.values()) >= 16


def test_a_single_section_has_its_marker_where_it_is_asked_for():
    assert [m.text for m in plan_of(form=(Section("A", 8),), form_whole=True).markers] == ["A"]
    assert not plan_of(bars=8).markers


@pytest.mark.parametrize("seed", range(5))
def test_who_ends_a_piece_alone_does_so_up_to_the_last_bar(seed: int):
    for name in ("outro", "end"):
        form = (Section("verse", 12), Section("chorus", 8), Section(name, 4, ("piano",)))
        plan = plan_of(seed, form=form)
        assert [part.name for part in plan.parts if part.plays(plan.bars - 1)] == ["Piano"]


def rows_of(parts: tuple[PartPlan, ...], bars: int, kinds: dict[int, str]) -> dict:
    return {part.instrument: [BarPlan(kinds[part.instrument])] * bars for part in parts}


def test_who_rested_all_through_a_section_has_come_in_when_it_comes_back():
    parts = plan_of(bars=8).parts
    sections = plan_sections([Section(name, 8) for name in ("verse", "chorus", "verse")], 24)
    rows = rows_of(parts, 24, {part.instrument: NEW for part in parts} | {DRUMS: REST})
    drums = shaped(rows, parts, sections, np.random.default_rng(0))[DRUMS]
    assert {bar.kind for bar in drums[:8]} == {REST} and {bar.kind for bar in drums[16:]} == {NEW}


@pytest.mark.parametrize("held", [REST, HELD])
def test_an_intro_has_chords_though_the_song_it_is_of_has_none(held: str):
    parts = plan_of(bars=8).parts
    sections = plan_sections([Section("intro", 8), Section("verse", 8)], 16)
    kinds = {part.instrument: held if part.role == HARMONY else NEW for part in parts}
    rows = shaped(rows_of(parts, 16, kinds), parts, sections, np.random.default_rng(0))
    assert {bar.kind for bar in rows[0][:8]} <= {NEW, HELD} and rows[0][0].kind == NEW


def test_a_build_up_has_no_tune():
    form = (Section("verse", 8), Section("build-up"), Section("drop", 8))
    plan = plan_of(form=form)
    (melody,) = (part for part in plan.parts if part.role == MELODY)
    assert plan.bars == 20 and not any(melody.plays(bar) for bar in range(8, 12))


@pytest.mark.parametrize("name", ["head", "climax", "drop"])
def test_everybody_plays_where_a_section_of_its_name_is_full(name: str):
    parts = plan_of(bars=8).parts
    rows = rows_of(parts, 8, {part.instrument: REST for part in parts})
    rows = shaped(rows, parts, plan_sections([Section(name, 8)], 8), np.random.default_rng(0))
    assert {bar.kind for row in rows.values() for bar in row} == {NEW}


def test_longer_pieces_of_bands_mostly_begin_with_an_intro():
    intros = set()
    for seed in range(40):
        brief = Brief(instruments=BAND, only=True, bars=32)
        habits = {**HABITS, "arrangements": [BETTER]}
        plan = make_plan(brief, habits, np.random.default_rng(seed))
        tune = next(part for part in plan.parts if part.role == MELODY)
        chords = next(part for part in plan.parts if part.role == HARMONY)
        intros.add(next(k for k in range(32) if tune.plays(k)))
        assert all(chords.plays(k) for k in range(8))
    assert intros == {0, 4, 8}
    assert all(part.plays(0) for part in arranged([BETTER], 1).parts)  # 16 bars have none


def test_an_intro_has_chords_in_every_bar():
    chords = ("harmony", 0, "._-." * 8)
    habits = {**HABITS, "arrangements": [song(TUNE, chords, *WHOLE[1:])]}
    waits = 0
    for seed in range(20):
        brief = Brief(instruments=BAND, only=True, bars=32)
        plan = make_plan(brief, habits, np.random.default_rng(seed))
        tune, piano = (
            next(part for part in plan.parts if part.role == role) for role in (MELODY, HARMONY)
        )
        intro = next(k for k in range(32) if tune.plays(k))
        waits += intro >= 4
        for bar in range(intro if intro >= 4 else 0):
            assert piano.bars[bar].kind not in (REST, HELD)
    assert waits > 5


def test_songs_about_as_dense_as_such_ensembles_are_mostly_taken():
    def dense(digit: str) -> dict:
        rows = [(role, i, NEWS, digit * 16) for role, i, _ in (TUNE, *WHOLE)]
        return {"genres": [], "metre": [4, 4], "parts": [list(row) for row in rows]}

    brief = Brief(instruments=BAND, only=True, bars=16)
    none = {**HABITS, "arrangements": []}
    near = 0
    for seed in range(20):
        usual = make_plan(brief, none, np.random.default_rng(seed)).density
        songs = [dense("1"), dense("9"), dense("Z")]
        plan = make_plan(brief, {**HABITS, "arrangements": songs}, np.random.default_rng(seed))
        assert usual and plan.density
        near += abs(np.log(plan.density / usual)) < 1.0
    assert near >= 17
