"""Tiny checkpoints in published layouts, as the programs that publish them write them, and tiny
models of ours."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from assets import ASSETS
from cantilena.models.bert_symphony import BertSymphony, BridgeSizes
from cantilena.models.contexts import ContextConfig
from cantilena.models.encoders import text_encoder
from cantilena.models.symphony import SymphonyConfig, SymphonyLM
from cantilena.tokens.symphony import SymphonyScheme

LIGHTNING = ("frames", "FA_cross", "FA_self")


def golden(name: str) -> dict[str, torch.Tensor]:
    """The arrays beside a checkpoint's weights: inputs as int64, logits as float32."""
    with np.load(ASSETS / "bridges" / f"{name}.npz") as file:
        names = [n for n in file.files if n != "settings" and not n.startswith("w:")]
        arrays = {n: torch.from_numpy(file[n]) for n in names}
    return {n: x if x.is_floating_point() else x.long() for n, x in arrays.items()}


def content(name: str) -> dict:
    """What the published program would pickle: fairseq's dictionary, or Lightning's."""
    with np.load(ASSETS / "bridges" / f"{name}.npz") as file:
        weights = {n[2:]: torch.from_numpy(file[n]) for n in file.files if n.startswith("w:")}
        settings = json.loads(str(file["settings"]))
    if name in LIGHTNING:
        return {"state_dict": weights, "hyper_parameters": settings, "epoch": 3}
    args = argparse.Namespace(**settings)
    return {"args": args, "model": weights, "extra_state": {"epoch": 1}, "optimizer_history": []}


def published(name: str, folder: Path) -> Path:
    """The checkpoint as a file in the published layout."""
    path = folder / (f"{name}.ckpt" if name in LIGHTNING else f"{name}.pt")
    torch.save(content(name), path)
    return path


def symphony(seed: int = 0) -> SymphonyLM:
    """A SymphonyNet of two layers."""
    torch.manual_seed(seed)
    sizes = {"event": 40, "duration": 9, "track": 12, "instrument": 20}
    config = SymphonyConfig(**sizes, relative=8, measures=30, layers=2, width=16, heads=4, inner=32)
    return SymphonyLM(config).eval()


def rows(length: int = 12, batch: int = 2, seed: int = 0) -> torch.Tensor:
    """Rows (batch, length, 6) that such a model may read."""
    torch.manual_seed(seed)
    tops = (40, 9, 12, 20, 9, 31)
    return torch.stack([torch.randint(2, top, (batch, length)) for top in tops], -1)


def speaking(seed: int = 0) -> SymphonyLM:
    """A SymphonyNet of two layers with the scheme's whole vocabulary."""
    torch.manual_seed(seed)
    sizes = SymphonyScheme().sizes
    config = SymphonyConfig(
        *sizes, relative=201, measures=60, layers=2, width=16, heads=4, inner=32
    )
    model = SymphonyLM(config).eval()
    for head in model.heads.values():
        torch.nn.init.normal_(head.get_parameter("weight"), std=0.3)
    return model


def with_words(folder: Path) -> Path:
    """Such a model as a checkpoint, with its vocabulary."""
    return speaking().save(folder, {"scheme": SymphonyScheme().to_dict()})


def bridged(kind: str = "cross", context: str = "queries") -> BertSymphony:
    """Such a model behind hashed words, the gates half open."""
    encoder = text_encoder("hashed", width=8)
    sizes = ContextConfig(context, layers=1, width=8, heads=2, memory=3)
    torch.manual_seed(1)
    model = BertSymphony(
        speaking(),
        BridgeSizes(encoder.layers, encoder.width, kind=kind, heads=4, context=sizes),
        encoder,
    )
    for name, parameter in model.named_parameters():
        if name.endswith(("gate", "gates")):
            parameter.data.fill_(0.5)
    return model.eval()


def bridged_with_words(folder: Path, kind: str = "cross") -> Path:
    """The same as a checkpoint."""
    return bridged(kind).save(folder, {"scheme": SymphonyScheme().to_dict()})
