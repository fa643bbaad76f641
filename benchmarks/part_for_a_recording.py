"""Does a part that is written to a recording hear it? Nats and onsets, of SingSong's and
JukeDrummer's task.

Takes held-out clips with stems in which the part plays, and one or more runs of
``drums-for-a-rest`` or ``bass-for-a-rest``. Nats a code of the part: under its own rest, another
clip's and none, with its own beats, another clip's and none; then the same where the rest still has
a share of the part in it, as separated recordings do. Then the part is written to the rests: F1
(50 ms) of its onsets with the notes that were played and with the beats of the rest, beside a part
written to another clip's rest, under other beats, without, and at random times; of a bass also
whether it is heard and low, and whether its pitch classes are those of the bass that was played, of
the chords and of the rest, by ``bass_heard.py``. "Another's part" is the one that is played in the
clip whose rest is the other rest. With ``--codecs`` it prints what codecs leave of basses.

    python benchmarks/part_for_a_recording.py --data clips --runs drums drums-without-beat
    python benchmarks/part_for_a_recording.py --data clips --runs bass --clips 24 --written 16
    python benchmarks/part_for_a_recording.py --data clips --codecs codec other-codec --written 16
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bass_heard import COLUMNS, bass_figures
from drums_for_a_rest import agreement, onsets

from cantilena.data.audio import AudioData
from cantilena.data.audio.clips import STEMS, from_pcm
from cantilena.decode.cascade import OPEN, Writing
from cantilena.evaluate.sound.stages import held_out
from cantilena.models.audio.codec.files import load_codec
from cantilena.systems.musiclm import accompanying
from cantilena.systems.musiclm.examples import MusicBatches
from cantilena.systems.musiclm.levels import joined
from cantilena.systems.musiclm.options import RECORDING
from cantilena.systems.musiclm.pitches import pitch_classes
from cantilena.systems.musiclm.system import SAMPLING, MusicLmSystem
from cantilena.systems.musiclm.wish import MusicWish
from cantilena.train.audio.musiclm import MusicClips, rest_of

NEAR = 0.05
"""Seconds."""
LEAST = 8
"""Notes of the part in a clip that counts."""
SECONDS = 10.0
"""Of a clip that is written to."""
LABELS = {
    "its own rest": "",
    "another clip's rest": "other given",
    "no rest": "no given",
    "another clip's pitch classes": "other chroma",
    "no pitch classes": "no chroma",
    "another clip's beats": "other beat",
    "no beats": "no beat",
    "another's codes of the stage before": "other coarse",
}
"""Rows of nats, and how ``evaluate.sound.stages`` names them."""


def chosen(folder: str, stem: str, count: int, seed: int) -> AudioData:
    """The held-out clips in which a stem plays, ``count`` of them at random."""
    data, kept = AudioData(folder, "valid"), []
    for i in np.random.default_rng(seed).permutation(len(data)).tolist():
        clip = data.clip(i)
        symbols: Any = clip.symbols
        whole = clip.meta["seconds"] > SECONDS and len(symbols.beat) > LEAST
        if whole and len(notes_of(clip, stem)) >= LEAST and len(kept) < count:
            kept.append(i)
    data.places = data.places[kept]
    return data


def notes_of(clip: Any, stem: str) -> np.ndarray:
    """Seconds at which a part's notes begin, within what is written to."""
    begin = clip.symbols.onset[clip.symbols.role == STEMS.index(stem)]
    return np.unique(begin[(begin >= 0) & (begin < SECONDS)])


def nats(system: MusicLmSystem, data: AudioData, folder: Path, leak: float) -> dict[str, float]:
    """Nats a code by stage and condition."""
    config = system.music.config
    clips = MusicClips(data, system.codec, folder, print, config.stem, config.noise, leak)
    batches = MusicBatches(clips.examples(system.music), system.music)
    return held_out(system.music, batches, limit=len(data))


