"""Pairs of sound and text as a joint embedding is trained on them.

Knows clips, their mel bands, which are made once and kept beside them, and how captions vary; does
not know models. What a batch holds follows from the seed and the step alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.data.audio.clips import Clip
from cantilena.data.audio.reader import AudioData
from cantilena.errors import InputError
from cantilena.files import make_folder, staged_file
from cantilena.models.audio.joint_input import FRAMES, RATE, bands, crop, hashed
from cantilena.score.harmony import Key
from cantilena.text.caption import write_caption
from cantilena.text.facts import Facts, density_word, mood_rule

_VERSION = 1
"""Raised where the bands or what is kept beside them change."""
FRESH = 0.75
"""How often a text is a new caption of what is known of a clip, where something is, and not one of
those that the clip has."""
DROPS = (0.3, 0.5, 0.75)
"""Mean shares of its facts that such a caption leaves out: some say a single thing, as people who
search do."""
Texts = Callable[[Sequence[str]], np.ndarray]
"""What a tower of texts reads of some texts, (N, ...)."""


class JointClips:
    """A split's clips as ``bands`` (N, T, BANDS) float16 and, of each, ``captions`` and ``facts``
    (None where nothing is known). Raises InputError for clips at another rate than ``RATE``."""

    def __init__(self, data: AudioData, say: Callable[[str], None] = print):
        if data.rate != RATE:
            raise InputError(
                f"the clips are at {data.rate} Hz and a joint embedding hears {RATE}: build them "
                f"with --rate {RATE}"
            )
        shards = [row["sha256"] for row in data.manifest["shards"] if row["split"] == data.split]
        which = json.dumps([_VERSION, shards, data.places.tolist()]).encode()
        folder = make_folder(data.folder / "bands")
        stem = f"{data.split}-{hashlib.sha256(which).hexdigest()[:16]}"
        arrays, texts = folder / f"{stem}.npy", folder / f"{stem}.json"
        if not (arrays.is_file() and texts.is_file()):
            say(f"{arrays}: the mel bands of {len(data):,} clips")
            _write(data, arrays, texts)
        self.bands = np.load(arrays, mmap_mode="r")
        self.rows: list[dict[str, Any]] = json.loads(texts.read_text(encoding="utf-8"))
        self.captions = [tuple(row["captions"]) for row in self.rows]
        self.facts = [_facts(row) for row in self.rows]
        if not any(self.captions):
            raise InputError("none of the clips has a caption to learn from")

    def __len__(self) -> int:
        return len(self.rows)


def _write(data: AudioData, arrays: Path, texts: Path) -> None:
    length = round(data.recipe.seconds * FRAMES)
    out = np.zeros((len(data), length, bands(np.zeros(RATE)).shape[1]), dtype=np.float16)
    rows: list[dict[str, Any]] = []
    for i in range(len(data)):
        clip = data.clip(i)
        out[i] = crop(bands(clip.samples), 0, length)
        rows.append({**clip.meta, "captions": list(clip.captions), "density": _density(clip)})
    with staged_file(arrays) as stage, stage.open("wb") as file:
        np.save(file, out)
    with staged_file(texts) as stage:
        stage.write_text(json.dumps(rows), encoding="utf-8")


def _density(clip: Clip) -> float | None:
    """Notes a bar; None of a recording."""
    symbols, meta = clip.symbols, clip.meta
    if symbols is None:
        return None
    num, den = meta["metre"]
    bars = len(clip.samples) / clip.rate * meta["bpm"] / 60 / (4 * num / den)
    return round(float((symbols.onset >= 0).sum()) / max(bars, 0.25), 2)


def facts_of_clip(clip: Clip) -> Facts | None:
    """What is known of a clip of MIDI; None of a recording."""
    return _facts({**clip.meta, "density": _density(clip)})


def _facts(row: dict[str, Any]) -> Facts | None:
    """What is known of a clip of MIDI, moods by ``mood_rule`` where the song has none."""
    if row.get("density") is None or "bpm" not in row:
        return None
    key = Key.from_index(row["key"]) if row["key"] >= 0 else None
    metre = (int(row["metre"][0]), int(row["metre"][1]))
    moods = tuple(row["moods"]) or mood_rule(key, row["bpm"], row["density"], metre)
    return Facts(
        key,
        metre,
        row["bpm"],
        tuple(row["instruments"]),
        density=density_word(row["density"]),
        genres=tuple(row["genres"]),
        moods=moods,
    )


class Pairs:
    """Batches of pairs: crops of ``seconds`` and texts, as ``read`` gives them."""

    def __init__(self, clips: JointClips, read: Texts, seconds: float, word_dropout: float = 0.0):
        self.clips, self.read, self.word_dropout = clips, read, word_dropout
        self.numbers = [i for i, rows in enumerate(clips.captions) if rows]
        self.length = round(seconds * FRAMES)
        self._order = lru_cache(maxsize=2)(self._permuted)

    def _permuted(self, epoch: int, seed: int) -> np.ndarray:
        return np.random.default_rng((seed, epoch)).permutation(self.numbers)

    def draw(self, seed: int, step: int, batch: int) -> dict[str, np.ndarray]:
        """The batch of a step: ``bands`` (B, T, BANDS), ``text`` and ``same`` (B, B) bool, whether
        a text is another's too."""
        rng = np.random.default_rng((seed, step, 1))
        rows, texts = [], []
        for number in range(step * batch, (step + 1) * batch):
            epoch, place = divmod(number, len(self.numbers))
            i = int(self._order(epoch, seed)[place])
            room = max(1, self.clips.bands.shape[1] - self.length + 1)
            rows.append(crop(self.clips.bands[i], int(rng.integers(room)), self.length))
            texts.append(self.text(i, rng))
        return self._batch(rows, texts)

    def text(self, i: int, rng: np.random.Generator) -> str:
        """A text of clip ``i``: a new caption, or one that it has, some words left out."""
        facts, captions = self.clips.facts[i], self.clips.captions[i]
        if facts is not None and rng.random() < FRESH:
            text = write_caption(facts, rng, float(rng.choice(DROPS)))
        else:
            text = captions[int(rng.integers(len(captions)))]
        words = text.split()
        kept = [word for word in words if rng.random() >= self.word_dropout]
        return " ".join(kept or words)

    def fixed(self, batch: int, limit: int = 256) -> list[dict[str, np.ndarray]]:
        """Batches for validation: the middles of ``limit`` clips, spread over the data, with their
        first captions."""
        spread = np.linspace(0, len(self.numbers) - 1, min(limit, len(self.numbers))).astype(int)
        numbers = [self.numbers[i] for i in np.unique(spread).tolist()]
        start = max(0, (self.clips.bands.shape[1] - self.length) // 2)
        out = []
        for first in range(0, len(numbers) - 1, batch):
            group = numbers[first : first + batch]
            rows = [crop(self.clips.bands[i], start, self.length) for i in group]
            out.append(self._batch(rows, [self.clips.captions[i][0] for i in group]))
        return out

    def _batch(self, rows: Sequence[np.ndarray], texts: Sequence[str]) -> dict[str, np.ndarray]:
        names = np.array(texts)
        return {
            "bands": np.stack(rows).astype(np.float32),
            "text": self.read(texts),
            "same": names[:, None] == names[None],
        }


def reader(buckets: int, encoder: Any = None) -> Texts:
    """What reads texts: hashed words, or the mean of a frozen encoder's last states."""
    if encoder is None:
        return lambda texts: hashed(texts, buckets)

    def states(texts: Sequence[str]) -> np.ndarray:
        encoded = encoder.encode(list(texts))
        mask = encoded.mask[:, :, None].float()
        mean = (encoded.states[-1].float() * mask).sum(1) / mask.sum(1).clamp(min=1)
        return mean.cpu().numpy()

    return states
