"""Whether the instruments that a text names are all: "solo", "only", "no other", "for a and b".

Knows the words that close a list of instruments; does not know names or counts (``parts``).
"""

from __future__ import annotations

import re
from itertools import pairwise

from cantilena.text.brief.mentions import Item
from cantilena.text.brief.refusals import NOTHING_BUT
from cantilena.text.brief.rules import Rule
from cantilena.text.lexicon import Reading, Use
from cantilena.text.lexicon.ensembles import Ensemble
from cantilena.text.wishes import Instrument

_ONLY_BEFORE = re.compile(
    rf"(?:\b(?:only|just|solely|exclusively|purely|simply|nur|seulement|solamente|{NOTHING_BUT})"
    r")(?:\s+(?:for|with|using|a|an|the|one|on|by|ein|eine|of|mit))*\s*$"
)
_SOLO_BEFORE = re.compile(
    r"(?:\b(?:solo|unaccompanied|unbegleitete[sr]?|one\s+single|one\s+lone|only\s+one|just\s+one|lone)"
    r"|(?<=by )a\s+single|^\s*a\s+single)[\s-]+(?:\w+[\s-]+)?$"
)
_AMONG_OTHERS = re.compile(
    r"\s+(?:over|after|in\s+the\s+(?:middle|bridge|break|second|last|final|outro)|at\s+the\s+end)\b"
)
"""Behind "solo": where in a piece it stands, or over whom, so that others play too."""
_NO_OTHERS = re.compile(
    r"\b(?:there\s+are\s+)?(?:no|without(?:\s+any)?)\s+(?:other|further|additional|more)\s+(?:instruments?|parts?|sounds?|players?)\b"
    r"(?:\s+in\s+(?:the|this)\s+\w+)?"
    r"|\b(?:as\s+)?(?:the|its)\s+(?:sole|only|single)\s+(?:instruments?|sounds?|sound\s+source|players?|performer)\b"
    r"|\bonly\s+instruments?\s+(?:used|present|playing|heard|is|are)\b"
    r"|\b(?:just|only)\s+(?:one|two|three|four|a|an)\s+(?:\w+\s+){0,3}(?:voices?|layers?|parts?|instruments?|players?"
    r"|lines?)\b(?!\s+(?:of|in|from)\s+(?:many|several))"
)
_ONLY_AFTER = re.compile(
    r"^\s*(?:only|alone|solely|exclusively|by\s+itself|and\s+nothing\s+else|nothing\s+else|allein"
    r"|and\s+no\s+other\s+instruments?|unaccompanied|on\s+its\s+own|seule?)\b"
)


SOLO = Rule(
    "solo",
    "instruments",
    (
        ("for solo cello", {"only": True}),
        ("a tune performed by a solo guitar", {"only": True}),
        ("One single cello plays.", {"only": True}),
        ("metal with a face-melting guitar solo", {"only": None}),
        ("pop, guitar solo in the bridge", {"only": None}),
    ),
)
ONLY = Rule(
    "only",
    "instruments",
    (
        ("piano, bass and drums only", {"only": True}),
        ("not just piano", {"only": None}),
        ("A harp plays. There are no other instruments in the song.", {"only": True}),
        ("The sole instrument is a flute.", {"instruments": "flute", "only": True}),
    ),
)
PLAYED_BY = Rule(
    "played by these",
    "instruments",
    (
        ("a house song played by a flute, a harp and a cello", {"only": True}),
        ("Pop, performed by piano and violin. The violin leads.", {"only": True}),
        ("funk, gespielt von Bass und Orgel", {"only": True}),
        ("house, the melody is played by a flute and a harp", {"only": None}),
        ("jazz played by a trumpet", {"only": None}),
        ("pop played by harp and flute over a beat", {"only": None}),
    ),
)
RULES: tuple[Rule, ...] = (SOLO, ONLY, PLAYED_BY)


LONGEST_WORD = 40  # letters; what is longer is no word, but a text without spaces


def is_closed(reading: Reading, wishes: list[Item], instruments: list[Instrument]) -> bool:
    """Whether the words around the instruments say that these are all."""
    if not instruments:
        return False
    low, words = reading.low, reading.words
    closed = False
    alone = len(instruments) == 1
    for it in wishes:
        start, end = words[it.i].start, words[it.j - 1].end
        first = max(0, start - LONGEST_WORD)
        while start > first and reading.taken[start - 1] and low[start - 1].isalnum():
            start -= 1
        before, after = low[max(0, start - 60) : start], low[end : end + 60]
        solo = _SOLO_BEFORE.search(before)
        tail = re.match(r"\s+(?:solo|solos|alone|unaccompanied|allein)\b", after)
        guest = re.search(
            r"(?:\b(?:with|featuring|features|includ\w+|then|has|and)"
            r"|(?<!performed )(?<!played )\bby)\s+(?:an?\s+|the\s+)?"
            r"(?:[\w-]+\s+){0,2}$",
            before[: solo.start()] if solo else before,
        ) or (tail and _AMONG_OTHERS.match(after, tail.end()))
        if solo or tail:
            a = (
                start - len(before) + solo.start()
                if solo and len(before) == 60
                else (solo.start() if solo and start < 60 else start)
            )
            reading.take(a if solo else start, end + (tail.end() if tail else 0), SOLO)
            closed |= alone and not guest
        if low.startswith("solo ", start):  # "solo violin" is a name too
            reading.uses.append(Use(start, start + 4, SOLO.field, SOLO.name))
            closed |= alone and not guest
        only = _ONLY_BEFORE.search(before)
        refused = only and re.search(r"\bnot\s+$", before[: only.start()])
        if only and refused:
            reading.put_aside(start - len(only.group()), start, ONLY, '"not only" closes no list')
        elif only:
            reading.take(start - len(only.group()), start, ONLY)
            closed = True
        last = _ONLY_AFTER.match(after)
        if last:
            reading.take(end, end + last.end(), ONLY)
            closed = True
    for m in reading.finditer(_NO_OTHERS):
        reading.take(*m.span(), ONLY)
        closed = True
    m = re.search(r"\b(?:unaccompanied|unbegleitet)\b", low)
    if m:
        reading.take(*m.span(), SOLO)
        closed |= alone
    return closed or _for_list(reading, wishes) or _played_by(reading, wishes, instruments)


