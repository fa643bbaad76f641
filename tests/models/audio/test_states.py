"""Frozen networks of sound: published layouts, the states of a layer, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
torch.set_num_threads(1)

from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.audio.states import FrozenStates, at_rate  # noqa: E402
from tiny_states import KINDS, LAYERS, WIDTH, write_network  # noqa: E402


def noise(seconds: float, rate: int = 16_000, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(round(seconds * rate))).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_states_are_those_of_the_layer_at_the_networks_own_rate(tmp_path: Path, kind: str):
    folder = write_network(tmp_path / kind, kind)
    network = FrozenStates(str(folder), 2)
    assert network.frame_rate == (75 if kind == "mert" else 50) and network.width == WIDTH
    sound = noise(1.5, network.rate)
    states = network.states(sound, network.rate)
    assert states.shape == (int(np.ceil(1.5 * network.frame_rate)), WIDTH)

    model = whole(folder, kind)
    heard = []
    model.encoder.layers[1].register_forward_hook(lambda _m, _i, out: heard.append(out))
    inputs = network.extractor(sound, sampling_rate=network.rate, return_tensors="pt")
    inputs.pop("attention_mask", None)
    with torch.inference_mode():
        model(**inputs)
    own = heard[0][0] if isinstance(heard[0], tuple) else heard[0]
    own = own.reshape(-1, WIDTH).numpy()
    assert len(states) - 2 <= len(own) <= len(states)
    np.testing.assert_allclose(states[: len(own)], own, atol=1e-4)
    assert np.ptp(own, axis=0).max() > 0.1
    assert np.array_equal(states[len(own) :], np.repeat(states[-1:], len(states) - len(own), 0))


def whole(folder: Path, kind: str) -> Any:
    """All layers, by transformers alone; MERT's tensors in a HubertModel by hand."""
    if kind != "mert":
        return transformers.AutoModel.from_pretrained(folder).eval()
    data = json.loads((folder / "config.json").read_text())
    model = transformers.HubertModel(transformers.HubertConfig.from_dict(data)).eval()
    names = {"weight_g": "parametrizations.weight.original0"}
    names["weight_v"] = "parametrizations.weight.original1"
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    for old, new in names.items():
        state = {k.replace(old, new): v for k, v in state.items()}
    model.load_state_dict({**model.state_dict(), **state})
    return model


def test_long_sound_is_read_in_blocks_and_short_sound_too(tmp_path: Path):
    network = FrozenStates(str(write_network(tmp_path / "n", "hubert")), 1)
    sound = noise(31.0)
    states = network.states(sound, 16_000)
    assert states.shape == (31 * 50, WIDTH)
    np.testing.assert_allclose(states[:1499], network.states(sound[:480_000], 16_000)[:1499])
    assert network.states(sound[:400], 16_000).shape == (2, WIDTH)
    other = network.states(noise(1.0, 22_050), 22_050)
    assert other.shape == (50, WIDTH)


def test_the_fingerprint_tells_weights_and_layers_apart(tmp_path: Path):
    one, two = (write_network(tmp_path / str(seed), "hubert", seed) for seed in (0, 1))
    marks = [
        FrozenStates(str(place), layer).fingerprint for place in (one, two) for layer in (1, 2)
    ]
    assert len(set(marks)) == 4
    assert FrozenStates(str(one), 1).fingerprint == marks[0]


def test_states_at_another_rate_are_means_of_what_holds():
    states = np.arange(6, dtype=np.float32)[:, None]
    assert np.array_equal(at_rate(states, 50, 50, 6), states)
    assert at_rate(states, 75, 50, 4)[:, 0] == pytest.approx([1 / 3, 5 / 3, 10 / 3, 14 / 3])
    assert at_rate(states, 50, 25, 3)[:, 0] == pytest.approx([0.5, 2.5, 4.5])
    assert at_rate(states, 50, 100, 12)[:, 0] == pytest.approx(np.repeat(np.arange(6), 2))
    assert at_rate(states, 50, 25, 5)[:, 0] == pytest.approx([0.5, 2.5, 4.5, 5, 5])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"feature_extractor_cqt": True}, "a constant-Q front end, which its own code"),
        ({"deepnorm": True}, "has deepnorm"),
        ({"model_type": "bert"}, "holds a 'bert'.*HuBERT and MERT are read"),
        ({"num_hidden_layers": 1}, "has 1 layers; there is no layer 2"),
        ({"hidden_size": 32}, "missing or of another shape"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_line(tmp_path: Path, change: dict, message: str):
    folder = write_network(tmp_path / "mert", "mert")
    data = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**data, **change}))
    with pytest.raises(InputError, match=message) as caught:
        FrozenStates(str(folder), 2)
    assert "\n" not in str(caught.value)


def test_a_folder_without_its_files_is_refused(tmp_path: Path):
    folder = write_network(tmp_path / "hubert", "hubert")
    with pytest.raises(InputError, match=f"has {LAYERS} layers"):
        FrozenStates(str(folder), LAYERS + 1)
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(InputError, match="how the network hears"):
        FrozenStates(str(folder), 1)
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="network of sound"):
        FrozenStates(str(folder), 1)
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match=r"has no config.json"):
        FrozenStates(str(folder), 1)
    with pytest.raises(InputError, match="no network of sound"):
        FrozenStates(str(tmp_path / "nowhere"), 1)
