"""Checkpoints: one folder format with one card for every system, opened, checked and saved here.

Knows folders, hashes and what every card holds; does not know what a network is built from (the
card's ``model``, which is its system's own) nor any tensor, and needs no torch.

A checkpoint's folder holds ``card.json`` and the files that the card lists with their sha256:

    format     2
    system     the system's name, as "llama-music"
    name       what the model is called
    scheme     its vocabulary as plain data, {} where it writes no music
    files      {path within the folder: sha256 in hex}
    model      the system's own part: what its network is built from
    sources    what it was trained on, with licences
    licence    of the weights
    figures    what was measured of it
    seed       of its training, or null
    training   how it was trained

Folders of earlier versions and of other programs are read by small adapters; of these no hashes
are known.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cantilena.errors import CantilenaError, CheckpointError, InputError, MissingWeightsError
from cantilena.files import parse_json, staged_folder, write_json
from cantilena.tokens import scheme_of

CARD = "card.json"
WEIGHTS = "model.safetensors"
FORMAT = 2
RUN_MODEL = "model"
"""Where in the folder of a training run its finished model stands."""

_OLD_CARD = "cantilena.json"  # of amt-prefix and llama-music before format 2
_CONFIG = "config.json"  # of HuggingFace's layouts
_MAX_CARD = 16 << 20  # bytes; the shipped one has 12,200
_MAX_SEED = 2**64 - 1
_KINDS: dict[str, tuple[type, ...]] = {
    "system": (str,),
    "name": (str,),
    "scheme": (dict,),
    "files": (dict,),
    "model": (dict,),
    "sources": (dict,),
    "licence": (str,),
    "figures": (dict,),
    "seed": (int, type(None)),
    "training": (dict,),
}
_PLAIN: dict[str, Any] = {
    "scheme": {},
    "files": {},
    "model": {},
    "sources": {},
    "licence": "",
    "figures": {},
    "seed": None,
    "training": {},
}


@dataclass(frozen=True)
class Checkpoint:
    """A checked checkpoint: where it is and its card, which has every entry of format 2 whatever
    the folder's own format is."""

    folder: Path
    card: Mapping[str, Any]
    card_file: str = CARD

    @property
    def system(self) -> str:
        """The name of the system that it belongs to."""
        return self.card["system"]

    @property
    def name(self) -> str:
        """What the model is called."""
        return self.card["name"]

    @property
    def model(self) -> Mapping[str, Any]:
        """The system's own part of the card."""
        return self.card["model"]

    @property
    def weights(self) -> Path:
        """The file of the weights."""
        return self.folder / WEIGHTS

    @cached_property
    def hash(self) -> str:
        """16 hex digits by which a piece says what made it: of the card, which has the hashes of
        all files, or of the card and the weights where it has none."""
        return digest(self.folder, self.card_file, bool(self.card["files"]))


# ------------------------------------------------------------------ opening


def open_checkpoint(place: str | Path | Checkpoint, system: str = "") -> Checkpoint:
    """The checkpoint in a folder, or the finished one of a training run's folder, of ``system``
    where one is named. All that can be checked without building the model has been checked: kinds
    and ranges of the card, the vocabulary, and that every listed file is there and is what it was.

    Raises CheckpointError, and nothing else, for a folder that cannot be used: where there is no
    checkpoint, or one of another system, a MissingWeightsError."""
    if isinstance(place, Checkpoint):
        checkpoint = place
    else:
        folder = located(place)
        try:
            card, card_file = _read(folder)
            _check(card)
            _check_files(folder, card["files"])
        except MissingWeightsError:
            raise
        except (InputError, OSError) as error:
            raise CheckpointError(f"the checkpoint in {folder} cannot be used: {error}") from error
        checkpoint = Checkpoint(folder, card, card_file)
    if system and checkpoint.system != system:
        raise MissingWeightsError(
            f"{checkpoint.folder} holds the system {checkpoint.system!r}, not {system!r}"
        )
    return checkpoint


def is_checkpoint(place: str | Path) -> bool:
    """Whether a folder has a card of ours or is the run of a finished model; its content may yet
    be refused."""
    folder = located(place)
    return any((folder / name).is_file() for name in (CARD, _OLD_CARD))


