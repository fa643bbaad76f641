"""Constraints of harmony: asked chords are heard with all their tones."""

from __future__ import annotations

import numpy as np

from cantilena.score import DRUMS
from cantilena.score.harmony import Key, parse_chord
from cantilena.systems.note.arranging import arrange
from cantilena.systems.note.constraints import Changes
from cantilena.systems.note.constraints.harmony import Harmony
from cantilena.systems.note.constraints.parts import joining
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY, PartPlan, Plan
from cantilena.systems.note.tracker import Tracker
from cantilena.text.wishes import Brief
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.note.grammar import NEVER, PITCH

SCHEME = NoteScheme()
PIANO, SINGER, LOW = 0, 73, 33


def plan_of(*chords: str, bars: int = 2) -> Plan:
    parts = tuple(
        PartPlan(i, role, 30, 90, voices, 0.1, str(i))
        for i, role, voices in (
            (PIANO, HARMONY, 4),
            (SINGER, MELODY, 1),
            (LOW, BASS, 1),
            (DRUMS, DRUM, 4),
        )
    )
    by_bar = tuple((96 * k, parse_chord(name)) for k, name in enumerate(chords))
    return Plan(parts, 120.0, (4, 4), Key(0, False), bars, by_bar, asked_chords=True)


def called(steps: list[tuple[int, int, int]], chosen: tuple[int, ...]) -> set[int]:
    """Pitch classes that gain, after (onset, instrument, pitch) steps."""
    plan = plan_of("Am7", "C")
    piece = Tracker(plan.frame, SCHEME.max_delta)
    for onset, instrument, pitch in steps:
        piece.push(onset, instrument, pitch, 3, 4)
    bias = Changes(plan, SCHEME).bias(PITCH, piece, chosen)
    return set() if bias is None else {int(p) % 12 for p in np.flatnonzero(bias)}


def test_tones_of_an_asked_chord_that_nobody_has_sounded_are_called():
    a, c, e, g = 9, 0, 4, 7
    assert called([(0, LOW, 45)], (0, PIANO)) == {c, e, g}
    assert called([(0, PIANO, 60), (0, LOW, 45), (0, DRUMS, 40)], (12, PIANO)) == {e, g}
    whole = [(0, PIANO, 57), (0, PIANO, 60), (0, PIANO, 64), (0, PIANO, 67)]
    assert called(whole, (12, PIANO)) == set()
    assert called(whole, (96, PIANO)) == {c, e, g}  # the next chord begins
    assert called([(0, LOW, 45)], (0, SINGER)) == set() and a not in called([], (0, LOW))


def test_what_a_part_strikes_together_keeps_apart():
    plan = plan_of("C", "Cmaj7")
    wish = Harmony(plan, SCHEME)

    def bias(onset: int, pitch: int, instrument: int = PIANO) -> np.ndarray:
        piece = Tracker(plan.frame, SCHEME.max_delta)
        piece.push(onset, PIANO, pitch, 3, 4)
        out = wish.bias(PITCH, piece, (0, instrument))
        assert out is not None
        return out

    alone = wish.bias(PITCH, Tracker(plan.frame, SCHEME.max_delta), (60, PIANO))
    assert alone is not None
    after = bias(60, 64)  # an E above C, off the strong beats
    assert after[65] == NEVER
    assert (after[66:] == alone[66:]).all() and (after[:65] == alone[:65]).all()
    assert np.isfinite(bias(96 + 60, 71)[72])  # a major seventh's B and C
    assert np.isfinite(bias(60, 64, SINGER)[65])  # another part


def test_who_has_no_third_left_below_the_top_joins_no_onset():
    plan = plan_of("C")
    for pitch, joins in ((87, True), (88, False), (90, False)):
        piece = Tracker(plan.frame, SCHEME.max_delta)
        piece.push(0, PIANO, pitch, 3, 4)
        assert (PIANO in {p.instrument for p in joining(plan, piece)}) == joins


def test_asked_chords_are_played_in_every_bar():
    rests = {"genres": [], "metre": [4, 4], "parts": [["harmony", 0, "-" * 15 + "."]]}
    others = [["melody", 73, "." * 16], ["bass", 33, "." * 16], ["drums", 128, "." * 16]]
    song = {**rests, "parts": rests["parts"] + others}
    plan = plan_of(*["Am7", "C"] * 8, bars=16)
    rng = np.random.default_rng(0)
    piano = arrange(plan, Brief(), [song], rng).parts[0]
    assert piano.instrument == PIANO and all(bar.sounds for bar in piano.bars)
