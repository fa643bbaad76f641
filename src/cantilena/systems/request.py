"""What goes into generation: the Request, with the piece to be edited, as objects and as JSON.

Knows kinds and ranges; does not know systems beyond their names, or how anything is made of it.
One JSON form serves Python, the command line, replay and HTTP.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

from cantilena.audio.audio import Audio
from cantilena.audio.sources import is_reference, read_source
from cantilena.decode.sampling import Sampling
from cantilena.errors import BriefError, InputError
from cantilena.score import Score
from cantilena.text.checks import check_brief
from cantilena.text.wishes import Brief

MAX_SEED = 2**63 - 1

Unit = Literal["bars", "seconds"]


@dataclass(frozen=True)
class Span:
    """A stretch of time, from ``start`` up to before ``stop``, in ``unit``: bars counted from 0, or
    seconds. ``stop`` None: as far as the music goes, or as long as the Brief asks. A span that
    starts at the end of the music is music to be added. Raises InputError where it is empty."""

    start: float
    stop: float | None = None
    unit: Unit = "bars"

    def __post_init__(self) -> None:
        if self.unit not in ("bars", "seconds"):
            raise InputError(f"a span is counted in bars or seconds, not {self.unit!r}")
        ends = [self.start] if self.stop is None else [self.start, self.stop]
        if not all(_number(end) for end in ends):
            raise InputError(f"a span goes between numbers, not {self.start!r} and {self.stop!r}")
        if self.unit == "bars" and any(end != int(end) for end in ends):
            raise InputError(f"a span of bars goes between whole bars, not {ends}")
        if self.start < 0:
            raise InputError(f"a span starts at 0 {self.unit} or later, not at {self.start:g}")
        if self.stop is not None and self.stop <= self.start:
            raise InputError(
                f"there is nothing between {self.start:g} and {self.stop:g} {self.unit}; a span "
                "stops after its start"
            )
        for name in ("start", "stop"):  # numpy's numbers are none of JSON's
            object.__setattr__(self, name, _plain(getattr(self, name)))

    def ticks(self, score: Score) -> tuple[int, int | None]:
        """(start, stop) in a Score's ticks, at most its last bar line; ``stop`` None: no end."""
        lines = score.bar_starts

        def tick(at: float) -> int:
            if self.unit == "seconds":
                return score.tick_at(at)
            return int(lines[min(int(at), len(lines) - 1)])

        stop = None if self.stop is None else tick(self.stop)
        return min(tick(self.start), int(lines[-1])), stop

    def seconds(self, score: Score) -> tuple[float, float | None]:
        """(start, stop) in a Score's seconds; ``stop`` None: no end."""
        if self.unit == "seconds":
            return float(self.start), None if self.stop is None else float(self.stop)
        start, stop = self.ticks(score)
        return float(score.seconds(start)), None if stop is None else float(score.seconds(stop))


