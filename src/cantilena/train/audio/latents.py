"""Clips as latents of an autoencoder, to train diffusion on: encoded once, kept beside the clips.

Knows clips, autoencoders and a folder of parts; does not know what is trained on latents. Parts are
those of ``train.audio.codes``, in 16 bits.
"""

from __future__ import annotations

import numpy as np
import torch

from cantilena.models.audio.codec.vae import LatentVae
from cantilena.train.audio.codes import CodeClips

ENOUGH = 64
"""Clips of which the loudness and the spread of latents are measured."""


class LatentClips(CodeClips):
    """A split's clips as examples whose "codes" are scaled latents (D, T) float16. The rest as in
    ``CodeClips``."""

    codec: LatentVae

    def _encoded(self, i: int) -> np.ndarray:
        sound = torch.from_numpy(self.data.clip(i).heard(self.codec.channels))
        device = next(self.codec.parameters()).device
        with torch.inference_mode():
            latents = self.codec.latents(sound[None].to(device))
        return latents[0].cpu().numpy().astype(np.float16)

    def figures(self) -> dict[str, float]:
        """Mean and standard deviation of latents, which should be about 0 and 1; the loudness of
        clips, as the root of their mean square; and the longest clip in seconds."""
        numbers = np.linspace(0, len(self) - 1, min(ENOUGH, len(self))).astype(int).tolist()
        values = np.concatenate([self[i].codes for i in numbers], axis=1).astype(np.float64)
        squares = [
            float(np.mean(self.data.clip(i).samples.astype(np.float64) ** 2)) for i in numbers
        ]
        return {
            "latent_mean": round(float(values.mean()), 4),
            "latent_deviation": round(float(values.std(axis=1).mean()), 4),
            "loudness": round(float(np.sqrt(np.mean(squares))), 5),
            "longest": round(max(self.lengths) / self.codec.frame_rate, 2),
        }
