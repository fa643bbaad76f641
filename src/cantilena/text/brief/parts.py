"""Instruments in a text: counts, line-ups, refusals, and whether the list is the whole list.

Knows the small words around instruments ("two", "no", "for", "only", "solo"); does not know names
(``lexicon.instruments``) or line-ups (``lexicon.ensembles``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from cantilena.score import gm
from cantilena.score.score import DRUMS
from cantilena.text.brief.closing import is_closed
from cantilena.text.brief.mentions import HEADS, Item, one_of, taken_up
from cantilena.text.brief.phrases import KINDS
from cantilena.text.brief.rules import Rule
from cantilena.text.lexicon import Reading, Use
from cantilena.text.lexicon.ensembles import SIZES, Ensemble, bare, ensembles
from cantilena.text.lexicon.instruments import FIRST, REFUSED, VOICES
from cantilena.text.lexicon.terms import NUMBERS
from cantilena.text.wishes import Instrument


@dataclass
class Parts:
    """What the text asks of instruments. ``instruments``: those it asks for; ``excluded``: programs
    (0-128) that must not sound; ``genres``: those that line-ups imply."""

    instruments: list[Instrument] = field(default_factory=list)
    excluded: tuple[int, ...] = ()
    only: bool = False
    how: str | None = None
    how_excluded: str | None = None
    genres: list[str] = field(default_factory=list)
    suggested: list[str] = field(default_factory=list)  # names of ensembles that are implied


SIZE = Rule(
    "a number of players",
    "instruments",
    (
        ("trio for oboe, bassoon and piano", {"instruments": "oboe, bassoon, piano", "only": True}),
        ("clarinet quartet in C", {"instruments": "clarinet*4", "only": True}),
    ),
)
DRUMLESS = Rule("a word that excludes drums", "instruments", (("drumless", {"excluded": [128]}),))
INSTRUMENTAL = Rule(
    "a word that excludes voices",
    "instruments",
    (("instrumental hip hop", {"excluded": [52, 53, 54]}),),
)
CONCERTO = Rule(
    "a concerto",
    "instruments",
    (
        (
            "cello concerto",
            {
                "instruments": "cello, strings, flute, oboe, clarinet, bassoon, french horn*2, "
                "trumpet, trombone, timpani"
            },
        ),
        ("concerto for flute and strings", {"instruments": "flute, strings", "only": None}),
    ),
)
_CONCERTO = re.compile(
    r"(?:\b|(?<=\w))(?:concert(?:o|i|os)|concierto|(?<=\w)konzert)\b(?!\s+gross[oi])"
)
_ACCOMPANIED = re.compile(r"\b(?:reduction|cadenza|solo|unaccompanied|orchestr\w*|orchest\w+)\b")
RULES: tuple[Rule, ...] = (SIZE, DRUMLESS, INSTRUMENTAL, CONCERTO)


def read_parts(reading: Reading, items: list[Item], genres: tuple[str, ...]) -> Parts:
    """The instruments asked for and refused. Takes the spans of names, counts and the words about
    them."""
    parts = Parts()
    mentions = [it for it in items if it.kind in ("instrument", "ensemble")]
    wishes = one_of(reading, taken_up(reading, [it for it in mentions if not it.refused]))
    refused = {p for it in mentions if it.refused for p in _programs_of(it.value)}
    kept = [it for it in mentions if it.excepted and isinstance(it.value, Instrument)]
    refused -= {p for it in kept if isinstance(it.value, Instrument) for p in it.value.programs}
    voices = [it.value for it in wishes if isinstance(it.value, Ensemble) and it.value.voices_only]
    if voices:
        parts.excluded = tuple(p for p in range(129) if p not in VOICES)
    loose: list[Ensemble] = []
    implied_only = True
    numbered: dict[str, int] = {}
    for it in wishes:
        if isinstance(it.value, Instrument):
            instrument = _with_count(reading, it, numbered)
            if not (it.value.programs[0] in VOICES and len(parts.excluded) > 100):
                _add(parts.instruments, instrument, _listed_again(reading, wishes, it))
            implied_only = False
        elif isinstance(it.value, Ensemble):
            ensemble = _recast(it.value, genres, wishes)
            reading.take(
                reading.words[it.i].start,
                reading.words[it.j - 1].end,
                KINDS["ensemble"],
                it.value.name,
            )
            implied_only &= ensemble.implied
            parts.suggested += [ensemble.name] if ensemble.implied else []
            parts.only |= ensemble.closed
            parts.genres += [ensemble.genre] if ensemble.genre else []
            if ensemble.size and not _joins(reading, it, wishes, ensemble):
                loose.append(ensemble)
            elif not ensemble.implied or sum(isinstance(o.value, Instrument) for o in wishes) < 3:
                for member in _unnamed(ensemble, wishes):
                    _add(parts.instruments, member)
    _join_orchestra(reading, parts, wishes)
    for ensemble in loose:
        _seat(parts.instruments, ensemble)
    _sizes(reading, parts, wishes, genres)
    parts.only |= is_closed(reading, wishes, parts.instruments)
    if refused:
        _refuse(parts, refused)
    _instrumental(reading, parts)
    styles = (*genres, *parts.genres)
    parts.instruments = [_in_style(w, styles) for w in parts.instruments]
    parts.instruments = [_of_company(w, parts.instruments, styles) for w in parts.instruments]
    if parts.instruments:
        parts.how = "implied" if implied_only and wishes else parts.how or "said"
    return parts


def _join_orchestra(reading: Reading, parts: Parts, wishes: list[Item]) -> None:
    """The soloist of a concerto plays with an orchestra, unless the text names who else plays."""
    m = _CONCERTO.search(reading.low)
    if m is None or not parts.instruments or _ACCOMPANIED.search(reading.low):
        return
    reading.uses.append(Use(*m.span(), CONCERTO.field, CONCERTO.name))
    orchestra = ensembles().get("orchestra")
    if len(parts.instruments) == 1 and parts.instruments[0].count == 1 and orchestra:
        for member in orchestra.members:
            _add(parts.instruments, member)


def _programs_of(value: object) -> tuple[int, ...]:
    if isinstance(value, Instrument):
        return REFUSED.get(value.name, value.programs)
    assert isinstance(value, Ensemble)
    return tuple(p for m in value.members for p in _programs_of(m))


def _add(instruments: list[Instrument], instrument: Instrument, again: bool = False) -> None:
    """Adds an instrument; one that is there already stays one, unless it is listed ``again``."""
    for n, other in enumerate(instruments):
        if other.name == instrument.name:
            count = other.count + 1 if again else max(other.count, instrument.count)
            instruments[n] = replace(other, count=count)
            return
    instruments.append(instrument)


def _listed_again(reading: Reading, wishes: list[Item], it: Item) -> bool:
    """Whether a list names the same instrument twice running: "violin, violin, viola"."""
    last = next((o for o in wishes if o.j <= it.i and o.value == it.value), None)
    if last is None or not isinstance(it.value, Instrument) or it.value.programs == (DRUMS,):
        return False
    last = max((o for o in wishes if o.j <= it.i), key=lambda o: o.j)
    gap = reading.low[reading.words[last.j - 1].end : reading.words[it.i].start]
    return last.value == it.value and re.fullmatch(r"\s*(?:,|&|\+|\band\b)\s*", gap) is not None


def _with_count(reading: Reading, it: Item, numbered: dict[str, int]) -> Instrument:
    """The instrument with the number of players the words around it ask for."""
    assert isinstance(it.value, Instrument)
    words, instrument, low = reading.words, it.value, reading.low
    start, end, count = words[it.i].start, words[it.j - 1].end, 1
    before = reading.low[max(0, start - 24) : start]
    after = reading.low[end : end + 12]
    n = re.search(r"(?<![\w./-])(\d{1,2}|[a-z]+)(?:\s*x\s*|\s+(?:solo\s+)?|-)$", before)
    pair = re.search(
        r"\b(?:a\s+)?(?:pair\s+of|dual|duelling|dueling|double|twin|duet\s+of)\s+$", before
    )
    times = re.match(r"\s*(?:x\s?|\*\s?)(\d{1,2})\b", after)
    hands = re.match(
        r"\s+(?:four|4)[\s-]hands?\b|\s+a\s+quatre\s+mains|\s+vierhandig", reading.low[end:]
    )
    if pair:
        count, start = 2, start - len(pair.group())
    elif n and (n.group(1).isdigit() or n.group(1) in NUMBERS):
        value = int(n.group(1)) if n.group(1).isdigit() else NUMBERS[n.group(1)]
        if 1 <= value <= 24:
            count, start = value, start - len(n.group())
    if times:
        count, end = int(times.group(1)), end + len(times.group())
    elif hands:
        count, end = 2, end + len(hands.group())
    ordinal = re.search(r"\b(first|1st|second|2nd|third|3rd|fourth|4th)\s+$", before)
    roman = re.match(r"\s+(iii|ii|i|[1-4])\b(?!\s*(?:bars?|min|sec|/))", after)
    if ordinal or (roman and count == 1):
        rank = {"f": 1, "1": 1, "s": 2, "2": 2, "t": 3, "3": 3, "4": 4}
        label = ordinal.group(1) if ordinal else ""
        number = 4 if label == "fourth" else rank[label[0]] if label else _roman(roman)
        count = max(numbered.get(instrument.name, 0), number)
        numbered[instrument.name] = count
        end += len(roman.group()) if roman and not ordinal else 0
        start -= len(ordinal.group()) if ordinal else 0
    pitched = re.search(r"(?<!\w)(?:bb|eb|b-flat|e-flat|f|c|a|d|in\s+[a-f]b?)\s+$", low[:start])
    if pitched and instrument.programs[0] in gm.BRASS_TO_PIPES and pitched.group().strip() != "a":
        start = pitched.start()  # "Bb clarinet"
    reading.take(start, end, KINDS["instrument"], instrument.name)
    return replace(instrument, count=max(1, min(count, 24)))


def _roman(m: re.Match[str] | None) -> int:
    text = m.group(1) if m else "1"
    return len(text) if text[0] == "i" else int(text)


def _joins(reading: Reading, it: Item, wishes: list[Item], ensemble: Ensemble) -> bool:
    """Whether instruments named before the ensemble join it ("singer with jazz trio"), and so take
    no place in it."""
    others = [
        o
        for o in wishes
        if o.i < it.i
        and isinstance(o.value, Instrument)
        and not any(_alike(o.value, m) for m in ensemble.members)
    ]
    low = reading.low[: reading.words[it.i].start]
    tied = re.search(r"(?:\b(?:with|and|plus|over|mit|und)\s+(?:a\s+|an\s+)?|[,&+]\s*)$", low)
    return bool(tied) and 0 < len(others) <= ensemble.size - 2


def _recast(ensemble: Ensemble, genres: tuple[str, ...], wishes: list[Item]) -> Ensemble:
    """A piano trio is violin, cello and piano, but in jazz it is piano, bass and drums."""
    if ensemble.name == "piano trio" and "jazz" in genres:
        return bare(3, ("jazz",)) or ensemble
    return ensemble


def _seat(instruments: list[Instrument], ensemble: Ensemble) -> None:
    """Fills an ensemble of fixed size: first the instruments named, then its usual members."""
    players = list(instruments)
    free = ensemble.size - sum(w.count for w in players)
    usual = [m for m in ensemble.members if not any(_alike(m, w) for w in players)]
    for member in (
        usual[len(usual) - free :] if 0 < free < len(usual) else usual if free > 0 else ()
    ):
        _add(instruments, member)
    order = {m.name: n for n, m in enumerate(ensemble.members)}
    instruments.sort(key=lambda w: order.get(w.name, -1) if w not in players else -1)


def _unnamed(ensemble: Ensemble, wishes: list[Item]) -> list[Instrument]:
    """The members of a line-up but for one that the text names by a shorter name: the bass of "a
    rock band with guitar, bass and drums" is the band's."""
    members = list(ensemble.members)
    for it in wishes:
        if ensemble.closed or not isinstance(it.value, Instrument):
            continue
        same = [m for m in members if m.name in HEADS.get(it.value.name, ())]
        if len(same) == 1 and it.value.count == 1:
            members.remove(same[0])
    return members


