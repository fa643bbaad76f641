"""Search: the right file first, by notes alone; bad files, empty folders, and the cache."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from cantilena.audio.wav import write_wav
from cantilena.cli import main
from cantilena.errors import InputError, Notice
from cantilena.score import Score, Track
from cantilena.score.midi import write_midi
from cantilena.search import Cache, Measured, measure, search
from cantilena.search.matching import COMPARISONS, WEIGHTS, Query, match
from cantilena.search.tables import GROUP_OF, MOODS
from cantilena.text import labels

TPQ = 480


def piece(programs, bpm, pitches, step=240, length=240, velocity=70, metre=(4, 4), drums=False):
    """16 bars of arpeggios over the pitches, one line an instrument."""
    tracks = [Track("", p) for p in programs] + ([Track("", 0, True)] if drums else [])
    bar = TPQ * 4 * metre[0] // metre[1]
    rows = []
    for t, track in enumerate(tracks):
        for i, onset in enumerate(range(0, 16 * bar, step)):
            pitch = (36, 42, 38, 42)[i % 4] if track.is_drum else pitches[i % len(pitches)] - 12 * t
            rows.append((onset, length, pitch, velocity, t))
    onset, duration, pitch, loud, track = np.array(rows).T
    tempo = [(0, round(60_000_000 / bpm))]
    return Score.build(
        TPQ, tracks, onset, duration, pitch, loud, track, tempos=tempo, metres=[(0, *metre)]
    )


MAJOR, MINOR = (60, 64, 67, 72), (62, 65, 69, 74)
PIECES = {
    "a": piece([46], 66, MAJOR, step=480, length=480, velocity=45),
    "b": piece([30, 34], 184, MINOR, step=120, length=120, velocity=120, drums=True),
    "c": piece([40, 41, 42], 72, MINOR, step=480, length=480, metre=(3, 4)),
    "d": piece([19], 80, MINOR, step=480, length=480),
    "e": piece([56, 60, 57, 58], 116, MAJOR, velocity=105, metre=(2, 4)),
    "f": piece([105, 110], 140, MAJOR, length=120),
}
TEXTS = {
    "calm harp": "a",
    "aggressive metal with distorted guitars": "b",
    "a fast piece with drums": "b",
    "sad waltz for string trio": "c",
    "violin in 3/4": "c",
    "solemn church organ": "d",
    "brass march": "e",
    "banjo and fiddle, happy": "f",
    "something at 184 bpm": "b",
    "no drums, a harp in C major": "a",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("songs")
    (place / "deep").mkdir()
    for name, score in PIECES.items():
        write_midi(score, place / ("deep" if name in "def" else "") / f"{name}.mid")
    return place


@pytest.fixture
def cache(tmp_path):
    return Cache(folder=tmp_path / "cache")


@pytest.mark.parametrize("text", TEXTS)
def test_the_right_piece_comes_first(folder, cache, text):
    hits = search(text, folder, cache=cache)
    assert len(hits) == len(PIECES)
    assert hits[0].file.endswith(f"{TEXTS[text]}.mid")
    assert hits[0].score > hits[1].score
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 <= hit.score <= 1 for hit in hits)


def test_titles_answer_words_that_are_no_wish(folder, cache, tmp_path):
    place = tmp_path / "named"
    place.mkdir()
    write_midi(PIECES["a"], place / "moonbeam-rhapsody.mid")
    write_midi(PIECES["b"], place / "other.mid")
    assert search("moonbeam", place, cache=cache)[0].file.endswith("moonbeam-rhapsody.mid")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("moonbeam rhapsody", "MoonbeamRhapsody"),
        ("moonbeam", "NNMoonbeam"),
        ("moonbeam", "moonbeam12"),
        ("moonbeam", "2ndMoonbeam"),
        ("MoonbeamRhapsody", "MoonbeamRhapsody"),
        ("K545", "sonata_k545"),
    ],
)
def test_names_without_spaces_are_words_too(cache, tmp_path, text, name):
    write_midi(PIECES["a"], tmp_path / f"{name}.mid")
    write_midi(PIECES["b"], tmp_path / "a.mid")
    hits = search(text, tmp_path, cache=cache)
    assert hits[0].file.endswith(f"{name}.mid")
    assert hits[0].wishes["words"] == 1.0


def test_nothing_that_agrees_is_said(folder, cache):
    with pytest.warns(Notice, match="agrees with any file"):
        assert not search("zzyzx", folder, cache=cache)[0].score


def test_damaged_and_empty_files_are_named_and_left_out(folder, cache, tmp_path):
    place = tmp_path / "mixed"
    place.mkdir()
    (place / "broken.mid").write_bytes(b"no music")
    (place / "broken.wav").write_bytes(b"RIFF")
    (place / ".hidden.mid").write_bytes(b"no music")
    write_wav(np.zeros((16_000, 1), dtype=np.float32), 16_000, place / "silent.wav")
    write_midi(Score.build(24, [Track("a", 0)], [], [], [], [], []), place / "void.mid")
    write_midi(PIECES["a"], place / "good.mid")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        hits = search("calm harp", place, cache=cache)
    assert [hit.file for hit in hits] == [str(place / "good.mid")]
    lines = [str(w.message) for w in said if w.category is Notice]
    assert len(lines) == 4
    for name in ("broken.mid", "broken.wav", "silent.wav", "void.mid"):
        assert sum(name in line for line in lines) == 1
    (place / "good.mid").unlink()
    with pytest.warns(Notice), pytest.raises(InputError, match="none of the 4 files"):
        search("calm harp", place, cache=cache)


def test_folders_without_music_and_empty_texts_are_refused(folder, cache, tmp_path):
    with pytest.raises(InputError, match="holds no music"):
        search("harp", tmp_path, cache=cache)
    with pytest.raises(InputError, match="there is no folder"):
        search("harp", tmp_path / "none", cache=cache)
    with pytest.raises(InputError, match="is a file"):
        search("harp", folder / "a.mid", cache=cache)
    with pytest.raises(InputError, match="is empty"):
        search("  ", folder, cache=cache)
    with pytest.raises(InputError, match="1 or more"):
        search("harp", folder, n=0, cache=cache)


def test_sound_is_searched_with_midi(cache, tmp_path):
    rng = np.random.default_rng(0)
    time = np.arange(16_000 * 6) / 16_000
    beat = np.exp(-30 * (time % 0.5)) * rng.normal(size=len(time)) * 0.5
    write_wav(beat[:, None].astype(np.float32), 16_000, tmp_path / "noise.wav")
    write_midi(PIECES["a"], tmp_path / "harp.mid")
    kinds = [hit.kind for hit in search("calm harp", tmp_path, cache=cache)]
    assert kinds == ["midi", "audio"]
    assert search("loud drums", tmp_path, cache=cache)[0].kind == "audio"


def test_measures_are_kept_by_content(folder, cache, tmp_path, monkeypatch):
    first = measure(folder / "a.mid", cache)
    copy = tmp_path / "copy.midi"
    copy.write_bytes((folder / "a.mid").read_bytes())
    monkeypatch.setattr("cantilena.search.read_midi", lambda path: pytest.fail("read again"))
    assert measure(copy, cache) == first
    for path in cache.folder.rglob("*.json"):
        path.write_text('{"kind": "midi"}')  # of another version
    monkeypatch.undo()
    assert measure(copy, cache) == first
    assert Measured.from_dict(json.loads(json.dumps(first.to_dict()))) == first


def test_a_cache_that_cannot_be_written_is_gone_without(folder, tmp_path):
    (tmp_path / "file").write_text("")
    hits = search("calm harp", folder, cache=Cache(folder=tmp_path / "file" / "cache"))
    assert hits[0].file.endswith("a.mid")


def test_the_command(folder, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["search", "calm harp", str(folder), "--json", "--n", "2"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [set(row) for row in rows] == [{"file", "score", "kind", "wishes"}] * 2
    assert rows[0]["file"] == str(folder / "a.mid")
    assert main(["search", "calm harp", str(folder)]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[1].split()[1] == str(folder / "a.mid")
    assert main(["search", "calm harp", str(tmp_path / "none")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_every_wish_has_a_weight_and_every_word_a_place():
    assert set(COMPARISONS) == set(WEIGHTS) - {"words", "sound"}
    assert set(MOODS) == set(labels.MOODS)
    assert set(GROUP_OF) == set(labels.GENRES)


def test_what_is_not_known_lies_between_what_obeys_and_what_does_not():
    query = Query.of("harp in C major")
    here = match(query, Measured("midi", 9.0, {46: 1.0}, key="C major"))[0]
    unknown = match(query, Measured("audio", 9.0))[0]
    other = match(query, Measured("midi", 9.0, {30: 1.0}, key="F# major"))[0]
    assert here > unknown > other
