"""Words and sound as the tokens of a joint embedding that was trained before: a run of ``joint``
(CLAP's or MuLan's loss) or a published ``ClapModel``, as MusicLM has its MuLan.

Knows vectors of sound and of texts, and residual books over them; does not know clips or stages.
It has the face of ``words.Words``. Of a run of ``joint`` all is held that composing needs, its
tower of texts and its books. A ClapModel is too large for that: it is named, with a fingerprint,
and opened when a text is read; another one is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cantilena.audio.wav import resample
from cantilena.errors import CheckpointError, InputError, MissingExtraError, MissingWeightsError
from cantilena.models.audio.clap import Clap
from cantilena.models.audio.joint import Joint, JointConfig
from cantilena.models.audio.joint_plain import PlainJoint
from cantilena.models.checkpoint import is_checkpoint, open_checkpoint
from cantilena.systems.joint.checkpoint import EncoderJoint, load_joint
from cantilena.systems.joint.quantising import fit_books
from cantilena.systems.trainable import JOINT

CLAP = "clap"
"""Beside ``JOINT`` the other kind of embedding."""
OPTION = "words"
"""The option, of a training and of a Request, that names the embedding."""
PROBE = "a calm waltz for piano and strings"
"""What a tokenizer makes of it is part of a ClapModel's fingerprint."""
MOST_CACHED = 50_000
"""Texts whose tokens are remembered."""


@dataclass(frozen=True)
class JointWordsConfig:
    """``kind``: ``JOINT`` or ``CLAP``; vectors of ``dim`` numbers as ``books`` tokens of ``size``
    values; ``name``: the place of the embedding, and its ``fingerprint``; of a run of ``joint``
    what is in its card: sizes of the ``model``, ``seconds`` of a window, and its
    ``text_encoder``."""

    kind: str
    dim: int
    books: int
    size: int
    name: str = ""
    fingerprint: str = ""
    model: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 10.0
    text_encoder: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def is_joint(place: str) -> bool:
    """Whether a place holds a checkpoint or run of ours; all others are taken for CLAP's."""
    return bool(place) and is_checkpoint(place)


@lru_cache(maxsize=2)
def open_joint(place: str) -> PlainJoint:
    """The joint embedding in a folder. Raises CheckpointError, and InputError where its tokens were
    not learned, as in a run that was not finished."""
    joint = load_joint(place)
    if not joint.books:
        raise InputError(
            f"the joint embedding in {place!r} has no tokens; finish its training with "
            "'cantilena train --system joint'"
        )
    return joint


@lru_cache(maxsize=1)
def open_clap(place: str) -> tuple[Clap, str]:
    """A ClapModel by folder, file or hub name, and its fingerprint: the sha256 of its weights and
    of what its tokenizer makes of ``PROBE``. Raises CheckpointError, MissingWeightsError,
    MissingExtraError."""
    clap = Clap(place)
    total = hashlib.sha256(str(clap.tokenizer(PROBE)["input_ids"]).encode())
    state = clap.model.state_dict()
    for name in sorted(state):
        value = state[name].detach().cpu()
        total.update(f"{name} {tuple(value.shape)}\n".encode())
        total.update(value.float().contiguous().numpy().tobytes())
    return clap, total.hexdigest()


def joint_words_config(place: str, books: int, size: int) -> JointWordsConfig:
    """The config of the embedding in a place; ``books`` and ``size`` hold for a ClapModel, whose
    tokens are learned over the clips. Raises as ``open_joint`` and ``open_clap``."""
    if is_joint(place):
        joint, checkpoint = open_joint(place), open_checkpoint(place, JOINT)
        model = dict(checkpoint.model["config"])
        sizes = (joint.dim, joint.books, joint.card)
        encoder = str(checkpoint.model["text_encoder"])
        seconds = float(checkpoint.model["seconds"])
        return JointWordsConfig(JOINT, *sizes, place, checkpoint.hash, model, seconds, encoder)
    try:
        clap, fingerprint = open_clap(place)
    except CheckpointError as error:
        raise MissingWeightsError(
            f"words={place} is neither a run of 'cantilena train --system joint' nor a ClapModel "
            "with its tokenizer and extractor (a folder in transformers' layout, LAION's file, or "
            "a hub name)"
        ) from error
    dim = int(clap.model.config.projection_dim)
    return JointWordsConfig(CLAP, dim, books, size, place, fingerprint)


