"""The functions of the public face: ``compose`` and ``load``, as Python and the command line use
them.

Knows how options become a Brief and a Request; does not know files or how music is composed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import lru_cache
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.errors import BriefError, InputError

if TYPE_CHECKING:
    from cantilena.decode.sampling import Sampling
    from cantilena.result import Result
    from cantilena.score.score import Score
    from cantilena.systems.note.composer import Composer
    from cantilena.text.wishes import Brief

MAX_TEXT = 4000
MAX_N = 1000
MAX_SEED = 2**63 - 1

WISHES = (
    *("genres", "moods", "key", "metre", "tempo", "instruments", "exclude", "chords"),
    *("bars", "seconds", "timing"),
)
"""Options that override the text, in the order they are applied: chords that are given as degrees
need the key, and their lengths the metre."""

LISTS = ("genres", "moods", "instruments", "exclude", "chords")
"""Those of ``WISHES`` that are lists, or text with commas."""

SAMPLING = ("temperature", "top_p", "top_k", "guidance", "best_of", "repetition")

WHOLE = ("top_k", "best_of")
"""Those of ``SAMPLING`` that are whole numbers."""

Progress = Callable[[float], None]
"""Called with the share that is done, 0-1."""


def compose(
    text: str | Brief = "",
    *,
    seed: int = 0,
    n: int = 1,
    bars: int | None = None,
    seconds: float | str | None = None,
    tempo: float | str | None = None,
    key: str | None = None,
    metre: str | None = None,
    instruments: str | list[str] | None = None,
    exclude: str | list[str] | None = None,
    chords: str | list[str] | None = None,
    genres: str | list[str] | None = None,
    moods: str | list[str] | None = None,
    timing: str | None = None,
    continues: Score | str | Path | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    top_k: int | None = None,
    guidance: float | None = None,
    best_of: int | None = None,
    repetition: float | None = None,
    checkpoint: str | Path | Composer | None = None,
    progress: Progress | None = None,
) -> Any:
    """Composes what a text asks for: a Result, or a list of ``n`` of them where ``n`` > 1.

    ``text``: plain words, or a Brief. Explicit options (``bars`` to ``timing``) stand above the
    text: ``tempo`` in quarter notes per minute or a word ("andante"), ``key`` as "D minor",
    ``metre`` as "3/4", ``instruments`` as "violin, cello" (the whole list), ``exclude`` those that
    must not sound, ``chords`` as "Dm7 G7 Cmaj7" or "ii V I", ``timing`` "quantized" (as it is
    where nothing is said) or "played". ``continues``: a Score or a MIDI
    file to go on from. ``seed``: the same seed gives the same piece; the ``n`` pieces have
    consecutive ones. ``temperature`` to ``repetition``: see ``decode.sampling.Sampling``.
    ``checkpoint``: a folder or what ``load`` returned; the one that is shipped by default.

    Raises BriefError for a wish that cannot be understood, InputError for other input that
    cannot be used, CheckpointError where the checkpoint cannot be loaded.
    """
    given = locals()
    brief = make_brief(text, bool(continues), **{name: given[name] for name in WISHES})
    sampling = make_sampling(**{name: given[name] for name in SAMPLING})
    seeds = check_seeds(seed, n)
    before = read_continued(continues)
    from cantilena.systems.note.composer import Request

    requests = [Request(brief, s, sampling, before) for s in seeds]
    found: list[Result] = as_composer(checkpoint).compose(requests, progress=progress)
    return found[0] if n == 1 else found


def load(checkpoint: str | Path | None = None) -> Composer:
    """The composer of a checkpoint's folder, or of the one that is shipped. Loaded once: the next
    call gives the same object. Raises InputError for a folder that is not there, CheckpointError
    for one that cannot be used."""
    if checkpoint is None:
        return _loaded(None)
    path = Path(checkpoint)
    if not path.exists():
        raise InputError(f"there is no checkpoint {str(path)!r}; give the folder of one")
    return _loaded(path.resolve())


@lru_cache(maxsize=2)
def _loaded(path: Path | None) -> Composer:
    from cantilena.systems.note.composer import Composer

    return Composer.load(path)


def as_composer(checkpoint: str | Path | Composer | None) -> Composer:
    """A checkpoint's composer; what is one already stays."""
    if checkpoint is None or isinstance(checkpoint, (str, Path)):
        return load(checkpoint)
    if not hasattr(checkpoint, "compose"):
        raise InputError(
            f"a checkpoint is a folder or what load() returned, not {type(checkpoint).__name__}"
        )
    return checkpoint


