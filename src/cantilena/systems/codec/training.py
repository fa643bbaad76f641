"""Training codecs: options, recipes, losses, adversaries, and the checkpoint that comes of it.

Knows what a codec is trained by; does not know how clips are cut from recordings or how a run goes
(``train.audio``). Light to import: torch comes when it trains. The published recipes' weights stand
in ``RECIPES``; the sizes there are for two CPU cores, and options set others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cantilena.errors import InputError
from cantilena.systems.codec.options import CTC, LOSSES, TERMS, CodecOptions
from cantilena.systems.sound import SETTINGS, SoundTraining
from cantilena.systems.trainable import CODEC, Recipe, names

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cantilena.systems.codec.model import CodecInTraining

WAVE = {"relative_wave": 3.0, "mel": 1.0}
"""Of the trials that were made on two cores: mel in log10, the wave as a share of its size."""
_MDCT = {"quantizer_options": {"decay": 0.95, "commitment": 0.1, "dropout": 0.25}}
_ENCODEC = {"wave": 0.1, "mel": 2.0, "adversary": 4.0, "features": 4.0}
_DAC = {"mel": 15.0, "features": 2.0, "adversary": 1.0}
_SOUNDSTREAM_NET = {"units": 3, "growth": 3, "unit_kernel": 7, "squeeze": 1, "lstm": 0}

RECIPES: dict[str, dict[str, Any]] = {
    "codec-frame": {"codec": "frame", "model": _MDCT, "weights": WAVE},
    "codec-soundstream": {
        "codec": "seanet",
        "model": _SOUNDSTREAM_NET,
        "weights": {"relative_wave": 30.0, "mel": 1.0},
        "plain_steps": 150,  # with the quantizer on from the start the latents went constant
    },
    "codec-encodec": {
        "codec": "seanet",
        "weights": _ENCODEC,
        "mel": "encodec",
        "balance": "balancer",
        "adversaries": ("spectrum",),
    },
    "codec-dac": {
        "codec": "dac",
        "weights": _DAC,
        "mel": "dac",
        "adversaries": ("period", "bands"),
        "adversary": "squares",
        "seconds": 0.4,
    },
    "codec-hifi": {
        "codec": "seanet",
        "model": {"causal": False, "quantizer": "grouped-residual"},
        "weights": {"wave": 5.0, "mel": 45.0, "adversary": 1.0, "features": 2.0, "quantizer": 10.0},
        "adversaries": ("period", "scale", "spectrum"),
        "adversary": "squares",
    },
    "codec-mel": {"codec": "mel", "model": _MDCT, "weights": {"bands": 1.0}},
    "codec-karasinger": {
        "codec": "mel-levels",
        "model": {"quantizer_options": {"decay": 0.95, "commitment": 0.1}},
        "weights": {"bands": 1.0, "ctc": 0.3},
        "seconds": 4.0,
    },
    "codec-vqvae2": {"codec": "vqvae2", "weights": {"relative_wave": 30.0, "mel": 1.0}},
    "codec-jukebox": {
        "codec": "jukebox",
        "model": {"quantizer_options": {"decay": 0.9, "revive": 0.3, "commitment": 0.25}},
        "weights": {"relative_wave": 1.0, "mel": 1.0, "largest": 0.02, "stft": 1.0},
    },
    "codec-slow": {
        "codec": "slow",
        "weights": {"relative_wave": 10.0, "mel": 1.0, "slowness": 0.01, "reach": 1.0},
    },
    "codec-vae": {"codec": "vae", "weights": {**WAVE, "kl": 1e-4}},
    "codec-mel-vae": {"codec": "mel-vae", "weights": {"bands": 1.0, "kl": 1e-3}},
    "codec-vqgan": {
        "codec": "frame",
        "model": {"quantizer": "ema"},
        "weights": {**WAVE, "adversary": 1.0},
        "balance": "adaptive",
        "adversaries": ("bands",),
        "adversary_from": 1_000,
    },
}
"""The options of each recipe."""


def codec_recipe(name: str) -> Recipe:
    """A recipe for a CPU: batches of 8 s."""
    settings = replace(SETTINGS, steps=20_000, weight_decay=0.01, beta2=0.99, valid_every=500)
    return Recipe(CODEC, settings, CodecOptions(**RECIPES[name]))


def with_option(recipe: Recipe, name: str, value: Any) -> Recipe:
    """A recipe with one more option: of the training or, by any other name, of the codec ("width")
    or its quantizer ("quantizer", "books"). Another quantizer begins with its own defaults, without
    what the recipe set for the one before. Raises InputError where none has the option."""
    from inspect import signature

    from cantilena.models.audio.codec.base import codec_class

    if name in names(CodecOptions) - {"model"}:
        if name == "adversaries":
            value = value.split(",") if isinstance(value, str) else value
            if not isinstance(value, list | tuple):
                raise InputError(f"adversaries are names with commas between, not {value!r}")
            value = tuple(value)
        if name == "weights":
            if not isinstance(value, Mapping):
                raise InputError(f'weights are written as {{"mel": 1.0}}, not {value!r}')
            value = {**recipe.options.weights, **value}
        return recipe.changed(**{name: value})
    model = dict(recipe.options.model)
    parameters = signature(codec_class(recipe.options.codec)).parameters
    if name in parameters:
        if name == "quantizer" and value != model.get(name):
            model.pop("quantizer_options", None)
        model[name] = value
    elif "quantizer_options" in parameters:
        model["quantizer_options"] = {**model.get("quantizer_options", {}), name: value}
    else:
        raise InputError(f"neither the training nor the codec has an option {name!r}")
    return replace(recipe, options=replace(recipe.options, model=model))


class CodecTraining(SoundTraining):
    """The ``Trainable`` of codecs."""

    system: ClassVar[str] = CODEC
    Options: ClassVar[Any] = CodecOptions
    drawn: ClassVar[tuple[str, ...]] = ("mel", "bands")
    """What ``cantilena plot`` draws, the first that there is."""

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """As ``Trainable.recipes``."""
        return {name: partial(codec_recipe, name) for name in RECIPES}

    def check(self, recipe: Recipe) -> None:
        """Raises InputError for settings and options that do not go together."""
        super().check(recipe)
        options = recipe.options
        if not any(options.weights.get(name) for name in (*LOSSES, *TERMS) if name != CTC):
            raise InputError("no loss has a weight above 0, so that the codec would learn nothing")
        heard = any(options.weights.get(name) for name in ("adversary", "features"))
        if heard != bool(options.adversaries):
            raise InputError(
                "adversaries and the weights of 'adversary' or 'features' go together: give both "
                "or neither"
            )
        if options.balance == "adaptive" and not options.weights.get("adversary"):
            raise InputError("the adaptive weight is that of 'adversary': give it one above 0")

    def build(self, recipe: Recipe) -> tuple[CodecInTraining, None]:
        """The codec with random weights, and all that its loss needs. Raises InputError."""
        from cantilena.systems.codec.model import CodecInTraining

        return CodecInTraining(recipe.options), None

    def loss(
        self, model: CodecInTraining, batch: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What is minimised of a batch's "audio" (B, C, N) at its "step", and each part of it."""
        return model.loss(batch["audio"], batch["step"], _labels(batch))

    def held_out(self, model: CodecInTraining, batch: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """(2,) by what is measured: the sum over a batch's clips, and their number."""
        return model.held_out(batch["audio"], _labels(batch))

    def optimisers(
        self, model: CodecInTraining, recipe: Recipe
    ) -> list[torch.optim.Optimizer] | None:
        """AdamW for the codec, and another for the adversaries."""
        import torch

        settings = recipe.settings
        betas = (0.8, settings.beta2)
        groups = [{"params": list(model.codec.parameters()), "share": 1.0}]
        if model.adversaries is not None:
            share = recipe.options.adversary_rate
            groups.append({"params": list(model.adversaries.parameters()), "share": share})
        decay = settings.weight_decay
        return [
            torch.optim.AdamW([g], lr=settings.rate, betas=betas, weight_decay=decay)
            for g in groups
        ]

    def save(
        self,
        folder: Path,
        model: CodecInTraining,
        state: Mapping[str, Any],
        companion: Any,
        card: Mapping[str, Any],
    ) -> Path:
        """Writes the codec's checkpoint, without adversaries."""
        from cantilena.models.audio.codec.files import save_codec

        return save_codec(folder, model.codec, card, half=model.options.half).folder


def _labels(batch: Mapping[str, Any]) -> Any:
    """The labels of a batch of sung clips; None of others."""
    from cantilena.systems.codec.model import Labels

    names = ("phonemes", "counts", "samples")
    return Labels(*(batch[name] for name in names)) if names[0] in batch else None
