"""Lending a model to something that changes how it computes, and having it back as it was.

Knows torch modules and the configs of ``transformers``; does not know who changes what. Generating
switches a model to evaluation, to an attention that takes its masks, and on a GPU to other kernels
of the same activations: a model that is being trained must not keep any of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def restored(model: nn.Module) -> Iterator[None]:
    """Afterwards ``model`` has the parts, attributes, hooks, modes and configs that it has now, and
    the same of its weights ask for gradients. What weights and buffers hold is not kept."""
    parts = [(part, type(part), _contents(part)) for part in model.modules()]
    configs = [(config, dict(vars(config))) for config in _configs(model)]
    gradients = [(p, p.requires_grad) for p in model.parameters()]
    try:
        yield
    finally:
        for part, kind, contents in parts:
            part.__class__ = kind
            _restore(part, contents)
        for config, values in configs:
            vars(config).clear()
            vars(config).update(values)
        for parameter, wanted in gradients:
            parameter.requires_grad_(wanted)


def _contents(part: nn.Module) -> dict[str, tuple[Any, dict | None]]:
    """A module's attributes, with a copy of what those hold that are dictionaries: its parts,
    weights, buffers and hooks."""
    return {
        name: (value, dict(value) if isinstance(value, dict) else None)
        for name, value in vars(part).items()
    }


def _restore(part: nn.Module, contents: dict[str, tuple[Any, dict | None]]) -> None:
    """Puts attributes back. Dictionaries are filled, not replaced: a hook's handle, by which it is
    taken off, knows the dictionary that the hook is in."""
    vars(part).clear()
    for name, (value, items) in contents.items():
        vars(part)[name] = value
        if items is not None:
            value.clear()
            value.update(items)


def _configs(model: nn.Module) -> list[Any]:
    """The configs of a model's parts and the configs within them, each once."""
    todo = [config for part in model.modules() if (config := vars(part).get("config")) is not None]
    configs: dict[int, Any] = {}
    while todo:
        config = todo.pop()
        if id(config) not in configs and hasattr(config, "__dict__"):
            configs[id(config)] = config
            todo += [vars(config).get(name) for name in getattr(config, "sub_configs", ())]
    return [config for config in configs.values() if config is not None]
