"""What the note scheme's grid of 24 to the quarter and its classes lose, by corpus.

    python benchmarks/quantisation.py CORPORA [--songs 300] [--mix lakh,pop909,groove,mutopia]

CORPORA is the folder that ``cantilena data fetch`` fills. Songs are drawn evenly from each corpus;
those that the data set refuses are passed over. The columns are those of
``cantilena.data.loss.quantisation_loss``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from cantilena.data.corpora import corpus
from cantilena.data.corpora.corpus import Corpus
from cantilena.data.loss import COLUMNS, quantisation_loss
from cantilena.data.prepare import Refused, prepare
from cantilena.score.score import Score
from cantilena.tokens.note import NoteScheme


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
        found = quantisation_loss(scores(corpus(name), args.corpora / name, args.songs))
        cells = [f"{found['notes']:15,.0f}"] + [f"{found[c]:15.3f}" for c in COLUMNS[1:]]
        print(f"{name:8}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
