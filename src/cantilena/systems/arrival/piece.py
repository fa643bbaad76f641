"""A piece over AMT's vocabulary while it is being written: its tokens, its controls, its window.

Knows triples, anticipation and the window that a model sees; does not know models, logits or
sampling. A step is one token; three make a note. Times are counted from the piece's start and may
stand above the vocabulary's 10,000: what a model reads is a window of them, shifted.

With ``compatible`` a piece does what the published implementation does (jthickstun/anticipation,
``sample.py``): the window is the last 1,017 tokens, shifted to start at 0, and slides with every
note; a REST may stand in any slot and ends the piece in the time slot. Without, the window grows
until it is full, or spans 100 s, and then its later half is read again: the model sees between a
half and a whole context, and reads each token about twice instead of a thousand times.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from cantilena.tokens.arrival.vocab import AMT, ArrivalVocabulary

TIME, DURATION, NOTE = range(3)
REFERENCE_WINDOW = 1017
"""Tokens that the published implementation lets the model look back on."""
KEEP = 0.5  # share of the window kept when it is full


class ArrivalPiece:
    """A piece in progress. All times are in steps of 10 ms.

    ``past`` (3N,) events, RESTs among them, in time order, that the piece goes on from; new events
    stand at ``start`` or later and before ``end`` (None for no end). ``controls`` (3M,) controls in
    time order, each of which is taken in as soon as the piece has come to the anticipation
    interval before it. ``rests``: whether the model was trained with RESTs wherever a second
    passes without a note; ``playing``: the instruments (0-127, 128 drums) of new notes, None for
    all; ``instruments``: those that sound, in ``controls`` still ahead as well. ``rows`` holds the
    new triples (time, duration, note), RESTs included; ``tokens`` all tokens, controls as well;
    ``now`` the time of the last event.
    """

    def __init__(
        self,
        past: Sequence[int] | np.ndarray = (),
        controls: Sequence[int] | np.ndarray = (),
        start: int = 0,
        end: int | None = None,
        compatible: bool = False,
        rests: bool = True,
        vocabulary: ArrivalVocabulary = AMT,
        playing: Collection[int] | None = None,
    ):
        self.vocabulary, self.compatible = vocabulary, compatible
        self.playing = frozenset(range(vocabulary.instruments) if playing is None else playing)
        self.start, self.end = start, end
        self.rests = rests or compatible
        self.tokens: list[int] = []
        self.rows: list[tuple[int, int, int]] = []
        self.now = 0
        self.notes_now: set[int] = set()  # note tokens that begin at ``now``
        self.instruments: set[int] = set()
        self.kinds: set[int] = set()  # as the published implementation counts: REST is one too
        ahead = np.asarray(controls, dtype=np.int64).reshape(-1, 3).tolist()
        self.ahead: list[list[int]] = ahead[::-1]  # the next control last
        first_note = vocabulary.control + vocabulary.note
        self.instruments |= {(note - first_note) // vocabulary.pitches for *_, note in ahead}
        self.flag = vocabulary.anticipate if ahead else vocabulary.autoregress
        self.first = 0  # triple at which the window begins
        self.offset = 0  # what times in the window are shifted by
        self.n_read: int | None = None  # tokens the model has read from ``first`` on; None: none
        for triple in np.asarray(past, dtype=np.int64).reshape(-1, 3).tolist():
            self._take_controls()
            self._take_event(triple)
        self.n_past = len(self.tokens)
        self._take_controls()

    @property
    def slot(self) -> int:
        """Which of a triple's three tokens comes next."""
        return len(self.tokens) % 3

    @property
    def begun(self) -> list[int]:
        """The tokens of the triple under way."""
        return self.tokens[len(self.tokens) - self.slot :]

    def push(self, *fields: int) -> None:
        """Takes up one token: its index among the slot's values (``systems.arrival.grammar``)."""
        v = self.vocabulary
        (value,) = fields
        slot = self.slot
        if slot == TIME:
            self.tokens.append(v.time + value + self.offset)
        elif slot == DURATION:
            self.tokens.append(v.rest if value == v.durations else v.duration + value)
        else:
            triple = [*self.begun, v.note + value]
            del self.tokens[-2:]
            self._take_event(triple)
            self.rows.append((triple[0], triple[1], triple[2]))
            self._take_controls()

    def events(self) -> np.ndarray:
        """(3N,) the new notes, without RESTs."""
        kept = [row for row in self.rows if row[2] != self.vocabulary.rest]
        return np.array(kept, dtype=np.int64).reshape(-1)

    def _take_event(self, triple: Sequence[int]) -> None:
        time, _, note = triple
        self.tokens.extend(triple)
        if time != self.now:
            self.notes_now = set()
        self.now = time
        self.notes_now.add(note)
        self._count(note - self.vocabulary.note)

    def _take_controls(self) -> None:
        v = self.vocabulary
        while self.ahead and self.now >= self.ahead[-1][0] - v.control - v.anticipation:
            triple = self.ahead.pop()
            self.tokens.extend(triple)
            self._count(triple[2] - v.control - v.note)

    def _count(self, number: int) -> None:
        kind = number // self.vocabulary.pitches
        self.kinds.add(kind)
        if kind < self.vocabulary.instruments:
            self.instruments.add(kind)

    # ------------------------------------------------------------------ the window

    def settle(self, room: int, flags: int) -> bool:
        """Decides, before a triple begins, where the window stands. ``room``: AMT ids that the
        model's context has place for, ``flags`` of them taken by the flag. True where what the
        model has read is no longer the window's beginning, so that it has to be read anew."""
        if self.slot:
            return self.n_read is None
        before = (self.first, self.offset)
        if self.compatible:
            self.first = max(len(self.tokens) - REFERENCE_WINDOW, 0) // 3
            self.offset = self._least()
        elif self.n_read is None or self._full(room - flags):
            whole = (room - flags) // 3
            count = len(self.tokens) // 3
            # what is read for the first time may fill the window; later half of it, in notes and
            # in time, is left free, lest the next note would have to move it again
            share = 1.0 if self.n_read is None else KEEP
            most = whole - 1 if self.n_read is None else max(1, int(KEEP * whole))
            self.first = max(self.first, count - most)
            self.offset = self._least()
            while self._spans(share) and self.first < count:
                self.first += max(1, (count - self.first) // 8)
                self.offset = self._least()
        if before != (self.first, self.offset):
            self.n_read = None
        return self.n_read is None

    def _full(self, room: int) -> bool:
        """Whether the window has no place for one more triple, in tokens or in time."""
        return len(self.tokens) - 3 * self.first + 3 > room or self._spans()

    def _spans(self, share: float = 1.0) -> bool:
        """Whether what comes next might need a time of ``share`` of the 10,000 or more."""
        v = self.vocabulary
        latest = max(self.now, self.start) + v.resolution
        if self.ahead:
            latest = max(latest, self.now + v.anticipation)
        return latest - self.offset >= share * v.times

    def _least(self) -> int:
        """The smallest time in the window; with nothing in it, the time that has been reached
        (the published implementation: 0)."""
        v = self.vocabulary
        window = np.array(self.tokens[3 * self.first :], dtype=np.int64).reshape(-1, 3)
        if not len(window):
            second = v.resolution
            return 0 if self.compatible else max(self.now, self.start) // second * second
        return int((window[:, 0] - np.where(window[:, 2] >= v.control, v.control, 0)).min())

    def unread(self) -> list[int]:
        """The tokens of the window, shifted, that the model has not read yet; they count as read
        from now on."""
        start = 3 * self.first + (self.n_read or 0)
        tokens = self.tokens[start:]
        for i in range(-start % 3, len(tokens), 3):
            tokens[i] -= self.offset
        self.n_read = len(self.tokens) - 3 * self.first
        return tokens
