import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.analysis import audible_slots, chord_slots, progression, slot_edges, spell_chord
from cantilena.errors import UnknownNameError
from cantilena.score.harmony import N_CHORDS, QUALITY_NAMES, Chord, Key, parse_chord
from cantilena.score.score import Score, Track
from pieces import EMPTY, TPQ, accompaniment, drums, line

LOOP = ("C", "Am", "F", "G")


def numbers_of(*symbols: str) -> list[int]:
    return [parse_chord(s).number for s in symbols]


@pytest.mark.parametrize("quality", QUALITY_NAMES)
@pytest.mark.parametrize("root", ["C", "F#", "Bb"])
def test_every_chord_is_heard_when_it_sounds(root, quality):
    symbols = [root + quality] * 4
    assert chord_slots(accompaniment(symbols, melody=False), "bar")[0].tolist() == numbers_of(
        *symbols
    )


@pytest.mark.parametrize(("voiced", "heard"), [("Csus2", "Csus4"), ("Bdim7", "Bdim"), ("C/E", "C")])
def test_other_voicings_fall_on_the_reduced_alphabet(voiced, heard):
    numbers, _ = chord_slots(accompaniment([voiced] * 2, melody=False), "bar")
    assert numbers.tolist() == numbers_of(heard, heard)


def test_loop_with_melody_per_bar_half_and_beat():
    score = accompaniment(LOOP * 4)
    for per, times in (("bar", 1), ("half", 2), ("beat", 4)):
        numbers, starts = chord_slots(score, per)
        assert numbers.tolist() == np.repeat(numbers_of(*LOOP * 4), times).tolist()
        assert np.array_equal(starts, np.arange(16 * times) * (4 * TPQ // times))


def test_two_chords_a_bar_need_halves():
    numbers, _ = chord_slots(accompaniment(LOOP * 4, slots_per_bar=2))
    assert numbers.tolist() == numbers_of(*LOOP * 4)


@pytest.mark.parametrize(
    ("metre", "half", "beat"),
    [
        ((4, 4), 2, 4),
        ((2, 2), 2, 2),
        ((6, 8), 2, 2),
        ((12, 8), 2, 4),
        ((6, 4), 2, 6),
        ((3, 4), 1, 3),
        ((2, 4), 1, 2),
        ((5, 4), 1, 5),
        ((9, 8), 1, 3),
        ((3, 8), 1, 1),
        ((7, 8), 1, 7),
        ((1, 4), 1, 1),
    ],
)
def test_slots_of_each_metre(metre, half, beat):
    score = line([60] * 60)
    score = Score.build(
        TPQ,
        score.tracks,
        score.onset,
        score.duration,
        score.pitch,
        score.velocity,
        score.track,
        metres=[(0, *metre)],
    )
    for per, n in (("bar", 1), ("half", half), ("beat", beat)):
        edges = slot_edges(score, per)
        assert len(edges) - 1 == n * score.n_bars
        assert np.array_equal(edges[::n], score.bar_starts)


def test_slots_across_changes_of_metre_and_bars_cut_short():
    tracks = [Track("", 0)]
    metres = [(0, 4, 4), (2880, 3, 4), (5760, 6, 8)]
    score = Score.build(480, tracks, [0], [7000], [60], [80], [0], metres=metres)
    assert slot_edges(score).tolist() == [0, 960, 1920, 2880, 4320, 5760, 6480, 7200]


def test_silence_and_drums_have_no_chord():
    for score in (EMPTY, drums(), line([60, 64, 67, 60], program=120)):
        numbers, starts = chord_slots(score)
        assert len(numbers) == len(starts) == 2 * score.n_bars
        assert not numbers.any()
    gap = Score.build(
        480, [Track("", 0)], [0, 0, 0], [960] * 3, [48, 64, 67], [9] * 3, [0] * 3, end=5760
    )
    assert chord_slots(gap)[0].tolist() == [*numbers_of("C"), 0, 0, 0, 0, 0]


def test_a_piece_longer_than_a_window_is_one_piece():
    loop = accompaniment(LOOP * 600, melody=False)
    assert chord_slots(loop)[0].tolist() == np.repeat(numbers_of(*LOOP * 600), 2).tolist()


def test_unknown_division():
    with pytest.raises(UnknownNameError, match="beat"):
        chord_slots(EMPTY, "quarter")


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from(["C", "Dm", "Em7", "F", "G7", "Am", "Bdim"]), min_size=1, max_size=12),
    st.integers(-11, 11),
    st.floats(30, 300),
)
def test_transposition_moves_chords_and_tempo_does_not(symbols, shift, bpm):
    score = accompaniment(symbols)
    before, _ = chord_slots(score)
    after, _ = chord_slots(score.transposed(shift))
    assert after.tolist() == [(n - 1 + 9 * shift) % 108 + 1 for n in before]
    assert np.array_equal(chord_slots(accompaniment(symbols, bpm=bpm))[0], before)


