"""Counted progressions: what is counted of songs whose answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cantilena.systems.note.idioms import phrase
from cantilena.train.note.progressions import (
    count_progressions,
    count_rhythms,
    phrases,
    relative_chords,
)

C, F, G = 1, 46, 64  # 1 + 9 * root + quality
VERSE = phrase("C | Am | F | G | C | Am | F G | C")
CHORUS = phrase("F | G | C | C | F | G | C | G7")


def pairs(*numbers: tuple[int, ...]) -> np.ndarray:
    """(B, 2) chords of phrases one after another."""
    return np.concatenate([np.array(n).reshape(-1, 2) for n in numbers])


def test_chords_are_told_from_the_tonic():
    bars = np.arange(0, 96 * 5, 96)
    starts = np.arange(8) * 48
    numbers = np.array([G, G, C, C, G, 0, G, G])
    relative = relative_chords(bars, starts, numbers, tonic=7)
    assert relative.tolist() == [[C, C], [F, F], [C, 0], [C, C]]


def test_a_bar_without_a_middle_has_one_chord():
    bars = np.arange(0, 72 * 5, 72)  # 3/4: a slot a bar
    relative = relative_chords(bars, bars[:-1], np.array([C, F, G, C]), tonic=0)
    assert relative.tolist() == [[C, C], [F, F], [G, G], [C, C]]


def test_a_phrase_is_what_comes_back_wherever_it_begins():
    intro = np.full((3, 2), C)
    song = np.concatenate([intro, pairs(VERSE, CHORUS, VERSE, VERSE, CHORUS)])
    assert phrases(song, minor=False) == [VERSE, CHORUS]


@pytest.mark.parametrize(
    ("names", "minor"),
    [
        ("C | C | C | C | C | C | C | C", False),  # no change of chord
        ("C | C F | F G | G C | C F | F G | G | C", False),  # changes seldom on bar lines
        ("D | A | D | G | D | A | E | A", False),  # in another key
        ("Cm | F | C | F | C | F | G | C", False),  # the tonic of the other mode
        ("Cm | Fm | G7 | C | Cm | Fm | G7 | C", True),
    ],
)
def test_a_phrase_that_is_not_plainly_in_its_key_is_not_counted(names: str, minor: bool):
    assert phrases(pairs(phrase(names), phrase(names)), minor) == []


def test_a_major_tonic_that_leads_on_is_of_a_minor_key():
    tune = phrase("Cm | C7 | Fm | Cm | Ab | Fm | G7 | Cm")
    assert phrases(pairs(tune, tune), minor=True) == [tune]


def test_what_does_not_come_back_or_has_gaps_is_no_phrase():
    assert phrases(pairs(VERSE, CHORUS), minor=False) == []
    gap = (*VERSE[:-1], 0)
    assert phrases(pairs(gap, gap), minor=False) == []
    assert phrases(pairs(VERSE)[:0], minor=False) == []


class Songs:
    """Songs of chords alone, each with a key, genres and a metre."""

    def __init__(self, rows: list[tuple[np.ndarray, int, list[str], list[int]]]):
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def corpus(self, i: int) -> str:
        return "lakh"

    def meta(self, i: int) -> dict[str, Any]:
        _, key, genres, metre = self.rows[i]
        return {"key": key, "genres": genres, "metre": metre}

    def bars(self, i: int) -> np.ndarray:
        return np.arange(len(self.rows[i][0]) + 1) * 96

    def chords(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        numbers = self.rows[i][0].ravel()
        return np.arange(len(numbers)) * 48, numbers


def test_phrases_are_counted_by_song_with_their_genres():
    twice = pairs(VERSE, VERSE)
    songs = Songs(
        [
            (twice, 0, ["pop"], [3, 4]),
            (twice, 0, ["rock", "pop"], [3, 4]),
            (pairs(VERSE, CHORUS, VERSE, CHORUS), 0, [], [4, 4]),
            (twice, -1, ["jazz"], [4, 4]),  # no key is heard
        ]
    )
    counts = count_progressions(songs)
    assert counts["major"] == [
        [list(VERSE), 3, ["pop", "rock"], True],
        [list(CHORUS), 1, [], False],
    ]
    assert counts["minor"] == []


def test_a_step_that_hardly_any_phrase_has_is_taken_for_misheard():
    common = [
        (pairs(tune, tune), 0, [], [4, 4])
        for k in range(8)
        for tune in (VERSE[2 * k :] + VERSE[: 2 * k], CHORUS[2 * k :] + CHORUS[: 2 * k])
    ]
    odd = phrase("C | F | C | Eb | C | F | G | C")
    several = [*common, (pairs(odd, odd), 0, [], [4, 4])]
    few, many = (
        {tuple(row[0]) for row in count_progressions(Songs(rows))["major"]}
        for rows in (several, [*several, *variants()])
    )
    assert odd in few and odd not in many


def variants() -> list[tuple[np.ndarray, int, list[str], list[int]]]:
    """Songs of 128 different phrases of the same few steps."""
    rows = []
    for choice in range(128):
        bars = ["C F" if choice >> k & 1 else "C G" for k in range(7)]
        tune = phrase(" | ".join([*bars, "C"]))
        rows.append((pairs(tune, tune), 0, [], [4, 4]))
    return rows


def test_how_often_songs_change_their_chord_is_told_of_genres_with_enough_of_them():
    slow = pairs(phrase("C | C | F | F | G | G | C | C"))
    quick = pairs(phrase("C F | G C | C F | G C | C F | G C | C F | G C"))
    songs = [(np.concatenate([slow, slow]), 0, ["pop"], [4, 4])] * 8
    songs += [(np.concatenate([quick, quick]), 0, ["jazz"], [4, 4])] * 7
    rhythms = count_rhythms(Songs(songs))
    assert set(rhythms) == {"pop"}
    assert rhythms["pop"][0] == rhythms["pop"][2] == pytest.approx(0.39, abs=0.02)
