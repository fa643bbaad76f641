"""MusicGens of random weights, as small as can be, in transformers' classes.

Knows transformers; does not know what is tested on them.
"""

from __future__ import annotations

from typing import Any

import torch

torch.set_num_threads(1)  # two of a busy machine wait for one another

BOOKS, CARD = 4, 16
SIZES = {
    "vocab_size": CARD,
    "num_codebooks": BOOKS,
    "hidden_size": 32,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "ffn_dim": 48,
    "pad_token_id": CARD,
    "bos_token_id": CARD,
    "max_position_embeddings": 128,
    "dropout": 0.0,
}


def lively(model: Any, scale: float = 0.3, seed: int = 0) -> Any:
    """The model with weights so large that its logits differ, norms and biases included."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.startswith(("text_encoder", "audio_encoder")):
                continue
            noise = torch.randn(weight.shape, generator=generator)
            weight.copy_(noise * scale + (1.0 if "norm.weight" in name else 0.0))
    return model.eval()


def causal() -> Any:
    """MusicgenForCausalLM."""
    from transformers import MusicgenDecoderConfig, MusicgenForCausalLM

    return lively(MusicgenForCausalLM(MusicgenDecoderConfig(**SIZES)))


def _text() -> Any:
    from transformers import T5Config

    sizes = {"vocab_size": 40, "d_model": 24, "d_kv": 8, "d_ff": 32}
    return T5Config(**sizes, num_layers=2, num_heads=2, pad_token_id=0, eos_token_id=1)


def _sound() -> Any:
    from transformers import EncodecConfig

    return EncodecConfig(
        target_bandwidths=[4 * 4 * 50 / 1000],
        sampling_rate=16_000,
        num_filters=4,
        upsampling_ratios=[8, 5, 4, 2],
        codebook_size=CARD,
        hidden_size=16,
        codebook_dim=16,
        num_lstm_layers=1,
    )


def _ready(model: Any) -> Any:
    generation = model.generation_config
    generation.decoder_start_token_id = generation.pad_token_id = CARD
    generation.bos_token_id = CARD
    generation.eos_token_id = None
    return model


def whole(scale: float = 0.3, **sizes: int) -> Any:
    """MusicgenForConditionalGeneration, its text read by cross-attention; its decoder of other
    ``sizes``, and weights of another ``scale``, where asked for."""
    from transformers import (
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
    )

    config = MusicgenConfig(
        text_encoder=_text(),
        audio_encoder=_sound(),
        decoder=MusicgenDecoderConfig(**(SIZES | sizes)),
    )
    torch.manual_seed(0)
    return _ready(lively(MusicgenForConditionalGeneration(config), scale))


def melody() -> Any:
    """MusicgenMelodyForConditionalGeneration, melody and text before the columns."""
    from transformers import (
        MusicgenMelodyConfig,
        MusicgenMelodyDecoderConfig,
        MusicgenMelodyForConditionalGeneration,
    )

    config = MusicgenMelodyConfig(
        text_encoder=_text(),
        audio_encoder=_sound(),
        decoder=MusicgenMelodyDecoderConfig(**SIZES),
        chroma_length=9,
    )
    torch.manual_seed(0)
    return _ready(lively(MusicgenMelodyForConditionalGeneration(config)))
