"""Search over composed pieces of very different kinds: does the right one come first?

    python benchmarks/search_pieces.py pieces --seed 5

Composes sixteen pieces of 20 s as MIDI and sound into the folder, where they are not there yet,
under names that say nothing, and looks for each by texts that most often are not the one it was
composed of: among the MIDI files, among the recordings, and among both, one half of each. The texts
were written before the first search; how instruments by ear are weighed was chosen on them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import warnings
from pathlib import Path

from cantilena.cli import main as cantilena
from cantilena.search import search

PIECES = (
    (
        "calm harp",
        (
            "calm harp",
            "gentle harp music for relaxing",
            "harp solo",
            "a quiet lullaby on the harp",
        ),
    ),
    (
        "fast aggressive metal with distortion guitars and drums, 180 bpm",
        (
            "aggressive metal",
            "heavy metal with distorted guitars",
            "loud fast guitars and drums",
            "thrash",
        ),
    ),
    (
        "a slow sad waltz for string quartet in D minor",
        (
            "string quartet",
            "sad waltz",
            "slow strings in D minor",
            "violin and cello in 3/4",
            "melancholic chamber music",
        ),
    ),
    (
        "swinging jazz piano trio, 140 bpm",
        (
            "jazz trio",
            "swing piano with upright bass and drums",
            "jazz at 140 bpm",
            "jazz club",
        ),
    ),
    (
        "baroque piece for solo harpsichord in G major",
        (
            "harpsichord",
            "baroque harpsichord in G major",
            "Bach",
        ),
    ),
    (
        "bossa nova with nylon guitar and flute, 130 bpm",
        (
            "bossa nova",
            "flute and guitar",
            "latin music with nylon guitar",
            "brazilian cafe music",
        ),
    ),
    (
        "trance with saw lead, 138 bpm",
        (
            "trance",
            "synth lead dance music 138 bpm",
            "energetic electronic club track",
        ),
    ),
    (
        "march for brass band in Bb major",
        (
            "military march",
            "brass band",
            "trumpets and tuba",
            "march in B flat major",
        ),
    ),
    (
        "solemn church organ in C minor",
        (
            "church organ",
            "solemn organ music",
            "organ in C minor",
            "funeral music in a church",
        ),
    ),
    (
        "happy country tune with banjo and fiddle",
        (
            "country with banjo",
            "happy fiddle tune",
            "bluegrass",
        ),
    ),
    (
        "dark ambient pads, very slow",
        (
            "ambient",
            "dark synth pads",
            "very slow drone",
        ),
    ),
    (
        "epic orchestral soundtrack",
        (
            "orchestra",
            "epic cinematic soundtrack",
            "film music with full orchestra",
        ),
    ),
    (
        "reggae in A minor",
        (
            "reggae",
            "offbeat reggae in A minor",
        ),
    ),
    (
        "ragtime piano",
        (
            "ragtime",
            "solo piano rag",
            "piano alone",
        ),
    ),
    (
        "lofi beat with electric piano, 80 bpm",
        (
            "lofi hip hop",
            "chill electric piano beat",
            "rhodes and drums at 80 bpm",
        ),
    ),
    (
        "celtic reel for whistle and fiddle in 6/8",
        (
            "celtic",
            "irish jig in 6/8",
            "tin whistle",
            "folk dance with fiddle and whistle",
        ),
    ),
)
"""What a piece is composed of, and the texts that look for it."""


def compose(folder: Path, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"id": f"p{i:02d}", "text": text} for i, (text, _) in enumerate(PIECES, 1)]
    missing = [row for row in rows if not (folder / f"{row['id']}.wav").is_file()]
    if not missing:
        return
    prompts = folder / "prompts.jsonl"
    prompts.write_text("".join(json.dumps(row) + "\n" for row in missing))
    argv = ["compose", "--prompts", str(prompts), "--seconds", "20", "--formats", "mid,wav"]
    cantilena([*argv, "-o", str(folder), "--seed", str(seed), "--quiet"])


def figures(files: list[Path]) -> str:
    ranks = []
    with tempfile.TemporaryDirectory() as place:
        for file in files:
            shutil.copy(file, place)
        for i, (_, texts) in enumerate(PIECES, 1):
            for text in texts:
                stems = [Path(hit.file).stem for hit in search(text, place)]
                ranks.append(stems.index(f"p{i:02d}") + 1)
    n = len(ranks)
    first, three = sum(r == 1 for r in ranks) / n, sum(r <= 3 for r in ranks) / n
    mean = sum(1 / r for r in ranks) / n
    return f"{n} texts: {first:.2f} first, {three:.2f} in three, MRR {mean:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=5)
    args = parser.parse_args()
    compose(args.folder, args.seed)
    midi, sound = (sorted(args.folder.glob(f"p*.{ending}")) for ending in ("mid", "wav"))
    half = len(PIECES) // 2
    warnings.simplefilter("ignore")
    rows = {"MIDI": midi, "sound": sound, "half of each": [*midi[:half], *sound[half:]]}
    for name, files in rows.items():
        print(f"{name}: {figures(files)}")


if __name__ == "__main__":
    main()
