"""Training MuseCoco's first stage: a text model that reads classes of attributes out of texts.

Knows options, the loss and what a checkpoint holds; does not know how texts are made (``texts``),
how they become batches (``text_batches``) or how a run goes (``train.audio``). Light to import:
torch comes when it trains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cantilena.errors import CheckpointError, InputError
from cantilena.systems.trainable import READER, Checked, Collate, Recipe, Settings, option

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cantilena.models.text_attributes import TextToAttributes
    from cantilena.models.text_queries import FrozenTextToAttributes
    from cantilena.systems.attributes.text_batches import Read

HEAD = 32
"""Numbers of a head of attention in a BERT with random weights, as MiniLM's have."""
BERT_SHARE = 0.5
"""Share of the rate at which a pretrained BERT learns; at a tenth, as is usual in longer tunings,
300 steps taught it nothing."""


@dataclass(frozen=True)
class ReaderOptions(Checked):
    """Options of the training. ``text_model``: the BERT that it begins with, of which the lowest
    ``layers`` are taken (0: all); where a ``width`` is named, a smaller one with random weights
    takes its place, which has its words alone. ``frozen``: any text model, whole and as it is,
    whose states learnt queries read."""

    text_model: str = option("", "name or folder of a BERT", metavar="M")
    frozen: bool = option(False, "keep the text model as it is, and train what reads its states")
    layers: int = option(0, "its lowest layers that are taken (0: all)", least=0)
    width: int = option(0, "vectors of one with random weights (0: it is pretrained)", least=0)
    dropout: float = option(0.1, "share of values left out", least=0)


def reader_recipe() -> Recipe:
    """A recipe for a CPU."""
    settings = Settings(
        steps=1_000,
        batch=16,
        rate=1e-3,
        warmup=50,
        decay=0.5,
        weight_decay=0.01,
        beta2=0.98,
        valid_every=250,
        save_minutes=5.0,
        log_every=25,
    )
    return Recipe(READER, settings, ReaderOptions())


