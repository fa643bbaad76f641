"""Texts and opaque events of MIDI files: read for a Score, and where they go in a file.

Knows which meta events are words and to which part they belong, and which system exclusive messages
name a channel; does not know how parts come about, nor a file's bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cantilena.score.midi import smf
from cantilena.score.midi.text import decode_text
from cantilena.score.score import Score
from cantilena.score.texts import OF_THE_PIECE, SYSEX, TEXT_KINDS, OpaqueEvent, Text

_KIND = {number: kind for kind, number in TEXT_KINDS.items()}
# Tempo, metre and key are the Score's maps; prefixes and ports name channels, which parts get anew.
_ELSEWHERE = (smf.TEMPO, smf.METRE, smf.KEY, smf.CHANNEL_PREFIX, smf.PORT)

_NO_REAL_TIME, _REAL_TIME, _ROLAND, _YAMAHA = b"\x7e", b"\x7f", b"\x41", b"\x43"
"""By whom a system exclusive message is defined; the first two are MIDI's own."""


class Home(NamedTuple):
    """Where the texts of a track chunk go: the part, None for the whole piece; the group there;
    whether the chunk's first name has gone into a title, a track or a group."""

    part: int | None
    group: str
    named: bool


def read_words(
    events: smf.Events,
    starts: Sequence[int],
    homes: Sequence[Home],
    end: int,
    encoding: str,
    own: bytes,
) -> tuple[list[Text], list[OpaqueEvent], list[str]]:
    """The texts and opaque events of a file, and sentences on those that cannot be kept.

    ``starts``: the tick at which each track chunk begins; ``homes``: where the texts of each go;
    ``end``: the piece's last tick, behind which no part has texts; ``encoding``: that
    of the file's texts, "" where it is of our own writing; ``own``: how sequencer-specific
    events of this program begin, which are no one else's.
    """
    texts: list[Text] = []
    opaque: list[OpaqueEvent] = []
    used = [not home.named for home in homes]  # whether the next name is one to keep here
    addressed = 0
    for m in events.metas:
        kind, home, tick = _KIND.get(m.type), homes[m.track], m.tick + int(starts[m.track])
        if kind is None:
            if m.type == SYSEX and _names_channel(m.data):
                addressed += not _is_part_mode(m.data)
            elif m.type not in _ELSEWHERE and not (m.type == smf.OWN and m.data.startswith(own)):
                opaque.append(OpaqueEvent(tick, m.type, m.data))
        elif kind == "name" and not used[m.track]:
            used[m.track] = True
        elif m.data:  # texts without words only fill time
            part = None if kind in OF_THE_PIECE or tick > end else home.part
            group = home.group if home.part is None else ""
            texts.append(Text(tick, kind, _decoded(m.data, encoding), part, group))
    lost = f"{addressed} system exclusive message(s) for single channels: parts get channels anew"
    return texts, opaque, [lost] if addressed else []


def _decoded(data: bytes, encoding: str) -> str:
    return decode_text(data, encoding) if encoding else data.decode("utf-8", "replace")


def _names_channel(data: bytes) -> bool:
    """Whether a system exclusive message is for a channel of the file, by its number there."""
    maker, what = data[:1], data[2:4]
    if maker == _REAL_TIME and what[:1] in (b"\x09", b"\x0a"):  # controllers and keys of a channel
        return True
    if maker in (_REAL_TIME, _NO_REAL_TIME):
        return what in (b"\x08\x08", b"\x08\x09")  # tunings of some channels
    if maker == _ROLAND and what == b"\x42\x12" and len(data) > 5:  # GS: parts' own addresses
        return data[4] in (0x40, 0x50) and data[5] >> 4 in (1, 2, 4)
    return maker == _YAMAHA and data[2:4] in (b"\x4c\x08", b"\x4c\x0a")  # XG: multi part


def _is_part_mode(data: bytes) -> bool:
    """Whether a message for a channel only makes it play drums or not, which parts keep."""
    return data[6:7] == b"\x15" if data[:1] == _ROLAND else data[5:6] == b"\x07"


def piece_rows(score: Score) -> list[tuple[int, int, bytes]]:
    """What of this stands in a file's first track: (tick, place among what is there at that tick,
    event). Messages come first, since resets undo what stands before them."""
    rows = [(event.tick, -1, _opaque(event)) for event in score.opaque]
    return rows + [(t.tick, 3, _text(t)) for t in score.texts if t.track is None and not t.group]


def grouped(score: Score) -> dict[str, list[tuple[int, bytes]]]:
    """(tick, event) of the piece's texts that stand in a track chunk of their own, by its name."""
    groups: dict[str, list[tuple[int, bytes]]] = {}
    for text in score.texts:
        if text.group:
            groups.setdefault(text.group, []).append((text.tick, _text(text)))
    return groups


def part_texts(score: Score) -> dict[int, list[tuple[int, bytes]]]:
    """(tick, event) of each part's texts, in time order."""
    parts: dict[int, list[tuple[int, bytes]]] = {}
    for text in score.texts:
        if text.track is not None:
            parts.setdefault(text.track, []).append((text.tick, _text(text)))
    return parts


def _text(text: Text) -> bytes:
    return smf.meta(TEXT_KINDS[text.kind], text.text.encode("utf-8", "replace"))


def _opaque(event: OpaqueEvent) -> bytes:
    if event.kind < 0x80:
        return smf.meta(event.kind, event.data)
    return bytes((event.kind,)) + smf.varlen(len(event.data)) + event.data
