"""A Request to rewrite a piece, made of what people say: bars, tracks, instruments, wishes.

Knows Scores, Briefs and the options of the system ``note``; does not know how music is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace as replaced
from typing import Any

from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.score import DRUMS, Score
from cantilena.score.splice import inside
from cantilena.systems.request import Edit, Request, Span
from cantilena.systems.tracks import bar_ranges, listed, select_tracks
from cantilena.text.brief import parse_brief
from cantilena.text.brief.relative import without_relative
from cantilena.text.wishes import Brief, Instrument

VARIATION, REPLACEMENT = 3.5, 4.0
"""How much each field of a note leans towards what stood there, added to its logit: in a variation,
where the notes are to be heard again but not all of them, and for an instrument that takes over
another's part, whose rhythm and contour are to stay (``docs/rewriting.md`` has the shares kept)."""
Tracks = str | Iterable[str | int]


def rewrite_request(
    score: Score,
    brief: Brief,
    *,
    bars: str | int | None = None,
    tracks: Tracks | None = None,
    add: str | None = None,
    replace: str | None = None,
    variation: bool = False,
    candidates: int | None = None,
    seed: int = 0,
    sampling: Sampling | None = None,
) -> Request:
    """The Request to rewrite ``score`` as ``brief`` asks.

    ``bars``: "9-16" or "1-4,9-12", from 1, both ends included; None: all. ``tracks``: names,
    numbers from 1, instruments or roles (``tracks.select_tracks``); None: all, but with chords the
    pitched ones alone, unless the Brief names drums, and with ``add`` none. ``add``: instruments
    that get new parts ("cello countermelody"), which the text is then about; ``replace``:
    "piano=guitar", the one's part is written anew for the other; ``variation``: near to what stands
    there. Raises InputError where the bars, tracks or instruments cannot be, or nothing is there to
    be rewritten.
    """
    ranges = ((0, score.n_bars),) if bars is None else bar_ranges(bars, score.n_bars)
    spans = tuple(Span(first, stop) for first, stop in ranges)
    options: dict[str, Any] = {} if candidates is None else {"candidates": candidates}
    new: tuple[Instrument, ...] = ()
    brief = without_relative(brief)
    chosen = None if tracks is None else select_tracks(score, tracks)
    if replace is not None:
        old, pairs, new = _replacement(score, replace)
        chosen = old if chosen is None else chosen | old
        brief = _naming(brief, new)
        options |= {"replace": pairs, "lean": REPLACEMENT}
    if add is not None:
        new = _instruments(add)
        chosen = frozenset() if chosen is None else chosen
        played = {score.tracks[track].instrument for track in chosen}
        if any(i.programs[0] in played for i in new):
            raise InputError(f"{add!r} is of an instrument that is rewritten too; do one, then add")
        brief = _naming(replaced(brief, text=", ".join(filter(None, (brief.text, add)))), new)
        options["add"] = ",".join(str(i.programs[0]) for i in new)
    if variation:
        options["lean"] = VARIATION
    if chosen is None and brief.chords:
        chosen = _pitched(score, brief)
    edit = Edit(score, spans, chosen)
    if add is None:
        _check_notes(edit, "all bars" if bars is None else f"bars {bars}")
    return Request(brief, seed, sampling, edit, "note", options)


def _pitched(score: Score, brief: Brief) -> frozenset[int]:
    """The tracks that new chords are for."""
    drums = any(DRUMS in i.programs for i in brief.instruments)
    tracks = enumerate(score.tracks)
    return frozenset(i for i, track in tracks if drums or not track.is_drum)


def _instruments(text: str) -> tuple[Instrument, ...]:
    """The instruments that a few words name. Raises InputError where they name none."""
    instruments = parse_brief(text).instruments
    if not instruments:
        raise InputError(f"{text!r} names no instrument; write it as in 'cello' or 'piano, bass'")
    return instruments


def _replacement(score: Score, text: str) -> tuple[frozenset[int], str, tuple[Instrument, ...]]:
    """The tracks whose instrument is replaced, the pairs of instruments as the option has them, and
    the new instrument."""
    old, equals, new = (part.strip() for part in text.partition("="))
    if not equals or not old or not new:
        raise InputError(f"{text!r} replaces nothing; write it as in 'piano=guitar'")
    tracks, instruments = select_tracks(score, old), _instruments(new)
    if len(instruments) > 1:
        raise InputError(f"an instrument is replaced by one other, not by {new!r}")
    programs = {score.tracks[track].instrument for track in tracks}
    (target,) = (instrument.programs[0] for instrument in instruments)
    if target in programs:
        raise InputError(f"{new!r} is what plays there already; the piece has {listed(score)}")
    if (target == DRUMS) != (programs == {DRUMS}):
        raise InputError("drums and pitched instruments do not play each other's parts; use --add")
    pairs = ",".join(f"{program}={target}" for program in sorted(programs))
    return tracks, pairs, instruments


def _naming(brief: Brief, instruments: tuple[Instrument, ...]) -> Brief:
    """The Brief with further instruments asked for."""
    programs = {i.programs[0] for i in brief.instruments}
    new = tuple(i for i in instruments if i.programs[0] not in programs)
    return brief.with_wishes(instruments=(*brief.instruments, *new)) if new else brief


def _check_notes(edit: Edit, where: str) -> None:
    """Raises InputError where the tracks hold no notes in the spans."""
    spans = [span.ticks(edit.base) for span in edit.spans]
    if not inside(edit.base.onset, edit.base.track, spans, edit.tracks).any():
        names = listed(edit.base)
        raise InputError(
            f"there is nothing to rewrite: {where} of these tracks hold no notes (the piece has "
            f"{names}); --add writes a new part"
        )
