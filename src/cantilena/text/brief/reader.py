"""A text read as a whole: the order of reading, and what wins when two wishes disagree.

Knows which wish outranks which and what a word implies for another field; the details are in
``time``, ``keys``, ``chords``, ``phrases`` and ``parts``. Does not know options beside the text.
"""

from __future__ import annotations

import re
from typing import Any

from cantilena.score.harmony import Key, parse_chord
from cantilena.text.brief.bare_parts import with_bare_parts
from cantilena.text.brief.chords import Progression, read_chords
from cantilena.text.brief.course import read_ahead, read_course
from cantilena.text.brief.figures import read_figures, without_names
from cantilena.text.brief.keys import read_key, read_spoken
from cantilena.text.brief.length import Length, read_length, read_short, tempo_of, tempos_of
from cantilena.text.brief.mentions import Item
from cantilena.text.brief.owner import Mentions
from cantilena.text.brief.parts import Parts, read_parts
from cantilena.text.brief.phrases import KINDS, items_of, speller
from cantilena.text.brief.refusals import mark_refusals
from cantilena.text.brief.roles import read_roles
from cantilena.text.brief.rules import Rule
from cantilena.text.brief.time import Tempo, read_metre, read_odd_metre, read_tempo
from cantilena.text.lexicon import Reading
from cantilena.text.lexicon.stopwords import STOP
from cantilena.text.lexicon.terms import GENRE_TEMPO, NUMBERS, Pace
from cantilena.text.wishes import Brief

CHORD_LENGTH = Rule(
    "how long a chord lasts",
    "chords",
    (
        ("chords C G, two chords per bar", {"chords": "C G", "chord_beats": 2}),
        ("chords C G Am F, 2 bars each", {"chord_beats": 8}),
    ),
)
TEMPO_AFTER = Rule(
    "a number after a style", "tempo", (("surf rock 160 with organ", {"tempo": 160}),)
)
RULES: tuple[Rule, ...] = (CHORD_LENGTH, TEMPO_AFTER)


def read(text: str, key: Key | None = None) -> tuple[Brief, Reading]:
    """The Brief of a text and the Reading it came from. ``key``, where given, is the one in which
    degrees and named progressions are spelled, whatever the text says."""
    reading = Reading(text, speller().mend)
    how: dict[str, str] = {}
    wishes: dict[str, Any] = {}
    ahead = read_ahead(reading)
    tempo = read_tempo(reading) or ahead.turns.tempo
    metre = read_metre(reading)
    jazzy = _JAZZY.search(reading.low) is not None
    # Chords are read before the key, but degrees need it: a first reading looks for the key only.
    glance = key or _key_at_first_glance(text)
    spoken = [*ahead.turns.keys, *read_spoken(reading)]
    chords = read_chords(reading, glance, jazzy)
    length = read_length(reading, tempo.bpm if tempo else None, metre)
    home = parse_chord(chords.chords[0]).root if chords and len(chords.chords) == 1 else None
    key_match = read_key(reading, home, spoken)
    items = mark_refusals(reading, with_bare_parts(reading, list(items_of(reading))))
    _labels(reading, items, wishes, how)
    genres = wishes.get("genres", ())
    swung = any(it.kind == "swing" and it.value for it in items)
    parts = read_parts(reading, items, genres or (("jazz",) if swung else ()))
    _set_parts(parts, wishes, how)
    if chords:
        _set_chords(chords, reading, wishes, how, key_match, metre)
    if key_match:
        wishes["key"], how["key"] = key_match[0].name, key_match[1]
    _set_metre(metre, items, wishes, how)
    if metre is None and (odd := read_odd_metre(reading)):
        wishes["metre"], how["metre"] = odd, "implied"
    _set_tempo(reading, tempo or _late_tempo(reading, items), items, wishes, how)
    _set_length(reading, length, chords, wishes, how)
    _set_feel(reading, items, wishes, how)
    mentions, asked = Mentions(reading, items, parts.instruments), tuple(parts.instruments)
    if roles := read_roles(reading, mentions, asked, parts.only):
        wishes["roles"], how["roles"] = roles, "said"
    figures = read_figures(reading, mentions, asked)
    course = read_course(reading, ahead, items, tuple(parts.instruments))
    leads = [wish.part for wish in roles if wish.value == "lead"]
    short = [w.part for w in course.get("articulations", ()) if w.value in SHORT_NOTES]
    if figures := without_names(figures, leads, short):
        wishes["figures"], how["figures"] = figures, "said"
    if how.get("bars") == "implied":
        sections = sum(section.bars or 0 for section in course.get("form", ()))
        if sections > wishes["bars"]:  # what "12-bar blues" or "short" implies is not the whole
            del wishes["bars"], how["bars"]
    wishes, how = {**wishes, **course}, {**how, **dict.fromkeys(course, "said")}
    return Brief(text=text, how=how, unplaced=reading.unplaced(STOP), **wishes), reading


