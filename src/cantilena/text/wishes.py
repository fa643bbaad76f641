"""The Brief: what a text asks for, as data.

Knows the wishes, their checks and their JSON; does not know how text is read (``text.brief``).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from cantilena.errors import BriefError
from cantilena.score.harmony import Key, parse_chord

TIMINGS = ("quantized", "played")
"""Where notes may stand: on the divisions of the beat, or around them, as players put them."""

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
class Brief:
    """What is asked for; None or empty where nothing is. Immutable; JSON in and out.

    ``how`` maps a field's name to "said" (the text names it) or "implied" (it follows from a
    word, as a tempo from "slow"). ``only`` is true when ``instruments`` is the whole list
    ("solo", "trio", "string quartet", "for ... only"). ``excluded`` are instruments (0-128) that
    must not sound. ``tempo`` is in quarter notes per minute. ``chords`` are symbols as written,
    one bar each unless ``chord_beats`` says otherwise. ``unplaced`` are the words of the text that
    no wish took up.
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
    seconds: float | None = None
    swing: bool | None = None
    timing: str | None = None  # of ``TIMINGS``
    density: str | None = None  # "sparse", "medium" or "dense"
    how: dict[str, str] = field(default_factory=dict)
    unplaced: tuple[str, ...] = ()

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
        """Plain data, ready for JSON; every field is present."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Brief:
        """The Brief that ``to_dict`` wrote. Raises BriefError on an unknown field."""
        names = {f.name for f in fields(cls)}
        for name in data:
            if name not in names:
                raise BriefError(f"unknown wish {name!r}; known: {', '.join(sorted(names))}")
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        if "instruments" in plain:
            plain["instruments"] = tuple(
                Instrument(i["name"], tuple(i["programs"]), int(i.get("count", 1)))
                for i in plain["instruments"]
            )
        return cls(**plain)

    def with_wishes(self, **wishes: Any) -> Brief:
        """A copy with explicit wishes set; each counts as said."""
        how = {**self.how, **dict.fromkeys(wishes, "said")}
        return replace(self, **wishes, how=how)
