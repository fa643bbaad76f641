"""The single step on a CPU: one more position of each row, computed from a model's own weights.

Knows how GPT-2 and Llama compute a position, and the cache that they write; does not know what is
read. Called through its modules, a small model spends more time between its products than in them,
and every step copies its keys; here a layer is a dozen calls of torch, on the cache where it lies.

What a model must be for that is looked at, not guessed: its modules are exactly the classes of
``transformers`` that are written down here, without hooks, in float32 on a CPU, and it is tried
once against the model itself. ``single_step`` gives None for all others (adapters, offloaded or
quantized weights, other families), which go on through their modules.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.decode.hf.cache import RaggedCache

_CLOSE = 1e-3  # of the largest value: float32 in another order stays below a hundredth of it


class _Family(Protocol):
    """A model's own part in a step; rows are (B, D) vectors."""

    count: int

    def start(self, vectors: Tensor, places: Tensor) -> tuple[Tensor, Any]:
        """The first layer's input, and what all layers need of the (B,) places."""
        ...

    def heads(self, layer: int, x: Tensor, turn: Any) -> tuple[Tensor, Tensor, Tensor, float]:
        """(B, H, W) queries, (B, G, W) keys and values, and what products are scaled by."""
        ...

    def rest(self, layer: int, x: Tensor, sums: Tensor) -> Tensor:
        """The layer's output of its input and its heads' sums (B, H * W)."""
        ...

    def end(self, x: Tensor) -> Tensor:
        """The last norm."""
        ...


class Single:
    """Reads one position of every row of a session. It only reads weights, so threads share it."""

    def __init__(self, family: _Family):
        self.family = family

    def forget(self) -> None:
        """Nothing: it holds nothing of a cache."""

    def read(
        self, cache: RaggedCache, vectors: Tensor, places: Tensor, counts: list[int]
    ) -> Tensor:
        """(B, 1, D) hidden states of vectors (B, 1, D) at ``places`` (B, 1), written to ``cache``
        where ``counts`` is 1, as ``RaggedCache.place`` does. Raises ValueError as it does."""
        slot = cache.used[0]
        level = slot < cache.room and all(counts) and all(n == slot for n in cache.used)
        reading = None if level else cache.place(None, counts)
        seen = slot + 1 if reading is None else reading.seen
        mask = None if reading is None else reading.mask
        family, rows = self.family, len(vectors)
        x, turn = family.start(vectors[:, 0], places[:, 0])
        for i in range(family.count):
            q, k, v, scale = family.heads(i, x, turn)
            layer: Any = cache.layers[i]
            if not layer.is_initialized:
                layer.lazy_initialization(k[:, :, None], v[:, :, None])
            if reading is None:
                layer.keys[:, :, slot], layer.values[:, :, slot] = k, v
            else:
                layer.keys[cache.everyone, :, reading.index[:, 0]] = k
                layer.values[cache.everyone, :, reading.index[:, 0]] = v
            keys, values = layer.keys[:, :, :seen], layer.values[:, :, :seen]
            # heads that share keys are put side by side as positions
            q = q.view(rows, k.shape[1], -1, k.shape[2])
            sums = F.scaled_dot_product_attention(q, keys, values, mask, scale=scale)
            x = family.rest(i, x, sums.reshape(rows, -1))
        return family.end(x)[:, None]


class _GPT2:
    """``GPT2Model``: learned places, one product for queries, keys and values."""

    def __init__(self, base: Any):
        self.count, self.places = len(base.h), base.wpe
        self.norms = [(_norm(b.ln_1), _norm(b.ln_2)) for b in base.h]
        self.last = _norm(base.ln_f)
        self.attend = [
            (b.attn.c_attn.bias, b.attn.c_attn.weight, b.attn.num_heads, b.attn.scaling)
            for b in base.h
        ]
        self.out = [(b.attn.c_proj.bias, b.attn.c_proj.weight) for b in base.h]
        self.up = [(b.mlp.c_fc.bias, b.mlp.c_fc.weight) for b in base.h]
        self.down = [(b.mlp.c_proj.bias, b.mlp.c_proj.weight) for b in base.h]
        self.act = [_activation(b.mlp.act) for b in base.h]

    def start(self, vectors: Tensor, places: Tensor) -> tuple[Tensor, None]:
        return vectors + self.places(places), None

    def heads(self, layer: int, x: Tensor, turn: None) -> tuple[Tensor, Tensor, Tensor, float]:
        bias, weight, heads, scale = self.attend[layer]
        joint = torch.addmm(bias, F.layer_norm(x, *self.norms[layer][0]), weight)
        q, k, v = joint.view(len(x), 3, heads, -1).unbind(1)
        return q, k, v, scale

    def rest(self, layer: int, x: Tensor, sums: Tensor) -> Tensor:
        x = x + torch.addmm(self.out[layer][0], sums, self.out[layer][1])
        inner = torch.addmm(
            self.up[layer][0], F.layer_norm(x, *self.norms[layer][1]), self.up[layer][1]
        )
        return x + torch.addmm(self.down[layer][0], self.act[layer](inner), self.down[layer][1])

    def end(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, *self.last)


