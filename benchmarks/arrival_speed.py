"""How fast MIDI files become arrival tokens, beside a reader of the same encoding on mido.

    python benchmarks/arrival_speed.py FILE_OR_FOLDER... [--files 20] [--runs 5]

Both read the same files from memory into the same tokens, which is checked; a file that either
refuses is left out and counted. Prints tokens a second of CPU time, medians over runs of the whole
set, and the ratio. Needs mido (extra ``test``).
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.errors import InputError
from cantilena.score.midi import smf
from cantilena.tokens.arrival import AMT, events_of


def with_mido(data: bytes) -> list[int]:
    """The events of a MIDI file, message by message as mido plays them."""
    import mido

    programs, now = [0] * 16, 0.0
    open_notes: dict[tuple[int, int, int], deque[tuple[int, float]]] = {}
    tokens: list[int] = []
    message: Any
    for message in mido.MidiFile(file=io.BytesIO(data)):
        now += message.time
        if message.type == "program_change":
            programs[message.channel] = message.program
        elif message.type in ("note_on", "note_off"):
            instrument = AMT.drums if message.channel == 9 else programs[message.channel]
            voice = (message.channel, instrument, message.note)
            if message.type == "note_on" and message.velocity:
                open_notes.setdefault(voice, deque()).append((len(tokens), now))
                note = AMT.note + AMT.pitches * instrument + message.note
                tokens += [round(AMT.resolution * now), AMT.duration + AMT.resolution // 4, note]
            elif waiting := open_notes.get(voice):
                at, since = waiting.popleft()
                length = min(round(AMT.resolution * (now - since)), AMT.durations - 1)
                tokens[at + 1] = AMT.duration + length
    return tokens


def usable(paths: list[Path], most: int) -> tuple[list[bytes], int, int]:
    """Up to ``most`` files that both read, the number of those refused and of tokens."""
    kept, refused, tokens = [], 0, 0
    for path in paths:
        if len(kept) == most:
            break
        data = path.read_bytes()
        try:
            theirs = with_mido(data)
        except Exception:  # mido raises whatever it meets
            refused += 1
            continue
        try:
            ours = events_of(data)
        except InputError:
            refused += 1
            continue
        if not np.array_equal(ours, theirs):
            sys.exit(f"{path}: the tokens differ")
        kept.append(data)
        tokens += len(ours)
    return kept, refused, tokens


def timed(run: Callable[[bytes], object], files: list[bytes]) -> float:
    """CPU seconds for all files, repeated for half a second; both readers use one thread, so that
    what else the machine does hardly matters."""
    start, passes = time.process_time(), 0
    while not passes or time.process_time() - start < 0.5:
        for data in files:
            run(data)
        passes += 1
    return (time.process_time() - start) / passes


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE_OR_FOLDER")
    parser.add_argument("--files", type=int, default=20, help="how many files at most")
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    paths = [p for path in args.paths for p in ([path] if path.is_file() else midi_files(path))]
    files, refused, tokens = usable(paths, args.files)
    if not files:
        sys.exit("none of the files can be read by both")
    ours, parse, theirs = [], [], []
    for _ in range(args.runs):  # by turns, so that both meet the same load of the machine
        ours.append(timed(events_of, files))
        parse.append(timed(smf.parse, files))
        theirs.append(timed(with_mido, files))
    print(f"{len(files)} files, {tokens:,} tokens, {refused} refused; median of {args.runs} runs\n")
    print("| reader | CPU seconds | tokens a second | microseconds a token |\n|---|---:|---:|---:|")
    for name, took in (("cantilena", ours), ("... the bytes alone", parse), ("mido", theirs)):
        t = statistics.median(took)
        print(f"| {name} | {t:.4f} | {tokens / t:,.0f} | {1e6 * t / tokens:.3f} |")
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    print(
        f"\nmido / cantilena, run by run: median {statistics.median(ratios):.1f}, "
        f"{min(ratios):.1f} to {max(ratios):.1f}"
    )


def midi_files(folder: Path) -> list[Path]:
    """The MIDI files in a folder, spread over it: every so many of them by name."""
    files = sorted(folder.rglob("*.mid"))
    return files[:: max(1, len(files) // 60)]


if __name__ == "__main__":
    main()
