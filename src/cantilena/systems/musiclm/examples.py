"""Examples for MusicLM's stages, the batches of a run's steps, and what stages lose on them.

Knows codes, semantic tokens, captions and beats of clips in memory; does not know where clips come
from. Conditions are made by the stages themselves, so that they are asked as they were taught. A
batch depends on the seed and the step alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cantilena.decode.windows import Window
from cantilena.errors import InputError
from cantilena.models.audio.code_lm import Signal, nats_by_book
from cantilena.systems.codes.stages import CodeStage
from cantilena.systems.codes.stepper import Conditions, Row, batched
from cantilena.systems.codes.tune import Tune
from cantilena.systems.musiclm.levels import split
from cantilena.systems.musiclm.model import MusicLM
from cantilena.systems.musiclm.options import RECORDING, SEMANTIC
from cantilena.systems.musiclm.timing import Timing
from cantilena.systems.musiclm.wish import MusicWish
from cantilena.tokens.codes.symbols import Sounding

COLUMNS, MASK = "columns", "mask"
TEMPI = ((76.0, "slow"), (112.0, "moderate"), (float("inf"), "fast"))
"""Words for tempi, by the quarters a minute below which they hold."""
MOST_WORDS = 3
"""Facts of a short text at most."""
_SHORT = 0.5
"""How often a clip's text is a few of its facts in place of a caption."""


@dataclass(frozen=True)
class MusicExample:
    """A clip: ``codes`` (K, T) of the codec, ``semantic`` (1, T'), captions (``texts``), single
    ``words`` that are true of it, ``features`` of its sound for the joint embedding, its ``song``,
    where its beats are, the codes (K, T) of the ``recording`` that it accompanies, where it does,
    its ``tune``, where one is known, which pitch classes (T', 12) sound in the recording, where
    stages read them (``pitches.pitch_classes``), where in its song it lies (``timing``), and the
    characters of the ``lyrics`` of that song."""

    codes: np.ndarray
    semantic: np.ndarray
    texts: tuple[str, ...]
    words: tuple[str, ...]
    features: np.ndarray
    song: str
    sounding: Sounding | None = None
    recording: np.ndarray | None = None
    tune: Tune | None = None
    chroma: np.ndarray | None = None
    timing: Timing | None = None
    lyrics: np.ndarray | None = None

    def text(self, rng: np.random.Generator) -> str:
        """A caption, or some of the words."""
        if self.words and (not self.texts or rng.random() < _SHORT):
            count = min(len(self.words), int(rng.integers(1, MOST_WORDS + 1)))
            return " ".join(self.words[i] for i in rng.permutation(len(self.words))[:count])
        return self.texts[int(rng.integers(len(self.texts)))] if self.texts else ""


