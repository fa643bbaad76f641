"""Text to Brief: reads what a person typed, offline and always alike; merges options into it.

Knows the public functions (``parse_brief``, ``merge``); how a text is read is in ``reader`` and the
modules it names, the words in ``lexicon`` and ``labels``. Does not know Scores or models.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from cantilena.errors import BriefError, UnknownNameError
from cantilena.score.harmony import Key
from cantilena.text.brief.bare_parts import with_bare_parts
from cantilena.text.brief.chords import Progression, chord_symbols, read_chords
from cantilena.text.brief.form_option import read_entries
from cantilena.text.brief.keys import key_named
from cantilena.text.brief.length import read_length
from cantilena.text.brief.parts import read_parts
from cantilena.text.brief.phrases import books, items_of, speller
from cantilena.text.brief.reader import read
from cantilena.text.brief.time import read_metre
from cantilena.text.labels import GENRES, MOODS
from cantilena.text.lexicon import Reading
from cantilena.text.lexicon.instruments import unknown_instrument
from cantilena.text.wishes import Brief, Instrument, Section


def parse_brief(text: str) -> Brief:
    """What a text asks for. Never raises: what cannot be placed is in ``Brief.unplaced``.

    Numbers and names are "said"; what a word stands for ("slow", "waltz", "12-bar blues") is
    "implied". Where two wishes disagree the first counts and the other is not placed; a tempo
    given as a number outranks a musician's term, and that a plain word. A genre alone implies a
    ``tempo_range``, never a ``tempo``. A chord lasts a bar; ``chord_beats`` (quarters) is set
    where the text gives another length.
    """
    return read(text)[0]


def merge(brief: Brief, **options: Any) -> Brief:
    """The Brief with explicit options in the place of what its text says; each counts as "said".

    Options are those of a command line, None meaning not given: ``tempo`` (quarters per minute,
    or a word such as "andante"), ``key``, ``metre``, ``instruments`` (names and line-ups
    separated by commas; they are then the whole list), ``exclude`` (names, or numbers 0-128),
    ``chords`` (symbols or roman numerals), ``bars``, ``seconds``, ``timing`` ("quantized" or
    "played"), ``genres`` and ``moods`` (names), ``form`` (sections as "intro 4, verse 8 (piano,
    drums)", letters as "AABA" or "A8 B8 A8", or a name as "rondo"; it is then the whole form, and
    instruments named in it are added to the Brief's). Bars and seconds replace each other, ranges
    too; of both, seconds count. A form sets the length where no number does: one that only follows
    from a word ("short") gives way to it, and to one that is said its sections are stretched or
    shortened. The order in which options are given does not matter.
    Chords that the text gives as degrees or by name follow a new key.
    Raises BriefError or UnknownNameError, whose message says what would be right.
    """
    for name in options:
        if name not in _OPTIONS:
            raise UnknownNameError("option", name, _OPTIONS)
    for name, apply in _OPTIONS.items():  # whatever order the caller has them in
        if options.get(name) is not None:
            brief = apply(brief, options[name])
    return brief


def _with_tempo(brief: Brief, value: str | float) -> Brief:
    if isinstance(value, str):
        other = parse_brief(value if not _is_number(value) else f"{value} bpm")
        if other.tempo is None:
            raise BriefError(f"{value!r} is not a tempo; write it as in 96 or 'andante'")
        return _drop_how(brief.with_wishes(tempo=other.tempo, tempo_range=other.tempo_range))
    try:
        return _drop_how(brief.with_wishes(tempo=float(value), tempo_range=None))
    except (TypeError, ValueError):
        raise BriefError(f"{value!r} is not a tempo; write it as in 96 or 'andante'") from None


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\s*\d+(?:[.,]\d+)?\s*", text) is not None


def _drop_how(brief: Brief) -> Brief:
    """``how`` without the fields that are not set."""
    blank = Brief()
    how = {k: v for k, v in brief.how.items() if getattr(brief, k) != getattr(blank, k)}
    return replace(brief, how=how)


def _with_key(brief: Brief, value: str) -> Brief:
    key = key_named(str(value)) or Key.from_name(str(value))
    out = brief.with_wishes(key=key.name)
    if brief.chords and brief.how.get("chords") == "implied":
        again = read(brief.text, key)[0]
        if parse_brief(brief.text).chords == brief.chords and again.chords:
            out = replace(out, chords=again.chords)
    return out


def _with_metre(brief: Brief, value: str) -> Brief:
    text = str(value).strip()
    metre = read_metre(Reading(text)) or read_metre(Reading(f"in {text}")) or text
    out = brief.with_wishes(metre=metre)
    if brief.chord_beats and brief.text:
        # Chord lengths that the text gives in bars follow the new metre.
        again = parse_brief(f"{metre} {brief.text}").chord_beats
        out = replace(out, chord_beats=again or brief.chord_beats)
    return out


def _with_instruments(brief: Brief, value: str | Iterable[str | Instrument]) -> Brief:
    entries = re.split(r"[,;\n]|\s+(?:and|und|et)\s+|&", value) if isinstance(value, str) else value
    instruments: list[Instrument] = []
    for entry in entries:
        if isinstance(entry, Instrument):
            instruments.append(entry)
        elif entry.strip():
            instruments += _entry(entry.strip(), brief.genres)
    if not instruments:
        raise BriefError("no instrument is named; write them as in 'violin, cello, drums'")
    programs = {p for i in instruments for p in i.programs[:1]}
    excluded = tuple(p for p in brief.excluded if p not in programs)
    out = brief.with_wishes(instruments=tuple(instruments), only=True, excluded=excluded)
    return _drop_how(out)


def _entry(text: str, genres: tuple[str, ...]) -> list[Instrument]:
    """The instruments of one entry of a list: "2 violins", "string quartet", "Rhodes"."""
    reading = Reading(text, speller().mend)
    every = with_bare_parts(reading, list(items_of(reading)), alone=True)
    items = [it for it in every if it.kind in ("instrument", "ensemble")]
    parts = read_parts(reading, items, genres)
    rest = reading.unplaced(frozenset({"a", "an", "the", "x", "one"}))
    if not parts.instruments or rest:
        raise unknown_instrument(text)
    return parts.instruments


def _without(brief: Brief, value: str | Iterable[str | int]) -> Brief:
    entries = re.split(r"[,;\n]", value) if isinstance(value, str) else list(value)
    names = [entry for entry in entries if isinstance(entry, str)]
    text = "; ".join(f"no {n.strip()}" for n in names if n.strip())
    for name in names:
        if name.strip() and not parse_brief(f"no {name.strip()}").excluded:
            raise unknown_instrument(name.strip())
    numbers = tuple(entry for entry in entries if isinstance(entry, int))
    excluded = tuple(dict.fromkeys((*parse_brief(text).excluded, *numbers)))
    instruments = tuple(
        replace(i, programs=programs)
        for i in brief.instruments
        if (programs := tuple(p for p in i.programs if p not in excluded))
    )
    return _drop_how(brief.with_wishes(excluded=excluded, instruments=instruments))


def _with_chords(brief: Brief, value: str | Iterable[str]) -> Brief:
    text = value if isinstance(value, str) else " ".join(value)
    key = Key.from_name(brief.key) if brief.key else None
    progression = read_chords(Reading(f"chords: {text}"), key, "jazz" in brief.genres)
    if progression is None or progression.how == "said":
        symbols = chord_symbols(text)
        if not symbols:
            raise BriefError("no chord is named; write them as in 'Dm7 G13 Cmaj7'")
        progression = progression if progression and progression.bars != 1 else Progression(symbols)
    metre = brief.metre_parts or (4, 4)
    beats = 4.0 * metre[0] / metre[1] * float(progression.bars) if progression.bars != 1 else None
    return _drop_how(brief.with_wishes(chords=progression.chords, chord_beats=beats))


def _with_bars(brief: Brief, value: str | int) -> Brief:
    try:
        bars = int(value)
    except (TypeError, ValueError):
        raise BriefError(f"{value!r} is not a number of bars; write it as in 16") from None
    return _drop_how(
        brief.with_wishes(bars=bars, bars_range=None, seconds=None, seconds_range=None)
    )


def _with_seconds(brief: Brief, value: str | float) -> Brief:
    if isinstance(value, str) and not _is_number(value):
        length = read_length(Reading(value))
        value = length.seconds if length and length.seconds else value
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        raise BriefError(f"{value!r} is not a length; write it as in 30 or '1:30'") from None
    return _drop_how(
        brief.with_wishes(seconds=seconds, seconds_range=None, bars=None, bars_range=None)
    )


def _with_form(brief: Brief, value: str | Iterable[str | Section]) -> Brief:
    rows = [value] if isinstance(value, str) else list(value)
    form = [row for row in rows if isinstance(row, Section)]  # of another Brief, all of them
    for entry in [] if form else read_entries(", ".join(map(str, rows))):
        brief, parts = _who_plays(brief, entry.who)
        form.append(replace(entry.section, parts=parts))
    if brief.bars is not None and brief.how.get("bars") == "implied":
        brief = replace(brief, bars=None)
    if brief.bars is not None and len(form) > brief.bars:
        raise BriefError(
            f"the form has {len(form)} sections, which do not fit into {brief.bars} bars; a "
            "section lasts a bar at least"
        )
    return replace(_drop_how(brief.with_wishes(form=tuple(form))), form_whole=True)


_FUNCTIONS = {
    **dict.fromkeys(("melody", "lead", "tune"), "melody"),
    **dict.fromkeys(("accompaniment", "chords"), "accompaniment"),
    "bass": "bass",
    "drums": "drums",
}
"""What parts do, as the form of an option and as ``Section.parts`` have it."""


def _who_plays(brief: Brief, words: str) -> tuple[Brief, tuple[str, ...]]:
    """The parts that are named for a section, and the Brief with those that are instruments, of
    which others may be named only where its list is not the whole."""
    names: list[str] = []
    for word in filter(None, (w.strip() for w in re.split(r"[,;&]|\band\b", words))):
        function = _FUNCTIONS.get(word.lower())
        instruments = [] if function else _entry(word, brief.genres)
        for instrument in instruments:
            if instrument.name not in {i.name for i in brief.instruments}:
                if brief.only:
                    raise BriefError(
                        f"{instrument.name!r} is to play in the form and is not among the "
                        "instruments; name it there too"
                    )
                excluded = tuple(p for p in brief.excluded if p not in instrument.programs[:1])
                brief = brief.with_wishes(
                    instruments=(*brief.instruments, instrument), excluded=excluded
                )
        names += [function] if function else [i.name for i in instruments]
    return _drop_how(brief), tuple(dict.fromkeys(names))


def _with_labels(brief: Brief, field: str, value: str | Iterable[str]) -> Brief:
    names = re.split(r"[,;]", value) if isinstance(value, str) else list(value)
    book = books().genres if field == "genres" else books().moods
    table = GENRES if field == "genres" else MOODS
    labels: list[str] = []
    for name in filter(None, (n.strip() for n in names)):
        label = name.lower() if name.lower() in table else book.get(name)
        if label is None:
            raise UnknownNameError(field.removesuffix("s"), name, table)
        labels.append(label)
    return brief.with_wishes(**{field: tuple(dict.fromkeys(labels))})


# A later one reads what an earlier one set: chords the key and the genre, instruments the genre,
# the form the instruments and the length.
_OPTIONS: dict[str, Callable[[Brief, Any], Brief]] = {
    "key": _with_key,
    "tempo": _with_tempo,
    "metre": _with_metre,
    "genres": lambda brief, value: _with_labels(brief, "genres", value),
    "moods": lambda brief, value: _with_labels(brief, "moods", value),
    "instruments": _with_instruments,
    "exclude": _without,
    "chords": _with_chords,
    "bars": _with_bars,
    "seconds": _with_seconds,
    "timing": lambda brief, value: brief.with_wishes(timing=value),
    "form": _with_form,
}
