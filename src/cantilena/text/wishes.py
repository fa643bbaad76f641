"""The Brief: what a text asks for, as data.

Knows the wishes, their checks and their JSON; does not know how text is read (``text.brief``).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from cantilena.errors import BriefError
from cantilena.score.harmony import Key, parse_chord
from cantilena.text.wordlists import split_names

TIMINGS = ("quantized", "played")
"""Where notes may stand: on the divisions of the beat, or around them, as players put them."""

ROLES = split_names("lead, solo, countermelody, accompaniment, background, bass, drums")
"""What a part may be asked to be. "lead" has the tune; "solo" shows off over the others; "drums"
keeps the beat, whoever plays it."""
FIGURES = split_names(
    """
    arpeggio, broken chords, alberti bass, block chords, strumming, fingerpicking, comping,
    power chords, riff, ostinato, pad, drone, walking bass, boogie bass, stride, oom-pah, octaves,
    runs, fills, tremolo, imitation, call and response, four on the floor, backbeat, breakbeat,
    shuffle, syncopation, stabs, offbeat chords, repeated notes
    """
)
"""What a part may be asked to play all along: a way to spell out chords, or a pattern of beats."""
ARTICULATIONS = split_names(
    """
    legato, staccato, pizzicato, bowed, plucked, accented, muted, sustained, slides, bends,
    vibrato, trills
    """
)
REGISTERS = ("low", "middle", "high")
LOUDNESS = ("very soft", "soft", "medium", "loud", "very loud")
"""From pp to ff; ppp and fff are the outer ones too."""
CHANGES = split_names(
    """
    crescendo, diminuendo, loudness, fade in, fade out, build, drop, break, accelerando,
    ritardando, tempo, key, metre, mood, fuller, thinner
    """
)
"""What may change in the course of a piece. "loudness", "tempo", "key", "metre" and "mood" have
something that they change to."""
REPETITIONS = ("hook", "motif", "loop", "endless", "varied", "through-composed")
"""What comes back and how: a hook or a motif returns, a loop repeats all, "endless" is a loop whose
end leads to its beginning, "varied" comes back changed, "through-composed" never."""

PART_WISHES: dict[str, tuple[str, ...]] = {
    "roles": ROLES,
    "figures": FIGURES,
    "articulations": ARTICULATIONS,
    "registers": REGISTERS,
    "loudness": LOUDNESS,
}
"""The fields of a Brief that are wishes about parts, and what each may ask for."""

# What a Brief may ask for; wider than what is usual in any music.
MIN_TEMPO, MAX_TEMPO = 10, 400  # quarters per minute
MIN_BARS, MAX_BARS = 1, 1000
MIN_SECONDS, MAX_SECONDS = 0.5, 3600


@dataclass(frozen=True)
class Instrument:
    """One asked instrument: its name as a musician says it ("violin"), the programs that satisfy
    it, best first (0-127 General MIDI, 128 drums), and how many players ("string quartet" asks
    for violin x 2)."""

    name: str
    programs: tuple[int, ...]
    count: int = 1


@dataclass(frozen=True)
class PartWish:
    """What one part is asked to be or to do. ``part`` is the name of an instrument as the Brief's
    ``instruments`` have it; or what it does ("melody", "bass", "accompaniment", "drums") where no
    instrument is named; or "" for the whole music. ``value`` is of the list of its field."""

    part: str
    value: str


@dataclass(frozen=True)
class Section:
    """One section of an asked form: its ``name`` ("intro", "verse", "A"), its length in ``bars``
    where one is asked for, and the ``parts`` that are asked to play in it (() where none is
    named), named as in ``PartWish``."""

    name: str
    bars: int | None = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """Something that changes: its ``kind`` (of ``CHANGES``); ``where``: "start", "middle", "end",
    or the name of a section ("bridge", "last chorus"), "" where nobody says; the ``part`` that
    does, as in ``PartWish``; and what it changes ``to``, "" where nobody says: a key
    ("D major") or the way to it ("up a tone", "relative minor"), a tempo ("140", "fast"), a metre,
    a loudness, a mood."""

    kind: str
    where: str = ""
    part: str = ""
    to: str = ""


@dataclass(frozen=True)
class Brief:
    """What is asked for; None or empty where nothing is. Immutable; JSON in and out.

    ``how`` maps a field's name to "said" (the text names it) or "implied" (it follows from a
    word, as a tempo from "slow"). ``only`` is true when ``instruments`` is the whole list
    ("solo", "trio", "string quartet", "for ... only"). ``excluded`` are instruments (0-128) that
    must not sound. ``tempo`` is in quarter notes per minute. ``chords`` are symbols as written,
    one bar each unless ``chord_beats`` says otherwise. ``bars_range`` and ``seconds_range`` are
    (least, most) where a text gives a range or a limit, in which ``bars`` and ``seconds`` then are
    what to aim at; on the side that is left open they are the least or most that can be asked for.
    ``roles``, ``figures``, ``articulations``, ``registers`` and ``loudness`` are wishes about
    parts, ``form`` is the sections in order (``form_whole``: there are no others, where a text may
    name some alone), ``changes`` what happens in the course of the piece,
    ``repetition`` what comes back. ``unplaced`` are the words of the text that
    no wish took up. ``read_by`` names the model that read the text, "" where the rules did.
    """

    text: str = ""
    instruments: tuple[Instrument, ...] = ()
    only: bool = False
    excluded: tuple[int, ...] = ()
    tempo: float | None = None
    tempo_range: tuple[float, float] | None = None
    key: str | None = None
    metre: str | None = None
    chords: tuple[str, ...] = ()
    chord_beats: float | None = None
    genres: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()
    bars: int | None = None
    bars_range: tuple[int, int] | None = None
    seconds: float | None = None
    seconds_range: tuple[float, float] | None = None
    swing: bool | None = None
    timing: str | None = None  # of ``TIMINGS``
    density: str | None = None  # "sparse", "medium" or "dense"
    roles: tuple[PartWish, ...] = ()
    figures: tuple[PartWish, ...] = ()
    articulations: tuple[PartWish, ...] = ()
    registers: tuple[PartWish, ...] = ()
    loudness: tuple[PartWish, ...] = ()
    form: tuple[Section, ...] = ()
    form_whole: bool = False
    changes: tuple[Change, ...] = ()
    repetition: tuple[str, ...] = ()
    how: dict[str, str] = field(default_factory=dict)
    unplaced: tuple[str, ...] = ()
    read_by: str = ""

    def __post_init__(self) -> None:
        if self.key is not None:
            object.__setattr__(self, "key", Key.from_name(self.key).name)
        for chord in self.chords:
            parse_chord(chord)
        if self.tempo is not None and not MIN_TEMPO <= self.tempo <= MAX_TEMPO:
            limits = f"{MIN_TEMPO}-{MAX_TEMPO} quarters per minute"
            raise BriefError(f"a tempo of {self.tempo:g} is outside {limits}")
        if self.metre is not None:
            num, den = self.metre_parts or (0, 0)
            if not 1 <= num <= 32 or den not in (1, 2, 4, 8, 16, 32):
                raise BriefError(f"{self.metre!r} is not a metre; write it as in 3/4 or 12/8")
        if self.timing is not None and self.timing not in TIMINGS:
            raise BriefError(f"unknown timing {self.timing!r}; known: {', '.join(TIMINGS)}")
        for name, values in PART_WISHES.items():
            for wish in getattr(self, name):
                _one_of(name, wish.value, values)
        for change in self.changes:
            _one_of("changes", change.kind, CHANGES)
        for value in self.repetition:
            _one_of("repetition", value, REPETITIONS)
        if self.bars is not None and not MIN_BARS <= self.bars <= MAX_BARS:
            raise BriefError(f"{self.bars} bars is outside {MIN_BARS}-{MAX_BARS}")
        if self.seconds is not None and not MIN_SECONDS <= self.seconds <= MAX_SECONDS:
            raise BriefError(f"{self.seconds:g} seconds is outside {MIN_SECONDS}-{MAX_SECONDS}")

    @property
    def metre_parts(self) -> tuple[int, int] | None:
        """(numerator, denominator), or None."""
        if self.metre is None:
            return None
        num, _, den = self.metre.partition("/")
        try:
            return int(num), int(den)
        except ValueError:
            raise BriefError(f"{self.metre!r} is not a metre; write it as in 3/4 or 12/8") from None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON; every field is present, but for a ``read_by`` that names
        nobody."""
        data = json.loads(json.dumps(asdict(self)))
        if not self.read_by:
            del data["read_by"]
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Brief:
        """The Brief that ``to_dict`` wrote. Raises BriefError on an unknown field."""
        names = {f.name for f in fields(cls)}
        for name in data:
            if name not in names:
                raise BriefError(f"unknown wish {name!r}; known: {', '.join(sorted(names))}")
        plain: dict[str, Any] = {k: _immutable(v) for k, v in data.items()}
        for name, kind in _RECORDS.items():
            if name in plain:
                rows = plain[name]
                plain[name] = tuple(kind(**{k: _immutable(v) for k, v in r.items()}) for r in rows)
        return cls(**plain)

    def with_wishes(self, **wishes: Any) -> Brief:
        """A copy with explicit wishes set; each counts as said."""
        how = {**self.how, **dict.fromkeys(wishes, "said")}
        return replace(self, **wishes, how=how)


