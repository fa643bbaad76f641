"""The report: each wish of a Brief, what was asked and what the music is.

Knows how a wish is checked against a Score and when it counts as met. What is measured is the
Score itself, as read from the written file, never what a decoder meant to do. Does not know
models but the small one that judges some genres, and does not judge mood, which nothing here can
measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from cantilena.analysis import Part, density, find_key, main_metre, off_grid, parts, swings
from cantilena.score import gm
from cantilena.score.harmony import Key
from cantilena.score.score import DRUMS, Score
from cantilena.text.facts import density_word
from cantilena.text.report.arrangement import arrangement_rows
from cantilena.text.report.chords import ChordMatch, match_chords
from cantilena.text.report.genre import genre_row
from cantilena.text.report.matching import match_instruments
from cantilena.text.report.rows import NOT_MEASURED, Row
from cantilena.text.wishes import (
    MAX_BARS,
    MAX_SECONDS,
    MIN_BARS,
    MIN_SECONDS,
    Brief,
    Instrument,
    range_words,
)

MIN_NOTES = 4
"""An asked instrument is heard when it plays at least so many notes ..."""
MIN_SHARE = 0.01
"""... and this share of the sounding time (``Part.share``), ..."""
LONG_SHARE = 0.1
"""... or, with fewer notes, this share: a pad may hold two chords for a whole piece."""
TEMPO_EXACT = 0.5
"""Quarters per minute by which a tempo may differ from the number that was asked for."""
ORDER_MET = 0.75
"""Share of places with the chord that is due there from which a progression counts as followed:
hearing chords is itself right in about nine places of ten."""
PLAYED = 0.05
"""Share of notes off the beat's divisions from which music counts as played, not quantized."""
SECONDS_EXACT = 0.1
"""Share of an asked duration by which the music may differ (or by half a bar, if that is more)."""


def report(brief: Brief, score: Score) -> tuple[Row, ...]:
    """A Row for each wish of the Brief, in a fixed order; () for an empty Brief.

    - instruments: an asked instrument is heard when one of its programs has at least
      ``MIN_NOTES`` notes and ``MIN_SHARE`` of the sounding time, or ``LONG_SHARE``. A part
      answers one asked instrument only. How many players an instrument has is not measured, as
      one part may hold several. Score: share of the asked ones that are heard.
    - only, excluded: not one note of another, or of an excluded, instrument. Score: the share of
      the sounding time that obeys.
    - tempo: the main tempo is within ``TEMPO_EXACT`` of the number, or in the range where the
      Brief has one. Score: 1 less the octaves it is off.
    - metre: the one that holds longest. Score: 1/2 for another metre of the same bar length.
    - key: as ``analysis.find_key`` hears it, and exactly that one. Score of another: MIREX's
      weights, 0.5 a fifth apart, 0.3 relative, 0.2 parallel.
    - chords, chord order: ``match_chords``; met when all asked chords are heard, and when
      ``ORDER_MET`` of the places have the chord that is due.
    - bars: exactly, or within the range; a last note that rings on into one more bar adds none.
      Score: the ratio.
    - seconds: within ``SECONDS_EXACT``, or half a bar; within a range, or ``SECONDS_EXACT`` of its
      aim, so that a narrow range is no stricter than one number. Score: the ratio.
    - swing: ``analysis.swings``; timing: played where ``analysis.off_grid`` is ``PLAYED`` or more;
      density: by ``facts.density_word``.
    - genre: as ``report.genre_row`` judges it, without a score. moods: listed, not measured.
    - roles, figures, articulations, registers, loudness, form, changes, repetition: as
      ``report.arrangement`` measures them; "not yet obeyed" of what it does not.
    """
    players = parts(score)
    rows: list[Row] = []
    if brief.instruments:
        rows.append(_instruments(brief.instruments, players))
        if brief.only:
            rows.append(_only(brief.instruments, players))
    if brief.excluded:
        rows.append(_excluded(brief.excluded, players))
    if brief.tempo is not None or brief.tempo_range is not None:
        rows.append(_tempo(brief, score))
    if brief.metre_parts is not None:
        rows.append(_metre(brief.metre_parts, score))
    if brief.key is not None:
        rows.append(_key(Key.from_name(brief.key), score))
    if brief.chords:
        rows += _chords(brief.chords, match_chords(brief.chords, score, brief.chord_beats))
    if brief.bars is not None:
        rows.append(_bars(brief, score))
    if brief.seconds is not None:
        rows.append(_seconds(brief, score))
    if brief.swing is not None:
        rows.append(_swing(brief.swing, score))
    if brief.timing is not None:
        rows.append(_timing(brief.timing, score))
    if brief.density is not None:
        rows.append(_density(brief.density, score))
    if brief.genres:
        rows.append(genre_row(brief.genres, score))
    if brief.moods:
        rows.append(Row("mood", ", ".join(brief.moods), NOT_MEASURED, None, None))
    return (*rows, *arrangement_rows(brief, score))


