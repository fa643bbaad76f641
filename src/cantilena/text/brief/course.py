"""The course of a piece and how it is played: the readers of both, in order.

Knows what has to be read before keys, tempi and lengths, and what after the instruments; the
details are in ``turns``, ``form``, ``entries``, ``changes``, ``loudness`` and ``manner``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cantilena.text.brief.changes import read_changes
from cantilena.text.brief.entries import read_entries, with_entries
from cantilena.text.brief.form import FormAhead, read_form, read_form_ahead
from cantilena.text.brief.loudness import read_loudness, take_dynamics
from cantilena.text.brief.manner import read_articulations, read_registers, read_repetition
from cantilena.text.brief.mentions import Item
from cantilena.text.brief.owner import Mentions
from cantilena.text.brief.turns import Turns, read_turns
from cantilena.text.lexicon import Reading
from cantilena.text.wishes import Change, Instrument


@dataclass
class Ahead:
    """What is read first, since it would be misread as the piece's own key, tempo or length."""

    turns: Turns
    form: FormAhead


def read_ahead(reading: Reading) -> Ahead:
    """Changes to a key, tempo or metre, lengths of sections and forms in letters; takes them."""
    take_dynamics(reading)
    form = read_form_ahead(reading)
    return Ahead(read_turns(reading), form)


def read_course(
    reading: Reading, ahead: Ahead, items: list[Item], instruments: tuple[Instrument, ...]
) -> dict[str, Any]:
    """The fields of the Brief about form, changes, loudness, articulation, register and
    repetition that the text asks for. ``instruments``: those that it asks for."""
    mentions = Mentions(reading, items, instruments)
    everyone = tuple(i.name for i in instruments)
    loudness, louder = read_loudness(reading, items, mentions)
    entries = read_entries(reading, mentions, everyone)
    changes = [*read_changes(reading, ahead.turns.changes, items, mentions), *louder]
    in_order = [hit.value for hit in sorted(changes, key=lambda hit: (hit.start, hit.end))]
    fields: dict[str, Any] = {
        "form": with_entries(read_form(reading, ahead.form, mentions), entries),
        "changes": _definite(dict.fromkeys(in_order)),
        "loudness": tuple(dict.fromkeys(loudness)),
        "articulations": tuple(dict.fromkeys(read_articulations(reading, items, mentions))),
        "registers": tuple(dict.fromkeys(read_registers(reading, items, mentions))),
        "repetition": read_repetition(reading),
    }
    return {name: value for name, value in fields.items() if value}


def _definite(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes without those that only announce another: "a key change, to D major"."""
    rows = list(changes)
    definite = {change.kind for change in rows if change.to}
    return tuple(
        change
        for change in rows
        if change.to
        or change.kind not in ("key", "tempo", "metre", "mood")
        or change.kind not in definite
    )
