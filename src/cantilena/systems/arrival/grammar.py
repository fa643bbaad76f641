"""The Grammar of AMT's tokens, slot by slot, and wishes about instruments.

Knows the vocabulary and the piece so far; does not know models. The values of a slot are its
range of the vocabulary, counted from 0: times relative to the window, durations, and notes with
REST last. Controls and specials are in no slot's values, so they are never sampled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from cantilena.errors import InputError
from cantilena.systems.arrival.piece import DURATION, NOTE, TIME, ArrivalPiece
from cantilena.tokens.arrival.vocab import AMT, ArrivalVocabulary

NEVER = -np.inf
MOST_AT_ONCE = 64
"""Notes that may begin at one moment; then time has to go on. Far more than any chord has, it only
keeps a model from piling notes up without end."""
_REFERENCE_MOST = 15  # instruments after which the published implementation lets no new one in


class ArrivalGrammar:
    """Masks of the three slots, 0 or -inf.

    - time: none earlier than the current one, none before the piece's start; where the model knows
      rests, none more than a second after the last event, because a REST would stand there; not
      the current one again once ``MOST_AT_ONCE`` notes begin there;
    - duration: all;
    - note: REST only where the rests' rule puts one (a second after the last event, with no
      duration); not the same note twice at one onset; once ``most`` - 1 instruments besides drums
      have sounded no new one but drums, since a MIDI file has as many channels.

    A piece that is ``compatible`` has the published implementation's masks instead: REST in every
    slot (its index is the slot's last), where it ends the piece if it is a time; no new instrument
    once 15 have sounded, controls and REST counted as instruments; a window that spans more than
    100 s leaves only REST.
    """

    def __init__(self, most: int | None = None, vocabulary: ArrivalVocabulary = AMT):
        """Raises InputError where ``most`` (16 by default) is under 1."""
        self.vocabulary = vocabulary
        self.most = vocabulary.most_instruments if most is None else most
        if self.most < 1:
            raise InputError(f"a piece needs at least 1 instrument, not {self.most}")

    def span(self, slot: int) -> tuple[int, int]:
        """First token of a slot and the one behind its last, REST being in the note slot alone."""
        v = self.vocabulary
        return ((v.time, v.duration), (v.duration, v.note), (v.note, v.control))[slot]

    def size(self, slot: int, compatible: bool) -> int:
        """How many values a slot has."""
        first, last = self.span(slot)
        return last - first + (compatible and slot != NOTE)

    def bias(self, field: int, piece: ArrivalPiece, chosen: Sequence[int]) -> np.ndarray | None:
        """The mask of the slot that comes next in ``piece``; None where all is allowed."""
        slot = piece.slot
        if slot == TIME:
            return self._times(piece)
        if slot == DURATION:
            return None
        return self._counted(piece) if piece.compatible else self._notes(piece)

    def reach(self, piece: ArrivalPiece) -> tuple[int, int]:
        """First value of the slot that comes next, and the one behind the last, outside of which
        ``bias`` forbids all: logits of others need not be computed."""
        if piece.slot != TIME:
            return 0, self.size(piece.slot, piece.compatible)
        now = min(max(piece.start, piece.now) - piece.offset, self.vocabulary.times - 1)
        now = max(now, 0)
        if piece.compatible or not piece.rests:
            return now, self.size(TIME, piece.compatible)
        reach = piece.now + self.vocabulary.resolution - piece.offset
        return now, min(max(reach, now) + 1, self.vocabulary.times)

    def forced(self, piece: ArrivalPiece) -> Sequence[int] | None:
        """None: what is kept of a piece are its controls and the events it goes on from."""
        return None

    def ends(self, piece: ArrivalPiece, chosen: Sequence[int]) -> bool:
        """Whether the time chosen is the end's or later, or is no time but a REST."""
        if piece.slot != TIME:
            return False
        value = chosen[0]
        if value == self.vocabulary.times:
            return True
        return piece.end is not None and value + piece.offset >= piece.end

    def _times(self, piece: ArrivalPiece) -> np.ndarray:
        mask = np.zeros(self.size(TIME, piece.compatible))
        now = max(piece.start, piece.now) - piece.offset
        if piece.compatible:
            # a mask of all times leaves the REST, which stands behind them
            mask[: min(max(now, 0), self.vocabulary.times)] = NEVER
            return mask
        mask[: max(now, 0)] = NEVER
        if piece.rests:
            reach = piece.now + self.vocabulary.resolution - piece.offset
            mask[max(reach, now) + 1 :] = NEVER
        if len(piece.notes_now) >= MOST_AT_ONCE and piece.now >= piece.start:
            mask[max(now, 0)] = NEVER
        return mask

    def _counted(self, piece: ArrivalPiece) -> np.ndarray | None:
        """The published rule on instruments."""
        if len(piece.kinds) < _REFERENCE_MOST:
            return None
        return self._only(piece.kinds)

    def _notes(self, piece: ArrivalPiece) -> np.ndarray:
        v = self.vocabulary
        time, duration = piece.begun
        pitched = piece.instruments - {v.drums}
        if len(pitched) >= self.most - 1:
            # with a single instrument allowed, drums may be it, but only if nothing else sounds
            free = {v.drums} if self.most > 1 or not piece.instruments else set()
            mask = self._only(pitched | free | (piece.instruments & {v.drums}))
        else:
            mask = np.zeros(v.notes + 1)
        if time == piece.now:
            for note in piece.notes_now:
                if note < v.rest:
                    mask[note - v.note] = NEVER
        at_rest = time == piece.now + v.resolution and duration == v.duration
        if not (piece.rests and at_rest):
            mask[-1] = NEVER
        return mask

    def _only(self, instruments: Iterable[int]) -> np.ndarray:
        """A mask of the note slot that leaves these instruments, and REST."""
        v = self.vocabulary
        mask = np.full(v.notes + 1, NEVER)
        mask[-1] = 0
        for i in instruments:
            if i < v.instruments:
                mask[i * v.pitches : (i + 1) * v.pitches] = 0
        return mask


class Instruments:
    """A Constraint: only these instruments (0-127, 128 drums), or all but the ``excluded``.

    Raises InputError for a number that is no instrument, and where none is left.
    """

    name = "instruments"

    def __init__(
        self,
        allowed: Iterable[int] | None = None,
        excluded: Iterable[int] = (),
        vocabulary: ArrivalVocabulary = AMT,
    ):
        v = vocabulary
        wanted = set(range(v.instruments)) if allowed is None else set(allowed)
        silent = set(excluded)
        for i in wanted | silent:
            if not 0 <= i < v.instruments:
                raise InputError(f"there is no instrument {i}: 0-{v.drums}, {v.drums} being drums")
        if not wanted - silent:
            raise InputError("no instrument is left to play: all that are allowed are excluded")
        self.playing = tuple(sorted(wanted - silent))
        free = np.zeros(v.instruments, dtype=bool)
        free[list(self.playing)] = True
        self.mask = np.append(np.where(np.repeat(free, v.pitches), 0.0, NEVER), 0.0)

    def bias(self, field: int, piece: ArrivalPiece, chosen: Sequence[int]) -> np.ndarray | None:
        """The mask in the note slot; REST is not its concern."""
        return self.mask if piece.slot == NOTE else None
