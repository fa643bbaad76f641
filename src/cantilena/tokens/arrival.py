"""The arrival scheme: the Anticipatory Music Transformer's encoding of MIDI files and Scores.

Knows MIDI events, Scores and the vocabulary; does not know models or training. A piece is a flat
sequence of triples (arrival time, duration, note) in 10 ms steps of real time; velocity, bars and
tempo are not said. ``events_of`` reads a file token for token as the published implementation does,
so that its checkpoints see what they were trained on: real seconds added up message by message in
float64, programs as they stand in the merged tracks, the first note to begin the first to end.

Thickstun et al., *Anticipatory Music Transformer*, 2024, section 3 and appendix A. Operations on
the sequences (rests, controls, windows) are in ``arrival_controls.py`` and offered here as well.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cantilena.errors import InputError, MidiError
from cantilena.score import Score, smf
from cantilena.score.files import read_bytes
from cantilena.score.midi import MAX_BYTES, MAX_SECONDS
from cantilena.tokens.arrival_controls import (
    anticipate,
    extract_instruments,
    instruments,
    pad,
    relativise,
    repair,
    revert,
    split,
    triples,
    unpad,
)
from cantilena.tokens.arrival_score import ArrivalHeader, header_of, reference_midi, to_score
from cantilena.tokens.arrival_vocab import AMT, ArrivalVocabulary

__all__ = [
    "AMT",
    "ArrivalHeader",
    "ArrivalScheme",
    "ArrivalVocabulary",
    "anticipate",
    "events_of",
    "extract_instruments",
    "header_of",
    "instruments",
    "pad",
    "reference_midi",
    "relativise",
    "repair",
    "revert",
    "score_events",
    "split",
    "to_score",
    "triples",
    "unpad",
]

_DRUM_CHANNEL = 9
_DEFAULT_TEMPO = 500_000


def events_of(source: bytes | str | Path, vocabulary: ArrivalVocabulary = AMT) -> np.ndarray:
    """The events (3N,) int64 of a MIDI file's bytes, or of the file at a path: for each note, in
    the order of the merged tracks, its onset (steps from the piece's start, without a limit of
    100 s), 10,000 + duration and 11,000 + 128 x instrument + pitch.

    A note that is never closed gets 0.25 s; durations are cut at 9.99 s. A path that is not there
    raises InputError; a damaged file, one over 16 MB or longer than 24 hours MidiError.
    """
    if isinstance(source, bytes):
        name, data = "the MIDI data", source
    else:
        name, data = str(source), read_bytes(source, MAX_BYTES, "a MIDI file")
    try:
        if len(data) > MAX_BYTES:
            raise MidiError(f"the file is larger than {MAX_BYTES // 10**6} MB")
        return _events(smf.parse(data), vocabulary)
    except InputError as error:
        raise MidiError(f"{name}: {error}") from error


def _events(events: smf.Events, v: ArrivalVocabulary) -> np.ndarray:
    tick, other, start = events.tick, events.other_tick, np.zeros(len(events.end), dtype=np.int64)
    if events.format == 2:  # one sequence after another, as read_midi has them
        start[1:] = np.cumsum(events.end)[:-1]
        tick, other = tick + start[events.track], other + start[events.other_track]
    moments, seconds = _clock(events, np.concatenate([tick, other]), start)
    kind = events.status & 0xF0
    at = np.flatnonzero((kind == 0x90) | (kind == 0x80) | (kind == 0xC0))
    at = at[np.argsort(tick[at], kind="stable")]  # merged: ties stay in the order of tracks
    status, a = events.status[at], events.a[at].astype(np.int64)
    channel = (status & 0x0F).astype(np.int64)
    change = status >= 0xC0
    note = np.flatnonzero(~change)
    instrument = _programs(channel, change, a, note)
    channel, pitch = channel[note], a[note]
    instrument[channel == _DRUM_CHANNEL] = v.drums
    on = (status[note] >= 0x90) & (events.b[at][note] > 0)
    time = seconds[np.searchsorted(moments, tick[at][note])]
    begin, stop = _matches(channel, instrument, pitch, on)
    length = np.full(len(note), v.resolution // 4, dtype=np.int64)
    took = np.rint(v.resolution * (time[stop] - time[begin]))
    length[begin] = np.minimum(took, v.durations - 1)
    out = np.empty((int(on.sum()), 3), dtype=np.int64)
    out[:, 0] = np.rint(v.resolution * time[on])
    out[:, 1] = v.duration + length[on]
    out[:, 2] = v.note + instrument[on] * v.pitches + pitch[on]
    return out.reshape(-1)


def _clock(
    events: smf.Events, ticks: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(M,) the distinct ticks at which any event stands and their seconds. Seconds are summed
    from one such tick to the next, each at the tempo then in force: another order of the same sums
    would differ in the last bit, and now and then round to another step."""
    moments = np.sort(ticks)
    moments = moments[np.append(True, moments[1:] != moments[:-1])] if len(moments) else moments
    tempos = [
        (m.tick + int(start[m.track]), int.from_bytes(m.data[:3], "big"))
        for m in events.metas
        if m.type == smf.TEMPO and len(m.data) >= 3
    ]
    tempos.sort(key=lambda t: t[0])
    since = np.array([t for t, _ in tempos], dtype=np.int64)
    scale = np.array([_DEFAULT_TEMPO, *(us for _, us in tempos)]) * 1e-6 / events.tpq
    before = np.concatenate([[-1], moments[:-1]])[: len(moments)]
    gap = np.diff(moments, prepend=0)
    seconds = np.cumsum(gap * scale[np.searchsorted(since, before, side="right")])
    if len(seconds) and seconds[-1] > MAX_SECONDS:
        raise MidiError("the piece is longer than 24 hours")
    return moments, seconds


