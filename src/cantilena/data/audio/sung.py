"""Sung lines as a data set: each line of words on a melody, with its phonemes.

Knows lines, melodies and clips; how a voice sings is ``render.singing``'s, shards are ``shards``'.
A clip's caption is its line; its ``meta`` holds ``phonemes`` and when each begins, ``starts``, in
seconds. A line is in one split alone, on whatever melodies.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.audio.wav import resample
from cantilena.data.audio.clips import STEMS, Clip, Recipe, Symbols, to_pcm
from cantilena.data.audio.manifest import manifest
from cantilena.data.audio.roles import track_roles
from cantilena.data.audio.shards import VERSION, about, shard_writer
from cantilena.data.audio.sung_lines import own_lines
from cantilena.data.download import file_sha256
from cantilena.data.resume import Progress, finish, in_order
from cantilena.data.workers import spread
from cantilena.errors import InputError
from cantilena.files import make_folder
from cantilena.locks import lock
from cantilena.render.espeak import VOICE, Voice
from cantilena.render.singing import SungNote, count_syllables, into_range, sing
from cantilena.score import Score
from cantilena.score.midi import read_midi
from cantilena.score.score import Track

SOURCE = "sung"
SUNG_VERSION = 1  # raise it when the same recipe makes other clips
SECONDS = 4
"""Of a clip at most; a line whose melody is longer is left out."""
SHARD = 64
"""Clips of a shard."""
HELD_OUT = 10
"""One of so many lines is of "valid", and as many are of "test"."""
LEAST_LINES = 3
"""Of which each split has one."""
CHOIR = 53  # General MIDI's voice oohs, less one
TICKS, PEAK = 480, 0.8
_MAJOR = (0, 2, 4, 5, 7, 9, 11)
LICENCE = (
    "sung by eSpeak NG (GPL-3.0-or-later, which covers the program, not what it says); "
    "the words' licence is their author's, Cantilena's own are Apache-2.0"
)


@dataclass(frozen=True)
class SungLine:
    """A ``line`` on the ``notes`` (pitch, seconds), one a syllable."""

    number: int
    line: str
    notes: tuple[tuple[int, float], ...]

    @property
    def id(self) -> str:
        """Its name in the data set."""
        return f"{SOURCE}-{self.number:05d}"


# ------------------------------------------------------------------ melodies


def made_melody(count: int, voice: Voice, rng: np.random.Generator) -> Score:
    """A Score of one voice: ``count`` notes that walk by steps and thirds in a major key, in
    quarters and eighths, the last one longer and on the chord of the key."""
    beat = 60.0 / float(rng.uniform(120, 170))
    key, degree = int(rng.integers(12)), int(rng.integers(0, 8))
    onset, onsets, lengths, pitches = 0, [], [], []
    for i in range(count):
        quarters = 2.0 if i == count - 1 else (0.5, 1.0, 1.0)[int(rng.integers(3))]
        if i:
            degree += int(rng.choice([-2, -1, -1, 0, 1, 1, 2]))
        if i == count - 1:
            degree = min((0, 2, 4, 7), key=lambda d: abs(d - degree))
        degree = min(max(degree, 0), 9)
        pitch = 48 + key + 12 * (degree // 7) + _MAJOR[degree % 7]
        onsets.append(onset)
        lengths.append(round(quarters * TICKS))
        pitches.append(into_range(pitch, voice))
        onset += lengths[-1]
    tracks, full = [Track("voice", CHOIR, False)], [90] * count
    tempos = [(0, round(beat * 1e6))]
    return Score.build(TICKS, tracks, onsets, lengths, pitches, full, [0] * count, tempos=tempos)


def melody_notes(score: Score) -> list[SungNote]:
    """The melody of a Score as notes that follow one another, of notes at one time the highest;
    none where it has no melody."""
    melody = track_roles(score).melody
    if melody is None:
        return []
    own = np.flatnonzero(score.track == melody)
    best: dict[int, int] = {}
    for i in own:
        onset = int(score.onset[i])
        best[onset] = max(best.get(onset, 0), int(score.pitch[i]))
    onsets = sorted(best)
    ends = [*onsets[1:], int((score.onset[own] + score.duration[own]).max())]
    starts, stops = score.seconds(np.array(onsets)), score.seconds(np.array(ends))
    lengths = np.minimum(stops - starts, 2.0)  # behind a phrase's last note stands a rest
    return [
        SungNote(best[onset], float(length))
        for onset, length in zip(onsets, lengths, strict=True)
        if length > 0
    ]


def _place(
    notes: Sequence[SungNote], count: int, voice: Voice, rng: np.random.Generator
) -> list[tuple[int, float]]:
    """``count`` notes of a melody from some place on, in the voice's range."""
    first = int(rng.integers(len(notes) - count + 1))
    return [(into_range(n.pitch, voice), round(n.seconds, 4)) for n in notes[first : first + count]]


