"""Adapters between two streams of the note model: nothing at first, then the reference is read."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from cantilena.errors import CheckpointError  # noqa: E402
from cantilena.models.checkpoint import save_checkpoint  # noqa: E402
from cantilena.models.step_adapters import load_adapters, open_adapters  # noqa: E402
from cantilena.models.step_aligned import CrossConfig, CrossSteps  # noqa: E402
from tiny import tiny_model  # noqa: E402
from tiny_streams import BASE, R, T, alone, stream  # noqa: E402


def cross(gate: float = 0.0, skip: int = 1) -> CrossSteps:
    torch.manual_seed(1)
    model = CrossSteps(tiny_model(), CrossConfig(skip, 32, 4)).eval()
    for name, p in model.named_parameters():
        if name.endswith("gate.weight"):
            p.data.normal_(0.0, gate) if gate else None
    return model


@pytest.mark.parametrize("skip", [1, 2])
def test_at_first_a_target_is_what_the_frozen_model_says(skip: int):
    model, target = cross(skip=skip), stream(T, 0)
    assert all(not p.any() for n, p in model.named_parameters() if n.endswith("gate.weight"))
    assert torch.equal(model(target, model.read(stream(R, 1))), alone(model, target))
    assert torch.equal(model(target, None), alone(model, target))


def test_an_open_gate_lets_the_reference_through():
    model, target, reference = cross(0.5), stream(T, 0), stream(R, 1)
    true = model(target, model.read(reference))
    for other in (alone(model, target), model(target, model.read(stream(R, 2)))):
        assert ((true - other).abs().amax(-1) > 1e-4).all()


def test_a_step_of_the_target_does_not_depend_on_later_ones_but_reads_all_of_the_reference():
    model, target, other = cross(0.5), stream(T, 0), stream(T, 3)
    read = model.read(stream(R, 1))
    mixed = {**target, "state": target["state"].clone(), "ticks": target["ticks"].clone()}
    mixed["state"][:, 7:], mixed["ticks"][:, 7:] = other["state"][:, 7:], other["ticks"][:, 7:]
    one, two = model.hidden(target, read), model.hidden(mixed, read)
    assert torch.equal(one[:, :7], two[:, :7])
    later = stream(R, 1)
    later["state"][:, -1] = other["state"][:, 0]
    moved = (model.hidden(target, model.read(later)) - one).abs().amax(-1)
    assert (moved > 1e-6).all()


def test_what_is_not_there_is_not_read():
    model, target, reference = cross(0.5), stream(T, 0), stream(R, 1)
    whole = model.hidden(target, model.read({k: v[:, :9] if k in ("state", "ticks", "there") else v
                                             for k, v in reference.items()}))  # fmt: skip
    reference["there"][:, 9:] = False
    padded = model.hidden(target, model.read(reference))
    assert torch.allclose(whole, padded, atol=1e-5)
    reference["there"][:] = False
    assert torch.equal(model(target, model.read(reference)), alone(model, target))


def test_only_the_relation_of_times_matters():
    model, target, reference = cross(0.5), stream(T, 0), stream(R, 1)
    moved = [{**side, "ticks": side["ticks"] + 96} for side in (target, reference)]
    one = model.hidden(target, model.read(reference))
    assert torch.allclose(one, model.hidden(moved[0], model.read(moved[1])), atol=1e-4)
    assert not torch.allclose(one, model.hidden(moved[0], model.read(reference)), atol=1e-4)


def test_the_adapters_alone_are_trained():
    model = cross(0.5)
    before = {k: v.clone() for k, v in model.base.state_dict().items()}
    names = {n.split(".", 2)[2] for n, p in model.named_parameters() if p.requires_grad}
    parts = {"query", "key_value", "gate", "norm", "reference_norm"}
    assert names == {f"{part}.weight" for part in parts} | {"log_width"}
    assert set(model.state_dict()) == {n for n, _ in model.named_parameters()}
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(stream(T, 0), model.read(stream(R, 1))).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())
    optimiser.step()
    assert all(torch.equal(v, before[k]) for k, v in model.base.state_dict().items())


def test_a_checkpoint_holds_the_adapters_and_names_their_base(tmp_path: Path):
    model, target, reference = cross(0.5), stream(T, 0), stream(R, 1)
    model.save(tmp_path / "a", BASE, {"model": {"task": "all-to-drums"}})
    opened = open_adapters(tmp_path / "a")
    assert opened.model["base"] == BASE and opened.model["task"] == "all-to-drums"
    again = load_adapters(opened, tiny_model())
    assert torch.equal(again(target, again.read(reference)), model(target, model.read(reference)))
    with pytest.raises(CheckpointError, match="do not fit"):
        load_adapters(opened, tiny_model(width=96))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"kind": "cross", "base": {}}, "frames"),
        ({"kind": "note-cross"}, "names no note model"),
        ({}, "names no note model"),
    ],
)
def test_other_adapters_are_refused_by_name(tmp_path: Path, model: dict, message: str):
    save_checkpoint(
        tmp_path / "a", {"system": "aligned", "name": "a", "model": model}, lambda folder: None
    )
    with pytest.raises(CheckpointError, match=message):
        open_adapters(tmp_path / "a")


def test_they_are_no_adapters_on_frames(tmp_path: Path):
    from cantilena.models.aligned import load_aligned

    cross().save(tmp_path / "a", BASE)
    with pytest.raises(CheckpointError, match="on the note model, not on a model of frames"):
        load_aligned(tmp_path / "a", None)  # type: ignore[arg-type]


def test_sizes_that_cannot_be_are_refused(tmp_path: Path):
    cross().save(tmp_path / "a", BASE, {"model": {"heads": 5}})
    with pytest.raises(CheckpointError, match="is damaged"):
        load_adapters(open_adapters(tmp_path / "a"), tiny_model())
