"""Lyrics as characters, as Jukebox's prior reads them, and as rows of a stage's condition.

Knows texts, and which character is sung when by Jukebox's rule; does not know stages, sound or
Requests. Nothing says when a word is sung: characters are laid over the whole song at equal
distances (Dhariwal et al. 2020, section 5), a window reads up to ``MOST`` around it, and attention
has to find those that it sings. Jukebox has an encoder before that; here a row is a character with
its neighbours, and the column at which the rule puts it, as the model knows places of columns.
"""

from __future__ import annotations

import unicodedata

import numpy as np

from cantilena.decode.windows import Window
from cantilena.errors import InputError
from cantilena.models.audio.code_lm import PERIOD
from cantilena.systems.musiclm.timing import Timing

LYRICS = "lyrics"
"""Its name among the conditions of a stage, in checkpoints, and of a Request's option."""
CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789 .,:;!?'\"()-\n"
"""Those that are read, small ones for capitals; all others are left out, as in Jukebox."""
MOST = 512
"""Characters that a window reads, as in Jukebox."""
AROUND = 2
"""Characters that a row has on either side of its own: a letter's sound hangs on its neighbours."""
PACE = 9.7
"""Characters that are sung in a second where no length is asked for: as many as in the clips of
``data sung`` (21,463 in 2,220 s of those that are learned from)."""
PLACES = 64
"""Numbers of a row that say at which column its character is."""
NEAR = 2 * AROUND + 1
WIDTH = 1 + NEAR * len(CHARACTERS) + PLACES
"""Numbers of a row: 1 for a character, those around it, and its place."""


def characters_of(text: str) -> np.ndarray:
    """(n,) places in ``CHARACTERS`` of a text's: without accents, in small letters, one space for
    several, what is not known left out. Raises InputError where a text has no letter of them."""
    plain = unicodedata.normalize("NFKD", text.replace("’", "'")).lower()
    lines = [" ".join(line.split()) for line in plain.strip().splitlines()]
    kept = [c for c in "\n".join(lines) if c in CHARACTERS]
    if text.strip() and not any(c.isalnum() for c in kept):
        raise InputError(f"lyrics are sung of the letters a to z; {text[:40]!r} has none of them")
    return np.array([CHARACTERS.index(c) for c in kept], dtype=np.int64)


def lyric_rows(
    characters: np.ndarray, timing: Timing, window: Window, rate: float
) -> np.ndarray | None:
    """(n, WIDTH) float32 of a song's ``characters`` for a window of ``rate`` frames a second, those
    nearest to its middle; None where there are none."""
    count = len(characters)
    if not count:
        return None
    seconds = (np.arange(count) + 0.5) / count * timing.total - timing.offset
    column = seconds * rate - window.start
    first = np.searchsorted(column, (window.stop - window.start) / 2) - MOST // 2
    first = min(max(0, int(first)), max(0, count - MOST))
    read = np.arange(first, min(count, first + MOST))
    out = np.zeros((len(read), WIDTH), dtype=np.float32)
    out[:, 0] = 1.0
    for n, offset in enumerate(range(-AROUND, AROUND + 1)):
        near = read + offset
        inside = np.flatnonzero((near >= 0) & (near < count))
        out[inside, 1 + n * len(CHARACTERS) + characters[near[inside]]] = 1.0
    out[:, -PLACES:] = _places(column[read])
    return out


def _places(columns: np.ndarray) -> np.ndarray:
    """(n, PLACES) of columns, which need not be whole, as ``code_lm.sinusoid`` has them."""
    half = PLACES // 2
    angle = columns[:, None] * PERIOD ** (-np.arange(half) / (half - 1))
    return np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
