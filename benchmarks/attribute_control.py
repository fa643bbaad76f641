"""How often music has the attributes that were asked for, by MuseCoco's measure (ASA).

    python benchmarks/attribute_control.py DATA CHECKPOINT [CHECKPOINT ...] [--n 40] [--asked 4]
        [--tokens 1280] [--note] [--published-mean] [--seed 0] [--json FILE]

DATA is a data set (``cantilena data build``), of whose test songs windows are drawn. Of each window
some attributes are asked for, of those that can be heard in notes, and

- each CHECKPOINT of the system ``attributes`` writes a piece behind the prefix of these alone, and
  the first another, that is held besides to what its constraints hold of a Brief (length, metre,
  tempo, instruments);
- with ``--note`` the shipped note model writes one to the Brief that says the same, as far as a
  Brief can (not octaves, not danceability), which it is held to by constraints;
- "nothing asked" is the first CHECKPOINT's pieces without any attributes, "another window" a real
  window's music against the request of another: both are what is right by chance;
- "the window itself" is the music that the request was read from: the most that can be right.

Of a piece the share of what was asked that it has is counted, and the mean over pieces is printed
with its standard error; a piece that has nothing of it counts as 0. The published script leaves
such pieces out of the mean, as does ``--published-mean``. Danceable is ``struck_on_beats``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

import cantilena
from cantilena.data.dataset import Songs, load_split
from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.score import Score
from cantilena.systems.attributes.examples import Windows, chosen, heard
from cantilena.systems.attributes.wishes import brief_of
from cantilena.systems.base import System
from cantilena.systems.request import Request
from cantilena.text.wishes import Brief
from cantilena.tokens.parts import parts_of
from cantilena.tokens.remi import RemiScheme
from cantilena.tokens.remi.bars import bars_of

HEARD = ("I1s2", "R1", "R3", "B1s1", "TS1s1", "K1", "T1s1", "P4", "TM1")
"""The attributes that notes tell."""
NAMES = {
    "I1s2": "instruments",
    "R1": "danceable",
    "R3": "intensity",
    "B1s1": "bars",
    "TS1s1": "metre",
    "K1": "mode",
    "T1s1": "tempo",
    "P4": "octaves",
    "TM1": "seconds",
}


def kind_of(name: str) -> str:
    """The attribute that a name in a prefix belongs to."""
    return name.partition("_")[0]


@dataclass(frozen=True)
class Asked:
    """A window's music and the classes that are asked for."""

    score: Score
    classes: Mapping[str, int]


def requests(songs: Songs, n: int, asked: int, longest: int, parts: int, seed: int) -> list[Asked]:
    """``n`` windows of songs, with up to ``asked`` attributes of each."""
    windows, rng = Windows(songs, longest, parts=parts), np.random.default_rng([seed, 15])
    rows = []
    while len(rows) < n:
        example = windows.example(rng)
        audible = {k: x for k, x in example.classes.items() if kind_of(k) in HEARD}
        score = RemiScheme().decode(example.words[:, None])
        rows.append(Asked(score, chosen(audible, asked, rng)))
    return rows


def classes_in(score: Score) -> dict[str, int]:
    """The classes that a piece has; {} for one without notes or without words."""
    try:
        return heard(bars_of(parts_of(score)))
    except InputError:
        return {}


def right(score: Score, asked: Mapping[str, int]) -> dict[str, bool]:
    """Of each attribute that is asked for, whether a piece has it."""
    there = classes_in(score)
    return {name: there.get(name) == value for name, value in asked.items()}


Rows = list[dict[str, bool]]


def shares(rows: Rows) -> np.ndarray:
    """(n,) the share that is right of each piece."""
    return np.array([np.mean(list(row.values())) for row in rows])


def mean_of(rows: Rows, published: bool) -> tuple[float, float]:
    """The mean share in per cent and its standard error; ``published``: without zeros."""
    each = shares(rows)
    kept = each[each > 0] if published else each
    return 100 * float(kept.mean()), 100 * float(kept.std(ddof=1) / np.sqrt(len(kept)))


def written(
    system: System, asked: Sequence[Asked], request: Callable[[Asked, int], Request]
) -> list[Score]:
    """A piece of each request."""
    results = system.compose([request(one, seed) for seed, one in enumerate(asked)])
    return [result.score for result in results]


def of_nothing(tokens: int, one: Asked, seed: int) -> Request:
    """A request that says nothing, for a piece of at most so many ``tokens``."""
    return Request(Brief(), seed, options={"tokens": tokens})


def behind_prefix(tokens: int, one: Asked, seed: int) -> Request:
    """A request that says attributes alone."""
    return replace(of_nothing(tokens, one, seed), attributes=dict(one.classes))


def held(tokens: int, one: Asked, seed: int) -> Request:
    """A request that says attributes, and a Brief that says the same."""
    return replace(behind_prefix(tokens, one, seed), brief=brief_of(one.classes))


def as_brief(one: Asked, seed: int) -> Request:
    """A request for the note system."""
    return Request(brief_of(one.classes), seed, Sampling(best_of=1))


def table(results: Mapping[str, Rows], published: bool) -> str:
    """A row for each kind of piece, a column for each attribute."""
    counts = dict.fromkeys(HEARD, 0)
    for row in next(iter(results.values())):
        for name in row:
            counts[kind_of(name)] += 1
    kinds = [kind for kind in HEARD if counts[kind]]
    lines = [
        "| pieces | mean | " + " | ".join(f"{NAMES[k]} ({counts[k]})" for k in kinds) + " |",
        "|---|---:|" + "---:|" * len(kinds),
    ]
    for name, rows in results.items():
        mean, error = mean_of(rows, published)
        cells = []
        for kind in kinds:
            values = [v for row in rows for k, v in row.items() if kind_of(k) == kind]
            cells.append(f"{100 * np.mean(values):.0f}")
        zeros = int((shares(rows) == 0).sum())
        mark = f" ({zeros} with nothing)" if zeros else ""
        lines.append(f"| {name}{mark} | {mean:.1f} ± {error:.1f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Draws requests, writes pieces and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("checkpoints", nargs="+")
    parser.add_argument("--n", type=int, default=40)
    parser.add_argument("--asked", type=int, default=4)
    parser.add_argument("--longest", type=int, default=640)
    parser.add_argument("--parts", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=1_280, help="words of a piece at most")
    parser.add_argument("--corpora", default="lakh")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--note", action="store_true")
    parser.add_argument("--published-mean", action="store_true")
    parser.add_argument("--json")
    args = parser.parse_args()
    songs = load_split(args.data, "test", args.corpora.split(","))
    asked = requests(songs, args.n, args.asked, args.longest, args.parts, args.seed)
    pieces: dict[str, list[Score]] = {}
    for place in args.checkpoints:
        system = cantilena.load(place, "attributes")
        pieces[Path(place).name] = written(system, asked, partial(behind_prefix, args.tokens))
        if "nothing asked" not in pieces:
            pieces[f"{Path(place).name} and constraints"] = written(
                system, asked, partial(held, args.tokens)
            )
            pieces["nothing asked"] = written(system, asked, partial(of_nothing, args.tokens))
    if args.note:
        pieces["note, by constraints"] = written(cantilena.load(), asked, as_brief)
    windows = [one.score for one in asked]
    pieces["another window"] = windows[1:] + windows[:1]
    pieces["the window itself"] = windows
    results = {
        name: [right(score, one.classes) for score, one in zip(scores, asked, strict=True)]
        for name, scores in pieces.items()
    }
    print(table(results, args.published_mean))
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
