"""What a system over the AMT vocabulary must offer to be generated with, and how a HuggingFace
causal LM offers it.

Knows models, embeddings and caches; does not know the grammar, what a token means in music, or
how texts become prompts. A system's object has ``prompt(text)`` and ``step_model``; the loop feeds
AMT ids and asks for the logits of a range of AMT ids, so that the head is computed for the ids
alone that the slot allows (a third of the vocabulary at most).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cantilena.errors import InputError, MissingExtraError
from cantilena.tokens.arrival.vocab import AMT

if TYPE_CHECKING:
    from torch import Tensor

    from cantilena.decode.sampling import Sampling

_CHUNK = 512  # positions read at once, which bounds the memory that long prompts take


@dataclass(frozen=True)
class PromptState:
    """What is read before the music tokens: ``embeds``, (P, D) vectors in the model's width, or
    None; then ``ids``, of the model's own vocabulary. ``placed``: whether ``embeds`` take up
    positions; without, the music's first token has position 0 (a prefix without AMT's position
    embeddings). ``flagged``: True where the prompt ends with the flag that begins the music
    (AUTOREGRESS or what stands for it), so that none is added."""

    embeds: Any = None
    ids: Sequence[int] = ()
    placed: bool = True
    flagged: bool = False

    def __len__(self) -> int:
        """Slots of the cache that it fills."""
        return (0 if self.embeds is None else len(self.embeds)) + len(self.ids)


class StepModel(Protocol):
    """A causal LM that reads AMT ids for several rows at once. After ``begin`` and ``advance`` it
    stands behind the last token of each row, and ``logits`` says what may follow."""

    size: int
    """Number of AMT ids."""

    def begin(
        self, prompts: Sequence[PromptState], tokens: Sequence[Sequence[int]] | None = None
    ) -> None:
        """Starts rows anew: each reads its prompt, then its AMT ``tokens`` (none by default). A
        row that has read nothing yet has no logits worth reading."""
        ...

    def advance(self, tokens: Sequence[Sequence[int]] | np.ndarray) -> None:
        """Reads further AMT ids: (B,) one a row, or B lists that may differ in length."""
        ...

    def restart(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> None:
        """Forgets the music of some rows, not their prompts, and reads these AMT ids instead."""
        ...

    def keep(self, rows: Sequence[int]) -> None:
        """Drops all rows but these; they are numbered anew in this order."""
        ...

    def room(self, row: int) -> int:
        """How many AMT ids a row can hold in all behind its prompt."""
        ...

    def logits(self, first: int = 0, last: int | None = None) -> np.ndarray:
        """(B, last - first) float32 logits of the AMT ids ``first`` .. ``last`` - 1."""
        ...


class ArrivalSystem(Protocol):
    """What a system's ``load(path, device=None, dtype=None)`` gives: the object that
    ``cantilena generate`` works with. ``name`` and ``hash`` tell which."""

    @property
    def name(self) -> str:
        """What it is called in manifests."""
        ...

    @property
    def hash(self) -> str:
        """Digits that tell its weights; empty where they were not read from a folder."""
        ...

    @property
    def step_model(self) -> StepModel:
        """What reads music and says what may follow."""
        ...

    def prompt(self, text: str | None) -> PromptState:
        """What is read before the music for a text, or without one."""
        ...


Embed = Callable[["Tensor"], "Tensor"]
Head = Callable[["Tensor", int, int], "Tensor"]


@dataclass
class _Rows:
    """What is known of the rows under way."""

    prompt: list[int] = field(default_factory=list)  # slots of the prompt
    placed: list[int] = field(default_factory=list)  # of them with a position
    place: list[int] = field(default_factory=list)  # position of the next token


class HFStepModel:
    """A ``StepModel`` of a HuggingFace causal LM (``GPT2LMHeadModel``, ``LlamaForCausalLM``, ...).

    ``offset``: the model's id of AMT id 0 (128,256 in MIDI-LLM's layout). ``embed``: AMT ids
    (..., ) to (..., D), where music has its own embedding; ``head``: (hidden (B, D), first, last)
    to (B, last - first) logits of AMT ids, where it has its own head. By default both are the
    model's, shifted by ``offset``. ``context``: positions in all; the model's own, at most 4,096,
    by default. Rows do not influence each other but in the last bits of floating point.

    Raises InputError where the model is no causal LM of this kind or its vocabulary is too small.
    """

    def __init__(
        self,
        model: Any,
        offset: int = 0,
        size: int = AMT.size,
        embed: Embed | None = None,
        head: Head | None = None,
        context: int | None = None,
    ):
        try:
            import torch
        except ImportError as e:
            raise MissingExtraError("torch", "hf", "generating with a HuggingFace model") from e
        self.torch = torch
        self.model, self.offset, self.size = model.eval(), offset, size
        self.base = model.base_model
        if self.base is model and not hasattr(model, "layers"):
            raise InputError(f"{type(model).__name__} is no causal LM with a base model")
        if model.config._attn_implementation not in ("sdpa", "eager"):
            model.set_attn_implementation("sdpa")
        weights = model.get_input_embeddings().weight
        self.device, self.dtype = weights.device, weights.dtype
        if embed is None and weights.shape[0] < offset + size:
            raise InputError(
                f"the model's vocabulary of {weights.shape[0]:,} does not hold the "
                f"{size:,} music tokens from {offset:,} on"
            )
        self.embed: Embed = embed or self._embedded
        self.head: Head = head or self._headed
        longest = int(getattr(model.config, "max_position_embeddings", 0) or 4096)
        self.context = min(context or min(longest, 4096), longest)
        self.layers = int(model.config.num_hidden_layers)
        given = inspect.signature(self.base.forward).parameters
        self.cache_name = "cache" if "cache" in given else "past_key_values"
        self.unplaced = _unplaced(self.base)
        self.rows = _Rows()
        self.cache: Any = None
        self.hidden: Any = None  # (B, D) behind the last token of each row
        self.steady: Any = None
        self.drawer: Any = None
        self.draws = self.device.type == "cuda"
        self.packs = False  # whether one position attends as ``arrival_attention`` has it
        if self.device.type == "cuda":
            from cantilena.decode.hf.attention import shares_keys
            from cantilena.decode.hf.graphs import Steady
            from cantilena.models.amt import fuse_activations

            fuse_activations(model)
            self.packs = shares_keys(model.config)
            self.steady = Steady(self)

    def _embedded(self, ids: Tensor) -> Tensor:
        return self.model.get_input_embeddings()(ids + self.offset)

    def _headed(self, hidden: Tensor, first: int, last: int) -> Tensor:
        head = self.model.get_output_embeddings()
        first, last = first + self.offset, last + self.offset
        bias = None if head.bias is None else head.bias[first:last]
        return self.torch.nn.functional.linear(hidden, head.weight[first:last], bias)

    def begin(
        self, prompts: Sequence[PromptState], tokens: Sequence[Sequence[int]] | None = None
    ) -> None:
        """As ``StepModel.begin``. Raises InputError for a prompt that leaves no room for music."""
        from cantilena.decode.hf.cache import RaggedCache

        tokens = [()] * len(prompts) if tokens is None else tokens
        slots = [len(p) for p in prompts]
        placed = [len(p) if p.placed else len(p.ids) for p in prompts]
        if max(placed) + 4 > self.context:
            raise InputError(
                f"a prompt of {max(placed):,} positions leaves no room for music in a context of "
                f"{self.context:,}; shorten the text"
            )
        if self.steady is not None:
            self.steady.forget()  # before the new cache takes its place, which may be all there is
        self.rows = _Rows(slots, placed, [0] * len(prompts))
        room = max(s - p for s, p in zip(slots, placed, strict=True)) + self.context
        self.cache = RaggedCache(len(prompts), room, self.layers, self.device)
        self.hidden = self.torch.zeros(
            (len(prompts), self.model.get_input_embeddings().weight.shape[1]),
            **{"dtype": self.dtype, "device": self.device},
        )
        with self.torch.inference_mode():
            self._prompts(prompts)
        if any(len(given) for given in tokens):
            self.advance(tokens)

    def _prompts(self, prompts: Sequence[PromptState]) -> None:
        """Reads the prompts, right-padded to the longest."""
        longest = max(len(p) for p in prompts)
        if not longest:
            return
        torch, own = self.torch, self.model.get_input_embeddings()
        vectors = self.hidden.new_zeros((len(prompts), longest, self.hidden.shape[1]))
        places = torch.zeros((len(prompts), longest), dtype=torch.long)
        for r, prompt in enumerate(prompts):
            n = 0 if prompt.embeds is None else len(prompt.embeds)
            if n:
                vectors[r, :n] = torch.as_tensor(prompt.embeds).to(vectors)
            if len(prompt.ids):
                ids = torch.as_tensor(np.asarray(prompt.ids), device=self.device)
                vectors[r, n : n + len(ids)] = own(ids)
            start = 0 if prompt.placed else -n
            places[r, : len(prompt)] = torch.arange(len(prompt)) + start
            if not prompt.placed:
                places[r, :n] = -1
            self.rows.place[r] = self.rows.placed[r]
        self._read(None, vectors, places.to(self.device), [len(p) for p in prompts])

    def advance(self, tokens: Sequence[Sequence[int]] | np.ndarray) -> None:
        """As ``StepModel.advance``. Raises ValueError where a row has no room left."""
        if isinstance(tokens, np.ndarray) and tokens.ndim == 1:
            tokens = tokens[:, None]
        self._feed(None, [list(map(int, row)) for row in tokens])

    def restart(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> None:
        """As ``StepModel.restart``; only these rows are computed."""
        for r in rows:
            self.cache.rewind(r, self.rows.prompt[r])
            self.rows.place[r] = self.rows.placed[r]
        self._feed(list(rows), [list(map(int, row)) for row in tokens])

    def keep(self, rows: Sequence[int]) -> None:
        """As ``StepModel.keep``."""
        kept = list(rows)
        if self.steady is not None:
            self.steady.forget()
        self.cache.keep(kept)
        self.hidden = self.hidden[kept]
        old = self.rows
        self.rows = _Rows(
            *([part[r] for r in kept] for part in (old.prompt, old.placed, old.place))
        )

    def room(self, row: int) -> int:
        """As ``StepModel.room``."""
        return self.context - self.rows.placed[row]

    def logits(self, first: int = 0, last: int | None = None) -> np.ndarray:
        """As ``StepModel.logits``."""
        with self.torch.inference_mode():
            found = self.head(self.hidden, first, self.size if last is None else last)
        return found.float().cpu().numpy()

    def draw(
        self,
        first: int,
        last: int,
        biases: Iterable[np.ndarray | None],
        samplings: Sequence[Sampling],
        numbers: Sequence[float],
    ) -> list[int]:
        """For each row one of the AMT ids ``first`` .. ``last`` - 1, counted from ``first``, drawn
        on the device under its bias (``draws`` tells whether that is the quicker way)."""
        from cantilena.decode.hf.draw import Drawer

        if self.drawer is None:
            self.drawer = Drawer(self.device)
        with self.torch.inference_mode():
            # while these masks are made the device may still be reading the last tokens
            mask = self.drawer.masks(biases, len(samplings), last - first)
            found = self.head(self.hidden, first, last)
            return self.drawer.draw(found, mask, samplings, numbers)

    def _feed(self, rows: list[int] | None, tokens: list[list[int]]) -> None:
        """Reads lists of AMT ids, padded to the longest, in chunks."""
        torch, counts = self.torch, [len(row) for row in tokens]
        chosen = list(range(len(tokens))) if rows is None else rows
        with torch.inference_mode():
            for at in range(0, max(counts, default=0), _CHUNK):
                part = [row[at : at + _CHUNK] for row in tokens]
                wide = max(map(len, part))
                ids = torch.tensor([row + [0] * (wide - len(row)) for row in part])
                first = torch.tensor([self.rows.place[r] for r in chosen])[:, None]
                places = (first + torch.arange(wide)).clamp(max=self.context - 1)
                vectors = self.embed(ids.to(self.device)).to(self.dtype)
                self._read(rows, vectors, places.to(self.device), [len(row) for row in part])
                for r, row in zip(chosen, part, strict=True):
                    self.rows.place[r] += len(row)

    def _read(
        self, rows: list[int] | None, vectors: Tensor, places: Tensor, counts: list[int]
    ) -> None:
        """Reads (b, S, D) vectors at ``places`` (b, S) (-1: no position), ``counts`` of them real
        in each row; keeps the last hidden state of each."""
        if self.steady is not None and rows is None and vectors.shape[1] == 1:
            found = self.steady.read(vectors, places, counts)
        else:
            reading = self.cache.place(rows, counts)
            found = self.trunk(vectors, places, reading.mask)
        self.cache.wrote(rows, counts)
        if rows is None and vectors.shape[1] == 1 and all(counts):
            self.hidden.copy_(found[:, 0])  # no indices to send: the device is not waited for
            return
        real = [i for i, n in enumerate(counts) if n]
        chosen = real if rows is None else [rows[i] for i in real]
        self.hidden[chosen] = found[real, [counts[i] - 1 for i in real]]

    def trunk(self, vectors: Tensor, places: Tensor, mask: Tensor) -> Tensor:
        """(b, S, D) hidden states; the cache is written as its reading says."""
        if not self.unplaced:
            places = places.clamp(min=0)
        if self.model.config._attn_implementation == "eager":
            lowest = self.torch.finfo(vectors.dtype).min
            mask = self.torch.zeros_like(mask, dtype=vectors.dtype).masked_fill(~mask, lowest)
        given = {self.cache_name: self.cache}
        packs = nullcontext()
        if self.packs and vectors.shape[1] == 1:
            from cantilena.decode.hf.attention import attending

            packs = attending(self.model.config)
        with packs:
            return self.base(
                inputs_embeds=vectors,
                position_ids=places,
                attention_mask=mask,
                use_cache=True,
                **given,
            ).last_hidden_state


def _unplaced(base: Any) -> bool:
    """Makes learned position embeddings give nothing at position -1, where a model has them."""
    if getattr(base, "wpe", None) is None:
        return False
    from cantilena.models.amt import allow_no_place

    allow_no_place(base)
    return True
