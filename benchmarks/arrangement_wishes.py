"""How often wishes about the arrangement are obeyed, measured on the written file.

python benchmarks/arrangement_wishes.py [--n 200] [--seed 0]

Prompts are drawn from a small grammar: a line-up and a genre with two or three wishes about roles,
figures, articulation, register, loudness, form or change. Each is read, composed (one attempt, and
as many as by default) and read back from its MIDI file. Prints the share of wishes met by kind.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np

import cantilena
from cantilena.decode.sampling import Sampling
from cantilena.score.midi import read_midi, write_midi
from cantilena.text.report import report
from cantilena.text.wishes import PART_WISHES

LINE_UPS = {
    "pop": ("flute", "piano", "strings", "electric bass", "drums"),
    "rock": ("electric guitar", "organ", "electric bass", "drums"),
    "jazz": ("tenor saxophone", "piano", "acoustic bass", "drums"),
    "folk": ("fiddle", "acoustic guitar", "accordion", "double bass"),
    "classical": ("violin", "clarinet", "piano", "cello"),
    "house": ("synth lead", "synth pad", "synth bass", "drums"),
}
"""A lead, others that play chords, a bass, and drums."""
CHORDAL = frozenset(["strings", "organ", "piano", "acoustic guitar", "accordion", "synth pad"])
WISHES = {
    "lead": ("{lead} has the melody", "led by the {chords}"),
    "register": ("{lead} in the high register", "{lead} in a low register"),
    "loudness": ("soft {chords}", "loud {lead}", "very quiet throughout"),
    "tune": ("legato {lead}", "staccato {lead}"),
    "figure": (
        "arpeggiated {chords}",
        "{chords} plays block chords",
        "an ostinato in the {chords}",
        "staccato {chords}",
    ),
    "form": (
        "AABA form",
        "intro, verse, chorus, verse, chorus, outro",
        "intro 4 bars, verse 8 bars, chorus 16 bars, outro 4 bars",
        "verse and chorus, key change in the last chorus",
        "starts with {chords} alone",
    ),
    "change": (
        "gets louder towards the end",
        "crescendo throughout",
        "fades out at the end",
        "ends softly",
        "builds up",
    ),
    "time": ("slows down at the end", "speeds up at the end"),
}


def prompt(rng: np.random.Generator) -> str:
    """One text."""
    genre = str(rng.choice(list(LINE_UPS)))
    lead, *others = LINE_UPS[genre]
    chordal = [name for name in others if name in CHORDAL]
    names = {"lead": lead, "chords": str(rng.choice(chordal))}
    kinds = rng.choice(list(WISHES), size=int(rng.integers(2, 4)), replace=False)
    wishes = [rng.choice(WISHES[str(kind)]) for kind in kinds]
    asked = ", ".join(str(w).format(**names) for w in wishes)
    return f"A {genre} piece for {', '.join(LINE_UPS[genre])}, 32 bars, {asked}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--best-of", type=int, default=Sampling().best_of)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    met, total = Counter[str](), Counter[str]()
    names = (*PART_WISHES, "form", "changes", "repetition")
    for k in range(args.n):
        text = prompt(rng)
        result = cantilena.compose(text, seed=k, best_of=args.best_of)
        for row in report(result.brief, read_midi(write_midi(result.score))):
            if row.wish in names:
                total[row.wish] += 1
                met[row.wish] += row.met is True
                if args.verbose and row.met is not True:
                    print(f"{k}: {text}\n    {row.wish} {row.asked}: {row.achieved}", flush=True)
    print("| wish | met | of |\n|---|---:|---:|")
    for name in names:
        if total[name]:
            print(f"| {name} | {100 * met[name] / total[name]:.0f} % | {total[name]} |")
    print(f"| all | {100 * met.total() / total.total():.0f} % | {total.total()} |")


if __name__ == "__main__":
    main()
