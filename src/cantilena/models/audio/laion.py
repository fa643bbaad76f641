"""LAION's own CLAP checkpoints, as ``music_audioset_epoch_15_esc_90.14.pt``, read into ClapModel.

Knows the names of LAION's layout (HTSAT for sound, RoBERTa for texts, unfused) and transformers';
does not know sound or texts. All sizes are read off the weights. The file is a pickle of a training
run: of it only tensors, plain containers and numbers are taken (``torch.load`` with
``weights_only``), and one that wants other objects made is refused. What is not in it is the
tokenizer, RoBERTa's: that in the file's own folder, else the hub's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cantilena.errors import CheckpointError
from cantilena.models.hub import folder_of, loading

TOKENIZER = "FacebookAI/roberta-base"
"""Texts are cut into RoBERTa's tokens."""
SPECIALS = 0, 1, 2
"""RoBERTa's ids of begin, padding and end."""
HEAD = 64
"""Width of a head in RoBERTa, which no weight tells."""
_AUDIO = (
    ("attn.proj", "attention.output.dense"),
    ("attn.", "attention.self."),
    ("mlp.fc1", "intermediate.dense"),
    ("mlp.fc2", "output.dense"),
    ("norm1", "layernorm_before"),
    ("norm2", "layernorm_after"),
    ("bn0", "batch_norm"),
)
"""Parts of the names of HTSAT's weights, and what transformers calls them."""
_UNUSED = re.compile(
    r"audio_branch\.(?:spectrogram_extractor|logmel_extractor|tscam_conv|head)\.|.*_transform\."
    r"|.*attn_mask$|.*position_ids$|.*num_batches_tracked$|.*relative_position_index$"
)
"""Weights of the file that sound and texts do not go through, or that follow from the sizes."""


def load_laion(path: Path) -> tuple[Any, Any, Any]:
    """(ClapModel, ClapFeatureExtractor, tokenizer) of a file. Raises CheckpointError in one line
    where it holds other objects than weights, is of another layout, or lacks weights, and where the
    tokenizer is not the one that its texts were cut by."""
    from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel

    state = dict(_renamed(_weights(path)))
    try:
        model = ClapModel(_config(state))
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(f"{_NOT.format(path)} ({error})") from error
    own = model.state_dict()
    missing = [k for k in own if k not in state and not _follows(k)]
    odd = [k for k in state if k not in own or state[k].shape != own[k].shape]
    if missing or odd:
        raise CheckpointError(f"{_NOT.format(path)} ({(missing or odd)[0]})")
    model.load_state_dict({**own, **state})
    beside = any((path.parent / name).is_file() for name in ("tokenizer.json", "vocab.json"))
    hint = f"put that of {TOKENIZER} beside the file"
    with loading("tokenizer", path.parent if beside else TOKENIZER, hint):
        tokenizer = AutoTokenizer.from_pretrained(
            path.parent if beside else folder_of(TOKENIZER, "CLAP's tokenizer")
        )
    _check_tokenizer(tokenizer, model, path)
    extractor = ClapFeatureExtractor(
        frequency_min=50, frequency_max=14_000, truncation="rand_trunc", padding="repeatpad"
    )
    return model, extractor, tokenizer


def _check_tokenizer(tokenizer: Any, model: Any, path: Path) -> None:
    """Raises CheckpointError for a tokenizer of another size than the text model's vocabulary, or
    with other ids of begin, padding and end."""
    words = model.config.text_config.vocab_size
    ids = (tokenizer.bos_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id)
    if len(tokenizer) != words or ids != SPECIALS:
        raise CheckpointError(
            f"the tokenizer for {str(path)!r} has {len(tokenizer):,} tokens and the ids {ids} of "
            f"begin, padding and end, where the text model has {words:,} and {SPECIALS}: put that "
            f"of {TOKENIZER} beside the file"
        )


_NOT = "{!s} is no unfused HTSAT CLAP in LAION's layout"


def _follows(name: str) -> bool:
    """Whether a buffer of transformers' follows from the sizes."""
    return name.endswith(("position_ids", "token_type_ids", "relative_position_index", "_tracked"))


