"""Codebook patterns and conditions of models of codes, each trained for the same CPU seconds.

    python benchmarks/code_patterns.py --clips clips --codec codec --out patterns.jsonl
    python benchmarks/code_patterns.py --clips clips --codec codec --out text.jsonl \
        --patterns delay --recipes codes-text codes-text-beat

``--clips``: a folder of ``cantilena data audio``; ``--codec``: a codec's checkpoint. Every pattern
of every recipe and seed is a run: trained, measured on held-out clips, and asked to write some
pieces, whose sound is held against that of other held-out clips. A finished run is a line of JSON
in ``--out`` and is not done again, so that the same command goes on where it was killed; the table
is printed from the lines (``--table``: from those alone).

All losses are nats a code over the same codes: all books of each crop but for its last K - 1
frames, of which a delay's training columns do not hold all. As every pattern is one order in which
the same codes are written, they can be compared; a pattern that puts several codes into one column
takes these to be independent of one another. "shuffled": under the words of another song, or,
where the recipe reads none, under all its symbols; "none": without them. CPU seconds are those of
one thread, drawing of batches included.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from code_table import append, lines_of, table

from cantilena.audio.wav import resample
from cantilena.data.audio.reader import AudioData
from cantilena.errors import InputError
from cantilena.evaluate.distances.frechet import frechet_distance
from cantilena.evaluate.sound.embedders import Embedder, load_embedder
from cantilena.models.audio.code_lm import CodeLM, Signals
from cantilena.models.audio.codec.base import Codec
from cantilena.models.audio.codec.files import load_codec
from cantilena.models.audio.musicgen import TEXT
from cantilena.models.precision import mixed, precision_of
from cantilena.systems.codes.conditions import Conditioner, Wish
from cantilena.systems.codes.examples import CodeBatches, CodeExample, ExampleList
from cantilena.systems.codes.ngrams import ngram_nats
from cantilena.systems.codes.rewording import Rewording
from cantilena.systems.codes.stepper import Row, batched
from cantilena.systems.codes.training import CodeTraining, code_recipe
from cantilena.systems.codes.writing import (
    SAMPLING,
    SECONDS,
    STRIDE,
    CodeOrder,
    CodeWriter,
    write_codes,
)
from cantilena.systems.trainable import Recipe
from cantilena.tokens.codes.patterns import Pattern
from cantilena.tokens.codes.symbols import SYMBOLS
from cantilena.train.audio.codes import CodeClips
from cantilena.train.audio.loop import rate_at

PATTERNS = ("parallel", "delay", "partial-delay", "flatten", "valle")
EMBEDDERS = ("logmel", "chroma", "musicnn")
SMALL = {"width": 128, "layers": 3, "hidden": 384, "seconds": 2.5, "drop": 0.1}
"""The model and the crops of the packaged weights."""
SETTINGS = {"batch": 6, "rate": 3e-3, "warmup": 20.0}
STRIDES = 3
"""Windows of a written piece behind its first: with crops of 2.5 s it lasts 7 s."""
CROPS = 3
"""Held-out crops of a clip."""
TRIES = 10_000
"""Exchanges of two clips until none stands beside one of its own song."""
EVALUATED = 16
"""Crops that are measured at a time."""
TRAINING = CodeTraining()


@dataclass(frozen=True)
class Song:
    """A held-out clip: its ``example``, its sound at the codec's rate, and the file it is of."""

    example: CodeExample
    sound: np.ndarray
    file: str


