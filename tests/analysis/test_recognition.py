"""Chords by the network: labels in Harte's notation, without gaps, alike in every key."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cantilena.analysis import chord_slots, slot_edges
from cantilena.analysis.recognition import (
    N_LABELS,
    beat_evidence,
    best_labels,
    label_name,
    recognise,
    recognised_slots,
)
from cantilena.score import Score, Track
from cantilena.score.harmony import parse_chord
from pieces import EMPTY, TPQ, accompaniment, drums

LOOP = ("C", "Am", "F", "G")
LABELS = ["C:maj", "A:min", "F:maj", "G:maj"]


def test_a_loop_is_recognised_with_its_bars():
    spans = recognise(accompaniment(LOOP * 4))
    assert [span.label for span in spans] == LABELS * 4
    assert [span.start for span in spans] == [4 * TPQ * bar for bar in range(16)]


def test_the_spans_cover_the_piece_and_neighbours_differ():
    score = accompaniment(LOOP * 2)
    spans = recognise(score)
    assert spans[0].start == 0 and spans[-1].stop == score.end
    assert all(a.stop == b.start and a.label != b.label for a, b in pairwise(spans))


@pytest.mark.parametrize("symbol, label", [("Dm7", "D:min7"), ("Bbmaj7", "Bb:maj7"), ("E7", "E:7")])
def test_sevenths_are_told(symbol, label):
    assert label in {span.label for span in recognise(accompaniment([symbol] * 4, melody=False))}


@pytest.mark.parametrize("below", [0, 12])
@pytest.mark.parametrize(
    "symbols, labels",
    [
        (("Dm7", "G7", "Cmaj7", "C7"), ["D:min7", "G:7", "C:maj7", "C:7"]),
        (("Am7", "Bm7b5", "E7", "Am7"), ["A:min7", "B:hdim7", "E:7", "A:min7"]),
        (("C", "Caug", "C6", "C7sus4"), ["C:maj", "C:aug", "C:maj6", "C:sus4(b7)"]),
    ],
)
def test_held_chords_are_told_as_they_are_played(symbols, labels, below):
    """A bar of each, once in root position alone and once with the root an octave lower."""
    rows = []
    for bar, symbol in enumerate(symbols):
        chord = parse_chord(symbol)
        root = 48 + chord.root
        steps = {(tone - chord.root) % 12 for tone in chord.pitch_classes}
        pitches = {root + step for step in steps} | {root - below}
        rows += [(bar * 4 * TPQ, 4 * TPQ, pitch, 80, 0) for pitch in pitches]
    tracks = [Track("Piano", 0)]
    spans = recognise(Score.build(TPQ, tracks, *zip(*sorted(rows), strict=True)))
    assert [span.label for span in spans] == labels


def test_a_tune_above_a_held_seventh_leaves_it():
    held = ((48, 52, 55, 58), (53, 57, 60, 63), (48, 52, 55, 58), (55, 59, 62, 65))
    rows = [(bar * 4 * TPQ, 4 * TPQ, p, 80, 0) for bar in range(4) for p in held[bar]]
    rows += [(beat * TPQ, TPQ // 2, 72 + (0, 2)[beat % 2], 80, 0) for beat in range(16)]
    spans = recognise(Score.build(TPQ, [Track("Piano", 0)], *zip(*sorted(rows), strict=True)))
    assert [span.label for span in spans] == ["C:7", "F:7", "C:7", "G:7"]


def test_a_transposed_piece_has_the_transposed_chords():
    score = accompaniment(LOOP * 2)
    edges = slot_edges(score, "beat")
    here, moved = (best_labels(beat_evidence(s, edges)) for s in (score, score.transposed(3)))
    per_root = (N_LABELS - 1) // 12
    assert np.array_equal((here - 1 + 3 * per_root) % (N_LABELS - 1), moved - 1)


def test_nothing_sounds_where_nothing_pitched_does():
    assert [span.label for span in recognise(drums())] == ["N"]
    tracks = [Track("Piano", 0)]
    rows = [(bar * 4 * TPQ, 4 * TPQ, pitch, 80, 0) for bar in (0, 3) for pitch in (60, 64, 67)]
    spans = recognise(Score.build(TPQ, tracks, *zip(*rows, strict=True)))
    assert [span.label for span in spans] == ["C:maj", "N", "C:maj"]
    assert (spans[1].start, spans[1].stop) == (4 * TPQ, 12 * TPQ)


def test_an_empty_score_has_no_chords():
    assert all(span.label == "N" for span in recognise(EMPTY))


def test_half_bars_agree_with_the_templates_on_plain_chords():
    score = accompaniment(LOOP * 4)
    assert np.array_equal(recognised_slots(score)[0], chord_slots(score)[0])


def test_every_number_has_a_name_of_its_own():
    assert len({label_name(number) for number in range(N_LABELS)}) == N_LABELS == 145
