"""Training a model of codes: what it learns is in the conditions, and a checkpoint keeps it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # two of a busy machine wait for one another

from cantilena.decode.sampling import Sampling  # noqa: E402
from cantilena.errors import CheckpointError, InputError, UnknownNameError  # noqa: E402
from cantilena.score import Score, Track  # noqa: E402
from cantilena.systems.codes.checkpoint import load_writer  # noqa: E402
from cantilena.systems.codes.conditions import Conditioner, Wish  # noqa: E402
from cantilena.systems.codes.examples import (  # noqa: E402
    CodeBatches,
    CodeExample,
    ExampleList,
)
from cantilena.systems.codes.ngrams import ngram_nats  # noqa: E402
from cantilena.systems.codes.rewording import UNCHANGED, Rewording  # noqa: E402
from cantilena.systems.codes.training import CONDITIONS, RECIPES, CodeTraining, code_recipe  # noqa: E402
from cantilena.systems.codes.writing import CodeOrder, write_codes  # noqa: E402
from cantilena.systems.trainable import Recipe, trainable  # noqa: E402
from cantilena.tokens.codes.symbols import SYMBOLS, score_symbols  # noqa: E402

BOOKS, CARD, RATE = 2, 8, 8.0
TRAINING = CodeTraining()


def recipe(**changes: Any) -> Recipe:
    sizes = {"width": 32, "layers": 1, "heads": 2, "hidden": 64, "seconds": 1.5}
    codes = {"books": BOOKS, "card": CARD, "frame_rate": RATE, "conditions": "drums"}
    return code_recipe("codes-score").changed(**(sizes | codes | changes))


def example(seed: int, frames: int = 24) -> CodeExample:
    """A drum in each frame (a sixteenth at 120 bpm): its number is the first book's code, twice
    that the second's."""
    struck = np.random.default_rng(seed).integers(0, CARD, frames)
    played = Score.build(
        4,
        [Track("kit", 0, is_drum=True)],
        np.arange(frames),
        [1] * frames,
        36 + struck,
        [100] * frames,
        [0] * frames,
    )
    codes = np.stack([struck, struck * 2 % CARD]).astype(np.uint16)
    words = ("many low drums",) if struck.mean() < CARD / 2 else ("few drums, high",)
    return CodeExample(codes, words, score_symbols(played), np.eye(12)[struck % 12])


EXAMPLES = ExampleList(example(seed) for seed in range(40))


def batches(
    of: Recipe, examples: Any = EXAMPLES, drop: float = 0.1, rewording: Rewording = UNCHANGED
) -> CodeBatches:
    encoder = TRAINING.encoder(of)
    conditioner = Conditioner(TRAINING.config(of, encoder), RATE, encoder)
    return CodeBatches(examples, conditioner, of.options.layout, drop=drop, rewording=rewording)


def trained(of: Recipe, steps: int) -> Any:
    torch.manual_seed(0)
    (model, _), source = TRAINING.build(of), batches(of)
    (optimiser,) = TRAINING.optimisers(model, of)
    for step in range(steps):
        loss, _ = TRAINING.loss(model, source.draw(step, 8))
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    return model.eval()


def held_out(model: Any, of: Recipe) -> dict[str, float]:
    sums: dict[str, Any] = {}
    for batch in batches(of, ExampleList(example(100 + seed) for seed in range(8))).fixed(8):
        with torch.no_grad():
            for name, pair in TRAINING.held_out(model, batch).items():
                sums[name] = sums.get(name, 0) + pair
    return {name: float(nats / count) for name, (nats, count) in sums.items()}


@pytest.fixture(scope="module")
def led() -> Any:
    return trained(recipe(), 150)


def test_a_model_led_by_a_score_learns_to_follow_it(led: Any):
    figures = held_out(led, recipe())
    # under another's conditions the second book still follows from the first one's codes
    assert figures["codes"] < 0.2 < 1.0 < figures["shuffled"]
    assert figures["codes"] == pytest.approx(
        (figures["book 1"] * 12 + figures["book 2"] * 11) / 23, rel=1e-4
    )