def total(rows: Iterable[Row]) -> float:
    """Mean score (0-1) of what is measured, for choosing among pieces; 1.0 if nothing is."""
    scores = [row.score for row in rows if row.score is not None]
    return float(np.mean(scores)) if scores else 1.0


# ---------------------------------------------------------------------------- who plays


def is_heard(part: Part) -> bool:
    """Whether a part plays enough to count as an instrument of the piece (see ``report``)."""
    return (part.notes >= MIN_NOTES and part.share >= MIN_SHARE) or part.share >= LONG_SHARE


def _asked_names(asked: Sequence[Instrument]) -> str:
    return ", ".join(f"{i.name} x {i.count}" if i.count > 1 else i.name for i in asked)


def _row_of(instruments: Iterable[int]) -> str:
    return ", ".join(gm.name(i) for i in dict.fromkeys(instruments))


def _instruments(asked: Sequence[Instrument], players: Sequence[Part]) -> Row:
    answers = match_instruments(asked, (p.instrument for p in players if is_heard(p)))
    missing = [i.name for i, answer in zip(asked, answers, strict=True) if answer is None]
    phrases = [_row_of(a for a in answers if a is not None)]
    phrases.append(f"no {', no '.join(missing)}" if missing else "")
    share = 1 - len(missing) / len(asked)
    achieved = "; ".join(filter(None, phrases))
    return Row("instruments", _asked_names(asked), achieved, not missing, share)


def _only(asked: Sequence[Instrument], players: Sequence[Part]) -> Row:
    programs = {p for i in asked for p in i.programs}
    others = [p for p in players if p.instrument not in programs]
    achieved = f"also {_row_of(p.instrument for p in others)}" if others else "no others"
    obeyed = 1 - sum(p.share for p in others) if players else 0.0
    met = bool(players) and not others
    return Row("only", "no other instruments", achieved if players else "no notes", met, obeyed)


def _excluded(excluded: Sequence[int], players: Sequence[Part]) -> Row:
    intruders = [p for p in players if p.instrument in excluded]
    asked = f"no {_families(excluded)}"
    achieved = f"has {_row_of(p.instrument for p in intruders)}" if intruders else "none"
    return Row("excluded", asked, achieved, not intruders, 1 - sum(p.share for p in intruders))


