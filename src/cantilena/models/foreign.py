"""Checkpoints of other programs in pickles: fairseq's ``.pt`` and Lightning's ``.ckpt``.

Knows the two formats, which weights are whose, and how to refuse; does not know any network. Of a
pickle tensors, plain values and one ``argparse.Namespace`` (fairseq's ``args``) are taken; a file
that wants anything else made is refused, and nothing of it is run.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cantilena.errors import CheckpointError, MissingWeightsError
from cantilena.models.checkpoint import sha256_of
from cantilena.models.saving import load_tensors

_PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class Layout:
    """Weights of a published system. ``owner``: what it is called in messages; ``weight``: a
    weight that it alone has; ``licence`` of what its authors published."""

    owner: str
    weight: str
    licence: str = ""


LAYOUTS: dict[str, Layout] = {
    "symphony": Layout("SymphonyNet", r"decoder\.wEvte\.weight", "MIT"),
    "attributes": Layout(
        "MuseCoco's second stage (attributes to music)",
        r"decoder\.layers\.0\.self_attn_layer_norm\.weight",
        "MIT",
    ),
    "text-to-attributes": Layout(
        "MuseCoco's first stage (text to attributes)", r"classifieratt\.0\.weight", "MIT"
    ),
    "frames": Layout("the base of function alignment", "global_sos"),
    "FA_cross": Layout("an adapter of function alignment (FA_cross)", r"yinyang_attn\.0\.gates"),
    "FA_self": Layout("an adapter of function alignment (FA_self)", "sentence_embedding"),
    "amt": Layout("a GPT-2, as AMT is", r"(transformer\.)?wte\.weight"),
    "musicgen": Layout("MusicGen", r"(model\.decoder\.)?embed_tokens\.0\.weight|emb\.0\.weight"),
    "llama-music": Layout("a Llama", r"model\.layers\.0\.self_attn\.q_proj\.weight"),
    "clap": Layout("CLAP", r"(module\.)?text_branch\.embeddings\.word_embeddings\.weight"),
    "bert": Layout("a BERT without heads", r"(bert\.)?embeddings\.word_embeddings\.weight"),
}
"""By the name used here. The first whose weight is there is meant: MuseCoco's heads stand on a
BERT."""

ADAPTERS = ("FA_cross", "FA_self")
"""Those that hold an adapter alone, without its base."""


@dataclass(frozen=True)
class Foreign:
    """A file that was read: its ``weights`` by their published names, and its plain ``settings``
    (fairseq's ``args``, Lightning's ``hyper_parameters``)."""

    path: Path
    weights: Mapping[str, Tensor]
    settings: Mapping[str, Any]

    @property
    def system(self) -> str:
        """Whose the weights are, by ``LAYOUTS``; "" where they are none of those."""
        return system_of(self.weights)

    def origin(self) -> dict[str, Any]:
        """Where weights came from, for the card of what they become."""
        return {"file": self.path.name, "sha256": sha256_of(self.path)}


def read_foreign(path: str | Path, system: str = "") -> Foreign:
    """A fairseq ``.pt``, a Lightning ``.ckpt``, a pickle of tensors alone or ``.safetensors``.
    ``system``: whose weights they must be, a name in ``LAYOUTS``. Raises CheckpointError, which
    says whose they are instead where that can be told."""
    path = Path(path)
    if path.suffix == ".safetensors":
        foreign = Foreign(path, load_tensors(path), {})
    else:
        data = _unpickled(path)
        foreign = Foreign(path, _weights(data, path), _settings(data))
    if system:
        check_system(foreign.weights, (system,), path)
    return foreign


def system_of(weights: Mapping[str, Any]) -> str:
    """Whose weights have such names, by ``LAYOUTS``; "" where none of those."""
    for system, layout in LAYOUTS.items():
        if any(re.fullmatch(layout.weight, name) for name in weights):
            return system
    return ""


def check_system(weights: Mapping[str, Any], systems: Sequence[str], where: str | Path) -> None:
    """Raises CheckpointError where weights are those of none of ``systems``."""
    actual = system_of(weights)
    if actual not in systems:
        other = f"those of {LAYOUTS[actual].owner}" if actual else "of a layout that is not known"
        needed = " or ".join(LAYOUTS[system].owner for system in systems)
        raise CheckpointError(f"the weights in {where} are {other}; needed are those of {needed}")


def count(weights: Mapping[str, Any], pattern: str) -> int:
    """How many numbers stand at the group of ``pattern`` in the names."""
    return len({m[1] for m in (re.match(pattern, name) for name in weights) if m})


def size(weights: Mapping[str, Tensor], name: str, axis: int = 0) -> int:
    """A size that a weight tells. Raises CheckpointError where it is not there."""
    if name not in weights or weights[name].dim() <= axis:
        raise CheckpointError(f"the weights are not whole: {name} is missing")
    return weights[name].shape[axis]


# ------------------------------------------------------------------ the pickle


_BEGINNINGS = (b"PK", b"\x80")
"""How torch's files begin: as a zip of pickles and tensors, or, before torch 1.6, as a pickle."""


def _unpickled(path: Path) -> Any:
    """What is in a pickle of torch's, by torch's own reader of weights alone."""
    if not path.is_file():
        raise MissingWeightsError(f"there is no file {str(path)!r}")
    with path.open("rb") as file:
        begins = file.read(2)
    if not begins.startswith(_BEGINNINGS):
        raise MissingWeightsError(
            f"{str(path)!r} is no checkpoint: it is neither a folder with card.json nor a file of "
            "torch's (.pt, .ckpt)"
        )
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # damaged files raise many kinds
        wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
        if wanted:
            raise CheckpointError(
                f"{str(path)!r} holds other objects than weights ({wanted[1]}), which are not "
                "unpickled; save its weights alone, as .safetensors, where you trust it"
            ) from error
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise CheckpointError(
            f"{str(path)!r} cannot be read as weights alone: {reason[:200]}"
        ) from error


def _weights(data: Any, path: Path) -> dict[str, Tensor]:
    """The tensors: under "model" in fairseq's format, under "state_dict" in Lightning's."""
    if isinstance(data, Mapping):
        for name in ("model", "state_dict"):
            if isinstance(data.get(name), Mapping):
                data = data[name]
                break
        tensors = {str(k): v for k, v in data.items() if isinstance(v, Tensor)}
        if tensors:
            return tensors
    raise CheckpointError(f"{str(path)!r} holds no weights: no checkpoint of fairseq or Lightning")


def _settings(data: Any) -> dict[str, Any]:
    """The plain values among the settings: what a network is built from is among them."""
    settings = data.get("args") or data.get("hyper_parameters") or {}
    if isinstance(settings, argparse.Namespace):
        settings = vars(settings)
    if not isinstance(settings, Mapping):
        return {}
    return {str(k): v for k, v in settings.items() if isinstance(v, _PLAIN)}
