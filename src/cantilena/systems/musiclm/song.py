"""What a Request gives beside its words: a tune or a recording, and of the song of which the piece
is a part where in it the piece lies and what is sung in it.

Knows Requests and what a model reads; does not know stages, words or sound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from cantilena.errors import InputError
from cantilena.systems.codes.tune import check_no_bars
from cantilena.systems.musiclm.lyrics import LYRICS, PACE, characters_of
from cantilena.systems.musiclm.model import MusicConfig
from cantilena.systems.musiclm.timing import Timing
from cantilena.systems.request import Request

TOTAL, OFFSET = "total", "offset"
"""Options: how many seconds the song lasts, and at which of them the piece begins."""


def timing_asked(
    config: MusicConfig, name: str, options: Mapping[str, Any], seconds: float
) -> Timing | None:
    """Where in a song a piece of ``seconds`` lies: by default it is all of it; None for a model
    that reads neither that nor lyrics. ``name``: the model's, for what is said. Raises InputError
    where the piece is not within the song, or the model reads no place."""
    asked = [option for option in (TOTAL, OFFSET) if option in options]
    if not config.timing and not config.lyrics:
        if asked:
            raise InputError(
                f"the model {name!r} reads no place in a song; leave out {asked[0]}=, or train one "
                "with --option timing=true"
            )
        return None
    offset = float(options.get(OFFSET, 0.0))
    total = float(options.get(TOTAL, offset + seconds))
    if not (math.isfinite(total) and 0 <= offset <= total - seconds + 1e-6):
        raise InputError(
            f"a piece of {seconds:g} s from second {offset:g} on is not within a song of "
            f"{total:g} s"
        )
    return Timing(offset, total)


def lyrics_asked(config: MusicConfig, name: str, options: Mapping[str, Any]) -> np.ndarray | None:
    """(n,) the characters of what is sung in the song, None for nothing. Raises InputError where
    there are none that can be sung, or the model reads no lyrics."""
    text = options.get(LYRICS, "")
    if not text.strip():
        return None
    if not config.lyrics:
        raise InputError(
            f"the model {name!r} reads no lyrics; 'cantilena train --system musiclm --recipe "
            "jukebox-lyrics' makes one that does"
        )
    return characters_of(text)


def sung_seconds(options: Mapping[str, Any]) -> float | None:
    """How long lyrics are sung where no length is asked for; None without any. Raises InputError as
    ``characters_of``."""
    count = len(characters_of(options.get(LYRICS, "")))
    return round(count / PACE, 2) if count else None


def check_source(config: MusicConfig, name: str, request: Request) -> None:
    """Raises InputError for a Score or a recording that the model does not read, and for wishes
    that a tune decides."""
    brief = request.brief
    is_given = request.score is not None or request.audio is not None
    if request.score is not None and request.audio is not None:
        raise InputError("a tune is a Score or a recording; give one of them")
    if request.score is not None and config.stem:
        raise InputError(f"the model {name!r} writes {config.stem} to sound, not to notes")
    if is_given and not config.melody and not config.stem:
        raise InputError(
            f"the model {name!r} follows no tune and accompanies no recording; 'cantilena "
            "train --system musiclm --recipe musiclm-melody' makes one that follows a tune"
        )
    if is_given and config.melody and brief.tempo and brief.how.get("tempo") != "implied":
        raise InputError("a tune has a tempo of its own; leave the tempo out")
    if is_given and config.melody:
        check_no_bars(brief)
