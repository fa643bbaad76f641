"""From a MIDI file to clips: its sound, whole or by parts, with notes, beats, chords and captions.

Knows how a song is cut, sounded and described; does not know which songs are taken (``prepare``
says what is refused), recordings, or files of a data set.

A clip is sounded by itself, from some seconds before it on, so that a piece of any length takes
the same memory. It gets a loudness of its own: loud passages at -17 dBFS RMS, no sample above
-1 dBFS, by one factor and no limiter, so that the sum of the stems is the mix.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.analysis import chord_slots, describe, slot_edges
from cantilena.analysis.attributes import Attributes
from cantilena.data.audio.clips import (
    BEAT_TYPES,
    NOTE_TYPES,
    STEMS,
    Clip,
    Recipe,
    Symbols,
    spans,
    to_pcm,
)
from cantilena.data.audio.excerpts import excerpt
from cantilena.data.audio.roles import TrackRoles, track_roles
from cantilena.data.corpora.corpus import Corpus, Song
from cantilena.data.prepare import Refused, prepare, without_tracks
from cantilena.render.audio import find_fluidsynth, unmastered
from cantilena.render.synth import room
from cantilena.score.score import Score
from cantilena.text.caption import write_caption
from cantilena.text.facts import Facts
from cantilena.tokens.note import NoteScheme

LEAD_IN = 4.0
"""Seconds before a clip from which on it is sounded: what rings into it is heard in it."""
RING = 1.0
"""Seconds behind the last note that belong to a piece."""
MIN_NOTES = 4
"""Notes that begin within a clip, below which it is left out."""
DROP = 0.25
"""Mean share of the wishes that a caption leaves out, so that some say little and some all."""


def midi_clips(
    song: Song, corpus: Corpus, recipe: Recipe, scheme: NoteScheme
) -> tuple[list[Clip], Counter[str], np.ndarray]:
    """The clips of a song in order, how many were left out for which cause ("few notes"), and the
    song's sketch (``duplicates``). Raises Refused for what ``prepare`` refuses too."""
    piece, _ = prepare(song, corpus, scheme)
    score = remapped(without_tracks(corpus.read(song), song.drop_notes), corpus.drum_map)
    chords = chord_slots(score)
    roles = track_roles(score)
    begin = float(score.seconds(score.onset[0]))
    end = float(score.seconds((score.onset + score.duration).max())) + RING
    clips: list[Clip] = []
    left_out: Counter[str] = Counter()
    for number, (start, stop) in enumerate(spans(end - begin, recipe)):
        cut = Cut(score, begin + start, begin + stop)
        if cut.count < MIN_NOTES:
            left_out["few notes"] += 1
            continue
        mix, stems, side = sound(cut, roles, recipe)
        about = describe(cut.score)
        symbols = symbols_of(cut, roles, chords)
        name = f"{song.id}#{number}"
        meta = {
            "id": name,
            **meta_of(song, cut, roles, about),
            "offset": round(start, 4),
            "total": round(end - begin, 4),
            "seconds": round(len(mix) / recipe.rate, 6),
        }
        captions = captions_of(about, song, name, recipe.wordings)
        clips.append(Clip(recipe.rate, mix, meta, captions, stems, symbols, side))
    if not clips:
        raise Refused("no clips")
    return clips, left_out, piece.sketch


class Cut:
    """A stretch of a Score, ``start`` to ``stop`` in seconds: ``count`` notes begin in it, and
    ``score`` is what begins in it, in the bars it touches."""

    def __init__(self, score: Score, start: float, stop: float):
        self.whole, self.start, self.stop = score, start, stop
        self.ticks = score.tick_at(start), score.tick_at(stop)
        inside = (score.onset >= self.ticks[0]) & (score.onset < self.ticks[1])
        self.count = int(inside.sum())
        bars = score.bar_starts
        first = int(bars[np.searchsorted(bars, self.ticks[0], side="right") - 1])
        self.score = excerpt(score.select(inside), first, max(self.ticks[1], first + 1))

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.stop - self.start


