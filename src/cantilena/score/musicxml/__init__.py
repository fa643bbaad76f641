"""MusicXML out: a Score as MusicXML 4.0 (partwise) that notation programs open as a clean score.

Knows MusicXML's elements and their order; what is written where is decided in
``layout``. The score is a concert score: transposing instruments are written as they sound, and
what their players' own parts are transposed by is said in ``for-part``; only basses, piccolo and
bells stand octaves away from their sound, as in any score, and guitars have an octave clef.
Durations are those of notation, not of the performance (see ``voices``).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

from cantilena.files import write_bytes
from cantilena.score.harmony import Key
from cantilena.score.musicxml.header import header, part_list
from cantilena.score.musicxml.layout import Layout, Part, Staff, lay_out
from cantilena.score.musicxml.marks import Mark, octave_line, plain_text
from cantilena.score.musicxml.metre import DIVISIONS, QUARTER, Plan
from cantilena.score.musicxml.parts import Transposition, drum, transposition
from cantilena.score.musicxml.reading import Clef
from cantilena.score.musicxml.rhythm import Piece, Stretch, notate
from cantilena.score.musicxml.spell import Accidentals, Name, Speller
from cantilena.score.musicxml.voices import Event
from cantilena.score.score import Score

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN"'
    ' "http://www.musicxml.org/dtds/partwise.dtd">\n'
    '<score-partwise version="4.0">\n'
)


def write_musicxml(
    score: Score,
    path: str | Path | None = None,
    chords: Sequence[tuple[int, str]] | None = None,
    title: str = "",
    composer: str = "",
    key: Key | None = None,
) -> str:
    """The Score as MusicXML, also written to ``path`` when one is given (whole or not at all).

    ``chords``: (tick of the Score, chord symbol), printed above the first part. ``title``: the
    Score's own when empty. ``key``: used where the Score has no key signature. Onsets are
    quantised to 32nds or triplets; tracks without notes are left out. The text depends on the
    arguments alone. Raises BriefError for what is no chord symbol, InputError for a path that
    cannot be written or a score of far too many bars.
    """
    layout = lay_out(score, chords or (), key)
    head = header(plain_text(title or score.title), plain_text(composer), layout.concert)
    out = [_HEAD, head, part_list(layout)]
    for number, part in enumerate(layout.parts, 1):
        out.append(f'<part id="P{number}">\n')
        out += _PartWriter(layout, part, number).measures()
        out.append("</part>\n")
    out.append("</score-partwise>\n")
    text = "".join(out)
    if path is not None:
        write_bytes(path, text.encode())
    return text


def _transposed(part: Part) -> Transposition | None:
    return None if part.track.is_drum else transposition(part.track.program)


class _Voice:
    """One voice in one bar: its stretches of sound and silence, and whose they are."""

    def __init__(self, events: list[tuple[Event, int, int]], start: int, plan: Plan):
        """``events``: (event, start, end) clipped to the bar, absolute ticks."""
        stretches: list[Stretch] = []
        self.events: list[Event | None] = []
        self.bar_start, at = start, 0
        for event, a, b in events:
            if a - start > at:
                stretches.append(Stretch(at, a - start, False))
                self.events.append(None)
            stretches.append(Stretch(a - start, b - start, True))
            self.events.append(event)
            at = b - start
        if at < plan.length:
            stretches.append(Stretch(at, plan.length, False))
            self.events.append(None)
        self.pieces = notate(tuple(stretches), plan)
        self.signs: dict[tuple[int, int], str] = {}

    def opens(self, piece: Piece, event: Event) -> bool:
        """Whether the event starts with this piece, untied."""
        return piece.first and event.start == self.bar_start + piece.start

    def closes(self, piece: Piece, event: Event) -> bool:
        """Whether the event ends with this piece."""
        return piece.last and event.end == self.bar_start + piece.start + piece.length


def _by_bar(events: Sequence[Event], starts: Sequence[int]) -> list[list[tuple[Event, int, int]]]:
    """The events of one voice, cut at bar lines: a list for each bar."""
    out: list[list[tuple[Event, int, int]]] = [[] for _ in starts[:-1]]
    bar = 0
    for event in events:
        while starts[bar + 1] <= event.start:
            bar += 1
        at, into = event.start, bar
        while at < event.end:
            stop = min(event.end, starts[into + 1])
            out[into].append((event, at, stop))
            at, into = stop, into + 1
    return out


class _PartWriter:
    """The measures of one part."""

    def __init__(self, layout: Layout, part: Part, number: int):
        self.layout, self.part, self.number = layout, part, number
        self.speller: Speller = layout.speller
        self.unit = layout.unit
        self.starts: list[int] = layout.bars.start.tolist()
        self.grand = len(part.staves) > 1
        self.signs = [Accidentals() for _ in part.staves]
        self._clefs: dict[int, list[Clef | None]] = {}
        for s, staff in enumerate(part.staves):
            for bar, clef in staff.reading.clefs:
                self._clefs.setdefault(bar, [None] * len(part.staves))[s] = clef
        self.lyrics = dict(part.lyrics)
        above: list[list[Mark]] = [[*part.marks], *([] for _ in part.staves[1:])]
        above[-1] += part.below
        self.marks = [
            sorted((*marks, *self._octave_marks(s, staff)), key=lambda m: (m.tick, not m.closes))
            for s, (marks, staff) in enumerate(zip(above, part.staves, strict=True))
        ]
        self.events_by_bar = [[_by_bar(v, self.starts) for v in s.voices] for s in part.staves]

    def _octave_marks(self, s: int, staff: Staff) -> Iterator[Mark]:
        for line in staff.reading.lines:
            yield from octave_line(*line, s + 1)

    def measures(self) -> list[str]:
        """The XML of each measure."""
        last = len(self.starts) - 2
        out = []
        for bar in range(last + 1):
            number, upbeat = self.layout.bars.number(bar), self.layout.bars.upbeat and bar == 0
            implicit = ' implicit="yes"' if upbeat else ""
            out.append(f'<measure number="{number}"{implicit}>\n{self._attributes(bar)}')
            self._bar(bar, out)
            clefs = self._clefs.get(bar + 1, ())
            change = "".join(self._clef(i, clef) for i, clef in enumerate(clefs, 1) if clef)
            if change:  # before the bar line
                out.append(f"<attributes>{change}</attributes>\n")
            if bar == last:
                style = "<bar-style>light-heavy</bar-style>"
                out.append(f'<barline location="right">{style}</barline>\n')
            out.append("</measure>\n")
        return out

    def _attributes(self, bar: int) -> str:
        bars, keys = self.layout.bars, self.layout.keys
        new = bar == 0
        inner = f"<divisions>{DIVISIONS // self.unit}</divisions>" if new else ""
        if (new or keys[bar] != keys[bar - 1]) and not self.part.track.is_drum:
            fifths, minor = keys[bar]
            mode = "minor" if minor else "major"
            inner += f"<key><fifths>{fifths}</fifths><mode>{mode}</mode></key>"
        if new or bars.metre[bar] != bars.metre[bar - 1]:
            beats, kind = bars.metre[bar]
            inner += f"<time><beats>{beats}</beats><beat-type>{kind}</beat-type></time>"
        if new:
            inner += "<staves>2</staves>" if self.grand else ""
            inner += "".join(self._clef(i, s) for i, s in enumerate(self._clefs[0], 1) if s)
            inner += self._transpose()
        return f"<attributes>{inner}</attributes>\n" if inner else ""

    def _transpose(self) -> str:
        """What is written octaves away from its sound, and how the player's part differs."""
        octaves, other = self.part.octaves, _transposed(self.part)
        if octaves:
            change = f"<octave-change>{octaves}</octave-change>"
            return f"<transpose><diatonic>0</diatonic><chromatic>0</chromatic>{change}</transpose>"
        if other is None:
            return ""
        change = f"<octave-change>{other.octaves}</octave-change>" if other.octaves else ""
        return (
            f"<for-part><part-transpose><diatonic>{other.diatonic}</diatonic>"
            f"<chromatic>{other.chromatic}</chromatic>{change}</part-transpose></for-part>"
        )

    def _clef(self, number: int, clef: Clef) -> str:
        sign, line, octave = clef
        which = f' number="{number}"' if self.grand else ""
        octaves = f"<clef-octave-change>{octave}</clef-octave-change>" if octave else ""
        return f"<clef{which}><sign>{sign}</sign><line>{line}</line>{octaves}</clef>"

    def _bar(self, bar: int, out: list[str]) -> None:
        plan, start = self.layout.bars.plan(bar), self.starts[bar]
        for s, staff in enumerate(self.events_by_bar):
            present = [(v, bars[bar]) for v, bars in enumerate(staff) if v == 0 or bars[bar]]
            inside = [_Voice(events, start, plan) for _, events in present]
            if not self.part.track.is_drum:
                self._accidentals(self.signs[s], self.layout.keys[bar][0], inside)
            for (v, _), voice in zip(present, inside, strict=True):
                if s or v:
                    out.append(f"<backup>{self._duration(plan.length)}</backup>\n")
                self._voice(voice, s, v, len(inside) == 1, plan, out)
            self._close_marks(s, start + plan.length, out)

    def _accidentals(self, signs: Accidentals, fifths: int, inside: list[_Voice]) -> None:
        """Decides them in the order of time, across the voices of a staff."""
        signs.start_bar(fifths)
        order = sorted(
            (p.start, i, n) for i, v in enumerate(inside) for n, p in enumerate(v.pieces)
        )
        for _, i, n in order:
            voice = inside[i]
            piece = voice.pieces[n]
            event = voice.events[piece.stretch]
            if event is None or not voice.opens(piece, event):
                continue
            for pitch in [*event.graces, *event.pitches]:
                name = self._name(pitch, event.start)
                sign = signs.sign(name)
                if sign:
                    voice.signs[n, pitch] = f"<accidental>{sign}</accidental>"

    def _name(self, pitch: int, onset: int) -> Name:
        name = self.speller.name(pitch, onset)
        return name._replace(octave=name.octave - self.part.octaves)

    def _voice(
        self, voice: _Voice, s: int, v: int, alone: bool, plan: Plan, out: list[str]
    ) -> None:
        """``alone``: whether it is the only voice of staff ``s`` in its bar."""
        place = f"<voice>{4 * s + v + 1}</voice>"
        staff = f"<staff>{s + 1}</staff>" if self.grand else ""
        silent = plan.whole and len(voice.pieces) > 0 and all(e is None for e in voice.events)
        for n, piece in enumerate(voice.pieces):
            event = voice.events[piece.stretch]
            if v == 0:
                reach = plan.length if silent else piece.length
                self._place_marks(s, voice.bar_start + piece.start, reach, out)
            if event is not None:
                self._notes(voice, n, event, place, staff, out)
                if alone:
                    self._close_marks(s, voice.bar_start + piece.start + piece.length, out)
            elif silent:
                out.append(
                    f'<note><rest measure="yes"/>{self._duration(plan.length)}'
                    f"{place}{staff}</note>\n"
                )
                return
            elif v and _hidden(piece, voice, plan):
                out.append(f"<forward>{self._duration(piece.length)}{place}{staff}</forward>\n")
            else:
                tail = f"{_tuplet_time(piece)}{staff}"
                marks = _tuplet_marks(piece)
                tail += f"<notations>{marks}</notations>" if marks else ""
                out.append(
                    f"<note><rest/>{self._duration(piece.length)}{place}"
                    f"<type>{piece.kind}</type>{'<dot/>' * piece.dots}{tail}</note>\n"
                )

    def _duration(self, ticks: int) -> str:
        return f"<duration>{ticks // self.unit}</duration>"

    def _place_marks(self, s: int, start: int, length: int, out: list[str]) -> None:
        """Those of staff ``s`` that stand at the element from ``start``, or within it."""
        marks, stop = self.marks[s], start + length
        due = bisect_left(marks, stop, key=_tick)
        for mark in marks[:due]:
            if not mark.closes:
                out.append(mark.xml(max(0, mark.tick - start) // self.unit) + "\n")
        marks[:due] = [mark for mark in marks[:due] if mark.closes]

    def _close_marks(self, s: int, stop: int, out: list[str]) -> None:
        """Ends of lines, behind the notes that end by ``stop``: of several voices, behind all."""
        marks = self.marks[s]
        due = bisect_right(marks, stop, key=_tick)
        out += [mark.xml(0) + "\n" for mark in marks[:due] if mark.closes]
        marks[:due] = [mark for mark in marks[:due] if not mark.closes]

    def _notes(
        self, voice: _Voice, n: int, event: Event, place: str, staff: str, out: list[str]
    ) -> None:
        piece = voice.pieces[n]
        opens, closes = voice.opens(piece, event), voice.closes(piece, event)
        tie = ("" if opens else '<tie type="stop"/>') + ("" if closes else '<tie type="start"/>')
        notations = tie.replace("<tie ", "<tied ")
        dots = "<dot/>" * piece.dots
        kind = f"{place}<type>{piece.kind}</type>{dots}"
        time = _tuplet_time(piece)
        beams = "".join(
            f'<beam number="{i}">{word}</beam>' for i, word in enumerate(piece.beams, 1)
        )
        if opens and event.graces:
            self._graces(voice, n, event, place, staff, out)
        first = _tuplet_marks(piece)
        if event.staccato and opens:
            first += "<articulations><staccato/></articulations>"
        sung = self._lyric(event) if opens else ""
        for i, pitch in enumerate(event.pitches):
            marks = notations + (first if i == 0 else "")
            if self.part.track.is_drum:
                head, ident, sign = self._unpitched(pitch)
            else:
                head, ident = _pitch(self._name(pitch, event.start)), ""
                sign = ""
            accidental = voice.signs.get((n, pitch), "")
            out.append(
                f"<note>{'<chord/>' if i else ''}{head}{self._duration(piece.length)}{tie}"
                f"{ident}{kind}{accidental}{time}{sign}{staff}{beams if i == 0 else ''}"
                f"{f'<notations>{marks}</notations>' if marks else ''}{'' if i else sung}</note>\n"
            )

    def _lyric(self, event: Event) -> str:
        """What is sung on a note, once."""
        syllable = self.lyrics.pop(event.start, None)
        if syllable is None or not (text := plain_text(syllable.text)):
            return ""
        return f"<lyric><syllabic>{syllable.place}</syllabic><text>{text}</text></lyric>"

    def _graces(
        self, voice: _Voice, n: int, event: Event, place: str, staff: str, out: list[str]
    ) -> None:
        """Ornaments before a note: one small eighth, or sixteenths that follow each other."""
        single = len(event.graces) == 1
        for i, pitch in enumerate(event.graces):
            word = "begin" if i == 0 else "end" if i == len(event.graces) - 1 else "continue"
            beams = "" if single else "".join(f'<beam number="{d}">{word}</beam>' for d in (1, 2))
            slash = ' slash="yes"' if single else ""
            out.append(
                f"<note><grace{slash}/>{_pitch(self._name(pitch, event.start))}{place}"
                f"<type>{'eighth' if single else '16th'}</type>"
                f"{voice.signs.get((n, pitch), '')}{staff}{beams}</note>\n"
            )

    def _unpitched(self, pitch: int) -> tuple[str, str, str]:
        line, head = drum(pitch).line, drum(pitch).head
        where = (
            f"<unpitched><display-step>{line[0]}</display-step>"
            f"<display-octave>{line[1:]}</display-octave></unpitched>"
        )
        sign = f"<notehead>{head}</notehead>" if head else ""
        return where, f'<instrument id="P{self.number}-I{pitch}"/>', sign


def _tick(mark: Mark) -> int:
    return mark.tick


def _pitch(name: Name) -> str:
    alter = f"<alter>{name.alter}</alter>" if name.alter else ""
    return f"<pitch><step>{name.step}</step>{alter}<octave>{name.octave}</octave></pitch>"


def _hidden(piece: Piece, voice: _Voice, plan: Plan) -> bool:
    """Whether a silence of a lower voice needs no rest: at either end of the bar, or on beats."""
    if piece.tuplet:
        return False
    edges = piece.stretch in (0, len(voice.events) - 1)
    return edges or (
        piece.length >= QUARTER and (piece.start, piece.start + piece.length) in plan.nodes
    )


def _tuplet_time(piece: Piece) -> str:
    if not piece.tuplet:
        return ""
    _, actual, normal, unit = piece.tuplet
    return (
        f"<time-modification><actual-notes>{actual}</actual-notes><normal-notes>{normal}"
        f"</normal-notes><normal-type>{unit}</normal-type></time-modification>"
    )


def _tuplet_marks(piece: Piece) -> str:
    out = ""
    if piece.closes:
        out += '<tuplet type="stop" number="1"/>'
    if piece.opens:
        bracket = "yes" if piece.bracket else "no"
        out += f'<tuplet type="start" number="1" bracket="{bracket}"/>'
    return out
