"""The Anticipatory Music Transformer's network: the published GPT-2 layout, loaded and checked.

Knows checkpoints, configs and what can be wrong with them; does not know tokens' meanings, Scores
or sampling. The published models are ``GPT2LMHeadModel`` of 128, 360 and 780 M parameters over
55,028 tokens and 1,024 positions, whose attention is scaled by the layer's number as well
(Thickstun et al., *Anticipatory Music Transformer*, TMLR 2024, section 4).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.errors import CheckpointError, InputError, MissingWeightsError
from cantilena.models.checkpoint import is_checkpoint, open_checkpoint
from cantilena.models.hub import WITHOUT, check_way, load_pretrained, loading, need
from cantilena.tokens.arrival.vocab import AMT

if TYPE_CHECKING:
    from transformers import GPT2Config

SIZES: dict[str, tuple[int, int, int]] = {
    "small": (12, 12, 768),
    "medium": (24, 16, 1024),
    "large": (36, 20, 1280),
}
"""Layers, heads and width of the published sizes."""

PUBLISHED: dict[str, str] = {f"music-{size}": f"stanford-crfm/music-{size}-800k" for size in SIZES}
"""Short names of the published checkpoints, with their names on the HuggingFace hub."""

_PURPOSE = "an AMT model"


def amt_config(size: str = "small", **changes: Any) -> GPT2Config:
    """The config of a published size (``SIZES``), with other values where given, as
    ``n_layer=2``. Raises InputError for an unknown size."""
    GPT2Config = need("transformers", _PURPOSE).GPT2Config
    if size not in SIZES:
        raise InputError(f"unknown AMT size {size!r}; known: {', '.join(SIZES)}")
    layers, heads, width = SIZES[size]
    settings: dict[str, Any] = {
        "vocab_size": AMT.size,
        "n_positions": AMT.context,
        "n_layer": layers,
        "n_head": heads,
        "n_embd": width,
        "scale_attn_by_inverse_layer_idx": True,
        "bos_token_id": AMT.autoregress,
        "eos_token_id": AMT.separator,
    }
    return GPT2Config(**{**settings, **changes})


def load_amt(name: str | Path, dtype: str | None = None, device: str | None = None) -> Any:
    """A ``GPT2LMHeadModel`` in evaluation mode, by folder, hub name, or a short name of
    ``PUBLISHED``. ``dtype``: one of ``DTYPES``, float32 on a CPU and bfloat16 on a GPU by default;
    ``device``: a torch device's name, the GPU where there is one by default.

    Raises CheckpointError where weights are missing, gated, incomplete or not over AMT's
    vocabulary; InputError for a dtype or device that is not there.
    """
    GPT2LMHeadModel = need("transformers", _PURPOSE).GPT2LMHeadModel
    source = PUBLISHED.get(str(name), str(name))
    if is_checkpoint(source):
        source = str(open_checkpoint(source, "amt").folder)
    config = _config(source)
    kind = config.get("model_type")
    if kind != "gpt2":
        raise CheckpointError(f"{source} is a {kind!r} model, not AMT's GPT-2; {WITHOUT}")
    check_vocabulary(source, int(config.get("vocab_size", 0)), AMT.size)
    return load_pretrained(GPT2LMHeadModel, source, dtype, device)


def hub_folder(name: str | Path) -> Path:
    """The folder on this machine of a checkpoint that was loaded by hub name or short name."""
    source = PUBLISHED.get(str(name), str(name))
    path = need("transformers.utils.hub", _PURPOSE).cached_file(source, "config.json")
    if path is None:
        raise CheckpointError(f"the files of {source} are not on this machine any more")
    return Path(path).parent


def check_vocabulary(source: str, size: int, wanted: int) -> None:
    """Raises CheckpointError where a model's vocabulary is not the one wanted."""
    if size != wanted:
        raise CheckpointError(
            f"{source} has a vocabulary of {size:,} tokens, not the {wanted:,} of the AMT "
            "encoding: it is another model, or was trained on another encoding"
        )


def _config(source: str) -> dict[str, Any]:
    """config.json of a folder or a hub name, as plain data."""
    path = Path(source)
    if path.exists() or source.startswith((".", "/", "~")):
        try:
            config = json.loads((path.expanduser() / "config.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise MissingWeightsError(
                f"{source} is no checkpoint: config.json is missing; {WITHOUT}"
            ) from error
        except (OSError, ValueError) as error:
            raise CheckpointError(f"config.json of {source} cannot be read: {error}") from error
        if not isinstance(config, dict):
            raise CheckpointError(f"config.json of {source} is damaged: not an object")
        return config
    with loading("music model", source):
        check_way(source)
        return need("transformers", _PURPOSE).GPT2Config.get_config_dict(source)[0]


def allow_no_place(base: Any) -> None:
    """Lets a ``GPT2Model`` take position -1 for "no position embedding", as a prefix of vectors
    that are no tokens of the music wants it. Other positions give what they gave; the module keeps
    its weight and its name in checkpoints."""
    from torch.nn import Embedding

    from cantilena.models.places import Places

    if type(base.wpe) is Embedding:
        base.wpe.__class__ = Places


def fuse_activations(model: Any) -> Any:
    """Puts torch's own GELU in the place of the one that ``transformers`` spells out for GPT-2;
    gives the model, changed. On a GPU it is one kernel instead of eight, and keeps a quarter of
    the memory for the backward pass; the last bits differ."""
    from torch.nn import GELU

    spelled = need("transformers", _PURPOSE).activations.NewGELUActivation
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is spelled:
                setattr(module, name, GELU("tanh"))
    return model
