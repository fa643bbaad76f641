"""The system ``code-notes``: a Brief becomes a Score, and every different note of it a sound that a
model of codes writes.

Knows how these are wired; the Score is led as in ``musicgen`` (``system``), notes are planned and
put together by ``notes``. Needs torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from cantilena.audio.audio import Audio
from cantilena.errors import InputError
from cantilena.render.synth import room
from cantilena.systems.codes.judging import OPTION
from cantilena.systems.codes.notes import NotePlan, NoteWriting, note_plan, note_sounds, placed
from cantilena.systems.codes.pair import Pair
from cantilena.systems.codes.system import MusicgenSystem, Piece, fade

READS = "note"
"""The condition by which a model is told of a note."""


@dataclass
class _NotePiece(Piece):
    """A piece, and the sounds of its Score."""

    plan: NotePlan | None = None


class CodeNotesSystem(MusicgenSystem):
    """A model of single notes, its codec, and the note system's shipped model."""

    system = "code-notes"
    sampling = replace(MusicgenSystem.sampling, temperature=0.7, guidance=1.0)
    options: ClassVar[dict[str, type]] = {OPTION: str}
    piece = _NotePiece

    def __init__(self, pair: Pair):
        if READS not in pair.writer.model.config.conditions:
            raise InputError(
                f"the model {pair.name!r} writes no single notes; the recipe codes-note trains one"
            )
        super().__init__(pair)

    def _writing(self, piece: Any) -> NoteWriting:
        piece.plan = note_plan(piece.score)
        sampling = piece.request.sampling or self.sampling
        return NoteWriting(self.writer, piece.plan, piece.seed, sampling)

    def _facts(self, piece: Any) -> dict[str, Any]:
        return {**super()._facts(piece), "notes_written": len(piece.plan.sounds)}

    def _blocks(self, piece: Any) -> Iterator[np.ndarray]:
        """All at once, as any note may come again at the end."""
        for _ in piece.writing.steps():
            pass
        yield self._pair(piece).T

    def _pair(self, piece: Any) -> np.ndarray:
        """(2, n): the notes' sounds put together, stereo."""
        rate = self.codec.sample_rate
        sounds = note_sounds(self.codec, piece.writing.codes, piece.plan.sounds)
        return placed(piece.score, piece.plan, sounds, rate, round(self._seconds(piece) * rate))

    def _sound(self, piece: Any) -> Audio:
        """The notes' sounds put together, stereo, as loud as a rendered Score is."""
        rate, pair = self.codec.sample_rate, self._pair(piece)
        fade(pair, rate)
        return Audio(room.master(pair, rate), rate)
