"""What an autoencoder and a diffusion of two channels know of left and right.

Of held-out stereo clips: how far the levels of left and right are apart, band by band and frame by
frame, in what the autoencoder makes of them, against the clip's own and another clip's; how wide
the sound is (the root mean square of half the difference of the channels, as a share of that of
their mean); what becomes of sound that is in the middle, or on one side alone. Of a diffusion the
same, of what it writes under the clips' notes and by their texts. Another clip is the one a third
of them further on: neighbours are mostly of one song.

    python benchmarks/stereo_width.py --codec stereo-vae --data stereo
    python benchmarks/stereo_width.py --checkpoint stereo-latent --data stereo --out sounds
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from cantilena.audio.wav import write_wav
from cantilena.data.audio import AudioData
from cantilena.models.audio.codec.files import load_codec
from cantilena.models.audio.codec.transforms import LogMel, griffin_lim, griffin_lim_pair
from cantilena.models.audio.codec.vae import LatentVae, MelVaeCodec, apart
from cantilena.systems.latent.conditions import LatentWish
from cantilena.systems.latent.model import LatentModel, load_latent
from cantilena.systems.latent.writing import LatentOrder, LatentWriting

IN_DB = 20 / math.log(10)
HALF_SECOND = 25
"""Frames over which levels are also taken together: reverberation flutters, seats do not."""
QUIET = 60.0
"""dB below a clip's loudest band at which a band no longer counts."""
COLUMNS = ("level, dB", "another's", "correlation", "another's", "by 0.5 s", "another's")
COLUMNS += ("width", "of the clip's, median")


def loudness(sound: Tensor) -> float:
    """Root mean square of samples."""
    return float(sound.square().mean().sqrt())


def width(sound: Tensor) -> float:
    """Half the difference of two channels (2, n) as a share of their mean."""
    left, right = sound
    return loudness((left - right) / 2) / max(loudness((left + right) / 2), 1e-9)


