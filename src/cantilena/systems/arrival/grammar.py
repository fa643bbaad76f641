"""The Grammar of AMT's tokens, slot by slot, limits of instruments and length among them.

Knows the vocabulary and the piece so far; does not know models. The values of a slot are its
range of the vocabulary, counted from 0: times relative to the window, durations, and notes with
REST last. Controls and specials are in no slot's values, so they are never sampled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from cantilena.errors import InputError
from cantilena.score import gm
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
    - duration: none that would sound beyond the piece's end;
    - note: REST only where the rests' rule puts one (a second after the last event, with no
      duration); not the same note twice at one onset; none of an instrument that is not ``free``.

    A piece that is ``compatible`` has the published implementation's masks instead: REST in every
    slot (its index is the slot's last), where it ends the piece if it is a time; no new instrument
    once 15 have sounded, controls and REST counted as instruments; a window that spans more than
    100 s leaves only REST; durations of any length. What is asked for beyond that (the piece's
    ``playing``, ``most``) holds there too.
    """

    def __init__(self, most: int | None = None, vocabulary: ArrivalVocabulary = AMT):
        """Raises InputError where ``most`` (16 by default) is under 1."""
        self.vocabulary = vocabulary
        self.asked = most
        self.most = vocabulary.most_instruments if most is None else most
        if self.most < 1:
            raise InputError(f"a piece needs at least 1 instrument, not {self.most}")

    def free(self, piece: ArrivalPiece) -> frozenset[int]:
        """The instruments that may play next: those of ``piece.playing``, and once ``most`` sound,
        drums counted, only such as sound already. Besides drums 15 may sound (one less than
        ``most`` where that is above 16): a MIDI file has no more channels. In a ``compatible``
        piece the published rule holds, and ``most`` where it is asked for."""
        drums, sounding, playing = self.vocabulary.drums, piece.instruments, piece.playing
        if piece.compatible:
            if len(piece.kinds) >= _REFERENCE_MOST:
                playing &= piece.kinds
            if self.asked is None:
                return playing
        if len(sounding) >= self.most:
            return playing & sounding
        if len(sounding - {drums}) >= max(self.most, self.vocabulary.most_instruments) - 1:
            return playing & (sounding | {drums})
        return playing

    def check_room(self, piece: ArrivalPiece) -> None:
        """Raises InputError where what sounds in a piece leaves none of those that are to play."""
        if not self.free(piece):
            names = ", ".join(gm.name(i) for i in sorted(piece.instruments))
            # drums keep a place, and RESTs may take one, so that it may be fewer than ``most``
            limit = min(self.most, len(piece.instruments))
            raise InputError(
                f"no instrument may join: at most {limit} may sound, and these do already: "
                f"{names}; allow more instruments, or these"
            )

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
            return self._durations(piece)
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
        if piece.now >= piece.start and self._crowded(piece):
            mask[max(now, 0)] = NEVER
        return mask

    def _crowded(self, piece: ArrivalPiece) -> bool:
        """Whether no further note may begin at the current time."""
        v, now = self.vocabulary, piece.notes_now
        if len(now) >= MOST_AT_ONCE:
            return True
        free = self.free(piece)
        if len(now) < len(free) * v.pitches:
            return False
        return sum((note - v.note) // v.pitches in free for note in now) == len(free) * v.pitches

    def _durations(self, piece: ArrivalPiece) -> np.ndarray | None:
        v = self.vocabulary
        if piece.compatible or piece.end is None:
            return None
        room = piece.end - (piece.begun[0] - v.time)
        if room >= v.durations - 1:
            return None
        mask = np.zeros(v.durations)
        mask[room + 1 :] = NEVER
        return mask

    def _counted(self, piece: ArrivalPiece) -> np.ndarray | None:
        """All notes of the instruments that are ``free``, and REST."""
        free = self.free(piece)
        return None if len(free) == self.vocabulary.instruments else self._only(free)

    def _notes(self, piece: ArrivalPiece) -> np.ndarray:
        v = self.vocabulary
        time, duration = piece.begun
        mask = self._only(self.free(piece))
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
        mask = np.full(v.instruments, NEVER)
        mask[list(instruments)] = 0
        return np.append(np.repeat(mask, v.pitches), 0.0)


def instruments_of(
    allowed: Iterable[int] | None = None,
    excluded: Iterable[int] = (),
    vocabulary: ArrivalVocabulary = AMT,
) -> frozenset[int]:
    """Which instruments (0-127, 128 drums) may play: those ``allowed``, None for all, without the
    ``excluded``. Raises InputError for a number that is no instrument, and where none is left."""
    v = vocabulary
    wanted = set(range(v.instruments)) if allowed is None else set(allowed)
    silent = set(excluded)
    for i in wanted | silent:
        if not 0 <= i < v.instruments:
            raise InputError(f"there is no instrument {i}: 0-{v.drums}, {v.drums} being drums")
    if not wanted - silent:
        raise InputError("no instrument is left to play: all that are allowed are excluded")
    return frozenset(wanted - silent)
