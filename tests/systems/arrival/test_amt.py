"""The system ``amt``: new pieces, going on, gaps, accompaniment; with untrained weights."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from cantilena.decode.sampling import Sampling  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.models.amt import amt_config  # noqa: E402
from cantilena.score import Score, Track  # noqa: E402
from cantilena.score.midi import read_midi, write_midi  # noqa: E402
from cantilena.systems.arrival.amt import AmtSystem  # noqa: E402
from cantilena.systems.arrival.writing import Order, around, joined, write  # noqa: E402
from cantilena.systems.base import Attempt  # noqa: E402
from cantilena.systems.request import Edit, Request, Span  # noqa: E402
from cantilena.text.wishes import Brief, Instrument  # noqa: E402
from cantilena.tokens.arrival.vocab import AMT  # noqa: E402
from full_file import END, START, STOP, TPQ, beside_notes, full_file, seen  # noqa: E402

PIANO = Instrument("piano", (0,))
BASS = Instrument("bass", (33,))


@pytest.fixture(scope="module")
def composer(tmp_path_factory) -> AmtSystem:
    from transformers import GPT2LMHeadModel

    torch.manual_seed(2)
    model = GPT2LMHeadModel(amt_config(n_layer=2, n_head=2, n_embd=32))
    with torch.no_grad():
        model.transformer.wte.weight.normal_(0, 0.2)
    model.save_pretrained(folder := tmp_path_factory.mktemp("amt") / "tiny")
    return AmtSystem.load(folder, device="cpu")


def a_score() -> Score:
    """Eight seconds at 90 bpm in 3/4: a flute over a bass, of ticks that are no tens of ms."""
    onset = [0, 0, 480, 960, 960, 1440, 2400, 2880, 3840, 5000]
    track = [0, 1, 0, 0, 1, 0, 0, 1, 0, 1]
    return Score.build(
        480,
        [Track("my flute", 73), Track("my bass", 33)],
        onset,
        [400] * 10,
        [72, 40, 74, 76, 43, 77, 79, 45, 72, 40],
        [50, 60, 70, 80, 90] * 2,
        track,
        tempos=[(0, round(60e6 / 90))],
        metres=[(0, 3, 4)],
        end=5760,
    )


def notes(score: Score) -> list[tuple]:
    """(seconds, pitch, velocity, instrument) of every note, a 10 us apart being one."""
    begin = np.round(score.seconds(score.onset), 5)
    rows = zip(begin, score.pitch, score.velocity, score.instrument, strict=True)
    return sorted(tuple(map(float, row)) for row in rows)


def timed(score: Score) -> list[tuple]:
    """(onset, end, pitch, velocity, instrument) of every note, in seconds."""
    ends = score.seconds(score.onset + score.duration)
    rows = zip(
        score.seconds(score.onset), ends, score.pitch, score.velocity, score.instrument, strict=True
    )
    return sorted(tuple(map(float, row)) for row in rows)


def new_notes(old: Score, found: Score) -> list[tuple]:
    """The notes that were not in ``old``, all of which must be there."""
    rest = notes(found)
    for note in notes(old):
        rest.remove(note)
    return rest


def test_pieces_have_the_length_and_instruments_asked_for(composer: AmtSystem):
    brief = Brief(seconds=3, instruments=(PIANO, BASS), tempo=90)
    results = composer.compose([Request(brief, seed) for seed in range(3)])
    for result in results:
        score = result.score
        assert len(score) and score.seconds(score.onset).max() < 3
        assert set(score.instrument.tolist()) <= {0, 33}
        assert score.bpm == pytest.approx(90, abs=0.01)
        assert result.checkpoint == "tiny" and len(result.checkpoint_hash) == 16
    assert results[0].score != results[1].score
    assert composer.compose([Request(brief, 1)])[0].score == results[1].score
    silent = Brief(seconds=3, excluded=tuple(range(0, 120)))
    assert composer.compose([Request(silent)])[0].score.instrument.min() >= 120


def sounding_in(path: Path) -> set[int]:
    """The instruments of a file's notes, message by message; 128 for channel 10."""
    import mido

    programs: dict[int, int] = {}
    heard: set[int] = set()
    message: Any
    for message in mido.MidiFile(path):
        if message.type == "program_change":
            programs[message.channel] = message.program
        elif message.type == "note_on" and message.velocity:
            heard.add(128 if message.channel == 9 else programs.get(message.channel, 0))
    return heard


