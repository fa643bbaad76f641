"""Collators: texts and music tokens to the batches that the systems' models take.

Knows token ids, padding and packing; does not know corpora, models or the Trainer. An example is a
mapping with ``text`` (str, empty for none) and ``music`` (AMT ids, the flag first). What is not to
be predicted has the label -100.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from cantilena.errors import InputError
from cantilena.models.encoders import cut_at_sentence, say_cut
from cantilena.models.llama_music import INSTRUCTION, prompt_text
from cantilena.models.tuned import IGNORED
from cantilena.tokens.arrival.vocab import AMT

if TYPE_CHECKING:
    from cantilena.models.encoders import TextEncoder

Example = Mapping[str, Any]


def padded(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    """(B, T) int64 of rows, filled to the longest on the right."""
    out = torch.full((len(rows), max(map(len, rows), default=0)), value, dtype=torch.long)
    for k, row in enumerate(rows):
        out[k, : len(row)] = torch.as_tensor(np.asarray(row, dtype=np.int64))
    return out


def whole_triples(music: Sequence[int], room: int) -> list[int]:
    """The flag and as many whole triples of ``music`` as fit ``room`` tokens."""
    if room < 4:
        raise InputError(f"{max(room, 0)} tokens leave no room for a note; shorten the text")
    fits = min(len(music), 1 + 3 * ((room - 1) // 3))
    return [int(k) for k in music[:fits]]


def plain_batch(pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> dict[str, Tensor]:
    """``input_ids``, ``attention_mask`` and ``labels`` (B, T) of (ids, labels) of each example."""
    return {
        "input_ids": padded([ids for ids, _ in pairs], 0),
        "attention_mask": padded([[1] * len(ids) for ids, _ in pairs], 0),
        "labels": padded([labels for _, labels in pairs], IGNORED),
    }


def packed_batch(
    pairs: Sequence[tuple[Sequence[int], Sequence[int]]], room: int
) -> dict[str, Tensor]:
    """``input_ids``, ``labels`` and ``position_ids`` (B, T) of (ids, labels) of each example,
    several of which share a row of ``room`` tokens. HuggingFace's models see from positions that
    begin again at 0 where one example ends and the next begins."""
    bins = packed([len(ids) for ids, _ in pairs], room)
    ids = [[token for k in some for token in pairs[k][0]] for some in bins]
    labels = [[label for k in some for label in pairs[k][1]] for some in bins]
    places = [[place for k in some for place in range(len(pairs[k][0]))] for some in bins]
    wide = max(map(len, ids), default=0)
    for row in places:  # the padding is one more example, which nothing is asked of
        row.extend(range(wide - len(row)))
    return {
        "input_ids": padded(ids, 0),
        "labels": padded(labels, IGNORED),
        "position_ids": padded(places, 0),
    }


def packed(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Which of some rows share a row of ``room`` tokens: longest first, each where it fits first.
    A row longer than ``room`` stands alone."""
    bins: list[tuple[list[int], int]] = []
    for k in sorted(range(len(lengths)), key=lambda k: -lengths[k]):
        for i, (some, used) in enumerate(bins):
            if used + lengths[k] <= room:
                bins[i] = ([*some, k], used + lengths[k])
                break
        else:
            bins.append(([k], lengths[k]))
    return [some for some, _ in bins]