def located(place: str | Path) -> Path:
    """The folder of a checkpoint: ``place`` itself or, for a training run's folder, its finished
    model."""
    folder = Path(place)
    has_card = any((folder / name).is_file() for name in (CARD, _OLD_CARD, _CONFIG))
    model = folder / RUN_MODEL
    return model if not has_card and (model / CARD).is_file() else folder


def system_in(place: str | Path) -> str:
    """The system that a folder says it is of, by its card or its published layout; "" where it
    says none. Nothing else of it is checked."""
    try:
        system = _read(located(place))[0].get("system")
    except (CantilenaError, OSError, ValueError):  # ValueError: a name with a zero byte
        return ""
    return system if isinstance(system, str) else ""


def digest(folder: str | Path, card_file: str = CARD, listed: bool = False) -> str:
    """16 hex digits of a folder's card and, unless the card has their hashes (``listed``), of its
    weights and habits."""
    folder = located(folder)
    paths = [folder / card_file]
    if not listed:
        data = ("*.safetensors", "*.bin", "*.onnx", "habits.json")
        paths += sorted(path for pattern in data for path in folder.glob(pattern))
    total = hashlib.sha256()
    try:
        for path in paths:
            for block in _blocks(path):
                total.update(block)
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be read: {error}") from error
    return total.hexdigest()[:16]


def _read(folder: Path) -> tuple[dict[str, Any], str]:
    """The card of a folder, in format 2, and the file it is of."""
    if (folder / _OLD_CARD).is_file():
        return _of_old_card(folder, _object(folder / _OLD_CARD)), _OLD_CARD
    card = _object(folder / CARD) if (folder / CARD).exists() else {}
    if "format" in card:
        version = card["format"]
        if type(version) is not int or version < 1:
            raise InputError(f"{CARD} has the format {version!r}, which is no version of ours")
        if version > FORMAT:
            raise InputError(f"{CARD} is of format {version}, newer than {FORMAT}: update")
        return (_of_format_1(folder, card) if version == 1 else dict(card)), CARD
    if (folder / _CONFIG).is_file():
        return _of_plain(folder, _object(folder / _CONFIG), card), _CONFIG
    if card or (folder / CARD).exists():
        raise InputError(f"{CARD} does not say its format")
    raise MissingWeightsError(f"{folder} is no checkpoint: {CARD} is missing")


def _of_format_1(folder: Path, card: dict[str, Any]) -> dict[str, Any]:
    """A card of the note system before format 2, the shipped one among them."""
    rest = {key: value for key, value in card.items() if key != "data"}
    entries = {"system": "note", "name": folder.name, "sources": card.get("data", {})}
    return {**_PLAIN, **entries, **rest}


def _of_old_card(folder: Path, card: dict[str, Any]) -> dict[str, Any]:
    """``cantilena.json``, which held a system's own part and its vocabulary; a tuning run had a
    ``card.json`` beside it."""
    beside = _object(folder / CARD) if (folder / CARD).is_file() else {}
    model = {k: v for k, v in card.items() if k not in ("system", "vocabulary")}
    return {
        **_PLAIN,
        "format": 1,
        "system": card.get("system"),
        "name": folder.resolve().name,
        "scheme": card.get("vocabulary", {}),
        "model": model,
        "sources": beside.get("data", {}),
        "licence": beside.get("licence", ""),
        "figures": {"held_out": beside["held_out"]} if "held_out" in beside else {},
        "seed": beside.get("seed"),
        "training": {"recipe": beside["recipe"]} if "recipe" in beside else {},
    }


