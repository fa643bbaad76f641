"""Retrieval: whether a joint embedding finds the sound of a text, and the text of a sound.

Knows vectors, captions and facts of held-out clips; does not know models. Wanted is a clip's own
caption, or one that reads the same: a duplicate of a caption counts as it. By kind of word, all
clips of which the word is true are wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from cantilena.errors import InputError
from cantilena.text.caption.words import INSTRUMENT_WORDS
from cantilena.text.facts import Facts

DEPTH = 10
"""Ranks that count for mAP, and the larger of the two of R."""
FIGURES: tuple[str, ...] = ("r1", "r10", "map10", "median")
LEAST = 5
"""Clips of which a word is true, and of which it is not, at least."""
TEMPI: dict[str, Callable[[float], bool]] = {
    "slow": lambda bpm: bpm <= 80,
    "medium tempo": lambda bpm: 94 <= bpm <= 118,
    "fast": lambda bpm: bpm >= 132,
}
"""Words of tempo and when they are true; what lies between is neither."""


class JointEmbedder(Protocol):
    """What is measured: ours, or a published CLAP (``models.audio.clap``)."""

    rate: int

    def embed(self, samples: np.ndarray) -> np.ndarray:
        """(T, D) unit vectors of (n,) samples at ``rate``."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """(N, D) unit vectors."""
        ...


@dataclass(frozen=True)
class Ranking:
    """Figures of some queries: ``queries``; the shares that find what is wanted first (``r1``) and
    among ten (``r10``); ``map10``, the mean over queries of average precision at ten; the
    ``median`` rank of the first that is wanted, from 1; and ``chance``: the same three of a random
    order, with its median."""

    queries: int
    r1: float
    r10: float
    map10: float
    median: float
    chance: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, to four digits."""
        rounded = {name: round(float(getattr(self, name)), 4) for name in FIGURES}
        chance = {name: round(float(value), 4) for name, value in self.chance.items()}
        return {"queries": self.queries, **rounded, "chance": chance}


def ranking(scores: np.ndarray, wanted: np.ndarray, seed: int = 0) -> Ranking:
    """The Ranking of (Q, N) scores, the larger the nearer, and (Q, N) bool of what is ``wanted``.
    Of equal scores those that are not wanted come first, so that a constant earns nothing. Raises
    InputError where the shapes differ or a query wants nothing."""
    if scores.shape != wanted.shape or scores.ndim != 2 or not scores.size:
        raise InputError(f"scores {scores.shape} and what is wanted {wanted.shape} do not fit")
    if not wanted.any(1).all():
        raise InputError("a query wants nothing; leave it out")
    rng = np.random.default_rng(seed)
    r1, r10, map10, median = _figures(scores, wanted)
    random = [_figures(rng.random(scores.shape), wanted) for _ in range(8)]
    means: list[float] = np.mean(random, axis=0).tolist()
    chance: dict[str, float] = dict(zip(FIGURES, means, strict=True))
    return Ranking(len(scores), r1, r10, map10, median, chance)


def _figures(scores: np.ndarray, wanted: np.ndarray) -> tuple[float, float, float, float]:
    order = np.lexsort((wanted, -scores), axis=1)
    hits = np.take_along_axis(wanted, order, axis=1)
    first = hits.argmax(1) + 1
    top = hits[:, :DEPTH]
    precision = np.cumsum(top, 1) / np.arange(1, top.shape[1] + 1)
    most = np.minimum(wanted.sum(1), top.shape[1])
    average = (precision * top).sum(1) / most
    return (
        float((first == 1).mean()),
        float((first <= DEPTH).mean()),
        float(average.mean()),
        float(np.median(first)),
    )


def by_caption(
    audio: np.ndarray, text: np.ndarray, captions: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Both ways: (N, D) unit vectors of N clips and of their captions."""
    names = np.array(captions)
    same = names[:, None] == names[None]
    scores = text @ audio.T
    return {
        "text to sound": ranking(scores, same).to_dict(),
        "sound to text": ranking(scores.T, same.T).to_dict(),
    }


def words_of(facts: Sequence[Facts | None]) -> dict[str, dict[str, np.ndarray]]:
    """By kind (instrument, tempo, genre, mood) and word, (N,) bool: the clips of which it is true.
    Words that are true of fewer than ``LEAST`` clips, or of nearly all, are left out."""
    out: dict[str, dict[str, np.ndarray]] = {}

    def add(kind: str, word: str, true: Sequence[bool]) -> None:
        row = np.array(true)
        if LEAST <= row.sum() <= len(row) - LEAST:
            rows = out.setdefault(kind, {})
            rows[word] = rows.get(word, np.zeros(len(row), dtype=bool)) | row

    rows = [f for f in facts if f is not None]
    for number in sorted({i for f in rows for i in f.instruments}):
        name = INSTRUMENT_WORDS[number][0]
        add("instrument", name, [f is not None and number in f.instruments for f in facts])
    for word, holds in TEMPI.items():
        add("tempo", word, [f is not None and f.bpm is not None and holds(f.bpm) for f in facts])
    for genre in sorted({g for f in rows for g in f.genres}):
        add("genre", genre, [f is not None and genre in f.genres for f in facts])
    for mood in sorted({m for f in rows for m in f.moods}):
        add("mood", mood, [f is not None and mood in f.moods for f in facts])
    return out


def by_word(
    audio: np.ndarray,
    embed_texts: Callable[[Sequence[str]], np.ndarray],
    facts: Sequence[Facts | None],
) -> dict[str, dict[str, Any]]:
    """For each kind of word the Ranking of its words as queries."""
    out: dict[str, dict[str, Any]] = {}
    for kind, words in words_of(facts).items():
        wanted = np.stack(list(words.values()))
        scores = embed_texts(list(words)) @ audio.T
        out[kind] = {**ranking(scores, wanted).to_dict(), "words": list(words)}
    return out


def retrieval_table(figures: dict[str, Any]) -> str:
    """The figures as a table in Markdown, chance beside."""
    lines = [
        f"{figures['clips']:,} held-out clips of {figures['songs']:,} songs, {figures['model']}",
        "",
        "| queries | | R@1 | R@10 | mAP@10 | median rank | by chance |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for name, row in figures["rankings"].items():
        chance = row["chance"]
        by_chance = f"{chance['r1']:.3f}, {chance['r10']:.3f}, {chance['map10']:.3f}"
        lines.append(
            f"| {name} | {row['queries']:,} | {row['r1']:.3f} | {row['r10']:.3f} "
            f"| {row['map10']:.3f} | {row['median']:g} | {by_chance}, {chance['median']:.1f} |"
        )
    return "\n".join(lines)