def written(
    system: MusicLmSystem, rest: np.ndarray | None, sounding: Any, seed: int, guidance: float
) -> np.ndarray:
    """(n,) samples of a part to a recording (m,) as the model hears it, or to none, under beats."""
    sampling = replace(SAMPLING, guidance=guidance)
    codes = None if rest is None else accompanying.codes(system.codec, rest)
    classes = None
    if rest is not None and system.music.config.chroma:
        classes = pitch_classes(rest, system.codec.sample_rate)
    wish = MusicWish([(0.0, None)], sounding, sampling, chroma=classes)
    tokens = system.cascade.inputs[RECORDING]
    empty = np.zeros((len(tokens.sizes), round(SECONDS * tokens.rate) + 1), dtype=np.int64)
    inputs = {RECORDING: empty if codes is None else codes}
    writing = Writing(system.cascade, wish, SECONDS, seed, (), inputs)
    if codes is None:
        writing.tokens[RECORDING][:] = OPEN  # is read as in training where a rest is left out
    tokens = joined(system.music.config, writing.run())
    with torch.inference_mode():
        return system.codec.decode(torch.from_numpy(tokens)[None])[0, 0].numpy()


@torch.inference_mode()
def through(codec: Any, sounds: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What a codec leaves of sounds (n,)."""
    rows = (torch.from_numpy(sound)[None, None] for sound in sounds)
    return [codec.decode(codec.encode(row), row.shape[-1])[0, 0].numpy() for row in rows]


def sounds_of(
    system: MusicLmSystem, clips: Sequence[Any], seed: int, guidance: float, leak: float
) -> dict[str, list[np.ndarray]]:
    """(n,) samples of each clip's part, by what was known when it was written."""
    config, codec = system.music.config, system.codec
    size, rate = round(SECONDS * codec.sample_rate), codec.sample_rate

    def heard_with(share: float) -> list[np.ndarray]:
        return [rest_of(clip, config.stem, config.noise, share)[:size] for clip in clips]

    clean = heard_with(0.0)
    beats = [clip.symbols for clip in clips]
    none = [None] * len(clips)
    other = [*range(1, len(clips)), 0]
    heard = [
        accompanying.heard_beats(rest_of(clip, config.stem, 0.0)[:size], rate) for clip in clips
    ]
    ways = {
        "its rest, its beats": (clean, beats),
        "its rest with a leak, its beats": (heard_with(leak), beats),
        "another's rest, its beats": ([clean[i] for i in other], beats),
        "another's rest and beats": ([clean[i] for i in other], [beats[i] for i in other]),
        "its rest, beats that were heard": (clean, heard),
        "its rest, no beats": (clean, none),
        "no rest, its beats": (none, beats),
        "no rest, no beats": (none, none),
    }
    if not config.beat:
        ways = {name: way for name, way in ways.items() if name.endswith("its beats")}
    played = [from_pcm(clip.stems[config.stem])[:size] for clip in clips]
    out = {"the clip's part": played, "another's part": [played[i] for i in other]}
    out["through the codec"] = through(codec, played)
    for name, (rests, soundings) in ways.items():
        pairs = zip(rests, soundings, strict=True)
        out[name] = [
            written(system, rest, sounding, seed + i, guidance)
            for i, (rest, sounding) in enumerate(pairs)
        ]
    return out


def onset_rows(
    sounds: Mapping[str, Sequence[np.ndarray]], clips: Sequence[Any], stem: str, seed: int
) -> dict[str, tuple[float, float, float]]:
    """Onsets a second, F1 with the notes played and F1 with the beats, means over clips."""
    times = {name: [onsets(sound) for sound in group] for name, group in sounds.items()}
    rng = np.random.default_rng(seed)
    name = "its rest, its beats"
    times["at random"] = [rng.uniform(0, SECONDS, len(row)) for row in times[name]]
    notes = [notes_of(clip, stem) for clip in clips]
    beats = [clip.symbols.beat[clip.symbols.beat < SECONDS] for clip in clips]
    out = {}
    for name, rows in times.items():
        f1 = [
            float(np.mean([agreement(t, r, NEAR) for t, r in zip(rows, wanted, strict=True)]))
            for wanted in (notes, beats)
        ]
        out[name] = (float(np.mean([len(row) for row in rows])) / SECONDS, f1[0], f1[1])
    return out


def bass_rows(
    sounds: Mapping[str, Sequence[np.ndarray]], clips: Sequence[Any], rate: int
) -> dict[str, list[float]]:
    """By sound, what ``bass_heard.COLUMNS`` names: means over clips."""
    out = {}
    for name, group in sounds.items():
        rows = [bass_figures(s, rate, clip.symbols) for s, clip in zip(group, clips, strict=True)]
        out[name] = [float(np.nanmean([row[column] for row in rows])) for column in COLUMNS]
    return out


def bass_report(
    sounds: Mapping[str, Sequence[np.ndarray]], clips: Sequence[Any], rate: int
) -> None:
    """Prints ``bass_rows``."""
    print(f"\n{'':34}" + "".join(f"{column:>9}" for column in COLUMNS))
    for name, row in bass_rows(sounds, clips, rate).items():
        print(f"{name:34}" + "".join(f"{value:9.3f}" for value in row), flush=True)


def report(figures: Mapping[str, float], leak: float) -> None:
    """Prints the nats of a run under a leak."""
    stages = [name for name in figures if "," not in name]
    print(f"\nnats a code, {leak:g} of the part in the rest")
    print(f"{'':34}" + "".join(f"{name:>9}" for name in stages))
    for label, key in LABELS.items():
        values = [figures.get(f"{stage}, {key}" if key else stage) for stage in stages]
        cells = "".join("        -" if v is None else f"{v:9.3f}" for v in values)
        print(f"{label:34}{cells}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, metavar="DIR", help="clips with stems")
    parser.add_argument("--runs", default=[], nargs="+", metavar="DIR")
    parser.add_argument("--codecs", default=[], nargs="+", metavar="DIR", help="heard of basses")
    parser.add_argument("--clips", type=int, default=48, help="that are looked at")
    parser.add_argument("--written", type=int, default=12, help="that the part is written for")
    parser.add_argument("--leak", type=float, default=0.1, help="share of the part in the rest")
    parser.add_argument("--guidance", type=float, default=SAMPLING.guidance)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if not args.runs and not args.codecs:
        parser.error("name --runs or --codecs")
    torch.set_num_threads(1)
    if args.codecs:
        data = chosen(args.data, "bass", args.clips, args.seed)
        clips = [data.clip(i) for i in range(min(args.written, len(data)))]
        size = round(SECONDS * clips[0].rate)
        sounds = {"the clip's part": [from_pcm(clip.stems["bass"])[:size] for clip in clips]}
        for folder in args.codecs:
            codec = load_codec(folder, "cpu")
            sounds[folder[-34:]] = through(codec, sounds["the clip's part"])
        bass_report(sounds, clips, clips[0].rate)
    for run in args.runs:
        system = MusicLmSystem.load(run, "cpu")
        stem = system.music.config.stem
        data = chosen(args.data, stem, args.clips, args.seed)
        print(f"\n{run}: {stem}, {len(data)} held-out clips")
        folder = Path(args.data) / "codes-chosen"
        for leak in (0.0, args.leak):
            report(nats(system, data, folder, leak), leak)
        if not args.written:
            continue
        clips = [data.clip(i) for i in range(min(args.written, len(data)))]
        sounds = sounds_of(system, clips, args.seed, args.guidance, args.leak)
        print(f"\n{'':34}{'onsets/s':>9}{'F1 notes':>9}{'F1 beats':>9}")
        for name, row in onset_rows(sounds, clips, stem, args.seed).items():
            print(f"{name:34}" + "".join(f"{value:9.3f}" for value in row))
        if stem == "bass":
            bass_report(sounds, clips, system.codec.sample_rate)


if __name__ == "__main__":
    main()
