"""Playing a Score by a sampled instrument.

Knows regions, samples and notes in time; does not know how samples were made, nor the mixing desk
beyond places of parts. Pedals hold notes; bends and other controllers are not heard.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cantilena.audio.wav import read_wav
from cantilena.errors import InputError
from cantilena.render.kit.sfz import Region, read_sfz, sfz_path
from cantilena.render.synth import room
from cantilena.render.synth.controllers import sounding_ends
from cantilena.score.score import Score

_LOUDNESS_POWER = 2
"""Of the velocity, as General MIDI Level 2 recommends and SFZ's ``amp_veltrack`` has it."""
_SHORTEST = 0.03
"""Seconds that a note sounds at least."""


class Sampler:
    """An SFZ file or the folder of one, its samples read when they are first needed. Raises
    InputError for one that cannot be used."""

    def __init__(self, path: str | Path):
        self.folder = sfz_path(path).parent
        self.regions = read_sfz(path)
        self._samples: dict[str, tuple[np.ndarray, int]] = {}

    def region(self, key: int, velocity: int) -> Region | None:
        """What sounds for a key that is struck so; of several the first, None where none does."""
        return next((r for r in self.regions if r.fits(key, velocity)), None)

    def note(self, region: Region, key: int, held: int, rate: int) -> np.ndarray:
        """(n,) or (n, 2) float32: the sample at a key's pitch, ``held`` samples of ``rate`` a
        second, and its release."""
        sample, own = self._read(region.sample)
        ratio = own / rate * 2.0 ** ((key - region.centre + region.cents / 100) / 12)
        release = max(1, round(region.release * rate))
        at = np.arange(held + release) * ratio
        if region.loop is not None:
            first, last = region.loop
            length = max(1, last + 1 - first)
            at = np.where(at > last, first + (at - first) % length, at)
        elif region.one_shot:
            at = np.arange(int(len(sample) / ratio)) * ratio
        at = at[at < len(sample) - 1]
        whole = at.astype(np.int64)
        part = (at - whole).astype(np.float32)
        if sample.ndim == 2:
            part = part[:, None]
        sound = sample[whole] * (1 - part) + sample[whole + 1] * part
        if not region.one_shot and len(sound) > held:
            fade = np.cos(np.linspace(0, np.pi / 2, release, dtype=np.float32)) ** 2
            tail = fade[: len(sound) - held]
            sound[held:] *= tail[:, None] if sound.ndim == 2 else tail
        return sound * np.float32(10 ** (region.decibels / 20))

    def _read(self, name: str) -> tuple[np.ndarray, int]:
        if name not in self._samples:
            samples, rate = read_wav(self.folder / name)
            if samples.shape[1] > 2:
                raise InputError(f"the sample {name!r} has {samples.shape[1]} channels, not 1 or 2")
            self._samples[name] = (samples[:, 0] if samples.shape[1] == 1 else samples), rate
        return self._samples[name]


def played(score: Score, kits: dict[int, Sampler], rate: int, n: int) -> np.ndarray:
    """(2, n) float32 sum of the notes of the tracks in ``kits``, each by its own instrument, at its
    place on the stage; not yet mastered. Keys without a region are silent."""
    out = np.zeros((2, n), dtype=np.float32)
    start = np.rint(score.seconds(score.onset) * rate).astype(np.int64)
    ends = np.minimum(*sounding_ends(score))
    stop = np.rint(score.seconds(np.minimum(ends, score.end)) * rate).astype(np.int64)
    held = np.maximum(stop - start, round(_SHORTEST * rate))
    gains = room.gains(room.pans(score)[score.track])
    for i in np.flatnonzero(np.isin(score.track, list(kits))).tolist():
        kit, key, velocity = kits[int(score.track[i])], int(score.pitch[i]), int(score.velocity[i])
        region = kit.region(key, velocity)
        if region is None:
            continue
        sound = kit.note(region, key, int(held[i]), rate)[: max(0, n - int(start[i]))]
        loud = np.float32((velocity / 127) ** _LOUDNESS_POWER)
        pair = sound.T if sound.ndim == 2 else sound[None]
        out[:, start[i] : start[i] + len(sound)] += gains[:, i, None] * loud * pair
    return out
