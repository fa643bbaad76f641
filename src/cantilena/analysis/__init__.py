"""Analysis: what a Score is. Pure functions of numpy arrays; writes nothing, guesses no text."""

from __future__ import annotations

from cantilena.analysis.attributes import Attributes, Part
from cantilena.analysis.chords import audible_slots, chord_slots, progression, spell_chord
from cantilena.analysis.form import form
from cantilena.analysis.grid import slot_edges
from cantilena.analysis.key import KEY_PROFILES, find_key, key_scores, pitch_class_histogram
from cantilena.analysis.rhythm import (
    TEMPO_CLASSES,
    TempoClass,
    main_metre,
    off_grid,
    swings,
    tempo_class,
)
from cantilena.analysis.sections import MarkedSection, sections
from cantilena.analysis.statistics import STATISTICS
from cantilena.analysis.texture import density, parts, polyphony
from cantilena.score.score import DRUMS, Score

__all__ = [
    "KEY_PROFILES",
    "STATISTICS",
    "TEMPO_CLASSES",
    "Attributes",
    "MarkedSection",
    "Part",
    "TempoClass",
    "audible_slots",
    "chord_slots",
    "density",
    "describe",
    "find_key",
    "form",
    "key_scores",
    "main_metre",
    "off_grid",
    "parts",
    "pitch_class_histogram",
    "polyphony",
    "progression",
    "sections",
    "slot_edges",
    "spell_chord",
    "swings",
    "tempo_class",
]


def describe(score: Score) -> Attributes:
    """All Attributes of a Score; works for an empty one too."""
    key, strength = find_key(score)
    numbers, _ = chord_slots(score)
    instruments = parts(score)
    return Attributes(
        key=key,
        key_strength=strength,
        metre=main_metre(score),
        bpm=score.bpm,
        tempo_class=tempo_class(score.bpm),
        parts=instruments,
        chords=tuple(numbers.tolist()),
        progression=progression(numbers, key),
        bars=score.n_bars,
        seconds=float(score.seconds(score.end)),
        density=density(score),
        polyphony=polyphony(score),
        drums=any(p.instrument == DRUMS for p in instruments),
        swing=swings(score),
        form=form(score),
    )
