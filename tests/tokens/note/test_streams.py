"""Streams of a piece and the tasks that name two of them."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.errors import InputError
from cantilena.score.harmony import parse_chord
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.note.streams import STREAMS, TASKS, Task, chord_table, lead_instrument, split

BARS = np.arange(5) * 96
STARTS = np.arange(8) * 48
SCHEME = NoteScheme()


def band() -> np.ndarray:
    """A flute's tune, a piano's chords, a bass and a kit, four bars."""
    rows = [(24 * k, 73, 72 + k % 5, 14, 4) for k in range(16)]
    rows += [(96 * b, 0, p, 24, 4) for b in range(4) for p in (60, 64, 67)]
    rows += [(96 * b, 32, 36, 24, 4) for b in range(4)]
    rows += [(24 * k, 128, 36 + 2 * (k % 2), 3, 4) for k in range(16)]
    return np.array(sorted(rows))


def numbers(*symbols: str) -> np.ndarray:
    return np.array([parse_chord(s).number if s else 0 for s in symbols])


CHORDS = numbers("C", "C", "Am", "Am", "", "F", "G7", "G7")


@pytest.mark.parametrize("name", TASKS)
def test_a_task_names_two_streams(name: str):
    assert Task.of(name).name == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "drums",
        "drums-to-",
        "drums-to-drums",
        "bass-to-drums",
        "melody-to-all",
        "all-to-accompaniment",
        "accompaniment-to-drums",
        "parts-to-drums",
        "others-to-parts",
    ],
)
def test_other_names_are_refused(name: str):
    with pytest.raises(InputError, match="is no task"):
        Task.of(name)


@pytest.mark.parametrize(
    ("name", "reference", "target"),
    [
        ("all-to-drums", {0, 32, 73}, {128}),
        ("drums-to-all", {128}, {0, 32, 73}),
        ("melody-to-accompaniment", {73}, {0, 32, 128}),
        ("melody-to-drums", {73}, {128}),
        ("chords-to-melody", {0}, {73}),
    ],
)
def test_a_piece_is_split(name: str, reference: set[int], target: set[int]):
    sides = split(band(), BARS, STARTS, CHORDS, Task.of(name))
    assert [set(side[:, 1].tolist()) for side in sides] == [reference, target]
    both = np.concatenate(sides)
    if "chords" not in name and name != "melody-to-drums":
        assert len(both) == len(band())


def test_some_parts_and_the_others_are_a_band():
    task, seen = Task.of("parts-to-others"), set()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        reference, target = split(band(), BARS, STARTS, CHORDS, task, rng)
        parts, others = (set(side[:, 1].tolist()) for side in (reference, target))
        assert parts | others == {0, 32, 73, 128} and not parts & others
        assert parts - {128} and others
        seen.add(tuple(sorted(parts)))
    assert (73,) in seen and len(seen) > 8
    kit = band()[band()[:, 1] == 128]
    reference, _ = split(kit, BARS, STARTS, CHORDS, task, np.random.default_rng(0))
    assert not len(reference)


def test_every_task_gives_tables_of_the_scheme():
    names = [f"{a}-to-{b}" for a in STREAMS for b in STREAMS]
    for name in names:
        try:
            task = Task.of(name)
        except InputError:
            continue
        for side in split(band(), BARS, STARTS, CHORDS, task):
            assert len(side) and side.shape[1] == 5
            assert np.array_equal(SCHEME.untable(SCHEME.steps(side)), side)


def test_chords_are_held_until_they_change():
    table = chord_table(STARTS, CHORDS, 384)
    assert np.unique(table[:, 0]).tolist() == [0, 96, 240, 288]
    lengths = np.array(SCHEME.durations)[table[:, 3]]
    assert lengths.tolist() == [96] * 6 + [48] * 3 + [96] * 4
    pitches = [set((table[table[:, 0] == t, 2] % 12).tolist()) for t in (0, 96, 240, 288)]
    assert pitches == [{0, 4, 7}, {9, 0, 4}, {5, 9, 0}, {7, 11, 2, 5}]
    assert not len(chord_table(STARTS, numbers(*[""] * 8), 384))


def test_the_lead_is_a_line_and_no_bass():
    assert lead_instrument(band(), BARS) == 73
    rest = band()[band()[:, 1] != 73]
    assert lead_instrument(rest, BARS) == 0
    kit = band()[np.isin(band()[:, 1], (32, 128))]
    assert lead_instrument(kit, BARS) == -1
    sides = split(kit, BARS, STARTS, CHORDS, Task.of("melody-to-accompaniment"))
    assert [len(side) for side in sides] == [0, 0]
