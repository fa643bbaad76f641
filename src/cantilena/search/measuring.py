"""What search knows of a file: measured once, kept as plain data, compared with any text.

Knows how a Score and a recording are measured; does not know what is asked for (``matching``) or
where measures are kept (``cache``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cantilena.errors import InputError
from cantilena.score.score import DRUMS, Score

if TYPE_CHECKING:
    from cantilena.models.audio.joint_plain import PlainJoint

AUDIO_SECONDS = 120.0
"""Seconds in the middle of a longer recording that are heard."""
MOST_CHORDS = 512
"""Half bars, or slots of sound, whose chords are kept."""
MOST_WORDS = 2000
"""Letters of names and texts that are kept."""
BARS_HEARD = 32
"""Bars of the music by which its genre is recognised."""
SILENT = 1e-3
"""RMS, -60 dBFS, below which sound is silence, as for ``data audio``."""


@dataclass(frozen=True)
class Measured:
    """What a file holds. ``kind``: "midi" or "audio". ``instruments``: share (0-1) of the sounding
    time by program (0-127, 128 drums); of audio, how likely each plays (0-1, as
    ``hearing.Sound`` has it); ``families``: those that are surely heard in audio.
    ``key`` as "D minor", ``metre`` as "3/4", ``chords``: reduced numbers, each change once;
    ``density``: notes a bar, ``rate``: onsets a second; ``loudness``: mean velocity (0-127);
    ``height``: mean pitch (0-127); ``sounding``: share of the time to a part's next onset for which
    its notes sound; ``power``: share of the sounding time of ``powerful`` instruments; ``genres``:
    probabilities of the groups of genres (``tables.GROUP_OF``); ``words``: title, names, markers
    and lyrics. ``vector``: of the joint embedding, () without one. None where something is not
    measured."""

    kind: str
    seconds: float
    instruments: dict[int, float] = field(default_factory=dict)
    families: tuple[str, ...] = ()
    bpm: float | None = None
    key: str | None = None
    metre: str | None = None
    chords: tuple[int, ...] = ()
    bars: int | None = None
    swing: bool | None = None
    played: bool | None = None
    density: float | None = None
    rate: float | None = None
    loudness: float | None = None
    height: float | None = None
    sounding: float | None = None
    power: float | None = None
    genres: dict[str, float] | None = None
    words: str = ""
    vector: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Measured:
        """What ``to_dict`` wrote, through JSON. Raises TypeError, ValueError or AttributeError for
        anything else."""
        if set(data) != {entry.name for entry in fields(cls)}:
            raise ValueError("these are not the measures of a file")
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        plain["instruments"] = {int(k): float(v) for k, v in plain["instruments"].items()}
        return cls(**plain)


# ---------------------------------------------------------------------------- MIDI


def of_score(score: Score) -> Measured:
    """Of a Score. Raises InputError where it has no notes."""
    from cantilena.analysis import describe, off_grid
    from cantilena.text.report import PLAYED

    if not len(score):
        raise InputError("there are no notes in it")
    a = describe(score)
    first, last = int(score.onset.min()), int((score.onset + score.duration).max())
    length = max(float(score.seconds(last)) - float(score.seconds(first)), 0.1)
    pitched = ~score.is_drum
    shares = {p.instrument: round(p.share, 4) for p in a.parts}
    return Measured(
        kind="midi",
        seconds=round(a.seconds, 3),
        instruments=shares,
        bpm=round(a.bpm, 3),
        key=a.key.name if a.key else None,
        metre=f"{a.metre[0]}/{a.metre[1]}",
        chords=_changes(a.chords),
        bars=a.bars,
        swing=bool(a.swing),
        played=bool(off_grid(score) >= PLAYED),
        density=round(a.density, 3),
        rate=round(len(np.unique(score.onset)) / length, 3),
        loudness=round(float(score.velocity.mean()), 2),
        height=round(float(score.pitch[pitched].mean()), 2) if pitched.any() else None,
        sounding=_sounding(score),
        power=round(sum(share for i, share in shares.items() if powerful(i)), 4),
        genres=_genres(score),
        words=_words(score),
    )


def _changes(chords: Sequence[int]) -> tuple[int, ...]:
    """Chords that sound, each change once."""
    from cantilena.score.harmony import NO_CHORD

    sounding = [int(n) for n in chords[:MOST_CHORDS] if n != NO_CHORD]
    return tuple(n for i, n in enumerate(sounding) if not i or n != sounding[i - 1])


def powerful(instrument: int) -> bool:
    """Whether an instrument (0-127, 128 drums) makes music powerful: drums and timpani, overdriven
    and distorted guitars, brass, synth leads."""
    return instrument in (DRUMS, 29, 30, 47) or 56 <= instrument < 64 or 80 <= instrument < 88


def _sounding(score: Score) -> float | None:
    from cantilena.text.report.listening import Line

    lines = [Line.of(score, int(i)) for i in np.unique(score.instrument) if i != DRUMS]
    if not lines:
        return None
    return round(float(np.average([x.sounding for x in lines], weights=[len(x) for x in lines])), 4)


def _genres(score: Score) -> dict[str, float]:
    from cantilena.analysis.excerpt import first_bars
    from cantilena.analysis.likeness import genre_features, shipped

    row = genre_features(first_bars(score, BARS_HEARD))
    shares = shipped().probabilities(row[None])[0]
    return {name: round(float(p), 4) for name, p in zip(shipped().genres, shares, strict=True)}


def _words(score: Score) -> str:
    names = [score.title, *(t.name for t in score.tracks), *(t.text for t in score.markers)]
    names += ["".join(t.text for t in score.lyrics)]
    return " ".join(" ".join(dict.fromkeys(filter(None, names))).split())[:MOST_WORDS]


# ---------------------------------------------------------------------------- sound


def of_recording(path: str | Path, joint: PlainJoint | None = None) -> Measured:
    """Of a sound file, of a long one its middle, with its vector by ``joint``. Raises
    InputError where it cannot be read or is silent, MissingExtraError where its kind needs
    soundfile."""
    from cantilena.analysis.audio import listen
    from cantilena.search.hearing import shipped

    mono, rate, seconds, words = middle_of(path)
    heard, sound = listen(mono, rate), shipped().hear(mono, rate)
    return Measured(
        kind="audio",
        seconds=round(seconds, 3),
        instruments={i: round(float(p), 4) for i, p in enumerate(sound.instruments)},
        families=heard.families,
        bpm=None if heard.bpm is None else round(heard.bpm, 3),
        key=heard.key.name if heard.key else None,
        chords=_changes(heard.chords.tolist()),
        rate=round(sound.rate, 3),
        height=round(sound.height, 2),
        power=round(sound.power, 4),
        genres=sound.genres,
        words=words[:MOST_WORDS],
        vector=() if joint is None else tuple(joint.of_sound(mono, rate).round(5).tolist()),
    )


def middle_of(path: str | Path) -> tuple[np.ndarray, int, float, str]:
    """(n,) samples of a sound file, of a long one its middle, their rate, how many seconds the
    whole lasts, and the words of its tags. Raises InputError where it cannot be read or is silent,
    MissingExtraError where its kind needs soundfile."""
    from cantilena.audio.recording import open_recording

    with open_recording(path) as recording:
        rate, whole = recording.rate, recording.length
        count = min(whole, round(AUDIO_SECONDS * rate))
        start = (whole - count) // 2
        samples = recording.read(start, start + count)
        words = " ".join(recording.tags.values())
    if not len(samples) or float(np.sqrt(np.mean(np.square(samples)))) < SILENT:
        raise InputError(f"{str(path)!r} is silent")
    return samples.mean(axis=1), rate, whole / rate, words


def pace(measured: Measured) -> float | None:
    """How fast music feels, -1 to 1: tempo and, where it is known, onsets a second; 0 at 100
    quarters a minute and four onsets a second."""
    values: list[float] = []
    if measured.bpm:
        values.append(math.log2(measured.bpm / 100) / 0.6)
    if measured.rate:
        values.append(math.log2(measured.rate / 4) / 1.2)
    return float(np.clip(np.mean(values), -1, 1)) if values else None
