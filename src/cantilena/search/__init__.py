"""Search: the files of a folder by how well they agree with a text.

Knows folders, MIDI files and recordings; how a file is measured is ``measuring``'s, how measures
and texts are compared ``matching``'s. ``docs/papers/joint-embedding.md`` says how good it is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.audio.recording import SUFFIXES, is_recording
from cantilena.errors import CantilenaError, InputError, Notice
from cantilena.models.audio.joint_plain import PlainJoint
from cantilena.score.midi import read_midi
from cantilena.search.cache import Cache, content_hash
from cantilena.search.matching import Query, match
from cantilena.search.measuring import Measured, of_recording, of_score
from cantilena.systems.joint.checkpoint import shipped_joint

__all__ = ["Hit", "search"]

MIDI = (".mid", ".midi")
MAX_TEXT = 4000
"""Letters of a text."""


@dataclass(frozen=True)
class Hit:
    """A file: its path, how well it agrees with the text (0-1), "midi" or "audio", and the
    likeness (0-1) of each wish of the text by its name."""

    file: str
    score: float
    kind: str
    wishes: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        score = round(self.score, 4)
        return {"file": self.file, "score": score, "kind": self.kind, "wishes": dict(self.wishes)}


def search(
    text: str,
    folder: str | Path,
    *,
    n: int | None = None,
    joint: PlainJoint | None = None,
    cache: Cache | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Hit]:
    """The MIDI files and recordings in a folder, at any depth, best first, at most ``n``; files
    that agree equally stand by name. ``joint``: the embedding by which sound is compared with the
    text, by default the one that comes with the package, where there is one. Hidden files and
    folders are passed over. A file that cannot be read, has no notes or is silent is named in a
    Notice and left out. ``progress`` is called with how many files are measured, how many there
    are, and the name of the next.

    Raises InputError for a text that is empty or too long, and where the folder is not there or
    holds no music that can be read; BriefError for a text whose wishes cannot be.
    """
    if not text.strip():
        raise InputError('the text to search for is empty; say what to look for, as "calm harp"')
    if len(text) > MAX_TEXT:
        raise InputError(f"the text has {len(text):,} letters; {MAX_TEXT:,} are the most")
    if n is not None and n < 1:
        raise InputError(f"the number of files must be 1 or more, not {n}")
    query = Query.of(text)
    folder = Path(folder)
    files = music_files(folder)
    joint = joint or shipped_joint()
    cache = cache or Cache(joint.identity if joint else "")
    vector = joint.embed_texts([text])[0] if joint else None
    hits: list[Hit] = []
    for path, measured in _measured(files, cache, joint, progress):
        sound = None
        if joint is not None and vector is not None and measured.vector:
            sound = joint.likeness(np.array(measured.vector), vector)
        name = str(path.relative_to(folder).with_suffix(""))
        score, wishes = match(query, measured, name, sound)
        hits.append(Hit(str(path), score, measured.kind, wishes))
    if not hits:
        raise InputError(
            f"none of the {len(files):,} files in {str(folder)!r} can be read as music"
        )
    hits.sort(key=lambda hit: (-hit.score, hit.file))
    if not hits[0].score:
        warnings.warn(Notice(f"nothing in {text!r} agrees with any file"), stacklevel=2)
    return hits[:n]


def _measured(
    files: Sequence[Path],
    cache: Cache,
    joint: PlainJoint | None,
    progress: Callable[[int, int, str], None] | None,
) -> Iterator[tuple[Path, Measured]]:
    """The files that can be measured, with their measures; a Notice names each of the others."""
    for i, path in enumerate(files):
        if progress is not None:
            progress(i, len(files), path.name)
        try:
            measured = measure(path, cache, joint)
        except CantilenaError as error:
            reason = str(error)
            named = reason if path.name in reason else f"{str(path)!r}: {reason}"
            warnings.warn(Notice(f"left out: {named}"), stacklevel=3)
            continue
        yield path, measured


def music_files(folder: Path) -> list[Path]:
    """The files in a folder, at any depth, that are MIDI or sound by their names. Raises InputError
    where there are none."""
    if not folder.exists():
        raise InputError(f"there is no folder {str(folder)!r}; give one that holds music")
    if not folder.is_dir():
        raise InputError(f"{str(folder)!r} is a file; give the folder that holds it")
    endings = (*MIDI, *SUFFIXES)
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in endings
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    ]
    if not files:
        names = ", ".join(endings)
        raise InputError(f"{str(folder)!r} holds no music; give a folder with files of {names}")
    return files


def measure(path: Path, cache: Cache, joint: PlainJoint | None = None) -> Measured:
    """The measures of a file, kept by its content, and of sound its vector by ``joint``. Raises
    InputError where it cannot be read, has no notes or is silent, MissingExtraError where its kind
    needs soundfile."""
    digest = content_hash(path)
    measured = cache.get(digest)
    if measured is None:
        sound = is_recording(path)
        measured = of_recording(path, joint) if sound else of_score(read_midi(path))
        cache.put(digest, measured)
    return measured
