"""Do drums that are written for a rest keep its beat? Nats and onsets.

Takes held-out clips with stems in which drums play. Nats of the drums' codes under what the others
play in their own clip, in another one, and without; then drums are written for the rests. Onsets of
sound are peaks in the rise of log-mel bands. It is measured how many lie within 50 and 25 ms of a
sixteenth of the clip's beats: beside it stand drums written for another rest, the clip's own
drums through the codec, and chance, the middles between sixteenths; and how well they agree with
the strokes that were played (F1, 50 ms).

    python benchmarks/drums_for_a_rest.py --data clips --codes drums-run --codec codec-run
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from instrument_notes import nats

from cantilena.audio.mel import HOP, RATE, log_mel
from cantilena.data.audio import AudioData
from cantilena.data.audio.clips import from_pcm
from cantilena.models.audio.codec.base import Codec
from cantilena.models.audio.codec.files import load_codec
from cantilena.score.score import DRUMS
from cantilena.systems.codes.checkpoint import load_writer
from cantilena.systems.codes.conditions import Wish
from cantilena.systems.codes.examples import CodeExample, ExampleList
from cantilena.systems.codes.writing import SAMPLING, CodeOrder, CodeWriter, write_codes

NEAR = (0.05, 0.025)
"""Seconds."""
RISE, APART = 0.15, 0.06
"""Of an onset: the mean rise of log10 power over 20 ms beyond its surroundings', and the least
seconds between two."""
AROUND = 0.1
"""Seconds on either side that an onset's rise is compared with."""
SIXTEENTHS = 4
LEAST = 8
"""Strokes of a clip that counts."""
SECONDS = 10.0
"""Of a clip that is written."""


def onsets(sound: np.ndarray) -> np.ndarray:
    """Seconds at which something begins in (n,) samples at ``RATE``."""
    bands = log_mel(sound)
    rise = np.maximum(0.0, bands[2:] - bands[:-2]).mean(1)
    wide, least = (round(seconds * RATE / HOP) for seconds in (AROUND, APART))
    padded = np.pad(rise, wide, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * wide + 1)
    strong = (rise >= around.max(1)) & (rise > np.median(around, axis=1) + RISE)
    times: list[float] = []
    for frame in np.flatnonzero(strong):
        time = (frame + 2) * HOP / RATE
        if not times or time - times[-1] >= least * HOP / RATE:
            times.append(time)
    return np.array(times)


def sixteenths(beats: np.ndarray) -> np.ndarray:
    """The sixteenths of beats (quarters), in seconds."""
    steps = np.arange(SIXTEENTHS) / SIXTEENTHS
    return np.append((beats[:-1, None] + np.diff(beats)[:, None] * steps).ravel(), beats[-1])


def near(times: np.ndarray, grid: np.ndarray, seconds: float) -> float:
    """Share of the times within the grid that have a point of it within ``seconds``."""
    inside = times[(times >= grid[0] - seconds) & (times <= grid[-1] + seconds)]
    if not len(inside):
        return float("nan")
    return float((np.abs(inside[:, None] - grid).min(1) <= seconds).mean())


def agreement(heard: np.ndarray, played: np.ndarray, seconds: float) -> float:
    """F1 of onsets against strokes."""
    if not len(heard) or not len(played):
        return 0.0
    close = np.abs(heard[:, None] - played) <= seconds
    precision, recall = close.any(1).mean(), close.any(0).mean()
    return float(2 * precision * recall / max(precision + recall, 1e-9))


def drums_of(
    writer: CodeWriter, codec: Codec, rests: Sequence[Any], frames: int, seed: int
) -> list[np.ndarray]:
    """(n,) samples of drums written for the symbols of some rests."""
    sampling = replace(SAMPLING, temperature=0.9)
    orders = [
        CodeOrder(frames, Wish(score=rest), seed + i, sampling=sampling)
        for i, rest in enumerate(rests)
    ]
    with torch.inference_mode():
        return [
            codec.decode(torch.from_numpy(codes)[None])[0, 0].numpy()
            for order in orders
            for codes in write_codes(writer, [order])
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, metavar="DIR", help="clips with stems")
    parser.add_argument("--codes", required=True, metavar="DIR")
    parser.add_argument("--codec", required=True, metavar="DIR")
    parser.add_argument("--clips", type=int, default=48, help="that are looked at")
    parser.add_argument("--written", type=int, default=12, help="that drums are written for")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    writer, codec = load_writer(args.codes, "cpu"), load_codec(args.codec, "cpu")
    frames = round(SECONDS * codec.frame_rate)
    data, clips = AudioData(args.data, "test"), []
    for i in np.random.default_rng(args.seed).permutation(len(data)).tolist():
        clip = data.clip(i)
        strokes = clip.symbols.onset[clip.symbols.instrument == DRUMS]
        whole = clip.meta["seconds"] > SECONDS and len(clip.symbols.beat) > LEAST
        if whole and (strokes < SECONDS).sum() >= LEAST and len(clips) < args.clips:
            clips.append(clip)
    size = round(SECONDS * codec.sample_rate)
    drums = [from_pcm(clip.stems["drums"])[:size] for clip in clips]
    with torch.inference_mode():
        coded = [codec.encode(torch.from_numpy(s)[None, None])[0].numpy() for s in drums]
    rests = [clip.symbols for clip in clips]
    others = [*rests[1:], rests[0]]
    print(f"{len(clips)} held-out clips, nats a code")
    for name, symbols in (
        ("the clip's own rest", rests),
        ("another's", others),
        ("none", [None] * len(rests)),
    ):
        examples = [CodeExample(c, (), s) for c, s in zip(coded, symbols, strict=True)]
        print(f"{name:34}{nats(writer, ExampleList(examples), frames).mean():9.3f}")

    some = slice(0, args.written)
    with torch.inference_mode():
        heard = [codec.decode(torch.from_numpy(c)[None])[0, 0].numpy() for c in coded[some]]
    sounds = {
        "the clip's drums": drums[some],
        "through the codec": heard,
        "written for the rest": drums_of(writer, codec, rests[some], frames, args.seed),
        "written for another's": drums_of(writer, codec, others[some], frames, args.seed),
    }
    grids = [sixteenths(np.asarray(rest.beat, dtype=float)) for rest in rests[some]]
    played = [s.onset[(s.instrument == DRUMS) & (s.onset < SECONDS)] for s in rests[some]]
    print(f"\n{'':34}{'onsets/s':>9}{'50 ms':>9}{'25 ms':>9}{'F1':>9}")
    rows = {name: [onsets(sound) for sound in group] for name, group in sounds.items()}
    rows["middles between sixteenths"] = [(grid[1:] + grid[:-1]) / 2 for grid in grids]
    rows["random times"] = [
        np.random.default_rng([args.seed, i]).uniform(0, SECONDS, len(times))
        for i, times in enumerate(rows["written for the rest"])
    ]
    for name, times in rows.items():
        shares = [
            np.nanmean([near(t, g, n) for t, g in zip(times, grids, strict=True)]) for n in NEAR
        ]
        f1 = np.mean([agreement(t, p, NEAR[0]) for t, p in zip(times, played, strict=True)])
        rate = np.mean([len(t) for t in times]) / SECONDS
        print(f"{name:34}{rate:9.2f}" + "".join(f"{x:9.3f}" for x in (*shares, f1)))


if __name__ == "__main__":
    main()
