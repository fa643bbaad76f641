"""A small reader of MusicXML of its own, which checks whatever must hold in any score."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from fractions import Fraction

TYPES = {"breve": 192, "whole": 96, "half": 48, "quarter": 24, "eighth": 12, "16th": 6, "32nd": 3}
FLAGS = {"eighth": 1, "16th": 2, "32nd": 3}
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SIGNS = {"flat-flat": -2, "flat": -1, "natural": 0, "sharp": 1, "double-sharp": 2}


@dataclass
class Read:
    """One part as read: ``notes`` (onset, pitch, duration with ties), ``graces`` (onset, pitch),
    ``written`` each printed note or rest, ``bars`` their lengths."""

    notes: list[tuple[Fraction, int, Fraction]] = field(default_factory=list)
    graces: list[tuple[Fraction, int]] = field(default_factory=list)
    written: list[ET.Element] = field(default_factory=list)
    bars: list[Fraction] = field(default_factory=list)

    def kinds(self) -> list[str]:
        """Such as "quarter." (a dotted one), "eighth/3" (of a triplet), "r half" (a rest)."""
        out = []
        for note in self.written:
            if note.find("chord") is not None:
                continue
            kind = note.findtext("type", "bar") + "." * len(note.findall("dot"))
            actual = note.findtext("time-modification/actual-notes")
            rest = "r " if note.find("rest") is not None else ""
            out.append(rest + kind + (f"/{actual}" if actual else ""))
        return out


def read(text: str) -> list[Read]:
    """Reads and checks everything that must hold in any score."""
    root = ET.fromstring(text)
    ids = [p.get("id") for p in root.findall("part-list/score-part")]
    parts = root.findall("part")
    assert [p.get("id") for p in parts] == ids
    instruments = {
        i.get("id"): int(i.findtext("midi-unpitched", "0")) - 1
        for i in root.iter("midi-instrument")
    }
    out = [_read_part(p, instruments) for p in parts]
    assert all(p.bars == out[0].bars for p in out)
    style = [p.findall("measure")[-1].findtext("barline/bar-style") for p in parts]
    assert set(style) == {"light-heavy"}
    return out


def _read_part(part: ET.Element, instruments: dict) -> Read:
    out, start, fifths, ties = Read(), Fraction(0), 0, {}
    divisions = int(part.findtext("measure/attributes/divisions", ""))
    octaves = int(part.findtext("measure/attributes/transpose/octave-change", "0"))
    _check_octave_lines(part)
    for measure in part.findall("measure"):
        at, passes, voices = Fraction(0), [], {}
        rows = []  # (onset, order, staff, note) of real notes, for accidentals
        for node in measure:
            if node.tag == "attributes":
                fifths = int(node.findtext("key/fifths", fifths))
            elif node.tag == "backup":
                passes.append(at)
                at -= _length(node, divisions)
                assert at == 0
            elif node.tag == "forward":
                voices.setdefault(node.findtext("voice"), []).append(node)
                at += _length(node, divisions)
            elif node.tag == "note":
                length = _length(node, divisions)
                chord = node.find("chord") is not None
                begin = start + at - (length if chord else 0)
                rows.append((begin, len(rows), node))
                if node.find("grace") is not None:
                    out.graces.append((begin, _pitch(node, instruments) + 12 * octaves))
                    continue
                out.written.append(node)
                if not chord:
                    voices.setdefault(node.findtext("voice"), []).append(node)
                    at += length
                _check_value(node, length)
                if node.find("rest") is None:
                    pitch = _pitch(node, instruments) + 12 * octaves
                    _tie(node, begin, length, pitch, ties, out)
        passes.append(at)
        assert len(set(passes)) == 1, "voices of one bar differ in length"
        for notes in voices.values():
            assert sum(_length(n, divisions) for n in notes) == at
            _check_beams(notes)
            _check_tuplets(notes, divisions)
        _check_accidentals(rows, fifths)
        out.bars.append(at)
        start += at
    assert not ties, "a tie does not end"
    out.notes.sort()
    return out


def _length(node: ET.Element, divisions: int) -> Fraction:
    """The duration in 24ths of a quarter."""
    return Fraction(24 * int(node.findtext("duration", "0")), divisions)


def _pitch(node: ET.Element, instruments: dict) -> int:
    if node.find("unpitched") is not None:
        instrument = node.find("instrument")
        assert instrument is not None
        return instruments[instrument.get("id")]
    step, octave = node.findtext("pitch/step", ""), int(node.findtext("pitch/octave", ""))
    assert 0 <= octave <= 9
    return STEPS[step] + int(node.findtext("pitch/alter", "0")) + 12 * (octave + 1)


def _check_octave_lines(part: ET.Element) -> None:
    """Each line that begins ends, after notes, and before the next one of its staff begins."""
    running: dict[str, int] = {}
    for node in part.iter():
        if node.tag == "note":
            running = {number: notes + 1 for number, notes in running.items()}
        elif node.tag == "octave-shift":
            number = node.get("number", "1")
            assert (number in running) == (node.get("type") == "stop")
            if number in running:
                assert running.pop(number) > 0, "an octave line without notes"
            else:
                running[number] = 0
    assert not running, "an octave line does not end"


def _check_value(node: ET.Element, length: Fraction) -> None:
    kind = node.findtext("type")
    if kind is None:
        rest = node.find("rest")
        assert rest is not None and rest.get("measure") == "yes"
        return
    size = TYPES[kind] * Fraction(3 if node.find("dot") is not None else 2, 2)
    size /= int(node.findtext("time-modification/actual-notes", "1"))
    size *= int(node.findtext("time-modification/normal-notes", "1"))
    assert size == length, "a note value differs from its duration"


def _tie(
    node: ET.Element, begin: Fraction, length: Fraction, pitch: int, ties: dict, out: Read
) -> None:
    kinds = [t.get("type") for t in node.findall("tie")]
    assert kinds == [t.get("type") for t in node.findall("notations/tied")]
    first, sofar, key = begin, 0, (pitch, node.findtext("voice"))
    if "stop" in kinds:
        first, sofar, end = ties.pop(key)
        assert end == begin, "a tie spans a gap"
    if "start" in kinds:
        assert key not in ties
        ties[key] = (first, sofar + length, begin + length)
    else:
        out.notes.append((first, pitch, sofar + length))


def _check_beams(notes: list[ET.Element]) -> None:
    depth: dict[int, bool] = {}
    for node in notes:
        beams = {int(b.get("number", "0")): b.text for b in node.findall("beam")}
        flags = FLAGS.get(node.findtext("type", ""), 0)
        if not beams:
            assert not any(depth.values()), "a beam crosses a rest or a long note"
            continue
        assert node.find("rest") is None and sorted(beams) == list(range(1, flags + 1))
        for number, word in beams.items():
            open_before = depth.get(number, False)
            assert open_before == (word in ("continue", "end")), "a beam does not begin or end"
            depth[number] = word in ("begin", "continue")
        assert not any(depth.get(n) for n in range(flags + 1, 4))
    assert not any(depth.values()), "a beam crosses the bar line"


def _check_tuplets(notes: list[ET.Element], divisions: int) -> None:
    size = None
    for node in notes:
        marks = [t.get("type") for t in node.findall("notations/tuplet")]
        assert len(marks) <= 1
        if "start" in marks:
            assert size is None
            size = 0
        assert (node.find("time-modification") is not None) == (size is not None)
        if size is not None:
            size += _length(node, divisions)
        if "stop" in marks:
            assert size in (12, 24, 48), "a tuplet is not full"
            size = None
    assert size is None


def _check_accidentals(rows: list, fifths: int) -> None:
    """Signs, key and pitches agree for a reader who goes by the rules."""
    order = "FCGDAEB" if fifths > 0 else "BEADGCF"
    key = dict.fromkeys(order[: abs(fifths)], 1 if fifths > 0 else -1)
    now: dict = {}
    for _, _, node in sorted(rows, key=lambda r: r[:2]):
        if node.find("pitch") is None:
            continue
        if any(t.get("type") == "stop" for t in node.findall("tie")):
            continue
        step = node.findtext("pitch/step")
        line = (node.findtext("staff", "1"), step, node.findtext("pitch/octave"))
        sign = node.findtext("accidental")
        if sign:
            now[line] = SIGNS[sign]
        assert now.get(line, key.get(step, 0)) == int(node.findtext("pitch/alter", "0"))
