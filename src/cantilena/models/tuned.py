"""What the models built on HuggingFace's share: loss, checkpointing and the Trainer's manners.

Knows tensors and transformers' conventions; does not know text, music or files. A model here is a
plain module whose ``forward`` gives ``.loss``; labels of -100 are not counted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

IGNORED = -100
CHUNK = 2_048
"""Positions whose logits are held at once while the loss is computed."""


def token_loss(
    hidden: Tensor,
    labels: Tensor,
    logits_of: Callable[[Tensor], Tensor],
    items: Tensor | int | None = None,
    chunk: int = CHUNK,
) -> Tensor:
    """Cross-entropy in nats of ``labels`` (B, T) under ``logits_of(hidden (B, T, D))``: the mean
    over labels that are not -100, or their sum over ``items``.

    Logits are made only where a label is, ``chunk`` positions at a time, and again in the backward
    pass: with 183,284 classes a sequence of 1,024 would otherwise hold 750 MB of them.
    """
    kept = labels != IGNORED
    rows, wanted = hidden[kept], labels[kept]  # (N, D), (N,)

    def summed(some: Tensor, these: Tensor) -> Tensor:
        return F.cross_entropy(logits_of(some).float(), these, reduction="sum")

    total = hidden.new_zeros((), dtype=torch.float32)
    for some, these in zip(rows.split(chunk), wanted.split(chunk), strict=True):
        if torch.is_grad_enabled() and len(wanted) > chunk:
            total = total + checkpoint(summed, some, these, use_reentrant=False)  # type: ignore[operator]
        elif len(these):
            total = total + summed(some, these)
    return total / (items if items is not None else max(len(wanted), 1))


class Output(dict):
    """What a forward pass gives: a dict, which Trainer and accelerate read, with attributes.
    ``loss`` in nats a token and ``logits`` are None where they were not asked for."""

    @property
    def loss(self) -> Tensor:
        """The loss."""
        return self.get("loss")  # type: ignore[return-value]

    @property
    def logits(self) -> Tensor:
        """The logits."""
        return self.get("logits")  # type: ignore[return-value]


class Tuned(nn.Module, ABC):
    """Base of our models over HuggingFace ones: what a Trainer asks of a model. ``backbone`` is the
    inner HuggingFace model."""

    accepts_loss_kwargs = True  # the Trainer then hands over the whole step's number of labels

    @property
    @abstractmethod
    def backbone(self) -> Any:
        """The HuggingFace model that is tuned."""

    @property
    def config(self) -> Any:
        """The backbone's config."""
        return self.backbone.config

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    def activation_checkpointing_enable(self, **settings: Any) -> None:
        """Recomputes activations in the backward pass, for long contexts."""
        model = self.backbone
        if hasattr(model, "activation_checkpointing_enable"):
            model.activation_checkpointing_enable(**settings)
        else:
            kwargs = settings.get("activation_checkpointing_kwargs")
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=kwargs)
        model.enable_input_require_grads()  # frozen embeddings would else cut the gradient

    def gradient_checkpointing_enable(
        self, gradient_checkpointing_kwargs: dict[str, Any] | None = None, **more: Any
    ) -> None:
        """The same by its older name; ``more`` as the backbone takes it."""
        if hasattr(self.backbone, "activation_checkpointing_enable"):
            settings = {"activation_checkpointing_kwargs": gradient_checkpointing_kwargs}
            self.activation_checkpointing_enable(**settings, **more)
        else:
            self.backbone.gradient_checkpointing_enable(gradient_checkpointing_kwargs, **more)
            self.backbone.enable_input_require_grads()

    def n_parameters(self) -> dict[str, int]:
        """Parameters ``trainable`` and ``all``, a shared tensor counted once."""
        every = list(self.parameters())
        return {
            "trainable": sum(p.numel() for p in every if p.requires_grad),
            "all": sum(p.numel() for p in every),
        }


def parts(model: nn.Module) -> dict[str, tuple[int, int]]:
    """(trainable, all) parameters by part of a model, a shared tensor counted once; LoRA's
    matrices are a part of their own."""
    counts: dict[str, list[int]] = {}
    for name, parameter in model.named_parameters():
        part = "lora" if "lora_" in name else name.split(".", 1)[0]
        row = counts.setdefault(part, [0, 0])
        row[1] += parameter.numel()
        row[0] += parameter.numel() if parameter.requires_grad else 0
    return {part: (row[0], row[1]) for part, row in counts.items()}
