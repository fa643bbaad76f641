"""Evaluations of clips of which no facts are known: single notes, sung lines, recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cantilena.data.audio.clips import Clip, Symbols
from cantilena.errors import InputError
from cantilena.evaluate import heard_facts
from cantilena.evaluate.captions import evaluate_captions
from cantilena.systems.joint.examples import facts_of_clip

ONE = np.ones(1, dtype=np.int64)
NOTE = Symbols(
    **{
        name: ONE[:0] if name in ("beat", "beat_in_bar", "chord_start", "chord") else ONE
        for name in Symbols.__dataclass_fields__
    }
)
META = {"id": "a#0", "file": "a", "source": "notes", "origin": "midi", "instruments": [0]}


class Clips:
    """Two clips of single notes."""

    split, folder = "test", Path("clips")

    def __len__(self) -> int:
        return 2

    def clip(self, i: int) -> Clip:
        return Clip(16_000, np.zeros(16_000, dtype=np.int16), META, ("piano",), symbols=NOTE)


def test_of_a_single_note_nothing_is_known():
    assert facts_of_clip(Clips().clip(0)) is None


def test_captions_of_single_notes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data: Any = Clips()
    monkeypatch.setattr(heard_facts, "AudioData", lambda *_, **__: data)
    with pytest.raises(InputError, match="single notes"):
        evaluate_captions(data, {"captioner": None}, ["writing"], tmp_path / "out")
    with pytest.raises(InputError, match="single notes"):
        heard_facts.evaluate_heard(data, tmp_path / "out")
    assert not (tmp_path / "out").exists()
