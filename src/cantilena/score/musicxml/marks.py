"""Marks between and above the notes: tempo, dynamics, chord symbols.

Knows MusicXML's words for them and when a musician wants to see one; does not know notes' places
on paper. Every mark is a function from an offset (ticks after the element before it) to XML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

import numpy as np

from cantilena.score.controls import CONTROL_CHANGE
from cantilena.score.harmony import parse_chord
from cantilena.score.musicxml.grid import GridNotes
from cantilena.score.musicxml.metre import DIVISIONS, EIGHTH, SHORTEST, SIXTEENTH, Bars
from cantilena.score.score import Score
from cantilena.score.swing import Swing
from cantilena.score.symbols import sounding_symbols


class Mark(NamedTuple):
    """``xml(offset)`` at ``tick``. ``closes``: it ends a line, and belongs behind the note that
    ends there."""

    tick: int
    xml: Callable[[int], str]
    closes: bool = False


def _offset(ticks: int) -> str:
    return f"<offset>{ticks}</offset>" if ticks else ""


# Tempo -------------------------------------------------------------------------------------

_AUDIBLE = 0.01  # a change of tempo below this share is left out
_WORTH_A_MARK = 0.04  # and one below this is played, not printed


def tempo_marks(score: Score, bars: Bars, swing: Swing | None = None) -> list[Mark]:
    """Metronome marks where a tempo holds for a bar; other changes as playback tempo only. The
    first says whether the piece swings."""
    ticks = np.round(score.tempo_tick * (DIVISIONS / score.tpq) / SHORTEST).astype(int) * SHORTEST
    end = int(bars.start[-1])
    tempos = {t: 60e6 / us for t, us in zip(ticks.tolist(), score.tempo_us.tolist(), strict=True)}
    points = [(t, bpm) for t, bpm in tempos.items() if t < end]
    out: list[Mark] = []
    playback, last = 0.0, -DIVISIONS
    printed = 0.0
    for i, (tick, bpm) in enumerate(points):
        if abs(bpm - playback) <= _AUDIBLE * playback:
            continue
        bar = int(np.searchsorted(bars.start, tick, side="right")) - 1
        size = int(bars.start[bar + 1] - bars.start[bar])
        later = (t for t, b in points[i + 1 :] if abs(b - bpm) > _WORTH_A_MARK * bpm)
        holds = next(later, end) - tick >= min(size, end - tick)
        moved = max(abs(bpm - playback), abs(bpm - printed)) > _WORTH_A_MARK * bpm
        if not out or (holds and moved):
            out.append(Mark(tick, _metronome(bpm, *bars.metre[bar], None if out else swing)))
            printed = bpm
        elif tick - last >= EIGHTH:
            out.append(Mark(tick, _playback_tempo(bpm)))
        else:
            continue
        playback, last = bpm, tick
    return out


def _metronome(bpm: float, num: int, den: int, swing: Swing | None) -> Callable[[int], str]:
    unit, dots, quarters = "quarter", 0, 1.0
    if den >= 8 and num > 3 and num % 3 == 0:
        unit, dots, quarters = ("quarter", 1, 1.5) if den == 8 else ("eighth", 1, 0.75)
    elif den == 2:
        unit, quarters = "half", 2.0
    count = max(1, round(bpm / quarters))
    beat = f"<beat-unit>{unit}</beat-unit>" + "<beat-unit-dot/>" * dots
    words, playback = _swing(swing)
    head = (
        f'<direction placement="above">{words}<direction-type>'
        f"<metronome>{beat}<per-minute>{count}</per-minute></metronome></direction-type>"
    )
    sound = f'<sound tempo="{_decimal(bpm)}"' + (f">{playback}</sound>" if playback else "/>")
    return lambda offset: f"{head}{_offset(offset)}{sound}</direction>"


def _swing(swing: Swing | None) -> tuple[str, str]:
    """The word for it, and how it is played back."""
    if swing is None:
        return "", ""
    word, kind = ("Swing", "eighth") if swing.pair == 1 else ("Swing 16ths", "16th")
    gap = "<words>\u00a0</words>"  # between the word and the metronome mark beside it
    words = f'<direction-type><words font-weight="bold">{word}</words>{gap}</direction-type>'
    ratio = f"<first>{swing.first}</first><second>{swing.second}</second>"
    return words, f"<swing>{ratio}<swing-type>{kind}</swing-type></swing>"


def _playback_tempo(bpm: float) -> Callable[[int], str]:
    return lambda offset: (
        f'<sound tempo="{_decimal(bpm)}">{_offset(offset)}</sound>'
        if offset
        else f'<sound tempo="{_decimal(bpm)}"/>'
    )


def _decimal(x: float) -> str:
    return f"{x:.3f}".rstrip("0").rstrip(".")


# Dynamics ----------------------------------------------------------------------------------

_LEVELS = ((41, "pp"), (57, "p"), (72, "mp"), (88, "mf"), (104, "f"), (128, "ff"))
_BIG = 20  # velocity by which two bars must both differ for a new mark


def dynamic_marks(notes: GridNotes, of: np.ndarray, bars: Bars) -> list[Mark]:
    """One mark at the first of the notes ``of`` (indices of one part, by onset) and one at each
    lasting change of loudness."""
    if not len(of):
        return []
    bar = np.searchsorted(bars.start, notes.onset[of], side="right") - 1
    active, first = np.unique(bar, return_index=True)
    count = np.bincount(bar)[active]
    mean = np.bincount(bar, weights=notes.velocity[of])[active] / count
    onset = notes.onset[of][first].tolist()
    level = float(mean[:4].mean())
    word = _dynamic(level)
    out = [Mark(onset[0], _dynamics(word, level))]
    for i in range(1, len(active) - 1):
        change, after = mean[i] - level, mean[i + 1] - level
        if min(abs(change), abs(after)) < _BIG or change * after < 0:
            continue
        level = float(mean[i : i + 2].mean())
        if _dynamic(level) != word:
            word = _dynamic(level)
            out.append(Mark(onset[i], _dynamics(word, level)))
    return out


def _dynamic(velocity: float) -> str:
    return next(word for limit, word in _LEVELS if velocity < limit)


def _dynamics(word: str, velocity: float) -> Callable[[int], str]:
    head = (
        '<direction placement="below"><direction-type><dynamics>'
        f"<{word}/></dynamics></direction-type>"
    )
    # MusicXML counts loudness in percent of velocity 90.
    tail = f'<staff>1</staff><sound dynamics="{round(velocity / 0.9)}"/></direction>'
    return lambda offset: f"{head}{_offset(offset)}{tail}"


# Chord symbols -----------------------------------------------------------------------------

_KINDS: dict[str, tuple[str, tuple[int, ...]]] = {
    "major": ("", (0, 4, 7)),
    "minor": ("m", (0, 3, 7)),
    "augmented": ("+", (0, 4, 8)),
    "diminished": ("dim", (0, 3, 6)),
    "dominant": ("7", (0, 4, 7, 10)),
    "major-seventh": ("maj7", (0, 4, 7, 11)),
    "minor-seventh": ("m7", (0, 3, 7, 10)),
    "diminished-seventh": ("dim7", (0, 3, 6, 9)),
    "augmented-seventh": ("+7", (0, 4, 8, 10)),
    "half-diminished": ("m7b5", (0, 3, 6, 10)),
    "major-minor": ("mMaj7", (0, 3, 7, 11)),
    "major-sixth": ("6", (0, 4, 7, 9)),
    "minor-sixth": ("m6", (0, 3, 7, 9)),
    "dominant-ninth": ("9", (0, 4, 7, 10, 14)),
    "major-ninth": ("maj9", (0, 4, 7, 11, 14)),
    "minor-ninth": ("m9", (0, 3, 7, 10, 14)),
    "dominant-11th": ("11", (0, 4, 7, 10, 14, 17)),
    "major-11th": ("maj11", (0, 4, 7, 11, 14, 17)),
    "minor-11th": ("m11", (0, 3, 7, 10, 14, 17)),
    "dominant-13th": ("13", (0, 4, 7, 10, 14, 21)),
    "major-13th": ("maj13", (0, 4, 7, 11, 14, 21)),
    "minor-13th": ("m13", (0, 3, 7, 10, 14, 21)),
    "suspended-second": ("sus2", (0, 2, 7)),
    "suspended-fourth": ("sus4", (0, 5, 7)),
    "power": ("5", (0, 7)),
}
# Degree and semitones above its plain form, of what a chord may have beside its kind.
_DEGREES = {1: (9, -1), 2: (9, 0), 3: (9, 1), 5: (11, 0), 6: (5, -1), 8: (5, 1), 9: (13, 0)}
_DEGREES |= {10: (7, 0), 11: (7, 1), 13: (9, -1), 14: (9, 0), 15: (9, 1), 17: (11, 0), 18: (11, 1)}
_DEGREES |= {4: (3, 0), 7: (5, 0), 20: (13, -1), 21: (13, 0)}
_NO_CHORD = frozenset({"", "N", "NC", "N.C."})


def chord_marks(chords: Sequence[tuple[int, str]], score: Score, bars: Bars) -> list[Mark]:
    """Chord symbols (tick of the Score, symbol) on the written grid, at the nearest eighth of
    their bar; repeats, and chords during which nothing pitched sounds, are left out. "N.C." and ""
    mean no chord. Raises BriefError."""
    out: list[Mark] = []
    before = None
    for tick, symbol in sounding_symbols(score, chords):
        at = tick * DIVISIONS / score.tpq
        if symbol == before or not -SIXTEENTH <= at < int(bars.start[-1]):
            continue
        before = symbol
        bar = max(int(np.searchsorted(bars.start, at + SIXTEENTH - 1, side="right")) - 1, 0)
        start = int(bars.start[bar])
        place = start + max(0, round((at - start) / EIGHTH)) * EIGHTH
        place = min(place, int(bars.start[-1]) - SHORTEST)
        out.append(Mark(place, _harmony(symbol)))
    return out


def _harmony(symbol: str) -> Callable[[int], str]:
    if symbol.strip() in _NO_CHORD:
        # As words: readers disagree on what a harmony without a root looks like.
        head = '<direction placement="above"><direction-type><words>N.C.</words></direction-type>'
        return lambda offset: f"{head}{_offset(offset)}</direction>"
    chord = parse_chord(symbol)
    kind, extra = _kind(chord.intervals)
    letters = re.match(r"([A-G])([#♯b♭]?)", symbol.strip())
    below = re.search(r"/([A-G])([#♯b♭]?)$", symbol.strip())
    assert letters is not None
    # With degrees, readers add these to the text themselves.
    text = _KINDS[kind][0] if extra else re.sub(r"[^\w#♯♭°Δ△/()+-]", "", chord.symbol)
    head = _pitch("root", letters) + f'<kind text="{text}">{kind}</kind>'
    if chord.bass is not None and below is not None:
        head += _pitch("bass", below)
    for degree, alter, how in extra:
        head += (
            f"<degree><degree-value>{degree}</degree-value>"
            f"<degree-alter>{alter}</degree-alter><degree-type>{how}</degree-type></degree>"
        )
    return lambda offset: f"<harmony>{head}{_offset(offset)}</harmony>"


def _pitch(role: str, name: re.Match[str]) -> str:
    alter = {"#": 1, "♯": 1, "b": -1, "♭": -1}.get(name.group(2), 0)
    sign = f"<{role}-alter>{alter}</{role}-alter>" if alter else ""
    return f"<{role}><{role}-step>{name.group(1)}</{role}-step>{sign}</{role}>"


def _kind(intervals: tuple[int, ...]) -> tuple[str, list[tuple[int, int, str]]]:
    """The kind that shares most with ``intervals``, and (degree, alteration, how) of the rest."""
    have = set(intervals)
    kinds = {kind: set(notes) for kind, (_, notes) in _KINDS.items()}
    kind = min(kinds, key=lambda k: (len(have ^ kinds[k]), len(kinds[k] - have)))
    plain = kinds[kind]
    extra = [(*_DEGREES.get(i, (9, 0)), "add") for i in sorted(have - plain)]
    for i in sorted(plain - have):
        degree, alter = _DEGREES.get(i, (5, 0))
        degree = {1: 3, 3: 3}.get(i, degree) if i < 5 else degree
        changed = next((e for e in extra if e[0] == degree), None)
        if changed:
            extra[extra.index(changed)] = (degree, changed[1] - alter, "alter")
        else:
            extra.append((degree, alter, "subtract"))
    return kind, extra


# Words -------------------------------------------------------------------------------------


def rehearsal_marks(score: Score, bars: Bars) -> list[Mark]:
    """The Score's markers in boxes, each at the nearest bar line."""
    at: dict[int, list[str]] = {}
    for marker in score.markers:
        bar = min(bars.nearest(marker.tick * DIVISIONS / score.tpq), len(bars.metre) - 1)
        at.setdefault(int(bars.start[bar]), []).append(plain_text(marker.text))
    return [Mark(tick, _rehearsal(", ".join(filter(None, names)))) for tick, names in at.items()]


