"""Where tuning starts: small models made here, and published ones brought together.

Knows layouts, sizes and tokenizers; does not know the Trainer. ``init_music`` and ``init_text``
make models with random weights in exactly the published layouts, so that whoever has no published
weights runs the same commands at a small size.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cantilena.errors import CheckpointError, InputError, MissingExtraError, UnknownNameError
from cantilena.models.amt import PUBLISHED, SIZES, amt_config
from cantilena.models.hub import dtype_of, loading, need
from cantilena.models.llama_music import INSTRUCTION
from cantilena.models.parameters import LLAMA_3_2, llama_config
from cantilena.train.tuned.recipes import TuneConfig

MUSIC_SIZES: dict[str, tuple[int, int, int]] = {
    **{"nano": (2, 2, 48), "mini": (4, 4, 192), "midi": (8, 8, 512)},
    **SIZES,
}
"""Layers, heads and width: three small sizes (the middle one for a GPU and a few minutes) and the
published ones."""

TEXT_SIZES: dict[str, dict[str, int]] = {
    "nano": {
        **{"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2},
        **{"num_attention_heads": 4, "num_key_value_heads": 2},
    },
    "mini": {
        **{"hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 4},
        **{"num_attention_heads": 4, "num_key_value_heads": 2},
    },
    "midi": {
        **{"hidden_size": 640, "intermediate_size": 1792, "num_hidden_layers": 8},
        **{"num_attention_heads": 10, "num_key_value_heads": 5},
    },
    "small": {
        **{"hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 12},
        **{"num_attention_heads": 16, "num_key_value_heads": 8},
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
    """Writes a GPT-2 with random weights in AMT's layout (``MUSIC_SIZES``); says its size."""
    transformers = need("transformers", "making a music model")
    torch = need("torch", "making a music model")
    if size not in MUSIC_SIZES:
        raise UnknownNameError("size", size, MUSIC_SIZES)
    layers, heads, width = MUSIC_SIZES[size]
    drops = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), dropout)
    torch.manual_seed(seed)
    config = amt_config("small", n_layer=layers, n_head=heads, n_embd=width, **drops)
    model = transformers.GPT2LMHeadModel(config)
    model.save_pretrained(folder)
    return {"folder": str(folder), "parameters": model.num_parameters(), "size": size}


def init_text(
    folder: str | Path, texts: Sequence[str], size: str = "mini", words: int = WORDS, seed: int = 0
) -> dict[str, Any]:
    """Writes a Llama with random weights and a tokenizer learned from ``texts`` (and from
    llama-music's instruction) beside it; says their sizes. Raises InputError without texts."""
    transformers = need("transformers", "making a text model")
    torch = need("torch", "making a text model")
    known = [*TEXT_SIZES, *LLAMA_3_2]
    if size not in known:
        raise UnknownNameError("size", size, known)
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
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return {
        **{"folder": str(folder), "parameters": model.num_parameters(), "size": size},
        "tokens": len(tokenizer),
    }


def make_tokenizer(texts: Sequence[str], words: int = WORDS) -> Any:
    """A byte-level BPE tokenizer (Sennrich et al. 2016) learned from texts, <s> first and </s> as
    the end, as Llama's is. Every text can be spelled. Raises InputError without texts, or for
    fewer ``words`` than bytes and specials."""
    if not any(text.strip() for text in texts):
        raise InputError("there are no captions to learn a tokenizer from")
    if words < 260:
        raise InputError(f"{words} tokens are fewer than the 256 bytes and 2 specials")
    need("tokenizers", "making a tokenizer")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=words,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(texts, trainer)
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", inner.token_to_id("<s>"))]
    )
    return PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>")


# ------------------------------------------------------------------ models to tune


def place(name: str) -> str:
    """A folder's whole path, so that a checkpoint finds it from anywhere; hub names as they are."""
    return str(Path(name).resolve()) if Path(name).is_dir() else PUBLISHED.get(name, name)


def build(config: TuneConfig) -> tuple[Any, Any]:
    """(model, tokenizer or None) that a run trains, with its start, LoRA and attention.

    Raises InputError where a model is not named, CheckpointError where weights cannot be had.
    """
    model, tokenizer = _BUILDERS[config.system](config)
    if config.lora:
        from cantilena.models.adapters import Lora, add_lora

        add_lora(model.backbone, Lora(rank=config.lora, alpha=2 * config.lora))
    attention = _attention(config)
    try:
        model.backbone.set_attn_implementation(attention)
    except (ImportError, ValueError) as error:
        raise InputError(f"the attention {attention!r} will not do: {error}") from error
    return model, tokenizer


