"""Rows of the report for wishes about the arrangement: who does what, and what happens when.

Knows how these wishes are put in words and when they count as met; how a Score is measured is in
``listening``. Of a wish that nothing measures it is said that it is not obeyed yet.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cantilena.analysis import find_key
from cantilena.score.score import DRUMS, Score
from cantilena.text.report.listening import (
    KICKS,
    LOUDNESS_EDGES,
    SNARES,
    Line,
    playing,
    top_and_bottom,
)
from cantilena.text.report.matching import match_instruments
from cantilena.text.report.rows import NOT_OBEYED, Row
from cantilena.text.wishes import (
    PART_WISHES,
    Brief,
    Change,
    PartWish,
    change_words,
    section_words,
)

MOSTLY = 0.75
"""Share of the places of a pattern, or of the time, at which it counts as kept."""
GROWTH = 8
"""Velocities by which the last third of a crescendo is louder than its first at least."""
FADED = 0.6
"""Share of the loudness before it that the last bar of a fade has at most."""
SLOWED, HURRIED = 0.9, 1.1
"""Shares of the main tempo below and above which a ritardando and an accelerando end."""
COMES_BACK = 0.3
"""Share of the bars of a tune that take up an earlier one, from which it has a motif or a hook."""

Measured = tuple[str, bool, float] | None
"""What was achieved in words, whether that is met, and how near it came (0-1); None: nothing here
measures it."""


def arrangement_rows(brief: Brief, score: Score) -> list[Row]:
    """A Row for each of these wishes that the Brief has."""
    parts = _Parts(brief, score)
    rows: list[Row] = []
    for name in PART_WISHES:
        wishes: tuple[PartWish, ...] = getattr(brief, name)
        rows += [_row(name, part_wish_words(w), parts.measure(name, w)) for w in wishes]
    if brief.form:
        rows.append(_row("form", ", ".join(map(section_words, brief.form)), _form(brief, score)))
    rows += [_row("changes", change_words(c), _change(c, parts)) for c in brief.changes]
    return rows + [_row("repetition", r, _repetition(r, parts)) for r in brief.repetition]


def _row(name: str, asked: str, measured: Measured) -> Row:
    if measured is None:
        return Row(name, asked, NOT_OBEYED, None, None)
    achieved, met, score = measured
    return Row(name, asked, achieved, met, 1.0 if met else min(max(score, 0.0), 1.0))


def part_wish_words(wish: PartWish) -> str:
    """A wish about a part: "flute: lead", or "loud" where the whole music is meant."""
    return f"{wish.part}: {wish.value}" if wish.part else wish.value


class _Parts:
    """The Score's lines by the names that wishes have for them."""

    def __init__(self, brief: Brief, score: Score):
        self.brief, self.score = brief, score
        self.top, self.bottom = top_and_bottom(score)
        sounding = np.unique(score.instrument).tolist()
        answers = match_instruments(brief.instruments, sounding)
        self.answers = {
            i.name: answer for i, answer in zip(brief.instruments, answers, strict=True)
        }

    def instrument(self, name: str) -> int | None:
        """The instrument that a wish is about, None where it does not sound."""
        by_function = {"melody": self.top, "bass": self.bottom, "drums": DRUMS}
        return self.answers.get(name, by_function.get(name))

    def line(self, name: str) -> Line | None:
        """The notes that a wish is about; None where there are none."""
        if not name:
            return Line.of(self.score)
        number = self.instrument(name)
        line = None if number is None else Line.of(self.score, number)
        return line if line is not None and len(line) else None

    def lines(self, name: str, kinds: str = "pitched") -> list[Line]:
        """The parts that a figure without a name may be in: all ``kinds`` of them."""
        if name:
            line = self.line(name)
            return [line] if line is not None else []
        every = [Line.of(self.score, int(i)) for i in np.unique(self.score.instrument)]
        if kinds == "drums":
            return [line for line in every if line.instrument == DRUMS]
        if kinds == "bass":
            return [line for line in every if line.instrument == self.bottom]
        return [line for line in every if line.instrument not in (DRUMS, self.bottom)]

    def measure(self, field: str, wish: PartWish) -> Measured:
        """What becomes of a wish about a part."""
        if field == "figures":
            return _figure(wish, self)
        measures: dict[str, Callable[[str, Line, _Parts], Measured]] = {
            "roles": _role,
            "articulations": _articulation,
            "registers": _register,
            "loudness": _loudness,
        }
        line = self.line(wish.part)
        if line is None or not len(line):
            return (f"no {wish.part or 'notes'}", False, 0.0)
        return measures[field](wish.value, line, self)


def _role(value: str, line: Line, parts: _Parts) -> Measured:
    if value in ("lead", "accompaniment", "background"):
        leads = line.instrument == parts.top
        words = "has the tune" if leads else "does not have the tune"
        met = leads == (value == "lead")
        return words, met, float(met)
    if value == "bass":
        met = line.instrument == parts.bottom
        return "the lowest" if met else "not the lowest", met, float(met)
    return None


