"""A sequence of UniAudio while its target is written: a step is a patch, K fields.

Knows the vocabulary, and which tokens may stand where; does not know models, tasks or sound. Sound
has a length, and what is known of its beginning is taken as it is; notes go on until their end is
written, and follow one another by time, instrument and pitch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cantilena.tokens.codes.patches import AUDIO, FIELDS, KINDS, NOTES, Patches, Vocabulary

ORDERED = FIELDS[:3]
"""Fields of a note by which notes are in order."""


class UniPiece:
    """The target of a sequence whose ``prompt`` ends with the target's start: of ``kind``, of
    ``frames`` where it is sound, the first of which is number ``begin`` and of which ``beginning``
    (n, K) are there. ``rows`` holds the patches so far."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        prompt: Patches,
        kind: str,
        frames: int = 0,
        begin: int = 0,
        beginning: np.ndarray | None = None,
    ):
        self.vocabulary, self.prompt, self.kind = vocabulary, prompt, kind
        self.frames, self.begin = frames, begin
        self.rows: list[tuple[int, ...]] = []
        self.when: list[int] = []
        for row in () if beginning is None else beginning.tolist():
            self.push(*row)

    @property
    def complete(self) -> bool:
        """Whether all of a sound is written."""
        return self.kind == AUDIO and len(self.rows) >= self.frames

    @property
    def place(self) -> int:
        """The number of the next patch among those of its note."""
        return len(self.rows) % self.vocabulary.note_patches if self.kind == NOTES else 0

    def push(self, *fields: int) -> None:
        """Takes up the next patch."""
        if self.kind == AUDIO:
            self.when.append(self.begin + len(self.rows))
        elif self.place == 0:
            self.when.append(fields[0] - self.vocabulary.first["time"] - 1)
        else:
            self.when.append(self.when[-1])
        self.rows.append(fields)

    def patches(self) -> np.ndarray:
        """(n, K) int64 so far."""
        return np.array(self.rows, dtype=np.int64).reshape(-1, self.vocabulary.books)


class UniGrammar:
    """What may stand in the next patch of a sound, or of notes."""

    def bias(self, field: int, piece: UniPiece, chosen: Sequence[int]) -> np.ndarray:
        """(written tokens,) 0 or -inf."""
        vocabulary = piece.vocabulary
        out = np.full(vocabulary.written, -np.inf, dtype=np.float32)
        first, stop = vocabulary.range_of(piece.kind, field, piece.place)
        if piece.kind == NOTES:
            if field == 0 and piece.place == 0:
                out[self._end(piece)] = 0.0
            first = max(first, self._least(piece, chosen))
        out[first:stop] = 0.0
        return out

    def forced(self, piece: UniPiece) -> Sequence[int] | None:
        """Behind the last frame of a sound its end."""
        return piece.vocabulary.bound("end", AUDIO)[0].tolist() if piece.complete else None

    def ends(self, piece: UniPiece, chosen: Sequence[int]) -> bool:
        """Whether a sound is complete, or the end of notes is written."""
        if piece.kind == AUDIO:
            return piece.complete
        return piece.place == 0 and chosen[0] == self._end(piece)

    def _least(self, piece: UniPiece, chosen: Sequence[int]) -> int:
        """The least token that may come next of a note's time, instrument or pitch: notes follow
        one another in this order, and none comes twice."""
        books, place, begun = piece.vocabulary.books, piece.place, len(piece.rows)
        own = [*(t for row in piece.rows[begun - place :] for t in row), *chosen]
        if len(own) >= len(ORDERED) or begun == place:
            return 0
        before = piece.rows[begun - place - piece.vocabulary.note_patches : begun - place]
        last = [token for row in before for token in row][: len(ORDERED)]
        if own != last[: len(own)]:
            return 0
        rest = range(len(own) + 1, len(ORDERED))
        ends = (piece.vocabulary.range_of(NOTES, i % books, i // books)[1] - 1 for i in rest)
        used_up = all(last[i] == end for i, end in zip(rest, ends, strict=True))
        return last[len(own)] + used_up

    def _end(self, piece: UniPiece) -> int:
        return piece.vocabulary.first["end"] + KINDS.index(NOTES)
