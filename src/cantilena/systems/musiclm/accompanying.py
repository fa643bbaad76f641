"""Recordings that are accompanied: read, encoded, listened to for beats, and mixed with the part
that is written.

Knows samples, a codec and beats; does not know stages, Requests or how a part is written. A
recording keeps its rate, its channels and its loudness; what the model reads of it is one channel
at the codec's rate, as loud as the clips that it was taught with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.analysis.audio import listen
from cantilena.audio.audio import Audio
from cantilena.audio.recording import open_recording
from cantilena.audio.resampling import HIGHEST, LOWEST, resampled
from cantilena.audio.wav import MAX_CHANNELS, pcm_bytes
from cantilena.errors import InputError
from cantilena.models.audio.codec.stream import encode_blocks
from cantilena.render.synth import room
from cantilena.systems.musiclm.wish import METRE, beats_alone
from cantilena.tokens.codes.symbols import Sounding

LONGEST = 600.0
"""Seconds of a recording at most, as all of it is held in memory."""
SHORTEST = 1.0
"""Seconds of a recording at least."""
QUIETEST = 0.5
"""Factor by which a part is made quieter at most, so that the mix fits full scale; what still does
not fit is cut off from the part, never from the recording."""
MOST_GAIN = 10.0
"""By which a quiet recording is amplified to be heard (20 dB): beside one that is next to silence a
part would be inaudible too."""
BLOCK = 1 << 18
"""Samples that are read at a time."""
FULL = 32_768
"""Of 16 bits; ``audio.wav`` reads samples as shares of it."""


def read_recording(path: str | Path) -> Audio:
    """A sound file with its own channels and rate. Raises InputError for one that cannot be read,
    is empty or lasts more than ``LONGEST``, MissingExtraError where its kind needs soundfile."""
    with open_recording(path) as recording:
        if recording.length / recording.rate > LONGEST:
            raise InputError(
                f"{str(path)!r} lasts {recording.length / recording.rate:.0f} s; at most "
                f"{LONGEST:.0f} s are accompanied"
            )
        starts = range(0, recording.length, BLOCK)
        parts = [recording.read(at, at + BLOCK) for at in starts]
        rate = recording.rate
    if not parts:
        raise InputError(f"there is no sound in {str(path)!r}")
    return Audio(np.concatenate(parts).T, rate)


def check(audio: Audio) -> None:
    """Raises InputError for a recording that cannot be accompanied."""
    if len(audio.samples) > MAX_CHANNELS:
        raise InputError(
            f"a recording of {len(audio.samples)} channels is more than the {MAX_CHANNELS} that a "
            "WAV file is written with"
        )
    if not LOWEST <= audio.rate <= HIGHEST:
        raise InputError(f"a rate of {audio.rate} Hz is outside {LOWEST}-{HIGHEST}")
    if not SHORTEST <= audio.seconds <= LONGEST:
        raise InputError(
            f"a recording of {audio.seconds:.2f} s is outside {SHORTEST:g}-{LONGEST:g} s"
        )


def gain_of(audio: Audio) -> float:
    """What brings a recording to the loudness of the clips of a training, at most ``MOST_GAIN``; 1
    for silence."""
    return min(room.level(audio.samples, audio.rate), MOST_GAIN) or 1.0


def as_heard(audio: Audio, rate: int) -> np.ndarray:
    """(n,) samples of a recording at the codec's ``rate``: one channel, as loud as clips are."""
    mono = audio.samples.mean(0, keepdims=True).T * np.float32(gain_of(audio))
    return np.concatenate(list(resampled([mono], audio.rate, rate)))[:, 0]


def under_noise(heard: np.ndarray, noise: float) -> np.ndarray:
    """(n,) samples under white noise of a deviation, the same each time."""
    if not noise:
        return heard
    return heard + noise * np.random.default_rng(0).standard_normal(len(heard))


def codes(codec: Any, heard: np.ndarray, noise: float = 0.0) -> np.ndarray:
    """(K, T) codes of (n,) samples at the codec's rate, ``under_noise`` as the model was taught."""
    heard = under_noise(heard, noise)
    block = np.repeat(heard.astype(np.float32)[:, None], codec.channels, axis=1)
    return np.concatenate(list(encode_blocks(codec, [block])), axis=1)


def heard_beats(heard: np.ndarray, rate: int) -> Sounding | None:
    """The beats that are heard in (n,) samples, None where none are. Which of them begin bars is
    not heard: the first is taken to, which is right once in four."""
    listened = listen(heard[:, None], rate)
    beats = listened.edges[1:-1]
    if listened.bpm is None or len(beats) < 2:
        return None
    return beats_alone(beats, np.arange(len(beats)) % int(METRE.split("/")[0]))


# ------------------------------------------------------------------ the mix


@dataclass(frozen=True)
class Mix:
    """A recording with its part, and the part alone, both (n, channels) int16 at the recording's
    rate. Their difference is the recording, sample for sample, where that has 16 bits; of any other
    it is the nearest 16 bits."""

    both: np.ndarray
    part: np.ndarray
    rate: int

    def sound(self, alone: bool = False) -> Audio:
        """The mix, or the part ``alone``."""
        return Audio((self.part if alone else self.both).T / np.float32(FULL), self.rate)

    def files(self, alone: bool, stem: str) -> dict[str, bytes]:
        """WAV files of what ``sound`` gives and, beside the mix, of the part: by format."""
        if alone:
            return {"wav": pcm_bytes(self.part, self.rate)}
        both, part = (pcm_bytes(samples, self.rate) for samples in (self.both, self.part))
        return {"wav": both, f"{stem}.wav": part}


def mixed(part: np.ndarray, rate: int, audio: Audio, seconds: float) -> Mix:
    """The first ``seconds`` of a recording with a part, (n,) samples at ``rate`` Hz, which was
    written to it ``as_heard``."""
    length = min(round(seconds * audio.rate), audio.samples.shape[1])
    recording = np.rint(audio.samples[:, :length].astype(np.float64) * FULL)
    recording = np.clip(recording, -FULL, FULL - 1).astype(np.int64)
    fitted = np.concatenate(list(resampled([part[:, None]], rate, audio.rate)))[:length, 0]
    fitted = np.pad(fitted, (0, length - len(fitted))) / gain_of(audio) * FULL
    room_above = np.minimum(FULL - 1 - recording, FULL - 1)  # as the part stands in a file too
    room_below = np.maximum(-FULL - recording, -FULL)
    loud = np.abs(fitted) >= 1
    space = np.where(fitted > 0, room_above.min(0), room_below.max(0))[loud] / fitted[loud]
    factor = float(np.clip(space.min(initial=1.0), QUIETEST, 1.0))
    added = np.clip(np.rint(fitted * factor).astype(np.int64), room_below, room_above)
    both = recording + added
    return Mix(both.T.astype(np.int16), added.T.astype(np.int16), audio.rate)
