"""Features of the outline: whole tables at once against note by note, and never a look ahead."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.systems.note.agenda import Agenda
from cantilena.tokens.note import NoteScheme, agenda
from cantilena.tokens.note.agenda import FEATURES, STANDINGS, Steps, features, unknown
from cantilena.tokens.note.context import NO_DELTA, NO_INSTRUMENT, NO_PITCH, extend
from cantilena.tokens.note.outline import (
    EXACT,
    HELD,
    NEW,
    NUMBERS,
    REST,
    RHYTHM,
    UNKNOWN_COUNT,
    UNKNOWN_LETTER,
    VARIED,
    Outline,
    likeness,
)
from makers import repetitive_table

SCHEME = NoteScheme()
SEEDS = st.integers(0, 2**32)


def steps_of(rows: np.ndarray, origin: int) -> Steps:
    """All steps of rows as ``extend`` gives them."""
    before = np.concatenate([[[origin, -1, -1, 0, 0, 0]], rows[:-1]])
    pitch = np.where(before[:, 1] < 0, -1, before[:, 2])
    return Steps(before[:, 0], before[:, 1], pitch, rows[:, 0], rows[:, 1])


def by_note(rows: np.ndarray, bars: np.ndarray, outline: Outline) -> dict[str, list]:
    """The features of every step as ``systems.note.agenda`` gives them."""
    piece = Agenda(outline, bars.tolist())
    out: dict[str, list] = {name: [] for name in (*FEATURES, "standing")}
    for row in rows.tolist():
        out["at_step"].append(piece.at_step())
        out["at_onset"].append(piece.at_onset(row[0]))
        out["at_instrument"].append(piece.at_instrument(row[0], row[1]))
        out["standing"].append(piece.standing(row[0]).tolist())
        piece.push(tuple(row))
    return out


def partly(outline: Outline, rng: np.random.Generator) -> Outline:
    """The outline with parts, or all its counts, unknown."""
    letters, counts = outline.letters.copy(), outline.counts.copy()
    if rng.random() < 0.2:
        counts[0, rng.integers(counts.shape[1])] = UNKNOWN_COUNT
    if rng.random() < 0.3:
        counts[:] = UNKNOWN_COUNT
    if rng.random() < 0.3:
        dark = rng.random(len(letters)) < 0.5
        letters[dark], counts[dark] = UNKNOWN_LETTER, UNKNOWN_COUNT
    return Outline(outline.instruments, letters, outline.sources, counts)


def case(seed: int) -> tuple[np.random.Generator, np.ndarray, np.ndarray, np.ndarray, Outline]:
    rng = np.random.default_rng(seed)
    table, bars = repetitive_table(rng)
    outline = partly(likeness(table, bars).outline(), rng)
    return rng, table, bars, extend(table, SCHEME.max_delta), outline


@settings(max_examples=150, deadline=None)
@given(SEEDS)
def test_note_by_note_the_features_are_the_same_number_for_number(seed: int):
    _, table, bars, rows, outline = case(seed)
    at_once, each = features(table, bars, outline, steps_of(rows, 0)), by_note(rows, bars, outline)
    for name, expected in each.items():
        notes = rows[:, 1] >= 0 if name == "at_instrument" else np.ones(len(rows), dtype=bool)
        assert at_once[name][notes].tolist() == np.array(expected)[notes].tolist(), name


@settings(deadline=None)
@given(SEEDS)
def test_features_lie_in_their_classes(seed: int):
    _, table, bars, rows, outline = case(seed)
    at_once = features(table, bars, outline, steps_of(rows, 0))
    for part, sizes in FEATURES.items():
        assert at_once[part].shape == (len(rows), len(sizes))
        assert (at_once[part] >= 0).all() and (at_once[part] < list(sizes.values())).all(), part
    assert at_once["standing"].shape == (len(rows), NO_INSTRUMENT)
    assert at_once["standing"].min() >= 0 and at_once["standing"].max() < STANDINGS


@settings(deadline=None)
@given(SEEDS)
def test_beside_the_outline_nothing_is_known_of_notes_to_come(seed: int):
    """Notes behind a step's onset are moved to other pitches: nothing changes before these."""
    rng, table, bars, rows, outline = case(seed)
    cut = int(rng.integers(0, len(rows)))
    later = table[:, 0] > rows[cut, 0]
    other = table.copy()
    other[later, 2] = 127 - other[later, 2]
    steps = steps_of(rows, 0)
    upto = Steps(*(getattr(steps, name)[: cut + 1] for name in Steps.__dataclass_fields__))
    one, two = (features(t, bars, outline, upto) for t in (table, other))
    for name, values in one.items():
        assert (values == two[name]).all(), name


def test_what_is_not_known_has_the_last_class_of_every_feature():
    _, table, bars, rows, outline = case(1)
    dark = Outline(
        outline.instruments,
        np.full_like(outline.letters, UNKNOWN_LETTER),
        outline.sources,
        np.full_like(outline.counts, UNKNOWN_COUNT),
    )
    at_once, none = features(table, bars, dark, steps_of(rows, 0)), unknown(len(rows))
    for name, values in none.items():
        assert (at_once[name] == values).all(), name
    for part, sizes in FEATURES.items():
        assert (none[part] == np.array(list(sizes.values())) - 1).all()


