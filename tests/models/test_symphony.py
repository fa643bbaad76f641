"""SymphonyNet's network: the published layout, its heads' logits, states and files."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import tiny_bridges  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models import symphony  # noqa: E402
from cantilena.models.checkpoint import open_checkpoint  # noqa: E402
from cantilena.models.conversion import convert  # noqa: E402
from cantilena.models.symphony import FIELDS, PAD, SymphonyConfig, SymphonyLM, nats  # noqa: E402

GOLDEN = {
    "event": ("evt", 25),
    "duration": ("dur", 5),
    "track": ("trk", 5),
    "instrument": ("ins", 10),
}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return tiny_bridges.published("symphony", tmp_path_factory.mktemp("symphony"))


@torch.no_grad()
def test_the_four_heads_say_what_the_published_class_says(published):
    model, golden = SymphonyLM.load(published), tiny_bridges.golden("symphony")
    logits = model(golden["src"])
    for field, (name, every) in GOLDEN.items():
        ours = getattr(logits, field)[:, ::2, ::every]
        torch.testing.assert_close(ours, golden[name], atol=5e-6, rtol=1e-5)


@torch.no_grad()
def test_a_converted_checkpoint_is_the_same_model_and_says_where_it_is_from(published, tmp_path):
    folder = convert(published, tmp_path / "ours")
    rows = tiny_bridges.golden("symphony")["src"]
    for a, b in zip(SymphonyLM.load(folder)(rows), SymphonyLM.load(published)(rows), strict=True):
        assert torch.equal(a, b)
    card = open_checkpoint(folder, "symphony").card
    assert card["licence"] == "MIT"
    assert card["training"]["converted from"]["file"] == "symphony.pt"
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "model.safetensors"]


@torch.no_grad()
def test_step_by_step_it_says_what_it_says_at_once():
    model, rows = tiny_bridges.symphony(), tiny_bridges.rows(20)
    whole, states = model(rows), None
    for i in range(20):
        hidden, states = model.hidden(rows[:, i : i + 1], states)
        for a, b in zip(model.logits(hidden), whole, strict=True):
            torch.testing.assert_close(a[:, 0], b[:, i], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_the_instrument_is_never_read_and_padding_adds_nothing():
    model, rows = tiny_bridges.symphony(), tiny_bridges.rows()
    other = rows.clone()
    other[..., 3] = 2
    assert torch.equal(model(rows).instrument, model(other).instrument)
    meta = torch.tensor([[[5, PAD, 7, PAD, 0, 0]]])
    assert torch.equal(model.embed(meta)[0, 0], model.tables["event"].weight[5])
    padded = torch.cat([rows, torch.full((2, 3, 6), PAD)], 1)
    torch.testing.assert_close(model(padded).event[:, :12], model(rows).event)


def test_rows_that_are_no_notes_cost_their_event_alone():
    model, rows = tiny_bridges.symphony(), tiny_bridges.rows()
    logits = model(rows)
    targets = rows.clone()
    targets[..., 1:4] = PAD
    costs = nats(logits, targets)
    assert costs.shape == (4,) and costs[0] > 0 and not costs[1:].any()
    mean = torch.nn.functional.cross_entropy(logits.event.flatten(0, 1), rows[..., 0].flatten())
    torch.testing.assert_close(costs[0] / rows[..., 0].numel(), mean)


def test_the_published_size_has_the_published_numbers():
    with torch.device("meta"):
        model = SymphonyLM(SymphonyConfig())
    names = symphony.published_names(model.config)
    assert set(names) == set(model.state_dict()) and len(set(names.values())) == len(names) == 205
    assert 41.9e6 < sum(p.numel() for p in model.parameters()) < 42.1e6
    assert FIELDS == ("event", "duration", "track", "instrument")


def test_bad_weights_cards_and_rows_are_refused(published, tmp_path):
    content = tiny_bridges.content("symphony")
    del content["model"]["decoder.ln_f.bias"]
    torch.save(content, tmp_path / "less.pt")
    with pytest.raises(CheckpointError, match=r"not whole: decoder.ln_f.bias is missing"):
        SymphonyLM.load(tmp_path / "less.pt")
    content = tiny_bridges.content("symphony")
    content["args"].num_attention_heads = 1000
    torch.save(content, tmp_path / "heads.pt")
    with pytest.raises(CheckpointError, match=r"sizes in .* cannot be"):
        SymphonyLM.load(tmp_path / "heads.pt")
    with pytest.raises(CheckpointError, match="second stage"):
        SymphonyLM.load(tiny_bridges.published("attributes", tmp_path))
    with pytest.raises(InputError, match=r"rows \(B, T, 6\)"):
        tiny_bridges.symphony()(torch.zeros(1, 4, 5, dtype=torch.long))
    folder = tiny_bridges.symphony().save(tmp_path / "bad", {"model": {"layers": "two"}})
    with pytest.raises(CheckpointError, match=r"card of .* is damaged"):
        SymphonyLM.load(folder)