def test_progression_of_a_loop():
    assert progression(np.repeat(numbers_of(*LOOP * 4), 2)) == LOOP
    eight = ("C", "G", "Am", "Em", "F", "C", "F", "G")
    assert progression(np.array(numbers_of(*eight * 3))) == eight


def test_progression_sees_through_rests_sevenths_and_an_introduction():
    song = numbers_of("Dm", "Em", *LOOP, "C", "Am7", "F", "G7", "C", "Am7", "Fmaj7", "G7")
    song.insert(5, 0)
    assert progression(np.array(song)) == ("C", "Am7", "F", "G7")


def test_progression_where_nothing_repeats():
    assert progression(np.array(numbers_of("C", "F", "Bb", "G"))) == ("C", "F", "Bb", "G")
    assert progression(np.array(numbers_of("Dm", "Dm"))) == ("Dm",)
    assert progression(np.array([0, 0])) == progression(np.array([], dtype=int)) == ()
    wander = numbers_of("C", "F", "Bb", "Eb", "Ab", "Db", "Gb", "B", "E", "A")
    assert progression(np.array(wander)) == ()


@given(st.lists(st.integers(0, N_CHORDS - 1), max_size=40))
def test_progression_is_short_and_of_chords_that_sound(numbers):
    symbols = progression(np.array(numbers, dtype=int))
    assert len(symbols) <= 8
    assert {parse_chord(s).number for s in symbols} <= set(numbers)


@pytest.mark.parametrize(
    ("key", "names"),
    [
        (None, "C Db D Eb E F F# G Ab A Bb B"),
        (Key(9, True), "C C# D D# E F F# G G# A Bb B"),
        (Key(6), "C C# D D# E E# F# G G# A A# B"),
        (Key(3, True), "C Db D Eb E F Gb G Ab A Bb Cb"),
        (Key.from_name("Gb major"), "C Db D Eb E F Gb G Ab A Bb Cb"),
        (Key(2), "C C# D Eb E F F# G G# A Bb B"),
    ],
)
def test_roots_are_spelled_as_the_key_has_them(key, names):
    symbols = [spell_chord(Chord(root, (0, 3, 7), "m"), key) for root in range(12)]
    assert symbols == [f"{n}m" for n in names.split()]


def _heard(score: Score) -> list[bool]:
    return audible_slots(score, chord_slots(score)[0]).tolist()


def test_a_chord_is_told_where_its_tones_sound_together_or_as_an_arpeggio():
    assert all(_heard(accompaniment(LOOP)))
    assert all(_heard(accompaniment(LOOP, melody=False)))
    arpeggio = [(0, 64, 67, 72)[i % 4] or 60 for i in range(16)]
    assert all(_heard(line(arpeggio, TPQ // 2)))


def test_no_chord_is_told_of_a_scale_or_a_lone_note():
    scale = [60, 62, 64, 65, 67, 69, 71, 72] * 2
    for length in (TPQ // 2, TPQ):
        assert not any(_heard(line(scale, length)))
    assert not any(_heard(line([60], 4 * TPQ)))