def make_brief(text: str | Brief, continued: bool = False, **options: Any) -> Brief:
    """The Brief of a text with explicit ``options`` (``WISHES``; None: not given) above it.
    Raises BriefError, also where neither says anything and nothing is ``continued``."""
    from cantilena.text.brief import merge, parse_brief
    from cantilena.text.wishes import Brief

    given = {name: options[name] for name in WISHES if options.get(name) is not None}
    _check_kinds(given)
    with contextlib.suppress(TypeError, ValueError):
        given["tempo"] = float(given.get("tempo", ""))  # a number out of range is then told so
    if "bars" in given and "seconds" in given:
        raise BriefError("bars and seconds are both given; give one of them")
    if isinstance(text, Brief):
        return merge(text, **given)
    if not isinstance(text, str):
        raise BriefError(f"the text must be words, not {type(text).__name__}")
    if len(text) > MAX_TEXT:
        raise BriefError(f"the text has {len(text):,} characters; write at most {MAX_TEXT:,}")
    text = text.encode("utf-8", "replace").decode().strip()
    if not text and not given and not continued:
        raise BriefError(
            "the text is empty; say what to compose, as in 'a slow waltz for piano in D minor'"
        )
    return merge(parse_brief(text), **given)


def _check_kinds(given: dict[str, Any]) -> None:
    """Raises BriefError for a wish of a kind that no reading of it could take."""
    for name, value in given.items():
        if name in LISTS:
            many = [value] if isinstance(value, str) else value
            if not isinstance(many, (list, tuple)) or not all(isinstance(v, str) for v in many):
                raise BriefError(f"{name} must be text or a list of texts, not {value!r}")
        elif isinstance(value, bool) or not isinstance(value, (str, Real)):
            raise BriefError(f"{name} must be text or a number, not {value!r}")
        elif name == "bars" and isinstance(value, Real) and value != value // 1:
            raise BriefError(f"bars must be a whole number, not {value!r}")


def make_sampling(**options: Any) -> Sampling:
    """The sampling of explicit ``options`` (``SAMPLING``; None: the default)."""
    from cantilena.decode.sampling import Sampling

    for name, value in options.items():
        kind, what = (Integral, "a whole number") if name in WHOLE else (Real, "a number")
        if value is not None and (isinstance(value, bool) or not isinstance(value, kind)):
            raise InputError(f"{name} must be {what}, not {value!r}")
    return Sampling(**{name: value for name, value in options.items() if value is not None})


def check_seeds(seed: int, n: int) -> range:
    """The ``n`` consecutive seeds from ``seed``. Raises InputError where they cannot be."""
    for name, value in (("seed", seed), ("n", n)):
        if not isinstance(value, Integral):
            raise InputError(f"{name} must be a whole number, not {value!r}")
    seed, n = int(seed), int(n)
    if not 1 <= n <= MAX_N:
        raise InputError(f"the number of pieces must be 1 to {MAX_N}, not {n}")
    if not 0 <= seed <= MAX_SEED - n:
        raise InputError(f"the seed must be a whole number from 0 to 2^63 - 1, not {seed}")
    return range(seed, seed + n)


def read_continued(source: Score | str | Path | None) -> Score | None:
    """The Score to go on from. Raises InputError where it has no notes."""
    if source is None:
        return None
    from cantilena.score.midi import read_midi
    from cantilena.score.score import Score

    score = read_midi(source) if isinstance(source, (str, Path)) else source
    if not isinstance(score, Score):
        raise InputError(f"a Score or the path of a MIDI file is continued, not {source!r}")
    if not len(score):
        raise InputError("the piece to be continued has no notes")
    return score
