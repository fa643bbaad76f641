"""The prefix model: what reaches what, positions, padding, the loss, files."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny_hf  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.amt_prefix import AmtPrefix  # noqa: E402
from cantilena.models.checkpoint import CARD  # noqa: E402
from cantilena.models.encoders import text_encoder  # noqa: E402

SMALL = tiny_hf.SMALL
TEXTS = ["slow sad waltz for string quartet", "rock"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("llama")
    return text_encoder(tiny_hf.saved(tiny_hf.llama(), folder, tiny_hf.tokenizer()))


def made(encoder, mix: str = "last", seed: int = 0) -> AmtPrefix:
    torch.manual_seed(seed)
    model = AmtPrefix(tiny_hf.amt(), encoder, mix, SMALL).eval()
    torch.nn.init.normal_(model.bridge.project.weight, std=0.5)
    return model


def states(encoder, texts=TEXTS) -> dict:
    text = encoder.encode(texts)
    return {"text_states": text.states, "text_mask": text.mask}


@pytest.mark.parametrize("mix", ["last", "layers"])
def test_padded_texts_give_what_each_alone_gives(encoder, mix):
    model, music = made(encoder, mix), tiny_hf.some_music()
    together = model(music, **states(encoder)).logits
    for k, text in enumerate(TEXTS):
        alone = model(music[k : k + 1], **states(encoder, [text])).logits
        assert torch.allclose(together[k : k + 1], alone, atol=1e-5)


def test_padded_music_gives_what_each_alone_gives(encoder):
    model, music = made(encoder), tiny_hf.some_music()
    mask = torch.ones_like(music)
    mask[1, 16:] = 0
    labels = music.masked_fill(mask == 0, -100)
    output = model(music, mask, labels, **states(encoder), return_logits=True)
    alone = model(music[1:, :16], **states(encoder, TEXTS[1:])).logits
    assert torch.allclose(output.logits[1:, :16], alone, atol=1e-5)
    each = [
        torch.nn.functional.cross_entropy(output.logits[k, :n], music[k, :n], reduction="sum")
        for k, n in ((0, 31), (1, 16))
    ]
    assert float(output.loss) == pytest.approx(float(sum(each)) / 47, rel=1e-5)


def test_the_prefix_has_no_positions_and_the_music_keeps_its_own(encoder):
    """By hand: embeddings with positions for the music alone go through the blocks."""
    model, music = made(encoder), tiny_hf.some_music()
    given = states(encoder, TEXTS[:1] * 2)
    prefix, _ = model.prefix(2, **given)
    trunk = model.music.transformer
    tokens = trunk.wte(music) + trunk.wpe.weight[: music.shape[1]]
    x = torch.cat([prefix, tokens], dim=1)
    for block in trunk.h:
        x = block(x, attention_mask=None)
        x = x[0] if isinstance(x, tuple) else x
    wanted = model.music.lm_head(trunk.ln_f(x))[:, prefix.shape[1] - 1 : -1]
    assert torch.allclose(model(music, **given).logits, wanted, atol=1e-5)


def test_without_a_text_the_start_vector_alone_stands_before_the_music(encoder):
    model, music = made(encoder), tiny_hf.some_music()
    vectors, mask = model.prefix(2)
    assert vectors.shape == (2, 1, model.width) and mask.shape == (2, 1)
    assert torch.equal(vectors[0, 0], model.start)
    assert not torch.allclose(model(music).logits, model(music, **states(encoder)).logits)


def test_a_whole_context_of_music_fits_behind_any_text(encoder):
    model = made(encoder)
    music = torch.zeros(1, SMALL.context, dtype=torch.long)
    logits = model(music, **states(encoder, TEXTS[:1])).logits
    assert logits.shape == (1, SMALL.context, SMALL.size)
    with pytest.raises(InputError, match="65 music tokens"):
        model(torch.zeros(1, 65, dtype=torch.long))


def test_token_ids_of_a_text_give_what_its_states_give(encoder):
    model, music = made(encoder), tiny_hf.some_music()
    ids, mask = encoder.tokens(TEXTS)
    one = model(music, text_ids=ids, text_mask=mask.long()).logits
    assert torch.allclose(one, model(music, **states(encoder)).logits, atol=1e-6)


@pytest.mark.parametrize("mix", ["last", "layers"])
def test_training_moves_music_and_bridge_and_leaves_the_text_model(encoder, mix):
    model = made(encoder, mix).train()
    model.activation_checkpointing_enable()
    text = [p.clone() for p in encoder.model.parameters()]
    music = tiny_hf.some_music()
    ids, mask = encoder.tokens(TEXTS)
    steps = torch.optim.AdamW(model.parameters(), 3e-3)
    losses = []
    for _ in range(4):
        steps.zero_grad()
        loss = model(music, labels=music, text_ids=ids, text_mask=mask).loss
        loss.backward()
        steps.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    for name, p in model.named_parameters():
        assert p.grad is not None and p.grad.any(), name
    assert all(torch.equal(p, q) for p, q in zip(text, encoder.model.parameters(), strict=True))
    assert not any("encoder" in name for name in model.state_dict())


def test_the_loss_over_a_steps_number_of_items_is_the_sum_over_it(encoder):
    model, music = made(encoder), tiny_hf.some_music()
    mean = model(music, labels=music).loss
    shared = model(music, labels=music, num_items_in_batch=100).loss
    assert float(shared) == pytest.approx(float(mean) * music.numel() / 100, rel=1e-5)


@pytest.mark.parametrize("mix", ["last", "layers"])
def test_a_saved_model_comes_back_with_its_texts(encoder, mix, tmp_path):
    model, music = made(encoder, mix), tiny_hf.some_music()
    model.source = {"name": "stanford-crfm/music-small-800k", "revision": "abc"}
    model.save(tmp_path)
    card = json.loads((tmp_path / CARD).read_text())
    part = card["model"]
    assert part["text"]["name"] == encoder.name and part["music"]["revision"] == "abc"
    again = AmtPrefix.load(tmp_path)
    ids, mask = again.encoder.tokens(TEXTS)
    logits = again(music, text_ids=ids, text_mask=mask).logits
    assert torch.equal(logits, model(music, **states(encoder)).logits)
    assert sorted(p.name for p in tmp_path.iterdir()) == [CARD, "model.safetensors"]


def test_a_music_model_with_rotary_positions_will_do(encoder):
    music_model = tiny_hf.llama(rows=SMALL.size, tie_word_embeddings=False)
    model, music = AmtPrefix(music_model, encoder, "last", SMALL).eval(), tiny_hf.some_music()
    together = model(music, **states(encoder)).logits
    alone = model(music[1:], **states(encoder, TEXTS[1:])).logits
    assert torch.allclose(together[1:], alone, atol=1e-5)


def test_what_does_not_fit_is_named(encoder, tmp_path):
    with pytest.raises(CheckpointError, match="48 tokens"):
        AmtPrefix(tiny_hf.llama(), encoder)
    with pytest.raises(CheckpointError, match="missing"):
        AmtPrefix.load(tmp_path)
    model = made(encoder)
    model.save(tmp_path)
    card = json.loads((tmp_path / CARD).read_text())
    (tmp_path / CARD).write_text(json.dumps({**card, "system": "other"}))
    with pytest.raises(CheckpointError, match="'other'"):
        AmtPrefix.load(tmp_path)
    bridge = card["model"]["bridge"]

    def with_bridge(**changes) -> None:
        model = {**card["model"], "bridge": {**bridge, **changes}}
        (tmp_path / CARD).write_text(json.dumps({**card, "model": model}))

    with_bridge(layers=9)
    AmtPrefix.load(tmp_path, text=False)  # the base bridge does not count layers
    with_bridge(mix="layers")
    with pytest.raises(CheckpointError, match="do not fit"):
        AmtPrefix.load(tmp_path)
    for odd in (-1, "x", None, 1e30):
        with_bridge(text_width=odd)
        with pytest.raises(CheckpointError, match=r"do not fit|damaged"):
            AmtPrefix.load(tmp_path, text=False)
