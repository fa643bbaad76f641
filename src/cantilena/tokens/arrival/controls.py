"""Operations on arrival sequences: rests, controls, anticipation, shifting of times.

Knows triples of integers; does not know MIDI, Scores or models. A sequence is an int64 array (3N,)
of triples (time, duration, note). Which kind a triple is (event, REST, control, SEPARATOR) is told
by its note alone: in a whole piece times are counted from the piece's start and may stand above
the vocabulary's 10,000; ``relativise`` brings a window back under it.

Thickstun et al., *Anticipatory Music Transformer*, 2024, sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cantilena.errors import InputError
from cantilena.tokens.arrival.vocab import AMT, ArrivalVocabulary

LONGEST_DAY = 24 * 3600
"""Seconds from a sequence's start to its last time, at most; what is longer is no music."""


def triples(tokens: object, vocabulary: ArrivalVocabulary = AMT, flag: bool = False) -> np.ndarray:
    """The tokens as (N, 3) int64. With ``flag`` a leading AUTOREGRESS or ANTICIPATE is dropped.

    Raises InputError where they are no whole triples of (time, duration, note), naming the first
    that is wrong. Times may exceed the vocabulary's, up to 24 hours.
    """
    flat = _flat(tokens)
    if flag and len(flat) and flat[0] in (vocabulary.autoregress, vocabulary.anticipate):
        flat = flat[1:]
    if len(flat) % 3:
        raise InputError(f"arrival tokens come in threes (time, duration, note), not {len(flat)}")
    out = flat.reshape(-1, 3)
    wrong = np.flatnonzero(~_sound(out, vocabulary))
    if len(wrong):
        raise InputError(
            f"triple {int(wrong[0])} of the arrival tokens, {out[wrong[0]].tolist()}, is not a "
            "time, a duration and a note"
        )
    return out


def _flat(tokens: object) -> np.ndarray:
    """(N,) int64, else InputError."""
    try:
        flat = np.asarray(tokens)
    except (ValueError, OverflowError) as error:  # rows of different lengths
        raise InputError("arrival tokens must be one list of whole numbers") from error
    if flat.size and flat.dtype.kind not in "iu":
        raise InputError("arrival tokens must be whole numbers, none of them over 2^63")
    return flat.reshape(-1).astype(np.int64)


def _sound(rows: np.ndarray, v: ArrivalVocabulary) -> np.ndarray:
    """(N,) bool: the triple is an event, a REST, a control or a SEPARATOR."""
    time, duration, note = rows[:, 0], rows[:, 1], rows[:, 2]
    shift = np.where(note >= v.control, v.control, 0)
    length = duration - shift - v.duration
    kind = note - shift
    good = (kind >= v.note) & ((kind < v.rest) | ((kind == v.rest) & (shift == 0)))
    good &= (length >= 0) & (length < v.durations)
    good &= (time >= shift) & (time - shift <= LONGEST_DAY * v.resolution)
    return good | (rows == v.separator).all(axis=1)


def repair(tokens: object, vocabulary: ArrivalVocabulary = AMT) -> np.ndarray:
    """(3M,) the whole triples within whatever a model without masks has written, at whatever
    position they stand; flags and stray tokens are dropped. Only for times below the
    vocabulary's 10,000, where a token alone tells which slot it belongs to."""
    v = vocabulary
    flat = _flat(tokens)
    if len(flat) < 3:
        return flat[:0]
    at = np.stack([flat[:-2], flat[1:-1], flat[2:]], axis=1)
    shift = np.where(at[:, 2] >= v.control, v.control, 0)
    good = _sound(at, v) & (at[:, 0] - shift < v.times)
    good &= ~(at == v.separator).all(axis=1)
    return at[good].reshape(-1)


def real(rows: np.ndarray, v: ArrivalVocabulary) -> np.ndarray:
    """(N, 3) triples with controls as events: what sounds, and when. SEPARATORs stay."""
    control = (rows[:, 2] >= v.control) & (rows[:, 2] < v.separator)
    return rows - np.where(control, v.control, 0)[:, None]


def _events_only(tokens: object, v: ArrivalVocabulary, what: str) -> np.ndarray:
    """(N, 3) events and rests, in time order, else InputError."""
    rows = triples(tokens, v)
    if (rows[:, 2] >= v.control).any():
        raise InputError(f"{what} takes events alone, not controls or separators")
    if (np.diff(rows[:, 0]) < 0).any():
        raise InputError(f"{what} takes events in time order")
    return rows


