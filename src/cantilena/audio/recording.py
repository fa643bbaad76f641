"""Recordings: sound files of any length, of which parts are read.

Knows WAV files, and with soundfile (extra ``audio``) FLAC, Ogg and MP3; does not know what the
sound is used for. Of a file no more is in memory than the part that is asked for.
"""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cantilena.audio.wav import Layout, find_layout
from cantilena.errors import InputError, MissingExtraError

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3")
"""Of the files that can be read; all but WAV need soundfile."""

HEAD = 16
"""Bytes by which a kind of file is recognised."""
_BEGINNINGS = (
    (b"fLaC", 0, "FLAC"),
    (b"OggS", 0, "Ogg"),
    (b"ID3", 0, "MP3"),
    (b"WAVE", 8, "WAV"),
    (b"AIFF", 8, "AIFF"),
    (b"AIFC", 8, "AIFF"),
    (b"ftyp", 4, "MP4"),
    (b"caff", 0, "CAF"),
)
"""Bytes, where they stand, and the format of sound that begins so."""

_WARM_UP = 10 * 1152
"""Samples before a place that are decoded with it: behind a jump MP3 lacks the bits that earlier
frames (of 1152 samples) hold of its own, at low bit rates up to nine of them."""
_TAGS = ("title", "artist", "album", "genre", "comment", "license", "date")
"""What soundfile may say of a file beside its sound."""


def sound_format(head: bytes) -> str | None:
    """The format of sound that a file with these first ``HEAD`` bytes or more has, as "WAV", by its
    header alone; None where it has none that is known."""
    for letters, place, name in _BEGINNINGS:
        if head[place : place + len(letters)] == letters:
            return name
    return "MP3" if _mpeg_frame(head) else None


def _mpeg_frame(head: bytes) -> bool:
    """Whether bytes begin with a frame of MPEG's layers: a sync, a layer, and a bit rate and a
    sampling rate that there are."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    layer, version = head[1] >> 1 & 3, head[1] >> 3 & 3
    return layer != 0 and version != 1 and head[2] >> 4 not in (0, 15) and head[2] >> 2 & 3 != 3


def is_recording(path: str | Path) -> bool:
    """Whether a file is sound, by its header; by its name where the header is no one's or the file
    cannot be opened."""
    head = _head(Path(path))
    if sound_format(head) is not None:
        return True
    return not _midi(head) and Path(path).suffix.lower() in SUFFIXES


def _head(path: Path) -> bytes:
    """The first bytes of a file, none of what is no file."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


def _midi(head: bytes) -> bool:
    return head[:4] == b"MThd" or (head[:4] == b"RIFF" and head[8:12] == b"RMID")


class Recording:
    """An open sound file: ``rate`` in Hz, ``channels``, ``length`` in samples of each channel, and
    ``tags`` (title, artist, genre, ...; none of a WAV file)."""

    rate: int
    channels: int
    length: int
    tags: dict[str, str]

    def read(self, start: int, stop: int) -> np.ndarray:
        """(n, channels) float32 samples from ``start`` up to ``stop``, fewer where the file ends
        before. Raises InputError that names the file where it is damaged or holds values that are
        not finite."""
        raise NotImplementedError


@contextlib.contextmanager
def open_recording(path: str | Path) -> Iterator[Recording]:
    """A sound file, open for the block. Raises InputError that names the file where it is none that
    can be read, MissingExtraError where its kind needs soundfile."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file {str(path)!r}; give the path of a sound file")
    head = _head(path)
    if _midi(head):
        raise InputError(f"{str(path)!r} is a MIDI file, not sound; 'cantilena render' sounds it")
    wav = (sound_format(head) or ("WAV" if path.suffix.lower() == ".wav" else "")) == "WAV"
    with _wav(path) if wav else _other(path) as recording:
        yield recording


class _Wav(Recording):
    def __init__(self, path: Path, file: BinaryIO, layout: Layout):
        self.path, self.file, self.layout = path, file, layout
        self.rate, self.channels, self.tags = layout.rate, layout.channels, {}
        self.length = layout.size // layout.step

    def read(self, start: int, stop: int) -> np.ndarray:
        stop = min(stop, self.length)
        first, step = self.layout.start, self.layout.step
        try:
            self.file.seek(first + start * step)
            return self.layout.samples(self.file.read(max(0, stop - start) * step))
        except InputError as error:
            raise _unreadable(self.path, str(error)) from error
        except OSError as error:
            raise _unreadable(self.path, error.strerror or str(error)) from error


@contextlib.contextmanager
def _wav(path: Path) -> Iterator[Recording]:
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                raise _unreadable(path, "it is empty")
            # for the heads of chunks alone: what is read through a map stays in memory
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                try:
                    layout = find_layout(data)
                except InputError as error:
                    raise _unreadable(path, str(error)) from error
            yield _Wav(path, file, layout)
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error


class _Other(Recording):
    def __init__(self, path: Path, file: Any, errors: type[Exception]):
        self.path, self.file, self.errors = path, file, errors
        self.rate, self.channels, self.length = file.samplerate, file.channels, file.frames
        tags = {name: str(value).strip() for name, value in file.copy_metadata().items()}
        self.tags = {name: tags[name] for name in _TAGS if tags.get(name)}

    def read(self, start: int, stop: int) -> np.ndarray:
        start = min(start, self.length)
        earlier = min(start, _WARM_UP)
        try:
            self.file.seek(start - earlier)
            count = earlier + max(0, stop - start)
            samples = self.file.read(count, dtype="float32", always_2d=True)[earlier:]
        except self.errors as error:
            raise _unreadable(self.path, str(error)) from error
        if not np.isfinite(samples).all():
            raise _unreadable(self.path, "it holds values that are not finite")
        return samples


@contextlib.contextmanager
def _other(path: Path) -> Iterator[Recording]:
    if find_spec("soundfile") is None:
        raise MissingExtraError("soundfile", "audio", f"reading {path.suffix.lower()} files")
    soundfile: Any = import_module("soundfile")
    try:
        file = soundfile.SoundFile(str(path))
    except soundfile.LibsndfileError as error:
        raise _unreadable(path, error.error_string) from error
    with file:
        yield _Other(path, file, soundfile.LibsndfileError)


def _unreadable(path: Path, reason: str) -> InputError:
    return InputError(f"{str(path)!r} cannot be read as sound: {reason.rstrip('.')}")
