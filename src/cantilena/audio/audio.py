"""Audio as a value: samples and their rate.

Knows numbers; does not know files, models or Scores.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cantilena.errors import InputError


@dataclass(frozen=True, eq=False)
class Audio:
    """Sound. ``samples``: (channels, T) float32, full scale being -1 to 1; ``rate`` in Hz. Raises
    InputError for samples of another shape, not finite, or without a channel."""

    samples: np.ndarray
    rate: int

    def __post_init__(self) -> None:
        samples = np.array(self.samples, dtype=np.float32)
        if samples.ndim == 1:
            samples = samples[None]
        if samples.ndim != 2 or not len(samples):
            raise InputError(f"samples have the shape (channels, T), not {samples.shape}")
        if not np.isfinite(samples).all():
            raise InputError("a sample is not a finite number")
        if self.rate < 1:
            raise InputError(f"a rate of {self.rate} Hz is not possible")
        samples.setflags(write=False)
        object.__setattr__(self, "samples", samples)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the samples as base64 of little-endian float32, channel after channel."""
        data = base64.b64encode(self.samples.astype("<f4").tobytes()).decode()
        return {"rate": self.rate, "channels": len(self.samples), "float32": data}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Audio:
        """The Audio that ``to_dict`` wrote. Raises InputError."""
        try:
            rate, channels = data["rate"], data["channels"]
            samples = np.frombuffer(base64.b64decode(data["float32"], validate=True), "<f4")
            if type(rate) is not int or type(channels) is not int or channels < 1:
                raise ValueError("its rate and channels must be whole numbers")
            return cls(samples.reshape(channels, -1), rate)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"this is not audio that Cantilena wrote: {error}") from error

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.samples.shape[1] / self.rate

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Audio):
            return NotImplemented
        return self.rate == other.rate and np.array_equal(self.samples, other.samples)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Audio({len(self.samples)} x {self.seconds:.1f} s at {self.rate} Hz)"
