"""Windows of songs: what they hold, what is told of them, and how often it is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.score.harmony import transposed_chords
from cantilena.systems.note.tracker import Tracker
from cantilena.systems.note.training import ARRAYS, GUESSED, CropConfig, stack
from cantilena.tokens.note import NoteScheme, context
from cantilena.tokens.note import conditions as cond
from cantilena.tokens.note.outline import likeness
from cantilena.train.note.crops import FULL, WORDINGS, Crops, chord_symbols
from makers import repetitive_table
from songs import FakeSongs, random_songs

SCHEME = NoteScheme()
SONGS = random_songs()
WIDE = replace(FULL, length=400)
SCALARS = list(cond.SCALARS)


def crops(config: CropConfig, songs: FakeSongs = SONGS) -> Crops:
    return Crops(songs, SCHEME, config)


def rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("length", [8, 64, 400])
def test_examples_have_fixed_shapes_and_classes_in_range(length: int):
    config = CropConfig(length=length)
    sizes = {
        "state": list(context.STATE.values()),
        "fields": list(SCHEME.sizes),
        "at_onset": list(context.AT_ONSET.values()),
        "at_instrument": list(context.AT_INSTRUMENT.values()),
    }
    for seed in range(25):
        found = crops(config).draw(rng(seed))
        assert set(found) == {*ARRAYS, *GUESSED}
        for name, classes in sizes.items():
            assert found[name].shape == (length, len(classes)) and found[name].dtype == np.int64
            assert (found[name] >= 0).all() and (found[name] < classes).all(), name
        assert found["mask"].shape == (length, 5) and found["mask"].dtype == np.float32
        assert found["scalars"].shape == (len(SCALARS),)
        assert found["slots"].shape == (cond.SLOTS,) and found["words"].shape == (cond.WORDS,)


def test_the_whole_song_is_its_steps_with_end():
    found = crops(WIDE).example(0, 0, rng(0))
    steps = SCHEME.steps(SONGS.table(0))
    assert (found["fields"][: len(steps)] == steps).all()
    assert not found["fields"][len(steps) :].any() and not found["mask"][len(steps) :].any()
    assert found["mask"][: len(steps), 0].all()
    notes = steps[:, 0] < SCHEME.rest
    assert (notes & (steps[:, 0] == 0)).any() and (~notes).sum() > 1
    assert (found["mask"][: len(steps), 1:] == notes[:, None]).all()


def test_the_features_are_those_of_generation():
    found = crops(WIDE).example(1, 0, rng(0))
    table = SONGS.table(1)
    starts, chords = SONGS.chords(1)
    bars = SONGS.bars(1)
    tracker = Tracker(context.Frame(bars, starts, chords, len(bars) - 2), SCHEME.max_delta)
    for t, step in enumerate(SCHEME.steps(table, end=False).tolist()):
        assert found["state"][t].tolist() == tracker.state()
        assert found["at_onset"][t].tolist() == tracker.at_onset(step[0])
        if step[0] != SCHEME.rest:
            assert found["at_instrument"][t].tolist() == tracker.at_instrument(*step[:2])
        tracker.push(*step)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_the_features_of_the_outline_are_those_of_generation(seed: int, fresh: bool):
    """Of a window within a song, transposed, as of the whole song; of one that begins afresh, as if
    nothing were before it."""
    table, bars = repetitive_table(rng(seed))
    songs = FakeSongs([table])
    bars = songs.bars(0)
    config = replace(FULL, length=400, plan=True, transpose=True)
    start = len(table) // 2
    found = crops(config, songs).example(0, start, rng(seed), fresh)
    first_bar = 0
    shift = int((found["fields"][0, 2] - table[start, 2]) if not fresh else 0)
    if fresh:
        bar = int(np.searchsorted(bars, table[start, 0], side="right")) - 1
        first_bar = min(bar, len(bars) - 2)
        bars = bars[first_bar:]
        start = int(np.searchsorted(table[:, 0], bars[0]))
        pitched = np.flatnonzero(table[start:, 1] != 128)
        notes = found["fields"][found["mask"][:, 1] > 0]
        shift = int(notes[pitched[0], 2] - table[start + pitched[0], 2]) if len(pitched) else 0
    elif table[start, 1] == 128:
        return  # which does not tell the shift
    moved = table.copy()
    moved[:, 2] += shift * (moved[:, 1] != 128)
    whole = moved[start:] if fresh else moved
    outline = likeness(table, songs.bars(0)).outline(first_bar)
    none = np.zeros(0, dtype=int)
    frame = context.Frame(bars, none, none, len(bars) - 2)
    tracker = Tracker(frame, SCHEME.max_delta, outline)
    skipped = 0 if fresh else start
    rows = context.extend(whole, SCHEME.max_delta, int(bars[0]))
    t, notes = 0, 0
    for row in rows.tolist():
        step = [row[5], *row[1:5]]
        notes += row[1] >= 0
        if notes > skipped:
            assert found["plan_at_step"][t].tolist() == tracker.plan_at_step()
            assert found["plan_at_onset"][t].tolist() == tracker.plan_at_onset(step[0])
            assert found["plan_standing"][t].tolist() == tracker.standing(step[0]).tolist()
            if row[1] >= 0:
                own = tracker.plan_at_instrument(*step[:2])
                assert found["plan_at_instrument"][t].tolist() == own
            t += 1
        tracker.push(*step)
    assert t


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(4, 60))
def test_every_window_is_a_piece_of_the_song(seed: int, length: int):
    """Wherever a window starts, its steps are the song's, with END where the song ends."""
    draw = rng(seed)
    songs = random_songs(1, int(draw.integers(5, 60)), seed=seed)
    table = songs.table(0)
    start = int(draw.integers(0, len(table)))
    found = crops(replace(FULL, length=length), songs).example(0, start, draw)
    steps = SCHEME.steps(table)
    at = int(np.flatnonzero(steps[:, 0] < SCHEME.rest)[start]) if start else 0
    wanted = steps[at : at + length]
    assert (found["fields"][: len(wanted)] == wanted).all()
    assert not found["mask"][len(wanted) :].any()


