"""Music put into a span: whatever the file and the span, nothing outside of it changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.score import Score, Track
from cantilena.score.midi import read_midi, write_midi
from cantilena.score.splice import inside
from cantilena.systems.base import Finished, Progress
from cantilena.systems.request import Edit, Request, Span
from cantilena.text.brief import parse_brief
from cantilena.text.wishes import Brief
from full_file import START, STOP, full_file, seen
from makers import scores

ONE = Sampling(best_of=1)
TEXTS = (
    "",
    "higher, more syncopated",
    "busier, louder",
    "sparser, staccato, lower",
    "legato, Am F C G",
    "with a cello",
)


@pytest.fixture(scope="module", params=["tiny_composer", "planning_composer"])
def composer(request):
    """One whose model reads no plan, and one whose does."""
    return request.getfixturevalue(request.param)


def rows(score: Score, keep: np.ndarray, tpq: int = 1) -> list[tuple[int, ...]]:
    """(onset, duration, pitch, velocity, track) of some notes, in order."""
    columns = (score.onset, score.duration, score.pitch, score.velocity, score.track)
    return sorted(zip(*(column[keep].tolist() for column in columns), strict=True))


def assert_outside_kept(edit: Edit, score: Score) -> None:
    """All events of the base outside of the Edit are in the Score, and no others are."""
    base, spans = edit.base, [span.ticks(edit.base) for span in edit.spans]
    assert score.tpq == base.tpq and score.tracks[: len(base.tracks)] == base.tracks
    for name in ("tempo_tick", "tempo_us", "metre_tick", "metre_num", "key_tick", "key_fifths"):
        assert np.array_equal(getattr(base, name), getattr(score, name))
    tracks = None if edit.tracks is None else set(edit.tracks)
    gone = inside(base.onset, base.track, spans, tracks)
    added = {*range(len(base.tracks), len(score.tracks))}
    new = inside(score.onset, score.track, spans, None if tracks is None else tracks | added)
    assert rows(score, ~new) == rows(base, ~gone)
    starts = score.onset[new] + score.duration[new]
    stops = [score.bar_starts[-1] if stop is None else stop for _, stop in spans]
    assert (starts <= max(stops)).all()
    outside = [
        s.controls.select(~inside(s.controls.tick, s.controls.track, spans, tracks))
        for s in (base, score)
    ]
    assert outside[0] == outside[1]
    assert [t for t in score.texts if t.track is None] == [t for t in base.texts if t.track is None]
    assert score.opaque == base.opaque and score.title == base.title


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(scores(), st.data())
def test_nothing_outside_changes(composer, base: Score, data):
    assume(len(base) and base.n_bars < 4000)
    start = data.draw(st.integers(0, base.n_bars - 1))
    stop = data.draw(st.integers(start + 1, min(start + 3, base.n_bars)))
    numbers = st.frozensets(st.integers(0, len(base.tracks) - 1))
    tracks = data.draw(st.none() | numbers)
    brief = parse_brief(data.draw(st.sampled_from(TEXTS)))
    options = data.draw(st.sampled_from([{}, {"lean": 2.5}, {"add": "42"}]))
    options = {"candidates": data.draw(st.integers(1, 2)), **options}
    edit = Edit(base, (Span(start, stop),), tracks)
    assume(edit.kind != "go on")  # from a bar that begins where the piece ends
    request = Request(brief, data.draw(st.integers(0, 9)), ONE, edit, options=options)
    try:
        composer.check(composer.completed(request))
    except InputError as error:
        assert "nobody" in str(error)
        return
    assert_outside_kept(edit, composer.compose([request])[0].score)


TPQ, BAR = 480, 4 * 480


def band(bars: int = 6, tpq: int = TPQ, violins: int = 1) -> Score:
    """Piano chords on the beats under violins in eighths, bass and drums, in 4/4."""
    tracks = [Track("Keys", 0), Track("Low", 33), Track("Kit", 0, True)]
    tracks += [Track(f"Violin {k + 1}", 40) for k in range(violins)]
    rows = []
    for beat in range(4 * bars):
        tick = beat * tpq
        rows += [(tick, tpq, pitch, 80, 0) for pitch in (60, 64, 67)]
        rows += [(tick, tpq // 2, 36, 90, 1), (tick, tpq // 4, 38, 100, 2)]
        for k in range(violins):
            pitch = 72 + (0, 2, 4, 5)[beat % 4] - 5 * k
            rows += [
                (tick, tpq // 2, pitch, 70, 3 + k),
                (tick + tpq // 2, tpq // 2, pitch, 70, 3 + k),
            ]
    return Score.build(tpq, tracks, *zip(*rows, strict=True), metres=[(0, 4, 4)])


def rewritten(composer, base: Score, bars=(2, 4), tracks=None, text: str = "", **options):
    """The Result of a rewrite."""
    edit = Edit(base, (Span(*bars),), tracks if tracks is None else frozenset(tracks))
    options = {"candidates": 2, **options}
    request = Request(parse_brief(text), 3, ONE, edit, options=options)
    result = composer.compose([request])[0]
    assert_outside_kept(edit, result.score)
    return result


def new_notes(result, bars=(2, 4), track: int = 3) -> Score:
    score = result.score
    return score.select(inside(score.onset, score.track, [(bars[0] * BAR, bars[1] * BAR)], {track}))


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("higher", "register"),
        ("lower", "register"),
        ("busier", "density"),
        ("sparser", "density"),
        ("louder", "loudness"),
        ("softer", "loudness"),
        ("more syncopated", "syncopation"),
        ("staccato", "note length"),
    ],
)
def test_relative_wishes_are_obeyed_and_measured(composer, text: str, wish: str):
    """Whatever the model: here one that is not trained."""
    result = rewritten(composer, band(), tracks={3}, text=text)
    row = next(row for row in result.rows if row.wish == wish)
    assert row.met and " -> " in row.achieved


def test_two_tracks_of_one_instrument_are_told_apart(composer):
    for track, other in ((3, 4), (4, 3)):
        base = band(violins=2)
        result = rewritten(composer, base, tracks={track}, text="busier")
        mine, theirs = new_notes(result, track=track), new_notes(result, track=other)
        assert len(mine) and rows(theirs, theirs.track == other) == rows(
            base, inside(base.onset, base.track, [(2 * BAR, 4 * BAR)], {other})
        )


def test_both_of_two_violins_play_on(composer):
    result = rewritten(composer, band(violins=2), tracks={3, 4})
    assert len(new_notes(result, track=3)) and len(new_notes(result, track=4))


def test_a_new_part_is_added_and_nothing_else_is_touched(composer):
    base = band()
    result = rewritten(composer, base, tracks=set(), text="", add="42")
    assert [t.program for t in result.score.tracks[4:]] == [42]
    new = result.score.select(result.score.track == 4)
    assert len(new) and (new.onset >= 2 * BAR).all() and (new.onset + new.duration <= 4 * BAR).all()
    # of an instrument that plays already, it is still a part of its own
    again = rewritten(composer, base, tracks=set(), add="40")
    assert again.score.tracks[4].program == 40 and len(again.score) > len(base)


def test_an_instrument_named_by_the_text_joins_once_over_several_spans(composer):
    base = band()
    edit = Edit(base, (Span(0, 1), Span(3, 4)), frozenset())
    request = Request(parse_brief("with oboe"), 3, ONE, edit, options={"candidates": 1})
    score = composer.compose([request])[0].score
    assert [t.program for t in score.tracks[4:]] == [68]
    bars = set((score.onset[score.track == 4] // BAR).tolist())
    assert bars == {0, 3}


def test_a_replaced_instrument_takes_the_track_over(composer):
    base = band()
    edit = Edit(base, (Span(0, 6),), frozenset({0}))
    request = Request(parse_brief(""), 3, ONE, edit, options={"replace": "0=24", "lean": 20.0})
    score = composer.compose([request])[0].score
    assert [t.program for t in score.tracks] == [24, 33, 0, 40] and not (score.program == 0)[
        ~score.is_drum
    ].any()
    part = rewritten(composer, base, tracks={0}, replace="0=24")
    assert [t.program for t in part.score.tracks] == [0, 33, 0, 40, 24]


def test_a_strong_lean_gives_back_what_stood_there(composer):
    base = band()
    result = rewritten(composer, base, tracks={3}, lean=20.0)
    old = base.select(inside(base.onset, base.track, [(2 * BAR, 4 * BAR)], {3}))
    new = new_notes(result)
    assert (new.onset.tolist(), new.pitch.tolist()) == (old.onset.tolist(), old.pitch.tolist())


def test_asked_chords_stand_in_the_span_alone(composer):
    result = rewritten(composer, band(), tracks={0, 1, 3}, text="Am F")
    assert {c for t, c in result.chords if 2 * BAR <= t < 3 * BAR} == {"Am"}
    assert {c for t, c in result.chords if 3 * BAR <= t < 4 * BAR} == {"F"}
    assert not {c for t, c in result.chords if t < 2 * BAR or t >= 4 * BAR} & {"Am", "F"}


def test_bars_of_the_files_own_metres_are_filled(composer):
    score = band()
    edges = [(0, 3, 4), (3 * TPQ, 7, 8), (10 * TPQ, 2, 4)]
    base = Score.build(
        TPQ, score.tracks, score.onset, score.duration, score.pitch, score.velocity, score.track,
        metres=edges,
    )  # fmt: skip
    edit = Edit(base, (Span(1, 3),), frozenset({3}))
    result = composer.compose([Request(Brief(), 1, ONE, edit, options={"candidates": 1})])[0]
    assert_outside_kept(edit, result.score)
    start, stop = base.bar_starts[[1, 3]].tolist()
    assert (start, stop) == (3 * TPQ, 10 * TPQ)
    at = result.score.onset[result.score.track == 3]
    assert ((at >= start) & (at < stop)).any()


def test_a_kept_note_that_rings_into_the_span_is_not_struck_again(composer):
    """Its end would be taken for the new note's, or the other way round."""
    base = band()
    long = np.where((base.track == 3) & (base.onset == 2 * BAR - TPQ // 2), 2 * BAR, base.duration)
    base = replace(base, duration=long)
    result = rewritten(composer, base, tracks={3}, lean=20.0)
    ringing = int(base.pitch[(base.track == 3) & (base.onset == 2 * BAR - TPQ // 2)][0])
    new = new_notes(result)
    assert ringing not in new.pitch[new.onset < 3 * BAR]
    again = read_midi(write_midi(result.score))
    assert rows(again, again.track >= 0) == rows(result.score, result.score.track >= 0)


def test_the_best_candidate_is_taken(composer):
    from cantilena.systems.note.choosing import cost

    (fits,) = rewritten(composer, band(), tracks={3}, candidates=4).facts["spans"]
    costs = [cost(*pair) for pair in zip(fits["bits per note"], fits["following"], strict=True)]
    assert len(costs) == 4 and fits["taken"] == int(np.argmin(costs))


def test_everything_of_a_file_stays_but_what_belongs_to_the_notes(composer):
    """Event by event as mido sees them; volume and pan of the rewritten part stay too."""
    base = read_midi(full_file())
    edit = Edit(base, (Span(1, 2),), frozenset({0}))
    start, stop = edit.spans[0].ticks(base)
    assert (start, stop) == (START, STOP)
    score = composer.compose([Request(Brief(), 1, ONE, edit)])[0].score
    # on the last bar line itself a new note may end
    for where in (lambda tick: tick < start, lambda tick: tick > STOP):
        assert seen(write_midi(score), where) == seen(write_midi(base), where)
    volume = [(c.number == 7).sum() for c in (base.controls, score.controls)]
    assert volume[0] == volume[1]


@pytest.mark.parametrize(
    ("options", "tracks", "said"),
    [
        ({"candidates": 0}, {3}, "candidates is 1 to"),
        ({"lean": -1.0}, {3}, "lean is 0 to"),
        ({"add": "harp"}, {3}, "numbers 0-128"),
        ({"replace": "0=999"}, {0}, "numbers 0-128"),
        ({}, set(), "nobody is left to play"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(composer, options, tracks, said):
    edit = Edit(band(), (Span(2, 4),), frozenset(tracks))
    with pytest.raises(InputError, match=said):
        composer.run([Request(Brief(), 1, ONE, edit, options=options)])


def test_options_of_rewriting_are_refused_elsewhere(composer):
    for edit in (None, Edit.going_on(band())):
        with pytest.raises(InputError, match="rewriting"):
            composer.run([Request(Brief(), 1, ONE, edit, options={"candidates": 2})])


def test_the_same_request_gives_the_same_bytes(composer):
    """Also of a part whose bars are drawn from the arrangements of songs."""
    for tracks, options in ((None, {}), (set(), {"add": "42"})):
        one, other = (rewritten(composer, band(), tracks=tracks, **options) for _ in range(2))
        assert write_midi(one.score) == write_midi(other.score)


def test_rewrites_of_a_batch_are_those_that_each_would_be_alone(composer):
    """Of different bars, tracks and wishes of a piece; one has two spans, of which the second
    stands behind another number of notes in each."""
    base = band()
    some = [
        Request(parse_brief(text), seed, ONE, Edit(base, spans, tracks), options={"candidates": n})
        for text, seed, spans, tracks, n in (
            ("busier", 3, (Span(2, 4),), None, 2),
            ("higher", 4, (Span(2, 3),), frozenset({0}), 3),
            ("", 5, (Span(1, 2), Span(3, 4)), frozenset({0, 1}), 2),
            ("", 6, (Span(2, 3), Span(4, 5)), None, 1),
        )
    ]
    together = composer.compose(some)
    for request, result in zip(some, together, strict=True):
        alone = composer.compose([request])[0]
        assert write_midi(result.score) == write_midi(alone.score)
        assert result.facts == alone.facts and result.rows == alone.rows
        assert_outside_kept(request.edit, result.score)


def test_rewrites_of_a_batch_report_how_far_each_is(composer):
    edits = [Edit(band(), (Span(bar, bar + 1),)) for bar in (1, 3)]
    base = edits[0].base
    edits[1] = replace(edits[1], base=base)
    requests = [
        Request(Brief(), k, ONE, edit, options={"candidates": 2}) for k, edit in enumerate(edits)
    ]
    ends, shares = [], {0: 0.0, 1: 0.0}
    for i, event in composer.run(requests):
        if isinstance(event, Progress):
            assert event.share >= shares[i]
            shares[i] = event.share
        elif isinstance(event, Finished):
            ends.append(i)
    assert sorted(ends) == [0, 1] and set(shares.values()) == {1.0}
