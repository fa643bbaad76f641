"""Training latent diffusion: recipes, the loss, and the checkpoint that comes of it.

Knows what such a model is trained by; does not know how latents are made of sound, how batches are
drawn (``systems.latent.examples``) or how a run goes (``train.audio``). Light to import: torch
comes when it trains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cantilena.errors import InputError
from cantilena.systems.latent.options import SYSTEM, LatentOptions
from cantilena.systems.sound import SETTINGS, SoundTraining, adamw
from cantilena.systems.trainable import Recipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cantilena.models.audio.dit import DitConditions
    from cantilena.systems.latent.model import LatentModel

RECIPES: dict[str, dict[str, Any]] = {
    "latent": {},
    "latent-text": {"conditions": "text"},
    "latent-flow": {"objective": "flow"},
    "latent-codes": {"conditions": "text,codes"},
}
"""The options of each recipe: text and a Score; text alone (JEN-1's own); the same as a rectified
flow; text and the codes of a language model (MeLoDy)."""


def latent_recipe(name: str) -> Recipe:
    """A recipe for a CPU."""
    settings = replace(SETTINGS, decay=0.4, weight_decay=0.01, beta2=0.99, valid_every=500)
    return Recipe(SYSTEM, settings, LatentOptions(**RECIPES[name]))


class LatentTraining(SoundTraining):
    """The ``Trainable`` of latent diffusion."""

    system: ClassVar[str] = SYSTEM
    Options: ClassVar[Any] = LatentOptions
    drawn: ClassVar[tuple[str, ...]] = ("square", "latents")
    """What ``cantilena plot`` draws, the first that there is."""

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """As ``Trainable.recipes``."""
        return {name: partial(latent_recipe, name) for name in RECIPES}

    def check(self, recipe: Recipe) -> None:
        """Raises InputError for settings and options that do not go together."""
        super().check(recipe)
        options = recipe.options
        if options.width % (2 * options.heads) or options.width % options.patch:
            raise InputError(
                f"a width of {options.width} does not divide into {options.heads} heads of even "
                f"width, or into {options.patch} frames"
            )

    def check_models(self, recipe: Recipe) -> None:
        """Raises InputError where no autoencoder is named."""
        if not recipe.options.vae:
            raise InputError("say by --codec whose latents are learned: the folder of a VAE")

    def build(self, recipe: Recipe) -> tuple[LatentModel, None]:
        """The network with random weights, and its frozen autoencoder. Raises InputError,
        CheckpointError, MissingExtraError."""
        from cantilena.systems.latent.model import new_model

        self.check_models(recipe)
        return new_model(recipe.options), None

    def loss(
        self, model: LatentModel, batch: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean square of what is predicted less the target, over frames that are not known."""
        import torch

        clean = batch["latents"]
        noise = torch.randn_like(clean)
        time = model.objective.times(len(clean)).to(clean)
        loss = model.squares(clean, noise, time, conditions_of(model, batch))
        return loss, {"square": loss.detach()}

    def held_out(self, model: LatentModel, batch: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """(2,) sums of losses, and of examples: under all conditions ("latents"); under another
        example's text, and under another's symbols; with the text alone, with another's text
        alone; with nothing. Times and noise are the same for each."""
        import torch

        clean, count = batch["latents"], len(batch["latents"])
        generator = torch.Generator().manual_seed(count)
        noise = torch.randn(clean.shape, generator=generator).to(clean)
        time = ((torch.arange(count) + 0.5) / count).to(clean)
        conditions = conditions_of(model, batch)
        nothing = conditions._replace(kept=torch.zeros_like(conditions.kept))
        cases = {"latents": nothing, "nothing": no_text(no_frames(nothing))}
        if count > 1:
            if model.dit.config.text:
                cases["another's text"] = other_text(nothing)
            if model.dit.config.frames:
                cases["another's symbols"] = other_frames(nothing)
            if model.dit.config.text and model.dit.config.frames:
                cases["text alone"] = no_frames(nothing)
                cases["another's text alone"] = no_frames(other_text(nothing))
        out = {}
        for name, one in cases.items():
            loss = model.squares(clean, noise, time, one)
            out[name] = torch.stack([loss * count, loss.new_tensor(float(count))])
        return out

    def optimisers(self, model: LatentModel, recipe: Recipe) -> list[torch.optim.Optimizer]:
        """AdamW, with decay for matrices of the blocks alone; the autoencoder stays."""
        matrices = [p for p in model.dit.blocks.parameters() if p.ndim == 2]
        others = [p for p in model.dit.parameters() if all(p is not m for m in matrices)]
        return [adamw(recipe.settings, matrices, others)]

    def save(
        self,
        folder: Path,
        model: LatentModel,
        state: Mapping[str, Any],
        companion: Any,
        card: Mapping[str, Any],
    ) -> Path:
        """Writes a checkpoint of the network and its autoencoder."""
        from cantilena.systems.latent.model import save_latent

        return save_latent(folder, model, card, model.options.half)


# ------------------------------------------------------------------ conditions of a batch


def conditions_of(model: LatentModel, batch: Mapping[str, Any]) -> DitConditions:
    """The conditions of a batch."""
    from cantilena.models.audio.dit import DitConditions

    frames = {name: batch[f"frames.{name}"] for name in model.dit.config.frames}
    parts = (batch["latents"], batch["kept"], batch["text"], batch["mask"])
    return DitConditions(*parts, frames, batch["timing"])


def no_text(conditions: DitConditions) -> DitConditions:
    """Without words."""
    import torch

    return conditions._replace(mask=torch.zeros_like(conditions.mask))


def other_text(conditions: DitConditions) -> DitConditions:
    """With the next example's words."""
    return conditions._replace(text=conditions.text.roll(1, 0), mask=conditions.mask.roll(1, 0))


def no_frames(conditions: DitConditions) -> DitConditions:
    """Without what is known frame by frame."""
    import torch

    return conditions._replace(
        frames={n: torch.zeros_like(v) for n, v in conditions.frames.items()}
    )


def other_frames(conditions: DitConditions) -> DitConditions:
    """With what is known of the next example's frames."""
    return conditions._replace(frames={n: v.roll(1, 0) for n, v in conditions.frames.items()})
