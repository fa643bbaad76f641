"""What turns sound into vectors that can be compared, by name.

Knows which embedders there are, what their weights are and how they are had; does not know files
of music or distances. ``logmel`` and ``chroma`` are our own and need nothing; the others need
published weights: CLAP and EnCodec through transformers (a folder or a hub name), VGGish and PANNs'
CNN14 from the file that its authors (VGGish: torchvggish) publish, read into networks of ours, as
is musicnn, from the user's cache (``data.weights``) or a folder.

To add one: a class as ``Embedder`` and a line in ``EMBEDDERS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cantilena.audio.mel import windows
from cantilena.data.weights import need_weights, package
from cantilena.errors import (
    CheckpointError,
    InputError,
    MissingExtraError,
    MissingWeightsError,
    UnknownNameError,
)
from cantilena.evaluate.sound import chroma, logmel
from cantilena.models.audio.clap import HUB, PAPER, Clap
from cantilena.models.audio.tf_checkpoint import read_tf_checkpoint
from cantilena.models.hub import folder_of

BATCH = 16
"""Windows that a network gets at a time."""
_WEIGHTS = (".pth", ".pt", ".safetensors")
"""Endings of files of weights."""
WITHOUT = "'--embedder logmel' works without weights"


class Embedder(Protocol):
    """``label`` names the distances over it (``frechet_name``); ``rate`` is in Hz; ``weights`` says
    which were loaded ("" for none)."""

    label: str
    rate: int
    weights: str

    def embed(self, samples: np.ndarray) -> np.ndarray:
        """(T, D) float32, T >= 1, of (n,) samples at ``rate``, n >= 1."""
        ...


class LogMel:
    """``logmel.embed``."""

    label, rate, weights = "log-mel", logmel.RATE, ""

    def __init__(self, weights: str | None = None, device: str = "cpu"):
        if weights:
            raise InputError("the log-mel embedder has no weights; write '--embedder logmel'")

    def embed(self, samples: np.ndarray) -> np.ndarray:
        """(T, 96)."""
        return logmel.embed(samples)


class Chroma:
    """``chroma.embed``."""

    label, rate, weights = "chroma-rhythm", chroma.RATE, ""

    def __init__(self, weights: str | None = None, device: str = "cpu"):
        if weights:
            raise InputError("the chroma embedder has no weights; write '--embedder chroma'")

    def embed(self, samples: np.ndarray) -> np.ndarray:
        """(T, ``chroma.DIMENSIONS``)."""
        return chroma.embed(samples)


class EnCodec:
    """The encoder of transformers' ``EncodecModel`` (Defossez et al., 2022), before the codebooks;
    its vectors, 75 a second, are averaged over each second."""

    label, hub = "EnCodec", "facebook/encodec_24khz"

    def __init__(self, weights: str | None = None, device: str = "cpu"):
        self.weights, self.device = weights or self.hub, device
        try:
            from transformers import EncodecModel
        except ImportError as error:
            raise MissingExtraError("transformers", "hf", "EnCodec") from error
        try:
            self.model: Any = EncodecModel.from_pretrained(folder_of(self.weights, "EnCodec"))
        except MissingExtraError:
            raise
        except MissingWeightsError as error:
            raise MissingWeightsError(_missing("encodec", self.weights, error)) from error
        except Exception as error:  # damaged files raise many kinds
            raise CheckpointError(_missing("encodec", self.weights, error)) from error
        if self.model.config.audio_channels != 1:
            raise InputError(f"{self.weights!r} is for stereo; take a mono EnCodec, as {self.hub}")
        self.model.to(device).eval()
        self.rate = int(self.model.config.sampling_rate)

    def embed(self, samples: np.ndarray) -> np.ndarray:
        """(T, 128), T being the seconds."""
        import torch

        parts = windows(np.asarray(samples, np.float32), self.rate)
        parts[-1] = np.pad(parts[-1], (0, self.rate - len(parts[-1])))
        out = []
        with torch.inference_mode():
            for i in range(0, len(parts), BATCH):
                batch = torch.from_numpy(np.stack(parts[i : i + BATCH]))[:, None].to(self.device)
                out.append(self.model.encoder(batch).mean(-1).float().cpu().numpy())
        return np.concatenate(out)


class _Network:
    """A network of ``models.audio.nets`` and the file of its weights."""

    name = label = network = ""

    def __init__(self, weights: str | None = None, device: str = "cpu"):
        if not weights:
            raise CheckpointError(_missing(self.name, "", None))
        self.weights, self.device = weights, device
        state = _state(self.name, weights)
        from cantilena.models.audio import nets

        kind = getattr(nets, self.network)
        try:
            self.model: Any = kind(state).to(device)
        except (KeyError, RuntimeError, ValueError) as error:
            raise CheckpointError(_missing(self.name, weights, error)) from error
        except InputError as error:
            raise CheckpointError(f"{weights!r}: {error}") from error
        self.rate: int = kind.RATE

    def _run(self, batches: Any) -> np.ndarray:
        import torch

        with torch.inference_mode():
            parts = [self.model(x.to(self.device)).float().cpu().numpy() for x in batches]
        return np.concatenate(parts)


class Vggish(_Network):
    """VGGish: 128 numbers for each 0.96 s."""

    name, label, network = "vggish", "VGGish", "VGGish"

    def embed(self, samples: np.ndarray) -> np.ndarray:
        """(T, 128)."""
        return self._run(self.model.patches(np.asarray(samples)).split(BATCH))


class Pann(_Network):
    """PANNs' CNN14: 2,048 numbers for each 10 s."""

    name, label, network = "pann", "PANN", "Cnn14"

    def embed(self, samples: np.ndarray) -> np.ndarray:
        """(T, 2048)."""
        import torch

        parts = windows(np.asarray(samples, np.float32), 10 * self.rate)
        # five halvings of time need 32 frames
        parts = [np.pad(p, (0, max(0, self.rate - len(p)))) for p in parts]
        return self._run(torch.from_numpy(p)[None] for p in parts)


