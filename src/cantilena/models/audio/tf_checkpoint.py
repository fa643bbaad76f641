"""TensorFlow's checkpoints ("tensor bundles", V2) read with numpy alone.

Knows the files' layout; does not know any model. A checkpoint is ``PREFIX.index``, a table of
LevelDB's form (keys sorted and without what they share with the key before, in blocks) from names
to places, and ``PREFIX.data-00000-of-00001``, the tensors' raw bytes. Nothing is unpickled and no
code is run. Checksums are not computed (CRC-32C in Python takes seconds a megabyte): whoever pins
a file's sha256 has a better one.

Layouts: tensorflow/core/protobuf/tensor_bundle.proto, tensorflow/core/lib/io/table_format.txt.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.errors import CheckpointError

_FOOTER = 48  # bytes: two handles of 20 at most, and the number
_MAGIC = 0xDB4775248B80FB57
_TRAILER = 5  # bytes behind a block: how it is packed, and its checksum
_TYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8"}  # of types.proto; others stand in no network
_LIMIT = 1 << 30  # bytes of a file: a hundred times what such networks have


def read_tf_checkpoint(prefix: str | Path) -> dict[str, np.ndarray]:
    """Every tensor of a checkpoint of one shard, by name. ``prefix``: its path without ".index"; a
    folder with a "/" behind it, or a folder, for files that begin with the dot.

    Raises CheckpointError that names the file where one is missing, damaged, or of another form.
    """
    # the prefix "folder/" is what a Saver makes of a folder's name
    base = f"{prefix}/" if Path(prefix).is_dir() else str(prefix)
    index, data = (_read(Path(base + end)) for end in (".index", ".data-00000-of-00001"))
    try:
        return dict(_tensors(index, data))
    except (ValueError, IndexError, KeyError, struct.error, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"{base}.index is no whole checkpoint of TensorFlow ({error or type(error).__name__})"
        ) from error


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LIMIT:
            raise CheckpointError(f"{path} is of more than {_LIMIT >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror}") from error


def _tensors(index: bytes, data: bytes) -> Iterator[tuple[str, np.ndarray]]:
    """Names and tensors. Raises ValueError, IndexError, KeyError and struct.error for what is not
    of that form."""
    if len(index) < _FOOTER or struct.unpack("<Q", index[-8:])[0] != _MAGIC:
        raise ValueError("its last bytes are not a table's")
    footer = index[-_FOOTER:]
    at = _handle(footer, 0)[2]  # the first handle is of a block about the table, always empty
    offset, size, _ = _handle(footer, at)
    for _, value in _entries(_block(index, offset, size)):
        offset, size, _ = _handle(value, 0)
        for key, entry in _entries(_block(index, offset, size)):
            if key:
                yield key.decode(), _tensor(entry, data)
            else:  # the header
                header = dict(_fields(entry))
                if _of(header, 1, 0) != 1 or _of(header, 2, 0) != 0:
                    raise ValueError("it has several shards, or is big-endian")


def _tensor(entry: bytes, data: bytes) -> np.ndarray:
    """A tensor by its BundleEntryProto."""
    fields = dict(_fields(entry))  # dtype 1, shape 2, shard 3, offset 4, size 5, slices 7
    dtype = _TYPES.get(_of(fields, 1, 0))
    if dtype is None or 7 in fields:
        raise ValueError(f"a tensor of type {fields.get(1)}, or in slices, cannot be read")
    shape = [_of(dict(_fields(dim)), 1, 0) for n, dim in _fields(_of(fields, 2, b"")) if n == 2]
    offset, size = _of(fields, 4, 0), _of(fields, 5, 0)
    if math.prod(shape) * np.dtype(dtype).itemsize != size:
        raise ValueError("a tensor of it is not of its shape")
    if offset + size > len(data):
        raise ValueError("the file of its data is cut off")
    return np.frombuffer(data[offset : offset + size], dtype).reshape(shape).copy()


# ---------------------------------------------------------------------------- the table


def _handle(data: bytes, at: int) -> tuple[int, int, int]:
    """Offset and size of a block, and where the handle ends."""
    offset, at = _varint(data, at)
    size, at = _varint(data, at)
    return offset, size, at


def _block(index: bytes, offset: int, size: int) -> bytes:
    """A block's entries, without the list of restart points behind them."""
    block = index[offset : offset + size + _TRAILER]
    if len(block) < size + _TRAILER or size < 4:
        raise ValueError("a block of it is cut off")
    if block[size] != 0:  # TensorFlow writes checkpoints with kNoCompression
        raise ValueError("a block of it is compressed")
    restarts = struct.unpack("<I", block[size - 4 : size])[0]
    end = size - 4 - 4 * restarts
    if end < 0:
        raise ValueError("a block of it is cut off")
    return block[:end]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block."""
    at, key = 0, b""
    while at < len(block):
        shared, at = _varint(block, at)
        own, at = _varint(block, at)
        length, at = _varint(block, at)
        if shared > len(key) or at + own + length > len(block):
            raise ValueError("an entry of it is cut off")
        key = key[:shared] + block[at : at + own]
        yield key, block[at + own : at + own + length]
        at += own + length


# ---------------------------------------------------------------------------- protocol buffers


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte, the lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("a number of it has no end")


def _of(fields: Mapping[int, Any], number: int, default: Any) -> Any:
    """A field's value, which must be of the kind of its ``default``."""
    value = fields.get(number, default)
    if not isinstance(value, type(default)):
        raise ValueError("a field of it is of another kind")
    return value


def _fields(message: Any) -> Iterator[tuple[int, Any]]:
    """Numbers and values of a message's fields: int for a varint, else bytes."""
    if not isinstance(message, bytes):
        raise ValueError("a field of it is of another kind")
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(message, at)
        else:
            size, at = _varint(message, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            if at + size > len(message):
                raise ValueError("a field of it is cut off")
            value, at = message[at : at + size], at + size
        yield tag >> 3, value
