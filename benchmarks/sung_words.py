"""How well words are heard: in a codec's top codes, and in what a model sings, a KaraSinger or a
Jukebox with lyrics.

    python benchmarks/sung_words.py codes --data sung --codec codec --codec plain
    python benchmarks/sung_words.py sung --data sung --checkpoint run
    python benchmarks/sung_words.py ear --data sung --checkpoint run

``codes``: of each codec, on the held-out clips ("test"), the mean difference of log10 mel bands,
the perplexity of each level's codes, and the phoneme error rate off the frozen top codes: by the
map that the codec learned with, and by two recognisers that are trained here by CTC on the codes of
the training clips, a linear map of each code's vector and a recurrent one, which hears the codes
around.

``sung``: a recogniser of sound (mel bands, two convolutions, a recurrent layer, CTC) is trained on
the training clips and on what the codec leaves of every other one. Its phoneme error rate on the
test clips, on what the codec leaves of them, and on as many lines as the model sings of their
words: against these words and against those of the next clip. Before that, the nats of a code of
all test clips under their own lyrics, under the next clip's and under none.

``ear``: the same by a better recogniser that is not apart from the model: the codec hears the sound
of what was written, and its own map reads the top codes. A KaraSinger ends when it will, a Jukebox
is told each line's length.

``--of 1 4`` of both: lines as they are sung, and of four takes the one whose words the codec hears
best in its codes; ``--joined 2``: of two clips one behind the other as one line.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from cantilena.data.audio import AudioData
from cantilena.models.audio.codec.files import load_codec
from cantilena.models.audio.codec.mel_levels import MelLevelsCodec
from cantilena.models.audio.ctc import ctc, edits, likeliest
from cantilena.models.checkpoint import open_checkpoint
from cantilena.systems.codes.judging import seed_of
from cantilena.systems.karasinger.checkpoint import load_karasinger
from cantilena.systems.karasinger.examples import KaraBatches, SungCodes
from cantilena.systems.karasinger.hearing import errors, heard_phonemes
from cantilena.systems.karasinger.training import LEVELS, KaraTraining
from cantilena.systems.karasinger.writing import KaraOrder, KaraWriting
from cantilena.systems.musiclm.system import MusicLmSystem
from cantilena.systems.request import Request
from cantilena.text.wishes import Brief
from cantilena.train.audio.sung import numbers, phonemes_in

BATCH, RATE, MAP_RATE = 16, 2e-3, 2e-2
BLANK = -2.0
"""What silence is filled up with, of bands as codecs take them."""


class CodeMap(nn.Module):
    """A linear map of each code's vector, of those (size, D)."""

    def __init__(self, vectors: Tensor, classes: int):
        super().__init__()
        self.vectors = vectors
        self.map = nn.Linear(vectors.shape[1], classes)

    def forward(self, codes: Tensor) -> Tensor:
        return self.map(self.vectors[codes])


class CodeReader(nn.Module):
    """A recurrent layer over codes, both ways."""

    def __init__(self, vectors: Tensor, classes: int, width: int = 64):
        super().__init__()
        self.table = nn.Embedding(len(vectors), width)
        self.net = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * width, classes)

    def forward(self, codes: Tensor) -> Tensor:
        return self.out(self.net(self.table(codes))[0])


class SoundReader(nn.Module):
    """Mel bands (B, T, bands) to logits of a quarter as many frames."""

    def __init__(self, bands: int, classes: int, width: int = 96):
        super().__init__()
        self.first = nn.Conv1d(bands, width, 5, 2, 2)
        self.second = nn.Conv1d(width, width, 5, 2, 2)
        self.net = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * width, classes)

    def forward(self, bands: Tensor) -> Tensor:
        x = self.second(self.first(bands.transpose(1, 2)).relu()).relu().transpose(1, 2)
        return self.out(self.net(x)[0])


Row = tuple[Tensor, list[int]]
"""What is heard, time first, and its phonemes as numbers."""


