"""One causal language model alone, trained with the loss and manners of the systems built on two.

Knows a HuggingFace causal LM and its published layout; does not know what its tokens mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from cantilena.errors import InputError
from cantilena.models.checkpoint import save_checkpoint
from cantilena.models.published import save_model, save_tokenizer
from cantilena.models.saving import leave_out_ties
from cantilena.models.tuned import Output, Tuned, token_loss


class PlainLM(Tuned):
    """``model`` with the memory-saving loss of ``models.tuned``; saved in its own layout."""

    def __init__(self, model: Any, source: dict[str, Any] | None = None):
        super().__init__()
        self.model, self.source = model, source or {}
        leave_out_ties(self)

    @property
    def backbone(self) -> Any:
        """The model."""
        return self.model

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        position_ids: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Output:
        """Ids (B, T). ``labels`` (B, T), -100 where not counted; label t is compared with the
        prediction made at t - 1. Without labels: ``logits`` (B, T, V). Raises InputError for more
        tokens than the model has positions."""
        most = getattr(self.config, "max_position_embeddings", None)
        if most is not None and input_ids.shape[1] > most:
            raise InputError(f"{input_ids.shape[1]} tokens do not fit the context of {most}")
        hidden = self.model.base_model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            use_cache=False,
        ).last_hidden_state
        head = self.model.get_output_embeddings()
        if labels is None:
            return Output(logits=head(hidden))
        loss = token_loss(hidden[:, :-1], labels[:, 1:], head, num_items_in_batch)
        return Output(loss=loss)

    def save(
        self,
        folder: str | Path,
        state: Mapping[str, Tensor] | None = None,
        tokenizer: Any = None,
        card: Mapping[str, Any] | None = None,
    ) -> Path:
        """Writes a checkpoint with the inner model in its published layout, and the tokenizer with
        it. ``state``: weights to write in place of its own, by this module's names; ``card``: at
        least its ``system``. Raises InputError."""
        inner = None
        if state is not None:
            inner = {k.removeprefix("model."): v for k, v in state.items()}

        def write(stage: Path) -> None:
            save_model(self.model, stage, inner)
            if tokenizer is not None:
                save_tokenizer(tokenizer, stage)

        entries = {"name": Path(folder).resolve().name, "model": self.source}
        return save_checkpoint(folder, {**entries, **(card or {})}, write).folder