def _alike(a: Instrument, b: Instrument) -> bool:
    return bool(set(a.programs) & set(b.programs))


def _sizes(reading: Reading, parts: Parts, wishes: list[Item], genres: tuple[str, ...]) -> None:
    """The words "duo" to "octet" standing free: the size of the list or of a usual line-up."""
    words = reading.words
    for n, word in enumerate(words):
        size = SIZES.get(word.form)
        if not size or not reading.free(word.start, word.end):
            continue
        total = sum(w.count for w in parts.instruments)
        before = next((it for it in wishes if it.j == n and word.joined), None)
        after = next((it for it in wishes if _of(reading, n, it)), None)
        solo = total == 1 and isinstance(getattr(before or after, "value", None), Instrument)
        name = f"{parts.instruments[0].name} {_SIZE_NAMES[size]}" if solo else ""
        line_up = ensembles().get(name)
        if line_up is not None:
            parts.instruments, parts.only = list(line_up.members), True
        elif solo and "jazz" in (*genres, *parts.instruments[0].name.split()) and 3 <= size <= 5:
            _seat(parts.instruments, bare(size, ("jazz",)) or Ensemble("", ()))
            parts.only = True
        elif solo:
            parts.instruments = [replace(parts.instruments[0], count=size)]
            parts.only = True
        elif parts.instruments and (total >= size or bare(size, genres) is None):
            parts.only |= total == size
        elif parts.instruments:
            _seat(parts.instruments, replace(bare(size, genres) or Ensemble("", ()), size=size))
            parts.only = True
        else:
            usual = bare(size, genres)
            if usual is None:
                continue
            parts.instruments = list(usual.members)
            parts.only, parts.how = True, "implied"
        reading.take(word.start, word.end, SIZE)


