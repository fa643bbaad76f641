"""A tokenizer learned from captions, for text models that are made here.

Knows BPE and the tokenizers library; does not know models or files. It cuts as SentencePiece does,
spaces being part of the word behind them and unknown characters spelled in bytes, as Llama 2's, so
that llama.cpp can convert a model with it (``models.piece_model`` says why).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from cantilena.errors import InputError
from cantilena.models.hub import need
from cantilena.models.piece_model import BYTES, SPACE

UNKNOWN, BEGIN, END = "<unk>", "<s>", "</s>"
_FIRST = (UNKNOWN, BEGIN, END, *BYTES)
"""What every such vocabulary begins with."""
_WORD = rf"{SPACE}?\p{{L}}+|{SPACE}?\p{{N}}+|{SPACE}?[^{SPACE}\p{{L}}\p{{N}}]+|{SPACE}"
"""No piece reaches beyond a word, a number or a row of signs, each with the space before it."""


def make_tokenizer(texts: Sequence[str], words: int) -> Any:
    """A BPE tokenizer (Sennrich et al. 2016) of at most ``words`` tokens learned from texts, <s>
    put first and </s> as the end, as Llama's is. Every text can be spelled. Raises InputError
    without texts, or for fewer ``words`` than bytes, specials and one more."""
    if not any(text.strip() for text in texts):
        raise InputError("there are no captions to learn a tokenizer from")
    if words <= len(_FIRST):
        raise InputError(
            f"{words} tokens are not more than the {len(BYTES)} bytes and "
            f"{len(_FIRST) - len(BYTES)} specials"
        )
    need("tokenizers", "making a tokenizer")
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    characters, joined = _learned(texts, words - len(_FIRST))
    vocabulary = {piece: i for i, piece in enumerate((*_FIRST, *characters, *joined))}
    merges = [pair for piece in joined for pair in _halves(piece, vocabulary)]
    inner = Tokenizer(
        models.BPE(vocabulary, merges, unk_token=UNKNOWN, fuse_unk=True, byte_fallback=True)
    )
    inner.add_special_tokens([AddedToken(t, normalized=False) for t in (UNKNOWN, BEGIN, END)])
    inner.pre_tokenizer = pre_tokenizers.Metaspace(SPACE, prepend_scheme="never", split=True)
    inner.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    inner.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A",
        pair=f"{BEGIN} $A $B",
        special_tokens=[(BEGIN, vocabulary[BEGIN])],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        unk_token=UNKNOWN,
        bos_token=BEGIN,
        eos_token=END,
        add_prefix_space=False,
    )


def _learned(texts: Iterable[str], size: int) -> tuple[list[str], list[str]]:
    """At most ``size`` pieces: characters, and what was joined of others, in the order learned."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(SPACE, prepend_scheme="never", split=False),
            pre_tokenizers.Split(Regex(_WORD), "isolated"),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size, limit_alphabet=size, initial_alphabet=[SPACE], show_progress=False
    )
    inner.train_from_iterator(texts, trainer)
    vocabulary = json.loads(inner.to_str())["model"]["vocab"]
    pieces = [p for p in sorted(vocabulary, key=vocabulary.__getitem__) if p not in _FIRST]
    return [p for p in pieces if len(p) == 1], [p for p in pieces if len(p) > 1]


def _halves(piece: str, vocabulary: dict[str, int]) -> list[tuple[str, str]]:
    """All pairs of pieces that are joined to ``piece``, the earliest learned first."""
    splits = [(piece[:k], piece[k:]) for k in range(1, len(piece))]
    pairs = [(a, b) for a, b in splits if a in vocabulary and b in vocabulary]
    return sorted(pairs, key=lambda pair: (vocabulary[pair[0]], vocabulary[pair[1]]))
