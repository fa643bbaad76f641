"""KaraSinger's language model (Liao et al. 2022): columns of codes, read off phonemes.

Knows phonemes and codes as numbers; does not know words, codecs or sound. A recurrent network goes
column by column with location-sensitive attention to the phonemes (Chorowski et al. 2015), which
may stay or move on by up to ``REACH`` phonemes, as forward attention has it (Zhang et al. 2018),
so that words are sung in order from few examples; a second one writes a column's codes in turn,
T M M B B B B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cantilena.errors import CheckpointError, InputError

REACH = 2
"""Phonemes that attention moves on by at most in a column: short ones are heard together."""
KERNEL = 5
"""Phonemes that the encoder's convolutions see."""
PLACES, FILTERS = 15, 16
"""Phonemes around that attention sees of where it was, and in how many ways."""
_TINY = 1e-6
_SEEN = 1e-3
"""Attention below which a phoneme is no place to go on from, but in training."""


@dataclass(frozen=True)
class KaraConfig:
    """``phonemes``: how many there are, numbered from 1 on; the next number is "no lyrics", 0 none.
    ``sizes``: values of each code of a column. ``width`` of the network over columns, ``inner`` of
    the one within a column, ``match`` of what attention compares."""

    phonemes: int
    sizes: tuple[int, ...]
    width: int = 192
    inner: int = 128
    match: int = 96
    layers: int = 2
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if min(self.phonemes, self.width, self.inner, self.match, self.layers) < 1:
            raise InputError("a model of KaraSinger has phonemes, and widths from 1 on")
        if not self.sizes or min(self.sizes) < 1:
            raise InputError("a column has codes, and these have values")

    @property
    def nothing(self) -> int:
        """The number that stands for "no lyrics"."""
        return self.phonemes + 1

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a checkpoint's card."""
        return {**asdict(self), "sizes": list(self.sizes)}

    @classmethod
    def from_dict(cls, data: Any) -> KaraConfig:
        """The config ``to_dict`` wrote. Raises CheckpointError where it is none."""
        try:
            return cls(**{**data, "sizes": tuple(data["sizes"])})
        except (TypeError, KeyError, InputError) as error:
            raise CheckpointError(f"the config of KaraSinger does not fit: {error}") from error


class Lyrics(NamedTuple):
    """Phonemes as the network reads them: ``states`` (B, L, width), ``keys`` (B, L, match) and
    ``mask`` (B, L), True where there is one."""

    states: Tensor
    keys: Tensor
    mask: Tensor


class Place(NamedTuple):
    """Where a piece stands behind a column: the ``hidden`` state and the ``context`` (B, width),
    the attention ``weights`` (B, L), and their ``total`` so far."""

    hidden: Tensor
    context: Tensor
    weights: Tensor
    total: Tensor