def _weights(path: Path) -> dict[str, Any]:
    """The file's tensors by LAION's names, without DistributedDataParallel's "module."."""
    import torch

    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            data: Any = load_file(path)
        else:
            with torch.serialization.safe_globals(_numbers()):
                data = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise many kinds
        wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
        if wanted:
            raise CheckpointError(
                f"{str(path)!r} holds other objects than weights ({wanted[1]}), which are not "
                "unpickled; save its 'state_dict' alone, as .safetensors, where you trust it"
            ) from error
        why = re.search(r"Unsupported operand \d+", str(error))
        reason = why[0] if why else next(iter(str(error).splitlines()), type(error).__name__)
        raise CheckpointError(
            f"the CLAP weights {str(path)!r} cannot be read as weights alone ({reason}); "
            "'--embedder logmel' works without weights"
        ) from error
    if isinstance(data, Mapping) and isinstance(data.get("state_dict"), Mapping):
        data = data["state_dict"]
    if not isinstance(data, Mapping):
        raise CheckpointError(_NOT.format(path))
    tensors = {str(k): v for k, v in data.items() if isinstance(v, torch.Tensor)}
    return {k.removeprefix("module."): v for k, v in tensors.items()}


def _numbers() -> list[Any]:
    """What numpy's numbers are unpickled by: runs note their figures as such."""
    import numpy as np
    from numpy import dtypes
    from numpy._core.multiarray import scalar

    kinds = [getattr(dtypes, f"{name}DType") for name in ("Float32", "Float64", "Int32", "Int64")]
    return [scalar, (scalar, "numpy.core.multiarray.scalar"), np.dtype, *kinds]


def _renamed(weights: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The weights by transformers' names."""
    for name, value in weights.items():
        if _UNUSED.match(name):
            continue
        branch, _, rest = name.partition(".")
        if branch == "text_branch":
            yield f"text_model.{rest}", value
        elif branch == "audio_branch":
            for old, new in _AUDIO:
                rest = rest.replace(old, new)
            yield from _split(f"audio_model.audio_encoder.{rest}", value)
        elif branch in ("text_projection", "audio_projection"):
            layer, _, kind = rest.partition(".")  # of a Sequential: linear, ReLU, linear
            yield f"{branch}.linear{1 + int(layer) // 2}.{kind}", value
        else:
            yield name, value


def _split(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Queries, keys and values apart, where they are one matrix."""
    if ".qkv." not in name:
        yield name, value
        return
    for part, rows in zip(("query", "key", "value"), value.chunk(3), strict=True):
        yield name.replace("qkv", part), rows


def _config(state: Mapping[str, Any]) -> Any:
    """The sizes of a model with these weights. Raises KeyError where one is not there."""
    from transformers import ClapConfig

    words = state["text_model.embeddings.word_embeddings.weight"]
    patch = state["audio_model.audio_encoder.patch_embed.proj.weight"]
    table = "audio_model.audio_encoder.layers.{}.blocks.0.attention.self." + (
        "relative_position_bias_table"
    )
    stages = [i for i in range(8) if table.format(i) in state]
    text = {
        "vocab_size": words.shape[0],
        "hidden_size": words.shape[1],
        "num_hidden_layers": _count(state, r"text_model\.encoder\.layer\.(\d+)\."),
        "num_attention_heads": max(1, words.shape[1] // HEAD),
        "intermediate_size": state["text_model.encoder.layer.0.intermediate.dense.bias"].shape[0],
        "max_position_embeddings": state["text_model.embeddings.position_embeddings.weight"].shape[
            0
        ],
        "layer_norm_eps": 1e-5,  # RoBERTa's, with which LAION trained
    }
    audio = {
        "patch_embeds_hidden_size": patch.shape[0],
        "patch_size": patch.shape[2],
        "hidden_size": patch.shape[0] * 2 ** (len(stages) - 1),
        "depths": [
            _count(state, rf"audio_model\.audio_encoder\.layers\.{i}\.blocks\.(\d+)\.")
            for i in stages
        ],
        "num_attention_heads": [state[table.format(i)].shape[1] for i in stages],
        "num_hidden_layers": len(stages),
        "window_size": (math.isqrt(state[table.format(0)].shape[0]) + 1) // 2,
        "num_mel_bins": state["audio_model.audio_encoder.batch_norm.weight"].shape[0],
        "enable_fusion": False,
    }
    joint = state["text_projection.linear2.bias"].shape[0]
    return ClapConfig(text_config=text, audio_config=audio, projection_dim=joint)


def _count(state: Mapping[str, Any], pattern: str) -> int:
    """How many numbers stand at a place of the names."""
    return len({m[1] for m in (re.match(pattern, name) for name in state) if m})
