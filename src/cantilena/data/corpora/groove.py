"""The Groove MIDI Dataset (Gillick et al. 2019): drummers on an electronic kit, to a click.

Knows ``info.csv``, whose splits are kept, and the kit's own pitches.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from cantilena.data.corpora.corpus import SPLITS, Corpus, Rules, Song, Source, find_folder
from cantilena.text.labels import genres_from_labels

# The Roland TD-11 sends pitches of its own for rims and edges; where General MIDI has an
# instrument of another kind there, the pitch moves to the same drum or cymbal.
TD11_TO_GM = {22: 42, 26: 46, 52: 57, 55: 49, 58: 43}
_SPLIT = {"train": "train", "validation": "valid", "test": "test"}


def songs(root: Path) -> Iterator[Song]:
    """The performances ``info.csv`` lists whose MIDI file is there, in its order."""
    folder = find_folder(root, "info.csv", "groove")
    with (folder / "info.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            path = folder / row["midi_filename"]
            split = _SPLIT.get(row["split"], row["split"])
            if split not in SPLITS or not path.is_file():
                continue
            styles = row["style"].split("/")
            genres = genres_from_labels(row["style"])
            title = f"{' '.join(styles)} {row['beat_type']}"
            name = f"groove-{row['id'].replace('/', '-')}"
            yield Song(name, path, split, "groove", genres, (), title)


CORPUS = Corpus(
    name="groove",
    what="drum performances: beats and fills, by ten drummers",
    origin="https://magenta.tensorflow.org/datasets/groove (v1.0.0)",
    licence="CC BY 4.0 (Google LLC)",
    split_rule="the data set's own",
    labels="genre, from the style the drummer named",
    sources=(
        Source(
            "https://storage.googleapis.com/magentadata/datasets/groove/groove-v1.0.0-midionly.zip",
            # as in TensorFlow Datasets (groove/checksums.tsv)
            sha256="651cbc524ffb891be1a3e46d89dc82a1cecb09a57c748c7b45b844c4841dcc1e",
        ),
    ),
    songs=songs,
    rules=Rules(min_notes=16, min_seconds=1.0, min_pulse=0.0),
    drum_map=TD11_TO_GM,
)
