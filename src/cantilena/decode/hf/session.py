"""Rows of tokens under way on a HuggingFace causal LM: all that changes while it generates.

Knows a step model's functions, its cache and positions; does not know the grammar, what a token
means in music, or how texts become prompts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from cantilena.decode.hf.cache import RaggedCache
from cantilena.decode.hf.draw import Drawer
from cantilena.decode.hf.graphs import Steady
from cantilena.decode.hf.interfaces import PromptState
from cantilena.decode.hf.single import Single
from cantilena.errors import InputError

if TYPE_CHECKING:
    from cantilena.decode.hf.engine import HFStepModel
    from cantilena.decode.sampling import Sampling

_CHUNK = 512  # positions read at once, which bounds the memory that long prompts take
_TRIPLE_AND_FLAG = 4  # tokens of the shortest music: its flag and one note


@dataclass
class _Rows:
    """Positions of the rows under way."""

    prompt: list[int] = field(default_factory=list)  # slots of the prompt
    placed: list[int] = field(default_factory=list)  # of them with a position
    place: list[int] = field(default_factory=list)  # position of the next token


class HFSession:
    """The ``StepSession`` of an ``HFStepModel``: cache, positions, the hidden state behind each
    row, and on a GPU the recorded steps and the buffers of drawing. Rows do not influence each
    other but in the last bits of floating point.

    Raises InputError for a prompt that leaves no room for music.
    """

    def __init__(self, model: HFStepModel, prompts: Sequence[PromptState]):
        slots = [len(p) for p in prompts]
        placed = [len(p) if p.placed else len(p.ids) for p in prompts]
        if max(placed) + _TRIPLE_AND_FLAG > model.context:
            raise InputError(
                f"a prompt of {max(placed):,} positions leaves no room for music in a context of "
                f"{model.context:,}; shorten the text"
            )
        self.model = model
        self.steady: Steady | Single | None = Steady(model.trunk) if model.records else model.single
        self.drawer = Drawer(model.device)
        self.rows = _Rows(slots, placed, [0] * len(prompts))
        room = max(s - p for s, p in zip(slots, placed, strict=True)) + model.context
        self.cache = RaggedCache(len(prompts), room, model.layers, model.device)
        # (B, D) behind the last token of each row
        self.hidden = torch.zeros(
            (len(prompts), model.width), dtype=model.dtype, device=model.device
        )
        with torch.inference_mode():
            self._prompts(prompts)

    def _prompts(self, prompts: Sequence[PromptState]) -> None:
        """Reads the prompts, right-padded to the longest."""
        longest = max(len(p) for p in prompts)
        if not longest:
            return
        device, embeddings = self.model.device, self.model.input_embeddings
        vectors = self.hidden.new_zeros((len(prompts), longest, self.hidden.shape[1]))
        places = torch.zeros((len(prompts), longest), dtype=torch.long)
        for r, prompt in enumerate(prompts):
            n = 0 if prompt.embeds is None else len(prompt.embeds)
            if n:
                vectors[r, :n] = torch.as_tensor(prompt.embeds).to(vectors)
            if len(prompt.ids):
                ids = torch.as_tensor(np.asarray(prompt.ids), device=device)
                vectors[r, n : n + len(ids)] = embeddings(ids)
            start = 0 if prompt.placed else -n
            places[r, : len(prompt)] = torch.arange(len(prompt)) + start
            if not prompt.placed:
                places[r, :n] = -1
            self.rows.place[r] = self.rows.placed[r]
        self._read(None, vectors, places.to(device), [len(p) for p in prompts])

    def advance(self, tokens: Sequence[Sequence[int]] | np.ndarray) -> None:
        """As ``StepSession.advance``. Raises ValueError where a row has no room left."""
        if isinstance(tokens, np.ndarray) and tokens.ndim == 1:
            tokens = tokens[:, None]
        self._feed(None, [list(map(int, row)) for row in tokens])

    def restart(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> None:
        """As ``StepSession.restart``; only these rows are computed."""
        for r in rows:
            self.cache.rewind(r, self.rows.prompt[r])
            self.rows.place[r] = self.rows.placed[r]
        self._feed(list(rows), [list(map(int, row)) for row in tokens])

    def keep(self, rows: Sequence[int]) -> None:
        """As ``StepSession.keep``."""
        kept = list(rows)
        if self.steady is not None:
            self.steady.forget()
        self.cache.keep(kept)
        self.hidden = self.hidden[kept]
        old = self.rows
        self.rows = _Rows(
            [old.prompt[r] for r in kept],
            [old.placed[r] for r in kept],
            [old.place[r] for r in kept],
        )

    def room(self, row: int) -> int:
        """As ``StepSession.room``."""
        return self.model.context - self.rows.placed[row]

    def logits(
        self, first: int = 0, last: int | None = None, reach: tuple[int, int] | None = None
    ) -> np.ndarray:
        """As ``StepSession.logits``; only what is in reach is computed."""
        last = self.model.size if last is None else last
        low, high = reach or (first, last)
        with torch.inference_mode():
            values = self.model.head(self.hidden, low, high).float().cpu().numpy()
        if (low, high) == (first, last):
            return values
        wide = np.full((len(values), last - first), -np.inf, dtype=np.float32)
        wide[:, low - first : high - first] = values
        return wide

    def draw(
        self,
        first: int,
        last: int,
        biases: Iterable[np.ndarray | None],
        samplings: Sequence[Sampling],
        numbers: Sequence[float],
    ) -> list[int]:
        """As ``StepSession.draw``, on the model's device."""
        with torch.inference_mode():
            # while these masks are made the device may still be reading the last tokens
            mask = self.drawer.masks(biases, len(samplings), last - first)
            logits = self.model.head(self.hidden, first, last)
            return self.drawer.draw(logits, mask, samplings, numbers)

    def _feed(self, rows: list[int] | None, tokens: list[list[int]]) -> None:
        """Reads lists of AMT ids, padded to the longest, in chunks."""
        model, counts = self.model, [len(row) for row in tokens]
        chosen = list(range(len(tokens))) if rows is None else rows
        with torch.inference_mode():
            for at in range(0, max(counts, default=0), _CHUNK):
                part = [row[at : at + _CHUNK] for row in tokens]
                wide = max(map(len, part))
                ids = torch.tensor([row + [0] * (wide - len(row)) for row in part])
                first = torch.tensor([self.rows.place[r] for r in chosen])[:, None]
                places = (first + torch.arange(wide)).clamp(max=model.context - 1)
                vectors = model.embed(ids.to(model.device)).to(model.dtype)
                self._read(rows, vectors, places.to(model.device), [len(row) for row in part])
                for r, row in zip(chosen, part, strict=True):
                    self.rows.place[r] += len(row)

    def _read(
        self, rows: list[int] | None, vectors: Tensor, places: Tensor, counts: list[int]
    ) -> None:
        """Reads (b, S, D) vectors at ``places`` (b, S) (-1: no position), ``counts`` of them real
        in each row; keeps the last hidden state of each."""
        if self.steady is not None and rows is None and vectors.shape[1] == 1:
            states = self.steady.read(self.cache, vectors, places, counts)
        else:
            reading = self.cache.place(rows, counts)
            states = self.model.trunk(self.cache, vectors, places, reading.mask)
        self.cache.wrote(rows, counts)
        if rows is None and vectors.shape[1] == 1 and all(counts):
            self.hidden.copy_(states[:, 0])  # no indices to send: the device is not waited for
            return
        real = [i for i, n in enumerate(counts) if n]
        chosen = real if rows is None else [rows[i] for i in real]
        self.hidden[chosen] = states[real, [counts[i] - 1 for i in real]]