def _key_at_first_glance(text: str) -> Key | None:
    reading = Reading(text)
    spoken = [*read_ahead(reading).turns.keys, *read_spoken(reading)]
    match = read_key(reading, spoken=spoken)
    return match[0] if match else None


_JAZZY = re.compile(r"\b(?:jazz\w*|bossa|bebop|swing|lofi|lo-fi|neo[ -]soul)\b")


def _labels(reading: Reading, items: list[Item], wishes: dict, how: dict) -> None:
    """Genres and moods in order; what is refused stays unplaced together with its refusal."""
    for kind, field in (("genre", "genres"), ("mood", "moods")):
        labels: list[str] = []
        for it in items:
            if it.kind == kind and not it.refused:
                start, end = reading.words[it.i].start, reading.words[it.j - 1].end
                reading.take(start, end, KINDS[kind], str(it.value))
                labels.append(str(it.value))
        if labels:
            wishes[field], how[field] = tuple(dict.fromkeys(labels)), "said"


def _set_parts(parts: Parts, wishes: dict, how: dict) -> None:
    if parts.instruments:
        wishes["instruments"] = tuple(parts.instruments)
        how["instruments"] = parts.how or "said"
        if parts.only:
            wishes["only"], how["only"] = True, parts.how or "said"
    if parts.excluded:
        wishes["excluded"] = parts.excluded
        how["excluded"] = parts.how_excluded or "said"
    if any(name == "orchestral" for name in parts.suggested) and "genres" not in wishes:
        parts.genres.append("soundtrack" if "epic" in wishes.get("moods", ()) else "classical")
    if parts.genres:
        genres = (*wishes.get("genres", ()), *parts.genres)
        how.setdefault("genres", "implied")
        wishes["genres"] = tuple(dict.fromkeys(genres))


_BEATS_EACH = re.compile(
    r"\b(?P<n>\d|one|two|three|four|six|eight|half\s+a|a|one\s+half)\s+(?P<unit>beats?|bars?|measures?)"
    r"\s+(?:each|per\s+chord|a\s+chord|for\s+each\s+chord|on\s+each|every\s+chord)\b"
    r"|\b(?:one\s+chord|chords?|chord\s+changes?|changing|changes)\s+(?:per|every|each|a|lasting)\s+"
    r"(?P<m>\d|one|two|three|four|half)?\s*(?P<of>beats?|bars?|measures?)\b"
    r"|\b(?P<k>\d|two|three|four)\s+chords?\s+(?:per|a|each|every|in\s+each)\s+(?:bar|measure)\b"
)


