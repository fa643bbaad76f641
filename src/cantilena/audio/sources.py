"""Recordings that pieces are made from, as files beside the pieces' JSON.

Knows Audio, WAV files and hashes; does not know Requests or what is made of a recording. A file is
named after its content, so that several pieces of one recording share it, and holds each sample
exactly, so that the piece can be made again from it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.audio.audio import Audio
from cantilena.audio.wav import MAX_BYTES, float_bytes, parse_wav, pcm_bytes
from cantilena.errors import InputError
from cantilena.files import read_bytes

_FULL = 32_768
"""Full scale of 16 bits, as ``audio.wav`` reads it."""
_NAME = "recording-{}.wav"
_DIGITS = 12
"""Of the hash, in the name: enough for the recordings of any folder."""
_PATTERN = re.compile(_NAME.replace(".", r"\.").format(rf"[0-9a-f]{{{_DIGITS}}}"))


def source_file(audio: Audio) -> tuple[str, bytes]:
    """(name, content) of a WAV file that holds a recording exactly: of 16 bits where these do, else
    of floats of 32. Raises InputError where it is too long for one (4 GB)."""
    samples = audio.samples.T
    steps = np.rint(samples * _FULL)
    pcm = np.clip(steps, -_FULL, _FULL - 1).astype(np.int16)
    if _same_bits(pcm / np.float32(_FULL), samples):
        data = pcm_bytes(pcm, audio.rate)
    else:
        data = float_bytes(samples, audio.rate)
    return _NAME.format(hashlib.sha256(data).hexdigest()[:_DIGITS]), data


def _same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays of float32 are equal bit by bit: -0.0 is not 0.0."""
    return np.array_equal(one.view(np.uint32), other.view(np.uint32))


def reference(audio: Audio, name: str, data: bytes) -> dict[str, Any]:
    """What stands in the JSON in the place of a recording: the ``file`` that holds it, with its
    hash, and what it is."""
    return {
        "file": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "rate": audio.rate,
        "channels": len(audio.samples),
        "seconds": round(audio.seconds, 3),
    }


def is_reference(data: Any) -> bool:
    """Whether plain data names a recording's file and does not hold the recording itself."""
    return isinstance(data, Mapping) and "file" in data


def read_source(data: Mapping[str, Any], folder: str | Path) -> Audio:
    """The recording that ``reference`` names, of a file in ``folder``. Raises InputError where the
    file is missing, another than it was, or not within the folder."""
    name, wanted = data["file"], data.get("sha256")
    if not isinstance(name, str) or Path(name).name != name or not isinstance(wanted, str):
        raise InputError(
            "the recording of a piece is named by a file beside its JSON and the file's sha256, "
            f"not by {name!r} and {wanted!r}"
        )
    path = Path(folder) / name
    if not path.is_file():
        raise InputError(
            f"there is no file {str(path)!r}, the recording that the piece was made from; put it "
            "back beside the piece's JSON, where it was written"
        )
    content = read_bytes(path, MAX_BYTES, "a recording")
    actual = hashlib.sha256(content).hexdigest()
    if actual != wanted:
        raise InputError(
            f"{str(path)!r} is not the recording that the piece was made from: its sha256 is "
            f"{actual[:_DIGITS]}, not {wanted[:_DIGITS]}; put back the file that was written "
            "beside the piece's JSON"
        )
    samples, rate = parse_wav(content)
    return Audio(samples.T, rate)


def is_source(path: str | Path) -> bool:
    """Whether a file is, by its name, a recording beside pieces that were made from it."""
    return _PATTERN.fullmatch(Path(path).name) is not None
