"""How fast a GPU trains and generates with the paper's models at their real sizes.

    python benchmarks/gpu_rates.py [--limit 110] [--json rates.json] [--only train] [--compile]

Weights are random, as the time does not depend on them, and nothing is downloaded: AMT large
behind a frozen Llama 3.2 1B (``amt-prefix``) and Llama 3.2 1B with AMT's vocabulary
(``llama-music``), made on the device. Music is random triples in time order, texts are random words
of uneven length; both go through the project's collators, models, losses and generating loop.

- *chip*: a product of two matrices of 8,192 in bfloat16, the median of several;
- *train*: forward, backward, clipping and fused AdamW under bfloat16 autocast over float32 weights,
  as the Trainer does it. Of ``llama-music`` a part of a batch and the update are timed, and given
  as four parts to an update. The share of the chip counts 6 FLOPs for every weight that a token is
  multiplied with (the frozen text model: 2), 12 x layers x width x positions for attention, and
  neither lookups nor logits that are computed again;
- *generate*: ``systems.arrival.writing``'s loop (cache, grammar, top-p 0.98) for ``--abreast``
  pieces, timed over ``--tokens`` tokens at a piece's beginning and towards its end, where attention
  sees 256 and 1,024 slots; 1,000 pieces of 1,024 tokens are extrapolated from the 720 that it sees
  on average. The paper's times on an A100 stand beside. Reading the texts is not in it.

Every step is tried on its own and printed at once; after ``--limit`` seconds the rest is skipped.
``--tiny`` runs all of it on a CPU within a minute.
"""

from __future__ import annotations

import argparse
import functools
import gc
import json
import statistics
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

BEGUN = time.perf_counter()
PIECES, LENGTH = 1_000, 1_024
PAPER = {"amt-prefix": "60 (AMT large)", "llama-music": "30 (Llama 1B; 3B: 40)"}
"""Minutes that 1,000 pieces took on an A100 in the paper."""


class Words:
    """A tokenizer that needs no file: each word is a number below ``size``."""

    bos_token_id, eos_token_id, pad_token_id = 1, 2, None

    def __init__(self, size: int):
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        """Ids, the beginning first."""
        return {
            "input_ids": [1, *(3 + zlib.crc32(w.encode()) % (self.size - 3) for w in text.split())]
        }


