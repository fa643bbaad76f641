"""Text encoders: layers, padding, cutting, and what is said when weights cannot be had."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny_hf  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.encoders import (  # noqa: E402
    PretrainedEncoder,
    cut_at_sentence,
    encoder_from_card,
    text_encoder,
)
from cantilena.models.hub import loading  # noqa: E402

TEXTS = ["slow sad waltz for string quartet in d minor .", "rock", "happy jazz trio"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("text")
    words = tiny_hf.tokenizer()
    made = {"llama": tiny_hf.llama(), "bert": tiny_hf.bert()}
    return {name: tiny_hf.saved(model, root / name, words) for name, model in made.items()}


@pytest.fixture(scope="module", params=["llama", "bert", "t5", "hashed"])
def encoder(request, folders, tmp_path_factory):
    if request.param == "hashed":
        return text_encoder("hashed", width=16)
    if request.param == "t5":
        from transformers import T5Config, T5ForConditionalGeneration

        torch.manual_seed(0)
        sizes = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}
        model = T5ForConditionalGeneration(T5Config(vocab_size=tiny_hf.TEXT, **sizes))
        folder = tiny_hf.saved(model, tmp_path_factory.mktemp("t5"), tiny_hf.tokenizer())
        return text_encoder(folder)
    return text_encoder(folders[request.param])


def test_every_layer_is_given_and_the_embeddings_are_the_first(encoder):
    text = encoder.encode(TEXTS)
    assert text.states.shape == (3, 3, text.mask.shape[1], encoder.width)
    assert encoder.layers == 3 and text.states.dtype == torch.float32
    for one, two in ((0, 1), (1, 2)):
        assert (text.states[one] - text.states[two]).abs().max() > 1e-4
    assert not text.states.requires_grad


def test_padding_changes_nothing_and_gives_nothing(encoder):
    together = encoder.encode(TEXTS)
    for k, text in enumerate(TEXTS):
        alone = encoder.encode([text])
        length = int(together.mask[k].sum())
        assert alone.states.shape[2] == length
        assert torch.allclose(together.states[:, k, :length], alone.states[:, 0], atol=1e-5)
        assert not together.states[:, k, length:].any()


def test_texts_are_told_apart_and_equal_texts_are_equal(encoder):
    one, two, again = (encoder.encode([t]).states for t in ("rock", "jazz", "rock"))
    assert torch.equal(one, again) and not torch.allclose(one, two)


def test_an_empty_text_has_a_state(encoder):
    text = encoder.encode(["", "rock"])
    assert text.mask.any(1).all() and torch.isfinite(text.states).all()


def test_an_encoder_comes_back_from_its_card(encoder):
    other = encoder_from_card(encoder.card)
    assert other.card == encoder.card
    assert torch.equal(other.encode(TEXTS).states, encoder.encode(TEXTS).states)


def test_the_embedding_layer_of_llama_is_its_table(folders):
    encoder = text_encoder(folders["llama"])
    ids, mask = encoder.tokens(["rock"])
    table = encoder.model.get_input_embeddings().weight
    assert torch.equal(encoder.states(ids, mask)[0], table[ids])


def test_a_long_text_is_cut_at_a_sentence_with_a_word_about_it(folders):
    encoder = text_encoder(folders["llama"], longest=9)
    text = "slow waltz . happy trio . rock rock rock rock rock rock"
    with pytest.warns(UserWarning, match="longer than the context of 9 tokens"):
        ids, _ = encoder.tokens([text])
    assert torch.equal(ids, encoder.tokens(["slow waltz . happy trio ."])[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder.tokens(["slow waltz . happy trio ."])


def test_where_no_sentence_fits_it_is_cut_at_a_word_and_then_anywhere():
    def most(n):
        return lambda text: len(text) <= n

    assert cut_at_sentence("One. Two. Three", most(10)) == ("One. Two.", True)
    assert cut_at_sentence("no end of sentence", most(8)) == ("no end", True)
    assert cut_at_sentence("unbreakable", most(4)) == ("unbr", True)
    assert cut_at_sentence("fits", most(4)) == ("fits", False)
    assert cut_at_sentence("3.5 beats. More", most(12)) == ("3.5 beats.", True)
    assert cut_at_sentence("nothing", most(0)) == ("", True)


def test_hidden_states_are_frozen(folders):
    encoder = text_encoder(folders["bert"])
    assert not any(p.requires_grad for p in encoder.model.parameters())
    assert not encoder.model.training


# ---------------------------------------------------------------------------- what can be wrong


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match="hashed"):
        text_encoder("no-such-encoder")


def test_missing_weights_say_which_how_to_get_them_and_what_works_without(tmp_path):
    with pytest.raises(CheckpointError) as told:
        text_encoder(tmp_path / "nothing" / "here")
    assert "nothing/here" in str(told.value) and "'note' works without" in str(told.value)
    assert "\n" not in str(told.value)


def test_gated_weights_say_where_to_accept_the_licence():
    said = r"gated.*huggingface.co/meta-llama/x.*HF_TOKEN"
    with pytest.raises(CheckpointError, match=said), loading("text model", "meta-llama/x"):
        raise OSError("401 Client Error. You are trying to access a gated repo.")


def test_a_folder_without_weights_is_named(tmp_path):
    tiny_hf.tokenizer().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"config\.json or model\.safetensors is missing"):
        PretrainedEncoder(tmp_path)


def test_a_tokenizer_with_more_tokens_than_the_model_has_rows_is_named(tmp_path):
    tiny_hf.saved(tiny_hf.llama(rows=20), tmp_path, tiny_hf.tokenizer())
    with pytest.raises(CheckpointError, match="wrong tokenizer"):
        PretrainedEncoder(tmp_path)


def test_an_impossible_context_or_dtype_is_named(folders):
    with pytest.raises(InputError, match="1-48"):
        text_encoder(folders["bert"], longest=49)
    with pytest.raises(InputError, match="float32, bfloat16, float16"):
        text_encoder(folders["bert"], dtype="int4")
