"""Patterns hear the music and not the file, and what is wrong with music."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cantilena.analysis.excerpt import first_bars
from cantilena.analysis.features.notes import written
from cantilena.errors import InputError
from cantilena.evaluate import kernel
from cantilena.evaluate.patterns import PATTERNS, Bag, likeness, patterns
from cantilena.score.midi import read_midi, write_midi
from cantilena.score.score import Score
from grooves import BAR, TPQ, TRACKS, band, finer, rebuilt
from pieces import EMPTY

KINDS = [kind for kinds in PATTERNS.values() for kind in kinds]
SCALE = (0, 2, 4, 5, 7, 9, 11)
RHYTHMS = ((0, 24, 48, 72), (0, 36, 42, 48), (0, 12, 24, 48, 60), (24, 48, 54, 72, 84))


def song(seed: int) -> Score:
    """32 bars whose chords move I-V-vi-IV and its kin and whose tune walks the scale."""
    rng = np.random.default_rng(seed)
    tonic, degree, rows = int(rng.integers(12)), 7, []
    chords = [(0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 4)][seed % 3]
    for bar in range(32):
        root = chords[bar % 4]
        at = bar * BAR
        for place in RHYTHMS[rng.integers(len(RHYTHMS))]:
            degree = int(np.clip(degree + rng.integers(-2, 3), 3, 12))
            rows.append((at + place, 12, 60 + tonic + SCALE[degree % 7] + degree // 7 * 12, 0))
        triad = [48 + tonic + SCALE[(root + k) % 7] for k in (0, 2, 4)]
        rows += [(at + half, 48, pitch, 1) for half in (0, 48) for pitch in triad]
        rows += [(at + beat * TPQ, 12, 36 + tonic + SCALE[root], 2) for beat in range(4)]
        rows += [(at + beat * TPQ, 6, 38 if beat % 2 else 36, 3) for beat in range(4)]
    onset, length, pitch, track = zip(*rows, strict=True)
    velocity = np.full(len(rows), 80)
    return Score.build(TPQ, TRACKS, onset, length, pitch, velocity, track, end=32 * BAR)


def shuffled_bars(score: Score, seed: int) -> Score:
    order = np.random.default_rng(seed).permutation(32)
    bar, place = np.divmod(score.onset, BAR)
    return rebuilt(score, onset=order[bar] * BAR + place)


def tune_moved(score: Score, by: int) -> Score:
    return rebuilt(score, pitch=score.pitch + by * (score.track == 0))


def drums_late(score: Score) -> Score:
    return rebuilt(score, onset=score.onset + 6 * (score.track == 3))


def told_apart(first: list[Score], second: list[Score], kinds: list[str] = KINDS) -> float:
    bags = [patterns(score) for score in (*first, *second)]
    like = np.mean([likeness(bags, kind) for kind in kinds], axis=0)
    return kernel.two_sample(like)[0].auc


# ------------------------------------------------------- what a file may have otherwise


def rewritten(score: Score) -> dict[str, Score]:
    rng = np.random.default_rng(1)
    order = np.array([2, 0, 3, 1])
    fine = finer(score, 20)
    twice = np.append(np.arange(len(score)), rng.integers(0, len(score), 30))
    columns = ("onset", "duration", "pitch", "velocity", "track")
    return {
        "tracks in another order": rebuilt(
            score,
            tracks=[replace(score.tracks[i], name=f"{i}") for i in order],
            track=np.argsort(order)[score.track],
        ),
        "velocities": rebuilt(score, velocity=rng.integers(1, 128, len(score))),
        "resolution": fine,
        # by less than half a sixteenth, which is 120 ticks here
        "timing": rebuilt(fine, onset=np.maximum(fine.onset + rng.integers(-59, 60, len(fine)), 0)),
        "notes twice": rebuilt(score, **{name: getattr(score, name)[twice] for name in columns}),
        "tracks of one instrument": rebuilt(
            score,
            tracks=[*score.tracks, *score.tracks],
            track=score.track + 4 * rng.integers(0, 2, len(score)),
        ),
        "a file": read_midi(write_midi(score)),
        "another key": rebuilt(score, pitch=score.pitch + 3 * (score.track != 3)),
    }


@pytest.mark.parametrize("score", [band(3), song(3)], ids=["band", "song"])
def test_what_is_of_the_file_or_of_the_key_is_not_heard(score):
    expected = patterns(score)
    assert all(expected[kind] for kind in KINDS)
    for name, other in rewritten(score).items():
        bag = patterns(other)
        assert [kind for kind in KINDS if bag[kind] != expected[kind]] == [], name


def test_a_triplet_is_the_sixteenth_beside_it():
    fine = finer(song(4), 4)
    inside = fine.onset % fine.tpq
    swung = rebuilt(fine, onset=fine.onset + 8 * (inside == 24) - 8 * (inside == 72))
    assert (swung.onset != fine.onset).any()
    assert patterns(swung) == patterns(fine)


def test_a_note_that_is_early_for_the_bar_behind_the_last_does_not_count():
    early = rebuilt(
        song(5), onset=np.where(np.arange(len(song(5))) == 40, 8 * BAR - 1, song(5).onset)
    )
    without = song(5).select(np.arange(len(song(5))) != 40)
    assert (written(first_bars(early, 8)).time == 8 * 48 - 1).any()
    assert patterns(early, 8) == patterns(without, 8)


def test_only_the_bars_that_are_asked_for_count():
    assert patterns(song(0), 8) == patterns(song(0).select(song(0).onset < 8 * BAR), 8)
    assert patterns(song(0), 8) != patterns(song(0), 9)


def test_a_piece_without_notes_is_refused():
    with pytest.raises(InputError, match="without notes"):
        patterns(EMPTY)


# ------------------------------------------------------- what stands in a piece


def test_a_tune_of_three_notes_is_written_out():
    rows = [(0, 24, 60, 0), (24, 24, 64, 0), (72, 24, 62, 0)]
    onset, length, pitch, track = zip(*rows, strict=True)
    bag = patterns(Score.build(TPQ, TRACKS[:1], onset, length, pitch, [80] * 3, track, end=BAR))
    assert bag["lead intervals"] == {(4,), (-2,), (4, -2)}
    assert bag["lead gaps"] == {(12,), (24,), (12, 24)}
    assert bag["lead turns"] == {(4, 0, 12), (-2, 12, 36), (4, -2, 0, 12, 36)}
    assert bag["lead motifs"] == {(4, 12), (-2, 24), (4, -2, 12, 24)}
    assert bag["lead bars"] == {((0, 12, 36),)}
    # C and E, then D alone, each counted from the lowest, as there is no bass
    assert bag["chords"] == {((0, 4),), ((0,),), ((0, 4), (0,), 2)}
    assert bag["bass moves"] == {(2,)} and not bag["drum bars"] and not bag["harmony bars"]


def test_likeness_is_the_share_of_common_patterns():
    bags: list[Bag] = [{"one": frozenset(letters)} for letters in ("abcd", "abe", "cd", "e", "")]
    like = likeness(bags, "one")
    assert np.diag(like) == pytest.approx([1, 1, 1, 1, 0]) and (like == like.T).all()
    assert like[0, 1] == pytest.approx(2 / np.sqrt(4 * 3)) and like[1, 2] == 0
    # what no other piece has likens a piece to nothing and takes nothing from it
    alone: list[Bag] = [{"one": frozenset("abz")}, {"one": frozenset("ab")}]
    assert likeness(alone, "one")[0, 1] == pytest.approx(1)
    assert (likeness([{"one": frozenset()}] * 2, "one") == 0).all()


# ------------------------------------------------------- what is wrong with music


FAULTS = {
    "tune a semitone up": (lambda score, seed: tune_moved(score, 1), "voices"),
    "tune a tritone up": (lambda score, seed: tune_moved(score, 6), "chords"),
    "bars in another order": (shuffled_bars, "chords"),
    "drums a sixteenth late": (lambda score, seed: drums_late(score), "drums"),
}


@pytest.mark.parametrize(("fault", "group"), FAULTS.values(), ids=FAULTS)
def test_an_obvious_fault_is_heard(fault, group):
    real = [song(seed) for seed in range(12)]
    wrong = [fault(song(100 + seed), seed) for seed in range(12)]
    assert told_apart(real, wrong) > 0.9
    assert told_apart(real, wrong, list(PATTERNS[group])) > 0.9


def test_songs_of_the_same_making_are_not_told_apart():
    """Both of a pair have the same chords, as pieces are matched to songs. (Else each fold lacks
    the songs of those chords of the one set that it holds, and the area is below a half.)"""
    firsts = (range(100 * k, 100 * k + 10) for k in range(4))
    areas = [told_apart([*map(song, some)], [song(i + 60) for i in some]) for some in firsts]
    assert 0.3 < np.mean(areas) < 0.7
