"""MidiCaps: the published layout, its variants, and what is no row of it."""

from __future__ import annotations

import gzip
import json

import pytest

from cantilena.data.corpora import midicaps
from cantilena.data.corpora.midicaps import MidiCap, load_midicaps, read_row, records
from cantilena.errors import InputError, MissingExtraError
from paper_pieces import row, write_midicaps

NAME = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"


def test_a_published_row_is_read_whole():
    found = read_row(row(NAME))
    assert found == MidiCap(
        id=NAME,
        caption="A calm song, 01234567.",
        location=f"lmd_full/0/{NAME}.mid",
        genre=("rock", "pop"),
        genre_prob=(0.41, 0.3),
        mood=("happy", "film"),
        mood_prob=(0.2, 0.1),
        key="F# minor",
        time_signature="4/4",
        tempo=120,
        tempo_word="Moderate tempo",
        duration=24,
        duration_word="Short fragment",
        chord_summary=("C", "G/B"),
        chord_summary_occurence=3,
        instrument_summary=("Flute", "Piano", "Drums"),
        instrument_numbers_sorted=(73, 0, 128),
        all_chords=("C", "G/B", "C"),
        all_chords_timestamps=(0.5, 2.0, 4.0),
    )
    assert found.genres == ("rock", "pop") and found.moods == ("happy",)


@pytest.mark.parametrize(
    ("record", "field", "value"),
    [
        ({"location": NAME.upper() + ".mid", "caption": "x"}, "id", NAME),
        ({"md5": NAME, "text": "x"}, "caption", "x"),
        ({"location": NAME, "caption": ["one", "two"]}, "caption", "one"),
        ({"location": NAME, "caption": " a\n b "}, "caption", "a b"),
        ({"location": NAME, "caption": "x", "tags": {"genre": "jazz"}}, "genre", ("jazz",)),
        (
            {"location": NAME, "caption": "x", "genre": [["jazz", 0.4], ["pop", 0.2]]},
            "genre",
            ("jazz", "pop"),
        ),
        ({"location": NAME, "caption": "x", "mood": {"dark": 0.4}}, "mood", ("dark",)),
        ({"location": NAME, "caption": "x", "tempo": "104.0"}, "tempo", 104),
        ({"location": NAME, "caption": "x", "tempo": [104, "Andante"]}, "tempo", 104),
        ({"location": NAME, "caption": "x", "duration": "long"}, "duration", None),
        (
            {"location": NAME, "caption": "x", "instruments": ["Oboe"]},
            "instrument_summary",
            ("Oboe",),
        ),
        (
            {"location": NAME, "caption": "x", "instrument_numbers_sorted": [128, 300, "4"]},
            "instrument_numbers_sorted",
            (128, 4),
        ),
        ({"location": NAME, "caption": "x", "test_set": "True"}, "test_set", True),
        ({"location": NAME, "caption": "x", "test_set": None}, "test_set", False),
    ],
)
def test_variants_of_fields_are_understood(record, field, value):
    assert getattr(read_row(record), field) == value


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("text", "not a JSON object"),
        ([1], "not a JSON object"),
        ({"caption": "x"}, "no md5"),
        ({"location": "lmd_full/0/song.mid", "caption": "x"}, "no md5"),
        ({"location": NAME + "0", "caption": "x"}, "no md5"),
        ({"location": NAME}, "no caption"),
        ({"location": NAME, "caption": "  "}, "no caption"),
    ],
)
def test_what_is_no_row_is_said(record, message):
    with pytest.raises(InputError, match=message):
        read_row(record)


def test_a_file_keeps_what_it_can_and_lists_the_rest(tmp_path):
    path = tmp_path / "train.json"
    lines = [json.dumps(row(NAME)), "", "{broken", json.dumps({"location": OTHER})]
    lines += [json.dumps(row(NAME, caption="again")), json.dumps(row(OTHER))]
    path.write_text("\n".join(lines))
    found = load_midicaps(path)
    assert list(found.rows) == [NAME, OTHER] and found.repeated == 1
    assert found.rows[NAME].caption == "A calm song, 01234567."
    assert found.rows[NAME].all_chords == ("C", "G/B", "C")
    assert [number for number, _ in found.skipped] == [3, 4]
    short = load_midicaps(path, tags=False).rows[NAME]
    assert short.all_chords == () and short.key == ""
    assert (short.caption, short.genres, short.moods) == (
        found.rows[NAME].caption,
        ("rock", "pop"),
        ("happy",),
    )


def test_every_kind_of_file_holds_the_same(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    rows = [row(NAME), row(OTHER, test_set=True)]
    lines = "\n".join(map(json.dumps, rows)).encode()
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + lines)
    (tmp_path / "b.json").write_text("\n " + json.dumps(rows, indent=1))
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(lines))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "d.parquet")
    found = [load_midicaps(p) for p in sorted(tmp_path.iterdir())]
    assert len(found) == 4 and all(f == found[0] for f in found)
    assert found[0].rows[OTHER].test_set


def test_files_that_are_not_midicaps(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"train\.json"):
        load_midicaps(tmp_path / "none.json")
    for content in (b"", b"[]", b"{}", b"no captions here\n"):
        (tmp_path / "x.json").write_bytes(content)
        with pytest.raises(InputError, match="holds no captions"):
            load_midicaps(tmp_path / "x.json")
    for content in (b"[{]", b"\xff\xfe\x00", gzip.compress(b"{}" * 99)[:20]):
        (tmp_path / "x.json").write_bytes(content)
        with pytest.raises(InputError, match="cannot be read"):
            load_midicaps(tmp_path / "x.json")
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr(midicaps, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"cantilena\[hf\]"):
        list(records(tmp_path / "x.parquet"))


def test_a_damaged_parquet_is_said(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="cannot be read"):
        load_midicaps(tmp_path / "x.parquet")


def test_the_rows_written_for_tests_are_read(tmp_path):
    found = load_midicaps(write_midicaps(tmp_path / "train.json", [OTHER, NAME]))
    assert list(found.rows) == [OTHER, NAME] and not found.skipped
