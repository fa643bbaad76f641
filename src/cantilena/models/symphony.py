"""SymphonyNet: rows of four fields, a linear-attention trunk and four heads.

Knows rows of integers, the network and its published layout; does not know what the integers mean,
how rows are chosen, or MIDI. Liu et al., *Symphony Generation with Permutation Invariant Language
Model* (ISMIR 2022). A row is (event, duration, track, instrument, relative position, measure
position). The instrument is never read, only predicted: that is the task of orchestration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.errors import InputError
from cantilena.models.checkpoint import Checkpoint
from cantilena.models.foreign import Foreign, count, size
from cantilena.models.hub import dtype_of
from cantilena.models.linear_attention import Branch, LinearTrunk, State, TrunkConfig
from cantilena.models.loading import fill, load_network, of_sizes, save_network
from cantilena.models.saving import placed

SYSTEM = "symphony"
PAD = 1
"""In every field: the row, or the field of this row, is not there."""
FIELDS = ("event", "duration", "track", "instrument")
COLUMNS = 6
"""Of a row: the fields, the relative and the measure position."""
_FINAL_EPSILON = 1e-6  # of the norm before the heads; all others have torch's 1e-5
_HEADS = 16  # of the published model, where a file does not say its own

_LAYER = {
    "attention.query": "attention.query_projection",
    "attention.key": "attention.key_projection",
    "attention.value": "attention.value_projection",
    "attention.out": "attention.out_projection",
    "norm1": "norm1",
    "norm2": "norm2",
    "up": "linear1",
    "down": "linear2",
}
_TABLES = {
    "event": "decoder.wEvte",
    "duration": "decoder.wDure",
    "track": "decoder.wTrke",
    "relative": "decoder.wRpe",
    "measure": "decoder.wMpe",
}
_OUTPUTS = {"event": "evt", "duration": "dur", "track": "trk", "instrument": "ins"}


@dataclass(frozen=True)
class SymphonyConfig:
    """Sizes; by default those of the published model. ``relative`` and ``measures`` are the
    greatest positions. Raises InputError for sizes that cannot be."""

    event: int = 1125
    duration: int = 36
    track: int = 44
    instrument: int = 133
    relative: int = 198
    measures: int = 5360
    layers: int = 12
    width: int = 512
    heads: int = 16
    inner: int = 2048
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if min(self.event, self.duration, self.track, self.instrument) <= PAD:
            raise InputError("a field of SymphonyNet needs a value beside the padding")

    @property
    def trunk(self) -> TrunkConfig:
        """Of the layers."""
        return TrunkConfig(self.layers, self.width, self.heads, self.inner, "post", self.dropout)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a checkpoint's card."""
        return asdict(self)


class RowLogits(NamedTuple):
    """Logits (B, T, values) of the next row's four fields."""

    event: Tensor
    duration: Tensor
    track: Tensor
    instrument: Tensor


