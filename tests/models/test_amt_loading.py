"""AMT checkpoints: the published sizes, loading in the published layout, what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.amt import (  # noqa: E402
    PUBLISHED,
    SIZES,
    allow_no_place,
    amt_config,
    fuse_activations,
    load_amt,
)
from cantilena.tokens.arrival.vocab import AMT  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(amt_config(n_layer=2, n_head=2, n_embd=16))
    model.save_pretrained(path := tmp_path_factory.mktemp("amt") / "music")
    return path


@pytest.mark.parametrize(("size", "millions"), [("small", 128), ("medium", 360), ("large", 780)])
def test_published_sizes(size: str, millions: int):
    with torch.device("meta"):
        model = transformers.GPT2LMHeadModel(amt_config(size))
    found = sum(p.numel() for p in model.parameters()) / 1e6
    assert found == pytest.approx(millions, rel=0.01)
    assert model.config.scale_attn_by_inverse_layer_idx
    assert (model.config.vocab_size, model.config.n_positions) == (55_028, 1_024)
    assert f"music-{size}" in PUBLISHED and size in SIZES


def test_the_published_layout_loads(folder: Path):
    assert {"config.json", "model.safetensors"} <= {p.name for p in folder.iterdir()}
    model = load_amt(folder, device="cpu")
    assert type(model).__name__ == "GPT2LMHeadModel" and not model.training
    assert model.dtype == torch.float32
    second = model.transformer.h[1].attn
    assert second.scaling == pytest.approx(second.head_dim**-0.5 / 2)
    again = load_amt(str(folder), dtype="bfloat16", device="cpu")
    assert again.dtype == torch.bfloat16
    there = again.transformer.wte.weight.float()
    assert torch.equal(there, model.transformer.wte.weight.bfloat16().float())


def test_old_pickled_weights_load_too(folder: Path, tmp_path: Path):
    """The published folders hold pytorch_model.bin."""
    model = load_amt(folder, device="cpu")
    shutil.copy(folder / "config.json", tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    again = load_amt(tmp_path, device="cpu")
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def changed(folder: Path, to: Path, **config) -> Path:
    shutil.copytree(folder, to)
    data = json.loads((to / "config.json").read_text()) | config
    (to / "config.json").write_text(json.dumps(data))
    return to


def test_what_is_wrong_is_named(folder: Path, tmp_path: Path):
    with pytest.raises(CheckpointError, match=r"vocabulary of 50,257 tokens, not the 55,028"):
        load_amt(changed(folder, tmp_path / "a", vocab_size=50_257))
    with pytest.raises(CheckpointError, match="'bert' model"):
        load_amt(changed(folder, tmp_path / "b", model_type="bert"))
    with pytest.raises(CheckpointError, match="not whole"):
        load_amt(changed(folder, tmp_path / "c", n_layer=3), device="cpu")
    with pytest.raises(CheckpointError, match="not whole"):
        load_amt(changed(folder, tmp_path / "d", n_embd=32), device="cpu")
    with pytest.raises(InputError, match=r"dtype 'int8'.*float32"):
        load_amt(folder, dtype="int8")
    with pytest.raises(InputError, match="device"):
        load_amt(folder, device="nonsense")
    with pytest.raises(InputError, match="small, medium, large"):
        amt_config("huge")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_missing_and_damaged_files(folder: Path, tmp_path: Path, name: str):
    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / name).write_bytes(b"\x00\x01 no")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_amt(broken, device="cpu")
    (broken / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name}.*missing.*'note'"):
        load_amt(broken, device="cpu")
    with pytest.raises(CheckpointError, match=r"config\.json is missing"):
        load_amt(tmp_path / "nowhere")


def test_weights_that_are_not_here_say_how_to_get_them(monkeypatch):
    import huggingface_hub.constants as hub

    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError) as caught:
        load_amt("music-medium")
    said = str(caught.value)
    assert "stanford-crfm/music-medium-800k" in said and "hf download" in said and "'note'" in said


def test_no_position_at_minus_one(folder: Path):
    model = load_amt(folder, device="cpu")
    names = set(model.state_dict())
    before = model.transformer.wpe(torch.arange(5))
    allow_no_place(model.transformer)
    allow_no_place(model.transformer)
    found = model.transformer.wpe(torch.tensor([-1, 0, 4, -1]))
    assert torch.equal(found[1:3], before[[0, 4]])
    assert not found[[0, 3]].any() and set(model.state_dict()) == names
    assert AMT.context == model.config.n_positions


def test_fused_activations_give_the_same(folder: Path):
    model, ids = load_amt(folder, device="cpu"), torch.tensor([[5, 10_100, 11_200]])
    before, names = model(ids).logits, set(model.state_dict())
    fuse_activations(model)
    kinds = {type(block.mlp.act) for block in model.transformer.h}
    assert kinds == {torch.nn.GELU} and set(model.state_dict()) == names
    assert torch.allclose(model(ids).logits, before, atol=1e-5)
