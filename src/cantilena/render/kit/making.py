"""Samples over the keyboard and the SFZ file that plays them.

Knows keys, layers of velocity, loops and levels; what gives a note's sound is handed to it. A
sample whose measured pitch is wrong is asked for again, and in the end made of its neighbour by
resampling, so that every key is in tune.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.audio.pitch import HARMONICS, cents_off
from cantilena.audio.wav import write_wav
from cantilena.errors import CantilenaError
from cantilena.render.kit.sfz import Region, sfz_text
from cantilena.render.synth.tones import frequency

LOWEST, HIGHEST, STEP = 24, 105, 3
"""The first and the last key that is sampled, and from one to the next: none is played more than a
tone away from its own."""
LAYERS = ((0, 50, 36), (51, 90, 72), (91, 127, 110))
"""Velocities of each layer from and to, and at which it is made."""
PEAK = 0.89
"""Peak of the loudest sample, of full scale: -1 dBFS."""
RIGHT = 35
"""Cents within which a sample is in tune."""
SILENT, SILENT_BESIDE = 1e-3, 0.03
"""Peak below which a sample is none; and as a share of what is usual in its layer."""
END = 1e-3
"""Share of its peak below which a sample's end is cut off."""
FOLDER = "samples"
_SILENCE = 9_999
"""Cents off of a sample that is silent: more than any pitch can be."""
_FADE = 0.05
"""Seconds over which a sample that is cut off fades."""


@dataclass(frozen=True)
class Note:
    """A sample to make: its key, and the velocity of its layer."""

    key: int
    velocity: int


@dataclass(frozen=True)
class Sound:
    """A sample: (n,) float32 at the kit's rate, and where it is sustained (``loop``)."""

    samples: np.ndarray
    loop: tuple[int, int] | None = None


Make = Callable[[Sequence[Note], int], Sequence[Sound]]
"""Gives the sounds of notes, in their order; its second argument is the attempt, from 0."""


@dataclass(frozen=True)
class Kit:
    """``regions`` with their sounds, at ``rate`` Hz, and a row of ``kit.json`` for each."""

    regions: tuple[Region, ...]
    sounds: tuple[Sound, ...]
    rows: tuple[dict[str, Any], ...]
    rate: int


def keys() -> list[tuple[int, int, int]]:
    """(centre, low, high) of the keys that are sampled; together they are all 128."""
    centres = list(range(LOWEST, HIGHEST + 1, STEP))
    return [
        (
            centre,
            0 if centre == centres[0] else centre - STEP // 2,
            127 if centre == centres[-1] else centre + (STEP - 1) // 2,
        )
        for centre in centres
    ]


def make_kit(
    make: Make,
    rate: int,
    release: float,
    attempts: int = 1,
    harmonics: int = HARMONICS,
    even: bool = False,
) -> Kit:
    """Samples of all keys and layers. ``attempts`` at one that is out of tune or silent, then its
    nearest neighbour of the same layer that is right, resampled. ``harmonics``: by how many a pitch
    is measured; 1 for bars and bells. ``even``: all samples are brought to one loudness. Raises
    CantilenaError where no sample is right."""
    notes = [Note(centre, velocity) for _, _, velocity in LAYERS for centre, _, _ in keys()]
    sounds: dict[Note, Sound] = {}
    cents: dict[Note, int] = {}
    origin: dict[Note, str] = {}
    wrong, usual = notes, 0.0
    for attempt in range(attempts):
        new = make(wrong, attempt)
        if attempt == 0:
            usual = float(np.median([np.abs(sound.samples).max(initial=0.0) for sound in new]))
        for note, sound in zip(wrong, new, strict=True):
            if np.abs(sound.samples).max(initial=0.0) < max(SILENT, SILENT_BESIDE * usual):
                off = _SILENCE
            else:
                off = cents_off(sound.samples, frequency(note.key), rate, harmonics)
            if note not in sounds or abs(off) < abs(cents[note]):
                sounds[note], cents[note] = sound, off
                origin[note] = "made" if attempt == 0 else f"made, attempt {attempt + 1}"
        wrong = [note for note in notes if abs(cents[note]) > RIGHT]
        if not wrong:
            break
    right = [note for note in notes if abs(cents[note]) <= RIGHT]
    for note in wrong:
        near = [other for other in right if other.velocity == note.velocity] or right
        if not near:
            raise CantilenaError("no sample came out at the pitch that it should have")
        source = min(near, key=lambda other: (abs(other.key - note.key), other.key))
        sounds[note] = repitched(sounds[source], note.key - source.key)
        cents[note], origin[note] = cents[source], f"made of key {source.key}"
    if even:
        sounds = {note: _evened(sound, rate) for note, sound in sounds.items()}
    return _levelled(notes, sounds, cents, origin, rate, release)


