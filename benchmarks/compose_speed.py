"""How long a piece takes on this machine, from process start to files.

    python benchmarks/compose_speed.py [--runs 5] [--beside-load]

Prints medians over runs: `import cantilena`, `cantilena --help`, 32 bars in four parts from process
start to MIDI, with notes per second and the ratio of playing time to computing time, and the same
without starting a process; and the installed size of the package and what it depends on. With
``--beside-load`` only notes per second, loaded, with one thread and with the default two by turns,
alone and beside one busy process.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROMPT = "pop song with piano, guitar, bass and drums in C major, 120 bpm, 32 bars"


def timed(command: list[str], runs: int) -> float:
    """Median seconds of a command."""
    took = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        took.append(time.perf_counter() - start)
    return statistics.median(took)


def installed() -> tuple[float, list[str]]:
    """Megabytes of cantilena and all it needs, and their names."""
    todo, seen, total = ["cantilena"], set(), 0
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            package = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        for file in package.files or []:
            path = Path(str(package.locate_file(file)))
            total += path.stat().st_size if path.is_file() else 0
        for need in package.requires or []:
            if "extra ==" not in need:
                todo.append(re.split(r"[\s;<>=!~\[(]", need)[0])
    return total / 1e6, sorted(seen)


def beside_load(runs: int) -> None:
    """Prints notes per second of one thread and of two, alone and beside a busy process. Both run
    by turns, so that both meet whatever else the machine does."""
    from cantilena.options import make_brief
    from cantilena.systems.base import Request
    from cantilena.systems.note.composer import NoteSystem

    systems = {threads: NoteSystem.load(threads=threads) for threads in (1, 2)}
    brief = make_brief(PROMPT)
    print("| beside | one thread | two threads | two / one, run by run |\n|---|---:|---:|---:|")
    for name, count in (("nothing", 0), ("one busy process", 1)):
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
        try:
            rates: dict[int, list[float]] = {threads: [] for threads in systems}
            for seed in range(runs):
                for threads, system in systems.items():
                    start = time.perf_counter()
                    piece = system.compose([Request(brief, seed)])[0]
                    rates[threads].append(len(piece.score) / (time.perf_counter() - start))
        finally:
            for process in busy:
                process.kill()
                process.wait()
        ratio = statistics.median(b / a for a, b in zip(rates[1], rates[2], strict=True))
        one, two = (statistics.median(rates[threads]) for threads in (1, 2))
        print(f"| {name} | {one:.0f} | {two:.0f} | {ratio:.2f} |")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--beside-load", action="store_true")
    args = parser.parse_args()
    if args.beside_load:
        beside_load(args.runs)
        return
    runs = args.runs
    python = sys.executable
    print(f"{os.cpu_count()} cores, median of {runs} runs\n\n| | |\n|---|---|")
    empty = timed([python, "-c", "pass"], runs)
    bare = timed([python, "-c", "import cantilena"], runs) - empty
    print(f"| `import cantilena` | {bare:.2f} s |")
    print(f"| `cantilena --help` | {timed([python, '-m', 'cantilena', '--help'], runs):.2f} s |")
    with tempfile.TemporaryDirectory() as folder:
        command = [python, "-m", "cantilena", "compose", PROMPT, "-o", folder, "--seed", "1"]
        whole = timed([*command, "--formats", "mid", "--quiet"], runs)
        every = timed([*command, "--quiet"], runs)
        from cantilena.score.midi import read_midi

        score = read_midi(next(Path(folder).glob("*.mid")))
    length = float(score.seconds(score.end))
    print(f"| 32 bars, 4 parts, process start to MIDI | {whole:.2f} s |")
    print(f"| ... to MIDI, WAV, MusicXML, PNG and JSON | {every:.2f} s |")
    print(f"| notes of that piece | {len(score):,} |")
    print(f"| notes per second, process start included | {len(score) / whole:.0f} |")
    print(f"| playing time over computing time | {length / whole:.0f} |")
    import cantilena

    cantilena.compose(PROMPT, seed=0)
    took = []
    for seed in range(runs):
        start = time.perf_counter()
        result = cantilena.compose(PROMPT, seed=seed)
        took.append(len(result.score) / (time.perf_counter() - start))
    print(f"| notes per second, loaded | {statistics.median(took):.0f} |")
    size, names = installed()
    print(f"| installed: {', '.join(names)} | {size:.0f} MB |")


if __name__ == "__main__":
    main()