@dataclass(frozen=True)
class Bench:
    """What all runs share. ``shuffled``: for each of the held-out ``songs`` one of another file;
    ``imitated``: those under whose conditions pieces are written; ``reference``: by embedder, the
    vectors of all others, which are of other files but for the rest of the last one."""

    args: argparse.Namespace
    codec: Codec
    train: ExampleList
    songs: Sequence[Song]
    shuffled: np.ndarray
    imitated: Sequence[int]
    embedders: Mapping[str, Embedder]
    reference: Mapping[str, np.ndarray]

    @classmethod
    def load(cls, args: argparse.Namespace) -> Bench:
        codec = load_codec(args.codec, "cpu")
        places = {split: AudioData(args.clips, split, stems=False) for split in ("train", "valid")}
        clips = {
            split: CodeClips(data, codec, args.clips / "codes") for split, data in places.items()
        }
        songs = []
        for i in range(len(places["valid"])):
            clip = places["valid"].clip(i)
            songs.append(Song(clips["valid"][i], clip.samples, clip.meta["file"]))
        train = ExampleList(clips["train"][i] for i in range(len(places["train"])))
        files = [song.file for song in songs]
        imitated = of_some_files(files, args.pieces)
        rest = [songs[i].sound for i in range(len(songs)) if i not in imitated]
        used = args.embedders if args.pieces else ()
        embedders = {name: load_embedder(name) for name in used}
        reference = {
            name: embedded(embedder, rest, codec.sample_rate)
            for name, embedder in embedders.items()
        }
        return cls(args, codec, train, songs, of_other_files(files), imitated, embedders, reference)

    def wish(self, i: int, names: AbstractSet[str]) -> Wish:
        """What is known of a song, as far as a model reads it."""
        example = self.songs[i].example
        return Wish(
            example.texts[0] if TEXT in names and example.texts else "",
            score=example.symbols if names & set(SYMBOLS) else None,
        )

    def sounds(self, codes: Sequence[np.ndarray]) -> list[np.ndarray]:
        """(n,) of each (K, T)."""
        with torch.inference_mode():
            return [self.codec.decode(torch.from_numpy(c)[None])[0, 0].numpy() for c in codes]

    def distances(self, sounds: Sequence[np.ndarray]) -> dict[str, float]:
        """By embedder, to the reference."""
        rate = self.codec.sample_rate
        return {
            name: round(frechet_distance(embedded(embedder, sounds, rate), self.reference[name]), 5)
            for name, embedder in self.embedders.items()
        }


def embedded(embedder: Embedder, sounds: Sequence[np.ndarray], rate: int) -> np.ndarray:
    """The vectors of all sounds, (N, D)."""
    return np.concatenate([embedder.embed(resample(s, rate, embedder.rate)) for s in sounds])


def piece_frames(options: Any) -> int:
    """Frames of a written piece: the first window and ``STRIDES`` more, all as long as a crop."""
    length = round(options.seconds * options.frame_rate)
    return length + STRIDES * round(options.seconds * options.frame_rate * STRIDE / SECONDS)


def of_some_files(files: Sequence[str], count: int, seed: int = 0) -> list[int]:
    """The clips of files at random, whole files, until there are ``count``; of the last file only
    so many. At least one file must be left."""
    names = sorted(set(files))
    order = np.random.default_rng(seed).permutation(len(names))
    clips = [i for k in order[:-1] for i, file in enumerate(files) if file == names[k]]
    if len(clips) < count:
        raise SystemExit(f"there are {len(clips)} held-out clips to imitate, not {count}")
    return clips[:count]


def of_other_files(files: Sequence[str], seed: int = 0) -> np.ndarray:
    """For each clip another one, each taken once, never of the same file."""
    rng, order = np.random.default_rng(seed), np.arange(len(files))
    names = np.array(files)
    for _ in range(TRIES):
        same = np.flatnonzero(names[order] == names)
        if not len(same):
            return order
        other = int(rng.integers(len(order)))
        order[[same[0], other]] = order[[other, same[0]]]
    raise SystemExit("too few held-out songs: each clip needs one of another song beside it")


# ------------------------------------------------------------------ training


def recipe_of(bench: Bench, name: str, pattern: str, seed: int) -> Recipe:
    codec, args = bench.codec, bench.args
    extra = dict(option.split("=", 1) for option in args.option)
    codes = {
        "books": codec.books,
        "card": codec.sizes[0],
        "frame_rate": float(codec.frame_rate),
        "codec": codec.fingerprint(),
    }
    return code_recipe(name).changed(
        **codes,
        **SMALL,
        **SETTINGS,
        minutes=args.cpu_seconds / 60,
        pattern=pattern,
        seed=seed,
        **{key: json.loads(value) for key, value in extra.items()},
    )


def trained(recipe: Recipe, batches: CodeBatches) -> tuple[CodeLM, dict[str, Any]]:
    """The model after the recipe's minutes of CPU time, and what it saw: ``steps``, ``columns``,
    and ``seconds`` of sound."""
    settings = recipe.settings
    torch.manual_seed(settings.seed)
    model = TRAINING.build(recipe)[0].train()
    (optimiser,) = TRAINING.optimisers(model, recipe)
    precision = precision_of(settings.precision, "cpu")
    begun, step, budget = time.process_time(), 0, 60 * (settings.minutes or 0)
    while (spent := time.process_time() - begun) < budget:
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * rate_at(
                step, replace(settings, steps=None, notes=1), spent
            )
        with mixed("cpu", precision):
            loss, _ = TRAINING.loss(model, batches.draw(step, settings.batch))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        step += 1
    crops = step * settings.batch
    layout = recipe.options.layout
    seen = {
        "steps": step,
        "columns": crops * (layout.valid.steps - 1),
        "heard_seconds": round(crops * recipe.options.seconds),
        "cpu_seconds": round(spent, 1),
    }
    return model.eval(), seen


