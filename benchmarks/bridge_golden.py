"""Whether three published encodings are equal to what the published code gives.

    python benchmarks/bridge_golden.py GOLDEN_DIR CORPORA_DIR

GOLDEN_DIR holds ``files20.txt`` (a path a line), ``three.mid`` and the folders ``symphonynet``,
``musecoco`` and ``function_alignment`` with their arrays; CORPORA_DIR is searched for files that
end in those paths. Prints how many comparisons are equal; exit code 1 where one is not.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.errors import InputError
from cantilena.tokens.frames import roll_of
from cantilena.tokens.parts import Parts, read_parts, selected
from cantilena.tokens.remi import attributes, read_words, reading_of, words_of
from cantilena.tokens.remi import vocab as remi
from cantilena.tokens.remi.bars import bars_of, in_common_key, key_of
from cantilena.tokens.symphony import bars_of_rows, places_of, read_vocabulary, rows_of
from cantilena.tokens.symphony.bars import Bar, read_bars
from cantilena.tokens.symphony.vocab import FIRST, PITCHES, Vocabulary


class Table:
    """Counts of comparisons, equal and all, by name."""

    def __init__(self) -> None:
        self.equal: Counter[str] = Counter()
        self.all: Counter[str] = Counter()

    def add(self, name: str, same: bool, where: str) -> None:
        """Counts one, and prints it where it is not equal."""
        self.all[name] += 1
        self.equal[name] += same
        if not same:
            print(f"{where}: {name} differs")


def symphony(table: Table, folder: Path, files: dict[int, Parts]) -> None:
    """Rows of both modes, with and without merges, and the notes they say."""
    vocabulary = read_vocabulary(folder / "published")
    golden = np.load(folder / "encoded.npz")
    for number, parts in files.items():
        for mode in ("train", "prime"):
            key = f"{number:02d}_{mode}"
            try:
                bars = read_bars(parts, mode == "train")
            except InputError:
                table.add("symphony", f"{key}_raw" not in golden, f"{key}: refused")
                continue
            for kind in ("raw", "bpe"):
                rows = published_rows(bars, vocabulary, kind == "bpe")
                same = np.array_equal(rows, golden[f"{key}_{kind}"])
                table.add("symphony", same, f"{key}_{kind}")
            if mode == "train":
                table.add("symphony: notes", same_notes(bars, vocabulary, golden, key), key)


def published_rows(bars: tuple[Bar, ...], vocabulary: Vocabulary, merge: bool) -> np.ndarray:
    """(T, 6) rows and places with the ids of the whole vocabulary, merged or not."""
    plain = vocabulary if merge else replace(vocabulary, merges=())
    rows = rows_of(bars, plain)
    places = places_of(rows, plain)
    if not merge:  # the ids behind the pitches are those of a vocabulary with merged tokens
        rows[rows[:, 0] >= FIRST + PITCHES, 0] += len(vocabulary.tokens)
    return np.concatenate([rows, places], axis=1)


def same_notes(bars: tuple[Bar, ...], vocabulary: Vocabulary, golden: Any, key: str) -> bool:
    """Whether the rows are read as the published code reads them."""
    notes, start = [], 0
    for bar in bars_of_rows(rows_of(bars, vocabulary), vocabulary):
        for n in bar.notes:
            onset = start + n.onset
            notes.append([n.pitch, n.instrument, onset, onset + n.length, n.track])
        start += bar.length
    return sorted(notes) == sorted(golden[f"{key}_notes"].tolist())


def musecoco(table: Table, folder: Path, files: dict[int, Parts]) -> None:
    """Words of both encodings, what they decode to, and the attributes of windows."""
    words = [line.split()[0] for line in (folder / "published/dict.txt").open()]
    table.add("remi: dictionary", remi.all_words()[4:] == words, "dict.txt")
    golden = np.load(folder / "encoded.npz")
    readings: dict[int, Any] = {}
    for number, parts in files.items():
        bars = bars_of(parts)
        readings[number] = reading_of(bars), key_of(bars)[0]
        mine = {
            "remigen": words_of(bars, repeat_tempo=True),
            "remigen2": words_of(bars),
            "remigen2_norm": words_of(in_common_key(bars)),
        }
        for name, array in mine.items():
            key = f"{number:02d}_{name}"
            table.add("remi", np.array_equal(array, golden[key]), key)
        notes = read_words(golden[f"{number:02d}_remigen2"]).notes
        rows = [[40 * at, 40 * (at + d), pitch, v, i] for at, i, pitch, d, v in notes]
        theirs = golden[f"{number:02d}_decoded"].tolist()
        table.add("remi: decoded", sorted(rows) == sorted(theirs), f"{number:02d}_decoded")
    for line in (folder / "attributes.jsonl").open():
        row = json.loads(line)
        window_equal(table, row, *readings[row["n"]])


def window_equal(table: Table, row: dict[str, Any], reading: Any, major: bool | None) -> None:
    """Nine attributes of a window, and its prefix."""
    window = attributes.window(reading, *row["bars"])
    classes = attributes.classes(window, major)
    metre: Any = list(window.metres[0]) if "TS1s1" in classes else None
    if classes.get("TS1s1") == attributes.OTHER_METRE:
        metre = "other"
    one_tempo = "T1s1" in classes
    bpm = remi.tempo_bpm(window.tempos[0][1]) if one_tempo else None
    mine = {
        "B1s1": [len(window.starts), classes.get("B1s1")],
        "I1s2": [i for i in range(28) if classes[f"I1s2_{i}"] == attributes.YES],
        "K1": ("major", "minor")[classes["K1"]],
        "R1": {None: None, attributes.YES: True, attributes.NO: False}[classes.get("R1")],
        "T1s1": [bpm, classes.get("T1s1")],
        "TM1": [attributes.seconds(window), classes["TM1"]],
        "R3": classes["R3"],
        "P4": attributes.octaves(window, up=False),
        "TS1s1": metre,
    }
    where = f"{row['n']} bars {row['bars']}"
    for key, value in mine.items():
        table.add("remi", close(value, row["values"][key]), f"{where} {key}")
    heard = {k: c for k, c in classes.items() if not (k.startswith("I1s2") and c)}
    words = remi.all_words()
    prefix = " ".join(words[i] for i in attributes.prefix(heard))
    table.add("remi", prefix == row["prefix"], f"{where} prefix")


def close(mine: Any, theirs: Any) -> bool:
    """Equal, a real number but for the order of a sum."""
    if isinstance(mine, list) and len(mine) == 2 and isinstance(mine[0], float):
        return mine[1] == theirs[1] and abs(mine[0] - theirs[0]) < 1e-9
    return mine == theirs


def function_alignment(table: Table, folder: Path, files: dict[int, Parts]) -> None:
    """Rolls of all notes, of drums and of the rest."""
    golden = np.load(folder / "rolls.npz")
    frames = {row["n"]: row["frames"] for row in json.loads((folder / "index.json").read_text())}
    for key in golden.files:
        number, _, which = key.partition("_")
        parts = files[int(number)]
        if which != "all":
            parts = selected(parts, drums=which == "drum")
        roll = roll_of(parts, dedup=which != "all")
        same = np.array_equal(roll.rows, golden[key]) and roll.frames == frames[int(number)]
        table.add("frames", same, key)


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("golden", type=Path)
    parser.add_argument("corpora", type=Path)
    args = parser.parse_args()
    files: dict[int, Parts] = {}
    for number, name in enumerate((args.golden / "files20.txt").read_text().split("\n")):
        if not name:
            continue
        path = next((p for d in ("", "*/", "*/*/") for p in args.corpora.glob(d + name)), None)
        if path is None:
            sys.exit(f"there is no {name} under {args.corpora}")
        files[number] = read_parts(path)
    table = Table()
    symphony(table, args.golden / "symphonynet", files)
    musecoco(table, args.golden / "musecoco", files)
    three = {len(files) + 1: read_parts(args.golden / "three.mid")}
    function_alignment(table, args.golden / "function_alignment", files | three)
    print("| encoding | equal |\n|---|---:|")
    for name, count in table.all.items():
        print(f"| {name} | {table.equal[name]:,} of {count:,} |")
    return 0 if table.equal == table.all else 1


if __name__ == "__main__":
    sys.exit(main())
