"""Framing of sound."""

from __future__ import annotations

import numpy as np

from cantilena.audio import mel


def test_sound_is_cut_in_windows():
    assert [len(w) for w in mel.windows(np.zeros(25), 10)] == [10, 10, 5]
    assert [len(w) for w in mel.windows(np.zeros(24), 10)] == [10, 10]
    assert [len(w) for w in mel.windows(np.zeros(3), 10)] == [3]
