"""MuseCoco's first stage: a BERT with query tokens, one for each attribute, and a head for each.

Knows a BERT of ``transformers``, ids and its published layout; does not know what attributes or
their values mean, nor texts. Lu et al. (2023): 60 unused words of BERT's vocabulary stand before
the text; they have no position, and the text keeps its own. One pooler reads the state of each, and
a head of its own tells the attribute's value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.errors import InputError
from cantilena.files import read_json
from cantilena.models.checkpoint import Checkpoint, is_checkpoint
from cantilena.models.foreign import Foreign, count, read_foreign, size
from cantilena.models.hub import dtype_of, need
from cantilena.models.loading import load_network, of_sizes, save_network
from cantilena.models.saving import load_weights, placed

SYSTEM = "text-to-attributes"
FIRST_QUERY = 1
"""Id of "[unused0]" in BERT's English vocabularies, the word of the first query."""
_FILES = ("model.safetensors", "pytorch_model.bin")
_TOLD = ("num_attention_heads", "hidden_act", "layer_norm_eps")  # by config.json alone
_HEAD = 64  # numbers of a head in every published BERT, where a config does not say otherwise


class TextToAttributes(nn.Module):
    """The model. ``bert``: transformers' ``BertModel``; ``values``: how many each attribute has.

    Raises InputError without attributes, or for more than the vocabulary has words."""

    def __init__(self, bert: Any, values: Sequence[int], dropout: float = 0.1):
        super().__init__()
        width, words = bert.config.hidden_size, bert.config.vocab_size
        if not values or min(values) < 2 or FIRST_QUERY + len(values) > words:
            raise InputError(
                f"{len(values)} attributes cannot be told with a vocabulary of {words} words: give "
                "at least 1, and for each the number of its values, at least 2"
            )
        self.bert, self.dropout = bert, dropout
        self.pooler = nn.ModuleDict({"dense": nn.Linear(width, width)})
        self.classifieratt = nn.ModuleList(nn.Linear(width, n) for n in values)
        for linear in (self.pooler["dense"], *self.classifieratt):
            std = bert.config.initializer_range
            nn.init.normal_(linear.get_parameter("weight"), std=std)
            nn.init.zeros_(linear.get_parameter("bias"))

    @property
    def values(self) -> list[int]:
        """How many values each attribute has."""
        return [head.out_features for head in self.classifieratt]  # type: ignore[misc]

    def begin_queries(self, words: Sequence[Sequence[int]]) -> None:
        """Lets each query begin as the mean of the vocabulary's ``words`` that name its attribute,
        by id. In a pretrained BERT the words that nobody used are nearly equal (cosines of .8 in
        MiniLM), and 60 queries that are alike have to come apart before they can learn."""
        table = self.bert.embeddings.word_embeddings.weight
        with torch.no_grad():
            rows = torch.stack([table[list(ids)].mean(0) for ids in words])
            table[FIRST_QUERY : FIRST_QUERY + len(rows)] = rows

    def forward(self, ids: Tensor, mask: Tensor) -> list[Tensor]:
        """Logits (B, values), one an attribute, of texts' ids (B, T) with their mask (B, T), [CLS]
        and [SEP] among them. Raises InputError for more than BERT has positions."""
        most = self.bert.config.max_position_embeddings
        if ids.shape[1] > most:
            raise InputError(
                f"a text of {ids.shape[1]} tokens does not fit BERT's {most} positions"
            )
        queries = len(self.classifieratt)
        table = self.bert.embeddings
        words = torch.arange(FIRST_QUERY, FIRST_QUERY + queries, device=ids.device)
        # BERT adds the position 0 to each query; taken off beforehand they have none
        asked = table.word_embeddings(words) - table.position_embeddings.weight[0]
        place = torch.arange(ids.shape[1], device=ids.device)
        states = self.bert(
            inputs_embeds=torch.cat(
                [asked.expand(len(ids), -1, -1), table.word_embeddings(ids)], 1
            ),
            attention_mask=F.pad(mask.long(), (queries, 0), value=1),
            position_ids=torch.cat([place.new_zeros(queries), place])[None].expand(len(ids), -1),
        ).last_hidden_state[:, :queries]
        pooled = F.dropout(self.pooler["dense"](states).tanh(), self.dropout, self.training)
        return [head(pooled[:, k]) for k, head in enumerate(self.classifieratt)]

    # -------------------------------------------------------------- files

    def save(
        self, folder: str | Path, card: Mapping[str, Any] | None = None, tokenizer: Any = None
    ):
        """Writes a checkpoint, whole, the tokenizer with it. ``card``: further entries. Raises
        InputError."""
        part = {"bert": self.bert.config.to_dict(), "values": self.values, "dropout": self.dropout}
        beside = None if tokenizer is None else tokenizer.save_pretrained
        return save_network(folder, SYSTEM, part, self.state_dict(), card, beside)

    @classmethod
    def load(
        cls, place: str | Path | Checkpoint, device: Any = None, dtype: Any = None
    ) -> TextToAttributes:
        """The model of a checkpoint's folder, or of a folder in the published layout
        (``config.json`` and weights). Raises CheckpointError, and MissingExtraError without
        transformers."""

        def of_card(part: Mapping[str, Any]) -> TextToAttributes:
            return cls(_bert(part["bert"]), part["values"], float(part["dropout"]))

        if not isinstance(place, Checkpoint) and not is_checkpoint(place):
            model = from_published(read_foreign(_weights_in(place), SYSTEM))
        else:
            model = load_network(place, SYSTEM, of_card, from_published)
        return placed(model, device, dtype_of(dtype)).eval()


