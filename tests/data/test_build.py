"""The data set: what is refused, what a shard holds, resuming, copies, damage."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.data import build as building
from cantilena.data import workers as spreading
from cantilena.data.build import build
from cantilena.data.corpora import CORPORA
from cantilena.data.corpora.corpus import Rules, Song
from cantilena.data.dataset import load_split, read_manifest
from cantilena.data.duplicates import copies, sketch
from cantilena.data.prepare import REASONS, Refused, prepare, pulse, trimmed
from cantilena.data.shards import ARRAYS, Piece, pack, read_shard
from cantilena.errors import CantilenaError, InputError, UnknownNameError
from cantilena.score.midi import write_midi
from cantilena.score.score import Score, Track
from cantilena.tokens.note import Header, NoteScheme
from corpus_pieces import TRACKS, add_lakh, piece, small_lakh

SCHEME = NoteScheme()


def digests(folder) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


@pytest.fixture
def corpora(tmp_path):
    root = tmp_path / "corpora"
    small_lakh(root)
    return root


def test_end_to_end_the_same_with_any_number_of_workers(corpora, tmp_path, monkeypatch):
    told = []
    found = build(
        corpora, tmp_path / "two", ("lakh",), workers=2, progress=lambda *a: told.append(a)
    )
    build(corpora, tmp_path / "one", ("lakh",), workers=1)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert told[-1][:2] == (9, 9) and len(told) == 3
    counts = found["counts"]["lakh"]
    assert [counts[s]["songs"] for s in ("train", "valid", "test")] == [6, 2, 1]
    assert found == read_manifest(tmp_path / "two") == json.loads(json.dumps(found))
    hashes = digests(tmp_path / "two")
    assert {r["file"]: r["sha256"] for r in found["shards"]} == {
        name: digest for name, digest in hashes.items() if name.endswith(".npz")
    }
    songs = load_split(tmp_path / "two", "train")
    assert len(songs) == 6 and songs.n_notes == counts["train"]["notes"] == 6 * 12 * 15
    assert songs.corpus(0) == "lakh" and songs.damaged == ()


def test_a_song_is_stored_as_the_scheme_says_it(corpora, tmp_path):
    build(corpora, tmp_path / "out", ("lakh",))
    songs = load_split(tmp_path / "out", "test")
    score = piece(30)
    assert np.array_equal(songs.table(0), SCHEME.table(score))
    assert songs.length(0) == len(score)
    assert np.array_equal(songs.bars(0), np.arange(13) * 96)
    num, den = songs.metres(0)
    assert num.tolist() == den.tolist() == [4] * 12
    starts, chords = songs.chords(0)
    assert np.array_equal(starts, np.arange(24) * 48) and chords.max() <= 108
    meta = songs.meta(0)
    assert meta["bpm"] == 120 and meta["metre"] == [4, 4] and meta["bars"] == 12
    assert meta["seconds"] == 24 and meta["notes"] == len(score) and meta["pulse"] == 1
    assert songs.scheme == SCHEME


def test_resumes_what_is_missing_or_damaged_only(corpora, tmp_path, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setattr(building, "SONGS_PER_SHARD", 2)
    first = build(corpora, out, ("lakh",))
    assert len(first["shards"]) == 5
    before = digests(out)
    (out / "lakh-train-0001.npz").unlink()
    broken = out / "lakh-valid-0000.npz"
    broken.write_bytes(broken.read_bytes()[:-700])
    (out / ".lakh-train-0001.npz.123.part").write_bytes(b"left by a killed build")
    told = []
    assert build(corpora, out, ("lakh",), progress=lambda *a: told.append(a[2])) == first
    made = sorted(line.split()[1] for line in told if line.startswith("made"))
    assert made == ["lakh-train-0001.npz:", "lakh-valid-0000.npz:"]
    assert digests(out) == before


def test_a_build_that_is_killed_keeps_its_units(corpora, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "SONGS_PER_SHARD", 1)

    def stop(done, total, line):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(corpora, tmp_path / "out", ("lakh",), progress=stop)
    assert not (tmp_path / "out" / "manifest.json").exists()
    told = []
    build(corpora, tmp_path / "out", ("lakh",), progress=lambda *a: told.append(a[2]))
    assert [line.split()[0] for line in told].count("kept") == 4


def test_other_songs_or_labels_make_a_shard_anew(corpora, tmp_path):
    build(corpora, tmp_path / "out", ("lakh",))
    name = add_lakh(corpora, "f", piece(31))
    (corpora / "lakh" / "index.tsv").write_text(
        f"md5\tartist\ttitle\tgenre\ttags\n{name}\tNobody\tNothing\tJazz\tsad\n"
    )
    told = []
    build(corpora, tmp_path / "out", ("lakh",), progress=lambda *a: told.append(a[2]))
    assert [line.split()[0] for line in told] == ["kept", "kept", "made"]
    metas = {m["id"]: m for m in load_split(tmp_path / "out", "test").metas}
    assert metas[name]["genres"] == ["jazz"] and metas[name]["moods"] == ["sad"]
    assert metas[name]["title"] == "Nothing" and metas[name]["artist"] == "Nobody"


def changed(score: Score, **arrays) -> Score:
    return dataclasses.replace(score, **{k: np.asarray(v) for k, v in arrays.items()})


def rebuilt(score: Score, **parts) -> Score:
    kept = {
        "onset": score.onset,
        "duration": score.duration,
        "pitch": score.pitch,
        "velocity": score.velocity,
        "track": score.track,
        "tracks": score.tracks,
    }
    return Score.build(480, **{**kept, **parts})


def unfit() -> dict[str, Score | bytes]:
    """A file for each reason to refuse it (but "failed")."""
    good, rng = piece(1), np.random.default_rng(1)
    long = piece(1, bars=60)
    melody = good.select(good.track == 0)
    return {
        "unreadable": b"MThd, but no more",
        "few notes": piece(1, bars=2),
        "short": piece(1, bars=3, bpm=390),
        "long": rebuilt(long, tempos=[(0, 2_900_000)], onset=long.onset * 2),
        "sparse": rebuilt(melody, onset=np.arange(len(melody)) * 1920 * 3),
        "metre": rebuilt(good, metres=[(960 * i, 2 + i % 2, 4) for i in range(20)]),
        "tempo": rebuilt(good, tempos=[(0, 60_000_000 // 450)]),
        "free": rebuilt(long, onset=np.sort(rng.integers(0, 100_000, len(long)))),
        "stuck": rebuilt(
            long, onset=long.onset // 19200 * 19200, pitch=20 + np.arange(len(long)) % 100
        ),
        "doubled": rebuilt(
            melody,
            tracks=(TRACKS[0], Track("double", 40)),
            **{
                n: np.tile(getattr(melody, n), 2)
                for n in ("onset", "duration", "pitch", "velocity")
            },
            track=np.repeat([0, 1], len(melody)),
        ),
        "monotone": rebuilt(melody, pitch=np.full(len(melody), 60)),
    }


def refusal(path, rules: Rules | None = None) -> str:
    corpus = CORPORA["lakh"]
    if rules:
        corpus = dataclasses.replace(corpus, rules=rules)
    with pytest.raises(Refused) as caught:
        prepare(Song("x", path, "train", "lakh"), corpus, SCHEME)
    return str(caught.value)


@pytest.mark.parametrize("reason", list(unfit()))
def test_refuses(reason, tmp_path):
    score = unfit()[reason]
    path = tmp_path / "x.mid"
    path.write_bytes(score if isinstance(score, bytes) else write_midi(score))
    assert refusal(path) == reason


def test_refuses_too_many_notes_by_the_rule(tmp_path):
    write_midi(piece(1), tmp_path / "x.mid")
    assert refusal(tmp_path / "x.mid", Rules(max_notes=100)) == "many notes"
    assert refusal(tmp_path / "x.mid", Rules(max_notes=50)) == "many notes"


def test_refusals_are_counted_and_a_failure_of_ours_ends_nothing(corpora, tmp_path, monkeypatch):
    wrong = unfit()
    for reason in ("unreadable", "tempo"):
        add_lakh(corpora, "0", wrong[reason])
    bad = add_lakh(corpora, "1", piece(9))
    real = building.prepare

    def fails(song, *rest):
        if song.id == bad:
            raise ZeroDivisionError("oh")
        return real(song, *rest)

    monkeypatch.setattr(building, "prepare", fails)
    (corpora / "lakh" / "f").rename(tmp_path / "f")
    add_lakh(corpora, "f", b"nothing")
    found = build(corpora, tmp_path / "out", ("lakh",))
    assert found["refused"] == {"lakh": {"failed": 1, "tempo": 1, "unreadable": 2}}
    with pytest.raises(InputError, match="no songs of 'test'"):
        load_split(tmp_path / "out", "test")
    assert set(found["refused"]["lakh"]) <= set(REASONS) == set(found["reasons"])
    assert found["counts"]["lakh"]["train"]["songs"] == 6


def test_leaves_out_effects_and_stray_notes_and_counts_them(tmp_path):
    good = piece(1)
    add = [*good.onset.tolist(), 0, 480, int(good.end) + 65 * 480]
    score = Score.build(
        480,
        (*TRACKS, Track("sea", 122)),
        add,
        [*good.duration.tolist(), 480, 480, 480],
        [*good.pitch.tolist(), 60, 60, 60],
        [*good.velocity.tolist(), 90, 90, 90],
        [*good.track.tolist(), 3, 3, 0],
    )
    write_midi(score, tmp_path / "x.mid")
    song = Song("x", tmp_path / "x.mid", "train", "lakh")
    made, left = prepare(song, CORPORA["lakh"], SCHEME)
    assert left == {"read": len(good) + 3, "merged": 0, "effects": 2, "cut": 1}
    assert np.array_equal(made.table, SCHEME.table(good))
    song = dataclasses.replace(song, drop_notes=("lead",))
    assert 73 not in prepare(song, CORPORA["lakh"], SCHEME)[0].table[:, 1]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=20),
    st.lists(
        st.tuples(st.integers(1, 2500), st.integers(1, 7), st.sampled_from([2, 4, 8])), max_size=4
    ),
)
def test_trimming_keeps_bars_where_they_were(onsets, metres):
    table = np.zeros((len(onsets), 5), dtype=np.int64)
    table[:, 0] = np.sort(onsets)
    header = Header(metres=((0, 4, 4), *sorted(metres)), tempos=((0, 500_000), (700, 400_000)))
    moved, cut = trimmed(table, header)
    whole, part = SCHEME.from_table(table, header), SCHEME.from_table(moved, cut)
    shift = int(table[0, 0] - moved[0, 0])
    bars, left = whole.bar_starts, part.bar_starts
    n = int(np.searchsorted(left, cut.end))
    assert left[n] == cut.end > moved[-1, 0] and left[1] > moved[0, 0] >= 0
    assert set((left[:n] + shift).tolist()) == set(
        bars[(bars >= shift) & (bars < cut.end + shift)].tolist()
    )
    assert left[n - 1] <= moved[-1, 0]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5)), max_size=4), st.integers(0, 2**32))
def test_shards_read_back(sizes, seed):
    rng = np.random.default_rng(seed)

    def ints(n, top, *shape):
        return rng.integers(0, top, (n, *shape))

    pieces = [
        Piece(
            ints(n, 100, 5), ints(b + 1, 9999), ints(b, 9), ints(b, 9), ints(b, 109),
            ints(b, 9999), ints(n, 2**62).astype(np.uint64), {"id": f"é{i}"},
        )
        for i, (n, b) in enumerate(sizes)
    ]  # fmt: skip
    data = pack(pieces, {"key": "k"})
    assert data == pack(pieces, {"key": "k"})
    arrays = read_shard(data)
    assert tuple(arrays) == ARRAYS
    notes = np.stack([arrays[n] for n in ARRAYS[:5]], 1).astype(np.int64)
    for i, one in enumerate(pieces):
        a, b = arrays["song_ptr"][i : i + 2]
        assert np.array_equal(notes[a:b], one.table)
        a, b = arrays["bar_ptr"][i : i + 2]
        assert np.array_equal(arrays["bar_starts"][a:b], one.bar_starts)
        assert np.array_equal(arrays["bar_num"][a - i : b - i - 1], one.bar_num)


def test_a_damaged_shard_is_passed_over_by_name(corpora, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "SONGS_PER_SHARD", 2)
    out = tmp_path / "out"
    build(corpora, out, ("lakh",))
    path = out / "lakh-train-0001.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    (out / "lakh-train-0002.npz").unlink()
    told = []
    songs = load_split(out, "train", warn=told.append)
    assert len(songs) == 2 and songs.damaged == ("lakh-train-0001.npz", "lakh-train-0002.npz")
    assert "lakh-train-0001.npz is damaged" in told[0] and "cannot be read" in told[1]
    (out / "lakh-test-0000.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"no songs of 'test'; damaged: lakh-test-0000\.npz"):
        load_split(out, "test", verify=False)


def test_a_shard_whose_arrays_do_not_fit_is_refused():
    one = Piece(*(np.zeros(s, int) for s in ((3, 5), 2, 1, 1, 1, 1)), np.zeros(0, np.uint64), {})
    read_shard(pack([one], {}))
    with pytest.raises(InputError, match="do not fit"):
        read_shard(pack([dataclasses.replace(one, bar_num=np.zeros(2, int))], {}))


def test_copies_across_splits_are_dropped_from_training(corpora, tmp_path):
    """A copy transposed, faster, later and without its drums is still one."""
    copy = piece(30, bpm=133, lead_in=2, shift=3)
    copied = add_lakh(corpora, "2", copy.select(copy.track < 2))
    again = add_lakh(corpora, "3", piece(0, bpm=140))
    found = build(corpora, tmp_path / "out", ("lakh",))
    assert found["copied"] == {"all": 2, "across_splits": 1}
    rows = {r["id"]: r["repeats"] for rows in found["copies"].values() for r in rows}
    assert copied in rows and rows[copied][0] == "f" and again in rows
    songs = load_split(tmp_path / "out", "train")
    ids = {m["id"] for m in songs.metas}
    assert len(songs) == 6 == found["counts"]["lakh"]["train"]["songs"]
    assert not ids & {copied, again}
    assert all(songs.table(i)[0, 0] == 0 and len(songs.bars(i)) == 13 for i in range(6))
    assert songs.n_notes == sum(m["notes"] for m in songs.metas)


def test_sketches_tell_songs_apart():
    tables = [SCHEME.table(piece(seed)) for seed in (1, 2, 1)]
    found = [sketch(t) for t in tables]
    assert copies(found, [0, 0, 0]) == {2: 0}
    assert copies(found, [0, 0, -1]) == {0: 2}
    drums = tables[0][tables[0][:, 1] == 128]
    assert len(sketch(drums)) == 0 and copies([sketch(drums)] * 2, [0, 0]) == {}
    scale = np.column_stack(
        [np.arange(40) * 12, np.zeros(40), 60 + np.arange(40) % 3, *[[0] * 40] * 2]
    )
    assert len(sketch(scale.astype(int))) == 0


def test_pulse_tells_a_click_from_none():
    rng = np.random.default_rng(3)
    grid = np.arange(400) * 6

    def of(onset):
        return pulse(np.column_stack([onset, *[np.zeros(len(onset))] * 4]).astype(int))

    assert of(grid) == pytest.approx(1)
    assert of(grid + 2) == pytest.approx(1)  # a constant delay is no lack of pulse
    assert 0.3 < of(np.maximum(0, np.rint(grid + rng.normal(0, 1.0, 400)))) < 0.9
    assert of(np.sort(rng.choice(9600, 1500, replace=False))) < 0.1


def test_errors_say_what_is_wrong(corpora, tmp_path):
    with pytest.raises(UnknownNameError, match="unknown corpus 'lakk'"):
        build(corpora, tmp_path / "out", ("lakk",))
    with pytest.raises(InputError, match="'game' is not in"):
        build(corpora, tmp_path / "out", ("lakh", "game"))
    with pytest.raises(InputError, match="'openewld' cannot be built"):
        build(corpora, tmp_path / "out", ("openewld",))
    with pytest.raises(InputError, match="there is no folder"):
        build(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(InputError, match="no whole data set in"):
        load_split(tmp_path, "train")
    with pytest.raises(UnknownNameError, match="unknown split 'dev'"):
        load_split(tmp_path, "dev")
    (tmp_path / "manifest.json").write_text('{"version": 0}')
    with pytest.raises(InputError, match="build it again"):
        load_split(tmp_path, "train")
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        load_split(tmp_path, "train")


def test_a_worker_that_dies_is_named(corpora, tmp_path, monkeypatch):
    class Pool:
        def __init__(self, *a):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *a):
            return False

        def submit(self, *a):
            from concurrent.futures import Future
            from concurrent.futures.process import BrokenProcessPool

            future: Future = Future()
            future.set_exception(BrokenProcessPool("killed"))
            return future

    monkeypatch.setattr(spreading, "ProcessPoolExecutor", Pool)
    with pytest.raises(CantilenaError, match="calling again goes on"):
        build(corpora, tmp_path / "out", ("lakh",), workers=2)


STOPPED = """
import os, signal, sys, time
from pathlib import Path
from cantilena.data.workers import spread
from cantilena.files import staged_file

