"""Clips: some seconds of sound with all that is known of them.

Knows what a clip holds and how a piece is divided into clips; does not know where sound comes from
(``rendering``, ``recordings``) nor files of a data set (``shards``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from cantilena.errors import InputError

STEMS = ("drums", "bass", "melody", "other")
"""The parts of a mix, and the roles of notes by their number."""

FULL_SCALE = 32_768
"""Of the 16-bit samples that clips are kept in."""

NOTE_TYPES = {
    "onset": np.float32,
    "duration": np.float32,
    "pitch": np.uint8,
    "velocity": np.uint8,
    "instrument": np.uint8,
    "role": np.uint8,
}
BEAT_TYPES = {"beat": np.float32, "beat_in_bar": np.uint8}
CHORD_TYPES = {"chord_start": np.float32, "chord": np.uint8}
ANNOTATIONS = {"note": NOTE_TYPES, "beat": BEAT_TYPES, "chord": CHORD_TYPES}
"""The arrays of a clip's symbols by what they count, with their types."""


@dataclass(frozen=True)
class Recipe:
    """What decides the clips of a file beside the file: ``rate`` in Hz; ``seconds`` of a clip;
    ``per_file``, clips of a file at most (None: all), its first ones or, ``spread``, from its
    beginning to its end; ``stems``, whether the parts are kept beside
    the mix; ``wordings``, captions of a clip; ``engine``, "synth" or "fluidsynth", and for the
    latter the ``soundfont``'s path and sha256; ``stereo``, whether what tells left from right is
    kept beside the mix. Raises InputError for what makes no clips."""

    rate: int = 16_000
    seconds: int = 30
    per_file: int | None = None
    stems: bool = False
    wordings: int = 4
    engine: str = "synth"
    soundfont: str = ""
    soundfont_sha256: str = ""
    stereo: bool = False
    spread: bool = False

    def __post_init__(self) -> None:
        if not 8_000 <= self.rate <= 192_000:
            raise InputError(f"the sample rate must be 8000 to 192000 Hz, not {self.rate}")
        if not 1 <= self.seconds <= 600:
            raise InputError(f"a clip must last 1 to 600 seconds, not {self.seconds}")
        if self.wordings < 1 or (self.per_file is not None and self.per_file < 1):
            raise InputError("wordings, and clips of a file, are numbers from 1 on")

    def to_dict(self) -> dict[str, Any]:
        """Plain data; of the soundfont its name and hash, as its folder decides nothing. Clips of
        one channel say nothing of ``stereo``, nor the first clips of files of ``spread``, as
        before there was any."""
        data = {**asdict(self), "soundfont": self.soundfont.replace("\\", "/").split("/")[-1]}
        for name in ("stereo", "spread"):
            if not data[name]:
                del data[name]
        return data


@dataclass(frozen=True)
class Symbols:
    """What sounds in a clip, exactly; times in seconds from its start.

    Notes, in order of onset (M,): ``onset`` (below 0: it sounds already), ``duration``, ``pitch``,
    ``velocity``, ``instrument`` (0-127, 128 drums), ``role`` (a place in ``STEMS``). Beats (B,):
    ``beat``, and ``beat_in_bar`` from 0. Half bars (C,): ``chord_start``, and ``chord``, a reduced
    chord number (``score.harmony``; 0: none)."""

    onset: np.ndarray
    duration: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    instrument: np.ndarray
    role: np.ndarray
    beat: np.ndarray
    beat_in_bar: np.ndarray
    chord_start: np.ndarray
    chord: np.ndarray


@dataclass(frozen=True)
class Clip:
    """A clip. ``mix`` (n,) int16, one channel, and, where they are kept, ``stems``: the same of
    each of ``STEMS``, whose sum is the mix exactly; ``side`` (n,) int16, half of left less right,
    so that the mix and it added up are the left channel. ``captions``: several wordings, or none.
    ``symbols``: None of a recording.

    ``meta``: ``id`` (its file's, "#", its number), ``file`` (the file's id), ``source``, ``start``
    and ``seconds`` in the file, ``offset`` and ``total``, the second of the music at which it
    begins and how long that lasts, ``origin`` ("midi" or "recording"); of MIDI also ``bpm``,
    ``metre``, ``key`` (0-23, or -1), ``instruments``, ``genres``, ``moods`` and ``melody``: the
    name of the melody's track and whether "name" or "rule" told it, or None; of a recording its
    ``rate``, ``channels`` and ``tags``."""

    rate: int
    mix: np.ndarray
    meta: dict[str, Any]
    captions: tuple[str, ...] = ()
    stems: dict[str, np.ndarray] = field(default_factory=dict)
    symbols: Symbols | None = None
    side: np.ndarray | None = None

    @property
    def id(self) -> str:
        """The clip's name within its data set."""
        return self.meta["id"]

    @property
    def samples(self) -> np.ndarray:
        """(n,) float32 samples of the mix in -1..1."""
        return from_pcm(self.mix)

    @property
    def place(self) -> tuple[float, float] | None:
        """The second of its song at which it begins, and how many the song lasts; of a sung line
        all of it. None of a clip that does not say it, as older data sets do not."""
        if "total" in self.meta:
            return self.meta["offset"], self.meta["total"]
        return (0.0, self.meta["seconds"]) if "phonemes" in self.meta else None

    def heard(self, channels: int) -> np.ndarray:
        """(channels, n) float32 samples: left and right where two are asked for and the clip has
        them, else the mix in each."""
        mix = self.samples
        if channels == 2 and self.side is not None:
            side = from_pcm(self.side)
            return np.stack([mix + side, mix - side])
        return np.repeat(mix[None], channels, 0)


def to_pcm(samples: np.ndarray) -> np.ndarray:
    """int16 of samples in -1..1; what lies outside is clipped."""
    scaled = np.rint(np.asarray(samples, dtype=np.float64) * FULL_SCALE)
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def from_pcm(pcm: np.ndarray) -> np.ndarray:
    """float32 samples in -1..1 of int16 ones."""
    return pcm.astype(np.float32) / np.float32(FULL_SCALE)


def spans(length: float, recipe: Recipe) -> list[tuple[float, float]]:
    """From where to where, in seconds, the clips of ``length`` seconds of music last: the recipe's
    ``seconds`` each, one behind the other, and no more than its ``per_file``, the first ones or,
    ``spread``, at equal distances from the first to the last; a last shorter one counts from half
    of that on, or where it is the only one."""
    whole = int(length // recipe.seconds)
    edges = [(float(i * recipe.seconds), float((i + 1) * recipe.seconds)) for i in range(whole)]
    rest = length - whole * recipe.seconds
    if rest > 0 and (not whole or 2 * rest >= recipe.seconds):
        edges.append((float(whole * recipe.seconds), float(length)))
    most = recipe.per_file
    if most is None or not recipe.spread or most >= len(edges):
        return edges[:most]
    return [edges[i] for i in np.linspace(0, len(edges) - 1, most).round().astype(int)]
