"""What search hears in recordings: how it is learnt, and how often it is right.

    python benchmarks/search_by_ear.py orchestrate SONGS... -o songs --n 700
    cantilena data audio songs -o orchestrated --seconds 10 --per-file 1
    python benchmarks/search_by_ear.py learn clips orchestrated -o hearing.npz

``orchestrate`` writes short excerpts of MIDI files for one to four instruments that are drawn
evenly, since real songs have a few instruments nearly always and most hardly ever. ``learn`` learns
from the splits "train" of data sets of clips, and prints, of "valid" and "test", for each kind of
instrument how far above the others clips with it lie (AUC), and errors of the rest. Needs torch.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np

from cantilena.data.audio.clips import Clip
from cantilena.data.audio.reader import AudioData
from cantilena.errors import CantilenaError
from cantilena.evaluate.forest import auc
from cantilena.models.audio.joint_input import STATISTICS, bands, statistics
from cantilena.score import Score, Track, gm
from cantilena.score.midi import read_midi, write_midi
from cantilena.score.score import DRUMS
from cantilena.search.hearing import GROUPS, OUTPUTS, VALUES, Ear
from cantilena.search.measuring import powerful
from cantilena.search.tables import GROUP_OF

SECONDS, LEAST_NOTES = 14.0, 8
"""Length of an excerpt, and notes of a line in it at least."""
PROGRAMS = 112  # without General MIDI's percussive and sound effects
HIDDEN, STEPS, BATCH, RATE, DECAY, DROPOUT, NOISE = 128, 1500, 128, 1e-3, 0.05, 0.3, 0.3
"""Of the network's training; ``NOISE`` is its deviation in units of a feature's own."""
LEAST_SHARE = 0.03  # of the sounding time, from which on an instrument plays


def orchestrate(args: argparse.Namespace) -> None:
    """Writes excerpts for other instruments."""
    rng = np.random.default_rng(args.seed)
    folder = Path(args.output)
    folder.mkdir(parents=True, exist_ok=True)
    files = [f for place in args.songs for f in sorted(Path(place).rglob("*.mid"))]
    rng.shuffle(files)
    deck: list[int] = []
    done = 0
    for file in files:
        if done >= args.n:
            return
        try:
            song = read_midi(file)
        except CantilenaError:
            continue
        for _ in range(2):
            piece = _arranged(song, rng, deck)
            if piece is not None and done < args.n:
                write_midi(piece, folder / f"{done:04d}.mid")
                done += 1


def _arranged(song: Score, rng: np.random.Generator, deck: list[int]) -> Score | None:
    """The beginning of a song for other instruments, at another tempo."""
    if not len(song):
        return None
    first = int(song.onset[0])
    last = song.tick_at(float(song.seconds(first)) + SECONDS)
    inside = (song.onset >= first) & (song.onset < last)
    lines = [
        t
        for t, track in enumerate(song.tracks)
        if not track.is_drum and (inside & (song.track == t)).sum() >= LEAST_NOTES
    ]
    if not lines:
        return None
    count = min(len(lines), int(rng.choice([1, 1, 1, 2, 2, 3, 4])))
    rows, tracks = [], []
    for line in rng.choice(lines, count, replace=False).tolist():
        if not deck:
            deck.extend(rng.permutation(PROGRAMS).tolist())
        program = deck.pop()
        mine = np.flatnonzero(inside & (song.track == line))
        low, high = gm.playable(program)
        middle = float(np.median(song.pitch[mine]))
        shift = 0 if low <= middle <= high else 12 * round(((low + high) / 2 - middle) / 12)
        pitch = song.pitch[mine].astype(int) + shift
        fits = (pitch >= low) & (pitch <= high)
        if fits.sum() >= LEAST_NOTES:
            rows.append(_columns(song, mine[fits], pitch[fits], len(tracks)))
            tracks.append(Track("", program))
    drums = np.flatnonzero(inside & song.is_drum)
    if tracks and len(drums) >= LEAST_NOTES and rng.random() < 0.4:
        rows.append(_columns(song, drums, song.pitch[drums], len(tracks)))
        tracks.append(Track("", 0, True))
    if not tracks:
        return None
    onset, duration, pitch, velocity, track = np.concatenate(rows, axis=1)
    bpm = float(np.clip(song.bpm * rng.uniform(0.7, 1.4), 30, 300))
    tempo = [(0, round(60e6 / bpm))]
    onset = onset - onset.min()
    return Score.build(song.tpq, tracks, onset, duration, pitch, velocity, track, tempos=tempo)


def _columns(song: Score, which: np.ndarray, pitch: np.ndarray, track: int) -> np.ndarray:
    columns = (song.onset[which], song.duration[which], pitch, song.velocity[which])
    return np.stack([*columns, np.full(len(which), track)])


# ---------------------------------------------------------------------------- learning


def examples(places: list[str], split: str) -> tuple[np.ndarray, ...]:
    """(N, F) statistics, (N, 129) who plays, (N, values), (N,) group or -1, and (N,) data set."""
    parts = [(*_of_data(Path(place), split), number) for number, place in enumerate(places)]
    columns = list(zip(*parts, strict=True))
    numbers = [
        np.full(len(rows), number) for rows, number in zip(columns[0], columns[4], strict=True)
    ]
    return (*(np.concatenate(column) for column in columns[:4]), np.concatenate(numbers))


def _of_data(place: Path, split: str) -> tuple[np.ndarray, ...]:
    """The same of one data set, which are kept in its folder."""
    kept = place / f"heard-{split}.npz"
    if kept.is_file() and kept.stat().st_mtime > (place / "manifest.json").stat().st_mtime:
        with np.load(kept) as arrays:
            return tuple(arrays[f"arr_{i}"] for i in range(4))
    data = AudioData(place, split, stems=False)
    rows = []
    for i in range(len(data)):
        clip = data.clip(i)
        targets = _targets(clip)
        if targets is not None:
            rows.append((statistics(bands(clip.samples)), *targets))
    arrays = tuple(np.array(column) for column in zip(*rows, strict=True))
    np.savez(kept, *arrays)
    return arrays


def _targets(clip: Clip) -> tuple[np.ndarray, np.ndarray, int] | None:
    """(129,) who plays, (values,), and the number of the group of genres or -1; None where there
    are no notes."""
    notes = clip.symbols
    if notes is None or not len(notes.onset):
        return None
    seconds = len(clip.samples) / clip.rate
    length = np.minimum(notes.duration, 4.0)
    total = np.bincount(notes.instrument, length, DRUMS + 1)
    share = total / max(total.sum(), 1e-9)
    pitched = notes.instrument != DRUMS
    height = float(notes.pitch[pitched].mean()) if pitched.any() else 62.0
    rate = len(np.unique(np.round(notes.onset, 2))) / seconds
    power = float(sum(share[i] for i in range(DRUMS + 1) if powerful(i)))
    groups = [GROUP_OF[g] for g in clip.meta["genres"] if g in GROUP_OF]
    group = GROUPS.index(groups[0]) if groups else -1
    values = np.array([np.log2(max(rate, 0.2)), height / 12, power])
    return (share >= LEAST_SHARE).astype(np.float32), values.astype(np.float32), group


def learn(args: argparse.Namespace) -> None:
    """Trains the network, writes its weights and prints how often it is right."""
    import torch
    import torch.nn.functional as F

    torch.manual_seed(args.seed)
    x, players, values, group, _ = examples(args.clips, "train")
    mean, scale = x.mean(0), x.std(0) + 1e-3
    inputs = torch.from_numpy(np.clip((x - mean) / scale, -4, 4).astype(np.float32))
    targets = [torch.from_numpy(a) for a in (players, values, group)]
    one = torch.nn.Linear(STATISTICS, HIDDEN)
    two = torch.nn.Linear(HIDDEN, OUTPUTS)
    n, k = DRUMS + 1, DRUMS + 1 + len(VALUES)
    prior = np.maximum(players.mean(0), 2e-3)
    middle, spread = (torch.from_numpy(a) for a in (values.mean(0), values.std(0)))
    with torch.no_grad():  # what nothing is heard of is as in music at large
        two.bias[:n] = torch.logit(torch.from_numpy(np.minimum(prior, 0.99)))
        two.bias[n:k] = middle
    parameters = [*one.parameters(), *two.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        some = torch.randint(len(inputs), (BATCH,))
        noisy = inputs[some] + NOISE * torch.randn(BATCH, STATISTICS)
        out = two(F.dropout(F.relu(one(noisy)), DROPOUT))
        who, what, kind = (t[some] for t in targets)
        loss = 40 * F.binary_cross_entropy_with_logits(out[:, :n], who)
        loss = loss + F.mse_loss((out[:, n:k] - middle) / spread, (what - middle) / spread)
        if (kind >= 0).any():
            loss = loss + 0.3 * F.cross_entropy(out[:, k:][kind >= 0], kind[kind >= 0])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    weights = {
        "mean": mean,
        "scale": scale,
        "one": one.weight.detach().numpy().T,
        "one_bias": one.bias.detach().numpy(),
        "two": two.weight.detach().numpy().T,
        "two_bias": two.bias.detach().numpy(),
        "prior": prior,
    }
    half = {name: np.asarray(w, dtype=np.float16) for name, w in weights.items()}
    np.savez_compressed(args.output, **half)
    print(f"{len(x):,} clips, {Path(args.output).stat().st_size / 1e3:.0f} kB")
    _report(Ear(half), args.clips)


def _report(ear: Ear, places: list[str]) -> None:
    """Prints what the network gets right of the held-out clips of each data set."""
    parts = [examples(places, split) for split in ("valid", "test")]
    x, players, values, group, place = (np.concatenate(c) for c in zip(*parts, strict=True))
    out = ear.outputs(x)
    n = DRUMS + 1
    for number, name in enumerate(places):
        mine = place == number
        areas = {
            i: auc(*(out[mine & (players[:, i] == plays), i] for plays in (0, 1)))
            for i in range(n)
            if 3 <= players[mine, i].sum() <= mine.sum() - 3
        }
        print(f"{name}: {mine.sum()} held-out clips")
        print(f"  AUC of {len(areas)} instruments: mean {np.mean(list(areas.values())):.3f}")
        p = 1 / (1 + np.exp(-out[mine, :n]))
        likeliest = (p / (p + np.sqrt(ear.weights["prior"]))).argmax(1)
        true = players[mine]
        right = true[np.arange(len(true)), likeliest].mean()
        print(f"  the likeliest instrument plays in {right:.3f}, any in {true.mean():.3f}")
        errors = np.abs(out[mine, n : n + len(VALUES)] - values[mine]).mean(0)
        spread = np.abs(values[mine] - values[mine].mean(0)).mean(0)
        for value, error, of in zip(VALUES, errors, spread, strict=True):
            print(f"  {value}: mean error {error:.3f}, by the mean {of:.3f}")
        grouped = mine & (group >= 0)
        if grouped.any():
            right = (out[grouped, n + len(VALUES) :].argmax(1) == group[grouped]).mean()
            most = np.bincount(group[grouped]).max() / grouped.sum()
            print(f"  genre: {right:.3f} right, the commonest is {most:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    jobs = parser.add_subparsers(required=True)
    first = jobs.add_parser("orchestrate")
    first.add_argument("songs", nargs="+")
    first.add_argument("--n", type=int, default=700)
    first.set_defaults(run=orchestrate)
    second = jobs.add_parser("learn")
    second.add_argument("clips", nargs="+")
    second.set_defaults(run=learn)
    for job in (first, second):
        job.add_argument("-o", "--output", required=True)
        job.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        args.run(args)


if __name__ == "__main__":
    main()
