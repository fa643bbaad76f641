"""The step language model: a causal transformer over steps of K fields, with a prefix.

Knows integers and vectors; does not know what fields mean beyond their sizes, nor text, wishes or
files. One position reads the sum of a step's state features; the K fields of the next step are
predicted one after the other, each head seeing the fields before it and the features that these
make known (Wu et al., *MuseMorphose*'s and Hsiao et al., *Compound Word Transformer*'s problem of
several fields to a token, solved by a chain). Blocks are as in Llama: pre-RMSNorm, rotary
positions (Su et al. 2021), SwiGLU (Shazeer 2020), no biases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.errors import CheckpointError

PLAN_WEIGHTS = ("plan.", "standing.")
"""With which the names of the weights begin that read what is planned. They start at zero."""


_OF_A_PLAN = frozenset({"plan", "standings"})


@dataclass(frozen=True)
class StepConfig:
    """Sizes of a step model. ``state``, ``at_onset`` and ``at_instrument`` map feature names to
    numbers of classes; ``fields`` gives the K output sizes; ``scalars`` maps the prefix's
    single-valued conditions to their sizes, each one position; ``slots`` instrument slots of
    ``slot_size`` classes and ``words`` text positions of ``buckets`` hashed pieces follow.

    ``plan`` maps "at_step", "at_onset" and "at_instrument" to the features that the heads read of
    what is planned, {} for a model that reads none; the last class of each means that it is not
    known. ``standings``: classes in which each value of the second field may stand."""

    fields: tuple[int, ...]
    state: dict[str, int]
    at_onset: dict[str, int]
    at_instrument: dict[str, int]
    scalars: dict[str, int]
    slots: int = 12
    slot_size: int = 130
    words: int = 40
    buckets: int = 4096
    text_width: int = 128
    text_layers: int = 2
    width: int = 256
    layers: int = 4
    heads: int = 4
    hidden: int = 704
    head_hidden: int = 256
    rope_base: float = 10_000.0
    context: int = 1024
    plan: dict[str, dict[str, int]] = field(default_factory=dict)
    standings: int = 0

    @property
    def prefix(self) -> int:
        """Positions of the prefix."""
        return len(self.scalars) + self.slots + self.words

    @property
    def guesses(self) -> int:
        """What is guessed from a text: the classes of every scalar, then whether each of the
        instruments plays (all classes of a slot but the last, which is "none")."""
        return sum(self.scalars.values()) + self.slot_size - 1

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the checkpoint's card. Of a model that reads no plan it says nothing of
        one, as those of before."""
        data = asdict(self)
        return data if self.plan else {k: v for k, v in data.items() if k not in _OF_A_PLAN}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> StepConfig:
        """The config ``to_dict`` wrote. Raises CheckpointError on unknown or missing names."""
        try:
            return cls(**{**data, "fields": tuple(data["fields"])})
        except (TypeError, KeyError) as e:
            raise CheckpointError(f"the checkpoint's config does not fit this version: {e}") from e


class FeatureSum(nn.Module):
    """Sum of one embedding per named feature, stored as one table. (B, T, F) int -> (B, T, D)."""

    offset: Tensor

    def __init__(self, sizes: dict[str, int], width: int):
        super().__init__()
        offsets = [0]
        for size in sizes.values():
            offsets.append(offsets[-1] + size)
        self.table = nn.Embedding(offsets[-1], width)
        self.register_buffer("offset", torch.tensor(offsets[:-1]), persistent=False)
        nn.init.normal_(self.table.weight, std=0.02)

    def forward(self, index: Tensor) -> Tensor:
        """Sum over the last axis of ``index``."""
        flat = (index + self.offset).reshape(-1, index.shape[-1])
        summed = F.embedding_bag(flat, self.table.weight, mode="sum")
        return summed.view(*index.shape[:-1], -1)


def rope_tables(head: int, length: int, base: float) -> tuple[Tensor, Tensor]:
    """(cos, sin), each (length, head / 2) float32."""
    rate = base ** (-torch.arange(0, head, 2, dtype=torch.float32) / head)
    angle = torch.arange(length, dtype=torch.float32)[:, None] * rate
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions on the halves of the last axis; x (B, H, T, D)."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


