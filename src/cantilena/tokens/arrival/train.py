"""Training sequences of the Anticipatory Music Transformer: variants of a piece, packed in windows.

Knows arrival sequences and chance; does not know files, models or batches. Everything streams: what
comes in and goes out are iterables, and what is held in between is one piece. All chance comes from
(seed, number of the piece, number of the variant), so a piece's variants do not depend on what
stands beside it.

Thickstun et al., *Anticipatory Music Transformer*, 2024, section 4 and appendix B.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from cantilena.errors import InputError
from cantilena.tokens.arrival.controls import (
    anticipate,
    extract_instruments,
    extract_random,
    extract_spans,
    fits,
    instruments,
    pad,
    shifts,
    triples,
)
from cantilena.tokens.arrival.vocab import AMT, ArrivalVocabulary

VARIANTS = ("plain", "spans", *["random"] * 4, *["instruments"] * 4)
"""The ten variants of a piece, by what becomes a control: nothing; spans of 5 s; notes at random
with a share drawn from 10, 20 .. 90 %; some but not all instruments, drawn anew."""

SPAN_RATE = 0.05  # spans open after exponential gaps of 20 s
SHARES = 10  # the share of random notes is 1 to 9 of so many parts
LEAST_EVENTS = 100  # of a piece
LEAST_SECONDS = 10  # from its start to its last onset


def refusal(events: object, vocabulary: ArrivalVocabulary = AMT) -> str | None:
    """Why a piece is not trained on, None where it is: "short" (under 100 events or 10 s),
    "long" (over an hour) or "instruments" (over 16), measured by its onsets."""
    v = vocabulary
    rows = triples(events, v)
    last = int(rows[:, 0].max(initial=0))
    if len(rows) < LEAST_EVENTS or last < LEAST_SECONDS * v.resolution:
        return "short"
    if last > v.longest * v.resolution:
        return "long"
    return "instruments" if len(instruments(rows, v)) > v.most_instruments else None


def controls_of(
    events: object, variant: str, rng: np.random.Generator, vocabulary: ArrivalVocabulary = AMT
) -> tuple[np.ndarray, np.ndarray]:
    """(events, controls): a variant of a piece, taken apart by chance. A piece with one instrument
    has nothing to take out by "instruments" and stays whole. Raises InputError for an unknown
    variant, naming the known ones."""
    v = vocabulary
    if variant == "spans":
        return extract_spans(events, rng, SPAN_RATE, v)
    if variant == "random":
        return extract_random(events, rng, rng.integers(1, SHARES) / SHARES, v)
    if variant == "instruments":
        parts = instruments(events, v)
        count = int(rng.integers(1, len(parts))) if len(parts) > 1 else 0
        return extract_instruments(events, rng.choice(parts, count, replace=False), v)
    if variant != "plain":
        raise InputError(f"unknown variant {variant!r}; known: {', '.join(sorted({*VARIANTS}))}")
    return extract_instruments(events, (), v)


def variant_tokens(
    events: object, variant: str, rng: np.random.Generator, vocabulary: ArrivalVocabulary = AMT
) -> np.ndarray:
    """(3N,) one variant of a piece: what is left padded up to the piece's last onset, the controls
    interleaved. All controls find a place, since the padding reaches as far as they do."""
    end = int(triples(events, vocabulary)[:, 0].max(initial=0))
    rest, controls = controls_of(events, variant, rng, vocabulary)
    tokens, left = anticipate(pad(rest, end, vocabulary), controls, vocabulary)
    # where everything is a control and lies in the first second there is no event to stand before
    return np.concatenate([tokens, left])


def variants(
    events: object, seed: int = 0, piece: int = 0, vocabulary: ArrivalVocabulary = AMT
) -> Iterator[tuple[str, np.ndarray]]:
    """The ten variants of a piece, as (name, tokens (3N,)). ``piece`` is its number in the data:
    the same seed and number give the same variants, wherever the piece is met."""
    for k, variant in enumerate(VARIANTS):
        rng = np.random.default_rng((seed, piece, k))
        yield variant, variant_tokens(events, variant, rng, vocabulary)


def sequences(
    pieces: Iterable[object], seed: int = 0, vocabulary: ArrivalVocabulary = AMT
) -> Iterator[tuple[bool, np.ndarray]]:
    """All variants of all pieces (each an array of events), as (augmented, tokens) for ``pack``.
    As in the published data, all but "plain" count as augmented. Pieces that ``refusal`` names are
    left out, their number still counted."""
    for number, events in enumerate(pieces):
        if refusal(events, vocabulary) is None:
            for variant, tokens in variants(events, seed, number, vocabulary):
                yield variant != "plain", tokens


def pack(
    sequences: Iterable[tuple[bool, np.ndarray]],
    vocabulary: ArrivalVocabulary = AMT,
    dropped: Counter[str] | None = None,
) -> Iterator[np.ndarray]:
    """Windows (1024,) int64 of sequences laid end to end, each behind three SEPARATORs.

    A window is a flag and 341 triples: ANTICIPATE where the sequence that its first triple
    belongs to is augmented, else AUTOREGRESS. Times are shifted so that the smallest is 0, up to
    the first SEPARATOR; windows that then reach 10,000 are dropped, and so is what is left at the
    end and fills no window. ``dropped`` counts both ("span" windows, "end" triples), and all
    "windows".
    """
    v = vocabulary
    counts: Counter[str] = Counter() if dropped is None else dropped
    separator = np.full((1, 3), v.separator, dtype=np.int64)
    buffer = np.zeros((0, 3), dtype=np.int64)  # triples that fill no window yet
    flag = v.autoregress  # of the sequence that the buffer begins with
    for augmented, tokens in sequences:
        new_flag = v.anticipate if augmented else v.autoregress
        flag = flag if len(buffer) else new_flag
        buffer = np.concatenate([buffer, separator, triples(tokens, v)])
        whole = len(buffer) // v.triples
        if not whole:
            continue
        rows = buffer[: whole * v.triples].reshape(whole, v.triples, 3).copy()
        buffer = buffer[whole * v.triples :]
        shift, before = shifts(rows, v)
        rows[:, :, 0] -= shift[:, None] * before
        flags = np.full(whole, new_flag)
        flags[0], flag = flag, new_flag  # only the first can begin with an earlier sequence
        good = fits(rows, v)
        counts["span"] += int((~good).sum())
        counts["windows"] += int(good.sum())
        yield from np.column_stack([flags, rows.reshape(whole, -1)])[good]
    counts["end"] += len(buffer)


def windows(
    pieces: Iterable[object],
    seed: int = 0,
    vocabulary: ArrivalVocabulary = AMT,
    dropped: Counter[str] | None = None,
) -> Iterator[np.ndarray]:
    """The training windows (1024,) of pieces (each an array of events), in order: ten variants
    of each, packed. A lazy iterable in gives a lazy iterator out."""
    return pack(sequences(pieces, seed, vocabulary), vocabulary, dropped)