TUNE = [[0, 60], [24, 62], [48, 64]]


def song(*bars_of_notes: list) -> tuple[np.ndarray, np.ndarray]:
    """A part of bars (place, pitch) in 4/4 and its bar lines."""
    notes = [
        [96 * bar + place, 0, pitch, 3, 4]
        for bar, of_bar in enumerate(bars_of_notes)
        for place, pitch in of_bar
    ]
    return np.array(notes), np.arange(len(bars_of_notes) + 1) * 96


def letters(*bars_of_notes: list) -> list[int]:
    table, bars = song(*bars_of_notes)
    return likeness(table, bars).outline().letters[0].tolist()


def test_bars_that_come_back_are_told_from_new_ones():
    varied, rhythm = [[0, 60], [24, 62], [48, 64], [72, 65]], [[0, 65], [24, 67], [48, 69]]
    assert letters(TUNE, TUNE) == [NUMBERS[NEW, 0], NUMBERS[EXACT, 1]]
    assert letters(TUNE, varied) == [NUMBERS[NEW, 0], NUMBERS[VARIED, 1]]
    assert letters(TUNE, rhythm) == [NUMBERS[NEW, 0], NUMBERS[RHYTHM, 1]]
    assert letters(TUNE, [[0, 40], [12, 41]])[1] == NUMBERS[NEW, 0]
    assert letters(TUNE, rhythm, TUNE)[2] == NUMBERS[EXACT, 2]
    assert letters(TUNE, [], TUNE) == [NUMBERS[NEW, 0], NUMBERS[REST, 0], NUMBERS[EXACT, 2]]
    long = np.array([[0, 0, 60, SCHEME.durations.index(192), 4], [288, 0, 60, 3, 4]])
    held = likeness(long, np.arange(5) * 96).outline().letters[0].tolist()
    assert held[:3] == [NUMBERS[NEW, 0], NUMBERS[HELD, 0], NUMBERS[REST, 0]]


def test_from_a_later_bar_on_nothing_is_taken_up_from_before():
    table, bars = song(TUNE, TUNE, TUNE)
    outline = likeness(table, bars).outline(1)
    assert outline.letters[0].tolist() == [NUMBERS[NEW, 0], NUMBERS[EXACT, 1]]
    assert outline.counts[0].tolist() == [3, 3]


def named(part: str, values: np.ndarray) -> dict[str, int]:
    return dict(zip(FEATURES[part], values.tolist(), strict=True))


def test_the_note_due_is_that_of_the_bar_taken_up():
    table, bars = song(TUNE, TUNE)
    rows = extend(table, SCHEME.max_delta)
    found = features(table, bars, likeness(table, bars).outline(), steps_of(rows, 0))
    before_second = named("at_step", found["at_step"][4])  # its first note is there
    assert (before_second["firm_due"], before_second["firm_instrument"]) == (24, 0)
    assert before_second["varied_due"] == NO_DELTA
    assert (before_second["active"], before_second["free"]) == (1, 0)
    assert (before_second["to_come"], before_second["free_to_come"]) == (2, 0)
    assert found["standing"][4, 0] == agenda.DUE  # exactly
    chosen = named("at_instrument", found["at_instrument"][4])
    assert (chosen["letter"], chosen["exact_pitch"]) == (NUMBERS[EXACT, 1], 62)
    assert chosen["to_come"] == 2
    first = named("at_step", found["at_step"][0])
    assert (first["firm_due"], first["free"], first["to_come"]) == (NO_DELTA, 1, 3)
    assert named("at_instrument", found["at_instrument"][0])["exact_pitch"] == NO_PITCH
    assert found["standing"][0, 0] == agenda.standing_to_come(3)
    assert found["standing"][0, 1] == agenda.ABSENT
    assert named("at_step", found["at_step"][3])["firm_due"] == 48  # to the next bar's first


def test_of_a_rhythm_as_many_notes_are_due_as_there_were():
    chord = [[0, 60], [0, 64], [48, 67]]
    table, bars = song(chord, [[0, 50], [0, 70], [48, 71]])
    rows = extend(table, SCHEME.max_delta)
    outline = likeness(table, bars).outline()
    assert outline.letters[0, 1] == NUMBERS[RHYTHM, 1]
    found = features(table, bars, outline, steps_of(rows, 0))
    firm = [named("at_step", row)["firm_due"] for row in found["at_step"][3:]]
    assert firm == [48, 0, 48]
    chosen = [named("at_instrument", row) for row in found["at_instrument"][3:]]
    assert [row["due_duration"] for row in chosen] == [3, 3, 3]
    assert {row[name] for row in chosen for name in ("exact_pitch", "varied_pitch")} == {NO_PITCH}


def test_a_varied_note_is_due_apart():
    varied = [[0, 60], [24, 62], [48, 64], [72, 65]]
    table, bars = song(TUNE, varied)
    rows = extend(table, SCHEME.max_delta)
    found = features(table, bars, likeness(table, bars).outline(), steps_of(rows, 0))
    step = named("at_step", found["at_step"][4])
    assert (step["varied_due"], step["firm_due"]) == (24, NO_DELTA)
    chosen = named("at_instrument", found["at_instrument"][4])
    assert (chosen["varied_pitch"], chosen["exact_pitch"]) == (62, NO_PITCH)
