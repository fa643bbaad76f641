"""Progressions: phrases of the genre, another section other chords, the end at home."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import numpy as np
import pytest

from cantilena.score.harmony import Chord
from cantilena.systems.note.idioms import idioms, phrase
from cantilena.systems.note.plan import Plan
from cantilena.systems.note.planning import make_plan
from cantilena.systems.note.progressions import (
    APPLIED,
    KIN,
    MODAL,
    VAMPING,
    closes,
    half_closes,
    key_lead,
)
from cantilena.text.labels import GENRES
from cantilena.text.wishes import Brief, Section
from makers import HABITS

SHIPPED = json.loads(
    (resources.files("cantilena") / "checkpoints" / "note" / "habits.json").read_text()
)


def bars_of(plan: Plan) -> list[tuple[str, ...]]:
    """The names of each bar's chords."""
    bars: list[tuple[str, ...]] = [() for _ in range(plan.bars)]
    for tick, chord in plan.chords:
        bars[tick // plan.bar_ticks] += (chord.name(),)
    return bars


def habits_of(*rows: tuple[str, int, list[str], bool], mode: str = "major") -> dict[str, Any]:
    progressions: dict[str, list] = {"major": [], "minor": []}
    progressions[mode] = [[list(phrase(names)), *rest] for names, *rest in rows]
    return {**HABITS, "progressions": progressions, "rhythms": {}}


def plan_of(brief: Brief, habits: dict[str, Any] = SHIPPED, seed: int = 0) -> Plan:
    return make_plan(brief, habits, np.random.default_rng(seed))


@pytest.mark.parametrize("key", ["C major", "C minor"])
@pytest.mark.parametrize("genre", [None, *GENRES])
def test_every_genre_begins_and_ends_at_home_in_a_plain_key(genre: str | None, key: str):
    genres = (genre,) if genre else ()
    for seed in range(3):
        plan = plan_of(Brief(genres=genres, key=key, bars=32), seed=seed)
        assert plan.chords[0][1].root == plan.chords[-1][1].root == 0
        assert key_lead([chord for _, chord in plan.chords], plan.key) > 0
        before = plan.chords[-2][1].root
        assert before in ((5, 7, 10) if genre in MODAL else (7,))


def test_a_second_section_has_other_chords_and_the_first_comes_back():
    for seed in range(12):
        bars = bars_of(plan_of(Brief(genres=("pop",), key="C major", bars=32), seed=seed))
        assert bars[:8] == bars[8:16] and bars[:4] == bars[24:28]
        assert sum(a == b for a, b in zip(bars[:8], bars[16:24], strict=True)) <= 4


def test_two_chords_alternate_only_where_the_genre_has_that():
    vamp = ("Cm | G | Cm | G | Cm | G | Cm | G", 90, ["pop", "dance"], False)
    other = ("Cm | Ab | Fm | G | Cm | Ab | G | Cm", 2, ["pop", "dance"], False)
    habits = habits_of(vamp, other, mode="minor")

    def chords(genre: str) -> set[tuple[str, ...]]:
        brief = Brief(genres=(genre,), key="C minor", bars=8)
        return {bars_of(plan_of(brief, habits, seed))[1] for seed in range(9)}

    assert "dance" in VAMPING and ("G",) in chords("dance")
    assert chords("pop") == {("G#",)}


def test_no_chord_lasts_for_half_a_phrase_but_in_vamps():
    still = ("Cm | Cm | Cm | Cm | Fm | G | Cm | G", 90, ["pop", "dance"], False)
    other = ("Cm | Ab | Fm | G | Cm | Ab | G | Cm", 2, ["pop", "dance"], False)
    habits = habits_of(still, other, mode="minor")
    for seed in range(9):
        plan = plan_of(Brief(genres=("pop",), key="C minor", bars=8), habits, seed)
        assert bars_of(plan)[1] == ("G#",)


def test_a_genre_with_enough_phrases_has_its_own_and_another_those_of_its_kin():
    tails = ("F | G", "Dm | G", "F | G7", "Dm | G7", "Am | G", "Em | G")
    heads = ("C | F | C | G", "C | Am | F | G", "C | F | G | C", "C | Dm | G | C", "C | G | Am | F")
    own = [(f"{head} | {tail} | C | C", 1, ["country"], False) for head in heads for tail in tails]
    others = [(f"C | Em | F | Em | {tail} | C | C", 9, ["rock"], False) for tail in tails]
    habits = habits_of(*own, *others * 5)
    for genre, has_em in (("country", False), ("folk", False), ("metal", True)):
        brief = Brief(genres=(genre,), key="C major", bars=8)
        second = {bars_of(plan_of(brief, habits, seed))[1] for seed in range(12)}
        assert (("Em",) in second) == has_em, genre


def test_three_beats_have_phrases_of_three_beats():
    tails = ("F | G", "Dm | G", "F | G7", "Dm | G7", "Am | G")
    heads = ("C | F | C | G", "C | Am | F | G", "C | F | G | C", "C | Dm | G | C", "C | G | Am | F")
    heads += ("C | G | C | G",)
    threes = [(f"{head} | {tail} | C | C", 1, [], True) for head in heads for tail in tails]
    fours = [(f"C | Em | F | Em | {tail} | C | C", 9, [], False) for tail in tails]
    habits = habits_of(*threes, *fours)
    for seed in range(9):
        bars = bars_of(plan_of(Brief(metre="3/4", key="C major", bars=8), habits, seed))
        assert ("Em",) not in bars


def test_a_minor_tonic_has_a_major_dominant_before_it_unless_the_music_is_modal():
    rows = [("Cm | Ab | Gm | Cm | Fm | Ab | Gm | Cm", 5, ["pop", "metal"], False)]
    habits = habits_of(*rows, mode="minor")

    def chords(genre: str) -> list[tuple[str, ...]]:
        return bars_of(plan_of(Brief(genres=(genre,), key="C minor", bars=16), habits))

    assert chords("pop")[2] == ("G",) and chords("metal")[2] == ("Gm",)


def test_sevenths_lie_in_the_key_and_dominants_stay_dominants():
    rows = [("C | A | D | G | F | Dm | G | C", 5, ["soul"], False)]
    bars = bars_of(plan_of(Brief(genres=("soul",), key="C major", bars=16), habits_of(*rows)))
    assert bars[:6] == [("Cmaj7",), ("A7",), ("D7",), ("G7",), ("Fmaj7",), ("Dm7",)]


def test_sections_of_any_length_close_as_their_phrase_does():
    rows = [("C | Am | F | G | Em | F | G | C", 5, [], False)]
    form = (Section("intro", 2), Section("verse", 12), Section("chorus", 6), Section("outro", 3))
    brief = Brief(key="C major", form=form, bars=23)
    bars = [bar[0] for bar in bars_of(plan_of(brief, habits_of(*rows)))]
    assert bars[:2] == ["C", "Am"]
    assert bars[2:14] == ["C", "Am", "F", "G", "Em", "F", "G", "C", "Em", "F", "G", "C"]
    assert bars[14:20] == ["C", "Am", "Em", "F", "G", "C"]
    assert bars[20:] == ["F", "G", "C"]


@pytest.mark.parametrize("bars", range(2, 13))
def test_pieces_of_a_few_bars_begin_and_end_at_home(bars: int):
    for seed in range(6):
        plan = plan_of(Brief(genres=("jazz",), key="D major", bars=bars), seed=seed)
        assert plan.chords[0][1].root == plan.chords[-1][1].root == 2
        assert plan.chords[-1][0] == (bars - 1) * plan.bar_ticks


@pytest.mark.parametrize("minor", [False, True])
def test_written_phrases_have_eight_bars_and_some_of_each_genre_begin_and_end_at_home(minor: bool):
    for genre in GENRES:
        written = [[Chord.from_number(n) for n in numbers] for numbers in idioms(genre, minor)]
        assert {len(chords) for chords in written} <= {16}, genre
        assert not written or any(closes(chords, genre in MODAL) for chords in written), genre
        assert not written or any(chords[0].root == 0 for chords in written), genre


def test_cadences():
    def chords(names: str) -> list[Chord]:
        return [Chord.from_number(n) for n in phrase(names)]

    assert closes(chords("C | F | G7 | C"), False) and closes(chords("C | F | D7 G | C"), False)
    assert not closes(chords("C | G | F | C"), False) and closes(chords("C | G | F | C"), True)
    assert not closes(chords("C | G7 | C | C"), False) and not closes(chords("C | G | D | C"), True)
    assert half_closes(chords("C | F | D7 | G")) and not half_closes(chords("C | F | G | Am"))


def test_genres_are_those_that_there_are():
    assert set(VAMPING | MODAL | APPLIED).union(*KIN) <= set(GENRES)