def _loudness(value: str, line: Line, parts: _Parts) -> Measured:
    words = list(LOUDNESS_EDGES)
    apart = abs(words.index(value) - words.index(line.loudness_word))
    return f"{line.loudness_word}: mean velocity {line.loudness:.0f}", not apart, 1 - apart / 2


def _register(value: str, line: Line, parts: _Parts) -> Measured:
    if line.instrument == DRUMS:
        return None
    height = line.height
    met = {"low": height <= 0.5, "middle": 0.25 <= height <= 0.75, "high": height >= 0.5}[value]
    off = {"low": height - 0.5, "middle": abs(height - 0.5) - 0.25, "high": 0.5 - height}[value]
    return f"median at {100 * height:.0f} % of its range", met, 1 - 2 * off


def _articulation(value: str, line: Line, parts: _Parts) -> Measured:
    share = f"notes sound for {100 * line.sounding:.0f} % of the time to the next"
    length = f"notes of {line.median_length:.2g} quarters"
    if value in ("staccato", "pizzicato"):
        return length, line.median_length <= 0.5, 0.5 / max(line.median_length, 0.5)
    if value == "legato":
        return share, line.sounding >= MOSTLY, line.sounding / MOSTLY
    if value == "sustained":
        return length, line.median_length >= 1.0, line.median_length
    if value == "plucked":
        return length, line.median_length <= 1.0, 1 / max(line.median_length, 1.0)
    return None


def _figure(wish: PartWish, parts: _Parts) -> Measured:
    """The best of the parts that it may be in."""
    kind = {"walking bass": "bass", "boogie bass": "bass"}.get(wish.value, "pitched")
    kind = "drums" if wish.value in ("four on the floor", "backbeat") else kind
    lines = parts.lines(wish.part, kind)
    measured = [m for line in lines if (m := _figure_of(wish.value, line, parts)) is not None]
    if not lines:
        return (f"no {wish.part or kind}", False, 0.0)
    return max(measured, key=lambda m: (m[1], m[2]), default=None)


def _figure_of(value: str, line: Line, parts: _Parts) -> Measured:
    score = parts.score
    num, den = int(score.metre_num[0]), int(score.metre_den[0])
    beats = [4 / den * k for k in range(num)]
    if value == "walking bass":
        share = line.struck(beats)
        met = share >= MOSTLY and line.step <= 7 and line.median_length >= 0.5
        return f"on {100 * share:.0f} % of the beats, by {line.step:.1f} semitones", met, share
    if value in ("four on the floor", "backbeat"):
        drums = KICKS if value == "four on the floor" else SNARES
        places = beats if value == "four on the floor" else beats[1::2]
        share = line.struck(places, drums)
        drum = "kick" if value == "four on the floor" else "snare"
        return f"{drum} on {100 * share:.0f} % of its beats", share >= MOSTLY, share
    size = line.chord_size
    words = f"{size:.2g} notes at once"
    if value in ("arpeggio", "broken chords", "alberti bass", "fingerpicking"):
        return words, size <= 1.5, 1 - (size - 1.5) / 3
    if value in ("block chords", "strumming", "comping", "stabs"):
        return words, size >= 2.5, size / 2.5
    if value == "power chords":
        return words, 1.7 <= size <= 3.3, 1 - abs(size - 2.5) / 3
    if value in ("pad", "drone"):
        length = line.median_length
        return f"notes of {length:.2g} quarters", length >= 1.5, length / 1.5
    if value in ("riff", "ostinato", "repeated notes"):
        share = line.returns((1, 2, 4), rhythm=True)
        return f"{100 * share:.0f} % of its bars come back", share >= 0.5, 2 * share
    if value == "oom-pah":
        share = line.struck(beats[1:] if num == 3 else beats[1::2])
        return f"on {100 * share:.0f} % of the beats behind the first", share >= MOSTLY, share
    return None


# ---------------------------------------------------------------------------- the course of it


def _form(brief: Brief, score: Score) -> Measured:
    """The sections as the file's markers name them; asked lengths are those of the file."""
    bars = np.searchsorted(score.bar_starts, [m.tick for m in score.markers])
    edges = [*bars.tolist(), score.n_bars]
    names = [(m.text, edges[k + 1] - edges[k]) for k, m in enumerate(score.markers)]
    achieved = ", ".join(f"{name} {length}" for name, length in names) or "no sections"
    asked = [(s.name, s.bars) for s in brief.form]
    kept = 0
    for name, length in names:  # in order, others may stand between
        if kept < len(asked) and name == asked[kept][0]:
            kept += asked[kept][1] in (None, length)
    return achieved, kept == len(asked), kept / len(asked)


