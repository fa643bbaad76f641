"""Rows of songs to learn from, captions of them, and the batches of a run's steps.

Knows the songs of a data set, windows of rows and captions; does not know networks, or how a run
goes (``train.audio``). A batch depends on the seed and the step alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from cantilena.analysis.key import key_scores
from cantilena.data.dataset import Songs
from cantilena.errors import InputError
from cantilena.score import DRUMS
from cantilena.score.harmony import Key
from cantilena.text.caption import write_caption
from cantilena.text.facts import Facts, density_word, mood_rule
from cantilena.tokens.note import GRID
from cantilena.tokens.parts import Part, Parts
from cantilena.tokens.symphony import Vocabulary, pitch_sets, places_of, rows_of
from cantilena.tokens.symphony import vocab as v
from cantilena.tokens.symphony.bars import Bar, bars_of
from cantilena.tokens.symphony.bpe import learn

BEGIN = (v.EOS, v.EOS, v.EOS, v.EOS, 0, 0)
"""The row before the first one, with its places, as the published model is trained."""
END = (v.EOS, v.PAD, v.PAD, v.PAD)
"""The row behind the last one: its event ends the piece, and it has no other field."""
LEARNT = 150
"""Songs at most, spread over the training set, whose chords the music BPE is learnt from."""
WORDINGS = 2
"""Captions that a window has: so few that a text model's states of them can be kept."""
LEFT_OUT = 0.25
"""Of what a caption could say, the share that it leaves out, in the mean over captions."""
_DRUM_LENGTH = 12  # grid units that a drum's note counts for in its instrument's share
_PITCHES_OF_KEY = 4  # different pitch classes without which a window has no key


def song_parts(songs: Songs, i: int) -> Parts:
    """A song of a data set as parts, one for each instrument, in the grid's ticks."""
    table, lines, (num, den) = songs.table(i), songs.bars(i), songs.metres(i)
    onset, instrument, pitch, duration, velocity = table.T
    end = onset + np.array(songs.scheme.durations)[duration]
    notes = np.stack([onset, end, pitch, velocity], axis=1)
    parts = [
        Part(min(number, 127), number == DRUMS, notes[instrument == number])
        for number in np.unique(instrument).tolist()
    ]
    metres = zip(lines.tolist(), num.tolist(), den.tolist(), strict=False)
    return Parts(GRID, tuple(parts), (), tuple(metres), int(lines[-1]))


def chosen(count: int, most: int) -> list[int]:
    """Numbers of ``most`` songs (0: all) spread evenly over ``count``."""
    kept = min(most, count) if most else count
    return np.linspace(0, count - 1, kept).astype(int).tolist()


def readable(songs: Songs, most: int) -> Iterator[tuple[int, tuple[Bar, ...]]]:
    """The number and the bars of songs, those left out that the scheme cannot hold."""
    for i in chosen(len(songs), most):
        try:
            yield i, bars_of(song_parts(songs, i))[0]
        except InputError:
            continue


def learn_vocabulary(songs: Songs, merges: int, most: int) -> Vocabulary:
    """A vocabulary with up to ``merges`` rules of the music BPE, learnt from ``most`` songs (0:
    all), no more than ``LEARNT``, spread over the set."""
    if not merges:
        return Vocabulary()
    some = readable(songs, min(most, LEARNT) if most else LEARNT)
    return Vocabulary(learn((s for _, bars in some for s in pitch_sets(bars)), merges))


@dataclass(frozen=True)
class RowPiece:
    """A song: ``rows`` (T, 4) int16, their ``places`` (T, 2) int32, ``bars``, the numbers of the
    rows that begin one, and its ``meta`` (``data.dataset.Songs.meta``)."""

    rows: np.ndarray
    places: np.ndarray
    bars: np.ndarray
    meta: Mapping[str, Any]


