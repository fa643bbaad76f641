"""MidiCaps (Melechovsky, Roy, Herremans, ISMIR 2024): captions of the Lakh MIDI Dataset's songs.

Knows the published file's fields and how a caption finds its song; reads no music. The captions
were written by a language model from measured features; they are published under CC BY-SA 4.0 at
https://huggingface.co/datasets/amaai-lab/MidiCaps as ``train.json``, one JSON object to a line.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from cantilena.errors import InputError, MissingExtraError
from cantilena.text.labels import genres_from_labels, moods_from_tags

LICENCE = "CC BY-SA 4.0"
ORIGIN = "https://huggingface.co/datasets/amaai-lab/MidiCaps"
SONGS = 168_385
"""Rows of the published file."""

_MD5 = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_LOCATIONS = ("location", "path", "file", "filename", "midi", "md5", "id")
_TEXTS = ("caption", "captions", "text")


@dataclass(frozen=True)
class MidiCap:
    """A row: the song's ``id`` (the md5 in its location), its caption, and the tags, each empty,
    None or False where the file has none (the short one has locations and captions alone).

    ``genre`` and ``mood`` are tags, the likeliest first, ``*_prob`` (0-1) their probabilities;
    ``tempo``: quarters per minute; ``duration``: seconds; ``tempo_word`` ("Andante", "Fast") and
    ``duration_word`` ("Short piece") as published; ``chord_summary``: the most frequent pattern,
    heard ``chord_summary_occurence`` times; ``instrument_summary``: at most five names and
    ``instrument_numbers_sorted``: all programs, the longest played first (drums are 128);
    ``all_chords`` at ``all_chords_timestamps`` (seconds); ``test_set``: of MidiCaps's own split.
    """

    id: str
    caption: str
    location: str = ""
    genre: tuple[str, ...] = ()
    genre_prob: tuple[float, ...] = ()
    mood: tuple[str, ...] = ()
    mood_prob: tuple[float, ...] = ()
    key: str = ""
    time_signature: str = ""
    tempo: float | None = None
    tempo_word: str = ""
    duration: float | None = None
    duration_word: str = ""
    chord_summary: tuple[str, ...] = ()
    chord_summary_occurence: int | None = None  # spelled as it is published
    instrument_summary: tuple[str, ...] = ()
    instrument_numbers_sorted: tuple[int, ...] = ()
    all_chords: tuple[str, ...] = ()
    all_chords_timestamps: tuple[float, ...] = ()
    test_set: bool = False

    @property
    def genres(self) -> tuple[str, ...]:
        """The tags as canonical genres (``text.labels``)."""
        return genres_from_labels(self.genre[0] if self.genre else "", self.genre[1:])

    @property
    def moods(self) -> tuple[str, ...]:
        """The tags as canonical moods (``text.labels``)."""
        return moods_from_tags(self.mood)


@dataclass(frozen=True)
class MidiCaps:
    """What a file holds: ``rows`` by song, the lines ``skipped`` and why, and how many rows
    ``repeated`` a song (the first is kept)."""

    rows: dict[str, MidiCap]
    skipped: tuple[tuple[int, str], ...] = field(default=(), repr=False)
    repeated: int = 0


def load_midicaps(path: str | Path, tags: bool = True) -> MidiCaps:
    """All rows of the published file, by song. ``tags`` False keeps captions, genres and moods
    only: all chords of all songs are gigabytes in memory.

    A row that is no JSON object, has no caption or names no Lakh song is skipped and listed.
    Raises InputError where the file is missing or holds no row at all.
    """
    rows: dict[str, MidiCap] = {}
    skipped: list[tuple[int, str]] = []
    repeated = 0
    for number, record in records(path):
        try:
            row = read_row(record if tags else _captions_and_labels(record))
        except InputError as error:
            skipped.append((number, str(error)))
            continue
        repeated += row.id in rows
        rows.setdefault(row.id, row)
    if not rows:
        why = f"; row {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
        raise InputError(
            f"{str(path)!r} holds no captions: it should have a JSON object a line, with "
            f"'location' and 'caption'{why}"
        )
    return MidiCaps(rows, tuple(skipped), repeated)


def records(path: str | Path) -> Iterator[tuple[int, Any]]:
    """The objects in a file with their numbers from 1: JSON lines, one JSON list, either of them
    gzipped, or Parquet (as mirrors have it). A line that is not JSON comes as its text."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file {str(path)!r}; give MidiCaps's train.json ({ORIGIN})")
    try:
        if path.suffix == ".parquet":
            yield from enumerate(_parquet(path), 1)
            return
        with _opened(path) as file:
            first = file.read(1)
            while first.isspace():
                first = file.read(1)
            if first == "[":
                yield from enumerate(json.loads(first + file.read()), 1)
                return
            line = first + file.readline()
            number = 1
            while line:
                if line.strip():
                    yield number, _parsed(line)
                line, number = file.readline(), number + 1
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"{str(path)!r} cannot be read as MidiCaps: {error}") from error


