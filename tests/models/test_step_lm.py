"""The step model: causality, the chain of fields, the prefix, its data."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cantilena.errors import CheckpointError  # noqa: E402
from cantilena.models.step_lm import StepConfig, StepLM, rope_tables, rotate  # noqa: E402
from cantilena.tokens.note import NoteScheme, conditions, context  # noqa: E402
from tiny import random_inputs, tiny_config, tiny_model, torch_inputs  # noqa: E402

T, CUT = 12, 7
PREFIX = ("scalars", "slots", "words")


@pytest.fixture(scope="module")
def model() -> StepLM:
    return tiny_model()


def hidden(model: StepLM, given: dict) -> torch.Tensor:
    return model.hidden(given["scalars"], given["slots"], given["words"], given["state"])


def test_a_hidden_state_does_not_depend_on_later_steps(model: StepLM):
    given = torch_inputs(random_inputs(2, T))
    other = torch_inputs(random_inputs(2, T, seed=1))
    mixed = {**given, "state": given["state"].clone()}
    mixed["state"][:, CUT:] = other["state"][:, CUT:]
    one, two = hidden(model, given), hidden(model, mixed)
    assert torch.equal(one[:, :CUT], two[:, :CUT])
    assert ((one[:, CUT:] - two[:, CUT:]).abs().amax(-1) > 1e-3).all()


def test_a_hidden_state_depends_on_earlier_steps(model: StepLM):
    given = torch_inputs(random_inputs(1, T))
    for t in range(T):
        changed = {**given, "state": given["state"].clone()}
        changed["state"][:, t, 2] = (changed["state"][:, t, 2] + 1) % 256
        moved = (hidden(model, given) - hidden(model, changed)).abs().amax(-1)[0]
        assert not moved[:t].any() and (moved[t:] > 1e-6).all()


def test_the_logits_of_a_field_do_not_depend_on_it_or_on_later_ones(model: StepLM):
    given, other = (torch_inputs(random_inputs(1, T, seed)) for seed in (0, 1))
    h = hidden(model, given)

    def chain(fields, at_onset=given["at_onset"], at_instrument=given["at_instrument"]):
        return model.chain(h, fields, at_onset, at_instrument)

    before = chain(given["fields"])
    for k in range(5):
        changed = given["fields"].clone()
        changed[..., k:] = other["fields"][..., k:]
        after = chain(changed)
        for j in range(5):
            same = torch.equal(before[j], after[j])
            assert same == (j <= k), (j, k)
    # what an onset makes known is not read by its own head, nor what an instrument does by its
    assert torch.equal(chain(given["fields"], at_onset=other["at_onset"])[0], before[0])
    memory = chain(given["fields"], at_instrument=other["at_instrument"])
    assert [torch.equal(x, y) for x, y in zip(before, memory, strict=True)] == [
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize("name", PREFIX)
def test_every_part_of_the_prefix_is_heard(model: StepLM, name: str):
    given = torch_inputs(random_inputs(1, T))
    sizes = {
        "scalars": list(conditions.SCALARS.values()),
        "slots": [conditions.NO_INSTRUMENT + 1] * conditions.SLOTS,
        "words": [conditions.BUCKETS] * conditions.WORDS,
    }
    for position in range(given[name].shape[1]):
        changed = {**given, name: given[name].clone()}
        changed[name][:, position] = (changed[name][:, position] + 1) % sizes[name][position]
        moved = (hidden(model, given) - hidden(model, changed)).abs().amax(-1)
        assert moved.amax() > 1e-6, position


def test_every_feature_is_heard(model: StepLM):
    given = torch_inputs(random_inputs(1, 3))
    for f, size in enumerate(context.STATE.values()):
        changed = {**given, "state": given["state"].clone()}
        changed["state"][:, 1, f] = (changed["state"][:, 1, f] + 1) % size
        assert not torch.allclose(hidden(model, given)[:, 1], hidden(model, changed)[:, 1])


def test_the_order_of_steps_is_heard(model: StepLM):
    given = torch_inputs(random_inputs(1, T))
    swapped = {**given, "state": given["state"].clone()}
    swapped["state"][:, [0, 1]] = given["state"][:, [1, 0]]
    assert not torch.allclose(hidden(model, given)[:, -1], hidden(model, swapped)[:, -1], atol=1e-6)


def test_pieces_of_a_batch_do_not_hear_each_other(model: StepLM):
    given = torch_inputs(random_inputs(3, T))
    alone = {name: values[1:2] for name, values in given.items()}
    assert torch.allclose(hidden(model, given)[1:2], hidden(model, alone), atol=1e-5)


def test_the_loss_is_the_likelihood_of_each_field(model: StepLM):
    given = torch_inputs(random_inputs(2, T))
    nll = model(**given)
    assert nll.shape == (2, T, 5)
    logits = model.chain(
        hidden(model, given), given["fields"], given["at_onset"], given["at_instrument"]
    )
    for k, x in enumerate(logits):
        assert x.shape == (2, T, NoteScheme().sizes[k])
        own = -x.log_softmax(-1).gather(-1, given["fields"][..., k : k + 1])[..., 0]
        assert torch.allclose(nll[..., k], own, atol=1e-5)


def test_an_untrained_model_knows_nothing():
    torch.manual_seed(0)
    nll = StepLM(tiny_config())(**torch_inputs(random_inputs(2, 30))).detach()
    expected = np.log(NoteScheme().sizes)
    assert nll.mean((0, 1)).numpy() == pytest.approx(expected, rel=0.05)


def test_rotation_keeps_lengths_and_makes_products_depend_on_distance():
    cos, sin = rope_tables(16, 50, 10_000.0)
    q, k = torch.randn(2, 1, 1, 1, 16)
    turned = rotate(q.expand(1, 1, 50, 16), cos, sin)
    assert torch.allclose(turned.norm(dim=-1), q.norm().expand(1, 1, 50), atol=1e-4)
    other = rotate(k.expand(1, 1, 50, 16), cos, sin)
    products = turned[0, 0] @ other[0, 0].T
    assert torch.allclose(products[10, 3], products[40, 33], atol=1e-4)


def test_parameters_are_counted_once(model: StepLM):
    counts = model.n_parameters()
    assert counts["all"] == sum(p.numel() for p in model.parameters())
    assert counts["all"] == sum(n for name, n in counts.items() if name != "all")
    layer = 4 * 64 * 64 + 3 * 64 * 96 + 2 * 64
    assert counts["trunk"] == 2 * layer + 64
    assert all(n > 0 for n in counts.values())


def test_the_config_is_plain_data():
    config = tiny_config()
    assert StepConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert config.prefix == len(conditions.SCALARS) + conditions.SLOTS + conditions.WORDS


@pytest.mark.parametrize("wrong", [{"no such size": 3}, {"fields": None}])
def test_a_config_of_another_version_is_refused(wrong: dict):
    with pytest.raises(CheckpointError):
        StepConfig.from_dict({**tiny_config().to_dict(), **wrong})
    with pytest.raises(CheckpointError):
        StepConfig.from_dict({"fields": [1, 2]})


def test_what_is_given_is_not_guessed_and_what_is_not_is(model: StepLM):
    given = torch_inputs(random_inputs(1, T))
    scalars, slots, words = (given[name] for name in PREFIX)
    scalars, n = scalars.clamp(min=1), scalars.shape[1]
    other = torch.roll(words, 1, 1) + 1
    prefix = model.prefix(scalars, slots, words)[0]
    assert torch.equal(prefix[:, :n], model.prefix(scalars, slots, other)[0][:, :n])
    open_ = scalars.clone()
    open_[:, 3] = 0
    silent = torch.full_like(slots, conditions.NO_INSTRUMENT)
    one, two = (model.prefix(open_, silent, w)[0] for w in (words, other))
    moved = (one - two).abs().amax(-1)[0] > 0
    assert moved[3] and not moved[:3].any() and not moved[4:n].any()
    none = model.prefix(open_, silent, torch.zeros_like(words))[0]
    assert torch.equal(none[0, 3], model.scalars.table.weight[model.scalars.offset[3]])


def test_texts_are_learned_to_be_guessed_from():
    """Two texts that differ in a word, of two instruments and keys."""
    torch.manual_seed(0)
    model = StepLM(tiny_config())
    given = torch_inputs(random_inputs(2, 1))
    words = torch.zeros_like(given["words"])
    words[:, :2] = torch.tensor([[5, 9], [5, 11]])
    scalars = torch.zeros_like(given["scalars"])
    slots = torch.full_like(given["slots"], conditions.NO_INSTRUMENT)
    told, playing = scalars.clone(), slots.clone()
    told[:, 4], playing[:, 0] = torch.tensor([3, 15]), torch.tensor([0, 73])
    trained = torch.optim.AdamW(model.parameters(), 1e-2)
    first = model.guess_loss(words, told, playing)
    for _ in range(60):
        trained.zero_grad()
        loss = model.guess_loss(words, told, playing)
        loss.backward()
        trained.step()
    assert loss < 0.1 * first
    n = scalars.shape[1]
    prefix = model.prefix(scalars, slots, words)[0]
    given_so = model.prefix(told, playing, words)[0]
    assert (prefix - given_so)[:, : n + 12].abs().max() < 0.1 * given_so.abs().max()
