"""Does the sound of ``musicgen`` follow its Score? Pitch classes against renderings.

Composes a piece for each text, renders its Score by the built-in synthesizer, and compares the
pitch classes of the sound, frame by frame, with those of its own rendering and with those of the
other pieces'. Pitch classes of any two pieces are alike to some degree, so the difference is what
says something. The first row is what the codec alone does to a rendering.

    python benchmarks/led_by_score.py --seconds 10 --guidance 3
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import torch

import cantilena.options
from cantilena.audio.chroma import chroma
from cantilena.audio.mel import RATE
from cantilena.audio.resampling import resampled
from cantilena.render.synth import synthesize
from cantilena.systems.request import Request

TEXTS = (
    "slow piano ballad in C major",
    "string quartet in F sharp minor, 90 bpm",
    "house, 124 bpm, synth pad, bass and drums in A minor",
    "acoustic guitar waltz in E flat major",
    "jazz trio in B major, swing",
    "calm church organ in G major",
)


def classes(sound: np.ndarray, rate: int) -> np.ndarray:
    """(T, 12) pitch classes of (n,) samples, each frame of length 1."""
    blocks = resampled([sound[:, None].astype(np.float32)], rate, RATE)
    heard = chroma(np.concatenate(list(blocks))[:, 0])
    return heard / np.maximum(np.linalg.norm(heard, axis=1, keepdims=True), 1e-9)


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Mean cosine over the frames that both have."""
    frames = min(len(one), len(other))
    return float((one[:frames] * other[:frames]).sum(1).mean())


def own_and_other(heard: Sequence[np.ndarray], scores: Sequence[np.ndarray]) -> tuple[float, float]:
    """Mean agreement of each with its own Score, and with the others'."""
    table = np.array([[agreement(one, score) for score in scores] for one in heard])
    off = ~np.eye(len(table), dtype=bool)
    return float(np.diag(table).mean()), float(table[off].mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", metavar="DIR", help="musicgen's (the installed one)")
    parser.add_argument("--codec", metavar="DIR")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    for name in ("temperature", "guidance", "top_p"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float)
    args = parser.parse_args()
    loading = {} if args.codec is None else {"codec": args.codec}
    system = cantilena.load(args.checkpoint, "musicgen", device="cpu", **loading)
    how = {name: getattr(args, name) for name in ("temperature", "guidance", "top_p")}
    sampling = cantilena.options.make_sampling(system.sampling, **how)
    briefs = [cantilena.options.make_brief(text, seconds=args.seconds) for text in TEXTS]
    results = system.compose([Request(brief, args.seed, sampling) for brief in briefs])
    codec = system.codec
    rate = codec.sample_rate
    rendered = [synthesize(r.score, rate).mean(0)[: round(args.seconds * rate)] for r in results]
    with torch.inference_mode():
        coded = [
            codec.decode(codec.encode(torch.from_numpy(sound)[None, None]))[0, 0].numpy()
            for sound in rendered
        ]
    scores = [classes(sound, rate) for sound in rendered]
    rows = {
        "the rendering through the codec": [classes(sound, rate) for sound in coded],
        "composed": [classes(r.audio.samples[0], rate) for r in results],
    }
    print(f"{'':34}{'own Score':>10}{'others':>10}{'gain':>10}")
    for name, heard in rows.items():
        own, other = own_and_other(heard, scores)
        print(f"{name:34}{own:10.3f}{other:10.3f}{own - other:10.3f}")


if __name__ == "__main__":
    main()