def work(name, folder):
    with staged_file(Path(folder, name)) as part:
        part.write_bytes(b"half")
        os.kill(os.getpid(), getattr(signal, sys.argv[2]))
        time.sleep(30)

if __name__ == "__main__":
    list(spread(work, ["a", "b"], 2, sys.argv[1]))
"""


@pytest.mark.skipif(os.name != "posix", reason="the signals are POSIX's")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
def test_a_worker_that_is_stopped_leaves_no_temporary_files(tmp_path, number):
    (tmp_path / "script.py").write_text(STOPPED)
    (tmp_path / "out").mkdir()
    argv = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "out"), number]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert "a worker was ended from outside" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_limit_takes_the_first_songs(corpora, tmp_path):
    found = build(corpora, tmp_path / "out", ("lakh",), limit=1)
    counts = found["counts"]["lakh"]
    assert [counts[s]["songs"] for s in ("train", "valid", "test")] == [1, 1, 1]
    assert found["limit"] == 1


def test_two_builds_in_one_folder_are_refused(corpora, tmp_path):
    refused: list[str] = []

    def second(*_: object) -> None:
        with pytest.raises(InputError, match="another process is writing to") as error:
            build(corpora, tmp_path / "out", ("lakh",))
        refused.append(str(error.value))

    build(corpora, tmp_path / "out", ("lakh",), progress=second)
    assert len(refused) == 3
    build(corpora, tmp_path / "alone", ("lakh",))
    assert digests(tmp_path / "out") == digests(tmp_path / "alone")
