"""Vector quantisation whose codes are moving averages of their vectors (van den Oord et al. 2017,
appendix A), as SoundStream, EnCodec, Jukebox and Mimi have it.

Knows vectors and codes; ``codebook`` has the update, and says why it is written there.
"""

from __future__ import annotations

from cantilena.models.audio.quantize.book import CodebookQuantizer
from cantilena.models.audio.quantize.codebook import Codebook
from cantilena.models.audio.quantize.vq import small_codes


class EMA(CodebookQuantizer):
    """The nearest of ``size`` codes, which have no gradient. Loss: ``commitment`` x
    mse(sg code, z). ``decay``, ``kmeans``, ``revive``: as in ``Codebook``."""

    def __init__(
        self,
        dim: int,
        *,
        size: int = 1024,
        decay: float = 0.99,
        commitment: float = 1.0,
        kmeans: int | None = 10,
        revive: float = 0.1,
    ):
        book = Codebook(
            small_codes(size, dim), kmeans=kmeans, decay=decay, revive=revive, average=True
        )
        super().__init__(dim, book, commitment)
