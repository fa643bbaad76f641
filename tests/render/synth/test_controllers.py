"""Controllers as they are heard: pitch, length, level and side of what the synthesizer makes."""

from __future__ import annotations

import io

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.render import audio
from cantilena.render.synth import synthesize
from cantilena.render.synth.controllers import sounding_ends
from cantilena.score.controls import CONTROL_CHANGE, KINDS, PITCH_BEND, Controls
from cantilena.score.score import Score, Track
from cantilena.score.texts import Text

RATE = 22050
TPQ = 480  # half a second
ORGAN, PIANO, STRINGS = 16, 0, 48


def note(
    *controls: tuple[int, ...], program: int = ORGAN, length: int = 4, pitch: int = 69
) -> Score:
    """A note of some quarters from tick 0, and controls (tick, number, value) or bends (tick,
    value) beside it; the piece lasts 8 quarters."""
    rows = [
        (row[0], 0, CONTROL_CHANGE, row[1], row[2])
        if len(row) == 3
        else (row[0], 0, PITCH_BEND, 0, row[1])
        for row in controls
    ]
    notes = ([0], [length * TPQ], [pitch], [90], [0])
    moves = Controls.build(*zip(*rows, strict=True)) if rows else Controls.build()
    return Score.build(TPQ, [Track("", program)], *notes, end=8 * TPQ, controls=moves)


def heard(score: Score, start: float, stop: float) -> np.ndarray:
    """(2, n) samples between two seconds."""
    return synthesize(score, RATE)[:, int(start * RATE) : int(stop * RATE)]


def hz(score: Score, start: float, stop: float, most: float = 700) -> float:
    """The strongest partial between 300 Hz and ``most``, below the octave of what is expected."""
    x = heard(score, start, stop).mean(0)
    size = 1 << 18
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)), size))
    freq = np.fft.rfftfreq(size, 1 / RATE)
    near = (freq > 300) & (freq < most)
    return float(freq[near][power[near].argmax()])


def db(x: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(x, dtype=np.float64)) + 1e-12))


# -- pitch ---------------------------------------------------------------------------------


@pytest.mark.parametrize("program", [ORGAN, PIANO, 40, 73])
@pytest.mark.parametrize("value, semitones", [(8191, 2), (-8192, -2), (4096, 1), (0, 0)])
def test_a_note_is_bent_from_where_the_bend_stands(program, value, semitones):
    score = note((TPQ, value), program=program, length=6)
    assert hz(score, 0.1, 0.48) == pytest.approx(440, rel=0.006)
    assert hz(score, 0.6, 1.4) == pytest.approx(440 * 2 ** (semitones / 12), rel=0.006)


def test_the_range_of_bends_and_the_tuning_are_those_of_the_file():
    octave = ((0, 101, 0), (0, 100, 0), (0, 6, 12), (0, 38, 0))
    assert hz(note(*octave, (0, 8191)), 0.2, 1.5, 1200) == pytest.approx(880, rel=0.01)
    closed = (*octave[:2], (0, 101, 127), (0, 100, 127), (0, 6, 12))
    assert hz(note(*closed, (0, 8191)), 0.2, 1.5) == pytest.approx(440 * 2 ** (2 / 12), rel=0.006)
    other = (*octave[:2], (0, 99, 1), (0, 98, 8), (0, 6, 12))
    assert hz(note(*other, (0, 8191)), 0.2, 1.5) == pytest.approx(440 * 2 ** (2 / 12), rel=0.006)
    coarse = ((0, 101, 0), (0, 100, 2), (0, 6, 64 + 5))
    assert hz(note(*coarse), 0.2, 1.5) == pytest.approx(440 * 2 ** (5 / 12), rel=0.006)
    fine = ((0, 101, 0), (0, 100, 1), (0, 6, 96), (0, 38, 0))
    assert hz(note(*fine), 0.2, 1.5) == pytest.approx(440 * 2 ** (0.5 / 12), rel=0.006)


