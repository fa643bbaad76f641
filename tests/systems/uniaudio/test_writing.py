"""Writing with UniAudio: turns, grammar, codes and notes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

from cantilena.decode.sampling import Sampling  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.systems.uniaudio.checkpoint import Loaded, load_uniaudio  # noqa: E402
from cantilena.systems.uniaudio.piece import UniGrammar, UniPiece  # noqa: E402
from cantilena.systems.uniaudio.writing import (  # noqa: E402
    Turn,
    UniOrder,
    UniWriting,
    turns,
    write_notes,
)
from cantilena.tokens.codes.patches import NOTES  # noqa: E402
from tiny_uniaudio import symbols, write_uniaudio  # noqa: E402

ANY = Sampling(top_p=1.0, guidance=1.0, best_of=1, repetition=0.0)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load_uniaudio(write_uniaudio(tmp_path_factory.mktemp("uniaudio")), "cpu")


def written(loaded: Loaded, order: UniOrder, writing: type = UniWriting) -> np.ndarray:
    return writing(loaded.model, loaded.vocabulary, order, loaded.options.frame_rate).run()


def recording(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 8, (3, frames))


# ------------------------------------------------------------------ turns


def test_a_long_piece_reads_half_of_what_is_there_again():
    assert turns(UniOrder("text", 90), 40) == [
        Turn("text", 0, 0, 40),
        Turn("text", 20, 40, 60),
        Turn("text", 40, 60, 80),
        Turn("text", 60, 80, 90),
    ]
    assert turns(UniOrder("sound", 50), 40) == [
        Turn("sound", 0, 0, 20),
        Turn("sound", 15, 20, 35),
        Turn("sound", 30, 35, 50),
    ]


def test_a_recording_is_gone_on_with_behind_its_end():
    order = UniOrder("continue", 70, heard=recording(30))
    assert turns(order, 40) == [Turn("continue", 10, 30, 50), Turn("continue", 30, 50, 70)]


def test_a_long_gap_is_gone_on_into_before_it_is_filled():
    order = UniOrder("edit", 100, heard=recording(100), gap=(30, 80))
    assert turns(order, 40) == [
        Turn("continue", 10, 30, 50),
        Turn("continue", 30, 50, 70),
        Turn("edit", 55, 70, 80),
    ]
    begin = replace(order, gap=(0, 30))
    assert turns(begin, 40) == [Turn("text", 0, 0, 20), Turn("edit", 5, 20, 30)]
    for gap in ((5, 5), (90, 110), (-1, 5)):
        with pytest.raises(InputError, match="no gap"):
            turns(replace(order, gap=gap), 40)
    with pytest.raises(InputError, match="at least one frame"):
        turns(UniOrder("text", 0), 40)


def test_every_frame_that_is_new_is_written_once():
    for frames in (1, 2, 3, 19, 20, 41, 133):
        for size in (2, 7, 40):
            for task in ("text", "sound", "accompany", "note"):
                every = turns(UniOrder(task, frames, heard=None), size)
                new = [f for turn in every for f in range(turn.begin, turn.stop)]
                assert new == list(range(frames))
                assert all(turn.stop - turn.start <= size for turn in every)


# ------------------------------------------------------------------ writing


def test_codes_follow_from_the_seed_and_what_is_asked(loaded: Loaded):
    order = UniOrder("text", 12, "calm piano", seed=1, sampling=ANY)
    one = written(loaded, order)
    assert one.shape == (3, 12) and one.min() >= 0 and one.max() < loaded.options.card
    assert np.array_equal(one, written(loaded, order))
    for other in (replace(order, seed=2), replace(order, text="loud drums")):
        assert not np.array_equal(one, written(loaded, other))
    guided = replace(order, sampling=replace(ANY, guidance=3.0))
    assert not np.array_equal(one, written(loaded, guided))


def test_notes_and_a_recording_lead(loaded: Loaded):
    order = UniOrder("sound", 12, notes=symbols(60), seed=1, sampling=ANY)
    assert not np.array_equal(
        written(loaded, order), written(loaded, replace(order, notes=symbols(72)))
    )
    part = UniOrder("accompany", 12, heard=recording(12), seed=1, sampling=ANY)
    assert not np.array_equal(
        written(loaded, part), written(loaded, replace(part, heard=recording(12, 1)))
    )
    with pytest.raises(InputError, match="needs notes"):
        written(loaded, replace(order, notes=None))
    with pytest.raises(InputError, match="as long as the part"):
        written(loaded, replace(part, heard=recording(11)))


def test_what_is_there_of_a_recording_stays(loaded: Loaded):
    heard = recording(50)
    longer = written(loaded, UniOrder("continue", 70, heard=heard, sampling=ANY))
    assert np.array_equal(longer[:, :50], heard) and longer.shape == (3, 70)
    filled = written(loaded, UniOrder("edit", 50, heard=heard, gap=(10, 44), sampling=ANY))
    assert np.array_equal(filled[:, :10], heard[:, :10])
    assert np.array_equal(filled[:, 44:], heard[:, 44:])
    assert not np.array_equal(filled[:, 10:44], heard[:, 10:44])


def test_what_is_behind_a_gap_is_heard(loaded: Loaded):
    heard = recording(40)
    order = UniOrder("edit", 40, heard=heard, gap=(10, 20), sampling=ANY)
    other = heard.copy()
    other[:, 20:] = recording(20, 1)
    new = [written(loaded, one)[:, 10:20] for one in (order, replace(order, heard=other))]
    assert not np.array_equal(*new)


def test_a_later_window_hangs_on_the_one_before(loaded: Loaded):
    """The same words and random numbers, but what is there already differs."""
    order = UniOrder("text", 60, sampling=ANY)
    one = UniWriting(loaded.model, loaded.vocabulary, order, 20.0)
    two = UniWriting(loaded.model, loaded.vocabulary, order, 20.0)
    for writing in (one, two):
        writing.turns = writing.turns[1:]
    two.rows[:, :40] = recording(40)
    assert not np.array_equal(one.run()[:, 40:], two.run()[:, 40:])
    assert np.array_equal(two.rows[:, :40], recording(40))


def test_steps_tell_how_far_it_is(loaded: Loaded):
    order = UniOrder("edit", 50, heard=recording(50), gap=(10, 44), sampling=ANY)
    writing = UniWriting(loaded.model, loaded.vocabulary, order, 20.0)
    steps = list(writing.steps())
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert steps[-1] == (34, 34)


# ------------------------------------------------------------------ notes


def test_notes_are_written_until_their_end_and_never_go_back(loaded: Loaded):
    lengths = set()
    for seed in range(2):
        windows = list(write_notes(loaded.model, loaded.vocabulary, recording(50), ANY, seed))
        assert [stop for _, stop in windows] == [20, 35, 50]
        notes = [note for window, _ in windows for note in window]
        frames = [note.frame for note in notes]
        assert frames == sorted(frames) and all(0 <= frame < 50 for frame in frames)
        assert all(0 <= n.instrument <= 128 and 0 <= n.pitch < 128 for n in notes)
        assert all(1 <= note.velocity <= 127 for note in notes)
        lengths.add(len(notes))
    assert len(lengths) > 1


def test_the_grammar_of_notes(loaded: Loaded):
    vocabulary, grammar = loaded.vocabulary, UniGrammar()
    nothing = np.zeros(0, dtype=np.int64)
    prompt = vocabulary.sequence("transcribe", [], vocabulary.words(""))
    piece = UniPiece(vocabulary, prompt._replace(when=nothing), NOTES)
    first, end = vocabulary.first, vocabulary.first["end"] + 2
    free = np.flatnonzero(grammar.bias(0, piece, []) == 0)
    times = range(first["time"], first["time"] + 1 + vocabulary.frames)
    assert free.tolist() == [end, *times]
    piece.push(first["time"] + 1 + 7, first["instrument"] + 3, first["pitch"] + 60)
    assert np.flatnonzero(grammar.bias(2, piece, [0, 0]) == 0).tolist() == [0]
    assert not grammar.ends(piece, [end])  # within a note
    piece.push(first["duration"], first["velocity"], 0)
    free = np.flatnonzero(grammar.bias(0, piece, []) == 0)
    assert free.tolist() == [end, *range(first["time"] + 8, first["time"] + 1 + vocabulary.frames)]
    assert grammar.ends(piece, [end]) and not grammar.ends(piece, [first["time"] + 9])
    assert piece.when == [7, 7]


def test_no_note_is_written_twice(loaded: Loaded):
    """The likeliest note would else be the likeliest for ever."""
    vocabulary, grammar = loaded.vocabulary, UniGrammar()
    first = vocabulary.first
    time, instrument, pitch = first["time"] + 3, first["instrument"] + 5, first["pitch"] + 60
    rest = (first["duration"], first["velocity"], 0)

    def least(note: tuple[int, int, int], *chosen: int) -> int:
        prompt = vocabulary.sequence("transcribe", [], vocabulary.words(""))
        piece = UniPiece(vocabulary, prompt, NOTES)
        piece.push(*note)
        piece.push(*rest)
        allowed = np.flatnonzero(grammar.bias(len(chosen), piece, list(chosen)) == 0)
        return int(allowed[allowed > first["end"] + 2][0])

    own = (time, instrument, pitch)
    assert least(own) == time and least(own, time) == instrument
    assert least(own, time, instrument) == pitch + 1
    assert least(own, time, instrument + 1) == first["pitch"]
    assert least(own, time + 1) == first["instrument"]
    last = first["pitch"] + 127
    assert least((time, instrument, last), time) == instrument + 1
    assert least((time, first["instrument"] + 128, last)) == time + 1


# ------------------------------------------------------------------ on disk


def test_a_checkpoint_in_16_bits_loads(tmp_path: Path):
    small = load_uniaudio(write_uniaudio(tmp_path, half=True), "cpu")
    assert small.options.half and small.model.head.weight.dtype == torch.float32