class Past:
    """Keys and values of one layer, (B, H, length, D / H) each, of which ``used`` positions are
    filled."""

    def __init__(self, keys: Tensor, values: Tensor):
        self.keys, self.values, self.used = keys, values, 0

    def extended(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Takes up (B, H, S, D / H) more; gives all there are and which of them each of the new may
        see, (S, used) bool, None for all."""
        start, self.used = self.used, self.used + k.shape[2]
        self.keys[:, :, start : self.used] = k
        self.values[:, :, start : self.used] = v
        seen = None
        if k.shape[2] > 1:
            shape = (k.shape[2], self.used)
            seen = torch.ones(shape, dtype=torch.bool, device=k.device).tril(start)
        return self.keys[:, :, : self.used], self.values[:, :, : self.used], seen


class Block(nn.Module):
    """One pre-norm layer: attention, then SwiGLU."""

    def __init__(self, config: StepConfig):
        super().__init__()
        d, h = config.width, config.hidden
        self.heads = config.heads
        self.norm1 = nn.RMSNorm(d, eps=1e-5)
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.out = nn.Linear(d, d, bias=False)
        self.norm2 = nn.RMSNorm(d, eps=1e-5)
        self.up = nn.Linear(d, 2 * h, bias=False)
        self.down = nn.Linear(h, d, bias=False)

    def forward(
        self,
        x: Tensor,
        cos: Tensor,
        sin: Tensor,
        causal: bool = True,
        past: Past | None = None,
    ) -> Tensor:
        """x (B, T, D) -> (B, T, D). With ``past`` they stand behind the positions that it holds,
        see these as well, and are taken up by it."""
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, d // self.heads).unbind(2)
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)  # (B, H, T, D/H)
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        if past is None:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        else:
            k, v, seen = past.extended(k, v)
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, d))
        gate, up = self.up(self.norm2(x)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


class Head(nn.Module):
    """Logits of one field: x + SwiGLU(norm(x)), normed, projected."""

    def __init__(self, width: int, hidden: int, size: int):
        super().__init__()
        self.norm1 = nn.RMSNorm(width, eps=1e-5)
        self.up = nn.Linear(width, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)
        self.norm2 = nn.RMSNorm(width, eps=1e-5)
        self.logits = nn.Linear(width, size, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., size)."""
        gate, up = self.up(self.norm1(x)).chunk(2, dim=-1)
        return self.logits(self.norm2(x + self.down(F.silu(gate) * up)))


class Standing(nn.Module):
    """What the logits of a field gain by how each of its values stands: a gain for each class of
    standing, by the hidden state. It begins at none."""

    def __init__(self, width: int, classes: int):
        super().__init__()
        self.gain = nn.Linear(width, classes)

    def forward(self, x: Tensor, standing: Tensor) -> Tensor:
        """(..., D) and (..., size) classes -> (..., size)."""
        gains = self.gain(F.rms_norm(x, x.shape[-1:], eps=1e-5))
        return gains.gather(-1, standing)


class TextEncoder(nn.Module):
    """Hashed word pieces to states of every layer, the embedding's included. Piece 0 is "none".

    The embeddings are normed first: as small as they start, what the blocks add to all texts alike
    would drown what tells texts apart."""

    def __init__(self, config: StepConfig):
        super().__init__()
        d = config.text_width
        self.pieces = nn.Embedding(config.buckets, d)
        self.place = nn.Parameter(torch.randn(config.words, d) * 0.02)
        small = StepConfig(**{**asdict(config), "width": d, "hidden": 2 * d, "heads": 4})
        self.blocks = nn.ModuleList(Block(small) for _ in range(config.text_layers))
        nn.init.normal_(self.pieces.weight, std=0.02)
        self.dim = d

    def forward(self, words: Tensor) -> Tensor:
        """(B, W) int -> (layers + 1, B, W, text_width)."""
        x = F.rms_norm(self.pieces(words), (self.dim,), eps=1e-6) + self.place
        cos = torch.ones(words.shape[1], self.dim // 8, device=x.device, dtype=x.dtype)
        states = [x]
        for block in self.blocks:
            x = block(x, cos, torch.zeros_like(cos), causal=False)
            states.append(x)
        return torch.stack(states)


class StepLM(nn.Module):
    """The model. ``text`` may be replaced by any encoder that gives (L, B, W, D_text) states."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: StepConfig):
        super().__init__()
        self.config = config
        d = config.width
        self.state = FeatureSum(config.state, d)
        self.scalars = FeatureSum(config.scalars, d)
        self.everywhere = nn.Linear(d, d, bias=False)
        self.instruments = nn.Embedding(config.slot_size, d)
        self.slot = nn.Parameter(torch.randn(config.slots, d) * 0.02)
        self.text = TextEncoder(config)
        self.layer_weights = nn.Parameter(torch.zeros(config.text_layers + 1))
        self.text_scale = nn.Parameter(torch.ones(config.text_layers + 1, config.text_width))
        self.text_in = nn.Linear(config.text_width, d, bias=False)
        self.text_everywhere = nn.Linear(config.text_width, d, bias=False)
        self.text_guess = nn.Linear(config.text_width, config.guesses)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(d, eps=1e-5)
        self.at_onset = FeatureSum(config.at_onset, d)
        self.at_instrument = FeatureSum(config.at_instrument, d)
        self.chosen = nn.ModuleList(nn.Embedding(n, d) for n in config.fields[:-1])
        self.heads = nn.ModuleList(Head(d, config.head_hidden, n) for n in config.fields)
        parts = {part: FeatureSum(sizes, d) for part, sizes in config.plan.items()}
        self.plan = nn.ModuleDict(parts)
        if config.standings:
            self.standing = Standing(d, config.standings)
        cos, sin = rope_tables(d // config.heads, config.prefix + config.context, config.rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self._init(config)

    def _init(self, config: StepConfig) -> None:
        """Normal 0.02, residual outputs scaled by depth (GPT-2, section 2.3)."""
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear):
                deep = name.endswith((".out", ".down")) and name.startswith("blocks")
                std = 0.02 / (2 * config.layers) ** 0.5 if deep else 0.02
                nn.init.normal_(module.weight, std=std)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
        for name, p in self.named_parameters():
            if name.startswith(PLAN_WEIGHTS):
                nn.init.zeros_(p)

    def mixed_text(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Text states (B, W, D_text) of word pieces (B, W), and which are words at all (B, W, 1).

        Each layer's states are normed before they are mixed: states of deep layers may be many
        times larger, and what all texts share in them would be all that is left."""
        states = self.text(words).float()
        states = F.rms_norm(states, states.shape[-1:], eps=1e-5)
        weights = self.layer_weights.softmax(0)[:, None] * self.text_scale
        is_word = (words > 0).unsqueeze(-1)
        return torch.einsum("ld,lbwd->bwd", weights, states), is_word

    def guess(self, text: Tensor, is_word: Tensor) -> Tensor:
        """Logits (B, guesses) of what a text (``mixed_text``) asks for."""
        count = is_word.sum(1).clamp(min=1).to(text.dtype)
        return self.text_guess((text * is_word).sum(1) / count.sqrt())

    def guess_loss(self, words: Tensor, scalars: Tensor, slots: Tensor) -> Tensor:
        """Nats, mean over texts (B, W), of guessing the attributes (B, S) and instruments (B, I)
        of what they describe: the sum over attributes and instruments."""
        logits = self.guess(*self.mixed_text(words))
        *classes, plays = logits.split([*self.config.scalars.values(), self.n_instruments], dim=-1)
        total = sum(F.cross_entropy(x, scalars[:, k]) for k, x in enumerate(classes))
        wanted = torch.zeros(len(slots), self.n_instruments + 1, device=logits.device)
        wanted = wanted.scatter(1, slots, 1.0)[:, :-1]
        apart = F.binary_cross_entropy_with_logits(plays, wanted, reduction="none")
        return total + apart.sum(-1).mean()

    @property
    def n_instruments(self) -> int:
        """Instruments that a slot may name."""
        return self.config.slot_size - 1

    def prefix(self, scalars: Tensor, slots: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        """Prefix vectors (B, P, D) and what every step adds (B, 1, D), from scalars (B, S),
        instrument slots (B, I) and word pieces (B, W), of which 0 is none.

        What is not given is guessed from the text, where there is one: of a scalar the mean of its
        classes' embeddings, weighted by their probabilities; of the instruments, where no slot
        names one, those that are more likely than not (Lu et al., *MuseCoco*, section 3, goes from
        text to attributes to music in two models). The text's states stand in the prefix besides,
        and their mean reaches every step, as the scalars' sum does: moods and all that no
        attribute says is learned there."""
        text, is_word = self.mixed_text(words)
        mean = (text * is_word).sum(1, keepdim=True) / is_word.sum(1, keepdim=True).clamp(min=1)
        *classes, plays = self.guess(text, is_word).split(
            [*self.config.scalars.values(), self.n_instruments], dim=-1
        )
        has_text = is_word.any(1)  # (B, 1)
        table = self.scalars.table.weight.split(list(self.config.scalars.values()))
        guessed = [x.softmax(-1) @ rows for x, rows in zip(classes, table, strict=True)]
        single = F.embedding(scalars + self.scalars.offset, self.scalars.table.weight)
        to_guess = ((scalars == 0) & has_text).unsqueeze(-1)  # (B, S, 1)
        single = torch.where(to_guess, torch.stack(guessed, 1).to(single.dtype), single)
        likely = plays.topk(self.config.slots)
        guessed_slots = torch.where(likely.values > 0, likely.indices, self.n_instruments)
        none_named = (slots == self.n_instruments).all(1, keepdim=True) & has_text
        slots = torch.where(none_named, guessed_slots, slots)
        vectors = [single, self.instruments(slots) + self.slot, self.text_in(text)]
        everywhere = self.everywhere(single.sum(1, keepdim=True)) + self.text_everywhere(mean)
        return torch.cat(vectors, dim=1), everywhere

    def trunk(self, x: Tensor, pasts: Sequence[Past] | None = None) -> Tensor:
        """Embedded positions (B, T, D) to normed hidden states; behind those that ``pasts``, one a
        layer, hold."""
        start = pasts[0].used if pasts else 0
        cos, sin = self.cos[start : start + x.shape[1]], self.sin[start : start + x.shape[1]]
        for block, past in zip(self.blocks, pasts or [None] * len(self.blocks), strict=True):
            x = block(x, cos, sin, past=past)
        return self.norm(x)

    def hidden(self, scalars: Tensor, slots: Tensor, words: Tensor, state: Tensor) -> Tensor:
        """Hidden states (B, T, D) of steps with state features (B, T, F)."""
        prefix, everywhere = self.prefix(scalars, slots, words)
        steps = self.state(state) + everywhere
        x = self.trunk(torch.cat([prefix, steps], dim=1))
        return x[:, prefix.shape[1] :]

    def chain(
        self,
        h: Tensor,
        fields: Tensor,
        at_onset: Tensor,
        at_instrument: Tensor,
        plan: Mapping[str, Tensor] | None = None,
    ) -> list:
        """Logits of each field, (B, T, size), given the true earlier fields (B, T, K). ``plan``:
        features (B, T, F) of its parts and "standing" (B, T, size of the second field); without one
        the heads are as those of a model that reads none."""
        plan = plan if self.config.plan else None
        if plan:
            h = h + self.plan["at_step"](plan["at_step"])
        logits = [self.heads[0](h)]
        c = h + self.chosen[0](fields[..., 0]) + self.at_onset(at_onset)
        if plan:
            c = c + self.plan["at_onset"](plan["at_onset"])
        logits.append(self.heads[1](c))
        if plan and self.config.standings:
            logits[1] = logits[1] + self.standing(c, plan["standing"])
        c = c + self.chosen[1](fields[..., 1]) + self.at_instrument(at_instrument)
        if plan:
            c = c + self.plan["at_instrument"](plan["at_instrument"])
        for k in range(2, len(self.heads)):
            logits.append(self.heads[k](c))
            if k + 1 < len(self.heads):
                c = c + self.chosen[k](fields[..., k])
        return logits

    def forward(
        self,
        scalars: Tensor,
        slots: Tensor,
        words: Tensor,
        state: Tensor,
        fields: Tensor,
        at_onset: Tensor,
        at_instrument: Tensor,
        plan: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Negative log-likelihood in nats of every field, (B, T, K)."""
        h = self.hidden(scalars, slots, words, state)
        return self.nll(h, fields, at_onset, at_instrument, plan)

    def nll(
        self,
        h: Tensor,
        fields: Tensor,
        at_onset: Tensor,
        at_instrument: Tensor,
        plan: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """The same, of hidden states (B, T, D)."""
        logits = self.chain(h, fields, at_onset, at_instrument, plan)
        losses = [
            F.cross_entropy(x.float().flatten(0, 1), fields[..., k].flatten(), reduction="none")
            for k, x in enumerate(logits)
        ]
        return torch.stack(losses, dim=-1).view(fields.shape)

    def n_parameters(self) -> dict[str, int]:
        """Parameters by part: embeddings, trunk, heads, text, in all."""
        groups = {"trunk": 0, "heads": 0, "text": 0, "embeddings": 0}
        for name, p in self.named_parameters():
            top = name.split(".")[0]
            group = {"blocks": "trunk", "norm": "trunk", "heads": "heads"}.get(top)
            group = group or ("text" if top.startswith(("text", "layer")) else "embeddings")
            groups[group] += p.numel()
        return {**groups, "all": sum(groups.values())}