def sound(
    cut: Cut, roles: TrackRoles, recipe: Recipe
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray | None]:
    """(n,) int16 mix of a stretch and, where the recipe has them, the stems that add up to it, and
    half of left less right."""
    whole = cut.whole
    first = whole.tick_at(max(0.0, cut.start - LEAD_IN))
    part = excerpt(whole, first, max(cut.ticks[1], first + 1))
    skip = round((cut.start - float(whole.seconds(first))) * recipe.rate)
    n = round(cut.seconds * recipe.rate)
    program = find_fluidsynth() if recipe.engine == "fluidsynth" else None
    font = Path(recipe.soundfont) if program else None

    def pair(score: Score) -> np.ndarray:
        """(2, n): the mean of both channels, and half of their difference."""
        out = np.zeros((2, n), dtype=np.float32)
        if len(score):
            left, right = unmastered(score, recipe.rate, program, font)[:, max(skip, 0) :][:, :n]
            out[:, : len(left)] = (left + right) / 2, (left - right) / 2
        return out

    def gain(mix: np.ndarray, side: np.ndarray) -> float:
        """By which the mix is as loud as clips are, and neither channel, where there are two, is
        above the ceiling."""
        both = np.stack([mix + side, mix - side]) if recipe.stereo else mix[None]
        return room.level(both, recipe.rate)

    if not recipe.stems:
        mix, side = pair(part)
        scale = gain(mix, side)
        return to_pcm(mix * scale), {}, to_pcm(side * scale) if recipe.stereo else None
    role = roles.role[part.track]
    parts = {name: pair(part.select(role == i)) for i, name in enumerate(STEMS)}
    mix, side = np.stack(list(parts.values())).sum(axis=0)
    scale = gain(mix, side)
    stems = {name: to_pcm(stem[0] * scale) for name, stem in parts.items()}
    whole = np.stack(list(stems.values())).sum(axis=0, dtype=np.int16)
    return whole, stems, to_pcm(side * scale) if recipe.stereo else None


def symbols_of(cut: Cut, roles: TrackRoles, chords: tuple[np.ndarray, np.ndarray]) -> Symbols:
    """What sounds in a stretch. ``chords``: what ``chord_slots`` gives of the whole piece."""
    score, start, stop = cut.whole, cut.start, cut.stop
    onset = score.seconds(score.onset)
    end = score.seconds(score.onset + score.duration)
    inside = np.flatnonzero((onset < stop) & (end > start))
    columns = {
        "onset": onset[inside] - start,
        "duration": (end - onset)[inside],
        "pitch": score.pitch[inside],
        "velocity": score.velocity[inside],
        "instrument": score.instrument[inside],
        "role": roles.role[score.track[inside]],
    }
    arrays = {name: columns[name].astype(dtype) for name, dtype in NOTE_TYPES.items()}
    beats = slot_edges(score, "beat")[:-1]
    bars = score.bar_starts
    in_bar = np.arange(len(beats)) - np.searchsorted(
        beats, bars[np.searchsorted(bars, beats, side="right") - 1]
    )
    times = score.seconds(beats) - start
    here = (times >= 0) & (times < stop - start)
    arrays["beat"] = times[here].astype(BEAT_TYPES["beat"])
    arrays["beat_in_bar"] = np.minimum(in_bar[here], 255).astype(BEAT_TYPES["beat_in_bar"])
    numbers, ticks = chords
    times = score.seconds(ticks) - start
    first = max(0, int(np.searchsorted(times, 0.0, side="right")) - 1)  # the one that sounds on
    here = np.arange(first, int(np.searchsorted(times, stop - start)))
    arrays["chord_start"] = np.maximum(times[here], 0.0).astype(np.float32)
    arrays["chord"] = numbers[here].astype(np.uint8)
    return Symbols(**arrays)


def meta_of(song: Song, cut: Cut, roles: TrackRoles, about: Attributes) -> dict[str, Any]:
    """What a clip says of itself; see ``Clip``."""
    melody = None
    if roles.melody is not None:
        track = cut.whole.tracks[roles.melody]
        melody = {"track": track.name, "by": "name" if roles.named else "rule"}
    return {
        "file": song.id,
        "source": song.corpus,
        "origin": "midi",
        "start": round(cut.start, 4),
        "bpm": round(about.bpm, 3),
        "metre": list(about.metre),
        "key": -1 if about.key is None else about.key.index,
        "instruments": [p.instrument for p in about.parts],
        "genres": list(song.genres),
        "moods": list(song.moods),
        "melody": melody,
    }


def captions_of(about: Attributes, song: Song, name: str, times: int) -> tuple[str, ...]:
    """Wordings of what is heard in a clip, the first of them of all of it; the same for the same
    name. A clip's length is no fact of the music."""
    facts = replace(Facts.of(about, song.genres, song.moods), bars=None, seconds=None)
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    rng = np.random.default_rng(seed)
    return tuple(write_caption(facts, rng, DROP if i else 0.0) for i in range(times))


def remapped(score: Score, drum_map: dict[int, int]) -> Score:
    """The Score with the drum pitches of an instrument's own mapping moved to General MIDI's."""
    if not drum_map or not len(score):
        return score
    target = np.arange(128)
    target[list(drum_map)] = list(drum_map.values())
    pitch = np.where(score.is_drum, target[score.pitch], score.pitch)
    pitch.setflags(write=False)
    return replace(score, pitch=pitch)
