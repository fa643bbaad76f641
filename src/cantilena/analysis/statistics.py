"""Statistics of a Score that the literature compares music by, one number each.

Knows counts, entropies and repetition; does not know what is good: compare a statistic
with that of real music. Each is a pure function of a Score; where it is undefined (no notes to
speak of) it is nan, so average with ``np.nanmean``.

Sources: Mogren, *C-RNN-GAN* (2016); Dong et al., *MuseGAN* (2018) and *MusPy* (2020); Wu & Yang,
*The Jazz Transformer on the Front Line* (2020).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from cantilena.analysis.grid import piano_roll, pitched, windows
from cantilena.analysis.texture import density, polyphony
from cantilena.score.harmony import Key
from cantilena.score.score import Score

NAN = float("nan")
POSITIONS = 64
"""Places for onsets in a bar, as in Wu & Yang."""


def _bars(score: Score) -> np.ndarray:
    """(N,) bar of each note's onset."""
    return np.searchsorted(score.bar_starts, score.onset, side="right") - 1


def pitch_class_entropy(score: Score, bars: int = 1) -> float:
    """Mean entropy (bits, 0..3.58) of the pitch classes of the notes that start in each window
    of ``bars`` bars that has any, drums excluded. Wu & Yang's H (4.1), with H1 and H4."""
    keep = pitched(score)
    if not keep.any():
        return NAN
    window = _bars(score)[keep] // bars
    n = int(window.max()) + 1
    cell = np.bincount(window * 12 + score.pitch[keep] % 12, minlength=n * 12).reshape(n, 12)
    cell = cell[cell.any(1)]
    p = cell / cell.sum(1, keepdims=True)
    return float(-(p * np.log2(np.where(p > 0, p, 1))).sum(1).mean())


def pitch_class_entropy_4(score: Score) -> float:
    """``pitch_class_entropy`` of windows of 4 bars: Wu & Yang's H4."""
    return pitch_class_entropy(score, 4)


SNAPPED = np.array([0, 6, 8, 12, 16, 18, 24]) / 24
"""Places in a quarter of its sixteenths and triplets, the next quarter's first included."""


def _grooves(score: Score, snapped: bool = False) -> np.ndarray:
    """(B, 64) bool: an onset in each sixty-fourth of each bar; ``snapped``: of onsets moved to the
    nearest sixteenth or triplet of their quarter."""
    edges, bar, onset = score.bar_starts, _bars(score), score.onset
    if snapped:
        quarter, rest = np.divmod(onset - edges[bar], score.tpq)
        nearest = np.abs(rest[:, None] / score.tpq - SNAPPED).argmin(1)
        onset = edges[bar] + np.rint((quarter + SNAPPED[nearest]) * score.tpq).astype(np.int64)
        bar = np.minimum(np.searchsorted(edges, onset, side="right") - 1, len(edges) - 2)
        onset = np.minimum(onset, edges[-1] - 1)
    place = (onset - edges[bar]) * POSITIONS // (edges[bar + 1] - edges[bar])
    flat = np.bincount(bar * POSITIONS + place, minlength=(len(edges) - 1) * POSITIONS)
    return flat.reshape(-1, POSITIONS) > 0


def groove_similarity(score: Score, snapped: bool = False) -> float:
    """Mean over all pairs of bars of the share (0..1) of 64 places at which both or neither have
    an onset. Wu & Yang's GS (4.1). nan with fewer than two bars or no notes."""
    groove = _grooves(score, snapped)
    n = len(groove)
    if n < 2 or not len(score):
        return NAN
    with_onset = groove.sum(0)
    return float(1 - (with_onset * (n - with_onset)).mean() / (n * (n - 1) / 2))


def groove_consistency(score: Score, snapped: bool = False) -> float:
    """As ``groove_similarity``, of neighbouring bars only. MusPy's groove consistency."""
    groove = _grooves(score, snapped)
    if len(groove) < 2 or not len(score):
        return NAN
    return float(1 - (groove[1:] != groove[:-1]).mean())


def groove_similarity_snapped(score: Score) -> float:
    """``groove_similarity`` of onsets moved to sixteenths and triplets: rhythm as it is written,
    with the timing of performances taken off."""
    return groove_similarity(score, True)


def groove_consistency_snapped(score: Score) -> float:
    """``groove_consistency`` of onsets moved to sixteenths and triplets."""
    return groove_consistency(score, True)


def scale_consistency(score: Score) -> float:
    """Largest share (0..1) of pitched notes that lie in one diatonic scale. Mogren; MusPy."""
    keep = pitched(score)
    if not keep.any():
        return NAN
    count = np.bincount(score.pitch[keep] % 12, minlength=12)
    return float(max(count[list(Key(t).scale)].sum() for t in range(12)) / count.sum())


