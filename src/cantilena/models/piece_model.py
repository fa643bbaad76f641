"""A tokenizer as SentencePiece has it: ``tokenizer.model``, from which llama.cpp converts.

Knows ``tokenizer.json`` and the fields of SentencePiece's protobuf that say how text is cut; does
not know how pieces are learned. llama.cpp's converter takes a byte-level BPE only where the ids of
a certain text are those of a tokenizer that it knows, so never one that was just learned; one with
a ``tokenizer.model`` it takes as it is.

Pieces are joined here by score, in ``tokenizer.json`` by a list of pairs: both cut alike where the
list has each way of joining two pieces to a third, in the order of the pieces
(``train.tuned.tokenizer``), but for rare rows of signs: 7 of 20,000 stretches of prose and source
code; those looked at stood in regular expressions.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

SPACE = "\u2581"
"""Stands for a space, as in SentencePiece."""
BYTES = tuple(f"<0x{value:02X}>" for value in range(256))
"""Pieces of single bytes, for characters that are no piece."""

# sentencepiece_model.proto: types of a piece, the type of model, and field numbers
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
_BPE = 2
_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3
_PIECE, _SCORE, _TYPE = 1, 2, 3
_MODEL_TYPE, _VOCABULARY_SIZE, _BYTE_FALLBACK = 3, 4, 35
_UNKNOWN_ID, _BEGIN_ID, _END_ID, _PADDING_ID = 40, 41, 42, 43
_NAME, _DUMMY_PREFIX, _EXTRA_WHITESPACE, _ESCAPE = 1, 3, 4, 5


def piece_model(tokenizer: Mapping[str, Any]) -> bytes | None:
    """The content of ``tokenizer.model`` for that of ``tokenizer.json``; None for a tokenizer
    that does not cut as SentencePiece does: other than BPE of pieces and bytes, with spaces as
    ``SPACE`` and no other normalization, ids without gaps."""
    model, cut = tokenizer["model"], tokenizer.get("pre_tokenizer") or {}
    plain = cut.get("type") == "Metaspace" and cut.get("prepend_scheme") == "never"
    if model["type"] != "BPE" or not model.get("byte_fallback") or not plain:
        return None
    added = {token["content"]: int(token["id"]) for token in tokenizer.get("added_tokens", ())}
    ids = {**model["vocab"], **added}
    pieces = sorted(ids, key=ids.__getitem__)
    if tokenizer.get("normalizer") or sorted(ids.values()) != list(range(len(pieces))):
        return None
    rank: dict[str, int] = {}
    for pair in model["merges"]:
        left, right = pair if isinstance(pair, list) else pair.split(" ")
        rank.setdefault(left + right, len(rank))
    kinds = {**dict.fromkeys(added, _CONTROL), **dict.fromkeys(BYTES, _BYTE)}
    kinds[model["unk_token"]] = _UNKNOWN
    lowest = len(rank)  # characters, which nothing is joined to
    rows = (
        _text(_PIECE, piece)
        + _float(_SCORE, 0.0 if piece in kinds else -float(rank.get(piece, lowest)))
        + _integer(_TYPE, kinds.get(piece, _NORMAL))
        for piece in pieces
    )
    return b"".join(
        [
            *(_field(_PIECES, row) for row in rows),
            _field(_TRAINER, _trainer(len(pieces), ids[model["unk_token"]])),
            _field(_NORMALIZER, _normalizer()),
        ]
    )


def _trainer(size: int, unknown: int) -> bytes:
    """TrainerSpec. Begin and end are the program's that reads it: pieces of type CONTROL."""
    return (
        _integer(_MODEL_TYPE, _BPE)
        + _integer(_VOCABULARY_SIZE, size)
        + _integer(_BYTE_FALLBACK, 1)
        + _integer(_UNKNOWN_ID, unknown)
        + _integer(_BEGIN_ID, -1)
        + _integer(_END_ID, -1)
        + _integer(_PADDING_ID, -1)
    )


def _normalizer() -> bytes:
    """NormalizerSpec: spaces are escaped, nothing is put before or taken away."""
    return (
        _text(_NAME, "identity")
        + _integer(_DUMMY_PREFIX, 0)
        + _integer(_EXTRA_WHITESPACE, 0)
        + _integer(_ESCAPE, 1)
    )


# ---------------------------------------------------------------------------- protobuf

_VARINT, _LENGTH, _FIXED32 = 0, 2, 5


def _varint(value: int) -> bytes:
    """Seven bits a byte, lowest first; negative numbers as 64 bits in two's complement."""
    value &= 2**64 - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _integer(number: int, value: int) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value)


def _float(number: int, value: float) -> bytes:
    return _varint(number << 3 | _FIXED32) + struct.pack("<f", value)


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH) + _varint(len(data)) + data


def _text(number: int, value: str) -> bytes:
    return _field(number, value.encode())
