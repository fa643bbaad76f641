"""Options of KaraSinger's training.

Knows names and ranges; does not know recipes or the loss (``training``). Light to import.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cantilena.systems.trainable import Checked, option

SYSTEM = "karasinger"


@dataclass(frozen=True)
class KaraOptions(Checked):
    """Options of a training.

    ``sizes`` (values of each code of a column), ``rates`` (codes of each level in one), ``codec``
    (its fingerprint) and ``codec_folder`` are those of the codec; ``phonemes``, names with spaces
    between, and ``lexicon``, the phonemes of words, those of the clips. ``drop``: how often an
    example's lyrics are not known. ``half``: weights of the checkpoint in 16 bits."""

    sizes: tuple[int, ...] = ()
    rates: tuple[int, ...] = ()
    frame_rate: float = 15.625
    codec: str = ""
    codec_folder: str = ""
    phonemes: str = ""
    lexicon: dict[str, str] = field(default_factory=dict)
    width: int = option(192, "vectors over columns", least=1)
    inner: int = option(128, "vectors within a column", least=1)
    match: int = option(96, "numbers that attention compares", least=1)
    layers: int = option(2, "convolutions over phonemes", least=1)
    dropout: float = option(0.1, "share of values left out", least=0, most=1)
    drop: float = option(0.1, "how often lyrics are not known", least=0, most=1, free=True)
    half: bool = option(False, "weights of the checkpoint in 16 bits", free=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("sizes", "rates"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def names(self) -> tuple[str, ...]:
        """The phonemes, numbered from 1 on."""
        return tuple(self.phonemes.split())