def read_row(record: Any) -> MidiCap:
    """The row of one JSON object. Tags may stand in an object "tags"; lists may be written as
    one word, numbers as text. Raises InputError where song or caption is missing."""
    if not isinstance(record, Mapping):
        raise InputError("not a JSON object")
    flat = {**record, **_mapping(record.get("tags"))}
    location = next((str(flat[k]) for k in _LOCATIONS if flat.get(k)), "")
    song = _MD5.search(location.lower())
    if song is None:
        raise InputError(f"its location {location!r} holds no md5 of a Lakh file")
    text = next((flat[k] for k in _TEXTS if flat.get(k)), "")
    caption = " ".join(_words(text)[:1]).strip()
    if not caption:
        raise InputError(f"{song[0]} has no caption")
    tags = {k: flat.get(k, flat.get(other)) for k, other in _OTHER_NAMES.items()}
    return MidiCap(
        id=song[0],
        caption=" ".join(caption.split()),
        location=location,
        genre=_words(tags["genre"]),
        genre_prob=_numbers(tags["genre_prob"]),
        mood=_words(tags["mood"]),
        mood_prob=_numbers(tags["mood_prob"]),
        key=_word(tags["key"]),
        time_signature=_word(tags["time_signature"]),
        tempo=next(iter(_numbers(tags["tempo"])), None),
        tempo_word=_word(tags["tempo_word"]),
        duration=next(iter(_numbers(tags["duration"])), None),
        duration_word=_word(tags["duration_word"]),
        chord_summary=_words(tags["chord_summary"]),
        chord_summary_occurence=_whole(tags["chord_summary_occurence"]),
        instrument_summary=_words(tags["instrument_summary"]),
        instrument_numbers_sorted=tuple(
            int(n) for n in _numbers(tags["instrument_numbers_sorted"]) if 0 <= n <= 128
        ),
        all_chords=_words(tags["all_chords"]),
        all_chords_timestamps=_numbers(tags["all_chords_timestamps"]),
        test_set=str(tags["test_set"]).strip().lower() in ("true", "1", "1.0"),
    )


_OTHER_NAMES = {
    "genre": "genres",
    "genre_prob": "genre_probs",
    "mood": "moods",
    "mood_prob": "mood_probs",
    "key": "keys",
    "time_signature": "metre",
    "tempo": "bpm",
    "tempo_word": "tempo_words",
    "duration": "length",
    "duration_word": "duration_words",
    "chord_summary": "chords",
    "chord_summary_occurence": "chord_summary_occurrence",
    "instrument_summary": "instruments",
    "instrument_numbers_sorted": "instrument_numbers",
    "all_chords": "chord_sequence",
    "all_chords_timestamps": "chord_timestamps",
    "test_set": "test",
}
"""Fields as published, and what copies of the data set call them."""


def _captions_and_labels(record: Any) -> Any:
    if not isinstance(record, Mapping):
        return record
    flat = {**record, **_mapping(record.get("tags"))}
    names = (*_LOCATIONS, *_TEXTS, "genre", "genres", "mood", "moods", "test_set")
    return {k: flat[k] for k in names if k in flat}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any) -> list[Any]:
    """A value as a list; pairs of a tag and its number, in a mapping or a list, lose the number."""
    if value is None:
        return []
    if isinstance(value, Mapping):
        return list(value)
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [value]
    return [v[0] if isinstance(v, (list, tuple)) and v else v for v in value]


def _words(value: Any) -> tuple[str, ...]:
    return tuple(str(v).strip() for v in _listed(value) if v is not None and str(v).strip())


def _word(value: Any) -> str:
    return next(iter(_words(value)), "")


def _numbers(value: Any) -> tuple[float, ...]:
    numbers = []
    for v in _listed(value):
        try:
            number = float(v)
        except (TypeError, ValueError):
            continue
        if abs(number) < float("inf"):
            numbers.append(number)
    return tuple(numbers)


def _whole(value: Any) -> int | None:
    return next((int(n) for n in _numbers(value)), None)


def _opened(path: Path) -> IO[str]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    opener = gzip.open if packed else open
    return opener(path, "rt", encoding="utf-8-sig")


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    if find_spec("pyarrow") is None:
        raise MissingExtraError("pyarrow", "hf", "reading Parquet")
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(path).iter_batches(1024):
        yield from batch.to_pylist()
