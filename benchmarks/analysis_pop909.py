"""How well the analysis agrees with POP909's annotations of keys and chords.

    python benchmarks/analysis_pop909.py POP909 [--first 201] [--last 909] [--raw]

POP909 is the folder of songs (``001/001.mid``, ``001/chord_midi.txt``, ...) of
github.com/music-x-lab/POP909-Dataset (MIT). Keys are judged on the songs with one annotated key.
Chords are judged by share of time (MIREX style, Harte 2010): the same root; the same major or
minor triad, where the annotation is one; the same reduced chord. Songs 1-200 were used to set the
chord model's numbers, so chords are reported on the rest.

The songs' bar lines often stand in the wrong place, so by default notes are first moved to a grid
of the annotated beats, in bars that start on annotated downbeats; ``--raw`` takes files as they
are.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from pathlib import Path

import numpy as np

from cantilena.analysis import KEY_PROFILES, chord_slots, find_key
from cantilena.score.harmony import QUALITIES, Key, parse_chord
from cantilena.score.midi import read_midi
from cantilena.score.score import Score

TPQ = 480
SYMBOLS = {"maj": "", "min": "m", "sus4(b7)": "7sus4", "hdim7": "m7b5", "maj6": "6", "min6": "m6"}
SYMBOLS |= {"min7": "m7", "minmaj7": "m", "dim7": "dim"}
THIRDS = np.array([-1] + [4 if 4 in i else 3 if 3 in i else -1 for i in QUALITIES.values()] * 12)
"""The third of each reduced chord number, -1 for none."""


def chord_number(label: str) -> int:
    """The reduced number of a POP909 label such as "Bb:min7/b3"; 0 for "N"."""
    root, _, rest = label.partition(":")
    if not rest:
        return 0
    kind = rest.split("/")[0]
    return parse_chord(root + SYMBOLS.get(kind, kind)).number


def annotated_chords(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """(C + 1,) seconds where chords start, with the last one's end, and (C,) reduced numbers."""
    rows = [line.split() for line in (folder / "chord_midi.txt").read_text().splitlines() if line]
    times = np.array([float(r[0]) for r in rows] + [float(rows[-1][1])])
    return times, np.array([chord_number(r[2]) for r in rows])


def annotated_keys(folder: Path) -> list[Key]:
    """The annotated keys, one after another."""
    text = (folder / "key_audio.txt").read_text()
    names = re.findall(r"\s([A-G][b#]?):(maj|min)", text)
    return [Key.from_name(f"{tonic} {mode}or") for tonic, mode in names]


