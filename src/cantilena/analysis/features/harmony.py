"""Features of harmony and of voices beside one another.

Knows the chords that ``analysis`` hears by half bars, and which notes begin together; does not know
what a composer was asked for.
"""

from __future__ import annotations

import numpy as np

from cantilena.analysis.chords import chord_slots
from cantilena.analysis.features.bars import NAN, entropy, mean, share
from cantilena.analysis.features.notes import Notes
from cantilena.analysis.features.roles import Roles
from cantilena.analysis.key import find_key
from cantilena.score.harmony import N_CHORDS, NO_CHORD, Chord

DEFINITIONS: dict[str, tuple[str, str]] = {
    "chord_changes": ("a bar", "changes of the chord heard by half bars"),
    "chord_changes_on_bar": ("share", "of them, those on a bar line"),
    "chord_entropy": ("bits", "entropy of the chords of the half bars"),
    "chord_again_4": ("share", "half bars whose chord is that of four bars before"),
    "chord_again_8": ("share", "half bars whose chord is that of eight bars before"),
    "chord_new_triples": ("share", "triples of successive chords that stand nowhere before"),
    "chord_in_key": ("share", "half bars whose chord has all its tones in the key heard"),
    "chord_sevenths": ("share", "half bars whose chord has four tones"),
    "chord_fifths": ("share", "changes in which the root falls a fifth"),
    "notes_in_key": ("share", "pitched notes of the key heard"),
    "lead_chord_tones_bar": ("share", "lead onsets on bar lines that are of the chord"),
    "lead_chord_tones_beat": ("share", "lead onsets on other beats that are of the chord"),
    "lead_chord_tones_off": ("share", "lead onsets off the beat that are of the chord"),
    "harmony_chord_tones": ("share", "harmony onsets that are of the chord"),
    "bass_roots": ("share", "bass onsets that are the chord's root"),
    "bass_roots_bar": ("share", "bass onsets on bar lines that are the chord's root"),
    "lead_crossed": ("share", "lead onsets with a higher harmony note at once"),
    "bass_crossed": ("share", "bass onsets with a lower pitched note at once"),
    "lead_gap": ("semitones", "lead above the highest harmony note that begins with it, mean"),
    "bass_gap": ("semitones", "lowest harmony note above the bass that begins with it, mean"),
    "harmony_clusters": ("share", "harmony notes with another 1 or 2 semitones above at once"),
    "lead_doubled": ("share", "lead onsets with a harmony note of the same pitch class at once"),
    "parallel_lead_bass": ("share", "of successive common onsets, both move the same way"),
    "unisons": ("share", "pitched notes that another part begins at once in the same pitch"),
}
"""(unit, what it is) of each feature."""

_TONES = np.zeros((N_CHORDS, 12), dtype=bool)
_ROOT, _SIZE = np.full(N_CHORDS, -1), np.zeros(N_CHORDS, dtype=np.int64)
for _number in range(1, N_CHORDS):
    _chord = Chord.from_number(_number)
    _TONES[_number, sorted(_chord.pitch_classes)] = True
    _ROOT[_number], _SIZE[_number] = _chord.root, len(_chord.pitch_classes)


def features(notes: Notes, roles: Roles) -> dict[str, float]:
    """The features of ``DEFINITIONS``, nan where there is nothing to count."""
    out = dict.fromkeys(DEFINITIONS, NAN)
    if notes.pitched.any():
        score = notes.score()
        numbers, starts = chord_slots(score)
        out |= _progression(numbers, starts, notes)
        key, _ = find_key(score)
        if key is not None:
            scale = np.isin(np.arange(12), list(key.scale))
            inside = (_TONES & ~scale).sum(1) == 0
            out["chord_in_key"] = share(inside[numbers[numbers != NO_CHORD]])
            out["notes_in_key"] = share(scale[notes.pitch[notes.pitched] % 12])
        out |= _tones(roles, numbers, starts)
        out |= _voices(roles) | {"unisons": _unisons(notes)}
    return out


