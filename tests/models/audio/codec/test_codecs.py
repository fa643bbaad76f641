"""What holds of every codec: shapes, lengths, prefixes of books, saving, gradients."""

from __future__ import annotations

import json

import pytest
import torch

from cantilena.errors import CheckpointError, InputError, UnknownNameError
from cantilena.models.audio.codec.base import CODECS, codec
from cantilena.models.audio.codec.files import load_codec, save_codec
from tiny_codecs import OPTIONS, noise, tiny

KINDS = sorted(CODECS)
CODED = [kind for kind in KINDS if "vae" not in kind.split("-")]


def test_every_codec_has_a_small_one():
    assert set(OPTIONS) == set(CODECS)


@pytest.mark.parametrize("kind", CODED)
def test_codes_are_a_frame_for_each_hop_and_sound_comes_back_as_long(kind: str):
    model = tiny(kind)
    for length in (1, model.hop - 1, model.hop, model.hop + 1, 7 * model.hop + 3):
        sound = noise(2, model.channels, length)
        codes = model.encode(sound)
        frames = -(-length // model.hop)
        assert codes.shape == (2, model.books, frames) and codes.dtype == torch.int64
        assert model.decode(codes, length).shape == sound.shape
        assert model.decode(codes).shape == (2, model.channels, frames * model.hop)
        whole = model(sound)
        if whole.audio is not None:
            assert whole.audio.shape == sound.shape


@pytest.mark.parametrize("kind", CODED)
def test_the_round_trip_is_decoding_the_codes(kind: str):
    model = tiny(kind)
    sound = noise(2, model.channels, 9 * model.hop)
    coded = model(sound)
    if coded.audio is None:
        return
    torch.testing.assert_close(coded.audio, model.decode(model.encode(sound)), atol=1e-3, rtol=0)


@pytest.mark.parametrize("kind", CODED)
def test_some_of_the_books_are_the_first_of_all(kind: str):
    model = tiny(kind)
    sound = noise(1, model.channels, 5 * model.hop)
    part = model.encode(sound, 1)
    assert torch.equal(part, model.encode(sound)[:, :1])
    assert model.decode(part).shape == sound.shape


@pytest.mark.parametrize("kind", CODED)
def test_codes_that_no_book_has_are_refused(kind: str):
    model = tiny(kind)
    with pytest.raises(InputError, match="outside its book"):
        model.decode(torch.full((1, 1, 2), max(model.sizes)))
    with pytest.raises(InputError, match="shape"):
        model.decode(torch.zeros(1, model.books + 1, 2, dtype=torch.int64))


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_of_the_net_learns(kind: str):
    model = tiny(kind)
    model.train()
    coded = model(noise(2, model.channels, 20 * model.hop))
    total = sum(coded.terms.values(), torch.zeros(()))
    for sound in () if coded.audio is None else (coded.audio, *coded.levels):
        total = total + (sound**2).mean()
    if coded.quantised is not None:
        total = total + coded.quantised.loss
    if coded.labels is not None:
        total = total + (coded.labels**2).mean()
    total.backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None]
    assert not silent


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_codec_gives_the_same_codes(kind: str, half: bool, tmp_path):
    model = tiny(kind)
    save_codec(tmp_path / "a", model, {"seed": 3}, half=half)
    again = load_codec(tmp_path / "a", "cpu")
    assert type(again) is type(model) and again.sizes == model.sizes
    assert (again.fingerprint() == model.fingerprint()) is not half
    save_codec(tmp_path / "b", again, {"seed": 3}, half=half)
    assert load_codec(tmp_path / "b", "cpu").fingerprint() == again.fingerprint()
    if kind in CODED and not half:
        sound = noise(1, model.channels, 9 * model.hop)
        assert torch.equal(again.encode(sound), model.encode(sound))
    card = json.loads((tmp_path / "a" / "card.json").read_text())
    assert card["system"] == "codec" and card["model"]["codec"] == kind


def test_a_fingerprint_is_of_weights_and_kind():
    one = tiny("frame")
    assert one.fingerprint() == tiny("frame").fingerprint() != tiny("frame", seed=1).fingerprint()
    with torch.no_grad():
        next(one.parameters()).view(-1)[0] += 1e-3
    assert one.fingerprint() != tiny("frame").fingerprint()


def test_unknown_kinds_and_options_are_refused():
    with pytest.raises(UnknownNameError, match="frame"):
        codec("opus")
    with pytest.raises(InputError, match="no option 'depth'; it has: sample_rate"):
        codec("frame", depth=3)
    with pytest.raises(UnknownNameError, match="mdct"):
        codec("frame", transform="wavelet")


def test_what_is_no_codec_is_refused(tmp_path):
    with pytest.raises(CheckpointError):
        load_codec(tmp_path, "cpu")
    save_codec(tmp_path / "a", tiny("frame"), {})
    card = json.loads((tmp_path / "a" / "card.json").read_text())
    card["model"]["codec"] = "opus"
    (tmp_path / "a" / "card.json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match=r"cannot be built.*opus"):
        load_codec(tmp_path / "a", "cpu")


@pytest.mark.parametrize("transform", ["mdct", "stft"])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_frame_codec_hears_its_margin_and_no_further(transform: str, channels: int):
    model = tiny("frame", transform=transform, channels=channels)
    sound = noise(1, channels, 60 * model.hop)
    latents = model.analyse(sound)
    other = sound.clone()
    other[..., 30 * model.hop : 31 * model.hop] += 0.5
    changed = (model.analyse(other) != latents).any(1)[0].nonzero()
    assert changed.min() >= 30 - model.margin and changed.max() <= 30 + model.margin
    assert changed.max() - changed.min() > 4


@pytest.mark.parametrize(
    "kind, options",
    [
        ("frame", {"width": -1}),
        ("frame", {"width": "abc"}),
        ("frame", {"channels": 0}),
        ("frame", {"sample_rate": "x"}),
        ("frame", {"quantizer_options": 3}),
        ("seanet", {"strides": [0]}),
        ("seanet", {"strides": 2}),
        ("seanet", {"squeeze": 0}),
        ("seanet", {"units": -1}),
        ("seanet", {"growth": 0}),
        ("mel", {"bands": 0}),
        ("jukebox", {"depth": -1}),
        ("slow", {"events": "abc"}),
        ("vae", {"latent": 0}),
        ("dac", {"filters": "x"}),
    ],
)
def test_options_that_cannot_be_are_refused_by_name(kind: str, options: dict):
    with pytest.raises(InputError, match="|".join(("hop", *options))):
        codec(kind, **options)
