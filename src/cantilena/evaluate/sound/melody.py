"""Whether sound follows a melody: MusicGen's cosine of melody chroma.

Knows one-hot pitch classes (``audio.chroma.melody_chroma``); does not know files. Copet et al.,
"Simple and Controllable Music Generation" (2023), take the mean cosine of the quantised chroma of
frames, which for one-hot frames is the share in which the strongest pitch class is the same.
"""

from __future__ import annotations

import numpy as np

from cantilena.audio.chroma import MELODY_RATE, melody_chroma
from cantilena.errors import InputError


class Melody:
    """The strongest pitch class of each moment, with the face of an ``Embedder``."""

    label, rate, weights = "melody chroma", MELODY_RATE, ""

    def embed(self, samples: np.ndarray) -> np.ndarray:
        """(T, 12) float32, one 1 in each row, 7.8 a second."""
        return melody_chroma(samples)


def melody_cosine(generated: np.ndarray, reference: np.ndarray) -> float:
    """Mean cosine (0-1) of (T, 12) and (U, 12) frames, over those that both have. Raises InputError
    for other shapes and where either has none."""
    for x in (generated, reference):
        if x.ndim != 2 or x.shape[1] != 12 or not len(x):
            raise InputError(f"melody chroma must have the shape (T, 12), not {x.shape}")
    frames = min(len(generated), len(reference))
    a, b = (np.asarray(x[:frames], dtype=np.float64) for x in (generated, reference))
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(1) / np.maximum(norms, 1e-12)).mean())
