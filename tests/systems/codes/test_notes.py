"""A Score sounded note by note: which sounds are written, and how they are put together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

from cantilena.decode.sampling import Sampling  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.score import Controls, Score, Track  # noqa: E402
from cantilena.score.controls import CONTROL_CHANGE  # noqa: E402
from cantilena.systems.codes.notes import (  # noqa: E402
    LAYERS,
    LENGTHS,
    RELEASE,
    STROKE,
    NoteSound,
    NoteWriting,
    note_plan,
    note_sounds,
    placed,
)
from cantilena.systems.codes.notes_system import CodeNotesSystem  # noqa: E402
from cantilena.systems.codes.system import MusicgenSystem  # noqa: E402
from cantilena.systems.request import Request  # noqa: E402
from cantilena.text.wishes import Brief  # noqa: E402
from cantilena.tokens.codes.symbols import symbol_frames  # noqa: E402
from tiny_codecs import tiny  # noqa: E402
from tiny_pairs import write_pair  # noqa: E402

RATE = 16_000
SAMPLING = Sampling(best_of=1)
PIANO, KIT = Track("piano", 0), Track("kit", 0, True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_pair(tmp_path_factory.mktemp("notes"), "note", system="code-notes")


@pytest.fixture(scope="module")
def system(folder: Path) -> CodeNotesSystem:
    return CodeNotesSystem.load(folder, "cpu")


def score_of(*notes: tuple[float, float, int, int, int], tracks=(PIANO, KIT), **more) -> Score:
    """Of (onset, duration in seconds, pitch, velocity, track); a quarter lasts half a second."""
    onset, duration, pitch, velocity, track = zip(*notes, strict=True)
    ticks = [[round(960 * t) for t in times] for times in (onset, duration)]
    return Score.build(480, list(tracks), *ticks, pitch, velocity, track, **more)


# ------------------------------------------------------------------ what is written


def test_a_note_that_comes_again_is_written_once_as_long_as_its_longest():
    score = score_of((0, 0.3, 60, 90, 0), (1, 1.0, 60, 86, 0), (2, 0.1, 64, 90, 0))
    plan = note_plan(score)
    assert plan.sounds == (NoteSound(0, 64, 88, 0.1), NoteSound(0, 60, 88, 1.6))
    assert plan.sound.tolist() == [1, 1, 0]
    assert plan.held == pytest.approx([0.3, 1.0, 0.1])


def test_pitch_program_and_layer_tell_sounds_apart():
    other = Track("organ", 19)
    notes = [(0, 0.1, 60, 88, 0), (0, 0.1, 61, 88, 0), (0, 0.1, 60, 40, 0), (0, 0.1, 60, 88, 1)]
    assert len(note_plan(score_of(*notes, tracks=(PIANO, other))).sounds) == 4


def test_what_is_longer_than_the_last_length_has_that():
    (sound,) = note_plan(score_of((0, 30.0, 60, 90, 0))).sounds
    assert sound.seconds == LENGTHS[-1] and sound.length == LENGTHS[-1] + RELEASE


def test_drums_ring_whatever_they_last():
    plan = note_plan(score_of((0, 0.05, 38, 100, 1)))
    assert plan.sounds[0].length == STROKE and plan.held.tolist() == [STROKE]


def test_a_pedal_holds_a_note():
    moves = [(0, 0, CONTROL_CHANGE, 64, 127), (960, 0, CONTROL_CHANGE, 64, 0)]
    controls = Controls.build(*zip(*moves, strict=True))
    plan = note_plan(score_of((0, 0.1, 60, 90, 0), (2, 0.1, 70, 90, 0), controls=controls))
    assert plan.held[0] == pytest.approx(1.0)


def test_the_condition_is_the_note_alone():
    sound = NoteSound(40, 70, 88, 0.1)
    note = symbol_frames("note", sound.symbols(), 50.0, 0, 8)
    assert note[:, 1 + 70].all() and note[:, 129 + 40].all()
    assert note[:, -2].tolist() == [1] * 5 + [0] * 3  # held


# ------------------------------------------------------------------ writing


def test_a_sound_follows_from_its_note_and_the_seed(system: CodeNotesSystem):
    plans = [note_plan(score_of((0, 0.3, p, 90, 0), (1, 0.3, 64, 90, 0))) for p in (60, 50)]
    codes = []
    for plan, seed in ((plans[0], 1), (plans[1], 1), (plans[0], 2)):
        writing = NoteWriting(system.writer, plan, seed, SAMPLING)
        steps = list(writing.steps())
        assert [done for done, _ in steps] == sorted(done for done, _ in steps)
        assert steps[-1] == (writing.total, writing.total)
        at = [sound.pitch for sound in plan.sounds].index(64)
        codes.append(writing.codes[at])
        frames = int(np.ceil(plan.sounds[at].length * system.writer.rate))
        assert codes[-1].shape == (3, frames) and codes[-1].min() >= 0
    assert np.array_equal(codes[0], codes[1]) and not np.array_equal(codes[0], codes[2])


def test_decoding_together_gives_each_notes_own_sound(system: CodeNotesSystem):
    rng = np.random.default_rng(0)
    codes = [rng.integers(0, system.codec.sizes[0], (3, t)) for t in (4, 4, 9)]
    notes = [NoteSound(0, 60 + i, 88, 0.1) for i in range(3)]
    together = note_sounds(system.codec, codes, notes)
    pairs = zip(codes, notes, strict=True)
    alone = [note_sounds(system.codec, [one], [note])[0] for one, note in pairs]
    for one, other in zip(together, alone, strict=True):
        assert np.allclose(one, other, atol=1e-5) and len(one)


def test_a_codec_of_mel_bands_is_told_the_pitch_of_tones():
    codec = tiny("mel")
    codes = [np.random.default_rng(0).integers(0, codec.sizes[0], (3, 40))] * 4
    notes = [NoteSound(0, 69, 88, 0.8), NoteSound(0, 72, 88, 0.8)]
    notes += [NoteSound(128, 38, 88, 0.8), NoteSound(128, 42, 88, 0.8)]
    one, other, *drums = note_sounds(codec, codes, notes)
    assert not np.allclose(one, other, atol=1e-3)  # the same codes at two pitches
    assert np.array_equal(drums[0], drums[1])


# ------------------------------------------------------------------ putting together


def constant(score: Score, n: int) -> np.ndarray:
    """What ``placed`` makes of sounds that are 1 throughout."""
    plan = note_plan(score)
    sounds = [np.ones(round(s.length * RATE), np.float32) for s in plan.sounds]
    return placed(score, plan, sounds, RATE, n)


def test_a_note_sounds_from_its_start_to_its_end_and_is_let_go_of():
    out = constant(score_of((0.5, 0.3, 60, 88, 0)), 2 * RATE)[0]
    begin, end = round(0.5 * RATE), round(0.8 * RATE)
    assert not out[:begin].any() and np.allclose(out[begin:end], 1.0)
    release = out[end : end + round(RELEASE * RATE)]
    assert (np.diff(release) <= 0).all() and release[-1] == pytest.approx(0, abs=1e-3)
    assert not out[end + len(release) :].any()


def test_notes_add_up_and_the_end_cuts_them():
    out = constant(score_of((0, 1.0, 60, 88, 0), (0.5, 1.0, 60, 88, 0)), RATE)
    assert out.shape == (2, RATE)
    assert out[0, 100] == pytest.approx(1) and out[0, -100] == pytest.approx(2)


@pytest.mark.parametrize("velocity", [80, 88, 95])
def test_between_layers_the_velocity_decides_the_loudness(velocity: int):
    out = constant(score_of((0, 1.0, 60, velocity, 0)), RATE)
    assert out[0, 100] == pytest.approx((velocity / 88) ** 2, rel=1e-5)
    assert 88 in LAYERS


# ------------------------------------------------------------------ the system


def test_a_piece_is_stereo_unclipped_as_long_as_asked_and_the_same_again(system: CodeNotesSystem):
    request = Request(Brief(seconds=2.0, text="slow sad waltz"), 3)
    first, again = (system.compose([request])[0] for _ in range(2))
    samples = first.audio.samples
    assert samples.shape == (2, 2 * RATE)
    assert 0.05 < np.abs(samples).max() < 0.9 and samples.std() > 0.005
    assert np.array_equal(samples, again.audio.samples)
    assert first.facts["notes_written"] == len(note_plan(first.score).sounds)
    assert first.system == "code-notes"


def test_editing_one_note_changes_the_sound_there_alone(system: CodeNotesSystem):
    notes = [(0, 0.3, 60, 90, 0), (1.5, 0.3, 64, 90, 0)]
    moved = [notes[0], (1.5, 0.3, 66, 90, 0)]
    parts = []
    for some in (notes, moved):
        plan = note_plan(score_of(*some))
        writing = NoteWriting(system.writer, plan, 1, SAMPLING)
        list(writing.steps())
        sounds = note_sounds(system.codec, writing.codes, plan.sounds)
        parts.append(placed(score_of(*some), plan, sounds, RATE, 2 * RATE))
    assert np.allclose(parts[0][:, :RATE], parts[1][:, :RATE], atol=1e-4)
    assert not np.allclose(parts[0][:, RATE:], parts[1][:, RATE:], atol=1e-2)


def test_a_model_that_is_told_of_no_single_notes_is_refused(tmp_path: Path):
    write_pair(tmp_path, "roll,beat")
    with pytest.raises(InputError, match="writes no single notes; the recipe codes-note"):
        CodeNotesSystem.load(tmp_path / "codes", "cpu", codec=str(tmp_path / "codec"))


def test_a_folder_of_the_other_system_is_refused(folder: Path):
    with pytest.raises(CheckpointError, match="code-notes"):
        MusicgenSystem.load(folder, "cpu")
