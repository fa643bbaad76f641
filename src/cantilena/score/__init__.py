"""The Score and its files."""

from cantilena.score.controls import Controls
from cantilena.score.score import DRUMS, Score, Track

__all__ = ["DRUMS", "Controls", "Score", "Track"]
