"""A MIDI file with everything beside its notes that other programs write, and what mido sees of a
file, event by event."""

from __future__ import annotations

import io
from collections.abc import Callable

import mido

TPQ = 480
END = 12 * TPQ  # eight seconds at 90 quarters a minute
START, STOP = 3 * TPQ, 6 * TPQ  # 2 s and 4 s


def full_file() -> bytes:
    """A flute over a bass in 3/4; each has a note on every quarter and controls between them."""
    file = mido.MidiFile(ticks_per_beat=TPQ, charset="utf-8")
    head = [
        (0, mido.MetaMessage("track_name", name="Song")),
        (0, mido.MetaMessage("copyright", text="© nobody")),
        (0, mido.MetaMessage("text", text="by hand")),
        (0, mido.Message("sysex", data=(0x7E, 0x7F, 9, 1))),
        (0, mido.MetaMessage("sequencer_specific", data=(0x41, 1, 2))),
        (0, mido.MetaMessage("set_tempo", tempo=666_667)),
        (0, mido.MetaMessage("time_signature", numerator=3)),
        (0, mido.MetaMessage("key_signature", key="Ebm")),
        (2 * TPQ, mido.MetaMessage("marker", text="A")),
        (4 * TPQ, mido.MetaMessage("marker", text="B")),
        (6 * TPQ, mido.MetaMessage("key_signature", key="Gb")),
        (9 * TPQ, mido.MetaMessage("cue_marker", text="curtain")),
    ]
    file.tracks.append(_track(head))
    for channel, (name, program, pitch) in enumerate((("My flute", 73, 72), ("My bass", 33, 40))):
        file.tracks.append(_track(_part(name, channel, program, pitch)))
    file.save(file=(buffer := io.BytesIO()))
    return buffer.getvalue()


def _part(name: str, channel: int, program: int, pitch: int) -> list[tuple[int, mido.Message]]:
    def control(number: int, value: int) -> mido.Message:
        return mido.Message("control_change", channel=channel, control=number, value=value)

    setup = ((0, 1), (32, 2), (101, 0), (100, 0), (6, 12), (38, 0), (7, 90), (10, 30), (91, 40))
    rows = [(0, mido.MetaMessage("track_name", name=name))]
    rows += [(0, control(*pair)) for pair in setup[:2]]
    rows.append((0, mido.Message("program_change", channel=channel, program=program)))
    rows += [(0, control(*pair)) for pair in setup[2:]]
    for beat in range(12):
        tick = beat * TPQ
        rows += [
            (tick, mido.MetaMessage("lyrics", text=f"la{beat}-")),
            (tick, mido.Message("note_on", channel=channel, note=pitch, velocity=60 + beat)),
            (tick + 20, control(64, 127)),
            (tick + 30, mido.Message("pitchwheel", channel=channel, pitch=100 * beat)),
            (tick + 40, mido.Message("aftertouch", channel=channel, value=beat)),
            (tick + 50, mido.Message("polytouch", channel=channel, note=pitch, value=beat)),
            (tick + 60, control(11, 100 + beat)),
            (tick + 300, mido.Message("note_off", channel=channel, note=pitch)),
            (tick + 400, control(64, 0)),
        ]
    return rows


def _track(rows: list[tuple[int, mido.Message]]) -> mido.MidiTrack:
    track, now = mido.MidiTrack(), 0
    for tick, message in [*rows, (END, mido.MetaMessage("end_of_track"))]:
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def seen(data: bytes, inside: Callable[[int], bool] = lambda tick: True) -> dict[str, list]:
    """By the name of each track, of one name the first, (tick, what) of its events at ticks that
    are ``inside``, in the file's order; without channels, ends of tracks and our own marks. Ticks
    are those of ``TPQ``."""
    file = mido.MidiFile(file=io.BytesIO(data), charset="utf-8")
    tracks: dict[str, list] = {}
    for track in file.tracks:
        now, rows = 0, []
        for message in track:
            now += message.time
            what = {k: v for k, v in message.dict().items() if k not in ("time", "channel")}
            if "data" in what:
                what["data"] = tuple(what["data"])
            ours = bytes(what.get("data", ())).startswith(b"\x7dcantilena:")
            tick = now * TPQ // file.ticks_per_beat
            if inside(tick) and what["type"] != "end_of_track" and not ours:
                rows.append((tick, tuple(sorted(what.items()))))
        tracks.setdefault(track.name, sorted(rows, key=lambda row: row[0]))
    return tracks


def beside_notes(rows: list) -> list:
    """The events that are no notes."""
    return [row for row in rows if not any(str(v).startswith("note_o") for _, v in row[1])]
