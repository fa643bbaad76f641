"""Words as the phonemes that a model knows.

Knows texts, a lexicon, and eSpeak NG for words that are not in it; does not know models. A word
has the same phonemes whatever stands beside it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache

from cantilena.errors import InputError, Notice
from cantilena.render.espeak import VOICE, Voice

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_BEHIND = "moon"
LONGEST = 200
"""Words of a text at most: some two minutes."""


def words_in(text: str) -> list[str]:
    """The words of a text, in small letters."""
    return [word.replace("’", "'") for word in _WORD.findall(text.lower())]


@lru_cache(maxsize=4096)
def spelled(word: str, voice: str = VOICE) -> tuple[str, ...]:
    """The phonemes of a word as eSpeak NG says it before another: alone "a" is a letter's name.
    Raises MissingExtraError, InputError."""
    own = Voice(voice)
    behind = own.say(_BEHIND).phonemes
    both = own.say(f"{word} {_BEHIND}").phonemes
    if both[-len(behind) :] == behind and len(both) > len(behind):
        return both[: -len(behind)]
    return own.say(word).phonemes


def lexicon_of(texts: Sequence[str]) -> dict[str, str]:
    """The phonemes, with spaces between, of all words of some texts. Raises MissingExtraError."""
    words = sorted({word for text in texts for word in words_in(text)})
    return {word: " ".join(spelled(word)) for word in words}


def phonemes_of(
    text: str, lexicon: Mapping[str, str], vocabulary: Sequence[str], most: int = LONGEST
) -> list[int]:
    """Numbers from 1 on, in the ``vocabulary``, of a text's phonemes. One that is not known is left
    out, with a Notice. Raises InputError for more words than ``most`` or where nothing is left,
    MissingExtraError for a word that is not in the lexicon where eSpeak NG is not installed."""
    words = words_in(text)
    if len(words) > most:
        raise InputError(f"a text of {len(words)} words is too long to be sung; {most} will do")
    names = [name for w in words for name in (lexicon[w].split() if w in lexicon else spelled(w))]
    odd = sorted(set(names) - set(vocabulary))
    if odd:
        warnings.warn(f"the model has not learned {', '.join(odd)}, which it leaves out", Notice, 2)
    numbers = [vocabulary.index(name) + 1 for name in names if name in vocabulary]
    if words and not numbers:
        raise InputError(f"nothing of {text!r} can be sung")
    return numbers
