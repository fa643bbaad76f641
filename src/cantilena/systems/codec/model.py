"""A codec in training: the codec, its adversaries, and the loss of a step.

Knows how losses come together; what each measures is ``models.audio.codec.losses``'s. One backward
pass serves codec and adversaries: the codec's losses reach it through the gradient of the sound
alone, the adversaries' hear the sound detached.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from cantilena.errors import UnknownNameError
from cantilena.models.audio.codec.balance import Balancer, adaptive_weight
from cantilena.models.audio.codec.base import codec
from cantilena.models.audio.codec.discriminators import Discriminators
from cantilena.models.audio.codec.losses import (
    MELS,
    MultiScaleMel,
    MultiScaleStft,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
    largest_squares,
    relative_wave_l1,
    si_sdr,
    wave_l1,
    with_sides,
)
from cantilena.models.audio.ctc import ctc, label_errors
from cantilena.systems.codec.options import LOSSES, CodecOptions


class Labels(NamedTuple):
    """What is heard in a batch's clips, in order: ``numbers`` (B, L) from 1 on, ``counts`` (B,) of
    them, and how many ``samples`` (B,) of each row are its clip's."""

    numbers: Tensor
    counts: Tensor
    samples: Tensor


_SOUND = tuple(name for name in LOSSES if name not in ("adversary", "features"))


class CodecInTraining(nn.Module):
    """The codec of a run's options, with random weights, and its losses."""

    def __init__(self, options: CodecOptions):
        super().__init__()
        self.options = options
        if options.mel not in MELS:
            raise UnknownNameError("mel distance", options.mel, MELS)
        self.codec = codec(options.codec, **options.model)
        self.mel = MultiScaleMel(self.codec.sample_rate, MELS[options.mel])
        self.stft = MultiScaleStft()
        self.adversaries: Discriminators | None = None
        if options.adversaries:
            channels, share = self.codec.channels, options.adversary_share
            self.adversaries = Discriminators(options.adversaries, channels, share)
        weights = {k: v for k, v in options.weights.items() if k in LOSSES}
        self.balancer = Balancer(weights) if options.balance == "balancer" else None

    def loss(
        self, audio: Tensor, step: int, labels: Labels | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar whose gradient trains all, and what is logged."""
        coded = self.codec(audio, step >= self.options.plain_steps)
        if labels is not None and coded.labels is not None:
            frames = self._frames(labels)
            coded.terms["ctc"] = ctc(coded.labels, frames, labels.numbers, labels.counts)
        total = audio.new_zeros(())
        logged: dict[str, Tensor] = {}
        if coded.quantised is not None:
            logged["quantizer"] = coded.quantised.loss
            total = total + self.options.weights.get("quantizer", 1.0) * coded.quantised.loss
        for name, value in coded.terms.items():
            logged[name] = value
            total = total + self.options.weights.get(name, 0.0) * value
        for sound in () if coded.audio is None else (coded.audio, *coded.levels):
            part, losses = self._of_sound(sound.float(), audio, step)
            total = total + part
            for name, value in losses.items():
                logged[name] = logged[name] + value if name in logged else value
        return total, {name: value.detach() for name, value in logged.items()}

    def _of_sound(
        self, sound: Tensor, audio: Tensor, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What is minimised for one level's sound, the adversaries' own loss included."""
        losses = self.distances(sound, audio)
        own: dict[str, Tensor] = {}
        if self.adversaries is not None and step >= self.options.adversary_from:
            form = self.options.adversary
            real, heard = self.adversaries(audio), self.adversaries(sound.detach())
            own["adversaries"] = discriminator_loss(real, heard, form)
            fake = self.adversaries(sound)
            losses["adversary"] = adversarial_loss(fake, form)
            losses["features"] = feature_loss(real, fake)
        total = self.weighed(losses, sound)
        for value in own.values():
            total = total + value
        return total, {**losses, **own}

    def distances(self, sound: Tensor, audio: Tensor) -> dict[str, Tensor]:
        """The distances, scalars by name, of sound (B, C, N) that have a weight."""
        functions: dict[str, Any] = {
            "wave": wave_l1,
            "relative_wave": relative_wave_l1,
            "mel": lambda output, target: self.mel(with_sides(output), with_sides(target)),
            "stft": self.stft,
            "largest": largest_squares,
        }
        used = [name for name in _SOUND if self.options.weights.get(name)]
        with torch.autocast(sound.device.type, enabled=False):
            return {name: functions[name](sound, audio) for name in used}

    def weighed(self, losses: dict[str, Tensor], sound: Tensor) -> Tensor:
        """A scalar with the gradient that the sound is to have of all losses. The adversaries get
        none from it: it is a product of a gradient, taken here, and the sound."""
        if self.balancer is not None:
            return self.balancer(losses, sound)
        weights: dict[str, Any] = dict(self.options.weights)
        heard = [name for name in ("adversary", "features") if name in losses]
        near = [weights[name] * losses[name] for name in _SOUND if name in losses]
        rest = torch.stack(near).sum() if near else sound.new_zeros(())
        if not heard:
            return rest
        if self.options.balance == "adaptive" and near:
            weights["adversary"] *= adaptive_weight(rest, losses["adversary"], self.codec.last)
        total = rest + sum(weights.get(name, 0.0) * losses[name] for name in heard)
        (gradient,) = torch.autograd.grad(total, [sound], retain_graph=True)
        return (gradient.detach() * sound).sum()

    def _frames(self, labels: Labels) -> Tensor:
        return torch.clamp(-(-labels.samples // self.codec.hop), min=1)

    @torch.no_grad()
    def held_out(self, audio: Tensor, labels: Labels | None = None) -> dict[str, Tensor]:
        """(2,) by what is measured of sound (B, C, N): the sum over clips, and their number; of
        labels how many are wrong ("label errors"), and how many there are."""
        coded = self.codec(audio)
        count = audio.new_tensor(float(len(audio)))
        figures = {name: value * count for name, value in coded.terms.items()}
        if coded.audio is not None:
            sound = coded.audio.float()
            figures["mel"] = self.mel(sound, audio) * count
            figures["si_sdr"] = si_sdr(sound, audio).sum()
            if self.codec.channels == 2:
                apart = (with_sides(x)[:, 3:] for x in (sound, audio))
                figures["si_sdr_side"] = si_sdr(*apart).sum()
        if coded.quantised is not None:
            figures["perplexity"] = count * coded.quantised.usage["perplexity"]
        out = {name: torch.stack([value, count]) for name, value in figures.items()}
        if labels is not None and coded.labels is not None:
            frames = self._frames(labels)
            out["label errors"] = label_errors(coded.labels, frames, labels.numbers, labels.counts)
        return out
