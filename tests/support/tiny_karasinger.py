"""A tiny codec and a model that sings its codes, with random weights, as a folder. Needs torch."""

from __future__ import annotations

from pathlib import Path

import torch

from cantilena.models.audio.codec.files import save_codec
from cantilena.models.audio.karasinger import KaraLM
from cantilena.systems.karasinger.checkpoint import options_for, save_karasinger
from cantilena.systems.karasinger.options import KaraOptions
from cantilena.systems.karasinger.sizes import config_of
from tiny_codecs import tiny

torch.set_num_threads(1)  # two of a busy machine wait for one another

STEP = 160
"""Samples of the finest frames: 25 columns a second."""
PHONEMES = ("a", "m", "u:")
LEXICON = {"ma": "m a", "moon": "m u: m", "am": "a m"}
SIZES = {"width": 16, "inner": 12, "match": 8, "layers": 1}
_WORDS = (
    *("slow", "sad", "waltz", "rock", "everything", "calm", "fast", "piano", "flute", "jazz"),
    *("for", "and", "a", "the", "cello", "violin", "x", "text", "music", "drums", "loud", "in"),
    *("soft", "string", "quartet", "happy", "song", "of", "minor", "major", "key", "bars", "s"),
    *("4", "2", "8"),
)


def kara_model(options: KaraOptions) -> KaraLM:
    """A model whose output hangs on all that it reads."""
    torch.manual_seed(0)
    model = KaraLM(config_of(options)).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" not in name:
                weight.mul_(2.0)
    return model


def write_karasinger(folder: Path, **options: object) -> Path:
    """A checkpoint of one, whose lexicon has the words of tests."""
    codec = tiny("mel-levels", step=STEP, fft=512, phonemes=PHONEMES)
    save_codec(folder / "codec", codec, {"seed": 0})
    lexicon = LEXICON | {word: " ".join("am"[ord(c) % 2] for c in word) for word in _WORDS}
    sizes = {**SIZES, **options}
    base = KaraOptions(phonemes=" ".join(PHONEMES), lexicon=lexicon, **sizes)
    own = options_for(codec, base, folder / "codec")
    card = {"seed": 0, "licence": "none"}
    return save_karasinger(folder / "karasinger", kara_model(own), codec, own, card).folder
