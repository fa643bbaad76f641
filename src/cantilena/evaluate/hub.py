"""Published weights: a folder, or a hub name that is in the cache or can be fetched.

Knows huggingface_hub; does not know models. Without a way to the hub it says so at once, where
the client would try for a minute and print a dozen lines.
"""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

from cantilena.errors import InputError, MissingExtraError

WAIT = 5.0  # seconds for the hub to answer


class WeightsError(InputError):
    """Weights that are named cannot be had; the message says which, how to get them and what
    works without."""


def folder_of(weights: str, purpose: str) -> str:
    """The folder of weights: ``weights`` itself where it is one; else the hub's snapshot of that
    name, from the cache or fetched. ``purpose`` is said where a package is missing. Raises
    OSError that says in a line why there is none; MissingExtraError."""
    if Path(weights).is_dir():
        return weights
    if not re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", weights):
        raise OSError("there is no such folder, and it is no hub name such as owner/name")
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtraError("transformers", "hf", purpose) from error
    try:
        return snapshot_download(weights, local_files_only=True)
    except OSError:
        pass
    why = _unreachable()
    if why:
        raise OSError(f"it is not in the hub's cache and {why}")
    try:
        return snapshot_download(weights, ignore_patterns=["*.msgpack", "*.h5", "*.ot"])
    except (OSError, ValueError) as error:
        said = str(error).strip().splitlines()
        raise OSError(said[0] if said else type(error).__name__) from error


def _unreachable() -> str:
    """Why the hub cannot be asked; "" where it may be."""
    if os.environ.get("HF_HUB_OFFLINE", "0").lower() in ("1", "true", "yes", "on"):
        return "HF_HUB_OFFLINE is set"
    named = ("HF_ENDPOINT", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
    if any(os.environ.get(name) for name in named):
        return ""  # another way, which only the client knows
    try:
        socket.create_connection(("huggingface.co", 443), WAIT).close()
    except OSError:
        return "huggingface.co cannot be reached"
    return ""
