"""Who rests when in longer pieces of many parts, and how seldom timpani are struck."""

from __future__ import annotations

import numpy as np

from cantilena.score import DRUMS
from cantilena.systems.note.plan import HARMONY
from cantilena.systems.note.planning import make_plan
from cantilena.systems.note.recurrence import write_counts
from cantilena.text.wishes import Brief, Instrument
from makers import HABITS


def band(*parts: tuple[str, int]) -> tuple[Instrument, ...]:
    return tuple(Instrument(name, (program,)) for name, program in parts)


BAND = band(("flute", 73), ("piano", 0), ("bass", 33), ("drums", DRUMS))
AGAIN = "..aaaaaaaaaaaaaa"


def test_further_chords_rest_in_sections_of_their_own():
    """In songs everybody plays in a fifth of the bars of a band, and not in most."""
    more = band(("guitar", 25), ("strings", 48), ("organ", 16))
    brief = Brief(instruments=(*BAND, *more), only=True, bars=40)
    rows = [["harmony", program, AGAIN] for program in (0, 25, 48, 16)]
    rows += [["melody", 73, "..aa..aa..aa..aa"], ["bass", 33, AGAIN], ["drums", 128, AGAIN]]
    habits = {**HABITS, "arrangements": [{"genres": [], "metre": [4, 4], "parts": rows}]}
    shares, alone = [], 0
    for seed in range(30):
        plan = make_plan(brief, habits, np.random.default_rng(seed))
        chords = [part for part in plan.parts if part.role == HARMONY]
        shares.append(np.mean([all(p.plays(bar) for p in plan.parts) for bar in range(40)]))
        inner = plan.sections[1:-1]
        resting = [[p for p in chords if not p.plays(s.start)] for s in inner]
        assert all(len(rest) < len(chords) for rest in resting)
        alone += sum(len(rest) == 1 for rest in resting)
    assert np.mean(shares) < 0.6
    assert alone > 30


def test_timpani_are_struck_seldom_and_one_at_a_time_and_carry_no_intro():
    kettles = Instrument("timpani", (47,))
    brief = Brief(instruments=(*BAND, kettles), only=True, bars=32)
    chords = ["harmony", 0, "." * 32, write_counts([40] * 32)]
    habits = {**HABITS, "arrangements": [{"genres": [], "metre": [4, 4], "parts": [chords]}]}
    for seed in range(20):
        plan = make_plan(brief, habits, np.random.default_rng(seed))
        timpani = next(part for part in plan.parts if part.instrument == 47)
        piano = next(part for part in plan.parts if part.instrument == 0)
        assert timpani.voices == 1
        assert max(bar.notes for bar in timpani.bars) <= 8
        assert piano.plays(0)
