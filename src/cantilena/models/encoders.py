"""Frozen text models: a text in, the hidden states of every layer out.

Knows tokenizers, hidden layers and padding; does not know music, bridges or training. An encoder is
no torch module, so that a model which holds one neither trains, saves nor counts it. What reads
the states may use the last layer or all of them (the text-to-symbolic-music paper's "base" and
"enhanced"); they are all given, the embedding layer first.
"""

from __future__ import annotations

import re
import warnings
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cantilena.errors import CheckpointError, InputError, Notice
from cantilena.models.hub import dtype_of, loading, need
from cantilena.models.packaged import GGUF, PUBLISHED, is_packaged, packaged
from cantilena.tokens.note.conditions import pieces

if TYPE_CHECKING:
    from torch import Tensor

LONGEST = 512
"""Tokens of a text that are read, unless another number is asked for or the model has fewer."""

_SENTENCE_END = re.compile(r"[.!?;。！？]['\")\]]*(?=\s|$)|\n+")


@dataclass(frozen=True)
class TextStates:
    """``states`` (L + 1, B, T, D), the embedding layer first; ``mask`` (B, T), True where a token
    is. Padding stands to the right."""

    states: Tensor
    mask: Tensor

    def to(self, device: Any = None, dtype: Any = None) -> TextStates:
        """The same on another device or in another dtype."""
        return TextStates(self.states.to(device=device, dtype=dtype), self.mask.to(device))


