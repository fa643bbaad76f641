"""Training the note model: options, recipe, loss, optimisers, and the checkpoint that comes of it.

Knows the model and what a batch of it holds; does not know how windows are cut from songs
(``train.note.crops``) or how a run goes (``train.note.loop``). Matrices inside the trunk's blocks
and the heads are trained by Muon (Jordan et al. 2024), everything else by AdamW. Light to import:
numpy and torch come when it trains.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.errors import InputError
from cantilena.systems.trainable import Checked, Collate, Recipe, Settings, option

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn

    from cantilena.models.step_lm import StepConfig, StepLM

ARRAYS = ("scalars", "slots", "words", "state", "fields", "at_onset", "at_instrument", "mask")
"""Arrays of a batch: the model's inputs in their order, and where a field is to be predicted."""
GUESSED = ("captions", "all_scalars", "all_slots")
"""Beside the model's inputs: ``captions`` (WORDINGS, WORDS), hashed texts on the window, from which
``all_scalars`` (S,), its attributes, and ``all_slots`` (I,), its instruments, are to be guessed."""
PLANNED = ("plan_at_step", "plan_at_onset", "plan_at_instrument", "plan_standing")
"""Beside them where the model reads a plan: the features of ``tokens.note.agenda``."""
GUESSING = 0.1
"""Weight of the loss of guessing attributes from texts."""
PLAN = "plan"
"""What of a model can be trained by itself: that by which it reads a plan."""
LICENCE = (
    "The weights are Apache-2.0 as far as they are ours. They were trained on the corpora named "
    "under data, among them the Lakh MIDI Dataset (CC BY 4.0, Colin Raffel), many of whose files "
    "transcribe songs in copyright; no file of it is shipped."
)


@dataclass(frozen=True)
class CropConfig:
    """Window of ``length`` steps; probabilities that conditions are left out of an example:
    ``nothing`` all of them, then each attribute, the chords, the bars left, the text by itself.

    ``text_only`` is the share of examples whose prefix is the text alone: where the attributes
    always stand beside it, nothing is left for the text to tell, and its encoder learns nothing.
    ``fresh`` is the share of windows that begin at a bar line with nothing before them, as if the
    piece began there: a model that only ever begins songs' introductions, and elsewhere always has
    bars to echo, does not learn to set a whole band going.

    ``plan``: whether the model reads the outline of a window's song; of some parts it is unknown in
    the share ``plan_parts`` of the windows, and numbers of notes are in ``plan_counts``."""

    length: int = 1024
    nothing: float = 0.08
    attribute: float = 0.2
    chords: float = 0.15
    left: float = 0.1
    text: float = 0.3
    text_only: float = 0.4
    instruments: float = 0.1
    partial: float = 0.15
    start: float = 0.12  # share of windows that begin a song
    finish: float = 0.08  # share that end one
    fresh: float = 0.45
    transpose: bool = True
    plan: bool = False
    plan_parts: float = 0.15
    plan_counts: float = 0.3


@dataclass(frozen=True)
class NoteOptions(Checked):
    """Options of the note model's training: how windows are cut; ``weights``, how often songs of a
    corpus are drawn beside those of others; ``compile``, whether torch.compile is used;
    ``valid_windows`` of the validation; ``tune``, "plan" where only what reads the plan is
    trained."""

    crop: CropConfig = field(default_factory=CropConfig)
    weights: tuple[tuple[str, float], ...] = (("groove", 0.5), ("mutopia", 3.0), ("game", 2.0))
    compile: bool = option(True, "use torch.compile", free=True)
    valid_windows: int = option(64, least=1, free=True)
    tune: str = option("", choices=("", PLAN))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> NoteOptions:
        """What ``to_dict`` wrote. Raises InputError for names and values that cannot be."""
        try:
            crop = CropConfig(**data["crop"])
            weights = tuple((str(name), float(weight)) for name, weight in data["weights"])
        except (TypeError, ValueError, KeyError) as error:
            raise InputError(f"the run has settings of another version: {error}") from error
        return super().from_dict({**data, "crop": crop, "weights": weights})


