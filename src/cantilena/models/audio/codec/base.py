"""Codecs of sound: the face that all have, their registry, and how they are named by their weights.

Knows shapes, frames and options; does not know how a codec is built inside, trained, kept in files
(``codec.files``) or read from published weights (``codec.published``).
"""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cantilena.errors import CantilenaError, InputError, UnknownNameError
from cantilena.models.audio.quantize.base import Quantised

CODECS: dict[str, str] = {
    "frame": "cantilena.models.audio.codec.frame:FrameCodec",
    "seanet": "cantilena.models.audio.codec.seanet:SeanetCodec",
    "dac": "cantilena.models.audio.codec.dac:DacCodec",
    "mel": "cantilena.models.audio.codec.mel:MelCodec",
    "mel-levels": "cantilena.models.audio.codec.mel_levels:MelLevelsCodec",
    "vqvae2": "cantilena.models.audio.codec.levels:Vqvae2Codec",
    "jukebox": "cantilena.models.audio.codec.levels:JukeboxCodec",
    "slow": "cantilena.models.audio.codec.slow:SlowCodec",
    "vae": "cantilena.models.audio.codec.vae:VaeCodec",
    "mel-vae": "cantilena.models.audio.codec.vae:MelVaeCodec",
}
"""Where each codec's class is, by name."""


@dataclass
class Coded:
    """A codec's pass over sound. ``audio``: (B, C, N), None where a codec in training gives none
    (the mel codec's is made by Griffin-Lim, which has no weights); ``quantised``: None where
    nothing was quantised; ``terms``: scalar losses of the codec's own by name; ``levels``: sound
    of other levels than the finest, (B, C, N) each, for which the losses hold as well;
    ``labels``: (B, T, classes) logits of what is heard by frame, where the codec has any."""

    audio: Tensor | None
    quantised: Quantised | None
    terms: dict[str, Tensor] = field(default_factory=dict)
    levels: tuple[Tensor, ...] = ()
    labels: Tensor | None = None


class Codec(nn.Module):
    """Sound as K whole numbers a frame, and back.

    ``sample_rate`` in Hz, ``channels``, ``hop``: samples of a frame; ``sizes``: values of each
    book, their number being ``books`` (0 where the codec has a continuous latent alone);
    ``margin``: frames on either side that may change what a frame becomes, None where all may;
    ``period``: frames after which a decoder does the same again, where its work hangs on a frame's
    number;
    ``options``: what ``codec`` takes to build it again.
    """

    kind: ClassVar[str] = ""
    sample_rate: int
    channels: int = 1
    hop: int
    sizes: tuple[int, ...] = ()
    margin: int | None = 0
    period: int = 1
    options: Mapping[str, Any] = {}

    @property
    def books(self) -> int:
        """Whole numbers of a frame."""
        return len(self.sizes)

    @property
    def frame_rate(self) -> float:
        """Frames a second."""
        return self.sample_rate / self.hop

    def bits(self, books: int | None = None) -> float:
        """Bits a second of the first ``books`` books (None: all), as if all values were alike
        frequent."""
        return self.frame_rate * sum(math.log2(size) for size in self.sizes[:books])

    def encode(self, audio: Tensor, books: int | None = None) -> Tensor:
        """(B, K, T) int64 codes of (B, C, N) sound at ``sample_rate``, T being N / ``hop`` rounded
        up; ``books``: the first so many (None: all)."""
        raise NotImplementedError

    def decode(self, codes: Tensor, length: int | None = None) -> Tensor:
        """(B, C, N) sound of (B, k, T) codes, of which the first books alone may be there; N is
        ``length``, or T * ``hop``."""
        raise NotImplementedError

    def forward(self, audio: Tensor, quantise: bool = True, books: int | None = None) -> Coded:
        """The round trip of (B, C, N) sound, with gradients and what training needs of it;
        ``quantise`` False: past the quantizer."""
        raise NotImplementedError

    @property
    def last(self) -> nn.Parameter:
        """The weight nearest to the sound that comes out, by whose gradients VQGAN's adaptive
        weight is set."""
        raise NotImplementedError

    def fingerprint(self) -> str:
        """The sha256 of the weights, in hex: of the codec's kind and, in the order of their names,
        each tensor's name, shape and float32 values. The same on every device."""
        total = hashlib.sha256(f"{self.kind} {self.sample_rate} {self.hop} {self.sizes}\n".encode())
        state = self.state_dict()
        for name in sorted(state):
            value = state[name].detach().cpu()
            value = value.float() if value.is_floating_point() else value.long()
            total.update(f"{name} {tuple(value.shape)}\n".encode())
            total.update(value.contiguous().numpy().tobytes())
        return total.hexdigest()

    def card(self, place: str) -> int:
        """How many values each of its books has. Raises InputError, naming the codec's ``place``,
        where it has no books, or they have unequally many: no model is made of its codes."""
        if self.sizes and len(set(self.sizes)) == 1:
            return self.sizes[0]
        fault = f"books of {list(self.sizes)} values, which must have equally many"
        if not self.sizes:
            fault = "latents in the place of codes"
        raise InputError(f"the codec {place!r}, of the kind {self.kind!r}, has {fault}")

    def padded(self, audio: Tensor) -> Tensor:
        """(B, C, T * hop) of sound (B, C, N): silence behind it up to a whole frame."""
        return F.pad(audio, (0, -audio.shape[-1] % self.hop))

    def check_codes(self, codes: Tensor) -> None:
        """Raises InputError for codes of another shape than (B, k, T), or with values that no book
        has."""
        if codes.ndim != 3 or not 1 <= codes.shape[1] <= self.books:
            raise InputError(
                f"codes have the shape (B, 1 to {self.books}, T), not {tuple(codes.shape)}"
            )
        limits = torch.tensor(self.sizes[: codes.shape[1]], device=codes.device)
        if codes.numel() and bool(((codes < 0) | (codes >= limits[:, None])).any()):
            raise InputError("a code is outside its book")


