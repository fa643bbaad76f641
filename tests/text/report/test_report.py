"""Every row of the report on music that is built to meet a wish, and on music built to break it."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.errors import BriefError, InputError
from cantilena.score.harmony import Key, parse_chord
from cantilena.score.midi import read_midi, write_midi
from cantilena.score.score import DRUMS, Score, Track
from cantilena.text.brief import parse_brief
from cantilena.text.report import Row, key_relation, match_instruments, report, total
from cantilena.text.report.chords import match_chords
from cantilena.text.wishes import Brief, Instrument
from grooves import band

TPQ = 24
PIANO, BASS = Instrument("piano", (0, 1)), Instrument("bass", (32, 33))


def chords(symbols, programs=(0, 33), quarters=4.0, bpm=120.0, metre=(4, 4), ring=0) -> Score:
    """Each chord for so many quarters: its root in the second part, the rest in the first."""
    rows = []
    length = round(quarters * TPQ)
    for i, symbol in enumerate(symbols):
        if symbol:
            chord = parse_chord(symbol)
            rows.append((i * length, length, 36 + chord.root, 1))
            rows += [(i * length, length, 60 + (chord.root + k) % 12, 0) for k in chord.intervals]
    o, d, p, t = (np.array(x) for x in zip(*rows, strict=True))
    d = np.where(o == o.max(), d + ring, d)
    tracks = [Track("", 0 if i == DRUMS else i, i == DRUMS) for i in programs]
    v = np.full(len(o), 80)
    end = len(symbols) * length
    return Score.build(TPQ, tracks, o, d, p, v, t, [(0, round(60e6 / bpm))], [(0, *metre)], end=end)


TURN = ("C", "Am", "Dm", "G7")
LOOP = chords(TURN * 4)
EMPTY = Score.build(TPQ, (), (), (), (), (), ())


def row(brief: Brief, score: Score, wish: str) -> Row:
    return next(r for r in report(brief, score) if r.wish == wish)


def met(brief: Brief, score: Score, wish: str) -> bool | None:
    return row(brief, score, wish).met


def test_no_wish_no_row():
    assert report(Brief(), LOOP) == ()
    assert total(()) == 1.0


def test_a_brief_that_is_met_entirely_survives_the_file():
    brief = Brief(
        instruments=(PIANO, BASS),
        only=True,
        excluded=(DRUMS,),
        tempo=120,
        metre="4/4",
        key="C major",
        chords=TURN,
        bars=16,
        seconds=32,
        swing=False,
        density="sparse",
    )
    rows = report(brief, read_midi(write_midi(LOOP)))
    assert [r.wish for r in rows if r.met is not True] == []
    assert total(rows) == 1.0
    assert len(rows) == 12


def test_everything_is_unmet_by_no_music():
    brief = Brief(instruments=(PIANO,), only=True, key="C major", chords=TURN, bars=4, seconds=8)
    rows = report(brief, EMPTY)
    assert not any(r.met for r in rows)
    assert total(rows) < 0.1


# ---------------------------------------------------------------- instruments


def test_instruments_name_what_is_missing():
    result = row(
        Brief(instruments=(PIANO, Instrument("violin", (40, 110), 2))), LOOP, "instruments"
    )
    assert not result.met and result.score == 0.5
    assert result.asked == "piano, violin x 2"
    assert "no violin" in result.achieved and "acoustic grand piano" in result.achieved


def test_any_program_of_an_instrument_will_do():
    assert met(Brief(instruments=(Instrument("bass", (32, 33)),)), LOOP, "instruments")


def test_one_part_does_not_answer_two_instruments():
    two = (Instrument("guitar", (24, 25, 27)), Instrument("electric guitar", (27, 29)))
    alone = row(Brief(instruments=two), chords(TURN, (27, 33)), "instruments")
    assert not alone.met and alone.score == 0.5
    # The guitar gives way so that both are answered.
    assert match_instruments(two, [27, 24]) == [24, 27]
    assert match_instruments((two[0], Instrument("e-guitar", (27,))), [27, 25]) == [25, 27]
    assert match_instruments((two[0], two[0]), [24]) == [24, 24]
    assert match_instruments((), [1]) == []


def test_a_stray_note_is_no_instrument_but_breaks_only():
    stray = Score.build(
        TPQ,
        [*LOOP.tracks, Track("flute", 73)],
        *(
            np.append(getattr(LOOP, a), x)
            for a, x in (
                ("onset", 0),
                ("duration", 6),
                ("pitch", 80),
                ("velocity", 70),
                ("track", 2),
            )
        ),
        end=LOOP.end,
    )
    flute = Instrument("flute", (73,))
    assert not met(Brief(instruments=(flute,)), stray, "instruments")
    result = row(Brief(instruments=(PIANO, BASS), only=True), stray, "only")
    assert not result.met and "flute" in result.achieved and 0.9 < (result.score or 0) < 1
    assert not met(Brief(excluded=(73,)), stray, "excluded")


def test_a_pad_with_few_long_notes_is_heard():
    pad = chords(["C", "F"], (89, 33), quarters=32)
    one = pad.select(pad.pitch <= 60)
    assert met(Brief(instruments=(Instrument("pad", (89,)),)), one, "instruments")


def test_excluded_families_are_named_together():
    strings = tuple(range(40, 48))
    result = row(Brief(excluded=(DRUMS, *strings)), LOOP, "excluded")
    assert result.met and result.asked == "no drums, strings" and result.achieved == "none"
    bad = row(Brief(excluded=(0,)), LOOP, "excluded")
    assert not bad.met and "piano" in bad.achieved and (bad.score or 0) < 1


# ---------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("wish", "bpm", "good"),
    [
        ({"tempo": 96}, 96, True),
        ({"tempo": 96}, 96.4, True),
        ({"tempo": 96}, 97, False),
        ({"tempo": 68, "tempo_range": (52, 82)}, 80, True),
        ({"tempo": 68, "tempo_range": (52, 82)}, 84, False),
        ({"tempo_range": (52, 82)}, 120, False),
    ],
)
def test_tempo(wish, bpm, good):
    result = row(Brief(**wish), chords(TURN, bpm=bpm), "tempo")
    assert result.met is good
    assert (result.score == 1) is good


def test_tempo_scores_fall_with_distance():
    near, far, octave = (
        row(Brief(tempo=100), chords(TURN, bpm=bpm), "tempo").score for bpm in (110, 150, 200)
    )
    assert near > far > octave == 0  # type: ignore[operator]


def test_metre():
    assert met(Brief(metre="3/4"), chords(TURN, quarters=3, metre=(3, 4)), "metre")
    same_bar = row(Brief(metre="2/2"), LOOP, "metre")
    assert not same_bar.met and same_bar.score == 0.5
    assert row(Brief(metre="3/4"), LOOP, "metre").score == 0


def test_bars_and_a_last_note_that_rings_on():
    assert met(Brief(bars=16), LOOP, "bars")
    assert not met(Brief(bars=12), LOOP, "bars")
    ringing = chords(TURN, ring=10)
    assert ringing.n_bars == 5
    assert met(Brief(bars=4), ringing, "bars")
    assert met(Brief(bars=5), ringing, "bars")
    assert row(Brief(bars=8), ringing, "bars").achieved == "5 bars"


def test_seconds_allow_a_tenth_or_half_a_bar():
    assert met(Brief(seconds=30), LOOP, "seconds")  # 32 s
    assert not met(Brief(seconds=28), LOOP, "seconds")
    slow = chords(["C", "F", "G"], bpm=40)  # 18 s, bars of 6 s
    assert met(Brief(seconds=15), slow, "seconds")
    assert not met(Brief(seconds=14), slow, "seconds")


def test_any_length_within_a_range_is_met():
    bars = Brief(bars=12, bars_range=(8, 16))
    assert met(bars, LOOP, "bars")
    assert row(bars, LOOP, "bars").asked == "8-16 bars"
    assert row(Brief(bars=10, bars_range=(8, 12)), LOOP, "bars").score == 12 / 16
    assert met(Brief(bars=3, bars_range=(2, 4)), chords(TURN, ring=10), "bars")
    assert not met(Brief(bars=18, bars_range=(17, 1000)), LOOP, "bars")
    seconds = Brief(seconds=45, seconds_range=(30, 60))  # 32 s
    assert met(seconds, LOOP, "seconds")
    assert row(seconds, LOOP, "seconds").asked == "30-60 s"
    assert row(Brief(seconds=20, seconds_range=(16, 24)), LOOP, "seconds").score == 24 / 32


def test_limits_of_length():
    assert met(Brief(bars=20, bars_range=(1, 20)), LOOP, "bars")
    assert row(Brief(bars=15, bars_range=(1, 15)), LOOP, "bars") == Row(
        "bars", "at most 15 bars", "16 bars", False, 15 / 16
    )
    under, over = (0.5, 30.0), (40.0, 3600.0)
    assert not met(Brief(seconds=27.3, seconds_range=under), LOOP, "seconds")
    assert met(Brief(seconds=27.3, seconds_range=under), chords(TURN * 3), "seconds")
    assert row(Brief(seconds=44.4, seconds_range=over), LOOP, "seconds").asked == "at least 40 s"
    assert not met(Brief(seconds=44.4, seconds_range=over), LOOP, "seconds")
    assert not met(Brief(seconds=27.3, seconds_range=under), EMPTY, "seconds")


def test_a_narrow_range_is_no_stricter_than_its_middle():
    assert met(Brief(seconds=30.5, seconds_range=(30, 31)), LOOP, "seconds")


def test_swing_and_density():
    offbeats = [q * TPQ + x for q in range(64) for x in (0, 16)]
    n = len(offbeats)
    columns = (offbeats, [6] * n, [60] * n, [80] * n, [0] * n)
    swung = Score.build(TPQ, [Track("", 0)], *columns)
    assert met(Brief(swing=True), swung, "swing")
    assert not met(Brief(swing=False), swung, "swing")
    assert not met(Brief(swing=True), LOOP, "swing")
    assert met(Brief(density="medium"), swung, "density")
    assert row(Brief(density="dense"), swung, "density").score == 0.5
    assert row(Brief(density="dense"), LOOP, "density").score == 0
    assert met(Brief(density="sparse"), LOOP, "density")


def test_timing_is_heard_where_notes_stand():
    def moved(by: int) -> Score:
        onsets = [q * TPQ + (by if q % 4 == 1 else 0) for q in range(64)]
        rest = ([6] * 64, [60] * 64, [80] * 64, [0] * 64)
        return Score.build(TPQ, [Track("", 0)], onsets, *rest)

    for by in (0, TPQ // 8, TPQ // 6, TPQ // 4, TPQ // 3):
        assert met(Brief(timing="quantized"), moved(by), "timing")
        assert not met(Brief(timing="played"), moved(by), "timing")
    assert row(Brief(timing="played"), moved(1), "timing").met
    assert "25 %" in row(Brief(timing="quantized"), moved(1), "timing").achieved


# ---------------------------------------------------------------- harmony


def test_key_tells_the_relative():
    assert met(Brief(key="C major"), LOOP, "key")
    result = row(Brief(key="A minor"), LOOP, "key")
    assert not result.met and result.achieved == "C major (relative)" and result.score == 0.3
    assert row(Brief(key="G major"), LOOP, "key").score == 0.5
    assert row(Brief(key="F# major"), LOOP, "key").score == 0
    assert row(Brief(key="F# major"), EMPTY, "key").achieved == "no key"


def test_key_relations_agree_with_theory():
    for key in map(Key.from_index, range(24)):
        relations = [key_relation(key, Key.from_index(i))[0] for i in range(24)]
        assert [relations.count(x) for x in ("same", "fifth", "relative", "parallel")] == [
            1,
            2,
            1,
            1,
        ]
        relative = Key.from_index(relations.index("relative"))
        assert set(relative.scale) == set(key.scale)
    assert key_relation(Key(0), None) == ("none", 0.0)


@pytest.mark.parametrize("quarters", [4.0, 2.0, 8.0])
def test_chords_in_turn(quarters):
    score = chords(TURN * 4, quarters=quarters)
    beats = None if quarters == 4 else quarters
    match = match_chords(TURN, score, beats)
    assert match.any_order == match.in_order == 1.0
    assert match.exact and match.places == 16 and match.sequence == 1.0 and match.missing == ()


def test_chords_in_another_order_are_heard_but_not_followed():
    brief = Brief(chords=("G7", "Dm", "Am", "C"))
    shuffled = chords(("Dm", "C", "G7", "Am") * 4)
    assert met(brief, shuffled, "chords")
    order = row(brief, shuffled, "chord order")
    assert order.met is False and order.score == 0.0
    assert order.achieved == "0 % of 16 places"


def test_missing_chords_are_named():
    result = row(Brief(chords=("C", "Am", "F", "E7")), LOOP, "chords")
    assert not result.met and result.score == 0.5 and result.achieved == "not heard: F E7"
    assert row(Brief(chords=("F#", "B")), LOOP, "chords").achieved == "none heard"


def test_a_shifted_progression_keeps_its_sequence():
    match = match_chords(TURN, chords(("G7", *TURN * 4)[:16]))
    assert match.in_order == 0.0
    assert match.sequence == 15 / 16


def test_sevenths_do_not_count_but_thirds_do():
    assert match_chords(("Cmaj7", "Am7", "Dm7", "G13"), LOOP).exact
    assert match_chords(("Cm", "A", "D", "Gm"), LOOP).in_order == 0.0
    assert match_chords(("Csus4", "A5", "Dm", "G"), LOOP).exact


def test_silence_within_a_piece_is_a_miss_and_around_it_is_not():
    within = chords(("C", "", "Dm", "G7"))
    assert match_chords(TURN, within).in_order == 0.75
    late = chords(("", "Am", "Dm", "G7"))
    match = match_chords(TURN, late)
    assert match.in_order == 1.0 and match.places == 3 and match.missing == ("C",)


def test_chords_that_cannot_be_asked():
    with pytest.raises(InputError):
        match_chords((), LOOP)
    with pytest.raises(InputError):
        match_chords(("C",), LOOP, 0)
    with pytest.raises(BriefError):
        match_chords(("H#",), LOOP)
    nothing = match_chords(TURN, EMPTY)
    assert nothing.any_order == nothing.in_order == 0.0 and not nothing.exact


# ---------------------------------------------------------------- the whole


def test_genre_and_mood_are_listed_and_not_measured():
    rows = report(Brief(genres=("waltz",), moods=("sad", "calm")), LOOP)
    assert [(r.wish, r.met, r.score) for r in rows] == [("genre", None, None), ("mood", None, None)]
    assert rows[1].asked == "sad, calm" and rows[1].achieved == "not measured"
    assert total(rows) == 1.0


@pytest.mark.parametrize(
    ("verdict", "achieved"),
    [
        (True, "like real songs of it"),
        (False, "unlike real songs of it"),
        (None, "not measured: not sure"),
    ],
)
def test_a_genre_that_can_be_judged_is_told_and_counts_for_nothing(monkeypatch, verdict, achieved):
    monkeypatch.setattr("cantilena.analysis.likeness.Likeness.judge", lambda *_: verdict)
    rows = report(Brief(genres=("jazz",), bars=16), LOOP)
    assert rows[1] == Row("genre", "jazz", achieved, verdict, None)
    assert total(rows) == total(rows[:1]) == 1.0


def test_a_genre_is_judged_alone_and_over_bars_enough(monkeypatch):
    monkeypatch.setattr("cantilena.analysis.likeness.Likeness.judge", lambda *_: True)
    short = chords(TURN)
    assert row(Brief(genres=("jazz",)), short, "genre").achieved == "not measured: under 16 bars"
    assert row(Brief(genres=("jazz",)), EMPTY, "genre").met is None
    assert row(Brief(genres=("jazz", "latin")), LOOP, "genre").achieved == "not measured"
    assert row(Brief(genres=("rock",)), LOOP, "genre").achieved == "not measured"


def test_the_genre_is_judged_on_the_music():
    assert met(Brief(genres=("classical",)), band(), "genre") is False


NAMES = st.sampled_from(["C", "Dm", "G7", "F#m7b5", "Ebmaj7", "Bsus4", "Caug", "A5"])
MUSIC = st.lists(st.sampled_from(["C", "Dm", "G7", "F#m7b5", "Ebmaj7", "Bsus4"]), min_size=1)
BRIEFS = st.builds(
    Brief,
    instruments=st.lists(st.sampled_from([PIANO, BASS, Instrument("drums", (128,))])).map(tuple),
    only=st.booleans(),
    excluded=st.lists(st.integers(0, 128), max_size=3).map(tuple),
    tempo=st.none() | st.floats(10, 400),
    key=st.none() | st.integers(0, 23).map(lambda i: Key.from_index(i).name),
    metre=st.sampled_from([None, "4/4", "3/4", "12/8"]),
    chords=st.lists(NAMES, max_size=9).map(tuple),
    chord_beats=st.sampled_from([None, 0.5, 1.0, 2.0, 3.0, 8.0]),
    bars=st.none() | st.integers(1, 40),
    seconds=st.none() | st.floats(1, 100),
    swing=st.sampled_from([None, True, False]),
    density=st.sampled_from([None, "sparse", "medium", "dense"]),
)


@settings(max_examples=60, deadline=None)
@given(BRIEFS, MUSIC, st.sampled_from([(4, 4), (3, 4), (6, 8)]), st.sampled_from([1.5, 3, 4]))
def test_scores_are_shares_and_whole_when_met(brief, symbols, metre, quarters):
    score = chords(symbols[:12], metre=metre, quarters=quarters)
    rows = report(brief, score)
    for r in rows:
        assert r.score is not None and 0 <= r.score <= 1 + 1e-9
        assert isinstance(r.met, bool) and isinstance(r.asked, str) and r.achieved
        if r.wish != "chord order":
            assert (r.score > 1 - 1e-9) == r.met
    assert 0 <= total(rows) <= 1 + 1e-9
    if brief.chords:
        match = match_chords(brief.chords, score, brief.chord_beats)
        assert match.in_order <= match.sequence <= 1
        assert match.exact == (match.in_order == 1)
        assert (match.any_order == 1) == (not match.missing)


def test_it_is_quick():
    rng = np.random.default_rng(0)
    n = 1500
    score = Score.build(
        TPQ,
        [Track("", i) for i in range(8)],
        np.sort(rng.integers(0, 32 * 96, n)),
        rng.integers(6, 48, n),
        rng.integers(36, 90, n),
        np.full(n, 80),
        rng.integers(0, 8, n),
    )
    brief = Brief(instruments=(PIANO, BASS), tempo=90, key="D minor", chords=TURN, swing=True)
    took = []
    for _ in range(7):
        start = time.perf_counter()
        report(brief, score)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.03


@pytest.mark.parametrize("name", ["Gb major", "F# major", "Eb minor", "D# minor", "Ab minor"])
def test_the_key_is_called_as_it_was_asked(name: str):
    """Whichever of two names for one sound was asked: in the brief, the report and both columns."""
    brief = parse_brief(f"a piano piece in {name}")
    assert brief.key == name
    key = Key.from_name(name)
    pitches = [60 + p for p in (*key.scale, key.tonic, key.scale[4], key.scale[2], key.tonic)]
    n = len(pitches)
    score = Score.build(
        24, [Track("", 0)], [24 * i for i in range(n)], [24] * n, pitches, [80] * n, [0] * n
    )
    row = next(row for row in report(brief, score) if row.wish == "key")
    assert (row.asked, row.achieved, row.met) == (name, name, True)