def note_recipe() -> Recipe:
    """The recipe of the note model for a CPU: 25 million notes in examples of 1,024."""
    settings = Settings(
        notes=25e6,
        batch=4,
        rate=3e-3,  # AdamW's; Muon's is on the same scale (match_rms_adamw)
        warmup=0.4e6,
        decay=0.68,
        weight_decay=0.02,
        beta2=0.98,
        clip=1.0,
        seed=1,
        valid_every=2e6,
        save_minutes=5.0,
        log_every=50,
    )
    return Recipe("note", settings, NoteOptions())


def plan_recipe() -> Recipe:
    """The recipe that teaches a trained model to read a plan: the rest of it stays as it is."""
    base = note_recipe()
    crop = replace(base.options.crop, plan=True)
    changes = {"notes": 3e6, "batch": 2, "rate": 2e-3, "warmup": 4e4, "valid_windows": 24}
    return base.changed(tune=PLAN, crop=crop, compile=False, log_every=20, **changes)


def with_plan(config: StepConfig) -> StepConfig:
    """The config of the same model, with the features of a plan."""
    from cantilena.tokens.note import agenda

    plan = {part: dict(sizes) for part, sizes in agenda.FEATURES.items()}
    return replace(config, plan=plan, standings=agenda.STANDINGS)


def note_config(**sizes: int) -> StepConfig:
    """The note system's model config; ``sizes`` override width, layers, heads, hidden, ..."""
    from cantilena.models.step_lm import StepConfig
    from cantilena.tokens.note import NoteScheme, conditions, context

    scheme = NoteScheme()
    base = StepConfig(
        fields=scheme.sizes,
        state=dict(context.STATE),
        at_onset=dict(context.AT_ONSET),
        at_instrument=dict(context.AT_INSTRUMENT),
        scalars=dict(conditions.SCALARS),
        slots=conditions.SLOTS,
        slot_size=conditions.NO_INSTRUMENT + 1,
        words=conditions.WORDS,
        buckets=conditions.BUCKETS,
    )
    return replace(base, **sizes)


