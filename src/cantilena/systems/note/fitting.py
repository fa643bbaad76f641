"""New music fitted to the piece it is for: who plays it, in which range, and how many notes.

Knows Scores, Changes and parts; does not know harmony, models, or how notes are chosen.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cantilena.errors import InputError
from cantilena.score import DRUMS, Score, gm
from cantilena.score.splice import inside
from cantilena.systems.note.casting import (
    BASS_RANGE,
    BOWED,
    MIN_SHARE,
    asked_programs,
    plan_parts,
)
from cantilena.systems.note.changes import Changes
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY, PartPlan, Plan
from cantilena.systems.tracks import BASS as BASS_ROLE
from cantilena.systems.tracks import LEAD, track_roles
from cantilena.text.brief.relative import DENSITY, REGISTER, RelativeWish
from cantilena.text.wishes import Brief, Instrument

FEWEST = 8  # notes of a part from which on its range can be told
WIDER = 2  # semitones beyond the notes there are that a part may go
OCTAVE = 12
LOWEST_BASS, CHORDS_LOW = 28, 48
"""MIDI pitches: E of a bass's lowest string, and the lowest that chords have above a bass."""
CHORD_NOTES = 3
"""Notes of a chord that an added part strikes."""
TUNE_RANGE = 19
"""Semitones: a twelfth, which a tune that is added has room for."""
DENSITY_FACTOR = {1: 1.5, -1: 0.6}
"""Notes of a part that is to be busier or sparser, to those that stand there; the square of it
where it is to be much so."""
ASKED_DENSITY = {"sparse": 0.6, "medium": 1.0, "dense": 1.5}
SLACK, NEAR_SLACK = 0.3, 0.05
"""By which share the new music may have more or fewer notes than are due: where nobody says how
many; where the text does, or the music is to be near to what stands there."""
ADDED_NOTES = (2.0, 8.0)
"""Notes a bar that a part that is added has at least and at most; between these it has as many as
the others of one voice."""
LIMBS = 4  # of a drummer, who strikes no more drums at once
SHARE_KEPT = 0.5  # of its share of the notes that a part is to have at least
_TUNES = ("melody", "countermelody", "counter-melody", "counterpoint", "lead", "solo", "tune")


def plan_instruments(score: Score, change: Changes) -> list[int]:
    """The instruments that the piece has afterwards, those with most notes first."""
    counts = np.bincount(score.instrument, minlength=DRUMS + 1)
    new = dict(change.replaced)
    order = [int(i) for i in np.argsort(-counts, kind="stable") if counts[i]]
    return [new.get(i, i) for i in order]


def notes_of_tracks(score: Score, span: tuple[int, int], tracks: frozenset[int]) -> Score:
    return score.select(inside(score.onset, score.track, [span], tracks))


def new_parts(
    score: Score,
    span: tuple[int, int],
    anew: frozenset[int],
    change: Changes,
    brief: Brief,
    habits: dict[str, Any],
) -> tuple[PartPlan, ...]:
    """The parts of the new music: those of the tracks ``anew``, as they are in the piece, and those
    that are added."""
    roles = track_roles(score)
    new_of = dict(change.replaced)
    sources: dict[int, list[int]] = {}
    for track in sorted(anew):
        instrument = score.tracks[track].instrument
        sources.setdefault(new_of.get(instrument, instrument), []).append(track)
    for instrument in change.added:
        sources.setdefault(instrument, [])
    for instrument in brief.excluded:
        sources.pop(instrument, None)
    if not sources:
        raise InputError("nobody is left to play: name a track, or an instrument to add")
    everyone = dict.fromkeys([*plan_instruments(score, change), *sources])
    players = {i: sum(t.instrument == i for t in score.tracks) for i in everyone}
    named = dict(asked_programs(brief))
    for i in everyone:
        if i not in named and i != DRUMS:
            named[i] = Instrument(gm.name(i), (i,), max(1, players[i]))
    usual = {
        part.instrument: part for part in plan_parts(list(everyone), named, habits["registers"])
    }
    old = notes_of_tracks(score, span, anew)
    parts = []
    for instrument, tracks in sources.items():
        part = usual[instrument]
        if tracks:
            share = float(np.isin(old.track, tracks).mean()) if len(old) else 0.0
            part = replace(
                part, role=_role(part, tracks, roles, score), min_share=SHARE_KEPT * share
            )
        elif instrument in dict(change.roles):
            part = _beside(part, dict(change.roles)[instrument], score, span)
        elif instrument != DRUMS and any(word in brief.text.lower() for word in _TUNES):
            part = replace(part, role=MELODY)
        same = [t for t in tracks if score.tracks[t].instrument == instrument]
        parts.append(_ranged(part, score, span, same, change.wish(REGISTER)))
    return tuple(parts)


