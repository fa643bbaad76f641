"""POP909 (Wang et al. 2020): piano arrangements of 909 Chinese pop songs.

Knows its MIDI files and their beats. The files' own bars mean nothing (metres of 1/4 or 2/4, beats
beside the beat of the tempo map), so that notes are moved to the annotated beats, and bars begin at
the annotated downbeats. Chords and keys are not read from the annotations: the data set hears them
in the notes, alike for every corpus.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cantilena.data.corpora.corpus import (
    Corpus,
    Rules,
    Song,
    Source,
    find_folder,
    hashed_split,
    read_song,
)
from cantilena.errors import InputError
from cantilena.score.score import Score

TPQ = 480
_STEADY = 0.01  # tempos that differ by a smaller share are one


def songs(root: Path) -> Iterator[Song]:
    """``POP909/NNN/NNN.mid``, by number; other versions of a song are passed over."""
    folder = find_folder(root, "POP909/[0-9][0-9][0-9]/*.mid", "pop909") / "POP909"
    for path in sorted(folder.glob("[0-9][0-9][0-9]/[0-9][0-9][0-9].mid")):
        name = f"pop909-{path.stem}"
        yield Song(name, path, hashed_split(name), "pop909", genres=("pop",))


def read(song: Song) -> Score:
    """The song with its annotated beats as quarters and its annotated bars.

    ``beat_midi.txt`` beside the file has a row for each beat: its time in seconds, whether it is
    a downbeat counting in twos or threes, whether it is one counting in fours or sixes. Raises
    InputError where it is missing or makes no sense.
    """
    score = read_song(song)
    beats, down = _beats(song.path.with_name("beat_midi.txt"))
    first = int(np.flatnonzero(down)[0])
    length = _bar_length(down)
    lead = -first % length  # beats that the bar of the upbeat lacks
    start = score.seconds(score.onset)
    stop = score.seconds(score.onset + score.duration)
    early = min(0.0, np.floor(_place(start.min(initial=beats[0]), beats)))
    lead += int(-early // length + 1) * length if early + lead < 0 else 0
    onset, end = (np.rint((_place(t, beats) + lead) * TPQ).astype(np.int64) for t in (start, stop))
    return Score.build(
        TPQ,
        score.tracks,
        onset,
        np.maximum(end - onset, 1),
        score.pitch,
        score.velocity,
        score.track,
        tempos=_tempos(beats, lead),
        metres=_metres(np.flatnonzero(down), lead, length),
        title=score.title,
    )


def _beats(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(B,) beat times in seconds, rising, and (B,) bool: a bar starts there."""
    try:
        lines = path.read_text().splitlines()
        rows = np.loadtxt(lines, ndmin=2) if lines else np.zeros((0, 3))
    except (OSError, ValueError) as error:
        raise InputError(f"the beats of a song cannot be read: {error}") from error
    if rows.shape[1] != 3 or len(rows) < 8 or (np.diff(rows[:, 0]) <= 0).any():
        raise InputError(f"{str(path)!r} does not hold a song's beats")
    small, large = rows[:, 1] == 1, rows[:, 2] == 1
    down = small if _bar_length(small) == 3 else large  # in threes: 3/4, not 6/4
    if down.sum() < 2:
        raise InputError(f"{str(path)!r} marks no two downbeats")
    return rows[:, 0], down


def _bar_length(down: np.ndarray) -> int:
    """Beats in most bars; 0 where there are none."""
    lengths = np.diff(np.flatnonzero(down))
    return int(np.bincount(lengths).argmax()) if len(lengths) else 0


def _place(seconds: np.ndarray, beats: np.ndarray) -> np.ndarray:
    """Times as numbers of beats, beyond the first and last beat at their tempo."""
    inside = np.interp(seconds, beats, np.arange(len(beats)))
    before = np.minimum(seconds - beats[0], 0) / (beats[1] - beats[0])
    after = np.maximum(seconds - beats[-1], 0) / (beats[-1] - beats[-2])
    return inside + before + after


def _tempos(beats: np.ndarray, lead: int) -> list[tuple[int, int]]:
    lengths = np.diff(beats)
    tempos = [(0, round(lengths[0] * 1e6))]
    for i, seconds in enumerate(lengths.tolist()):
        if abs(seconds * 1e6 / tempos[-1][1] - 1) > _STEADY:
            tempos.append(((i + lead) * TPQ, round(seconds * 1e6)))
    return tempos


def _metres(down: np.ndarray, lead: int, length: int) -> list[tuple[int, int, int]]:
    """Metres of bars from one downbeat to the next; of a long bar the beats beyond whole ones make
    a bar of their own."""
    metres = [(0, length, 4)]
    for start, beats in zip(down.tolist(), np.diff(down).tolist(), strict=False):
        over = beats % length
        if over:
            at = start + lead + beats - over
            metres += [(at * TPQ, over, 4), ((at + over) * TPQ, length, 4)]
    return metres


CORPUS = Corpus(
    name="pop909",
    what="piano arrangements of Chinese pop songs in three tracks: melody, bridge, piano",
    origin="https://github.com/music-x-lab/POP909-Dataset at d83e6edba6",
    licence="MIT (arrangements)",
    split_rule="90/5/5 by a hash of the song's name",
    labels="genre: pop; bars from the annotated beats",
    sources=(Source("https://github.com/music-x-lab/POP909-Dataset/archive/d83e6edba6.tar.gz"),),
    songs=songs,
    read=read,
    rules=Rules(max_metre_changes=32),
    version=2,
)