def pad(tokens: object, end: int | None = None, vocabulary: ArrivalVocabulary = AMT) -> np.ndarray:
    """Events (3N,) with RESTs (3M,): wherever two onsets are more than a second apart, also from
    0 to the first and, where ``end`` (in steps) is given, from the last up to there.

    Raises InputError for controls, separators or events out of time order.
    """
    v = vocabulary
    rows = _events_only(tokens, v, "padding")
    last = int(rows[-1, 0]) if len(rows) else 0
    stop = max(last, 0 if end is None else int(end))
    if stop > LONGEST_DAY * v.resolution:
        raise InputError(f"padding goes up to 24 hours, not to step {stop}")
    time = np.append(rows[:, 0], stop)
    before = np.concatenate([[0], rows[:, 0]])
    rests = np.maximum(time - before - 1, 0) // v.resolution  # (N + 1,) before each onset
    where = np.cumsum(rests + 1) - 1
    out = np.empty((int(where[-1]) + 1, 3), dtype=np.int64)
    gap = np.repeat(np.arange(len(rests)), rests + 1)
    out[:, 0] = before[gap] + (np.arange(len(out)) - where[gap] + rests[gap] + 1) * v.resolution
    out[:, 1], out[:, 2] = v.duration, v.rest
    out[where[:-1]] = rows
    return out[:-1].reshape(-1)  # the last row stands for ``stop`` itself


def unpad(tokens: object, vocabulary: ArrivalVocabulary = AMT) -> np.ndarray:
    """(3M,) the tokens without RESTs."""
    rows = triples(tokens, vocabulary)
    return rows[rows[:, 2] != vocabulary.rest].reshape(-1)


def anticipate(
    events: object, controls: object, vocabulary: ArrivalVocabulary = AMT
) -> tuple[np.ndarray, np.ndarray]:
    """Interleave: (tokens, left). A control stands before the first event whose *predecessor's*
    time (0 for the first) is at least the control's time less the anticipation interval, so that
    a model that writes event by event knows when to take it in (paper, section 3.2).

    ``events`` (3N,) in time order, RESTs allowed; ``controls`` (3M,) in time order. ``left``
    (3L,): controls that come too late for the last event; none where the events were padded up
    to the last control. Raises InputError for other kinds or orders.
    """
    v = vocabulary
    rows = _events_only(events, v, "anticipation")
    extra = triples(controls, v)
    if ((extra[:, 2] < v.control) | (extra[:, 2] >= v.separator)).any():
        raise InputError("what is to be interleaved must be controls alone")
    if (np.diff(extra[:, 0]) < 0).any():
        raise InputError("anticipation takes controls in time order")
    before = np.concatenate([[0], rows[:-1, 0]])[: len(rows)]
    due = extra[:, 0] - v.control - v.anticipation
    at = np.searchsorted(before, due, side="left")  # (M,) the event each control stands before
    used = int(np.searchsorted(at, len(rows), side="left"))
    out = np.empty((len(rows) + used, 3), dtype=np.int64)
    place = at[:used] + np.arange(used)
    free = np.ones(len(out), dtype=bool)
    free[place] = False
    out[place], out[free] = extra[:used], rows
    return out.reshape(-1), extra[used:].reshape(-1)


def split(tokens: object, vocabulary: ArrivalVocabulary = AMT) -> tuple[np.ndarray, np.ndarray]:
    """(events, controls): an interleaved sequence taken apart again, each in its own order."""
    rows = triples(tokens, vocabulary, flag=True)
    control = (rows[:, 2] >= vocabulary.control) & (rows[:, 2] < vocabulary.separator)
    return rows[~control].reshape(-1), rows[control].reshape(-1)


def in_order(tokens: object, vocabulary: ArrivalVocabulary = AMT) -> np.ndarray:
    """The tokens sorted by time; within one moment by note, then duration."""
    rows = triples(tokens, vocabulary)
    return rows[np.lexsort((rows[:, 1], rows[:, 2], rows[:, 0]))].reshape(-1)


def revert(tokens: object, vocabulary: ArrivalVocabulary = AMT) -> np.ndarray:
    """The piece that an anticipated sequence says: controls as events at their own time, RESTs
    taken out, ``in_order``. Raises InputError where a SEPARATOR makes it several pieces."""
    rows = triples(tokens, vocabulary, flag=True)
    if (rows[:, 2] == vocabulary.separator).any():
        raise InputError("there are several pieces in this sequence; take it apart at SEPARATORs")
    rows = real(rows, vocabulary)
    return in_order(rows[rows[:, 2] != vocabulary.rest], vocabulary)


