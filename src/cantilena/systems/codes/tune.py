"""Tunes that a piece is to have, as MusicLM is led by a hummed or played melody beside its words:
of notes, of a Score or of a recording, and as rows of a stage's condition.

Knows notes, Scores, samples and Requests; does not know stages or words. MusicLM has an embedding
of melodies that it learned from covers and hummed tunes (24 tokens every four seconds). Here a tune
is the pitch class that it has at each moment, and where its notes begin, by frame. An octave says
nothing, as one hums where one's voice is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cantilena.audio import mel
from cantilena.audio.audio import Audio
from cantilena.audio.chroma import FFT, HOP, MELODY_RATE, chroma, melody_chroma
from cantilena.audio.wav import resample
from cantilena.data.audio.clips import STEMS
from cantilena.data.audio.roles import track_roles
from cantilena.errors import InputError
from cantilena.score.score import DRUMS, Score
from cantilena.systems.codes.conditions import NO_TUNE, TUNE_RATE
from cantilena.systems.request import Request
from cantilena.text.report.rows import Row
from cantilena.text.wishes import Brief

TUNE = "melody"
"""Its name among the conditions of a stage, and in checkpoints."""
CLASSES = 12
WIDTH = 1 + CLASSES + 1
"""Numbers of a frame: 1 where a tune is told of, its pitch class, and whether a note begins."""
SILENCE = 0.1
"""Of a recording: moments softer than this share of its loudest have no note."""
SMOOTH = 3
"""Of a recording: moments, 50 ms each, over which pitch classes are summed up."""
SHORTEST = 3
"""Of a recording: moments that a note lasts at least; what is shorter is left out."""
LEAST_SECONDS = 1.0
"""Of a recording that a tune is heard in."""


@dataclass(frozen=True)
class Tune:
    """Notes (N,) by ``onset``: ``onset`` and ``stop`` in seconds and ``pitch``, of which the class
    alone counts; of several at once the highest is the tune. After ``seconds`` it begins anew."""

    onset: np.ndarray
    stop: np.ndarray
    pitch: np.ndarray
    seconds: float

    def line(self, times: np.ndarray) -> np.ndarray:
        """(T,) the note that is heard at each time, -1 where none is."""
        times = np.asarray(times, dtype=np.float64) % self.seconds
        out = np.full(len(times), -1)
        for i in np.argsort(self.pitch, kind="stable"):
            out[(self.onset[i] <= times) & (times < self.stop[i])] = i
        return out

    def classes(self, times: np.ndarray) -> np.ndarray:
        """(T,) its pitch class at each time, from C on; -1 where it rests."""
        note = self.line(times)
        return np.where(note < 0, -1, self.pitch[note].astype(np.int64) % CLASSES)

    def rows(self, rate: float, start: int, stop: int) -> np.ndarray:
        """(stop - start, WIDTH) float32 for frames ``start`` to ``stop`` of ``rate`` a second."""
        frames = np.arange(start, stop)
        note = self.line((frames + 0.5) / rate)
        first = self.line(np.array([(start - 0.5) / rate])) if start else np.array([-1])
        before = np.concatenate([first, note[:-1]])
        out = np.zeros((len(frames), WIDTH), dtype=np.float32)
        out[:, 0] = 1.0
        there = np.flatnonzero(note >= 0)
        out[there, 1 + self.pitch[note[there]].astype(np.int64) % CLASSES] = 1.0
        out[there, 1 + CLASSES] = note[there] != before[there]
        return out


def tune_of_symbols(symbols: Any, seconds: float) -> Tune | None:
    """The melody of a clip's notes (``data.audio.clips.Symbols``); None where no part is one."""
    leads = np.flatnonzero(symbols.role == STEMS.index("melody"))
    return _tune(symbols, leads, seconds) if len(leads) else None


def tune_of_score(score: Score) -> Tune:
    """The tune of a Score: the part that is its melody (``data.audio.roles``), else the highest of
    all that is pitched. It begins anew behind its last bar. Raises InputError where nothing is."""
    melody = track_roles(score).melody
    own = score.track == melody if melody is not None else score.instrument != DRUMS
    if not own.any():
        raise InputError("there is no tune in a piece without pitched notes")
    onset, stop = score.seconds(score.onset), score.seconds(score.onset + score.duration)
    length = float(score.seconds(score.bar_starts[-1]))
    return Tune(onset[own], stop[own], score.pitch[own], length)


