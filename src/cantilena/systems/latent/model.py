"""A model of latent diffusion whole: network, autoencoder, text encoder; and on disk.

Knows cards and weights; does not know Requests, windows or training. A checkpoint holds the
autoencoder beside the network, so that nothing else has to be named; the scale of its latents is
among its buffers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cantilena.errors import CheckpointError, InputError
from cantilena.models.audio.codec.files import build_codec, load_codec
from cantilena.models.audio.codec.vae import LatentVae
from cantilena.models.audio.diffusion import Objective
from cantilena.models.audio.dit import Dit, DitConditions, DitConfig
from cantilena.models.checkpoint import WEIGHTS, open_checkpoint, plain_json, save_checkpoint
from cantilena.models.encoders import encoder_from_card, text_encoder
from cantilena.models.hub import chosen_device, dtype_of
from cantilena.models.saving import load_tensors, load_weights, save_tensors
from cantilena.systems.latent.options import CODES, SYSTEM, TEXT, LatentOptions
from cantilena.tokens.codes.symbols import SYMBOLS


class LatentModel(nn.Module):
    """``dit`` over the scaled latents of ``vae``, which is never trained here; ``encoder`` reads
    texts, None where none is read; ``options``: what it is trained by."""

    def __init__(
        self, dit: Dit, vae: LatentVae, encoder: Any, options: LatentOptions, about: dict[str, Any]
    ):
        super().__init__()
        self.dit, self.vae = dit, vae
        self.encoder, self.options, self.about = encoder, options, about
        self.objective = Objective(options.objective)
        vae.requires_grad_(False)
        vae.eval()

    def train(self, mode: bool = True) -> LatentModel:
        """The network alone: an autoencoder in training would move the scale of its latents."""
        super().train(mode)
        self.vae.eval()
        return self

    @property
    def window(self) -> int:
        """Frames that were learned at a time: whole tokens."""
        patch = self.dit.config.patch
        return max(1, round(self.options.seconds * self.vae.frame_rate / patch)) * patch

    def squares(
        self, clean: Tensor, noise: Tensor, time: Tensor, conditions: DitConditions
    ) -> Tensor:
        """Mean square of the prediction less its target, over frames that are not known."""
        noised = self.objective.noised(clean, noise, time)
        output = self.dit(noised, time, conditions)
        target = self.objective.target(clean, noise, time)
        squares = ((output.float() - target) ** 2).mean(1)
        open_ = 1 - conditions.kept
        return (squares * open_).sum() / open_.sum().clamp_min(1)


def new_model(options: LatentOptions) -> LatentModel:
    """A model with random weights over the autoencoder that the options name. Raises InputError,
    CheckpointError, MissingExtraError."""
    vae = load_codec(options.vae, "cpu")
    if not isinstance(vae, LatentVae):
        raise InputError(
            f"the codec in {options.vae!r} has no latents to learn: train one of the recipes "
            "codec-mel-vae and codec-vae"
        )
    encoder = text_encoder(options.text_encoder) if TEXT in options.reads else None
    return LatentModel(Dit(_config(options, vae, encoder)), vae, encoder, options, {})


def _config(options: LatentOptions, vae: LatentVae, encoder: Any) -> DitConfig:
    frames = {name: SYMBOLS[name].width for name in options.reads if name in SYMBOLS}
    if CODES in options.reads:
        if not options.card:
            raise InputError("the condition 'codes' needs the number of a book's values (card)")
        frames[CODES] = 1 + options.card
    sizes = (options.width, options.heads, options.layers, options.hidden, options.patch)
    return DitConfig(vae.latent, *sizes, 0 if encoder is None else encoder.width, frames)


def save_latent(
    folder: str | Path, model: LatentModel, card: Mapping[str, Any], half: bool = False
) -> Path:
    """Writes a checkpoint. ``card``: what is known of its training. Raises InputError."""
    encoder = model.encoder
    own = {
        "system": SYSTEM,
        "name": SYSTEM,
        "model": plain_json(
            {
                "config": model.dit.config.to_dict(),
                "options": {**model.options.to_dict(), "vae": ""},
                "vae": {"codec": model.vae.kind, "options": dict(model.vae.options)},
                "encoder": None if encoder is None else encoder.card,
                "about": model.about,
            }
        ),
    }

    def write(stage: Path) -> None:
        state = {k: v.half() if half else v.float() for k, v in model.state_dict().items()}
        save_tensors(stage / WEIGHTS, state)

    return save_checkpoint(folder, {**own, **card}, write).folder


def load_latent(
    place: str | Path, device: str | None = None, dtype: str | None = None
) -> tuple[LatentModel, Any]:
    """The model in a checkpoint's folder, ready for use, and the checkpoint. Raises
    CheckpointError, MissingExtraError, InputError for a device or a dtype that is none."""
    checkpoint = open_checkpoint(place, SYSTEM)
    card = checkpoint.model
    try:
        vae = build_codec(card["vae"], checkpoint.folder)
        if not isinstance(vae, LatentVae):
            raise TypeError("its autoencoder has no latents")
        encoder = encoder_from_card(card["encoder"]) if card["encoder"] else None
        options = LatentOptions(**card["options"])
        dit = Dit(DitConfig.from_dict(card["config"]))
        model = LatentModel(dit, vae, encoder, options, dict(card["about"]))
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise CheckpointError(
            f"the diffusion in {checkpoint.folder} cannot be built: {error}"
        ) from error
    weights = {k: v.float() for k, v in load_tensors(checkpoint.weights).items()}
    load_weights(model, weights, checkpoint.folder)
    where = torch.device(chosen_device(device))
    model.to(where)
    model.dit.to(dtype_of(dtype))
    return model.eval().requires_grad_(False), checkpoint
