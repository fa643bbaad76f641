"""What a piece is asked to be, as states for the diffusion.

Knows texts, symbols and codes, and which of them a model reads; does not know steps, windows beyond
the frames that it is asked for, or sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cantilena.models.audio.dit import DitConfig
from cantilena.systems.latent.options import CODES
from cantilena.tokens.codes.symbols import Sounding, symbol_frames


@dataclass(frozen=True)
class LatentWish:
    """What is asked for: a ``text``, "" for none; what is to sound, by a ``score``; the ``codes``
    (T,) of a codec's first book, as many a second as latents. All may be left out. ``controls``: of
    ``SYMBOLS``, those that are told of the score; None for all that the model reads."""

    text: str = ""
    score: Sounding | None = None
    codes: np.ndarray | None = None
    controls: tuple[str, ...] | None = None


def text_states(config: DitConfig, encoder: Any, text: str) -> Tensor:
    """(L, W) last states of a text; of none, no state."""
    if encoder is None or not text.strip():
        return torch.zeros(0, config.text or 1)
    read = encoder.encode([text])
    return read.states[-1, 0][read.mask[0]].float().cpu()


def frame_states(
    config: DitConfig, wish: LatentWish, rate: float, start: int, stop: int
) -> dict[str, Tensor]:
    """(stop - start, W) of each condition that is known frame by frame; zeros for one that is not
    asked for."""
    out = {}
    for name, width in config.frames.items():
        states = np.zeros((stop - start, width), dtype=np.float32)
        if name == CODES:
            if wish.codes is not None:
                part = np.asarray(wish.codes[start:stop], dtype=np.int64)
                states[:, 0] = 1.0
                states[np.arange(len(part)), 1 + part] = 1.0
        elif wish.score is not None and (wish.controls is None or name in wish.controls):
            states = symbol_frames(name, wish.score, rate, start, stop)
        out[name] = torch.from_numpy(states)
    return out


def stacked_texts(texts: list[Tensor]) -> tuple[Tensor, Tensor]:
    """(B, L, W) states and their mask (B, L); at least one place, so that shapes stand."""
    length = max(1, *(len(text) for text in texts))
    states = torch.zeros(len(texts), length, texts[0].shape[1])
    mask = torch.zeros(len(texts), length, dtype=torch.bool)
    for i, text in enumerate(texts):
        states[i, : len(text)], mask[i, : len(text)] = text, True
    return states, mask
