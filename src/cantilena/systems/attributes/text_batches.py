"""Texts as batches of tokens, with the classes that they say.

Knows tokenizers and batches; does not know how texts are made (``texts``) or what is learnt.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.systems.attributes.phrases import HELD_OUT, TRAINED
from cantilena.systems.attributes.texts import targets, text_of

LONGEST = 192
"""Tokens of a text that are read; the texts to learn from have up to about 100."""


Read = Callable[[list[str]], tuple[np.ndarray, np.ndarray]]
"""Ids (B, T) int64 of texts and their mask (B, T) bool."""


def tokenizer_of(name: str | Path) -> Any:
    """The tokenizer of a text model by short name, hub name or folder. Raises CheckpointError,
    InputError, MissingExtraError."""
    from cantilena.models.encoders import source_of
    from cantilena.models.hub import loading, need
    from cantilena.models.packaged import packaged

    transformers = need("transformers", "reading texts")
    with loading("tokenizer", name):
        return transformers.AutoTokenizer.from_pretrained(packaged(source_of(name)))


def reading_by(tokenizer: Any) -> Read:
    """Texts as a tokenizer of ``transformers`` reads them."""
    return partial(tokens, tokenizer)


def reading_for(encoder: Any) -> Read:
    """Texts as a text encoder (``models.encoders``) reads them."""

    def read(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        ids, mask = encoder.tokens(texts)
        return ids.numpy(), mask.numpy()

    return read


def tokens(tokenizer: Any, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Ids (B, T) int64 of texts, cut at ``LONGEST`` tokens with a notice, and their mask (B, T)
    bool."""
    from cantilena.models.encoders import say_cut

    rows = tokenizer(texts, truncation=True, max_length=LONGEST)["input_ids"]
    for text, row in zip(texts, rows, strict=True):
        if len(row) == LONGEST and len(tokenizer(text, verbose=False)["input_ids"]) > LONGEST:
            say_cut(text, tokenizer.decode(row, skip_special_tokens=True), LONGEST)
    longest = max(1, *map(len, rows))
    ids, mask = np.zeros((len(rows), longest), np.int64), np.zeros((len(rows), longest), bool)
    for i, row in enumerate(rows):
        ids[i, : len(row)], mask[i, : len(row)] = row, True
    return ids, mask


class TextBatches:
    """Batches of random texts, by ``seed`` and step alone."""

    def __init__(self, read: Read, seed: int = 0):
        self.read, self.seed = read, seed

    def draw(self, step: int, size: int, new: bool = False, stream: int = 0) -> dict[str, Any]:
        """``ids``, ``mask`` and ``targets`` (B, 60) of a step; ``new``: in phrasings that are held
        out."""
        patterns = HELD_OUT if new else TRAINED
        rng = np.random.default_rng([self.seed, stream, int(new), step])
        pairs = [text_of(rng, patterns) for _ in range(size)]
        ids, mask = self.read([text for text, _ in pairs])
        rows = np.stack([targets(classes) for _, classes in pairs])
        return {"ids": ids, "mask": mask, "targets": rows, "new": np.array(new)}

    def fixed(self, size: int, batches: int) -> list[dict[str, Any]]:
        """The same ``batches`` each time, in phrasings of the training and as many in others, for
        validation."""
        return [
            self.draw(step, size, new, stream=1) for new in (False, True) for step in range(batches)
        ]
