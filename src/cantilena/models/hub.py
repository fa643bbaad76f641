"""Published weights: how they are asked for, and what is said when they cannot be had.

Knows the hub's and the disk's ways of failing; does not know any model. Nothing is imported that
is not already there when this is used. Whatever is wrong with weights is a CheckpointError; where
there are none, a MissingWeightsError, which is an InputError too.
"""

from __future__ import annotations

import importlib
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cantilena.errors import (
    CantilenaError,
    CheckpointError,
    InputError,
    MissingExtraError,
    MissingWeightsError,
)

WITHOUT = "the system 'note' works without"
"""Which system needs no published weights."""

DTYPES = ("float32", "bfloat16", "float16")
"""What weights can be loaded as."""

_WAIT = 5.0  # seconds for the hub to answer


def need(package: str, purpose: str, extra: str = "hf") -> Any:
    """The package, imported. Raises MissingExtraError with the extra that holds it. transformers
    then shows no bars while it reads weights from disk; those of downloads stay."""
    try:
        module = importlib.import_module(package)
    except ImportError as e:
        raise MissingExtraError(package, extra, purpose) from e
    if package == "transformers":
        module.utils.logging.disable_progress_bar()
    return module


@contextmanager
def loading(kind: str, name: str | Path, without: str = WITHOUT) -> Iterator[None]:
    """Turns what goes wrong while ``name`` (a hub name or a folder) is loaded into one
    CheckpointError, or MissingWeightsError: which ``kind`` of weights, how to get them, and what
    works without. Our own errors and MemoryError are raised as they are."""
    try:
        yield
    except (CantilenaError, MemoryError):
        raise
    except Exception as e:
        raise _explained(kind, str(name), e, without) from e


def _explained(kind: str, name: str, error: Exception, without: str) -> CheckpointError:
    """What is missing, how to get it, and what works without."""
    message = f"{type(error).__name__} {error} {error.__cause__ or ''}".lower()
    # without a config a tokenizer is what fails first, at length
    bare = kind.endswith("model") and not (Path(name) / "config.json").is_file()
    if is_folder(name) and (bare or "no file named" in message or "config.json" in message):
        text = f"{name} is no {kind}'s folder: config.json or model.safetensors is missing"
        return CheckpointError(f"{text}; {without}")
    if Path(name).is_file() and "repo id must be" in message:
        return MissingWeightsError(f"there is no {kind} {name!r}: it is a file, not a folder")
    if name and Path(name).exists():
        first = " ".join(str(error).split())[:200]
        text = f"the {kind} in {name} cannot be read ({type(error).__name__}: {first})"
        return CheckpointError(f"{text}; {without}")
    if "gated" in message or "401" in message or "403" in message:
        text = (
            f"the {kind} {name!r} is gated: accept its licence at https://huggingface.co/{name}, "
            "then 'hf auth login' or set HF_TOKEN"
        )
        return CheckpointError(f"{text}; {without}")
    if not is_hub_name(name) and ("/" in name or name.startswith((".", "~")) or not name):
        text = f"the {kind} {name!r} is no folder here"
    else:
        text = (
            f"the {kind} {name!r} is neither a folder here nor on the hub as far as this machine "
            f"can reach it: 'hf download {name}' on a machine with network, or give a folder's path"
        )
    return MissingWeightsError(f"{text}; {without}")


def is_folder(place: str | Path) -> bool:
    """Whether a place is a folder here; "" is none, though ``Path`` takes it for this one."""
    return bool(str(place)) and Path(place).is_dir()


def is_hub_name(text: str) -> bool:
    """Whether a text can be a name on the hub, as owner/name."""
    return re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", text) is not None


def check_place(place: str | Path, what: str) -> None:
    """Raises MissingWeightsError where ``place`` is neither a folder nor can be a hub name;
    ``what`` is looked for there, as "codec"."""
    if not is_folder(place) and not is_hub_name(str(place)):
        raise MissingWeightsError(
            f"there is no {what} {str(place)!r}: no such folder, and no hub name such as owner/name"
        )


