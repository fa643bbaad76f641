"""The step model through torch, in full precision: the interface of ``systems.note.engine``.

Knows the checkpoint's files and tensors; does not know fields' meanings, wishes or Scores. It reads
the same folder, but not ``trunk.onnx``, whose weights are rounded to 8 bits: what it computes is
what was trained, on a CPU or a GPU. Vectors go in and come out as numpy arrays, so that the loop
does not see which engine it has.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cantilena.errors import InputError, MissingExtraError
from cantilena.systems.note.checkpoint import open_note

if TYPE_CHECKING:
    from torch import Tensor

    from cantilena.models.step_lm import Block, Head, StepLM


class TorchEngine:
    """A loaded checkpoint. ``device`` is a torch device's name, by default the GPU where there is
    one; ``threads`` those of the CPU.

    Raises CheckpointError when a file is missing, damaged or of another version,
    MissingExtraError without torch, InputError for a device that is not there.
    """

    def __init__(self, folder: str | Path, threads: int = 2, device: str | None = None):
        try:
            import torch
        except ImportError as e:
            raise MissingExtraError("torch", "train", "the torch engine") from e
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cpu":
            torch.set_num_threads(threads)
        self.folder, self.device = Path(folder), device
        self.card, self.network = self._load()
        try:
            self.network.to(device)
        except (RuntimeError, AssertionError) as e:
            raise InputError(f"torch cannot use the device {device!r}: {e}") from e
        network: Any = self.network
        config = network.config
        self.model: dict[str, Any] = self.card["model"]
        self.fields, self.layers, self.width = config.fields, config.layers, config.width
        self.n_heads, self.n_prefix = config.heads, config.prefix
        self.length = config.prefix + config.context
        self.heads = [_Head(head, device) for head in network.heads]
        self.chosen = [e.weight.detach().cpu().numpy() for e in network.chosen]

    def _load(self) -> tuple[dict[str, Any], StepLM]:
        from cantilena.models.saving import load_tensors
        from cantilena.models.saving import load_weights as put_in
        from cantilena.models.step_lm import StepConfig, StepLM

        checkpoint = open_note(self.folder)
        weights = load_tensors(checkpoint.weights)
        network = StepLM(StepConfig.from_dict(dict(checkpoint.model)))
        put_in(network, {k: v.float() for k, v in weights.items()}, checkpoint.folder)
        return dict(checkpoint.card), network.eval().requires_grad_(False)

    def embed(self, part: str, index: np.ndarray) -> np.ndarray:
        """(..., F) int features of a part -> (..., D) summed embeddings."""
        return getattr(self.network, part)(self._tensor(index)).cpu().numpy()

    def prefix(
        self, scalars: np.ndarray, slots: np.ndarray, words: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Prefix vectors (B, P, D) and what every step adds (B, D)."""
        given = (self._tensor(x) for x in (scalars, slots, words))
        vectors, everywhere = self.network.prefix(*given)
        return vectors.cpu().numpy(), everywhere[:, 0].cpu().numpy()

    def _tensor(self, values: np.ndarray) -> Tensor:
        import torch

        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def session(self, rows: int) -> TorchSession:
        """A fresh session of ``rows`` sequences that advance together."""
        return TorchSession(self, rows)


class _Head:
    """Logits of one field: (B, D) -> (B, size), numpy in and out."""

    def __init__(self, head: Head, device: str):
        self.head, self.device = head, device

    def __call__(self, x: np.ndarray) -> np.ndarray:
        import torch

        given = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)).to(self.device)
        return self.head(given).cpu().numpy()


class TorchSession:
    """The KV caches of B sequences of equal length."""

    def __init__(self, engine: TorchEngine, rows: int):
        import torch

        self.engine, self.rows, self.used = engine, rows, 0
        shape = (rows, engine.n_heads, engine.length, engine.width // engine.n_heads)
        self.caches = [
            (torch.zeros(shape, device=engine.device), torch.zeros(shape, device=engine.device))
            for _ in range(engine.layers)
        ]

    def rewind(self) -> None:
        """Forgets everything; the next ``run`` starts from position 0."""
        self.used = 0

    def run(self, x: np.ndarray) -> np.ndarray:
        """Advances by the S embedded positions x (B, S, D); gives the last hidden states (B, D)."""
        network, start = self.engine.network, self.used
        total = start + x.shape[1]
        h = self.engine._tensor(x.astype(np.float32, copy=False))
        cos, sin = network.cos[start:total], network.sin[start:total]
        for block, cache in zip(network.blocks, self.caches, strict=True):
            h = _advance(block, h, cos, sin, cache, start)  # type: ignore[arg-type]
        self.used = total
        return network.norm(h[:, -1]).cpu().numpy()


def _advance(
    block: Block, x: Tensor, cos: Tensor, sin: Tensor, cache: tuple[Tensor, Tensor], start: int
) -> Tensor:
    """``Block.forward`` of positions ``start``.. that see those in the cache; x (B, S, D)."""
    import torch
    import torch.nn.functional as F

    from cantilena.models.step_lm import rotate

    b, s, d = x.shape
    qkv = block.qkv(block.norm1(x)).view(b, s, 3, block.heads, d // block.heads)
    q, k, v = (part.transpose(1, 2) for part in qkv.unbind(2))  # (B, H, S, D/H)
    q, k = rotate(q, cos, sin), rotate(k, cos, sin)
    keys, values = cache
    keys[:, :, start : start + s] = k
    values[:, :, start : start + s] = v
    keys, values = keys[:, :, : start + s], values[:, :, : start + s]
    seen = torch.ones(s, start + s, dtype=torch.bool, device=x.device).tril(start)
    y = F.scaled_dot_product_attention(q, keys, values, attn_mask=None if s == 1 else seen)
    x = x + block.out(y.transpose(1, 2).reshape(b, s, d))
    gate, up = block.up(block.norm2(x)).chunk(2, dim=-1)
    return x + block.down(F.silu(gate) * up)
