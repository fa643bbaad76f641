"""MusicGen's published layouts: the code model's logits are transformers' on the same weights."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from cantilena.errors import CheckpointError  # noqa: E402
from cantilena.models.audio.code_lm import Signal  # noqa: E402
from cantilena.models.audio.code_session import CodeSession  # noqa: E402
from cantilena.models.audio.musicgen import (  # noqa: E402
    from_audiocraft,
    from_transformers,
    load_musicgen,
)
from musicgen import BOOKS, CARD, causal, melody, whole  # noqa: E402

CLOSE = {"rtol": 1e-4, "atol": 1e-4}
"""Logits are about 1 to 10 in size; queries, keys and values come of one product here."""


def columns(seed: int = 0, rows: int = 2, length: int = 11) -> Any:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, CARD + 1, (rows, BOOKS, length), generator=generator)


def states(width: int, lengths: tuple[int, ...], seed: int = 1) -> Signal:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(len(lengths), max(lengths), width, generator=generator)
    mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    return Signal(values * mask[..., None], mask)


def theirs(model: Any, sequence: Any, **inputs: Any) -> Any:
    """transformers' logits as (B, K, S, card)."""
    with torch.no_grad():
        out = model(**inputs).logits
    return out.unflatten(0, (len(sequence), BOOKS))


def test_decoder_alone_with_texts_of_unequal_length():
    model, sequence, text = causal(), columns(), states(32, (5, 3))
    expected = theirs(
        model,
        sequence,
        input_ids=sequence.flatten(0, 1),
        encoder_hidden_states=text.states,
        encoder_attention_mask=text.mask.long(),
    )
    got = from_transformers(model)(sequence, {"text": text})
    assert expected.std() > 0.5
    torch.testing.assert_close(got, expected, **CLOSE)


def test_without_text_there_is_no_cross_attention():
    model, sequence = causal(), columns()
    expected = theirs(model, sequence, input_ids=sequence.flatten(0, 1))
    torch.testing.assert_close(from_transformers(model)(sequence), expected, **CLOSE)


def text_of(model: Any, ids: Any, mask: Any) -> Signal:
    with torch.no_grad():
        out = model.text_encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    return Signal(out * mask[..., None], mask.bool())