def test_a_checkpoint_writes_what_the_score_says(led: Any, tmp_path: Any):
    of = recipe(codec="abc")
    card = {"training": of.to_dict(), "figures": {}, "seed": 0}
    folder = TRAINING.save(tmp_path / "model", led, {}, None, card)
    about = json.loads((folder / "card.json").read_text())["model"]
    assert about["codec"] == "abc" and about["seconds"] == 1.5
    writer = load_writer(folder)
    assert (writer.pattern, writer.rate, writer.stride) == ("delay", RATE, 1.5 * 18 / 30)
    new = example(999, 40)
    greedy = Sampling(temperature=0.0, top_p=1.0, guidance=1.0, best_of=1)
    (codes,) = write_codes(writer, [CodeOrder(40, Wish(score=new.symbols), sampling=greedy)])
    assert (codes == new.codes).mean() > 0.97
    state = led.state_dict()
    assert all(torch.equal(v, state[k]) for k, v in writer.model.state_dict().items())


def test_checkpoints_that_cannot_be_used(led: Any, tmp_path: Any):
    card = {"training": recipe().to_dict(), "seed": 0}
    folder = TRAINING.save(tmp_path / "model", led, {}, None, card)
    path = folder / "card.json"
    text = path.read_text()
    for old, new in (('"delay"', '"sideways"'), ('"width": 32', '"width": 33')):
        assert old in text
        path.write_text(text.replace(old, new))
        with pytest.raises(CheckpointError):
            load_writer(folder)


def test_texts_are_learned_too(tmp_path: Any):
    of = recipe(conditions="text,melody", melody_length=4, steps=1)
    source = batches(of)
    assert set(source.draw(0, 2)) == {
        "columns", "mask", "text.states", "text.mask", "melody.states", "melody.mask",
    }  # fmt: skip
    torch.manual_seed(0)
    model, _ = TRAINING.build(of)
    assert list(model.config.conditions) == ["melody", "text"]
    TRAINING.loss(model, source.draw(0, 4))[0].backward()
    for name in ("text", "melody"):
        assert model.conditions[name].weight.grad.abs().sum() > 0
    card = {"training": of.to_dict(), "seed": 0}
    writer = load_writer(TRAINING.save(tmp_path / "m", model, {}, None, card))
    order = CodeOrder(6, Wish("few drums, high"), seed=1)
    other = CodeOrder(6, Wish("many low drums"), seed=1)
    one, two = write_codes(writer, [order, other])
    assert one.shape == two.shape == (BOOKS, 6)


def test_a_batch_depends_on_the_seed_and_the_step_alone():
    of = recipe()
    first, again = (batches(of).draw(3, 4) for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["columns"], batches(of).draw(4, 4)["columns"])


def test_neighbours_in_a_held_out_batch_are_not_neighbours_on_the_disk():
    """There the next clip is mostly of the same song: its conditions would hardly be others."""
    source = batches(recipe(), ExampleList(EXAMPLES[:11]))
    numbers = [
        [
            next(i for i in range(11) if (row[0, 1:].numpy() == EXAMPLES[i].codes[0, :12]).all())
            for row in batch["columns"]
        ]
        for batch in source.fixed(4)
    ]
    assert numbers == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8]]


def test_a_crop_has_the_codes_and_symbols_of_its_own_frames():
    batch = batches(recipe(), drop=0.0).draw(0, 16)
    columns, states = batch["columns"], batch["drums.states"]
    assert columns.shape == (16, BOOKS, 13) and states.shape[1] == 13
    struck = states[:, :12, 1 + 36 : 1 + 36 + CARD]
    assert (struck.sum(-1) > 0).all()
    assert torch.equal(struck.argmax(-1), columns[:, 0, 1:])


def test_texts_are_varied_in_training_alone():
    of, rewording = recipe(conditions="text"), Rewording(merge=1.0, word_dropout=0.5)
    facts = {"key": "C major", "bpm": "110"}
    known = ExampleList(replace(example, facts=facts) for example in EXAMPLES)
    plain, varied = batches(of, known, 0.0), batches(of, known, 0.0, rewording)
    one, two = plain.draw(0, 8), varied.draw(0, 8)
    assert one["text.mask"].shape != two["text.mask"].shape or not torch.equal(
        one["text.states"], two["text.states"]
    )
    (one,), (two,) = plain.fixed(40), varied.fixed(40)
    assert all(torch.equal(one[name], two[name]) for name in one)
    for key in ("drop", "merge", "word_dropout"):
        with pytest.raises(InputError, match=f"{key} of 1.5 is more than 1"):
            recipe(**{key: 1.5})