def concert_mark() -> Mark:
    """What the page says of transposing instruments that are written as they sound."""
    head = '<direction placement="above"><direction-type><words font-style="italic" font-size="9">'
    tail = "Concert score</words></direction-type>"
    return Mark(0, lambda offset: f"{head}{tail}{_offset(offset)}</direction>")


def _rehearsal(name: str) -> Callable[[int], str]:
    head = f'<direction placement="above"><direction-type><rehearsal>{name}</rehearsal>'
    return lambda offset: f"{head}</direction-type>{_offset(offset)}</direction>"


_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def plain_text(value: str) -> str:
    """Text that XML can hold."""
    return escape(_ILLEGAL.sub("", value).strip())


# Lines -------------------------------------------------------------------------------------

_SUSTAIN, _DOWN = 64, 64  # the controller of the pedal, and its least value when it is down
_PEDALLED = frozenset((*range(8), 11))  # pianos and their kin, vibraphone


def pedal_marks(score: Score, track: int, bars: Bars, staves: int) -> list[Mark]:
    """The sustaining pedal of a piano or vibraphone, to the nearest sixteenth, below the last of
    its ``staves``: lifted and pressed at once is a change."""
    part, controls = score.tracks[track] if score.tracks else None, score.controls
    if part is None or part.is_drum or part.program not in _PEDALLED:
        return []
    of = (controls.track == track) & (controls.kind == CONTROL_CHANGE)
    of &= controls.number == _SUSTAIN
    last = int(bars.start[-1]) - SHORTEST
    place = np.round(controls.tick[of] * (DIVISIONS / score.tpq) / SIXTEENTH) * SIXTEENTH
    changes: list[tuple[int, bool]] = []
    for tick, value in zip(place.astype(int).tolist(), controls.value[of].tolist(), strict=True):
        down = value >= _DOWN
        if down != (bool(changes) and changes[-1][1]) and tick < last:
            changes.append((tick, down))
    if changes and changes[-1][1]:
        changes.append((last, False))
    words: dict[int, str] = {}
    for tick, down in changes:
        before = words.pop(tick, "")
        if down:
            words[tick] = "change" if before == "stop" else "start"
        elif before != "start":
            words[tick] = "stop"
    staff = f"<staff>{staves}</staff>" if staves > 1 else ""
    return [Mark(tick, _pedal(word, staff)) for tick, word in words.items()]


def _pedal(word: str, staff: str) -> Callable[[int], str]:
    line = f'<pedal type="{word}" line="yes" sign="yes"/>'
    head = f'<direction placement="below"><direction-type>{line}</direction-type>'
    return lambda offset: f"{head}{_offset(offset)}{staff}</direction>"


def octave_line(start: int, end: int, octaves: int, staff: int) -> tuple[Mark, Mark]:
    """Start and end of a line over notes of a ``staff`` (from 1) that sound ``octaves`` (-2..2)
    above what is written."""
    size = 8 if abs(octaves) == 1 else 15
    place, kind = ("above", "down") if octaves > 0 else ("below", "up")

    def shift(word: str) -> Callable[[int], str]:
        line = f'<octave-shift type="{word}" size="{size}" number="{staff}"/>'
        head = f'<direction placement="{place}"><direction-type>{line}</direction-type>'
        return lambda offset: f"{head}{_offset(offset)}<staff>{staff}</staff></direction>"

    return Mark(start, shift(kind)), Mark(end, shift("stop"), True)
