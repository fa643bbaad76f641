"""A tiny codec and a UniAudio that writes its codes, with random weights, as a folder. Needs
torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from cantilena.models.audio.codec.files import save_codec
from cantilena.models.audio.uniaudio import UniAudio
from cantilena.systems.uniaudio.checkpoint import options_for, save_uniaudio
from cantilena.systems.uniaudio.options import UniOptions
from cantilena.systems.uniaudio.sizes import config_of
from cantilena.tokens.codes.symbols import ScoreSymbols
from tiny_codecs import tiny

torch.set_num_threads(1)  # two of a busy machine wait for one another

HOP = 800
"""Samples of a frame: 20 a second, so that pieces have few steps."""
SIZES = {
    "buckets": 32,
    "slot": 8,
    "width": 16,
    "heads": 2,
    "layers": 1,
    "hidden": 24,
    "local_width": 8,
    "local_layers": 1,
    "local_hidden": 12,
}


def uni_model(options: UniOptions) -> UniAudio:
    """A model whose output hangs on all that it reads."""
    torch.manual_seed(0)
    model = UniAudio(config_of(options)).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" not in name:
                weight.mul_(2.0)
    return model


def write_uniaudio(folder: Path, seconds: float = 2.0, **options: object) -> Path:
    """A checkpoint of one; ``seconds``: of its sequences."""
    codec = tiny("frame", hop=HOP)
    save_codec(folder / "codec", codec, {"seed": 0})
    sizes = {**SIZES, **options}
    own = options_for(codec, UniOptions(seconds=seconds, **sizes), folder / "codec")
    card = {"seed": 0, "licence": "none"}
    return save_uniaudio(folder / "uniaudio", uni_model(own), codec, own, card).folder


def symbols(pitch: int) -> ScoreSymbols:
    """Five notes of a pitch, one a second."""
    none, whole = np.zeros(0), np.zeros(0, dtype=np.int64)
    each = np.ones(5, dtype=np.uint8)
    rows = (np.arange(5.0), 0.5 * each, pitch * each, 64 * each, 0 * each)
    return ScoreSymbols(*rows, none, whole, none, whole)
