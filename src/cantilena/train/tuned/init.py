"""Small models with random weights, to begin a tuning with.

Knows layouts and sizes; does not know the Trainer. ``init_music`` and ``init_text``
make models with random weights in exactly the published layouts, so that users without published
weights run the same commands at a small size.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cantilena.errors import UnknownNameError
from cantilena.files import staged_folder
from cantilena.models.amt import SIZES, amt_config
from cantilena.models.checkpoint import check_target, hashes
from cantilena.models.hub import need
from cantilena.models.llama_music import INSTRUCTION
from cantilena.models.parameters import LLAMA_3_2, llama_config
from cantilena.models.published import save_model, save_tokenizer
from cantilena.train.tuned.tokenizer import make_tokenizer

MUSIC_SIZES: dict[str, tuple[int, int, int]] = {
    "nano": (2, 2, 48),
    "mini": (4, 4, 192),
    "midi": (8, 8, 512),
    **SIZES,
}
"""Layers, heads and width: three small sizes (the middle one for a GPU and a few minutes) and the
published ones."""

TEXT_SIZES: dict[str, dict[str, int]] = {
    "nano": {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
    "mini": {
        "hidden_size": 256,
        "intermediate_size": 704,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
    "midi": {
        "hidden_size": 640,
        "intermediate_size": 1792,
        "num_hidden_layers": 8,
        "num_attention_heads": 10,
        "num_key_value_heads": 5,
    },
    "small": {
        "hidden_size": 1024,
        "intermediate_size": 2816,
        "num_hidden_layers": 12,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
    },
}
"""Small sizes, wider than the music models of the same name as the published ones are; Llama 3.2's
"1b" and "3b" are known too."""

WORDS = 2_000
"""Tokens of a tokenizer made here, at most."""

POSITIONS = 131_072
"""Positions of a text model, as Llama 3.2 has; they cost nothing."""


def init_music(
    folder: str | Path, size: str = "mini", seed: int = 0, dropout: float = 0.0
) -> dict[str, Any]:
    """Writes a GPT-2 with random weights in AMT's layout (``MUSIC_SIZES``); says its size. Raises
    InputError as ``init_text``."""
    transformers = need("transformers", "making a music model")
    torch = need("torch", "making a music model")
    if size not in MUSIC_SIZES:
        raise UnknownNameError("size", size, MUSIC_SIZES)
    layers, heads, width = MUSIC_SIZES[size]
    drops = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), dropout)
    torch.manual_seed(seed)
    config = amt_config("small", n_layer=layers, n_head=heads, n_embd=width, **drops)
    model = transformers.GPT2LMHeadModel(config)
    _save(folder, model)
    return {"folder": str(folder), "parameters": model.num_parameters(), "size": size}


def init_text(
    folder: str | Path, texts: Sequence[str], size: str = "mini", words: int = WORDS, seed: int = 0
) -> dict[str, Any]:
    """Writes a Llama with random weights and a tokenizer learned from ``texts`` (and from
    llama-music's instruction) beside it; says their sizes. Raises InputError without texts, and
    where the folder holds files of something else or cannot be written."""
    transformers = need("transformers", "making a text model")
    torch = need("torch", "making a text model")
    sizes = [*TEXT_SIZES, *LLAMA_3_2]
    if size not in sizes:
        raise UnknownNameError("size", size, sizes)
    tokenizer = make_tokenizer([*texts, INSTRUCTION], words)
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    if size in TEXT_SIZES:
        config = transformers.LlamaConfig(
            **TEXT_SIZES[size],
            **ids,
            vocab_size=len(tokenizer),
            max_position_embeddings=POSITIONS,
            tie_word_embeddings=True,
        )
    else:
        config = llama_config(size)
        config.vocab_size, config.bos_token_id = len(tokenizer), ids["bos_token_id"]
        config.eos_token_id = ids["eos_token_id"]
    torch.manual_seed(seed)
    model = transformers.LlamaForCausalLM(config)
    _save(folder, model, tokenizer)
    return {
        "folder": str(folder),
        "parameters": model.num_parameters(),
        "size": size,
        "tokens": len(tokenizer),
    }


def _save(folder: str | Path, model: Any, tokenizer: Any = None) -> None:
    """Makes a folder the model's, with its tokenizer, whole or not at all."""
    with staged_folder(folder) as stage:
        save_model(model, stage)
        if tokenizer is not None:
            save_tokenizer(tokenizer, stage)
        check_target(Path(folder), set(hashes(stage)))
