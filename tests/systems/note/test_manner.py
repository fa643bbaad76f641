"""What parts do all along: idioms of drums, the compass of a tune, who stays below it."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.score import DRUMS
from cantilena.systems.note.constraints.figures import FIGURES, places_of
from cantilena.systems.note.manner import COMPASS, figures_of
from cantilena.systems.note.plan import HARMONY, MELODY, Plan
from cantilena.systems.note.planning import make_plan
from cantilena.text.wishes import Brief, Instrument, PartWish
from makers import HABITS

BAND = tuple(
    Instrument(name, (program,))
    for name, program in (("flute", 73), ("piano", 0), ("bass", 33), ("drums", DRUMS))
)


def planned(seed: int = 0, **wishes) -> tuple[Brief, Plan]:
    brief = Brief(instruments=BAND, only=True, bars=16, **wishes)
    return brief, make_plan(brief, HABITS, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("genre", "metre", "figure"),
    [
        ("rock", "4/4", "backbeat"),
        ("house", "4/4", "four on the floor"),
        ("rock", "3/4", ""),
        ("blues", "4/4", "backbeat"),
        ("hip hop", "4/4", "backbeat"),
    ],
)
def test_drums_have_the_beat_of_their_genre(genre: str, metre: str, figure: str):
    figures = figures_of(*planned(genres=(genre,), metre=metre))
    assert figures == ({DRUMS: (FIGURES[figure],)} if figure else {})


def test_basses_of_jazz_walk_but_where_something_else_is_asked_of_them():
    assert figures_of(*planned(genres=("jazz",), metre="4/4")) == {33: (FIGURES["walking bass"],)}
    assert not figures_of(*planned(genres=("jazz",), metre="3/4"))
    wish = PartWish("bass", "boogie bass")
    figures = figures_of(*planned(genres=("jazz",), figures=(wish,)))
    assert figures[33] == (FIGURES["boogie bass"],)


def test_a_band_without_a_genre_has_a_backbeat():
    assert figures_of(*planned(metre="4/4"))[DRUMS] == (FIGURES["backbeat"],)
    assert not figures_of(*planned(metre="3/4"))


@pytest.mark.parametrize(
    ("genre", "kick", "also"),
    [
        ("reggae", [2], {37: [2], 42: [0.5, 1.5, 2.5, 3.5]}),
        ("bossa nova", [0, 1.5, 2, 3.5], {}),
        ("samba", [0, 1, 2, 3], {44: [0.5, 1.5, 2.5, 3.5]}),
    ],
)
def test_a_genre_has_a_beat_of_several_drums(genre: str, kick: list, also: dict):
    brief, plan = planned(genres=(genre,), metre="4/4")
    beat = figures_of(brief, plan)[DRUMS]
    ticks = {f.drum: [tick / plan.beat_ticks for tick in places_of(f, plan)] for f in beat}
    assert ticks == {36: kick} | also


def test_a_beat_that_is_asked_for_takes_the_place_of_the_genres():
    wish = PartWish("drums", "four on the floor")
    brief, plan = planned(genres=("rock",), figures=(wish,))
    assert figures_of(brief, plan)[DRUMS] == (FIGURES["four on the floor"],)


@pytest.mark.parametrize("seed", range(5))
def test_a_tune_has_a_compass_and_chords_lie_below_its_top(seed: int):
    _, plan = planned(seed)
    tune = next(part for part in plan.parts if part.role == MELODY)
    chords = next(part for part in plan.parts if part.role == HARMONY)
    assert tune.high - tune.low == COMPASS[MELODY] and 60 <= tune.low <= tune.high <= 96
    assert chords.high <= tune.high


def test_a_register_that_is_asked_for_is_the_compass():
    for value, low, high in (("high", 70, 96), ("low", 60, 80)):
        _, plan = planned(registers=(PartWish("flute", value),))
        tune = next(part for part in plan.parts if part.role == MELODY)
        assert low <= tune.low and tune.high <= high
