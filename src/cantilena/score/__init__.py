"""The Score and its files."""

from cantilena.score.controls import Controls
from cantilena.score.score import DRUMS, Score, Track
from cantilena.score.texts import OpaqueEvent, Text

__all__ = ["DRUMS", "Controls", "OpaqueEvent", "Score", "Text", "Track"]
