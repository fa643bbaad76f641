"""The frames scheme: a piece as frames of a 16th note, each with up to 16 notes as pairs of words.

Knows parts, Scores and words; does not know models. A frame is written as (program, pitch and
duration) for each note and then an end-of-frame word, which a full frame does without. Drums have
program 127. Velocity, tempo and metre are not said; the last two stand in the Header.

Jiang et al., *Versatile Symbolic Music-for-Music Modeling via Function Alignment*, ISMIR 2025: the
encoding of their base model. The reader of rolls keeps its rules: onsets and ends are rounded to
16ths of the notated beat, notes fill a frame in the file's order, and then stand by velocity,
program, pitch and duration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cantilena.errors import InputError
from cantilena.score import Score, Track, gm
from cantilena.tokens.parts import END, PITCH, START, VELOCITY, Parts, need_notes, parts_of

GRID = 4  # frames per quarter
DRUM_PROGRAM = 127
PROGRAMS = PITCHES = 128
DURATIONS = (1, *(value * 2**octave for octave in range(11) for value in (2, 3)), 4096)
"""16ths; a note gets the nearest, of two the shorter."""
SOS, EOS, PAD, SIZE = 3328, 3329, 3330, 3331
"""The start of a piece, the end of a frame, padding, and the number of words. Words 3200-3327
would be a duration class that there is not."""
LOUDNESS = 80  # velocity of decoded notes, which the words do not say
MAX_FRAMES = 1_000_000  # 17 hours at 240 bpm

_EDGES = (np.array(DURATIONS[1:]) + DURATIONS[:-1]) / 2


@dataclass(frozen=True)
class Roll:
    """``rows`` (N, 6) int64, by frame and slot: frame, slot, program, pitch, duration class,
    velocity. ``frames``: the piece's length."""

    rows: np.ndarray
    frames: int


@dataclass(frozen=True)
class Header:
    """What stands beside the words: maps in frames, part names by program (127 for drums)."""

    tempos: tuple[tuple[int, int], ...] = ((0, 500_000),)
    metres: tuple[tuple[int, int, int], ...] = ((0, 4, 4),)
    keys: tuple[tuple[int, int, int], ...] = ()
    names: tuple[tuple[int, str], ...] = ()


def roll_of(parts: Parts, most: int = 16, dedup: bool = False, frames: int | None = None) -> Roll:
    """The Roll of a piece's parts, ``most`` notes at most in a frame. Notes that begin behind the
    last whole frame, or where a frame is full, are left out. ``dedup``: notes of one program, frame
    and pitch are one, the longer kept. ``frames``: a length other than the piece's own. Raises
    InputError for a piece without notes or shorter than a frame."""
    need_notes(parts)
    count = parts.end * GRID // parts.tpq if frames is None else frames
    if count < 1:
        raise InputError("the piece is shorter than a 16th note; give a longer one")
    if count > MAX_FRAMES:
        raise InputError(f"the piece has {count:,} 16th notes; frames hold {MAX_FRAMES:,}")
    slots: dict[int, list[tuple[int, int, int, int]]] = {}
    places: dict[tuple[int, int, int], int] = {}
    for part in parts.parts:
        program = DRUM_PROGRAM if part.is_drum else part.program
        times = np.rint(part.notes[:, [START, END]] * (GRID / parts.tpq)).astype(np.int64)
        classes = np.searchsorted(_EDGES, times[:, 1] - times[:, 0])
        columns = (times[:, 0], part.notes[:, PITCH], classes, part.notes[:, VELOCITY])
        for at, pitch, duration, velocity in zip(*(c.tolist() for c in columns), strict=True):
            frame = slots.setdefault(at, [])
            if at >= count or len(frame) >= most:
                continue
            note = (velocity, program, pitch, duration)
            place = places.get((program, at, pitch)) if dedup else None
            if place is None:
                places[program, at, pitch] = len(frame)
                frame.append(note)
            elif frame[place][3] < duration:
                frame[place] = note
    rows = [
        (at, slot, program, pitch, duration, velocity)
        for at in sorted(slots)
        for slot, (velocity, program, pitch, duration) in enumerate(sorted(slots[at]))
    ]
    return Roll(np.array(rows, dtype=np.int64).reshape(-1, 6), count)


def words_of(roll: Roll, most: int = 16) -> np.ndarray:
    """(T,) the words of a Roll, frame by frame, without padding."""
    words: list[int] = []
    counts = np.bincount(roll.rows[:, 0], minlength=roll.frames)
    pairs = np.stack(
        [roll.rows[:, 2], PROGRAMS + roll.rows[:, 3] + PITCHES * roll.rows[:, 4]], axis=1
    )
    at = 0
    for count in counts.tolist():
        words.extend(pairs[at : at + count].reshape(-1).tolist())
        at += count
        if count < most:
            words.append(EOS)
    return np.array(words, dtype=np.int64)


