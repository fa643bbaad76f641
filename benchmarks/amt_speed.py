"""Tokens per second of the arrival systems: our loop beside the plain and an ordinary one.

    python benchmarks/amt_speed.py [--layers 4 --width 256 --notes 340 --repeats 3 --threads 1]
    python benchmarks/amt_speed.py --llama [--layers 30 --width 576]

A model of random weights over AMT's 55,028 tokens writes pieces greedily, and the three loops are
asked for the same tokens first. The plain loop sends the whole window through the model for each
token, as the published implementation does; it is timed at notes spread evenly over a context of
340, which is what a whole piece would take on average. The ordinary loop calls the model as most
programs do: one token at a time with its ``DynamicCache``, masks over all logits, a softmax.
Ours writes the pieces whole: with the published implementation's masks and window
(``compatible``), with our own, and from 340 notes on 2,046 tokens with our own, where a window of
1,024 is read again when it is full. The loops of a repeat run one after the other and ratios are
taken within a repeat; every figure is the median of the repeats. Seconds are CPU time with one
thread, so that other processes count less, and of the clock with several.

``--llama`` is a Llama of SmolLM2-135M's shape (30 layers of 576, 9 heads over 3, 49,152 words
before the music), as ``llama-music`` has it, without the plain loop.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cantilena.decode.hf.engine import HFStepModel

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))


clock = time.process_time

WORDS = 49_152
"""Rows of SmolLM2's text vocabulary."""


