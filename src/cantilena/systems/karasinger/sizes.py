"""What the options of a training say of the model's sizes. Light to import."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cantilena.systems.karasinger.options import KaraOptions

if TYPE_CHECKING:
    from cantilena.models.audio.karasinger import KaraConfig


def config_of(options: KaraOptions) -> KaraConfig:
    """The sizes of the model. Raises InputError."""
    from cantilena.models.audio.karasinger import KaraConfig

    return KaraConfig(
        len(options.names),
        options.sizes,
        options.width,
        options.inner,
        options.match,
        options.layers,
        options.dropout,
    )
