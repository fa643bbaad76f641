"""Codes of audio as tokens: the order in which a language model reads and writes them.

Knows integers (B, K, T): K books, T frames. Does not know audio, codecs or models.
"""

from __future__ import annotations

from cantilena.tokens.codes.patterns import PATTERNS, Pattern, pattern

__all__ = ["PATTERNS", "Pattern", "pattern"]
