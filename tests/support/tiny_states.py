"""Small networks of sound with random weights, in the layouts in which the large ones are
published. Needs torch and transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

KINDS = ("hubert", "wav2vec2", "w2v-bert", "mert")
WIDTH, LAYERS = 16, 3
SIZES: dict[str, Any] = {
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}
WAVES: dict[str, Any] = {
    **SIZES,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}


def write_network(folder: Path, kind: str, seed: int = 0, **config: Any) -> Path:
    """A network of ``KINDS``: 50 states a second, of MERT 75 of sound at 24 kHz."""
    import transformers as hf

    torch.manual_seed(seed)
    if kind == "w2v-bert":
        model = hf.Wav2Vec2BertModel(hf.Wav2Vec2BertConfig(**SIZES))
        extractor: Any = hf.SeamlessM4TFeatureExtractor()
    elif kind == "wav2vec2":
        stable = {"do_stable_layer_norm": True, "feat_extract_norm": "layer"}
        model = hf.Wav2Vec2Model(hf.Wav2Vec2Config(**WAVES, **stable))
        extractor = hf.Wav2Vec2FeatureExtractor()
    else:
        model = hf.HubertModel(hf.HubertConfig(**WAVES))
        rate = 24_000 if kind == "mert" else 16_000
        extractor = hf.Wav2Vec2FeatureExtractor(sampling_rate=rate)
    with torch.no_grad():  # so that different sounds lie apart
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.mul_(3.0)
    extractor.save_pretrained(folder)
    if kind == "mert":
        write_mert(folder, model, config)
    else:
        model.save_pretrained(folder)
    return folder


def write_mert(folder: Path, model: Any, config: dict[str, Any]) -> None:
    """As MERT is published: a pickle of tensors, weight norm under its former names, and a config
    that names code of its own, which fails where it is run."""
    state = {k: v for k, v in model.state_dict().items() if k != "masked_spec_embed"}
    names = {"original0": "weight_g", "original1": "weight_v"}
    renamed = {}
    for name, value in state.items():
        for new, old in names.items():
            name = name.replace(f"parametrizations.weight.{new}", old)
        renamed[name] = value
    torch.save(renamed, folder / "pytorch_model.bin")
    data = model.config.to_dict() | {
        "model_type": "mert_model",
        "architectures": ["MERTModel"],
        "auto_map": {
            "AutoConfig": "configuration_MERT.MERTConfig",
            "AutoModel": "modeling_MERT.MERTModel",
        },
        "sample_rate": 24_000,
        "feature_extractor_cqt": False,
        "feature_extractor_cqt_bins": 336,
        "deepnorm": False,
        "attention_relax": -1.0,
        **config,
    }
    (folder / "config.json").write_text(json.dumps(data))
    for name in ("configuration_MERT.py", "modeling_MERT.py"):
        (folder / name).write_text("raise SystemExit('foreign code was run')\n")