def _set_chords(
    chords: Progression,
    reading: Reading,
    wishes: dict,
    how: dict,
    key: tuple[Key, str] | None,
    metre: str | None,
) -> None:
    wishes["chords"], how["chords"] = chords.chords, chords.how
    num, den = map(int, (metre or "4/4").split("/"))
    bar = 4.0 * num / den
    beats = bar * float(chords.bars) if chords.bars != 1 else None
    for m in _BEATS_EACH.finditer(reading.low):
        reading.take(*m.span(), CHORD_LENGTH)
        if m["k"]:
            beats = bar / _number(m["k"])
        else:
            beat = 4.0 / den if den < 8 else 1.0
            in_bars = (m["unit"] or m["of"]).rstrip("s") in ("bar", "measure")
            beats = _number(m["n"] or m["m"] or "one") * (bar if in_bars else beat)
        break
    if beats:
        wishes["chord_beats"], how["chord_beats"] = beats, "said"
    if chords.how == "implied" and key is None:
        wishes["key"], how["key"] = Key(0, bool(chords.minor)).name, "implied"
    if chords.genre and chords.genre not in wishes.get("genres", ()):
        wishes["genres"] = (*wishes.get("genres", ()), chords.genre)
        how.setdefault("genres", "implied")


def _number(text: str) -> float:
    if text.startswith("half") or text == "one half":
        return 0.5
    return float(text) if text.isdigit() else float(NUMBERS[text])


def _set_metre(metre: str | None, items: list[Item], wishes: dict, how: dict) -> None:
    if metre:
        wishes["metre"], how["metre"] = metre, "said"
        return
    for it in items:
        if it.kind == "dance" and not it.refused and isinstance(it.value, tuple) and it.value[0]:
            wishes["metre"], how["metre"] = it.value[0], "implied"
            return


def _late_tempo(reading: Reading, items: list[Item]) -> Tempo | None:
    """A bare number right after a genre or a beat: "surf rock 160", "phonk beat 140 cowbell"."""
    ends = {it.j for it in items if it.kind == "genre"}
    for n, word in enumerate(reading.words[1:], 1):
        if word.low.isdecimal() and len(word.low) <= 3 and reading.free(word.start, word.end):
            after = reading.words[n - 1].low in ("beat", "beats", "groove", "swing", "tempo")
            follows = reading.low[word.end : word.end + 1]
            if (n in ends or after) and 50 <= int(word.low) <= 220 and follows not in ("%", "/"):
                reading.take(word.start, word.end, TEMPO_AFTER)
                return Tempo(float(word.low))
    return None


def _set_tempo(
    reading: Reading, tempo: Tempo | None, items: list[Item], wishes: dict, how: dict
) -> None:
    """A number, or else the highest ranking tempo word narrowed by the genre, or the genre's."""
    paces = [(it, it.value) for it in items if isinstance(it.value, Pace) and not it.refused]
    best = max((pace for _, pace in paces), key=lambda p: p.rank, default=None)
    for it, pace in paces:
        start, end = reading.words[it.i].start, reading.words[it.j - 1].end
        low, high = pace.low, pace.high
        if tempo:
            low = high = tempo.bpm
        elif best:
            low, high = best.low, best.high
        agrees = low <= pace.high * 1.25 and high >= pace.low * 0.8
        if agrees:
            reading.take(start, end, KINDS["pace"])
        elif reading.free(start, end):
            reading.reject(start, end, KINDS["pace"], "does not agree with the tempo that is said")
    if tempo:
        wishes["tempo"], how["tempo"] = tempo.bpm, "said"
        if tempo.span:
            wishes["tempo_range"], how["tempo_range"] = tempo.span, "said"
        return
    usual = _usual_tempo(items, wishes)
    if best:
        low, high, bpm = best.low, best.high, best.bpm
        if usual and min(high, usual[1]) - max(low, usual[0]) >= 8:
            low, high = max(low, usual[0]), min(high, usual[1])
            bpm = min(max(bpm, low), high)
        elif usual and best.rank == 1:
            # A slow waltz is slow for a waltz: half way from the word to the genre's edge, and
            # nearer to the word where that is extreme.
            edge = usual[0] if bpm < usual[0] else usual[1]
            weight = 0.5 if 56 < bpm < 172 else 0.75
            bpm = round(weight * bpm + (1 - weight) * edge)
            low, high = round(bpm * 0.88), round(bpm * 1.12)
        wishes["tempo"], how["tempo"] = float(bpm), "implied"
        wishes["tempo_range"], how["tempo_range"] = (float(low), float(high)), "implied"
    elif usual:
        wishes["tempo_range"], how["tempo_range"] = usual, "implied"


