"""Composing the prompts of an evaluation, and which pieces of an earlier run still hold.

Knows files and resuming; does not know how a system composes or what is measured. Beside each
``<prompt>-<seed>.mid``, or ``.wav`` where the sound is wanted of a system that makes it, lies a
``.json``, its record: the identity of what composed it (request, system, checkpoint, code) and the
hash of the file. A piece is used again only where both are what they would be now.
"""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cantilena.audio.audio import Audio
from cantilena.audio.wav import read_wav, write_wav
from cantilena.errors import CantilenaError, CheckpointError, InputError, MissingExtraError
from cantilena.evaluate.pieces import same_music
from cantilena.evaluate.prompts import Prompt
from cantilena.files import make_folder, write_json
from cantilena.fingerprint import code_fingerprint
from cantilena.score.midi import read_midi, write_midi
from cantilena.score.score import Score

CHUNK = 16
"""Prompts that a system gets at a time: what an interruption can lose."""

Progress = Callable[[float], None] | None
"""Called with the share that is done, 0-1."""


class Request(Protocol):
    """What a system composes from."""

    def to_dict(self) -> dict[str, Any]:
        """All that decides the piece, as plain data that JSON can hold."""
        ...


class Result(Protocol):
    """What a system gives for a Request."""

    @property
    def score(self) -> Score: ...
    @property
    def audio(self) -> Audio | None: ...


class System(Protocol):
    """What can be evaluated. ``hash`` stands for all of a checkpoint that decides a piece; of a
    system where it is empty no piece is used again, as nothing says what composed it."""

    @property
    def name(self) -> str: ...

    @property
    def hash(self) -> str: ...

    def compose(self, requests: Sequence[Any], progress: Progress = None) -> Sequence[Result]:
        """For each Request a Result, in order."""
        ...


MakeRequest = Callable[[Prompt, int], Request]
"""The Request of a prompt and a seed."""

About = Callable[[Any], Mapping[str, Any]] | None
"""Plain data on a Result."""


def label(system: System) -> str:
    """Name and hash of a system, as tables name it."""
    return f"{system.name} {system.hash}".strip()


@dataclass(frozen=True)
class Piece:
    """A prompt's piece. ``path``: its MIDI or WAV file, None where the system failed; ``seconds``
    that composing took (None where it failed); ``reread_equal``: whether the file, read back, holds
    the same music as was composed, sound to the 16 bits of the file; ``error``: why it failed, ""
    where it did not; ``about``: what was to be kept of its Result beside the music."""

    path: Path | None
    seconds: float | None
    reread_equal: bool
    error: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)


def identity(system: System, request: Request) -> dict[str, Any]:
    """All that decides a piece, as plain data: the request, the system, its checkpoint's hash and
    the fingerprint of the code."""
    plain = {
        "request": request.to_dict(),
        "system": system.name,
        "checkpoint": system.hash,
        "code": code_fingerprint(),
    }
    return json.loads(json.dumps(plain))  # as a record reads back: tuples become lists


def piece_seed(prompt: Prompt, seed: int) -> int:
    """The seed of a prompt's piece, 0 to 2**32 - 1, in a run of a ``seed``. Were it the run's own,
    all pieces would draw alike: of 32 bands without a genre all had one of two progressions."""
    return zlib.crc32(f"{seed} {prompt.id}".encode())


