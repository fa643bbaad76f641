"""The sound of many MIDI and sound files as vectors: rendered or read in parallel, embedded once,
kept.

Knows files, processes and a cache; does not know distances. A piece's vectors are kept under a
name made of the file's bytes, the renderer, the length, the embedder and the code, so that a
run that was stopped goes on where it was, a second table over the same files renders nothing, and
what another version rendered is not taken for this one's.
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cantilena.audio.recording import SUFFIXES, open_recording
from cantilena.audio.wav import resample
from cantilena.errors import CantilenaError, InputError
from cantilena.evaluate.sound.embedders import Embedder, identity
from cantilena.files import write_bytes
from cantilena.fingerprint import code_fingerprint
from cantilena.render.audio import find_fluidsynth, find_soundfont, render_audio
from cantilena.score.midi import read_midi
from cantilena.score.score import Score

RATE = 44_100
"""Hz at which pieces are rendered."""
SECONDS = 30.0
MIN_SECONDS, MAX_SECONDS = 1, 1800
"""Of a piece that may be measured; half an hour is the most that is rendered."""
SHORTEST = 0.1
"""Seconds below which a sound file holds nothing to measure."""
SILENT = 1e-4
"""Peak (-80 dB) below which it is silent."""


@dataclass(frozen=True)
class Renderer:
    """How sound is made: ``engine`` "fluidsynth" or "synth", its ``soundfont`` (None: none), and
    ``seconds``, how much of each piece from its first note on (None: all)."""

    engine: str
    soundfont: Path | None
    seconds: float | None = SECONDS

    @property
    def name(self) -> str:
        """For tables."""
        engine = f"FluidSynth, {self.soundfont.name}" if self.soundfont else "the built-in synth"
        return f"{engine}, {f'first {self.seconds:g} s' if self.seconds else 'whole pieces'}"


def find_renderer(
    engine: str = "auto", soundfont: str | Path | None = None, seconds: float | None = SECONDS
) -> Renderer:
    """The Renderer that this machine has: one for all pieces, never one for some and another for
    the rest. Raises InputError, CantilenaError where "fluidsynth" is asked for and not there."""
    if seconds is not None and not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise InputError(
            f"the seconds of a piece to measure must be {MIN_SECONDS}-{MAX_SECONDS}, not "
            f"{seconds:g}"
        )
    if engine == "synth":
        return Renderer("synth", None, seconds)
    try:
        find_fluidsynth()
        return Renderer("fluidsynth", find_soundfont(soundfont), seconds)
    except InputError:
        raise
    except CantilenaError:
        if engine == "fluidsynth":
            raise
        return Renderer("synth", None, seconds)


def opening(score: Score, seconds: float | None) -> Score:
    """The notes that begin within ``seconds`` of the first one, cut at its end, and the controls up
    to there; the silence before the first note stays, as ``sound`` takes it off."""
    if seconds is None or not len(score):
        return score
    stop_at = float(score.seconds(score.onset[0])) + seconds
    low, high = int(score.onset[0]), score.end
    while low < high:  # the last tick that is not later
        middle = (low + high + 1) // 2
        low, high = (middle, high) if float(score.seconds(middle)) <= stop_at else (low, middle - 1)
    kept = score.select(score.onset < max(low, int(score.onset[0]) + 1))
    length = np.minimum(kept.duration, np.maximum(low - kept.onset, 1))
    return Score.build(
        score.tpq,
        score.tracks,
        kept.onset,
        length,
        kept.pitch,
        kept.velocity,
        kept.track,
        tempos=zip(score.tempo_tick.tolist(), score.tempo_us.tolist(), strict=True),
        end=min(score.end, low),
        controls=score.controls.select(score.controls.tick <= low),
    )


Sound = tuple[np.ndarray, int]
"""(n,) float32 samples, the mean of the channels, and their rate in Hz."""


def sound(path: Path, renderer: Renderer) -> Sound | str:
    """The sound of a MIDI file at ``RATE`` from its first note on, or of a sound file as it is; or
    why there is none. Runs in a process of its own."""
    if path.suffix.lower() in SUFFIXES:
        return recorded(path, renderer.seconds)
    try:
        score = opening(read_midi(path), renderer.seconds)
        if not len(score):
            return "it has no notes"
        audio = render_audio(score, None, RATE, renderer.engine, renderer.soundfont)
    except CantilenaError as error:
        return str(error)
    start = int(float(score.seconds(score.onset[0])) * RATE)
    stop = None if renderer.seconds is None else start + round(renderer.seconds * RATE)
    return audio.samples[start:stop].mean(1, dtype=np.float32), RATE


def recorded(path: Path, seconds: float | None) -> Sound | str:
    """The first ``seconds`` of a sound file (None: ``MAX_SECONDS``), or why there are none."""
    try:
        with open_recording(path) as recording:
            rate = recording.rate
            samples = recording.read(0, round((seconds or MAX_SECONDS) * rate))
    except CantilenaError as error:
        return str(error)
    if len(samples) < SHORTEST * rate:
        return f"it lasts {len(samples) / rate:.3g} s, less than {SHORTEST:g} s"
    if float(np.abs(samples).max()) < SILENT:
        return "it is silent"
    return samples.mean(1, dtype=np.float32), rate


@dataclass(frozen=True)
class Embedded:
    """``vectors``: by embedder, for each file its (T, D), None where it has no sound; ``failed``:
    why, by the file's number."""

    vectors: dict[str, list[np.ndarray | None]]
    failed: dict[int, str]


