"""Building a data set of clips: corpora, MIDI files and recordings into shards, resumably.

Knows units of work and the manifest; does not know how a file becomes clips (``rendering``,
``recordings``), how a shard is laid out (``shards``), which shards of a killed build are kept
(``data.resume``), or what reads them (``reader``).

As in ``data.build`` a unit becomes one shard, written whole, and what it holds depends on the unit
alone: any number of workers, on one machine or several, makes the same bytes. Clips are written as
they are made, so that memory does not grow with the data.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.data.audio.clips import Clip, Recipe
from cantilena.data.audio.manifest import manifest
from cantilena.data.audio.recordings import Take, recording_clips
from cantilena.data.audio.rendering import midi_clips
from cantilena.data.audio.shards import VERSION, about, shard_writer
from cantilena.data.audio.sources import Source, corpus_of, find_sources, takes
from cantilena.data.corpora.corpus import SPLITS, Corpus, Song
from cantilena.data.download import file_sha256
from cantilena.data.paper.ray import spread_by_ray
from cantilena.data.prepare import Refused, accepted
from cantilena.data.resume import Progress, Shard, finish, in_order
from cantilena.data.workers import spread
from cantilena.errors import CantilenaError, InputError, MissingExtraError
from cantilena.files import make_folder
from cantilena.locks import lock
from cantilena.render.audio import find_fluidsynth, find_soundfont
from cantilena.tokens.note import NoteScheme

SONGS_PER_SHARD = 8
"""Some 60 clips of half a minute; a worker loses at most so many when a build is killed."""
CLIPS_PER_SHARD = 64
"""Of recordings; an hour is two shards of half a minute each clip."""
CLIPS_VERSION = 2  # raise it when ``rendering`` or ``recordings`` makes other clips of a file
ENGINES = ("auto", "fluidsynth", "synth")


@dataclass(frozen=True)
class Unit:
    """Files of one source and split that make one shard: songs, or parts of recordings."""

    source: str
    split: str
    number: int
    songs: tuple[Song, ...] = field(default=(), repr=False)
    takes: tuple[Take, ...] = field(default=(), repr=False)
    key: str = ""

    @property
    def corpus(self) -> Corpus:
        """What reads its songs."""
        return corpus_of(self.source)

    @property
    def file(self) -> str:
        """The shard's file name."""
        return f"{self.source}-{self.split}-{self.number:04d}.npz"

    @property
    def files(self) -> int:
        """Songs and parts of recordings."""
        return len(self.songs) + len(self.takes)


