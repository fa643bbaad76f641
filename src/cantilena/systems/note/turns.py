"""Changes of tempo and key in the course of a piece.

Knows asked changes and Plans; does not know loudness (``dynamics``) or who plays (``shaping``).
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from cantilena.errors import CantilenaError
from cantilena.score.harmony import QUALITIES, Chord, Key
from cantilena.systems.note.plan import Plan
from cantilena.systems.note.spans import span_of
from cantilena.text.wishes import MAX_TEMPO, MIN_TEMPO, Brief, Change

BROADENED, HURRIED = 0.65, 1.3
"""Shares of the tempo that a ritardando and an accelerando end at."""
SLOWER, FASTER = 0.75, 1.33  # where a tempo changes to "slow" or "fast"
LIFT = 2
"""Semitones that a key change goes up where nobody says to which key: the whole tone by which songs
lift their last chorus."""


def with_turns(plan: Plan, brief: Brief) -> Plan:
    """The Plan with the tempos and keys that the Brief has it change to, and its chords moved
    along."""
    for change in brief.changes:
        if change.kind in ("ritardando", "accelerando", "tempo"):
            plan = replace(plan, tempos=_tempos(change, plan))
        elif change.kind == "key":
            plan = _in_another_key(change, plan)
    return plan


def _tempos(change: Change, plan: Plan) -> tuple[tuple[int, float], ...]:
    start, stop = (int(plan.lines[bar]) for bar in span_of(change, plan))
    kept = [row for row in plan.tempos if row[0] < start]
    now = kept[-1][1] if kept else plan.bpm
    if change.kind == "tempo":
        to = _tempo(change.to, now)
        return (*kept, (max(start, 1), to)) if start else tuple(plan.tempos)
    to = now * (BROADENED if change.kind == "ritardando" else HURRIED)
    ticks = np.arange(start, stop, plan.beat_ticks)
    steps = now + (to - now) * (1 + np.arange(len(ticks))) / max(len(ticks), 1)
    rows = [(max(int(t), 1), round(float(bpm), 1)) for t, bpm in zip(ticks, steps, strict=True)]
    end = [(stop, now)] if stop < plan.end else []
    return (*kept, *rows, *end)


def _tempo(words: str, now: float) -> float:
    """What a tempo changes to: a number, or slower or faster than it is ``now``."""
    number = re.search(r"\d+(?:\.\d+)?", words)
    if number:
        return float(np.clip(float(number.group()), MIN_TEMPO, MAX_TEMPO))
    share = SLOWER if re.search(r"slow|half|calm|largo|adagio|lento", words) else FASTER
    return float(np.clip(round(now * share), MIN_TEMPO, MAX_TEMPO))


def _in_another_key(change: Change, plan: Plan) -> Plan:
    start, stop = span_of(change, plan)
    first, last = int(plan.lines[start]), int(plan.lines[stop])
    here = plan.key_at(first)
    key = _key(change.to, here)
    if not start or key == here:
        return plan
    end = [(last, here)] if stop < plan.bars else []
    chords = tuple(
        (t, _moved(chord, here, key) if first <= t < last else chord) for t, chord in plan.chords
    )
    if plan.asked_chords and key.minor != here.minor:
        chords = plan.chords  # what chords a change of mode makes of these nobody said
    kept = [row for row in plan.keys if row[0] < first]
    return replace(plan, keys=(*kept, (first, key), *end), chords=chords)


def _key(name: str, here: Key) -> Key:
    try:
        return Key.from_name(name)
    except CantilenaError:
        return Key((here.tonic + LIFT) % 12, here.minor)


def _moved(chord: Chord, here: Key, to: Key) -> Chord:
    """A chord at the same place of another key; of the other mode, the degree with that mode's
    triad."""
    moved = chord.transposed(to.tonic - here.tonic)
    if here.minor == to.minor:
        return moved
    degree = (chord.root - here.tonic) % 12
    scale = sorted((pc - here.tonic) % 12 for pc in here.scale)
    if degree not in scale:
        return moved
    other = sorted((pc - to.tonic) % 12 for pc in to.scale)[scale.index(degree)]
    root = (to.tonic + other) % 12
    tones = set(to.scale)
    minor = (root + 3) % 12 in tones
    symbol = "m" if minor and (root + 7) % 12 in tones else "dim" if minor else ""
    return Chord(root, QUALITIES[symbol], symbol)