def words_of(meta: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    """Single words that are true of a clip: its genres, moods, instruments (``names``) and how fast
    it is."""
    tempo = meta.get("bpm")
    pace = [word for below, word in TEMPI if tempo and tempo < below][:1]
    return (*meta.get("genres", ()), *meta.get("moods", ()), *names, *pace)


class MusicBatches:
    """Batches of crops for every stage of ``music``. ``drop``: how often each condition is left
    out; ``text_share``: how often an example's words are those of a text and not of its sound;
    ``word_dropout``: how often only the first of their tokens are read, some number.
    Raises InputError where a stage has no example that is long enough."""

    def __init__(
        self,
        examples: Sequence[MusicExample],
        music: MusicLM,
        seed: int = 0,
        drop: float = 0.15,
        text_share: float = 0.5,
        word_dropout: float = 0.0,
    ):
        self.word_dropout = word_dropout
        self.examples, self.music = list(examples), music
        self.seed, self.drop, self.text_share = seed, drop, text_share
        self.stages = music.stages()
        self.tokens = [self._tokens(example) for example in self.examples]
        self.sound = music.words.tokens_of_sound(
            torch.from_numpy(np.stack([example.features for example in self.examples]))
        )
        self.layouts, self.long = {}, {}
        for stage in self.stages:
            frames = max(1, round(stage.windows.length * stage.writes.rate))
            self.layouts[stage.name] = stage.layout(frames)
            rows = [tokens[stage.name].shape[1] for tokens in self.tokens]
            self.long[stage.name] = [i for i, row in enumerate(rows) if row >= frames]
            if not self.long[stage.name]:
                raise InputError(
                    f"no clip is as long as a window of the stage {stage.name!r}, "
                    f"{stage.windows.length:g} s; the longest has "
                    f"{max(rows, default=0) / stage.writes.rate:g} s"
                )

    def _tokens(self, example: MusicExample) -> dict[str, np.ndarray]:
        """An example's tokens by stage, and by the name of an input. Raises InputError."""
        out = split(self.music.config, example.codes.astype(np.int64))
        out[SEMANTIC] = example.semantic.astype(np.int64)
        if self.music.config.given:
            if example.recording is None:
                raise InputError(
                    "these clips have no recording to accompany; the model needs clips with stems"
                )
            out[RECORDING] = example.recording.astype(np.int64)
        return out

    def draw(self, step: int, size: int) -> dict[str, Tensor]:
        """The batch of a step: for each stage ``size`` examples at random, from a frame at random,
        each condition left out now and then."""
        rng = np.random.default_rng([self.seed, step])
        batch: dict[str, Tensor] = {}
        for stage in self.stages:
            long = self.long[stage.name]
            which = [long[int(i)] for i in rng.integers(len(long), size=size)]
            words = self._words(which, rng)
            crops = []
            for i, tokens in zip(which, words, strict=True):
                free = self.tokens[i][stage.name].shape[1] - self.layouts[stage.name].frames
                few = int(rng.integers(1, len(tokens) + 1))
                kept = few if rng.random() < self.word_dropout else len(tokens)
                codes, conditions = self._cut(stage, i, int(rng.integers(free + 1)), tokens, kept)
                rows = {
                    name: conditions.null[name] if rng.random() < self.drop else row
                    for name, row in conditions.rows.items()
                }
                crops.append((codes, Conditions(rows, conditions.null)))
            batch |= self._stacked(stage, crops)
        return batch

    def fixed(self, size: int, limit: int = 64, by_sound: bool = False) -> list[dict[str, Tensor]]:
        """Batches for validation: the beginnings of the first ``limit`` examples, under the tokens
        of their first caption, or of their sound. Neighbours in a batch are as far from one another
        as there are batches: examples that follow one another are mostly of one song."""
        out: list[dict[str, Tensor]] = []
        for stage in self.stages:
            which = self.long[stage.name][:limit]
            texts = [(self.examples[i].texts or ("",))[0] for i in which]
            words = self.sound[which] if by_sound else self.music.words.tokens_of_text(texts)
            crops = [self._cut(stage, i, 0, own) for i, own in zip(which, words, strict=True)]
            batches = -(-len(crops) // size)
            for n in range(batches):
                if n == len(out):
                    out.append({})
                out[n] |= self._stacked(stage, crops[n::batches])
        return out

    def _words(self, which: Sequence[int], rng: np.random.Generator) -> Tensor:
        """(B, books) tokens of words, of texts or of sound."""
        texts = [self.examples[i].text(rng) for i in which]
        by_text = torch.from_numpy(rng.random(len(which)) < self.text_share)
        return torch.where(
            by_text[:, None], self.music.words.tokens_of_text(texts), self.sound[list(which)]
        )

    def _cut(
        self, stage: CodeStage, i: int, start: int, words: Tensor, kept: int | None = None
    ) -> tuple[np.ndarray, Conditions]:
        """A crop of an example, under the first ``kept`` tokens of words."""
        layout = self.layouts[stage.name]
        window = Window(start, start, start + layout.frames)
        states = self.music.states(words[None], kept)[0]
        example = self.examples[i]
        wish = MusicWish(
            [(0.0, states)],
            example.sounding,
            tune=example.tune,
            chroma=example.chroma,
            timing=example.timing,
            lyrics=example.lyrics,
        )
        tokens = self.tokens[i]
        codes = tokens[stage.name][:, start : window.stop]
        return codes, stage.conditions(wish, window, tokens, layout)

    def _stacked(
        self, stage: CodeStage, crops: Sequence[tuple[np.ndarray, Conditions]]
    ) -> dict[str, Tensor]:
        """A stage's part of a batch, its names behind the stage's and a dot."""
        layout = self.layouts[stage.name]
        valid = layout.valid
        columns = layout.build(np.stack([codes for codes, _ in crops]))[0][:, :, : valid.steps]
        part = {
            COLUMNS: torch.from_numpy(np.ascontiguousarray(columns)),
            MASK: torch.from_numpy(np.array(valid.mask)),
        }
        for name, condition in stage.model.config.conditions.items():
            rows = [conditions.rows[name] for _, conditions in crops]
            if condition.fuse == "sum" and len(rows[0].mask) == layout.steps:
                rows = [Row(row.states[: valid.steps], row.mask[: valid.steps]) for row in rows]
            part[f"{name}.states"], part[f"{name}.mask"] = batched(rows)
        return {f"{stage.name}.{key}": value for key, value in part.items()}


# ------------------------------------------------------------------ what stages lose


def stage_nats(
    music: MusicLM, batch: Mapping[str, Any], name: str, other: str = "", absent: str = ""
) -> tuple[Tensor, Tensor]:
    """(K,) mean nats of a stage's tokens by book, and (K,) how many there are; with the condition
    ``other`` of the batch's next example, and without ``absent``."""
    model: Any = music.models[name]
    signals = {}
    for condition in model.config.conditions:
        states, mask = (batch[f"{name}.{condition}.{part}"] for part in ("states", "mask"))
        if condition == other:
            states, mask = states.roll(1, 0), mask.roll(1, 0)
        if condition == absent:
            states = torch.zeros_like(states)
        signals[condition] = Signal(states, mask)
    columns, mask = batch[f"{name}.{COLUMNS}"], batch[f"{name}.{MASK}"]
    nats = nats_by_book(model(columns, signals), columns, mask)
    return nats, mask[:, 1:].sum(1) * len(columns)


def stage_sums(music: MusicLM, batch: Mapping[str, Any]) -> dict[str, Tensor]:
    """As ``MusicLmTraining.held_out``."""
    out: dict[str, Tensor] = {}

    def add(label: str, nats: Tensor, count: Tensor) -> None:
        out[label] = torch.stack([(nats * count).sum(), count.sum()])

    for name, model in music.models.items():
        if f"{name}.{COLUMNS}" not in batch:
            continue
        nats, count = stage_nats(music, batch, name)
        add(name, nats, count)
        if len(nats) > 1:
            for k in range(len(nats)):
                add(f"{name}, book {k + 1}", nats[k : k + 1], count[k : k + 1])
        conditions: Any = model.config
        for condition in conditions.conditions:
            if len(batch[f"{name}.{COLUMNS}"]) > 1:
                add(f"{name}, other {condition}", *stage_nats(music, batch, name, condition))
            add(f"{name}, no {condition}", *stage_nats(music, batch, name, absent=condition))
    return out