IDS = torch.tensor([[5, 9, 3, 1], [7, 1, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])


def test_whole_model_projects_its_text():
    model, sequence = whole(), columns()
    expected = theirs(
        model,
        sequence,
        input_ids=IDS,
        attention_mask=MASK,
        decoder_input_ids=sequence.flatten(0, 1),
    )
    got = from_transformers(model)(sequence, {"text": text_of(model, IDS, MASK)})
    torch.testing.assert_close(got, expected, **CLOSE)


def test_melody_stands_before_the_text_and_is_repeated():
    model, sequence = melody(), columns()
    chroma = torch.eye(12)[torch.tensor([[0, 4, 7, 9], [2, 2, 5, 11]])]
    expected = theirs(
        model,
        sequence,
        input_ids=IDS,
        attention_mask=MASK,
        input_features=chroma,
        decoder_input_ids=sequence.flatten(0, 1),
    )[:, :, 9 + 4 :]
    tune = Signal(chroma, torch.ones(2, 4, dtype=torch.bool))
    ours = from_transformers(model)
    got = ours(sequence, {"text": text_of(model, IDS, MASK), "melody": tune})
    torch.testing.assert_close(got, expected, **CLOSE)


def craft_names(weights: Any) -> dict[str, Any]:
    """transformers' weights as audiocraft's ``LMModel`` names and stacks them."""
    projection = "condition_provider.conditioners"
    renamed = {
        "embed_tokens": "emb",
        "lm_heads": "linears",
        "audio_enc_to_dec_proj": f"{projection}.self_wav.output_proj",
        "enc_to_dec_proj": f"{projection}.description.output_proj",
        "layer_norm": "out_norm",
        "self_attn_layer_norm": "norm1",
        "encoder_attn_layer_norm": "norm_cross",
        "final_layer_norm": "norm2",
        "encoder_attn": "cross_attention",
        "fc1": "linear1",
        "fc2": "linear2",
        "layers": "transformer.layers",
    }
    out: dict[str, Any] = {}
    for name, value in weights.items():
        name = name.removeprefix("decoder.").removeprefix("model.decoder.")
        out[".".join(renamed.get(part, part) for part in name.split("."))] = value
    for name in [n for n in out if ".q_proj." in n]:
        parts = [out.pop(name.replace("q_proj", f"{letter}_proj")) for letter in "qkv"]
        out[name.replace("q_proj.weight", "in_proj_weight")] = torch.cat(parts)
    return out


@pytest.mark.parametrize("build", [whole, melody])
def test_audiocrafts_names(build: Any):
    model, sequence = build(), columns()
    kept = ("decoder", "enc_to_dec_proj", "audio_enc_to_dec_proj")
    weights = {k: v for k, v in model.state_dict().items() if k.startswith(kept)}
    crafted = craft_names(weights)
    assert "transformer.layers.1.self_attn.in_proj_weight" in crafted
    ours, other = from_audiocraft(crafted, heads=4), from_transformers(model)
    signals = {"text": states(24, (4, 2))}
    if build is melody:
        ours_length = ours.config.conditions["melody"].length
        assert ours_length == 235
        tune = torch.eye(12)[torch.arange(2 * 235).view(2, 235) % 12]
        signals["melody"] = Signal(tune, torch.ones(2, 235, dtype=torch.bool))
        assert other.config.conditions["melody"].length == 9
    got = ours.state_dict()
    for name, value in other.state_dict().items():
        assert torch.equal(got[name], value), name
    assert ours(sequence, signals).shape == (2, BOOKS, 11, CARD)


def test_a_weight_that_is_not_there_is_named():
    weights = craft_names(dict(causal().state_dict()))
    del weights["transformer.layers.1.linear2.weight"]
    with pytest.raises(CheckpointError, match="fc2"):
        from_audiocraft(weights, heads=4)
    with pytest.raises(CheckpointError, match="layer_scale"):
        from_audiocraft({**weights, "transformer.layers.0.layer_scale_1.weight": torch.ones(1)})


@pytest.mark.parametrize("build", [causal, whole, melody])
def test_a_published_folder_loads(build: Any, tmp_path: Any):
    model, sequence = build(), columns()
    model.save_pretrained(tmp_path)
    loaded = load_musicgen(tmp_path)
    ours = from_transformers(model)
    assert loaded.model.config == ours.config
    torch.testing.assert_close(loaded.model(sequence), ours(sequence), rtol=0, atol=0)
    assert (loaded.codec is None) == (build is causal)


def test_audiocrafts_file_loads(tmp_path: Any):
    weights = craft_names(dict(causal().state_dict()))
    torch.save({"best_state": weights, "xp.cfg": "dtype: float32\n"}, tmp_path / "state_dict.bin")
    loaded = load_musicgen(tmp_path).model
    assert loaded.config.heads == 1  # of a width of 64, as published
    assert torch.equal(loaded.head.weight, from_transformers(causal()).head.weight)


def test_another_model_is_refused(tmp_path: Any):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(CheckpointError, match="no MusicGen, but a 'gpt2'"):
        load_musicgen(tmp_path)


@pytest.mark.parametrize("build", [causal, melody])
def test_a_session_gives_the_logits_of_a_whole_pass(build: Any):
    model, sequence = from_transformers(build()), columns()
    width = model.config.conditions["text"].width
    signals = {"text": states(width, (5, 3))}
    if build is melody:
        tune = torch.eye(12)[torch.tensor([[0, 4], [2, 5]])]
        signals["melody"] = Signal(tune, torch.ones(2, 2, dtype=torch.bool))
    expected = model(sequence, signals)
    session = CodeSession(model, signals, rows=2, columns=11)
    first = session.logits(session.read(sequence[:, :, :4]))
    torch.testing.assert_close(first, expected[:, :, 3], **CLOSE)
    for s in range(4, 11):
        got = session.logits(session.read(sequence[:, :, s : s + 1]))
        torch.testing.assert_close(got, expected[:, :, s], **CLOSE)