def _evened(sound: Sound, rate: int) -> Sound:
    """A sound whose loudest tenth of a second is as loud as any other's."""
    n = max(1, rate // 10)
    power = np.convolve(sound.samples.astype(np.float64) ** 2, np.full(n, 1 / n), "valid")
    loud = float(np.sqrt(power.max(initial=0.0))) if len(sound.samples) >= n else 0.0
    return replace(sound, samples=(sound.samples / max(loud, 1e-6)).astype(np.float32))


def _levelled(
    notes: Sequence[Note],
    sounds: dict[Note, Sound],
    cents: dict[Note, int],
    origin: dict[Note, str],
    rate: int,
    release: float,
) -> Kit:
    """The kit at one level for all samples, the loudest at ``PEAK``: what is softer stays so."""
    highest = max(float(np.abs(sounds[note].samples).max()) for note in notes)
    places = {centre: (low, high) for centre, low, high in keys()}
    spans = {velocity: (softest, loudest) for softest, loudest, velocity in LAYERS}
    regions, out, rows = [], [], []
    for note in notes:
        sound = trimmed(sounds[note], rate)
        samples = (sound.samples * (PEAK / highest)).astype(np.float32)
        low, high = places[note.key]
        softest, loudest = spans[note.velocity]
        name = f"{FOLDER}/{note.key:03d}-{note.velocity:03d}.wav"
        regions.append(Region(name, low, high, note.key, softest, loudest, release, sound.loop))
        out.append(replace(sound, samples=samples))
        rows.append(
            {
                "sample": name,
                "key": note.key,
                "velocity": note.velocity,
                "cents_off": cents[note],
                "peak": round(float(np.abs(samples).max()), 4),
                "seconds": round(len(samples) / rate, 3),
                "origin": origin[note],
            }
        )
    return Kit(tuple(regions), tuple(out), tuple(rows), rate)


def trimmed(sound: Sound, rate: int) -> Sound:
    """A sound that is not sustained up to where it is over, its end faded."""
    if sound.loop is not None:
        return sound
    loud = np.flatnonzero(np.abs(sound.samples) > END * np.abs(sound.samples).max(initial=0.0))
    samples = sound.samples[: loud[-1] + 1].copy() if len(loud) else sound.samples
    n = min(len(samples), round(_FADE * rate))
    samples[len(samples) - n :] *= np.linspace(1, 0, n, dtype=np.float32)
    return Sound(samples)


def repitched(sound: Sound, semitones: int) -> Sound:
    """A sound read faster or slower."""
    ratio = 2.0 ** (semitones / 12)
    at = np.arange(int((len(sound.samples) - 1) / ratio)) * ratio
    samples = np.interp(at, np.arange(len(sound.samples)), sound.samples).astype(np.float32)
    if sound.loop is None:
        return Sound(samples)
    first, last = (round(place / ratio) for place in sound.loop)
    return Sound(samples, (first, min(last, len(samples) - 2)))


def looped(samples: np.ndarray, key: int, rate: int, begin: float, cross: float = 0.25) -> Sound:
    """A sustained tone with a loop of whole periods from ``begin`` seconds on, its end mixed over
    ``cross`` seconds with what stands before the loop, so that it goes round without a seam."""
    period = rate / frequency(key)
    first, n = round(begin * rate), round(cross * rate)
    hop = round((len(samples) - 2 - first) // period * period)
    last = first + hop - 1
    out = samples[: last + 2].copy()
    rise = np.sin(np.linspace(0, np.pi / 2, n, dtype=np.float32)) ** 2
    out[last + 1 - n : last + 1] = (
        out[last + 1 - n : last + 1] * (1 - rise) + samples[first - n : first] * rise
    )
    out[last + 1] = samples[first]
    return Sound(out, (first, last))


def write_kit(kit: Kit, folder: Path, name: str, comment: str) -> Path:
    """Writes samples and SFZ file into an empty folder. Raises InputError."""
    (folder / FOLDER).mkdir()
    for region, sound in zip(kit.regions, kit.sounds, strict=True):
        write_wav(sound.samples, kit.rate, folder / region.sample)
    path = folder / f"{name}.sfz"
    path.write_text(sfz_text(kit.regions, comment), encoding="utf-8")
    return path