class JointWords(nn.Module):
    """The face of ``words.Words`` over an embedding. Vectors of sound are its features. ``unit``
    brings the sum of a vector's tokens to numbers of about 1."""

    books: Tensor
    audio_mean: Tensor
    text_mean: Tensor
    unit: Tensor

    def __init__(self, config: JointWordsConfig):
        super().__init__()
        self.config = config
        if config.kind == JOINT:
            self.joint = Joint(JointConfig.from_dict(config.model))
        self.register_buffer("books", torch.zeros(config.books, config.size, config.dim))
        for name in ("audio_mean", "text_mean"):
            self.register_buffer(name, torch.zeros(config.dim))
        self.register_buffer("unit", torch.ones(()))
        self._cache: dict[tuple[str, str], Tensor] = {}
        self._plain: PlainJoint | None = None

    # ------------------------------------------------------------------ the embedding

    def embedding(self, place: str = "") -> PlainJoint | Clap:
        """What makes vectors. ``place``: where a ClapModel is, if no more where it was in training.
        Raises MissingWeightsError, which names it, where it cannot be opened, InputError where it
        is another."""
        if self.config.kind == CLAP:
            return self._clap(place or self.config.name)
        if place:
            raise InputError("the words of this model are in its checkpoint; leave out words=")
        if self._plain is None:  # its arrays are the module's own, and change with them
            weights = {k: v.numpy() for k, v in self.joint.state_dict().items()}
            encoder = self.config.text_encoder
            kind = PlainJoint if encoder == "hashed" else EncoderJoint
            plain = kind(weights, self.config.seconds, self.config.fingerprint[:16])
            if isinstance(plain, EncoderJoint):
                plain.take(encoder)
            self._plain = plain
        return self._plain

    def _clap(self, place: str) -> Clap:
        hint = "name its place with --option words=DIR"
        try:
            clap, fingerprint = open_clap(place)
        except MissingExtraError:
            raise
        except (CheckpointError, InputError) as error:
            raise MissingWeightsError(
                f"the words of this model are read by the ClapModel {self.config.name!r}, and "
                f"{place!r} cannot be opened; {hint}"
            ) from error
        if fingerprint != self.config.fingerprint:
            raise InputError(
                f"the words of this model are read by the ClapModel {self.config.name!r} "
                f"({self.config.fingerprint[:12]}), and {place!r} is another "
                f"({fingerprint[:12]}); {hint}"
            )
        return clap

    @torch.no_grad()
    def take(self) -> None:
        """Takes over the weights and tokens of a run of ``joint``; a ClapModel stays where it is.
        Raises as ``open_joint``."""
        if self.config.kind == CLAP:
            return
        plain, own = open_joint(self.config.name), self.joint.state_dict()
        stored = {k: torch.from_numpy(v) for k, v in plain.weights.items() if k in own}
        self.joint.load_state_dict({**own, **stored})
        self._put(plain.weights)

    @torch.no_grad()
    def learn(self, sound: np.ndarray, texts: Sequence[str], seed: int = 0) -> None:
        """Learns a ClapModel's tokens over vectors of ``sound`` (N, dim) and of a text of each, and
        for either kind how large sums of tokens are. Raises InputError where vectors are too
        few."""
        config = self.config
        if config.kind == CLAP:
            if len(sound) < config.size:
                raise InputError(
                    f"tokens of {config.size} values cannot be learned over {len(sound)} clips; "
                    f"take --option word_size={max(2, len(sound))} or less"
                )
            vectors = self.text_vectors(texts).numpy()
            self._put(fit_books(sound, vectors, config.books, config.size, seed))
        self.unit.fill_(1.0)
        sums = self.states(self.tokens_of_sound(torch.from_numpy(sound))).sum(1)
        self.unit.copy_(1 / sums.square().mean().sqrt().clamp(min=1e-6))

    def _put(self, learned: Mapping[str, np.ndarray]) -> None:
        for name in ("books", "audio_mean", "text_mean"):
            getattr(self, name).copy_(torch.from_numpy(np.asarray(learned[name], np.float32)))
        self._cache.clear()

    # ------------------------------------------------------------------ vectors and tokens

    def sound_of(self, samples: np.ndarray, rate: int, place: str = "") -> np.ndarray:
        """(dim,) unit vector of (n,) samples at any rate: the mean of the windows' vectors."""
        embedding = self.embedding(place)
        rows = embedding.embed(resample(samples, rate, embedding.rate)).mean(0)
        return (rows / max(float(np.linalg.norm(rows)), 1e-12)).astype(np.float32)

    def text_vectors(self, texts: Sequence[str], place: str = "") -> Tensor:
        """(B, dim) of length 1."""
        vectors = self.embedding(place).embed_texts(list(texts))
        return torch.from_numpy(np.asarray(vectors, dtype=np.float32))

    def sound_vectors(self, features: Tensor) -> Tensor:
        """(B, dim), as they are."""
        return features

    def tokens_of_text(self, texts: Sequence[str], place: str = "") -> Tensor:
        """(B, books) int64."""
        new = [text for text in dict.fromkeys(texts) if (text, place) not in self._cache]
        if new:
            if len(self._cache) > MOST_CACHED:
                self._cache.clear()
            rows = self._tokens(self.text_vectors(new, place) - self.text_mean)
            self._cache |= {(text, place): row for text, row in zip(new, rows, strict=True)}
        return torch.stack([self._cache[text, place] for text in texts])

    def tokens_of_sound(self, features: Tensor) -> Tensor:
        """(B, books) int64 of vectors of sound (B, dim)."""
        return self._tokens(features - self.audio_mean)

    def _tokens(self, rest: Tensor) -> Tensor:
        rest, out = rest.double(), []
        for book in self.books.double():
            which = (book.square().sum(1) - 2 * rest @ book.T).argmin(1)
            rest = rest - book[which]
            out.append(which)
        return torch.stack(out, dim=1)

    @torch.no_grad()
    def states(self, tokens: Tensor) -> Tensor:
        """(B, books, dim): the vector of each token, times ``unit``."""
        return self.books[torch.arange(self.config.books), tokens] * self.unit
