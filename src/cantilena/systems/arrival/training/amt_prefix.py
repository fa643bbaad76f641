"""Training ``amt-prefix``: AMT and a bridge behind a frozen text model.

Knows its options and recipes (of *LLM-based Finetuning for Text to Symbolic Music Generation*, Wu,
Lee, Dun, whose Table 2 trains these systems for 60K steps of 16 examples at 1e-5 after 500 steps of
warm-up along a cosine), how it is built, batched and saved; does not know the Trainer or where
examples come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.errors import InputError
from cantilena.systems.arrival.training.common import (
    TextMusicOptions,
    TunedTraining,
    check_row,
    load_causal,
    named,
    place,
    small,
)
from cantilena.systems.trainable import Collate, Recipe, Settings, option

if TYPE_CHECKING:
    from collections.abc import Callable


_MIXES = {"last": "last", "all": "layers", "all-normed": "normed"}
"""What a bridge calls (``models.bridges.MIXES``) what the option ``layers`` says."""


@dataclass(frozen=True)
class AmtPrefixOptions(TextMusicOptions):
    """Options of ``amt-prefix``. ``layers``: the text model's layers that the bridge reads, "last"
    and "all" as the paper's base and enhanced systems, "all-normed" beyond it; ``states``: a folder
    in which the frozen text model's states are kept, each text's computed once for all runs that
    share it."""

    layers: str = option("last", "of the text, for amt-prefix", choices=tuple(_MIXES))
    states: str = option("", "keep the text's states here, for amt-prefix", metavar="DIR")


class AmtPrefixTraining(TunedTraining):
    """The ``Trainable`` of ``amt-prefix``."""

    system = "amt-prefix"
    Options = AmtPrefixOptions

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """The paper's two, and a small one."""
        return {"amt-base": base, "amt-enhanced": enhanced, "small-amt-prefix": _small}

    def bare(self, recipe: Recipe) -> tuple[Any, None]:
        """As ``TunedTraining.bare``. The text model is frozen, and in bfloat16 on a GPU."""
        from cantilena.models.amt_prefix import AmtPrefix
        from cantilena.models.encoders import text_encoder
        from cantilena.models.hub import need

        options = recipe.options
        if options.start:
            model = AmtPrefix.load(place(options.start)).requires_grad_(True)
            if options.states:
                last = model.sizes["mix"] == "last"
                model.encoder = _stored(model.encoder, options.states, last)
            return model, None
        name = named(recipe, "text")
        settings: dict[str, Any] = {}
        if name != "hashed":
            settings["longest"] = options.text_tokens
            if recipe.settings.precision != "float32":
                gpu = need("torch", "training").cuda.is_available()
                settings["dtype"] = "bfloat16" if gpu else None
        encoder: Any = text_encoder(name, **settings)
        if options.states:
            encoder = _stored(encoder, options.states, options.layers == "last")
        place_of_music = named(recipe, "music")
        music = load_causal(recipe, "music", place_of_music)
        mix = _MIXES[options.layers]
        return AmtPrefix(music, encoder, mix, source={"name": place_of_music}), None

    def collators(self, recipe: Recipe, model: Any, tokenizer: Any) -> tuple[Collate, Collate]:
        """As ``Trainable.collators``."""
        from cantilena.systems.arrival.training.collate import PrefixCollator

        check_row(recipe.options.context, model)
        collate = PrefixCollator(model.encoder, recipe.options.context)
        return collate, collate

    def sampler(self, model: Any, tokenizer: Any) -> Any:
        """As ``Trainable.sampler``."""
        from cantilena.systems.arrival.amt_prefix import AmtPrefixSystem

        return AmtPrefixSystem(model)

    def save(
        self,
        folder: Path,
        model: Any,
        state: Mapping[str, Any],
        companion: Any,
        card: Mapping[str, Any],
    ) -> Path:
        """As ``Trainable.save``."""
        return model.save(folder, state, card)


def _stored(encoder: Any, folder: str, last: bool) -> Any:
    """The encoder with its states (``last``: of the last layer alone) in a folder. Raises
    InputError where there is nothing to store."""
    from cantilena.models.encoders import PretrainedEncoder
    from cantilena.models.text_states import StoredEncoder

    if not isinstance(encoder, PretrainedEncoder):
        raise InputError("the states of the encoder 'hashed' need not be kept: leave out --states")
    return StoredEncoder(encoder, folder, last)


def base() -> Recipe:
    """AMT large behind a projection of Llama 3.2 1B's last layer."""
    options = AmtPrefixOptions(
        text_model="meta-llama/Llama-3.2-1B", music_model="stanford-crfm/music-large-800k"
    )
    settings = Settings(steps=60_000, batch=16, rate=1e-5, warmup=500, save_every=500)
    return Recipe("amt-prefix", settings, options)


def enhanced() -> Recipe:
    """The same over all layers of the text model, by learned weights."""
    return base().changed(layers="all")


def _small() -> Recipe:
    options = AmtPrefixOptions(context=256, text_tokens=160, valid_songs=200)
    return small("amt-prefix", options, 5e-4)
