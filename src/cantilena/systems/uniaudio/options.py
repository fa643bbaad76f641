"""Options of UniAudio's training.

Knows names and ranges; does not know recipes or the loss (``training``). Light to import.
"""

from __future__ import annotations

from dataclasses import dataclass

from cantilena.errors import InputError
from cantilena.systems.trainable import Checked, option

SYSTEM = "uniaudio"
TASKS = ("text", "continue", "edit", "accompany", "sound", "note", "transcribe")
"""As ``tokens.codes.patches`` has them."""


@dataclass(frozen=True)
class UniOptions(Checked):
    """Options of a training.

    ``books``, ``card``, ``frame_rate`` (Hz), ``codec`` (its fingerprint) and ``codec_folder`` are
    those of the codec. ``tasks``: which are learned, with commas between; one that is named twice
    is learned twice as often. ``also``: folders of further data sets, with commas; ``stem``: the
    stem that accompanies, of clips that have stems. ``seconds``: of sound in a sequence, which half
    of it has where two sounds, or a sound and its notes, stand beside one another. ``buckets``: of
    hashed words. ``slot``: numbers of a token's vector. ``drop``: how often an example's sources
    are not known; ``wordless``: how often what goes on or fills a gap has no text. ``half``:
    weights of the checkpoint in 16 bits."""

    books: int = option(3, "books of the codec", least=1)
    card: int = option(256, "values of a book", least=2)
    frame_rate: float = option(50.0, "frames of codes a second", least=0.1)
    codec: str = ""
    codec_folder: str = ""
    tasks: str = option(",".join(TASKS), "what is learned, of a list")
    also: str = option("", "folders of further data sets")
    stem: str = option("drums", "the stem that accompanies")
    seconds: float = option(5.0, "of sound in a sequence", least=0.1)
    buckets: int = option(1024, "hashed words", least=1)
    slot: int = option(64, "numbers of a token's vector", least=1)
    width: int = option(192, "vectors of the global transformer", least=2)
    layers: int = option(4, "its blocks", least=1)
    heads: int = option(4, "of attention", least=1)
    hidden: int = option(768, "within a block", least=1)
    local_width: int = option(128, "vectors of the local transformer", least=2)
    local_layers: int = option(2, "its blocks", least=1)
    local_hidden: int = option(384, "within one", least=1)
    dropout: float = option(0.0, "share of values left out", least=0, most=1)
    drop: float = option(0.1, "how often sources are not known", least=0, most=1, free=True)
    wordless: float = option(0.5, "how often sound stands without a text", least=0, most=1)
    half: bool = option(False, "weights of the checkpoint in 16 bits", free=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.names:
            if name not in TASKS:
                raise InputError(f"uniaudio has no task {name!r}; it has: {', '.join(TASKS)}")
        if not self.names:
            raise InputError("uniaudio needs a task to learn")

    @property
    def names(self) -> tuple[str, ...]:
        """The tasks, in order, some perhaps twice."""
        return tuple(name.strip() for name in self.tasks.split(",") if name.strip())

    @property
    def frames(self) -> int:
        """Frames of sound in a sequence."""
        return max(2, round(self.seconds * self.frame_rate))

    @property
    def folders(self) -> tuple[str, ...]:
        """Those of further data sets."""
        return tuple(name.strip() for name in self.also.split(",") if name.strip())