def build_audio(
    places: Sequence[str | Path],
    out: str | Path,
    recipe: Recipe | None = None,
    corpora: str | Path = "corpora",
    engine: str = "auto",
    soundfont: str | Path | None = None,
    workers: int = 1,
    limit: int | None = None,
    ray: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Builds the data set of ``places`` (names of corpora, which stand in the folder ``corpora``;
    folders; files) in the folder ``out`` and returns its manifest (``read_audio_manifest``).

    MIDI is sounded by ``engine``: "synth", the built-in synthesizer; "fluidsynth" with a
    ``soundfont``; "auto", FluidSynth where it and a soundfont are there. ``limit`` takes the first
    files of each split of a source only. ``ray`` runs the work as a Ray Data job, on the cluster
    that RAY_ADDRESS names or on ``workers`` processes here; its machines must see all folders
    under the same names. Calling again goes on where a stopped build was, and builds damaged
    shards anew.

    Raises InputError for places that are not there, files of which none is fit, and while another
    process writes to ``out``; UnknownNameError for an unknown corpus; MissingExtraError where
    recordings need soundfile, or ray is asked for and not there; CantilenaError where FluidSynth
    is asked for and cannot be had.
    """
    recipe = with_engine(recipe or Recipe(), engine, soundfont)
    sources = find_sources(places, corpora)
    work = list(units(sources, recipe, limit))
    out = make_folder(out)
    with lock(out):
        standing = _shards(work, out, recipe, workers, ray, progress)
        built = manifest(standing, out, recipe, limit, {s.name: s.licence for s in sources})
        if not any(row["clips"] for row in built["shards"]):
            raise InputError(_nothing(built))
        return finish(out, built)


def with_engine(recipe: Recipe, engine: str, soundfont: str | Path | None) -> Recipe:
    """The recipe with what sounds MIDI settled, so that every machine uses the same."""
    if engine not in ENGINES:
        raise InputError(f"unknown audio engine {engine!r}; known: {', '.join(ENGINES)}")
    if engine == "synth":
        return replace(recipe, engine="synth", soundfont="", soundfont_sha256="")
    try:
        find_fluidsynth()
        font = find_soundfont(soundfont)
    except InputError:
        raise
    except CantilenaError:
        if engine == "fluidsynth":
            raise
        return with_engine(recipe, "synth", None)
    sha256 = file_sha256(font)
    return replace(
        recipe, engine="fluidsynth", soundfont=str(font.resolve()), soundfont_sha256=sha256
    )


def units(sources: Sequence[Source], recipe: Recipe, limit: int | None = None) -> Iterator[Unit]:
    """The units of some sources, in order."""
    for source in sources:
        for split in SPLITS:
            number = 0
            songs = source.songs[split][:limit]
            for i in range(0, len(songs), SONGS_PER_SHARD):
                part = tuple(songs[i : i + SONGS_PER_SHARD])
                yield _keyed(Unit(source.name, split, number, part), recipe)
                number += 1
            files = source.recordings[split][:limit]
            for part in _grouped(takes(files, source.name, recipe, CLIPS_PER_SHARD)):
                yield _keyed(Unit(source.name, split, number, (), part), recipe)
                number += 1


def _grouped(parts: Sequence[Take]) -> Iterator[tuple[Take, ...]]:
    """Takes in runs of at most ``CLIPS_PER_SHARD`` clips, and as many files."""
    run: list[Take] = []
    clips = 0
    for take in parts:
        size = max(1, take.stop - take.first)
        if run and clips + size > CLIPS_PER_SHARD:
            yield tuple(run)
            run, clips = [], 0
        run.append(take)
        clips += size
    if run:
        yield tuple(run)


def _keyed(unit: Unit, recipe: Recipe) -> Unit:
    """The unit with a digest of all that decides what its shard holds. Of a file its name and
    size are looked at, of a recording when it was changed too: those are edited in place."""
    corpus = unit.corpus
    songs = [[s.path.stat().st_size, {**asdict(s), "path": s.path.name}] for s in unit.songs]
    parts = []
    for take in unit.takes:
        stat, beside = take.path.stat(), take.path.with_suffix(".txt")
        words = file_sha256(beside) if beside.is_file() else ""
        row = {**asdict(take), "path": take.path.name}
        parts.append([stat.st_size, stat.st_mtime_ns, words, row])
    rules = [asdict(corpus.rules), sorted(corpus.drum_map.items()), corpus.version]
    text = json.dumps([CLIPS_VERSION, VERSION, recipe.to_dict(), rules, songs, parts])
    return replace(unit, key=hashlib.sha256(text.encode()).hexdigest())


def _shards(
    work: Sequence[Unit],
    out: Path,
    recipe: Recipe,
    workers: int,
    ray: bool,
    progress: Progress | None,
) -> list[Shard[Unit]]:
    """The shards of all units, in their order, built where they are not there yet."""

    def run(missing: Sequence[Unit]) -> Iterator[tuple[Unit, tuple[dict[str, Any], str]]]:
        return (spread_by_ray if ray else spread)(build_shard, missing, workers, out, recipe)

    return in_order(work, out, about, run, lambda unit: unit.files, _summary, progress)


def _summary(counts: Mapping[str, Any]) -> str:
    return f"{counts['clips']} clips, {counts['seconds'] / 60:.1f} min"


def build_shard(unit: Unit, out: Path, recipe: Recipe) -> tuple[dict[str, Any], str]:
    """Makes a unit's clips and writes its shard; what the shard says of itself, and the sha256 of
    its file."""
    refused: dict[str, list[str]] = {}
    counts: Counter[str] = Counter()
    changed: dict[str, list[str]] = {}
    files: list[str] = []
    sketches: list[np.ndarray] = []
    seconds = 0.0
    with shard_writer(out / unit.file) as writer:
        for clips, more, sketch in _fit_files(unit, recipe, refused):
            for name in ("mixed", "resampled"):
                if more.pop(name, 0):
                    changed.setdefault(name, []).append(clips[0].meta["file"])
            counts.update(more)
            if clips:
                files.append(clips[0].meta["file"])
                sketches.append(sketch)
            for clip in clips:
                writer.add(clip)
                seconds += clip.meta["seconds"]
        account = {
            "key": unit.key,
            "source": unit.source,
            "split": unit.split,
            "counts": {
                "files": len(set(files)),
                "clips": len(writer.metas),
                "seconds": round(seconds, 1),
            },
            "left_out": dict(counts),
            "refused": refused,
            "changed": changed,
            "files": files,
        }
        writer.close(account, sketches)
    return account, file_sha256(out / unit.file)


def _fit_files(
    unit: Unit, recipe: Recipe, refused: dict[str, list[str]]
) -> Iterator[tuple[list[Clip], Counter[str], np.ndarray]]:
    """Of each file that is fit its clips, what was left out or changed, and its sketch."""
    scheme = NoteScheme()
    yield from accepted(
        unit.songs, lambda song: midi_clips(song, unit.corpus, recipe, scheme), refused
    )
    none = np.zeros(0, np.uint64)
    for take in unit.takes:
        try:
            clips, counts = recording_clips(take, recipe)
        except Refused as reason:
            refused.setdefault(str(reason), []).append(take.id)
        except MissingExtraError:
            raise
        except Exception as error:  # one strange file of thousands must not end a build
            name = f"{take.id}: {type(error).__name__}: {error}"
            refused.setdefault("failed", []).append(name)
        else:
            yield clips, counts, none


def _nothing(built: dict[str, Any]) -> str:
    """Why a data set would be empty, in a line."""
    reasons = built["reasons"]
    causes = []
    for by_reason in built["refused"].values():
        for reason, ids in by_reason.items():
            more = f" and {len(ids) - 1:,} more" if len(ids) > 1 else ""
            causes.append(f"{ids[0]}{more}: {reasons.get(reason, reason)}")
    return "no clip could be made: " + "; ".join(causes or ["there are no files"])
