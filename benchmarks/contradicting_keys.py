"""Whether an asked key is heard where the asked chords lie in another.

python benchmarks/contradicting_keys.py DATASET [--n 60] [--split test] [--skip 0]

Captions of real songs often contradict themselves, since the key and the chords were heard by two
programs (in MidiCaps too). Of the songs of a split, in random order, the first 16 bars are taken
whose key, by Krumhansl's profiles, is not the one in which their most repeated chords lie. For each
a piece is composed from a text that names instruments, tempo, metre, length, key and chords, as by
default. Prints how many of the songs contradict themselves, how often the key is heard, and how
much else is as asked.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice

import cantilena
from cantilena.analysis import describe
from cantilena.analysis.excerpt import first_bars
from cantilena.analysis.key import find_key
from cantilena.data.dataset import Songs, load_split
from cantilena.evaluate import control
from cantilena.evaluate.matched import windows
from cantilena.score import gm
from cantilena.score.harmony import parse_chord
from cantilena.score.midi import read_midi, write_midi
from cantilena.systems.note.planning import key_of_chords
from cantilena.text.report import is_heard
from cantilena.text.wishes import Brief, Instrument

BARS = 16
MOST_PARTS = 8
LEAST_CHORDS = 2
FIGURES = {
    "key": "key as asked",
    "chords_in_place": "chords in place",
    "chords_pcm": "all chords exactly (PCM)",
    "asa": "attributes (ASA)",
}


class Contradictions:
    """The wishes of songs whose key and chords contradict each other; ``read``: songs looked at
    that have both."""

    def __init__(self, songs: Songs):
        self.songs, self.read = songs, 0

    def __iter__(self) -> Iterator[Brief]:
        for window in windows(self.songs):
            score = first_bars(window.score, BARS)
            about = describe(score)
            parts = [p.instrument for p in about.parts if is_heard(p)]
            if len(about.progression) < LEAST_CHORDS or not 1 <= len(parts) <= MOST_PARTS:
                continue
            key, _ = find_key(score, "krumhansl")
            if key is None:
                continue
            self.read += 1
            if key_of_chords([parse_chord(name) for name in about.progression]) == key:
                continue
            yield Brief(
                instruments=tuple(Instrument(gm.name(i), (i,)) for i in parts),
                tempo=float(round(about.bpm)),
                key=key.name,
                metre=f"{about.metre[0]}/{about.metre[1]}",
                chords=about.progression,
                bars=BARS,
            )


def text_of(wishes: Brief) -> str:
    """A plain text that states all of the wishes."""
    names = ", ".join(i.name for i in wishes.instruments)
    return (
        f"A piece in {wishes.key} for {names}, {wishes.metre}, {wishes.tempo:.0f} bpm, "
        f"{wishes.bars} bars, chords {' '.join(wishes.chords)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data")
    parser.add_argument("--n", type=int, default=60)
    parser.add_argument("--split", default="test")
    parser.add_argument("--skip", type=int, default=0, help="songs of the kind to pass over")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    contradictions = Contradictions(load_split(args.data, args.split))
    asked = list(islice(contradictions, args.skip, args.skip + args.n))
    rows = []
    for seed, wishes in enumerate(asked):
        score = read_midi(write_midi(cantilena.compose(text_of(wishes), seed=seed).score))
        rows.append(control.evaluate(wishes, score))
        if args.verbose:
            heard, _ = find_key(score)
            figures = " ".join(f"{name} {rows[-1][name]:.2f}" for name in FIGURES)
            print(f"{text_of(wishes)}: {heard.name if heard else None} {figures}", flush=True)
    share = (args.skip + len(asked)) / max(contradictions.read, 1)
    print(
        f"{len(asked)} songs of the split {args.split}; {share:.2f} of songs contradict themselves"
    )
    print("| | mean | 95 % | n |\n|---|---:|---:|---:|")
    for name, row in control.summary(rows, names=FIGURES).items():
        low, high = row["low"], row["high"]
        print(f"| {FIGURES[name]} | {row['mean']:.2f} | {low:.2f}-{high:.2f} | {row['n']:.0f} |")


if __name__ == "__main__":
    main()
