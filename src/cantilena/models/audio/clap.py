"""CLAP score: how near a piece's sound lies to its text in CLAP's common space.

Knows waveforms and texts, and transformers' ``ClapModel``; does not know how sound came about.
Wu et al., "Large-scale contrastive language-audio pretraining with feature fusion and
keyword-to-caption augmentation" (ICASSP 2023). The text-to-symbolic-music paper used laion's
checkpoint ``music_audioset_epoch_15_esc_90.14`` (audio side HTSAT-base). transformers reads its own
layout only: give the folder or hub name of a conversion (``laion/larger_clap_music`` is laion's own
conversion of a music CLAP); figures of different checkpoints cannot be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.errors import CheckpointError, InputError, MissingExtraError
from cantilena.models.hub import folder_of

HUB = "laion/larger_clap_music"
PAPER = "music_audioset_epoch_15_esc_90.14"
TEXT_TOKENS = 77
"""A text is cut there, as laion trains and reads it."""
BATCH = 8


# ---------------------------------------------------------------------------- the metric


def validate(audio: np.ndarray, text: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 (N, D). Raises InputError for other or different shapes, and for vectors
    that are zero or not finite."""
    a, t = (np.asarray(x, dtype=np.float64) for x in (audio, text))
    if a.ndim != 2 or a.shape != t.shape or not a.size:
        raise InputError(
            f"a CLAP score needs a text's vector for each piece's: {a.shape} against {t.shape}"
        )
    for x in (a, t):
        if not np.isfinite(x).all() or not (np.square(x).sum(1) > 0).all():
            raise InputError("a CLAP score was asked of vectors that are zero or not finite")
    return a, t


def clap_score(audio: np.ndarray, text: np.ndarray) -> np.ndarray:
    """(N,) cosines, -1..1, between the vectors of N pieces and of their texts, both (N, D).

    Papers print 100 times the mean. Raises InputError.
    """
    a, t = validate(audio, text)
    cosine = (a * t).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(t, axis=1))
    return np.clip(cosine, -1.0, 1.0)


def window_scores(audio: Sequence[np.ndarray], text: np.ndarray) -> list[np.ndarray]:
    """For each piece, of which ``audio`` holds (T, D) windows, the (T,) ``clap_score`` of each
    window with the piece's row of ``text`` (N, D). Raises InputError."""
    if len(audio) != len(text):
        raise InputError(f"{len(audio)} pieces need as many texts, not {len(text)}")
    return [clap_score(a, np.repeat(t[None], len(a), 0)) for a, t in zip(audio, text, strict=True)]


def other_texts(n: int, seed: int = 0) -> np.ndarray:
    """(n,) for each piece the number of another piece's text, each used once: the "random text"
    baseline. Random cycle, so that no piece keeps its own. Raises InputError for fewer than 2."""
    if n < 2:
        raise InputError("texts can only be exchanged between 2 pieces or more")
    order = np.random.default_rng(seed).permutation(n)
    out = np.empty(n, dtype=np.int64)
    out[order] = np.roll(order, 1)
    return out


# ---------------------------------------------------------------------------- the model


class Clap:
    """transformers' ``ClapModel`` with its feature extractor and tokenizer, from a folder in the
    published layout or a hub name. Raises CheckpointError, MissingExtraError."""

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
            made = self.extractor(
                parts[i : i + BATCH], sampling_rate=self.rate, return_tensors="pt"
            )
            longer = torch.zeros_like(torch.as_tensor(made["is_longer"]))
            with torch.inference_mode():
                found = self.model.get_audio_features(
                    input_features=made["input_features"].float().to(self.device),
                    is_longer=longer.to(self.device),
                )
            out.append(_vectors(found))
        return np.concatenate(out)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """(N, D) unit vectors of texts; ``texts_cut`` counts those longer than ``TEXT_TOKENS``."""
        import torch

        out: list[np.ndarray] = []
        whole = self.tokenizer(list(texts), truncation=False)["input_ids"]
        self.texts_cut += sum(len(ids) > TEXT_TOKENS for ids in whole)
        for i in range(0, len(texts), BATCH):
            made = self.tokenizer(
                list(texts[i : i + BATCH]),
                **{"padding": True, "truncation": True, "max_length": TEXT_TOKENS},
                return_tensors="pt",
            )
            with torch.inference_mode():
                found = self.model.get_text_features(
                    input_ids=made["input_ids"].to(self.device),
                    attention_mask=made["attention_mask"].to(self.device),
                )
            out.append(_vectors(found))
        return np.concatenate(out)


def windows(samples: np.ndarray, length: int) -> list[np.ndarray]:
    """Sound in windows of ``length`` samples one after another; a last one of half that or more is
    kept, and what is shorter than a window is one."""
    parts = [samples[i : i + length] for i in range(0, len(samples), length)]
    if len(parts) > 1 and 2 * len(parts[-1]) < length:
        parts.pop()
    return parts


def _vectors(found: Any) -> np.ndarray:
    """Normalised rows of what a ``get_..._features`` gives: a tensor, or in transformers 5 an
    output whose ``pooler_output`` it is."""
    value = getattr(found, "pooler_output", found)
    rows = value.float().cpu().numpy()
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _load(weights: str) -> tuple[Any, Any, Any]:
    try:
        from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel
    except ImportError as error:
        raise MissingExtraError("transformers", "hf", "CLAP") from error
    if Path(weights).is_file():
        raise CheckpointError(
            f"{weights!r} is a file; CLAP is read from a folder in transformers' layout "
            "(config.json, model.safetensors, preprocessor_config.json, tokenizer)"
        )
    try:
        folder = folder_of(weights, "CLAP")
        return (
            ClapModel.from_pretrained(folder),
            ClapFeatureExtractor.from_pretrained(folder),
            AutoTokenizer.from_pretrained(folder),
        )
    except MissingExtraError:
        raise
    except Exception as error:  # damaged files raise many kinds, safetensors' own among them
        raise CheckpointError(missing(weights, error)) from error


def missing(weights: str, error: Exception) -> str:
    """One line: CLAP's weights cannot be had, how to get them, what works without."""
    first = str(error).strip().splitlines()
    return (
        f"the CLAP weights {weights!r} cannot be loaded ({first[0] if first else error}): "
        f"download with 'huggingface-cli download {HUB}' or give a folder in transformers' layout "
        f"(the paper used {PAPER}, HTSAT-base); '--embedder logmel' works without weights"
    )
