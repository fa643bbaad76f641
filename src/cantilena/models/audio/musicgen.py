"""MusicGen's published weights in the code model: transformers' layouts and audiocraft's names.

Knows names of weights and of config entries; does not know sound, texts or how codes are chosen.
transformers has a decoder alone (``MusicgenForCausalLM``), one with T5 and EnCodec around it
(``MusicgenForConditionalGeneration``) and the melody variant, whose conditions stand before the
columns instead of being read by cross-attention. audiocraft's ``state_dict.bin`` is a pickle, of
which only tensors and plain values are taken; T5 and EnCodec are not in it. Sizes that weights tell
are read off the weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cantilena.errors import CheckpointError, MissingWeightsError
from cantilena.files import read_json
from cantilena.models.audio.code_lm import CodeConfig, CodeLM, ConditionConfig
from cantilena.models.hub import check_place, folder_of, load_pretrained, loading, need
from cantilena.models.saving import load_weights

TEXT, MELODY = "text", "melody"
"""The names of MusicGen's conditions here."""
CHROMA = 12
"""Pitch classes, the width of a melody's states."""
AUDIOCRAFT = "state_dict.bin"
AUDIOCRAFT_CHROMA_LENGTH = 235
"""Frames of a melody of 30 s at 32 kHz, a frame each 4,096 samples."""
AUDIOCRAFT_HEAD = 64
"""Width of a head in all sizes that were published; no weight tells it."""

Weights = Mapping[str, Tensor]

_BLOCK = {
    "self_attn.out_proj": "out",
    "self_attn_layer_norm": "norm1",
    "encoder_attn.q_proj": "cross.q",
    "encoder_attn.out_proj": "cross.out",
    "encoder_attn_layer_norm": "cross.norm",
    "fc1": "up",
    "fc2": "down",
    "final_layer_norm": "norm2",
}
_FUSED = {"qkv": ("self_attn", "qkv"), "cross.kv": ("encoder_attn", "kv")}
_OURS = {"enc_to_dec_proj": TEXT, "audio_enc_to_dec_proj": MELODY}

# audiocraft's modules and transformers' names for them, in a layer
_CRAFT_BLOCK = {
    "self_attn.out_proj": "self_attn.out_proj",
    "cross_attention.out_proj": "encoder_attn.out_proj",
    "linear1": "fc1",
    "linear2": "fc2",
    "norm1": "self_attn_layer_norm",
    "norm_cross": "encoder_attn_layer_norm",
    "norm2": "final_layer_norm",
}
_CRAFT_PROJECTION = "condition_provider.conditioners."
_CRAFT_CONDITIONS = {"description": "enc_to_dec_proj", "self_wav": "audio_enc_to_dec_proj"}


@dataclass(frozen=True)
class MusicGen:
    """A published MusicGen: the code model and, where they come with it, T5 with its tokenizer's
    folder and EnCodec, as transformers' modules. ``guidance``: what it was meant to be sampled
    with."""

    model: CodeLM
    text_encoder: Any = None
    codec: Any = None
    folder: str = ""
    guidance: float = 3.0


def load_musicgen(
    source: str | Path, dtype: str | None = None, device: str | None = None
) -> MusicGen:
    """MusicGen by folder or hub name, in transformers' layout or audiocraft's. Raises
    CheckpointError where there is none, or only part of one, InputError where there can be none,
    and MissingExtraError without transformers."""
    check_place(source, "MusicGen")
    folder = Path(folder_of(str(source), "MusicGen"))
    if not (folder / "config.json").is_file() and (folder / AUDIOCRAFT).is_file():
        return MusicGen(_placed(_of_audiocraft(folder / AUDIOCRAFT), dtype, device))
    transformers = need("transformers", "MusicGen")
    try:
        kind = read_json(folder / "config.json").get("model_type")
    except Exception as error:
        raise MissingWeightsError(
            f"{source} is no MusicGen: its config.json is not there"
        ) from error
    if kind not in _CLASSES:
        raise MissingWeightsError(f"{source} is no MusicGen, but a {kind!r}")
    whole = load_pretrained(getattr(transformers, _CLASSES[kind]), str(folder), dtype, device)
    if kind.endswith("_decoder"):
        return MusicGen(from_transformers(whole))
    guidance = getattr(whole.generation_config, "guidance_scale", None)
    return MusicGen(
        from_transformers(whole),
        whole.text_encoder,
        whole.audio_encoder,
        str(folder),
        3.0 if guidance is None else float(guidance),
    )