def tune_of_sound(samples: np.ndarray, rate: int) -> Tune:
    """The tune that is heard in (n,) samples at ``rate`` Hz: the strongest pitch class of each
    moment that is not silent, as long as it lasts. Made for one voice alone; of a band it is what
    sounds most. Raises InputError for less than a second, and where all is silent."""
    seconds = len(samples) / rate
    if seconds < LEAST_SECONDS:
        raise InputError(f"in {seconds:.2g} s no tune is heard; give a second at least")
    sound = resample(np.asarray(samples, dtype=np.float32), rate, mel.RATE)
    heard = chroma(np.pad(sound, FFT // 2))  # so that the first moment is the beginning
    power = heard.sum(1)
    if power.max(initial=0.0) <= 1e-6:
        raise InputError("no tune is heard in silence")
    kernel = np.ones(SMOOTH)
    sums = np.stack([np.convolve(row, kernel, "same") for row in heard.T], axis=1)
    classes = np.where(power < SILENCE * power.max(), -1, sums.argmax(1))
    moments = np.arange(len(classes)) * HOP / mel.RATE
    starts = np.flatnonzero(np.diff(classes, prepend=-2))
    ends = np.append(starts[1:], len(classes))
    kept = (classes[starts] >= 0) & (ends - starts >= SHORTEST)
    if not kept.any():
        raise InputError("no note is heard that lasts; give a tune that is hummed or played alone")
    half = HOP / mel.RATE / 2
    onset, stop = moments[starts[kept]] - half, moments[ends[kept] - 1] + half
    return Tune(np.maximum(onset, 0.0), stop, classes[starts[kept]], seconds)


def check_no_bars(brief: Brief) -> None:
    """Raises InputError for a length in bars beside a tune."""
    if brief.bars is not None:
        raise InputError(
            "a piece with a tune is as long as the tune, or as asked in seconds; leave the bars out"
        )


def tune_of(request: Request) -> Tune:
    """The tune of a Request's Score or recording. Raises InputError where there is none in it."""
    if request.audio is None:
        assert request.score is not None
        return tune_of_score(request.score)
    return tune_of_sound(request.audio.samples.mean(0), request.audio.rate)


def melody_rows(request: Request, tune: Tune) -> np.ndarray:
    """(n, 12) a Request's melody as MusicGen reads it: of a recording by its own chroma, of a Score
    the pitch class that the tune has at each moment, silence where it rests."""
    if request.audio is not None:
        sound = request.audio.samples.mean(0).astype(np.float32)
        return melody_chroma(resample(sound, request.audio.rate, MELODY_RATE))
    classes = tune.classes((np.arange(max(1, round(tune.seconds * TUNE_RATE))) + 0.5) / TUNE_RATE)
    return np.eye(CLASSES, dtype=np.float32)[np.where(classes < 0, NO_TUNE, classes)]


def _tune(symbols: Any, which: np.ndarray, seconds: float) -> Tune:
    onset = np.asarray(symbols.onset[which], dtype=np.float64)
    stop = onset + np.asarray(symbols.duration[which], dtype=np.float64)
    return Tune(onset, stop, symbols.pitch[which], seconds)


def share_heard(samples: np.ndarray, rate: int, tune: Tune) -> float:
    """Share of the moments in which a tune has a note and its pitch class is the strongest of what
    is heard in (n,) samples; nan where it has none. By chance it is a twelfth, and more for tunes
    of the same key."""
    heard = chroma(resample(np.asarray(samples, dtype=np.float32), rate, mel.RATE))
    wanted = tune.classes((np.arange(len(heard)) * HOP + FFT / 2) / mel.RATE)
    there = wanted >= 0
    if not there.any():
        return float("nan")
    return float((heard.argmax(1) == wanted)[there].mean())


def tune_row(tune: Tune, sound: Audio) -> Row:
    """The row of the report for how far a tune is heard in sound, which counts for nothing: other
    parts may sound louder."""
    mono = np.asarray(sound.samples, dtype=np.float32).mean(0)
    share = share_heard(mono, sound.rate, tune)
    heard = f"its pitch is the strongest for {100 * share:.0f} % of it (by chance 8 %)"
    return Row(TUNE, "the tune", "it rests" if np.isnan(share) else heard, None, None)
