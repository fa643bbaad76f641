"""What is particular to the mel codec, the codecs of levels, SlowAE and the VAE."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cantilena.errors import InputError
from cantilena.models.audio.codec import stream
from cantilena.models.audio.codec.base import codec
from cantilena.models.audio.codec.levels import rolled, unrolled
from cantilena.models.audio.codec.slow import changes, held
from cantilena.models.audio.codec.transforms import griffin_lim
from cantilena.models.audio.codec.vae import MelVaeCodec, folded, placed, unfolded
from tiny_codecs import noise, tiny, tones

# ------------------------------------------------------------------ mel


def test_a_mel_codec_in_training_gives_bands_and_no_sound():
    model = tiny("mel")
    model.train()
    coded = model(noise(1, 1, 320))
    assert coded.audio is None and coded.terms["bands"].item() > 0
    assert model.eval()(noise(1, 1, 320)).audio is not None


def test_the_bands_term_is_in_powers_of_ten():
    """With an output of a constant: the distance from it in log10."""
    model = tiny("mel")
    for parameter in model.decoder.end.parameters():
        parameter.data.zero_()
    sound = noise(1, 1, 320)
    wanted = (model.mel(sound[:, 0]) - -6.0).abs().mean() / torch.log(torch.tensor(10.0))
    torch.testing.assert_close(model(sound).terms["bands"], wanted)


# ------------------------------------------------------------------ levels


def test_unequal_rates_stand_in_one_matrix_as_t_m_m_b_b_b_b():
    middle, bottom = torch.tensor([[[0, 1, 2, 3]]]), torch.tensor([[[0, 1, 2, 3, 4, 5, 6, 7]]])
    assert unrolled(middle, 2).tolist() == [[[0, 2], [1, 3]]]
    assert unrolled(bottom, 4)[0, :, 1].tolist() == [4, 5, 6, 7]
    two_books = torch.arange(12).view(1, 2, 6)
    assert unrolled(two_books, 3)[0, :, 0].tolist() == [0, 6, 1, 7, 2, 8]
    assert torch.equal(rolled(unrolled(two_books, 3), 3), two_books)


def test_jukeboxs_levels_know_nothing_of_one_another():
    model = tiny("jukebox")
    sound = noise(1, 1, 10 * model.hop)
    assert model.rates == (1, 2, 4) and model.hop == 8 and model.books == 7
    codes = model.encode(sound)
    top, middle, whole = (model.decode(codes[:, :count]) for count in (1, 3, 7))
    assert not torch.equal(top, middle) and not torch.equal(middle, whole)
    assert torch.equal(model.decode(codes[:, :6]), middle)  # the finest that is whole
    other = codes.clone()
    other[:, 0] = (other[:, 0] + 1) % 16
    assert torch.equal(model.decode(other), whole)
    coded = model(sound)
    torch.testing.assert_close(coded.levels[0], top, atol=1e-5, rtol=0)
    torch.testing.assert_close(coded.levels[1], middle, atol=1e-5, rtol=0)


def test_the_levels_of_vqvae2_do():
    model = tiny("vqvae2")
    sound = noise(1, 1, 10 * model.hop)
    assert model.rates == (1, 2) and model.hop == 8 and model.books == 3
    codes = model.encode(sound)
    whole = model.decode(codes)
    other = codes.clone()
    other[:, 0] = (other[:, 0] + 1) % 16
    assert not torch.allclose(model.decode(other), whole)
    with torch.no_grad():
        model.down_up.conv.bias += 1.0  # what the top tells the bottom
    assert not torch.equal(model.encode(sound)[:, 1:], codes[:, 1:])
    assert torch.equal(model.encode(sound)[:, 0], codes[:, 0])


def test_the_latents_of_an_untrained_jukebox_move_with_the_music():
    """By torch's own weights they stood still behind so many halvings, and training began, and
    stayed, with one code for all."""
    torch.manual_seed(0)
    model = codec("jukebox", width=16, depth=2, downs=(5, 7, 9), latent=32)
    sound = torch.from_numpy(tones(4.0))[None, None]
    for level in model.levels:
        latents = level.encoder(sound)[0]
        assert latents.std(1).mean() > 4 * latents.mean(1).abs().mean()
        assert 0.3 < latents.std() / sound.std() < 3
        assert 0.1 < level.decoder(latents[None]).std() / sound.std() < 10


@pytest.mark.parametrize("options", [{"downs": (3, 1)}, {"downs": ()}, {"downs": (0, 1)}])
def test_levels_that_do_not_rise_are_refused(options: dict):
    with pytest.raises(InputError, match="must rise from 1"):
        tiny("jukebox", **options)


# ------------------------------------------------------------------ SlowAE


def test_a_level_is_held_until_a_value_is_well_beyond_its_cell():
    values = torch.tensor([[[0.0, 0.6, 0.69, 0.71, 0.4, 0.31, 0.29, 3.0, 9.0]]])
    assert held(values, 7, hold=0.2).tolist() == [[[0, 0, 0, 1, 1, 1, 0, 3, 7]]]


def test_a_rising_value_with_noise_below_the_margin_never_falls_back():
    ramp = torch.linspace(-3, 3, 200)
    shaken = ramp + 0.18 * (2 * torch.rand(200, generator=torch.Generator().manual_seed(0)) - 1)
    levels = held(shaken[None, None], 7)[0, 0]
    assert (levels.diff() >= 0).all() and levels.unique().numel() >= 6
    assert changes(shaken.round()) > changes(levels)


def test_the_penalty_is_steered_to_the_events_asked_for():
    sound = noise(1, 1, 400)
    for events, heavier in ((0.0, True), (1e9, False)):
        model = tiny("slow", events=events)
        model.encoder[-1].conv.bias.data.zero_()
        with torch.no_grad():
            model.encoder[-1].conv.parametrizations.weight.original0 *= 500
        before = float(model.weight)
        model.train()
        model(sound)
        assert (float(model.weight) > before) is heavier
        ratio = float(model.weight) / before
        assert ratio == pytest.approx(1.01 if heavier else 1 / 1.01)


def test_values_beyond_the_last_level_cost():
    model = tiny("slow", reach=2)
    sound = noise(1, 1, 400)
    assert float(model(sound).terms["reach"]) == 0
    with torch.no_grad():
        model.encoder[-1].conv.bias += 4.5
    assert float(model(sound).terms["reach"]) == pytest.approx(2.0, abs=0.3)


# ------------------------------------------------------------------ VAE


VAES = pytest.mark.parametrize("kind", ["vae", "mel-vae"])


@VAES
def test_a_vaes_divergence_is_that_of_gaussians(kind: str):
    model = tiny(kind)
    sound = noise(1, 1, 320)
    mean, scale = model._bottleneck(sound)
    normal = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(scale))
    wanted = torch.distributions.kl_divergence(torch.distributions.Normal(mean, scale), normal)
    torch.testing.assert_close(model(sound).terms["kl"], wanted.mean())


@VAES
def test_latents_are_scaled_to_unit_size_and_come_back(kind: str):
    model, sound = tiny(kind), noise(4, 1, 1_600)
    model.train()
    for _ in range(900):
        model._follow(model._bottleneck(sound)[0].detach())
    model.eval()
    latents = model.latents(sound)
    assert latents.shape == (4, 4, 100)
    torch.testing.assert_close(latents.mean((0, 2)), torch.zeros(4), atol=0.02, rtol=0)
    torch.testing.assert_close(latents.std((0, 2)), torch.ones(4), atol=0.05, rtol=0)
    atol = 1e-4 if kind == "vae" else 5e-3  # Griffin-Lim makes much of rounding
    torch.testing.assert_close(model.sound(latents, 1_600), model(sound).audio, atol=atol, rtol=0)


@VAES
def test_in_training_a_vae_samples(kind: str):
    model, sound = tiny(kind), noise(1, 1, 320)
    model.train()
    first, second = model(sound), model(sound)
    if kind == "mel-vae":  # whose sound has no weights, so that training makes none
        assert first.audio is None and first.terms["bands"] != second.terms["bands"]
    else:
        assert not torch.equal(first.audio, second.audio)
    model.eval()
    assert torch.equal(model(sound).audio, model(sound).audio)
    for call in (model.encode, model.decode):
        with pytest.raises(InputError, match="no codes"):
            call(sound)


# ------------------------------------------------------------------ mel VAE, two channels


def pair(**options: int) -> MelVaeCodec:
    model = tiny("mel-vae", channels=2, **{"iterations": 8, **options})
    assert isinstance(model, MelVaeCodec)
    return model


def test_a_mel_vae_of_one_channel_takes_and_gives_what_it_did_before_there_were_two():
    model, sound = tiny("mel-vae"), noise(2, 1, 320)
    assert torch.equal(model._bands(sound), (model.mel(sound[:, 0]) + 6) / 4)
    bands = model._bands(sound)
    made = griffin_lim((model.bank @ (bands * 4 - 6).exp()).clamp_min(0), model.mel.stft, 2)
    assert torch.equal(model._heard(bands), made[:, None])
    assert set(model(sound).terms) == {"kl", "bands"}


def test_bands_of_two_channels_come_back_of_their_mean_and_difference():
    bands = 5 * noise(3, 2, 10, 7)
    torch.testing.assert_close(unfolded(folded(bands)), bands, atol=1e-4, rtol=0)
    silent = bands.clone()
    silent[:, 1] = (torch.tensor(1e-5).log() + 6) / 4
    torch.testing.assert_close(unfolded(folded(silent)), silent, atol=1e-4, rtol=0)
    mean, raised = folded(bands).chunk(2, 1)
    torch.testing.assert_close(mean, bands.mean(1))
    assert torch.equal(folded(bands.flip(1)).chunk(2, 1)[1], -raised)


def test_bands_of_sound_in_the_middle_sound_in_the_middle():
    model, sound = pair(), noise(1, 1, 1_600).expand(1, 2, -1)
    left, right = model._heard(model._bands(sound))[0]
    assert torch.equal(left, right) and left.std() > 0.01


def test_bands_of_sound_on_the_left_are_silent_on_the_right():
    model, sound = pair(), noise(1, 2, 1_600)
    sound[:, 1] = 0
    left, right = model._heard(model._bands(sound))[0]
    assert left.std() > 0.01 and right.std() < 0.01 * left.std()


def test_a_mel_vae_hears_how_far_apart_its_channels_are():
    model, sound = pair(), noise(1, 2, 320)
    sound[:, 1] *= 0.5
    given = model(sound)
    output = unfolded(model.decoder(model._bottleneck(sound)[0]))
    wanted = unfolded(model._bands(sound))
    off = (output[:, 0] - output[:, 1]) - (wanted[:, 0] - wanted[:, 1])
    in_db = 4 * 20 / torch.log(torch.tensor(10.0)) * off.abs().mean()
    torch.testing.assert_close(given.terms["apart"], in_db)
    assert given.audio.shape == sound.shape
    assert not torch.allclose(model.latents(sound), model.latents(sound.flip(1)), atol=1e-3)


def test_the_blocks_of_a_stereo_mel_vae_are_its_whole(monkeypatch):
    monkeypatch.setattr(stream, "WINDOW", 0.06)
    model, frames = pair(iterations=4), 150
    latents = noise(1, 4, frames, seed=1) * 10
    monkeypatch.setattr(model, "decode", model.sound)
    whole = model.sound(latents)[0].T
    blocks = list(stream.decode_blocks(model, latents[0].numpy(), frames * 16))
    assert len(blocks) == 3
    made = torch.from_numpy(np.concatenate(blocks))  # Griffin-Lim makes much of rounding
    torch.testing.assert_close(made, whole, atol=4e-3 * float(whole.std()), rtol=0)


def test_in_training_sound_is_heard_swapped_in_the_middle_and_on_either_side():
    torch.manual_seed(0)
    sound = noise(1, 2, 8).expand(4_000, -1, -1)
    mean, silence = sound.mean(1), torch.zeros(4_000, 8)
    ways = [(sound[:, 0], sound[:, 1]), (sound[:, 1], sound[:, 0])]
    ways += [(mean, mean), (mean, silence), (silence, mean)]
    heard = placed(sound)
    shares = [(heard == torch.stack(way, 1)).all(2).all(1).float().mean() for way in ways]
    expected = torch.tensor([7 / 16, 7 / 16, 1 / 24, 1 / 24, 1 / 24])
    torch.testing.assert_close(torch.stack(shares), expected, atol=0.03, rtol=0)
    model = pair()
    given = {float(model(sound[:1, :, :].repeat(1, 1, 40)).terms["kl"].detach()) for _ in range(9)}
    assert len(given) == 1  # at use it is heard as it is


def test_a_mel_vae_has_one_channel_or_two():
    with pytest.raises(InputError, match="1 or 2 channels, not 3"):
        codec("mel-vae", channels=3)
    with pytest.raises(InputError, match="takes 2 channels, not 1"):
        pair().latents(noise(1, 1, 320))
