"""How many weights the paper's systems train, from the published sizes, without any weights.

Knows published configs and counts on torch's meta device; loads and computes nothing. Table 2 of
*LLM-based Finetuning for Text to Symbolic Music Generation* (Wu, Lee, Dun) gives 783 M, 1.47 B and
3.56 B.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cantilena.errors import InputError
from cantilena.models.hub import need

LLAMA_3_2: dict[str, dict[str, Any]] = {
    "1b": {
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 64,
    },
    "3b": {
        "hidden_size": 3072,
        "intermediate_size": 8192,
        "num_hidden_layers": 28,
        "num_attention_heads": 24,
        "num_key_value_heads": 8,
        "head_dim": 128,
    },
}
"""Sizes of Llama 3.2 as published."""


def llama_config(size: str) -> Any:
    """The config of Llama 3.2 "1b" or "3b". Raises InputError for another size."""
    transformers = need("transformers", "counting parameters")
    if size not in LLAMA_3_2:
        raise InputError(f"unknown Llama size {size!r}; known: {', '.join(LLAMA_3_2)}")
    return transformers.LlamaConfig(
        vocab_size=128_256,
        max_position_embeddings=131_072,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        bos_token_id=128_000,
        eos_token_id=128_001,
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": 500_000.0,
            "factor": 32.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
        **LLAMA_3_2[size],
    )


@dataclass(frozen=True)
class Count:
    """A system's trainable parameters: counted, and as Table 2 prints them."""

    system: str
    trains: str
    parameters: int
    paper: str

    @property
    def rounded(self) -> str:
        """As the paper rounds: millions, or hundredths of a billion."""
        if self.parameters < 1e9:
            return f"{self.parameters / 1e6:.0f} M"
        return f"{self.parameters / 1e9:.2f} B"

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        counted = {"parameters": self.parameters, "rounded": self.rounded, "paper": self.paper}
        return {"system": self.system, "trains": self.trains, **counted}


def counts() -> list[Count]:
    """The systems of Table 2, made on the meta device from the real configs, and counted."""
    torch = need("torch", "counting parameters")
    transformers = need("transformers", "counting parameters")
    from cantilena.models.amt import amt_config
    from cantilena.models.amt_prefix import AmtPrefix
    from cantilena.models.llama_music import LlamaMusic

    rows = []
    with torch.device("meta"):
        for mix, name in (("last", "base"), ("layers", "enhanced")):
            music = transformers.GPT2LMHeadModel(amt_config("large"))
            text = llama_config("1b")
            prefix = AmtPrefix(
                music,
                None,
                mix,
                layers=text.num_hidden_layers + 1,
                text_width=text.hidden_size,
            )
            parts = "AMT large, bridge from Llama 3.2 1B"
            trained = prefix.n_parameters()["trainable"]
            rows.append(Count(f"amt-prefix, {name}", parts, trained, "783 M"))
        for size, paper in (("1b", "1.47 B"), ("3b", "3.56 B")):
            joint = LlamaMusic(transformers.LlamaForCausalLM(llama_config(size)))
            parts = f"Llama 3.2 {size.upper()}, music embedding, projection and head"
            trained = joint.n_parameters()["trainable"]
            rows.append(Count(f"llama-music, {size.upper()}", parts, trained, paper))
    return rows


def table(rows: list[Count]) -> str:
    """The counts as a Markdown table."""
    lines = ["| system | trained | parameters | rounded | Table 2 |", "|---|---|---:|---:|---:|"]
    for row in rows:
        cells = (row.system, row.trains, f"{row.parameters:,}", row.rounded, row.paper)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
