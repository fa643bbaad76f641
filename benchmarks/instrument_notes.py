"""Does a model of single notes write the note that it is asked for? Nats, pitch and loudness.

Takes held-out notes ("test": pitches that training never heard of an instrument). Nats of their
codes under their own conditions, under another instrument's or another pitch's, and by counting
alone; then the notes are written, and their pitch and loudness compared with those asked for. The
rendering through the codec says how far the codec alone lets that go. A pitch is right where the
strongest sum of eight harmonics within a tritone of the one that is asked for is no more than 50
cents away, which one in thirteen notes of noise would be; notes of which that does not hold of the
rendering itself, and drums, are left out.

    python benchmarks/instrument_notes.py --data notes --codes notes-run --codec codec-run
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from cantilena.audio.pitch import cents_off
from cantilena.data.audio import AudioData
from cantilena.data.audio.notes import VELOCITIES
from cantilena.decode.sampling import Sampling
from cantilena.models.audio.code_lm import nats_by_book
from cantilena.models.audio.codec.files import load_codec
from cantilena.score.score import DRUMS
from cantilena.systems.codes.checkpoint import load_writer
from cantilena.systems.codes.conditions import Wish
from cantilena.systems.codes.examples import CodeBatches, CodeExample, ExampleList, signals_of
from cantilena.systems.codes.notes import UNPITCHED, NoteSound, note_sounds
from cantilena.systems.codes.notes_system import CodeNotesSystem
from cantilena.systems.codes.writing import CodeOrder, CodeWriter, write_codes

RIGHT = 50
"""Cents."""
INTERVALS = (-7, -4, 3, 5)
"""Semitones to another pitch."""
LOUDEST = 128
"""What a velocity is taken from for another one."""
EDGES = (0, 48, 60, 72, 128)
"""Of the spans of pitches that are told apart."""
TRIED = (0, 19, 40, 56, 73)
"""Piano, organ, violin, trumpet, flute."""
BATCH = 32


def level(sound: np.ndarray, rate: int) -> float:
    """dB of the loudest 50 ms."""
    n = rate // 20
    blocks = sound[: len(sound) // n * n].reshape(-1, n)
    return float(10 * np.log10((blocks**2).mean(1).max(initial=0.0) + 1e-10))


def nats(writer: CodeWriter, examples: Sequence[CodeExample], frames: int) -> np.ndarray:
    """(books,) mean nats of a code."""
    layout = writer.layout(frames)
    batches = CodeBatches(ExampleList(examples), writer.conditioner, layout)
    total = np.zeros(writer.model.config.books)
    size = 0
    for batch in batches.fixed(BATCH, len(examples)):
        signals = signals_of(batch, writer.model.config.conditions)
        with torch.inference_mode():
            logits = writer.model(batch["columns"], signals)
            batch_nats = nats_by_book(logits, batch["columns"], batch["mask"])
        total += batch_nats.numpy() * len(batch["columns"])
        size += len(batch["columns"])
    return total / size


def changed(
    examples: Sequence[CodeExample], change: Callable[[Any], dict[str, Any]]
) -> list[CodeExample]:
    """The examples with other symbols."""
    return [replace(e, symbols=replace(e.symbols, **change(e.symbols))) for e in examples]


def write(
    writer: CodeWriter, notes: Sequence[tuple[Any, int]], sampling: Sampling, seed: int
) -> list[np.ndarray]:
    """Codes (K, T) of notes, each of symbols and frames."""
    orders = [
        CodeOrder(frames, Wish(score=symbols), seed * 1_000 + i, sampling=sampling)
        for i, (symbols, frames) in enumerate(notes)
    ]
    groups = [orders[i : i + BATCH] for i in range(0, len(orders), BATCH)]
    return [codes for group in groups for codes in write_codes(writer, group)]


def print_nats(writer: CodeWriter, examples: Sequence[CodeExample], seed: int) -> None:
    """Nats of the notes' codes under their own conditions, under others, and without."""
    rng = np.random.default_rng(seed)
    instruments = np.roll([e.symbols.instrument[0] for e in examples], 1)
    other = iter(instruments)
    rows = {
        "its own conditions": examples,
        "another's instrument": changed(
            examples, lambda _: {"instrument": np.array([next(other)])}
        ),
        "another pitch": changed(
            examples, lambda s: {"pitch": (s.pitch + rng.choice(INTERVALS)).astype(np.uint8)}
        ),
        "another velocity": changed(
            examples, lambda s: {"velocity": (LOUDEST - s.velocity).astype(np.uint8)}
        ),
        "no conditions": [replace(e, symbols=None) for e in examples],
    }
    books = writer.model.config.books
    heads = "".join(f"{f'book {k + 1}':>9}" for k in range(books))
    print(f"{'held-out notes, nats a code':34}{heads}{'mean':>9}")
    for name, some in rows.items():
        by_book = nats(writer, some, examples[0].codes.shape[1])
        print(f"{name:34}" + "".join(f"{x:9.3f}" for x in (*by_book, by_book.mean())))


