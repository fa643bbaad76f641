"""Tokens of a joint embedding: residual books learned over vectors of sound and of texts.

Knows vectors and ``models.audio.quantize``; does not know how vectors come about. MuLan's tokens,
as MusicLM has them (Agostinelli et al., 2023): 12 books over vectors of a frozen embedding. Sound
and texts lie apart in a common space, so that vectors are less the mean of their kind, and books
are learned over both.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cantilena.models.audio.joint_plain import PlainJoint
from cantilena.systems.joint.examples import JointClips, Pairs

ROUNDS = 30
"""Times that all vectors are read."""
CROPS = 3
"""Crops of a clip, each with a text of its own, whose vectors books are learned over."""
DECAY = 0.9


def vectors_of(joint: PlainJoint, pairs: Pairs, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(N, D) vectors of sound and of texts: ``CROPS`` crops of each clip."""
    audio, text = [], []
    for n in range(CROPS):
        rng = np.random.default_rng((seed, n))
        texts = [pairs.text(i, rng) for i in pairs.numbers]
        text.append(joint.embed_texts(texts))
        audio.append(clip_vectors(joint, pairs.clips, rng)[pairs.numbers])
    return np.concatenate(audio), np.concatenate(text)


def clip_vectors(
    joint: PlainJoint, clips: JointClips, rng: np.random.Generator | None = None
) -> np.ndarray:
    """(N, D) unit vectors of all clips: of a crop at a random place, or of the middle."""
    room = max(0, clips.bands.shape[1] - joint.frames)
    starts = (
        np.full(len(clips), room // 2) if rng is None else rng.integers(room + 1, size=len(clips))
    )
    rows = zip(clips.bands, starts.tolist(), strict=True)
    return np.stack([joint.of_bands(np.asarray(row, np.float32)[start:]) for row, start in rows])


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
