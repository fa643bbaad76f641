"""Sampling AMT's tokens the plain way: the whole window through the model for each token.

Written from the published description alone, for tests and benchmarks to hold the fast way
against: it shares no code with ``cantilena.decode``.
"""

from __future__ import annotations

import torch

TIMES, DURATIONS, NOTES = 10_000, 1_000, 16_512
DURATION, NOTE = TIMES, TIMES + DURATIONS
REST = NOTE + NOTES
CONTROL = REST + 1
AUTOREGRESS, ANTICIPATE = 55_026, 55_027


def mask_slot(logits, slot: int, low: int, known: set[int]) -> None:
    """Sets to -inf, among (V,) logits, what the published masks forbid in a slot; ``low``: the
    earliest time, ``known``: the instruments so far."""
    logits[CONTROL:] = -torch.inf
    for k, (first, last) in enumerate(((0, DURATION), (DURATION, NOTE), (NOTE, REST))):
        if k != slot:
            logits[first:last] = -torch.inf
    if slot == 0 and low > 0:
        logits[:low] = -torch.inf
    if slot == 2 and len(known) >= 15:
        for i in range(129):
            if i not in known:
                logits[NOTE + 128 * i : NOTE + 128 * (i + 1)] = -torch.inf


def plain_token(model, ids: list[int], slot: int, low: int, known: set[int]) -> int:
    """The likeliest token behind ``ids`` under the published masks."""
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, -1].clone()
    mask_slot(logits, slot, low, known)
    return int(logits.argmax())


def kinds(tokens: list[int]) -> set[int]:
    """Instruments heard, as the published implementation counts them."""
    return {(n - NOTE - (CONTROL if n >= CONTROL else 0)) // 128 for n in tokens[2::3]}


def plain_greedy(
    model,
    given: list[int],
    controls: list[int],
    notes: int,
    start: int = 0,
    end: int = 10**9,
) -> list[int]:
    """All tokens of a piece: ``given`` events and the ``controls`` (in time order) interleaved,
    then up to ``notes`` new triples."""
    flag = ANTICIPATE if controls else AUTOREGRESS
    tokens: list[int] = []
    left = [controls[i : i + 3] for i in range(0, len(controls), 3)]
    now = 0

    def due() -> None:
        while left and now >= left[0][0] - CONTROL - 500:
            tokens.extend(left.pop(0))

    for i in range(0, len(given), 3):
        due()
        tokens.extend(given[i : i + 3])
        now = given[i]
    for _ in range(notes):
        due()
        window = tokens[max(len(tokens) - 1017, 0) :]
        times = [
            t - (CONTROL if n >= CONTROL else 0)
            for t, n in zip(window[::3], window[2::3], strict=True)
        ]
        offset = min(times, default=0)
        window = [x - offset if i % 3 == 0 else x for i, x in enumerate(window)]
        new: list[int] = []
        for slot in range(3):
            low = max(start, now) - offset
            new.append(plain_token(model, [flag, *window, *new], slot, low, kinds(tokens)))
        if new[0] == REST or new[0] + offset >= end:
            break
        new[0] += offset
        tokens.extend(new)
        now = new[0]
    due()
    return tokens
