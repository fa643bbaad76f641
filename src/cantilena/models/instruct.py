"""A local instruct model: requests in, answers out, through transformers.

Knows chat templates and generation; does not know what is asked. Weights come from a folder, a hub
name or a package (``models.packaged``, as "smollm2").
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cantilena.errors import InputError
from cantilena.models.hub import chosen_device, loading, need
from cantilena.models.packaged import GGUF, packaged

BATCH = 8
"""Requests that are answered abreast."""
TOKENS = 80
"""Of an answer at most."""


class Instruct:
    """A causal language model that answers. Raises CheckpointError where its weights cannot be had,
    InputError for a name that is none, MissingExtraError without transformers."""

    def __init__(self, name: str, device: str | None = None, seed: int = 0):
        if "/" not in name and name not in GGUF and not Path(name).is_dir():
            names = ", ".join(GGUF)
            raise InputError(f"unknown model {name!r}: give {names}, a folder or a hub name")
        transformers = need("transformers", "a language model")
        self.name, self.seed, self.device = name, seed, chosen_device(device)
        with loading("language model", name):
            place = packaged(name)
            self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(place)
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(place)
        self.model = model.float().to(self.device).eval()
        self.tokenizer.padding_side = "left"
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token

    def __call__(self, requests: Sequence[str]) -> list[str]:
        """Answers, one for each request; the same seed gives the same."""
        import torch

        out: list[str] = []
        for i in range(0, len(requests), BATCH):
            inputs = self.tokenizer(
                [self._prompt(text) for text in requests[i : i + BATCH]],
                return_tensors="pt",
                padding=True,
                add_special_tokens=not self.tokenizer.chat_template,
            ).to(self.device)
            torch.manual_seed(self.seed + i)
            with torch.inference_mode():
                ids = self.model.generate(
                    **inputs,
                    max_new_tokens=TOKENS,
                    do_sample=True,
                    temperature=0.7,
                    top_p=0.9,
                    pad_token_id=self.tokenizer.pad_token_id,
                )
            answers = ids[:, inputs["input_ids"].shape[1] :]
            out += self.tokenizer.batch_decode(answers, skip_special_tokens=True)
        return out

    def _prompt(self, request: str) -> str:
        if not self.tokenizer.chat_template:
            return f"{request}\n\n"
        turns = [{"role": "user", "content": request}]
        return self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
