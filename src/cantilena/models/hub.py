"""Published weights: how they are asked for, and what is said when they cannot be had.

Knows the hub's and the disk's ways of failing; does not know any model. Nothing is imported that
is not already there when this is used.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cantilena.errors import CantilenaError, CheckpointError, InputError, MissingExtraError

WITHOUT = "the system 'note' works without"
"""Which system needs no published weights."""


def need(package: str, purpose: str, extra: str = "hf") -> Any:
    """The package, imported. Raises MissingExtraError with the extra that holds it. transformers
    then shows no bars while it reads weights from disk; those of downloads stay."""
    try:
        found = importlib.import_module(package)
    except ImportError as e:
        raise MissingExtraError(package, extra, purpose) from e
    if package == "transformers":
        found.utils.logging.disable_progress_bar()
    return found


@contextmanager
def loading(kind: str, name: str | Path, without: str = WITHOUT) -> Iterator[None]:
    """Turns what goes wrong while ``name`` (a hub name or a folder) is loaded into one
    CheckpointError: which ``kind`` of weights, how to get them, and what works without. A word of
    ours, and running out of memory, pass through."""
    try:
        yield
    except (CantilenaError, MemoryError):
        raise
    except Exception as e:
        raise CheckpointError(f"{_why(kind, str(name), e)}; {without}") from e


def _why(kind: str, name: str, error: Exception) -> str:
    """What is missing and how to get it."""
    said = f"{type(error).__name__} {error} {error.__cause__ or ''}".lower()
    if Path(name).is_dir() and ("no file named" in said or "config.json" in said):
        return f"{name} is no {kind}'s folder: config.json or model.safetensors is missing"
    if Path(name).exists():
        first = " ".join(str(error).split())[:200]
        return f"the {kind} in {name} cannot be read ({type(error).__name__}: {first})"
    if "gated" in said or "401" in said or "403" in said:
        return (
            f"the {kind} {name!r} is gated: accept its licence at https://huggingface.co/{name}, "
            "then 'hf auth login' or set HF_TOKEN"
        )
    if name.count("/") > 1 or name.startswith((".", "~", "/")):
        return f"the {kind} {name!r} is no folder here"
    return (
        f"the {kind} {name!r} is neither a folder here nor on the hub as far as this machine can "
        f"reach it: 'hf download {name}' on a machine with network, or give a folder's path"
    )


def dtype_of(name: str | Any | None) -> Any:
    """A torch dtype from its name ("float32", "bfloat16", "float16"), a dtype or None (float32).

    Raises InputError for any other.
    """
    torch = need("torch", "loading models")
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name is None:
        return torch.float32
    if name in known.values():
        return name
    if str(name) not in known:
        raise InputError(f"dtype {str(name)!r} will not do; known: {', '.join(known)}")
    return known[str(name)]
