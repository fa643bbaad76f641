"""The sections of a piece: which there are, how long each is, and who plays in it.

Knows asked forms, names of sections and what usually happens in them; does not know chords, models
or arrangements of songs (``systems.note.arranging``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cantilena.text.wishes import Section

SECTION = 8  # bars of a section whose length nobody says
USUAL_BARS = {
    **dict.fromkeys(("intro", "outro", "coda", "build-up", "breakdown", "break", "turnaround"), 4),
    **dict.fromkeys(("interlude", "pre-chorus", "tag"), 4),
}
"""Bars of sections that are usually shorter than ``SECTION``."""
LETTERS = "AABA"
"""The sections of a piece whose form nobody says, over and over."""


@dataclass(frozen=True)
class SectionPlan:
    """A section: its ``name``, its first bar (from 0) and its length in bars; ``letter``, which
    sections have in common that are the same music; ``parts``, the names of those that are asked
    to play in it, () for all; ``asked``, whether it is of a form that is asked for."""

    name: str
    start: int
    bars: int
    letter: str
    parts: tuple[str, ...] = ()
    asked: bool = False

    @property
    def stop(self) -> int:
        """The bar behind its last."""
        return self.start + self.bars


def usual_bars(section: Section) -> int:
    """The length that is asked for, or is usual for a section of its name."""
    return section.bars or USUAL_BARS.get(section.name, SECTION)


def form_bars(form: Sequence[Section]) -> int:
    """Bars of a whole asked form."""
    return sum(map(usual_bars, form))


def only_frames(form: Sequence[Section]) -> bool:
    """Whether what makes up a piece is still to come between the sections of a form."""
    return bool(form) and all(s.name in FRAME for s in form)


def section_of_rounds(cycle: int) -> int:
    """Bars of a section of a piece on a progression of ``cycle`` bars (0: none) that goes round and
    round: the whole number of rounds that is nearest to ``SECTION``, as a blues has sections of
    twelve."""
    rounds = max(1, int(SECTION / cycle + 0.5)) if cycle else 0
    return rounds * cycle or SECTION


def plan_sections(
    form: Sequence[Section], bars: int, whole: bool = False, section: int = SECTION
) -> tuple[SectionPlan, ...]:
    """The sections of a piece of ``bars`` bars: those asked for, stretched or shortened to its
    length where they are not as long (those of a length of their own last), else A A B A by
    ``section`` bars. ``whole``: there are no others than those asked for."""
    form = tuple(form) if whole else completed(form, bars)
    if not form or len(form) > bars:
        starts = range(0, bars, section)
        letters = [
            LETTERS[k % 4] if bars > 2 * section else "AB"[k % 2] for k in range(len(starts))
        ]
        return tuple(
            SectionPlan(letter, start, min(section, bars - start), letter)
            for letter, start in zip(letters, starts, strict=True)
        )
    lengths = _fitted(form, bars)
    edges = np.concatenate([[0], np.cumsum(lengths)]).tolist()
    return tuple(
        SectionPlan(s.name, edges[k], lengths[k], _letter(s.name), s.parts, True)
        for k, s in enumerate(form)
    )


FRAME = frozenset({"intro", "outro", "coda", "bridge", "break", "breakdown", "interlude", "solo"})
"""Sections that stand around or between those which make up a piece."""
SCENES = ("start", "then", "middle", "end")
"""What texts tell of the course of a piece that are no sections of a song: "starts with the piano
alone, then the strings join"."""
EDGES = ("outro", "coda", "end")  # sections that come last


def completed(form: Sequence[Section], bars: int) -> tuple[Section, ...]:
    """A form of which a text names some sections alone, made whole: what only frames a piece
    ("with an intro and a bridge") frames verse and chorus, and a verse and a chorus named once come
    twice where there is room."""
    form = tuple(form)
    if not form:
        return ()
    scenes = [s for s in form if s.name in SCENES]
    if scenes and len(scenes) < len(form):  # they are how the sections begin and end
        return completed([s for s in form if s.name not in SCENES], bars)
    if scenes:
        return _with_body(form, bars)
    names = [s.name for s in form]
    if only_frames(form):
        last = [s for s in form if s.name in EDGES]
        first = [s for s in form if s.name == "intro"]
        between = [s for s in form if s not in first and s not in last]
        room = bars - form_bars(form)
        song = [Section("verse"), Section("chorus")]
        verses = song if room >= 2 * SECTION else song[:1]
        again = song if room >= 4 * SECTION else song[1:] if room >= 3 * SECTION else []
        return (*first, *verses, *between, *again, *last)
    if names == ["verse", "chorus"] and all(s.bars is None for s in form) and bars >= 4 * SECTION:
        return form * 2
    return form


def scene_bars(bars: int) -> int:
    """How long a piece's start or end is, of so many bars."""
    return max(1, min(SECTION, bars // 4))


def _with_body(form: tuple[Section, ...], bars: int) -> tuple[Section, ...]:
    """Scenes with their lengths, and what stands between a start and an end."""
    length = scene_bars(bars)
    edges = [replace(s, bars=s.bars or length) if s.name in ("start", "end") else s for s in form]
    between = [s for s in edges if s.name not in ("start", "end")]
    first = [s for s in edges if s.name == "start"]
    last = [s for s in edges if s.name == "end"]
    return (*first, *(between or [Section("then")]), *last)


def _letter(name: str) -> str:
    """What sections have in common: their first word, so that "verse 2" is the verse."""
    return name.split()[0]


def _fitted(form: Sequence[Section], bars: int) -> list[int]:
    """The lengths of sections that make up ``bars``: those that nobody says give way first."""
    lengths = [usual_bars(s) for s in form]
    loose = [k for k, s in enumerate(form) if s.bars is None] or list(range(len(form)))
    while (missing := bars - sum(lengths)) != 0:
        step = 4 if abs(missing) >= 4 and missing % 4 == 0 else 1
        sign = 1 if missing > 0 else -1
        shrinkable = [k for k in loose if sign > 0 or lengths[k] > step]
        if not shrinkable:
            shrinkable, step = [k for k in range(len(form)) if lengths[k] > 1], 1
        # the shortest for its kind grows, the longest gives
        k = min(shrinkable, key=lambda k: sign * lengths[k] / usual_bars(form[k]))
        lengths[k] += sign * step
    return lengths
