"""Bridges and layer weights."""

from __future__ import annotations

import sys

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from cantilena.errors import CheckpointError, InputError, MissingExtraError  # noqa: E402
from cantilena.models import bridges  # noqa: E402
from cantilena.models.saving import save_tensors  # noqa: E402


def test_layers_weigh_the_same_at_first_and_follow_what_is_learned():
    states = torch.randn(4, 2, 5, 8)
    mix = bridges.LayerMix(4)
    assert torch.allclose(mix(states), states.mean(0), atol=1e-6)
    mix.logits.data = torch.tensor([0.0, 0.0, 50.0, 0.0])
    assert torch.allclose(mix(states), states[2])
    assert float(mix.weights().sum().detach()) == pytest.approx(1)
    with pytest.raises(InputError, match="4 layers was given 3"):
        mix(states[:3])


def test_the_base_bridge_reads_the_last_layer_alone_and_the_enhanced_one_all():
    states = torch.randn(3, 2, 5, 8)
    for mix, seen in (("last", [False, False, True]), ("layers", [True, True, True])):
        bridge = bridges.Bridge(3, 8, 6, mix)
        assert bridge(states).shape == (2, 5, 6)
        for layer, reads in enumerate(seen):
            changed = states.clone()
            changed[layer] += 1
            assert (not torch.equal(bridge(changed), bridge(states))) == reads
    with pytest.raises(InputError, match="last, layers"):
        bridges.Bridge(3, 8, 6, "first")


def test_a_normed_mix_is_not_drowned_by_one_massive_state():
    states = torch.randn(3, 2, 5, 8)
    massive = states.clone()
    massive[1, :, 0, 3] = 27_000.0
    plain, normed = bridges.LayerMix(3), bridges.LayerMix(3, normed=True)
    assert plain(massive)[:, 0].abs().max() > 1_000
    assert normed(massive).abs().max() < 5
    shifted = states * 7 + 2  # each state's own mean and size are taken away
    assert torch.allclose(normed(shifted), normed(states), atol=1e-4)


def test_the_weights_of_a_checkpoint_are_read_printed_and_drawn(tmp_path, monkeypatch):
    mix = bridges.LayerMix(3)
    mix.logits.data = torch.tensor([0.0, 1.0, 2.0])
    save_tensors(tmp_path / "model.safetensors", {"bridge.mix.logits": mix.logits})
    found = bridges.layer_weights(tmp_path)
    assert found == pytest.approx([0.0900, 0.2447, 0.6652], abs=1e-4)
    table = bridges.weights_table(found)
    assert "| embedding | 0.0900 |" in table and "| 2 | 0.6652 |" in table
    path = bridges.plot_weights(found, tmp_path / "new" / "layers.png", "a title")
    assert path.read_bytes().startswith(b"\x89PNG") and len(list(path.parent.iterdir())) == 1
    with pytest.raises(InputError, match=r"\.png"):
        bridges.plot_weights(found, tmp_path / "layers.gif")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"cantilena\[train\]"):
        bridges.plot_weights(found, tmp_path / "without" / "layers.png")
    assert not (tmp_path / "without").exists()


def test_a_checkpoint_without_layer_weights_says_so(tmp_path):
    with pytest.raises(CheckpointError, match="missing"):
        bridges.layer_weights(tmp_path)
    save_tensors(tmp_path / "model.safetensors", {"other": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="last layer only"):
        bridges.layer_weights(tmp_path)
