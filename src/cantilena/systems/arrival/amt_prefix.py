"""The system ``amt-prefix``: a frozen text model, a bridge, and AMT behind it.

Knows how a checkpoint becomes something to generate with; the network is in ``models.amt_prefix``,
the loop in ``decode``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.systems.arrival.system import ArrivalSystem

if TYPE_CHECKING:
    from cantilena.decode.hf.interfaces import PromptState
    from cantilena.models.amt_prefix import AmtPrefix
    from cantilena.models.checkpoint import Checkpoint


class AmtPrefixSystem(ArrivalSystem):
    """A loaded checkpoint. ``step_model`` reads music; ``prompt`` makes what stands before it."""

    system = "amt-prefix"

    def __init__(self, model: AmtPrefix, checkpoint: Checkpoint | None = None):
        from cantilena.decode.hf.engine import HFStepModel

        self.model = model.eval()
        self.step_model = HFStepModel(model.music, size=model.vocabulary.size)
        self.vocabulary = model.vocabulary
        self.identify(checkpoint)

    @classmethod
    def load(
        cls,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
    ) -> AmtPrefixSystem:
        """The system from the folder that training wrote. ``device``: the GPU where there is one by
        default; ``dtype``: bfloat16 on a GPU and float32 elsewhere by default. Raises
        CheckpointError where files are missing or the text model cannot be had."""
        from cantilena.models.amt_prefix import AmtPrefix
        from cantilena.models.checkpoint import open_checkpoint
        from cantilena.models.hub import chosen_device

        opened = open_checkpoint(cls.need(checkpoint), cls.system)
        device = chosen_device(device)
        dtype = dtype or ("bfloat16" if device.startswith("cuda") else "float32")
        model = AmtPrefix.load(opened, device=device, dtype=dtype).requires_grad_(False)
        return cls(model, opened)

    @property
    def networks(self) -> Sequence[Any]:
        """As ``System.networks``."""
        return self.model.music, self.model.bridge

    def prompt(self, text: str | None) -> PromptState:
        """The projected states of ``text`` and the start vector, without positions; without a
        text the start vector alone. Warns where a text is cut to the text model's context."""
        import torch

        from cantilena.decode.hf.interfaces import PromptState

        with torch.inference_mode():
            if text is None or not text.strip():
                vectors, _ = self.model.prefix(1)
            else:
                encoded = self.model.encode([text])
                vectors, _ = self.model.prefix(
                    1, text_states=encoded.states, text_mask=encoded.mask
                )
        return PromptState(embeds=vectors[0], placed=not self.model.learned_positions)