# ------------------------------------------------------------------ losses


def code_nats(model: CodeLM, layout: Pattern, codes: np.ndarray, signals: Signals) -> np.ndarray:
    """(B, K, T - K + 1) nats of codes (B, K, T), each beside its code whatever the pattern."""
    tensor = torch.from_numpy(codes.astype(np.int64))
    columns, _ = layout.valid.build(tensor)
    with torch.inference_mode():
        logits, there = layout.valid.revert_logits(model(columns, signals).float())
    kept = layout.frames - layout.books + 1
    if not bool(there[:, :kept].all()):
        raise InputError("the pattern has not all codes that are compared")
    rows = logits[:, :, :kept].flatten(0, 2)
    nats = F.cross_entropy(rows, tensor[:, :, :kept].flatten(), reduction="none")
    return nats.view(len(codes), layout.books, kept).numpy()


def signals_of(rows: Sequence[Mapping[str, Row]], layout: Pattern) -> Signals:
    """The rows of some crops as the conditions of one batch, for the columns that are trained."""
    steps = layout.valid.steps
    return {
        name: batched(
            [
                Row(row[name].states[:steps], row[name].mask[:steps])
                if name in SYMBOLS
                else row[name]
                for row in rows
            ]
        )
        for name in rows[0]
    }


def crops_of(songs: Sequence[Song], frames: int) -> list[tuple[int, int]]:
    """(song, first frame) of ``CROPS`` crops of each, spread over it."""
    return [
        (i, int(start))
        for i, song in enumerate(songs)
        for start in np.linspace(0, song.example.codes.shape[1] - frames, CROPS)
        if song.example.codes.shape[1] >= frames
    ]


def held_out_nats(bench: Bench, model: CodeLM, asking: Conditioner, layout: Pattern) -> dict:
    """Mean nats a code by what the model is told, and by book what it costs under the truth."""
    names = set(model.config.conditions)
    swapped = {TEXT} & names or names
    nats: dict[str, list[np.ndarray]] = {"true": [], "shuffled": [], "none": []}
    crops = crops_of(bench.songs, layout.frames)
    for at in range(0, len(crops), EVALUATED):
        part = crops[at : at + EVALUATED]
        codes = np.stack([bench.songs[i].example.codes[:, s : s + layout.frames] for i, s in part])
        own = [asking.conditions(bench.wish(i, names), layout, s) for i, s in part]
        others = [
            asking.conditions(bench.wish(bench.shuffled[i], names), layout, s) for i, s in part
        ]
        pairs = list(zip(own, others, strict=True))
        rows_by_wish = {
            "true": [c.rows for c in own],
            "shuffled": [{**c.rows, **{n: o.rows[n] for n in swapped}} for c, o in pairs],
            "none": [{**c.rows, **{n: c.null[n] for n in swapped}} for c in own],
        }
        for name, rows in rows_by_wish.items():
            nats[name].append(code_nats(model, layout, codes, signals_of(rows, layout)))
    means = {name: float(np.concatenate(parts).mean()) for name, parts in nats.items()}
    books = np.concatenate(nats["true"]).mean((0, 2))
    return {"nats": rounded(means), "books": [round(float(x), 4) for x in books]}


def counts(bench: Bench, layout: Pattern) -> dict[str, float]:
    """Nats a code of the same held-out codes by unigrams and bigrams of the training clips."""
    kept = layout.frames - layout.books + 1
    crops = [
        bench.songs[i].example.codes[:, s : s + kept]
        for i, s in crops_of(bench.songs, layout.frames)
    ]
    nats = ngram_nats((e.codes for e in bench.train), crops, layout.special)
    return rounded({name: float(np.mean(books)) for name, books in nats.items()})


def rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in figures.items()}


# ------------------------------------------------------------------ sound


