"""``cantilena codec``, ``encode`` and ``decode``: recordings as a codec's codes, and back.

Knows options, what is said of a recording and what is printed; the work is done in
``models.audio.codec`` and ``evaluate.sound.codec``.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import Progress, plural, print_json
from cantilena.cli.naming import free_path
from cantilena.errors import CheckpointError, InputError, MissingExtraError, Notice
from cantilena.names import safe_name

if TYPE_CHECKING:
    import numpy as np

    from cantilena.audio.recording import Recording
    from cantilena.models.audio.codec.base import Codec

_BLOCK = 1 << 18
"""Samples of all channels that are read at a time."""
_FULL_SCALE = 0.9999
"""Sample from which one of 16 bits stands at its limit."""
_CLIPPED = 0.001
"""Share of samples at full scale from which a recording is called clipped."""


def codec_arguments(parser: argparse.ArgumentParser, what: str, count: Callable[..., Any]) -> None:
    """The options of a command: ``what`` is "codec", "encode" or "decode"."""
    kinds = "a WAV file; FLAC, Ogg and MP3 with soundfile (extra audio)"
    source = "a file of codes" if what == "decode" else kinds
    parser.add_argument("file", metavar="FILE", help=source)
    parser.add_argument(
        "--checkpoint",
        metavar="DIR",
        help="a codec's folder, a run's, or a published EnCodec's, DAC's or Mimi's folder or hub "
        "name (the shipped one, where cantilena-audio-weights is installed)",
    )
    if what != "decode":
        parser.add_argument("--books", type=count, metavar="N", help="the first N books alone")
    parser.add_argument(
        "--device", metavar="NAME", help="a torch device (a GPU where there is one)"
    )
    written = {
        "codec": "write the sound that comes out",
        "encode": "file of codes (FILE's name with .codes.npz, in this folder)",
        "decode": "WAV file (FILE's name with .decoded.wav, in this folder)",
    }
    parser.add_argument("-o", "--output", metavar="FILE", help=written[what])
    parser.add_argument("--replace", action="store_true", help="replace a file of that name")


def chosen_codec(args: argparse.Namespace) -> Codec:
    """The codec that is asked for."""
    if find_spec("torch") is None:
        raise MissingExtraError("torch", "audio", "a codec")
    from cantilena.models.audio.codec.files import load_codec, shipped_codec

    place = args.checkpoint or shipped_codec()
    if place is None:
        raise InputError(
            "no codec is named and none is installed: give --checkpoint, or install the weights "
            "with 'pip install ./weights/audio'"
        )
    try:
        return load_codec(place, args.device)
    except CheckpointError as error:  # what is named cannot be used
        raise InputError(str(error)) from error


def chosen_books(args: argparse.Namespace, codec: Codec) -> int | None:
    """How many books are asked for. Raises InputError for more than there are."""
    if not codec.books:
        raise InputError(f"the codec {codec.kind!r} has no codes: its latents are continuous")
    if args.books is not None and args.books > codec.books:
        raise InputError(f"the codec has {codec.books} books, not {args.books}")
    return args.books


def notice(message: str) -> None:
    """Says what a user should know."""
    warnings.warn(Notice(message), stacklevel=2)


def recording_blocks(name: str, recording: Recording, codec: Codec) -> Iterator[np.ndarray]:
    """A recording in blocks (n, channels) at the codec's rate and of its channels; what had to be
    done to it is said. Raises InputError for silence and for samples that are not finite."""
    import numpy as np

    from cantilena.audio.resampling import resampled
    from cantilena.evaluate.sound.codec import SILENT

    if recording.channels != codec.channels:
        become = "mixed to one" if codec.channels == 1 else f"made {codec.channels}"
        notice(f"{name}: {recording.channels} channels are {become}")
    if recording.rate != codec.sample_rate:
        notice(f"{name}: resampled from {recording.rate} to {codec.sample_rate} Hz")

    def fitted() -> Iterator[np.ndarray]:
        at_limit = total = 0
        peak = 0.0
        size = max(1, _BLOCK // recording.channels)
        for start in range(0, recording.length, size):
            block = recording.read(start, start + size)
            level = np.abs(block)  # before mixing, which hides what one channel has
            at_limit += int((level >= _FULL_SCALE).sum())
            total += block.size
            peak = max(peak, float(level.max(initial=0.0)))
            if block.shape[1] != codec.channels:
                block = np.repeat(block.mean(1, keepdims=True), codec.channels, 1)
            yield block
        if peak < SILENT:
            raise InputError(f"{name!r} is silent: there is nothing to code")
        if at_limit > _CLIPPED * total:
            share = 100 * at_limit / total
            notice(f"{name}: {share:.1f} % of its samples are at full scale: clipped")

    yield from resampled(fitted(), recording.rate, codec.sample_rate)


@contextmanager
def _recording(path: str, codec: Codec) -> Iterator[Recording]:
    """A recording that is long enough to be coded, open for the block. Raises InputError."""
    from cantilena.audio.recording import open_recording
    from cantilena.audio.resampling import HIGHEST, LOWEST

    with open_recording(path) as recording:
        if not recording.length:
            raise InputError(f"{path!r} is empty: it holds no samples")
        if not LOWEST <= recording.rate <= HIGHEST:
            raise InputError(
                f"{path!r} has a rate of {recording.rate} Hz; {LOWEST} to {HIGHEST} can be read"
            )
        if recording.length / recording.rate < codec.hop / codec.sample_rate:
            samples = plural(recording.length, "sample")
            frame = 1000 * codec.hop / codec.sample_rate
            raise InputError(
                f"{path!r} has {samples}, less than a frame of the codec ({frame:.0f} ms)"
            )
        yield recording


def _length(recording: Recording, codec: Codec) -> int:
    """Samples of a recording at the codec's rate."""
    return -(-recording.length * codec.sample_rate // recording.rate)


@contextmanager
def _writing(path: str | Path, codec: Codec, length: int) -> Iterator[Callable[[Any], None]]:
    """What takes blocks of sound for a WAV file, which appears whole or not at all."""
    from cantilena.audio.wav_writer import writing_wav

    with writing_wav(path, codec.sample_rate, codec.channels, length) as write:
        yield write


def codec(args: argparse.Namespace) -> int:
    """The round trip of a recording, and its table."""
    model = chosen_codec(args)
    books = chosen_books(args, model)
    target = free_path(args.output, args.replace) if args.output else None
    with Progress(args.quiet) as progress:
        figures = measured(args.file, model, books, target, progress)
    whole = {"file": args.file, "codec": describe(model), **figures}
    if args.json:
        print_json(whole)
    elif not args.quiet:
        print("\n".join(table(whole)))
    return 0


def measured(
    path: str,
    model: Codec,
    books: int | None,
    target: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The figures of a recording's round trip (``evaluate.sound.codec``), whose sound is written to
    ``target`` where that is given. Raises InputError that names the file."""
    from cantilena.evaluate.sound.codec import round_trip

    with _recording(path, model) as recording:
        blocks = recording_blocks(path, recording, model)
        seconds = recording.length / recording.rate

        def share(done: float) -> None:
            if progress is not None:
                progress(done, seconds, "coding")

        try:
            if target is None:
                return round_trip(model, blocks, books, None, share)
            with _writing(target, model, _length(recording, model)) as write:
                return round_trip(model, blocks, books, write, share)
        except InputError as error:
            if path in str(error):
                raise
            raise InputError(f"{path}: {error}") from error


def describe(model: Codec) -> dict[str, Any]:
    """A codec's facts."""
    return {
        "kind": model.kind,
        "fingerprint": model.fingerprint(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "sample_rate": model.sample_rate,
        "channels": model.channels,
        "hop": model.hop,
        "frame_rate": round(model.frame_rate, 3),
        "books": model.books,
    }


def table(row: dict[str, Any]) -> list[str]:
    """The figures of a round trip as lines."""
    codec = row["codec"]
    lines = [
        f"{row['file']}: {row['seconds']:.2f} s at {codec['sample_rate']} Hz through "
        f"{codec['kind']} {codec['fingerprint'][:16]}, {codec['parameters']:,} weights"
    ]

    def line(name: str, value: str) -> None:
        lines.append(f"  {name:<22}{value}")

    ratio = row["si_sdr"]
    line("SI-SDR", "not defined" if ratio is None else f"{ratio:.2f} dB")
    line("mel distance", f"{row['mel']:.4f} (log10, 3 windows)")
    line("STFT distance", f"{row['stft']:.4f} (3 windows)")
    opinion = row["visqol"]
    line("ViSQOL", "not installed" if opinion is None else f"{opinion:.2f} of 5")
    sent, entropy = row["bits_per_second"], row["entropy_bits_per_second"]
    line("bits a second", f"{sent:,.0f} sent, {entropy:,.0f} by use")
    line("times real time", f"encode {row['encode_factor']:.0f}, decode {row['decode_factor']:.0f}")
    lines.append(f"  {'book':<6}{'size':>7}{'used':>7}{'perplexity':>13}{'bits':>8}")
    for number, book in enumerate(row["books"], 1):
        used = f"{book['used']:>7}{book['perplexity']:>13.1f}{book['bits']:>8.2f}"
        lines.append(f"  {number:<6}{book['size']:>7}{used}")
    return lines


def encode(args: argparse.Namespace) -> int:
    """Writes a recording's codes."""
    import numpy as np

    from cantilena.models.audio.codec.codes_file import (
        ENDING,
        codes_of,
        smallest_kind,
        write_codes,
    )
    from cantilena.models.audio.codec.stream import encode_blocks

    model = chosen_codec(args)
    books = chosen_books(args, model)
    path = free_path(args.output or safe_name(Path(args.file).stem) + ENDING, args.replace)
    parts, frames, kind = [], 0, smallest_kind(model.sizes)
    with _recording(args.file, model) as recording, Progress(args.quiet) as progress:
        length = _length(recording, model)
        for part in encode_blocks(model, recording_blocks(args.file, recording, model), books):
            parts.append(part.astype(kind))
            frames += part.shape[1]
            progress(frames * model.hop, length, "encoding")
    codes = codes_of(model, np.concatenate(parts, axis=1), length)
    write_codes(path, codes)
    about = {
        "file": str(path),
        "codec": describe(model),
        "books": len(codes.codes),
        "frames": codes.codes.shape[1],
        "seconds": round(length / model.sample_rate, 3),
        "bits_per_second": round(model.bits(len(codes.codes)), 1),
    }
    _print(args, about, f"{path}: {about['frames']:,} frames of {about['books']} books")
    return 0


def decode(args: argparse.Namespace) -> int:
    """Writes the sound of a file of codes."""
    from cantilena.models.audio.codec.codes_file import read_codes
    from cantilena.models.audio.codec.stream import decode_blocks

    codes = read_codes(args.file)
    model = chosen_codec(args)
    codes.check(model)
    name = Path(args.file).name.removesuffix(".npz").removesuffix(".codes")
    path = free_path(args.output or safe_name(name) + ".decoded.wav", args.replace)
    length, done = codes.about.length, 0
    with Progress(args.quiet) as progress, _writing(path, model, length) as write:
        for block in decode_blocks(model, codes.codes, length):
            write(block)
            done += len(block)
            progress(done, length, "decoding")
    seconds = length / model.sample_rate
    about = {"file": str(path), "codec": describe(model), "seconds": round(seconds, 3)}
    _print(args, about, f"{path}: {seconds:.2f} s")
    return 0


def _print(args: argparse.Namespace, about: dict[str, Any], line: str) -> None:
    if args.json:
        print_json(about)
    elif not args.quiet:
        print(line)