def compose_prompts(
    system: System,
    make_request: MakeRequest,
    prompts: Sequence[Prompt],
    folder: Path,
    seed: int,
    progress: Progress = None,
    fresh: bool = False,
    sound: bool = False,
    about: About = None,
    chunk: int = CHUNK,
) -> list[Piece]:
    """The Piece of each prompt, in order, each of its own ``piece_seed``; composes those that
    ``folder`` does not hold of the same ``identity``, or all of them with ``fresh``. ``sound``: as
    WAV files, which takes a system that makes sound. ``about`` says what a record keeps of a
    Result besides; ``chunk``: prompts that the system gets at a time.

    A prompt that the system fails on (CantilenaError) has a Piece without a file. Raises
    CheckpointError and MissingExtraError, which are no prompt's failure, and InputError where
    ``folder`` cannot be made.
    """
    make_folder(folder)
    ending = ".wav" if sound else ".mid"
    files = [_Files(folder / f"{p.id}-{seed}{ending}", about is not None) for p in prompts]
    requests = [make_request(p, piece_seed(p, seed)) for p in prompts]
    identities = [identity(system, request) for request in requests]
    if fresh:  # at once, so that a run that is interrupted leaves none of the old pieces
        for file in files:
            file.record.unlink(missing_ok=True)
    reusable = bool(system.hash) and not fresh
    pieces = [f.read(i) if reusable else None for f, i in zip(files, identities, strict=True)]
    missing = [i for i, piece in enumerate(pieces) if piece is None]
    there = len(prompts) - len(missing)

    def report(done: float, share: float = 0, size: int = 1) -> None:
        if progress:
            progress((there + done + share * size) / len(prompts))

    for start in range(0, len(missing), chunk):
        some = missing[start : start + chunk]
        began = time.perf_counter()
        share_done = partial(report, start, size=len(some))
        music = _compose(system, [requests[i] for i in some], share_done, sound, about)
        seconds = (time.perf_counter() - began) / len(some)
        for i, piece in zip(some, music, strict=True):
            pieces[i] = files[i].write(piece, identities[i], seconds)
    report(len(missing))
    return [piece for piece in pieces if piece is not None]


Music = Score | Audio


@dataclass(frozen=True)
class _Output:
    """What a system gave, as far as it is kept."""

    music: Music
    about: Mapping[str, Any]


def _compose(
    system: System, requests: Sequence[Request], progress: Progress, sound: bool, about: About
) -> list[_Output | str]:
    """The Scores, or the ``sound``, or in the place of one the error that the system raised for
    it."""
    try:
        results = system.compose(requests, progress)
        return [_Output(_music(r, sound), about(r) if about else {}) for r in results]
    except (CheckpointError, MissingExtraError):  # no prompt is to blame
        raise
    except CantilenaError as error:
        if len(requests) == 1:
            return [str(error)]
        alone = ([request] for request in requests)
        return [one for request in alone for one in _compose(system, request, None, sound, about)]


def _music(result: Result, sound: bool) -> Music:
    if not sound:
        return result.score
    if result.audio is None:
        raise InputError("the system gave notes and no sound")
    return result.audio


class _Files:
    """A piece's MIDI or WAV file, and its record, which tells of more where ``about``."""

    def __init__(self, piece: Path, about: bool = False):
        self.piece, self.record, self.about = piece, piece.with_suffix(".json"), about

    def write(self, output: _Output | str, identity: dict[str, Any], seconds: float) -> Piece:
        """Writes a piece or the error in its place; the record last, so that its presence says
        that the piece is whole."""
        record: dict[str, Any] = {"identity": identity}
        if isinstance(output, str):
            self.piece.unlink(missing_ok=True)
            record["error"] = output
        else:
            record["reread_equal"] = self._write(output.music)
            record["sha256"] = _sha256(self.piece)
            record["seconds"] = seconds
            if self.about:
                record["about"] = dict(output.about)
        write_json(self.record, record, indent=None)
        return self._piece(record)

    def _write(self, music: Music) -> bool:
        """Whether what is written reads back as it was."""
        if isinstance(music, Score):
            write_midi(music, self.piece)
            return same_music(music, read_midi(self.piece))
        write_wav(music.samples.T, music.rate, self.piece)
        samples, rate = read_wav(self.piece)
        clipped = np.clip(music.samples.T, -1, 1)
        return rate == music.rate and bool(np.allclose(samples, clipped, atol=2**-14, rtol=0))

    def read(self, identity: dict[str, Any]) -> Piece | None:
        """The Piece that is there; None where there is none, it is damaged, or it was composed by
        or from something else."""
        try:
            record = json.loads(self.record.read_text(encoding="utf-8"))
            if record["identity"] != identity:
                return None
            # a run that was cut off between the two files leaves an old record by a new piece
            if "error" not in record and _sha256(self.piece) != record["sha256"]:
                return None
            return self._piece(record)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _piece(self, record: dict[str, Any]) -> Piece:
        if "error" in record:
            return Piece(None, None, False, str(record["error"]))
        about = record["about"] if self.about else {}
        seconds, equal = float(record["seconds"]), bool(record["reread_equal"])
        return Piece(self.piece, seconds, equal, about=about)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