@dataclass(frozen=True)
class Edit:
    """A piece that is there and what of it is to be made anew: the ``spans`` of ``tracks`` (numbers
    of ``base.tracks``; None for all). Everything outside is kept note for note. New tracks may be
    added. Raises InputError where the piece holds no notes, spans overlap or a track is not there.
    """

    base: Score
    spans: tuple[Span, ...]
    tracks: frozenset[int] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.base, Score):
            raise InputError(f"a Score is edited, not {type(self.base).__name__}")
        if not len(self.base):
            raise InputError("the piece to be edited has no notes")
        _take_as(self, "spans", tuple, "Spans")
        if not all(isinstance(span, Span) for span in self.spans):
            raise InputError(f"the spans of an edit are Spans, not {self.spans!r}")
        if not self.spans:
            raise InputError("an edit needs a span of time; give one")
        if len({span.unit for span in self.spans}) > 1:
            raise InputError("the spans of an edit are all in bars or all in seconds")
        for first, second in zip(self.spans, self.spans[1:], strict=False):
            if first.stop is None or second.start < first.stop:
                raise InputError("the spans of an edit must follow one another")
        self._check_start()
        if self.tracks is not None:
            _take_as(self, "tracks", frozenset, "track numbers")
            tracks = frozenset(_whole(track, "a track") for track in self.tracks)
            object.__setattr__(self, "tracks", tracks)
        for track in self.tracks or ():
            if not 0 <= track < len(self.base.tracks):
                raise InputError(
                    f"there is no track {track}: the piece has {len(self.base.tracks)}, from 0"
                )

    def _check_start(self) -> None:
        """Raises InputError for a span that starts behind the last bar line: what would be between
        the music and it is neither kept nor asked for."""
        start, bars = self.spans[-1].start, self.base.n_bars
        line = float(self.base.seconds(self.base.bar_starts[-1]))
        if self.spans[-1].unit == "bars" and start > bars:
            raise InputError(f"the piece ends at bar {bars}; it has nothing at bar {start:g}")
        if self.spans[-1].unit == "seconds" and start > line + 1e-6:
            raise InputError(f"the piece ends at {line:g} s; it has nothing at {start:g} s")

    @classmethod
    def going_on(cls, base: Score) -> Edit:
        """Music to be added behind the last bar."""
        return cls(base, (Span(base.n_bars),))

    @classmethod
    def between(cls, base: Score, start: float, stop: float) -> Edit:
        """Everything between two seconds anew."""
        return cls(base, (Span(start, stop, "seconds"),))

    @classmethod
    def accompanying(cls, base: Score, instruments: Collection[int], since: float = 0.0) -> Edit:
        """The parts of ``instruments`` (0-127, 128 drums) kept, and the others anew from ``since``
        seconds on. Raises InputError where none of the instruments plays."""
        tracks = frozenset(
            i for i, track in enumerate(base.tracks) if track.instrument not in instruments
        )
        if set(base.track.tolist()) <= tracks:
            raise InputError("the Score has none of the instruments that are to be kept")
        return cls(base, (Span(since, None, "seconds"),), tracks)

    @property
    def kind(self) -> str:
        """Which of ``systems.spec.EDITS`` it is."""
        if self.tracks is not None:
            return "tracks"
        start, _ = self.spans[0].seconds(self.base)
        return "go on" if start >= float(self.base.seconds(self.base.end)) - 1e-6 else "span"

    def to_dict(self) -> dict[str, Any]:
        """Plain data; the Score as base64 MIDI."""
        spans = [[span.start, span.stop, span.unit] for span in self.spans]
        tracks = None if self.tracks is None else sorted(self.tracks)
        return {"base": _midi(self.base), "spans": spans, "tracks": tracks}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Edit:
        """The Edit that ``to_dict`` wrote."""
        tracks = data.get("tracks")
        return cls(
            _score(data["base"]),
            tuple(Span(start, stop, unit) for start, stop, unit in data["spans"]),
            tracks if tracks is None else frozenset(tracks),
        )