def embed_pieces(
    paths: Sequence[Path | None],
    embedders: Mapping[str, Embedder],
    cache: Path,
    renderer: Renderer,
    workers: int = 1,
    progress: Callable[[float], None] | None = None,
) -> Embedded:
    """The vectors of MIDI or sound files, None being a file that is missing; of what ``cache`` (a
    folder) holds nothing is made again. ``progress`` hears the share done, 0-1. Raises
    InputError."""
    if workers < 1:
        raise InputError(f"{workers} workers cannot render; 1 is the least")
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {str(cache)!r} cannot be made: {error.strerror}") from error
    vectors: dict[str, list[np.ndarray | None]] = {k: [None] * len(paths) for k in embedders}
    failed = {i: "there is no file" for i, path in enumerate(paths) if path is None}
    files: dict[int, dict[str, Path]] = {}
    for i, path in enumerate(paths):
        if path is None:
            continue
        try:
            data = path.read_bytes()
        except OSError as error:
            failed[i] = f"it cannot be opened: {error.strerror}"
            continue
        caches = {k: cache / f"{_key(data, renderer, e)}.npz" for k, e in embedders.items()}
        for name, file in caches.items():
            vectors[name][i] = _read(file)
        if any(vectors[name][i] is None for name in caches):
            files[i] = caches
    done = len(paths) - len(files)
    for i, heard in _sounds({i: paths[i] for i in files}, renderer, workers):
        if isinstance(heard, str):
            failed[i] = heard
        else:
            for name, file in files[i].items():
                if vectors[name][i] is None:
                    vectors[name][i] = _embed(embedders[name], heard, file)
        done += 1
        if progress:
            progress(done / len(paths))
    if progress:
        progress(1.0)
    return Embedded(vectors, dict(sorted(failed.items())))


def _embed(embedder: Embedder, heard: Sound, file: Path) -> np.ndarray:
    resampled = resample(*heard, embedder.rate)
    vectors = np.asarray(embedder.embed(resampled), dtype=np.float32)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, vectors=vectors, key=np.array(file.stem))
    write_bytes(file, buffer.getvalue())
    return vectors


def _read(file: Path) -> np.ndarray | None:
    """The vectors in a file; None where there is none, it is damaged (an .npz has a checksum of
    each array) or it was kept under another key."""
    try:
        with np.load(file, allow_pickle=False) as archive:
            vectors, key = archive["vectors"], str(archive["key"])
    except Exception:  # zipfile, zlib, numpy and the system each have their own
        return None
    return vectors if key == file.stem and vectors.ndim == 2 and len(vectors) else None


def _key(data: bytes, renderer: Renderer, embedder: Embedder) -> str:
    font = renderer.soundfont
    parts = [code_fingerprint(), renderer.engine, f"{renderer.seconds}", identity(embedder)]
    parts += [font.name, str(font.stat().st_size)] if font else []
    digest = hashlib.sha256(data)
    digest.update("\n".join(parts).encode())
    return digest.hexdigest()[:32]


def _sounds(
    paths: Mapping[int, Path | None], renderer: Renderer, workers: int
) -> Iterator[tuple[int, Sound | str]]:
    """``sound`` of each file, in their order, so that a run's bytes do not hang on chance."""
    work = [(i, path) for i, path in paths.items() if path is not None]
    if workers == 1 or len(work) < 2:
        yield from ((i, sound(path, renderer)) for i, path in work)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(work)), spawn) as pool:
        # a few ahead of the embedder only: a minute of sound is 10 MB
        ahead: list[tuple[int, Future[Sound | str]]] = []
        try:
            for i, path in work:
                ahead.append((i, pool.submit(sound, path, renderer)))
                if len(ahead) >= 2 * workers:
                    first, future = ahead.pop(0)
                    yield first, future.result()
            for i, future in ahead:
                yield i, future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
