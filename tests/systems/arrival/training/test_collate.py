"""Collators: padding, labels, cutting and packing of texts and music."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny_hf  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.models.amt_prefix import AmtPrefix  # noqa: E402
from cantilena.models.encoders import text_encoder  # noqa: E402
from cantilena.models.llama_music import LlamaMusic  # noqa: E402
from cantilena.systems.arrival.training.collate import JointCollator, PrefixCollator  # noqa: E402

SMALL, TEXT = tiny_hf.SMALL, tiny_hf.TEXT
SHORT = "you are :"


def examples() -> list[dict]:
    long, short = tiny_hf.some_music(9).tolist()
    return [{"text": "slow sad waltz", "music": long}, {"text": "rock", "music": short[:13]}]


def joint(**settings) -> JointCollator:
    return JointCollator(tiny_hf.tokenizer(), TEXT, instruction=SHORT, **settings)


@pytest.mark.parametrize("states", [True, False])
def test_a_prefix_batch_gives_the_losses_of_its_examples(states):
    encoder = text_encoder("hashed", width=8)
    torch.manual_seed(0)
    model = AmtPrefix(tiny_hf.amt(), encoder, "layers", SMALL).eval()
    collate = PrefixCollator(encoder, SMALL.context, states)
    batch = collate(examples())
    assert ("text_states" in batch) == states
    assert (batch["labels"] != -100).sum(1).tolist() == [28, 13]
    each = [float(model(**collate([e])).loss) for e in examples()]
    wanted = (28 * each[0] + 13 * each[1]) / 41
    assert float(model(**batch).loss) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("text_loss", [True, False])
def test_a_joint_batch_gives_the_losses_of_its_examples(pack, text_loss):
    torch.manual_seed(0)
    model = LlamaMusic(tiny_hf.llama(), None, SMALL).eval()
    collate = joint(text_loss=text_loss, context=100, pack=pack)
    batch = collate(examples())
    assert len(batch["input_ids"]) == (1 if pack else 2)
    total = count = 0.0
    for example in examples():
        alone = joint(text_loss=text_loss)([example])
        n = int((alone["labels"] != -100).sum())
        total, count = total + n * float(model(**alone).loss.detach()), count + n
    assert int((batch["labels"] != -100).sum()) == count
    assert float(model(**batch).loss) == pytest.approx(total / count, rel=1e-4)


def test_a_joint_sequence_is_instruction_description_flag_and_notes():
    collate, example = joint(), examples()[0]
    ids, labels = collate.sequence(example)
    words = tiny_hf.tokenizer()(SHORT + "slow sad waltz ")["input_ids"]
    assert ids[: len(words)] == words and ids[len(words)] == TEXT + SMALL.autoregress
    assert [k - TEXT for k in ids[len(words) :]] == example["music"]
    assert labels == [-100, *ids[1:]]
    _, music = joint(text_loss=False).sequence(example)
    assert music == [-100] * len(words) + ids[len(words) :]


def test_without_a_description_there_is_no_instruction_either():
    ids, _ = joint().sequence({"text": "", "music": [SMALL.autoregress, 0, 300, 320]})
    assert ids == [1, *(TEXT + k for k in (SMALL.autoregress, 0, 300, 320))]


def test_music_is_cut_at_a_note_and_text_at_a_sentence():
    example = {**examples()[0], "text": "slow . " + "rock " * 30}
    with pytest.warns(UserWarning, match="longer than the context"):
        ids, labels = joint(context=24, longest=9).sequence(example)
    words = tiny_hf.tokenizer()(SHORT + "slow . ")["input_ids"]
    assert ids[: len(words)] == words and len(ids) == len(labels) <= 24
    assert (len(ids) - len(words)) % 3 == 1
    batch = PrefixCollator(text_encoder("hashed", width=8), context=12)(examples())
    assert batch["input_ids"].shape == (2, 10)


def test_both_systems_are_asked_for_the_same_music_however_long_the_text():
    """Held-out losses are compared: a chunk longer than the context is cut at the same note."""
    prefix = PrefixCollator(text_encoder("hashed", width=8), context=16)(examples())
    row = joint(text_loss=False, context=16 + 20, longest=20, music=16)
    asked = (row(examples())["labels"] != -100).sum(1)
    assert asked.tolist() == (prefix["labels"] != -100).sum(1).tolist() == [16, 13]


def test_packing_fills_rows_and_loses_nothing():
    music = tiny_hf.some_music(9, rows=7).tolist()
    given = [{"text": "rock", "music": m[: 1 + 3 * (2 + k)]} for k, m in enumerate(music)]
    collate = joint(context=64, pack=True)
    batch = collate(given)
    lengths = [len(collate.sequence(e)[0]) for e in given]
    assert batch["input_ids"].shape[1] <= 64 and len(batch["input_ids"]) < len(given)
    assert int((batch["labels"] != -100).sum()) == sum(lengths) - len(given)
    starts = (batch["position_ids"] == 0).sum(1)
    assert int(starts.sum()) - len(given) in range(len(batch["input_ids"]) + 1)


def test_what_cannot_be_is_named():
    with pytest.raises(InputError, match="wrong tokenizer"):
        JointCollator(tiny_hf.tokenizer(), 3)([examples()[0]])
    with pytest.raises(InputError, match="no room for a note"):
        PrefixCollator(text_encoder("hashed", width=8), context=3)(examples())