class Musicnn:
    """The penultimate layer of musicnn: 200 numbers for each patch of 3 s, not for a piece. Without
    ``weights`` (a checkpoint of TensorFlow: its folder, prefix or ".index" file), those trained on
    MagnaTagATune are taken from the cache; where they are not there it raises InputError that says
    how to get them."""

    name = label = "musicnn"
    published = "MTT_musicnn"

    def __init__(self, weights: str | None = None, device: str = "cpu"):
        if weights:
            place, self.weights = weights.removesuffix(".index"), weights
            if not Path(place).is_dir() and not Path(f"{place}.index").is_file():
                reason = FileNotFoundError(f"there is no file {place}.index")
                raise MissingWeightsError(_missing("musicnn", weights, reason))
        else:
            folder = need_weights("musicnn", "the embedder 'musicnn'")
            place = str(folder / "musicnn" / self.published)
            self.weights = f"{self.published} of {package('musicnn').requirement}"
        try:
            from cantilena.models.audio.musicnn import Musicnn as Network
        except ImportError as error:
            raise MissingExtraError("torch", "hf", "the embedder 'musicnn'") from error
        try:
            self.model: Any = Network(read_tf_checkpoint(place)).to(device)
        except (CheckpointError, InputError) as error:
            raise CheckpointError(_missing("musicnn", weights or place, error)) from error
        self.rate, self.device = Network.RATE, device

    def embed(self, samples: np.ndarray) -> np.ndarray:
        """(T, 200), T being the whole patches of 3 s, at least 1."""
        import torch

        with torch.inference_mode():
            batches = self.model.patches(samples).split(BATCH)
            parts = [self.model(x.to(self.device))[0].float().cpu().numpy() for x in batches]
        return np.concatenate(parts)


@dataclass(frozen=True)
class Kind:
    """An entry: ``label``, ``what`` it is in a line, ``get``: how its weights are had ("" where it
    has none), ``default``: the hub name that is taken where none is given ("" for none), ``load``
    (weights or None, device), and ``enough``: the vectors that a distance should have on either
    side, where that was measured (0: it was not)."""

    label: str
    what: str
    get: str
    default: str
    load: Callable[[str | None, str], Embedder]
    enough: int = 0