_CLASSES = {
    "musicgen": "MusicgenForConditionalGeneration",
    "musicgen_melody": "MusicgenMelodyForConditionalGeneration",
    "musicgen_decoder": "MusicgenForCausalLM",
    "musicgen_melody_decoder": "MusicgenMelodyForCausalLM",
}


def from_transformers(whole: Any) -> CodeLM:
    """The code model with the weights of one of transformers' four classes. Raises CheckpointError
    for a stereo model or one of another make."""
    decoder = getattr(whole, "decoder", whole)
    config = decoder.config
    wrong = {
        "audio_channels": 1,
        "scale_embedding": False,
        "activation_function": "gelu",
        "cross_attention_hidden_size": None,
    }
    for name, expected in wrong.items():
        value = getattr(config, name, expected)
        if value != expected:
            raise CheckpointError(f"a MusicGen with {name} {value!r} is not supported")
    weights = dict(decoder.state_dict())
    weights |= {k: v for k, v in whole.state_dict().items() if k.split(".")[0] in _OURS}
    text = getattr(getattr(whole, "text_encoder", None), "config", None)
    return _assembled(
        weights,
        heads=config.num_attention_heads,
        text_width=config.hidden_size if text is None else text.hidden_size,
        chroma_length=getattr(whole.config, "chroma_length", 0),
        dropout=float(config.dropout),
    )


def _assembled(
    weights: Weights, heads: int, text_width: int, chroma_length: int, dropout: float
) -> CodeLM:
    """The code model of weights under transformers' names."""
    for kind in ("model.decoder.embed_tokens", "lm_heads"):
        if f"{kind}.0.weight" not in weights:
            raise CheckpointError(f"the weights are not MusicGen's: {kind}.0.weight is missing")
    books = 1 + max(int(k.split(".")[1]) for k in weights if k.startswith("lm_heads."))
    layers = 1 + max(int(k.split(".")[3]) for k in weights if ".layers." in k)
    crossed = "model.decoder.layers.0.encoder_attn.q_proj.weight" in weights
    conditions: dict[str, ConditionConfig] = {}
    if "audio_enc_to_dec_proj.weight" in weights:
        conditions[MELODY] = ConditionConfig(CHROMA, "prepend", length=chroma_length)
    project = "enc_to_dec_proj.weight" in weights
    fuse = "cross" if crossed else "prepend"
    conditions[TEXT] = ConditionConfig(text_width, fuse, project=project)
    config = CodeConfig(
        books=books,
        card=weights["lm_heads.0.weight"].shape[0],
        width=weights["lm_heads.0.weight"].shape[1],
        heads=heads,
        layers=layers,
        hidden=weights["model.decoder.layers.0.fc1.weight"].shape[0],
        dropout=dropout,
        conditions=conditions,
    )
    with torch.device("meta"):
        model = CodeLM(config)
    model.to_empty(device=weights["lm_heads.0.weight"].device)
    model.to(weights["lm_heads.0.weight"].dtype)
    model.offset.copy_(torch.arange(books)[:, None] * (config.card + 1))
    load_weights(model, dict(_renamed(weights, config)), "MusicGen")
    return model.eval().requires_grad_(False)


def _renamed(weights: Weights, config: CodeConfig) -> Iterator[tuple[str, Tensor]]:
    """transformers' weights by the code model's names. Raises CheckpointError where one lacks."""

    def weight(name: str) -> Tensor:
        if name not in weights:
            raise CheckpointError(f"MusicGen's weights lack {name!r}")
        return weights[name]

    def stacked(names: list[str]) -> Tensor:
        return torch.cat([weight(name) for name in names])

    books, decoder = range(config.books), "model.decoder"
    yield "embedding.weight", stacked([f"{decoder}.embed_tokens.{k}.weight" for k in books])
    yield "head.weight", stacked([f"lm_heads.{k}.weight" for k in books])
    for part in ("weight", "bias"):
        yield f"norm.{part}", weight(f"{decoder}.layer_norm.{part}")
        for theirs, ours in _OURS.items():
            if ours in config.conditions and config.conditions[ours].project:
                yield f"conditions.{ours}.{part}", weight(f"{theirs}.{part}")
    for layer in range(config.layers):
        there, here = f"{decoder}.layers.{layer}", f"blocks.{layer}"
        for theirs, ours in _BLOCK.items():
            if "cross" in ours and not config.crossed:
                continue
            for part in ("weight", "bias") if "norm" in ours else ("weight",):
                yield f"{here}.{ours}.{part}", weight(f"{there}.{theirs}.{part}")
        for ours, (theirs, letters) in _FUSED.items():
            if "cross" not in ours or config.crossed:
                names = [f"{there}.{theirs}.{letter}_proj.weight" for letter in letters]
                yield f"{here}.{ours}.weight", stacked(names)


