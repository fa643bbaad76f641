"""What each task of a UniAudio has learned, on held-out clips.

Nats of a token of the targets with the example's own sources, with another example's, with none,
and, of sound, by unigrams and bigrams of the training clips' codes; the notes that are heard, as F1
over onsets and pitches, with the true sound, with another clip's, and of another clip's notes put
in their place; of single notes how often pitch and instrument are right, beside the commonest of
the training set; and CPU seconds for a second of what is written.

    python benchmarks/uniaudio_tasks.py --checkpoint run --data clips drums notes
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from cantilena.data.audio import AudioData
from cantilena.evaluate.sound.transcription import Agreement, HeardNote, agreement
from cantilena.systems.codes.ngrams import ngram_nats
from cantilena.systems.uniaudio.checkpoint import Loaded, load_uniaudio
from cantilena.systems.uniaudio.examples import UniBatches, UniClip
from cantilena.systems.uniaudio.training import UniTraining
from cantilena.systems.uniaudio.writing import UniOrder, UniWriting, write_notes
from cantilena.tokens.codes.patches import ACCOMPANY, AUDIO, NOTE, SOUND, TEXT, TRANSCRIBE, NoteRow
from cantilena.train.audio.unified import uni_clips

SPLITS = ("train", "valid")
PARTS = ("nats", "counts", "notes", "single", "speed")


def clips_of(loaded: Loaded, folders: Sequence[str]) -> dict[str, list[UniClip]]:
    """The clips of data sets by split."""
    clips: dict[str, list[UniClip]] = {split: [] for split in SPLITS}
    for folder in folders:
        for split in SPLITS:
            data = AudioData(folder, split, stems=True)
            stem = loaded.options.stem
            clips[split] += uni_clips(data, loaded.codec, Path(folder) / "codes", stem)
    return clips


def print_nats(loaded: Loaded, clips: dict[str, list[UniClip]], limit: int) -> None:
    """A row for each task."""
    valid = UniBatches(clips["valid"], loaded.vocabulary, loaded.options)
    sums: dict[str, np.ndarray] = {}
    with torch.inference_mode():
        for batch in valid.fixed(8, limit):
            for name, pair in UniTraining().held_out(loaded.model, batch).items():
                sums[name] = sums.get(name, np.zeros(2)) + pair.numpy()
    heads = ("own", "another's", "none")
    print(f"{'held out, nats a token':24}" + "".join(f"{head:>11}" for head in heads))
    for task in valid.tasks:
        row = [
            sums[name][0] / sums[name][1] for name in (task, f"{task}, another's", f"{task}, none")
        ]
        print(f"{task:24}" + "".join(f"{x:11.3f}" for x in row))


def print_counts(loaded: Loaded, clips: dict[str, list[UniClip]], limit: int) -> None:
    """Nats of a code of the held-out targets of sound, by counting alone."""
    train, valid = (UniBatches(clips[split], loaded.vocabulary, loaded.options) for split in SPLITS)
    print(f"\n{'by counting alone':24}{'unigrams':>11}{'bigrams':>11}")
    for task in valid.tasks:
        if task != TRANSCRIBE:
            row = counted(loaded, task, train, valid, limit)
            print(f"{task:24}" + "".join(f"{x:11.3f}" for x in row))


def counted(
    loaded: Loaded, task: str, train: UniBatches, valid: UniBatches, limit: int
) -> list[float]:
    """Mean nats of a code of a task's held-out targets, by unigrams and by bigrams of training."""

    def targets(batches: UniBatches, most: int) -> Iterable[np.ndarray]:
        able = batches.able[task]
        for i in np.linspace(0, len(able) - 1, min(most, len(able))).astype(int):
            target = batches.cut(batches.clips[able[i]], task)[1]
            assert target.kind == AUDIO
            yield loaded.vocabulary.codes_of(target.patches)

    def whole() -> Iterable[np.ndarray]:
        for i in train.able[task]:
            clip = train.clips[i]
            yield clip.codes if task != ACCOMPANY or clip.part is None else clip.part

    nats = ngram_nats(whole(), targets(valid, limit), loaded.options.card)
    return [float(np.mean(row)) for row in nats.values()]


# ------------------------------------------------------------------ notes


def true_notes(loaded: Loaded, clip: UniClip, frames: int) -> list[HeardNote]:
    """The notes that begin in a clip's first frames."""
    heard, rate = clip.symbols, loaded.options.frame_rate
    assert heard is not None
    rows = zip(heard.onset.tolist(), heard.instrument.tolist(), heard.pitch.tolist(), strict=True)
    return [HeardNote(*row) for row in rows if -1e-6 <= row[0] < frames / rate]


def heard_notes(loaded: Loaded, codes: np.ndarray) -> list[HeardNote]:
    """The notes that the model hears in codes."""
    rate = loaded.options.frame_rate
    notes: list[NoteRow] = []
    for window, _ in write_notes(loaded.model, loaded.vocabulary, codes):
        notes += window
    return [HeardNote(n.frame / rate, n.instrument, n.pitch) for n in notes]


