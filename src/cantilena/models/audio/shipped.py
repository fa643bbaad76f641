"""Where our weights for sound are: in a distribution of their own, so that the default install does
not grow.

Knows the distribution's package and the names of the folders in it; does not know what is in them.
Nothing of it is imported.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from cantilena.errors import InputError
from cantilena.models.checkpoint import is_checkpoint

PACKAGE = "cantilena_audio_weights"
INSTALL = "pip install ./weights/audio"
"""What installs it, from the folder of the sources."""
CODEC = "codec"
MUSICGEN = "musicgen"
CODE_NOTES = "code-notes"
MUSICLM = "musiclm"


def shipped(name: str) -> Path | None:
    """The folder of the checkpoint ``name`` ("codec", "musicgen", "musiclm", "code-notes",
    "musicgen/codec"); None where it is not installed."""
    spec = find_spec(PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place) / name
        if is_checkpoint(folder):
            return folder
    return None


def need_shipped(name: str) -> Path:
    """The same; raises InputError where it is not installed."""
    folder = shipped(name)
    if folder is None:
        raise InputError(
            f"the weights of {name} are not installed: {INSTALL!r} in the folder of Cantilena's "
            "sources installs them; or name others with --checkpoint"
        )
    return folder
