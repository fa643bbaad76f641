"""Controls: what is done to a track while it sounds, beside its notes.

Knows control changes, pitch bends and pressure as numbers at ticks; does not know notes, files, or
what a controller sounds like.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from cantilena.errors import InputError

POLYPHONIC_PRESSURE = 0xA0
CONTROL_CHANGE = 0xB0
CHANNEL_PRESSURE = 0xD0
PITCH_BEND = 0xE0
"""The kinds of controls, by the status that each has in MIDI 1.0."""

KINDS = (POLYPHONIC_PRESSURE, CONTROL_CHANGE, CHANNEL_PRESSURE, PITCH_BEND)

BANK_COARSE, BANK_FINE = 0, 32
"""Controllers that say which bank the next program change takes."""

_COLUMNS = ("tick", "track", "kind", "number", "value")


def frozen_array(values: object) -> np.ndarray:
    """Whole numbers (N,), int64, that cannot be written."""
    array = np.array(values, dtype=np.int64).reshape(-1)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class Controls:
    """Parallel arrays of shape (C,), immutable, sorted by (tick, track); of one tick and track bank
    selects come first, and otherwise they stay in the order in which they were given: a parameter's
    number (controllers 98 to 101) has to come before its value.

    - ``tick`` >= 0; ``track``: index into the Score's tracks
    - ``kind``: one of ``KINDS``
    - ``number``: 0-127, the controller of a control change or the key of a polyphonic pressure;
      of the other kinds 0
    - ``value``: 0-127; of a pitch bend -8192 to 8191

    Build with ``Controls.build``, which sorts and checks; raises InputError.
    """

    tick: np.ndarray
    track: np.ndarray
    kind: np.ndarray
    number: np.ndarray
    value: np.ndarray

    @classmethod
    def build(
        cls,
        tick: Iterable[int] | np.ndarray = (),
        track: Iterable[int] | np.ndarray = (),
        kind: Iterable[int] | np.ndarray = (),
        number: Iterable[int] | np.ndarray = (),
        value: Iterable[int] | np.ndarray = (),
    ) -> Controls:
        """Checked, sorted Controls."""
        rows = cls(*(frozen_array(column) for column in (tick, track, kind, number, value)))
        if len({len(column) for column in rows.columns}) > 1:
            raise InputError("control arrays differ in length")
        rows._check()
        order = np.lexsort((~rows.is_bank_select, rows.track, rows.tick))
        return rows.select(order)

    def _check(self) -> None:
        bend = self.kind == PITCH_BEND
        numbered = np.isin(self.kind, (POLYPHONIC_PRESSURE, CONTROL_CHANGE))
        low, high = np.where(bend, -8192, 0), np.where(bend, 8191, 127)
        if (self.tick < 0).any():
            raise InputError("a control stands before tick 0")
        if (self.track < 0).any():
            raise InputError("a control names a track that is not there")
        if not np.isin(self.kind, KINDS).all():
            raise InputError(f"the kind of a control must be one of {KINDS}")
        if ((self.number < 0) | (self.number > np.where(numbered, 127, 0))).any():
            raise InputError("a control's number is outside 0-127, or one stands where none can be")
        if ((self.value < low) | (self.value > high)).any():
            raise InputError("a control's value is outside 0-127, or a bend's outside -8192-8191")

    @property
    def columns(self) -> tuple[np.ndarray, ...]:
        """Tick, track, kind, number and value, as ``build`` takes them."""
        return tuple(getattr(self, name) for name in _COLUMNS)

    @property
    def is_bank_select(self) -> np.ndarray:
        """(C,) bool: the control chooses a bank."""
        bank = (self.number == BANK_COARSE) | (self.number == BANK_FINE)
        return bank & (self.kind == CONTROL_CHANGE)

    def __len__(self) -> int:
        return len(self.tick)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Controls):
            return NotImplemented
        return all(map(np.array_equal, self.columns, other.columns))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Controls({len(self)})"

    def select(self, keep: np.ndarray) -> Controls:
        """Only the controls where ``keep`` ((C,) bool or indices) says so."""
        return Controls(*(frozen_array(column[keep]) for column in self.columns))

    def joined(self, other: Controls) -> Controls:
        """These and others; of one tick and track these come first."""
        both = zip(self.columns, other.columns, strict=True)
        return Controls.build(*(np.concatenate(pair) for pair in both))

    def finer(self, times: int) -> Controls:
        """The same where ticks are ``times`` as many."""
        return replace(self, tick=frozen_array(self.tick * times))


NO_CONTROLS = Controls.build()
