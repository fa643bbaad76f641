"""Recordings that are accompanied: read, encoded, listened to for beats, and mixed with the part
that is written.

Knows samples, a codec and beats; does not know stages, Requests or how a part is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cantilena.analysis.audio import listen
from cantilena.audio.audio import Audio
from cantilena.audio.recording import open_recording
from cantilena.audio.resampling import resampled
from cantilena.errors import InputError
from cantilena.models.audio.codec.stream import encode_blocks
from cantilena.systems.musiclm.wish import METRE, beats_alone
from cantilena.tokens.codes.symbols import Sounding

LONGEST = 600.0
"""Seconds of a recording at most, as all of it is held in memory."""
SHORTEST = 1.0
"""Seconds of a recording at least."""
LOUDEST = 0.98
"""Peak of the mix at most, a share of full scale."""
BLOCK = 1 << 18
"""Samples that are read at a time."""


def read_recording(path: str | Path, rate: int) -> Audio:
    """A sound file as (1, n) samples at ``rate`` Hz. Raises InputError for one that cannot be read,
    is empty or lasts more than ``LONGEST``, MissingExtraError where its kind needs soundfile."""
    with open_recording(path) as recording:
        if recording.length / recording.rate > LONGEST:
            raise InputError(
                f"{str(path)!r} lasts {recording.length / recording.rate:.0f} s; at most "
                f"{LONGEST:.0f} s are accompanied"
            )
        starts = range(0, recording.length, BLOCK)
        blocks = (recording.read(at, at + BLOCK).mean(1, keepdims=True) for at in starts)
        parts = list(resampled(blocks, recording.rate, rate))
    if not parts:
        raise InputError(f"there is no sound in {str(path)!r}")
    return Audio(np.concatenate(parts).T, rate)


def check(audio: Audio, rate: int) -> None:
    """Raises InputError for a recording that cannot be accompanied."""
    if audio.rate != rate or len(audio.samples) != 1:
        raise InputError(
            f"a recording is accompanied as one channel at {rate} Hz, not {len(audio.samples)} at "
            f"{audio.rate}"
        )
    if not SHORTEST <= audio.seconds <= LONGEST:
        raise InputError(
            f"a recording of {audio.seconds:.2f} s is outside {SHORTEST:g}-{LONGEST:g} s"
        )


def codes(codec: Any, audio: Audio) -> np.ndarray:
    """(K, T) codes of a recording of one channel at the codec's rate."""
    return np.concatenate(list(encode_blocks(codec, [audio.samples.T])), axis=1)


def heard_beats(audio: Audio) -> Sounding | None:
    """The beats that are heard, None where none are. Which of them begin bars is not heard: the
    first is taken to, which is right once in four."""
    heard = listen(audio.samples.T, audio.rate)
    beats = heard.edges[1:-1]
    if heard.bpm is None or len(beats) < 2:
        return None
    return beats_alone(beats, np.arange(len(beats)) % int(METRE.split("/")[0]))


def mixed(part: np.ndarray, audio: Audio, alone: bool) -> Audio:
    """The recording with the part, (channels, n) at its rate, or the part ``alone``: one channel,
    made quieter where its peak would be above ``LOUDEST``."""
    sound = part[:1].astype(np.float32)
    if not alone:
        sound = sound + audio.samples[:, : sound.shape[1]]
    peak = float(np.abs(sound).max()) if sound.size else 0.0
    return Audio(sound if peak <= LOUDEST else sound * (LOUDEST / peak), audio.rate)
