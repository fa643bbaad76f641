"""What options of the public face become: a Brief, a Sampling, seeds, a Score to start from.

Knows the names and kinds of options; does not know systems or how music is composed.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.errors import BriefError, InputError, Notice

if TYPE_CHECKING:
    from cantilena.audio.audio import Audio
    from cantilena.decode.sampling import Sampling
    from cantilena.score.score import Score
    from cantilena.text.wishes import Brief

MAX_TEXT = 4000
MAX_N = 1000
MELODY_SYSTEMS: Mapping[str, Mapping[str, str]] = {
    "musicgen": {"condition": "melody"},
    "musiclm": {},
}
"""The systems that follow a given tune, where their model was trained so, and the options that tell
them to."""

WISHES = (
    "genres",
    "moods",
    "key",
    "metre",
    "tempo",
    "instruments",
    "exclude",
    "chords",
    "bars",
    "seconds",
    "timing",
    "form",
)
"""Options that override the text, as ``text.brief.merge`` takes them."""

LISTS = ("genres", "moods", "instruments", "exclude", "chords", "form")
"""Those of ``WISHES`` that are lists, or text with commas."""

SAMPLING = ("temperature", "top_p", "top_k", "guidance", "best_of", "repetition")

WHOLE = ("top_k", "best_of")
"""Those of ``SAMPLING`` that are whole numbers."""


def make_brief(
    text: str | Brief,
    continued: bool = False,
    reader: str | Path | None = None,
    **options: Any,
) -> Brief:
    """The Brief of a text with explicit ``options`` (``WISHES``; None: not given) above it.
    ``reader``: the checkpoint that reads the text, where not the rules do. Raises CheckpointError
    for one that cannot be used, and BriefError, also where neither says anything and nothing is
    ``continued``."""
    from cantilena.text.brief import merge, parse_brief
    from cantilena.text.wishes import Brief

    wishes = checked_wishes(options)
    if isinstance(text, Brief):
        if reader is not None:
            raise BriefError("a Brief is read already; give a text or leave out the reader")
        return merge(text, **wishes)
    if not isinstance(text, str):
        raise BriefError(f"the text must be words, not {type(text).__name__}")
    if len(text) > MAX_TEXT:
        raise BriefError(f"the text has {len(text):,} characters; write at most {MAX_TEXT:,}")
    text = text.encode("utf-8", "replace").decode().strip()
    if not text and not wishes and not continued:
        raise BriefError(
            "the text is empty; say what to compose, as in 'a slow waltz for piano in D minor'"
        )
    read = parse_brief if reader is None or not text else _reader(str(reader)).read
    return merge(read(text), **wishes)


def checked_wishes(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``options`` that are wishes, as ``text.brief.merge`` takes them. Raises BriefError
    for one of a kind that no reading of it could take, and for two that contradict each other."""
    wishes = {name: options[name] for name in WISHES if options.get(name) is not None}
    _check_kinds(wishes)
    with contextlib.suppress(TypeError, ValueError):
        wishes["tempo"] = float(wishes.get("tempo", ""))  # out of range, it is then refused as one
    if "bars" in wishes and "seconds" in wishes:
        raise BriefError("bars and seconds are both given; give one of them")
    return wishes


@lru_cache(maxsize=2)
def _reader(place: str) -> Any:
    """What reads texts, of a checkpoint. Raises CheckpointError, MissingExtraError."""
    from cantilena.models.hub import need

    need("torch", "reading texts by a model")
    from cantilena.systems.attributes.reader import AttributeReader

    return AttributeReader.load(place)


def _check_kinds(wishes: dict[str, Any]) -> None:
    """Raises BriefError for a wish of a kind that no reading of it could take."""
    for name, value in wishes.items():
        if name in LISTS:
            many = [value] if isinstance(value, str) else value
            if not isinstance(many, (list, tuple)) or not all(isinstance(v, str) for v in many):
                raise BriefError(f"{name} must be text or a list of texts, not {value!r}")
        elif isinstance(value, bool) or not isinstance(value, (str, Real)):
            raise BriefError(f"{name} must be text or a number, not {value!r}")
        elif name == "bars" and isinstance(value, Real) and value != value // 1:
            raise BriefError(f"bars must be a whole number, not {value!r}")


