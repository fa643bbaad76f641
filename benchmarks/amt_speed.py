"""Tokens per second of AMT's sampling: our loop beside the plain one, in one run.

    python benchmarks/amt_speed.py [--layers 4 --width 256 --notes 340 --repeats 3 --threads 1]

A GPT-2 of random weights over AMT's 55,028 tokens writes pieces greedily. The plain loop sends the
whole window through the model for each token, as the published implementation does; it is timed at
notes spread evenly over a context of 340, which is what a whole piece would take on average. Both
are asked for the same tokens first. Ours writes the pieces whole, with the published
implementation's masks and window (``compatible``), and then 2,046 tokens with our own, where the
window is read again when it is full. Every figure is the median of the repeats.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))


def model_of(layers: int, width: int):
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


def ours(model, n: int, notes: int, compatible: bool) -> tuple[list[list[int]], float]:
    """Tokens of ``n`` pieces abreast and the seconds they took."""
    from cantilena.decode.hf.engine import HFStepModel
    from cantilena.decode.hf.interfaces import PromptState
    from cantilena.decode.loop import Job, Loop
    from cantilena.decode.sampling import Sampling
    from cantilena.systems.arrival.grammar import ArrivalGrammar
    from cantilena.systems.arrival.piece import ArrivalPiece
    from cantilena.systems.arrival.stepper import ArrivalStepper

    grammar = ArrivalGrammar()
    sampling = Sampling(temperature=0)
    start = time.perf_counter()
    jobs = []
    for i in range(n):
        piece = ArrivalPiece([i, 10_050, 11_060 + i], compatible=compatible)
        rng = np.random.default_rng(i)
        jobs.append(Job(piece, PromptState(), (), sampling, rng, notes))
    Loop(ArrivalStepper(HFStepModel(model), grammar, jobs), grammar, jobs).run()
    spent = time.perf_counter() - start
    pieces = [job.piece.tokens for job in jobs]
    if any(len(tokens) != 3 * notes + 3 for tokens in pieces):
        raise SystemExit("a piece ended early: choose another seed or size")
    return pieces, spent


def plain(model, piece: list[int], points: int) -> tuple[float, int]:
    """Seconds a token takes, on average over a piece, and at how many tokens it was measured.
    Each measured note must be the piece's own."""
    from plain_sampling import plain_greedy

    notes = len(piece) // 3
    spent, tokens = 0.0, 0
    for at in np.linspace(1, notes - 1, points).astype(int).tolist():
        start = time.perf_counter()
        continued = plain_greedy(model, piece[: 3 * at], [], 1)
        spent += time.perf_counter() - start
        tokens += 3
        if continued != piece[: 3 * at + 3]:
            raise SystemExit(f"the loops differ at note {at}: {continued[-3:]}")
    return spent / tokens, tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("layers", 4), ("width", 256), ("notes", 340), ("repeats", 3)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--points", type=int, default=3, help="notes at which the plain is timed")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    import torch

    torch.set_num_threads(args.threads)
    model = model_of(args.layers, args.width)
    size = sum(p.numel() for p in model.parameters()) / 1e6
    rates: dict[str, list[float]] = {}
    for _ in range(args.repeats):
        pieces, spent = ours(model, 1, args.notes, True)
        rates.setdefault("ours, one piece", []).append(3 * args.notes / spent)
        each, points = plain(model, pieces[0], args.points)
        rates.setdefault("plain loop, one piece", []).append(1 / each)
        pieces, spent = ours(model, 4, args.notes, True)
        rates.setdefault("ours, 4 pieces abreast", []).append(4 * 3 * args.notes / spent)
        pieces, spent = ours(model, 1, 682, False)
        rates.setdefault("ours, one piece of 2,046 tokens, window read again", []).append(
            2046 / spent
        )
    base = statistics.median(rates["plain loop, one piece"])
    print(
        f"GPT-2 of {size:.1f} M parameters ({args.layers} layers of {args.width}), float32, "
        f"{args.threads} CPU thread(s), pieces of {3 * args.notes:,} tokens, greedy; median of "
        f"{args.repeats} repeats; plain loop timed at {points} tokens of a piece\n"
    )
    print("| | tokens/s | over the plain loop |\n|---|---:|---:|")
    for name in sorted(rates, key=lambda name: statistics.median(rates[name])):
        rate = statistics.median(rates[name])
        print(f"| {name} | {rate:,.1f} | {rate / base:.1f} |")


if __name__ == "__main__":
    main()
