"""Clips as codes, to train models of codes on: encoded once, kept beside the run's data.

Knows clips, codecs and a folder of parts; does not know what is trained on codes. A part holds the
codes of some hundred clips and says which codec and which clips they are of; one that is there and
says the same is not made again, so that encoding goes on where it was stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from cantilena.audio.chroma import MELODY_HOP, MELODY_RATE
from cantilena.data.audio.clips import STEMS, from_pcm
from cantilena.errors import InputError
from cantilena.files import make_folder, staged_file
from cantilena.models.audio.codec.base import Codec
from cantilena.models.audio.codec.codes_file import smallest_kind
from cantilena.score import gm
from cantilena.score.harmony import Key
from cantilena.systems.codes.conditions import NO_TUNE, TUNE_RATE
from cantilena.systems.codes.examples import CodeExample

PART = 256
"""Clips of a part; half a minute each, they are two hours."""
CLASSES = 12
Say = Callable[[str], None]


class ClipData(Protocol):
    """A split of a data set, as ``data.audio.AudioData``: by ``manifest`` and ``places`` it is
    known which clips they are."""

    split: str
    manifest: Any
    places: np.ndarray

    def __len__(self) -> int: ...

    def clip(self, i: int) -> Any:
        """Clip ``i``, with ``rate``, ``samples`` (n,) float32, ``stems``, ``captions``, ``symbols``
        and ``meta``, as ``data.audio.clips.Clip``."""
        ...


class CodeClips:
    """A split's clips as examples of their codes by ``codec``, which stand in parts in ``folder``.
    ``stem``: of ``data.audio.STEMS``, whose codes they are; "": the mix's. A clip in which the stem
    is silent has no codes. Raises InputError where the codec is of another rate than the clips, or
    the clips have no such stem."""

    def __init__(
        self,
        data: ClipData,
        codec: Codec,
        folder: str | Path,
        say: Say = print,
        stem: str = "",
    ):
        first = data.clip(0)
        if first.rate != codec.sample_rate:
            raise InputError(
                f"the clips are at {first.rate} Hz and the codec at {codec.sample_rate}"
            )
        if stem and stem not in first.stems:
            raise InputError(
                f"the clips have no stem {stem!r}; make them with 'data audio --stems', "
                f"which gives {', '.join(STEMS)}"
            )
        self.data, self.codec, self.stem = data, codec, stem
        self.fingerprint = codec.fingerprint()
        shards = [row["sha256"] for row in data.manifest["shards"] if row["split"] == data.split]
        self._shards = json.dumps(shards).encode()
        folder = make_folder(Path(folder))
        self._parts = [self._part(folder, n, say) for n in range(-(-len(data) // PART))]
        self.lengths = [row.shape[1] for part in self._parts for row in part]

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, i: int, /) -> CodeExample:
        clip = self.data.clip(i)
        symbols = clip.symbols
        tune = None if symbols is None else melody_of(symbols, len(clip.samples) / clip.rate)
        codes, texts = self._parts[i // PART][i % PART], tuple(clip.captions)
        return CodeExample(codes, texts, symbols, tune, facts_of(clip.meta))

    def codes(self) -> Iterator[np.ndarray]:
        """The codes (K, T) of all clips."""
        for part in self._parts:
            yield from part

    def cached(
        self, folder: Path, name: str, about: Sequence[Any], rows: Iterable[np.ndarray], say: Say
    ) -> np.ndarray:
        """(N, ...) of ``rows`` of the clips, which are made where the folder has none of the same
        clips and ``about``, and kept there."""
        which = np.ascontiguousarray(self.data.places, dtype=np.int64).tobytes()
        clips = hashlib.sha256(self._shards + which).hexdigest()
        path = folder / f"{self.data.split}-{name}.npz"
        wanted = {"clips": clips, "about": list(about)}
        try:
            with np.load(path, allow_pickle=False) as part:
                if json.loads(str(part["about"])) == wanted:
                    return part["rows"]
        except Exception:  # as in _read
            pass
        stacked = np.stack(list(rows))
        with staged_file(path) as stage, stage.open("wb") as file:
            np.savez(file, rows=stacked, about=np.array(json.dumps(wanted)))
        say(f"{path.name}: {len(stacked)} clips heard")
        return stacked

    def _part(self, folder: Path, number: int, say: Say) -> Sequence[np.ndarray]:
        """The codes of a part, uint16 (uint32 where a book has more values), read or made."""
        clips = range(number * PART, min(len(self.data), (number + 1) * PART))
        stem = f"-{self.stem}" if self.stem else ""
        path = folder / f"{self.data.split}{stem}-{self.fingerprint[:16]}-{number:05d}.npz"
        which = np.ascontiguousarray(self.data.places[clips.start : clips.stop], dtype=np.int64)
        clip_hash = hashlib.sha256(self._shards + which.tobytes()).hexdigest()
        about = {"fingerprint": self.fingerprint, "clips": clip_hash}
        if self.stem:
            about["stem"] = self.stem
        read = _read(path, about)
        if read is not None:
            return read
        rows = [self._encoded(i) for i in clips]
        joined = np.concatenate(rows, axis=1)
        lengths = np.array([row.shape[1] for row in rows])
        with staged_file(path) as stage, stage.open("wb") as file:
            np.savez(file, codes=joined, lengths=lengths, about=np.array(json.dumps(about)))
        say(f"{path.name}: {len(rows)} clips encoded")
        return rows

    def _encoded(self, i: int) -> np.ndarray:
        clip = self.data.clip(i)
        if self.stem:
            part = from_pcm(clip.stems[self.stem])
            if not part.any():
                return np.zeros((self.codec.books, 0), dtype=np.uint16)
            heard = np.repeat(part[None], self.codec.channels, 0)
        else:
            heard = clip.heard(self.codec.channels)
        sound = torch.from_numpy(heard)[None]
        device = next(self.codec.parameters()).device
        with torch.inference_mode():
            codes = self.codec.encode(sound.to(device))
        return codes[0].cpu().numpy().astype(smallest_kind(self.codec.sizes))


def _read(path: Path, about: dict[str, str]) -> list[np.ndarray] | None:
    """The codes of a part that is what it should be; None for one that is not, or not there."""
    try:
        with np.load(path, allow_pickle=False) as part:
            if json.loads(str(part["about"])) != about:
                return None
            return np.split(part["codes"], np.cumsum(part["lengths"])[:-1], axis=1)
    except Exception:  # zipfile, tokenize, numpy and the system each have their own
        return None


def facts_of(meta: Mapping[str, Any]) -> dict[str, str]:
    """What a clip's ``meta`` says of its music, by MusicGen's names: "key", "bpm", "genre",
    "moods" and "instrument", those that are known; of recordings none is."""
    key, bpm = meta.get("key", -1), meta.get("bpm")
    facts = {
        "key": Key(key % CLASSES, key >= CLASSES).name if key >= 0 else "",
        "bpm": f"{bpm:.0f}" if bpm else "",
        "genre": ", ".join(meta.get("genres", ())),
        "moods": ", ".join(meta.get("moods", ())),
        "instrument": ", ".join(gm.name(number) for number in meta.get("instruments", ())),
    }
    return {name: fact for name, fact in facts.items() if fact}


def melody_of(symbols: Any, seconds: float) -> np.ndarray:
    """(n, 12) one-hot pitch classes of the melody's notes, as ``audio.chroma.melody_chroma`` would
    hear them alone: of several the highest, C where none sounds."""
    times = np.arange(int(seconds * MELODY_RATE) // MELODY_HOP + 1) / TUNE_RATE
    pitch = np.full(len(times), -1)
    leads = np.flatnonzero(symbols.role == STEMS.index("melody"))
    for i in leads[np.argsort(symbols.pitch[leads], kind="stable")]:
        sounds = (symbols.onset[i] <= times) & (times < symbols.onset[i] + symbols.duration[i])
        pitch[sounds] = symbols.pitch[i]
    return np.eye(CLASSES, dtype=np.float32)[np.where(pitch < 0, NO_TUNE, pitch % CLASSES)]