def read_melodies(places: Sequence[str | Path]) -> list[list[SungNote]]:
    """The melodies of MIDI files, and of those in folders. Raises InputError where one cannot be
    read, or there is none with a melody."""
    files: list[Path] = []
    for place in map(Path, places):
        if place.is_dir():
            files += sorted(p for p in place.rglob("*") if p.suffix.lower() in (".mid", ".midi"))
        else:
            files.append(place)
    melodies = [notes for notes in (melody_notes(read_midi(file)) for file in files) if notes]
    if not melodies:
        raise InputError("no melody is found in the MIDI files that are named")
    return melodies


# ------------------------------------------------------------------ clips


def sung_lines(
    lines: Sequence[str],
    voice: Voice,
    clips: int,
    seed: int = 0,
    melodies: Sequence[Sequence[SungNote]] = (),
) -> list[SungLine]:
    """``clips`` lines with their melodies, all lines in turn; without ``melodies`` made ones.
    Raises InputError for a line that cannot be spoken or that is longer than every melody."""
    counts = {line: count_syllables(voice, line) for line in lines}
    out = []
    for number in range(clips):
        line = lines[number % len(lines)]
        rng = np.random.default_rng([seed, number])
        able = [notes for notes in melodies if len(notes) >= counts[line]]
        if melodies and not able:
            raise InputError(f"no melody has as many notes as {line!r} has syllables")
        if able:
            chosen = able[int(rng.integers(len(able)))]
        else:
            chosen = melody_notes(made_melody(counts[line], voice, rng))
        out.append(SungLine(number, line, tuple(_place(chosen, counts[line], voice, rng))))
    return out


