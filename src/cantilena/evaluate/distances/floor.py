"""How far real music is from real music: the floor of a distance, and systems at the same size.

Knows vectors by piece; does not know what they are embeddings of. Pieces are halved at random,
several times, and each half is held against the other. A Frechet distance is larger for smaller
sets, KAD is not: a floor is therefore not to be compared with a system's whole set against the
whole reference, but with as many of its pieces in the place of one half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cantilena.evaluate.distances.frechet import frechet_distance
from cantilena.evaluate.distances.mmd import kad, median_bandwidth
from cantilena.evaluate.distances.sem import mean_of

SPLITS = 5
"""Random halvings."""


Vectors = Sequence[np.ndarray | None]
"""For each piece its (T, D) vectors, None where there is none."""


def real_floor(
    pieces: Vectors,
    systems: Mapping[str, Vectors] | None = None,
    splits: int = SPLITS,
    seed: int = 0,
) -> dict[str, Any] | None:
    """Means over ``splits`` random halvings, as plain data: ``frechet`` over pooled vectors and
    ``kad`` over pieces' mean vectors, each a ``Mean``; ``pieces`` in a half; ``vectors``, the mean
    number in one; and under ``systems`` the same two for each system, as many of whose pieces stand
    in the place of one half (its answers to the texts of that half, others where it has failed).

    ``pieces``: the real ones; ``systems``: by name, in the order of the real pieces that they
    answer. A system with fewer pieces than a half has no figures. None where fewer than 4 real
    pieces have vectors. Raises InputError for vectors that are not finite.
    """
    real = [i for i, vectors in enumerate(pieces) if vectors is not None]
    half = len(real) // 2
    if half < 2:
        return None
    bandwidth = median_bandwidth(_means(pieces, real))
    measured: dict[str | None, list[tuple[float, float]]] = {}
    counts: list[int] = []
    rng = np.random.default_rng(seed)
    for _ in range(splits):
        order = [real[i] for i in rng.permutation(len(real))]
        one, other = order[:half], order[half : 2 * half]
        counts += [sum(len(_vectors(pieces, [i])) for i in side) for side in (one, other)]
        sides: dict[str | None, tuple[Vectors, list[int]]] = {None: (pieces, one)}
        for name, answers in (systems or {}).items():
            chosen = _answers(answers, one, other, half)
            if len(chosen) == half:
                sides[name] = (answers, chosen)
        for name, (of, chosen) in sides.items():
            pair = (
                frechet_distance(_vectors(of, chosen), _vectors(pieces, other)),
                kad(_means(of, chosen), _means(pieces, other), bandwidth),
            )
            measured.setdefault(name, []).append(pair)
    return {
        **_figures(measured.pop(None)),
        "splits": splits,
        "pieces": half,
        "vectors": round(float(np.mean(counts))),
        "systems": {str(name): _figures(pairs) for name, pairs in measured.items()},
    }


def _answers(answers: Vectors, one: list[int], other: list[int], half: int) -> list[int]:
    """The pieces of a system that stand in the place of the half ``one``; answers to the texts of
    ``other``, which they are held against, come last."""
    rest = [i for i in range(len(answers)) if i not in {*one, *other}]
    return [i for i in (*one, *rest, *other) if answers[i] is not None][:half]


def _vectors(pieces: Vectors, chosen: Sequence[int]) -> np.ndarray:
    """(N, D): the vectors of some pieces, pooled."""
    return np.concatenate([vectors for i in chosen if (vectors := pieces[i]) is not None])


def _means(pieces: Vectors, chosen: Sequence[int]) -> np.ndarray:
    """(N, D) float64: the mean vector of each of some pieces."""
    return np.stack([v.mean(0) for i in chosen if (v := pieces[i]) is not None]).astype(float)


def _figures(pairs: Sequence[tuple[float, float]]) -> dict[str, Any]:
    frechets, kads = zip(*pairs, strict=True)
    return {"frechet": mean_of(frechets).to_dict(), "kad": mean_of(kads).to_dict()}
