"""A tiny MusicLM with random weights and its codec. Needs torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from cantilena.models.audio.codec.base import Codec
from cantilena.systems.musiclm.checkpoint import save_musiclm
from cantilena.systems.musiclm.model import MusicLM
from cantilena.systems.musiclm.training import MusicLmTraining, music_recipe
from tiny_codecs import BOOKS, tiny

torch.set_num_threads(1)  # two of a busy machine wait for one another

HOP = 800
"""Samples of a frame: 20 a second, so that pieces have few steps."""
SMALL: dict[str, Any] = {
    "books": BOOKS["books"],
    "card": BOOKS["size"],
    "frame_rate": 20.0,
    "latent": 8,
    "semantic_size": 8,
    "semantic_seconds": 4.0,
    "coarse_seconds": 2.0,
    "fine_seconds": 1.0,
    "width": 16,
    "heads": 2,
    "layers": 1,
    "hidden": 24,
    "buckets": 64,
    "word_width": 8,
    "word_books": 3,
    "word_size": 4,
}


def tiny_codec() -> Codec:
    return tiny("frame", hop=HOP)


def tiny_music(codec: Codec, **options: Any) -> MusicLM:
    """One whose words' books have been begun on noise."""
    sizes = {**SMALL, **options, "codec": codec.fingerprint()}
    torch.manual_seed(0)
    music, _ = MusicLmTraining().build(music_recipe("musiclm-small").changed(**sizes))
    with torch.no_grad():
        for weight in music.models.parameters():
            weight.mul_(3.0)
        music.words.text[1].weight.mul_(3.0)
    noise = torch.nn.functional.normalize(torch.randn(64, SMALL["word_width"]), dim=1)
    music.words.fit_quantizer(noise)
    if music.semantic is not None and hasattr(music.semantic, "fit"):
        music.semantic.fit(torch.randn(64, music.semantic.dim))
    return music.eval()


def tiny_jukebox() -> Codec:
    """Three levels of 15.625, 31.25 and 62.5 frames a second."""
    return tiny("jukebox", downs=(8, 9, 10))


def write_jukebox(folder: Path, **more: Any) -> Path:
    codec = tiny_jukebox()
    options = {"stages": "top,middle,bottom", "level_rates": "1,2,4", "level_seconds": "2,1,0.5"}
    sizes = {"books": 7, "frame_rate": float(codec.frame_rate)}
    music = tiny_music(codec, **options, **sizes, **more)
    for model in music.models.values():
        if "timing" in model.conditions:  # zeros before training
            torch.nn.init.normal_(model.conditions["timing"].weight, std=0.2)
    return save_musiclm(folder, music, codec, {"seed": 0, "licence": "none"}).folder


def write_musiclm(folder: Path, slim: bool = False, **options: Any) -> Path:
    codec = tiny_codec()
    music = tiny_music(codec, **options)
    return save_musiclm(folder, music, codec, {"seed": 0, "licence": "none"}, slim=slim).folder