_ARTICLES = r"\s+(?:(?:an?|the|one|solo|two|three|four|\d|ein|eine|einer|einem|une?|just)\s+)*$"
_FOR = re.compile(rf"\b(?:for|fur|pour|per|para){_ARTICLES}")
_PLAYED = re.compile(
    r"\b(?:played|performed|gespielt|jouee?s?|interpretee?s?|tocad[ao]s?|suonat[aeio])(?:\s+\w+)?\s+"
    rf"(?:by|on|von|auf|par|por|da){_ARTICLES}"
)
_INNER = re.compile(
    r"[\s,&+/-]*(?:\b(?:and|und|et|e|y|plus|with|an?|the|one|solo|two|three|four|soft|gentle|une?"
    r"|ein|eine|einer|einem|accompanied\s+by|backed\s+by)\b[\s,&+/-]*)*"
)
_OF_A_PART = re.compile(
    r"\b(?:melod\w+|(?:the|its)\s+(?:\w+\s+)?(?:tune|theme)|\w*lines?|chords?|harmon(?:y|ies)|accompaniment|riffs?"
    r"|solos?|rhythms?|beats?|grooves?|counter\w*|intro|verse|chorus|bridge|outro|breakdown|sections?|parts?"
    r"|arpeggi\w+|ostinato|hooks?|motifs?|figures?|patterns?|pads?|backing|drums?|notes?)\b"
)
"""Who is said to play a part of the music or a section is not said to be all."""
_MORE_PLAYERS = re.compile(
    r"\b(?:beats?|grooves?|rhythm\s+section|bass\s?lines?|backing|band|orchestra|ensemble)\b"
)
"""What stands behind a list and says that others play too."""


def _played_by(reading: Reading, wishes: list[Item], instruments: list[Instrument]) -> bool:
    """Whether two instruments and more stand in one list after "played by", said of the whole
    piece. One alone ("jazz played by a trumpet") may have a band behind it."""
    listed = _listed(reading, wishes, _PLAYED)
    if listed is None:
        return False
    verb, first, end = listed
    why = ""
    if len(instruments) < 2:
        why = "one may have a band behind it"
    elif _MORE_PLAYERS.search(reading.low, end):
        why = "others play behind the list"
    elif _OF_A_PART.search(re.split(r"[.;,:!?]", reading.low[:verb])[-1]):
        why = "said of a part of the music"
    if why:
        reading.put_aside(verb, first, PLAYED_BY, why)
    else:
        reading.take(verb, first, PLAYED_BY)
    return not why


def _for_list(reading: Reading, wishes: list[Item]) -> bool:
    """Whether every instrument stands in one list after "for": "for violin and piano"."""
    listed = _listed(reading, wishes, _FOR)
    if listed is None:
        return False
    before, after = reading.low[max(0, listed[1] - 60) : listed[1]], reading.low[listed[2] :]
    if re.search(r"\b(?:except|waiting|search|concerto|concierto|konzert)\b", before):
        return False
    return not re.match(
        r"\s+(?:lovers?|players?|students?|class|lessons?|practice|beginners?)\b", after
    )


def _listed(
    reading: Reading, wishes: list[Item], led_by: re.Pattern[str]
) -> tuple[int, int, int] | None:
    """Where the words that lead a list of every instrument begin, where the list does, and where
    it ends; None where there is no such list. Those that are named again behind it do not count."""
    low, words = reading.low, reading.words
    named = [it.value for it in wishes]
    listed = [it for n, it in enumerate(wishes) if it.value not in named[:n]]
    if not listed or any(isinstance(it.value, Ensemble) and it.value.implied for it in wishes):
        return None
    first = words[listed[0].i].start
    start = max(0, first - 60)
    led = led_by.search(low[start:first])
    if not led or any(isinstance(it.value, Ensemble) and not it.value.closed for it in listed):
        return None
    for a, b in pairwise(listed):
        if not _INNER.fullmatch(low[words[a.j - 1].end : words[b.i].start]):
            return None
    return start + led.start(), first, words[listed[-1].j - 1].end