def split_of_lines(lines: Sequence[str]) -> dict[str, str]:
    """The split of each different line, by its hash alone as far as their numbers allow. Raises
    InputError for fewer than ``LEAST_LINES``."""
    different = sorted(set(lines), key=lambda line: hashlib.sha256(line.encode()).digest())
    if len(different) < LEAST_LINES:
        raise InputError(f"{LEAST_LINES} different lines are needed, one of each split")
    held = max(1, len(different) // HELD_OUT)
    names = ["valid"] * held + ["test"] * held
    names += ["train"] * (len(different) - 2 * held)
    return dict(zip(different, names, strict=True))


def sung_clip(sung: SungLine, voice: Voice, recipe: Recipe) -> Clip | None:
    """The clip of a line, as long as it is sung; None where that is longer than the recipe's
    clips."""
    heard = sing(voice, sung.line, [SungNote(*note) for note in sung.notes])
    seconds = len(heard.samples) / heard.rate
    if seconds > recipe.seconds:
        return None
    samples = resample(heard.samples, heard.rate, recipe.rate)
    samples = samples * (PEAK / max(1e-6, float(np.abs(samples).max())))
    count, none = len(heard.notes), np.zeros(0)
    symbols = Symbols(
        onset=heard.onsets.astype(np.float32),
        duration=np.array([n.seconds for n in heard.notes], np.float32),
        pitch=np.array([n.pitch for n in heard.notes], np.uint8),
        velocity=np.full(count, 90, np.uint8),
        instrument=np.full(count, CHOIR, np.uint8),
        role=np.full(count, STEMS.index("melody"), np.uint8),
        beat=none.astype(np.float32),
        beat_in_bar=none.astype(np.uint8),
        chord_start=none.astype(np.float32),
        chord=none.astype(np.uint8),
    )
    meta = {
        "id": f"{sung.id}#0",
        "file": sung.id,
        "source": SOURCE,
        "origin": "midi",
        "start": 0.0,
        "seconds": round(seconds, 4),
        "instruments": [CHOIR],
        "voice": voice.name,
        "phonemes": list(heard.phonemes),
        "starts": [round(float(s), 4) for s in heard.starts],
    }
    return Clip(recipe.rate, to_pcm(samples), meta, (sung.line,), {}, symbols)


# ------------------------------------------------------------------ the data set


@dataclass(frozen=True)
class SungUnit:
    """Some lines of one split: a shard."""

    split: str
    number: int
    voice: str
    lines: tuple[SungLine, ...]
    key: str
    source: str = SOURCE

    @property
    def file(self) -> str:
        """The shard's file name."""
        return f"{SOURCE}-{self.split}-{self.number:04d}.npz"


def sung_units(lines: Sequence[SungLine], voice: str, recipe: Recipe) -> list[SungUnit]:
    """The shards of a data set. Raises as ``split_of_lines``."""
    splits, units = split_of_lines([one.line for one in lines]), []
    for split in ("train", "valid", "test"):
        own = [one for one in lines if splits[one.line] == split]
        for number, start in enumerate(range(0, len(own), SHARD)):
            part = tuple(own[start : start + SHARD])
            rows = [[one.number, one.line, one.notes] for one in part]
            text = json.dumps([SUNG_VERSION, VERSION, recipe.to_dict(), voice, split, rows])
            key = hashlib.sha256(text.encode()).hexdigest()
            units.append(SungUnit(split, number, voice, part, key))
    return units


def build_sung(
    out: str | Path,
    lines: Sequence[str] = (),
    clips: int = 600,
    rate: int = 16_000,
    voice: str = VOICE,
    melodies: Sequence[str | Path] = (),
    seed: int = 0,
    workers: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Builds the data set of sung lines in the folder ``out`` and returns its manifest, as
    ``build_notes`` does. ``lines``: to sing, in turn (none: as many different ones of our own as
    there are ``clips``); ``melodies``: MIDI files and folders of them (none: made by rule). Raises
    MissingExtraError where there is no voice, InputError."""
    singer = Voice(voice)
    recipe = Recipe(rate, SECONDS, wordings=1)
    words = [line.strip() for line in lines if line.strip()] or own_lines(clips, seed)
    tunes = read_melodies(melodies) if melodies else ()
    work = sung_units(sung_lines(words, singer, clips, seed, tunes), voice, recipe)
    out = make_folder(out)

    def run(missing: Sequence[SungUnit]) -> Iterator[tuple[SungUnit, tuple[dict[str, Any], str]]]:
        return spread(build_sung_shard, missing, workers, out, recipe)

    with lock(out):
        shards = in_order(work, out, about, run, lambda _: 1, _summary, progress)
        return finish(out, manifest(shards, out, recipe, None, {SOURCE: LICENCE}))


def _summary(counts: Mapping[str, Any]) -> str:
    return f"{counts['clips']} lines"


def build_sung_shard(unit: SungUnit, out: Path, recipe: Recipe) -> tuple[dict[str, Any], str]:
    """Writes a unit's shard; what the shard says of itself, and the sha256 of its file."""
    voice, seconds, made = Voice(unit.voice), 0.0, 0
    with shard_writer(out / unit.file) as writer:
        for one in unit.lines:
            clip = sung_clip(one, voice, recipe)
            if clip is not None:
                writer.add(clip)
                seconds, made = seconds + clip.meta["seconds"], made + 1
        left_out = len(unit.lines) - made
        account = {
            "key": unit.key,
            "source": unit.source,
            "split": unit.split,
            "counts": {"files": made, "clips": made, "seconds": seconds},
            "left_out": {f"longer than {recipe.seconds} s": left_out} if left_out else {},
            "refused": {},
            "changed": {},
            "files": [],
        }
        writer.close(account, [])
    return account, file_sha256(out / unit.file)
