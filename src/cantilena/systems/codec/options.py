"""Options of a codec's training.

Knows names and ranges; does not know how losses are computed (``model``) or the recipes
(``training``). Light to import.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cantilena.errors import InputError, UnknownNameError
from cantilena.systems.trainable import Checked, option

BALANCES = ("fixed", "balancer", "adaptive")
FORMS = ("hinge", "squares")
LOSSES = ("wave", "relative_wave", "mel", "stft", "largest", "adversary", "features")
"""What sound is compared by. Other weights are "quantizer", of the sum of the quantizer's losses (1
where none is set), and those of the codec's own terms."""
CTC = "ctc"
TERMS = ("bands", "kl", "slowness", "reach", CTC)
"""Losses that codecs have of their own: mel's, vae's, slow's two, and of coarse codes of mel-levels
that of the phonemes."""


@dataclass(frozen=True)
class CodecOptions(Checked):
    """Options of a codec's training.

    ``codec`` and ``model``: which, and its own options; ``seconds`` of a clip; ``weights`` of all
    losses by name (``LOSSES``, "quantizer", the codec's own as "kl"); ``mel``: which multi-scale
    mel distance; ``balance``: how the losses of sound are weighed: as they are
    ("fixed"), by their gradients ("balancer"), or the adversary by VQGAN's rule ("adaptive");
    ``adversaries``: discriminators, ``adversary_share`` as wide as the published ones, heard from
    step ``adversary_from`` on; ``adversary_rate``: times the rate; ``plain_steps``: first steps
    without the quantizer; ``stems``: share of the examples that are one stem of a clip alone, in
    place of the mix. How often books are dropped is the quantizer's "dropout"."""

    codec: str = option("frame", "which codec")
    model: dict[str, Any] = field(default_factory=dict)
    seconds: float = option(1.0, "length of a clip", least=0.01)
    weights: dict[str, float] = field(default_factory=dict)
    mel: str = option("short", "which multi-scale mel distance")
    balance: str = option("fixed", "how losses are weighed", choices=BALANCES)
    adversaries: tuple[str, ...] = ()
    adversary: str = option("hinge", "the adversary's loss", choices=FORMS)
    adversary_from: int = option(0, "step from which adversaries are heard", least=0)
    adversary_share: float = option(1.0, "width of adversaries", least=0)
    adversary_rate: float = option(1.0, "adversaries' rate", least=0)
    plain_steps: int = option(0, "steps without the quantizer", least=0)
    stems: float = option(0.0, "share of examples that are a stem alone", least=0, most=1)
    half: bool = option(True, "weights of the checkpoint in 16 bits", free=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        names = (*LOSSES, "quantizer", *TERMS)
        for name, weight in self.weights.items():
            if name not in names:
                raise UnknownNameError("loss", name, names)
            if isinstance(weight, bool) or not isinstance(weight, int | float) or weight < 0:
                raise InputError(
                    f"the weight of {name!r} must be a number from 0 on, not {weight!r}"
                )
        object.__setattr__(self, "model", json.loads(json.dumps(self.model)))  # as it is read

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CodecOptions:
        """What ``to_dict`` wrote. Raises InputError for names and values that cannot be."""
        whole = {**data, "adversaries": tuple(data.get("adversaries", ()))}
        return super().from_dict(whole)
