"""What a latent diffusion makes of held-out clips: is it led, how far is it from music, how fast?

Writes the beginnings of held-out clips anew: under their own notes and text, and by the text alone,
with each sampler; beside them the clips, and what the autoencoder makes of those. Prints how far
pitch classes are those of the clip's own rendering, against the other clips', and CPU seconds a
second of sound; writes the sounds into folders, which `cantilena evaluate audio` takes.

    python benchmarks/latent_diffusion.py --checkpoint latent --data clips --out sounds
    cantilena evaluate audio sounds/led --real sounds/clips --seconds 5
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch
from led_by_score import classes, own_and_other

from cantilena.audio.wav import write_wav
from cantilena.data.audio import AudioData
from cantilena.data.audio.clips import Clip
from cantilena.systems.latent.conditions import LatentWish
from cantilena.systems.latent.model import LatentModel, load_latent
from cantilena.systems.latent.writing import LatentOrder, LatentWriting


def sound_of(model: LatentModel, latents: torch.Tensor, length: int) -> np.ndarray:
    """(channels, n) samples."""
    with torch.inference_mode():
        return model.vae.sound(latents[None], length)[0].cpu().numpy()


def write(
    model: LatentModel,
    clips: Sequence[Clip],
    frames: int,
    seed: int,
    how: tuple[int, str, float],
    led: bool,
) -> tuple[list[np.ndarray], int, float]:
    """Clips written anew by ``how`` (steps, sampler, guidance), under their notes where ``led``:
    the sounds (channels, n), passes of the network and CPU seconds."""
    sounds, evaluations, began = [], 0, time.process_time()
    for number, clip in enumerate(clips):
        wish = LatentWish(clip.captions[0], clip.symbols if led else None)
        writing = LatentWriting(model, LatentOrder(frames, wish, seed + number, *how))
        list(writing.steps())
        evaluations += writing.evaluations
        sounds.append(sound_of(model, writing.latents, frames * model.vae.hop))
    return sounds, evaluations, time.process_time() - began


def main() -> None:
    """Writes the sounds and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", required=True, metavar="DIR")
    parser.add_argument("--data", required=True, metavar="DIR")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument("--split", default="valid")
    parser.add_argument("--n", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.12)
    parser.add_argument("--guidance", type=float, default=2.0)
    parser.add_argument("--steps", type=int, nargs="+", default=[30])
    parser.add_argument("--samplers", nargs="+", default=["ddim"])
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model, _ = load_latent(args.checkpoint, "cpu")
    data = AudioData(args.data, args.split, stems=False)
    rate, hop = model.vae.sample_rate, model.vae.hop
    frames = round(args.seconds * model.vae.frame_rate)
    numbers = np.linspace(0, len(data) - 1, args.n).astype(int).tolist()
    clips = [data.clip(i) for i in numbers]
    parts = [clip.heard(model.vae.channels)[:, : frames * hop] for clip in clips]
    sounds: dict[str, list[np.ndarray]] = {"clips": parts, "autoencoder": []}
    for part in parts:
        with torch.inference_mode():
            latents = model.vae.latents(torch.from_numpy(part)[None])[0]
        sounds["autoencoder"].append(sound_of(model, latents, part.shape[1]))
    speed: dict[str, str] = {}
    for kind, steps, led in product(args.samplers, args.steps, (True, False)):
        name = f"{'led' if led else 'text'}-{kind}-{steps}"
        how = (steps, kind, args.guidance)
        sounds[name], evaluations, seconds = write(model, clips, frames, args.seed, how, led)
        seconds_each = seconds / (args.n * args.seconds)
        speed[name] = f"{evaluations / args.n:10.0f}{seconds_each:10.3f}"
    own = [classes(part.mean(0), rate) for part in parts]
    print(f"{'':24}{'own clip':>10}{'others':>10}{'gain':>10}{'passes':>10}{'CPU s/s':>10}")
    for name, heard in sounds.items():
        folder = Path(args.out) / name
        folder.mkdir(parents=True, exist_ok=True)
        for number, sound in zip(numbers, heard, strict=True):
            write_wav(sound.T, rate, folder / f"{number:04d}.wav")
        mine, others = own_and_other([classes(sound.mean(0), rate) for sound in heard], own)
        print(f"{name:24}{mine:10.3f}{others:10.3f}{mine - others:10.3f}{speed.get(name, '')}")


if __name__ == "__main__":
    main()
