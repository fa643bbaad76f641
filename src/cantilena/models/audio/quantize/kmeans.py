"""Audio words: k-means over features, standardised value by value (dictionary learning for a bag
of audio words; AudioLM's and MusicLM's semantic tokens).

Knows features as vectors; does not know which: mel frames, chroma, a layer of a network. The
centres are fitted once and then frozen; ``words`` makes tokens and bags of them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cantilena.errors import InputError
from cantilena.models.audio.quantize.base import Lookup, SingleBook, rows_of, straight_through
from cantilena.models.audio.quantize.codebook import kmeans, nearest


class KMeans(SingleBook):
    """The nearest of ``size`` centres, after each value is divided by its standard deviation.

    ``fit`` finds them; in training mode the first batch does. Before that InputError is raised.
    There is no loss, and the gradient passes straight through.
    """

    mean: Tensor
    deviation: Tensor
    centres: Tensor
    fitted: Tensor

    def __init__(self, dim: int, *, size: int = 1024, iterations: int = 50):
        super().__init__(dim, size)
        self.iterations = iterations
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("deviation", torch.ones(dim))
        self.register_buffer("centres", torch.zeros(size, dim))
        self.register_buffer("fitted", torch.tensor(False))

    @property
    def ready(self) -> bool:
        return bool(self.fitted)

    @torch.no_grad()
    def fit(self, features: Tensor) -> None:
        """Finds the centres of features (N, D). A value that never changes counts for nothing.
        Raises InputError for features of another width, or none."""
        if features.ndim != 2 or features.shape[1] != self.dim or not len(features):
            raise InputError(f"features {tuple(features.shape)} are not (N, {self.dim})")
        deviation, mean = torch.var_mean(features, dim=0, correction=0)
        self.mean.copy_(mean)
        self.deviation.copy_(torch.where(deviation > 0, deviation.sqrt(), 1.0))
        rows = (features - self.mean) / self.deviation
        self.centres.copy_(kmeans(rows, self.sizes[0], self.iterations)[0])
        self.fitted.fill_(True)

    def look(self, z: Tensor, active: Tensor | None = None) -> Lookup:
        rows = rows_of(z)
        if not self.fitted:
            if not self.training:
                raise InputError("these audio words have no centres yet: fit them to features")
            self.fit(rows)
        which = nearest((rows - self.mean) / self.deviation, self.centres.to(rows.dtype))
        which = which.view(z.shape[0], z.shape[2])
        return Lookup(straight_through(z, self.vectors_of(which).to(z.dtype)), which, {})

    def vectors_of(self, indices: Tensor) -> Tensor:
        return F.embedding(indices, self.centres * self.deviation + self.mean).transpose(1, 2)
