"""Windows of held-out songs, and the wishes that a matched piece is composed for.

Knows a data set's songs, ensembles and what of a window can be asked for; does not compose and
measures no likeness.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cantilena.analysis import chord_slots, describe, main_metre, parts, spell_chord
from cantilena.analysis.excerpt import first_bars
from cantilena.analysis.features import BARS
from cantilena.analysis.grid import bar_metres
from cantilena.data.dataset import Songs
from cantilena.evaluate.ensembles import kind_of
from cantilena.evaluate.prompts import MAX_BPM, MIN_BPM, MIN_KEY_STRENGTH, Prompt, score_of
from cantilena.score import gm
from cantilena.score.harmony import NO_CHORD, Chord, Key
from cantilena.score.score import Score
from cantilena.text.report import is_heard
from cantilena.text.wishes import Brief, Instrument

MORE_BARS = 4
"""Bars that a matched piece is asked for beyond the window: a composed piece ends and a window does
not, and its ending would give it away."""
MAX_PARTS = 12
"""Instruments that the note model can be asked for."""
MIN_NOTES = 64
"""Notes below which a window says too little: two a bar."""


@dataclass(frozen=True)
class Window:
    """``BARS`` bars of a real song: its ``id``, fit for a file's name; the ``song``'s own id; the
    notes; the instruments (0-128), the largest share first; and its genres (``text.labels``)."""

    id: str
    song: str
    score: Score
    instruments: tuple[int, ...]
    genres: tuple[str, ...]

    @property
    def kind(self) -> str | None:
        """The kind of ensemble (``ensembles.kind_of``)."""
        return kind_of(self.instruments, self.genres)


def window_of(score: Score, bars: int = BARS) -> Score | None:
    """The first ``bars`` bars in a row in a Score's main metre of which the first has an onset,
    with the parts that are heard in them; None where there are none, or hardly any notes."""
    if not len(score):
        return None
    edges, numerator, denominator = bar_metres(score)
    is_main = np.stack([numerator, denominator], 1) == np.array(main_metre(score))
    run = np.convolve(is_main.all(1), np.ones(bars, dtype=int), "valid") == bars
    bar = np.searchsorted(edges, score.onset, side="right") - 1
    run &= np.bincount(bar, minlength=len(is_main))[: len(run)] > 0
    if not run.any():
        return None
    first = int(edges[run.argmax()])
    cut = first_bars(score.select(score.onset >= first), bars)
    heard = [p.instrument for p in parts(cut) if is_heard(p)]
    cut = cut.select(np.isin(cut.instrument, heard))
    return cut if len(cut) >= MIN_NOTES else None


def windows(
    songs: Songs,
    seed: int = 0,
    kind: str | None = None,
    wanted: Callable[[dict[str, Any]], object] = bool,
) -> Iterator[Window]:
    """The Windows of the songs of a data set's split, in random order, of one ``kind`` where it is
    named, and of which ``wanted`` is true of what was read (``Songs.meta``); songs outside 40-240
    quarters a minute or with more than ``MAX_PARTS`` parts have none."""
    for i in np.random.default_rng(seed).permutation(len(songs)).tolist():
        meta = songs.meta(i)
        if not wanted(meta) or meta["bars"] < BARS or not MIN_BPM <= meta["bpm"] <= MAX_BPM:
            continue
        score = window_of(score_of(songs, i))
        if score is None:
            continue
        instruments = tuple(p.instrument for p in parts(score))
        window = Window(
            _file_name(meta["id"]), meta["id"], score, instruments, tuple(meta["genres"])
        )
        if len(instruments) <= MAX_PARTS and kind in (None, window.kind):
            yield window


def _file_name(song_id: str) -> str:
    """A song's id as a file's name."""
    return re.sub(r"[^\w.-]", "_", song_id).strip(".")[:100]


def prompt_of(window: Window, chords: bool = False) -> Prompt:
    """The Prompt whose wishes are a window's own: its instruments and no others, tempo, metre, key
    where one can be heard, ``BARS + MORE_BARS`` bars and, with ``chords``, its chord in each bar.
    The text is empty."""
    about = describe(window.score)
    key = about.key if about.key_strength >= MIN_KEY_STRENGTH else None
    wishes = Brief(
        instruments=tuple(Instrument(gm.name(i), (i,)) for i in window.instruments),
        only=True,
        tempo=float(round(about.bpm)),
        key=None if key is None else key.name,
        metre=f"{about.metre[0]}/{about.metre[1]}",
        chords=_chords(window.score, about.key) if chords else (),
        bars=BARS + MORE_BARS,
    )
    return Prompt(window.id, "", wishes)


def _chords(score: Score, key: Key | None) -> tuple[str, ...]:
    """The chord of each bar, that of the bar before where none is heard; () where there is none."""
    numbers = chord_slots(score, "bar")[0].tolist()
    last = next((n for n in numbers if n != NO_CHORD), NO_CHORD)
    symbols: list[str] = []
    for number in numbers:
        last = last if number == NO_CHORD else number
        symbols.append(spell_chord(Chord.from_number(last), key) if last != NO_CHORD else "")
    return tuple(symbols) if all(symbols) else ()


def other_songs(chosen: Sequence[Window], pool: Sequence[Window]) -> list[tuple[int, int]]:
    """(chosen, its partner in ``pool``) by index: to each window the other song whose instruments
    are most like its own (Jaccard), each of the pool once; where it runs out the last chosen
    have none."""
    left = dict(enumerate(pool))
    pairs: list[tuple[int, int]] = []
    for i, window in enumerate(chosen):
        own = set(window.instruments)

        def like(j: int, own: set[int] = own) -> tuple[float, int]:
            other = set(left[j].instruments)
            return len(own & other) / len(own | other), -j

        if not left:
            break
        best = max(left, key=like)
        pairs.append((i, best))
        del left[best]
    return pairs
