"""How well trained readers tell attributes from a text, beside the rules.

    python benchmarks/attribute_reading.py READER [READER ...] [--n 400] [--prompts 50] [--seed 0]
        [--table tests/assets/briefs.jsonl] [--readers-only]

READER is a checkpoint of ``text-to-attributes``. All read

- ``--n`` texts in phrasings that no text of the training has, and whose classes are
  those they were put together from;
- the first ``--prompts`` of the shipped prompts of ``evaluate control``, whose wishes are those of
  the songs that they describe; our own captions, of which the training has seen others;
- as many of ``--table``, prompts that people type with what is to be understood in each. The rules
  are tested on that very table, so what they read of it is right by construction.

Printed are, of the attributes that texts say, the share that is read with the right class, by
attribute; of what texts do not say, the share that is left unsaid; and the share of texts in which
all is right. The rules have no words for danceability, artists and octaves. That a list of
instruments is whole ("solo piano") is not compared: the reader's texts do not say it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cantilena.evaluate.prompts import shipped_prompts
from cantilena.systems.attributes.phrases import HELD_OUT
from cantilena.systems.attributes.reader import AttributeReader
from cantilena.systems.attributes.texts import KEYS, text_of
from cantilena.systems.attributes.wishes import classes_of
from cantilena.text.brief import merge, parse_brief
from cantilena.text.wishes import Brief

NAMES = {
    "I1s2": "instruments",
    "S4": "genre",
    "EM1": "emotion",
    "T1s1": "tempo",
    "TS1s1": "metre",
    "K1": "mode",
    "B1s1": "bars",
    "TM1": "seconds",
    "R3": "intensity",
    "R1": "danceable",
    "S2s1": "artist",
    "P4": "octaves",
}
OPTIONS = ("tempo", "key", "metre", "bars", "seconds", "genres", "moods")
Classes = Mapping[str, int]


def stated(brief: Brief) -> dict[str, int]:
    """The classes of a Brief, without those that follow from its list being whole."""
    return classes_of(replace(brief, only=False))


def new_texts(n: int, seed: int) -> list[tuple[str, Classes]]:
    """Texts in phrasings that are held out."""
    rng = np.random.default_rng([seed, 60])
    return [text_of(rng, HELD_OUT) for _ in range(n)]


def shipped(n: int) -> list[tuple[str, Classes]]:
    """The first shipped prompts."""
    prompts = itertools.islice(shipped_prompts(), n)
    return [(prompt.text, stated(prompt.wishes)) for prompt in prompts]


def typed(path: str, n: int) -> list[tuple[str, Classes]]:
    """The first prompts of a table that ask for anything among the attributes."""
    rows = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        classes = stated(understood(row))
        if classes:
            rows.append((row["text"], classes))
    return rows[:n]


def understood(row: Mapping[str, object]) -> Brief:
    """The Brief that a row of the table says is to be understood, as far as classes need it."""
    options = {name: row[name] for name in OPTIONS if name in row}
    brief = merge(Brief(), **options)
    if "instruments" in row:
        names = re.sub(r"\*\d+", "", str(row["instruments"]))
        brief = merge(brief, instruments=names)
    excluded = row.get("excluded", ())
    return brief.with_wishes(
        density=row.get("density"),
        excluded=tuple(excluded) if isinstance(excluded, list) else (),
    )


def table(texts: Sequence[tuple[str, Classes]], readings: Mapping[str, Sequence[Classes]]) -> str:
    """A row for each attribute, a column for each reader."""
    lines = [
        "| attribute | said | " + " | ".join(readings) + " |",
        "|---|---:|" + "---:|" * len(readings),
    ]
    for kind, name in [*NAMES.items(), ("", "all that is said")]:
        cells, count = [], 0
        for read in readings.values():
            right = [
                there.get(key) == value
                for (_, own), there in zip(texts, read, strict=True)
                for key, value in own.items()
                if key in KEYS and kind in ("", key.partition("_")[0])
            ]
            count = len(right)
            cells.append(f"{100 * np.mean(right):.1f}" if right else "-")
        if count:
            lines.append(f"| {name} | {count} | {' | '.join(cells)} |")
    silent, whole, number = [], [], 0
    for read in readings.values():
        pairs = list(zip(texts, read, strict=True))
        left = [key not in there for (_, own), there in pairs for key in KEYS if key not in own]
        number = len(left)
        silent.append(f"{100 * np.mean(left):.1f}")
        whole.append(
            f"{100 * np.mean([dict(own) == dict(there) for (_, own), there in pairs]):.1f}"
        )
    lines.append(f"| left unsaid | {number} | {' | '.join(silent)} |")
    lines.append(f"| whole texts | {len(texts)} | {' | '.join(whole)} |")
    return "\n".join(lines)


def main() -> None:
    """Reads all texts and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("readers", nargs="+", metavar="READER")
    parser.add_argument("--n", type=int, default=400)
    parser.add_argument("--prompts", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", default="tests/assets/briefs.jsonl")
    parser.add_argument("--readers-only", action="store_true", help="leave out the rules")
    args = parser.parse_args()
    readers = [AttributeReader.load(place) for place in args.readers]
    sets = {
        "New phrasings": new_texts(args.n, args.seed),
        "Shipped prompts": shipped(args.prompts),
        "Prompts that people type": typed(args.table, args.prompts),
    }
    for name, texts in sets.items():
        words = [text for text, _ in texts]
        batches = [words[i : i + 32] for i in range(0, len(words), 32)]
        readings = {
            reader.name: [row for batch in batches for row in reader.classes(batch)]
            for reader in readers
        }
        if not args.readers_only:
            readings["rules"] = [stated(parse_brief(text)) for text in words]
        print(f"{name}, per cent right\n\n{table(texts, readings)}\n")


if __name__ == "__main__":
    main()
