"""A Score sounded note by note: each different note is written once as codes, decoded, and placed.

Knows which notes of a Score share a sound, how long a sound is written, and how sounds are put
together; does not know Requests, nor how a Score is composed. A sound is written as long as its
longest note needs, and shorter ones are let go of earlier, as a sampler does. Pedals and the like
that end notes are heard; bends and volume are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cantilena.decode.sampling import Sampling
from cantilena.models.audio.codec.base import Codec
from cantilena.models.audio.codec.mel import MelCodec
from cantilena.render.synth import room
from cantilena.render.synth.controllers import sounding_ends
from cantilena.render.synth.tones import frequency
from cantilena.score.harmony import NO_CHORD
from cantilena.score.score import DRUMS, Score
from cantilena.systems.codes.conditions import Wish
from cantilena.systems.codes.writing import CodeOrder, CodeWriter, CodeWriting
from cantilena.tokens.codes.symbols import ScoreSymbols

LAYERS = (32, 64, 88, 112)
"""Velocities that are written; a note has the sound of the nearest."""
LENGTHS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
"""Seconds that a written note is held: the least that its longest note needs. What is held longer
ends with the last."""
RELEASE = 0.15
"""Seconds over which a note that is let go of fades."""
STROKE = 1.2
"""Seconds that a drum rings."""
LOUDNESS_POWER = 2
"""Of the velocity, as General MIDI Level 2 recommends: between a layer and a note."""
UNPITCHED = 112
"""The first of General MIDI's percussive programs; sound effects and drums stand behind them."""
ABREAST = 64
"""Notes that are written together."""


@dataclass(frozen=True)
class NoteSound:
    """A sound to write: ``instrument`` 0-127, or 128 for drums; ``pitch``; the ``velocity`` of a
    layer; ``seconds`` that it is held."""

    instrument: int
    pitch: int
    velocity: int
    seconds: float

    @property
    def length(self) -> float:
        """Seconds of its codes."""
        return self.seconds if self.instrument == DRUMS else self.seconds + RELEASE

    def symbols(self) -> ScoreSymbols:
        """The note alone, from 0 on, as a condition."""
        none, number = np.zeros(0), np.zeros(0, dtype=np.int64)
        return ScoreSymbols(
            np.zeros(1),
            np.array([self.seconds]),
            np.array([self.pitch]),
            np.array([self.velocity]),
            np.array([self.instrument]),
            none,
            number,
            none,
            np.full(0, NO_CHORD),
        )


@dataclass(frozen=True)
class NotePlan:
    """What sounds of a Score are written, and which of them each note has: ``sound`` (N,) places in
    ``sounds``; ``start`` and ``held`` (N,) in seconds."""

    sounds: tuple[NoteSound, ...]
    sound: np.ndarray
    start: np.ndarray
    held: np.ndarray


def note_plan(score: Score) -> NotePlan:
    """The sounds of a Score's notes, shortest first."""
    start = score.seconds(score.onset)
    ends = np.minimum(*sounding_ends(score))
    held = np.maximum(score.seconds(np.minimum(ends, score.end)) - start, 0.0)
    drums = score.is_drum
    held[drums] = STROKE
    lengths = np.where(drums, STROKE, _at_least(held, LENGTHS))
    layer = np.abs(score.velocity[:, None] - np.array(LAYERS)).argmin(1)
    keys = np.stack([score.instrument, score.pitch, layer], axis=1).astype(np.int64)
    distinct, which = np.unique(keys, axis=0, return_inverse=True)
    longest = np.zeros(len(distinct))
    np.maximum.at(longest, which.reshape(-1), lengths)
    order = np.argsort(longest, kind="stable")
    sounds = []
    for i in order:
        instrument, pitch, at = distinct[i].tolist()
        sounds.append(NoteSound(instrument, pitch, LAYERS[at], float(longest[i])))
    return NotePlan(tuple(sounds), np.argsort(order)[which.reshape(-1)], start, held)


def _at_least(values: np.ndarray, steps: Sequence[float]) -> np.ndarray:
    """The first of the rising steps that is no less than each value; else the last."""
    return np.array(steps)[np.minimum(np.searchsorted(steps, values - 1e-9), len(steps) - 1)]