def _programs(
    channel: np.ndarray, change: np.ndarray, value: np.ndarray, note: np.ndarray
) -> np.ndarray:
    """The program of the events ``note``: their channel's last change before them, 0 without one.
    All arrays are in merged order."""
    n = len(channel)
    at = np.flatnonzero(change)
    # keys that rise by channel, then place; one below each channel's first place stands for "none"
    keys = np.concatenate([np.arange(16) * (n + 1), channel[at] * (n + 1) + at + 1])
    order = np.argsort(keys)
    values = np.concatenate([np.zeros(16, dtype=np.int64), value[at]])[order]
    if not len(at):
        return np.zeros(len(note), dtype=np.int64)
    found = np.searchsorted(keys[order], channel[note] * (n + 1) + note + 1, side="right") - 1
    return values[found]


def _matches(
    channel: np.ndarray, instrument: np.ndarray, pitch: np.ndarray, on: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which note events end which: (begin, stop), indices of note-ons that are closed and of the
    note-offs that close them. Within one channel, instrument and pitch the first to begin is the
    first to end; a note-off while nothing sounds is passed over."""
    voice = channel * 256 + instrument
    present = np.zeros(16 * 256, dtype=bool)
    present[voice] = True
    group = (np.cumsum(present) - 1)[voice] * 128 + pitch
    if present.sum() <= 512:  # as almost always: 16 bits are sorted by radix, several times faster
        group = group.astype(np.uint16)
    order = np.argsort(group, kind="stable")
    g, o = group[order], on[order]
    n = len(g)
    new = np.append(True, g[1:] != g[:-1])[:n]
    run = np.cumsum(new) - 1
    starts = np.flatnonzero(new)
    depth = np.cumsum(2 * o.astype(np.int64) - 1)
    depth -= np.where(starts > 0, depth[starts - 1], 0)[run]
    # An off that reaches a new low closes nothing. Each group is set below the one before it, so
    # that one running minimum serves them all.
    level = depth - run * (2 * n + 2)
    floor = np.where(new, -run * (2 * n + 2), np.append(0, level[:-1])[:n])
    low = np.minimum.accumulate(floor)
    ons, offs = np.flatnonzero(o), np.flatnonzero(~o & (level >= low))
    n_on, n_off = (np.bincount(run[i], minlength=len(starts)) for i in (ons, offs))
    own = run[ons]
    rank = np.arange(len(ons)) - (np.cumsum(n_on) - n_on)[own]
    closed = rank < n_off[own]
    match = (np.cumsum(n_off) - n_off)[own[closed]] + rank[closed]
    return order[ons[closed]], order[offs[match]]


def score_events(score: Score, vocabulary: ArrivalVocabulary = AMT) -> np.ndarray:
    """The events (3N,) int64 of a Score: onsets in steps from its start, through its tempo map,
    by onset and then in the order of its parts. Durations are cut at 9.99 s; velocity and all that
    stands beside the notes is left out (``header_of`` keeps it). Raises InputError for a Score
    longer than 24 hours."""
    v = vocabulary
    begin, stop = score.seconds(score.onset), score.seconds(score.onset + score.duration)
    if len(begin) and not begin[-1] <= MAX_SECONDS:
        raise InputError("the piece is longer than 24 hours")
    length = np.minimum(np.rint(v.resolution * (stop - begin)), v.durations - 1)
    rows = (
        np.rint(v.resolution * begin),
        v.duration + length,
        v.note + score.instrument * v.pitches + score.pitch,
    )
    return np.stack(rows, axis=1).astype(np.int64).reshape(-1)


class ArrivalScheme:
    """The arrival scheme as the others are offered: a step is one token, three to a note.

    ``sizes`` is (vocabulary,). Steps of a whole piece count time from its start; windows for a
    model are cut and shifted by ``relativise``.
    """

    def __init__(self, vocabulary: ArrivalVocabulary = AMT):
        self.vocabulary = vocabulary

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArrivalScheme) and other.vocabulary == self.vocabulary

    def __hash__(self) -> int:
        return hash(self.vocabulary)

    def __repr__(self) -> str:
        return f"ArrivalScheme({self.vocabulary})"

    @property
    def sizes(self) -> tuple[int]:
        """Number of classes of the one field."""
        return (self.vocabulary.size,)

    def to_dict(self) -> dict[str, object]:
        """The vocabulary as plain data, to be saved with a checkpoint."""
        return self.vocabulary.to_dict()

    @classmethod
    def from_dict(cls, data: dict[str, object]) -> ArrivalScheme:
        """The scheme a checkpoint was saved with. Raises InputError if it is another scheme."""
        return cls(ArrivalVocabulary.from_dict(data))

    def encode(self, score: Score) -> tuple[np.ndarray, ArrivalHeader]:
        """(3N, 1) steps and what stands beside them: resolution, tempos, metres, keys, names."""
        return score_events(score, self.vocabulary)[:, None], header_of(score)

    def decode(self, steps: np.ndarray, header: ArrivalHeader) -> Score:
        """The Score of (3N, 1) steps. Raises InputError on steps that break the scheme."""
        return to_score(steps, header=header, vocabulary=self.vocabulary)

    def quantise(self, score: Score) -> Score:
        """The Score this scheme can say, a part for each instrument; quantising twice changes
        nothing."""
        return self.decode(*self.encode(score))
