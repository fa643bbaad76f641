"""The voice: names of phonemes; where eSpeak NG is installed, its pitch and what it says when."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from cantilena.errors import InputError, MissingExtraError
from cantilena.render import espeak
from cantilena.render.espeak import Voice, is_vowel, plain


def test_phonemes_are_named_without_stress_and_variants():
    names = ["'u:", ",oU", "t#", "@2", "%I", "_:", "_", "tS", "%"]
    assert [plain(name) for name in names] == ["u:", "oU", "t", "@", "I", "", "", "tS", ""]
    assert is_vowel("aI") and is_vowel("3") and not is_vowel("tS") and not is_vowel("")


def test_without_the_extra_one_line_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    espeak._library.cache_clear()
    with pytest.raises(MissingExtraError, match=r"cantilena\[sing\]"):
        Voice()
    espeak._library.cache_clear()


def test_words_are_on_the_pitch_that_is_asked_for_and_spell_out():
    pytest.importorskip("espeakng_loader")
    voice = Voice()
    low, high = voice.range
    for hertz in (120.0, 180.0, 260.0):
        spoken = voice.say("mama", hertz, 120)
        assert abs(np.log2(espeak._pitch_of(spoken) / hertz)) < 1 / 24
    spoken = voice.say("moon", None)
    assert spoken.phonemes == ("m", "u:", "n")
    assert (np.diff(spoken.edges) > 0).all() and spoken.edges[-1] <= len(spoken.samples)
    for hertz in (low / 2, high * 2):
        with pytest.raises(InputError, match="sings"):
            voice.say("moon", hertz)
    with pytest.raises(InputError, match="nothing of"):
        voice.say("...")
    with pytest.raises(InputError, match="no voice"):
        Voice("nobody")
