"""Training models of codes: options, recipes, the loss, and the checkpoint that comes of it.

Knows what such a model is trained by; does not know how codes are made of sound, how batches are
drawn (``systems.codes.examples``) or how a run goes (``train.audio``). Light to import: torch comes
when it trains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cantilena.errors import InputError
from cantilena.systems.sound import SETTINGS, SoundTraining, adamw
from cantilena.systems.trainable import CODES, Checked, Recipe, option

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cantilena.models.audio.code_lm import CodeConfig, CodeLM
    from cantilena.tokens.codes.patterns import Pattern

CONDITIONS = ("text", "melody", "roll", "drums", "note", "chords", "beat")
"""What can be read: words, a tune, and the kinds of ``tokens.codes.symbols``."""
OF_NOTES = CONDITIONS[1:]
"""Those that are known of clips of MIDI alone."""
FUSES = ("cross", "prepend")


@dataclass(frozen=True)
class CodeOptions(Checked):
    """Options of a code model's training.

    ``books``, ``card``, ``frame_rate`` (in Hz) and ``codec`` (its fingerprint) are those of the
    codes, of the clips' mixes or of one ``stem`` alone; ``seconds`` of a crop, which is the window
    that is written at a time later; ``pattern``, its columns; ``conditions``, what it reads, names
    of ``CONDITIONS`` with commas between;
    ``text_encoder``, frozen, and how its states are read (``text_fuse``); ``melody_length``, states
    of a melody; ``drop``, how often all conditions of an example are left out; ``forget``, how much
    of what stands before a code is hidden in training; ``merge`` and ``word_dropout`` as
    ``systems.codes.rewording`` has them."""

    books: int = option(4, "books of the codes", least=1)
    card: int = option(1024, "values of a book", least=2)
    frame_rate: float = option(50.0, "frames of codes a second", least=0.1)
    codec: str = ""
    stem: str = option("", "stem whose codes are written, else the mix's")
    seconds: float = option(5.0, "length of a crop", least=0.05)
    pattern: str = option("delay", "what stands in a column")
    conditions: str = option("roll,drums,chords,beat", "what the model reads, of a list")
    text_encoder: str = option("hashed", "what reads texts")
    text_fuse: str = option("cross", "how texts are read", choices=FUSES)
    melody_length: int = option(235, "states of a melody", least=1)
    width: int = option(192, "vectors", least=2)
    layers: int = option(4, "blocks", least=1)
    heads: int = option(4, "of attention", least=1)
    hidden: int = option(768, "within a block", least=1)
    dropout: float = option(0.0, "share of values left out", least=0, most=1)
    drop: float = option(0.2, "how often conditions are left out", least=0, most=1, free=True)
    forget: float = option(0.0, "share of the codes that the model may not read", least=0, most=1)
    merge: float = option(0.0, "how often facts stand behind a text", least=0, most=1, free=True)
    word_dropout: float = option(
        0.0, "share of a text's words left out", least=0, most=1, free=True
    )
    half: bool = option(False, "weights of the checkpoint in 16 bits", free=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.reads:
            if name not in CONDITIONS:
                names = ", ".join(CONDITIONS)
                raise InputError(f"a model of codes reads no {name!r}; known: {names}")
        if not self.text_encoder.strip():
            raise InputError("the text encoder has no name; 'hashed' needs no weights")

    @property
    def reads(self) -> tuple[str, ...]:
        """The names of its conditions."""
        return tuple(name.strip() for name in self.conditions.split(",") if name.strip())

    @property
    def layout(self) -> Pattern:
        """The pattern of a crop. Raises UnknownNameError, InputError."""
        from cantilena.tokens.codes.patterns import pattern

        frames = max(1, round(self.seconds * self.frame_rate))
        return pattern(self.pattern, self.books, frames, self.card)


RECIPES: dict[str, dict[str, Any]] = {
    "codes-score": {},
    "codes-text": {"conditions": "text"},
    "codes-text-beat": {"conditions": "text,beat"},
    "codes-note": {"conditions": "note", "seconds": 2.0, "drop": 0.0, "forget": 0.5},
    "codes-drums": {"stem": "drums", "conditions": "roll,chords,beat"},
    "musicgen-small": {
        "conditions": "text",
        "text_encoder": "t5",
        "card": 2048,
        "seconds": 30.0,
        "width": 1024,
        "layers": 24,
        "heads": 16,
        "hidden": 4096,
        "dropout": 0.1,
        "merge": 0.25,
        "word_dropout": 0.3,
    },
}
"""The options of each recipe: led by a score, by text alone (MusicGen's own), by text with bar and
beat known; one note of an instrument; drums to what the others play; the published small size."""


def code_recipe(name: str) -> Recipe:
    """A recipe for a CPU."""
    settings = replace(SETTINGS, weight_decay=0.1, beta2=0.95)
    return Recipe(CODES, settings, CodeOptions(**RECIPES[name]))


class CodeTraining(SoundTraining):
    """The ``Trainable`` of models of codes."""

    system: ClassVar[str] = CODES
    Options: ClassVar[Any] = CodeOptions

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """As ``Trainable.recipes``."""
        return {name: partial(code_recipe, name) for name in RECIPES}

    def check(self, recipe: Recipe) -> None:
        """Raises InputError for settings and options that do not go together."""
        super().check(recipe)
        if recipe.options.width % recipe.options.heads or recipe.options.width % 2:
            raise InputError(
                f"a width of {recipe.options.width} does not divide into "
                f"{recipe.options.heads} heads"
            )

    def encoder(self, recipe: Recipe) -> Any:
        """The frozen text encoder; None where no text is read. Raises CheckpointError, InputError,
        MissingExtraError."""
        from cantilena.models.encoders import text_encoder

        reads_text = "text" in recipe.options.reads
        return text_encoder(recipe.options.text_encoder) if reads_text else None

    def config(self, recipe: Recipe, encoder: Any) -> CodeConfig:
        """The model's sizes and conditions."""
        from cantilena.models.audio.code_lm import CodeConfig, ConditionConfig
        from cantilena.tokens.codes.symbols import SYMBOLS

        options = recipe.options
        conditions: dict[str, ConditionConfig] = {}
        for name in sorted(options.reads, key=CONDITIONS.index, reverse=True):
            if name == "text":
                conditions[name] = ConditionConfig(encoder.width, options.text_fuse)
            elif name == "melody":
                length = options.melody_length
                conditions[name] = ConditionConfig(12, "prepend", length=length)
            else:
                conditions[name] = ConditionConfig(SYMBOLS[name].width, "sum")
        sizes = (options.width, options.heads, options.layers, options.hidden, options.dropout)
        return CodeConfig(options.books, options.card, *sizes, conditions=conditions)

    def build(self, recipe: Recipe) -> tuple[CodeLM, None]:
        """The model with random weights. Raises as ``encoder``, and as ``CodeOptions.layout``."""
        from cantilena.models.audio.code_lm import CodeLM

        _ = recipe.options.layout
        encoder = self.encoder(recipe)
        return CodeLM(self.config(recipe, encoder)), None

    def loss(self, model: CodeLM, batch: Mapping[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean nats a code: a scalar, the mean over books, and each book's by name."""
        books = self._nats(model, batch)
        return books.mean(), {f"book {k + 1}": nats.detach() for k, nats in enumerate(books)}

    def held_out(self, model: CodeLM, batch: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """(2,) nats of all codes and their number, by book, of all ("codes"), and of all under the
        conditions of the batch's next example ("shuffled"), where there is one."""
        import torch

        count = batch["mask"][:, 1:].sum(1) * len(batch["columns"])
        nats = self._nats(model, batch) * count
        out = {f"book {k + 1}": torch.stack([nats[k], count[k]]) for k in range(len(nats))}
        out["codes"] = torch.stack([nats.sum(), count.sum()])
        if len(batch["columns"]) > 1 and model.config.conditions:
            others = self._nats(model, batch, roll=1) * count
            out["shuffled"] = torch.stack([others.sum(), count.sum()])
        return out

    def _nats(self, model: CodeLM, batch: Mapping[str, Any], roll: int = 0) -> Tensor:
        from cantilena.models.audio.code_lm import Signal, nats_by_book
        from cantilena.systems.codes.examples import signals_of

        signals = {
            name: Signal(states.roll(roll, 0), mask.roll(roll, 0))
            for name, (states, mask) in signals_of(batch, model.config.conditions).items()
        }
        read = batch.get("read", batch["columns"])
        return nats_by_book(model(read, signals), batch["columns"], batch["mask"])

    def optimisers(self, model: CodeLM, recipe: Recipe) -> list[torch.optim.Optimizer]:
        """AdamW, with decay for matrices of the blocks alone."""
        matrices = [p for p in model.blocks.parameters() if p.ndim == 2]
        others = [p for p in model.parameters() if all(p is not m for m in matrices)]
        return [adamw(recipe.settings, matrices, others)]

    def save(
        self,
        folder: Path,
        model: CodeLM,
        state: Mapping[str, Any],
        companion: Any,
        card: Mapping[str, Any],
    ) -> Path:
        """Writes a checkpoint of the model's weights."""
        from cantilena.systems.codes.checkpoint import save_codes

        recipe = Recipe.from_dict(card["training"])
        options, encoder = recipe.options, self.encoder(recipe)
        about = {
            "pattern": options.pattern,
            "rate": options.frame_rate,
            "seconds": options.seconds,
            "encoder": None if encoder is None else encoder.card,
            "codec": options.codec,
        }
        return save_codes(folder, model, about, card, options.half)
