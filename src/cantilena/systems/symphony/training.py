"""Training ``symphony`` and ``bert-symphony``: options, recipes, losses, and what comes of it.

Knows what the models are trained by; does not know where rows are from (``systems.symphony
.examples``) or how a run goes (``train.audio``). Light to import: torch comes when it trains.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cantilena.errors import CheckpointError, InputError
from cantilena.systems.trainable import Checked, Collate, Recipe, Settings, option

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cantilena.models.bert_symphony import BertSymphony
    from cantilena.models.checkpoint import Checkpoint
    from cantilena.models.symphony import RowLogits, SymphonyConfig, SymphonyLM
    from cantilena.tokens.symphony import SymphonyScheme

FIELDS = ("event", "duration", "track", "instrument")
KINDS = ("cross", "prefix", "sum")
CONTEXTS = ("queries", "linear", "transformer", "none")
MIXES = ("last", "layers", "normed")
"""As ``models.symphony``, ``.bridges`` and ``.contexts`` have them, which need torch."""
EPSILON = 1e-6  # of Adam, as SymphonyNet is trained
LEAST_CONTEXT = 8  # rows of an example


@dataclass(frozen=True)
class RowOptions(Checked):
    """Options of both. ``songs``: as many, spread over the training set; ``context``: rows of an
    example; ``vocabulary``: as JSON, learnt or read when a run begins."""

    songs: int = option(0, "songs of the training set (0: all)", least=0)
    context: int = option(512, "rows of an example", least=LEAST_CONTEXT)
    held_out: int = option(64, "windows of the validation", least=2, free=True)
    vocabulary: str = ""

    @property
    def scheme(self) -> SymphonyScheme:
        """The scheme of the vocabulary."""
        from cantilena.tokens.symphony import SymphonyScheme

        if not self.vocabulary:
            return SymphonyScheme()
        return SymphonyScheme.from_dict(json.loads(self.vocabulary))

    def with_scheme(self, scheme: SymphonyScheme) -> RowOptions:
        """The same with the vocabulary of a scheme."""
        return replace(self, vocabulary=json.dumps(scheme.to_dict()))


@dataclass(frozen=True)
class SymphonyOptions(RowOptions):
    """Options of ``symphony``. ``merges``: rules of the music BPE that are learnt; ``measures``:
    places by bars, three to a bar: what is behind them has the last one."""

    merges: int = option(200, "rules of the music BPE", least=0)
    measures: int = option(360, "places by bars, three to a bar", least=3)
    width: int = option(128, "of vectors", least=2)
    layers: int = option(4, "of the trunk", least=1)
    heads: int = option(8, "of attention", least=1)
    inner: int = option(512, "within a layer", least=1)
    dropout: float = option(0.1, "share of values left out", least=0)


@dataclass(frozen=True)
class BertSymphonyOptions(RowOptions):
    """Options of ``bert-symphony``. ``music``: the frozen checkpoint of ``symphony``; ``text``: the
    frozen text model; ``mix``: which layers of it are read; ``enter``: how memory enters the music
    model; ``context_layers`` of the ``kind``, ``context_width`` wide; ``memory``: vectors that
    queries make; ``drop``: how often an example has no text; ``states``: a folder in which a
    pretrained text model's states are kept."""

    music: str = option("", "the checkpoint of symphony, frozen")
    text: str = option("hashed", "the text model, frozen: a name or a folder")
    mix: str = option("last", "which of its layers are read", choices=MIXES)
    kind: str = option("queries", "context layers", choices=CONTEXTS)
    enter: str = option("cross", "how memory enters the music model", choices=KINDS)
    memory: int = option(16, "vectors that queries make", least=1)
    context_layers: int = option(2, "of context", least=0)
    context_width: int = option(128, "of context layers", least=2)
    heads: int = option(8, "of attention, of context and entry", least=1)
    dropout: float = option(0.1, "share of values left out", least=0)
    drop: float = option(0.1, "how often an example has no text", least=0, free=True)
    states: str = option("", "keep the text's states here", free=True)


def symphony_recipe(**changes: Any) -> Recipe:
    """A small SymphonyNet, for a CPU."""
    settings = Settings(
        steps=2_000,
        batch=8,
        rate=1e-3,
        warmup=100,
        decay=0.3,
        weight_decay=0.01,
        beta2=0.98,
        valid_every=250,
        save_minutes=5.0,
        log_every=50,
    )
    return Recipe("symphony", settings, SymphonyOptions()).changed(**changes)


