"""Who plays: line-ups suit genres, and join the instruments that are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.score import DRUMS, gm
from cantilena.systems.note.casting import BASSES, BEAT_GENRES, MAX_PARTS, TUNE_VOICES, cast
from cantilena.systems.note.lineups import KINDRED, LINEUPS
from cantilena.systems.note.plan import HARMONY, MELODY
from cantilena.text.brief import parse_brief
from cantilena.text.labels import GENRES, MOODS
from cantilena.text.wishes import Brief
from makers import HABITS


def players(wished: str | Brief, seed: int = 0) -> list[int]:
    brief = parse_brief(wished) if isinstance(wished, str) else wished
    parts = cast(brief, HABITS, np.random.default_rng(seed))
    return [p.instrument for p in parts]


def test_every_genre_and_mood_is_cast():
    assert set(LINEUPS) == set(GENRES) and set(KINDRED) == set(MOODS)
    assert set(KINDRED.values()) <= set(GENRES) and set(GENRES) >= BEAT_GENRES
    for genre, lineups in LINEUPS.items():
        assert len(set(lineups)) == len(lineups) >= 2, genre
        assert all(len(set(who)) == len(who) <= MAX_PARTS + 1 for who in lineups), genre


@pytest.mark.parametrize("genre", GENRES)
def test_a_genre_alone_gives_one_of_its_lineups_and_not_always_the_same(genre: str):
    lineups = {tuple(players(Brief(genres=(genre,)), seed)) for seed in range(30)}
    assert lineups <= set(LINEUPS[genre]) and len(lineups) > 1


def test_a_mood_alone_is_cast_as_its_kindred_genre():
    assert tuple(players("something epic")) in LINEUPS["soundtrack"]
    assert tuple(players("an aggressive piece", 3)) in LINEUPS["metal"]


def test_a_band_joins_who_is_asked_for_and_nobody_plays_twice():
    for text, asked in (("metal with a flute", 73), ("jazz with vibraphone", 11)):
        for seed in range(8):
            band = players(text, seed)
            assert asked in band and DRUMS in band and set(band) & BASSES, text
            others = [i for i in band if i != asked]
            assert len(band) <= MAX_PARTS
            assert gm.family(asked) not in map(gm.family, others)
    band = players("funk with double bass and piano")
    assert sum(i in BASSES for i in band) == 1


@pytest.mark.parametrize(
    ("text", "lead"),
    [("polka with tuba", None), ("celtic tin whistle", 78), ("march with trumpet", 56)],
)
def test_a_single_line_of_an_ensembles_genre_is_accompanied(text: str, lead: int | None):
    """A tuba by itself is no polka; who joins a tune does not take it away."""
    for seed in range(6):
        parts = cast(parse_brief(text), HABITS, np.random.default_rng(seed))
        assert len(parts) >= 2
        assert lead in (None, *(p.instrument for p in parts if p.role == MELODY))
    alone = ("solo flute, folk", "folk for flute", "Bach cello suite", "a tuba")
    assert all(len(players(text)) == 1 for text in alone)


def test_who_is_excluded_is_left_out_of_a_lineup():
    for seed in range(8):
        band = players("rock without drums or bass", seed)
        assert band and DRUMS not in band and not set(band) & set(range(32, 40))


@pytest.mark.parametrize(
    ("text", "joins"),
    [
        ("trance, synth, drums, choir", [{38, 39}]),
        ("rock song with guitar, piano, organ", [set(range(32, 40)), {DRUMS}]),
        ("pop, piano, violin, cello, no drums", [set(range(32, 40))]),
        ("symphonic metal with strings", [{29, 30}, set(range(32, 40)), {DRUMS}]),
        ("epic trailer with choir, taikos and strings", [{43}, set(range(56, 64))]),
        ("epic trailer with choir", [{43}, set(range(56, 64))]),
        ("epic trailer", [{43}, set(range(56, 64))]),
    ],
)
def test_three_named_parts_lack_what_their_genre_lives_on(text: str, joins: list[set[int]]):
    brief = parse_brief(text)
    for seed in range(3):
        band = players(brief, seed)
        assert all(set(band) & programs for programs in joins), (seed, band)
        assert not set(band) & set(brief.excluded) and len(band) == len(set(band))


@pytest.mark.parametrize(
    "text",
    [
        "pop for piano, violin and cello",
        "trance with only synth, choir and strings",
        "rock trio with guitar, piano and organ",
        "pop with piano, guitar, strings, flute and harp",
        "a string trio",
        "gypsy jazz band",
        "mariachi band",
        "flute, oboe and clarinet, classical",
    ],
)
def test_nobody_joins_a_list_that_is_complete(text: str):
    brief = parse_brief(text)
    for seed in range(3):
        assert len(players(brief, seed)) == len(brief.instruments)


@pytest.mark.parametrize(
    ("text", "leads", "voices"),
    [
        ("a song for piano, strings, bass and drums", 0, TUNE_VOICES),
        ("a song for organ, steel guitar, bass and drums", 25, TUNE_VOICES),
        ("a song for flute, piano and bass", 73, 1),  # as it can
        ("a song for two violins and piano", 40, 2),  # each has one
        ("a song for piano, violin and cello", 40, 1),
    ],
)
def test_a_tune_beside_chords_is_no_row_of_chords(text: str, leads: int, voices: int):
    parts = cast(parse_brief(text), HABITS, np.random.default_rng(0))
    tunes = {p.instrument: p.voices for p in parts if p.role == MELODY}
    assert tunes == {leads: voices}
    assert any(p.voices > TUNE_VOICES for p in parts if p.role == HARMONY)


def test_who_has_tune_and_chords_to_play_keeps_all_fingers():
    for text in ("piano, bass and drums", "piano solo", "flute and guitar"):
        parts = cast(parse_brief(text), HABITS, np.random.default_rng(0))
        assert max(p.voices for p in parts if p.instrument != DRUMS) >= 5, text
