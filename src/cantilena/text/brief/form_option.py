"""A form as an option gives it: "intro 4, verse 8, chorus 8", "A8 B8 A8", "AABA" or "rondo".

Knows the grammar of such a list, and says of what it cannot read why; does not know sentences,
whose forms are read in ``form``, nor instruments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cantilena.errors import BriefError, UnknownNameError
from cantilena.text.brief.form import NAMED, section_name
from cantilena.text.brief.places import either
from cantilena.text.brief.refusals import is_refused
from cantilena.text.brief.rules import apply_again
from cantilena.text.lexicon import Reading
from cantilena.text.lexicon.sections import LISTED, SECTIONS
from cantilena.text.wishes import MAX_BARS, Section

MAX_SECTION_BARS = 128
"""Bars of a section at most: four choruses of a song of 32 bars. More is a piece, no section."""
USUAL_BARS = 8  # of most sections whose length nobody says, by which they are counted here
MAX_SECTIONS = MAX_BARS // USUAL_BARS
EXAMPLE = "write it as in 'intro 4, verse 8, chorus 8' or 'AABA'"

_MORE = ("variation", "variations")  # which texts have in "theme and variations" alone
_NAMES = (*SECTIONS, *LISTED, *_MORE)
_BARS = r"(?:bars?|measures?|takte?n?|mesures?|battute|compases)"
_ENTRY = re.compile(
    rf"(?:(?P<before>\d{{1,9}})[\s-]*{_BARS}[\s-]+(?:of\s+)?(?:an?\s+|the\s+)?)?"
    rf"(?:(?P<name>{either(_NAMES)})(?![a-z])|(?P<letter>[a-h])'*(?![a-z])|(?P<letters>[A-H]['A-H]+)(?![^\W\d]))"
    rf"(?:\s*[:=(-]?\s*(?P<bars>\d{{1,9}})(?!\d|\s*[x\u00d7](?!\s*\d))(?:[\s-]*{_BARS}(?![a-z]))?\s*\)?)?"
    rf"(?:\s*\((?P<who>[^()\d][^()]*)\)(?:\s*(?P<behind>\d{{1,9}})(?!\d|\s*[x\u00d7]))?)?"
    r"(?:\s*\(?\s*(?:[x\u00d7*]\s*(?P<times>\d{1,9})|(?P<n>\d{1,9})\s*[x\u00d7])\s*\)?)?",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(
    r"(?:[\s,;.|/>&+\u2192\u2013\u2014-]|(?:and|then|und|et|y)(?![a-z]))*", re.IGNORECASE
)
_WORD = re.compile(r"[^\s,;|/>]+")


@dataclass(frozen=True)
class Entry:
    """A section of the list, and who is to play in it, in the option's own words ("" for all)."""

    section: Section
    who: str = ""


def read_entries(value: str) -> list[Entry]:
    """The sections of a form, in order. Numbers are bars; those that count sections of one name
    ("verse 1, chorus, verse 2") are not. Raises BriefError or UnknownNameError, which name what
    cannot be read."""
    entries = [Entry(section) for section in _named(value)]
    numbers: list[int | None] = [None] * len(entries)
    at = len(value) if entries else _end(_SEPARATOR.match, value, 0)
    while at < len(value):
        m = _ENTRY.match(value, at)
        if m is None or (m["letters"] and not _is_letters(m["letters"], value)):
            raise _unknown(value, at, bool(entries))
        sections = _sections(m)
        entries += [Entry(section, m["who"] or "") for section in sections]
        numbers += [_bars(m)] * len(sections)
        at = _end(_SEPARATOR.match, value, m.end())
    if len(entries) > MAX_SECTIONS:
        raise BriefError(f"the form has {len(entries):,} sections; there may be {MAX_SECTIONS}")
    if not entries:
        raise BriefError(f"the form names no section; {EXAMPLE}")
    entries = _with_lengths(entries, numbers)
    total = sum(entry.section.bars or 1 for entry in entries)
    if total > MAX_BARS:
        raise BriefError(f"the form has {total:,} bars; a piece has {MAX_BARS:,} at most")
    return entries


def _named(value: str) -> tuple[Section, ...]:
    """The sections of a form by its name, as "rondo" or "theme and 3 variations"; () where the
    value is no such name."""
    reading = Reading(value.strip())
    whole = (0, len(reading.low))
    hits = [hit for hit in apply_again(reading, NAMED, is_refused) if (hit.start, hit.end) == whole]
    return hits[0].value if hits else ()


def _end(match: Callable[[str, int], re.Match[str] | None], value: str, at: int) -> int:
    m = match(value, at)
    return m.end() if m else at


def _is_letters(letters: str, value: str) -> bool:
    """Whether letters in a row are a form; small ones are where they are all there is."""
    return letters.isupper() or (letters == value.strip() and letters.startswith("a"))


def _bars(m: re.Match[str]) -> int | None:
    number = m["before"] or m["bars"] or m["behind"]
    return None if number is None else int(number)


def _sections(m: re.Match[str]) -> list[Section]:
    """The sections that an entry stands for, without their lengths."""
    times = int(m["times"] or m["n"] or 1)
    if not 1 <= times <= MAX_SECTIONS:
        raise BriefError(f"a section comes 1 to {MAX_SECTIONS} times, not {times:,}")
    if m["letters"]:
        names = re.findall("[A-H]", m["letters"].upper())
    else:
        names = [m["letter"].upper() if m["letter"] else _name(m["name"])]
    return [Section(name) for name in names] * times


def _name(words: str) -> str:
    low = words.lower()
    return low if low in _MORE else section_name(low)


def _with_lengths(entries: Sequence[Entry], numbers: Sequence[int | None]) -> list[Entry]:
    """The entries with their numbers as bars, where these do not count sections of a name."""
    by_name: dict[str, list[int]] = {}
    for entry, number in zip(entries, numbers, strict=True):
        if number is not None:
            by_name.setdefault(entry.section.name, []).append(number)
    counted = {
        name
        for name, row in by_name.items()
        if len(row) > 1 and row == list(range(1, len(row) + 1))
    }
    out: list[Entry] = []
    for entry, number in zip(entries, numbers, strict=True):
        name = entry.section.name
        if number is None or name in counted:
            out.append(entry)
            continue
        if not 1 <= number <= MAX_SECTION_BARS:
            raise BriefError(
                f"{name!r} in the form has {number:,} bars; a section has 1 to {MAX_SECTION_BARS}"
            )
        out.append(replace(entry, section=replace(entry.section, bars=number)))
    return out


def _unknown(value: str, at: int, later: bool) -> BriefError | UnknownNameError:
    """What is wrong with the word at a place of a form."""
    word = (_WORD.match(value, at) or re.compile(".").match(value, at) or [value])[0]
    if any(c.isalpha() for c in word) and not word[0].isdigit():
        return UnknownNameError("section of a form", word, {*map(_name, _NAMES), "A", "B"})
    where = "there" if later else "first"
    return BriefError(f"{word!r} stands {where} in the form, where a section should; {EXAMPLE}")