def gpt2_of(layers: int, width: int):
    """A random GPT-2 whose choices depend on what it reads."""
    import torch
    from transformers import GPT2LMHeadModel

    from cantilena.models.amt import amt_config
    from cantilena.tokens.arrival.vocab import AMT

    torch.manual_seed(0)
    model = GPT2LMHeadModel(amt_config(n_layer=layers, n_head=width // 64, n_embd=width)).eval()
    with torch.no_grad():
        model.transformer.wte.weight.normal_(0, 0.1)
        # REST is never the likeliest, or it would end the piece
        model.transformer.ln_f.bias[0] = 20
        model.transformer.wte.weight[AMT.rest, 0] = -2
    return model.requires_grad_(False)


def llama_of(layers: int, width: int):
    """A random Llama over words and music, with the shape of SmolLM2-135M's layers."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from cantilena.tokens.arrival.vocab import AMT

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=WORDS + AMT.size,
        hidden_size=width,
        intermediate_size=width * 8 // 3,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        num_key_value_heads=max(1, width // 192),
        max_position_embeddings=2048,
        rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        model.model.embed_tokens.weight.normal_(0, 1)
        model.lm_head.weight.normal_(0, 0.5)
        # REST is never the likeliest, or it would end the piece
        model.model.embed_tokens.weight[:, 0] = 24
        model.lm_head.weight[:, 0] = 0
        model.lm_head.weight[WORDS + AMT.rest] = 0
        model.lm_head.weight[WORDS + AMT.rest, 0] = -2
    return model.requires_grad_(False)


def ours(steps: HFStepModel, n: int, notes: int, compatible: bool) -> tuple[list[list[int]], float]:
    """Tokens of ``n`` pieces abreast and the seconds they took."""
    from cantilena.decode.hf.interfaces import PromptState
    from cantilena.decode.loop import Job, Loop
    from cantilena.decode.sampling import Sampling
    from cantilena.systems.arrival.grammar import ArrivalGrammar
    from cantilena.systems.arrival.piece import ArrivalPiece
    from cantilena.systems.arrival.stepper import ArrivalStepper

    grammar = ArrivalGrammar()
    sampling = Sampling(temperature=0)
    start = clock()
    jobs = []
    for i in range(n):
        piece = ArrivalPiece(first_note(i), compatible=compatible)
        rng = np.random.default_rng(i)
        jobs.append(Job(piece, PromptState(), (), sampling, rng, notes))
    Loop(ArrivalStepper(steps, grammar, jobs), grammar, jobs).run()
    spent = clock() - start
    pieces = [job.piece.tokens for job in jobs]
    if any(len(tokens) != 3 * notes + 3 for tokens in pieces):
        raise SystemExit("a piece ended early: choose another seed or size")
    return pieces, spent


def first_note(i: int) -> list[int]:
    """What the ``i``-th piece goes on from."""
    return [i, 10_050, 11_060 + i]


def ordinary(model, piece: list[int], offset: int) -> float:
    """Seconds that the ordinary loop takes for a piece, which must be the same."""
    from cached_sampling import cached_sampling

    start = clock()
    tokens = cached_sampling(model, piece[:3], len(piece) // 3 - 1, offset)
    spent = clock() - start
    if tokens != piece:
        at = next(k for k, (x, y) in enumerate(zip(tokens, piece, strict=False)) if x != y)
        raise SystemExit(f"the loops differ at token {at} of {len(piece)}")
    return spent


def plain(model, piece: list[int], points: int) -> float:
    """Seconds that the plain loop takes for a token, on average over a piece. Each note at which
    it is timed must be the piece's own."""
    from plain_sampling import plain_greedy

    notes = len(piece) // 3
    spent = 0.0
    for at in np.linspace(1, notes - 1, points).astype(int).tolist():
        start = clock()
        continued = plain_greedy(model, piece[: 3 * at], [], 1)
        spent += clock() - start
        if continued != piece[: 3 * at + 3]:
            raise SystemExit(f"the loops differ at note {at}: {continued[-3:]}")
    return spent / (3 * points)


PLAIN, ORDINARY = "plain loop", "ordinary loop with its cache"


def repeat(model, steps: HFStepModel, args: argparse.Namespace) -> dict[str, float]:
    """Tokens per second of every loop, one after the other."""
    tokens = 3 * args.notes
    pieces, spent = ours(steps, 1, args.notes, True)
    rates = {"ours, published masks": tokens / spent}
    rates[ORDINARY] = tokens / ordinary(model, pieces[0], steps.offset)
    if not args.llama:
        rates[PLAIN] = 1 / plain(model, pieces[0], args.points)
    rates["ours"] = tokens / ours(steps, 1, args.notes, False)[1]
    if args.notes >= 340:
        rates["ours, 2,046 tokens"] = 2046 / ours(steps, 1, 682, False)[1]
    rates["ours, 4 pieces abreast"] = 4 * tokens / ours(steps, 4, args.notes, False)[1]
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--llama", action="store_true", help="a Llama over words and music")
    parser.add_argument("--layers", type=int, help="4, for --llama 30")
    parser.add_argument("--width", type=int, help="256, for --llama 576")
    for name, value in (("notes", 340), ("repeats", 3), ("points", 3), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    layers, width = args.layers or (30 if args.llama else 4), args.width
    width = width or (576 if args.llama else 256)
    import torch

    from cantilena.decode.hf.engine import HFStepModel

    torch.set_num_threads(args.threads)
    if args.threads > 1:
        global clock
        clock = time.perf_counter
    model = (llama_of if args.llama else gpt2_of)(layers, width)
    steps = HFStepModel(model, WORDS if args.llama else 0)
    repeats = [repeat(model, steps, args) for _ in range(args.repeats)]
    size = sum(p.numel() for p in model.parameters()) / 1e6
    print(
        f"{'Llama' if args.llama else 'GPT-2'} of {size:.1f} M parameters ({layers} layers of "
        f"{width}), float32, {args.threads} CPU thread(s), pieces of {3 * args.notes:,} tokens, "
        f"greedy; median of {args.repeats} repeats\n"
    )
    print("| | tokens/s | over the ordinary loop | over the plain loop |\n|---|---:|---:|---:|")
    for name in sorted(repeats[0], key=lambda name: repeats[0][name]):
        rate = statistics.median(r[name] for r in repeats)
        over = [_over(repeats, name, base) for base in (ORDINARY, PLAIN)]
        print(f"| {name} | {rate:,.1f} | {' | '.join(over)} |")


def _over(repeats: list[dict[str, float]], name: str, base: str) -> str:
    if base not in repeats[0]:
        return ""
    return f"{statistics.median(r[name] / r[base] for r in repeats):.1f}"


if __name__ == "__main__":
    main()
