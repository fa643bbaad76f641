"""A kit whose samples UniAudio writes, note by note.

Knows the model, its codec and notes; does not know words or files. All notes of a kit begin with
the same random stream, which keeps the instrument alike over the keyboard. Needs torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cantilena.errors import InputError
from cantilena.render.kit.making import Kit, Note, Sound, make_kit
from cantilena.systems.codes.kits import ATTEMPTS, HELD
from cantilena.systems.codes.notes import RELEASE, NoteSound, note_sounds
from cantilena.systems.uniaudio.checkpoint import load_uniaudio
from cantilena.systems.uniaudio.writing import SAMPLING, UniOrder, UniWriting
from cantilena.tokens.codes.patches import NOTE


def uni_kit(
    program: int,
    seed: int,
    checkpoint: str | Path,
    progress: Callable[[float], None] | None = None,
) -> tuple[Kit, dict[str, Any]]:
    """As ``codes.kits.code_kit``, by a model of all tasks. Raises InputError for one that has not
    learned single notes, CheckpointError, MissingExtraError."""
    loaded = load_uniaudio(checkpoint)
    name, rate = loaded.checkpoint.name, loaded.options.frame_rate
    if NOTE not in loaded.options.names:
        raise InputError(f"the model {name!r} has not learned the task {NOTE!r}")

    def make(notes: Sequence[Note], attempt: int) -> list[Sound]:
        sounds: list[Sound] = []
        for number, note in enumerate(notes):
            own = NoteSound(program, note.key, note.velocity, HELD)
            frames = max(1, round(own.length * rate))
            order = UniOrder(
                NOTE, frames, notes=own.symbols(), seed=seed + attempt, sampling=SAMPLING
            )
            codes = UniWriting(loaded.model, loaded.vocabulary, order, rate).run()
            sounds += [Sound(sound) for sound in note_sounds(loaded.codec, [codes], [own])]
            if progress and not attempt:
                progress((number + 1) / len(notes))
        return sounds

    kit = make_kit(make, loaded.codec.sample_rate, RELEASE, ATTEMPTS, even=True)
    return kit, {"made_by": f"the model {name}", "checkpoint_sha256": loaded.checkpoint.hash}
