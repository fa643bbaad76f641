"""Pairs of sound and text as a joint embedding is trained on them.

Knows clips, what is read of them, which is made once and kept beside them, and how they and their
captions vary; does not know models. What a batch holds follows from the seed and the step alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.data.audio.clips import Clip
from cantilena.data.audio.reader import AudioData
from cantilena.errors import InputError
from cantilena.files import make_folder, staged_file
from cantilena.models.audio.joint_input import (
    BANDS,
    FRAMES,
    MARGIN,
    RATE,
    ROWS,
    STATISTICS,
    STEP,
    crop,
    hashed,
    moved,
    moved_profile,
    profile,
    sound_rows,
    statistics,
)
from cantilena.score.harmony import Key
from cantilena.text.caption import write_caption
from cantilena.text.facts import Facts, density_word, mood_rule

_VERSION = 2
"""Raised where the rows or what is kept beside them change."""
FRESH = 0.75
"""How often a text is a new caption of what is known of a clip, where something is, and not one of
those that the clip has."""
DROPS = (0.3, 0.5, 0.75)
"""Mean shares of its facts that such a caption leaves out: some say a single thing, as people who
search do."""
NOTHING_KNOWN = (
    "nothing is known of these clips, as of recordings, single notes and sung lines; give clips of "
    "pieces of MIDI, as 'cantilena data audio' makes them"
)
"""What is wrong where facts of clips are needed and ``facts_of_clip`` gives none."""
Texts = Callable[[Sequence[str]], np.ndarray]
"""What a tower of texts reads of some texts, (N, ...)."""


class JointClips:
    """A split's clips as ``sounds`` (N, T, ROWS) float16 and, of each, ``captions`` and ``facts``
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
            say(f"{arrays}: mel bands and pitch classes of {len(data):,} clips")
            _write(data, arrays, texts)
        self.sounds = np.load(arrays, mmap_mode="r")
        self._whole = folder / f"{stem}-statistics.npy"
        self.rows: list[dict[str, Any]] = json.loads(texts.read_text(encoding="utf-8"))
        self.captions = [tuple(row["captions"]) for row in self.rows]
        self.facts = [_facts(row) for row in self.rows]
        if not any(self.captions):
            raise InputError("none of the clips has a caption to learn from")

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def statistics(self) -> np.ndarray:
        """(N, S) float32 of whole clips: statistics of mel bands, and a profile with a margin."""
        if not self._whole.is_file():
            sounds = (np.asarray(sound, dtype=np.float32) for sound in self.sounds)
            out = [np.append(statistics(s[:, :BANDS]), profile(s, MARGIN)) for s in sounds]
            with staged_file(self._whole) as stage, stage.open("wb") as file:
                np.save(file, np.array(out, dtype=np.float32))
        return np.load(self._whole)


def _write(data: AudioData, arrays: Path, texts: Path) -> None:
    length = round(data.recipe.seconds * FRAMES)
    out = np.zeros((len(data), length, ROWS), dtype=np.float16)
    rows: list[dict[str, Any]] = []
    for i in range(len(data)):
        clip = data.clip(i)
        out[i] = crop(sound_rows(clip.samples), 0, length)
        rows.append({**clip.meta, "captions": list(clip.captions), "density": _density(clip)})
    with staged_file(arrays) as stage, stage.open("wb") as file:
        np.save(file, out)
    with staged_file(texts) as stage:
        stage.write_text(json.dumps(rows), encoding="utf-8")


def _density(clip: Clip) -> float | None:
    """Notes a bar; None where there are none: of a recording, a single note, a sung line."""
    symbols, meta = clip.symbols, clip.meta
    if symbols is None or "metre" not in meta:
        return None
    num, den = meta["metre"]
    bars = len(clip.samples) / clip.rate * meta["bpm"] / 60 / (4 * num / den)
    return round(float((symbols.onset >= 0).sum()) / max(bars, 0.25), 2)


def facts_of_clip(clip: Clip) -> Facts | None:
    """What is known of a clip of a piece of MIDI; None of any other, as ``_density`` has them."""
    return _facts({**clip.meta, "density": _density(clip)})


def _facts(row: dict[str, Any]) -> Facts | None:
    """As ``facts_of_clip``, moods by ``mood_rule`` where the song has none."""
    if row.get("density") is None:
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


@dataclass(frozen=True)
class Variety:
    """How pairs vary: ``words``: share of a text's words that are left out; ``speed``: by which
    share a clip is faster or slower at most; ``keys``: whether its key is any. What is said of its
    tempo and key follows, so only a clip whose facts are known, under a new caption, is changed."""

    words: float = 0.0
    speed: float = 0.0
    keys: bool = False


