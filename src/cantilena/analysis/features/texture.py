"""Features of the accompaniment, the drums and the form: who plays when, and what keeps on.

Knows bars, parts and the kit's drums of General MIDI; does not know verses or choruses.
"""

from __future__ import annotations

import numpy as np

from cantilena.analysis.features.bars import (
    NAN,
    cv,
    entropy,
    fresh,
    likeness,
    mean,
    pairs,
    per_bar,
    rhythm,
    run_length,
    same,
    share,
    tones,
)
from cantilena.analysis.features.lines import sounding
from cantilena.analysis.features.notes import Notes
from cantilena.analysis.features.roles import Roles

LAGS = (1, 2, 4)
ALL_LAGS = (1, 2, 4, 8, 16)
SECTION = 4
"""Bars of the shortest section."""
SNARES, KICKS, CRASHES = (38, 40), (35, 36), (49, 57)
TOMS = (41, 43, 45, 47, 48, 50)
CYMBALS = (42, 44, 46, 51, 53, 59)
"""Hi-hats and rides: what keeps time."""

DEFINITIONS: dict[str, tuple[str, str]] = {
    **{f"harmony_again_{k}": ("share", f"likeness of harmony bars, lag {k}") for k in LAGS},
    **{
        f"harmony_rhythm_{k}": ("share", f"likeness of a harmony part's rhythm, lag {k}, mean")
        for k in LAGS
    },
    "figure_run": ("bars", "mean run of bars in which a harmony part keeps its rhythm"),
    "figure_new": ("share", "bars of a harmony part whose rhythm stands nowhere before, mean"),
    "harmony_chord_size": ("notes", "notes that a harmony part begins together, mean"),
    "harmony_single": ("share", "harmony onsets of a part with one note"),
    "harmony_together": ("parts", "harmony parts that begin together, mean over onsets"),
    "harmony_notes_per_bar": ("notes", "harmony notes per bar with any"),
    "harmony_notes_spread": ("cv", "spread of harmony notes per bar, all bars"),
    **{f"drums_again_{k}": ("share", f"likeness of drum bars, lag {k}") for k in LAGS},
    "drums_same": ("share", "drum bars that are exactly the bar before"),
    "drums_new": ("share", "drum bars that stand nowhere before"),
    "drums_kit": ("drums", "different drums"),
    "drums_entropy": ("bits", "entropy of the drums hit"),
    "drums_per_bar": ("hits", "hits per bar with any"),
    "drums_rest_bars": ("share", "bars without a hit"),
    "drums_backbeat": ("share", "snare hits on even beats of the bar"),
    "drums_kick_bar": ("share", "drum bars with a kick on their first place"),
    "drums_time": ("share", "hits on hi-hats and rides"),
    "drums_toms": ("share", "hits on toms"),
    "drums_fills": ("share", "how much less a section's last bar is as the one before than others"),
    "drums_crashes": ("share", "crashes on the first place of a section, of all crashes"),
    "parts_in_by_2": ("share", "parts that have begun by the end of bar 2"),
    "entry_mean": ("share", "mean place of the parts' entries in the piece, 0-1"),
    "exits": ("a part", "times that a part falls silent for two bars or more, mean over parts"),
    "parts_active": ("share", "bars in which a part begins a note, mean over parts"),
    "active_changes": ("share", "parts that start or stop beginning notes from bar to bar"),
    "active_changes_section": ("share", "of these, those on a section's first bar"),
    "active_spread": ("cv", "spread of the number of active parts over bars"),
    "tutti": ("share", "bars in which all parts begin notes"),
    "density_contrast": ("ratio", "thinnest four bars to the thickest, in notes"),
    "density_rise": ("ratio", "notes of the second half to those of the first, per bar, log2"),
    "density_first_bars": ("ratio", "notes of the first four bars to the mean of four"),
    **{
        f"all_again_{k}": ("share", f"likeness of all pitched parts' bars, lag {k}")
        for k in ALL_LAGS
    },
    "all_new": ("share", "bars (all pitched parts) that stand nowhere before"),
    "onsets_per_bar": ("onsets", "different onsets per bar, all parts"),
    "pitched_range": ("semitones", "5th to 95th percentile of all pitched notes"),
}
"""(unit, what it is) of each feature."""


def features(notes: Notes, roles: Roles) -> dict[str, float]:
    """The features of ``DEFINITIONS``, nan where there is nothing to count."""
    out = dict.fromkeys(DEFINITIONS, NAN)
    if len(roles.harmony):
        out |= _accompaniment(roles.harmony)
    if len(roles.drums):
        out |= _drums(roles.drums)
    return out | _parts(notes) | _density(notes)


def _by_part(notes: Notes) -> list[Notes]:
    return [notes.select(notes.part == p) for p in np.unique(notes.part)]


def _weighted(values: list[float], weights: list[int]) -> float:
    """The mean of the values that are numbers, by weight."""
    v, w = np.array(values), np.array(weights, dtype=np.float64)
    keep = ~np.isnan(v)
    return float(np.average(v[keep], weights=w[keep])) if keep.any() else NAN