def test_conditions_are_left_out_as_often_as_asked():
    def share(drop: float) -> float:
        rows = batches(recipe(), drop=drop).draw(0, 400)["drums.states"][:, :, 0]
        return float((rows == 0).all(1).float().mean())

    assert share(0.0) == 0 and share(1.0) == 1
    assert share(0.4) == pytest.approx(0.4 + 0.6 * 0.2, abs=0.08)


def test_examples_that_are_too_short():
    with pytest.raises(InputError, match="crop of 12 frames; the longest has 5"):
        batches(recipe(), ExampleList([example(0, 5)]))


def test_all_kinds_of_symbols_can_be_read():
    assert {"text", "melody", *SYMBOLS} == set(CONDITIONS)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_builds_its_config_and_comes_back(name: str):
    made = code_recipe(name)
    assert Recipe.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    assert trainable("codes").recipes()[name]() == made

    class Encoder:
        width = 768

    config = TRAINING.config(made, Encoder())
    assert set(config.conditions) == set(made.options.reads)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"conditions": "roll,lyrics"}, "reads no 'lyrics'"),
        ({"pattern": "zigzag"}, "zigzag"),
        ({"width": 33}, "width of 33 does not divide into 2 heads"),
        ({"text_encoder": "nobody", "conditions": "text"}, "nobody"),
    ],
)
def test_options_that_cannot_be(changes: dict[str, Any], problem: str):
    with pytest.raises((InputError, UnknownNameError), match=problem):
        TRAINING.build(recipe(**changes))


def test_counts_of_codes_and_of_pairs():
    """Against the sums by hand: 0 1 0 1 0 1 is even by single codes and sure by pairs."""
    train = [np.array([[0, 1] * 50])]
    nats = ngram_nats(train, [np.array([[1, 0, 1, 0, 1]])], 2)
    assert nats["unigram"] == pytest.approx([math.log(2)])
    sure = (50 + 0.5) / (50 + 1)  # 50 pairs 0 1, of pairs 1 0 one less
    other = (49 + 0.5) / (49 + 1)
    assert nats["bigram"] == pytest.approx([-(math.log(sure) + math.log(other)) / 2])


@pytest.mark.parametrize("merged", [1 << 20, 7])
def test_pairs_that_occur_are_counted_as_a_whole_matrix_would(merged: int, monkeypatch: Any):
    monkeypatch.setattr("cantilena.systems.codes.ngrams.MERGED", merged)
    rng, card = np.random.default_rng(0), 30
    pieces = [rng.integers(0, card - 5, (2, n)) for n in (40, 0, 1, 90, 7)]
    held = [rng.integers(0, card, (2, n)) for n in (50, 3)]
    nats = ngram_nats(iter(pieces), held, card)
    for k in range(2):
        single, pair = np.ones(card), np.zeros((card, card))
        for codes in pieces:
            single += np.bincount(codes[k], minlength=card)
            np.add.at(pair, (codes[k, :-1], codes[k, 1:]), 1.0)
        share = single / single.sum()
        following = (pair + share) / (pair.sum(1, keepdims=True) + 1)
        before = np.concatenate([codes[k, :-1] for codes in held])
        code = np.concatenate([codes[k, 1:] for codes in held])
        assert nats["unigram"][k] == float(-np.log(share[code]).mean())
        assert nats["bigram"][k] == float(-np.log(following[before, code]).mean())


def test_columns_that_are_forgotten_are_hidden_but_asked_for():
    layout = recipe().options.layout
    config = CodeTraining().config(recipe(), None)
    conditioner = Conditioner(config, recipe().options.frame_rate)
    plain, hiding = (
        CodeBatches(batches(recipe()).examples, conditioner, layout, forget=share)
        for share in (0.0, 0.5)
    )
    batch, other = hiding.draw(3, 16), plain.draw(3, 16)
    assert "read" not in other and torch.equal(batch["columns"], other["columns"])
    hidden = (batch["read"] == layout.special).all(1)
    assert 0.4 < hidden.float().mean() < 0.6
    kept = ~hidden[:, None].expand_as(batch["columns"])
    assert torch.equal(batch["read"][kept], batch["columns"][kept])
    assert "read" not in hiding.fixed(4)[0]
