"""The functions of the public face: ``compose``, ``rewrite``, ``load`` and their kin, as Python and
the command line use them.

Knows how a Request is put together; does not know files or how music is composed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from cantilena.errors import InputError, UnknownNameError
from cantilena.loading import as_system, system_of
from cantilena.loading import load as load
from cantilena.options import (
    brief_of_story,
    check_sampling,
    check_seeds,
    make_brief,
    make_sampling,
    melody_for,
    read_continued,
    read_piece,
    story_for,
)

if TYPE_CHECKING:
    from cantilena.result import Result
    from cantilena.score.score import Score
    from cantilena.systems.base import System
    from cantilena.systems.request import Edit, Request
    from cantilena.text.wishes import Brief

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
    reader: str | Path | None = None,
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
    story: str | Iterable[Sequence[Any]] | None = None,
    melody: Score | str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """``n`` pieces of what a text asks for, with consecutive seeds from ``seed``.

    ``text``: plain words, or a Brief. Explicit options (``bars`` to ``form``) stand above the
    text: ``tempo`` in quarter notes per minute or a word ("andante"), ``key`` as "D minor",
    ``metre`` as "3/4", ``instruments`` as "violin, cello" (the whole list), ``exclude`` those that
    must not sound, ``chords`` as "Dm7 G7 Cmaj7" or "ii V I", ``timing`` "quantized" (as it is
    where nothing is said) or "played", ``form`` as "intro 4, verse 8, chorus 8 (flute, drums)",
    "A8 B8 A8", "AABA" or "rondo". ``reader``: a checkpoint of "text-to-attributes", which then
    reads the text in the place of the rules. ``continues``: a Score or a MIDI file to go on from;
    ``edit``: another change to a piece. The same seed gives the same piece. ``temperature`` to
    ``repetition``: see ``decode.sampling.Sampling``; what is not given is as the system has it.
    ``system`` and ``checkpoint``: as for ``load``; the checkpoint may also be what ``load``
    returned. ``story``: in place of a text, for systems that tell stories, words by second: as
    "0:calm 15:fast drums", or pairs (0, "calm"), (15, "fast drums"). ``melody``: a tune to follow,
    for systems that do: a Score, a MIDI file or a recording of one voice. ``options``: the system's
    own, see its ``options``.

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
    edited = continues is not None or edit is not None or melody is not None
    written = None if story is None else story_for(_name_of(checkpoint, system), story, text)
    if written is None:
        brief = make_brief(text, edited, reader, **wishes)
    else:
        brief, options = brief_of_story(written, **wishes), {**(options or {}), "story": written}
    seeds = check_seeds(seed, n)
    before = read_continued(continues)
    score = audio = None
    if melody is not None:
        score, audio, follow = melody_for(_name_of(checkpoint, system), melody)
        options = {**follow, **(options or {})}
    from cantilena.systems.request import Edit, Request

    check_sampling(sampling)
    edit = edit if before is None else Edit.going_on(before)
    composer = as_system(checkpoint, system)
    how = make_sampling(composer.sampling, **sampling)
    own = (edit, composer.system, dict(options or {}), score, audio)
    requests = [Request(brief, s, how, *own) for s in seeds]
    return composer.compose(requests, progress=progress)


def _name_of(checkpoint: Any, system: str | None) -> str:
    """The name of the system that a checkpoint, or a loaded one, is of."""
    if hasattr(checkpoint, "system"):
        return checkpoint.system
    return system or system_of(checkpoint)


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
    its end; labels as Harte (2010) writes them ("Bb:min7"), "N" where nothing pitched sounds for
    four beats or longer.

    ``source``: a Score, a MIDI file, or a sound file (WAV; others with the extra "audio"), which is
    recognised by how it begins; ``audio``: it must be one. Of sound, major, minor and diminished
    chords are heard, as often rightly as ``analysis.audio.accuracy`` says. Neighbours differ, and
    inversions are not named. Raises InputError where the file cannot be read, holds no pitched note
    or less than a second of sound.
    """
    from cantilena.audio.recording import is_recording

    if audio or (isinstance(source, (str, Path)) and is_recording(source)):
        return _heard_chords(source)
    from cantilena.analysis.grid import pitched, played_by
    from cantilena.analysis.recognition import recognise

    score = read_piece(source)
    if not len(score):
        raise InputError("the piece has no notes, so it has no chords")
    if not pitched(score).any():
        raise InputError(
            f"the piece has only {played_by(score)}, so it has no chords; give pitched notes"
        )
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
    ``candidates``: so many are written and the best taken (2). ``system``: "note", or
    "aligned", which reads all that stays beforehand; None: as the ``checkpoint`` says. The same
    source, request, seed and checkpoint give the same bytes. Raises InputError where the piece has
    fewer than four pitched notes, and what ``compose_many`` raises.
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
    score = read_piece(source)
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