class _Llama:
    """``LlamaModel``: rotated queries and keys, gated products. Angles, with whatever scaling, are
    those of the model's own module."""

    def __init__(self, base: Any):
        self.count, self.angles = len(base.layers), base.rotary_emb
        blocks = base.layers
        self.norms = [(_rms(b.input_layernorm), _rms(b.post_attention_layernorm)) for b in blocks]
        self.last = _rms(base.norm)
        self.attend = [
            (
                _linear(b.self_attn.q_proj),
                _linear(b.self_attn.k_proj),
                _linear(b.self_attn.v_proj),
                b.self_attn.head_dim,
                b.self_attn.scaling,
            )
            for b in blocks
        ]
        self.out = [_linear(b.self_attn.o_proj) for b in blocks]
        self.gate = [_linear(b.mlp.gate_proj) for b in blocks]
        self.up = [_linear(b.mlp.up_proj) for b in blocks]
        self.down = [_linear(b.mlp.down_proj) for b in blocks]
        self.act = [_activation(b.mlp.act_fn) for b in blocks]

    def start(self, vectors: Tensor, places: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        cos, sin = self.angles(vectors, position_ids=places[:, None])
        low, high = sin.chunk(2, dim=-1)
        return vectors, (cos, torch.cat([-low, high], dim=-1))

    def heads(
        self, layer: int, x: Tensor, turn: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor, float]:
        query, key, value, width, scale = self.attend[layer]
        y, rows = F.rms_norm(x, *self.norms[layer][0]), len(x)
        v = F.linear(y, *value).view(rows, -1, width)
        both = torch.cat([F.linear(y, *query), F.linear(y, *key)], dim=1).view(rows, -1, width)
        cos, sin = turn
        both = torch.addcmul(both * cos, both.roll(width // 2, -1), sin)
        return both[:, : -v.shape[1]], both[:, -v.shape[1] :], v, scale

    def rest(self, layer: int, x: Tensor, sums: Tensor) -> Tensor:
        x = x + F.linear(sums, *self.out[layer])
        y = F.rms_norm(x, *self.norms[layer][1])
        inner = self.act[layer](F.linear(y, *self.gate[layer])) * F.linear(y, *self.up[layer])
        return x + F.linear(inner, *self.down[layer])

    def end(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, *self.last)


def _norm(norm: Any) -> tuple[Any, ...]:
    return norm.normalized_shape, norm.weight, norm.bias, norm.eps


def _rms(norm: Any) -> tuple[Any, ...]:
    return norm.weight.shape, norm.weight, norm.variance_epsilon


def _linear(linear: Any) -> tuple[Tensor, Tensor | None]:
    return linear.weight, linear.bias


def _activation(act: Any) -> Any:
    """The module, but torch's own GELU for the one that is spelled out in eight products."""
    from transformers.activations import NewGELUActivation

    return nn.GELU("tanh") if type(act) is NewGELUActivation else act


def _family(base: Any) -> _Family | None:
    """The family of a base model all of whose modules are as they are written down here."""
    from transformers.models.gpt2 import modeling_gpt2 as gpt2
    from transformers.models.llama import modeling_llama as llama
    from transformers.pytorch_utils import Conv1D

    from cantilena.models.places import Places

    blocks: set[type]
    if type(base) is gpt2.GPT2Model:
        own = (gpt2.GPT2Block, gpt2.GPT2Attention, gpt2.GPT2MLP)
        blocks = {gpt2.GPT2Model, *own, Conv1D, Places, nn.LayerNorm}
    elif type(base) is llama.LlamaModel:
        own = (llama.LlamaDecoderLayer, llama.LlamaAttention, llama.LlamaMLP)
        blocks = {llama.LlamaModel, *own, llama.LlamaRMSNorm, llama.LlamaRotaryEmbedding, nn.Linear}
    else:
        return None
    blocks |= {nn.ModuleList, nn.Embedding, nn.Dropout}
    activations = {id(m) for b in base.modules() for n, m in b.named_children() if n[:3] == "act"}
    for part in base.modules():
        changed = part._forward_hooks or part._forward_pre_hooks or "forward" in vars(part)
        if changed or (type(part) not in blocks and id(part) not in activations):
            return None
    weights = (*base.parameters(), *base.buffers())
    if any(w.device.type != "cpu" or w.dtype != torch.float32 for w in weights):
        return None
    return _GPT2(base) if type(base) is gpt2.GPT2Model else _Llama(base)


def single_step(steps: Any) -> Single | None:
    """The single step of an ``HFStepModel``; None where its model is another than those above, or
    gives something else. Three ids are read to find that out."""
    try:
        family = _family(steps.base)
    except (AttributeError, ImportError):  # another version of transformers, written otherwise
        return None
    if family is None:
        return None
    single, states = Single(family), []

    def through_modules(cache: RaggedCache, x: Tensor, at: Tensor, counts: list[int]) -> Tensor:
        reading = cache.place(None, counts)
        return steps.trunk(cache, x, at, reading.mask)

    with torch.inference_mode():
        vectors = steps.embed(torch.arange(3)[None])
        places = torch.arange(3)[None]
        for read in (single.read, through_modules):
            cache = RaggedCache(1, 3, steps.layers, steps.device)
            through_modules(cache, vectors[:, :2], places[:, :2], [2])
            cache.wrote(None, [2])
            states.append(read(cache, vectors[:, 2:], places[:, 2:], [1]))
    apart = (states[0] - states[1]).abs().max()
    return single if bool(apart <= _CLOSE * states[1].abs().max()) else None
