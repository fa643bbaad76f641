"""A split of a data set that holds chosen pieces as Lakh songs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cantilena.data.build import build
from cantilena.data.dataset import Songs, load_split
from cantilena.score.score import Score
from corpus_pieces import add_lakh


def split_of(folder: Path, scores: Sequence[Score], split: str = "test") -> Songs:
    """The songs of a data set that is built of the Scores."""
    data_set(folder, scores, split)
    return load_split(folder / "data", split)


def data_set(
    folder: Path, scores: Sequence[Score], split: str = "test", labels: Sequence[str] = ()
) -> Path:
    """The folder of a data set built of the Scores; ``labels``: the genre of each, as Lakh's."""
    digit = {"train": "0", "valid": "e", "test": "f"}[split]
    names = [add_lakh(folder / "corpora", digit, score) for score in scores]
    if labels:
        rows = ["md5\tartist\ttitle\tgenre\ttags"]
        rows += [f"{n}\tartist {n}\t{n}\t{g}\t" for n, g in zip(names, labels, strict=True)]
        (folder / "corpora" / "lakh" / "index.tsv").write_text("\n".join(rows) + "\n")
    build(folder / "corpora", folder / "data", ["lakh"])
    return folder / "data"