def _families(instruments: Sequence[int]) -> str:
    """Names, whole General MIDI families put together."""
    have, names = set(instruments), []
    for i in dict.fromkeys(instruments):
        eight = set(range(8 * (i // 8), 8 * (i // 8) + 8))
        names.append(gm.family(i) if i != DRUMS and eight <= have else gm.name(i))
    return ", ".join(dict.fromkeys(names))


# ---------------------------------------------------------------------------- time


def _tempo(brief: Brief, score: Score) -> Row:
    bpm = score.bpm
    if brief.tempo_range is not None:
        low, high = brief.tempo_range
        asked = f"{low:.4g}-{high:.4g} bpm"
    else:
        low = high = float(brief.tempo or bpm)
        asked = f"{low:.4g} bpm"
    met = low - TEMPO_EXACT <= bpm <= high + TEMPO_EXACT
    nearest = min(max(bpm, low), high)
    off = abs(float(np.log2(bpm / nearest)))
    return Row("tempo", asked, f"{bpm:.4g} bpm", met, 1.0 if met else max(0.0, 1 - off))


def _metre(asked: tuple[int, int], score: Score) -> Row:
    num, den = main_metre(score)
    met = (num, den) == asked
    near = 0.5 if num * asked[1] == asked[0] * den else 0.0
    return Row("metre", f"{asked[0]}/{asked[1]}", f"{num}/{den}", met, 1.0 if met else near)


def bars_of(score: Score, asked: int | None = None) -> int:
    """Length in bars: up to the end of the last note, or ``asked`` where that is at most a bar
    less and no note begins beyond it, so that a last chord may ring on."""
    if not len(score):
        return 0
    edges = score.bar_starts
    last = int(np.searchsorted(edges, int(score.onset[-1]), side="right"))
    if asked is not None and last <= asked <= score.n_bars <= asked + 1:
        return asked
    return score.n_bars


def bars_and_nearest(brief: Brief, score: Score) -> tuple[int, int]:
    """Length in bars (``bars_of``), and of those that the Brief allows the nearest to it."""
    bars = bars_of(score, round(nearest_bars(brief, score.n_bars)))
    return bars, round(nearest_bars(brief, bars))


def nearest_bars(brief: Brief, bars: float) -> float:
    """Of the lengths in bars that a Brief allows the nearest to ``bars``."""
    least, most = brief.bars_range or (brief.bars or 0, brief.bars or 0)
    return min(max(bars, least), most)


def _bars(brief: Brief, score: Score) -> Row:
    bars, nearest = bars_and_nearest(brief, score)
    asked = _count(brief.bars or 0)
    if brief.bars_range:
        asked = f"{range_words(brief.bars_range, (MIN_BARS, MAX_BARS))} bars"
    return Row("bars", asked, _count(bars), bars == nearest, _ratio(bars, nearest))


def _count(bars: int) -> str:
    return "1 bar" if bars == 1 else f"{bars} bars"


def _ratio(one: float, other: float) -> float:
    return min(one, other) / max(one, other) if max(one, other) > 0 else 0.0


def _seconds(brief: Brief, score: Score) -> Row:
    seconds = float(score.seconds(score.end)) if len(score) else 0.0
    num, den = main_metre(score)
    return seconds_row(brief, seconds, 0.5 * 4 * num / den * 60 / score.bpm)


def seconds_row(brief: Brief, seconds: float, room: float = 0.0) -> Row:
    """The row of an asked length for music of ``seconds``; ``room``: seconds by which it may differ
    where that is more than ``SECONDS_EXACT`` of it."""
    aim = nearest = brief.seconds or 0.0
    off, inside, words = SECONDS_EXACT * aim, False, f"{aim:.4g}"
    if brief.seconds_range:
        least, most = brief.seconds_range
        inside = least <= round(seconds, 1) <= most  # as it is shown: 30.04 s are 30.0 s
        nearest = min(max(seconds, least), most)
        words = range_words(brief.seconds_range, (MIN_SECONDS, MAX_SECONDS))
    else:
        off = max(off, room)
    met = seconds > 0 and (inside or abs(seconds - aim) <= off)
    near = 1.0 if met else _ratio(seconds, nearest)
    return Row("seconds", f"{words} s", f"{seconds:.1f} s", met, near)


def _swing(asked: bool, score: Score) -> Row:
    words = {True: "swing", False: "straight"}
    actual = swings(score)
    return Row("swing", words[asked], words[actual], actual == asked, float(actual == asked))


def _timing(asked: str, score: Score) -> Row:
    share = off_grid(score)
    actual = "played" if share >= PLAYED else "quantized"
    achieved = f"{actual}: {100 * share:.0f} % of notes off the grid"
    return Row("timing", asked, achieved, actual == asked, float(actual == asked))


# ---------------------------------------------------------------------------- harmony, texture


def key_relation(asked: Key, key: Key | None) -> tuple[str, float]:
    """How a key stands to the asked one, and its worth in the MIREX key task: "same" 1, "fifth"
    (a fifth up or down, same mode) 0.5, "relative" 0.3, "parallel" 0.2, else "other" 0; "none"
    where no key is heard."""
    if key is None:
        return "none", 0.0
    if key == asked:
        return "same", 1.0
    if key.minor == asked.minor:
        fifth = (key.tonic - asked.tonic) % 12 in (5, 7)
        return ("fifth", 0.5) if fifth else ("other", 0.0)
    if key.fifths % 12 == asked.fifths % 12:
        return "relative", 0.3
    return ("parallel", 0.2) if key.tonic == asked.tonic else ("other", 0.0)


def _key(asked: Key, score: Score) -> Row:
    key, _ = find_key(score)
    relation, worth = key_relation(asked, key)
    note = {"relative": " (relative)", "parallel": " (parallel)", "fifth": " (a fifth apart)"}
    if relation == "same":
        key = asked  # spelled as asked
    achieved = (key.name if key else "no key") + note.get(relation, "")
    return Row("key", asked.name, achieved, relation == "same", worth)


def _chords(asked: Sequence[str], match: ChordMatch) -> list[Row]:
    different = len(dict.fromkeys(asked))
    symbols = " ".join(asked)
    achieved = f"not heard: {' '.join(match.missing)}" if match.missing else "all heard"
    if len(match.missing) == different:
        achieved = "none heard"
    order = f"{100 * match.in_order:.0f} % of {match.places} places"
    return [
        Row("chords", symbols, achieved, match.any_order == 1, match.any_order),
        Row("chord order", "in turn", order, match.in_order >= ORDER_MET, match.in_order),
    ]


def _density(asked: str, score: Score) -> Row:
    notes = density(score)
    actual = density_word(notes) or "medium"
    near = 1.0 if actual == asked else 0.5 if "medium" in (asked, actual) else 0.0
    return Row("density", asked, f"{actual}: {notes:.3g} notes a bar", actual == asked, near)
