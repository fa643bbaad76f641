"""What each level of a codec of levels (Jukebox's, VQ-VAE-2's) says of held-out clips.

For each level its frames a second, how many of its codes are used and their perplexity, and how far
the sound of the levels up to it is from the clip: SI-SDR, the mel distance of three windows and
Jukebox's STFT distance. Beside its own codes stand another clip's, the floor of codes that say
nothing of their clip, and silence.

    python benchmarks/jukebox_levels.py --codec jukebox-codec --data clips
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cantilena.audio.wav import write_wav
from cantilena.data.audio import AudioData
from cantilena.evaluate.sound.codec import BookCounts
from cantilena.models.audio.codec.files import load_codec
from cantilena.models.audio.codec.levels import Levels
from cantilena.models.audio.codec.losses import MELS, MultiScaleMel, MultiScaleStft, si_sdr
from cantilena.train.audio.clips import Cuts

BATCH = 8
WRITTEN, WRITTEN_SECONDS = 16, 5.12
"""Clips whose round trips are written, and how much of each."""


def distances(sound: Tensor, clips: Tensor, rate: int) -> list[float]:
    """Mean SI-SDR in dB, mel and STFT distance of sounds (B, C, N) from clips."""
    mel, stft = MultiScaleMel(rate, MELS["short"]), MultiScaleStft()
    return [float(si_sdr(sound, clips).mean()), float(mel(sound, clips)), float(stft(sound, clips))]


def cells(values: list[float]) -> str:
    """A row's figures."""
    return f"{values[0]:>10.1f}{values[1]:>8.3f}{values[2]:>8.3f}"


def write_sounds(codec: Levels, data: AudioData, out: Path) -> None:
    """Writes the beginnings of clips, spread over the data, and what the levels up to each make of
    them: folders ``clips`` and ``level-N``, files by the clip's number."""
    length, rate = round(WRITTEN_SECONDS * codec.sample_rate), codec.sample_rate
    widths = [q.books * r for q, r in zip(codec.quantizers, codec.rates, strict=True)]
    for number in np.linspace(0, len(data) - 1, WRITTEN).astype(int).tolist():
        clip = torch.from_numpy(data.clip(number).heard(codec.channels)[:, :length])
        codes = codec.encode(clip[None])
        sounds = {"clips": clip}
        for level, stop in enumerate(np.cumsum(widths).tolist(), 1):
            sounds[f"level-{level}"] = codec.decode(codes[:, :stop], clip.shape[1])[0]
        for name, sound in sounds.items():
            folder = out / name
            folder.mkdir(parents=True, exist_ok=True)
            write_wav(sound.numpy().T, rate, folder / f"{number:04d}.wav")


@torch.inference_mode()
def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codec", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="valid")
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--out", metavar="DIR", help="folder of round trips")
    args = parser.parse_args()
    codec: Any = load_codec(args.codec, "cpu")
    if not isinstance(codec, Levels):
        parser.error(f"the codec {codec.kind!r} has no levels")
    length = round(args.seconds * codec.sample_rate)
    data = AudioData(args.data, args.split, stems=False)
    batches = Cuts(data, codec.channels, length).fixed(BATCH, args.clips)
    clips = torch.cat([torch.from_numpy(batch["audio"]) for batch in batches])
    codes = torch.cat([codec.encode(part) for part in clips.split(BATCH)])
    print(f"{len(clips)} clips of {args.seconds:g} s of the split {args.split!r}")
    columns = "".join(f"{name:>10}{'mel':>8}{'STFT':>8}" for name in ("SI-SDR", "another's"))
    print(f"{'level':<7}{'frames/s':>9}{'used':>12}{'perplexity':>12}{columns}")
    first = 0
    for number, (quantizer, rate) in enumerate(zip(codec.quantizers, codec.rates, strict=True)):
        stop = first + quantizer.books * rate
        counts = BookCounts.of(quantizer.sizes)
        for frame in range(rate):
            rows = codes[:, first + frame * quantizer.books :][:, : quantizer.books]
            counts.add(rows.transpose(0, 1).flatten(1).numpy())
        heard = torch.cat([codec.decode(part[:, :stop], length) for part in codes.split(BATCH)])
        use = counts.rows()[0]
        own = distances(heard, clips, codec.sample_rate)
        others = distances(heard.roll(1, 0), clips, codec.sample_rate)
        used = f"{use['used']} of {use['size']}"
        name = f"{number + 1} of {len(codec.rates)}"
        print(
            f"{name:<7}{rate * codec.frame_rate:>9.1f}{used:>12}{use['perplexity']:>12.1f}"
            f"{cells(own)}{cells(others)}"
        )
        first = stop
    silence = distances(torch.zeros_like(clips), clips, codec.sample_rate)
    print(f"silence: mel {silence[1]:.3f}, STFT {silence[2]:.3f}")
    if args.out:
        write_sounds(codec, data, Path(args.out))


if __name__ == "__main__":
    main()
