"""MusicLM as one module: words, the semantic tokens' quantiser, and a code model for each stage.

Knows sizes and how stages read one another; does not know clips, codecs beyond their fingerprint,
Requests or training. Agostinelli et al., "MusicLM: Generating Music From Text" (2023), made small:
semantic tokens, coarse codes given these, fine codes given coarse ones; every stage hears the
words, and, which MusicLM does not have, where the beat and the bar are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from torch import Tensor, nn

from cantilena.decode.cascade import Cascade, Tokens
from cantilena.decode.windows import Window, Windows
from cantilena.errors import CheckpointError, InputError
from cantilena.models.audio.code_lm import CodeConfig, CodeLM, ConditionConfig
from cantilena.models.audio.quantize import quantizer
from cantilena.systems.codes.stages import CodeStage, TokenRows
from cantilena.systems.codes.stepper import Row
from cantilena.systems.codes.tune import TUNE
from cantilena.systems.musiclm.joint_words import JointWords, JointWordsConfig
from cantilena.systems.musiclm.lyrics import LYRICS
from cantilena.systems.musiclm.lyrics import WIDTH as LYRICS_WIDTH
from cantilena.systems.musiclm.options import RECORDING
from cantilena.systems.musiclm.pitches import CHROMA
from cantilena.systems.musiclm.timing import TIMING
from cantilena.systems.musiclm.wish import BEAT, TEXT, WIDTHS, MusicWish, wish_rows
from cantilena.systems.musiclm.words import Words, WordsConfig
from cantilena.tokens.codes.patterns import Pattern


@dataclass(frozen=True)
class StageConfig:
    """One stage: its tokens (``sizes``, ``rate``, ``source``), the names of those it ``reads`` with
    ``around`` frames on either side, its windows in seconds, the code model's sizes, and how it is
    sampled."""

    name: str
    sizes: tuple[int, ...]
    rate: float
    source: str
    reads: tuple[str, ...]
    length: float
    stride: float
    width: int
    heads: int
    layers: int
    hidden: int
    around: int = 0
    temperature: float = 1.0
    guided: bool = True
    dropout: float = 0.0

    @property
    def tokens(self) -> Tokens:
        """What it writes."""
        return Tokens(self.rate, self.sizes, self.source)


@dataclass(frozen=True)
class MusicConfig:
    """``stages`` in order; ``words``; ``semantic``: the quantiser's kind in ``quantize`` and
    its ``dim`` and ``size``, of ``stack`` latents of the codec a frame, or of a frozen
    ``network``, its ``layer``, the tokens' ``rate`` and the ``source``, its fingerprint;
    ``codec``: the fingerprint of the codec whose codes are written, and its frames a second,
    ``rate``; ``fuse``: whether words are read token by token, before the columns ("prepend"),
    or summed up, beside each ("sum"). ``given``: the sizes of the codec's books in which a
    recording that is to be accompanied is read, () where none is; ``stem``: the part that is
    then written, ``noise``: the deviation of the white noise over the recording, in training
    and at use. ``beat``, ``timing`` and ``chroma``: whether stages read beats and bars, where in a
    song they are, and which pitch classes sound in the recording; ``melody`` and ``lyrics``: the
    names of those that read a tune, and lyrics."""

    stages: tuple[StageConfig, ...]
    words: WordsConfig | JointWordsConfig = field(default_factory=WordsConfig)
    semantic: Mapping[str, Any] = field(default_factory=dict)
    codec: str = ""
    rate: float = 50.0
    fuse: str = "sum"
    given: tuple[int, ...] = ()
    stem: str = ""
    noise: float = 0.0
    beat: bool = True
    chroma: bool = False
    melody: tuple[str, ...] = ()
    timing: bool = False
    lyrics: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a card."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MusicConfig:
        """What ``to_dict`` wrote. Raises CheckpointError where it is none."""
        try:
            stages = tuple(
                StageConfig(**{**row, "sizes": tuple(row["sizes"]), "reads": tuple(row["reads"])})
                for row in data["stages"]
            )
            words = words_config(data["words"])
            lists = {name: tuple(data.get(name, ())) for name in ("given", "melody", "lyrics")}
            return cls(**{**data, "stages": stages, "words": words, **lists})
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"the stages do not fit: {error!r}") from error

    @property
    def inputs(self) -> dict[str, Tokens]:
        """The tokens that are there from the start."""
        return {RECORDING: Tokens(self.rate, self.given, self.codec)} if self.given else {}

    def tokens(self, name: str) -> Tokens:
        """Those of a stage, or of an input. Raises InputError."""
        return self.inputs[name] if name in self.inputs else self.stage(name).tokens

    def stage(self, name: str) -> StageConfig:
        """The stage of a name. Raises InputError."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise InputError(f"there is no stage {name!r}")

    @property
    def written(self) -> tuple[str, ...]:
        """The stages that write the codec's books, in their order."""
        return tuple(stage.name for stage in self.stages if stage.source == self.codec)

    @property
    def states(self) -> tuple[int, int]:
        """(n, dim), the shape of words as a stage reads them."""
        return (self.words.books if self.fuse == "prepend" else 1), self.words.dim

    def code_config(self, stage: StageConfig) -> CodeConfig:
        """The code model of a stage."""
        conditions = {TEXT: ConditionConfig(self.words.dim, self.fuse)}
        there = {BEAT: self.beat, TUNE: stage.name in self.melody}
        there |= {CHROMA: self.chroma, TIMING: self.timing}
        for name in (name for name in WIDTHS if there[name]):
            conditions[name] = ConditionConfig(WIDTHS[name], "sum")
        if stage.name in self.lyrics:
            conditions[LYRICS] = ConditionConfig(LYRICS_WIDTH, "cross")
        for name in stage.reads:
            rows = TokenRows(self.tokens(name), stage.rate, stage.around)
            conditions[name] = rows.config
        sizes = (stage.width, stage.heads, stage.layers, stage.hidden, stage.dropout)
        if len(set(stage.sizes)) != 1:
            raise InputError(f"the books of the stage {stage.name!r} differ: {list(stage.sizes)}")
        return CodeConfig(len(stage.sizes), stage.sizes[0], *sizes, conditions=conditions)


