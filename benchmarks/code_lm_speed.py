"""Codes per second of the code model in our loop, beside transformers' ``generate``.

    python benchmarks/code_lm_speed.py [--width 512 --layers 8 --frames 50 --repeats 3 --threads 1]
                                       [--dtype float32 --ours int8]

A MusicGen of random weights (4 books of 2,048, as published) writes with guidance 3 and top-k 250.
Both are asked for the same greedy codes first. The text encoder runs in both; EnCodec
runs in neither. The two of a repeat run one after the other and ratios are taken within a repeat;
every figure is the median of the repeats. Seconds are CPU time with one thread, so that other
processes count less, and of the clock with several or on a GPU.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

BOOKS, CARD = 4, 2048
WORDS = list(range(3, 15))


class Stub:
    """In place of EnCodec: keeps the codes that it is asked to decode."""

    def __init__(self) -> None:
        self.codes = np.zeros(0)

    def __call__(self, codes: Any, *_: Any, **__: Any) -> Any:
        from types import SimpleNamespace

        self.codes = codes[0].cpu().numpy()
        return SimpleNamespace(audio_values=codes)


class Words:
    """MusicGen's text encoder, for one text."""

    def __init__(self, model: Any):
        self.model, self.width = model, model.config.d_model

    def encode(self, texts: Any) -> Any:
        import torch

        from cantilena.models.encoders import TextStates

        ids = torch.tensor([WORDS] * len(texts), device=self.model.device)
        with torch.no_grad():
            states = self.model(input_ids=ids).last_hidden_state
        return TextStates(states[None], torch.ones_like(ids, dtype=torch.bool))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in {"width": 512, "layers": 8, "frames": 30, "repeats": 3, "rows": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", help="of both")
    parser.add_argument("--ours", default="", help="dtype of ours where it is another")
    args = parser.parse_args()
    import torch

    torch.set_num_threads(args.threads)
    theirs, ours, codes = contenders(args)
    greedy = [side(False) for side in (theirs, ours)]
    same = float((greedy[0] == greedy[1]).mean())
    clock = time.process_time if args.threads == 1 and args.device == "cpu" else time.perf_counter

    def seconds(side: Callable[[bool], Any]) -> float:
        start = clock()
        side(True)
        return clock() - start

    runs = [(seconds(theirs), seconds(ours)) for _ in range(args.repeats)]
    a, b = (codes / statistics.median(times) for times in zip(*runs, strict=True))
    ratio = statistics.median(x / y for x, y in runs)
    print(f"greedy codes alike: {same:.1%}")
    print(f"transformers {a:,.0f} codes/s, ours {b:,.0f} codes/s: {ratio:.2f} times")


def contenders(args: argparse.Namespace) -> tuple[Callable, Callable, int]:
    """What writes ``args.rows`` pieces by transformers and by us, sampling or not, and how many
    codes that are."""
    import torch

    import musicgen
    from cantilena.decode.sampling import Sampling
    from cantilena.models.audio.musicgen import from_transformers
    from cantilena.models.hub import dtype_of
    from cantilena.systems.codes.checkpoint import INT8, in_8_bits
    from cantilena.systems.codes.conditions import Conditioner, Wish
    from cantilena.systems.codes.writing import SAMPLING, CodeOrder, CodeWriter, write_codes

    sizes = {"vocab_size": CARD, "pad_token_id": CARD, "bos_token_id": CARD}
    sizes |= {"hidden_size": args.width, "num_attention_heads": args.width // 64}
    sizes |= {"num_hidden_layers": args.layers, "ffn_dim": 4 * args.width}
    model = musicgen.whole(scale=0.05, **sizes).to(args.device, dtype_of(args.dtype))
    stub = model.audio_encoder.decode = Stub()
    generation = model.generation_config
    generation.decoder_start_token_id = generation.pad_token_id = CARD
    generation.bos_token_id = CARD
    ids = torch.tensor([WORDS] * args.rows, device=args.device)
    lm, dtype = from_transformers(model), args.ours or args.dtype
    lm = lm.to(dtype_of(args.dtype if dtype == INT8 else dtype))
    writer = CodeWriter(lm, 50.0, Conditioner(lm.config, 50.0, Words(model.text_encoder)))
    if dtype == INT8:
        writer = in_8_bits(writer)

    def theirs(sample: bool) -> np.ndarray:
        model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=sample,
            top_k=250 if sample else None,
            guidance_scale=3.0,
            max_new_tokens=args.frames + BOOKS - 1,
        )
        return stub.codes

    def ours(sample: bool) -> np.ndarray:
        greedy = Sampling(temperature=0.0, top_p=1.0, guidance=3.0, best_of=1)
        sampling = SAMPLING if sample else greedy
        orders = [
            CodeOrder(args.frames, Wish("words"), seed=i, sampling=sampling)
            for i in range(args.rows)
        ]
        return np.stack(write_codes(writer, orders))

    return theirs, ours, args.rows * BOOKS * args.frames


if __name__ == "__main__":
    main()
