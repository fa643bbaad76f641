"""Figures, on noise: nothing but the constraints gives the parts their patterns."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.decode.loop import Job, Loop
from cantilena.decode.sampling import Sampling
from cantilena.score import DRUMS, Score
from cantilena.systems.note.constraints import constraints
from cantilena.systems.note.finishing import finished
from cantilena.systems.note.manner import figures_of
from cantilena.systems.note.planning import make_plan
from cantilena.systems.note.stepper import NoteStepper
from cantilena.systems.note.tracker import Tracker
from cantilena.text.report import report
from cantilena.text.wishes import Brief, Instrument, PartWish
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.note.conditions import NOTHING
from cantilena.tokens.note.grammar import NoteGrammar
from makers import HABITS, NoiseEngine

SCHEME = NoteScheme()
BAND = tuple(
    Instrument(name, (program,))
    for name, program in (("flute", 73), ("piano", 0), ("bass", 33), ("drums", DRUMS))
)


def written(seed: int, **wishes) -> tuple[Brief, Score]:
    brief = Brief(instruments=BAND, only=True, bars=8, metre="4/4", **wishes)
    plan = make_plan(brief, {**HABITS, "arrangements": []}, np.random.default_rng(seed))
    figures = figures_of(brief, plan)
    job = Job(
        Tracker(plan.frame, SCHEME.max_delta),
        NOTHING,
        constraints(plan, SCHEME, figures=figures),
        Sampling(temperature=1.0, top_p=1.0),
        np.random.default_rng(seed + 1),
        limit=64 + 90 * plan.bars,
    )
    engine = NoiseEngine(seed, 1.0, end=2.0)
    plain = engine.heads[0]
    lean = np.zeros(SCHEME.sizes[0], dtype=np.float32)
    lean[[0, 6, 12, 24]] = 4.0
    engine.heads[0] = lambda x: plain(x) + lean
    Loop(NoteStepper(engine, [job]), NoteGrammar(SCHEME), [job]).run()
    return brief, finished(job.piece.rows, plan, SCHEME, None, held=figures)


@pytest.mark.parametrize(
    ("field", "part", "value"),
    [
        ("figures", "bass", "walking bass"),
        ("figures", "drums", "four on the floor"),
        ("figures", "", "backbeat"),
        ("figures", "piano", "block chords"),
        ("figures", "piano", "arpeggio"),
        ("figures", "piano", "pad"),
        ("articulations", "flute", "staccato"),
        ("articulations", "piano", "sustained"),
        ("registers", "flute", "high"),
        ("registers", "flute", "low"),
    ],
)
@pytest.mark.parametrize("seed", [0, 2])
def test_a_part_does_what_it_is_asked_to(field: str, part: str, value: str, seed: int):
    brief, score = written(seed, **{field: (PartWish(part, value),)})
    row = next(row for row in report(brief, score) if row.wish == field)
    assert row.met, row


@pytest.mark.parametrize(("metre", "genre"), [("3/4", "waltz"), ("4/4", "march")])
def test_a_dance_has_its_bass_on_the_first_beat_and_chords_behind_it(metre: str, genre: str):
    brief = Brief(instruments=BAND, metre=metre, genres=(genre,), bars=8)
    plan = make_plan(brief, HABITS, np.random.default_rng(0))
    figures = figures_of(brief, plan)
    by_role = {part.role: part.instrument for part in plan.parts}
    bass, chords = figures[by_role["bass"]][0], figures[by_role["harmony"]][0]
    assert (bass.first, chords.first) == (0, 1) and chords.chord[0] >= 2


def drum_bars(score: Score) -> list[set[tuple[float, int]]]:
    """The drums of each bar, each with its beat."""
    bars = np.searchsorted(score.bar_starts, score.onset, side="right") - 1
    rows: list[set[tuple[float, int]]] = [set() for _ in range(score.n_bars)]
    for n in np.flatnonzero(score.instrument == DRUMS).tolist():
        place = (score.onset[n] - score.bar_starts[bars[n]]) / score.tpq
        rows[bars[n]].add((float(place), int(score.pitch[n])))
    return rows


@pytest.mark.parametrize("seed", range(4))
def test_reggae_has_one_drop_and_ends_on_drums_that_it_has_had(seed: int):
    _, score = written(seed, genres=("reggae",))
    *rows, last = drum_bars(score)
    kicks = [{beat for beat, drum in row if drum in (35, 36)} for row in rows]
    snares = [{beat for beat, drum in row if drum in (38, 40)} for row in rows]
    sticks = [(2.0, 37) in row for row in rows]
    hats = [(beat + 0.5, 42) in row for row in rows for beat in range(4)]
    assert np.mean([kick == {2.0} for kick in kicks]) > 0.8
    assert not any(snares[1:])
    assert np.mean(sticks) > 0.8 and np.mean(hats) > 0.8
    assert {drum for _, drum in last} <= {drum for row in rows for _, drum in row}
