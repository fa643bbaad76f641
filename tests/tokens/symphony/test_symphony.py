"""SymphonyNet's rows: as published, back again, and the grammar."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cantilena.errors import InputError
from cantilena.score import DRUMS, Score, Track
from cantilena.tokens.parts import read_parts
from cantilena.tokens.symphony import (
    SymphonyScheme,
    Vocabulary,
    bars_of_rows,
    pitch_sets,
    places_of,
    read_vocabulary,
    rows_of,
)
from cantilena.tokens.symphony import vocab as v
from cantilena.tokens.symphony.bars import read_bars
from cantilena.tokens.symphony.bpe import learn, merged
from cantilena.tokens.symphony.chords import chord_of
from cantilena.tokens.symphony.grammar import SymphonyGrammar, SymphonyPiece
from golden_bridges import FOLDER, PIECES, golden, parts
from makers import scores
from walks import allows, walk

EXAMPLES = 20  # of each property: random Scores are dear to draw
PLAIN = Vocabulary()
MERGES = (((60,), (64,)), ((60, 64), (67,)), ((36,), (42,)))
SCHEME = SymphonyScheme(Vocabulary(MERGES))


def words(rows: np.ndarray, vocabulary: Vocabulary) -> list[str]:
    tables = vocabulary.words()
    return [" ".join(tables[k][i] for k, i in enumerate(row)).replace("<pad>", "-") for row in rows]


def published(rows: list[str]) -> list[str]:
    return [row.replace("<pad>", "-") for row in rows]


@pytest.mark.parametrize("name", PIECES)
@pytest.mark.parametrize("mode", ["train", "prime"])
def test_rows_and_places_are_those_of_the_published_code(name: str, mode: str):
    rows = rows_of(read_bars(parts(name), training=mode == "train"), PLAIN)
    assert words(rows, PLAIN) == published(golden()[name][f"symphony_{mode}"])
    assert places_of(rows, PLAIN).tolist() == golden()[name][f"places_{mode}"]


def test_merged_rows_are_too():
    theirs = golden()["fanfare"]
    merges = tuple(tuple(map(v.word_pitches, pair)) for pair in theirs["merges"])
    vocabulary = Vocabulary(merges)  # type: ignore[arg-type]
    rows = rows_of(read_bars(parts("fanfare")), vocabulary)
    assert words(rows, vocabulary) == published(theirs["symphony_bpe"])
    plain = rows_of(read_bars(parts("fanfare")), PLAIN)
    assert bars_of_rows(rows, vocabulary) == bars_of_rows(plain, PLAIN)


def test_three_notes_are_the_rows_of_the_example():
    rows = rows_of(read_bars(parts("three")), SCHEME.vocabulary)
    assert [row.split()[0] for row in words(rows, SCHEME.vocabulary)] == [
        *("mw", "HCM", "NT", "p0", "C4E4", "NT", "pg", "C2")
    ]
    assert words(rows, SCHEME.vocabulary)[4] == "C4E4 r8 t0 x0"
    assert places_of(rows, SCHEME.vocabulary).tolist() == [
        [0, 1],
        [0, 2],
        *([place, 3] for place in (1, 2, 3, 1, 2, 3)),
    ]


def held(score: Score) -> Counter[tuple[int, ...]]:
    columns = (score.onset, score.duration, score.instrument, score.pitch)
    return Counter(zip(*(c.tolist() for c in columns), strict=True))


@settings(max_examples=EXAMPLES)
@given(scores())
def test_the_grammar_allows_what_encoding_gives(score: Score):
    assume(len(score))
    rows, _ = SCHEME.encode(score)
    assert allows(SymphonyGrammar(SCHEME.vocabulary), SymphonyPiece(SCHEME.vocabulary), rows[:300])


@settings(max_examples=EXAMPLES)
@given(scores())
def test_every_pitch_of_every_instrument_is_kept(score: Score):
    assume(len(score))
    quantised = SCHEME.quantise(score)
    pairs = [
        set(zip(s.instrument.tolist(), s.pitch.tolist(), strict=True)) for s in (score, quantised)
    ]
    assert pairs[0] == pairs[1]
    assert quantised.duration.max() <= v.LENGTHS


@settings(max_examples=EXAMPLES)
@given(st.integers(0, 2**32), st.integers(0, 200))
def test_any_walk_decodes_and_encodes_to_the_same_notes(seed: int, most: int):
    vocabulary = SCHEME.vocabulary
    piece = walk(
        SymphonyGrammar(vocabulary),
        SymphonyPiece(vocabulary),
        SCHEME.sizes,
        np.random.default_rng(seed),
        most,
    )
    score = SCHEME.decode(piece.whole())
    if not len(score):
        return
    again = SCHEME.quantise(score)
    assert held(again) == held(score) and again.end == score.end
    assert again.bar_starts.tolist() == score.bar_starts.tolist()
    drums = [track for track in score.tracks if track.instrument == DRUMS]
    assert len(drums) <= 1 and len(score.tracks) == len(piece.instruments)


def test_the_published_files_are_read_from_a_folder(tmp_path):
    vocabulary = Vocabulary(MERGES, (24, 32), tuple(range(32)))
    for field, table in enumerate(vocabulary.words()):
        data: dict[str, Any] = {str(i): word for i, word in enumerate(table)}
        (tmp_path / f"vocab_{field}.json").write_text(json.dumps(data))
    (tmp_path / "codes.txt").write_text("C4 E4 9\nC4E4 G4 5\nC2 g2 3\n")
    assert read_vocabulary(tmp_path) == vocabulary
    (tmp_path / "codes.txt").write_text("C4 E4 9\n")
    with pytest.raises(InputError, match="not SymphonyNet's"):
        read_vocabulary(tmp_path)
    with pytest.raises(InputError, match="vocab_0"):
        read_vocabulary(tmp_path / "nothing")


# ---------------------------------------------------------------------------- music BPE, chords


def test_the_most_frequent_pair_is_merged_first_and_merged_tokens_merge_on():
    triad, fifth = (60, 64, 67), (60, 67)
    assert learn([triad, triad, fifth], 2) == (((60,), (67,)), ((64,), (60, 67)))
    assert learn([triad], 1) == (((60,), (64,)),), "of equal pairs that of the smallest pitches"
    assert learn([triad, (60,)], 9) == (((60,), (64,)), ((67,), (60, 64)))
    assert learn([], 3) == ()


def test_rules_are_tried_once_in_their_order():
    assert merged((60, 64, 67, 72), MERGES) == [(72,), (60, 64, 67)]
    assert merged((67,), MERGES) == [(67,)]


def test_learning_from_a_piece_shortens_it():
    bars = read_bars(parts("fanfare"))
    vocabulary = Vocabulary(learn(pitch_sets(bars), 20))
    assert len(rows_of(bars, vocabulary)) < len(rows_of(bars, PLAIN))


@pytest.mark.parametrize(
    ("pitches", "chord"),
    [
        ((60, 64, 67), "CM"),
        ((60, 63, 67), "Cm"),
        ((60, 64, 67, 70), "CD7"),
        ((60, 64, 67, 71), "CM7"),
        ((), "NA"),
        ((110, 114, 117), "NA"),
    ],
)
def test_chords_of_a_quarter(pitches: tuple[int, ...], chord: str):
    assert chord_of([(0, 8, pitch) for pitch in pitches], 32) == chord
    assert chord_of([(8, 8, pitch) for pitch in pitches], 32) == "NA"


# ---------------------------------------------------------------------------- bad input


def score_of(tracks: int, num: int = 4, den: int = 4) -> Score:
    at = range(tracks)
    parts = [Track(f"part {i}", i) for i in at]
    same = [1] * tracks
    return Score.build(1, parts, same, same, [60 + i for i in at], same, at, metres=[(0, num, den)])


def test_more_parts_than_tracks_are_refused():
    assert len(SCHEME.quantise(score_of(40)).tracks) == 40
    with pytest.raises(InputError, match=r"41 parts; .* 40 at most"):
        SCHEME.encode(score_of(41))


def test_a_bar_that_is_too_long_is_refused():
    with pytest.raises(InputError, match="lasts 128 32nds"):
        SCHEME.encode(score_of(2, 4, 1))


def test_a_bar_without_a_word_is_refused():
    narrow = SymphonyScheme(Vocabulary((), (32,), tuple(range(32))))
    narrow.encode(score_of(2))
    with pytest.raises(InputError, match="no word for a bar of 24 32nds"):
        narrow.encode(score_of(2, 3))


def test_what_the_published_code_refuses_is_named():
    import mido

    def file(*channels: int, metre: bool = True) -> bytes:
        import io

        midi, track = mido.MidiFile(ticks_per_beat=96), mido.MidiTrack()
        if metre:
            track.append(mido.MetaMessage("time_signature", numerator=4, denominator=4))
        for channel in channels:
            track.append(mido.Message("note_on", note=60, channel=channel))
        for i, channel in enumerate(channels):
            time = 0 if i else 96
            track.append(mido.Message("note_off", note=60, channel=channel, time=time))
        midi.tracks.append(track)
        data = io.BytesIO()
        midi.save(file=data)
        return data.getvalue()

    assert len(read_bars(read_parts(file(9)))) == 1
    for data, training, message in (
        (file(0), False, "a single part"),
        (file(0, 1), True, "no part of more than five"),
        (file(0, 1, metre=False), False, "no time signature"),
        (file(), False, "no notes"),
    ):
        with pytest.raises(InputError, match=message):
            read_bars(read_parts(data), training)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"bars": [32], "positions": [0]}, "not complete"),
        ({"merges": [["C4", "C4"]], "bars": [32], "positions": [0]}, "joins"),
        ({"merges": [["C4E4", "G4"]], "bars": [32], "positions": [0]}, "joins"),
        ({"merges": [["X9", "G4"]], "bars": [32], "positions": [0]}, "no word of pitches"),
        ({"merges": [], "bars": [32, 24], "positions": [0]}, "rise"),
        ({"merges": [], "bars": [32], "positions": [1]}, "position 0"),
    ],
)
def test_a_vocabulary_that_cannot_be_is_refused(data: dict, message: str):
    with pytest.raises(InputError, match=message):
        SymphonyScheme.from_dict({"scheme": "symphony", "grid": 8, **data})


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["C4 r8 t0 x0"], "begin with a bar"),
        (["mw", "HCM", "C4 r8 t0 x0"], "before the position"),
        (["m8", "p8"], "the position 8 stands in a bar of 8"),
        (["mw", "HCM", "NT", "p0", "C4"], "no duration"),
        (["mw", "<unk>"], "event 3"),
    ],
)
def test_rows_out_of_order_are_refused(rows: list[str], message: str):
    tables = [{word: i for i, word in enumerate(table)} for table in PLAIN.words()]
    ids = [[*row.split(), *["<pad>"] * 3][:4] for row in rows]
    steps = np.array([[tables[k][word] for k, word in enumerate(row)] for row in ids])
    with pytest.raises(InputError, match=message):
        SymphonyScheme().decode(steps)


def test_golden_files_are_there():
    assert sorted(path.stem for path in FOLDER.glob("*.mid")) == sorted([*PIECES, "three"])
