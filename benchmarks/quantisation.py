"""What the note scheme's grid of 24 to the quarter and its classes lose, by corpus.

    python benchmarks/quantisation.py CORPORA [--songs 300] [--mix lakh,pop909,groove,mutopia]

CORPORA is the folder that ``cantilena data fetch`` fills. Songs are drawn evenly from each corpus;
those that the data set refuses are passed over. The columns are those of ``quantisation_loss``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from cantilena.data.corpora import corpus
from cantilena.data.corpora.corpus import Corpus
from cantilena.data.prepare import Refused, prepare
from cantilena.score.score import Score
from cantilena.tokens.note import GRID, NoteScheme

COLUMNS = (
    "notes",
    "off_grid",
    "onset_ms",
    "onset_ms_95",
    "onset_ticks",
    "duration_ticks",
    "duration_ratio",
    "velocity",
    "merged",
)


def quantisation_loss(
    scores: Iterable[Score], scheme: NoteScheme | None = None
) -> dict[str, float]:
    """Means over all notes of some Scores.

    - ``notes``: count; ``merged``: share of them that vanish, being equal to another in onset,
      instrument and pitch on the grid
    - ``off_grid``: share of onsets that lie between grid ticks
    - ``onset_ms``, ``onset_ticks``: mean distance of an onset from its grid tick, in milliseconds
      by the tempo map and in grid ticks (24 to the quarter); ``onset_ms_95``: 95th percentile
    - ``duration_ticks``: mean distance, in grid ticks, of a duration from its class;
      ``duration_ratio``: mean of the larger over the smaller of the two, for notes of at least
      one grid tick
    - ``velocity``: mean distance, of 127, of a velocity from its class

    Zeros where there are no notes.
    """
    scheme = scheme or NoteScheme()
    notes, kept = 0, 0
    errors: dict[str, list[np.ndarray]] = {}
    for score in scores:
        notes += len(score)
        kept += len(scheme.table(score))
        for name, values in _errors(score, scheme).items():
            errors.setdefault(name, []).append(values)
    joined = {name: np.concatenate(values) for name, values in errors.items()}
    means = {name: float(values.mean()) for name, values in joined.items() if len(values)}
    if "onset_ms" in means:
        means["onset_ms_95"] = float(np.percentile(joined["onset_ms"], 95))
    means |= {"notes": notes, "merged": 1 - kept / notes if notes else 0.0}
    return {name: means.get(name, 0.0) for name in COLUMNS}


def _errors(score: Score, scheme: NoteScheme) -> dict[str, np.ndarray]:
    """The error of each note, by name."""
    unit = score.tpq / GRID
    onset, duration = score.onset / unit, score.duration / unit
    tick = np.floor(onset + 0.5)
    end = np.floor((score.onset + score.duration) / unit + 0.5)
    durations = np.array(scheme.durations)[scheme.duration_class(np.maximum(end - tick, 1))]
    velocities = np.array(scheme.velocities)[scheme.velocity_class(score.velocity)]
    off = np.abs(onset - tick)
    ratio = np.maximum(durations / duration, duration / durations)
    return {
        "off_grid": off > 1e-9,
        "onset_ticks": off,
        "onset_ms": 1000 * np.abs(score.seconds(tick * unit) - score.seconds(score.onset)),
        "duration_ticks": np.abs(durations - duration),
        "duration_ratio": ratio[duration >= 1],
        "velocity": np.abs(velocities - score.velocity),
    }


def scores(source: Corpus, root: Path, most: int) -> Iterator[Score]:
    """Scores of at most ``most`` songs that the data set takes, evenly from the whole corpus."""
    songs = list(source.songs(root))
    for song in songs[:: max(1, len(songs) // most)][:most]:
        try:
            prepare(song, source, NoteScheme())
        except Refused:
            continue
        yield source.read(song)


def main() -> None:
    """Reads the command line and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--songs", type=int, default=300, help="songs of each corpus")
    parser.add_argument("--mix", default="lakh,pop909,game,mutopia,groove")
    args = parser.parse_args()
    print(f"{'':8}" + "".join(f"{name:>15}" for name in COLUMNS))
    for name in args.mix.split(","):
        loss = quantisation_loss(scores(corpus(name), args.corpora / name, args.songs))
        cells = [f"{loss['notes']:15,.0f}"] + [f"{loss[c]:15.3f}" for c in COLUMNS[1:]]
        print(f"{name:8}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
