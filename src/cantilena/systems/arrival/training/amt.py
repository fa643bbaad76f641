"""Training ``amt``: a music model alone, on music alone.

Knows its options and recipes, how it is built, batched and saved; does not know the Trainer or
where examples come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.systems.arrival.training.common import (
    MusicOptions,
    TunedTraining,
    check_row,
    load_causal,
    named,
    place,
    small,
)
from cantilena.systems.trainable import Collate, Recipe

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class AmtOptions(MusicOptions):
    """Options of ``amt``."""


class AmtTraining(TunedTraining):
    """The ``Trainable`` of ``amt``."""

    system = "amt"
    Options = AmtOptions

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """A small music model, with AMT's variants."""
        return {"small-amt": self._small}

    def _small(self) -> Recipe:
        options = AmtOptions(
            context=256, valid_songs=200, captions=False, chunks="all", augment=True
        )
        return small("amt", options, 1e-3)

    def begins_with(self, recipe: Recipe) -> tuple[str, ...]:
        """As ``TunedTraining.begins_with``."""
        return ("music",)

    def bare(self, recipe: Recipe) -> tuple[Any, None]:
        """As ``TunedTraining.bare``."""
        from cantilena.models.amt import check_vocabulary
        from cantilena.models.plain_lm import PlainLM
        from cantilena.tokens.arrival.vocab import AMT

        start = recipe.options.start
        name = place(start) if start else named(recipe, "music")
        model = load_causal(recipe, "music", name)
        check_vocabulary(name, model.get_input_embeddings().weight.shape[0], AMT.size)
        return PlainLM(model, {"name": name}), None

    def collators(self, recipe: Recipe, model: Any, tokenizer: Any) -> tuple[Collate, Collate]:
        """As ``Trainable.collators``."""
        from cantilena.systems.arrival.training.collate import MusicCollator

        check_row(recipe.options.context, model)
        collate = MusicCollator(recipe.options.context)
        return collate, collate

    def sampler(self, model: Any, tokenizer: Any) -> Any:
        """As ``Trainable.sampler``."""
        from cantilena.systems.arrival.amt import AmtSystem

        return AmtSystem(model.model)

    def save(
        self,
        folder: Path,
        model: Any,
        state: Mapping[str, Any],
        companion: Any,
        card: Mapping[str, Any],
    ) -> Path:
        """As ``Trainable.save``, in the published layout."""
        from cantilena.tokens.arrival.vocab import AMT

        return model.save(folder, state, card={"system": "amt", "scheme": AMT.to_dict(), **card})