def stack(examples: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Examples of equal length, which hold the same arrays, as one batch."""
    import numpy as np

    return {name: np.stack([e[name] for e in examples]) for name in examples[0]}


def plan_of(batch: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a batch knows of the plan, by the model's names; None where it holds nothing of it."""
    return {name[5:]: batch[name] for name in PLANNED if name in batch} or None


def on_device(batch: Mapping[str, Any], device: str = "cpu") -> dict[str, Tensor]:
    """A batch as tensors on a device; integers become int64 there."""
    import torch

    moved = {k: torch.as_tensor(v).to(device, non_blocking=True) for k, v in batch.items()}
    return {k: v if v.is_floating_point() else v.long() for k, v in moved.items()}


class NoteTraining:
    """The ``Trainable`` of the note system."""

    system = "note"
    driver = "note"
    Options = NoteOptions

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """That of a new model, whose sizes and budget options change, and that of a plan's."""
        return {"note": note_recipe, "note-plan": plan_recipe}

    def check(self, recipe: Recipe) -> None:
        """Its budget is of notes, and its rate falls at the end."""
        if recipe.settings.notes is None or recipe.settings.decay is None:
            raise InputError("a run of the note model needs a number of notes and a decay")
        if recipe.settings.accumulate != 1:
            raise InputError("the note model's batches are not taken in parts")

    def build(self, recipe: Recipe, config: StepConfig | None = None) -> tuple[StepLM, None]:
        """The model with random weights, of the usual sizes unless ``config`` has others. Where
        only a part of it is trained, all else needs no gradients."""
        from cantilena.models.step_lm import PLAN_WEIGHTS, StepLM

        model = StepLM(config or note_config())
        if recipe.options.tune:
            for name, p in model.named_parameters():
                p.requires_grad_(name.startswith(PLAN_WEIGHTS))
        return model, None

    def collators(self, recipe: Recipe, model: Any, tokenizer: Any) -> tuple[Collate, Collate]:
        """As ``Trainable.collators``."""
        return stack, stack

    def loss(self, model: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Nats per note, with what guessing attributes from texts costs where that is trained; and
        the bits per note of each field (5,), detached."""
        import torch

        *inputs, mask = (batch[name] for name in ARRAYS)
        nll = model(*inputs, plan_of(batch))
        per_field = (nll * mask).sum((0, 1)) / mask[..., 1].sum()
        bits = per_field.detach().float() / math.log(2)
        if not model.text_guess.weight.requires_grad:
            return per_field.sum(), bits
        texts, all_scalars, all_slots = (batch[name] for name in GUESSED)
        k = texts.shape[1]
        repeated = (x.repeat_interleave(k, 0) for x in (all_scalars, all_slots))
        with torch.autocast(mask.device.type, enabled=False):
            guessed = model.guess_loss(texts.flatten(0, 1), *repeated)
        return per_field.sum() + GUESSING * guessed, bits

    def optimisers(self, model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
        """Muon for matrices of the trunk's blocks and the heads, AdamW for embeddings, norms,
        biases, outputs and the text encoder: its gradients are small, and Muon, which makes every
        update as large as any other, let its states grow alike for all texts. The encoder's blocks
        go at a fifth of the rate, the size of Muon's updates. Of a model that learns to read a plan
        only the weights that do, by AdamW."""
        import torch

        from cantilena.models.muon import Muon
        from cantilena.models.precision import uses_half

        settings = recipe.settings
        betas = (0.9, settings.beta2)
        if recipe.options.tune:
            plan = [p for p in model.parameters() if p.requires_grad]
            return [
                torch.optim.AdamW(plan, settings.rate, betas=betas, weight_decay=0.0, fused=True)
            ]
        matrices, others, encoder = [], [], []
        for name, p in model.named_parameters():
            if name.startswith("text.blocks."):
                encoder.append(p)
            elif name.startswith(("blocks.", "heads.")) and "logits" not in name and p.ndim == 2:
                matrices.append(p)
            else:
                others.append(p)
        decay = settings.weight_decay
        half = uses_half(settings.precision, matrices[0].device.type)
        muon = Muon(matrices, lr=settings.rate, weight_decay=decay, half=half)
        groups = [
            {"params": others, "share": 1.0, "weight_decay": 0.0},
            {"params": encoder, "share": 0.2, "weight_decay": decay},
        ]
        groups = [g for g in groups if g["params"]]
        return [muon, torch.optim.AdamW(groups, lr=settings.rate, betas=betas, fused=True)]

    def sampler(self, model: Any, companion: Any) -> None:
        """None: pieces are composed with an exported checkpoint."""

    def save(
        self,
        folder: Path,
        model: Any,
        state: Mapping[str, np.ndarray],
        companion: bytes,
        card: Mapping[str, Any],
    ) -> Path:
        """Writes a checkpoint: ``model.safetensors`` (all weights, 16-bit), ``trunk.onnx`` (8-bit)
        and ``habits.json``, which is ``companion``. ``model``: its StepConfig."""
        import numpy as np
        from safetensors.numpy import save_file

        from cantilena.models.checkpoint import WEIGHTS, save_checkpoint
        from cantilena.models.step_onnx import trunk_graph
        from cantilena.systems.note.checkpoint import HABITS, TRUNK

        half = {k: v.astype(np.float16) for k, v in state.items()}
        single = {k: v.astype(np.float32) for k, v in half.items()}
        graph = trunk_graph(single, model, model.prefix + model.context)

        def write(stage: Path) -> None:
            save_file(half, stage / WEIGHTS)
            (stage / TRUNK).write_bytes(graph)
            (stage / HABITS).write_bytes(companion)

        own = {
            "system": self.system,
            "name": self.system,
            "licence": LICENCE,
            "parameters": sum(int(v.size) for v in state.values()),
            "model": model.to_dict(),
        }
        return save_checkpoint(folder, {**own, **card}, write).folder
