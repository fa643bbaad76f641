"""Adaptation of large models with few trained weights: LoRA and QLoRA through peft.

Knows which layers of an architecture are adapted and how; does not know data or training. LoRA: Hu
et al. 2021; QLoRA: Dettmers et al. 2023 (4-bit NormalFloat weights, double quantisation).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cantilena.errors import InputError, MissingExtraError
from cantilena.models.hub import dtype_of, loading, need

TARGETS: dict[str, tuple[str, ...]] = {
    "llama": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    "gpt2": ("c_attn", "c_proj", "c_fc"),
    "roformer": ("query", "value"),
}
"""Layers that are adapted, by model type: every matrix of attention and feed-forward layers, as
QLoRA found necessary to match full tuning (section 4); of RoFormers queries and values, as
function alignment does."""


@dataclass(frozen=True)
class Lora:
    """How a model is adapted. ``rank`` of the update, ``alpha`` its scale (the update is multiplied
    by alpha / rank), ``dropout`` on its input, ``targets`` layer names (by model type if empty)."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    targets: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def targets_of(model: Any, lora: Lora | None = None) -> tuple[str, ...]:
    """The layer names that are adapted in a HuggingFace model. Raises InputError where none are
    known for its type and none are given."""
    if lora is not None and lora.targets:
        return lora.targets
    kind = str(model.config.model_type)
    if kind in TARGETS:
        return TARGETS[kind]
    ends = {name.rsplit(".", 1)[-1] for name, _ in model.named_modules()}
    if set(TARGETS["llama"]) <= ends:  # Qwen, Mistral and others name their layers as Llama does
        return TARGETS["llama"]
    raise InputError(f"no layers to adapt are known for {kind!r}; name them as targets")


def add_lora(model: Any, lora: Lora | None = None) -> Any:
    """Freezes a HuggingFace model and puts LoRA into its layers, in place; gives the model. Only
    the added matrices are trainable afterwards; what holds the model (bridge, music embedding)
    stays as it was. Raises MissingExtraError without peft, InputError for impossible settings."""
    lora = lora or Lora()
    if lora.rank < 1 or not 0 <= lora.dropout < 1:
        raise InputError(f"LoRA of rank {lora.rank} with dropout {lora.dropout} will not do")
    peft = need("peft", "LoRA")
    model.requires_grad_(False)
    names = targets_of(model, lora)
    config = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(names),
        fan_in_fan_out=model.config.model_type == "gpt2",  # GPT-2 keeps its matrices transposed
    )
    try:
        return peft.inject_adapter_in_model(config, model)
    except ValueError as e:
        raise InputError(f"{', '.join(names)}: {' '.join(str(e).split())[:200]}") from e


def merge_lora(model: Any) -> Any:
    """Adds the updates into the weights and takes the LoRA layers out, in place, wherever in
    ``model`` they are; weights then have their published names again. Gives the model."""
    layer_kind = need("peft.tuners.tuners_utils", "LoRA").BaseTunerLayer
    for name, module in list(model.named_modules()):
        if not isinstance(module, layer_kind):
            continue
        module.merge()  # type: ignore[operator]
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent) if parent else model, last, module.get_base_layer())
    return model


def load_in_4_bits(name: str | Path, revision: str | None = None, dtype: Any = "bfloat16") -> Any:
    """A causal LM with its weights in 4-bit NormalFloat, as QLoRA wants it, on the GPU. ``dtype``
    is what it computes in. Raises InputError without a GPU, MissingExtraError without
    bitsandbytes, CheckpointError where the weights cannot be had."""
    torch = need("torch", "QLoRA")
    if not torch.cuda.is_available():
        raise InputError("QLoRA needs a CUDA GPU and this machine has none; LoRA works without")
    try:
        import bitsandbytes  # type: ignore[import-not-found]  # noqa: F401
    except ImportError as e:
        raise MissingExtraError("bitsandbytes", "gpu", "QLoRA") from e
    transformers = need("transformers", "QLoRA")
    four = transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype_of(dtype),
    )
    keys = {} if revision is None else {"revision": revision}
    with loading("model", name):
        model = transformers.AutoModelForCausalLM.from_pretrained(
            str(name), quantization_config=four, device_map={"": 0}, **keys
        )
    peft = need("peft", "QLoRA")
    return peft.prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
