"""A Gap: what is kept around a span, and the Plan of what is to stand in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cantilena.errors import InputError
from cantilena.score import Score, Track
from cantilena.systems.note.changes import changes
from cantilena.systems.note.plan import BASS, HARMONY, MELODY
from cantilena.systems.note.rewriting import Gap, gap, spans_of
from cantilena.systems.note.rewritten import rewrite_rows
from cantilena.systems.request import Edit, Span
from cantilena.text.brief import parse_brief
from cantilena.tokens.note import NoteScheme
from makers import HABITS

SCHEME = NoteScheme()
KEYS, FLUTE, LOW, KIT = range(4)


def band(tpq: int = 480, metres=((0, 4, 4),)) -> Score:
    """Eight bars of C, F, G, C in chords, a flute in eighths, a bass and drums."""
    tracks = [Track("Keys", 0), Track("Flute", 73), Track("Low", 33), Track("Kit", 0, True)]
    rows = []
    for beat in range(32):
        root = (0, 5, 7, 0)[beat // 4 % 4]
        rows += [(beat * tpq, tpq, 60 + root + third, 80, KEYS) for third in (0, 4, 7)]
        rows += [(beat * tpq + k * tpq // 2, tpq // 2, 76 + root, 80, FLUTE) for k in (0, 1)]
        rows += [(beat * tpq, tpq, 36 + root, 80, LOW), (beat * tpq, tpq // 4, 38, 80, KIT)]
    return Score.build(tpq, tracks, *zip(*rows, strict=True), metres=metres)


def gap_of(
    tracks: set[int] | None, text: str = "", bars=(2, 4), base: Score | None = None, **options: Any
) -> Gap:
    base = base or band()
    edit = Edit(base, (Span(*bars),), None if tracks is None else frozenset(tracks))
    brief = parse_brief(text)
    change = changes(edit, brief, options)
    return gap(base, spans_of(edit)[0], change, brief, SCHEME, HABITS)


@pytest.mark.parametrize("tpq", [24, 96, 480, 100])
def test_notes_before_are_the_past_and_the_others_are_kept(tpq: int):
    here = gap_of({FLUTE}, base=band(tpq))
    assert here.span == (192, 384) and (here.start, here.stop) == (8 * tpq, 16 * tpq)
    past = SCHEME.untable(np.array(here.past))
    assert len(past) == 8 * 7 and past[:, 0].max() < 192
    inside = here.kept[here.kept[:, 0] < 384]
    assert len(inside) == 8 * 5 and 73 not in inside[:, 1]
    assert len(here.kept) > len(inside) and 73 in here.kept[len(inside) :, 1]
    assert len(here.old) == 16 and set(here.old[:, 1].tolist()) == {73}
    assert here.notes == 8.0 and here.instruments == (73,) and not here.ends


def test_the_plan_is_as_the_piece_is():
    here = gap_of(None)
    roles = {p.instrument: p.role for p in here.plan.parts}
    assert roles[73] == MELODY and roles[33] == BASS and roles[0] == HARMONY
    assert here.plan.key.name == "C major" and here.plan.metre == (4, 4) and here.plan.bpm == 120
    chords = [chord.name() for tick, chord in here.plan.chords if 192 <= tick < 384]
    assert set(chords) == {"G", "C"} and here.frame.last_bar == 7
    assert here.plan.lines.tolist() == [0, 96, 192, 288, 384]
    assert gap_of(None, bars=(6, 8)).ends and not gap_of({FLUTE}, bars=(6, 8)).ends


def test_asked_chords_stand_in_the_span():
    here = gap_of({KEYS, FLUTE, LOW}, "Am Dm")
    names = {tick: chord.name() for tick, chord in here.plan.chords}
    assert names[192] == "Am" and names[288] == "Dm" and here.plan.asked_chords
    assert names[96] == "F" and names[384] == "C"


@pytest.mark.parametrize(("text", "low", "high"), [("higher", 82, 127), ("lower", 0, 80)])
def test_a_register_is_moved_beyond_the_median(text: str, low: int, high: int):
    (part,) = gap_of({FLUTE}, text, bars=(1, 2)).plan.parts  # on one pitch, 81
    assert low <= part.low < part.high <= high and part.high - part.low >= 11


@pytest.mark.parametrize(
    ("text", "notes"), [("busier", 12.0), ("sparser", 4.8), ("much busier", 18.0), ("", 8.0)]
)
def test_notes_due(text: str, notes: float):
    assert gap_of({FLUTE}, text).notes == pytest.approx(notes)


def test_ranges_are_those_of_the_piece():
    (part,) = gap_of({FLUTE}).plan.parts
    assert (part.low, part.high) == (74, 86)  # 76 to 83, a tone beyond, and an octave at least


def test_added_and_replaced_instruments_play():
    assert gap_of(set(), add="42").instruments == (42,)
    assert gap_of({KEYS}, replace="0=24").instruments == (24,)
    moved = gap_of({KEYS}, replace="0=24").old
    assert set(moved[:, 1].tolist()) == {24} and len(moved) == 24
    assert set(gap_of({FLUTE}, "with a cello").instruments) == {73, 42}
    assert gap_of({FLUTE, LOW}, "no bass").instruments == (73,)


def test_the_files_own_bar_lines_count():
    base = band(metres=((0, 3, 4), (3 * 480, 7, 8)))
    here = gap_of({FLUTE}, bars=(1, 2), base=base)
    assert here.span == (72, 72 + 84) and here.plan.metre == (7, 8)
    assert here.frame.bar_starts[:3].tolist() == [0, 72, 156]


def test_nobody_to_play_and_nothing_within_are_refused():
    with pytest.raises(InputError, match="nobody is left"):
        gap_of(set())
    with pytest.raises(InputError, match="nothing is within"):
        spans_of(Edit(band(), (Span(8),), frozenset({FLUTE})))


def test_who_plays_already_does_not_answer_for_a_part_that_is_added():
    base, brief = band(), parse_brief("piano")
    edit = Edit(base, (Span(0, 8),), frozenset())
    change = changes(edit, brief, {"add": "0", "roles": "0=harmony"})
    span = (0, int(base.bar_starts[-1]))
    silent = base.select(np.zeros(len(base), dtype=bool))
    for new, met in ((silent, False), (base.select(base.track == KEYS), True)):
        (row,) = rewrite_rows(brief, change, base, base, [new], [span])
        assert row.wish == "instruments" and row.met is met
