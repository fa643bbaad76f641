"""Does MusicLM's semantic stage make better pieces? Runs with and without it, equal but for that.

Prints what the coarse stage of each run loses a token on held-out clips, with the semantic tokens'
own cost, both in nats a second of sound; then writes pieces of each run under the captions and
beats of held-out clips and says how far the first book's sound (all that the coarse stage decides)
is from that of the clips, by `cantilena evaluate audio`'s Frechet distance and KAD, with the clips
against their other half beside.

    python benchmarks/semantic_stage.py --data clips run bare random --n 16
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cantilena.data.audio import AudioData
from cantilena.decode.cascade import Writing
from cantilena.decode.sampling import Sampling
from cantilena.evaluate.distances.frechet import frechet_distance
from cantilena.evaluate.distances.mmd import kad
from cantilena.evaluate.sound.embedders import load_embedder
from cantilena.evaluate.sound.stages import held_out
from cantilena.models.audio.codec.stream import decode_blocks
from cantilena.systems.musiclm.checkpoint import Loaded, load_musiclm
from cantilena.systems.musiclm.examples import MusicBatches, MusicExample
from cantilena.systems.musiclm.model import MusicLM
from cantilena.systems.musiclm.options import COARSE, FINE, SEMANTIC
from cantilena.systems.musiclm.wish import MusicWish
from cantilena.train.audio.musiclm import MusicClips

EMBEDDERS = ("logmel", "chroma")


def without_fine(music: MusicLM) -> MusicLM:
    """The same stages but for the fine one."""
    stages = tuple(stage for stage in music.config.stages if stage.name != FINE)
    bare = MusicLM(replace(music.config, stages=stages))
    names = bare.state_dict()
    bare.load_state_dict({k: v for k, v in music.state_dict().items() if k in names})
    return bare.eval()


def pieces(
    loaded: Loaded, examples: Sequence[MusicExample], seconds: float, guidance: float
) -> list[np.ndarray]:
    """Sounds (n,) under the captions and beats of examples."""
    music = without_fine(loaded.music)
    length = round(seconds * loaded.codec.sample_rate)
    cascade, sounds = music.cascade(), []
    for seed, example in enumerate(examples):
        states = music.states(music.words.tokens_of_text([example.texts[0]]))[0]
        sampling = Sampling(temperature=1.0, top_p=1.0, guidance=guidance)
        wish = MusicWish([(0.0, states)], example.sounding, sampling)
        tokens = Writing(cascade, wish, seconds, seed).run()
        sounds.append(sound_of(loaded.codec, tokens[COARSE], length))
    return sounds


def sound_of(codec: Any, codes: np.ndarray, length: int) -> np.ndarray:
    return np.concatenate(list(decode_blocks(codec, codes, length)))[:, 0]


def vectors(sounds: Sequence[np.ndarray], rate: int, name: str) -> np.ndarray:
    """(N, D) of an embedder, all windows of all sounds."""
    from cantilena.audio.wav import resample

    embedder = load_embedder(name)
    return np.concatenate([embedder.embed(resample(s, rate, embedder.rate)) for s in sounds])


def nats(loaded: Loaded, examples: Sequence[MusicExample]) -> dict[str, float]:
    """What a stage loses a token, and both stages a second of sound."""
    music = without_fine(loaded.music)
    figures = held_out(music, MusicBatches(examples, music), limit=len(examples))
    a_second = {s.name: figures[s.name] * s.rate * len(s.sizes) for s in music.config.stages}
    own = {name: figures[name] for name in (SEMANTIC, COARSE) if name in figures}
    return {**own, "a second": sum(a_second.values())}


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--data", required=True, metavar="DIR")
    parser.add_argument("--n", type=int, default=16, help="pieces of each run")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--guidance", type=float, default=3.0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    real: dict[str, list[np.ndarray]] = {}
    print(f"| run | semantic | coarse | nats a second | {' | '.join(EMBEDDERS)} |")
    print("|---|" + "---:|" * (3 + len(EMBEDDERS)), flush=True)
    for run in args.runs:
        loaded = load_musiclm(run, device="cpu")
        data = AudioData(args.data, "valid", stems=False)
        folder = Path(args.data) / "codes"
        clips = MusicClips(data, loaded.codec, folder, lambda line: None)
        examples = clips.examples(loaded.music)
        figures = nats(loaded, examples)
        numbers = np.linspace(0, len(examples) - 1, 2 * args.n).astype(int)
        length, rate = round(args.seconds * loaded.codec.sample_rate), loaded.codec.sample_rate
        books = loaded.music.config.stage(COARSE).tokens.sizes
        parts = [
            sound_of(loaded.codec, examples[i].codes[: len(books)].astype(np.int64), length)
            for i in numbers
        ]
        if not real:
            real = {name: [vectors(parts[k::2], rate, name) for k in (0, 1)] for name in EMBEDDERS}
            cells = [f"{distances(*pair)}" for pair in real.values()]
            print(f"| the clips' other half | - | - | - | {' | '.join(cells)} |", flush=True)
        sounds = pieces(loaded, [examples[i] for i in numbers[1::2]], args.seconds, args.guidance)
        cells = [distances(vectors(sounds, rate, name), pair[0]) for name, pair in real.items()]
        shown = [f"{figures[k]:.3f}" if k in figures else "-" for k in (SEMANTIC, COARSE)]
        print(
            f"| {Path(run).name} | {' | '.join(shown)} | {figures['a second']:.1f} | "
            f"{' | '.join(cells)} |",
            flush=True,
        )


def distances(one: np.ndarray, other: np.ndarray) -> str:
    """Frechet distance and KAD in words."""
    return f"{frechet_distance(one, other):.3g}, {kad(one, other):.3g}"


if __name__ == "__main__":
    main()
