"""The shipped checkpoint's music: a frozen panel of prompts, whose figures stay within bounds.

The bounds are wide of what the panel has (given beside each): they are for a decoder that is
broken, not for a model that is a little better or worse. Torch is not needed.
"""

from __future__ import annotations

import numpy as np
import pytest

import cantilena
from cantilena.analysis.statistics import STATISTICS
from cantilena.decode.sampling import Sampling
from cantilena.evaluate import control
from cantilena.result import Result
from cantilena.score import DRUMS
from cantilena.score.harmony import Key, parse_chord
from cantilena.systems.note.composer import NoteSystem
from cantilena.systems.request import Request
from cantilena.text.brief import parse_brief
from cantilena.text.report import MIN_NOTES
from pieces import line

PANEL = (
    "slow sad waltz for string quartet in D minor, 90 bpm, 4 bars",
    "rock song with electric guitar, bass and drums in E minor, 120 bpm, 4 bars",
    "jazz trio with piano, double bass and drums in B flat major, 140 bpm, 4 bars",
    "happy folk tune for solo flute in G major, 6/8, 100 bpm, 4 bars",
    "bossa nova for guitar, flute and percussion in A minor, 4 bars",
    "techno with synth lead, synth bass and drums in F minor, 130 bpm, 4 bars",
    "a calm piano piece in C major, 3/4, 70 bpm, 4 bars",
    "march for brass band in B flat major, 110 bpm, 4 bars",
    "blues for harmonica, guitar and bass in A major, 80 bpm, 4 bars",
    "country song with banjo, fiddle and bass in D major, 4 bars",
    "dark orchestral piece with strings and horns in C minor, 4 bars",
    "reggae with organ, bass and drums in G minor, 75 bpm, 4 bars",
    "funk with clavinet, bass and drums in E minor, 105 bpm, 4 bars",
    "pop ballad with piano and strings in F major, chords F C Dm Bb, 4 bars",
    "8-bit chiptune with square lead and drums in C major, 150 bpm, 4 bars",
    "tango for accordion, violin and piano in D minor, 4 bars",
    "baroque harpsichord piece in G minor, 4/4, 4 bars",
    "ambient pads in A flat major, 60 bpm, 4 bars",
    "hip hop with electric piano, bass and drums in C sharp minor, 90 bpm, 4 bars",
    "gospel with organ, choir and drums in E flat major, 4 bars",
)


def in_key(result: Result) -> float:
    """Share of the pitched notes that lie in the asked key's scale."""
    assert result.brief.key is not None
    pitch = result.score.pitch[result.score.instrument != DRUMS]
    inside = np.isin(pitch % 12, Key.from_name(result.brief.key).scale)
    return float(inside.mean()) if len(inside) else 0.0


def in_chord(result: Result) -> float:
    """Share of the pitched notes that begin on a tone of the chord planned there."""
    score, inside = result.score, []
    ticks = [tick for tick, _ in result.chords]
    chords = [parse_chord(symbol).pitch_classes for _, symbol in result.chords]
    for onset, pitch, part in zip(score.onset, score.pitch, score.instrument, strict=True):
        if part != DRUMS:
            at = int(np.searchsorted(ticks, onset, side="right")) - 1
            inside.append(int(pitch) % 12 in chords[max(at, 0)])
    return float(np.mean(inside)) if inside else 0.0


def stuck(result: Result) -> float:
    """Of the pitched notes, the share that has the pitch and the length of its part's last three
    notes too."""
    score, repeated, count = result.score, 0, 0
    for track in np.unique(score.track[score.instrument != DRUMS]):
        of_it = score.track == track
        rows = np.stack([score.pitch[of_it], score.duration[of_it]])
        same = (rows[:, 1:] == rows[:, :-1]).all(0)
        repeated += int((same[2:] & same[1:-1] & same[:-2]).sum())
        count += rows.shape[1]
    return repeated / max(count, 1)


