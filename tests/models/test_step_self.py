"""FA_self on the note model: nothing at first, then the target looks back at the reference."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402

from cantilena.errors import CheckpointError  # noqa: E402
from cantilena.models.step_adapters import load_adapters, open_adapters  # noqa: E402
from cantilena.models.step_aligned import CrossSteps  # noqa: E402
from cantilena.models.step_lm import Past, rotate  # noqa: E402
from cantilena.models.step_self import SelfConfig, SelfSteps  # noqa: E402
from tiny import tiny_model  # noqa: E402
from tiny_streams import BASE, R, T, alone, stream  # noqa: E402


def adapters(opened: bool) -> SelfSteps:
    torch.manual_seed(1)
    model = SelfSteps(tiny_model(), SelfConfig(8)).eval()
    if opened:
        for name, p in model.named_parameters():
            if name.endswith(("up.weight", "gates", "segments")):
                p.data.normal_(0.0, 0.3)
    return model


def test_at_first_a_target_is_what_the_frozen_model_says():
    model, target = adapters(False), stream(T, 0)
    assert torch.equal(model(target, model.read(stream(R, 1))), alone(model, target))


def test_without_a_reference_the_frozen_model_speaks():
    model, target = adapters(True), stream(T, 0)
    assert torch.equal(model(target, None), alone(model, target))


def test_the_first_step_of_training_moves_the_gates_and_the_updates():
    model = adapters(False)
    model(stream(T, 0), model.read(stream(R, 1))).sum().backward()
    moved = {n for n, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert "gates" in moved and "segments" in moved
    assert {n for n, _ in model.named_parameters() if n.endswith("up.weight")} <= moved
    assert all(p.grad is None for p in model.base.parameters())


def test_open_gates_let_the_reference_through():
    model, target = adapters(True), stream(T, 0)
    true = model(target, model.read(stream(R, 1)))
    other = model(target, model.read(stream(R, 2)))
    assert ((true - other).abs().amax(-1) > 1e-5).all()


def test_gates_of_one_are_one_softmax_over_both_streams():
    """As published: of a first layer, computed from its weights."""
    model, target, reference = adapters(False), stream(T, 0), stream(R, 1)
    model.gates.data.fill_(1.0)
    read, block, prefix = model.read(reference), model.base.blocks[0], model.base.config.prefix
    x, _ = model.embedded(target)
    heads = block.heads

    def parts(states):
        rows = block.qkv(block.norm1(states)).chunk(3, dim=-1)
        return [row.unflatten(-1, (heads, -1)).transpose(1, 2) for row in rows]

    (q, k, v), (_, rk, rv) = parts(x), parts(read.states[0])
    up_to = (read.ticks[:, None] <= target["ticks"][:, :, None]).sum(2) - 1
    angle = (prefix + up_to.clamp(min=0))[:, None, :, None] * model.rate
    far = rotate(q[:, :, prefix:], angle.cos(), angle.sin())
    cos, sin = model.base.cos, model.base.sin
    own = rotate(q, cos[: prefix + T], sin[: prefix + T])[:, :, prefix:] @ rotate(
        k, cos[: prefix + T], sin[: prefix + T]
    ).transpose(2, 3)
    seen = torch.ones(prefix + T, prefix + T, dtype=torch.bool).tril()[prefix:]
    rows = slice(prefix, prefix + R)
    there = far @ rotate(rk, cos[rows], sin[rows]).transpose(2, 3)
    scores = torch.cat([own.masked_fill(~seen, -torch.inf), there], 3)
    y = (scores * q.shape[-1] ** -0.5).softmax(-1) @ torch.cat([v, rv], 2)
    steps = x[:, prefix:]
    expected = steps + block.out(y.transpose(1, 2).flatten(2))
    gate, up = block.up(block.norm2(expected)).chunk(2, dim=-1)
    expected = expected + block.down(F.silu(gate) * up)
    meeting = model._meeting(target["ticks"], prefix, read)
    turns = model._turns(1, 0, prefix + T)
    result = model._block(0, x, *turns, None, model.keys(read)[0], meeting)[:, prefix:]
    assert torch.allclose(result, expected, atol=1e-5)


def test_what_sounds_together_has_one_position():
    """A reference that begins with steps that are cut off later is met a step less far away."""
    model, reference = adapters(True), stream(R, 1)
    read = model.read(reference)
    ticks = read.ticks[:, [0, 5, 5, R - 1]]
    place = model._meeting(ticks, 0, read)
    count = (read.ticks[:, None] <= ticks[:, :, None]).sum(2)
    expected = (model.base.config.prefix + count - 1)[:, None, :, None] * model.rate
    sin, cos = model.segments[1].chunk(2)
    assert torch.allclose(place.cos, expected.cos() + cos)
    assert torch.allclose(place.sin, expected.sin() + sin)


def test_later_steps_of_the_target_are_not_seen():
    model, target, other = adapters(True), stream(T, 0), stream(T, 3)
    read = model.read(stream(R, 1))
    mixed = {**target, "state": target["state"].clone(), "ticks": target["ticks"].clone()}
    mixed["state"][:, 7:], mixed["ticks"][:, 7:] = other["state"][:, 7:], other["ticks"][:, 7:]
    one, two = model.hidden(target, read), model.hidden(mixed, read)
    assert torch.allclose(one[:, :7], two[:, :7], atol=1e-6)
    assert not torch.allclose(one[:, 7:], two[:, 7:], atol=1e-3)


def test_what_is_not_there_is_not_read():
    model, target, reference = adapters(True), stream(T, 0), stream(R, 1)
    cut = {k: v[:, :9] if k in ("state", "ticks", "there") else v for k, v in reference.items()}
    whole = model.hidden(target, model.read(cut))
    reference["there"][:, 9:] = False
    assert torch.allclose(whole, model.hidden(target, model.read(reference)), atol=1e-5)


def test_step_by_step_is_all_at_once():
    model, target = adapters(True), stream(T, 0)
    read = model.read(stream(R, 1))
    whole = model.hidden(target, read)
    x, prefix = model.embedded(target)
    ticks, c = F.pad(target["ticks"], (prefix, 0)), model.base.config
    shape = (2, c.heads, prefix + T, c.width // c.heads)
    pasts = [Past(torch.zeros(shape), torch.zeros(shape)) for _ in range(c.layers)]
    keys, first = model.keys(read), prefix + 3
    with torch.no_grad():
        rows = [model.trunk(x[:, :first], ticks[:, :first], prefix, read, keys, pasts)[:, prefix:]]
        for t in range(first, prefix + T):
            step = slice(t, t + 1)
            rows.append(model.trunk(x[:, step], ticks[:, step], 0, read, keys, pasts))
    assert torch.allclose(torch.cat(rows, 1), whole, atol=1e-4)


def test_a_checkpoint_holds_the_adapters_and_names_their_kind(tmp_path: Path):
    model, target, reference = adapters(True), stream(T, 0), stream(R, 1)
    model.save(tmp_path / "a", BASE, {"model": {"task": "all-to-drums"}})
    opened = open_adapters(tmp_path / "a")
    assert opened.model["kind"] == "note-self" and opened.model["rank"] == 8
    again = load_adapters(opened, tiny_model())
    assert isinstance(again, SelfSteps) and not isinstance(again, CrossSteps)
    assert torch.equal(again(target, again.read(reference)), model(target, model.read(reference)))
    with pytest.raises(CheckpointError, match="do not fit"):
        load_adapters(opened, tiny_model(width=96))


def test_sizes_that_cannot_be_are_refused(tmp_path: Path):
    adapters(True).save(tmp_path / "a", BASE, {"model": {"rank": 0}})
    with pytest.raises(CheckpointError, match="is damaged"):
        load_adapters(open_adapters(tmp_path / "a"), tiny_model())
