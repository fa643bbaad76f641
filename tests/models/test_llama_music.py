"""Text and music in one vocabulary: joint logits, starts, folding, files."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import tiny_hf  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.checkpoint import CARD  # noqa: E402
from cantilena.models.llama_music import LlamaMusic  # noqa: E402
from cantilena.models.llama_plain import (  # noqa: E402
    export_plain,
    import_plain,
    music_token,
    read_plain,
)

SMALL, TEXT = tiny_hf.SMALL, tiny_hf.TEXT


def made(seed: int = 0, **changes) -> LlamaMusic:
    text = tiny_hf.llama(seed=seed, **changes)
    return LlamaMusic(text, None, SMALL).eval()


def joint(rows: int = 2) -> torch.Tensor:
    """(rows, 8 + 31) joint ids: words, then music."""
    words = torch.randint(3, TEXT, (rows, 8), generator=torch.Generator().manual_seed(1))
    return torch.cat([words, TEXT + tiny_hf.some_music(rows=rows)], dim=1)


def test_logits_are_joined_text_first():
    model, ids = made(), joint()
    hidden = model.text.model(inputs_embeds=model.embed(ids)).last_hidden_state
    logits = model(ids).logits
    assert logits.shape == (2, 39, TEXT + SMALL.size)
    assert torch.allclose(logits[..., :TEXT], model.text.lm_head(hidden), atol=1e-6)
    assert torch.allclose(logits[..., TEXT:], model.expanded_lm_head(hidden), atol=1e-6)


def test_words_alone_are_embedded_as_the_text_model_does():
    model, ids = made(), joint()[:, :8]
    assert torch.equal(model(ids).logits[..., :TEXT], model.text(ids).logits)


def test_music_is_embedded_apart_and_projected():
    model = made()
    ids = TEXT + torch.tensor([[0, 5, SMALL.size - 1]])
    wanted = model.music_embedding.weight[[0, 5, -1]] @ model.music_projection.weight.T
    assert torch.allclose(model.embed(ids)[0], wanted, atol=1e-7)


def test_the_loss_runs_over_text_and_music_and_skips_what_is_not_labelled():
    model, ids = made(), joint()
    logits = model(ids).logits[:, :-1].log_softmax(-1)
    each = -logits.gather(-1, ids[:, 1:, None])[..., 0]
    assert float(model(ids, labels=ids).loss) == pytest.approx(float(each.mean()), rel=1e-5)
    music = ids.masked_fill(ids < TEXT, -100)
    wanted = float(each[:, 7:].mean())
    assert float(model(ids, labels=music).loss) == pytest.approx(wanted, rel=1e-5)
    shared = model(ids, labels=ids, num_items_in_batch=500).loss
    assert float(shared) == pytest.approx(float(each.sum()) / 500, rel=1e-5)


def test_the_loss_in_chunks_is_the_loss_and_has_its_gradients(monkeypatch):
    from cantilena.models import tuned

    ids, grads = joint(), []
    for chunk in (1000, 7):
        model = made()
        hidden = model.text.model(inputs_embeds=model.embed(ids)).last_hidden_state
        loss = tuned.token_loss(hidden[:, :-1], ids[:, 1:], model.joint_logits, chunk=chunk)
        loss.backward()
        grads.append((loss.detach(), [p.grad for p in model.parameters()]))
    assert torch.allclose(grads[0][0], grads[1][0], atol=1e-6)
    for one, two in zip(grads[0][1], grads[1][1], strict=True):
        assert torch.allclose(one, two, atol=1e-6)


def test_a_training_step_moves_every_part():
    model, ids = made().train(), joint()
    model.activation_checkpointing_enable()
    steps, losses = torch.optim.AdamW(model.parameters(), 3e-3), []
    for _ in range(4):
        steps.zero_grad()
        loss = model(ids, labels=ids).loss
        loss.backward()
        steps.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


# ---------------------------------------------------------------------------- starts


def test_the_gaussian_start_has_llamas_deviation():
    model = made(initializer_range=0.05)
    for layer in (model.music_embedding, model.music_projection, model.expanded_lm_head):
        assert float(layer.weight.detach().std()) == pytest.approx(0.05, rel=0.05)


def test_the_start_from_amt_is_scaled_and_filled_with_zeros():
    model, music = made(), tiny_hf.amt()
    table = music.get_input_embeddings().weight.detach()
    model.start_from_amt(table)
    text = float(model.text.get_input_embeddings().weight.detach().std())
    for rows in (model.music_embedding.weight.detach(), model.expanded_lm_head.weight.detach()):
        assert not rows[:, 24:].any()
        assert float(rows[:, :24].std()) == pytest.approx(text, rel=1e-4)
        assert torch.allclose(rows[:, :24], table * (text / table.std()), atol=1e-7)
    some = torch.tensor([[TEXT + 7]])
    assert torch.allclose(model.embed(some)[0, 0], model.music_embedding.weight[7])
    with pytest.raises(InputError, match="width 32"):
        model.start_from_amt(torch.zeros(SMALL.size, 33))
    with pytest.raises(InputError, match="do not go into"):
        model.start_from_amt(torch.zeros(SMALL.size - 1, 24))


# ---------------------------------------------------------------------------- files


def test_a_saved_model_comes_back_alone(tmp_path):
    model, ids = made(), joint()
    model.source = {"name": "meta-llama/Llama-3.2-1B", "revision": "abc"}
    model.save(tmp_path, tiny_hf.tokenizer())
    card = json.loads((tmp_path / CARD).read_text())
    assert card["model"]["text"]["revision"] == "abc" and card["model"]["music"] == SMALL.size
    again = LlamaMusic.load(tmp_path)
    assert torch.equal(again(ids).logits, model(ids).logits)
    assert again.source == model.source and (tmp_path / "tokenizer").is_dir()


def test_weights_alone_are_cast_when_loaded(tmp_path):
    made().save(tmp_path)
    model = LlamaMusic.load(tmp_path, device="cpu", dtype="bfloat16")
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    # rounded frequencies would put later positions elsewhere
    frequencies = dict(model.named_buffers())["text.model.rotary_emb.inv_freq"]
    assert frequencies.dtype == torch.float32
    assert torch.equal(frequencies, dict(made().named_buffers())["text.model.rotary_emb.inv_freq"])


@pytest.mark.parametrize("tied", [True, False])
def test_the_folded_model_is_a_plain_llama_with_equal_logits(tied):
    model, ids = made(tie_word_embeddings=tied), joint()
    plain = model.folded()
    assert type(plain) is transformers.LlamaForCausalLM
    assert plain.config.vocab_size == TEXT + SMALL.size and not plain.config.tie_word_embeddings
    assert torch.allclose(plain(ids).logits, model(ids).logits, atol=1e-5)
    assert model.text.config.vocab_size == TEXT


def test_an_exported_folder_loads_with_transformers_alone(tmp_path):
    model, ids, words = made(), joint(), tiny_hf.tokenizer()
    export_plain(model, tmp_path, words)
    plain = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    assert torch.allclose(plain(ids).logits, model(ids).logits, atol=1e-5)
    wide = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert len(wide) == TEXT + SMALL.size
    assert wide("slow waltz")["input_ids"] == words("slow waltz")["input_ids"]
    for token in (0, 17, SMALL.size - 1):
        assert wide.convert_tokens_to_ids(music_token(token)) == TEXT + token
    settings = plain.generation_config
    assert settings.top_p == 0.98 and TEXT + SMALL.separator in settings.eos_token_id


def test_an_export_may_leave_the_tokenizer_as_it_is(tmp_path):
    export_plain(made(), tmp_path, tiny_hf.tokenizer(), dtype="bfloat16", add_tokens=False)
    wide = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert len(wide) == len(tiny_hf.tokenizer())
    found = read_plain(tmp_path, dtype="bfloat16")
    assert found.offset == TEXT and found.vocabulary == SMALL
    assert found.model.dtype == torch.bfloat16


def test_midi_llms_layout_is_read_by_its_number_of_rows(tmp_path):
    """Rows appended to a tied model, two more of them than AMT has tokens, and no card of ours."""
    plain = tiny_hf.llama(rows=len(tiny_hf.tokenizer()) + SMALL.size + 2)
    tiny_hf.saved(plain, tmp_path, tiny_hf.tokenizer())
    split, words = import_plain(tmp_path, vocabulary=SMALL)
    assert split.offset == len(words) and split.n_music == SMALL.size + 2
    ids = torch.arange(0, split.offset + split.n_music, 97)[None]
    assert torch.allclose(split(ids).logits, plain(ids).logits, atol=1e-5)
    again = split.folded()
    assert torch.allclose(again(ids).logits, plain(ids).logits, atol=1e-5)


def test_the_published_rows_put_music_where_the_text_vocabulary_ends():
    from cantilena.models.llama_plain import _offset
    from cantilena.tokens.arrival.vocab import AMT

    assert AMT.size == 55_028
    assert _offset(183_286, AMT, range(128_256)) == 128_256
    assert _offset(183_286, AMT, range(128_011)) == 128_256
    with pytest.raises(CheckpointError, match="183,286"):
        _offset(128_256, AMT, range(128_256))


def test_wrong_sizes_and_tokenizers_are_named(tmp_path):
    with pytest.raises(CheckpointError, match="fewer than the"):
        LlamaMusic(tiny_hf.llama(), SMALL.size - 1, SMALL)
    small = LlamaMusic(tiny_hf.llama(rows=30), None, SMALL)
    with pytest.raises(CheckpointError, match="wrong tokenizer"):
        export_plain(small, tmp_path, tiny_hf.tokenizer())
    tiny_hf.saved(tiny_hf.llama(), tmp_path / "text", tiny_hf.tokenizer())
    with pytest.raises(CheckpointError, match="wrong vocabulary size"):
        read_plain(tmp_path / "text", vocabulary=SMALL)
    with pytest.raises(CheckpointError, match="wrong vocabulary size"):
        read_plain(tmp_path / "text", vocabulary=SMALL, offset=40)
    with pytest.raises(InputError, match="do not fit the context of 128"):
        made()(torch.zeros(1, 129, dtype=torch.long))
    with pytest.raises(CheckpointError, match="missing"):
        LlamaMusic.load(tmp_path)