_SIZE_NAMES = {n: name for name, n in reversed(SIZES.items()) if name.isascii()}


def _of(reading: Reading, n: int, it: Item) -> bool:
    """Whether "for" or "of" alone stands between the size word ``n`` and an instrument."""
    gap = reading.low[reading.words[n].end : reading.words[it.i].start]
    return re.fullmatch(r"\s+(?:for|of|fur|von|aus|pour|de|per|di)\s+", gap) is not None


UNPITCHED = ("percussion",)
"""Instruments without pitch that sound on the drum channel."""


def _refuse(parts: Parts, refused: Iterable[int]) -> None:
    """Removes refused programs from the instruments; one that is asked for by its own name stays,
    although it is refused too."""
    refused = set(refused)
    if any(w.name in UNPITCHED for w in parts.instruments):
        refused.discard(DRUMS)  # congas and a kit share the channel of General MIDI
    remaining: list[Instrument] = []
    for w in parts.instruments:
        programs = tuple(p for p in w.programs if p not in refused)
        if programs:
            remaining.append(replace(w, programs=programs))
        elif w.programs == (DRUMS,) or len(w.programs) > 3:
            continue  # drums and families of programs: the refusal wins
        else:
            remaining.append(w)
            refused -= set(w.programs)
    parts.instruments = remaining
    parts.excluded = tuple(sorted({*parts.excluded, *refused}))
    parts.how_excluded = "said"