# ------------------------------------------------------------------ audiocraft


def _of_audiocraft(path: Path) -> CodeLM:
    """The code model in audiocraft's file."""
    with loading("MusicGen", path):
        package = torch.load(path, map_location="cpu", weights_only=True)
    weights = package.get("best_state") if isinstance(package, Mapping) else None
    if not isinstance(weights, Mapping):
        raise CheckpointError(f"{path} is not audiocraft's: it has no 'best_state'")
    return from_audiocraft({k: v.float() for k, v in weights.items()})


def from_audiocraft(weights: Weights, heads: int | None = None) -> CodeLM:
    """The code model with audiocraft's weights by audiocraft's names. ``heads``: as many as have a
    width of 64 unless said. Raises CheckpointError where weights are missing or of another make."""
    renamed = dict(_from_craft(weights))
    if "lm_heads.0.weight" not in renamed:
        raise CheckpointError("the weights are not MusicGen's: 'linears.0.weight' is missing")
    width = renamed["lm_heads.0.weight"].shape[1]
    text = renamed.get("enc_to_dec_proj.weight")
    return _assembled(
        renamed,
        heads=heads or max(1, width // AUDIOCRAFT_HEAD),
        text_width=width if text is None else text.shape[1],
        chroma_length=AUDIOCRAFT_CHROMA_LENGTH,
        dropout=0.0,
    )


def _from_craft(weights: Weights) -> Iterator[tuple[str, Tensor]]:
    """audiocraft's weights by transformers' names. What belongs to no layer that is mapped (tables
    of the melody's front end) is left out; a weight of a layer that is not known is refused."""
    for name, value in weights.items():
        top, _, rest = name.partition(".")
        if top == "emb":
            yield f"model.decoder.embed_tokens.{rest}", value
        elif top == "linears":
            yield f"lm_heads.{rest}", value
        elif top == "out_norm":
            yield f"model.decoder.layer_norm.{rest}", value
        elif name.startswith(_CRAFT_PROJECTION):
            condition, _, part = name.removeprefix(_CRAFT_PROJECTION).partition(".output_proj.")
            if part and condition in _CRAFT_CONDITIONS:
                yield f"{_CRAFT_CONDITIONS[condition]}.{part}", value
        elif match := re.fullmatch(r"transformer\.layers\.(\d+)\.(.+)\.(weight|bias)", name):
            yield from _craft_layer(f"model.decoder.layers.{match[1]}", match[2], match[3], value)
        elif match := re.fullmatch(r"transformer\.layers\.(\d+)\.(\w+)\.in_proj_weight", name):
            there = {"self_attn": "self_attn", "cross_attention": "encoder_attn"}.get(match[2])
            for letter, part in zip("qkv", value.chunk(3), strict=True):
                yield f"model.decoder.layers.{match[1]}.{there}.{letter}_proj.weight", part
        else:
            raise CheckpointError(f"the weight {name!r} is none of MusicGen's")


def _craft_layer(there: str, module: str, part: str, value: Tensor) -> Iterator[tuple[str, Tensor]]:
    if module not in _CRAFT_BLOCK:
        raise CheckpointError(f"the weight {module}.{part} is none of MusicGen's layers")
    yield f"{there}.{_CRAFT_BLOCK[module]}.{part}", value


def _placed(model: CodeLM, dtype: str | None, device: str | None) -> CodeLM:
    from cantilena.models.hub import chosen_device, dtype_of

    chosen = chosen_device(device)
    wanted = dtype or ("bfloat16" if chosen.startswith("cuda") else "float32")
    return model.to(chosen, dtype_of(wanted))