def batch_of(rows: Sequence[Row], step: int, filler: float) -> tuple[Tensor, ...]:
    """Inputs, filled up behind; frames of logits; labels; and how many these are."""
    heard = [row for row, _ in rows]
    inputs = nn.utils.rnn.pad_sequence(heard, True, filler)
    labels = nn.utils.rnn.pad_sequence([torch.tensor(names) for _, names in rows], True)
    frames = torch.tensor([-(-len(row) // step) for row in heard])
    return inputs, frames, labels, torch.tensor([len(names) for _, names in rows])


def train(
    model: nn.Module,
    rows: Sequence[Row],
    steps: int,
    step: int,
    filler: float,
    seed: int,
    rate: float = RATE,
) -> nn.Module:
    """Trains a recogniser by CTC, its rate falling to nothing."""
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.Adam(model.parameters(), rate)
    for number in range(steps):
        which = rng.choice(len(rows), BATCH)
        inputs, frames, labels, counts = batch_of([rows[i] for i in which], step, filler)
        loss = ctc(model(inputs), frames, labels, counts)
        for group in optimiser.param_groups:
            group["lr"] = rate * (1 - number / steps)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    return model.eval()


@torch.no_grad()
def error_rates(
    model: nn.Module, rows: Sequence[Row], step: int, filler: float, shift: int = 0
) -> np.ndarray:
    """(N, 2) edits and phonemes of each row; against the phonemes of the row ``shift`` behind."""
    out = []
    for i in range(0, len(rows), BATCH):
        part = rows[i : i + BATCH]
        inputs, frames, _, _ = batch_of(part, step, filler)
        for k, heard in enumerate(likeliest(model(inputs), frames)):
            true = rows[(i + k + shift) % len(rows)][1]
            out.append((edits(heard, true), len(true)))
    return np.array(out, dtype=float)


def told(pairs: np.ndarray, seed: int = 0) -> str:
    """The rate in per cent, with the standard deviation of it over resamplings of the rows."""
    rng = np.random.default_rng(seed)
    rates = []
    for _ in range(500):
        edits_of, counts = pairs[rng.integers(len(pairs), size=len(pairs))].sum(0)
        rates.append(edits_of / counts)
    total, count = pairs.sum(0)
    return f"{100 * total / count:.1f} ± {100 * float(np.std(rates)):.1f} %"


class Singer(NamedTuple):
    """A model that sings: its codec, the names of the phonemes that this knows, and (K, T) codes
    of a clip's words, or of none, by a seed; ``loaded``: a KaraSinger."""

    codec: MelLevelsCodec
    names: Sequence[str]
    sing: Callable[[Any, Sequence[int], int, bool], np.ndarray]
    loaded: Any = None


def singer_of(place: str, guidance: float | None) -> Singer:
    """The model of a checkpoint, a KaraSinger's or a Jukebox's with lyrics."""
    if open_checkpoint(place).card["system"] == "karasinger":
        loaded = load_karasinger(place, "cpu")
        codec: Any = loaded.codec

        def kara(clip: Any, phonemes: Sequence[int], seed: int, words: bool) -> np.ndarray:
            frames = None if words else max(1, round(len(clip.samples) / codec.hop))
            order = KaraOrder(tuple(phonemes) if words else (), frames, seed)
            return KaraWriting(loaded.model, order).run()

        return Singer(codec, loaded.options.names, kara, loaded)
    system = MusicLmSystem.load(place, "cpu")
    sampling = system.sampling
    if guidance is not None:
        sampling = replace(sampling, guidance=guidance)

    def jukebox(clip: Any, phonemes: Sequence[int], seed: int, words: bool) -> np.ndarray:
        options = {"lyrics": clip.captions[0]} if words else {}
        brief = Brief(seconds=len(clip.samples) / clip.rate)
        piece = system._piece(Request(brief, seed, sampling, options=options))
        piece.writing.run()
        return system.codes(piece.writing)

    own: Any = system.codec
    return Singer(own, own.phonemes, jukebox)


def clips_of(data: str, split: str, vocabulary: Sequence[str]) -> list[tuple[Any, list[int]]]:
    """The clips of a split whose phonemes are all known, with these."""
    read = AudioData(data, split)
    clips = [read.clip(i) for i in range(len(read))]
    return [
        (clip, numbers(clip.meta["phonemes"], vocabulary))
        for clip in clips
        if set(clip.meta["phonemes"]) <= set(vocabulary)
    ]


def joined(clips: Sequence[tuple[Any, list[int]]], count: int) -> list[tuple[Any, list[int]]]:
    """So many clips at a time, one behind the other, as one."""
    out = []
    for i in range(0, len(clips) - count + 1, count):
        part = clips[i : i + count]
        samples = np.concatenate([clip.samples for clip, _ in part])
        text = " ".join(clip.captions[0] for clip, _ in part)
        one = SimpleNamespace(samples=samples, rate=part[0][0].rate, captions=(text,))
        out.append((one, [name for _, names in part for name in names]))
    return out


@torch.inference_mode()
def of_codes(codec: MelLevelsCodec, clips: Sequence[tuple[Any, list[int]]]) -> dict[str, Any]:
    """The top codes of clips with their phonemes, the difference of bands, and all codes."""
    rows, differences, codes = [], [], []
    for clip, names in clips:
        sound = torch.from_numpy(clip.samples)[None, None]
        own = codec.encode(sound)
        bands = codec._bands(codec.padded(sound))
        differences.append(float((codec.bands_of(own) - bands).abs().mean()) * codec.in_log10)
        rows.append((own[0, 0].clone(), names))
        codes.append(own[0])
    return {"rows": rows, "bands": np.array(differences), "codes": torch.cat(codes, 1)}


@torch.no_grad()
def own_head(codec: MelLevelsCodec, held: dict[str, Any]) -> str:
    """The error rate by the map that the codec was trained with."""
    pairs = np.zeros(2)
    for codes, names in held["rows"]:
        logits, frames = codec.logits(codes[None, None]), torch.tensor([len(codes)])
        pairs += edits(likeliest(logits, frames)[0], names), len(names)
    return f"{100 * pairs[0] / pairs[1]:.1f} %"


def perplexities(codes: Tensor, codec: MelLevelsCodec) -> list[float]:
    """Of each level's codes (K, N)."""
    out = []
    for part in codes.split(list(codec.rates)):
        share = torch.bincount(part.flatten(), minlength=codec.sizes[0]).double()
        share = share / share.sum()
        out.append(float(torch.special.entr(share).sum().exp()))
    return out


def codes_table(args: argparse.Namespace) -> None:
    """What is heard in codecs' top codes."""
    vocabulary = phonemes_in(AudioData(args.data, "train"))
    train_clips, test = (clips_of(args.data, s, vocabulary) for s in ("train", "test"))
    print(f"{len(vocabulary)} phonemes, {len(train_clips)} clips to train on, {len(test)} held out")
    print(
        "| codec | bands | perplexity by level | PER, its own map | PER, linear | PER, recurrent |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    for place in args.codec:
        codec: Any = load_codec(place, "cpu")
        learn, held = of_codes(codec, train_clips), of_codes(codec, test)
        cells = [own_head(codec, held) if codec.phonemes == vocabulary else "-"]
        vectors = codec.quantizers[0].decode(torch.arange(codec.sizes[0])[None, None])[0].T.clone()
        for make, rate in ((CodeMap, MAP_RATE), (CodeReader, RATE)):
            rates = []
            for seed in range(args.seeds):
                torch.manual_seed(seed)
                model = make(vectors, len(vocabulary) + 1)
                train(model, learn["rows"], args.steps, 1, 0, seed, rate)
                pairs = error_rates(model, held["rows"], 1, 0).sum(0)
                rates.append(100 * pairs[0] / pairs[1])
            cells.append(f"{np.mean(rates):.1f} ± {np.std(rates):.1f} %")
        bands = held["bands"]
        used = ", ".join(f"{p:.0f}" for p in perplexities(held["codes"], codec))
        error = bands.std() / len(bands) ** 0.5
        print(f"| {place} | {bands.mean():.3f} ± {error:.3f} | {used} | {' | '.join(cells)} |")


def sung_codes(singer: Singer, clip: Any, names: Sequence[int], seed: int, of: int) -> Tensor:
    """(1, K, T) codes of a line: of so many takes the one in whose codes the codec hears the words
    best, as ``compose --best-of`` keeps it."""
    words = [singer.names[number - 1] for number in names]
    takes = []
    for number in range(of):
        codes = singer.sing(clip, names, seed_of(seed, number), True).copy()
        wrong = errors(heard_phonemes(singer.codec, codes), words)[0] if of > 1 else 0
        takes.append((wrong, number, codes))
    return torch.from_numpy(min(takes)[2])[None]


def best(of: int) -> str:
    """What a table says of it."""
    return "" if of == 1 else f", the best of {of} takes"


@torch.inference_mode()
def bands_row(codec: MelLevelsCodec, sound: Tensor) -> Tensor:
    """(T, bands) of sound (1, 1, n)."""
    return codec._bands(codec.padded(sound))[0].T.clone()


@torch.inference_mode()
def resounded(codec: MelLevelsCodec, codes: Tensor) -> Tensor:
    """(T, bands) of the sound of codes (1, K, T), by Griffin-Lim."""
    return bands_row(codec, codec.decode(codes))


def nats_table(loaded: Any, clips: Sequence[tuple[Any, list[int]]]) -> None:
    """Nats of a code of held-out clips under their own lyrics, the next clip's, and none."""
    rows = []
    for clip, names in clips:
        with torch.inference_mode():
            codes = loaded.codec.encode(torch.from_numpy(clip.samples)[None, None])
        rows.append(SungCodes(codes[0].numpy(), tuple(names)))
    loaded.model.rates = loaded.options.rates
    sums: dict[str, Tensor] = {}
    for batch in KaraBatches(rows, loaded.model.config.nothing, 0.0).fixed(BATCH, len(rows)):
        tensors = {name: torch.as_tensor(value) for name, value in batch.items()}
        with torch.no_grad():
            for name, pair in KaraTraining().held_out(loaded.model, tensors).items():
                sums[name] = sums.get(name, torch.zeros(2)) + pair
    print("| nats a code | own lyrics | the next clip's | none |")
    print("|---|---:|---:|---:|")
    for level in ("codes", *LEVELS[: len(loaded.options.rates)]):
        pairs = [sums[level + kind] for kind in ("", ", another's", ", nothing")]
        print(f"| {level} | {' | '.join(f'{float(p[0] / p[1]):.3f}' for p in pairs)} |")


def sung_table(args: argparse.Namespace) -> None:
    """What is heard in what a model sings."""
    singer = singer_of(args.checkpoint, args.guidance)
    codec = singer.codec
    vocabulary = singer.names
    train_clips, test = (clips_of(args.data, s, vocabulary) for s in ("train", "test"))
    if singer.loaded is not None:
        nats_table(singer.loaded, test)
    test = joined(test, args.joined)[: args.lines]
    learn: list[Row] = []
    for i, (clip, names) in enumerate(train_clips):
        sound = torch.from_numpy(clip.samples)[None, None]
        learn.append((bands_row(codec, sound), names))
        if i % 2:  # as Griffin-Lim takes its time
            learn.append((resounded(codec, codec.encode(sound)), names))
    torch.manual_seed(0)
    reader = train(
        SoundReader(learn[0][0].shape[1], len(vocabulary) + 1), learn, args.steps, 4, BLANK, 0
    )
    real, coded = [], []
    for clip, names in test:
        sound = torch.from_numpy(clip.samples)[None, None]
        real.append((bands_row(codec, sound), names))
        coded.append((resounded(codec, codec.encode(sound)), names))
    print(f"{len(test)} lines held out; phoneme error rate by a recogniser of sound")
    print("| sound | own words | the next line's words | seconds |")
    print("|---|---:|---:|---:|")

    def line(name: str, rows: Sequence[Row]) -> None:
        own, other = (told(error_rates(reader, rows, 4, BLANK, shift)) for shift in (0, 1))
        seconds = np.mean([len(row) for row, _ in rows]) * codec.hop / 4 / codec.sample_rate
        print(f"| {name} | {own} | {other} | {seconds:.2f} |", flush=True)

    line("clips", real)
    line("clips, of their codes", coded)
    for seed, of in product(range(args.seeds), args.of):
        sung, clock, frames = [], time.process_time(), 0
        for i, (clip, names) in enumerate(test):
            codes = sung_codes(singer, clip, names, 1000 * seed + i, of)
            frames += codes.shape[-1]
            sung.append((resounded(codec, codes), names))
        spent = (time.process_time() - clock) / (frames / codec.frame_rate)
        line(f"sung{best(of)}, seed {seed} ({spent:.2f} CPU s a second)", sung)
    nothing = []
    for i, (clip, names) in enumerate(test):
        codes = singer.sing(clip, names, i, False)
        nothing.append((resounded(codec, torch.from_numpy(codes.copy())[None]), names))
    line("sung without words", nothing)


@torch.inference_mode()
def ear_rates(
    codec: MelLevelsCodec, sung: Sequence[tuple[Tensor, list[int]]], shift: int
) -> np.ndarray:
    """(N, 2) edits and phonemes of sounds (1, 1, n), heard by the codec's encoder and its map."""
    out = []
    for i, (sound, _) in enumerate(sung):
        logits = codec.logits(codec.encode(sound))
        heard = likeliest(logits, torch.tensor([logits.shape[1]]))[0]
        true = sung[(i + shift) % len(sung)][1]
        out.append((edits(heard, true), len(true)))
    return np.array(out, dtype=float)


@torch.inference_mode()
def ear_table(args: argparse.Namespace) -> None:
    """What the codec hears in the sound of what a model sings."""
    singer = singer_of(args.checkpoint, args.guidance)
    codec = singer.codec
    test = joined(clips_of(args.data, "test", singer.names), args.joined)[: args.lines]
    print(f"{len(test)} lines held out; phoneme error rate by the codec's encoder and its map")
    print("| sound | own words | the next line's words |")
    print("|---|---:|---:|")

    def line(name: str, rows: Sequence[tuple[Tensor, list[int]]]) -> None:
        cells = [told(ear_rates(codec, rows, shift)) for shift in (0, 1)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)

    real = [(torch.from_numpy(clip.samples)[None, None], names) for clip, names in test]
    line("clips", real)
    line("clips, of their codes", [(codec.decode(codec.encode(x)), names) for x, names in real])
    for seed, of in product(range(args.seeds), args.of):
        rows = []
        for i, (clip, names) in enumerate(test):
            codes = sung_codes(singer, clip, names, 1000 * seed + i, of)
            rows.append((codec.decode(codes), names))
        line(f"sung{best(of)}, seed {seed}", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    jobs = parser.add_subparsers(dest="job", required=True)
    codes = jobs.add_parser("codes")
    codes.add_argument("--codec", action="append", required=True)
    codes.add_argument("--seeds", type=int, default=3)
    codes.add_argument("--steps", type=int, default=300)
    codes.set_defaults(run=codes_table)
    sung = jobs.add_parser("sung")
    sung.add_argument("--checkpoint", required=True)
    sung.add_argument("--lines", type=int, default=48)
    sung.add_argument("--seeds", type=int, default=2)
    sung.add_argument("--steps", type=int, default=400)
    sung.set_defaults(run=sung_table)
    ear = jobs.add_parser("ear")
    ear.add_argument("--checkpoint", required=True)
    ear.add_argument("--lines", type=int, default=48)
    ear.add_argument("--seeds", type=int, default=2)
    ear.set_defaults(run=ear_table)
    for job in (sung, ear):
        job.add_argument("--guidance", type=float, help="of a Jukebox (its system's)")
        job.add_argument("--joined", type=int, default=1, help="clips that are one line")
        job.add_argument("--of", type=int, nargs="+", default=[1], help="takes, the best kept")
    for job in (codes, sung, ear):
        job.add_argument("--data", required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    args.run(args)


if __name__ == "__main__":
    main()
