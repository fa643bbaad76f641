"""Single notes of every instrument, each sounded by itself, for models of instruments.

Knows which notes there are, how one is sounded, and the data set that they make; does not know
Scores of music, shards' layout (``shards``) or what reads the data (``reader``).

Unlike clips of music, notes keep how loud they are against one another: one gain holds for all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.data.audio.build import with_engine
from cantilena.data.audio.clips import STEMS, Clip, Recipe, Symbols, to_pcm
from cantilena.data.audio.manifest import manifest
from cantilena.data.audio.shards import VERSION, about, shard_writer
from cantilena.data.corpora.corpus import SPLITS
from cantilena.data.download import file_sha256
from cantilena.data.resume import Progress, finish, in_order
from cantilena.data.workers import spread
from cantilena.files import make_folder
from cantilena.locks import lock
from cantilena.render.audio import find_fluidsynth, unmastered
from cantilena.render.synth import room
from cantilena.score import gm
from cantilena.score.score import DRUMS, Score, Track

SOURCE = "notes"
SECONDS = 2
"""Of a clip."""
NOTES_VERSION = 1  # raise it when the same recipe makes other notes
STEP = 3
"""Semitones between the pitches that are heard of one instrument; its neighbours have others."""
HELD_OUT = 16
"""Semitones between the pitches that training never hears of an instrument."""
VELOCITIES = (24, 48, 64, 80, 96, 112, 127)
STROKES = (32, 56, 80, 104, 127)
"""Velocities at which each drum is heard; it is held out at ``HELD_OUT_STROKE``."""
HELD_OUT_STROKE = 92
SHORTEST, LONGEST = 0.08, 2.5
"""Seconds that a note is held, even in the logarithm."""
RINGING = 0.25
"""Share of the notes that began before their clip, so that long ones can be gone on with."""
TICKS = 1920
"""Of a second, at 120 quarters a minute."""


@dataclass(frozen=True)
class SingleNote:
    """``instrument`` 0-127, or 128 for drums; ``seconds`` that it is held; ``before``: seconds of
    it that lie before the clip's start."""

    instrument: int
    pitch: int
    velocity: int
    seconds: float
    before: float = 0.0

    @property
    def id(self) -> str:
        """Its name in the data set."""
        return f"{self.instrument}-{self.pitch}-{self.velocity}"


def single_notes(split: str, instrument: int) -> list[SingleNote]:
    """The notes of an instrument in a split ("train", "valid", "test"), within its playable range.
    The pitches of "valid" and "test" are none of "train"."""
    low, high = gm.playable(instrument)
    if instrument == DRUMS:
        strokes = STROKES if split == "train" else (HELD_OUT_STROKE,)
        pitches = range(low, high + 1)
        if split != "train":
            pitches = pitches[split == "test" :: 2]
        return [SingleNote(DRUMS, pitch, v, LONGEST) for pitch in pitches for v in strokes]
    notes = []
    for pitch in range(low, high + 1):
        place, offset = divmod(pitch + 5 * instrument, HELD_OUT)
        belongs = "train" if offset else ("valid", "test")[place % 2]
        heard = belongs != "train" or (pitch + instrument) % STEP == 0
        if belongs == split and heard:
            notes.append(_note(instrument, pitch))
    return notes


def _note(instrument: int, pitch: int) -> SingleNote:
    rng = np.random.default_rng([instrument, pitch])
    velocity = VELOCITIES[int(rng.integers(len(VELOCITIES)))]
    seconds = float(SHORTEST * (LONGEST / SHORTEST) ** rng.random())
    before = 0.0
    if rng.random() < RINGING:
        before = SECONDS * float(rng.uniform(0.25, 1.5))
        seconds = before + float(rng.uniform(0.2, SECONDS))
    return SingleNote(instrument, pitch, velocity, round(seconds, 4), round(before, 4))


# ------------------------------------------------------------------ sound


