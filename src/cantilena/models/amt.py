"""The Anticipatory Music Transformer's network: the published GPT-2 layout, loaded and checked.

Knows checkpoints, configs and what can be wrong with them; does not know tokens' meanings, Scores
or sampling. The published models are ``GPT2LMHeadModel`` of 128, 360 and 780 M parameters over
55,028 tokens and 1,024 positions, whose attention is scaled by the layer's number as well
(Thickstun et al., *Anticipatory Music Transformer*, TMLR 2024, section 4).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.errors import CheckpointError, InputError, MissingExtraError
from cantilena.models.hub import WITHOUT, loading
from cantilena.tokens.arrival.vocab import AMT

if TYPE_CHECKING:
    from transformers import GPT2Config, GPT2LMHeadModel

SIZES: dict[str, tuple[int, int, int]] = {
    "small": (12, 12, 768),
    "medium": (24, 16, 1024),
    "large": (36, 20, 1280),
}
"""Layers, heads and width of the published sizes."""

PUBLISHED: dict[str, str] = {f"music-{size}": f"stanford-crfm/music-{size}-800k" for size in SIZES}
"""Short names of the published checkpoints, with their names on the HuggingFace hub."""

DTYPES = ("float32", "bfloat16", "float16")


def amt_config(size: str = "small", **changes: Any) -> GPT2Config:
    """The config of a published size (``SIZES``), with other values where given, as
    ``n_layer=2``. Raises InputError for an unknown size."""
    GPT2Config = _transformers("GPT2Config")
    if size not in SIZES:
        raise InputError(f"unknown AMT size {size!r}; known: {', '.join(SIZES)}")
    layers, heads, width = SIZES[size]
    given: dict[str, Any] = {
        **{"vocab_size": AMT.size, "n_positions": AMT.context},
        **{"n_layer": layers, "n_head": heads, "n_embd": width},
        "scale_attn_by_inverse_layer_idx": True,
        **{"bos_token_id": AMT.autoregress, "eos_token_id": AMT.separator},
    }
    return GPT2Config(**{**given, **changes})


def load_amt(name: str | Path, dtype: str | None = None, device: str | None = None) -> Any:
    """A ``GPT2LMHeadModel`` in evaluation mode, by folder, hub name, or a short name of
    ``PUBLISHED``. ``dtype``: one of ``DTYPES``, float32 on a CPU and bfloat16 on a GPU by default;
    ``device``: a torch device's name, the GPU where there is one by default.

    Raises CheckpointError where weights are missing, gated, incomplete or not over AMT's
    vocabulary; InputError for a dtype or device that is not there.
    """
    GPT2LMHeadModel = _transformers("GPT2LMHeadModel")
    source = PUBLISHED.get(str(name), str(name))
    config = _config(source)
    kind = config.get("model_type")
    if kind != "gpt2":
        raise CheckpointError(f"{source} is a {kind!r} model, not AMT's GPT-2; {WITHOUT}")
    check_vocabulary(source, int(config.get("vocab_size", 0)), AMT.size)
    return load_weights(GPT2LMHeadModel, source, dtype, device)


def hub_folder(name: str | Path) -> Path:
    """The folder on this machine of a checkpoint that was loaded by hub name or short name."""
    try:
        from transformers.utils.hub import cached_file
    except ImportError as e:
        raise MissingExtraError("transformers", "hf", "an AMT model") from e
    source = PUBLISHED.get(str(name), str(name))
    found = cached_file(source, "config.json")
    if found is None:
        raise CheckpointError(f"the files of {source} are not on this machine any more")
    return Path(found).parent


def check_vocabulary(source: str, found: int, wanted: int) -> None:
    """Raises CheckpointError where a model's vocabulary is not the one wanted."""
    if found != wanted:
        raise CheckpointError(
            f"{source} has a vocabulary of {found:,} tokens, not the {wanted:,} of the AMT "
            "encoding: it is another model, or was trained on another encoding"
        )


def load_weights(
    kind: Any, source: str, dtype: str | None = None, device: str | None = None
) -> Any:
    """``kind.from_pretrained`` in evaluation mode, with nothing missing and errors explained; for
    any ``transformers`` model class. ``source``: a folder or hub name."""
    torch = _torch()
    device = chosen_device(device)
    wanted = dtype or ("bfloat16" if device.startswith("cuda") else "float32")
    if wanted not in DTYPES:
        raise InputError(f"unknown dtype {wanted!r}; known: {', '.join(DTYPES)}")
    with loading("music model", source), _quietly():
        model, told = kind.from_pretrained(
            source,
            dtype=getattr(torch, wanted),
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told below, by name
        )
    mismatched = [k if isinstance(k, str) else k[0] for k in told["mismatched_keys"]]
    lost = sorted(told["missing_keys"]) + sorted(mismatched)
    if lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        raise CheckpointError(
            f"the weights in {source} are not whole: {lost[0]}{more} missing or of another shape"
        )
    wrong = next((n for n, p in model.named_parameters() if not p.is_floating_point()), None)
    if wrong:
        kind_found = model.get_parameter(wrong).dtype
        raise CheckpointError(f"{source} holds {wrong} as {kind_found}, not as floating point")
    return model.eval().requires_grad_(False).to(device)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the loading report and the progress bar of ``transformers``: what is wrong is said
    in one line by ours."""
    logging = _transformers("logging")
    before, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bar:
            logging.enable_progress_bar()


def _config(source: str) -> dict[str, Any]:
    """config.json of a folder or a hub name, as plain data."""
    path = Path(source)
    if path.exists() or source.startswith((".", "/", "~")):
        try:
            found = json.loads((path.expanduser() / "config.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise CheckpointError(
                f"{source} is no checkpoint: config.json is missing; {WITHOUT}"
            ) from error
        except (OSError, ValueError) as error:
            raise CheckpointError(f"config.json of {source} cannot be read: {error}") from error
        if not isinstance(found, dict):
            raise CheckpointError(f"config.json of {source} is damaged: not an object")
        return found
    with loading("music model", source):
        return _transformers("GPT2Config").get_config_dict(source)[0]


def chosen_device(device: str | None) -> str:
    """The device asked for, else the GPU where there is one. Raises InputError."""
    torch = _torch()
    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"torch cannot use the device {device!r}: {first}") from error
    return device


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

    spelled = _transformers("activations").NewGELUActivation
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is spelled:
                setattr(module, name, GELU("tanh"))
    return model


def save_amt(model: GPT2LMHeadModel, folder: str | Path) -> None:
    """Writes a model in the published layout: config.json, generation_config.json and
    model.safetensors."""
    model.save_pretrained(folder)


def _torch() -> Any:
    try:
        import torch
    except ImportError as e:
        raise MissingExtraError("torch", "hf", "an AMT model") from e
    return torch


def _transformers(name: str) -> Any:
    try:
        import transformers
    except ImportError as e:
        raise MissingExtraError("transformers", "hf", "an AMT model") from e
    return getattr(transformers, name)
