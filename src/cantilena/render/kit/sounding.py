"""The sound of a Score some of whose parts are played by sampled instruments.

Knows how such parts and the others are put together; does not know how either is made. A part is
brought to the loudness that it would have by the engine that plays the others, so that the balance
of the piece stays.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cantilena.errors import CantilenaError, InputError
from cantilena.render.audio import MAX_SECONDS, find_fluidsynth, find_soundfont, unmastered
from cantilena.render.kit.sampler import Sampler, played
from cantilena.render.synth import room
from cantilena.score.score import Score

_WET = 0.18
"""Share of the parts that goes to the reverb, as the built-in synthesizer has it."""


def with_kits(
    score: Score,
    kits: Mapping[int, Sampler],
    rate: int = 44100,
    engine: str = "auto",
    soundfont: str | None = None,
) -> np.ndarray:
    """(n, 2) float32 mastered sound of a Score, the tracks in ``kits`` (numbers from 0) by these
    and the others by ``engine``, as ``render.audio.render_audio`` takes it. Raises InputError for
    a Score of more than 30 minutes, CantilenaError where "fluidsynth" cannot be had."""
    if float(score.seconds(score.end)) > MAX_SECONDS:
        raise InputError(f"audio is made of at most {MAX_SECONDS // 60} minutes; render a part")
    program, font = None, None
    if engine != "synth":
        try:
            program, font = find_fluidsynth(), find_soundfont(soundfont)
        except InputError:
            raise
        except CantilenaError:
            if engine == "fluidsynth":
                raise
    mix = unmastered(_tracks(score, kits, False), rate, program, font)
    for track, kit in kits.items():
        mine = played(score, {track: kit}, rate, mix.shape[1])
        replaced = unmastered(_tracks(score, {track: kit}, True), rate, program, font)
        mine *= _level(replaced) / max(_level(mine), 1e-9)
        room.reverb(_WET * 0.5 * (mine[0] + mine[1]), rate, mine, 1.0)
        mix += mine
    room.fade_out(mix, rate)
    return np.ascontiguousarray(room.master(mix, rate).T)


def _tracks(score: Score, kits: Mapping[int, Sampler], inside: bool) -> Score:
    """The Score with the notes of these tracks alone, or of all others; as long as it was."""
    return score.select(np.isin(score.track, list(kits)) == inside)


def _level(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(sound.astype(np.float64) ** 2)))
