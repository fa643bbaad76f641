"""Published codecs behind our face: EnCodec, DAC and Mimi, through transformers.

Knows what transformers' classes take and give; does not know their layers. They are used, not
trained: of EnCodec's and Mimi's encoders no weight gets a gradient there. EnCodec at 48 kHz is
refused, as its loudness is sent beside the codes, and codes alone do not say it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from cantilena.errors import CheckpointError, MissingWeightsError
from cantilena.models.audio.codec.base import Codec, Coded, cut
from cantilena.models.hub import folder_of, load_pretrained, loading, need

PURPOSE = "a published codec"


class Published(Codec):
    """A codec of transformers. ``model`` is its model, in evaluation mode."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model
        self.margin = None

    def decode(self, codes: Tensor, length: int | None = None) -> Tensor:
        """As ``Codec.decode``."""
        self.check_codes(codes)
        whole = codes.shape[-1] * self.hop
        sound = self._sound(codes)[..., :whole]  # some lose samples where a stride is odd
        return cut(F.pad(sound, (0, whole - sound.shape[-1])), length)

    def _sound(self, codes: Tensor) -> Tensor:
        """(B, C, N) of codes, N being about a whole number of hops."""
        raise NotImplementedError

    def forward(self, audio: Tensor, quantise: bool = True, books: int | None = None) -> Coded:
        """As ``Codec.forward``, without losses."""
        return Coded(self.decode(self.encode(audio, books), audio.shape[-1]), None)


class PublishedEncodec(Published):
    """``EncodecModel``, MusicGen's codec among them."""

    kind: ClassVar[str] = "encodec"

    def __init__(self, model: Any):
        super().__init__(model)
        config = model.config
        if config.normalize or config.chunk_length_s is not None:
            raise CheckpointError(
                "this EnCodec sends the loudness of chunks beside their codes, as the one for "
                "48 kHz does; take one for 24 or 32 kHz"
            )
        self.sample_rate, self.channels = config.sampling_rate, config.audio_channels
        self.hop = config.hop_length
        self.sizes = (config.codebook_size,) * config.num_quantizers

    def encode(self, audio: Tensor, books: int | None = None) -> Tensor:
        """As ``Codec.encode``."""
        latents = self.model.encoder(self.padded(audio))
        codes = self.model.quantizer.encode(latents, self.model.config.target_bandwidths[-1])
        return codes[:books].transpose(0, 1)

    def _sound(self, codes: Tensor) -> Tensor:
        return self.model.decoder(self.model.quantizer.decode(codes.transpose(0, 1)))


class PublishedDac(Published):
    """``DacModel``."""

    kind: ClassVar[str] = "dac"

    def __init__(self, model: Any):
        super().__init__(model)
        config = model.config
        self.sample_rate, self.channels, self.hop = config.sampling_rate, 1, config.hop_length
        self.sizes = (config.codebook_size,) * config.n_codebooks

    def encode(self, audio: Tensor, books: int | None = None) -> Tensor:
        """As ``Codec.encode``."""
        latents = self.model.encoder(self.padded(audio))
        return self.model.quantizer(latents, books)[1]

    def _sound(self, codes: Tensor) -> Tensor:
        return self.model.decoder(self.model.quantizer.from_codes(codes)[0])


class PublishedMimi(Published):
    """``MimiModel``, whose first book is distilled from a speech model and called semantic."""

    kind: ClassVar[str] = "mimi"

    def __init__(self, model: Any):
        super().__init__(model)
        config = model.config
        self.sample_rate, self.channels = config.sampling_rate, config.audio_channels
        self.hop = round(config.sampling_rate / config.frame_rate)
        self.sizes = (config.codebook_size,) * config.num_quantizers

    def encode(self, audio: Tensor, books: int | None = None) -> Tensor:
        """As ``Codec.encode``."""
        count = books or self.books
        return self.model.encode(self.padded(audio), num_quantizers=count).audio_codes

    def _sound(self, codes: Tensor) -> Tensor:
        return self.model.decode(codes).audio_values


PUBLISHED: dict[str, tuple[str, type[Published]]] = {
    "encodec": ("EncodecModel", PublishedEncodec),
    "dac": ("DacModel", PublishedDac),
    "mimi": ("MimiModel", PublishedMimi),
}
"""By ``model_type``: transformers' class, and ours."""


def load_published(place: str, device: str) -> Published:
    """The codec in a folder of HuggingFace's layout or of a hub name. Raises MissingWeightsError,
    CheckpointError, MissingExtraError."""
    with loading("codec", place, "the shipped codec needs none"):
        folder = folder_of(place, "codec")
        kind = published_kind(folder)
        if kind not in PUBLISHED:
            raise MissingWeightsError(
                f"{place} is no codec: its model_type is {kind or 'missing'}; known: "
                f"{', '.join(PUBLISHED)}"
            )
        name, wrapper = PUBLISHED[kind]
        model = load_pretrained(
            getattr(need("transformers", PURPOSE), name), folder, "float32", device
        )
        return wrapper(model).to(torch.device(device)).eval().requires_grad_(False)


def published_kind(place: str | Path) -> str:
    """The ``model_type`` of a folder in HuggingFace's layout; "" where it has none."""
    try:
        config = json.loads((Path(place) / "config.json").read_text(encoding="utf-8"))
        kind = config.get("model_type", "")
    except (OSError, ValueError, AttributeError):
        return ""
    return kind if isinstance(kind, str) else ""