def words_config(data: Mapping[str, Any]) -> WordsConfig | JointWordsConfig:
    """The config of words, their own or a joint embedding's. Raises TypeError."""
    return JointWordsConfig(**data) if "kind" in data else WordsConfig(**data)


def words_of(config: WordsConfig | JointWordsConfig) -> Words | JointWords:
    """Words with random weights."""
    return Words(config) if isinstance(config, WordsConfig) else JointWords(config)


class MusicLM(nn.Module):
    """Everything but the codec: the words and the semantic quantiser, which are fitted and frozen,
    and the stages' code models, which are trained. Raises InputError where a stage reads one that
    is not there, or its books differ in size."""

    def __init__(self, config: MusicConfig):
        super().__init__()
        self.config = config
        self.words = words_of(config.words)
        sizes = {name: config.semantic[name] for name in ("dim", "size") if name in config.semantic}
        kind = config.semantic.get("kind", "")
        self.semantic: Any = quantizer(kind, **sizes).eval() if kind else None
        self.models = nn.ModuleDict(
            {stage.name: CodeLM(config.code_config(stage)) for stage in config.stages}
        )
        for model in self.models.values():
            conditions: Any = model.conditions
            if TIMING in conditions:  # lengths that no song of the training has then say nothing
                nn.init.zeros_(conditions[TIMING].weight)
        for part in (self.words, self.semantic):
            if part is not None:
                part.requires_grad_(False)

    def train(self, mode: bool = True) -> MusicLM:
        """As ``nn.Module.train``; quantisers stay as they are fitted."""
        super().train(mode)
        self.words.eval()
        if self.semantic is not None:
            self.semantic.eval()
        return self

    def states(self, tokens: Tensor, kept: int | None = None) -> Tensor:
        """(B, n, dim) of tokens of words (B, books) as the stages read them, of which the first
        ``kept`` count (None: all)."""
        states = self.words.states(tokens)
        if kept is not None:
            states[:, kept:] = 0.0
        return states if self.config.fuse == "prepend" else states.sum(1, keepdim=True)

    def stages(self) -> list[CodeStage]:
        """The stages, ready to write. Raises InputError where one does not fit another."""
        return [self._stage(stage) for stage in self.config.stages]

    def cascade(self) -> Cascade[MusicWish]:
        """The stages in a row. Raises InputError where they do not fit together."""
        return Cascade(self.stages(), self.config.inputs)

    def _stage(self, stage: StageConfig) -> CodeStage:
        model: Any = self.models[stage.name]
        return CodeStage(
            stage.name,
            model,
            stage.tokens,
            Windows(stage.length, stage.stride),
            partial(_others, stage.rate, self.config.states),
            lambda wish: wish.sampling,
            {name: self.config.tokens(name) for name in stage.reads},
            stage.around,
            temperature=stage.temperature,
            guided=stage.guided,
        )


def _others(
    rate: float,
    shape: tuple[int, int],
    wish: MusicWish,
    name: str,
    layout: Pattern,
    window: Window,
) -> tuple[Row, Row]:
    return wish_rows(wish, name, layout, window, rate, shape)