def figures(results: list[Result]) -> dict[str, float]:
    """Means over the panel; of control over the pieces that were asked."""
    rows = []
    for result in results:
        score = result.score
        row = {name: metric(result.brief, score) for name, metric in control.METRICS.items()}
        row |= {"in_key": in_key(result), "in_chord": in_chord(result)}
        row["stuck"] = stuck(result)
        row |= {name: STATISTICS[name](score) for name in ("compressibility", "groove_similarity")}
        row["notes_per_bar"] = len(score) / score.n_bars
        row["dropped"] = sum(result.dropped.values()) / max(len(score), 1)
        rows.append(row)
    names = [name for name in rows[0] if not all(np.isnan(row[name]) for row in rows)]
    return {name: float(np.nanmean([row[name] for row in rows])) for name in names}


BOUNDS = {  # least and most; behind them what the panel has for the seeds 1, 2 and 3
    "asa": (0.93, 1.0),  # 0.966, 0.975, 0.978; without the model's logits 0.80
    "instrument_recall": (0.97, 1.0),  # 1; without the Ensemble constraint 0.92
    "instrument_precision": (0.94, 1.0),  # 0.963, 0.957, 0.963
    "tempo_exact": (1.0, 1.0),
    "metre": (1.0, 1.0),
    "bars": (1.0, 1.0),  # without the Length constraint 0.05
    "key_or_relative": (0.65, 1.0),  # 0.80, 0.90, 0.85, by ear in 4 bars; without conditions 0.40
    "in_key": (0.92, 0.99),  # 0.976, 0.975, 0.944; without conditions 0.74
    "in_chord": (0.75, 0.94),  # 0.896, 0.911, 0.861
    "stuck": (0.0, 0.06),  # 0.024, 0.008, 0.013; at a temperature of 0.1 0.26
    "compressibility": (0.28, 0.48),  # 0.389, 0.355, 0.428; at a temperature of 0.1 0.56
    "groove_similarity": (0.87, 0.96),  # 0.931, 0.938, 0.912; without Subdivision 0.848
    "notes_per_bar": (16.0, 27.0),  # 19.2, 21.6, 23.1; without the features of the state 34
    "dropped": (0.0, 0.003),  # 0.001, 0, 0.002: steps where the constraints leave nothing
}


@pytest.fixture(scope="module")
def results() -> list[Result]:
    system = NoteSystem.load()
    requests = [Request(parse_brief(text), 1, Sampling(best_of=1)) for text in PANEL]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(system, "batch", len(requests))
        return system.compose(requests)


@pytest.fixture(scope="module")
def means(results: list[Result]) -> dict[str, float]:
    return figures(results)


@pytest.mark.parametrize("name", BOUNDS)
def test_a_figure_is_within_its_bounds(name: str, means: dict[str, float]):
    low, high = BOUNDS[name]
    assert low <= means[name] <= high


def test_no_piece_is_empty_silent_or_endless(results: list[Result]):
    for result in results:
        score = result.score
        assert score.n_bars == 4
        assert len(score) <= 100 * score.n_bars
        assert np.ptp(score.pitch[score.instrument != DRUMS]) >= 7
        for bar, after in zip(score.bar_starts[:-2], score.bar_starts[1:-1], strict=True):
            assert ((score.onset >= bar) & (score.onset < after)).any(), result.brief.text


def test_who_plays_the_tune_plays_chords_besides_and_the_bass_is_heard():
    """A lone tune of the piano for "piano and bass": parts of one instrument are two parts."""
    tune = line([60, 62, 64, 65, 67, 65, 64, 62] * 4)
    for seed in range(2):
        score = cantilena.harmonise(tune, "piano and bass", seed=seed).score
        new = [int((score.track == track).sum()) for track in range(1, len(score.tracks))]
        assert len(new) == 2 and min(new) >= MIN_NOTES