def row_pieces(songs: Songs, vocabulary: Vocabulary, most: int = 0) -> list[RowPiece]:
    """Songs as rows, ``most`` of them (0: all), without those that a vocabulary cannot hold. Raises
    InputError where that leaves none."""
    lines, pieces = list(vocabulary.length_of), []
    for i, bars in readable(songs, most):
        try:
            rows = rows_of(bars, vocabulary)
        except InputError:
            continue
        places = places_of(rows, vocabulary)
        starts = np.flatnonzero(np.isin(rows[:, 0], lines))
        pieces.append(
            RowPiece(rows.astype(np.int16), places.astype(np.int32), starts, songs.meta(i))
        )
    if not pieces:
        raise InputError("none of the songs can be written in the scheme symphony")
    return pieces


class Windows:
    """Windows of up to ``context`` rows, each from a bar on, that overlap by half. ``positions``:
    the greatest within a block and by bars that the model has."""

    def __init__(
        self,
        pieces: Sequence[RowPiece],
        vocabulary: Vocabulary,
        context: int,
        positions: tuple[int, int],
    ):
        self.pieces, self.vocabulary, self.context = pieces, vocabulary, context
        self.positions = np.array(positions)
        self.spans = [
            (number, start) for number, piece in enumerate(pieces) for start in self._starts(piece)
        ]

    def _starts(self, piece: RowPiece) -> Iterator[int]:
        at = 0
        while True:
            yield at
            later = piece.bars[piece.bars >= at + self.context // 2]
            if not len(later) or at + self.context >= len(piece.rows):
                return
            at = int(later[0])

    def __len__(self) -> int:
        return len(self.spans)

    def rows(self, n: int, rng: np.random.Generator | None = None) -> tuple[np.ndarray, np.ndarray]:
        """(T, 6) what is read of window ``n`` and (T, 4) what follows each of its rows; T is up to
        ``context`` + 1, as a piece's last window has its end. With ``rng`` tracks have numbers of
        their own, and half of the windows begin at a later bar's place, so that all places are
        learnt: neither changes the music."""
        number, start = self.spans[n]
        piece = self.pieces[number]
        rows = piece.rows[start : start + self.context].astype(np.int64)
        places = piece.places[start : start + self.context].astype(np.int64)
        places[:, 1] -= places[0, 1] - 1
        if rng is not None:
            tracks = np.arange(v.FIRST + v.TRACKS)
            tracks[v.FIRST :] = v.FIRST + rng.permutation(v.TRACKS)
            rows[:, 2] = tracks[rows[:, 2]]
            free = (int(self.positions[1]) - int(places[-1, 1])) // 3
            if free > 0 and rng.random() < 0.5:
                places[:, 1] += 3 * int(rng.integers(0, free + 1))
        places = np.minimum(places, self.positions)
        targets = rows
        if start + self.context >= len(piece.rows):
            targets = np.concatenate([rows, np.array([END])])
        whole = np.concatenate([rows, places], axis=1)
        read = np.concatenate([np.array([BEGIN]), whole])
        return read[: len(targets)], targets

    def text(self, n: int, wording: int = 0, drop: float = LEFT_OUT) -> str:
        """A caption of what window ``n`` is, the same for the same ``wording``."""
        number, start = self.spans[n]
        piece = self.pieces[number]
        facts = self._facts(piece.rows[start : start + self.context].astype(np.int64), piece.meta)
        return write_caption(facts, np.random.default_rng([n, wording]), drop=drop)

    def _facts(self, rows: np.ndarray, meta: Mapping[str, Any]) -> Facts:
        """What rows are, measured on them, and on the song's labels."""
        notes = rows[rows[:, 1] != v.PAD]
        holds = self._holds[notes[:, 0]]
        length, instrument = notes[:, 1] - v.FIRST + 1, notes[:, 3] - v.FIRST
        drums = instrument == DRUMS
        count = holds.sum(1)
        share = np.bincount(instrument, count * np.where(drums, _DRUM_LENGTH, length))
        present = np.flatnonzero(share)
        order = present[np.argsort(-share[present], kind="stable")]
        by_pitch = (holds[~drums] * length[~drums, None]).sum(0)
        chroma = np.bincount(np.arange(v.PITCHES) % 12, by_pitch, minlength=12)
        key = None
        if (chroma > 0).sum() >= _PITCHES_OF_KEY:
            key = Key.from_index(int(np.argmax(key_scores(chroma))))
        bars = max(1, int(np.isin(rows[:, 0], list(self.vocabulary.length_of)).sum()))
        density, bpm = float(count.sum()) / bars, float(meta["bpm"])
        metre = (int(meta["metre"][0]), int(meta["metre"][1]))
        return Facts(
            key=key,
            metre=metre,
            bpm=bpm,
            instruments=tuple(order.tolist()),
            density=density_word(density),
            swing=meta["swing"],
            genres=tuple(meta["genres"]),
            moods=tuple(meta["moods"]) or mood_rule(key, bpm, density, metre),
        )

    @cached_property
    def _holds(self) -> np.ndarray:
        """(events, 128) bool: the pitches of each event."""
        holds = np.zeros((self.vocabulary.sizes[0], v.PITCHES), dtype=bool)
        for event, pitches in self.vocabulary.pitches_of.items():
            holds[event, list(pitches)] = True
        return holds


# ------------------------------------------------------------------ batches

Read = Callable[[Sequence[str]], tuple[Any, Any]]
"""Texts to their states (L, B, T, D) and mask (B, T)."""


class RowBatches:
    """Batches of windows: ``rows`` (B, T, 6), padded, and ``targets`` (B, T, 4). Where texts are
    read (``read``) ``text_states`` and ``text_mask`` too; the share ``drop`` of the windows has
    no text. Raises InputError without windows."""

    def __init__(self, windows: Windows, seed: int, read: Read | None = None, drop: float = 0.0):
        if not len(windows):
            raise InputError("there are no rows to train on")
        self.windows, self.seed, self.read, self.drop = windows, seed, read, drop
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def _shuffled(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self.seed, epoch]).permutation(len(self.windows))

    def draw(self, step: int, size: int) -> dict[str, Any]:
        """The batch of a step, each window once an epoch."""
        rng = np.random.default_rng([self.seed, step, 1])
        places = (divmod(n, len(self.windows)) for n in range(step * size, (step + 1) * size))
        numbers = [int(self._order(epoch)[place]) for epoch, place in places]
        batch = self._rows(numbers, rng)
        if self.read is not None:
            wordings = rng.integers(0, WORDINGS, size).tolist()
            texts = [self.windows.text(n, w) for n, w in zip(numbers, wordings, strict=True)]
            batch |= self._texts(texts, rng.random(size) < self.drop)
        return batch

    def fixed(self, size: int, limit: int) -> list[dict[str, Any]]:
        """Batches for validation: ``limit`` windows spread over all, with all that captions can
        say."""
        numbers = chosen(len(self.windows), limit)
        batches = []
        for at in range(0, len(numbers), size):
            some = numbers[at : at + size]
            batch = self._rows(some, None)
            if self.read is not None:
                texts = [self.windows.text(n, drop=0.0) for n in some]
                batch |= self._texts(texts, np.zeros(len(some), dtype=bool))
            batches.append(batch)
        return batches

    def _rows(self, numbers: Sequence[int], rng: np.random.Generator | None) -> dict[str, Any]:
        pairs = [self.windows.rows(n, rng) for n in numbers]
        longest = max(len(targets) for _, targets in pairs)
        rows = np.full((len(pairs), longest, 6), v.PAD, dtype=np.int64)
        targets = np.full((len(pairs), longest, 4), v.PAD, dtype=np.int64)
        for k, (read, target) in enumerate(pairs):
            rows[k, : len(read)], targets[k, : len(target)] = read, target
        return {"rows": rows, "targets": targets}

    def _texts(self, texts: Sequence[str], dropped: np.ndarray) -> dict[str, Any]:
        assert self.read is not None
        states, mask = self.read(texts)
        mask = mask.clone()
        mask[dropped] = False
        return {"text_states": states, "text_mask": mask}
