"""The rules by which a text gives roles to its parts: "flute carries the melody", "led by a
trumpet", "strings in the background".

Knows the patterns, in which ``owner.NAME`` stands for the names of instruments; does not know
what becomes of a match (``roles``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cantilena.text.brief.owner import NAME
from cantilena.text.brief.rules import Rule
from cantilena.text.lexicon.roles import (
    ACCOMPANIED,
    BASS,
    BEAT,
    BEHIND,
    BY,
    CHORDS,
    COUNTER,
    FRONT,
    NO_SOLO_PIECE,
    PLAY,
    PLAYED,
    TUNE,
    TUNE_OF_PART,
)

_NAMED = rf"(?<!{NAME}){NAME}++"  # possessive: a run of letters is tried once
_PART = rf"(?P<part>{_NAMED})"
_SMALL = (
    "and|or|with|over|but|no|not|without|under|behind|along|beneath|to|for|against|after|before|by"
    "|on|in|while|as|is|are|plus|counter|second|inner"
)
_LOOSE = rf"((?:(?!(?:of|{_SMALL})\b)[\w'-]+\s+){{0,3}})"
"""Words between that say something else of the part, or nothing: they are not taken up."""
_ADJECTIVE = rf"((?:(?!(?:of|{_SMALL})\b)[\w'-]+\s+)?)"
_BED = rf"((?:(?!(?:{_SMALL})\b)[\w'-]+\s+){{0,4}}?)"
"""The same, with "a bed of" in it."""
_NOUN = r"(?:\s+(?:sections?|players?|parts?|voices?|lines?))?"
_AUX = r"(?:\s+(?:that|which|who|to|will|should|must|can|then|also|always|mostly|mainly|now))*"
_IS = (
    r"(?:\s+(?:is|are|being|gets?|should\s+be|to\s+be|sits?|stays?|remains?|stands?|comes?|kept"
    r"|placed|plays?|playing|ist|est|esta))*"
)

ONE, FOLLOWING, PRECEDING = "one", "following", "preceding"
"""Which parts of a list a pattern speaks of: the one that it meets, or those joined with it behind
it or before it."""


@dataclass(frozen=True)
class Match:
    """What a pattern asks for: a role for the ``part`` that it names, with those listed beside it
    (``reach``); ``commas``: the list may have them."""

    role: str
    reach: str = ONE
    commas: bool = False


def _rule(name: str, match: Match, pattern: str, *examples: tuple[str, str]) -> Rule[Match]:
    rows = tuple((text, {"roles": roles or None}) for text, roles in examples)
    return Rule(name, "roles", rows, re.compile(pattern), lambda _, __: match)


COUNTERMELODIES = Rule(
    "a counter-melody",
    "roles",
    (
        ("oboe melody, counter-melody in the viola", {"roles": "oboe: lead, viola: countermelody"}),
        ("The cello plays a countermelody.", {"roles": "cello: countermelody"}),
        ("piano, no counter-melody", {"roles": None}),
    ),
    re.compile(rf"\b(?P<key>{COUNTER})\b"),
)
IN_NAME = Rule(
    "a role in an instrument's name",
    "roles",
    (
        ("rock with lead guitar and organ", {"roles": "guitar: lead"}),
        ("pop with backing vocals and a piano", {"roles": "choir: background"}),
        ("Lied mit Klavierbegleitung und Flöte", {"roles": "piano: accompaniment"}),
        ("rhythm guitar, organ and a flute", {"roles": "guitar: accompaniment"}),
    ),
)
IN_NAME_WORDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("lead", re.compile(r"(?<!and )\bleads?\b|melod(?:y|ie)$")),
    (
        "accompaniment",
        re.compile(r"\brhythm guitars?$|\bguitar chords$|(?:accompaniment|\wbegleitung| backing)$"),
    ),
    ("background", re.compile(r"^(?:backing|background)\b")),
    ("solo", re.compile(r"\bsolo\b|\wsolo$")),
)
ALONE = Rule(
    "a solo of the only part",
    "roles",
    (
        ("piano solo", {"roles": None, "only": True}),
        ("a melody for solo flute", {"roles": None, "only": True}),
    ),
)

TABLE: tuple[Rule[Match], ...] = (
    _rule(
        "a part answers",
        Match("countermelody"),
        rf"{_PART}{_NOUN}{_AUX}\s+(?P<key>answer(?:s|ing)?|respond(?:s|ing)?|repl(?:y|ies|ying)|echo(?:es|ing)?)\b",
        ("a fiddle tune; the accordion answers", "accordion: countermelody"),
    ),
    _rule(
        "answered by a part",
        Match("countermelody", FOLLOWING),
        rf"\b(?P<key>(?:answered|echoed)\s+by)\s+{_LOOSE}{_PART}",
        (
            "trumpet calls answered by trombone and tuba",
            "trombone: countermelody, tuba: countermelody",
        ),
    ),
    _rule(
        "the bass on a part",
        Match("bass"),
        rf"\b(?P<key>{BASS}{_IS}(?:\s+{PLAYED})?(?:\s*[:=]|\s+{BY}))\s+{_LOOSE}{_PART}",
        ("clarinet, bass line on tuba", "tuba: bass"),
        ("violins with the bass played by the cello", "cello: bass"),
    ),
    _rule(
        "a part plays the bass",
        Match("bass"),
        rf"{_PART}{_NOUN}{_AUX}\s+(?P<key>{PLAY}|on|as|providing)\s+{_LOOSE}(?P<key2>{BASS})\b(?!\s+(?:drum|clarinet|guitar|flute))",
        ("The tuba plays the bass, the clarinet plays the tune.", "tuba: bass, clarinet: lead"),
    ),
    _rule(
        "a part keeps the beat",
        Match("drums"),
        rf"{_PART}{_NOUN}{_AUX}\s+(?P<key>keep(?:s|ing)?|hold(?:s|ing)?|driv(?:es?|ing)|provid(?:es?|ing)|la(?:ys?|ying)\s+down|"
        rf"carr(?:y|ies|ying)|sets?|plays?)\s+{_LOOSE}(?P<key2>{BEAT})\b",
        ("marimba with percussion keeping the beat", "percussion: drums"),
    ),
    _rule(
        "percussion plays the rhythm",
        Match("percussion"),
        rf"{_PART}{_NOUN}{_AUX}\s+(?P<key>keep(?:s|ing)?|hold(?:s|ing)?|driv(?:es?|ing)|provid(?:es?|ing)|la(?:ys?|ying)\s+down|"
        rf"carr(?:y|ies|ying)|plays?)\s+{_LOOSE}(?P<key2>rhythms?|grooves?)\b",
        ("flute, congas laying down a groove", "percussion: drums"),
        ("A guitar plays the rhythm under a flute.", "guitar: accompaniment"),
    ),
    _rule(
        "the beat on a part",
        Match("percussion"),
        rf"\b(?P<key>(?:beat|rhythm|groove|drums?){_IS}(?:\s+{PLAYED})?\s+(?:on|by))\s+{_LOOSE}{_PART}",
        ("oud with a beat on a cajon", "percussion: drums"),
    ),
    _rule(
        "a part takes a solo",
        Match("solo", PRECEDING),
        rf"{_PART}{_NOUN}{_AUX}\s+(?P<key>{PLAY})\s+{_LOOSE}(?P<key2>solos?)\b",
        ("The trumpet takes a solo, the band comps.", "trumpet: solo"),
    ),
    _rule(
        "a part's solo",
        Match("solo"),
        rf"{_PART}[\s-]+(?P<key>(?:improvised\s+|virtuos\w+\s+)?solos?\b{NO_SOLO_PIECE}|soloists?\b|soloing\b|improvis(?:es?|ing|ations?)\b)",
        ("violin solo over synth pads", "violin: solo, synth pad: accompaniment"),
        ("80s ballad featuring a sax solo", "saxophone: solo"),
    ),
    _rule(
        "a solo on a part",
        Match("solo"),
        rf"\b(?P<key>solos?(?:\s+{PLAYED})?(?:\s*:|\s+(?:{BY}|for|fur|pour)))\s+{_LOOSE}{_PART}",
        ("organ trio with a solo on the vibraphone", "vibraphone: solo"),
        ("Solo: Klarinette, dazu ein Klavier", "clarinet: solo"),
    ),
    _rule(
        "a solo part",
        Match("solo"),
        rf"\b(?P<key>solo|improvis(?:ed|ing)|soloing)[\s-]+{_ADJECTIVE}{_PART}",
        ("a solo kalimba over strings", "kalimba: solo, strings: accompaniment"),
    ),
    _rule(
        "a part has the tune",
        Match("lead", PRECEDING, commas=True),
        rf"{_PART}{_NOUN}{_AUX}\s+(?P<key>{PLAY}|(?:for|on)(?:\s+the)?)\s+{_LOOSE}(?P<key2>{TUNE})\b",
        ("flute carries the melody, harp", "flute: lead"),
        ("harp and flute share the tune", "harp: lead, flute: lead"),
    ),
    _rule(
        "and another part the tune",
        Match("lead"),
        rf"\b(?:and|while|,)\s+(?:the\s+|an?\s+)?{_PART}\s+(?P<key>(?:the|a)\s+{TUNE})\b",
        ("The tuba plays the bass and the clarinet the tune.", "tuba: bass, clarinet: lead"),
    ),
    _rule(
        "a part leads",
        Match("lead"),
        rf"{_PART}{_NOUN}{_AUX}{_IS}\s+(?P<key>leads?(?!\s+(?:in|up|to|by|into|sheet|guitar|synth|voca\w+)\b)|leading"
        rf"|{FRONT}|takes?\s+cent(?:re|er)\s+stage|fuhrt|mene|lidera|dominates?)\b",
        ("Overdriven guitar leads, rock organ and drums", "overdriven guitar: lead"),
        ("techno, vocals up front, bass", "voice: lead"),
    ),
    _rule(
        "led by a part",
        Match("lead", FOLLOWING),
        rf"\b(?P<key>(?:led|headed|fronted|dominated|(?:centred|centered)\s+(?:on|around))(?:\s+(?:by|with))?)\s+{_LOOSE}{_PART}",
        ("a brass band led by a trumpet", "trumpet: lead"),
        ("led by trumpet and sax, with drums", "trumpet: lead, saxophone: lead"),
    ),
    _rule(
        "a part-led piece",
        Match("lead"),
        rf"{_PART}-(?P<key>led)\b",
        ("piano-led pop with strings", "piano: lead"),
    ),
    _rule(
        "the tune on a part",
        Match("lead", FOLLOWING),
        rf"\b(?P<key>{TUNE}{_IS}(?:\s+{PLAYED})?(?:\s*[:=]|\s+{BY}))\s+{_LOOSE}{_PART}",
        ("melody on oboe, harp arpeggios", "oboe: lead"),
        ("The melody is carried by the flute and the oboe.", "flute: lead, oboe: lead"),
        ("mélodie à la flûte, piano", "flute: lead"),
        ("no melody on the oboe, just chords on the organ", "organ: accompaniment"),
    ),
    _rule(
        "the tune is given to a part",
        Match("lead"),
        rf"\b(?P<key>(?:give|hand|pass)\s+(?:the\s+)?{TUNE}\s+to|{TUNE}{_IS}\s+(?:given|handed|passed)\s+to)\s+{_LOOSE}{_PART}",
        ("give the melody to the cello, piano plays chords", "cello: lead, piano: accompaniment"),
    ),
    _rule(
        "the main instrument",
        Match("lead"),
        rf"\b(?P<key>(?:main|lead|leading|primary|principal)\s+(?:instrument|voice|part)(?:\s*[:=]|\s+(?:is|being)))\s+{_LOOSE}{_PART}",
        ("The lead instrument is a kalimba, with a pad.", "kalimba: lead"),
    ),
    _rule(
        "a lead part",
        Match("lead"),
        rf"\b(?P<key>lead(?:ing)?)\s+{_ADJECTIVE}{_PART}",
        ("a lead trumpet with organ", "trumpet: lead"),
    ),
    _rule(
        "a part, and that it is the tune",
        Match("lead"),
        rf"{_PART}(?:\s*[:(=]\s*|\s+-\s+)(?P<key>{TUNE}|hauptmelodie|lead)\b",
        ("flute (melody), cello, piano: chords", "flute: lead, piano: accompaniment"),
    ),
    _rule(
        "a part's tune",
        Match("lead"),
        rf"{_PART}[\s-]+(?P<key>{TUNE_OF_PART})\b(?!\s+(?:in|into|up|to|by|sheet|guitar|synth|voca\w+))",
        ("bossa nova, guitar, flute melody", "flute: lead"),
    ),
    _rule(
        "accompanied by parts",
        Match("accompaniment", FOLLOWING, commas=True),
        rf"\b(?P<key>{ACCOMPANIED})\s*{_BED}{_PART}",
        (
            "A woman sings, accompanied by strings and harp.",
            "strings: accompaniment, harp: accompaniment",
        ),
    ),
    _rule(
        "a part accompanies",
        Match("accompaniment", PRECEDING, commas=True),
        rf"{_PART}{_NOUN}{_AUX}\s+(?P<key>accompan(?:y|ies|ying)|support(?:s|ing)?|underpins?|begleitet|begleiten|accompagne\w*|acompana\w*|accompagna\w*)\b",
        (
            "The cello has the tune while the piano accompanies.",
            "cello: lead, piano: accompaniment",
        ),
    ),
    _rule(
        "a part plays the chords",
        Match("accompaniment", PRECEDING, commas=True),
        rf"{_PART}{_NOUN}{_AUX}\s+(?P<key>{PLAY})\s+{_LOOSE}(?P<key2>{CHORDS})\b",
        ("flute, the organ plays chords", "organ: accompaniment"),
    ),
    _rule(
        "the chords on a part",
        Match("accompaniment", FOLLOWING),
        rf"\b(?P<key>{CHORDS}(?:\s+(?:instrument|part))?{_IS}(?:\s+{PLAYED})?(?:\s*[:=]|\s+{BY}))\s+{_LOOSE}{_PART}",
        ("violin, chords on the organ", "organ: accompaniment"),
        ("una flauta con acompañamiento de piano", "piano: accompaniment"),
    ),
    _rule(
        "a part's chords",
        Match("accompaniment", PRECEDING),
        rf"{_PART}[\s-]+(?P<key>{CHORDS})\b|(?P<part2>{_NAMED})\s*[:(=]\s*(?P<key2>{CHORDS})\b",
        ("waltz for clarinet with piano accompaniment", "piano: accompaniment"),
    ),
    _rule(
        "over a part",
        Match("over", FOLLOWING),
        rf"(?:(?:{NAME}|\b(?:solos?|{TUNE}))(?:\s+(?:solos?|{TUNE_OF_PART}))?)(?:\s+(?:plays?|playing|floats?|floating|soars?|soaring|sings?|singing))?"
        rf"\s+(?P<key>over|above|on\s+top\s+of)\s+{_BED}{_PART}",
        ("flute over soft strings", "strings: accompaniment"),
    ),
    _rule(
        "parts in the background",
        Match("background", PRECEDING, commas=True),
        rf"{_PART}{_NOUN}{_AUX}{_IS}\s+((?:\w+\s+){{0,2}})(?P<key>{BEHIND})",
        ("piano, strings in the background", "strings: background"),
        ("Klavier, Streicher im Hintergrund", "strings: background"),
    ),
    _rule(
        "in the background are parts",
        Match("background", FOLLOWING, commas=True),
        rf"\b(?P<key>in\s+the\s+background)(?:\s*[:,]\s*|\s+)(?:(?:there\s+)?(?:is|are)|plays?|we\s+hear|you\s+hear|with)?\s*{_LOOSE}{_PART}",
        (
            "piano. In the background are strings and choir.",
            "strings: background, choir: background",
        ),
    ),
    _rule(
        "a background part",
        Match("background"),
        rf"\b(?P<key>background|backing|backup)\s+{_ADJECTIVE}{_PART}",
        ("soul with a piano and a backing choir", "choir: background"),
    ),
)
