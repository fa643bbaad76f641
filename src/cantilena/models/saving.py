"""A module's weights: shared tensors written once, loading that says what does not fit, moving.

Knows torch modules and safetensors' rules; does not know which models there are, nor folders and
cards (``models.checkpoint``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from cantilena.errors import CheckpointError, MissingWeightsError
from cantilena.files import staged_file


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Writes tensors as safetensors, whole or not at all. Raises InputError."""
    from safetensors.torch import save_file

    plain = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    with staged_file(path) as part:
        save_file(plain, part, metadata={"format": "pt"})


def load_tensors(path: Path, device: Any = "cpu") -> dict[str, Tensor]:
    """The tensors of a safetensors file. Raises CheckpointError where it is missing or damaged."""
    from safetensors.torch import load_file

    if not path.is_file():
        raise MissingWeightsError(f"{path.parent} is no checkpoint: {path.name} is missing")
    try:
        return load_file(path, device=str(device or "cpu"))
    except Exception as e:  # safetensors raises its own kinds
        raise CheckpointError(f"{path} cannot be read: {e}") from e


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
    tied: dict[str, str] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        first = seen.setdefault(id(parameter), name)
        if first != name:
            tied[name] = first
    return tied


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
        reason = " ".join(str(e).split())
        raise CheckpointError(f"the weights in {where} do not fit: {reason[:400]}") from e
