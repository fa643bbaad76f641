"""CLAP: sound and texts as vectors in one space, by transformers' ``ClapModel``.

Knows waveforms and texts; does not know how sound came about or what is measured on the vectors.
Wu et al., "Large-scale contrastive language-audio pretraining with feature fusion and
keyword-to-caption augmentation" (ICASSP 2023). The text-to-symbolic-music paper used laion's
checkpoint ``music_audioset_epoch_15_esc_90.14`` (audio side HTSAT-base): its file is read as it is
(``models.audio.laion``), and so is a conversion to transformers' layout, by folder or hub name
(``laion/larger_clap_music`` is laion's own of a music CLAP). Figures of different checkpoints
cannot be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.audio.mel import windows
from cantilena.errors import CheckpointError, MissingExtraError, MissingWeightsError
from cantilena.models.hub import folder_of

HUB = "laion/larger_clap_music"
PAPER = "music_audioset_epoch_15_esc_90.14"
TEXT_TOKENS = 77
"""A text is cut there, as laion trains and reads it."""
BATCH = 8


class Clap:
    """transformers' ``ClapModel`` with its feature extractor and tokenizer, from LAION's file or
    the folder that holds it, a folder in transformers' layout or a hub name. Raises
    CheckpointError, MissingExtraError."""

    name, label = "clap", "CLAP"

    def __init__(self, weights: str | None = None, device: str = "cpu"):
        self.weights = weights or HUB
        self.device = device
        self.model, self.extractor, self.tokenizer = _load(self.weights)
        self.model.to(device).eval()
        self.rate = int(self.extractor.sampling_rate)
        self.window = int(self.extractor.nb_max_samples)
        self.texts_cut = 0

    def embed(self, samples: np.ndarray) -> np.ndarray:
        """(T, D) unit vectors of (n,) samples at ``rate``: of each window of the model's length
        (10 s), a last one of at least half that; what is shorter is one window, repeated to fill
        it. Windows replace the random crop of the published code, so that numbers repeat."""
        import torch

        # a crop that fits is never cropped again by the extractor, which would do so at random
        parts = windows(np.asarray(samples, dtype=np.float32), self.window)
        out: list[np.ndarray] = []
        for i in range(0, len(parts), BATCH):
            inputs = self.extractor(
                parts[i : i + BATCH], sampling_rate=self.rate, return_tensors="pt"
            )
            longer = torch.zeros_like(torch.as_tensor(inputs["is_longer"]))
            with torch.inference_mode():
                output = self.model.get_audio_features(
                    input_features=inputs["input_features"].float().to(self.device),
                    is_longer=longer.to(self.device),
                )
            out.append(_vectors(output))
        return np.concatenate(out)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """(N, D) unit vectors of texts; ``texts_cut`` counts those longer than ``TEXT_TOKENS``."""
        import torch

        out: list[np.ndarray] = []
        whole = self.tokenizer(list(texts), truncation=False)["input_ids"]
        self.texts_cut += sum(len(ids) > TEXT_TOKENS for ids in whole)
        for i in range(0, len(texts), BATCH):
            inputs = self.tokenizer(
                list(texts[i : i + BATCH]),
                padding=True,
                truncation=True,
                max_length=TEXT_TOKENS,
                return_tensors="pt",
            )
            with torch.inference_mode():
                output = self.model.get_text_features(
                    input_ids=inputs["input_ids"].to(self.device),
                    attention_mask=inputs["attention_mask"].to(self.device),
                )
            out.append(_vectors(output))
        return np.concatenate(out)


def _vectors(output: Any) -> np.ndarray:
    """Normalised rows of what a ``get_..._features`` gives: a tensor, or in transformers 5 an
    output whose ``pooler_output`` it is."""
    value = getattr(output, "pooler_output", output)
    rows = value.float().cpu().numpy()
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _load(weights: str) -> tuple[Any, Any, Any]:
    try:
        from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel
    except ImportError as error:
        raise MissingExtraError("transformers", "hf", "CLAP") from error
    file = _file(Path(weights))
    if file is not None:
        from cantilena.models.audio.laion import load_laion

        return load_laion(file)
    try:
        folder = folder_of(weights, "CLAP")
        return (
            ClapModel.from_pretrained(folder),
            ClapFeatureExtractor.from_pretrained(folder),
            AutoTokenizer.from_pretrained(folder),
        )
    except MissingExtraError:
        raise
    except MissingWeightsError as error:
        raise MissingWeightsError(missing(weights, error)) from error
    except Exception as error:  # damaged files raise many kinds, safetensors' own among them
        raise CheckpointError(missing(weights, error)) from error


def _file(place: Path) -> Path | None:
    """LAION's file where ``place`` is one, or a folder with one alone that is not in transformers'
    layout."""
    if place.is_dir() and not (place / "config.json").is_file():
        files = [p for p in place.iterdir() if p.suffix in (".pt", ".pth") and p.is_file()]
        return files[0] if len(files) == 1 else None
    return place if place.is_file() else None


def missing(weights: str, error: Exception) -> str:
    """One line: CLAP's weights cannot be had, how to get them, what works without."""
    first = str(error).strip().splitlines()
    return (
        f"the CLAP weights {weights!r} cannot be loaded ({first[0] if first else error}): "
        f"download with 'huggingface-cli download {HUB}', or give LAION's file (the paper's: "
        f"{PAPER}.pt) or a folder in transformers' layout; '--embedder logmel' works without "
        "weights"
    )
