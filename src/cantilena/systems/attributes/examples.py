"""Examples for training ``attributes``: windows of songs as words, behind attributes of theirs.

Knows songs of a data set, windows and which attributes stand before them; does not know models or
how a run goes. As Lu et al. have it, music stands in C major or A minor, a window has up to 16
bars, and a few of its attributes stand in the prefix, drawn anew each time it is seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cantilena.data.dataset import Songs
from cantilena.errors import InputError
from cantilena.score import DRUMS
from cantilena.systems.attributes.wishes import genre_classes, mood_classes
from cantilena.tokens.note import Header
from cantilena.tokens.parts import parts_of
from cantilena.tokens.remi import reading_of, words_of
from cantilena.tokens.remi import vocab as v
from cantilena.tokens.remi.attributes import (
    NO,
    YES,
    Window,
    prefix,
    struck_on_beats,
    window,
)
from cantilena.tokens.remi.attributes import classes as measured_classes
from cantilena.tokens.remi.bars import Bars, bars_of, key_of, key_of_pitches, shifted

NUMBERS = (*range(1, 5), *range(6, 9), *range(9, 15))
_WEIGHTS = [5 / 4] * 4 + [3 / 3] * 3 + [2 / 6] * 6
CHANCES = np.array(_WEIGHTS) / sum(_WEIGHTS)
"""How often a prefix has so many attributes (``NUMBERS``): one to four in half of all windows."""
TRIES = 300
"""Windows that are drawn before songs count as having none that fits: where one window of 50 does,
300 miss it once in 400 times."""


@dataclass(frozen=True)
class Example:
    """A window: the ``words`` (T,) of its music, and the ``classes``, by attribute, of all that its
    notes and its song's labels say."""

    words: np.ndarray
    classes: Mapping[str, int]


def window_of(songs: Songs, i: int, first: int, bars: int, longest: int) -> Example | None:
    """Bars of song ``i`` from ``first``, at most ``bars`` and as many as ``longest`` words say, in
    C major or A minor; None where these hold no notes or have no words. ``R1`` is
    ``struck_on_beats``: what "danceable" was meant to be."""
    music, is_major = _music(songs, i, first, bars)
    if music is None:
        return None
    words = words_of(music)
    ends = np.flatnonzero(words == v.BAR) + 1
    count = int((ends <= longest).sum())
    reading = reading_of(music)
    if not count or reading.notes[0][0] >= reading.bar_ends[count - 1]:
        return None
    classes = {**heard_in(window(reading, 0, count), is_major), **_labels(songs.meta(i))}
    return Example(words[: ends[count - 1]], classes)


def heard(music: Bars) -> dict[str, int]:
    """The classes that a whole piece has, by attribute."""
    return heard_in(window(reading_of(music)), key_of(music)[0])


def heard_in(part: Window, is_major: bool | None) -> dict[str, int]:
    """The classes of some bars of a piece that is in major or not, ``R1`` as ``struck_on_beats``
    has it."""
    result = measured_classes(part, is_major)
    result.pop("R1", None)
    dances = struck_on_beats(part)
    if dances is not None:
        result["R1"] = YES if dances else NO
    return result


def _music(songs: Songs, i: int, first: int, bars: int) -> tuple[Bars | None, bool | None]:
    """Bars of a song, moved as its key asks, and whether that is major; None where they hold no
    notes or a metre has no word."""
    table, lines = songs.table(i), songs.bars(i)
    stop = min(first + bars, len(lines) - 1)
    begin, end = int(lines[first]), int(lines[stop])
    inside = table[(begin <= table[:, 0]) & (table[:, 0] < end)]
    if not len(inside):
        return None, None
    inside[:, 0] -= begin
    metres = (part[first:stop].tolist() for part in songs.metres(i))
    starts = (lines[first:stop] - begin).tolist()
    tempo = round(60e6 / songs.meta(i)["bpm"])
    rows = tuple(zip(starts, *metres, strict=True))
    header = Header(tempos=((0, tempo),), metres=rows, end=end - begin)
    is_major, shift = key_of_pitches(table[table[:, 1] != DRUMS, 2].tolist())
    try:
        music = bars_of(parts_of(songs.scheme.from_table(inside, header)))
    except InputError:
        return None, None
    return shifted(music, shift), is_major


def _labels(meta: Mapping[str, Any]) -> dict[str, int]:
    """The classes that somebody's labels say: where they name a genre, it has
    none of the others."""
    genres = genre_classes(meta["genres"])
    if genres:
        genres = {f"S4_{k}": genres.get(f"S4_{k}", NO) for k in range(22)}
    return {**genres, **mood_classes(meta["moods"])}


