"""Small models, randomly initialised, saved in the layouts in which the large ones are published:
a ClapModel, an EncodecModel, VGGish and CNN14; and small pieces of music. Needs torch and, for the
first two, transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cantilena.score import Score, Track

TEXTS = ("a slow sad waltz for string quartet", "loud drums and a fast guitar", "a piano alone")


def write_clap(folder: Path, seed: int = 0) -> Path:
    """A ClapModel of 16 numbers with its extractor (10 s at 48 kHz, unfused) and tokenizer."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, PreTrainedTokenizerFast

    torch.manual_seed(seed)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(TEXTS * 3, vocab_size=320, special_tokens=special)
    names = dict(zip(("bos", "pad", "eos", "unk", "mask"), special, strict=True))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer, **{f"{k}_token": v for k, v in names.items()}
    )
    text = {
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 130,
    }
    audio = {
        "patch_embeds_hidden_size": 16,
        "hidden_size": 128,
        "depths": [1, 1, 1, 1],
        "num_attention_heads": [1, 2, 2, 2],
        "enable_fusion": False,
    }
    config = ClapConfig(text_config=text, audio_config=audio, projection_dim=16)
    model = ClapModel(config)
    for weight in model.parameters():  # so that different sounds lie apart
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.2)
    model.save_pretrained(folder)
    ClapFeatureExtractor(
        frequency_min=50, frequency_max=14_000, truncation="rand_trunc", padding="repeatpad"
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_encodec(folder: Path) -> Path:
    """An EncodecModel at 24 kHz with vectors of 8 numbers."""
    import torch
    from transformers import EncodecConfig, EncodecModel

    torch.manual_seed(0)
    config = EncodecConfig(hidden_size=8, num_filters=4, codebook_size=16, codebook_dim=8)
    model = EncodecModel(config)
    for name, weight in model.named_parameters():  # untrained, it would let no sound through
        if name.endswith("original0"):
            weight.data.fill_(4.0)
        elif name.endswith("bias"):
            weight.data.zero_()
    model.save_pretrained(folder)
    return folder


def vggish_weights() -> dict:
    """torchvggish's names, with 4 to 8 channels where it has 64 to 512, and 6 numbers out."""
    import torch

    torch.manual_seed(0)
    channels = {0: (1, 4), 3: (4, 4), 6: (4, 8), 8: (8, 8), 11: (8, 8), 13: (8, 8)}
    dense = {0: (8 * 4 * 6, 16), 2: (16, 16), 4: (16, 6)}
    made = {}
    for i, (into, out) in channels.items():
        made[f"features.{i}.weight"] = 0.2 * torch.randn(out, into, 3, 3)
        made[f"features.{i}.bias"] = 0.1 * torch.randn(out)
    for i, (into, out) in dense.items():
        made[f"embeddings.{i}.weight"] = 0.2 * torch.randn(out, into)
        made[f"embeddings.{i}.bias"] = 0.1 * torch.randn(out)
    return made


def cnn14_weights() -> dict:
    """PANNs' names, with 4 channels where it has 64 to 2,048, among them those that are not read
    (the transform's kernels, the classes)."""
    import torch

    torch.manual_seed(0)
    bank = torch.rand(513, 64) / 100
    made = {
        "logmel_extractor.melW": bank,
        "spectrogram_extractor.stft.conv_real.weight": torch.zeros(513, 1, 1024),
        "fc_audioset.weight": torch.zeros(3, 4),
        "fc1.weight": torch.randn(4, 4),
        "fc1.bias": torch.randn(4),
    }
    widths = {"bn0": 64}
    for i in range(1, 7):
        for k, into in ((1, 1 if i == 1 else 4), (2, 4)):
            made[f"conv_block{i}.conv{k}.weight"] = 0.3 * torch.randn(4, into, 3, 3)
            widths[f"conv_block{i}.bn{k}"] = 4
    for name, n in widths.items():
        made |= {f"{name}.weight": torch.ones(n), f"{name}.bias": torch.zeros(n)}
        made |= {f"{name}.running_mean": torch.zeros(n), f"{name}.running_var": torch.ones(n)}
        made[f"{name}.num_batches_tracked"] = torch.tensor(1)
    return made


def tone(hertz: float, seconds: float, rate: int, seed: int = 0) -> np.ndarray:
    """(n,) float32: a tone with a little noise."""
    n = round(seconds * rate)
    noise = np.random.default_rng(seed).normal(0, 0.01, n)
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(n) / rate) + noise).astype(np.float32)


def tune(seed: int, bars: int = 2, program: int = 0, low: int = 60) -> Score:
    """A few bars of random eighths in C major at 120 bpm, 2 s each."""
    rng = np.random.default_rng(seed)
    n = 8 * bars
    pitch = low + np.array([0, 2, 4, 5, 7, 9, 11, 12])[rng.integers(0, 8, n)]
    onset = np.arange(n) * 12
    tracks = [Track("tune", program)]
    return Score.build(
        24, tracks, onset, [12] * n, pitch, [80] * n, [0] * n,
        tempos=[(0, 500_000)], metres=[(0, 4, 4)], end=96 * bars,
    )  # fmt: skip
