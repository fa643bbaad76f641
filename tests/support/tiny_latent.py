"""A tiny autoencoder and a diffusion over its latents, with random weights, as a folder of
``latent``. Needs torch."""

from __future__ import annotations

from pathlib import Path

import torch

from cantilena.models.audio.codec.files import save_codec
from cantilena.models.encoders import HashedEncoder
from cantilena.systems.latent.model import LatentModel, new_model, save_latent
from cantilena.systems.latent.options import LatentOptions
from tiny_codecs import tiny

torch.set_num_threads(1)  # two of a busy machine wait for one another

HOP = 800
"""Samples of a frame: 20 a second, so that pieces have few frames."""


def latent_model(
    folder: Path,
    conditions: str = "text,roll,beat",
    seconds: float = 2.0,
    channels: int = 1,
    vae: str = "vae",
    **options: object,
) -> LatentModel:
    """A model whose output hangs on all that it is told. ``seconds``: of its windows;
    ``channels``: of its autoencoder, whose kind is ``vae``."""
    window = {"fft": 2 * HOP} if vae == "mel-vae" else {}
    save_codec(folder / "vae", tiny(vae, hop=HOP, channels=channels, **window), {"seed": 0})
    torch.manual_seed(0)
    sizes = {"width": 16, "heads": 2, "layers": 1, "hidden": 24, **options}
    model = new_model(
        LatentOptions(str(folder / "vae"), conditions=conditions, seconds=seconds, **sizes)
    )
    if model.encoder is not None:
        model.encoder = HashedEncoder(8, buckets=64)
        model.dit.text = torch.nn.Linear(8, 16)
        object.__setattr__(model.dit.config, "text", 8)
    with torch.no_grad():
        for weight in model.dit.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    model.about = {"loudness": 0.1, "longest": 4.0}
    return model.eval()


def write_latent(
    folder: Path,
    conditions: str = "text,roll,beat",
    seconds: float = 2.0,
    channels: int = 1,
    vae: str = "vae",
) -> Path:
    """A checkpoint of it."""
    model = latent_model(folder, conditions, seconds, channels, vae)
    return save_latent(folder / "latent", model, {"seed": 0, "licence": "none"})