def _of_plain(folder: Path, config: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    """A folder in HuggingFace's layout without a card: GPT-2 as AMT is published, else a text
    model with music rows as MIDI-LLM is, which is what any other causal LM is taken for."""
    from cantilena.tokens.arrival.vocab import AMT

    amt = config.get("model_type") == "gpt2"
    system = beside.get("system", "amt" if amt else "llama-music")
    return {
        **_PLAIN,
        "format": 1,
        "system": system,
        "name": folder.resolve().name,
        "scheme": {} if system == "text" else AMT.to_dict(),
        "model": {} if system in ("amt", "text") else {"layout": "plain"},
        "licence": beside.get("licence", ""),
        "seed": beside.get("seed"),
    }


def _object(path: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises InputError, OSError."""
    if path.stat().st_size > _MAX_CARD:
        raise InputError(f"{path.name} has more than {_MAX_CARD >> 20} MB")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} cannot be read: it is not UTF-8 text") from error
    value = parse_json(text, path.name)
    if not isinstance(value, dict):
        raise InputError(f"{path.name} is not a JSON object")
    return value


# ------------------------------------------------------------------ checking


def _check(card: Mapping[str, Any]) -> None:
    """Raises InputError where an entry is missing, of another kind or out of range."""
    for name, kinds in _KINDS.items():
        if name not in card:
            raise InputError(f"the card does not say its {name!r}")
        if type(card[name]) not in kinds:
            raise InputError(f"the card's {name!r} is of the wrong kind: {_short(card[name])}")
    for name in ("system", "name"):
        if not card[name] or len(card[name]) > 200:
            raise InputError(f"the card's {name!r} must have 1 to 200 characters")
    if card["seed"] is not None and not 0 <= card["seed"] <= _MAX_SEED:
        raise InputError(f"the card's 'seed' of {card['seed']} is not from 0 to 2**64 - 1")
    for name, value in card["files"].items():
        parts = name.split("/")
        if name == CARD or "\\" in name or any(part in ("", ".", "..") for part in parts):
            raise InputError(f"the card lists {name!r}, which is no file within the folder")
        if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value):
            raise InputError(f"the card's sha256 of {name!r} is none: {_short(value)}")
    if card["scheme"]:
        scheme_of(card["scheme"])


def _check_files(folder: Path, files: Mapping[str, str]) -> None:
    """Raises InputError where a listed file is missing or is not what it was."""
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            raise InputError(f"{name} is missing")
        if sha256_of(path) != expected:
            raise InputError(f"{name} is damaged: its sha256 is not the card's")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


# ------------------------------------------------------------------ saving


def save_checkpoint(
    folder: str | Path, card: Mapping[str, Any], write: Callable[[Path], Any]
) -> Checkpoint:
    """Makes a folder a checkpoint: ``write`` puts its files into a hidden folder beside it, which
    then becomes ``folder`` by one rename; a kill meanwhile leaves what was there before. ``card``
    is all of format 2 but ``format`` and ``files``; what it leaves out is empty.

    Raises InputError where ``folder`` holds files of something else, which would be lost, or cannot
    be written."""
    folder = Path(folder)
    with staged_folder(folder) as stage:
        write(stage)
        files = hashes(stage)
        whole = {"format": FORMAT, **_PLAIN, **card, "files": files}
        _check(whole)
        check_target(folder, {CARD, *files})
        write_json(stage / CARD, whole)
    return Checkpoint(folder, whole)


def check_target(folder: Path, names: set[str]) -> None:
    """Raises InputError where replacing a folder by one with files called ``names`` would lose what
    no checkpoint put there."""
    if not folder.is_dir():
        return
    if folder.resolve() == Path.cwd():
        raise InputError(f"{str(folder)!r} is the folder this runs in; give another one")
    replaceable = {*names, _OLD_CARD}
    if (folder / CARD).is_file():
        with contextlib.suppress(InputError, OSError, TypeError):  # a damaged card lists nothing
            replaceable |= set(_object(folder / CARD).get("files", {}))
    other = sorted(set(_names(folder)) - replaceable)
    if other:
        more = f" and {len(other) - 1} more" if len(other) > 1 else ""
        raise InputError(
            f"{str(folder)!r} holds other files ({other[0]}{more}) that a checkpoint would "
            "replace; give a new or empty folder"
        )


def hashes(folder: Path) -> dict[str, str]:
    """{path within the folder: sha256} of all files in it."""
    return {name: sha256_of(folder / name) for name in sorted(_names(folder))}


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hex."""
    total = hashlib.sha256()
    for block in _blocks(path):
        total.update(block)
    return total.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(4 << 20):
            yield block


def _names(folder: Path) -> Iterator[str]:
    """Paths within a folder of all files in it, with "/" between."""
    for place, _, names in os.walk(folder):
        for name in names:
            yield Path(place, name).relative_to(folder).as_posix()


def plain_json(value: Any) -> Any:
    """``value`` as JSON gives it back, for cards: tuples become lists, keys strings."""
    return json.loads(json.dumps(value, allow_nan=False))
