"""CLAP score: how near a piece's sound lies to its text in CLAP's common space.

Knows vectors; does not know the model that gives them (``models.audio.clap``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cantilena.errors import InputError


def validate(audio: np.ndarray, text: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 (N, D). Raises InputError for other or different shapes, and for vectors
    that are zero or not finite."""
    a, t = (np.asarray(x, dtype=np.float64) for x in (audio, text))
    if a.ndim != 2 or a.shape != t.shape or not a.size:
        raise InputError(
            f"a CLAP score needs a text's vector for each piece's: {a.shape} against {t.shape}"
        )
    for x in (a, t):
        if not np.isfinite(x).all() or not (np.square(x).sum(1) > 0).all():
            raise InputError("a CLAP score was asked of vectors that are zero or not finite")
    return a, t


def clap_score(audio: np.ndarray, text: np.ndarray) -> np.ndarray:
    """(N,) cosines, -1..1, between the vectors of N pieces and of their texts, both (N, D).

    Papers print 100 times the mean. Raises InputError.
    """
    a, t = validate(audio, text)
    cosine = (a * t).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(t, axis=1))
    return np.clip(cosine, -1.0, 1.0)


def window_scores(audio: Sequence[np.ndarray], text: np.ndarray) -> list[np.ndarray]:
    """For each piece, of which ``audio`` holds (T, D) windows, the (T,) ``clap_score`` of each
    window with the piece's row of ``text`` (N, D). Raises InputError."""
    if len(audio) != len(text):
        raise InputError(f"{len(audio)} pieces need as many texts, not {len(text)}")
    return [clap_score(a, np.repeat(t[None], len(a), 0)) for a, t in zip(audio, text, strict=True)]


def other_texts(n: int, seed: int = 0) -> np.ndarray:
    """(n,) for each piece the number of another piece's text, each used once: the "random text"
    baseline. Random cycle, so that no piece keeps its own. Raises InputError for fewer than 2."""
    if n < 2:
        raise InputError("texts can only be exchanged between 2 pieces or more")
    order = np.random.default_rng(seed).permutation(n)
    out = np.empty(n, dtype=np.int64)
    out[order] = np.roll(order, 1)
    return out
