"""The system ``amt-prefix``: a frozen text model, a bridge, and AMT behind it.

Knows how a checkpoint becomes something to generate with; the network is in ``models.amt_prefix``,
the loop in ``decode``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cantilena.decode.hf.engine import HFStepModel
    from cantilena.decode.hf.interfaces import PromptState
    from cantilena.models.amt_prefix import AmtPrefix

NAME = "amt-prefix"


class AmtPrefixSystem:
    """A loaded checkpoint. ``step_model`` reads music; ``prompt`` makes what stands before it."""

    name = NAME

    def __init__(self, model: AmtPrefix, hash: str = ""):
        from cantilena.decode.hf.engine import HFStepModel

        self.model, self.hash = model.eval(), hash
        self.step_model: HFStepModel = HFStepModel(model.music, size=model.vocabulary.size)
        self.vocabulary = model.vocabulary

    def prompt(self, text: str | None) -> PromptState:
        """The projected states of ``text`` and the start vector, without positions; without a
        text the start vector alone. Warns where a text is cut to the text model's context."""
        import torch

        from cantilena.decode.hf.interfaces import PromptState

        with torch.inference_mode():
            if text is None or not text.strip():
                vectors, _ = self.model.prefix(1)
            else:
                found = self.model.encode([text])
                vectors, _ = self.model.prefix(1, text_states=found.states, text_mask=found.mask)
        return PromptState(embeds=vectors[0], placed=not self.model.learned_positions)


def load(path: str | Path, device: Any = None, dtype: Any = None) -> AmtPrefixSystem:
    """The system from the folder that training wrote. ``device``: the GPU where there is one by
    default; ``dtype``: bfloat16 on a GPU and float32 elsewhere by default. Raises CheckpointError
    where files are missing or the text model cannot be had."""
    from cantilena.models.amt_prefix import AmtPrefix
    from cantilena.models.checkpoint import open_checkpoint
    from cantilena.models.hub import chosen_device

    checkpoint = open_checkpoint(path, NAME)
    device = chosen_device(device)
    dtype = dtype or ("bfloat16" if device.startswith("cuda") else "float32")
    model = AmtPrefix.load(checkpoint, device=device, dtype=dtype).requires_grad_(False)
    return AmtPrefixSystem(model, checkpoint.hash)
