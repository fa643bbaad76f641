"""Whether sound is tagged as real music is: KL divergences of a tagger's outputs.

Knows probabilities of tags; does not know files. The tagger is musicnn with its 50 tags. As in
MusicGen (Copet et al., 2023), who took PaSST's, its logits become one distribution by a softmax,
and a piece's is the mean over its patches; a pair is a piece and the real one that it answers.
Figures of different taggers cannot be compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cantilena.errors import InputError
from cantilena.evaluate.distances.floor import SPLITS, Vectors
from cantilena.evaluate.sound.clap_score import other_texts
from cantilena.evaluate.sound.embedders import BATCH, Musicnn

TINY = 1e-12
"""Below which a probability weighs nothing, as it has no logarithm."""


class Tagger:
    """The tags of a musicnn that is loaded, with the face of an ``Embedder``."""

    label = "musicnn's tags"

    def __init__(self, musicnn: Musicnn):
        self.musicnn, self.rate = musicnn, musicnn.rate
        self.weights = musicnn.weights

    def embed(self, samples: np.ndarray) -> np.ndarray:
        """(T, tags) float32 probabilities, each row adding up to 1, of each patch of 3 s."""
        import torch

        network = self.musicnn.model
        with torch.inference_mode():
            batches = network.patches(samples).split(BATCH)
            logits = [network(x.to(self.musicnn.device))[1].float().cpu() for x in batches]
            return torch.cat(logits).softmax(1).numpy()


def divergence(one: np.ndarray, other: np.ndarray) -> float:
    """KL(one || other) in nats of two (tags,) distributions, >= 0. Raises InputError for shapes
    that differ and for what is no distribution."""
    p, q = (np.asarray(x, dtype=np.float64) for x in (one, other))
    if p.ndim != 1 or p.shape != q.shape:
        raise InputError(f"distributions of {p.shape} and {q.shape} cannot be compared")
    for x in (p, q):
        if not np.isfinite(x).all() or x.min() < 0 or abs(x.sum() - 1) > 1e-3:
            raise InputError("probabilities of tags must be 0 or more and add up to 1")
    p, q = p / p.sum(), np.maximum(q / q.sum(), TINY)
    return max(0.0, float((p * np.log(np.maximum(p, TINY) / q)).sum()))


def pair_divergences(
    generated: Sequence[np.ndarray], real: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """(N,) KL(real || generated) of N pairs, of whose pieces (T, tags) are given, and (N,) that of
    each real piece from another real one, the floor of chance (empty for one pair)."""
    a, b = ([x.mean(0) for x in side] for side in (generated, real))
    own = np.array([divergence(q, p) for p, q in zip(a, b, strict=True)])
    if len(b) < 2:
        return own, np.zeros(0)
    others = other_texts(len(b))
    return own, np.array([divergence(q, b[i]) for q, i in zip(b, others, strict=True)])


def set_divergence(generated: Vectors, real: Vectors) -> float | None:
    """KL(real || generated) of the mean distributions of two sets; None where one is empty."""
    means = [_mean(x) for x in (real, generated)]
    if means[0] is None or means[1] is None:
        return None
    return divergence(means[0], means[1])


def set_floor(real: Vectors, seed: int = 0, splits: int = SPLITS) -> float | None:
    """The mean ``set_divergence`` of random halves of the real pieces; None of fewer than 2."""
    pieces = [x for x in real if x is not None]
    half = len(pieces) // 2
    if not half:
        return None
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(splits):
        order = rng.permutation(len(pieces))
        one, other = ([pieces[i] for i in part] for part in (order[:half], order[half : 2 * half]))
        values.append(set_divergence(one, other))
    return float(np.mean([v for v in values if v is not None]))


def _mean(pieces: Vectors) -> np.ndarray | None:
    rows = [x.mean(0) for x in pieces if x is not None]
    return np.mean(rows, axis=0) if rows else None
