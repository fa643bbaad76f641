"""Function alignment: a stream of frames written beside another one, by one frozen model of frames.

Knows the base's hidden states, the two kinds of adapter and their published layouts; does not know
what the streams are, nor tasks. Jiang et al. (ISMIR 2025). ``CrossAligned`` (FA_cross): both
streams go through the base, and the target's layers read the reference's by attention through gates
that begin at 0. ``SelfAligned`` (FA_self): the base reads the target behind the reference, with
positions that begin anew and a learned vector for each segment that begins at 0. Both put LoRA into
queries and values. So at first both say what the base says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.errors import CheckpointError, InputError
from cantilena.models.adapters import Lora, add_lora
from cantilena.models.checkpoint import Checkpoint, open_checkpoint
from cantilena.models.foreign import ADAPTERS, Foreign, check_system, count, read_foreign, size
from cantilena.models.frame_lm import FrameLM
from cantilena.models.loading import of_sizes, save_network
from cantilena.models.roformer import Branch, Past, sinusoid
from cantilena.models.saving import load_tensors

SYSTEM = "aligned"
NOTE_KINDS = {"cross": "note-cross", "self": "note-self"}
"""What cards call adapters on the note model: ``models.step_adapters``."""
CROSS_LORA = Lora(rank=16, alpha=32, dropout=0.1)
SELF_LORA = Lora(rank=64, alpha=128, dropout=0.1)
"""As published."""
POSITIONS = 768
"""Rows of the tables of positions that the published adapters make."""
_LORA = "wrapped_model.base_model.model."  # before the names that peft put into the base


class CrossAdapter(nn.Module):
    """Attention from the target's frames to all of the reference's, through a gate."""

    table: Tensor

    def __init__(self, width: int, inner: int = 256, heads: int = 4, positions: int = POSITIONS):
        super().__init__()
        self.heads = heads
        self.q_linear, self.k_linear, self.v_linear, self.pos_linear = (
            nn.Linear(width, inner) for _ in range(4)
        )
        self.out_proj = nn.Linear(inner, width)
        self.gates = nn.Parameter(torch.zeros(1))
        sines, cosines = sinusoid(positions, width).chunk(2, 1)
        table = torch.stack([sines, cosines], 2).flatten(1)  # in turns, unlike rotary tables
        self.register_buffer("table", table, persistent=False)

    def forward(self, target: Tensor, reference: Tensor, at: Tensor, there: Tensor) -> Tensor:
        """What is added to the target's layer (B, T, D), of its input and the reference's (B, R,
        D), and the frames' numbers ``at`` (T,) and ``there`` (R,)."""
        place, place_there = self.pos_linear(self.table[at]), self.pos_linear(self.table[there])
        q, k, v = (
            x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for x in (
                self.q_linear(target) + place,
                self.k_linear(reference) + place_there,
                self.v_linear(reference) + place_there,  # as published: places go into values too
            )
        )
        y = F.scaled_dot_product_attention(q, k, v)
        return self.out_proj(y.transpose(1, 2).flatten(2)) * self.gates


