"""What a user gets who has parts added to a melody: by the shipped model, and by adapters on it.

    python benchmarks/accompanied_melodies.py --data DATA [--checkpoint RUN] [--songs 16]
        [--parts "piano, bass, drums"] [--seeds 1]

DATA is a data set of ``cantilena data build``. Of test songs in 4/4 with a tune and an
accompaniment the tune's bars 9 to 16, alone, are given to ``cantilena.accompany`` with the default
system and with ``aligned`` (the shipped adapters, or those of RUN), for the same parts and seeds.
Both choose chords for the tune and hold what they write to them. Measured of the new parts:

- fit and rhythm: as in ``aligned_streams.py``, against the tune, and against another of them;
- asked: mean of the report's rows, 1 where every wish is obeyed;
- like: how like a song the whole piece is, by ``analysis.songlikeness``;
- notes: of the new parts;
- seconds: CPU time of a piece.

The song's own accompaniment stands beside. Errors are standard errors over songs.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from aligned_streams import BARS, SCHEME, fit, pieces, rhythm

import cantilena
from cantilena.analysis.songlikeness import songlikeness
from cantilena.data.dataset import load_split
from cantilena.score import Score
from cantilena.systems.base import System
from cantilena.text.report import total
from cantilena.tokens.note import Header
from cantilena.tokens.note.streams import Task

TASK = Task.of("melody-to-accompaniment")
COLUMNS = ("fit", "another's", "rhythm", "another's", "asked", "like", "notes", "seconds")


def score_of(table: np.ndarray, piece: dict[str, Any]) -> Score:
    """The Score of a note table (N, 5) in a piece's tempo, of its length."""
    tempos = ((0, round(6e7 / piece["bpm"])),)
    return SCHEME.from_table(table, Header(tempos, end=int(piece["bars"][-1])))


def measured(tunes: list[np.ndarray], k: int, parts: np.ndarray, end: int) -> list[float]:
    """Fit and rhythm of parts to their own tune and to the next one."""
    own, other = tunes[k], tunes[(k + 1) % len(tunes)]
    return [
        fit(own, parts),
        fit(other, parts),
        rhythm(own, parts, end),
        rhythm(other, parts, end),
    ]


def accompanied(
    system: System, rows: list[dict[str, Any]], parts: str, seeds: int
) -> list[list[float]]:
    """The ``COLUMNS`` of each tune, means over seeds."""
    tunes, out = [row["sides"][0] for row in rows], []
    for k, piece in enumerate(rows):
        figures = []
        for seed in range(seeds):
            begun = time.process_time()
            tune = score_of(tunes[k], piece)
            result = cantilena.accompany(tune, parts=parts, seed=seed, checkpoint=system)
            seconds = time.process_time() - begun
            score = result.score
            new = SCHEME.table(score.select(score.track > 0))  # the tune is the first track
            fits = measured(tunes, k, new, int(piece["bars"][-1]))
            like = songlikeness(score)
            figures.append([*fits, total(result.rows), like, float(len(new)), seconds])
        out.append(np.nanmean(figures, axis=0).tolist())
    return out


def main() -> None:
    """Reads the command line and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", required=True, metavar="DIR")
    parser.add_argument("--checkpoint", metavar="RUN")
    parser.add_argument("--corpora", default="lakh", metavar="LIST")
    parser.add_argument("--songs", type=int, default=16)
    parser.add_argument("--parts", default="piano, bass, drums", metavar="LIST")
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    songs = load_split(args.data, "test", args.corpora.split(","))
    rows = pieces(songs, TASK, args.songs)
    tunes = [row["sides"][0] for row in rows]
    table: dict[str, list[list[float]]] = {}
    for name, system in (
        ("note", cantilena.load()),
        ("aligned", cantilena.load(args.checkpoint, "aligned")),
    ):
        table[name] = accompanied(system, rows, args.parts, args.seeds)
    own = []
    for k, piece in enumerate(rows):
        parts = piece["sides"][1]
        fits = measured(tunes, k, parts, int(piece["bars"][-1]))
        like = songlikeness(score_of(np.concatenate(piece["sides"]), piece))
        own.append([*fits, np.nan, like, float(len(parts)), np.nan])
    table["the song's own"] = own
    print(f"{len(rows)} tunes of {BARS} bars, {args.seeds} of each; parts: {args.parts}")
    print(f"{'':16}" + "".join(f"{name:>14}" for name in COLUMNS))
    for name, values in {**table, "aligned - note": _less(table)}.items():
        mean, error = np.nanmean(values, 0), np.nanstd(values, 0, ddof=1) / np.sqrt(len(values))
        cells = (f"{m:7.2f} ± {e:4.2f}" for m, e in zip(mean, error, strict=True))
        print(f"{name:16}" + "".join(f"{cell:>14}" for cell in cells))


def _less(table: dict[str, list[list[float]]]) -> list[list[float]]:
    """Differences, song by song."""
    return (np.array(table["aligned"]) - np.array(table["note"])).tolist()


if __name__ == "__main__":
    main()
