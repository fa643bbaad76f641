"""A tiny codec with a model of its codes, with random weights, as a folder of ``musicgen``
or ``code-notes``. Needs torch."""

from __future__ import annotations

from pathlib import Path

import torch

from cantilena.models.audio.code_lm import CodeConfig, CodeLM, ConditionConfig
from cantilena.models.audio.codec.files import save_codec
from cantilena.models.audio.musicgen import CHROMA, MELODY
from cantilena.models.audio.shipped import MUSICGEN
from cantilena.models.encoders import HashedEncoder
from cantilena.systems.codes.checkpoint import save_codes
from cantilena.systems.codes.pair import save_pair
from cantilena.tokens.codes.symbols import SYMBOLS
from tiny_codecs import BOOKS, tiny

torch.set_num_threads(1)  # two of a busy machine wait for one another

HOP = 800
"""Samples of a frame: 20 a second, so that pieces have few steps."""
ENCODER = 8
MELODY_LENGTH = 16


def write_pair(
    folder: Path,
    conditions: str = "roll,beat",
    seconds: float = 2.0,
    system: str = MUSICGEN,
) -> Path:
    """Checkpoints ``codec`` and ``codes`` in a folder, and both as one in ``pair``, which it gives.
    ``seconds``: of the model's windows."""
    codec = tiny("frame", hop=HOP)
    save_codec(folder / "codec", codec, {"seed": 0})
    torch.manual_seed(0)
    reads = {
        name: ConditionConfig(ENCODER, "cross")
        if name == "text"
        else ConditionConfig(CHROMA, "prepend", length=MELODY_LENGTH)
        if name == MELODY
        else ConditionConfig(SYMBOLS[name].width, "sum")
        for name in conditions.split(",")
    }
    model = CodeLM(CodeConfig(3, BOOKS["size"], 16, 2, 1, 24, conditions=reads)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3.0)
    encoder = HashedEncoder(ENCODER, buckets=64).card if "text" in reads else None
    about = {
        "pattern": "delay",
        "rate": codec.frame_rate,
        "seconds": seconds,
        "encoder": encoder,
        "codec": codec.fingerprint(),
    }
    save_codes(folder / "codes", model, about, {"seed": 0, "licence": "none"})
    save_pair(folder / "pair", folder / "codes", folder / "codec", "tiny", system)
    return folder / "pair"
