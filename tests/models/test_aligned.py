"""Function alignment's adapters: published layouts and logits, step 0, steps, files."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

import tiny_bridges  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models import aligned  # noqa: E402
from cantilena.models.aligned import AlignedSession, CrossAligned, SelfAligned  # noqa: E402
from cantilena.models.conversion import convert  # noqa: E402
from cantilena.models.frame_lm import FrameConfig, FrameLM  # noqa: E402


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("aligned")
    names = ("frames", "FA_cross", "FA_self", "symphony")
    return {name: tiny_bridges.published(name, folder) for name in names}


def load(files, name) -> CrossAligned | SelfAligned:
    return aligned.load_aligned(files[name], FrameLM.load(files["frames"]))


def base() -> FrameLM:
    torch.manual_seed(0)
    sizes = {"words": 20, "width": 16, "layers": 3, "heads": 2, "inner": 24, "local_layers": 1}
    sizes |= {"local_heads": 2, "local_inner": 24, "positions": 30, "local_positions": 40}
    return FrameLM(FrameConfig(**sizes, masked=True)).eval()


def frames(length: int, seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.randint(0, 19, (2, length, 5))


@torch.no_grad()
@pytest.mark.parametrize("name", ["FA_cross", "FA_self"])
def test_logits_are_those_of_the_published_class(files, name):
    golden = tiny_bridges.golden(name)
    logits = load(files, name)(golden["x1"], golden["x2"])[:, :12, :3, ::67]
    torch.testing.assert_close(logits, golden["logits"], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_at_step_0_the_target_is_what_the_base_says_of_it_alone():
    reference, target = frames(6, 1), frames(4, 2)
    model = CrossAligned(base(), inner=8, heads=2).eval()
    assert torch.equal(model(reference, target), base()(target))
    for adapter in model.yinyang_attn:
        adapter.gates.fill_(0.5)
    assert not torch.allclose(model(reference, target), base()(target))


@torch.no_grad()
def test_at_step_0_one_stream_behind_another_is_what_the_base_says_of_both():
    reference, target = frames(6, 1), frames(4, 2)
    both = torch.cat([reference, target], 1)
    model = SelfAligned(base(), segments=False).eval()
    assert torch.equal(model(reference, target), base()(both)[:, 6:])
    model, plain = SelfAligned(base()).eval(), base()
    table = plain.model.embed_positions.weight
    turns = torch.cat([table[:6], table[:4]])  # positions that begin anew
    hidden, _ = plain.model(plain.shifted(plain.vectors(both)), causal=True, turns=turns)
    assert torch.equal(model(reference, target), plain.tell(hidden[:, 6:], target))
    model.sentence_embedding.fill_(0.5)
    assert not torch.allclose(model(reference, target), plain.tell(hidden[:, 6:], target))


def test_the_base_is_frozen_and_all_that_is_trained_is_listed():
    lora = [
        f"base.{part}.layer.{layer}.attention.self.{matrix}.lora_{ab}.default.weight"
        for part, layers in (("model", 3), ("local_encoder", 1), ("local_decoder", 1))
        for layer in range(layers)
        for matrix in ("query", "value")
        for ab in "AB"
    ]
    linear = ("q_linear", "k_linear", "v_linear", "pos_linear", "out_proj")
    adapter = ["gates", *(f"{name}.{part}" for name in linear for part in ("weight", "bias"))]
    cross = CrossAligned(base(), inner=8, heads=2)
    expected = {"masked_embedding", *lora, *(f"yinyang_attn.0.{name}" for name in adapter)}
    assert set(cross.trained()) == expected  # 3 layers, every second one: as published, one adapter
    assert set(SelfAligned(base()).trained()) == {"masked_embedding", "sentence_embedding", *lora}


def test_a_gate_at_0_learns():
    model = CrossAligned(base(), inner=8, heads=2).eval()
    model(frames(6, 1), frames(4, 2)).logsumexp(-1).mean().backward()
    assert model.yinyang_attn[0].gates.grad.abs() > 0


@torch.no_grad()
@pytest.mark.parametrize("name", ["FA_cross", "FA_self"])
@pytest.mark.parametrize("prompt", [0, 3])
def test_frame_by_frame_it_says_what_it_says_at_once(files, name, prompt):
    model, golden = load(files, name), tiny_bridges.golden(name)
    reference, target = golden["x1"][:, :9], golden["x2"][:, :7]
    whole, session = model(reference, target), AlignedSession(model, reference)
    hidden = [session.advance(target[:, :prompt] if prompt else None)]
    for i in range(prompt, 6):
        hidden.append(session.advance(target[:, i : i + 1]))
    logits = model.base.tell(torch.stack(hidden, 1), target[:, prompt:])
    torch.testing.assert_close(logits, whole[:, prompt:], atol=5e-5, rtol=1e-4)


@torch.no_grad()
def test_frames_of_two_lengths_are_read_at_their_own_places():
    model = CrossAligned(base(), inner=8, heads=2, strides=(4, 1)).eval()
    model.yinyang_attn[0].gates.fill_(0.5)
    other = CrossAligned(base(), inner=8, heads=2).eval()
    other.load_state_dict(model.state_dict())
    reference, target = frames(3, 1), frames(5, 2)
    assert not torch.allclose(model(reference, target), other(reference, target))


@torch.no_grad()
def test_hidden_frames_are_not_read():
    model, reference = CrossAligned(base(), inner=8, heads=2).eval(), frames(4, 1)
    target, masked = frames(5, 2), torch.zeros(2, 5, dtype=torch.bool)
    masked[:, 1] = True
    changed = target.clone()
    changed[:, 1] = (changed[:, 1] + 1) % 19
    a, b = model(reference, target, masked), model(reference, changed, masked)
    assert torch.equal(a[:, 2:], b[:, 2:])
    assert not torch.allclose(model(reference, target)[:, 2:], a[:, 2:])


@torch.no_grad()
@pytest.mark.parametrize("name", ["FA_cross", "FA_self"])
def test_a_converted_adapter_is_the_same_and_holds_what_is_trained_alone(files, name, tmp_path):
    golden = tiny_bridges.golden(name)
    folder = convert(files[name], tmp_path / name, files["frames"])
    published = load(files, name)
    model = aligned.load_aligned(folder, FrameLM.load(files["frames"]))
    reference, target = golden["x1"][:, :5], golden["x2"][:, :4]
    assert torch.equal(model(reference, target), published(reference, target))


def test_what_does_not_fit_is_refused(files, tmp_path):
    with pytest.raises(CheckpointError, match=r"SymphonyNet; needed are .*FA_cross.* or .*FA_self"):
        load(files, "symphony")
    with pytest.raises(CheckpointError, match="does not fit its base"):
        aligned.load_aligned(files["FA_cross"], base())
    with pytest.raises(InputError, match="cannot be"):
        CrossAligned(base(), inner=9, heads=2)
    with pytest.raises(InputError, match="sixteenth 4 does not fit the 4 that the adapter has"):
        CrossAligned(base(), inner=8, heads=2, positions=4)(frames(5, 1), frames(3, 2))
    model = SelfAligned(base())
    folder = model.save(tmp_path / "a", {}, {"model": {"kind": "third"}})
    with pytest.raises(CheckpointError, match=r"card of .* is damaged"):
        aligned.load_aligned(folder, base())