def print_pitches(pitch: np.ndarray, sounds: dict[str, list[np.ndarray]], rate: int) -> None:
    """How often each of the sounds, of which the first are the renderings, has its pitch."""
    off = {
        name: np.array([cents_off(s, p, rate) for s, p in zip(some, pitch, strict=True)])
        for name, some in sounds.items()
    }
    certain = np.abs(next(iter(off.values()))) <= RIGHT
    spans = {"all": certain}
    for low, high in pairwise(EDGES):
        spans[f"{low}-{high - 1}"] = certain & (pitch >= low) & (pitch < high)
    print(f"\n{f'within {RIGHT} cents, pitches':34}" + "".join(f"{name:>9}" for name in spans))
    print(f"{'notes':34}" + "".join(f"{some.sum():9}" for some in spans.values()))
    for name, cents in off.items():
        shares = [np.mean(np.abs(cents[some]) <= RIGHT) for some in spans.values()]
        print(f"{name:34}" + "".join(f"{share:9.3f}" for share in shares))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, metavar="DIR", help="what 'data notes' made")
    parser.add_argument("--codes", required=True, metavar="DIR")
    parser.add_argument("--codec", required=True, metavar="DIR", help="one of mel bands")
    parser.add_argument("--notes", type=int, default=96, help="that are written")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--guidance", type=float)
    args = parser.parse_args()
    torch.set_num_threads(1)
    writer, codec = load_writer(args.codes, "cpu"), load_codec(args.codec, "cpu")
    asked = {"temperature": args.temperature, "guidance": args.guidance}
    sampling = CodeNotesSystem.sampling
    sampling = replace(sampling, **{k: v for k, v in asked.items() if v is not None})
    rate, data = codec.sample_rate, AudioData(args.data, "test")
    clips = [data.clip(i) for i in range(len(data))]
    clips = [c for c in clips if c.symbols.instrument[0] < UNPITCHED and c.symbols.onset[0] == 0]
    order = np.random.default_rng(args.seed).permutation(len(clips))
    clips = [clips[i] for i in order[: args.notes]]
    with torch.inference_mode():
        codes = [codec.encode(torch.from_numpy(c.samples)[None, None])[0].numpy() for c in clips]
    examples = [CodeExample(c, (), clip.symbols) for c, clip in zip(codes, clips, strict=True)]
    print_nats(writer, examples, args.seed)

    written = write(writer, [(e.symbols, e.codes.shape[1]) for e in examples], sampling, args.seed)
    notes = [
        NoteSound(int(s.instrument[0]), int(s.pitch[0]), int(s.velocity[0]), float(s.duration[0]))
        for s in (clip.symbols for clip in clips)
    ]
    drums = [replace(note, instrument=DRUMS) for note in notes]  # the codec is told no pitch
    sounds = {
        "the rendering": [clip.samples for clip in clips],
        "through the codec": note_sounds(codec, codes, drums),
        "through the codec, pitch known": note_sounds(codec, codes, notes),
        "written": note_sounds(codec, written, drums),
        "written, pitch known": note_sounds(codec, written, notes),
    }
    print_pitches(np.array([note.pitch for note in notes]), sounds, rate)

    names = "through the codec, pitch known", "written, pitch known"
    levels = [np.array([level(s, rate) for s in sounds[name]]) for name in names]
    alike = np.corrcoef(*levels)[0, 1]
    apart = np.abs(levels[0] - levels[1]).mean()
    print(f"\nlevels, written and rendered: correlation {alike:.3f}, {apart:.2f} dB apart")
    tried = [NoteSound(i, 60, v, 0.8) for i in TRIED for v in VELOCITIES]
    frames = round(0.9 * writer.rate)
    tried_codes = write(writer, [(n.symbols(), frames) for n in tried], sampling, args.seed)
    by_velocity = [level(s, rate) for s in note_sounds(codec, tried_codes, tried)]
    means = np.array(by_velocity).reshape(len(TRIED), -1).mean(0)
    levels_by_velocity = ", ".join(f"{v}: {x:.1f}" for v, x in zip(VELOCITIES, means, strict=True))
    print(f"dB by velocity, C4 of {len(TRIED)} instruments: {levels_by_velocity}")


if __name__ == "__main__":
    main()
