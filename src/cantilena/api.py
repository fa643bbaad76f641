"""The functions of the public face: ``compose``, ``rewrite``, ``load`` and their kin, as Python and
the command line use them.

Knows how options become a Brief and a Request; does not know files or how music is composed.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from inspect import signature
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from cantilena.errors import BriefError, InputError, Notice, UnknownNameError

if TYPE_CHECKING:
    from cantilena.decode.sampling import Sampling
    from cantilena.result import Result
    from cantilena.score.score import Score
    from cantilena.systems.base import System
    from cantilena.systems.request import Edit, Request
    from cantilena.text.wishes import Brief

MAX_TEXT = 4000
MAX_N = 1000

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

Progress = Callable[[float], None]
"""Called with the share that is done, 0-1."""


@overload
def compose(text: str | Brief = "", *, n: Literal[1] = 1, **options: Any) -> Result: ...


@overload
def compose(text: str | Brief = "", *, n: int, **options: Any) -> Result | list[Result]: ...


def compose(text: str | Brief = "", *, n: int = 1, **options: Any) -> Result | list[Result]:
    """Composes what a text asks for: a Result.

    ``options`` are those of ``compose_many``. With ``n`` > 1 it gives a list, as ``compose_many``
    always does, which is the better name for that.
    """
    results = compose_many(text, n=n, **options)
    return results[0] if n == 1 else results


def compose_many(
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
    form: str | list[str] | None = None,
    continues: Score | str | Path | None = None,
    edit: Edit | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    top_k: int | None = None,
    guidance: float | None = None,
    best_of: int | None = None,
    repetition: float | None = None,
    system: str | None = None,
    checkpoint: str | Path | System | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """``n`` pieces of what a text asks for, with consecutive seeds from ``seed``.

    ``text``: plain words, or a Brief. Explicit options (``bars`` to ``form``) stand above the
    text: ``tempo`` in quarter notes per minute or a word ("andante"), ``key`` as "D minor",
    ``metre`` as "3/4", ``instruments`` as "violin, cello" (the whole list), ``exclude`` those that
    must not sound, ``chords`` as "Dm7 G7 Cmaj7" or "ii V I", ``timing`` "quantized" (as it is
    where nothing is said) or "played", ``form`` as "intro 4, verse 8, chorus 8 (flute, drums)",
    "A8 B8 A8", "AABA" or "rondo". ``continues``: a Score or a MIDI file to go on from;
    ``edit``: another change to a piece. The same seed gives the same piece. ``temperature`` to
    ``repetition``: see ``decode.sampling.Sampling``; what is not given is as the system has it.
    ``system`` and ``checkpoint``: as for ``load``; the checkpoint may also be what ``load``
    returned. ``options``: the system's own, see its ``options``.

    Raises BriefError for a wish that cannot be understood, InputError for other input that
    cannot be used, CheckpointError where the checkpoint cannot be loaded.
    """
    if continues is not None and edit is not None:
        raise InputError("a piece is continued or edited; give one of the two")
    if options is not None and not isinstance(options, Mapping):
        raise InputError(f"options are a mapping of names to values, not {options!r}")
    wishes = {
        "genres": genres,
        "moods": moods,
        "key": key,
        "metre": metre,
        "tempo": tempo,
        "instruments": instruments,
        "exclude": exclude,
        "chords": chords,
        "bars": bars,
        "seconds": seconds,
        "timing": timing,
        "form": form,
    }
    sampling = {
        "temperature": temperature,
        "top_p": top_p,
        "top_k": top_k,
        "guidance": guidance,
        "best_of": best_of,
        "repetition": repetition,
    }
    edited = continues is not None or edit is not None
    brief = make_brief(text, edited, **wishes)
    seeds = check_seeds(seed, n)
    before = read_continued(continues)
    from cantilena.systems.request import Edit, Request

    check_sampling(sampling)
    edit = edit if before is None else Edit.going_on(before)
    composer = as_system(checkpoint, system)
    how = make_sampling(composer.sampling, **sampling)
    requests = [Request(brief, s, how, edit, composer.system, dict(options or {})) for s in seeds]
    return composer.compose(requests, progress=progress)


def rewrite(
    source: Score | str | Path,
    text: str | Brief = "",
    *,
    bars: str | int | None = None,
    tracks: str | Iterable[str | int] | None = None,
    add: str | None = None,
    replace: str | None = None,
    chords: str | list[str] | None = None,
    variation: bool = False,
    candidates: int | None = None,
    seed: int = 0,
    temperature: float | None = None,
    top_p: float | None = None,
    guidance: float | None = None,
    checkpoint: str | Path | System | None = None,
    progress: Progress | None = None,
) -> Result:
    """A piece with some of its bars or tracks written anew; all else is kept, event by event.

    ``source``: a Score or a MIDI file, made here or not. ``text``: what the new music is to be,
    in itself ("in the style of Bach") or against what stands there ("higher, more syncopated,
    softer"). ``bars`` to ``candidates``: see ``systems.rewrites.rewrite_request``; ``chords``: new
    harmony, as "Am F C G"; of ``candidates`` (4) the one is taken that fits best to what follows.
    The same source, request, seed and checkpoint give the same bytes.

    Raises InputError where bars, tracks or instruments cannot be or there is nothing to be
    rewritten, and what ``compose_many`` raises.
    """
    from cantilena.systems.rewrites import rewrite_request

    brief = make_brief(text, True, chords=chords)
    (seed,) = check_seeds(seed, 1)
    score = read_continued(source)
    assert score is not None
    composer = as_system(checkpoint, None if hasattr(checkpoint, "compose") else "note")
    how = make_sampling(
        composer.sampling, temperature=temperature, top_p=top_p, guidance=guidance, best_of=1
    )
    request = rewrite_request(
        score,
        brief,
        bars=bars,
        tracks=tracks,
        add=add,
        replace=replace,
        variation=variation,
        candidates=candidates,
        seed=seed,
        sampling=how,
    )
    return composer.compose([request], progress=progress)[0]


def chords(source: Score | str | Path, audio: bool = False) -> list[tuple[float, float, str]]:
    """The chords of a piece: (start, end, label), in seconds, in order and without gaps from 0 to
    its end; labels as Harte (2010) writes them ("Bb:min7"), "N" where nothing pitched sounds.

    ``source``: a Score or a MIDI file, or with ``audio`` a sound file (WAV; others with the extra
    "audio"), of which major, minor and diminished chords are told, as often rightly as
    ``analysis.audio.accuracy`` says. Neighbours differ, and inversions are not told. Raises
    InputError where the file cannot be read, holds no pitched note or less than a second of sound.
    """
    if audio:
        return _heard_chords(source)
    from cantilena.analysis.grid import pitched
    from cantilena.analysis.recognition import recognise

    score = _read_piece(source)
    if not len(score):
        raise InputError("the piece has no notes, so it has no chords")
    if not pitched(score).any():
        raise InputError("the piece has only drums, so it has no chords; give pitched notes")
    return [
        (round(float(score.seconds(start)), 6), round(float(score.seconds(stop)), 6), label)
        for start, stop, label in recognise(score)
    ]


def _heard_chords(source: Score | str | Path) -> list[tuple[float, float, str]]:
    from cantilena.analysis.audio import SHORTEST, listen
    from cantilena.analysis.audio.labels import chord_labels
    from cantilena.audio.recording import open_recording

    if not isinstance(source, (str, Path)):
        raise InputError("chords are heard in a sound file; give its path")
    with open_recording(source) as recording:
        samples, rate = recording.read(0, recording.length), recording.rate
    if len(samples) < SHORTEST * rate:
        raise InputError(
            f"{str(source)!r} is too short for its chords to be heard: it has "
            f"{len(samples) / rate:.2g} seconds, and needs {SHORTEST:g}"
        )
    return chord_labels(listen(samples, rate))


def harmonise(
    source: Score | str | Path,
    text: str | Brief = "",
    *,
    key: str | None = None,
    chords: str | list[str] | None = None,
    instruments: str | list[str] | None = None,
    candidates: int | None = None,
    seed: int = 0,
    temperature: float | None = None,
    top_p: float | None = None,
    guidance: float | None = None,
    system: str | None = None,
    checkpoint: str | Path | System | None = None,
    progress: Progress | None = None,
) -> Result:
    """A melody with chords and a bass; what it is given is kept, event by event.

    ``source``: a Score or a MIDI file. ``text``: style and instruments ("bossa nova", "for
    organ"); ``key`` and ``chords`` ("Am F C G") where they are not to be chosen from the notes.
    ``candidates``: so many are written and the likeliest taken (1). ``system``: "note", or
    "aligned" with a ``checkpoint`` of adapters; None: as the checkpoint says. The same source,
    request, seed and checkpoint give the same bytes. Raises InputError where the piece has fewer
    than four pitched notes, and what ``compose_many`` raises.
    """
    from cantilena.systems.accompaniments import harmonise_request

    brief = make_brief(text, True, key=key, chords=chords, instruments=instruments)
    options = {"candidates": candidates, "seed": seed}
    sampling = {"temperature": temperature, "top_p": top_p, "guidance": guidance}
    composer = _composer(checkpoint, system)
    return _added(harmonise_request, source, brief, options, sampling, composer, progress)


def accompany(
    source: Score | str | Path,
    text: str | Brief = "",
    *,
    parts: str | None = None,
    key: str | None = None,
    chords: str | list[str] | None = None,
    candidates: int | None = None,
    seed: int = 0,
    temperature: float | None = None,
    top_p: float | None = None,
    guidance: float | None = None,
    system: str | None = None,
    checkpoint: str | Path | System | None = None,
    progress: Progress | None = None,
) -> Result:
    """A piece with further ``parts`` ("bass, drums"); what it is given is kept, event by event.

    Without ``parts`` those of chords, bass and drums are added that the piece lacks. All else as
    ``harmonise``. Raises InputError also where ``parts`` names no instrument.
    """
    from cantilena.systems.accompaniments import accompany_request

    brief = make_brief(text, True, key=key, chords=chords)
    options = {"candidates": candidates, "seed": seed, "parts": parts}
    sampling = {"temperature": temperature, "top_p": top_p, "guidance": guidance}
    composer = _composer(checkpoint, system)
    return _added(accompany_request, source, brief, options, sampling, composer, progress)


def melody(
    source: Score | str | Path,
    text: str | Brief = "",
    *,
    key: str | None = None,
    chords: str | list[str] | None = None,
    instruments: str | list[str] | None = None,
    candidates: int | None = None,
    seed: int = 0,
    temperature: float | None = None,
    top_p: float | None = None,
    guidance: float | None = None,
    system: str | None = None,
    checkpoint: str | Path | System | None = None,
    progress: Progress | None = None,
) -> Result:
    """A piece with a tune over it; what it is given is kept, event by event.

    The tune is for the instruments that ``text`` or ``instruments`` names, else for one that does
    not play yet. All else as ``harmonise``. Raises InputError also where only drums are named.
    """
    from cantilena.systems.accompaniments import melody_request

    brief = make_brief(text, True, key=key, chords=chords, instruments=instruments)
    options = {"candidates": candidates, "seed": seed}
    sampling = {"temperature": temperature, "top_p": top_p, "guidance": guidance}
    composer = _composer(checkpoint, system)
    return _added(melody_request, source, brief, options, sampling, composer, progress)


def _added(
    request_of: Callable[..., Request],
    source: Score | str | Path,
    brief: Brief,
    options: dict[str, Any],
    sampling: dict[str, Any],
    composer: System,
    progress: Progress | None,
) -> Result:
    """The Result of a Request for parts that are added to a piece."""
    (options["seed"],) = check_seeds(options["seed"], 1)
    check_sampling(sampling)
    score = _read_piece(source)
    how = make_sampling(composer.sampling, best_of=1, **sampling)
    request = request_of(score, brief, sampling=how, **options)
    request = replace(request, system=composer.system)
    return composer.compose([request], progress=progress)[0]


ADDING_SYSTEMS = ("note", "aligned")
"""Systems that add parts to a piece that stays."""


def _composer(checkpoint: str | Path | System | None, system: str | None) -> System:
    """The system that adds parts: as the checkpoint says, "note" where none is named. Raises
    InputError for another."""
    if system is not None and system not in ADDING_SYSTEMS:
        raise UnknownNameError("system that adds parts", system, ADDING_SYSTEMS)
    if isinstance(checkpoint, (str, Path)) and system is None:
        own = system_of(checkpoint)
        system = own if own in ADDING_SYSTEMS else "note"
    if checkpoint is None and system is None:
        system = "note"
    return as_system(checkpoint, None if hasattr(checkpoint, "compose") else system)


def load(checkpoint: str | Path | None = None, system: str | None = None, **options: Any) -> System:
    """The system of a checkpoint: a folder, or what its system takes besides (a hub name); where
    none is named the system's default one, which is the shipped one of ``note``.

    ``system``: a name in ``systems.SYSTEMS``; None: as the checkpoint's folder says, "note" where
    it does not. ``options``: the system's own, as ``device`` and ``dtype`` for those on torch. A
    checkpoint is loaded once: the next call gives the same object, unless its files have changed.
    Raises UnknownNameError for a system, InputError for a folder that is not there, CheckpointError
    for a checkpoint that cannot be used, MissingExtraError where more must be installed.
    """
    from cantilena.systems import spec

    if not isinstance(checkpoint, (str, Path, type(None))):
        raise InputError(f"a checkpoint is named by text, not {checkpoint!r}")
    if not isinstance(system, (str, type(None))):
        raise InputError(f"a system is named by text, not {system!r}")
    name = system or system_of(checkpoint)
    line = spec(name)
    if checkpoint is None and not line.default:
        raise InputError(f"the system {name!r} needs a checkpoint; name its folder")
    key = None if checkpoint is None else str(checkpoint)
    if checkpoint is not None:
        path = Path(checkpoint)
        if path.exists():
            key = str(path.resolve())
        elif name == "note" or path.is_absolute() or str(checkpoint).startswith((".", "~")):
            raise InputError(f"there is no checkpoint {str(path)!r}; give the folder of one")
    _check_load_options(name, options)
    return _loaded(name, key, _state(key), tuple(sorted(options.items())))


def _check_load_options(name: str, options: Mapping[str, Any]) -> None:
    """Raises InputError for options that the system's ``load`` does not take."""
    from cantilena.systems import system_class

    if not options:
        return
    names = [n for n in signature(system_class(name).load).parameters if n != "checkpoint"]
    for option, value in options.items():
        if option not in names:
            choices = f"; it has {', '.join(names)}" if names else ""
            raise InputError(f"the system {name!r} has no {option!r} to be loaded with{choices}")
        if not isinstance(value, Hashable):
            raise InputError(f"the option {option!r} of loading cannot be {value!r}")


def system_of(checkpoint: str | Path | None) -> str:
    """The system that a checkpoint's folder is of, also a run's and one in a published layout;
    "note" where that cannot be told."""
    from cantilena.models.checkpoint import system_in

    return (system_in(checkpoint) if checkpoint is not None else "") or "note"


def _state(key: str | None) -> tuple[tuple[str, int, int], ...]:
    """What tells whether a folder's files have changed: names, sizes and times."""
    if key is None or not Path(key).is_dir():
        return ()
    files = sorted(path for path in Path(key).rglob("*") if path.is_file())
    stats = [(path, path.stat()) for path in files]
    return tuple((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in stats)


@lru_cache(maxsize=4)
def _loaded(name: str, checkpoint: str | None, state: Any, options: tuple[Any, ...]) -> System:
    from cantilena.systems import system_class

    return system_class(name).load(checkpoint, **dict(options))


def as_system(checkpoint: str | Path | System | None, system: str | None = None) -> System:
    """A checkpoint's system; what is one already stays. Raises InputError where it is another than
    the one named."""
    if checkpoint is None or isinstance(checkpoint, (str, Path)):
        return load(checkpoint, system)
    if not hasattr(checkpoint, "compose"):
        raise InputError(
            f"a checkpoint is a folder or what load() returned, not {type(checkpoint).__name__}"
        )
    if system is not None and system != checkpoint.system:
        raise InputError(f"the checkpoint is of the system {checkpoint.system!r}, not {system!r}")
    return checkpoint


def make_brief(text: str | Brief, continued: bool = False, **options: Any) -> Brief:
    """The Brief of a text with explicit ``options`` (``WISHES``; None: not given) above it.
    Raises BriefError, also where neither says anything and nothing is ``continued``."""
    from cantilena.text.brief import merge, parse_brief
    from cantilena.text.wishes import Brief

    wishes = {name: options[name] for name in WISHES if options.get(name) is not None}
    _check_kinds(wishes)
    with contextlib.suppress(TypeError, ValueError):
        wishes["tempo"] = float(wishes.get("tempo", ""))  # out of range, it is then refused as one
    if "bars" in wishes and "seconds" in wishes:
        raise BriefError("bars and seconds are both given; give one of them")
    if isinstance(text, Brief):
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
    return merge(parse_brief(text), **wishes)


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
    score = _read_piece(source)
    if not len(score):
        named = "the Score" if source is score else repr(str(source))
        raise InputError(f"{named} has no notes: there is nothing to go on from or to sound")
    return score


def _read_piece(source: Score | str | Path) -> Score:
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
