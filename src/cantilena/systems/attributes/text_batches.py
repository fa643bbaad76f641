"""Texts as batches of tokens, with the classes that they say.

Knows tokenizers and batches; does not know how texts are made (``texts``) or what is learnt.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cantilena.systems.attributes.phrases import HELD_OUT, TRAINED
from cantilena.systems.attributes.texts import targets, text_of

LONGEST = 192
"""Tokens of a text that are read; the texts to learn from have up to about 100."""


def tokenizer_of(name: str | Path) -> Any:
    """The tokenizer of a hub name or a folder. Raises CheckpointError, MissingExtraError."""
    from cantilena.models.hub import loading, need

    transformers = need("transformers", "reading texts")
    with loading("tokenizer", name):
        return transformers.AutoTokenizer.from_pretrained(name)


def tokens(tokenizer: Any, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Ids (B, T) int64 of texts, cut at ``LONGEST`` tokens, and their mask (B, T) bool."""
    rows = tokenizer(texts, truncation=True, max_length=LONGEST)["input_ids"]
    longest = max(1, *map(len, rows))
    ids, mask = np.zeros((len(rows), longest), np.int64), np.zeros((len(rows), longest), bool)
    for i, row in enumerate(rows):
        ids[i, : len(row)], mask[i, : len(row)] = row, True
    return ids, mask


class TextBatches:
    """Batches of random texts, by ``seed`` and step alone."""

    def __init__(self, tokenizer: Any, seed: int = 0):
        self.tokenizer, self.seed = tokenizer, seed

    def draw(self, step: int, size: int, new: bool = False, stream: int = 0) -> dict[str, Any]:
        """``ids``, ``mask`` and ``targets`` (B, 60) of a step; ``new``: in phrasings that are held
        out."""
        patterns = HELD_OUT if new else TRAINED
        rng = np.random.default_rng([self.seed, stream, int(new), step])
        pairs = [text_of(rng, patterns) for _ in range(size)]
        ids, mask = tokens(self.tokenizer, [text for text, _ in pairs])
        rows = np.stack([targets(classes) for _, classes in pairs])
        return {"ids": ids, "mask": mask, "targets": rows, "new": np.array(new)}

    def fixed(self, size: int, batches: int) -> list[dict[str, Any]]:
        """The same ``batches`` each time, in phrasings of the training and as many in others, for
        validation."""
        return [
            self.draw(step, size, new, stream=1) for new in (False, True) for step in range(batches)
        ]
