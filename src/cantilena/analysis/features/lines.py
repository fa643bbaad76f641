"""Features of lines: the lead and the bass, each a note at a time.

Knows intervals, rhythm, phrases and what comes back; does not know chords or other parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from cantilena.analysis.features.bars import (
    NAN,
    cv,
    entropy,
    fresh,
    likeness,
    mean,
    members,
    per_bar,
    rhythm,
    same,
    share,
)
from cantilena.analysis.features.notes import UNITS, Notes

LAGS = (1, 2, 4, 8, 16)
"""Bars after which a motif is looked for."""
BASS_LAGS = (1, 2, 4)
LEAP = 5
"""Semitones from which an interval is a leap: a fourth."""
PHRASE_REST = UNITS
"""Units of rest that end a phrase: a quarter."""
FEW = 4
"""Notes below which a line has no features but its rests."""

DEFINITIONS: dict[str, tuple[str, str]] = {
    **{
        f"lead_again_{k}": ("share", f"likeness of lead bars (place, pitch), lag {k}") for k in LAGS
    },
    **{f"lead_rhythm_{k}": ("share", f"likeness of lead bars (places), lag {k}") for k in LAGS},
    **{
        f"lead_contour_{k}": ("share", f"lead bars of equal up-down-same sequence, lag {k}")
        for k in LAGS
    },
    "lead_new_rhythms": ("share", "lead bars whose rhythm stands nowhere before"),
    "lead_new_triples": ("share", "triples of successive intervals that stand nowhere before"),
    "lead_interval_entropy": ("bits", "entropy of the intervals of the lead, cut at an octave"),
    "lead_rhythm_entropy": ("bits", "entropy of the times from onset to onset, to four quarters"),
    "lead_pitch_entropy": ("bits", "entropy of the lead's pitches"),
    "lead_repeats": ("share", "intervals of 0 semitones"),
    "lead_steps": ("share", "intervals of 1 or 2 semitones"),
    "lead_leaps": ("share", "intervals of 5 semitones or more"),
    "lead_turns": ("share", "intervals that go the other way than the last that moved"),
    "lead_leaps_recovered": ("share", "leaps after which the line moves back"),
    "lead_range": ("semitones", "from the 5th to the 95th percentile of pitch"),
    "lead_phrase_length": ("quarters", "mean time from a phrase's first onset to its last"),
    "lead_phrase_spread": ("cv", "spread of the phrases' lengths"),
    "lead_phrase_arch": ("semitones", "middle third of a phrase above its outer thirds, mean"),
    "lead_phrase_fall": ("semitones", "first note of a phrase less its last, mean"),
    "lead_rest_bars": ("share", "bars in which the lead sounds for less than a fourth"),
    "lead_longest_rest": ("bars", "longest run of such bars"),
    "lead_notes_per_bar": ("notes", "mean over bars with an onset"),
    "lead_notes_spread": ("cv", "spread of notes per bar, all bars"),
    "lead_on_beat": ("share", "onsets on beats"),
    "lead_off_eighth": ("share", "onsets half way between beats"),
    "lead_triplets": ("share", "onsets on triplets of the quarter"),
    "lead_syncopation": ("share", "onsets off the beat with none on the next beat"),
    "lead_downbeats": ("share", "bars with an onset whose first place has one"),
    **{f"bass_again_{k}": ("share", f"likeness of bass bars, lag {k}") for k in BASS_LAGS},
    **{f"bass_rhythm_{k}": ("share", f"bass bars of equal rhythm, lag {k}") for k in BASS_LAGS},
    "bass_new_rhythms": ("share", "bass bars whose rhythm stands nowhere before"),
    "bass_interval_entropy": ("bits", "entropy of the intervals of the bass, cut at an octave"),
    "bass_repeats": ("share", "intervals of 0 semitones"),
    "bass_steps": ("share", "intervals of 1 or 2 semitones"),
    "bass_leaps": ("share", "intervals of 5 semitones or more"),
    "bass_range": ("semitones", "from the 5th to the 95th percentile of pitch"),
    "bass_rest_bars": ("share", "bars in which the bass sounds for less than a fourth"),
    "bass_notes_per_bar": ("notes", "mean over bars with an onset"),
    "bass_notes_spread": ("cv", "spread of notes per bar, all bars"),
    "bass_on_beat": ("share", "onsets on beats"),
    "bass_downbeats": ("share", "bars with an onset whose first place has one"),
}
"""(unit, what it is) of each feature."""


def features(lead: Notes, bass: Notes) -> dict[str, float]:
    """The features of ``DEFINITIONS``, nan where the line has too few notes."""
    out = dict.fromkeys(DEFINITIONS, NAN)
    for name, line in (("lead", lead), ("bass", bass)):
        if len(line):
            out |= _rests(line, name)
        if len(line) >= FEW:
            out |= _intervals(line, name) | _rhythms(line, name)
    if len(lead) >= FEW:
        out |= _lead_motifs(lead) | _phrases(lead)
    if len(bass) >= FEW:
        out |= _bass_motifs(bass)
    return {name: out[name] for name in DEFINITIONS}


def bar_tones(line: Notes) -> np.ndarray:
    """Members: (place, pitch) of each bar of a line."""
    return members(line.bar, line.place * 128 + line.pitch, line.bars)


def _lead_motifs(line: Notes) -> dict[str, float]:
    tones, places, shapes = bar_tones(line), rhythm(line), _contours(line)
    out: dict[str, float] = {}
    for k in LAGS:
        out[f"lead_again_{k}"] = mean(likeness(tones, k))
        out[f"lead_rhythm_{k}"] = mean(likeness(places, k))
        pairs = [a == b for a, b in zip(shapes[k:], shapes, strict=False) if a and b]
        out[f"lead_contour_{k}"] = mean(np.array(pairs, dtype=bool))
    step = _steps(line)
    triples = np.stack([step[:-2], step[1:-1], step[2:]], 1)
    different = np.unique(triples, axis=0)
    return out | {
        "lead_new_rhythms": fresh(places),
        "lead_new_triples": len(different) / len(triples) if len(triples) else NAN,
        "lead_pitch_entropy": entropy(line.pitch),
        "lead_rhythm_entropy": entropy(np.minimum(np.diff(line.time), 4 * UNITS)),
    }


def _bass_motifs(line: Notes) -> dict[str, float]:
    tones, places = bar_tones(line), rhythm(line)
    out: dict[str, float] = {}
    for k in BASS_LAGS:
        out[f"bass_again_{k}"] = mean(likeness(tones, k))
        out[f"bass_rhythm_{k}"] = same(places, k)
    return out | {"bass_new_rhythms": fresh(places)}


def _contours(line: Notes) -> list[tuple[int, ...]]:
    """The signs of the intervals within each bar; () for fewer than two of them."""
    out: list[tuple[int, ...]] = []
    borders = np.searchsorted(line.bar, np.arange(line.bars + 1)).tolist()
    for first, last in pairwise(borders):
        signs = tuple(np.sign(np.diff(line.pitch[first:last])).tolist())
        out.append(signs if len(signs) >= 2 else ())
    return out


def _steps(line: Notes) -> np.ndarray:
    """(N - 1,) intervals in semitones, cut at an octave either way."""
    return np.clip(np.diff(line.pitch), -12, 12)


def _intervals(line: Notes, name: str) -> dict[str, float]:
    whole = np.diff(line.pitch)
    size = np.abs(whole)
    low, high = np.percentile(line.pitch, [5, 95])
    out = {
        f"{name}_interval_entropy": entropy(_steps(line)),
        f"{name}_repeats": share(size == 0),
        f"{name}_steps": share((size == 1) | (size == 2)),
        f"{name}_leaps": share(size >= LEAP),
        f"{name}_range": float(high - low),
    }
    if name == "bass":
        return out
    moves = np.sign(whole[whole != 0])
    after_leap = np.sign(whole[1:])[size[:-1] >= LEAP]
    before = np.sign(whole[:-1])[size[:-1] >= LEAP]
    return out | {
        "lead_turns": share(moves[1:] != moves[:-1]),
        "lead_leaps_recovered": share(after_leap == -before),
    }


def _rhythms(line: Notes, name: str) -> dict[str, float]:
    within = line.place % line.beat
    first = line.place == 0
    filled = np.unique(line.bar)
    out = {
        f"{name}_notes_per_bar": len(line) / len(filled),
        f"{name}_notes_spread": cv(per_bar(line)),
        f"{name}_on_beat": share(within == 0),
        f"{name}_downbeats": len(np.unique(line.bar[first])) / len(filled),
    }
    if name == "bass":
        return out
    beats = (line.time // line.beat)[within == 0]
    off = line.time[within != 0] // line.beat
    quarter = line.place % UNITS
    return out | {
        "lead_off_eighth": share(2 * within == line.beat),
        "lead_triplets": share((quarter == 4) | (quarter == 8)),
        "lead_syncopation": float((~np.isin(off + 1, beats)).sum() / len(line)),
    }


def sounding(line: Notes) -> np.ndarray:
    """(bars,) share of each bar in which the line sounds."""
    length = int(line.bar_lines[-1])
    change = np.bincount(line.time, minlength=length + 1)[: length + 1]
    stop = np.minimum(line.time + line.length, length)
    on = np.cumsum(change - np.bincount(stop, minlength=length + 1))[:length] > 0
    counts = np.add.reduceat(on.astype(np.int64), line.bar_lines[:-1])
    return counts / np.diff(line.bar_lines)


def _rests(line: Notes, name: str) -> dict[str, float]:
    silent = sounding(line) < 0.25
    out = {f"{name}_rest_bars": share(silent)}
    if name == "lead":
        edges = np.flatnonzero(np.diff(np.concatenate([[0], silent, [0]])))
        out["lead_longest_rest"] = float((edges[1::2] - edges[::2]).max(initial=0))
    return out


def _phrases(line: Notes) -> dict[str, float]:
    phrases = list(_split(line))
    spans = np.array([line.time[p[-1]] - line.time[p[0]] for p in phrases]) / UNITS
    several = [p for p in phrases if len(p) >= 3]
    pitch = line.pitch
    arches, falls = [], []
    for p in several:
        third = max(len(p) // 3, 1)
        outer = np.append(pitch[p[:third]], pitch[p[-third:]])
        arches.append(pitch[p[third:-third]].mean() - outer.mean())
        falls.append(pitch[p[0]] - pitch[p[-1]])
    return {
        "lead_phrase_length": float(spans.mean()),
        "lead_phrase_spread": cv(spans) if len(spans) > 1 else NAN,
        "lead_phrase_arch": mean(np.array(arches)),
        "lead_phrase_fall": mean(np.array(falls)),
    }


def _split(line: Notes) -> Iterator[np.ndarray]:
    """Indices of the notes of each phrase: a rest of ``PHRASE_REST`` stands between two."""
    rest = line.time[1:] - (line.time + line.length)[:-1]
    yield from np.split(np.arange(len(line)), np.flatnonzero(rest >= PHRASE_REST) + 1)
