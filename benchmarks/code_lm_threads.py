"""What a small code model costs with all of torch's threads, and with one for each step.

    python benchmarks/code_lm_threads.py [--codes weights/audio/.../musicgen/codes --frames 100]
                                         [--threads 2 --repeats 3]

Both sides write the same codes (led by no score, guidance 2) one after the other in each repeat;
ratios are taken within a repeat, every figure is a median. Other work on the machine is what this
is about: say how busy it was beside the figures.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from cantilena.systems.codes import writing
from cantilena.systems.codes.checkpoint import load_writer

CODES = "weights/audio/src/cantilena_audio_weights/musicgen/codes"


def main() -> None:
    """Prints seconds of the clock and of the CPU of both sides, and their ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--codes", type=Path, default=Path(__file__).parents[1] / CODES)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    writer = load_writer(args.codes, "cpu")
    sampling = replace(writing.SAMPLING, guidance=2.0)
    order = writing.CodeOrder(args.frames, seed=0, sampling=sampling)
    small = writing.is_small
    rows: list[tuple[float, ...]] = []
    for _ in range(args.repeats):
        row: list[float] = []
        codes: list[np.ndarray] = []
        for rule in (lambda model: False, small):
            writing.is_small = rule
            clock, cpu = time.perf_counter(), time.process_time()
            codes += writing.write_codes(writer, [order])
            row += [time.perf_counter() - clock, time.process_time() - cpu]
        assert np.array_equal(codes[0], codes[1]), "the number of threads changes the codes"
        rows.append((*row, row[0] / row[2], row[1] / row[3]))
    figures = [statistics.median(column) for column in zip(*rows, strict=True)]
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {args.frames} frames")
    for name, clock, cpu in (
        (f"{args.threads} threads", figures[0], figures[1]),
        ("one thread a step", figures[2], figures[3]),
        ("ratio", figures[4], figures[5]),
    ):
        print(f"{name:<20} clock {clock:8.2f}   CPU {cpu:8.2f}")


if __name__ == "__main__":
    main()
