"""Rewrites of real songs: what changes outside of them, and how their seams fit.

    python benchmarks/rewriting.py FOLDER [--n 200] [--bars 20] [--songs 20] [--candidates 4]
        [--seed 0] [--checkpoint DIR]

FOLDER has MIDI files; Ctrl-C ends a part early, and prints what it has measured so far.

First ``n`` random rewrites of random files: some bars of some tracks, with a random text; each is
written, read again, and compared outside of its bars and tracks: notes, controls, texts, tempo,
metre and keys; and the notes once more with mido. Then, of ``songs`` songs, four bars of one
pitched part are written anew: bits per note, by the model, of the kept notes that follow, with the
candidate that is taken, with any candidate (the mean), and with the notes that stood there. Prints
Markdown.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import mido
import numpy as np

import cantilena
from cantilena.decode.interfaces import Job
from cantilena.decode.loop import Loop
from cantilena.decode.sampling import Sampling
from cantilena.errors import CantilenaError, Notice
from cantilena.score import Score
from cantilena.score.midi import read_midi, write_midi
from cantilena.score.splice import inside
from cantilena.systems.base import System
from cantilena.systems.note.changes import Changes
from cantilena.systems.note.choosing import FOLLOWING, Fill, Listening, fit
from cantilena.systems.note.filling import prefix_of
from cantilena.systems.note.gaps import plan_gap
from cantilena.systems.note.rewriting import gap
from cantilena.systems.note.tracker import Tracker
from cantilena.systems.request import Edit, Request, Span
from cantilena.systems.tracks import track_roles
from cantilena.text.brief import parse_brief
from cantilena.text.wishes import Brief
from cantilena.tokens.note.locks import Locks
from cantilena.tokens.note.outline import likeness

TEXTS = ("", "higher, more syncopated", "busier", "sparser, softer", "lower, staccato", "legato")
PLANS = ("none", "planned", "its own")
LEAST_BARS, MOST_BARS = 16, 160
ONE = Sampling(best_of=1)


def songs(folder: Path, rng: np.random.Generator) -> Iterator[Score]:
    """Songs of the folder in random order, of a few bars at least and not endless."""
    files = sorted(folder.rglob("*.mid"))
    for i in rng.permutation(len(files)):
        try:
            score = read_midi(files[i])
        except CantilenaError:
            continue
        if LEAST_BARS <= score.n_bars <= MOST_BARS and len(score) > 200:
            yield score


def again_and_again(folder: Path, rng: np.random.Generator) -> Iterator[Score]:
    """The songs, from the first one on where there are no more."""
    while True:
        yield from songs(folder, rng)


def notes(score: Score, keep: np.ndarray) -> Counter:
    """The notes where ``keep``, by onset, duration, pitch, velocity, track."""
    columns = (score.onset, score.duration, score.pitch, score.velocity, score.track)
    return Counter(zip(*(column[keep].tolist() for column in columns), strict=True))


def changed(edit: Edit, after: Score) -> list[str]:
    """What differs outside of an Edit."""
    before, spans = edit.base, [span.ticks(edit.base) for span in edit.spans]
    out = []
    for name in ("tempo_tick", "tempo_us", "metre_tick", "metre_num", "metre_den", "key_tick"):
        if not np.array_equal(getattr(before, name), getattr(after, name)):
            out.append(name)
    keep = [~inside(s.onset, s.track, spans, edit.tracks) for s in (before, after)]
    if notes(before, keep[0]) != notes(after, keep[1]):
        out.append("notes")
    controls = [
        s.controls.select(~inside(s.controls.tick, s.controls.track, spans, edit.tracks))
        for s in (before, after)
    ]
    if controls[0] != controls[1]:
        out.append("controls")
    texts = [[t for t in s.texts if t.track is None] for s in (before, after)]
    if texts[0] != texts[1] or before.opaque != after.opaque or before.tracks != after.tracks:
        out.append("texts or tracks")
    start, stop = spans[0]
    heard = [mido_notes(write_midi(s), start, stop) for s in (before, after)]
    return out + ["notes by mido"] * (heard[0] != heard[1])


def mido_notes(data: bytes, start: int, stop: int | None) -> Counter:
    """Note-ons outside of the bars, by tick, pitch and velocity, of whatever track."""
    found: Counter = Counter()
    for track in mido.MidiFile(file=io.BytesIO(data)).tracks:
        tick = 0
        for message in track:
            tick += message.time
            outside = tick < start or (stop is not None and tick >= stop)
            if message.type == "note_on" and message.velocity and outside:
                found[tick, message.note, message.velocity] += 1
    return found


def kept_outside(system: System, folder: Path, n: int, seed: int) -> None:
    """Random rewrites, and how many of them changed what they should not."""
    rng = np.random.default_rng(seed)
    faults: Counter = Counter()
    wishes: Counter = Counter()
    made = 0
    began = time.process_time()
    with contextlib.suppress(KeyboardInterrupt):
        for score in itertools.islice(again_and_again(folder, rng), n):
            edit = random_edit(score, rng)
            brief = parse_brief(TEXTS[int(rng.integers(len(TEXTS)))])
            request = Request(brief, made, ONE, edit, options={"candidates": 1})
            result = system.compose([request])[0]
            after = read_midi(write_midi(result.score))
            faults.update(changed(edit, after))
            wishes.update((row.wish, row.met) for row in result.rows if row.met is not None)
            made += 1
    asked = Counter(wish for wish, _ in wishes.elements())
    print(f"{made} random rewrites: {sum(faults.values())} changed something outside of it")
    for what, count in faults.items():
        print(f"- {what}: {count}")
    met = ", ".join(f"{wish} {wishes[wish, True]} of {n}" for wish, n in asked.items())
    print(f"relative wishes met, one candidate: {met}")
    print(f"CPU seconds a rewrite: {(time.process_time() - began) / made:.2f}\n", flush=True)


def random_edit(score: Score, rng: np.random.Generator) -> Edit:
    """Up to four bars in which something plays, of all tracks or of one to three."""
    while True:
        start = int(rng.integers(score.n_bars))
        stop = min(start + int(rng.integers(1, 5)), score.n_bars)
        low, high = score.bar_starts[[start, stop]]
        playing = np.unique(score.track[(score.onset >= low) & (score.onset < high)])
        if len(playing):
            break
    tracks = None
    if rng.random() < 0.75:
        count = min(int(rng.integers(1, 4)), len(playing))
        tracks = frozenset(rng.choice(playing, count, replace=False).tolist())
    return Edit(score, (Span(start, stop),), tracks)


# ---------------------------------------------------------------------------- seams


def seams(system: System, folder: Path, n: int, candidates: int, seed: int) -> None:
    """How likely the notes behind a span are, by what stands in it."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[float, float, float, float]] = []
    edits = (edit for score in songs(folder, rng) if (edit := seam_edit(score, rng)) is not None)
    with contextlib.suppress(KeyboardInterrupt):
        for edit in itertools.islice(edits, n):
            request = Request(Brief(), 0, ONE, edit, options={"candidates": candidates})
            fits = system.compose([request])[0].facts["spans"][0]
            following = [np.nan if f is None else f for f in fits["following"]]
            taken, mean = following[fits["taken"]], float(np.mean(following))
            rows.append((taken, mean, min(following), truth(system, edit)[1]))
    table = np.array(rows)
    table = table[np.isfinite(table).all(1)]
    print(f"bits per note of up to {FOLLOWING} kept notes that follow, {len(table)} songs:\n")
    print("| what stands in the span | mean | better than any candidate |\n|---|---:|---:|")
    for k, name in enumerate(("the candidate taken", "any candidate", "the likeliest", "the song")):
        better = float((table[:, k] < table[:, 1] - 1e-9).mean())
        print(f"| {name} | {table[:, k].mean():.3f} | {100 * better:.0f} % |")
    gain = table[:, 1] - table[:, 0]
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    print(f"\ntaken against any: {gain.mean():.3f} bits fewer (standard error {error:.3f})")


