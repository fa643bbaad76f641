"""Joint embeddings on disk: saved with the books of their tokens, and loaded without torch.

Knows cards, weights and books; does not know how they are trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cantilena.errors import CheckpointError, InputError, MissingWeightsError
from cantilena.models.audio.joint_plain import PlainJoint, in_8_bits
from cantilena.models.checkpoint import (
    RUN_MODEL,
    WEIGHTS,
    is_checkpoint,
    open_checkpoint,
    plain_json,
    save_checkpoint,
)
from cantilena.systems.trainable import JOINT

if TYPE_CHECKING:
    from cantilena.models.audio.joint import JointConfig

BOOKS = ("books", "audio_mean", "text_mean", "cosines")
"""Of a quantiser: (K, V, D) codes, and (D,) means of vectors of sound and of texts; and (2,), mean
and deviation of the cosines of sounds and texts that do not belong together."""
SHIPPED = Path(__file__).parents[2] / "checkpoints" / JOINT
"""Where the one that comes with the package is."""


def save_joint(
    folder: str | Path,
    weights: Mapping[str, Any],
    config: JointConfig,
    about: Mapping[str, Any],
    card: Mapping[str, Any],
    bits: int = 16,
) -> Path:
    """Writes a checkpoint. ``weights``: torch tensors or arrays, ``BOOKS`` among them or not;
    ``about``: ``seconds`` of a window and the ``text_encoder``; ``card``: what is known of its
    training; ``bits`` of a weight: 8, 16 or 32. Raises InputError."""
    from safetensors.numpy import save_file

    arrays = {k: np.asarray(getattr(v, "cpu", lambda v=v: v)()) for k, v in weights.items()}
    if bits == 8:
        plain = in_8_bits(arrays)
    else:
        plain = {k: v.astype(np.float16 if bits == 16 else np.float32) for k, v in arrays.items()}
    own = {
        "system": JOINT,
        "name": JOINT,
        "model": plain_json({"config": config.to_dict(), **about}),
    }

    def write(stage: Path) -> None:
        save_file({k: np.ascontiguousarray(v) for k, v in plain.items()}, stage / WEIGHTS)

    return save_checkpoint(folder, {**own, **card}, write).folder


def load_joint(place: str | Path) -> PlainJoint:
    """The joint embedding in a checkpoint's folder or a run's; it needs no torch but for a frozen
    text model. Raises CheckpointError, MissingExtraError."""
    from safetensors.numpy import load_file

    if not Path(place).exists():
        raise MissingWeightsError(f"there is no joint embedding {str(place)!r}; give its folder")
    run = Path(place) / RUN_MODEL
    checkpoint = open_checkpoint(run if is_checkpoint(run) else place, JOINT)
    try:
        weights = load_file(checkpoint.weights)
        seconds, encoder = float(checkpoint.model["seconds"]), checkpoint.model["text_encoder"]
        kind = PlainJoint if encoder == "hashed" else EncoderJoint
        joint = kind(weights, seconds, checkpoint.hash[:16])
        joint.embed(np.zeros(16, dtype=np.float32))
    except Exception as error:  # safetensors raises its own kinds
        raise CheckpointError(
            f"the joint embedding in {checkpoint.folder} cannot be read: {error}"
        ) from error
    if isinstance(joint, EncoderJoint):
        joint.take(encoder)
    else:
        joint.embed_texts(["music"])
    return joint


@lru_cache(maxsize=1)
def shipped_joint() -> PlainJoint | None:
    """The joint embedding that comes with the package; None where there is none."""
    return load_joint(SHIPPED) if is_checkpoint(SHIPPED) else None


class EncoderJoint(PlainJoint):
    """One whose texts are read by a frozen text model, which needs torch and transformers."""

    def take(self, name: str) -> None:
        """Loads the text model. Raises CheckpointError, MissingExtraError."""
        from cantilena.models.encoders import text_encoder
        from cantilena.systems.joint.examples import reader

        try:
            self.read = reader(0, text_encoder(name))
        except InputError as error:
            raise CheckpointError(str(error)) from error

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """(N, D) unit vectors of texts."""
        return self.of_words(self.read(texts))
