"""The system ``uniaudio``: which task a Request is, and the sound that comes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

from cantilena.audio.audio import Audio  # noqa: E402
from cantilena.decode.sampling import Sampling  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.saving import load_tensors, save_tensors  # noqa: E402
from cantilena.systems.request import Request  # noqa: E402
from cantilena.systems.uniaudio.checkpoint import load_uniaudio  # noqa: E402
from cantilena.systems.uniaudio.system import UniAudioSystem  # noqa: E402
from cantilena.text.wishes import Brief  # noqa: E402
from tiny_codecs import tones  # noqa: E402
from tiny_uniaudio import write_uniaudio  # noqa: E402

ONE = Sampling(top_p=1.0, guidance=1.0, best_of=1, repetition=0.0)
RATE = 16_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    return write_uniaudio(tmp_path_factory.mktemp("uniaudio"))


@pytest.fixture(scope="module")
def system(folder) -> UniAudioSystem:
    return UniAudioSystem.load(folder, "cpu")


def of_sound(seconds: float = 1.0, **options: object) -> Request:
    """A Request to a recording of two seconds."""
    audio = Audio(tones(2.0, seed=1)[None], RATE)
    return Request(Brief(seconds=seconds, text="calm"), 1, ONE, options=options, audio=audio)


def test_the_task_follows_from_what_is_asked(system: UniAudioSystem):
    brief = Brief(seconds=1.0, text="calm")
    assert system.task(Request(brief)) == "sound"
    assert system.task(Request(brief, options={"condition": "text"})) == "text"
    assert system.task(of_sound()) == "continue"
    assert system.task(of_sound(start=0.5)) == "edit"
    assert system.task(of_sound(accompany=True)) == "accompany"


def test_a_recording_is_gone_on_with(system: UniAudioSystem):
    request = of_sound()
    (result,) = system.compose([request])
    heard = request.audio.samples
    assert result.audio.samples.shape == (1, 3 * RATE)
    assert np.array_equal(result.audio.samples[:, : 2 * RATE], heard)
    assert np.abs(result.audio.samples[:, 2 * RATE :]).max() > 1e-3
    assert result.facts["task"] == "continue" and result.facts["new_between"] == [2.0, 3.0]


def test_a_gap_is_filled_and_the_rest_stays(system: UniAudioSystem):
    request = of_sound(0.5, start=0.5)
    (result,) = system.compose([request])
    heard, sound = request.audio.samples, result.audio.samples
    start, stop = RATE // 2, RATE
    assert sound.shape == heard.shape
    assert np.array_equal(sound[:, :start], heard[:, :start])
    assert np.array_equal(sound[:, stop:], heard[:, stop:])
    assert not np.allclose(sound[:, start:stop], heard[:, start:stop], atol=1e-3)


def test_a_part_is_added_to_a_recording(system: UniAudioSystem):
    request = of_sound(2.0, accompany=True)
    (mix,) = system.compose([request])
    (alone,) = system.compose([replace(request, options={"accompany": True, "alone": True})])
    heard = request.audio.samples
    assert mix.audio.samples.shape == alone.audio.samples.shape == heard.shape
    parts = np.stack([heard[0], alone.audio.samples[0]], axis=1)
    scale, *_ = np.linalg.lstsq(parts, mix.audio.samples[0], rcond=None)
    assert np.allclose(parts @ scale, mix.audio.samples[0], atol=1e-3) and (scale > 0.1).all()


def test_a_part_to_the_beginning_of_a_recording_is_as_long_as_asked(system: UniAudioSystem):
    request = of_sound(0.5, accompany=True)
    (mix,) = system.compose([request])
    assert mix.audio.samples.shape == (1, RATE // 2)
    assert [row.met for row in mix.rows if row.wish == "seconds"] == [True]


def test_blocks_come_before_the_piece_is_done_and_are_the_piece(system: UniAudioSystem):
    """As the codec gives it: the piece itself is brought to a loudness."""
    brief = Brief(seconds=1.5, text="calm")
    request = Request(brief, 3, ONE, options={"condition": "text"})
    sound = np.concatenate(list(system.blocks(request)))
    assert len(sound) == round(1.5 * RATE)
    whole = system.compose([request])[0].audio.samples
    middle = slice(RATE // 4, RATE)
    assert np.corrcoef(sound[middle, 0], whole[0, middle])[0, 1] > 0.99


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (Request(Brief(text="calm"), options={"start": 1.0}), "start is of a recording"),
        (Request(Brief(text="calm"), options={"accompany": True}), "accompany is of a recording"),
        (of_sound(start=3.0), "lasts 2.00 s; nothing begins at 3"),
        (of_sound(start=1.0, stop=1.0), "nothing between 1 and 1"),
        (of_sound(alone=True), "alone is of a part"),
        (of_sound(accompany=True, start=1.0), "leave start and stop out"),
        (of_sound(5.0, accompany=True), "lasts 2.00 s, not 5"),
        (of_sound(condition="score"), "changed by a text"),
    ],
)
def test_what_cannot_be_asked(system: UniAudioSystem, request_: Request, problem: str):
    with pytest.raises(InputError, match=problem):
        system.run([request_])


def test_a_task_that_was_not_learned_is_refused(tmp_path):
    one = UniAudioSystem.load(write_uniaudio(tmp_path, tasks="text,continue"), "cpu")
    assert one.conditions == ("text",)
    assert system_takes(one, Request(Brief(seconds=1.0, text="calm")))
    with pytest.raises(InputError, match="not learned the task 'accompany'; it knows: text, cont"):
        one.run([of_sound(accompany=True)])
    with pytest.raises(InputError, match="cannot be led by score"):
        one.run([Request(Brief(text="calm"), options={"condition": "score"})])


def system_takes(system: UniAudioSystem, request: Request) -> bool:
    system.run([request]).close()
    return True


def test_a_damaged_checkpoint_is_refused(folder, tmp_path):
    import shutil

    from cantilena.models.checkpoint import WEIGHTS, save_checkpoint

    with pytest.raises(InputError, match="name its folder"):
        UniAudioSystem.load(None)
    with pytest.raises(InputError, match="brings its own"):
        UniAudioSystem.load(folder, codec="elsewhere")
    loaded = load_uniaudio(folder, "cpu")
    card = {k: v for k, v in loaded.checkpoint.card.items() if k not in ("files", "format")}
    tensors = load_tensors(loaded.checkpoint.weights)
    card["model"]["options"]["width"] = 32
    shutil.rmtree(tmp_path, ignore_errors=True)
    save_checkpoint(tmp_path, card, lambda stage: save_tensors(stage / WEIGHTS, tensors))
    with pytest.raises(CheckpointError, match="sizes are not those"):
        load_uniaudio(tmp_path, "cpu")


def test_a_kit_is_written_note_by_note(folder, tmp_path, monkeypatch):
    from cantilena.render.kit.making import Note
    from cantilena.systems.uniaudio import kits

    def two_notes(make, rate, *_, **__):
        assert rate == RATE
        return [make([Note(60, 90), Note(72, 90)], attempt) for attempt in (0, 0, 1)]

    monkeypatch.setattr(kits, "make_kit", two_notes)
    shares: list[float] = []
    (one, again, other), about = kits.uni_kit(0, 3, folder, shares.append)
    assert about["made_by"] == "the model uniaudio" and shares == [0.5, 1.0] * 2
    assert len(one[0].samples) == round(1.75 * RATE)
    assert np.array_equal(one[0].samples, again[0].samples)
    for sounds in (one[1], other[0]):  # another key, another attempt
        assert not np.array_equal(one[0].samples, sounds.samples)
    with pytest.raises(InputError, match="not learned the task 'note'"):
        kits.uni_kit(0, 3, write_uniaudio(tmp_path, tasks="text"))
