"""What the slot grammar makes of noise, and the published implementation's masks."""

from __future__ import annotations

import numpy as np
import pytest

from arrival_noise import NoiseModel
from cantilena.decode.hf.interfaces import PromptState
from cantilena.decode.loop import Job, Loop
from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.systems.arrival.grammar import MOST_AT_ONCE, ArrivalGrammar, instruments_of
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
    most: int | None = None,
    notes: int = 40,
    seed: int = 0,
    sampling: Sampling = PLAIN,
    v: ArrivalVocabulary = AMT,
) -> list[Job]:
    grammar = ArrivalGrammar(most, v)
    jobs = [
        Job(piece, PromptState(), (), sampling, np.random.default_rng([seed, i]), notes)
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


def heard_in(piece: ArrivalPiece, v: ArrivalVocabulary = AMT) -> set[int]:
    """The instruments of the new notes."""
    return {(row[2] - v.note) // v.pitches for row in piece.rows if row[2] < v.rest}


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
    assert len(heard) <= most and len(heard - {v.drums}) < 16 and heard <= piece.playing


@pytest.mark.parametrize("seed", range(2))
def test_noise_keeps_the_rules(seed: int):
    model = NoiseModel(lean=near(), scale=2.0)
    start = 390 * seed
    past = [*event(0, 5, 0, 60), *rest(100), *event(150, 5, 0, 60), *rest(250), *rest(350)]
    past = [t for i in range(0, 15, 3) if past[i] <= start for t in past[i : i + 3]]
    jobs = written([ArrivalPiece(past, start=start)] * 1, model, notes=30, seed=seed)
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
    piece = ArrivalPiece()
    written([piece], NoiseModel(scale=0.5), most=most, notes=80)
    assert len(heard_in(piece)) == most and AMT.drums not in heard_in(piece)


@pytest.mark.parametrize("compatible", [False, True])
@pytest.mark.parametrize("playing", [{0}, {0, 40}, {AMT.drums}])
def test_limits_and_the_instruments_asked_for_go_together(playing: set[int], compatible: bool):
    """No place is kept for drums that nobody asked for, and no wish gives way to another."""
    for most in (1, 2):
        piece = ArrivalPiece(compatible=compatible, playing=playing)
        job = written([piece], NoiseModel(scale=0.5), most=most, notes=80)[0]
        assert not job.dropped and heard_in(piece) <= playing
        assert len(heard_in(piece)) == min(most, len(playing))


def test_what_sounds_already_takes_its_place():
    """Notes before the piece and controls still ahead count; where none may join, it is said."""
    past, controls = event(0, 5, 0, 60), control(*event(3000, 5, 73, 60))
    piece = ArrivalPiece(past, controls, start=50)
    written([piece], NoiseModel(scale=0.5), most=3, notes=15)
    assert piece.ahead and len(heard_in(piece) - {0, 73}) == 1
    grammar = ArrivalGrammar(2)
    with pytest.raises(InputError, match="no instrument may join: at most 2 may sound, and these"):
        grammar.check_room(ArrivalPiece(past, controls, playing={40}))
    grammar.check_room(ArrivalPiece(past, controls, playing={40, 73}))
    grammar.check_room(ArrivalPiece(past, playing={40}))


def test_no_note_outlasts_the_end():
    """Durations of several seconds, which the model likes, stop at the end."""
    lean = {**near(), **dict.fromkeys(range(AMT.duration + 300, AMT.note), 30.0)}
    for end in (150, 500, 2_000):
        piece = ArrivalPiece(end=end)
        written([piece], NoiseModel(lean=lean), notes=4000)
        rows = np.array(piece.rows)
        length = rows[:, 1] - AMT.duration
        assert (rows[:, 0] + length).max() <= end
        assert (length.max() >= 300) == (end > 300)


def test_a_compatible_piece_lets_notes_ring_on():
    lean = dict.fromkeys(range(AMT.duration + 300, AMT.note), 30.0)
    piece = ArrivalPiece(end=100, compatible=True)
    written([piece], NoiseModel(lean={**lean, AMT.time: 20.0}), notes=20)
    assert piece.rows and min(row[1] for row in piece.rows) >= AMT.duration + 300


def test_one_instrument_of_few_pitches_moves_on():
    """All pitches of the only instrument begin at once: then time has to go on."""
    model = NoiseModel(lean={TINY.time: 40.0}, scale=0.1, vocabulary=TINY)
    piece = ArrivalPiece(vocabulary=TINY, playing={4})
    written([piece], model, notes=40, v=TINY)
    assert len(piece.rows) == 40 and heard_in(piece, TINY) == {4}


def test_instruments_given_count_and_drums_may_always_come_in():
    past = [t for i in range(15) for t in event(i, 5, i, 60)]
    lean = {AMT.note + 128 * AMT.drums + 40: 12.0}
    model = NoiseModel(scale=0.5, lean=lean)
    piece = written([ArrivalPiece(past)], model, notes=60)[0].piece
    heard = heard_in(piece)
    assert AMT.drums in heard and heard <= {*range(15), AMT.drums}


@pytest.mark.parametrize("most", [None, 30])
def test_no_more_pitched_instruments_than_channels(most: int | None):
    """15 sound already and the model wants others, without drums: none of them may join. With 30
    asked for there is room."""
    past = [t for i in range(15) for t in event(i, 5, i, 60)]
    lean = {AMT.note + 128 * i + 60: 12.0 for i in range(20, 25)}
    playing = instruments_of(None, [AMT.drums])
    piece = ArrivalPiece(past, playing=playing)
    written([piece], NoiseModel(scale=0.5, lean=lean), most=most, notes=40)
    assert heard_in(piece)
    assert (heard_in(piece) <= set(range(15))) == (most is None)
    with pytest.raises(InputError, match="at most 15 may sound, and these do already: acoustic"):
        ArrivalGrammar().check_room(ArrivalPiece(past, playing={40}))


def test_only_and_without():
    only, without = instruments_of([0, 33, 128]), instruments_of(None, [0, 33])
    assert only == {0, 33, 128} and without == set(range(129)) - {0, 33}
    for playing in (only, without):
        piece = ArrivalPiece(playing=playing)
        written([piece], NoiseModel(lean=near()), notes=60)
        assert heard_in(piece) <= playing and any(r[2] == AMT.rest for r in piece.rows)
    for bad in (([129], ()), ([-1], ()), ([], ()), ([5], [5]), (None, [200])):
        with pytest.raises(InputError):
            instruments_of(*bad)
    with pytest.raises(InputError):
        ArrivalGrammar(0)


def test_one_drum_alone_cannot_stand_still():
    """One instrument and a model that wants to stay where it is: time goes on."""
    model = NoiseModel(lean={AMT.time: 40.0}, scale=0.1)
    piece = ArrivalPiece(playing={128})
    written([piece], model, notes=3 * MOST_AT_ONCE)
    check_rules(piece, AMT, 16)
    assert piece.now > 0


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
    past = [*event(0, 1, 0, 60), *event(10_050, 1, 0, 60)]
    piece = ArrivalPiece(past, compatible=True)
    piece.settle(1024, 1)
    mask = ArrivalGrammar().bias(0, piece, [])
    assert mask is not None and len(mask) == AMT.times + 1
    assert np.flatnonzero(np.isfinite(mask)).tolist() == [AMT.times]
    ours = ArrivalPiece(past)
    ours.settle(1024, 1)
    mask = ArrivalGrammar().bias(0, ours, [])
    assert mask is not None and np.isfinite(mask).sum() == 101


def test_fifteen_kinds_close_the_door_of_a_compatible_piece():
    grammar = ArrivalGrammar()
    for kinds, closed in ((14, False), (15, True)):
        past = [t for i in range(kinds - 1) for t in event(i, 5, i, 60)]
        controls = control(*event(2000, 5, 100, 60))
        piece = ArrivalPiece(past, controls, compatible=True)
        assert len(piece.kinds) == kinds - 1
        piece = ArrivalPiece([*past, *rest(1600)], controls, compatible=True)
        piece.push(0), piece.push(0)
        mask = grammar.bias(0, piece, [])
        assert len(piece.kinds) == kinds + 1  # the control and the REST count
        assert mask is not None or not closed
        other = ArrivalPiece([*past, *rest(1600)], controls, compatible=True, playing={50})
        assert not grammar.free(other)
        assert grammar.free(ArrivalPiece(past, compatible=True, playing={50})) == {50}
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