def _accompaniment(harmony: Notes) -> dict[str, float]:
    whole, parts = tones(harmony), _by_part(harmony)
    rhythms = [rhythm(part) for part in parts]
    weights = [int(np.count_nonzero(rows.any(1))) for rows in rhythms]
    out = {f"harmony_again_{k}": mean(likeness(whole, k)) for k in LAGS}
    for k in LAGS:
        out[f"harmony_rhythm_{k}"] = _weighted([mean(likeness(r, k)) for r in rhythms], weights)
    onsets = harmony.time * 129 + harmony.part
    different, count = np.unique(onsets, return_counts=True)
    at_once = np.unique(different // 129, return_counts=True)[1]
    filled = len(np.unique(harmony.bar))
    return out | {
        "figure_run": _weighted([run_length(r) for r in rhythms], weights),
        "figure_new": _weighted([fresh(r) for r in rhythms], weights),
        "harmony_chord_size": float(count.mean()),
        "harmony_single": share(count == 1),
        "harmony_together": float(at_once.mean()),
        "harmony_notes_per_bar": len(harmony) / filled,
        "harmony_notes_spread": cv(per_bar(harmony)),
    }


def _drums(drums: Notes) -> dict[str, float]:
    rows = tones(drums)
    count = per_bar(drums)
    filled = count > 0
    snare = np.isin(drums.pitch, SNARES)
    kick = np.isin(drums.pitch, KICKS) & (drums.place == 0)
    even = (drums.place % drums.beat == 0) & (drums.place // drums.beat % 2 == 1)
    crash = np.isin(drums.pitch, CRASHES)
    out = {f"drums_again_{k}": mean(likeness(rows, k)) for k in LAGS}
    return out | {
        "drums_same": same(rows, 1),
        "drums_new": fresh(rows),
        "drums_kit": float(len(np.unique(drums.pitch))),
        "drums_entropy": entropy(drums.pitch),
        "drums_per_bar": float(count[filled].mean()),
        "drums_rest_bars": share(~filled),
        "drums_backbeat": share(even[snare]),
        "drums_kick_bar": len(np.unique(drums.bar[kick])) / np.count_nonzero(filled),
        "drums_time": share(np.isin(drums.pitch, CYMBALS)),
        "drums_toms": share(np.isin(drums.pitch, TOMS)),
        "drums_fills": _fills(rows),
        "drums_crashes": _at_sections(drums.bar[crash & (drums.place == 0)], drums.bar[crash]),
    }


def _fills(rows: np.ndarray) -> float:
    """How much less like the bar before it a section's last bar is than other bars: the largest
    of the four places at which sections may end."""
    bars, alike = pairs(rows, 1), likeness(rows, 1)
    if len(bars) < 2 * SECTION:
        return NAN
    ends = [bars % SECTION == phase for phase in range(SECTION)]
    gaps = [alike[~end].mean() - alike[end].mean() for end in ends if end.any() and not end.all()]
    return float(max(gaps))


def _at_sections(bars: np.ndarray, of: np.ndarray) -> float:
    """The share of ``of`` that ``bars``, those of them that may count, has on the first bar of a
    section, for the start of sections that gives most."""
    if not len(of):
        return NAN
    return float(np.bincount(bars % SECTION, minlength=SECTION).max() / len(of))


def _parts(notes: Notes) -> dict[str, float]:
    parts = _by_part(notes)
    active: np.ndarray = np.stack([per_bar(part) > 0 for part in parts])
    silent: np.ndarray = np.stack([sounding(part) == 0 for part in parts])
    entry = active.argmax(1)
    changes = active[:, 1:] != active[:, :-1]
    where = np.repeat(np.arange(1, notes.bars), changes.sum(0))
    exits = [
        np.count_nonzero(~quiet[i - 1 : -2] & quiet[i:-1] & quiet[i + 1 :])
        for quiet, i in zip(silent, (entry + 1).tolist(), strict=True)
    ]
    return {
        "parts_in_by_2": share(entry < 2),
        "entry_mean": float(entry.mean() / notes.bars),
        "exits": float(np.mean(exits)),
        "parts_active": float(active.mean()),
        "active_changes": mean(changes),
        "active_changes_section": _at_sections(where, where),
        "active_spread": cv(active.sum(0)),
        "tutti": float((active.sum(0) == len(parts)).mean()),
    }


def _density(notes: Notes) -> dict[str, float]:
    count = per_bar(notes)
    fours = count[: len(count) // SECTION * SECTION].reshape(-1, SECTION).sum(1)
    half = len(count) // 2
    halves = np.maximum([count[:half].mean(), count[half:].mean()], 1e-9) if half else [1.0, 1.0]
    pitched = notes.select(notes.pitched)
    rows = tones(pitched)
    out = {f"all_again_{k}": mean(likeness(rows, k)) for k in ALL_LAGS}
    spread = np.percentile(pitched.pitch, [5, 95]) if len(pitched) else np.array([NAN, NAN])
    return out | {
        "density_contrast": float(fours.min() / max(fours.max(), 1)) if len(fours) else NAN,
        "density_rise": float(np.clip(np.log2(halves[1] / halves[0]), -4, 4)),
        "density_first_bars": float(fours[0] / max(fours.mean(), 1)) if len(fours) else NAN,
        "all_new": fresh(rows),
        "onsets_per_bar": len(np.unique(notes.time)) / notes.bars,
        "pitched_range": float(spread[1] - spread[0]),
    }
