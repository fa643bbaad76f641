"""The report of sound that no Score led: a row for each wish, of which lengths alone are measured.

Knows how long sound lasts, and why nothing else of it is measured; does not know Scores or what the
estimators hear, which stands beside the report (``heard``) and never counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cantilena.score.score import Score
from cantilena.text.report import nearest_bars, report, seconds_row
from cantilena.text.report.rows import NOT_MEASURED, Row
from cantilena.text.wishes import Brief

NO_NOTES = f"{NOT_MEASURED}: there are no notes"
BY_EAR = f"{NO_NOTES}; see what is heard"
NO_BAR = f"{NOT_MEASURED}: no tempo says how long a bar is"
_HEARD = ("tempo", "key", "chords")
"""The wishes that ``heard.heard_rows`` has a row for."""
_NOTHING = Score.build(480, [], [], [], [], [], [])
"""Has a row for each wish in the report, as any Score has."""


def sound_report(
    brief: Brief, seconds: float, bar: float | None = None, parts: Iterable[tuple[float, str]] = ()
) -> tuple[Row, ...]:
    """A Row for each wish of the Brief, those of ``report`` in its order, of sound of so many
    ``seconds``. Its length is measured, in bars too where a ``bar`` is known to last so many
    seconds; all others have no score, and say why. ``parts``: the words of a story, each with the
    second from which on it holds, for rows of their own."""
    rows: list[Row] = []
    for row in report(brief, _NOTHING):
        if row.wish == "seconds":
            rows.append(seconds_row(brief, seconds))
        elif row.wish == "bars":
            rows.append(_bars(row, brief, seconds, bar))
        else:
            why = BY_EAR if row.wish in _HEARD else NO_NOTES
            rows.append(replace(row, achieved=why, met=None, score=None))
    passages = [f"from {start:g} s: {words}" for start, words in parts]
    return (*rows, *(Row("story", words, NO_NOTES, None, None) for words in passages))


def _bars(row: Row, brief: Brief, seconds: float, bar: float | None) -> Row:
    """Sound has no bar lines: it is as long as so many bars of the asked tempo, or is not."""
    if bar is None:
        return replace(row, achieved=NO_BAR, met=None, score=None)
    bars = round(seconds / bar, 1)
    nearest = nearest_bars(brief, bars)
    score = min(bars, nearest) / max(bars, nearest, 1e-9)
    achieved = f"{seconds:.1f} s, as long as {bars:.4g} bars"
    return replace(row, achieved=achieved, met=bars == nearest, score=score)
