"""Schemes: Scores as integers and back. A checkpoint's vocabulary names its scheme."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from cantilena.errors import UnknownNameError
from cantilena.score import Score
from cantilena.tokens.arrival import ArrivalScheme
from cantilena.tokens.frames import FrameScheme
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.remi import RemiScheme
from cantilena.tokens.symphony import SymphonyScheme


class Scheme(Protocol):
    """What every scheme can do. ``Any`` stands for the scheme's own header: what is kept beside
    the steps."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of classes of each of the K fields of a step."""
        ...

    def encode(self, score: Score) -> tuple[np.ndarray, Any]:
        """(T, K) int64 steps, and the header. Raises InputError for a Score that the scheme
        cannot hold; published ones hold none without notes."""
        ...

    def decode(self, steps: np.ndarray, header: Any) -> Score:
        """The Score of (T, K) steps. Raises InputError on steps that break the scheme."""
        ...

    def quantise(self, score: Score) -> Score:
        """The Score that the scheme can say: what decoding gives of what encoding gave."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The vocabulary as plain data; "scheme" holds the scheme's name."""
        ...

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Scheme:
        """The scheme of such data. Raises InputError where they do not fit."""
        ...


SCHEMES: dict[str, type[Scheme]] = {
    "note": NoteScheme,
    "arrival": ArrivalScheme,
    "frames": FrameScheme,
    "remi": RemiScheme,
    "symphony": SymphonyScheme,
}
"""Every scheme by name."""


def scheme_of(vocabulary: dict[str, Any]) -> Scheme:
    """The scheme a saved vocabulary belongs to. Raises UnknownNameError, or InputError where the
    vocabulary does not fit."""
    name = str(vocabulary.get("scheme"))
    if name not in SCHEMES:
        raise UnknownNameError("scheme", name, SCHEMES)
    return SCHEMES[name].from_dict(vocabulary)
