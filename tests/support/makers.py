"""Things that several tests make: random Scores, Briefs, note tables and frames, and an engine of
noise. Needs no torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from cantilena.score import DRUMS, Score, Track
from cantilena.score.harmony import N_CHORDS, Key
from cantilena.text.labels import GENRES, MOODS
from cantilena.text.wishes import (
    CHANGES,
    MAX_BARS,
    MAX_SECONDS,
    MAX_TEMPO,
    MIN_BARS,
    MIN_SECONDS,
    MIN_TEMPO,
    PART_WISHES,
    REPETITIONS,
    TIMINGS,
    Brief,
    Change,
    Instrument,
    PartWish,
    Section,
)
from cantilena.tokens.note import NoteScheme, context
from cantilena.tokens.note.context import Frame

HABITS: dict[str, Any] = {
    "arrangements": [
        {
            "genres": ["rock"],
            "metre": [4, 4],
            "parts": [
                ["melody", 30, "----..bg.cch...." + "----d.dd.cchb.-.", "47512936848"],
                ["harmony", 0, "..bb_.bbccch..kk" + "ddddddddccch.__.", "8c7a9b8"],
                ["bass", 33, "-.kk.lkkcccc.lll" + "ddddddddcccc.ll.", "84765"],
                ["drums", 128, ".aaf.aaaafaf.aa." + "faafaaafafaf.aa.", "gijkmn"],
            ],
        },
        {"genres": [], "metre": [4, 4], "parts": [["harmony", 0, "..k...b..k..cccc"]]},
    ],
    "ensembles": [
        {"genres": [], "instruments": [0, 33, 128, 48]},
        {"genres": ["rock"], "instruments": [128, 30, 29, 34]},
        {"genres": ["jazz"], "instruments": [0, 32, 128, 65]},
        {"genres": ["classical"], "instruments": [40, 41, 42, 71]},
        {"genres": [], "instruments": [24, 73]},
    ],
    "progressions": {
        # C G F C, C F G G / Cm Fm G Cm, Cm Ab Bb Cm, Fm Cm G G; numbers are 1 + 9 * root + quality
        "major": [[[1, 64, 46, 1], 36], [[1, 46, 64, 64], 25], [[46, 64, 1, 1], 9]],
        "minor": [[[2, 47, 64, 2], 12], [[2, 73, 91, 2], 10], [[47, 2, 64, 64], 4]],
    },
    "tempos": {"rock": [100.0, 124.0, 150.0], "jazz": [90.0, 130.0, 180.0]},
    "textures": {"1": [[3.0, 6.0, 12.0], [1.0, 1.5, 3.0]], "3+drums": [[10, 18, 30], [2, 3, 4]]},
    "registers": {"0": [38, 84], "33": [28, 50], "40": [57, 88]},
}
"""Habits as ``train.note.habits`` counts them, made by hand."""

METRES = [(4, 4), (3, 4), (6, 8), (2, 4), (7, 8), (12, 8), (5, 16), (1, 32), (4, 2), (3, 1)]


@st.composite
def scores(draw: st.DrawFn, most: int = 24) -> Score:
    """Any Score: any resolution, many tracks, drums, doublings, gaps, changes of time and key."""
    tpq = draw(st.sampled_from([1, 7, 24, 96, 120, 480, 960, 1023]))
    program = st.integers(0, 127)
    tracks = draw(
        st.lists(st.builds(Track, st.text(max_size=5), program, st.booleans()), max_size=6)
    )
    n = draw(st.integers(0, most)) if tracks else 0
    columns: list[list[int]] = [[], [], [], [], []]
    tick = 0
    for _ in range(n):
        # mostly small steps, sometimes a silence of many bars
        tick += draw(st.one_of(st.integers(0, tpq), st.integers(0, 30 * tpq)))
        columns[0].append(tick)
        columns[1].append(draw(st.one_of(st.integers(1, 2 * tpq), st.integers(1, 40 * tpq))))
        columns[2].append(draw(st.one_of(st.integers(58, 62), st.integers(0, 127))))
        columns[3].append(draw(st.integers(1, 127)))
        columns[4].append(draw(st.integers(0, len(tracks) - 1)))
    at = st.integers(0, tick + 4 * tpq)
    tempos = draw(st.lists(st.tuples(at, st.integers(1, 6_000_000)), max_size=4))
    metres = draw(st.lists(st.tuples(at, st.sampled_from(METRES)), max_size=3))
    keys = draw(st.lists(st.tuples(at, st.integers(-7, 7), st.integers(0, 1)), max_size=3))
    return Score.build(
        tpq,
        tracks,
        *columns,
        tempos=tempos,
        metres=[(t, *m) for t, m in metres],
        keys=keys,
        end=tick + draw(st.integers(0, 9 * tpq)),
    )


@st.composite
def briefs(draw: st.DrawFn) -> Brief:
    """Any Brief: each wish there or not, in whatever mixture."""
    names = st.text(max_size=8)
    instruments = st.builds(
        Instrument,
        names,
        st.lists(st.integers(0, DRUMS), min_size=1, max_size=4).map(tuple),
        st.integers(1, 9),
    )
    low = draw(st.floats(MIN_TEMPO, MAX_TEMPO))
    return Brief(
        text=draw(st.text(max_size=20)),
        instruments=tuple(draw(st.lists(instruments, max_size=3))),
        only=draw(st.booleans()),
        excluded=tuple(draw(st.lists(st.integers(0, DRUMS), max_size=3))),
        tempo=draw(st.none() | st.just(low)),
        tempo_range=draw(st.none() | st.tuples(st.just(low), st.floats(low, MAX_TEMPO))),
        key=draw(st.none() | st.builds(lambda tonic, minor: Key(tonic, minor).name, _TONIC, _FLAG)),
        metre=draw(st.none() | st.sampled_from(["4/4", "3/4", "12/8", "5/16"])),
        chords=tuple(draw(st.lists(st.sampled_from(["C", "F#m7", "Bbmaj7", "G/B"]), max_size=4))),
        chord_beats=draw(st.none() | st.sampled_from([1.0, 1.5, 2.0])),
        genres=tuple(draw(st.lists(st.sampled_from(GENRES), max_size=2))),
        moods=tuple(draw(st.lists(st.sampled_from(MOODS), max_size=2))),
        bars=draw(st.none() | st.integers(MIN_BARS, MAX_BARS)),
        seconds=draw(st.none() | st.floats(MIN_SECONDS, MAX_SECONDS)),
        swing=draw(st.none() | _FLAG),
        timing=draw(st.none() | st.sampled_from(TIMINGS)),
        density=draw(st.none() | st.sampled_from(["sparse", "medium", "dense"])),
        roles=_part_wishes(draw, PART_WISHES["roles"]),
        figures=_part_wishes(draw, PART_WISHES["figures"]),
        articulations=_part_wishes(draw, PART_WISHES["articulations"]),
        registers=_part_wishes(draw, PART_WISHES["registers"]),
        loudness=_part_wishes(draw, PART_WISHES["loudness"]),
        form=tuple(draw(st.lists(_SECTIONS, max_size=3))),
        form_whole=draw(st.booleans()),
        changes=tuple(draw(st.lists(_CHANGES, max_size=3))),
        repetition=tuple(draw(st.lists(st.sampled_from(REPETITIONS), max_size=2))),
        how=draw(st.dictionaries(names, st.sampled_from(["said", "implied"]), max_size=3)),
        unplaced=tuple(draw(st.lists(names, max_size=3))),
    )


_TONIC, _FLAG = st.integers(0, 11), st.booleans()
_NAMES = st.text(max_size=8)
_SECTIONS = st.builds(
    Section,
    _NAMES,
    st.none() | st.integers(MIN_BARS, MAX_BARS),
    st.lists(_NAMES, max_size=3).map(tuple),
)
_CHANGES = st.builds(Change, st.sampled_from(CHANGES), _NAMES, _NAMES, _NAMES)


def _part_wishes(draw: st.DrawFn, values: tuple[str, ...]) -> tuple[PartWish, ...]:
    wishes = st.builds(PartWish, _NAMES, st.sampled_from(values))
    return tuple(draw(st.lists(wishes, max_size=2)))


def random_table(
    rng: np.random.Generator, notes: int, longest: int = 300, scheme: NoteScheme | None = None
) -> np.ndarray:
    """(N, 5) note table with chords, echoes, silences over ``max_delta`` and drums."""
    scheme = scheme or NoteScheme()
    steps = rng.choice([0, 0, 0, 6, 12, 24, 24, 48, 96, 192, longest], notes)
    onset = np.cumsum(steps)
    instrument = rng.choice([0, 33, 40, 40, 128], notes)
    pitch = rng.integers(58, 66, notes)
    rows = np.stack([onset, instrument, pitch], axis=1)
    rows = np.unique(rows, axis=0)
    classes = [rng.integers(0, size, len(rows)) for size in scheme.sizes[3:]]
    return np.column_stack([rows, *classes]).astype(np.int64)


def repetitive_table(rng: np.random.Generator, bars: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """A (N, 5) note table in which bars of three parts come back exactly, with a note moved, in
    their rhythm, or not, with silences, and its (B + 1,) bar lines."""
    scheme, parts = NoteScheme(), (0, 33, 128)
    lengths = rng.choice([96, 96, 96, 72, 48, 240], bars) if rng.random() < 0.4 else [96] * bars
    lines = np.concatenate([[0], np.cumsum(lengths)])
    bar_notes: dict[tuple[int, int], set[tuple[int, int]]] = {}
    for bar in range(bars):
        for part in parts:
            fresh = {(12 * int(rng.integers(8)), int(rng.integers(55, 66))) for _ in range(5)}
            source = bar_notes.get((part, bar - int(rng.choice([1, 2, 4, 8]))), set())
            notes = [fresh, set(), source, source, source][int(rng.integers(5))]
            if rng.random() < 0.3:
                notes = {(tick, pitch + 1) for tick, pitch in notes}
            elif rng.random() < 0.3 and notes:
                notes = notes - {max(notes)} | {(max(notes)[0], 70)}
            bar_notes[part, bar] = {note for note in notes if note[0] < lengths[bar]}
    rows = np.array(
        sorted(
            (int(lines[bar]) + tick, part, pitch)
            for (part, bar), notes in bar_notes.items()
            for tick, pitch in notes
        )
        or [(0, 0, 60)]
    )
    classes = [rng.integers(0, size, len(rows)) for size in scheme.sizes[3:]]
    return np.column_stack([rows, *classes]).astype(np.int64), lines


def random_frame(rng: np.random.Generator, end: int) -> Frame:
    """Bars of changing length up to about ``end``, with or without chords."""
    lengths = rng.choice([96, 96, 96, 72, 48, 144, 12, 384], max(1, end // 60))
    if rng.random() < 0.5:
        lengths[:] = lengths[0]
    bars = np.concatenate([[0], np.cumsum(lengths)])
    stop = max(2, int(np.searchsorted(bars, end, side="right")) + int(rng.integers(-1, 2)))
    bars = bars[:stop] if stop >= 2 else bars[:2]
    starts = np.arange(0, bars[-1], int(rng.choice([24, 48, 96])))
    starts = starts[: 0 if rng.random() < 0.25 else len(starts)]
    chords = rng.integers(0, N_CHORDS + 1, len(starts))
    last = len(bars) - 2 + int(rng.choice([0, 0, 40, 200]))
    return Frame(bars.astype(np.int64), starts.astype(np.int64), chords, last)


class NoiseEngine:
    """The interface of ``systems.note.engine`` with random logits for a model: what comes out
    is what the Grammar and the Constraints alone make of noise. ``scale`` is the logits' standard
    deviation; ``end`` is added to the onset field's END."""

    def __init__(self, seed: int = 0, scale: float = 2.0, end: float = 0.0, context_: int = 64):
        self.rng, self.scale, self.bonus = np.random.default_rng(seed), scale, end
        self.scheme = NoteScheme()
        self.fields = self.scheme.sizes
        self.model = {
            "context": context_,
            "state": dict(context.STATE),
            "at_onset": dict(context.AT_ONSET),
            "at_instrument": dict(context.AT_INSTRUMENT),
        }
        self.length = 2 + context_
        self.heads = [self._head(k) for k in range(5)]
        self.chosen = [np.zeros((n, 1), dtype=np.float32) for n in self.fields[:-1]]

    def _head(self, k: int):
        def logits(x: np.ndarray) -> np.ndarray:
            out = self.scale * self.rng.standard_normal((len(x), self.fields[k]))
            if k == 0:
                out[:, self.scheme.end] += self.bonus
            return out.astype(np.float32)

        return logits

    def embed(self, part: str, index: np.ndarray) -> np.ndarray:
        """Nothing, in the right shape."""
        return np.zeros((*index.shape[:-1], 1), dtype=np.float32)

    def prefix(self, scalars: np.ndarray, slots: np.ndarray, words: np.ndarray):
        """Nothing, in the right shape."""
        n = len(scalars)
        return np.zeros((n, 2, 1), dtype=np.float32), np.zeros((n, 1), dtype=np.float32)

    def session(self, rows: int) -> NoiseSession:
        """A session that only counts."""
        return NoiseSession(self.length)


class NoiseSession:
    """Counts positions, and holds the loop to the window."""

    def __init__(self, length: int):
        self.length, self.used, self.rewinds = length, 0, 0

    def rewind(self) -> None:
        """Starts again."""
        self.used, self.rewinds = 0, self.rewinds + 1

    def narrow(self, rows) -> bool:
        """Never: the noise of a row depends on how many there are."""
        return False

    def run(self, x: np.ndarray) -> np.ndarray:
        """(B, S, D) -> (B, D)."""
        self.used += x.shape[1]
        assert self.used <= self.length, "the loop went past the window"
        return x[:, -1]