EMBEDDERS: dict[str, Kind] = {
    "logmel": Kind("log-mel", "statistics of log-mel bands, ours, offline", "", "", LogMel),
    "chroma": Kind("chroma-rhythm", "harmony and rhythm, ours, offline", "", "", Chroma),
    "vggish": Kind(
        "VGGish",
        "VGGish, trained on AudioSet; 16 kHz, 128 numbers each 0.96 s",
        "the file vggish-10086976.pth of github.com/harritaylor/torchvggish's releases",
        "",
        Vggish,
    ),
    "pann": Kind(
        "PANN",
        "PANNs' CNN14, trained on AudioSet; 32 kHz, 2,048 numbers each 10 s",
        "the file Cnn14_mAP=0.431.pth of zenodo.org/records/3987831",
        "",
        Pann,
    ),
    "musicnn": Kind(
        "musicnn",
        "musicnn, trained on MagnaTagATune; 16 kHz, 200 numbers each 3 s",
        "the folder MTT_musicnn by 'cantilena data weights musicnn'",
        "",
        Musicnn,
        500,
    ),
    "clap": Kind(
        "CLAP",
        "the audio side of laion's CLAP; 48 kHz, 512 numbers each 10 s",
        f"LAION's file {PAPER}.pt of huggingface.co/lukewys/laion_clap, or a folder in "
        f"transformers' layout, as 'huggingface-cli download {HUB}' gives it",
        HUB,
        Clap,
    ),
    "encodec": Kind(
        "EnCodec",
        "EnCodec's encoder; 24 kHz, 128 numbers each second",
        f"a folder in transformers' layout, as 'huggingface-cli download {EnCodec.hub}' gives it",
        EnCodec.hub,
        EnCodec,
    ),
}
"""Every embedder by name."""


def load_embedder(name: str, weights: str | None = None, device: str = "cpu") -> Embedder:
    """The embedder of a name, with weights from a file, a folder or a hub name; None takes its
    default. Raises UnknownNameError, CheckpointError, MissingExtraError."""
    if name not in EMBEDDERS:
        raise UnknownNameError("embedder", name, EMBEDDERS)
    return EMBEDDERS[name].load(weights, device)


def frechet_name(embedder: Embedder) -> str:
    """What the Frechet distance over an embedder is called: FAD over those of which FADs are
    published ("VGGish FAD"), never over features of our own, which have no weights ("log-mel
    Frechet distance"), nor over musicnn's."""
    fad = embedder.weights and embedder.label != Musicnn.label
    return f"{embedder.label} {'FAD' if fad else 'Frechet distance'}"


def identity(embedder: Embedder) -> str:
    """What tells two embedders apart, for caches: label, weights and, of a file or folder, its
    size and time."""
    parts = [embedder.label, embedder.weights]
    place = Path(embedder.weights) if embedder.weights else None
    if place is not None and place.exists():
        files = sorted(p for p in place.rglob("*") if p.is_file()) if place.is_dir() else [place]
        parts += [f"{p.name} {p.stat().st_size} {p.stat().st_mtime_ns}" for p in files]
    return "\n".join(parts)


def _missing(name: str, weights: str, error: Exception | None) -> str:
    lines = str(error).strip().splitlines() if error else []
    why = f" cannot be loaded ({lines[0]})" if lines else " are not named"
    named = f" {weights!r}" if weights else ""
    return (
        f"the weights{named} of the embedder {name!r}{why}: get {EMBEDDERS[name].get} and write "
        f"'--embedder {name}=PATH'; {WITHOUT}"
    )


def _state(name: str, weights: str) -> dict[str, Any]:
    """The tensors of a file of weights, or of the one such file in a folder: .safetensors, or
    torch's with or without {"model": ...}."""
    if Path(weights).is_dir():
        files = sorted(p for p in Path(weights).iterdir() if p.suffix in _WEIGHTS and p.is_file())
        if len(files) != 1:
            count = len(files) or "no"
            reason = ValueError(f"the folder holds {count} files of weights; name the one")
            raise CheckpointError(_missing(name, weights, reason))
        weights = str(files[0])
    if not Path(weights).is_file():
        reason = FileNotFoundError("there is no such file")
        raise MissingWeightsError(_missing(name, weights, reason))
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("torch", "hf", f"the embedder {name!r}") from error
    try:
        if weights.endswith(".safetensors"):
            from safetensors.torch import load_file

            return load_file(weights)
        state = torch.load(weights, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds on a file that is no checkpoint
        raise CheckpointError(_missing(name, weights, error)) from error
    for key in ("model", "state_dict"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict):
        raise CheckpointError(_missing(name, weights, ValueError("it holds no weights by name")))
    return {k: v for k, v in state.items() if hasattr(v, "shape")}
