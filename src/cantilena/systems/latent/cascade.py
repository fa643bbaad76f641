"""Codes first, then diffusion in the place of the rest of them (MeLoDy, Lam et al. 2023).

Knows a model of codes, whose first book holds what is played, and a diffusion that reads it; does
not know Requests or sound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from torch import Tensor

from cantilena.decode.cascade import TokensByName
from cantilena.errors import InputError
from cantilena.systems.codes.conditions import Wish
from cantilena.systems.codes.pair import Pair
from cantilena.systems.codes.writing import SAMPLING, CodeOrder, CodeWriter, CodeWriting
from cantilena.systems.latent.model import LatentModel
from cantilena.systems.latent.options import CODES
from cantilena.systems.latent.writing import Keep, LatentOrder, LatentWriting


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
        self.latent = LatentWriting(model, order)
        self.keep: Keep | None = None
        """Hears what ``restore`` takes up: codes once they are written, then windows."""
        self.saved: TokensByName = {}

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

    def restore(self, tokens: TokensByName) -> bool:
        """Takes up the codes that were written of the same order, and what windows there are;
        whether there were codes."""
        if "codes" not in tokens or tokens["codes"].shape != (self.order.frames,):
            return False
        self.saved = dict(tokens)
        return True

    def steps(self) -> Iterator[tuple[int, int]]:
        """As ``LatentWriting.steps``; a column of codes counts as a step."""
        total = self.coding.total + self.latent.total
        if not self.saved:
            for done, _ in self.coding.steps():
                yield done, total
            self.saved = {"codes": self.coding.codes[0][0]}
            if self.keep is not None:
                self.keep(self.saved)
        codes = self.saved["codes"]
        wish = replace(self.order.wish, codes=codes)
        self.latent = LatentWriting(self.model, replace(self.order, wish=wish))
        self.latent.restore(self.saved)
        if (keep := self.keep) is not None:
            self.latent.keep = lambda tokens: keep({"codes": codes, **tokens})
        for done, _ in self.latent.steps():
            yield self.coding.total + done, total
