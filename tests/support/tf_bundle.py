"""A writer of TensorFlow's checkpoints (V2, one shard), byte by byte, and musicnn's names with
small random tensors."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

DTYPES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9}


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def entry(array: np.ndarray, offset: int) -> bytes:
    """A BundleEntryProto."""
    shape = b"".join(field(2, field(1, n)) for n in array.shape)
    message = field(1, DTYPES[array.dtype.name]) + field(2, shape)
    message += field(4, offset) + field(5, array.nbytes)
    return message + varint(6 << 3 | 5) + struct.pack("<I", 0)  # the checksum, which is not read


def block(pairs: list[tuple[bytes, bytes]], restart: int = 3) -> bytes:
    """Entries, each without what its key shares with the one before, which every ``restart``th
    has whole; the restart points; and the trailer."""
    out, restarts, before = b"", [], b""
    for i, (key, value) in enumerate(pairs):
        shared = 0
        if i % restart == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(key), len(before)) and key[shared] == before[shared]:
                shared += 1
        own = key[shared:]
        out += varint(shared) + varint(len(own)) + varint(len(value)) + own + value
        before = key
    points = restarts or [0]
    out += struct.pack(f"<{len(points) + 1}I", *points, len(points))
    return out


def write_tf_checkpoint(
    prefix: Path, tensors: Mapping[str, np.ndarray], per_block: int = 7
) -> Path:
    """Writes ``prefix``.index and ``prefix``.data-00000-of-00001; gives ``prefix``."""
    data, pairs = b"", [(b"", field(1, 1) + field(3, field(1, 1)))]
    for name in sorted(tensors):
        pairs.append((name.encode(), entry(tensors[name], len(data))))
        data += tensors[name].tobytes()
    index, handles = b"", []

    def put(content: bytes) -> bytes:
        nonlocal index
        handle = varint(len(index)) + varint(len(content))
        index += content + bytes(5)
        return handle

    for i in range(0, len(pairs), per_block):
        part = pairs[i : i + per_block]
        handles.append((part[-1][0], put(block(part))))
    footer = put(block([])) + put(block(handles, 1))
    index += footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    Path(f"{prefix}.index").write_bytes(index)
    Path(f"{prefix}.data-00000-of-00001").write_bytes(data)
    return prefix


def musicnn_tensors(seed: int = 0) -> dict[str, np.ndarray]:
    """musicnn's names; 3 timbral, 2 temporal and 4 middle channels, 6 units and 5 tags."""
    rng = np.random.default_rng(seed)
    shapes = [(7, 38, 1, 3), (7, 67, 1, 3), (16, 1, 1, 2), (8, 1, 1, 2), (4, 1, 1, 2)]
    shapes += [(7, 12, 1, 4), (7, 4, 1, 4), (7, 4, 1, 4)]
    tensors: dict[str, np.ndarray] = {"beta1_power": np.array(0.9)}

    def put(name: str, *shape: int) -> None:
        tensors[name] = rng.normal(0, 0.3, shape)

    norms = [1, *(shape[3] for shape in shapes), 2 * (12 + 3 * 4), 6]
    for i, width in enumerate(norms):
        name = f"batch_normalization_{i}" if i else "batch_normalization"
        for part in ("gamma", "beta", "moving_mean"):
            put(f"{name}/{part}", width)
        tensors[f"{name}/moving_variance"] = rng.uniform(0.5, 2, width)
    for i, shape in enumerate(shapes):
        name = f"conv2d_{i}" if i else "conv2d"
        put(f"{name}/kernel", *shape)
        put(f"{name}/bias", shape[3])
    for name, into, out in (("dense", norms[-2], 6), ("dense_1", 6, 5)):
        put(f"{name}/kernel", into, out)
        put(f"{name}/bias", out)
    return {name: value.astype(np.float32) for name, value in tensors.items()}
