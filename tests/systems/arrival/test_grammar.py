"""What the slot grammar makes of noise, and the published implementation's masks."""

from __future__ import annotations

import numpy as np
import pytest

from arrival_noise import NoiseModel
from cantilena.decode.hf.interfaces import PromptState
from cantilena.decode.loop import Job, Loop
from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.systems.arrival.grammar import MOST_AT_ONCE, ArrivalGrammar, Instruments
from cantilena.systems.arrival.piece import ArrivalPiece
from cantilena.systems.arrival.stepper import ArrivalStepper
from cantilena.tokens.arrival.vocab import AMT, ArrivalVocabulary

TINY = ArrivalVocabulary(times=2000, durations=8, instruments=5, pitches=16, context=64)
PLAIN = Sampling(temperature=1.0, top_p=1.0)


def event(time: int, duration: int, instrument: int, pitch: int, v=AMT) -> list[int]:
    return [v.time + time, v.duration + duration, v.note + v.pitches * instrument + pitch]


def control(*event: int, v=AMT) -> list[int]:
    return [token + v.control for token in event]


def rest(time: int, v=AMT) -> list[int]:
    return [v.time + time, v.duration, v.rest]


def written(
    pieces: list[ArrivalPiece],
    model: NoiseModel,
    wishes=(),
    most: int | None = None,
    notes: int = 40,
    seed: int = 0,
    sampling: Sampling = PLAIN,
    v: ArrivalVocabulary = AMT,
) -> list[Job]:
    grammar = ArrivalGrammar(most, v)
    jobs = [
        Job(piece, PromptState(), wishes, sampling, np.random.default_rng([seed, i]), notes)
        for i, piece in enumerate(pieces)
    ]
    Loop(ArrivalStepper(model, grammar, jobs), grammar, jobs).run()
    return jobs


def near(v: ArrivalVocabulary = AMT) -> dict[int, float]:
    """Leans that make rests likely enough to be met: whole seconds, no duration, REST."""
    return {
        **dict.fromkeys(range(v.time, v.duration, 100), 7.0),
        v.duration: 12.0,
        v.rest: 14.0,
    }