def groups(names: Iterable[str]) -> dict[str, list[str]]:
    """The names of attributes that go into a prefix together: all instruments, all genres, or one,
    by what they have in common ("I1s2", "S4") or their name."""
    result: dict[str, list[str]] = {}
    for name in names:
        kind, _, number = name.partition("_")
        result.setdefault(kind if number else name, []).append(name)
    return result


def chosen(classes: Mapping[str, int], number: int, rng: np.random.Generator) -> dict[str, int]:
    """At most ``number`` of some attributes: of instruments and genres, which are one each, a part
    of those that are "yes", at least one, and a part of those that are "no"."""
    by_kind = groups(classes)
    kinds = rng.permutation(sorted(by_kind))[:number].tolist()
    result: dict[str, int] = {}
    for kind in kinds:
        names = by_kind[kind]
        if len(names) > 1:
            true = [name for name in names if classes[name] == YES]
            rest = [name for name in names if classes[name] == NO]
            names = _some(true, 1, rng) + _some(rest, 0, rng)
        result.update({name: classes[name] for name in names})
    return result


def _some(names: list[str], least: int, rng: np.random.Generator) -> list[str]:
    """A random part of names, of any size from ``least`` on."""
    if len(names) <= least:
        return names
    return rng.permutation(names)[: int(rng.integers(least, len(names) + 1))].tolist()


def sequence(classes: Mapping[str, int], words: np.ndarray) -> np.ndarray:
    """(65 + T + 1,) int64, the whole of what a model reads of music of ``words`` (T,): end word, 63
    attributes, separator, music and end word."""
    end = v.END_OF_PIECE
    return np.concatenate([[end], prefix(classes), [v.SEPARATOR], words, [end]]).astype(np.int64)


class Windows:
    """Batches of windows of songs that have at most ``longest`` words, ``bars`` bars and ``parts``
    instruments (0: any number), drawn by ``seed`` and step alone. Raises InputError where songs
    have no such windows."""

    def __init__(self, songs: Songs, longest: int, bars: int = 16, parts: int = 0, seed: int = 0):
        self.songs, self.longest, self.seed = songs, longest, seed
        self.bars, self.parts = bars, parts or v.INSTRUMENTS

    def draw(self, step: int, size: int, stream: int = 0) -> dict[str, np.ndarray]:
        """``ids`` (B, T) of the batch of a step, padded to the right."""
        rng = np.random.default_rng([self.seed, stream, step])
        rows = []
        for _ in range(size):
            example = self.example(rng)
            number = int(rng.choice(NUMBERS, p=CHANCES))
            rows.append(sequence(chosen(example.classes, number, rng), example.words))
        ids = np.full((size, max(map(len, rows))), v.PAD, dtype=np.int64)
        for row, words in zip(ids, rows, strict=True):
            row[: len(words)] = words
        return {"ids": ids}

    def fixed(self, size: int, batches: int) -> list[dict[str, np.ndarray]]:
        """The same ``batches`` each time, for validation."""
        return [self.draw(step, size, stream=1) for step in range(batches)]

    def example(self, rng: np.random.Generator) -> Example:
        """A random window of a random song, cut at the last bar line within ``longest`` words.
        Raises InputError where none of ``TRIES`` windows has notes, and few enough words and
        instruments."""
        for _ in range(TRIES):
            i = int(rng.integers(len(self.songs)))
            lines = len(self.songs.bars(i)) - 1
            bars = int(rng.integers(1, min(self.bars, lines) + 1))
            first = int(rng.integers(0, lines - bars + 1))
            bars = self._fitting(i, first, bars)
            example = window_of(self.songs, i, first, bars, self.longest) if bars else None
            if example is not None:
                return example
        raise InputError(
            f"no window of the songs has notes and at most {self.longest} words; allow more words"
        )

    def _fitting(self, i: int, first: int, bars: int) -> int:
        """How many of some bars may fit, as a note takes three words at least; 0 where more than
        ``parts`` instruments play in these."""
        table, lines = self.songs.table(i), self.songs.bars(i)[first : first + bars + 1]
        ends = np.searchsorted(table[:, 0], lines)
        count = int((ends[1:] - ends[0] <= self.longest // 3).sum())
        playing = np.unique(table[ends[0] : ends[count], 1])
        return count if len(playing) <= self.parts else 0