def range_words(span: tuple[float, float], limits: tuple[float, float]) -> str:
    """A range as one says it ("8-12", "at most 30"); ``limits``: what is open on its side."""
    (least, most), (lowest, highest) = span, limits
    if least <= lowest < most:
        return f"at most {most:.4g}"
    return f"at least {least:.4g}" if least < highest <= most else f"{least:.4g}-{most:.4g}"


_RECORDS: dict[str, type] = {
    "instruments": Instrument,
    **dict.fromkeys(PART_WISHES, PartWish),
    "form": Section,
    "changes": Change,
}
"""Fields that are rows, and of which kind."""


def section_words(section: Section) -> str:
    """A section in words: "chorus 8 (violin, drums)"."""
    bars = f" {section.bars}" if section.bars else ""
    return section.name + bars + (f" ({', '.join(section.parts)})" if section.parts else "")


def change_words(change: Change) -> str:
    """A change in words: "strings: crescendo (end)", "key to D major", "key up a tone"."""
    words = f"{change.part}: {change.kind}" if change.part else change.kind
    way = "" if change.to.startswith(("up", "down")) else "to "
    words += f" {way}{change.to}" if change.to else ""
    return words + (f" ({change.where})" if change.where else "")


def _one_of(name: str, value: str, values: tuple[str, ...]) -> None:
    if value not in values:
        raise BriefError(f"unknown value {value!r} of {name}; known: {', '.join(values)}")


def _immutable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
