"""Tiny checkpoints in published layouts, as the programs that publish them write them, and tiny
models of ours."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from assets import ASSETS
from cantilena.models.symphony import SymphonyConfig, SymphonyLM

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