class SymphonyLM(nn.Module):
    """The model."""

    def __init__(self, config: SymphonyConfig):
        super().__init__()
        self.config = config
        d = config.width
        sizes = {
            "event": config.event,
            "duration": config.duration,
            "track": config.track,
            "relative": config.relative + 1,
            "measure": config.measures + 1,
        }
        self.tables = nn.ModuleDict({name: nn.Embedding(n, d) for name, n in sizes.items()})
        self.trunk = LinearTrunk(config.trunk)
        self.norm = nn.LayerNorm(d, eps=_FINAL_EPSILON)
        self.heads = nn.ModuleDict(
            {field: nn.Linear(d, getattr(config, field), bias=False) for field in FIELDS}
        )
        for table in (*self.tables.values(), *self.heads.values()):
            nn.init.normal_(table.get_parameter("weight"), std=0.02)

    def embed(self, rows: Tensor) -> Tensor:
        """Rows (B, T, 6) to vectors (B, T, D). What is padding, or position 0, adds nothing.
        Raises InputError for rows of another size."""
        if rows.dim() != 3 or rows.shape[-1] != COLUMNS:
            raise InputError(f"SymphonyNet reads rows (B, T, {COLUMNS}), not {tuple(rows.shape)}")
        event, duration, track, _, relative, measure = rows.long().unbind(-1)
        note = (duration != PAD)[..., None]
        x = self.tables["event"](event) * (event != PAD)[..., None]
        x = x + self.tables["duration"](duration) * note
        x = x + self.tables["track"](track) * (note & (track != PAD)[..., None])
        x = x + self.tables["relative"](relative) * (relative != 0)[..., None]
        return x + self.tables["measure"](measure) * (measure != 0)[..., None]

    def hidden(
        self,
        rows: Tensor,
        states: Sequence[State] | None = None,
        branches: Sequence[Branch] | None = None,
        added: Tensor | None = None,
        form: str | None = None,
    ) -> tuple[Tensor, list[State]]:
        """Rows (B, T, 6) to what the heads read (B, T, D), and the trunk's states behind them.
        ``added`` (B, 1 or T, D) is a bridge's, added to the rows' vectors; the rest as in
        ``LinearTrunk.forward``."""
        x = self.embed(rows)
        if added is not None:
            x = x + added
        x, after = self.trunk(x, rows[..., 0] != PAD, states, branches, form)
        return self.norm(x), after

    def logits(self, hidden: Tensor) -> RowLogits:
        """(B, T, D) to the four fields' logits."""
        return RowLogits(*(self.heads[field](hidden) for field in FIELDS))

    def forward(self, rows: Tensor) -> RowLogits:
        """Logits of the row that follows each of ``rows`` (B, T, 6)."""
        return self.logits(self.hidden(rows)[0])

    # -------------------------------------------------------------- files

    def save(self, folder: str | Path, card: Mapping[str, Any] | None = None) -> Path:
        """Writes a checkpoint. ``card``: further entries. Raises InputError."""
        return save_network(folder, SYSTEM, self.config.to_dict(), self.state_dict(), card)

    @classmethod
    def load(
        cls, place: str | Path | Checkpoint, device: Any = None, dtype: Any = None
    ) -> SymphonyLM:
        """The model of a checkpoint's folder, or of the published file. Raises CheckpointError."""
        model = load_network(
            place, SYSTEM, lambda part: cls(SymphonyConfig(**part)), from_published
        )
        return placed(model, device, dtype_of(dtype)).eval()


def nats(logits: RowLogits, targets: Tensor) -> Tensor:
    """(4,) nats in all that the fields of ``targets`` (B, T, 6) cost; padding costs nothing, so
    that rows which are no notes count for their event alone. The published loss is their mean
    over the rows."""
    sums = [
        F.cross_entropy(
            field.flatten(0, 1).float(),
            targets[..., i].flatten().long(),
            ignore_index=PAD,
            reduction="sum",
        )
        for i, field in enumerate(logits)
    ]
    return torch.stack(sums)


def from_published(foreign: Foreign) -> SymphonyLM:
    """The model with SymphonyNet's published weights. Raises CheckpointError where they are not
    whole."""
    weights, settings = foreign.weights, foreign.settings
    layer = "decoder.model.layers.0"
    with of_sizes(f"the sizes in {foreign.path} cannot be"):
        config = SymphonyConfig(
            event=size(weights, "decoder.wEvte.weight"),
            duration=size(weights, "decoder.wDure.weight"),
            track=size(weights, "decoder.wTrke.weight"),
            instrument=size(weights, "decoder.proj_ins.weight"),
            relative=size(weights, "decoder.wRpe.weight") - 1,
            measures=size(weights, "decoder.wMpe.weight") - 1,
            layers=count(weights, r"decoder\.model\.layers\.(\d+)\."),
            width=size(weights, "decoder.wEvte.weight", 1),
            heads=int(settings.get("num_attention_heads", _HEADS)),
            inner=size(weights, f"{layer}.linear1.weight"),
            dropout=float(settings.get("dropout", 0.1)),
        )
        model = SymphonyLM(config)
    fill(model, foreign, published_names(config))
    return model.eval()


def published_names(config: SymphonyConfig) -> dict[str, str]:
    """Our names of weights and the published ones."""
    names = {f"tables.{ours}.weight": f"{theirs}.weight" for ours, theirs in _TABLES.items()}
    for field, short in _OUTPUTS.items():
        names[f"heads.{field}.weight"] = f"decoder.proj_{short}.weight"
    for part in ("weight", "bias"):
        names[f"norm.{part}"] = f"decoder.ln_f.{part}"
        names[f"trunk.norm.{part}"] = f"decoder.model.norm.{part}"
        for layer in range(config.layers):
            for ours, theirs in _LAYER.items():
                there = f"decoder.model.layers.{layer}.{theirs}.{part}"
                names[f"trunk.layers.{layer}.{ours}.{part}"] = there
    return names