def _change(change: Change, parts: _Parts) -> Measured:
    score = parts.score
    line = parts.line(change.part)
    if line is None or not len(line):
        return (f"no {change.part or 'notes'}", False, 0.0)
    first, behind = _span(change, score)
    third = max(1, (behind - first) // 3)
    early, late = line.within(first, first + third), line.within(behind - third, behind)
    moved = late.loudness - early.loudness
    words = f"velocity {early.loudness:.0f} to {late.loudness:.0f}"
    if change.kind in ("crescendo", "diminuendo"):
        up = moved if change.kind == "crescendo" else -moved
        return words, up >= GROWTH, up / GROWTH
    if change.kind in ("fade in", "fade out"):
        inside = line.within(first, behind).bar
        if not len(inside):
            return "no notes", False, 0.0
        edge = int(inside.min() if change.kind == "fade in" else inside.max())
        other = behind if change.kind == "fade in" else max(0, first - 4)
        faded, full = line.within(edge, edge + 1), line.within(other, other + 4)
        share = faded.loudness / max(full.loudness, 1.0)
        fades = f"velocity {faded.loudness:.0f} where it is {full.loudness:.0f} beside"
        return fades, share <= FADED, FADED / max(share, FADED)
    if change.kind == "loudness" and change.to in LOUDNESS_EDGES:
        return _loudness(change.to, line.within(first, behind), parts)
    if change.kind in ("ritardando", "accelerando", "tempo"):
        return _tempo_change(change, score, first, behind)
    if change.kind == "key":
        return _key_change(score, first, behind)
    return _players(change, score, first, behind)


def _span(change: Change, score: Score) -> tuple[int, int]:
    """The bars of a change as the file has them: those of the section of a marker, or the first,
    middle or last quarter (8 bars at most); else all."""
    bars = score.n_bars
    starts = np.searchsorted(score.bar_starts, [m.tick for m in score.markers]).tolist()
    wanted = change.where.removeprefix("last ").removeprefix("first ")
    for k in reversed(range(len(starts))):
        if score.markers[k].text == wanted:
            return starts[k], starts[k + 1] if k + 1 < len(starts) else bars
    quarter = max(1, min(bars // 4, 8))
    if change.kind in ("fade out", "ritardando") or change.where == "end":
        return bars - quarter, bars
    if change.where == "start" or change.kind == "fade in":
        return 0, quarter
    if change.where == "middle":
        return bars // 2, bars if change.kind in ("key", "tempo") else bars // 2 + quarter
    return (bars // 2, bars) if change.kind in ("key", "tempo") else (0, bars)


def _tempo_change(change: Change, score: Score, first: int, behind: int) -> Measured:
    ticks = score.bar_starts[[first, behind]]
    inside = (score.tempo_tick >= ticks[0] - 1) & (score.tempo_tick < ticks[1])
    tempos = 60e6 / score.tempo_us[inside]
    main = score.bpm
    if not len(tempos):
        return f"{main:.4g} bpm throughout", False, 0.0
    end = float(tempos[-1])
    words = f"{main:.4g} to {end:.4g} bpm"
    if change.kind == "tempo":
        return words, abs(end / main - 1) > 0.05, 0.0
    if change.kind == "ritardando":
        return words, float(tempos.min()) <= SLOWED * main, 0.0
    return words, float(tempos.max()) >= HURRIED * main, 0.0


def _key_change(score: Score, first: int, behind: int) -> Measured:
    """The keys before it and within it, by ear."""
    bar = np.searchsorted(score.bar_starts, score.onset, side="right") - 1
    before, _ = find_key(score.select(bar < first))
    within, _ = find_key(score.select((bar >= first) & (bar < behind)))
    names = [key.name if key else "no key" for key in (before, within)]
    met = before is not None and within is not None and before != within
    return f"{names[0]}, then {names[1]}", met, float(met)


def _players(change: Change, score: Score, first: int, behind: int) -> Measured:
    """Changes of who plays: how many before and after."""
    third = max(1, (behind - first) // 3)
    early, late = playing(score, first, first + third), playing(score, behind - third, behind)
    words = f"{early:.2g} to {late:.2g} parts a bar"
    if change.kind in ("fuller", "build"):
        return words, late > early + 0.5, (late - early) / 0.5
    if change.kind == "thinner":
        return words, late < early - 0.5, (early - late) / 0.5
    around = playing(score, max(0, first - 2), first) if first else 0.0
    within = playing(score, first, behind)
    words = f"{within:.2g} parts a bar after {around:.2g}"
    if change.kind == "drop":
        return words, within > around, float(within > around)
    if change.kind == "break":
        return words, within < around, float(within < around)
    return None


def _repetition(value: str, parts: _Parts) -> Measured:
    if value in ("hook", "motif"):
        line = parts.line("melody")
        share = 0.0 if line is None else line.returns((1, 2, 4, 8, 16), rhythm=True)
        return (
            f"{100 * share:.0f} % of the tune's bars come back",
            share >= COMES_BACK,
            share / COMES_BACK,
        )
    if value == "loop":
        share = Line.of(parts.score).returns((4, 8, 16), rhythm=True)
        return f"{100 * share:.0f} % of the bars come back", share >= 0.5, 2 * share
    return None
