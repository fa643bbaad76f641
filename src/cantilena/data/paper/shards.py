"""Shards of the text-to-symbolic paper's data: Parquet files of chunks with captions.

Knows the columns and the file format; does not know how chunks were made or which belong to a
split. Needs pyarrow (extra ``hf``), which is loaded when a shard is written or read.

A row is a chunk; a song's chunks follow each other. Columns: ``id`` (the song's md5), ``split``,
``chunk`` and ``n_chunks`` (int32), ``tokens`` (list of int32, AMT ids, flag first), ``captions``
(list of text, wordings of one caption) and ``source`` (whose caption: "midicaps", "song", "crop").
What the shard says of itself is JSON under ``cantilena`` in the schema's metadata. Any Parquet
reader opens the files, HuggingFace's ``datasets`` among them.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.data.paper.songs import Chunk
from cantilena.errors import InputError, MissingExtraError
from cantilena.files import write_bytes

VERSION = 1
COLUMNS = ("id", "split", "chunk", "n_chunks", "tokens", "captions", "source")
_KEY = b"cantilena"
_LAYOUT: dict[str, Any] = {
    "compression": "zstd",
    "write_page_checksum": True,  # for readers that do not ask for the whole file's hash
    # tokens repeat too seldom for a dictionary to pay; the words all the more
    "use_dictionary": ["id", "split", "captions.list.element", "source"],
}


def need_pyarrow() -> None:
    """Raises MissingExtraError where pyarrow is not installed."""
    if find_spec("pyarrow") is None:
        raise MissingExtraError("pyarrow", "hf", "the paper's data")


def _schema(about: dict[str, Any] | None = None) -> Any:
    import pyarrow as pa

    types = {
        "id": pa.string(),
        "split": pa.string(),
        "chunk": pa.int32(),
        "n_chunks": pa.int32(),
        "tokens": pa.list_(pa.int32()),
        "captions": pa.list_(pa.string()),
        "source": pa.string(),
    }
    fields = [pa.field(name, types[name], nullable=False) for name in COLUMNS]
    text = json.dumps({"version": VERSION, **(about or {})}, ensure_ascii=False)
    return pa.schema(fields, metadata={_KEY: text.encode()})


def pack(chunks: Sequence[Chunk], split: str, about: dict[str, Any]) -> bytes:
    """The shard of some chunks as a file's content; the same chunks make the same bytes."""
    need_pyarrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "id": [c.song for c in chunks],
        "split": [split] * len(chunks),
        "chunk": [c.number for c in chunks],
        "n_chunks": [c.of for c in chunks],
        "tokens": [c.tokens for c in chunks],
        "captions": [list(c.captions) for c in chunks],
        "source": [c.source for c in chunks],
    }
    schema = _schema(about)
    arrays = [pa.array(columns[field.name], type=field.type) for field in schema]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), buffer, **_LAYOUT)
    return buffer.getvalue()


def write_shard(path: Path, chunks: Sequence[Chunk], split: str, about: dict[str, Any]) -> str:
    """Writes a shard whole or not at all; the sha256 of its file."""
    data = pack(chunks, split, about)
    write_bytes(path, data)
    return hashlib.sha256(data).hexdigest()


def about(source: Path | bytes) -> dict[str, Any] | None:
    """What a shard says of itself, or None where it cannot be read."""
    import pyarrow.parquet as pq

    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        fields = json.loads((pq.read_schema(file).metadata or {})[_KEY])
    except Exception:  # pyarrow has an error for each way in which a file can be damaged
        return None
    return fields if fields.get("version") == VERSION else None


@dataclass(frozen=True)
class Shard:
    """A shard in memory. Song i's chunks are rows ``first[i]:first[i + 1]``; row r's tokens are
    ``tokens[ptr[r]:ptr[r + 1]]`` (uint16: an AMT id is below 65,536)."""

    ids: tuple[str, ...]
    first: np.ndarray
    tokens: np.ndarray
    ptr: np.ndarray
    captions: tuple[tuple[str, ...], ...]
    sources: tuple[str, ...]

    def example(self, song: int, chunk: int, wording: int = 0) -> dict[str, Any]:
        """One chunk with one caption as plain data: ``id``, ``caption``, ``tokens`` ((L,) int64,
        the flag first), ``chunk``, ``n_chunks``, ``source``."""
        row = int(self.first[song]) + chunk
        wordings = self.captions[row]
        return {
            "id": self.ids[song],
            "caption": wordings[wording % len(wordings)],
            "tokens": self.tokens[self.ptr[row] : self.ptr[row + 1]].astype(np.int64),
            "chunk": chunk,
            "n_chunks": int(self.first[song + 1] - self.first[song]),
            "source": self.sources[row],
        }


def read_shard(source: Path | bytes) -> Shard:
    """A shard's content. Raises InputError where the file is missing, damaged or not a shard."""
    need_pyarrow()
    import pyarrow.parquet as pq

    name = "the shard" if isinstance(source, bytes) else str(source)
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        table = pq.read_table(file, columns=list(COLUMNS), page_checksum_verification=True)
        table = table.combine_chunks()
        numbers = table["chunk"].to_numpy()
        counts = table["n_chunks"].to_numpy()
        tokens = table["tokens"].combine_chunks()
        flat = tokens.flatten().to_numpy()
        ptr = np.concatenate([[0], np.cumsum(tokens.value_lengths().to_numpy())])
        ids, sources = table["id"].to_pylist(), table["source"].to_pylist()
        captions = tuple(tuple(words) for words in table["captions"].to_pylist())
    except Exception as error:
        raise InputError(f"{name} is damaged or not a shard: {error}") from error
    heads = np.flatnonzero(numbers == 0)
    first = np.append(heads, len(numbers)).astype(np.int64)
    whole = np.array_equal(np.diff(first), counts[heads]) and (not len(ids) or numbers[0] == 0)
    fits = not len(flat) or (flat.min() >= 0 and flat.max() <= np.iinfo(np.uint16).max)
    if not (whole and fits and all(captions)):
        raise InputError(f"{name} is damaged: its rows do not fit together")
    return Shard(
        ids=tuple(ids[i] for i in heads),
        first=first,
        tokens=flat.astype(np.uint16),
        ptr=ptr.astype(np.int64),
        captions=captions,
        sources=tuple(sources),
    )