def annotated_beats(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """(T,) seconds of beats and (T,) bool: the beat starts a bar."""
    rows = np.loadtxt(folder / "beat_midi.txt", ndmin=2)
    keep = np.append(True, np.diff(rows[:, 0]) > 1e-3)
    return rows[keep, 0], rows[keep, 2] > 0


def on_beats(score: Score, folder: Path) -> tuple[Score, np.ndarray]:
    """The Score moved to annotated beats, and the (T,) seconds of its quarters from tick 0 on."""
    beats, down = annotated_beats(folder)
    gaps = np.diff(np.flatnonzero(down))
    metre = int(np.bincount(gaps).argmax()) if len(gaps) else 4
    step = float(np.median(np.diff(beats)))
    lead = int(np.ceil(max(beats[0], 0) / step)) + 1
    lead += (-lead - int(np.argmax(down))) % metre
    tail = int(np.ceil(max(float(score.seconds(score.end)) - beats[-1], 0) / step)) + 1
    before = beats[0] - step * np.arange(lead, 0, -1)
    times = np.concatenate([before, beats, beats[-1] + step * np.arange(1, tail + 1)])
    ticks = np.arange(len(times)) * TPQ

    def moved(old: np.ndarray) -> np.ndarray:
        return np.rint(np.interp(score.seconds(old), times, ticks)).astype(np.int64)

    onset = moved(score.onset)
    length = np.maximum(moved(score.onset + score.duration) - onset, 1)
    notes = (onset, length, score.pitch, score.velocity, score.track)
    return Score.build(TPQ, score.tracks, *notes, metres=[(0, metre, 4)]), times


def agreement(
    times: np.ndarray, truth: np.ndarray, starts: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """(4,) seconds: of the same root, of the same triad, of triads judged, of the same chord.

    ``times`` (C + 1,), ``truth`` (C,): the annotation; ``starts`` (S,) seconds and ``labels``
    (S,): the analysis.
    """
    inside = starts[(starts > times[0]) & (starts < times[-1])]
    edges = np.union1d(times, inside)
    middle, length = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    ref = truth[np.clip(np.searchsorted(times, middle, side="right") - 1, 0, len(truth) - 1)]
    est = labels[np.clip(np.searchsorted(starts, middle, side="right") - 1, 0, len(labels) - 1)]
    root = np.where((ref > 0) & (est > 0), (ref - 1) // 9 == (est - 1) // 9, ref == est)
    triad = root & (THIRDS[ref] == THIRDS[est])
    judged = (THIRDS[ref] > 0) | (ref == 0)
    return np.array([length @ m for m in (root, triad & judged, judged, ref == est)])


def report_keys(songs: list[tuple[Path, Score]]) -> None:
    """Prints exact, relative and fifth-related agreement for each profile."""
    annotated = [(annotated_keys(f), s) for f, s in songs]
    annotated = [(k[0], s) for k, s in annotated if len(k) == 1]
    print(f"\nkeys of {len(annotated)} songs with one annotated key")
    print(f"{'profile':20} exact  relative  fifth  parallel  other")
    for profile in KEY_PROFILES:
        counts = Counter(relation(truth, find_key(score, profile)[0]) for truth, score in annotated)
        row = [f"{counts[n]:{len(n)}}" for n in ("exact", "relative", "fifth", "parallel", "other")]
        print(f"{profile:20} {'  '.join(row)}")


def relation(truth: Key, estimate: Key | None) -> str:
    """How a found key relates to the true one."""
    if estimate is None:
        return "other"
    if estimate == truth:
        return "exact"
    if estimate.minor != truth.minor:
        if estimate.scale[0] == truth.scale[0]:
            return "parallel"
        return "relative" if set(estimate.scale) == set(truth.scale) else "other"
    return "fifth" if (estimate.tonic - truth.tonic) % 12 in (5, 7) else "other"


def report_chords(songs: list[tuple[Path, Score]], raw: bool) -> None:
    """Prints agreement of chords for each division of the bar."""
    print(f"\nchords of {len(songs)} songs, share of time, {'raw' if raw else 'annotated'} bars")
    print("slot  root   triad  chord   ms/song")
    for per in ("beat", "half", "bar"):
        total, judged, clock = np.zeros(4), 0.0, 0.0
        for folder, score in songs:
            times, truth = annotated_chords(folder)
            placed, beats = (score, None) if raw else on_beats(score, folder)
            began = time.perf_counter()
            numbers, ticks = chord_slots(placed, per)
            clock += time.perf_counter() - began
            if beats is None:
                starts = placed.seconds(ticks)
            else:
                starts = np.interp(ticks / TPQ, np.arange(len(beats)), beats)
            total += agreement(times, truth, starts, numbers)
            judged += times[-1] - times[0]
        root, triad, chord = total[0] / judged, total[1] / total[2], total[3] / judged
        print(f"{per:5} {root:.3f}  {triad:.3f}  {chord:.3f}  {1000 * clock / len(songs):6.1f}")


def main() -> None:
    """Reads the command line and prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="the POP909 folder with folders 001, 002, ...")
    parser.add_argument("--first", type=int, default=201, help="first song judged for chords")
    parser.add_argument("--last", type=int, default=909)
    parser.add_argument("--raw", action="store_true", help="keep the files' own bar lines")
    args = parser.parse_args()
    folders = sorted(p for p in args.folder.iterdir() if re.fullmatch(r"\d{3}", p.name))
    songs = [(f, read_midi(f / f"{f.name}.mid")) for f in folders]
    report_keys(songs)
    report_chords([s for s in songs if args.first <= int(s[0].name) <= args.last], args.raw)


if __name__ == "__main__":
    main()
