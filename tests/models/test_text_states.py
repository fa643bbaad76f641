"""States of a frozen text model kept on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny_hf  # noqa: E402
from cantilena.models.encoders import PretrainedEncoder, text_encoder  # noqa: E402
from cantilena.models.text_states import StoredEncoder  # noqa: E402

TEXTS = ["slow sad waltz for string quartet in d minor .", "rock", "happy jazz trio"]


@pytest.fixture
def encoder(tmp_path) -> PretrainedEncoder:
    return text_encoder(tiny_hf.saved(tiny_hf.llama(), tmp_path / "text", tiny_hf.tokenizer()))


def test_states_are_those_of_the_model_rounded_once(encoder, tmp_path):
    stored = StoredEncoder(encoder, tmp_path / "states")
    plain, kept = encoder.encode(TEXTS), stored.encode(TEXTS)
    assert torch.equal(plain.mask, kept.mask) and kept.states.dtype == torch.float32
    assert torch.allclose(plain.states, kept.states, atol=2e-3, rtol=1e-3)
    assert not kept.states[:, ~kept.mask].any()
    assert torch.equal(kept.states, kept.states.half().float())
    assert stored.card == encoder.card and stored.layers == encoder.layers


def test_a_text_is_read_once_whatever_stands_beside_it(encoder, tmp_path, monkeypatch):
    stored = StoredEncoder(encoder, tmp_path / "states")
    first = stored.encode(TEXTS[:2])
    monkeypatch.setattr(encoder, "states", lambda *a: pytest.fail("the model was asked again"))
    again = StoredEncoder(encoder, tmp_path / "states").encode(TEXTS[1::-1])
    length = int(first.mask[1].sum())
    assert torch.equal(first.states[:, 1, :length], again.states[:, 0, :length])
    assert torch.equal(first.states[:, 0], again.states[:, 1])


def test_the_last_layer_alone_comes_from_either_kind_of_file(encoder, tmp_path, monkeypatch):
    whole = StoredEncoder(encoder, tmp_path / "a").encode(TEXTS).states
    last = StoredEncoder(encoder, tmp_path / "b", last=True).encode(TEXTS).states
    assert last.shape[0] == 1 and torch.equal(last, whole[-1:])
    sizes = [sum(p.stat().st_size for p in (tmp_path / n).iterdir()) for n in "ab"]
    assert sizes[1] < sizes[0]
    monkeypatch.setattr(encoder, "states", lambda *a: pytest.fail("the model was asked again"))
    assert torch.equal(StoredEncoder(encoder, tmp_path / "a", last=True).encode(TEXTS).states, last)


def test_states_of_other_weights_are_not_taken(encoder, tmp_path):
    folder = tmp_path / "states"
    before = StoredEncoder(encoder, folder).encode(TEXTS).states
    with torch.no_grad():
        next(encoder.model.parameters()).mul_(2)
    after = StoredEncoder(encoder, folder).encode(TEXTS).states
    assert torch.allclose(after[0], encoder.encode(TEXTS).states[0], atol=2e-3)
    assert not torch.allclose(before, after, atol=1e-2)


def test_a_damaged_file_is_made_again(encoder, tmp_path):
    folder: Path = tmp_path / "states"
    before = StoredEncoder(encoder, folder).encode(TEXTS).states
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:50])
    assert torch.equal(StoredEncoder(encoder, folder).encode(TEXTS).states, before)
    assert torch.equal(StoredEncoder(encoder, folder).encode(TEXTS).states, before)


def test_states_too_large_for_float16_are_kept_whole(encoder, tmp_path):
    with torch.no_grad():
        encoder.model.get_input_embeddings().weight.mul_(1e7)
    folder = tmp_path / "states"
    for _ in range(2):
        states = StoredEncoder(encoder, folder).encode(TEXTS).states
        assert states.isfinite().all() and states.abs().max() > 65_504


def test_each_layer_is_rounded_where_it_fits_float16(encoder, tmp_path, monkeypatch):
    """The last layer is the same whether others that do not fit stand beside it or not."""
    states = encoder.states

    def large(ids, mask):
        out = states(ids, mask)
        out[1] *= 1e7
        return out

    monkeypatch.setattr(encoder, "states", large)
    whole = StoredEncoder(encoder, tmp_path / "a").encode(TEXTS).states
    assert whole[1].isfinite().all() and whole[1].abs().max() > 65_504
    fresh = StoredEncoder(encoder, tmp_path / "b", last=True).encode(TEXTS).states
    shared = StoredEncoder(encoder, tmp_path / "a", last=True).encode(TEXTS).states
    assert torch.equal(shared, fresh) and torch.equal(whole[-1:], fresh)
