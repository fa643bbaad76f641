"""Codes first, then diffusion in the place of the rest of them (MeLoDy, Lam et al. 2023).

Knows a model of codes, whose first book holds what is played, and a diffusion that reads it; does
not know Requests or sound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from torch import Tensor

from cantilena.errors import InputError
from cantilena.systems.codes.conditions import Wish
from cantilena.systems.codes.pair import Pair
from cantilena.systems.codes.writing import SAMPLING, CodeOrder, CodeWriter, CodeWriting
from cantilena.systems.latent.model import LatentModel
from cantilena.systems.latent.options import CODES
from cantilena.systems.latent.writing import LatentOrder, LatentWriting


def check_pair(model: LatentModel, pair: Pair) -> None:
    """Raises InputError where the codes are not those that the diffusion was taught."""
    taught, own = model.about.get("codec"), pair.codec.fingerprint()
    if taught and taught != own:
        raise InputError(
            f"the diffusion reads codes of the codec {taught[:16]}, not of {own[:16]} in "
            f"{pair.name!r}; name its own with --codec"
        )
    card = model.dit.config.frames[CODES] - 1
    if pair.codec.sizes[0] != card or abs(pair.writer.rate - model.vae.frame_rate) > 1e-6:
        raise InputError(
            f"the diffusion reads {card} codes at {model.vae.frame_rate:g} frames a second, "
            f"{pair.name!r} writes {pair.codec.sizes[0]} at {pair.writer.rate:g}"
        )


class LedByCodes:
    """As ``LatentWriting``, behind the writing of codes under the order's Score."""

    def __init__(self, model: LatentModel, order: LatentOrder, writer: CodeWriter):
        self.model, self.order = model, order
        wish = Wish(score=order.wish.score, controls=order.wish.controls)
        self.coding = CodeWriting(
            writer, [CodeOrder(order.frames, wish, order.seed, sampling=SAMPLING)]
        )
        self.latent, self.is_led = LatentWriting(model, order), False

    @property
    def written(self) -> int:
        """As ``ByWindows.written``, of codes and of latents."""
        return self.coding.written + self.latent.written

    @property
    def kept(self) -> dict[str, np.ndarray]:
        """As ``ByWindows.kept``."""
        parts = {"coding": self.coding.kept, "latent": self.latent.kept}
        return {f"{name}.{key}": row for name, part in parts.items() for key, row in part.items()}

    def restore(self, tokens: Mapping[str, np.ndarray]) -> bool:
        """As ``ByWindows.restore``."""
        parts: dict[str, dict[str, np.ndarray]] = {"coding": {}, "latent": {}}
        for name, rows in tokens.items():
            part, _, key = name.partition(".")
            parts.setdefault(part, {})[key] = rows
        if not self.coding.restore(parts["coding"]):
            return False
        if self.coding.written < len(self.coding.plans[0]):
            return True
        self._lead()
        return self.latent.restore(parts["latent"])

    def _lead(self) -> None:
        """Has the codes, which are written, lead the diffusion."""
        wish = replace(self.order.wish, codes=self.coding.codes[0][0])
        self.latent = LatentWriting(self.model, replace(self.order, wish=wish))
        self.is_led = True

    @property
    def latents(self) -> Tensor:
        """As ``LatentWriting.latents``."""
        return self.latent.latents

    @property
    def ready(self) -> np.ndarray:
        """As ``LatentWriting.ready``."""
        return self.latent.ready

    @property
    def evaluations(self) -> int:
        """Of the diffusion's network."""
        return self.latent.evaluations

    def steps(self) -> Iterator[tuple[int, int]]:
        """As ``LatentWriting.steps``; a column of codes counts as a step."""
        total = self.coding.total + self.latent.total
        if not self.is_led:
            for done, _ in self.coding.steps():
                yield done, total
            self._lead()
        for done, _ in self.latent.steps():
            yield self.coding.total + done, total
