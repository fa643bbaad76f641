"""Bridges, layer weights and a pretrained text model in the step model."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny_hf  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models import bridges  # noqa: E402
from cantilena.models.encoders import text_encoder  # noqa: E402
from cantilena.models.saving import write_model  # noqa: E402
from cantilena.models.step_lm import StepLM  # noqa: E402
from tiny import random_inputs, tiny_config, torch_inputs  # noqa: E402


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


def test_the_weights_of_a_checkpoint_are_read_printed_and_drawn(tmp_path):
    mix = bridges.LayerMix(3)
    mix.logits.data = torch.tensor([0.0, 1.0, 2.0])
    write_model(tmp_path, "card.json", {}, {"bridge.mix.logits": mix.logits})
    found = bridges.layer_weights(tmp_path)
    assert found == pytest.approx([0.0900, 0.2447, 0.6652], abs=1e-4)
    table = bridges.weights_table(found)
    assert "| embedding | 0.0900 |" in table and "| 2 | 0.6652 |" in table
    path = bridges.plot_weights(found, tmp_path / "new" / "layers.png", "a title")
    assert path.read_bytes().startswith(b"\x89PNG") and len(list(path.parent.iterdir())) == 1
    with pytest.raises(InputError, match=r"\.png"):
        bridges.plot_weights(found, tmp_path / "layers.gif")


def test_a_checkpoint_without_layer_weights_says_so(tmp_path):
    with pytest.raises(CheckpointError, match="missing"):
        bridges.layer_weights(tmp_path)
    write_model(tmp_path, "card.json", {}, {"other": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="last layer only"):
        bridges.layer_weights(tmp_path)


# ---------------------------------------------------------------------------- the step model


@pytest.fixture(scope="module", params=["bert", "hashed"])
def encoder(request, tmp_path_factory):
    if request.param == "hashed":
        return text_encoder("hashed", width=16)
    folder = tmp_path_factory.mktemp("bert")
    return text_encoder(tiny_hf.saved(tiny_hf.bert(), folder, tiny_hf.tokenizer()))


def with_text(encoder) -> StepLM:
    torch.manual_seed(0)
    return bridges.step_lm_with_text(tiny_config(), encoder)


def loss(model: StepLM, words: torch.Tensor) -> torch.Tensor:
    given = torch_inputs(random_inputs(len(words), 6))
    return model(**{**given, "words": words}).mean()


def test_a_step_model_reads_and_trains_with_a_frozen_text_model(encoder):
    model = with_text(encoder)
    texts = ["slow sad waltz", "", "rock"]
    words = model.text.words(texts)
    assert words.shape == (3, model.config.words) and not words[1].any() and words[0, 0] > 0
    states = model.text(words)
    assert states.shape == (encoder.layers, 3, model.config.words, encoder.width)
    assert torch.isfinite(states).all() and not states[:, 1].any()
    assert not list(model.text.parameters())
    trained = torch.optim.AdamW(model.parameters(), 1e-2)
    before = loss(model, words)
    for _ in range(5):
        trained.zero_grad()
        value = loss(model, words)
        value.backward()
        trained.step()
    assert value < before
    assert model.layer_weights.grad is not None and model.layer_weights.grad.any()


def test_the_text_reaches_the_prediction(encoder):
    model = with_text(encoder)
    one, two = (loss(model, model.text.words([t, t])) for t in ("slow sad waltz", "rock"))
    assert one != two


def test_a_step_model_with_a_text_model_is_saved_without_it_and_comes_back(encoder, tmp_path):
    model = with_text(encoder)
    words = model.text.words(["happy jazz trio", "rock"])
    bridges.save_step_lm(model, tmp_path)
    again = bridges.load_step_lm(tmp_path)
    assert torch.equal(loss(again, words), loss(model, words))
    assert not any(k.startswith("text.") for k in model.state_dict())
    with pytest.raises(CheckpointError, match=r"card\.json is missing"):
        bridges.load_step_lm(tmp_path / "other")


def test_the_default_step_model_keeps_its_own_text_encoder():
    names = set(StepLM(tiny_config()).state_dict())
    assert {"text.pieces.weight", "text.place", "layer_weights"} <= names
    with pytest.raises(InputError, match="own text encoder"):
        bridges.save_step_lm(StepLM(tiny_config()), "nowhere")


def test_more_words_than_the_encoder_reads_are_refused():
    encoder = text_encoder("hashed", width=16, longest=2)
    with pytest.raises(InputError, match="context of 2"):
        with_text(encoder)