def seam_edit(score: Score, rng: np.random.Generator) -> Edit | None:
    """Four bars of a pitched part that plays in them, with music before and behind."""
    start = int(rng.integers(4, max(5, score.n_bars - 8)))
    if start + 5 > score.n_bars:
        return None
    low, high = score.bar_starts[[start, start + 4]]
    roles = track_roles(score)
    playing = np.bincount(score.track[(score.onset >= low) & (score.onset < high)], minlength=1)
    tracks = [t for t, c in enumerate(playing) if c >= 8 and roles[t] != "drums"]
    if not tracks or not (score.onset >= high).any():
        return None
    return Edit(score, (Span(start, start + 4),), frozenset({int(rng.choice(tracks))}))


def truth(system: System, edit: Edit, plan: str = "planned") -> tuple[float, float]:
    """Bits per note of what stood in the span's tracks, and of the kept notes that follow it, each
    with the true notes before it; by a model that reads the outline that a rewrite ``plan``s, the
    song's own ("its own") or none ("none")."""
    scheme, change = system.scheme, Changes(edit.tracks)  # type: ignore[attr-defined]
    span = edit.spans[0].ticks(edit.base)
    assert span[1] is not None
    habits = system.habits  # type: ignore[attr-defined]
    here = gap(edit.base, (span[0], span[1]), change, Brief(), scheme, habits)
    lines = here.frame.bar_starts
    outline = None
    if plan == "planned":
        outline = plan_gap(here, change, Brief(), habits, np.random.default_rng(0)).outline
    elif plan == "its own":
        outline = likeness(scheme.table(edit.base), lines).outline()
    tracker = Tracker(here.frame, scheme.max_delta, outline)
    for step in here.past:
        tracker.push(*step)
    rows = scheme.table(edit.base)
    rows = rows[rows[:, 0] >= here.plan.origin]
    last = here.kept[-1]
    keys = rows[:, 0] * 2**20 + rows[:, 1] * 128 + rows[:, 2]
    rows = rows[keys <= last[0] * 2**20 + last[1] * 128 + last[2]]
    tracker.locks = Locks(scheme, rows, [])
    job = Job(tracker, prefix_of(here, Brief()), (), ONE, np.random.default_rng(0))
    job.limit = len(tracker.rows) + 4 * len(rows) + 64
    stepper = Listening(system.engine, [job])  # type: ignore[attr-defined]
    Loop(stepper, Fill(scheme), [job]).run()
    bits, written = np.array(stepper.bits[0]), job.piece.rows[stepper.first :]
    kept = {tuple(row[:3]) for row in here.kept.tolist()}
    new = [
        row[1] in here.instruments and row[0] < here.plan.end and tuple(row[:3]) not in kept
        for row in written[: len(bits)]
    ]
    own = float(bits[new].mean()) if any(new) else float("nan")
    return own, fit(job.piece.rows, stepper.bits[0], here.plan.end, stepper.first)[1]