def loss(logits: Sequence[Tensor], targets: Tensor) -> Tensor:
    """The sum of the attributes' mean nats; ``targets`` (B, attributes), -100 where not counted."""
    return torch.stack(
        [F.cross_entropy(row.float(), targets[:, k]) for k, row in enumerate(logits)]
    ).sum()


def _bert(config: Mapping[str, Any]) -> Any:
    """A BERT with first weights; it has no pooler of its own, which nothing would read."""
    transformers = need("transformers", f"the system {SYSTEM!r}")
    sizes = {k: v for k, v in config.items() if k not in ("model_type", "transformers_version")}
    return transformers.BertModel(transformers.BertConfig(**sizes), add_pooling_layer=False)


def _weights_in(place: str | Path) -> Path:
    """The file of weights that is meant by a folder or the file itself."""
    path = Path(place)
    if not path.is_dir():
        return path
    return next((path / name for name in _FILES if (path / name).is_file()), path / _FILES[0])


def from_published(foreign: Foreign) -> TextToAttributes:
    """The model with published weights, and of ``config.json`` beside them what no weight tells.
    Raises CheckpointError where they are not whole."""
    weights, beside = foreign.weights, foreign.path.parent / "config.json"
    settings: Any = read_json(beside) if beside.is_file() else {}
    heads = count(weights, r"classifieratt\.(\d+)\.")
    values = [size(weights, f"classifieratt.{k}.weight") for k in range(heads)]
    with of_sizes(f"the sizes in {foreign.path} cannot be"):
        config = _config(weights)
        config |= {k: settings[k] for k in _TOLD if k in settings}
        model = TextToAttributes(_bert(config), values)
    # a pooler of BERT's own is published too, and older versions kept the positions' numbers
    unread = re.compile(r"bert\.pooler\.|.*\.position_ids$")
    kept = {name: value for name, value in weights.items() if not unread.match(name)}
    load_weights(model, kept, foreign.path)
    return model.eval()


def _config(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    """The sizes that weights tell, and heads as in every published BERT."""
    width = size(weights, "bert.embeddings.word_embeddings.weight", 1)
    return {
        "vocab_size": size(weights, "bert.embeddings.word_embeddings.weight"),
        "hidden_size": width,
        "num_hidden_layers": count(weights, r"bert\.encoder\.layer\.(\d+)\."),
        "num_attention_heads": max(1, width // _HEAD),
        "intermediate_size": size(weights, "bert.encoder.layer.0.intermediate.dense.weight"),
        "max_position_embeddings": size(weights, "bert.embeddings.position_embeddings.weight"),
        "type_vocab_size": size(weights, "bert.embeddings.token_type_embeddings.weight"),
    }
