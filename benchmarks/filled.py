"""Realism of rewritten and continued bars: can they be told from the bars of the same songs.

    python benchmarks/filled.py DATA [--n 24] [--what all|lead|on] [--candidates 2] [--out DIR]

Of held-out bands' first 32 bars, bars 9 to 24 are written anew ("all": by all parts; "lead": by the
part that leads alone) and held against the songs' own bars 9 to 24; or the first 16 are gone on
from ("on"), and bars 17 to 32 are held against the songs'. Nothing is asked but, of what goes on,
its number of bars. The test and its features are those of ``cantilena evaluate realism``, as are
the songs. The floor is one half of the songs against the other. DIR receives the songs and the
pieces as MIDI files. Prints Markdown.
"""

from __future__ import annotations

import argparse
import itertools
import warnings
from pathlib import Path

import numpy as np

import cantilena
from cantilena.data.dataset import load_split
from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError, Notice
from cantilena.evaluate.matched import windows
from cantilena.evaluate.realism import measure
from cantilena.files import make_folder
from cantilena.score import Score
from cantilena.score.midi import write_midi
from cantilena.systems.base import System
from cantilena.systems.request import Edit, Request, Span
from cantilena.systems.tracks import select_tracks
from cantilena.text.wishes import Brief

FIRST, STOP = 8, 24  # bars that are written anew, from 0
PAST, BARS = 16, 32  # bars that are gone on from, and those there are then
ONE = Sampling(best_of=1)


def bars_of(score: Score, first: int, stop: int) -> Score:
    """Some bars of a Score, whose main metre holds from its start, as a Score of their own."""
    lines = score.bar_starts
    start, end = int(lines[first]), int(lines[min(stop, len(lines) - 1)])
    own = score.select((score.onset >= start) & (score.onset < end))
    return Score.build(
        score.tpq,
        score.tracks,
        own.onset - start,
        np.minimum(own.duration, end - own.onset),
        own.pitch,
        own.velocity,
        own.track,
        tempos=[(0, int(score.tempo_us[0]))],
        metres=[(0, int(score.metre_num[0]), int(score.metre_den[0]))],
        end=end - start,
    )


def request_of(song: Score, what: str, candidates: int) -> Request:
    """The Request for a song's bars."""
    if what == "on":
        return Request(Brief(bars=BARS - PAST), 0, ONE, Edit.going_on(bars_of(song, 0, PAST)))
    tracks = select_tracks(song, "lead") if what == "lead" else None
    edit = Edit(song, (Span(FIRST, STOP),), tracks)
    return Request(Brief(), 0, ONE, edit, options={"candidates": candidates})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--n", type=int, default=24)
    parser.add_argument("--what", choices=("all", "lead", "on"), default="all")
    parser.add_argument("--candidates", type=int, default=2)
    parser.add_argument("--checkpoint", help="a folder; the shipped one where none is named")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    warnings.simplefilter("ignore", Notice)
    system: System = cantilena.load(args.checkpoint)
    songs = load_split(args.data, "test", corpora=("lakh",))
    first, stop = (PAST, BARS) if args.what == "on" else (FIRST, STOP)
    pairs = []
    for window in itertools.islice(windows(songs, 0, "band"), args.n):
        song = window.score
        if not len(bars_of(song, 0, PAST)):
            continue
        try:
            result = system.compose([request_of(song, args.what, args.candidates)])[0]
        except InputError:  # nobody plays in these bars
            continue
        pairs.append((window.id, bars_of(song, first, stop), bars_of(result.score, first, stop)))
        if args.out is not None:
            make_folder(args.out)
            write_midi(song, args.out / f"{window.id}.mid")
            write_midi(result.score, args.out / f"{window.id}-{args.what}.mid")
    figures = measure(pairs)
    low, high = figures["auc"]["low"], figures["auc"]["high"]
    floor = figures["floor"] or {"auc": float("nan")}
    print(f"{args.what}: AUC {figures['auc']['auc']:.2f} ({low:.2f}-{high:.2f}) of {len(pairs)}")
    print(f"floor {floor['auc']:.2f}\n\n| group | AUC |\n|---|---:|")
    for group, row in figures["groups"].items():
        print(f"| {group} | {row['auc']:.2f} |")
    print("\n| feature | real | composed | AUC alone |\n|---|---:|---:|---:|")
    for row in figures["features"][:20]:
        print(f"| {row['name']} | {row['real']:.3g} | {row['composed']:.3g} | {row['auc']:.2f} |")


if __name__ == "__main__":
    main()
