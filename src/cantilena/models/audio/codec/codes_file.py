"""``.codes.npz``: the codes of a recording, and the codec that they are of.

Knows the file's entries; does not know codecs beyond their face. The file is numpy's npz, without
pickles: ``codes`` (K, T), ``sizes`` (K,), and ``about``, JSON with the codec's kind, fingerprint,
rate, hop and channels and the recording's length in samples.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.errors import InputError
from cantilena.files import parse_json, read_bytes, staged_file
from cantilena.models.audio.codec.base import Codec

ENDING = ".codes.npz"
FORMAT = 1
_MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class About:
    """Which codec codes are of, and how long the sound is."""

    codec: str
    fingerprint: str
    sample_rate: int
    hop: int
    channels: int
    length: int
    format: int = FORMAT


@dataclass(frozen=True, eq=False)
class Codes:
    """``codes`` (K, T) int64, ``sizes`` (K,) values of each book, and what they are of."""

    codes: np.ndarray
    sizes: tuple[int, ...]
    about: About

    def check(self, codec: Codec) -> None:
        """Raises InputError where they are of another codec."""
        own = codec.fingerprint()
        if own != self.about.fingerprint:
            raise InputError(
                f"the codes are of another codec ({self.about.codec} "
                f"{self.about.fingerprint[:16]}) than this one ({codec.kind} {own[:16]})"
            )


def codes_of(codec: Codec, codes: np.ndarray, length: int) -> Codes:
    """A codec's codes (K, T) of a recording of ``length`` samples."""
    about = About(
        codec=codec.kind,
        fingerprint=codec.fingerprint(),
        sample_rate=codec.sample_rate,
        hop=codec.hop,
        channels=codec.channels,
        length=length,
    )
    return Codes(codes.astype(np.int64), tuple(codec.sizes[: len(codes)]), about)


def smallest_kind(sizes: Sequence[int]) -> type[np.unsignedinteger]:
    """The smaller of two types that hold the codes of books of these sizes."""
    return np.uint16 if max(sizes) <= 1 << 16 else np.uint32


def write_codes(path: str | Path, codes: Codes) -> None:
    """Writes a file, whole or not at all. Raises InputError."""
    kind = smallest_kind(codes.sizes)
    with staged_file(path) as part, part.open("wb") as file:
        np.savez_compressed(
            file,
            codes=codes.codes.astype(kind),
            sizes=np.array(codes.sizes, dtype=np.int64),
            about=np.array(json.dumps(asdict(codes.about))),
        )


def read_codes(path: str | Path) -> Codes:
    """What ``write_codes`` wrote. Raises InputError that names the file."""
    data = read_bytes(path, _MAX_BYTES, "a file of codes")
    if len(data) > _MAX_BYTES:
        raise InputError(f"{str(path)!r} is larger than a file of codes can be")
    if data[:2] != b"PK":
        raise InputError(f"{str(path)!r} is no file of codes: it is no npz of numpy's")
    try:
        return _read(path)
    except InputError:
        raise
    except Exception as error:  # zipfile, zlib, tokenize, numpy and the system each have their own
        first = " ".join(str(error).split())[:120]
        raise InputError(f"{str(path)!r} is no file of codes: {first}") from error


def _read(path: str | Path) -> Codes:
    with np.load(path, allow_pickle=False) as file:
        codes, sizes, text = file["codes"], file["sizes"], str(file["about"][()])
    values: Any = parse_json(text, str(path))
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ValueError(f"what it says of itself is not of the format {FORMAT}")
    about = About(**values)
    counts = (about.sample_rate, about.hop, about.channels, about.length)
    if any(type(value) is not int or value < 1 for value in counts):
        raise ValueError("its rate, hop, channels and length must be whole numbers from 1")
    if type(about.codec) is not str or type(about.fingerprint) is not str:
        raise ValueError("its codec and fingerprint must be texts")
    whole = codes.dtype.kind == "u" and sizes.dtype.kind in "iu"
    if codes.ndim != 2 or not whole or not len(codes) or sizes.shape != codes.shape[:1]:
        raise ValueError(f"its codes have the shape {codes.shape}, of {sizes.shape} books")
    if codes.shape[1] != -(-about.length // about.hop):
        raise ValueError(f"{codes.shape[1]} frames are not {about.length} samples")
    if (codes >= sizes[:, None]).any():
        raise ValueError("a code is outside its book")
    return Codes(codes.astype(np.int64), tuple(int(size) for size in sizes), about)
