"""How a HuggingFace causal LM reads the AMT vocabulary step by step.

Knows models, embeddings, heads and how attention is computed; does not know caches' contents, the
grammar, what a token means in music, or how texts become prompts. The head is computed for the ids
alone that are asked for (a third of the vocabulary at most).

What is set in a model is set once, when an ``HFStepModel`` is made of it: it stays a model that
gives what it gave, up to the last bits on a GPU, but for its attention where flash attention cannot
take the masks. Whoever does not own the model restores it afterwards (``models.restoring``). On a
CPU the head's rows are copied, so weights that have changed since want another ``HFStepModel``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cantilena.decode.hf.interfaces import PromptState
from cantilena.errors import InputError, MissingExtraError
from cantilena.tokens.arrival.vocab import AMT

if TYPE_CHECKING:
    from torch import Tensor

    from cantilena.decode.hf.session import HFSession

Embed = Callable[["Tensor"], "Tensor"]

_LONGEST = 4096  # positions of a context by default, whatever more a model has: memory of the cache


class HFStepModel:
    """A ``StepModel`` of a HuggingFace causal LM (``GPT2LMHeadModel``, ``LlamaForCausalLM``, ...).

    ``offset``: the model's id of AMT id 0 (128,256 in MIDI-LLM's layout). ``embed``: AMT ids
    (..., ) to (..., D), where music has its own embedding; ``head``: (size, D) weights of AMT ids,
    where it has its own head. By default both are the model's, shifted by ``offset``. ``context``:
    positions in all; the model's own, at most 4,096, by default. Nothing changes after
    construction; what changes is in its sessions.

    Raises InputError where the model is no causal LM of this kind or its vocabulary is too small.
    """

    def __init__(
        self,
        model: Any,
        offset: int = 0,
        size: int = AMT.size,
        embed: Embed | None = None,
        head: Tensor | None = None,
        context: int | None = None,
    ):
        try:
            import torch

            from cantilena.decode.hf.single import single_step
        except ImportError as e:
            raise MissingExtraError("torch", "hf", "generating with a HuggingFace model") from e
        self.torch = torch
        self.model, self.offset, self.size = model.eval(), offset, size
        self.base = model.base_model
        if self.base is model and not hasattr(model, "layers"):
            raise InputError(f"{type(model).__name__} is no causal LM with a base model")
        self.input_embeddings = model.get_input_embeddings()
        weights = self.input_embeddings.weight
        self.device, self.dtype, self.width = weights.device, weights.dtype, weights.shape[1]
        if embed is None and weights.shape[0] < offset + size:
            raise InputError(
                f"the model's vocabulary of {weights.shape[0]:,} does not hold the "
                f"{size:,} music tokens from {offset:,} on"
            )
        self.embed: Embed = embed or self._embedded
        self.own_head = head
        longest = int(getattr(model.config, "max_position_embeddings", 0) or _LONGEST)
        self.context = min(context or min(longest, _LONGEST), longest)
        self.layers = int(model.config.num_hidden_layers)
        parameters = inspect.signature(self.base.forward).parameters
        self.cache_name = "cache" if "cache" in parameters else "past_key_values"
        self.unplaced = _unplaced(self.base)
        on_gpu = self.device.type == "cuda"
        self.draws = on_gpu
        self.records = on_gpu
        """Whether single steps are recorded as CUDA graphs."""
        self._prepare(on_gpu)
        self.single = None if on_gpu else single_step(self)
        self.columns: Tensor | None = None
        if not on_gpu:
            self._pack()

    def _prepare(self, on_gpu: bool) -> None:
        """Sets how the model attends and activates, for good."""
        from cantilena.decode.hf.attention import attend_grouped, attends_grouped, shares_keys
        from cantilena.models.amt import fuse_activations

        config = self.model.config
        if config._attn_implementation not in ("sdpa", "eager") and not attends_grouped(config):
            self.model.set_attn_implementation("sdpa")
        if on_gpu:
            fuse_activations(self.model)
            if shares_keys(config) and config._attn_implementation == "sdpa":
                attend_grouped(config)
        self.eager = config._attn_implementation == "eager"

    def session(self, prompts: Sequence[PromptState]) -> HFSession:
        """As ``StepModel.session``."""
        from cantilena.decode.hf.session import HFSession

        return HFSession(self, prompts)

    def _embedded(self, ids: Tensor) -> Tensor:
        return self.input_embeddings(ids + self.offset)

    def head(self, hidden: Tensor, first: int, last: int) -> Tensor:
        """(B, last - first) logits of AMT ids ``first`` .. ``last`` - 1 behind hidden (B, D)."""
        if self.columns is None or last > self.columns.shape[1]:
            weight, bias = self._head_rows()
            bias = None if bias is None else bias[first:last]
            return self.torch.nn.functional.linear(hidden, weight[first:last], bias)
        logits = hidden @ self.columns[:, first:last]
        return logits if self.column_bias is None else logits + self.column_bias[first:last]

    def _head_rows(self) -> tuple[Tensor, Tensor | None]:
        """(size, D) weights and (size,) biases of AMT ids."""
        if self.own_head is not None:
            return self.own_head, None
        head, last = self.model.get_output_embeddings(), self.offset + self.size
        bias = None if head.bias is None else head.bias[self.offset : last]
        return head.weight[self.offset : last], bias

    def _pack(self) -> None:
        """Lays out the head's weights of the events, the half of all ids that is drawn from (the
        other are controls), with a column for each id, (D, size / 2): a CPU multiplies one vector
        so in less than half of the time."""
        weight, bias = self._head_rows()
        if weight.dtype == self.torch.float32:
            self.columns = weight[: self.size // 2].detach().t().contiguous()
            self.column_bias = bias

    def trunk(self, cache: Any, vectors: Tensor, places: Tensor, mask: Tensor) -> Tensor:
        """(b, S, D) hidden states of vectors (b, S, D) at ``places`` (b, S); ``cache``, a
        RaggedCache, is written as its reading says."""
        if not self.unplaced:
            places = places.clamp(min=0)
        if self.eager:
            lowest = self.torch.finfo(vectors.dtype).min
            mask = self.torch.zeros_like(mask, dtype=vectors.dtype).masked_fill(~mask, lowest)
        return self.base(
            inputs_embeds=vectors,
            position_ids=places,
            attention_mask=mask,
            use_cache=True,
            **{self.cache_name: cache},
        ).last_hidden_state


def _unplaced(base: Any) -> bool:
    """Makes learned position embeddings give nothing at position -1, where a model has them."""
    if getattr(base, "wpe", None) is None:
        return False
    from cantilena.models.amt import allow_no_place

    allow_no_place(base)
    return True