def _usual_tempo(items: list[Item], wishes: dict) -> tuple[float, float] | None:
    """The tempo range of the first dance, else of the first genre that has one."""
    dances = [it.value for it in items if it.kind == "dance" and not it.refused]
    rows = [dance[1] for dance in dances if isinstance(dance, tuple)]
    for name in (*rows, *wishes.get("genres", ())):
        if name in GENRE_TEMPO:
            low, high = GENRE_TEMPO[name]
            return float(low), float(high)
    return None


def _set_length(
    reading: Reading, length: Length | None, chords: Progression | None, wishes: dict, how: dict
) -> None:
    """Bars and seconds: what numbers say, else what a form ("12-bar blues") or a word implies."""
    short = read_short(reading)
    if length is None:
        bars = chords.length if chords and chords.length else short
        if bars:
            wishes["bars"], how["bars"] = bars, "implied"
        return
    for field in ("bars", "bars_range", "seconds", "seconds_range"):
        if value := getattr(length, field):
            wishes[field], how[field] = value, "said"
    if length.bars and length.seconds and "tempo" not in wishes:
        _set_needed_tempo(length, wishes, how)


USUAL_TEMPO = 100.0  # quarters per minute


def _set_needed_tempo(length: Length, wishes: dict, how: dict) -> None:
    """The tempo that bars and seconds need: one that does not follow from the words where they
    leave no room, else as much of the usual range as they allow."""
    needed = tempo_of(length, wishes.get("metre"))
    slowest, fastest = tempos_of(length, wishes.get("metre"))
    low, high = wishes.get("tempo_range", (USUAL_TEMPO, USUAL_TEMPO))
    if slowest < fastest and max(low, slowest) <= min(high, fastest):
        if "tempo_range" in wishes:
            wishes["tempo_range"] = (max(low, slowest), min(high, fastest))
    elif 20 <= needed <= 300:
        wishes["tempo"], how["tempo"] = round(needed, 1), "implied"
        wishes.pop("tempo_range", None)
        how.pop("tempo_range", None)


SHORT_NOTES = frozenset({"staccato", "pizzicato", "plucked"})
OTHER_TIMING = {"played": "quantized", "quantized": "played"}


def _set_feel(reading: Reading, items: list[Item], wishes: dict, how: dict) -> None:
    """Swing, timing and density; dances' own names are taken here too."""
    for it in items:
        start, end = reading.words[it.i].start, reading.words[it.j - 1].end
        if it.kind == "swing":
            value = bool(it.value) != it.refused
            if "swing" in wishes and wishes["swing"] != value and reading.free(start, end):
                reading.reject(start, end, KINDS["swing"], "the opposite is said before")
                continue
            share = re.match(r"\s*\d{2}\s?%", reading.low[end:])
            end += share.end() if share else 0
            wishes.setdefault("swing", value)
            how["swing"] = "said"
            reading.take(start, end, KINDS["swing"])
        elif it.kind == "timing":
            value = it.value if not it.refused else OTHER_TIMING[str(it.value)]
            if wishes.setdefault("timing", value) != value and reading.free(start, end):
                reading.reject(start, end, KINDS["timing"], "the opposite is said before")
                continue
            how["timing"] = "said"
            reading.take(start, end, KINDS["timing"])
        elif it.kind == "density" and not it.refused and isinstance(it.value, tuple):
            value, way = it.value
            if "density" in wishes and wishes["density"] != value and reading.free(start, end):
                reading.reject(start, end, KINDS["density"], "another density is said before")
                continue
            reading.take(start, end, KINDS["density"])
            if "density" not in wishes:
                wishes["density"], how["density"] = value, way
        elif it.kind == "dance" and not it.refused:
            reading.take(start, end, KINDS["dance"])
