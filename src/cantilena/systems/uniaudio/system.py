"""The system ``uniaudio``: one model writes music of a Score or a text, goes on with a recording,
fills a gap in one, or writes a part to one.

Knows Requests, lengths, loudness and which task each Request is; how codes are written is
``writing``'s. Scores are composed as ``musicgen`` has them. Needs torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cantilena.audio.audio import Audio
from cantilena.audio.wav import resample
from cantilena.errors import InputError
from cantilena.models.audio.codec.stream import decode_blocks, encode_blocks
from cantilena.result import Result
from cantilena.systems import no_checkpoint
from cantilena.systems.base import Request
from cantilena.systems.codes.joining import joined, stretch_of
from cantilena.systems.codes.judging import OPTION, judged_facts, sound_row
from cantilena.systems.codes.system import (
    CONDITIONS,
    SCORE,
    MusicgenSystem,
    Piece,
    text_rows,
)
from cantilena.systems.musiclm import accompanying
from cantilena.systems.note.composer import NoteSystem
from cantilena.systems.uniaudio.checkpoint import Loaded, load_uniaudio
from cantilena.systems.uniaudio.options import SYSTEM
from cantilena.systems.uniaudio.writing import SAMPLING, UniOrder, UniWriting
from cantilena.text.prompt import prompt_of
from cantilena.text.report.rows import Row
from cantilena.tokens.codes.patches import ACCOMPANY, CONTINUE, EDIT, SOUND, TEXT
from cantilena.tokens.codes.symbols import score_symbols

PART, ALONE = "accompany", "alone"
"""Options: whether a part is written to the recording, and whether it stands without that."""


@dataclass
class UniPiece(Piece):
    """A Request on its way. ``recording`` (channels, n): what is gone on with or filled, at the
    codec's rate, and ``stretch``, its samples that are new; ``files``: of a part to it, the WAV
    files that hold both exactly."""

    stretch: tuple[int, int] | None = None
    recording: np.ndarray | None = None
    files: dict[str, bytes] = field(default_factory=dict)


class UniAudioSystem(MusicgenSystem):
    """A model of all tasks with its codec, and the note system's shipped model for Scores."""

    system = SYSTEM
    sampling = replace(SAMPLING, best_of=NoteSystem.sampling.best_of)
    options: ClassVar[Mapping[str, type]] = {
        "condition": str,
        OPTION: str,
        "start": float,
        "stop": float,
        PART: bool,
        ALONE: bool,
    }
    piece = UniPiece

    def __init__(self, loaded: Loaded):
        self.model, self.codec = loaded.model, loaded.codec
        self.trained, self.vocabulary = loaded.options, loaded.vocabulary
        checkpoint = loaded.checkpoint
        self.name, self.hash, self.card = checkpoint.name, checkpoint.hash, checkpoint.card
        self.notes = NoteSystem.load()

    @classmethod
    def load(
        cls,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
        codec: str | None = None,
    ) -> UniAudioSystem:
        """The system of a checkpoint's folder or a run's. Raises as ``load_uniaudio``, and
        InputError where none is named, or a codec or a dtype is: the model brings its own."""
        if checkpoint is None:
            raise no_checkpoint(cls.system)
        if codec is not None or dtype is not None:
            raise InputError("uniaudio brings its own codec and dtype; leave both out")
        return cls(load_uniaudio(checkpoint, device))

    # ------------------------------------------------------------------ what is asked

    @property
    def conditions(self) -> tuple[str, ...]:
        """As ``MusicgenSystem.conditions``."""
        names = self.trained.names
        able = {SCORE: SOUND in names, TEXT: TEXT in names}
        return tuple(name for name in CONDITIONS if able.get(name))

    @property
    def networks(self) -> Sequence[Any]:
        """As ``System.networks``."""
        return (self.model,)

    @property
    def stem(self) -> str:
        """Which stem it writes to a recording, "" for none."""
        return self.trained.stem if ACCOMPANY in self.trained.names else ""

    def condition(self, request: Request) -> str:
        """As ``MusicgenSystem.condition``; of a recording the text."""
        if request.audio is None:
            return super().condition(request)
        if request.options.get("condition", TEXT) != TEXT:
            raise InputError("a recording is changed by a text; leave --condition out")
        return TEXT

    def task(self, request: Request) -> str:
        """The task that a Request is. Raises InputError for one that the model has not learned."""
        if request.audio is None:
            task = SOUND if self.condition(request) == SCORE else TEXT
        elif request.options.get(PART):
            task = ACCOMPANY
        else:
            task = CONTINUE if stretch_of(request)[0] >= request.audio.seconds else EDIT
        if task not in self.trained.names:
            raise InputError(
                f"the model {self.name!r} has not learned the task {task!r}; it knows: "
                f"{', '.join(dict.fromkeys(self.trained.names))}"
            )
        return task

    def check(self, request: Request) -> None:
        """As ``MusicgenSystem.check``; and whether the recording and its stretch can be."""
        options, audio = request.options, request.audio
        super().check(request)
        if audio is None:
            for name in ("start", "stop", PART, ALONE):
                if name in options:
                    raise InputError(f"{name} is of a recording: give one by --continue")
        elif request.score is not None:
            raise InputError("a recording is changed by a text, not by a Score; leave one out")
        elif options.get(PART):
            if "start" in options or "stop" in options:
                raise InputError("a part is written to a whole recording; leave start and stop out")
            if request.brief.seconds is not None and request.brief.seconds > audio.seconds + 1e-6:
                raise InputError(
                    f"the recording lasts {audio.seconds:.2f} s, not {request.brief.seconds:g} s"
                )
            accompanying.check(audio)
        elif options.get(ALONE):
            raise InputError(f"{ALONE} is of a part to a recording: --option {PART}=true")
        if audio is not None and not (0 < audio.seconds <= accompanying.LONGEST):
            raise InputError(
                f"a recording of {audio.seconds:.2f} s is outside 0-{accompanying.LONGEST:g} s"
            )
        self.task(request)

    # ------------------------------------------------------------------ how it is made

    def _seconds(self, piece: Any) -> float:
        request = piece.request
        if request.audio is None:
            return super()._seconds(piece)
        if request.options.get(PART):
            return request.brief.seconds or request.audio.seconds
        return max(request.audio.seconds, stretch_of(request)[1])

    def _writing(self, piece: Any) -> UniWriting:
        order = self._uni_order(piece)
        return UniWriting(self.model, self.vocabulary, order, self.trained.frame_rate)

    def _uni_order(self, piece: Any) -> UniOrder:
        """What is to be written of a piece."""
        request, rate = piece.request, self.codec.sample_rate
        task = self.task(request)
        length = round(self._seconds(piece) * rate)
        order = UniOrder(
            task,
            max(1, -(-length // self.codec.hop)),
            prompt_of(request.brief),
            None if piece.score is None else score_symbols(piece.score),
            seed=piece.seed,
            sampling=request.sampling or self.sampling,
        )
        if request.audio is None:
            return order
        audio = request.audio
        sound = np.stack([resample(row, audio.rate, rate) for row in audio.samples])
        padded = np.zeros((len(sound), length), dtype=np.float32)
        padded[:, : sound.shape[1]] = sound[:, :length]
        piece.recording = padded
        kept = padded * np.float32(accompanying.gain_of(audio))
        if task != ACCOMPANY:
            start, stop = (round(s * rate) for s in stretch_of(request))
            piece.stretch = start, min(stop, length)
            kept = padded[:, : min(start, sound.shape[1])] if task == CONTINUE else padded
        mono = kept.mean(0)[:, None]
        blocks = encode_blocks(self.codec, [np.repeat(mono, self.codec.channels, 1)])
        heard = np.concatenate(list(blocks), axis=1)
        if task != EDIT:
            return replace(order, heard=heard)
        hop = self.codec.hop
        gap = piece.stretch[0] // hop, min(order.frames, -(-piece.stretch[1] // hop))
        return replace(order, heard=heard, gap=gap)

    def _sound(self, piece: Any) -> Audio:
        """The sound of a piece's codes; of a recording what is kept as it was."""
        if piece.recording is None:
            return super()._sound(piece)
        rate = self.codec.sample_rate
        length = piece.recording.shape[1]
        sound = np.concatenate(list(decode_blocks(self.codec, piece.writing.codes[0], length))).T
        if piece.stretch is not None:
            return Audio(joined(piece.recording, sound, piece.stretch, rate), rate)
        alone, audio = bool(piece.request.options.get(ALONE, False)), piece.request.audio
        mix = accompanying.mixed(sound[0], rate, audio, self._seconds(piece))
        piece.files = mix.files(alone, self.stem)
        return mix.sound(alone)

    def _result(self, piece: Any) -> Result:
        """As ``MusicgenSystem._result``, with the files of a part to a recording."""
        return replace(super()._result(piece), files=piece.files)

    def _rows(self, piece: Any, sound: Audio) -> tuple[Row, ...]:
        """As ``MusicgenSystem._rows``; of a recording the length of what is new."""
        if piece.stretch is None:
            return super()._rows(piece, sound)
        start, stop = piece.stretch
        brief, place = piece.request.brief, piece.request.options.get(OPTION)
        rows = text_rows(brief, (stop - start) / self.codec.sample_rate)
        return (*rows, sound_row(place, prompt_of(brief), sound)) if place else rows

    def _facts(self, piece: Any) -> dict[str, Any]:
        """What the JSON file says of how a piece was sounded."""
        facts: dict[str, Any] = {
            "task": piece.writing.order.task,
            "condition": piece.condition,
            "codec": self.trained.codec[:16],
            "bits_per_second": round(self.codec.bits(), 1),
            **judged_facts(piece.request.options.get(OPTION)),
        }
        if piece.stretch is not None:
            rate = self.codec.sample_rate
            facts["new_between"] = [round(s / rate, 3) for s in piece.stretch]
        if piece.guide is not None:
            by = {"name": piece.guide.checkpoint, "sha256": piece.guide.checkpoint_hash}
            facts["score_by"] = by
        return facts
