"""Control from sound: is what was asked for heard.

Knows wishes that are known to be true of a prompt, and what the estimators of ``analysis.audio``
hear; does not know files. The estimators err, so that a piece that obeys wholly reaches their
accuracy and no more: tables print it beside. What a Score is, ``evaluate.control`` measures
exactly.

Every metric has the shape (wishes: Brief, heard: Heard or None) -> float in 0-1, nan where the
prompt has no such wish. A piece that has no sound (None) scores 0 for all that it was asked.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cantilena.analysis.audio import Heard
from cantilena.analysis.audio.agreement import KIND_OF, OCTAVES, TEMPO_RIGHT
from cantilena.analysis.audio.instruments import NAMES
from cantilena.analysis.audio.model import shipped
from cantilena.evaluate.chords import common_in_order
from cantilena.score.harmony import NO_CHORD, Key, parse_chord
from cantilena.text.report import key_relation
from cantilena.text.wishes import Brief

NAN = float("nan")

Metric = Callable[[Brief, Heard | None], float]


def tempo(wishes: Brief, heard: Heard | None) -> float:
    """1 when the tempo heard is within 4 % of the asked one, or of its range where the prompt
    gives a word."""
    return _tempo(wishes, heard, (1.0,))


def tempo_octave(wishes: Brief, heard: Heard | None) -> float:
    """As ``tempo``, the half, third, double or threefold being right too."""
    return _tempo(wishes, heard, OCTAVES)


def _tempo(wishes: Brief, heard: Heard | None, times: tuple[float, ...]) -> float:
    if wishes.tempo_range is not None:
        low, high = wishes.tempo_range
    elif wishes.tempo is not None:
        low = high = wishes.tempo
    else:
        return NAN
    if heard is None or heard.bpm is None:
        return 0.0
    within = (low * (1 - TEMPO_RIGHT), high * (1 + TEMPO_RIGHT))
    return float(any(within[0] <= heard.bpm / k <= within[1] for k in times))


def key(wishes: Brief, heard: Heard | None) -> float:
    """1 when the key heard is the asked one."""
    return _key(wishes, heard, lambda relation, worth: float(relation == "same"))


def key_mirex(wishes: Brief, heard: Heard | None) -> float:
    """MIREX's worth of the key heard: 1, a fifth apart 0.5, relative 0.3, parallel 0.2."""
    return _key(wishes, heard, lambda relation, worth: worth)


def _key(wishes: Brief, heard: Heard | None, worth: Callable[[str, float], float]) -> float:
    if wishes.key is None:
        return NAN
    return worth(*key_relation(Key.from_name(wishes.key), None if heard is None else heard.key))


def chords(wishes: Brief, heard: Heard | None) -> float:
    """Share of the asked chords that are heard in their order, by root and third; others may stand
    between (``evaluate.chords.common_in_order``)."""
    if not wishes.chords:
        return NAN
    if heard is None:
        return 0.0
    asked = [int(KIND_OF[parse_chord(symbol).number]) for symbol in wishes.chords]
    numbers = KIND_OF[heard.chords[heard.chords != NO_CHORD]]
    changes = numbers[np.append(True, np.diff(numbers) != 0)[: len(numbers)]]
    return common_in_order(asked, changes.tolist()) / len(asked)


def instruments(wishes: Brief, heard: Heard | None) -> float:
    """Share of the asked instruments whose family is heard, of those that can be told."""
    able = shipped().told
    asked = [{NAMES[p // 8] for p in i.programs} for i in wishes.instruments]
    asked = [families for families in asked if families <= set(able)]
    if not asked:
        return NAN
    there = set() if heard is None else set(heard.families)
    return float(np.mean([bool(families & there) for families in asked]))


METRICS: dict[str, Metric] = {
    "tempo": tempo,
    "tempo_octave": tempo_octave,
    "key": key,
    "key_mirex": key_mirex,
    "chords": chords,
    "instruments": instruments,
}
"""Every metric by name; of all, more is better. The first five are named as in
``analysis.audio.accuracy``."""


def evaluate(wishes: Brief, heard: Heard | None) -> dict[str, float]:
    """Every metric of one piece, nan where it does not apply."""
    return {name: metric(wishes, heard) for name, metric in METRICS.items()}