def note_score(note: SingleNote) -> Score:
    """A Score of the note alone."""
    drum = note.instrument == DRUMS
    track = Track(SOURCE, 0 if drum else note.instrument, drum)
    duration = max(1, round(note.seconds * TICKS))
    return Score.build(TICKS // 2, [track], [0], [duration], [note.pitch], [note.velocity], [0])


def note_sound(note: SingleNote, recipe: Recipe) -> np.ndarray:
    """(recipe.seconds * rate,) float32 sound of a note as the recipe's engine makes it, not yet
    brought to any loudness."""
    program = find_fluidsynth() if recipe.engine == "fluidsynth" else None
    font = Path(recipe.soundfont) if program else None
    heard = unmastered(note_score(note), recipe.rate, program, font).mean(0)
    out = np.zeros(recipe.seconds * recipe.rate, dtype=np.float32)
    heard = heard[round(note.before * recipe.rate) :][: len(out)]
    out[: len(heard)] = heard
    return out


def common_gain(recipe: Recipe) -> float:
    """The gain that holds for all notes: by it the loudest of the instruments' middle pitches, at
    the highest velocity, stays just below full scale. What is louder still is clipped."""
    peak = 1e-9
    for instrument in range(DRUMS + 1):
        low, high = gm.playable(instrument)
        note = SingleNote(instrument, (low + high) // 2, VELOCITIES[-1], 0.5)
        if instrument == DRUMS:
            note = SingleNote(DRUMS, 36, VELOCITIES[-1], 0.5)  # the bass drum
        peak = max(peak, float(np.abs(note_sound(note, recipe)).max()))
    return room.CEILING / peak


def note_clip(note: SingleNote, split: str, recipe: Recipe, gain: float) -> Clip:
    """The clip of a note."""
    drum = note.instrument == DRUMS
    none = np.zeros(0)
    symbols = Symbols(
        onset=np.array([-note.before], np.float32),
        duration=np.array([note.seconds], np.float32),
        pitch=np.array([note.pitch], np.uint8),
        velocity=np.array([note.velocity], np.uint8),
        instrument=np.array([note.instrument], np.uint8),
        role=np.array([STEMS.index("drums" if drum else "other")], np.uint8),
        beat=none.astype(np.float32),
        beat_in_bar=none.astype(np.uint8),
        chord_start=none.astype(np.float32),
        chord=none.astype(np.uint8),
    )
    name = f"{split}/{note.id}"
    meta = {
        "id": name,
        "file": name,
        "source": SOURCE,
        "origin": "midi",
        "start": note.before,
        "seconds": float(recipe.seconds),
        "instruments": [note.instrument],
    }
    mix = to_pcm(note_sound(note, recipe) * gain)
    return Clip(recipe.rate, mix, meta, (gm.name(note.instrument),), {}, symbols)


# ------------------------------------------------------------------ the data set


@dataclass(frozen=True)
class NoteUnit:
    """The notes of one family of instruments in one split: a shard."""

    split: str
    number: int
    instruments: tuple[int, ...]
    key: str
    source: str = SOURCE

    @property
    def file(self) -> str:
        """The shard's file name."""
        return f"{SOURCE}-{self.split}-{self.number:04d}.npz"

    @property
    def notes(self) -> list[SingleNote]:
        """Its notes."""
        return [note for i in self.instruments for note in single_notes(self.split, i)]


def note_units(
    recipe: Recipe, splits: Sequence[str] = ("train", "valid", "test")
) -> list[NoteUnit]:
    """The shards of a data set: each family's, and the drums'."""
    size = DRUMS // len(gm.FAMILIES)
    groups = [tuple(range(i, i + size)) for i in range(0, DRUMS, size)] + [(DRUMS,)]
    units = []
    for split in SPLITS:
        for number, group in enumerate(groups):
            notes = [asdict(note) for i in group for note in single_notes(split, i)]
            text = json.dumps([NOTES_VERSION, VERSION, recipe.to_dict(), split, notes])
            key = hashlib.sha256(text.encode()).hexdigest()
            units.append(NoteUnit(split, number, group, key))
    return units


def build_notes(
    out: str | Path,
    rate: int = 16_000,
    engine: str = "auto",
    soundfont: str | Path | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Builds the data set of single notes in the folder ``out`` and returns its manifest, as
    ``build_audio`` does, which see for ``engine``, ``soundfont``, what is gone on with, and errors.
    Clips last ``SECONDS``."""
    recipe = with_engine(Recipe(rate, SECONDS, wordings=1), engine, soundfont)
    work = note_units(recipe)
    out = make_folder(out)

    def run(missing: Sequence[NoteUnit]) -> Iterator[tuple[NoteUnit, tuple[dict[str, Any], str]]]:
        return spread(build_note_shard, missing, workers, out, recipe, common_gain(recipe))

    with lock(out):
        shards = in_order(work, out, about, run, lambda _: 1, _summary, progress)
        licence = recipe.soundfont and f"notes of {Path(recipe.soundfont).name}, under its licence"
        licences = {SOURCE: licence or "Cantilena's own synthesizer: Apache-2.0"}
        return finish(out, manifest(shards, out, recipe, None, licences))


def _summary(counts: Mapping[str, Any]) -> str:
    return f"{counts['clips']} notes"


def build_note_shard(
    unit: NoteUnit, out: Path, recipe: Recipe, gain: float
) -> tuple[dict[str, Any], str]:
    """Writes a unit's shard; what the shard says of itself, and the sha256 of its file."""
    notes = unit.notes
    with shard_writer(out / unit.file) as writer:
        for note in notes:
            writer.add(note_clip(note, unit.split, recipe, gain))
        seconds = float(len(notes) * recipe.seconds)
        account = {
            "key": unit.key,
            "source": unit.source,
            "split": unit.split,
            "counts": {"files": len(notes), "clips": len(notes), "seconds": seconds},
            "left_out": {},
            "refused": {},
            "changed": {},
            "files": [],
            "gain": gain,
        }
        writer.close(account, [])
    return account, file_sha256(out / unit.file)
