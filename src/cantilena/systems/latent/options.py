"""Options of a latent diffusion's training, and what it can be led by.

Knows names and ranges; does not know recipes or the loss (``training``). Light to import.
"""

from __future__ import annotations

from dataclasses import dataclass

from cantilena.errors import InputError
from cantilena.systems.trainable import Checked, option

SYSTEM = "latent"
TEXT, CODES = "text", "codes"
CONDITIONS = (TEXT, "roll", "drums", "chords", "beat", CODES)
"""What can be read: words, the kinds of ``tokens.codes.symbols``, and the codes of a codec's first
book (MeLoDy: a language model writes these, and diffusion the sound)."""
OBJECTIVES = ("velocity", "flow")
"""Those of ``models.audio.diffusion``, which is not light to import."""


@dataclass(frozen=True)
class LatentOptions(Checked):
    """Options of a diffusion's training.

    ``vae``: the folder of the autoencoder whose latents are learned; ``objective``; ``conditions``,
    names of ``CONDITIONS`` with commas between; ``seconds`` of a crop, which is the window that is
    written at a time later; ``drop``: how often all conditions of an example are left out, and as
    often its text; ``alone``: how often all but its text; ``prefix`` and ``gaps``: how often a
    beginning, or what surrounds gaps, is known (JEN-1); ``half``: weights of the checkpoint in 16
    bits."""

    vae: str = ""
    objective: str = option("velocity", "what the network predicts", choices=OBJECTIVES)
    conditions: str = option("text,roll,drums,chords,beat", "what the model reads, of a list")
    text_encoder: str = option("hashed", "what reads texts")
    codec: str = option("", "with the condition codes: the codec's folder, the shipped one by ''")
    card: int = option(0, "values of that codec's first book", least=0)
    seconds: float = option(5.12, "length of a crop", least=0.05)
    width: int = option(192, "vectors", least=2)
    layers: int = option(4, "blocks", least=1)
    heads: int = option(4, "of attention", least=1)
    hidden: int = option(768, "within a block", least=1)
    patch: int = option(2, "frames of a token", least=1)
    drop: float = option(0.1, "how often conditions are left out", least=0, most=1, free=True)
    alone: float = option(0.25, "how often the text stands alone", least=0, most=1, free=True)
    prefix: float = option(0.15, "how often a beginning is known", least=0, most=1, free=True)
    gaps: float = option(0.15, "how often what surrounds gaps is known", least=0, most=1, free=True)
    half: bool = option(False, "weights of the checkpoint in 16 bits", free=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.reads:
            if name not in CONDITIONS:
                raise InputError(
                    f"latent diffusion reads no {name!r}; known: {', '.join(CONDITIONS)}"
                )
        if self.prefix + self.gaps > 1:
            raise InputError("prefix and gaps are shares of the same examples: 1 together at most")

    @property
    def reads(self) -> tuple[str, ...]:
        """The names of its conditions."""
        return tuple(name.strip() for name in self.conditions.split(",") if name.strip())
