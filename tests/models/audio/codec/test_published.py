"""EnCodec, DAC and Mimi in their published layouts, small and random: what transformers gives."""

from __future__ import annotations

import pytest
import torch

from cantilena.errors import CheckpointError, InputError
from cantilena.models.audio.codec.files import load_codec
from tiny_codecs import noise

transformers = pytest.importorskip("transformers")


def write(folder, kind: str, **changes):
    """A small model of a kind in its published layout."""
    configs = {
        "encodec": (
            transformers.EncodecConfig,
            transformers.EncodecModel,
            {
                "hidden_size": 8,
                "num_filters": 4,
                "upsampling_ratios": [4, 2],
                "codebook_size": 16,
                "sampling_rate": 16_000,
                "target_bandwidths": [8.0, 24.0],  # thousand bits a second: 1 and 3 books
            },
        ),
        "dac": (
            transformers.DacConfig,
            transformers.DacModel,
            {
                "encoder_hidden_size": 4,
                "decoder_hidden_size": 16,
                "downsampling_ratios": [2, 5],
                "n_codebooks": 3,
                "codebook_size": 16,
                "codebook_dim": 3,
                "sampling_rate": 16_000,
            },
        ),
        "mimi": (
            transformers.MimiConfig,
            transformers.MimiModel,
            {
                "hidden_size": 16,
                "num_filters": 4,
                "codebook_size": 16,
                "codebook_dim": 8,
                "vector_quantization_hidden_dimension": 8,
                "num_quantizers": 3,
                "num_semantic_quantizers": 1,
                "upsampling_ratios": [4, 2],
                "upsample_groups": 16,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "num_key_value_heads": 2,
                "head_dim": 8,
                "intermediate_size": 16,
                "sampling_rate": 16_000,
                "frame_rate": 1_000.0,
            },
        ),
    }
    config, model, sizes = configs[kind]
    torch.manual_seed(0)
    whole = model(config(**{**sizes, **changes})).eval()
    with torch.no_grad():
        for name, tensor in whole.state_dict().items():
            if name.endswith(("embed", "embed_sum")):  # books are zeros at first
                tensor.normal_()
            elif name.endswith("original0"):  # untrained, a net would let no sound through
                tensor.fill_(4.0)
            elif name.endswith("bias"):
                tensor.zero_()
            elif tensor.ndim == 3 and tensor.shape[-1] > 1 and "original1" not in name:
                tensor *= 2 / (tensor.std() * tensor[0].numel() ** 0.5)
    whole.save_pretrained(folder)
    return whole


@pytest.mark.parametrize("kind", ["encodec", "dac", "mimi"])
def test_codes_and_sound_are_transformers_own(kind: str, tmp_path):
    theirs = write(tmp_path, kind)
    ours = load_codec(tmp_path, "cpu")
    sound = noise(2, 1, 20 * ours.hop)
    with torch.no_grad():
        if kind == "encodec":
            codes = theirs.encode(sound, bandwidth=24.0).audio_codes[0]
            made = theirs.decode(codes[None], [None]).audio_values
        else:
            codes = theirs.encode(sound).audio_codes
            made = theirs.decode(audio_codes=codes).audio_values
        if kind == "dac":
            made = made[:, None]
    assert torch.equal(ours.encode(sound), codes) and codes.shape == (2, ours.books, 20)
    shared = min(made.shape[-1], sound.shape[-1])
    got = ours.decode(codes, shared)
    torch.testing.assert_close(got, made[..., :shared], atol=1e-5, rtol=1e-4)
    assert all(len(set(row.flatten().tolist())) > 2 for row in codes.transpose(0, 1))


@pytest.mark.parametrize("kind", ["encodec", "dac", "mimi"])
def test_lengths_and_prefixes_are_as_of_our_own(kind: str, tmp_path):
    write(tmp_path, kind)
    codec = load_codec(tmp_path, "cpu")
    assert codec.kind == kind and codec.books == 3
    assert codec.fingerprint() == load_codec(tmp_path, "cpu").fingerprint()
    for length in (codec.hop, 7 * codec.hop + 3):
        sound = noise(1, 1, length)
        codes = codec.encode(sound)
        assert codes.shape[-1] == -(-length // codec.hop)
        assert codec.decode(codes, length).shape == sound.shape
        assert torch.equal(codec.encode(sound, 1), codes[:, :1])
        assert codec.decode(codes[:, :1], length).shape == sound.shape


def test_an_encodec_that_sends_loudness_beside_its_codes_is_refused(tmp_path):
    write(tmp_path, "encodec", normalize=True, chunk_length_s=1.0, overlap=0.01)
    with pytest.raises(CheckpointError, match="24 or 32 kHz"):
        load_codec(tmp_path, "cpu")


def test_other_models_are_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(CheckpointError, match="no codec: its model_type is gpt2"):
        load_codec(tmp_path, "cpu")
    with pytest.raises(
        InputError, match=r"there is no codec '.*nowhere': no such folder, and no hub name"
    ):
        load_codec(tmp_path / "nowhere", "cpu")
