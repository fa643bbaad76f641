"""Tuplets of 5 and 7, and music that was played: what grid it is written on."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.score import Score, Track
from cantilena.score.musicxml import write_musicxml
from musicxml_reader import read

Q = 840


def melody(*lengths: int, **maps) -> Score:
    """Notes one after the other, ``Q`` ticks a quarter; a negative length is a rest."""
    onset = np.cumsum([0, *map(abs, lengths)])[:-1]
    keep = np.array(lengths) > 0
    n = int(keep.sum())
    columns = onset[keep], np.array(lengths)[keep], [60 + i % 9 for i in range(n)], [80] * n
    return Score.build(Q, [Track("Flute", 73)], *columns, [0] * n, **maps)


@pytest.mark.parametrize(
    ("lengths", "kinds"),
    [
        ([Q // 5] * 5 + [3 * Q], "16th/5 16th/5 16th/5 16th/5 16th/5 half."),
        ([Q // 7] * 7 + [3 * Q], " ".join(["16th/7"] * 7) + " half."),
        ([2 * Q // 5] * 5 + [2 * Q], " ".join(["eighth/5"] * 5) + " half"),
        ([2 * Q // 7] * 7 + [2 * Q], " ".join(["eighth/7"] * 7) + " half"),
        ([2 * Q // 5, *[Q // 5] * 3, 3 * Q], "eighth/5 16th/5 16th/5 16th/5 half."),
        ([-Q // 5, *[Q // 5] * 4, 3 * Q], "r 16th/5 16th/5 16th/5 16th/5 16th/5 half."),
        (
            [3 * Q, *[Q // 5] * 4, Q // 5 + Q, 3 * Q],
            "half. 16th/5 16th/5 16th/5 16th/5 16th/5 quarter half.",
        ),
    ],
)
def test_quintuplets_and_septuplets(lengths, kinds):
    piece = melody(*lengths)
    (part,) = read(write_musicxml(piece))
    assert " ".join(part.kinds()) == kinds
    onset, length = piece.onset * 24, piece.duration * 24
    assert [n[0] * Q for n in part.notes] == onset.tolist()
    assert [n[2] * Q for n in part.notes] == length.tolist()


def test_durations_are_small_numbers_where_they_can_be():
    assert "<divisions>24</divisions>" in write_musicxml(melody(*[Q // 3] * 12))
    assert "<divisions>840</divisions>" in write_musicxml(melody(*[Q // 5] * 20))


def test_quintuplets_of_drums_and_in_one_part_only():
    kit = [(i * Q // 5, Q // 10, 38, 1) for i in range(20)]
    flute = [(i * Q // 4, Q // 4, 70 + i % 3, 0) for i in range(16)]
    o, d, p, t = zip(*kit, *flute, strict=True)
    piece = Score.build(Q, [Track("", 73), Track("", 0, True)], o, d, p, [80] * len(o), t)
    first, second = read(write_musicxml(piece))
    assert set(first.kinds()) == {"16th"} and set(second.kinds()) == {"16th/5"}


@pytest.mark.parametrize("late", [0.02, 0.04, 0.06])
@pytest.mark.parametrize("step", [2, 4])
def test_played_music_is_written_on_the_grid_it_was_played_around(late, step):
    """Hands up to 0.06 of a beat early or late (30 ms at 120 bpm), notes held half to wholly."""
    rng = np.random.default_rng(5)
    n = 32 * step
    place = np.arange(n) * Q // step
    onset = np.maximum(place + rng.normal(0, late * Q, n).clip(-2.5 * late * Q, 2.5 * late * Q), 0)
    held = (rng.uniform(0.5, 1, n) * Q / step).astype(int)
    columns = onset.astype(int), held, 60 + np.arange(n) % 12, [80] * n, [0] * n
    (part,) = read(write_musicxml(Score.build(Q, [Track("", 73)], *columns)))
    kinds = part.kinds()
    assert sum("32nd" in k or "/5" in k or "/7" in k for k in kinds) < 0.01 * n
    assert np.mean([n[0] * Q == 24 * x for n, x in zip(part.notes, place, strict=False)]) > 0.9
    assert sum(k.startswith("r 16th") for k in kinds) < 0.05 * n


def test_32nds_that_are_played_are_still_32nds():
    rng = np.random.default_rng(5)
    onset = np.maximum(np.arange(64) * Q // 8 + rng.normal(0, 0.015 * Q, 64), 0).astype(int)
    piece = Score.build(Q, [Track("", 73)], onset, [90] * 64, [72, 74] * 32, [80] * 64, [0] * 64)
    (part,) = read(write_musicxml(piece))
    assert part.kinds().count("32nd") > 55
