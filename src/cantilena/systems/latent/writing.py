"""Writing latents: an order to latents, window by window, with what is known of them kept.

Knows the diffusion, windows and wishes; does not know sound or Requests. Each order has its own
random numbers and stands alone in a batch, so that nothing depends on what is written beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cantilena.decode.cascade import TokensByName
from cantilena.decode.sampling import Sampling
from cantilena.decode.windows import Window, windows
from cantilena.models.audio.diffusion import guided, sampled, sampler
from cantilena.models.audio.dit import DitConditions
from cantilena.systems.latent.conditions import LatentWish, frame_states, text_states
from cantilena.systems.latent.model import LatentModel

AGAIN = 0.25
"""Share of a window that is there already when a longer piece goes on: JEN-1's continuation."""
STEPS = 30
"""Of the sampler, where none are asked for."""
_STRIDE = 1_000_003
"""Between the random numbers of two seeds: more than a piece has windows."""
Keep = Callable[[TokensByName], None]
SAMPLING = Sampling(top_p=1.0, guidance=2.0, repetition=0.0)
"""Of these, ``guidance`` and ``temperature`` (times the noise that it begins with) are of the
diffusion; ``best_of`` is of Scores, where these lead."""


@dataclass(frozen=True)
class LatentOrder:
    """One piece: its length in ``frames``, the ``wish``, how it is sampled (``steps`` of a
    ``sampler``, ``guidance``, ``temperature``: times the noise that it begins with), and of a piece
    that is there its latents as ``context`` (D, T), ``kept`` (T,) where
    True."""

    frames: int
    wish: LatentWish
    seed: int = 0
    steps: int = STEPS
    sampler: str = "ddim"
    guidance: float = 1.0
    temperature: float = 1.0
    context: Tensor | None = None
    kept: np.ndarray | None = None


class LatentWriting:
    """The writing of an order; ``latents`` (D, T) are its own, scaled, zeros where nothing is
    written yet. ``evaluations``: passes of the network in all. Raises InputError, UnknownNameError,
    MissingExtraError for a sampler that cannot be."""

    def __init__(self, model: LatentModel, order: LatentOrder):
        self.model, self.order = model, order
        sampler(order.sampler, model.objective, order.steps)
        self.device = next(model.dit.parameters()).device
        self.kept = np.zeros(order.frames, dtype=bool)
        self.latents = torch.zeros(model.vae.latent, order.frames, device=self.device)
        if order.context is not None and order.kept is not None:
            self.kept |= order.kept
            self.latents = order.context.to(self.device).float() * torch.from_numpy(
                self.kept.astype(np.float32)
            ).to(self.device)
        length = model.window
        stride = max(1, length - round(AGAIN * length))
        first = int(np.argmin(self.kept)) if not self.kept.all() else order.frames
        every = windows(order.frames, length, stride, begin=first)
        self.windows = [w for w in every if not self.kept[w.begin : w.stop].all()]
        self.texts = [text_states(model.dit.config, model.encoder, order.wish.text)]
        self.written = 0
        """Windows that are written."""
        self.keep: Keep | None = None
        """Hears after each window what ``restore`` takes up."""
        self.total = max(1, len(self.windows) * order.steps)
        rows = 1 if order.guidance == 1 else 2
        self.evaluations = len(self.windows) * order.steps * rows

    @property
    def ready(self) -> np.ndarray:
        """(D, T) latents of the frames from the first on that are written or kept."""
        count = len(self.kept) if self.kept.all() else int(np.argmin(self.kept))
        return self.latents[:, :count].cpu().numpy()

    def restore(self, tokens: TokensByName) -> bool:
        """Takes up the windows that were written of the same order, as ``keep`` heard of them;
        whether there were such."""
        if any(name not in tokens for name in ("latents", "kept", "windows")):
            return False
        latents, kept = tokens["latents"], tokens["kept"]
        written = int(tokens["windows"])
        same = latents.shape == tuple(self.latents.shape) and kept.shape == self.kept.shape
        if not same or not 0 < written <= len(self.windows):
            return False
        self.latents, self.kept = torch.from_numpy(latents).to(self.device), kept.copy()
        self.written = written
        return True

    @torch.inference_mode()
    def steps(self) -> Iterator[tuple[int, int]]:
        """Writes, and gives after each step how many are done, and of how many."""
        done = self.written * self.order.steps
        for number, window in list(enumerate(self.windows))[self.written :]:
            for latents in self._window(number, window):
                done += 1
                if done % self.order.steps == 0:
                    self.latents[:, window.start : window.stop] = latents[0]
                    self.kept[window.start : window.stop] = True
                    self.written = number + 1
                    if self.keep is not None:
                        kept, count = self.kept.copy(), np.array(self.written)
                        latents = self.latents.cpu().numpy()
                        self.keep({"latents": latents, "kept": kept, "windows": count})
                yield done, self.total
        if not self.windows:
            yield 1, 1

    def _window(self, number: int, window: Window) -> Iterator[Tensor]:
        order, model = self.order, self.model
        span = slice(window.start, window.stop)
        generator = torch.Generator().manual_seed((order.seed * _STRIDE + number) % 2**63)
        shape = (1, model.vae.latent, window.stop - window.start)
        noise = torch.randn(shape, generator=generator).to(self.device) * order.temperature
        context = self.latents[None, :, span].clone()
        kept = torch.from_numpy(self.kept[span].copy()).to(self.device)
        conditions = self._conditions(window, context, kept)

        def predict(x: Tensor, time: float) -> Tensor:
            times = torch.full((len(conditions.kept),), time, device=self.device)
            dtype = model.dit.begin.weight.dtype
            rows = x.to(dtype).expand(len(conditions.kept), -1, -1)
            output = model.dit(rows, times, conditions).float()
            if order.guidance == 1:
                return output
            return guided(output[:1], output[1:], order.guidance)

        how = sampler(order.sampler, model.objective, order.steps)
        return sampled(predict, noise, model.objective, how, context, kept)

    def _conditions(self, window: Window, context: Tensor, kept: Tensor) -> DitConditions:
        """The conditions of a window; under guidance beside them those of nothing."""
        order, config = self.order, self.model.dit.config
        rate, text = self.model.vae.frame_rate, self.texts[0][None]
        frames = frame_states(config, order.wish, rate, window.start, window.stop)
        mask = torch.ones(text.shape[:2], dtype=torch.bool)
        timing = torch.tensor([self._timing(window.start / rate, order.frames / rate)])
        parts = [context, kept[None].float(), text, mask]
        states = {name: value[None] for name, value in frames.items()}
        if order.guidance != 1:
            parts = [part.repeat(2, *(1,) * (part.ndim - 1)) for part in parts]
            parts[3][1] = False
            timing = timing.repeat(2, 1)
            states = {n: torch.cat([v, torch.zeros_like(v)]) for n, v in states.items()}
        latents, where, words, word_mask = (part.to(self.device) for part in parts)
        named = {name: value.to(self.device) for name, value in states.items()}
        return DitConditions(latents, where, words, word_mask, named, timing.to(self.device))

    def _timing(self, start: float, total: float) -> tuple[float, float]:
        """Where a window begins, and of how long a piece, within the lengths of training: the
        beginning and the end of a longer piece are taken for those of the longest."""
        longest = float(self.model.about.get("longest", total))
        if total <= longest:
            return start, total
        left = total - start
        return max(min(start, longest / 2), longest - left), longest
