"""Texts of a piece, and events kept byte for byte: what is in its file beside music.

Knows lyrics, markers and other words at ticks; does not know files' encodings, nor what an opaque
event means.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from cantilena.errors import InputError

LYRIC, MARKER = "lyric", "marker"

TEXT_KINDS = {
    "text": 0x01,
    "copyright": 0x02,
    "name": 0x03,
    LYRIC: 0x05,
    "instrument": 0x04,
    MARKER: 0x06,
    "cue": 0x07,
    "program": 0x08,
    "device": 0x09,
}
"""The kinds of texts, with the type of meta event that each has in a MIDI file."""

OF_THE_PIECE = frozenset(("copyright", MARKER, "cue"))
"""Kinds that belong to the whole piece, in whatever track a file has them."""

SYSEX, ESCAPE = 0xF0, 0xF7


@dataclass(frozen=True)
class Text:
    """Words at a tick. ``kind``: one of ``TEXT_KINDS``; "name" is a name beside those that title
    and tracks have. ``text`` is not empty, and as the file has it: a lyric is a syllable, with the
    spaces, hyphens and line breaks by which karaoke tells words and lines.

    ``track``: index into the Score's tracks; None: of the whole piece. Of these, ``group`` is the
    name under which they stand together, as "Words" in karaoke files, "" for none.
    """

    tick: int
    kind: str
    text: str
    track: int | None = None
    group: str = ""


@dataclass(frozen=True)
class OpaqueEvent:
    """An event of the whole piece that is kept byte for byte. ``kind``: ``SYSEX``, ``ESCAPE`` or
    0-127, the type of a meta event; ``data``: what stands behind its length in a file."""

    tick: int
    kind: int
    data: bytes


def sorted_texts(texts: Iterable[Text], n_tracks: int) -> tuple[Text, ...]:
    """Texts by (tick, track, group), those of the piece first; otherwise in the order in which they
    are given. Raises InputError for one that cannot be."""
    result = sorted(texts, key=lambda t: (t.tick, -1 if t.track is None else t.track, t.group))
    for text in result:
        if text.tick < 0:
            raise InputError(f"the {text.kind} {text.text!r} stands before tick 0")
        if text.kind not in TEXT_KINDS:
            kinds = ", ".join(TEXT_KINDS)
            raise InputError(f"the kind of a text must be one of {kinds}, not {text.kind!r}")
        if not text.text:
            raise InputError(f"a {text.kind} at tick {text.tick} has no words")
        if text.track is not None and not (0 <= text.track < n_tracks and not text.group):
            raise InputError(f"the {text.kind} {text.text!r} names a track that is not there")
    return tuple(result)


def sorted_opaque(events: Iterable[OpaqueEvent]) -> tuple[OpaqueEvent, ...]:
    """Events by tick, those of one tick as they are given. Raises InputError for one that cannot
    be."""
    result = sorted(events, key=lambda event: event.tick)
    for event in result:
        if event.tick < 0 or not (event.kind in (SYSEX, ESCAPE) or 0 <= event.kind < 0x80):
            raise InputError(
                f"an event kept as bytes stands at tick 0 or later and is of kind {SYSEX}, "
                f"{ESCAPE} or 0-127, not {event.kind} at tick {event.tick}"
            )
    return tuple(result)


def outside(
    texts: Iterable[Text],
    spans: Iterable[tuple[int, int | None]],
    tracks: Collection[int] | None,
) -> tuple[Text, ...]:
    """The texts but those of ``tracks`` (None: all) within ``spans``, half-open in ticks; those of
    the piece stay."""
    spans = list(spans)

    def gone(text: Text) -> bool:
        if text.track is None or (tracks is not None and text.track not in tracks):
            return False
        return any(a <= text.tick and (b is None or text.tick < b) for a, b in spans)

    return tuple(text for text in texts if not gone(text))


def finer_texts(texts: Iterable[Text], times: int) -> tuple[Text, ...]:
    """The same where ticks are ``times`` as many."""
    return tuple(replace(text, tick=text.tick * times) for text in texts)


def finer_opaque(events: Iterable[OpaqueEvent], times: int) -> tuple[OpaqueEvent, ...]:
    """The same where ticks are ``times`` as many."""
    return tuple(replace(event, tick=event.tick * times) for event in events)
