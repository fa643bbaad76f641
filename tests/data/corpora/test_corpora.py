"""Corpora: the registry, and each corpus's songs as its archive lays them out."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cantilena.data.corpora import CORPORA, DEFAULT_MIX, corpus, list_corpora
from cantilena.data.corpora.corpus import SPLITS, find_folder, hashed_split
from cantilena.data.prepare import prepare
from cantilena.errors import InputError, UnknownNameError
from cantilena.score.midi import write_midi
from cantilena.score.score import Score, Track
from cantilena.text.labels import GENRES, MOODS
from cantilena.tokens.note import NoteScheme
from corpus_pieces import add_lakh, piece


def put(path: Path, data: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


MIDI = write_midi(piece(1))


def lakh(root: Path) -> None:
    for digit in "0ef":
        add_lakh(root.parent, digit, piece(int(digit, 16)))


def pop909(root: Path) -> None:
    beats = "".join(f"{0.1 + 0.5 * i} {float(i % 2 == 0)} {float(i % 4 == 2)}\n" for i in range(60))
    put(root / "POP909" / "007" / "007.mid", MIDI)
    put(root / "POP909" / "007" / "beat_midi.txt", beats)
    put(root / "POP909" / "007" / "versions" / "007-v1.mid", MIDI)


def groove(root: Path) -> None:
    columns = "id,style,bpm,beat_type,time_signature,midi_filename,split"
    row = "drummer1/1,funk/groove1,120,beat,4-4,drummer1/a.mid,validation"
    put(root / "info.csv", f"{columns}\n{row}\n{row.replace('a.mid', 'gone.mid')}\n")
    put(root / "drummer1" / "a.mid", MIDI)


def game(root: Path) -> None:
    put(root / "freedoom" / "musics" / "d_e1m1.mid", MIDI)
    put(root / "freedoom" / "older" / "d_e1m1.mid", MIDI)
    put(root / "rtp" / "Music" / "Town 1.mid", MIDI)
    put(root / "simutrans" / "01-Main-Theme.mid", MIDI)


def mutopia(root: Path) -> None:
    columns = "file\ttitle\tcomposer\tinstrument\tstyle\tlicence"
    row = "BachJS__BWV1__a.mid\tAria\tBachJS\tPiano\tBaroque\tPublic Domain"
    put(root / "index.tsv", f"{columns}\n{row}\n")
    put(root / "BachJS__BWV1__a.mid", MIDI)
    put(root / "BachJS__BWV1__b.mid", MIDI)


def nottingham(root: Path) -> None:
    put(root / "MIDI" / "reel1.mid", MIDI)
    put(root / "MIDI" / "melody" / "reel1.mid", MIDI)


def openewld(root: Path) -> None:
    put(root / "dataset" / "A_Composer" / "A_Song" / "A_Song.mxl", b"PK")


LAYOUTS = {
    "lakh": lakh,
    "pop909": pop909,
    "groove": groove,
    "game": game,
    "mutopia": mutopia,
    "nottingham": nottingham,
    "openewld": openewld,
}
COUNTS = {"lakh": 3, "pop909": 1, "groove": 1, "game": 3, "mutopia": 2, "nottingham": 1}
COUNTS |= {"openewld": 1}


def test_registry_is_whole():
    assert set(CORPORA) == set(LAYOUTS)
    assert DEFAULT_MIX == ("lakh", "pop909", "game", "mutopia", "groove")
    rows = json.loads(json.dumps(list_corpora()))
    assert [r["name"] for r in rows] == list(CORPORA)
    for row in rows:
        told = ("what", "origin", "licence", "split_rule", "labels", "urls")
        assert all(row[name] for name in told), row
    assert "GPL" in CORPORA["nottingham"].licence and not CORPORA["nottingham"].in_mix
    with pytest.raises(UnknownNameError, match="known: " + ", ".join(sorted(CORPORA))):
        corpus("lmd")


def test_hashed_split_is_stable_and_even():
    assert [hashed_split(n) for n in ("pop909-001", "pop909-013")] == ["train", "train"]
    counts = Counter(hashed_split(f"song-{i}") for i in range(4000))
    assert 3500 < counts["train"] < 3700 and all(150 < counts[s] < 250 for s in SPLITS[1:])


@pytest.mark.parametrize("name", list(CORPORA))
@pytest.mark.parametrize("around", ["", "from-an-archive", "outer/inner"])
def test_songs_of_every_corpus(name, around, tmp_path):
    root = tmp_path / name
    LAYOUTS[name](root / around / name if around else root)
    found = list(CORPORA[name].songs(root))
    assert found == list(CORPORA[name].songs(root))
    assert len(found) == COUNTS[name] == len({s.id for s in found})
    for song in found:
        assert song.path.is_file() and song.split in SPLITS and song.corpus == name
        assert set(song.genres) <= set(GENRES) and set(song.moods) <= set(MOODS)
        if CORPORA[name].readable:
            assert len(CORPORA[name].read(song)) == len(piece(1))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match=f"does not hold the corpus '{name}'"):
        list(CORPORA[name].songs(empty))


def test_labels_and_splits_come_from_the_corpus(tmp_path):
    for name in ("lakh", "groove", "game", "mutopia"):
        LAYOUTS[name](tmp_path / name)

    def songs(name):
        return list(CORPORA[name].songs(tmp_path / name))

    assert [s.split for s in songs("lakh")] == ["train", "valid", "test"]
    (drums,) = songs("groove")
    assert drums.split == "valid" and drums.genres == ("funk",)
    titles = {s.id: (s.title, s.genres[0]) for s in songs("game")}
    assert titles["game-freedoom-d_e1m1"] == ("", "game")
    assert titles["game-simutrans-01-Main-Theme"] == ("Main Theme", "game")
    one, other = songs("mutopia")
    assert one.split == other.split, "movements of a work belong together"
    assert (one.title, one.artist, one.genres) == ("Aria", "Bach", ("baroque", "classical"))
    assert other.genres == ("classical",) and other.artist == "Bach"


def test_groove_hits_have_the_sounds_of_general_midi(tmp_path):
    kit = [22, 26, 36, 38] * 8
    hits = Score.build(
        480, (Track("kit", 0, True),), np.arange(32) * 240, [60] * 32, kit, [80] * 32, [0] * 32
    )
    groove(tmp_path / "groove")
    write_midi(hits, tmp_path / "groove" / "drummer1" / "a.mid")
    (song,) = CORPORA["groove"].songs(tmp_path / "groove")
    made, left = prepare(song, CORPORA["groove"], NoteScheme())
    assert np.unique(made.table[:, 2]).tolist() == [36, 38, 42, 46]
    assert left["merged"] == 0 and made.meta["genres"] == ["funk"]


def test_pop909_bars_follow_the_annotated_beats(tmp_path):
    """Notes lie on beats 0.1 s late, the downbeats on the third beat, then every four."""
    pop909(tmp_path)
    (song,) = CORPORA["pop909"].songs(tmp_path)
    beats = np.loadtxt(song.path.with_name("beat_midi.txt"))[:, 0]
    ticks = np.rint((beats[:40]) * 960).astype(int)  # 120 to the minute, 480 ticks to the quarter
    raw = Score.build(480, (Track("p", 0),), ticks, [400] * 40, [60] * 40, [80] * 40, [0] * 40)
    song.path.write_bytes(write_midi(raw))
    score = CORPORA["pop909"].read(song)
    assert np.array_equal(score.onset, np.arange(40) * 480 + 960)
    assert set(score.bar_starts[:5].tolist()) >= {0, 1920, 3840}
    assert score.bpm == 120 and score.metre_num.tolist() == [4]
    assert np.allclose(np.diff(score.seconds(score.onset)), 0.5)
    lines = song.path.with_name("beat_midi.txt").read_text().splitlines()
    lines[22] = lines[22].rsplit(" ", 1)[0] + " 0.0"  # a bar of six: four and two
    lines[24:] = [f"{0.1 + 0.5 * i} {float(i % 2 == 0)} {float(i % 4 == 0)}" for i in range(24, 60)]
    put(song.path.with_name("beat_midi.txt"), "\n".join(lines))
    score = CORPORA["pop909"].read(song)
    assert list(zip(score.metre_tick // 480, score.metre_num, strict=True)) == [
        (0, 4),
        (24, 2),
        (26, 4),
    ]
    for broken in ("", "1 0 0\n" * 9, "x", "".join(f"{i} 0 0\n" for i in range(9))):
        put(song.path.with_name("beat_midi.txt"), broken)
        with pytest.raises(InputError, match=r"beats|bars"):
            CORPORA["pop909"].read(song)


def test_find_folder_looks_a_few_folders_deep(tmp_path):
    put(tmp_path / "a" / "b" / "MIDI" / "x.mid", MIDI)
    assert find_folder(tmp_path, "MIDI/*.mid", "x") == tmp_path / "a" / "b"
    with pytest.raises(InputError):
        find_folder(tmp_path, "MIDI/*.mid", "x", depth=1)
