"""Codecs and quantizers trained at equal budget: what each answer to a question of design loses.

A run trains one codec with one seed and adds a line of JSON to a file of results. What has its line
is not trained again, so that the command goes on where it was stopped. The tables are made of the
lines: means over seeds, with the standard deviation.

Quantizers stand in a small mel codec (0.3 M weights), the cheapest here, and have an equal number
of updates; the frame-rate codec and SEANet (some 0.75 M each) have equal CPU seconds of one thread,
so that other work on the machine does not count ("distance": SEANet has more, until it is near).
Figures are of the split "valid".

    python benchmarks/codec_ablations.py RESULTS --data clips [--groups depth,speed] [--seeds 3]
    python benchmarks/codec_ablations.py RESULTS
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from cantilena.data.audio import AudioData
from cantilena.evaluate.sound.codec import BookCounts
from cantilena.models.audio.codec.base import Codec
from cantilena.models.audio.codec.losses import MELS, MultiScaleMel, MultiScaleStft, si_sdr
from cantilena.models.precision import mixed
from cantilena.systems.codec.training import CodecTraining, codec_recipe
from cantilena.systems.trainable import Recipe
from cantilena.train.audio.clips import Cuts
from cantilena.train.audio.loop import rate_at, spent

STEPS, BATCH, SECONDS, RATE = 200, 8, 1.5, 2e-3
"""Of a mel codec: updates, clips of an update, their length and the peak learning rate. A batch has
600 frames, more than the largest book has codes, so that k-means can start it."""
BUDGET, LONG, LOOKS, WAVE_BATCH = 45.0, 300.0, (2.5, 5.0, 10.0, 20.0), 3
"""Of a codec that learns the wave: CPU seconds in all, those of a SEANet that is given more, those
after which it is measured, and clips of one second in an update."""
HELD_CLIPS, HELD_SECONDS = 32, 3.0

# ------------------------------------------------------------------ what is trained


@dataclass(frozen=True)
class Run:
    """A training: options of the codec above a recipe's. ``heard``: with how many books it is
    measured, by default all; ``changes`` of the recipe's other settings; ``budget`` in CPU seconds,
    None for ``STEPS`` updates."""

    model: Mapping[str, Any]
    recipe: str = "codec-mel"
    heard: tuple[int, ...] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)
    budget: float | None = None

    def settings(self, seed: int) -> Recipe:
        """The whole recipe of one seed."""
        recipe = codec_recipe(self.recipe)
        model = {**recipe.options.model, **self.model}
        length: dict[str, Any] = {"steps": STEPS, "batch": BATCH, "seconds": SECONDS, "rate": RATE}
        if self.budget is not None:
            length = {"steps": 10**6, "minutes": self.budget / 60, "batch": WAVE_BATCH}
        return recipe.changed(seed=seed, warmup=50, model=model, **length, **self.changes)


def mel(quantizer: str, latent: int = 64, heard: tuple[int, ...] = (), **options: Any) -> Run:
    """A mel codec with a quantizer and its options."""
    net = {"width": 96, "hidden": 288, "encoder_layers": 2, "decoder_layers": 3, "latent": latent}
    return Run({**net, "quantizer": quantizer, "quantizer_options": options}, heard=heard)


def ema(books: int, size: int, *, latent: int = 64, heard: Sequence[int] = (), **more: Any) -> Run:
    """A mel codec with residual books of moving averages."""
    options = {"books": books, "size": size, "decay": 0.95, "commitment": 0.1, **more}
    return mel("residual", latent, tuple(heard), **options)


def grouped(layers: int, size: int) -> Run:
    """A mel codec with two groups of residual books of moving averages."""
    how = {"inner": "ema", "decay": 0.95, "commitment": 0.1}
    return mel("grouped-residual", groups=2, layers=layers, size=size, **how)


def factorised(width: int, **start: Any) -> Run:
    """A mel codec with two of DAC's books, by default with DAC's start: random codes that stay."""
    return mel("residual-factorised", books=2, size=512, width=width, dropout=0.0, **start)


def wave(recipe: str, budget: float = BUDGET, **changes: Any) -> Run:
    """A codec that learns the wave, with 8 books of 128, for ``budget`` CPU seconds."""
    books = {"books": 8, "size": 128, "decay": 0.95, "commitment": 0.1}
    model: dict[str, Any] = {"quantizer_options": books}
    if recipe == "codec-frame":
        model |= {"width": 128, "hidden": 384, "encoder_layers": 2, "decoder_layers": 3}
    else:
        model |= {"filters": 8}
    return Run(model, recipe, changes=changes, budget=budget)


TWO = ema(2, 512)
STARTED = {"kmeans": 10, "revive": 0.1, "decay": 0.95}
"""As the books of moving averages are; by a decay of 0.99 no code would die in so few updates."""
SEANET_LOSSES = {"relative_wave": 30.0, "mel": 1.0}
GROUPS: dict[str, dict[str, Run]] = {
    "depth": {
        "2 x 512": TWO,
        "3 x 64": ema(3, 64),
        "6 x 8": ema(6, 8),
        "9 x 4": ema(9, 4),
    },
    "learning": {
        "moving averages": TWO,
        "moving averages, random start, no revival": ema(2, 512, kmeans=0, revive=0.0),
        "codebook loss": mel("residual", books=2, size=512, inner="vq", **STARTED),
        "codebook loss, small start, no revival": mel(
            "residual", books=2, size=512, inner="vq", kmeans=None, revive=0.0
        ),
        "projection to 8, DAC's start, no revival": factorised(8),
        "projection to 8": factorised(8, **STARTED),
        "fixed levels (FSQ, 9 of 4)": mel("fsq", levels=[4] * 9),
        "fixed levels, 3 times 3 of 4": mel("residual-fsq", levels=[4] * 3, books=3),
    },
    "latent": {
        "8": ema(2, 512, latent=8),
        "64": TWO,
        "256": ema(2, 512, latent=256),
        "64, projection to 2": factorised(2, **STARTED),
        "64, projection to 8": factorised(8, **STARTED),
        "64, projection to 32": factorised(32, **STARTED),
    },
    "dropout": {
        "none": ema(8, 32, heard=(1, 4, 8)),
        "half of the batches": ema(8, 32, heard=(1, 4, 8), dropout=0.5),
    },
    "books": {
        "4 x 64 in 2 groups": grouped(2, 64),
        "8 x 8 in 2 groups": grouped(4, 8),
        "12 x 4 in 2 groups": grouped(6, 4),
        "4 x 64 in a row": ema(4, 64),
    },
    "speed": {
        "frame": wave("codec-frame", weights=SEANET_LOSSES),
        "SEANet": wave("codec-soundstream", plain_steps=60),
    },
    "distance": {
        "frame": wave("codec-frame", weights=SEANET_LOSSES),
        "SEANet": wave("codec-soundstream", LONG, plain_steps=60),
    },
}
"""The questions, and their answers by name."""

# ------------------------------------------------------------------ one run

Line = dict[str, Any]
"""What is kept of a run."""


@torch.inference_mode()
def measured(model: Codec, batches: Sequence[torch.Tensor], books: int) -> dict[str, Any]:
    """Figures of the first ``books`` books over batches (B, 1, N), means over clips: ``mel`` and
    ``stft`` distance and SI-SDR in dB of sound, and ``bands``, the mel codec's loss, which is not
    Griffin-Lim's; ``perplexity`` and the share of codes ``used``, means over books; bits a second
    as sent, and as the codes were used."""
    mel, stft = MultiScaleMel(model.sample_rate, MELS["short"]), MultiScaleStft()
    sums: dict[str, float] = {}
    counts = BookCounts.of(model.sizes[:books])
    model.eval()
    for audio in batches:
        coded = model(audio, books=books)
        assert coded.audio is not None and coded.quantised is not None  # in evaluation both are
        figures = {name: float(value) for name, value in coded.terms.items()}
        for sound, target in zip(coded.audio.split(1), audio.split(1), strict=True):
            pair = {"mel": float(mel(sound, target)), "stft": float(stft(sound, target))}
            pair["si_sdr"] = float(si_sdr(sound, target))
            for name, value in {**figures, **pair}.items():
                sums[name] = sums.get(name, 0.0) + value
        for codes in coded.quantised.indices:
            counts.add(codes.numpy())
    model.train()
    clips, rows = sum(len(audio) for audio in batches), counts.rows()
    return {
        **{name: round(value / clips, 4) for name, value in sums.items()},
        "perplexity": round(statistics.mean(row["perplexity"] for row in rows), 2),
        "used": round(statistics.mean(row["used"] / row["size"] for row in rows), 4),
        "bits": round(model.bits(books), 1),
        "entropy_bits": round(model.frame_rate * sum(row["bits"] for row in rows), 1),
    }


def train(
    recipe: Recipe, cuts: Cuts, look: Callable[[Codec, int, float], None]
) -> tuple[Codec, int, float]:
    """The trained codec, its updates and its CPU seconds. ``look`` is called with these after each
    of ``LOOKS``; what it takes is not counted."""
    settings, training = recipe.settings, CodecTraining()
    torch.manual_seed(settings.seed)
    model, _ = training.build(recipe)
    optimisers = training.optimisers(model, recipe) or []
    step, seconds, looks = 0, 0.0, 0
    while spent(step, settings, seconds) < 1:
        clock = time.process_time()
        audio = torch.as_tensor(cuts.draw(settings.seed, step, settings.batch)["audio"])
        scale = rate_at(step, settings, seconds)
        with mixed("cpu", settings.precision):
            loss, _ = model.loss(audio, step)
        loss.backward()
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = settings.rate * scale
                torch.nn.utils.clip_grad_norm_(group["params"], settings.clip)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        step, seconds = step + 1, seconds + time.process_time() - clock
        if looks < len(LOOKS) and seconds >= LOOKS[looks]:
            looks += 1
            look(model.codec, step, seconds)
    return model.codec, step, seconds


class Kept:
    """A split whose clips stay in memory once they have been read."""

    def __init__(self, data: AudioData):
        self.rate, self.order, self.count = data.rate, data.order, len(data)
        self.clip = functools.cache(data.clip)

    def __len__(self) -> int:
        return self.count


def line(run: Run, seed: int, data: Kept, held: Sequence[torch.Tensor]) -> Line:
    """Trains and measures."""
    recipe = run.settings(seed)
    cuts = Cuts(data, 1, round(recipe.options.seconds * data.rate))
    curve: list[Line] = []

    def look(model: Codec, step: int, seconds: float) -> None:
        if run.budget is not None:
            figures = measured(model, held, model.books)
            curve.append({"cpu_seconds": round(seconds, 2), "steps": step, **figures})

    model, steps, seconds = train(recipe, cuts, look)
    books = {str(n): measured(model, held, n) for n in run.heard or (model.books,)}
    if run.budget is not None:
        whole = books[str(model.books)]
        curve.append({"cpu_seconds": round(seconds, 2), "steps": steps, **whole})
    return {
        "steps": steps,
        "cpu_seconds": round(seconds, 2),
        "sound_seconds": steps * recipe.settings.batch * recipe.options.seconds,
        "weights": sum(p.numel() for p in model.parameters()),
        "sizes": list(model.sizes),
        "books": books,
        "curve": curve,
    }


# ------------------------------------------------------------------ lines and tables


def key(run: Run) -> str:
    """By what lines are known to be of a run: a hash of all of its settings but the seed."""
    recipe = run.settings(0).to_dict()
    text = json.dumps([recipe, run.heard, HELD_CLIPS, HELD_SECONDS], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def read(path: Path) -> dict[str, dict[int, Line]]:
    """Lines by key and seed. A last line that was cut off by a stop is left out."""
    lines: dict[str, dict[int, Line]] = {}
    for text in path.read_text().splitlines() if path.exists() else ():
        try:
            row = json.loads(text)
        except json.JSONDecodeError:
            continue
        lines.setdefault(row["key"], {})[row["seed"]] = row
    return lines


def spread(values: Sequence[float], digits: int) -> str:
    """The mean of values and their standard deviation, which one alone has not."""
    mean = f"{statistics.mean(values):,.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))


Rows = Mapping[str, Sequence[Line]]
"""Lines of all seeds by the name of the answer."""


def quantizer_table(rows: Rows) -> str:
    """What sound loses by each quantizer, and how its codes are used."""
    header = ["", "bands", "mel", "STFT", "perplexity", "codes used", "bits/s by use, of", "CPU s"]
    cells = []
    for name, lines in rows.items():
        whole = [next(iter(row["books"].values())) for row in lines]
        digits = {"bands": 4, "mel": 3, "stft": 3, "perplexity": 1}
        figures = [spread([row[k] for row in whole], n) for k, n in digits.items()]
        used = spread([100 * row["used"] for row in whole], 0)
        bits = f"{spread([row['entropy_bits'] for row in whole], 0)}, {whole[0]['bits']:,.0f}"
        cost = spread([row["cpu_seconds"] for row in lines], 0)
        cells.append([name, *figures, f"{used} %", bits, cost])
    return table(header, cells)


def dropout_table(rows: Rows) -> str:
    """What sound loses when the first books alone are decoded."""
    first = next(iter(rows.values()))[0]
    heard = [(what, n) for what in ("bands", "mel") for n in first["books"]]
    cells = [
        [name, *(spread([line["books"][n][what] for line in lines], 3) for what, n in heard)]
        for name, lines in rows.items()
    ]
    total = len(first["sizes"])
    return table(["books dropped in", *(f"{what}, {n} of {total}" for what, n in heard)], cells)


def reached(curve: Sequence[Line], goal: Line, name: str) -> float | None:
    """CPU seconds after which a figure ("mel", "si_sdr") was as good as ``goal``'s, on straight
    lines between looks; None where it never was. Of what lies before the first look nothing is
    known: its."""
    sign = -1 if name == "si_sdr" else 1
    points = [(row["cpu_seconds"], sign * (row[name] - goal[name])) for row in curve]
    if points[0][1] <= 0:
        return points[0][0]
    for (start, above), (end, below) in itertools.pairwise(points):
        if below <= 0 < above:
            return start + above / (above - below) * (end - start)
    return None


def speed_table(rows: Rows) -> str:
    """What codecs hear and reach in the same CPU time, and when each was as near as SEANet is at
    its end with the same seed."""
    goals = {row["seed"]: row["curve"][-1] for row in rows.get("SEANet", ())}
    cells = []
    for name, lines in rows.items():
        ends = [row["curve"][-1] for row in lines]
        pairs = [(row["curve"], goals[row["seed"]]) for row in lines if row["seed"] in goals]
        cell = [
            name,
            f"{lines[0]['weights'] / 1e6:.2f} M",
            spread([row["steps"] for row in lines], 0),
            spread([row["sound_seconds"] / row["cpu_seconds"] for row in lines], 1),
            spread([end["si_sdr"] for end in ends], 1),
            spread([end["mel"] for end in ends], 3),
            spread([end["stft"] for end in ends], 3),
        ]
        for figure in ("si_sdr", "mel"):
            times = [reached(curve, goal, figure) for curve, goal in pairs]
            there = [seconds for seconds in times if seconds is not None]
            cell.append(spread(there, 0) if there and len(there) == len(lines) else "-")
        cells.append(cell)
    header = ["", "weights", "updates", "s of sound a CPU s", "SI-SDR, dB", "mel", "STFT"]
    return table([*header, "CPU s to SEANet's SI-SDR", "to its mel"], cells)


MAKERS: dict[str, Callable[[Rows], str]] = {
    "dropout": dropout_table,
    "speed": speed_table,
    "distance": speed_table,
}


def tables(lines: Mapping[str, Mapping[int, Line]], groups: Sequence[str]) -> str:
    """The tables of all groups that have lines."""
    parts = []
    for group in groups:
        rows = {
            name: [by_seed[seed] for seed in sorted(by_seed)]
            for name, run in GROUPS[group].items()
            if (by_seed := lines.get(key(run)))
        }
        if rows:
            seeds = sorted({len(lines) for lines in rows.values()})
            title = f"{group}, seeds: {' to '.join(map(str, dict.fromkeys((seeds[0], seeds[-1]))))}"
            parts.append(f"{title}\n\n{MAKERS.get(group, quantizer_table)(rows)}")
    return "\n\n".join(parts)


def todo(groups: Sequence[str], seeds: int) -> Iterator[tuple[str, int, Run]]:
    """Runs by name and seed: all of one seed before those of the next."""
    for seed in range(seeds):
        for group in groups:
            for name, run in GROUPS[group].items():
                yield f"{group}: {name}", seed, run


def main() -> None:
    """Trains what is missing, where data is given; prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="a file of lines of JSON")
    parser.add_argument("--data", help="clips, as of `cantilena data audio`")
    parser.add_argument("--groups", default=",".join(GROUPS))
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    groups = args.groups.split(",")
    if args.data:
        torch.set_num_threads(1)
        data, valid = (Kept(AudioData(args.data, split)) for split in ("train", "valid"))
        cut = Cuts(valid, 1, round(HELD_SECONDS * valid.rate))
        held = [torch.as_tensor(b["audio"]) for b in cut.fixed(BATCH, HELD_CLIPS)]
        for name, seed, run in todo(groups, args.seeds):
            if seed in read(args.results).get(key(run), {}):
                continue
            row = {"key": key(run), "name": name, "seed": seed, **line(run, seed, data, held)}
            with args.results.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(f"{name}, seed {seed}: {row['books']}", flush=True)
    print(tables(read(args.results), groups))


if __name__ == "__main__":
    main()
