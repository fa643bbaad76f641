"""What a reference says of the piece that goes with it: length, tempo, metre, key, chords.

Knows Scores, Briefs and tasks; does not know models.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cantilena.analysis import find_key
from cantilena.analysis.grid import pitched
from cantilena.analysis.recognition import recognised_slots
from cantilena.errors import InputError
from cantilena.score import DRUMS, Score
from cantilena.score.harmony import Chord, Key
from cantilena.systems.accompaniments import has_chords
from cantilena.systems.note.harmonising import harmonise
from cantilena.text.brief import merge
from cantilena.text.wishes import Brief
from cantilena.tokens.note.streams import (
    ACCOMPANIMENT,
    ALL,
    CHORDS,
    DRUM,
    MELODY,
    OTHERS,
    Task,
)

PLAYERS = {
    DRUM: "drums",
    MELODY: "flute",
    CHORDS: "piano",
    ACCOMPANIMENT: "piano, acoustic bass, drums",
    ALL: "flute, piano, acoustic bass",
    OTHERS: "piano, acoustic bass, drums",
}
"""Who plays a target where the Brief names nobody."""
LEAST_NOTES = 4
"""Notes of the kind that a task reads, without which a reference is refused."""


def check_reference(score: Score, task: Task) -> None:
    """Raises InputError for a reference without the notes that the task reads."""
    what = f"so nothing can be written to it ({task.name})"
    if not len(score):
        raise InputError(f"the reference has no notes, {what}")
    wanted = score.instrument == DRUMS if task.reference == DRUM else pitched(score)
    number = int(wanted.sum())
    kind = "drum" if task.reference == DRUM else "pitched"
    if number < LEAST_NOTES:
        count = f"{number or 'no'} {kind} note" + "s" * (number != 1)
        raise InputError(f"the reference has {count} and needs {LEAST_NOTES}, {what}")


def beside(brief: Brief, score: Score, task: Task, habits: dict[str, Any]) -> Brief:
    """The Brief of a target: what the Brief leaves open is as the reference has it. ``habits``:
    those of the note model, by which chords are chosen for a lone tune."""
    wishes: dict[str, Any] = {}
    if brief.bars is None and brief.seconds is None:
        wishes["bars"] = score.n_bars
    if brief.tempo is None and brief.tempo_range is None:
        wishes["tempo"] = float(score.bpm)
    if brief.metre is None:
        wishes["metre"] = f"{int(score.metre_num[0])}/{int(score.metre_den[0])}"
    heard, _ = find_key(score)
    key = Key.from_name(brief.key) if brief.key else heard
    if key is not None and brief.key is None:
        wishes["key"] = key.name
    out = replace(brief, **wishes)
    if not brief.instruments:
        out = replace(merge(out, instruments=PLAYERS[task.target]), only=True)
    if task.reference == DRUM:
        out = replace(out, excluded=tuple(dict.fromkeys((*out.excluded, DRUMS))))
    if not brief.chords and key is not None and task.target != DRUM:
        out = replace(out, **_chords(score, key, task, brief, habits))
    return out


def _chords(
    score: Score, key: Key, task: Task, brief: Brief, habits: dict[str, Any]
) -> dict[str, Any]:
    """A chord a bar: those that are heard in the reference, or chosen for it where it is a lone
    tune."""
    if task.reference == CHORDS or has_chords(score):
        numbers, starts = recognised_slots(score, "half")
    else:
        numbers, starts = harmonise(score, key, habits, brief.genres)
    slots = np.searchsorted(starts, score.bar_starts[:-1], side="right") - 1
    row = [int(numbers[k]) for k in np.clip(slots, 0, len(numbers) - 1)]
    usual = next((number for number in row if number), 0)
    symbols: list[str] = []
    for number in row:
        usual = number or usual
        if usual:
            symbols.append(Chord.from_number(usual).name(key.flats))
    return {"chords": tuple(symbols), "chord_beats": None} if symbols else {}
