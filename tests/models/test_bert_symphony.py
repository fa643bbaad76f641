"""bert-symphony: contexts, gates that begin at 0, what is trained, files."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import tiny_bridges  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.bert_symphony import BertSymphony, BridgeSizes  # noqa: E402
from cantilena.models.bridges import KINDS  # noqa: E402
from cantilena.models.contexts import CONTEXTS, ContextConfig  # noqa: E402
from cantilena.models.encoders import text_encoder  # noqa: E402

WIDTH = 6  # of the text's states
W = ("weight", "bias")


def model(kind: str = "cross", context: str = "queries", encoder=None, **changes) -> BertSymphony:
    config = ContextConfig(context, layers=1, width=8, heads=2, memory=5) if context else None
    sizes = {"layers": 2, "text_width": WIDTH, "kind": kind, "heads": 4, "context": config}
    torch.manual_seed(3)
    return BertSymphony(
        tiny_bridges.symphony(), BridgeSizes(**{**sizes, **changes}), encoder
    ).eval()


def text(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """States (2, 2, 7, WIDTH) of two texts, the second shorter."""
    torch.manual_seed(seed)
    mask = torch.ones(2, 7, dtype=torch.bool)
    mask[1, 4:] = False
    return torch.randn(2, 2, 7, WIDTH), mask


def open_gates(bridged: BertSymphony) -> BertSymphony:
    for name, parameter in bridged.named_parameters():
        if name.endswith(("gate", "gates")):
            assert not parameter.any()
            parameter.data.fill_(0.5)
    return bridged


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("context", CONTEXTS)
def test_at_step_0_it_says_exactly_what_the_frozen_model_says(kind, context):
    bridged, rows = model(kind, context), tiny_bridges.rows()
    alone = tiny_bridges.symphony()(rows)
    for a, b in zip(bridged(rows, *text()), alone, strict=True):
        assert torch.equal(a, b)
    other = open_gates(bridged)(rows, *text())
    assert not torch.allclose(other.event, alone.event, atol=1e-4)
    assert other.event.isfinite().all()


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("context", CONTEXTS)
def test_padding_of_a_text_is_not_read_and_a_row_without_text_is_the_frozen_model(kind, context):
    bridged, rows = open_gates(model(kind, context)), tiny_bridges.rows()
    states, mask = text()
    changed = states.clone()
    changed[:, 1, 4:] += 1
    a, b = bridged(rows, states, mask), bridged(rows, changed, mask)
    torch.testing.assert_close(a.event, b.event)
    changed[:, 1, 3] += 1
    assert not torch.allclose(bridged(rows, changed, mask).event[1], a.event[1], atol=1e-5)
    mask[1] = False
    alone = tiny_bridges.symphony()(rows).event
    torch.testing.assert_close(bridged(rows, states, mask).event[1], alone[1])
    assert torch.equal(bridged(rows).event, alone)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_row_by_row_it_says_what_it_says_at_once(kind):
    bridged, rows = open_gates(model(kind)), tiny_bridges.rows(9)
    whole, entering = bridged(rows, *text()), bridged.enter(*text())
    states = entering.states
    for i in range(9):
        hidden, states = bridged.music.hidden(
            rows[:, i : i + 1], states, entering.branches, entering.added
        )
        logits = bridged.music.logits(hidden)
        torch.testing.assert_close(logits.event[:, 0], whole.event[:, i], atol=1e-5, rtol=1e-4)


def test_all_that_is_trained_is_listed():
    entry = [
        f"bridge.entry.branches.{layer}.{name}"
        for layer in range(2)
        for name in (
            "gate",
            *(f"{part}.{kind}" for part in ("norm", "query", "key", "value", "out") for kind in W),
        )
    ]
    norms = [f"bridge.context.layers.0.norms.{i}.{kind}" for i in range(3) for kind in W]
    attention = [
        f"bridge.context.layers.0.{part}.{name}"
        for part in ("across", "within")
        for name in ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias")
    ]
    linear = [
        f"bridge.context.{name}.{kind}"
        for name in ("enter", "norm", "leave", "layers.0.up", "layers.0.down")
        for kind in W
    ]
    expected = {"bridge.context.queries", *entry, *norms, *attention, *linear}
    assert set(model().trained()) == expected
    plain = {"bridge.project.weight", "bridge.project.bias"}
    assert set(model("prefix", context="").trained()) == {*plain, "bridge.entry.gates"}
    mixed = model("sum", context="", mix="layers").trained()
    assert set(mixed) == {*plain, "bridge.mix.logits", "bridge.entry.gates"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_of_training_moves_the_gates_and_leaves_the_frozen_model(kind):
    bridged, rows = model(kind).train(), tiny_bridges.rows()
    assert not bridged.music.training and bridged.bridge.training
    before = {name: x.clone() for name, x in bridged.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in bridged.parameters() if p.requires_grad], lr=1.0)
    for _ in range(2):  # what is behind a gate at 0 has no gradient before the gate has moved
        optimiser.zero_grad()
        bridged(rows, *text()).event.square().mean().backward()
        optimiser.step()
    after = bridged.state_dict()
    for name, value in before.items():
        moved = not torch.equal(value, after[name])
        if name.startswith("music."):
            assert not moved, name
        elif name.endswith(("gate", "gates")) or name == "bridge.context.queries":
            assert moved, name


def test_queries_have_a_length_of_their_own_and_the_others_the_texts():
    for context, length in (("linear", 7), ("transformer", 7), ("queries", 5)):
        memory = model(context=context).bridge.memory(*text())
        assert memory.states.shape == (2, length, 16) and memory.mask.shape == (2, length)
    assert (model(context="transformer").bridge.memory(*text()).states >= 0).all()  # as published


@torch.no_grad()
def test_a_checkpoint_gives_the_same_model_with_its_encoder(tmp_path):
    encoder = text_encoder("hashed", width=WIDTH, longest=8, buckets=64)
    bridged = open_gates(model(encoder=encoder, layers=encoder.layers))
    loaded = BertSymphony.load(bridged.save(tmp_path / "a"))
    rows = tiny_bridges.rows()
    texts = ["a slow storm for strings", "march"]
    a, b = bridged(rows, *bridged.encode(texts)), loaded(rows, *loaded.encode(texts))
    assert torch.equal(a.event, b.event)
    assert loaded.trained() == bridged.trained()
    with pytest.raises(InputError, match="no text encoder"):
        BertSymphony.load(tmp_path / "a", text=False).encode(texts)


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(InputError, match="prefix, cross, sum"):
        model("beside")
    with pytest.raises(InputError, match="linear, transformer, queries"):
        ContextConfig("wide")
    with pytest.raises(InputError, match="cannot be"):
        ContextConfig(width=9, heads=2)
    folder = model().save(tmp_path / "a", {"model": {"text": None, "music": {}, "bridge": {}}})
    with pytest.raises(CheckpointError, match=r"card of .* is damaged"):
        BertSymphony.load(folder)
    with pytest.raises(CheckpointError, match="'symphony', not 'bert-symphony'"):
        BertSymphony.load(tiny_bridges.symphony().save(tmp_path / "b"))
