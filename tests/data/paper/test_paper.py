"""Building the paper's data: splits and counts, equal bytes, resuming, damage, Ray, the command."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from corpus_pieces import add_lakh, piece
from paper_pieces import paper_lakh, write_midicaps

pytest.importorskip("pyarrow")

from cantilena import cli, cluster
from cantilena.data.corpora import midicaps
from cantilena.data.dataset import read_manifest
from cantilena.data.paper import build as paper_build
from cantilena.data.paper import build_paper
from cantilena.data.paper import shards as paper_shards
from cantilena.data.paper.manifest import EXPECTED, read_paper_manifest, verdict
from cantilena.data.paper.references import wishes_of
from cantilena.data.paper.songs import Recipe
from cantilena.errors import InputError, MissingExtraError
from cantilena.evaluate.table3.protocols import read_references


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def flip(path: Path) -> None:
    """Damages a shard among its tokens, so that its footer still reads."""
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0x55
    path.write_bytes(data)


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """The folder of a small Lakh and its songs' names."""
    root = tmp_path_factory.mktemp("corpora")
    return root / "lakh", paper_lakh(root)


@pytest.fixture
def small_units(monkeypatch):
    monkeypatch.setattr(paper_build, "SONGS_PER_SHARD", 2)


def test_one_worker_two_workers_and_a_second_time_make_the_same(songs, tmp_path, small_units):
    told = []
    found = build_paper(songs[0], tmp_path / "one", progress=lambda *a: told.append(a))
    build_paper(songs[0], tmp_path / "two", workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert found == read_paper_manifest(tmp_path / "two")
    assert told[-1][:2] == (12, 12) and all(line.startswith("made") for *_, line in told)
    told.clear()
    assert found == build_paper(songs[0], tmp_path / "one", progress=lambda *a: told.append(a))
    assert len(told) == 7 and all(line.startswith("kept") for *_, line in told)


def test_the_test_songs_are_references(songs, tmp_path, small_units):
    from cantilena.cli.generate import read_items

    build_paper(songs[0], tmp_path)
    path = tmp_path / "references.jsonl"
    found = read_references(path)
    assert len(found) == 2 and all(r.midi and r.midi.is_file() and r.text for r in found)
    assert all(r.midi.stem == r.id for r in found if r.midi)
    assert any(r.wishes and r.wishes.instruments for r in found)
    items = read_items(str(path), None, 0)
    assert [(i.id, i.text) for i in items] == [(r.id, r.text) for r in found]


def test_references_move_with_the_corpus(tmp_path):
    paper_lakh(tmp_path / "here")
    build_paper(tmp_path / "here" / "lakh", tmp_path / "here" / "paper")
    (tmp_path / "here").rename(tmp_path / "there")
    path = tmp_path / "there" / "paper" / "references.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert all(row["midi"] == f"../lakh/f/{row['id']}.mid" for row in rows) and len(rows) == 2
    for root in (None, tmp_path):
        assert all(r.midi and r.midi.is_file() for r in read_references(path, root))
    for row in rows:  # as they were written before
        row["midi"] = str(tmp_path / "there" / "lakh" / "f" / f"{row['id']}.mid")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert all(r.midi and r.midi.is_file() for r in read_references(path))


def test_references_reach_their_files_through_links(songs, tmp_path):
    (tmp_path / "deep" / "data").mkdir(parents=True)
    (tmp_path / "paper").symlink_to(tmp_path / "deep" / "data", target_is_directory=True)
    build_paper(songs[0], tmp_path / "paper")
    references = read_references(tmp_path / "paper" / "references.jsonl")
    assert all(r.midi and r.midi.is_file() for r in references)


def test_captions_are_read_for_their_wishes():
    said = wishes_of("A waltz in D minor for piano, 90 bpm.")
    assert (said["key"], said["tempo"]) == ("D minor", 90.0)
    assert not {"text", "unplaced", "how"} & set(said)
    assert wishes_of("") == {}


def test_the_manifest_tells_what_stands(songs, tmp_path, small_units):
    found = build_paper(songs[0], tmp_path)
    counts = found["counts"]
    assert [counts[s]["songs"] for s in ("all", "train", "valid", "test")] == [12, 7, 3, 2]
    assert [counts[s]["chunks"] for s in ("train", "valid", "test")] == [14, 4, 3]
    assert counts["all"]["asked"] == 12 and found["midicaps"] is None
    hashes = digests(tmp_path)
    assert {r["file"]: r["sha256"] for r in found["shards"]} == {
        name: digest for name, digest in hashes.items() if name.endswith(".parquet")
    }
    rows = [paper_shards.read_shard(tmp_path / r["file"]) for r in found["shards"]]
    assert [i for shard in rows for i in shard.ids] == songs[1]
    assert counts["all"]["tokens"] == sum(len(shard.tokens) for shard in rows)
    assert [len(r["lengths"]) for r in found["shards"]] == [len(s.ids) for s in rows]
    assert Recipe(**found["recipe"]) == Recipe() and "our own" in found["verdict"]
    with pytest.raises(InputError, match="not a manifest of data"):
        read_manifest(tmp_path)


def test_a_shard_is_a_plain_parquet_file(songs, tmp_path):
    import pyarrow.parquet as pq

    found = build_paper(songs[0], tmp_path)
    table = pq.read_table(tmp_path / "test-0000.parquet")
    assert tuple(table.column_names) == paper_shards.COLUMNS
    rows = table.to_pylist()
    assert [(r["id"], r["chunk"], r["n_chunks"]) for r in rows] == [
        (name, chunk, of)
        for name, of in zip(songs[1][10:], found["shards"][-1]["lengths"], strict=True)
        for chunk in range(of)
    ]
    assert {r["split"] for r in rows} == {"test"} and {r["source"] for r in rows} == {"song"}
    assert all(r["tokens"][0] == 55_026 and r["captions"][0] for r in rows)


def test_a_killed_build_goes_on_to_the_same_bytes(songs, tmp_path, small_units):
    build_paper(songs[0], tmp_path / "whole")
    code = (
        "import os, signal, sys\n"
        "from cantilena.data.paper import build as paper\n"
        "paper.SONGS_PER_SHARD = 2\n"
        "def stop(done, total, line):\n"
        "    if done >= 6: os.kill(os.getpid(), signal.SIGKILL)\n"
        "paper.build_paper(sys.argv[1], sys.argv[2], progress=stop)\n"
    )
    out = tmp_path / "killed"
    ended = subprocess.run([sys.executable, "-c", code, str(songs[0]), str(out)], timeout=900)
    assert ended.returncode == -signal.SIGKILL
    assert len(list(out.glob("*.parquet"))) == 3 and not (out / "manifest.json").exists()
    recorded = (out / "shards.jsonl").read_text().splitlines()
    assert len(recorded) == 3
    with pytest.raises(InputError, match="no whole data set"):
        read_paper_manifest(out)
    (out / ".train-0003.parquet.99.part").write_bytes(b"half a shard")
    flip(out / "train-0001.parquet")
    told = []
    build_paper(songs[0], out, progress=lambda *a: told.append(a[2].split()[0]))
    assert told == ["kept"] * 2 + ["made"] * 5  # without a hash the flipped one would be kept
    assert digests(out) == digests(tmp_path / "whole")


def test_damaged_shards_are_made_anew(songs, tmp_path, small_units):
    build_paper(songs[0], tmp_path)
    before = digests(tmp_path)
    flip(tmp_path / "train-0000.parquet")
    (tmp_path / "test-0000.parquet").write_bytes(b"PAR1")
    (tmp_path / "valid-0001.parquet").unlink()
    told = []
    build_paper(songs[0], tmp_path, progress=lambda *a: told.append(a[2]))
    made = sorted(line.split()[1] for line in told if line.startswith("made"))
    assert made == ["test-0000.parquet:", "train-0000.parquet:", "valid-0001.parquet:"]
    assert digests(tmp_path) == before


def test_another_recipe_makes_other_shards(songs, tmp_path):
    build_paper(songs[0], tmp_path, limit=1)
    told = []
    recipes = (Recipe(), Recipe(captions="crop"), Recipe(4_096), Recipe(4_096, wordings=2))
    for recipe in recipes:
        build_paper(
            songs[0],
            tmp_path,
            None,
            recipe,
            limit=1,
            progress=lambda *a: told.append(a[2].split()[0]),
        )
    assert told == ["kept"] * 3 + ["made"] * 9


def test_midicaps_decides_which_songs_there_are(songs, tmp_path):
    names = [songs[1][i] for i in (0, 4, 7, 10)]
    file = write_midicaps(tmp_path / "train.json", [*names, "0" * 32])
    found = build_paper(songs[0], tmp_path / "out", file)
    told = found["midicaps"]
    assert (told["songs"], told["here"], told["songs_without"]) == (5, 4, 8)
    assert told["licence"] == "CC BY-SA 4.0" and told["file"] == "train.json"
    assert found["counts"]["all"]["songs"] == 4
    assert found["verdict"] == (
        "a subset of the paper's data: 4 of the 168,385 songs of MidiCaps are here"
    )
    shard = paper_shards.read_shard(tmp_path / "out" / "train-0000.parquet")
    assert list(shard.ids) == names[:2] and set(shard.sources) == {"midicaps"}
    assert shard.example(0, 0)["caption"] == f"A calm song, {names[0][:8]}."
    file = write_midicaps(tmp_path / "other.json", ["0" * 32])
    with pytest.raises(InputError, match="none of MidiCaps's songs"):
        build_paper(songs[0], tmp_path / "none", file)
    assert not (tmp_path / "none").exists()


def test_the_verdict_is_plain(monkeypatch):
    counts = {split: {"songs": n, "asked": n} for split, n in EXPECTED.items()}
    told = {"here": midicaps.SONGS}
    whole = {"counts": counts, "midicaps": told, "limit": None}
    assert sum(EXPECTED[s] for s in ("train", "valid", "test")) == EXPECTED["all"]
    assert verdict(whole) == "all counts are the paper's"
    other = copy.deepcopy(whole)
    other["counts"]["valid"]["songs"] -= 2
    assert "differ from the paper's: valid by -2" in verdict(other)
    assert verdict({**whole, "limit": 9}).startswith("a subset of the paper's data: at most 9")
    assert "our own" in verdict({**whole, "midicaps": None})


def test_refusals_are_counted_and_a_failure_of_ours_ends_nothing(tmp_path, monkeypatch):
    for seed, bars in ((0, 12), (1, 3), (2, 14)):
        add_lakh(tmp_path, "0", piece(seed, bars=bars))
    add_lakh(tmp_path, "0", b"MThd, but no more")
    real, largest = paper_build.song_chunks, max(p.stat().st_size for p in tmp_path.rglob("*.mid"))

    def fails(song, *rest):
        if song.path.stat().st_size == largest:
            raise ValueError("a fault")
        return real(song, *rest)

    monkeypatch.setattr(paper_build, "song_chunks", fails)
    found = build_paper(tmp_path / "lakh", tmp_path / "out")
    assert found["refused"] == {"unreadable": 1, "failed": 1, "few events": 1}
    assert found["counts"]["train"]["songs"] == 1 and found["counts"]["train"]["asked"] == 4
    about = paper_shards.about((tmp_path / "out" / "train-0000.parquet").read_bytes())
    assert about and about["refused"]["failed"][0].endswith("ValueError: a fault")


def test_what_is_not_there_is_said(songs, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="there is no folder"):
        build_paper(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(InputError, match="does not hold the corpus 'lakh'"):
        build_paper(tmp_path, tmp_path / "out")
    for text, message in (("{", "cannot be read"), ("{}", "not of 'cantilena data paper'")):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(InputError, match=message):
            read_paper_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text('{"cantilena": "paper data", "version": 0}')
    with pytest.raises(InputError, match="version 1"):
        read_paper_manifest(tmp_path)
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"cantilena\[ray\]"):
        build_paper(songs[0], tmp_path / "out", ray=True)
    monkeypatch.setattr(paper_shards, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"cantilena\[hf\]"):
        build_paper(songs[0], tmp_path / "out")


def test_ray_on_two_workers_makes_the_same(songs, tmp_path, small_units):
    pytest.importorskip("ray")
    build_paper(songs[0], tmp_path / "here")
    file = tmp_path / "ray"
    build_paper(songs[0], file, workers=2, ray=True)
    assert digests(file) == digests(tmp_path / "here")


def test_the_command_prints_expected_and_found(songs, tmp_path, capsys):
    base = ["data", "paper", "--lakh", str(songs[0]), "-o", str(tmp_path / "out")]
    assert cli.main([*base, "--limit", "2", "--captions", "crop"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["split", "expected", "found", "asked", "chunks", "tokens"]
    assert lines[1].split()[:4] == ["all", "151,526", "6", "6"]
    assert lines[2].split()[:3] == ["train", "132,460", "2"]
    assert "not the paper's data" in lines[5] and lines[-1] == str(tmp_path / "out")
    file = write_midicaps(tmp_path / "train.json", songs[1])
    assert cli.main([*base, "--midicaps", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"].startswith("a subset") and found["counts"]["all"]["songs"] == 12
    assert found["expected"] == EXPECTED


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--context", "1001"], "whole triples"),
        (["--captions", "both"], "invalid choice"),
        (["--midicaps", "none.json"], "train.json"),
        (["--midicaps", "none.json", "--wordings", "2"], "one of each song"),
        (["--workers", "0"], "1 or more"),
    ],
)
def test_wrong_options_end_with_2_and_a_line(songs, tmp_path, capsys, options, message):
    base = ["data", "paper", "--lakh", str(songs[0]), "-o", str(tmp_path / "out")]
    assert cli.main([*base, *options]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert os.listdir(tmp_path) in ([], ["out"])


def test_two_builds_in_one_folder_are_refused(songs, tmp_path):
    refused: list[str] = []

    def second(*_: object) -> None:
        with pytest.raises(InputError, match="another process is writing to") as error:
            build_paper(songs[0], tmp_path / "out")
        refused.append(str(error.value))

    build_paper(songs[0], tmp_path / "out", progress=second)
    assert refused
    build_paper(songs[0], tmp_path / "alone")
    assert digests(tmp_path / "out") == digests(tmp_path / "alone")
