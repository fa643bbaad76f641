"""MuseCoco's second stage: the published layout and logits, sizes, positions, states and files."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import tiny_bridges  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models import attribute_lm  # noqa: E402
from cantilena.models.attribute_lm import SEPARATOR, SIZES, AttributeConfig, AttributeLM  # noqa: E402
from cantilena.models.conversion import convert  # noqa: E402


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return tiny_bridges.published("attributes", tmp_path_factory.mktemp("attributes"))


def tiny(**changes) -> AttributeLM:
    torch.manual_seed(0)
    sizes = {"words": 30, "layers": 2, "width": 18, "heads": 4, "inner": 32, "separator": 7}
    return AttributeLM(AttributeConfig(**{**sizes, **changes})).eval()


@torch.no_grad()
@pytest.mark.parametrize(("compatible", "name"), [(False, "as_trained"), (True, "as_inferred")])
def test_logits_are_those_of_the_published_class(published, compatible, name):
    golden = tiny_bridges.golden("attributes")
    logits = AttributeLM.load(published, compatible=compatible)(golden["src"])[:, 60:, ::25]
    torch.testing.assert_close(logits, golden[name], atol=5e-6, rtol=1e-5)
    other = golden["as_trained" if compatible else "as_inferred"]
    assert not torch.allclose(logits, other, atol=1e-3)


@pytest.mark.parametrize(("size", "numbers"), [("xl", 203_845_442), ("1billion", 1_212_161_474)])
def test_the_published_sizes_have_the_published_numbers(size, numbers):
    with torch.device("meta"):
        model = AttributeLM(SIZES[size])
    unread = 2  # decoder.version and decoder.embed_positions._float_tensor
    assert sum(p.numel() for p in model.parameters()) + unread == numbers
    assert set(attribute_lm.published_names(model.config)) == set(model.state_dict())


def test_positions_begin_at_the_separator_or_one_before():
    ids = torch.tensor([[2, 9, 9, 7, 5, 5], [2, 9, 7, 5, 5, 5]])
    trained = [[0, 0, 0, 1, 2, 3], [0, 0, 1, 2, 3, 4]]
    assert tiny().positions(ids).tolist() == trained
    inferred = [[0, 0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5]]
    assert tiny(compatible=True).positions(ids).tolist() == inferred
    behind = tiny().positions(torch.tensor([[5, 5]]), torch.tensor([4]))
    assert behind.tolist() == [[5, 6]]
    vectors = attribute_lm.sinusoid(torch.tensor([0, 1]), 18)
    assert not vectors[0].any()
    torch.testing.assert_close(
        vectors[1, [0, 9]],
        torch.tensor([2.0, 2.0])
        .sin_()
        .new_tensor(
            [0.9092974, -0.4161468]  # sin 2 and cos 2: fairseq's first position is 2
        ),
    )


@torch.no_grad()
@pytest.mark.parametrize("compatible", [False, True])
def test_step_by_step_it_says_what_it_says_at_once(compatible):
    model = tiny(compatible=compatible)
    ids = torch.tensor([[2, 9, 10, 7, 5, 6, 11, 12]])
    whole = model(ids)
    hidden, states = model.hidden(ids[:, :4])
    torch.testing.assert_close(model.head(hidden), whole[:, :4], atol=1e-5, rtol=1e-4)
    place = model.positions(ids[:, :4])[:, -1]
    for i in range(4, 8):
        hidden, states = model.hidden(ids[:, i : i + 1], states, before=place)
        place = place + 1
        torch.testing.assert_close(model.head(hidden)[:, 0], whole[:, i], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_converted_checkpoint_is_the_same_model_and_padding_is_not_read(published, tmp_path):
    folder = convert(published, tmp_path / "ours")
    ids = tiny_bridges.golden("attributes")["src"]
    model = AttributeLM.load(folder)
    assert torch.equal(model(ids), AttributeLM.load(published)(ids))
    assert not torch.equal(AttributeLM.load(folder, compatible=True)(ids), model(ids))
    padded = torch.cat([ids, torch.full((2, 3), attribute_lm.PAD)], 1)
    torch.testing.assert_close(model(padded)[:, : ids.shape[1]], model(ids))


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(InputError, match="none of 30 words"):
        tiny(separator=30)
    with pytest.raises(InputError, match="even width"):
        tiny(width=17)
    assert AttributeConfig().separator == SEPARATOR
    content = tiny_bridges.content("attributes")
    del content["args"].decoder_attention_heads
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="how many heads a width of 38 has"):
        AttributeLM.load(tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="are those of SymphonyNet"):
        AttributeLM.load(tiny_bridges.published("symphony", tmp_path))
