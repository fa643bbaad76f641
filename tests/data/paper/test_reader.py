"""Reading the paper's data: rotation, order, parts, damage."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paper_pieces import paper_lakh

pytest.importorskip("pyarrow")

from cantilena.data.paper import build as paper_build
from cantilena.data.paper import build_paper
from cantilena.data.paper import reader as paper_reader
from cantilena.data.paper.reader import PaperData
from cantilena.data.paper.songs import Recipe
from cantilena.errors import InputError, UnknownNameError

CHUNKS = 1 + 3 + 2 + 1 + 2 + 4 + 1  # of the seven training songs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Data of a small Lakh in shards of two songs, two wordings of each caption."""
    root = tmp_path_factory.mktemp("paper")
    paper_lakh(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper_build, "SONGS_PER_SHARD", 2)
        build_paper(root / "lakh", root / "out", recipe=Recipe(captions="crop", wordings=2))
    return root / "out"


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(paper_reader, "BLOCK", 2)


def ids(examples) -> list[tuple[str, int]]:
    return [(e["id"], e["chunk"]) for e in examples]


def test_a_song_has_one_chunk_an_epoch_in_turn(folder):
    data = PaperData(folder)
    assert len(data) == data.songs == 7 and data.chunks == CHUNKS
    turns: dict[str, list[int]] = {}
    sizes: dict[str, int] = {}
    for epoch in range(6):
        found = list(data.stream(epoch))
        assert len({e["id"] for e in found}) == 7 == len(found)
        for example in found:
            turns.setdefault(example["id"], []).append(example["chunk"])
            sizes[example["id"]] = example["n_chunks"]
    for name, turn in turns.items():
        assert turn == [k % sizes[name] for k in range(6)]
    assert max(sizes.values()) == 4  # 1st, 2nd, 3rd, 4th, 1st, 2nd


def test_wordings_take_turns_too(folder):
    data = PaperData(folder)
    said: dict[tuple[str, int], list[str]] = {}
    for epoch in range(8):
        for example in data.stream(epoch):
            said.setdefault((example["id"], example["chunk"]), []).append(example["caption"])
    for turn in said.values():
        assert len(set(turn)) == 2
        assert all(a != b for a, b in itertools.pairwise(turn))


def test_the_order_is_the_seeds_and_the_epochs(folder, small_blocks):
    data = PaperData(folder)
    on_disk = [e["id"] for e in data.stream(seed=None)]
    assert on_disk == sorted(on_disk)
    orders = {tuple(e["id"] for e in data.stream(e, s)) for e in range(3) for s in range(3)}
    assert len(orders) > 5 and all(sorted(order) == on_disk for order in orders)
    assert ids(data.stream(2, 5)) == ids(PaperData(folder).stream(2, 5))


@given(
    parts=st.integers(1, 9),
    start=st.integers(0, 5),
    rotate=st.booleans(),
    even=st.booleans(),
    seed=st.none() | st.integers(0, 9),
    epoch=st.integers(0, 5),
)
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_parts_share_an_epoch_and_start_anywhere(
    folder, small_blocks, parts, start, rotate, even, seed, epoch
):
    data = PaperData(folder, rotate=rotate, verify=False)
    whole = ids(data.stream(epoch, seed))
    assert len(whole) == len(data) == (7 if rotate else CHUNKS)
    used = whole[: len(whole) - len(whole) % parts] if even else whole
    for part in range(parts):
        found = ids(data.stream(epoch, seed, part, parts, start, even))
        assert found == used[part::parts][start:]


def test_without_rotation_every_chunk_is_there(folder):
    data = PaperData(folder, rotate=False)
    whole = ids(data.stream(3, 1))
    assert len(set(whole)) == len(whole) == CHUNKS
    inside = data.load()
    assert sorted(ids(inside.example(i) for i in range(len(inside)))) == sorted(whole)


def test_memory_and_stream_give_the_same(folder):
    data = PaperData(folder)
    inside = data.load()
    for epoch in (0, 3):
        streamed = list(data.stream(epoch, seed=None))
        for i, example in enumerate(streamed):
            other = inside.example(i, epoch)
            assert np.array_equal(example.pop("tokens"), other.pop("tokens"))
            assert example == other
    with pytest.raises(IndexError):
        inside.example(7)


def test_the_first_songs_of_held_out_splits_are_used(folder, monkeypatch):
    monkeypatch.setattr(paper_reader, "USED", {"valid": 2, "test": 1})
    whole = [e["id"] for e in PaperData(folder, "valid", first=None).stream(seed=None)]
    assert [e["id"] for e in PaperData(folder, "valid").stream(seed=None)] == whole[:2]
    assert len(PaperData(folder, "test")) == 1 and len(PaperData(folder, "valid", first=1)) == 1
    assert len(PaperData(folder, "train")) == 7 and len(PaperData(folder, first=3).load()) == 3
    for wrong in (0, "some", -1):
        with pytest.raises(InputError, match="number of songs"):
            PaperData(folder, first=wrong)
    with pytest.raises(UnknownNameError, match="valid"):
        PaperData(folder, "dev")


def broken_copy(folder, tmp_path, at=0.4):
    out = tmp_path / "broken"
    out.mkdir()
    for path in folder.iterdir():
        (out / path.name).write_bytes(path.read_bytes())
    data = bytearray((out / "train-0001.parquet").read_bytes())
    for i in range(int(at * len(data)), int(at * len(data)) + 40):
        data[i] ^= 0x5A
    (out / "train-0001.parquet").write_bytes(data)
    (out / "train-0003.parquet").unlink()
    return out


def test_corrupt_shards_are_skipped_counted_and_listed(folder, tmp_path):
    out, told = broken_copy(folder, tmp_path), []
    data = PaperData(out, warn=told.append)
    assert data.damaged == ("train-0001.parquet", "train-0003.parquet")
    assert data.lost == 3 and len(data) == 4 and len(told) == 2
    assert "train-0001.parquet is damaged" in told[0] and "missing" in told[1]
    every = [e["id"] for e in PaperData(folder).stream(seed=None)]
    assert [e["id"] for e in data.stream(seed=None)] == every[:2] + every[4:6]
    for path in out.glob("valid-*"):
        path.unlink()
    with pytest.raises(InputError, match=r"no songs of 'valid'; damaged: valid-0000\.parquet, "):
        PaperData(out, "valid")


@pytest.mark.parametrize("at", [0.4, 0.98])  # among the tokens, in the footer
def test_damage_that_no_hash_was_asked_of_is_found_in_reading(folder, tmp_path, at):
    out, told = broken_copy(folder, tmp_path, at), []
    data = PaperData(out, verify=False, warn=told.append)
    assert data.damaged == ("train-0003.parquet",) and len(data) == 6
    assert len(list(data.stream(0))) == 4
    assert data.damaged == ("train-0003.parquet", "train-0001.parquet") and data.lost == 3
    assert len(list(data.stream(1))) == 4 and len(told) == 2  # told once
    assert len(data.load()) == 4


def test_a_part_that_is_not_there(folder):
    data = PaperData(folder)
    for wrong in ({"part": 2, "parts": 2}, {"part": -1}, {"epoch": -1}, {"start": -1}):
        with pytest.raises(InputError, match="there is no part"):
            next(data.stream(**wrong))
