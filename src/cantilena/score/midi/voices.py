"""Which channel of which port an event is for, and which channels play drums.

Knows what devices make of ports, device names, resets, part modes and banks (General MIDI 1 and 2,
Roland GS, Yamaha XG); does not know notes, programs or parts.

Channel 10 plays drums. Another does too, or channel 10 does not, where a device is told so: by a
GS part mode, an XG part mode, or a bank of drums (XG 126 and 127, GM2 120; a GM2 melodic bank, 121,
and in XG any other bank, makes a melodic part). GM, GS and XG resets put all back.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cantilena.score.controls import BANK_COARSE, CONTROL_CHANGE
from cantilena.score.midi import smf

CHANNELS = 16
DRUM_CHANNEL = 9

_RESET, _SETTING = 0, 1  # at one tick resets come first
_LAST = 1 << 30  # the order of a channel event behind the sysex that stand before it
_GM2_DRUMS, _GM2_MELODIC, _XG_EFFECTS, _XG_DRUMS = 120, 121, 126, 127
_GS, _XG, _OTHER = "GS", "XG", ""


class Voices(NamedTuple):
    """Of each event (E,) the ``number`` of its voice: 16 times that of its port, and its channel.
    ``count``: of all voices, those of silent ports too."""

    number: np.ndarray
    count: int


def read_voices(events: smf.Events, ours: bool = False) -> Voices:
    """The voices of a file's events. ``ours``: the file is of our own writing, whose channels are
    of one port, whatever devices its texts name."""
    channel = (events.status & 0x0F).astype(np.int64)
    port, count = (np.zeros_like(channel), 1) if ours else _ports(events)
    return Voices(channel if count == 1 else channel + CHANNELS * port, count * CHANNELS)


def _ports(events: smf.Events) -> tuple[np.ndarray, int]:
    """The port (E,) of each event, from 0 up, and how many there are. A track's port holds until
    its next; where a file states none, each name of a device is one. Tracks that state none are of
    port 0 or the first device; where all notes are of one port, so is everything."""
    port = np.zeros(len(events.status), dtype=np.int64)
    stated = [(m, m.data[:1]) for m in events.metas if m.type == smf.PORT]
    numbers = {b"\0": 0}
    if not stated:
        stated, numbers = [(m, m.data) for m in events.metas if m.type == smf.DEVICE], {}
    if len({*numbers, *(name for _, name in stated)}) < 2:
        return port, 1
    stops = np.searchsorted(events.track, np.arange(len(events.end)), side="right")
    for m, name in stated:
        port[m.before : stops[m.track]] = numbers.setdefault(name, len(numbers))
    sounding = port[(events.status & 0xF0 == 0x90) & (events.b > 0)]
    if not len(sounding) or sounding.min() == sounding.max():
        return np.zeros_like(port), 1
    return port, len(numbers)


# ------------------------------------------------------------------ drums


def drum_events(
    events: smf.Events, tick: np.ndarray, starts: np.ndarray, voices: Voices, ours: bool
) -> np.ndarray:
    """(E,) bool: the voice of an event plays drums when it comes. ``tick`` (E,): that of each;
    ``starts`` (n_tracks,): where the tracks begin. ``ours``: the file is of our own writing, where
    only channel 10 plays drums, whatever banks say."""
    is_drum = events.status & 0x0F == DRUM_CHANNEL
    if not ours:
        settings = _settings(events, tick, voices.number, starts)
        _set_drums(is_drum, settings, tick, voices.number)
    return is_drum


class _Setting(NamedTuple):
    """What a device is told: at a ``tick``, in file ``order``, for the channel ``voice`` or, a
    reset, for all. ``bank``: the number of a bank, else -1; ``drums``: of a part mode."""

    tick: int
    rank: int
    order: tuple[int, int]
    system: str
    voice: int = -1
    bank: int = -1
    drums: bool = False


def _settings(
    events: smf.Events, tick: np.ndarray, voice: np.ndarray, starts: np.ndarray
) -> list[_Setting]:
    """All settings of a file in the order of time; none where they can change nothing."""
    settings: list[_Setting] = []
    for i, m in enumerate(events.sysex):
        at = min(m.before, len(voice) - 1)  # the event behind it tells its port
        base = int(voice[at]) // CHANNELS * CHANNELS if at >= 0 else 0
        when = (m.tick + int(starts[m.track]), (m.before, i))
        settings += [_Setting(when[0], s.rank, when[1], *s[3:]) for s in _told(m.data, base)]
    is_bank = (events.status & 0xF0 == CONTROL_CHANGE) & (events.a == BANK_COARSE)
    if not any(s.system == _XG or s.rank == _SETTING for s in settings):
        drums = (events.b == _GM2_DRUMS) | (events.b == _XG_DRUMS)
        drums |= (events.b == _GM2_MELODIC) & (events.status & 0x0F == DRUM_CHANNEL)
        if not (is_bank & drums).any():
            return []
    at = is_bank.nonzero()[0]
    columns = (tick[at].tolist(), at.tolist(), voice[at].tolist(), events.b[at].tolist())
    for when, i, which, bank in zip(*columns, strict=True):
        settings.append(_Setting(when, _SETTING, (i, _LAST), _OTHER, which, bank))
    return sorted(settings)


def _told(data: bytes, base: int) -> list[_Setting]:
    """What a sysex tells a device whose channels are the voices from ``base`` on."""

    def part(system: str, channel: int, drums: bool) -> list[_Setting]:
        return [_Setting(0, _SETTING, (0, 0), system, base + channel, -1, drums)]

    if len(data) >= 4 and data[0] == 0x7E and data[2] == 9 and data[3] in (1, 2, 3):
        return [_Setting(0, _RESET, (0, 0), _OTHER)]
    if len(data) >= 8 and data[0] == 0x41 and data[2:4] == b"\x42\x12":  # GS: one of its addresses
        high, middle, low = data[4:7]
        if (high, middle, low) in ((0x40, 0, 0x7F), (0, 0, 0x7F)):
            return [_Setting(0, _RESET, (0, 0), _GS)]
        mode = 7 + 0x15 - low  # its place, where a message sets several values
        if high in (0x40, 0x50) and middle & 0xF0 == 0x10 and 7 <= mode < max(len(data) - 1, 8):
            block = middle & 0x0F  # part 10 comes first
            channel = DRUM_CHANNEL if not block else block - (block <= DRUM_CHANNEL)
            return part(_GS, channel, data[mode] > 0)
    if len(data) >= 7 and data[0] == 0x43 and data[1] & 0xF0 == 0x10 and data[2] == 0x4C:
        high, middle, low = data[3:6]
        if (high, middle) == (0, 0) and low in (0x7E, 0x7F):
            return [_Setting(0, _RESET, (0, 0), _XG)]
        mode = 6 + 7 - low
        if high == 8 and middle < CHANNELS and 6 <= mode < len(data):
            return part(_XG, middle, data[mode] > 0)
    return []


def _set_drums(
    is_drum: np.ndarray, settings: list[_Setting], tick: np.ndarray, voice: np.ndarray
) -> None:
    """Changes ``is_drum`` (E,), where only channel 10 is one, by the ``settings``."""
    system, fixed = _OTHER, set()  # voices whose GS part mode holds whatever the bank
    now: dict[int, bool] = {}
    changes: dict[int, list[tuple[int, bool]]] = {}

    def change(which: int, when: int, drums: bool) -> None:
        if now.get(which, which % CHANNELS == DRUM_CHANNEL) != drums:
            now[which] = drums
            changes.setdefault(which, []).append((when, drums))

    for s in settings:
        if s.rank == _RESET:
            system = s.system
            fixed.clear()
            for which in list(now):
                change(which, s.tick, which % CHANNELS == DRUM_CHANNEL)
        elif s.bank < 0:
            system = s.system
            if system == _GS:
                fixed.add(s.voice)
            change(s.voice, s.tick, s.drums)
        elif s.voice not in fixed and (drums := _drum_bank(s.bank, system)) is not None:
            change(s.voice, s.tick, drums)
        elif system == _OTHER and s.voice % CHANNELS != DRUM_CHANNEL and s.voice not in fixed:
            change(s.voice, s.tick, False)  # another bank ends that of drums
    for which, rows in changes.items():
        at = (voice == which).nonzero()[0]
        when = np.array([row[0] for row in rows])
        state = np.array([which % CHANNELS == DRUM_CHANNEL, *(row[1] for row in rows)])
        is_drum[at] = state[np.searchsorted(when, tick[at], side="right")]


def _drum_bank(bank: int, system: str) -> bool | None:
    """Whether a bank makes drums; None where it says nothing."""
    if system == _GS:
        return None
    if system == _XG:
        return bank in (_GM2_DRUMS, _XG_EFFECTS, _XG_DRUMS)
    if bank in (_GM2_DRUMS, _XG_DRUMS):
        return True
    return False if bank == _GM2_MELODIC else None
