"""States of a frozen text model kept on disk, so that each text is read once and not once a step.

Knows encoders, files and hashes; does not know music, bridges or training. A text's states are a
file of their own, named by a hash of the model's weights and of the text's tokens: several
processes may share a folder, and states of another model are never read. A text is always read
alone and its states rounded to float16 (each layer that fits), also the first time, so that a run
whose folder was full and one whose folder was empty compute with the same numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from cantilena.files import make_folder
from cantilena.models.encoders import PretrainedEncoder, TextStates
from cantilena.models.saving import save_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping

_TENSOR = "states"


class StoredEncoder:
    """An encoder whose states are kept in ``folder``, at first use made from ``encoder``.

    ``last``: keep and give the last layer alone, (1, B, T, D), which is all that a bridge without
    layer weights reads: for a text of 80 tokens of SmolLM2 that is 92 kB in place of 2.9 MB.
    Raises InputError where the folder cannot be written.
    """

    def __init__(self, encoder: PretrainedEncoder, folder: str | Path, last: bool = False):
        self.encoder, self.folder, self.last = encoder, make_folder(folder), last
        self.layers, self.width, self.longest = encoder.layers, encoder.width, encoder.longest
        self.weights = _digest(encoder.model.state_dict())
        self.device: Any = "cpu"

    @property
    def card(self) -> dict[str, Any]:
        """The inner encoder's: a checkpoint does not depend on the folder."""
        return self.encoder.card

    def to(self, device: Any) -> StoredEncoder:
        """Moves the inner encoder, and what is read; returns itself."""
        self.encoder.to(device)
        self.device = device
        return self

    def tokens(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """As the inner encoder's."""
        return self.encoder.tokens(texts)

    def states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(L + 1, B, T, D), or (1, B, T, D) of the last layer alone, of token ids (B, T) with their
        mask; float32, zero where the mask is."""
        rows = [
            self._row(row[seen]) for row, seen in zip(ids.cpu(), mask.cpu().bool(), strict=True)
        ]
        out = torch.zeros(rows[0].shape[0], *ids.shape, self.width)
        for k, (row, seen) in enumerate(zip(rows, mask.cpu().bool(), strict=True)):
            out[:, k, seen] = row.float()
        return out.to(self.device)

    def encode(self, texts: Sequence[str]) -> TextStates:
        """Tokens and states of texts."""
        ids, mask = self.tokens(texts)
        return TextStates(self.states(ids, mask), mask.to(self.device))

    def _row(self, ids: Tensor) -> Tensor:
        """(L + 1 or 1, T, D) of one text's tokens (T,), from the disk where they are there."""
        name = hashlib.sha256(json.dumps([self.weights, ids.tolist()]).encode()).hexdigest()
        whole, last = self.folder / f"{name}.safetensors", self.folder / f"{name}-last.safetensors"
        for path in (whole, last) if self.last else (whole,):
            states = _read(path, self.last)
            if states is not None and states.shape[1:] == (len(ids), self.width):
                return states
        states = self.encoder.states(ids[None], torch.ones(1, len(ids), dtype=torch.bool))
        states = states[-1:, 0] if self.last else states[:, 0]
        states = _rounded(states.cpu())
        save_tensors(last if self.last else whole, {_TENSOR: states})
        return states


def _rounded(states: Tensor) -> Tensor:
    """States (L, T, D) rounded to float16, layer by layer where a layer fits, so that it does not
    depend on which others are kept; in float32 where one does not."""
    half = states.to(torch.float16)  # reaches to 65,504; SmolLM2's states to some 27,000
    fits = half.isfinite().flatten(1).all(1)
    return half if fits.all() else torch.where(fits[:, None, None], half.float(), states.float())


def _read(path: Path, last: bool) -> Tensor | None:
    """The states in a file, or their last layer; None where there is no such file, or it is
    damaged and has to be made again."""
    try:
        with safe_open(path, framework="pt") as file:
            return file.get_slice(_TENSOR)[-1:] if last else file.get_tensor(_TENSOR)
    except (OSError, SafetensorError):
        return None


def _digest(weights: Mapping[str, Tensor]) -> str:
    """A sha256 over names, shapes and values of weights."""
    digest = hashlib.sha256()
    for name, tensor in weights.items():
        plain = tensor.detach().cpu().contiguous().view(-1)
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(plain.view(torch.uint8).numpy().data)
    return digest.hexdigest()
