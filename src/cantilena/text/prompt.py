"""The prompt of models that read words alone: a text, and behind it in words what options ask for.

Knows Briefs and how their wishes are said; does not know models, or how a text is read beyond what
was read out of it. Options set wishes and no words, so that without this a model led by the text
alone would hear nothing of them. Lengths are held without words and are not told. What a text says
against an option stays in it: words cannot be taken out.
"""

from __future__ import annotations

from collections.abc import Iterable

from cantilena.score import gm
from cantilena.text.brief import parse_brief
from cantilena.text.lexicon.instruments import INSTRUMENTS
from cantilena.text.wishes import Brief, section_words

_TIMING = {"played": "humanized", "quantized": "quantized"}
"""How a text says a timing."""


def prompt_of(brief: Brief) -> str:
    """The text of a Brief, and behind it what it asks for that is not read out of the text."""
    return with_options(brief.text, brief, parse_brief(brief.text))


def with_options(text: str, brief: Brief, read: Brief | None = None) -> str:
    """A text, and behind it what a Brief asks for beyond what was ``read`` of it (None: nothing
    was)."""
    words = option_words(brief, Brief() if read is None else read)
    return ", ".join((*((text,) if text.strip() else ()), *words))


def option_words(brief: Brief, read: Brief) -> list[str]:
    """In words, the wishes of ``brief``, but for its length, that are not those of ``read``."""
    others = {i.name for i in read.instruments}
    words = [i.name for i in brief.instruments if i.name not in others]
    words += [name for name in brief.genres if name not in read.genres]
    words += [name for name in brief.moods if name not in read.moods]
    if brief.tempo is not None and brief.tempo != read.tempo:
        words.append(f"{brief.tempo:g} bpm")
    if brief.key is not None and brief.key != read.key:
        words.append(f"in {brief.key}")
    if brief.metre is not None and brief.metre != read.metre:
        words.append(f"in {brief.metre}")
    if brief.chords and brief.chords != read.chords:
        words.append(f"chords {' '.join(brief.chords)}")
    if brief.timing is not None and brief.timing != read.timing:
        words.append(_TIMING[brief.timing])
    if brief.form and brief.form != read.form:
        words.append(f"form {', '.join(section_words(section) for section in brief.form)}")
    words += [f"no {name}" for name in _names(set(brief.excluded) - set(read.excluded))]
    return words


def _names(programs: Iterable[int]) -> list[str]:
    """As few names as possible of instruments that are these programs and no others."""
    left, names = set(programs), []
    for name, (own, _) in sorted(INSTRUMENTS.items(), key=lambda entry: -len(entry[1][0])):
        if len(own) > 1 and left.issuperset(own):
            names.append(name)
            left -= set(own)
    return names + [gm.name(program) for program in sorted(left)]
