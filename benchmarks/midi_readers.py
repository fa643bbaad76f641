"""Our MIDI reader beside others: whose notes agree with the messages of the file, and how fast.

    python benchmarks/midi_readers.py CORPORA [--songs 300] [--corpus lakh]

CORPORA is the folder that ``cantilena data fetch`` fills. The yardstick is an independent reading
with mido: all tracks merged in time order, a channel's program being its last change in any track.
A note is told by onset tick, pitch and instrument (128 is drums). For each reader: the share of the
yardstick's notes it gives, files in which it gives over 1 % of them to another program, and notes a
second (median of the files' rates). symusic takes part where it is installed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from cantilena.data.corpora import corpus
from cantilena.score.midi import read_midi

Notes = Counter[tuple[int, int, int]]


def mido_notes(path: Path) -> Notes:
    """(onset, pitch, instrument) of every note-on, program changes of one tick first."""
    import mido

    file = mido.MidiFile(str(path), clip=True)
    events = []
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "program_change":
                events.append((tick, 0, message.channel, message.program))
            elif message.type == "note_on" and message.velocity > 0:
                events.append((tick, 1, message.channel, message.note))
    program = [0] * 16
    notes: Notes = Counter()
    for tick, kind, channel, value in sorted(events, key=lambda e: e[:2]):
        if kind == 0:
            program[channel] = value
        else:
            notes[tick, value, 128 if channel == 9 else program[channel]] += 1
    return notes


def our_notes(path: Path) -> Notes:
    """The same through ``cantilena.score.midi``."""
    score = read_midi(path)
    columns = (score.onset.tolist(), score.pitch.tolist(), score.instrument.tolist())
    return Counter(zip(*columns, strict=True))


def symusic_notes(path: Path) -> Notes:
    """The same through symusic."""
    import symusic

    notes: Notes = Counter()
    for track in symusic.Score(str(path)).tracks:
        instrument = 128 if track.is_drum else track.program
        rows = track.notes.numpy()
        times, pitches = rows["time"].tolist(), rows["pitch"].tolist()
        notes.update((t, p, instrument) for t, p in zip(times, pitches, strict=True))
    return notes


READERS: dict[str, Callable[[Path], Notes]] = {
    "cantilena": our_notes,
    "symusic": symusic_notes,
    "mido": mido_notes,
}


def only_time(name: str, path: Path) -> float:
    """Seconds that the reader alone takes, without making the notes comparable."""
    start = time.perf_counter()
    if name == "cantilena":
        read_midi(path)
    elif name == "symusic":
        import symusic

        symusic.Score(str(path))
    else:
        mido_notes(path)
    return time.perf_counter() - start


def main() -> None:
    """Reads the command line and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--songs", type=int, default=300)
    parser.add_argument("--corpus", default="lakh")
    args = parser.parse_args()
    source = corpus(args.corpus)
    songs = list(source.songs(args.corpora / args.corpus))
    paths = [s.path for s in songs[:: max(1, len(songs) // args.songs)][: args.songs]]
    names = list(READERS)
    try:
        import symusic  # noqa: F401
    except ImportError:
        names.remove("symusic")
    rows = {name: {"same": 0, "files": 0, "wrong": 0, "rates": []} for name in names}
    total = read = 0
    for path in paths:
        try:
            truth = mido_notes(path)
            read_midi(path)
        except Exception:  # damaged, or one that mido cannot read: it raises all kinds of errors
            continue
        total += truth.total()
        read += 1
        for name in names:
            seconds = only_time(name, path)
            row, notes = rows[name], READERS[name](path)
            same = (truth & notes).total()
            plain = Counter((t, p) for t, p, _ in truth.elements())
            heard = Counter((t, p) for t, p, _ in notes.elements())
            moved = (plain & heard).total() - same
            row["same"] += same
            row["wrong"] += moved > 0.01 * max(truth.total(), 1)
            row["rates"].append(truth.total() / max(seconds, 1e-9))
    print(f"{read} files of {args.corpus}, {total:,} notes\n")
    print("| reader | notes as in the file | files with wrong programs | notes/s |")
    print("|---|---:|---:|---:|")
    for name, row in rows.items():
        rate = statistics.median(row["rates"]) if row["rates"] else 0
        share = 100 * row["same"] / max(total, 1)
        print(f"| {name} | {share:.2f} % | {row['wrong']} | {rate:,.0f} |")


if __name__ == "__main__":
    main()
