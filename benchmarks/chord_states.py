"""POP909's songs by beat, for heads that tell chords: chroma, and states of the frozen note model.

Knows songs, the shipped note model and a cache of what it was asked; does not know heads. Each song
is read by the model as the reference of ``aligned`` is (no chords, no text), once in each of twelve
keys: copy r is moved so that a chord on root r has its root on C. What the model knows behind each
note is averaged by beat, and kept in half precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from chord_recognition import FIRST_TEST, label_number, songs

from cantilena.analysis import slot_edges
from cantilena.analysis.chords import CELLS, chord_slots
from cantilena.analysis.grid import piano_roll
from cantilena.analysis.recognition import beat_evidence, features, sounding_beats
from cantilena.models.step_aligned import CrossSteps
from cantilena.score import DRUMS
from cantilena.score.score import Score
from cantilena.systems.aligned.base import open_base
from cantilena.systems.aligned.examples import conditions_of, plain_frame, reference_arrays
from cantilena.systems.note.rewriting import grid
from cantilena.systems.note.torch_engine import load_network
from cantilena.tokens.note import GRID, NoteScheme

SCHEME = NoteScheme()
KEYS = 12
OVERLAP = 128  # steps that a window of the model's context has in common with the one before
LEAD = 8  # beats that are read before the first that is wanted, where only some of a song are
UP = 6  # semitones: copies of roots up to here are moved down, the others up


@dataclass
class Song:
    """Beats of a song: (S, 36) chroma features, (S,) labels, (S,) whether anything sounds, and what
    judges it: (S + 1,) seconds, (C, 2) seconds and labels of the annotated chords."""

    number: int
    score: Score
    chroma: np.ndarray
    labels: np.ndarray
    sounding: np.ndarray
    truth: tuple[np.ndarray, np.ndarray, list[str]]

    @cached_property
    def shipped(self) -> np.ndarray:
        """(S, N_LABELS) log-likelihood of each label by the shipped network and the templates."""
        return beat_evidence(self.score, self.edges)[: len(self.labels)].astype(np.float32)

    @cached_property
    def templates(self) -> np.ndarray:
        """(S,) reduced chord numbers by templates alone."""
        return chord_slots(self.score, "beat")[0][: len(self.labels)]

    @property
    def edges(self) -> np.ndarray:
        """(S + 1,) ticks of the beats."""
        return slot_edges(self.score, "beat")


def read_songs(root: Path, train: int, tests: int) -> tuple[list[Song], list[Song], list[Song]]:
    """The first ``train`` songs of 1-746 whose number ends neither with 0 nor with 1; as many as 8
    of those that end with 1, which settings are chosen on; and the first ``tests`` of 747-829."""
    sides: tuple[list[Song], list[Song], list[Song]] = ([], [], [])
    most = (train, 8, tests)
    for number, score, _, seconds, spans, truth in songs(root):
        side = 2 if number >= FIRST_TEST else 1 if number % 10 == 1 else 0
        if len(sides[side]) >= most[side] or (side == 0 and number % 10 == 0):
            continue
        edges = slot_edges(score, "beat")
        middle = (seconds[:-1] + seconds[1:]) / 2
        row = np.clip(np.searchsorted(spans[:, 0], middle, side="right") - 1, 0, len(truth) - 1)
        inside = (middle >= spans[0, 0]) & (middle < spans[-1, 1])
        labels = np.array([label_number(label) for label in truth])[row] * inside
        rolls = features(piano_roll(score, edges, CELLS["beat"]))
        count = min(len(rolls), len(labels))
        sides[side].append(
            Song(
                number,
                score,
                rolls[:count],
                labels[:count],
                sounding_beats(score, edges)[:count],
                (seconds[: count + 1], spans, list(truth)),
            )
        )
    return sides


class States:
    """What the frozen shipped model knows of songs, in the inputs of ``layers`` (the number of the
    layers: its output). ``cache``: a folder that keeps it."""

    def __init__(self, cache: Path, layers: tuple[int, ...]):
        self.cache, self.layers = cache, layers
        cache.mkdir(parents=True, exist_ok=True)

    @cached_property
    def model(self) -> CrossSteps:
        """The model, loaded where a song is not in the cache."""
        return CrossSteps(load_network(open_base()))

    def of(self, song: Song, beats: int = 0) -> tuple[int, np.ndarray]:
        """The first beat and the (12, B, D) states of a song: of ``beats`` beats in its middle, or
        of all (0)."""
        first = max(len(song.labels) - beats, 0) // 2 if beats else 0
        stop = min(first + beats, len(song.labels)) if beats else len(song.labels)
        name = f"{song.number:03}-{first}-{stop}-{'.'.join(map(str, self.layers))}.npy"
        if not (self.cache / name).exists():
            np.save(self.cache / name, self._read(song, first, stop))
        return first, np.load(self.cache / name)

    def _read(self, song: Song, first: int, stop: int) -> np.ndarray:
        """(12, stop - first, D) half-precision means of beats; of a beat without notes as in the
        one before."""
        arrays = [self._arrays(song.score, root, first, stop) for root in range(KEYS)]
        ticks = arrays[0]["ticks"]
        every = np.concatenate(list(self._states(arrays)), axis=1)
        beat = ticks // GRID - first
        wanted = (beat >= 0) & (beat < stop - first)
        count = np.bincount(beat[wanted], minlength=stop - first)
        total = np.zeros((KEYS, stop - first, every.shape[2]), dtype=np.float32)
        np.add.at(total, (slice(None), beat[wanted]), every[:, wanted])
        mean = total / np.maximum(count, 1)[:, None]
        filled = np.maximum.accumulate(np.where(count > 0, np.arange(stop - first), 0))
        return mean[:, filled].astype(np.float16)

    def _states(self, arrays: list[dict[str, np.ndarray]]) -> Iterator[np.ndarray]:
        """(12, T, D) states of successive windows, without what two have in common."""
        length, context = len(arrays[0]["ticks"]), self.model.base.config.context
        start = 0
        while start == 0 or start + OVERLAP < length:
            steps = slice(start, start + context)
            stream = {
                k: torch.as_tensor(
                    np.stack([a[k][steps] if k in ("state", "ticks") else a[k] for a in arrays])
                )
                for k in arrays[0]
                if k != "there"
            }
            with torch.inference_mode():
                inputs = self.model.states(stream, max(self.layers) + 1)
            kept = torch.cat([inputs[k].float() for k in self.layers], 2).numpy()
            yield kept[:, OVERLAP if start else 0 :]
            start += context - OVERLAP

    def _arrays(self, score: Score, root: int, first: int, stop: int) -> dict[str, np.ndarray]:
        """What the model reads of beats of a song that is moved so that ``root`` becomes C."""
        table, lines = SCHEME.table(score), grid(score.bar_starts, score.tpq)
        front = conditions_of(table, score.bpm, (int(score.metre_num[0]), 4), score.n_bars)
        moved = -root if root < UP else KEYS - root
        table[:, 2] += moved * (table[:, 1] != DRUMS)
        bar = max(int(np.searchsorted(lines, (first - LEAD) * GRID, side="right")) - 1, 0)
        kept = (table[:, 0] >= lines[bar]) & (table[:, 0] < stop * GRID)
        return reference_arrays(table[kept], plain_frame(lines[bar:]), front)