class LatentCodec(Codec):
    """A codec of three parts: ``analyse`` gives latents of sound, ``quantizer`` rounds them,
    ``synthesise`` makes sound of them."""

    quantizer: Any

    def analyse(self, audio: Tensor) -> Tensor:
        """(B, D, T) latents of (B, C, T * hop) sound."""
        raise NotImplementedError

    def synthesise(self, latents: Tensor) -> Tensor:
        """(B, C, T * hop) sound of (B, D, T) latents."""
        raise NotImplementedError

    def encode(self, audio: Tensor, books: int | None = None) -> Tensor:
        """As ``Codec.encode``."""
        return self.quantizer(self.analyse(self.padded(audio)), books).indices

    def decode(self, codes: Tensor, length: int | None = None) -> Tensor:
        """As ``Codec.decode``."""
        self.check_codes(codes)
        return cut(self.synthesise(self.quantizer.decode(codes)), length)

    def forward(self, audio: Tensor, quantise: bool = True, books: int | None = None) -> Coded:
        """As ``Codec.forward``."""
        latents = self.analyse(self.padded(audio))
        quantised = self.quantizer(latents, books) if quantise else None
        values = latents if quantised is None else quantised.values
        return Coded(cut(self.synthesise(values), audio.shape[-1]), quantised)


def cut(audio: Tensor, length: int | None) -> Tensor:
    """The first ``length`` samples (None: all)."""
    return audio if length is None else audio[..., :length]


def codec_class(kind: str) -> type[Codec]:
    """The class of a codec, imported now. Raises UnknownNameError."""
    if kind not in CODECS:
        raise UnknownNameError("codec", kind, CODECS)
    module, _, name = CODECS[kind].partition(":")
    return getattr(import_module(module), name)


def codec(kind: str, **options: Any) -> Codec:
    """A codec with random weights by its name in ``CODECS``. Raises UnknownNameError, InputError
    for options that it does not or cannot have."""
    builder = codec_class(kind)
    signature = inspect.signature(builder)
    odd = sorted(set(options) - set(signature.parameters))
    if odd:
        names = ", ".join(signature.parameters)
        raise InputError(f"the codec {kind!r} has no option {odd[0]!r}; it has: {names}")
    for name, value in options.items():
        _check_option(kind, name, value, signature.parameters[name].annotation)
    bound = signature.bind(**options)
    bound.apply_defaults()
    try:
        model = builder(**bound.arguments)
    except (TypeError, ValueError, ArithmeticError, RuntimeError, LookupError) as error:
        # sizes that cannot be are refused by torch, each in a way of its own
        if isinstance(error, CantilenaError):
            raise
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        values = ", ".join(f"{name}={options[name]!r}" for name in options)
        raise InputError(f"the codec {kind!r} cannot have {values}: {first}") from error
    for name in ("sample_rate", "channels", "hop"):
        value = getattr(model, name)
        if type(value) is not int or value < 1:
            raise InputError(f"a codec's {name} must be a whole number from 1, not {value!r}")
    model.options = dict(bound.arguments)
    return model


_OPTION_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "str": (str,),
}
_MAY_BE_0 = ("lstm", "units", "depth", "encoder_layers", "decoder_layers", "iterations")
"""Numbers of layers and repeats, of which there may be 0."""


def _check_option(kind: str, name: str, value: Any, annotation: str) -> None:
    """Raises InputError for a number or a word of the wrong kind, and numbers below what a codec
    can be built with, for which torch makes networks without layers, or of values that are NaN."""
    types = _OPTION_TYPES.get(annotation)
    if types is None:
        return
    if type(value) not in types:
        raise InputError(f"{name} of the codec {kind!r} is of the kind {annotation}, not {value!r}")
    least = 0 if name in _MAY_BE_0 else 1
    if annotation == "int" and value < least:
        raise InputError(f"{name} of the codec {kind!r} must be {least} or more, not {value}")
    if annotation == "float" and not 0 <= value < math.inf:
        raise InputError(f"{name} of the codec {kind!r} must be 0 or more, not {value}")
