"""Tiny HuggingFace models and tokenizers, randomly initialised, in the published layouts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from cantilena.tokens.arrival.vocab import ArrivalVocabulary

torch.set_num_threads(1)

SMALL = ArrivalVocabulary(times=300, durations=20, instruments=5, context=64)
"""A small vocabulary: 300 times, 20 durations, 5 instruments."""

_SAID = (
    "you are a world - class composer . please compose some music according to the following "
    "description : slow sad waltz for string quartet in d minor jazz trio rock ! happy , quick"
)
WORDS = tuple(_SAID.split())


def tokenizer() -> Any:
    """A word-level tokenizer that puts <s> first, as Llama's does."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    known = ["<unk>", "<s>", "</s>", *dict.fromkeys(WORDS)]
    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate(known)}, unk_token="<unk>"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )


TEXT = 48
"""Rows of the tiny text models."""


def llama(rows: int = TEXT, seed: int = 0, **changes: Any) -> Any:
    """A Llama of two layers with grouped-query attention and tied embeddings."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    given: dict[str, Any] = {
        "vocab_size": rows,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
        "max_position_embeddings": 128,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    return LlamaForCausalLM(LlamaConfig(**{**given, **changes})).eval()


def amt(seed: int = 0, vocabulary: ArrivalVocabulary = SMALL, width: int = 24) -> Any:
    """A GPT-2 of two layers in AMT's layout."""
    from transformers import GPT2LMHeadModel

    from cantilena.models.amt import amt_config

    torch.manual_seed(seed)
    sizes = {"n_layer": 2, "n_head": 2, "n_embd": width, "vocab_size": vocabulary.size}
    ends = {"bos_token_id": vocabulary.autoregress, "eos_token_id": vocabulary.separator}
    config = amt_config("small", n_positions=vocabulary.context, **sizes, **ends)
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():  # larger than at the start of training, so that positions matter
        model.transformer.wpe.weight.normal_(std=0.3)
    return model


def prefix(music: Path, encoder: Any, mix: str = "last", vocabulary: Any = SMALL) -> Any:
    """An AmtPrefix over a saved music model, its bridge untrained."""
    from transformers import AutoModelForCausalLM

    from cantilena.models.amt_prefix import AmtPrefix

    return AmtPrefix(AutoModelForCausalLM.from_pretrained(music), encoder, mix, vocabulary)


def bert(seed: int = 0) -> Any:
    """A BERT of two layers."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(seed)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    return BertModel(
        BertConfig(vocab_size=TEXT, intermediate_size=48, max_position_embeddings=48, **sizes)
    ).eval()


def saved(model: Any, folder: Path, words: Any = None) -> Path:
    """Writes a model, and a tokenizer beside it, as the hub has them."""
    model.save_pretrained(folder)
    if words is not None:
        words.save_pretrained(folder)
    return folder


def some_music(length: int = 10, rows: int = 2, seed: int = 0) -> torch.Tensor:
    """(rows, 1 + 3 * length) legal AMT ids of ``SMALL``: a flag and notes in time order."""
    made = torch.Generator().manual_seed(seed)

    def draw(high: int) -> torch.Tensor:
        return torch.randint(0, high, (rows, length), generator=made)

    time = draw(8).cumsum(1) + SMALL.time
    triples = torch.stack([time, draw(20) + SMALL.duration, draw(640) + SMALL.note], dim=-1)
    flag = torch.full((rows, 1), SMALL.autoregress)
    return torch.cat([flag, triples.reshape(rows, -1)], dim=1)
