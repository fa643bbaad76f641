"""Lyrics under notes: whose they are, which note sings them, and where words begin and end.

Knows how MIDI and karaoke files write syllables; does not know XML.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cantilena.score.musicxml.grid import GridNotes
from cantilena.score.score import Score
from cantilena.score.texts import LYRIC, Text


class Syllable(NamedTuple):
    """``text``, and its place in the word: "single", "begin", "middle" or "end"."""

    text: str
    place: str


_NEW_WORD = re.compile(r"[\s/\\]")
_MARKS = re.compile(r"^[\s/\\]+|[\s/\\]+$")


def lyrics_of_parts(score: Score, notes: GridNotes) -> dict[int, dict[int, Syllable]]:
    """track -> onset of a note on the grid -> what is sung on it.

    A syllable stands at the note of its track that begins nearest to it. Syllables of the piece,
    as karaoke files have them, are sung by the pitched track with whose onsets most coincide.
    """
    lines: dict[int | None, list[Text]] = {}
    for text in score.texts:
        if text.kind == LYRIC:
            lines.setdefault(text.track, []).append(text)
    if None in lines:
        singer = _singer(score, lines.pop(None))
        if singer is not None and singer[0] not in lines:
            lines[singer[0]] = singer[1]
    out: dict[int, dict[int, Syllable]] = {}
    for track, line in lines.items():
        of = np.flatnonzero((notes.track == track) & ~notes.grace)
        if track is None or not len(of):
            continue
        begins, onset = score.onset[notes.source[of]], notes.onset[of]
        under: dict[int, Syllable] = {}
        for tick, syllable in _syllables(line):
            at = int(onset[np.abs(begins - tick).argmin()])
            before = under.get(at)
            under[at] = syllable if before is None else _joined(before, syllable)
        out[track] = under
    return out


def _singer(score: Score, line: list[Text]) -> tuple[int, list[Text]] | None:
    """The track that sings a line of the piece, if half of it can be told."""
    ticks = np.array([text.tick for text in line])
    slack = score.tpq // 8
    share = []
    for track, part in enumerate(score.tracks):
        onset = np.unique(score.onset[score.track == track])
        if part.is_drum or not len(onset):
            share.append((0.0, -track))
            continue
        nearest = np.abs(onset[:, None] - ticks[None, :]).min(axis=0)
        # Of two that fit, the one with fewer notes beside the words.
        share.append(
            (float((nearest <= slack).mean()) * min(1, len(ticks) / len(onset)) ** 0.5, -track)
        )
    best = max(share, default=(0.0, 0))
    return (-best[1], line) if best[0] > 0.4 else None


def _syllables(line: Sequence[Text]) -> list[tuple[int, Syllable]]:
    """(tick, Syllable) of the texts of one line of song.

    A hyphen at its end joins a syllable to the next. Where spaces or line marks stand between
    words anywhere in the line, syllables without one between them are of one word; where there are
    none at all, each is a word.
    """
    spaced = any(_NEW_WORD.search(text.text) for text in line)
    joins = False
    out: list[tuple[int, Syllable]] = []
    for i, text in enumerate(line):
        word = _MARKS.sub("", text.text)
        after = line[i + 1].text if i + 1 < len(line) else " "
        parted = bool(_NEW_WORD.match(text.text[-1]) or _NEW_WORD.match(after[0]))
        goes_on = word.endswith("-") or (spaced and not parted)
        word = word.rstrip("-")
        if not word:
            continue
        place = {
            (False, False): "single",
            (False, True): "begin",
            (True, True): "middle",
            (True, False): "end",
        }[joins, goes_on]
        out.append((text.tick, Syllable(word, place)))
        joins = goes_on
    return out


def _joined(first: Syllable, second: Syllable) -> Syllable:
    """Two syllables on one note."""
    begins, ends = first.place in ("single", "begin"), second.place in ("single", "end")
    place = {(True, True): "single", (True, False): "begin", (False, True): "end"}
    gap = " " if first.place in ("single", "end") else ""
    return Syllable(first.text + gap + second.text, place.get((begins, ends), "middle"))
