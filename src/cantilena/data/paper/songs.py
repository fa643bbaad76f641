"""A song of the text-to-symbolic paper's data: AMT events, cut into chunks, each with captions.

Knows which songs are valid, how a chunk is cut and what a caption is made of; does not know files
of a data set, splits or training. The paper is *LLM-based Finetuning for Text to Symbolic Music
Generation* (Wu, Lee, Dun), section "Data"; validity is that of AMT's own preprocessing (Thickstun
et al., *Anticipatory Music Transformer*, TMLR 2024).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from cantilena.analysis import describe
from cantilena.analysis.excerpt import first_bars
from cantilena.data.corpora.corpus import Song
from cantilena.data.corpora.midicaps import MidiCap
from cantilena.data.prepare import Refused
from cantilena.errors import InputError, UnknownNameError
from cantilena.score.midi import read_midi
from cantilena.score.score import Score
from cantilena.text.caption import write_caption
from cantilena.text.facts import Facts
from cantilena.tokens.arrival import events_of, instruments, pad, relativise
from cantilena.tokens.arrival.vocab import AMT, ArrivalVocabulary

CONTEXTS = (1_024, 4_096, 16_384)
"""Tokens of a chunk that the paper trains with: a flag and 341, 1,365 or 5,461 triples."""

CAPTIONS = ("song", "crop")
"""Whose caption a chunk has: the whole song's, or its own."""

MIN_EVENTS, MIN_SECONDS = 100, 10
"""Of a song, in events and to its last onset; AMT's own bounds."""

SPARSE = 32
"""Notes below which a chunk is left out where its song has others: a caption of a whole band over
the last five notes of a song teaches nothing."""

DROP = 0.0
"""Share of the wishes that captions of ours leave out (``write_caption``): like MidiCaps's they
say all there is to say; anything else would, now and then, say nothing at all."""

REASONS = {
    "unreadable": "the file is damaged or not MIDI",
    "failed": "the reader failed on it: a fault of ours, worth a report",
    "few events": f"fewer than {MIN_EVENTS} events",
    "short": f"its last note begins before {MIN_SECONDS} s",
    "long": f"its last note begins after {AMT.longest:,} s",
    "many instruments": f"more than {AMT.most_instruments} instruments",
}
"""Why a song is refused, in the order in which it is asked."""


@dataclass(frozen=True)
class Recipe:
    """What decides the records of a song beside its file: ``context``, tokens of a chunk (1 + 3 x
    triples); ``captions``, "song" or "crop"; ``wordings``, how often our captioner words a chunk.
    Raises InputError for what makes no chunks."""

    context: int = AMT.context
    captions: str = "song"
    wordings: int = 1

    def __post_init__(self) -> None:
        if self.context < 4 or self.context % 3 != 1:
            raise InputError(
                f"a context of {self.context} is not a flag and whole triples; give "
                f"{', '.join(map(str, CONTEXTS))} or another 1 + 3 x n"
            )
        if self.captions not in CAPTIONS:
            raise UnknownNameError("captions", self.captions, CAPTIONS)
        if self.wordings < 1:
            raise InputError(f"{self.wordings} wordings of a caption are none; give 1 or more")


@dataclass(frozen=True)
class Chunk:
    """A record: chunk ``number`` of the ``of`` chunks of a song. ``tokens`` (L,) uint16: the flag
    and at most (context - 1) / 3 triples, the first onset 0; ``captions``: wordings of one
    caption; ``source``: "midicaps", "song" (ours of the whole song) or "crop" (ours of it)."""

    song: str
    number: int
    of: int
    tokens: np.ndarray
    captions: tuple[str, ...]
    source: str


def song_chunks(
    song: Song, recipe: Recipe, row: MidiCap | None = None
) -> tuple[list[Chunk], Counter[str]]:
    """The records of a song, and counts of what cutting did: "sparse" chunks left out, "cut" ones
    ended by the clock. ``row`` is MidiCaps's. Raises Refused."""
    data = song.path.read_bytes()
    padded = pad(valid_events(data))
    try:
        score = None if row and recipe.captions == "song" else read_midi(data, mend=False)
    except InputError:
        raise Refused("unreadable") from None
    spans, counts = cut(padded, recipe.context)
    if row is not None:
        song = replace(song, genres=row.genres or song.genres, moods=row.moods or song.moods)
    whole: tuple[str, ...] = (row.caption,) if row else ()
    source = "midicaps" if row else "song"
    if recipe.captions == "crop":
        source = "crop"
    elif score is not None:
        whole = _worded(facts_of(score, song), song.id, recipe.wordings)
    chunks = []
    for i, (start, stop) in enumerate(spans):
        part = padded[3 * start : 3 * stop]
        captions = whole
        if source == "crop" and score is not None:
            facts = chunk_facts(score, part, song)
            captions = _worded(facts, f"{song.id}/{i}", recipe.wordings)
        tokens = np.concatenate([[AMT.autoregress], relativise(part)]).astype(np.uint16)
        chunks.append(Chunk(song.id, i, len(spans), tokens, captions, source))
    return chunks, counts