def published_recipe() -> Recipe:
    """SymphonyNet in its published size, as it was trained but for the learning rate's decay."""
    return symphony_recipe(
        steps=210_000,
        batch=128,
        rate=3e-4,
        warmup=5_000,
        decay=None,
        context=4_096,
        merges=700,
        measures=5_360,
        width=512,
        layers=12,
        heads=16,
        inner=2_048,
    )


def bert_recipe(**changes: Any) -> Recipe:
    """A bridge of learnt queries, for a CPU."""
    settings = replace(symphony_recipe().settings, steps=500, warmup=20)
    return Recipe("bert-symphony", settings, BertSymphonyOptions()).changed(**changes)


class _RowTraining:
    """What the trainings of both have in common."""

    system: ClassVar[str]
    driver: ClassVar[str] = "audio"
    Options: ClassVar[Any]
    drawn: ClassVar[tuple[str, ...]] = ("row",)

    def check(self, recipe: Recipe) -> None:
        """Raises InputError for settings and options that do not go together."""
        if recipe.settings.steps is None or recipe.settings.accumulate != 1:
            raise InputError("a run over rows needs a number of steps, and takes batches whole")

    def check_models(self, recipe: Recipe) -> None:
        """What is begun with is loaded by ``build``."""

    def collators(self, recipe: Recipe, model: Any, tokenizer: Any) -> tuple[Collate, Collate]:
        """Batches come whole from ``systems.symphony.examples``."""
        raise NotImplementedError("batches of rows are drawn, not collated")

    def logits(self, model: Any, batch: Mapping[str, Any], roll: int = 0) -> RowLogits:
        """Of a batch's rows; ``roll``: with the text of the example so many places before."""
        raise NotImplementedError

    def loss(self, model: Any, batch: Mapping[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean nats a row, of all its fields together, and each field's."""
        nats = self._nats(model, batch)
        count = _rows(batch)
        fields = {name: (n / count).detach() for name, n in zip(FIELDS, nats, strict=True)}
        loss = nats.sum() / count
        return loss, {"row": loss.detach(), **fields}

    def held_out(self, model: Any, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        """(2,) nats and number of rows, for whole rows ("row") and for each of ``FIELDS``."""
        return self._measured(model, batch, 0, "")

    def _measured(
        self, model: Any, batch: Mapping[str, Any], roll: int, suffix: str
    ) -> dict[str, Tensor]:
        import torch

        nats, count = self._nats(model, batch, roll).double(), _rows(batch).double()
        each = dict(zip(FIELDS, nats, strict=True))
        sums = {"row": nats.sum(), **each}
        return {name + suffix: torch.stack([n, count]) for name, n in sums.items()}

    def _nats(self, model: Any, batch: Mapping[str, Any], roll: int = 0) -> Tensor:
        from cantilena.models.symphony import nats

        return nats(self.logits(model, batch, roll), batch["targets"])

    def optimisers(self, model: Any, recipe: Recipe) -> list[torch.optim.Optimizer]:
        """AdamW over all that is trained, with decay for matrices alone."""
        import torch

        trained = [p for p in model.parameters() if p.requires_grad]
        groups = [
            {
                "params": [p for p in trained if p.ndim > 1],
                "weight_decay": recipe.settings.weight_decay,
            },
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        betas = (0.9, recipe.settings.beta2)
        return [torch.optim.AdamW(groups, lr=recipe.settings.rate, betas=betas, eps=EPSILON)]

    def sampler(self, model: Any, tokenizer: Any) -> None:
        """None: pieces are written once it is trained."""

    def save(
        self,
        folder: Path,
        model: Any,
        state: Mapping[str, Any],
        companion: Any,
        card: Mapping[str, Any],
    ) -> Path:
        """Writes a checkpoint with its vocabulary."""
        options = Recipe.from_dict(card["training"]).options
        training = dict(card["training"])
        training["options"] = {**training["options"], "vocabulary": ""}  # it is the card's scheme
        entries = {**card, "training": training, "scheme": options.scheme.to_dict()}
        entries["name"] = Path(folder).resolve().parent.name
        return model.save(folder, entries)


class SymphonyTraining(_RowTraining):
    """The ``Trainable`` of ``symphony``."""

    system: ClassVar[str] = "symphony"
    Options: ClassVar[Any] = SymphonyOptions

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """As ``Trainable.recipes``."""
        return {"symphony-small": symphony_recipe, "symphony-published": published_recipe}

    def build(self, recipe: Recipe) -> tuple[SymphonyLM, None]:
        """The model with random weights. Raises InputError for sizes that cannot be."""
        from cantilena.models.symphony import SymphonyLM

        return SymphonyLM(self.config(recipe)), None

    def config(self, recipe: Recipe) -> SymphonyConfig:
        """The model's sizes. Raises InputError for some that cannot be."""
        from cantilena.models.symphony import SymphonyConfig

        options = recipe.options
        vocabulary = options.scheme.vocabulary
        sizes = dict(zip(FIELDS, vocabulary.sizes, strict=True))
        return SymphonyConfig(
            **sizes,
            relative=2 * len(vocabulary.positions) + 1,
            measures=options.measures,
            layers=options.layers,
            width=options.width,
            heads=options.heads,
            inner=options.inner,
            dropout=options.dropout,
        )

    def logits(self, model: SymphonyLM, batch: Mapping[str, Any], roll: int = 0) -> RowLogits:
        """As ``_RowTraining.logits``."""
        return model(batch["rows"])


class BertSymphonyTraining(_RowTraining):
    """The ``Trainable`` of ``bert-symphony``."""

    system: ClassVar[str] = "bert-symphony"
    Options: ClassVar[Any] = BertSymphonyOptions

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """One for each kind of context layers."""
        others = {
            f"bert-symphony-{kind}": partial(bert_recipe, kind=kind)
            for kind in ("linear", "transformer")
        }
        return {"bert-symphony-queries": bert_recipe, **others}

    def encoder(self, recipe: Recipe) -> Any:
        """The frozen text model. Raises CheckpointError, InputError, MissingExtraError."""
        from cantilena.models.encoders import PretrainedEncoder, text_encoder
        from cantilena.models.text_states import StoredEncoder

        options = recipe.options
        encoder = text_encoder(options.text)
        if options.states and isinstance(encoder, PretrainedEncoder):
            return StoredEncoder(encoder, options.states, options.mix == "last")
        return encoder

    def build(self, recipe: Recipe) -> tuple[BertSymphony, None]:
        """The frozen models with a new bridge between them. Raises as ``encoder``, CheckpointError
        for a music model that will not do, InputError where none is named."""
        from cantilena.models.bert_symphony import BertSymphony, BridgeSizes
        from cantilena.models.contexts import ContextConfig
        from cantilena.models.symphony import SymphonyLM

        options, encoder = recipe.options, self.encoder(recipe)
        music = SymphonyLM.load(music_of(recipe))
        context = None
        if options.kind != "none":
            context = ContextConfig(
                options.kind,
                options.context_layers,
                options.context_width,
                options.heads,
                options.memory,
                options.dropout,
            )
        sizes = BridgeSizes(
            encoder.layers, encoder.width, options.mix, options.enter, options.heads, context
        )
        return BertSymphony(music, sizes, encoder), None

    def logits(self, model: BertSymphony, batch: Mapping[str, Any], roll: int = 0) -> RowLogits:
        """As ``_RowTraining.logits``."""
        states, mask = batch["text_states"].float(), batch["text_mask"]
        return model(batch["rows"], states.roll(roll, 1), mask.roll(roll, 0))

    def held_out(self, model: BertSymphony, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        """As of ``symphony``; and the same with the text of the example before (", another's")."""
        out = super().held_out(model, batch)
        if len(batch["rows"]) > 1:
            out |= self._measured(model, batch, 1, ", another's")
        return out


def music_of(recipe: Recipe) -> Checkpoint:
    """The checkpoint of the frozen music model. Raises InputError where none is named,
    CheckpointError for one that is of another system or has no vocabulary."""
    from cantilena.models.checkpoint import open_checkpoint

    place = recipe.options.music
    if not place:
        raise InputError(
            "name the frozen music model, a checkpoint of symphony: --option music=DIR"
        )
    checkpoint = open_checkpoint(place, "symphony")
    if not checkpoint.card["scheme"]:
        raise CheckpointError(f"{checkpoint.folder} has no vocabulary in its card")
    return checkpoint


def _rows(batch: Mapping[str, Any]) -> Tensor:
    """How many rows there are to be predicted."""
    from cantilena.models.symphony import PAD

    return (batch["targets"][..., 0] != PAD).sum()