@pytest.mark.parametrize("compatible", [False, True])
def test_limits_hold_in_the_file(composer: AmtSystem, compatible: bool, tmp_path: Path):
    """Drums that nobody asked for take no place, and no wish gives way."""
    violin = Instrument("violin", (40,))
    for wanted, most in (((PIANO,), 1), ((PIANO, violin), 2), ((PIANO, violin), 1), ((), 3)):
        brief = Brief(instruments=wanted, only=bool(wanted), seconds=600)
        options = {"most": most, "tokens": 240, "compatible": compatible}
        result = composer.compose([Request(brief, 1, options=options)])[0]
        heard = sounding_in(result.save(tmp_path, "mid", "a")["mid"])
        assert not result.dropped
        if wanted:
            programs = {i.programs[0] for i in wanted}
            assert heard <= programs and 0 < len(heard) <= most
            assert compatible or len(heard) == min(most, len(programs))
        else:
            assert 0 < len(heard) <= most


@pytest.mark.parametrize(
    "brief",
    [
        Brief(seconds=4),
        Brief(seconds=2.5),
        Brief(bars=3, metre="3/4", tempo=93),
        Brief(bars=2, tempo=10.5),
        Brief(seconds=12.3, tempo=171),
    ],
)
def test_the_length_asked_for_holds(composer: AmtSystem, brief: Brief, tmp_path: Path):
    """No note rings beyond it, the file ends there, and the report says so."""
    wanted = brief.seconds or (brief.bars or 0) * 4 * (0.75 if brief.metre else 1) * 60 / (
        brief.tempo or 120
    )
    for seed in range(3):
        result = composer.compose([Request(brief, seed)])[0]
        score = read_midi(result.save(tmp_path, "mid", "a")["mid"])
        assert score.seconds(score.onset + score.duration).max() <= wanted + 0.002
        assert score.seconds(score.end) == pytest.approx(wanted, abs=0.004)
        assert brief.bars is None or score.n_bars == brief.bars
        met = {row.wish: row.met for row in result.rows}
        assert met and all(met.values())


def test_what_is_added_has_the_length_asked_for(composer: AmtSystem):
    """Bars are those of the piece that goes on, and the report is of what was added."""
    for brief, stop in ((Brief(bars=2), 12), (Brief(seconds=3.2), 11.2)):
        for seed in range(3):
            request = Request(brief, seed, edit=Edit.going_on(a_score()))
            result = composer.compose([request])[0]
            assert all(row[1] <= stop + 0.002 for row in timed(result.score))
            assert result.score.seconds(result.score.end) == pytest.approx(stop, abs=0.002)
            assert [row.met for row in result.rows] == [True]
    edit = Edit.between(a_score(), 2.0, 4.0)
    result = composer.compose([Request(Brief(instruments=(PIANO,), only=True), 1, edit=edit)])[0]
    rest = a_score().select((a_score().onset < 1440) | (a_score().onset >= 2880))
    ends = dict.fromkeys(new_notes(rest, result.score))
    assert ends and {note[3] for note in ends} == {0.0}
    assert {row.wish: row.met for row in result.rows}["only"]


def test_a_compatible_report_is_of_the_published_file(composer: AmtSystem, tmp_path: Path):
    """It has neither tempo nor metre, so these wishes are not met; its notes may ring on."""
    brief = Brief(seconds=2, tempo=90, metre="3/4")
    result = composer.compose([Request(brief, 0, options={"compatible": True})])[0]
    met = {row.wish: row.met for row in result.rows}
    assert met["tempo"] is False and met["metre"] is False
    score = read_midi(result.save(tmp_path, "mid", "a")["mid"])
    assert timed(score) == pytest.approx(timed(result.score))


def test_wishes_that_cannot_be_kept_are_refused(composer: AmtSystem):
    brief = Brief(instruments=(PIANO,), seconds=1)
    request = Request(brief, edit=Edit.going_on(a_score()), options={"most": 2})
    with pytest.raises(InputError, match="no instrument may join: at most 2 may sound, and these"):
        composer.run([request])
    with pytest.raises(InputError, match="at least 1 instrument"):
        composer.run([Request(options={"most": 0})])
    with pytest.raises(InputError, match="repetition"):
        composer.run([Request(sampling=Sampling(repetition=2.0))])


def test_a_stream_is_the_piece(composer: AmtSystem):
    request = Request(Brief(bars=2, metre="3/4", tempo=93, excluded=(128,)), 5)
    score = composer.compose([request])[0].score
    streamed = list(composer.stream(request))
    assert all(note.onset < 6 * 60 / 93 for note in streamed) and score.metre_num.tolist() == [3]
    assert {note.bar for note in streamed} <= {1, 2}
    rows = [(n.onset, n.onset + n.duration, n.pitch, n.velocity, n.instrument) for n in streamed]
    assert np.allclose(sorted(rows), timed(score), atol=1e-9)
    request = Request(Brief(bars=2), 5, edit=Edit.going_on(a_score()))
    new = timed(composer.compose([request])[0].score)
    for note in composer.stream(request):
        row = (note.onset, note.onset + note.duration, note.pitch, note.velocity, note.instrument)
        assert any(np.allclose(row, other, atol=1e-9) for other in new)


