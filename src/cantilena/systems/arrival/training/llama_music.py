"""Training ``llama-music``: a text model with AMT's vocabulary beside its own.

Knows its options and recipes (of *LLM-based Finetuning for Text to Symbolic Music Generation*, Wu,
Lee, Dun, whose Table 2 trains these systems for 15K steps of 64 examples at 2e-4 after 500 steps of
warm-up along a cosine), how it is built, batched and saved; does not know the Trainer or where
examples come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.errors import CheckpointError, InputError
from cantilena.systems.arrival.training.common import (
    TextMusicOptions,
    TunedTraining,
    check_row,
    load_causal,
    named,
    place,
    small,
    tokenizer_of,
)
from cantilena.systems.trainable import Collate, Recipe, Settings, option

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class LlamaMusicOptions(TextMusicOptions):
    """Options of ``llama-music``. ``init``: what the music side starts from; ``pack``: several
    examples in a row; ``text_loss``: the text is learned too, as the paper has it. A row holds
    ``context`` music tokens and ``text_tokens`` besides, so that a text costs no music."""

    init: str = option("gaussian", "of llama-music's music side", choices=("gaussian", "amt"))
    pack: bool = option(False, "several examples in a row", group="adaptation")
    text_loss: bool = option(True)


class LlamaMusicTraining(TunedTraining):
    """The ``Trainable`` of ``llama-music``."""

    system = "llama-music"
    Options = LlamaMusicOptions

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """The paper's three; beyond it the 1B with AMT's rows, longer contexts, pretraining on
        music, LoRA, and a small one."""
        return {
            "llama-1b": llama_1b,
            "llama-3b": llama_3b,
            "llama-3b-amt": llama_3b_amt,
            "llama-1b-amt": llama_1b_amt,
            "llama-1b-4k": lambda: long(llama_1b_amt(), 4_096),
            "llama-1b-16k": lambda: long(llama_1b_amt(), 16_384),
            "music-pretraining": music_pretraining,
            "llama-3b-lora": lambda: llama_3b_amt().changed(lora=64),
            "llama-3b-qlora": lambda: llama_3b_amt().changed(lora=64, four_bits=True),
            "small-llama-music": _small,
        }

    def begins_with(self, recipe: Recipe) -> tuple[str, ...]:
        """As ``TunedTraining.begins_with``."""
        return ("text", "music") if recipe.options.init == "amt" else ("text",)

    def bare(self, recipe: Recipe) -> tuple[Any, Any]:
        """As ``TunedTraining.bare``."""
        from cantilena.models.hub import loading, need
        from cantilena.models.llama_music import LlamaMusic

        options = recipe.options
        if options.start:
            return self._started(recipe)
        name = named(recipe, "text")
        start = named(recipe, "music") if options.init == "amt" else "gaussian"
        text = load_causal(recipe, "text", name)
        model = LlamaMusic(text, source={"name": name, "start": start})
        if options.init == "amt":
            transformers = need("transformers", "the system 'llama-music'")
            with loading("music model", start, "--init gaussian works without"):
                music = transformers.AutoModelForCausalLM.from_pretrained(start)
            model.start_from_amt(
                music.get_input_embeddings().weight, music.get_output_embeddings().weight
            )
        return model, tokenizer_of(name)

    def _started(self, recipe: Recipe) -> tuple[Any, Any]:
        """A model of ours that is trained further, and its tokenizer."""
        from cantilena.models.llama_music import LlamaMusic

        folder = Path(place(recipe.options.start))
        model = LlamaMusic.load(folder).requires_grad_(True)
        if recipe.options.four_bits:
            raise InputError("a run that starts from llama-music's own weights has them in full")
        own = folder / "tokenizer"
        name = str(own) if own.is_dir() else model.source.get("name")
        if not name:
            raise CheckpointError(f"{folder} has no tokenizer")
        return model, tokenizer_of(str(name))

    def collators(self, recipe: Recipe, model: Any, tokenizer: Any) -> tuple[Collate, Collate]:
        """As ``Trainable.collators``. Validation has one example a row and the same tokens of music
        as amt-prefix's, so that the two can be compared."""
        from cantilena.systems.arrival.training.collate import JointCollator

        options = recipe.options
        row = options.context + options.text_tokens
        check_row(row, model)
        joint = JointCollator(
            tokenizer,
            model.offset,
            row,
            model.instruction,
            options.text_loss,
            longest=options.text_tokens,
            pack=options.pack,
            music=options.context,
        )
        return joint, replace(joint, text_loss=True, pack=False)

    def held_out(self, model: Any, batch: Mapping[str, Any]) -> dict[str, Any]:
        """As ``Trainable.held_out``: of the music, as amt-prefix's, and of text and music, as the
        paper's; the text is instruction and description."""
        import torch

        output = model(**batch, apart=True)
        music, text = (
            torch.stack([output[f"{part}_nats"].double(), output[f"{part}_tokens"].double()])
            for part in ("music", "text")
        )
        return {"music": music, "text and music": music + text}

    def sampler(self, model: Any, tokenizer: Any) -> Any:
        """As ``Trainable.sampler``."""
        from cantilena.systems.arrival.llama_music import of_model

        return of_model(model.eval(), tokenizer)

    def save(
        self,
        folder: Path,
        model: Any,
        state: Mapping[str, Any],
        companion: Any,
        card: Mapping[str, Any],
    ) -> Path:
        """As ``Trainable.save``."""
        return model.save(folder, companion, state, card)


def llama_1b() -> Recipe:
    """Llama 3.2 1B with AMT's vocabulary beside its own, music rows Gaussian."""
    options = LlamaMusicOptions(
        text_model="meta-llama/Llama-3.2-1B", music_model="stanford-crfm/music-large-800k"
    )
    settings = Settings(steps=15_000, batch=64, accumulate=8, rate=2e-4, warmup=500, save_every=500)
    return Recipe("llama-music", settings, options)


def llama_1b_amt() -> Recipe:
    """The same, music rows copied from AMT large: beyond the paper, which has no such row."""
    return llama_1b().changed(init="amt")


def llama_3b() -> Recipe:
    """Llama 3.2 3B, music rows Gaussian."""
    return llama_1b().changed(
        text_model="meta-llama/Llama-3.2-3B", accumulate=32, checkpointing=True
    )


def llama_3b_amt() -> Recipe:
    """The same, music rows copied from AMT large."""
    return llama_3b().changed(init="amt")


def music_pretraining() -> Recipe:
    """Llama 3.2 1B on music alone, before its text stage (which begins with ``start``)."""
    return llama_1b_amt().changed(captions=False, chunks="all", augment=True)


def long(base: Recipe, context: int) -> Recipe:
    """``base`` for examples of ``context`` tokens: the same tokens an update in fewer examples,
    packed, activations computed again."""
    batch = max(1, base.settings.batch * base.options.context // context)
    return base.changed(
        context=context, batch=batch, accumulate=batch, checkpointing=True, pack=True
    )


def _small() -> Recipe:
    options = LlamaMusicOptions(context=256, text_tokens=160, valid_songs=200)
    return small("llama-music", options, 1e-3)
