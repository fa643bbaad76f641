"""Figures: "walking bass", "arpeggiated piano", "call and response between trumpet and sax".

Knows which words are no figure where they stand, and who plays a figure that the text gives to
nobody; the words are in ``lexicon.figures``. Words that serve another wish keep it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cantilena.score.score import DRUMS
from cantilena.text.brief.owner import Mentions
from cantilena.text.brief.refusals import is_denied
from cantilena.text.brief.rules import Rule
from cantilena.text.lexicon import Reading
from cantilena.text.lexicon.figures import FIGURE_WORDS
from cantilena.text.wishes import FIGURES, Instrument, PartWish

EXAMPLES: dict[str, tuple[tuple[str, str | None], ...]] = {
    "arpeggio": (
        ("arpeggiated piano over a pad", "piano: arpeggio, synth pad: pad"),
        ("arpeggios on the harp", "harp: arpeggio"),
        ("harpe, arpèges", "arpeggio"),
        ("piano without arpeggios", None),
    ),
    "broken chords": (("a piano plays broken chords", "piano: broken chords"),),
    "alberti bass": (("piano with an Alberti bass", "piano: alberti bass"),),
    "block chords": (("block chords on the organ", "organ: block chords"),),
    "strumming": (("strummed acoustic guitar", "acoustic guitar: strumming"),),
    "fingerpicking": (("fingerpicked guitar, flute", "steel-string guitar: fingerpicking"),),
    "comping": (("jazz with a comping piano", "piano: comping"),),
    "power chords": (("power chords on distorted guitars", "distortion guitar: power chords"),),
    "riff": (("funk with a guitar riff", "guitar: riff"), ("a riff on the organ", "organ: riff")),
    "ostinato": (("ostinato in the cellos", "cello: ostinato"),),
    "pad": (("slow synth pads", "synth pad: pad"),),
    "drone": (
        ("a drone on the cello", "cello: drone"),
        ("footage of a drone, piano", None),
    ),
    "walking bass": (
        ("jazz with walking bass", "acoustic bass: walking bass"),
        ("upright bass and drums, the bass walks", "acoustic bass: walking bass"),
        ("a man walks home, piano", None),
    ),
    "boogie bass": (("blues piano, boogie-woogie left hand", "piano: boogie bass"),),
    "stride": (("stride piano", "piano: stride"),),
    "oom-pah": (("an oom-pah tuba", "tuba: oom-pah"),),
    "octaves": (("disco with octave bass", "bass: octaves"), ("two octaves of range", None)),
    "runs": (
        ("runs on the flute", "flute: runs"),
        ("The song runs at 90 bpm.", None),
        ("the piano runs through it all", None),
    ),
    "fills": (("harmonica fills", "harmonica: fills"), ("joy fills the room, harp", None)),
    "tremolo": (("tremolo strings", "tremolo strings: tremolo"),),
    "imitation": (
        ("two-part canon for violin and viola", "violin: imitation, viola: imitation"),
        ("an imitation of surf rock", None),
    ),
    "call and response": (
        (
            "call and response between trumpet and sax",
            "trumpet: call and response, saxophone: call and response",
        ),
    ),
    "four on the floor": (("techno, four on the floor", "drums: four on the floor"),),
    "backbeat": (("rock with drums and a strong backbeat", "drums: backbeat"),),
    "breakbeat": (("breakbeat, 140", "drums: breakbeat"), ("he breaks free", None)),
    "shuffle": (("shuffle blues", "shuffle"),),
    "syncopation": (("syncopated clavinet", "clavinet: syncopation"),),
    "stabs": (("brass stabs", "brass: stabs"),),
    "offbeat chords": (("reggae skank on guitar", "guitar: offbeat chords"),),
    "repeated notes": (("a pulsing synth bass", "synth bass: repeated notes"),),
}
"""What the rule of each figure is tested on."""


def _rule(figure: str) -> Rule[str]:
    words = sorted(FIGURE_WORDS[figure], key=len, reverse=True)
    spaced = (re.escape(w).replace(r"\ ", r"[\s-]+").replace(r"\-", r"[\s-]+") for w in words)
    rows = tuple((text, {"figures": wishes}) for text, wishes in EXAMPLES[figure])
    pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(spaced)})(?![\w])")
    return Rule(f"a figure: {figure}", "figures", rows, pattern, lambda _, __: figure)


RULES: tuple[Rule[str], ...] = tuple(map(_rule, FIGURES))
_LONGEST_FIRST = sorted(
    RULES, key=lambda rule: -max(len(w) for w in FIGURE_WORDS[rule.name.split(": ")[1]])
)


@dataclass(frozen=True)
class _Unmeant:
    """Words that are no figure where ``before`` matches the text before or ``after`` that behind
    them (text in which names of instruments are masked)."""

    words: re.Pattern[str]
    before: re.Pattern[str]
    after: re.Pattern[str]


HELD = ("pad", "drone")
"""Figures of held notes."""
_NEVER = re.compile(r"(?!)")
_UNMEANT: tuple[_Unmeant, ...] = (
    # "it runs at 90 bpm", "joy fills the room", "he breaks free": verbs
    _Unmeant(
        re.compile(r"runs|fills|breaks|strums"),
        re.compile(
            r"\b(?:it|he|she|that|which|song|piece|track|music|tune|joy|light|love|water|river|who)\s+$"
        ),
        re.compile(
            r"\s+(?:an|of|at|for|through|from|to|about|around|over|approximately|away|into|up|out|down|off|the|my|your|a"
            r"|free|with|wild|as|along|under|between|\d)\b"
        ),
    ),
    # a drone that flies
    _Unmeant(
        re.compile(r"drones?"),
        re.compile(r"\b(?:of\s+a|by|from\s+a|flying|the)\s+$"),
        re.compile(r"\s+(?:footage|shots?|videos?|flight|flies|racing|pilots?|camera)\b"),
    ),
    # a distance, not how something is played
    _Unmeant(
        re.compile(r"octaves"),
        re.compile(r"\b(?:one|two|three|four|five|\d|several|few)\s+$"),
        re.compile(r"\s+(?:of|higher|lower|up|down|above|below|apart)\b"),
    ),
    _Unmeant(re.compile(r"canons?|imitation"), _NEVER, re.compile(r"\s+of\b|\s+in\s+d\b")),
    _Unmeant(re.compile(r"stride"), re.compile(r"\b(?:in|big|long|his|her)\s+$"), _NEVER),
    _Unmeant(re.compile(r"pulses|breaks"), _NEVER, re.compile(r"\s+(?:of|in\s+the)\b")),
)
_BASSES = range(32, 40)
_KEYS = (*range(7), *range(16, 20))
_PLAYERS: dict[str, tuple[int, ...]] = {
    "walking bass": (*_BASSES, 43, 58),
    **dict.fromkeys(("four on the floor", "backbeat", "breakbeat"), (DRUMS,)),
    **dict.fromkeys(("boogie bass", "stride", "alberti bass"), _KEYS),
    **dict.fromkeys(("strumming", "fingerpicking", "power chords"), tuple(range(24, 32))),
    "imitation": (),
}
"""Programs that a figure is played on where the text says of nobody that he plays it."""
_FUNCTION = {
    "walking bass": "bass",
    "four on the floor": "drums",
    "backbeat": "drums",
    "breakbeat": "drums",
}
"""What such a part does, where no such instrument is asked for."""


def read_figures(
    reading: Reading, mentions: Mentions, instruments: tuple[Instrument, ...]
) -> tuple[PartWish, ...]:
    """The figures that the text asks for, in its order. Takes their words; those that serve
    another wish keep it."""
    rows: list[tuple[int, PartWish]] = []
    letters: set[int] = set()
    for rule in _LONGEST_FIRST:
        assert rule.pattern and rule.effect
        for m in rule.pattern.finditer(reading.low):
            figure = rule.effect(reading, m)
            if figure is None or letters.intersection(range(*m.span())):
                continue
            if why := _is_none(figure, m, mentions, instruments):
                reading.put_aside(*m.span(), rule, why)
                continue
            letters.update(range(*m.span()))
            parts = _parts(figure, m, mentions, instruments)
            rows += [(m.start(), PartWish(part, figure)) for part in parts]
            value = ", ".join(f"{part}: {figure}" if part else figure for part in parts)
            reading.take(*m.span(), rule, value)
    return tuple(dict.fromkeys(wish for _, wish in sorted(rows, key=lambda row: row[0])))


def without_names(
    figures: tuple[PartWish, ...], leads: Iterable[str], short: Iterable[str]
) -> tuple[PartWish, ...]:
    """The figures without held notes that an instrument's name alone asks for ("synth pad") where
    the text asks the part for another figure, to lead (``leads``), or for short notes."""
    in_name = {w for w in figures if w.value in HELD and w.value in w.part.split()}
    asked = {w.part for w in figures if w not in in_name}.union(leads, short)
    return tuple(w for w in figures if w not in in_name or w.part not in asked)


def _is_none(
    figure: str, m: re.Match[str], mentions: Mentions, instruments: tuple[Instrument, ...]
) -> str:
    """Why words ask for no figure after all; "" where they do."""
    low = mentions.low
    if is_denied(low, m.start()):
        return "it is refused"
    before, after = low[max(0, m.start() - 40) : m.start()], low[m.end() :]
    for case in _UNMEANT:
        if case.words.fullmatch(m.group()) and (
            case.before.search(before) or case.after.match(after)
        ):
            return "another meaning of the word"
    if m.group() == "walks" and not _played(figure, instruments):
        return "nobody plays the bass"
    return ""


def _parts(
    figure: str, m: re.Match[str], mentions: Mentions, instruments: tuple[Instrument, ...]
) -> tuple[str, ...]:
    owners = mentions.owners(*m.span())
    usual = _played(figure, instruments)
    if figure in _FUNCTION:
        fitting = tuple(name for name in owners if name in usual)
        return fitting or usual or (_FUNCTION[figure],)
    if owners == ("",) and usual:
        return usual
    return owners


def _played(figure: str, instruments: tuple[Instrument, ...]) -> tuple[str, ...]:
    """The first asked instrument that usually plays a figure, as ("piano",), or ()."""
    programs = _PLAYERS.get(figure, ())
    return tuple(i.name for i in instruments if i.programs[0] in programs)[:1]
