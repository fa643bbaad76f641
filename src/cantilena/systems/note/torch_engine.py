"""The step model through torch, in full precision: the interface of ``systems.note.engine``.

Knows the checkpoint's files and tensors; does not know fields' meanings, wishes or Scores. It reads
the same folder, but not ``trunk.onnx``, whose weights are rounded to 8 bits: what it computes is
what was trained, on a CPU or a GPU. Vectors go in and come out as numpy arrays, so that the loop
does not see which engine it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cantilena.errors import InputError, MissingExtraError
from cantilena.models.checkpoint import Checkpoint
from cantilena.systems.note.checkpoint import open_note

if TYPE_CHECKING:
    from torch import Tensor

    from cantilena.models.step_lm import Head, StepLM


class TorchEngine:
    """A loaded checkpoint. ``device`` is a torch device's name, by default the GPU where there is
    one; ``threads`` those of the CPU.

    Raises CheckpointError when a file is missing, damaged or of another version,
    MissingExtraError without torch, InputError for a device that is not there.
    """

    def __init__(
        self, folder: str | Path | Checkpoint, threads: int = 2, device: str | None = None
    ):
        try:
            import torch
        except ImportError as e:
            raise MissingExtraError("torch", "train", "the torch engine") from e
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cpu":
            torch.set_num_threads(threads)
        self.device = device
        checkpoint = open_note(folder)
        self.card = dict(checkpoint.card)
        self.network = load_network(checkpoint)
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

    def embed(self, part: str, index: np.ndarray) -> np.ndarray:
        """(..., F) int features of a part -> (..., D) summed embeddings."""
        return self.network.get_submodule(part)(self.tensor(index)).cpu().numpy()

    def standing(self, x: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """(B, size) what the logits of an instrument gain by how it stands, from hidden states
        (B, D) and classes (B, size)."""
        return self.network.standing(self.tensor(x), self.tensor(classes)).cpu().numpy()

    def prefix(
        self, scalars: np.ndarray, slots: np.ndarray, words: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Prefix vectors (B, P, D) and what every step adds (B, D)."""
        inputs = (self.tensor(x) for x in (scalars, slots, words))
        vectors, everywhere = self.network.prefix(*inputs)
        return vectors.cpu().numpy(), everywhere[:, 0].cpu().numpy()

    def tensor(self, values: np.ndarray) -> Tensor:
        """An array as a tensor on the engine's device."""
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

        vectors = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)).to(self.device)
        return self.head(vectors).cpu().numpy()


class TorchSession:
    """The KV caches of B sequences of equal length."""

    def __init__(self, engine: TorchEngine, rows: int):
        import torch

        from cantilena.models.step_lm import Past

        self.engine, self.rows = engine, rows
        shape = (rows, engine.n_heads, engine.length, engine.width // engine.n_heads)
        self.pasts = [
            Past(torch.zeros(shape, device=engine.device), torch.zeros(shape, device=engine.device))
            for _ in range(engine.layers)
        ]

    @property
    def used(self) -> int:
        """Positions that are read."""
        return self.pasts[0].used

    def rewind(self) -> None:
        """Forgets everything; the next ``run`` starts from position 0."""
        for past in self.pasts:
            past.used = 0

    def narrow(self, rows: Sequence[int]) -> bool:
        """Never: products over fewer rows round differently."""
        return False

    def run(self, x: np.ndarray) -> np.ndarray:
        """Advances by the S embedded positions x (B, S, D); gives the last hidden states (B, D)."""
        positions = self.engine.tensor(x.astype(np.float32, copy=False))
        return self.engine.network.trunk(positions, self.pasts)[:, -1].cpu().numpy()


def load_network(folder: str | Path | Checkpoint) -> StepLM:
    """The network of a note checkpoint, frozen. Raises CheckpointError."""
    from cantilena.models.saving import load_tensors
    from cantilena.models.saving import load_weights as put_in
    from cantilena.models.step_lm import StepConfig, StepLM

    checkpoint = open_note(folder)
    weights = load_tensors(checkpoint.weights)
    network = StepLM(StepConfig.from_dict(dict(checkpoint.model)))
    put_in(network, {k: v.float() for k, v in weights.items()}, checkpoint.folder)
    return network.eval().requires_grad_(False)
