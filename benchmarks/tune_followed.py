"""Is a given tune heard in what MusicLM composes to it?

Takes held-out clips whose melody is known and composes as much sound to each melody, under the
clip's words and beats: told by its notes; as it is heard in a recording of it alone, which the
built-in synthesizer plays on a flute; and without a tune. Prints the share of the time in which the
tune's pitch class is the strongest of all that is heard, for the clip's own tune and for those of
the other clips. The first rows are the clips themselves, what the codec leaves of them, and the
tunes alone; before them stands how often a tune's pitch class is heard rightly in its recording.

    python benchmarks/tune_followed.py --data clips RUN [RUN ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from cantilena.data.audio import AudioData
from cantilena.data.audio.clips import Clip
from cantilena.decode.cascade import Writing
from cantilena.models.audio.codec.stream import decode_blocks
from cantilena.render.synth import synthesize
from cantilena.score import Score, Track
from cantilena.systems.codes.tune import Tune, share_heard, tune_of_sound, tune_of_symbols
from cantilena.systems.musiclm.system import MusicLmSystem
from cantilena.systems.musiclm.wish import MusicWish

FLUTE, LOWEST = 73, 60
TICKS = 960
"""A second."""
RATE = 44_100
LEAST = 0.5
"""Share of a clip's time in which its tune has to have a note."""


def chosen(data: AudioData, count: int, seconds: float) -> list[tuple[Clip, Tune]]:
    """Clips of different songs, spread over the data, whose tune sounds half of the time."""
    songs: dict[str, tuple[Clip, Tune]] = {}
    times = np.arange(0, seconds, 0.05)
    for i in range(len(data)):
        clip = data.clip(i)
        if clip.meta["file"] in songs or clip.symbols is None or not clip.captions:
            continue
        tune = tune_of_symbols(clip.symbols, len(clip.samples) / clip.rate)
        if tune is not None and (tune.classes(times) >= 0).mean() >= LEAST:
            songs[clip.meta["file"]] = clip, tune
    pairs = list(songs.values())
    which = np.linspace(0, len(pairs) - 1, min(count, len(pairs))).astype(int)
    return [pairs[i] for i in np.unique(which)]


def alone(tune: Tune, seconds: float) -> np.ndarray:
    """(n,) samples at ``RATE`` of a tune that a flute plays, of several notes the highest."""
    times = np.arange(0, seconds, 0.01)
    note = tune.line(times)
    starts = np.flatnonzero(np.diff(note, prepend=-2))
    ends = np.append(starts[1:], len(note))
    kept = note[starts] >= 0
    onset = np.rint(times[starts[kept]] * TICKS).astype(int)
    length = np.rint((ends - starts)[kept] * 0.01 * TICKS).astype(int)
    pitch = tune.pitch[note[starts[kept]]].astype(int)
    pitch += 12 * np.maximum(0, -(-(LOWEST - pitch) // 12))  # a flute has no lower ones
    same = np.zeros(len(onset), dtype=int)
    score = Score.build(TICKS // 2, [Track("", FLUTE)], onset, length, pitch, same + 90, same)
    return synthesize(score, RATE).mean(0)[: round(seconds * RATE)]


def composed(
    system: MusicLmSystem,
    clips: Sequence[Clip],
    tunes: Sequence[Tune | None],
    seconds: float,
    words: bool = True,
) -> list[np.ndarray]:
    """Sounds (n,) under the words and beats of clips, each to its tune."""
    out, music = [], system.music
    for seed, (clip, tune) in enumerate(zip(clips, tunes, strict=True)):
        states = music.states(music.words.tokens_of_text([clip.captions[0]]))[0] if words else None
        wish = MusicWish([(0.0, states)], clip.symbols, system.sampling, tune)
        writing = Writing(system.cascade, wish, seconds, seed)
        writing.run()
        out.append(sound_of(system.codec, system.codes(writing), seconds))
    return out


def sound_of(codec: Any, codes: np.ndarray, seconds: float) -> np.ndarray:
    length = round(seconds * codec.sample_rate)
    return np.concatenate(list(decode_blocks(codec, codes, length)))[:, 0]


def print_row(name: str, sounds: Sequence[np.ndarray], rate: int, tunes: Sequence[Tune]) -> None:
    table = np.array([[share_heard(sound, rate, tune) for tune in tunes] for sound in sounds])
    own = np.diag(table).copy()
    np.fill_diagonal(table, np.nan)
    others = np.nanmean(table, axis=1)
    error = (own - others).std(ddof=1) / len(own) ** 0.5
    print(f"| {name} | {own.mean():.3f} | {others.mean():.3f} | {error:.3f} |", flush=True)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--data", required=True, metavar="DIR", help="clips with notes")
    parser.add_argument("--n", type=int, default=16, help="clips")
    parser.add_argument("--seconds", type=float, default=8.0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    pairs = chosen(AudioData(args.data, "valid", stems=False), args.n, args.seconds)
    clips, tunes = [clip for clip, _ in pairs], [tune for _, tune in pairs]
    played = [alone(tune, args.seconds) for tune in tunes]
    heard = [tune_of_sound(sound, RATE) for sound in played]
    times = np.arange(0, args.seconds, 0.05)
    right = [
        (a.classes(times) == b.classes(times))[b.classes(times) >= 0].mean()
        for a, b in zip(heard, tunes, strict=True)
    ]
    print(f"{len(clips)} clips; of a tune alone {np.mean(right):.3f} of the time is heard rightly")
    print("| sound | own tune | others' | standard error of the difference |\n|---|---:|---:|---:|")
    first = MusicLmSystem.load(args.runs[0], "cpu")
    own = [clip.samples[: round(args.seconds * clip.rate)] for clip in clips]
    print_row("the clips", own, clips[0].rate, tunes)
    print_row("through the codec", [through(first.codec, s) for s in own], clips[0].rate, tunes)
    print_row("the tunes alone", played, RATE, tunes)
    for run in args.runs:
        system = MusicLmSystem.load(run, "cpu")
        nothing = [None] * len(clips)
        rows: dict[str, Callable[[], list[np.ndarray]]] = {
            "tune, words, beats": lambda s=system: composed(s, clips, tunes, args.seconds),
            "tune as heard alone": lambda s=system: composed(s, clips, heard, args.seconds),
            "tune, no words": lambda s=system: composed(s, clips, tunes, args.seconds, False),
            "no tune": lambda s=system, n=nothing: composed(s, clips, n, args.seconds),
        }
        for name, make in rows.items():
            print_row(f"{run}: {name}", make(), system.codec.sample_rate, tunes)


def through(codec: Any, sound: np.ndarray) -> np.ndarray:
    """(n,) what the codec alone makes of a clip at its own rate."""
    with torch.inference_mode():
        return codec.decode(codec.encode(torch.from_numpy(sound)[None, None]))[0, 0].numpy()


if __name__ == "__main__":
    main()
