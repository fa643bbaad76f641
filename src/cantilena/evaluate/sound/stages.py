"""What MusicLM's stages lose on held-out clips: by stage, under their own conditions and others'.

Knows examples and a model's stages; does not know clips, codecs or how a table is printed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from cantilena.systems.codes.ngrams import ngram_nats
from cantilena.systems.musiclm.examples import MusicBatches, stage_sums
from cantilena.systems.musiclm.model import MusicConfig, MusicLM

BY_SOUND = "text by sound"


def ngram_rows(
    train: Sequence[Mapping[str, np.ndarray]],
    valid: Sequence[Mapping[str, np.ndarray]],
    config: MusicConfig,
) -> dict[str, float]:
    """Nats a token of each stage where only counts over ``train`` are known, "semantic, unigram"
    and "semantic, bigram", means over books. Tokens stand by stage."""
    out: dict[str, float] = {}
    for stage in config.stages:
        seen, unseen = ([tokens[stage.name] for tokens in split] for split in (train, valid))
        for name, nats in ngram_nats(seen, unseen, stage.sizes[0]).items():
            out[f"{stage.name}, {name}"] = round(sum(nats) / len(nats), 5)
    return out


@torch.no_grad()
def held_out(
    music: MusicLM, batches: MusicBatches, size: int = 8, limit: int = 64
) -> dict[str, float]:
    """Mean nats a token by stage and condition, as ``MusicLmTraining.held_out`` names them, and
    under tokens of the clip's own sound in place of its caption's ("semantic, text by sound")."""
    sums: dict[str, Any] = {}
    for by_sound in (False, True):
        for batch in batches.fixed(size, limit, by_sound):
            for name, pair in stage_sums(music, batch).items():
                if by_sound and name not in music.models:
                    continue
                label = f"{name}, {BY_SOUND}" if by_sound else name
                sums[label] = sums.get(label, 0) + pair.double()
    return {name: round(float(pair[0] / pair[1]), 5) for name, pair in sums.items()}
