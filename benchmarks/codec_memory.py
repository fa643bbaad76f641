"""Peak memory of ``cantilena codec`` and ``encode`` over five minutes and over an hour of sound.

    python benchmarks/codec_memory.py [--minutes 5 60 --codec DIR] [--rate 44100 --channels 2]

The sound (tones that change twice a second, and noise) is written in blocks; each command runs in
a process of its own, whose peak resident memory the system counts. What the memory of a command
holds beside the sound (torch above all) is the same for both lengths, so that a difference of some
MB at most says that no more of the sound is kept.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from cantilena.audio.wav_writer import writing_wav

CODEC = Path(__file__).parents[1] / "weights/audio/src/cantilena_audio_weights/musicgen/codec"
TONES = 2
"""A second."""
RUN = "import sys; from cantilena.cli import main; sys.exit(main(sys.argv[1:]))"


def write(path: Path, minutes: float, rate: int, channels: int) -> None:
    """Writes the sound, a tone at a time."""
    rng = np.random.default_rng(0)
    times = np.arange(rate // TONES) / rate
    tones = round(minutes * 60 * TONES)
    with writing_wav(path, rate, channels, tones * len(times)) as write_block:
        for _ in range(tones):
            tone = 0.2 * np.sin(2 * np.pi * 2 ** rng.uniform(7, 11) * times)
            noise = 0.02 * rng.standard_normal((len(times), channels))
            write_block((tone[:, None] + noise).astype(np.float32))


def peak(*command: str) -> tuple[float, float]:
    """MB at most, and seconds of the CPU, of ``cantilena COMMAND``."""
    process = subprocess.Popen([sys.executable, "-c", RUN, *command, "--quiet"])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"cantilena {' '.join(command)} failed")
    return usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime  # Linux counts in kB


def main() -> None:
    """Prints a row for each command and length."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[5, 60])
    parser.add_argument("--codec", type=Path, default=CODEC)
    parser.add_argument("--rate", type=int, default=16_000)
    parser.add_argument("--channels", type=int, default=1)
    args = parser.parse_args()
    print(f"{'command':<10}{'minutes':>9}{'peak, MB':>11}{'CPU s':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for minutes in args.minutes:
            write(Path(folder) / f"{minutes:g}.wav", minutes, args.rate, args.channels)
        for command, ending in {"encode": ".codes.npz", "codec": ".back.wav"}.items():
            for minutes in args.minutes:
                sound = Path(folder) / f"{minutes:g}.wav"
                places = ("--checkpoint", str(args.codec), "-o", str(sound.with_suffix(ending)))
                size, seconds = peak(command, str(sound), *places)
                print(f"{command:<10}{minutes:>9g}{size:>11.0f}{seconds:>9.0f}", flush=True)


if __name__ == "__main__":
    main()
