"""Requests for new parts to a piece that stays as it is: chords and a bass to a melody, an
accompaniment, a tune.

Knows Scores, Briefs, instruments and the options of the system ``note``; does not know how music is
written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cantilena.analysis import audible_slots, chord_slots
from cantilena.analysis.grid import pitched, played_by
from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.score import DRUMS, Score, gm
from cantilena.systems.note.casting import BASSES, BOWED, asked_programs
from cantilena.systems.note.changes import CHOSEN, HEARD
from cantilena.systems.note.lineups import LINEUPS, by_name
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY
from cantilena.systems.request import Edit, Request, Span
from cantilena.text.brief import parse_brief
from cantilena.text.brief.relative import without_relative
from cantilena.text.wishes import Brief

CANDIDATES = 2
"""Candidates where nobody says how many. Nothing follows a whole piece by which they could be
judged, so that they tell apart what obeys, what is silent where it is to play, and what is
likelier. Of a tune of four bars with 40 added parts 9 of 160 bars were silent with one candidate,
1 with two and 1 with three, written abreast in 1.15 and 1.6 times the time of one."""
LEAST_NOTES = 4
"""Pitched notes that a piece has at least, to be given further parts."""
HEARD_SHARE = 0.3
"""Share of the half bars with notes from which on a piece has chords of its own: lone tunes that
are not arpeggios stay below it, songs with accompaniment above."""
PIECES = ("tempo", "tempo_range", "metre", "bars", "bars_range", "seconds", "seconds_range")
"""Wishes that are the piece's own affair: dropped where a genre or a mood implies them; where the
text says them the report tells whether the piece is so."""
CHORD_PLAYERS = by_name("acoustic grand piano, nylon-string guitar, electric piano 1")
BASS_PLAYERS = by_name("acoustic bass, fingered electric bass")
TUNE_PLAYERS = by_name("flute, violin, alto saxophone, clarinet, trumpet")
"""Who is taken where neither text nor genre says so, the likeliest first."""


def harmonise_request(
    score: Score,
    brief: Brief,
    *,
    seed: int = 0,
    candidates: int | None = None,
    sampling: Sampling | None = None,
) -> Request:
    """The Request to give a melody chords and a bass. Instruments that the Brief names play them;
    a bass and an instrument of chords join where none is named. Raises InputError where the piece
    has too few pitched notes."""
    _check(score, "harmonised")
    named = [program for program, _ in asked_programs(brief)]
    roles = {program: _usual_role(program) for program in named}
    for role, players in ((HARMONY, CHORD_PLAYERS), (BASS, BASS_PLAYERS)):
        if role not in roles.values() and not (brief.only and role == BASS):
            program = _player(score, brief, role, players, roles)
            if program is not None:
                roles[program] = role
    return _request(score, brief, roles, seed, candidates, sampling)


def accompany_request(
    score: Score,
    brief: Brief,
    *,
    parts: str | None = None,
    seed: int = 0,
    candidates: int | None = None,
    sampling: Sampling | None = None,
) -> Request:
    """The Request to add ``parts`` ("bass, drums, piano") to a piece; None: what the Brief names,
    else those of drums, bass and chords that the piece lacks. Raises InputError where the parts
    name no instrument, or the piece has too few pitched notes."""
    _check(score, "accompanied")
    if parts is not None:
        for entry in parts.split(","):
            if not parse_brief(entry).instruments:
                raise InputError(
                    f"{entry.strip()!r} names no instrument; write parts as in 'bass, drums'"
                )
        wanted = parse_brief(parts)
        taken = {i.programs for i in brief.instruments}
        more = tuple(i for i in wanted.instruments if i.programs not in taken)
        first = {p for i in wanted.instruments for p in i.programs[:1]}
        brief = brief.with_wishes(
            instruments=(*brief.instruments, *more),
            excluded=tuple(p for p in brief.excluded if p not in first),
        )
    roles: dict[int, str] = {}
    for program, instrument in asked_programs(brief):
        role = _usual_role(program)
        if instrument.name == "bass":  # any: the genre's own
            program = _player(score, brief, BASS, BASS_PLAYERS, roles) or program
        roles[program] = role
    if not roles:
        here = {_usual_role(track.instrument) for track in _playing(score)}
        chords = has_chords(score)
        for role, players, there in (
            (HARMONY, CHORD_PLAYERS, chords),
            (BASS, BASS_PLAYERS, BASS in here),
            (DRUM, (DRUMS,), DRUM in here),
        ):
            program = None if there else _player(score, brief, role, players, roles)
            if program is not None:
                roles[program] = role
    if not roles:
        raise InputError(
            "the piece has chords, a bass and drums; name what else is to play, as in "
            "'--with strings'"
        )
    return _request(score, brief, roles, seed, candidates, sampling)


def melody_request(
    score: Score,
    brief: Brief,
    *,
    seed: int = 0,
    candidates: int | None = None,
    sampling: Sampling | None = None,
) -> Request:
    """The Request to write a tune over a piece, for the instruments that the Brief names, else for
    one of its genre that does not play yet. Raises InputError where the piece has too few pitched
    notes, or only drums are named."""
    _check(score, "given a melody")
    roles = {program: MELODY for program, _ in asked_programs(brief) if program != DRUMS}
    if not roles and brief.instruments:
        raise InputError("drums play no melody; name another instrument, as in 'flute'")
    if not roles:
        program = _player(score, brief, MELODY, TUNE_PLAYERS, roles)
        if program is None:
            raise InputError("every instrument is excluded; leave one to play the melody")
        roles[program] = MELODY
    return _request(score, brief, roles, seed, candidates, sampling)


def _request(
    score: Score,
    brief: Brief,
    roles: dict[int, str],
    seed: int,
    candidates: int | None,
    sampling: Sampling | None,
) -> Request:
    options: dict[str, Any] = {
        "candidates": CANDIDATES if candidates is None else candidates,
        "add": ",".join(map(str, roles)),
        "roles": ",".join(f"{program}={role}" for program, role in roles.items()),
    }
    if not brief.chords:
        options["harmony"] = HEARD if has_chords(score) else CHOSEN
    lines, keep = score.bar_starts, pitched(score)
    onset = int(score.onset[keep].min())
    first = int(np.searchsorted(lines, onset, side="right")) - 1
    end = int((score.onset[keep] + score.duration[keep]).max())
    stop = int(np.searchsorted(lines, end, side="left"))
    if first + 1 < stop and 2 * onset > int(lines[first] + lines[first + 1]):  # an upbeat
        first += 1
    edit = Edit(score, (Span(first, max(stop, first + 1)),), frozenset())
    brief = without_relative(brief)
    brief = replace(brief, **{name: None for name in PIECES if brief.how.get(name) == "implied"})
    return Request(brief, seed, sampling, edit, "note", options)


def _check(score: Score, what: str) -> None:
    """Raises InputError for a piece with too few pitched notes to be ``what``."""
    keep = pitched(score)
    number = int(keep.sum())
    if not len(score):
        raise InputError(f"the piece has no notes, so it cannot be {what}")
    if not number:
        raise InputError(
            f"the piece has only {played_by(score)}, so it cannot be {what}; give pitched notes"
        )
    if number < LEAST_NOTES:
        count = f"{number} pitched note" + "s" * (number > 1)
        raise InputError(
            f"the piece is too short to be {what}: it has {count}, and needs {LEAST_NOTES}"
        )


def has_chords(score: Score) -> bool:
    """Whether chords are heard in a piece, and not only guessed of a tune."""
    numbers, _ = chord_slots(score)
    some = numbers > 0
    return bool(some.any()) and float(audible_slots(score, numbers)[some].mean()) >= HEARD_SHARE


def _playing(score: Score) -> list[Any]:
    """The tracks with notes."""
    return [score.tracks[track] for track in sorted(set(score.track.tolist()))]


def _usual_role(program: int) -> str:
    if program == DRUMS:
        return DRUM
    return BASS if program in BASSES else HARMONY


def _player(
    score: Score, brief: Brief, role: str, usual: Sequence[int], taken: dict[int, str]
) -> int | None:
    """Who plays a role: of the genre's line-ups, else of the ``usual`` ones, who is not taken or
    excluded; rather somebody who does not play in the piece yet."""
    if role == DRUM:
        return None if DRUMS in brief.excluded else DRUMS
    cast = [i for genre in brief.genres for lineup in LINEUPS.get(genre, ()) for i in lineup]
    pool = [i for i in (*cast, *usual) if _suits(i, role)]
    free = [i for i in pool if i not in taken and i not in brief.excluded]
    there = {track.instrument for track in _playing(score)}
    return next((i for i in free if i not in there), free[0] if free else None)


def _suits(instrument: int, role: str) -> bool:
    """Whether an instrument is at home in a role."""
    if instrument == DRUMS:
        return False
    single = instrument in gm.MONOPHONIC or instrument in BOWED
    if role == BASS:
        return instrument in BASSES
    return instrument not in BASSES and single == (role == MELODY)
