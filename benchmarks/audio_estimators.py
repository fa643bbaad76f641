"""How often the estimators of tempo, key, chords and instruments by ear are right; and learning
them.

    cantilena data audio lakh mutopia game pop909 --corpora corpora -o clips --seconds 20 \
        --per-file 2 --limit 150 --engine synth
    python benchmarks/audio_estimators.py clips
    python benchmarks/audio_estimators.py clips --recordings OGG_DIR --midi MIDI_DIR
    python benchmarks/audio_estimators.py clips --codec CODEC --n 60
    python benchmarks/audio_estimators.py clips --learn src/cantilena/analysis/audio/model.json

CLIPS are data sets of clips rendered of MIDI, several of them weighing alike by their sources.
They are learnt from by their part "train", which families can be told is decided on "valid" and has
to hold on "test", on which accuracy is measured. Recordings are sound files and the MIDI files of
the same names that they were made from; of each the first minute is taken, in parts of 20 s, as
those were found to be together. With a codec ``--n`` of the clips are heard as they are and as it
gives them back.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.analysis.audio import Heard, instruments, listen
from cantilena.analysis.audio.model import Model, shipped
from cantilena.audio.recording import SUFFIXES, open_recording
from cantilena.data.audio import AudioData
from cantilena.errors import InputError
from cantilena.evaluate.sound.estimators import (
    Example,
    Facts,
    example_of,
    facts_of_clip,
    facts_of_score,
    learn,
    measure,
    reliable_families,
    with_accuracy,
)
from cantilena.files import write_json
from cantilena.score.midi import read_midi

SECONDS, PARTS = 20.0, 3
CODED = "... through the codec"

Row = tuple[np.ndarray, int, Facts]
"""(n,) samples, their rate in Hz, and what is known of them."""


def sounds(folders: list[str], split: str) -> Iterator[Row]:
    """Samples, rate and Facts of the clips of a split."""
    for folder in folders:
        for clip in AudioData(folder, split, stems=False).stream(seed=None):
            if clip.symbols is not None and len(clip.symbols.chord):
                yield clip.samples, clip.rate, facts_of_clip(clip)


def recordings(folder: str, midi: str) -> Iterator[Row]:
    """The first parts of recordings whose MIDI files are known."""
    for path in sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in SUFFIXES):
        file = Path(midi, path.stem).with_suffix(".mid")
        if not file.is_file():
            continue
        score = read_midi(file)
        with open_recording(path) as recording:
            for part in range(PARTS):
                start, stop = part * SECONDS, (part + 1) * SECONDS
                block = recording.read(*(round(s * recording.rate) for s in (start, stop)))
                try:
                    yield block.mean(1), recording.rate, facts_of_score(score, start, stop, "real")
                except InputError:  # nothing is played there
                    continue


def coded(place: str, rows: list[Row]) -> Iterator[Row]:
    """What comes of some sounds through a codec of their rate."""
    import torch

    from cantilena.models.audio.codec.files import load_codec

    codec = load_codec(place, "cpu")
    for samples, rate, facts in rows:
        if rate != codec.sample_rate:
            raise SystemExit(f"the codec is of {codec.sample_rate} Hz, the clips of {rate}")
        with torch.inference_mode():
            codes = codec.encode(torch.from_numpy(samples)[None, None])
            yield codec.decode(codes, len(samples))[0, 0].numpy(), rate, facts


def heard(rows: Iterator[Row], model: Model) -> list[tuple[Heard, Facts]]:
    """What the estimators hear, beside the Facts."""
    return [(listen(samples, rate, model), facts) for samples, rate, facts in rows]


def table(measured: dict[str, dict[str, Any]], names: tuple[str, ...]) -> str:
    """The accuracies of some sets as Markdown."""
    lines = [
        "| sound | pieces | tempo | up to octaves | key | key, MIREX | chords |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for of, row in measured.items():
        shares = [row[k] for k in ("tempo", "tempo_octave", "key", "key_mirex", "chords")]
        cells = " | ".join("-" if x is None else f"{100 * x:.0f}" for x in shares)
        lines.append(f"| {of} | {row['pieces']} | {cells} |")
    lines += [
        "",
        "| family | sound | pieces with it | precision | recall |",
        "|---|---|---:|---:|---:|",
    ]
    for name in names:
        for of, row in measured.items():
            family = row["families"][name]
            cells = [
                "-" if family[k] is None else f"{100 * family[k]:.0f}"
                for k in ("precision", "recall")
            ]
            lines.append(f"| {name} | {of} | {family['pieces']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def by_source(pairs: list[tuple[Heard, Facts]], of: str) -> dict[str, dict[str, Any]]:
    """The accuracies over all pairs, and over each source's where there are several."""
    sources = sorted({facts.source for _, facts in pairs})
    rows = {of: measure(pairs)}
    if len(sources) > 1:
        for source in sources:
            rows[f"... {source}"] = measure([p for p in pairs if p[1].source == source])
    return rows


def learnt(folders: list[str], seed: int) -> Model:
    """The Model of the clips, with the families that the validation part says can be told."""
    examples: list[Example] = []
    for samples, rate, facts in sounds(folders, "train"):
        example = example_of(samples, rate, facts)
        if example is not None:
            examples.append(example)
    print(f"learning from {len(examples)} clips", flush=True)
    model = replace(learn(examples, seed), told=instruments.NAMES)
    return replace(model, told=reliable_families(measure(heard(sounds(folders, "valid"), model))))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clips", nargs="*", help="data sets of 'cantilena data audio'")
    parser.add_argument("--learn", metavar="FILE", help="learn, and write the model")
    parser.add_argument("--recordings", metavar="DIR")
    parser.add_argument("--midi", metavar="DIR", help="of the recordings, by the same names")
    parser.add_argument("--codec", metavar="DIR", help="hear clips through this codec too")
    parser.add_argument("--n", type=int, default=60, help="so many of them (60)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", metavar="FILE", help="write the figures")
    args = parser.parse_args()
    model = learnt(args.clips, args.seed) if args.learn else shipped()
    measured: dict[str, dict[str, Any]] = {}
    if args.clips:
        measured |= by_source(heard(sounds(args.clips, "test"), model), "rendered clips")
    if args.codec:
        step = max(1, measured["rendered clips"]["pieces"] // args.n)
        some = list(islice(sounds(args.clips, "test"), 0, step * args.n, step))
        measured["some of them"] = measure(heard(iter(some), model))
        measured[CODED] = measure(heard(coded(args.codec, some), model))
    if args.recordings:
        rows = heard(recordings(args.recordings, args.midi or args.recordings), model)
        measured["recordings"] = measure(rows)
    if args.learn:
        all_clips = measured["rendered clips"]
        names = [name for name in model.told if name in reliable_families(all_clips)]
        coded_clips = measured.get(CODED)
        model = with_accuracy(model, names, all_clips, "clips rendered of MIDI", coded_clips)
        write_json(Path(args.learn), model.to_dict(), indent=None)
    print(table(measured, model.told))
    if args.json:
        Path(args.json).write_text(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
