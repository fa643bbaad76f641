"""``cantilena evaluate stages``: its options, and the table of what MusicLM's stages lose. Light to
import."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cantilena.errors import InputError

_ROWS = (
    ("unigram", "unigrams"),
    ("bigram", "bigrams"),
    ("", "under what belongs to it"),
    ("other text", "text of another clip"),
    ("no text", "no text"),
    ("text by sound", "text told by the clip's own sound"),
    ("other beat", "beat of another clip"),
    ("no beat", "no beat"),
    ("other melody", "tune of another clip"),
    ("no melody", "no tune"),
    ("other timing", "another clip's place in its song"),
    ("no timing", "no place in a song"),
    ("other lyrics", "lyrics of another clip"),
    ("no lyrics", "no lyrics"),
    ("other above", "another clip's tokens of the stage before"),
    ("no above", "none of them"),
    ("other chroma", "another clip's pitch classes"),
    ("no chroma", "no pitch classes"),
    ("other given", "another clip's recording"),
    ("no given", "no recording"),
)


def stages_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``evaluate stages``."""
    parser.add_argument(
        "--checkpoint", required=True, metavar="DIR", help="a run of musiclm, or its model"
    )
    parser.add_argument("--data", required=True, metavar="DIR", help="clips, of which 'valid'")
    parser.add_argument("--n", type=int, default=64, metavar="N", help="so many of the clips (64)")


def stages(args: argparse.Namespace) -> tuple[Any, str]:
    """Measures; returns the figures and their table."""
    from cantilena.cli.common import warn
    from cantilena.data.audio.reader import AudioData
    from cantilena.evaluate.sound.stages import held_out
    from cantilena.systems.musiclm.checkpoint import load_musiclm
    from cantilena.systems.musiclm.examples import MusicBatches
    from cantilena.train.audio.musiclm import MusicClips

    if args.n < 2:
        raise InputError(f"two clips at least are compared, not {args.n}")
    loaded = load_musiclm(args.checkpoint, device="cpu")
    if not loaded.whole:
        raise InputError(
            f"{args.checkpoint!r} lacks what reads sound, as shipped checkpoints do; name the run"
        )
    say = (lambda line: None) if args.quiet or args.json else print
    stem, noise = loaded.music.config.stem, loaded.music.config.noise
    data = AudioData(args.data, "valid", stems=bool(stem), warn=warn)
    clips = MusicClips(data, loaded.codec, Path(args.data) / "codes", say, stem, noise)
    batches = MusicBatches(clips.examples(loaded.music), loaded.music)
    figures = held_out(loaded.music, batches, limit=args.n)
    counted = {k: v for k, v in loaded.checkpoint.card["figures"].items() if k.endswith("gram")}
    names = [stage.name for stage in loaded.music.config.stages]
    reads = {stage.name: stage.reads for stage in loaded.music.config.stages}
    return {**counted, **figures}, stages_table({**counted, **figures}, names, reads)


def stages_table(
    figures: Mapping[str, float], names: Sequence[str], reads: Mapping[str, Sequence[str]]
) -> str:
    """A table in Markdown: a column for each stage; "-" where a stage has no such figure."""
    lines = ["| held out, nats a token | " + " | ".join(names) + " |"]
    lines.append("|---|" + "---:|" * len(names))
    for key, label in _ROWS:
        values = []
        for name in names:
            above = reads[name][0] if reads[name] else ""
            if "above" in key and above in ("", "given"):
                values.append("-")
                continue
            own = f"{name}, {key.replace('above', above)}" if key else name
            value = figures.get(own)
            values.append("-" if value is None else f"{value:.3f}")
        if set(values) != {"-"}:
            lines.append(f"| {label} | " + " | ".join(values) + " |")
    return "\n".join(lines)