class KaraLM(nn.Module):
    """The model."""

    offsets: Tensor

    def __init__(self, config: KaraConfig):
        super().__init__()
        self.config = config
        width, inner, match = config.width, config.inner, config.match
        self.phonemes = nn.Embedding(config.phonemes + 2, width, padding_idx=0)
        self.around = nn.ModuleList(
            nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2) for _ in range(config.layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(config.layers))
        self.codes = nn.Embedding(sum(config.sizes), width)
        self.begin = nn.Parameter(torch.zeros(width))
        self.cell = nn.GRUCell(2 * width, width)
        self.query = nn.Linear(width, match)
        self.key = nn.Linear(width, match, bias=False)
        self.place = nn.Conv1d(2, FILTERS, PLACES, padding=PLACES // 2, bias=False)
        self.placed = nn.Linear(FILTERS, match, bias=False)
        self.energy = nn.Linear(match, 1, bias=False)
        self.inward = nn.Linear(2 * width, inner)
        self.inner_codes = nn.Embedding(sum(config.sizes[:-1]) + 1, inner)
        self.column = nn.GRU(inner, inner, batch_first=True)
        self.heads = nn.ModuleList(nn.Linear(inner, size) for size in config.sizes)
        self.stop = nn.Linear(2 * width, 1)
        sizes = torch.tensor([0, *config.sizes[:-1]])
        self.register_buffer("offsets", sizes.cumsum(0), persistent=False)

    # -------------------------------------------------------------- lyrics

    def read(self, phonemes: Tensor) -> Lyrics:
        """Phonemes (B, L), 0 where there is none; each row has one at least."""
        mask = phonemes > 0
        x = self.phonemes(phonemes)
        for conv, norm in zip(self.around, self.norms, strict=True):
            y = conv((x * mask[..., None]).transpose(1, 2)).transpose(1, 2)
            x = norm(x + self._left_out(F.relu(y)))
        return Lyrics(x, self.key(x), mask)

    def start(self, lyrics: Lyrics) -> Place:
        """Before the first column: at the first phoneme."""
        rows, length = lyrics.mask.shape
        zeros = lyrics.states.new_zeros(rows, self.config.width)
        weights = lyrics.states.new_zeros(rows, length)
        weights[:, 0] = 1.0
        return Place(zeros, lyrics.states[:, 0], weights, torch.zeros_like(weights))

    # -------------------------------------------------------------- columns

    def embed(self, columns: Tensor) -> Tensor:
        """(B, K, S) codes to (B, S, width)."""
        return self.codes(columns + self.offsets[:, None]).sum(1)

    def step(self, lyrics: Lyrics, place: Place, before: Tensor) -> Place:
        """On by a column, ``before`` (B, width) being what the one before says."""
        x = torch.cat([self._left_out(before), place.context], -1)
        hidden = self.cell(x, place.hidden)
        seen = self.place(torch.stack([place.weights, place.total], 1)).transpose(1, 2)
        match = torch.tanh(self.query(hidden)[:, None] + lyrics.keys + self.placed(seen))
        energy = self.energy(match)[..., 0].masked_fill(~lyrics.mask, -torch.inf)
        reached = place.weights
        for i in range(1, REACH + 1):
            reached = reached + F.pad(place.weights, (i, 0))[:, : place.weights.shape[1]]
        # in training what is missed is learned from, else nothing is reached by leaps
        reached = reached + _TINY if self.training else reached * (reached > _SEEN)
        weights = reached * energy.softmax(-1) * lyrics.mask
        weights = weights / weights.sum(-1, keepdim=True).clamp_min(1e-30)
        context = (weights[..., None] * lyrics.states).sum(1)
        return Place(hidden, context, weights, place.total + weights)

    def forward(self, columns: Tensor, phonemes: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        """Of columns (B, K, S) under phonemes (B, L): logits (B, S, values) of each code, each told
        all before it; (B, S) logits that a column is the last; attention (B, S, L)."""
        lyrics = self.read(phonemes)
        place, outs, weights = self.start(lyrics), [], []
        begin = self.begin.expand(len(columns), 1, -1)
        before = torch.cat([begin, self.embed(columns[..., :-1])], 1)
        for row in before.unbind(1):
            place = self.step(lyrics, place, row)
            outs.append(torch.cat([place.hidden, place.context], -1))
            weights.append(place.weights)
        out = self._left_out(torch.stack(outs, 1))
        hidden = self._within(out.flatten(0, 1), columns.transpose(1, 2).flatten(0, 1))
        shape = columns.shape[0], columns.shape[2]
        logits = [head(hidden[:, k]).unflatten(0, shape) for k, head in enumerate(self.heads)]
        return logits, self.stop(out)[..., 0], torch.stack(weights, 1)

    def _within(self, out: Tensor, codes: Tensor) -> Tensor:
        """(N, K, inner) before each code of columns (N, K)."""
        last = self.inner_codes.num_embeddings - 1
        begin = self.inner_codes.weight[last].expand(len(out), 1, -1)
        previous = self.inner_codes(codes[:, :-1] + self.offsets[:-1])
        return self.column(torch.cat([begin, previous], 1), self.inward(out).tanh()[None])[0]

    def _left_out(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.config.dropout, self.training)

    # -------------------------------------------------------------- writing

    def write(self, place: Place, choose: Any) -> tuple[list[int], Tensor, float]:
        """The codes of one piece's column, ``choose(logits)`` giving each value of (values,)
        numpy; (1, width) what they say to the next; and how likely it is the last."""
        out = torch.cat([place.hidden, place.context], -1)
        state = self.inward(out).tanh()[None]
        previous = self.inner_codes.weight[-1][None, None]
        codes: list[int] = []
        for k, head in enumerate(self.heads):
            x, state = self.column(previous, state)
            codes.append(int(choose(head(x[0, 0]).float().cpu().numpy())))
            if k + 1 < len(self.heads):
                previous = self.inner_codes.weight[codes[-1] + int(self.offsets[k])][None, None]
        column = torch.tensor(codes, device=out.device)[None, :, None]
        return codes, self.embed(column)[:, 0], float(self.stop(out).sigmoid())


def nats(logits: Sequence[Tensor], columns: Tensor, there: Tensor) -> Tensor:
    """(K,) mean nats of each code of columns (B, K, S), of those that are ``there`` (B, S)."""
    rows = [
        F.cross_entropy(row[there].float(), columns[:, k][there]) for k, row in enumerate(logits)
    ]
    return torch.stack(rows)
