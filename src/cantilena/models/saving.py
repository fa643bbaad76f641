"""Models on disk: one folder with a JSON card and safetensors, written whole or not at all.

Knows files; does not know models. Weights that two names share are written once.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from cantilena.errors import CheckpointError

WEIGHTS = "model.safetensors"


def write_model(
    folder: str | Path, card_name: str, card: dict[str, Any], weights: Mapping[str, Tensor]
) -> Path:
    """Writes ``card`` as JSON and the weights beside it; gives the folder. Each file is written
    under another name and then renamed, the card last, so that a folder with a card is whole."""
    from safetensors.torch import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    whole = {k: v.detach().contiguous() for k, v in weights.items()}
    part = folder / (WEIGHTS + ".part")
    save_file(whole, part, metadata={"format": "pt"})
    os.replace(part, folder / WEIGHTS)
    write_json(folder / card_name, card)
    return folder


def write_json(path: str | Path, data: Any) -> None:
    """Writes JSON, whole or not at all."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, path)


def read_card(folder: str | Path, card_name: str) -> dict[str, Any]:
    """A folder's JSON card. Raises CheckpointError where it is missing or no JSON object."""
    path = Path(folder) / card_name
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as e:
        raise CheckpointError(f"{folder} is no checkpoint: {card_name} is missing") from e
    except (OSError, ValueError) as e:
        raise CheckpointError(f"{path} cannot be read: {e}") from e
    if not isinstance(card, dict):
        raise CheckpointError(f"{path} is not a JSON object")
    return card


def read_model(
    folder: str | Path, card_name: str, device: Any = "cpu"
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The card and the weights of a folder. Raises CheckpointError where either is missing or
    damaged."""
    from safetensors.torch import load_file

    card = read_card(folder, card_name)
    path = Path(folder) / WEIGHTS
    if not path.is_file():
        raise CheckpointError(f"{folder} is no checkpoint: {WEIGHTS} is missing")
    try:
        return card, load_file(path, device=str(device))
    except Exception as e:
        raise CheckpointError(f"{path} cannot be read: {e}") from e


def digest(folder: str | Path, card_name: str) -> str:
    """16 hex digits of a folder's card and weights, by which a piece says what made it."""
    found = hashlib.sha256()
    weights = [p for end in ("safetensors", "bin") for p in Path(folder).glob(f"*.{end}")]
    for path in [Path(folder) / card_name, *sorted(weights)]:
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                found.update(block)
    return found.hexdigest()[:16]


def leave_out_ties(module: nn.Module) -> None:
    """Makes ``module.state_dict()`` leave out the second name of a shared tensor, which safetensors
    would refuse, and ``load_state_dict`` do without it."""

    def drop(owner: nn.Module, state: dict[str, Any], prefix: str, _local: Any) -> None:
        for name, first in ties(owner).items():
            if prefix + first in state:
                state.pop(prefix + name, None)

    def restore(owner: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
        for name, first in ties(owner).items():
            if prefix + first in state:
                state.setdefault(prefix + name, state[prefix + first])

    module.register_state_dict_post_hook(drop)
    module.register_load_state_dict_pre_hook(restore)


def ties(module: nn.Module) -> dict[str, str]:
    """Names of parameters that are another's tensor, mapped to the first name."""
    seen: dict[int, str] = {}
    found: dict[str, str] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        first = seen.setdefault(id(parameter), name)
        if first != name:
            found[name] = first
    return found


def placed(module: nn.Module, device: Any = None, dtype: Any = None) -> Any:
    """Moves a model and casts its weights, in place; gives it. What is no weight keeps its dtype:
    rotary frequencies rounded to 8 bits would turn a position of 1,000 by whole radians."""
    if dtype is not None:
        for parameter in module.parameters():
            parameter.data = parameter.data.to(dtype)
    return module if device is None else module.to(device)


def load_weights(module: nn.Module, weights: Mapping[str, Tensor], where: str | Path) -> None:
    """Loads weights, all of them and no others. Raises CheckpointError naming what does not fit."""
    try:
        module.load_state_dict(dict(weights))
    except RuntimeError as e:
        said = " ".join(str(e).split())
        raise CheckpointError(f"the weights in {where} do not fit: {said[:400]}") from e
