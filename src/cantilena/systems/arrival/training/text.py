"""Training a text model alone, on captions alone, before it becomes part of a system.

Knows its options and recipes, how it is built, batched and saved; does not know the Trainer or
where examples come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.systems.arrival.training.common import (
    TunedOptions,
    TunedTraining,
    check_row,
    load_causal,
    named,
    place,
    small,
    tokenizer_of,
)
from cantilena.systems.trainable import Collate, Recipe, option

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class TextOptions(TunedOptions):
    """Options of "text". ``pack``: several texts in a row, blind to each other."""

    text_model: str = option("", "hub name or folder of the text model", metavar="M")
    text_tokens: int = option(256, "tokens of a text at most", least=1, metavar="N")
    pack: bool = option(False, "several examples in a row", group="adaptation")


class TextTraining(TunedTraining):
    """The ``Trainable`` of a text model alone."""

    system = "text"
    holds_out = "text"
    Options = TextOptions

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """A small text model."""
        return {"small-text": self._small}

    def _small(self) -> Recipe:
        options = TextOptions(context=256, text_tokens=160, valid_songs=200, pack=True)
        return small("text", options, 1e-3, batch=32, accumulate=1)

    def begins_with(self, recipe: Recipe) -> tuple[str, ...]:
        """As ``TunedTraining.begins_with``."""
        return ("text",)

    def bare(self, recipe: Recipe) -> tuple[Any, Any]:
        """As ``TunedTraining.bare``."""
        from cantilena.models.plain_lm import PlainLM

        start = recipe.options.start
        name = place(start) if start else named(recipe, "text")
        model = load_causal(recipe, "text", name)
        return PlainLM(model, {"name": name}), tokenizer_of(name)

    def collators(self, recipe: Recipe, model: Any, tokenizer: Any) -> tuple[Collate, Collate]:
        """As ``Trainable.collators``."""
        from cantilena.systems.arrival.training.collate import TextCollator

        options = recipe.options
        check_row(options.context, model)
        row = max(options.context, options.text_tokens)
        collate = TextCollator(tokenizer, row, options.pack)
        return collate, collate

    def save(
        self,
        folder: Path,
        model: Any,
        state: Mapping[str, Any],
        companion: Any,
        card: Mapping[str, Any],
    ) -> Path:
        """As ``Trainable.save``, in the published layout."""
        return model.save(folder, state, companion, {"system": "text", **card})