class Bench:
    """What the steps share: device, sizes, data and the rows that were measured."""

    def __init__(self, args: argparse.Namespace):
        import torch

        self.args, self.torch = args, torch
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.rng = np.random.default_rng(0)
        self.rows: list[dict[str, Any]] = []
        self.chip: float | None = None
        self.texts = [self.text() for _ in range(4)]

    # ------------------------------------------------------------------ steps

    def step(self, name: str, what: Callable[[], dict[str, Any]]) -> None:
        """Runs a step, prints its outcome or what went wrong, and writes all that is known."""
        spent = time.perf_counter() - BEGUN
        if self.args.only and self.args.only not in name:
            return
        row: dict[str, Any] = {"step": name}
        if spent > self.args.limit:
            row["skipped"] = f"{spent:.0f} s of {self.args.limit:g} s are spent"
        else:
            try:
                row |= what()
            except Exception as error:
                trace = traceback.format_exc().strip().splitlines()
                row["error"] = f"{type(error).__name__}: {error}"[:400]
                row["where"] = [line.strip()[:160] for line in trace if "File" in line][-4:]
        self.tidy()
        row["took_s"] = round(time.perf_counter() - BEGUN - spent, 1)
        self.rows.append(row)
        print(json.dumps(row), flush=True)
        if self.args.json:
            report = {"device": self.name(), "steps": self.rows}
            Path(self.args.json).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")

    def name(self) -> str:
        """The device and what runs on it."""
        import transformers

        cuda = self.device.type == "cuda"
        card = self.torch.cuda.get_device_name() if cuda else "CPU"
        return f"{card}, torch {self.torch.__version__}, transformers {transformers.__version__}"

    def wait(self) -> float:
        """The time once the device is done."""
        if self.device.type == "cuda":
            self.torch.cuda.synchronize()
        return time.perf_counter()

    def tidy(self) -> None:
        """Gives back memory that nothing holds."""
        gc.collect()
        if self.device.type == "cuda":
            self.torch.cuda.empty_cache()
            self.torch.cuda.reset_peak_memory_stats()

    def peak(self) -> float | None:
        """Gigabytes (10^9) held at most since ``tidy``."""
        if self.device.type != "cuda":
            return None
        return round(self.torch.cuda.max_memory_allocated() / 1e9, 1)

    def measure_chip(self) -> dict[str, Any]:
        """TFLOP/s of a large product."""
        torch, n = self.torch, 256 if self.args.tiny else 8_192
        a, b = (torch.randn(n, n, device=self.device, dtype=torch.bfloat16) for _ in range(2))
        times = []
        for turn in range(25):
            start = self.wait()
            for _ in range(4):
                torch.matmul(a, b)
            if turn > 4:
                times.append((self.wait() - start) / 4)
        rate = self.chip = 2 * n**3 / statistics.median(times)
        return {"tflops": round(rate / 1e12, 1), "size": n}

    # ------------------------------------------------------------------ data

    def text(self) -> str:
        """A description of 50 to 80 words."""
        return " ".join(f"w{k}" for k in self.rng.integers(0, 9_999, self.rng.integers(50, 81)))

    def events(self, notes: int) -> np.ndarray:
        """(3N,) random notes, a tenth of a second apart."""
        from cantilena.tokens.arrival.vocab import AMT

        times = AMT.time + 10 * np.arange(notes)
        lasting = AMT.duration + self.rng.integers(1, 200, notes)
        played = AMT.note + self.rng.integers(0, AMT.notes, notes)
        return np.stack([times, lasting, played], 1).reshape(-1)

    def examples(self, n: int) -> list[dict[str, Any]]:
        """Examples as the paper's data gives them, whole contexts long."""
        from cantilena.tokens.arrival.vocab import AMT

        notes = (LENGTH - 1) // 3
        return [
            {"text": self.text(), "music": [AMT.autoregress, *self.events(notes).tolist()]}
            for _ in range(n)
        ]

    # ------------------------------------------------------------------ models

    def llama(self, causal: bool) -> Any:
        """Llama 3.2 1B, as a causal LM or its trunk alone."""
        import transformers

        from cantilena.models.parameters import llama_config

        config = llama_config("1b")
        if self.args.tiny:
            config.update({"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2})
            config.update({"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16})
            config.vocab_size = 500
        kind = transformers.LlamaForCausalLM if causal else transformers.LlamaModel
        with self.device:
            return kind(config)

    def prefix(self) -> Any:
        """``amt-prefix``: AMT large behind the frozen text model."""
        import transformers

        from cantilena.models.amt import amt_config
        from cantilena.models.amt_prefix import AmtPrefix
        from cantilena.models.encoders import PretrainedEncoder
        from cantilena.models.saving import placed

        text = placed(self.llama(False), None, self.torch.bfloat16)
        encoder = PretrainedEncoder.__new__(PretrainedEncoder)  # its own way in is from files
        encoder.name, encoder.revision = "random", None
        encoder.tokenizer = Words(text.config.vocab_size)
        encoder._take(text, 256)
        changes = {"n_layer": 2, "n_head": 4, "n_embd": 64} if self.args.tiny else {}
        with self.device:
            music = transformers.GPT2LMHeadModel(amt_config("large", **changes))
            return AmtPrefix(music, encoder, "last")

    def joint(self) -> Any:
        """``llama-music`` over Llama 3.2 1B."""
        from cantilena.models.llama_music import LlamaMusic

        return LlamaMusic(self.llama(True))

    # ------------------------------------------------------------------ training

    def train(self, model: Any, batch: dict[str, Any], parts: int, turns: int) -> dict[str, float]:
        """Seconds of a part of a batch and of an update, and the peak memory. The first turns,
        which find their way, are not counted."""
        from cantilena.models.amt import fuse_activations

        torch = self.torch
        model.train()
        if self.device.type == "cuda":  # as ``train.tuned.trainer`` does
            fuse_activations(model)
        model.backbone.set_attn_implementation("sdpa")
        if self.args.compile:
            model.backbone.base_model.compile()
        parameters = [p for p in model.parameters() if p.requires_grad]
        fused = self.device.type == "cuda"
        optimiser = torch.optim.AdamW(parameters, lr=1e-6, weight_decay=0.01, fused=fused)
        batch = {k: v.to(self.device) for k, v in batch.items()}
        items = (batch["labels"] != -100).sum()
        part, update = [], []
        for turn in range(turns + 2):
            start = self.wait()
            with torch.autocast(self.device.type, dtype=torch.bfloat16):
                loss = model(**batch, num_items_in_batch=items * parts)["loss"]
            loss.backward()
            middle = self.wait()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            end = self.wait()
            if turn >= 2:
                part.append(middle - start)
                update.append(end - middle)
        if not np.isfinite(loss.item()):
            raise ValueError(f"the loss is {loss.item()}")
        return {"part": statistics.median(part), "update": statistics.median(update)}

    def rate(
        self, spent: dict[str, float], parts: int, tokens: int, flops: float, batch: Any
    ) -> dict[str, Any]:
        """What is told of a training step of ``parts`` parts with ``tokens`` tokens each."""
        seconds = parts * spent["part"] + spent["update"]
        share = None if self.chip is None else round(100 * parts * flops / seconds / self.chip, 1)
        return {
            "tokens_per_second": round(parts * tokens / seconds),
            "parts": parts,
            "ms_per_update": round(1e3 * seconds, 1),
            "ms_per_part": round(1e3 * spent["part"], 1),
            "ms_of_optimiser": round(1e3 * spent["update"], 1),
            "tflops": round(parts * flops / seconds / 1e12, 1),
            "share_of_chip": share,
            "peak_gb": self.peak(),
            "rows": list(batch["input_ids"].shape),
        }

    def train_prefix(self, rows: int) -> dict[str, Any]:
        """``amt-prefix``: Table 2's batch of 16 in parts of ``rows``."""
        from cantilena.systems.arrival.training.collate import PrefixCollator

        model = self.prefix()
        parts, rows = 16 // rows, 2 if self.args.tiny else rows
        batch = PrefixCollator(model.encoder, LENGTH)(self.examples(rows))
        spent = self.train(model, batch, parts, self.args.turns)
        config, music, words = model.music.config, batch["input_ids"], batch["text_ids"]
        places = music.numel() + words.numel() + rows
        blocks = sum(p.numel() for p in model.music.transformer.h.parameters())
        head = model.music.get_output_embeddings().weight.numel()
        mixing = 12 * config.n_layer * config.n_embd * (places // rows)
        text = sum(p.numel() for p in model.encoder.model.layers.parameters())
        flops = places * (6.0 * blocks + mixing) + 6.0 * head * music.numel()
        flops += words.numel() * 2.0 * text
        rates = self.rate(spent, parts, int((batch["labels"] != -100).sum()), flops, batch)
        return {"trainable": model.n_parameters()["trainable"], **rates}

    def train_joint(self, rows: int) -> dict[str, Any]:
        """``llama-music``: parts of ``rows`` rows of 1,024 tokens, text and music."""
        from cantilena.systems.arrival.training.collate import JointCollator

        model = self.joint()
        words = Words(model.offset)
        collate = JointCollator(words, model.offset, LENGTH, longest=256)
        batch = collate(self.examples(2 if self.args.tiny else rows))
        spent = self.train(model, batch, 4, self.args.turns)
        config, ids = model.text.config, batch["input_ids"]
        body = sum(p.numel() for p in model.text.model.layers.parameters())
        heads = model.text.get_output_embeddings().weight.numel()
        heads += model.expanded_lm_head.weight.numel() + model.music_projection.weight.numel()
        mixing = 12 * config.num_hidden_layers * config.hidden_size * ids.shape[1]
        flops = ids.numel() * (6.0 * (body + heads) + mixing)
        rates = self.rate(spent, 4, int(batch["attention_mask"].sum()), flops, batch)
        return {"trainable": model.n_parameters()["trainable"], **rates}

    # ------------------------------------------------------------------ generating

    def generate(self, system: Any, abreast: int, draws: bool = True) -> dict[str, Any]:
        """Milliseconds a step at the beginning and at the end of pieces."""
        from cantilena.systems.arrival.writing import Order, loop_of

        tokens = 12 if self.args.tiny else self.args.tokens
        orders, steps = [Order(self.texts[k % 4], k) for k in range(abreast)], {}
        system.step_model.draws = draws and self.device.type == "cuda"
        begin = {}
        steady = None
        for place, first in (("early", 0), ("late", 261)):
            loop = loop_of(system, orders)
            for job in loop.jobs:
                piece = job.piece
                for triple in self.events(first).reshape(-1, 3).tolist():
                    piece._take_event(triple)
                job.limit = 10**6
            start, marks = self.wait(), []
            for n in loop.steps():
                if n in (9, 9 + tokens):  # behind whole notes, and once graphs are recorded
                    marks.append(self.wait())
                if len(marks) == 2:
                    break
                if n == 1:
                    begin[place] = round(self.wait() - start, 2)
            steady = loop.stepper.session.steady
            steps[place] = 1e3 * (marks[1] - marks[0]) / tokens
            if loop.stepper.moved or loop.stepper.count != abreast:
                raise ValueError("windows moved or pieces ended while they were timed")
        middle = steps["early"] + 0.6 * (steps["late"] - steps["early"])
        minutes = middle / 1e3 * LENGTH * PIECES / abreast / 60
        return {
            "abreast": abreast,
            "tokens_per_second": round(1e3 * abreast / middle),
            **{f"ms_per_step_{k}": round(v, 2) for k, v in steps.items()},
            "minutes_for_1000": round(minutes, 2),
            "paper_minutes": PAPER[system.name],
            "seconds_to_begin": begin,
            "drawn_on_device": system.step_model.draws,
            "graphs": None if steady is None else steady.works,
            "graphs_said": None if steady is None else steady.failure[:200],
            "dtype": str(system.step_model.dtype),
            "peak_gb": self.peak(),
        }

    def generation(self, name: str) -> None:
        """All that is measured of a system's generation; its model is made once."""
        from cantilena.models.saving import placed

        kept: dict[str, Any] = {}

        def system() -> Any:
            if "system" not in kept:
                model = self.prefix() if name == "amt-prefix" else self.joint()
                half = self.device.type == "cuda"
                model = placed(model, None, self.torch.bfloat16 if half else self.torch.float32)
                writer = _system(model.eval().requires_grad_(False))
                # many pieces have the same text
                writer.prompt = functools.cache(writer.prompt)
                kept["system"] = writer
            return kept["system"]

        for abreast in [2, 3] if self.args.tiny else self.args.abreast:
            self.step(
                f"generate {name}, {abreast} abreast",
                lambda n=abreast: self.generate(system(), n),
            )
        if self.args.host:
            n = 2 if self.args.tiny else self.args.abreast[0]
            self.step(
                f"generate {name}, {n} abreast, chosen on the CPU",
                lambda: self.generate(system(), n, draws=False),
            )
        kept.clear()
        self.tidy()


def _system(model: Any) -> Any:
    """The generating system of a model in memory."""
    from cantilena.models.amt_prefix import AmtPrefix
    from cantilena.systems.arrival import amt_prefix, llama_music

    if isinstance(model, AmtPrefix):
        return amt_prefix.AmtPrefixSystem(model)
    return llama_music.of_model(model, Words(model.offset))


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as Markdown tables: training and generation."""
    training = {
        "tokens/s": "tokens_per_second",
        "ms an update": "ms_per_update",
        "ms a part": "ms_per_part",
        "ms of the optimiser": "ms_of_optimiser",
        "TFLOP/s": "tflops",
        "% of the chip": "share_of_chip",
        "peak GB": "peak_gb",
    }
    generation = {
        "tokens/s": "tokens_per_second",
        "ms a step, early": "ms_per_step_early",
        "late": "ms_per_step_late",
        "minutes for 1,000": "minutes_for_1000",
        "the paper's, A100": "paper_minutes",
        "graphs": "graphs",
        "peak GB": "peak_gb",
    }
    lines = []
    for kind, columns in (("train", training), ("generate", generation)):
        lines += [f"| {kind} | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
        for row in rows:
            if not row["step"].startswith(kind):
                continue
            cells = [str(row.get(key, "-")) for key in columns.values()]
            if "error" in row or "skipped" in row:
                cells[0] = "failed" if "error" in row else "skipped"
            lines.append(f"| {row['step']} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints; 1 where a step failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--limit", type=float, default=110, help="seconds for steps to begin in")
    parser.add_argument("--json", metavar="FILE", help="all figures, written after each step")
    parser.add_argument("--only", metavar="WORD", help="only steps whose names hold it")
    parser.add_argument("--abreast", type=int, nargs="+", default=[64, 256], metavar="N")
    parser.add_argument("--tokens", type=int, default=120, help="timed at each place of a piece")
    parser.add_argument("--turns", type=int, default=5, help="training steps that are timed")
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[8, 16], help="of a llama-music part"
    )
    parser.add_argument("--host", action="store_true", help="choose on the CPU as well")
    parser.add_argument("--compile", action="store_true", help="compile what is trained")
    parser.add_argument("--tiny", action="store_true", help="two layers, to see that it runs")
    args = parser.parse_args(argv)
    bench = Bench(args)
    print(f"{bench.name()}; ready after {time.perf_counter() - BEGUN:.1f} s", flush=True)
    bench.step("chip", bench.measure_chip)
    for rows in (16, 8):  # the smaller parts where the larger do not fit
        bench.step(f"train amt-prefix, parts of {rows}", lambda n=rows: bench.train_prefix(n))
        if not bench.rows or "error" not in bench.rows[-1]:
            break
    bench.generation("amt-prefix")
    for k, rows in enumerate(args.rows):
        bench.step(f"train llama-music, parts of {rows}", lambda n=rows: bench.train_joint(n))
        if not k:
            bench.generation("llama-music")
    chip = "-" if bench.chip is None else f"{bench.chip / 1e12:.1f}"
    print(f"\n{bench.name()}; the chip's bfloat16 product: {chip} TFLOP/s\n\n{table(bench.rows)}")
    return int(any("error" in row for row in bench.rows))


if __name__ == "__main__":
    sys.exit(main())
