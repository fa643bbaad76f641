"""Texts as training varies them: facts put behind a description or in its place, words left out.

Knows texts and facts, which are texts by name; does not know where they come from, nor what reads
them. The order and the shares that are no options are MusicGen's, as audiocraft has them in
``augment_music_info_description`` and ``T5Conditioner``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

FACT_KEPT = 0.5
"""How often each fact is among those that are put behind a text: audiocraft's ``drop_other_p``,
which is the share that is kept."""
TEXT_LEFT_OUT = 0.5
"""How often the text itself is left out where facts are: ``drop_desc_p``."""


@dataclass(frozen=True)
class Rewording:
    """``merge``: how often facts are put behind a text, 0-1; ``word_dropout``: the share of words
    that are left out, 0-1. Of the defaults no random number is drawn."""

    merge: float = 0.0
    word_dropout: float = 0.0

    def of(self, text: str, facts: Mapping[str, str], rng: np.random.Generator) -> str:
        """A text as training reads it; "" where nothing of it is left."""
        if self.merge and rng.random() < self.merge:
            text = merged(text, facts, rng)
        if self.word_dropout:
            words = text.split()
            kept = rng.random(len(words)) >= self.word_dropout
            text = " ".join(word for word, is_kept in zip(words, kept, strict=True) if is_kept)
        return text


UNCHANGED = Rewording()


def merged(text: str, facts: Mapping[str, str], rng: np.random.Generator) -> str:
    """A text with some of the facts behind it as "key: C major. bpm: 110", in any order, or these
    alone; "" where neither text nor fact is kept."""
    pairs = [f"{name}: {fact}" for name, fact in facts.items() if rng.random() < FACT_KEPT]
    pairs = [pairs[i] for i in rng.permutation(len(pairs))]
    parts = pairs if rng.random() < TEXT_LEFT_OUT else [text.rstrip("."), *pairs]
    return ". ".join(part for part in parts if part)
