"""Features of structure: what tells composed music from real music, one number each.

Knows the one list of them and how they are taken of a Score; does not know what is real or what is
composed. All are counted on notes as they would be written (``notes``), by role (``roles``);
velocities are left out, since in many real files they are all one number, which would tell them
apart by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from cantilena.analysis.excerpt import first_bars
from cantilena.analysis.features import harmony, lines, texture
from cantilena.analysis.features.notes import written
from cantilena.analysis.features.roles import roles
from cantilena.score.score import Score

BARS = 32
"""Bars of a piece that are measured, from the first with a note on."""


class Feature(NamedTuple):
    """A feature: its name, its ``group`` (of ``GROUPS``), its unit and what it is."""

    name: str
    group: str
    unit: str
    what: str


GROUPS: dict[str, tuple[str, ...]] = {
    "drums": ("drums_",),
    "chords": ("chord_", "notes_in_key", "lead_chord", "harmony_chord_tones", "bass_roots"),
    "voices": (
        *("lead_crossed", "lead_gap", "lead_doubled", "bass_crossed", "bass_gap"),
        *("harmony_clusters", "parallel_", "unisons"),
    ),
    "lead": ("lead_",),
    "bass": ("bass_",),
    "accompaniment": ("harmony_", "figure_"),
    "form": ("parts_", "entry_", "exits", "active_", "tutti", "density_"),
    "whole": ("all_", "onsets_", "pitched_"),
}
"""How the names of each group's features begin; a feature is of the first group that fits."""


def _group(name: str) -> str:
    return next(group for group, begins in GROUPS.items() if name.startswith(begins))


FEATURES: tuple[Feature, ...] = tuple(
    Feature(name, _group(name), unit, what)
    for module in (lines, harmony, texture)
    for name, (unit, what) in module.DEFINITIONS.items()
)
"""Every feature, in the order of ``features``' values."""
NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)


def features(score: Score, bars: int = BARS) -> np.ndarray:
    """(F,) the features of the first ``bars`` bars of a Score, in the order of ``FEATURES``; nan
    where one is undefined, as those of drums where none play. Raises InputError where there are
    no notes."""
    notes = written(first_bars(score, bars))
    by_role = roles(notes)
    values = lines.features(by_role.lead, by_role.bass)
    values |= harmony.features(notes, by_role) | texture.features(notes, by_role)
    return np.array([values[name] for name in NAMES])


def feature_table(scores: Iterable[Score], bars: int = BARS) -> np.ndarray:
    """(N, F) the features of each Score."""
    rows = [features(score, bars) for score in scores]
    return np.array(rows).reshape(-1, len(FEATURES))