def folder_of(weights: str, purpose: str) -> str:
    """The folder of weights: ``weights`` itself where it is one; else the hub's snapshot of that
    name, from the cache or fetched. Without a way to the hub it says so at once, where the client
    would try for a minute. ``purpose``: what the weights are of, as "CLAP". Raises
    MissingWeightsError, which says of both readings why there are none; MissingExtraError."""
    if is_folder(weights):
        return weights
    check_place(weights, purpose)
    snapshot_download = need("huggingface_hub", purpose).snapshot_download
    try:
        return snapshot_download(weights, local_files_only=True)
    except OSError:
        pass
    reason = _unreachable()
    if reason:
        raise _missing(weights, purpose, f"it is not in the hub's cache and {reason}")
    try:
        return snapshot_download(weights, ignore_patterns=["*.msgpack", "*.h5", "*.ot"])
    except (OSError, ValueError) as error:
        lines = str(error).strip().splitlines()
        raise _missing(weights, purpose, lines[0] if lines else type(error).__name__) from error


def _missing(weights: str, purpose: str, reason: str) -> MissingWeightsError:
    return MissingWeightsError(
        f"there is no {purpose} {weights!r}: no such folder, and of it as a hub name {reason}"
    )


def _unreachable() -> str:
    """Why the hub cannot be asked; "" where it may be."""
    if os.environ.get("HF_HUB_OFFLINE", "0").lower() in ("1", "true", "yes", "on"):
        return "HF_HUB_OFFLINE is set"
    named = ("HF_ENDPOINT", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
    if any(os.environ.get(name) for name in named):
        return ""  # another way, which only the client knows
    try:
        socket.create_connection(("huggingface.co", 443), _WAIT).close()
    except OSError:
        return "huggingface.co cannot be reached"
    return ""


def check_way(name: str) -> None:
    """Raises OSError for a hub's name that is not in the cache where there is no way to the hub:
    its client would try for half a minute, and tell of each trial."""
    if is_folder(name) or not is_hub_name(name) or Path(name).exists():
        return
    try:
        need("huggingface_hub", "a published model").snapshot_download(name, local_files_only=True)
    except OSError:
        if reason := _unreachable():
            raise OSError(reason) from None


# ------------------------------------------------------------------ loading


def load_pretrained(
    kind: Any, source: str, dtype: str | None = None, device: str | None = None
) -> Any:
    """``kind.from_pretrained`` of any ``transformers`` model class in evaluation mode, with nothing
    missing and errors explained. ``source``: a folder or hub name; ``dtype``: one of ``DTYPES``,
    float32 on a CPU and bfloat16 on a GPU by default. Raises CheckpointError, InputError."""
    torch = need("torch", "a music model")
    device = chosen_device(device)
    wanted = dtype or ("bfloat16" if device.startswith("cuda") else "float32")
    if wanted not in DTYPES:
        raise InputError(f"unknown dtype {wanted!r}; known: {', '.join(DTYPES)}")
    with loading("music model", source), quietly():
        check_way(source)
        model, info = kind.from_pretrained(
            source,
            dtype=getattr(torch, wanted),
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are reported below, by name
        )
    mismatched = [k if isinstance(k, str) else k[0] for k in info["mismatched_keys"]]
    lost = sorted(info["missing_keys"]) + sorted(mismatched)
    if lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        raise CheckpointError(
            f"the weights in {source} are not whole: {lost[0]}{more} missing or of another shape"
        )
    wrong = next((n for n, p in model.named_parameters() if not p.is_floating_point()), None)
    if wrong:
        dtype_there = model.get_parameter(wrong).dtype
        raise CheckpointError(f"{source} holds {wrong} as {dtype_there}, not as floating point")
    return model.eval().requires_grad_(False).to(device)


@contextmanager
def quietly() -> Iterator[None]:
    """Without the loading report and the progress bar of ``transformers``: what is wrong is said
    in one line by ours, and layers that are left out are not wrong."""
    logging = need("transformers", "a music model").logging
    before, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bar:
            logging.enable_progress_bar()


def chosen_device(device: str | None) -> str:
    """The device asked for, else the GPU where there is one. Raises InputError."""
    torch = need("torch", "a music model")
    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"torch cannot use the device {device!r}: {first}") from error
    return device


def dtype_of(name: str | Any | None) -> Any:
    """A torch dtype from its name ("float32", "bfloat16", "float16"), a dtype or None (float32).

    Raises InputError for any other.
    """
    torch = need("torch", "loading models")
    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name is None:
        return torch.float32
    if name in dtypes.values():
        return name
    if str(name) not in dtypes:
        raise InputError(f"dtype {str(name)!r} will not do; known: {', '.join(dtypes)}")
    return dtypes[str(name)]
