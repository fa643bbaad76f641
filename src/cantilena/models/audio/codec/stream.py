"""Codes of long sound and back, in memory for a window alone.

Knows a codec's face and its margin; does not know files. A window is read with as many frames on
either side as can change what its own become, so that the codes are those of the whole, up to
rounding. Codecs that hear everything (an LSTM that runs both ways in time) are read with
``UNBOUNDED`` seconds, which is near but not the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from cantilena.models.audio.codec.base import Codec

WINDOW = 10.0
"""Seconds of a window."""
UNBOUNDED = 2.0
"""Seconds on either side where a codec says no margin."""


def margin_of(codec: Codec) -> int:
    """Frames on either side of a window: whole periods."""
    margin = codec.margin if codec.margin is not None else round(UNBOUNDED * codec.frame_rate)
    return -(-margin // codec.period) * codec.period


def window_of(codec: Codec) -> int:
    """Frames of a window: whole periods."""
    return max(1, round(WINDOW * codec.frame_rate / codec.period)) * codec.period


@torch.inference_mode()
def encode_blocks(
    codec: Codec, blocks: Iterable[np.ndarray], books: int | None = None
) -> Iterator[np.ndarray]:
    """(k, T) int64 codes, window by window, of blocks (n, channels) at the codec's rate. The last
    frame is filled with silence."""
    margin, window, hop = margin_of(codec), window_of(codec), codec.hop
    held = np.zeros((0, codec.channels), np.float32)
    before = 0  # frames of ``held`` that are there to be heard alone
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= (before + window + margin) * hop:
            part = held[: (before + window + margin) * hop]
            yield _codes(codec, part, books)[:, before : before + window]
            drop = max(0, before + window - margin)
            held, before = held[drop * hop :], before + window - drop
    if len(held) > before * hop:
        yield _codes(codec, held, books)[:, before:]


def _codes(codec: Codec, samples: np.ndarray, books: int | None) -> np.ndarray:
    device = next(codec.parameters()).device
    audio = torch.from_numpy(np.ascontiguousarray(samples.T))[None].to(device)
    return codec.encode(audio, books)[0].cpu().numpy()


def decode_blocks(codec: Codec, codes: np.ndarray, length: int) -> Iterator[np.ndarray]:
    """Blocks (n, channels) float32 of (k, T) codes, ``length`` samples in all."""
    for block in decode_windows(codec, [codes]):
        yield block[:length]
        length -= min(length, len(block))


@torch.inference_mode()
def decode_windows(codec: Codec, parts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Blocks (n, channels) float32 of (k, T) codes that come in parts of any length, the same
    whatever the parts: a window is decoded when all that can change it is there."""
    margin, window, hop = margin_of(codec), window_of(codec), codec.hop
    device = next(codec.parameters()).device
    held: np.ndarray | None = None
    before = 0  # frames of ``held`` that are there to be heard alone
    for codes in chain(parts, (None,)):  # None: no more will come
        if codes is not None:
            held = codes if held is None else np.concatenate([held, codes], axis=1)
        least = 1 if codes is None else window + margin
        while held is not None and held.shape[1] >= before + least:
            part = torch.from_numpy(np.ascontiguousarray(held[:, : before + window + margin]))
            sound: Tensor = codec.decode(part[None].to(device))[0]
            stop = min(before + window, held.shape[1])
            yield sound[:, before * hop : stop * hop].T.float().cpu().numpy()
            drop = max(0, before + window - margin)
            held, before = held[:, drop:], before + window - drop
