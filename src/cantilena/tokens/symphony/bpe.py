"""Music BPE: pitches that often sound together become one token. Learnt and applied.

Knows sets of pitches and rules; does not know Scores. A rule joins two tokens of one set, wherever
in it they stand; sets hold the notes of one track that begin together and last equally long.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

from cantilena.errors import InputError
from cantilena.tokens.symphony.vocab import PITCHES, Pitches

Merge = tuple[Pitches, Pitches]


def merged(pitches: Iterable[int], merges: Sequence[Merge]) -> list[Pitches]:
    """The tokens of a set of pitches: each rule is tried once, in order. Single pitches come first,
    rising, then merged tokens in the order of their rules."""
    tokens: set[Pitches] = {(pitch,) for pitch in pitches}
    joined: list[Pitches] = []
    if len(tokens) > 1:
        for a, b in merges:
            if a in tokens and b in tokens:
                tokens -= {a, b}
                joined.append(tuple(sorted(a + b)))
                tokens.add(joined[-1])
    return [*sorted(t for t in tokens if len(t) == 1), *(t for t in joined if t in tokens)]


def learn(sets: Iterable[Iterable[int]], count: int) -> tuple[Merge, ...]:
    """The ``count`` rules, or fewer, of a corpus of sets of pitches: each time the pair of tokens
    that is in most sets; of several, that of the smallest numbers, which are pitches for single
    ones and rise with the rules for merged tokens. Stops where no pair is left."""
    if count < 0:
        raise InputError(f"the number of merges is at least 0, not {count}")
    frequency = Counter(frozenset((pitch,) for pitch in pitches) for pitches in sets)
    entries: list[tuple[set[Pitches], int]] = [
        (set(tokens), times) for tokens, times in frequency.items() if len(tokens) > 1
    ]
    pairs: Counter[Merge] = Counter()
    where: dict[Merge, set[int]] = defaultdict(set)
    rank: dict[Pitches, int] = {(pitch,): pitch for pitch in range(PITCHES)}

    def note(number: int, sign: int) -> None:
        tokens, times = entries[number]
        for pair in combinations(sorted(tokens, key=rank.__getitem__), 2):
            pairs[pair] += sign * times
            if sign > 0:
                where[pair].add(number)
            else:
                where[pair].discard(number)

    for number in range(len(entries)):
        note(number, 1)
    merges: list[Merge] = []
    while len(merges) < count and pairs:
        best = min(pairs, key=lambda p: (-pairs[p], rank[p[0]], rank[p[1]]))
        if pairs[best] <= 0:
            break
        merges.append(best)
        joined: Pitches = tuple(sorted(best[0] + best[1]))
        rank.setdefault(joined, PITCHES + len(merges))
        for number in sorted(where[best]):
            note(number, -1)
            entries[number][0].difference_update(best)
            entries[number][0].add(joined)
            note(number, 1)
    return tuple(merges)
