"""Features hear the music and not the file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.analysis.features import FEATURES, GROUPS, NAMES, feature_table, features
from cantilena.analysis.features.notes import written
from cantilena.analysis.features.roles import roles
from cantilena.errors import InputError
from cantilena.score.midi import read_midi, write_midi
from cantilena.score.score import Score, Track
from grooves import BAR, TPQ, band, finer, rebuilt
from makers import scores
from pieces import EMPTY, accompaniment, line


def value(score: Score, name: str) -> float:
    return float(features(score)[NAMES.index(name)])


def same(one: Score, other: Score) -> None:
    a, b = features(one), features(other)
    alike = np.isclose(a, b, equal_nan=True)
    assert [name for name, ok in zip(NAMES, alike, strict=True) if not ok] == []


def test_names_are_unique_and_each_is_explained():
    assert len(set(NAMES)) == len(NAMES) >= 80
    for feature in FEATURES:
        assert feature.unit and len(feature.what) > 5, feature.name
    assert {feature.group for feature in FEATURES} == set(GROUPS)


LENGTHS, LOOPS = st.sampled_from([9, 16, 32]), st.sampled_from([0, 2, 4])
SONGS = st.builds(band, st.integers(0, 50), LENGTHS, LOOPS)
COLUMNS = ("onset", "duration", "pitch", "velocity", "track")


# ------------------------------------------------------- what a file may have otherwise


@settings(max_examples=10, deadline=None)
@given(SONGS, st.permutations(range(4)), st.lists(st.text(max_size=5), min_size=4, max_size=4))
def test_the_order_and_the_names_of_tracks_are_not_heard(score, order, names):
    tracks = [replace(score.tracks[i], name=names[i]) for i in order]
    where = np.argsort(np.array(order))
    same(score, rebuilt(score, tracks=tracks, track=where[score.track]))


@settings(max_examples=10, deadline=None)
@given(SONGS, st.integers(0, 2**32 - 1))
def test_tracks_of_one_instrument_are_one_part(score, seed):
    """As where a file has the hands of a piano, or each drum, on a track of its own."""
    track = score.track + 4 * np.random.default_rng(seed).integers(0, 2, len(score))
    same(score, rebuilt(score, tracks=[*score.tracks, *score.tracks], track=track))


@settings(max_examples=10, deadline=None)
@given(SONGS, st.integers(0, 2**32 - 1))
def test_velocities_are_not_heard(score, seed):
    same(score, rebuilt(score, velocity=np.random.default_rng(seed).integers(1, 128, len(score))))


@settings(max_examples=10, deadline=None)
@given(SONGS, st.sampled_from([2, 4, 5, 20, 40]))
def test_the_resolution_is_not_heard(score, by):
    same(score, finer(score, by))


@settings(max_examples=10, deadline=None)
@given(SONGS, st.integers(0, 2**32 - 1))
def test_where_within_a_grid_step_keys_are_let_go_of_is_not_heard(score, seed):
    """Notes that end a little early or late, over the next of the same pitch too."""
    fine = finer(score, 20)
    shift = np.random.default_rng(seed).integers(-19, 20, len(fine))
    same(score, rebuilt(fine, duration=np.maximum(fine.duration + shift, 1)))


@settings(max_examples=10, deadline=None)
@given(SONGS, st.integers(0, 2**32 - 1))
def test_timing_within_a_grid_step_is_not_heard(score, seed):
    fine = finer(score, 20)
    shift = np.random.default_rng(seed).integers(-19, 20, len(fine))
    onset = np.maximum(fine.onset + shift, 0)
    end = fine.onset + fine.duration
    moved = rebuilt(fine, onset=onset, duration=np.maximum(end - onset, 1))
    same(score, moved)


@settings(max_examples=10, deadline=None)
@given(SONGS)
def test_a_note_that_overlaps_the_next_of_its_pitch_is_cut(score):
    held = np.where(score.track == 1, 10 * score.duration, score.duration)
    long = rebuilt(score, duration=np.minimum(held, score.end - score.onset))
    notes = written(long)
    key = notes.part * 128 + notes.pitch
    for k in np.unique(key):
        mine = notes.select(key == k)
        assert (mine.time[1:] >= (mine.time + mine.length)[:-1]).all()


@settings(max_examples=10, deadline=None)
@given(SONGS, st.integers(0, 2**32 - 1))
def test_notes_that_stand_twice_count_once(score, seed):
    again = np.flatnonzero(np.random.default_rng(seed).random(len(score)) < 0.2)
    index = np.append(np.arange(len(score)), again)
    same(score, rebuilt(score, **{name: getattr(score, name)[index] for name in COLUMNS}))


@settings(max_examples=10, deadline=None)
@given(SONGS)
def test_a_file_written_and_read_has_the_same_features(score):
    same(score, read_midi(write_midi(score)))


@settings(max_examples=60, deadline=None)
@given(scores())
def test_any_music_has_features_and_no_infinite_ones(score):
    if not len(score):
        return
    with np.errstate(all="raise"):
        values = features(score)
    assert values.shape == (len(FEATURES),) and not np.isinf(values).any()
    shares = np.array([f.unit == "share" for f in FEATURES])
    signed = np.array([f.name == "drums_fills" for f in FEATURES])
    inside = values[shares & ~signed & ~np.isnan(values)]
    assert ((inside >= 0) & (inside <= 1 + 1e-9)).all()


def test_a_piece_without_notes_is_refused():
    with pytest.raises(InputError, match="without notes"):
        features(EMPTY)
    assert feature_table([]).shape == (0, len(FEATURES))


# ------------------------------------------------------- what they hear


def test_what_comes_back_is_heard_at_its_lag():
    looped, fresh = band(loop=4), band(loop=0)
    for name in ("lead_again_4", "bass_again_4", "all_again_4", "harmony_again_4", "drums_again_4"):
        assert value(looped, name) == 1, name
        assert value(fresh, name) < 0.9, name
    assert value(looped, "lead_again_16") == 1 and value(looped, "lead_again_1") < 0.5
    assert value(looped, "lead_new_triples") < 0.3 < 0.9 < value(fresh, "lead_new_triples")


def test_a_motif_in_another_place_keeps_its_rhythm_and_contour():
    """One bar, two semitones higher each time."""
    pitch = [60 + 2 * bar + step for bar in range(12) for step in (0, 4, 2, 5)]
    score = line(pitch)
    assert value(score, "lead_rhythm_1") == value(score, "lead_contour_1") == 1
    assert value(score, "lead_again_1") == 0
    assert value(score, "lead_rest_bars") == 0


def test_intervals_of_a_scale_are_steps():
    score = line([60, 62, 64, 65, 67, 65, 64, 62] * 4)
    assert value(score, "lead_steps") == 1 and value(score, "lead_leaps") == 0
    octaves = line([60, 72] * 16)
    assert value(octaves, "lead_leaps") == value(octaves, "lead_leaps_recovered") == 1
    assert value(octaves, "lead_interval_entropy") == pytest.approx(1, abs=0.01)


def test_rests_end_phrases():
    """Two bars of quarters, two bars of rest, four times, over a drum in each bar."""
    tune = [(BAR * 4 * k + TPQ * i, 72, 0) for k in range(4) for i in range(8)]
    onset, pitch, track = zip(*tune, *((BAR * k, 36, 1) for k in range(16)), strict=True)
    n = len(onset)
    tracks = [Track("", 73), Track("", 0, True)]
    score = Score.build(TPQ, tracks, onset, [TPQ] * n, pitch, [80] * n, track)
    assert value(score, "lead_rest_bars") == 0.5
    assert value(score, "lead_longest_rest") == 2
    assert value(score, "lead_phrase_length") == 7 and value(score, "lead_phrase_spread") == 0


def test_chords_are_heard_with_their_roots():
    score = accompaniment(["C", "F", "G", "C"] * 4)
    assert value(score, "chord_changes") == pytest.approx(11 / 16, abs=0.1)
    assert value(score, "chord_changes_on_bar") == 1
    assert value(score, "chord_again_4") == value(score, "bass_roots_bar") == 1
    assert value(score, "harmony_chord_tones") == value(score, "chord_in_key") == 1


def test_parts_that_enter_late_and_leave_are_counted():
    score = band()
    bar = score.onset // BAR
    late = score.select((score.track != 0) | ((bar >= 8) & (bar < 16)) | (bar >= 24))
    assert value(score, "parts_in_by_2") == 1 and value(late, "parts_in_by_2") == 0.75
    assert value(score, "exits") == 0 and value(late, "exits") == 0.25
    assert value(late, "entry_mean") == pytest.approx(0.25 / 4)
    assert value(late, "tutti") == 0.5 and value(score, "tutti") == 1
    assert value(late, "active_changes_section") == 1


def test_fills_and_crashes_stand_at_sections():
    beats = [(bar, beat) for bar in range(32) for beat in range(4)]
    rows = [(bar * BAR + beat * TPQ, 36 if beat % 2 == 0 else 38) for bar, beat in beats]
    rows += [(bar * BAR + 3 * TPQ + 6 * k, 45) for bar in range(3, 32, 4) for k in range(4)]
    rows += [(bar * BAR, 49) for bar in range(0, 32, 4)]
    onset, pitch = zip(*rows, strict=True)
    n = len(rows)
    kit = [Track("", 0, True)]
    score = Score.build(TPQ, kit, onset, [6] * n, pitch, [80] * n, [0] * n, end=32 * BAR)
    assert value(score, "drums_crashes") == 1 and value(score, "drums_fills") > 0.1
    assert value(score, "drums_backbeat") == 1 and value(score, "drums_kit") == 4


# ------------------------------------------------------- roles


def test_each_part_of_a_band_has_its_role():
    by_role = roles(written(band()))
    assert set(by_role.lead.part) == {73} and set(by_role.bass.part) == {33}
    assert set(by_role.harmony.part) == {4} and set(by_role.drums.part) == {128}


def test_a_pianos_hands_are_lead_and_bass():
    left = [(at * TPQ, TPQ, 36 + at % 4) for at in range(32)]
    right = [(at * TPQ, TPQ, 72 + at % 5) for at in range(32)]
    middle = [(at * TPQ, TPQ, 64) for at in range(0, 32, 2)]
    onset, length, pitch = zip(*left, *right, *middle, strict=True)
    n = len(onset)
    score = Score.build(TPQ, [Track("", 0)], onset, length, pitch, [80] * n, [0] * n)
    by_role = roles(written(score))
    assert by_role.lead.pitch.min() >= 72 and len(by_role.lead) == 32
    assert by_role.bass.pitch.max() <= 39 and len(by_role.bass) == 32
    assert set(by_role.harmony.pitch) == {64}


def test_a_lone_line_is_all_lead():
    by_role = roles(written(line([40, 70, 52, 61] * 4)))
    assert len(by_role.lead) == 16 and not len(by_role.bass) and not len(by_role.harmony)
