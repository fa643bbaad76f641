"""What the trainings of the systems built on HuggingFace's models share: options, and how their
models are found and loaded.

Knows layouts, names and attention; does not know the Trainer, data or batches, and imports torch
and transformers only when a model is built.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from cantilena.errors import InputError, MissingExtraError
from cantilena.systems.trainable import Checked, Recipe, Settings, option

ATTENTION = ("auto", "sdpa", "eager", "flash_attention_2")
_HOW, _WHILE = "adaptation", "while it runs"


@dataclass(frozen=True)
class TunedOptions(Checked):
    """Options of all of these systems.

    ``start``: a folder of an earlier run whose weights come first; ``lora``: rank, 0 for all
    weights; ``four_bits``: QLoRA; ``context``: music tokens of an example; ``checkpointing``:
    activations are computed again in the backward pass; ``captions`` False leaves the texts out
    (pretraining on music); ``chunks``: one of a song and epoch in "turn", or "all".
    """

    start: str = option("", "begin with a run's weights", metavar="DIR", flag="--from")
    context: int = option(1_024, "music tokens of an example", least=4, metavar="N")
    lora: int = option(0, "train LoRA matrices only", least=0, metavar="RANK", group=_HOW)
    four_bits: bool = option(False, "QLoRA (needs a CUDA GPU)", group=_HOW)
    checkpointing: bool = option(False, "less memory, slower", group=_HOW, free=True)
    attention: str = option(
        "auto", "how attention is computed", choices=ATTENTION, group=_HOW, free=True
    )
    captions: bool = option(True, "train with the texts", group=_HOW)
    chunks: str = option(
        "turn", "of a song in an epoch: one, or all", choices=("turn", "all"), group=_HOW
    )
    valid_songs: int = option(
        4_000, "songs of the validation", least=1, metavar="N", group=_WHILE, free=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.four_bits and not self.lora:
            raise InputError("weights in 4 bits cannot be trained themselves; give LoRA a rank")


@dataclass(frozen=True)
class MusicOptions(TunedOptions):
    """Of those that write music. ``augment``: AMT's variants with controls, without captions;
    ``sample_every`` (0: never): steps between ``samples`` pieces."""

    music_model: str = option("", "hub name or folder of the music model", metavar="M")
    augment: bool = option(False, "AMT's variants with controls", group=_HOW)
    sample_every: int = option(
        0, "steps between pieces", least=0, metavar="N", group=_WHILE, free=True
    )
    samples: int = option(4, least=1, free=True)


@dataclass(frozen=True)
class TextMusicOptions(MusicOptions):
    """Of those that read text besides. ``text_tokens``: of a text, at most."""

    text_model: str = option("", "hub name or folder of the text model", metavar="M")
    text_tokens: int = option(256, "tokens of a text at most", least=1, metavar="N")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.augment and self.captions:
            raise InputError("variants with controls are for training without captions")


class TunedTraining(ABC):
    """What is alike in the ``Trainable`` of each of them: AdamW of the Trainer's own, the loss that
    the model's forward pass gives, LoRA and attention."""

    system: ClassVar[str]
    driver: ClassVar[str] = "tuned"
    holds_out: ClassVar[str] = "music"
    """What the held-out loss is of."""
    Options: ClassVar[Any]

    def check(self, recipe: Recipe) -> None:
        """Every such run ends after a number of steps."""
        if recipe.settings.steps is None:
            raise InputError(f"say after how many steps a run of {self.system!r} ends")

    def check_models(self, recipe: Recipe) -> None:
        """As ``Trainable.check_models``."""
        if not recipe.options.start:
            for kind in self.begins_with(recipe):
                named(recipe, kind)

    def begins_with(self, recipe: Recipe) -> tuple[str, ...]:
        """The kinds of models that a run begins with, where it does not begin with another run's
        weights."""
        return "text", "music"

    def build(self, recipe: Recipe) -> tuple[Any, Any]:
        """(model, tokenizer or None) with its start, LoRA and attention. Raises InputError where a
        model is not named, CheckpointError where weights cannot be had."""
        model, tokenizer = self.bare(recipe)
        options = recipe.options
        if options.lora:
            from cantilena.models.adapters import Lora, add_lora

            add_lora(model.backbone, Lora(rank=options.lora, alpha=2 * options.lora))
        attention = _attention(recipe)
        try:
            model.backbone.set_attn_implementation(attention)
        except (ImportError, ValueError) as error:
            raise InputError(f"the attention {attention!r} will not do: {error}") from error
        return model, tokenizer

    @abstractmethod
    def bare(self, recipe: Recipe) -> tuple[Any, Any]:
        """(model, tokenizer or None) with its start alone."""

    def loss(self, model: Any, batch: Mapping[str, Any]) -> tuple[Any, Any]:
        """Mean nats a token, and the same."""
        loss = model(**batch)["loss"]
        return loss, loss.detach()

    def held_out(self, model: Any, batch: Mapping[str, Any]) -> dict[str, Any]:
        """As ``Trainable.held_out``: all tokens with a label."""
        loss, _ = self.loss(model, batch)
        return {self.holds_out: summed(loss, batch["labels"])}

    def optimisers(self, model: Any, recipe: Recipe) -> None:
        """None: the Trainer's own."""
        return None

    def sampler(self, model: Any, tokenizer: Any) -> Any | None:
        """None: it writes no music."""
        return None


