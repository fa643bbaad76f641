"""Options of MusicLM's training, and the names of its stages.

Knows names and ranges; does not know recipes or the loss (``training``). Light to import.
"""

from __future__ import annotations

from dataclasses import dataclass

from cantilena.errors import InputError
from cantilena.systems.trainable import Checked, option

SYSTEM = "musiclm"
SEMANTIC, COARSE, FINE = "semantic", "coarse", "fine"
RECORDING = "given"
"""The codes of a recording that is to be accompanied, as SingSong and JukeDrummer read one; their
name in checkpoints."""
NAMES = (SEMANTIC, COARSE, FINE)
"""The stages, in order."""
LEVELS = ("top", "middle", "bottom")
"""The stages over a codec of levels, from the coarsest on: Jukebox's prior and its upsamplers."""
KINDS = ("kmeans", "random-projection")
"""Quantisers of semantic tokens."""


@dataclass(frozen=True)
class MusicOptions(Checked):
    """Options of a MusicLM's training.

    ``books``, ``card``, ``frame_rate`` (Hz), ``latent`` (numbers of a codec's frame), ``codec``
    (its fingerprint) and ``codec_folder`` are those of the codec. ``stages``: which there are, with
    commas; without the semantic one coarse codes are written of the words alone. The coarse stage
    writes the first ``coarse_books``, the fine one the rest. ``semantic``: the quantiser of its
    tokens, of ``stack`` latents each, of ``semantic_size`` values; or the place of a frozen network
    (w2v-BERT, HuBERT, wav2vec 2.0, MERT) over whose states in layer ``semantic_layer`` there is a
    k-means, ``semantic_rate`` tokens a second (0: as many as the network has states, at most the
    codec's frames); its width and fingerprint are ``semantic_width`` and ``semantic_source``.
    ``semantic_seconds`` to
    ``fine_seconds``: windows, half of which is the stride. ``fuse``: words before the columns,
    token by token, or summed up and added. ``words``: the place of a joint embedding whose tokens
    they are, a run of ``joint`` with its own tokens or a ClapModel, over whose vectors
    ``word_books`` tokens of ``word_size`` values are learned; "": a small one is trained, by
    ``word_steps`` updates. ``text_share``: how often an example's words are those
    of its caption and not of its sound; ``word_dropout``: how often only some of the tokens of its
    words, the first, are read; ``dropout``: share of values left out in the stages; ``drop``: how
    often conditions are left out. ``stem``: the stem of the clips that is written, to the others,
    which are read as codes with white ``noise`` over them (SingSong's, so that what leaks of the
    stem in separated recordings cannot be copied); ``leak``: how much of the stem is left in them,
    as separation leaves some. ``beat``: whether stages read where beats and bars are
    (JukeDrummer's beat information); ``chroma``: whether a part to a recording reads, beside the
    others' codes, which pitch classes sound in them; ``melody``: the stages that read a tune, with
    commas. ``timing``: whether they read where in its song a clip lies, and ``lyrics``: those that
    read the words that are sung in it, both as Jukebox; up to ``lines`` sung clips, one behind the
    other, are one song. ``guided``: whether pieces are led away
    from what is written under no words at all, but for the stage of fine codes and upsamplers.
    ``level_rates``: of a codec of levels
    (Jukebox's), how many frames of each are in one of the coarsest: each is a stage of its own,
    in windows of ``level_seconds``."""

    books: int = option(3, "books of the codec", least=1)
    card: int = option(256, "values of a book", least=2)
    frame_rate: float = option(50.0, "frames of codes a second", least=0.1)
    latent: int = option(64, "numbers of a frame of latents", least=1)
    codec: str = ""
    codec_folder: str = ""
    stages: str = option("semantic,coarse,fine", "which stages there are")
    coarse_books: int = option(1, "books of the coarse stage", least=1)
    semantic: str = option("kmeans", "what semantic tokens are: a kind, or a network's place")
    semantic_layer: int = option(7, "layer of the network", least=1)
    semantic_rate: float = option(0.0, "tokens of the network a second", least=0)
    semantic_width: int = 0
    semantic_source: str = ""
    stack: int = option(4, "latents of a semantic token", least=1)
    semantic_size: int = option(128, "semantic tokens", least=2)
    semantic_seconds: float = option(16.0, "window of the semantic stage", least=0.1)
    coarse_seconds: float = option(5.0, "window of the coarse stage", least=0.1)
    fine_seconds: float = option(2.0, "window of the fine stage", least=0.1)
    width: int = option(80, "vectors", least=2)
    layers: int = option(2, "blocks", least=1)
    heads: int = option(4, "of attention", least=1)
    hidden: int = option(240, "within a block", least=1)
    fuse: str = option("sum", "how words are read", choices=("sum", "prepend"))
    words: str = option("", "joint embedding whose tokens words are: a run, or a ClapModel")
    buckets: int = option(1024, "hashed words", least=2)
    word_width: int = option(48, "vectors of words, and of the embedding", least=2)
    word_books: int = option(12, "tokens of words", least=1)
    word_size: int = option(32, "values of a token of words", least=2)
    word_steps: int = option(400, "updates of the embedding", least=1)
    word_dropout: float = option(0.5, "how often words lose tokens", least=0, most=1, free=True)
    dropout: float = option(0.1, "share of values left out", least=0, most=1)
    level_rates: str = ""
    level_seconds: str = option("16,4,1", "windows of the stages over a codec of levels")
    stem: str = option("", "stem that is written to the others")
    noise: float = option(0.01, "deviation of the noise over what is read", least=0, free=True)
    leak: float = option(0.0, "share of the stem left in what is read", least=0, most=1, free=True)
    beat: bool = option(True, "whether beats and bars are read")
    chroma: bool = option(False, "whether pitch classes of a recording are read")
    melody: str = option("", "stages that read a tune, as semantic,coarse")
    timing: bool = option(False, "whether the place in the song is read")
    lyrics: str = option("", "stages that read lyrics, as top")
    lines: int = option(1, "sung clips that are one song at most", least=1)
    text_share: float = option(0.5, "how often words are a caption's", least=0, most=1)
    guided: bool = option(True, "whether the stages that hear words are led away from nothing")
    drop: float = option(0.15, "how often conditions are left out", least=0, most=1, free=True)
    half: bool = option(False, "weights of the checkpoint in 16 bits", free=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        order = LEVELS[: len(self.levels)] if self.levels else NAMES
        for name in self.names:
            if name not in order:
                raise InputError(f"there is no stage {name!r}; known: {', '.join(order)}")
        first = LEVELS[0] if self.levels else COARSE
        if first not in self.names or list(self.names) != [n for n in order if n in self.names]:
            raise InputError(f"the stages are of {', '.join(order)} in this order, with {first}")
        if self.levels and (len(self.levels) > len(LEVELS) or self.stem):
            raise InputError("over a codec of levels stand up to three stages, and no stem")
        if self.levels and len(self.windows) < len(self.levels):
            raise InputError(f"of {len(self.levels)} levels each needs its level_seconds")
        if FINE in self.names and self.coarse_books >= self.books:
            raise InputError(f"of {self.books} books none is left for the fine stage")
        if self.network and SEMANTIC in self.names and not self.semantic_width:
            raise InputError(
                f"semantic={self.semantic} is neither {' nor '.join(KINDS)}, nor was a network "
                "opened there"
            )
        if self.semantic_rate > self.frame_rate + 1e-6:
            raise InputError(
                f"{self.semantic_rate:g} semantic tokens a second are more than the codec's "
                f"{self.frame_rate:g} frames, which could not read them all"
            )
        for names, what in ((self.led, "a tune"), (self.sung, "lyrics")):
            for name in names:
                if name not in self.names:
                    raise InputError(
                        f"there is no stage {name!r} to read {what}; there are "
                        f"{', '.join(self.names)}"
                    )
        if self.led and self.stem:
            raise InputError("a part to a recording is led by the recording, not by a tune")
        if self.chroma and not self.stem:
            raise InputError("chroma is of a recording that is accompanied; name the stem, too")
        if self.lines > 1 and (not self.sung or self.beat or self.led or self.stem):
            raise InputError("lines are of songs that are sung, told of neither beats nor a tune")
        if self.stem and SEMANTIC in self.names:
            raise InputError("a stem is written to the others without a semantic stage")

    @property
    def names(self) -> tuple[str, ...]:
        """The stages."""
        return _names(self.stages)

    @property
    def led(self) -> tuple[str, ...]:
        """The stages that read a tune."""
        return _names(self.melody)

    @property
    def sung(self) -> tuple[str, ...]:
        """The stages that read lyrics."""
        return _names(self.lyrics)

    @property
    def levels(self) -> tuple[int, ...]:
        """Frames of each level in one of the codec's; () of a codec without levels."""
        return tuple(int(rate) for rate in self.level_rates.split(",") if rate)

    @property
    def windows(self) -> tuple[float, ...]:
        """Seconds of each level's windows. Raises InputError."""
        try:
            return tuple(float(length) for length in str(self.level_seconds).split(",") if length)
        except ValueError:
            raise InputError(f"level_seconds are numbers, not {self.level_seconds!r}") from None

    @property
    def network(self) -> bool:
        """Whether semantic tokens are of a frozen network."""
        return self.semantic not in KINDS

    @property
    def rate(self) -> float:
        """Semantic tokens a second."""
        return self.semantic_rate if self.network else self.frame_rate / self.stack


def _names(listed: str) -> tuple[str, ...]:
    """Names with commas between."""
    return tuple(name.strip() for name in listed.split(",") if name.strip())
