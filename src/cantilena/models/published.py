"""Models and tokenizers in the layouts that they are published in, for other programs to read.

Knows the files of HuggingFace's layouts and where transformers 4.57 and 5 spell them differently;
does not know cards, checkpoints or what tokens mean. What transformers 5 writes alone would be
read wrongly elsewhere: 4.57 does not know ``rope_parameters`` and takes a theta of 10,000 without
a word, nor the tokenizer's class; llama.cpp needs a ``tokenizer.model`` for one that is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cantilena.files import read_json, write_bytes, write_json
from cantilena.models.piece_model import piece_model

_CLASS = "PreTrainedTokenizerFast"
"""Under this name both versions load a tokenizer as its ``tokenizer.json`` says."""
_OF_THIS_MACHINE = ("backend", "is_local", "local_files_only")
"""What transformers 5 notes of how it was loaded; 4.57 would keep it as settings."""


def save_model(model: Any, folder: Path, state: Mapping[str, Any] | None = None) -> None:
    """Writes a model's weights and configs. ``state``: weights to write in place of its own."""
    model.save_pretrained(folder, state_dict=state)
    path = folder / "config.json"
    write_json(path, both_ropes(read_json(path)), indent=2)


def both_ropes(config: dict[str, Any]) -> dict[str, Any]:
    """A config with its rotary embedding spelled twice: ``rope_parameters``, as transformers 5
    reads it, and ``rope_theta`` with ``rope_scaling`` (null where nothing is scaled), as 4.57 does.
    One without ``rope_parameters``, or with several by kind of layer, which 4.57 spelled
    differently from model to model, comes back as it is."""
    rope = config.get("rope_parameters")
    if not isinstance(rope, dict) or "rope_theta" not in rope:
        return config
    scaling = {k: v for k, v in rope.items() if k not in ("rope_theta", "partial_rotary_factor")}
    older = {k: v for k, v in rope.items() if k not in scaling}
    older["rope_scaling"] = None if scaling.get("rope_type") == "default" else scaling
    return {**config, **older}


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Writes a tokenizer, with ``tokenizer.model`` beside it where it can be one. A slow
    tokenizer, which has no ``tokenizer.json``, is written as transformers does."""
    tokenizer.save_pretrained(folder)
    whole = folder / "tokenizer.json"
    if not whole.is_file():
        return
    path = folder / "tokenizer_config.json"
    config = {k: v for k, v in read_json(path).items() if k not in _OF_THIS_MACHINE}
    config["tokenizer_class"] = _CLASS
    # 4.57's class gives token types too, which a Llama does not take
    config["model_input_names"] = list(tokenizer.model_input_names)
    if isinstance(config.get("extra_special_tokens"), list):  # in 4.57 a mapping
        config["additional_special_tokens"] = config.pop("extra_special_tokens")
    write_json(path, config, indent=2)
    pieces = piece_model(read_json(whole))
    if pieces is not None:
        write_bytes(folder / "tokenizer.model", pieces)