def summed(loss: Any, labels: Any) -> Any:
    """(2,) of a mean loss over all labels that count: the nats of all of them, and their number."""
    import torch

    from cantilena.models.tuned import IGNORED

    tokens = (labels != IGNORED).sum().double()
    return torch.stack([loss.double() * tokens, tokens])


def check_row(row: int, model: Any) -> None:
    """Raises InputError where a row of tokens does not fit a model's context."""
    most = getattr(model.config, "max_position_embeddings", None)
    if most and row > most:
        raise InputError(f"a row of {row:,} tokens does not fit the model's context of {most:,}")


def small(system: str, options: Any, rate: float, **changes: Any) -> Recipe:
    """A system on models of a few million weights, as ``cantilena init`` makes them, for a laptop
    without published weights: rates higher, as for small models, and few steps."""
    settings: dict[str, Any] = {
        "steps": 2_000,
        "warmup": 100,
        "batch": 16,
        "accumulate": 4,
        "valid_every": 250,
        "save_every": 250,
        **changes,
    }
    return Recipe(system, Settings(rate=rate, **settings), options)


# ------------------------------------------------------------------ weights by name


def place(name: str) -> str:
    """A folder's whole path, so that a checkpoint finds it from anywhere, and for a run's folder
    that of its finished model; hub names as they are."""
    from cantilena.models.amt import PUBLISHED
    from cantilena.models.checkpoint import located

    return str(located(name).resolve()) if Path(name).is_dir() else PUBLISHED.get(name, name)


def named(recipe: Recipe, kind: str) -> str:
    """The place of the "text" or "music" model of a recipe. Raises InputError where none is."""
    name = getattr(recipe.options, f"{kind}_model")
    if not name:
        raise InputError(
            f"the system {recipe.system!r} needs --{kind}-model: a hub name or a folder, such as "
            f"one of 'cantilena init {kind}'"
        )
    return place(name)


def load_causal(recipe: Recipe, kind: str, name: str) -> Any:
    """A causal LM by name, in float32 (4 bits where asked for)."""
    from cantilena.models.hub import dtype_of, loading, need
    from cantilena.models.packaged import packaged

    if recipe.options.four_bits:
        from cantilena.models.adapters import load_in_4_bits

        return load_in_4_bits(packaged(name))
    transformers = need("transformers", f"the system {recipe.system!r}")
    with loading(f"{kind} model", name):
        return transformers.AutoModelForCausalLM.from_pretrained(
            packaged(name), dtype=dtype_of(None)
        )


def tokenizer_of(name: str) -> Any:
    """The tokenizer of a text model. Raises CheckpointError where it cannot be had."""
    from cantilena.models.hub import loading, need
    from cantilena.models.packaged import packaged

    transformers = need("transformers", "a tokenizer")
    with loading("tokenizer", name):
        return transformers.AutoTokenizer.from_pretrained(packaged(name))


def _attention(recipe: Recipe) -> str:
    from importlib.util import find_spec

    from cantilena.models.hub import need

    wanted = recipe.options.attention
    if wanted == "auto":
        torch = need("torch", "training")
        quick = torch.cuda.is_available() and recipe.settings.precision != "float32"
        return "flash_attention_2" if quick and find_spec("flash_attn") else "sdpa"
    if wanted == "flash_attention_2" and find_spec("flash_attn") is None:
        raise MissingExtraError("flash-attn", "gpu", "the attention 'flash_attention_2'")
    return wanted
