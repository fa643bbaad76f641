"""What is heard in a piece that is sound, beside the report of its Score.

Knows how what the estimators of ``analysis.audio`` hear is put in words, with how often they are
right; the report itself neither counts it nor is changed by it, as it is exact where these err.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cantilena.analysis import chord_slots, find_key
from cantilena.analysis.audio import Heard, accuracy
from cantilena.analysis.audio.agreement import OCTAVES, chord_share, tempo_right
from cantilena.score.harmony import Key
from cantilena.score.score import Score
from cantilena.text.report import key_relation
from cantilena.text.wishes import Brief

CHORDS_SHOWN = 8
"""Changes of chord that are named."""


@dataclass(frozen=True)
class HeardRow:
    """``what`` is heard (tempo, key, chords); ``expected``, in words: what the Score has, or,
    without one, what was asked ("": neither); ``heard``; ``agrees``, None where nothing is
    expected; and ``right``: how often the estimator is, in words."""

    what: str
    expected: str
    heard: str
    agrees: bool | None
    right: str


def heard_rows(heard: Heard, brief: Brief, score: Score | None) -> tuple[HeardRow, ...]:
    """Tempo, key and chords by ear of a piece; of one that was made of a Score that is what is
    expected, else what the Brief asks."""
    if score is not None and not len(score):
        score = None
    return (_tempo(heard, brief, score), _key(heard, brief, score), _chords(heard, brief, score))


def _tempo(heard: Heard, brief: Brief, score: Score | None) -> HeardRow:
    expected = brief.tempo if score is None else score.bpm
    words, agrees = "none", None
    if heard.bpm is not None:
        words = f"{heard.bpm:.4g} bpm"
    if expected is not None:
        agrees = tempo_right(heard.bpm, expected)
        if not agrees and tempo_right(heard.bpm, expected, OCTAVES):
            words += " (an octave of it)"
    right = f"{_right('tempo')}, up to octaves {_right('tempo_octave')}"
    return HeardRow("tempo", f"{expected:.4g} bpm" if expected else "", words, agrees, right)


def _key(heard: Heard, brief: Brief, score: Score | None) -> HeardRow:
    expected = Key.from_name(brief.key) if brief.key else None
    if score is not None:
        expected = find_key(score)[0]
    words, agrees = heard.key.name if heard.key else "none", None
    if expected is not None:
        relation, _ = key_relation(expected, heard.key)
        agrees = relation == "same"
        words = expected.name if agrees else words
        words += f" ({relation})" if relation in ("relative", "parallel", "fifth") else ""
    return HeardRow("key", expected.name if expected else "", words, agrees, _right("key"))


def _chords(heard: Heard, brief: Brief, score: Score | None) -> HeardRow:
    changes = heard.progression()
    words = " ".join(changes[:CHORDS_SHOWN]) + (" ..." if len(changes) > CHORDS_SHOWN else "")
    expected, agrees = " ".join(brief.chords), None
    if score is not None:
        numbers, ticks = chord_slots(score)
        share = chord_share(heard, np.asarray(score.seconds(ticks)), numbers)
        expected = "" if np.isnan(share) else "the Score's"
        if expected:
            words += f" ({100 * share:.0f} % of the time as there)"
            agrees = share >= 0.5
    right = f"{_right('chords')} of the time"
    return HeardRow("chords", expected, words.strip() or "none", agrees, right)


def _right(name: str) -> str:
    """How often an estimator is right, and, where that was measured, on sound through a codec."""
    rate = accuracy()
    coded = rate["coded"]
    return _share(rate[name]) + (f" (through a codec {_share(coded[name])})" if coded else "")


def _share(value: float | None) -> str:
    return "not known" if value is None else f"{100 * value:.0f} %"
