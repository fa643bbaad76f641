"""Clips for UniAudio: codes of mixes, of a stem and of the rest, and what is known of them.

Knows clips and their stems; does not know sequences or tasks. Parts are those of
``train.audio.codes``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from cantilena.data.audio.notes import SOURCE
from cantilena.models.audio.codec.base import Codec
from cantilena.models.audio.codec.codes_file import smallest_kind
from cantilena.systems.uniaudio.examples import UniClip
from cantilena.train.audio.codes import ClipData, CodeClips
from cantilena.train.audio.musiclm import rest_of

RESTS = "rests"
"""The folder of the rests' codes, within that of the others."""
Say = Callable[[str], None]


class RestClips(CodeClips):
    """A split's clips as the codes of what sounds without a stem."""

    def _encoded(self, i: int) -> np.ndarray:
        samples = torch.from_numpy(rest_of(self.data.clip(i), self.stem, 0.0))
        device = next(self.codec.parameters()).device
        with torch.inference_mode():
            codes = self.codec.encode(samples.expand(1, self.codec.channels, -1).to(device))
        return codes[0].cpu().numpy().astype(smallest_kind(self.codec.sizes))


def uni_clips(
    data: ClipData, codec: Codec, folder: str | Path, stem: str = "", say: Say = print
) -> list[UniClip]:
    """A split's clips, whose codes stand in ``folder``; where they have stems, with the codes of
    the ``stem`` and of the rest, unless the stem is silent. Raises InputError as ``CodeClips``."""
    mixes = list(CodeClips(data, codec, folder, say).codes())
    nothing = [mixes[0][:, :0]] * len(mixes)
    rests, parts = nothing, nothing
    if stem and data.clip(0).stems:
        parts = list(CodeClips(data, codec, folder, say, stem).codes())
        rests = list(RestClips(data, codec, Path(folder) / RESTS, say, stem).codes())
    clips = []
    for i, (mix, rest, part) in enumerate(zip(mixes, rests, parts, strict=True)):
        clip, heard = data.clip(i), bool(part.shape[1])
        texts, single = tuple(clip.captions), clip.meta["source"] == SOURCE
        pair = (rest, part) if heard else (None, None)
        clips.append(UniClip(mix, texts, clip.symbols, *pair, single))
    return clips
