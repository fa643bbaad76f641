"""How well a measured file agrees with asked genres and moods, 0-1 each.

Knows line-ups, metres, the axes of moods and measures; does not know what else is asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from cantilena.score.harmony import Key
from cantilena.score.score import DRUMS
from cantilena.search.measuring import Measured, pace
from cantilena.search.tables import GROUP_OF, MOODS, OWN_GROUP, UNKNOWN
from cantilena.text.wishes import Brief


def genre(brief: Brief, measured: Measured) -> float | None:
    """The mean likeness (0-1) to the asked genres; None where none is asked for."""
    if not brief.genres:
        return None
    values = [_one_genre(name, measured) for name in brief.genres]
    return sum(values) / len(values)


def _one_genre(genre: str, measured: Measured) -> float:
    """By what the music is like, and by who plays it and in which metre where the genre lives on
    that."""
    from cantilena.systems.note.planning import GENRE_METRE

    if measured.genres is None:
        return UNKNOWN
    p = measured.genres.get(GROUP_OF[genre], 0.0)
    values = [(p / (p + 0.1), 1.0 if genre in OWN_GROUP else 0.5)]
    lineup = _lineup_by_ear if measured.kind == "audio" else _lineup
    values.append((lineup(genre, measured.instruments), 1.5))
    metre = GENRE_METRE.get(genre)
    if metre is not None and measured.metre is not None:
        top = int(measured.metre.split("/")[0])
        values.append((float(top % 3 == 0) if metre[0] % 3 == 0 else float(top % 2 == 0), 1.5))
    return sum(v * w for v, w in values) / sum(w for _, w in values)


def _lineup(genre: str, shares: dict[int, float]) -> float:
    """How near who plays is to the nearest line-up of a genre: the mean of the share of the
    line-up that plays and the share of the sounding time that is its own."""
    from cantilena.systems.note.lineups import LINEUPS

    best = 0.0
    for line in LINEUPS.get(genre, ()):
        present = sum(_plays(i, shares) for i in line) / len(line)
        own = sum(share * max(_kin(p, i) for i in line) for p, share in shares.items())
        best = max(best, (present + own) / 2)
    return best


def _lineup_by_ear(genre: str, likely: dict[int, float]) -> float:
    """The mean likelihood of who plays in the likeliest line-up of a genre."""
    from cantilena.systems.note.lineups import LINEUPS

    means = [
        sum(likely.get(i, UNKNOWN) for i in line) / len(line) for line in LINEUPS.get(genre, ())
    ]
    return max(means, default=UNKNOWN)


def _plays(instrument: int, shares: dict[int, float]) -> float:
    return max((_kin(p, instrument) for p in shares), default=0.0)


def _kin(one: int, other: int) -> float:
    """1 for the same instrument, half for one of its family."""
    if one == other:
        return 1.0
    return 0.5 if DRUMS not in (one, other) and one // 8 == other // 8 else 0.0


def mood(brief: Brief, measured: Measured) -> float | None:
    """The mean likeness (0-1) to the asked moods; None where none is asked for."""
    if not brief.moods:
        return None
    values = [_one_mood(MOODS[name], measured) for name in brief.moods]
    return sum(values) / len(values)


def _one_mood(weights: Sequence[float], measured: Measured) -> float:
    """Half, and more the more axes point the way that the mood does."""
    key = Key.from_name(measured.key) if measured.key else None
    heard: list[tuple[float, float]] = []
    for weight, value in zip(
        weights,
        (
            None if key is None else (-1.0 if key.minor else 1.0),
            pace(measured),
            _power(measured),
            None if measured.height is None else bounded((measured.height - 62) / 14),
        ),
        strict=True,
    ):
        if value is not None and weight:
            heard.append((weight, value))
    whole = sum(abs(w) for w in weights)
    agreed = sum(w * v for w, v in heard) / whole
    return 0.5 + agreed / 2


def _power(measured: Measured) -> float | None:
    """How powerful music is, -1 to 1, by loudness and by who plays."""
    if measured.power is None:
        return None
    players = 2.5 * measured.power - 1
    if measured.loudness is None:
        return bounded(players)
    return bounded((bounded((measured.loudness - 78) / 25) + bounded(players)) / 2)


def bounded(value: float) -> float:
    """The value, or the nearer of -1 and 1."""
    return min(1.0, max(-1.0, value))