class ReaderTraining:
    """The ``Trainable`` of a reader."""

    system: ClassVar[str] = READER
    driver: ClassVar[str] = "audio"
    Options: ClassVar[Any] = ReaderOptions
    drawn: ClassVar[tuple[str, ...]] = ("attribute",)

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """As ``Trainable.recipes``."""
        return {READER: reader_recipe}

    def check(self, recipe: Recipe) -> None:
        """Raises InputError for settings and options that do not go together."""
        if recipe.settings.steps is None or recipe.settings.accumulate != 1:
            raise InputError("a run of a reader needs a number of steps; batches come whole")
        if recipe.options.width % HEAD:
            raise InputError(f"a width of {recipe.options.width} is no multiple of {HEAD}")
        if recipe.options.frozen and (recipe.options.layers or recipe.options.width):
            raise InputError(
                "a frozen text model is taken whole: leave out the options layers and width"
            )

    def check_models(self, recipe: Recipe) -> None:
        """Raises InputError where the text model is not named, or cannot be trained."""
        name, frozen = recipe.options.text_model, recipe.options.frozen
        if not name:
            raise InputError(
                "say which BERT it begins with: --text-model minilm, a folder or a hub name"
            )
        if name == "hashed" and not frozen:
            raise InputError(
                "the text model 'hashed' has no layers to train: add --option frozen=true"
            )

    def build(self, recipe: Recipe) -> tuple[Any, Any]:
        """The model (``models.text_attributes``, or ``.text_queries`` on a frozen text model) and
        what reads texts for it. Raises CheckpointError, InputError, MissingExtraError."""
        self.check_models(recipe)
        return _on_frozen(recipe) if recipe.options.frozen else _with_bert(recipe)

    def collators(self, recipe: Recipe, model: Any, tokenizer: Any) -> tuple[Collate, Collate]:
        """Batches come whole from ``TextBatches``."""
        raise NotImplementedError("texts are drawn, not collated")

    def loss(self, model: Any, batch: Mapping[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum of the attributes' mean nats, and what it is of one."""
        from cantilena.models.text_attributes import loss

        nats = loss(model(batch["ids"], batch["mask"]), batch["targets"])
        return nats, {"attribute": nats.detach() / batch["targets"].shape[1]}

    def held_out(self, model: Any, batch: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """(2,) for "known phrasings", those of the training, or "new phrasings": how many of the
        attributes that texts say are read right, and how many they say."""
        import torch

        logits = model(batch["ids"], batch["mask"])
        read = torch.stack([row.argmax(-1) for row in logits], 1)
        last = torch.tensor([row.shape[-1] - 1 for row in logits], device=read.device)
        in_text = batch["targets"] != last
        right = ((read == batch["targets"]) & in_text).sum()
        name = "new phrasings" if bool(batch["new"]) else "known phrasings"
        return {name: torch.stack([right, in_text.sum()])}

    def optimisers(self, model: Any, recipe: Recipe) -> list[torch.optim.Optimizer]:
        """AdamW, with decay for all but biases and norms."""
        import torch

        settings = recipe.settings
        groups = []
        for new in (False, True):
            for matrices in (False, True):
                rows = [
                    p
                    for name, p in model.named_parameters()
                    if name.startswith("bert.") != new and (p.ndim > 1) == matrices
                ]
                decay = settings.weight_decay if matrices else 0.0
                share = BERT_SHARE if not (new or recipe.options.width) else 1.0
                if rows:  # a frozen text model has none that is trained
                    groups.append({"params": rows, "weight_decay": decay, "share": share})
        return [torch.optim.AdamW(groups, lr=settings.rate, betas=(0.9, settings.beta2))]

    def sampler(self, model: Any, tokenizer: Any) -> None:
        """None: a reader writes no music."""

    def save(
        self,
        folder: Path,
        model: Any,
        state: Mapping[str, Any],
        companion: Any,
        card: Mapping[str, Any],
    ) -> Path:
        """Writes a checkpoint, the tokenizer of a trained BERT with it."""
        from cantilena.systems.attributes.text_batches import tokenizer_of

        options = Recipe.from_dict(card["training"]).options
        if options.frozen:
            return model.save(folder, card)
        return model.save(folder, card, tokenizer_of(options.text_model))


def _on_frozen(recipe: Recipe) -> tuple[FrozenTextToAttributes, Read]:
    """Queries over a frozen text model, and what reads texts for it."""
    from cantilena.models.encoders import text_encoder
    from cantilena.models.hub import chosen_device
    from cantilena.models.text_queries import FrozenTextToAttributes, QuerySizes
    from cantilena.systems.attributes.text_batches import LONGEST, reading_for
    from cantilena.systems.attributes.texts import VALUES

    name, device = recipe.options.text_model, chosen_device(None)
    longest = LONGEST if name == "hashed" else None  # others read as much as they have positions
    encoder = text_encoder(name, longest=longest, device=device)
    sizes = QuerySizes(dropout=recipe.options.dropout)
    return FrozenTextToAttributes(encoder, VALUES, sizes), reading_for(encoder)


def _with_bert(recipe: Recipe) -> tuple[TextToAttributes, Read]:
    """A BERT to be trained whole, and what reads texts for it."""
    from cantilena.models.encoders import source_of
    from cantilena.models.hub import loading, need, quietly
    from cantilena.models.packaged import packaged
    from cantilena.models.text_attributes import TextToAttributes
    from cantilena.systems.attributes.text_batches import reading_by, tokenizer_of
    from cantilena.systems.attributes.texts import NAMES, VALUES

    name, width = recipe.options.text_model, recipe.options.width
    transformers = need("transformers", "reading texts")
    with loading("text model", name), quietly():
        place = packaged(source_of(name))
        config = transformers.AutoConfig.from_pretrained(place)
        if config.model_type != "bert":
            raise CheckpointError(f"{name} is no BERT but of the kind {config.model_type!r}")
        count = recipe.options.layers or config.num_hidden_layers
        config.num_hidden_layers = min(count, config.num_hidden_layers)
        config.hidden_dropout_prob = recipe.options.dropout
        config.attention_probs_dropout_prob = recipe.options.dropout
        if width:
            config.hidden_size, config.intermediate_size = width, 4 * width
            config.num_attention_heads = width // HEAD
            # with BERT's .02 at such a width, queries read nothing of a text for hundreds of steps
            config.initializer_range = width**-0.5
            bert = transformers.BertModel(config, add_pooling_layer=False)
        else:
            kind = transformers.BertModel
            bert = kind.from_pretrained(place, config=config, add_pooling_layer=False)
    tokenizer = tokenizer_of(name)
    model = TextToAttributes(bert, VALUES, recipe.options.dropout)
    if not width:
        named = tokenizer(list(NAMES), add_special_tokens=False)["input_ids"]
        model.begin_queries(named)
    return model, reading_by(tokenizer)