def _beside(part: PartPlan, role: str, score: Score, span: tuple[int, int]) -> PartPlan:
    """A part that is added in a role, in a range that leaves room to what plays there: a tune above
    the others, chords below the tune, a bass in the lowest two octaves of its instrument."""
    roles = track_roles(score)
    here = inside(score.onset, score.track, [span]) & ~score.is_drum
    low, high = gm.playable(part.instrument) if role != part.role else (part.low, part.high)
    voices, players = part.voices, part.players
    if role == BASS:
        high, voices = min(high, max(low, LOWEST_BASS) + BASS_RANGE), part.players
        low = max(low, LOWEST_BASS)
    elif role == MELODY:
        voices = part.players
        others = score.pitch[here]
        if len(others):
            low = min(max(low, round(float(np.median(others)))), high - TUNE_RANGE)
            high = min(high, low + TUNE_RANGE)
    elif role == HARMONY:
        lead = [track for track, is_a in roles.items() if is_a == LEAD]
        tune = score.pitch[here & np.isin(score.track, lead)]
        if len(tune):
            top = max(round(float(np.quantile(tune, 0.25))), CHORDS_LOW + OCTAVE)
            high = max(min(high, top), low + OCTAVE)
        low = min(max(low, CHORDS_LOW), high - OCTAVE)
        if voices >= CHORD_NOTES:
            players = CHORD_NOTES  # on half of its onsets at least they all play
    elif role == DRUM:
        voices = LIMBS
    least = MIN_SHARE[MELODY if role == BASS else role]  # beside chords few notes are a long rest
    share = least * part.min_share / MIN_SHARE[part.role]
    return replace(
        part, role=role, low=low, high=high, voices=voices, min_share=share, players=players
    )


def _role(part: PartPlan, tracks: list[int], roles: dict[int, str], score: Score) -> str:
    """The role of tracks that are one part. A tune of chords is no melody: it is the harmony."""
    if part.role == DRUM:
        return DRUM
    own = {roles[t] for t in tracks if t in roles}
    if own == {BASS_ROLE}:
        return BASS
    if own == {LEAD}:
        at = score.onset[np.isin(score.track, tracks)]
        return MELODY if len(np.unique(at)) > 0.7 * len(at) else HARMONY
    return HARMONY if own else part.role


def _ranged(
    part: PartPlan,
    score: Score,
    span: tuple[int, int],
    tracks: list[int],
    wish: RelativeWish | None,
) -> PartPlan:
    """The part within the range that it has in the piece, moved where it is to be higher or lower
    than it stands in the span: then all of it lies above, or below, its median."""
    if part.role == DRUM:
        return part
    playable = gm.playable(part.instrument)
    low, high = part.low, part.high
    pitches = score.pitch[np.isin(score.track, tracks)]
    if len(pitches) >= FEWEST:
        low = min(max(int(pitches.min()) - WIDER, 0), playable[1] - OCTAVE)
        high = max(min(int(pitches.max()) + WIDER, 127), low + OCTAVE)
    here = score.pitch[inside(score.onset, score.track, [span], tracks)]
    if wish is not None and len(here):
        median, far = round(float(np.median(here))), OCTAVE // 2 if wish.far else 0
        if wish.sign > 0:
            low = max(0, min(median + 1 + far, playable[1] - OCTAVE + 1))
            high = max(low + OCTAVE - 1, min(int(here.max()) + OCTAVE - 1, playable[1]))
        else:
            high = min(127, max(median - 1 - far, playable[0] + OCTAVE - 1))
            low = min(high - OCTAVE + 1, max(int(here.min()) - OCTAVE + 1, playable[0]))
    return replace(part, low=max(low, 0), high=min(high, 127))