def test_a_bend_ends_with_a_reset_and_bends_make_no_clicks():
    score = note((0, 8191), (2 * TPQ, 121, 0))
    assert hz(score, 0.2, 0.9) == pytest.approx(494, rel=0.006)
    assert hz(score, 1.1, 1.9) == pytest.approx(440, rel=0.006)
    wheel = note(*((t, int(4000 * np.sin(t / 90))) for t in range(0, 4 * TPQ, 10)), program=73)
    x = heard(wheel, 0.3, 1.8)[0]
    high = np.abs(np.fft.rfft(x * np.hanning(len(x))))
    assert high[len(high) // 2 :].max() < 1e-3 * high.max()


# -- length --------------------------------------------------------------------------------


def test_a_pedalled_note_rings_until_the_pedal_is_up():
    dry, pedal = note(length=1), note((0, 64, 127), (4 * TPQ, 64, 0), length=1)
    assert db(heard(dry, 1.2, 1.9)) < db(heard(pedal, 1.2, 1.9)) - 25
    assert db(heard(pedal, 2.6, 3.4)) < db(heard(pedal, 1.2, 1.9)) - 25


@pytest.mark.parametrize(
    "controls, end",
    [
        ([], 1),
        ([(0, 64, 63)], 1),
        ([(0, 64, 127), (3, 64, 0)], 3),
        ([(1, 64, 127), (3, 64, 0)], 1),  # pressed when the key is already up
        ([(0, 64, 127)], 8),  # never let go of
        ([(0, 64, 127), (2, 121, 0)], 2),
        ([(0, 64, 127), (1, 64, 0), (1, 64, 127)], 1),
        ([(0.5, 66, 127), (3, 66, 0)], 3),
        ([(0, 66, 127), (3, 66, 0)], 1),  # pressed before the key
        ([(0.5, 123, 0)], 0.5),
        ([(0, 64, 127), (0.5, 123, 0), (3, 64, 0)], 3),  # a pedal holds what is let go of
        ([(0, 64, 127), (2, 120, 0), (3, 64, 0)], 2),
        ([(0, 123, 0), (0, 120, 0)], 1),  # before the note
    ],
)
def test_where_a_note_of_a_quarter_ends(controls, end):
    rows = [(int(tick * TPQ), number, value) for tick, number, value in controls]
    ends, _ = sounding_ends(note(*rows, length=1))
    assert ends.tolist() == [end * TPQ]


def test_a_key_struck_again_under_the_pedal_ends_the_note_before():
    moves = Controls.build([0], [0], [CONTROL_CHANGE], [64], [127])
    columns = ([0, 0, 960], [100, 100, 100], [60, 64, 60], [90] * 3, [0] * 3)
    score = Score.build(TPQ, [Track("", 0)], *columns, end=2000, controls=moves)
    assert sounding_ends(score)[0].tolist() == [960, 2000, 2000]


@pytest.mark.parametrize("number", [120, 123])
def test_all_notes_off_silences(number):
    score = note((2 * TPQ, number, 0), length=6)
    assert db(heard(score, 1.8, 2.8)) < db(heard(note(length=6), 1.8, 2.8)) - 25


def test_all_sound_off_silences_drums():
    moves = Controls.build([TPQ // 2], [0], [CONTROL_CHANGE], [120], [0])
    crash = Score.build(TPQ, [Track("", 0, True)], [0], [10], [49], [90], [0], end=TPQ * 4)
    cut = Score.build(TPQ, crash.tracks, [0], [10], [49], [90], [0], end=TPQ * 4, controls=moves)
    assert db(heard(cut, 0.6, 1.0)) < db(heard(crash, 0.6, 1.0)) - 6
    assert np.allclose(heard(cut, 0, 0.2), heard(crash, 0, 0.2), atol=1e-6)


# -- level and side ------------------------------------------------------------------------


@pytest.mark.parametrize("number", [7, 11])
@pytest.mark.parametrize("when", [0, 2 * TPQ])
def test_volume_and_expression_change_the_level_by_the_square(number, when):
    before = 100 if number == 7 else 127
    loud, soft = note((0, number, before)), note((when, number, before // 2))
    change = db(heard(loud, 1.4, 1.9)) - db(heard(soft, 1.4, 1.9))
    assert change == pytest.approx(40 * np.log10(before / (before // 2)), abs=0.8)
    if when:
        assert db(heard(soft, 0.2, 0.9)) == pytest.approx(db(heard(loud, 0.2, 0.9)), abs=0.1)
    assert db(heard(note((0, number, 0)), 0.2, 1.9)) < -100


@pytest.mark.parametrize("when", [0, 2 * TPQ])
@pytest.mark.parametrize("value, side", [(0, 0), (127, 1)])
def test_pan_moves_a_part(when, value, side):
    left_right = [db(channel) for channel in heard(note((when, 10, value)), 1.3, 1.9)]
    assert left_right[side] > left_right[1 - side] + 8
    centre = [db(channel) for channel in heard(note((0, 10, 64)), 1.3, 1.9)]
    assert centre[0] == pytest.approx(centre[1], abs=1)


def test_drums_have_a_volume_and_a_side():
    def hits(*rows: tuple[int, int, int]) -> np.ndarray:
        moves = [(tick, 0, CONTROL_CHANGE, number, value) for tick, number, value in rows]
        controls = Controls.build(*zip(*moves, strict=True)) if moves else Controls.build()
        columns = ([0, 2 * TPQ], [10, 10], [38, 38], [90, 90], [0, 0])
        score = Score.build(TPQ, [Track("", 0, True)], *columns, end=4 * TPQ, controls=controls)
        return heard(score, 1.0, 1.2)

    assert db(hits((TPQ, 7, 50))) == pytest.approx(db(hits()) - 12, abs=1.5)
    left, right = hits((TPQ, 10, 127))
    assert db(right) > db(left) + 6


# -- what stays as it was -------------------------------------------------------------------


def test_controllers_that_say_the_usual_change_no_sample():
    usual = [
        (0, 7, 100),
        (0, 11, 127),
        (0, 64, 0),
        (0, 101, 0),
        (0, 100, 0),
        (0, 6, 2),
        (0, 91, 40),
    ]
    assert np.array_equal(synthesize(note(*usual, (0, 0)), RATE), synthesize(note(), RATE))


MOVES = st.one_of(
    st.tuples(
        st.integers(0, 2000),
        st.just(CONTROL_CHANGE),
        st.sampled_from((6, 7, 10, 11, 38, 64, 66, 98, 100, 101, 120, 121, 123)),
        st.integers(0, 127),
    ),
    st.tuples(st.integers(0, 2000), st.just(PITCH_BEND), st.just(0), st.integers(-8192, 8191)),
    st.tuples(st.integers(0, 2000), st.sampled_from(KINDS[::2]), st.just(0), st.integers(0, 127)),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(MOVES, max_size=12), st.booleans())
def test_any_controllers_give_finite_sound_and_the_same_again(moves, drums):
    rows = [(tick, i % 2, *rest) for i, (tick, *rest) in enumerate(moves)]
    controls = Controls.build(*zip(*rows, strict=True)) if rows else Controls.build()
    tracks = [Track("", 0), Track("", STRINGS, drums)]
    columns = ([0, 5, 480, 900], [400, 900, 480, 100], [60, 38, 60, 46], [90] * 4, [0, 1, 0, 1])
    score = Score.build(TPQ, tracks, *columns, controls=controls)
    x = synthesize(score, 8000)
    assert np.isfinite(x).all()
    assert np.array_equal(x, synthesize(score, 8000))


# -- FluidSynth ----------------------------------------------------------------------------


def test_fluidsynth_is_sent_all_controllers_and_no_pan_against_the_files_own():
    moves = [
        (0, 0, CONTROL_CHANGE, 10, 20),
        (9, 0, CONTROL_CHANGE, 64, 127),
        (9, 1, PITCH_BEND, 0, 99),
    ]
    score = Score.build(
        TPQ,
        [Track("", 40), Track("", 71)],
        *([0, 0], [960] * 2, [60, 64], [90] * 2, [0, 1]),
        tempos=[(0, 500_000), (10**7, 400_000)],
        controls=Controls.build(*zip(*moves, strict=True)),
        texts=[Text(10**7, "marker", "far behind")],
    )
    file = mido.MidiFile(file=io.BytesIO(audio._panned_midi(score)))
    sent = [m for track in file.tracks for m in track]
    pans = {m.channel: m.value for m in sent if m.type == "control_change" and m.control == 10}
    assert pans[0] == 20 and pans[1] != 64 and len(pans) == 2
    assert [m.control for m in sent if m.type == "control_change"].count(64) == 1
    assert [m.pitch for m in sent if m.type == "pitchwheel"] == [99]
    assert file.length == pytest.approx(1 + 2, abs=0.01)
