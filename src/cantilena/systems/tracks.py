"""Which tracks and bars of a piece are meant: by name, number, instrument or role; by bar numbers.

Knows Scores and words; does not know systems, or what is done with the tracks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from cantilena.errors import InputError
from cantilena.score import Score, gm
from cantilena.score.score import DRUMS
from cantilena.text.brief import merge
from cantilena.text.wishes import Brief

LEAD, HARMONY, BASS, DRUM = "lead", "harmony", "bass", "drums"
ROLE_WORDS = {
    LEAD: ("lead", "melody", "tune", "solo"),
    BASS: ("bass", "bassline"),
    DRUM: ("drums", "drum", "percussion", "kit"),
    HARMONY: ("harmony", "accompaniment", "chords", "comping", "backing"),
}
"""What a track may be called by what it does."""
_LEAD_NAME = re.compile(r"\b(lead|melod\w*|vocals?|voice|solo|sing\w*|tune)\b", re.IGNORECASE)
_BASS_NAME = re.compile(r"\bbass\b", re.IGNORECASE)
_NO_BASS = re.compile(r"\b(drum|clarinet|bassoon)\b", re.IGNORECASE)
BASS_PROGRAMS = frozenset({*range(32, 40), 43, 58})  # basses, double bass, tuba
LOW = 52  # MIDI pitch: the mean of a lowest part that is a bass, whatever plays it
_RANGE = re.compile(r"(\d+)(?:\s*(?:-|–|to)\s*(\d+))?")


def track_roles(score: Score) -> dict[int, str]:
    """The role of each track with notes: one lead where anything pitched plays; basses by their
    instrument or name, else the lowest of three or more parts where it is low; drums; else
    harmony."""
    tracks = sorted(set(score.track.tolist()))
    roles = {t: DRUM if score.tracks[t].is_drum else HARMONY for t in tracks}
    pitched = [t for t in tracks if roles[t] == HARMONY]
    height = {t: float(score.pitch[score.track == t].mean()) for t in pitched}
    basses = [t for t in pitched if _is_bass(score, t)] if len(pitched) > 1 else []
    if not basses and len(pitched) > 2 and min(height.values()) < LOW:
        basses = [min(pitched, key=lambda t: height[t])]
    others = [t for t in pitched if t not in basses] or pitched
    for track in basses:
        roles[track] = BASS
    if others:
        roles[max(others, key=lambda t: (_leading(score, t, height[t]), -t))] = LEAD
    return roles


def _is_bass(score: Score, track: int) -> bool:
    name, program = score.tracks[track].name, score.tracks[track].program
    named = bool(_BASS_NAME.search(name)) and not _NO_BASS.search(name)
    return program in BASS_PROGRAMS or named


def _leading(score: Score, track: int, height: float) -> float:
    """How likely a track has the tune: by its name; one note at a time, high, and busy."""
    own = score.track == track
    onsets = np.unique(score.onset[own])
    single = len(onsets) / max(int(own.sum()), 1)
    bars = np.unique(np.searchsorted(score.bar_starts, onsets, side="right"))
    named = bool(_LEAD_NAME.search(score.tracks[track].name))
    return 3.0 * named + 2.0 * single + height / 24 + len(bars) / score.n_bars


def select_tracks(score: Score, names: str | Iterable[str | int]) -> frozenset[int]:
    """The tracks (from 0) that are named: each by its name, its number from 1, an instrument, or a
    role ("lead", "bass", "drums", "harmony"); several separated by commas. Raises InputError for
    one that is not there, naming those that are."""
    entries = re.split(r"[,;]", names) if isinstance(names, str) else list(names)
    chosen: set[int] = set()
    for entry in entries:
        if isinstance(entry, bool) or not isinstance(entry, (str, int)):
            raise InputError(f"a track is named by text or by its number from 1, not {entry!r}")
        text = str(entry).strip()
        if not text:
            continue
        tracks = _named(score, text)
        if not tracks:
            raise InputError(f"there is no track {text!r}; the piece has {listed(score)}")
        chosen |= tracks
    if not chosen:
        raise InputError(f"no track is named; the piece has {listed(score)}")
    return frozenset(chosen)


def _named(score: Score, text: str) -> set[int]:
    """The tracks that ``text`` names, in the first of the ways in which it names any."""
    fold = text.casefold()
    if fold.isdigit():
        return {int(fold) - 1} if 0 < int(fold) <= len(score.tracks) else set()
    names = [track.name.strip().casefold() for track in score.tracks]
    same = {i for i, name in enumerate(names) if name == fold}
    if same:
        return same
    plain = fold.removeprefix("the ").removesuffix(" part")
    role = next((role for role, words in ROLE_WORDS.items() if plain in words), None)
    playing = {i for i, own in track_roles(score).items() if own == role}
    if playing:
        return playing
    programs = _programs(text)
    playing = {i for i, track in enumerate(score.tracks) if track.instrument in programs}
    return playing or {i for i, name in enumerate(names) if fold in name}


def _programs(text: str) -> set[int]:
    try:
        instruments = merge(Brief(), instruments=text).instruments
    except InputError:
        return set()
    return {program for instrument in instruments for program in instrument.programs}


def listed(score: Score) -> str:
    """The tracks of a piece in words: "1 Lead (flute), 2 drums"."""
    out = []
    for i, track in enumerate(score.tracks):
        instrument = "drums" if track.instrument == DRUMS else gm.name(track.program)
        name = track.name.strip()
        same = name.casefold() in ("", instrument)
        out.append(f"{i + 1} {name or instrument}" if same else f"{i + 1} {name} ({instrument})")
    return ", ".join(out)


def bar_ranges(text: str | int, bars: int) -> tuple[tuple[int, int], ...]:
    """(first, last + 1), from 0, of bars that are named from 1, both ends included: "9-16", "5",
    "1-4,9-12". Ranges that touch are made one. Raises InputError where they are none, or beyond
    ``bars``."""
    spans: list[tuple[int, int]] = []
    for entry in str(text).split(","):
        match = _RANGE.fullmatch(entry.strip())
        if not match:
            raise InputError(f"{text!r} names no bars; write them as in 9-16 or 1-4,9-12")
        first = int(match.group(1))
        last = int(match.group(2) or first)
        if first < 1 or last < first:
            raise InputError(f"bars count from 1, the first before the last, not {entry.strip()!r}")
        if last > bars:
            what = "1 bar" if bars == 1 else f"{bars} bars"
            raise InputError(f"the piece has {what}; there is no bar {last}")
        spans.append((first - 1, last))
    merged: list[tuple[int, int]] = []
    for first, stop in sorted(spans):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((first, stop))
    return tuple(merged)