class NoteWriting:
    """The writing of a plan's sounds; ``codes`` are theirs, (K, T) each, in their order. A sound's
    chance follows from the seed and its note alone. Raises InputError as ``CodeWriting``."""

    def __init__(self, writer: CodeWriter, plan: NotePlan, seed: int, sampling: Sampling):
        orders = [_order(writer, sound, seed, sampling) for sound in plan.sounds]
        groups = [orders[i : i + ABREAST] for i in range(0, len(orders), ABREAST)]
        self.parts = [CodeWriting(writer, group) for group in groups]
        self.total = sum(part.total for part in self.parts)

    @property
    def codes(self) -> list[np.ndarray]:
        """The codes (K, T) so far, of each order."""
        return [codes for part in self.parts for codes in part.codes]

    def steps(self) -> Iterator[tuple[int, int]]:
        """As ``CodeWriting.steps``."""
        before = 0
        for part in self.parts:
            for done, _ in part.steps():
                yield before + done, self.total
            before += part.total


def _order(writer: CodeWriter, sound: NoteSound, seed: int, sampling: Sampling) -> CodeOrder:
    frames = max(1, int(np.ceil(sound.length * writer.rate - 1e-6)))
    own = (seed * (DRUMS + 1) + sound.instrument) * 128 + sound.pitch
    wish = Wish(score=sound.symbols())
    return CodeOrder(frames, wish, own * 128 + sound.velocity, sampling=sampling)


@torch.inference_mode()
def note_sounds(
    codec: Codec, codes: Sequence[np.ndarray], written: Sequence[NoteSound]
) -> list[np.ndarray]:
    """(n,) float32 samples of each note's codes, several channels averaged; those of one length
    are decoded together. A codec of mel bands is told the pitches of notes that have one."""
    tonal = [isinstance(codec, MelCodec) and has_pitch(note) for note in written]
    kinds = [(one.shape, pitched) for one, pitched in zip(codes, tonal, strict=True)]
    sounds: list[np.ndarray] = [np.zeros(0, np.float32)] * len(codes)
    for kind in dict.fromkeys(kinds):
        alike = [i for i in range(len(codes)) if kinds[i] == kind]
        for start in range(0, len(alike), ABREAST):
            group = alike[start : start + ABREAST]
            pitches = [written[i].pitch for i in group] if kind[1] else None
            decoded = _decoded(codec, np.stack([codes[i] for i in group]), pitches)
            for i, sound in zip(group, decoded, strict=True):
                sounds[i] = sound
    return sounds


def _decoded(codec: Codec, codes: np.ndarray, pitches: Sequence[int] | None) -> np.ndarray:
    """(B, n) sound of (B, K, T) codes."""
    batch = torch.from_numpy(codes).to(next(codec.parameters()).device)
    if pitches is None or not isinstance(codec, MelCodec):
        decoded = codec.decode(batch)
    else:
        hertz = torch.tensor([frequency(pitch) for pitch in pitches], device=batch.device)
        decoded = codec.decode_tones(batch, hertz)
    return decoded.float().mean(1).cpu().numpy()


def has_pitch(note: NoteSound) -> bool:
    """Whether a note is heard as a tone: not drums, nor General MIDI's percussion and effects."""
    return note.instrument < UNPITCHED


def placed(
    score: Score, plan: NotePlan, sounds: Sequence[np.ndarray], rate: int, n: int
) -> np.ndarray:
    """(2, n) float32 sum of a Score's notes, each at its place in time and on the stage, as loud as
    its velocity says beside its layer's, and let go of where it ends; not yet mastered."""
    out = np.zeros((2, n), dtype=np.float32)
    layers = np.array([sound.velocity for sound in plan.sounds])
    loud = (score.velocity / layers[plan.sound]) ** LOUDNESS_POWER
    gain = room.gains(room.pans(score)[score.track]) * loud.astype(np.float32)
    begin = np.rint(plan.start * rate).astype(np.int64)
    release = np.cos(np.linspace(0, np.pi / 2, round(RELEASE * rate), dtype=np.float32)) ** 2
    for i, first in enumerate(begin.tolist()):
        sound = sounds[int(plan.sound[i])]
        sound = sound[: round(float(plan.held[i]) * rate) + len(release)].copy()
        tail = min(len(sound), len(release))
        sound[len(sound) - tail :] *= release[len(release) - tail :]
        sound = sound[: max(0, n - first)]
        out[:, first : first + len(sound)] += gain[:, i, None] * sound
    return out
