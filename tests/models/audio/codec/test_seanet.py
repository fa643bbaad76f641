"""SEANet: causal, streamed, and the layers of the published EnCodec; DAC's likewise."""

from __future__ import annotations

import pytest
import torch

from cantilena.errors import InputError
from cantilena.models.audio.codec.seanet import run
from tiny_codecs import noise, tiny


@pytest.mark.parametrize("lstm", [0, 1])
def test_a_causal_codec_does_not_hear_ahead(lstm: int):
    model = tiny("seanet", lstm=lstm)
    sound = noise(1, 1, 20 * model.hop)
    other = sound.clone()
    other[..., 10 * model.hop :] += 0.3
    one, two = model.analyse(sound), model.analyse(other)
    assert torch.equal(one[..., :10], two[..., :10]) and not torch.equal(one[..., 10], two[..., 10])
    latents = noise(1, 8, 20)
    changed = latents.clone()
    changed[..., 10:] += 1
    one, two = model.synthesise(latents), model.synthesise(changed)
    edge = 10 * model.hop
    assert torch.equal(one[..., :edge], two[..., :edge])
    assert not torch.equal(one[..., edge : edge + model.hop], two[..., edge : edge + model.hop])


def test_one_that_is_not_causal_does():
    model = tiny("seanet", causal=False)
    sound = noise(1, 1, 20 * model.hop)
    other = sound.clone()
    other[..., 10 * model.hop :] += 0.3
    assert not torch.equal(model.analyse(sound)[..., 9], model.analyse(other)[..., 9])


@pytest.mark.parametrize("lstm", [0, 2])
@pytest.mark.parametrize("size", [1, 7, 8, 50])
def test_a_stream_gives_what_the_whole_gives(lstm: int, size: int):
    model = tiny("seanet", lstm=lstm, units=2)
    sound = noise(1, 1, 12 * model.hop + 3)
    with torch.no_grad():
        state: dict = {}
        parts = sound[..., : 12 * model.hop].split(3 * model.hop, -1)
        latents = torch.cat([run(model.encoder, part, state) for part in parts], -1)
        torch.testing.assert_close(latents, model.analyse(sound[..., : 12 * model.hop]))
        codes = torch.cat(list(model.encode_stream(iter(sound.split(size, -1)))), -1)
        assert torch.equal(codes, model.encode(sound))
        made = torch.cat(list(model.decode_stream(iter(codes.split(max(1, size // 8), -1)))), -1)
        torch.testing.assert_close(made, model.decode(codes), atol=1e-5, rtol=0)


def test_what_cannot_be_streamed_is_refused():
    for options in ({"causal": False}, {"pad": "reflect"}):
        with pytest.raises(InputError, match="only a causal codec"):
            next(tiny("seanet", **options).encode_stream(iter([noise(1, 1, 64)])))
    with pytest.raises(InputError, match="constant or reflect"):
        tiny("seanet", pad="wrap")


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("pad", ["reflect", "constant"])
def test_with_encodecs_weights_it_is_encodecs_net(causal: bool, pad: str):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.EncodecConfig(
        hidden_size=8,
        num_filters=4,
        upsampling_ratios=[5, 4, 2],
        codebook_size=16,
        use_causal_conv=causal,
        pad_mode=pad,
    )
    theirs = transformers.EncodecModel(config).eval()
    ours = tiny("seanet", lstm=2, strides=(2, 4, 5), causal=causal, pad=pad, shortcut=True)
    for part in ("encoder", "decoder"):
        weights = list(getattr(theirs, part).named_parameters())
        own = list(getattr(ours, part).named_parameters())
        assert [p.shape for _, p in weights] == [p.shape for _, p in own]
        with torch.no_grad():
            for (_, value), (_, place) in zip(weights, own, strict=True):
                value += 0.05 * torch.randn_like(value)
                place.copy_(value)
    sound, latents = noise(2, 1, 9 * 40), noise(2, 8, 9)
    with torch.no_grad():
        torch.testing.assert_close(ours.analyse(sound), theirs.encoder(sound), atol=1e-5, rtol=0)
        made = ours.synthesise(latents)
        torch.testing.assert_close(made, theirs.decoder(latents), atol=1e-5, rtol=0)


def test_with_dacs_weights_it_is_dacs_net():
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.DacConfig(
        encoder_hidden_size=4,
        decoder_hidden_size=16,
        downsampling_ratios=[2, 4],
        hidden_size=8,
        n_codebooks=2,
        codebook_size=16,
        codebook_dim=3,
    )
    theirs = transformers.DacModel(config).eval()
    theirs.apply_weight_norm()
    books = {"books": 2, "size": 16, "width": 3}
    ours = tiny("dac", strides=(2, 4), quantizer_options=books)
    for layer, theirs_layer in zip(ours.quantizer.layers, theirs.quantizer.quantizers, strict=True):
        with torch.no_grad():
            for own, other in ((layer.inward, "in_proj"), (layer.outward, "out_proj")):
                copied = dict(getattr(theirs_layer, other).named_parameters())
                for name, place in own.named_parameters():
                    place.copy_(copied[name])
            book = theirs_layer.codebook.weight
            book.copy_(torch.randn_like(book))
            next(p for n, p in layer.state_dict().items() if n.endswith("codes")).copy_(book)
    for part in ("encoder", "decoder"):
        weights = dict(getattr(theirs, part).named_parameters())
        own = dict(getattr(ours, part).named_parameters())
        pairs = list(zip(_in_order(weights), _in_order(own), strict=True))
        with torch.no_grad():
            for value, place in pairs:
                value += 0.2 * torch.randn_like(value)
                place.copy_(value)
    sound, latents = 10 * noise(2, 1, 9 * 8), noise(2, 8, 9)
    with torch.no_grad():
        torch.testing.assert_close(ours.analyse(sound), theirs.encoder(sound), atol=1e-4, rtol=1e-4)
        made = ours.synthesise(latents)
        torch.testing.assert_close(made, theirs.decoder(latents), atol=1e-4, rtol=1e-4)
        got, wanted = ours.quantizer(latents), theirs.quantizer(latents)
        assert torch.equal(got.indices, wanted[1]) and got.indices.unique().numel() > 8
        torch.testing.assert_close(got.values, wanted[0], atol=1e-5, rtol=1e-4)
        codes = ours.encode(sound)
        assert torch.equal(codes, theirs.encode(sound).audio_codes)
        made = ours.decode(codes)[:, 0]
        theirs_made = theirs.decode(audio_codes=codes).audio_values
        torch.testing.assert_close(made, theirs_made, atol=1e-4, rtol=1e-4)


def _in_order(parameters: dict) -> list:
    """Weights in the order of use: transformers registers a block's units behind or before its
    other layers, so that names are sorted by what stands in the block."""

    def place(name: str) -> tuple:
        parts = name.split(".")
        block = int(parts[1]) if parts[0] == "block" else {"conv1": -1}.get(parts[0], 99)
        return (block,)

    return [parameters[name] for name in sorted(parameters, key=place)]
