"""Examples of UniAudio's tasks, and their batches."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # two of a busy machine wait for one another

from cantilena.errors import InputError  # noqa: E402
from cantilena.systems.uniaudio import options  # noqa: E402
from cantilena.systems.uniaudio.examples import UniBatches, UniClip  # noqa: E402
from cantilena.systems.uniaudio.options import UniOptions  # noqa: E402
from cantilena.systems.uniaudio.sizes import vocabulary_of  # noqa: E402
from cantilena.systems.uniaudio.training import UniTraining, uni_recipe  # noqa: E402
from cantilena.tokens.codes import patches  # noqa: E402
from tiny_uniaudio import SIZES, symbols, uni_model  # noqa: E402

OPTIONS = UniOptions(books=2, card=100, frame_rate=10.0, seconds=4.0, drop=0.0, **SIZES)


def clip(number: int, single: bool = False, stems: bool = False) -> UniClip:
    """Whose codes are the numbers of its frames."""
    codes = np.arange(60)[None] + np.array([[0], [30]])
    pair = (codes + 5, codes + 10) if stems else (None, None)
    return UniClip(codes, (f"clip {number}",), symbols(60 + number), *pair, single)


CLIPS = [clip(0), clip(1), clip(2, stems=True), clip(3, single=True)]


@pytest.fixture(scope="module")
def batches() -> UniBatches:
    return UniBatches(CLIPS, vocabulary_of(OPTIONS), OPTIONS)


def test_tasks_are_those_of_the_vocabulary():
    assert options.TASKS == patches.TASKS


def test_a_clip_is_an_example_of_what_is_known_of_it(batches: UniBatches):
    music = [0, 1, 2]
    assert batches.able == {
        "text": music,
        "continue": music,
        "edit": music,
        "accompany": [2],
        "sound": music,
        "note": [3],
        "transcribe": [0, 1, 2, 3],
    }
    with pytest.raises(InputError, match=r"'note'.*data notes"):
        UniBatches(CLIPS[:3], vocabulary_of(OPTIONS), OPTIONS)


def frames_of(batches: UniBatches, segment) -> np.ndarray:
    """The frames of a clip that a segment of sound has, by their codes; -1 for a gap."""
    codes = batches.vocabulary.codes_of(segment.patches)[0]
    return np.where(codes < 0, -1, codes)


def test_what_follows_a_beginning_and_what_fills_a_gap(batches: UniBatches):
    rng = np.random.default_rng(0)
    for _ in range(20):
        (_, before), after = batches.cut(CLIPS[0], "continue", rng)
        heard, target = frames_of(batches, before), frames_of(batches, after)
        assert len(heard) + len(target) == 40 and 10 <= len(heard) <= 30
        assert np.array_equal(np.diff([*heard, *target]), np.ones(39))
        assert [*before.when, *after.when] == list(range(40))
        (_, around), filling = batches.cut(CLIPS[0], "edit", rng)
        heard, target = frames_of(batches, around), frames_of(batches, filling)
        hole = int(np.flatnonzero(around.when < 0)[0])
        whole = [*heard[:hole], *target, *heard[hole + 1 :]]
        assert np.array_equal(np.diff(whole), np.ones(39)) and 4 <= len(target) <= 20
        times = [*around.when[:hole], *filling.when, *around.when[hole + 1 :]]
        assert times == list(range(40))


def test_what_stands_beside_one_another_is_of_the_same_frames(batches: UniBatches):
    rng = np.random.default_rng(0)
    (rest,), part = batches.cut(CLIPS[2], "accompany", rng)
    assert len(rest.patches) == len(part.patches) == 20
    first = frames_of(batches, rest)[0] - 5
    assert frames_of(batches, part)[0] - 10 == first
    (sound,), notes = batches.cut(CLIPS[0], "transcribe", rng)
    start = frames_of(batches, sound)[0]
    rows = batches.vocabulary.notes_of(notes.patches)
    began = [row.frame + start for row in rows if row.frame >= 0]
    assert began and all(frame % 10 == 0 for frame in began)
    _, sound = batches.cut(CLIPS[3], "note", rng)
    assert frames_of(batches, sound)[0] == 0  # a note is heard from its beginning


def test_a_batch_depends_on_seed_and_step_alone(batches: UniBatches):
    again = UniBatches(CLIPS, vocabulary_of(OPTIONS), OPTIONS)
    for name, value in batches.draw(3, 6).items():
        assert torch.equal(value, again.draw(3, 6)[name])
    assert not torch.equal(batches.draw(3, 6)["task"], batches.draw(4, 6)["task"])
    assert len({int(t) for step in range(9) for t in batches.draw(step, 6)["task"]}) == 7


def test_held_out_batches_are_of_one_task_with_another_example_s_sources(batches: UniBatches):
    fixed = batches.fixed(2)
    assert [int(batch["task"][0]) for batch in fixed] == [0, 0, 1, 1, 2, 2, 3, 4, 4, 5, 6, 6]
    for batch in fixed:
        target = batch["target"]
        for prefix in ("other.", "nothing."):
            same = batch[prefix + "patches"][batch[prefix + "target"]]
            assert torch.equal(same, batch["patches"][target])
        shape = batch["nothing.patches"].shape
        assert shape == batch["patches"].shape
        assert not torch.equal(batch["nothing.patches"], batch["patches"])
    text = fixed[0]
    assert not torch.equal(text["other.patches"], text["patches"])


def test_held_out_nats_are_by_task_and_source(batches: UniBatches):
    training, model = UniTraining(), uni_model(OPTIONS)
    names = set()
    with torch.no_grad():
        for batch in batches.fixed(2):
            for name, (nats, count) in training.held_out(model, batch).items():
                names.add(name)
                assert 1 < nats / count < 60
    assert {"text", "text, another's", "text, none", "transcribe"} <= names
    assert len(names) == 3 * 7
    loss, logged = training.loss(model, batches.draw(0, 4))
    assert loss.requires_grad and torch.isclose(loss.detach(), logged["tokens"])


def test_what_fills_up_a_patch_does_not_count(batches: UniBatches):
    """Of a note's five fields two books make three patches, whose last token is none."""
    batch = next(b for b in batches.fixed(4) if int(b["task"][0]) == 6)
    counts = UniTraining().held_out(uni_model(OPTIONS), batch)["transcribe"][1]
    notes = sum(len(batches.cut(CLIPS[i], "transcribe")[1].patches) for i in (0, 1, 2)) // 3
    assert int(counts) == 5 * notes + 3 * 2  # and the end stands twice


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"tasks": "text,dance"}, "no task 'dance'"),
        ({"tasks": " , "}, "needs a task"),
        ({"width": 18}, "does not divide"),
    ],
)
def test_what_cannot_be_trained(options: dict, problem: str):
    with pytest.raises(InputError, match=problem):
        uni_recipe("uniaudio").changed(**options)
