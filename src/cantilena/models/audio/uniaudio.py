"""UniAudio's model: a global transformer over patches, and a local one over the K tokens of each.

Knows integers and frames; does not know what tokens mean, tasks or codecs. A patch is the K
embeddings of its tokens joined and brought to the model's width; what the global transformer makes
of it and all before leads the local one, which writes the next patch token by token, each knowing
those before it. Blocks are those of ``code_lm``. Beside its position each patch has the number of
the frame that it belongs to, so that what sounds together can be matched across segments; UniAudio
has positions alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.errors import CheckpointError, InputError
from cantilena.models.audio.code_lm import Block, CodeConfig, sinusoid
from cantilena.models.audio.code_step import CodeStep
from cantilena.models.step_lm import Past

POSITIONS = 2048
"""Patches of a sequence at most."""


@dataclass(frozen=True)
class UniConfig:
    """Sizes. ``tokens`` are read, of which the first ``written`` can be written, ``books`` (K) in a
    patch, of vectors of ``slot``; ``frames`` that a patch can belong to. The global transformer has
    ``width``, ``heads``, ``layers`` and ``hidden``, the local one the same with ``local_``."""

    tokens: int
    written: int
    books: int
    frames: int
    slot: int = 64
    width: int = 192
    heads: int = 4
    layers: int = 4
    hidden: int = 768
    local_width: int = 128
    local_heads: int = 4
    local_layers: int = 2
    local_hidden: int = 384
    dropout: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a checkpoint's card."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> UniConfig:
        """The config ``to_dict`` wrote. Raises CheckpointError where it is none."""
        try:
            return cls(**data)
        except TypeError as error:
            raise CheckpointError(f"the config of uniaudio does not fit: {error}") from error


class UniAudio(nn.Module):
    """The model. Raises InputError for widths that do not divide into heads."""

    places: Tensor

    def __init__(self, config: UniConfig):
        super().__init__()
        self.config = config
        k, d, inner = config.books, config.width, config.local_width
        whole = CodeConfig(k, 1, d, config.heads, 0, config.hidden, config.dropout)
        local = CodeConfig(k, 1, inner, config.local_heads, 0, config.local_hidden, config.dropout)
        self.table = nn.Embedding(config.tokens, config.slot)
        self.join = nn.Linear(k * config.slot, d, bias=False)
        self.time = nn.Linear(d, d, bias=False)
        self.blocks = nn.ModuleList(Block(whole) for _ in range(config.layers))
        self.norm = nn.LayerNorm(d)
        self.lower = nn.Linear(d, inner, bias=False)
        self.before = nn.Linear(config.slot, inner, bias=False)
        self.register_buffer("places", sinusoid(POSITIONS, d), persistent=False)
        self.depth = nn.Parameter(torch.zeros(k, inner))
        self.local_blocks = nn.ModuleList(Block(local) for _ in range(config.local_layers))
        self.local_norm = nn.LayerNorm(inner)
        self.head = nn.Linear(inner, config.written, bias=False)
        nn.init.normal_(self.table.weight)
        nn.init.normal_(self.depth, std=0.5)
        nn.init.normal_(self.time.weight, std=d**-0.5)
        nn.init.normal_(self.head.weight, std=0.5 * inner**-0.5)

    def embed(self, patches: Tensor, when: Tensor, start: int = 0) -> Tensor:
        """(B, S, D) of patches (B, S, K) that belong to frames ``when`` (B, S), below 0 for none;
        the first stands at position ``start``. Raises InputError for frames and positions past the
        last."""
        stop = start + patches.shape[1]
        if stop > POSITIONS or int(when.max()) >= self.config.frames:
            raise InputError(
                f"a sequence of {stop} patches up to frame {int(when.max())} is outside "
                f"{POSITIONS} patches of {self.config.frames} frames"
            )
        x = self.join(self.table(patches).flatten(2))
        frames = self.time(self.places[when.clamp_min(0)]) * (when >= 0)[..., None]
        return x + self.places[start:stop] + frames

    def hidden(self, patches: Tensor, when: Tensor) -> Tensor:
        """(B, S, D): of each patch what the next follows from."""
        x = self.embed(patches, when)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def fields(self, hidden: Tensor, tokens: Tensor) -> Tensor:
        """Logits (N, k + 1, written) of the first k + 1 tokens of patches that follow ``hidden``
        (N, D), of whose tokens the first k are known: ``tokens`` (N, k)."""
        lead = self.lower(hidden)[:, None]
        before = self.before(self.table(tokens))
        x = F.pad(before, (0, 0, 1, 0)) + lead + self.depth[: 1 + tokens.shape[1]]
        for block in self.local_blocks:
            x = block(x)
        return self.head(self.local_norm(x))

    def nats(self, patches: Tensor, when: Tensor, target: Tensor) -> Tensor:
        """(N, K) nats of the tokens of the patches (B, S, K) where ``target`` (B, S) is True, in
        the order of ``target.nonzero()``; never the first of a sequence."""
        hidden = self.hidden(patches[:, :-1], when[:, :-1])[target[:, 1:]]
        tokens = patches[:, 1:][target[:, 1:]]
        logits = self.fields(hidden, tokens[:, :-1])
        flat = F.cross_entropy(logits.flatten(0, 1).float(), tokens.flatten(), reduction="none")
        return flat.view(tokens.shape)


class UniSession:
    """``rows`` sequences of at most ``length`` patches that are read together. The model is only
    read, so any number of sessions may share it."""

    def __init__(self, model: UniAudio, rows: int, length: int):
        self.model, config = model, model.config
        any_model: Any = model  # what a step reads of a model of codes, this one has too
        self.step = CodeStep(any_model, rows)
        weight = model.join.weight
        shape = (2, rows, config.heads, length, config.width // config.heads)
        self.caches = [
            torch.zeros(shape, dtype=weight.dtype, device=weight.device) for _ in model.blocks
        ]
        self.pasts = [Past(*cache) for cache in self.caches]
        self.used = 0
        self.across: Sequence[None] = [None] * config.layers

    def read(self, patches: Tensor, when: Tensor) -> Tensor:
        """(B, D) of what follows after further patches (B, n, K), n at least 1."""
        with torch.inference_mode():
            x = self.model.embed(patches, when, self.used)
            place, self.used = self.used, self.used + patches.shape[1]
            if patches.shape[1] == 1:
                for past in self.pasts:
                    past.used += 1
                return self.step.read(x[:, 0], place, self.caches, self.across)
            for block, past in zip(self.model.blocks, self.pasts, strict=True):
                x = block(x, past)
            return self.model.norm(x)[:, -1]

    def logits(self, hidden: Tensor, tokens: Tensor) -> Tensor:
        """(B, written) float32 of the token behind the first ones (B, k) of the next patch."""
        with torch.inference_mode():
            return self.model.fields(hidden, tokens)[:, -1].float()
