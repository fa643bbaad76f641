"""Published files made checkpoints of ours: whose they are is told by their weights.

Knows which module reads which layout; does not know any network.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from cantilena.errors import CheckpointError, InputError
from cantilena.models.foreign import ADAPTERS, LAYOUTS, read_foreign
from cantilena.models.loading import origin_card

READERS = {
    "symphony": "symphony",
    "attributes": "attribute_lm",
    "text-to-attributes": "text_attributes",
    "frames": "frame_lm",
}
"""Modules beside this one, by the names of ``foreign.LAYOUTS``."""


def convert(path: str | Path, folder: str | Path, base: str | Path | None = None) -> Path:
    """Writes a published file's weights into ``folder`` as safetensors with a card, and gives the
    folder. ``base``: of an adapter, its base: a checkpoint or a published file. Raises
    CheckpointError for weights that are none of those read here, InputError for an adapter without
    a base or a base for what is none."""
    foreign = read_foreign(path)
    adapter = foreign.system in ADAPTERS
    if not adapter and foreign.system not in READERS:
        owner = LAYOUTS[foreign.system].owner if foreign.system else "a layout that is not known"
        raise CheckpointError(f"the weights in {path} are those of {owner}; they are not converted")
    if adapter != (base is not None):
        needs = "needs its base as well" if adapter else "has no base: leave it out"
        raise InputError(f"{path} is {LAYOUTS[foreign.system].owner} and {needs}")
    card = origin_card(foreign)
    if foreign.system == "symphony":
        card |= _words_beside(Path(path).parent)
    if base is None:
        module = importlib.import_module(f"cantilena.models.{READERS[foreign.system]}")
        return module.from_published(foreign).save(folder, card)
    from cantilena.models.aligned import from_published
    from cantilena.models.frame_lm import FrameLM

    needed = {"name": Path(base).resolve().name}
    return from_published(foreign, FrameLM.load(base)).save(folder, needed, card)


def _words_beside(folder: Path) -> dict[str, dict[str, object]]:
    """The card's scheme of SymphonyNet's vocabulary, where its files stand in a folder; without
    them the weights can be had, and nothing can be written with them. Raises CheckpointError where
    they are not SymphonyNet's."""
    from cantilena.tokens.symphony import SymphonyScheme, read_vocabulary

    if not (folder / "vocab_0.json").is_file():
        return {}
    try:
        return {"scheme": SymphonyScheme(read_vocabulary(folder)).to_dict()}
    except InputError as error:
        raise CheckpointError(
            f"the vocabulary beside the weights cannot be read: {error}"
        ) from error