class Pairs:
    """Batches of pairs: sounds, and texts as ``read`` gives them. Sounds are crops of ``seconds``,
    or with ``whole`` the statistics of whole clips."""

    def __init__(
        self,
        clips: JointClips,
        read: Texts,
        seconds: float,
        variety: Variety = Variety(),
        whole: bool = False,
    ):
        self.clips, self.read, self.variety, self.whole = clips, read, variety, whole
        self.numbers = [i for i, rows in enumerate(clips.captions) if rows]
        self.length = round(seconds * FRAMES)
        self._order = lru_cache(maxsize=2)(self._permuted)

    def _permuted(self, epoch: int, seed: int) -> np.ndarray:
        return np.random.default_rng((seed, epoch)).permutation(self.numbers)

    def draw(self, seed: int, step: int, batch: int) -> dict[str, np.ndarray]:
        """The batch of a step: ``bands`` (B, T, BANDS) or (B, STATISTICS), ``profile`` (B,
        PROFILE), ``text`` and ``same`` (B, B) bool, whether a text is another's too."""
        rng = np.random.default_rng((seed, step, 1))
        sounds, texts = [], []
        for number in range(step * batch, (step + 1) * batch):
            epoch, place = divmod(number, len(self.numbers))
            sound, text = self.pair(int(self._order(epoch, seed)[place]), rng)
            sounds.append(sound)
            texts.append(text)
        return self._batch(sounds, texts)

    def pair(self, i: int, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        """The sound of clip ``i``, (T, ROWS) or (STATISTICS + PROFILE,), and a text of it: a new
        caption, or one that it has, some words left out."""
        facts, captions = self.clips.facts[i], self.clips.captions[i]
        semitones, steps = 0, 0
        if facts is not None and rng.random() < FRESH:
            if self.variety.keys:
                semitones = int(rng.integers(12))
            most = min(MARGIN, round(float(np.log1p(self.variety.speed) / np.log(STEP))))
            steps = int(rng.integers(-most, most + 1))
            facts = _facts(_moved_row(self.clips.rows[i], semitones, STEP**steps)) or facts
            text = write_caption(facts, rng, float(rng.choice(DROPS)))
        else:
            text = captions[int(rng.integers(len(captions)))]
        words = text.split()
        kept = [word for word in words if rng.random() >= self.variety.words]
        return self._sound(i, semitones, steps, rng), " ".join(kept or words)

    def _sound(self, i: int, semitones: int, steps: int, rng: np.random.Generator) -> np.ndarray:
        """Clip ``i`` that many semitones higher, and steps of tempo faster."""
        if self.whole:
            row = self.clips.statistics[i]
            bands, values = row[:STATISTICS], row[STATISTICS:]
            return np.concatenate([bands, moved_profile(values, semitones, steps)])
        sound = np.asarray(self.clips.sounds[i], dtype=np.float32)
        room = max(0.0, len(sound) - 1 - STEP**steps * self.length)
        start = int(rng.integers(int(room) + 1))
        return moved(sound, semitones, start, self.length, STEP**steps)

    def fixed(self, batch: int, limit: int = 256) -> list[dict[str, np.ndarray]]:
        """Batches for validation: the middles of ``limit`` clips, spread over the data, with their
        first captions."""
        spread = np.linspace(0, len(self.numbers) - 1, min(limit, len(self.numbers))).astype(int)
        numbers = [self.numbers[i] for i in np.unique(spread).tolist()]
        start = max(0, (self.clips.sounds.shape[1] - self.length) // 2)
        rng = np.random.default_rng(0)
        out = []
        for first in range(0, len(numbers) - 1, batch):
            group = numbers[first : first + batch]
            if self.whole:
                sounds = [self._sound(i, 0, 0, rng) for i in group]
            else:
                sounds = [crop(self.clips.sounds[i], start, self.length) for i in group]
            out.append(self._batch(sounds, [self.clips.captions[i][0] for i in group]))
        return out

    def _batch(self, sounds: Sequence[np.ndarray], texts: Sequence[str]) -> dict[str, np.ndarray]:
        names, rows = np.array(texts), np.stack(sounds).astype(np.float32)
        width = STATISTICS if self.whole else BANDS
        return {
            "bands": np.ascontiguousarray(rows[..., :width]),
            "profile": rows[:, width:] if self.whole else profile(rows),
            "text": self.read(texts),
            "same": names[:, None] == names[None],
        }


def _moved_row(row: dict[str, Any], semitones: int, speed: float) -> dict[str, Any]:
    """What is known of a clip that is ``speed`` times as fast and ``semitones`` higher."""
    key = row["key"]
    if key >= 0:
        key = 12 * (key // 12) + (key + semitones) % 12
    return {**row, "bpm": row["bpm"] * speed, "key": key}


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
