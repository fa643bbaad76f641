"""A kit whose samples a model of single notes writes (InstrumentGen).

Knows the model, its codec and notes; does not know words or files. All notes of a kit begin with
the same random stream, which keeps the instrument alike over the keyboard. Needs torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cantilena.errors import InputError
from cantilena.models.audio.shipped import CODE_NOTES
from cantilena.render.kit.making import Kit, Note, Sound, make_kit
from cantilena.systems.codes.conditions import Wish
from cantilena.systems.codes.notes import RELEASE, NoteSound, note_sounds
from cantilena.systems.codes.notes_system import READS, CodeNotesSystem
from cantilena.systems.codes.pair import load_pair
from cantilena.systems.codes.writing import CodeOrder, write_codes

HELD = 1.6
"""Seconds that a note is held."""
ATTEMPTS = 3
"""At a note whose pitch is wrong, before its neighbour stands in."""
ABREAST = 32
"""Notes that are written together."""


def code_kit(
    program: int,
    seed: int,
    checkpoint: str | Path,
    codec: str | Path | None,
    progress: Callable[[float], None] | None = None,
) -> tuple[Kit, dict[str, Any]]:
    """The samples of a program by a model of single notes, and what ``kit.json`` says of
    their origin. Raises InputError for a model that writes none, CheckpointError,
    MissingExtraError."""
    pair = load_pair(checkpoint, codec, kind=CODE_NOTES)
    writer = pair.writer
    if READS not in writer.model.config.conditions:
        raise InputError(
            f"the model {pair.name!r} writes no single notes; the recipe codes-note trains one"
        )
    sampling = replace(CodeNotesSystem.sampling, best_of=1)

    def make(notes: Sequence[Note], attempt: int) -> list[Sound]:
        out: list[Sound] = []
        for start in range(0, len(notes), ABREAST):
            group = [
                NoteSound(program, note.key, note.velocity, HELD)
                for note in notes[start : start + ABREAST]
            ]
            frames = max(1, round(group[0].length * writer.rate))
            orders = [
                CodeOrder(frames, Wish(score=n.symbols()), seed + attempt, sampling=sampling)
                for n in group
            ]
            sounds = note_sounds(pair.codec, write_codes(writer, orders), group)
            out += [Sound(sound) for sound in sounds]
            if progress and not attempt:
                progress((start + len(group)) / len(notes))
        return out

    kit = make_kit(make, pair.codec.sample_rate, RELEASE, ATTEMPTS, even=True)
    return kit, {"made_by": f"the model {pair.name}", "checkpoint_sha256": pair.hash}