def valid_events(data: bytes) -> np.ndarray:
    """The events (3N,) int64 of a MIDI file's bytes. Raises Refused where they cannot be read or
    are not valid (``check_events``)."""
    try:
        events = events_of(data)
    except InputError:
        raise Refused("unreadable") from None
    check_events(events)
    return events


def check_events(events: np.ndarray, vocabulary: ArrivalVocabulary = AMT) -> None:
    """Raises Refused where the (3N,) events of a piece are not valid for AMT: at least 100, the
    last onset between 10 s and an hour, at most 16 instruments (drums are one)."""
    if len(events) < 3 * MIN_EVENTS:
        raise Refused("few events")
    last = int(events[0::3].max()) - vocabulary.time
    if last < MIN_SECONDS * vocabulary.resolution:
        raise Refused("short")
    if last > vocabulary.longest * vocabulary.resolution:
        raise Refused("long")
    if len(instruments(events, vocabulary)) > vocabulary.most_instruments:
        raise Refused("many instruments")


def cut(
    padded: np.ndarray, context: int, vocabulary: ArrivalVocabulary = AMT
) -> tuple[list[tuple[int, int]], Counter[str]]:
    """The chunks of a padded piece, (3N,) events in order of time, as (first, end) of triples.

    Chunks follow each other without overlap, each as long as ``context`` allows. One that would
    reach a time without a token (100 s in the published vocabulary) ends before it, where AMT
    drops such windows: nothing of the music is lost, and long contexts are possible at all.
    Chunks of fewer than ``SPARSE`` notes are left out, unless all are; then the fullest stays.
    """
    times, most = padded[0::3], (context - 1) // 3
    sounding = np.concatenate([[0], np.cumsum(padded[2::3] != vocabulary.rest)])
    spans: list[tuple[int, int]] = []
    counts: Counter[str] = Counter(sparse=0, cut=0)
    start = 0
    while start < len(times):
        clock = int(np.searchsorted(times, times[start] + vocabulary.times))
        stop = min(start + most, len(times), clock)
        counts["cut"] += stop == clock < len(times)
        spans.append((start, stop))
        start = stop
    notes = [int(sounding[b] - sounding[a]) for a, b in spans]
    full = [s for s, n in zip(spans, notes, strict=True) if n >= SPARSE]
    chunks = full or [spans[int(np.argmax(notes))]]
    counts["sparse"] = len(spans) - len(chunks)
    return chunks, counts


def facts_of(score: Score, song: Song) -> Facts:
    """What may be said of a Score: what was measured, and its song's labels."""
    return Facts.of(describe(score), song.genres, song.moods)


def chunk_facts(score: Score, events: np.ndarray, song: Song) -> Facts:
    """What may be said of a chunk, (3N,) events with the piece's own times: all is measured on
    the bars of the Score in which it stands, instruments and length on the events themselves.
    Bars it begins or ends within count as whole."""
    resolution = AMT.resolution
    onset = np.round(score.seconds(score.onset) * resolution)
    first, last = int(events[0]), int(events[-3])
    inside = (onset >= first) & (onset <= last)
    if not inside.any():  # the two readers differ on this file by more than the chunk is long
        raise Refused("failed")
    ticks = score.onset[inside]
    edges = score.bar_starts
    low, high = np.searchsorted(edges, [ticks[0], ticks[-1]], side="right")
    facts = facts_of(first_bars(score.select(inside), int(high - low) + 1), song)
    sounding = set(instruments(events).tolist())
    described = tuple(i for i in facts.instruments if i in sounding)
    others = tuple(sorted(sounding - set(described)))
    seconds = float((events[0::3] + events[1::3] - AMT.duration).max() - first) / resolution
    return replace(facts, instruments=described + others, seconds=seconds)


def _worded(facts: Facts, name: str, times: int) -> tuple[str, ...]:
    """Wordings of facts; the same for the same name wherever and whenever they are made."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    rng = np.random.default_rng(seed)
    return tuple(write_caption(facts, rng, DROP) for _ in range(times))
