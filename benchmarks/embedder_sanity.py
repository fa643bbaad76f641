"""Whether our offline embedders order sets of music sensibly: real against real, against worse.

    python benchmarks/embedder_sanity.py FOLDER [--n 60] [--seconds 30] [--workers 1] [--cache DIR]

FOLDER holds MIDI files of real pieces. They are split into halves at random; the table has the
distance of one half from the other as it is, and from the other after its notes were damaged in
one way, a little and a lot. Every row compares the same numbers of pieces over the same splits, so
that "more than as it is", the difference split by split, is the damage alone; mean and standard
deviation are over the splits. A distance notices a damage where that difference is above 0 by more
than its deviation. Nothing here is a FAD proper: the embedders are our log-mel and chroma ones.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from cantilena.errors import InputError
from cantilena.evaluate.distances import frechet, mmd
from cantilena.evaluate.sound.embedders import load_embedder
from cantilena.evaluate.sound.pieces import embed_pieces, find_renderer
from cantilena.score.midi import read_midi, write_midi
from cantilena.score.score import Score

Damage = Callable[[Score, np.random.Generator], Score]


def rebuilt(score: Score, **changed: np.ndarray) -> Score:
    """The Score with other notes, sorted and checked."""
    arrays = {k: getattr(score, k) for k in ("onset", "duration", "pitch", "velocity", "track")}
    arrays |= changed
    tempos = zip(score.tempo_tick.tolist(), score.tempo_us.tolist(), strict=True)
    return Score.build(score.tpq, score.tracks, **arrays, tempos=tempos)


def pitches(share: float) -> Damage:
    """A share of the pitched notes moved by up to an octave at random."""

    def damage(score: Score, rng: np.random.Generator) -> Score:
        hit = (rng.random(len(score)) < share) & ~score.is_drum
        moved = np.clip(score.pitch + rng.integers(-12, 13, len(score)), 0, 127)
        return rebuilt(score, pitch=np.where(hit, moved, score.pitch))

    return damage


def onsets(quarters: float) -> Damage:
    """Every onset moved at random, by up to so many quarters either way."""

    def damage(score: Score, rng: np.random.Generator) -> Score:
        shift = rng.uniform(-quarters, quarters, len(score)) * score.tpq
        return rebuilt(score, onset=np.maximum(0, score.onset + shift.round().astype(int)))

    return damage


def dropped(share: float) -> Damage:
    """A share of the notes taken away, at least one kept."""

    def damage(score: Score, rng: np.random.Generator) -> Score:
        keep = rng.random(len(score)) >= share
        keep[0] = True
        return score.select(keep)

    return damage


def instruments(share: float) -> Damage:
    """A share of the pitched parts given to an instrument drawn from all 128."""

    def damage(score: Score, rng: np.random.Generator) -> Score:
        tracks = [
            t if t.is_drum or rng.random() >= share else replace(t, program=int(rng.integers(128)))
            for t in score.tracks
        ]
        return replace(score, tracks=tuple(tracks))

    return damage


DAMAGES: dict[str, Damage | None] = {
    "as it is": None,
    "20 % of pitches at random": pitches(0.2),
    "all pitches at random": pitches(1.0),
    "onsets off by up to 1/8 quarter": onsets(0.125),
    "onsets off by up to 2 quarters": onsets(2.0),
    "25 % of notes missing": dropped(0.25),
    "75 % of notes missing": dropped(0.75),
    "25 % of parts on any instrument": instruments(0.25),
    "all parts on any instrument": instruments(1.0),
}


OURS = ("logmel", "chroma")


def usable(folder: Path, n: int, seed: int) -> list[Score]:
    """``n`` pieces of at least 100 notes and 30 s, drawn at random."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".mid", ".midi"))
    pieces: list[Score] = []
    for i in np.random.default_rng(seed).permutation(len(paths)).tolist():
        if len(pieces) == n:
            break
        try:
            score = read_midi(paths[i])
        except InputError:
            continue
        if len(score) >= 100 and float(score.seconds(score.end)) >= 30:
            pieces.append(score)
    if len(pieces) < 4:
        raise SystemExit(f"{folder} holds {len(pieces)} pieces of 100 notes and 30 s; 4 are needed")
    return pieces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, help="MIDI files of real pieces")
    parser.add_argument("--n", type=int, default=60, help="pieces (60)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each piece (30)")
    parser.add_argument("--splits", type=int, default=10, help="random halvings (10)")
    parser.add_argument("--workers", type=int, default=1, help="processes that render (1)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, help="keep embeddings here, to go on after a stop")
    args = parser.parse_args()
    pieces = usable(args.folder, args.n, args.seed)
    ours = {name: load_embedder(name) for name in OURS}
    renderer = find_renderer(seconds=args.seconds)
    vectors: dict[str, dict[str, list[np.ndarray]]] = {name: {} for name in OURS}
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, damage) in enumerate(DAMAGES.items()):
            rng = np.random.default_rng(args.seed)
            paths: list[Path | None] = []
            for i, score in enumerate(pieces):
                paths.append(Path(folder, f"{number}-{i}.mid"))
                write_midi(damage(score, rng) if damage else score, paths[-1])
            cache = args.cache or Path(folder, "cache")
            embedded = embed_pieces(paths, ours, cache, renderer, args.workers)
            if embedded.failed:
                raise SystemExit(f"{name}: {embedded.failed}")
            for embedder in OURS:
                vectors[embedder][name] = [v for v in embedded.vectors[embedder] if v is not None]
    print(f"{len(pieces)} pieces, {args.splits} splits into halves, {renderer.name}")
    for embedder in OURS:
        print("\n" + table(ours[embedder].label, vectors[embedder], args.splits, args.seed))


def table(label: str, vectors: dict[str, list[np.ndarray]], splits: int, seed: int) -> str:
    """The distances of every damage over one embedder, as Markdown."""
    real = vectors["as it is"]
    half = len(real) // 2
    means = {k: np.stack([x.mean(0) for x in v]).astype(float) for k, v in vectors.items()}
    bandwidth = mmd.median_bandwidth(means["as it is"])
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(real)) for _ in range(splits)]
    lines = [
        f"| the other half | {label} Frechet distance | more than as it is | {label} KAD "
        "| more than as it is |",
        "|---|---:|---:|---:|---:|",
    ]
    first: list[np.ndarray] = []
    for name, damaged in vectors.items():
        rows = []
        for order in orders:
            a, b = order[:half], order[half : 2 * half]
            one, other = (np.concatenate([v[i] for i in k]) for v, k in ((real, a), (damaged, b)))
            far = frechet.frechet_distance(other, one)
            rows.append((far, mmd.kad(means[name][b], means["as it is"][a], bandwidth)))
        cells = []
        for k, values in enumerate(np.array(rows).T):
            if name == "as it is":
                first.append(values)
            cells += [spread(values), spread(values - first[k]) if name != "as it is" else "-"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(values: np.ndarray) -> str:
    """Mean and standard deviation over the splits."""
    return f"{values.mean():.2f} ± {values.std(ddof=1):.2f}"


if __name__ == "__main__":
    main()