def as_played_by(old: np.ndarray, parts: tuple[PartPlan, ...], change: Changes) -> np.ndarray:
    """The old notes as the new parts could play them: on their instruments, in octaves that lie
    within their ranges; in the scheme's order, each place once."""
    new_of, ranges = dict(change.replaced), {part.instrument: part for part in parts}
    table = old.copy()
    for was in map(int, np.unique(old[:, 1])):
        own = old[:, 1] == was
        part = ranges.get(new_of.get(was, was))
        if part is None:
            table[own, 1] = -1
            continue
        table[own, 1] = part.instrument
        if part.role == DRUM:
            continue
        middle = (part.low + part.high) / 2
        pitch = old[own, 2] + OCTAVE * round((middle - float(np.median(old[own, 2]))) / OCTAVE)
        if (old[own, 2] >= part.low).all() and (old[own, 2] <= part.high).all():
            pitch = old[own, 2]
        pitch -= OCTAVE * np.maximum(0, -(-(pitch - part.high) // OCTAVE))
        pitch += OCTAVE * np.maximum(0, -(-(part.low - pitch) // OCTAVE))
        table[own, 2] = np.clip(pitch, 0, 127)
    table = table[table[:, 1] >= 0]
    _, first = np.unique(table[:, :3], axis=0, return_index=True)
    return table[first]


def density_wish(change: Changes, brief: Brief) -> tuple[float, float]:
    """By what the notes that stand there are multiplied, and the slack."""
    wish, slack = change.wish(DENSITY), NEAR_SLACK if change.lean else SLACK
    if wish is not None:
        return DENSITY_FACTOR[wish.sign] ** (2 if wish.far else 1), NEAR_SLACK
    if brief.density is not None:
        return ASKED_DENSITY[brief.density], NEAR_SLACK
    return 1.0, slack


def notes_due(
    score: Score,
    span: tuple[int, int],
    anew: frozenset[int],
    change: Changes,
    brief: Brief,
    plan: Plan,
) -> tuple[float, float]:
    """New notes that are due a bar, and the slack: as many as stood there, or as the parts have in
    the whole piece where they rested, unless the text asks otherwise."""
    bars = (plan.end - plan.origin) / plan.bar_ticks
    due = len(notes_of_tracks(score, span, anew)) / bars
    if not due and anew:
        own = np.isin(score.track, list(anew))
        heard = len(np.unique(np.searchsorted(score.bar_starts, score.onset[own], side="right")))
        due = float(own.sum()) / max(1, heard)
    roles = dict(change.roles)
    due += sum(added_notes(score, i, roles.get(i, "")) for i in change.added)
    factor, slack = density_wish(change, brief)
    return max(due * factor, 1.0 / max(bars, 1.0)), slack


def added_notes(score: Score, instrument: int, role: str) -> float:
    """Notes a bar of a part that is added: as many onsets as the other parts have; in the role of
    the harmony as many chords as these have pairs of onsets."""
    drums = instrument == DRUMS
    rates = []
    for track in np.unique(score.track).tolist():
        if score.tracks[track].is_drum == drums:
            onsets = np.unique(score.onset[score.track == track])
            heard = len(np.unique(np.searchsorted(score.bar_starts, onsets, side="right")))
            rates.append(len(onsets) / max(1, heard))
    if drums:
        return float(np.mean(rates)) if rates else 2 * ADDED_NOTES[1]
    single = instrument in gm.MONOPHONIC or instrument in BOWED
    rate = float(np.clip(np.mean(rates) if rates else 4.0, *ADDED_NOTES))
    if single or role == MELODY:
        return rate
    return max(rate, 2 * ADDED_NOTES[0]) * CHORD_NOTES / 2 if role == HARMONY else 1.5 * rate