def written(bench: Bench, recipe: Recipe, model: CodeLM, asking: Conditioner) -> dict[str, Any]:
    """Writes a piece for each of the songs that are imitated: CPU seconds a second of music, and
    the distances of their sound."""
    options, args = recipe.options, bench.args
    stride = options.seconds * STRIDE / SECONDS
    writer = CodeWriter(
        model, options.frame_rate, asking, options.pattern, {}, options.seconds, stride
    )
    sampling = replace(SAMPLING, guidance=args.guidance)
    names = set(model.config.conditions)
    orders = [
        CodeOrder(piece_frames(options), bench.wish(i, names), i, sampling=sampling)
        for i in bench.imitated
    ]
    begun = time.process_time()
    codes = write_codes(writer, orders)
    cost = (time.process_time() - begun) / (len(orders) * orders[0].frames / options.frame_rate)
    return {"write_cpu_a_second": round(cost, 4), "frechet": bench.distances(bench.sounds(codes))}


def floors(bench: Bench, options: Any) -> list[dict[str, Any]]:
    """The distances of the imitated songs themselves, and of what their codes sound like."""
    frames = piece_frames(options)
    own = [bench.songs[i] for i in bench.imitated]
    coded = bench.sounds([song.example.codes[:, :frames].astype(np.int64) for song in own])
    real = [song.sound[: len(sound)] for song, sound in zip(own, coded, strict=True)]
    return [
        {"floor": "the clips themselves", "frechet": bench.distances(real)},
        {"floor": "their codes, decoded", "frechet": bench.distances(coded)},
    ]


# ------------------------------------------------------------------ runs and lines


def key_of(recipe: Recipe, name: str) -> dict[str, Any]:
    """What tells a run from others."""
    options = {k: v for k, v in recipe.options.to_dict().items() if k not in ("pattern", "codec")}
    return {
        "recipe": name,
        "pattern": recipe.options.pattern,
        "seed": recipe.settings.seed,
        "minutes": recipe.settings.minutes,
        "options": options,
    }


def usual_options(recipe: str) -> dict[str, Any]:
    """The options of a recipe's runs where no ``--option`` changes them."""
    return code_recipe(recipe).changed(**SMALL).options.to_dict()


def run(bench: Bench, recipe: Recipe, name: str) -> dict[str, Any]:
    """One run's line."""
    encoder, options = TRAINING.encoder(recipe), recipe.options
    asking = Conditioner(TRAINING.config(recipe, encoder), options.frame_rate, encoder)
    rewording = Rewording(options.merge, options.word_dropout)
    seed, layout = recipe.settings.seed, options.layout
    batches = CodeBatches(bench.train, asking, layout, seed, options.drop, rewording=rewording)
    model, seen = trained(recipe, batches)
    return {
        **key_of(recipe, name),
        "parameters": sum(p.numel() for p in model.parameters()),
        "columns_a_second": round((layout.steps - 1) / options.seconds, 1),
        **seen,
        **held_out_nats(bench, model, asking, layout),
        **counts(bench, layout),
        **(written(bench, recipe, model, asking) if bench.args.pieces else {}),
    }


def run_all(args: argparse.Namespace) -> None:
    """Does the runs that have no line yet, all patterns and recipes of a seed before the next."""
    bench = Bench.load(args)
    for seed in args.seeds:
        for name in args.recipes:
            for pattern in args.patterns:
                recipe = recipe_of(bench, name, pattern, seed)
                lines, key = lines_of(args.out), key_of(recipe, name)
                if args.pieces and not any("floor" in line for line in lines):
                    for line in floors(bench, recipe.options):
                        append(args.out, line)
                if any(key.items() <= line.items() for line in lines):
                    continue
                print(f"{name}, {pattern}, seed {seed}", flush=True)
                append(args.out, run(bench, recipe, name))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clips", type=Path, metavar="DIR")
    parser.add_argument("--codec", type=Path, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--table", action="store_true", help="print the table of --out alone")
    parser.add_argument("--patterns", nargs="+", default=PATTERNS)
    parser.add_argument("--recipes", nargs="+", default=["codes-score"])
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--cpu-seconds", type=float, default=60.0)
    parser.add_argument("--pieces", type=int, default=32, help="that each run writes (0: none)")
    parser.add_argument("--guidance", type=float, default=2.0)
    parser.add_argument("--embedders", nargs="+", default=EMBEDDERS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if not args.table:
        run_all(args)
    print(table(lines_of(args.out), usual_options))


if __name__ == "__main__":
    main()