def check_rules(piece: ArrivalPiece, v: ArrivalVocabulary, most: int) -> None:
    """The rules of a piece that is not ``compatible``, on its new triples."""
    rows = np.array(piece.rows)
    time, duration, note = rows.T
    assert (time >= piece.start).all() and (np.diff(time) >= 0).all()
    assert ((duration >= v.duration) & (duration < v.note)).all()
    assert ((note >= v.note) & (note <= v.rest)).all()
    before = np.concatenate([[piece.tokens[piece.n_past - 3] if piece.n_past else 0], time[:-1]])
    assert (time - before <= v.resolution).all()
    silent = note == v.rest
    assert (time[silent] - before[silent] == v.resolution).all()
    assert (duration[silent] == v.duration).all()
    sounding = rows[~silent][:, [0, 2]]
    assert len(np.unique(sounding, axis=0)) == len(sounding)
    assert np.bincount(time - time.min()).max() <= MOST_AT_ONCE
    heard = set(((note[~silent] - v.note) // v.pitches).tolist())
    assert len(heard - {v.drums}) < most


@pytest.mark.parametrize("seed", range(2))
def test_noise_keeps_the_rules(seed: int):
    model = NoiseModel(lean=near(), scale=2.0)
    start = 390 * seed
    given = [*event(0, 5, 0, 60), *rest(100), *event(150, 5, 0, 60), *rest(250), *rest(350)]
    given = [t for i in range(0, 15, 3) if given[i] <= start for t in given[i : i + 3]]
    jobs = written([ArrivalPiece(given, start=start)] * 1, model, notes=30, seed=seed)
    piece = jobs[0].piece
    assert len(piece.rows) == 30
    check_rules(piece, AMT, 16)
    assert any(row[2] == AMT.rest for row in piece.rows)


def test_many_windows_keep_the_rules():
    """A vocabulary of 20 s and a context of 21 notes: both run out again and again."""
    model = NoiseModel(lean=near(TINY), vocabulary=TINY)
    jobs = written([ArrivalPiece(vocabulary=TINY) for _ in range(3)], model, notes=200, v=TINY)
    for job in jobs:
        check_rules(job.piece, TINY, 16)
        assert job.piece.now > 2 * TINY.times
    assert 3 * 5 < model.again < 3 * 200 / 4


@pytest.mark.parametrize("compatible", [False, True])
def test_controls_and_specials_are_in_no_slot(compatible: bool):
    lean = dict.fromkeys((*range(AMT.control, AMT.size, 997), AMT.separator), 50.0)
    job = written([ArrivalPiece(compatible=compatible)], NoiseModel(lean=lean), notes=12)[0]
    assert max(job.piece.tokens) < AMT.control


def test_the_end_is_before_the_end():
    jobs = written([ArrivalPiece(end=500)], NoiseModel(lean=near()), notes=4000)
    piece = jobs[0].piece
    assert piece.rows and piece.rows[-1][0] < 500 and len(piece.tokens) % 3 == 0
    assert piece.slot == 0


@pytest.mark.parametrize("most", [1, 2, 4])
def test_at_most_so_many_instruments(most: int):
    piece = written([ArrivalPiece()], NoiseModel(scale=0.5), most=most, notes=80)[0].piece
    heard = {(row[2] - AMT.note) // 128 for row in piece.rows if row[2] < AMT.rest}
    assert len(heard) <= most
    if most > 2:
        assert len(heard - {AMT.drums}) == most - 1


def test_instruments_given_count_and_drums_may_always_come_in():
    given = [t for i in range(15) for t in event(i, 5, i, 60)]
    lean = {AMT.note + 128 * AMT.drums + 40: 12.0}
    model = NoiseModel(scale=0.5, lean=lean)
    piece = written([ArrivalPiece(given)], model, notes=60)[0].piece
    heard = {(row[2] - AMT.note) // 128 for row in piece.rows if row[2] < AMT.rest}
    assert AMT.drums in heard and heard <= {*range(15), AMT.drums}


def test_only_and_without():
    only, without = Instruments([0, 33, 128]), Instruments(None, [0, 33])
    assert only.playing == (0, 33, 128) and len(without.playing) == 127
    for wish, allowed in ((only, {0, 33, 128}), (without, set(range(129)) - {0, 33})):
        job = written([ArrivalPiece()], NoiseModel(lean=near()), [wish], notes=60)[0]
        heard = {(r[2] - AMT.note) // 128 for r in job.piece.rows if r[2] < AMT.rest}
        assert heard <= allowed and not job.dropped
        assert any(r[2] == AMT.rest for r in job.piece.rows)
    for bad in (([129], ()), ([-1], ()), ([], ()), ([5], [5]), (None, [200])):
        with pytest.raises(InputError):
            Instruments(*bad)
    with pytest.raises(InputError):
        ArrivalGrammar(0)


def test_one_drum_alone_cannot_stand_still():
    """One instrument and a model that wants to stay where it is: time goes on."""
    model = NoiseModel(lean={AMT.time: 40.0}, scale=0.1)
    job = written([ArrivalPiece()], model, [Instruments([128])], notes=3 * MOST_AT_ONCE)[0]
    check_rules(job.piece, AMT, 16)
    assert job.piece.now > 0 and not job.dropped


# ------------------------------------------------------------------ the published masks


def test_a_rest_for_a_time_ends_a_compatible_piece_alone():
    lean = {AMT.rest: 60.0}
    old = written([ArrivalPiece(compatible=True)], NoiseModel(lean=lean), notes=20)[0]
    assert old.done and old.piece.rows == [] and old.piece.tokens == []
    new = written([ArrivalPiece()], NoiseModel(lean=lean), notes=20)[0]
    assert len(new.piece.rows) == 20


def test_a_rest_may_stand_for_a_compatible_duration():
    def logits_of(slot_rest: bool):
        model = NoiseModel(scale=0.0, lean={AMT.rest: 5.0, AMT.time: 9.0, AMT.note: 9.0})
        piece = ArrivalPiece(compatible=slot_rest)
        return written([piece], model, notes=2, sampling=Sampling(temperature=0))[0].piece

    assert logits_of(True).rows[0] == (0, AMT.rest, AMT.note)
    assert logits_of(False).rows[0] == (0, AMT.duration, AMT.note)


def test_a_window_of_more_than_100_s_leaves_a_compatible_piece_only_rest():
    given = [*event(0, 1, 0, 60), *event(10_050, 1, 0, 60)]
    piece = ArrivalPiece(given, compatible=True)
    piece.settle(1024, 1)
    mask = ArrivalGrammar().bias(0, piece, [])
    assert mask is not None and len(mask) == AMT.times + 1
    assert np.flatnonzero(np.isfinite(mask)).tolist() == [AMT.times]
    ours = ArrivalPiece(given)
    ours.settle(1024, 1)
    mask = ArrivalGrammar().bias(0, ours, [])
    assert mask is not None and np.isfinite(mask).sum() == 101


def test_fifteen_kinds_close_the_door_of_a_compatible_piece():
    grammar = ArrivalGrammar()
    for kinds, closed in ((14, False), (15, True)):
        given = [t for i in range(kinds - 1) for t in event(i, 5, i, 60)]
        controls = control(*event(2000, 5, 100, 60))
        piece = ArrivalPiece(given, controls, compatible=True)
        assert len(piece.kinds) == kinds - 1
        piece = ArrivalPiece([*given, *rest(1600)], controls, compatible=True)
        piece.push(0), piece.push(0)
        mask = grammar.bias(0, piece, [])
        assert len(piece.kinds) == kinds + 1  # the control and the REST count
        assert mask is not None or not closed
        if mask is not None:
            free = set((np.flatnonzero(np.isfinite(mask[:-1])) // 128).tolist())
            assert free == {*range(kinds - 1), 100} and mask[-1] == 0


def test_a_compatible_piece_may_say_a_note_twice_and_leave_gaps():
    model = NoiseModel(scale=0.0, lean={AMT.time + 300: 9.0, AMT.note + 7: 9.0})
    piece = ArrivalPiece(compatible=True)
    rows = written([piece], model, notes=3, sampling=Sampling(temperature=0))[0].piece.rows
    assert rows[0][0] == 300 and [row[2] for row in rows] == [AMT.note + 7] * 3


def test_guidance_is_refused():
    with pytest.raises(InputError, match="guidance"):
        written([ArrivalPiece()], NoiseModel(), sampling=Sampling(guidance=2.0))


@pytest.mark.parametrize("compatible", [False, True])
@pytest.mark.parametrize("rests", [False, True])
def test_nothing_outside_of_the_reach_is_allowed(compatible: bool, rests: bool):
    """In every slot, at a late start, in a full window, with many notes at one moment."""
    grammar = ArrivalGrammar(vocabulary=TINY)
    pasts = [[], event(30, 2, 1, 5, TINY), event(1990, 2, 1, 5, TINY)]
    pasts.append([t for k in range(64) for t in event(7, 2, k // 16, k % 16, TINY)])
    narrow = False
    for past in pasts:
        for start in (0, 1800, 2500):
            piece = ArrivalPiece(
                past, start=start, compatible=compatible, rests=rests, vocabulary=TINY
            )
            piece.settle(TINY.context, 1)
            for value in (5, 1, 3):
                slot = piece.slot
                low, high = grammar.reach(piece)
                size = grammar.size(slot, compatible)
                mask = grammar.bias(0, piece, [])
                free = np.flatnonzero(np.isfinite(np.zeros(size) if mask is None else mask))
                assert 0 <= low < high <= size
                assert not len(free) or (low <= free[0] and free[-1] < high)
                narrow = narrow or (slot == 0 and high - low < size)
                piece.push(int(free[0]) if slot == 0 and len(free) else value)
    assert narrow
