"""KaraSinger's codec: levels that depend on the coarser ones, and phonemes off the coarsest."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

from cantilena.errors import InputError  # noqa: E402
from cantilena.models.audio.codec.base import codec  # noqa: E402
from tiny_codecs import OPTIONS, noise, tiny  # noqa: E402


def test_a_column_is_top_middle_middle_and_four_of_the_bottom():
    model = tiny("mel-levels")
    assert model.books == 7 and model.hop == 64 and set(model.sizes) == {16}
    sound = noise(1, 1, 20 * 64)
    codes = model.encode(sound)
    assert codes.shape == (1, 7, 20)
    # a change late in the sound leaves early codes of all levels as they were
    later = sound.clone()
    later[..., 15 * 64 :] *= -0.5
    assert torch.equal(model.encode(later)[..., :8], codes[..., :8])


def test_the_finer_levels_are_silent_where_they_are_missing():
    model = tiny("mel-levels")
    codes = model.encode(noise(1, 1, 20 * 64))
    values = model.values(codes[:, :3])
    assert values[0].abs().sum() > 0 and values[1].abs().sum() > 0 and not values[2].any()
    assert not model.values(codes[:, :2])[1].any()  # one of two middle codes is no level
    assert [v.shape[-1] for v in values] == [20, 40, 80]
    assert model.decode(codes[:, :1], 1000).shape == (1, 1, 1000)


def test_middle_codes_hang_on_the_top():
    model = tiny("mel-levels")
    bands = torch.randn(1, 10, 80)
    before = model._levels(bands)[1]
    with torch.no_grad():
        for book in model.quantizers[0].state_dict().values():
            if book.ndim == 2:  # its vectors
                book.neg_()
    after = model._levels(bands)[1]
    assert not torch.equal(before[1].indices, after[1].indices)


def test_phonemes_are_read_off_the_top_codes_alone():
    model = tiny("mel-levels")
    codes = model.encode(noise(2, 1, 20 * 64))
    logits = model.logits(codes)
    assert logits.shape == (2, 20, 4)
    finer = codes.clone()
    finer[:, 1:] = (finer[:, 1:] + 1) % 16
    assert torch.equal(model.logits(finer), logits)
    assert torch.equal(model.logits(codes[:, :1]), logits)
    model.train()
    labels = model(noise(2, 1, 20 * 64)).labels
    labels.sum().backward()
    reached = [model.encoder.begin, model.downs[1][0], model.latents[0]]
    assert all(part.weight.grad.abs().sum() > 0 for part in reached)
    assert model.decoder.end.weight.grad is None


def test_without_phonemes_there_are_no_logits():
    model = tiny("mel-levels", phonemes=())
    assert model(noise(1, 1, 640)).labels is None
    with pytest.raises(InputError, match="without phonemes"):
        model.logits(model.encode(noise(1, 1, 640)))
    with pytest.raises(InputError, match="twice"):
        codec("mel-levels", **{**OPTIONS["mel-levels"], "phonemes": ["a", "a"]})
