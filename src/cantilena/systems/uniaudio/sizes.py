"""What options say of a UniAudio's tokens and sizes.

Knows options; does not know training or checkpoints. Light to import: torch and numpy come
when sizes are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cantilena.systems.uniaudio.options import UniOptions

if TYPE_CHECKING:
    from cantilena.models.audio.uniaudio import UniConfig
    from cantilena.tokens.codes.patches import Vocabulary

LOCAL_HEADS = 4
"""Of attention, in the local transformer."""


def vocabulary_of(options: UniOptions) -> Vocabulary:
    """The tokens of a model."""
    from cantilena.tokens.codes.patches import Vocabulary

    return Vocabulary(options.books, options.card, options.frames, options.buckets)


def config_of(options: UniOptions) -> UniConfig:
    """The sizes of a model."""
    from cantilena.models.audio.uniaudio import UniConfig

    vocabulary = vocabulary_of(options)
    return UniConfig(
        vocabulary.size,
        vocabulary.written,
        options.books,
        options.frames,
        options.slot,
        options.width,
        options.heads,
        options.layers,
        options.hidden,
        options.local_width,
        LOCAL_HEADS,
        options.local_layers,
        options.local_hidden,
        options.dropout,
    )
