"""From a recording to clips: mixed to one channel, brought to one rate, the unfit left out.

Knows what makes a recording unfit; does not know MIDI or files of a data set. A recording keeps
its own loudness. What it says of itself in words is a text file beside it (``song.txt`` of
``song.flac``), a caption a line; without one, its genre and title where it has tags.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cantilena.audio.recording import Recording, open_recording
from cantilena.audio.wav import resample
from cantilena.data.audio.clips import Clip, Recipe, spans, to_pcm
from cantilena.data.prepare import Refused
from cantilena.errors import InputError, MissingExtraError

SILENCE = 10 ** (-60 / 20)
"""RMS, of a full scale of 1, below which a clip is silent."""
CLIPPED = 0.005
"""Share of samples in runs at full scale, from which a clip is clipped: at 0.1 % such runs are
heard on single beats only, at 1 % all the time."""
MIN_SECONDS = 1.0
MARGIN = 1
"""Seconds on each side of a clip that its change of rate looks at."""
RATES = (4_000, 384_000)
"""Hz of the recordings that are taken."""
MOST_CHANNELS = 16
_FULL = 32_766 / 32_768
_RUN = 3
"""Samples in a row at full scale that no peak of a wave explains."""


@dataclass(frozen=True)
class Take:
    """Clips ``first`` to ``stop`` (excluded) of a recording, which has ``id`` in its ``source``."""

    id: str
    path: Path
    source: str
    first: int
    stop: int


def recording_clips(take: Take, recipe: Recipe) -> tuple[list[Clip], Counter[str]]:
    """The clips of a take, and how many were left out as "silent" or "clipped", mixed of several
    channels ("mixed") and brought to the recipe's rate ("resampled"). Raises Refused where the
    file is unfit, or none of its clips is fit and the take is all of it."""
    try:
        with open_recording(take.path) as recording:
            return _clips(recording, take, recipe)
    except MissingExtraError:
        raise
    except InputError as error:
        not_finite = "not finite" in str(error)
        raise Refused("not finite" if not_finite else "unreadable") from None


def _clips(recording: Recording, take: Take, recipe: Recipe) -> tuple[list[Clip], Counter[str]]:
    check(recording)
    captions = captions_of(take.path, recording)
    clips: list[Clip] = []
    counts: Counter[str] = Counter()
    edges = spans(recording.length / recording.rate, recipe)
    for number in range(take.first, min(take.stop, len(edges))):
        start, stop = edges[number]
        samples, side, clipped = stretch(recording, start, stop, recipe.rate)
        fault = fault_of(samples, clipped)
        if fault:
            counts[fault] += 1
            continue
        meta = {
            "id": f"{take.id}#{number}",
            "file": take.id,
            "source": take.source,
            "origin": "recording",
            "start": start,
            "offset": start,
            "total": round(recording.length / recording.rate, 4),
            "seconds": round(len(samples) / recipe.rate, 6),
            "rate": recording.rate,
            "channels": recording.channels,
            "tags": recording.tags,
        }
        kept = to_pcm(side) if recipe.stereo and side is not None else None
        clips.append(Clip(recipe.rate, to_pcm(samples), meta, captions, side=kept))
    whole = take.first == 0 and take.stop >= len(edges)
    if not clips and whole:
        raise Refused(max(counts, key=lambda fault: counts[fault]) if counts else "short")
    apart = recipe.stereo and recording.channels == 2
    counts["mixed"] += len(clips) * (recording.channels > 1 and not apart)
    counts["resampled"] += len(clips) * (recording.rate != recipe.rate)
    return clips, counts


def check(recording: Recording) -> None:
    """Raises Refused for a recording whose head alone says that it is unfit."""
    if not recording.length:
        raise Refused("empty")
    if not RATES[0] <= recording.rate <= RATES[1]:
        raise Refused("wrong rate")
    if recording.channels > MOST_CHANNELS:
        raise Refused("many channels")
    if recording.length < MIN_SECONDS * recording.rate:
        raise Refused("short")


def stretch(
    recording: Recording, start: float, stop: float, rate: int
) -> tuple[np.ndarray, np.ndarray | None, float]:
    """(n,) float32 samples at ``rate`` Hz from ``start`` (whole seconds) to ``stop`` of a
    recording, the mean of its channels; of two channels half of the first less the second, (n,),
    else None; and the share of its own samples that are clipped."""
    before = min(MARGIN, int(start))
    first = (int(start) - before) * recording.rate
    source = recording.read(first, round((stop + MARGIN) * recording.rate))
    own = source[before * recording.rate :][: round((stop - start) * recording.rate)]

    def brought(samples: np.ndarray) -> np.ndarray:
        return resample(samples, recording.rate, rate)[before * rate :][
            : round((stop - start) * rate)
        ]

    two = recording.channels == 2
    side = brought((source[:, 0] - source[:, 1]) / 2) if two else None
    return brought(source.mean(axis=1)), side, clipped_share(own)


def fault_of(samples: np.ndarray, clipped: float) -> str:
    """Why a clip is unfit: "short", "silent" or "clipped"; "" where it is fit."""
    if not len(samples):
        return "short"
    if np.sqrt(np.mean(samples.astype(np.float64) ** 2)) < SILENCE:
        return "silent"
    return "clipped" if clipped > CLIPPED else ""


def clipped_share(source: np.ndarray) -> float:
    """Share of (n, channels) samples that stand in runs of three or more at full scale."""
    full = np.pad(np.abs(source) >= _FULL, ((1, 1), (0, 0)))  # no run goes on in the next channel
    edges = np.flatnonzero(np.diff(full.T.reshape(-1)))
    lengths = edges[1::2] - edges[::2]
    return float(lengths[lengths >= _RUN].sum()) / max(1, source.size)


def captions_of(path: Path, recording: Recording) -> tuple[str, ...]:
    """What is said of a recording in words; () where nothing is."""
    beside = path.with_suffix(".txt")
    if beside.is_file():
        try:
            lines = beside.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError):
            lines = []
        captions = tuple(line.strip() for line in lines if line.strip())
        if captions:
            return captions
    genre, title = recording.tags.get("genre", ""), recording.tags.get("title", "")
    words = [genre.lower(), f'called "{title}"' if title else ""]
    text = " ".join(word for word in words if word)
    return (text,) if genre else ()