def real_bars(system: System, folder: Path, n: int, seed: int, by_all: bool) -> None:
    """Bits per note of real bars of one part or all parts, with a plan and without."""
    rng = np.random.default_rng(seed)
    rows: list[list[tuple[float, float]]] = []
    edits = (edit for score in songs(folder, rng) if (edit := seam_edit(score, rng)) is not None)
    with contextlib.suppress(KeyboardInterrupt):
        for edit in itertools.islice(edits, n):
            whole = Edit(edit.base, edit.spans) if by_all else edit
            rows.append([truth(system, whole, plan) for plan in PLANS])
    table = np.array(rows)
    table = table[np.isfinite(table).all((1, 2))]
    what = "all parts" if by_all else "one part"
    print(f"four real bars of {what}, {len(table)} songs, bits per note:\n")
    print("| outline | in the span | of what follows |\n|---|---:|---:|")
    for k, plan in enumerate(PLANS):
        print(f"| {plan} | {table[:, k, 0].mean():.3f} | {table[:, k, 1].mean():.3f} |")
    gain = table[:, 0, 0] - table[:, 1, 0]
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    print(f"\nsaved in the span by the plan: {gain.mean():.3f} (standard error {error:.3f})\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--bars", type=int, default=20)
    parser.add_argument("--songs", type=int, default=20)
    parser.add_argument("--candidates", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", help="a folder; the shipped one where none is named")
    args = parser.parse_args()
    warnings.simplefilter("ignore", Notice)
    system = cantilena.load(args.checkpoint)
    if args.n:
        kept_outside(system, args.folder, args.n, args.seed)
    for by_all in (False, True) if args.bars else ():
        real_bars(system, args.folder, args.bars, args.seed, by_all)
    if args.songs:
        seams(system, args.folder, args.songs, args.candidates, args.seed)


if __name__ == "__main__":
    main()