@dataclass(frozen=True)
class Request:
    """What goes into generation.

    ``brief``: what is asked, with its text; ``seed``: the same request, seed and checkpoint give
    the same bytes; ``sampling``: None as the system samples by default; ``edit``: the piece to be
    changed; ``system``: its name, "" for whichever the request is handed to; ``options``: the
    system's own, plain data; ``score``, ``audio`` and ``attributes``: what the music follows softly
    besides the text, for systems that read it (``Spec.reads``). Raises InputError where one is of
    another kind.
    """

    brief: Brief = field(default_factory=Brief)
    seed: int = 0
    sampling: Sampling | None = None
    edit: Edit | None = None
    system: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    score: Score | None = None
    audio: Audio | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seed = _whole(self.seed, "the seed")
        if not 0 <= seed <= MAX_SEED:
            raise InputError(f"the seed must be a whole number from 0 to 2^63 - 1, not {seed}")
        object.__setattr__(self, "seed", seed)
        for name, kind in _KINDS.items():
            value = getattr(self, name)
            optional = name in ("sampling", "edit", "score", "audio")
            if not (isinstance(value, kind) or (optional and value is None)):
                what = "a mapping" if kind is Mapping else f"of the kind {kind.__name__}"
                raise InputError(f"a request's {name} must be {what}, not {value!r}")

    @property
    def text(self) -> str:
        """The words that the Brief was read out of."""
        return self.brief.text

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without what says nothing; a recording stands in it whole."""
        data: dict[str, Any] = {
            "system": self.system,
            "brief": self.brief.to_dict(),
            "seed": self.seed,
            "sampling": None if self.sampling is None else self.sampling.to_dict(),
            "edit": None if self.edit is None else self.edit.to_dict(),
            "options": dict(self.options),
            "score": None if self.score is None else _midi(self.score),
            "audio": None if self.audio is None else self.audio.to_dict(),
            "attributes": dict(self.attributes),
        }
        return {name: value for name, value in data.items() if value not in (None, {}, "")}

    @classmethod
    def from_dict(cls, data: Any, folder: str | Path = ".") -> Request:
        """The Request that ``to_dict`` wrote, also one of version 0.1 (which had "continues").
        ``folder``: where the JSON file stood, and beside it the recording that it names. Raises
        BriefError where anything is missing, of another kind or out of range, InputError where the
        recording is missing or another one."""
        recording = data.get("audio") if isinstance(data, Mapping) else None
        if recording is not None and is_reference(recording):
            data = {**data, "audio": read_source(recording, folder)}
        try:
            return cls._from_dict(dict(data))
        except KeyError as error:
            raise BriefError(f"this is not a request that Cantilena wrote: no {error}") from error
        except (TypeError, ValueError, AttributeError, OverflowError, InputError) as error:
            raise BriefError(f"this is not a request that Cantilena wrote: {error}") from error

    @classmethod
    def _from_dict(cls, data: dict[str, Any]) -> Request:
        _check_finite(data)
        sampling, edit, score = data.get("sampling"), data.get("edit"), data.get("score")
        audio, before = data.get("audio"), data.get("continues")
        if edit is not None:
            edit = Edit.from_dict(edit)
        elif before is not None:
            edit = Edit.going_on(_score(before))
        return cls(
            brief=check_brief(Brief.from_dict(data["brief"])),
            seed=data["seed"],
            sampling=None if sampling is None else Sampling.from_dict(sampling),
            edit=edit,
            system=data.get("system") or "",
            options=_mapping(data, "options"),
            score=None if score is None else _score(score),
            audio=audio if audio is None or isinstance(audio, Audio) else Audio.from_dict(audio),
            attributes=_mapping(data, "attributes"),
        )


_KINDS: dict[str, type] = {
    "brief": Brief,
    "sampling": Sampling,
    "edit": Edit,
    "system": str,
    "options": Mapping,
    "score": Score,
    "audio": Audio,
    "attributes": Mapping,
}
"""What the parts of a Request are, besides its seed."""


def _number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False


def _plain(value: Any) -> Any:
    """A number of Python's own for one of numpy's."""
    if value is None or isinstance(value, (int, float)):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def _whole(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InputError(f"{what} must be a whole number, not {value!r}")
    return int(value)


def _take_as(edit: Edit, name: str, kind: type, what: str) -> None:
    """Makes a part of an Edit the collection it should be. Raises InputError where it is none."""
    value = getattr(edit, name)
    if isinstance(value, (str, bytes)) or not isinstance(value, Collection):
        raise InputError(f"the {name} of an edit are several {what}, not {value!r}")
    object.__setattr__(edit, name, kind(value))


def _mapping(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name) or {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise TypeError(f"its {name} must be an object, not {value!r}")
    return value


def _check_finite(value: Any) -> None:
    """Raises ValueError for NaN and infinite numbers, which Python's JSON reader lets through."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a number that can be asked for")
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            _check_finite(part)


def _midi(score: Score) -> str:
    from cantilena.score.midi import write_midi

    return base64.b64encode(write_midi(score)).decode()


def _score(text: Any) -> Score:
    from cantilena.score.midi import read_midi

    if not isinstance(text, str):
        raise TypeError("a Score is embedded as base64 text of a MIDI file")
    try:
        return read_midi(base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise ValueError(f"the embedded MIDI file is damaged: {error}") from error