_DRUMLESS = re.compile(r"\b(?:drumless|drum-free|percussionless|beatless)\b")
_VOICELESS = re.compile(r"\b(?:instrumental|voiceless|wordless)\b(?!\s+(?:voice|vocal|choir))")


def _instrumental(reading: Reading, parts: Parts) -> None:
    """The words "drumless" and "instrumental" exclude; an instrument that is asked for stays."""
    programs = {p for w in parts.instruments for p in w.programs[:1]}
    more: set[int] = set()
    for m in reading.finditer(_DRUMLESS):
        reading.take(*m.span(), DRUMLESS)
        more.add(DRUMS)
        parts.how_excluded = "said"
        parts.instruments = [w for w in parts.instruments if w.programs != (DRUMS,)]
    for m in reading.finditer(_VOICELESS):
        reading.take(*m.span(), INSTRUMENTAL)
        if not programs & set(VOICES):
            more |= set(VOICES[:3])
            parts.how_excluded = parts.how_excluded or "implied"
    if parts.excluded and len(parts.excluded) > 100 and parts.how_excluded is None:
        parts.how_excluded = "implied"
    parts.excluded = tuple(sorted({*parts.excluded, *more}))


def _in_style(instrument: Instrument, genres: tuple[str, ...]) -> Instrument:
    """The instrument with the programs usual in these genres first."""
    for genre in genres:
        first = [p for p in FIRST.get((instrument.name, genre), ()) if p in instrument.programs]
        if first:
            rest = [p for p in instrument.programs if p not in first]
            return replace(instrument, programs=(*first, *rest))
    return instrument


_BOWED = frozenset({"violin", "viola", "cello", "strings", "string ensemble"})


def _of_company(
    instrument: Instrument, others: list[Instrument], genres: tuple[str, ...]
) -> Instrument:
    """A double bass that no genre tells how to play: plucked beside drums or guitars, bowed beside
    bowed strings."""
    name = instrument.name
    if name not in ("double bass", "acoustic bass") or genres:
        return instrument
    plucked = any(w.programs[0] == DRUMS or 24 <= w.programs[0] < 32 for w in others)
    bowed = any(w.name in _BOWED for w in others)
    first = 32 if plucked else 43 if bowed else instrument.programs[0]
    if first not in instrument.programs:
        return instrument
    rest = tuple(p for p in instrument.programs if p != first)
    return replace(instrument, programs=(first, *rest))
