"""Metrics of control: does a piece do what its prompt asks.

Knows wishes that are known to be true of a prompt (they come with it and were not read out of its
text) and measures a Score; does not know how the piece was made, so any program's MIDI can be
held to them.

Every metric has the shape (wishes: Brief, score: Score or None) -> float in 0-1, nan where the
prompt has no such wish. A piece that is missing (None) or empty scores 0 for everything it was
asked: failures count.

Sources: Mustango (Melechovsky et al., NAACL 2024), whose released evaluation gives the bins and
the counting of TB, TBT, CK and CKD; Text2midi (Bhandari et al., AAAI 2025), which takes these over
for MIDI; MuseCoco (Lu et al., 2023) for ASA.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from cantilena.analysis import find_key, main_metre, parts
from cantilena.errors import InputError
from cantilena.evaluate import chords
from cantilena.score.harmony import Key
from cantilena.score.score import Score
from cantilena.text.report import (
    TEMPO_EXACT,
    bars_and_nearest,
    is_heard,
    key_relation,
    match_instruments,
    report,
)
from cantilena.text.wishes import Brief

NAN = float("nan")
TEMPO_BINS = (40, 60, 70, 90, 110, 140, 160, 210)
"""Edges (quarters per minute) of the nine bins from Grave to Prestissimo; an edge belongs to the
bin below it."""

Metric = Callable[[Brief, Score | None], float]


def validate(wishes: Brief, score: Score | None) -> None:
    """Raises InputError where a prompt wishes for nothing that is measured, or ``score`` is no
    Score."""
    if score is not None and not isinstance(score, Score):
        raise InputError(f"a Score or None is to be measured, not {type(score).__name__}")
    if all(np.isnan(metric(wishes, None)) for metric in METRICS.values()):
        raise InputError(f"the prompt {wishes.text!r} has no wish that can be measured")


def _heard(score: Score | None) -> list[int]:
    return [p.instrument for p in parts(score) if is_heard(p)] if score is not None else []


def instrument_recall(wishes: Brief, score: Score | None) -> float:
    """Share of the asked instruments that are heard. One is heard when a program that its name
    can mean plays enough (``text.report.is_heard``); a part answers one asked instrument."""
    if not wishes.instruments:
        return NAN
    answers = match_instruments(wishes.instruments, _heard(score))
    return sum(a is not None for a in answers) / len(answers)


def instrument_precision(wishes: Brief, score: Score | None) -> float:
    """Share of the instruments heard that the name of an asked one can mean; 0 when none is
    heard. Of use only where a prompt names all its instruments."""
    if not wishes.instruments:
        return NAN
    heard = _heard(score)
    wanted = {p for i in wishes.instruments for p in i.programs}
    return sum(h in wanted for h in heard) / len(heard) if heard else 0.0


def excluded(wishes: Brief, score: Score | None) -> float:
    """1 when no note of an excluded instrument sounds."""
    if not wishes.excluded:
        return NAN
    return float(_sounds(score) and not np.isin(score.instrument, wishes.excluded).any())  # type: ignore[union-attr]


def _sounds(score: Score | None) -> bool:
    return score is not None and len(score) > 0


def tempo_bin(wishes: Brief, score: Score | None, tolerance: int = 0) -> float:
    """TB: 1 when the piece's main tempo, to a tenth, lies in the same bin of ``TEMPO_BINS`` as the
    asked one, or at most ``tolerance`` bins away. (MIDI holds whole microseconds: 140 bpm is
    140.0001 there, which would be the next bin.)"""
    if wishes.tempo is None:
        return NAN
    if score is None or not len(score):
        return 0.0
    asked, played = np.searchsorted(TEMPO_BINS, [wishes.tempo, round(score.bpm, 1)], side="left")
    return float(abs(int(asked) - int(played)) <= tolerance)


def tempo_bin_tolerance(wishes: Brief, score: Score | None) -> float:
    """TBT: as TB, a neighbouring bin being right too."""
    return tempo_bin(wishes, score, 1)


def tempo_exact(wishes: Brief, score: Score | None) -> float:
    """1 when the main tempo is within 0.5 of the number that the prompt gives; nan where it gives
    only a word (then ``tempo_range`` is set)."""
    if wishes.tempo is None or wishes.tempo_range is not None:
        return NAN
    return float(_sounds(score) and abs(score.bpm - wishes.tempo) <= TEMPO_EXACT)  # type: ignore[union-attr]


def metre(wishes: Brief, score: Score | None) -> float:
    """1 when the time signature that holds longest is the asked one, 2/2 not being 4/4."""
    if wishes.metre_parts is None:
        return NAN
    return float(score is not None and len(score) > 0 and main_metre(score) == wishes.metre_parts)


def _key(wishes: Brief, score: Score | None, right: tuple[str, ...]) -> float:
    if wishes.key is None:
        return NAN
    if score is None or not len(score):
        return 0.0
    heard, _ = find_key(score)
    return float(key_relation(Key.from_name(wishes.key), heard)[0] in right)


def key_correct(wishes: Brief, score: Score | None) -> float:
    """CK: 1 when the key heard (``analysis.find_key``; not the key signature) is the asked one."""
    return _key(wishes, score, ("same",))


def key_or_relative(wishes: Brief, score: Score | None) -> float:
    """CKD, "correct key with duplicates": the relative key, whose scale is the same, is right
    too."""
    return _key(wishes, score, ("same", "relative"))


def bars(wishes: Brief, score: Score | None) -> float:
    """1 when the piece has an asked number of bars; a last note may ring on beyond them."""
    if wishes.bars is None:
        return NAN
    if score is None:
        return 0.0
    played, nearest = bars_and_nearest(wishes, score)
    return float(played == nearest)


def bars_ratio(wishes: Brief, score: Score | None) -> float:
    """The smaller of the actual and the nearest asked number of bars over the larger."""
    if wishes.bars is None:
        return NAN
    played, nearest = (0, 1) if score is None else bars_and_nearest(wishes, score)
    return min(played, nearest) / max(played, nearest)


def _reported(wish: str, *fields: str) -> Metric:
    """A metric of one row of the report, which depends on ``fields``; without the first there is
    no such wish."""

    def metric(wishes: Brief, score: Score | None) -> float:
        if getattr(wishes, fields[0]) is None:
            return NAN
        if score is None or not len(score):
            return 0.0
        alone = Brief(**{field: getattr(wishes, field) for field in fields})
        return float(report(alone, score)[0].met is True)

    metric.__doc__ = f"1 when the row {wish!r} of ``text.report`` is met."
    return metric


def attributes_met(wishes: Brief, score: Score | None) -> float:
    """Share of a prompt's attributes that are right, MuseCoco's sample-wise accuracy; its mean
    over prompts is ASA.

    Attributes are the rows of ``text.report`` that have a score, which the genre has not, except
    that each asked instrument is one of its own, as it is in MuseCoco. Ours are stricter than
    MuseCoco's 28 classes of instruments, three of tempo and two of mode, so the figures are not to
    be compared with published ones.
    """
    rows = report(wishes, score if score is not None else EMPTY)
    rows = tuple(r for r in rows if r.score is not None)
    if not rows:
        return NAN
    if score is None or not len(score):
        return 0.0
    right = sum(bool(r.met) for r in rows if r.wish != "instruments")
    count = sum(r.wish != "instruments" for r in rows)
    if wishes.instruments:
        right += instrument_recall(wishes, score) * len(wishes.instruments)
        count += len(wishes.instruments)
    return right / count


EMPTY = Score.build(24, (), (), (), (), (), ())

METRICS: dict[str, Metric] = {
    "asa": attributes_met,
    "instrument_recall": instrument_recall,
    "instrument_precision": instrument_precision,
    "excluded": excluded,
    "tempo_exact": tempo_exact,
    "tempo_bin": tempo_bin,
    "tempo_bin_tolerance": tempo_bin_tolerance,
    "metre": metre,
    "key": key_correct,
    "key_or_relative": key_or_relative,
    **chords.METRICS,
    "bars": bars,
    "bars_ratio": bars_ratio,
    "seconds": _reported("seconds", "seconds", "seconds_range"),
    "swing": _reported("swing", "swing"),
    "density": _reported("density", "density"),
}
"""Every metric of control by name; of all, more is better."""


def evaluate(wishes: Brief, score: Score | None) -> dict[str, float]:
    """Every metric of one piece, nan where it does not apply. Raises InputError (``validate``)."""
    validate(wishes, score)
    return {name: metric(wishes, score) for name, metric in METRICS.items()}


def summary(
    pieces: Iterable[Mapping[str, float]],
    seed: int = 0,
    draws: int = 1000,
    names: Iterable[str] | None = None,
) -> dict[str, dict[str, float]]:
    """Mean over pieces of each metric where it applies; of those of ``METRICS``, or of ``names``.

    Returns, by metric, "mean" (0-1), "n" (pieces it applies to), and "low" and "high", the 95 %
    interval of the mean by bootstrap (``draws`` resamplings of the pieces). Metrics that apply to
    no piece are left out.
    """
    rows = list(pieces)
    out: dict[str, dict[str, float]] = {}
    for name in METRICS if names is None else names:
        values = np.array([row.get(name, NAN) for row in rows], dtype=np.float64)
        values = values[~np.isnan(values)]
        if len(values):
            rng = np.random.default_rng(seed)
            means = values[rng.integers(len(values), size=(draws, len(values)))].mean(1)
            low, high = np.percentile(means, [2.5, 97.5]).tolist()
            mean = float(values.mean())
            out[name] = {"mean": mean, "low": low, "high": high, "n": len(values)}
    return out