def print_notes(loaded: Loaded, clips: Sequence[UniClip], seconds: float, limit: int) -> None:
    """F1 over clips of music."""
    music = [clip for clip in clips if not clip.single and clip.symbols is not None]
    music = [music[i] for i in np.linspace(0, len(music) - 1, min(limit, len(music))).astype(int)]
    frames = round(seconds * loaded.options.frame_rate)
    true = [true_notes(loaded, clip, frames) for clip in music]
    heard = [heard_notes(loaded, clip.codes[:, :frames].astype(np.int64)) for clip in music]
    others = true[1:] + true[:1]
    rows = {
        "heard": zip(heard, true, strict=True),
        "heard in another clip": zip(heard[1:] + heard[:1], true, strict=True),
        "another clip's own notes": zip(others, true, strict=True),
    }
    print(f"\nnotes of {len(music)} clips of {seconds:g} s")
    print(f"{'':28}{'right':>6}{'heard':>7}{'sound':>7}{'F1':>8}{'with instrument':>17}")
    for name, pairs in rows.items():
        both = list(pairs)
        plain, exact = Agreement(0, 0, 0), Agreement(0, 0, 0)
        for one, other in both:
            plain += agreement(one, other)
            exact += agreement(one, other, instruments=True)
        counts = f"{plain.right:6}{plain.heard:7}{plain.sound:7}"
        print(f"{name:28}{counts}{plain.f1:8.3f}{exact.f1:17.3f}")


def print_single(loaded: Loaded, clips: dict[str, list[UniClip]], limit: int) -> None:
    """How often pitch and instrument of a note alone are right."""
    alone = {
        split: [
            c
            for c in clips[split]
            if c.single and c.symbols is not None and c.symbols.onset[0] >= -1e-6
        ]
        for split in SPLITS
    }
    held = alone["valid"]
    held = [held[i] for i in np.linspace(0, len(held) - 1, min(limit, len(held))).astype(int)]
    right = Counter[str]()
    for clip in held:
        assert clip.symbols is not None
        pitch, instrument = int(clip.symbols.pitch[0]), int(clip.symbols.instrument[0])
        notes = heard_notes(loaded, clip.codes[:, : loaded.vocabulary.frames // 2].astype(np.int64))
        right["any note"] += bool(notes)
        if notes:
            right["pitch"] += notes[0].pitch == pitch
            right["pitch class"] += notes[0].pitch % 12 == pitch % 12
            right["within a third"] += abs(notes[0].pitch - pitch) <= 4
            right["instrument"] += notes[0].instrument == instrument
            right["family"] += notes[0].instrument // 8 == instrument // 8
    print(f"\n{len(held)} notes alone: share right, and of the commonest of the training set")
    values = {
        "pitch": lambda s: int(s.pitch[0]),
        "pitch class": lambda s: int(s.pitch[0]) % 12,
        "instrument": lambda s: int(s.instrument[0]),
        "family": lambda s: int(s.instrument[0]) // 8,
    }
    for name in ("any note", "pitch", "pitch class", "within a third", "instrument", "family"):
        trivial = ""
        if name in values:
            of = values[name]
            common = Counter(of(c.symbols) for c in alone["train"]).most_common(1)[0][0]
            trivial = f"{np.mean([of(c.symbols) == common for c in held]):8.3f}"
        print(f"{name:16}{right[name] / len(held):8.3f}{trivial}")


# ------------------------------------------------------------------ speed


def print_speed(loaded: Loaded, clip: UniClip, seconds: float) -> None:
    """CPU seconds for a second of sound, by task."""
    rate = loaded.options.frame_rate
    frames = round(seconds * rate)
    print("\nCPU seconds for a second of sound, with guidance")
    for task in (TEXT, SOUND, NOTE):
        if task in loaded.options.names:
            order = UniOrder(task, frames, "calm piano", clip.symbols)
            start = time.process_time()
            UniWriting(loaded.model, loaded.vocabulary, order, rate).run()
            print(f"{task:24}{(time.process_time() - start) / seconds:8.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--parts", default=",".join(PARTS), help="what is measured (all)")
    parser.add_argument("--limit", type=int, default=48, help="clips of a task (48)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of a clip's notes (4)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    loaded = load_uniaudio(args.checkpoint, "cpu")
    parameters = sum(p.numel() for p in loaded.model.parameters())
    print(f"{parameters:,} parameters; {loaded.checkpoint.card['training']['steps']} steps")
    clips = clips_of(loaded, args.data)
    parts = args.parts.split(",")
    if "nats" in parts:
        print_nats(loaded, clips, args.limit)
    if "counts" in parts:
        print_counts(loaded, clips, args.limit)
    if "notes" in parts:
        print_notes(loaded, clips["valid"], args.seconds, args.limit)
    if "single" in parts:
        print_single(loaded, clips, args.limit)
    if "speed" in parts:
        print_speed(loaded, next(c for c in clips["valid"] if not c.single), args.seconds)


if __name__ == "__main__":
    main()