def instruments(tokens: object, vocabulary: ArrivalVocabulary = AMT) -> np.ndarray:
    """(K,) the instruments that sound, in order of appearance; controls count."""
    v = vocabulary
    rows = real(triples(tokens, v, flag=True), v)
    sounding = (rows[:, 2] >= v.note) & (rows[:, 2] < v.rest)
    numbers, first = np.unique((rows[sounding, 2] - v.note) // v.pitches, return_index=True)
    return numbers[np.argsort(first)]


def extract(
    events: object, chosen: np.ndarray, vocabulary: ArrivalVocabulary = AMT
) -> tuple[np.ndarray, np.ndarray]:
    """(events, controls): those where ``chosen`` (N,) bool become controls, in their order.
    Raises InputError for events that hold RESTs, controls or SEPARATORs."""
    rows = triples(events, vocabulary)
    if (rows[:, 2] >= vocabulary.rest).any():
        raise InputError("controls are taken out of events alone: before rests, once")
    chosen = np.asarray(chosen, dtype=bool)
    return rows[~chosen].reshape(-1), (rows[chosen] + vocabulary.control).reshape(-1)


def extract_instruments(
    events: object, instruments: Iterable[int], vocabulary: ArrivalVocabulary = AMT
) -> tuple[np.ndarray, np.ndarray]:
    """(events, controls): all notes of these instruments (0-127, 128 drums) become controls.
    Raises InputError for an instrument outside the vocabulary."""
    v = vocabulary
    wanted = np.zeros(v.instruments, dtype=bool)
    for i in instruments:
        if not 0 <= int(i) < v.instruments:
            raise InputError(f"there is no instrument {i}: 0-{v.drums}, {v.drums} being drums")
        wanted[int(i)] = True
    note = triples(events, v)[:, 2]
    instrument = (note - v.note) // v.pitches
    return extract(events, wanted[np.clip(instrument, 0, v.drums)], v)


def extract_spans(
    events: object,
    rng: np.random.Generator,
    rate: float = 0.05,
    vocabulary: ArrivalVocabulary = AMT,
) -> tuple[np.ndarray, np.ndarray]:
    """(events, controls): spans as long as the anticipation interval (5 s) become controls. From
    the first note, and from the first after each span, an exponential gap of 1 / ``rate`` seconds
    passes; the next note after it opens a span. Raises InputError for events out of time order."""
    v = vocabulary
    time = _events_only(events, v, "taking out spans")[:, 0]
    chosen = np.zeros(len(time), dtype=bool)
    at = 0
    while at < len(time):
        gap = int(v.resolution * rng.exponential(1 / rate))
        first = at + int(np.searchsorted(time[at:], time[at] + gap, side="left"))
        if first == len(time):
            break
        at = first + int(np.searchsorted(time[first:], time[first] + v.anticipation, side="left"))
        chosen[first:at] = True
    return extract(events, chosen, v)


def extract_random(
    events: object,
    rng: np.random.Generator,
    share: float,
    vocabulary: ArrivalVocabulary = AMT,
) -> tuple[np.ndarray, np.ndarray]:
    """(events, controls): each note becomes a control with probability ``share`` (0-1)."""
    n = len(triples(events, vocabulary))
    return extract(events, rng.random(n) < share, vocabulary)


def shifts(rows: np.ndarray, vocabulary: ArrivalVocabulary = AMT) -> tuple[np.ndarray, np.ndarray]:
    """For windows (W, T, 3): (shift, before). ``shift`` (W,) is the smallest time before a
    window's first SEPARATOR, 0 where nothing stands before it; ``before`` (W, T) bool tells which
    triples that shift concerns. Behind a SEPARATOR a piece's times start at 0 anyway."""
    v = vocabulary
    before = ~np.logical_or.accumulate(rows[:, :, 2] == v.separator, axis=1)
    time = rows[:, :, 0] - np.where(rows[:, :, 2] >= v.control, v.control, 0)
    least = np.where(before, time, np.iinfo(np.int64).max).min(axis=1, initial=1 << 62)
    return np.where(before.any(axis=1), least, 0), before


def relativise(tokens: object, vocabulary: ArrivalVocabulary = AMT) -> np.ndarray:
    """(3N,) the tokens shifted so that the smallest time is 0; a leading flag stays.

    Only up to the first SEPARATOR: a piece behind one starts at 0 already. Raises InputError
    where a time then still reaches the vocabulary's 10,000 steps (100 s): the sequence spans more
    than a model can say.
    """
    v = vocabulary
    flat = _flat(tokens)
    flag = flat[:1][np.isin(flat[:1], (v.autoregress, v.anticipate))]
    rows = triples(flat[len(flag) :], v)[None].copy()
    shift, before = shifts(rows, v)
    rows[:, :, 0] -= shift[:, None] * before
    if len(rows[0]) and not fits(rows, v)[0]:
        seconds = v.times / v.resolution
        raise InputError(f"the sequence spans {seconds:g} s or more; cut it into shorter windows")
    return np.concatenate([flag, rows.reshape(-1)])


def fits(rows: np.ndarray, vocabulary: ArrivalVocabulary = AMT) -> np.ndarray:
    """(W,) bool: all times of windows (W, T, 3) lie below the vocabulary's 10,000."""
    v = vocabulary
    time = rows[:, :, 0] - np.where(rows[:, :, 2] >= v.control, v.control, 0)
    time = np.where(rows[:, :, 2] == v.separator, 0, time)
    return np.all(time < v.times, axis=1)
