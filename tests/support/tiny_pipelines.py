"""Stable Audio, AudioLDM 2 and MusicLDM of small random parts, saved in diffusers' layout. Needs
torch, diffusers, transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

WORDS = ["calm", "harp", "wild", "drums", "piano"]


def t5_tokenizer() -> Any:
    """Of whole words."""
    words = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *(("▁" + w, -1.0) for w in WORDS)]
    inner = Tokenizer(models.Unigram(words, unk_id=2))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    return transformers.T5TokenizerFast(
        tokenizer_object=inner, extra_ids=0, model_max_length=16, pad_token="<pad>"
    )


def roberta_tokenizer() -> Any:
    """Of single letters."""
    letters = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "Ġ", *"abcdefghijklmnopqrstuvwxyz,"]
    vocabulary = {letter: i for i, letter in enumerate(letters)}
    return transformers.RobertaTokenizerFast(vocab=vocabulary, merges=[], model_max_length=16)


def t5() -> Any:
    config = transformers.T5Config(
        vocab_size=16, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2
    )
    return transformers.T5EncoderModel(config)


def clap() -> Any:
    text = {
        "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16, "max_position_embeddings": 40, "projection_dim": 16,
    }  # fmt: skip
    audio = {
        "spec_size": 64, "window_size": 4, "num_mel_bins": 16, "patch_embeds_hidden_size": 16,
        "hidden_size": 32, "depths": [1, 1], "num_attention_heads": [2, 2], "projection_dim": 16,
    }  # fmt: skip
    config = transformers.ClapConfig(text_config=text, audio_config=audio, projection_dim=16)
    return transformers.ClapModel(config)


def vae() -> Any:
    return diffusers.AutoencoderKL(
        in_channels=1, out_channels=1, block_out_channels=(8, 16), norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
    )  # fmt: skip


def vocoder() -> Any:
    config = transformers.SpeechT5HifiGanConfig(
        model_in_dim=8, sampling_rate=16_000, upsample_initial_channel=16,
        upsample_rates=[4, 4, 2, 2], upsample_kernel_sizes=[8, 8, 4, 4],
        resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1]], normalize_before=False,
    )  # fmt: skip
    model = transformers.SpeechT5HifiGan(config)
    with torch.no_grad():  # else it would be all but silent
        for weight in model.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    return model


def ddim() -> Any:
    return diffusers.DDIMScheduler(
        beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear", clip_sample=False
    )


def stable_audio(folder: Path) -> Path:
    """With the published scheduler's config, whose class needs torchsde."""
    torch.manual_seed(0)
    pipe = diffusers.StableAudioPipeline(
        vae=diffusers.AutoencoderOobleck(
            encoder_hidden_size=8, downsampling_ratios=[2, 4], decoder_channels=4,
            decoder_input_channels=4, audio_channels=2, channel_multiples=[1, 2],
            sampling_rate=800,
        ),
        text_encoder=t5(),
        projection_model=diffusers.StableAudioProjectionModel(
            text_encoder_dim=16, conditioning_dim=16, min_value=0, max_value=32
        ),
        tokenizer=t5_tokenizer(),
        transformer=diffusers.StableAudioDiTModel(
            sample_size=200, in_channels=4, num_layers=1, attention_head_dim=4,
            num_key_value_attention_heads=2, num_attention_heads=2, out_channels=4,
            cross_attention_dim=16, cross_attention_input_dim=16, global_states_input_dim=32,
            time_proj_dim=8,
        ),
        scheduler=diffusers.EDMDPMSolverMultistepScheduler(),
    )  # fmt: skip
    pipe.save_pretrained(folder)
    index = json.loads((folder / "model_index.json").read_text())
    index["scheduler"][1] = "CosineDPMSolverMultistepScheduler"
    (folder / "model_index.json").write_text(json.dumps(index))
    config = {
        "_class_name": "CosineDPMSolverMultistepScheduler", "sigma_min": 0.3, "sigma_max": 500,
        "sigma_data": 1.0, "sigma_schedule": "exponential", "prediction_type": "v_prediction",
    }  # fmt: skip
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(config))
    return folder


def audioldm2(folder: Path, language_model: str = "GPT2LMHeadModel") -> Path:
    """``language_model``: the class that the index names; the published ones name "GPT2Model"."""
    torch.manual_seed(0)
    gpt2 = transformers.GPT2Config(n_embd=16, n_head=2, n_layer=1, n_positions=99, vocab_size=16)
    gpt2.max_new_tokens = 8
    pipe = diffusers.AudioLDM2Pipeline(
        vae=vae(),
        text_encoder=clap(),
        text_encoder_2=t5(),
        projection_model=diffusers.AudioLDM2ProjectionModel(16, 16, 16),
        language_model=getattr(transformers, language_model)(gpt2),
        tokenizer=roberta_tokenizer(),
        tokenizer_2=t5_tokenizer(),
        feature_extractor=transformers.ClapFeatureExtractor(feature_size=16),
        unet=diffusers.AudioLDM2UNet2DConditionModel(
            block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, sample_size=8,
            in_channels=4, out_channels=4, cross_attention_dim=((16, 16), (16, 16)),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), attention_head_dim=4,
        ),
        scheduler=ddim(),
        vocoder=vocoder(),
    )  # fmt: skip
    pipe.save_pretrained(folder)
    return folder


def musicldm(folder: Path) -> Path:
    """With a CLAP's embedding for a class of the network."""
    torch.manual_seed(0)
    pipe = diffusers.MusicLDMPipeline(
        vae=vae(),
        text_encoder=clap(),
        tokenizer=roberta_tokenizer(),
        feature_extractor=transformers.ClapFeatureExtractor(feature_size=16),
        unet=diffusers.UNet2DConditionModel(
            block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, sample_size=8,
            in_channels=4, out_channels=4, cross_attention_dim=(8, 16), attention_head_dim=4,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            class_embed_type="simple_projection", projection_class_embeddings_input_dim=16,
            class_embeddings_concat=True,
        ),
        scheduler=ddim(),
        vocoder=vocoder(),
    )  # fmt: skip
    pipe.save_pretrained(folder)
    return folder
