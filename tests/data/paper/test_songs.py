"""Songs of the paper's data: what is valid, how it is cut, what is said of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.data.corpora.corpus import Song
from cantilena.data.corpora.midicaps import read_row
from cantilena.data.paper.songs import (
    CONTEXTS,
    SPARSE,
    Recipe,
    check_events,
    chunk_facts,
    cut,
    song_chunks,
)
from cantilena.data.prepare import Refused
from cantilena.errors import InputError
from cantilena.score.midi import write_midi
from cantilena.tokens.arrival import events_of, pad
from cantilena.tokens.arrival.vocab import AMT
from corpus_pieces import piece
from paper_pieces import row, two_halves

NAME = "0123456789abcdef0123456789abcdef"


def events(times, pitch=60, instrument=0) -> np.ndarray:
    times = np.asarray(times, dtype=np.int64)
    note = AMT.note + AMT.pitches * np.broadcast_to(instrument, times.shape) + pitch
    return np.stack([times, np.full(len(times), AMT.duration + 20), note], 1).reshape(-1)


def song(tmp_path, score, **changes) -> Song:
    path = tmp_path / f"{NAME}.mid"
    path.write_bytes(score if isinstance(score, bytes) else write_midi(score))
    return Song(**{"id": NAME, "path": path, "split": "train", "corpus": "lakh", **changes})


@pytest.mark.parametrize(
    ("times", "instrument", "reason"),
    [
        (np.arange(99) * 20, 0, "few events"),
        (np.append(np.arange(99), 999), 0, "short"),
        (np.append(np.arange(99), 360_001), 0, "long"),
        (np.arange(170) * 10, np.arange(170) // 10, "many instruments"),
        (np.append(np.arange(99), 1_000), 0, None),
        (np.append(np.arange(99), 360_000), 0, None),
        (np.arange(160) * 10, np.arange(160) // 10, None),
    ],
)
def test_validity_is_amts(times, instrument, reason):
    if reason is None:
        check_events(events(times, instrument=instrument))
        return
    with pytest.raises(Refused, match=reason):
        check_events(events(times, instrument=instrument))


@given(
    st.lists(st.sampled_from([0, 1, 3, 30, 99, 101, 900, 9_999, 25_000]), min_size=1, max_size=400),
    st.sampled_from([4, 13, 100, 1_024]),
)
def test_chunks_follow_each_other_and_fit(steps, context):
    padded = pad(events(np.cumsum(steps)))
    spans, counts = cut(padded, context)
    times = padded[0::3]
    sounding = padded[2::3] != AMT.rest
    assert spans == sorted(spans) and len(spans) >= 1
    for (start, stop), after in zip(spans, [*spans[1:], (len(times), 0)], strict=True):
        assert start < stop <= after[0]
        assert stop - start <= (context - 1) // 3
        assert times[stop - 1] - times[start] < AMT.times
    kept = np.zeros(len(times), dtype=bool)
    for start, stop in spans:
        assert len(spans) == 1 or sounding[start:stop].sum() >= SPARSE
        kept[start:stop] = True
    assert bool(kept.all()) == (counts["sparse"] == 0)
    assert sounding[kept].any()


def test_a_chunk_is_a_flag_and_triples_from_zero(tmp_path):
    score = piece(3, bars=60)
    found, counts = song_chunks(song(tmp_path, score), Recipe())
    padded = pad(events_of(write_midi(score)))
    assert [len(c.tokens) for c in found] == [1_024, 1_024, len(padded) - 2 * 1_023 + 1]
    assert [(c.number, c.of) for c in found] == [(0, 3), (1, 3), (2, 3)]
    assert counts == {"sparse": 0, "cut": 0}
    body = np.concatenate([c.tokens[1:] for c in found]).astype(np.int64)
    for column in (1, 2):
        assert np.array_equal(body[column::3], padded[column::3])
    for k, chunk in enumerate(found):
        own = padded[1_023 * k : 1_023 * (k + 1)][0::3]
        assert chunk.tokens[0] == AMT.autoregress
        assert np.array_equal(chunk.tokens[1::3], own - own[0])
    assert len({c.captions for c in found}) == 1 and found[0].source == "song"
    assert "60" in found[0].captions[0] or "2 min" in found[0].captions[0]


def test_long_contexts_end_where_the_clock_does(tmp_path):
    found, counts = song_chunks(song(tmp_path, piece(3, bars=90, bpm=60)), Recipe(16_384))
    assert len(found) == 4 and counts["cut"] == 3  # six minutes in spans of less than 100 s
    assert sum(len(c.tokens) - 1 for c in found) == 3 * 15 * 90
    assert all(c.tokens[1::3].max() < AMT.times for c in found)


def test_a_chunk_of_its_own_caption_says_what_sounds_in_it(tmp_path):
    score = two_halves()
    found, _ = song_chunks(song(tmp_path, score), Recipe(captions="crop", wordings=3))
    assert len(found) == 3 and all(c.source == "crop" for c in found)
    padded = pad(events_of(write_midi(score)))
    spans, _ = cut(padded, 1_024)
    facts = [chunk_facts(score, padded[3 * a : 3 * b], song(tmp_path, score)) for a, b in spans]
    assert [f.instruments for f in facts] == [(73,), (19, 73), (19,)]
    assert [f.bars for f in facts] == [22, 22, 6]
    assert [round(f.seconds or 0) for f in facts] == [43, 43, 11]
    for chunk, others in zip(found, (("organ",), (), ("flute",)), strict=True):
        assert len(set(chunk.captions)) == 3
        assert not any(word in said.lower() for said in chunk.captions for word in others)
    assert any("flute" in said.lower() for said in found[0].captions)
    assert any("organ" in said.lower() for said in found[2].captions)


def test_midicaps_gives_caption_and_labels(tmp_path):
    made = song(tmp_path, piece(5, bars=30))
    known = read_row(row(NAME))
    found, _ = song_chunks(made, Recipe(), known)
    assert {c.captions for c in found} == {(known.caption,)} and found[0].source == "midicaps"
    found, _ = song_chunks(made, Recipe(captions="crop", wordings=6), known)
    said = " ".join(s for c in found for s in c.captions).lower()
    assert found[0].source == "crop" and known.caption not in found[0].captions
    assert "rock" in said  # MidiCaps's genre, which nothing else here could tell


def test_the_same_song_makes_the_same_chunks(tmp_path):
    made = song(tmp_path, piece(5, bars=30))
    for recipe in (Recipe(), Recipe(captions="crop", wordings=2)):
        one, two = (song_chunks(made, recipe)[0] for _ in range(2))
        assert [dataclasses.replace(c, tokens=0) for c in one] == [
            dataclasses.replace(c, tokens=0) for c in two
        ]
        assert all(np.array_equal(a.tokens, b.tokens) for a, b in zip(one, two, strict=True))


def test_refusals_are_by_reason(tmp_path):
    with pytest.raises(Refused, match="unreadable"):
        song_chunks(song(tmp_path, b"no MIDI"), Recipe())
    with pytest.raises(Refused, match="few events"):
        song_chunks(song(tmp_path, piece(1, bars=6)), Recipe())


def test_recipes_that_make_nothing(tmp_path):
    assert all(Recipe(context).context == context for context in CONTEXTS)
    for wrong in ({"context": 1_001}, {"context": 1}, {"captions": "none"}, {"wordings": 0}):
        with pytest.raises(InputError, match=r"context|captions|wordings"):
            Recipe(**wrong)
