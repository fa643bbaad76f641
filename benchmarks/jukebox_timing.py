"""What a Jukebox makes of its place in a song: how its pieces begin and end.

    python benchmarks/jukebox_timing.py --checkpoint jukebox --data clips --pieces 16

At the beginning, in the middle and at the end of songs of a minute and a half, ``--seconds`` of
sound are written for each of the texts of so many held-out clips, by the same seeds. Of each the
RMS level of the first and of the last second beside that of the whole, in dB, means with their
standard errors; and the same of held-out clips that lie at these places of their songs: the first
seconds of clips at the beginning, the last of clips at the end. What the codec leaves of clips is
heard in their stead, so that only what is written differs. A checkpoint of the prior alone will
do: then the coarsest codes are heard.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from cantilena.data.audio import AudioData
from cantilena.systems.musiclm.system import MusicLmSystem
from cantilena.systems.request import Request
from cantilena.text.wishes import Brief

SONG = 90.0
"""Seconds of the song, about as long as those of the data are."""
QUIET = 1e-5
PLACES = ("beginning", "middle", "end")


def levels(sound: np.ndarray, rate: int) -> tuple[float, float]:
    """dB of the first and the last second of (n,) samples beside the whole."""

    def level(part: np.ndarray) -> float:
        return 20 * float(np.log10(max(QUIET, np.sqrt(np.mean(part**2)))))

    whole = level(sound)
    return level(sound[:rate]) - whole, level(sound[-rate:]) - whole


def row(name: str, place: str, pairs: Sequence[tuple[float, float]]) -> None:
    values = np.array(pairs)
    error = values.std(0, ddof=1) / len(values) ** 0.5
    cells = [f"{m:.1f} ± {e:.1f}" for m, e in zip(values.mean(0), error, strict=True)]
    print(f"| {name} | {place} | {len(pairs)} | {' | '.join(cells)} |", flush=True)


def offset_of(place: str, total: float, seconds: float) -> float:
    """Where a stretch begins that lies at a place of a song."""
    return {"beginning": 0.0, "middle": (total - seconds) / 2, "end": total - seconds}[place]


@torch.inference_mode()
def heard(codec: Any, sound: np.ndarray) -> np.ndarray:
    """(n,) what the codec leaves of samples."""
    rows = torch.from_numpy(np.ascontiguousarray(sound))[None, None]
    return codec.decode(codec.encode(rows), len(sound))[0, 0].numpy()


def clips_at(data: Any, place: str, seconds: float, most: int) -> list[np.ndarray]:
    """The sounds of up to so many clips of different songs that hold a place of theirs."""
    out, songs = [], set()
    for i in range(len(data)):
        clip = data.clip(i)
        if clip.place is None:
            raise SystemExit("these clips do not say where in their songs they lie")
        offset, total = clip.place
        first = offset_of(place, total, seconds) - offset
        inside = -0.01 <= first <= clip.meta["seconds"] - seconds + 0.01
        if inside and total > 3 * seconds and clip.meta["file"] not in songs:
            songs.add(clip.meta["file"])
            begin = max(0, round(first * clip.rate))
            out.append(clip.samples[begin : begin + round(seconds * clip.rate)])
    return out[:most]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--pieces", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=8.0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    system = MusicLmSystem.load(args.checkpoint, "cpu")
    rate = system.codec.sample_rate
    data = AudioData(args.data, "test")
    print("| sound | place | n | first second, dB | last second, dB |")
    print("|---|---|---:|---:|---:|")
    for place in PLACES:
        sounds = clips_at(data, place, args.seconds, args.pieces)
        row("clips, of their codes", place, [levels(heard(system.codec, s), rate) for s in sounds])
    rows = np.linspace(0, len(data) - 1, args.pieces).astype(int)
    texts = [data.clip(int(i)).captions[0] for i in rows]
    for place in PLACES:
        options = {"total": SONG, "offset": offset_of(place, SONG, args.seconds)}
        pairs = []
        for seed, text in enumerate(texts):
            request = Request(Brief(text=text, seconds=args.seconds), seed, options=options)
            piece = system._piece(request)
            piece.writing.run()
            codes = torch.from_numpy(system.codes(piece.writing).copy())[None]
            with torch.inference_mode():
                sound = system.codec.decode(codes)[0, 0].numpy()
            pairs.append(levels(sound[: round(args.seconds * rate)], rate))
        row("composed", place, pairs)


if __name__ == "__main__":
    main()
