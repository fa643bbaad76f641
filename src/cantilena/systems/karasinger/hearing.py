"""Which words are heard in codes, by the codec that learnt phonemes with them.

Knows codes and phonemes; does not know Requests or how codes are written. Needs torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from cantilena.models.audio.ctc import edits_of_beginnings, likeliest


@torch.inference_mode()
def heard_phonemes(codec: Any, codes: np.ndarray) -> list[str]:
    """The names of the phonemes that a codec of levels tells by the coarsest of some codes (K, T).
    Raises InputError where it learnt none."""
    device = next(codec.parameters()).device
    logits = codec.logits(torch.from_numpy(np.ascontiguousarray(codes))[None].to(device))
    (numbers,) = likeliest(logits, torch.tensor([logits.shape[1]]))
    return [codec.phonemes[number - 1] for number in numbers]


def errors(heard: Sequence[str], words: Sequence[str], again: bool = False) -> tuple[int, int]:
    """The fewest phonemes to insert, leave out and replace that make what is heard the words, and
    how many phonemes these are. ``again``: the words begin again where they are over, and end
    anywhere, so that they are as much of that as what is heard comes nearest to."""
    if not again:
        return edits_of_beginnings(heard, words)[-1], len(words)
    sung = list(words) * (2 + len(heard) // len(words))
    row = edits_of_beginnings(heard, sung)[1:]
    count = max(range(len(row)), key=lambda n: (-row[n], n)) + 1
    return row[count - 1], count