def polyphony_rate(score: Score) -> float:
    """Share (0..1) of the time with a pitched note in which at least two pitches sound, on a
    raster of 48 to the bar. Mogren's polyphony; MusPy's polyphony rate, with threshold 2."""
    several = sounding = 0
    for run in windows(score.bar_starts, 512):
        pitches = (piano_roll(score, run, 48).active > 0).sum(0)
        several += np.count_nonzero(pitches >= 2)
        sounding += np.count_nonzero(pitches)
    return several / sounding if sounding else NAN


def mean_polyphony(score: Score) -> float:
    """Mean number of pitched notes sounding while any sounds. MusPy's polyphony."""
    return polyphony(score) or NAN


def pitch_classes_per_bar(score: Score) -> float:
    """Mean number of pitch classes (0..12) that start in bars with pitched notes. MuseGAN's UPC."""
    keep = pitched(score)
    if not keep.any():
        return NAN
    classes = np.unique(_bars(score)[keep] * 12 + score.pitch[keep] % 12)
    return len(classes) / len(np.unique(classes // 12))


def tone_span(score: Score) -> float:
    """Semitones from the lowest to the highest pitched note. Mogren."""
    keep = pitched(score)
    return float(np.ptp(score.pitch[keep])) if keep.any() else NAN


def qualified_note_rate(score: Score) -> float:
    """Share (0..1) of pitched notes of at least three thirty-seconds; few mean fragmented music.
    MuseGAN's QN."""
    keep = pitched(score)
    return float((8 * score.duration[keep] >= 3 * score.tpq).mean()) if keep.any() else NAN


def empty_bar_rate(score: Score) -> float:
    """Share (0..1) of bars in which nothing sounds. MuseGAN's EB; MusPy's empty measure rate."""
    edges = score.bar_starts
    first = np.searchsorted(edges, score.onset, side="right") - 1
    last = np.searchsorted(edges, score.onset + score.duration, side="left") - 1
    n = len(edges) - 1
    change = np.bincount(first, minlength=n + 1) - np.bincount(last + 1, minlength=n + 1)
    return float((change.cumsum()[:n] == 0).mean())


def _bar_rows(score: Score) -> tuple[np.ndarray, np.ndarray]:
    """(N,) bar of each note, and (N, 4) bytes of what it plays: place in the bar and duration in
    twelfths of a quarter (at most 255), instrument, pitch; in order of these within each bar."""
    bar = _bars(score)
    place = np.rint((score.onset - score.bar_starts[bar]) * 12 / score.tpq)
    length = np.maximum(np.rint(score.duration * 12 / score.tpq), 1)
    rows = np.stack([place, score.instrument, score.pitch, length], 1)
    rows = np.minimum(rows, 255).astype(np.uint8)
    order = np.lexsort((*rows.T[::-1], bar))
    return bar[order], rows[order]


def repeated_bar_rate(score: Score) -> float:
    """Share (0..1) of bars with onsets whose notes (onsets and durations to a twelfth of a
    quarter, instruments, pitches) are exactly those of an earlier bar. After Mogren's
    repetitions, taken by bars."""
    if not len(score):
        return NAN
    bar, rows = _bar_rows(score)
    starts = np.flatnonzero(np.append(True, np.diff(bar) > 0))
    stops = np.append(starts[1:], len(bar)).tolist()
    distinct = {rows[a:b].tobytes() for a, b in zip(starts.tolist(), stops, strict=True)}
    return 1 - len(distinct) / len(starts)


def compressibility(score: Score) -> float:
    """Share (0..1) of the bytes of the notes, four to a note, that DEFLATE saves: how much the
    music repeats itself at any distance up to 8,000 notes. Compare pieces of like length."""
    if not len(score):
        return NAN
    data = _bar_rows(score)[1].tobytes()
    return max(0.0, 1 - len(zlib.compress(data, 9)) / len(data))


STATISTICS: dict[str, Callable[[Score], float]] = {
    "pitch_class_entropy_1": pitch_class_entropy,
    "pitch_class_entropy_4": pitch_class_entropy_4,
    "groove_similarity": groove_similarity,
    "groove_consistency": groove_consistency,
    "groove_similarity_snapped": groove_similarity_snapped,
    "groove_consistency_snapped": groove_consistency_snapped,
    "scale_consistency": scale_consistency,
    "polyphony": mean_polyphony,
    "polyphony_rate": polyphony_rate,
    "pitch_classes_per_bar": pitch_classes_per_bar,
    "tone_span": tone_span,
    "qualified_note_rate": qualified_note_rate,
    "notes_per_bar": density,
    "empty_bar_rate": empty_bar_rate,
    "repeated_bar_rate": repeated_bar_rate,
    "compressibility": compressibility,
}
"""Every statistic by name."""
