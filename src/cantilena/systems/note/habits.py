"""``habits.json`` of a note checkpoint: what is usual in the training songs, checked.

Knows what planning reads of it; does not know how it is counted (``train.note.habits``) or used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeGuard

from cantilena.errors import CheckpointError, InputError
from cantilena.files import read_json
from cantilena.score.harmony import QUALITIES
from cantilena.systems.note.checkpoint import HABITS
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY
from cantilena.systems.note.recurrence import ALPHABET, DIGITS, NEW, letter

_CHORDS = 12 * len(QUALITIES)  # of the reduced alphabet, by number from 1
_PROGRESSION_LENGTHS = {2: (4, 8), 4: (16,)}
"""Chords of a progression, by the length of its row: eight bars with two chords a bar and genres;
before, four bars with one or two."""
_MOST = 1e12  # far above any count; sums of such numbers are finite


def read_habits(folder: Path) -> dict[str, Any]:
    """habits.json of a checkpoint, checked. Raises CheckpointError."""
    path = folder / HABITS
    if not path.is_file():
        raise CheckpointError(f"{folder} is no checkpoint: {path} is missing")
    try:
        habits = read_json(path)
    except InputError as error:
        raise _wrong(folder, f"{HABITS} is damaged: {error}") from error
    return check_habits(folder, habits)


def check_habits(folder: Path, habits: Any) -> dict[str, Any]:
    """``habits``, what is usual in music, as plain data. Raises CheckpointError where a part is
    missing or holds something else than the planner reads."""
    if not isinstance(habits, dict):
        raise _wrong(folder, f"{HABITS} is not an object")
    checks = {
        "ensembles": _is_ensembles,
        "progressions": _is_progressions,
        "textures": _is_textures,
        "registers": lambda part: _is_table(part, 2),
        "tempos": lambda part: _is_table(part, 3),
    }
    optional = {"arrangements": _is_arrangements, "rhythms": lambda part: _is_table(part, 3)}
    for name, fits in optional.items():  # which checkpoints of before have not
        if name in habits and not fits(habits[name]):
            raise _wrong(folder, f"{name!r} in {HABITS} is not what this version writes")
    for name, fits in checks.items():
        if name not in habits:
            raise _wrong(folder, f"{HABITS} has no {name!r}")
        if not fits(habits[name]):
            raise _wrong(folder, f"{name!r} in {HABITS} is not what this version writes")
    return habits


def _is_ensembles(part: Any) -> bool:
    return isinstance(part, list) and all(
        isinstance(e, dict)
        and isinstance(e.get("genres"), list)
        and isinstance(e.get("instruments"), list)
        and all(isinstance(g, str) for g in e["genres"])
        and all(_is_whole(i) and 0 <= i <= 128 for i in e["instruments"])
        for e in part
    )


def _is_arrangements(part: Any) -> bool:
    """Whether these are arrangements."""
    return isinstance(part, list) and all(
        isinstance(song, dict)
        and isinstance(song.get("genres"), list)
        and isinstance(song.get("parts"), list)
        and bool(song["parts"])
        and all(_is_arranged(row) for row in song["parts"])
        for song in part
    )


def _is_arranged(row: Any) -> bool:
    """Whether this is (role, instrument, a letter for each bar, the notes of each new one), the
    last of which checkpoints of before have not."""
    return (
        isinstance(row, list)
        and len(row) in (3, 4)
        and row[0] in (MELODY, HARMONY, BASS, DRUM)
        and _is_whole(row[1])
        and 0 <= row[1] <= 128
        and isinstance(row[2], str)
        and bool(row[2])
        and set(row[2]) <= ALPHABET
        and (len(row) == 3 or _are_counts(row[3], row[2]))
    )


def _are_counts(counts: Any, letters: str) -> bool:
    """Whether these are the notes of the new bars among ``letters``."""
    right = isinstance(counts, str) and set(counts) <= set(DIGITS)
    return right and len(counts) == letters.count(letter(NEW))


def _is_progressions(part: Any) -> bool:
    return isinstance(part, dict) and all(
        isinstance(part.get(mode), list)
        and all(
            isinstance(row, list)
            and len(row) in _PROGRESSION_LENGTHS
            and isinstance(row[0], list)
            and len(row[0]) in _PROGRESSION_LENGTHS[len(row)]
            and all(_is_whole(chord) and 1 <= chord <= _CHORDS for chord in row[0])
            and _is_number(row[1])
            and row[1] > 0
            and (len(row) == 2 or (_is_names(row[2]) and isinstance(row[3], bool)))
            for row in part[mode]
        )
        for mode in ("major", "minor")
    )


def _is_names(part: Any) -> bool:
    return isinstance(part, list) and all(isinstance(name, str) for name in part)


def _is_textures(part: Any) -> bool:
    return isinstance(part, dict) and all(
        isinstance(pair, list) and len(pair) == 2 and all(_is_numbers(row, 3) for row in pair)
        for pair in part.values()
    )


def _is_table(part: Any, size: int) -> bool:
    return isinstance(part, dict) and all(_is_numbers(row, size) for row in part.values())


def _is_numbers(row: Any, size: int) -> bool:
    return isinstance(row, list) and len(row) == size and all(_is_number(x) for x in row)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _wrong(folder: Path, what: str) -> CheckpointError:
    return CheckpointError(f"the checkpoint in {folder} cannot be used: {what}")
