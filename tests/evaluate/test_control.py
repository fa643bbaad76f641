"""Metrics of control on pieces whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.errors import InputError
from cantilena.evaluate import chords, control
from cantilena.score.harmony import parse_chord
from cantilena.score.score import DRUMS, Score, Track
from cantilena.text.wishes import Brief, Instrument

TPQ = 24
PIANO, BASS = Instrument("piano", (0, 1)), Instrument("bass", (32, 33))
TURN = ("C", "Am", "Dm", "G7")
METRICS = control.METRICS
EMPTY = control.EMPTY


def piece(symbols=TURN * 2, bpm=120.0, metre=(4, 4), programs=(0, 33)) -> Score:
    """A chord a bar over its root."""
    bar = round(4 * TPQ * metre[0] / metre[1])
    rows = []
    for i, symbol in enumerate(symbols):
        chord = parse_chord(symbol)
        rows.append((i * bar, bar, 36 + chord.root, 80, 1))
        rows += [(i * bar, bar, 60 + (chord.root + k) % 12, 80, 0) for k in chord.intervals]
    tracks = [Track("", 0 if p == DRUMS else p, p == DRUMS) for p in programs]
    tempo, end = [(0, round(60e6 / bpm))], len(symbols) * bar
    return Score.build(
        TPQ, tracks, *zip(*rows, strict=True), tempos=tempo, metres=[(0, *metre)], end=end
    )


SONG = piece()


def test_what_is_not_asked_is_nan_with_and_without_music():
    for name, metric in METRICS.items():
        assert np.isnan(metric(Brief(), SONG)), name
        assert np.isnan(metric(Brief(), None)), name


FULL = Brief(
    instruments=(PIANO, BASS), excluded=(DRUMS,), tempo=120, metre="4/4", key="C major",
    chords=TURN, bars=8, seconds=16, swing=False, density="sparse",
)  # fmt: skip


def test_everything_met_is_one_and_no_music_is_zero():
    assert set(control.evaluate(FULL, SONG).values()) == {1.0}
    for nothing in (None, EMPTY):
        assert set(control.evaluate(FULL, nothing).values()) == {0.0}


def test_wrong_music_fails_each_wish():
    wrong = piece(("F#", "B") * 9, bpm=180, metre=(3, 4), programs=(73, 128))
    found = control.evaluate(FULL, wrong)
    partial = {"bars_ratio", "density"}  # a ratio; and still sparse
    assert {k: v for k, v in found.items() if k not in partial and v > 0.2} == {"swing": 1.0}
    assert found["bars_ratio"] == 8 / 18


def test_instruments():
    wishes = Brief(instruments=(PIANO, Instrument("violin", (40,))))
    assert METRICS["instrument_recall"](wishes, SONG) == 0.5
    assert METRICS["instrument_precision"](wishes, SONG) == 0.5
    assert METRICS["instrument_precision"](wishes, EMPTY) == 0.0
    assert METRICS["excluded"](Brief(excluded=(33,)), SONG) == 0.0


@pytest.mark.parametrize(
    ("asked", "found", "exact", "same", "near"),
    [
        (120, 120, 1, 1, 1),
        (120, 121, 0, 1, 1),
        (140, 140, 1, 1, 1),  # an edge, and no whole number of microseconds
        (141, 140, 0, 0, 1),
        (110, 111, 0, 0, 1),
        (60, 120, 0, 0, 0),
        (250, 211, 0, 1, 1),
        (30, 39, 0, 1, 1),
    ],
)
def test_tempo_bins(asked, found, exact, same, near):
    score, wishes = piece(bpm=found), Brief(tempo=asked)
    names = ("tempo_exact", "tempo_bin", "tempo_bin_tolerance")
    assert tuple(METRICS[n](wishes, score) for n in names) == (exact, same, near)


def test_a_tempo_said_as_a_word_is_not_held_to_its_number():
    word = Brief(tempo=100, tempo_range=(90, 110))
    assert np.isnan(METRICS["tempo_exact"](word, SONG))
    assert METRICS["tempo_bin"](word, SONG) == 0


def test_keys():
    relative, fifth = Brief(key="A minor"), Brief(key="G major")
    assert METRICS["key"](relative, SONG) == 0
    assert METRICS["key_or_relative"](relative, SONG) == 1
    assert METRICS["key_or_relative"](fifth, SONG) == 0


def test_mustango_counts_the_asked_symbols_once():
    assert chords.changes(SONG) == [parse_chord(s).number for s in TURN * 2]
    a, b, c, d = (parse_chord(s).number for s in TURN)
    assert chords.common_in_order([a, b, c, d], [b, a, d, b, c]) == 3
    assert chords.common_in_order([d], [a, b]) == 0
    assert chords.common_in_any_order([a, a, b], [b, a, c]) == 2
    backwards = Brief(chords=tuple(reversed(TURN)))
    assert METRICS["chords_cmo"](backwards, SONG) == 1
    # G7, then of the second round Dm does not come after it until the third.
    assert METRICS["chords_ecm"](backwards, SONG) == 0.5
    assert METRICS["chords_pcm"](backwards, SONG) == 0


def test_types_are_major_and_minor():
    sevenths = Brief(chords=("Cmaj7", "Am7", "Dm7", "G"))
    assert METRICS["chords_cmo"](sevenths, SONG) == 0
    assert METRICS["chords_cmot"](sevenths, SONG) == 1
    assert METRICS["chords_in_place"](sevenths, SONG) == 1
    assert METRICS["chords_cmot"](Brief(chords=("Cm", "A", "D", "Gm")), SONG) == 0


def test_asa_counts_each_instrument_and_each_row():
    wishes = Brief(instruments=(PIANO, BASS, Instrument("flute", (73,))), tempo=90, bars=8)
    assert METRICS["asa"](wishes, SONG) == pytest.approx(3 / 5)  # two instruments and the bars
    genre = Brief(genres=("jazz",), bars=8)
    assert METRICS["asa"](genre, SONG) == 1.0


@pytest.mark.parametrize("verdict", [True, False])
def test_asa_counts_no_verdict_on_the_genre(monkeypatch, verdict):
    monkeypatch.setattr("cantilena.analysis.likeness.Likeness.judge", lambda *_: verdict)
    wishes = Brief(genres=("jazz",), bars=16)
    assert METRICS["asa"](wishes, piece(TURN * 4)) == 1.0
    assert np.isnan(METRICS["asa"](Brief(genres=("jazz",)), piece(TURN * 4)))


def test_validate():
    with pytest.raises(InputError, match="no wish"):
        control.evaluate(Brief(text="something", moods=("sad",)), SONG)
    with pytest.raises(InputError, match="Score"):
        control.evaluate(FULL, "song.mid")  # type: ignore[arg-type]


def test_summary_leaves_out_what_does_not_apply():
    rows = [{"key": 1.0, "bars": 0.5}, {"key": 0.0, "bars": float("nan")}, {"key": 1.0}]
    found = control.summary(rows)
    assert list(found) == ["key", "bars"]
    assert found["key"]["mean"] == pytest.approx(2 / 3) and found["key"]["n"] == 3
    assert found["bars"] == {"mean": 0.5, "low": 0.5, "high": 0.5, "n": 1}
    assert 0 <= found["key"]["low"] <= 2 / 3 <= found["key"]["high"] <= 1
    assert control.summary(rows) == found
    assert control.summary([]) == {}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(["C", "Dm", "F#dim", "G7", "Bbmaj7", "Esus4"]), min_size=1, max_size=9
    ),
    st.lists(st.sampled_from(["C", "Dm", "F#", "G7", "Bb", "Am"]), min_size=1, max_size=8),
    st.floats(20, 300),
    st.sampled_from([(4, 4), (3, 4), (12, 8)]),
    st.integers(1, 12),
)
def test_metrics_are_shares(asked, played, tempo, metre, bars):
    wishes = Brief(
        instruments=(PIANO, BASS), tempo=tempo, metre="4/4", key="F major", chords=tuple(asked),
        bars=bars, density="medium",
    )  # fmt: skip
    found = control.evaluate(wishes, piece(played, bpm=100, metre=metre))
    assert all(0 <= v <= 1 for v in found.values() if not np.isnan(v))
    assert found["tempo_bin"] <= found["tempo_bin_tolerance"]
    assert found["key"] <= found["key_or_relative"]
    assert found["chords_pcm"] <= found["chords_ecm"] <= found["chords_cmo"]
    assert found["chords_in_place"] <= found["chords_sequence"]
    assert found["bars"] <= found["bars_ratio"]


def test_lengths_within_a_range_are_right():
    wishes = Brief(bars=6, bars_range=(4, 10), seconds=30, seconds_range=(14, 60))
    found = control.evaluate(wishes, SONG)  # 8 bars, 16 s
    assert (found["bars"], found["bars_ratio"], found["seconds"]) == (1, 1, 1)
    found = control.evaluate(Brief(bars=5, bars_range=(4, 6)), SONG)
    assert (found["bars"], found["bars_ratio"]) == (0, 6 / 8)