@dataclass
class MusicCollator:
    """Batches for a music model alone: ``input_ids``, ``attention_mask``, ``labels`` (B, T). The
    flag is given, not predicted."""

    context: int = AMT.context

    def __call__(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """The batch."""
        music = [whole_triples(e["music"], self.context) for e in examples]
        ids = padded(music, 0)
        return {
            "input_ids": ids,
            "attention_mask": padded([[1] * len(row) for row in music], 0),
            "labels": padded([[IGNORED, *row[1:]] for row in music], IGNORED),
        }


@dataclass
class TextCollator:
    """Batches for a text model alone: each caption with the tokenizer's own specials and its end,
    cut to ``context``, several in a row where ``pack`` is set, blind to each other."""

    tokenizer: Any
    context: int = 256
    pack: bool = True

    def __call__(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """The batch: ``input_ids``, ``labels``, and ``position_ids`` or ``attention_mask``."""
        end = self.tokenizer.eos_token_id
        rows = []
        for example in examples:
            ids = [int(k) for k in self.tokenizer(example["text"], verbose=False)["input_ids"]]
            if end is not None and (not ids or ids[-1] != end):
                ids.append(int(end))
            rows.append(ids[: self.context])
        pairs = [(row, [IGNORED, *row[1:]]) for row in rows]
        return packed_batch(pairs, self.context) if self.pack else plain_batch(pairs)


@dataclass
class PrefixCollator:
    """Batches for ``AmtPrefix``: ``input_ids``, ``attention_mask``, ``labels`` (B, T) of music;
    ``text_ids``, ``text_mask`` (B, W), or where ``states`` is set the frozen encoder's
    ``text_states`` (L, B, W, D), computed here. ``context``: most music tokens."""

    encoder: TextEncoder
    context: int = 1_024
    states: bool = False

    def __call__(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """The batch. Texts that are too long are cut at a sentence, with a warning."""
        music = [whole_triples(e["music"], self.context) for e in examples]
        ids = padded(music, 0)
        mask = padded([[1] * len(row) for row in music], 0)
        batch = {
            "input_ids": ids,
            "attention_mask": mask,
            "labels": ids.masked_fill(mask == 0, IGNORED),
        }
        words, seen = self.encoder.tokens([str(e.get("text", "")) for e in examples])
        batch["text_mask"] = seen.long()
        if self.states:
            batch["text_states"] = self.encoder.states(words, seen)
        else:
            batch["text_ids"] = words
        return batch


@dataclass
class JointCollator:
    """Batches for ``LlamaMusic``: joint ids of instruction, description and music. ``offset``: the
    text vocabulary's size; ``context``: tokens of a row; ``text_loss``: count the text too, as the
    paper does; ``longest``: most tokens of text; ``pack``: several examples in a row, as many rows
    as it takes, each example with positions from 0 and blind to its neighbours.

    Raises InputError where the tokenizer's ids reach into the music.
    """

    tokenizer: Any
    offset: int
    context: int = 1_024
    instruction: str = INSTRUCTION
    text_loss: bool = True
    longest: int = 512
    pack: bool = False
    music: int | None = None

    def sequence(self, example: Example) -> tuple[list[int], list[int]]:
        """Joint ids of one example and its labels; the first token is never predicted."""
        text = str(example.get("text", ""))
        room = min(self.longest, self.context - 4)
        kept, cut = cut_at_sentence(text, lambda t: len(self._words(t)) <= room)
        if cut:
            say_cut(text, kept, room)
        words = self._words(kept)
        if max(words, default=0) >= self.offset:
            raise InputError(
                f"wrong tokenizer: it gives id {max(words)} where the text has {self.offset}"
            )
        room = self.context - len(words)
        music = whole_triples(example["music"], min(room, self.music or room))
        ids = words + [self.offset + k for k in music]
        labels = list(ids) if self.text_loss else [IGNORED] * len(words) + ids[len(words) :]
        return ids, [IGNORED, *labels[1:]]

    def _words(self, text: str) -> list[int]:
        prompt = prompt_text(text, self.instruction) if text.strip() else ""
        ids = [int(k) for k in self.tokenizer(prompt, verbose=False)["input_ids"]]
        if ids or self.tokenizer.bos_token_id is None:
            return ids
        return [int(self.tokenizer.bos_token_id)]

    def __call__(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """The batch: ``input_ids``, ``labels`` and ``attention_mask``, or with packing
        ``position_ids`` in its place."""
        pairs = [self.sequence(e) for e in examples]
        return packed_batch(pairs, self.context) if self.pack else plain_batch(pairs)
