"""Tokens of a joint embedding: residual books learned over vectors of sound and of texts.

Knows vectors and ``models.audio.quantize``; does not know how vectors come about. MuLan's tokens,
as MusicLM has them (Agostinelli et al., 2023): 12 books over vectors of a frozen embedding. Sound
and texts lie apart in a common space, so that vectors are less the mean of their kind, and books
are learned over both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cantilena.systems.joint.checkpoint import BOOKS
from cantilena.systems.joint.examples import Pairs

if TYPE_CHECKING:
    from cantilena.models.audio.joint import JointConfig

ROUNDS = 30
"""Times that all vectors are read."""
CROPS = 2
"""Crops of a clip, each with a text of its own, whose vectors books are learned over."""
BATCH = 64
DECAY = 0.9


def vectors_of(
    weights: Mapping[str, np.ndarray], config: JointConfig, pairs: Pairs, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """(N, D) unit vectors of sound and of texts, by a model's weights: ``CROPS`` crops of each
    clip, each with a text of its own."""
    import torch

    from cantilena.models.audio.joint import Joint

    model = Joint(config).eval()
    state = {k: torch.from_numpy(v) for k, v in weights.items() if k not in BOOKS}
    model.load_state_dict(state)
    audio, text = [], []
    with torch.no_grad():
        for first in range(0, CROPS * len(pairs.numbers), BATCH):
            batch = pairs.draw(seed, first // BATCH, BATCH)
            sound = [torch.from_numpy(batch[name]) for name in ("bands", "profile")]
            audio.append(model.of_audio(*sound).numpy())
            text.append(model.of_text(torch.from_numpy(batch["text"])).numpy())
    return np.concatenate(audio), np.concatenate(text)


def fit_books(
    audio: np.ndarray, text: np.ndarray, books: int, card: int, seed: int = 0
) -> dict[str, np.ndarray]:
    """``checkpoint.BOOKS`` of (N, D) vectors of sound and of their texts.
    Where there are fewer vectors than twice the values of a book, a book has fewer."""
    import torch

    from cantilena.models.audio.quantize import quantizer

    means = audio.mean(0), text.mean(0)
    rows = np.concatenate([audio - means[0], text - means[1]]).astype(np.float32)
    card = max(2, min(card, len(rows) // 2))
    torch.manual_seed(seed)
    learned: Any = quantizer(
        "residual", rows.shape[1], books=books, size=card, inner="ema", decay=DECAY
    )
    learned.train()
    vectors = torch.from_numpy(rows).T[None]
    with torch.no_grad():
        for _ in range(ROUNDS):
            learned(vectors)
    learned.eval()
    codes = torch.arange(card)[None]
    tables = [layer.vectors_of(codes)[0].T.numpy() for layer in learned.layers]
    cosines = (audio * np.roll(text, len(text) // 3 + 1, axis=0)).sum(1)
    return {
        "books": np.stack(tables),
        "audio_mean": means[0],
        "text_mean": means[1],
        "cosines": np.array([cosines.mean(), max(float(cosines.std()), 1e-3)]),
    }
