"""The MIDI files of an evaluation: which file answers which prompt, and what is in it.

Knows file names and MIDI; does not know prompts, what composed a file or how it is measured.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from cantilena.errors import InputError
from cantilena.score.midi import read_midi
from cantilena.score.score import Score

MIDI_SUFFIXES = (".mid", ".midi")


def existing_folder(folder: str | Path) -> Path:
    """The folder. Raises InputError where there is none."""
    if not Path(folder).is_dir():
        raise InputError(f"there is no folder {str(folder)!r}; give the one with the MIDI files")
    return Path(folder)


def midi_files(folder: str | Path) -> list[Path]:
    """All MIDI files in a folder and the folders in it, by name. Raises InputError where there is
    no folder."""
    paths = existing_folder(folder).rglob("*")
    return sorted(p for p in paths if p.suffix.lower() in MIDI_SUFFIXES)


def find_answers(folder: str | Path, ids: Sequence[str], kind: str) -> list[Path | None]:
    """For each id the file in ``folder`` that answers it, None where there is none.

    The answer to ``a`` is ``a.mid``, else ``a.midi``, else the ``a-N.mid`` with the smallest
    number N, as programs that make several pieces of a prompt name them; a name that is itself
    one of ``ids`` (``a-2`` among them) answers that id only. ``kind`` says in messages what the
    ids are of ("prompt"). Raises InputError for a folder that is not there or that answers none.
    """
    files: dict[str, Path] = {}
    for path in sorted(existing_folder(folder).iterdir()):  # "a.mid" comes before "a.midi"
        if path.suffix.lower() in MIDI_SUFFIXES and path.is_file():
            files.setdefault(path.stem, path)
    numbered: dict[str, list[tuple[int, Path]]] = {}
    for stem in files.keys() - set(ids):
        match = re.fullmatch(r"(.+)-(\d+)", stem)
        if match:
            numbered.setdefault(match[1], []).append((int(match[2]), files[stem]))
    answers = [files.get(i) or (min(numbered[i])[1] if i in numbered else None) for i in ids]
    if not any(answers):
        raise InputError(
            f"{str(folder)!r} holds no file named as a {kind} is, such as {ids[0]}.mid"
        )
    return answers


def read_piece(path: Path | None) -> Score | None:
    """The Score of a MIDI file; None where there is no file or it cannot be read."""
    if path is None:
        return None
    try:
        return read_midi(path)
    except InputError:
        return None


def same_music(one: Score, other: Score) -> bool:
    """Whether two Scores hold the same notes (time in quarters, instrument, pitch, velocity), the
    same tempos and the same metres."""
    return _music(one) == _music(other)


def _music(score: Score) -> list[tuple]:
    def quarters(ticks) -> list[float]:
        # a millionth of a quarter is finer than a tick of any file
        return (ticks / score.tpq).round(6).tolist()

    notes = zip(
        quarters(score.onset),
        quarters(score.duration),
        score.instrument.tolist(),
        score.pitch.tolist(),
        score.velocity.tolist(),
        strict=True,
    )
    tempos = zip(quarters(score.tempo_tick), score.tempo_us.tolist(), strict=True)
    metres = zip(
        quarters(score.metre_tick),
        score.metre_num.tolist(),
        score.metre_den.tolist(),
        strict=True,
    )
    return [*sorted(notes), *tempos, *metres]
