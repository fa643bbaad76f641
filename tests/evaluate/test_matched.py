"""Windows of songs, and what of them is asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cantilena.analysis.features import BARS
from cantilena.evaluate.matched import (
    MORE_BARS,
    Window,
    other_songs,
    prompt_of,
    window_of,
    windows,
)
from cantilena.score.score import Score
from grooves import BAR, band, rebuilt
from pieces import EMPTY, accompaniment
from song_split import split_of


def test_a_window_is_the_first_run_of_bars_in_the_main_metre():
    song = band(bars=40)
    window = window_of(song)
    assert window is not None and window.n_bars == BARS
    assert np.array_equal(window.pitch, song.pitch[song.onset < 32 * BAR])
    metres = [(0, 3, 4), (3 * BAR, 4, 4)]  # four bars of three quarters first
    columns = [getattr(song, n) for n in ("onset", "duration", "pitch", "velocity", "track")]
    other = Score.build(24, song.tracks, *columns, metres=metres, end=song.end)
    window = window_of(other)
    assert window is not None and window.n_bars == BARS
    moved = song.select((song.onset >= 3 * BAR) & (song.onset < 35 * BAR))
    assert np.array_equal(window.onset, moved.onset - 3 * BAR)
    assert np.array_equal(window.pitch, moved.pitch)


def test_too_short_too_thin_and_empty_songs_have_none():
    assert window_of(band(bars=31)) is None
    assert window_of(EMPTY) is None
    thin = band(bars=40)
    assert window_of(thin.select(np.arange(len(thin)) % 40 == 0)) is None


def test_parts_that_are_not_heard_are_left_out():
    song = band(bars=32)
    track = np.where(np.arange(len(song)) == 7, 4, song.track)
    lone = replace(song.tracks[0], program=56)
    window = window_of(rebuilt(song, tracks=[*song.tracks, lone], track=track))
    assert window is not None and set(window.instrument) == {73, 4, 33, 128}


def test_a_prompt_has_the_windows_own_wishes():
    score = accompaniment(["Am", "F", "G", "C"] * 8, bpm=97)
    window = Window("a", "a", score, (33, 0, 73), ("pop",))
    wishes = prompt_of(window).wishes
    assert [i.programs for i in wishes.instruments] == [(33,), (0,), (73,)] and wishes.only
    assert (wishes.tempo, wishes.metre, wishes.key) == (97, "4/4", "C major")
    assert wishes.bars == BARS + MORE_BARS and wishes.chords == () and wishes.genres == ()
    assert prompt_of(window, chords=True).wishes.chords == ("Am", "F", "G", "C") * 8


def test_windows_of_a_data_set_are_of_the_kind_and_in_the_same_random_order(tmp_path):
    songs = split_of(tmp_path, [band(seed, 40) for seed in range(6)])
    first, again = (list(windows(songs, 0, "band")) for _ in range(2))
    assert len(first) == 6 and [w.id for w in first] == [w.id for w in again]
    assert [w.id for w in windows(songs, 1, "band")] != [w.id for w in first]
    assert list(windows(songs, 0, "piano")) == []
    some = list(windows(songs, 0, "band", lambda meta: meta["id"] == first[2].song))
    assert [w.id for w in some] == [first[2].id]
    for window in first:
        assert window.score.n_bars == BARS and window.kind == "band"


def test_the_other_song_is_the_likest_and_each_is_taken_once():
    def window(*instruments: int) -> Window:
        return Window("", "", EMPTY, instruments, ())

    chosen = [window(0, 33, 128), window(40, 41, 42), window(0, 33, 128)]
    pool = [window(40, 41), window(0, 33, 128), window(0, 33, 48, 128)]
    assert other_songs(chosen, pool) == [(0, 1), (1, 0), (2, 2)]
    assert other_songs(chosen, pool[:1]) == [(0, 0)]