def story_for(name: str, story: Any, text: Any = "") -> str | None:
    """A story in its one form of writing, for a system by name; None for none. Raises InputError
    where the system tells none, or there is a text beside it."""
    if story is None:
        return None
    from cantilena.systems.musiclm.story import STORY_SYSTEMS, story_of

    if name not in STORY_SYSTEMS:
        raise InputError(f"the system {name!r} tells no story; {' and '.join(STORY_SYSTEMS)} can")
    if text:
        raise InputError("both a text and a story are given; give one of them")
    if isinstance(story, str) and len(story) > MAX_TEXT:
        raise InputError(f"the story has {len(story):,} characters; write at most {MAX_TEXT:,}")
    return story_of(story)


def melody_for(
    name: str, melody: Score | str | Path
) -> tuple[Score | None, Audio | None, Mapping[str, str]]:
    """The tune that a system by name is to follow: a Score, or that of a MIDI file, or a recording;
    and the options that tell the system to. Raises InputError where it follows none, and for what
    is neither."""
    from cantilena.audio.recording import is_recording

    if name not in MELODY_SYSTEMS:
        able = " and ".join(MELODY_SYSTEMS)
        raise InputError(f"the system {name!r} follows no given tune; {able} can")
    if isinstance(melody, (str, Path)) and is_recording(melody):
        from cantilena.systems.musiclm.accompanying import read_recording

        return None, read_recording(melody), MELODY_SYSTEMS[name]
    return read_continued(melody), None, MELODY_SYSTEMS[name]


def brief_of_story(story: str, **wishes: Any) -> Brief:
    """The Brief of a story, which has its text and else what options say."""
    return replace(make_brief("", True, **wishes), text=story)


def check_sampling(options: Mapping[str, Any]) -> None:
    """Raises InputError for a sampling option of another kind than it should be."""
    for name, value in options.items():
        kind, what = (Integral, "a whole number") if name in WHOLE else (Real, "a number")
        if value is not None and (isinstance(value, bool) or not isinstance(value, kind)):
            raise InputError(f"{name} must be {what}, not {value!r}")


def make_sampling(default: Sampling | None = None, **options: Any) -> Sampling:
    """``default`` (a system's own sampling) with the explicit ``options`` (``SAMPLING``; None: as
    in the default). Raises InputError."""
    from cantilena.decode.sampling import Sampling

    check_sampling(options)
    explicit = {name: value for name, value in options.items() if value is not None}
    for name, value in explicit.items():
        if not isinstance(value, (int, float)):  # numpy's numbers are none of JSON's
            explicit[name] = int(value) if name in WHOLE else float(value)
    return replace(default or Sampling(), **explicit)


def check_seeds(seed: int, n: int) -> range:
    """The ``n`` consecutive seeds from ``seed``. Raises InputError where they cannot be."""
    from cantilena.systems.request import MAX_SEED

    for name, value in (("seed", seed), ("n", n)):
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise InputError(f"{name} must be a whole number, not {value!r}")
    seed, n = int(seed), int(n)
    if not 1 <= n <= MAX_N:
        raise InputError(f"the number of pieces must be 1 to {MAX_N}, not {n}")
    if not 0 <= seed <= MAX_SEED - n:
        raise InputError(f"the seed must be a whole number from 0 to 2^63 - 1, not {seed}")
    return range(seed, seed + n)


def read_continued(source: Score | str | Path | None) -> Score | None:
    """The Score to go on from, or to sound; a Notice says what of its file it could not keep.
    Raises InputError where it has no notes."""
    if source is None:
        return None
    score = read_piece(source)
    if not len(score):
        named = "the Score" if source is score else repr(str(source))
        raise InputError(f"{named} has no notes: there is nothing to go on from or to sound")
    return score


def read_piece(source: Score | str | Path) -> Score:
    """A Score, or that of a MIDI file; a Notice says what of its file it could not keep. Raises
    InputError for anything else."""
    from cantilena.score.midi import read_midi
    from cantilena.score.score import Score

    score = read_midi(source) if isinstance(source, (str, Path)) else source
    if not isinstance(score, Score):
        raise InputError(f"a piece is a Score or the path of a MIDI file, not {source!r}")
    where = "" if source is score else f"{source}: "
    for warning in score.warnings:
        warnings.warn(where + warning, Notice, stacklevel=4)
    return score
