"""Keys: which of the 24 major and minor keys a Score is in.

Knows pitch-class profiles and correlations; does not follow modulations and does not read key
signatures (a file's may be wrong or missing): it hears the notes alone.
"""

from __future__ import annotations

import numpy as np

from cantilena.analysis.grid import pitched
from cantilena.errors import UnknownNameError
from cantilena.score.harmony import Key
from cantilena.score.score import Score

KEY_PROFILES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "aarden-essen": (
        (
            17.7661,
            0.145624,
            14.9265,
            0.160186,
            19.8049,
            11.3587,
            0.291248,
            22.062,
            0.145624,
            8.15494,
            0.232998,
            4.95122,
        ),
        (
            18.2648,
            0.737619,
            14.0499,
            16.8599,
            0.702494,
            14.4362,
            0.702494,
            18.6161,
            4.56621,
            1.93186,
            7.37619,
            1.75623,
        ),
    ),
    "krumhansl": (
        (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    ),
    "albrecht-shanahan": (
        (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
        (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
    ),
}
"""Weight of each pitch class above the tonic, (major, minor), by name: Aarden, *Dynamic Melodic
Expectancy* (2003); Krumhansl & Kessler (1982); Albrecht & Shanahan (2013)."""

LAST_BASS = 0.05
"""What the last bass note adds to the correlation of the two keys on it. On 690 songs of POP909
and 400 pieces of Mutopia it raises exact agreement from 89.9 to 90.4 and from 84.3 to 86.3 %."""


def key_scores(histogram: np.ndarray, profile: str = "aarden-essen") -> np.ndarray:
    """Pearson correlation of pitch-class histograms with each key's profile.

    ``histogram``: (..., 12) non-negative weights of pitch classes. Returns (..., 24) in -1..1,
    0-11 major keys by tonic, 12-23 minor; 0 for a histogram without contrast. Krumhansl,
    *Cognitive Foundations of Musical Pitch* (1990), chapter 4. Raises UnknownNameError.
    """
    if profile not in KEY_PROFILES:
        raise UnknownNameError("key profile", profile, KEY_PROFILES)
    rows = np.array([np.roll(p, k) for p in KEY_PROFILES[profile] for k in range(12)])
    rows -= rows.mean(1, keepdims=True)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    h = np.asarray(histogram, dtype=np.float64)
    h = h - h.mean(-1, keepdims=True)
    norm = np.linalg.norm(h, axis=-1, keepdims=True)
    return (h / np.where(norm > 1e-12, norm, np.inf)) @ rows.T


def pitch_class_histogram(score: Score) -> np.ndarray:
    """(12,) share of sounding time of each pitch class, drums and other unpitched instruments
    (``grid.UNPITCHED``) excluded; zeros if none sounds."""
    keep = pitched(score)
    weight = score.duration[keep].astype(np.float64)
    total = np.bincount(score.pitch[keep] % 12, weights=weight, minlength=12)
    return total / max(total.sum(), 1e-12)


def find_key(score: Score, profile: str = "aarden-essen") -> tuple[Key | None, float]:
    """The key that holds over the whole piece and its strength.

    The key is the one whose profile correlates best, the last bass note's two keys being raised
    by 0.05: music tends to end on its tonic, which tells relative keys apart. The strength is the
    correlation (0..1), without the raise, of the piece's pitch classes with the key's profile.
    (None, 0.0) when no pitched note sounds or no key correlates at all. Raises UnknownNameError.
    """
    scores = key_scores(pitch_class_histogram(score), profile)
    if scores.max() <= 1e-9:
        return None, 0.0
    raised = scores.copy()
    raised[[last_bass(score), last_bass(score) + 12]] += LAST_BASS
    best = int(raised.argmax())
    return Key.from_index(best), float(max(scores[best], 0.0))


def last_bass(score: Score) -> int:
    """Pitch class of the lowest note that sounds within the last quarter before the last pitched
    note ends. The Score must hold a pitched note."""
    keep = pitched(score)
    end = score.onset[keep] + score.duration[keep]
    return int(score.pitch[keep][end > end.max() - score.tpq].min() % 12)