def _attention(config: TuneConfig) -> str:
    from importlib.util import find_spec

    if config.attention == "auto":
        torch = need("torch", "training")
        quick = torch.cuda.is_available() and config.precision != "float32"
        return "flash_attention_2" if quick and find_spec("flash_attn") else "sdpa"
    if config.attention == "flash_attention_2" and find_spec("flash_attn") is None:
        raise MissingExtraError("flash-attn", "gpu", "the attention 'flash_attention_2'")
    return config.attention


def _named(config: TuneConfig, which: str) -> str:
    name = getattr(config, f"{which}_model")
    if not name:
        raise InputError(
            f"the system {config.system!r} needs --{which}-model: a hub name or a folder, such as "
            f"one of 'cantilena init {which}'"
        )
    return place(name)


def _load(config: TuneConfig, which: str) -> Any:
    """A causal LM by name, in float32 (4 bits where asked for)."""
    name = _named(config, which)
    if config.four_bits:
        from cantilena.models.adapters import load_in_4_bits

        return load_in_4_bits(name)
    transformers = need("transformers", f"the system {config.system!r}")
    with loading(f"{which} model", name):
        return transformers.AutoModelForCausalLM.from_pretrained(name, dtype=dtype_of(None))


def tokenizer_of(name: str) -> Any:
    """The tokenizer of a text model. Raises CheckpointError where it cannot be had."""
    transformers = need("transformers", "a tokenizer")
    with loading("tokenizer", name):
        return transformers.AutoTokenizer.from_pretrained(name)


def _plain(config: TuneConfig) -> tuple[Any, Any]:
    from cantilena.models.amt import check_vocabulary
    from cantilena.models.plain_lm import PlainLM
    from cantilena.tokens.arrival.vocab import AMT

    which = "music" if config.system == "amt" else "text"
    if config.start:
        config = TuneConfig.from_dict({**config.to_dict(), f"{which}_model": config.start})
    name = _named(config, which)
    model = _load(config, which)
    if which == "music":
        check_vocabulary(name, model.get_input_embeddings().weight.shape[0], AMT.size)
    words = None if which == "music" else tokenizer_of(name)
    return PlainLM(model, {"name": name}), words


def _prefix(config: TuneConfig) -> tuple[Any, Any]:
    from cantilena.models.amt_prefix import AmtPrefix
    from cantilena.models.encoders import text_encoder

    if config.start:
        model = AmtPrefix.load(place(config.start)).requires_grad_(True)
        return model, None
    name = _named(config, "text")
    settings: dict[str, Any] = {} if name == "hashed" else {"longest": config.text_tokens}
    if config.precision != "float32" and name != "hashed":  # frozen: a folder's as the hub's
        torch = need("torch", "training")
        settings["dtype"] = "bfloat16" if torch.cuda.is_available() else None
    encoder = text_encoder(name, **settings)
    mix = "layers" if config.layers == "all" else "last"
    music = _load(config, "music")
    return AmtPrefix(music, encoder, mix, source={"name": _named(config, "music")}), None


def _joint(config: TuneConfig) -> tuple[Any, Any]:
    from cantilena.models.llama_music import LlamaMusic

    if config.start:
        folder = Path(place(config.start))
        model = LlamaMusic.load(folder).requires_grad_(True)
        if config.four_bits:
            raise InputError("a run that starts from llama-music's own weights has them in full")
        own = folder / "tokenizer"
        named = str(own) if own.is_dir() else model.source.get("name")
        if not named:
            raise CheckpointError(f"{folder} has no tokenizer")
        return model, tokenizer_of(str(named))
    name = _named(config, "text")
    start = _named(config, "music") if config.init == "amt" else "gaussian"
    model = LlamaMusic(_load(config, "text"), source={"name": name, "start": start})
    if config.init == "amt":
        transformers = need("transformers", "the system 'llama-music'")
        with loading("music model", start, "--init gaussian works without"):
            other = transformers.AutoModelForCausalLM.from_pretrained(start)
        model.start_from_amt(
            other.get_input_embeddings().weight, other.get_output_embeddings().weight
        )
    return model, tokenizer_of(name)


_BUILDERS = {"amt": _plain, "text": _plain, "amt-prefix": _prefix, "llama-music": _joint}


def parts(model: Any) -> dict[str, tuple[int, int]]:
    """(trainable, all) parameters by part of a model, a shared tensor counted once; LoRA's
    matrices are a part of their own."""
    found: dict[str, list[int]] = {}
    for name, parameter in model.named_parameters():
        part = "lora" if "lora_" in name else name.split(".", 1)[0]
        row = found.setdefault(part, [0, 0])
        row[1] += parameter.numel()
        row[0] += parameter.numel() if parameter.requires_grad else 0
    return {part: (row[0], row[1]) for part, row in found.items()}
