"""Sound to learn from: clips of rendered MIDI and of recordings, in shards.

Knows the functions that build and read such data; each part has a module of its own.
"""

from cantilena.data.audio.build import build_audio
from cantilena.data.audio.clips import STEMS, Clip, Recipe, Symbols
from cantilena.data.audio.manifest import read_audio_manifest
from cantilena.data.audio.reader import AudioData

__all__ = [
    "STEMS",
    "AudioData",
    "Clip",
    "Recipe",
    "Symbols",
    "build_audio",
    "read_audio_manifest",
]