def padded(words: np.ndarray, most: int = 16) -> np.ndarray:
    """(F, 2 * most) the frames of such words, padded, as the published model reads them. Raises
    InputError on words that are no frames."""
    frames = split(words, most)
    table = np.full((len(frames), 2 * most), PAD, dtype=np.int64)
    for row, frame in zip(table, frames, strict=True):
        row[: 2 * len(frame)] = np.array(frame, dtype=np.int64).reshape(-1)
        if len(frame) < most:
            row[2 * len(frame)] = EOS
    return table


def split(words: np.ndarray, most: int = 16) -> list[list[tuple[int, int]]]:
    """The frames of words, each a list of pairs. A frame that is not ended counts as ended where
    it has whole pairs. Raises InputError on words that are no frames."""
    frames: list[list[tuple[int, int]]] = []
    frame: list[tuple[int, int]] = []
    program: int | None = None
    for word in np.asarray(words, dtype=np.int64).tolist():
        if program is None and word == EOS:
            frames.append(frame)
            frame = []
        elif program is None and 0 <= word < PROGRAMS:
            program = word
        elif program is not None and PROGRAMS <= word < PROGRAMS + PITCHES * len(DURATIONS):
            frame.append((program, word))
            program = None
            if len(frame) == most:
                frames.append(frame)
                frame = []
        else:
            raise InputError(f"word {word} stands where the frames scheme has none of its kind")
    if program is not None:
        raise InputError("the last note has a program and no pitch")
    return [*frames, frame] if frame else frames


@dataclass(frozen=True)
class FrameScheme:
    """Score to words and back; ``most`` notes in a frame. A step is one word."""

    most: int = 16

    @property
    def sizes(self) -> tuple[int]:
        """Number of words."""
        return (SIZE,)

    def to_dict(self) -> dict[str, Any]:
        """The vocabulary as plain data, to be saved with a checkpoint."""
        return {"scheme": "frames", "grid": GRID, "most": self.most}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> FrameScheme:
        """The scheme a checkpoint was saved with. Raises InputError if it is another scheme."""
        most = data.get("most")
        if data.get("scheme") != "frames" or data.get("grid") != GRID:
            raise InputError(f"not a frames scheme of 16th notes: {data.get('scheme')!r}")
        if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= 64:
            raise InputError(f"a frame holds 1 to 64 notes, not {most!r}")
        return cls(most)

    def encode(self, score: Score) -> tuple[np.ndarray, Header]:
        """(T, 1) words and the Header. The last frame is that of the last onset or of the end,
        whichever is later. Raises InputError for a Score without notes."""
        parts = parts_of(score)
        need_notes(parts)
        last = round(int(score.onset[-1]) * GRID / score.tpq)
        frames = max(score.end * GRID // score.tpq, last + 1)
        roll = roll_of(parts, self.most, dedup=True, frames=frames)
        return words_of(roll, self.most)[:, None], _header(score)

    def decode(self, steps: np.ndarray, header: Header | None = None) -> Score:
        """The Score of (T, 1) words. Raises InputError on words that break the scheme."""
        steps = np.asarray(steps, dtype=np.int64)
        if steps.ndim != 2 or steps.shape[1] != 1:
            raise InputError(f"steps have one field each, not the shape {steps.shape}")
        header = header or Header()
        frames = split(steps[:, 0], self.most)
        rows = [(at, *pair) for at, frame in enumerate(frames) for pair in frame]
        at, program, word = np.array(rows, dtype=np.int64).reshape(-1, 3).T
        programs = np.unique(program)
        names = dict(header.names)
        return Score.build(
            GRID,
            [_track(number, names) for number in programs.tolist()],
            at,
            np.array(DURATIONS)[(word - PROGRAMS) // PITCHES],
            (word - PROGRAMS) % PITCHES,
            np.full(len(at), LOUDNESS),
            np.searchsorted(programs, program),
            header.tempos,
            header.metres,
            header.keys,
            end=len(frames),
        )

    def quantise(self, score: Score) -> Score:
        """The Score this scheme can say; quantising twice changes nothing."""
        return self.decode(*self.encode(score))


def _track(program: int, names: dict[int, str]) -> Track:
    drums = program == DRUM_PROGRAM
    name = names.get(program, gm.name(128 if drums else program))
    return Track(name, 0 if drums else program, drums)


def _header(score: Score) -> Header:
    def grid(tick: int) -> int:
        return (2 * tick * GRID + score.tpq) // (2 * score.tpq)

    names: dict[int, str] = {}
    for track in score.tracks:
        names.setdefault(DRUM_PROGRAM if track.is_drum else track.program, track.name)
    tempos = zip(score.tempo_tick.tolist(), score.tempo_us.tolist(), strict=True)
    metre = (score.metre_tick.tolist(), score.metre_num.tolist(), score.metre_den.tolist())
    key = (score.key_tick.tolist(), score.key_fifths.tolist(), score.key_minor.tolist())
    return Header(
        tuple((grid(tick), us) for tick, us in tempos),
        tuple((grid(tick), num, den) for tick, num, den in zip(*metre, strict=True)),
        tuple((grid(tick), fifths, minor) for tick, fifths, minor in zip(*key, strict=True)),
        tuple(names.items()),
    )
