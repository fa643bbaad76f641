"""Stories: which words hold from which second of a piece on, as "0:calm 15:wake up 30:run".

Knows that grammar; does not know what is made of the words. A part begins with its second, a number
or minutes and seconds as 1:30, and a colon, and goes on to the next; between parts there may be a
comma or a semicolon.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from cantilena.errors import InputError

MORE = 10.0
"""Seconds that the last part lasts where no length is asked for, our choice."""
STORY_SYSTEMS = ("musiclm",)
"""The systems that take a story; their option is called "story"."""
MOST_PARTS = 200
"""Parts of a story, so that a text that is no story is refused early."""
_MARK = re.compile(r"(?:^|(?<=[\s,;]))(-?\d+(?::\d\d)?(?:\.\d+)?)\s*:")
_EXAMPLE = 'write it as "0:calm 15:wake up 30:run", seconds and words'


class Part(NamedTuple):
    """Words that hold from a second on."""

    start: float
    text: str


def read_story(text: str, seconds: float | None = None) -> tuple[Part, ...]:
    """The parts of a story; ``seconds``: of the whole piece, within which all have to begin. Raises
    InputError that says what is wrong."""
    marks = list(_MARK.finditer(text))
    if not marks or text[: marks[0].start()].strip():
        raise InputError(f"the story {_short(text)} does not begin with a second; {_EXAMPLE}")
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    parts = [
        Part(_seconds(mark[1]), text[mark.end() : end].strip(" \t\r\n,;"))
        for mark, end in zip(marks, ends, strict=True)
    ]
    return _checked(parts, seconds)


def _seconds(written: str) -> float:
    minutes, _, seconds = written.rpartition(":")
    if minutes and float(seconds) >= 60:
        raise InputError(f"{written} is no time of a story; a minute has 60 seconds; {_EXAMPLE}")
    return 60.0 * float(minutes or 0) + float(seconds)


def story_of(parts: str | Iterable[Sequence[object]], seconds: float | None = None) -> str:
    """A story as its text: of a text, or of pairs of a second and words. Raises InputError."""
    if isinstance(parts, str):
        return story_text(read_story(parts, seconds))
    try:
        pairs = [Part(float(start), str(words).strip()) for start, words in parts]  # type: ignore
    except (TypeError, ValueError):
        raise InputError(f"a story is a text or pairs of a second and words; {_EXAMPLE}") from None
    for part in pairs:
        if _MARK.search(part.text):
            raise InputError(f"the words {_short(part.text)} would begin a part of their own")
    return story_text(_checked(pairs, seconds))


def story_text(parts: Sequence[Part]) -> str:
    """Parts in the one form of writing: what ``read_story`` reads as the same."""
    return " ".join(f"{part.start:g}:{part.text}" for part in parts)


def _checked(parts: Sequence[Part], seconds: float | None) -> tuple[Part, ...]:
    if not parts:
        raise InputError(f"a story has a part at least; {_EXAMPLE}")
    if len(parts) > MOST_PARTS:
        raise InputError(f"a story has at most {MOST_PARTS} parts, not {len(parts)}")
    if parts[0].start != 0:
        raise InputError(f"a story begins at second 0, not at {parts[0].start:g}; {_EXAMPLE}")
    for before, part in pairwise(parts):
        if part.start <= before.start:
            raise InputError(
                f"the seconds of a story rise; {part.start:g} stands behind {before.start:g}"
            )
    for part in parts:
        if not part.text:
            raise InputError(f"the part of the story at {part.start:g} s has no words; {_EXAMPLE}")
    if seconds is not None and parts[-1].start >= seconds:
        raise InputError(
            f"the part of the story at {parts[-1].start:g} s begins behind the end of a piece of "
            f"{seconds:g} s; ask for more seconds"
        )
    return tuple(parts)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}...")
