"""A file that is read and written again has all that it had, as mido sees it event by event."""

from __future__ import annotations

from collections import Counter

from cantilena.score.midi import read_midi, write_midi
from full_file import full_file, seen


def test_all_events_of_a_file_are_written_again():
    data = full_file()
    score = read_midi(data)
    again = write_midi(score)
    before, after = seen(data), seen(again)
    assert not score.warnings
    assert list(before) == list(after) == ["Song", "My flute", "My bass"]
    for name, rows in before.items():
        # our file says how a metre is clicked, and lets go of notes at the usual velocity
        plain = [Counter(map(_plain, part)) for part in (rows, after[name])]
        assert plain[0] == plain[1]
    assert read_midi(again) == score


def test_banks_and_parameters_stand_before_what_needs_them():
    for rows in list(seen(write_midi(read_midi(full_file()))).values())[1:]:
        order = [dict(what).get("control", dict(what)["type"]) for tick, what in rows if tick == 0]
        assert order[1:4] == [0, 32, "program_change"]
        assert [number for number in order if number in (101, 100, 6, 38)] == [101, 100, 6, 38]
        assert order.index(38) < order.index("note_on")


def _plain(row: tuple) -> tuple:
    tick, what = row
    loose = ("clocks_per_click", "notated_32nd_notes_per_beat")
    off = dict(what)["type"] == "note_off"
    return tick, tuple(p for p in what if p[0] not in loose and not (off and p[0] == "velocity"))
