"""What a piece of MusicLM is asked to be, as rows of its stages' conditions: words, the beat, a
tune, the pitch classes of a recording, and, as Jukebox has them, lyrics and the place in a song.

Knows parts in seconds, states of words and the bar and beat that a tempo gives; does not know where
words' states come from, tokens or models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from cantilena.decode.sampling import Sampling
from cantilena.decode.windows import Window, frame_at
from cantilena.errors import InputError
from cantilena.score.score import Score
from cantilena.systems.codes.conditions import frames_of_steps
from cantilena.systems.codes.stepper import Row
from cantilena.systems.codes.tune import TUNE, Tune
from cantilena.systems.codes.tune import WIDTH as TUNE_WIDTH
from cantilena.systems.musiclm import pitches
from cantilena.systems.musiclm.lyrics import LYRICS, lyric_rows
from cantilena.systems.musiclm.lyrics import WIDTH as LYRICS_WIDTH
from cantilena.systems.musiclm.timing import TIMING, Timing
from cantilena.systems.musiclm.timing import WIDTH as TIMING_WIDTH
from cantilena.tokens.codes.patterns import Pattern
from cantilena.tokens.codes.symbols import (
    SYMBOLS,
    ScoreSymbols,
    Sounding,
    score_symbols,
    symbol_frames,
)

TEXT, BEAT = "text", "beat"
"""The conditions beside tokens of other stages."""
TEMPO = 100.0
"""Quarters a minute where no tempo is asked for: about the middle of the songs that were heard."""
METRE = "4/4"
WIDTHS = {
    BEAT: SYMBOLS[BEAT].width,
    TUNE: TUNE_WIDTH,
    TIMING: TIMING_WIDTH,
    pitches.CHROMA: pitches.WIDTH,
}
"""Numbers of a frame, of the conditions that say something of each."""


@dataclass(frozen=True)
class MusicWish:
    """``parts``: in rising order, from which second on which states of words (n, dim) hold, None
    for no words; ``sounding``: where its beats are, None where that is not known; ``sampling`` as
    it is asked for; ``tune``: the tune that it is to have, None for any; ``chroma``: what sounds in
    the recording that it accompanies, as ``pitches.pitch_classes``, None where there is none;
    ``timing``: where in a song it lies, None where that is not known; ``lyrics``: the characters
    (n,) of all of that song's, None for none."""

    parts: Sequence[tuple[float, Tensor | None]]
    sounding: Sounding | None = None
    sampling: Sampling = field(default_factory=Sampling)
    tune: Tune | None = None
    chroma: np.ndarray | None = None
    timing: Timing | None = None
    lyrics: np.ndarray | None = None

    def words_at(self, frame: int, rate: float) -> Tensor | None:
        """The states that hold in a frame, of ``rate`` a second: new ones from the frame on at
        which windows begin anew for them, which may begin a little before their second."""
        states = self.parts[0][1] if self.parts else None
        for start, own in self.parts:
            if frame_at(start, rate) <= frame:
                states = own
        return states


def wish_rows(
    wish: MusicWish, name: str, layout: Pattern, window: Window, rate: float, shape: tuple[int, int]
) -> tuple[Row, Row]:
    """The rows of the condition ``name`` for a window of ``rate`` frames a second, and those that
    stand for it where it is left out; ``shape``: of the words' states. Raises InputError."""
    if name == TEXT:
        states = wish.words_at(window.begin, rate)
        whole = torch.ones(shape[0], dtype=torch.bool)
        nothing = Row(torch.zeros(shape), whole)
        return (nothing if states is None else Row(states.float(), whole)), nothing
    if name == LYRICS:
        nothing = Row(torch.zeros(1, LYRICS_WIDTH), torch.ones(1, dtype=torch.bool))
        if wish.lyrics is None or wish.timing is None:
            return nothing, nothing
        read = lyric_rows(wish.lyrics, wish.timing, window, rate)
        if read is None:
            return nothing, nothing
        return Row(torch.from_numpy(read), torch.ones(len(read), dtype=torch.bool)), nothing
    if name not in WIDTHS:
        raise InputError(f"there is no condition {name!r} for a stage of musiclm")
    whole = torch.ones(layout.steps, dtype=torch.bool)
    nothing = Row(torch.zeros(layout.steps, WIDTHS[name]), whole)
    frames = _frames(wish, name, rate, window)
    if frames is None:
        return nothing, nothing
    return Row(torch.from_numpy(frames[frames_of_steps(layout)]), whole), nothing


def _frames(wish: MusicWish, name: str, rate: float, window: Window) -> np.ndarray | None:
    """(T, width) float32 of a condition that says something of each frame; None where the wish says
    nothing."""
    span = (rate, window.start, window.stop)
    if name == TUNE:
        return None if wish.tune is None else wish.tune.rows(*span)
    if name == pitches.CHROMA:
        return None if wish.chroma is None else pitches.rows(wish.chroma, *span)
    if name == TIMING:
        return None if wish.timing is None else wish.timing.rows(*span)
    return None if wish.sounding is None else symbol_frames(BEAT, wish.sounding, *span)


def beats_of(parts: Sequence[tuple[float, float, str]], seconds: float) -> Sounding:
    """Beats alone, of parts in rising order: from which second on, quarters a minute, metre. A bar
    begins with each part. A beat is the metre's lower number."""
    times: list[np.ndarray] = []
    places: list[np.ndarray] = []
    ends = [start for start, _, _ in parts[1:]] + [seconds]
    for (start, tempo, metre), end in zip(parts, ends, strict=True):
        number, unit = map(int, metre.split("/"))
        beat = 60 / tempo * 4 / unit
        count = max(1, int(np.ceil((end - start) / beat - 1e-6)))
        times.append(start + np.arange(count) * beat)
        places.append(np.arange(count) % number)
    return beats_alone(np.concatenate(times), np.concatenate(places))


def beats_of_score(score: Score, seconds: float) -> Sounding:
    """The beats of a Score, which begins anew behind its last bar, up to ``seconds``."""
    return repeated(score_symbols(score), float(score.seconds(score.bar_starts[-1])), seconds)


def repeated(beats: Sounding, length: float, seconds: float) -> Sounding:
    """Beats that begin anew each ``length`` seconds, up to ``seconds``."""
    inside = beats.beat < length - 1e-6
    times, places = beats.beat[inside], beats.beat_in_bar[inside]
    count = max(1, int(np.ceil(seconds / length - 1e-6)))
    starts = np.arange(count) * length
    return beats_alone((starts[:, None] + times).ravel(), np.tile(places, count))


def beats_alone(times: np.ndarray, places: np.ndarray) -> ScoreSymbols:
    """Beats at ``times`` (n,) in seconds, each with its place in the bar (n,), 0 for the first, and
    neither notes nor chords."""
    none, whole = np.zeros(0), np.zeros(0, dtype=np.int64)
    return ScoreSymbols(none, none, whole, whole, whole, times, places, none, whole)