def _progression(numbers: np.ndarray, starts: np.ndarray, notes: Notes) -> dict[str, float]:
    heard = numbers != NO_CHORD
    changes = np.flatnonzero(heard[1:] & heard[:-1] & (numbers[1:] != numbers[:-1])) + 1
    runs = numbers[heard]
    runs = runs[np.append(True, np.diff(runs) != 0)] if len(runs) else runs
    triples = np.stack([runs[:-2], runs[1:-1], runs[2:]], 1) if len(runs) > 2 else runs[:0]
    new = len(np.unique(triples, axis=0)) / len(triples) if len(triples) else NAN
    falls = (_ROOT[numbers[changes]] - _ROOT[numbers[changes - 1]]) % 12 == 5
    out = {
        "chord_changes": len(changes) / notes.bars,
        "chord_changes_on_bar": share(np.isin(starts[changes], notes.bar_lines)),
        "chord_entropy": entropy(numbers[heard]),
        "chord_sevenths": share(_SIZE[numbers[heard]] == 4),
        "chord_fifths": share(falls),
        "chord_new_triples": new,
    }
    per_bar = max(round(len(numbers) / notes.bars), 1)
    for bars in (4, 8):
        lag = bars * per_bar
        both = heard[lag:] & heard[:-lag]
        out[f"chord_again_{bars}"] = share((numbers[lag:] == numbers[:-lag])[both])
    return out


def _tones(roles: Roles, numbers: np.ndarray, starts: np.ndarray) -> dict[str, float]:
    def chord_at(part: Notes) -> np.ndarray:
        return numbers[np.searchsorted(starts, part.time, side="right") - 1]

    lead, bass, harmony = roles.lead, roles.bass, roles.harmony
    chord = chord_at(lead)
    fits = _TONES[chord, lead.pitch % 12]
    heard, on_bar, on_beat = chord != NO_CHORD, lead.place == 0, lead.place % lead.beat == 0
    under = chord_at(harmony)
    low = chord_at(bass)
    roots = (_ROOT[low] == bass.pitch % 12)[low != NO_CHORD]
    return {
        "lead_chord_tones_bar": share(fits[heard & on_bar]),
        "lead_chord_tones_beat": share(fits[heard & on_beat & ~on_bar]),
        "lead_chord_tones_off": share(fits[heard & ~on_beat]),
        "harmony_chord_tones": share(_TONES[under, harmony.pitch % 12][under != NO_CHORD]),
        "bass_roots": share(roots),
        "bass_roots_bar": share(roots[(bass.place == 0)[low != NO_CHORD]]),
    }


def _voices(roles: Roles) -> dict[str, float]:
    lead, bass, harmony = roles.lead, roles.bass, roles.harmony
    times, first = np.unique(harmony.time, return_index=True)
    out: dict[str, float] = {}
    if len(times):
        top = np.maximum.reduceat(harmony.pitch, first)
        bottom = np.minimum.reduceat(harmony.pitch, first)
        a, b = _common(lead.time, times)
        out["lead_crossed"] = share(top[b] > lead.pitch[a])
        out["lead_gap"] = mean(lead.pitch[a] - top[b])
        a, b = _common(bass.time, times)
        out["bass_crossed"] = share(bottom[b] < bass.pitch[a])
        out["bass_gap"] = mean(bottom[b] - bass.pitch[a])
        classes = harmony.time * 12 + harmony.pitch % 12
        out["lead_doubled"] = share(np.isin(lead.time * 12 + lead.pitch % 12, classes))
        at = harmony.time * 256 + harmony.pitch
        out["harmony_clusters"] = share(np.isin(at + 1, at) | np.isin(at + 2, at))
    if len(lead) and len(bass):
        a, b = _common(lead.time, bass.time)
        up, down = np.diff(lead.pitch[a]), np.diff(bass.pitch[b])
        moving = (up != 0) & (down != 0)
        out["parallel_lead_bass"] = share((np.sign(up) == np.sign(down))[moving])
    return out


def _common(times: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where two rising arrays of different times have the same ones: indices in either."""
    _, a, b = np.intersect1d(times, others, assume_unique=True, return_indices=True)
    return a, b


def _unisons(notes: Notes) -> float:
    pitched = notes.select(notes.pitched)
    at = pitched.time * 128 + pitched.pitch
    _, where, count = np.unique(at, return_inverse=True, return_counts=True)
    return share(count[where] > 1)