def test_windows_can_begin_and_end_a_song():
    begin = crops(replace(FULL, length=32, start=1.0, finish=0.0)).draw(rng(0))
    assert begin["state"][0, 0] == 194  # before the first step
    gapless = FakeSongs([np.array([[6 * k, 0, 60 + k % 5, 4, 4] for k in range(90)])])
    found = crops(replace(FULL, length=32, start=0.0, finish=1.0), gapless).draw(rng(0))
    assert found["mask"][:, 0].all()
    assert np.flatnonzero(found["fields"][:, 0] == SCHEME.end).tolist() == [31]


@pytest.mark.parametrize("start", [0, 7, 60, 119])
def test_a_fresh_window_begins_at_a_bar_line_with_nothing_before(start: int):
    songs = random_songs(1, 130, seed=4)
    table, bars = songs.table(0), songs.bars(0)
    start = min(start, len(table) - 1)
    found = crops(replace(FULL, length=40), songs).example(0, start, rng(0), fresh=True)
    line = int(bars[np.searchsorted(bars, table[start, 0], side="right") - 1])
    first = int(np.searchsorted(table[:, 0], line))
    state = dict(zip(context.STATE, found["state"][0].tolist(), strict=True))
    assert (state["onset"], state["instrument"], state["phrase"]) == (194, 129, 8)
    later = table[first:].copy()
    later[:, 0] -= line
    wanted = SCHEME.steps(later)[:40]
    assert (found["fields"][: len(wanted)] == wanted).all()
    names = list(context.AT_INSTRUMENT)
    assert found["at_instrument"][0, names.index("since")] == context.SINCE - 1


def transposed(seed: int) -> tuple[dict, dict, int]:
    plain = crops(WIDE).example(0, 0, rng(seed))
    moved = crops(replace(WIDE, transpose=True)).example(0, 0, rng(seed))
    pitched = (plain["mask"][:, 1] > 0) & (plain["fields"][:, 1] != 128)
    shift = moved["fields"][pitched, 2] - plain["fields"][pitched, 2]
    assert len(set(shift.tolist())) == 1
    return plain, moved, int(shift[0])


def test_transposing_moves_pitches_chords_and_key_but_not_drums():
    shifts = set()
    for seed in range(12):
        plain, moved, shift = transposed(seed)
        shifts.add(shift)
        drums = plain["fields"][:, 1] == 128
        assert drums.any()
        for field in (0, 1, 3, 4):
            assert (moved["fields"][:, field] == plain["fields"][:, field]).all()
        assert (moved["fields"][drums, 2] == plain["fields"][drums, 2]).all()
        mask = plain["mask"][:, 0] > 0
        names = list(context.STATE)
        for name in ("chord", "next_chord"):
            c = names.index(name)
            wanted = transposed_chords(plain["state"][mask, c], shift)
            assert (moved["state"][mask, c] == wanted).all()
        key = SCALARS.index("key")
        before, after = int(plain["scalars"][key]) - 1, int(moved["scalars"][key]) - 1
        assert before >= 0 and after // 12 == before // 12
        assert (after - before) % 12 == shift % 12
    assert len(shifts) > 4 and shifts <= set(range(-6, 6))


def test_a_song_that_would_leave_the_keyboard_is_not_moved():
    table = np.array([[0, 0, 0, 3, 3], [12, 0, 64, 3, 3], [24, 0, 127, 3, 3]])
    config = replace(FULL, length=8, transpose=True)
    for seed in range(8):
        found = crops(config, FakeSongs([table])).example(0, 0, rng(seed))
        assert found["fields"][:3, 2].tolist() == [0, 64, 127]


