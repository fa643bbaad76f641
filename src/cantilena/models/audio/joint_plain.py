"""The joint embedding in numpy: vectors and tokens of sound and texts, without torch.

Knows the weights of ``models.audio.joint`` by name, the books of its quantiser, and the towers'
arithmetic; does not know how they were learned. Its face is that of ``models.audio.clap``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cantilena.audio.mel import windows
from cantilena.audio.wav import resample
from cantilena.models.audio.joint_input import (
    BANDS,
    FRAMES,
    RATE,
    bands,
    crop,
    hashed,
    profile,
    sound_rows,
    statistics,
)

Weights = Mapping[str, np.ndarray]
SCALE = ".scale"
"""Ends the name of the scales of a matrix in 8 bits."""
MATCH, STEEPNESS = 1.0, 1.5
"""Deviations above the mean of a sound and any text's cosines at which a likeness is 1/2, and how
steeply it rises there."""


def in_8_bits(weights: Weights) -> dict[str, np.ndarray]:
    """Matrices as int8, with a scale a row, float16, beside them; all else in float16."""
    out: dict[str, np.ndarray] = {}
    for name, value in weights.items():
        rows = np.asarray(value, dtype=np.float32)
        if rows.ndim < 2:
            out[name] = rows.astype(np.float16)
            continue
        flat = rows.reshape(len(rows), -1)
        scale = (np.abs(flat).max(1) / 127).clip(1e-6).astype(np.float16)
        whole = np.rint(flat / scale.astype(np.float32)[:, None]).clip(-127, 127)
        out[name] = whole.astype(np.int8).reshape(rows.shape)
        out[name + SCALE] = scale
    return out


def in_floats(weights: Weights) -> dict[str, np.ndarray]:
    """Float32 of what ``in_8_bits`` gives, or of weights that are floats."""
    out: dict[str, np.ndarray] = {}
    for name, value in weights.items():
        if name.endswith(SCALE):
            continue
        rows = np.asarray(value, dtype=np.float32)
        if name + SCALE in weights:
            scale = np.asarray(weights[name + SCALE], dtype=np.float32)
            rows = rows * scale.reshape(-1, *(1,) * (rows.ndim - 1))
        out[name] = rows
    return out


class PlainJoint:
    """Towers of hashed words and of sound, with ``seconds`` of a window; ``books``, where there are
    any, are (K, V, D) residual codes of vectors less the mean of their kind.

    ``identity`` tells two models apart, for caches."""

    rate = RATE

    def __init__(self, weights: Weights, seconds: float, identity: str = ""):
        self.weights = in_floats(weights)
        self.window = round(seconds * RATE)
        self.frames = round(seconds * FRAMES)
        self.identity = identity

    @property
    def dim(self) -> int:
        """D."""
        return len(self.weights["audio.out.weight"])

    # ------------------------------------------------------------------ vectors

    def embed(self, samples: np.ndarray) -> np.ndarray:
        """(T, D) unit vectors of (n,) samples at ``rate``: of each window, a last one of at least
        half that; what is shorter than a window is repeated."""
        wide = {"audio.profile.weight", "audio.up.weight"} & {*self.weights}
        read = sound_rows if wide else bands
        parts = [read(part) for part in windows(np.asarray(samples, np.float32), self.window)]
        return np.stack([self.of_rows(part) for part in parts])

    def of_rows(self, rows: np.ndarray) -> np.ndarray:
        """(D,) unit vector of the first window of (T, ROWS), repeated where it is shorter; (T,
        BANDS) are enough where the profile is not read."""
        return _unit(self._audio(crop(rows, 0, self.frames)))

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """(N, D) unit vectors of texts."""
        w = self.weights
        ids = hashed(texts, len(w["text.words.weight"]))
        count = np.maximum((ids > 0).sum(1, keepdims=True), 1)
        table = w["text.words.weight"] * (np.arange(len(w["text.words.weight"])) > 0)[:, None]
        return self.of_words(table[ids].sum(1) / np.sqrt(count))

    def of_words(self, words: np.ndarray) -> np.ndarray:
        """(N, D) unit vectors of the sums of words' vectors, or of a text model's mean states."""
        w = self.weights
        x = _norm(words, w, "text.norm")
        return _unit(_linear(_gelu(_linear(x, w, "text.up")), w, "text.out"))

    def of_sound(self, samples: np.ndarray, rate: int) -> np.ndarray:
        """(D,) unit vector of (n,) samples at any rate: the mean of the windows' vectors."""
        return _unit(self.embed(resample(samples, rate, RATE)).mean(0))

    def _audio(self, rows: np.ndarray) -> np.ndarray:
        """(D,) of (T, ROWS) or (T, BANDS)."""
        w = self.weights
        if "audio.up.weight" in w:
            return self._by_statistics(rows)
        x = _gelu(_conv2d(rows[None, :, :BANDS], w, "audio.stem1"))
        x = _gelu(_conv2d(x, w, "audio.stem2"))
        x = _linear(x.transpose(1, 0, 2).reshape(x.shape[1], -1), w, "audio.inner")
        layer = 0
        while f"audio.blocks.{layer}.up.weight" in w:
            name = f"audio.blocks.{layer}"
            y = _norm(_over_frames(x, w, f"{name}.frames"), w, f"{name}.norm")
            x = x + _linear(_gelu(_linear(y, w, f"{name}.up")), w, f"{name}.down")
            layer += 1
        parts = [x.mean(0), np.sqrt(x.var(0) + 1e-6)]
        if "audio.profile.weight" in w:
            parts.append(_gelu(_linear(profile(rows), w, "audio.profile")))
        return _linear(_norm(np.concatenate(parts), w, "audio.norm"), w, "audio.out")

    def _by_statistics(self, rows: np.ndarray) -> np.ndarray:
        """(D,) of (T, ROWS)."""
        w = self.weights
        values = np.concatenate([statistics(rows[:, :BANDS]), profile(rows)])
        scale = np.sqrt(w["audio.scale.running_var"] + 1e-5)
        x = np.clip((values - w["audio.scale.running_mean"]) / scale, -4, 4)
        return _linear(_gelu(_linear(x, w, "audio.up")), w, "audio.out")

    def likeness(self, audio: np.ndarray, text: np.ndarray) -> float:
        """How well a sound's unit vector fits a text's, 0-1: by how far their cosine lies above
        those of sounds and texts that do not belong together (``cosines``: mean and deviation)."""
        mean, deviation = self.weights.get("cosines", np.array([0.0, 0.2]))
        z = (float(audio @ text) - float(mean)) / float(deviation)
        return float(1 / (1 + np.exp(-STEEPNESS * (z - MATCH))))

    # ------------------------------------------------------------------ tokens

    @property
    def books(self) -> int:
        """K, the tokens of a sound or a text; 0 without a quantiser."""
        return len(self.weights["books"]) if "books" in self.weights else 0

    @property
    def card(self) -> int:
        """V, the values of a token."""
        return self.weights["books"].shape[1]

    def text_tokens(self, text: str) -> np.ndarray:
        """(K,) int64, each below ``card``, of a text."""
        return self.tokens(self.embed_texts([text])[0], "text")

    def audio_tokens(self, samples: np.ndarray, rate: int = RATE) -> np.ndarray:
        """(K,) int64, each below ``card``, of (n,) samples at any rate."""
        return self.tokens(self.of_sound(samples, rate), "audio")

    def tokens(self, vector: np.ndarray, kind: str) -> np.ndarray:
        """(K,) int64 of a unit vector (D,) of ``kind`` "audio" or "text"."""
        rest = np.asarray(vector, dtype=np.float64) - self.weights[f"{kind}_mean"]
        out = []
        for book in self.weights["books"].astype(np.float64):
            nearest = int(np.square(book - rest).sum(1).argmin())
            rest = rest - book[nearest]
            out.append(nearest)
        return np.array(out, dtype=np.int64)

    def decode(self, tokens: Sequence[int] | np.ndarray) -> np.ndarray:
        """(D,) float32: what tokens, of the first books, stand for, less the mean of vectors."""
        return self.weights["books"][np.arange(len(tokens)), np.asarray(tokens)].sum(0)


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def _gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(np.float32(0.7978845608) * (x + np.float32(0.044715) * x**3)))


def _linear(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def _norm(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(var + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]


def _conv2d(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    """(O, H / 2, W / 2) of (C, H, W): every second place, the edges filled with zeros."""
    kernel = w[f"{name}.weight"]
    size, pad = kernel.shape[2], kernel.shape[2] // 2
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    patches = np.lib.stride_tricks.sliding_window_view(padded, (size, size), (1, 2))[:, ::2, ::2]
    out = np.einsum("chwij,ocij->ohw", patches, kernel, optimize=True)
    return out + w[f"{name}.bias"][:, None, None]


def _over_frames(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    """(T, W): each channel's own filter over frames."""
    kernel = w[f"{name}.weight"][:, 0]
    pad = kernel.shape[1] // 2
    padded = np.pad(x, ((pad, pad), (0, 0)))
    patches = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[1], 0)
    return np.einsum("twk,wk->tw", patches, kernel) + w[f"{name}.bias"]