def test_a_score_goes_on(composer: AmtSystem):
    old = a_score()
    found = composer.continuation(old, 2.0, seed=1)
    new = new_notes(old, found)
    assert new and all(8 - 1e-4 <= note[0] < 10 for note in new)
    assert {note[2] for note in new} == {float(np.median(old.velocity))}
    assert found.bpm == pytest.approx(90, abs=0.01) and found.metre_num.tolist() == [3]
    assert [t.name for t in found.tracks[:2]] == ["my flute", "my bass"]


def test_a_gap_is_filled(composer: AmtSystem):
    old = a_score()
    found = composer.infill(old, 2.0, 4.0, seed=3)
    at = old.seconds(old.onset)
    rest = old.select((at < 2) | (at >= 4))
    assert len(rest) < len(old)
    new = new_notes(rest, found)
    assert new and all(2 - 1e-4 <= note[0] < 4 for note in new)


def test_parts_are_accompanied(composer: AmtSystem):
    old = a_score()
    flute = old.select(old.instrument == 73)
    found = composer.accompany(old, [73], seed=2)
    assert new_notes(flute, found)
    at = old.seconds(old.onset)
    rest = old.select((old.instrument == 73) | (at < 3))
    since = new_notes(rest, composer.accompany(old, [73], since=3.0, seed=2))
    assert since and all(note[0] >= 3 - 1e-4 for note in since)


def test_what_the_model_is_given(composer: AmtSystem):
    """The prompt, its rests and the anticipated controls of each task."""
    old = a_score()
    order = composer.order(Attempt(Request(edit=Edit.between(old, 2.0, 4.0))))
    past, controls = around(order.past, order.controls, 200, 400)
    before, after = past.reshape(-1, 3), controls.reshape(-1, 3) - AMT.control
    assert before[:, 0].max() < 200 and after[:, 0].min() >= 400
    assert AMT.rest not in after[:, 2] and len(after) == 3
    order = composer.order(Attempt(Request(edit=Edit.accompanying(old, [73], 3.0))))
    assert {int(n - AMT.control - AMT.note) // 128 for n in order.controls[2::3]} == {73}
    assert {int(n - AMT.note) // 128 for n in np.asarray(order.past)[2::3]} == {33}
    # the published implementation's reading of the same
    events = np.array([0, 10_010, 11_060, 200, 10_010, 11_060, 201, 10_010, 11_060])
    early = np.array([4, 10_000, 11_000, 5, 10_000, 11_000]) + AMT.control
    past, controls = around(events, early, 200, None, compatible=True)
    assert past.reshape(-1, 3)[:, 0].tolist() == [0, 100, 200]
    assert (controls.reshape(-1, 3)[:, 0] - AMT.control).tolist() == [5, 201]


def test_joined_scores_keep_coarse_ticks_apart():
    """A Score of 1 tick a quarter cannot hold 10 ms; it is made finer and stays the same."""
    old = Score.build(1, [Track("p", 0)], [0, 3], [1, 2], [60, 62], [80, 90], [0, 0])
    found = joined(old, np.array([123, AMT.duration + 7, AMT.note + 128 * 128 + 40]))
    assert new_notes(old, found) == [(pytest.approx(1.23, abs=0.004), 40.0, 85.0, 128.0)]
    assert found.tracks[-1].is_drum and found.seconds(found.end) == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda: Edit.between(a_score(), 2.0, 1.0), "nothing between"),
        (lambda: Edit.accompanying(a_score(), (5,)), "none of the instruments"),
        (lambda: Edit.accompanying(a_score(), (73,), 99.0), "ends at 8"),
        (lambda: Edit(a_score(), (Span(0),), frozenset({0, 1})), "no track is kept"),
        (lambda: Edit(a_score(), (Span(0, 1), Span(2, 3))), "one span at a time"),
        (lambda: Edit.going_on(a_score().select(np.zeros(10, bool))), "no notes"),
    ],
)
def test_edits_that_cannot_be_made(composer: AmtSystem, edit, message: str):
    with pytest.raises(InputError, match=message):
        composer.run([Request(edit=edit())])