class Levels:
    """Differences of level of clips, left less right, in dB."""

    def __init__(self, rate: int):
        self.mel = LogMel(rate, 1024, 320, 128)

    def __call__(self, sound: Tensor) -> tuple[Tensor, Tensor]:
        """(bands, T) differences of (2, n) sound, and which of them count."""
        bands = self.mel(sound[:, : sound.shape[1] // 320 * 320]) * IN_DB
        loud = bands.max(0).values
        return apart(bands[None])[0], loud > loud.max() - QUIET

    def alike(self, output: Tensor, real: Tensor) -> tuple[float, float, float]:
        """Mean difference of the levels of two sounds in dB, and their correlations: by frame, and
        by half seconds. Bands that are quiet in the second are left out."""
        (a, _), (b, counts) = self(output), self(real)
        frames = min(a.shape[1], b.shape[1])
        a, b, counts = a[:, :frames], b[:, :frames], counts[:, :frames].float()
        off = ((a - b).abs() * counts).sum() / counts.sum()
        slow = [F.avg_pool1d(x * counts, HALF_SECOND) for x in (a, b)]
        there = F.avg_pool1d(counts, HALF_SECOND)
        by_half = (slow[0] / there.clamp_min(1e-6), slow[1] / there.clamp_min(1e-6))
        return float(off), correlation(a, b, counts > 0), correlation(*by_half, there > 0.5)


def correlation(a: Tensor, b: Tensor, counts: Tensor) -> float:
    """Pearson's, of the places that count; 0 of what does not vary."""
    pair = torch.stack([a[counts], b[counts]])
    return float(torch.corrcoef(pair)[0, 1].nan_to_num())


def row(
    name: str, levels: Levels, output: Sequence[Tensor], real: Sequence[Tensor], step: int
) -> str:
    """A line of the table: sounds beside their own clips, and beside those ``step`` on."""
    own = np.array([levels.alike(a, b) for a, b in zip(output, real, strict=True)])
    others = [real[(i + step) % len(real)] for i in range(len(real))]
    other = np.array([levels.alike(a, b) for a, b in zip(output, others, strict=True)])
    error = own.std(0, ddof=1) / math.sqrt(len(own))
    parts = [
        f"{own[:, i].mean():.2f} ± {error[i]:.2f} | {other[:, i].mean():.2f}" for i in range(3)
    ]
    widths = np.array([width(x) for x in output])
    ratio = np.median(widths / np.array([width(x) for x in real]))
    return f"| {name} | {' | '.join(parts)} | {widths.mean():.3f} | {ratio:.2f} |"


@torch.inference_mode()
def through(vae: LatentVae, sound: Tensor) -> Tensor:
    """(2, n) of (2, n)."""
    return vae.sound(vae.latents(sound[None]), sound.shape[1])[0]


@torch.inference_mode()
def of_true_bands(vae: MelVaeCodec, sound: Tensor, together: bool) -> Tensor:
    """(2, n) of (2, n) by its own bands, phases found for both channels together or apart."""
    magnitudes = (vae.bank @ vae.mel(sound).exp()).clamp_min(0)
    if together:
        return griffin_lim_pair(magnitudes[None], vae.mel.stft, vae.iterations)[0]
    return griffin_lim(magnitudes, vae.mel.stft, vae.iterations)


def placed(vae: LatentVae, clips: Sequence[Tensor]) -> str:
    """What becomes of the mean of both channels, heard in the middle, left or right."""
    middle, away = [], []
    for sound in clips:
        mono = sound.mean(0)
        middle.append(width(through(vae, torch.stack([mono, mono]))))
        for side in (0, 1):
            one = torch.zeros_like(sound)
            one[side] = mono
            output = through(vae, one)
            away.append(
                20 * math.log10(max(loudness(output[1 - side]), 1e-9) / loudness(output[side]))
            )
    return (
        f"in the middle: width {np.mean(middle):.4f}, at most {np.max(middle):.4f}; on one side: "
        f"the other at {np.mean(away):.1f} dB, at most {np.max(away):.1f}"
    )


def written(model: LatentModel, wish: LatentWish, frames: int, seed: int, args: object) -> Tensor:
    """(2, n) samples that a diffusion writes."""
    how = (args.steps, "ddim", args.guidance)  # type: ignore[attr-defined]
    writing = LatentWriting(model, LatentOrder(frames, wish, seed, *how))
    list(writing.steps())
    with torch.inference_mode():
        return model.vae.sound(writing.latents[None], frames * model.vae.hop)[0]


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codec", metavar="DIR")
    parser.add_argument("--checkpoint", metavar="DIR", help="a diffusion, with its autoencoder")
    parser.add_argument("--data", required=True, metavar="DIR")
    parser.add_argument("--out", metavar="DIR", help="sounds too")
    parser.add_argument("--split", default="valid")
    parser.add_argument("--n", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.12)
    parser.add_argument("--guidance", type=float, default=2.0)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if (args.codec is None) == (args.checkpoint is None):
        parser.error("give --codec or --checkpoint")
    torch.set_num_threads(1)
    model = None if args.checkpoint is None else load_latent(args.checkpoint, "cpu")[0]
    vae = load_codec(args.codec, "cpu") if model is None else model.vae
    if not isinstance(vae, LatentVae) or vae.channels != 2:
        parser.error("the autoencoder has no two channels")
    data = AudioData(args.data, args.split, stems=False)
    numbers = np.linspace(0, len(data) - 1, args.n).astype(int).tolist()
    frames = round(args.seconds * vae.frame_rate)
    clips = [data.clip(i) for i in numbers]
    real = [torch.from_numpy(clip.heard(2)[:, : frames * vae.hop]) for clip in clips]
    sounds = {"the clips": real, "in the middle": [x.mean(0).expand(2, -1) for x in real]}
    if isinstance(vae, MelVaeCodec) and model is None:
        for name, together in (("true bands, phases apart", False), ("together", True)):
            sounds[name] = [of_true_bands(vae, sound, together) for sound in real]
    sounds["through the autoencoder"] = [through(vae, sound) for sound in real]
    if model is not None:
        for name, led in (("under the clips' own Scores", True), ("by the clips' texts", False)):
            sounds[name] = [
                written(
                    model, LatentWish(c.captions[0], c.symbols if led else None), frames, s, args
                )
                for s, c in enumerate(clips, args.seed)
            ]
    levels, step = Levels(vae.sample_rate), max(1, args.n // 3)
    print("| sound | " + " | ".join(COLUMNS) + " |")
    print("|---|" + "---:|" * len(COLUMNS))
    for name, output in sounds.items():
        print(row(name, levels, output, real, step), flush=True)
    print(placed(vae, real))
    if args.out:
        for (name, output), i in product(sounds.items(), range(args.n)):
            folder = Path(args.out) / name.replace("'", "").replace(" ", "-")
            folder.mkdir(parents=True, exist_ok=True)
            write_wav(output[i].T.numpy(), vae.sample_rate, folder / f"{numbers[i]:04d}.wav")


if __name__ == "__main__":
    main()
