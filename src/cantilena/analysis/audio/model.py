"""What the estimators have learnt, and how often they are right: the numbers of ``model.json``.

Knows arrays and a file; does not know sound. ``evaluate.sound.estimators`` learns and measures
them, ``benchmarks/audio_estimators.py`` is its command.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).parent / "model.json"


@dataclass(frozen=True)
class Model:
    """``tempo``: (F,) weights of ``rhythm.tempo_features``. ``chords``: (kinds, WIDTH) templates of
    ``harmony.KINDS`` with (kinds,) ``chord_bias``; ``silence`` (3,) and ``silence_bias`` (): "no
    chord". ``keys``: (2, WIDTH) templates of major and minor, with (2,) ``key_bias``. ``families``:
    (names, FEATURES) weights over ``instruments.timbre`` less ``timbre_mean`` over
    ``timbre_scale``, with (names,) ``family_bias``; ``told``: the families that can be told.

    ``accuracy``: by what is heard, in words and shares (``analysis.audio.accuracy``), measured on
    music that nothing was learnt from."""

    tempo: np.ndarray
    chords: np.ndarray
    chord_bias: np.ndarray
    silence: np.ndarray
    silence_bias: np.ndarray
    keys: np.ndarray
    key_bias: np.ndarray
    families: np.ndarray
    family_bias: np.ndarray
    timbre_mean: np.ndarray
    timbre_scale: np.ndarray
    told: tuple[str, ...]
    accuracy: dict[str, Any]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Model:
        """The Model of ``to_dict``'s data."""
        plain = {"told": tuple(data["told"]), "accuracy": dict(data["accuracy"])}
        names = [field.name for field in fields(cls) if field.name not in plain]
        return cls(**{name: np.array(data[name], dtype=np.float64) for name in names}, **plain)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, numbers to four significant digits."""
        plain: dict[str, Any] = {"told": list(self.told), "accuracy": self.accuracy}
        names = [field.name for field in fields(self) if field.name not in plain]
        arrays = {name: _short(np.asarray(getattr(self, name)).tolist()) for name in names}
        return {**plain, **arrays}


def _short(values: Any) -> Any:
    return [_short(v) for v in values] if isinstance(values, list) else float(f"{values:.4g}")


@lru_cache(maxsize=1)
def shipped() -> Model:
    """The Model that comes with the package."""
    return Model.from_dict(json.loads(FILE.read_text(encoding="utf-8")))
