"""From a file to a Piece: read, clean, trim, describe, or refuse with a reason.

Knows what makes a file unfit for training; does not know shards, splits or other songs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from cantilena.analysis.chords import chord_slots
from cantilena.analysis.grid import bar_metres
from cantilena.analysis.key import find_key
from cantilena.analysis.rhythm import main_metre, swings
from cantilena.data.corpora.corpus import Corpus, Rules, Song
from cantilena.data.duplicates import sketch
from cantilena.data.shards import Piece
from cantilena.errors import InputError
from cantilena.score.score import DRUMS, Score
from cantilena.tokens.note import GRID, Header, NoteScheme

Prepared = TypeVar("Prepared")
SOUND_EFFECTS = 120  # programs 120-127: noises, not notes
SILENCE = 64 * GRID  # ticks without an onset after which a piece counts as over

REASONS = {
    "unreadable": "the file is damaged or not MIDI",
    "failed": "the reader failed on it: a fault of ours, worth a report",
    "few notes": "fewer notes than a piece has",
    "many notes": "more notes than a piece has",
    "short": "ends too soon",
    "long": "lasts too long",
    "sparse": "less than a note per bar",
    "metre": "the metre changes too often to mean anything",
    "tempo": "a tempo that cannot be meant",
    "free": "played without regard to the file's beat: its bars mean nothing",
    "stuck": "dozens of notes on one onset: time or keys are stuck",
    "doubled": "nearly every note is played by another part as well",
    "monotone": "nearly every note is the same",
}
"""Why a file is refused, in the order in which it is asked."""


class Refused(Exception):
    """A file is unfit; the argument is a key of ``REASONS``."""


def accepted(
    songs: Iterable[Song], function: Callable[[Song], Prepared], refused: dict[str, list[str]]
) -> Iterator[Prepared]:
    """What ``function`` makes of each song that it does not refuse; ``refused`` gets the others'
    ids by reason, a fault of ours among them ("failed"): one strange file of a hundred thousand
    must not end a build, but it is counted."""
    for song in songs:
        try:
            prepared = function(song)
        except Refused as reason:
            refused.setdefault(str(reason), []).append(song.id)
        except Exception as error:
            refused.setdefault("failed", []).append(f"{song.id}: {type(error).__name__}: {error}")
        else:
            yield prepared


def prepare(song: Song, corpus: Corpus, scheme: NoteScheme) -> tuple[Piece, dict[str, int]]:
    """The Piece of a song, and counts of what was left out of it: "effects" notes of sound
    effects, "merged" notes equal on the grid, "cut" notes beyond a long silence. Raises Refused.
    """
    try:
        score = corpus.read(song)
    except InputError:
        raise Refused("unreadable") from None
    rules = corpus.rules
    if len(score) > 2 * rules.max_notes:
        raise Refused("many notes")
    score = without_tracks(score, song.drop_notes)
    counts = {"read": len(score)}
    table = scheme.table(score)
    counts["merged"] = len(score) - len(table)
    music = (table[:, 1] < SOUND_EFFECTS) | (table[:, 1] == DRUMS)
    counts["effects"] = int((~music).sum())
    table = _remapped(table[music], corpus.drum_map)
    whole = _longest_stretch(table)
    counts["cut"] = len(table) - len(whole)
    check_table(whole, rules)
    table, header = trimmed(whole, scheme.header(score))
    piece = _described(song, scheme, table, header, score.title)
    _check_time(piece.meta, rules)
    return piece, counts


def without_tracks(score: Score, names: tuple[str, ...]) -> Score:
    """The Score without the notes of the tracks of these names."""
    if not names:
        return score
    keep = np.array([t.name not in names for t in score.tracks] or [True])
    return score.select(keep[score.track])


def _remapped(table: np.ndarray, drum_map: dict[int, int]) -> np.ndarray:
    """The table with drum pitches moved; hits that meet are merged, longest and loudest kept."""
    if not drum_map or not len(table):
        return table
    target = np.arange(128)
    target[list(drum_map)] = list(drum_map.values())
    table = table.copy()
    table[:, 2] = np.where(table[:, 1] == DRUMS, target[table[:, 2]], table[:, 2])
    order = np.lexsort((table[:, 2], table[:, 1], table[:, 0]))
    table = table[order]
    is_first = np.append(True, (np.diff(table[:, :3], axis=0) != 0).any(1))
    merged = np.maximum.reduceat(table[:, 3:], np.flatnonzero(is_first), axis=0)
    return np.column_stack([table[is_first, :3], merged])


def _longest_stretch(table: np.ndarray) -> np.ndarray:
    """The part with most notes between silences: a stray note long after the end would make a
    piece of empty bars."""
    breaks = np.flatnonzero(np.diff(table[:, 0]) > SILENCE) + 1
    if not len(breaks):
        return table
    return max(np.split(table, breaks), key=len)


def check_table(table: np.ndarray, rules: Rules) -> None:
    """Raises Refused where an (N, 5) note table breaks a rule that needs no bars."""
    if len(table) < rules.min_notes:
        raise Refused("few notes")
    if len(table) > rules.max_notes:
        raise Refused("many notes")
    if np.unique(table[:, 0], return_counts=True)[1].max() > rules.max_onset:
        raise Refused("stuck")
    pitched = table[table[:, 1] != DRUMS]
    if len(pitched):
        onset_and_pitch = pitched[:, 0] * 128 + pitched[:, 2]
        _, group, sizes = np.unique(onset_and_pitch, return_inverse=True, return_counts=True)
        if (sizes[group] > 1).mean() > rules.max_doubled:
            raise Refused("doubled")
    kinds = np.bincount(table[:, 2] + 128 * (table[:, 1] == DRUMS))
    if kinds.max() > rules.max_same * len(table):
        raise Refused("monotone")


def trimmed(table: np.ndarray, header: Header) -> tuple[np.ndarray, Header]:
    """Table and Header moved so that the bar of the first note begins at 0; the Header ends at
    the bar line after the last onset."""
    first, last = int(table[0, 0]), int(table[-1, 0])
    none = np.zeros(0, dtype=np.int64)
    frame = Score.build(GRID, (), none, none, none, none, none, metres=header.metres, end=last + 1)
    bars = frame.bar_starts
    start = int(bars[np.searchsorted(bars, first, side="right") - 1])
    end = int(bars[np.searchsorted(bars, last, side="right")])
    table = table.copy()
    table[:, 0] -= start

    def moved(rows: tuple, stop: int) -> tuple:
        return tuple((max(0, t - start), *rest) for t, *rest in rows if t < stop)

    maps = {
        "tempos": moved(header.tempos, end),
        "metres": moved(header.metres, end + 1),  # a metre at the end may cut the last bar short
        "keys": moved(header.keys, end),
    }
    return table, replace(header, **maps, end=end - start)


def _described(
    song: Song, scheme: NoteScheme, table: np.ndarray, header: Header, title: str
) -> Piece:
    score = scheme.from_table(table, header)
    bars, num, den = bar_metres(score)
    n = int(np.searchsorted(bars, header.end))
    chords, starts = chord_slots(score, per="half")
    inside = starts < header.end
    key, _ = find_key(score)
    meta: dict[str, Any] = {
        "id": song.id,
        "corpus": song.corpus,
        "genres": list(song.genres),
        "moods": list(song.moods),
        "title": song.title or title,
        "artist": song.artist,
        "bpm": round(score.bpm, 3),
        "metre": list(main_metre(score)),
        "key": -1 if key is None else key.index,
        "swing": swings(score),
        "bars": n,
        "seconds": round(float(score.seconds(header.end)), 2),
        "notes": len(table),
        "tempo_events": len(score.tempo_tick),
        "metre_events": len(score.metre_tick),
        "pulse": round(pulse(table), 3),
    }
    return Piece(
        table=table,
        bar_starts=bars[: n + 1],
        bar_num=np.minimum(num[:n], 255),
        bar_den=np.minimum(den[:n], 255),
        chords=chords[inside],
        chord_starts=starts[inside],
        sketch=sketch(table),
        meta=meta,
    )


def pulse(table: np.ndarray) -> float:
    """How much onsets keep to the file's beat, 0-1: the greatest length of the mean of their phases
    (as unit vectors) within quarters, eighths, triplet eighths or sixteenths.

    Quantised music has 1, humans playing to a click 0.3 to 0.9. What was recorded without one has
    almost 0: such a file's tempo and bars are those of the recorder, not of the music.
    """
    onset = np.unique(table[:, 0])
    periods = np.array([[GRID], [GRID // 2], [GRID // 3], [GRID // 4]])
    return float(np.abs(np.exp(2j * np.pi * onset / periods).mean(1)).max())


def _check_time(meta: dict[str, Any], rules: Rules) -> None:
    if meta["metre_events"] > rules.max_metre_changes + 1:
        raise Refused("metre")
    if not rules.min_bpm <= meta["bpm"] <= rules.max_bpm:
        raise Refused("tempo")
    if meta["pulse"] < rules.min_pulse:
        raise Refused("free")
    if meta["seconds"] < rules.min_seconds:
        raise Refused("short")
    if meta["seconds"] > rules.max_seconds:
        raise Refused("long")
    if meta["notes"] < rules.min_bar_notes * meta["bars"]:
        raise Refused("sparse")
