"""Walks along a grammar: steps drawn evenly from what it allows, as no model would."""

from __future__ import annotations

from typing import Any

import numpy as np


def walk(grammar: Any, piece: Any, sizes: tuple[int, ...], rng: np.random.Generator, most: int):
    """Lets ``piece`` take up to ``most`` steps, fewer where the grammar ends it, and asserts that
    a value is always left. Each field chooses a region of its values first, so that rare kinds of
    words come as often as those of which there are thousands."""
    for _ in range(most):
        forced = grammar.forced(piece)
        chosen: list[int] = [] if forced is None else list(forced)
        if chosen and grammar.ends(piece, chosen):
            return piece
        for field in range(len(chosen), len(sizes)):
            mask = grammar.bias(field, piece, chosen)
            assert mask.shape == (sizes[field],)
            allowed = np.flatnonzero(np.isfinite(mask))
            assert len(allowed), f"nothing is left for field {field}"
            regions = np.split(allowed, np.flatnonzero(np.diff(allowed) > 1) + 1)
            chosen.append(int(rng.choice(regions[rng.integers(len(regions))])))
            if field == 0 and grammar.ends(piece, chosen):
                return piece
        piece.push(*chosen)
    return piece


def allows(grammar: Any, piece: Any, steps: np.ndarray) -> bool:
    """Whether a grammar allows steps, one after the other."""
    for step in np.asarray(steps).tolist():
        for field, value in enumerate(step):
            if not np.isfinite(grammar.bias(field, piece, step[:field])[value]):
                return False
        piece.push(*step)
    return True