class TextEncoder(Protocol):
    """What every encoder offers. ``layers`` counts the embedding layer; ``width`` is D;
    ``longest`` the most tokens of a text; ``card`` names it in a checkpoint."""

    layers: int
    width: int
    longest: int

    @property
    def card(self) -> dict[str, Any]:
        """Plain data from which ``encoder_from_card`` makes the encoder again."""
        ...

    def to(self, device: Any) -> TextEncoder:
        """Moves it; returns itself."""
        ...

    def tokens(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Token ids (B, T) int64 and their mask (B, T) bool; long texts are cut at a sentence."""
        ...

    def states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(L + 1, B, T, D) of token ids (B, T) with their mask."""
        ...

    def encode(self, texts: Sequence[str]) -> TextStates:
        """Tokens and states of texts."""
        ...


def cut_at_sentence(text: str, fits: Callable[[str], bool]) -> tuple[str, bool]:
    """The longest beginning of ``text`` that ``fits`` and ends with a sentence, else with a word,
    else with a character; and whether anything was cut. ``fits`` must hold for every beginning of
    a text for which it holds."""
    if fits(text):
        return text, False
    for ends in (
        [m.end() for m in _SENTENCE_END.finditer(text)],
        [m.start() for m in re.finditer(r"\s+", text)],
        list(range(len(text))),
    ):
        low, high = 0, len(ends)  # the last of the rising ends that still fits
        while low < high:
            middle = (low + high) // 2
            if fits(text[: ends[middle]].strip()):
                low = middle + 1
            else:
                high = middle
        if low and text[: ends[low - 1]].strip():
            return text[: ends[low - 1]].strip(), True
    return "", True


def say_cut(text: str, kept: str, longest: int) -> None:
    """Warns that a text was longer than the context, with where it was cut."""
    end = kept[-40:] if kept else "nothing"
    warnings.warn(
        f"a text of {len(text)} characters is longer than the context of {longest} tokens; "
        f"read up to {end!r}",
        Notice,
        stacklevel=3,
    )


class HashedEncoder:
    """The built-in encoder: hashed words to fixed random vectors, needing no weights.

    Layer 0 is a word's own vector, layer 1 the mean with the words beside it, layer 2 the mean of
    the whole text added to the word. Nothing is learned here; equal words give equal vectors on
    every machine, which is all a bridge needs to tell texts apart.
    """

    layers = 3

    def __init__(self, width: int = 128, longest: int = 64, buckets: int = 1 << 16):
        import numpy as np

        torch = need("torch", "text encoders")
        self.width, self.longest, self.buckets, self.device = width, longest, buckets, "cpu"
        table = np.random.default_rng(20240).standard_normal((buckets, width), dtype=np.float32)
        table[0] = 0
        self.table = torch.from_numpy(table)

    @property
    def card(self) -> dict[str, Any]:
        """Its name and sizes."""
        sizes = {"width": self.width, "longest": self.longest, "buckets": self.buckets}
        return {"encoder": "hashed", **sizes}

    def to(self, device: Any) -> HashedEncoder:
        """Moves the table; returns itself."""
        self.table, self.device = self.table.to(device), device
        return self

    def tokens(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Hashes of the texts' words, from 1; 0 is padding."""
        import torch

        rows = []
        for text in texts:
            kept, cut = cut_at_sentence(text, lambda t: len(list(pieces(t))) <= self.longest)
            if cut:
                say_cut(text, kept, self.longest)
            words = [1 + zlib.crc32(w.encode()) % (self.buckets - 1) for w in pieces(kept)]
            rows.append(words or [1])  # a text without words is one unknown word
        out = torch.zeros(len(rows), max(map(len, rows), default=1), dtype=torch.long)
        for row, words in zip(out, rows, strict=True):
            row[: len(words)] = torch.tensor(words)
        return out, out > 0

    def states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(3, B, T, width)."""
        import torch

        ids, mask = ids.to(self.device), mask.to(self.device).unsqueeze(-1)
        word = self.table[ids] * mask
        padded = torch.nn.functional.pad(word, (0, 0, 1, 1))
        beside = (padded[:, :-2] + word + padded[:, 2:]) / 3 * mask
        mean = word.sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)
        return torch.stack([word, beside, (word + mean) * mask])

    def encode(self, texts: Sequence[str]) -> TextStates:
        """Tokens and states of texts."""
        ids, mask = self.tokens(texts)
        return TextStates(self.states(ids, mask), mask.to(self.device))


class PretrainedEncoder:
    """A HuggingFace text model, frozen: an encoder (BERT, MiniLM, ...), the encoder half of T5, or
    a causal LM (Llama), by hub name, folder or name in ``models.packaged``.

    ``dtype`` is that of its weights. Raises CheckpointError where the weights cannot be had,
    MissingExtraError without transformers, InputError for an impossible ``longest``.
    """

    def __init__(
        self,
        name: str | Path,
        revision: str | None = None,
        longest: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ):
        transformers = need("transformers", "a pretrained text encoder")
        self.name, self.revision = str(name), revision
        with loading("text model", name):
            source = packaged(name, revision)
            keys = {} if revision is None else {"revision": revision}
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(source, **keys)
            config = transformers.AutoConfig.from_pretrained(source, **keys)
            kind = transformers.AutoModel
            if config.is_encoder_decoder:
                kind = getattr(transformers, "AutoModelForTextEncoding", kind)
            model = kind.from_pretrained(source, dtype=dtype_of(dtype), **keys)
        if config.is_encoder_decoder and hasattr(model, "get_encoder"):
            model = model.get_encoder()
        self._take(model, longest)
        if device is not None:
            self.to(device)

    @classmethod
    def around(cls, model: Any, name: str | Path) -> PretrainedEncoder:
        """An encoder of a model that is loaded already, with the tokenizer in the folder ``name``.
        Raises CheckpointError where there is none."""
        transformers = need("transformers", "a pretrained text encoder")
        encoder = cls.__new__(cls)
        encoder.name, encoder.revision = str(name), None
        with loading("tokenizer", name):
            encoder.tokenizer = transformers.AutoTokenizer.from_pretrained(name)
        encoder._take(model, None)
        return encoder

    def _take(self, model: Any, longest: int | None) -> None:
        """Takes the model and checks that tokenizer and context fit it."""
        self.model = model.eval().requires_grad_(False)
        config = model.config.get_text_config()
        self.width = int(config.hidden_size)
        self.layers = int(config.num_hidden_layers) + 1
        most = _context(config)
        if longest is not None and not 1 <= longest <= most:
            raise InputError(f"a text context of {longest} will not do: {self.name} has 1-{most}")
        self.longest = longest or min(most, LONGEST)
        rows, tokens = model.get_input_embeddings().weight.shape[0], len(self.tokenizer)
        if tokens > rows:
            raise CheckpointError(
                f"wrong tokenizer: that of {self.name} has {tokens} tokens, its model {rows}"
            )

    @property
    def card(self) -> dict[str, Any]:
        """Name, revision and context."""
        card = {"encoder": "pretrained", "name": self.name, "revision": self.revision}
        return {**card, "longest": self.longest}

    def to(self, device: Any) -> PretrainedEncoder:
        """Moves the model; returns itself."""
        self.model.to(device)
        return self

    def tokens(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Token ids with the tokenizer's own specials, padded to the right; 0 pads where it has no
        padding token, which the mask hides."""
        import torch

        rows = []
        for text in texts:
            ids, kept = self._ids(text), text
            if len(ids) > self.longest:
                kept, _ = cut_at_sentence(text, lambda t: len(self._ids(t)) <= self.longest)
                ids = self._ids(kept)[: self.longest]
                say_cut(text, kept, self.longest)
            rows.append(ids or [self._blank])
        pad = self.tokenizer.pad_token_id or 0
        lengths = torch.tensor([len(row) for row in rows])
        out = torch.full((len(rows), int(lengths.max())), pad, dtype=torch.long)
        for row, ids in zip(out, rows, strict=True):
            row[: len(ids)] = torch.tensor(ids)
        return out, torch.arange(out.shape[1])[None] < lengths[:, None]

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer(text, verbose=False)["input_ids"]

    @property
    def _blank(self) -> int:
        """What stands for an empty text where the tokenizer adds no specials."""
        for token in (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        return 0

    def states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(L + 1, B, T, D) in the model's dtype; no gradient reaches the model. States of padding
        are zero."""
        import torch

        device = next(self.model.parameters()).device
        with torch.no_grad():
            out = self.model(
                input_ids=ids.to(device),
                attention_mask=mask.to(device, torch.long),
                output_hidden_states=True,
                **({} if self.model.config.is_encoder_decoder else {"return_dict": True}),
            )
            states = torch.stack(tuple(out.hidden_states))
        if states.shape[0] != self.layers:
            raise CheckpointError(
                f"{self.name} gives {states.shape[0]} layers where its config says {self.layers}"
            )
        return states * mask.to(device)[None, :, :, None]

    def encode(self, texts: Sequence[str]) -> TextStates:
        """Tokens and states of texts."""
        ids, mask = self.tokens(texts)
        states = self.states(ids, mask)
        return TextStates(states, mask.to(states.device))


def _context(config: Any) -> int:
    """The most positions a model takes; RoBERTa's two lowest are taken by its padding."""
    most = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    if most is None:
        return 1 << 20  # relative positions, as T5's
    if config.model_type in ("roberta", "camembert", "xlm-roberta", "mpnet"):
        return int(most) - 1 - int(config.pad_token_id if config.pad_token_id is not None else 1)
    return int(most)


ENCODERS: dict[str, str] = {
    "hashed": "",
    "llama-1b": "meta-llama/Llama-3.2-1B",
    "llama-3b": "meta-llama/Llama-3.2-3B",
    "bert": "google-bert/bert-base-uncased",
    "t5": "google/flan-t5-base",
}
"""Short names of text encoders and where their weights are; "hashed" is built in. Those of packages
are in ``models.packaged``."""


def source_of(name: str | Path) -> str:
    """The folder, the hub name or the package's name that a short name, a hub name or a folder
    means. Raises InputError for what is none of these, and for "hashed", which has no weights."""
    source = str(ENCODERS.get(str(name), name))
    if is_packaged(source) or "/" in source or (source and Path(source).is_dir()):
        return source
    names = ", ".join([*ENCODERS, *GGUF, *PUBLISHED])
    raise InputError(
        f"unknown text encoder {str(name)!r}: known are {names}, a hub name (owner/name) or a "
        "folder"
    )


def text_encoder(name: str | Path, **settings: Any) -> HashedEncoder | PretrainedEncoder:
    """An encoder by short name, hub name or folder; ``settings`` as its class takes them.

    Raises CheckpointError where its weights cannot be had, and InputError where ``name`` is
    neither a known short name, nor a folder, nor looks like a hub name.
    """
    if str(name) == "hashed":
        device = settings.pop("device", None)
        sizes = {k: v for k, v in settings.items() if k in ("width", "longest", "buckets")}
        encoder = HashedEncoder(**{k: v for k, v in sizes.items() if v is not None})
        return encoder if device is None else encoder.to(device)
    return PretrainedEncoder(source_of(name), **settings)


def encoder_from_card(card: dict[str, Any], device: Any = None, dtype: Any = None) -> Any:
    """The encoder whose ``card`` a checkpoint holds. Raises CheckpointError as ``text_encoder``."""
    kind = card.get("encoder")
    if kind == "hashed":
        sizes = {k: card[k] for k in ("width", "longest", "buckets")}
        return text_encoder("hashed", device=device, **sizes)
    if kind != "pretrained" or "name" not in card:
        raise CheckpointError(f"the checkpoint names no text encoder that is known: {card!r}")
    return PretrainedEncoder(
        card["name"],
        revision=card.get("revision"),
        longest=card.get("longest"),
        device=device,
        dtype=dtype,
    )