class _Aligned(nn.Module):
    """What both kinds share: a frozen base with LoRA, a vector for frames that are hidden from the
    model in training, and files that hold what is trained alone. ``table``: rows of a sinusoid that
    takes the place of the base's global table of positions, as in the published adapters; 0 to
    keep the base's."""

    kind = ""

    def __init__(self, base: FrameLM, lora: Lora | None, table: int):
        super().__init__()
        if table:
            places = sinusoid(table, base.config.width // base.config.heads)
            base.model.embed_positions.weight = nn.Parameter(places)
        self.table = table
        base.requires_grad_(False)
        self.base = base if lora is None else add_lora(base, lora)
        self.lora = lora
        self.masked_embedding = nn.Parameter(torch.randn(1, 1, base.config.width) * 0.1)

    def trained(self) -> dict[str, Tensor]:
        """What is trained, by name."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def hidden_frames(self, vectors: Tensor, masked: Tensor | None) -> Tensor:
        """Vectors (B, T, D), those of ``masked`` (B, T) replaced by the learned one."""
        if masked is None:
            return vectors
        return torch.where(masked[..., None], self.masked_embedding.to(vectors.dtype), vectors)

    def part(self) -> dict[str, Any]:
        """The card's ``model``."""
        lora = None if self.lora is None else self.lora.to_dict()
        return {"kind": self.kind, "lora": lora, "table": self.table}

    def save(
        self, folder: str | Path, base: Mapping[str, Any], card: Mapping[str, Any] | None = None
    ) -> Path:
        """Writes a checkpoint of what is trained. ``base`` says which base it needs; ``card``:
        further entries. Raises InputError."""
        part = {**self.part(), "base": dict(base)}
        return save_network(folder, SYSTEM, part, self.trained(), card)

    def fill(self, weights: Mapping[str, Tensor], where: str | Path) -> None:
        """Loads all that is trained, and nothing else. Raises CheckpointError."""
        trained = self.trained()
        odd = sorted(set(weights) ^ set(trained))
        odd += [n for n in trained if n in weights and weights[n].shape != trained[n].shape]
        if odd:
            raise CheckpointError(
                f"the adapter in {where} does not fit its base: {odd[0]} is missing, unknown or of "
                "another shape"
            )
        for name, parameter in trained.items():
            parameter.data.copy_(weights[name])


class CrossAligned(_Aligned):
    """FA_cross. ``skip``: every how many layers the reference is read; ``strides``: how many 16ths
    a frame of the reference and of the target lasts."""

    kind = "cross"

    def __init__(
        self,
        base: FrameLM,
        lora: Lora | None = CROSS_LORA,
        skip: int = 2,
        inner: int = 256,
        heads: int = 4,
        positions: int = POSITIONS,
        strides: Sequence[int] = (1, 1),
        table: int = 0,
    ):
        super().__init__(base, lora, table)
        if skip < 1 or inner % heads or len(strides) != 2 or min(strides) < 1:
            raise InputError(
                f"adapters {inner} wide in {heads} heads at every {skip}th layer, with frames of "
                f"{strides} sixteenths, cannot be"
            )
        self.skip, self.inner, self.heads = skip, inner, heads
        self.positions, self.strides = positions, tuple(strides)
        self.yinyang_attn = nn.ModuleList(
            CrossAdapter(base.config.width, inner, heads, positions)
            for _ in range(base.config.layers // skip)
        )

    def part(self) -> dict[str, Any]:
        """The card's ``model``."""
        sizes = {"skip": self.skip, "inner": self.inner, "heads": self.heads}
        sizes |= {"positions": self.positions}
        return {**super().part(), **sizes, "strides": list(self.strides)}

    def read(self, reference: Tensor) -> list[Tensor]:
        """What each layer reads (B, R, D) of the reference's frames (B, R, P)."""
        inputs: list[Tensor] = []
        vectors = self.base.shifted(self.base.vectors(reference))
        self.base.model(vectors, causal=True, inputs=inputs)
        return inputs

    def branches(self, inputs: Sequence[Tensor], first: int = 0) -> list[Branch | None]:
        """What is added to each layer of the target from its frame number ``first`` on."""
        return [
            self._branch(self.yinyang_attn[i // self.skip], reference, first)
            if i % self.skip == 0 and i // self.skip < len(self.yinyang_attn)
            else None
            for i, reference in enumerate(inputs)
        ]

    def _branch(self, adapter: nn.Module, reference: Tensor, first: int) -> Branch:
        def branch(x: Tensor) -> Tensor:
            at = torch.arange(first, first + x.shape[1], device=x.device) * self.strides[1]
            there = torch.arange(reference.shape[1], device=x.device) * self.strides[0]
            last = max(int(at[-1]), int(there[-1]))
            if last >= self.positions:
                raise InputError(
                    f"sixteenth {last} does not fit the {self.positions} that the adapter has"
                )
            return adapter(x, reference, at, there)

        return branch

    def forward(self, reference: Tensor, target: Tensor, masked: Tensor | None = None) -> Tensor:
        """Logits (B, T, P, words) of the target's frames (B, T, P), given the reference's (B, R, P)
        and the target's before each. ``masked`` (B, T): target frames that are not shown. Raises
        InputError for more frames than there are positions."""
        vectors = self.base.shifted(self.hidden_frames(self.base.vectors(target), masked))
        branches = self.branches(self.read(reference))
        hidden, _ = self.base.model(vectors, causal=True, branches=branches)
        return self.base.tell(hidden, target)


class SelfAligned(_Aligned):
    """FA_self. ``segments``: whether positions begin anew, with a learned vector for each."""

    kind = "self"

    def __init__(
        self, base: FrameLM, lora: Lora | None = SELF_LORA, segments: bool = True, table: int = 0
    ):
        super().__init__(base, lora, table)
        self.segments = segments
        if segments:
            head = base.config.width // base.config.heads
            self.sentence_embedding = nn.Parameter(torch.zeros(2, head))

    def part(self) -> dict[str, Any]:
        """The card's ``model``."""
        return {**super().part(), "segments": self.segments}

    def turns(self, reference: int, first: int, length: int) -> Tensor:
        """Rows for the positions ``first`` .. of [reference; target], ``reference`` frames long."""
        if not self.segments:
            return self.base.model.turns(first, length)
        table = self.base.model.embed_positions.weight
        place = torch.arange(first, first + length, device=table.device)
        behind = place >= reference
        place = torch.where(behind, place - reference, place)
        if int(place.max()) >= len(table):
            raise InputError(f"{length} frames do not fit the {len(table)} positions of the model")
        return table[place] + self.sentence_embedding[behind.long()]

    def forward(self, reference: Tensor, target: Tensor, masked: Tensor | None = None) -> Tensor:
        """As ``CrossAligned.forward``."""
        frames = [self.base.vectors(reference)]
        frames.append(self.hidden_frames(self.base.vectors(target), masked))
        vectors = self.base.shifted(torch.cat(frames, 1))
        length = reference.shape[1]
        turns = self.turns(length, 0, vectors.shape[1])
        hidden, _ = self.base.model(vectors, causal=True, turns=turns)
        return self.base.tell(hidden[:, length:], target)


class AlignedSession:
    """A target being written beside a reference (B, R, P): all that changes meanwhile."""

    def __init__(self, model: CrossAligned | SelfAligned, reference: Tensor):
        self.model, self.reference = model, reference
        self.inputs = model.read(reference) if isinstance(model, CrossAligned) else []
        self.pasts: list[Past] | None = None
        self.frames = 0

    def advance(self, words: Tensor | None = None) -> Tensor:
        """What the base says (B, D) of the frame behind ``words`` (B, T, P), which stand behind
        what was given before; at first ``words`` may be None. ``FrameLM.word_step`` makes words
        of it."""
        model, base = self.model, self.model.base
        if words is None:
            vectors = base.global_sos.new_zeros(len(self.reference), 0, base.config.width)
        else:
            vectors = base.vectors(words)
        length, start = self.reference.shape[1], self.pasts is None
        new = vectors.shape[1] + start  # the learned vector stands in front of all
        branches, turns = None, None
        if isinstance(model, CrossAligned):
            branches = model.branches(self.inputs, self.frames)
        elif start:
            vectors = torch.cat([base.vectors(self.reference), vectors], 1)
            turns = model.turns(length, 0, length + new)
        else:
            turns = model.turns(length, length + self.frames, new)
        hidden, self.pasts = base.step(vectors, self.pasts, branches, turns)
        self.frames += new
        return hidden


# ------------------------------------------------------------------ files


def load_aligned(place: str | Path | Checkpoint, base: FrameLM) -> CrossAligned | SelfAligned:
    """An adapter on ``base``, which it changes: of our folder, or of the published file. Raises
    CheckpointError, and MissingExtraError without peft."""
    if not isinstance(place, Checkpoint) and Path(place).is_file():
        return from_published(read_foreign(place), base)
    checkpoint = open_checkpoint(place, SYSTEM)
    part = {k: v for k, v in checkpoint.model.items() if k not in ("kind", "base")}
    kinds: dict[str, Any] = {"cross": CrossAligned, "self": SelfAligned}
    if checkpoint.model.get("kind") in NOTE_KINDS.values():
        raise CheckpointError(
            f"{checkpoint.folder} holds adapters on the note model, not on a model of frames"
        )
    with of_sizes(f"the card of {checkpoint.folder} is damaged"):
        kind, lora = kinds[checkpoint.model["kind"]], part.pop("lora")
        if lora is not None:
            lora = Lora(**{**lora, "targets": tuple(lora["targets"])})
        model = kind(base, lora=lora, **part)
    model.fill(load_tensors(checkpoint.weights), checkpoint.folder)
    return model.eval()


def from_published(foreign: Foreign, base: FrameLM) -> CrossAligned | SelfAligned:
    """The adapter in a published file on ``base``. Raises CheckpointError for another system's
    weights, or another base's."""
    weights, settings = foreign.weights, foreign.settings
    check_system(weights, ADAPTERS, foreign.path)
    rows = int(settings.get("max_position_embeddings", POSITIONS))
    with of_sizes(f"the sizes in {foreign.path} cannot be"):
        model = _built(foreign, base, rows)
    ours = {name.replace(_LORA, "base."): value for name, value in weights.items()}
    model.fill(ours, foreign.path)
    return model.eval()


def _built(foreign: Foreign, base: FrameLM, rows: int) -> CrossAligned | SelfAligned:
    """The adapter that a published file is of, with first weights."""
    weights, settings = foreign.weights, foreign.settings
    lora = None
    rank = next((v.shape[0] for k, v in weights.items() if k.endswith("lora_A.default.weight")), 0)
    if rank:
        published = CROSS_LORA if foreign.system == "FA_cross" else SELF_LORA
        scale = published.alpha // published.rank  # which no weight tells
        lora = replace(published, rank=rank, alpha=scale * rank)
    if foreign.system == "FA_self":
        return SelfAligned(base, lora, settings.get("change_pe", True) is True, table=rows)
    adapters = count(weights, r"yinyang_attn\.(\d+)\.")
    strides = [int(settings.get(f"compress_ratio_{side}", 1)) for side in "lr"]
    return CrossAligned(
        base,
        lora,
        skip=int(settings.get("n_skip", base.config.layers // max(adapters, 1))),
        inner=size(weights, "yinyang_attn.0.q_linear.weight"),
        positions=rows,
        table=rows,
        strides=strides,
    )
