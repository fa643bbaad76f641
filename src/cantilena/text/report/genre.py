"""The row of the report for the genre: whether the music is like real songs of it.

Knows when that is said and how it is put in words; ``analysis.likeness`` judges.
"""

from __future__ import annotations

from collections.abc import Sequence

from cantilena.analysis.likeness import MIN_BARS, played_bars, shipped
from cantilena.score.score import Score
from cantilena.text.report.rows import NOT_MEASURED, Row


def genre_row(genres: Sequence[str], score: Score) -> Row:
    """The Row of the asked genres, one or more.

    Met, or not, where one genre is asked that can be judged and the judgement is sure; several
    blend, and music may rightly be unlike each. It has no score: how likely a genre is says
    nothing of how good one attempt is beside another.
    """
    asked = ", ".join(genres)
    if len(genres) != 1 or asked not in shipped().bounds:
        return Row("genre", asked, NOT_MEASURED, None, None)
    if played_bars(score) < MIN_BARS:
        return Row("genre", asked, f"{NOT_MEASURED}: under {MIN_BARS} bars", None, None)
    met = shipped().judge(asked, score)
    if met is None:
        return Row("genre", asked, f"{NOT_MEASURED}: not sure", None, None)
    return Row("genre", asked, f"{'like' if met else 'unlike'} real songs of it", met, None)