def test_chords_move_by_semitones_and_no_chord_stays():
    numbers = np.array([0, 1, 10, 108])
    assert transposed_chords(numbers, 1).tolist() == [0, 10, 19, 9]
    assert transposed_chords(transposed_chords(numbers, 5), -5).tolist() == numbers.tolist()
    assert chord_symbols(np.array([1, 1, 0, 65, 1]), None) == ("C", "Gm", "C")


def given_share(config: CropConfig, n: int = 160) -> dict[str, float]:
    """How often each condition is given."""
    draw = crops(config)
    found = [draw.example(0, 0, rng(1, k)) for k in range(n)]
    scalars = np.stack([f["scalars"] for f in found]) > 0
    out = dict(zip(SCALARS, scalars.mean(0).tolist(), strict=True))
    out["text"] = float(np.mean([f["words"].any() for f in found]))
    out["complete"] = float(np.mean([f["scalars"][SCALARS.index("listing")] == 2 for f in found]))
    chord = list(context.STATE).index("chord")
    left = list(context.STATE).index("left")
    out["chords"] = float(np.mean([f["state"][0, chord] != 109 for f in found]))
    out["left"] = float(np.mean([f["state"][0, left] != context.UNKNOWN_LEFT for f in found]))
    return out


def test_everything_is_given_where_nothing_is_left_out():
    share = given_share(replace(FULL, length=64), 20)
    optional = {"genre2", "mood2"}  # the songs have one of each
    assert all(value == 1.0 for name, value in share.items() if name not in optional)


def test_nothing_is_given_where_all_is_left_out():
    share = given_share(replace(FULL, length=64, nothing=1.0), 10)
    assert all(value == 0.0 for value in share.values())


def test_conditions_are_left_out_as_often_as_configured():
    config = replace(
        FULL,
        length=16,
        nothing=0.1,
        attribute=0.4,
        chords=0.25,
        left=0.3,
        text=0.5,
        instruments=0.2,
        partial=0.3,
    )
    share = given_share(config)
    conditioned = 0.9  # of the examples have any condition
    for name in ("genre1", "mood1", "tempo", "metre", "density", "swing", "length", "drums"):
        assert share[name] == pytest.approx(conditioned * 0.6, abs=0.12), name
    assert share["text"] == pytest.approx(conditioned * 0.5, abs=0.12)
    assert share["listing"] == pytest.approx(conditioned * 0.8, abs=0.12)
    assert share["complete"] == pytest.approx(conditioned * 0.5, abs=0.12)
    assert share["chords"] == pytest.approx(conditioned * 0.75, abs=0.12)
    assert share["left"] == pytest.approx(conditioned * 0.7, abs=0.12)


def test_the_instruments_are_those_of_the_window():
    found = crops(replace(FULL, length=64)).example(0, 0, rng(3))
    heard = set(found["fields"][found["mask"][:, 1] > 0, 1].tolist())
    slots = found["slots"][found["slots"] != cond.NO_INSTRUMENT]
    assert set(slots.tolist()) == heard


def test_the_same_stream_gives_the_same_example():
    config = CropConfig(length=50)
    one, two = (crops(config).draw(rng(9)) for _ in range(2))
    assert all((one[name] == two[name]).all() for name in ARRAYS)


def test_songs_are_drawn_by_length_and_corpus_weight():
    tables = [random_songs(1, n, seed=n).table(0) for n in (64, 400)]
    found = Crops(FakeSongs(tables), SCHEME, FULL)
    sizes = np.maximum([len(t) for t in tables], 64)
    assert found.cumulative == pytest.approx(np.cumsum(sizes / sizes.sum()))
    same = Crops(FakeSongs(tables), SCHEME, FULL, {"made up": 3.0})
    assert same.cumulative == pytest.approx(found.cumulative)


def test_batches_stack_examples():
    batch = stack([crops(CropConfig(length=16)).draw(rng(i)) for i in range(3)])
    assert set(batch) == {*ARRAYS, *GUESSED}
    assert all(array.shape[0] == 3 for array in batch.values())


def test_texts_and_what_they_are_on_stand_beside_an_example():
    found = crops(FULL).draw(rng(3))
    assert (found["all_scalars"] == found["scalars"]).all()  # of which nothing was left out
    assert set(found["all_slots"].tolist()) == set(found["slots"].tolist())
    assert found["captions"].shape == (WORDINGS, cond.WORDS) and found["captions"].any(axis=1).all()
    bare = crops(replace(FULL, nothing=1.0)).draw(rng(3))
    assert not bare["scalars"].any() and (bare["all_scalars"] == found["all_scalars"]).all()