def test_an_edit_of_one_of_two_tracks_of_an_instrument(composer: AmtSystem):
    """Tracks are told apart by their number, not by what plays them."""
    old = a_score()
    twins = replace(old, tracks=(Track("one", 73), Track("two", 73)))
    edit = Edit(twins, (Span(0, None, "seconds"),), frozenset({1}))
    score = composer.compose([Request(seed=1, edit=edit)])[0].score
    assert new_notes(twins.select(twins.track == 0), score)
    assert not set(notes(twins.select(twins.track == 1))) <= set(notes(score))


def test_orders_that_cannot_be_written(composer: AmtSystem):
    for order in (
        Order(text="a waltz"),
        Order(tokens=2),
        Order(start=-1),
        Order(start=3, end=2),
        Order(allowed=()),
        Order(controls=[1, 10_001, 11_001]),
        Order(past=[1, 2]),
    ):
        with pytest.raises(InputError):
            write(composer, [order])
    assert write(composer, []) == []


def test_the_published_quirks_are_behind_a_switch(composer: AmtSystem, tmp_path: Path):
    orders = [Order(seed=s, tokens=60) for s in range(4)]
    ours, theirs = write(composer, orders), write(composer, orders, compatible=True)
    for written in ours:
        times = np.concatenate([[0], written.tokens[::3]])
        assert (np.diff(times) <= AMT.resolution).all() and written.sampled == 60
    gaps = [np.diff(np.concatenate([[0], w.tokens[::3]])).max(initial=0) for w in theirs]
    assert max(gaps) > AMT.resolution


def test_the_best_of_several_attempts_is_kept(composer: AmtSystem):
    """Bars that untrained weights do not fill are now and then filled."""
    from cantilena.text.report import total

    brief = Brief(seconds=2, instruments=(PIANO, BASS), only=True)
    one, five = (
        composer.compose([Request(brief, s, Sampling(top_p=0.98, best_of=n)) for s in range(6)])
        for n in (1, 5)
    )
    before, after = ([total(r.rows) for r in found] for found in (one, five))
    assert all(b >= a for a, b in zip(before, after, strict=True))
    for a, b, was in zip(one, five, before, strict=True):
        if was == 1:
            assert a.score == b.score  # nothing was left to be mended
    again = composer.compose([Request(brief, 3, Sampling(top_p=0.98, best_of=5))])[0]
    assert again.score == five[3].score


def test_a_checkpoint_of_the_hub_is_told_by_its_files(composer: AmtSystem, tmp_path: Path):
    """A published name that is in the cache of the machine, which is offline."""
    import shutil
    import subprocess
    import sys

    from transformers import GPT2LMHeadModel

    place = tmp_path / "hub" / "models--some--music"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("abc")
    torch.manual_seed(2)
    model = GPT2LMHeadModel(amt_config(n_layer=1, n_head=1, n_embd=8))
    model.save_pretrained(place / "snapshots" / "abc")
    plain = str(tmp_path / "plain")
    shutil.copytree(place / "snapshots" / "abc", plain)
    code = (
        "from cantilena import load\n"
        "hub = load('some/music', 'amt', device='cpu')\n"
        f"plain = load({plain!r}, 'amt', device='cpu')\n"
        "assert hub.name == 'some/music' and len(hub.hash) == 16\n"
        "assert hub.hash == plain.hash"
    )
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path / "hub")}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=300)


@pytest.mark.parametrize("kind", ["between", "accompanying", "going on"])
def test_an_edit_keeps_every_event_outside(composer: AmtSystem, kind: str):
    """As mido sees them: notes, controls, lyrics, markers and the rest, in their order."""
    base = read_midi(full_file())
    if kind == "between":
        edit = Edit.between(base, START / TPQ * 60 / 90, STOP / TPQ * 60 / 90)
        ticks, names = range(START, STOP), {"My flute", "My bass"}
    elif kind == "accompanying":
        edit, ticks, names = Edit.accompanying(base, [73], 2.0), range(START, END), {"My bass"}
    else:
        edit, ticks, names = Edit.going_on(base), range(END, 10 * END), {"My flute", "My bass"}
    result = composer.compose(
        [Request(Brief(seconds=2) if kind == "going on" else Brief(), 1, edit=edit)]
    )[0]
    before, after = seen(write_midi(base)), seen(write_midi(result.score))
    for name, rows in before.items():
        if name in names:  # the new music's last notes may end where the old goes on
            rows, after[name] = (
                [r for r in beside_notes(part) if r[0] not in ticks] for part in (rows, after[name])
            )
        assert after[name] == rows
    outside = (
        ~np.isin(base.onset, ticks)
        | np.array([t.name not in names for t in base.tracks])[base.track]
    )
    kept = base.select(outside)
    new_notes(kept, result.score)
