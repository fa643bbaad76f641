"""MuseCoco's first stage: query tokens without positions, one pooler, a head an attribute."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.files import write_json  # noqa: E402
from cantilena.models import text_attributes  # noqa: E402
from cantilena.models.conversion import convert  # noqa: E402
from cantilena.models.saving import save_tensors  # noqa: E402
from cantilena.models.text_attributes import TextToAttributes  # noqa: E402

VALUES = [3, 3, 4, 18]


@pytest.fixture(scope="module")
def model() -> TextToAttributes:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=50,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=32,
        max_position_embeddings=20,
        initializer_range=0.5,
    )
    bert = transformers.BertModel(config, add_pooling_layer=False)
    return TextToAttributes(bert, VALUES).eval()


IDS = torch.tensor([[30, 31, 32, 33, 34], [30, 35, 36, 34, 0]])
MASK = IDS > 0


@torch.no_grad()
def test_queries_stand_before_the_text_without_a_position(model):
    table = model.bert.embeddings
    words = table.word_embeddings(torch.cat([torch.arange(1, 5), IDS[0]])[None])
    places = torch.cat([torch.zeros(4, 24), table.position_embeddings.weight[:5]])
    x = table.LayerNorm(words + places + table.token_type_embeddings.weight[0])
    for layer in model.bert.encoder.layer:
        x = layer(x)
        x = x[0] if isinstance(x, tuple) else x
    pooled = model.pooler["dense"](x[:, :4]).tanh()
    logits = model(IDS[:1], MASK[:1])
    assert [row.shape for row in logits] == [(1, n) for n in VALUES]
    for k, row in enumerate(logits):
        torch.testing.assert_close(row, model.classifieratt[k](pooled[:, k]), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_padding_is_not_read(model):
    alone, beside = model(IDS[1:, :4], MASK[1:, :4]), model(IDS, MASK)
    for a, b in zip(alone, beside, strict=True):
        torch.testing.assert_close(a[0], b[1], atol=1e-5, rtol=1e-4)


def test_the_loss_is_the_sum_over_attributes(model):
    logits = model(IDS, MASK)
    targets = torch.tensor([[0, 1, 2, 3], [1, -100, 0, 17]])
    expected = sum(
        torch.nn.functional.cross_entropy(row, targets[:, k]) for k, row in enumerate(logits)
    )
    torch.testing.assert_close(text_attributes.loss(logits, targets), expected)


@torch.no_grad()
def test_the_published_layout_and_ours_are_read_and_give_the_same(model, tmp_path):
    weights = dict(model.state_dict())
    weights["bert.pooler.dense.weight"] = torch.zeros(24, 24)  # published, and read by nothing
    weights["bert.pooler.dense.bias"] = torch.zeros(24)
    weights["bert.embeddings.position_ids"] = torch.arange(20)[None]
    published = tmp_path / "published"
    published.mkdir()
    torch.save(weights, published / "pytorch_model.bin")
    write_json(published / "config.json", {"num_attention_heads": 3, "model_type": "bert"})
    ours = convert(published / "pytorch_model.bin", tmp_path / "ours")
    for place in (published, published / "pytorch_model.bin", ours):
        loaded = TextToAttributes.load(place)
        assert loaded.values == VALUES
        for a, b in zip(loaded(IDS, MASK), model(IDS, MASK), strict=True):
            assert torch.equal(a, b)


def test_bad_checkpoints_and_texts_are_refused(model, tmp_path):
    with pytest.raises(InputError, match="does not fit BERT's 20 positions"):
        model(torch.ones(1, 21, dtype=torch.long), torch.ones(1, 21))
    with pytest.raises(InputError, match="0 attributes cannot be told"):
        TextToAttributes(model.bert, [])
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        TextToAttributes.load(tmp_path)
    weights = {k: v for k, v in model.state_dict().items() if k.startswith("bert.")}
    save_tensors(tmp_path / "model.safetensors", weights)
    with pytest.raises(CheckpointError, match="a BERT without heads; needed are those of MuseCoco"):
        TextToAttributes.load(tmp_path)
    weights = dict(model.state_dict())
    del weights["pooler.dense.bias"]
    save_tensors(tmp_path / "model.safetensors", weights)
    write_json(tmp_path / "config.json", {"num_attention_heads": 3})
    with pytest.raises(CheckpointError, match=r"do not fit.*pooler\.dense\.bias"):
        TextToAttributes.load(tmp_path)
