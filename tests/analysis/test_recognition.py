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


def test_a_rest_within_a_chord_is_no_end_of_it():
    """Off-beats alone, and a rest of three beats behind the last one."""
    chords = [(TPQ * beat, TPQ // 2, pitch, 80, 0) for beat in (1, 3, 5) for pitch in (60, 64, 67)]
    chords += [(8 * TPQ, TPQ, pitch, 80, 0) for pitch in (57, 60, 64)]
    spans = recognise(Score.build(TPQ, [Track("Guitar", 24)], *zip(*chords, strict=True)))
    assert [(span.start // TPQ, span.label) for span in spans] == [(0, "C:maj"), (8, "A:min")]


POLKA = ("Gm", "Gm", "Cm", "Gm", "D7", "D7", "Gm", "Gm") * 3
POLKA_LABELS = {"Gm": "G:min", "Cm": "C:min", "D7": "D:7"}


def polka(enters: tuple[int, int, int] = (0, 0, 0)) -> Score:
    """24 bars in G minor: an accordion on beats 2 and 4 of four, a tuba with root and fifth on 1
    and 3, a kit, and a clarinet; ``enters``: the bars in which clarinet, tuba and kit come in."""
    tracks = [Track("Clarinet", 71), Track("Accordion", 21), Track("Tuba", 58)]
    tracks.append(Track("Kit", 0, True))
    rows = []
    for bar, symbol in enumerate(POLKA):
        chord, start = parse_chord(symbol), 4 * TPQ * bar
        tones = sorted((tone - chord.root) % 12 for tone in chord.pitch_classes)
        for beat in (1, 3):
            for step in tones:
                pitch = 55 + (chord.root + step - 55) % 12
                rows.append((start + beat * TPQ, TPQ // 2, pitch, 70, 1))
        for beat, step in ((0, 0), (2, 7)):
            if bar >= enters[1]:
                pitch = 34 + (chord.root + step - 34) % 12
                rows.append((start + beat * TPQ, TPQ, pitch, 80, 2))
        for k in range(4 * (bar >= enters[2])):
            rows.append((start + k * TPQ, TPQ // 4, 36 + 2 * (k % 2), 80, 3))
        for k in range(8 * (bar >= enters[0])):
            step = tones[k // 2 % len(tones)] + k % 2
            rows.append((start + k * TPQ // 2, TPQ // 2, 67 + (chord.root + step - 67) % 12, 80, 0))
    return Score.build(TPQ, tracks, *zip(*sorted(rows), strict=True))


def test_off_beats_tell_their_sevenths_from_the_bar_line_on():
    spans = recognise(polka())
    changes = [k for k, name in enumerate(POLKA) if k == 0 or POLKA[k - 1] != name]
    assert [span.start // TPQ for span in spans] == [4 * bar for bar in changes]
    assert [span.label for span in spans] == [POLKA_LABELS[POLKA[bar]] for bar in changes]


@pytest.mark.parametrize("enters", [(4, 8, 8), (8, 0, 12), (8, 16, 12)])
def test_parts_that_come_in_leave_no_holes(enters: tuple[int, int, int]):
    labels = [span.label for span in recognise(polka(enters))]
    assert "N" not in labels and labels.count("D:7") == POLKA.count("D7") // 2


def test_equal_tones_are_named_by_the_bass_before_them():
    """A:min7 is struck as C:maj6 is."""
    heard = []
    for root in (33, 36):
        rows = [(2 * TPQ * k, TPQ, root, 80, 0) for k in range(8)]
        off = [(TPQ * (2 * k + 1), TPQ // 2, p, 80, 1) for k in range(8) for p in (57, 60, 64, 67)]
        tracks = [Track("Bass", 32), Track("Guitar", 24)]
        spans = recognise(Score.build(TPQ, tracks, *zip(*sorted(rows + off), strict=True)))
        heard.append([span.label for span in spans])
    assert heard[0] == ["A:min7"] and "A:min7" not in heard[1]


def test_an_empty_score_has_no_chords():
    assert all(span.label == "N" for span in recognise(EMPTY))


def test_half_bars_agree_with_the_templates_on_plain_chords():
    score = accompaniment(LOOP * 4)
    assert np.array_equal(recognised_slots(score)[0], chord_slots(score)[0])


def test_every_number_has_a_name_of_its_own():
    assert len({label_name(number) for number in range(N_LABELS)}) == N_LABELS == 145
